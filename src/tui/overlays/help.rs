//! The keys of a screen: `?`. Typing searches, Enter runs the command.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui_input::Input;

use super::middle;
use crate::model::Bilingual;
use crate::tui::commands::{self, Cmd, Command, Group, Scope};
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, pane};

/// The help.
#[derive(Clone, Debug)]
pub struct Help {
    /// The search.
    pub input: Input,
    /// The entry under the cursor, among those that match; `None` until the cursor moves.
    pub cursor: Option<usize>,
    scope: Scope,
    title: Bilingual,
}

/// A line of the help.
enum HelpLine {
    Heading(Bilingual),
    /// A command, and its number among the listed ones.
    Entry(&'static Command, usize),
    Blank,
}

impl Help {
    /// Makes the help of a place.
    #[must_use]
    pub fn new(scope: Scope, title: Bilingual) -> Self {
        Self { input: Input::default(), cursor: None, scope, title }
    }

    fn rows(&self) -> Vec<&'static Command> {
        let wanted = self.input.value().trim().to_lowercase();
        let of = |group: Group| {
            let wanted = wanted.clone();
            commands::all().filter(move |row| {
                let text = || format!("{} {}", row.keys.join(" "), row.text()).to_lowercase();
                row.group == group
                    && row.scope.meets(self.scope)
                    && (wanted.is_empty() || text().contains(&wanted))
            })
        };
        Group::ALL.into_iter().flat_map(of).collect()
    }

    fn lines(&self) -> Vec<HelpLine> {
        let mut lines = Vec::new();
        let mut last = None;
        for (i, row) in self.rows().into_iter().enumerate() {
            if last != Some(row.group) {
                if last.is_some() {
                    lines.push(HelpLine::Blank);
                }
                lines.push(HelpLine::Heading(if row.group == Group::Screen {
                    self.title
                } else {
                    row.group.title()
                }));
                last = Some(row.group);
            }
            lines.push(HelpLine::Entry(row, i));
        }
        lines
    }

    /// Returns the command under the cursor; after a search, the first one.
    #[must_use]
    pub fn picked(&self) -> Option<Cmd> {
        let at = self.cursor.or_else(|| (!self.input.value().is_empty()).then_some(0))?;
        self.rows().get(at).map(|row| row.cmd)
    }

    /// Moves the cursor.
    pub fn step(&mut self, rows: isize) {
        let last = self.rows().len().saturating_sub(1);
        self.cursor = Some(match self.cursor {
            None => 0,
            Some(at) => at.saturating_add_signed(rows).min(last),
        });
    }

    /// Returns its area.
    #[must_use]
    pub fn area(&self, size: (u16, u16)) -> Rect {
        middle(size, 100, size.1.saturating_sub(4).min(34))
    }

    /// Draws it; returns the position of the input cursor.
    pub fn view(&self, ctx: &Ctx<'_>, buffer: &mut Buffer) -> (u16, u16) {
        let (theme, lang) = (ctx.theme(), ctx.shared.lang);
        let area = self.area(ctx.shared.size);
        pane::clear(buffer, area);
        let inner = Pane::new(format!("{}{}", lang.pick("Help: ", "帮助："), self.title.of(lang)), true)
            .draw(buffer, area, theme);
        let columns = if inner.width >= 96 { 2 } else { 1 };
        let width = inner.width / columns;
        let height = usize::from(inner.height.saturating_sub(2)).max(1);
        let lines = self.lines();
        let picked = self.picked();
        // The page with the cursor on it.
        let page = height * usize::from(columns);
        let at = self.cursor.and_then(|cursor| {
            lines.iter().position(|line| matches!(line, HelpLine::Entry(_, i) if *i == cursor))
        });
        let pages = lines.len().div_ceil(page).max(1);
        let current = at.unwrap_or(0) / page;
        for (i, line) in lines.iter().skip(current * page).take(page).enumerate() {
            let (column, row) = (i / height, i % height);
            let (x, y) = (inner.x + column as u16 * width, inner.y + row as u16);
            if y >= inner.bottom() {
                continue;
            }
            match line {
                HelpLine::Blank => {}
                HelpLine::Heading(words) => {
                    Text::of(Role::Title, format!(" {}", words.of(lang))).draw(buffer, x, y, width, theme)
                }
                HelpLine::Entry(command, number) => {
                    let mut text = Text::of(Role::Plain, "  ");
                    text.left(Role::Key, &command.keys.join(" "), 14)
                        .plainly(" ")
                        .add(Role::Plain, command.words.of(lang));
                    let cursor = self.cursor == Some(*number)
                        || (self.cursor.is_none() && picked.is_some() && *number == 0);
                    text.draw_row(buffer, x, y, width, theme, cursor);
                }
            }
        }
        let y = inner.bottom().saturating_sub(1);
        let mut line = Text::of(Role::Plain, lang.pick(" type to search: ", " 输入以搜索："));
        let typed = inner.x + line.width() as u16 + self.input.visual_cursor() as u16;
        line.captured(Role::Title, self.input.value().as_bytes(), 30);
        let mut end = Text::new();
        if pages > 1 {
            end.add(
                Role::Dim,
                lang.pick(
                    format!("page {}/{pages}  ", current + 1),
                    format!("第 {}/{pages} 页  ", current + 1),
                ),
            );
        }
        end.add(Role::Key, "↑↓")
            .plainly(lang.pick(" pick  ", " 选择  "))
            .add(Role::Key, "Enter")
            .plainly(lang.pick(" run  ", " 执行  "));
        end.add(Role::Key, "Esc").plainly(lang.pick(" close ", " 关闭 "));
        line.end_at(usize::from(inner.width), &end);
        line.draw(buffer, inner.x, y, inner.width, theme);
        (typed.min(inner.right().saturating_sub(1)), y)
    }
}
