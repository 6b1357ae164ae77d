//! The same numbers as strings.

use crate::model::{Lang, Nanos, Time};
use crate::present::units;

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// `1 234 567`
#[must_use]
pub fn grouped(value: u64) -> String {
    text(|out| units::grouped(out, value))
}

/// A count in a cell of `columns`, the first of which stays free: exact if it fits, else rounded down as in `10.4M`.
#[must_use]
pub fn count(value: u64, columns: usize) -> String {
    let exact = value.to_string();
    if exact.len() < columns {
        return exact;
    }
    let units = [(1_000, 'k'), (1_000_000, 'M'), (1_000_000_000, 'G'), (1_000_000_000_000, 'T')];
    let fits = |(unit, name): (u64, char)| {
        let whole = value / unit;
        let tenth = format!("{whole}.{}{name}", value / (unit / 10) % 10);
        let texts = [tenth, format!("{whole}{name}")];
        texts.into_iter().find(|text| whole < 1000 && text.len() < columns)
    };
    units.into_iter().find_map(fits).unwrap_or(exact)
}

/// `1 frame`, `2 frames`
#[must_use]
pub fn counted(count: u64, name: &str) -> String {
    text(|out| units::counted(out, count, name))
}

/// `2 frames`, `2 个帧`: with the measure word in Chinese.
#[must_use]
pub fn counted_in(lang: Lang, count: u64, en: &str, zh: &str) -> String {
    match lang {
        Lang::En => counted(count, en),
        Lang::Zh => format!("{} {zh}", grouped(count)),
    }
}

/// `999 B`, `68.7 KiB`
#[must_use]
pub fn size(bytes: u64) -> String {
    text(|out| units::size(out, bytes))
}

/// A size in few columns, `999 B`, `68.7 K`.
#[must_use]
pub fn short_size(bytes: u64) -> String {
    let size = size(bytes);
    size.strip_suffix("iB").unwrap_or(&size).to_owned()
}

/// A length: exact if it fits into nine columns.
#[must_use]
pub fn length(bytes: u64) -> String {
    text(|out| units::length(out, bytes))
}

/// `12.3 %`
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    text(|out| units::percent(out, part, whole))
}

/// A ratio with three digits; `-` if there is none.
#[must_use]
pub fn ratio(of: u64, to: u64) -> String {
    text(|out| units::ratio(out, of, to))
}

/// Nanoseconds with three digits: `472 µs`.
#[must_use]
pub fn duration(nanoseconds: u64) -> String {
    text(|out| units::duration(out, nanoseconds, false))
}

/// Nanoseconds with three digits and a sign: `+472 µs`.
#[must_use]
pub fn delta(time: Nanos) -> String {
    let sign = if time < Nanos::ZERO { '-' } else { '+' };
    format!("{sign}{}", duration(time.0.unsigned_abs()))
}

/// Nanoseconds as milliseconds with three decimals: `0.863 ms`.
#[must_use]
pub fn milliseconds(time: Nanos) -> String {
    text(|out| units::milliseconds(out, time.0, false))
}

/// Seconds since `begin` with six decimals.
#[must_use]
pub fn relative(time: Time, begin: Time) -> String {
    let since = time.since(begin);
    let n = since.0.unsigned_abs();
    let sign = if since < Nanos::ZERO { "-" } else { "" };
    format!("{sign}{}.{:06}", n / 1_000_000_000, n / 1000 % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_are_too_long_are_rounded_and_never_cut() {
        let cases = [
            (0, "0"),
            (99_999, "99999"),
            (100_000, "100k"),
            (999_999, "999k"),
            (1_049_472, "1.0M"),
            (10_494_720, "10.4M"),
            (104_947_200, "104M"),
            (u64::from(u32::MAX), "4.2G"),
        ];
        for (value, text) in cases {
            assert_eq!(count(value, 6), text);
        }
        assert_eq!((count(999_999, 7), count(1_000_000, 7)), ("999999".to_owned(), "1.0M".to_owned()));
    }
}
