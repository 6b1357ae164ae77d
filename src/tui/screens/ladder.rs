//! The conversation as a sequence diagram: TCP opens, HTTP asks and answers once, then frames in both directions.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `plan` | which rows there are: folds, distances |
//! | `lines` | a row as a line |

mod lines;
mod plan;

use std::collections::BTreeSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, ScreenId, empty, hint, hint_as, hint_pair};
use crate::model::{Direction, Time, width};
use crate::store::detail::{Request, TcpPacket};
use crate::store::{ConnectionRow, FrameRow, Pages};
use crate::tui::commands::Cmd;
use crate::tui::details::Detail;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::order::{Hole, MessageOrder};
use crate::tui::shared::{Ctx, Selection, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Pane, Text, pane, units};
use lines::{Columns, LadderEvent, Scribe};
use plan::{LadderRow, Plan, Rules, Sequence};

/// Frames among which the latest one is looked for.
const LATE: usize = 4096;

/// The screen's state.
#[derive(Clone, Debug)]
pub struct Ladder {
    list: List,
    connection: u32,
    control: bool,
    tcp: bool,
    fold: bool,
    scaled: bool,
    opened: BTreeSet<u64>,
    plan: Plan,
    /// The order of the frames, and the version that is planned.
    order: MessageOrder,
    planned: u64,
    busy: bool,
    /// Events before the frames and behind them.
    head: Vec<LadderEvent>,
    tail: Vec<LadderEvent>,
    /// Packets that end TCP and came while frames still did, and when.
    between: Vec<TcpPacket>,
    between_times: Vec<Time>,
    /// The frame to go to once its row is known, from 0.
    target: Option<u64>,
    /// Nothing was chosen yet: the cursor is on the first frame, once there is one.
    fresh: bool,
    /// Whether the connection had ended when its packets were looked for.
    ended: bool,
}

impl Default for Ladder {
    fn default() -> Self {
        let rules = Rules { control: true, fold: true, scale: None, opened: BTreeSet::new() };
        Self {
            list: List::default(),
            connection: 0,
            control: true,
            tcp: true,
            fold: true,
            scaled: false,
            opened: BTreeSet::new(),
            plan: Plan::new(rules),
            order: MessageOrder::default(),
            planned: 0,
            busy: false,
            head: Vec::new(),
            tail: Vec::new(),
            between: Vec::new(),
            between_times: Vec::new(),
            target: None,
            fresh: true,
            ended: false,
        }
    }
}

impl Ladder {
    /// The frames in their order.
    fn sequence<'a>(&'a self, ctx: &Ctx<'a>) -> Sequence<'a> {
        self.sequence_of(ctx.index.frames(self.connection))
    }

    fn sequence_of<'a>(&'a self, frames: &'a Pages<FrameRow>) -> Sequence<'a> {
        Sequence { frames, order: &self.order, extras: &self.between_times }
    }

    /// The hole under the cursor.
    fn hole(&self, ctx: &Ctx<'_>) -> Option<&Hole> {
        match self.event(ctx, self.list.cursor)? {
            LadderEvent::Frame(LadderRow::Hole(at)) => self.order.hole(at),
            _ => None,
        }
    }

    /// The event of a row.
    fn event(&self, ctx: &Ctx<'_>, row: usize) -> Option<LadderEvent> {
        if let Some(event) = self.head.get(row) {
            return Some(*event);
        }
        let at = (row - self.head.len()) as u64;
        if at < self.plan.count() {
            let row = self.plan.rows(self.sequence(ctx), at, 1).first().copied()?;
            return Some(self.event_of(row));
        }
        self.tail.get((at - self.plan.count()) as usize).copied()
    }

    fn event_of(&self, row: LadderRow) -> LadderEvent {
        match row {
            LadderRow::Extra(at) => self
                .between
                .get(at)
                .map_or(LadderEvent::Frame(LadderRow::Blank), |packet| LadderEvent::Tcp(*packet)),
            row => LadderEvent::Frame(row),
        }
    }

    /// The events of the rows in sight.
    fn visible(&self, ctx: &Ctx<'_>) -> Vec<LadderEvent> {
        let range = self.list.visible();
        let count = range.len();
        let mut events: Vec<LadderEvent> = self.head.iter().skip(range.start).take(count).copied().collect();
        let from = range.start.saturating_sub(self.head.len()) as u64;
        if events.len() < count && from < self.plan.count() {
            let rows = self.plan.rows(self.sequence(ctx), from, count - events.len());
            events.extend(rows.into_iter().map(|row| self.event_of(row)));
        }
        if events.len() < count {
            let behind = (from.saturating_sub(self.plan.count())) as usize;
            events.extend(self.tail.iter().skip(behind).take(count - events.len()));
        }
        events
    }

    /// The frame under the cursor, from 0.
    fn frame(&self, ctx: &Ctx<'_>) -> Option<u64> {
        match self.event(ctx, self.list.cursor)? {
            LadderEvent::Frame(LadderRow::Frame(frame) | LadderRow::Folded(frame, _)) => Some(frame),
            _ => None,
        }
    }

    /// Begins to plan anew, and comes back to the frame under the cursor.
    fn replan(&mut self, turn: &Turn<'_>) {
        let ctx = turn.ctx();
        self.target = self.target.or(self.frame(&ctx));
        let frames = turn.index.frames(self.connection);
        self.plan = Plan::new(Rules {
            control: self.control,
            fold: self.fold,
            scale: self.scaled.then(|| plan::scale_of(frames)),
            opened: self.opened.clone(),
        });
    }

    /// What stands before and behind the frames.
    fn ends(&self, ctx: &Ctx<'_>, connection: &ConnectionRow) -> (Vec<LadderEvent>, Vec<LadderEvent>) {
        let (mut head, tail) = match ctx.shared.details.tcp(connection.id.0) {
            Detail::Ready(detail) if self.tcp => lines::tcp_events(&detail, connection),
            _ => Default::default(),
        };
        let handshake = &connection.handshake;
        if connection.request.is_some() || handshake.request.is_some() {
            head.push(LadderEvent::Request);
        }
        if connection.response.is_some() || handshake.response.is_some() {
            head.push(LadderEvent::Response);
        }
        if handshake.upgraded {
            head.push(LadderEvent::Opened);
        }
        (head, tail)
    }

    /// Selects what the cursor is on.
    fn select(&self, turn: &mut Turn<'_>) {
        let Some(frame) = self.frame(&turn.ctx()) else { return };
        let Some(row) = turn.index.frames(self.connection).get(frame as usize) else { return };
        let message = u64::from(row.message);
        // A whole message in one frame is looked at as a message.
        let of = message.checked_sub(1).and_then(|at| turn.index.messages(self.connection).get(at as usize));
        let frame = if of.is_some_and(|of| of.frames == 1) { 0 } else { frame + 1 };
        turn.select(Selection { connection: self.connection, message, frame });
    }

    fn open(&mut self, turn: &mut Turn<'_>) {
        match self.event(&turn.ctx(), self.list.cursor) {
            Some(LadderEvent::Frame(LadderRow::Folded(first, _))) => {
                self.opened.insert(first);
                self.replan(turn);
            }
            Some(LadderEvent::Frame(LadderRow::Frame(frame))) => {
                self.select(turn);
                let Selection { message, .. } = turn.shared.selection;
                let fragment = turn.shared.selection.frame > 0;
                if fragment || message == 0 {
                    let connection = self.connection;
                    turn.select(Selection { connection, message, frame: frame + 1 });
                    turn.go(ScreenId::Frame);
                } else {
                    turn.go(ScreenId::Detail);
                }
            }
            Some(LadderEvent::Request | LadderEvent::Response) => turn.go(ScreenId::Handshake),
            Some(LadderEvent::Frame(LadderRow::Hole(at))) => {
                turn.shared.finding = self.order.hole(at).map(|hole| hole.finding);
                turn.go(ScreenId::Findings);
            }
            _ => turn.say("nothing to open here"),
        }
    }

    /// The next frame of a message with a finding, or the one before, looked for in a bounded part.
    fn finding(&mut self, turn: &mut Turn<'_>, forward: bool) {
        let here = self.frame(&turn.ctx()).map_or(0, |frame| frame + 1);
        let of = turn.index.findings.iter().filter_map(|finding| {
            let here = finding.connection.map(|id| id.0) == Some(self.connection);
            let message = finding.message.filter(|_| here)?;
            let row = turn.index.messages(self.connection).get(message.checked_sub(1)? as usize)?;
            Some(finding.frame.unwrap_or(row.first_frame.into()))
        });
        let found = if forward {
            of.filter(|frame| *frame > here).min()
        } else {
            of.filter(|frame| *frame < here).max()
        };
        match found {
            Some(frame) => self.target = Some(frame.saturating_sub(1)),
            None => turn.say("no other finding"),
        }
    }

    fn go_to_target(&mut self, turn: &mut Turn<'_>) {
        let Some(target) = self.target else { return };
        let ctx = turn.ctx();
        let sequence = self.sequence(&ctx);
        if self.plan.has_walked(sequence, target) || !self.busy {
            let row = self.head.len() as u64 + self.plan.row_of(sequence, target);
            self.target = None;
            self.list.go(row as usize);
        }
    }
}

#[cfg(test)]
impl Ladder {
    /// When what the rows show was, as far as they tell a time.
    pub fn times(&self, ctx: &Ctx<'_>) -> Vec<crate::model::Time> {
        let time = |row: usize| {
            let connection = ctx.index.connection(self.connection)?;
            Some(match self.event(ctx, row)? {
                LadderEvent::Tcp(packet) => packet.place.time,
                LadderEvent::Request => connection.request?.last.time,
                LadderEvent::Response => connection.response?.last.time,
                LadderEvent::Frame(LadderRow::Frame(frame) | LadderRow::Folded(frame, _)) => {
                    ctx.index.frames(self.connection).get(frame as usize)?.time
                }
                LadderEvent::Frame(LadderRow::Hole(at)) => self.order.hole(at)?.place.time,
                LadderEvent::Opened
                | LadderEvent::Frame(LadderRow::Gap(_) | LadderRow::Blank | LadderRow::Extra(_)) => {
                    return None;
                }
            })
        };
        (0..self.list.len()).filter_map(time).collect()
    }
}

impl Screen for Ladder {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let Selection { connection, message, frame } = turn.shared.selection;
        if self.connection != connection {
            *self = Self {
                connection,
                control: self.control,
                tcp: self.tcp,
                fold: self.fold,
                scaled: self.scaled,
                ..Self::default()
            };
            self.replan(turn);
            let first =
                message.checked_sub(1).and_then(|at| turn.index.messages(connection).get(at as usize));
            let frame = if frame > 0 { frame } else { first.map_or(0, |row| row.first_frame.into()) };
            self.target = frame.checked_sub(1);
            self.ended = turn.index.connection(connection).is_some_and(|row| row.state.is_some());
        }
        let Some(row) = turn.index.connection(connection) else { return };
        if row.state.is_some() && !self.ended {
            // How TCP ended it was not there when it was looked for.
            self.ended = true;
            turn.shared.details.forget_tcp();
        }
        let frames = turn.index.frames(connection);
        let (head, mut tail) = self.ends(&turn.ctx(), row);
        // Down is later: a side may close TCP while the other one still speaks.
        let last = frames.iter().rev().take(LATE).map(|frame| frame.time).max();
        (self.between, self.between_times) = (Vec::new(), Vec::new());
        tail.retain(|event| match event {
            LadderEvent::Tcp(packet) if last.is_some_and(|last| packet.place.time < last) => {
                self.between.push(*packet);
                self.between_times.push(packet.place.time);
                false
            }
            _ => true,
        });
        if !turn.shared.live.paused || self.plan.walked() == 0 {
            let frame = self.frame(&turn.ctx());
            self.order.put_between(&self.between_times);
            self.order.update(turn.index, (connection, true), frames.released()..frames.len(), false);
            if self.planned != self.order.version() {
                self.planned = self.order.version();
                let sequence = Sequence { frames, order: &self.order, extras: &self.between_times };
                self.plan.go_back(sequence, self.order.changed());
                // What is under the cursor may stand elsewhere now.
                self.target = self.target.or(frame);
            }
        }
        let gone =
            self.plan.release(Sequence { frames, order: &self.order, extras: &self.between_times }) as usize;
        if gone > 0 && self.list.cursor >= self.head.len() {
            let (cursor, top) = (self.list.cursor, self.list.top);
            self.list.shift(gone.min(cursor - self.head.len()));
            self.list.top = top.saturating_sub(gone);
        }
        if !turn.shared.live.paused || self.plan.walked() == 0 {
            self.busy =
                self.plan.advance(Sequence { frames, order: &self.order, extras: &self.between_times });
        }
        if self.fresh && self.plan.count() > 0 {
            // Reading had not come as far when this was opened.
            self.fresh = false;
            self.target = self.target.or(Some(frames.released() as u64));
        }
        // What comes in above leaves the view where it is, unless that is the very top.
        let grown = head.len() as isize - self.head.len() as isize;
        let frame = self.list.cursor >= self.head.len() && self.plan.count() > 0;
        let moves = grown != 0 && frame;
        (self.head, self.tail) = (head, tail);
        let body = pane::inside(turn.shared.body());
        let height = usize::from(body.height.saturating_sub(1));
        let len = self.head.len() as u64 + self.plan.count() + self.tail.len() as u64;
        let (cursor, top) = (self.list.cursor, self.list.top);
        self.list.settle(len as usize, height);
        if moves {
            self.list.go(cursor.saturating_add_signed(grown));
            self.list.top = top.saturating_add_signed(if top > 0 { grown } else { 0 });
            self.list.settle(len as usize, height);
        }
        self.go_to_target(turn);
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        if self.list.act(cmd) {
            (self.target, self.fresh) = (None, false);
            self.select(turn);
            return true;
        }
        match cmd {
            Cmd::Open => self.open(turn),
            Cmd::TimeScale => {
                self.scaled = !self.scaled;
                self.replan(turn);
                if let Some(scale) = self.plan.rules().scale {
                    turn.say(format!(
                        "a row is {}; longer gaps are folded",
                        units::duration(scale.0.unsigned_abs())
                    ));
                }
            }
            Cmd::Control => {
                self.control = !self.control;
                self.replan(turn);
            }
            Cmd::Fold => {
                self.fold = !self.fold;
                self.opened.clear();
                self.replan(turn);
            }
            Cmd::Tcp => self.tcp = !self.tcp,
            Cmd::NextFinding => self.finding(turn, true),
            Cmd::PreviousFinding => self.finding(turn, false),
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let body = pane::inside(turn.shared.body());
        match mouse.kind {
            MouseKind::WheelUp => self.list.scroll(-3),
            MouseKind::WheelDown => self.list.scroll(3),
            MouseKind::Click | MouseKind::DoubleClick => {
                let line = usize::from(mouse.y).checked_sub(usize::from(body.y) + 1);
                if let Some(row) = line.and_then(|line| self.list.at(line)) {
                    self.list.go(row);
                    self.fresh = false;
                    self.select(turn);
                    if mouse.kind == MouseKind::DoubleClick {
                        self.open(turn);
                    }
                }
            }
            MouseKind::Drag => {}
        }
    }

    fn go_to(&mut self, number: u64, turn: &mut Turn<'_>) -> bool {
        let Some(at) = number.checked_sub(1) else { return false };
        // The numbers of the list of messages.
        let Some(row) = turn.index.messages(self.connection).get(at as usize) else { return false };
        self.target = u64::from(row.first_frame).checked_sub(1);
        true
    }

    /// The kind of row: `tcp`, `ask`, `reply`, `open`, or the frame's opcode.
    fn here(&self, ctx: &Ctx<'_>) -> String {
        let kind = match self.event(ctx, self.list.cursor) {
            Some(LadderEvent::Tcp(_)) => "tcp",
            Some(LadderEvent::Request) => "ask",
            Some(LadderEvent::Response) => "reply",
            Some(LadderEvent::Opened) => "open",
            Some(LadderEvent::Frame(LadderRow::Frame(frame) | LadderRow::Folded(frame, _))) => {
                let row = ctx.index.frames(self.connection).get(frame as usize);
                row.map_or("", |row| row.header().opcode().name())
            }
            Some(LadderEvent::Frame(LadderRow::Hole(_))) => "hole",
            _ => "",
        };
        kind.to_owned()
    }

    /// The first row of a kind; of `last` the last row.
    fn point(&mut self, at: &str, turn: &mut Turn<'_>) -> bool {
        if at == "last" {
            self.list.go(usize::MAX);
            self.target = None;
            return true;
        }
        let before = self.list.cursor;
        for row in 0..self.list.len().min(200) {
            self.list.cursor = row;
            if self.here(&turn.ctx()) == at {
                self.list.go(row);
                self.target = None;
                return true;
            }
        }
        self.list.go(before);
        false
    }

    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        let Selection { connection, .. } = ctx.shared.selection;
        (self.tcp && connection > 0).then_some(Request::Tcp { connection })
    }

    fn is_busy(&self) -> bool {
        self.busy || self.target.is_some()
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let connection = ctx.index.connection(self.connection);
        let mut frame = Pane::new("Ladder", true).scrolled(&self.list);
        if let Some(connection) = connection {
            frame.title.add(Role::Title, format!(" #{}", connection.id));
            if ctx.shared.is_wide() {
                frame.title.plainly(" ").captured(
                    Role::Plain,
                    connection.short_name(ctx.shared.lang).as_bytes(),
                    40,
                );
            }
        }
        let scale =
            if self.scaled { "proportional time (t: events)" } else { "events (t: proportional time)" };
        let frame = frame.right(format!("scale: {scale}"));
        let inner = frame.draw(buffer, area, ctx.theme());
        let Some(connection) = connection else {
            return empty(ctx, buffer, inner, "no connection is selected");
        };
        let columns = Columns::of(usize::from(inner.width));
        lifelines(ctx, connection, columns).draw(buffer, inner.x, inner.y, inner.width, ctx.theme());
        if self.list.is_empty() {
            return empty(ctx, buffer, inner, "no frame of this connection was captured");
        }
        let scribe = Scribe { ctx: *ctx, connection, columns, order: &self.order };
        let rows = inner.top().saturating_add(1)..inner.bottom();
        for ((y, event), row) in rows.zip(self.visible(ctx)).zip(self.list.visible()) {
            let cursor = row == self.list.cursor;
            let line = scribe.line(event, cursor);
            line.draw_row(buffer, inner.x, y, inner.width, ctx.theme(), cursor);
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let check = |on: bool| if on { "[x]" } else { "[ ]" };
        let mut line = Text::of(
            Role::Plain,
            format!(" {} TCP  {} control frames", check(self.tcp), check(self.control)),
        );
        line.plainly(format!("  {} fold", check(self.fold)));
        if self.tcp {
            match ctx.shared.details.tcp(self.connection) {
                Detail::Loading => drop(line.add(Role::Dim, "   loading TCP packets …")),
                Detail::Failed(why) => {
                    line.add(Role::Warning, "   TCP: ").captured(Role::Warning, why.as_bytes(), 60);
                }
                _ => {}
            }
        }
        if self.busy {
            line.add(Role::Dim, format!("   {} frames so far …", units::grouped(self.plan.walked())));
        } else if let Some(hole) = self.hole(ctx) {
            line.add(Role::Warning, format!("   {}", hole.words(ctx.shared.lang)));
        } else if let Some(frame) = self.frame(ctx)
            && let Some(row) = ctx.index.frames(self.connection).get(frame as usize)
        {
            let arrow = if row.direction() == Direction::ClientToServer { "→" } else { "←" };
            line.plainly(format!(
                "   frame {} {arrow} {}",
                units::grouped(frame + 1),
                row.header().opcode().short_name()
            ));
        }
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint_pair(Cmd::Down, Cmd::Up, "event", "事件", 6),
            hint(Cmd::Open, 8),
            hint(Cmd::TimeScale, 7),
            hint(Cmd::Control, 4),
            hint(Cmd::Tcp, 3),
            hint(Cmd::Fold, 5),
            hint_as(Cmd::Export, "export", "导出", 2),
            hint(Cmd::Back, 9),
        ];
        HINTS
    }
}

/// Who stands at the two ends.
fn lifelines(ctx: &Ctx<'_>, connection: &ConnectionRow, columns: Columns) -> Text {
    let _ = ctx;
    let mut line = Text::new();
    let names = if columns.wide {
        [connection.client.to_string(), connection.server.to_string()]
    } else {
        [format!(":{}", connection.client.port), format!(":{}", connection.server.port)]
    };
    let [client, server] = names;
    line.right(Role::Title, if columns.wide { "time" } else { "" }, columns.time - 1).plainly(" ");
    line.add(Role::ClientToServer, format!("client {client}"));
    let server = format!("server {server}");
    let end = columns.time + columns.lane + 2;
    let at = end.saturating_sub(width(&server)).max(line.width() + 1);
    line.pad_to(at).add(Role::ServerToClient, server);
    line.pad_to(end + if columns.wide { 2 } else { 1 });
    line.add(Role::Title, if columns.wide { "note" } else { "" });
    line
}
