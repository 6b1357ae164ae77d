//! A connection whose opening handshake is not in the capture: is it a WebSocket all the same?
//!
//! What came waits in its streams, as ranges, while a SYN or a request may still come. Then its structure is judged
//! ([`ws::recognise`]). Where that does not decide, the connection keeps what it has, up to a few segments more, and
//! nothing waits for it meanwhile.

use super::again::{Start, begins_here};
use super::ends::{End, Ends, PerEnd};
use super::exchange::{Exchange, Other, begins, classify};
use super::limits::Limits;
use super::live::{Fate, Layer, Live, Socket};
use super::sink::{Emit, Sink};
use super::work::{Space, Work};
use crate::http::http2::begins_with_headers;
use crate::http::{self, HeadKind};
use crate::model::{Direction, PerDirection, Place, Span};
use crate::tcp::{self, Held, NOWHERE};
use crate::ws::{self, Guess, Piece, Sent, Spot, StreamEnd, Terms, Verdict, WebSocket};

/// Pieces with which a guess is made again, first and last. After that, the connection is let go.
const FIRST: u8 = 4;
const LAST: u8 = 64;

/// What is missing of an opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// The capture began after it.
    All,
    /// The capture lost it.
    Lost,
    /// The response.
    Response,
    /// Nothing: somebody says that there is a WebSocket without any.
    Said,
}

impl Live {
    /// A connection that was given up, of which something looks like a WebSocket.
    pub(super) fn once_more(tries: u8) -> Box<Self> {
        let mut live = Self::new(None);
        live.midway = true;
        live.guess_later(tries);
        live
    }

    /// Whether it is not known yet what this is, and nothing waits for it.
    pub(super) fn is_guessing(&self) -> bool {
        self.guessing > 0
    }

    /// Looks at it again after a few more segments.
    pub(super) fn guess_later(&mut self, tries: u8) {
        (self.guessing, self.tries) = (FIRST, tries);
    }

    /// How often it may be guessed once more when it is let go.
    pub(super) fn tries_left(&self, other: Other, limits: &Limits) -> u8 {
        let midstream = End::BOTH.into_iter().all(|end| !self.streams.of(end).is_anchored());
        if midstream && other == Other::Unknown && limits.guess { self.tries } else { 0 }
    }

    /// Bytes on a port of which it is said that WebSockets are there, which are no HTTP.
    pub(super) fn is_said(&self, ends: &Ends, end: End, limits: &Limits) -> bool {
        let ports = [End::A, End::B].map(|end| ends.of(end).port);
        limits.guess
            && ports.iter().any(|port| limits.ws_ports.contains(port))
            && matches!(&self.layer, Layer::Http(http) if !http.is_http())
            && self.streams.of(end).position() == 0
    }

    /// What of the opening handshake is missing, where what waits may be frames.
    fn lacks(&self, ends: &Ends, limits: &Limits) -> Option<Missing> {
        let Layer::Http(http) = &self.layer else { return None };
        if !limits.guess {
            return None;
        }
        let waits = |end: End| self.streams.of(end).waiting().1 > 0;
        if let (Some(_), Some(client)) = (&self.asked, self.client) {
            let server = client.other();
            let lost = self.streams.of(server).hole().is_some()
                || (!*self.seen.of(server) && self.streams.of(client).ready().is_some());
            return lost.then_some(Missing::Response);
        }
        if http.is_http() || self.asked.is_some() || http.tunnelled || !End::BOTH.into_iter().any(waits) {
            return None;
        }
        if End::BOTH.into_iter().all(|end| !self.streams.of(end).is_anchored()) {
            return Some(Missing::All);
        }
        // Of each stream the beginning is missing, or all.
        let begins_with_hole = |end: End| {
            let stream = self.streams.of(end);
            stream.position() == 0 && (!waits(end) || !stream.is_started() || stream.hole().is_some())
        };
        if End::BOTH.into_iter().all(begins_with_hole) {
            return Some(Missing::Lost);
        }
        End::BOTH.into_iter().all(|end| self.is_said(ends, end, limits)).then_some(Missing::Said)
    }

    /// Whether what waits is a WebSocket. False: it goes on as if nobody had asked. `last`: nothing more is waited for.
    pub(super) fn guess<S: Sink>(
        &mut self,
        ends: &Ends,
        last: bool,
        place: Place,
        work: &mut Work<'_, S>,
    ) -> bool {
        let Some(missing) = self.lacks(ends, work.limits) else {
            self.guessing = 0;
            return false;
        };
        let space = work.bytes;
        let pieces = End::BOTH.map(|end| self.pieces(end, space));
        let [a, b] = &pieces;
        if missing == Missing::Response {
            // An answer is there, behind the loss of something else.
            if pieces
                .iter()
                .flatten()
                .any(|piece| begins(piece.bytes, work.limits) == Some(HeadKind::Response))
            {
                return false;
            }
        } else {
            let first = [a, b].map(|pieces| pieces.first().map_or(&[][..], |piece| piece.bytes));
            let http = |bytes: &[u8]| begins(bytes, work.limits).is_some();
            let (said, other) = (
                |bytes: &&&[u8]| !bytes.is_empty(),
                |bytes: &&[u8]| classify(bytes) != Other::Unknown || begins_with_headers(bytes).is_some(),
            );
            let all_http = first.iter().filter(said).all(|bytes| http(bytes));
            let later = !all_http
                && missing == Missing::All
                && self.begins_later(ends, Some(Start::Request), space, work.limits);
            if later || first.iter().any(other) || first.iter().filter(said).any(|bytes| http(bytes)) {
                self.guessing = 0;
                return false;
            }
        }
        let ports = End::BOTH.map(|end| ends.of(end).port);
        let said = ports.iter().any(|port| work.limits.ws_ports.contains(port));
        let thin = said || missing == Missing::Response;
        let sent = |end: End, pieces| {
            let stream = self.streams.of(end);
            Sent { pieces, ended: stream.fin().is_some() && stream.fin() == Some(stream.last_waiting()) }
        };
        let client = self.client.filter(|_| missing != Missing::All);
        let client = client.map(|client| usize::from(client == End::B));
        let verdict = ws::recognise([sent(End::A, a), sent(End::B, b)], client, thin);
        let count = (a.len() + b.len()).min(usize::from(LAST)) as u8;
        match verdict {
            Verdict::WebSocket(guess) => {
                self.guessing = 0;
                self.open_guessed(ends, *guess, missing, place, work);
                true
            }
            _ if missing == Missing::All && self.begins_later(ends, None, space, work.limits) => {
                self.guessing = 0;
                false
            }
            Verdict::Maybe if !last && count < LAST && matches!(missing, Missing::All | Missing::Said) => {
                self.guessing = count.saturating_mul(2).clamp(FIRST, LAST);
                true
            }
            _ => {
                self.guessing = 0;
                false
            }
        }
    }

    /// After a segment: whether it is time to guess again.
    pub(super) fn guess_again<S: Sink>(&mut self, ends: &Ends, place: Place, work: &mut Work<'_, S>) -> Fate {
        let count: usize = End::BOTH.into_iter().map(|end| self.streams.of(end).waiting().1).sum();
        let over = self.reset.is_some()
            || End::BOTH.into_iter().all(|end| !*self.seen.of(end) || self.streams.of(end).fin().is_some());
        if over {
            self.end(ends, if self.reset.is_some() { StreamEnd::Reset } else { StreamEnd::Fin }, place, work);
        } else if count >= usize::from(self.guessing)
            && !self.guess(ends, count >= usize::from(LAST), place, work)
        {
            self.fate = Fate::Drop(Other::Unknown);
        }
        self.fate
    }

    /// What waits in a stream.
    fn pieces<'a>(&self, end: End, space: Space<'a>) -> Vec<Piece<'a>> {
        let piece = |held: &Held| {
            let span = Span { start: held.address, len: held.len };
            let bytes = space.slice(span).filter(|_| held.address != NOWHERE)?;
            Some(Piece { at: held.at, bytes })
        };
        self.streams.of(end).held().filter_map(piece).collect()
    }

    /// Looks among what waits behind bytes that are something else: for an upgrade, where that is asked for, or else for
    /// HEADERS of HTTP/2. True where there is one: what comes before it is not looked at.
    fn begins_later(
        &mut self,
        ends: &Ends,
        wanted: Option<Start>,
        space: Space<'_>,
        limits: &Limits,
    ) -> bool {
        for end in End::BOTH {
            let asks = |held: &Held| {
                let span = Span { start: held.address, len: held.len };
                let bytes = space.slice(span).unwrap_or_default();
                match begins_here(bytes)? {
                    start @ Start::Request => (wanted == Some(start)
                        && begins(bytes, limits) == Some(HeadKind::Request))
                    .then_some((*held, start)),
                    start @ Start::Headers(_) => wanted.is_none().then_some((*held, start)),
                }
            };
            let Some((request, start)) = self.streams.of(end).held().find_map(asks) else { continue };
            self.layer = Layer::Http(Exchange::midway());
            self.client = Some(end);
            if let Start::Headers(direction) = start {
                if direction == Direction::ServerToClient {
                    self.client = Some(end.other());
                }
                self.begin_http2_midway(ends, direction);
            }
            for (end, from) in
                [(end, request.at), (end.other(), self.streams.of(end.other()).offset(request.ack))]
            {
                let stream = self.streams.of_mut(end);
                stream.begin();
                while stream.next() < from {
                    match (stream.ready(), stream.hole()) {
                        (Some(held), _) => stream.consume((from - held.at).min(u64::from(held.len)) as u32),
                        (None, Some(hole)) => stream.skip(hole.min(from - stream.next())),
                        _ => break,
                    }
                }
            }
            return true;
        }
        false
    }

    /// Goes to where frames begin. Returns how many bytes before that were there.
    fn go_to<S: Sink>(&mut self, end: End, start: Option<u64>, place: Place, work: &mut Work<'_, S>) -> u64 {
        let mut skipped = 0;
        self.streams.of_mut(end).begin();
        let direction = self.direction(end);
        loop {
            let stream = self.streams.of(end);
            if let Some(held) = stream.ready() {
                let len = start.map_or(0, |start| start.saturating_sub(held.at)).min(u64::from(held.len));
                if len == 0 {
                    return skipped;
                }
                skipped += len;
                self.streams.of_mut(end).consume(len as u32);
            } else if let Some(hole) = stream.hole() {
                let at = stream.position();
                let arrival = stream.first_waiting().map_or(place, |held| held.origin);
                self.tell_gap(direction, at, hole, arrival, "the capture lost them", work);
                self.streams.of_mut(end).skip(hole);
            } else {
                return skipped;
            }
        }
    }

    fn open_guessed<S: Sink>(
        &mut self,
        ends: &Ends,
        guess: Guess,
        missing: Missing,
        place: Place,
        work: &mut Work<'_, S>,
    ) {
        let client = if guess.client == 0 { End::A } else { End::B };
        self.client = Some(client);
        let first = End::BOTH.into_iter().filter_map(|end| {
            self.streams.of(end).held().map(|held| held.origin).min_by_key(|place| place.packet)
        });
        let first = first.min_by_key(|place| place.packet).unwrap_or(place);
        let [a, b] = guess.starts;
        let mut skipped = PerEnd::default();
        for (end, start) in [(End::A, a), (End::B, b)] {
            *skipped.of_mut(end) = self.go_to(end, start, place, work);
        }
        let (request, asked) = self.asked.take().map(|asked| asked.apart()).unzip();
        let offers = request.is_some();
        let (mut handshake, judgements) = http::conclude(request, None);
        handshake.upgraded = true;
        // Whether an extension was agreed is not known; only what was not offered cannot have been.
        let deflate = !offers || handshake.rsv_defined & 4 != 0;
        let terms = Terms {
            takeover: deflate.then_some(true),
            rsv_defined: if offers { handshake.rsv_defined } else { 7 },
            guessed: true,
        };
        let mut connection = self.connection(ends, asked, None, handshake, work);
        if asked.is_none() {
            connection.first = first;
        }
        connection.evidence = Some(guess.evidence.into_boxed_str());
        let known = |end: End| if end == End::A { a.is_some() } else { b.is_some() };
        // An end that sent nothing yet begins with a frame, or so it is hoped.
        let quiet =
            |end: End| self.streams.of(end).waiting().1 == 0 && *self.seen.of(end) && missing != Missing::All;
        let (c2s, s2c) = (client, client.other());
        let begins = PerDirection { c2s: known(c2s) || quiet(c2s), s2c: known(s2c) || quiet(s2c) };
        let mut ws = WebSocket::midway(PerDirection { c2s: terms, s2c: terms }, begins);
        ws.list(work.limits.listed);
        for end in End::BOTH {
            ws.skip(self.direction(end), *skipped.of(end));
        }
        work.sink.opened(&connection);
        let mut heartbeats = None;
        let mut emit = Emit { sink: work.sink, connection: &connection, heartbeats: &mut heartbeats };
        for pending in self.pending.drain(..) {
            let spot = Spot {
                direction: pending.direction,
                offset: pending.offset,
                place: pending.place,
                ..Spot::default()
            };
            ws.report(pending.rule, spot, format_args!("{}", pending.text), &mut emit);
        }
        for judgement in judgements {
            let spot = Spot { direction: Some(judgement.side), place: first, ..Spot::default() };
            ws.report(judgement.rule, spot, format_args!("{}", judgement.text), &mut emit);
        }
        if missing == Missing::All {
            let spot = Spot { place: first, ..Spot::default() };
            let evidence = connection.evidence.as_deref().unwrap_or_default();
            let before: u64 = End::BOTH.into_iter().map(|end| *skipped.of(end)).sum();
            let rest = if before > 0 {
                format!("; {before} bytes before the first frames are skipped")
            } else {
                String::new()
            };
            ws.report(
                &tcp::rules::TCP_MIDSTREAM,
                spot,
                format_args!(
                    "no opening handshake was captured; guessed to be a WebSocket: {evidence}{rest}"
                ),
                &mut emit,
            );
        }
        work.totals.websockets += 1;
        if !work.sink.wants().heads {
            (connection.handshake.request, connection.handshake.response) = (None, None);
        }
        self.layer = Layer::WebSocket(Socket { ws, connection: Box::new(connection), heartbeats });
        self.read_guessed(ends, work);
    }

    /// Reads what waited, in the order of its packets: who answers whom hangs on that.
    fn read_guessed<S: Sink>(&mut self, ends: &Ends, work: &mut Work<'_, S>) {
        loop {
            let ready = |end: End| {
                let held = self.streams.of(end).ready()?;
                Some((held.origin.max(self.streams.of(end).arrived()), end, held))
            };
            let next = End::BOTH.into_iter().filter_map(ready).min_by_key(|(arrival, ..)| arrival.packet);
            let Some((arrival, end, held)) = next else { return };
            let taken = self.feed(ends, end, held, arrival, work);
            if taken == 0 || self.fate != Fate::Keep {
                return;
            }
            self.streams.of_mut(end).consume(taken);
            self.streams.of_mut(end).set_arrived(arrival);
        }
    }
}
