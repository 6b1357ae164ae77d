//! The figures, computed in steps of a limited number of rows.

use crate::model::{Direction, Histogram, Nanos, PerDirection, Time};
use crate::report::stats::model::Given;
use crate::store::{ConnectionRow, Index, Marks, MessageRow};

/// Number of messages counted in one step.
const STEP: usize = 30_000;
/// Number of connections added up in one step.
const CONNECTIONS: usize = 20_000;

/// A histogram of values: exact to 127, above that to one part in 128.
#[derive(Clone, Debug, Default)]
pub(super) struct ValueHistogram {
    counts: Vec<u32>,
    pub count: u64,
    pub max: u64,
}

impl ValueHistogram {
    pub fn add(&mut self, value: u64) {
        let at = slot(value);
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count = count.saturating_add(1);
        }
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Returns the value that a percentage of the values does not exceed, and whether it is exact.
    pub fn percentile(&self, percent: u64) -> Option<(u64, bool)> {
        let wanted = self.count.saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0u64;
        let at = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })?;
        let (low, high) = values(at);
        // The greatest value is known exactly.
        let last = slot(self.max) == at;
        let alone = last && self.counts.get(at) == Some(&1);
        Some((if last { self.max } else { low }, low == high || alone))
    }
}

/// Returns the slot of a value.
fn slot(value: u64) -> usize {
    if value < 128 {
        return value as usize;
    }
    let octave = value.ilog2() as usize - 7;
    128 + octave * 128 + ((value >> octave) as usize & 127)
}

/// Returns the least and the greatest value of a slot.
fn values(slot: usize) -> (u64, u64) {
    let Some(above) = slot.checked_sub(128) else { return (slot as u64, slot as u64) };
    let (octave, part) = (above / 128, above as u64 % 128);
    let low = (128 + part) << octave;
    // The octave with one value for each slot ends at 255.
    (low, low + ((1u64 << octave) - 1))
}

/// Counts in intervals of equal length. Intervals are merged as time passes.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    pub start: Option<Time>,
    /// The length of an interval, in nanoseconds.
    pub width: i64,
    /// Messages and bytes of each interval.
    pub parts: Vec<(u64, u64)>,
}

impl Traffic {
    /// Maximum number of intervals.
    const MOST: usize = 256;

    fn add(&mut self, time: Time, bytes: u64) {
        let start = *self.start.get_or_insert(time);
        self.width = self.width.max(1_000_000);
        let mut at = time.since(start).max(Nanos::ZERO).0 / self.width;
        while at >= Self::MOST as i64 {
            let parts = self.parts.chunks(2);
            let sum =
                |pair: &[(u64, u64)]| pair.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
            self.parts = parts.map(sum).collect();
            self.width = self.width.saturating_mul(2);
            at = time.since(start).max(Nanos::ZERO).0 / self.width;
        }
        let at = at as usize;
        if self.parts.len() <= at {
            self.parts.resize(at + 1, (0, 0));
        }
        if let Some(part) = self.parts.get_mut(at) {
            part.0 += 1;
            part.1 = part.1.saturating_add(bytes);
        }
    }

    /// Merges intervals into at most `columns`; returns their length in nanoseconds, and their values.
    pub fn columns(&self, columns: usize, of: fn(&(u64, u64)) -> u64) -> (i64, Vec<u64>) {
        let by = self.parts.len().div_ceil(columns.max(1)).max(1);
        let values = self.parts.chunks(by).map(|chunk| chunk.iter().map(of).sum()).collect();
        (self.width.saturating_mul(by as i64), values)
    }
}

/// The scope of the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Over {
    /// One connection.
    Connection(u32),
    /// The complete capture.
    #[default]
    All,
}

/// The sums of a direction, from the counts of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub frames: u64,
    pub messages: u64,
    pub payload: u64,
    pub wire: u64,
    pub inflated: u64,
    pub deflated: u64,
    pub data: u64,
    pub pings: u64,
    pub pongs: u64,
    pub app: u64,
}

/// The sums over connections.
#[derive(Clone, Debug, Default)]
pub(super) struct StatsTotals {
    pub sums: PerDirection<Sums>,
    /// Number of WebSockets that opened, and of those that did not.
    pub opened: u64,
    pub failed: u64,
    /// Complete handshakes: their number, bytes of requests, bytes of responses; and bytes of all handshakes.
    pub heads: (u64, u64, u64),
    pub handshakes: u64,
    /// Nanoseconds that the connections were open, added up.
    pub open_time: u64,
    /// Number of connections with permessage-deflate; and with context takeover, in each direction.
    pub deflate: u64,
    pub takeover: PerDirection<u64>,
    /// Round trips: count, sum, minimum, maximum.
    pub rtt: (u64, i64, i64, i64),
    /// Pings by sender.
    pub pinging: PerDirection<Pinged>,
    pub gaps: (u64, u64),
    pub findings: [u64; 3],
}

/// The pings of one side.
#[derive(Clone, Debug, Default)]
pub struct Pinged {
    pub sent: u64,
    pub missed: u64,
    pub rtt: Histogram,
    pub interval: Histogram,
}

impl StatsTotals {
    fn add(&mut self, row: &ConnectionRow, last: Time) {
        let handshake = &row.handshake;
        let bytes =
            |head: &Option<Box<crate::model::Head>>| head.as_ref().map(|head| u64::from(head.wire_len));
        let (request, response) = (bytes(&handshake.request), bytes(&handshake.response));
        self.handshakes += request.unwrap_or(0) + response.unwrap_or(0);
        if let (Some(request), Some(response), true) = (request, response, handshake.upgraded) {
            let (count, requests, responses) = self.heads;
            self.heads = (count + 1, requests + request, responses + response);
        }
        let state = row.state.map(|state| state.name());
        if matches!(state, Some("refused" | "unanswered")) || !handshake.upgraded {
            self.failed += 1;
            return;
        }
        self.opened += 1;
        for direction in Direction::BOTH {
            let counts = row.counts.of(direction);
            let sums = self.sums.of_mut(direction);
            let of = |counts: &[u64]| counts.iter().fold(0u64, |sum, count| sum.saturating_add(*count));
            for (sum, count) in [
                (&mut sums.frames, counts.frames),
                (&mut sums.messages, counts.messages),
                (&mut sums.payload, counts.payload_bytes),
                (&mut sums.wire, counts.wire_bytes),
                (&mut sums.inflated, counts.inflated_bytes),
                (&mut sums.deflated, counts.deflated_bytes),
                (&mut sums.data, of(&counts.data)),
                (&mut sums.pings, counts.control.get(1).copied().unwrap_or(0)),
                (&mut sums.pongs, counts.control.get(2).copied().unwrap_or(0)),
                (&mut sums.app, *row.app_bytes.of(direction)),
            ] {
                *sum = sum.saturating_add(count);
            }
        }
        let opened = row.response.map_or(row.first.time, |place| place.last.time);
        let until = row.closed.unwrap_or(last);
        self.open_time = self.open_time.saturating_add(until.since(opened).unsigned());
        if let Some(deflate) = &handshake.deflate {
            self.deflate += 1;
            self.takeover.c2s += u64::from(!deflate.client_no_context_takeover);
            self.takeover.s2c += u64::from(!deflate.server_no_context_takeover);
        }
        let rtt = row.rtt;
        if rtt.count > 0 {
            let (count, sum, least, most) = self.rtt;
            let first = count == 0;
            self.rtt = (
                count + rtt.count,
                sum.saturating_add(rtt.sum.0),
                if first { rtt.min.0 } else { least.min(rtt.min.0) },
                if first { rtt.max.0 } else { most.max(rtt.max.0) },
            );
        }
        for by in Direction::BOTH {
            if let Some(pings) = row.end.as_ref().and_then(|end| end.pings.of(by).as_ref()) {
                let sums = self.pinging.of_mut(by);
                sums.sent = sums.sent.saturating_add(pings.sent);
                sums.missed = sums.missed.saturating_add(pings.missed);
                sums.rtt.merge(&pings.rtt);
                sums.interval.merge(&pings.interval);
            }
        }
        self.gaps = (self.gaps.0 + row.gaps.0, self.gaps.1.saturating_add(row.gaps.1));
        for (sum, count) in self.findings.iter_mut().zip(row.findings) {
            *sum += count;
        }
    }

    /// Returns the inputs of the estimate for HTTP; `None` if no complete handshake was captured.
    pub fn given(&self, poll: u64) -> Option<Given> {
        let (whole, request, response) = self.heads;
        let PerDirection { c2s, s2c } = &self.sums;
        let headers = |sums: &Sums| sums.wire.saturating_sub(sums.payload);
        Some(Given {
            request_bytes: request.checked_div(whole)?,
            response_bytes: response.checked_div(whole)?,
            connections: self.opened,
            handshake_bytes: self.handshakes,
            frame_header_bytes: headers(c2s).saturating_add(headers(s2c)),
            sent: c2s.data,
            received: s2c.data,
            open_time: self.open_time,
            poll: poll.max(1),
        })
    }
}

/// All figures.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub over: Over,
    pub totals: StatsTotals,
    /// Application bytes of data messages.
    pub sizes: PerDirection<ValueHistogram>,
    /// Time from a message of the client to the next one of the server, in nanoseconds.
    pub replies: ValueHistogram,
    pub traffic: Traffic,
    /// The longest silence in nanoseconds, and the message that ended it.
    pub silence: (i64, (u32, u64)),
    /// Number of messages counted, and of all.
    pub walked: u64,
    pub all: u64,
    /// The next message: the place of its connection, its place, and the message before it.
    at: (usize, usize),
    before: Option<Time>,
    asked: Option<Time>,
    /// The current connection, and how many had been released when it was reached.
    walking: (u32, u64),
    /// The sums so far, and the place of the next connection.
    summing: Option<(StatsTotals, usize)>,
    /// The state of the sums: connections, frames, messages, whether reading has ended.
    state: Option<(usize, u64, u64, bool)>,
}

impl Figures {
    pub fn new(over: Over) -> Self {
        Self { over, ..Self::default() }
    }

    /// Continues; returns whether something is left to do. `done`: reading has ended.
    pub fn advance(&mut self, index: &Index, done: bool) -> bool {
        let walking = self.walk(index, done);
        self.sum_up(index, done);
        walking || self.summing.is_some()
    }

    fn places(&self, index: &Index) -> (usize, usize) {
        match self.over {
            Over::All => (0, index.connections.len()),
            Over::Connection(number) => match index.place(number) {
                Some(place) => (place, place + 1),
                None => (0, 0),
            },
        }
    }

    /// Adds up the counts of connections if there are new ones.
    fn sum_up(&mut self, index: &Index, done: bool) {
        let state = (index.connections.len(), index.frames, index.messages, done);
        let (from, to) = self.places(index);
        if self.summing.is_none() && self.state != Some(state) {
            self.state = Some(state);
            self.summing = Some((StatsTotals::default(), from));
        }
        let Some((totals, at)) = &mut self.summing else { return };
        let last = index.connections.last().map_or(Time::default(), |row| row.last.time);
        let end = (*at + CONNECTIONS).min(to);
        for row in index.connections.get(*at..end).unwrap_or_default() {
            let last = if matches!(self.over, Over::All) { last.max(row.last.time) } else { row.last.time };
            totals.add(row, last);
        }
        *at = end;
        if end >= to
            && let Some((totals, _)) = self.summing.take()
        {
            self.totals = totals;
        }
    }

    /// Counts messages.
    fn walk(&mut self, index: &Index, done: bool) -> bool {
        let (from, to) = self.places(index);
        if self.walking.1 != index.released.connections {
            // Earlier connections were released: find the current one again, or continue with the next one.
            let here = index.place(self.walking.0);
            let next = || index.connections.iter().position(|row| row.id.0 > self.walking.0);
            let place = here.or_else(next).unwrap_or(to);
            self.at = (place, if here.is_some() { self.at.1 } else { 0 });
            self.walking.1 = index.released.connections;
            self.summing = None;
        }
        self.at.0 = self.at.0.max(from);
        self.all = match self.over {
            Over::All => index.messages,
            Over::Connection(number) => index.messages(number).len() as u64,
        };
        let mut left = STEP;
        while left > 0 && self.at.0 < to {
            let Some(row) = index.connections.get(self.at.0) else { break };
            let number = row.id.0;
            self.walking.0 = number;
            let messages = index.messages(number);
            // Messages that were released before they were counted are left out.
            self.at.1 = self.at.1.max(messages.released());
            let (start, end) = (self.at.1, messages.len().min(self.at.1 + left));
            for message in messages.range(start..end) {
                // Wait for an incomplete message while the connection is open.
                if message.marks.has(Marks::UNFINISHED) && !done && row.state.is_none() {
                    return false;
                }
                self.at.1 += 1;
                self.message(number, self.at.1 as u64, message);
                self.walked += 1;
            }
            left -= (end - start).min(left);
            if self.at.1 < messages.len() {
                return true;
            }
            // The last connection may still grow.
            let over = done || row.state.is_some();
            if !over {
                return false;
            }
            self.at = (self.at.0 + 1, 0);
            (self.before, self.asked) = (None, None);
            left = left.saturating_sub(16);
        }
        self.at.0 < to
    }

    fn message(&mut self, connection: u32, number: u64, message: &MessageRow) {
        if message.frames == 0 {
            return; // Its frames are unknown.
        }
        self.traffic.add(message.time, message.wire);
        if let Some(before) = self.before {
            let silence = message.time.since(before);
            if silence.0 > self.silence.0 {
                self.silence = (silence.0, (connection, number));
            }
        }
        self.before = Some(self.before.map_or(message.time, |before| before.max(message.time)));
        if message.opcode & 8 != 0 {
            return;
        }
        if let Some(len) = message.len() {
            self.sizes.of_mut(message.direction()).add(len);
        }
        match message.direction() {
            Direction::ClientToServer => self.asked = Some(message.time),
            Direction::ServerToClient => {
                if let Some(after) = self.asked.take().and_then(|asked| message.time.elapsed_since(asked)) {
                    self.replies.add(after.0.unsigned_abs());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn percentiles_are_near_those_of_the_sorted_list(
            mut values in prop::collection::vec(prop_oneof![0u64..300, 0u64..1_000_000, any::<u64>()], 1..200),
            percent in 1u64..=100,
        ) {
            let mut histogram = ValueHistogram::default();
            values.iter().for_each(|value| histogram.add(*value));
            values.sort_unstable();
            let at = (values.len() as u64 * percent).div_ceil(100).max(1) as usize - 1;
            let (found, exact) = histogram.percentile(percent).unwrap();
            prop_assert!(found <= values[at] || slot(found) == slot(values[at]));
            prop_assert!(found.abs_diff(values[at]) <= values[at] / 128, "{found} {}", values[at]);
            prop_assert!(!exact || found == values[at]);
            prop_assert_eq!(histogram.percentile(100).map(|(value, _)| value), values.last().copied());
        }

        #[test]
        fn every_value_is_in_its_slot(value in any::<u64>()) {
            let (low, high) = values(slot(value));
            prop_assert!((low..=high).contains(&value));
        }

        #[test]
        fn no_message_is_lost_when_time_goes_on(times in prop::collection::vec(0i64..1_000_000_000_000, 1..300), columns in 1usize..100) {
            let mut traffic = Traffic::default();
            for time in &times {
                traffic.add(Time(*time), 2);
            }
            prop_assert!(traffic.parts.len() <= Traffic::MOST);
            let (_, values) = traffic.columns(columns, |part| part.0);
            prop_assert!(values.len() <= columns);
            prop_assert_eq!(values.iter().sum::<u64>(), times.len() as u64);
        }
    }
}
