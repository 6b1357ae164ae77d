//! A list to pick from: copy as, export.

use ratatui::buffer::Buffer;

use super::middle;
use crate::tui::shared::{Ctx, Menu};
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Pane, Text, pane};

/// A menu that is shown.
#[derive(Clone, Debug)]
pub struct MenuView {
    /// What can be picked.
    pub menu: Menu,
    /// The cursor.
    pub list: List,
}

impl MenuView {
    /// A menu with the cursor on its first item.
    #[must_use]
    pub fn new(menu: Menu) -> Self {
        let mut list = List::default();
        list.settle(menu.items.len(), 1);
        Self { menu, list }
    }

    /// The area that it takes.
    #[must_use]
    pub fn area(&self, size: (u16, u16)) -> ratatui::layout::Rect {
        middle(size, 60, (self.menu.items.len() as u16).saturating_add(2).min(size.1.saturating_sub(4)))
    }

    /// Draws it.
    pub fn view(&self, ctx: &Ctx<'_>, buffer: &mut Buffer) {
        let area = self.area(ctx.shared.size);
        pane::clear(buffer, area);
        let inner = Pane::new(&self.menu.title, true).scrolled(&self.list).draw(buffer, area, ctx.theme());
        self.list.draw(buffer, inner, ctx.theme(), true, |row| {
            let mut line = Text::of(Role::Title, if row == self.list.cursor { "▸" } else { " " });
            if let Some((_, words, remark)) = self.menu.items.get(row) {
                line.left(Role::Plain, words, 24).plainly(" ").add(Role::Dim, remark);
            }
            line
        });
    }
}
