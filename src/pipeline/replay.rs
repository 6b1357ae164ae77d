//! Replays one connection: what happened to it, and its state in between.
//!
//! What becomes of a connection depends on its own packets, on the IP fragments of the capture, and on what the packets
//! of others do to it: they let time pass, take its ports, end the capture. A sink that wants
//! [replay steps](super::Wants::replay_steps) receives all of that; [`Pipeline::fork`] and [`Pipeline::replay`] repeat it,
//! with the same events, without any packet of another connection.

use std::sync::Arc;

use super::connection::TcpConnection;
use super::connections::Stage;
use super::events::{Checkpoint, FollowState, Forked, ReplayEvent, ReplayStep, Shed, Sink};
use super::sides::Identity;
use super::{Limits, Outside, Pipeline};
use crate::model::{Bytes, ConnectionId, Flags, PacketRef, Place};
use crate::ws::Scratch;

/// What a [`Checkpoint`] holds: the transport and the application of a connection, and which it is.
struct Saved {
    identity: Identity,
    connection: Box<TcpConnection>,
}

impl Pipeline {
    /// An engine that holds one connection: as it was at a checkpoint, or before its first packet.
    ///
    /// Its WebSockets have the numbers that [`Forked`] distinguishes.
    #[must_use]
    pub fn fork(limits: Limits, tcp: ConnectionId, from: Option<&Checkpoint>) -> Self {
        let mut fork = Self::new(limits);
        fork.shared.websockets = Forked::NEW;
        match from.and_then(|from| from.state.downcast_ref::<Saved>()) {
            Some(Saved { identity, connection }) => {
                fork.connections.adopt(*identity, Stage::Followed(connection.clone()));
            }
            None => fork.connections.begin_at(tcp),
        }
        fork
    }

    /// Repeats what happened to the connection of a fork.
    pub fn replay<S: Sink>(&mut self, event: &ReplayEvent, capture: &dyn Bytes, sink: &mut S) {
        let (outside, place) = match *event {
            ReplayEvent::Packet(packet, _) => {
                let place = Place { packet: packet.number, time: packet.time };
                self.last = Place { packet: place.packet, time: place.time.max(self.last.time) };
                let bytes = capture.bytes(packet.bytes).unwrap_or_default();
                if let Ok(mut segment) = self.decoder.decode(&packet, bytes) {
                    if segment.header_len == 0 {
                        self.number(&mut segment, bytes, place, capture);
                    }
                    self.segment(&segment, bytes, place, capture, sink);
                }
                let _ = self.decoder.take_findings();
                // Time passes only as the events say.
                self.deadlines.clear();
                return;
            }
            ReplayEvent::Recheck(place) => (Outside::Recheck, place),
            ReplayEvent::End(how, place) => (Outside::End(how), place),
            ReplayEvent::Reuse(place) => (Outside::Reuse, place),
            // Alone, it has the room.
            ReplayEvent::Shed(Shed::Payloads, _) => return,
            ReplayEvent::Shed(shed, place) => (Outside::Shed(shed), place),
        };
        self.last = place;
        if let Some(index) = self.connections.slots().next() {
            self.outside(index, outside, capture, sink);
        }
        self.replay_awaiting(outside, capture, sink);
    }

    /// Exchanges the buffers that it works with: many forks need one set.
    pub fn swap_scratch(&mut self, scratch: &mut Scratch) {
        std::mem::swap(&mut self.shared.scratch, scratch);
    }

    /// Takes an IP fragment, whichever connection it belongs to.
    pub fn replay_fragment(&mut self, packet: &PacketRef, capture: &dyn Bytes) {
        let _ = self.decoder.decode(packet, capture.bytes(packet.bytes).unwrap_or_default());
        let _ = self.decoder.take_findings();
    }

    /// Reports that the current packet was processed.
    pub(super) fn report_packet(&mut self, packet: &PacketRef, flags: Flags, sink: &mut dyn Sink) {
        let dropped = std::mem::take(&mut self.dropped);
        let index = self.connections.recent();
        self.report_step(index, ReplayEvent::Packet(*packet, flags), dropped, sink);
    }

    /// Reports what happened to a connection. One that holds no WebSocket is reported once.
    pub(super) fn report_step(&mut self, index: u32, event: ReplayEvent, dropped: bool, sink: &mut dyn Sink) {
        let websockets = self.shared.websockets;
        let Some(slot) = self.connections.slot(index) else { return };
        let identity = slot.identity;
        let state = match &slot.stage {
            Stage::Followed(connection) => {
                let copy = || Checkpoint {
                    websockets,
                    size: size_of::<Saved>() + connection.size(),
                    oldest_address: connection.oldest_address(),
                    state: Arc::new(Saved { identity, connection: connection.clone() }),
                };
                let is_websocket = connection.has_websocket();
                return sink.replay_step(&ReplayStep {
                    tcp: identity.tcp,
                    event: Some(event),
                    state: if is_websocket { FollowState::WebSocket } else { FollowState::Http },
                    mid_stream: connection.transport.mid_stream,
                    checkpoint: Some(&copy),
                });
            }
            Stage::HalfOpen(_) => FollowState::Opening,
            Stage::Dropped { .. } if !dropped => return,
            Stage::Dropped { .. } => FollowState::Dropped,
            Stage::Ended(_) if self.awaiting.has(identity.tcp) => FollowState::AwaitingSecret,
            Stage::Ended(_) => FollowState::Ended,
            Stage::Free => return,
        };
        self.report_without_state(identity.tcp, Some(event), state, sink);
    }

    /// Reports what happened to a connection that is not followed.
    pub(super) fn report_without_state(
        &self,
        tcp: ConnectionId,
        event: Option<ReplayEvent>,
        state: FollowState,
        sink: &mut dyn Sink,
    ) {
        sink.replay_step(&ReplayStep { tcp, event, state, mid_stream: false, checkpoint: None });
    }

    /// Reports that a connection's state was discarded: its ports may be anyone's.
    pub(super) fn report_forgotten(&mut self, index: u32, sink: &mut dyn Sink) {
        let Some(slot) = self.connections.slot(index) else { return };
        let tcp = slot.identity.tcp;
        if !self.awaiting.has(tcp) {
            self.report_without_state(tcp, None, FollowState::Forgotten, sink);
        }
    }
}
