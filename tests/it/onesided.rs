//! Captures that hold only a part of each connection: one direction, packets twice on one side, a snap length, no
//! handshake. Read as far as it is certain, and never anything that was not sent.
//!
//! More of these: `lost.rs` (a request or 101 that is missing), `midstream.rs` (no handshake), `splits.rs` (a SYN that
//! comes last, any order, any loss).

use proptest::prelude::*;
use wslens::model::Direction;

use crate::compare::{none_false, sent};
use crate::read::{Output, config, read};
use crate::support::forge::{C2S, Conversation, DeflateSpec, PcapFormat, Piece, S2C, Script, Split, pcap};
use crate::support::strategy::{plans, splits};

fn talk() -> Conversation {
    (0..6)
        .fold(Conversation::new("10.0.0.1:50000", "10.0.0.2:9001"), |talk, i| {
            talk.text(C2S, &format!("{{\"ask\":{i},\"about\":\"prices\"}}"))
                .text(S2C, &format!("{{\"say\":{i},\"about\":\"prices\"}}"))
        })
        .closed(1000)
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460)).acked()
}

fn output(script: &Script) -> Output {
    read(pcap(&script.packets(), PcapFormat::default()))
}

/// Only what one side sent, from a piece on.
fn only(script: &Script, dir: Direction, from: usize) -> Script {
    script.clone().begin_at(from).with(|pieces| pieces.retain(|piece| piece.dir == dir))
}

/// The messages that are read of a direction, sure or guessed.
fn texts(output: &Output, dir: Direction) -> Vec<Vec<u8>> {
    output.said(1, dir.name()).into_iter().map(|message| message.bytes).collect()
}

fn told(talk: &Conversation, dir: Direction) -> Vec<Vec<u8>> {
    talk.expected_of(dir).map(|message| message.bytes.clone()).collect()
}

#[test]
fn one_direction_with_its_head_is_read_whole() {
    let talk = talk();
    let script = script(&talk);
    for (dir, missing) in [(C2S, "response-missing"), (S2C, "request-missing")] {
        // With the SYN, and without it.
        for from in [0, script.data(dir)[0]] {
            let output = output(&only(&script, dir, from));
            assert_eq!(
                texts(&output, dir),
                told(&talk, dir),
                "{} from {from}: {:?}",
                dir.name(),
                output.lines
            );
            assert_eq!(texts(&output, dir.opposite()), Vec::<Vec<u8>>::new());
            assert_eq!(output.findings("tcp-one-direction").len(), 1);
            assert_eq!(output.findings(missing).len(), 1, "{:?}", output.codes());
            let [connection] = output.connections()[..] else { panic!("one connection") };
            assert_eq!(connection["client"], "10.0.0.1:50000");
        }
    }
}

#[test]
fn a_direction_of_which_each_packet_is_there_twice_is_read_once_also_without_a_handshake() {
    let talk = talk();
    let whole = script(&talk);
    for from in [0, whole.piece_at(C2S, talk.expected[2].at)] {
        for dir in [C2S, S2C] {
            let single = whole.clone().begin_at(from);
            let double = single.clone().with(|pieces| {
                let twice = |piece: Piece| {
                    let copies = if piece.dir == dir { 2 } else { 1 };
                    std::iter::repeat_n(piece, copies)
                };
                *pieces = pieces.drain(..).flat_map(twice).collect();
            });
            let (single, double) = (output(&single), output(&double));
            for dir in [C2S, S2C] {
                assert_eq!(texts(&double, dir), texts(&single, dir), "{} from {from}", dir.name());
            }
            assert!(texts(&double, C2S).len() >= 5);
            assert_eq!(double.kind("finding").filter(|finding| finding["severity"] == "error").count(), 0);
        }
    }
}

#[test]
fn a_snap_length_leaves_what_is_whole_and_counts_what_is_not() {
    let long = "a long message that the snap length cuts; ".repeat(20);
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:9001")
        .text(C2S, "short")
        .text(S2C, &long)
        .text(S2C, "short too")
        .closed(1000);
    let output = output(&script(&talk).snaplen(400));
    let [cut, short, close] = &output.said(1, "s2c")[..] else { panic!("three messages") };
    assert_eq!((cut.integrity.as_str(), cut.as_text), ("gap", false));
    assert!(long.as_bytes().starts_with(&cut.bytes));
    assert_eq!((short.bytes.as_slice(), close.op.as_str()), (&b"short too"[..], "close"));
    let record = output.kind("message").find(|message| message["dir"] == "s2c").unwrap();
    assert_eq!(record["len"], long.len(), "its length is in its header");
    assert_eq!(output.findings("packet-truncated").len(), 1);
}

#[test]
fn without_the_101_alone_both_sides_are_read_and_the_loss_is_told() {
    let talk = talk();
    let whole = script(&talk);
    let output = output(&whole.clone().lose(whole.data(S2C)[0]));
    for dir in [C2S, S2C] {
        assert_eq!(texts(&output, dir), told(&talk, dir), "{:?}", output.codes());
    }
    assert_eq!(output.findings("response-missing").len(), 1);
}

#[test]
fn without_the_request_alone_client_frames_are_read() {
    for spec in [None, Some(DeflateSpec::default())] {
        let talk = match spec {
            None => talk(),
            Some(spec) => Conversation::new("10.0.0.1:50000", "10.0.0.2:9001")
                .deflate(spec)
                .text(C2S, "compressed from the client")
                .text(S2C, "compressed from the server")
                .text(C2S, "compressed from the client, again")
                .closed(1000),
        };
        let whole = script(&talk);
        // The 101 says where the client's frames begin, and what was agreed.
        let output = output(&whole.clone().lose(whole.data(C2S)[0]));
        for dir in [C2S, S2C] {
            assert_eq!(texts(&output, dir), told(&talk, dir), "{:?}", output.codes());
        }
        assert_eq!(output.findings("request-missing").len(), 1);
    }
}

proptest! {
    #![proptest_config(config(40))]

    /// Any conversation, cut in any way, of which one side was captured, from anywhere on: nothing false is shown.
    #[test]
    fn of_one_direction_from_anywhere_on_nothing_false_is_read(
        plan in plans(), split in splits(), from in any::<prop::sample::Index>(), client: bool, twice: bool,
        snaplen in prop::option::of(60..400usize),
    ) {
        let talk = plan.conversation(50_000);
        let whole = Script::new(&talk, &split).acked();
        let dir = if client { C2S } else { S2C };
        let mut script = only(&whole, dir, from.index(whole.pieces.len()));
        if twice {
            script = script.with(|pieces| *pieces = pieces.iter().flat_map(|piece| [piece.clone(), piece.clone()]).collect());
        }
        if let Some(snaplen) = snaplen {
            script = script.snaplen(snaplen);
        }
        let output = output(&script);
        if output.connections().len() == 1 {
            none_false(&output, &[&talk]).map_err(TestCaseError::fail)?;
            let heard = output.messages().iter().filter(|message| message.integrity == "ok").count();
            prop_assert!(heard <= talk.expected.iter().map(sent).count());
        }
    }
}
