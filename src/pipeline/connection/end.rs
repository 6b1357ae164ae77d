//! Ends a connection: what still waits is given up, and everything is reported.

use super::{Disposition, TcpConnection};
use crate::model::{PerDirection, Place};
use crate::pipeline::application::Finish;
use crate::pipeline::context::Context;
use crate::pipeline::events::NotWebSocket;
use crate::pipeline::sides::Side;
use crate::tcp::GiveUp;
use crate::ws::StreamEnd;

impl TcpConnection {
    /// The connection ended as `how` says; `place`: the packet of the capture at which that is known.
    pub(crate) fn end(&mut self, how: StreamEnd, place: Place, context: &mut Context<'_>) {
        self.give_up(GiveUp::End, place, context);
        if self.disposition == Disposition::Keep {
            self.end_streams(how, place, context);
        }
        if self.disposition == Disposition::Keep {
            self.report_end(how, place, context);
        }
        self.transport.leave_watermark(context);
    }

    /// The last packet that counts.
    fn last(&self) -> Place {
        self.transport.reset.as_ref().map_or(self.transport.last, |reset| reset.place)
    }

    fn end_streams(&mut self, how: StreamEnd, place: Place, context: &mut Context<'_>) {
        let sides = self.transport.client_first();
        for side in sides {
            if let Some(len) = self.transport.tail_gap(side) {
                let why = "they were acknowledged but never captured";
                self.gap(side, len, self.transport.last, why, context);
                self.transport.streams.of_mut(side).skip(len);
            }
        }
        if self.is_kept_for_secret(how, place, context) {
            self.disposition = Disposition::AwaitsSecret;
            return;
        }
        let last = self.last();
        self.read_with_late_secret(true, context);
        for side in self.transport.client_first() {
            self.end_tls(self.transport.direction(side), last, context);
        }
        if self.disposition == Disposition::Keep && self.report_undecrypted(true, context) {
            self.disposition = Disposition::Drop(NotWebSocket::Tls);
        }
    }

    fn report_end(&mut self, how: StreamEnd, place: Place, context: &mut Context<'_>) {
        let last = self.last();
        self.report_lost_request(last, context);
        self.open_undecided(context);
        self.transport.report_twice(last, &mut self.application, context);
        let Self { application, transport, .. } = self;
        let view = transport.view(context.identity, Side::A);
        application.report_unanswered(how, place, last, &view, context);
        let finished = |side: Side| transport.streams.of(side).is_finished();
        let [client, server] = transport.client_first();
        let reset_evidence = transport.reset.as_ref().map(|reset| reset.ttl_evidence());
        let unheard = Side::BOTH.into_iter().find(|side| !*transport.heard.of(*side));
        let finish = Finish {
            finished: PerDirection { c2s: finished(client), s2c: finished(server) },
            fin: transport.has_fin(),
            unheard: unheard.map(|side| transport.direction(side)),
            place: last,
            ending: transport.ending(how, place),
            reset_evidence: reset_evidence.as_deref().unwrap_or_default(),
        };
        self.disposition = application.finish(&finish, context).map_or(Disposition::Ended, Disposition::Drop);
    }

    /// Ends a connection once more that ended before its secret was known. `last`: the secret is no longer waited for.
    pub(crate) fn end_again(&mut self, last: bool, context: &mut Context<'_>) -> Disposition {
        let ended = self.transport.tls.as_mut().and_then(|tls| tls.take_ended(last));
        let Some((how, place)) = ended else { return Disposition::Drop(NotWebSocket::Tls) };
        if context.sink.wants().drafts {
            context.sink.withdrawn(context.identity.tcp);
        }
        self.disposition = Disposition::Keep;
        self.end(how, place, context);
        self.disposition
    }
}
