//! The screens, one file each.
//!
//! A screen is one file with its state, which implements [`Screen`], and one row in [`SCREENS`]:
//!
//! 1. [`settle`](Screen::settle) is called after every event: keep cursors inside the data and update the selection.
//! 2. [`act`](Screen::act) performs a command of [`super::commands`] (add rows there), or returns `false`.
//! 3. [`view`](Screen::view) draws. It changes no state, and builds only visible rows.
//! 4. [`wants`](Screen::wants) returns the detail to load. It is requested when the cursor rests for 60 ms, and then
//!    found in [`Shared::details`](super::shared::Shared::details).
//! 5. [`hints`](Screen::hints) lists the keys of the footer, [`status`](Screen::status) fills the row above it.

pub mod builder;
pub mod connections;
pub mod detail;
pub mod findings;
pub mod frame;
pub mod handshake;
pub mod ladder;
pub mod layers;
pub mod learn;
pub mod messages;
pub mod rows;
pub mod stats;

use std::any::Any;
use std::fmt::Debug;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::commands::{Cmd, Scope};
use super::event::Mouse;
use super::keys::Press;
use super::shared::{Ctx, Turn};
use super::theme::Role;
use super::widgets::Text;
use crate::model::{Bilingual, both};
use crate::store::detail::Request;

/// A screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScreenId {
    /// All connections.
    #[default]
    Connections,
    /// The opening handshake.
    Handshake,
    /// Messages of a connection.
    Messages,
    /// One message.
    Detail,
    /// One frame.
    Frame,
    /// The sequence diagram of a connection.
    Ladder,
    /// Statistics.
    Stats,
    /// Findings.
    Findings,
    /// The layers of one frame.
    Layers,
    /// Lessons.
    Learn,
    /// The frame builder.
    Builder,
}

/// The properties of a screen.
#[derive(Clone, Copy, Debug)]
pub struct ScreenInfo {
    /// The screen.
    pub id: ScreenId,
    /// The key that opens it, where it has a tab of its own.
    pub key: Option<char>,
    /// Its name in its tab, in titles and in the help.
    pub name: Bilingual,
    /// Its name in its tab on a narrow terminal.
    pub short: Bilingual,
    /// Where the table of commands lists its keys.
    pub scope: Scope,
    /// The tab that is highlighted while it is shown.
    pub tab: ScreenId,
    /// The screen that `Esc` opens if there is no earlier one.
    pub parent: Option<ScreenId>,
    /// Number of parts of the breadcrumb: 0 capture, 1 connection, 2 message, 3 frame.
    pub depth: u8,
    /// Makes the screen in its initial state.
    pub make: fn() -> Box<dyn Screen>,
}

const fn tab(
    id: ScreenId,
    key: char,
    name: Bilingual,
    short: Bilingual,
    scope: Scope,
    (parent, depth): (Option<ScreenId>, u8),
    make: fn() -> Box<dyn Screen>,
) -> ScreenInfo {
    ScreenInfo { id, key: Some(key), name, short, scope, tab: id, parent, depth, make }
}

const fn below(
    tab: ScreenId,
    id: ScreenId,
    name: Bilingual,
    scope: Scope,
    (parent, depth): (ScreenId, u8),
    make: fn() -> Box<dyn Screen>,
) -> ScreenInfo {
    ScreenInfo { id, key: None, name, short: name, scope, tab, parent: Some(parent), depth, make }
}

fn make<T: Screen + Default>() -> Box<dyn Screen> {
    Box::new(T::default())
}

/// All screens. The rows are in the order of [`ScreenId`].
pub static SCREENS: [ScreenInfo; 11] = {
    use ScreenId::{
        Builder, Connections, Detail, Findings, Frame, Handshake, Ladder, Layers, Learn, Messages, Stats,
    };
    let top = Some(Connections);
    [
        tab(
            Connections,
            '1',
            both("Connections", "连接"),
            both("Conn", "连接"),
            Scope::CONNECTIONS,
            (None, 0),
            make::<connections::Connections>,
        ),
        tab(
            Handshake,
            '2',
            both("Handshake", "握手"),
            both("Shake", "握手"),
            Scope::HANDSHAKE,
            (top, 1),
            make::<handshake::Handshake>,
        ),
        tab(
            Messages,
            '3',
            both("Messages", "消息"),
            both("Msgs", "消息"),
            Scope::MESSAGES,
            (top, 2),
            make::<messages::Messages>,
        ),
        below(
            Messages,
            Detail,
            both("Message", "单条消息"),
            Scope::DETAIL,
            (Messages, 2),
            make::<detail::MessageDetail>,
        ),
        tab(
            Frame,
            '4',
            both("Frame", "帧"),
            both("Frame", "帧"),
            Scope::FRAME,
            (Some(Messages), 3),
            make::<frame::FrameView>,
        ),
        tab(
            Ladder,
            '5',
            both("Ladder", "时序图"),
            both("Ladder", "时序图"),
            Scope::LADDER,
            (top, 1),
            make::<ladder::Ladder>,
        ),
        tab(
            Stats,
            '6',
            both("Stats", "统计"),
            both("Stats", "统计"),
            Scope::STATS,
            (top, 1),
            make::<stats::Stats>,
        ),
        tab(
            Findings,
            '7',
            both("Findings", "发现"),
            both("Find", "发现"),
            Scope::FINDINGS,
            (top, 0),
            make::<findings::Findings>,
        ),
        tab(
            Layers,
            '8',
            both("Layers", "分层"),
            both("Layers", "分层"),
            Scope::LAYERS,
            (Some(Frame), 3),
            make::<layers::Layers>,
        ),
        tab(
            Learn,
            '9',
            both("Learn", "课程"),
            both("Learn", "课程"),
            Scope::LEARN,
            (top, 0),
            make::<learn::Learn>,
        ),
        below(
            Frame,
            Builder,
            both("Frame builder", "帧构造器"),
            Scope::BUILDER,
            (Connections, 0),
            make::<builder::Builder>,
        ),
    ]
};

impl ScreenId {
    /// Returns its row in [`SCREENS`].
    #[must_use]
    pub fn info(self) -> &'static ScreenInfo {
        // A test checks that the rows are in the order of the variants.
        let [first, ..] = &SCREENS;
        SCREENS.get(self as usize).unwrap_or(first)
    }

    /// Where the table of commands lists its keys.
    #[must_use]
    pub fn scope(self) -> Scope {
        self.info().scope
    }
}

/// The state of all screens.
#[derive(Debug)]
pub struct Screens {
    all: Vec<Box<dyn Screen>>,
    /// Lessons are started from the command line, keep their progress in a file and open other screens.
    pub learn: learn::Learn,
}

impl Default for Screens {
    fn default() -> Self {
        let all = SCREENS.iter().map(|info| (info.make)()).collect();
        Self { all, learn: learn::Learn::default() }
    }
}

impl Clone for Screens {
    fn clone(&self) -> Self {
        Self { all: self.all.iter().map(|screen| screen.boxed()).collect(), learn: self.learn.clone() }
    }
}

impl Screens {
    /// Returns a screen to draw it.
    #[must_use]
    pub fn get(&self, id: ScreenId) -> &dyn Screen {
        match self.all.get(id as usize).filter(|_| id != ScreenId::Learn) {
            Some(screen) => screen.as_ref(),
            None => &self.learn,
        }
    }

    /// Returns a screen to change it.
    pub fn get_mut(&mut self, id: ScreenId) -> &mut dyn Screen {
        match self.all.get_mut(id as usize).filter(|_| id != ScreenId::Learn) {
            Some(screen) => screen.as_mut(),
            None => &mut self.learn,
        }
    }
}

/// A key in the footer.
#[derive(Clone, Copy, Debug)]
pub struct Hint {
    /// The command that it runs.
    pub cmd: Cmd,
    /// Another command whose key is shown with it, as in `j/k`.
    pub with: Option<Cmd>,
    /// Words in place of those of the table of commands.
    pub words: Option<Bilingual>,
    /// Its priority: where there is little room, hints with the lowest go first.
    pub keep: u8,
}

/// Makes a hint with the words of the table of commands.
#[must_use]
pub const fn hint(cmd: Cmd, keep: u8) -> Hint {
    Hint { cmd, with: None, words: None, keep }
}

/// Makes a hint with its own words.
#[must_use]
pub const fn hint_as(cmd: Cmd, en: &'static str, zh: &'static str, keep: u8) -> Hint {
    Hint { cmd, with: None, words: Some(both(en, zh)), keep }
}

/// Makes a hint for two commands: `j/k field`.
#[must_use]
pub const fn hint_pair(cmd: Cmd, with: Cmd, en: &'static str, zh: &'static str, keep: u8) -> Hint {
    Hint { cmd, with: Some(with), words: Some(both(en, zh)), keep }
}

/// A copy of a screen behind a pointer; implemented for every screen.
pub trait Boxed {
    /// Returns a copy.
    fn boxed(&self) -> Box<dyn Screen>;
}

impl<T: Screen + Clone> Boxed for T {
    fn boxed(&self) -> Box<dyn Screen> {
        Box::new(self.clone())
    }
}

/// A screen: its state, and how it is drawn.
pub trait Screen: Any + Debug + Boxed {
    /// Called after every event and when the screen opens, before it is drawn: there may be new rows, or a new
    /// size. Never moves the selection unless the selected item is gone.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
    }

    /// Performs a command; returns `false` if the screen does not handle it.
    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool;

    /// Handles the mouse in the screen's area.
    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let _ = (mouse, turn);
    }

    /// Moves the cursor to a row by its number; returns `false` if there is none.
    fn go_to(&mut self, number: u64, turn: &mut Turn<'_>) -> bool {
        let _ = (number, turn);
        false
    }

    /// Handles the choice from a menu of this screen ([`Turn::menu`]).
    fn picked(&mut self, item: u32, turn: &mut Turn<'_>) {
        let _ = (item, turn);
    }

    /// Handles the text of an input line of this screen ([`Turn::prompt`]). `done`: Enter was pressed, or Esc if the
    /// text is empty; it is `false` at each change before.
    fn entered(&mut self, id: u32, text: &str, done: bool, turn: &mut Turn<'_>) {
        let _ = (id, text, done, turn);
    }

    /// Reports what a search in payloads found ([`Turn::scan`]): the search's number, the numbers of messages, its
    /// progress in percent, and whether it has ended.
    fn found(&mut self, id: u64, messages: &[u64], percent: u8, over: bool) {
        let _ = (id, messages, percent, over);
    }

    /// Returns the item under the cursor as lessons name it: `mask`, `ask:upgrade`, `tcp`; empty if it has no name.
    fn here(&self, ctx: &Ctx<'_>) -> String {
        let _ = ctx;
        String::new()
    }

    /// Moves the cursor to an item by its name in [`here`](Self::here); returns `false` if there is none.
    fn point(&mut self, at: &str, turn: &mut Turn<'_>) -> bool {
        let _ = (at, turn);
        false
    }

    /// Handles a key before the table of commands; returns `true` if the key was typed into the screen.
    fn typed(&mut self, press: Press, turn: &mut Turn<'_>) -> bool {
        let _ = (press, turn);
        false
    }

    /// Returns the detail to load for the selection.
    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        let _ = ctx;
        None
    }

    /// Returns whether work continues at the next tick, such as a filter over many rows.
    fn is_busy(&self) -> bool {
        false
    }

    /// Draws the screen.
    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer);

    /// The row above the footer.
    fn status(&self, ctx: &Ctx<'_>) -> Text {
        filter_status(ctx)
    }

    /// The footer, without `? help`, which always comes first.
    fn hints(&self) -> &'static [Hint];
}

/// ` filter: (none)`
#[must_use]
pub fn filter_status(ctx: &Ctx<'_>) -> Text {
    let lang = ctx.shared.lang;
    let mut line = Text::of(Role::Plain, lang.pick(" filter: ", " 过滤器："));
    if ctx.shared.filter.is_empty() {
        line.add(Role::Dim, lang.pick("(none)", "（无）"));
    } else {
        line.captured(Role::Title, ctx.shared.filter.as_bytes(), usize::from(ctx.shared.size.0) / 2);
    }
    line
}

/// The note on screens after the user stopped reading.
pub const STOPPED: Bilingual = both("reading stopped: Ctrl-x continues", "已停止读取：Ctrl-x 继续");

/// Returns a name as lessons write it: `payload-length` for `payload length`.
#[must_use]
pub fn slug(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "-")
}

/// Draws a note in the middle of an area that has no rows.
pub fn empty(ctx: &Ctx<'_>, buffer: &mut Buffer, area: Rect, words: &str) {
    let lines = crate::model::wrap(words, usize::from(area.width).saturating_sub(4).max(1));
    let y = area.y + area.height.saturating_sub(lines.len() as u16) / 3;
    for (y, line) in (y..area.bottom()).zip(&lines) {
        let x = area.x + area.width.saturating_sub(crate::model::width(line) as u16) / 2;
        Text::of(Role::Dim, line).draw(buffer, x, y, area.right().saturating_sub(x), ctx.theme());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_the_screens() {
        for (at, info) in SCREENS.iter().enumerate() {
            assert_eq!(info.id as usize, at);
            assert!(info.tab.info().key.is_some(), "{info:?}");
        }
    }
}
