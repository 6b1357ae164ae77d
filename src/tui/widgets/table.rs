//! Lists and tables drawn by ratatui. Only the rows in sight are built.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::widgets::{
    Cell, List as Rows, ListItem, ListState, Row, StatefulWidget as _, Table, TableState,
};

use super::{List, Text};
use crate::tui::theme::{Role, Theme};

/// A column of a table. One column stays free between two.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The heading.
    pub title: &'static str,
    /// The width in columns of the terminal.
    pub width: usize,
    /// Whether heading and cells are aligned at the right.
    pub is_right: bool,
}

impl Column {
    /// Makes a column that is aligned at the left.
    #[must_use]
    pub fn left(title: &'static str, width: usize) -> Self {
        Self { title, width, is_right: false }
    }

    /// Makes a column that is aligned at the right.
    #[must_use]
    pub fn right(title: &'static str, width: usize) -> Self {
        Self { title, width, is_right: true }
    }

    fn cell(&self, text: &Text, theme: Theme) -> Cell<'static> {
        let line = text.cut(self.width).line(theme);
        Cell::new(if self.is_right { line.right_aligned() } else { line })
    }
}

/// Returns the columns that are left of `width` for one more.
#[must_use]
pub fn rest(columns: &[Column], width: usize) -> usize {
    width.saturating_sub(columns.iter().map(|column| column.width + 1).sum())
}

impl List {
    /// Returns the place of the cursor among the rows in sight.
    fn marked(&self, rows: usize) -> Option<usize> {
        self.cursor.checked_sub(self.top).filter(|at| *at < rows)
    }

    /// Draws the rows in sight. `row` builds one of them; `focused`: the row under the cursor is highlighted.
    pub fn draw(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        theme: Theme,
        focused: bool,
        row: impl FnMut(usize) -> Text,
    ) {
        let columns = usize::from(area.width);
        let visible = self.visible().take(area.height.into());
        let items: Vec<ListItem<'_>> =
            visible.map(row).map(|text| ListItem::new(text.cut(columns).line(theme))).collect();
        let mut state = ListState::default().with_selected(self.marked(items.len()).filter(|_| focused));
        Rows::new(items).highlight_style(theme.style(Role::Cursor)).render(area, buffer, &mut state);
    }

    /// Draws the headings and the rows in sight. `row` builds the cells of one row; the last cell of a row with fewer
    /// cells than columns reaches to the end of the row.
    pub fn draw_table(
        &self,
        buffer: &mut Buffer,
        area: Rect,
        theme: Theme,
        focused: bool,
        columns: &[Column],
        mut row: impl FnMut(usize) -> Vec<Text>,
    ) {
        let visible = self.visible().take(usize::from(area.height).saturating_sub(1));
        let rows: Vec<Row<'_>> = visible.map(|at| cells(&row(at), columns, theme)).collect();
        let marked = self.marked(rows.len()).filter(|_| focused);
        let titles = columns.iter().map(|column| column.cell(&Text::of(Role::Title, column.title), theme));
        let widths = columns.iter().map(|column| Constraint::Length(column.width as u16));
        Table::new(rows, widths)
            .header(Row::new(titles))
            .column_spacing(1)
            .row_highlight_style(theme.style(Role::Cursor))
            .render(area, buffer, &mut TableState::default().with_selected(marked));
    }
}

fn cells(texts: &[Text], columns: &[Column], theme: Theme) -> Row<'static> {
    let last = texts.len().saturating_sub(1);
    let cells = texts.iter().zip(columns).enumerate().map(|(at, (text, column))| {
        let spanned = columns.get(at + 1..).filter(|_| at == last).unwrap_or_default();
        if spanned.is_empty() {
            return column.cell(text, theme);
        }
        let width = spanned.iter().fold(column.width, |width, column| width + column.width + 1);
        Column::left("", width).cell(text, theme).column_span(spanned.len() as u16 + 1)
    });
    Row::new(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(buffer: &Buffer) -> Vec<String> {
        let rows = buffer.content.chunks(buffer.area.width.into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
    }

    #[test]
    fn only_the_rows_in_sight_are_built() {
        let mut list = List::default();
        list.settle(1_000_000, 2);
        list.go(500_000);
        let columns = [Column::right("#", 7), Column::left("Name", 6)];
        let mut buffer = Buffer::empty(Rect::new(0, 0, 14, 3));
        let mut built = Vec::new();
        let area = buffer.area;
        list.draw_table(&mut buffer, area, Theme::Dark, true, &columns, |at| {
            built.push(at);
            vec![Text::of(Role::Plain, at.to_string()), Text::of(Role::Plain, "long name")]
        });
        assert_eq!(built, [499_999, 500_000]);
        assert_eq!(drawn(&buffer), ["      # Name  ", " 499999 long …", " 500000 long …"]);
        let cursor = Theme::Dark.style(Role::Cursor).bg;
        assert_eq!((buffer[(0, 2)].style().bg, buffer[(0, 1)].style().bg == cursor), (cursor, false));
        let mut buffer = Buffer::empty(Rect::new(0, 0, 14, 2));
        list.draw(&mut buffer, Rect::new(0, 0, 14, 2), Theme::Dark, false, |at| {
            Text::of(Role::Plain, format!("row {at}"))
        });
        assert_eq!(drawn(&buffer)[0], "row 499999    ");
    }

    #[test]
    fn the_last_cell_reaches_to_the_end() {
        let mut list = List::default();
        list.settle(1, 1);
        let columns = [Column::left("A", 2), Column::left("B", 2), Column::right("C", 6)];
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        let area = buffer.area;
        list.draw_table(&mut buffer, area, Theme::Dark, true, &columns, |_| {
            vec![Text::of(Role::Plain, "1"), Text::of(Role::Plain, "the rest")]
        });
        assert_eq!(drawn(&buffer), ["A  B       C", "1  the rest "]);
    }
}
