//! How TCP carries a conversation, and what happens to it on the way into the capture.

use std::net::SocketAddr;
use std::ops::Range;

use super::packet::{Tcp, framed, tcp_packet};
use super::{C2S, Conversation, Ending, Expected, Link, Packet, Rng, S2C, side};
use wslens::model::{Direction, Flags};

/// Where streams are cut into segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// Each write for itself, cut at this many bytes.
    Writes(usize),
    /// Writes of one direction that follow each other are run together, then cut at this many bytes: many
    /// frames in a segment, frames over segments.
    Merged(usize),
    /// Run together, then cut to these sizes in turn, again from the first after the last.
    Sizes(Vec<usize>),
    /// Run together, then cut at these places of each stream (client to server first), increasing.
    Cuts([Vec<usize>; 2]),
}

/// How a segment's checksum comes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// Right.
    #[default]
    Good,
    /// Not.
    Wrong,
}

/// A segment on its way. Places are relative to the first byte after SYN, which is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Who sent it.
    pub dir: Direction,
    /// Where it stands in its stream; SYN is at -1.
    pub at: i64,
    /// Payload.
    pub bytes: Vec<u8>,
    /// Control bits.
    pub flags: u8,
    /// What it acknowledges of the other stream, where ACK is set.
    pub ack: i64,
    /// Window, unscaled.
    pub window: u16,
    /// Its checksum.
    pub checksum: Checksum,
    /// When it was captured, where not at its turn.
    pub time: Option<i64>,
}

impl Piece {
    /// The part of its stream that it fills.
    pub fn range(&self) -> Range<i64> {
        self.at..self.at + self.bytes.len() as i64
    }
}

/// The segments of one connection in the order of capture.
#[derive(Clone, Debug)]
pub struct Script {
    /// The segments.
    pub pieces: Vec<Piece>,
    /// Both streams, whole.
    pub streams: [Vec<u8>; 2],
    ends: [SocketAddr; 2],
    isn: [u32; 2],
    start: i64,
    pace: i64,
    link: Link,
    vlans: Vec<u16>,
    snaplen: usize,
    offload: [bool; 2],
}

/// When captures begin: 2026-01-01 00:00:00 UTC, in nanoseconds.
pub const START: i64 = 1_767_225_600_000_000_000;

impl Script {
    /// Cuts a conversation into segments, with opening and closing, one every 100 µs.
    pub fn new(talk: &Conversation, split: &Split) -> Self {
        let mut script = Self {
            pieces: vec![],
            streams: talk.streams.clone(),
            ends: [talk.client, talk.server],
            isn: [
                0x1000_0000 | u32::from(talk.client.port()) << 8,
                0x7000_0000 | u32::from(talk.client.port()) << 4,
            ],
            start: START,
            pace: 100_000,
            link: Link::Ethernet,
            vlans: vec![],
            snaplen: usize::MAX,
            offload: [false; 2],
        };
        let mut sent = [-1i64; 2];
        script.say(&mut sent, C2S, Flags::SYN, &[]);
        script.say(&mut sent, S2C, Flags::SYN | Flags::ACK, &[]);
        script.say(&mut sent, C2S, Flags::ACK, &[]);
        for (dir, range) in cut(talk, split) {
            let flags = Flags::ACK | Flags::PSH;
            script.say(&mut sent, dir, flags, &talk.stream(dir)[range]);
        }
        match talk.ending {
            Ending::Fin(first) => {
                script.say(&mut sent, first, Flags::FIN | Flags::ACK, &[]);
                script.say(&mut sent, first.opposite(), Flags::FIN | Flags::ACK, &[]);
                script.say(&mut sent, first, Flags::ACK, &[]);
            }
            Ending::Rst(dir) => script.say(&mut sent, dir, Flags::RST | Flags::ACK, &[]),
            Ending::Open => {}
        }
        script
    }

    fn say(&mut self, sent: &mut [i64; 2], dir: Direction, flags: u8, bytes: &[u8]) {
        let at = sent[side(dir)];
        let ack = sent[side(dir.opposite())];
        sent[side(dir)] += bytes.len() as i64 + i64::from(flags & (Flags::SYN | Flags::FIN) != 0);
        self.pieces.push(Piece {
            dir,
            at,
            bytes: bytes.to_vec(),
            flags,
            ack,
            window: 64_000,
            checksum: Checksum::Good,
            time: None,
        });
    }

    /// The first packet's time in nanoseconds since 1970, and nanoseconds from each to the next.
    pub fn clock(self, start: i64, pace: i64) -> Self {
        Self { start, pace, ..self }
    }

    /// Initial sequence numbers of client and server (the SYN's own); near `u32::MAX` they wrap.
    pub fn isn(self, client: u32, server: u32) -> Self {
        Self { isn: [client, server], ..self }
    }

    /// What packets begin with.
    pub fn link(self, link: Link) -> Self {
        Self { link, ..self }
    }

    /// VLAN tags, outermost first (Ethernet only).
    pub fn vlans(self, tags: &[u16]) -> Self {
        Self { vlans: tags.to_vec(), ..self }
    }

    /// Cuts captured packets at this many bytes.
    pub fn snaplen(self, snaplen: usize) -> Self {
        Self { snaplen, ..self }
    }

    /// Leaves all checksums of one sender to a network card that fills them in after the capture.
    pub fn offload(mut self, dir: Direction) -> Self {
        self.offload[side(dir)] = true;
        self
    }

    /// After each segment with payload, its receiver acknowledges it with an empty one. Call it before trouble.
    pub fn acked(mut self) -> Self {
        let mut sent = [-1i64; 2];
        let mut pieces = Vec::with_capacity(self.pieces.len() * 2);
        for piece in self.pieces.drain(..) {
            let control = i64::from(piece.flags & (Flags::SYN | Flags::FIN) != 0);
            sent[side(piece.dir)] = piece.range().end + control;
            let dir = piece.dir.opposite();
            let answer = Piece {
                dir,
                at: sent[side(dir)],
                bytes: vec![],
                flags: Flags::ACK,
                ack: sent[side(piece.dir)],
                ..piece.clone()
            };
            let wanted = !piece.bytes.is_empty();
            pieces.push(piece);
            pieces.extend(wanted.then_some(answer));
        }
        self.pieces = pieces;
        self
    }

    /// The pieces of one direction that carry payload.
    pub fn data(&self, dir: Direction) -> Vec<usize> {
        let wanted = |piece: &Piece| piece.dir == dir && !piece.bytes.is_empty();
        (0..self.pieces.len()).filter(|&i| wanted(&self.pieces[i])).collect()
    }

    /// The first piece that carries the byte at `at` of a stream.
    pub fn piece_at(&self, dir: Direction, at: u64) -> usize {
        let holds = |piece: &Piece| piece.dir == dir && piece.range().contains(&(at as i64));
        self.pieces.iter().position(holds).expect("a piece carries this byte")
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Vec<Piece>)) -> Self {
        change(&mut self.pieces);
        self
    }

    /// The capture lacks piece `i`.
    pub fn lose(self, i: usize) -> Self {
        self.with(|pieces| drop(pieces.remove(i)))
    }

    /// The capture lacks every piece that carries some byte of a range.
    pub fn lose_bytes(self, dir: Direction, range: Range<u64>) -> Self {
        let touches = move |piece: &Piece| {
            piece.dir == dir
                && piece.range().start < range.end as i64
                && (range.start as i64) < piece.range().end
        };
        self.with(|pieces| pieces.retain(|piece| !touches(piece)))
    }

    /// The capture begins with piece `i`.
    pub fn begin_at(self, i: usize) -> Self {
        self.with(|pieces| drop(pieces.drain(..i)))
    }

    /// The capture lacks the SYNs.
    pub fn no_syn(self) -> Self {
        self.with(|pieces| pieces.retain(|piece| piece.flags & Flags::SYN == 0))
    }

    /// Piece `i` is seen again at position `to`.
    pub fn duplicate(self, i: usize, to: usize) -> Self {
        self.with(|pieces| pieces.insert(to, pieces[i].clone()))
    }

    /// Piece `i` is seen at position `to` instead.
    pub fn shift(self, i: usize, to: usize) -> Self {
        self.with(|pieces| {
            let piece = pieces.remove(i);
            pieces.insert(to, piece);
        })
    }

    /// Two pieces change places.
    pub fn swap(self, i: usize, j: usize) -> Self {
        self.with(|pieces| pieces.swap(i, j))
    }

    /// Pieces after the opening change places, none by more than `distance`.
    pub fn shuffle(self, rng: &mut Rng, distance: u64) -> Self {
        self.with(|pieces| {
            let opening = pieces.iter().position(|piece| !piece.bytes.is_empty()).unwrap_or(pieces.len());
            let tail = pieces.split_off(opening);
            let mut keyed: Vec<_> = tail
                .into_iter()
                .enumerate()
                .map(|(i, piece)| (i as u64 + rng.below(distance + 1), piece))
                .collect();
            keyed.sort_by_key(|(key, _)| *key);
            pieces.extend(keyed.into_iter().map(|(_, piece)| piece));
        })
    }

    /// The sender sends a range of its stream again, seen at position `to`.
    pub fn resend(self, dir: Direction, range: Range<usize>, to: usize) -> Self {
        let bytes = self.streams[side(dir)][range.clone()].to_vec();
        self.overlap(dir, range.start as i64, &bytes, to)
    }

    /// A segment with any bytes at any place of the stream, seen at position `to`: a retransmission that differs.
    pub fn overlap(self, dir: Direction, at: i64, bytes: &[u8], to: usize) -> Self {
        let ack = self.reached(dir.opposite(), to);
        self.with(|pieces| {
            let piece = Piece {
                dir,
                at,
                bytes: bytes.to_vec(),
                flags: Flags::ACK | Flags::PSH,
                ack,
                window: 64_000,
                checksum: Checksum::Good,
                time: None,
            };
            pieces.insert(to, piece);
        })
    }

    /// A keep-alive with one byte of garbage, one before what `dir` has sent before position `to`. Do not
    /// reorder afterwards: garbage that overtakes the true byte is another story.
    pub fn keep_alive(self, dir: Direction, garbage: u8, to: usize) -> Self {
        // A FIN may have overtaken the bytes before it.
        let sent = self.pieces[..to].iter().filter(|piece| piece.dir == dir && !piece.bytes.is_empty());
        let ends = sent.map(|piece| piece.range().end);
        let at = ends.max().unwrap_or(0).max(0) - 1;
        self.overlap(dir, at, &[garbage], to)
    }

    /// Before piece `i` comes a copy that was damaged on the way: other bytes, and a checksum that shows it.
    pub fn damage(self, i: usize) -> Self {
        self.with(|pieces| {
            let mut copy = Piece { checksum: Checksum::Wrong, ..pieces[i].clone() };
            let middle = copy.bytes.len() / 2;
            copy.bytes.iter_mut().skip(middle).for_each(|byte| *byte ^= 0x55);
            pieces.insert(i, copy);
        })
    }

    /// How far a stream has come in the pieces before position `to`.
    pub fn reached(&self, dir: Direction, to: usize) -> i64 {
        let ends = self.pieces[..to].iter().filter(|piece| piece.dir == dir);
        ends.map(|piece| piece.range().end + i64::from(piece.flags & (Flags::SYN | Flags::FIN) != 0))
            .max()
            .unwrap_or(-1)
    }

    /// Up to `count` troubles that lose nothing: duplicates, overlapping retransmissions, late segments, keep-alives.
    /// Shuffle before, not after.
    pub fn trouble(mut self, rng: &mut Rng, count: usize) -> Self {
        // Late segments come first: a keep-alive's garbage must not overtake the byte that it repeats.
        let late = rng.below(count as u64 + 1) as usize;
        for turn in 0..count {
            let dir = if rng.chance(1, 2) { C2S } else { S2C };
            let data = self.data(dir);
            if data.is_empty() {
                continue;
            }
            let i = data[rng.below(data.len() as u64) as usize];
            let after = i + 1 + rng.below((self.pieces.len() - i) as u64) as usize;
            if turn < late {
                let last = self.pieces.iter().position(|piece| piece.flags & Flags::RST != 0);
                let to = i + 1 + rng.below(4) as usize;
                let to = to.min(last.unwrap_or(self.pieces.len()) - 1);
                self = self.shift(i, to);
                continue;
            }
            self = match rng.below(3) {
                0 => self.duplicate(i, after),
                1 => {
                    let range = self.pieces[i].range();
                    let (from, to) = (range.start.max(0) as u64, range.end as u64);
                    let from = from - rng.below(from.min(50) + 1);
                    let to = (to + rng.below(50)).min(self.reached(dir, after).max(to as i64) as u64);
                    let to = to.min(self.streams[side(dir)].len() as u64).min(from + 1460).max(from);
                    self.resend(dir, from as usize..to as usize, after)
                }
                _ => self.keep_alive(dir, rng.next() as u8, after),
            };
        }
        self
    }

    /// The parts of a stream that the capture holds in segments with a right checksum, in order.
    pub fn captured(&self, dir: Direction) -> Vec<Range<i64>> {
        let mut ranges: Vec<_> = self
            .pieces
            .iter()
            .filter(|piece| piece.dir == dir && piece.checksum == Checksum::Good && !piece.bytes.is_empty())
            .map(Piece::range)
            .collect();
        ranges.sort_by_key(|range| range.start);
        let mut joined: Vec<Range<i64>> = vec![];
        for range in ranges {
            match joined.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        joined
    }

    /// The messages of `talk` of which the capture lacks nothing.
    pub fn whole<'a>(&self, talk: &'a Conversation) -> Vec<&'a Expected> {
        let captured = [self.captured(C2S), self.captured(S2C)];
        let holds = |message: &&Expected| {
            let ranges = &captured[side(message.dir)];
            ranges.iter().any(|range| range.start <= message.at as i64 && message.end as i64 <= range.end)
        };
        talk.expected.iter().filter(holds).collect()
    }

    /// The packets, in order, with times that increase except where a piece has its own.
    pub fn packets(&self) -> Vec<Packet> {
        self.pieces.iter().enumerate().map(|(i, piece)| self.packet(i, piece)).collect()
    }

    fn packet(&self, i: usize, piece: &Piece) -> Packet {
        let own = side(piece.dir);
        let seq = |side: usize, at: i64| self.isn[side].wrapping_add((at + 1) as u32);
        let syn = piece.flags & Flags::SYN != 0;
        let tcp = Tcp {
            from: self.ends[own],
            to: self.ends[1 - own],
            seq: seq(own, piece.at),
            ack: if piece.flags & Flags::ACK != 0 { seq(1 - own, piece.ack) } else { 0 },
            flags: piece.flags,
            window: piece.window,
            options: if syn { &[2, 4, 5, 0xb4, 1, 3, 3, 7] } else { &[] },
            payload: &piece.bytes,
            checksum_off: match piece.checksum {
                Checksum::Wrong => 0x1111,
                Checksum::Good if self.offload[own] => 0x2345 + i as u16 % 100,
                Checksum::Good => 0,
            },
            id: i as u16,
        };
        let time = piece.time.unwrap_or(self.start + self.pace * i as i64);
        let mut packet = framed(time, self.link, &self.vlans, piece.dir == C2S, tcp_packet(&tcp));
        packet.bytes.truncate(self.snaplen);
        packet
    }
}

/// The segments that carry payload, in order.
fn cut(talk: &Conversation, split: &Split) -> Vec<(Direction, Range<usize>)> {
    let mut runs: Vec<(Direction, Range<usize>)> = vec![];
    for (dir, range) in &talk.writes {
        match runs.last_mut() {
            Some((last, run)) if last == dir && !matches!(split, Split::Writes(_)) => run.end = range.end,
            _ => runs.push((*dir, range.clone())),
        }
    }
    let mut out = vec![];
    let mut turn = 0;
    for (dir, mut run) in runs {
        while !run.is_empty() {
            let len = match split {
                Split::Writes(mss) | Split::Merged(mss) => *mss,
                Split::Sizes(sizes) => {
                    turn += 1;
                    sizes[(turn - 1) % sizes.len()]
                }
                Split::Cuts(cuts) => {
                    let next = cuts[side(dir)].iter().find(|&&cut| cut > run.start);
                    next.map_or(run.len(), |cut| cut - run.start)
                }
            };
            let end = run.end.min(run.start + len.clamp(1, 65_000));
            out.push((dir, run.start..end));
            run.start = end;
        }
    }
    out
}
