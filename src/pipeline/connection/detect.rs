//! Runs detection on a connection whose handshake was not captured, and acts on what it finds.

use super::{Disposition, TcpConnection};
use crate::model::{Direction, PerDirection, Place, to_u32};
use crate::pipeline::application::{DetectedStart, Detection, MidStream, Missing, SideEvidence, detect};
use crate::pipeline::context::{ByteSource, Context};
use crate::pipeline::sides::{Identity, PerSide, Side};
use crate::pipeline::transport::above::Gap;
use crate::pipeline::transport::bytes_of;
use crate::tcp::Held;
use crate::ws::{Guess, Known, Piece};

impl TcpConnection {
    /// What of the opening handshake is missing, where the bytes that wait may be frames.
    /// `last`: no more segments are waited for.
    fn missing(&self, last: bool, context: &Context<'_>) -> Option<Missing> {
        if !context.limits.guess || !self.application.is_http() {
            return None;
        }
        let streams = &self.transport.streams;
        let waits = |side: Side| streams.of(side).waiting().1 > 0;
        if self.application.has_asked()
            && let Some(client) = self.transport.client
        {
            let server = client.other();
            // Nothing of the server was captured, or nothing since the request, and the client went on as if answered.
            let stream = streams.of(server);
            // It may still come where packets are out of order, or wait because its checksum is wrong.
            let is_unseen = !*self.transport.heard.of(server)
                || (last && stream.next_is_acknowledged() && stream.doubtful().is_none());
            let lost =
                streams.of(server).hole().is_some() || (is_unseen && self.transport.ready(client).is_some());
            return lost.then_some(Missing::Response);
        }
        if !self.application.is_fresh()
            || self.application.has_asked()
            || self.application.is_tunnelled()
            || !Side::BOTH.into_iter().any(waits)
        {
            return None;
        }
        if self.transport.lacks_both_syns() {
            return Some(Missing::All);
        }
        // Of each stream the beginning is missing, or all.
        let begins_with_gap = |side: Side| {
            let stream = streams.of(side);
            stream.position() == 0 && (!waits(side) || !stream.is_started() || stream.hole().is_some())
        };
        if Side::BOTH.into_iter().all(begins_with_gap) {
            return Some(Missing::Lost);
        }
        let is_named = context.limits.names_port(ports(context));
        (is_named && Side::BOTH.into_iter().all(|side| streams.of(side).position() == 0))
            .then_some(Missing::Named)
    }

    /// Runs detection on what waits. True where a WebSocket was recognised, or more segments are needed; otherwise the
    /// connection proceeds as HTTP. `last`: no more segments are waited for.
    pub(super) fn detect(&mut self, last: bool, place: Place, context: &mut Context<'_>) -> bool {
        let Some(missing) = self.missing(last, context) else {
            self.application.stop_detecting();
            return false;
        };
        let sides = Side::BOTH.map(|side| self.evidence(side, context.bytes));
        let known = self.known(missing, context);
        match detect(missing, &sides, known, last, context.limits) {
            Detection::WebSocket(guess) => {
                self.open_detected(*guess, missing, place, context);
                return true;
            }
            Detection::Undecided(pieces) => {
                self.application.detect_later(pieces);
                return true;
            }
            Detection::StartsAt { side, at, start } => {
                self.start_at(context.identity, if side == 0 { Side::A } else { Side::B }, at, start);
            }
            Detection::Nothing => self.application.stop_detecting(),
        }
        false
    }

    /// What is known of both sides besides what they sent. A port that the user named is the server's.
    fn known(&self, missing: Missing, context: &Context<'_>) -> Known {
        let is_named = |side: Side| context.limits.ws_ports.contains(&context.identity.of(side).port);
        let client = match Side::BOTH.map(is_named) {
            [true, false] => Some(Side::B),
            [false, true] => Some(Side::A),
            _ => self.transport.client.filter(|_| missing != Missing::All),
        };
        // Servers mostly listen on the lower port.
        let [a, b] = ports(context);
        let number = |side: Side| usize::from(side == Side::B);
        Known {
            client: client.map(number),
            likely_client: usize::from(b > a),
            said: context.limits.names_port(ports(context)),
        }
    }

    /// What waits in a stream.
    fn evidence<'a>(&self, side: Side, source: ByteSource<'a>) -> SideEvidence<'a> {
        let piece = |held: &Held| Some(Piece { at: held.at, bytes: bytes_of(held, source)? });
        let stream = self.transport.streams.of(side);
        SideEvidence {
            pieces: stream.held().filter_map(piece).collect(),
            ended: stream.fin().is_some() && stream.fin() == Some(stream.last_waiting()),
        }
    }

    /// Reads the connection from a segment on: what comes before it is skipped.
    fn start_at(&mut self, identity: &Identity, side: Side, at: u64, start: DetectedStart) {
        let Some(held) = self.transport.streams.of(side).held().find(|held| held.at == at).copied() else {
            return self.application.stop_detecting();
        };
        self.application.restart_in_middle();
        self.transport.client = Some(side);
        if let DetectedStart::Headers(direction) = start {
            if direction == Direction::ServerToClient {
                self.transport.client = Some(side.other());
            }
            let Self { application, transport, .. } = self;
            application.begin_http2_in_middle(direction, &transport.view(identity, side));
        }
        let other = side.other();
        let received = self.transport.streams.of(other).offset(held.ack);
        self.transport.skip_to(side, held.at);
        self.transport.skip_to(other, received);
    }

    /// Opens a WebSocket that was recognised, and reads what waited.
    fn open_detected(&mut self, guess: Guess, missing: Missing, place: Place, context: &mut Context<'_>) {
        let client = if guess.client == 0 { Side::A } else { Side::B };
        self.transport.client = Some(client);
        let streams = &self.transport.streams;
        let first = Side::BOTH.into_iter().filter_map(|side| {
            streams.of(side).held().map(|held| held.origin).min_by_key(|place| place.packet)
        });
        let first = first.min_by_key(|place| place.packet).unwrap_or(place);
        let [a, b] = guess.starts;
        let mut skipped = PerSide::default();
        for (side, start) in [(Side::A, a), (Side::B, b)] {
            *skipped.of_mut(side) = self.go_to_frame(side, start, place, context);
        }
        let transport = &self.transport;
        let begins = |side: Side| {
            // A side that has not sent anything yet is taken to begin with a frame.
            let is_quiet = transport.streams.of(side).waiting().1 == 0
                && *transport.heard.of(side)
                && !transport.streams.of(side).next_is_acknowledged()
                && missing != Missing::All;
            (if side == Side::A { a } else { b }).is_some() || is_quiet
        };
        let server = client.other();
        let start = MidStream {
            begins: PerDirection { c2s: begins(client), s2c: begins(server) },
            skipped: PerDirection { c2s: *skipped.of(client), s2c: *skipped.of(server) },
            is_reported: false,
        };
        let view = transport.view(context.identity, client);
        self.application.open_detected(guess.evidence, missing, start, first, &view, context);
        while self.deliver_next(Place::default(), context) && self.disposition == Disposition::Keep {}
    }

    /// Goes to where the frames of a side begin. Returns how many captured bytes are before that.
    fn go_to_frame(
        &mut self,
        side: Side,
        start: Option<u64>,
        place: Place,
        context: &mut Context<'_>,
    ) -> u64 {
        let mut skipped = 0;
        self.transport.streams.of_mut(side).begin();
        let direction = self.transport.direction(side);
        loop {
            let stream = self.transport.streams.of(side);
            if let Some(held) = stream.ready() {
                let len = start.map_or(0, |start| start.saturating_sub(held.at)).min(u64::from(held.len));
                if len == 0 {
                    return skipped;
                }
                skipped += len;
                self.transport.streams.of_mut(side).consume(to_u32(len));
            } else if let Some(len) = stream.hole() {
                let at = stream.position();
                let arrival = stream.first_waiting().map_or(place, |held| held.origin);
                let gap = Gap { direction, at, len, arrival, why: "the capture lost them" };
                self.report_gap(&gap, context);
                self.transport.streams.of_mut(side).skip(len);
            } else {
                return skipped;
            }
        }
    }
}

fn ports(context: &Context<'_>) -> [u16; 2] {
    Side::BOTH.map(|side| context.identity.of(side).port)
}
