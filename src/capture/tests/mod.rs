//! Tests of the room: files built by hand, other readers as judges, real captures.

mod build;
mod classic;
mod corpus;
mod merge;
mod pcapng;
mod property;
mod stream;

use super::{Capture, CaptureError};
use crate::model::Finding;
use std::collections::VecDeque;
use std::io::Read;

/// A packet as it came out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    number: u64,
    /// Nanoseconds since 1970.
    time: i64,
    wire_len: u32,
    link: u16,
    bytes: Vec<u8>,
}

/// Everything that comes out of a capture.
fn drain(mut capture: Capture) -> (Vec<Given>, Vec<Finding>, Capture) {
    let (mut packets, mut findings) = (Vec::new(), Vec::new());
    while let Some(packet) = capture.next() {
        packets.push(Given {
            number: packet.number,
            time: packet.time.0,
            wire_len: packet.wire_len,
            link: packet.link.0,
            bytes: capture.bytes(packet.bytes).expect("the last packet is never evicted").to_vec(),
        });
        assert_eq!(packet.bytes.len as usize, packets.last().unwrap().bytes.len());
        assert!(packet.wire_len >= packet.bytes.len);
        assert_eq!(capture.totals().packets, packet.number);
        if capture.has_findings() {
            findings.extend(capture.take_findings());
        }
    }
    assert!(capture.next().is_none(), "the end is for ever");
    findings.extend(capture.take_findings());
    assert!(!capture.has_findings());
    let skipped: u64 = capture.totals().skipped.iter().map(|(_, count)| count).sum();
    assert_eq!(capture.totals().packets, packets.len() as u64 + skipped);
    (packets, findings, capture)
}

/// Packets and codes of findings of a file in memory.
fn read(bytes: &[u8]) -> (Vec<Given>, Vec<&'static str>, Capture) {
    let (packets, findings, capture) = drain(Capture::from_bytes(bytes.to_vec()).unwrap());
    (packets, findings.iter().map(|finding| finding.rule.code).collect(), capture)
}

/// The packets of a file that has nothing to complain of.
fn read_clean(bytes: &[u8]) -> Vec<Given> {
    let (packets, codes, capture) = read(bytes);
    assert_eq!(codes, [""; 0]);
    assert!(capture.totals().complete && capture.totals().skipped.is_empty());
    assert_eq!(capture.totals().capture_bytes, bytes.len() as u64);
    packets
}

/// What is said about a file that cannot be read.
fn refusal(bytes: &[u8]) -> String {
    match Capture::from_bytes(bytes.to_vec()) {
        Ok(_) => panic!("it was read"),
        Err(error) => error.to_string(),
    }
}

/// A pipe that gives what it has in pieces of the lengths given, again and again.
struct Pieces {
    bytes: VecDeque<u8>,
    lens: Vec<usize>,
    turn: usize,
}

impl Pieces {
    fn new(bytes: &[u8], lens: &[usize]) -> Self {
        Self { bytes: bytes.iter().copied().collect(), lens: lens.to_vec(), turn: 0 }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = self.lens[self.turn % self.lens.len()].clamp(1, buffer.len().max(1));
        self.turn += 1;
        let mut piece = vec![0; len.min(buffer.len())];
        let read = self.bytes.read(&mut piece)?;
        buffer[..read].copy_from_slice(&piece[..read]);
        Ok(read)
    }
}

/// What a pipe gives, with a ring of `1 << bits` bytes.
fn through_pipe(bytes: &[u8], lens: &[usize], bits: u32) -> Result<Capture, CaptureError> {
    let source = super::CaptureSource::from_reader(
        Box::new(Pieces::new(bytes, lens)),
        "pipe",
        0,
        super::spool::Keeping { bits, room: None, max_unpacked: None },
    )?;
    Ok(Capture::from_sources(vec![source]))
}
