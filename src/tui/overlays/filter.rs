//! The filter while it is typed: its errors, completions, and the number of rows that it selects.

use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{InputLine, filter_words};
use crate::filter::{self, Completion, Filter, FilterError, FilterVerdict};
use crate::model::Lang;
use crate::store::Index;
use crate::tui::choice::Choice;
use crate::tui::records::{KnownRecord, OfFinding, OfMessage};
use crate::tui::screens::ScreenId;
use crate::tui::screens::rows::Rows;
use crate::tui::shared::{Ctx, Shared};
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, pane, units};

/// Time without a key before rows are counted.
const REST: Duration = Duration::from_millis(80);
/// Number of visible completions.
const SHOWN: usize = 8;

/// A filter that is being typed.
#[derive(Clone, Debug)]
pub struct Trial {
    text: String,
    cursor: usize,
    parsed: Result<Arc<Filter>, FilterError>,
    completions: Vec<Completion>,
    rows: Rows,
    /// The connections that it selects, on their screen.
    choice: Option<Choice>,
    /// Number of connections that it selects, of those still to be searched, and of all.
    chosen: Option<((u64, u64), u64)>,
    typed: Duration,
    /// Whether counting has started.
    counted: bool,
    version: u64,
}

impl Trial {
    /// Evaluates an input line.
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

    /// Returns whether this is the evaluation of a line.
    #[must_use]
    pub fn is_of(&self, line: &InputLine) -> bool {
        (self.text.as_str(), self.cursor) == (line.text(), line.cursor())
    }

    /// Returns the bytes of the faulty word, if there is an error.
    #[must_use]
    pub fn fault(&self) -> Option<std::ops::Range<usize>> {
        self.parsed.as_ref().err().map(|error| error.range.clone())
    }

    /// Number of completions.
    #[must_use]
    pub fn proposals(&self) -> usize {
        self.completions.len()
    }

    /// Returns a completion.
    #[must_use]
    pub fn proposal(&self, at: usize) -> Option<&Completion> {
        self.completions.get(at)
    }

    /// Continues to count rows when no key is being typed.
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

    /// Returns whether counting continues at the next tick.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let choosing = self.choice.as_ref().is_some_and(|choice| choice.is_busy());
        self.parsed.is_ok() && (!self.counted || self.rows.is_busy() || choosing)
    }

    /// `ok  12 of 19`, or `error`.
    #[must_use]
    pub fn verdict(&self, screen: ScreenId, shared: &Shared) -> Text {
        let lang = shared.lang;
        let mut line = Text::new();
        let Ok(filter) = &self.parsed else {
            line.add(Role::Error, lang.pick("error", "错误"));
            return line;
        };
        if filter.is_empty() {
            line.add(Role::Dim, lang.pick("empty shows all", "留空显示全部"));
            return line;
        }
        line.add(Role::Ok, lang.pick("ok", "正确"));
        if self.is_due(shared) {
            let (count, of, unknown, busy) = match self.chosen.filter(|_| screen == ScreenId::Connections) {
                Some(((count, unknown), of)) => (count, of, unknown, false),
                None if screen == ScreenId::Connections => return line,
                None => {
                    let rows = &self.rows;
                    (rows.count() as u64, rows.of() as u64, rows.undecided(), rows.is_busy())
                }
            };
            let (count, of) = (units::grouped(count), units::grouped(of));
            line.plainly(format!("  {count}{}{of}", lang.pick(" of ", " / ")));
            if unknown > 0 {
                let unknown = units::grouped(unknown);
                line.add(
                    Role::Note,
                    lang.pick(format!(" and {unknown} to be searched"), format!("，另有 {unknown} 个待搜索")),
                );
            }
            if busy {
                line.plainly("…");
            }
        }
        line
    }

    /// Draws the completions above the line. `pick`: the one under the cursor.
    pub fn view(&self, ctx: &Ctx<'_>, buffer: &mut Buffer, column: u16, pick: usize) {
        let (width, height) = ctx.shared.size;
        let lang = ctx.shared.lang;
        let mut lines = Vec::new();
        let mut title = Text::new();
        if let Err(error) = &self.parsed {
            let (what, note) = match lang {
                Lang::En => (error.what.clone(), error.note()),
                Lang::Zh => (filter_words::error(error, &self.text), filter_words::note(error)),
            };
            title.captured(Role::Error, what.as_bytes(), 60);
            if !note.is_empty() {
                let mut line = Text::of(Role::Plain, " ");
                line.captured(Role::Plain, note.as_bytes(), 76);
                lines.push(line);
            }
        }
        if title.is_empty() {
            title.add(
                Role::Title,
                match self.completions.is_empty() {
                    true => lang.pick("Filter", "过滤器"),
                    false => lang.pick("Tab completes", "Tab 补全"),
                },
            );
        }
        let top = pick.saturating_sub(SHOWN - 1);
        for (at, completion) in self.completions.iter().enumerate().skip(top).take(SHOWN) {
            let mut line = Text::of(Role::Title, if at == pick { "▸" } else { " " });
            line.captured_cell(Role::Plain, completion.text.as_bytes(), 22).plainly(" ");
            let count = completion.count.map(units::grouped).unwrap_or_default();
            line.right(Role::Plain, &count, 7).plainly("  ");
            let help = lang.pick(completion.help.as_str(), filter_words::help(completion));
            line.captured(Role::Dim, help.as_bytes(), 60);
            lines.push(line);
        }
        if self.completions.len() > SHOWN {
            lines.push(Text::of(Role::Dim, {
                let count = self.completions.len();
                lang.pick(format!(" {count} in all, ↑↓ select one"), format!(" 共 {count} 个，↑↓ 选择"))
            }));
        }
        if self.parsed.as_ref().is_ok_and(|filter| filter.asks_for_code(1006)) {
            lines.push(Text::of(
                Role::Note,
                lang.pick(
                    " 1006 is reported by APIs and never sent: \"not close.code\" selects connections that ended without \
                     a Close frame",
                    " 1006 由 API 报告，从不发送：\"not close.code\" 选择没有 Close 帧就结束的连接",
                ),
            ));
        }
        if self.text.trim().is_empty() {
            lines.push(Text::of(
                Role::Dim,
                lang.pick(
                    " examples:  len > 1000   text ~ \"err.*\"   op == close and close.code != 1000",
                    " 示例：  len > 1000   text ~ \"err.*\"   op == close and close.code != 1000",
                ),
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
