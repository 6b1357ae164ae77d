//! Hands bytes through TLS to the application; again from the first byte, if the secret arrives late.

use std::collections::VecDeque;

use super::{Disposition, TcpConnection};
use crate::model::{Chunk, Direction, PerDirection, Place, Span};
use crate::pipeline::context::Context;
use crate::pipeline::events::NotWebSocket;
use crate::pipeline::sides::Side;
use crate::pipeline::transport::above::{Gap, Run};
use crate::pipeline::transport::tls::TlsLayer;
use crate::ws::StreamEnd;

impl TcpConnection {
    /// Begins TLS, if these bytes do and there are secrets to decrypt it with, or it is to be reported.
    pub(super) fn begin_tls(
        &mut self,
        side: Side,
        bytes: &[u8],
        place: Place,
        context: &mut Context<'_>,
    ) -> bool {
        let is_client = self.transport.client.is_none_or(|client| client == side);
        if self.application.is_fresh() && is_client && TlsLayer::begins(bytes, context) {
            self.transport.client = Some(side);
            self.transport.tls = TlsLayer::new(place, &context.limits.secrets);
            context.scratch.grow(self.transport.size() as u64);
        }
        self.transport.tls.is_some()
    }

    /// Hands ciphertext to TLS; returns how many bytes it took.
    pub(super) fn decrypt(&mut self, side: Side, chunk: Chunk<'_>, context: &mut Context<'_>) -> usize {
        let direction = self.transport.direction(side);
        self.hand_over_waiting(chunk.arrival, context);
        if self.disposition != Disposition::Keep || self.waits(direction) {
            return 0;
        }
        self.make_room_for_run(context);
        if self.disposition != Disposition::Keep || self.waits(direction) {
            return 0;
        }
        let Some(tls) = &mut self.transport.tls else { return chunk.bytes.len() };
        let taken = tls.data(direction, chunk, &mut self.application, context);
        self.drop_unreadable(true, context);
        self.read_with_late_secret(false, context);
        self.begin_agreed_http2(side, chunk.arrival, context);
        self.hand_over_waiting(chunk.arrival, context);
        taken
    }

    fn waits(&self, direction: Direction) -> bool {
        self.transport.tls.as_ref().is_some_and(|tls| tls.waits(direction))
    }

    /// Begins HTTP/2 where ALPN agreed on it: its preface comes first then.
    fn begin_agreed_http2(&mut self, side: Side, place: Place, context: &mut Context<'_>) {
        let Self { application, transport, .. } = self;
        let agreed = transport.tls.as_ref().is_some_and(|tls| tls.is_http2());
        if agreed && application.is_fresh() && self.disposition == Disposition::Keep {
            application.begin_http2(0, None, place, &transport.view(context.identity, side), context);
        }
    }

    /// Bytes of ciphertext are missing.
    pub(super) fn gap_in_tls(&mut self, gap: &Gap<'_>, context: &mut Context<'_>) {
        if let Some(tls) = &mut self.transport.tls {
            tls.gap(gap, &mut self.application, context);
            self.drop_unreadable(false, context);
        }
    }

    /// A direction ended, and with it its TLS.
    pub(super) fn end_tls(&mut self, direction: Direction, place: Place, context: &mut Context<'_>) {
        if let Some(tls) = &mut self.transport.tls {
            tls.end(direction, place, &mut self.application, context);
            self.drop_unreadable(false, context);
        }
    }

    /// Nothing that TLS or HTTP wait for will arrive. Returns whether that lets anything proceed.
    pub(super) fn abandon_tls(&mut self, place: Place, context: &mut Context<'_>) -> bool {
        let Some(tls) = &mut self.transport.tls else { return false };
        let first = tls.abandon();
        if tls.waits(Direction::ServerToClient) {
            self.application.force_responses();
        }
        self.hand_over_waiting(place, context);
        first && self.disposition == Disposition::Keep
    }

    /// Hands over plaintext that waited, as long as any of it is taken.
    fn hand_over_waiting(&mut self, arrival: Place, context: &mut Context<'_>) {
        loop {
            let mut progress = false;
            for side in self.transport.client_first() {
                let direction = self.transport.direction(side);
                while self.disposition == Disposition::Keep
                    && let Some(plaintext) =
                        self.transport.tls.as_mut().and_then(|tls| tls.take_waiting(direction))
                {
                    let chunk = plaintext.chunk(arrival);
                    let taken = self.hand_over(side, chunk, false, None, context);
                    progress |= taken > 0;
                    if let Some(rest) = plaintext.rest(taken) {
                        if let Some(tls) = &mut self.transport.tls {
                            tls.put_back(direction, rest);
                        }
                        break;
                    }
                }
            }
            if !progress || self.disposition != Disposition::Keep {
                return;
            }
        }
    }

    /// After TLS has read bytes: drops a connection that cannot be decrypted, unless it is followed nevertheless.
    fn drop_unreadable(&mut self, report: bool, context: &mut Context<'_>) {
        let Some(tls) = &self.transport.tls else { return };
        let is_wanted = context.sink.wants().sealed;
        if !tls.is_unreadable()
            || self.disposition != Disposition::Keep
            || self.application.has_websocket()
            || tls.is_followed(is_wanted)
        {
            return;
        }
        self.disposition = Disposition::Drop(NotWebSocket::Tls);
        if report {
            self.report_undecrypted(false, context);
        }
    }

    /// Reports a connection that was not decrypted. False where this is none.
    pub(super) fn report_undecrypted(&mut self, whole: bool, context: &mut Context<'_>) -> bool {
        let Some(tls) = self.transport.tls.as_ref().filter(|_| self.application.is_fresh()) else {
            return false;
        };
        let Some(why) = tls.unread_reason() else { return false };
        if context.sink.wants().sealed {
            let client = self.transport.client.unwrap_or(Side::A);
            let (tunnelled, last) = (self.application.is_tunnelled(), self.transport.last);
            context.sink.sealed(&tls.undecrypted(context.identity, client, tunnelled, why, last, whole));
        }
        true
    }

    /// Makes room for the next bytes: where there is none, the secret must be known now, or is no longer waited for.
    fn make_room_for_run(&mut self, context: &mut Context<'_>) {
        if self.transport.tls.as_ref().is_some_and(|tls| tls.is_full()) {
            context.limits.secrets.refresh();
            self.read_with_late_secret(false, context);
            if let Some(tls) = &mut self.transport.tls {
                tls.stop_awaiting();
            }
        }
    }

    /// The connection ended as `how` says. True where its secret is not known, but may still arrive: then it is kept.
    pub(super) fn is_kept_for_secret(
        &mut self,
        how: StreamEnd,
        place: Place,
        context: &mut Context<'_>,
    ) -> bool {
        let Some(tls) = &mut self.transport.tls else { return false };
        let (waits, first) = tls.end_awaiting(how, place, &context.limits.secrets);
        if first && context.sink.wants().drafts {
            self.report_undecrypted(true, context);
        }
        waits
    }

    /// Reads the connection from its first byte, if its secret is known now. `last`: nothing more is waited for, so what
    /// is known of its secrets has to do.
    pub(super) fn read_with_late_secret(&mut self, last: bool, context: &mut Context<'_>) {
        let Some(tls) = &mut self.transport.tls else { return };
        if let Some(runs) = tls.restart_with_secret(last, &context.limits.secrets) {
            // Nothing was read above TLS.
            self.application.forget_tls_findings();
            self.disposition = Disposition::Keep;
            self.decrypt_runs(runs, context);
        }
    }

    fn decrypt_runs(&mut self, runs: Vec<Run>, context: &mut Context<'_>) {
        let mut queues: PerDirection<VecDeque<Run>> = PerDirection::default();
        for run in runs {
            queues.of_mut(run.direction).push_back(run);
        }
        while self.disposition == Disposition::Keep {
            let mut both = Direction::BOTH;
            let front = |direction: Direction| queues.of(direction).front().map(|run| run.arrival.packet);
            if let [Some(client), Some(server)] = both.map(front)
                && server < client
            {
                both.reverse();
            }
            let mut progress = false;
            for direction in both {
                let Some(run) = queues.of_mut(direction).pop_front() else { continue };
                if let Some(rest) = self.decrypt_run(run, context) {
                    progress |= rest.len < run.len;
                    queues.of_mut(direction).push_front(rest);
                } else {
                    progress = true;
                }
                if progress || self.disposition != Disposition::Keep {
                    break;
                }
            }
            if !progress && !self.abandon_tls(self.transport.last, context) {
                return;
            }
        }
    }

    /// Decrypts a run; returns what of it was not taken.
    fn decrypt_run(&mut self, run: Run, context: &mut Context<'_>) -> Option<Run> {
        let Run { direction, at, address, len, origin, arrival } = run;
        let source = context.bytes;
        let span = address.map(|start| Span { start, len: u32::try_from(len).unwrap_or(u32::MAX) });
        let Some((address, bytes)) = address.zip(span.and_then(|span| source.slice(span))) else {
            let gap = Gap { direction, at, len, arrival, why: "the spool no longer has them" };
            if address.is_some() {
                self.report_gap(&gap, context);
            }
            self.gap_in_tls(&gap, context);
            return None;
        };
        let side = self.transport.sender(direction);
        let chunk = Chunk { at, bytes, address, origin, arrival };
        let taken = self.decrypt(side, chunk, context) as u64;
        let rest = Run {
            at: at.saturating_add(taken),
            address: Some(address.saturating_add(taken)),
            len: len.saturating_sub(taken),
            ..run
        };
        (rest.len > 0).then_some(rest)
    }
}
