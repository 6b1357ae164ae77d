//! What a transport notes for the verdict on a connection's end: receive windows that closed, bytes that were sent again, and
//! silences. Most connections have none of it.

use super::Transport;
use super::above::Above;
use crate::model::{Nanos, Place, Segment};
use crate::pipeline::context::{CapturedSegment, Context};
use crate::pipeline::events::{Silence, Strain};
use crate::pipeline::sides::Side;
use crate::tcp::rules;

/// A pause of so many nanoseconds, without bytes from either side, counts as a silence.
pub(super) const SILENCE: Nanos = Nanos::seconds(10);
/// Nanoseconds of idleness after which systems send the first keep-alive probe at the soonest.
const KEEP_ALIVE: Nanos = Nanos::seconds(1);

impl Transport {
    /// Whether a side's receive window is closed.
    pub(in crate::pipeline) fn has_closed_window(&self, side: Side) -> bool {
        *self.zero_window.of(side)
    }

    /// Notes whether the sender of a segment closed its receive window (RFC 9293 section 3.8.6), or opened it again.
    pub(super) fn take_window(
        &mut self,
        captured: &CapturedSegment<'_>,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let CapturedSegment { ref segment, from, place, .. } = *captured;
        let is_closed = segment.window == 0;
        if is_closed == *self.zero_window.of(from) || !has_window(segment) {
            return;
        }
        *self.zero_window.of_mut(from) = is_closed;
        let window = self.notes.get_or_insert_default().windows.of_mut(from);
        if is_closed {
            window.times = window.times.saturating_add(1);
            window.since = Some(place);
            let text = format_args!("receive window is closed");
            above.finding(&rules::TCP_ZERO_WINDOW, self.spot(from, place), text, context);
        } else if let Some(since) = window.since.take() {
            window.before = window.before.plus(place.time.since(since.time).max(Nanos::ZERO));
        }
    }

    /// Takes a segment without new bytes that its receiver is to acknowledge: it asks whether the window is still closed, or
    /// whether the other side is still there.
    pub(in crate::pipeline) fn take_probe(
        &mut self,
        from: Side,
        place: Place,
        what: &str,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let spot = self.spot(from, place).with_offset(self.streams.of(from).position());
        let sent = self.streams.of(from).arrived();
        let is_early = sent.packet > 0 && place.time.since(sent.time) < KEEP_ALIVE;
        let notes = self.notes.get_or_insert_default();
        let is_closed = *self.zero_window.of(from.other());
        if is_closed || is_early {
            let window = notes.windows.of_mut(from.other());
            window.probes = window.probes.saturating_add(1);
            let state = if is_closed { "that is closed" } else { "that takes no more" };
            above.finding(
                &rules::TCP_WINDOW_PROBE,
                spot,
                format_args!("probe of a receive window {state}"),
                context,
            );
        } else {
            notes.keep_alive = Some(place);
            above.finding(&rules::TCP_KEEP_ALIVE, spot, format_args!("{what}"), context);
        }
    }

    /// Counts a segment of bytes that were there before.
    pub(super) fn note_resent(&mut self, from: Side) {
        let after = self.streams.of(from).arrived().packet;
        let resent = self.notes.get_or_insert_default().resent.of_mut(from);
        resent.count = if resent.after == after { resent.count.saturating_add(1) } else { 1 };
        resent.after = after;
    }

    /// Says which packet's arrival brought the bytes of a side that were delivered now.
    pub(in crate::pipeline) fn set_arrived(&mut self, side: Side, arrival: Place) {
        let stream = self.streams.of_mut(side);
        let before = stream.arrived();
        stream.set_arrived(arrival);
        if arrival.time.since(before.time) >= SILENCE {
            self.note_silence(side, before, arrival);
        }
    }

    /// Notes that bytes of a side came after a silence of its own, which may be one of both. `before`: its bytes before them.
    #[cold]
    pub(super) fn note_silence(&mut self, side: Side, before: Place, arrival: Place) {
        let since = before.max(self.streams.of(side.other()).arrived());
        if since.packet > 0 && arrival.time.since(since.time) >= SILENCE {
            let silence = Silence { since, until: arrival };
            self.notes.get_or_insert_default().silence = Some((side, silence));
        }
    }

    /// What is to be known at the end.
    pub(super) fn strain(&self) -> Option<Box<Strain>> {
        let reset_ttl = self.reset.as_ref().and_then(|reset| reset.ttl);
        if self.notes.is_none() && reset_ttl.is_none() {
            return None;
        }
        let mut strain = Strain { reset_ttl, ..Strain::default() };
        if let Some(notes) = self.notes.as_deref() {
            for side in Side::BOTH {
                let direction = self.direction(side);
                *strain.windows.of_mut(direction) = *notes.windows.of(side);
                let resent = notes.resent.of(side);
                let is_last = resent.after == self.streams.of(side).arrived().packet;
                *strain.resent.of_mut(direction) = if is_last { resent.count } else { 0 };
            }
            let is_unanswered = |(side, silence): &(Side, Silence)| {
                self.streams.of(side.other()).arrived().packet <= silence.until.packet
            };
            let silence = notes.silence.filter(is_unanswered);
            strain.silence = silence.map(|(side, silence)| (self.direction(side), silence));
            strain.keep_alive = notes.keep_alive;
        }
        Some(Box::new(strain))
    }
}

/// Whether the window field of a segment says how much its sender takes.
fn has_window(segment: &Segment) -> bool {
    use crate::model::Flags;
    segment.header_len > 0 && !segment.flags.has(Flags::RST | Flags::SYN)
}
