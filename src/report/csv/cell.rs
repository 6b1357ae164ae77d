//! CSV cells (RFC 4180) that a spreadsheet does not take for formulas.

/// Appends `text` as one cell; the commas and the CRLF between cells are the caller's.
///
/// A cell that begins with `=`, `+`, `-`, `@`, TAB, CR, LF or NUL gets a leading `'`, unless it is a
/// number: spreadsheets take such cells for formulas. One that holds a quote, a comma or a line break,
/// or that white space begins or ends, is quoted.
pub fn csv_cell(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let danger = matches!(bytes.first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n' | 0))
        && !is_number(bytes);
    let space = |b: Option<&u8>| b.is_some_and(u8::is_ascii_whitespace);
    let quoted = space(bytes.first())
        || space(bytes.last())
        || memchr::memchr3(b'"', b',', b'\n', bytes).is_some()
        || memchr::memchr(b'\r', bytes).is_some();
    if quoted {
        out.push(b'"');
    }
    if danger {
        out.push(b'\'');
    }
    if quoted {
        let mut rest = bytes;
        while let Some((head, tail)) = memchr::memchr(b'"', rest).and_then(|at| rest.split_at_checked(at + 1))
        {
            out.extend_from_slice(head);
            out.push(b'"');
            rest = tail;
        }
        out.extend_from_slice(rest);
        out.push(b'"');
    } else {
        out.extend_from_slice(bytes);
    }
}

/// Whether `bytes` are one decimal number: a sign, digits, a fraction, an exponent.
fn is_number(bytes: &[u8]) -> bool {
    let unsigned = |b: &[u8]| !b.is_empty() && b.iter().all(u8::is_ascii_digit);
    let unsign = |b: &'_ [u8]| usize::from(matches!(b.first(), Some(b'+' | b'-')));
    let body = bytes.get(unsign(bytes)..).unwrap_or_default();
    let mut parts = body.splitn(2, |b| matches!(b, b'e' | b'E'));
    let (mantissa, exponent) = (parts.next().unwrap_or_default(), parts.next());
    let mut digits = mantissa.splitn(2, |&b| b == b'.');
    let exponent_is_number = exponent.is_none_or(|e| unsigned(e.get(unsign(e)..).unwrap_or_default()));
    exponent_is_number && digits.next().is_some_and(unsigned) && digits.next().is_none_or(unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cell(text: &str) -> String {
        let mut out = Vec::new();
        csv_cell(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    /// One record read back by the grammar of RFC 4180.
    fn read(record: &str) -> Vec<String> {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = record.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' if quoted => quoted = false,
                '"' if cell.is_empty() => quoted = true,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                '\r' | '\n' if !quoted => panic!("a line break outside quotes"),
                other => cell.push(other),
            }
        }
        cells.push(cell);
        cells
    }

    #[test]
    fn a_formula_is_defused_and_a_number_is_not() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("@sum,\"x\""), "\"'@sum,\"\"x\"\"\"");
        assert_eq!(cell("+cmd"), "'+cmd");
        assert_eq!(cell("\0x"), "'\0x");
        assert_eq!(cell("\tx"), "\"'\tx\"");
        for number in ["-1", "+1.5", "-2e-9", "3", "-0.000001"] {
            assert_eq!(cell(number), number);
        }
        for odd in ["-", "-1+2", "+1.", "-e5", "-1e", "--1", "-1e5e5"] {
            assert_eq!(cell(odd), format!("'{odd}"));
        }
    }

    #[test]
    fn plain_cells_are_left_alone() {
        assert_eq!(cell("完成 done"), "完成 done");
        assert_eq!(cell(""), "");
        assert_eq!(cell("a\nb"), "\"a\nb\"");
    }

    proptest! {
        #[test]
        fn cells_read_back_the_same(texts in prop::collection::vec("[a-c=+\\-@\",\r\n \t1.中]{0,8}", 1..5)) {
            let mut record = Vec::new();
            for (i, text) in texts.iter().enumerate() {
                if i > 0 {
                    record.push(b',');
                }
                csv_cell(&mut record, text);
            }
            let back = read(std::str::from_utf8(&record).unwrap());
            prop_assert_eq!(back.len(), texts.len());
            for (text, back) in texts.iter().zip(back) {
                prop_assert!(back == *text || back == format!("'{text}"), "{:?} {:?}", text, back);
                prop_assert!(!back.starts_with(['=', '@', '\t', '\r', '\n']));
                prop_assert!(!back.starts_with(['+', '-']) || back.parse::<f64>().is_ok());
            }
        }
    }
}
