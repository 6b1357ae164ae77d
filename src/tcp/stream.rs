//! One direction of a connection: puts segments in order, over ranges. It owns no bytes.

use std::collections::VecDeque;

use crate::model::{Bytes, Place, Span, low_u32, to_u8, to_u32, to_usize};

/// The offset of a stream's first byte. Offsets start high so that segments which come before the
/// one that is seen first have an offset too.
pub const ORIGIN: u64 = 1 << 32;
/// The address of bytes that a packet had on the wire but the capture has not.
pub const NOWHERE: u64 = u64::MAX;
/// How far ahead a segment may be: TCP's largest window (RFC 7323).
const AHEAD: u64 = 1 << 30;
/// Delivered ranges that are remembered to compare retransmissions with. A copy that comes after the receiver has
/// acknowledged changes nothing for it, so the last ones matter.
const RECENT: usize = 4;

/// Bytes that wait for their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Offset of the first byte.
    pub at: u64,
    /// Address of the first byte, or [`NOWHERE`].
    pub address: u64,
    /// Number of bytes.
    pub len: u32,
    /// The acknowledgment number that came with them: what their sender had received of the other stream.
    pub ack: u32,
    /// The packet that carried them.
    pub origin: Place,
}

impl Held {
    /// Offset behind the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.at + u64::from(self.len)
    }

    /// The part between two offsets.
    #[must_use]
    pub fn between(&self, from: u64, to: u64) -> Self {
        let at = from.max(self.at);
        let address = if self.address == NOWHERE { NOWHERE } else { self.address + (at - self.at) };
        Self { at, address, len: to_u32(to.min(self.end()).saturating_sub(at)), ..*self }
    }
}

/// A range that was delivered: the lower half of its offset, its bytes, its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SentSegment {
    at: u32,
    len: u32,
    address: u64,
}

/// What a segment brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Bytes not seen before.
    pub new: u32,
    /// Bytes seen before.
    pub again: u32,
    /// Offset of the first byte that differs from the copy seen before.
    pub conflict: Option<u64>,
    /// The copy seen before, and this one. Of a copy that was delivered the packet is not known any more: 0.
    pub copies: Option<(Held, Held)>,
    /// It left a hole before it.
    pub out_of_order: bool,
}

/// Why waiting bytes were given up as a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// The receiver acknowledged bytes that the capture lacks.
    Acknowledged,
    /// Too much is waiting.
    Limit,
    /// The stream ended.
    End,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Sequence number of offset [`ORIGIN`].
    origin_seq: u32,
    known: bool,
    /// Delivery began, nothing waits and no FIN is known: see [`renew`](Self::renew).
    straight: bool,
    /// Which of `recent` is the oldest.
    oldest: u8,
    /// Offset of the next byte to deliver.
    next: u64,
    /// Offset of the first byte that belongs to the stream.
    start: u64,
    /// Offset up to which the receiver acknowledged.
    acked: u64,
    checksums: (u32, u32),
    /// The packet whose arrival brought the last bytes that were delivered.
    arrived: Place,
    /// The acknowledgment number of the segment at hand.
    ack: u32,
    anchored: bool,
    started: bool,
    recent: [SentSegment; RECENT],
    /// Sorted, no two overlap, all at or after `next`.
    held: VecDeque<Held>,
    held_bytes: u64,
    /// Offset of the FIN.
    fin: Option<u64>,
    /// Segments whose checksum says that they were damaged on the way.
    #[allow(clippy::box_collection)] // Most streams have none.
    suspects: Option<Box<Vec<Held>>>,
}

impl Stream {
    /// The offset of a sequence number, nearest to what is expected next.
    #[must_use]
    pub fn offset(&self, seq: u32) -> u64 {
        self.next.wrapping_add_signed(i64::from(seq.wrapping_sub(self.next_seq()).cast_signed()))
    }

    /// The sequence number that comes next.
    #[must_use]
    #[inline]
    pub fn next_seq(&self) -> u32 {
        self.origin_seq.wrapping_add(low_u32(self.next.wrapping_sub(ORIGIN)))
    }

    /// The bytes of a segment that was seen, as far as it is remembered: with the packet that brought them, where they wait.
    #[must_use]
    pub fn seen(&self, at: u64, len: u32) -> Option<Held> {
        let is_it = |held: &Held| held.at == at && held.len == len && held.address != NOWHERE;
        let waits = self.held.binary_search_by_key(&at, |held| held.at);
        let waits = waits.ok().and_then(|place| self.held.get(place)).copied();
        waits.filter(is_it).or_else(|| self.sent().find(is_it))
    }

    /// Whether bytes between two offsets are known already.
    #[must_use]
    #[inline]
    pub fn has(&self, from: u64, to: u64) -> bool {
        if self.started && to <= self.next {
            return true;
        }
        let place = self.held.partition_point(|held| held.end() < to);
        self.held.get(place).is_some_and(|held| held.at <= from)
    }

    /// The sequence number behind all bytes that are known; 1 where none is.
    #[must_use]
    pub fn end_seq(&self) -> u32 {
        let end = low_u32(self.last_waiting().wrapping_sub(ORIGIN));
        if self.known { self.origin_seq.wrapping_add(end) } else { 1 }
    }

    /// Whether the last `len` bytes that were delivered begin other bytes: as far as it is remembered where they are.
    #[must_use]
    pub fn end_begins(&self, len: u64, other: &[u8], bytes: &dyn Bytes) -> bool {
        let Some(from) = self.next.checked_sub(len).filter(|_| len > 0 && len < other.len() as u64) else {
            return false;
        };
        let mut same = 0;
        for sent in self.sent().filter(|sent| sent.end() > from) {
            let part = sent.between(from, self.next);
            let at = to_usize(part.at - from);
            let Some(known) = bytes.bytes(Span { start: part.address, len: part.len }) else { return false };
            if other.get(at..).is_none_or(|other| !other.starts_with(known)) {
                return false;
            }
            same += u64::from(part.len);
        }
        same == len
    }

    /// How many bytes were delivered last in one piece.
    #[must_use]
    pub fn last_len(&self) -> u64 {
        let last = (usize::from(self.oldest) + RECENT - 1) % RECENT;
        self.recent.get(last).map_or(0, |sent| sent.len.into())
    }

    /// The lowest address of the bytes that wait; `u64::MAX` where none do.
    #[must_use]
    pub fn oldest_address(&self) -> u64 {
        let suspects = self.suspects.iter().flat_map(|suspects| suspects.iter());
        self.held.iter().chain(suspects).map(|held| held.address).min().unwrap_or(NOWHERE)
    }

    /// Looks again whether the next segment can go straight through.
    fn renew(&mut self) {
        self.straight = self.started && self.held.is_empty() && self.fin.is_none();
    }

    /// Takes the sequence number of the stream's first byte from a SYN, or from the peer's answer to it.
    pub fn anchor(&mut self, first: u32) {
        if !self.known {
            (self.origin_seq, self.known) = (first, true);
            (self.start, self.next) = (ORIGIN, ORIGIN);
        }
        if !self.anchored && !self.started {
            let at = self.offset(first);
            (self.start, self.next) = (at, at);
            // What lies below is no part of the stream.
            while let Some(held) = self.held.front_mut().filter(|held| held.at < at) {
                let rest = held.between(at, u64::MAX);
                self.held_bytes -= u64::from(held.len - rest.len);
                *held = rest;
                if rest.len == 0 {
                    self.held.pop_front();
                }
            }
        }
        (self.anchored, self.started) = (true, true);
        self.renew();
    }

    /// Whether a SYN with this first sequence number belongs to this stream, and not to a new connection
    /// on the same ports.
    #[must_use]
    pub fn fits_syn(&self, first: u32) -> bool {
        /// How much may have been sent before the SYN is seen.
        const BEFORE: u64 = 16 << 20;
        if !self.known {
            return true;
        }
        let at = self.offset(first);
        if self.anchored { at == self.start } else { at <= self.lowest() && self.lowest() - at <= BEFORE }
    }

    /// Whether any sequence number was seen.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The sequence number of the first byte, where a SYN stated it.
    #[must_use]
    pub fn first_seq(&self) -> Option<u32> {
        self.anchored.then(|| self.origin_seq.wrapping_add(low_u32(self.start.wrapping_sub(ORIGIN))))
    }

    /// Whether the first byte is known from a SYN.
    #[must_use]
    pub fn is_anchored(&self) -> bool {
        self.anchored
    }

    /// Whether delivery began. Until then the first byte is not certain.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Begins delivery at the lowest byte seen, since no SYN came.
    pub fn begin(&mut self) {
        if !self.started && self.known {
            let lowest = self.lowest();
            (self.start, self.next, self.started) = (lowest, lowest, true);
            self.renew();
        }
    }

    /// Begins delivery at a sequence number: what comes before is not looked at.
    pub fn begin_at(&mut self, seq: u32) {
        if !self.known {
            (self.origin_seq, self.known) = (seq, true);
            (self.start, self.next, self.started) = (ORIGIN, ORIGIN, true);
            self.renew();
        }
    }

    /// Begins delivery at the sequence number of what is the stream's first byte, as far as the other side's segments say.
    /// Does nothing where delivery began, or where a byte before it was captured.
    pub fn begin_at_first(&mut self, first: u32) {
        if !self.known {
            return self.begin_at(first);
        }
        let at = self.offset(first);
        if !self.started && self.lowest() >= at {
            (self.start, self.next, self.started) = (at, at, true);
            self.renew();
        }
    }

    fn lowest(&self) -> u64 {
        let held = self.held.front().map_or(self.next, |held| held.at);
        self.doubtful().map_or(held, |doubtful| doubtful.at.min(held))
    }

    /// The next byte's offset, from the stream's first byte.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.next.wrapping_sub(self.start)
    }

    /// An offset counted from the stream's first byte.
    #[must_use]
    pub fn relative(&self, at: u64) -> u64 {
        at.wrapping_sub(self.start)
    }

    /// The offset of the next byte to deliver.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether a segment at this sequence number can be delivered at once, without [`insert`](Self::insert).
    #[must_use]
    #[inline]
    pub fn is_next(&self, seq: u32) -> bool {
        self.straight && seq == self.next_seq()
    }

    /// Counts `n` bytes as delivered that were never held.
    #[inline]
    pub fn pass(&mut self, n: u32, address: u64) {
        if n > 0 {
            self.remember(self.next, n, address);
            self.next += u64::from(n);
        }
    }

    /// Says which acknowledgment number the segments have whose payload comes next.
    pub fn set_ack(&mut self, ack: u32) {
        self.ack = ack;
    }

    /// Says which packet's arrival brought the last bytes that were delivered.
    #[inline]
    pub fn set_arrived(&mut self, arrival: Place) {
        self.arrived = arrival;
    }

    /// The packet whose arrival brought the last bytes that were delivered.
    #[must_use]
    pub fn arrived(&self) -> Place {
        self.arrived
    }

    /// Takes a segment's payload: `len` bytes at `address`, of which the wire had `claimed`.
    pub fn insert(
        &mut self,
        seq: u32,
        address: u64,
        len: u32,
        claimed: u32,
        origin: Place,
        bytes: &dyn Bytes,
    ) -> Arrival {
        if !self.known {
            (self.origin_seq, self.known) = (seq, true);
            (self.start, self.next) = (ORIGIN, ORIGIN);
        }
        let at = self.offset(seq);
        let mut arrival = Arrival::default();
        if at > self.next && at - self.next > AHEAD {
            return arrival;
        }
        let ack = self.ack;
        self.put(Held { at, address, len, ack, origin }, bytes, &mut arrival);
        if claimed > len {
            let rest = Held { at: at + u64::from(len), address: NOWHERE, len: claimed - len, ack, origin };
            self.put(rest, bytes, &mut arrival);
        }
        self.renew();
        arrival
    }

    fn put(&mut self, new: Held, bytes: &dyn Bytes, arrival: &mut Arrival) {
        if new.len == 0 {
            return;
        }
        let low = if self.started { self.next } else { 0 };
        if new.at < low {
            let old = new.between(0, low);
            arrival.again += old.len;
            for seen in self.sent() {
                compare(&seen, &old, bytes, arrival);
            }
        }
        let new = new.between(low, u64::MAX);
        let mut from = new.at.max(low);
        let end = new.end();
        if from >= end {
            return;
        }
        // What comes behind the same hole is not told again.
        let behind_a_hole = self.started && from > self.next && self.held.is_empty();
        // Segments mostly come at the end.
        let mut index = match self.held.back() {
            Some(last) if last.end() > from => self.held.partition_point(|held| held.end() <= from),
            _ => self.held.len(),
        };
        while from < end {
            match self.held.get(index).copied() {
                Some(held) if held.at <= from => {
                    let same = new.between(from, held.end());
                    compare(&held, &same, bytes, arrival);
                    if held.address == NOWHERE && new.address != NOWHERE {
                        // A whole copy beats one that the snap length cut.
                        self.replace(index, &held, &same);
                        arrival.new += same.len;
                        index = self.held.partition_point(|known| known.end() <= same.end());
                    } else {
                        arrival.again += same.len;
                        index += 1;
                    }
                    from = held.end().min(end);
                }
                other => {
                    let to = other.map_or(end, |held| held.at.min(end));
                    let part = new.between(from, to);
                    self.held.insert(index, part);
                    self.held_bytes += u64::from(part.len);
                    arrival.new += part.len;
                    arrival.out_of_order |= behind_a_hole;
                    index += 1;
                    from = to;
                }
            }
        }
    }

    /// Puts `new` in place of the same range of the entry `old` at `index`.
    fn replace(&mut self, index: usize, old: &Held, new: &Held) {
        let _ = self.held.remove(index);
        let parts = [old.between(0, new.at), *new, old.between(new.end(), u64::MAX)];
        for part in parts.into_iter().rev().filter(|part| part.len > 0) {
            self.held.insert(index, part);
        }
    }

    /// The bytes whose turn it is, if they are there.
    #[must_use]
    pub fn ready(&self) -> Option<Held> {
        let first = self.held.front()?;
        // What comes behind a FIN is no part of the stream.
        let is_inside = self.fin.is_none_or(|fin| first.at < fin);
        (self.started && first.at == self.next && is_inside).then_some(*first)
    }

    /// Counts the first `n` of the [`ready`](Self::ready) bytes as delivered.
    pub fn consume(&mut self, n: u32) {
        let Some(first) = self.held.front_mut() else { return };
        let n = n.min(first.len);
        let done = first.between(first.at, first.at + u64::from(n));
        let rest = first.between(first.at + u64::from(n), u64::MAX);
        *first = rest;
        let empty = rest.len == 0;
        self.held_bytes -= u64::from(n);
        self.next += u64::from(n);
        if empty {
            self.held.pop_front();
            if self.held.is_empty() {
                self.held.shrink_to(8);
                self.renew();
            }
        }
        if done.address != NOWHERE {
            self.remember(done.at, done.len, done.address);
        }
    }

    /// Gives back the space of what waited, where nothing waits.
    pub fn shrink(&mut self) {
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
    }

    #[inline]
    fn remember(&mut self, at: u64, len: u32, address: u64) {
        if let Some(slot) = self.recent.get_mut(usize::from(self.oldest)) {
            *slot = SentSegment { at: low_u32(at), len, address };
        }
        self.oldest = (self.oldest + 1) % to_u8(RECENT);
    }

    /// The ranges that were delivered last.
    fn sent(&self) -> impl Iterator<Item = Held> + '_ {
        self.recent.iter().filter(|sent| sent.len > 0).map(|sent| {
            let back = low_u32(self.next).wrapping_sub(sent.at);
            let at = self.next.wrapping_sub(u64::from(back));
            Held { at, address: sent.address, len: sent.len, ack: 0, origin: Place::default() }
        })
    }

    /// The hole before the first waiting byte, if there is one: its length.
    #[must_use]
    pub fn hole(&self) -> Option<u64> {
        let first = self.held.front()?;
        (self.started && first.at > self.next).then(|| first.at - self.next)
    }

    /// Whether the receiver acknowledged all of the [`hole`](Self::hole).
    #[must_use]
    pub fn hole_is_acknowledged(&self) -> bool {
        self.held.front().is_some_and(|first| self.acked >= first.at)
    }

    /// Whether the receiver acknowledged the next byte to deliver: it was received before this packet.
    #[must_use]
    pub fn next_is_acknowledged(&self) -> bool {
        self.acked > self.next
    }

    /// Bytes that were acknowledged but never seen, at the stream's end.
    #[must_use]
    pub fn tail_hole(&self) -> Option<u64> {
        // An acknowledged FIN counts one.
        let end = self.fin.unwrap_or(self.acked.saturating_sub(1)).min(self.acked);
        (self.started && self.held.is_empty() && end > self.next).then(|| end - self.next)
    }

    /// Gives up `len` bytes: the next byte to deliver is behind them.
    pub fn skip(&mut self, len: u64) {
        self.next += len;
    }

    /// Waiting bytes, and the number of their pieces.
    #[must_use]
    pub fn waiting(&self) -> (u64, usize) {
        (self.held_bytes, self.held.len())
    }

    /// Bytes of memory beside itself: those that wait are not among them, since only their places are kept.
    #[must_use]
    pub fn size(&self) -> usize {
        let suspects = self.suspects.as_ref().map_or(0, |suspects| suspects.capacity());
        (self.held.capacity() + suspects) * size_of::<Held>()
    }

    /// The first waiting piece.
    #[must_use]
    pub fn first_waiting(&self) -> Option<Held> {
        self.held.front().copied()
    }

    /// What waits, in order.
    pub fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    /// The offset behind the last waiting byte, or that of the next byte where none waits.
    #[must_use]
    pub fn last_waiting(&self) -> u64 {
        self.held.back().map_or(self.next, Held::end)
    }

    /// The lowest packet number among what waits.
    #[must_use]
    pub fn oldest_waiting(&self) -> Option<u64> {
        self.held.iter().chain(self.doubtful().as_ref()).map(|held| held.origin.packet).min()
    }

    /// Takes an acknowledgment of this stream's bytes.
    #[inline]
    pub fn acknowledge(&mut self, ack: u32) {
        if !self.known {
            return;
        }
        let at = self.offset(ack);
        if at > self.acked && at < self.next.saturating_add(AHEAD) {
            self.acked = at;
        }
    }

    /// Delivered bytes that the receiver has not acknowledged, as far as it was seen to.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        let known = self.known && self.started;
        if known { self.next.saturating_sub(self.acked.max(self.start)) } else { 0 }
    }

    /// Takes a FIN that stands behind the segment at `seq` with `claimed` bytes. False when another FIN
    /// stands elsewhere.
    pub fn finish(&mut self, seq: u32, claimed: u32) -> bool {
        if !self.known {
            (self.origin_seq, self.known) = (seq, true);
            (self.start, self.next) = (ORIGIN, ORIGIN);
        }
        let at = self.offset(seq) + u64::from(claimed);
        match self.fin {
            Some(known) => known == at,
            None => {
                self.fin = Some(at);
                self.renew();
                true
            }
        }
    }

    /// Whether its sender acknowledged anything yet.
    #[must_use]
    pub fn has_acknowledged(&self) -> bool {
        self.ack != 0
    }

    /// Takes back a FIN whose receiver acknowledged bytes behind it that were captured. True where it did.
    pub fn refute_fin(&mut self) -> bool {
        let is_refuted = self.fin.is_some_and(|fin| self.acked > fin + 1 && self.last_waiting() > fin);
        if is_refuted {
            self.fin = None;
            self.renew();
        }
        is_refuted
    }

    /// The FIN's offset.
    #[must_use]
    pub fn fin(&self) -> Option<u64> {
        self.fin
    }

    /// Whether everything up to the FIN was delivered.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.started && self.fin.is_some_and(|fin| self.next >= fin)
    }

    /// Counts a checksum that was right or wrong.
    #[inline]
    pub fn count_checksum(&mut self, right: bool) {
        let count = if right { &mut self.checksums.0 } else { &mut self.checksums.1 };
        *count = count.saturating_add(1);
    }

    /// Whether this sender's checksums are right as a rule, so that a wrong one means damage.
    #[must_use]
    pub fn checksums_are_right(&self) -> bool {
        self.checksums.0 > 0 && self.checksums.0 >= self.checksums.1.saturating_sub(1)
    }

    /// Whether checking checksums tells anything: not where offload leaves all of them wrong.
    #[must_use]
    #[inline]
    pub fn checksums_tell(&self) -> bool {
        self.checksums.1 < 16 || self.checksums_are_right()
    }

    /// The first copy set aside, while no checksum of this sender was right: its next segment settles whether
    /// that one was damaged.
    #[must_use]
    #[inline]
    pub fn doubtful(&self) -> Option<Held> {
        self.suspects.as_ref()?.first().copied().filter(|_| self.checksums.0 == 0)
    }

    /// Whether the only checksum that was checked was wrong.
    #[must_use]
    pub fn first_checksum_was_wrong(&self) -> bool {
        self.checksums == (0, 1)
    }

    /// Sets a damaged copy aside: it is used only if it turns out that this sender's checksums mean nothing.
    pub fn set_aside(&mut self, seq: u32, address: u64, len: u32, origin: Place) {
        const ASIDE: usize = 16;
        if !self.known {
            (self.origin_seq, self.known) = (seq, true);
            (self.start, self.next) = (ORIGIN, ORIGIN);
        }
        let held = Held { at: self.offset(seq), address, len, ack: self.ack, origin };
        let suspects = self.suspects.get_or_insert_default();
        if suspects.len() < ASIDE {
            suspects.push(held);
        }
    }

    /// Fills the hole with copies set aside, where checksums turned out to mean nothing. True if any helped.
    pub fn use_suspects(&mut self, bytes: &dyn Bytes) -> bool {
        if self.checksums.0 > self.checksums.1.saturating_mul(2) {
            return false;
        }
        let mut arrival = Arrival::default();
        for held in self.suspects.take().into_iter().flat_map(|suspects| *suspects) {
            self.put(held, bytes, &mut arrival);
        }
        self.renew();
        arrival.new > 0
    }
}

/// Compares two copies of a range where they overlap.
fn compare(seen: &Held, new: &Held, bytes: &dyn Bytes, arrival: &mut Arrival) {
    let (from, to) = (seen.at.max(new.at), seen.end().min(new.end()));
    if from >= to || arrival.conflict.is_some() || seen.address == NOWHERE || new.address == NOWHERE {
        return;
    }
    let copies = (*seen, *new);
    let (seen, new) = (seen.between(from, to), new.between(from, to));
    let span = |held: &Held| Span { start: held.address, len: held.len };
    let (Some(seen), Some(new)) = (bytes.bytes(span(&seen)), bytes.bytes(span(&new))) else { return };
    if seen != new {
        let differs = seen.iter().zip(new).position(|(a, b)| a != b).unwrap_or_default();
        arrival.conflict = Some(from + differs as u64);
        arrival.copies = Some(copies);
    }
}

#[cfg(test)]
mod tests;
