//! Stops waiting for missing bytes, and delivers what arrived after them.

use super::{Disposition, TcpConnection};
use crate::model::Place;
use crate::pipeline::context::Context;
use crate::pipeline::rules::LIMIT_STREAM_MEMORY;
use crate::pipeline::sides::Side;
use crate::pipeline::transport::above::Above;
use crate::pipeline::transport::waiting::Passed;
use crate::tcp::GiveUp;
use crate::ws::Spot;

impl TcpConnection {
    /// Too much waits behind a gap of this side.
    pub(super) fn give_up_over_limit(
        &mut self,
        side: Side,
        bytes: u64,
        place: Place,
        context: &mut Context<'_>,
    ) {
        if self.transport.streams.of(side).hole().is_some() {
            let direction = self.transport.direction(side);
            let text = format_args!(
                "{bytes} bytes of what the {} sent wait behind a hole: the hole is given up",
                direction.sender()
            );
            self.application.finding(&LIMIT_STREAM_MEMORY, Spot::of(direction, place), text, context);
        }
        self.give_up(GiveUp::Limit, place, context);
    }

    /// Gives up what is missing, and delivers what waited behind it.
    pub(super) fn give_up(&mut self, why: GiveUp, place: Place, context: &mut Context<'_>) {
        let words = match why {
            GiveUp::Acknowledged => "the capture lost them",
            GiveUp::Limit => "too much waits behind them",
            GiveUp::End => "they never came",
        };
        // Records whose packets nothing waited for come no earlier than this.
        let mut floor = Place::default();
        let mut had_asked = self.application.has_asked();
        self.detect(why == GiveUp::End, place, context);
        if self.application.is_detecting() {
            return;
        }
        self.transport.begin();
        if self.transport.lacks_syn() {
            self.application.lose_requests();
        }
        self.drain(place, floor, context);
        // Each round passes a gap of either side, or ends.
        while self.disposition == Disposition::Keep {
            let mut moved = false;
            for side in self.transport.client_first() {
                match self.transport.pass_gap(side, why, place, floor, context) {
                    Passed::Nothing => {}
                    Passed::Waits => continue,
                    Passed::Filled => {
                        floor = place;
                        moved = true;
                    }
                    Passed::Gap(len, arrival) => {
                        self.gap(side, len, arrival, words, context);
                        self.transport.streams.of_mut(side).skip(len);
                        moved = true;
                    }
                }
                self.drain(place, floor, context);
                if self.disposition != Disposition::Keep {
                    return;
                }
            }
            if moved {
                continue;
            }
            if why != GiveUp::Acknowledged && self.transport.stop_waiting_for_search() {
                self.drain(place, floor, context);
                continue;
            }
            if self.abandon_tls(place, context) {
                self.drain(place, floor, context);
                continue;
            }
            // A request that was read only now, and whose response is not in the capture.
            if self.application.has_asked() && !std::mem::replace(&mut had_asked, true) {
                if self.detect(why == GiveUp::End, place, context) && !self.application.is_detecting() {
                    self.drain(place, floor, context);
                }
                continue;
            }
            let [_, server] = self.transport.client_first();
            let is_ready = Side::BOTH.into_iter().any(|side| self.transport.ready(side).is_some());
            // Responses whose requests were not captured, or bytes of HTTP/2 that follow what is missing.
            let forced = (self.transport.ready(server).is_some() && self.application.force_responses())
                || self.application.force_order(true, is_ready);
            if !forced {
                self.application.force_order(false, is_ready);
                return;
            }
            self.drain(place, floor, context);
        }
    }
}
