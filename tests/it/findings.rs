//! Every rule: a capture that breaks it, with exactly the findings expected, and one that comes near and
//! must not be told of.

pub mod answers;
mod http2;
pub mod make;
mod memory;
mod protocol;
mod transport;

use std::collections::BTreeSet;

use wslens::capture::Capture;
use wslens::model::Rule;
use wslens::pipeline::Limits;
use wslens::report::{Levels, PayloadMode};

use crate::read::{Output, read, read_as};
use crate::support::forge::{BINARY, C2S, Conversation, Frame, Packet, S2C, Script, Split, ipv4_fragments};
use answers::of_answers;
use http2::of_http2;
use make::{Case, File, chat, script, talk};
use protocol::*;
use transport::*;

/// Rules that this engine does not fire, and why.
const EXCLUDED: &[(&str, &str)] = &[
    ("capture-kernel-drops", "a capturing program's counters: see the tests of live captures"),
    ("capture-queue-drops", "a spool that is too small: see the tests of live captures"),
    ("archive-bomb", "of packed files: see the tests of limits"),
    ("capture-bad-magic", "told by the program: there is no capture to read"),
    ("tls-no-secret", "of TLS: see its tests, and those of wss"),
    ("tls-unsupported", "of TLS: see its tests, and those of wss"),
    ("tls-record-damaged", "of TLS: see its tests, and those of wss"),
    ("tls-records-lost", "of TLS: see its tests, and those of wss"),
    ("tls-lost", "of TLS: see its tests, and those of wss"),
    ("tls-incomplete-record", "of TLS: see its tests, and those of wss"),
    ("tls-alert", "of TLS: see its tests, and those of wss"),
    ("tls-early-data", "of TLS: see its tests, and those of wss"),
    ("tls-renegotiated", "of TLS: see its tests, and those of wss"),
    ("keylog-broken-line", "of TLS: see its tests, and those of wss"),
    ("keylog-unusable", "of TLS: see its tests, and those of wss"),
    ("keylog-readable", "told by the program, on standard error"),
];

fn all() -> Vec<Case> {
    [
        of_the_capture_file(),
        of_packets(),
        of_tcp(),
        of_requests(),
        of_responses(),
        of_answers(),
        of_frames(),
        of_messages(),
        of_the_end(),
        of_http2(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The codes of a capture's findings.
fn codes(output: &Output) -> BTreeSet<&str> {
    output.codes().into_iter().collect()
}

#[test]
fn each_rule_is_told_where_it_is_broken_and_nothing_else_is() {
    let mut wrong = vec![];
    for case in all() {
        let output = read(case.breaks);
        let expected: BTreeSet<&str> = case.with.iter().copied().chain([case.code]).collect();
        if codes(&output) != expected {
            wrong.push(format!("{}: told {:?}, expected {expected:?}", case.code, codes(&output)));
        }
        for finding in output.findings(case.code) {
            let text = finding["text"].as_str().unwrap();
            assert!(text.len() > 10 && !text.ends_with('.') && !text.contains('\n'), "{text}");
            assert!(
                finding["packet"].as_u64().unwrap() > 0 || case.code.starts_with("capture-"),
                "{finding}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_rule_is_told_where_it_is_only_nearly_broken() {
    let mut wrong = vec![];
    for case in all() {
        let output = read(case.near);
        if !output.findings(case.code).is_empty() {
            wrong.push(format!("{}: {:?}", case.code, output.findings(case.code)));
        }
        // Whatever it comes near to, it is no other error either.
        for error in output.kind("finding").filter(|finding| finding["severity"] == "error") {
            if case.code != "desynchronised" && case.code != "ip-fragment-overlap" {
                wrong.push(format!("{}: {error}", case.code));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case_or_a_reason() {
    let rules = wslens::pipeline::RULES.iter().chain([&wslens::capture::rules::ALL]).copied().flatten();
    let rules: BTreeSet<&str> = rules.map(|rule: &&Rule| rule.code).collect();
    let with_limits = [
        "h2-limit-streams",
        "limit-connections",
        "limit-stream-memory",
        "limit-total-memory",
        "flow-timeout",
        "message-limit",
        "inflate-limit",
    ];
    let cases = all();
    let tested: BTreeSet<&str> = cases.iter().map(|case| case.code).chain(with_limits).collect();
    assert_eq!(tested.len(), cases.len() + with_limits.len(), "no rule twice");
    let excluded: BTreeSet<&str> = EXCLUDED.iter().map(|(code, _)| *code).collect();
    assert!(tested.is_disjoint(&excluded));
    let told: BTreeSet<&str> = tested.union(&excluded).copied().collect();
    assert_eq!(told, rules);
}

fn limited(file: impl Into<File>, limits: Limits) -> Output {
    let capture = Capture::from_bytes(file.into().0).unwrap();
    read_as(capture, limits, Levels::ALL, PayloadMode::Full)
}

#[test]
fn a_stream_that_waits_for_too_much_is_given_up_and_told() {
    let mut talk = talk();
    for _ in 0..40 {
        talk = talk.binary(S2C, &[7; 1000]);
    }
    // Nobody acknowledges the lost segment, so it may still come.
    let script = script(&talk.no_close());
    let lost = script.data(S2C)[1];
    let script = script.lose(lost);
    let small = Limits { held_bytes: 20_000, ..Limits::default() };
    let output = limited(script.clone(), small);
    assert_eq!(output.findings("limit-stream-memory").len(), 1, "{:?}", output.codes());
    assert_eq!(output.findings("tcp-gap").len(), 1);
    let roomy = Limits { held_bytes: 60_000, ..Limits::default() };
    assert_eq!(limited(script, roomy).findings("limit-stream-memory").len(), 0);
}

/// SYNs from this many clients, then a conversation.
fn flood(count: usize) -> Vec<Packet> {
    let mut packets = vec![];
    for i in 0..count {
        let talk = Conversation::new(
            &format!("10.{}.{}.{}:1000", 1 + i / 65_536, i / 256 % 256, i % 256),
            "10.0.0.2:80",
        );
        let script =
            Script::new(&talk, &Split::Writes(1460)).clock(1_767_225_600_000_000_000 + i as i64 * 1000, 1);
        packets.extend(script.with(|pieces| pieces.truncate(1)).packets());
    }
    let start = 1_767_225_600_000_000_000 + count as i64 * 1000;
    packets.extend(script(&chat().closed(1000)).clock(start, 1000).packets());
    packets
}

#[test]
fn a_full_table_makes_room_and_is_told() {
    let output = limited(flood(3000), Limits { flows: 2000, ..Limits::default() });
    assert_eq!(codes(&output), ["limit-connections"].into());
    assert_eq!(output.messages().len(), 5, "the conversation after the flood is read");
    let output = limited(flood(1900), Limits { flows: 2000, ..Limits::default() });
    assert_eq!(codes(&output), BTreeSet::new());
}

#[test]
fn a_connection_that_falls_silent_is_ended_and_told() {
    let quiet = Conversation::new("10.0.0.9:50000", "10.0.0.2:80").text(C2S, "good night").no_close();
    let quiet = script(&quiet).packets();
    // An hour later others are busy.
    let mut busy = flood(3000);
    busy.truncate(3000);
    for packet in &mut busy {
        packet.time += 3600 * 1_000_000_000;
    }
    let packets = [flood(0)[..1].to_vec(), quiet, busy].concat();
    let output = limited(
        packets.clone(),
        Limits { idle_websocket: wslens::model::Nanos::seconds(60), ..Limits::default() },
    );
    assert_eq!(output.findings("flow-timeout").len(), 1, "{:?}", output.codes());
    let first =
        output.connections().iter().find(|c| c["client"] == "10.0.0.9:50000").unwrap()["state"].clone();
    assert_eq!(first, "timed-out");
    let patient = limited(packets, Limits::default());
    assert_eq!(patient.findings("flow-timeout").len(), 0, "an idle WebSocket is normal");
}

#[test]
fn a_message_whose_packets_are_gone_is_told_as_cut() {
    let (before, pieces, after) = fragmented();
    // The datagram that was put together is forgotten before the message is whole.
    let talk = talk().split(C2S, BINARY, &[9; 9000], &[]).closed(1000);
    let packets = script(&talk).packets();
    let packets: Vec<Packet> = packets
        .into_iter()
        .flat_map(|packet| if packet.bytes.len() > 700 { ipv4_fragments(&packet, 700) } else { vec![packet] })
        .collect();
    let mut limits = Limits::default();
    limits.fragments.kept = 4000;
    let output = limited(packets.clone(), limits);
    assert_eq!(codes(&output), ["message-limit"].into());
    assert_eq!(output.said(1, "c2s")[0].integrity, "cut");
    assert_eq!(codes(&limited(packets, Limits::default())), BTreeSet::new());
    assert_eq!(codes(&limited([before, pieces, after].concat(), Limits::default())), BTreeSet::new());
}

#[test]
fn a_rule_is_listed_a_hundred_times_and_counted_always() {
    let talk = (0..250).fold(talk(), |talk, _| talk.pong(S2C, b"")).closed(1000);
    let output = read(File::from(talk).0);
    assert_eq!(output.findings("unsolicited-pong").len(), 100);
    assert_eq!(output.connections()[0]["findings"]["info"], 250);
    assert_eq!(output.summary()["findings"]["info"], 250);
}

#[test]
fn a_finding_stands_at_the_packet_that_shows_it() {
    let talk = chat().frame(S2C, &Frame::new(3, "odd")).closed(1000);
    let script = script(&talk);
    let at = script.piece_at(S2C, talk.frames.iter().find(|frame| frame.op == 3).unwrap().at);
    let output = read(File::from(script).0);
    let [finding] = output.findings("reserved-opcode")[..] else { panic!("one finding") };
    assert_eq!(finding["packet"].as_u64(), Some(at as u64 + 1));
    assert_eq!((&finding["frame"], &finding["msg"]), (&4.into(), &4.into()));
    let frame = output.frames()[3];
    assert_eq!(finding["offset"], frame["offset"]);
    assert_eq!(finding["time"], frame["time"]);
}
