//! Keys in input lines, help, palette and menus.

use super::{App, QUIT};
use crate::store::Index;
use crate::tui::commands::Cmd;
use crate::tui::copy_export;
use crate::tui::event::Effect;
use crate::tui::keys::{Key, Press};
use crate::tui::overlays::{InputKind, InputLine, Popup, Trial, input};

impl App {
    /// Performs a command in an input line or a popup.
    pub(super) fn on_top(&mut self, cmd: Cmd, index: &Index, effects: &mut Vec<Effect>) {
        if self.input.is_some() {
            return self.on_input(cmd, index, effects);
        }
        let step = match cmd {
            Cmd::Older => -1,
            Cmd::Newer => 1,
            _ => 0,
        };
        match (&mut self.popup, cmd) {
            (None, _) => {}
            (_, Cmd::Cancel) => self.popup = None,
            (Some(Popup::Help(help)), Cmd::Apply) => {
                let picked = help.picked();
                self.popup = None;
                if let Some(cmd) = picked {
                    self.act(cmd, index, effects);
                }
            }
            (Some(Popup::Palette(palette)), Cmd::Apply) => {
                let (number, picked) = (palette.number(), palette.picked());
                let file = palette.file();
                self.popup = None;
                if let Some(file) = file {
                    self.on_copy_export(index, effects, |menus, turn| menus.save_to(&file, turn));
                    return;
                }
                match (number, picked) {
                    (Some(number), _) => self.go_to(number, index, effects),
                    (None, Some(cmd)) => self.act(cmd, index, effects),
                    (None, None) => self.warn(self.shared.lang.pick("no such command", "没有这个命令")),
                }
            }
            (Some(Popup::Menu(menu)), Cmd::Apply) => {
                let picked = menu.menu.items.get(menu.list.cursor).map(|(id, ..)| *id);
                self.popup = None;
                match picked {
                    Some(QUIT) => effects.push(Effect::Quit),
                    Some(id) if id == QUIT - 1 => {}
                    Some(id) if id == QUIT - 2 => {
                        self.on_copy_export(index, effects, |menus, turn| menus.save(true, turn));
                    }
                    Some(id) if id >= copy_export::COMMON => {
                        self.on_copy_export(index, effects, |menus, turn| menus.picked(id, turn));
                    }
                    Some(id) => self.on_screen(index, effects, |screen, turn| screen.picked(id, turn)),
                    None => {}
                }
            }
            (Some(Popup::Help(help)), _) => help.step(step),
            (Some(Popup::Palette(palette)), _) => palette.list.step(step),
            (Some(Popup::Menu(menu)), _) => menu.list.step(step),
        }
    }

    /// Types a key that is not a command.
    pub(super) fn typed(&mut self, press: Press, index: &Index, effects: &mut Vec<Effect>) {
        if let Some(line) = &mut self.input {
            if line.edit(press) {
                line.pick = 0;
                self.input_changed(index, effects);
            }
            return;
        }
        match &mut self.popup {
            Some(Popup::Help(help)) => {
                let closes =
                    help.input.value().is_empty() && matches!(press.key, Key::Char('?' | 'q') | Key::F(1));
                if closes {
                    self.popup = None;
                } else if press.key == Key::PageDown || press.key == Key::PageUp {
                    help.step(if press.key == Key::PageDown { 20 } else { -20 });
                } else if input::edit(&mut help.input, press) {
                    help.cursor = None;
                }
            }
            Some(Popup::Palette(palette)) => {
                let edited = input::edit(&mut palette.input, press);
                palette.list.go(if edited { 0 } else { palette.list.cursor });
            }
            Some(Popup::Menu(menu)) => match press.key {
                Key::Char('j') => menu.list.step(1),
                Key::Char('k') => menu.list.step(-1),
                Key::Char('q') => self.popup = None,
                _ => {}
            },
            None => {}
        }
    }

    pub(super) fn paste(&mut self, text: &str, index: &Index, effects: &mut Vec<Effect>) {
        match (&mut self.input, &mut self.popup) {
            (Some(line), _) => {
                line.paste(text);
                self.input_changed(index, effects);
            }
            (None, Some(Popup::Palette(palette))) => input::paste(&mut palette.input, text),
            (None, Some(Popup::Help(help))) => input::paste(&mut help.input, text),
            _ => self.say(self.shared.lang.pick(
                "nothing to paste into; f starts a filter, / a search",
                "没有可粘贴的位置；f 输入过滤器，/ 开始搜索",
            )),
        }
    }

    pub(super) fn on_input(&mut self, cmd: Cmd, index: &Index, effects: &mut Vec<Effect>) {
        let Some(mut line) = self.input.take() else { return };
        match cmd {
            Cmd::Cancel => {
                match line.kind {
                    InputKind::Search => self.shared.search = line.before,
                    InputKind::Screen(id) => {
                        self.on_screen(index, effects, |screen, turn| screen.entered(id, "", true, turn));
                    }
                    InputKind::Filter | InputKind::GoTo => {}
                }
                return;
            }
            Cmd::Apply => return self.entered(line, index, effects),
            Cmd::Complete => {
                let proposal = self.trial.as_ref().and_then(|trial| trial.proposal(line.pick)).cloned();
                if let Some(proposal) = proposal {
                    let mut text = line.text().to_owned();
                    if text.get(proposal.range.clone()).is_some() {
                        let mut end = proposal.range.start + proposal.text.len();
                        text.replace_range(proposal.range, &proposal.text);
                        if text.len() == end {
                            text.push(' ');
                            end += 1;
                        }
                        line.set(&text, end);
                        line.pick = 0;
                    }
                }
            }
            Cmd::Newer if line.back == 0 && line.kind == InputKind::Filter => {
                let most = self.trial.as_ref().map_or(0, Trial::proposals).saturating_sub(1);
                line.pick = (line.pick + 1).min(most);
                self.input = Some(line);
                return;
            }
            Cmd::Older if line.pick > 0 => {
                line.pick -= 1;
                self.input = Some(line);
                return;
            }
            Cmd::Older | Cmd::Newer => {
                let wanted = if cmd == Cmd::Older { line.back + 1 } else { line.back.saturating_sub(1) };
                let text = match wanted {
                    0 => Some(line.before.clone()),
                    n => self.history.len().checked_sub(n).and_then(|at| self.history.get(at)).cloned(),
                };
                if let Some(text) = text {
                    line.set(&text, text.len());
                    line.back = wanted;
                }
            }
            _ => {}
        }
        self.input = Some(line);
        self.input_changed(index, effects);
    }

    /// Handles a change of the input line.
    pub(super) fn input_changed(&mut self, index: &Index, effects: &mut Vec<Effect>) {
        let Some(line) = &self.input else { return };
        match line.kind {
            InputKind::Search => self.shared.search = line.text().to_owned(),
            InputKind::Screen(id) => {
                let text = line.text().to_owned();
                self.on_screen(index, effects, |screen, turn| screen.entered(id, &text, false, turn));
            }
            InputKind::Filter | InputKind::GoTo => {}
        }
    }

    /// Handles Enter in the input line.
    pub(super) fn entered(&mut self, line: InputLine, index: &Index, effects: &mut Vec<Effect>) {
        let text = line.text().trim().to_owned();
        if matches!(line.kind, InputKind::Filter | InputKind::Search) && !text.is_empty() {
            self.history.retain(|old| *old != text);
            self.history.push(text.clone());
            if self.history.len() > 200 {
                self.history.remove(0);
            }
        }
        match line.kind {
            InputKind::Filter => {
                if let Err(error) = self.shared.set_filter(&text) {
                    // The line stays open, with the cursor behind the faulty word.
                    self.history.pop();
                    let mut line = line;
                    line.set(&text, error.range.end);
                    self.input = Some(line);
                }
            }
            InputKind::Search => {
                self.shared.search = text;
                if !self.shared.search.is_empty() {
                    self.act(Cmd::SearchNext, index, effects);
                }
            }
            InputKind::GoTo => match text.parse() {
                Ok(number) => self.go_to(number, index, effects),
                Err(_) => self.warn(self.shared.lang.pick("expected a row number", "应为行号")),
            },
            InputKind::Screen(id) => {
                if id >= copy_export::COMMON {
                    return self.on_copy_export(index, effects, |menus, turn| menus.entered(id, &text, turn));
                }
                self.on_screen(index, effects, |screen, turn| screen.entered(id, &text, true, turn));
            }
        }
    }

    pub(super) fn go_to(&mut self, number: u64, index: &Index, effects: &mut Vec<Effect>) {
        if !self.on_screen(index, effects, |screen, turn| screen.go_to(number, turn)) {
            let words =
                self.shared.lang.pick(format!("there is no row {number}"), format!("没有第 {number} 行"));
            self.warn(&words);
        }
    }
}
