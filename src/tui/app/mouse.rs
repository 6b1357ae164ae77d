//! The mouse on rows, tabs, hints and popups.

use super::App;
use crate::store::Index;
use crate::tui::commands::Cmd;
use crate::tui::event::{Effect, Mouse, MouseKind};
use crate::tui::overlays::Popup;
use crate::tui::view;

impl App {
    pub(super) fn mouse(&mut self, mouse: Mouse, index: &Index, effects: &mut Vec<Effect>) {
        if self.is_cramped() {
            return;
        }
        if let Some(popup) = &mut self.popup {
            let wheel = match mouse.kind {
                MouseKind::WheelUp => -1,
                MouseKind::WheelDown => 1,
                MouseKind::Click | MouseKind::DoubleClick => return self.click_popup(mouse, index, effects),
                MouseKind::Drag => return,
            };
            match popup {
                Popup::Help(help) => help.step(wheel),
                Popup::Palette(palette) => palette.list.step(wheel),
                Popup::Menu(menu) => menu.list.step(wheel),
            }
            return;
        }
        let clicks = matches!(mouse.kind, MouseKind::Click | MouseKind::DoubleClick);
        if clicks && self.input.is_none() {
            self.shared.notice = None;
            let target = view::target(self, index, mouse.x, mouse.y);
            match target {
                Some(view::Target::Do(cmd)) => return self.act(cmd, index, effects),
                Some(view::Target::Go(screen)) => return self.go(screen, index, effects),
                None => {}
            }
        }
        if self.shared.body().contains((mouse.x, mouse.y).into()) {
            self.on_screen(index, effects, |screen, turn| screen.mouse(mouse, turn));
        }
    }

    /// Handles a click while a popup is open: on a row it chooses the row, outside it closes the popup.
    fn click_popup(&mut self, mouse: Mouse, index: &Index, effects: &mut Vec<Effect>) {
        let size = self.shared.size;
        let (area, list, first) = match &mut self.popup {
            Some(Popup::Palette(palette)) => (palette.area(size), Some(&mut palette.list), 3),
            Some(Popup::Menu(menu)) => (menu.area(size), Some(&mut menu.list), 1),
            Some(Popup::Help(help)) => (help.area(size), None, 0),
            None => return,
        };
        if !area.contains((mouse.x, mouse.y).into()) {
            self.popup = None;
        } else if let Some(list) = list
            && let Some(line) = mouse.y.checked_sub(area.y + first)
            && let Some(row) = list.at(usize::from(line))
        {
            list.go(row);
            self.on_top(Cmd::Apply, index, effects);
        }
    }
}
