//! Captures made by the frame builder, read again by the whole engine and by tshark.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use wslens::build::{Draft, EXPERIMENTS, pcapng};
use wslens::model::{Direction, Severity};

use crate::read::read;

/// What the engine finds in a capture: codes that are more than a note, and each message's opcode and text.
fn engine(capture: &[u8]) -> (Vec<String>, Vec<String>) {
    let output = read(capture.to_vec());
    let records: Vec<Value> = output.records;
    let of =
        |kind: &str| records.iter().filter(move |record| record["kind"] == kind).cloned().collect::<Vec<_>>();
    let findings = of("finding");
    let mut codes: Vec<String> = findings
        .iter()
        .filter(|finding| finding["severity"] != "info")
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect();
    codes.dedup();
    let messages = of("message")
        .iter()
        .map(|message| format!("{} {}", message["dir"].as_str().unwrap(), message["op"].as_str().unwrap()))
        .collect();
    (codes, messages)
}

#[test]
fn each_experiment_breaks_its_rule_alone_in_a_whole_capture() {
    let bases = [
        Draft::default(),
        Draft {
            direction: Direction::ServerToClient,
            key: None,
            payload: b"From the server".to_vec(),
            ..Draft::default()
        },
    ];
    for base in &bases {
        for experiment in EXPERIMENTS {
            let draft = experiment.apply(base);
            let (mut codes, messages) = engine(&pcapng(&draft).unwrap());
            // What follows from such a length in the same direction cannot be read.
            codes.retain(|code| code != "desynchronised");
            let expected: Vec<&str> = experiment
                .rule
                .filter(|rule| rule.severity > Severity::Info)
                .map(|rule| rule.code)
                .into_iter()
                .collect();
            assert_eq!(codes, expected, "{} on {base:?}: {messages:?}", experiment.name);
        }
    }
}

#[test]
fn a_saved_connection_has_a_handshake_an_answer_and_an_end() {
    let (codes, messages) = engine(&pcapng(&Draft::default()).unwrap());
    assert_eq!((codes.len(), messages.join(", ").as_str()), (0, "c2s text, c2s close, s2c close"));
    let ping = Draft { opcode: 9, ..Draft::default() };
    assert_eq!(engine(&pcapng(&ping).unwrap()).1.join(", "), "c2s ping, s2c pong, c2s close, s2c close");
    let large = Draft { payload: vec![b'x'; 100_000], fragments: 7, ..Draft::default() };
    let (codes, messages) = engine(&pcapng(&large).unwrap());
    assert_eq!((codes.len(), messages.len()), (0, 3));
}

/// The frames that tshark sees: FIN, RSV, opcode, MASK; none where it is not installed.
fn tshark(capture: &[u8]) -> Option<Vec<String>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(capture).unwrap();
    let fields = ["websocket.fin", "websocket.rsv", "websocket.opcode", "websocket.mask"];
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", "websocket", "-T", "fields", "-E", "separator=;", "-r"]).arg(file.path());
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn tshark_opens_what_was_saved_and_sees_the_same_frames() {
    let Some(plain) = tshark(&pcapng(&Draft::default()).unwrap()) else {
        eprintln!("skipped: tshark is not installed");
        return;
    };
    let close = ["1;0x00;8;1", "1;0x00;8;0"];
    let same = |found: &[String], first: &[&str]| {
        let bare: Vec<String> =
            found.iter().map(|line| line.replace("True", "1").replace("False", "0")).collect();
        let expected: Vec<&str> = first.iter().chain(&close).copied().collect();
        assert_eq!(bare, expected);
    };
    same(&plain, &["1;0x00;1;1"]);
    let fragments = Draft { fragments: 3, ..Draft::default() };
    same(&tshark(&pcapng(&fragments).unwrap()).unwrap(), &["0;0x00;1;1", "0;0x00;0;1", "1;0x00;0;1"]);
    let deflate = Draft { rsv: 4, deflate: true, ..Draft::default() };
    same(&tshark(&pcapng(&deflate).unwrap()).unwrap(), &["1;0x04;1;1"]);
}
