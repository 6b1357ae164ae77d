//! What is wrong, by severity, with what it means and what to do.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, empty, hint};
use crate::tui::commands::Cmd;
use crate::tui::shared::{Ctx, Turn};
use crate::tui::widgets::Pane;

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Findings {}

impl Screen for Findings {
    fn act(&mut self, _cmd: Cmd, _turn: &mut Turn<'_>) -> bool {
        false
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let inner = Pane::new("Expert", true).draw(buffer, area, ctx.theme());
        empty(ctx, buffer, inner, "not here yet");
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[hint(Cmd::Copy, 5), hint(Cmd::Back, 9)];
        HINTS
    }
}
