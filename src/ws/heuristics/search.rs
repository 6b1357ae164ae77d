//! Looks for frames where framing was lost: what comes is remembered by address until a chain of frames stands in it.

use std::collections::VecDeque;

use super::chain::{Chain, Expect, Piece, Where, find};
use super::foreign::text_len;
use crate::model::{Bytes, Chunk, Place, Span, to_u32, to_usize};
use crate::ws::FrameHeader;

/// Bits that a chain needs, in a stream of which it is known that frames are in it.
const NEEDED: u32 = 32;
/// Bytes that are remembered, and pieces.
const BYTES: u64 = 64 << 10;
const PIECES: usize = 256;
/// The last pieces, which are looked at whenever one comes.
const RECENT: usize = 4;

/// A piece of the stream that came while framing was lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldPart {
    pub(super) at: u64,
    pub(super) address: u64,
    pub(super) len: u32,
    pub(super) origin: Place,
    pub(super) arrival: Place,
}

impl HeldPart {
    pub(super) fn end(&self) -> u64 {
        self.at.saturating_add(u64::from(self.len))
    }

    /// Whether a piece is more of the same segment: only where segments begin and end says something.
    fn goes_on_in(&self, next: &Self) -> bool {
        (self.end(), self.address.saturating_add(u64::from(self.len))) == (next.at, next.address)
            && (self.origin, self.arrival) == (next.origin, next.arrival)
            && self.len.checked_add(next.len).is_some()
    }
}

/// That framing was lost, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) at: u64,
    pub(super) place: Place,
    pub(super) reason: &'static str,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Aim {
    /// Frames, anywhere.
    #[default]
    Frames,
    /// Whether a frame begins at an offset: its first byte says that it may be something else.
    Kind { at: u64 },
    /// Whether a frame's length is meant in another encoding: that of `frame`.
    Length { at: u64, frame: FrameHeader },
    /// Frames behind text that reaches up to an offset or farther.
    BehindText { at: u64 },
    /// The end of something that is no frame: frames begin there.
    End { at: u64 },
}

/// What came since framing was lost.
#[derive(Clone, Debug, Default)]
pub(in crate::ws) struct FrameSearch {
    held: VecDeque<HeldPart>,
    len: u64,
    /// Bytes that came since.
    seen: u64,
    /// How many have to come until all pieces are looked at again, and every byte.
    next: (u64, u64),
    /// Not told yet.
    pub(super) loss: Option<Loss>,
    pub(super) aim: Aim,
    /// A frame begins at this offset, whatever there is to doubt.
    pub(super) trusted: Option<u64>,
}

impl FrameSearch {
    /// A search that begins.
    pub(super) fn new(aim: Aim) -> Self {
        Self { aim, ..Self::default() }
    }

    /// A search for frames, because framing was lost.
    pub(super) fn after(loss: Loss) -> Self {
        Self { loss: Some(loss), ..Self::default() }
    }

    /// The packet that brought the first piece that is remembered.
    pub(in crate::ws) fn since(&self) -> Option<u64> {
        self.held.front().map(|part| part.arrival.packet)
    }

    /// The lowest address of the pieces that are remembered; `u64::MAX` where there are none.
    pub(in crate::ws) fn oldest_address(&self) -> u64 {
        self.held.iter().map(|part| part.address).min().unwrap_or(u64::MAX)
    }

    /// Bytes of memory that it takes beside itself.
    pub(in crate::ws) fn size(&self) -> usize {
        self.held.capacity() * size_of::<HeldPart>()
    }

    /// Takes a piece. True when it is the one with which too much came to go on hoping.
    pub(super) fn push(&mut self, part: HeldPart) -> bool {
        let before = self.seen;
        self.seen = self.seen.saturating_add(u64::from(part.len));
        self.len += u64::from(part.len);
        match self.held.back_mut().filter(|last| last.goes_on_in(&part)) {
            Some(last) => last.len += part.len,
            None => self.held.push_back(part),
        }
        while (self.len > BYTES && self.held.len() > 1) || self.held.len() > PIECES {
            let Some(first) = self.held.pop_front() else { break };
            self.len -= u64::from(first.len);
        }
        before <= BYTES && self.seen > BYTES
    }

    /// The offset of the first frame that is certain. `ended`: the stream is over.
    pub(super) fn find(&mut self, bytes: &dyn Bytes, expect: &Expect, last: bool) -> Option<u64> {
        let read = |part: &HeldPart| {
            let bytes = bytes.bytes(Span { start: part.address, len: part.len })?;
            Some(Piece { at: part.at, bytes })
        };
        let fits = |chain: &Chain| chain.frames >= 2;
        let aligned = |from: usize| {
            let pieces: Vec<Piece<'_>> = self.held.iter().skip(from).filter_map(read).collect();
            (find(&pieces, expect, Where::Pieces, NEEDED).filter(fits), pieces)
        };
        // All are looked at at growing distances, which leave none out.
        let from = if last || self.seen >= self.next.0 { 0 } else { self.held.len().saturating_sub(RECENT) };
        let (mut found, mut pieces) = aligned(from);
        let is_due = self.seen >= self.next.1 || last;
        if from > 0 && (found.is_some() || is_due) {
            (found, pieces) = aligned(0);
        } else if from == 0 {
            self.next.0 = self.seen + (self.seen / 8).min(self.len / 2);
        }
        if found.is_none() && !is_due {
            return None;
        }
        let anywhere = find(&pieces, expect, Where::Bytes, NEEDED).filter(fits);
        self.next.1 = self.seen + (self.seen / 2).clamp(2 << 10, BYTES / 2);
        match (found, anywhere) {
            // The same frames, begun earlier.
            (Some(aligned), Some(anywhere)) if aligned.end == anywhere.end => {
                Some(aligned.start.min(anywhere.start))
            }
            (Some(aligned), _) => Some(aligned.start),
            (None, anywhere) => anywhere.map(|chain| chain.start),
        }
    }

    /// Copies bytes from an offset on, as far as they are there and none is missing.
    pub(super) fn read(&self, bytes: &dyn Bytes, at: u64, out: &mut [u8]) -> usize {
        let mut have = 0;
        for part in self.held.iter().skip_while(|part| part.end() <= at) {
            let next = at.saturating_add(have as u64);
            let Some(skip) = next.checked_sub(part.at) else { break };
            let Some(run) = bytes.bytes(Span { start: part.address, len: part.len }) else { break };
            let run = run.get(to_usize(skip)..).unwrap_or_default();
            let room = out.get_mut(have..).unwrap_or_default();
            for (to, from) in room.iter_mut().zip(run) {
                *to = *from;
            }
            have += run.len().min(room.len());
            if have == out.len() {
                break;
            }
        }
        have
    }

    /// The piece that has the byte at an offset.
    pub(super) fn part(&self, at: u64) -> Option<&HeldPart> {
        self.held.iter().find(|part| (part.at..part.end()).contains(&at))
    }

    /// Offset behind the last piece.
    pub(super) fn end(&self) -> u64 {
        self.held.back().map_or(0, HeldPart::end)
    }

    /// Whether more pieces can be taken without losing the first.
    pub(super) fn has_room(&self) -> bool {
        self.held.len() < PIECES && self.len < BYTES
    }

    /// Forgets what is before an offset.
    pub(super) fn forget(&mut self, before: u64) {
        while let Some(first) = self.held.front().filter(|part| part.end() <= before) {
            self.len -= u64::from(first.len);
            self.held.pop_front();
        }
    }

    /// The offset where the text that includes `from` ends, and whether a byte that is no text follows there; otherwise more
    /// of it may come.
    pub(super) fn text_end(&self, bytes: &dyn Bytes, from: u64) -> (u64, bool) {
        let (mut at, mut buffer) = (from, [0; 256]);
        loop {
            let have = self.read(bytes, at, &mut buffer);
            let (len, ends) = text_len(buffer.get(..have).unwrap_or_default());
            at = at.saturating_add(len as u64);
            if ends || len == 0 {
                return (at, ends);
            }
        }
    }

    /// Whether frames that can hardly be there by chance begin at an offset. Where segments end counts for nothing, because
    /// they may end anywhere.
    pub(super) fn begins(&self, bytes: &dyn Bytes, expect: &Expect, at: u64) -> bool {
        /// Bits that a chain needs where something else ends: more than a frame without telling content has, also where
        /// it ends with what came so far.
        const ENOUGH: u32 = 16;
        const LOOK: u64 = 16 << 10;
        let mut buffer = vec![0; self.end().saturating_sub(at).min(LOOK) as usize];
        let have = self.read(bytes, at, &mut buffer);
        let piece = Piece { at, bytes: buffer.get(..have).unwrap_or_default() };
        find(&[piece], expect, Where::Pieces, ENOUGH).is_some_and(|chain| chain.start == at)
    }

    /// The pieces from an offset on, which are forgotten here.
    pub(super) fn take(&mut self, from: u64) -> Vec<HeldPart> {
        let held = std::mem::take(self).held;
        held.into_iter().filter(|part| part.end() > from).collect()
    }
}

impl From<&Chunk<'_>> for HeldPart {
    fn from(chunk: &Chunk<'_>) -> Self {
        Self {
            at: chunk.at,
            address: chunk.address,
            len: to_u32(chunk.bytes.len()),
            origin: chunk.origin,
            arrival: chunk.arrival,
        }
    }
}
