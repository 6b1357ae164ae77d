//! All connections of a capture, and a summary of the one under the cursor.

mod sealed;
mod summary;
mod view;

use ratatui::buffer::Buffer;
use ratatui::layout::Constraint::{Fill, Length, Min};
use ratatui::layout::{Layout, Rect};

use super::{Hint, STOPPED, Screen, ScreenId, filter_status, hint, hint_as, hint_pair};
use crate::autopsy::words;
use crate::filter::FilterVerdict;
use crate::model::{Lang, Severity};
use crate::pipeline::State;
use crate::store::{ConnectionRow, Index, Reading};
use crate::tui::commands::Cmd;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::live;
use crate::tui::shared::{Ctx, Menu, Panes, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Pane, Text, pane, units};

/// The order of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SortOrder {
    #[default]
    FirstSeen,
    Messages,
    Bytes,
    Duration,
    Findings,
}

impl SortOrder {
    fn next(self) -> Self {
        match self {
            Self::FirstSeen => Self::Messages,
            Self::Messages => Self::Bytes,
            Self::Bytes => Self::Duration,
            Self::Duration => Self::Findings,
            Self::Findings => Self::FirstSeen,
        }
    }

    fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::FirstSeen => lang.pick("first seen", "首次出现"),
            Self::Messages => lang.pick("messages", "消息数"),
            Self::Bytes => lang.pick("bytes", "字节数"),
            Self::Duration => lang.pick("duration", "持续时间"),
            Self::Findings => lang.pick("findings", "发现"),
        }
    }

    /// The value by which rows are sorted, the highest first.
    fn weight(self, row: &ConnectionRow) -> u64 {
        let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
        match self {
            Self::FirstSeen => 0,
            Self::Messages => c2s.messages.saturating_add(s2c.messages),
            Self::Bytes => c2s.wire_bytes.saturating_add(s2c.wire_bytes),
            Self::Duration => duration(row).unwrap_or(0),
            Self::Findings => {
                let [info, warning, error] = row.findings;
                // An error outweighs any number of warnings.
                error
                    .saturating_mul(1 << 40)
                    .saturating_add(warning.saturating_mul(1 << 20))
                    .saturating_add(info)
            }
        }
    }
}

/// The state that the rows were computed from. While it is unchanged, so are they.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    connections: usize,
    /// A value that changes while the capture is read, if the order or the filter depends on it; else 0.
    moving: u64,
    released: u64,
    filter: u64,
    order: SortOrder,
    backwards: bool,
    marks: usize,
    /// The version of the filter's result.
    choice: u64,
}

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    list: List,
    /// Numbers of the connections shown, in the order of the rows.
    rows: Vec<u32>,
    stamp: Option<Stamp>,
    order: SortOrder,
    backwards: bool,
    only_marked: bool,
    /// Number of connections for which the filter has no result yet.
    undecided: u64,
    /// Keys go to the summary.
    below: bool,
    scroll: usize,
}

/// Returns how long a connection was open, in nanoseconds: up to its end, or to its last packet.
#[must_use]
pub fn duration(row: &ConnectionRow) -> Option<u64> {
    let opened = row.response.filter(|_| row.handshake.upgraded);
    let begin = opened.map_or(row.first.time, |place| place.last.time);
    let end = row.closed.unwrap_or(row.last.time);
    u64::try_from(end.since(begin).0).ok()
}

/// Returns the symbol for a connection's state, and its role.
#[must_use]
pub fn sign(row: &ConnectionRow) -> (&'static str, Role) {
    match row.state {
        Some(State::Closed) if row.closing.is_some() => ("●", Role::Ok),
        Some(State::Closed) => ("●", Role::Warning),
        Some(State::Reset) => ("●", Role::Error),
        Some(State::Refused) => ("✗", Role::Error),
        Some(State::Unanswered) => ("✗", Role::Warning),
        Some(State::TimedOut) => ("◐", Role::Warning),
        Some(State::Open) | None => ("▶", Role::Plain),
    }
}

/// Returns how a connection ended, in six columns: a close code or a word.
#[must_use]
pub fn ending(row: &ConnectionRow, lang: Lang) -> (String, Role) {
    if let Some(closing) = &row.closing {
        let role = match closing.code {
            Some(1000 | 1001) => Role::Plain,
            _ => Role::Warning,
        };
        return (closing.code.map_or(lang.pick("empty", "空").to_owned(), |code| code.to_string()), role);
    }
    if let Some(cell) = row.end.as_deref().and_then(words::cell) {
        let role = if row.state == Some(State::Reset) { Role::Error } else { Role::Warning };
        return (cell, role);
    }
    let (words, role) = match row.state {
        Some(State::Closed) => (lang.pick("none", "无"), Role::Warning),
        Some(State::Reset) => (lang.pick("reset", "重置"), Role::Error),
        Some(State::Refused | State::Unanswered) => ("-", Role::Plain),
        Some(State::TimedOut) => (lang.pick("silent", "超时"), Role::Warning),
        Some(State::Open) | None => (lang.pick("open", "打开"), Role::Plain),
    };
    (words.to_owned(), role)
}

impl Connections {
    fn selected(&self) -> Option<u32> {
        self.rows.get(self.list.cursor).copied()
    }

    /// The areas of the list and of the summary.
    fn areas(&self, ctx: &Ctx<'_>) -> (Rect, Rect) {
        let body = ctx.shared.body();
        let split = |layout: Layout| {
            let [list, summary] = layout.areas(body);
            (list, summary)
        };
        if ctx.shared.zoomed {
            let (list, summary) = if self.below { (Length(0), Min(0)) } else { (Min(0), Length(0)) };
            return split(Layout::vertical([list, summary]));
        }
        let rows = match body.height {
            ..16 => 0,
            16..28 => 5,
            28.. => 14,
        };
        let rows = match () {
            () if body.height < 14 => 0,
            () if live::is_running(&ctx.shared.progress) => live::height(body).min(rows.max(6)),
            () if is_reading(ctx) => 4.min(rows),
            () => rows,
        };
        match ctx.shared.layout {
            Some(Panes::List) => split(Layout::vertical([Min(0), Length(0)])),
            Some(Panes::Right) if body.width >= 120 => split(Layout::horizontal([Fill(3), Fill(2)])),
            _ => split(Layout::vertical([Min(0), Length(rows)])),
        }
    }

    /// Computes the rows again if anything they depend on has changed.
    fn choose(&mut self, turn: &Turn<'_>) {
        let (index, shared) = (turn.index, &turn.shared);
        let is_moving = self.order != SortOrder::FirstSeen || shared.parsed.is_some();
        let stamp = Stamp {
            connections: index.connections.len(),
            moving: if is_moving {
                index.messages.wrapping_add(index.frames).wrapping_add(index.findings.len() as u64)
            } else {
                0
            },
            released: index.released.connections,
            filter: shared.filter_version,
            order: self.order,
            backwards: self.backwards,
            marks: if self.only_marked { shared.marks.len() + 1 } else { 0 },
            choice: shared.choice.as_ref().map_or(0, |choice| choice.version()),
        };
        // Paused lists do not change.
        let same = |known: Stamp| {
            let Stamp { connections, moving, choice, .. } = known;
            let stamp =
                if shared.live.paused { Stamp { connections, moving, choice, ..stamp } } else { stamp };
            known == stamp
        };
        if self.stamp.is_some_and(same) {
            return;
        }
        self.stamp = Some(stamp);
        let mut undecided = 0;
        let chosen = |row: &&ConnectionRow| {
            let verdict = shared.verdict(index, row);
            undecided += u64::from(verdict == FilterVerdict::Unknown);
            verdict == FilterVerdict::Yes && (!self.only_marked || shared.marks.contains(&(row.id.0, 0)))
        };
        let mut rows: Vec<&ConnectionRow> = index.connections.iter().filter(chosen).collect();
        self.undecided = undecided;
        if self.order == SortOrder::FirstSeen {
            rows.sort_by_key(|row| row.id);
        } else {
            rows.sort_by_key(|row| (std::cmp::Reverse(self.order.weight(row)), row.id));
        }
        if self.backwards {
            rows.reverse();
        }
        self.rows = rows.into_iter().map(|row| row.id.0).collect();
    }

    /// Moves the cursor to the next row that `wanted` accepts; returns whether there is one.
    fn seek(&mut self, turn: &mut Turn<'_>, forwards: bool, wanted: impl Fn(&Turn<'_>, u32) -> bool) -> bool {
        let len = self.rows.len();
        for step in 1..=len {
            let at =
                if forwards { self.list.cursor + step } else { self.list.cursor + len - step } % len.max(1);
            if self.rows.get(at).is_some_and(|id| wanted(turn, *id)) {
                self.list.go(at);
                self.follow(turn);
                return true;
            }
        }
        false
    }

    /// Selects the connection under the cursor.
    fn follow(&self, turn: &mut Turn<'_>) {
        if let Some(id) = self.selected() {
            turn.select_connection(id);
        }
    }
}

/// Returns whether the progress of reading is shown in place of the summary.
fn is_reading(ctx: &Ctx<'_>) -> bool {
    ctx.shared.progress.state == Reading::Reading && ctx.shared.now.as_millis() > 500
}

impl Screen for Connections {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let before = self.selected();
        self.choose(turn);
        let height = usize::from(pane::inside(self.areas(&turn.ctx()).0).height).saturating_sub(1);
        let selected = turn.shared.selection.connection;
        // Rows that are added or removed above the cursor do not move the selection.
        if let Some(at) = self.rows.iter().position(|id| *id == selected) {
            let moved = at as isize - self.list.cursor as isize;
            let stays = before == Some(selected);
            let top = self.list.top.saturating_add_signed(moved);
            self.list.settle(self.rows.len(), height);
            if moved != 0 {
                self.list.go(at);
                self.list.top = if stays { top } else { self.list.top };
                self.list.settle(self.rows.len(), height);
            }
        } else {
            self.list.settle(self.rows.len(), height);
            self.follow(turn);
        }
        turn.shared.none_shown = self.rows.is_empty() && !turn.index.connections.is_empty();
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        if self.below && matches!(cmd, Cmd::Down | Cmd::Up | Cmd::First) {
            self.scroll = match cmd {
                Cmd::Down => self.scroll + 1,
                Cmd::Up => self.scroll.saturating_sub(1),
                _ => 0,
            };
            let most = summary::lines(&turn.ctx()).len().saturating_sub(1);
            self.scroll = self.scroll.min(most);
            return true;
        }
        if self.list.act(cmd) {
            self.follow(turn);
            self.scroll = 0;
            return true;
        }
        match cmd {
            // Without a filter, new connections may not be in the list yet.
            Cmd::Open | Cmd::FilterThis | Cmd::Copy | Cmd::CopyAs
                if self.rows.is_empty() && turn.shared.parsed.is_some() =>
            {
                turn.warn(turn.lang().pick("no connection is shown", "没有显示任何连接"));
            }
            Cmd::Open => {
                let Some(row) = turn.ctx().connection() else { return true };
                let failed = matches!(row.state, Some(State::Refused | State::Unanswered));
                turn.go(if failed { ScreenId::Handshake } else { ScreenId::Messages });
            }
            Cmd::NextPane | Cmd::PreviousPane => {
                self.below = !self.below && (self.areas(&turn.ctx()).1.height > 0 || turn.shared.zoomed);
            }
            Cmd::Layout => {
                let next = match turn.shared.layout {
                    Some(Panes::List) => None,
                    None if turn.shared.size.0 >= 120 => Some(Panes::Right),
                    _ => Some(Panes::List),
                };
                turn.shared.layout = next;
                self.below = false;
            }
            Cmd::Sort => {
                self.order = self.order.next();
                let lang = turn.lang();
                turn.say(format!("{}{}", lang.pick("sort: ", "排序："), self.order.words(lang)));
            }
            Cmd::SortBackwards => self.backwards = !self.backwards,
            Cmd::Mark => {
                if let Some(id) = self.selected() {
                    if !turn.shared.marks.remove(&(id, 0)) {
                        turn.shared.marks.insert((id, 0));
                    }
                    self.list.step(1);
                    self.follow(turn);
                }
            }
            Cmd::NextMark => {
                if !self.seek(turn, true, |turn, id| turn.shared.marks.contains(&(id, 0))) {
                    turn.say(
                        turn.lang()
                            .pick("nothing is marked; Space marks a row", "没有标记；按 Space 标记一行"),
                    );
                }
            }
            Cmd::OnlyMarked => self.only_marked = !self.only_marked,
            Cmd::NextFinding | Cmd::PreviousFinding => {
                let has =
                    |turn: &Turn<'_>, id| turn.index.connection(id).is_some_and(|row| row.findings != [0; 3]);
                if !self.seek(turn, cmd == Cmd::NextFinding, has) {
                    turn.say(turn.lang().pick("no connection has a finding", "没有连接带有发现"));
                }
            }
            Cmd::SearchNext | Cmd::SearchPrevious => {
                let wanted = turn.shared.search.to_lowercase();
                if wanted.is_empty() {
                    turn.say(
                        turn.lang().pick(
                            "nothing to search for; / starts a search",
                            "没有要搜索的内容；按 / 开始搜索",
                        ),
                    );
                } else if !self.seek(turn, cmd == Cmd::SearchNext, |turn, id| is_hit(turn.index, id, &wanted))
                {
                    turn.warn(turn.lang().pick(
                        "not found in URLs, addresses and subprotocols",
                        "在 URL、地址和子协议中未找到",
                    ));
                }
            }
            Cmd::FilterThis => {
                if let Some(row) = turn.ctx().connection() {
                    turn.propose_filter(format!("server == {}", row.server));
                }
            }
            Cmd::Copy => match turn.ctx().connection().map(|row| row.url.as_deref().map(str::to_owned)) {
                Some(Some(url)) => turn.copy(url, turn.lang().pick("the URL", "URL")),
                Some(None) => turn.warn(unknown_url(turn.lang())),
                None => {}
            },
            Cmd::CopyAs => {
                let item = |id, words: &str, remark: &str| (id, words.to_owned(), remark.to_owned());
                let lang = turn.lang();
                turn.menu(Menu {
                    title: lang.pick("Copy as", "复制为").to_owned(),
                    items: vec![
                        item(0, "URL", ""),
                        item(
                            1,
                            lang.pick("both addresses", "两端地址"),
                            lang.pick("client and server", "客户端和服务器"),
                        ),
                        item(2, lang.pick("filter for this", "选择此连接的过滤器"), "conn == n"),
                        item(3, lang.pick("summary", "摘要"), lang.pick("as text", "文本")),
                    ],
                });
            }
            _ => return false,
        }
        true
    }

    fn picked(&mut self, item: u32, turn: &mut Turn<'_>) {
        let Some(row) = turn.ctx().connection() else { return };
        let text = match item {
            0 => match row.url.as_deref() {
                Some(url) => url.to_owned(),
                None => return turn.warn(unknown_url(turn.lang())),
            },
            1 => format!("{} {}", row.client, row.server),
            2 => format!("conn == {}", row.id),
            _ => summary::lines(&turn.ctx()).iter().map(|line| line.plain() + "\n").collect(),
        };
        turn.copy(text, turn.lang().pick("the text", "文本"));
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let (list, below) = self.areas(&turn.ctx());
        let at = (mouse.x, mouse.y).into();
        match mouse.kind {
            MouseKind::WheelDown | MouseKind::WheelUp => {
                let by = if mouse.kind == MouseKind::WheelDown { 3 } else { -3 };
                if list.contains(at) {
                    self.list.scroll(by);
                } else if below.contains(at) {
                    self.scroll = self.scroll.saturating_add_signed(by.signum()).min(20);
                }
            }
            MouseKind::Click | MouseKind::DoubleClick => {
                self.below = below.contains(at);
                let line = mouse.y.checked_sub(pane::inside(list).y + 1);
                if list.contains(at)
                    && let Some(row) = line.and_then(|line| self.list.at(line.into()))
                {
                    self.list.go(row);
                    self.follow(turn);
                    if mouse.kind == MouseKind::DoubleClick {
                        self.act(Cmd::Open, turn);
                    }
                } else if list.contains(at) && mouse.y == pane::inside(list).y {
                    self.act(Cmd::Sort, turn);
                }
            }
            MouseKind::Drag => {}
        }
    }

    fn go_to(&mut self, number: u64, turn: &mut Turn<'_>) -> bool {
        let found = self.rows.iter().position(|id| u64::from(*id) == number);
        if let Some(at) = found {
            self.list.go(at);
            self.follow(turn);
        }
        found.is_some()
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let _ = area;
        let (list, below) = self.areas(ctx);
        if list.height > 0 {
            self.view_list(ctx, list, buffer);
        }
        if below.height == 0 {
            return;
        }
        let beside = ctx.shared.layout == Some(Panes::Right) && below.x > 0;
        if live::is_running(&ctx.shared.progress) && !ctx.shared.zoomed && !beside {
            let connection = ctx.shared.selection.connection;
            let messages = ctx.index.messages(connection).len() as u64;
            let listed = connection > 0;
            let position = live::ListPosition { at: messages, seen: messages, frames: false, listed };
            live::pane(ctx, below, buffer, &position);
            return;
        }
        if is_reading(ctx) && !ctx.shared.zoomed && !beside {
            summary::progress(ctx, below, buffer);
            return;
        }
        let wide = below.height >= 8 && below.width >= 70;
        let selected = ctx.shared.selection.connection;
        let shown = ctx.connection().filter(|_| !self.rows.is_empty());
        let lang = ctx.shared.lang;
        let title = match shown {
            Some(_) if !wide => format!("#{selected}"),
            _ => lang.pick("Summary", "摘要").to_owned(),
        };
        let mut pane = Pane::new(title, self.below);
        if ctx.shared.progress.state == Reading::Stopped {
            pane.right = Text::of(Role::Warning, STOPPED.of(lang));
        }
        let inner = pane.draw(buffer, below, ctx.theme());
        let lines = match shown {
            None => Vec::new(),
            Some(_) if wide => summary::lines(ctx),
            Some(_) => summary::short(ctx),
        };
        ctx.lines(buffer, inner, lines.get(self.scroll.min(lines.len())..).unwrap_or_default());
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let lang = ctx.shared.lang;
        let mut line = filter_status(ctx);
        if let Some(percent) = ctx.shared.choice.as_ref().and_then(|choice| choice.percent()) {
            let words = Text::of(
                Role::Title,
                lang.pick(
                    format!("searching payloads {percent} %   "),
                    format!("正在搜索载荷 {percent} %   "),
                ),
            );
            line.end_at(ctx.shared.size.0.into(), &words);
            return line;
        }
        if self.undecided > 0 {
            let undecided = units::grouped(self.undecided);
            let words = Text::of(
                Role::Warning,
                lang.pick(format!("{undecided} undecided "), format!("{undecided} 个未定 ")),
            );
            line.end_at(ctx.shared.size.0.into(), &words);
            return line;
        }
        let end = if ctx.shared.progress.state == Reading::Stopped {
            let mut line = Text::of(Role::Warning, STOPPED.of(lang));
            line.plainly(" ");
            line
        } else if live::is_running(&ctx.shared.progress) {
            Text::of(Role::Dim, lang.pick("p pauses, S stops the capture ", "p 暂停，S 停止抓包 "))
        } else if ctx.shared.progress.state == Reading::Reading {
            Text::of(
                Role::Dim,
                lang.pick("results so far are final, totals still grow ", "已有结果不会再变，总数仍在增加 "),
            )
        } else if let Some(findings) = worst(ctx.index, lang) {
            findings
        } else {
            Text::of(Role::Dim, lang.pick("press f to filter, / to search ", "按 f 过滤，按 / 搜索 "))
        };
        line.end_at(ctx.shared.size.0.into(), &end);
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint(Cmd::Open, 20),
            hint_pair(Cmd::Down, Cmd::Up, "move", "移动", 3),
            hint(Cmd::Sort, 6),
            hint(Cmd::Filter, 15),
            hint(Cmd::Search, 14),
            hint(Cmd::Copy, 10),
            hint(Cmd::Mark, 5),
            hint_as(Cmd::GoFindings, "findings", "发现", 8),
            hint(Cmd::Palette, 11),
            hint(Cmd::Quit, 19),
        ];
        HINTS
    }
}

fn unknown_url(lang: Lang) -> &'static str {
    lang.pick("the request was not captured: the URL is unknown", "未抓到请求：URL 未知")
}

/// `7 errors  2 warnings  7 shows them`, if there are any.
fn worst(index: &Index, lang: Lang) -> Option<Text> {
    let count = |severity| index.findings.iter().filter(|row| row.rule.severity == severity).count() as u64;
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings == 0 {
        return None;
    }
    let mut line = Text::new();
    if errors > 0 {
        line.add(Role::Error, units::counted_in(lang, errors, "error", "个错误")).plainly("  ");
    }
    if warnings > 0 {
        line.add(Role::Warning, units::counted_in(lang, warnings, "warning", "个警告")).plainly("  ");
    }
    line.add(Role::Key, "7").plainly(lang.pick(" shows them ", " 显示 "));
    Some(line)
}

fn is_hit(index: &Index, id: u32, wanted: &str) -> bool {
    let Some(row) = index.connection(id) else { return false };
    let holds = |text: &str| text.to_lowercase().contains(wanted);
    row.url.as_deref().is_some_and(holds)
        || holds(&row.client.to_string())
        || holds(&row.server.to_string())
        || row.handshake.subprotocol.as_deref().is_some_and(holds)
}
