//! The screens, one file each.
//!
//! To write a screen: fill in its file. It has a struct of its own state and implements [`Screen`]:
//!
//! 1. [`settle`](Screen::settle) is called after every event: bring cursors inside what is there and select.
//! 2. [`act`](Screen::act) does a command of [`super::commands`] (add rows there), or answers `false`.
//! 3. [`view`](Screen::view) draws. It changes nothing, and builds only what is in sight.
//! 4. [`wants`](Screen::wants) names what has to be loaded for it; that is asked for when the cursor rests for
//!    60 ms, and found in [`Shared::details`](super::shared::Shared::details).
//! 5. [`hints`](Screen::hints) lists the footer, [`status`](Screen::status) fills the row above it.

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

/// Which screen.
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
    /// The conversation as a diagram.
    Ladder,
    /// Figures.
    Stats,
    /// What is wrong.
    Findings,
    /// One frame through all layers.
    Layers,
    /// Lessons.
    Learn,
    /// A frame made by hand.
    Builder,
}

/// What the rest of the UI knows about a screen.
#[derive(Clone, Copy, Debug)]
pub struct ScreenInfo {
    /// Which screen.
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

/// A screen.
pub trait Screen: Any + Debug + Boxed {
    /// Called after every event that reaches it and whenever it comes up, before it is drawn: rows may have come,
    /// the size may be another. Never moves what the user looks at, unless it is gone.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
    }

    /// Does a command; `false` where it means nothing here.
    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool;

    /// The mouse in the screen's area.
    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let _ = (mouse, turn);
    }

    /// Goes to a row by the number it shows; `false` where there is none.
    fn go_to(&mut self, number: u64, turn: &mut Turn<'_>) -> bool {
        let _ = (number, turn);
        false
    }

    /// Something was picked from a menu of this screen ([`Turn::menu`]).
    fn picked(&mut self, item: u32, turn: &mut Turn<'_>) {
        let _ = (item, turn);
    }

    /// An input line of this screen ([`Turn::prompt`]) has this text; `done` when Enter was pressed, `false` at
    /// every change before. An empty text that is done may also mean that it was left with Esc.
    fn entered(&mut self, id: u32, text: &str, done: bool, turn: &mut Turn<'_>) {
        let _ = (id, text, done, turn);
    }

    /// Reports what a search in payloads found ([`Turn::scan`]): the search's number, the numbers of messages, its
    /// progress in percent, and whether it has ended.
    fn found(&mut self, id: u64, messages: &[u64], percent: u8, over: bool) {
        let _ = (id, messages, percent, over);
    }

    /// What the cursor is on, as lessons name it: `mask`, `ask:upgrade`, `tcp`; empty where it has no name.
    fn here(&self, ctx: &Ctx<'_>) -> String {
        let _ = ctx;
        String::new()
    }

    /// Puts the cursor on something by the name that [`here`](Self::here) gives it; `false` where it is not there.
    fn point(&mut self, at: &str, turn: &mut Turn<'_>) -> bool {
        let _ = (at, turn);
        false
    }

    /// A key before the table of commands is asked; `true` where it is typed into the screen.
    fn typed(&mut self, press: Press, turn: &mut Turn<'_>) -> bool {
        let _ = (press, turn);
        false
    }

    /// What has to be loaded for what is selected.
    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        let _ = ctx;
        None
    }

    /// Whether it goes on with work at the next tick, without any other event: a filter over many rows.
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
