//! What lies on top of a screen and has the keys: help, palette, menus, input lines.

pub mod filter;
pub mod help;
pub mod input;
pub mod menu;
pub mod palette;

use ratatui::layout::Rect;

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

/// A rectangle of at most this size in the middle of the terminal.
#[must_use]
pub fn middle(size: (u16, u16), width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(size.0), height.min(size.1));
    Rect { x: (size.0 - width) / 2, y: (size.1 - height) / 3, width, height }
}
