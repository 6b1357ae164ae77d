//! One message: JSON, text, hex, raw.

mod content;
mod draw;
mod rows;
mod tree;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Constraint::{Length, Min};
use ratatui::layout::{Layout, Rect};

use super::{Hint, Screen, ScreenId, empty, hint, hint_as, hint_pair};
use crate::model::{Lang, safe_str, width};
use crate::store::detail::Request;
use crate::tui::commands::Cmd;
use crate::tui::details::Detail;
use crate::tui::event::{Effect, Mouse, MouseKind, Save};
use crate::tui::order::{MessageOrder, OrderEntry};
use crate::tui::shared::{Ctx, Shared, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::pane::inside;
use crate::tui::widgets::{Hex, List, Pane, Text, units};
use crate::ws::{Integrity, Opcode};
use content::{Content, View};
use draw::{hex_title, sizes, tabs};

/// The input line for a file's name.
const SAVE: u32 = 1;

/// The screen's state.
#[derive(Clone, Debug)]
pub struct MessageDetail {
    content: Option<Content>,
    view: View,
    /// The view that the user chose; `None` for the one that suits the message.
    chosen: Option<View>,
    /// Whether the bytes at the side have the focus.
    aside: bool,
    wrap: bool,
    main: List,
    side: List,
    /// Bytes in a row at the side, and in the main pane.
    side_bytes: usize,
    main_bytes: usize,
    /// The bytes of the search hit.
    hit: Option<Range<usize>>,
    /// The view, connection and message that the lists were last set up for.
    listed: Option<(View, u32, u64)>,
    /// The order of the messages in the list.
    order: MessageOrder,
    /// The language of the UI, on which the number of lines above the rows depends.
    lang: Lang,
}

impl Default for MessageDetail {
    fn default() -> Self {
        Self {
            content: None,
            view: View::Text,
            chosen: None,
            aside: false,
            wrap: true,
            main: List::default(),
            side: List::default(),
            side_bytes: 16,
            main_bytes: 16,
            hit: None,
            listed: None,
            order: MessageOrder::default(),
            lang: Lang::En,
        }
    }
}

/// The areas of the panes. An area that does not fit is empty.
#[derive(Clone, Copy, Debug, Default)]
struct DetailAreas {
    main: Rect,
    side: Rect,
}

impl MessageDetail {
    fn places(&self, shared: &Shared, area: Rect) -> DetailAreas {
        let beside = matches!(self.view, View::Json | View::Text);
        let aside = self.aside && beside;
        let side = match (shared.zoomed, aside) {
            (true, true) => area.width,
            (true, false) => 0,
            _ if !beside || area.width < 100 => 0,
            // Sixteen bytes a row if that leaves enough for the text.
            _ if area.width >= 140 => 76,
            _ => area.width - area.width * 7 / 15,
        };
        let [main, side] = Layout::horizontal([Min(0), Length(side)]).areas(area);
        DetailAreas { main, side }
    }

    /// Number of lines above and below the rows of the main pane.
    fn around(&self, content: &Content, area: Rect) -> (usize, usize) {
        let above = content.doubt_lines(usize::from(inside(area).width), self.lang).len()
            + usize::from(content.close_words(self.lang).is_some());
        let below = if self.view == View::Json {
            1 + usize::from(tree::broken(content, 80, self.lang).is_some())
        } else {
            0
        };
        (above, below)
    }

    fn hex<'a>(content: &'a Content, area: Rect) -> Hex<'a> {
        Hex { text: true, ..Hex::new(content.bytes(), inside(area).width.saturating_sub(2)) }
    }

    fn rows(&self, content: &Content, area: Rect) -> usize {
        match self.view {
            View::Json => content.tree.len(),
            View::Text => content.text_rows(),
            View::Hex => Self::hex(content, area).rows(),
            View::Raw => content.raw_rows(),
        }
    }

    /// Returns the bytes of the value under the cursor.
    fn lit(&self) -> Range<usize> {
        if let Some(hit) = &self.hit {
            return hit.clone();
        }
        let Some(content) = &self.content else { return 0..0 };
        match self.view {
            View::Json => {
                let node = content
                    .tree
                    .get(self.main.cursor)
                    .and_then(|at| content.json.as_ref()?.nodes.get(*at as usize));
                node.map_or(0..0, |node| node.span.start as usize..node.span.end as usize)
            }
            View::Text => content.text_row(self.main.cursor),
            View::Hex | View::Raw => 0..0,
        }
    }

    /// Scrolls the bytes at the side to the value under the cursor.
    fn follow(&mut self) {
        let lit = self.lit();
        self.side.go(self.side_row(lit.start));
    }

    fn side_row(&self, byte: usize) -> usize {
        byte / self.side_bytes.max(1)
    }

    fn step_view(&mut self, forwards: bool) {
        let Some(content) = &self.content else { return };
        let len = View::ALL.len();
        let mut at = View::ALL.iter().position(|view| *view == self.view).unwrap_or(0);
        for _ in 0..len {
            at = (at + if forwards { 1 } else { len - 1 }) % len;
            if let Some(view) = View::ALL.get(at).copied()
                && content.has(view)
            {
                self.chosen = Some(view);
                break;
            }
        }
    }

    /// Returns the next or previous message in the list; 0 if there is none.
    fn next(&self, message: u64, forwards: bool) -> u64 {
        let place = message.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let Some(mut at) = place.and_then(|place| self.order.position(place)) else { return 0 };
        loop {
            let Some(next) = (if forwards { at.checked_add(1) } else { at.checked_sub(1) }) else { return 0 };
            match self.order.entry(next) {
                Some(OrderEntry::Row(place)) => return place as u64 + 1,
                Some(OrderEntry::Hole(_) | OrderEntry::Extra(_)) => at = next,
                None => return 0,
            }
        }
    }

    fn walk(&mut self, forwards: bool, turn: &mut Turn<'_>) {
        let selection = turn.shared.selection;
        let messages = turn.index.messages(selection.connection);
        let count = messages.len() as u64;
        self.order.update(
            turn.index,
            (selection.connection, false),
            messages.released()..messages.len(),
            false,
        );
        let released = messages.released() as u64;
        let next = if forwards && selection.message <= released {
            released + 1
        } else {
            self.next(selection.message, forwards)
        };
        if next == 0 && !forwards && released > 0 {
            turn.say(turn.lang().pick(
                "the messages before this one were released to limit memory",
                "为限制内存，更早的消息已释放",
            ));
        } else if next == 0 || next > count {
            turn.say(if forwards {
                turn.lang().pick("this is the last message", "这是最后一条消息")
            } else {
                turn.lang().pick("this is the first message", "这是第一条消息")
            });
        } else {
            turn.select_message(next);
        }
    }

    /// Folds the value under the cursor, or moves to its parent.
    fn fold(&mut self) {
        let Some(content) = &mut self.content else { return };
        let Some(at) = content.tree.get(self.main.cursor).copied() else { return };
        let Some(node) = content.json.as_ref().and_then(|json| json.nodes.get(at as usize)) else { return };
        if node.children > 0 && !content.folded.contains(&at) {
            content.folded.insert(at);
            content.grow_tree();
            self.relist();
        } else if node.parent != at {
            let row = content.tree.partition_point(|row| *row < node.parent);
            self.main.go(row);
        }
    }

    /// Unfolds the value under the cursor, or moves to its first child.
    fn unfold(&mut self) {
        let Some(content) = &mut self.content else { return };
        let Some(at) = content.tree.get(self.main.cursor).copied() else { return };
        if content.folded.remove(&at) {
            content.grow_tree();
            self.relist();
        } else if content
            .json
            .as_ref()
            .and_then(|json| json.nodes.get(at as usize))
            .is_some_and(|node| node.children > 0)
        {
            self.main.step(1);
        }
    }

    fn relist(&mut self) {
        let rows = self.content.as_ref().map_or(0, |content| content.tree.len());
        self.main.settle(rows, self.main.height());
    }

    /// Finds all rows of the text, so that the cursor can go to the last one.
    fn find_all_rows(&mut self) {
        if let Some(content) = &mut self.content {
            content.find_all_rows();
            self.main.settle(content.text_rows(), self.main.height());
        }
    }

    /// Goes to the next or previous item of the same object.
    fn sibling(&mut self, forwards: bool) {
        let Some(content) = &self.content else { return };
        let Some(json) = &content.json else { return };
        let Some(at) = content.tree.get(self.main.cursor).copied() else { return };
        let Some(node) = json.nodes.get(at as usize) else { return };
        let parent = node.parent;
        let mut row = self.main.cursor;
        loop {
            let next = if forwards { row.checked_add(1) } else { row.checked_sub(1) };
            let Some(found) = next.and_then(|next| content.tree.get(next)) else { return };
            let Some(other) = json.nodes.get(*found as usize) else { return };
            row = next.unwrap_or(row);
            if other.parent == parent && *found != parent {
                self.main.go(row);
                return;
            }
            if other.depth < node.depth {
                return;
            }
        }
    }

    /// Moves to the next search hit. The case of ASCII letters is ignored.
    fn search(&mut self, turn: &mut Turn<'_>) {
        let wanted = turn.shared.search.to_ascii_lowercase().into_bytes();
        let Some(content) = &mut self.content else { return };
        if wanted.is_empty() {
            return;
        }
        if content.is_as_sent() {
            self.hit = None;
            turn.say(
                turn.lang()
                    .pick("cannot be searched: the bytes are still compressed", "无法搜索：字节仍是压缩的"),
            );
            return;
        }
        let text = content.bytes().to_ascii_lowercase();
        let from = self.hit.as_ref().map_or(0, |hit| hit.start + 1);
        let find = |from: usize| {
            let at = memchr::memmem::find(text.get(from..).unwrap_or_default(), &wanted)?;
            Some(from + at)
        };
        let Some(at) = find(from).or_else(|| find(0)) else {
            self.hit = None;
            turn.say(turn.lang().pick("not found in this message", "在此消息中未找到"));
            return;
        };
        let row = match self.view {
            View::Json => content.node_at(at).map_or(0, |node| content.unfold_to(node)),
            View::Text => content.row_of(at),
            View::Hex => at / self.main_bytes.max(1),
            View::Raw => self.main.cursor,
        };
        let rows = match self.view {
            View::Json => content.tree.len(),
            View::Text => content.text_rows(),
            View::Hex | View::Raw => self.main.len(),
        };
        self.hit = Some(at..at + wanted.len());
        self.main.settle(rows, self.main.height());
        self.main.go(row);
        self.follow();
        let at = units::grouped(at as u64);
        turn.say(turn.lang().pick(
            format!("found at byte {at}; Ctrl-n finds the next"),
            format!("在字节 {at} 处找到；Ctrl-n 查找下一处"),
        ));
    }

    /// Returns the text that `y` copies, and its name.
    fn value(&self, lang: Lang) -> Option<(String, &'static str)> {
        let content = self.content.as_ref()?;
        let detail = &content.detail;
        Some(match self.view {
            View::Json => {
                (content.value(*content.tree.get(self.main.cursor)?)?, lang.pick("the value", "值"))
            }
            View::Text => {
                (String::from_utf8_lossy(content.bytes()).into_owned(), lang.pick("the text", "文本"))
            }
            View::Hex => (crate::tui::widgets::hex::spaced(content.bytes()), lang.pick("the bytes", "字节")),
            View::Raw => {
                (crate::tui::widgets::hex::spaced(&content::as_sent(detail)), lang.pick("the frames", "帧"))
            }
        })
    }

    /// Returns a file name for the message. It contains numbers only, never captured text.
    fn file_name(&self) -> Option<String> {
        let content = self.content.as_ref()?;
        let detail = &content.detail;
        let ending = match self.view {
            View::Json => "json",
            View::Text if detail.opcode == Opcode::Text => "txt",
            View::Text | View::Hex | View::Raw => "bin",
        };
        Some(format!("message-{}-{}.{ending}", detail.connection, detail.number))
    }
}

impl Screen for MessageDetail {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        if turn.shared.selection.message == 0
            && !turn.index.messages(turn.shared.selection.connection).is_empty()
        {
            let first = turn.index.messages(turn.shared.selection.connection).released() as u64 + 1;
            turn.select_message(first);
        }
        let ctx = turn.ctx();
        match ctx.detail() {
            Detail::Ready(detail) => {
                let same = self.content.as_ref().is_some_and(|content| Arc::ptr_eq(&content.detail, &detail));
                if !same {
                    self.content = Some(Content::new(detail));
                    self.hit = None;
                }
            }
            _ => self.content = None,
        }
        self.lang = turn.lang();
        let Some(content) = &mut self.content else { return };
        self.view = self.chosen.filter(|view| content.has(*view)).unwrap_or(content.best);
        let shared = &*turn.shared;
        let places = self.places(shared, shared.body());
        let Some(content) = &mut self.content else { return };
        let listed = Some((self.view, content.detail.connection, content.detail.number));
        if listed != self.listed {
            self.listed = listed;
            self.main = List::default();
            self.side = List::default();
        }
        let columns = usize::from(inside(places.main).width).saturating_sub(2);
        if self.view == View::Text && !places.main.is_empty() {
            // One key moves the view by at most one page.
            let ahead = usize::from(shared.size.1).saturating_mul(4);
            let rows = self.main.cursor.max(self.main.top).saturating_add(ahead);
            content.wrap(self.wrap.then_some(columns.max(8)), rows);
        }
        self.side_bytes = Self::hex(content, places.side).per_row;
        self.main_bytes = Self::hex(content, places.main).per_row;
        let side = content.bytes().len().div_ceil(self.side_bytes.max(1));
        let Some(content) = &self.content else { return };
        let (above, below) = self.around(content, places.main);
        let rows = self.rows(content, places.main);
        let height = usize::from(inside(places.main).height).saturating_sub(above + below);
        self.main.settle(rows, height);
        self.side.settle(side, usize::from(inside(places.side).height));
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        match cmd {
            Cmd::NextFrame | Cmd::PreviousFrame => {
                self.walk(cmd == Cmd::NextFrame, turn);
                return true;
            }
            Cmd::NextView | Cmd::PreviousView => {
                self.step_view(cmd == Cmd::NextView);
                return true;
            }
            Cmd::NextPane | Cmd::PreviousPane => {
                self.aside = !self.aside && matches!(self.view, View::Json | View::Text);
                return true;
            }
            Cmd::Wrap => {
                self.wrap = !self.wrap;
                turn.say(if self.wrap {
                    turn.lang().pick("long lines are wrapped", "长行换行")
                } else {
                    turn.lang().pick("long lines are truncated", "长行截断")
                });
                return true;
            }
            Cmd::Open => {
                turn.go(ScreenId::Frame);
                return true;
            }
            _ => {}
        }
        if self.content.is_none() {
            return false;
        }
        let aside = self.aside && matches!(self.view, View::Json | View::Text);
        if cmd == Cmd::Last && !aside && self.view == View::Text {
            self.find_all_rows();
        }
        match cmd {
            cmd if aside && self.side.act(cmd) => {}
            cmd if !aside && self.main.act(cmd) => {
                self.hit = None;
                self.follow();
            }
            Cmd::Collapse if self.view == View::Json => {
                self.fold();
                self.follow();
            }
            Cmd::Expand if self.view == View::Json => {
                self.unfold();
                self.follow();
            }
            Cmd::Collapse => turn.back(),
            Cmd::Expand => turn.go(ScreenId::Frame),
            Cmd::NextSibling | Cmd::PreviousSibling if self.view == View::Json => {
                self.sibling(cmd == Cmd::NextSibling);
                self.follow();
            }
            Cmd::Copy => {
                if let Some((text, what)) = self.value(turn.lang()) {
                    turn.copy(text, what);
                }
            }
            Cmd::CopyPath => {
                let path = self.content.as_ref().and_then(|content| {
                    let node = content.tree.get(self.main.cursor).filter(|_| self.view == View::Json)?;
                    Some(content.json.as_ref()?.path(content.bytes(), *node as usize))
                });
                match path {
                    Some(path) => turn.copy(path, turn.lang().pick("the path", "路径")),
                    None => {
                        turn.say(turn.lang().pick("only the JSON view has paths", "只有 JSON 视图有路径"))
                    }
                }
            }
            Cmd::SearchNext => self.search(turn),
            Cmd::Save => {
                if let Some(name) = self.file_name() {
                    turn.prompt(SAVE, turn.lang().pick("save to", "保存到"), name);
                }
            }
            _ => return false,
        }
        true
    }

    fn entered(&mut self, id: u32, text: &str, done: bool, turn: &mut Turn<'_>) {
        if id != SAVE || !done || text.is_empty() {
            return;
        }
        let Some(content) = &self.content else { return };
        let bytes = match self.view {
            View::Raw => content::as_sent(&content.detail),
            _ => content.bytes().to_vec(),
        };
        turn.effects.push(Effect::Save(PathBuf::from(text), Save::Bytes(bytes)));
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let places = self.places(turn.shared, turn.shared.body());
        let at = (mouse.x, mouse.y).into();
        let wheel = match mouse.kind {
            MouseKind::WheelDown => 3,
            MouseKind::WheelUp => -3,
            _ => 0,
        };
        if places.side.contains(at) {
            self.aside = true;
            self.side.scroll(wheel);
            return;
        }
        if !places.main.contains(at) {
            return;
        }
        if wheel != 0 {
            self.main.scroll(wheel);
            return;
        }
        self.aside = false;
        let Some(content) = &self.content else { return };
        if mouse.y == places.main.y {
            let tabs = tabs(content, self.view, turn.lang());
            let from = places.main.right().saturating_sub(3).saturating_sub(tabs.width() as u16);
            let mut column = usize::from(mouse.x.saturating_sub(from));
            for view in View::ALL.into_iter().filter(|view| content.has(*view)) {
                let wide = width(view.name(turn.lang())) + if view == self.view { 3 } else { 1 };
                if mouse.x >= from && column < wide {
                    self.chosen = Some(view);
                    return;
                }
                column = column.saturating_sub(wide);
            }
            return;
        }
        let inner = inside(places.main);
        let (above, _) = self.around(content, places.main);
        let line = usize::from(mouse.y.saturating_sub(inner.y)).checked_sub(above);
        if let Some(row) = line.and_then(|line| self.main.at(line)) {
            let again = row == self.main.cursor && mouse.kind == MouseKind::DoubleClick;
            self.main.go(row);
            self.hit = None;
            self.follow();
            if again && self.view == View::Json {
                let folded = self
                    .content
                    .as_ref()
                    .and_then(|content| Some(content.folded.contains(content.tree.get(row)?)));
                if folded == Some(true) { self.unfold() } else { self.fold() }
            }
        }
    }

    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        ctx.message()?;
        let selection = ctx.shared.selection;
        Some(Request::Message { connection: selection.connection, message: selection.message })
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let places = self.places(ctx.shared, area);
        let Some(content) = &self.content else {
            let (number, lang) = (ctx.shared.selection.message, ctx.shared.lang);
            let inner = Pane::new(format!("{}{number}", lang.pick("Message ", "消息 ")), true).draw(
                buffer,
                area,
                ctx.theme(),
            );
            let words = match ctx.detail() {
                Detail::Failed(why) => format!(
                    "{}{}",
                    lang.pick("the message cannot be read: ", "无法读取消息："),
                    safe_str(&why)
                ),
                _ if ctx.message().is_none() => {
                    lang.pick("no message of this connection was captured", "未抓到此连接的消息").to_owned()
                }
                _ => lang.pick("loading…", "正在载入…").to_owned(),
            };
            empty(ctx, buffer, inner, &words);
            return;
        };
        if !places.main.is_empty() {
            self.draw_main(ctx, content, places.main, buffer);
        }
        if !places.side.is_empty() {
            let focused = self.aside;
            let mut pane = Pane::new(hex_title(content, ctx.shared.lang), focused).scrolled(&self.side);
            pane.right = sizes(content);
            let inner = pane.draw(buffer, places.side, ctx.theme());
            self.draw_hex(ctx, content, &self.side, inner, buffer);
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let lang = ctx.shared.lang;
        let mut line = Text::of(Role::Plain, " ");
        let (Some(content), Some(row)) = (&self.content, ctx.message()) else { return line };
        let detail = &content.detail;
        if detail.opcode == Opcode::Text {
            match (detail.invalid_utf8_at, detail.integrity) {
                (Some(at), _) => line.add(
                    Role::Error,
                    format!("{}{}", lang.pick("not UTF-8 at byte ", "不是 UTF-8，字节 "), units::grouped(at)),
                ),
                (None, Integrity::Ok) => line.add(Role::Ok, lang.pick("valid UTF-8 ✓", "有效的 UTF-8 ✓")),
                (None, integrity) => line.add(
                    Role::Warning,
                    format!("{}{}", lang.pick("UTF-8 not checked: ", "未检查 UTF-8："), integrity.name()),
                ),
            };
            line.plainly("  ");
        }
        line.plainly(units::counted_in(lang, detail.frame_count, "frame", "个帧"));
        let packets = content::packets(row.first_packet.into(), row.last_packet.into(), lang);
        line.plainly("  ").plainly(packets);
        if let Some(begin) = ctx.index.begin {
            line.plainly(format!("  t={}", units::relative(row.time, begin)));
        }
        line.plainly(format!("{}{} B", lang.pick("  wire ", "  线上 "), units::grouped(row.wire)));
        if let Some(note) = ctx.index.control_note(detail.connection, detail.number) {
            if let Some(answers) = note.answers {
                line.plainly(format!("{}#{answers}", lang.pick("  answers ", "  应答 ")));
            }
            if let Some(rtt) = note.rtt {
                line.plainly(format!("  RTT {}", units::milliseconds(rtt)));
            }
        }
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint_as(Cmd::NextView, "view", "视图", 8),
            hint_pair(Cmd::Collapse, Cmd::Expand, "fold", "折叠", 6),
            hint_pair(Cmd::NextFrame, Cmd::PreviousFrame, "message", "消息", 7),
            hint(Cmd::Copy, 6),
            hint(Cmd::CopyPath, 3),
            hint(Cmd::Search, 4),
            hint(Cmd::Wrap, 2),
            hint(Cmd::Save, 3),
            hint_as(Cmd::Open, "frames", "帧", 5),
            hint(Cmd::Back, 9),
        ];
        HINTS
    }
}
