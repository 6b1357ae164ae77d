//! The memory that all connections hold together, and how some is released where it is too much.
//!
//! One account for all that captured bytes make grow in the engine: connections with everything that belongs to them, the
//! table of connections, TLS connections that wait for their secrets, the secrets themselves, and what the sink keeps for
//! each connection. Counting visits every connection, so it is done only after as many bytes as might reach the limit. In
//! between, what may have grown is added up: the bytes of each packet, and more where a few bytes make much of themselves (a
//! new connection, a head, a window).

use super::connection::memory::Load;
use super::connections::{EACH, Stage};
use super::events::{Shed, Sink};
use super::limits::Limits;
use super::rules::LIMIT_TOTAL_MEMORY;
use super::{Outside, Pipeline};
use crate::model::{Bytes, Place};
use crate::ws::{Spot, StreamEnd};

/// Below this, no connection is given up: so few are no use.
const LEAST: u64 = 1 << 20;
/// The share of the limit that the table of connections may take, and that TLS connections may take which ended and wait for
/// their secrets: one part of so many.
pub(super) const SHARE: u64 = 4;

/// The connections that may be known at once: as many as their table has room for.
pub(super) fn flows(limits: &Limits) -> usize {
    let room = limits.memory.max(LEAST) / SHARE / EACH as u64;
    limits.flows.min(usize::try_from(room).unwrap_or(usize::MAX))
}

/// What all connections hold.
#[derive(Debug, Default)]
struct Held {
    /// Bytes of everything.
    sum: u64,
    /// Bytes of these that can be released while connections stay, by what releases them.
    spare: u64,
    /// The connections that hold anything, by their slots, with the packet that came last of each.
    all: Vec<(u32, Load, Place)>,
}

impl Held {
    /// Takes note of what a connection holds now.
    fn change(&mut self, at: usize, load: Load) {
        let Some((_, known, _)) = self.all.get_mut(at) else { return };
        let before = std::mem::replace(known, load);
        self.sum = (self.sum + load.sum()).saturating_sub(before.sum());
        self.spare = (self.spare + load.spare()).saturating_sub(before.spare());
    }
}

impl Pipeline {
    /// Counts a packet's bytes, and releases memory where the limit may be reached.
    #[inline]
    pub(super) fn weigh(&mut self, len: u32, capture: &dyn Bytes, sink: &mut dyn Sink) {
        /// What a packet may cost beside its bytes; more than it can claim is no packet.
        const LEAST: u32 = 64;
        const MOST: u32 = 1 << 16;
        let scratch = &mut self.shared.scratch;
        scratch.grow(u64::from(len.clamp(LEAST, MOST)));
        if scratch.grown() > self.room {
            self.make_room(capture, sink);
        }
    }

    /// The lowest capture address whose bytes may be read again; `u64::MAX` where there is none.
    #[must_use]
    pub fn oldest_needed(&mut self) -> u64 {
        let mut oldest = self.awaiting.oldest_address();
        for slot in self.connections.slots() {
            if let Some(Stage::Followed(connection)) = self.connections.slot(slot).map(|slot| &slot.stage) {
                oldest = oldest.min(connection.oldest_address());
            }
        }
        oldest
    }

    /// Bytes of memory that all connections hold together, and what belongs to them, about. It visits all of them.
    #[must_use]
    pub fn memory(&mut self, sink: &dyn Sink) -> u64 {
        self.held(sink).sum
    }

    /// Counts what is held.
    fn held(&mut self, sink: &dyn Sink) -> Held {
        let tables = self.connections.size()
            + self.deadlines.capacity() * size_of::<super::Deadline>()
            + self.shared.watermark.size();
        let beside = self.awaiting.size() + self.shared.limits.secrets.size() + sink.held();
        let mut held = Held { sum: tables as u64 + beside, ..Held::default() };
        for slot in self.connections.slots() {
            if let Some((load, latest)) = self.load(slot) {
                held.sum += load.sum();
                held.spare += load.spare();
                held.all.push((slot, load, latest));
            }
        }
        held
    }

    fn load(&mut self, slot: u32) -> Option<(Load, Place)> {
        match self.connections.slot(slot).map(|slot| &slot.stage) {
            Some(Stage::Followed(connection)) => Some((connection.load(), connection.latest())),
            _ => None,
        }
    }

    /// Counts what connections hold; over the limit, some is released until a quarter is free. Bytes behind holes go first:
    /// most likely these were lost. Where all that connections can do without is not enough, those go that were silent for
    /// longest. Then the largest release payloads, and then windows.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        let limit = self.shared.limits.memory;
        let wanted = limit / 4 * 3;
        let mut held = self.held(sink);
        if held.sum > limit {
            self.shed(Shed::Holes, wanted, &mut held, capture, sink);
            if held.sum.saturating_sub(held.spare) > wanted.max(LEAST) {
                self.give_up_silent(wanted.max(LEAST), &mut held, capture, sink);
            }
            self.shed(Shed::Payloads, wanted, &mut held, capture, sink);
            self.shed(Shed::Windows, wanted, &mut held, capture, sink);
            if held.sum > limit.max(LEAST) {
                // It was not enough after all.
                held.spare = 0;
                self.give_up_silent(wanted.max(LEAST), &mut held, capture, sink);
            }
        }
        self.shared.scratch.weighed();
        // Never at every packet, even where nothing can be released.
        self.room = limit.saturating_sub(held.sum).max(limit / 16);
    }

    /// Lets connections release what they can of a kind, the largest first, until no more than `wanted` is held.
    fn shed(&mut self, shed: Shed, wanted: u64, held: &mut Held, capture: &dyn Bytes, sink: &mut dyn Sink) {
        if held.sum <= wanted {
            return;
        }
        let recent = self.connections.recent();
        // So little is not worth a finding.
        let least = self.shared.limits.memory >> 16;
        // The largest ones first; of equals, the current one last.
        held.all.sort_by_key(|(slot, load, _)| (std::cmp::Reverse(load.of(shed)), *slot == recent, *slot));
        for at in 0..held.all.len() {
            let Some(&(slot, load, _)) = held.all.get(at) else { return };
            if held.sum <= wanted || load.of(shed) <= least {
                return;
            }
            self.outside(slot, Outside::Shed(shed), capture, sink);
            let now = self.load(slot).map(|(load, _)| load);
            self.given_up += u64::from(now.is_none());
            held.change(at, now.unwrap_or_default());
        }
    }

    /// Ends the connections that were silent for longest, by packets of the capture and whatever its clock says, until what
    /// is left can be brought down to `wanted`.
    fn give_up_silent(&mut self, wanted: u64, held: &mut Held, capture: &dyn Bytes, sink: &mut dyn Sink) {
        held.all.sort_by_key(|(slot, _, latest)| (latest.packet, *slot));
        let mut gone = 0;
        for at in 0..held.all.len() {
            let Some(&(slot, load, latest)) = held.all.get(at) else { break };
            if held.sum.saturating_sub(held.spare) <= wanted {
                break;
            }
            let before = self.awaiting.size() + sink.held();
            self.give_up(slot, load, latest, capture, sink);
            held.change(at, Load::default());
            // Its secrets may still come: then it is kept elsewhere.
            self.release_awaiting(capture, sink);
            held.sum = (held.sum + self.awaiting.size() + sink.held()).saturating_sub(before);
            gone += 1;
        }
        held.all.drain(..gone);
    }

    /// Ends a connection, and says why.
    fn give_up(&mut self, slot: u32, load: Load, latest: Place, capture: &dyn Bytes, sink: &mut dyn Sink) {
        let (place, limit) = (self.last, self.shared.limits.memory);
        self.with_connection(slot, capture, sink, |connection, context| {
            let text = format_args!(
                "all connections together hold over {limit} bytes: this one is given up with its {} bytes, its last packet was {}; what follows is not read as a part of it",
                load.sum(),
                latest.packet
            );
            connection.say(&LIMIT_TOTAL_MEMORY, Spot::at(place), text, context);
            connection.disposition
        });
        self.given_up += 1;
        self.shared.is_giving_up = true;
        self.end_and_forget(slot, capture, sink);
        self.shared.is_giving_up = false;
    }

    /// Says how many connections were given up.
    pub(super) fn report_given_up(&mut self, sink: &mut dyn Sink) {
        let (count @ 1.., limit) = (self.given_up, self.shared.limits.memory) else { return };
        // Always listed, however many of the connections said so themselves.
        self.shared.totals.findings.add(&LIMIT_TOTAL_MEMORY);
        let text = format_args!(
            "{count} connections were given up, first those that were silent for longest: all together held over {limit} bytes (--mem-total)"
        );
        sink.finding(None, &LIMIT_TOTAL_MEMORY, Spot::at(self.last), text);
    }

    /// Ends a connection that is in the way, and forgets it: what comes of it later is a connection of its own.
    pub(super) fn end_and_forget(&mut self, slot: u32, capture: &dyn Bytes, sink: &mut dyn Sink) {
        self.outside(slot, Outside::End(StreamEnd::Timeout), capture, sink);
        if sink.wants().replay_steps {
            self.report_forgotten(slot, sink);
        }
        self.report_whole_copy(slot, sink);
        self.connections.remove(slot);
    }
}
