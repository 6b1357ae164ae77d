//! A filter at work on the engine's events: rows of one level, fields of any.
//!
//! A field that a row does not have itself is looked up at what the row belongs to (a frame's message, a message's
//! connection at its end) or at what it holds (a connection's messages, a message's frames and findings), of which
//! any may fulfil the test. Those come later than the row, or came before. So a capture is gone over twice where it
//! must be: first to remember what the tests came to, a bit for each message; then for the rows.

use std::borrow::Cow;
use std::fmt::Arguments;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::ast::Filter;
use super::eval::FilterVerdict;
use super::events::{EventRecord, FilterEvent};
use super::field::{Field, Level, Levels};
use crate::model::{Nanos, Rule, Time};
use crate::pipeline::{Connection, Ended, Sink, Wants};
use crate::ws::{FrameEvent, MessageEvent, Spot};

/// Bytes of what is remembered; what does not fit is unknown. A bit for each of two thousand million messages.
const MEMORY: usize = 256 << 20;

/// What the engine has to tell so that a filter can be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Messages, read and inflated.
    pub messages: bool,
    /// All of their bytes.
    pub payloads: bool,
    /// Frames.
    pub frames: bool,
    /// All bytes of frames.
    pub frame_payloads: bool,
    /// Hashes of messages.
    pub hash: bool,
    /// The handshake's heads.
    pub heads: bool,
}

/// By what a row and the record that was asked are known to belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Link {
    Connection,
    Message,
    Frame,
}

/// Where a test is answered for rows of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Elsewhere {
    /// The records that have the field.
    home: Level,
    link: Link,
}

impl Elsewhere {
    /// Where rows of `level` find a field that records of `levels` have; `None` where they have it themselves.
    fn of(level: Level, levels: Levels) -> Option<Self> {
        use Level::{Connection, Finding, Frame, Message};
        if levels.has(level) {
            return None;
        }
        // What the row belongs to comes before what it holds.
        let order: [Level; 3] = match level {
            Connection => [Message, Frame, Finding],
            Message => [Connection, Frame, Finding],
            Frame => [Message, Connection, Finding],
            Finding => [Message, Frame, Connection],
        };
        let home = order.into_iter().find(|home| levels.has(*home))?;
        let link = match (level, home) {
            (Connection, _) | (_, Connection) => Link::Connection,
            (Finding, Frame) | (Frame, Finding) => Link::Frame,
            _ => Link::Message,
        };
        Some(Self { home, link })
    }
}

/// A bit for each number.
#[derive(Clone, Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn has(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|at| self.0.get(at));
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Sets a bit; answers by how many bytes it grew, `None` where it may not.
    fn set(&mut self, number: u64, room: usize) -> Option<usize> {
        let at = usize::try_from(number / 64).ok()?;
        let grow = at.saturating_add(1).saturating_sub(self.0.len());
        if grow > 0 {
            if grow.checked_mul(8)? > room {
                return None;
            }
            self.0.resize(at + 1, 0);
        }
        if let Some(word) = self.0.get_mut(at) {
            *word |= 1 << (number % 64);
        }
        Some(grow * 8)
    }
}

/// What tests came to.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// By test, link and connection: which numbers matched, and of which it is not known.
    marks: HashMap<(usize, Link, u32), (Bits, Bits), RandomState>,
    bytes: usize,
    full: bool,
}

impl Memory {
    fn add(&mut self, key: (usize, Link, u32), number: u64, verdict: FilterVerdict) {
        const ENTRY: usize = 96;
        if verdict == FilterVerdict::No || self.full {
            return;
        }
        if self.bytes + ENTRY > MEMORY {
            self.full = true;
            return;
        }
        let before = self.marks.len();
        let (yes, unknown) = self.marks.entry(key).or_default();
        let bits = if verdict == FilterVerdict::Yes { yes } else { unknown };
        match bits.set(number, MEMORY - self.bytes - ENTRY) {
            Some(grown) => self.bytes += grown,
            None => self.full = true,
        }
        self.bytes += (self.marks.len() - before) * ENTRY;
    }

    fn of(&self, key: (usize, Link, u32), number: u64) -> FilterVerdict {
        match self.marks.get(&key) {
            Some((yes, _)) if yes.has(number) => FilterVerdict::Yes,
            Some((_, unknown)) if unknown.has(number) => FilterVerdict::Unknown,
            _ if self.full => FilterVerdict::Unknown,
            _ => FilterVerdict::No,
        }
    }
}

/// What a row's tests came to elsewhere.
#[derive(Clone, Copy)]
pub(super) struct Remembered<'a> {
    memory: Option<&'a Memory>,
    /// By test; empty while the record is asked for its own fields.
    plan: &'a [Option<Elsewhere>],
}

impl Remembered<'_> {
    /// Nothing was asked before.
    pub(super) fn nothing() -> Self {
        Self { memory: None, plan: &[] }
    }

    #[inline]
    pub(super) fn of(&self, test: usize, record: &EventRecord<'_>) -> Option<FilterVerdict> {
        let elsewhere = self.plan.get(test).copied().flatten()?;
        let found = self.memory.zip(key(elsewhere.link, record));
        Some(found.map_or(FilterVerdict::No, |(memory, (conn, number))| {
            memory.of((test, elsewhere.link, conn), number)
        }))
    }
}

/// The connection and the number by which a record is found.
fn key(link: Link, record: &EventRecord<'_>) -> Option<(u32, u64)> {
    let conn = record.connection?.id.0;
    let number = match link {
        Link::Connection => 0,
        Link::Message => record.event.message()?,
        Link::Frame => record.event.frame()?,
    };
    Some((conn, number))
}

/// A filter, the rows it chooses from, and what it remembers.
#[derive(Clone, Debug)]
pub struct Matcher {
    filter: Filter,
    rows: Levels,
    /// For each level of rows, where each test is answered.
    plans: [Vec<Option<Elsewhere>>; 4],
    /// For each level of records, which tests to ask there, and by what to remember the answer.
    lessons: [Vec<(usize, Link)>; 4],
    needs: Needs,
    /// Fields of the level of the record, by level: what to read of it.
    wants_sentence: bool,
    wants_payload: bool,
    memory: Memory,
    start: Time,
    /// The time of the message and of the frame before, by connection.
    before: HashMap<u32, [Option<Time>; 2], RandomState>,
    wants_delta: bool,
    has_lessons: bool,
    scratch: Vec<u8>,
    undecided: u64,
    surveying: bool,
    surveyed: bool,
}

impl Matcher {
    /// A filter for rows of these levels.
    #[must_use]
    pub fn new(filter: Filter, rows: Levels) -> Self {
        let plan = |level: Level| -> Vec<Option<Elsewhere>> {
            let elsewhere = |field: Field| {
                // A text alone is looked for in what a connection says, and in its messages.
                let besides = field == Field::Any && rows == Levels::of(Level::Connection);
                let levels = if besides { Levels::of(Level::Message) } else { field.info().levels };
                Elsewhere::of(level, levels)
            };
            filter.fields().map(|field| if rows.has(level) { elsewhere(field) } else { None }).collect()
        };
        let plans = Level::ALL.map(plan);
        let lessons = Level::ALL.map(|home| {
            let mut lessons = Vec::new();
            for (test, elsewhere) in plans.iter().flat_map(|plan| plan.iter().enumerate()) {
                if let Some(elsewhere) = elsewhere
                    && elsewhere.home == home
                    && !lessons.contains(&(test, elsewhere.link))
                {
                    lessons.push((test, elsewhere.link));
                }
            }
            lessons
        });
        // A level's records are asked as rows, or as those that rows belong to or hold.
        let asked =
            |level: Level| rows.has(level) || lessons.get(level as usize).is_some_and(|l| !l.is_empty());
        let any = |fields: &[Field]| filter.fields().any(|field| fields.contains(&field));
        let bytes = [Field::Payload, Field::Hex];
        let needs = Needs {
            messages: asked(Level::Message),
            payloads: asked(Level::Message) && filter.needs_payload(),
            frames: asked(Level::Frame),
            frame_payloads: asked(Level::Frame)
                && (any(&bytes) || any(&[Field::CloseCode, Field::CloseReason])),
            hash: asked(Level::Message) && any(&[Field::Sha256]),
            heads: any(&[Field::Origin, Field::UserAgent]),
        };
        Self {
            rows,
            needs,
            wants_sentence: any(&[Field::Text, Field::Any]),
            wants_payload: needs.frame_payloads,
            wants_delta: any(&[Field::Delta]),
            has_lessons: lessons.iter().any(|lessons| !lessons.is_empty()),
            filter,
            plans,
            lessons,
            memory: Memory::default(),
            start: Time::default(),
            before: HashMap::default(),
            scratch: Vec::new(),
            undecided: 0,
            surveying: false,
            surveyed: false,
        }
    }

    /// The filter.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What the engine has to tell.
    #[must_use]
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// Whether the capture has to be gone over before, with a [`Survey`]. Rows of connections alone come when
    /// all is known of them.
    #[must_use]
    pub fn needs_survey(&self) -> bool {
        !self.surveyed && self.rows != Levels::of(Level::Connection) && self.has_lessons
    }

    /// Whether it has to be told of every event, also of those that are no rows.
    #[must_use]
    #[inline]
    pub fn sees_all(&self) -> bool {
        self.wants_delta || !self.surveyed && self.has_lessons
    }

    /// A sink that remembers what rows will have to know; after it, [`needs_survey`](Self::needs_survey) is false.
    pub fn survey(&mut self) -> Survey<'_> {
        self.surveying = true;
        Survey(self)
    }

    /// Rows of which it could not be said whether they match: bytes are missing or were not kept.
    #[must_use]
    pub fn undecided(&self) -> u64 {
        self.undecided
    }

    /// The capture begins.
    pub fn begins(&mut self, first: Time) {
        self.start = first;
    }

    /// Whether a message is chosen. To be told of every one, also where rows are something else.
    #[inline]
    pub fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) -> bool {
        let delta = self.delta(connection, 0, message.last.time);
        self.ask(Some(connection), FilterEvent::Message(message), delta)
    }

    /// Whether a frame is chosen. To be told of every one.
    pub fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) -> bool {
        let delta = self.delta(connection, 1, frame.last.time);
        if !self.wants_payload {
            return self.ask(Some(connection), FilterEvent::Frame(frame, &[]), delta);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let chosen = self.ask(Some(connection), FilterEvent::Frame(frame, frame.read(&mut scratch)), delta);
        self.scratch = scratch;
        chosen
    }

    /// Whether a finding is chosen. To be told of every one.
    pub fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) -> bool {
        let sentence = match text.as_str() {
            Some(text) => Cow::Borrowed(text),
            None if self.wants_sentence => Cow::Owned(text.to_string()),
            None => Cow::Borrowed(""),
        };
        self.ask(connection, FilterEvent::Finding(rule, spot, sentence), None)
    }

    /// Whether a connection is chosen. To be told of every one.
    pub fn ended(&mut self, ended: &Ended<'_>) -> bool {
        self.before.remove(&ended.connection.id.0);
        self.ask(Some(ended.connection), FilterEvent::Ended(ended), None)
    }

    /// Nanoseconds since the message (0) or frame (1) before.
    #[inline]
    fn delta(&mut self, connection: &Connection, which: usize, time: Time) -> Option<Nanos> {
        if !self.wants_delta {
            return None;
        }
        let before = self.before.entry(connection.id.0).or_default().get_mut(which)?.replace(time);
        before.map(|before| time.since(before))
    }

    #[inline]
    fn ask(&mut self, connection: Option<&Connection>, event: FilterEvent<'_>, delta: Option<Nanos>) -> bool {
        let Self { filter, memory, .. } = self;
        let level = event.level();
        let (at, start) = (level as usize, self.start);
        let lessons = self.lessons.get(at).map(Vec::as_slice).unwrap_or_default();
        if !lessons.is_empty() && !self.surveyed {
            // Asked for its own fields only: nothing is looked up.
            let remembered = Remembered::nothing();
            let record = EventRecord { start, connection, event: &event, delta, remembered };
            for (test, link) in lessons {
                let verdict = filter.leaves.get(*test).map_or(FilterVerdict::No, |leaf| leaf.test(&record));
                if let Some((conn, number)) = key(*link, &record) {
                    memory.add((*test, *link, conn), number, verdict);
                }
            }
        }
        if self.surveying || !self.rows.has(level) {
            return false;
        }
        let plan = self.plans.get(at).map(Vec::as_slice).unwrap_or_default();
        let remembered = Remembered { memory: Some(memory), plan };
        let verdict = filter.test(&EventRecord { start, connection, event: &event, delta, remembered });
        self.undecided += u64::from(verdict == FilterVerdict::Unknown);
        verdict == FilterVerdict::Yes
    }
}

/// The first of two times over a capture.
#[derive(Debug)]
pub struct Survey<'a>(&'a mut Matcher);

impl Drop for Survey<'_> {
    fn drop(&mut self) {
        (self.0.surveying, self.0.surveyed) = (false, true);
        self.0.before.clear();
    }
}

impl Sink for Survey<'_> {
    fn wants(&self) -> Wants {
        Wants { heads: self.0.needs.heads, ..Wants::default() }
    }

    fn begins(&mut self, first: Time) {
        self.0.begins(first);
    }

    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        self.0.frame(connection, frame);
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        self.0.message(connection, message);
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        self.0.finding(connection, rule, spot, text);
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        self.0.ended(ended);
    }
}
