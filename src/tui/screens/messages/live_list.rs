//! The list during a live capture.

use super::Messages;
use crate::store::Index;
use crate::tui::commands::Cmd;
use crate::tui::live;
use crate::tui::shared::Ctx;
use crate::tui::widgets::{Text, units};

impl Messages {
    /// Returns how many rows at the beginning were released.
    pub(super) fn released(&self, index: &Index) -> usize {
        if self.frames_mode {
            index.frames(self.connection).released()
        } else {
            index.messages(self.connection).released()
        }
    }

    /// Removes rows from the beginning of the list.
    pub(super) fn shift(&mut self, rows: usize) {
        self.list.shift(rows);
        if let Some(row_search) = &mut self.row_search {
            (row_search.at, row_search.start) =
                (row_search.at.saturating_sub(rows), row_search.start.saturating_sub(rows));
        }
    }

    /// Returns the position of the list among the rows that have arrived.
    pub(super) fn list_position(&self, ctx: &Ctx<'_>) -> live::ListPosition {
        let cursor = self.rows.get(self.list.cursor).map_or(0, |place| place as u64 + 1);
        let frozen = self.frozen.filter(|_| ctx.shared.live.paused).map(|rows| rows as u64);
        live::ListPosition {
            at: frozen.unwrap_or(cursor),
            seen: frozen.unwrap_or(self.seen),
            frames: self.frames_mode,
            listed: self.connection > 0,
        }
    }

    /// The row above the footer during a live capture.
    pub(super) fn live_status(&self, ctx: &Ctx<'_>, mut line: Text, end: &Text) -> Text {
        line.plainly("    ");
        if self.rows.count() + self.released(ctx.index) < self.rows.of() {
            let (shown, of) = (self.rows.count() as u64, self.rows.of() as u64);
            let of_words = ctx.shared.lang.pick(" of ", " / ");
            line.plainly(format!("{}{of_words}{}   ", units::grouped(shown), units::grouped(of)));
        }
        let live = &ctx.shared.live;
        let new = self.list_position(ctx).new_rows(live);
        if new > 0 && (live.paused || !live.follow) {
            let (noun, s) =
                (if self.frames_mode { "frame" } else { "message" }, if new == 1 { "" } else { "s" });
            let count = units::grouped(new);
            let zh = if self.frames_mode {
                format!("下方有 {count} 个新帧")
            } else {
                format!("下方有 {count} 条新消息")
            };
            line.plainly(ctx.shared.lang.pick(format!("+{count} new {noun}{s} below"), zh));
        }
        line.end_at(ctx.shared.size.0.into(), end);
        line
    }
}

/// Returns whether a command leaves the newest row.
pub(super) fn selects(cmd: Cmd) -> bool {
    use Cmd::{
        First, GoFrame, GoLayers, HalfUp, Mark, NextFinding, NextMark, NextPane, Open, PageUp,
        PreviousFinding, PreviousPane, SearchNext, SearchPrevious, Up,
    };
    matches!(cmd, Up | HalfUp | PageUp | First | Open | GoFrame | GoLayers | NextPane | PreviousPane)
        || matches!(cmd, Mark | NextMark | NextFinding | PreviousFinding | SearchNext | SearchPrevious)
}
