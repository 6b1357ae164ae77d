//! Conformance, by the case classes of the Autobahn test suite: what an endpoint may be sent, as captures, with the
//! verdict that RFC 6455 and RFC 7692 demand.
//!
//! Each case is sent by the client and by the server, in segments of usual size, run together, and, where it is
//! short, byte by byte: the verdict is the same. Verdicts are written by hand from the RFCs, messages come from what
//! was sent.

mod closing;
mod compression;
mod frames;
mod sizes;
mod text;

use std::collections::BTreeSet;

use wslens::model::Direction;

use crate::read::{Output, read};
use crate::support::forge::{C2S, Conversation, Frame, PcapFormat, S2C, Script, Split, pcap};

/// What is sent, and what is to be said of it.
struct Case {
    /// The class and what is special about it.
    name: String,
    /// Adds it to an open conversation; the direction is that of the end that is tested.
    say: Box<dyn Fn(Conversation, Direction) -> Conversation>,
    /// The findings, without those that are only worth knowing.
    codes: Vec<&'static str>,
    /// Where the first bad byte of a message stands that is not UTF-8.
    invalid_utf8_at: Option<u64>,
}

/// A case without findings.
fn legal(name: impl Into<String>, say: impl Fn(Conversation, Direction) -> Conversation + 'static) -> Case {
    Case { name: name.into(), say: Box::new(say), codes: vec![], invalid_utf8_at: None }
}

/// A case that breaks these rules.
fn breaks(
    codes: &[&'static str],
    name: impl Into<String>,
    say: impl Fn(Conversation, Direction) -> Conversation + 'static,
) -> Case {
    Case { codes: codes.to_vec(), ..legal(name, say) }
}

/// A frame as its sender must send it: masked by a client, with a key of its own.
fn put(talk: Conversation, dir: Direction, frame: Frame) -> Conversation {
    let key = (talk.frames.len() as u32 + 1).wrapping_mul(0x9e37_79b9).to_be_bytes();
    talk.frame(dir, &Frame { key: (dir == C2S).then_some(key), ..frame })
}

/// The tested end closes, as the other one answers.
fn closed(talk: Conversation, dir: Direction) -> Conversation {
    talk.close(dir, 1000, "").close(dir.opposite(), 1000, "").fin(S2C)
}

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:9001")
}

fn output(talk: &Conversation, split: &Split) -> Output {
    read(pcap(&Script::new(talk, split).packets(), PcapFormat::default()))
}

/// What is wrong with what is told of a conversation; nothing where it is right.
fn judge(case: &Case, talk: &Conversation, split: &Split) -> Vec<String> {
    let output = output(talk, split);
    let mut wrong = vec![];
    let told: BTreeSet<&str> = output
        .kind("finding")
        .filter(|f| f["severity"] != "info")
        .map(|f| f["code"].as_str().unwrap())
        .collect();
    let expected: BTreeSet<&str> = case.codes.iter().copied().collect();
    if told != expected {
        wrong.push(format!("told {told:?}, expected {expected:?}"));
    }
    for dir in [C2S, S2C] {
        let said: Vec<_> = output.said(1, dir.name()).into_iter().map(|message| message.bytes).collect();
        let sent: Vec<_> = talk.expected_of(dir).map(|message| message.bytes.clone()).collect();
        if said != sent {
            wrong.push(format!("{}: {} messages, expected {}", dir.name(), said.len(), sent.len()));
        }
    }
    let bad = output.kind("message").find_map(|message| message["invalid_utf8_at"].as_u64());
    if bad != case.invalid_utf8_at {
        wrong.push(format!("invalid UTF-8 at {bad:?}, expected {:?}", case.invalid_utf8_at));
    }
    wrong
}

/// Sends cases in all ways; fails where one is not judged as it must be.
fn hold(cases: &[Case], conversation: impl Fn() -> Conversation) {
    let mut wrong = vec![];
    for case in cases {
        for dir in [C2S, S2C] {
            let talk = (case.say)(conversation().opened(), dir);
            let mut splits = vec![Split::Writes(1460), Split::Merged(65_000)];
            if talk.streams.iter().all(|stream| stream.len() < 2000) {
                splits.push(Split::Sizes(vec![1]));
            }
            for split in splits {
                for problem in judge(case, &talk, &split) {
                    wrong.push(format!("{} {} {split:?}: {problem}", case.name, dir.name()));
                }
            }
        }
    }
    assert!(!cases.is_empty());
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
