//! Draws the panes of a message.

use ratatui::buffer::Buffer;
use ratatui::layout::Constraint::{Length, Min};
use ratatui::layout::{Layout, Rect};

use super::content::{Content, View};
use super::{MessageDetail, tree};
use crate::model::{Direction, Lang};
use crate::tui::screens::empty;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Hex, List, Pane, Text, units, utf8};
use crate::ws::Opcode;

impl MessageDetail {
    pub(super) fn draw_main(&self, ctx: &Ctx<'_>, content: &Content, area: Rect, buffer: &mut Buffer) {
        let theme = ctx.theme();
        let mut pane = Pane {
            title: title(content, ctx.shared.lang),
            right: tabs(content, self.view, ctx.shared.lang),
            focused: !self.aside,
            scroll: None,
        }
        .scrolled(&self.main);
        if usize::from(area.width) < pane.title.width() + pane.right.width() + 9 {
            pane.title = Text::of(Role::Title, format!("#{}", content.detail.number));
        }
        let inner = pane.draw(buffer, area, theme);
        let columns = usize::from(inner.width);
        let mut above = content.doubt_lines(columns, ctx.shared.lang);
        if let Some(words) = content.close_words(ctx.shared.lang) {
            let mut line = Text::of(Role::Plain, " ");
            line.append(&words);
            above.push(line);
        }
        let mut below = Vec::new();
        if self.view == View::Json {
            below.push(tree::path(content, self.main.cursor, columns, ctx.shared.lang));
            below.extend(tree::broken(content, columns, ctx.shared.lang));
        }
        let parts = [Length(above.len() as u16), Min(0), Length(below.len() as u16)];
        let [head, body, foot] = Layout::vertical(parts).areas(inner);
        ctx.lines(buffer, head, &above);
        ctx.lines(buffer, foot, &below);
        match self.view {
            View::Json => {
                let lines =
                    tree::lines(content, self.main.visible(), self.main.cursor, columns, ctx.shared.lang);
                let mut lines = lines.into_iter();
                let focused = !self.aside;
                self.main.draw(buffer, body, theme, focused, |_| lines.next().unwrap_or_default());
            }
            View::Text => {
                if content.bytes().is_empty() {
                    empty(ctx, buffer, body, ctx.shared.lang.pick("(empty)", "（空）"));
                }
                self.main.draw(buffer, body, theme, false, |row| self.text_line(content, row, columns));
            }
            View::Hex => self.draw_hex(ctx, content, &self.main, body, buffer),
            View::Raw => {
                self.main.draw(buffer, body, theme, false, |row| content.raw_line(row, ctx.shared.lang));
            }
        }
    }

    /// Returns a row of text, with the search hit and the byte that is not UTF-8 highlighted.
    fn text_line(&self, content: &Content, row: usize, columns: usize) -> Text {
        let range = content.text_row(row);
        let mut line = Text::of(Role::Title, if row == self.main.cursor { "▸" } else { " " });
        let room = columns.saturating_sub(1);
        let bad = content.detail.invalid_utf8_at.and_then(|at| usize::try_from(at).ok());
        let bad = bad.map(|at| at..at + 1);
        let lit = [(self.hit.clone(), Role::Hit), (bad, Role::Error)];
        let mut at = range.start;
        while at < range.end {
            // The next highlighted range.
            let next = lit.iter().filter_map(|(lit, role)| {
                let lit = lit.as_ref().filter(|lit| lit.end > at && lit.start < range.end)?;
                Some((lit.start.max(at), lit.end.min(range.end), *role))
            });
            let (start, end, role) =
                next.min_by_key(|next| next.0).unwrap_or((range.end, range.end, Role::Plain));
            let plain = content.bytes().get(at..start).unwrap_or_default();
            let left = room.saturating_sub(line.width().saturating_sub(1));
            line.captured(Role::Plain, plain, left);
            let left = room.saturating_sub(line.width().saturating_sub(1));
            let mut found = Text::new();
            found.captured(role, content.bytes().get(start..end).unwrap_or_default(), left);
            line.append(&if role == Role::Plain { found } else { found.in_role(role) });
            at = end.max(start).max(at + 1);
        }
        line
    }

    pub(super) fn draw_hex(
        &self,
        ctx: &Ctx<'_>,
        content: &Content,
        list: &List,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let all = content.bytes();
        let lit = self.lit();
        let lits = [lit.clone()];
        let hex = Hex { text: false, lit: &lits, ..Hex::new(all, area.width.saturating_sub(2)) };
        if all.is_empty() {
            empty(ctx, buffer, area, ctx.shared.lang.pick("no bytes", "没有字节"));
        }
        let text = content.detail.opcode != Opcode::Binary && !content.is_as_sent();
        list.draw(buffer, area, ctx.theme(), false, |row| {
            let mut line = Text::of(Role::Plain, " ");
            line.append(&hex.row(row)).pad_to(hex.columns() + 2).add(Role::Dim, "│");
            let range = row * hex.per_row..((row + 1) * hex.per_row).min(all.len());
            if text {
                line.append(&utf8::column(all, range, &lit));
            } else {
                for at in range {
                    let byte = all.get(at).copied().unwrap_or(0);
                    let role = if lit.contains(&at) { Role::Selected } else { Role::of_byte(byte) };
                    line.add(role, crate::tui::widgets::hex::sign(byte));
                }
            }
            line.add(Role::Dim, "│");
            line
        });
    }
}

/// `Message 4 ← TEXT  97 B`
fn title(content: &Content, lang: Lang) -> Text {
    let detail = &content.detail;
    let arrow = if detail.direction == Direction::ClientToServer { "→" } else { "←" };
    let mut line = Text::of(Role::Title, format!("{}{} ", lang.pick("Message ", "消息 "), detail.number));
    line.add(Role::of_direction(detail.direction), arrow).plainly(" ");
    line.add(if detail.opcode.is_control() { Role::Control } else { Role::Title }, detail.opcode.title());
    match detail.len {
        Some(len) => line.plainly(format!("  {} B", units::grouped(len))),
        None => line.add(Role::Warning, lang.pick("  ~ length unknown", "  ~ 长度未知")),
    };
    line
}

/// `[JSON] text hex raw`
pub(super) fn tabs(content: &Content, open: View, lang: Lang) -> Text {
    let mut line = Text::new();
    for view in View::ALL.into_iter().filter(|view| content.has(*view)) {
        if !line.is_empty() {
            line.plainly(" ");
        }
        match view == open {
            true => line.add(Role::Title, format!("[{}]", view.name(lang))),
            false => line.add(Role::Plain, view.name(lang)),
        };
    }
    line
}

pub(super) fn hex_title(content: &Content, lang: Lang) -> &'static str {
    match content.detail.compressed {
        true if content.is_as_sent() => {
            lang.pick("Hex  (as sent, compressed)", "十六进制（按发送时原样，已压缩）")
        }
        true => lang.pick("Hex  (inflated)", "十六进制（解压后）"),
        false => lang.pick("Hex", "十六进制"),
    }
}

/// `deflate 43 → 97 B`
pub(super) fn sizes(content: &Content) -> Text {
    let detail = &content.detail;
    let wire: u64 = detail.frames.iter().map(|frame| frame.header.payload_len).fold(0, u64::saturating_add);
    match (detail.compressed, detail.len) {
        (true, Some(len)) => {
            Text::of(Role::Plain, format!("deflate {} → {} B", units::grouped(wire), units::grouped(len)))
        }
        (true, None) => Text::of(Role::Plain, format!("deflate {} B", units::grouped(wire))),
        (false, _) => Text::of(Role::Plain, format!("{} B", units::grouped(detail.bytes.len() as u64))),
    }
}
