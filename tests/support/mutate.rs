//! Captures, damaged: bytes flipped, cut out, repeated, swapped; packets lost, repeated, swapped, changed.
#![allow(
    dead_code,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::expect_used
)]

use super::forge::Rng;

/// A capture's packets with their times, and its link type, for damage that leaves the file whole.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    /// Link type of all of them.
    pub link: u32,
    /// Time in nanoseconds, and the bytes.
    pub list: Vec<(i64, Vec<u8>)>,
}

/// A damaged copy of a file, or of its packets in a file of their own. The same `rng` gives the same damage.
pub fn mutate(file: &[u8], packets: &Packets, rng: &mut Rng) -> Vec<u8> {
    if packets.list.is_empty() || rng.chance(1, 3) {
        let mut bytes = file.to_vec();
        for _ in 0..rng.between(1, 8) {
            damage(&mut bytes, rng);
        }
        return bytes;
    }
    let mut changed = packets.clone();
    for _ in 0..rng.between(1, 12) {
        shuffle(&mut changed.list, rng);
    }
    pcap(&changed)
}

/// One flip, cut, repetition or swap.
fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    let len = bytes.len() as u64;
    let at = rng.between(0, len - 1) as usize;
    let part = (rng.between(1, 64.min(len)) as usize).min(bytes.len() - at);
    match rng.between(0, 7) {
        0 | 1 => bytes[at] ^= 1 << rng.between(0, 7),
        2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 126, 127][rng.between(0, 6) as usize],
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..at + part)),
        5 => {
            let copy = bytes[at..at + part].to_vec();
            drop(bytes.splice(at..at, copy));
        }
        6 => {
            let other = rng.between(0, len - part as u64) as usize;
            for i in 0..part {
                bytes.swap(at + i, other + i);
            }
        }
        _ => bytes[at..at + part].fill(rng.between(0, 255) as u8),
    }
}

/// One packet lost, repeated, moved, or changed.
fn shuffle(list: &mut Vec<(i64, Vec<u8>)>, rng: &mut Rng) {
    if list.is_empty() {
        return;
    }
    let last = list.len() as u64 - 1;
    let (at, other) = (rng.between(0, last) as usize, rng.between(0, last) as usize);
    match rng.between(0, 6) {
        0 => drop(list.remove(at)),
        1 => list.insert(other, list[at].clone()),
        2 => list.swap(at, other),
        3 => list.truncate(at + 1),
        4 => list[at].1.truncate(rng.between(0, 80) as usize),
        _ => damage(&mut list[at].1, rng),
    }
}

/// A classic capture file in nanoseconds.
fn pcap(packets: &Packets) -> Vec<u8> {
    let mut out = vec![];
    for word in [0xa1b2_3c4du32, 0x0004_0002, 0, 0, 262_144, packets.link] {
        out.extend(word.to_le_bytes());
    }
    for (time, bytes) in &packets.list {
        let len = bytes.len() as u32;
        for word in [(time / 1_000_000_000) as u32, (time % 1_000_000_000) as u32, len, len] {
            out.extend(word.to_le_bytes());
        }
        out.extend(bytes);
    }
    out
}

/// The packets of a capture, as the reader gives them.
pub fn packets_of(file: &[u8]) -> Packets {
    let mut packets = Packets::default();
    let Ok(mut capture) = wslens::capture::Capture::from_bytes(file.to_vec()) else { return packets };
    while let Some(packet) = capture.next() {
        packets.link = u32::from(packet.link.0);
        let bytes = capture.bytes(packet.bytes).unwrap_or_default();
        packets.list.push((packet.time.0, bytes.to_vec()));
    }
    packets
}

/// Everything that is read of a file, as NDJSON; nothing where it is no capture.
pub fn output(file: Vec<u8>) -> Vec<u8> {
    use wslens::report::{Levels, Report as _, Selection};
    let Ok(mut capture) = wslens::capture::Capture::from_bytes(file) else { return vec![] };
    let mut limits = wslens::pipeline::Limits::default();
    (limits.depth.frames, limits.depth.frame_payloads, limits.depth.hash) = (true, true, true);
    let selection = Selection { levels: Levels::ALL, ..Selection::default() };
    let mut out = vec![];
    let mut sink = wslens::report::ndjson::Ndjson::new(&mut out, selection, false);
    let mut pipeline = wslens::pipeline::Pipeline::new(limits);
    let summary = wslens::drive::run(&mut capture, &mut pipeline, &mut sink, |_, _| true);
    sink.finish(&summary).expect("memory can be written");
    out
}
