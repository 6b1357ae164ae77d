//! What two copies of the same bytes say: evidence of an attempt to show an observer other bytes than the receiver.

use std::fmt::Write as _;

use super::Transport;
use crate::model::{Bytes as _, Direction, Parse, Span, is_plain, safe_text};
use crate::pipeline::context::{ByteSource, CapturedSegment};
use crate::tcp::{Arrival, Held};
use crate::ws::{FrameHeader, fills, unmask};

/// Bytes of each copy that are shown.
const SHOWN: u64 = 24;

impl Transport {
    /// What both copies say from the first byte on in which they differ. `is_websocket`: the bytes are frames.
    pub(super) fn overlap_evidence(
        &self,
        arrival: &Arrival,
        captured: &CapturedSegment<'_>,
        is_websocket: bool,
        source: ByteSource<'_>,
    ) -> String {
        let direction = self.direction(captured.from);
        let (Some(at), Some((first, second))) = (arrival.conflict, arrival.copies) else {
            return String::new();
        };
        let end = first.end().min(second.end()).min(at.saturating_add(SHOWN));
        let part = |held: &Held| {
            let held = held.between(at, end);
            source.bytes(Span { start: held.address, len: held.len }).unwrap_or_default().to_vec()
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
        let key = if is_websocket { key_at(&first, at, direction, source) } else { None };
        if let Some((key, offset)) = key {
            unmask(&mut one, key, offset);
            unmask(&mut other, key, offset);
        }
        if is_plain(&one) && is_plain(&other) {
            let unmasked = if key.is_some_and(|(key, _)| key != [0; 4]) { "unmasked " } else { "" };
            let _ = write!(text, ": {unmasked}\"{}\" and \"{}\"", safe_text(&one), safe_text(&other));
        }
        text + &self.ttl_evidence(direction, captured)
    }
}

/// The masking key for the byte at an offset, and that byte's position in its frame's payload, where the copy consists of
/// complete frames. A key of zeros means that the frame is not masked.
fn key_at(copy: &Held, at: u64, direction: Direction, source: ByteSource<'_>) -> Option<([u8; 4], u64)> {
    let bytes = source.slice(Span { start: copy.address, len: copy.len })?;
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
