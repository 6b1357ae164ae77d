//! How the messages of a connection are spread over time.

use super::Index;
use crate::model::Time;
use crate::store::pages::Pages;
use crate::store::rows::MessageRow;

impl Index {
    /// How many messages of a connection ended in each of `buckets` equal parts of the time from `from` to `to`.
    ///
    /// Times are taken to grow from message to message; where a capture's clock went back, counts are near.
    #[must_use]
    pub fn activity(&self, connection: u32, from: Time, to: Time, buckets: usize) -> Vec<u64> {
        /// Rows that are counted one by one, where they do not stand in the order of time.
        const COUNTED: usize = 1 << 14;
        let messages = self.messages(connection);
        if self.is_tangled(connection, false) && messages.len() - messages.released() <= COUNTED {
            return count_each(messages, from, to, buckets);
        }
        let span = i128::from(to.0) - i128::from(from.0);
        let edge = |bucket: usize| {
            let at = i128::from(from.0) + span * bucket as i128 / buckets.max(1) as i128;
            messages.partition_point(|row| i128::from(row.time.0) < at)
        };
        let mut start = edge(0);
        (1..=buckets)
            .map(|bucket| {
                // The last instant belongs to the last bucket.
                let end = if bucket == buckets {
                    messages.partition_point(|row| row.time.0 <= to.0)
                } else {
                    edge(bucket)
                };
                let count = end.saturating_sub(start) as u64;
                start = end.max(start);
                count
            })
            .collect()
    }
}

/// How many messages ended in each of equal parts of a time, where they do not stand in its order.
fn count_each(messages: &Pages<MessageRow>, from: Time, to: Time, buckets: usize) -> Vec<u64> {
    let mut counts = vec![0; buckets];
    let span = i128::from(to.0) - i128::from(from.0);
    for row in messages.iter().filter(|row| row.time >= from && row.time <= to) {
        let since = i128::from(row.time.0) - i128::from(from.0);
        let bucket = (since * buckets as i128).checked_div(span).unwrap_or(0);
        let last = buckets.saturating_sub(1);
        if let Some(count) = counts.get_mut(usize::try_from(bucket).unwrap_or(last).min(last)) {
            *count += 1;
        }
    }
    counts
}
