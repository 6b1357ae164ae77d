use super::*;
use crate::pipeline::Limits;
use crate::report::Report as _;
use crate::report::capture_tests as trial;
use crate::report::ndjson::Ndjson;
use serde_json::Value;

/// The records of a CSV file by the grammar of RFC 4180.
fn parse(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            ',' if !quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.next() == Some('\n') => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            '\r' | '\n' if !quoted => panic!("a bare line end"),
            other => cell.push(other),
        }
    }
    assert!(cell.is_empty() && record.is_empty() && !quoted, "the last line ends");
    records
}

fn csv(name: &str, level: Levels, payload: PayloadMode) -> Vec<Vec<String>> {
    let selection = Selection { levels: level, payload, ..Selection::default() };
    let (mut out, limits) = (Vec::new(), limits(payload));
    let mut csv = Csv::new(&mut out, selection, false);
    let summary = trial::run(name, limits, &mut csv, |_, _, _| {});
    let matched = csv.matched();
    csv.finish(&summary).unwrap();
    let records = parse(&String::from_utf8(out).unwrap());
    assert_eq!(records.len() as u64, matched + 1);
    records
}

fn limits(payload: PayloadMode) -> Limits {
    let mut limits = Limits::default();
    limits.depth.hash = payload == PayloadMode::Hash;
    limits
}

fn ndjson(name: &str, level: Levels, payload: PayloadMode) -> Vec<Value> {
    let selection = Selection { levels: level, payload, ..Selection::default() };
    let mut out = Vec::new();
    let mut ndjson = Ndjson::new(&mut out, selection, false);
    let summary = trial::run(name, limits(payload), &mut ndjson, |_, _, _| {});
    ndjson.finish(&summary).unwrap();
    out.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
}

/// What a cell has to be, given the value of the machine output.
fn expected(column: &str, object: &Value) -> Option<String> {
    let mut value = object;
    for key in column.split('.') {
        value = value.get(key).unwrap_or(&Value::Null);
    }
    match (column, value) {
        ("tunnelled", Value::Null) => Some("false".into()),
        ("cut", Value::Null) => Some("false".into()),
        (_, Value::Null) => Some(String::new()),
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Number(number)) if column == "rtt" => Some(format!("{:.9}", number.as_f64().unwrap())),
        (_, Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    }
}

#[test]
fn cells_are_the_values_of_the_machine_output() {
    let captures = [
        "chat-deflate",
        "close-codes",
        "refused",
        "gap-plain",
        "gap-deflate",
        "violations",
        "connect-tunnel",
    ];
    for name in captures {
        for level in [Levels::CONNECTIONS, Levels::MESSAGES, Levels::FRAMES, Levels::FINDINGS] {
            for payload in [PayloadMode::Full, PayloadMode::Preview, PayloadMode::Hash, PayloadMode::None] {
                let (records, objects) = (csv(name, level, payload), ndjson(name, level, payload));
                assert_eq!(records.len(), objects.len() + 1, "{name} {level:?}");
                let columns = columns(level).unwrap();
                assert_eq!(records[0], columns);
                for (record, object) in records[1..].iter().zip(&objects) {
                    assert_eq!(record.len(), columns.len(), "{record:?}");
                    let hostile = object["text"].as_str().is_some_and(|text| hazards(text).is_some());
                    for (column, cell) in columns.iter().zip(record) {
                        if (hostile && ["text", "hex", "cut"].contains(column)) || *column == "extensions" {
                            continue;
                        }
                        let Some(expected) = expected(column, object) else { panic!("{column} {object}") };
                        // What a spreadsheet would take for a formula is defused; unsafe characters are shown.
                        let expected = if ["close_reason", "close.reason"].contains(column)
                            && object[column].is_null()
                        {
                            continue;
                        } else {
                            expected
                        };
                        assert!(
                            cell == &expected || cell == &format!("'{expected}"),
                            "{name} {level:?} {column}: {cell:?} {expected:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn text_that_a_terminal_would_obey_is_in_hexadecimal() {
    let records = csv("chat-deflate", Levels::MESSAGES, PayloadMode::Full);
    let at = |name| MESSAGES.iter().position(|column| *column == name).unwrap();
    let row = &records[3];
    assert_eq!(row[at("text")], "");
    assert!(row[at("hex")].starts_with("1b5b33316d726564"), "{row:?}");
    let all: String = records.concat().concat();
    assert!(!all.contains('\x1b'));
    let row = &csv("chat-deflate", Levels::CONNECTIONS, PayloadMode::Full)[1];
    let at = CONNECTIONS.iter().position(|column| *column == "extensions").unwrap();
    assert_eq!(row[at], "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12");
}

#[test]
fn records_of_all_levels_have_no_columns() {
    assert!(columns(Levels::ALL).is_none());
    let mut out = Vec::new();
    let selection = Selection { levels: Levels::ALL, ..Selection::default() };
    Csv::new(&mut out, selection, false).finish(&Summary::default()).unwrap();
    assert!(out.is_empty());
}
