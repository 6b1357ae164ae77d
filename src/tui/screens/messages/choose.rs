//! Which rows are shown, and searches among them: a bounded number of rows at a time.

use super::{Kinds, Messages, draw};
use crate::filter::FilterVerdict;
use crate::model::Direction;
use crate::store::{Index, Reading};
use crate::tui::records::{OfFrame, OfMessage};
use crate::tui::screens::rows::{Arrangement, Key};
use crate::tui::shared::Turn;
use crate::ws::Opcode;

/// A search that goes on over many rows.
#[derive(Clone, Debug)]
pub(super) struct Hunt {
    pub(super) wanted: String,
    pub(super) forwards: bool,
    /// The row where it began.
    pub(super) start: usize,
    /// The row looked at last.
    pub(super) at: usize,
    /// Rows still to be looked at.
    pub(super) left: usize,
    /// Rows whose bytes reach beyond what was searched.
    pub(super) unseen: u64,
}

/// What a search in all bytes found.
#[derive(Clone, Debug)]
pub(super) struct Deep {
    wanted: String,
    forwards: bool,
    start: usize,
    found: Vec<u64>,
    over: bool,
}

/// A search in payloads that is under way.
#[derive(Clone, Debug)]
pub(super) struct RowScan {
    id: u64,
    /// The rows that it is for; `None` for the hunt.
    key: Option<Key>,
    /// How many rows there were when it began.
    upto: usize,
    pub(super) percent: u8,
}

/// A regular expression that finds a text in upper and lower case, in quotes.
fn pattern(text: &str) -> String {
    // In a filter, the backslashes of a pattern are its own.
    format!("\"(?i){}\"", regex::escape(text).replace('"', "\\\""))
}

/// Rows searched in one go.
const HUNT: usize = 20_000;

impl Messages {
    /// Goes on with choosing rows; answers how many of those that were shown went, the first ones.
    pub(super) fn choose(&mut self, turn: &Turn<'_>) -> usize {
        let (index, shared) = (turn.index, &turn.shared);
        let id = self.connection;
        let Some(connection) = index.connection(id) else { return 0 };
        let toggles = u32::from(self.frames_mode)
            | self.direction.map_or(0, |direction| 1 + direction as u32) << 1
            | (self.kinds as u32) << 3;
        let marked = if self.only_marked { shared.marks.len() + 1 } else { 0 };
        let uses_marks = shared
            .parsed
            .as_ref()
            .is_some_and(|f| f.fields().any(|field| field == crate::filter::Field::Mark));
        let marks = if uses_marks { shared.marks.len() + 1 } else { marked };
        let key = (id, shared.filter_version, toggles, marks);
        let all = toggles >> 1 == 0 && !self.only_marked && shared.parsed.is_none();
        let kinds = self.kinds;
        let fits = |direction: Direction, opcode: Opcode| {
            self.direction.is_none_or(|wanted| wanted == direction)
                && match kinds {
                    Kinds::All => true,
                    Kinds::Data => !opcode.is_control(),
                    Kinds::Control => opcode.is_control(),
                }
        };
        let filter = shared.parsed.as_deref();
        let decide = |verdict: FilterVerdict| match verdict {
            FilterVerdict::Yes => Some(true),
            FilterVerdict::No => Some(false),
            FilterVerdict::Unknown => None,
        };
        let delta =
            |now: Option<crate::model::Time>, before: Option<crate::model::Time>| Some(now?.since(before?));
        let there = if self.frames_mode { index.frames(id).len() } else { index.messages(id).len() };
        // A pause is of the list as it is; another one is paused when it is opened.
        self.frozen = shared.live.paused.then(|| self.frozen.unwrap_or(there));
        let gone = if self.frames_mode {
            let frames = index.frames(id);
            let only_marked = self.only_marked;
            let end = self.frozen.map_or(frames.len(), |rows| rows.min(frames.len()));
            self.rows.advance(key, frames.released()..end, all, |at| {
                let row = frames.get(at)?;
                if !fits(row.direction(), row.header().opcode())
                    || (only_marked && !shared.marks.contains(&(id, u64::from(row.message))))
                {
                    return Some(false);
                }
                let before = at.checked_sub(1).and_then(|at| frames.get(at)).map(|row| row.time);
                let record = OfFrame {
                    index,
                    connection,
                    number: at as u64 + 1,
                    row,
                    delta: delta(Some(row.time), before),
                };
                filter.map_or(Some(true), |filter| decide(filter.test(&record)))
            })
        } else {
            let messages = index.messages(id);
            let only_marked = self.only_marked;
            let end = self.frozen.map_or(messages.len(), |rows| rows.min(messages.len()));
            self.rows.advance(key, messages.released()..end, all, |at| {
                let row = messages.get(at)?;
                let number = at as u64 + 1;
                if !fits(row.direction(), row.opcode())
                    || (only_marked && !shared.marks.contains(&(id, number)))
                {
                    return Some(false);
                }
                let before = at.checked_sub(1).and_then(|at| messages.get(at)).map(|row| row.time);
                let delta = delta(Some(row.time), before);
                let record = OfMessage { index, connection, number, row, delta, marks: &shared.marks };
                filter.map_or(Some(true), |filter| decide(filter.test(&record)))
            })
        };
        // A filter chooses among messages; what is missing is no data of a control frame either.
        let holes = filter.is_none() && !self.only_marked && self.kinds != Kinds::Control;
        self.rows.arrange(
            index,
            Arrangement {
                list: (id, self.frames_mode),
                paused: self.frozen.is_some(),
                holes: [Direction::ClientToServer, Direction::ServerToClient]
                    .map(|direction| holes && self.direction.is_none_or(|wanted| wanted == direction)),
            },
        );
        gone
    }

    /// Goes to the next row from the cursor, in a direction, for which `wanted` holds.
    pub(super) fn seek(
        &mut self,
        turn: &mut Turn<'_>,
        forwards: bool,
        wanted: impl Fn(&Turn<'_>, usize) -> bool,
    ) -> bool {
        // Marks and findings are few and near, or the list is gone through once.
        let len = self.rows.len();
        for step in 1..=len {
            let at =
                if forwards { self.list.cursor + step } else { self.list.cursor + len - step } % len.max(1);
            if self.rows.get(at).is_some_and(|place| wanted(turn, place)) {
                self.list.go(at);
                self.follow(turn);
                return true;
            }
        }
        false
    }

    /// Begins a search, or goes on with it.
    pub(super) fn hunt(&mut self, turn: &mut Turn<'_>) {
        let Some(mut hunt) = self.hunt.take() else { return };
        let len = self.rows.len();
        for _ in 0..HUNT.min(hunt.left) {
            hunt.left -= 1;
            hunt.at = if hunt.forwards { hunt.at + 1 } else { hunt.at + len - 1 } % len.max(1);
            let Some(place) = self.rows.get(hunt.at) else { continue };
            let message = self.message_of(turn.index, place);
            let deep = self.deep.as_ref().filter(|deep| deep.wanted == hunt.wanted && deep.over);
            let holds = draw::holds(turn.index, self.connection, message, &hunt.wanted)
                .or_else(|| deep.map(|deep| deep.found.binary_search(&message).is_ok()));
            match holds {
                Some(true) => {
                    self.list.go(hunt.at);
                    self.follow(turn);
                    return;
                }
                Some(false) => {}
                None => hunt.unseen += 1,
            }
        }
        if hunt.left > 0 {
            self.hunt = Some(hunt);
        } else if hunt.unseen > 0 {
            // The beginnings do not have it: all bytes are searched, and then the hunt begins again.
            let id = turn.scan(format!("payload ~ {}", pattern(&hunt.wanted)));
            self.deep = Some(Deep {
                wanted: hunt.wanted.clone(),
                forwards: hunt.forwards,
                start: hunt.start,
                found: Vec::new(),
                over: false,
            });
            self.scan = Some(RowScan { id, key: None, upto: 0, percent: 0 });
            turn.say("searching payloads…");
        } else {
            turn.warn("not found");
        }
    }

    /// Begins to search payloads for what the filter asks for, where previews do not tell.
    pub(super) fn search_payloads(&mut self, turn: &mut Turn<'_>) {
        let key = self.rows.key();
        if self.scan.as_ref().is_some_and(|scan| scan.key.is_some() && scan.key != key) {
            self.scan = None;
        }
        let reading = turn.shared.progress.state == Reading::Reading;
        if self.scan.is_some()
            || self.rows.is_busy()
            || self.frames_mode
            || self.rows.undecided() == 0
            || reading
        {
            return;
        }
        if turn.shared.parsed.as_ref().is_some_and(|filter| filter.needs_payload()) {
            let id = turn.scan(turn.shared.filter.clone());
            self.scan = Some(RowScan { id, key, upto: self.rows.of(), percent: 0 });
        } else {
            // It hangs on bytes that the capture does not have.
            self.rows.give_up(usize::MAX);
        }
    }

    /// A search in payloads found something, or came further.
    pub(super) fn found_rows(&mut self, id: u64, found: &[u64], percent: u8, over: bool) {
        let Some(scan) = self.scan.as_mut().filter(|scan| scan.id == id) else { return };
        scan.percent = percent;
        let (key, upto) = (scan.key, scan.upto);
        if over {
            self.scan = None;
        }
        if key.is_some() {
            self.rows.decide(found.iter().map(|number| number.saturating_sub(1) as u32).collect());
            if over {
                self.rows.give_up(upto);
            }
        } else if let Some(deep) = &mut self.deep {
            deep.found.extend_from_slice(found);
            if over {
                deep.found.sort_unstable();
                deep.over = true;
                let (wanted, forwards, start) = (deep.wanted.clone(), deep.forwards, deep.start);
                self.hunt =
                    Some(Hunt { wanted, forwards, start, at: start, left: self.rows.len(), unseen: 0 });
            }
        }
    }

    /// The message of a place in the list.
    pub(super) fn message_of(&self, index: &Index, place: usize) -> u64 {
        if self.frames_mode {
            index.frames(self.connection).get(place).map_or(0, |row| u64::from(row.message))
        } else {
            place as u64 + 1
        }
    }
}
