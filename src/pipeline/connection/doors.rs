//! The doors of the application: chunks and gaps, and the client's first frame once a WebSocket opens.
//!
//! Where the client's request is missing in whole or in part, the server's acknowledgment number says how much of the client's
//! stream it had received when it responded. What came before was the request; behind it frames begin.

use super::{Disposition, TcpConnection};
use crate::model::{Chunk, Direction, Place};
use crate::pipeline::application::{Delivery, FramesBegin};
use crate::pipeline::context::Context;
use crate::pipeline::sides::Side;
use crate::pipeline::transport::above::{Above, Gap};
use crate::tcp::Held;
use crate::tcp::rules::TCP_GAP;
use crate::ws::Spot;

const CLIENT: Direction = Direction::ClientToServer;

impl TcpConnection {
    /// Hands a chunk to the application; returns how many bytes it took. `ack`: how much of the other stream its sender had
    /// received; `None` inside TLS, where that says nothing about the content.
    pub(super) fn hand_over(
        &mut self,
        side: Side,
        chunk: Chunk<'_>,
        unasked: bool,
        ack: Option<u32>,
        context: &mut Context<'_>,
    ) -> usize {
        let direction = self.transport.direction(side);
        let mut rest = chunk;
        loop {
            if let Some(tls) = &mut self.transport.tls
                && self.application.websocket().is_some()
            {
                tls.note_frames(direction, chunk.arrival);
            }
            let delivery = Delivery { direction, chunk: rest, unasked };
            let view = self.transport.view(context.identity, side);
            let taken = self.application.data(delivery, Some(view), context);
            rest = rest.skip(taken.bytes);
            if let Some(why) = taken.dropped {
                self.disposition = Disposition::Drop(why);
            }
            if let (Some(begin), Some(ack)) = (taken.opened, ack) {
                self.begin_frames(begin, ack, chunk.arrival, context);
            }
            // TCP offers the rest again, when it is this side's turn; but not where these bytes only decided what they are.
            let is_done = rest.bytes.is_empty() || (taken.bytes == 0 && !taken.found);
            let is_decided = taken.bytes == 0 && self.application.websocket().is_some();
            if (ack.is_some() && !is_decided) || is_done || self.disposition != Disposition::Keep {
                return chunk.bytes.len() - rest.bytes.len();
            }
        }
    }

    /// The snap length cut the next bytes of a side, where heads are read: a head ends there with its segment.
    pub(super) fn cut_head(&mut self, side: Side, held: &Held, arrival: Place, context: &mut Context<'_>) {
        self.open_undecided(context);
        let (direction, at) = (self.transport.direction(side), self.transport.streams.of(side).position());
        let gap = Gap { direction, at, len: u64::from(held.len), arrival, why: "the snap length cut them" };
        self.report_gap(&gap, context);
        let view = self.transport.view(context.identity, side);
        let taken = self.application.cut(&gap, &view, context);
        if let Some(why) = taken.dropped {
            self.disposition = Disposition::Drop(why);
        }
        if let Some(begin) = taken.opened {
            self.begin_frames(begin, held.ack, arrival, context);
        }
    }

    /// Opens the WebSocket of a cut 101, where the bytes that would show what it switched to are missing.
    pub(super) fn open_undecided(&mut self, context: &mut Context<'_>) {
        if self.application.awaits_frames() {
            let view = self.transport.view(context.identity, Side::A);
            self.application.open_undecided(&view, context);
        }
    }

    /// A WebSocket opened: goes to the client's first frame. `ack`: the acknowledgment number of the response.
    fn begin_frames(&mut self, begin: FramesBegin, ack: u32, place: Place, context: &mut Context<'_>) {
        let Some(client) = self.transport.client else { return };
        let stream = self.transport.streams.of_mut(client);
        let (at, next) = (stream.position(), stream.next());
        let first_frame = match begin.request_end {
            Some(end) => next.wrapping_sub(at).wrapping_add(end),
            None => {
                stream.begin_at(ack);
                stream.offset(ack)
            }
        };
        let (at, next) = (stream.position(), stream.next());
        if let len @ 1.. = first_frame.saturating_sub(next) {
            // The rest of the request, whose last bytes are lost.
            stream.skip(len);
            self.transport.lose_request(len);
            self.report_lost_request(place, context);
        } else if let len @ 1.. = next.saturating_sub(first_frame) {
            // Known with the packet that came behind them.
            let place = stream.first_waiting().map_or(place, |held| place.max(held.origin));
            if stream.relative(first_frame) > at {
                let why = "they came before the capture's first";
                self.report_gap(&Gap { direction: CLIENT, at: 0, len, arrival: place, why }, context);
            }
            let gap = Gap { direction: CLIENT, at: at.saturating_sub(len), len, arrival: place, why: "" };
            self.application.gap(&gap, context);
        }
        self.application.report_unread(begin.unread, place, context);
    }

    /// Reports the request that is missing, once a packet of the client was captured.
    pub(super) fn report_lost_request(&mut self, place: Place, context: &mut Context<'_>) {
        if let Some(len) = self.transport.take_lost_request() {
            let why = "the server acknowledged them";
            self.report_gap(&Gap { direction: CLIENT, at: 0, len, arrival: place, why }, context);
        }
    }
    /// Counts missing bytes, and reports them.
    pub(super) fn report_gap(&mut self, gap: &Gap<'_>, context: &mut Context<'_>) {
        if self.application.is_done() {
            return;
        }
        let Gap { direction, at, len, arrival, why } = *gap;
        self.application.count_gap(len);
        let sender = direction.sender();
        let before = self.transport.streams.of(self.transport.sender(direction)).arrived();
        let spot = Spot::of(direction, arrival).with_offset(at);
        if context.drops.between(before.time, arrival.time) {
            let text = format_args!(
                "capture lost {len} B of what the {sender} sent, from offset {at} on: packets were dropped while capturing then"
            );
            self.application.finding(&TCP_GAP, spot, text, context);
        } else {
            let text = format_args!(
                "{len} bytes of what the {sender} sent, from offset {at} on, are not in the capture: {why}"
            );
            self.application.finding(&TCP_GAP, spot, text, context);
        }
    }
}
