//! Reads TLS connections whose secrets arrive after their packets.

use super::awaiting_secrets::Candidate;
use super::connection::Disposition;
use super::connections::{Connections, Stage};
use super::context::ByteSource;
use super::events::{FollowState, ReplayEvent, Sink};
use super::{Outside, Pipeline};
use crate::model::{Bytes, ConnectionId};
use crate::ws::StreamEnd;

impl Pipeline {
    /// Whether secrets were added that [`use_new_secrets`](Self::use_new_secrets) has not used yet.
    #[must_use]
    pub fn has_new_secrets(&self) -> bool {
        self.awaiting.has_new(&self.shared.limits.secrets)
    }

    /// Reads the connections from their start whose secrets were added since the last call, ended ones too.
    pub fn use_new_secrets(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        for Candidate { tcp, slot } in self.awaiting.take_ready(&self.shared.limits.secrets) {
            if self.awaiting.has(ConnectionId(tcp)) {
                self.end_awaiting(tcp, false, capture, sink);
            } else if waits(&mut self.connections, slot, tcp) {
                self.outside(slot, Outside::Recheck, capture, sink);
            }
        }
    }

    /// Remembers that the connection in a slot waits for its secrets, the first time that it does.
    #[cold]
    pub(super) fn await_secret(&mut self, index: u32) {
        let Some(slot) = self.connections.slot(index) else { return };
        let Stage::Followed(connection) = &mut slot.stage else { return };
        if let Some(random) = connection.transport.tls.as_mut().and_then(|tls| tls.take_awaited()) {
            self.awaiting.wait(random, Candidate { tcp: slot.identity.tcp.0, slot: index });
            self.awaiting.sweep(|known| waits(&mut self.connections, known.slot, known.tcp));
        }
    }

    /// Reports connections as unreadable that can no longer be kept.
    #[inline]
    pub(super) fn release_awaiting(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        if self.awaiting.ended().next().is_some() {
            self.release_some(capture, sink);
        }
    }

    #[cold]
    fn release_some(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        while let Some(tcp) = self.awaiting.surplus() {
            self.end_awaiting(tcp, true, capture, sink);
        }
        if self.last.packet & 7 == 0
            && let Some(ended) = self.awaiting.turn()
            && let Some(span) = ended.connection.transport.tls.as_ref().and_then(|tls| tls.first_bytes())
        {
            let tcp = ended.identity.tcp.0;
            let source = ByteSource { capture, decoder: &self.decoder };
            if source.slice(span).is_none() {
                self.end_awaiting(tcp, true, capture, sink);
            }
        }
    }

    /// Ends all connections that are kept: no more packets arrive.
    pub(super) fn end_all_awaiting(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        let all: Vec<u32> = self.awaiting.ended().collect();
        all.into_iter().for_each(|tcp| self.end_awaiting(tcp, true, capture, sink));
    }

    /// Repeats what happened to the ended connections of a fork.
    pub(super) fn replay_awaiting(&mut self, outside: Outside, capture: &dyn Bytes, sink: &mut dyn Sink) {
        match outside {
            Outside::End(_) => self.end_all_awaiting(capture, sink),
            Outside::Recheck => {
                let all: Vec<u32> = self.awaiting.ended().collect();
                all.into_iter().for_each(|tcp| self.end_awaiting(tcp, false, capture, sink));
            }
            Outside::Reuse | Outside::Shed(_) => {}
        }
    }

    /// Reads a connection that ended, where its secrets are known. `last`: otherwise it is reported as unreadable; where
    /// not, it is kept further.
    fn end_awaiting(&mut self, tcp: u32, last: bool, capture: &dyn Bytes, sink: &mut dyn Sink) {
        let Some(mut ended) = self.awaiting.remove(tcp) else { return };
        let source = ByteSource { capture, decoder: &self.decoder };
        let context = &mut self.shared.context(&ended.identity, source, sink);
        let state = match ended.connection.end_again(last, context) {
            Disposition::AwaitsSecret => return self.awaiting.keep(ended.identity, ended.connection),
            Disposition::Drop(why) => {
                *self.seen.count_mut(why) += 1;
                FollowState::Dropped
            }
            Disposition::Keep | Disposition::Ended => FollowState::Ended,
        };
        if sink.wants().replay_steps {
            let place = self.last;
            let event =
                if last { ReplayEvent::End(StreamEnd::Capture, place) } else { ReplayEvent::Recheck(place) };
            self.report_without_state(ended.identity.tcp, Some(event), state, sink);
        }
    }
}

/// Whether the connection in a slot is this one, and waits for its secrets.
fn waits(connections: &mut Connections, slot: u32, tcp: u32) -> bool {
    let slot = connections.slot(slot).filter(|slot| slot.identity.tcp.0 == tcp);
    let Some(Stage::Followed(connection)) = slot.map(|slot| &slot.stage) else { return false };
    connection.transport.tls.as_ref().is_some_and(|tls| tls.awaits_secret())
}
