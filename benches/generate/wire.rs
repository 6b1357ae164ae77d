//! Packets to disk, fast: header templates, wide checksums, one buffer.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use crate::forge::Rng;

/// Client's side of a flow.
pub const CLIENT: usize = 0;
/// Server's side of a flow.
pub const SERVER: usize = 1;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;

/// Record header, Ethernet, IPv4, TCP.
const HEADERS: usize = 16 + 14 + 20 + 20;

/// The capture being written.
pub struct Out {
    file: BufWriter<File>,
    /// Bytes written.
    pub bytes: u64,
    /// Packets written.
    pub packets: u64,
    /// Nanoseconds since 1970 of the last packet.
    time: u64,
    pub rng: Rng,
    record: Vec<u8>,
}

impl Out {
    /// Starts a classic capture: little-endian, microseconds, Ethernet.
    pub fn create(path: &str, seed: u64) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        for word in [0xa1b2_c3d4u32, 4 << 16 | 2, 0, 0, 262_144, 1] {
            file.write_all(&word.to_le_bytes())?;
        }
        let (time, rng) = (1_767_225_600_000_000_000, Rng::new(seed));
        Ok(Self { file, bytes: 24, packets: 0, time, rng, record: Vec::with_capacity(70_000) })
    }

    /// Sends a segment: the flow goes on by its payload.
    pub fn send(&mut self, flow: &mut Flow, side: usize, flags: u8, payload: &[u8]) -> io::Result<()> {
        let mut record = std::mem::take(&mut self.record);
        flow.build(side, flags, payload, &mut record);
        let done = self.emit(&mut record);
        self.record = record;
        done
    }

    /// Writes a built record, with the time that has come.
    pub fn emit(&mut self, record: &mut [u8]) -> io::Result<()> {
        self.time += 2_000 + self.rng.below(16_000);
        let (seconds, micros) = (self.time / 1_000_000_000, self.time % 1_000_000_000 / 1000);
        record[..4].copy_from_slice(&(seconds as u32).to_le_bytes());
        record[4..8].copy_from_slice(&(micros as u32).to_le_bytes());
        self.bytes += record.len() as u64;
        self.packets += 1;
        self.file.write_all(record)
    }

    /// A UDP datagram.
    pub fn udp(&mut self, from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> io::Result<()> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        record.resize(16 + 14, 0);
        record[16 + 12..16 + 14].copy_from_slice(&[8, 0]);
        let len = payload.len() as u16 + 28;
        record.extend([0x45, 0, (len >> 8) as u8, len as u8, 0, 1, 0x40, 0, 64, 17, 0, 0]);
        record.extend(from.0);
        record.extend(to.0);
        let check = !fold(sum(&record[30..50]));
        record[40..42].copy_from_slice(&check.to_be_bytes());
        record.extend(from.1.to_be_bytes());
        record.extend(to.1.to_be_bytes());
        record.extend((len - 20).to_be_bytes());
        record.extend([0, 0]);
        record.extend(payload);
        seal(&mut record, 0);
        let done = self.emit(&mut record);
        self.record = record;
        done
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Fills in the record's lengths, after padding Ethernet frames to `least` bytes.
fn seal(record: &mut Vec<u8>, least: usize) {
    if record.len() < 16 + least {
        record.resize(16 + least, 0);
    }
    let len = (record.len() as u32 - 16).to_le_bytes();
    record[8..12].copy_from_slice(&len);
    record[12..16].copy_from_slice(&len);
}

/// One TCP connection.
pub struct Flow {
    /// Record, Ethernet, IPv4 and TCP header of each side, with what does not change.
    templates: [[u8; HEADERS]; 2],
    /// Sum of each side's constant IPv4 header, and of its pseudo header.
    sums: [(u64, u64); 2],
    next: [u32; 2],
    id: [u16; 2],
}

impl Flow {
    pub fn new(rng: &mut Rng, client: ([u8; 4], u16), server: ([u8; 4], u16)) -> Self {
        let side = |from: ([u8; 4], u16), to: ([u8; 4], u16), macs: [u8; 2]| {
            let mut bytes = [0; HEADERS];
            bytes[16..28].copy_from_slice(&[2, 0, 0, 0, 0, macs[1], 2, 0, 0, 0, 0, macs[0]]);
            bytes[28] = 8;
            bytes[30] = 0x45;
            bytes[36] = 0x40;
            bytes[38..40].copy_from_slice(&[64, 6]);
            bytes[42..46].copy_from_slice(&from.0);
            bytes[46..50].copy_from_slice(&to.0);
            bytes[50..52].copy_from_slice(&from.1.to_be_bytes());
            bytes[52..54].copy_from_slice(&to.1.to_be_bytes());
            bytes[62] = 5 << 4;
            bytes[64..66].copy_from_slice(&[0xfa, 0]);
            bytes
        };
        let templates = [side(client, server, [1, 2]), side(server, client, [2, 1])];
        let sums = [0, 1].map(|i: usize| {
            let bytes: &[u8; HEADERS] = &templates[i];
            (sum(&bytes[30..50]), sum(&bytes[42..50]) + sum(&[0, 6]))
        });
        Self { templates, sums, next: [rng.next() as u32, rng.next() as u32], id: [rng.next() as u16, 0] }
    }

    /// Writes the next segment of a side into `record` and goes on by its payload.
    pub fn build(&mut self, side: usize, flags: u8, payload: &[u8], record: &mut Vec<u8>) {
        const OPTIONS: [u8; 20] = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
        let mut head = self.templates[side];
        let options: &[u8] = if flags & SYN != 0 { &OPTIONS } else { &[] };
        let tcp_len = 20 + options.len() + payload.len();
        head[32..34].copy_from_slice(&(tcp_len as u16 + 20).to_be_bytes());
        head[34..36].copy_from_slice(&self.id[side].to_be_bytes());
        let (ip, pseudo) = self.sums[side];
        let check = !fold(ip + sum(&head[32..36]));
        head[40..42].copy_from_slice(&check.to_be_bytes());
        head[54..58].copy_from_slice(&self.next[side].to_be_bytes());
        if flags & ACK != 0 {
            head[58..62].copy_from_slice(&self.next[1 - side].to_be_bytes());
        }
        head[62] += (options.len() as u8 / 4) << 4;
        head[63] = flags;
        let total =
            pseudo + sum(&(tcp_len as u16).to_be_bytes()) + sum(&head[50..]) + sum(options) + sum(payload);
        head[66..68].copy_from_slice(&(!fold(total)).to_be_bytes());
        record.clear();
        record.extend(head);
        record.extend(options);
        record.extend(payload);
        // What the capturing host (the client) receives was padded on its way.
        seal(record, if side == SERVER { 60 } else { 0 });
        self.id[side] = self.id[side].wrapping_add(1);
        let control = u32::from(flags & (SYN | FIN) != 0);
        self.next[side] = self.next[side].wrapping_add(payload.len() as u32 + control);
    }

    /// The three segments that open a connection.
    pub fn open(&mut self, out: &mut Out) -> io::Result<()> {
        out.send(self, CLIENT, SYN, &[])?;
        out.send(self, SERVER, SYN | ACK, &[])?;
        out.send(self, CLIENT, ACK, &[])
    }

    /// The three that close it.
    pub fn close(&mut self, out: &mut Out) -> io::Result<()> {
        out.send(self, CLIENT, FIN | ACK, &[])?;
        out.send(self, SERVER, FIN | ACK, &[])?;
        out.send(self, CLIENT, ACK, &[])
    }

    /// Sends `bytes` in segments of at most 1,448 bytes; the receiver acknowledges every second one.
    pub fn stream(&mut self, out: &mut Out, side: usize, bytes: &[u8]) -> io::Result<()> {
        for (i, segment) in bytes.chunks(1448).enumerate() {
            out.send(self, side, ACK | if segment.len() < 1448 { PSH } else { 0 }, segment)?;
            if i % 2 == 1 {
                out.send(self, 1 - side, ACK, &[])?;
            }
        }
        Ok(())
    }
}

/// The sum of RFC 1071 in native byte order, not folded.
fn sum(bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<4>();
    let mut total: u64 = words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum();
    let mut last = [0; 4];
    last[..tail.len()].copy_from_slice(tail);
    total += u64::from(u32::from_ne_bytes(last));
    total
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u16::from_be(total as u16)
}
