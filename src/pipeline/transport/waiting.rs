//! What a connection waits for: a gap to be filled, a SYN, a response, frames after a loss, segments after a RST.

use super::Transport;
use crate::model::{Nanos, Place, to_u32};
use crate::pipeline::context::{Context, Watermark};
use crate::pipeline::sides::Side;
use crate::tcp::{GiveUp, Stream};

/// What passing a gap of a stream came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// There is no gap.
    Nothing,
    /// The gap is still waited for.
    Waits,
    /// Copies with a wrong checksum filled it.
    Filled,
    /// The bytes are given up: how many, and the packet at which that is known.
    Gap(u64, Place),
}

impl Transport {
    /// The packet at which waiting began, if the connection waits.
    pub(crate) fn waiting_since(&self) -> Option<Place> {
        self.waiting.since
    }

    /// Checks whether anything is waited for. `searching`: the oldest packet whose frames may still be found.
    pub(crate) fn update_waiting(&mut self, place: Place, searching: Option<u64>, context: &mut Context<'_>) {
        let waits = |stream: &Stream| stream.waiting().1 > 0 || stream.doubtful().is_some();
        let searching = self.searching(searching);
        let waiting = self.reset.is_some()
            || searching.is_some()
            || Side::BOTH.into_iter().any(|side| waits(self.streams.of(side)));
        if !waiting {
            self.stop_waiting(context);
        } else if self.waiting.since.is_none() {
            let oldest =
                Side::BOTH.into_iter().filter_map(|side| self.streams.of(side).oldest_waiting()).min();
            let reset = self.reset.as_ref().map(|reset| reset.place.packet);
            let oldest = oldest.into_iter().chain(reset).chain(searching).min().unwrap_or(place.packet);
            context.wait(oldest, &mut self.waiting.listed);
            self.waiting.since = Some(place);
        }
    }

    /// Waits for nothing.
    pub(crate) fn stop_waiting(&mut self, context: &mut Context<'_>) {
        if self.waiting.since.take().is_some() {
            context.stop_waiting(&mut self.waiting.listed);
        }
    }

    /// The connection ended: no event of an earlier packet follows.
    pub(crate) fn leave_watermark(&mut self, context: &mut Context<'_>) {
        context.stop_waiting(&mut self.waiting.listed);
    }

    /// As [`leave_watermark`](Self::leave_watermark), without announcing it.
    pub(crate) fn forget(&mut self, watermark: &mut Watermark) {
        watermark.remove(&mut self.waiting.listed);
    }

    /// Begins to wait again, after a wait timed out.
    pub(crate) fn restart_waiting(&mut self) {
        self.waiting.since = None;
    }

    /// Nothing waits any longer for frames that are searched for. False where nothing did.
    pub(crate) fn stop_waiting_for_search(&mut self) -> bool {
        !std::mem::replace(&mut self.waiting.search_timed_out, true)
    }

    /// Whether bytes wait for frames that are searched for.
    pub(crate) fn waits_for_search(&self) -> bool {
        !self.waiting.search_timed_out
    }

    /// The oldest packet whose frames may still be found after a loss, if that is waited for.
    pub(crate) fn searching(&mut self, since: Option<u64>) -> Option<u64> {
        self.waiting.search_timed_out &= since.is_some();
        since.filter(|_| !self.waiting.search_timed_out)
    }

    /// Whether what is missing will not arrive, once the wait timed out.
    pub(crate) fn gives_up(&self, place: Place, context: &Context<'_>) -> bool {
        let since = self.waiting.since.unwrap_or(place);
        let acknowledged = Side::BOTH.into_iter().all(|side| {
            let stream = self.streams.of(side);
            stream.hole().is_none() || stream.hole_is_acknowledged()
        });
        place.time.since(since.time) > context.limits.hole_time
            || self.is_one_sided()
            || acknowledged
            || self.reset.is_some()
    }

    /// Whether only bytes are waited for that their receiver acknowledged, and for longer than packets change places while
    /// they are captured.
    pub(crate) fn waits_in_vain(&self, place: Place) -> bool {
        const REORDERED: Nanos = Nanos::milliseconds(200);
        let Some(since) = self.waiting.since else { return false };
        if place.time.since(since.time) <= REORDERED || self.reset.is_some() || self.lacks_start() {
            return false;
        }
        let streams = Side::BOTH.map(|side| self.streams.of(side));
        streams.iter().any(|stream| stream.hole().is_some())
            && streams.iter().all(|stream| {
                stream.doubtful().is_none() && (stream.hole().is_none() || stream.hole_is_acknowledged())
            })
    }

    /// Begins to deliver both streams at the lowest byte that was captured, where no SYN was.
    pub(crate) fn begin(&mut self) {
        for side in Side::BOTH {
            self.streams.of_mut(side).begin();
        }
    }

    /// Passes the gap of a stream, unless it is still waited for. `floor`: no event is of an earlier
    /// packet.
    pub(crate) fn pass_gap(
        &mut self,
        side: Side,
        why: GiveUp,
        place: Place,
        floor: Place,
        context: &mut Context<'_>,
    ) -> Passed {
        let doubtful = self.streams.of(side).doubtful();
        if self.streams.of_mut(side).use_suspects(&context.bytes) {
            if let Some(held) = doubtful {
                self.report_offload(side, held.origin, context);
            }
            return Passed::Filled;
        }
        let stream = self.streams.of(side);
        let Some(hole) = stream.hole() else { return Passed::Nothing };
        if why == GiveUp::Acknowledged
            && !stream.hole_is_acknowledged()
            && *self.heard.of(side.other())
            && place.time.since(self.waiting.since.unwrap_or(place).time) <= context.limits.hole_time
            && self.reset.is_none()
        {
            return Passed::Waits;
        }
        let arrival = stream.first_waiting().map_or(place, |held| held.origin);
        Passed::Gap(hole, floor.max(arrival).max(stream.arrived()))
    }

    /// Passes everything before an offset of a stream.
    pub(crate) fn skip_to(&mut self, side: Side, from: u64) {
        let stream = self.streams.of_mut(side);
        stream.begin();
        while stream.next() < from {
            match (stream.ready(), stream.hole()) {
                (Some(held), _) => stream.consume(to_u32((from - held.at).min(u64::from(held.len)))),
                (None, Some(hole)) => stream.skip(hole.min(from - stream.next())),
                _ => break,
            }
        }
    }

    /// Bytes that the receiver acknowledged and nobody captured, at the end of a stream.
    ///
    /// A side of which nothing at all was captured has none: that is reported once for the connection.
    pub(crate) fn tail_gap(&self, side: Side) -> Option<u64> {
        self.streams.of(side).tail_hole().filter(|_| *self.heard.of(side))
    }

    /// The side whose waiting bytes or segments are over a limit, and its waiting bytes.
    pub(crate) fn over_limit(&self, context: &Context<'_>, side: Side) -> Option<u64> {
        let (bytes, pieces) = self.streams.of(side).waiting();
        (bytes > context.limits.held_bytes || pieces > context.limits.held_pieces).then_some(bytes)
    }
}
