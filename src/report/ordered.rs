//! Puts records in the order of the packets that completed them, with bounded memory.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// Bytes gathered before they are written.
const BLOCK: usize = 64 << 10;
/// Bytes of records that may wait for their turn; the oldest go out of turn beyond.
const WAITING: usize = 8 << 20;

/// What stands before a record and depends on those that came out before it.
pub trait Lead {
    /// What is known of a record when it is made.
    type Tag;
    /// Appends what stands before the record of this tag, whose turn has come.
    fn lead(&mut self, tag: &Self::Tag, out: &mut Vec<u8>);
}

/// Nothing stands before any record.
impl Lead for () {
    type Tag = ();
    #[inline]
    fn lead(&mut self, (): &(), _: &mut Vec<u8>) {}
}

/// A writer of records.
///
/// Nearly all records come in order and are written at once. Only while a stream waits for bytes
/// that may never come are those of later packets held back.
#[derive(Debug)]
pub struct Ordered<W, L: Lead = ()> {
    out: W,
    lead: L,
    block: Vec<u8>,
    waiting: BTreeMap<(u64, u64), (L::Tag, Vec<u8>)>,
    waiting_len: usize,
    count: u64,
    watermark: u64,
    flush_each: bool,
    error: Option<io::Error>,
}

impl<W: Write> Ordered<W> {
    /// A writer of records to `out`. `flush_each`: every record is passed on at once, for live output.
    pub fn new(out: W, flush_each: bool) -> Self {
        Self::with_lead(out, (), flush_each)
    }

    /// Writes one record that `packet` completed; `write` appends its bytes.
    #[inline]
    pub fn record(&mut self, packet: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.tagged(packet, (), write);
    }
}

impl<W: Write, L: Lead> Ordered<W, L> {
    /// As [`new`](Ordered::new), with something before each record.
    pub fn with_lead(out: W, lead: L, flush_each: bool) -> Self {
        Self {
            out,
            lead,
            block: Vec::with_capacity(2 * BLOCK),
            waiting: BTreeMap::new(),
            waiting_len: 0,
            count: 0,
            watermark: u64::MAX,
            flush_each,
            error: None,
        }
    }

    /// Writes one record that `packet` completed, after its lead; `write` appends its bytes.
    #[inline]
    pub fn tagged(&mut self, packet: u64, tag: L::Tag, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.waits(packet) {
            self.lead.lead(&tag, &mut self.block);
            write(&mut self.block);
            if self.block.len() >= BLOCK || self.flush_each {
                self.flush();
            }
            return;
        }
        let mut bytes = Vec::new();
        write(&mut bytes);
        self.count += 1;
        self.waiting_len += bytes.len() + 64;
        self.waiting.insert((packet, self.count), (tag, bytes));
        while self.waiting_len > WAITING {
            self.release_first();
        }
    }

    /// Whether a record of `packet` has to wait for its turn.
    #[must_use]
    #[inline]
    pub fn waits(&self, packet: u64) -> bool {
        packet >= self.watermark
    }

    /// What makes the leads, to change it.
    pub fn lead_mut(&mut self) -> &mut L {
        &mut self.lead
    }

    /// Records of packets before `packet` are complete.
    pub fn watermark(&mut self, packet: u64) {
        self.watermark = packet;
        while self.waiting.keys().next().is_some_and(|(first, _)| *first < packet) {
            self.release_first();
        }
    }

    fn release_first(&mut self) {
        if let Some((_, (tag, bytes))) = self.waiting.pop_first() {
            self.waiting_len -= bytes.len() + 64;
            self.lead.lead(&tag, &mut self.block);
            self.block.extend_from_slice(&bytes);
            if self.block.len() >= BLOCK || self.flush_each {
                self.flush();
            }
        }
    }

    /// Passes on what was gathered.
    pub fn flush(&mut self) {
        if self.error.is_none() {
            self.error = self.out.write_all(&self.block).and_then(|()| self.out.flush()).err();
        }
        self.block.clear();
    }

    /// Whether writing failed: nothing more needs to be made.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Writes all that is left.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.watermark(u64::MAX);
        self.flush();
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_by_packet() {
        let mut ordered = Ordered::new(Vec::new(), false);
        let put = |ordered: &mut Ordered<Vec<u8>>, packet: u64, text: &str| {
            ordered.record(packet, |out| out.extend_from_slice(text.as_bytes()));
        };
        put(&mut ordered, 1, "a");
        ordered.watermark(3); // Something of packet 3 is still to come.
        put(&mut ordered, 2, "b");
        put(&mut ordered, 5, "f");
        put(&mut ordered, 4, "d");
        put(&mut ordered, 4, "e");
        put(&mut ordered, 3, "c");
        ordered.watermark(u64::MAX);
        put(&mut ordered, 6, "g");
        assert_eq!(ordered.finish().unwrap(), b"abcdefg");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut ordered = Ordered::new(io::sink(), false);
        ordered.watermark(0);
        for packet in 0..40_000 {
            ordered.record(packet, |out| out.extend_from_slice(&[b'x'; 1000]));
        }
        assert!(ordered.waiting_len <= WAITING);
    }
}
