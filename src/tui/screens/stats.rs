//! Statistics: bytes by layer, the estimate for HTTP, traffic, health.
//!
//! | file | contents |
//! | --- | --- |
//! | `figures` | the figures, computed in steps |
//! | `draw` | the panes |

mod draw;
mod figures;

use ratatui::buffer::Buffer;
use ratatui::layout::Constraint::{Fill, Length, Min, Percentage};
use ratatui::layout::{Layout, Margin, Rect};

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

/// The assumptions for the estimate of the same messages over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    /// Nanoseconds between two polls.
    poll: u64,
    /// Bytes of a request's headers, if set by the user.
    request: Option<u64>,
    /// Bytes of a response's headers, if set by the user.
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
/// Number of lines that a pane can be scrolled.
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

    /// The areas of the panes: two by two, or one above the other in a small terminal.
    fn areas(&self, zoomed: bool, area: Rect) -> Vec<(Pane4, Rect)> {
        if zoomed {
            return vec![(self.focus, area)];
        }
        if area.width >= 100 && area.height >= 20 {
            let [left, right] = Layout::horizontal([Percentage(47), Fill(1)]).areas(area);
            let rows = Layout::vertical([Length((area.height / 2).max(14)), Min(0)]);
            let [bytes, traffic] = rows.areas(left);
            let [http, health] = rows.areas(right);
            return PANES.into_iter().zip([bytes, http, traffic, health]).collect();
        }
        // The pane with the focus comes first, then those that fit.
        let least = 4;
        let first = PANES.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        let mut shown = Vec::new();
        let mut left = area.height;
        for pane in PANES.iter().cycle().skip(first).take(PANES.len()) {
            let wanted = if matches!(pane, Pane4::Bytes | Pane4::Http) { 8 } else { 9 };
            let rows = if wanted + least > left { left } else { wanted };
            if rows < least {
                break;
            }
            shown.push((*pane, Length(rows)));
            left -= rows;
        }
        let areas = Layout::vertical(shown.iter().map(|(_, rows)| *rows)).split(area);
        shown.iter().map(|(pane, _)| *pane).zip(areas.iter().copied()).collect()
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
                let lang = turn.lang();
                let bytes = |set: Option<u64>| {
                    set.map_or(lang.pick("as captured", "按抓包").to_owned(), |set| format!("{set} B"))
                };
                let item = |id, words: &str, now: String| (id, words.to_owned(), now);
                turn.menu(Menu {
                    title: lang.pick("HTTP model", "HTTP 模型").to_owned(),
                    items: vec![
                        item(
                            POLL,
                            lang.pick("polling interval", "轮询间隔"),
                            units::duration(self.model.poll),
                        ),
                        item(REQUEST, lang.pick("request headers", "请求首部"), bytes(self.model.request)),
                        item(RESPONSE, lang.pick("response headers", "响应首部"), bytes(self.model.response)),
                        item(RESET, lang.pick("reset all", "全部还原"), String::new()),
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
        let lang = turn.lang();
        match item {
            POLL => turn.prompt(
                POLL,
                lang.pick("seconds between two polls", "两次轮询间隔的秒数"),
                seconds(self.model.poll),
            ),
            REQUEST => turn.prompt(
                REQUEST,
                lang.pick(
                    "bytes of request headers (empty: as captured)",
                    "请求首部的字节数（留空：按抓包）",
                ),
                bytes(self.model.request),
            ),
            RESPONSE => {
                turn.prompt(
                    RESPONSE,
                    lang.pick(
                        "bytes of response headers (empty: as captured)",
                        "响应首部的字节数（留空：按抓包）",
                    ),
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
                _ => turn.warn(
                    turn.lang().pick("expected seconds, from 0.001 to 1000000", "应为秒数，0.001 至 1000000"),
                ),
            },
            REQUEST | RESPONSE if !text.is_empty() && bytes().is_none() => {
                turn.warn(turn.lang().pick("expected a number of bytes", "应为字节数"))
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
        let lang = ctx.shared.lang;
        let page =
            StatsPage { ctx: *ctx, figures: &self.figures, model: &self.model, formulas: self.formulas };
        for (pane, area) in self.areas(ctx.shared.zoomed, area) {
            let title = match pane {
                Pane4::Bytes => lang.pick("Bytes by layer", "各层字节数"),
                Pane4::Http => lang.pick("The same over HTTP", "改用 HTTP 的开销"),
                Pane4::Traffic => lang.pick("Traffic", "流量"),
                Pane4::Health => lang.pick("Health", "健康状况"),
            };
            let focused = pane == self.focus;
            let mut frame = Pane::new(title, focused);
            if pane == Pane4::Http
                && let Some(given) = self.figures.totals.given(self.model.poll)
            {
                let request = self.model.request.unwrap_or(given.request_bytes);
                let response = self.model.response.unwrap_or(given.response_bytes);
                frame = frame.right(lang.pick(
                    format!("model: {request}+{response} B of headers"),
                    format!("模型：首部 {request}+{response} B"),
                ));
            }
            let inner = frame.draw(buffer, area, ctx.theme());
            if inner.width < 3 {
                continue;
            }
            let inner = inner.inner(Margin { horizontal: 1, vertical: 0 });
            let lines = page.lines(pane, usize::from(inner.width), usize::from(inner.height));
            let hidden = lines.len().saturating_sub(usize::from(inner.height));
            let skip = if focused { self.scroll.min(hidden) } else { 0 };
            if lines.is_empty() {
                empty(ctx, buffer, inner, lang.pick("nothing to count", "没有可统计的内容"));
            }
            ctx.lines(buffer, inner, lines.get(skip..).unwrap_or_default());
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let lang = ctx.shared.lang;
        let mut line = Text::of(Role::Plain, lang.pick(" scope: ", " 范围："));
        match (self.all, ctx.connection()) {
            (false, Some(connection)) => {
                line.plainly(format!("{}#{} ", lang.pick("connection ", "连接 "), connection.id));
                line.captured(Role::Plain, connection.short_name(ctx.shared.lang).as_bytes(), 40);
                line.add(Role::Dim, lang.pick("  (A: all connections)", "  （A：全部连接）"));
            }
            _ => {
                line.plainly(lang.pick("all connections", "全部连接"));
                line.add(Role::Dim, lang.pick("  (A: one connection)", "  （A：单个连接）"));
            }
        }
        if self.busy {
            let done = units::percent(self.figures.walked, self.figures.all.max(1));
            line.add(Role::Note, format!("{}{done}", lang.pick("   counting: ", "   正在统计：")));
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

/// Returns nanoseconds in seconds, without trailing zeros.
fn seconds(nanoseconds: u64) -> String {
    let text = format!("{}.{:09}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
