//! Compressed messages with a known fault: what the fault is, and the text where it makes that readable (RFC 7692 section 7.2).

use super::content::{Eager, take_inflater};
use super::deflate::{DeflateEnd, Inflater, Inflation, PlainSource, PlainWindow};
use super::event::{Depth, Events, MessageContext, Scratch};
use super::message::MessageStep;
use super::{Opcode, rules};
use crate::model::{Rule, to_usize};

/// A rule that a message breaks, and the sentence about it.
pub(super) type Fault = (&'static Rule, String);

/// A message that strict receivers reject, read past its fault.
pub(super) struct Reading {
    pub(super) fault: Fault,
    pub(super) content: Eager,
}

/// What a bad end of a message is called. `None` where its text is incomplete.
pub(super) fn end_fault(end: DeflateEnd) -> Option<Fault> {
    let (rule, text) = match end {
        DeflateEnd::Empty => (
            &rules::DEFLATE_EMPTY,
            "the message has RSV1 set and no payload: an empty compressed message is one byte, 00",
        ),
        DeflateEnd::TailKept => {
            (&rules::DEFLATE_TAIL_KEPT, "the message ends with 00 00 ff ff, which its sender has to remove")
        }
        DeflateEnd::FinalBlock => (
            &rules::DEFLATE_FINAL_BLOCK,
            "the last block is marked as final (BFINAL), and the byte 00 that has to follow it is missing",
        ),
        DeflateEnd::NotFlushed => (
            &rules::INFLATE_ERROR,
            "the compressed message is complete, but its last block is not flushed: no empty block follows it",
        ),
        DeflateEnd::InsideBlock => return None,
    };
    Some((rule, text.to_owned()))
}

/// Why a message cannot be decompressed, as the end of a sentence.
pub(super) fn cause(inflater: &Inflater) -> &'static str {
    if inflater.refers_too_far() {
        ": it refers to bytes before the start of its sender's window"
    } else if inflater.bad_end() == Some(DeflateEnd::InsideBlock) {
        ": it ends inside a block"
    } else {
        ": a block of it is not valid deflate"
    }
}

/// The window that a message exceeds: the largest distance in it, where that is more than `bits` allow.
pub(super) fn exceeded(inflater: &Inflater, bits: u8) -> Option<Fault> {
    let agreed = 1usize.checked_shl(bits.into())?;
    let distance = inflater.largest_distance();
    (distance > agreed).then(|| {
        let text = format!(
            "the message refers {distance} bytes back; the agreed window has {agreed} bytes ({bits} bits). \
             A receiver with that window may fail (zlib: invalid distance too far back)"
        );
        (&rules::DEFLATE_WINDOW_EXCEEDED, text)
    })
}

/// The deflate data within a zlib or gzip header and trailer, in the order in which to try them, and the header's name.
fn unwrapped(wire: &[u8]) -> Option<(&'static str, [&[u8]; 2])> {
    let (name, header, trailer) = match wire {
        // RFC 1952 section 2.3, without optional fields; CRC-32 and length follow the data.
        [0x1f, 0x8b, 8, 0, ..] => ("gzip", 10, 8),
        // RFC 1950 section 2.2, without a dictionary; Adler-32 follows the data.
        [method, flags, ..]
            if method & 0x0f == 8
                && method >> 4 <= 7
                && flags & 0x20 == 0
                && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0 =>
        {
            ("zlib", 2, 4)
        }
        _ => return None,
    };
    let data = wire.get(header..)?;
    let without = data.get(..data.len().saturating_sub(trailer))?;
    Some((name, [data, without]))
}

/// Whether bytes are text without control characters, and too many to be so by chance.
fn is_plain_text(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() >= 4);
    text.is_some_and(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n')))
}

/// What a message inflates to in pieces that each end as a message does.
fn inflate_pieces<'a>(
    inflater: &mut Inflater,
    pieces: impl Iterator<Item = &'a [u8]>,
    depth: &Depth,
    scratch: &mut Scratch,
    check: bool,
) -> Option<Eager> {
    let mut content = Eager::new(depth, Vec::new());
    for piece in pieces {
        let mut out = |bytes: &[u8], within: bool| content.take(bytes, within, depth.keep, check);
        inflater.begin();
        inflater.feed(piece, &depth.inflate, &mut scratch.inflated, &mut out);
        let (outcome, _) = inflater.finish(&depth.inflate, &mut scratch.inflated, &mut out);
        let ends = matches!(inflater.bad_end(), None | Some(DeflateEnd::FinalBlock | DeflateEnd::TailKept));
        if outcome != Inflation::Whole || !ends {
            return None;
        }
    }
    Some(content)
}

impl<E: Events> MessageStep<'_, '_, E> {
    /// Keeps an uncompressed message, where a sender that compresses others may have put it into its window.
    #[inline]
    pub(super) fn keep_plain(&mut self, bytes: &[u8], message: u64, packet: u64) {
        if self.side.terms.takeover == Some(true) {
            self.keep_for_window(bytes, PlainSource { message, packet });
        }
    }

    #[cold]
    fn keep_for_window(&mut self, bytes: &[u8], source: PlainSource) {
        let side = &mut *self.side;
        if side.terms.guessed || side.window_lost || side.compression.per_frame || bytes.is_empty() {
            return;
        }
        let inflater = take_inflater(&mut side.inflater, false, self.context.scratch);
        let mut plain = inflater.plain.take().unwrap_or_default();
        if plain.in_window {
            inflater.insert(bytes);
        }
        plain.push(side.counts.inflated_bytes, bytes, source);
        inflater.plain = Some(plain);
    }

    /// Reads a message past a fault that is known, once it could not be inflated. `wire`: its bytes, unmasked; `ends`:
    /// where each of its fragments ends in them.
    #[cold]
    pub(super) fn read_leniently(&mut self, wire: &[u8], ends: &[u64], opcode: Opcode) -> Option<Reading> {
        let side = &mut *self.side;
        let MessageContext { depth, scratch, .. } = &mut *self.context;
        let depth: &Depth = depth;
        let check = opcode == Opcode::Text;
        let failed = side.inflater.as_deref_mut()?;
        let (too_far, previous) = (failed.refers_too_far(), failed.take_previous());
        let plain = failed.plain.take();
        if !failed.rewind() {
            failed.lose();
        }
        if check && is_plain_text(wire) {
            let mut content = Eager::new(depth, Vec::new());
            content.take(wire, true, depth.keep, check);
            // Whether the sender's window holds this text as well is not known.
            side.assumed = WINDOW;
            let text = "RSV1 is set, but the payload is not compressed: it is plain text".to_owned();
            return Some(Reading { fault: (&rules::DEFLATE_NOT_COMPRESSED, text), content });
        }
        let before = failed.clone();
        if let Some((name, tries)) = unwrapped(wire) {
            for data in tries {
                let mut inflater = Box::new(before.clone());
                let pieces = std::iter::once(data);
                if let Some(content) = inflate_pieces(&mut inflater, pieces, depth, scratch, check) {
                    side.inflater = Some(inflater);
                    let text = format!("the payload begins with a {name} header; it has to be raw deflate");
                    return Some(Reading { fault: (&rules::DEFLATE_WRAPPED, text), content });
                }
            }
        }
        if ends.len() > 1 && ends.last() == Some(&(wire.len() as u64)) {
            let mut inflater = Box::new(before.clone());
            let starts = std::iter::once(&0).chain(ends);
            let pieces = starts
                .zip(ends)
                .map(|(start, end)| wire.get(to_usize(*start)..to_usize(*end)).unwrap_or_default());
            if let Some(content) = inflate_pieces(&mut inflater, pieces, depth, scratch, check) {
                side.inflater = Some(inflater);
                let text =
                    format!("each of the {} fragments is compressed as a message of its own", ends.len());
                return Some(Reading { fault: (&rules::DEFLATE_PER_FRAGMENT, text), content });
            }
        }
        if too_far && let Some(mut inflater) = previous {
            let pieces = std::iter::once(wire);
            if let Some(content) = inflate_pieces(&mut inflater, pieces, depth, scratch, check) {
                side.inflater = Some(inflater);
                // From here on it is read as if this had been agreed.
                side.terms.takeover = Some(true);
                side.keeps_window = true;
                return Some(Reading { fault: kept_window(), content });
            }
        }
        if too_far
            && side.terms.takeover == Some(true)
            && let Some(mut plain) = plain
        {
            let mut inflater = Box::new(before.clone());
            inflater.set_window(&plain.join(before.window(), side.counts.inflated_bytes));
            let pieces = std::iter::once(wire);
            let content = inflate_pieces(&mut inflater, pieces, depth, scratch, check);
            if let Some(content) = content.filter(|content| content.text(check).1.is_none()) {
                let fault = fed_window(&plain);
                plain.in_window = true;
                inflater.plain = Some(plain);
                side.inflater = Some(inflater);
                return Some(Reading { fault, content });
            }
        }
        // What the sender's window holds of this message is not known.
        if let Some(inflater) = &mut side.inflater {
            inflater.lose();
        }
        None
    }
}

/// How far back a window reaches at most, in bytes.
const WINDOW: u32 = 32 << 10;

/// The fault of a sender that keeps its window although it agreed not to.
pub(super) fn kept_window() -> Fault {
    let text = "the message refers to one before it, although no_context_takeover was agreed: its sender kept the window";
    (&rules::DEFLATE_WINDOW_KEPT, text.to_owned())
}

/// The fault of a sender that puts messages into its window that it sends uncompressed.
pub(super) fn fed_window(plain: &PlainWindow) -> Fault {
    let [first, last] = plain.ends();
    let which = if first == last {
        format!("message {} (packet {})", first.message, first.packet)
    } else {
        let (from, to) = (first.packet, last.packet);
        format!("messages from {} to {} (packets {from} to {to})", first.message, last.message)
    };
    let text = format!(
        "the message refers to text that was sent uncompressed before it, {which}: its sender put that into its \
         compression window, where a receiver does not have it"
    );
    (&rules::DEFLATE_WINDOW_FED, text)
}
