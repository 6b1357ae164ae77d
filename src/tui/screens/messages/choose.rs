//! Selection of the rows that are shown, and searches in them, in steps of a limited number of rows.

use super::{Kinds, Messages, draw};
use crate::filter::FilterVerdict;
use crate::model::Direction;
use crate::store::{Index, Reading};
use crate::tui::records::{OfFrame, OfMessage};
use crate::tui::screens::rows::{Arrangement, Key};
use crate::tui::shared::Turn;
use crate::ws::Opcode;

/// A search through many rows, done in steps.
#[derive(Clone, Debug)]
pub(super) struct RowSearch {
    pub(super) wanted: String,
    pub(super) forwards: bool,
    /// The row where it began.
    pub(super) start: usize,
    /// The row that was searched last.
    pub(super) at: usize,
    /// Number of rows that are still to be searched.
    pub(super) left: usize,
    /// Number of rows whose preview does not decide.
    pub(super) unseen: u64,
}

/// The result of a search in complete payloads.
#[derive(Clone, Debug)]
pub(super) struct Deep {
    wanted: String,
    forwards: bool,
    start: usize,
    found: Vec<u64>,
    over: bool,
}

/// A running search in payloads.
#[derive(Clone, Debug)]
pub(super) struct RowScan {
    id: u64,
    /// The rows that it decides; `None` if it belongs to the search of the user.
    key: Option<Key>,
    /// Number of rows when it began.
    upto: usize,
    pub(super) percent: u8,
}

/// Returns a regular expression, in quotes, that finds a text regardless of case.
fn pattern(text: &str) -> String {
    // In a filter, the backslashes of a pattern are its own.
    format!("\"(?i){}\"", regex::escape(text).replace('"', "\\\""))
}

/// Number of rows searched in one step.
const ROWS_PER_STEP: usize = 20_000;

impl Messages {
    /// Continues to choose rows; returns how many rows at the beginning of the list were removed.
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
        // A pause freezes this list; another list is frozen when it is opened.
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
        // A filter chooses messages, so gaps are hidden; gaps are not shown among control frames either.
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

    /// Moves the cursor to the next row that `wanted` accepts; returns whether there is one.
    pub(super) fn seek(
        &mut self,
        turn: &mut Turn<'_>,
        forwards: bool,
        wanted: impl Fn(&Turn<'_>, usize) -> bool,
    ) -> bool {
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

    /// Continues a search.
    pub(super) fn row_search(&mut self, turn: &mut Turn<'_>) {
        let Some(mut row_search) = self.row_search.take() else { return };
        let len = self.rows.len();
        for _ in 0..ROWS_PER_STEP.min(row_search.left) {
            row_search.left -= 1;
            row_search.at =
                if row_search.forwards { row_search.at + 1 } else { row_search.at + len - 1 } % len.max(1);
            let Some(place) = self.rows.get(row_search.at) else { continue };
            let message = self.message_of(turn.index, place);
            let deep = self.deep.as_ref().filter(|deep| deep.wanted == row_search.wanted && deep.over);
            let holds = draw::holds(turn.index, self.connection, message, &row_search.wanted)
                .or_else(|| deep.map(|deep| deep.found.binary_search(&message).is_ok()));
            match holds {
                Some(true) => {
                    self.list.go(row_search.at);
                    self.follow(turn);
                    return;
                }
                Some(false) => {}
                None => row_search.unseen += 1,
            }
        }
        if row_search.left > 0 {
            self.row_search = Some(row_search);
        } else if row_search.unseen > 0 {
            // No preview contains it: search complete payloads, then search the rows again.
            let id = turn.scan(format!("payload ~ {}", pattern(&row_search.wanted)));
            self.deep = Some(Deep {
                wanted: row_search.wanted.clone(),
                forwards: row_search.forwards,
                start: row_search.start,
                found: Vec::new(),
                over: false,
            });
            self.scan = Some(RowScan { id, key: None, upto: 0, percent: 0 });
            turn.say(turn.lang().pick("searching payloads…", "正在搜索载荷…"));
        } else {
            turn.warn(turn.lang().pick("not found", "未找到"));
        }
    }

    /// Starts a search in payloads if previews cannot decide the filter.
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
            // The filter depends on bytes that were not captured.
            self.rows.give_up(usize::MAX);
        }
    }

    /// Handles the progress of a search in payloads.
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
                self.row_search =
                    Some(RowSearch { wanted, forwards, start, at: start, left: self.rows.len(), unseen: 0 });
            }
        }
    }

    /// Returns the message at a place of the list.
    pub(super) fn message_of(&self, index: &Index, place: usize) -> u64 {
        if self.frames_mode {
            index.frames(self.connection).get(place).map_or(0, |row| u64::from(row.message))
        } else {
            place as u64 + 1
        }
    }
}
