//! JSON strings and CSV cells are read back as they were.

use wslens::json::json_string;
use wslens::report::csv::csv_cell;

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut out = b"before".to_vec();
    json_string(&mut out, &text);
    let json = std::str::from_utf8(&out[6..]).expect("UTF-8 in, UTF-8 out");
    assert!(out.starts_with(b"before"));
    assert!(!json.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{json:?}");
    assert_eq!(serde_json::from_str::<String>(json).expect("it is JSON"), text);

    let mut row = Vec::new();
    csv_cell(&mut row, &text);
    row.push(b',');
    csv_cell(&mut row, "second");
    let cells = read_csv(std::str::from_utf8(&row).expect("UTF-8 in, UTF-8 out"));
    assert_eq!(cells.len(), 2, "{row:?}");
    assert_eq!(cells[1], "second");
    let back = &cells[0];
    assert!(*back == text || back.strip_prefix('\'') == Some(&text), "{back:?} was {text:?}");
    assert!(!back.starts_with(['=', '@', '\t', '\r', '\n', '\0']), "{back:?}");
    assert!(!back.starts_with(['+', '-']) || back.parse::<f64>().is_ok(), "{back:?}");
}

/// One record by the grammar of RFC 4180.
pub fn read_csv(record: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted, mut fresh) = (Vec::new(), String::new(), false, true);
    let mut chars = record.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' if quoted => quoted = false,
            '"' if fresh => quoted = true,
            ',' if !quoted => {
                cells.push(std::mem::take(&mut cell));
                fresh = true;
                continue;
            }
            '\r' | '\n' | '"' if !quoted => panic!("{char:?} outside quotes in {record:?}"),
            other => cell.push(other),
        }
        fresh = false;
    }
    cells.push(cell);
    cells
}
