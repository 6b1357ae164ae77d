//! What all connections share: the limits, the totals, the bytes of the capture, the sink.

use std::collections::BTreeMap;

use super::capture_drops::CaptureDrops;
use super::connect_attempts::Servers;
use super::events::Sink;
use super::limits::Limits;
use super::sides::{Identity, Side};
use crate::model::{Bytes, Direction, Losses, Place, Segment, Span, Tally, Time, WebSocketId};
use crate::net::{ARENA_BASE, Decoder};
use crate::ws::{self, Scratch, WebSocket};

/// Totals over all connections.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// TCP connections.
    pub tcp_connections: u64,
    /// WebSockets, refused and unanswered attempts included.
    pub websockets: u64,
    /// Frames.
    pub frames: u64,
    /// Messages, control frames included.
    pub messages: u64,
    /// Findings.
    pub findings: Tally,
    /// Gaps in streams of WebSockets.
    pub gaps: u64,
    /// Bytes of these gaps.
    pub gap_bytes: u64,
    /// The snap length cut heads of handshakes, or what may be some.
    pub(super) cut_heads: bool,
    /// Checksum offload was reported.
    pub(super) offload_reported: bool,
}

/// The capture's totals, for the end of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Packets.
    pub packets: u64,
    /// Bytes of the capture, unpacked.
    pub capture_bytes: u64,
    /// Connections, frames, messages, findings, gaps.
    pub totals: Totals,
    /// Skipped packets by reason.
    pub skipped: Vec<(&'static str, u64)>,
    /// Packets that were lost while capturing, as far as that is known.
    pub losses: Losses,
    /// Whether all of the input was there and readable.
    pub input_complete: bool,
    /// Inputs of which nothing could be read, while others could.
    pub unreadable: Vec<String>,
}

impl Totals {
    /// Counts a WebSocket that ended, with its gaps and their bytes.
    pub(super) fn count(&mut self, ws: &WebSocket, gaps: (u64, u64)) {
        for direction in Direction::BOTH {
            self.frames += ws.counts(direction).frames;
            self.messages += ws.counts(direction).messages;
        }
        self.count_attempt(ws.findings(), gaps);
    }

    /// Counts what is known of an attempt to open a WebSocket, with its gaps and their bytes.
    pub(super) fn count_attempt(&mut self, findings: &Tally, (gaps, bytes): (u64, u64)) {
        self.findings.merge(findings);
        self.gaps += gaps;
        self.gap_bytes += bytes;
    }
}

/// The packets whose events may still come, each with the number of connections that wait there.
#[derive(Debug, Default)]
pub(super) struct Watermark {
    packets: BTreeMap<u64, u32>,
    announced: Option<u64>,
}

impl Watermark {
    /// No packet: the value of [`Listed`] while a connection waits for nothing.
    const NONE: u64 = u64::MAX;

    /// Bytes of memory, about.
    pub(super) fn size(&self) -> usize {
        /// An entry, with the room that is free in the map's nodes.
        const ENTRY: usize = 32;
        self.packets.len() * ENTRY
    }

    /// Takes a connection off the list.
    pub(super) fn remove(&mut self, listed: &mut Listed) {
        if listed.0 != Self::NONE {
            if let Some(count) = self.packets.get_mut(&listed.0) {
                *count -= 1;
                if *count == 0 {
                    self.packets.remove(&listed.0);
                }
            }
            listed.0 = Self::NONE;
        }
    }
}

/// The packet under which a connection is listed in the [`Watermark`].
#[derive(Clone, Debug)]
pub(super) struct Listed(u64);

impl Default for Listed {
    fn default() -> Self {
        Self(Watermark::NONE)
    }
}

/// What all connections share, apart from the bytes and the sink.
#[derive(Debug)]
pub(super) struct SharedState {
    pub(super) limits: Limits,
    pub(super) scratch: Scratch,
    pub(super) totals: Totals,
    /// How many WebSockets were numbered.
    pub(super) websockets: u32,
    pub(super) watermark: Watermark,
    /// Buffer for one TLS record.
    pub(super) record: Vec<u8>,
    /// What may still be spent on searches for TLS records.
    #[cfg(feature = "tls")]
    pub(super) patience: crate::tls::Patience,
    pub(super) drops: CaptureDrops,
    pub(super) servers: Servers,
    /// The connection that ends now is given up to release its memory.
    pub(super) is_giving_up: bool,
}

impl SharedState {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            scratch: Scratch::default(),
            totals: Totals::default(),
            websockets: 0,
            watermark: Watermark::default(),
            record: Vec::new(),
            #[cfg(feature = "tls")]
            patience: crate::tls::Patience::default(),
            drops: CaptureDrops::default(),
            servers: Servers::default(),
            is_giving_up: false,
        }
    }

    #[inline]
    pub(super) fn context<'a>(
        &'a mut self,
        identity: &'a Identity,
        bytes: ByteSource<'a>,
        sink: &'a mut dyn Sink,
    ) -> Context<'a> {
        Context {
            identity,
            bytes,
            limits: &self.limits,
            sink,
            scratch: &mut self.scratch,
            totals: &mut self.totals,
            websockets: &mut self.websockets,
            watermark: &mut self.watermark,
            record: &mut self.record,
            #[cfg(feature = "tls")]
            patience: &mut self.patience,
            drops: &self.drops,
            servers: &mut self.servers,
            is_giving_up: self.is_giving_up,
        }
    }
}

/// A TCP segment, with its connection and the packet that carried it.
#[derive(Clone, Copy)]
pub(super) struct CapturedSegment<'a> {
    pub(super) segment: Segment,
    /// The slot of its connection.
    pub(super) slot: u32,
    /// The side that sent it.
    pub(super) from: Side,
    /// The bytes of the packet.
    pub(super) packet: &'a [u8],
    pub(super) place: Place,
    /// The time of the connection's packet before it.
    pub(super) previous: Time,
    /// The bytes of the capture.
    pub(super) capture: &'a dyn Bytes,
}

impl CapturedSegment<'_> {
    /// Where its payload is.
    pub(super) fn payload(&self) -> Span {
        Span { start: self.segment.header_at + u64::from(self.segment.header_len), len: self.segment.len }
    }
}

/// The bytes of the capture and of reassembled datagrams, as one address space.
#[derive(Clone, Copy)]
pub(super) struct ByteSource<'a> {
    pub(super) capture: &'a dyn Bytes,
    pub(super) decoder: &'a Decoder,
}

impl<'a> ByteSource<'a> {
    /// The TCP header and payload of a segment, as captured, of the packet whose bytes are `packet`.
    #[inline]
    pub(super) fn tcp(self, segment: &Segment, packet: &'a [u8]) -> Option<&'a [u8]> {
        let len = u32::from(segment.header_len) + segment.len;
        if segment.header_at >= ARENA_BASE {
            return self.decoder.bytes(Span { start: segment.header_at, len });
        }
        packet.get(segment.below_len as usize..)?.get(..len as usize)
    }

    /// As [`bytes`](Bytes::bytes), but the result borrows from the capture and not from `self`.
    pub(super) fn slice(self, span: Span) -> Option<&'a [u8]> {
        if span.start >= ARENA_BASE { self.decoder.bytes(span) } else { self.capture.bytes(span) }
    }
}

impl Bytes for ByteSource<'_> {
    #[inline]
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.slice(span)
    }
}

/// What processing a packet needs beside the connection's state.
pub(super) struct Context<'a> {
    /// Which connection it is.
    pub(super) identity: &'a Identity,
    pub(super) bytes: ByteSource<'a>,
    pub(super) limits: &'a Limits,
    pub(super) sink: &'a mut dyn Sink,
    pub(super) scratch: &'a mut Scratch,
    pub(super) totals: &'a mut Totals,
    websockets: &'a mut u32,
    watermark: &'a mut Watermark,
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    pub(super) record: &'a mut Vec<u8>,
    #[cfg(feature = "tls")]
    pub(super) patience: &'a mut crate::tls::Patience,
    pub(super) drops: &'a CaptureDrops,
    pub(super) servers: &'a mut Servers,
    /// See [`SharedState::is_giving_up`].
    pub(super) is_giving_up: bool,
}

impl Context<'_> {
    /// What a WebSocket needs, and the sink.
    #[inline]
    pub(super) fn split(&mut self) -> (ws::MessageContext<'_>, &mut dyn Sink) {
        (
            ws::MessageContext { bytes: &self.bytes, depth: &self.limits.depth, scratch: self.scratch },
            self.sink,
        )
    }

    /// Numbers a WebSocket.
    pub(super) fn next_websocket(&mut self) -> WebSocketId {
        *self.websockets += 1;
        WebSocketId(*self.websockets)
    }
}

impl Context<'_> {
    /// Lists a connection whose events of `packet` may come later.
    pub(super) fn wait(&mut self, packet: u64, listed: &mut Listed) {
        if listed.0 != packet {
            self.watermark.remove(listed);
            listed.0 = packet;
            *self.watermark.packets.entry(packet).or_default() += 1;
            self.announce();
        }
    }

    /// Takes a connection off the list.
    pub(super) fn stop_waiting(&mut self, listed: &mut Listed) {
        self.watermark.remove(listed);
        self.announce();
    }

    fn announce(&mut self) {
        let lowest = self.watermark.packets.keys().next().copied();
        if lowest != self.watermark.announced {
            self.watermark.announced = lowest;
            self.sink.watermark(lowest.unwrap_or(u64::MAX));
        }
    }
}
