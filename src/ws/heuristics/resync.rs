//! Framing that was lost: frames are found again where a chain of them is certain, and not before.

use super::chain::Expect;
use super::search::{Aim, FrameSearch, HeldPart, Loss};
use crate::model::{Bytes, Chunk, Direction, Place, Span, to_usize};
use crate::ws::event::{Events, Spot};
use crate::ws::message::MessageStep;
use crate::ws::reader::FrameReader;
use crate::ws::rules;

impl<E: Events> MessageStep<'_, '_, E> {
    /// Bytes that came while framing is lost.
    #[cold]
    pub(in crate::ws) fn lost_data(&mut self, reader: &mut FrameReader, chunk: Chunk<'_>) {
        let arrival = chunk.arrival;
        let Some(chunk) = self.pass_rest(reader, chunk) else { return };
        reader.pass_lost(chunk.bytes.len());
        let hopeless = self.frame.search.push(HeldPart::from(&chunk));
        self.find_again(reader, false, false, arrival);
        if hopeless && reader.skipped().is_some() {
            self.tell_loss("frames are not found again in the next 64 KiB");
        }
    }

    /// The stream's end, while framing is lost. `ended`: with a FIN.
    #[cold]
    pub(in crate::ws) fn lost_end(&mut self, reader: &mut FrameReader, ended: bool, place: Place) {
        self.find_again(reader, true, ended, place);
        if let Some(skipped) = reader.skipped() {
            self.tell_loss(format_args!("the last {skipped} bytes are counted, not shown"));
        }
    }

    fn find_again(&mut self, reader: &mut FrameReader, last: bool, ended: bool, arrival: Place) {
        // Each turn gets farther in what came.
        while reader.is_lost() {
            let aim = self.frame.search.aim;
            let goes_on = match aim {
                Aim::Kind { at } => self.examine_kind(reader, at, last),
                Aim::Length { at, frame } => self.examine_length(reader, at, frame, last),
                Aim::BehindText { at } => self.pass_text(reader, at, last),
                Aim::Frames => self.look(reader, last, ended, arrival),
                Aim::End { .. } => false,
            };
            if !goes_on {
                break;
            }
        }
    }

    /// What frames of the side keep to. `ended`: its stream is over.
    pub(super) fn expect(&self, ended: bool) -> Expect {
        let terms = self.side.terms;
        // A client that has not masked so far is not expected to begin.
        let has_masked = self.side.counts.frames == 0 || self.side.key_run > 0;
        Expect {
            masked: self.side.direction == Direction::ClientToServer && has_masked,
            rsv1: terms.takeover.is_some() || terms.rsv_defined & 4 != 0,
            ended,
        }
    }

    /// Looks for frames that are certain. True where there are some: they are read.
    fn look(&mut self, reader: &mut FrameReader, last: bool, ended: bool, arrival: Place) -> bool {
        let expect = self.expect(ended);
        let bytes: &dyn Bytes = self.context.bytes;
        let Some(at) = self.frame.search.find(bytes, &expect, last) else { return false };
        let loss = self.frame.search.loss;
        let (parts, skipped) = self.leave(reader, at);
        self.frame.search.loss = loss;
        if skipped == 0 {
            self.tell_loss(format_args!("frames go on at offset {at}"));
        } else {
            self.tell_loss(format_args!("{skipped} bytes are skipped, and frames go on at offset {at}"));
        }
        self.begin_again();
        reader.resume();
        self.feed_again(reader, &parts, at, arrival);
        true
    }

    /// Reads again what came while framing was lost.
    pub(super) fn feed_again(
        &mut self,
        reader: &mut FrameReader,
        parts: &[HeldPart],
        from: u64,
        arrival: Place,
    ) {
        let bytes: &dyn Bytes = self.context.bytes;
        let mut next = from;
        for part in parts {
            if let missing @ 1.. = part.at.saturating_sub(next) {
                reader.gap(next, missing, part.arrival, self);
            }
            next = part.end();
            if reader.is_lost() {
                // Lost again; what is left waits for more.
                reader.pass_lost(part.len as usize);
                self.frame.search.push(*part);
                continue;
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
                    if let Some(rest) = reader.data_again(chunk.skip(to_usize(skip)), self) {
                        reader.pass_lost(rest.bytes.len());
                        self.frame.search.push(HeldPart::from(&rest));
                    }
                }
                None => reader.gap(part.at.max(from), part.end() - part.at.max(from), arrival, self),
            }
        }
    }

    /// What is not known any more where frames begin again.
    fn begin_again(&mut self) {
        self.side.terms.guessed = true;
        self.shared.set_foreign(self.side.direction, false);
        self.side.unsure = true;
        self.lose_window();
    }

    /// Framing is lost: told once it is known how far.
    pub(in crate::ws) fn note_loss(&mut self, at: u64, place: Place, reason: &'static str) {
        self.frame.search = FrameSearch::after(Loss { at, place, reason });
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
