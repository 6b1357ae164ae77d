//! Places where a frame should begin and something else may stand: they are read as a frame only once that is certain.

use super::chain::{begins_frame, keeps_to_rules};
use super::foreign::{self, Foreign, ForeignLook, LOOK};
use super::search::{Aim, FrameSearch, HeldPart};
use crate::model::{Bytes, Chunk, Direction, Parse, Rule, to_usize};
use crate::ws::event::{Events, Spot};
use crate::ws::message::MessageStep;
use crate::ws::reader::{FrameReader, FrameStart};
use crate::ws::shared::Body;
use crate::ws::{FrameHeader, LengthEncoding, MAX_HEADER_LEN, Opcode, rules};

impl<E: Events> MessageStep<'_, '_, E> {
    /// Whether something else than a frame may begin with a chunk.
    #[cold]
    #[inline(never)]
    pub(in crate::ws) fn doubts_kind(&mut self, chunk: &Chunk<'_>) -> bool {
        let is_body = self.body().is_some() && !begins_frame(chunk.bytes, &self.expect(false), Some(false));
        let first = chunk.bytes.first().copied().filter(|first| is_body || foreign::may_begin(*first));
        let Some(first) = first else { return false };
        let header = FrameHeader::of([first, 0]);
        let opcode = header.opcode();
        let is_wrong = match opcode {
            Opcode::Continuation if header.rsv() == 0 => self.side.open.is_none() && !self.side.unsure,
            Opcode::Reserved(_) => true,
            _ => header.rsv() & !self.side.terms.rsv_defined != 0 || opcode.is_control(),
        };
        (is_wrong || is_body) && self.doubt(chunk.at, Aim::Kind { at: chunk.at })
    }

    /// Whether the length in the header at the start of a chunk fits the chunk's end in another encoding only.
    #[cold]
    #[inline(never)]
    pub(in crate::ws) fn doubts_encoding(&mut self, header: FrameHeader, chunk: &Chunk<'_>) -> bool {
        /// Longer segments do not come with faults like this one.
        const LONGEST: usize = 32 << 10;
        let frame = other_encoding(header, self.side.direction, chunk.bytes);
        let Some(frame) = frame.filter(|_| chunk.bytes.len() <= LONGEST) else { return false };
        self.doubt(chunk.at, Aim::Length { at: chunk.at, frame })
    }

    fn doubt(&mut self, at: u64, aim: Aim) -> bool {
        let search = &mut self.frame.search;
        let is_new = search.trusted != Some(at);
        if is_new {
            *search = FrameSearch::new(aim);
        }
        is_new
    }

    /// Decides what stands at an offset. True where that is known: framing resumed, or frames are looked for behind it.
    /// `last`: no more bytes will come.
    pub(super) fn examine_kind(&mut self, reader: &mut FrameReader, at: u64, last: bool) -> bool {
        let body = self.body();
        if let Some(Body { len, rule: Some(rule) }) = body {
            self.pass_body(reader, at, len, rule);
            return true;
        }
        let bytes: &dyn Bytes = self.context.bytes;
        let mut buffer = [0; LOOK];
        let have = self.frame.search.read(bytes, at, &mut buffer);
        let seen = buffer.get(..have).unwrap_or_default();
        let search = &self.frame.search;
        let over = last || !search.has_room() || at.saturating_add(have as u64) < search.end();
        let expect = self.expect(false);
        let chunked = self.shared.is_chunked(self.side.direction);
        let open = Some(self.side.open.is_some()).filter(|_| !self.side.unsure);
        let begins = |rest: &[u8]| !rest.is_empty() && begins_frame(rest, &expect, open);
        let look = match foreign::look(seen, over, chunked, begins) {
            ForeignLook::Foreign(Foreign::Text, _) if self.is_frame_by_its_end(seen, at) => {
                ForeignLook::Frame
            }
            ForeignLook::Foreign(Foreign::LineEnd, Some(1)) if !chunked => self.lone_line_end(seen, at, over),
            look => look,
        };
        match look {
            ForeignLook::Need => false,
            ForeignLook::Frame => self.resume_at(reader, at, true),
            ForeignLook::Foreign(what, len) => {
                let body = body.filter(|_| what == Foreign::Text);
                self.pass_foreign(reader, at, what, body.map(|body| body.len).or(len), seen);
                true
            }
        }
    }

    /// What begins with one CR or LF: a frame that breaks only one rule, or a line end with a frame behind it?
    fn lone_line_end(&self, seen: &[u8], at: u64, over: bool) -> ForeignLook {
        /// A longer frame is not waited for.
        const LONGEST: u64 = 16 << 10;
        let (bytes, search, expect) = (self.context.bytes, &self.frame.search, self.expect(false));
        let line_end = ForeignLook::Foreign(Foreign::LineEnd, Some(1));
        let Parse::Done(header, _) = FrameHeader::parse(seen) else {
            return match (over, seen.len()) {
                (true, 1) => line_end,
                (true, _) => ForeignLook::Frame,
                (false, _) => ForeignLook::Need,
            };
        };
        if header.masked() != expect.masked
            || header.payload_len > 125
            || search.begins(bytes, &expect, at + 1)
        {
            return line_end;
        }
        let end = |from: usize| match FrameHeader::parse(seen.get(from..).unwrap_or_default()) {
            Parse::Done(header, len) => header.payload_len.saturating_add((from + len) as u64).min(LONGEST),
            Parse::Need(len) => (from + len) as u64,
        };
        let is_there = search.end() >= at.saturating_add(end(0).max(end(1)));
        if is_there || over { ForeignLook::Frame } else { ForeignLook::Need }
    }

    /// Decides in which encoding the length of the frame at an offset is meant; see [`examine_kind`](Self::examine_kind).
    pub(super) fn examine_length(
        &mut self,
        reader: &mut FrameReader,
        at: u64,
        frame: FrameHeader,
        last: bool,
    ) -> bool {
        match self.is_other_encoding(at, frame, last) {
            None => false,
            Some(false) => self.resume_at(reader, at, true),
            Some(true) => self.resume_in(reader, at, frame),
        }
    }

    /// Whether what begins at an offset reads as text, but is a frame that ends where a segment does.
    fn is_frame_by_its_end(&self, seen: &[u8], at: u64) -> bool {
        let Parse::Done(header, len) = FrameHeader::parse(seen) else { return false };
        let end = at.saturating_add(header.payload_len).saturating_add(len as u64);
        self.frame.search.part(end.saturating_sub(1)).is_some_and(|part| part.end() == end)
    }

    /// Reports bytes that are no frame, and goes to what follows them.
    fn pass_foreign(
        &mut self,
        reader: &mut FrameReader,
        at: u64,
        what: Foreign,
        len: Option<u64>,
        seen: &[u8],
    ) {
        let direction = self.side.direction;
        let is_known =
            matches!(what, Foreign::ChunkSize | Foreign::LineEnd) && self.shared.reported_chunks(direction);
        if !is_known {
            self.report_foreign(at, what, len, seen);
        }
        if what == Foreign::ChunkSize {
            self.shared.set_chunks(direction, true);
        }
        if !std::mem::replace(&mut self.side.terms.guessed, true) {
            self.shared.set_foreign(direction, true);
        }
        match len {
            Some(len) => self.resume_behind(reader, at.saturating_add(len)),
            None => self.frame.search.aim = Aim::BehindText { at },
        }
    }

    /// The body that was announced, as long as no frame came.
    fn body(&self) -> Option<Body> {
        self.shared.body(self.side.direction).filter(|_| self.side.counts.frames == 0)
    }

    /// Goes to the first frame behind a body that was announced.
    fn pass_body(&mut self, reader: &mut FrameReader, at: u64, len: u64, rule: &'static Rule) {
        let direction = self.side.direction;
        self.shared.set_body(direction, None);
        let place = self.frame.search.part(at).map(|part| part.arrival).unwrap_or_default();
        let spot = Spot::of(direction, place).with_offset(at);
        let sender = direction.sender();
        let text = format_args!(
            "{len} bytes of the {sender} behind the handshake are read as the body, and frames behind them"
        );
        self.shared.report(self.events, rule, spot, text);
        self.resume_behind(reader, at.saturating_add(len));
    }

    /// Reads frames from an offset on, also where that is not there yet.
    fn resume_behind(&mut self, reader: &mut FrameReader, end: u64) {
        if end > self.frame.search.end() {
            self.frame.search = FrameSearch::new(Aim::End { at: end });
        } else {
            self.resume_at(reader, end, false);
        }
    }

    fn report_foreign(&mut self, at: u64, what: Foreign, len: Option<u64>, seen: &[u8]) {
        let direction = self.side.direction;
        let place = self.frame.search.part(at).map(|part| part.arrival).unwrap_or_default();
        let spot = Spot {
            direction: Some(direction),
            offset: Some(at),
            place,
            what: Some(what.name()),
            ..Spot::default()
        };
        let len = match what {
            Foreign::Text | Foreign::Request | Foreign::Response => foreign::text_len(seen).0,
            _ => len.map_or(seen.len(), |len| to_usize(len.min(LOOK as u64))),
        };
        let shown = seen.get(..len).unwrap_or(seen);
        let shown = match what {
            Foreign::Tls | Foreign::Http2 | Foreign::Bom => hex::encode(shown.get(..16).unwrap_or(shown)),
            _ => format!("{:?}", String::from_utf8_lossy(shown)),
        };
        let sender = direction.sender();
        self.shared.report(
            self.events,
            &rules::NOT_A_FRAME,
            spot,
            format_args!("the {sender} sends {} where a frame should begin: {shown}", what.words()),
        );
    }

    /// Looks for frames behind text that is no frame. False where more bytes have to decide; see
    /// [`examine_kind`](Self::examine_kind).
    pub(super) fn pass_text(&mut self, reader: &mut FrameReader, from: u64, last: bool) -> bool {
        let bytes: &dyn Bytes = self.context.bytes;
        let search = &mut self.frame.search;
        let (at, ends) = search.text_end(bytes, from);
        search.aim = Aim::BehindText { at };
        search.forget(at);
        let (is_gap, goes_on) = match search.part(at) {
            None => (search.end() > at, search.end() <= at),
            Some(_) => (false, !ends && !last && search.has_room()),
        };
        if goes_on {
            return false;
        }
        let expect = self.expect(false);
        let mut head = [0; MAX_HEADER_LEN];
        let have = self.frame.search.read(bytes, at, &mut head);
        if !is_gap && begins_frame(head.get(..have).unwrap_or_default(), &expect, None) {
            if last || self.frame.search.begins(bytes, &expect, at) {
                return self.resume_at(reader, at, true);
            }
            if self.frame.search.has_room() {
                return false;
            }
        }
        // What follows is no frame either: it may hide some.
        self.shared.lost_framing = true;
        self.shared.set_foreign(self.side.direction, false);
        self.frame.search.aim = Aim::Frames;
        true
    }

    /// Takes bytes of something that is no frame and of which the end is known; returns what is behind it.
    pub(super) fn pass_rest<'b>(&mut self, reader: &mut FrameReader, chunk: Chunk<'b>) -> Option<Chunk<'b>> {
        let Aim::End { at: end } = self.frame.search.aim else { return Some(chunk) };
        let passed = end.saturating_sub(chunk.at).min(chunk.bytes.len() as u64);
        reader.pass_lost(to_usize(passed));
        let rest = chunk.skip(to_usize(passed));
        if rest.at < end {
            return None;
        }
        self.frame.search.aim = Aim::Frames;
        if rest.at > end {
            // Bytes are missing in between: frames are looked for.
            return Some(rest);
        }
        self.resume_at(reader, end, false);
        reader.data_again(rest, self)
    }

    /// Whether a length is meant in another encoding; `None` where more bytes have to decide.
    fn is_other_encoding(&self, at: u64, frame: FrameHeader, last: bool) -> Option<bool> {
        let bytes: &dyn Bytes = self.context.bytes;
        let search = &self.frame.search;
        let expect = self.expect(false);
        // Behind it; the header that the same sender would write there may have the same fault.
        let open = Some(!frame.fin()).filter(|_| !frame.opcode().is_control());
        let begins = |at: u64| {
            let mut head = [0; MAX_HEADER_LEN];
            let have = search.read(bytes, at, &mut head);
            let seen = head.get(..have).unwrap_or_default();
            let again = match FrameHeader::parse(seen) {
                Parse::Done(header, _) => recoded(header, frame.encoding, seen),
                Parse::Need(_) => None,
            };
            have > 0
                && (begins_frame(seen, &expect, open)
                    || again.is_some_and(|again| keeps_to_rules(again, &expect, open)))
        };
        if frame.extended_len() == 0 {
            // The frame that the header claims is there as well.
            let claimed = FrameHeader { encoding: LengthEncoding::Standard, ..frame };
            if begins(at + claimed.len() as u64 + u64::from(claimed.length_field())) {
                return Some(false);
            }
        }
        let end = at.saturating_add(frame.len() as u64).saturating_add(frame.payload_len);
        if search.end() > end {
            return Some(begins(end));
        }
        (last || self.shared.encodes_wrongly(self.side.direction)).then_some(true)
    }

    /// A frame begins whose length is meant in another encoding.
    fn resume_in(&mut self, reader: &mut FrameReader, at: u64, frame: FrameHeader) -> bool {
        self.shared.note_wrong_encoding(self.side.direction);
        let Some(part) = self.frame.search.part(at) else { return self.resume_at(reader, at, true) };
        let (start, arrival) = (FrameStart { at, place: part.origin }, part.arrival);
        let from = at.saturating_add(frame.len() as u64);
        let parts = self.frame.search.take(from);
        reader.resume_in(frame, start, arrival, self);
        self.feed_again(reader, &parts, from, arrival);
        true
    }

    /// Reads on from an offset, where a frame begins. `trusted`: whatever there is to doubt.
    fn resume_at(&mut self, reader: &mut FrameReader, at: u64, trusted: bool) -> bool {
        let (parts, _) = self.leave(reader, at);
        self.frame.search.trusted = trusted.then_some(at);
        reader.resume();
        if let Some(last) = parts.last() {
            self.feed_again(reader, &parts, at, last.arrival);
        }
        self.frame.search.trusted = None;
        true
    }

    /// Ends the search at an offset from where on frames are read; returns what is there of them. All before is skipped:
    /// how many bytes.
    pub(super) fn leave(&mut self, reader: &FrameReader, at: u64) -> (Vec<HeldPart>, u64) {
        let parts = self.frame.search.take(at);
        let again: u64 = parts.iter().map(|part| part.end() - part.at.max(at)).sum();
        let skipped = reader.skipped().unwrap_or_default().saturating_sub(again);
        self.shared.skip(self.side.direction, skipped);
        (parts, skipped)
    }
}

/// The header at the start of bytes, in the encoding of its length in which the frame fills them.
fn other_encoding(header: FrameHeader, from: Direction, bytes: &[u8]) -> Option<FrameHeader> {
    let encoding = match header.length_field() {
        126 | 127 => LengthEncoding::LittleEndian,
        _ if from == Direction::ServerToClient && header.masked() => LengthEncoding::EightBits,
        _ if from == Direction::ClientToServer && !header.masked() => LengthEncoding::Carry,
        _ => return None,
    };
    let frame = recoded(header, encoding, bytes)?;
    let fits = (frame.len() as u64).saturating_add(frame.payload_len) == bytes.len() as u64;
    fits.then_some(frame)
}

/// The header at the start of bytes with its length in another encoding, where that makes a length over 125.
fn recoded(header: FrameHeader, encoding: LengthEncoding, bytes: &[u8]) -> Option<FrameHeader> {
    let is_extended = header.extended_len() > 0;
    let (payload_len, masking_key) = match encoding {
        LengthEncoding::LittleEndian if is_extended => (header.swapped_len(), header.masking_key),
        LengthEncoding::EightBits if !is_extended && header.masked() => (header.head[1].into(), [0; 4]),
        LengthEncoding::Carry if !is_extended && !header.masked() => {
            (u64::from(header.head[1]) + 128, *bytes.get(2..)?.first_chunk::<4>()?)
        }
        _ => return None,
    };
    (payload_len > 125).then_some(FrameHeader { payload_len, masking_key, encoding, ..header })
}
