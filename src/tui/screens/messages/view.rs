//! The list of messages or frames.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Kinds, Messages, MessagesPane, draw};
use crate::store::Reading;
use crate::tui::screens::empty;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, units};

impl Messages {
    pub(super) fn view_list(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let theme = ctx.theme();
        let gap = if ctx.shared.is_wide() { "  " } else { " " };
        let noun = if self.frames_mode { "Frames" } else { "Messages" };
        let (shown, of) = (units::grouped(self.rows.count() as u64), units::grouped(self.rows.of() as u64));
        let mut pane = Pane::new(format!("{noun}{gap}{shown} of {of}"), self.focus == MessagesPane::List)
            .scrolled(&self.list);
        if self.goes_on {
            pane.title = Text::of(Role::Title, noun);
            if let Some(connection) = ctx.connection() {
                pane.title.add(Role::Plain, format!("{gap}#{} ", connection.id));
                let room = usize::from(area.width / 2);
                pane.title.captured(Role::Plain, connection.name(ctx.shared.lang).as_bytes(), room);
            }
        } else if ctx.shared.progress.state == Reading::Reading {
            pane.title.add(Role::Title, " so far");
        }
        let released = self.released(ctx.index);
        if released > 0 {
            let released = units::grouped(released as u64);
            pane.title.add(Role::Warning, format!("{gap}rows 1-{released} released"));
        }
        if let Some(direction) = self.direction {
            let arrow = draw::arrow(direction);
            pane.title.add(Role::Plain, gap).add(Role::of_direction(direction), format!("only {arrow}"));
        }
        match self.kinds {
            Kinds::All => {}
            Kinds::Data => _ = pane.title.add(Role::Title, format!("{gap}only data")),
            Kinds::Control => _ = pane.title.add(Role::Title, format!("{gap}only control")),
        }
        if self.only_marked {
            pane.title.add(Role::Title, format!("{gap}only marked"));
        }
        if self.goes_on {
            let live = &ctx.shared.live;
            pane.right.plainly(if live.follow && !live.paused { "follow ON" } else { "follow OFF" });
        } else if let Some(connection) = ctx.connection() {
            pane.right.plainly(format!("#{} ", connection.id));
            let path = connection.short_name(ctx.shared.lang);
            pane.right.captured(Role::Plain, path.as_bytes(), usize::from(area.width / 3));
        }
        let inner = pane.draw(buffer, area, theme);
        if inner.height == 0 {
            return;
        }
        if self.rows.is_empty() {
            empty(ctx, buffer, inner, &self.nothing(ctx));
            return;
        }
        let columns = draw::Columns::new(inner.width, self.rows.of());
        let header = if self.frames_mode { columns.frame_header() } else { columns.header() };
        header.draw(buffer, inner.x, inner.y, inner.width, theme);
        for (y, row) in (inner.y + 1..inner.bottom()).zip(self.list.visible()) {
            let cursor = row == self.list.cursor;
            // The row above that is no hole.
            let before = (row.saturating_sub(8)..row).rev().find_map(|row| self.rows.get(row));
            let place = self.rows.get(row);
            let mut line = if let Some(hole) = self.rows.hole(row) {
                columns.hole(ctx, hole, cursor)
            } else if let Some(place) = place
                && self.frames_mode
            {
                columns.frame(ctx, self.connection, place, before, cursor)
            } else if let Some(place) = place {
                columns.message(ctx, self.connection, place, before, cursor)
            } else {
                break;
            };
            if !ctx.shared.search.is_empty() {
                line.highlight(&ctx.shared.search);
            }
            line.draw_row(buffer, inner.x, y, inner.width, theme, cursor && self.focus == MessagesPane::List);
        }
    }

    /// Why there is no row.
    fn nothing(&self, ctx: &Ctx<'_>) -> String {
        if self.rows.is_busy() {
            return "filtering…".to_owned();
        }
        if self.rows.of() == 0 {
            return match ctx.connection() {
                Some(row) if !row.handshake.upgraded => {
                    "this connection never opened: 2 shows its handshake, 7 shows why".to_owned()
                }
                _ if self.goes_on => "no message yet".to_owned(),
                _ if ctx.shared.progress.state != Reading::Done => "no message was read yet".to_owned(),
                _ => "no message was captured".to_owned(),
            };
        }
        if let Some(scan) = &self.scan {
            return format!("searching payloads… {} %", scan.percent);
        }
        "no message matches; f changes the filter, Ctrl-f clears it; d, o and M choose by direction, type and mark".to_owned()
    }
}
