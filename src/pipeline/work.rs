//! What connections share while they work: bytes, limits, the sink, numbers.

use std::collections::BTreeMap;

use super::limits::Limits;
use super::lost::Lost;
use super::sink::Sink;
use crate::model::{Bytes, Direction, Losses, Place, Segment, Span, Tally, WebSocketId};
use crate::net::{ARENA_BASE, Decoder};
use crate::ws::{Context, Scratch, WebSocket};

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
    /// That checksums are left to the network card was told.
    pub(super) offload_told: bool,
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
    pub(super) fn count(&mut self, ws: &WebSocket, gaps: (u64, u64)) {
        for direction in Direction::BOTH {
            self.frames += ws.counts(direction).frames;
            self.messages += ws.counts(direction).messages;
        }
        self.findings.merge(ws.findings());
        self.gaps += gaps.0;
        self.gap_bytes += gaps.1;
    }
}

/// Which connections wait for something, by the oldest packet whose events may still come.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    packets: BTreeMap<u64, u32>,
    told: Option<u64>,
}

impl Waiting {
    /// Takes a connection off the list.
    pub(super) fn leave(&mut self, slot: &mut u64) {
        if *slot != u64::MAX {
            if let Some(count) = self.packets.get_mut(slot) {
                *count -= 1;
                if *count == 0 {
                    self.packets.remove(slot);
                }
            }
            *slot = u64::MAX;
        }
    }
}

/// What all connections work with, beside bytes and the sink.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) limits: Limits,
    pub(super) scratch: Scratch,
    pub(super) totals: Totals,
    pub(super) websockets: u32,
    pub(super) waiting: Waiting,
    /// Room for one record of TLS.
    pub(super) record: Vec<u8>,
    pub(super) lost: Lost,
}

impl Desk {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            scratch: Scratch::default(),
            totals: Totals::default(),
            websockets: 0,
            waiting: Waiting::default(),
            record: Vec::new(),
            lost: Lost::default(),
        }
    }

    #[inline]
    pub(super) fn work<'a, S>(&'a mut self, bytes: Space<'a>, sink: &'a mut S) -> Work<'a, S> {
        Work {
            bytes,
            limits: &self.limits,
            sink,
            scratch: &mut self.scratch,
            totals: &mut self.totals,
            websockets: &mut self.websockets,
            waiting: &mut self.waiting,
            record: &mut self.record,
            lost: &self.lost,
        }
    }
}

/// Capture bytes and reassembled datagrams as one address space.
#[derive(Clone, Copy)]
pub(super) struct Space<'a> {
    pub(super) capture: &'a dyn Bytes,
    pub(super) decoder: &'a Decoder,
}

impl<'a> Space<'a> {
    /// The TCP header and payload of a segment, as captured, of the packet whose bytes are `packet`.
    #[inline]
    pub(super) fn tcp(self, segment: &Segment, packet: &'a [u8]) -> Option<&'a [u8]> {
        let len = u32::from(segment.header_len) + segment.len;
        if segment.header_at >= ARENA_BASE {
            return self.decoder.bytes(Span { start: segment.header_at, len });
        }
        packet.get(segment.below_len as usize..)?.get(..len as usize)
    }

    /// The bytes of a span, for longer than the space itself is at hand.
    pub(super) fn slice(self, span: Span) -> Option<&'a [u8]> {
        if span.start >= ARENA_BASE { self.decoder.bytes(span) } else { self.capture.bytes(span) }
    }
}

impl Bytes for Space<'_> {
    #[inline]
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.slice(span)
    }
}

/// Everything that one packet's work needs.
pub(super) struct Work<'a, S> {
    pub(super) bytes: Space<'a>,
    pub(super) limits: &'a Limits,
    pub(super) sink: &'a mut S,
    pub(super) scratch: &'a mut Scratch,
    pub(super) totals: &'a mut Totals,
    pub(super) websockets: &'a mut u32,
    pub(super) waiting: &'a mut Waiting,
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    pub(super) record: &'a mut Vec<u8>,
    pub(super) lost: &'a Lost,
}

impl<S> Work<'_, S> {
    /// The context for a WebSocket, and the sink.
    #[inline]
    pub(super) fn context(&mut self) -> (Context<'_>, &mut S) {
        (Context { bytes: &self.bytes, depth: &self.limits.depth, scratch: self.scratch }, self.sink)
    }

    pub(super) fn next_websocket(&mut self) -> WebSocketId {
        *self.websockets += 1;
        WebSocketId(*self.websockets)
    }
}

impl<S: Sink> Work<'_, S> {
    /// Notes that events of `place`'s packet may come later. `slot` is where the connection remembers it.
    pub(super) fn wait(&mut self, place: Place, slot: &mut u64) {
        if *slot != place.packet {
            self.waiting.leave(slot);
            *slot = place.packet;
            *self.waiting.packets.entry(place.packet).or_default() += 1;
            self.tell();
        }
    }

    /// Takes a connection off the list.
    pub(super) fn wait_no_more(&mut self, slot: &mut u64) {
        self.waiting.leave(slot);
        self.tell();
    }

    fn tell(&mut self) {
        let lowest = self.waiting.packets.keys().next().copied();
        if lowest != self.waiting.told {
            self.waiting.told = lowest;
            self.sink.watermark(lowest.unwrap_or(u64::MAX));
        }
    }
}
