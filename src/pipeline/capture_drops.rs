//! When the capture dropped packets: gaps of that time are the capture's own, and no peer's.

use std::collections::VecDeque;

use crate::model::{Loss, Time};

/// Periods that are remembered; adjacent ones count as one.
const MAX_PERIODS: usize = 256;

/// The periods in which the capture dropped packets.
#[derive(Debug, Default)]
pub(super) struct CaptureDrops {
    spans: VecDeque<(Time, Time)>,
}

impl CaptureDrops {
    pub(super) fn note(&mut self, loss: &Loss) {
        if let Some((from, until)) = self.spans.back_mut()
            && loss.from <= *until
            && loss.until >= *from
        {
            (*from, *until) = ((*from).min(loss.from), (*until).max(loss.until));
            return;
        }
        if self.spans.len() >= MAX_PERIODS {
            self.spans.pop_front();
        }
        self.spans.push_back((loss.from, loss.until));
    }

    /// Whether packets were dropped at some time between these two.
    pub(super) fn between(&self, from: Time, until: Time) -> bool {
        self.spans.iter().any(|(lost_from, lost_until)| *lost_from <= until && *lost_until >= from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_the_captures_where_its_time_meets_that_of_a_loss() {
        let mut lost = CaptureDrops::default();
        let loss = |from, until| Loss { from: Time(from), until: Time(until), ..Loss::default() };
        assert!(!lost.between(Time(0), Time(i64::MAX)));
        lost.note(&loss(100, 200));
        lost.note(&loss(200, 300));
        lost.note(&loss(500, 600));
        assert_eq!(lost.spans.len(), 2);
        for (from, until, is) in
            [(0, 99, false), (0, 100, true), (250, 260, true), (301, 499, false), (600, 700, true)]
        {
            assert_eq!(lost.between(Time(from), Time(until)), is, "{from}..{until}");
        }
        for at in 0..10_000 {
            lost.note(&loss(1000 + 10 * at, 1001 + 10 * at));
        }
        assert_eq!(lost.spans.len(), MAX_PERIODS);
    }
}
