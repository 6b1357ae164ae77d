//! An open WebSocket: its events, and its end.

use std::fmt::Arguments;

use crate::model::{Chunk, Direction, PerDirection, Place, Rule};
use crate::pipeline::context::Context;
use crate::pipeline::events::{Connection, Ended, Ending, Pending, Sink, State};
use crate::pipeline::rules::FLOW_TIMEOUT;
use crate::pipeline::transport::above::Gap;
use crate::subproto::{self, Heartbeats};
use crate::tcp::rules::{TCP_ONE_DIRECTION, TCP_RESET};
use crate::ws::{self, FrameEvent, MessageEvent, ShortMessage, Spot, StreamEnd, WebSocket};

/// A WebSocket, the connection that its events name, and what its messages say.
#[derive(Clone, Debug)]
pub(crate) struct OpenWebSocket {
    pub(crate) ws: WebSocket,
    pub(crate) connection: Box<Connection>,
    /// The heartbeats of its subprotocol, once that is detected.
    pub(crate) heartbeats: Option<Box<Heartbeats>>,
}

/// Passes a WebSocket's events to the sink, with the connection that they are about, and its short messages to the
/// subprotocol.
pub(crate) struct Emit<'a, S: ?Sized> {
    pub(crate) sink: &'a mut S,
    pub(crate) connection: &'a Connection,
    pub(crate) heartbeats: &'a mut Option<Box<Heartbeats>>,
}

impl<S: Sink + ?Sized> crate::ws::Events for Emit<'_, S> {
    #[inline]
    fn frame(&mut self, frame: &FrameEvent<'_>) {
        self.sink.frame(self.connection, frame);
    }

    #[inline]
    fn message(&mut self, message: &MessageEvent<'_>) {
        self.sink.message(self.connection, message);
    }

    fn short_message(&mut self, message: &ShortMessage<'_>) -> bool {
        subproto::on_message(self.heartbeats, message)
    }

    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>) {
        self.sink.finding(Some(self.connection), rule, spot, text);
    }
}

/// How a connection ended, for the WebSockets in it.
#[derive(Clone, Debug)]
pub(crate) struct Finish<'a> {
    /// Which directions were delivered up to their end.
    pub(crate) finished: PerDirection<bool>,
    /// A side announced that it sends no more.
    pub(crate) fin: bool,
    /// The direction of which nothing was captured.
    pub(crate) unheard: Option<Direction>,
    /// The packet at which it ended.
    pub(crate) place: Place,
    pub(crate) ending: Ending,
    /// What the RST's TTL says, as the end of a sentence.
    pub(crate) reset_evidence: &'a str,
}

impl OpenWebSocket {
    /// Lets the WebSocket act, with its events on their way to the sink.
    #[inline]
    pub(crate) fn with<T>(
        &mut self,
        context: &mut Context<'_>,
        act: impl FnOnce(&mut WebSocket, &mut ws::MessageContext<'_>, &mut Emit<'_, dyn Sink + '_>) -> T,
    ) -> T {
        let Self { ws, connection, heartbeats } = self;
        let (mut ws_context, sink) = context.split();
        act(ws, &mut ws_context, &mut Emit { sink, connection, heartbeats })
    }

    /// Takes bytes, the next in order.
    #[inline]
    pub(super) fn data(&mut self, to: Direction, chunk: Chunk<'_>, context: &mut Context<'_>) {
        if context.sink.wants().chunks {
            context.sink.chunk(&self.connection, to, &chunk);
        }
        self.with(context, |ws, inner, emit| ws.data(to, chunk, inner, emit));
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, gap: &Gap<'_>, context: &mut Context<'_>) {
        let Gap { direction, at, len, arrival, .. } = *gap;
        self.with(context, |ws, inner, emit| ws.gap(direction, at, len, arrival, inner, emit));
    }

    /// A direction ended.
    pub(super) fn end(
        &mut self,
        direction: Direction,
        how: StreamEnd,
        place: Place,
        context: &mut Context<'_>,
    ) {
        self.with(context, |ws, inner, emit| ws.end(direction, how, place, inner, emit));
    }

    pub(super) fn report(
        &mut self,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
        sink: &mut dyn Sink,
    ) {
        let Self { ws, connection, heartbeats } = self;
        ws.report(rule, spot, text, &mut Emit { sink, connection, heartbeats });
    }

    /// The WebSocket ended. `stream_reset`: a finding that a side reset its stream of HTTP/2.
    pub(super) fn finish(
        &mut self,
        finish: &Finish<'_>,
        gaps: (u64, u64),
        stream_reset: Option<&Pending>,
        context: &mut Context<'_>,
    ) {
        let &Finish { finished, fin, unheard, place, ref ending, reset_evidence } = finish;
        let how = ending.how;
        let spot = Spot::at(place);
        let is_giving_up = context.is_giving_up;
        let Self { ws, connection, heartbeats } = self;
        let (mut ws_context, sink) = context.split();
        let mut emit = Emit { sink, connection, heartbeats };
        for direction in Direction::BOTH {
            let how = if *finished.of(direction) { StreamEnd::Fin } else { how };
            ws.end(direction, how, place, &mut ws_context, &mut emit);
        }
        if connection.request.is_none() {
            ws.note_loss();
        }
        if let Some(direction) = unheard {
            ws.note_unheard(direction);
            let text = format_args!("nothing that the {} sent was captured", direction.sender());
            ws.report(&TCP_ONE_DIRECTION, spot, text, &mut emit);
        }
        let answered = ws.closing().is_some_and(|closing| closing.answered);
        if !answered && let Some(finding) = stream_reset {
            ws.report(finding.rule, finding.spot, format_args!("{}", finding.text), &mut emit);
        } else if !answered && how == StreamEnd::Reset {
            let by = ending.reset.map(|(by, _)| by);
            let who = by.map_or_else(String::new, |by| format!(" by the {}", by.sender()));
            let text = format_args!(
                "the connection was reset{who} (RST) without a complete closing handshake{reset_evidence}"
            );
            ws.report(&TCP_RESET, Spot { direction: by, ..spot }, text, &mut emit);
        }
        let end = if how == StreamEnd::Capture && fin { StreamEnd::Fin } else { how };
        let by = ending.first().filter(|_| ending.heard.c2s && ending.heard.s2c).map(|end| end.by);
        ws.finish(end, by, place, &mut emit);
        if how == StreamEnd::Timeout && !is_giving_up {
            let text = format_args!("nothing came for too long: the connection is taken as ended");
            ws.report(&FLOW_TIMEOUT, spot, text, &mut emit);
        }
        let answered = ws.closing().is_some_and(|closing| closing.answered);
        let state = match how {
            StreamEnd::Reset if answered => State::Closed,
            StreamEnd::Reset => State::Reset,
            StreamEnd::Timeout => State::TimedOut,
            StreamEnd::Fin => State::Closed,
            StreamEnd::Capture if fin || answered => State::Closed,
            StreamEnd::Capture => State::Open,
        };
        context.totals.count(ws, gaps);
        context.sink.ended(&Ended {
            connection,
            state,
            closed: (state != State::Open).then_some(place.time),
            socket: Some(ws),
            heartbeats: heartbeats.as_deref(),
            findings: ws.findings(),
            ending: ending.clone(),
            gaps,
        });
    }

    /// Bytes that its messages, windows and heartbeats take, approximately.
    pub(super) fn held(&self) -> usize {
        self.ws.size() + self.heartbeats.as_ref().map_or(0, |heartbeats| heartbeats.size())
    }

    /// Bytes of memory beside itself, approximately.
    pub(super) fn size(&self) -> usize {
        self.connection.size() + self.held()
    }
}
