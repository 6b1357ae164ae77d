//! An opening handshake whose request is not in the capture, in whole or in part.
//!
//! The server's acknowledgment numbers say how much of the client's stream it had received when it answered.
//! What came before was the request; behind it frames begin.

use super::ends::End;
use super::exchange::begins;
use super::live::{Asked, Layer, Live};
use super::sink::{Emit, Sink};
use super::work::Work;
use crate::http::HeadKind;
use crate::model::{Bytes as _, Direction, Place, Span};
use crate::tcp::Held;
use crate::ws::{self, Spot};

/// Whose bytes are to be read next, while requests may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// These.
    Own,
    /// First those of the other end.
    Other,
    /// Of these so many, then those of the other end.
    UpTo(usize),
    /// These: they answer a request that was not captured.
    Unasked,
}

/// Where in the client's stream frames begin, as the opening handshake says.
#[derive(Clone, Copy, Debug)]
pub(super) struct FramesBegin {
    /// Offset of the first frame.
    at: u64,
    /// Bytes after a loss that were taken for what is left of the request, and the last four of them.
    unread: (u64, [u8; 4]),
}

impl Live {
    /// Whose turn it is. A response that was sent before the client's next bytes had arrived answers something that
    /// is missing, and it may be what those bytes follow.
    pub(super) fn turn(&self, end: End, held: &Held) -> Turn {
        let (Layer::Http(http), Some(client)) = (&self.layer, self.client) else { return Turn::Own };
        let stream = self.streams.of(client);
        if !(http.requests_lost && stream.is_known()) {
            return Turn::Own;
        }
        // Also where it stands behind a hole: that will be filled or given up.
        let Some(answer) = self.streams.of(client.other()).first_waiting() else { return Turn::Own };
        let received = stream.offset(answer.ack);
        if end != client {
            let unasked = http.server_waits() && received <= stream.next();
            return if unasked { Turn::Unasked } else { Turn::Own };
        }
        match received.saturating_sub(held.at) {
            0 => Turn::Other,
            len if len < u64::from(held.len) => Turn::UpTo(len as usize),
            _ => Turn::Own,
        }
    }

    /// Without a SYN, and before any request: the client is whom a response is for.
    pub(super) fn client_of_answer<S: Sink>(&mut self, end: End, work: &Work<'_, S>) {
        let Some(held) = self.streams.of(end.other()).ready() else { return };
        let bytes = work.bytes.bytes(Span { start: held.address, len: held.len }).unwrap_or_default();
        if begins(bytes, work.limits) == Some(HeadKind::Response) {
            self.client = Some(end);
        }
    }

    /// Where in the client's stream frames begin. `answer` is what follows the 101.
    pub(super) fn frames_begin(&mut self, asked: Option<&Asked>, answer: &Held) -> FramesBegin {
        let mut begin = FramesBegin { at: 0, unread: (0, [0; 4]) };
        let Some(client) = self.client else { return begin };
        let stream = self.streams.of_mut(client);
        if let Some(asked) = asked {
            begin.at = asked.end;
            return begin;
        }
        stream.begin_at(answer.ack);
        begin.at = stream.offset(answer.ack);
        if let Layer::Http(http) = &self.layer {
            begin.unread = http.unread;
        }
        begin
    }

    /// The WebSocket is open: what of the client's stream is not there?
    pub(super) fn begin_frames<S: Sink>(&mut self, begin: FramesBegin, place: Place, work: &mut Work<'_, S>) {
        const DIRECTION: Direction = Direction::ClientToServer;
        let Some(client) = self.client else { return };
        let stream = self.streams.of_mut(client);
        let (at, next) = (stream.position(), stream.next());
        if let len @ 1.. = begin.at.saturating_sub(next) {
            // What is left of the request, of which the last bytes are lost.
            stream.skip(len);
            self.untold = u32::try_from(len).unwrap_or(u32::MAX);
            self.tell_untold(place, work);
        } else if let len @ 1.. = next.saturating_sub(begin.at) {
            if stream.relative(begin.at) > at {
                self.tell_gap(DIRECTION, 0, len, place, "they came before the capture's first", work);
            }
            if let Layer::WebSocket(socket) = &mut self.layer {
                let (mut context, sink) = work.context();
                let mut emit =
                    Emit { sink, connection: &socket.connection, heartbeats: &mut socket.heartbeats };
                socket.ws.gap(DIRECTION, at.saturating_sub(len), len, place, &mut context, &mut emit);
            }
        }
        if let (count @ 1.., last) = begin.unread
            && last != *b"\r\n\r\n"
            && let Layer::WebSocket(socket) = &mut self.layer
        {
            let spot = Spot { direction: Some(DIRECTION), place, ..Spot::default() };
            let mut emit =
                Emit { sink: work.sink, connection: &socket.connection, heartbeats: &mut socket.heartbeats };
            let text = format_args!(
                "{count} bytes of the client that follow a gap came before the 101: they may be frames, and are not read"
            );
            socket.ws.report(&ws::rules::DESYNCHRONISED, spot, text, &mut emit);
        }
    }

    /// Tells of a request that is missing, once it is known that the client's packets were captured.
    pub(super) fn tell_untold<S: Sink>(&mut self, place: Place, work: &mut Work<'_, S>) {
        let len = u64::from(self.untold);
        if len > 0 && self.client.is_some_and(|client| *self.seen.of(client)) {
            self.untold = 0;
            self.tell_gap(Direction::ClientToServer, 0, len, place, "the server acknowledged them", work);
        }
    }
}
