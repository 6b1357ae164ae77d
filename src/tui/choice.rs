//! The connections that a filter selects, as `wslens read --level connections -Y` does. A test of a field that a
//! connection does not have is true if it is true for any of its messages, frames or findings.
//!
//! Rows are tested in steps of a limited number. If a row cannot decide a test, because it stores only the first bytes
//! of a message, complete payloads are searched in the background.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::records::{OfConnection, OfFinding, OfFrame, OfMessage};
use crate::filter::{Field, Filter, FilterVerdict, Level, Told};
use crate::store::{ConnectionRow, Index, Marks};

/// Number of rows tested in one step.
const BUDGET: usize = 20_000;
/// Minimum time between two searches in payloads while data arrives.
const PAUSE: Duration = Duration::from_secs(2);

/// The result of a test for a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Answer {
    /// Something fulfills it.
    yes: bool,
    /// It depends on bytes that were not captured.
    unknown: bool,
    /// Number of the last message or frame that must be searched; 0 if none.
    waits: u64,
}

/// The results for a connection.
#[derive(Clone, Debug, Default)]
struct AskedPayloads {
    /// One for each test.
    answers: Vec<Answer>,
    /// Number of messages and frames that were tested.
    messages: usize,
    frames: usize,
    /// Messages that were incomplete then, by place.
    unfinished: Vec<u32>,
    /// Number of messages and frames that a search has tested.
    searched: (u64, u64),
}

/// A running search in payloads.
#[derive(Clone, Debug)]
struct PayloadSearch {
    id: u64,
    /// The connections, with the number of their messages and frames when it began.
    among: Vec<(u32, u64, u64)>,
    percent: u8,
}

/// The connections that a filter selects.
#[derive(Clone, Debug)]
pub struct Choice {
    filter: Arc<Filter>,
    /// For each test: the level that answers it, unless the connection does.
    homes: Vec<Option<Level>>,
    asked: HashMap<u32, AskedPayloads>,
    /// Number of findings that were tested, counting released ones.
    findings: u64,
    /// The numbers of rows when all were tested.
    seen: Option<[u64; 5]>,
    busy: bool,
    search: Option<PayloadSearch>,
    /// When the last search ended, and how long it took.
    rested: Option<(Duration, Duration)>,
    begun: Duration,
    version: u64,
}

impl AskedPayloads {
    fn searched_for(&self, home: Level) -> u64 {
        if home == Level::Frame { self.searched.1 } else { self.searched.0 }
    }

    fn answer(&mut self, test: usize, verdict: FilterVerdict, number: u64, certain: bool) {
        let Some(answer) = self.answers.get_mut(test) else { return };
        match verdict {
            FilterVerdict::Yes => answer.yes = true,
            FilterVerdict::Unknown if certain => answer.unknown = true,
            FilterVerdict::Unknown => answer.waits = answer.waits.max(number),
            FilterVerdict::No => {}
        }
    }

    fn has_all(&self, homes: &[Option<Level>], home: Level) -> bool {
        let mut all = homes.iter().zip(&self.answers);
        all.all(|(of, answer)| *of != Some(home) || answer.yes)
    }
}

impl Choice {
    /// Makes the state before any test.
    #[must_use]
    pub fn new(filter: Arc<Filter>) -> Self {
        let homes = filter.homes();
        Self {
            filter,
            homes,
            asked: HashMap::new(),
            findings: 0,
            seen: None,
            busy: false,
            search: None,
            rested: None,
            begun: Duration::ZERO,
            version: 0,
        }
    }

    /// The filter.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Returns the result of the filter for a connection.
    #[must_use]
    pub fn verdict(&self, index: &Index, row: &ConnectionRow) -> FilterVerdict {
        let left_out = index.findings_left_out > 0;
        let asked = self.asked.get(&row.id.0);
        let answer = |test: usize| self.answer(test, asked, left_out);
        self.filter.test(&OfConnection { index, row, answers: Some(&answer) })
    }

    /// Returns the result of a test; `None` if the connection answers it.
    fn answer(&self, test: usize, asked: Option<&AskedPayloads>, left_out: bool) -> Option<FilterVerdict> {
        let home = self.homes.get(test).copied().flatten()?;
        let answer = asked.and_then(|asked| asked.answers.get(test)).copied().unwrap_or_default();
        let searched = asked.map_or(0, |asked| asked.searched_for(home));
        Some(match answer {
            Answer { yes: true, .. } => FilterVerdict::Yes,
            Answer { unknown: true, .. } => FilterVerdict::Unknown,
            Answer { waits, .. } if waits > searched => FilterVerdict::Unknown,
            _ if left_out && home == Level::Finding => FilterVerdict::Unknown,
            _ => FilterVerdict::No,
        })
    }

    /// Tests new rows, a limited number.
    pub fn advance(&mut self, index: &Index, marks: &BTreeSet<(u32, u64)>) {
        let marked =
            if self.filter.fields().any(|field| field == Field::Mark) { marks.len() as u64 } else { 0 };
        let now = [
            index.connections.len() as u64 + index.released.turns,
            index.messages,
            index.frames,
            index.findings.len() as u64 + index.released.findings,
            marked,
        ];
        if self.homes.iter().all(Option::is_none) || !self.busy && self.seen == Some(now) {
            return;
        }
        if self.seen.is_some_and(|seen| seen[4] != marked) {
            self.asked.clear();
            self.findings = 0;
        }
        self.seen = Some(now);
        self.version += 1;
        let has = |home: Level| self.homes.contains(&Some(home));
        let (messages, frames, findings) = (has(Level::Message), has(Level::Frame), has(Level::Finding));
        let mut left = BUDGET;
        if findings {
            self.ask_findings(index);
        }
        if messages || frames {
            for row in &index.connections {
                let mut asked = self.asked.remove(&row.id.0).unwrap_or_default();
                asked.answers.resize(self.homes.len(), Answer::default());
                if messages {
                    self.ask_messages(index, row, marks, &mut asked, &mut left);
                }
                if frames {
                    self.ask_frames(index, row, &mut asked, &mut left);
                }
                self.asked.insert(row.id.0, asked);
                if left == 0 {
                    break;
                }
            }
        }
        self.busy = left == 0;
        if index.released.connections > 0 {
            self.asked.retain(|number, _| index.place(*number).is_some());
        }
    }

    fn ask_messages(
        &self,
        index: &Index,
        row: &ConnectionRow,
        marks: &BTreeSet<(u32, u64)>,
        asked: &mut AskedPayloads,
        left: &mut usize,
    ) {
        let messages = index.messages(row.id.0);
        if asked.has_all(&self.homes, Level::Message) {
            asked.messages = messages.len();
            asked.unfinished.clear();
            return;
        }
        if asked.messages < messages.released() {
            // These were released before they were tested.
            self.lost(asked, Level::Message);
            asked.messages = messages.released();
        }
        let waiting = std::mem::take(&mut asked.unfinished);
        let from = asked.messages;
        let until = messages.len().min(from.saturating_add(*left));
        *left -= until - from;
        for place in waiting.into_iter().map(|place| place as usize).chain(from..until) {
            let Some(message) = messages.get(place) else { continue };
            if message.marks.has(Marks::UNFINISHED) {
                asked.unfinished.push(place as u32);
                continue;
            }
            let number = place as u64 + 1;
            let before = place.checked_sub(1).and_then(|before| messages.get(before));
            let delta = before.map(|before| message.time.since(before.time));
            let record = OfMessage { index, connection: row, number, row: message, delta, marks };
            for test in self.tests(Level::Message) {
                if asked.answers.get(test).is_none_or(|answer| !answer.yes) {
                    asked.answer(test, self.filter.test_at(test, &record), number, false);
                }
            }
        }
        asked.messages = until;
    }

    fn ask_frames(&self, index: &Index, row: &ConnectionRow, asked: &mut AskedPayloads, left: &mut usize) {
        let frames = index.frames(row.id.0);
        if asked.has_all(&self.homes, Level::Frame) {
            asked.frames = frames.len();
            return;
        }
        if asked.frames < frames.released() {
            self.lost(asked, Level::Frame);
            asked.frames = frames.released();
        }
        let until = frames.len().min(asked.frames.saturating_add(*left));
        *left -= until - asked.frames;
        for place in asked.frames..until {
            let Some(frame) = frames.get(place) else { continue };
            let before = place.checked_sub(1).and_then(|before| frames.get(before));
            let delta = before.map(|before| frame.time.since(before.time));
            let number = place as u64 + 1;
            let record = OfFrame { index, connection: row, number, row: frame, delta };
            for test in self.tests(Level::Frame) {
                asked.answer(test, self.filter.test_at(test, &record), number, false);
            }
        }
        asked.frames = until;
    }

    fn ask_findings(&mut self, index: &Index) {
        let gone = index.released.findings;
        let from = usize::try_from(self.findings.saturating_sub(gone)).unwrap_or(usize::MAX);
        for finding in index.findings.get(from..).unwrap_or_default() {
            let Some(connection) = finding.connection else { continue };
            let mut asked = self.asked.remove(&connection.0).unwrap_or_default();
            asked.answers.resize(self.homes.len(), Answer::default());
            for test in self.tests(Level::Finding) {
                let verdict = self.filter.test_at(test, &OfFinding { index, row: finding });
                asked.answer(test, verdict, 0, true);
            }
            self.asked.insert(connection.0, asked);
        }
        self.findings = gone + index.findings.len() as u64;
    }

    fn tests(&self, home: Level) -> impl Iterator<Item = usize> + '_ {
        let homes = self.homes.iter().enumerate();
        homes.filter(move |(_, of)| **of == Some(home)).map(|(test, _)| test)
    }

    /// Handles rows that were released before they were tested.
    fn lost(&self, asked: &mut AskedPayloads, home: Level) {
        for test in self.tests(home) {
            if let Some(answer) = asked.answers.get_mut(test) {
                answer.unknown = true;
            }
        }
    }

    /// Returns the connections to search if rows left a test undecided and no search is running. `id`: number of the
    /// search. `reading`: more data arrives.
    pub fn begin_search(&mut self, index: &Index, now: Duration, id: u64, reading: bool) -> Option<Vec<u32>> {
        let rests = self.rested.is_some_and(|(ended, took)| now < ended + PAUSE.max(took * 4));
        if self.busy || self.search.is_some() || reading && rests {
            return None;
        }
        let among: Vec<(u32, u64, u64)> = index
            .connections
            .iter()
            .filter(|row| self.is_undecided(index, row))
            .filter_map(|row| {
                let asked = self.asked.get(&row.id.0)?;
                let waits = |(home, answer): (&Option<Level>, &Answer)| {
                    home.is_some_and(|home| !answer.yes && answer.waits > asked.searched_for(home))
                };
                let any = self.homes.iter().zip(&asked.answers).any(waits);
                any.then_some((row.id.0, asked.messages as u64, asked.frames as u64))
            })
            .collect();
        if among.is_empty() {
            return None;
        }
        let numbers = among.iter().map(|(number, ..)| *number).collect();
        (self.search, self.begun) = (Some(PayloadSearch { id, among, percent: 0 }), now);
        Some(numbers)
    }

    fn is_undecided(&self, index: &Index, row: &ConnectionRow) -> bool {
        self.verdict(index, row) == FilterVerdict::Unknown
    }

    /// Handles progress of a search.
    pub fn found(&mut self, id: u64, results: &[Told], percent: u8, over: bool, now: Duration) {
        let Some(search) = self.search.as_mut().filter(|search| search.id == id) else { return };
        search.percent = percent;
        for (number, test, verdict) in results {
            if let Some(asked) = self.asked.get_mut(number) {
                asked.answer(*test, *verdict, 0, true);
            }
        }
        if over && let Some(search) = self.search.take() {
            for (number, messages, frames) in search.among {
                if let Some(asked) = self.asked.get_mut(&number) {
                    asked.searched = (messages, frames);
                }
            }
            self.rested = Some((now, now.saturating_sub(self.begun)));
        }
        self.version += 1;
    }

    /// Progress of the running search in percent.
    #[must_use]
    pub fn percent(&self) -> Option<u8> {
        self.search.as_ref().map(|search| search.percent)
    }

    /// Returns whether rows are still to be tested.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// A number that grows whenever results may have changed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Number of connections that it selects, and of those that are undecided.
    #[must_use]
    pub fn counts(&self, index: &Index) -> (u64, u64) {
        index.connections.iter().fold((0, 0), |(yes, unknown), row| match self.verdict(index, row) {
            FilterVerdict::Yes => (yes + 1, unknown),
            FilterVerdict::Unknown => (yes, unknown + 1),
            FilterVerdict::No => (yes, unknown),
        })
    }
}
