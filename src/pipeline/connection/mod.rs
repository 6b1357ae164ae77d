//! One followed connection: joins its [`Transport`] and its [`Application`].
//!
//! | file | task |
//! | --- | --- |
//! | `mod.rs` | takes segments, and settles what becomes of the connection |
//! | `deliver.rs` | takes what the transport has ready, in the order that the application needs |
//! | `decrypt.rs` | the same through TLS, again from the first byte if a secret arrives late |
//! | `doors.rs` | hands chunks and gaps to the application, and finds the client's first frame |
//! | `detect.rs` | runs detection on a connection without a handshake |
//! | `give_up.rs` | stops waiting for missing bytes |
//! | `end.rs` | ends the connection |
//! | `memory.rs` | counts and releases memory |

mod decrypt;
mod deliver;
mod detect;
mod doors;
mod end;
mod give_up;
pub(super) mod memory;

use super::application::{Application, Emit, OpenWebSocket};
use super::context::{ByteSource, CapturedSegment, Context, SharedState, Watermark};
use super::events::{NotWebSocket, Pending, Sink};
use super::sides::{Identity, PerSide, Side};
use super::transport::Transport;
use super::transport::above::Above;
use crate::model::{Bytes, Direction, Place, Segment};
use crate::tcp::rules::{TCP_PORT_REUSE, TCP_SPLIT_HANDSHAKE};
use crate::ws::{self, Spot, StreamEnd};

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposition {
    /// It is followed further.
    Keep,
    /// It holds no WebSocket.
    Drop(NotWebSocket),
    /// It ended, and that was reported.
    Ended,
    /// It ended before its TLS secret was known, which may still arrive.
    AwaitsSecret,
}

/// A TCP connection whose bytes are read, because it is or may become a WebSocket.
#[derive(Clone, Debug)]
pub(super) struct TcpConnection {
    /// The latest packet that took the fast path.
    last: Place,
    /// The client, where segments may take the fast path: see [`is_next_in_order`](Self::is_next_in_order).
    fast_path: Option<Side>,
    /// The sides whose segments may.
    heard: PerSide<bool>,
    pub(super) disposition: Disposition,
    application: Application,
    pub(super) transport: Transport,
}

impl TcpConnection {
    fn with(application: Application, transport: Transport) -> Box<Self> {
        let (last, heard) = (Place::default(), PerSide::default());
        Box::new(Self {
            last,
            fast_path: None,
            heard,
            disposition: Disposition::Keep,
            application,
            transport,
        })
    }

    pub(super) fn new(client: Option<Side>) -> Box<Self> {
        Self::with(Application::new(), Transport::new(client))
    }

    /// A connection that is read from this segment on: it begins a request, or HEADERS of HTTP/2 that go in a direction.
    pub(super) fn from_middle(
        identity: &Identity,
        from: Side,
        segment: &Segment,
        headers: Option<Direction>,
    ) -> Box<Self> {
        let client = if headers == Some(Direction::ServerToClient) { from.other() } else { from };
        let transport = Transport::from_middle(client, from, segment);
        let mut connection = Self::with(Application::http_from_middle(), transport);
        if let Some(direction) = headers {
            let Self { application, transport, .. } = &mut *connection;
            application.begin_http2_in_middle(direction, &transport.view(identity, from));
        }
        connection
    }

    /// A dropped connection of which a segment looks like a frame.
    pub(super) fn detecting_again(tries: u8) -> Box<Self> {
        let mut transport = Transport::new(None);
        transport.mid_stream = true;
        Self::with(Application::detecting_again(tries), transport)
    }

    /// Takes the first sequence number of a side from a SYN seen earlier.
    pub(super) fn anchor(&mut self, side: Side, first: u32) {
        self.transport.streams.of_mut(side).anchor(first);
    }

    /// Whether a SYN belongs to this connection.
    pub(super) fn fits_syn(&self, side: Side, first: u32) -> bool {
        self.transport.streams.of(side).fits_syn(first)
    }

    pub(super) fn has_websocket(&self) -> bool {
        self.application.has_websocket()
    }

    pub(super) fn is_detecting(&self) -> bool {
        self.application.is_detecting()
    }

    /// Both sides opened the connection.
    pub(super) fn note_split(&mut self, place: Place) {
        let text = "both ends sent a SYN".to_owned();
        self.application.remember(Pending { rule: &TCP_SPLIT_HANDSHAKE, spot: Spot::at(place), text });
    }

    /// A SYN opens another connection on the same ports.
    pub(super) fn note_reuse(&mut self, place: Place, context: &mut Context<'_>) {
        if self.has_websocket() && self.transport.reset.is_none() {
            let text =
                format_args!("a SYN in packet {} opens another connection on the same ports", place.packet);
            self.application.finding(&TCP_PORT_REUSE, Spot::at(place), text, context);
        }
    }

    /// Takes the connection off the list of those that wait.
    pub(super) fn forget(&mut self, watermark: &mut Watermark) {
        self.transport.forget(watermark);
    }

    /// How many times detection may run on it again, once it is dropped.
    pub(super) fn tries_left(&self, why: NotWebSocket, guess: bool) -> u8 {
        let counts = self.transport.lacks_both_syns() && why == NotWebSocket::Unknown && guess;
        if counts { self.application.tries_left() } else { 0 }
    }

    /// Passes the latest packet of the fast path to the transport. To be called before anything but
    /// [`next_in_order`](Self::next_in_order).
    pub(super) fn leave_fast_path(&mut self) {
        if self.last.packet > self.transport.last.packet {
            self.transport.last = self.last;
        }
    }

    /// Checks whether segments may take the fast path. To be called after anything but [`next_in_order`](Self::next_in_order).
    pub(super) fn update_fast_path(&mut self) {
        let in_step = self
            .application
            .websocket()
            .is_some_and(|websocket| Direction::BOTH.iter().all(|to| !websocket.ws.is_lost(*to)));
        let is_open = in_step
            && !self.application.begins_unsure()
            && self.transport.waiting_since().is_none()
            && self.transport.tls.is_none()
            && self.transport.reset.is_none()
            && self.disposition == Disposition::Keep;
        self.fast_path = self.transport.client.filter(|_| is_open);
        for side in Side::BOTH {
            // A window that is closed is to be seen to open.
            *self.heard.of_mut(side) =
                *self.transport.heard.of(side) && !self.transport.has_closed_window(side);
        }
        if is_open {
            for side in Side::BOTH {
                self.transport.streams.of_mut(side).shrink();
            }
        }
    }

    /// Its latest packet.
    pub(super) fn latest(&self) -> Place {
        self.last.max(self.transport.last)
    }

    /// Whether a segment is the common case: the next bytes of an open WebSocket, or a bare acknowledgment.
    #[inline]
    pub(super) fn is_next_in_order(&self, from: Side, segment: &Segment) -> bool {
        self.fast_path.is_some() && *self.heard.of(from) && self.transport.is_next_in_order(from, segment)
    }

    /// Takes a segment that [is the next](Self::is_next_in_order). True where the connection has to
    /// [settle](Self::settle) then.
    #[allow(clippy::too_many_arguments)]
    #[inline]
    pub(super) fn next_in_order<S: Sink>(
        &mut self,
        from: Side,
        segment: &Segment,
        packet: &[u8],
        place: Place,
        identity: &Identity,
        bytes: ByteSource<'_>,
        shared: &mut SharedState,
        sink: &mut S,
    ) -> bool {
        self.last = place;
        let Self { application, transport, .. } = self;
        let is_probe = transport.acknowledge_in_order(from, segment);
        if segment.len == 0 {
            if is_probe {
                let mut context = shared.context(identity, bytes, sink);
                transport.take_probe(from, place, "keep-alive probe", application, &mut context);
            }
            return false;
        }
        let Some(tcp) = bytes.tcp(segment, packet) else { return false };
        if transport.checksum_is_wrong(from, segment, tcp) {
            let mut context = shared.context(identity, bytes, sink);
            let copy = { *segment };
            if !transport.uses_wrong_checksum(from, &copy, tcp, place, application, &mut context) {
                return true;
            }
        }
        let is_client = self.fast_path == Some(from);
        let direction = if is_client { Direction::ClientToServer } else { Direction::ServerToClient };
        let Some(websocket) = application.websocket_mut() else { return false };
        let chunk = transport.pass_in_order(from, segment, tcp, place);
        if sink.wants().chunks {
            sink.chunk(&websocket.connection, direction, &chunk);
        }
        let depth = &shared.limits.depth;
        let counted = if depth.frames || depth.payloads {
            0
        } else {
            websocket.ws.count(direction, chunk.bytes, place)
        };
        if counted < chunk.bytes.len() {
            let OpenWebSocket { ws, connection, heartbeats } = websocket;
            let mut inner = ws::MessageContext {
                bytes: &bytes,
                depth: &shared.limits.depth,
                scratch: &mut shared.scratch,
            };
            let mut emit = Emit { sink, connection, heartbeats };
            ws.data(direction, chunk.skip(counted), &mut inner, &mut emit);
            return ws.is_lost(direction);
        }
        false
    }

    /// How many of the bytes that are known come again at the beginning of bytes that were exported without a TCP header: a part
    /// of a frame or head comes first, and then all of it.
    pub(super) fn exported_again(&self, from: Side, payload: &[u8], bytes: &dyn Bytes) -> u64 {
        let stream = self.transport.streams.of(from);
        let len = match self.application.websocket() {
            Some(websocket) => {
                let begun = websocket.ws.begun(self.transport.direction(from));
                begun.map_or(0, |begun| stream.position().saturating_sub(begun))
            }
            None => stream.last_len(),
        };
        if stream.end_begins(len, payload, bytes) { len } else { 0 }
    }

    /// Takes a segment of any kind.
    pub(super) fn segment(
        &mut self,
        captured: &CapturedSegment<'_>,
        context: &mut Context<'_>,
    ) -> Disposition {
        self.transport.take(captured, &mut self.application, context);
        self.drain(captured.place, Place::default(), context);
        self.settle(captured.place, context)
    }

    /// After a segment: checks whether the connection ended, and whether something is waited for.
    pub(super) fn settle(&mut self, place: Place, context: &mut Context<'_>) -> Disposition {
        if self.disposition != Disposition::Keep {
            return self.disposition;
        }
        if self.application.is_detecting() && self.detect_again(place, context) != Disposition::Keep {
            return self.disposition;
        }
        if self.transport.is_finished() {
            self.end(StreamEnd::Fin, place, context);
            return self.disposition;
        }
        for side in Side::BOTH {
            if let Some(bytes) = self.transport.over_limit(context, side) {
                self.give_up_over_limit(side, bytes, place, context);
                if self.disposition != Disposition::Keep {
                    return self.disposition;
                }
            }
        }
        self.update_waiting(place, context);
        if self.transport.waits_in_vain(place) { self.recheck(place, context) } else { self.disposition }
    }

    /// Checks whether anything is waited for: a gap to be filled, a SYN, a request, or more after a RST.
    fn update_waiting(&mut self, place: Place, context: &mut Context<'_>) {
        if self.application.is_detecting() {
            self.transport.stop_waiting(context);
        } else {
            self.transport.update_waiting(place, self.application.searching(), context);
        }
    }

    /// After a segment: runs detection again, if enough have arrived.
    fn detect_again(&mut self, place: Place, context: &mut Context<'_>) -> Disposition {
        let transport = &self.transport;
        let count: usize = Side::BOTH.into_iter().map(|side| transport.streams.of(side).waiting().1).sum();
        let is_reset = transport.reset.is_some();
        let is_over = is_reset
            || Side::BOTH
                .into_iter()
                .all(|side| !*transport.heard.of(side) || transport.streams.of(side).fin().is_some());
        if is_over {
            let how = if is_reset { StreamEnd::Reset } else { StreamEnd::Fin };
            self.end(how, place, context);
        } else if self.application.detects_at().is_some_and(|pieces| count >= usize::from(pieces))
            && !self.detect(super::application::is_last(count), place, context)
        {
            self.disposition = Disposition::Drop(NotWebSocket::Unknown);
        }
        self.disposition
    }

    /// A wait timed out: gives up what will not arrive.
    pub(super) fn recheck(&mut self, place: Place, context: &mut Context<'_>) -> Disposition {
        self.read_with_late_secret(false, context);
        if self.disposition != Disposition::Keep || self.transport.waiting_since().is_none() {
            return self.disposition;
        }
        let searched = self.transport.searching(self.application.searching()).is_some();
        if searched {
            self.transport.stop_waiting_for_search();
        }
        if self.transport.gives_up(place, context) {
            self.give_up(crate::tcp::GiveUp::Acknowledged, place, context);
        } else if searched {
            self.drain(place, Place::default(), context);
        }
        if self.disposition == Disposition::Keep {
            let Self { application, transport, .. } = self;
            application.stop_waiting_for_body(&transport.view(context.identity, Side::A), context);
        }
        if self.disposition == Disposition::Keep && self.transport.reset.is_some() {
            self.end(StreamEnd::Reset, place, context);
        }
        if self.disposition == Disposition::Keep {
            self.transport.restart_waiting();
            self.update_waiting(place, context);
        }
        self.disposition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The memory of captures with many connections is this size times their number.
    #[test]
    fn a_connection_takes_at_most_1344_bytes() {
        assert!(size_of::<TcpConnection>() <= 1344, "{}", size_of::<TcpConnection>());
    }
}
