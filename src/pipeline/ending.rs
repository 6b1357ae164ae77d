//! Waiting, giving up, ending: what a connection does when nothing more comes.

use super::ends::{End, Ends};
use super::exchange::Other;
use super::live::{Fate, Layer, Live, Socket};
use super::rules;
use super::sink::{Emit, Ended, Ending, Sink, State};
use super::work::Work;
use crate::model::{Direction, Place};
use crate::tcp::{self, GiveUp, Stream};
use crate::ws::{Spot, StreamEnd};

impl Live {
    /// After a segment: whether the connection ended, and whether something is waited for.
    pub(super) fn settle<S: Sink>(&mut self, ends: &Ends, place: Place, work: &mut Work<'_, S>) -> Fate {
        if self.fate != Fate::Keep {
            return self.fate;
        }
        if self.is_guessing() && self.guess_again(ends, place, work) != Fate::Keep {
            return self.fate;
        }
        if End::BOTH
            .into_iter()
            .all(|end| self.streams.of(end).is_finished() && self.streams.of(end).hole().is_none())
        {
            self.end(ends, StreamEnd::Fin, place, work);
            return self.fate;
        }
        for end in End::BOTH {
            let (bytes, pieces) = self.streams.of(end).waiting();
            if bytes > work.limits.held_bytes || pieces > work.limits.held_pieces {
                self.over_limit(ends, end, bytes, place, work);
                if self.fate != Fate::Keep {
                    return self.fate;
                }
            }
        }
        self.watch(place, work);
        self.fate
    }

    /// Whether anything is waited for: a hole to fill, a SYN, a request, or more after a RST.
    pub(super) fn watch<S: Sink>(&mut self, place: Place, work: &mut Work<'_, S>) {
        if self.is_guessing() {
            if self.waiting_since.take().is_some() {
                work.wait_no_more(&mut self.waiting_at);
            }
            return;
        }
        let waits = |stream: &Stream| stream.waiting().1 > 0 || stream.doubtful().is_some();
        let searching = self.searching();
        let waiting = self.reset.is_some()
            || searching.is_some()
            || End::BOTH.into_iter().any(|end| waits(self.streams.of(end)));
        if !waiting {
            if self.waiting_since.take().is_some() {
                work.wait_no_more(&mut self.waiting_at);
            }
            return;
        }
        if self.waiting_since.is_none() {
            let oldest = End::BOTH.into_iter().filter_map(|end| self.streams.of(end).oldest_waiting()).min();
            let others = self.reset.map(|reset| reset.packet).into_iter().chain(searching);
            let oldest = oldest.into_iter().chain(others).min().unwrap_or(place.packet);
            work.wait(Place { packet: oldest, ..place }, &mut self.waiting_at);
            self.waiting_since = Some(place);
        }
    }

    /// The oldest packet whose frames may still be found after a loss, if that is waited for.
    fn searching(&mut self) -> Option<u64> {
        let since = match &self.layer {
            Layer::WebSocket(socket) => socket.ws.searching(),
            Layer::Multiplex(multiplex) => multiplex.searching(),
            Layer::Http(_) | Layer::Done => return None,
        };
        self.hopeless &= since.is_some();
        since.filter(|_| !self.hopeless)
    }

    pub(super) fn over_limit<S: Sink>(
        &mut self,
        ends: &Ends,
        end: End,
        bytes: u64,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        if self.streams.of(end).hole().is_some() {
            let sender = self.direction(end).sender();
            self.note(
                &rules::LIMIT_STREAM_MEMORY,
                Some(self.direction(end)),
                None,
                place,
                format_args!(
                    "{bytes} bytes of what the {sender} sent wait behind a hole: the hole is given up"
                ),
                work,
            );
        }
        self.give_up(ends, GiveUp::Limit, place, work);
    }

    /// Waiting took long enough. True if it goes on.
    pub(super) fn expire<S: Sink>(&mut self, ends: &Ends, place: Place, work: &mut Work<'_, S>) -> Fate {
        self.read_again(ends, false, work);
        if self.fate != Fate::Keep || self.waiting_since.is_none() {
            return self.fate;
        }
        let since = self.waiting_since.unwrap_or(place);
        let searched = self.searching().is_some();
        let old = place.time.since(since.time) > work.limits.hole_time;
        let one_sided = !(*self.seen.of(End::A) && *self.seen.of(End::B));
        let acknowledged = End::BOTH.into_iter().all(|end| {
            let stream = self.streams.of(end);
            stream.hole().is_none() || stream.hole_is_acknowledged()
        });
        if old || one_sided || acknowledged || self.reset.is_some() {
            self.give_up(ends, GiveUp::Acknowledged, place, work);
        }
        if self.fate == Fate::Keep && self.reset.is_some() {
            self.end(ends, StreamEnd::Reset, place, work);
        }
        if self.fate == Fate::Keep {
            self.waiting_since = None;
            self.hopeless |= searched;
            self.watch(place, work);
        }
        self.fate
    }

    /// Goes on without what is waited for.
    pub(super) fn give_up<S: Sink>(
        &mut self,
        ends: &Ends,
        why: GiveUp,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let words = match why {
            GiveUp::Acknowledged => "the capture lost them",
            GiveUp::Limit => "too much waits behind them",
            GiveUp::End => "they never came",
        };
        let mut latest = Place::default();
        let mut asked = self.asked.is_some();
        self.guess(ends, why == GiveUp::End, place, work);
        if self.is_guessing() {
            return;
        }
        for end in self.order() {
            self.streams.of_mut(end).begin();
        }
        if let Layer::Http(http) = &mut self.layer
            && End::BOTH.into_iter().any(|end| !self.streams.of(end).is_anchored())
        {
            http.requests_lost = true;
        }
        self.drain(ends, place, Some(&mut latest), work);
        // Each round passes one hole, or ends.
        while self.fate == Fate::Keep {
            let mut moved = false;
            for end in self.order() {
                let doubtful = self.streams.of(end).doubtful();
                if self.streams.of_mut(end).use_suspects(&work.bytes) {
                    if let Some(held) = doubtful {
                        Self::tell_offload(self.direction(end), held.origin, work);
                    }
                    // Their records come now: nobody waited for them at their packets.
                    latest = latest.max(place);
                    moved = true;
                } else if let Some(hole) = self.streams.of(end).hole() {
                    if why == GiveUp::Acknowledged
                        && !self.streams.of(end).hole_is_acknowledged()
                        && *self.seen.of(end.other())
                        && place.time.since(self.waiting_since.unwrap_or(place).time) <= work.limits.hole_time
                        && self.reset.is_none()
                    {
                        continue;
                    }
                    let arrival = self.streams.of(end).first_waiting().map_or(place, |held| held.origin);
                    latest = latest.max(arrival).max(self.streams.of(end).arrived());
                    self.gap(end, hole, latest, words, work);
                    self.streams.of_mut(end).skip(hole);
                    moved = true;
                }
                let mut own = latest;
                self.drain(ends, place, Some(&mut own), work);
                latest = own;
                if self.fate != Fate::Keep {
                    return;
                }
            }
            if !moved && self.abandon_tls(ends, place, work) {
                let mut own = latest;
                self.drain(ends, place, Some(&mut own), work);
                latest = own;
                continue;
            }
            // A request that was read only now, whose answer is not in the capture.
            if !moved && self.asked.is_some() && !std::mem::replace(&mut asked, true) {
                if self.guess(ends, why == GiveUp::End, place, work) && !self.is_guessing() {
                    let mut own = latest;
                    self.drain(ends, place, Some(&mut own), work);
                    latest = own;
                }
                continue;
            }
            if !moved {
                let server = self.order()[1];
                match &mut self.layer {
                    // Responses whose requests were not captured.
                    Layer::Http(http) if http.server_waits() && self.streams.of(server).ready().is_some() => {
                        http.forced = true;
                    }
                    _ => {
                        if !self.force_http2(true) {
                            self.force_http2(false);
                            return;
                        }
                    }
                }
                let mut own = latest;
                self.drain(ends, place, Some(&mut own), work);
                latest = own;
            }
        }
    }

    /// The connection's end: what still waits is given up, all is told.
    pub(super) fn end<S: Sink>(&mut self, ends: &Ends, how: StreamEnd, place: Place, work: &mut Work<'_, S>) {
        self.give_up(ends, GiveUp::End, place, work);
        if self.fate != Fate::Keep {
            work.wait_no_more(&mut self.waiting_at);
            return;
        }
        for end in self.order() {
            // Of an end that was never captured all is missing: told once, below.
            if let Some(hole) = self.streams.of(end).tail_hole()
                && *self.seen.of(end)
            {
                self.gap(end, hole, self.last, "they were acknowledged but never captured", work);
                self.streams.of_mut(end).skip(hole);
            }
        }
        let last = self.reset.unwrap_or(self.last);
        if self.is_kept_for_secret(ends, how, place, work) {
            self.fate = Fate::Unread;
            work.wait_no_more(&mut self.waiting_at);
            return;
        }
        self.read_again(ends, true, work);
        for end in self.order() {
            self.end_tls(end, last, work);
        }
        if self.fate == Fate::Keep && self.tell_sealed(ends, true, work) {
            self.fate = Fate::Drop(Other::Tls);
        }
        if self.fate != Fate::Keep {
            work.wait_no_more(&mut self.waiting_at);
            return;
        }
        self.tell_untold(last, work);
        if let Some(asked) = self.asked.take() {
            let ending = self.ending(how, place);
            self.unanswered(ends, *asked, State::Unanswered, ending, last, work);
        }
        self.fate = Fate::Ended;
        match std::mem::replace(&mut self.layer, Layer::Done) {
            Layer::WebSocket(mut socket) => {
                let ending = self.ending(how, place);
                self.end_socket(&mut socket, ending, last, work);
            }
            Layer::Multiplex(mut multiplex) => {
                let ending = self.ending(how, place);
                self.end_http2(&mut multiplex, ending, last, work);
                if !multiplex.had_websocket() {
                    self.fate = Fate::Drop(Other::Http2);
                }
            }
            Layer::Http(_) | Layer::Done => {}
        }
        work.wait_no_more(&mut self.waiting_at);
    }

    /// What is known of the end. `place`: the packet of the capture at which it is known.
    pub(super) fn ending(&self, how: StreamEnd, place: Place) -> Ending {
        let mut ending = Ending { last: self.reset.unwrap_or(self.last), until: place, ..Ending::default() };
        ending.how = match how {
            StreamEnd::Capture | StreamEnd::Timeout if self.reset.is_some() => StreamEnd::Reset,
            how => how,
        };
        ending.reset = self.reset_by.map(|end| self.direction(end)).zip(self.reset);
        for end in End::BOTH {
            let direction = self.direction(end);
            let stream = self.streams.of(end);
            *ending.fin.of_mut(direction) = *self.fins.of(end);
            // In TLS, not all that TCP carries are frames.
            let said = match &self.secure {
                Some(secure) => secure.said(direction),
                None => Some(stream.arrived()).filter(|place| place.packet > 0),
            };
            *ending.said.of_mut(direction) = said;
            *ending.unacknowledged.of_mut(direction) = stream.unacknowledged();
            *ending.heard.of_mut(direction) = *self.seen.of(end);
        }
        ending
    }

    pub(super) fn end_socket<S: Sink>(
        &mut self,
        socket: &mut Socket,
        ending: Ending,
        last: Place,
        work: &mut Work<'_, S>,
    ) {
        let Socket { connection, ws, heartbeats } = socket;
        let fin = End::BOTH.into_iter().any(|end| self.streams.of(end).fin().is_some());
        let how = ending.how;
        let (mut context, sink) = work.context();
        let mut emit = Emit { sink, connection, heartbeats };
        for end in self.order() {
            let direction =
                if self.client == Some(end) { Direction::ClientToServer } else { Direction::ServerToClient };
            let how = if self.streams.of(end).is_finished() { StreamEnd::Fin } else { how };
            ws.end(direction, how, last, &mut context, &mut emit);
        }
        let one_sided = End::BOTH.into_iter().find(|end| !*self.seen.of(*end));
        if connection.request.is_none() {
            ws.note_loss();
        }
        if let Some(end) = one_sided {
            let direction =
                if self.client == Some(end) { Direction::ClientToServer } else { Direction::ServerToClient };
            ws.note_unheard(direction);
            let spot = Spot { place: last, ..Spot::default() };
            ws.report(
                &tcp::rules::TCP_ONE_DIRECTION,
                spot,
                format_args!("nothing that the {} sent was captured", direction.sender()),
                &mut emit,
            );
        }
        let closing = ws.closing().is_some();
        if how == StreamEnd::Reset && !ws.closing().is_some_and(|closing| closing.answered) {
            let spot = Spot { place: last, ..Spot::default() };
            ws.report(
                &tcp::rules::TCP_RESET,
                spot,
                format_args!(
                    "the connection was reset without a complete closing handshake{}",
                    self.reset_words()
                ),
                &mut emit,
            );
        }
        let end = if how == StreamEnd::Capture && fin { StreamEnd::Fin } else { how };
        ws.finish(end, last, &mut emit);
        if how == StreamEnd::Timeout {
            let spot = Spot { place: last, ..Spot::default() };
            ws.report(
                &rules::FLOW_TIMEOUT,
                spot,
                format_args!("nothing came for too long: the connection is taken as ended"),
                &mut emit,
            );
        }
        let answered = ws.closing().is_some_and(|closing| closing.answered);
        let state = match how {
            StreamEnd::Reset if closing && answered => State::Closed,
            StreamEnd::Reset => State::Reset,
            StreamEnd::Timeout => State::TimedOut,
            StreamEnd::Fin => State::Closed,
            StreamEnd::Capture if fin || answered => State::Closed,
            StreamEnd::Capture => State::Open,
        };
        work.totals.count(ws, self.gaps);
        work.sink.ended(&Ended {
            connection,
            state,
            closed: (state != State::Open).then_some(last.time),
            socket: Some(ws),
            heartbeats: heartbeats.as_deref(),
            findings: ws.findings(),
            ending,
            gaps: self.gaps,
        });
    }
}
