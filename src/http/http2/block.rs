//! Field blocks: requests for a WebSocket, their answers, the ends of streams.

use super::super::HeadKind;
use super::connect::{self, ConnectAnswer};
use super::connection::{Block, Half, Http2State, Http2Stream, StreamOpening};
use super::flow::{DEFAULT_WINDOW, FlowWindow};
use super::frame::FrameStart;
use super::gather::Gather;
use super::hpack::{Fields, ListLimits};
use super::step::Http2Step;
use super::{Http2Events, rules};
use crate::model::{Direction, PerDirection, Place, to_u32};

/// How much of a block's fields is kept.
const FIELDS: ListLimits = ListLimits { bytes: 64 << 10, fields: 1000 };
/// WebSockets of one connection that are followed at once.
const STREAMS: usize = 1024;

impl<E: Http2Events> Http2Step<'_, E> {
    /// A field block is whole.
    pub(super) fn block(&mut self, block: Block, arrival: Place) {
        let Block { stream, promised, end_stream, gather, start } = block;
        let direction = self.direction;
        let followed = self.state.streams.contains_key(&stream);
        let about = Some(stream).filter(|_| followed);
        if gather.spoilt {
            self.half().hpack.lose();
            self.end_stream(stream, end_stream, arrival);
            return;
        }
        let fields = self.half().hpack.decode(&gather.bytes, &FIELDS);
        let is_asked = direction == Direction::ClientToServer
            && !promised
            && !followed
            && connect::is_websocket_request(&fields);
        if is_asked {
            self.ask(stream, end_stream, fields, gather, start, arrival);
            return;
        }
        if fields.broken.is_some() || (followed && (fields.cut || fields.unknown > 0)) {
            self.judge_fields(&fields, about, start);
        }
        if promised {
            return;
        }
        let asked = self.state.streams.get_mut(&stream).and_then(|stream| stream.asked.take());
        if direction == Direction::ServerToClient
            && let Some(request) = asked
        {
            let answer = connect::answer(&request, &fields);
            if answer == ConnectAnswer::Interim {
                if let Some(stream) = self.state.streams.get_mut(&stream) {
                    stream.asked = Some(request);
                }
                return;
            }
            self.judge_permission(stream, start.at, start.place);
            let wire_len = to_u32(gather.bytes.len());
            let head = Box::new(connect::head(HeadKind::Response, &fields, wire_len));
            let pieces = gather.pieces;
            let opening = StreamOpening { head, fields, pieces, first: start.place, last: arrival };
            self.events.answered(stream, opening, answer);
            if let Some(stream) = self.state.streams.get_mut(&stream) {
                stream.refused = answer == ConnectAnswer::Refuses;
            }
        } else if let Some(stream) = self.state.streams.get_mut(&stream) {
            stream.asked = asked;
        }
        self.end_stream(stream, end_stream, arrival);
    }

    /// A client asks for a WebSocket.
    pub(super) fn ask(
        &mut self,
        stream: u32,
        end_stream: bool,
        fields: Fields,
        gather: Gather,
        start: FrameStart,
        arrival: Place,
    ) {
        if self.state.streams.len() >= STREAMS {
            self.tell(
                &rules::H2_LIMIT_STREAMS,
                None,
                start.at,
                start.place,
                format_args!(
                    "stream {stream} asks for a WebSocket beside {STREAMS} others: it is not followed"
                ),
            );
            return;
        }
        let window = |half: &Half| FlowWindow::new(half.initial_window.unwrap_or(DEFAULT_WINDOW));
        let Http2State { halves, windows, .. } = &mut *self.state;
        let known = windows.c2s.is_some() && windows.s2c.is_some();
        // A side's window is what the other side lets it send.
        let windows =
            PerDirection { c2s: known.then(|| window(&halves.s2c)), s2c: known.then(|| window(&halves.c2s)) };
        let head = Box::new(connect::head(HeadKind::Request, &fields, to_u32(gather.bytes.len())));
        let new = Http2Stream {
            asked: Some(head.clone()),
            windows,
            at: PerDirection::default(),
            ended: PerDirection::default(),
            refused: false,
        };
        self.state.follow(stream, new);
        let broken = fields.broken.is_some() || fields.cut || fields.unknown > 0;
        let judged = broken.then(|| fields.clone());
        let pieces = gather.pieces;
        self.events.asked(stream, StreamOpening { head, fields, pieces, first: start.place, last: arrival });
        if let Some(fields) = judged {
            self.judge_fields(&fields, Some(stream), start);
        }
        if end_stream {
            self.tell(
                &rules::H2_BAD_CONNECT,
                Some(stream),
                start.at,
                start.place,
                format_args!("the request ends stream {stream}: the client can send nothing"),
            );
        }
        self.end_stream(stream, end_stream, arrival);
    }

    /// What is wrong with a block.
    pub(super) fn judge_fields(&mut self, fields: &Fields, about: Option<u32>, start: FrameStart) {
        let sender = self.direction.sender();
        if let Some((at, why)) = fields.broken {
            self.tell(
                &rules::H2_BAD_FIELD_BLOCK,
                about,
                start.at,
                start.place,
                format_args!("a field block of the {sender} cannot be read from its byte {at} on: {why}"),
            );
        }
        if fields.cut {
            self.tell(
                &rules::H2_LIMIT_FIELDS,
                about,
                start.at,
                start.place,
                format_args!("a field block of the {sender} has more fields than are kept"),
            );
        }
        if fields.unknown > 0 {
            self.tell(
                &rules::H2_UNKNOWN_FIELDS,
                about,
                start.at,
                start.place,
                format_args!(
                    "{} of the {sender}'s fields refer to what came before the capture, or is missing in it",
                    fields.unknown
                ),
            );
        }
    }

    /// The server reacted to a request: had it allowed such requests at all? Not judged before, since packets may be
    /// captured in another order than that in which they came.
    pub(super) fn judge_permission(&mut self, stream: u32, at: u64, place: Place) {
        let Http2State { halves, connect, whole, .. } = &*self.state;
        if halves.s2c.has_settings && !*connect && *whole {
            self.tell(
                &rules::H2_CONNECT_NOT_ENABLED,
                Some(stream),
                at,
                place,
                format_args!(
                    "the client asked for a WebSocket on stream {stream}, but the server's SETTINGS do not enable the CONNECT protocol"
                ),
            );
        }
    }

    pub(super) fn end_stream(&mut self, id: u32, end: bool, arrival: Place) {
        let Some(stream) = self.state.streams.get_mut(&id).filter(|_| end) else { return };
        if std::mem::replace(stream.ended.of_mut(self.direction), true) {
            return;
        }
        // What a client sends after a refusal is not read.
        let over = (stream.ended.c2s || stream.refused) && stream.ended.s2c;
        if over {
            self.state.leave(id);
        }
        self.events.ended(id, self.direction, arrival);
    }
}
