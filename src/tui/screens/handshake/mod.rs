//! The opening handshake: both heads explained line by line, and the accept value step by step.

mod shown;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, empty, hint, hint_as, hint_pair};
use crate::explain::curl::curl;
use crate::explain::opening::anatomy::{HeadLine, LineMark, body_words, cut_words, key_remark};
use crate::http::accept::steps;
use crate::model::wrap;
use crate::model::{Direction, Head, safe_str};
use crate::store::ConnectionRow;
use crate::tui::commands::Cmd;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::shared::{Ctx, Shared, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::pane::inside;
use crate::tui::widgets::{Hex, List, Pane, Text, units};
pub use shown::tls_line;
use shown::{ShownHandshake, reasons, role_of, step_lines, unanswered};

/// The input line for a key.
const VERIFY: u32 = 1;

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Handshake {
    shown: Option<ShownHandshake>,
    /// The line under the cursor: of the request's and then the response's.
    line: usize,
    /// Lines of one column, of the request, of the response: what is in sight.
    lists: [List; 3],
    /// The heads as bytes.
    raw: bool,
    /// Everything about the line under the cursor.
    more: bool,
    /// A key that is tried.
    key: Option<String>,
}

/// Where everything stands; empty where there is no room.
#[derive(Clone, Copy, Debug, Default)]
struct HandshakeAreas {
    /// Both heads in one column, or nothing.
    both: Rect,
    /// Request and response, or nothing.
    heads: [Rect; 2],
    accept: Rect,
    words: Rect,
}

impl Handshake {
    fn places(&self, shared: &Shared, area: Rect) -> HandshakeAreas {
        let Rect { x, y, width, height } = area;
        let wide = width >= 100;
        if shared.zoomed || height < 12 {
            return HandshakeAreas { both: area, ..HandshakeAreas::default() };
        }
        let accept = match (wide, self.more) {
            (_, true) => height / 2,
            (true, false) => 9.min(height / 3),
            (false, false) => 5,
        };
        let words = match (wide, height) {
            _ if self.more => 0,
            (true, 24..) => 3,
            (_, 16..) => 2,
            _ => 0,
        };
        let top = height.saturating_sub(accept + words);
        let head = Rect { height: top, ..area };
        let half = width / 2;
        let (both, heads) = if wide {
            (
                Rect::default(),
                [Rect { width: half, ..head }, Rect { x: x + half, width: width - half, ..head }],
            )
        } else {
            (head, [Rect::default(); 2])
        };
        HandshakeAreas {
            both,
            heads,
            accept: Rect { y: y + top, height: accept, ..area },
            words: Rect { y: y + top + accept, height: words, ..area },
        }
    }

    /// The side that the cursor is on.
    fn side(&self) -> Direction {
        match &self.shown {
            Some(shown) if self.line >= shown.asked && shown.lines.len() > shown.asked => {
                Direction::ServerToClient
            }
            Some(shown) if shown.asked == 0 => Direction::ServerToClient,
            _ => Direction::ClientToServer,
        }
    }

    fn go(&mut self, line: usize) {
        let Some(shown) = &self.shown else { return };
        self.line = line.min(shown.lines.len().saturating_sub(1));
        self.key = None;
        let [both, request, response] = &mut self.lists;
        both.go(self.line);
        match self.line.checked_sub(shown.asked) {
            None => request.go(self.line),
            Some(line) => response.go(line),
        }
    }

    /// What `y` copies.
    fn copied(&self) -> Option<(String, &'static str)> {
        let (_, line) = self.shown.as_ref()?.lines.get(self.line)?;
        let what = if line.name.is_empty() { "the line" } else { "the header's value" };
        Some((String::from_utf8_lossy(&line.value).into_owned(), what))
    }
}

impl Screen for Handshake {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let ctx = turn.ctx();
        let Some(row) = ctx.connection() else {
            self.shown = None;
            return;
        };
        let same = self.shown.as_ref().is_some_and(|shown| shown.is_of(row.id.0));
        self.shown = Some(ShownHandshake::make(ctx.index, row, ctx.shared.lang, self.shown.take()));
        let places = self.places(ctx.shared, ctx.shared.body());
        let Some(shown) = &self.shown else { return };
        let lens = [shown.lines.len(), shown.asked, shown.lines.len() - shown.asked];
        let [request, response] = places.heads;
        let heights = [
            usize::from(inside(places.both).height),
            usize::from(inside(request).height / 2),
            usize::from(inside(response).height / 2),
        ];
        for ((list, len), height) in self.lists.iter_mut().zip(lens).zip(heights) {
            list.settle(len, height);
        }
        if !same {
            // The line that proves it is the one to begin with.
            let name: &[u8] = if row.handshake.is_http2 { b":protocol" } else { b"Sec-WebSocket-Key" };
            let key = shown.lines.iter().position(|(_, line)| line.name.eq_ignore_ascii_case(name));
            let wrong = shown.lines.iter().position(|(_, line)| line.mark == LineMark::Wrong);
            let first = wrong.or(key).unwrap_or(0);
            self.go(first);
        } else if self.line >= lens[0] {
            self.go(self.line);
        }
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        let Some(shown) = &self.shown else { return false };
        let lines = shown.lines.len();
        match cmd {
            Cmd::Down => self.go(self.line.saturating_add(1)),
            Cmd::Up => self.go(self.line.saturating_sub(1)),
            Cmd::HalfDown | Cmd::PageDown => self.go(self.line.saturating_add(5)),
            Cmd::HalfUp | Cmd::PageUp => self.go(self.line.saturating_sub(5)),
            Cmd::First => self.go(0),
            Cmd::Last => self.go(lines),
            Cmd::NextPane | Cmd::PreviousPane => {
                let other = if self.side() == Direction::ClientToServer { shown.asked } else { 0 };
                let [_, request, response] = &self.lists;
                let line = if other == 0 { request.cursor } else { other + response.cursor };
                self.go(line);
            }
            Cmd::Open => self.more = !self.more,
            Cmd::Raw => self.raw = !self.raw,
            Cmd::Verify => turn.prompt(VERIFY, "Sec-WebSocket-Key", String::new()),
            Cmd::Back if self.key.is_some() => self.key = None,
            Cmd::Back if self.more => self.more = false,
            Cmd::Curl => {
                let ctx = turn.ctx();
                let row = ctx.connection();
                match row.and_then(|row| curl(&row.handshake, row.url.as_deref()?)) {
                    None if row.is_some_and(|row| row.handshake.is_http2) => {
                        turn.warn("this request is an extended CONNECT (RFC 8441), which curl cannot send");
                    }
                    Some(command) => turn.copy(command, "the command"),
                    None => turn.warn("the request was not captured: there is nothing to repeat"),
                }
            }
            Cmd::Copy => match self.copied() {
                Some((text, what)) => turn.copy(text, what),
                None => turn.warn("there is nothing to copy"),
            },
            _ => return false,
        }
        true
    }

    fn entered(&mut self, id: u32, text: &str, _done: bool, _turn: &mut Turn<'_>) {
        if id == VERIFY {
            self.key = (!text.is_empty()).then(|| text.to_owned());
        }
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let places = self.places(turn.shared, turn.shared.body());
        let at = (mouse.x, mouse.y).into();
        let Some(shown) = &self.shown else { return };
        let [request, response] = places.heads;
        let (areas, asked) =
            ([(places.both, 0, 1), (request, 0, 2), (response, shown.asked, 2)], shown.asked);
        for (list, (area, first, rows)) in self.lists.iter_mut().zip(areas) {
            if !area.contains(at) {
                continue;
            }
            match mouse.kind {
                MouseKind::WheelDown => list.scroll(3),
                MouseKind::WheelUp => list.scroll(-3),
                _ => {
                    let line = usize::from(mouse.y.saturating_sub(inside(area).y)) / rows;
                    if let (Some(row), false) = (list.at(line), self.raw) {
                        let (again, line) = (self.line == first + row, first + row);
                        self.go(line);
                        self.more |= again && mouse.kind == MouseKind::DoubleClick;
                    } else if rows == 2 {
                        self.go(if first == 0 { 0 } else { asked });
                    }
                    return;
                }
            }
        }
    }

    fn here(&self, _ctx: &Ctx<'_>) -> String {
        self.shown.as_ref().map_or_else(String::new, |shown| shown.name_of(self.line))
    }

    fn point(&mut self, at: &str, _turn: &mut Turn<'_>) -> bool {
        let line = self.shown.as_ref().and_then(|shown| shown.line_named(at));
        line.map(|line| self.go(line)).is_some()
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let (Some(shown), Some(row)) = (&self.shown, ctx.connection()) else {
            let inner = Pane::new("Handshake", true).draw(buffer, area, ctx.theme());
            empty(ctx, buffer, inner, "there is no connection");
            return;
        };
        if row.handshake.request.is_none() && row.handshake.response.is_none() {
            let inner = Pane::new("Handshake", true).draw(buffer, area, ctx.theme());
            let words = "No handshake was captured: the connection was open before the capture began. What was agreed on is \
                         not known; the messages are dissected all the same.";
            empty(ctx, buffer, inner, words);
            return;
        }
        let places = self.places(ctx.shared, area);
        if !places.both.is_empty() {
            self.draw_both(ctx, shown, row, places.both, buffer);
        }
        for (side, place) in Direction::BOTH.into_iter().zip(places.heads) {
            if !place.is_empty() {
                self.draw_head(ctx, shown, row, side, place, buffer);
            }
        }
        if !places.accept.is_empty() {
            self.draw_below(ctx, shown, row, places.accept, buffer);
        }
        if !places.words.is_empty() {
            let lines = self.words(shown, usize::from(places.words.width).saturating_sub(2));
            let area =
                Rect { x: places.words.x + 1, width: places.words.width.saturating_sub(2), ..places.words };
            let most = usize::from(area.height);
            let cut = lines.len() > most;
            ctx.lines(buffer, area, lines.get(..most).unwrap_or(&lines));
            if cut && area.height > 0 {
                let more = Text::of(Role::Dim, "… Enter shows all");
                let x = area.right().saturating_sub(more.width() as u16);
                more.draw(buffer, x, area.bottom() - 1, area.right() - x, ctx.theme());
            }
        }
    }

    fn status(&self, _ctx: &Ctx<'_>) -> Text {
        let mut line = Text::of(Role::Plain, " handshake: ");
        if let Some(shown) = &self.shown {
            let (mark, outcome) = &shown.outcome;
            line.add(role_of(*mark), mark.sign(false)).plainly(" ").add(role_of(*mark), outcome);
            let [right, errors, warnings] = shown.counts;
            line.plainly(format!("   {right} ✓"));
            line.plainly(format!(
                ", {}, {}",
                units::counted(errors as u64, "error"),
                units::counted(warnings as u64, "warning")
            ));
        }
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint_as(Cmd::NextPane, "side", "一侧", 4),
            hint_pair(Cmd::Down, Cmd::Up, "header", "首部", 8),
            hint_as(Cmd::Open, "explain", "解释", 7),
            hint(Cmd::Copy, 6),
            hint_as(Cmd::Curl, "curl", "curl", 5),
            hint_as(Cmd::Raw, "hex", "十六进制", 4),
            hint_as(Cmd::Verify, "verify", "验证", 3),
            hint_as(Cmd::GoMessages, "messages", "消息", 1),
            hint(Cmd::Back, 9),
        ];
        HINTS
    }
}

impl Handshake {
    /// Both heads in one column, a line each.
    fn draw_both(
        &self,
        ctx: &Ctx<'_>,
        shown: &ShownHandshake,
        row: &ConnectionRow,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let handshake = &row.handshake;
        let mut title = format!("Handshake #{}", row.id);
        for (head, arrow) in [(&handshake.request, "→"), (&handshake.response, "←")] {
            let len = head.as_ref().map_or("not captured".to_owned(), |head| captured_len(head));
            title += &format!(" {arrow} {len}");
        }
        let inner = Pane::new(title, true).draw(buffer, area, ctx.theme());
        if self.raw {
            let head = head_of(row, self.side());
            return self.draw_raw(ctx, head, inner, buffer);
        }
        let [both, ..] = self.lists;
        let columns = usize::from(inner.width);
        for (y, at) in (inner.top()..inner.bottom()).zip(both.visible()) {
            let Some((side, line)) = shown.lines.get(at) else { break };
            let here = at == self.line;
            let mut text = Text::new();
            let arrow = if *side == Direction::ClientToServer { "→" } else { "←" };
            text.add(
                if here { Role::Title } else { Role::of_direction(*side) },
                if here { "▸" } else { arrow },
            );
            text.plainly(" ");
            let end = tail(line);
            let room = columns.saturating_sub(end.width() + 3);
            text.append(&head_line(line, room.saturating_sub(2)));
            if at == shown.asked
                && let Some(after) = after_request(row)
            {
                text.add(Role::Dim, format!("  ({after} later)"));
            }
            text = text.cut(room);
            text.end_at(columns, &end);
            self.draw_line(ctx, &text, here, inner, y, buffer);
        }
        let below = inner.y.saturating_add(shown.lines.len() as u16);
        if both.visible().end == shown.lines.len() && below < inner.bottom() {
            let below = Rect { y: below, height: inner.bottom() - below, ..inner };
            let mut heads = [&handshake.request, &handshake.response].into_iter().flatten();
            if heads.any(|head| head.cut) && handshake.body.is_none() {
                draw_cut(ctx, below, buffer);
            }
            draw_body(ctx, row, below, buffer);
        }
        if shown.lines.len() == shown.asked {
            let y = inner.y.saturating_add(shown.lines.len() as u16);
            if y < inner.bottom() {
                let mut text = Text::of(Role::ServerToClient, "← ");
                text.captured(Role::Warning, unanswered(row, ctx.shared.lang).as_bytes(), columns);
                text.draw(buffer, inner.x, y, inner.width, ctx.theme());
            }
        }
    }

    /// One head, two lines each: as sent, and what it means.
    fn draw_head(
        &self,
        ctx: &Ctx<'_>,
        shown: &ShownHandshake,
        row: &ConnectionRow,
        side: Direction,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let focused = self.side() == side;
        let head = head_of(row, side);
        let inner = Pane::new(head_title(ctx, row, side), focused).draw(buffer, area, ctx.theme());
        let Some(head) = head else {
            let asked = side == Direction::ClientToServer;
            let words = if asked {
                "the request was not captured".to_owned()
            } else {
                unanswered(row, ctx.shared.lang)
            };
            return empty(ctx, buffer, inner, &words);
        };
        if self.raw {
            return self.draw_raw(ctx, Some(head), inner, buffer);
        }
        let [_, request, response] = &self.lists;
        let (list, first) =
            if side == Direction::ClientToServer { (request, 0) } else { (response, shown.asked) };
        let columns = usize::from(inner.width);
        let mut y = inner.y;
        for at in list.visible() {
            let Some((_, line)) = shown.lines.get(first + at) else { break };
            let here = first + at == self.line;
            let mut text = Text::of(Role::Title, if here { "▸" } else { "" });
            text.plainly(if here { " " } else { "" });
            text.append(&head_line(line, columns.saturating_sub(text.width())));
            if y < inner.bottom() {
                self.draw_line(ctx, &text, here, inner, y, buffer);
            }
            if y.saturating_add(1) < inner.bottom() {
                meaning_line(line, columns).draw(buffer, inner.x, y + 1, inner.width, ctx.theme());
            }
            y = y.saturating_add(2);
        }
        if side == Direction::ServerToClient && list.visible().end == shown.lines.len().saturating_sub(first)
        {
            draw_body(ctx, row, Rect { y, height: inner.bottom().saturating_sub(y), ..inner }, buffer);
        }
        if head.cut && row.handshake.body.is_none() {
            draw_cut(ctx, Rect { y, height: inner.bottom().saturating_sub(y), ..inner }, buffer);
        }
    }

    fn draw_line(&self, ctx: &Ctx<'_>, text: &Text, here: bool, area: Rect, y: u16, buffer: &mut Buffer) {
        text.draw_row(buffer, area.x, y, area.width, ctx.theme(), here);
    }

    /// A head's bytes, the line under the cursor lit.
    fn draw_raw(&self, ctx: &Ctx<'_>, head: Option<&Head>, area: Rect, buffer: &mut Buffer) {
        let Some(head) = head else { return empty(ctx, buffer, area, "not captured") };
        let start = self.shown.as_ref().and_then(|shown| {
            let (side, line) = shown.lines.get(self.line)?;
            let own = head_of(ctx.connection()?, *side).is_some_and(|own| std::ptr::eq(own, head));
            line.start.filter(|_| own)
        });
        let lit = start.map(|start| {
            let start = start as usize;
            let rest = head.bytes.get(start..).unwrap_or_default();
            start..start + memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1)
        });
        let lit: Vec<_> = lit.into_iter().collect();
        let hex = Hex { lit: &lit, ..Hex::new(&head.bytes, area.width) };
        let row = lit.first().map_or(0, |lit| lit.start / hex.per_row.max(1));
        let height = usize::from(area.height);
        let top = row.saturating_sub(height / 2).min(hex.rows().saturating_sub(height));
        hex.draw(buffer, area, top, ctx.theme());
    }

    /// The steps to the accept value, or why there is none, or all about a line, or a key that is tried.
    fn draw_below(
        &self,
        ctx: &Ctx<'_>,
        shown: &ShownHandshake,
        row: &ConnectionRow,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let wide = area.width >= 100;
        let columns = usize::from(area.width).saturating_sub(2);
        let (title, lines) = if let Some(key) = &self.key {
            let steps = steps(key.as_bytes());
            let mut lines = step_lines(&steps, wide, columns);
            lines.push(Text::of(Role::Dim, format!(" {}", key_remark(&steps, ctx.shared.lang))));
            ("This key's Sec-WebSocket-Accept", lines)
        } else if self.more {
            ("The line under the cursor", self.all_words(shown, columns))
        } else if !row.handshake.upgraded
            && (row.handshake.response.is_some() || row.handshake.foreign.is_some())
        {
            let mut lines = Vec::new();
            let (mark, outcome) = &shown.outcome;
            let mut line = Text::of(Role::Plain, " ");
            line.add(role_of(*mark), mark.sign(false)).plainly(" ").add(role_of(*mark), outcome);
            lines.push(line);
            for problem in reasons(shown) {
                let role = Role::of_severity(problem.rule.severity);
                let text = format!(
                    "{}: {}   {}",
                    problem.rule.code,
                    safe_str(&problem.text),
                    problem.rule.reference
                );
                for part in wrap(&text, columns.saturating_sub(4).max(1)) {
                    let mut line = Text::of(Role::Plain, "   ");
                    line.add(role, part);
                    lines.push(line);
                }
            }
            ("Why there is no WebSocket", lines)
        } else if row.handshake.is_http2 {
            ("HTTP/2", shown.http2_lines(row, columns))
        } else {
            (
                if wide { "Sec-WebSocket-Accept, step by step" } else { "Accept step by step" },
                shown.accept_lines(row, wide, columns),
            )
        };
        let inner = Pane::new(title, false).draw(buffer, area, ctx.theme());
        let fits = usize::from(inner.height);
        // A line more than fits is told by the last one.
        let mut lines = lines;
        if lines.len() > fits && !wide && self.key.is_none() && !self.more && row.handshake.upgraded {
            // The verdict is worth more than the first step.
            lines.drain(..lines.len() - fits);
        }
        ctx.lines(buffer, inner, &lines);
    }

    /// What is said of the line under the cursor.
    fn words(&self, shown: &ShownHandshake, columns: usize) -> Vec<Text> {
        let mut lines = Vec::new();
        let name = shown.lines.get(self.line).map(|(_, line)| line.name.as_slice()).unwrap_or_default();
        for (i, (role, text)) in shown.words(self.line).into_iter().enumerate() {
            let mut lead = Text::new();
            if i == 0 && !name.is_empty() {
                lead.captured(Role::Title, name, 40).plainly(": ");
            }
            let indent = lead.width();
            for part in wrap(&text, columns.saturating_sub(indent).max(8)) {
                let mut line = std::mem::take(&mut lead);
                line.pad_to(indent).add(role, part);
                lines.push(line);
            }
        }
        lines
    }

    /// The line under the cursor in full, and all that is said of it.
    fn all_words(&self, shown: &ShownHandshake, columns: usize) -> Vec<Text> {
        let mut lines = Vec::new();
        let Some((_, line)) = shown.lines.get(self.line) else { return lines };
        let mut text = Text::new();
        text.captured_whole(Role::Plain, line.value.get(..4096).unwrap_or(&line.value));
        for part in wrap(&text.plain(), columns.saturating_sub(4).max(8)) {
            let mut line = Text::of(Role::Plain, "   ");
            line.add(Role::Title, part);
            lines.push(line);
        }
        for line in self.words(shown, columns.saturating_sub(2)) {
            let mut inset = Text::of(Role::Plain, " ");
            inset.append(&line);
            lines.push(inset);
        }
        lines
    }
}

/// The body of a refusal, as much of it as there is room for.
fn draw_body(ctx: &Ctx<'_>, row: &ConnectionRow, area: Rect, buffer: &mut Buffer) {
    let Some(body) = row.handshake.body.as_deref().filter(|_| area.height > 1) else { return };
    let (title, texts) = body_words(body, ctx.shared.lang);
    let columns = usize::from(area.width).saturating_sub(2).max(1);
    let mut lines = vec![Text::of(Role::Header, title)];
    for text in texts.iter().flat_map(|text| wrap(text, columns)) {
        let mut line = Text::of(Role::Plain, "  ");
        line.add(Role::Plain, text);
        lines.push(line);
    }
    lines.truncate(usize::from(area.height));
    ctx.lines(buffer, area, &lines);
}

fn head_of(row: &ConnectionRow, side: Direction) -> Option<&Head> {
    match side {
        Direction::ClientToServer => row.handshake.request.as_deref(),
        Direction::ServerToClient => row.handshake.response.as_deref(),
    }
}

/// `338 B`, or `42 B of it` where the snap length cut the head.
fn captured_len(head: &Head) -> String {
    let of_it = if head.cut { " of it" } else { "" };
    format!("{} B{of_it}", units::grouped(head.bytes.len() as u64))
}

/// That the snap length cut a head, as far as there is room for it.
fn draw_cut(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
    let columns = usize::from(area.width).saturating_sub(2).max(1);
    let lines = wrap(cut_words(ctx.shared.lang), columns).into_iter().map(|part| {
        let mut line = Text::of(Role::Plain, "  ");
        line.add(Role::Warning, part);
        line
    });
    ctx.lines(buffer, area, &lines.take(area.height.into()).collect::<Vec<_>>());
}

/// `0.863 ms`
fn after_request(row: &ConnectionRow) -> Option<String> {
    Some(units::milliseconds(row.response_time()?))
}

/// `Request  → 338 B  packet 4  t=0.030962`
fn head_title(ctx: &Ctx<'_>, row: &ConnectionRow, side: Direction) -> String {
    let (name, arrow, place) = match side {
        Direction::ClientToServer => ("Request", "→", row.request),
        Direction::ServerToClient => ("Response", "←", row.response),
    };
    let mut title = format!("{name}  {arrow}");
    if let Some(head) = head_of(row, side) {
        title += &format!(" {}", captured_len(head));
    }
    if let Some(place) = place {
        title += &match place.first.packet == place.last.packet {
            true => format!("  packet {}", place.last.packet),
            false => format!("  packets {}-{}", place.first.packet, place.last.packet),
        };
        match (side, after_request(row), ctx.index.begin) {
            (Direction::ServerToClient, Some(after), _) => title += &format!("  Δ {after}"),
            (_, _, Some(begin)) => title += &format!("  t={}", units::relative(place.last.time, begin)),
            _ => {}
        }
    }
    title
}

/// A line as it was sent, cut.
fn head_line(line: &HeadLine, columns: usize) -> Text {
    let mut text = Text::new();
    if !line.name.is_empty() {
        text.captured(Role::Header, &line.name, columns / 2).plainly(": ");
    }
    let room = columns.saturating_sub(text.width());
    if line.start.is_none() {
        text.add(Role::Error, "(absent)");
    } else {
        text.captured(if line.name.is_empty() { Role::Header } else { Role::Plain }, &line.value, room);
    }
    text
}

/// `  proof: server speaks WebSocket      §4.2.2 item 5.4  ✓`
fn meaning_line(line: &HeadLine, columns: usize) -> Text {
    let end = tail(line);
    let mut text = Text::of(Role::Plain, "  ");
    let room = columns.saturating_sub(end.width() + 3);
    match line.problems.iter().max_by_key(|problem| problem.rule.severity) {
        Some(problem) => {
            text.captured(Role::of_severity(problem.rule.severity), problem.text.as_bytes(), room)
        }
        None => text.captured(Role::Plain, line.text.as_bytes(), room),
    };
    text.end_at(columns, &end);
    text
}

/// Reference and mark at a line's end.
fn tail(line: &HeadLine) -> Text {
    let problem = line.problems.iter().max_by_key(|problem| problem.rule.severity);
    let reference = problem.map_or(line.reference, |problem| problem.rule.reference);
    let reference = reference
        .strip_prefix("RFC 6455 ")
        .unwrap_or(reference)
        .replace(" item ", " #")
        .replace(" items ", " #");
    let mut end = Text::of(Role::Dim, if reference == "-" { "" } else { &reference });
    let sign = if line.mark == LineMark::Plain { " " } else { line.mark.sign(false) };
    end.plainly(" ").add(role_of(line.mark), sign);
    end
}
