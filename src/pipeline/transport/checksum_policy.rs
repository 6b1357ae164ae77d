//! Segments whose TCP checksum is wrong: damaged on the way, or captured before the network card completed them?

use super::Transport;
use super::above::Above;
use crate::model::{Place, Segment};
use crate::net::rules::BAD_CHECKSUM;
use crate::net::{checksum_is_left_to_card, checksum_ok};
use crate::pipeline::context::{CapturedSegment, Context};
use crate::pipeline::sides::Side;

impl Transport {
    /// Whether a segment's checksum is wrong, where this sender's checksums mean anything. Counts it.
    #[inline]
    pub(crate) fn checksum_is_wrong(&mut self, from: Side, segment: &Segment, tcp: &[u8]) -> bool {
        let stream = self.streams.of_mut(from);
        if !stream.checksums_tell() {
            return false;
        }
        match checksum_ok(segment, tcp) {
            Some(true) => stream.count_checksum(true),
            Some(false) => {
                stream.count_checksum(false);
                return true;
            }
            None => {}
        }
        false
    }

    /// Whether a segment is used although its checksum is wrong. If not, it is set aside.
    #[cold]
    pub(crate) fn uses_wrong_checksum(
        &mut self,
        from: Side,
        segment: &Segment,
        tcp: &[u8],
        place: Place,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) -> bool {
        let stream = self.streams.of_mut(from);
        let address = segment.header_at + u64::from(segment.header_len);
        if checksum_is_left_to_card(segment, tcp) {
            self.report_offload(from, place, context);
        } else if stream.checksums_are_right() {
            stream.set_aside(segment.seq, address, segment.len, place);
            let at = stream.offset(segment.seq);
            self.report_damage(from, at, place, above, context);
            return false;
        } else if stream.first_checksum_was_wrong() {
            // The sender's next segment with payload decides.
            stream.set_aside(segment.seq, address, segment.len, place);
            return false;
        } else {
            self.report_offload(from, place, context);
        }
        true
    }

    /// Decides what the first segment with a wrong checksum was, now that its sender's next one has arrived.
    #[cold]
    pub(super) fn settle_doubt(
        &mut self,
        captured: &CapturedSegment<'_>,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let from = captured.from;
        let stream = self.streams.of_mut(from);
        let Some(doubtful) = stream.doubtful() else { return };
        let tcp = context.bytes.tcp(&captured.segment, captured.packet).unwrap_or_default();
        match checksum_ok(&captured.segment, tcp) {
            Some(true) => self.report_damage(from, doubtful.at, doubtful.origin, above, context),
            Some(false) => {
                stream.use_suspects(&context.bytes);
                self.report_offload(from, doubtful.origin, context);
            }
            None => {}
        }
    }

    fn report_damage(
        &mut self,
        from: Side,
        at: u64,
        place: Place,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        let spot = self.spot(from, place).with_offset(self.streams.of(from).relative(at));
        let text = format_args!(
            "TCP checksum is wrong while this sender's others are right: the packet is not used"
        );
        above.finding(&BAD_CHECKSUM, spot, text, context);
    }

    /// Reports once for the capture that checksums are left to the network card.
    #[cold]
    pub(super) fn report_offload(&self, from: Side, place: Place, context: &mut Context<'_>) {
        if !std::mem::replace(&mut context.totals.offload_reported, true) {
            context.totals.findings.add(&BAD_CHECKSUM);
            let text = format_args!(
                "TCP checksum of packet {} is wrong, as all of its sender's are: left to the network card where this was captured; such packets are used",
                place.packet
            );
            context.sink.finding(None, &BAD_CHECKSUM, self.spot(from, place), text);
        }
    }
}
