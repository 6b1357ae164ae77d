//! The table for people: a line for each connection as it opens, a row for each message or frame.
//!
//! | file | what it makes |
//! | --- | --- |
//! | `lead` | what a row begins with: connection, number, time, time since the row before |
//! | `rows` | rows of messages and frames |
//! | `connections` | lines about connections |
//! | `fit` | captured text, made safe and cut to the columns that are left |
//! | `clip` | lines that are still too wide, cut |
//!
//! Rows are written as they become certain; nothing but what still waits for its turn is kept.

mod clip;
mod connections;
mod fit;
mod lead;
mod rows;
#[cfg(test)]
mod tests;

pub use rows::doubt;

use std::collections::VecDeque;
use std::fmt::{self, Arguments};
use std::io::{self, Write};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use jiff::tz::TimeZone;

use super::{Levels, Ordered, PayloadMode, Report, Selection, Summary};
use crate::filter::Level;
use crate::model::{Direction, PerDirection, Rule, Severity, Time};
use crate::pipeline::{Connection, Ended, SealedTls, Sink, Totals, Wants};
use crate::present::{Role, Style, units};
use crate::ws::{FrameEvent, MessageEvent, Opcode, Spot};

use clip::Clip;
use fit::Wrapped;
use lead::{Layout, Margin, Tag, Titles};
use rows::{RowFacts, RowWriter};

/// Fewer columns than this are taken for this many; what is wider is cut.
const LEAST_COLUMNS: usize = 40;
/// With fewer columns, there are only those that matter most.
const SLIM: usize = 64;
/// As [`SLIM`], for frames.
const SLIM_FRAMES: usize = 80;
/// With fewer columns, those that matter less are left out.
const WIDE: usize = 100;
/// Pings of a side that may wait for their pong.
const PINGS: usize = 64;

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since the capture's first packet.
    #[default]
    Rel,
    /// Time of day in [`TableStyle::zone`].
    Abs,
    /// Time of day in UTC.
    Utc,
    /// Seconds since 1970.
    Epoch,
    /// Seconds since the row before, of whatever connection.
    Delta,
}

/// How a table looks.
#[derive(Clone, Debug)]
pub struct TableStyle {
    /// Whether roles are shown by colour and weight.
    pub color: bool,
    /// Columns to fit in; `None` where nothing is to be cut, as into a file.
    pub columns: Option<usize>,
    /// How times are shown.
    pub time: TimeFormat,
    /// The time zone of [`TimeFormat::Abs`].
    pub zone: TimeZone,
    /// Our own signs in ASCII only; captured text stays as it is.
    pub ascii: bool,
}

impl Default for TableStyle {
    fn default() -> Self {
        Self { color: false, columns: None, time: TimeFormat::Rel, zone: TimeZone::UTC, ascii: false }
    }
}

impl TableStyle {
    /// Colour and columns.
    pub(super) fn style(&self) -> Style {
        Style { color: self.color, columns: self.columns }
    }
}

/// What a table shows, and what there was.
#[derive(Clone, Debug, Default)]
pub struct TableTotals {
    /// Rows written.
    pub rows: u64,
    /// All connections, messages, frames and findings of the capture.
    pub totals: Totals,
    /// What a row was.
    pub level: Levels,
}

impl TableTotals {
    /// Of a table whose report matched `rows`.
    #[must_use]
    pub fn new(rows: u64, level: Levels, summary: &Summary) -> Self {
        Self { rows, totals: summary.totals.clone(), level }
    }
}

impl fmt::Display for TableTotals {
    /// `19 messages, 22 frames, 1 connection; 3 findings (3 notes)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        let mut out = Vec::new();
        let all = match self.level {
            Levels::MESSAGES => totals.messages,
            Levels::FRAMES => totals.frames,
            Levels::CONNECTIONS => totals.websockets,
            _ => self.rows,
        };
        if self.rows != all {
            units::grouped(&mut out, self.rows);
            out.extend_from_slice(b" shown of ");
        }
        let counts = [
            (totals.messages, "message", Levels::MESSAGES),
            (totals.frames, "frame", Levels::FRAMES),
            (totals.websockets, "connection", Levels::CONNECTIONS),
        ];
        // What a row is comes first.
        let (first, others): (Vec<_>, Vec<_>) =
            counts.into_iter().partition(|(_, _, level)| *level == self.level);
        for (i, (count, name, _)) in first.into_iter().chain(others).enumerate() {
            out.extend_from_slice(if i > 0 { b", " } else { b"" });
            units::counted(&mut out, count, name);
        }
        if totals.gap_bytes > 0 {
            out.extend_from_slice(b"; ");
            units::counted(&mut out, totals.gap_bytes, "byte");
            out.extend_from_slice(b" missing from the capture");
        }
        let findings = totals.findings.total();
        out.extend_from_slice(b"; ");
        units::counted(&mut out, findings, "finding");
        for (i, (severity, name)) in
            [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "info")]
                .into_iter()
                .filter(|(severity, _)| totals.findings.of(*severity) > 0)
                .enumerate()
        {
            out.extend_from_slice(if i == 0 { b" (" } else { b", " });
            units::counted(&mut out, totals.findings.of(severity), name);
        }
        out.extend_from_slice(if findings > 0 { b")" } else { b"" });
        f.write_str(std::str::from_utf8(&out).unwrap_or_default())
    }
}

/// What has to be remembered of a connection to explain its later rows.
#[derive(Debug, Default)]
struct Talk {
    /// The first Close that was certain: its side, number, packet.
    close: Option<(Direction, u64, u64)>,
    pings: PerDirection<VecDeque<Ping>>,
    /// The last message of each side that a finding was about.
    flagged: PerDirection<u64>,
}

#[derive(Debug)]
struct Ping {
    number: u64,
    time: Time,
    len: usize,
    head: [u8; 8],
}

/// The beginning of a ping's payload, enough to tell pings of one moment apart.
fn head(bytes: &[u8]) -> [u8; 8] {
    let mut head = [0; 8];
    head.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    head
}

impl Talk {
    /// Bytes of memory beside itself.
    fn size(&self) -> usize {
        (self.pings.c2s.capacity() + self.pings.s2c.capacity()) * size_of::<Ping>()
    }

    /// Which message a control frame answers.
    fn control(&mut self, message: &MessageEvent<'_>) -> Option<u64> {
        let direction = message.direction;
        match message.opcode {
            Opcode::Close => match self.close {
                // The first to be certain need not be the first that was sent.
                Some((by, number, packet)) if by != direction => {
                    (message.last.packet >= packet).then_some(number)
                }
                Some(_) => None,
                None => {
                    self.close = Some((direction, message.number, message.last.packet));
                    None
                }
            },
            Opcode::Ping => {
                let pings = self.pings.of_mut(direction);
                if pings.len() == PINGS {
                    pings.pop_front();
                }
                let (time, len) = (message.last.time, message.bytes.len());
                pings.push_back(Ping { number: message.number, time, len, head: head(message.bytes) });
                None
            }
            Opcode::Pong => {
                let sent = Time(message.last.time.since(Time(message.rtt?.0)).0);
                let (len, head) = (message.bytes.len(), head(message.bytes));
                let pings = self.pings.of_mut(direction.opposite());
                let at = pings
                    .iter()
                    .position(|ping| ping.time == sent && ping.len == len && ping.head == head)?;
                pings.drain(..=at).next_back().map(|ping| ping.number)
            }
            _ => None,
        }
    }
}

/// Writes a table.
#[derive(Debug)]
pub struct Table<W> {
    out: Ordered<Clip<W>, Margin>,
    selection: Selection,
    look: TableStyle,
    layout: Layout,
    talks: HashMap<u32, Talk, RandomState>,
    /// Bytes of the pings in them.
    pings: usize,
    /// The connection of which lines were written, while there is only one.
    only: Option<u32>,
    /// With a filter, the connections of which lines were written and that go on.
    opened: HashSet<u32, RandomState>,
    scratch: Vec<u8>,
    rows: u64,
}

impl<W: Write> Table<W> {
    /// A table to `out`. `flush_each`: every row is passed on at once, for live output.
    pub fn new(out: W, selection: Selection, look: TableStyle, flush_each: bool) -> Self {
        let mut look = look;
        let frames = selection.levels == Levels::FRAMES;
        let slim = |columns: &usize| *columns < if frames { SLIM_FRAMES } else { SLIM };
        let clip = Clip::new(out, look.columns.filter(slim), look.ascii);
        look.columns = look.columns.map(|columns| columns.max(LEAST_COLUMNS));
        let titles = match selection.levels {
            Levels::CONNECTIONS => Titles::Connections(connections::url_width(look.columns)),
            Levels::FRAMES => Titles::Frames,
            _ => Titles::Messages,
        };
        let layout = Layout {
            connection: 0,
            number: 3,
            time: 8,
            decimals: 6,
            length: 6,
            wire: 4,
            narrow: look.columns.is_some_and(|columns| columns < WIDE),
            slim: look.columns.as_ref().is_some_and(slim),
        };
        Self {
            out: Ordered::with_lead(clip, Margin::new(&look, titles), flush_each),
            selection,
            look,
            layout,
            talks: HashMap::default(),
            pings: 0,
            only: None,
            opened: HashSet::default(),
            scratch: Vec::new(),
            rows: 0,
        }
    }

    fn starts(&mut self, connection: &Connection) {
        self.out.lead_mut().start.get_or_insert(connection.first.time);
    }

    /// The line about a connection, before all rows of it.
    fn opens(&mut self, connection: &Connection) {
        self.shows(connection.id.0);
        let Self { out, look, .. } = self;
        out.tagged(connection.first.packet, Tag::Line, |out| connections::head(out, look, connection, None));
    }

    /// As [`opens`](Self::opens), once the first row is chosen by a filter.
    fn opens_late(&mut self, connection: &Connection) {
        if self.selection.filter.is_some() && self.heads() && self.opened.insert(connection.id.0) {
            self.opens(connection);
        }
    }

    /// Whether lines about connections stand between the rows.
    fn heads(&self) -> bool {
        matches!(self.selection.levels, Levels::MESSAGES | Levels::FRAMES | Levels::ALL)
    }

    /// Notes that a connection has lines: from the second on, rows say whose they are.
    fn shows(&mut self, connection: u32) {
        if *self.only.get_or_insert(connection) != connection {
            self.layout.connection = self.layout.connection.max(units::digits(connection.into())).max(4);
        }
    }

    /// Widens the columns that every row has.
    #[inline]
    fn widen(&mut self, number: u64, time: Time, length: u64, wire: u64) {
        if time.0 % 1000 != 0 {
            self.layout.decimals = 9;
        }
        let time = self.out.lead_mut().time_width(time, self.layout.decimals);
        let layout = &mut self.layout;
        layout.number = layout.number.max(units::digits(number));
        layout.time = layout.time.max(time);
        layout.length = layout.length.max(units::digits(length).min(units::LENGTH));
        layout.wire = layout.wire.max(units::digits(wire).min(units::LENGTH));
    }

    /// Columns before the arrow of a row that `packet` completes.
    #[inline]
    fn lead(&self, packet: u64) -> usize {
        // Before its turn comes, a second connection may open.
        let reserve = if self.out.waits(packet) { self.layout.connection.max(4) } else { 0 };
        self.layout.lead(reserve)
    }
}

impl<W: Write> Report for Table<W> {
    fn failed(&self) -> bool {
        self.out.failed()
    }

    fn matched(&self) -> u64 {
        self.rows
    }

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn finish(self, _: &Summary) -> io::Result<()> {
        self.out.finish().map(|_| ())
    }
}

impl<W: Write> Sink for Table<W> {
    /// Times are counted from here. Where nobody says, the first connection's first packet counts.
    fn begins(&mut self, first: Time) {
        self.selection.begins(first);
        self.out.lead_mut().start = Some(first);
    }

    fn held(&self) -> u64 {
        (self.talks.capacity() * size_of::<(u32, Talk)>() + self.pings) as u64
    }

    fn wants(&self) -> Wants {
        Wants {
            heads: self.selection.needs_heads(),
            sealed: self.selection.shows_sealed(),
            ..Wants::default()
        }
    }

    fn sealed(&mut self, sealed: &SealedTls) {
        if self.selection.shows_sealed() {
            let Self { out, look, .. } = self;
            out.tagged(u64::MAX - 1, Tag::Line, |out| connections::sealed(out, look, sealed));
        }
    }

    fn opened(&mut self, connection: &Connection) {
        if !self.selection.shows_connection(connection.id.0) {
            return;
        }
        self.starts(connection);
        // With a filter, only once a row of it is chosen.
        if self.heads() && self.selection.filter.is_none() {
            self.opens(connection);
        }
    }

    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        if !self.selection.frame(connection, frame) {
            return;
        }
        self.opens_late(connection);
        self.rows += 1;
        let all = self.selection.levels == Levels::ALL;
        let time = frame.last.time;
        self.widen(
            if all { 0 } else { frame.number },
            time,
            frame.header.payload_len,
            if all { frame.header.payload_len.saturating_add(14) } else { 0 },
        );
        let lead = self.lead(frame.last.packet);
        let Self { out, selection, look, layout, scratch, .. } = self;
        let number = (!all).then_some(frame.number);
        let tag = Tag::Row { connection: connection.id.0, number, time, layout: *layout };
        let longest = selection.longest.unwrap_or(usize::MAX);
        let rows = RowWriter { look, layout, payload: selection.payload, longest, lead };
        out.tagged(frame.last.packet, tag, |out| {
            if all { rows.part(out, frame) } else { rows.frame(out, frame, scratch) }
        });
    }

    #[inline]
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        let number = connection.id.0;
        let chosen = self.selection.message(connection, message);
        if !self.selection.shows(Level::Message) || !self.selection.shows_connection(number) {
            return;
        }
        let mut facts = RowFacts::default();
        // Nothing is remembered of most connections.
        if message.opcode.is_control() {
            let talk = self.talks.entry(number).or_default();
            let before = talk.size();
            facts.answers = talk.control(message);
            self.pings += talk.size().saturating_sub(before);
        }
        if let Some(talk) = self.talks.get(&number) {
            facts.flagged = *talk.flagged.of(message.direction) == message.number;
        }
        if !chosen {
            return;
        }
        self.opens_late(connection);
        self.rows += 1;
        let short = self.selection.shorten(message);
        let message = short.as_ref().unwrap_or(message);
        let time = message.last.time;
        self.widen(message.number, time, message.len.unwrap_or(0), message.wire);
        let lead = self.lead(message.last.packet);
        let Self { out, selection, look, layout, .. } = self;
        let tag = Tag::Row { connection: number, number: Some(message.number), time, layout: *layout };
        let longest = selection.longest.unwrap_or(usize::MAX);
        let rows = RowWriter { look, layout, payload: selection.payload, longest, lead };
        out.tagged(message.last.packet, tag, |out| rows.message(out, message, &facts));
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        let number = connection.map(|connection| connection.id.0);
        if let (Some(number), Some(direction), Some(message)) = (number, spot.direction, spot.message)
            && self.selection.shows(Level::Message)
            && self.selection.shows_connection(number)
            && self.selection.shows_rule(rule)
        {
            *self.talks.entry(number).or_default().flagged.of_mut(direction) = message;
        }
        if !self.selection.finding(connection, rule, spot, text) {
            return;
        }
        if let Some(connection) = connection {
            self.starts(connection);
            self.opens_late(connection);
        }
        self.rows += 1;
        let indent = if self.selection.levels == Levels::ALL { 2 } else { 0 };
        let Self { out, look, .. } = self;
        out.tagged(spot.place.packet, Tag::Line, |out| {
            out.resize(out.len() + indent, b' ');
            write_finding(out, look, number, rule, spot, text, indent);
        });
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        let connection = ended.connection;
        let number = connection.id.0;
        let gone = self.talks.remove(&number);
        self.pings = self.pings.saturating_sub(gone.map_or(0, |talk| talk.size()));
        let chosen = self.selection.ended(ended);
        if chosen && ended.socket.is_some() {
            self.opens_late(connection);
        }
        // With a filter, a connection of which rows were shown has its end told too.
        let told = self.opened.remove(&number) || self.selection.filter.is_none();
        if !self.selection.shows_connection(number) || !(chosen || told) {
            return;
        }
        self.starts(connection);
        // Known now, not at an earlier packet.
        let packet = u64::MAX - 1;
        if self.selection.levels == Levels::CONNECTIONS {
            if !chosen {
                return;
            }
            self.rows += 1;
            let Self { out, look, .. } = self;
            out.tagged(packet, Tag::Listed, |out| connections::row(out, look, ended));
        } else if self.heads() {
            if ended.socket.is_none() {
                self.shows(number);
            }
            self.rows += u64::from(chosen);
            let all = self.selection.levels == Levels::ALL;
            let Self { out, look, .. } = self;
            out.tagged(packet, Tag::End(number), |out| match ended.socket {
                None => connections::head(out, look, connection, Some(ended)),
                Some(_) => connections::end(out, look, ended, all),
            });
        }
    }

    fn watermark(&mut self, packet: u64) {
        self.out.watermark(packet);
    }
}

/// One finding: how bad, what, where, in words, and by which text it is one.
fn write_finding(
    out: &mut Vec<u8>,
    look: &TableStyle,
    connection: Option<u32>,
    rule: &'static Rule,
    spot: Spot,
    text: Arguments<'_>,
    indent: usize,
) {
    let (role, word) = match rule.severity {
        Severity::Error => (Role::Error, "ERROR"),
        Severity::Warning => (Role::Warning, "WARN"),
        Severity::Info => (Role::Note, "INFO"),
    };
    let mut line = Wrapped::new(out, look.style(), look.ascii, 6);
    line.skip(indent);
    line.padded(role, 0, word, 5);
    line.padded(Role::Title, 1, rule.code, 22);
    let mut place = Vec::new();
    let facts = [
        ("conn", connection.map(u64::from)),
        ("msg", spot.message),
        ("frame", spot.frame.filter(|_| spot.message.is_none())),
        ("packet", Some(spot.place.packet).filter(|packet| *packet > 0)),
    ];
    for (name, number) in facts {
        if let Some(number) = number {
            place.extend_from_slice(if place.is_empty() { b"" } else { b" " });
            place.extend_from_slice(name.as_bytes());
            place.push(b' ');
            units::number(&mut place, number);
        }
    }
    line.padded(Role::Plain, 2, std::str::from_utf8(&place).unwrap_or_default(), 24);
    line.sentence(Role::Plain, 2, &text.to_string());
    if rule.reference != "-" {
        line.part(Role::Dim, 2, rule.reference.as_bytes());
    }
    line.end();
}

/// How much of a payload is looked at, by the mode: the preview's bytes at most.
fn limit(payload: PayloadMode, longest: usize) -> usize {
    if payload == PayloadMode::Preview { 64 } else { longest }
}
