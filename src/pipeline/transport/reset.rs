//! RST segments, and the TTL by which a packet that took another way is known.

use super::above::Above;
use super::{Reset, Transport};
use crate::model::{Direction, Segment};
use crate::pipeline::context::{CapturedSegment, Context};
use crate::tcp::{Arrival, rules};

impl Reset {
    /// How its TTL differs from its sender's, as the end of a sentence; empty where it does not.
    pub(crate) fn ttl_evidence(&self) -> String {
        self.ttl.map_or_else(String::new, |(ttl, usual)| {
            format!(
                "; the RST's TTL is {ttl}, that of its sender's first bytes was {usual}: it came another way"
            )
        })
    }
}

impl Transport {
    /// Takes a RST. RFC 9293 section 3.10.7.4: outside the window it is ignored. Its payload is no part of the stream.
    pub(super) fn take_reset(
        &mut self,
        seq: u32,
        captured: &CapturedSegment<'_>,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let (stream, direction) = (self.streams.of(captured.from), self.direction(captured.from));
        let ahead = stream.offset(seq).wrapping_sub(stream.next());
        if stream.is_known() && ahead > 1 << 30 {
            let (behind, ttl) = (ahead.wrapping_neg(), self.ttl_evidence(direction, captured));
            let text = format_args!(
                "RST with a sequence number {behind} bytes before the next one: receivers ignore it{ttl}"
            );
            above.finding(&rules::TCP_RESET_IGNORED, self.spot(captured.from, captured.place), text, context);
        } else if self.reset.is_none() {
            let ttl = self.other_ttl(direction, captured);
            self.reset = Some(Reset { place: captured.place, by: captured.from, ttl });
        }
    }

    /// How a packet's TTL differs from that of its sender's first bytes, as the end of a sentence; empty where it does
    /// not.
    pub(super) fn ttl_evidence(&self, direction: Direction, captured: &CapturedSegment<'_>) -> String {
        self.other_ttl(direction, captured).map_or_else(String::new, |(ttl, usual)| {
            format!("; its TTL is {ttl}, that of this sender's first bytes was {usual}: it came another way")
        })
    }

    /// A packet's TTL, and that of its sender's first bytes, where they differ.
    fn other_ttl(&self, direction: Direction, captured: &CapturedSegment<'_>) -> Option<(u8, u8)> {
        let usual = match direction {
            Direction::ClientToServer => self.usual_ttl.0,
            Direction::ServerToClient => self.usual_ttl.1,
        };
        let ttl = ttl(&captured.segment, captured.packet).filter(|ttl| usual != 0 && *ttl != usual)?;
        Some((ttl, usual))
    }

    /// Remembers the TTL of a sender's first bytes.
    pub(super) fn note_ttl(&mut self, arrival: &Arrival, captured: &CapturedSegment<'_>) {
        if arrival.new == 0 || arrival.conflict.is_some() {
            return;
        }
        let usual = match self.direction(captured.from) {
            Direction::ClientToServer => &mut self.usual_ttl.0,
            Direction::ServerToClient => &mut self.usual_ttl.1,
        };
        if *usual == 0 {
            *usual = ttl(&captured.segment, captured.packet).unwrap_or(0);
        }
    }
}

/// The time to live, or hop limit, of the IP header right before a segment; `None` where there is none.
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
