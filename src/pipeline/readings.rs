//! What two copies of the same bytes say, and whether a packet is like its sender's others: traces of somebody who
//! wants an observer to read something else than the receiver.

use std::fmt::Write as _;

use super::Taken;
use super::ends::End;
use super::live::{Layer, Live};
use super::sink::Sink;
use super::work::{Space, Work};
use crate::model::{Bytes as _, Direction, Parse, Segment, Span, is_plain, safe_text};
use crate::tcp::{Arrival, Held, rules};
use crate::ws::{FrameHeader, fills, unmask};

/// Bytes of each copy that are shown.
const SHOWN: u64 = 24;

/// Times to live, by which a packet that came another way is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ttls {
    /// Of the client's first bytes, and of the server's; 0 where it is not known.
    first: (u8, u8),
    /// Of the RST, and of its sender's first bytes, where they differ.
    reset: Option<(u8, u8)>,
}

impl Live {
    /// What both copies say from the first byte on in which they differ.
    pub(super) fn readings(
        &self,
        direction: Direction,
        arrival: &Arrival,
        taken: &Taken<'_>,
        space: Space<'_>,
    ) -> String {
        let (Some(at), Some((first, second))) = (arrival.conflict, arrival.copies) else {
            return String::new();
        };
        let end = first.end().min(second.end()).min(at.saturating_add(SHOWN));
        let part = |held: &Held| {
            let held = held.between(at, end);
            space.bytes(Span { start: held.address, len: held.len }).unwrap_or_default().to_vec()
        };
        let (mut one, mut other) = (part(&first), part(&second));
        let mut text = String::new();
        let packet = if first.origin.packet == 0 {
            String::new()
        } else {
            format!(" (packet {})", first.origin.packet)
        };
        let _ = write!(text, "the first copy{packet} says {}", hex::encode(&one));
        let _ = write!(text, ", the second (packet {}) {}", second.origin.packet, hex::encode(&other));
        let key =
            matches!(self.layer, Layer::WebSocket(_)).then(|| key_at(&first, at, direction, space)).flatten();
        if let Some((key, offset)) = key {
            unmask(&mut one, key, offset);
            unmask(&mut other, key, offset);
        }
        if is_plain(&one) && is_plain(&other) {
            let unmasked = if key.is_some_and(|(key, _)| key != [0; 4]) { "unmasked " } else { "" };
            let _ = write!(text, ": {unmasked}\"{}\" and \"{}\"", safe_text(&one), safe_text(&other));
        }
        text + &self.ttl_differs(direction, taken)
    }

    /// Takes a RST. RFC 9293 section 3.10.7.4: outside the window it is ignored. Its payload is no stream.
    pub(super) fn take_reset<S: Sink>(
        &mut self,
        from: End,
        seq: u32,
        taken: &Taken<'_>,
        work: &mut Work<'_, S>,
    ) {
        let (stream, direction) = (self.streams.of(from), self.direction(from));
        let ahead = stream.offset(seq).wrapping_sub(stream.next());
        if stream.is_known() && ahead > 1 << 30 {
            let (behind, ttl) = (ahead.wrapping_neg(), self.ttl_differs(direction, taken));
            self.note(
                &rules::TCP_RESET_IGNORED,
                Some(direction),
                None,
                taken.place,
                format_args!(
                    "RST with a sequence number {behind} bytes before the next one: receivers ignore it{ttl}"
                ),
                work,
            );
        } else if self.reset.is_none() {
            (self.reset, self.reset_by) = (Some(taken.place), Some(from));
            self.ttls.reset = self.other_ttl(direction, taken);
        }
    }

    /// How the packet's TTL differs from that of its sender's first bytes, as words to go on with; else nothing.
    fn ttl_differs(&self, direction: Direction, taken: &Taken<'_>) -> String {
        self.other_ttl(direction, taken).map_or_else(String::new, |(ttl, usual)| {
            format!("; its TTL is {ttl}, that of this sender's first bytes was {usual}: it came another way")
        })
    }

    /// The same of the RST.
    pub(super) fn reset_words(&self) -> String {
        self.ttls.reset.map_or_else(String::new, |(ttl, usual)| {
            format!(
                "; the RST's TTL is {ttl}, that of its sender's first bytes was {usual}: it came another way"
            )
        })
    }

    /// A packet's TTL, and that of its sender's first bytes, where they differ.
    fn other_ttl(&self, direction: Direction, taken: &Taken<'_>) -> Option<(u8, u8)> {
        let usual = match direction {
            Direction::ClientToServer => self.ttls.first.0,
            Direction::ServerToClient => self.ttls.first.1,
        };
        let ttl = ttl(&taken.segment, taken.bytes).filter(|ttl| usual != 0 && *ttl != usual)?;
        Some((ttl, usual))
    }

    /// Remembers the TTL of a sender's first bytes.
    pub(super) fn note_ttl(&mut self, direction: Direction, arrival: &Arrival, taken: &Taken<'_>) {
        if arrival.new == 0 || arrival.conflict.is_some() {
            return;
        }
        let known = match direction {
            Direction::ClientToServer => &mut self.ttls.first.0,
            Direction::ServerToClient => &mut self.ttls.first.1,
        };
        if *known == 0 {
            *known = ttl(&taken.segment, taken.bytes).unwrap_or(0);
        }
    }
}

/// The key, and the place in its frame's payload, of the byte at an offset: where the copy is frames from its first byte
/// to its last. A key of zeros stands for none.
fn key_at(copy: &Held, at: u64, direction: Direction, space: Space<'_>) -> Option<([u8; 4], u64)> {
    let bytes = space.slice(Span { start: copy.address, len: copy.len })?;
    if !fills(bytes) {
        return None;
    }
    let (mut rest, mut place) = (bytes, copy.at);
    while let Parse::Done(header, len) = FrameHeader::parse(rest) {
        let payload = place + len as u64;
        let next = payload.checked_add(header.payload_len)?;
        if at < next {
            let fits = at >= payload && header.masked() == (direction == Direction::ClientToServer);
            return fits.then(|| (header.masking_key, at - payload));
        }
        rest = rest.get(len..)?.get(usize::try_from(header.payload_len).ok()?..)?;
        place = next;
    }
    None
}

/// The time to live, or hop limit, of the IP header right before a segment; `None` where none stands there.
fn ttl(segment: &Segment, packet: &[u8]) -> Option<u8> {
    if segment.header_at >= crate::net::ARENA_BASE {
        return None;
    }
    let below = packet.get(..segment.below_len as usize)?;
    let (v4, v6) = (below.len().checked_sub(20), below.len().checked_sub(40));
    let byte = |at: Option<usize>, add: usize| at.and_then(|at| below.get(at + add)).copied();
    if byte(v4, 0) == Some(0x45) && byte(v4, 9) == Some(6) {
        return byte(v4, 8);
    }
    (byte(v6, 0)? >> 4 == 6 && byte(v6, 6) == Some(6)).then(|| byte(v6, 7)).flatten()
}
