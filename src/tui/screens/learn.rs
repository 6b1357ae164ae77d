//! Lessons; none yet.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, empty, hint};
use crate::tui::commands::Cmd;
use crate::tui::shared::{Ctx, Turn};
use crate::tui::widgets::Pane;

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Learn {}

impl Screen for Learn {
    fn act(&mut self, _cmd: Cmd, _turn: &mut Turn<'_>) -> bool {
        false
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let inner = Pane::new("Learn", true).draw(buffer, area, ctx.theme());
        empty(
            ctx,
            buffer,
            inner,
            "Lessons come in a later version. Until then: ? shows the keys of each screen, and wslens explain takes frames apart.",
        );
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[hint(Cmd::Back, 9)];
        HINTS
    }
}
