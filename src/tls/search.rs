//! After a loss: where records begin again, and which number and key they have. The authentication is the proof.

use std::ops::Range;

use super::cipher::HEADER_LEN;
use super::record::{APPLICATION_DATA, CHANGE_CIPHER_SPEC, Lost, Origin, TlsRecord, header};
use super::rules;
use super::side::{Epoch, Mode, PATIENCE, PATIENCE_PER_BYTE, PATIENCE_PER_TRY, TrafficKey};
use super::stream::{Patience, TlsContext, TlsEvents, TlsStream, fill};
use crate::model::{Chunk, Direction, Place};

/// So many records may be missing in one loss.
const MAX_MISSING: u64 = 4096;
/// KeyUpdates that may be among them.
const MAX_UPDATES: usize = 2;
/// A ChangeCipherSpec of TLS 1.2, header included: so many fixed bytes are no accident.
const CHANGE: &[u8] = &[CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1];

impl TlsStream {
    /// A record was not opened by the key in use: another key, or another number? Where its content then is.
    pub(super) fn other_key(
        &mut self,
        direction: Direction,
        parts: (&[u8], &[u8]),
        (scratch, common): (&mut Vec<u8>, &mut Patience),
        record: &TlsRecord,
        events: &mut impl TlsEvents,
    ) -> Option<Range<usize>> {
        let side = self.sides.of_mut(direction);
        // The keys after this one, from their first record on.
        for at in 0..side.later.len() {
            let Some(key) = side.later.get_mut(at) else { break };
            fill(scratch, parts);
            if let Some(range) = key.opener.open(0, scratch) {
                key.seq = 1;
                side.key = side.later.drain(..=at).next_back();
                let clean = side.failed == 0 && side.lost_bytes == 0;
                side.blind = false;
                if !clean {
                    self.found(direction, None, record.arrival, events);
                }
                return Some(range);
            }
        }
        if side.failed == 0 && side.lost_bytes == 0 {
            return None;
        }
        self.search(direction, parts, (scratch, common), record, events)
    }

    /// Tries the numbers that a record may have after a loss.
    fn search(
        &mut self,
        direction: Direction,
        parts: (&[u8], &[u8]),
        (scratch, common): (&mut Vec<u8>, &mut Patience),
        record: &TlsRecord,
        events: &mut impl TlsEvents,
    ) -> Option<Range<usize>> {
        let pending = self.pending_key(direction);
        let suite = self.suite;
        let side = self.sides.of_mut(direction);
        let overhead = side.key.as_ref().map_or(29, |key| key.opener.overhead()).max(1);
        let missing = (side.lost_bytes / overhead).saturating_add(side.failed + 1).min(MAX_MISSING);
        let cost = record.len as u64 + PATIENCE_PER_TRY;
        let most = side.patience.min(common.left());
        let mut patience = most;
        let mut attempt = |key: &TrafficKey, seqs: Range<u64>, scratch: &mut Vec<u8>| {
            for seq in seqs {
                patience = patience.checked_sub(cost)?;
                fill(scratch, parts);
                if let Some(range) = key.opener.open(seq, scratch) {
                    return Some((TrafficKey { seq: seq.wrapping_add(1), ..key.clone() }, range));
                }
            }
            None
        };
        // Under the same key, it is one of the next; under another one, from its beginning on.
        let mut found = None;
        if let Some(key) = &side.key {
            let first = key.seq;
            found = attempt(key, first.saturating_add(1)..first.saturating_add(missing + 1), scratch)
                .map(|(key, range)| (Some(key.seq.wrapping_sub(1).wrapping_sub(first)), key, range, 0));
        }
        for (at, key) in side.later.iter().enumerate() {
            found = found.or_else(|| {
                attempt(key, 1..missing + 1, scratch).map(|(key, range)| (None, key, range, at + 1))
            });
        }
        if let Some(key) = pending {
            found = found
                .or_else(|| attempt(&key, 0..missing + 1, scratch).map(|(key, range)| (None, key, range, 0)));
        }
        let last = side.later.last().or(side.key.as_ref()).filter(|key| key.epoch == Epoch::Application);
        let (mut updated, mut updates) = (last.cloned(), 0);
        while found.is_none()
            && updates < MAX_UPDATES
            && let Some(key) = updated.as_ref().zip(suite).and_then(|(key, suite)| key.updated(suite))
        {
            updates += 1;
            found = attempt(&key, 0..missing + 1, scratch).map(|(key, range)| (None, key, range, usize::MAX));
            updated = Some(key);
        }
        let spent = most.saturating_sub(patience);
        side.patience = side.patience.saturating_sub(spent);
        common.spend(spent);
        let Some((records, key, range, used)) = found else {
            if patience < cost {
                self.give_up(direction, record.at, record.arrival, events);
            }
            return None;
        };
        side.later.drain(..used.min(side.later.len()));
        (side.key, side.encrypted) = (Some(key), true);
        self.found(direction, records, record.arrival, events);
        Some(range)
    }

    /// A record was opened after a loss. `records`: how many are missing before it, where that is known.
    pub(super) fn found(
        &mut self,
        direction: Direction,
        records: Option<u64>,
        place: Place,
        events: &mut impl TlsEvents,
    ) {
        let side = self.sides.of_mut(direction);
        let bytes = std::mem::take(&mut side.lost_bytes);
        let blind = std::mem::take(&mut side.blind);
        side.failed = 0;
        // What comes after losses can cost no more than in proportion to what was read.
        let read = side.at.saturating_sub(side.found_at).saturating_sub(bytes);
        let more = read.saturating_mul(PATIENCE_PER_BYTE);
        side.patience = side.patience.saturating_add(more).min(PATIENCE);
        side.found_at = side.at;
        let none = records.is_none_or(|records| records == 0);
        if none && bytes == 0 {
            return;
        }
        let overhead = side.key.as_ref().map_or(0, |key| key.opener.overhead());
        let len = match records {
            Some(records @ 1..) if !blind => bytes.saturating_sub(records.saturating_mul(overhead)),
            _ => 0,
        };
        let exact = side.length_is_known(direction) && records.is_some();
        let lost = Lost { direction, at: side.plain_at, len, exact, records, place };
        side.plain_at = side.plain_at.wrapping_add(len);
        let offset = side.at;
        let sender = direction.sender();
        match records {
            Some(count) => events.finding(
                &rules::TLS_RECORDS_LOST,
                direction,
                offset,
                place,
                format_args!("{count} records of the {sender} are missing ({bytes} bytes); the next one is read"),
            ),
            None => events.finding(
                &rules::TLS_RECORDS_LOST,
                direction,
                offset,
                place,
                format_args!("records of the {sender} are missing ({bytes} bytes), with a change of keys in them; the next one is read"),
            ),
        }
        events.lost(lost);
    }

    /// A record, whose length is known, is missing in part, or cannot be opened.
    pub(super) fn miss_record(
        &mut self,
        direction: Direction,
        kind: u8,
        total: usize,
        at: u64,
        place: Place,
        events: &mut impl TlsEvents,
    ) {
        let side = self.sides.of_mut(direction);
        side.joiner.reset();
        if !side.encrypted {
            return;
        }
        let Some(key) = &mut side.key else {
            side.unread += 1;
            return;
        };
        if side.blind && key.seq == 0 {
            // Under a secret that is not there, or early data that was not taken; or the first one of all.
            side.unread += 1;
            side.failed += 1;
            return;
        }
        key.seq = key.seq.wrapping_add(1);
        side.failed += 1;
        let overhead = key.opener.overhead();
        let application = kind == APPLICATION_DATA && key.epoch != Epoch::Handshake;
        let sender = direction.sender();
        events.finding(
            &rules::TLS_RECORD_DAMAGED,
            direction,
            at,
            place,
            format_args!(
                "a record of {total} bytes of the {sender}, from offset {at} on, cannot be authenticated"
            ),
        );
        if application {
            let len = (total as u64).saturating_sub(overhead);
            let exact = side.length_is_known(direction);
            events.lost(Lost { direction, at: side.plain_at, len, exact, records: Some(1), place });
            side.plain_at = side.plain_at.wrapping_add(len);
        }
    }

    fn give_up(&mut self, direction: Direction, at: u64, place: Place, events: &mut impl TlsEvents) {
        let side = self.sides.of_mut(direction);
        side.mode = Mode::Dead;
        side.buffer = Vec::new();
        side.origins = Vec::new();
        let sender = direction.sender();
        events.finding(
            &rules::TLS_LOST,
            direction,
            at,
            place,
            format_args!("no record of the {sender} could be opened after a loss: the rest is not read"),
        );
        let at = side.plain_at;
        events.lost(Lost { direction, at, len: 0, exact: false, records: None, place });
    }

    /// Looks for the start of a record. False where there is nothing more to do.
    pub(super) fn find(
        &mut self,
        direction: Direction,
        rest: &mut Chunk<'_>,
        context: &mut TlsContext<'_>,
        events: &mut impl TlsEvents,
    ) -> bool {
        let tls13 = self.tls13;
        let side = self.sides.of_mut(direction);
        let fits = |bytes: &[u8]| {
            header(bytes).is_some_and(|(kind, _)| !tls13 || kind == APPLICATION_DATA)
                && bytes.get(2).is_none_or(|&minor| minor == 3)
        };
        let start = |bytes: &[u8]| (0..bytes.len()).find(|&at| fits(bytes.get(at..).unwrap_or_default()));
        let mut passed = 0;
        if side.buffer.is_empty() {
            passed = start(rest.bytes).unwrap_or(rest.bytes.len());
            *rest = rest.skip(passed);
        } else if let skip @ 1.. = start(&side.buffer).unwrap_or(side.buffer.len()) {
            side.drop_front(skip);
            passed = skip;
        }
        side.lost_bytes = side.lost_bytes.saturating_add(passed as u64);
        let before = rest.bytes.len();
        if side.buffer.len() < HEADER_LEN {
            side.keep(rest, HEADER_LEN - side.buffer.len());
            return rest.bytes.len() < before || passed > 0;
        }
        let Some((kind, total)) = header(&side.buffer) else { return passed > 0 };
        if side.buffer.len() < total {
            side.keep(rest, total - side.buffer.len());
            return rest.bytes.len() < before || passed > 0;
        }
        let record = TlsRecord {
            number: side.records + 1,
            at: side.at,
            len: total,
            first: side.origins.first().map_or(rest.origin, |origin| origin.place),
            arrival: rest.arrival,
        };
        let head = std::mem::take(&mut side.buffer);
        let candidate = head.get(..total).unwrap_or_default();
        let mut scratch = std::mem::take(context.scratch);
        let change = candidate == CHANGE && !tls13 && !side.encrypted;
        let opened = !change
            && self.try_candidate(
                direction,
                (candidate, &[]),
                (&mut scratch, context.patience),
                &record,
                events,
            );
        let side = self.sides.of_mut(direction);
        if change || opened {
            side.mode = Mode::Records;
            let origins: Vec<Origin> = side.origins.clone();
            if change {
                self.change_cipher(direction, &record, events);
            } else {
                // The key stands before this record again: it is read as any other.
                self.read_record(
                    direction,
                    kind,
                    (candidate, &[]),
                    (record, &origins),
                    &mut scratch,
                    context,
                    events,
                );
            }
        }
        *context.scratch = scratch;
        let locked = self.locked().is_some();
        let side = self.sides.of_mut(direction);
        if side.mode == Mode::Dead || locked {
            return true;
        }
        side.buffer = head;
        if change || opened {
            side.drop_front(total);
        } else {
            side.lost_bytes = side.lost_bytes.saturating_add(1);
            side.drop_front(1);
        }
        true
    }

    /// Whether a record can be opened; the key then stands before it.
    fn try_candidate(
        &mut self,
        direction: Direction,
        parts: (&[u8], &[u8]),
        (scratch, common): (&mut Vec<u8>, &mut Patience),
        record: &TlsRecord,
        events: &mut impl TlsEvents,
    ) -> bool {
        let side = self.sides.of_mut(direction);
        if let Some(key) = &side.key {
            fill(scratch, parts);
            if key.opener.open(key.seq, scratch).is_some() {
                return true;
            }
        }
        if self.other_key(direction, parts, (scratch, common), record, events).is_none() {
            return false;
        }
        if let Some(key) = &mut self.sides.of_mut(direction).key {
            key.seq = key.seq.wrapping_sub(1);
        }
        true
    }
}
