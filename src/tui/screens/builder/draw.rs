//! How the builder looks.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::edit::value;
use super::{Builder, BuilderField, BuilderPane, Made};
use crate::build::{EXPERIMENTS, verdict};
use crate::explain::diagram::{DiagramLine, LineKind, picture};
use crate::model::wrap;
use crate::model::{Lang, Severity, safe_str};
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, hex};

/// Columns of the names.
const NAME: usize = 12;

impl Builder {
    /// The fields, the verdict, the bytes.
    pub(super) fn draw_fields(&self, ctx: &Ctx<'_>, made: &Made, area: Rect, buffer: &mut Buffer) {
        let lang = ctx.shared.lang;
        let focused = self.focus == BuilderPane::Fields;
        let title = if area.width >= 50 { "Frame builder (what-if)" } else { "What-if" };
        let inner = Pane::new(title, focused).right("bytes").draw(buffer, area, ctx.theme());
        let columns = usize::from(inner.width);
        let mut lines = Vec::new();
        for (i, field) in BuilderField::ALL.into_iter().enumerate() {
            let here = i == self.field;
            let mut line = Text::of(Role::Title, if here { "▸" } else { " " });
            line.left(if here { Role::Title } else { Role::Plain }, field.name(), NAME - 1);
            if field == BuilderField::Payload {
                line.plainly("[").captured(
                    Role::Plain,
                    &self.draft.payload,
                    columns.saturating_sub(NAME + 12),
                );
                line.plainly("]");
            } else {
                line.add(if here && focused { Role::Title } else { Role::Plain }, value(&self.draft, field));
            }
            let remark = remark(self, made, field);
            if !remark.is_empty() {
                line.plainly("  ").add(Role::Dim, remark);
            }
            let bytes = bytes_of(made, field);
            if !bytes.is_empty() {
                line.end_at(columns.saturating_sub(1), &Text::of(Role::Header, bytes));
            }
            lines.push(line);
        }
        let spare = usize::from(inner.height).saturating_sub(lines.len());
        if spare > 7 {
            lines.push(Text::new());
        }
        lines.extend(verdict_lines(made, lang, columns.saturating_sub(1), spare.saturating_sub(2).max(1)));
        if usize::from(inner.height) > lines.len() + 2 {
            lines.push(Text::new());
        }
        let room = usize::from(inner.height).saturating_sub(lines.len());
        lines.extend(byte_lines(made, columns, room));
        ctx.lines(buffer, inner, &lines);
    }

    /// The box of RFC 6455 section 5.2, the selected field lit.
    pub(super) fn draw_picture(&self, ctx: &Ctx<'_>, made: &Made, area: Rect, buffer: &mut Buffer) {
        let mut title = "RFC 6455 §5.2".to_owned();
        if made.frames.len() > 1 {
            title += &format!("  frame 1 of {}", made.frames.len());
        }
        let inner = Pane::new(title, self.focus == BuilderPane::Picture).draw(buffer, area, ctx.theme());
        let Some(frame) = made.frames.first() else { return };
        let lit = frame.header.map_or(0..0, |header| self.field().bits(header));
        let lines: Vec<Text> = picture(frame, 4).iter().map(|line| lit_line(line, &lit)).collect();
        let most = lines.len().saturating_sub(usize::from(inner.height));
        ctx.lines(buffer, inner, lines.get(self.top.min(most)..).unwrap_or_default());
    }

    /// What to try.
    pub(super) fn draw_experiments(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let lang = ctx.shared.lang;
        let focused = self.focus == BuilderPane::Experiments;
        let right = if focused { "Enter applies one" } else { "Tab" };
        let inner = Pane::new("Experiments", focused).right(right).draw(buffer, area, ctx.theme());
        let columns = usize::from(inner.width);
        let wide = columns >= 100;
        let mut titles = Text::of(Role::Plain, " ");
        titles.left(Role::Title, "try this", if wide { 32 } else { columns.saturating_sub(4) });
        if wide {
            titles.left(Role::Title, "breaks", 27).add(Role::Title, "what happens");
        }
        titles.draw(buffer, inner.x, inner.y, inner.width, ctx.theme());
        for (y, at) in (inner.y.saturating_add(1)..inner.bottom()).zip(self.list.visible()) {
            let Some(experiment) = EXPERIMENTS.get(at) else { continue };
            let here = focused && at == self.list.cursor;
            let severity = experiment.rule.map(|rule| rule.severity);
            let (role, sign) = match severity {
                Some(Severity::Error) => (Role::Error, "✗"),
                Some(Severity::Warning) => (Role::Warning, "!"),
                Some(Severity::Info) | None => (Role::Ok, "✓"),
            };
            let mut line = Text::of(Role::Title, if here { "▸" } else { " " });
            if !wide {
                line.add(role, sign).plainly(" ");
            }
            line.left(
                Role::Plain,
                experiment.title.of(lang),
                if wide { 32 } else { columns.saturating_sub(4) },
            );
            if wide {
                let code = experiment.rule.map_or("-", |rule| rule.code);
                line.add(role, sign).plainly(" ").left(role, code, 25).plainly(experiment.happens.of(lang));
            }
            line.draw_row(buffer, inner.x, y, inner.width, ctx.theme(), here);
        }
    }
}

/// What stands behind a field's value.
fn remark(builder: &Builder, made: &Made, field: BuilderField) -> String {
    let draft = &builder.draft;
    let header = made.frames.first().and_then(|frame| frame.header);
    match field {
        BuilderField::Rsv1 if draft.is_compressed() => "compressed".to_owned(),
        BuilderField::Rsv1 if !draft.deflate => "no deflate".to_owned(),
        BuilderField::Length => header.map_or(String::new(), |header| match header.extended_len() {
            _ if header.payload_len >> 63 != 0 => String::new(),
            0 => format!("{} in 7 bits", header.payload_len),
            len => format!("{} in {} bits", header.payload_len, len * 8),
        }),
        BuilderField::Deflate if draft.deflate => "agreed on".to_owned(),
        BuilderField::Deflate => "not negotiated".to_owned(),
        BuilderField::Payload => format!("{} B", draft.payload.len()),
        _ => String::new(),
    }
}

/// The byte in which a field stands, where it is the first of its byte.
fn bytes_of(made: &Made, field: BuilderField) -> String {
    let head = made.frames.first().map(|frame| frame.head.as_slice()).unwrap_or_default();
    match (field, head) {
        (BuilderField::Fin, [first, ..]) => format!("{first:02x}"),
        (BuilderField::Mask, [_, second, ..]) => format!("{second:02x}"),
        _ => String::new(),
    }
}

/// `Verdict: legal ✓`, or what breaks and what a peer does; at most so many lines.
fn verdict_lines(made: &Made, lang: Lang, columns: usize, most: usize) -> Vec<Text> {
    let mut lines = Vec::new();
    let mut first = Text::of(Role::Title, " Verdict: ");
    let worst = verdict(&made.found);
    match worst {
        None => first.add(Role::Ok, lang.pick("legal ✓", "合法 ✓")),
        Some(found) => first
            .add(Role::Error, "✗ ")
            .add(Role::Error, found.rule.code)
            .plainly("  ")
            .add(Role::Dim, found.rule.reference),
    };
    lines.push(first);
    let mut say = |role, text: &str| {
        let part = wrap(text, columns.saturating_sub(1));
        lines.extend(part.iter().map(|line| Text::of(role, format!(" {line}"))));
    };
    let told = worst.or(made.found.first());
    if let Some(found) = told {
        if worst.is_none() {
            say(Role::of_severity(found.rule.severity), found.rule.code);
        }
        match lang {
            Lang::En => say(Role::Plain, &safe_str(&found.text)),
            lang => say(Role::Plain, found.rule.summary.of(lang)),
        }
        say(Role::Plain, found.rule.peer.of(lang));
    } else {
        let open = !made.draft.fin && !made.draft.opcode().is_control();
        say(
            Role::Plain,
            match (open, made.draft.direction) {
                (true, _) => lang.pick(
                    "The message is not finished: continuation frames must follow.",
                    "消息还没有结束：后面必须有延续帧。",
                ),
                (false, crate::model::Direction::ClientToServer) => {
                    lang.pick("A server must accept this frame.", "服务器必须接受这一帧。")
                }
                (false, _) => lang.pick("A client must accept this frame.", "客户端必须接受这一帧。"),
            },
        );
    }
    lines.truncate(most);
    lines
}

/// The bytes in hex, a frame after the other, as many as there is room for.
fn byte_lines(made: &Made, columns: usize, room: usize) -> Vec<Text> {
    let per_line = (columns.saturating_sub(2) / 3).max(1);
    let mut lines = Vec::new();
    for frame in &made.frames {
        let bytes = made.bytes.get(frame.range.clone()).unwrap_or_default();
        for (i, chunk) in bytes.chunks(per_line).enumerate().take(room) {
            let mut line = Text::of(Role::Plain, " ");
            let head = frame.head.len().saturating_sub(i * per_line).min(chunk.len());
            let (head, payload) = chunk.split_at_checked(head).unwrap_or((chunk, &[]));
            line.add(Role::Header, hex::spaced(head)).plainly(if head.is_empty() { "" } else { " " });
            line.plainly(hex::spaced(payload));
            lines.push(line);
        }
    }
    if lines.len() > room {
        lines.truncate(room.saturating_sub(1));
        lines.push(Text::of(Role::Dim, format!(" … {} bytes in all", made.bytes.len())));
    }
    lines
}

/// A line of the box; parts that share bits with the selected field are lit, with bars beside them.
fn lit_line(line: &DiagramLine, lit: &std::ops::Range<usize>) -> Text {
    let mut text = Text::new();
    let plain = match line.kind {
        LineKind::Bytes | LineKind::Border | LineKind::More => Role::Dim,
        LineKind::Names | LineKind::Bits | LineKind::Values => Role::Plain,
    };
    for part in &line.parts {
        let inside = part.bits.start < lit.end && lit.start < part.bits.end;
        let role = match (part.bits.is_empty(), inside) {
            (true, _) => Role::Dim,
            (false, true) => Role::Selected,
            (false, false) => plain,
        };
        text.add(role, &part.text);
    }
    text
}
