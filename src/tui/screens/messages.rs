//! The messages or frames of a connection, with the frames and bytes of the selected message.

mod choose;
mod draw;
mod live_list;
mod panes;
mod view;

use choose::{Deep, RowScan, RowSearch};
use live_list::selects;

use ratatui::buffer::Buffer;
use ratatui::layout::Constraint::{Fill, Length, Min};
use ratatui::layout::{Layout, Rect};

use super::rows::Rows;
use super::{Hint, Screen, ScreenId, filter_status, hint, hint_as};
use crate::model::{Direction, Lang, width};
use crate::store::detail::Request;
use crate::store::{FrameRow, Marks, MessageRow, Reading};
use crate::tui::commands::Cmd;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::live;
use crate::tui::shared::{Ctx, Panes, Selection, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Text, pane, units};
use crate::ws::Integrity;

/// The pane that has the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum MessagesPane {
    #[default]
    List,
    Frames,
    Bytes,
}

/// The types of messages that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kinds {
    #[default]
    All,
    Data,
    Control,
}

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    list: List,
    rows: Rows,
    connection: u32,
    /// Whether frames are listed instead of messages.
    frames_mode: bool,
    direction: Option<Direction>,
    kinds: Kinds,
    only_marked: bool,
    focus: MessagesPane,
    /// The cursor among the frames of the message.
    frame: usize,
    scroll: usize,
    row_search: Option<RowSearch>,
    deep: Option<Deep>,
    scan: Option<RowScan>,
    /// Number of rows when the list was paused.
    frozen: Option<usize>,
    /// Number of the last row that was visible, or that existed when the list was opened.
    seen: u64,
    /// Whether the capture is still running.
    is_running: bool,
    /// The gap under the cursor, by the number of its finding.
    hole: Option<u64>,
}

/// The areas of the screen. Those that are not shown are empty.
struct Areas {
    list: Rect,
    frames: Rect,
    bytes: Rect,
    /// Three lines in place of the panes.
    lines: Rect,
    /// The state of a live capture.
    live: Rect,
}

impl Messages {
    fn areas(&self, ctx: &Ctx<'_>) -> Areas {
        let body = ctx.shared.body();
        let none = Rect { width: 0, height: 0, ..body };
        let mut areas = Areas { list: none, frames: none, bytes: none, lines: none, live: none };
        let panes = ctx.shared.panes();
        let wide = panes == Panes::Right && body.width >= 160 && body.height >= 36;
        let has_live = self.is_running && !ctx.shared.zoomed && (panes == Panes::Below || wide);
        let live = if has_live { live::height(body) } else { 0 };
        let [body, below] = Layout::vertical([Min(0), Length(live)]).areas(body);
        if live > 0 {
            areas.live = below;
            if panes == Panes::Below {
                areas.list = body;
                return areas;
            }
        }
        if ctx.shared.zoomed {
            match self.focus {
                MessagesPane::List => areas.list = body,
                MessagesPane::Frames => areas.frames = body,
                MessagesPane::Bytes => areas.bytes = body,
            }
            return areas;
        }
        match panes {
            Panes::Right if body.width >= 100 => {
                let [list, right] = Layout::horizontal([Fill(3), Fill(2)]).areas(body);
                areas.list = list;
                [areas.frames, areas.bytes] = Layout::vertical([Fill(1), Fill(2)]).areas(right);
            }
            Panes::Below | Panes::Right if body.height >= 28 && body.width >= 80 => {
                let height = 14 + body.height.saturating_sub(32) / 3;
                let [list, below] = Layout::vertical([Min(0), Length(height)]).areas(body);
                areas.list = list;
                [areas.frames, areas.bytes] = Layout::horizontal([Fill(21), Fill(19)]).areas(below);
            }
            Panes::Below | Panes::Right if body.height >= 12 => {
                [areas.list, areas.lines] = Layout::vertical([Min(0), Length(3)]).areas(body);
            }
            _ => areas.list = body,
        }
        areas
    }

    /// Selects the row under the cursor.
    fn follow(&mut self, turn: &mut Turn<'_>) {
        let connection = self.connection;
        self.hole = self.rows.hole(self.list.cursor).map(|hole| hole.finding);
        if self.hole.is_some() {
            return turn.select(Selection { connection, message: 0, frame: 0 });
        }
        let Some(place) = self.rows.get(self.list.cursor) else { return };
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

    /// Returns the place of the selection in the list.
    fn place(&self, selection: Selection) -> Option<usize> {
        let number = if self.frames_mode { selection.frame } else { selection.message };
        number.checked_sub(1).and_then(|place| usize::try_from(place).ok())
    }

    /// Returns the frame to open: the one under the cursor of the frames pane, or of the list of frames.
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
        if self.hole.is_some() {
            turn.shared.finding = self.hole;
            return turn.go(ScreenId::Findings);
        }
        if self.frames_mode || self.focus == MessagesPane::Frames {
            let selection = Selection { frame: self.frame_to_open(turn), ..turn.shared.selection };
            turn.select(selection);
            turn.go(ScreenId::Frame);
        } else {
            turn.go(ScreenId::Detail);
        }
    }
}

#[cfg(test)]
impl Messages {
    /// The numbers of the rows; `None` for a gap.
    pub fn listed(&self) -> Vec<Option<u64>> {
        (0..self.rows.len()).map(|row| self.rows.get(row).map(|place| place as u64 + 1)).collect()
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
        self.is_running = live::is_running(&turn.shared.progress);
        let key = self.rows.of();
        let gone = self.choose(turn);
        self.shift(gone);
        let height = usize::from(pane::inside(self.areas(&turn.ctx()).list).height).saturating_sub(1);
        self.list.settle(self.rows.len(), height);
        let selection = if turn.shared.live.follow && !turn.shared.live.paused && !self.rows.is_empty() {
            self.list.go(usize::MAX);
            self.follow(turn);
            turn.shared.selection
        } else {
            selection
        };
        // Another screen changed the selection, or its row has moved.
        let place = self.place(selection);
        if place.is_some() {
            self.hole = None;
        }
        if let Some(row) = self.hole.and_then(|hole| self.rows.row_of_hole(hole))
            && row != self.list.cursor
        {
            self.list.go(row);
        }
        if let Some(place) = place
            && self.rows.get(self.list.cursor) != Some(place)
        {
            let near = self.rows.near(place);
            let gone = self.rows.get(near) != Some(place) && !self.rows.is_empty() && !self.rows.is_busy();
            self.list.go(near);
            if gone {
                self.follow(turn);
                if turn.shared.notice.is_none() && key > 0 {
                    let (lang, row) = (turn.lang(), place + 1);
                    let words = if place < self.released(turn.index) {
                        was_released(lang, row as u64)
                    } else {
                        lang.pick(
                            format!("row {row} is not in this list: the next one is selected"),
                            format!("第 {row} 行不在此列表中：已选择下一行"),
                        )
                    };
                    turn.say(words);
                }
            }
        }
        if place.is_none() || selection.frame == 0 && self.frames_mode {
            self.follow(turn);
        }
        let last = self.list.visible().end.checked_sub(1).and_then(|row| self.rows.get(row));
        if key == 0 || self.seen == 0 {
            self.seen = self.rows.of() as u64;
        }
        self.seen = self.seen.max(last.map_or(0, |place| place as u64 + 1));
        let frames = panes::frames_of(turn.index, self.connection, turn.shared.selection.message).len();
        self.frame = self.frame.min(frames.saturating_sub(1));
        self.row_search(turn);
        self.search_payloads(turn);
    }

    /// The opcode of the selected message or frame.
    fn here(&self, ctx: &Ctx<'_>) -> String {
        let selection = ctx.shared.selection;
        let frames = ctx.index.frames(selection.connection);
        let frame = frames.get((selection.frame as usize).wrapping_sub(1)).filter(|_| self.frames_mode);
        let opcode = frame.map(|row| row.header().opcode()).or(ctx.message().map(|row| row.opcode()));
        opcode.map_or_else(String::new, |opcode| opcode.name().to_owned())
    }

    /// `frames`: a row per frame.
    fn point(&mut self, at: &str, turn: &mut Turn<'_>) -> bool {
        if at == "frames" && !self.frames_mode {
            let selection = turn.shared.selection;
            self.act(Cmd::Frames, turn);
            if selection.frame > 0 {
                turn.select(selection);
            }
        }
        at == "frames"
    }

    fn is_busy(&self) -> bool {
        self.rows.is_busy() || self.row_search.is_some()
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        if selects(cmd) {
            turn.shared.live.follow = false;
        }
        if self.focus == MessagesPane::List && self.list.act(cmd) {
            turn.shared.live.follow |= cmd == Cmd::Last && self.is_running && !turn.shared.live.paused;
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
            if self.focus == MessagesPane::Frames {
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
            Cmd::Follow if turn.shared.progress.state == Reading::Reading => {
                let live = &mut turn.shared.live;
                live.follow = !live.follow || live.paused;
                live.paused = false;
                let is_on = live.follow;
                self.focus = MessagesPane::List;
                turn.say(if is_on {
                    turn.lang().pick("follow: showing the newest row", "跟随：显示最新的行")
                } else {
                    turn.lang().pick("follow is off", "已停止跟随")
                });
            }
            Cmd::GoFrame | Cmd::GoLayers if self.hole.is_some() => {
                turn.say(turn.lang().pick(
                    "these bytes were not captured; Enter explains the gap",
                    "未抓到这些字节；Enter 解释此缺口",
                ));
            }
            Cmd::GoFrame | Cmd::GoLayers => {
                let selection = Selection { frame: self.frame_to_open(turn), ..turn.shared.selection };
                turn.select(selection);
                return false;
            }
            Cmd::NextPane | Cmd::PreviousPane => {
                let shown = turn.shared.zoomed || self.areas(&turn.ctx()).frames.height > 0;
                self.focus = match (self.focus, cmd) {
                    _ if !shown => MessagesPane::List,
                    (MessagesPane::List, Cmd::NextPane) | (MessagesPane::Bytes, Cmd::PreviousPane) => {
                        MessagesPane::Frames
                    }
                    (MessagesPane::Frames, Cmd::NextPane) | (MessagesPane::List, _) => MessagesPane::Bytes,
                    _ => MessagesPane::List,
                };
            }
            Cmd::Layout => {
                self.focus = MessagesPane::List;
                return false;
            }
            Cmd::Frames => {
                let message = turn.shared.selection.message;
                self.frames_mode = !self.frames_mode;
                (self.frozen, self.seen) = (None, 0);
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
                    turn.say(
                        turn.lang()
                            .pick("nothing is marked; Space marks a row", "没有标记；按 Space 标记一行"),
                    );
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
                    turn.say(turn.lang().pick(
                        "no message has a finding; 7 shows those of the connection",
                        "没有消息带有发现；7 显示连接的发现",
                    ));
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
                } else {
                    let (at, left) = (self.list.cursor, self.rows.len());
                    let forwards = cmd == Cmd::SearchNext;
                    self.row_search = Some(RowSearch { wanted, forwards, start: at, at, left, unseen: 0 });
                }
            }
            Cmd::FilterThis => {
                if let Some(row) = turn.ctx().message() {
                    let direction = row.direction().name();
                    turn.propose_filter(format!("dir == {direction} and op == {}", row.opcode().name()));
                }
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let areas = self.areas(&turn.ctx());
        let at = (mouse.x, mouse.y).into();
        let over = [
            (areas.list, MessagesPane::List),
            (areas.frames, MessagesPane::Frames),
            (areas.bytes, MessagesPane::Bytes),
        ];
        let Some((area, focus)) = over.into_iter().find(|(area, _)| area.contains(at)) else { return };
        if mouse.kind != MouseKind::WheelDown {
            turn.shared.live.follow = false;
        }
        match mouse.kind {
            MouseKind::WheelDown | MouseKind::WheelUp => {
                let by = if mouse.kind == MouseKind::WheelDown { 3 } else { -3 };
                match focus {
                    MessagesPane::List => self.list.scroll(by),
                    MessagesPane::Frames => {}
                    MessagesPane::Bytes => {
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
                    MessagesPane::List => {
                        let Some(row) = self.list.at(line) else { return };
                        self.list.go(row);
                        self.follow(turn);
                    }
                    MessagesPane::Frames => self.frame = line,
                    MessagesPane::Bytes => return,
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
        turn.shared.live.follow = false;
        if place < self.released(turn.index) {
            turn.say(was_released(turn.lang(), number));
        }
        self.list.go(self.rows.near(place));
        self.follow(turn);
        true
    }

    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        let Selection { connection, message, frame } = ctx.shared.selection;
        let areas = self.areas(ctx);
        if areas.live.height > 0 && areas.frames.height == 0 {
            None // No pane shows it.
        } else if message > 0 {
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
        if let Some(hole) = self.rows.hole(self.list.cursor).filter(|_| self.hole.is_some()) {
            panes::hole(ctx, [areas.frames, areas.bytes, areas.lines], buffer, hole);
            if areas.live.height > 0 {
                live::pane(ctx, areas.live, buffer, &self.list_position(ctx));
            }
            return;
        }
        if areas.frames.height > 0 {
            panes::frames(ctx, areas.frames, buffer, self.frame, self.focus == MessagesPane::Frames);
        }
        if areas.bytes.height > 0 {
            panes::bytes(
                ctx,
                areas.bytes,
                buffer,
                (self.frame, self.scroll),
                self.focus == MessagesPane::Bytes,
            );
        }
        if areas.lines.height > 0 {
            ctx.lines(buffer, areas.lines, &panes::short(ctx));
        }
        if areas.live.height > 0 {
            live::pane(ctx, areas.live, buffer, &self.list_position(ctx));
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let lang = ctx.shared.lang;
        let mut line = filter_status(ctx);
        let mut end = Text::new();
        if let Some(scan) = &self.scan {
            end.add(
                Role::Title,
                lang.pick(
                    format!("searching payloads {} %   ", scan.percent),
                    format!("正在搜索载荷 {} %   ", scan.percent),
                ),
            );
        } else if self.rows.undecided() > 0 {
            end.add(Role::Warning, {
                let count = units::grouped(self.rows.undecided());
                lang.pick(format!("{count} undecided   "), format!("{count} 个未定   "))
            });
        }
        if self.is_busy() {
            end.add(
                Role::Title,
                if self.row_search.is_some() {
                    lang.pick("searching… ", "正在搜索… ")
                } else {
                    lang.pick("filtering… ", "正在过滤… ")
                },
            );
        }
        if self.is_running {
            return self.live_status(ctx, line, &end);
        }
        if ctx.shared.is_wide() {
            let (en, zh) = if self.frames_mode { ("frame", "个帧") } else { ("message", "条消息") };
            let of = units::counted_in(lang, self.rows.of() as u64, en, zh);
            let shown = units::grouped(self.rows.count() as u64);
            end.plainly(format!("{shown}{}{of} ", lang.pick(" of ", " / ")));
        }
        let legend =
            lang.pick("z deflate  F fragments  ! finding  ~ incomplete", "z 压缩  F 分片  ! 发现  ~ 不完整");
        let columns = usize::from(ctx.shared.size.0);
        let at = if ctx.shared.is_wide() { 31 } else { 25 };
        if line.width() < at && self.rows.undecided() == 0 && at + width(legend) + end.width() < columns {
            line.pad_to(at).add(Role::Dim, legend);
        }
        line.end_at(columns, &end);
        line
    }

    fn found(&mut self, id: u64, found: &[u64], percent: u8, over: bool) {
        self.found_rows(id, found, percent, over);
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
            hint_as(Cmd::GoLadder, "ladder", "时序图", 8),
            hint(Cmd::Back, 19),
        ];
        const LIVE: &[Hint] = &[
            hint(Cmd::Follow, 21),
            hint(Cmd::Pause, 18),
            hint(Cmd::StopCapture, 17),
            hint(Cmd::Filter, 15),
            hint(Cmd::Search, 14),
            hint(Cmd::Copy, 10),
            hint(Cmd::Export, 5),
            hint_as(Cmd::Quit, "quit (asks, capture running)", "退出（抓包进行中，会先询问）", 4),
        ];
        if self.is_running { LIVE } else { HINTS }
    }
}

fn was_released(lang: Lang, row: u64) -> String {
    lang.pick(
        format!("row {row} was released: the next one is selected"),
        format!("第 {row} 行已释放：已选择下一行"),
    )
}

/// Returns whether a message is incomplete or uncertain.
fn is_incomplete(row: &MessageRow) -> bool {
    row.integrity != Integrity::Ok || row.marks.has(Marks::UNFINISHED)
}

/// A frame's opcode as a word of at most five letters.
fn frame_word(row: &FrameRow) -> &'static str {
    row.header().opcode().short_name()
}
