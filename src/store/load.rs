//! Details of a message, a frame or a TCP connection: the connection is done again, from the last checkpoint on.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

use super::detail::{
    Detail, FrameDetail, FramePiece, HeaderBytes, LayerDetail, LoadError, MessageDetail, PacketDetail,
    Release, Request, TcpDetail, TcpPacket,
};
use super::replay::Replay;
use super::rows::Marks;
use super::session::SharedSession;
use super::trail::{Packets, Route};
use crate::capture::View;
use crate::model::{
    Bytes, Chunk, ConnectionId, Direction, Endpoint, Flags, PacketRef, PerDirection, Place, SEALED, Span,
};
use crate::net::{Decoder, FragmentLimits, layers};
use crate::pipeline::{Connection, Limits, Sink, Wants};
use crate::ws::{FrameEvent, FrameHeader, Integrity, MessageEvent};

/// Bytes of packets of one detail.
const PACKET_BYTES: usize = 8 << 20;
/// Bytes of payloads of one detail's frames.
const PAYLOAD_BYTES: usize = 16 << 20;
/// Packets that open or end a connection, as many as are shown of each.
const TURNS: usize = 16;
/// Steps between two looks at whether it is still wanted.
const TURN: u32 = 256;

/// What a load needs beside the request.
pub(super) struct LoadSource<'a> {
    pub(super) shared: &'a SharedSession,
    /// Whether it is still wanted.
    pub(super) wanted: &'a dyn Fn() -> bool,
}

impl LoadSource<'_> {
    /// Loads what is asked for.
    pub(super) fn load(&self, request: &Request) -> Result<Detail, LoadError> {
        self.shared.archive.check().map_err(LoadError::Changed)?;
        if !self.shared.archive.is_kept() {
            return Err(LoadError::Gone);
        }
        match *request {
            Request::Message { connection, message } => self.message(connection, message),
            Request::Frame { connection, frame } => self.frame(connection, frame),
            Request::Tcp { connection } => self.tcp(connection),
        }
    }

    fn message(&self, connection: u32, number: u64) -> Result<Detail, LoadError> {
        let unknown = || LoadError::Unknown(format!("message {number} of connection {connection}"));
        let (tcp, row) = {
            let index = self.shared.board.read();
            let at = number.checked_sub(1).ok_or_else(unknown)? as usize;
            let messages = index.messages(connection);
            if at < messages.released() {
                return Err(LoadError::Released(Release::Row));
            }
            let row = messages.get(at).ok_or_else(unknown)?;
            (index.connection(connection).ok_or_else(unknown)?.tcp, *row)
        };
        let (route, view) = self.route(tcp, row.first_packet)?;
        let mut collect = Collect::new(&route, connection, Want::Message(number));
        collect.detail = Some(MessageDetail {
            connection,
            number,
            direction: row.direction(),
            opcode: row.opcode(),
            frames: Vec::new(),
            frame_count: 0,
            wire: Vec::new(),
            bytes: Vec::new(),
            len: None,
            whole: false,
            compressed: row.marks.has(Marks::COMPRESSED),
            integrity: Integrity::Ok,
            invalid_utf8_at: None,
            missing: None,
        });
        self.run(&route, &view, &mut collect)?;
        self.all_there(&collect, row.first_packet)?;
        let Collect { detail, frames, frame_count, done, .. } = collect;
        let mut detail = detail.ok_or_else(unknown)?;
        if !done && !row.marks.has(Marks::UNFINISHED) || frames.is_empty() {
            return Err(unknown());
        }
        detail.frame_count = frame_count;
        let (found, mut wire) = (frames, Vec::new());
        for (_, payload) in &found {
            let room = MessageDetail::BYTES.saturating_sub(wire.len()).min(payload.len());
            wire.extend_from_slice(payload.get(..room).unwrap_or_default());
        }
        detail.frames = self.with_packets(tcp, &route, &view, found)?;
        if !done {
            // Its end has not come: what its frames brought so far.
            detail.compressed = detail.frames.first().is_some_and(|frame| frame.header.rsv1());
            detail.bytes.clone_from(&wire);
        }
        detail.wire = wire;
        Ok(Detail::Message(Box::new(detail)))
    }

    fn frame(&self, connection: u32, number: u64) -> Result<Detail, LoadError> {
        let unknown = || LoadError::Unknown(format!("frame {number} of connection {connection}"));
        let (tcp, row) = {
            let index = self.shared.board.read();
            let at = number.checked_sub(1).ok_or_else(unknown)? as usize;
            let frames = index.frames(connection);
            if at < frames.released() {
                return Err(LoadError::Released(Release::Row));
            }
            let row = frames.get(at).ok_or_else(unknown)?;
            (index.connection(connection).ok_or_else(unknown)?.tcp, *row)
        };
        let (route, view) = self.route(tcp, row.packet)?;
        let mut collect = Collect::new(&route, connection, Want::Frame(number));
        self.run(&route, &view, &mut collect)?;
        self.all_there(&collect, row.packet)?;
        let frame = self.with_packets(tcp, &route, &view, collect.frames)?.pop().ok_or_else(unknown)?;
        Ok(Detail::Frame(Box::new(frame)))
    }

    /// The way to what begins in a packet, and bytes that reach as far as the way does.
    fn route(&self, tcp: ConnectionId, first: u32) -> Result<(Route, View), LoadError> {
        let first = self.shared.board.read().packet(first);
        let route = self.shared.fill().trails.route(tcp, first);
        Ok((route.ok_or(LoadError::Released(Release::Before))?, self.shared.archive.view()))
    }

    /// That no packet was missing which it takes to say what something is: what it would be without them is not what
    /// it was.
    fn all_there(&self, collect: &Collect<'_>, first: u32) -> Result<(), LoadError> {
        let Some(missing) = collect.missing else { return Ok(()) };
        let own = self.shared.board.read().packet(first).is_some_and(|first| missing >= first);
        Err(LoadError::Released(if own { Release::Packets } else { Release::Before }))
    }

    fn packets(&self, tcp: ConnectionId) -> Option<Packets> {
        self.shared.fill().trails.packets(tcp)
    }

    /// The index pass's bounds, but with the payloads that are to be seen.
    fn limits(&self) -> Limits {
        let mut limits = self.shared.limits.clone();
        limits.depth.frame_payloads = true;
        limits.depth.keep = MessageDetail::BYTES as u64;
        limits
    }

    fn run(&self, route: &Route, view: &View, collect: &mut Collect<'_>) -> Result<(), LoadError> {
        let view = Watched::new(view);
        let mut replay = Replay::new(route, self.limits(), &view);
        let mut turn = 0u32;
        while !collect.done {
            let packet = replay.next_packet();
            if !replay.step(&view, collect) {
                break;
            }
            if view.missed() {
                collect.missing = packet;
            }
            turn = turn.wrapping_add(1);
            if turn.is_multiple_of(TURN) && !(self.wanted)() {
                return Err(LoadError::Cancelled);
            }
        }
        Ok(())
    }

    /// The frames with the packets that carried them.
    fn with_packets(
        &self,
        tcp: ConnectionId,
        route: &Route,
        view: &View,
        frames: Vec<(FoundFrame, Vec<u8>)>,
    ) -> Result<Vec<FrameDetail>, LoadError> {
        let numbers = frames.iter().flat_map(|(found, _)| found.parts.iter().map(|part| part.origin));
        let mut packets: BTreeMap<u64, Option<PacketRef>> = numbers.map(|number| (number, None)).collect();
        let mut missing = packets.len();
        let mut fill = |walk: &mut dyn Iterator<Item = PacketRef>| {
            while missing > 0
                && let Some(packet) = walk.next()
            {
                if let Some(slot @ None) = packets.get_mut(&packet.number) {
                    *slot = Some(packet);
                    missing -= 1;
                }
            }
        };
        fill(
            &mut route.walk.clone().filter_map(|act| super::steps::packet_of(&act)).map(|(packet, _)| packet),
        );
        // What waited behind a hole came before the checkpoint.
        if let Some(mut all) = self.packets(tcp) {
            fill(&mut all);
        }
        let mut room = PACKET_BYTES;
        let mut details = Vec::with_capacity(frames.len());
        for (found, mut payload) in frames {
            payload.truncate(FrameDetail::BYTES);
            let mut pieces = Vec::with_capacity(found.parts.len());
            for part in &found.parts {
                let Some(Some(packet)) = packets.get(&part.origin) else { continue };
                // Of what was decrypted, below the mark, where the encrypted bytes are.
                let marked = part.address >> 60 == SEALED >> 60;
                let address = if marked { part.address & !(0xF << 60) } else { part.address };
                let start = address.checked_sub(packet.bytes.start);
                let len = part.of_frame.end - part.of_frame.start;
                let fits = start.filter(|start| start.saturating_add(len) <= u64::from(packet.bytes.len));
                let of_packet = fits.map_or(0..0, |start| start as usize..(start + len) as usize);
                let packet = packet_detail(packet, view, &mut room);
                pieces.push(FramePiece { of_frame: part.of_frame.clone(), of_packet, packet });
            }
            details.push(FrameDetail {
                number: found.number,
                direction: found.direction,
                header: found.header,
                header_bytes: header_bytes(found.header),
                payload,
                at: found.at,
                first: found.first,
                last: found.last,
                complete: found.complete,
                pieces,
            });
            if !(self.wanted)() {
                return Err(LoadError::Cancelled);
            }
        }
        Ok(details)
    }

    fn tcp(&self, connection: u32) -> Result<Detail, LoadError> {
        let unknown = || LoadError::Unknown(format!("connection {connection}"));
        let (tcp, client) = {
            let index = self.shared.board.read();
            let row = index.connection(connection).ok_or_else(unknown)?;
            (row.tcp, row.client)
        };
        let mut packets = self.packets(tcp).ok_or_else(unknown)?;
        let view = self.shared.archive.view();
        let (packet_count, wire_bytes) = (packets.total(), packets.wire_bytes());
        let mut headers = (packet_count <= TcpDetail::COUNTED).then(HeaderBytes::default);
        let mut opening = Vec::new();
        let mut opened = false;
        let mut closing: VecDeque<TcpPacket> = VecDeque::new();
        // After a FIN, the next packets acknowledge it.
        let mut acknowledgments = 0;
        while let Some((packet, flags)) = packets.next_with_flags() {
            if let Some(headers) = &mut headers {
                headers.add(&packet, view.bytes(packet.bytes).unwrap_or_default());
            }
            let ends = flags.has(Flags::FIN | Flags::RST);
            if opened && !ends && acknowledgments == 0 {
                continue;
            }
            let Some(packet) = tcp_packet(&packet, &view, client) else { continue };
            if !opened {
                opened = packet.len > 0 || opening.len() == TURNS;
                if !opened && !packet.flags.has(Flags::FIN | Flags::RST) {
                    opening.push(packet);
                    continue;
                }
            }
            if ends || packet.flags.has(Flags::FIN | Flags::RST) {
                acknowledgments = 2;
            } else if acknowledgments == 0 || packet.len > 0 {
                continue;
            } else {
                acknowledgments -= 1;
            }
            if closing.len() == TURNS {
                closing.pop_front();
            }
            closing.push_back(packet);
        }
        opening.extend(closing);
        let packets = opening;
        Ok(Detail::Tcp(Box::new(TcpDetail { connection, tcp, packets, packet_count, wire_bytes, headers })))
    }
}

impl HeaderBytes {
    fn add(&mut self, packet: &PacketRef, bytes: &[u8]) {
        for layer in layers(packet, bytes) {
            let sum = match layer.osi {
                2 => &mut self.link,
                3 => &mut self.network,
                _ => &mut self.transport,
            };
            *sum = sum.saturating_add(layer.range.len() as u64);
        }
    }
}

/// What a packet's TCP header says.
fn tcp_packet(packet: &PacketRef, view: &View, client: Endpoint) -> Option<TcpPacket> {
    let bytes = view.bytes(packet.bytes)?;
    let segment = Decoder::new(&FragmentLimits::default()).decode(packet, bytes).ok()?;
    let from_client = segment.source == client;
    Some(TcpPacket {
        place: Place { packet: packet.number, time: packet.time },
        direction: if from_client { Direction::ClientToServer } else { Direction::ServerToClient },
        flags: segment.flags,
        seq: segment.seq,
        ack: segment.ack,
        len: segment.claimed_len,
    })
}

/// A packet with its layers, as long as there is room for more.
fn packet_detail(packet: &PacketRef, view: &View, room: &mut usize) -> PacketDetail {
    let bytes = view.bytes(packet.bytes).unwrap_or_default();
    if bytes.len() > *room {
        *room = 0;
        return PacketDetail { packet: *packet, bytes: Vec::new(), layers: Vec::new() };
    }
    *room -= bytes.len();
    let layers = layers(packet, bytes).into_iter().map(|layer| LayerDetail {
        name: layer.name,
        osi: layer.osi,
        range: layer.range,
        words: layer.words,
    });
    PacketDetail { packet: *packet, bytes: bytes.to_vec(), layers: layers.collect() }
}

/// A header as it was on the wire: nothing of that is lost in [`FrameHeader`].
fn header_bytes(header: FrameHeader) -> Vec<u8> {
    let mut bytes = header.head.to_vec();
    match header.head[1] & 0x7f {
        126 => bytes.extend_from_slice(&(header.payload_len as u16).to_be_bytes()),
        127 => bytes.extend_from_slice(&header.payload_len.to_be_bytes()),
        _ => {}
    }
    if header.masked() {
        bytes.extend_from_slice(&header.masking_key);
    }
    bytes
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Message(u64),
    Frame(u64),
}

/// The capture's bytes, with a note of what was asked for and is not there.
pub(super) struct Watched<'a> {
    view: &'a View,
    missing: Cell<bool>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(view: &'a View) -> Self {
        Self { view, missing: Cell::new(false) }
    }

    /// Whether something was missing since the last time.
    pub(super) fn missed(&self) -> bool {
        self.missing.take()
    }
}

impl Bytes for Watched<'_> {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        let found = self.view.bytes(span);
        if found.is_none() && span.len > 0 {
            self.missing.set(true);
        }
        found
    }
}

/// A run of bytes of a direction, by address.
#[derive(Clone, Copy, Debug)]
struct ByteRun {
    at: u64,
    len: u64,
    address: u64,
    origin: u64,
}

/// A part of a frame.
#[derive(Clone, Debug)]
struct FramePart {
    of_frame: std::ops::Range<u64>,
    address: u64,
    origin: u64,
}

/// A frame that was looked for.
#[derive(Debug)]
struct FoundFrame {
    number: u64,
    direction: Direction,
    header: FrameHeader,
    at: u64,
    first: Place,
    last: Place,
    complete: bool,
    parts: Vec<FramePart>,
}

/// The runs of a direction from the start of the frame at hand on: the first ones, and the newest. While frames are searched
/// for after a loss, it is not known where the next one starts.
#[derive(Debug, Default)]
struct Runs {
    first: VecDeque<ByteRun>,
    newest: VecDeque<ByteRun>,
}

impl Runs {
    fn push(&mut self, run: ByteRun) {
        if self.newest.is_empty() && self.first.len() < FrameDetail::PACKETS {
            self.first.push_back(run);
            return;
        }
        if self.newest.len() == FrameDetail::PACKETS {
            self.newest.pop_front();
        }
        self.newest.push_back(run);
    }

    /// The parts of a frame, as many as are shown.
    fn parts(&self, at: u64, len: u64) -> Vec<FramePart> {
        let end = at.saturating_add(len);
        let part = |run: &ByteRun| {
            let (from, to) = (run.at.max(at), run.at.saturating_add(run.len).min(end));
            let address = run.address.wrapping_add(from.wrapping_sub(run.at));
            (from < to).then(|| FramePart { of_frame: from - at..to - at, address, origin: run.origin })
        };
        self.first.iter().chain(&self.newest).filter_map(part).take(FrameDetail::PACKETS).collect()
    }

    /// Forgets what lies before an offset.
    fn forget(&mut self, end: u64) {
        let is_over = |run: &ByteRun| run.at.saturating_add(run.len) <= end;
        let forget = |runs: &mut VecDeque<ByteRun>| {
            let over = runs.iter().take_while(|run| is_over(run)).count();
            runs.drain(..over);
        };
        forget(&mut self.first);
        if self.first.is_empty() {
            forget(&mut self.newest);
            std::mem::swap(&mut self.first, &mut self.newest);
        }
    }
}

/// Collects one message or one frame out of a connection that is done again.
struct Collect<'a> {
    route: &'a Route,
    connection: u32,
    want: Want,
    runs: PerDirection<Runs>,
    /// With the payload, as much as is kept of a message.
    frames: Vec<(FoundFrame, Vec<u8>)>,
    frame_count: u64,
    payload_bytes: usize,
    detail: Option<MessageDetail>,
    scratch: Vec<u8>,
    done: bool,
    /// The last packet whose bytes were not there.
    missing: Option<u64>,
}

impl<'a> Collect<'a> {
    fn new(route: &'a Route, connection: u32, want: Want) -> Self {
        Self {
            route,
            connection,
            want,
            runs: PerDirection::default(),
            frames: Vec::new(),
            frame_count: 0,
            payload_bytes: 0,
            detail: None,
            scratch: Vec::new(),
            done: false,
            missing: None,
        }
    }

    fn is_meant(&self, connection: &Connection) -> bool {
        self.route.number(connection.id) == Some(self.connection)
    }
}

impl Sink for Collect<'_> {
    fn wants(&self) -> Wants {
        Wants { chunks: true, ..Wants::default() }
    }

    fn chunk(&mut self, connection: &Connection, direction: Direction, chunk: &Chunk<'_>) {
        // One TCP connection may carry several.
        if !self.is_meant(connection) {
            return;
        }
        let len = chunk.bytes.len() as u64;
        let run = ByteRun { at: chunk.at, len, address: chunk.address, origin: chunk.origin.packet };
        self.runs.of_mut(direction).push(run);
    }

    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        let len = (frame.header.len() as u64).saturating_add(frame.header.payload_len);
        let wanted = match self.want {
            Want::Message(number) => frame.message == Some(number),
            Want::Frame(number) => frame.number == number,
        };
        if wanted && self.is_meant(connection) {
            self.frame_count += 1;
            if self.frames.len() < MessageDetail::FRAMES {
                let mut scratch = std::mem::take(&mut self.scratch);
                let payload = frame.read(&mut scratch);
                let wire = MessageDetail::BYTES.saturating_sub(self.payload_bytes).max(FrameDetail::BYTES);
                let room = wire.min(PAYLOAD_BYTES.saturating_sub(self.payload_bytes));
                let payload = payload.get(..payload.len().min(room)).unwrap_or_default().to_vec();
                self.payload_bytes += payload.len();
                let found = FoundFrame {
                    number: frame.number,
                    direction: frame.direction,
                    header: frame.header,
                    at: frame.start.at,
                    first: frame.start.place,
                    last: frame.last,
                    complete: frame.complete,
                    parts: self.runs.of(frame.direction).parts(frame.start.at, len),
                };
                self.frames.push((found, payload));
                self.scratch = scratch;
            }
            self.done |= matches!(self.want, Want::Frame(_));
        }
        if self.is_meant(connection) {
            self.runs.of_mut(frame.direction).forget(frame.start.at.saturating_add(len));
        }
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        if self.want != Want::Message(message.number) || !self.is_meant(connection) {
            return;
        }
        if let Some(detail) = &mut self.detail {
            detail.bytes = message.bytes.to_vec();
            (detail.len, detail.whole) = (message.len, message.whole);
            (detail.compressed, detail.integrity) = (message.compressed, message.integrity);
            (detail.invalid_utf8_at, detail.missing) = (message.invalid_utf8_at, message.missing);
            detail.opcode = message.opcode;
        }
        self.done = true;
    }
}
