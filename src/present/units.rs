//! Numbers as a person reads them, appended to bytes.

pub mod text;

/// Appends a decimal number.
#[inline]
pub fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a decimal number with a space between groups of three digits.
pub fn grouped(out: &mut Vec<u8>, value: u64) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    for (i, digit) in digits.iter().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(b' ');
        }
        out.push(*digit);
    }
}

/// Appends the count and `name`, in the plural unless `count` is one. The severity "info" has no plural.
pub fn counted(out: &mut Vec<u8>, count: u64, name: &str) {
    grouped(out, count);
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    if count != 1 && name != "info" {
        out.push(b's');
    }
}

/// Appends a number of bytes: exact below 1000, then three digits and a binary unit.
pub fn size(out: &mut Vec<u8>, bytes: u64) {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1000 {
        number(out, bytes);
        out.extend_from_slice(b" B");
        return;
    }
    let mut unit = 1u128 << 10;
    for (i, name) in UNITS.iter().enumerate() {
        if three_digits(out, u128::from(bytes), unit) || i + 1 == UNITS.len() {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            return;
        }
        unit <<= 10;
    }
}

/// Columns that [`length`] takes at most.
pub const LENGTH: usize = 9;

/// Appends a number of bytes: exact as far as [`LENGTH`] columns do.
#[inline]
pub fn length(out: &mut Vec<u8>, bytes: u64) {
    if bytes < 1_000_000_000 { number(out, bytes) } else { size(out, bytes) }
}

/// Appends a ratio of two numbers with three digits; `-` where there is none.
pub fn ratio(out: &mut Vec<u8>, of: u64, to: u64) {
    if to == 0 {
        out.push(b'-');
    } else if !three_digits(out, u128::from(of), u128::from(to)) {
        number(out, of / to);
    }
}

/// Appends the share of a part in percent, with one decimal.
pub fn percent(out: &mut Vec<u8>, part: u64, whole: u64) {
    let mille = (u128::from(part) * 1000 + u128::from(whole) / 2).checked_div(u128::from(whole)).unwrap_or(0);
    number(out, (mille / 10) as u64);
    out.push(b'.');
    number(out, (mille % 10) as u64);
    out.extend_from_slice(b" %");
}

/// Appends nanoseconds with three digits, in at most seven columns: `472 µs`, `4.67 ms`, `16m40s`. The sign
/// is the caller's.
pub fn duration(out: &mut Vec<u8>, nanoseconds: u64, ascii: bool) {
    const SECOND: u64 = 1_000_000_000;
    let micro = if ascii { " us" } else { " µs" };
    if nanoseconds.is_multiple_of(1000) && (1000..1_000_000).contains(&nanoseconds) {
        // Most captures know no less than a microsecond: two decimals would be made up.
        number(out, nanoseconds / 1000);
        out.extend_from_slice(micro.as_bytes());
        return;
    }
    for (unit, name) in [(1, " ns"), (1000, micro), (1_000_000, " ms"), (SECOND, " s")] {
        if three_digits(out, u128::from(nanoseconds), u128::from(unit)) {
            out.extend_from_slice(name.as_bytes());
            return;
        }
    }
    let seconds = nanoseconds / SECOND;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let (big, name, small, last) = match () {
        () if minutes < 100 => (minutes, b'm', seconds % 60, b's'),
        () if hours < 100 => (hours, b'h', minutes % 60, b'm'),
        () => (days, b'd', hours % 24, b'h'),
    };
    number(out, big);
    out.push(name);
    if big < 1000 {
        out.extend_from_slice(&[b'0' + (small / 10) as u8, b'0' + (small % 10) as u8, last]);
    }
}

/// Appends nanoseconds as milliseconds with three decimals, longer ones as [`duration`] does.
pub fn milliseconds(out: &mut Vec<u8>, nanoseconds: i64, ascii: bool) {
    let n = nanoseconds.unsigned_abs();
    if nanoseconds < 0 {
        out.push(b'-');
    }
    if n >= 1_000_000_000 {
        return duration(out, n, ascii);
    }
    number(out, n / 1_000_000);
    decimals(out, n / 1000 % 1000, 3);
    out.extend_from_slice(b" ms");
}

/// Appends a point and exactly `count` digits.
#[inline]
pub fn decimals(out: &mut Vec<u8>, value: u64, count: u8) {
    let mut digits = *b".000000000";
    let mut rest = value;
    for digit in digits.iter_mut().take(usize::from(count) + 1).skip(1).rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(digits.get(..=usize::from(count)).unwrap_or_default());
}

/// Appends `value` in `unit`s, rounded to three digits; `false`, and nothing, where that takes more than
/// three digits before the point.
fn three_digits(out: &mut Vec<u8>, value: u128, unit: u128) -> bool {
    for (scale, places) in [(100, 2u8), (10, 1), (1, 0)] {
        // What cannot be smaller than the unit has no decimals.
        if unit == 1 && places > 0 {
            continue;
        }
        let scaled = (value * scale + unit / 2) / unit;
        if scaled < 1000 {
            number(out, (scaled / scale) as u64);
            if places > 0 {
                decimals(out, (scaled % scale) as u64, places);
            }
            return true;
        }
    }
    false
}

/// How many digits a number has.
#[inline]
pub fn digits(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Appends what `write` appends, moved to the right end of `width` columns. Each character of it takes one.
#[inline]
pub fn right(out: &mut Vec<u8>, width: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    let end = out.len();
    let pad = width.saturating_sub(columns(out.get(start..).unwrap_or_default()));
    if pad > 0 {
        out.resize(end + pad, b' ');
        out.copy_within(start..end, start + pad);
        if let Some(spaces) = out.get_mut(start..start + pad) {
            spaces.fill(b' ');
        }
    }
}

/// Appends what `write` appends, filled up with spaces to `width` columns. Each character of it takes one.
#[inline]
pub fn left(out: &mut Vec<u8>, width: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    let pad = width.saturating_sub(columns(out.get(start..).unwrap_or_default()));
    out.resize(out.len() + pad, b' ');
}

/// Columns of our own text.
#[inline]
pub fn columns(text: &[u8]) -> usize {
    text.iter().filter(|&&b| b & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn durations_have_three_digits() {
        for (nanoseconds, shown) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1000, "1 µs"),
            (1001, "1.00 µs"),
            (472_000, "472 µs"),
            (999_500, "1.00 ms"),
            (4_673_000, "4.67 ms"),
            (104_992_000, "105 ms"),
            (1_049_000_000, "1.05 s"),
            (999_499_999_999, "999 s"),
            (1_000_000_000_000, "16m40s"),
            (10_000_000_000_000, "2h46m"),
            (10_000_000_000_000_000, "115d17h"),
            (u64::MAX, "213503d"),
        ] {
            assert_eq!(text(|out| duration(out, nanoseconds, false)), shown, "{nanoseconds}");
        }
        assert_eq!(text(|out| duration(out, 1500, true)), "1.50 us");
        assert_eq!(text(|out| milliseconds(out, 863_400, false)), "0.863 ms");
        assert_eq!(text(|out| milliseconds(out, -1_863_400_000, false)), "-1.86 s");
    }

    #[test]
    fn sizes_and_shares() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.98 KiB"),
            (70_359, "68.7 KiB"),
            (1 << 20, "1.00 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(text(|out| size(out, bytes)), shown, "{bytes}");
        }
        assert_eq!(text(|out| grouped(out, 1_234_567)), "1 234 567");
        assert_eq!(text(|out| counted(out, 1, "frame")), "1 frame");
        assert_eq!(text(|out| counted(out, 1000, "frame")), "1 000 frames");
        assert_eq!(text(|out| percent(out, 1, 3)), "33.3 %");
        assert_eq!(text(|out| percent(out, 0, 0)), "0.0 %");
        assert_eq!(text(|out| ratio(out, 140_949, 1119)), "126");
        assert_eq!(text(|out| ratio(out, 1_000_000, 1)), "1000000");
        assert_eq!(text(|out| ratio(out, 1, 0)), "-");
    }

    #[test]
    fn cells_are_padded_by_columns_not_bytes() {
        assert_eq!(text(|out| right(out, 8, |out| out.extend_from_slice("4 µs".as_bytes()))), "    4 µs");
        assert_eq!(text(|out| left(out, 3, |out| out.extend_from_slice("→".as_bytes()))), "→  ");
        assert_eq!(text(|out| right(out, 2, |out| number(out, 12345))), "12345");
    }

    proptest! {
        #[test]
        fn a_duration_is_never_wider_than_seven_columns(nanoseconds: u64, shift in 0u32..64) {
            prop_assert!(columns(text(|out| duration(out, nanoseconds >> shift, false)).as_bytes()) <= 7);
        }

        #[test]
        fn a_duration_is_as_long_as_it_says(nanoseconds in 0u64..999_000_000_000) {
            let shown = text(|out| duration(out, nanoseconds, false));
            let (value, unit) = shown.split_once(' ').unwrap();
            let unit = match unit { "ns" => 1.0, "µs" => 1e3, "ms" => 1e6, _ => 1e9 };
            let read = value.parse::<f64>().unwrap() * unit;
            prop_assert!((read - nanoseconds as f64).abs() <= nanoseconds as f64 * 0.0051, "{}", shown);
        }

        #[test]
        fn a_number_has_as_many_digits_as_it_is_long(value: u64, shift in 0u32..64) {
            prop_assert_eq!(digits(value >> shift), (value >> shift).to_string().len());
        }
    }
}
