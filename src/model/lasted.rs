//! A duration in words.

use super::Nanos;

/// Returns a duration in words: `310 ms`, `60.0 s`, `412 s`, `15.0 min`, `2.0 h`.
#[must_use]
pub fn lasted(duration: Nanos) -> String {
    let nanoseconds = duration.0;
    let tenths = |unit: i64| {
        let value = nanoseconds.saturating_add(unit / 20) / (unit / 10);
        format!("{}.{}", value / 10, value % 10)
    };
    const SECOND: i64 = 1_000_000_000;
    match nanoseconds {
        n if n < SECOND / 1_000 => format!("{} µs", n.max(0) / 1_000),
        n if n < SECOND => format!("{} ms", n / 1_000_000),
        n if n < 200 * SECOND => format!("{} s", tenths(SECOND)),
        n if n < 600 * SECOND => format!("{} s", n.saturating_add(SECOND / 2) / SECOND),
        n if n < 7_200 * SECOND => format!("{} min", tenths(60 * SECOND)),
        _ => format!("{} h", tenths(3_600 * SECOND)),
    }
}
