//! What a reader has to say about its input besides packets.

use super::notes::Notebook;
use super::rules;
use crate::model::{Finding, Loss, Rule, Time};

/// Findings of one rule that are listed for one input; the rest is counted.
const MAX_LISTED: u64 = 100;

/// Collects findings, counters and notes of one input.
pub(super) struct Log {
    /// Number of the last packet in this input; 0 before the first.
    pub(super) number: u64,
    /// Time of the last packet.
    pub(super) time: Time,
    /// Nothing was cut or damaged so far.
    pub(super) complete: bool,
    /// Packets that were not given, by reason.
    pub(super) skipped: Vec<(&'static str, u64)>,
    /// How often a packet was older than the one before it.
    pub(super) backwards: u64,
    /// How many of them were not taken yet.
    pub(super) backwards_untold: u64,
    /// What the input says about itself.
    pub(super) notes: Notebook,
    /// Packets that were lost while capturing.
    pub(super) losses: Vec<Loss>,
    counts: Vec<(&'static Rule, u64)>,
    remarks: Vec<Remark>,
    /// Something is here to be taken.
    pub(super) news: bool,
}

/// A finding before its packet has its number in the merged capture.
struct Remark {
    rule: &'static Rule,
    packet: u64,
    time: Time,
    position: u64,
    text: String,
}

impl Log {
    pub(super) fn new(source: usize) -> Self {
        Self {
            number: 0,
            time: Time::default(),
            complete: true,
            skipped: Vec::new(),
            backwards: 0,
            backwards_untold: 0,
            notes: Notebook::new(source),
            losses: Vec::new(),
            counts: Vec::new(),
            remarks: Vec::new(),
            news: false,
        }
    }

    /// Counts a packet that is given, and looks at its time and length.
    #[inline]
    pub(super) fn packet(&mut self, time: Time, len: u32, position: u64) {
        self.number += 1;
        if time < self.time && self.number > 1 {
            self.note_backwards(time, position);
        }
        self.time = time;
        if len == 0 {
            self.find(&rules::PACKET_EMPTY, true, position, || "the record holds no bytes".into());
        }
    }

    #[cold]
    fn note_backwards(&mut self, time: Time, position: u64) {
        self.backwards += 1;
        self.backwards_untold += 1;
        self.news = true;
        if self.backwards == 1 {
            let before = std::mem::replace(&mut self.time, time);
            self.find(&rules::TIME_BACKWARDS, true, position, || {
                format!("its time {time} lies before {before}, the time of the packet before it")
            });
        }
    }

    /// Counts a packet that is not given.
    #[cold]
    pub(super) fn skip(&mut self, reason: &'static str) {
        self.number += 1;
        self.news = true;
        match self.skipped.iter_mut().find(|(r, _)| *r == reason) {
            Some((_, count)) => *count += 1,
            None => self.skipped.push((reason, 1)),
        }
    }

    /// Counts packets that went before they could be given.
    #[cold]
    pub(super) fn skip_many(&mut self, reason: &'static str, count: u64) {
        if count > 0 {
            self.skip(reason);
            self.number += count - 1;
            if let Some((_, counted)) = self.skipped.iter_mut().find(|(known, _)| *known == reason) {
                *counted += count - 1;
            }
        }
    }

    /// Adds a finding. `at_packet`: it concerns the packet counted last. `text` follows the place
    /// and a colon.
    #[cold]
    pub(super) fn find(
        &mut self,
        rule: &'static Rule,
        at_packet: bool,
        position: u64,
        text: impl FnOnce() -> String,
    ) {
        self.news = true;
        let count = match self.counts.iter_mut().find(|(r, _)| *r == rule) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.push((rule, 1));
                1
            }
        };
        if count <= MAX_LISTED {
            let packet = if at_packet { self.number } else { 0 };
            self.remarks.push(Remark { rule, packet, time: self.time, position, text: text() });
        }
    }

    /// As [`find`](Self::find) for something that was lost.
    #[cold]
    pub(super) fn lose(
        &mut self,
        rule: &'static Rule,
        at_packet: bool,
        position: u64,
        text: impl FnOnce() -> String,
    ) {
        self.complete = false;
        self.find(rule, at_packet, position, text);
    }

    /// Says at the end of the input how many findings were counted only.
    #[cold]
    pub(super) fn close(&mut self, position: u64) {
        for (rule, count) in std::mem::take(&mut self.counts) {
            if count > MAX_LISTED {
                let text = format!("{} more of these were met and are not listed", count - MAX_LISTED);
                self.remarks.push(Remark { rule, packet: 0, time: self.time, position, text });
                self.news = true;
            }
        }
    }

    /// Moves the findings to `out`: packet numbers grow by `offset`; `name` is the input's, where
    /// there are several.
    pub(super) fn take(&mut self, out: &mut Vec<Finding>, offset: u64, name: Option<&str>) {
        self.news = false;
        for remark in self.remarks.drain(..) {
            let packet = if remark.packet == 0 { 0 } else { remark.packet.wrapping_add(offset) };
            let mut text = match packet {
                0 => format!("at byte {}", remark.position),
                _ => format!("packet {packet} at byte {}", remark.position),
            };
            if let Some(name) = name {
                text.push_str(" of ");
                text.push_str(name);
            }
            text.push_str(": ");
            text.push_str(&remark.text);
            out.push(Finding {
                rule: remark.rule,
                direction: None,
                packet,
                time: remark.time,
                frame: None,
                message: None,
                offset: None,
                text,
            });
        }
    }
}
