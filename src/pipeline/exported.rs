//! Bytes that were exported without their TCP headers: they get the numbers that they would have had.
//!
//! They come in the order of their streams. What Wireshark put together from several segments comes once more as a whole, behind
//! the part that it exported before.

use super::Pipeline;
use super::application::starts_here;
use super::connections::Stage;
use super::context::ByteSource;
use crate::model::{Bytes, Flags, Place, Segment, low_u32};

impl Pipeline {
    /// Numbers the bytes of a segment that has no TCP header.
    #[cold]
    pub(super) fn number(&mut self, segment: &mut Segment, bytes: &[u8], place: Place, capture: &dyn Bytes) {
        let (index, from) = self.connections.find(segment, place.time);
        let source = ByteSource { capture, decoder: &self.decoder };
        let Some(slot) = self.connections.slot(index) else { return };
        let is_numbered = segment.flags.has(Flags::ACK);
        let payload = bytes.get(segment.below_len as usize..).unwrap_or_default();
        match &mut slot.stage {
            Stage::HalfOpen(half_open) => {
                if !is_numbered {
                    (segment.seq, segment.ack) = (1, 1);
                }
                // A request begins the connection: nothing came before it.
                if starts_here(payload).is_some() {
                    half_open.set_first(from, segment.seq);
                    half_open.set_first(from.other(), segment.ack);
                }
            }
            Stage::Followed(connection) if !is_numbered => {
                let again = connection.exported_again(from, payload, &source);
                let streams = &connection.transport.streams;
                segment.seq = streams.of(from).end_seq().wrapping_sub(low_u32(again));
                segment.ack = streams.of(from.other()).next_seq();
            }
            _ => {}
        }
        segment.flags.0 |= Flags::ACK;
    }
}
