//! `-Y` on the command line: what goes out, what is told beside it, and the exit code.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn capture(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(folder).join("capture.pcapng")
}

/// Standard output, standard error, exit code.
fn wslens(arguments: &[&str], file: &Path) -> (String, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_wslens")).args(arguments).arg(file).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn a_wrong_filter_is_told_under_the_word_at_fault() {
    let (out, err, code) = wslens(&["read", "-Y", "opcod == text"], &capture("chat-deflate"));
    let expected = "error: unknown field \"opcod\" in filter\n   opcod == text\n   ^^^^^ did you mean: op, opcode?     \
                    all fields: wslens read --list-fields\n";
    assert_eq!((out.as_str(), err.as_str(), code), ("", expected, 2));
    for command in ["check", "stats"] {
        let (_, err, code) = wslens(&[command, "-Y", "opcod == text"], &capture("chat-deflate"));
        assert_eq!((err.as_str(), code), (expected, 2), "{command}");
    }
}

#[test]
fn a_capture_filter_on_a_file_is_an_error_that_names_the_other_one() {
    for command in ["read", "check", "stats"] {
        let (_, err, code) = wslens(&[command, "-f", "tcp port 80"], &capture("chat-deflate"));
        assert!(code == 2 && err.contains("-Y"), "{command}: {err}");
    }
}

#[test]
fn fields_are_listed_without_a_file() {
    let output = Command::new(env!("CARGO_BIN_EXE_wslens")).args(["read", "--list-fields"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for info in wslens::filter::FIELDS {
        assert!(text.lines().any(|line| line.split_whitespace().next() == Some(info.name)), "{}", info.name);
    }
}

#[test]
fn the_table_shows_rows_that_match_under_their_connection() {
    let arguments = ["read", "--format", "table", "-Y", "op in {close, pong}"];
    let (out, err, code) = wslens(&arguments, &capture("chat-deflate"));
    assert_eq!(code, 0);
    assert!(out.starts_with("conn 1  ws://127.0.0.1:18080/chat?room=1"), "{out}");
    assert_eq!(out.lines().filter(|line| line.contains("PONG")).count(), 3, "{out}");
    assert!(out.contains("answers #9, RTT 0.296 ms"), "pings count that are not shown: {out}");
    assert!(!out.contains("PING") && !out.contains("TEXT"), "{out}");
    assert!(err.starts_with("5 shown of 19 messages"), "{err}");
    let (out, err, code) =
        wslens(&["read", "--format", "table", "-Y", "conn == 99"], &capture("chat-deflate"));
    assert_eq!((out.as_str(), code), ("", 0));
    assert!(err.starts_with("0 shown of 19 messages"), "{err}");
}

#[test]
fn quiet_tells_by_the_exit_code_whether_anything_matched() {
    let ask = |filter| wslens(&["read", "-q", "-Y", filter], &capture("chat-deflate"));
    assert_eq!(ask("text contains frag"), (String::new(), String::new(), 0));
    assert_eq!(ask("text contains flag"), (String::new(), String::new(), 1));
}

#[test]
fn payloads_are_searched_beyond_what_is_printed() {
    // Message 16 has 70,056 bytes; its last ones are not printed.
    let (out, _, _) =
        wslens(&["read", "-Y", "text ~ \"你好\\\"\\}$\" and len > 70000"], &capture("chat-deflate"));
    let row: serde_json::Value = serde_json::from_str(out.trim_end()).expect(&out);
    assert_eq!((&row["msg"], &row["cut"]), (&16.into(), &true.into()));
    let (whole, _, _) = wslens(&["read"], &capture("chat-deflate"));
    assert!(whole.lines().any(|line| line == out.trim_end()), "a row is the same with a filter and without");
}

#[test]
fn what_is_not_known_is_told() {
    let (out, err, code) =
        wslens(&["read", "-Y", "payload contains nothing-like-this"], &capture("gap-plain"));
    assert_eq!((out.as_str(), code), ("", 0));
    assert!(err.contains("2 rows are not shown because the filter cannot be decided"), "{err}");
}

#[test]
fn check_judges_by_the_findings_that_are_chosen() {
    let file = capture("violations");
    let (_, _, code) = wslens(&["check"], &file);
    assert_eq!(code, 1);
    let (out, err, code) = wslens(&["check", "-Y", "code == unmasked-client-frame"], &file);
    assert_eq!((out.lines().count(), code), (1, 1), "{err}");
    let (out, err, code) = wslens(&["check", "-Y", "conn == 99"], &file);
    assert_eq!((out.as_str(), code), ("", 0), "{err}");
    assert!(err.starts_with("0 findings"), "{err}");
}

#[test]
fn stats_counts_the_connections_that_match() {
    let count = |filter: Option<&str>| {
        let arguments = match filter {
            Some(filter) => vec!["stats", "--format", "ndjson", "-Y", filter],
            None => vec!["stats", "--format", "ndjson"],
        };
        let (out, err, code) = wslens(&arguments, &capture("close-codes"));
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    let rows = |filter: &str| {
        let (out, _, _) = wslens(&["read", "--level", "connections", "-Y", filter], &capture("close-codes"));
        let rows: Vec<serde_json::Value> =
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rows
    };
    let key = |value: &serde_json::Value, dir: &str| value["messages"][dir].as_u64().unwrap();
    for filter in ["close.code == 1000", "text contains a", "state == closed and host == 127.0.0.1"] {
        let (stats, rows) = (count(Some(filter)), rows(filter));
        for dir in ["c2s", "s2c"] {
            let sum: u64 = rows.iter().map(|row| key(row, dir)).sum();
            assert_eq!(messages(&stats, dir), sum, "{filter}: {stats}");
        }
    }
    assert_eq!(count(Some("conn >= 1")), count(None), "a filter that all match changes nothing");
}

fn messages(stats: &serde_json::Value, dir: &str) -> u64 {
    stats["messages"][dir].as_u64().unwrap_or_else(|| panic!("{stats}"))
}

#[test]
fn a_pipe_is_read_once() {
    let run = |filter: &str, level: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
        command.args(["read", "-", "-l", level, "-Y", filter]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let file = std::fs::read(capture("chat-deflate")).unwrap();
        // It may stop reading early.
        let _ = child.stdin.take().unwrap().write_all(&file);
        let output = child.wait_with_output().unwrap();
        (String::from_utf8(output.stdout).unwrap().lines().count(), output.status.code().unwrap())
    };
    assert_eq!(run("text contains frag", "messages"), (2, 0));
    assert_eq!(run("text contains frag", "connections"), (1, 0));
    assert_eq!(run("text contains frag", "frames"), (0, 2));
}
