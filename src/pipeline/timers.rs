//! What time does to connections: gaps are given up, silent connections are closed, and room is made.

use super::connections::Stage;
use super::events::Sink;
use super::{Outside, Pipeline};
use crate::model::{Bytes, Nanos};

impl Pipeline {
    /// Gives up gaps, closes silent connections, and makes room in the table.
    #[inline]
    pub(super) fn timers(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        while let Some(deadline) = self.deadlines.front() {
            let packets = self.last.packet.saturating_sub(deadline.since.packet);
            let waited = self.last.time.since(deadline.since.time);
            if packets < self.shared.limits.wait_packets
                && (packets < 64 || waited < self.shared.limits.wait_time)
            {
                break;
            }
            self.expire(capture, sink);
        }
        let full = self.connections.len() > self.flows || self.followed > self.shared.limits.connections;
        if full || (self.connections.len() > self.shared.limits.calm && self.last.packet & 7 == 0) {
            self.visit(capture, sink);
        }
        self.release_awaiting(capture, sink);
    }

    #[cold]
    fn expire(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        let Some(deadline) = self.deadlines.pop_front() else { return };
        let slot = self.connections.slot(deadline.slot).filter(|slot| slot.identity.tcp == deadline.tcp);
        if let Some(Stage::Followed(connection)) = slot.map(|slot| &slot.stage)
            && connection.transport.waiting_since() == Some(deadline.since)
        {
            self.outside(deadline.slot, Outside::Recheck, capture, sink);
        }
    }

    /// Checks the next connections in turn: is one silent for too long, or in the way?
    fn visit(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        let crowded = self.connections.len() > self.flows;
        let many = self.followed > self.shared.limits.connections;
        for _ in 0..if crowded || many { 16 } else { 1 } {
            let Some(index) = self.connections.turn() else { return };
            let Some(slot) = self.connections.slot(index) else { continue };
            let idle = self.last.time.since(slot.last);
            let followed = matches!(slot.stage, Stage::Followed(_));
            let limit = match &slot.stage {
                Stage::HalfOpen(_) | Stage::Ended(_) | Stage::Free => self.shared.limits.half_open_idle,
                Stage::Followed(it) if it.has_websocket() => self.shared.limits.idle_websocket,
                Stage::Followed(_) | Stage::Dropped { .. } => self.shared.limits.idle,
            };
            // With the table full, whoever is silent longest among those in turn makes room: by the clock or by packets, since
            // a clock may stand still.
            let is_silent = match &slot.stage {
                Stage::Followed(it) => {
                    let packets = self.last.packet.saturating_sub(it.latest().packet);
                    idle > Nanos::seconds(1) || packets > self.shared.limits.connections as u64
                }
                _ => true,
            };
            let in_the_way = is_silent && if followed { many } else { crowded };
            let silent = idle > limit && self.connections.len() > self.shared.limits.calm;
            if !silent && !in_the_way {
                continue;
            }
            if !silent {
                self.evicted += 1;
            }
            self.connect_timed_out(index);
            self.end_and_forget(index, capture, sink);
        }
    }
}
