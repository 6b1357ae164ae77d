//! Takes what the transport has ready, in the order that the application needs, to its doors.

use super::{Disposition, TcpConnection};
use crate::http::HeadKind;
use crate::http::http2::{begins_with_headers, begins_with_settings};
use crate::model::{Chunk, Direction, Place, to_u32};
use crate::pipeline::application::{begins, classify, is_plain_response, report_plain_response};
use crate::pipeline::context::Context;
use crate::pipeline::events::NotWebSocket;
use crate::pipeline::limits::Limits;
use crate::pipeline::sides::Side;
use crate::pipeline::transport::above::{Above, Gap};
use crate::pipeline::transport::bytes_of;
use crate::pipeline::transport::order::{DeliveryOrder, SideTurn};
use crate::tcp::{Held, NOWHERE};
use crate::ws::StreamEnd;

impl TcpConnection {
    /// Delivers what is ready, as long as the application takes any of it.
    ///
    /// Which message answers which depends on the order of both directions: it is that of their packets. Bytes that waited keep
    /// the packet that completed them: their own, or that of bytes in front of them which arrived later. `floor`: no event is of
    /// an earlier packet.
    pub(super) fn drain(&mut self, place: Place, floor: Place, context: &mut Context<'_>) {
        if self.application.is_detecting() {
            return;
        }
        while self.deliver_next(floor, context) && self.disposition == Disposition::Keep {}
        if self.disposition != Disposition::Keep {
            return;
        }
        for side in self.transport.client_first() {
            if self.transport.streams.of(side).is_finished() {
                let direction = self.transport.direction(side);
                self.end_tls(direction, place, context);
                self.application.end(direction, StreamEnd::Fin, place, context);
            }
        }
    }

    /// Delivers the next run of bytes of either side. False where the application takes none.
    pub(super) fn deliver_next(&mut self, floor: Place, context: &mut Context<'_>) -> bool {
        for side in self.transport.earlier_first() {
            let Some(held) = self.transport.ready(side) else { continue };
            if self.is_ahead(side, &held) {
                continue;
            }
            let arrival = held.origin.max(self.transport.streams.of(side).arrived()).max(floor);
            let taken = self.deliver(side, held, arrival, context);
            if self.disposition != Disposition::Keep {
                return false;
            }
            if taken > 0 {
                self.transport.streams.of_mut(side).consume(taken);
                self.transport.set_arrived(side, arrival);
                return true;
            }
        }
        false
    }

    /// Whether the sender of these bytes had received others that are missing, or among which frames are searched for: they
    /// are read after those, so that a message keeps its place among those of the other side.
    fn is_ahead(&self, side: Side, held: &Held) -> bool {
        let other = self.transport.direction(side.other());
        let is_searched = self.application.websocket().is_some_and(|websocket| {
            websocket.ws.is_lost(other)
                && websocket.ws.searching().is_some_and(|oldest| oldest < held.origin.packet)
        });
        (is_searched && self.transport.waits_for_search()) || self.transport.is_ahead(side, held)
    }

    /// Delivers one run of bytes; returns how many of them were taken.
    fn deliver(&mut self, side: Side, held: Held, arrival: Place, context: &mut Context<'_>) -> u32 {
        let Some(bytes) = bytes_of(&held, context.bytes) else {
            if held.address == NOWHERE && self.transport.tls.is_none() && self.application.is_http() {
                self.cut_head(side, &held, arrival, context);
                return held.len;
            }
            // Of TLS and HTTP/2, any byte that is missing may belong to a handshake.
            context.totals.cut_heads |= held.address == NOWHERE && !self.application.has_websocket();
            let why = "the snap length cut them, or they are no longer kept";
            self.gap(side, u64::from(held.len), arrival, why, context);
            return held.len;
        };
        let chunk = self.transport.chunk(side, &held, bytes, arrival);
        if self.is_wrong_scheme(side, bytes) {
            let identity = context.identity;
            let (client, server) = (identity.of(side.other()), identity.of(side));
            report_plain_response(client, server, bytes, held.origin, context);
            self.disposition = Disposition::Drop(NotWebSocket::Http);
            return 0;
        }
        if self.transport.tls.is_some() || self.begin_tls(side, bytes, held.origin, context) {
            let order = self.application.order();
            let is_turn = !matches!(order, DeliveryOrder::Causal { .. })
                || self.transport.turn(side, &held, order) != SideTurn::Other;
            return if is_turn { to_u32(self.decrypt(side, chunk, context)) } else { 0 };
        }
        if !self.find_client(side, bytes, context) {
            return 0;
        }
        let (chunk, unasked) = match self.transport.turn(side, &held, self.application.order()) {
            SideTurn::Own => (chunk, false),
            SideTurn::Unasked => (chunk, true),
            SideTurn::UpTo(len) => (Chunk { bytes: bytes.get(..len).unwrap_or_default(), ..chunk }, false),
            SideTurn::Other => return 0,
        };
        to_u32(self.hand_over(side, chunk, unasked, Some(held.ack), context))
    }

    /// Whether a server answers a ClientHello in plain HTTP.
    fn is_wrong_scheme(&self, side: Side, bytes: &[u8]) -> bool {
        self.transport.tls.is_some()
            && self.transport.client == Some(side.other())
            && self.transport.streams.of(side).position() == 0
            && is_plain_response(bytes)
    }

    /// Finds out who the client is, where no SYN says so. False where the other side's bytes come first.
    fn find_client(&mut self, side: Side, bytes: &[u8], context: &Context<'_>) -> bool {
        if self.transport.client.is_none() && self.is_answered(side, context) {
            self.transport.client = Some(side);
        }
        if self.transport.client.is_none() && self.begins_http2(side, bytes, context) {
            return false;
        }
        // Where these bytes do not say it, the other side's may.
        if self.transport.client.is_none()
            && begins(bytes, context.limits).is_none()
            && let Some(held) = self.transport.ready(side.other())
            && let Some(other) = bytes_of(&held, context.bytes)
        {
            self.begins_http2(side.other(), other, context);
            if self.transport.client == Some(side.other()) {
                return false;
            }
        }
        if self.transport.client.is_none() || self.application.is_fresh() {
            self.find_client_by_head(side, bytes, context.limits);
        }
        true
    }

    /// Whether the other side's next bytes are a response.
    fn is_answered(&self, side: Side, context: &Context<'_>) -> bool {
        let Some(held) = self.transport.ready(side.other()) else { return false };
        let bytes = bytes_of(&held, context.bytes).unwrap_or_default();
        begins(bytes, context.limits) == Some(HeadKind::Response)
    }

    /// Where it is not known who the client is: a side's first bytes may be HTTP/2, and say so. True where the
    /// client's bytes come first.
    fn begins_http2(&mut self, side: Side, bytes: &[u8], context: &Context<'_>) -> bool {
        if !self.application.is_http() {
            return false;
        }
        let in_middle = begins_with_headers(bytes);
        self.transport.client = match in_middle {
            Some(Direction::ClientToServer) => Some(side),
            Some(Direction::ServerToClient) => Some(side.other()),
            None if begins_with_settings(bytes) => Some(side.other()),
            None => return false,
        };
        let Self { application, transport, .. } = self;
        if let Some(known) = in_middle {
            application.begin_http2_in_middle(known, &transport.view(context.identity, side));
        }
        transport.client != Some(side) && transport.ready(side.other()).is_some()
    }

    /// The client is whoever sends a request. Without a SYN there is nothing else to go by.
    fn find_client_by_head(&mut self, side: Side, bytes: &[u8], limits: &Limits) {
        let client = &mut self.transport.client;
        match (begins(bytes, limits), *client) {
            (Some(HeadKind::Request), None) => *client = Some(side),
            (Some(HeadKind::Response), None) => *client = Some(side.other()),
            (Some(HeadKind::Response), Some(known)) if known == side => *client = Some(side.other()),
            (None, None) => self.disposition = Disposition::Drop(classify(bytes)),
            _ => {}
        }
    }

    /// The next `len` bytes of a side are missing: reports them, and passes the gap to the application.
    pub(super) fn gap(&mut self, side: Side, len: u64, arrival: Place, why: &str, context: &mut Context<'_>) {
        let (direction, at) = (self.transport.direction(side), self.transport.streams.of(side).position());
        let gap = Gap { direction, at, len, arrival, why };
        // HTTP/2 reports it of the streams that it concerns; in TLS, once it is known what of the content is missing.
        if !self.application.is_multiplex() {
            self.report_gap(&gap, context);
        }
        if self.transport.tls.is_some() {
            self.gap_in_tls(&gap, context);
        } else {
            self.open_undecided(context);
            self.application.gap(&gap, context);
        }
    }
}
