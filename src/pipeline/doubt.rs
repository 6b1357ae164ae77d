//! Segments whose TCP checksum is wrong: damaged on the way, or not yet complete where they were captured?

use super::Taken;
use super::ends::End;
use super::live::Live;
use super::sink::Sink;
use super::work::Work;
use crate::model::{Direction, Place, Segment};
use crate::net::{checksum_is_left_to_card, checksum_ok};
use crate::ws::Spot;

impl Live {
    /// Whether a segment is used whose checksum is wrong, which was counted already. If not, it is set aside.
    #[cold]
    pub(super) fn is_used<S: Sink>(
        &mut self,
        from: End,
        segment: &Segment,
        tcp_bytes: &[u8],
        place: Place,
        work: &mut Work<'_, S>,
    ) -> bool {
        let direction = self.direction(from);
        let stream = self.streams.of_mut(from);
        let address = segment.header_at + u64::from(segment.header_len);
        if checksum_is_left_to_card(segment, tcp_bytes) {
            Self::tell_offload(direction, place, work);
        } else if stream.checksums_are_right() {
            stream.set_aside(segment.seq, address, segment.len, place);
            let at = stream.offset(segment.seq);
            self.tell_damaged(from, at, place, work);
            return false;
        } else if stream.first_checksum_was_wrong() {
            // The sender's next segment with payload will tell.
            stream.set_aside(segment.seq, address, segment.len, place);
            return false;
        } else {
            Self::tell_offload(direction, place, work);
        }
        true
    }

    /// What the first segment was whose checksum is wrong, now that its sender's next is there.
    #[cold]
    pub(super) fn settle_doubt<S: Sink>(&mut self, from: End, taken: &Taken<'_>, work: &mut Work<'_, S>) {
        let stream = self.streams.of_mut(from);
        let Some(doubtful) = stream.doubtful() else { return };
        let tcp_bytes = work.bytes.tcp(&taken.segment, taken.bytes).unwrap_or_default();
        match checksum_ok(&taken.segment, tcp_bytes) {
            Some(true) => self.tell_damaged(from, doubtful.at, doubtful.origin, work),
            Some(false) => {
                stream.use_suspects(&work.bytes);
                Self::tell_offload(self.direction(from), doubtful.origin, work);
            }
            None => {}
        }
    }

    fn tell_damaged<S: Sink>(&mut self, from: End, at: u64, place: Place, work: &mut Work<'_, S>) {
        let offset = self.streams.of(from).relative(at);
        self.note(
            &crate::net::rules::BAD_CHECKSUM,
            Some(self.direction(from)),
            Some(offset),
            place,
            format_args!(
                "TCP checksum is wrong while this sender's others are right: the packet is not used"
            ),
            work,
        );
    }

    /// Checksums that offload left wrong are one fact about the capture, told once.
    pub(super) fn tell_offload<S: Sink>(direction: Direction, place: Place, work: &mut Work<'_, S>) {
        let rule = &crate::net::rules::BAD_CHECKSUM;
        if !std::mem::replace(&mut work.totals.offload_told, true) {
            work.totals.findings.add(rule);
            let spot = Spot { direction: Some(direction), place, ..Spot::default() };
            work.sink.finding(None, rule, spot, format_args!(
                "TCP checksum of packet {} is wrong, as all of its sender's are: left to the network card where this was captured; such packets are used",
                place.packet));
        }
    }
}
