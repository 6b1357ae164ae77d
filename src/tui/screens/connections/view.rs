//! The list of connections.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Connections, SortOrder, duration, ending, sealed, sign, summary};
use crate::pipeline::State;
use crate::store::{ConnectionRow, Reading};
use crate::tui::screens::empty;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, bars, units};

/// What is shown as a connection's name: its URL, or its two ends; and why it did not come about.
fn name(row: &ConnectionRow, columns: usize) -> Text {
    let mut line = Text::new();
    let why = match (row.state, row.handshake.status) {
        (Some(State::Refused), Some(status)) => format!("  → {status}"),
        (Some(State::Refused), None) if row.handshake.foreign.is_some() => "  → not HTTP".to_owned(),
        (Some(State::Refused), None) => "  → refused".to_owned(),
        (Some(State::Unanswered), _) => "  → no answer".to_owned(),
        _ if row.is_midstream() => "  (handshake not captured)".to_owned(),
        _ if row.request.is_none() => "  (request not captured)".to_owned(),
        _ => String::new(),
    };
    let room = columns.saturating_sub(crate::model::width(&why));
    match &row.url {
        Some(url) => line.captured(Role::Plain, url.as_bytes(), room),
        None => line.captured(Role::Plain, format!("{} → {}", row.client, row.server).as_bytes(), room),
    };
    line.add(Role::Warning, why).pad_to(columns);
    line
}

/// `z` where messages may be compressed, `+` for another extension, `-` for none.
fn extensions(row: &ConnectionRow) -> &'static str {
    match (row.handshake.deflate, row.handshake.extensions.len()) {
        _ if row.handshake.response.is_none() => "?",
        (Some(_), 1) => "z",
        (Some(_), _) => "z+",
        (None, 0) => "-",
        (None, _) => "+",
    }
}

/// Buckets of the sparkline.
const BUCKETS: usize = 8;

impl Connections {
    fn header(&self, wide: bool, url: usize, number: usize) -> Text {
        let mut line = Text::of(Role::Title, " ");
        line.right(Role::Title, "#", number).add(Role::Title, " St ");
        if wide {
            let title = if url > 22 { "URL  (client → server)" } else { "URL" };
            line.left(Role::Title, title, url).add(Role::Title, "Subproto Ext");
            for (title, columns) in [("Msg→", 6), ("Msg←", 7), ("Bytes→", 8), ("Bytes←", 8), ("Duration", 9)]
            {
                line.right(Role::Title, title, columns);
            }
            line.add(Role::Title, " Close  ! Rate");
        } else {
            line.left(Role::Title, "URL", url).add(Role::Title, "Sub    ");
            for (title, columns) in [("Msg→", 6), ("Msg←", 6), ("Duration", 9)] {
                line.right(Role::Title, title, columns);
            }
            line.add(Role::Title, " Close  !");
        }
        line
    }

    fn row(&self, ctx: &Ctx<'_>, id: u32, wide: bool, url: usize, number: usize, cursor: bool) -> Text {
        let Some(row) = ctx.index.connection(id) else { return Text::new() };
        let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
        let mut line = Text::of(Role::Title, if cursor { "▸" } else { " " });
        line.right(Role::Plain, &id.to_string(), number);
        line.add(Role::Title, if ctx.shared.marks.contains(&(id, 0)) { "*" } else { " " });
        let (sign, role) = sign(row);
        line.add(role, sign).plainly("  ").append(&name(row, url.saturating_sub(1))).plainly(" ");
        let subprotocol = match (&row.handshake.subprotocol, &row.handshake.response) {
            (Some(name), _) => name.as_str(),
            (None, None) => "?",
            (None, Some(_)) => "-",
        };
        line.captured_cell(Role::Plain, subprotocol.as_bytes(), if wide { 8 } else { 7 });
        let duration = duration(row).map(units::duration).unwrap_or_default();
        if wide {
            line.plainly(" ").left(Role::Plain, extensions(row), 3);
        }
        let columns = if wide { 7 } else { 6 };
        line.count(Role::ClientToServer, c2s.messages, 6);
        line.count(Role::ServerToClient, s2c.messages, columns);
        if wide {
            let bytes = |value: u64, role: Role, line: &mut Text| {
                line.right(role, &units::short_size(value), 8);
            };
            bytes(row.app_bytes.c2s, Role::ClientToServer, &mut line);
            bytes(row.app_bytes.s2c, Role::ServerToClient, &mut line);
        }
        line.right(Role::Plain, &duration, 9);
        let (ending, role) = ending(row);
        line.right(role, &ending, 6);
        let [info, warning, error] = row.findings;
        let (count, role) = match (error, warning, info) {
            (0, 0, 0) => (String::new(), Role::Plain),
            (0, 0, info) => (info.to_string(), Role::Note),
            (0, warning, _) => (warning.to_string(), Role::Warning),
            (error, ..) => (error.to_string(), Role::Error),
        };
        let count = if count.len() > 3 { "99+".to_owned() } else { count };
        line.right(role, &count, 3);
        if wide {
            line.plainly(" ");
            if c2s.messages + s2c.messages > 0 {
                let end = row.closed.unwrap_or(row.last.time);
                line.plainly(bars::sparkline(&ctx.index.activity(id, row.first.time, end, BUCKETS)));
            }
        }
        if !ctx.shared.search.is_empty() {
            line.highlight(&ctx.shared.search);
        }
        line
    }

    pub(super) fn view_list(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let theme = ctx.theme();
        let of = ctx.index.connections.len();
        let reading = ctx.shared.progress.state == Reading::Reading;
        let count = if reading { format!("{of} so far") } else { format!("{} of {of}", self.rows.len()) };
        let gap = if ctx.shared.is_wide() { "  " } else { " " };
        let mut pane = Pane::new(format!("Connections{gap}{count}"), !self.below).scrolled(&self.list);
        let released = ctx.index.released.connections;
        if released > 0 {
            let words = format!("{gap}{} old ones released", units::grouped(released));
            pane.title.add(Role::Warning, words);
        }
        if ctx.shared.is_wide() || self.order != SortOrder::FirstSeen || self.backwards {
            let way = if self.backwards { ", reversed" } else { "" };
            let only = if self.only_marked { "only marked   " } else { "" };
            pane = pane.right(format!("{only}sort: {}{way}", self.order.words()));
        }
        let inner = pane.draw(buffer, area, theme);
        if inner.height == 0 {
            return;
        }
        if self.rows.is_empty() {
            empty(ctx, buffer, inner, &summary::nothing(ctx));
            let half = inner.height / 2;
            let below = Rect { y: inner.y + half, height: inner.height - half, ..inner };
            sealed::draw(ctx, below, buffer);
            return;
        }
        let (wide, number, url) = self.columns(ctx, inner.width);
        self.header(wide, url, number).draw(buffer, inner.x, inner.y, inner.width, theme);
        for (y, at) in (inner.y + 1..inner.bottom()).zip(self.list.visible()) {
            let Some(id) = self.rows.get(at) else { break };
            let cursor = at == self.list.cursor;
            let line = self.row(ctx, *id, wide, url, number, cursor);
            line.draw_row(buffer, inner.x, y, inner.width, theme, cursor && !self.below);
        }
        // One line stays free in between.
        let used = (self.list.visible().len() as u16).saturating_add(2).min(inner.height);
        let below = Rect { y: inner.y + used, height: inner.height - used, ..inner };
        sealed::draw(ctx, below, buffer);
    }

    /// Whether all columns fit, how wide numbers are, and the URL's columns.
    fn columns(&self, ctx: &Ctx<'_>, width: u16) -> (bool, usize, usize) {
        let width = usize::from(width);
        let most = ctx.index.connections.len().max(1).ilog10() as usize + 1;
        let wide = width >= 98;
        let number = most.max(if wide { 3 } else { 2 });
        // Everything but the URL.
        let rest = if wide {
            1 + number + 4 + 12 + 6 + 7 + 8 + 8 + 9 + 6 + 3 + 1 + BUCKETS + 2
        } else {
            1 + number + 4 + 7 + 6 + 6 + 9 + 6 + 3 + 1
        };
        (wide, number, width.saturating_sub(rest).max(8))
    }
}
