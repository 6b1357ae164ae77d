//! A pane: a border with titles. The pane with the focus has a thick border and a bright title.

use ratatui::buffer::Buffer;
use ratatui::layout::{Margin, Rect};
use ratatui::widgets::{
    Block, BorderType, Clear, Scrollbar, ScrollbarOrientation, ScrollbarState, StatefulWidget as _,
    Widget as _,
};

use super::list::List;
use super::text::Text;
use crate::tui::theme::{Role, Theme};

/// The border of a pane.
#[derive(Clone, Debug, Default)]
pub struct Pane {
    /// At the left of the upper border.
    pub title: Text,
    /// At the right of the upper border.
    pub right: Text,
    /// Whether it has the focus.
    pub focused: bool,
    /// For a list that does not fit: its rows, the first visible one, and the number of visible ones.
    pub scroll: Option<(usize, usize, usize)>,
}

impl Pane {
    /// Makes a pane with a title.
    #[must_use]
    pub fn new(title: impl AsRef<str>, focused: bool) -> Self {
        Self { title: Text::of(Role::Title, title), right: Text::new(), focused, scroll: None }
    }

    /// Adds a title at the right.
    #[must_use]
    pub fn right(mut self, words: impl AsRef<str>) -> Self {
        self.right = Text::of(Role::Plain, words);
        self
    }

    /// Adds a scroll bar in the right border if the list does not fit.
    #[must_use]
    pub fn scrolled(mut self, list: &List) -> Self {
        self.scroll =
            (list.len() > list.height() && list.height() > 0).then(|| (list.len(), list.top, list.height()));
        self
    }

    /// Draws the border; returns the area inside.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: Theme) -> Rect {
        let area = area.intersection(buffer.area);
        let (border, role) =
            if self.focused { (BorderType::Thick, Role::Focus) } else { (BorderType::Plain, Role::Dim) };
        let frame = Block::bordered().border_type(border).border_style(theme.style(role));
        let (left, right) = self.titles(usize::from(area.width));
        // Part of the border is before the first title and behind the last.
        let line = if self.focused { "━" } else { "─" };
        let titled = |text: &Text, before: &str, behind: &str| {
            let mut title = Text::of(role, before);
            let text =
                if self.focused { text.clone() } else { text.clone().replace_role(Role::Title, Role::Plain) };
            title.plainly(" ").append(&text).plainly(" ").add(role, behind);
            title.line(theme)
        };
        let frame = match left {
            Some(left) => frame.title(titled(&left, line, "")),
            None => frame,
        };
        let frame = match right {
            Some(right) => frame.title(titled(right, "", line).right_aligned()),
            None => frame,
        };
        frame.render(area, buffer);
        if let Some((rows, top, height)) = self.scroll {
            let mut state = ScrollbarState::new(rows.saturating_sub(height) + 1)
                .position(top)
                .viewport_content_length(height);
            Scrollbar::new(ScrollbarOrientation::VerticalRight)
                .begin_symbol(None)
                .end_symbol(None)
                .track_symbol(None)
                .thumb_symbol("▐")
                .thumb_style(theme.style(role))
                .render(area.inner(Margin { horizontal: 0, vertical: 1 }), buffer, &mut state);
        }
        inside(area)
    }

    /// The titles that fit: `┏━ Messages ━━ #1 ━┓`.
    fn titles(&self, columns: usize) -> (Option<Text>, Option<&Text>) {
        let Some(room) = columns.checked_sub(6).filter(|room| *room > 0) else { return (None, None) };
        let title = self.title.cut(room);
        let left = if title.is_empty() { 0 } else { title.width() + 3 };
        let right = (!self.right.is_empty() && left + self.right.width() <= room).then_some(&self.right);
        ((!title.is_empty()).then_some(title), right)
    }
}

/// Returns the area inside a pane.
#[must_use]
pub fn inside(area: Rect) -> Rect {
    Block::bordered().inner(area)
}

/// Empties an area for a popup.
pub fn clear(buffer: &mut Buffer, area: Rect) {
    let area = area.intersection(buffer.area);
    for y in area.top()..area.bottom() {
        // A wide character at the left of the area would reach into it.
        if let Some(left) = area.left().checked_sub(1)
            && let Some(cell) = buffer.cell_mut((left, y))
            && crate::model::width(cell.symbol()) > 1
        {
            cell.set_symbol(" ");
        }
    }
    Clear.render(area, buffer);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_stand_in_the_border_as_far_as_they_fit() {
        let draw = |columns| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, columns, 2));
            let pane = Pane::new("Messages", true).right("#1");
            let area = buffer.area;
            pane.draw(&mut buffer, area, Theme::Dark);
            (0..columns).map(|x| buffer[(x, 0)].symbol().to_owned()).collect::<String>()
        };
        assert_eq!(draw(20), "┏━ Messages ━━ #1 ━┓");
        assert_eq!(draw(16), "┏━ Messages ━━━┓");
        assert_eq!(draw(10), "┏━ Mes… ━┓");
        assert_eq!(draw(3), "┏━┓");
        assert_eq!(draw(1), "┏");
    }
}
