//! What the fuzzer found in the engine, as captures that people can read.
//!
//! Two things hold for all: records come in the order of the packets that completed them, and no byte that a
//! packet had is passed over in silence.

use crate::read::{Output, read};
use crate::support::forge::{C2S, Conversation, PcapFormat, S2C, Script, Split, pcap};

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460))
}

fn output(script: &Script) -> Output {
    read(pcap(&script.packets(), PcapFormat::default()))
}

/// No record is before one of an earlier packet, and none ends before it begins.
fn assert_ordered(output: &Output) {
    let mut before = 0;
    for record in output.records.iter().filter(|record| record["last_packet"].is_u64()) {
        let (first, last) = (record["packet"].as_u64().unwrap(), record["last_packet"].as_u64().unwrap());
        assert!(first <= last, "{record}");
        assert!(before <= last, "after packet {before}: {record}");
        before = last;
    }
}

#[test]
fn a_frame_whose_end_came_before_its_beginning_is_complete_with_its_beginning() {
    let talk = talk().text(S2C, "before").binary(S2C, &[7; 4000]).no_close();
    let script = script(&talk);
    let at = script.piece_at(S2C, talk.expected[1].at);
    // The third segment comes first, the second never.
    let script = script.swap(at, at + 2).lose(at + 1);
    let output = output(&script);
    assert_ordered(&output);
    let frame = output.frames().into_iter().find(|frame| frame["op"] == "binary").expect("the frame");
    assert!(frame["packet"].as_u64() > Some(at as u64) && frame["complete"] == false, "{frame}");
    assert_eq!(output.findings("tcp-gap").len(), 1);
}

#[test]
fn a_packet_set_aside_as_damaged_and_used_in_the_end_is_told_in_the_end() {
    let talk = talk().text(C2S, "damaged").text(S2C, "later").no_close();
    let script = script(&talk);
    let damaged = script.piece_at(C2S, talk.expected[0].at);
    let script = script.damage(damaged);
    // It is never sent again: in the end, a packet that may be damaged is better than none.
    let output = output(&script.lose(damaged + 1));
    assert_eq!(output.findings("bad-checksum").len(), 1);
    assert_eq!(output.messages().len(), 2, "{:?}", output.lines);
    assert_ordered(&output);
}

#[test]
fn a_last_packet_cut_in_its_tcp_options_still_says_what_is_missing() {
    let talk = talk().text(S2C, "hello").no_close();
    let mut packets = script(&talk).packets();
    let last = packets.last_mut().unwrap();
    // The first four payload bytes become options, of which two were captured.
    let tcp = 14 + 20;
    assert_eq!(std::mem::replace(&mut last.bytes[tcp + 12], 0x60), 0x50);
    last.bytes.truncate(tcp + 22);
    let output = read(pcap(&packets, PcapFormat::default()));
    let finding = &output.findings("packet-truncated")[..];
    assert_eq!(finding.len(), 1, "{:?}", output.lines);
    assert_eq!(finding[0]["text"], "the snap length cut 3 of 3 payload bytes");
}

#[test]
fn frames_that_are_found_again_come_before_those_of_later_packets() {
    // A length of 2^63 and more: where the next frame begins is not known, and no byte is missing.
    let mut talk = talk().text(S2C, "before").raw(S2C, &[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    for n in 0..8 {
        talk = talk.text(C2S, &format!("question {n}")).text(S2C, &format!("answer number {n}"));
    }
    let output = output(&script(&talk.no_close()));
    let packets: Vec<u64> =
        output.kind("message").map(|message| message["last_packet"].as_u64().unwrap()).collect();
    assert!(packets.len() > 14 && packets.is_sorted(), "{packets:?}");
    assert_eq!(output.findings("desynchronised").len(), 1);
}
