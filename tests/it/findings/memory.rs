//! `limit-total-memory`: what all connections hold together is bounded, and what is given up is told.

use wslens::pipeline::Limits;

use super::{codes, limited};
use crate::read::Output;
use crate::support::forge::{
    BINARY, C2S, CONTINUATION, Conversation, DeflateSpec, Packet, S2C, Script, Split, TEXT, interleave,
};

/// This many connections at the same time.
fn many(count: usize, talk: impl Fn(Conversation) -> Script) -> Vec<Packet> {
    interleave((0..count).map(|i| {
        let talk = talk(Conversation::new(&format!("10.0.1.{i}:1000"), "10.0.0.2:80"));
        talk.clock(1_767_225_600_000_000_000 + i as i64, 1_000_000).packets()
    }))
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460))
}

fn with(memory: u64, packets: &[Packet]) -> Output {
    limited(packets.to_vec(), Limits { memory, ..Limits::default() })
}

#[test]
fn holes_are_given_up_first_the_largest_and_no_more_than_needed() {
    // Each waits for a segment that nobody acknowledged; one waits with more than all others.
    let packets = many(6, |talk| {
        let len = if talk.client.to_string().contains("10.0.1.3") { 50_000 } else { 8000 };
        let script = script(&talk.binary(S2C, &vec![7; len]).no_close());
        let lost = script.data(S2C)[1];
        script.lose(lost)
    });
    let output = with(80_000, &packets);
    let told = output.findings("limit-total-memory");
    assert_eq!(told.len(), 1, "{told:?}");
    let largest = output.connections().into_iter().find(|c| c["client"] == "10.0.1.3:1000").unwrap();
    assert_eq!(told[0]["conn"], largest["conn"]);
    assert!(told[0]["text"].as_str().unwrap().contains("hold over 80000 bytes"), "{}", told[0]);
    // The gap is one of its own as ever, and what came behind it is read.
    assert_eq!(output.findings("tcp-gap").len(), 6);
    assert!(!codes(&with(120_000, &packets)).contains("limit-total-memory"));
}

#[test]
fn then_payloads_are_given_up_and_messages_keep_their_length_and_hash() {
    let fragments = |talk: Conversation| {
        (0..200).fold(talk.part(C2S, TEXT, false, b"begin"), |talk, i| {
            talk.part(C2S, CONTINUATION, i == 199, &[b'a' + (i % 26) as u8; 100])
        })
    };
    let packets = many(10, |talk| script(&fragments(talk).text(S2C, "after").no_close()));
    let mut limits = Limits { memory: 20_000, ..Limits::default() };
    limits.depth.hash = true;
    let output = limited(packets.clone(), limits.clone());
    assert!(!output.findings("limit-total-memory").is_empty());
    assert_eq!(codes(&output), ["limit-total-memory"].into(), "nothing else is wrong");
    limits.memory = 10 << 20;
    let free = limited(packets, limits);
    assert_eq!(codes(&free), [].into());
    let hashes = |output: &Output| {
        let mut all: Vec<String> = output
            .kind("message")
            .map(|m| format!("{} {} {} {} {}", m["conn"], m["dir"], m["len"], m["sha256"], m["integrity"]))
            .collect();
        all.sort();
        all
    };
    assert_eq!(hashes(&output), hashes(&free), "length and hash are exact");
    let cut = |output: &Output| output.kind("message").filter(|message| message["cut"] == true).count();
    assert!(cut(&output) > 0 && cut(&free) == 0);
}

#[test]
fn then_windows_are_given_up_and_nothing_false_is_read_after_that() {
    let text = "the same words, again and again, so that each message refers to the one before it";
    let packets = many(8, |talk| {
        script(&(0..4).fold(talk.deflate(DeflateSpec::default()), |talk, _| talk.text(S2C, text)).no_close())
    });
    let output = with(6000, &packets);
    assert!(!output.findings("limit-total-memory").is_empty());
    let (mut sure, mut unknown) = (0, 0);
    for message in output.messages() {
        match message.integrity.as_str() {
            "ok" => {
                assert_eq!(message.bytes, text.as_bytes());
                sure += 1;
            }
            "unknown-dictionary" => unknown += 1,
            other => panic!("{other}"),
        }
        assert!(message.integrity == "ok" || !message.as_text);
    }
    assert!(sure > 0 && unknown > 0 && sure + unknown == 32, "{sure} {unknown}");
    assert_eq!(with(8 << 20, &packets).messages().iter().filter(|m| m.integrity == "ok").count(), 32);
}

#[test]
fn frames_of_a_message_whose_payload_was_given_up_are_all_there() {
    let packets = many(4, |talk| script(&talk.binary(C2S, &[5; 30_000]).binary(C2S, b"next").no_close()));
    let output = with(20_000, &packets);
    assert_eq!(output.frames().len(), 8);
    assert_eq!(output.messages().iter().filter(|message| message.bytes == b"next").count(), 4);
    assert_eq!(output.kind("message").filter(|message| message["len"] == 30_000).count(), 4);
    assert_eq!(output.kind("frame").filter(|frame| frame["complete"] == true).count(), 8);
}

#[test]
fn a_bound_that_can_not_be_held_ends_nothing() {
    for memory in [0, 1, 100] {
        let packets = many(5, |talk| {
            script(&talk.split(S2C, BINARY, &[1; 5000], &[100, 2000]).text(C2S, "and this").closed(1000))
        });
        let output = with(memory, &packets);
        assert_eq!(output.summary()["messages"], 5 * 4);
        assert_eq!(output.messages().iter().filter(|message| message.bytes == b"and this").count(), 5);
    }
}
