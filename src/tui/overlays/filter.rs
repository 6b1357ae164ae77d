//! The filter line while it is typed: what is wrong with it, what could come next, how many rows it would leave.

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::InputLine;
use crate::filter::{self, Completion, Filter, FilterError, FilterVerdict};
use crate::store::Index;
use crate::tui::choice::Choice;
use crate::tui::records::{KnownRecord, OfFinding, OfMessage};
use crate::tui::screens::ScreenId;
use crate::tui::screens::rows::Rows;
use crate::tui::shared::{Ctx, Shared};
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, pane, units};

/// Rest between two keys before rows are counted.
const REST: Duration = Duration::from_millis(80);
/// Proposals in sight.
const SHOWN: usize = 8;

/// A filter that is being typed.
#[derive(Clone, Debug)]
pub struct Trial {
    text: String,
    cursor: usize,
    parsed: Result<Arc<Filter>, FilterError>,
    completions: Vec<Completion>,
    rows: Rows,
    /// Of the connections, on their screen.
    choice: Option<Choice>,
    /// How many it chooses, of how many that is not known, and how many there are.
    chosen: Option<((u64, u64), u64)>,
    typed: Duration,
    /// Rows were counted, or begun to be.
    counted: bool,
    version: u64,
}

impl Trial {
    /// What is made of a line.
    #[must_use]
    pub fn new(line: &InputLine, index: &Index, shared: &Shared, version: u64) -> Self {
        Self {
            text: line.text().to_owned(),
            cursor: line.cursor(),
            parsed: filter::parse(line.text()).map(Arc::new),
            completions: filter::complete(line.text(), line.cursor(), &KnownRecord(index)),
            rows: Rows::default(),
            choice: None,
            chosen: None,
            typed: shared.now,
            counted: false,
            version,
        }
    }

    /// Whether it is about this line as it stands.
    #[must_use]
    pub fn is_of(&self, line: &InputLine) -> bool {
        (self.text.as_str(), self.cursor) == (line.text(), line.cursor())
    }

    /// The bytes of the text at fault, if it is at fault.
    #[must_use]
    pub fn fault(&self) -> Option<std::ops::Range<usize>> {
        self.parsed.as_ref().err().map(|error| error.range.clone())
    }

    /// How many proposals there are.
    #[must_use]
    pub fn proposals(&self) -> usize {
        self.completions.len()
    }

    /// A proposal.
    #[must_use]
    pub fn proposal(&self, at: usize) -> Option<&Completion> {
        self.completions.get(at)
    }

    /// Goes on with counting, once the keys rest.
    pub fn advance(&mut self, index: &Index, shared: &Shared, screen: ScreenId) {
        if !self.is_due(shared) {
            return;
        }
        let Ok(filter) = &self.parsed else { return };
        self.counted = true;
        let decide = |verdict: FilterVerdict| match verdict {
            FilterVerdict::Yes => Some(true),
            FilterVerdict::No => Some(false),
            FilterVerdict::Unknown => None,
        };
        let all = filter.is_empty();
        match screen {
            ScreenId::Connections => {
                let choice = self.choice.get_or_insert_with(|| Choice::new(Arc::clone(filter)));
                choice.advance(index, &shared.marks);
                if all || !choice.is_busy() {
                    self.chosen = Some((choice.counts(index), index.connections.len() as u64));
                }
            }
            ScreenId::Findings => {
                let key = (0, self.version, 1, 0);
                self.rows.advance(key, 0..index.findings.len(), all, |at| {
                    let row = index.findings.get(at)?;
                    decide(filter.test(&OfFinding { index, row }))
                });
            }
            _ => {
                let id = shared.selection.connection;
                let Some(connection) = index.connection(id) else { return };
                let messages = index.messages(id);
                self.rows.advance((id, self.version, 2, 0), messages.released()..messages.len(), all, |at| {
                    let row = messages.get(at)?;
                    let before = at.checked_sub(1).and_then(|at| messages.get(at));
                    let delta = before.map(|before| row.time.since(before.time));
                    let number = at as u64 + 1;
                    decide(filter.test(&OfMessage {
                        index,
                        connection,
                        number,
                        row,
                        delta,
                        marks: &shared.marks,
                    }))
                });
            }
        }
    }

    fn is_due(&self, shared: &Shared) -> bool {
        shared.now.saturating_sub(self.typed) >= REST
    }

    /// Whether it waits for time to go on.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let choosing = self.choice.as_ref().is_some_and(|choice| choice.is_busy());
        self.parsed.is_ok() && (!self.counted || self.rows.is_busy() || choosing)
    }

    /// `ok  12 of 19`, or `error`.
    #[must_use]
    pub fn verdict(&self, screen: ScreenId, shared: &Shared) -> Text {
        let mut line = Text::new();
        let Ok(filter) = &self.parsed else {
            line.add(Role::Error, "error");
            return line;
        };
        if filter.is_empty() {
            line.add(Role::Dim, "empty shows all");
            return line;
        }
        line.add(Role::Ok, "ok");
        if self.is_due(shared) {
            let (count, of, unknown, busy) = match self.chosen.filter(|_| screen == ScreenId::Connections) {
                Some(((count, unknown), of)) => (count, of, unknown, false),
                None if screen == ScreenId::Connections => return line,
                None => {
                    let rows = &self.rows;
                    (rows.count() as u64, rows.of() as u64, rows.undecided(), rows.is_busy())
                }
            };
            line.plainly(format!("  {} of {}", units::grouped(count), units::grouped(of)));
            if unknown > 0 {
                line.add(Role::Note, format!(" and {} to be searched", units::grouped(unknown)));
            }
            if busy {
                line.plainly("…");
            }
        }
        line
    }

    /// Draws what is proposed, above the line. `pick`: the proposal under the cursor.
    pub fn view(&self, ctx: &Ctx<'_>, buffer: &mut Buffer, column: u16, pick: usize) {
        let (width, height) = ctx.shared.size;
        let mut lines = Vec::new();
        let mut title = Text::new();
        if let Err(error) = &self.parsed {
            title.captured(Role::Error, error.what.as_bytes(), 60);
            let note = error.note();
            if !note.is_empty() {
                let mut line = Text::of(Role::Plain, " ");
                line.captured(Role::Plain, note.as_bytes(), 76);
                lines.push(line);
            }
        }
        if title.is_empty() {
            title.add(Role::Title, if self.completions.is_empty() { "Filter" } else { "Tab completes" });
        }
        let top = pick.saturating_sub(SHOWN - 1);
        for (at, completion) in self.completions.iter().enumerate().skip(top).take(SHOWN) {
            let mut line = Text::of(Role::Title, if at == pick { "▸" } else { " " });
            line.captured_cell(Role::Plain, completion.text.as_bytes(), 22).plainly(" ");
            let count = completion.count.map(units::grouped).unwrap_or_default();
            line.right(Role::Plain, &count, 7).plainly("  ");
            line.captured(Role::Dim, completion.help.as_bytes(), 60);
            lines.push(line);
        }
        if self.completions.len() > SHOWN {
            lines.push(Text::of(Role::Dim, format!(" {} in all, ↑↓ select one", self.completions.len())));
        }
        if self.parsed.as_ref().is_ok_and(|filter| filter.asks_for_code(1006)) {
            lines.push(Text::of(
                Role::Note,
                " 1006 is reported by APIs and never sent: \"not close.code\" selects connections that ended without a Close frame",
            ));
        }
        if self.text.trim().is_empty() {
            lines.push(Text::of(
                Role::Dim,
                " examples:  len > 1000   text ~ \"err.*\"   op == close and close.code != 1000",
            ));
        }
        if lines.is_empty() && self.parsed.is_ok() {
            return;
        }
        let wide = lines.iter().map(Text::width).chain([title.width() + 6]).max().unwrap_or(0) as u16 + 2;
        let (wide, high) = (
            wide.clamp(24, width.max(24)).min(width),
            (lines.len() as u16 + 2).min(height.saturating_sub(4)),
        );
        let x = column.min(width.saturating_sub(wide));
        let area = Rect { x, y: (height - 2).saturating_sub(high), width: wide, height: high };
        pane::clear(buffer, area);
        let inner = Pane { title, focused: true, ..Pane::default() }.draw(buffer, area, ctx.theme());
        ctx.lines(buffer, inner, &lines);
    }
}
