//! A pane: a frame with titles, thick where it has the focus.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::Text;
use crate::tui::theme::{Role, Theme};

/// A pane's frame.
#[derive(Clone, Debug, Default)]
pub struct Pane {
    /// At the left of the upper border.
    pub title: Text,
    /// At the right of the upper border.
    pub right: Text,
    /// Keys go here.
    pub focused: bool,
}

impl Pane {
    /// A pane with a title of our own words.
    #[must_use]
    pub fn new(title: impl AsRef<str>, focused: bool) -> Self {
        Self { title: Text::of(Role::Title, title), right: Text::new(), focused }
    }

    /// With words of our own at the right.
    #[must_use]
    pub fn right(mut self, words: impl AsRef<str>) -> Self {
        self.right = Text::of(Role::Plain, words);
        self
    }

    /// Draws the frame; answers what is left inside. Empty where nothing is.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: Theme) -> Rect {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return area;
        }
        let [horizontal, vertical, corners] =
            if self.focused { ["━", "┃", "┏┓┗┛"] } else { ["─", "│", "┌┐└┘"] };
        let role = if self.focused { Role::Focus } else { Role::Dim };
        let style = theme.style(role);
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        for x in area.left()..area.right() {
            for y in [area.top(), bottom] {
                set(buffer, x, y, horizontal, style);
            }
        }
        for y in area.top()..area.bottom() {
            for x in [area.left(), right] {
                set(buffer, x, y, vertical, style);
            }
        }
        let places = [(area.left(), area.top()), (right, area.top()), (area.left(), bottom), (right, bottom)];
        for (corner, (x, y)) in corners.chars().zip(places) {
            set(buffer, x, y, corner.encode_utf8(&mut [0; 4]), style);
        }
        self.titles(buffer, area, theme);
        inside(area)
    }

    fn titles(&self, buffer: &mut Buffer, area: Rect, theme: Theme) {
        // `┏━ ` and ` ━┓`
        let room = usize::from(area.width).saturating_sub(6);
        if room == 0 {
            return;
        }
        let title = self.title.cut(room);
        if !title.is_empty() {
            let mut spaced = Text::of(Role::Plain, " ");
            spaced.append(&title).plainly(" ");
            spaced.draw(buffer, area.x + 2, area.y, area.width - 4, theme);
        }
        let left = if title.is_empty() { 0 } else { title.width() + 3 };
        if !self.right.is_empty() && left + self.right.width() <= room {
            let mut spaced = Text::of(Role::Plain, " ");
            spaced.append(&self.right).plainly(" ");
            let x = area.right() - 2 - spaced.width() as u16;
            spaced.draw(buffer, x, area.y, spaced.width() as u16, theme);
        }
    }
}

fn set(buffer: &mut Buffer, x: u16, y: u16, symbol: &str, style: ratatui::style::Style) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_symbol(symbol).set_style(style);
    }
}

/// What is inside a pane of this size.
#[must_use]
pub fn inside(area: Rect) -> Rect {
    if area.width < 2 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
}

/// Empties an area, for what lies on top of something else.
pub fn clear(buffer: &mut Buffer, area: Rect) {
    let area = area.intersection(buffer.area);
    for y in area.top()..area.bottom() {
        // A wide character that begins left of the area would reach into it.
        if let Some(left) = area.left().checked_sub(1)
            && let Some(cell) = buffer.cell_mut((left, y))
            && crate::model::width(cell.symbol()) > 1
        {
            cell.set_symbol(" ");
        }
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
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
        assert_eq!(draw(1), "┓");
    }
}
