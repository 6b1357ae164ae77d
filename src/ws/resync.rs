//! Framing that was lost: frames are found again where a chain of them is certain, and not before.

use super::chain::Expect;
use super::event::{Events, Spot};
use super::message::Step;
use super::reader::FrameReader;
use super::rules;
use super::search::{Loss, Part};
use crate::model::{Bytes, Chunk, Direction, Place, Span};

impl<E: Events> Step<'_, '_, E> {
    /// Bytes that came while framing is lost.
    #[cold]
    pub(super) fn lost_data(&mut self, reader: &mut FrameReader, chunk: Chunk<'_>) {
        let arrival = chunk.arrival;
        reader.pass_lost(chunk.bytes.len());
        let hopeless = self.frame.search.push(Part::from(&chunk));
        self.find_again(reader, false, arrival);
        if hopeless && reader.skipped().is_some() {
            self.tell_loss("frames are not found again in the next 64 KiB");
        }
    }

    /// The stream's end, while framing is lost. `ended`: with a FIN.
    #[cold]
    pub(super) fn lost_end(&mut self, reader: &mut FrameReader, ended: bool, place: Place) {
        self.look(reader, true, ended, place);
        if let Some(skipped) = reader.skipped() {
            self.tell_loss(format_args!("the last {skipped} bytes are counted, not shown"));
        }
    }

    fn find_again(&mut self, reader: &mut FrameReader, last: bool, arrival: Place) {
        self.look(reader, last, false, arrival);
    }

    fn look(&mut self, reader: &mut FrameReader, last: bool, ended: bool, arrival: Place) {
        let terms = self.side.terms;
        let expect = Expect {
            masked: self.side.direction == Direction::ClientToServer,
            rsv1: terms.takeover.is_some() || terms.rsv_defined & 4 != 0,
            ended,
        };
        let bytes: &dyn Bytes = self.context.bytes;
        let Some(at) = self.frame.search.find(bytes, &expect, last) else { return };
        let loss = self.frame.search.loss;
        let parts = self.frame.search.take(at);
        let again: u64 = parts.iter().map(|part| part.end() - part.at.max(at)).sum();
        let skipped = reader.skipped().unwrap_or_default().saturating_sub(again);
        self.frame.search.loss = loss;
        if skipped == 0 {
            self.tell_loss(format_args!("frames go on at offset {at}"));
        } else {
            self.tell_loss(format_args!("{skipped} bytes are skipped, and frames go on at offset {at}"));
        }
        self.shared.skip(self.side.direction, skipped);
        self.begin_again();
        reader.resume();
        self.feed_again(reader, &parts, at, bytes, arrival);
    }

    /// Reads again what came while framing was lost.
    fn feed_again(
        &mut self,
        reader: &mut FrameReader,
        parts: &[Part],
        from: u64,
        bytes: &dyn Bytes,
        arrival: Place,
    ) {
        let mut next = from;
        for part in parts {
            if reader.skipped().is_some() {
                // Lost again; what is left waits for more.
                self.frame.search.push(*part);
            } else if let missing @ 1.. = part.at.saturating_sub(next) {
                reader.gap(next, missing, part.arrival, self);
            }
            let skip = from.saturating_sub(part.at);
            match bytes.bytes(Span { start: part.address, len: part.len }) {
                Some(bytes) => {
                    let chunk = Chunk {
                        at: part.at,
                        bytes,
                        address: part.address,
                        origin: part.origin,
                        arrival: part.arrival,
                    };
                    reader.data_again(chunk.skip(skip as usize), self);
                }
                None => reader.gap(part.at.max(from), part.end() - part.at.max(from), arrival, self),
            }
            next = part.end();
        }
    }

    /// What is not known any more where frames begin again.
    fn begin_again(&mut self) {
        self.side.terms.guessed = true;
        self.side.unsure = true;
        self.lose_window();
    }

    /// Framing is lost: told once it is known how far.
    pub(super) fn note_loss(&mut self, at: u64, place: Place, reason: &'static str) {
        self.frame.search = super::search::Search::default();
        self.frame.search.loss = Some(Loss { at, place, reason });
    }

    fn tell_loss(&mut self, then: impl std::fmt::Display) {
        let Some(Loss { at, place, reason }) = self.frame.search.loss.take() else { return };
        let sender = self.side.direction.sender();
        let spot = Spot { direction: Some(self.side.direction), offset: Some(at), place, ..Spot::default() };
        self.shared.report(
            self.events,
            &rules::DESYNCHRONISED,
            spot,
            format_args!("framing of what the {sender} sends is lost at offset {at}: {reason}; {then}"),
        );
    }
}
