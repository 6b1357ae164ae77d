//! The whole engine on packets that make sense: the fuzzer's bytes choose what two ends say, and what TCP and
//! the capture make of it: order, loss, repetition, overlap, cuts, fragments, damage.
//!
//! Nothing is invented: every frame that is called complete was said. Events come in the order promised, and
//! the machine output is right in itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use wslens::model::{Bytes, Direction, LinkType, PacketRef, Place, Rule, Span, Time};
use wslens::pipeline::{Connection, Ended, Limits, Pipeline, Sink, State};
use wslens::report::ndjson::Ndjson;
use wslens::report::{Levels, Report as _, Selection, Summary};
use wslens::ws::{FrameEvent, MessageEvent, Spot};

use crate::feed::{Feed, Memory};
use crate::frame_reader::plain_frames;
use crate::whole::check_lines;

/// What ends say before they say frames. Client, then server.
const CLIENT: &[&str] = &[
    "GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "GET /z HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "POST /form HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
    "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\n",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x50\0\x51",
    "GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\r\n",
];
const SERVER: &[&str] = &[
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate; \
     server_no_context_takeover; client_no_context_takeover\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 Connection established\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
];

/// What both ends say. `CLIENT` is 0, `SERVER` is 1.
fn say(feed: &mut Feed<'_>) -> [Vec<u8>; 2] {
    let mut said = [Vec::new(), Vec::new()];
    for _ in 0..64 {
        let op = feed.byte();
        let side = usize::from(op & 1);
        let to = &mut said[side];
        match op >> 1 & 7 {
            0 => return said,
            1 => {
                let lines = [CLIENT, SERVER][side];
                let line = lines[usize::from(op >> 4) % lines.len()];
                to.extend(line.chars().map(|c| c as u8));
            }
            // A frame as it should be, with text.
            2 | 3 => {
                let opcode = [1, 2, 0, 8, 9, 10, 1, 2][usize::from(op >> 4 & 7)];
                let fin = if op & 0x80 == 0 { 0x80 } else { 0 };
                let payload = feed.piece();
                frame(to, fin | opcode, payload.len() as u64, side == 0, payload);
            }
            // A frame as it should not be.
            4 => {
                let (first, payload) = (feed.byte(), feed.piece());
                let claimed = payload.len() as u64 + u64::from(op >> 4 & 3);
                frame(to, first, claimed, op & 0x40 != 0, payload);
            }
            // A compressed message.
            5 => {
                let payload = feed.piece();
                let first = if op & 0x80 == 0 { 0xc1 } else { 0x41 };
                frame(to, first, payload.len() as u64, side == 0, payload);
            }
            // A long one.
            6 => {
                let payload = vec![b'a' + (op >> 4); feed.number(2) as usize % 5000];
                frame(to, 0x82, payload.len() as u64, side == 0, &payload);
            }
            _ => to.extend_from_slice(feed.piece()),
        }
    }
    said
}

fn frame(to: &mut Vec<u8>, first: u8, claimed: u64, masked: bool, payload: &[u8]) {
    let mask = if masked { 0x80 } else { 0 };
    to.push(first);
    match claimed {
        0..126 => to.push(mask | claimed as u8),
        126..0x1_0000 => {
            to.push(mask | 126);
            to.extend((claimed as u16).to_be_bytes());
        }
        _ => {
            to.push(mask | 127);
            to.extend(claimed.to_be_bytes());
        }
    }
    let key = [0x37, 0xfa, 0x21, to.len() as u8];
    if masked {
        to.extend(key);
    }
    let turned = payload.iter().enumerate().map(|(i, b)| if masked { b ^ key[i % 4] } else { *b });
    to.extend(turned);
}

/// A capture in memory: packets one behind the other.
#[derive(Default)]
pub struct Tape {
    pub bytes: Vec<u8>,
    pub packets: Vec<PacketRef>,
    time: i64,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

struct Segment<'a> {
    side: usize,
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    payload: &'a [u8],
    /// Payload bytes that the capture cut off.
    cut: usize,
    damaged: bool,
    /// In two IP fragments, the second first.
    fragments: bool,
}

impl Tape {
    fn add(&mut self, segment: &Segment<'_>) {
        let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let (from, to) = if segment.side == 0 { (client, server) } else { (server, client) };
        let (from_port, to_port) = if segment.side == 0 { (50_000u16, 80u16) } else { (80, 50_000) };
        let mut tcp = Vec::new();
        tcp.extend(from_port.to_be_bytes());
        tcp.extend(to_port.to_be_bytes());
        tcp.extend(segment.seq.to_be_bytes());
        tcp.extend(segment.ack.to_be_bytes());
        tcp.extend([0x50, segment.flags]);
        tcp.extend(segment.window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend_from_slice(segment.payload);
        let pseudo = [&from[..], &to, &[0, 6], &(tcp.len() as u16).to_be_bytes()].concat();
        let sum = checksum(&[&pseudo, &tcp]) ^ u16::from(segment.damaged);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        let number = self.packets.len() as u16;
        let mut ip = |offset: usize, more: bool, body: &[u8], cut: usize| {
            let flags = (offset as u16 / 8) | u16::from(more) << 13;
            let mut packet = vec![0x45, 0];
            packet.extend((20 + body.len() as u16).to_be_bytes());
            packet.extend(number.to_be_bytes());
            packet.extend(flags.to_be_bytes());
            packet.extend([64, 6, 0, 0]);
            packet.extend(from);
            packet.extend(to);
            packet.extend_from_slice(body);
            let wire_len = packet.len();
            packet.truncate(wire_len - cut);
            self.push(&packet, wire_len);
        };
        if segment.fragments && tcp.len() > 32 {
            ip(32, false, &tcp[32..], 0);
            ip(0, true, &tcp[..32], 0);
        } else {
            ip(0, false, &tcp, segment.cut.min(segment.payload.len()));
        }
    }

    fn push(&mut self, packet: &[u8], wire_len: usize) {
        self.time += 1_000_000;
        let bytes = Span { start: self.bytes.len() as u64, len: packet.len() as u32 };
        self.bytes.extend_from_slice(packet);
        self.packets.push(PacketRef {
            number: self.packets.len() as u64 + 1,
            time: Time(self.time),
            bytes,
            wire_len: wire_len as u32,
            link: LinkType(101),
        });
    }
}

fn checksum(parts: &[&[u8]]) -> u16 {
    let bytes: Vec<u8> = parts.concat();
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What became of what was said.
struct Carried {
    tape: Tape,
    /// Other bytes than those said are among it.
    lied: bool,
    /// All of it is there, in whatever order, from the first byte on, and nothing ended it early.
    whole: bool,
}

/// How TCP carries it.
fn carry(feed: &mut Feed<'_>, said: &[Vec<u8>; 2]) -> Carried {
    let mut tape = Tape::default();
    let mode = feed.byte();
    let mut isn = [0xffff_ff00, 0x1000_0000];
    if mode & 1 != 0 {
        isn = [feed.number(4) as u32, feed.number(4) as u32];
    }
    let mut sent = [0usize; 2];
    let (mut lied, mut calm) = (false, mode & 6 == 0);
    let mut seen = [vec![false; said[0].len()], vec![false; said[1].len()]];
    let end = |said: &[Vec<u8>; 2], side: usize| said[side].len();
    macro_rules! segment {
        ($side:expr, $at:expr, $payload:expr, $flags:expr) => {
            Segment {
                side: $side,
                seq: isn[$side].wrapping_add(1).wrapping_add($at as u32),
                ack: isn[1 - $side].wrapping_add(1).wrapping_add(sent[1 - $side] as u32),
                flags: $flags,
                window: 1000,
                payload: $payload,
                cut: 0,
                damaged: false,
                fragments: false,
            }
        };
    }
    let syn = |tape: &mut Tape, isn: &[u32; 2], side: usize, flags: u8| {
        let ack = if flags & ACK != 0 { isn[1 - side].wrapping_add(1) } else { 0 };
        let (payload, cut) = (&[][..], 0);
        let seq = isn[side];
        tape.add(&Segment {
            side,
            seq,
            ack,
            flags,
            window: 1000,
            payload,
            cut,
            damaged: false,
            fragments: false,
        });
    };
    if mode & 2 == 0 {
        syn(&mut tape, &isn, 0, SYN);
    }
    if mode & 4 == 0 {
        syn(&mut tape, &isn, 1, SYN | ACK);
    }
    for _ in 0..300 {
        if feed.is_empty() || tape.packets.len() > 3000 {
            break;
        }
        let op = feed.byte();
        let side = usize::from(op & 1);
        let flags = if op & 0x80 == 0 { ACK } else { ACK | FIN };
        match op >> 1 & 15 {
            // The next bytes; their number is coarse, so that little says much.
            0..5 => {
                let len = match op >> 4 & 7 {
                    7 => 60_000,
                    0 => 1,
                    n => feed.below(64 << n),
                };
                let (from, to) = (sent[side], sent[side].saturating_add(len).min(end(said, side)));
                let last = to == end(said, side);
                tape.add(&segment!(side, from, &said[side][from..to], if last { flags } else { ACK }));
                seen[side][from..to].fill(true);
                sent[side] = to;
            }
            // They are lost.
            5 => sent[side] = (sent[side] + feed.below(1460)).min(end(said, side)),
            // Earlier or later ones.
            6 | 7 => {
                let from = (sent[side] + 512).saturating_sub(feed.below(1024)).min(end(said, side));
                let to = (from + feed.below(600)).min(end(said, side));
                tape.add(&segment!(side, from, &said[side][from..to], ACK));
                seen[side][from..to].fill(true);
                if op & 0x40 != 0 {
                    sent[side] = sent[side].max(to);
                }
            }
            // The snap length.
            8 => {
                let to = (sent[side] + feed.below(1460)).min(end(said, side));
                let payload = &said[side][sent[side]..to];
                tape.add(&Segment { cut: feed.below(700), ..segment!(side, sent[side], payload, ACK) });
                sent[side] = to;
                calm = false;
            }
            // In fragments.
            9 => {
                let to = (sent[side] + feed.below(1460)).min(end(said, side));
                let payload = &said[side][sent[side]..to];
                tape.add(&Segment { fragments: true, ..segment!(side, sent[side], payload, ACK) });
                seen[side][sent[side]..to].fill(true);
                sent[side] = to;
            }
            // Damaged on the way, or always (offload); sent again or not.
            10 => {
                let to = (sent[side] + feed.below(600)).min(end(said, side));
                let mut payload = said[side][sent[side]..to].to_vec();
                if op & 0x20 != 0 && !payload.is_empty() {
                    let at = feed.below(payload.len());
                    payload[at] ^= 0x55;
                    lied = true;
                }
                tape.add(&Segment { damaged: true, ..segment!(side, sent[side], &payload, ACK) });
                calm = false;
                if op & 0x40 != 0 {
                    sent[side] = to;
                }
            }
            // Other bytes at the same place.
            11 => {
                let from = sent[side].saturating_sub(feed.below(300));
                let payload = feed.piece();
                tape.add(&segment!(side, from, payload, ACK));
                lied = true;
            }
            12 => {
                let at = sent[side];
                calm &= !matches!(op >> 5, 2 | 3);
                // A probe's byte may stand where nothing else came.
                lied |= op >> 5 == 1;
                match op >> 5 {
                    0 => tape.add(&segment!(side, at, &[], ACK)),
                    1 => tape.add(&segment!(side, at.wrapping_sub(1), &[0], ACK)),
                    2 => tape.add(&segment!(side, at, &[], RST)),
                    3 => tape.add(&segment!(side, at, &[], RST | ACK)),
                    4 => tape.add(&Segment { window: 0, ..segment!(side, at, &[], ACK) }),
                    5 => tape.add(&segment!(side, end(said, side), &[], FIN | ACK)),
                    6 => tape.add(&segment!(side, at.wrapping_sub(1), &[], ACK)),
                    _ => tape.add(&segment!(side, feed.number(4), &[], ACK)),
                }
            }
            13 => {
                tape.time += feed.number(1) as i64 * [1_000_000_000, -1_000_000][side];
                calm = false;
            }
            // A SYN again: of this connection or of the next one on the same ports.
            14 => {
                calm = false;
                if op & 0x40 != 0 {
                    isn = [feed.number(4) as u32, feed.number(4) as u32];
                    sent = [0; 2];
                    // The same numbers may have carried other bytes before.
                    lied = true;
                    syn(&mut tape, &isn, 0, SYN);
                    syn(&mut tape, &isn, 1, SYN | ACK);
                } else {
                    syn(&mut tape, &isn, side, if op & 0x20 == 0 { SYN } else { SYN | ACK });
                }
            }
            // Other traffic, so that time passes in packets.
            _ => {
                for _ in 0..feed.byte() {
                    tape.push(&[0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 3, 10, 0, 0, 4], 20);
                }
            }
        }
    }
    let whole = calm && !lied && tape.packets.len() < 1500 && seen.iter().flatten().all(|seen| *seen);
    Carried { tape, lied, whole }
}

#[derive(Default)]
struct Known {
    opened: bool,
    ended: bool,
    frames: u64,
    messages: BTreeSet<u64>,
    /// By message: what its frames brought, as long as all of it is there.
    joined: BTreeMap<u64, Option<Vec<u8>>>,
}

struct Check<'a> {
    said: Option<&'a [Vec<u8>; 2]>,
    known: BTreeMap<u32, Known>,
    watermark: u64,
    now: u64,
    frames: u64,
    messages: u64,
    /// By side: where complete frames were.
    starts: [Vec<u64>; 2],
    /// By side: bytes that are no frame were reported.
    foreign: [bool; 2],
}

/// Where all that was said was captured, and it began with a handshake: every frame has to be found.
fn all_said(said: &[Vec<u8>; 2], check: &Check<'_>) {
    let begins = |side: usize, lines: &[&str]| {
        let latin = |line: &&str| line.chars().map(|c| c as u8).collect::<Vec<u8>>();
        lines.iter().map(latin).find(|line| said[side].starts_with(line)).map(|line| line.len())
    };
    let (Some(asked), Some(answered)) = (begins(0, &CLIENT[..2]), begins(1, &SERVER[..3])) else { return };
    for (side, head) in [asked, answered].into_iter().enumerate() {
        let expected = plain_frames(&said[side][head..]);
        let mut found = check.starts[side].clone();
        found.sort_unstable();
        let expected: Vec<u64> = expected.into_iter().map(|at| at + head as u64).collect();
        if check.foreign[side] {
            continue; // Bytes of something else were reported, where these would be frames.
        }
        assert_eq!(found, expected, "frames of side {side}");
    }
}

impl Check<'_> {
    fn turn(&self, place: Place) {
        let from = if self.watermark == u64::MAX { self.now } else { self.watermark };
        assert!(place.packet >= from, "packet {} when none before {from} was to come", place.packet);
        assert!(place.packet <= self.now);
    }
}

impl Sink for Check<'_> {
    fn opened(&mut self, connection: &Connection) {
        let known = self.known.entry(connection.id.0).or_default();
        assert!(!std::mem::replace(&mut known.opened, true) && !known.ended);
    }

    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        if frame.complete {
            self.turn(frame.last);
        }
        let known = self.known.get_mut(&connection.id.0).expect("opened");
        assert!(known.opened && !known.ended);
        known.frames += 1;
        assert_eq!(frame.number, known.frames);
        if let Some(message) = frame.message {
            let joined = known.joined.entry(message).or_insert_with(|| Some(Vec::new()));
            let mut scratch = Vec::new();
            let shown = frame.read(&mut scratch);
            match joined {
                Some(joined) if frame.complete && shown.len() as u64 == frame.header.payload_len => {
                    joined.extend_from_slice(shown);
                }
                _ => *joined = None,
            }
        }
        self.frames += u64::from(frame.complete);
        if frame.complete {
            self.starts[usize::from(frame.direction == Direction::ServerToClient)].push(frame.start.at);
        }
        let Some(said) = self.said.filter(|_| frame.complete) else { return };
        let (head, len) = frame.header.to_bytes();
        let mut wire = head[..len].to_vec();
        let mut scratch = Vec::new();
        let shown = frame.read(&mut scratch);
        assert_eq!(
            shown.len() as u64,
            frame.header.payload_len.min(64 << 10),
            "a complete frame's bytes are there"
        );
        wire.extend(shown.iter().enumerate().map(|(i, b)| b ^ frame.header.masking_key[i % 4]));
        let side = usize::from(frame.direction == Direction::ServerToClient);
        let of = |said: &[u8]| said.windows(wire.len()).any(|window| window == wire);
        // Who is the client is not always known.
        assert!(of(&said[side]) || of(&said[1 - side]), "nobody said {:?}", frame.header);
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        // That an end will never come is known long after the last packet.
        if message.missing.is_none() {
            self.turn(message.last);
        }
        self.messages += 1;
        let known = self.known.get_mut(&connection.id.0).expect("opened");
        assert!(known.opened && !known.ended && known.messages.insert(message.number));
        if let Some(joined) = known.joined.remove(&message.number).flatten().filter(|_| !message.compressed) {
            assert!(message.missing.is_none());
            assert!(joined.starts_with(message.bytes), "a message is what its frames brought");
            assert_eq!(message.whole, joined.len() == message.bytes.len());
        }
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        if rule.code == "not-a-frame"
            && let Some(direction) = spot.direction
        {
            self.foreign[usize::from(direction == Direction::ServerToClient)] = true;
        }
        let text = text.to_string();
        assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
        assert!(spot.place.packet <= self.now);
        let ended =
            connection.and_then(|connection| self.known.get(&connection.id.0)).is_some_and(|k| k.ended);
        assert!(!ended, "{text}");
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        let known = self.known.entry(ended.connection.id.0).or_default();
        assert!(!std::mem::replace(&mut known.ended, true), "a connection ends once");
        assert_eq!(ended.socket.is_some(), known.opened);
        assert_eq!(known.opened, !matches!(ended.state, State::Refused | State::Unanswered));
    }

    fn watermark(&mut self, packet: u64) {
        self.watermark = packet;
    }
}

/// The packets that decisions stand for.
pub fn tape(feed: &mut Feed<'_>) -> Tape {
    let said = say(feed);
    carry(feed, &said).tape
}

/// The packets that an input stands for, as a capture file, to be looked at with other tools.
pub fn capture(data: &[u8]) -> Vec<u8> {
    let tape = tape(&mut Feed::new(data));
    let mut file = Vec::new();
    for word in [0xa1b2_3c4du32, 0x0004_0002, 0, 0, 262_144, 101] {
        file.extend(word.to_le_bytes());
    }
    for packet in &tape.packets {
        let seconds = packet.time.0.div_euclid(1_000_000_000) as u32;
        let nanoseconds = packet.time.0.rem_euclid(1_000_000_000) as u32;
        for word in [seconds, nanoseconds, packet.bytes.len, packet.wire_len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(tape.bytes.bytes(packet.bytes).unwrap_or_default());
    }
    file
}

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let said = say(&mut feed);
    let Carried { tape, lied, whole } = carry(&mut feed, &said);
    let tight = data.len() % 4 == 3;
    let limits = || {
        let mut limits = Limits::default();
        if tight {
            (limits.held_pieces, limits.held_bytes, limits.wait_packets) = (4, 2000, 8);
            (limits.requests, limits.head.bytes) = (3, 400);
        }
        limits
    };

    let mut pipeline = Pipeline::new(limits());
    let mut check = Check {
        said: (!lied).then_some(&said),
        known: BTreeMap::new(),
        watermark: u64::MAX,
        now: 0,
        frames: 0,
        messages: 0,
        starts: Default::default(),
        foreign: [false; 2],
    };
    let memory = Memory(&tape.bytes);
    let bytes: &dyn Bytes = &memory;
    for packet in &tape.packets {
        check.now = packet.number;
        pipeline.packet(packet, bytes, &mut check);
    }
    pipeline.end(bytes, &mut check);
    assert!(check.known.values().all(|known| known.ended), "what opened has an end");
    let totals = pipeline.totals();
    if whole && !tight {
        all_said(&said, &check);
    }
    assert_eq!(totals.messages, check.messages);
    assert!(totals.frames >= check.frames);
    assert_eq!(totals.websockets, check.known.len() as u64);
    let seen = pipeline.seen();
    let skipped: u64 = seen.skipped.iter().map(|(_, count)| count).sum();
    assert_eq!(seen.packets, seen.segments + skipped);

    let mut pipeline = Pipeline::new(limits());
    let selection = Selection { levels: Levels::ALL, ..Selection::default() };
    let mut out = Vec::new();
    let mut sink = Ndjson::new(&mut out, selection, false);
    for packet in &tape.packets {
        pipeline.packet(packet, bytes, &mut sink);
    }
    pipeline.end(bytes, &mut sink);
    let summary =
        Summary { packets: tape.packets.len() as u64, totals: pipeline.totals(), ..Summary::default() };
    sink.finish(&summary).expect("memory takes everything");
    check_lines(&out);
}
