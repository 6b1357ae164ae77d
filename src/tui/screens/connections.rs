//! All connections of a capture, and a summary of the one under the cursor.

mod summary;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, ScreenId, empty, filter_status, hint, hint_as, hint_pair};
use crate::filter::Verdict;
use crate::model::Severity;
use crate::pipeline::State;
use crate::store::{ConnectionRow, Index, Reading};
use crate::tui::commands::Cmd;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::records::OfConnection;
use crate::tui::shared::{Ctx, Menu, Panes, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Pane, Text, bars, pane, units};

/// The order of the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    FirstSeen,
    Messages,
    Bytes,
    Duration,
    Findings,
}

impl Order {
    fn next(self) -> Self {
        match self {
            Self::FirstSeen => Self::Messages,
            Self::Messages => Self::Bytes,
            Self::Bytes => Self::Duration,
            Self::Duration => Self::Findings,
            Self::Findings => Self::FirstSeen,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::FirstSeen => "first seen",
            Self::Messages => "messages",
            Self::Bytes => "bytes",
            Self::Duration => "duration",
            Self::Findings => "findings",
        }
    }

    /// What rows are ordered by; the most comes first.
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

/// What the rows were made for: while it is the same, they stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    connections: usize,
    /// What changes with reading, where the order hangs on it.
    moving: u64,
    filter: u64,
    order: Order,
    backwards: bool,
    marks: usize,
}

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    list: List,
    /// Numbers of the connections shown, in their order.
    rows: Vec<u32>,
    stamp: Option<Stamp>,
    order: Order,
    backwards: bool,
    only_marked: bool,
    /// Keys go to the summary.
    below: bool,
    scroll: usize,
}

/// How long a connection lasted: from its opening to its end, or as far as it was seen.
#[must_use]
pub fn duration(row: &ConnectionRow) -> Option<u64> {
    let opened = row.response.filter(|_| row.handshake.upgraded);
    let begin = opened.map_or(row.first.time, |place| place.last.time);
    let end = row.closed.unwrap_or(row.last.time);
    u64::try_from(end.since(begin)).ok()
}

/// A connection's sign and its role: how it stands.
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

/// How a connection ended, in six columns: a close code or a word.
#[must_use]
pub fn ending(row: &ConnectionRow) -> (String, Role) {
    if let Some(closing) = &row.closing {
        let role = match closing.code {
            Some(1000 | 1001) => Role::Plain,
            _ => Role::Warning,
        };
        return (closing.code.map_or("empty".to_owned(), |code| code.to_string()), role);
    }
    let (words, role) = match row.state {
        Some(State::Closed) => ("none", Role::Warning),
        Some(State::Reset) => ("reset", Role::Error),
        Some(State::Refused | State::Unanswered) => ("-", Role::Plain),
        Some(State::TimedOut) => ("silent", Role::Warning),
        Some(State::Open) | None => ("open", Role::Plain),
    };
    (words.to_owned(), role)
}

/// What is shown as a connection's name: its URL, or its two ends; and why it did not come about.
fn name(row: &ConnectionRow, columns: usize) -> Text {
    let mut line = Text::new();
    let why = match (row.state, row.handshake.status) {
        (Some(State::Refused), Some(status)) => format!("  → {status}"),
        (Some(State::Refused), None) => "  → refused".to_owned(),
        (Some(State::Unanswered), _) => "  → no answer".to_owned(),
        _ if row.handshake.request.is_none() => "  (request not captured)".to_owned(),
        _ => String::new(),
    };
    let room = columns.saturating_sub(crate::model::width(&why));
    if row.url.is_empty() {
        line.captured(Role::Plain, format!("{} → {}", row.client, row.server).as_bytes(), room);
    } else {
        line.captured(Role::Plain, row.url.as_bytes(), room);
    }
    line.add(Role::Warning, why).pad_to(columns);
    line
}

/// `z` where messages may be compressed, `+` for another extension, `-` for none.
fn extensions(row: &ConnectionRow) -> &'static str {
    match (row.handshake.deflate, row.handshake.extensions.len()) {
        _ if row.handshake.response.is_none() => "?",
        (Some(_), 1) => "z",
        (Some(_), _) => "z+",
        (None, 0) => "-",
        (None, _) => "+",
    }
}

/// Buckets of the sparkline.
const BUCKETS: usize = 8;

impl Connections {
    fn selected(&self) -> Option<u32> {
        self.rows.get(self.list.cursor).copied()
    }

    /// The areas of list and summary.
    fn areas(&self, ctx: &Ctx<'_>) -> (Rect, Rect) {
        let body = ctx.shared.body();
        let none = Rect { height: 0, ..body };
        if ctx.shared.zoomed {
            return if self.below { (none, body) } else { (body, none) };
        }
        let below = match body.height {
            ..16 => 0,
            16..28 => 5,
            28.. => 14,
        };
        let below = if is_reading(ctx) { 4.min(below) } else { below };
        match ctx.shared.layout {
            Some(Panes::List) => (body, none),
            Some(Panes::Right) if body.width >= 120 => {
                let width = body.width * 3 / 5;
                (Rect { width, ..body }, Rect { x: width, width: body.width - width, ..body })
            }
            _ => {
                let height = body.height - below;
                (Rect { height, ..body }, Rect { y: body.y + height, height: below, ..body })
            }
        }
    }

    /// Chooses and orders the rows anew where something changed.
    fn choose(&mut self, turn: &Turn<'_>) {
        let (index, shared) = (turn.index, &turn.shared);
        let hangs = self.order != Order::FirstSeen || shared.parsed.is_some();
        let stamp = Stamp {
            connections: index.connections.len(),
            moving: if hangs {
                index.messages.wrapping_add(index.frames).wrapping_add(index.findings.len() as u64)
            } else {
                0
            },
            filter: shared.filter_version,
            order: self.order,
            backwards: self.backwards,
            marks: if self.only_marked { shared.marks.len() + 1 } else { 0 },
        };
        if self.stamp == Some(stamp) {
            return;
        }
        self.stamp = Some(stamp);
        let filter = shared.parsed.as_deref();
        // A filter about messages says nothing about connections: these stay.
        let filter = filter.filter(|filter| {
            filter.fields().all(|field| field.info().levels.has(crate::filter::Level::Connection))
        });
        let chosen = |row: &&ConnectionRow| {
            (!self.only_marked || shared.marks.contains(&(row.id.0, 0)))
                && filter.is_none_or(|filter| filter.test(&OfConnection { index, row }) != Verdict::No)
        };
        let mut rows: Vec<&ConnectionRow> = index.connections.iter().filter(chosen).collect();
        if self.order == Order::FirstSeen {
            rows.sort_by_key(|row| row.id);
        } else {
            rows.sort_by_key(|row| (std::cmp::Reverse(self.order.weight(row)), row.id));
        }
        if self.backwards {
            rows.reverse();
        }
        self.rows = rows.into_iter().map(|row| row.id.0).collect();
    }

    /// Goes to the next row from the cursor, in a direction, for which `wanted` holds.
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

    /// The selection follows the cursor.
    fn follow(&self, turn: &mut Turn<'_>) {
        if let Some(id) = self.selected() {
            turn.select_connection(id);
        }
    }

    fn header(&self, wide: bool, url: usize, number: usize) -> Text {
        let mut line = Text::of(Role::Title, " ");
        line.right(Role::Title, "#", number).add(Role::Title, " St ");
        if wide {
            line.left(Role::Title, "URL  (client → server)", url).add(Role::Title, "Subproto Ext");
            for (title, columns) in [("Msg→", 6), ("Msg←", 7), ("Bytes→", 8), ("Bytes←", 8), ("Duration", 9)]
            {
                line.right(Role::Title, title, columns);
            }
            line.add(Role::Title, " Close  ! Rate");
        } else {
            line.left(Role::Title, "URL", url).add(Role::Title, "Sub    ");
            for (title, columns) in [("Msg→", 6), ("Msg←", 6), ("Duration", 9)] {
                line.right(Role::Title, title, columns);
            }
            line.add(Role::Title, " Close  !");
        }
        line
    }

    fn row(&self, ctx: &Ctx<'_>, id: u32, wide: bool, url: usize, number: usize, cursor: bool) -> Text {
        let Some(row) = ctx.index.connection(id) else { return Text::new() };
        let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
        let mut line = Text::of(Role::Title, if cursor { "▸" } else { " " });
        line.right(Role::Plain, &id.to_string(), number);
        line.add(Role::Title, if ctx.shared.marks.contains(&(id, 0)) { "*" } else { " " });
        let (sign, role) = sign(row);
        line.add(role, sign).plainly("  ").append(&name(row, url.saturating_sub(1))).plainly(" ");
        let subprotocol = match (&row.handshake.subprotocol, &row.handshake.response) {
            (Some(name), _) => name.as_str(),
            (None, None) => "?",
            (None, Some(_)) => "-",
        };
        line.captured_cell(Role::Plain, subprotocol.as_bytes(), if wide { 8 } else { 7 });
        let duration = duration(row).map(units::duration).unwrap_or_default();
        if wide {
            line.plainly(" ").left(Role::Plain, extensions(row), 3);
        }
        line.right(Role::ClientToServer, &units::length(c2s.messages), 6);
        line.right(Role::ServerToClient, &units::length(s2c.messages), if wide { 7 } else { 6 });
        if wide {
            let bytes = |value: u64, role: Role, line: &mut Text| {
                line.right(role, &units::short_size(value), 8);
            };
            bytes(row.app_bytes.c2s, Role::ClientToServer, &mut line);
            bytes(row.app_bytes.s2c, Role::ServerToClient, &mut line);
        }
        line.right(Role::Plain, &duration, 9);
        let (ending, role) = ending(row);
        line.right(role, &ending, 6);
        let [info, warning, error] = row.findings;
        let (count, role) = match (error, warning, info) {
            (0, 0, 0) => (String::new(), Role::Plain),
            (0, 0, info) => (info.to_string(), Role::Note),
            (0, warning, _) => (warning.to_string(), Role::Warning),
            (error, ..) => (error.to_string(), Role::Error),
        };
        let count = if count.len() > 3 { "99+".to_owned() } else { count };
        line.right(role, &count, 3);
        if wide {
            line.plainly(" ");
            if c2s.messages + s2c.messages > 0 {
                let end = row.closed.unwrap_or(row.last.time);
                line.plainly(bars::sparkline(&ctx.index.activity(id, row.first.time, end, BUCKETS)));
            }
        }
        if !ctx.shared.search.is_empty() {
            line.highlight(&ctx.shared.search);
        }
        line
    }

    fn view_list(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let theme = ctx.theme();
        let of = ctx.index.connections.len();
        let reading = ctx.shared.progress.state == Reading::Reading;
        let count = if reading { format!("{of} so far") } else { format!("{} of {of}", self.rows.len()) };
        let gap = if ctx.shared.is_wide() { "  " } else { " " };
        let mut pane = Pane::new(format!("Connections{gap}{count}"), !self.below);
        if ctx.shared.is_wide() || self.order != Order::FirstSeen || self.backwards {
            let way = if self.backwards { ", reversed" } else { "" };
            let only = if self.only_marked { "only marked   " } else { "" };
            pane = pane.right(format!("{only}sort: {}{way}", self.order.words()));
        }
        let inner = pane.draw(buffer, area, theme);
        if inner.height == 0 {
            return;
        }
        if self.rows.is_empty() {
            empty(ctx, buffer, inner, &summary::nothing(ctx));
            return;
        }
        let (wide, number, url) = self.columns(ctx, inner.width);
        self.header(wide, url, number).draw(buffer, inner.x, inner.y, inner.width, theme);
        for (y, at) in (inner.y + 1..inner.bottom()).zip(self.list.visible()) {
            let Some(id) = self.rows.get(at) else { break };
            let cursor = at == self.list.cursor;
            let line = self.row(ctx, *id, wide, url, number, cursor);
            if cursor && !self.below {
                line.draw_over(buffer, inner.x, y, inner.width, theme, theme.style(Role::Cursor));
            } else {
                line.draw(buffer, inner.x, y, inner.width, theme);
            }
        }
    }

    /// Whether all columns fit, how wide numbers are, and the URL's columns.
    fn columns(&self, ctx: &Ctx<'_>, width: u16) -> (bool, usize, usize) {
        let width = usize::from(width);
        let most = ctx.index.connections.len().max(1).ilog10() as usize + 1;
        let wide = width >= 98;
        let number = most.max(if wide { 3 } else { 2 });
        // Everything but the URL.
        let rest = if wide {
            1 + number + 4 + 12 + 6 + 7 + 8 + 8 + 9 + 6 + 3 + 1 + BUCKETS + 2
        } else {
            1 + number + 4 + 7 + 6 + 6 + 9 + 6 + 3 + 1
        };
        (wide, number, width.saturating_sub(rest).max(8))
    }
}

/// Whether the summary gives way to the progress of reading.
fn is_reading(ctx: &Ctx<'_>) -> bool {
    ctx.shared.progress.state == Reading::Reading && ctx.shared.now.as_millis() > 500
}

impl Screen for Connections {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let before = self.selected();
        self.choose(turn);
        let height = usize::from(pane::inside(self.areas(&turn.ctx()).0).height).saturating_sub(1);
        let selected = turn.shared.selection.connection;
        // Rows that come or go above the cursor move neither it nor the view.
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
                turn.say(format!("sort: {}", self.order.words()));
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
                    turn.say("nothing is marked; Space marks");
                }
            }
            Cmd::OnlyMarked => self.only_marked = !self.only_marked,
            Cmd::NextFinding | Cmd::PreviousFinding => {
                let has =
                    |turn: &Turn<'_>, id| turn.index.connection(id).is_some_and(|row| row.findings != [0; 3]);
                if !self.seek(turn, cmd == Cmd::NextFinding, has) {
                    turn.say("no connection has a finding");
                }
            }
            Cmd::SearchNext | Cmd::SearchPrevious => {
                let wanted = turn.shared.search.to_lowercase();
                if wanted.is_empty() {
                    turn.say("nothing to search for; / begins a search");
                } else if !self.seek(turn, cmd == Cmd::SearchNext, |turn, id| is_hit(turn.index, id, &wanted))
                {
                    turn.warn("not found in URLs, ends and subprotocols");
                }
            }
            Cmd::FilterThis => {
                if let Some(row) = turn.ctx().connection() {
                    turn.propose_filter(format!("server == {}", row.server));
                }
            }
            Cmd::Copy => {
                if let Some(row) = turn.ctx().connection() {
                    turn.copy(row.url.clone(), "the URL");
                }
            }
            Cmd::CopyAs => {
                let item = |id, words: &str, remark: &str| (id, words.to_owned(), remark.to_owned());
                turn.menu(Menu {
                    title: "Copy as".to_owned(),
                    items: vec![
                        item(0, "URL", ""),
                        item(1, "both ends", "client and server"),
                        item(2, "filter for this", "conn == n"),
                        item(3, "summary", "as text"),
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
            0 => row.url.clone(),
            1 => format!("{} {}", row.client, row.server),
            2 => format!("conn == {}", row.id),
            _ => summary::lines(&turn.ctx()).iter().map(|line| line.plain() + "\n").collect(),
        };
        turn.copy(text, "it");
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
        if is_reading(ctx) && !ctx.shared.zoomed {
            summary::progress(ctx, below, buffer);
            return;
        }
        let wide = below.height >= 8 && below.width >= 70;
        let selected = ctx.shared.selection.connection;
        let title = match (wide, ctx.connection()) {
            (_, None) => "Summary".to_owned(),
            (true, _) => "Summary".to_owned(),
            (false, _) => format!("#{selected}"),
        };
        let inner = Pane::new(title, self.below).draw(buffer, below, ctx.theme());
        let lines = if wide { summary::lines(ctx) } else { summary::short(ctx) };
        ctx.lines(buffer, inner, lines.get(self.scroll.min(lines.len())..).unwrap_or_default());
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let mut line = filter_status(ctx);
        let end = if ctx.shared.progress.state == Reading::Reading {
            Text::of(Role::Dim, "results so far are final, totals still grow ")
        } else if let Some(findings) = worst(ctx.index) {
            findings
        } else {
            Text::of(Role::Dim, "press f to filter, / to search ")
        };
        line.end_at(ctx.shared.size.0.into(), &end);
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint(Cmd::Open, 20),
            hint_pair(Cmd::Down, Cmd::Up, "move", 3),
            hint(Cmd::Sort, 6),
            hint(Cmd::Filter, 15),
            hint(Cmd::Search, 14),
            hint(Cmd::Copy, 10),
            hint(Cmd::Mark, 5),
            hint_as(Cmd::GoFindings, "expert", 8),
            hint(Cmd::Palette, 11),
            hint(Cmd::Quit, 19),
        ];
        HINTS
    }
}

/// `7 errors  2 warnings: 7 shows them`, where there are any.
fn worst(index: &Index) -> Option<Text> {
    let count = |severity| index.findings.iter().filter(|row| row.rule.severity == severity).count() as u64;
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if errors + warnings == 0 {
        return None;
    }
    let mut line = Text::new();
    if errors > 0 {
        line.add(Role::Error, units::counted(errors, "error")).plainly("  ");
    }
    if warnings > 0 {
        line.add(Role::Warning, units::counted(warnings, "warning")).plainly("  ");
    }
    line.add(Role::Key, "7").plainly(" shows them ");
    Some(line)
}

fn is_hit(index: &Index, id: u32, wanted: &str) -> bool {
    let Some(row) = index.connection(id) else { return false };
    let holds = |text: &str| text.to_lowercase().contains(wanted);
    holds(&row.url)
        || holds(&row.client.to_string())
        || holds(&row.server.to_string())
        || row.handshake.subprotocol.as_deref().is_some_and(holds)
}
