//! What time does to connections: holes are given up, silent connections are closed, and room is made.

use super::flows::Stage;
use super::sink::Sink;
use super::{Outside, Pipeline};
use crate::model::Bytes;
use crate::ws::StreamEnd;

impl Pipeline {
    /// What time does: holes given up, silent connections closed, room made.
    #[inline]
    pub(super) fn timers<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        while let Some(deadline) = self.deadlines.front() {
            let packets = self.last.packet.saturating_sub(deadline.since.packet);
            let waited = self.last.time.since(deadline.since.time);
            if packets < self.desk.limits.wait_packets
                && (packets < 64 || waited < self.desk.limits.wait_time)
            {
                break;
            }
            self.expire(capture, sink);
        }
        let full = self.flows.len() > self.desk.limits.flows || self.live > self.desk.limits.connections;
        if full || (self.flows.len() > self.desk.limits.calm && self.last.packet & 7 == 0) {
            self.visit(capture, sink);
        }
        self.release_unread(capture, sink);
    }

    #[cold]
    fn expire<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        let Some(deadline) = self.deadlines.pop_front() else { return };
        let Some(flow) = self.flows.slot(deadline.slot) else { return };
        if flow.ends.tcp != deadline.tcp {
            return;
        }
        let Stage::Live(live) = &flow.stage else { return };
        if live.waiting_since == Some(deadline.since) {
            self.outside(deadline.slot, Outside::Look, capture, sink);
        }
    }

    /// Looks at one connection in turn: is it silent for too long, or in the way?
    fn visit<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        let crowded = self.flows.len() > self.desk.limits.flows;
        let many = self.live > self.desk.limits.connections;
        for _ in 0..if crowded || many { 16 } else { 1 } {
            let Some(slot) = self.flows.turn() else { return };
            let Some(flow) = self.flows.slot(slot) else { continue };
            let idle = self.last.time.since(flow.last);
            let live = matches!(flow.stage, Stage::Live(_));
            let limit = match &flow.stage {
                Stage::Opening(_) | Stage::Ended | Stage::Free => self.desk.limits.half_open_idle,
                Stage::Live(live) if live.is_websocket() => self.desk.limits.idle_websocket,
                Stage::Live(_) | Stage::Other(..) => self.desk.limits.idle,
            };
            // With the table full, whoever is silent longest among those in turn makes room.
            let in_the_way = (crowded && !live) || (many && live && idle > 1_000_000_000);
            let silent = idle > limit && self.flows.len() > self.desk.limits.calm;
            if !silent && !in_the_way {
                continue;
            }
            if !silent {
                self.evicted += 1;
            }
            self.outside(slot, Outside::End(StreamEnd::Timeout), capture, sink);
            if sink.wants().steps {
                self.tell_forgotten(slot, sink);
            }
            self.flows.remove(slot);
        }
    }
}
