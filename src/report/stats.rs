//! What a capture holds, in numbers: bytes, messages, sizes, round trips, and what HTTP would have cost.
//!
//! | file | what it makes |
//! | --- | --- |
//! | `text` | the report for people |
//! | `json` | the same as one JSON object |
//! | [`model`] | the estimate for HTTP |
//!
//! All of it comes from a connection's counts at its end: a frame or a message costs nothing here.

mod json;
mod keep_alive;
pub mod model;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::io::{self, Write};

use super::Summary;
use super::table::TableStyle;
use crate::autopsy::EndFacts;
use crate::filter::Matcher;
use crate::model::{Direction, Head, Lang, PerDirection, Rule, Time};
use crate::pipeline::{Connection, Ended, Sink, State, Wants};
use crate::ws::{Counts, FrameEvent, MessageEvent, Rtt, Spot};
use keep_alive::KeepAlive;

use model::{Estimate, Given};

/// States in the order in which they are told.
const STATES: [State; 6] =
    [State::Closed, State::Reset, State::Open, State::TimedOut, State::Refused, State::Unanswered];
/// Size classes: 0, 1, 2 to 3, 4 to 7 and so on.
const SIZES: usize = 24;
/// Different close codes that are counted on their own. There are not that many but in attacks.
const CODES: usize = 1000;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct StatsOptions {
    /// Connections that are listed, those with most messages first.
    pub top: usize,
    /// Only these WebSockets; all where it is empty. The capture's own numbers are of all of it.
    pub connections: Vec<u32>,
    /// Only WebSockets that match; made for rows of connections.
    pub filter: Option<Box<Matcher>>,
    /// Nanoseconds between two requests of the estimate for polling.
    pub poll: u64,
}

impl Default for StatsOptions {
    fn default() -> Self {
        Self { top: 10, connections: Vec::new(), filter: None, poll: 1_000_000_000 }
    }
}

/// A number of a direction.
type Count = fn(&Sums) -> u64;

/// Sums of one direction.
#[derive(Clone, Debug, Default)]
struct Sums {
    frames: u64,
    messages: u64,
    payload: u64,
    wire: u64,
    inflated: u64,
    deflated: u64,
    /// Text, binary, reserved.
    data: [u64; 3],
    /// Close, ping, pong, reserved.
    control: [u64; 4],
    sizes: [u64; SIZES],
}

impl Sums {
    fn add(&mut self, counts: &Counts) {
        let pairs = [
            (&mut self.frames, counts.frames),
            (&mut self.messages, counts.messages),
            (&mut self.payload, counts.payload_bytes),
            (&mut self.wire, counts.wire_bytes),
            (&mut self.inflated, counts.inflated_bytes),
            (&mut self.deflated, counts.deflated_bytes),
        ];
        let classes = self.data.iter_mut().zip(counts.data);
        let classes = classes.chain(self.control.iter_mut().zip(counts.control));
        let classes = classes.chain(self.sizes.iter_mut().zip(counts.sizes.map(u64::from)));
        for (sum, count) in pairs.into_iter().chain(classes) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Header bytes of frames.
    fn headers(&self) -> u64 {
        self.wire.saturating_sub(self.payload)
    }

    /// Messages that are no control frames.
    fn data(&self) -> u64 {
        self.data.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// One of the connections that are listed.
#[derive(Clone, Debug)]
struct Top {
    number: u32,
    /// Its name for people.
    name: String,
    url: Option<Box<str>>,
    state: State,
    opened: Time,
    closed: Option<Time>,
    messages: PerDirection<u64>,
    frames: PerDirection<u64>,
    payload: PerDirection<u64>,
    rtt: Rtt,
}

impl Top {
    fn messages(&self) -> u64 {
        self.messages.c2s.saturating_add(self.messages.s2c)
    }
}

/// Bytes of HTTP heads.
#[derive(Clone, Copy, Debug, Default)]
struct Heads {
    /// Handshakes that opened a WebSocket and were captured as a whole.
    whole: u64,
    /// Bytes of their requests and responses.
    request: u64,
    response: u64,
    /// All bytes of handshakes, those of others included.
    all: u64,
}

/// Gathers the numbers.
#[derive(Debug)]
pub struct Stats {
    options: StatsOptions,
    sums: PerDirection<Sums>,
    states: [u64; STATES.len()],
    heads: Heads,
    /// Connections that agreed on permessage-deflate.
    deflate: u64,
    rtt: Rtt,
    /// Connections by the code of their first Close: `None` without a code.
    codes: BTreeMap<Option<u16>, u64>,
    /// Opened connections that ended without a Close.
    without_close: u64,
    /// Pings, heartbeats, and how connections ended.
    keep_alive: KeepAlive,
    /// Nanoseconds that closed connections were open.
    open_time: u64,
    /// When connections opened that are still open.
    still_open: Vec<Time>,
    top: Vec<Top>,
    /// Of the first and the last packet, as far as somebody told.
    times: Option<(Time, Option<Time>)>,
}

impl Stats {
    /// With nothing gathered yet.
    #[must_use]
    pub fn new(options: StatsOptions) -> Self {
        Self {
            options,
            sums: PerDirection::default(),
            states: [0; STATES.len()],
            heads: Heads::default(),
            deflate: 0,
            rtt: Rtt::default(),
            codes: BTreeMap::new(),
            without_close: 0,
            keep_alive: KeepAlive::default(),
            open_time: 0,
            still_open: Vec::new(),
            top: Vec::new(),
            times: None,
        }
    }

    /// The time of the capture's last packet, for rates and for connections that stay open.
    pub fn set_last(&mut self, last: Time) {
        let first = self.times.map_or(last, |(first, _)| first);
        self.times = Some((first, Some(last.max(first))));
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_text(&self, out: &mut dyn Write, summary: &Summary, look: &TableStyle) -> io::Result<()> {
        let mut bytes = Vec::new();
        text::write(&mut bytes, self, summary, look);
        out.write_all(&bytes)
    }

    /// Writes the numbers as one JSON object in a line of its own.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json(&self, out: &mut dyn Write, summary: &Summary) -> io::Result<()> {
        let mut bytes = Vec::new();
        json::write(&mut bytes, self, summary);
        out.write_all(&bytes)
    }

    /// Connections that were counted, and those of which it is not known whether they match.
    #[must_use]
    pub fn matched(&self) -> (u64, u64) {
        let undecided = self.options.filter.as_ref().map_or(0, |filter| filter.undecided());
        (self.states.iter().sum(), undecided)
    }

    fn shows(&self, connection: &Connection) -> bool {
        let wanted = &self.options.connections;
        wanted.is_empty() || wanted.contains(&connection.id.0)
    }

    fn add_heads(&mut self, connection: &Connection) {
        let len = |head: &Option<Box<Head>>| head.as_ref().map(|head| u64::from(head.wire_len));
        let (request, response) = (len(&connection.handshake.request), len(&connection.handshake.response));
        let heads = &mut self.heads;
        heads.all += request.unwrap_or(0) + response.unwrap_or(0);
        if let (Some(request), Some(response), true) = (request, response, connection.handshake.upgraded) {
            heads.whole += 1;
            heads.request += request;
            heads.response += response;
        }
    }

    /// Keeps a connection if it is among those with most messages.
    fn rank(&mut self, top: Top) {
        let place = self.top.partition_point(|other| other.messages() >= top.messages());
        if place < self.options.top {
            self.top.truncate(self.options.top - 1);
            self.top.insert(place, top);
        }
    }

    /// Nanoseconds of the capture; `None` where nobody said.
    fn duration(&self) -> Option<u64> {
        self.times.and_then(|(first, last)| Some(last?.since(first).unsigned()))
    }

    /// Nanoseconds that connections were open, all together.
    fn open_time(&self) -> u64 {
        let Some((_, Some(last))) = self.times else { return self.open_time };
        self.still_open
            .iter()
            .map(|opened| last.since(*opened).unsigned())
            .fold(self.open_time, u64::saturating_add)
    }

    /// Connections that opened.
    fn opened(&self) -> u64 {
        STATES
            .iter()
            .zip(self.states)
            .filter(|(state, _)| !matches!(state, State::Refused | State::Unanswered))
            .map(|(_, count)| count)
            .sum()
    }

    /// What HTTP would have cost; `None` where no whole handshake was captured to measure heads by.
    #[must_use]
    pub fn estimate(&self) -> Option<Estimate> {
        let whole = self.heads.whole;
        Some(Estimate::of(&Given {
            request_bytes: self.heads.request.checked_div(whole)?,
            response_bytes: self.heads.response.checked_div(whole)?,
            connections: self.opened(),
            handshake_bytes: self.heads.all,
            frame_header_bytes: self.sums.c2s.headers().saturating_add(self.sums.s2c.headers()),
            sent: self.sums.c2s.data(),
            received: self.sums.s2c.data(),
            open_time: self.open_time(),
            poll: self.options.poll.max(1),
        }))
    }
}

impl Sink for Stats {
    fn wants(&self) -> Wants {
        // Whether a connection matches is known at its end only.
        Wants { heads: self.options.filter.is_some(), ..Wants::default() }
    }

    fn begins(&mut self, first: Time) {
        self.times = Some((first, None));
        if let Some(filter) = &mut self.options.filter {
            filter.begins(first);
        }
    }

    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        if let Some(filter) = &mut self.options.filter {
            filter.frame(connection, frame);
        }
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        if let Some(filter) = &mut self.options.filter {
            filter.message(connection, message);
        }
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        if let Some(filter) = &mut self.options.filter {
            filter.finding(connection, rule, spot, text);
        }
    }

    fn opened(&mut self, connection: &Connection) {
        if self.options.filter.is_none() && self.shows(connection) {
            self.add_heads(connection);
        }
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        let connection = ended.connection;
        if !self.shows(connection) {
            return;
        }
        if let Some(filter) = &mut self.options.filter {
            if !filter.ended(ended) {
                return;
            }
            if ended.socket.is_some() {
                self.add_heads(connection);
            }
        }
        if let Some(count) =
            STATES.iter().position(|s| *s == ended.state).and_then(|i| self.states.get_mut(i))
        {
            *count += 1;
        }
        self.keep_alive.add(&EndFacts::of(ended));
        let Some(socket) = ended.socket else {
            // Its heads were not told before.
            return self.add_heads(connection);
        };
        for direction in Direction::BOTH {
            self.sums.of_mut(direction).add(socket.counts(direction));
        }
        self.deflate += u64::from(connection.handshake.deflate.is_some());
        let rtt = socket.rtt();
        if rtt.count > 0 {
            let all = &mut self.rtt;
            let first = all.count == 0;
            all.min = if first { rtt.min } else { all.min.min(rtt.min) };
            all.max = if first { rtt.max } else { all.max.max(rtt.max) };
            all.count += rtt.count;
            all.sum = all.sum.plus(rtt.sum);
        }
        match socket.closing() {
            Some(closing) if self.codes.len() < CODES || self.codes.contains_key(&closing.code) => {
                *self.codes.entry(closing.code).or_default() += 1;
            }
            None if matches!(ended.state, State::Closed | State::Reset) => self.without_close += 1,
            _ => {}
        }
        let opened = connection.response.map_or(connection.first.time, |place| place.last.time);
        match ended.closed {
            Some(closed) => {
                let time = closed.since(opened).unsigned();
                self.open_time = self.open_time.saturating_add(time);
            }
            None => self.still_open.push(opened),
        }
        let each = |of: fn(&Counts) -> u64| PerDirection {
            c2s: of(socket.counts(Direction::ClientToServer)),
            s2c: of(socket.counts(Direction::ServerToClient)),
        };
        let messages = each(|counts| counts.messages);
        let total = messages.c2s.saturating_add(messages.s2c);
        if self.options.top > self.top.len() || self.top.last().is_some_and(|last| last.messages() < total) {
            self.rank(Top {
                number: connection.id.0,
                name: connection.name(Lang::En).into_owned(),
                url: connection.url.clone(),
                state: ended.state,
                opened,
                closed: ended.closed,
                messages,
                frames: each(|counts| counts.frames),
                payload: each(|counts| counts.payload_bytes),
                rtt,
            });
        }
    }
}
