//! What lies on top of a screen and has the keys: help, palette, menus, input lines.

pub mod filter;
pub mod help;
pub mod input;
pub mod menu;
pub mod palette;

use ratatui::layout::{Constraint, Layout, Rect};

pub use filter::Trial;
pub use help::Help;
pub use input::{InputKind, InputLine};
pub use menu::MenuView;
pub use palette::Palette;

/// A list on top of a screen.
#[derive(Clone, Debug)]
pub enum Popup {
    /// The keys.
    Help(Help),
    /// Commands by name.
    Palette(Palette),
    /// A list of a screen's own.
    Menu(MenuView),
}

/// Returns a rectangle of at most this size in the middle of the terminal, in its upper part.
#[must_use]
pub fn middle((columns, rows): (u16, u16), width: u16, height: u16) -> Rect {
    use Constraint::{Fill, Length};
    let screen = Rect { x: 0, y: 0, width: columns, height: rows };
    let [_, row, _] = Layout::vertical([Fill(1), Length(height.min(rows)), Fill(2)]).areas(screen);
    let [_, middle, _] = Layout::horizontal([Fill(1), Length(width.min(columns)), Fill(1)]).areas(row);
    middle
}
