//! What is wrong or worth knowing: a list, and what the selected finding means.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `rows` | which findings are listed, in which order |

mod rows;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, ScreenId, empty, hint, hint_as, hint_pair};
use crate::model::wrap;
use crate::model::{Lang, Severity};
use crate::store::{FindingRow, Reading};
use crate::tui::commands::Cmd;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::shared::{Ctx, Panes, Selection, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Pane, Text, pane, units};
use rows::{FindingRows, FindingsRow, Head};

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    list: List,
    rows: FindingRows,
    /// The row under the cursor: what comes in between does not move it.
    at: Option<FindingsRow>,
}

/// The word and the sign of a severity.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "✗ ERROR",
        Severity::Warning => "! WARN",
        Severity::Info => "· INFO",
    }
}

impl Findings {
    fn row(&self) -> Option<FindingsRow> {
        self.rows.rows.get(self.list.cursor).copied()
    }

    fn finding<'a>(&self, ctx: &Ctx<'a>) -> Option<&'a FindingRow> {
        match self.row()? {
            FindingsRow::Finding(at) => ctx.index.findings.get(at),
            FindingsRow::Head(..) => None,
        }
    }

    /// The areas of the list and of the explanation.
    fn areas(shared: &crate::tui::shared::Shared, area: Rect) -> (Rect, Option<Rect>) {
        if shared.zoomed || shared.panes() == Panes::List || area.height < 14 {
            return (area, None);
        }
        if shared.panes() == Panes::Right {
            let width = area.width * 3 / 5;
            let list = Rect { width, ..area };
            return (list, Some(Rect { x: area.x + width, width: area.width - width, ..area }));
        }
        let below = (area.height * 2 / 5).clamp(7, 12);
        let list = Rect { height: area.height - below, ..area };
        (list, Some(Rect { y: area.y + list.height, height: below, ..area }))
    }

    /// Puts the cursor on a finding, by its number among all.
    fn go_to_finding(&mut self, wanted: u64, turn: &mut Turn<'_>) {
        let place = wanted.checked_sub(turn.index.released.findings).and_then(|at| usize::try_from(at).ok());
        let Some(place) = place.filter(|place| *place < turn.index.findings.len()) else {
            return turn.warn("this finding was released to bound memory");
        };
        let find = |rows: &FindingRows| rows.rows.iter().position(|row| *row == FindingsRow::Finding(place));
        if find(&self.rows).is_none() {
            // It is folded, or less severe than what is listed.
            (self.rows.least, self.rows.group) = (None, rows::Group::default());
            self.rows.folded.clear();
            self.rows.forget();
            self.rows.settle(turn.index);
        }
        if let Some(row) = find(&self.rows) {
            self.list.settle(self.rows.rows.len(), self.list.height());
            self.list.go(row);
            self.moved();
        }
    }

    fn moved(&mut self) {
        self.at = self.row();
    }

    fn open(&mut self, turn: &mut Turn<'_>) {
        match self.row() {
            Some(FindingsRow::Head(head, _)) => {
                if !self.rows.folded.remove(&head.key()) {
                    self.rows.folded.insert(head.key());
                }
                self.rows.forget();
            }
            Some(FindingsRow::Finding(at)) => {
                if let Some(row) = turn.index.findings.get(at) {
                    jump(row, turn);
                }
            }
            None => {}
        }
    }

    fn explain(&self, ctx: &Ctx<'_>, area: Rect) -> Vec<Text> {
        let columns = usize::from(area.width);
        let Some(row) = self.finding(ctx) else {
            let words = match self.row() {
                Some(FindingsRow::Head(Head::Rule(rule), _)) => {
                    return rule_lines(rule, ctx.shared.lang, columns);
                }
                Some(FindingsRow::Head(..)) => "Enter folds or unfolds this connection's findings.",
                Some(FindingsRow::Finding(_)) | None => return Vec::new(),
            };
            return vec![Text::of(Role::Plain, words)];
        };
        let rule = row.rule;
        let mut title = Text::new();
        title.add(Role::of_severity(rule.severity), word(rule.severity)).plainly("  ");
        title.add(Role::Title, rule.code);
        title.end_at(columns, &Text::of(Role::Dim, rule.reference));
        let mut lines = vec![title];
        let safe = crate::model::safe_str(&row.text).into_owned();
        let mut part = |name: &str, words: &str| {
            const NAMES: usize = 15;
            for (i, line) in wrap(words, columns.saturating_sub(NAMES).max(10)).iter().enumerate() {
                let mut out = Text::new();
                out.left(Role::Title, if i == 0 { name } else { "" }, NAMES).plainly(line);
                lines.push(out);
            }
        };
        part("What we see", &safe);
        // Causes and peers are for those who have the room, or who open this pane alone.
        let told = told(rule, ctx.shared.lang);
        for (name, words) in told.iter().take(2) {
            part(name, words);
        }
        part("Where", &place(row));
        part("Next step", next_step(row));
        for (name, words) in told.iter().skip(2) {
            part(name, words);
        }
        lines
    }
}

/// What a rule means, its causes, what to do and how a peer reacts, each with its heading.
fn told(rule: &'static crate::model::Rule, lang: Lang) -> Vec<(&'static str, &'static str)> {
    vec![
        ("What it means", rule.summary.of(lang)),
        ("What to do", rule.remedy.of(lang)),
        ("Usual causes", rule.causes.of(lang)),
        ("A peer", rule.peer.of(lang)),
    ]
}

/// A rule, where its heading is selected.
fn rule_lines(rule: &'static crate::model::Rule, lang: Lang, columns: usize) -> Vec<Text> {
    let mut title = Text::new();
    title.add(Role::of_severity(rule.severity), word(rule.severity)).plainly("  ");
    title.add(Role::Title, rule.code);
    title.end_at(columns, &Text::of(Role::Dim, rule.reference));
    let mut lines = vec![title];
    for (_, words) in told(rule, lang) {
        lines.extend(wrap(words, columns).iter().map(|line| Text::of(Role::Plain, line)));
    }
    lines
}

/// `packet 17, client → server, message 3, frame 4, byte 120 of the stream`
fn place(row: &FindingRow) -> String {
    let mut parts = Vec::new();
    if row.place.packet > 0 {
        parts.push(format!("packet {}", units::grouped(row.place.packet)));
    }
    parts.extend(row.direction.map(|direction| format!("sent by the {}", direction.sender())));
    parts.extend(row.message.map(|message| format!("message {}", units::grouped(message))));
    parts.extend(row.frame.map(|frame| format!("frame {}", units::grouped(frame))));
    parts.extend(row.offset.map(|offset| format!("byte {} of the stream", units::grouped(offset))));
    if row.connection.is_none() {
        parts.push("about the capture, not one WebSocket".to_owned());
    }
    parts.join(", ")
}

fn next_step(row: &FindingRow) -> &'static str {
    match (row.connection, row.frame, row.message) {
        (Some(_), Some(_), _) => "Enter opens the frame",
        (Some(_), None, Some(_)) => "Enter opens the message's first frame",
        (Some(_), None, None) => "Enter opens the handshake, or the messages around that time",
        (None, ..) => "other tools show the packet by the same number",
    }
}

/// Goes to the very frame, or as near as it is known.
fn jump(row: &FindingRow, turn: &mut Turn<'_>) {
    let Some(id) = row.connection.map(|id| id.0) else {
        return turn
            .say(format!("this is about the capture, at packet {}", units::grouped(row.place.packet)));
    };
    let index = turn.index;
    let Some(connection) = index.connection(id) else { return turn.warn("its connection is not known yet") };
    let messages = index.messages(id);
    let (mut message, mut frame) = (row.message.unwrap_or(0), row.frame.unwrap_or(0));
    if frame > 0 && message == 0 {
        let of = index.frames(id).get((frame - 1) as usize);
        message = of.map_or(0, |of| of.message.into());
    }
    if frame == 0 && message > 0 {
        let of = messages.get((message - 1) as usize);
        frame = of.map_or(0, |of| of.first_frame.into());
    }
    if frame > 0 && index.frames(id).get((frame - 1) as usize).is_some() {
        turn.select(Selection { connection: id, message, frame });
        return turn.go(ScreenId::Frame);
    }
    // About no frame: the handshake, or TCP under a message.
    let opening = connection.response.or(connection.request).map(|place| place.last.packet);
    if opening.is_none_or(|packet| row.place.packet <= packet) || !connection.handshake.upgraded {
        turn.select(Selection { connection: id, message: 0, frame: 0 });
        return turn.go(ScreenId::Handshake);
    }
    let message = if index.is_tangled(id, false) {
        // They do not stand in the order of time.
        let released = messages.released() as u64;
        let after = (1u64..).zip(messages.iter()).filter(|(_, message)| message.time >= row.place.time);
        let first = after.min_by_key(|(_, message)| message.time).map(|(number, _)| number);
        first.map_or(messages.len() as u64, |number| number + released)
    } else {
        let after = messages.partition_point(|message| message.time < row.place.time);
        (after + 1).min(messages.len()) as u64
    };
    turn.select(Selection { connection: id, message, frame: 0 });
    turn.say(format!("seen at packet {}: the message around that time", units::grouped(row.place.packet)));
    turn.go(if message > 0 { ScreenId::Messages } else { ScreenId::Ladder });
}

impl Screen for Findings {
    /// The rule's code.
    fn here(&self, ctx: &Ctx<'_>) -> String {
        match self.row() {
            Some(FindingsRow::Head(Head::Rule(rule), _)) => rule.code.to_owned(),
            _ => self.finding(ctx).map_or_else(String::new, |finding| finding.rule.code.to_owned()),
        }
    }

    fn point(&mut self, at: &str, turn: &mut Turn<'_>) -> bool {
        let is_it = |row: &FindingsRow| match row {
            FindingsRow::Finding(place) => {
                turn.index.findings.get(*place).is_some_and(|finding| finding.rule.code == at)
            }
            FindingsRow::Head(..) => false,
        };
        let found = self.rows.rows.iter().position(is_it);
        if let Some(row) = found {
            self.list.go(row);
            self.moved();
        }
        found.is_some()
    }

    fn settle(&mut self, turn: &mut Turn<'_>) {
        let (list, _) = Self::areas(turn.shared, turn.shared.body());
        let height = usize::from(pane::inside(list).height.saturating_sub(1));
        let released = self.rows.released();
        let made = !turn.shared.live.paused && self.rows.settle(turn.index);
        if let Some(FindingsRow::Finding(at)) = &mut self.at
            && made
        {
            // The first ones went: this one stands elsewhere now.
            *at = at.saturating_sub(self.rows.released().saturating_sub(released) as usize);
        }
        let (cursor, top) = (self.list.cursor, self.list.top);
        self.list.settle(self.rows.rows.len(), height);
        if made && let Some(at) = self.at {
            // The same row, wherever it stands now, as far from the top as before.
            let same = |row: &FindingsRow| match (row, &at) {
                (FindingsRow::Head(a, _), FindingsRow::Head(b, _)) => a.key() == b.key(),
                (a, b) => *a == *b,
            };
            if let Some(place) = self.rows.rows.iter().position(same) {
                self.list.go(place);
                self.list.top = place.saturating_sub(cursor.saturating_sub(top));
                self.list.settle(self.rows.rows.len(), height);
                self.list.go(place);
                // A heading right above the view belongs to what is in it.
                let above = self.list.top.checked_sub(1);
                let heading = above.and_then(|above| self.rows.rows.get(above));
                if matches!(heading, Some(FindingsRow::Head(..))) && place + 1 < self.list.top + height {
                    self.list.top -= 1;
                }
            }
        }
        if self.at.is_none() {
            self.moved();
        }
        if let Some(wanted) = turn.shared.finding.take() {
            self.go_to_finding(wanted, turn);
        }
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        if self.list.act(cmd) {
            self.moved();
            return true;
        }
        match cmd {
            Cmd::Open => self.open(turn),
            Cmd::Group => {
                self.rows.group = self.rows.group.next();
                self.rows.forget();
                if matches!(self.at, Some(FindingsRow::Head(..))) {
                    self.at = None;
                    self.list.go(0);
                }
            }
            Cmd::Severity => {
                self.rows.least = match self.rows.least {
                    None => Some(Severity::Warning),
                    Some(Severity::Warning) => Some(Severity::Error),
                    _ => None,
                };
                self.rows.forget();
            }
            Cmd::NextFinding => {
                self.list.step(1);
                self.moved();
            }
            Cmd::PreviousFinding => {
                self.list.step(-1);
                self.moved();
            }
            Cmd::Copy => match self.finding(&turn.ctx()) {
                Some(row) => {
                    let text = format!("{} {}: {}", row.rule.severity.name(), row.rule.code, row.text);
                    turn.copy(text, "the finding");
                }
                None => turn.warn("no finding is selected"),
            },
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let (list, _) = Self::areas(turn.shared, turn.shared.body());
        let inner = pane::inside(list);
        match mouse.kind {
            MouseKind::WheelUp => self.list.scroll(-3),
            MouseKind::WheelDown => self.list.scroll(3),
            MouseKind::Click | MouseKind::DoubleClick => {
                let inside = list.contains((mouse.x, mouse.y).into());
                let line = usize::from(mouse.y).checked_sub(usize::from(inner.y) + 1);
                if let Some(row) = line.filter(|_| inside).and_then(|line| self.list.at(line)) {
                    self.list.go(row);
                    self.moved();
                    if mouse.kind == MouseKind::DoubleClick {
                        self.open(turn);
                    }
                }
            }
            MouseKind::Drag => {}
        }
    }

    fn go_to(&mut self, number: u64, turn: &mut Turn<'_>) -> bool {
        let _ = turn;
        let Some(row) = number.checked_sub(1).filter(|row| *row < self.list.len() as u64) else {
            return false;
        };
        self.list.go(row as usize);
        self.moved();
        true
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let (list, below) = Self::areas(ctx.shared, area);
        let mut frame = Pane::new(ScreenId::Findings.info().name.of(ctx.shared.lang), true)
            .scrolled(&self.list)
            .right(format!("group: {}", self.rows.group.name()));
        let tally = &ctx.index.totals.findings;
        frame.title.plainly(format!("  {}", units::counted(tally.total(), "finding")));
        if tally.total() > 0 {
            frame.title.plainly(":");
        }
        for (severity, name) in
            [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "info")]
        {
            if tally.of(severity) > 0 {
                frame
                    .title
                    .plainly("  ")
                    .add(Role::of_severity(severity), units::counted(tally.of(severity), name));
            }
        }
        let inner = frame.draw(buffer, list, ctx.theme());
        let wide = inner.width >= 98;
        let mut head = Text::of(Role::Plain, "  ");
        head.left(Role::Title, "Sev", 8).left(Role::Title, "Code", if wide { 26 } else { 22 });
        head.right(Role::Title, "Conn", 5).right(Role::Title, "Msg", 7);
        if wide {
            head.right(Role::Title, "Time", 12);
        }
        head.plainly("  ").add(Role::Title, "Finding");
        head.draw(buffer, inner.x, inner.y, inner.width, ctx.theme());
        if self.list.is_empty() {
            let words = match (ctx.shared.progress.state, self.rows.least) {
                (Reading::Reading, _) => "nothing found so far",
                (_, Some(_)) => "no findings of this severity; s shows others",
                _ => "No findings: every rule was checked on every captured frame.",
            };
            let rest = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
            empty(ctx, buffer, rest, words);
        }
        let rows = inner.top().saturating_add(1)..inner.bottom();
        for (y, at) in rows.zip(self.list.visible()) {
            let Some(row) = self.rows.rows.get(at) else { break };
            let cursor = at == self.list.cursor;
            let line = self.line(ctx, *row, cursor, wide, usize::from(inner.width));
            line.draw_row(buffer, inner.x, y, inner.width, ctx.theme(), cursor);
        }
        if let Some(below) = below {
            let inner = Pane::new("Explanation", false).draw(buffer, below, ctx.theme());
            let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
            ctx.lines(buffer, inner, &self.explain(ctx, inner));
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let mut line = Text::of(Role::Plain, " severity: ");
        line.plainly(match self.rows.least {
            None => "all",
            Some(Severity::Error) => "errors",
            Some(_) => "warnings and errors",
        });
        // All rules are checked in one pass over the capture.
        match ctx.shared.progress.state {
            Reading::Reading => drop(line.add(Role::Note, "   still reading: findings so far")),
            Reading::Stopped => {
                line.add(
                    Role::Warning,
                    "   reading stopped: Ctrl-x continues; only what was read is checked",
                );
            }
            Reading::Done => drop(line.add(Role::Dim, "   all rules, all of the capture")),
        }
        // Of one rule in a connection, only so many are listed; all are counted.
        let total = ctx.index.totals.findings.total();
        let listed = ctx.index.findings.len() as u64;
        if listed < total {
            let words = format!("   {} of them listed", units::grouped(listed));
            line.add(Role::Note, words);
        }
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint_pair(Cmd::Down, Cmd::Up, "finding", "发现", 5),
            hint_as(Cmd::Open, "go to", "转到", 8),
            hint(Cmd::Group, 7),
            hint(Cmd::Severity, 6),
            hint(Cmd::Copy, 3),
            hint(Cmd::Export, 2),
            hint(Cmd::Back, 9),
        ];
        HINTS
    }
}

impl Findings {
    fn line(&self, ctx: &Ctx<'_>, row: FindingsRow, cursor: bool, wide: bool, columns: usize) -> Text {
        let mut line = Text::of(Role::Title, if cursor { "▸ " } else { "  " });
        match row {
            FindingsRow::Head(head, count) => {
                let folded = self.rows.folded.contains(&head.key());
                line.add(Role::Dim, if folded { "▸ " } else { "▾ " });
                match head {
                    Head::Rule(rule) => {
                        line.add(Role::of_severity(rule.severity), word(rule.severity)).plainly("  ");
                        line.add(Role::Title, rule.code).plainly(format!(" ×{count}  "));
                        line.add(Role::Dim, rule.summary.of(ctx.shared.lang));
                    }
                    Head::Connection(None) => drop(line.add(Role::Title, format!("the capture ×{count}"))),
                    Head::Connection(Some(id)) => {
                        line.add(Role::Title, format!("#{id} ×{count}  "));
                        if let Some(connection) = ctx.index.connection(id.0) {
                            line.captured(Role::Plain, connection.short_name(ctx.shared.lang).as_bytes(), 60);
                        }
                    }
                }
            }
            FindingsRow::Finding(at) => {
                let Some(row) = ctx.index.findings.get(at) else { return line };
                let role = Role::of_severity(row.rule.severity);
                line.left(role, word(row.rule.severity), 8);
                line.left(Role::Plain, row.rule.code, if wide { 26 } else { 22 });
                let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
                line.right(Role::Plain, &number(row.connection.map(|id| id.0.into())), 5);
                line.right(Role::Plain, &number(row.message), 7);
                if wide {
                    let begin = ctx.index.begin.unwrap_or(row.place.time);
                    line.right(Role::Plain, &units::relative(row.place.time, begin), 12);
                }
                line.plainly("  ");
                line.captured(Role::Plain, row.text.as_bytes(), columns.saturating_sub(line.width()));
            }
        }
        line
    }
}
