//! The messages of a connection, or its frames; below them the frames and bytes of the one under the cursor.

mod draw;
mod panes;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::rows::Rows;
use super::{Hint, Screen, ScreenId, empty, filter_status, hint, hint_as};
use crate::filter::Verdict;
use crate::model::Direction;
use crate::store::detail::Request;
use crate::store::{FrameRow, Index, Marks, MessageRow, Reading};
use crate::tui::commands::Cmd;
use crate::tui::details::Detail;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::records::{OfFrame, OfMessage};
use crate::tui::shared::{Ctx, Panes, Selection, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Pane, Text, pane, units};
use crate::ws::{Integrity, Opcode};

/// Which pane has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Focus {
    #[default]
    List,
    Frames,
    Bytes,
}

/// Which types of messages are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kinds {
    #[default]
    All,
    Data,
    Control,
}

/// A search that goes on over many rows.
#[derive(Clone, Debug)]
struct Hunt {
    wanted: String,
    forwards: bool,
    /// The row looked at last.
    at: usize,
    /// Rows still to be looked at.
    left: usize,
    /// Rows whose bytes reach beyond what was searched.
    unseen: u64,
}

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    list: List,
    rows: Rows,
    connection: u32,
    /// A row per frame.
    frames_mode: bool,
    direction: Option<Direction>,
    kinds: Kinds,
    only_marked: bool,
    focus: Focus,
    /// The cursor among the frames of the message.
    frame: usize,
    scroll: usize,
    hunt: Option<Hunt>,
}

/// The areas of the screen; those that are not shown are empty.
struct Areas {
    list: Rect,
    frames: Rect,
    bytes: Rect,
    /// Three lines in place of panes.
    lines: Rect,
}

/// Rows searched in one go.
const HUNT: usize = 20_000;

impl Messages {
    fn areas(&self, ctx: &Ctx<'_>) -> Areas {
        let body = ctx.shared.body();
        let none = Rect { x: body.x, y: body.y, width: 0, height: 0 };
        let mut areas = Areas { list: none, frames: none, bytes: none, lines: none };
        if ctx.shared.zoomed {
            match self.focus {
                Focus::List => areas.list = body,
                Focus::Frames => areas.frames = body,
                Focus::Bytes => areas.bytes = body,
            }
            return areas;
        }
        match ctx.shared.panes() {
            Panes::Right if body.width >= 100 => {
                let width = body.width * 3 / 5;
                let height = body.height / 3;
                areas.list = Rect { width, ..body };
                let right = Rect { x: width, width: body.width - width, ..body };
                areas.frames = Rect { height, ..right };
                areas.bytes = Rect { y: right.y + height, height: right.height - height, ..right };
            }
            Panes::Below | Panes::Right if body.height >= 28 && body.width >= 80 => {
                let height = 14 + body.height.saturating_sub(32) / 3;
                let top = body.height - height;
                areas.list = Rect { height: top, ..body };
                let below = Rect { y: body.y + top, height, ..body };
                let width = body.width * 21 / 40;
                areas.frames = Rect { width, ..below };
                areas.bytes = Rect { x: width, width: below.width - width, ..below };
            }
            Panes::Below | Panes::Right if body.height >= 12 => {
                areas.list = Rect { height: body.height - 3, ..body };
                areas.lines = Rect { y: body.bottom() - 3, height: 3, ..body };
            }
            _ => areas.list = body,
        }
        areas
    }

    /// Goes on with choosing rows.
    fn choose(&mut self, turn: &Turn<'_>) {
        let (index, shared) = (turn.index, &turn.shared);
        let id = self.connection;
        let Some(connection) = index.connection(id) else { return };
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
        let decide = |verdict: Verdict| match verdict {
            Verdict::Yes => Some(true),
            Verdict::No => Some(false),
            Verdict::Unknown => None,
        };
        let delta =
            |now: Option<crate::model::Time>, before: Option<crate::model::Time>| Some(now?.since(before?));
        if self.frames_mode {
            let frames = index.frames(id);
            let only_marked = self.only_marked;
            self.rows.advance(key, frames.len(), all, |at| {
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
            });
        } else {
            let messages = index.messages(id);
            let only_marked = self.only_marked;
            self.rows.advance(key, messages.len(), all, |at| {
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
            });
        }
    }

    /// The selection follows the cursor.
    fn follow(&mut self, turn: &mut Turn<'_>) {
        let Some(place) = self.rows.get(self.list.cursor) else { return };
        let connection = self.connection;
        let before = turn.shared.selection;
        if self.frames_mode {
            let message = turn.index.frames(connection).get(place).map_or(0, |row| u64::from(row.message));
            turn.select(Selection { connection, message, frame: place as u64 + 1 });
        } else if before.message != place as u64 + 1 {
            turn.select(Selection { connection, message: place as u64 + 1, frame: 0 });
        }
        if turn.shared.selection != before {
            (self.frame, self.scroll) = (0, 0);
        }
    }

    /// The place in the list that the selection stands for.
    fn place(&self, selection: Selection) -> Option<usize> {
        let number = if self.frames_mode { selection.frame } else { selection.message };
        number.checked_sub(1).and_then(|place| usize::try_from(place).ok())
    }

    /// Goes to the next row from the cursor, in a direction, for which `wanted` holds.
    fn seek(
        &mut self,
        turn: &mut Turn<'_>,
        forwards: bool,
        wanted: impl Fn(&Turn<'_>, usize) -> bool,
    ) -> bool {
        // Marks and findings are few and near, or the list is gone through once.
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

    /// Begins a search, or goes on with it.
    fn hunt(&mut self, turn: &mut Turn<'_>) {
        let Some(mut hunt) = self.hunt.take() else { return };
        let len = self.rows.len();
        for _ in 0..HUNT.min(hunt.left) {
            hunt.left -= 1;
            hunt.at = if hunt.forwards { hunt.at + 1 } else { hunt.at + len - 1 } % len.max(1);
            let Some(place) = self.rows.get(hunt.at) else { continue };
            let message = self.message_of(turn.index, place);
            match draw::holds(turn.index, self.connection, message, &hunt.wanted) {
                Some(true) => {
                    self.list.go(hunt.at);
                    self.follow(turn);
                    return;
                }
                Some(false) => {}
                None => hunt.unseen += 1,
            }
        }
        if hunt.left > 0 {
            self.hunt = Some(hunt);
        } else if hunt.unseen > 0 {
            turn.warn(format!(
                "not found in the first 64 bytes of each; {} longer: filter with text contains \"…\"",
                units::counted(hunt.unseen, "message is").replace("message iss", "messages are")
            ));
        } else {
            turn.warn("not found");
        }
    }

    /// The message of a place in the list.
    fn message_of(&self, index: &Index, place: usize) -> u64 {
        if self.frames_mode {
            index.frames(self.connection).get(place).map_or(0, |row| u64::from(row.message))
        } else {
            place as u64 + 1
        }
    }

    /// The frame that is opened: the one under the cursor of the frames, of the list in frames mode, or the first.
    fn frame_to_open(&self, turn: &Turn<'_>) -> u64 {
        let selection = turn.shared.selection;
        if self.frames_mode {
            return selection.frame;
        }
        panes::frames_of(turn.index, selection.connection, selection.message)
            .get(self.frame)
            .map_or(0, |(number, _)| *number)
    }

    fn open(&mut self, turn: &mut Turn<'_>) {
        if self.rows.is_empty() {
            return;
        }
        if self.frames_mode || self.focus == Focus::Frames {
            let selection = Selection { frame: self.frame_to_open(turn), ..turn.shared.selection };
            turn.select(selection);
            turn.go(ScreenId::Frame);
        } else {
            turn.go(ScreenId::Detail);
        }
    }

    fn copy(&self, turn: &mut Turn<'_>) {
        match turn.ctx().detail() {
            Detail::Ready(detail) if !detail.whole => {
                turn.warn("only its first MiB is loaded; e writes it to a file");
            }
            Detail::Ready(detail) => match std::str::from_utf8(&detail.bytes) {
                Ok(text) if detail.opcode != Opcode::Binary => turn.copy(text.to_owned(), "the message"),
                _ => turn.copy(hex::encode(&detail.bytes), "the message"),
            },
            Detail::Failed(why) => turn.warn(why),
            Detail::Absent | Detail::Loading => {
                if let Some(request) = self.wants(&turn.ctx()) {
                    turn.load(request);
                }
                turn.say("loading; once more, please");
            }
        }
    }
}

impl Screen for Messages {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let selection = turn.shared.selection;
        if self.connection != selection.connection {
            let keep = Self {
                frames_mode: self.frames_mode,
                direction: self.direction,
                kinds: self.kinds,
                ..Self::default()
            };
            *self = Self { connection: selection.connection, ..keep };
        }
        let key = self.rows.of();
        self.choose(turn);
        let height = usize::from(pane::inside(self.areas(&turn.ctx()).list).height).saturating_sub(1);
        self.list.settle(self.rows.len(), height);
        // The selection was made elsewhere, or its row is another one now.
        let place = self.place(selection);
        if let Some(place) = place
            && self.rows.get(self.list.cursor) != Some(place)
        {
            let near = self.rows.near(place);
            let gone = self.rows.get(near) != Some(place) && !self.rows.is_empty() && !self.rows.is_busy();
            self.list.go(near);
            if gone {
                self.follow(turn);
                if turn.shared.said.is_none() && key > 0 {
                    turn.say(format!("row {} is not among these: the next one is selected", place + 1));
                }
            }
        }
        if place.is_none() || selection.frame == 0 && self.frames_mode {
            self.follow(turn);
        }
        let frames = panes::frames_of(turn.index, self.connection, turn.shared.selection.message).len();
        self.frame = self.frame.min(frames.saturating_sub(1));
        self.hunt(turn);
    }

    fn is_busy(&self) -> bool {
        self.rows.is_busy() || self.hunt.is_some()
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        if self.focus == Focus::List && self.list.act(cmd) {
            self.follow(turn);
            return true;
        }
        let step = match cmd {
            Cmd::Down => 1,
            Cmd::Up => -1,
            Cmd::HalfDown | Cmd::PageDown => 10,
            Cmd::HalfUp | Cmd::PageUp => -10,
            Cmd::First => isize::MIN,
            Cmd::Last => isize::MAX,
            _ => 0,
        };
        if step != 0 {
            if self.focus == Focus::Frames {
                self.frame = self.frame.saturating_add_signed(step);
                self.scroll = 0;
            } else {
                let most = panes::bytes_height(&turn.ctx(), self.frame);
                self.scroll = self.scroll.saturating_add_signed(step).min(most);
            }
            return true;
        }
        match cmd {
            Cmd::Open => self.open(turn),
            Cmd::GoFrame | Cmd::GoLayers => {
                let selection = Selection { frame: self.frame_to_open(turn), ..turn.shared.selection };
                turn.select(selection);
                return false;
            }
            Cmd::NextPane | Cmd::PreviousPane => {
                let shown = turn.shared.zoomed || self.areas(&turn.ctx()).frames.height > 0;
                self.focus = match (self.focus, cmd) {
                    _ if !shown => Focus::List,
                    (Focus::List, Cmd::NextPane) | (Focus::Bytes, Cmd::PreviousPane) => Focus::Frames,
                    (Focus::Frames, Cmd::NextPane) | (Focus::List, _) => Focus::Bytes,
                    _ => Focus::List,
                };
            }
            Cmd::Layout => {
                self.focus = Focus::List;
                return false;
            }
            Cmd::Frames => {
                let message = turn.shared.selection.message;
                self.frames_mode = !self.frames_mode;
                let frame = turn.index.messages(self.connection).get((message as usize).wrapping_sub(1));
                let frame =
                    if self.frames_mode { frame.map_or(0, |row| u64::from(row.first_frame)) } else { 0 };
                turn.select(Selection { frame, ..turn.shared.selection });
            }
            Cmd::Direction => {
                self.direction = match self.direction {
                    None => Some(Direction::ClientToServer),
                    Some(Direction::ClientToServer) => Some(Direction::ServerToClient),
                    Some(Direction::ServerToClient) => None,
                };
            }
            Cmd::Kind => {
                self.kinds = match self.kinds {
                    Kinds::All => Kinds::Data,
                    Kinds::Data => Kinds::Control,
                    Kinds::Control => Kinds::All,
                };
            }
            Cmd::Mark => {
                let mark = (self.connection, turn.shared.selection.message);
                if mark.1 > 0 && !turn.shared.marks.remove(&mark) {
                    turn.shared.marks.insert(mark);
                }
                self.list.step(1);
                self.follow(turn);
            }
            Cmd::OnlyMarked => self.only_marked = !self.only_marked,
            Cmd::NextMark => {
                let (id, frames_mode) = (self.connection, self.frames_mode);
                let marked = |turn: &Turn<'_>, place: usize| {
                    let message = if frames_mode {
                        turn.index.frames(id).get(place).map_or(0, |row| u64::from(row.message))
                    } else {
                        place as u64 + 1
                    };
                    turn.shared.marks.contains(&(id, message))
                };
                if !self.seek(turn, true, marked) {
                    turn.say("nothing is marked; Space marks");
                }
            }
            Cmd::NextFinding | Cmd::PreviousFinding => {
                let (id, frames_mode) = (self.connection, self.frames_mode);
                let found = |turn: &Turn<'_>, place: usize| {
                    let place = if frames_mode {
                        turn.index
                            .frames(id)
                            .get(place)
                            .map_or(usize::MAX, |row| (row.message as usize).wrapping_sub(1))
                    } else {
                        place
                    };
                    turn.index.messages(id).get(place).is_some_and(|row| row.marks.has(Marks::FINDING))
                };
                if !self.seek(turn, cmd == Cmd::NextFinding, found) {
                    turn.say("no message has a finding; 7 shows those of the connection");
                }
            }
            Cmd::SearchNext | Cmd::SearchPrevious => {
                let wanted = turn.shared.search.to_lowercase();
                if wanted.is_empty() {
                    turn.say("nothing to search for; / begins a search");
                } else {
                    let (at, left) = (self.list.cursor, self.rows.len());
                    self.hunt = Some(Hunt { wanted, forwards: cmd == Cmd::SearchNext, at, left, unseen: 0 });
                }
            }
            Cmd::FilterThis => {
                if let Some(row) = turn.ctx().message() {
                    let direction = row.direction().name();
                    turn.propose_filter(format!("dir == {direction} and op == {}", row.opcode().name()));
                }
            }
            Cmd::Copy => self.copy(turn),
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let areas = self.areas(&turn.ctx());
        let at = (mouse.x, mouse.y).into();
        let over = [(areas.list, Focus::List), (areas.frames, Focus::Frames), (areas.bytes, Focus::Bytes)];
        let Some((area, focus)) = over.into_iter().find(|(area, _)| area.contains(at)) else { return };
        match mouse.kind {
            MouseKind::WheelDown | MouseKind::WheelUp => {
                let by = if mouse.kind == MouseKind::WheelDown { 3 } else { -3 };
                match focus {
                    Focus::List => self.list.scroll(by),
                    Focus::Frames => {}
                    Focus::Bytes => {
                        let most = panes::bytes_height(&turn.ctx(), self.frame);
                        self.scroll = self.scroll.saturating_add_signed(by).min(most);
                    }
                }
            }
            MouseKind::Click | MouseKind::DoubleClick => {
                self.focus = focus;
                let Some(line) = mouse.y.checked_sub(pane::inside(area).y + 1).map(usize::from) else {
                    return;
                };
                match focus {
                    Focus::List => {
                        let Some(row) = self.list.at(line) else { return };
                        self.list.go(row);
                        self.follow(turn);
                    }
                    Focus::Frames => self.frame = line,
                    Focus::Bytes => return,
                }
                if mouse.kind == MouseKind::DoubleClick {
                    self.open(turn);
                }
            }
            MouseKind::Drag => {}
        }
    }

    fn go_to(&mut self, number: u64, turn: &mut Turn<'_>) -> bool {
        let Some(place) = number.checked_sub(1).and_then(|place| usize::try_from(place).ok()) else {
            return false;
        };
        if place >= self.rows.of() {
            return false;
        }
        self.list.go(self.rows.near(place));
        self.follow(turn);
        true
    }

    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        let Selection { connection, message, frame } = ctx.shared.selection;
        if message > 0 {
            Some(Request::Message { connection, message })
        } else {
            (frame > 0).then_some(Request::Frame { connection, frame })
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let _ = area;
        let areas = self.areas(ctx);
        if areas.list.height > 0 {
            self.view_list(ctx, areas.list, buffer);
        }
        if areas.frames.height > 0 {
            panes::frames(ctx, areas.frames, buffer, self.frame, self.focus == Focus::Frames);
        }
        if areas.bytes.height > 0 {
            panes::bytes(ctx, areas.bytes, buffer, (self.frame, self.scroll), self.focus == Focus::Bytes);
        }
        if areas.lines.height > 0 {
            ctx.lines(buffer, areas.lines, &panes::short(ctx));
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let mut line = filter_status(ctx);
        let mut end = Text::new();
        if self.rows.undecided > 0 {
            end.add(
                Role::Warning,
                format!("{} undecided: bytes behind the preview   ", units::grouped(self.rows.undecided)),
            );
        }
        if self.is_busy() {
            end.add(Role::Title, if self.hunt.is_some() { "searching… " } else { "filtering… " });
        }
        let noun = if self.frames_mode { "frame" } else { "message" };
        if ctx.shared.is_wide() {
            let count = format!(
                "{} of {} ",
                units::grouped(self.rows.len() as u64),
                units::counted(self.rows.of() as u64, noun)
            );
            end.plainly(count);
        }
        let legend = if ctx.shared.is_wide() {
            "z deflate  F4 four frames  ! finding  ~ incomplete"
        } else {
            "z deflate  F fragments  ! finding  ~ incomplete"
        };
        let columns = usize::from(ctx.shared.size.0);
        let at = if ctx.shared.is_wide() { 31 } else { 25 };
        if line.width() < at && self.rows.undecided == 0 && at + legend.len() + end.width() < columns {
            line.pad_to(at).add(Role::Dim, legend);
        }
        line.end_at(columns, &end);
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint(Cmd::Open, 20),
            hint(Cmd::NextPane, 4),
            hint(Cmd::Frames, 6),
            hint(Cmd::Direction, 9),
            hint(Cmd::Filter, 15),
            hint(Cmd::Search, 14),
            hint(Cmd::Copy, 10),
            hint(Cmd::Export, 5),
            hint_as(Cmd::GoLadder, "ladder", 8),
            hint(Cmd::Back, 19),
        ];
        HINTS
    }
}

impl Messages {
    fn view_list(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let theme = ctx.theme();
        let gap = if ctx.shared.is_wide() { "  " } else { " " };
        let noun = if self.frames_mode { "Frames" } else { "Messages" };
        let (shown, of) = (units::grouped(self.rows.len() as u64), units::grouped(self.rows.of() as u64));
        let mut pane = Pane::new(format!("{noun}{gap}{shown} of {of}"), self.focus == Focus::List);
        if ctx.shared.progress.state == Reading::Reading {
            pane.title.add(Role::Title, " so far");
        }
        if let Some(direction) = self.direction {
            let arrow = draw::arrow(direction);
            pane.title.add(Role::Plain, gap).add(Role::of_direction(direction), format!("only {arrow}"));
        }
        match self.kinds {
            Kinds::All => {}
            Kinds::Data => _ = pane.title.add(Role::Title, format!("{gap}only data")),
            Kinds::Control => _ = pane.title.add(Role::Title, format!("{gap}only control")),
        }
        if self.only_marked {
            pane.title.add(Role::Title, format!("{gap}only marked"));
        }
        if let Some(connection) = ctx.connection() {
            pane.right.plainly(format!("#{} ", connection.id));
            let path = crate::tui::view::path_of(&connection.url);
            pane.right.captured(Role::Plain, path.as_bytes(), usize::from(area.width / 3));
        }
        let inner = pane.draw(buffer, area, theme);
        if inner.height == 0 {
            return;
        }
        if self.rows.is_empty() {
            empty(ctx, buffer, inner, &self.nothing(ctx));
            return;
        }
        let columns = draw::Columns::new(inner.width, self.rows.of());
        let header = if self.frames_mode { columns.frame_header() } else { columns.header() };
        header.draw(buffer, inner.x, inner.y, inner.width, theme);
        for (y, row) in (inner.y + 1..inner.bottom()).zip(self.list.visible()) {
            let Some(place) = self.rows.get(row) else { break };
            let cursor = row == self.list.cursor;
            let before = row.checked_sub(1).and_then(|row| self.rows.get(row));
            let mut line = if self.frames_mode {
                columns.frame(ctx, self.connection, place, before, cursor)
            } else {
                columns.message(ctx, self.connection, place, before, cursor)
            };
            if !ctx.shared.search.is_empty() {
                line.highlight(&ctx.shared.search);
            }
            if cursor && self.focus == Focus::List {
                line.draw_over(buffer, inner.x, y, inner.width, theme, theme.style(Role::Cursor));
            } else {
                line.draw(buffer, inner.x, y, inner.width, theme);
            }
        }
    }

    /// Why there is no row.
    fn nothing(&self, ctx: &Ctx<'_>) -> String {
        if self.rows.is_busy() {
            return "filtering…".to_owned();
        }
        if self.rows.of() == 0 {
            return match ctx.connection() {
                Some(row) if !row.handshake.upgraded => {
                    "this connection was never opened: 2 shows its handshake, 7 what is wrong".to_owned()
                }
                _ => "no message was captured".to_owned(),
            };
        }
        if self.rows.undecided > 0 {
            return "no message matches by what is known of it; of some it cannot be said: their bytes reach beyond the preview".to_owned();
        }
        "no message matches; f changes the filter, Ctrl-f clears it; d, o and M choose by direction, type and mark".to_owned()
    }
}

/// Whether a message is not whole or not certain.
fn is_incomplete(row: &MessageRow) -> bool {
    row.integrity != Integrity::Ok || row.marks.has(Marks::UNFINISHED)
}

/// A frame's opcode as a word of at most five letters.
fn frame_word(row: &FrameRow) -> &'static str {
    draw::word(row.header().opcode())
}
