//! The events of the pipeline, what they are about, and the [`Sink`] that takes them.

use std::any::Any;
use std::fmt::Arguments;
use std::sync::Arc;

use crate::http::http2::error_name;
use crate::model::{
    Chunk, ConnectionId, Direction, Endpoint, Flags, Loss, Nanos, PacketRef, PerDirection, Place, Rule,
    Tally, Time, WebSocketId,
};
use crate::subproto::Heartbeats;
use crate::ws::{FrameEvent, MessageEvent, Spot, StreamEnd, WebSocket};

pub use super::connection_info::{Connection, HeadPlace, Tls};

/// Records of application data in one direction of a connection that was not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// How many.
    pub records: u64,
    /// Their bytes, headers left out.
    pub bytes: u64,
    /// Those of at most 256 bytes.
    pub small: u64,
}

/// A TLS connection whose content was not read: what its handshake says in the clear, and how its records look.
#[derive(Clone, Debug)]
pub struct SealedTls {
    /// The number of its TCP connection.
    pub tcp: ConnectionId,
    /// The end that sent the ClientHello.
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
    /// It runs inside an HTTP CONNECT tunnel.
    pub tunnelled: bool,
    /// What was agreed on; an empty version or cipher suite is not known.
    pub session: Tls,
    /// The protocols that the client offers.
    pub offered: Vec<String>,
    /// Why it was not read: `no-secret`, `unsupported`, `lost`, `no-handshake`.
    pub why: &'static str,
    /// How much it looks like a WebSocket by ALPN, sizes and times: `no`, `unknown`, `some`, `much`. A hint, and no more.
    pub resembles: &'static str,
    /// Its records of application data.
    pub records: PerDirection<RecordCounts>,
    /// Its first packet with payload.
    pub first: Place,
    /// The last one that was looked at.
    pub last: Place,
    /// It was looked at to its end.
    pub whole: bool,
}

/// How a connection stands at its end, or at the capture's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The capture ends, the connection does not.
    Open,
    /// Both sides closed it.
    Closed,
    /// A RST ended it.
    Reset,
    /// It fell silent.
    TimedOut,
    /// The server refused the upgrade.
    Refused,
    /// No response was captured.
    Unanswered,
}

impl State {
    /// The word of the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::TimedOut => "timed-out",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
        }
    }
}

/// Why a connection is not followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotWebSocket {
    /// It carries TLS: a WebSocket inside would be wss.
    Tls,
    /// HTTP/1 without a WebSocket.
    Http,
    /// HTTP/2, with prior knowledge or by upgrade.
    Http2,
    /// Another protocol.
    Unknown,
}

/// Counts of packets, and of connections without a WebSocket.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Packets.
    pub packets: u64,
    /// Packets that are TCP segments.
    pub segments: u64,
    /// Packets skipped, by reason, in the order first seen.
    pub skipped: Vec<(&'static str, u64)>,
    /// Connections with TLS.
    pub tls: u64,
    /// Connections with HTTP but without WebSocket.
    pub http: u64,
    /// Connections with HTTP/2 but without WebSocket.
    pub http2: u64,
    /// Connections with another protocol.
    pub unknown: u64,
    /// Packets that the snap length cut.
    pub cut: CutPackets,
}

/// Packets of which the capture has not all bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct CutPackets {
    /// How many.
    pub count: u64,
    /// The most bytes that any of them has: the snap length.
    pub most: u32,
    /// The first of them.
    pub first: Place,
}

impl Seen {
    pub(super) fn count_mut(&mut self, why: NotWebSocket) -> &mut u64 {
        match why {
            NotWebSocket::Tls => &mut self.tls,
            NotWebSocket::Http => &mut self.http,
            NotWebSocket::Http2 => &mut self.http2,
            NotWebSocket::Unknown => &mut self.unknown,
        }
    }
}

/// The receive window of a side, which was closed: its application did not read what had come (RFC 9293 section 3.8.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosedWindow {
    /// How often it was closed.
    pub times: u32,
    /// Nanoseconds for which it was closed, without the time from `since` on.
    pub before: Nanos,
    /// The packet that closed it last, where no later one opened it.
    pub since: Option<Place>,
    /// Probes of the other side while it was closed.
    pub probes: u32,
}

impl ClosedWindow {
    /// Nanoseconds for which it was closed, up to a packet.
    #[must_use]
    pub fn total(&self, until: Place) -> Nanos {
        let last = self.since.map_or(Nanos::ZERO, |since| until.time.since(since.time).max(Nanos::ZERO));
        self.before.plus(last)
    }
}

/// A time without bytes of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The last packet with new bytes before it.
    pub since: Place,
    /// The packet whose bytes ended it.
    pub until: Place,
}

/// What went wrong below the frames before the end, as the TCP headers tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strain {
    /// The receive window of each side.
    pub windows: PerDirection<ClosedWindow>,
    /// How often each side sent bytes again since it last sent new ones.
    pub resent: PerDirection<u32>,
    /// The last silence of at least ten seconds that bytes ended, and whose bytes, where the other side sent none after them.
    pub silence: Option<(Direction, Silence)>,
    /// The last keep-alive probe.
    pub keep_alive: Option<Place>,
    /// The TTL of the RST, and that of its sender's first bytes, where they differ.
    pub reset_ttl: Option<(u8, u8)>,
}

/// How the bytes under a WebSocket ended, and what was last seen of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Why nothing more is read.
    pub how: StreamEnd,
    /// The first FIN of each side; inside HTTP/2 also END_STREAM.
    pub fin: PerDirection<Option<Place>>,
    /// The RST that ended it, and whose address it came from; inside HTTP/2 also RST_STREAM.
    pub reset: Option<(Direction, Place)>,
    /// The last packet of each side that brought bytes of HTTP or of frames which came in order.
    pub said: PerDirection<Option<Place>>,
    /// Bytes of each side's stream that the other's TCP had not acknowledged, as far as was captured.
    pub unacknowledged: PerDirection<u64>,
    /// Whether packets of each side were captured.
    pub heard: PerDirection<bool>,
    /// Whether the first byte of each side's stream is known. Where it is not, bytes before the first captured one may be
    /// missing.
    pub anchored: PerDirection<bool>,
    /// Its last packet.
    pub last: Place,
    /// The packet of the capture at which this was known: for a capture's end, its last one.
    pub until: Place,
    /// What went wrong below the frames; `None` where nothing did, and inside HTTP/2.
    pub strain: Option<Box<Strain>>,
    /// What ended its stream inside HTTP/2; `None` outside.
    pub stream: Option<StreamFrames>,
}

/// The frames of HTTP/2 that ended a stream. Without them it ended with TCP, or did not end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFrames {
    /// Who sent END_STREAM: that side's `fin` is its place, and no FIN of TCP.
    pub end_stream: PerDirection<bool>,
    /// The error code of the RST_STREAM whose place is `reset`.
    pub reset: Option<u32>,
}

impl Ending {
    /// The first FIN or RST; `None` where none was captured.
    #[must_use]
    pub fn first(&self) -> Option<TransportEnd> {
        let fin = |by: Direction| Some(TransportEnd { by, place: (*self.fin.of(by))?, is_reset: false });
        let reset = self.reset.map(|(by, place)| TransportEnd { by, place, is_reset: true });
        let all = Direction::BOTH.into_iter().filter_map(fin).chain(reset);
        all.min_by_key(|end| end.place.packet)
    }

    /// What a side's `fin` is called: `FIN`, inside HTTP/2 `END_STREAM` where the stream ended by itself.
    #[must_use]
    pub fn fin_name(&self, by: Direction) -> &'static str {
        if self.stream.is_some_and(|stream| *stream.end_stream.of(by)) { "END_STREAM" } else { "FIN" }
    }

    /// What `reset` is called: `RST`, inside HTTP/2 `RST_STREAM` where a side reset the stream alone.
    #[must_use]
    pub fn reset_name(&self) -> &'static str {
        if self.reset_code().is_some() { "RST_STREAM" } else { "RST" }
    }

    /// The error code of the RST_STREAM that ended it.
    #[must_use]
    pub fn reset_code(&self) -> Option<u32> {
        self.stream.and_then(|stream| stream.reset)
    }

    /// The name of that code, as RFC 9113 section 7 has it.
    #[must_use]
    pub fn reset_error(&self) -> Option<&'static str> {
        self.reset_code().map(error_name)
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self {
            how: StreamEnd::Capture,
            fin: PerDirection::default(),
            reset: None,
            said: PerDirection::default(),
            unacknowledged: PerDirection::default(),
            heard: PerDirection::default(),
            anchored: PerDirection { c2s: true, s2c: true },
            last: Place::default(),
            until: Place::default(),
            strain: None,
            stream: None,
        }
    }
}

/// What ended TCP, or the stream of HTTP/2, first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportEnd {
    /// By whose address.
    pub by: Direction,
    /// The packet.
    pub place: Place,
    /// It was a RST, no FIN.
    pub is_reset: bool,
}

/// A connection at its end.
#[derive(Debug)]
pub struct Ended<'a> {
    /// What it is.
    pub connection: &'a Connection,
    /// How it ended.
    pub state: State,
    /// When it ended; `None` while it is open.
    pub closed: Option<Time>,
    /// Its frames' state; `None` where it was never opened.
    pub socket: Option<&'a WebSocket>,
    /// The heartbeats of its subprotocol, where one with heartbeats is known.
    pub heartbeats: Option<&'a Heartbeats>,
    /// Its findings.
    pub findings: &'a Tally,
    /// How its bytes ended.
    pub ending: Ending,
    /// Missing bytes in its streams: how many gaps, how many bytes.
    pub gaps: (u64, u64),
}

/// What a sink looks at: events that it does not need cost nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// The handshake's heads are needed at the connection's end.
    pub heads: bool,
    /// What happens to each connection that may hold a WebSocket: [`Sink::replay_step`].
    pub replay_steps: bool,
    /// Bytes in order, before they are read.
    pub chunks: bool,
    /// Follow TLS connections that cannot be decrypted, and report them.
    pub sealed: bool,
    /// They are reported at their end even if their secrets may still come, and withdrawn when they are read.
    pub drafts: bool,
}

/// Takes the pipeline's events, in the order in which they became certain.
///
/// Each event has the packet that completed it. These packets never go back by more than what
/// [`watermark`](Self::watermark) announced, but for those of frames and messages whose end never came: that
/// is known when their connection is over, and they have its last packet. What was captured of a connection before it was
/// recognised without its handshake comes when it is, with its own packets.
pub trait Sink {
    /// What this sink looks at.
    fn wants(&self) -> Wants {
        Wants { heads: true, ..Wants::default() }
    }
    /// Bytes of memory that it keeps for the connections that are not over, about: they count among what all connections hold.
    fn held(&self) -> u64 {
        0
    }
    /// The capture begins: the time of its first packet.
    fn begins(&mut self, first: Time) {
        let _ = first;
    }
    /// A WebSocket opened: its handshake is complete.
    fn opened(&mut self, connection: &Connection) {
        let _ = connection;
    }
    /// A frame.
    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        let _ = (connection, frame);
    }
    /// A message.
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        let _ = (connection, message);
    }
    /// A finding; `connection` is `None` where it concerns the capture.
    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        let _ = (connection, rule, spot, text);
    }
    /// The capture lost packets, before those that come now.
    fn lost(&mut self, loss: &Loss) {
        let _ = loss;
    }
    /// A connection ended, was refused, or the capture did.
    fn ended(&mut self, ended: &Ended<'_>) {
        let _ = ended;
    }
    /// A TLS connection ended, or was let go, that could not be read.
    fn sealed(&mut self, sealed: &SealedTls) {
        let _ = sealed;
    }
    /// A TLS connection is no longer one that could not be read: it is read now, or reported once more. Only with
    /// [`Wants::drafts`].
    fn withdrawn(&mut self, tcp: ConnectionId) {
        let _ = tcp;
    }
    /// Something happened to a connection, and was processed.
    fn replay_step(&mut self, step: &ReplayStep<'_>) {
        let _ = step;
    }
    /// A packet was an IP fragment, or made a datagram whole. What it brought comes before or after.
    fn fragment(&mut self, packet: &PacketRef) {
        let _ = packet;
    }
    /// Bytes of an open WebSocket, the next in order.
    fn chunk(&mut self, connection: &Connection, direction: Direction, chunk: &Chunk<'_>) {
        let _ = (connection, direction, chunk);
    }
    /// From here on, events of packets from `packet` on may still come; `u64::MAX`: only those of the
    /// packet at hand and later ones. Called when that changes.
    fn watermark(&mut self, packet: u64) {
        let _ = packet;
    }
}

/// What a connection releases when all connections together hold too much memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// Its gaps are given up: the segments that wait behind them are read.
    Holes,
    /// Payloads of incomplete messages, and incomplete heads. Length and hash of such messages stay known.
    Payloads,
    /// Compression windows.
    Windows,
}

/// Something that happened to a connection. Replaying all of them gives the same events again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayEvent {
    /// A packet of its own, with its control bits.
    Packet(PacketRef, Flags),
    /// A wait timed out, and the connection was checked again.
    Recheck(Place),
    /// It was ended from outside.
    End(StreamEnd, Place),
    /// A new connection took its ports.
    Reuse(Place),
    /// It released memory.
    Shed(Shed, Place),
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowState {
    /// No payload yet.
    Opening,
    /// HTTP/1, as far as is known.
    Http,
    /// A WebSocket is open.
    WebSocket,
    /// It holds no WebSocket.
    Dropped,
    /// It ended.
    Ended,
    /// It ended, and could not be decrypted yet: its TLS secret may still arrive.
    AwaitingSecret,
    /// Its state was discarded.
    Forgotten,
}

/// Reports what happened to a connection, after the pipeline has processed it.
pub struct ReplayStep<'a> {
    /// The connection.
    pub tcp: ConnectionId,
    /// What happened; `None` where the connection was only forgotten.
    pub event: Option<ReplayEvent>,
    /// How far it is now.
    pub state: FollowState,
    /// It is followed from its middle on, so it cannot be replayed from its first packet.
    pub mid_stream: bool,
    pub(super) checkpoint: Option<&'a dyn Fn() -> Checkpoint>,
}

impl ReplayStep<'_> {
    /// Copies the connection's state after this step, for [`Pipeline::fork`](super::Pipeline::fork). `None` where the
    /// connection is not followed.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoint.map(|copy| copy())
    }
}

/// A copy of a connection's state between two of its packets.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// What only the pipeline can read.
    pub(super) state: Arc<dyn Any + Send + Sync>,
    /// Its size in bytes, approximately.
    pub(super) size: usize,
    /// How many WebSockets had been numbered.
    pub(super) websockets: u32,
    /// The lowest capture address whose bytes may be read again.
    pub(super) oldest_address: u64,
}

impl Checkpoint {
    /// Whether a WebSocket was already numbered.
    #[must_use]
    pub fn has(&self, websocket: WebSocketId) -> bool {
        websocket.0 <= self.websockets
    }

    /// Whether bytes of a packet that came before may still be read.
    #[must_use]
    pub fn may_read(&self, packet: &PacketRef) -> bool {
        packet.bytes.start.saturating_add(packet.bytes.len.into()) > self.oldest_address
    }

    /// Bytes of memory, approximately.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }
}

/// Which WebSocket of a forked connection an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// One that has its number from the capture.
    Known(WebSocketId),
    /// One that opened after the checkpoint: its index among these, from 0.
    New(usize),
}

impl Forked {
    /// New WebSockets of a fork are numbered from here on: no number of the capture is as high.
    pub(super) const NEW: u32 = 1 << 31;

    /// Of an event's connection.
    #[must_use]
    pub fn of(id: WebSocketId) -> Self {
        match id.0.checked_sub(Self::NEW + 1) {
            Some(new) => Self::New(new as usize),
            None => Self::Known(id),
        }
    }
}

/// A finding that waits until the WebSocket that it belongs to has opened.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) rule: &'static Rule,
    pub(super) spot: Spot,
    pub(super) text: String,
}

impl Pending {
    /// Bytes of memory that it takes, itself included, about.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.text.capacity()
    }
}
