//! `wslens handshake` as it is run: its output on the captures of the repository, its exit codes.
//!
//! `WSLENS_BLESS=1 cargo test handshake` writes `tests/it/handshake/*.txt` again.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::forge::{
    C2S, Conversation, PcapFormat, S2C, Script, Split, accept_of, capture_of, interleave, pcap, udp_packet,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
    command.arg("handshake").args(args).args(["--glyphs", "unicode", "--color", "never"]);
    command.output().unwrap()
}

fn run_on(file: &[u8], args: &[&str]) -> Output {
    let mut capture = tempfile::NamedTempFile::new().unwrap();
    capture.write_all(file).unwrap();
    run(&[&[capture.path().to_str().unwrap()], args].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn talk(client: &str) -> Conversation {
    Conversation::new(client, "10.0.0.9:80")
}

#[test]
fn the_captures_of_the_repository_are_told_as_ever() {
    for (name, code) in
        [("wrong-accept", 1), ("refused", 0), ("chat-deflate", 0), ("connect-tunnel", 0), ("early-data", 0)]
    {
        let output = run(&[root().join("captures").join(name).join("capture.pcapng").to_str().unwrap()]);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(code), String::new()), "{name}");
        let (shown, path) = (text(&output.stdout), root().join(format!("tests/it/handshake/{name}.txt")));
        if std::env::var_os("WSLENS_BLESS").is_some() {
            fs::write(&path, &shown).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let differs = expected.lines().zip(shown.lines()).position(|(a, b)| a != b);
        assert!(
            shown == expected,
            "{name}, line {:?}: WSLENS_BLESS=1 cargo test handshake",
            differs.map(|n| n + 1)
        );
    }
}

/// The values on the way are those of another implementation of the hash.
#[test]
fn the_steps_are_right() {
    let talk = talk("10.0.0.1:50000").text(C2S, "x");
    let shown = text(&run_on(&capture_of(&[&talk]), &[]).stdout);
    let accept = accept_of(&talk.key);
    for step in [
        format!(" 1 key as sent     {}   ", talk.key),
        format!(" 2 append GUID     {}258EAFA5-E914-47DA-95CA-C5AB0DC85B11\n", talk.key),
        format!(" 4 base64          {accept}   "),
        format!(" 5 server sent     {accept}   ✓ the same\n"),
    ] {
        assert!(shown.contains(&step), "{step}\n{shown}");
    }
}

#[test]
fn answers_that_were_crossed_are_traced_to_each_other() {
    let (a, b) = (talk("10.0.0.1:50001"), talk("10.0.0.2:50002"));
    let (key_a, key_b) = (a.key.clone(), b.key.clone());
    let a = a.header(S2C, "Sec-WebSocket-Accept", &accept_of(&key_b)).text(C2S, "x");
    let b = b.header(S2C, "Sec-WebSocket-Accept", &accept_of(&key_a)).text(C2S, "x");
    let output = run_on(&capture_of(&[&a, &b]), &[]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    for (conn, packet) in [(1, 7), (2, 8)] {
        let told = format!("it is the right value for the key of connection {conn} (packet {packet})");
        assert_eq!(shown.matches(&told).count(), 1, "{shown}");
    }
}

#[test]
fn the_key_of_a_crossed_answer_may_come_later() {
    let (a, b) = (talk("10.0.0.1:50001"), talk("10.0.0.2:50002"));
    let key_b = b.key.clone();
    let a = a.header(S2C, "Sec-WebSocket-Accept", &accept_of(&key_b)).text(C2S, "x");
    let b = b.text(C2S, "x");
    let first = Script::new(&a, &Split::Writes(1460)).packets();
    let start = first.last().unwrap().time + 3_600_000_000_000;
    let second = Script::new(&b, &Split::Writes(1460)).clock(start, 100_000).packets();
    let file = pcap(&interleave([first, second]), PcapFormat::default());
    for args in [&[][..], &["--conn", "1"]] {
        let output = run_on(&file, args);
        let shown = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            shown.contains(
                "conn 1  about its Sec-WebSocket-Accept: it is the right value for the key of connection 2"
            ),
            "{shown}"
        );
    }
}

#[test]
fn a_key_that_was_used_before_is_told() {
    let a = talk("10.0.0.1:50001");
    let key = a.key.clone();
    let b = talk("10.0.0.2:50002").header(C2S, "Sec-WebSocket-Key", &key).header(
        S2C,
        "Sec-WebSocket-Accept",
        &accept_of(&key),
    );
    let output = run_on(&capture_of(&[&a.text(C2S, "x"), &b.text(C2S, "x")]), &["--conn", "2"]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(shown.contains("connection 1 (packet 7) sent the same key"), "{shown}");
    assert!(!shown.contains("conn 1  "), "only what was asked for: {shown}");
}

#[test]
fn exit_codes_tell_what_came_of_it() {
    let file = capture_of(&[&talk("10.0.0.1:50000").text(C2S, "x")]);
    let code = |output: Output| (output.status.code().unwrap(), text(&output.stderr));
    assert_eq!(code(run_on(&file, &[])), (0, String::new()));
    let missing = talk("10.0.0.1:50000").without_header(S2C, "Sec-WebSocket-Accept").text(C2S, "x");
    assert_eq!(code(run_on(&capture_of(&[&missing]), &[])).0, 1);
    assert_eq!(code(run_on(&file[..file.len() - 3], &[])).0, 5);
    assert_eq!(code(run_on(b"no capture at all, only text", &[])).0, 3);
    let (none, note) = code(run_on(&file, &["--conn", "7"]));
    assert_eq!(
        (none, note.as_str()),
        (0, "note: there is no connection 7; the capture has connections 1 to 1\n")
    );
    let ends = ["10.0.0.1:9", "10.0.0.2:9"].map(|end| end.parse().unwrap());
    let other = pcap(&[udp_packet(1, ends[0], ends[1], b"x")], PcapFormat::default());
    let (none, note) = code(run_on(&other, &[]));
    assert!(none == 0 && note.starts_with("note: no WebSocket connection found in "), "{note}");
    for args in [&[][..], &["--accept", "x"], &["--key", "x", "file"], &["--key", "x", "--conn", "1"]] {
        let (usage, error) = code(run(args));
        assert_eq!((usage, error.lines().count()), (2, 3), "{error}");
        assert!(error.starts_with("error: ") && error.contains("\n   try: wslens handshake "), "{error}");
    }
}

#[test]
fn headers_of_a_hostile_peer_do_nothing_to_the_terminal() {
    let talk = talk("10.0.0.1:50000")
        .first_line(C2S, "GET /\u{202e}red HTTP/1.1")
        .header(C2S, "X-Title", "\x1b]0;owned\x07")
        .header(S2C, "Server", "\u{9b}2J\x1b[2J")
        .text(C2S, "x");
    let output = run_on(&capture_of(&[&talk]), &[]);
    let shown = text(&output.stdout);
    assert!(shown.contains("owned") && shown.contains("2J"), "{shown}");
    assert!(shown.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{shown:?}");
}

#[test]
fn the_help_has_examples_of_both_forms() {
    let output = run(&["--help"]);
    let help = text(&output.stdout);
    assert!(
        help.contains("wslens handshake chat.pcapng") && help.contains("wslens handshake --key"),
        "{help}"
    );
    assert!(help.contains("Exit codes:"), "{help}");
}
