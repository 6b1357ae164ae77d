//! The command palette: `:`.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout};
use tui_input::Input;

use super::middle;
use crate::tui::commands::{self, Cmd, Command, Scope};
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Pane, Text, pane};

/// The palette.
#[derive(Clone, Debug)]
pub struct Palette {
    /// The search.
    pub input: Input,
    /// The cursor.
    pub list: List,
    scope: Scope,
}

/// Number of visible commands.
const ROWS: usize = 12;

impl Palette {
    /// Makes the palette of a place.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let mut palette = Self { input: Input::default(), list: List::default(), scope };
        palette.settle(ROWS);
        palette
    }

    /// Returns the commands that match, the best first.
    #[must_use]
    pub fn matches(&self) -> Vec<&'static Command> {
        let wanted = self.input.value().trim().to_lowercase();
        let mut found: Vec<(usize, usize, &Command)> = commands::all()
            .filter(|row| row.scope.meets(self.scope) && row.cmd != Cmd::Palette)
            .enumerate()
            .filter_map(|(i, row)| Some((score(row, &wanted)?, i, row)))
            .collect();
        found.sort_by_key(|(score, i, _)| (*score, *i));
        found.into_iter().map(|(_, _, row)| row).collect()
    }

    /// Returns the row number that was typed instead of a name.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.input.value().trim().parse().ok()
    }

    /// Returns the file to save the capture to: `save FILE`.
    #[must_use]
    pub fn file(&self) -> Option<String> {
        let file = self.input.value().trim_start().strip_prefix("save ")?.trim();
        (!file.is_empty()).then(|| file.to_owned())
    }

    /// Returns the command under the cursor.
    #[must_use]
    pub fn picked(&self) -> Option<Cmd> {
        self.matches().get(self.list.cursor).map(|row| row.cmd)
    }

    /// Keeps the cursor inside the matches.
    pub fn settle(&mut self, height: usize) {
        let len = self.matches().len();
        self.list.settle(len, height.min(ROWS));
    }

    /// Returns its area.
    #[must_use]
    pub fn area(&self, size: (u16, u16)) -> ratatui::layout::Rect {
        middle(size, 70, (ROWS as u16 + 5).min(size.1.saturating_sub(2)))
    }

    /// Draws it; returns the position of the input cursor.
    pub fn view(&self, ctx: &Ctx<'_>, buffer: &mut Buffer) -> (u16, u16) {
        use Constraint::{Length, Min};
        let (theme, lang) = (ctx.theme(), ctx.shared.lang);
        let area = self.area(ctx.shared.size);
        pane::clear(buffer, area);
        let pane = Pane::new(lang.pick("Commands", "命令"), true).scrolled(&self.list);
        let inner = pane.draw(buffer, area, theme);
        let [top, _, rows, _, bottom] =
            Layout::vertical([Length(1), Length(1), Min(0), Length(1), Length(1)]).areas(inner);
        let mut line = Text::of(Role::Key, " : ");
        line.captured(Role::Plain, self.input.value().as_bytes(), usize::from(top.width).saturating_sub(4));
        ctx.lines(buffer, top, &[line]);
        let cursor = top.x + 3 + (self.input.visual_cursor() as u16).min(top.width.saturating_sub(4));
        let matches = self.matches();
        if let Some(number) = self.number() {
            let words =
                lang.pick(format!(" Enter goes to row {number}"), format!(" 按 Enter 转到第 {number} 行"));
            ctx.lines(buffer, rows, &[Text::of(Role::Plain, words)]);
        } else if let Some(file) = self.file() {
            let mut line =
                Text::of(Role::Plain, lang.pick(" Enter saves the capture to ", " 按 Enter 把抓包保存到 "));
            line.captured(Role::Plain, file.as_bytes(), 60);
            ctx.lines(buffer, rows, &[line]);
        } else {
            self.list.draw(buffer, rows, theme, true, |row| {
                let mut line = Text::of(Role::Title, if row == self.list.cursor { "▸" } else { " " });
                if let Some(command) = matches.get(row) {
                    line.left(Role::Plain, command.short.of(lang), 17);
                    line.left(Role::Key, command.keys.first().copied().unwrap_or_default(), 9);
                    line.plainly(" ").plainly(command.words.of(lang));
                }
                line
            });
        }
        let all = commands::all().filter(|row| row.scope.meets(self.scope)).count() - 1;
        let found = matches.len();
        let words = lang.pick(
            format!(" {found} of {all} commands   12 goes to row 12   save FILE saves the capture"),
            format!(" {found} 个命令（共 {all} 个）   输入 12 转到第 12 行   save FILE 保存抓包"),
        );
        ctx.lines(buffer, bottom, &[Text::of(Role::Dim, words)]);
        (cursor, top.y)
    }
}

/// Rates how well a command matches, the best lowest: a name that begins so, a word that does, any text, its letters.
fn score(row: &Command, wanted: &str) -> Option<usize> {
    let text = row.text().to_lowercase();
    if [row.short.en, row.short.zh].iter().any(|name| name.to_lowercase().starts_with(wanted)) {
        return Some(0);
    }
    if text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(wanted)) {
        return Some(1);
    }
    if let Some(at) = text.find(wanted) {
        return Some(2 + at);
    }
    let mut letters = wanted.chars().filter(|c| !c.is_whitespace()).peekable();
    let mut span = 0;
    for char in text.chars() {
        if letters.peek().is_none() {
            break;
        }
        span += 1;
        letters.next_if_eq(&char);
    }
    letters.peek().is_none().then_some(1000 + span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::screens::SCREENS;

    #[test]
    fn every_command_can_be_found_by_its_name() {
        for row in commands::all().filter(|row| row.scope.meets(Scope::SCREENS) && row.cmd != Cmd::Palette) {
            for screen in SCREENS.iter().filter(|screen| screen.scope.meets(row.scope)) {
                let mut palette = Palette::new(screen.scope);
                palette.input = Input::new(row.words.en.to_owned());
                assert!(palette.matches().iter().any(|found| found.cmd == row.cmd), "{row:?}");
            }
        }
    }

    #[test]
    fn the_nearest_name_comes_first() {
        let mut palette = Palette::new(Scope::MESSAGES);
        palette.input = Input::new("exp".to_owned());
        assert_eq!(palette.picked(), Some(Cmd::Export));
        palette.input = Input::new("lddr".to_owned());
        assert_eq!(palette.picked(), Some(Cmd::GoLadder));
        palette.input = Input::new("12".to_owned());
        assert_eq!(palette.number(), Some(12));
    }
}
