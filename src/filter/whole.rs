//! Tests of a filter for rows of connections that are answered by what a connection holds: its messages, frames and findings,
//! of which any may fulfil a test.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::ast::Filter;
use super::eval::{FilterRow, FilterVerdict};
use super::events::{EventRecord, FilterEvent};
use super::field::{Field, Level};
use super::matcher::Remembered;
use crate::model::{Nanos, Time};
use crate::pipeline::Connection;
use crate::ws::{FrameEvent, MessageEvent};

impl Filter {
    /// By test: the level of the records in a connection that answer it; none where the connection itself does. What is a
    /// text alone is looked for in both.
    #[must_use]
    pub fn homes(&self) -> Vec<Option<Level>> {
        let home = |field: Field| {
            let levels = field.info().levels;
            match field {
                Field::Any => Some(Level::Message),
                _ if levels.has(Level::Connection) => None,
                _ => {
                    [Level::Message, Level::Frame, Level::Finding].into_iter().find(|home| levels.has(*home))
                }
            }
        };
        self.fields().map(home).collect()
    }

    /// What one of its tests says of a record.
    #[must_use]
    pub fn test_at(&self, test: usize, record: &impl FilterRow) -> FilterVerdict {
        self.leaves.get(test).map_or(FilterVerdict::No, |leaf| leaf.test(record))
    }
}

/// Asks messages and frames, with all of their bytes, what the tests say.
#[derive(Debug)]
pub struct Asker {
    filter: Filter,
    /// Tests, and the level of the records that answer them.
    tests: Vec<(usize, Level)>,
    start: Time,
    /// What each test came to for each connection, unless that is no.
    known: HashMap<(u32, usize), FilterVerdict, RandomState>,
    before: HashMap<u32, Time, RandomState>,
}

/// What a test came to for a connection, by its number.
pub type Told = (u32, usize, FilterVerdict);

impl Asker {
    /// Asks the tests of a filter that messages and frames answer. `start`: the time of the first packet.
    #[must_use]
    pub fn new(filter: Filter, start: Time) -> Self {
        let homes = filter.homes();
        let tests = homes.into_iter().enumerate().filter_map(|(test, home)| Some((test, home?)));
        let tests = tests.filter(|(_, home)| matches!(home, Level::Message | Level::Frame)).collect();
        Self { filter, tests, start, known: HashMap::default(), before: HashMap::default() }
    }

    /// Asks a message; tells what is new.
    pub fn message(
        &mut self,
        connection: &Connection,
        message: &MessageEvent<'_>,
        tell: &mut dyn FnMut(Told),
    ) {
        let before = self.before.insert(connection.id.0, message.last.time);
        let delta = before.map(|before| message.last.time.since(before));
        self.ask(connection, &FilterEvent::Message(message), delta, tell);
    }

    /// Asks a frame; tells what is new.
    pub fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>, tell: &mut dyn FnMut(Told)) {
        self.ask(connection, &FilterEvent::Frame(frame, &[]), None, tell);
    }

    fn ask(
        &mut self,
        connection: &Connection,
        event: &FilterEvent<'_>,
        delta: Option<Nanos>,
        tell: &mut dyn FnMut(Told),
    ) {
        let record = EventRecord {
            start: self.start,
            connection: Some(connection),
            event,
            delta,
            remembered: Remembered::nothing(),
        };
        let conn = connection.id.0;
        for (test, level) in &self.tests {
            if *level != event.level() {
                continue;
            }
            let known = self.known.get(&(conn, *test)).copied().unwrap_or(FilterVerdict::No);
            if known == FilterVerdict::Yes {
                continue;
            }
            let now = known.or(self.filter.test_at(*test, &record));
            if now != known {
                self.known.insert((conn, *test), now);
                tell((conn, *test, now));
            }
        }
    }
}
