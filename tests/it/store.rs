//! The opened capture: its index is what is printed, its details are what was read.

/// Details against a straight run.
mod details;
/// What is released to bound memory.
mod history;
/// The index against what is printed.
mod index;
/// Searches against a straight run.
mod search;
/// Pipes, stopping, asking, files that change.
mod session;

use std::fs;
use std::path::{Path, PathBuf};

use wslens::capture::{self, Capture};
use wslens::drive::run;
use wslens::model::Direction;
use wslens::pipeline::{Connection, Limits, Pipeline, Sink, Wants};
use wslens::store::detail::{Detail, FrameDetail, MessageDetail, Request};
use wslens::store::{Options, Reading, Session};
use wslens::ws::{FrameEvent, Integrity, MessageEvent};

use crate::captures::files;
use crate::support::forge::{C2S, Packet, Rng, S2C, Split, interleave, ipv4_fragments};
use crate::support::strategy::{Plan, troubled};

/// The captures of the repository and of the corpus, where that is at hand.
pub fn captures() -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if !path.to_string_lossy().ends_with(".ndjson") {
                found.push(path);
            }
        }
    }
    let mut paths = files();
    let folder = std::env::var_os("WSLENS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    walk(&folder, &mut paths);
    let bytes = paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("readable")));
    bytes.filter(|(_, bytes)| Capture::from_bytes(bytes.clone()).is_ok()).collect()
}

/// A capture that was read to its end.
pub fn session(bytes: &[u8]) -> Session {
    session_with(bytes, Options::default())
}

pub fn session_with(bytes: &[u8], options: Options) -> Session {
    let how = capture::Options { keep: true, ..capture::Options::default() };
    let capture = Capture::from_bytes_with(bytes.to_vec(), &how).unwrap();
    let mut session = Session::read(capture, options).unwrap();
    session.wait();
    assert_eq!(session.progress().state, Reading::Done);
    session
}

/// Every message and frame of a straight run.
#[derive(Default)]
pub struct Straight {
    pub messages: Vec<(u32, u64, Said)>,
    pub frames: Vec<(u32, u64, Vec<u8>)>,
}

/// What is known of a message.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub direction: Direction,
    pub opcode: u8,
    pub bytes: Vec<u8>,
    pub len: Option<u64>,
    pub whole: bool,
    pub compressed: bool,
    pub integrity: Integrity,
    pub invalid_utf8_at: Option<u64>,
    pub missing: Option<(u64, u64)>,
}

impl Sink for Straight {
    fn wants(&self) -> Wants {
        Wants::default()
    }
    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        self.frames.push((connection.id.0, frame.number, frame.read(&mut Vec::new()).to_vec()));
    }
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        let said = Said {
            direction: message.direction,
            opcode: message.opcode.bits(),
            bytes: message.bytes.to_vec(),
            len: message.len,
            whole: message.whole,
            compressed: message.compressed,
            integrity: message.integrity,
            invalid_utf8_at: message.invalid_utf8_at,
            missing: message.missing,
        };
        self.messages.push((connection.id.0, message.number, said));
    }
}

pub fn straight(bytes: &[u8], limits: &Limits) -> Straight {
    let mut limits = limits.clone();
    limits.depth.keep = MessageDetail::BYTES as u64;
    let mut sink = Straight::default();
    let mut capture = Capture::from_bytes(bytes.to_vec()).unwrap();
    run(&mut capture, &mut Pipeline::new(limits), &mut sink, |_, _| true);
    sink
}

pub fn load_message(session: &Session, connection: u32, message: u64) -> Box<MessageDetail> {
    match session.load(&Request::Message { connection, message }) {
        Ok(Detail::Message(detail)) => detail,
        other => panic!("message {message} of {connection}: {other:?}"),
    }
}

pub fn load_frame(session: &Session, connection: u32, frame: u64) -> Box<FrameDetail> {
    match session.load(&Request::Frame { connection, frame }) {
        Ok(Detail::Frame(detail)) => detail,
        other => panic!("frame {frame} of {connection}: {other:?}"),
    }
}

/// A checkpoint at every few packets, so that there are many ways to a message.
pub fn dense() -> Options {
    Options { interval: 2, ..Options::default() }
}

/// Several conversations at the same time, on few ports, with losses and IP fragments.
pub fn crowd(plans: &[(Plan, Split)], seed: u64) -> Vec<Packet> {
    let mut rng = Rng::new(seed);
    let scripts: Vec<Vec<Packet>> = plans
        .iter()
        .enumerate()
        .map(|(i, (plan, split))| {
            let talk = plan.conversation(40_000 + 2 * (i % 3) as u16);
            let start = 1_767_225_600_000_000_000 + (i as i64 / 3) * 400_000_000;
            let mut script = troubled(&talk, split, rng.below(1 << 40)).clock(start, 50_000);
            for _ in 0..rng.below(3) {
                let pieces = script.data(if rng.below(2) == 0 { C2S } else { S2C });
                if let Some(lost) = pieces.get(rng.below(pieces.len().max(1) as u64) as usize) {
                    script = script.lose(*lost);
                }
            }
            let packets = script.isn(rng.below(1 << 32) as u32, rng.below(1 << 32) as u32).packets();
            let packets = packets.into_iter().flat_map(|packet| {
                let v4 = packet.bytes.get(12..14) == Some(&[8, 0]);
                if v4 && packet.bytes.len() > 500 && rng.below(4) == 0 {
                    ipv4_fragments(&packet, 400)
                } else {
                    vec![packet]
                }
            });
            packets.collect()
        })
        .collect();
    interleave(scripts)
}
