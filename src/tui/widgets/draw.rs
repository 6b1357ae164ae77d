//! Draws a [`Text`] with ratatui.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

use crate::present::{Role, Text};
use crate::tui::theme::Theme;

impl Text {
    /// Returns the line for widgets of ratatui.
    #[must_use]
    pub fn line(&self, theme: Theme) -> Line<'static> {
        // The style replaces the style of the cells.
        let style = |role: Role| Style::reset().patch(theme.style(role));
        self.parts().iter().map(|(role, text)| Span::styled(text.clone(), style(*role))).collect()
    }

    /// Draws the line into `columns` cells from (`x`, `y`) on; a longer line ends in `…`. Cells outside the buffer are
    /// left out.
    pub fn draw(&self, buffer: &mut Buffer, x: u16, y: u16, columns: u16, theme: Theme) {
        let area = Rect { x, y, width: columns, height: 1 }.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let columns = usize::from(area.width);
        let line = if self.width() > columns { self.cut(columns).line(theme) } else { self.line(theme) };
        line.render(area, buffer);
    }

    /// As [`draw`](Self::draw); a selected row has a background over all of its columns.
    pub fn draw_row(&self, buffer: &mut Buffer, x: u16, y: u16, columns: u16, theme: Theme, selected: bool) {
        self.draw(buffer, x, y, columns, theme);
        if selected {
            buffer.set_style(Rect { x, y, width: columns, height: 1 }, theme.style(Role::Cursor));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn drawing_stays_inside(text in "\\PC{0,20}", x in 0u16..12, y in 0u16..4, columns in 0u16..30) {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 3));
            Text::of(Role::Plain, &text).draw(&mut buffer, x, y, columns, Theme::Dark);
        }
    }
}
