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

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::commands::{Cmd, Scope};
use super::event::Mouse;
use super::keys::Press;
use super::shared::{Ctx, Turn};
use super::theme::Role;
use super::widgets::Text;
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

impl ScreenId {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Connections,
        Self::Handshake,
        Self::Messages,
        Self::Detail,
        Self::Frame,
        Self::Ladder,
        Self::Stats,
        Self::Findings,
        Self::Layers,
        Self::Learn,
        Self::Builder,
    ];

    /// The screens with a tab of their own: key, full name, short name.
    pub const TABS: [(Self, &'static str, &'static str); 9] = [
        (Self::Connections, "Conns", "Con"),
        (Self::Handshake, "Shake", "Hsk"),
        (Self::Messages, "Msgs", "Msg"),
        (Self::Frame, "Frame", "Frm"),
        (Self::Ladder, "Ladder", "Lad"),
        (Self::Stats, "Stats", "Sta"),
        (Self::Findings, "Expert", "Exp"),
        (Self::Layers, "Layers", "Lay"),
        (Self::Learn, "Learn", "Lrn"),
    ];

    /// Where its keys are in the table.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::Connections => Scope::CONNECTIONS,
            Self::Handshake => Scope::HANDSHAKE,
            Self::Messages => Scope::MESSAGES,
            Self::Detail => Scope::DETAIL,
            Self::Frame => Scope::FRAME,
            Self::Ladder => Scope::LADDER,
            Self::Stats => Scope::STATS,
            Self::Findings => Scope::FINDINGS,
            Self::Layers => Scope::LAYERS,
            Self::Learn => Scope::LEARN,
            Self::Builder => Scope::BUILDER,
        }
    }

    /// Its name in the help.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "Connections",
            Self::Handshake => "Handshake",
            Self::Messages => "Messages",
            Self::Detail => "Message",
            Self::Frame => "Frame",
            Self::Ladder => "Ladder",
            Self::Stats => "Stats",
            Self::Findings => "Expert",
            Self::Layers => "Layers",
            Self::Learn => "Learn",
            Self::Builder => "Frame builder",
        }
    }

    /// The screen whose tab stands for it.
    #[must_use]
    pub fn tab(self) -> Self {
        match self {
            Self::Detail => Self::Messages,
            Self::Builder => Self::Frame,
            other => other,
        }
    }

    /// One level up: where `Esc` leads when there is nowhere to come back to.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        match self {
            Self::Connections => None,
            Self::Detail | Self::Frame => Some(Self::Messages),
            Self::Layers => Some(Self::Frame),
            _ => Some(Self::Connections),
        }
    }

    /// How deep the breadcrumb goes: 0 the capture, 1 the connection, 2 the message, 3 the frame.
    #[must_use]
    pub fn depth(self) -> u8 {
        match self {
            Self::Connections | Self::Findings | Self::Learn | Self::Builder => 0,
            Self::Handshake | Self::Ladder | Self::Stats => 1,
            Self::Messages | Self::Detail => 2,
            Self::Frame | Self::Layers => 3,
        }
    }
}

/// A hint of the footer: the command, words of its own if any, and how long it stays when there is little room (the
/// highest last).
#[derive(Clone, Copy, Debug)]
pub struct Hint {
    /// What it runs.
    pub cmd: Cmd,
    /// Another command whose key is shown with it, as in `j/k`.
    pub with: Option<Cmd>,
    /// Its words; the table's where empty.
    pub words: &'static str,
    /// How long it stays.
    pub keep: u8,
}

/// A hint with the table's words.
#[must_use]
pub const fn hint(cmd: Cmd, keep: u8) -> Hint {
    Hint { cmd, with: None, words: "", keep }
}

/// A hint with words of its own.
#[must_use]
pub const fn hint_as(cmd: Cmd, words: &'static str, keep: u8) -> Hint {
    Hint { cmd, with: None, words, keep }
}

/// A hint for two commands: `j/k field`.
#[must_use]
pub const fn hint_pair(cmd: Cmd, with: Cmd, words: &'static str, keep: u8) -> Hint {
    Hint { cmd, with: Some(with), words, keep }
}

/// A screen.
pub trait Screen {
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
    let mut line = Text::of(Role::Plain, " filter: ");
    if ctx.shared.filter.is_empty() {
        line.add(Role::Dim, "(none)");
    } else {
        line.captured(Role::Title, ctx.shared.filter.as_bytes(), usize::from(ctx.shared.size.0) / 2);
    }
    line
}

/// What screens say after the user stopped reading.
pub const STOPPED: &str = "reading stopped: Ctrl-x continues";

/// A name as lessons write it: `payload length` is `payload-length`.
#[must_use]
pub fn slug(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "-")
}

/// Says in the middle of an area why there is nothing in it.
pub fn empty(ctx: &Ctx<'_>, buffer: &mut Buffer, area: Rect, words: &str) {
    let lines = crate::model::wrap(words, usize::from(area.width).saturating_sub(4).max(1));
    let y = area.y + area.height.saturating_sub(lines.len() as u16) / 3;
    for (y, line) in (y..area.bottom()).zip(&lines) {
        let x = area.x + area.width.saturating_sub(crate::model::width(line) as u16) / 2;
        Text::of(Role::Dim, line).draw(buffer, x, y, area.right().saturating_sub(x), ctx.theme());
    }
}
