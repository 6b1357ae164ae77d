//! Figures: where the bytes went, what HTTP would have cost, traffic, health.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `figures` | the numbers, gathered in bounded steps |
//! | `draw` | the panes |

mod draw;
mod figures;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, empty, hint, hint_as};
use crate::store::Reading;
use crate::store::detail::Request;
use crate::tui::commands::Cmd;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::shared::{Ctx, Menu, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, units};
use draw::StatsPage;
use figures::{Figures, Over};

/// The model of what HTTP would have cost.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    /// Nanoseconds between two polls.
    poll: u64,
    /// Bytes of a request's head, where that was set.
    request: Option<u64>,
    /// Bytes of a response's head, where that was set.
    response: Option<u64>,
}

impl Default for Model {
    fn default() -> Self {
        Self { poll: crate::report::stats::StatsOptions::default().poll, request: None, response: None }
    }
}

/// The panes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane4 {
    #[default]
    Bytes,
    Http,
    Traffic,
    Health,
}

const PANES: [Pane4; 4] = [Pane4::Bytes, Pane4::Http, Pane4::Traffic, Pane4::Health];
/// The panes as lessons name them.
const NAMES: [(&str, Pane4); 4] =
    [("bytes", Pane4::Bytes), ("http", Pane4::Http), ("traffic", Pane4::Traffic), ("health", Pane4::Health)];
/// Lines that a pane can be scrolled.
const MOST: usize = 30;
const POLL: u32 = 1;
const REQUEST: u32 = 2;
const RESPONSE: u32 = 3;
const RESET: u32 = 4;

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    all: bool,
    focus: Pane4,
    scroll: usize,
    formulas: bool,
    model: Model,
    figures: Figures,
    busy: bool,
}

impl Stats {
    fn step(&mut self, by: isize) {
        let at = PANES.iter().position(|pane| *pane == self.focus).unwrap_or(0) as isize;
        let next = (at + by).rem_euclid(PANES.len() as isize) as usize;
        self.focus = PANES.get(next).copied().unwrap_or_default();
        self.scroll = 0;
    }

    /// Where the panes are: one above the other in a narrow terminal.
    fn areas(&self, zoomed: bool, area: Rect) -> Vec<(Pane4, Rect)> {
        if zoomed {
            return vec![(self.focus, area)];
        }
        if area.width >= 100 && area.height >= 20 {
            let (left, top) = (area.width * 47 / 100, (area.height / 2).max(14));
            let right = area.width - left;
            let bottom = area.height - top;
            return vec![
                (Pane4::Bytes, Rect { width: left, height: top, ..area }),
                (Pane4::Http, Rect { x: area.x + left, width: right, height: top, ..area }),
                (Pane4::Traffic, Rect { y: area.y + top, width: left, height: bottom, ..area }),
                (Pane4::Health, Rect { x: area.x + left, y: area.y + top, width: right, height: bottom }),
            ];
        }
        // Too little for all: the one with the focus gets what it needs, the others what is left.
        let least = 4;
        let wants = |pane: Pane4| match pane {
            Pane4::Bytes => 8,
            Pane4::Http => 8,
            _ => 9,
        };
        let mut found = Vec::new();
        let mut y = area.y;
        let first = PANES.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        for pane in PANES.iter().cycle().skip(first).take(PANES.len()) {
            let left = area.bottom().saturating_sub(y);
            let height = if wants(*pane) + least > left { left } else { wants(*pane) };
            if height < least {
                break;
            }
            found.push((*pane, Rect { y, height, ..area }));
            y += height;
        }
        found
    }
}

impl Screen for Stats {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let over = if self.all { Over::All } else { Over::Connection(turn.shared.selection.connection) };
        if self.figures.over != over {
            self.figures = Figures::new(over);
        }
        let done = turn.shared.progress.state != Reading::Reading;
        self.busy = self.figures.advance(turn.index, done);
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        match cmd {
            Cmd::Scope => {
                self.all = !self.all;
                self.figures = Figures::default();
            }
            Cmd::NextPane => self.step(1),
            Cmd::PreviousPane => self.step(-1),
            Cmd::Open => self.formulas = !self.formulas,
            Cmd::Down => self.scroll = (self.scroll + 1).min(MOST),
            Cmd::Up => self.scroll = self.scroll.saturating_sub(1),
            Cmd::First => self.scroll = 0,
            Cmd::Model => {
                let bytes = |set: Option<u64>| set.map_or("as captured".to_owned(), |set| format!("{set} B"));
                let item = |id, words: &str, now: String| (id, words.to_owned(), now);
                turn.menu(Menu {
                    title: "HTTP model".to_owned(),
                    items: vec![
                        item(POLL, "polling interval", units::duration(self.model.poll)),
                        item(REQUEST, "head of a request", bytes(self.model.request)),
                        item(RESPONSE, "head of a response", bytes(self.model.response)),
                        item(RESET, "as captured, each second", String::new()),
                    ],
                });
            }
            Cmd::Copy => {
                let page = StatsPage {
                    ctx: turn.ctx(),
                    figures: &self.figures,
                    model: &self.model,
                    formulas: self.formulas,
                };
                let lines = page.lines(self.focus, 100, 40);
                let text: String =
                    lines.iter().map(|line| line.plain().trim_end().to_owned() + "\n").collect();
                turn.copy(text, turn.lang().pick("the pane", "窗格"));
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        match mouse.kind {
            MouseKind::WheelUp => self.scroll = self.scroll.saturating_sub(1),
            MouseKind::WheelDown => self.scroll = (self.scroll + 1).min(MOST),
            _ => {
                let areas = self.areas(turn.shared.zoomed, turn.shared.body());
                let hit = areas.iter().find(|(_, area)| area.contains((mouse.x, mouse.y).into()));
                if let Some((pane, _)) = hit
                    && turn.shared.is_wide()
                {
                    self.focus = *pane;
                }
            }
        }
    }

    fn picked(&mut self, item: u32, turn: &mut Turn<'_>) {
        let bytes = |set: Option<u64>| set.map(|set| set.to_string()).unwrap_or_default();
        match item {
            POLL => turn.prompt(POLL, "seconds between two polls", seconds(self.model.poll)),
            REQUEST => turn.prompt(
                REQUEST,
                "bytes of a request's head (empty: as captured)",
                bytes(self.model.request),
            ),
            RESPONSE => {
                turn.prompt(
                    RESPONSE,
                    "bytes of a response's head (empty: as captured)",
                    bytes(self.model.response),
                );
            }
            _ => self.model = Model::default(),
        }
    }

    fn entered(&mut self, id: u32, text: &str, done: bool, turn: &mut Turn<'_>) {
        if !done {
            return;
        }
        let text = text.trim();
        let bytes = || text.parse::<u64>().ok().filter(|bytes| *bytes <= 1 << 30);
        match id {
            POLL if text.is_empty() => {}
            POLL => match text.parse::<f64>() {
                Ok(seconds) if (0.001..=1e6).contains(&seconds) => self.model.poll = (seconds * 1e9) as u64,
                _ => turn.warn("expected seconds, from 0.001 to 1000000"),
            },
            REQUEST | RESPONSE if !text.is_empty() && bytes().is_none() => {
                turn.warn("expected a number of bytes")
            }
            REQUEST => self.model.request = bytes(),
            RESPONSE => self.model.response = bytes(),
            _ => {}
        }
    }

    fn here(&self, _ctx: &Ctx<'_>) -> String {
        NAMES
            .iter()
            .find(|(_, pane)| *pane == self.focus)
            .map_or(String::new(), |(name, _)| (*name).to_owned())
    }

    fn point(&mut self, at: &str, _turn: &mut Turn<'_>) -> bool {
        let found = NAMES.iter().find(|(name, _)| *name == at);
        if let Some((_, pane)) = found {
            (self.focus, self.scroll) = (*pane, 0);
        }
        found.is_some()
    }

    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        let connection = ctx.shared.selection.connection;
        (!self.all && connection > 0).then_some(Request::Tcp { connection })
    }

    fn is_busy(&self) -> bool {
        self.busy
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let page =
            StatsPage { ctx: *ctx, figures: &self.figures, model: &self.model, formulas: self.formulas };
        for (pane, area) in self.areas(ctx.shared.zoomed, area) {
            let title = match pane {
                Pane4::Bytes => "Bytes by layer",
                Pane4::Http => "What if it had been HTTP?",
                Pane4::Traffic => "Traffic",
                Pane4::Health => "Health",
            };
            let focused = pane == self.focus;
            let mut frame = Pane::new(title, focused);
            if pane == Pane4::Http
                && let Some(given) = self.figures.totals.given(self.model.poll)
            {
                let request = self.model.request.unwrap_or(given.request_bytes);
                let response = self.model.response.unwrap_or(given.response_bytes);
                frame = frame.right(format!("model: {request}+{response} B of heads"));
            }
            let inner = frame.draw(buffer, area, ctx.theme());
            if inner.width < 3 {
                continue;
            }
            let inner = Rect { x: inner.x + 1, width: inner.width - 2, ..inner };
            let lines = page.lines(pane, usize::from(inner.width), usize::from(inner.height));
            let hidden = lines.len().saturating_sub(usize::from(inner.height));
            let skip = if focused { self.scroll.min(hidden) } else { 0 };
            if lines.is_empty() {
                empty(ctx, buffer, inner, "nothing to count");
            }
            ctx.lines(buffer, inner, lines.get(skip..).unwrap_or_default());
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let mut line = Text::of(Role::Plain, " scope: ");
        match (self.all, ctx.connection()) {
            (false, Some(connection)) => {
                line.plainly(format!("connection #{} ", connection.id));
                line.captured(Role::Plain, connection.short_name(ctx.shared.lang).as_bytes(), 40);
                line.add(Role::Dim, "  (A: all connections)");
            }
            _ => drop(line.plainly("all connections").add(Role::Dim, "  (A: one connection)")),
        }
        if self.busy {
            let done = units::percent(self.figures.walked, self.figures.all.max(1));
            line.add(Role::Note, format!("   counting: {done}"));
        }
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint(Cmd::NextPane, 5),
            hint(Cmd::Scope, 8),
            hint(Cmd::Model, 7),
            hint_as(Cmd::Open, "formula", "公式", 6),
            hint(Cmd::Copy, 3),
            hint_as(Cmd::Export, "export", "导出", 2),
            hint(Cmd::Back, 9),
        ];
        HINTS
    }
}

/// Nanoseconds as seconds, as a person types them.
fn seconds(nanoseconds: u64) -> String {
    let text = format!("{}.{:09}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
