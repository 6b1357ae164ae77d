//! The frames of the message under the cursor, and their bytes: as sent, unmasked, inflated.

use std::ops::Range;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::{self, arrow, word_role};
use super::frame_word;
use crate::report::doubt;
use crate::store::detail::{FrameDetail, MessageDetail};
use crate::store::{FrameRow, Index, Marks, MessageRow};
use crate::tui::details::Detail;
use crate::tui::order::Hole;
use crate::tui::screens::frame::found::Loaded;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Hex, Pane, Text, hex, units};
use crate::ws::{Integrity, Opcode, close_code};

/// Frames of a message that are listed here.
const LISTED: usize = 1000;

/// A message's frames by number, in order. Control frames may stand between them.
pub fn frames_of(index: &Index, connection: u32, message: u64) -> Vec<(u64, FrameRow)> {
    let Some(row) = row_of(index, connection, message) else { return Vec::new() };
    let frames = index.frames(connection);
    let first = (row.first_frame as usize).saturating_sub(1);
    let wanted = (row.frames as usize).min(LISTED);
    // Other messages' frames between them are few: control frames, and those of the other direction.
    (first..frames.len())
        .take(wanted.saturating_mul(4).saturating_add(4096))
        .filter_map(|at| frames.get(at).map(|row| (at as u64 + 1, *row)))
        .filter(|(_, row)| u64::from(row.message) == message)
        .take(wanted)
        .collect()
}

fn row_of(index: &Index, connection: u32, message: u64) -> Option<MessageRow> {
    let at = usize::try_from(message.checked_sub(1)?).ok()?;
    index.messages(connection).get(at).copied()
}

/// Returns bytes of a frame's payload as they were on the wire.
fn masked(frame: &FrameDetail, range: Range<usize>) -> Vec<u8> {
    let (masks, key) = (frame.header.masked(), frame.header.masking_key);
    let bytes = frame.payload.get(range.clone()).unwrap_or_default();
    let key_at = |at: usize| if masks { key.get(at % 4).copied().unwrap_or(0) } else { 0 };
    bytes.iter().zip(range).map(|(byte, at)| byte ^ key_at(at)).collect()
}

/// The pane with the frames.
pub fn frames(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer, cursor: usize, focused: bool) {
    let selection = ctx.shared.selection;
    let title = if selection.message > 0 {
        format!("Frames of message {}", selection.message)
    } else {
        format!("Frame {}", selection.frame)
    };
    let inner = Pane::new(title, focused).draw(buffer, area, ctx.theme());
    if inner.height == 0 {
        return;
    }
    let rows = frames_of(ctx.index, selection.connection, selection.message);
    let Some(row) = ctx.message() else {
        let frame = ctx.index.frames(selection.connection).get((selection.frame as usize).wrapping_sub(1));
        if let Some(frame) = frame {
            let lines = [frame_line(selection.frame, 1, frame, None, true), Text::new(), lost_words()];
            ctx.lines(buffer, inner, &lines);
        }
        return;
    };
    let mut lines = vec![head(&row, &rows)];
    let detail = match ctx.detail() {
        Detail::Ready(detail) => Some(detail),
        _ => None,
    };
    let mut notes = notes(&row, detail.as_deref(), usize::from(inner.width).saturating_sub(2));
    if ctx.index.is_evicted(&row) {
        notes.insert(0, released(ctx));
    }
    // The frames around the cursor, with room for the notes where there is any.
    let room = usize::from(inner.height).saturating_sub(1);
    let for_notes = if notes.is_empty() { 0 } else { (notes.len() + 1).min(room / 2) };
    let room = if rows.len() + notes.len() < room { rows.len() } else { room - for_notes }.max(1);
    let top = (cursor + 1).saturating_sub(room);
    for (at, (number, frame)) in rows.iter().enumerate().skip(top).take(room) {
        let bytes = detail
            .as_ref()
            .and_then(|detail| detail.frames.get(at))
            .map(|frame| frame.header_bytes.as_slice());
        lines.push(frame_line(*number, at + 1, frame, bytes, at == cursor));
    }
    if u64::from(row.frames) > rows.len() as u64 {
        lines
            .push(Text::of(Role::Dim, format!("   … {} in all", units::counted(row.frames.into(), "frame"))));
    }
    if !notes.is_empty() {
        lines.push(Text::new());
        lines.extend(notes);
    }
    ctx.lines(buffer, inner, &lines);
}

/// What is known of bytes that are missing: in the place of frames, of bytes, and of the three lines.
pub fn hole(ctx: &Ctx<'_>, [frames, bytes, short]: [Rect; 3], buffer: &mut Buffer, hole: &Hole) {
    let finding = hole.finding.checked_sub(ctx.index.released.findings);
    let finding = finding.and_then(|at| ctx.index.findings.get(at as usize));
    let safe = finding.map(|finding| crate::model::safe_str(&finding.text).into_owned());
    let mut words = safe.unwrap_or_else(|| hole.words());
    words.push_str(&format!(". Seen at packet {}.", units::grouped(hole.place.packet)));
    let lines = |columns: u16| {
        let lines = crate::model::wrap(&words, usize::from(columns).saturating_sub(2).max(8));
        let mut lines: Vec<Text> =
            lines.into_iter().map(|line| Text::of(Role::Warning, format!(" {line}"))).collect();
        let mut keys = Text::of(Role::Plain, " ");
        keys.add(Role::Key, "Enter").add(Role::Dim, ": the Findings screen explains it");
        lines.push(keys);
        lines
    };
    if frames.height > 0 {
        let inner = Pane::new("Missing bytes", false).draw(buffer, frames, ctx.theme());
        ctx.lines(buffer, inner, &lines(inner.width));
    }
    if bytes.height > 0 {
        let inner = Pane::new("Bytes", false).draw(buffer, bytes, ctx.theme());
        ctx.lines(buffer, inner, &[Text::of(Role::Dim, " not in the capture")]);
    }
    if short.height > 0 {
        ctx.lines(buffer, short, &lines(short.width));
    }
}

/// `~ payload released; in cap.pcapng`
fn released(ctx: &Ctx<'_>) -> Text {
    let mut line = Text::of(Role::Warning, " ~ payload released");
    if let Some((name, _)) = ctx.shared.progress.live.as_ref().and_then(|status| status.saved.as_ref()) {
        line.add(Role::Warning, "; in ").captured(Role::Warning, name.as_bytes(), 40);
    }
    line
}

fn lost_words() -> Text {
    Text::of(Role::Warning, " not part of a message: a continuation without a first frame, or cut off")
}

/// `Message 7 → TEXT 20 B inflated from 33 B + 24 B headers`
fn head(row: &MessageRow, rows: &[(u64, FrameRow)]) -> Text {
    let direction = row.direction();
    let mut line = Text::of(Role::Plain, " ");
    line.add(Role::of_direction(direction), arrow(direction)).plainly(" ");
    line.add(word_role(row.opcode(), direction), row.opcode().short_name()).plainly(" ");
    line.plainly(row.len().map_or("length unknown".to_owned(), |len| format!("{} B", units::grouped(len))));
    let payload: u64 = rows.iter().map(|(_, frame)| frame.payload_len).fold(0, u64::saturating_add);
    let headers = row.wire.saturating_sub(payload);
    if rows.len() as u64 == u64::from(row.frames) {
        if row.marks.has(Marks::COMPRESSED) {
            line.plainly(format!(" inflated from {} B", units::grouped(payload)));
        }
        let s = if rows.len() == 1 { "" } else { "s" };
        line.plainly(format!(" + {} B header{s}", units::grouped(headers)));
    }
    line
}

/// `▸ frame 1  41 8d 80 e6 ef ca  FIN 0  RSV1 1  TEXT  mask  13`
fn frame_line(number: u64, at: usize, row: &FrameRow, bytes: Option<&[u8]>, cursor: bool) -> Text {
    let header = row.header();
    let mut line = Text::of(Role::Title, if cursor { " ▸ " } else { "   " });
    line.plainly(format!("frame {at}")).pad_to(12).add(Role::Dim, format!("#{number}"));
    line.pad_to(line.width().max(17)).plainly(" ");
    let (written, len) = header.to_bytes();
    let written = bytes.unwrap_or(written.get(..len).unwrap_or_default());
    let key_at = if header.masked() { written.len().saturating_sub(4) } else { written.len() };
    let (head, key) = written.split_at_checked(key_at).unwrap_or((written, &[]));
    line.add(Role::Header, hex::spaced(head));
    if !key.is_empty() {
        line.plainly(" ").add(Role::MaskingKey, hex::spaced(key));
    }
    line.pad_to(line.width().max(36)).plainly(format!(" FIN {} ", u8::from(header.fin())));
    let rsv = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")].iter().filter(|(bit, _)| header.rsv() & bit != 0);
    let rsv: Vec<&str> = rsv.map(|(_, name)| *name).collect();
    line.left(Role::Plain, &rsv.join("+"), rsv.len().max(1) * 5 - 1).plainly(" ");
    line.left(word_role(header.opcode(), row.direction()), frame_word(row), 5);
    line.count(Role::Plain, row.payload_len, 7);
    if !row.complete {
        line.add(Role::Warning, "  ~ not whole");
    }
    line
}

/// What is worth knowing about the message, in lines of these columns.
fn notes(row: &MessageRow, detail: Option<&MessageDetail>, columns: usize) -> Vec<Text> {
    let lines = remarks(row, detail).into_iter().flat_map(|(role, words)| {
        crate::model::wrap(&words, columns).into_iter().map(move |line| Text::of(role, format!(" {line}")))
    });
    lines.collect()
}

/// What is worth knowing about the message: what is wrong with it, and what teaches.
fn remarks(row: &MessageRow, detail: Option<&MessageDetail>) -> Vec<(Role, String)> {
    let mut notes: Vec<(Role, String)> = Vec::new();
    let compressed = row.marks.has(Marks::COMPRESSED);
    if compressed && row.frames > 1 {
        notes.push((
            Role::Dim,
            "RSV1 is set on the first frame only (RFC 7692 §6): the message, not the frame, is compressed. 00 00 ff ff \
             is appended once, after the last frame, before inflating."
                .to_owned(),
        ));
    } else if compressed {
        notes.push((
            Role::Dim,
            "RSV1 is set: the message is compressed (RFC 7692 §6). The receiver appends 00 00 ff ff before inflating.".to_owned(),
        ));
    } else if row.frames > 1 {
        notes.push((
            Role::Dim,
            "only the first frame has the message's opcode; the others are CONT, and the last has FIN (RFC 6455 §5.4)"
                .to_owned(),
        ));
    }
    let integrity = match row.integrity {
        Integrity::Ok => "",
        Integrity::Gap => "~ some of its bytes are missing from the capture",
        Integrity::Cut => "~ a limit was reached: the message is longer than shown",
        Integrity::UnknownDictionary => {
            "~ it needs earlier data that was not captured: it cannot be decompressed"
        }
        Integrity::Damaged => "~ its compressed data is damaged",
        Integrity::UnknownExtension => "~ encoded by an unknown extension: shown as sent",
        Integrity::Lenient => "~ strict receivers reject this message: see the finding",
        Integrity::Guessed => "~ guessed: frames were recognized without a handshake or after a loss",
    };
    if !integrity.is_empty() {
        notes.push((Role::Warning, integrity.to_owned()));
    }
    if row.marks.has(Marks::UNFINISHED) {
        notes.push((Role::Warning, "~ its last frame was not captured, or has not arrived yet".to_owned()));
    }
    if row.marks.has(Marks::NOT_UTF8) {
        let at = detail.and_then(|detail| detail.invalid_utf8_at);
        let at = at.map(|at| format!(" at byte {at}")).unwrap_or_default();
        notes.push((Role::Error, format!("! not UTF-8{at}: a TEXT message must be (RFC 6455 §8.1)")));
    }
    if let Some((at, len)) = detail.and_then(|detail| detail.missing) {
        notes.push((
            Role::Warning,
            format!("~ {} missing, starting at offset {at}", units::counted(len, "byte")),
        ));
    }
    notes
}

/// How many lines the bytes take at most: as far as they can be scrolled.
pub fn bytes_height(ctx: &Ctx<'_>, frame: usize) -> usize {
    byte_lines(ctx, frame, 8).map_or(0, |lines| lines.len.saturating_sub(1))
}

/// The lines of the bytes pane, made one by one: there may be a hundred thousand.
struct Lines {
    len: usize,
    line: Box<dyn Fn(usize) -> Text>,
}

/// Digits of bytes in the roles of their classes, with spaces between.
fn bytes_in(line: &mut Text, bytes: &[u8]) {
    for (i, byte) in bytes.iter().enumerate() {
        line.plainly(if i > 0 { " " } else { "" }).add(Role::of_byte(*byte), hex::digits(*byte));
    }
}

fn byte_lines(ctx: &Ctx<'_>, frame: usize, per_row: usize) -> Option<Lines> {
    let selection = ctx.shared.selection;
    let (detail, loaded) = if selection.message > 0 {
        let Detail::Ready(detail) = ctx.detail() else { return None };
        (Some(Arc::clone(&detail)), Loaded::Of(detail, frame))
    } else {
        let Detail::Ready(frame) = ctx.shared.details.frame(selection.connection, selection.frame) else {
            return None;
        };
        (None, Loaded::Alone(frame))
    };
    let frame = loaded.frame()?;
    let rows = frame.payload.len().div_ceil(per_row);
    let compressed = detail.as_ref().is_some_and(|detail| detail.compressed);
    let joined = detail.filter(|detail| detail.compressed || detail.frames.len() > 1);
    let whole = joined.as_ref().map_or(0, |detail| detail.bytes.len().div_ceil(per_row) + 2);
    let number = frame.number;
    let is_masked = frame.header.masked();
    let certain = joined.as_ref().is_some_and(|detail| {
        matches!(detail.integrity, Integrity::Ok | Integrity::Gap | Integrity::Cut | Integrity::Lenient)
    });
    let line = move |at: usize| {
        let mut line = Text::of(Role::Plain, " ");
        let Some(frame) = loaded.frame() else { return line };
        let Some(row) = at.checked_sub(1) else {
            line.add(
                Role::Title,
                format!("frame #{number} payload{}", if is_masked { ", masked" } else { "" }),
            );
            if is_masked {
                line.pad_to(1 + 6 + per_row * 3 + 1).add(Role::Title, "unmasked");
            }
            return line;
        };
        if row < rows {
            let range = row * per_row..((row + 1) * per_row).min(frame.payload.len());
            line.add(Role::Dim, format!("{:04x}  ", row * per_row));
            bytes_in(&mut line, &masked(frame, range.clone()));
            if is_masked {
                line.pad_to(1 + 6 + per_row * 3 + 1);
                bytes_in(&mut line, frame.payload.get(range.clone()).unwrap_or_default());
            }
            if !compressed {
                let columns = if is_masked { 2 } else { 1 };
                line.pad_to(1 + 6 + (per_row * 3 + 1) * columns).add(Role::Dim, "│");
                for byte in frame.payload.get(range).unwrap_or_default() {
                    line.add(Role::of_byte(*byte), hex::sign(*byte));
                }
                line.add(Role::Dim, "│");
            }
            return line;
        }
        let Some(detail) = &joined else { return Text::new() };
        match row - rows {
            0 => Text::new(),
            1 => {
                let words = match (detail.compressed, certain) {
                    (true, true) => "after inflate (whole message)",
                    (true, false) => "not inflated (whole message)",
                    (false, _) => "joined (whole message)",
                };
                line.add(Role::Title, words);
                line
            }
            n => {
                let hex = Hex { per_row, ..Hex::new(&detail.bytes, 200) };
                line.append(&hex.row(n - 2));
                line
            }
        }
    };
    Some(Lines { len: 1 + rows + whole, line: Box::new(line) })
}

/// The pane with the bytes. `at`: the frame under the cursor, and the first line in sight.
pub fn bytes(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer, at: (usize, usize), focused: bool) {
    let inner = Pane::new("Bytes", focused).draw(buffer, area, ctx.theme());
    let (frame, scroll) = at;
    let per_row = if inner.width >= 110 { 16 } else { 8 };
    let selection = ctx.shared.selection;
    let why = match ctx.detail() {
        _ if selection.message == 0 => String::new(),
        Detail::Failed(why) => why,
        Detail::Loading => "loading…".to_owned(),
        _ => String::new(),
    };
    let Some(lines) = byte_lines(ctx, frame, per_row) else {
        let role = if why.starts_with("loading") { Role::Dim } else { Role::Warning };
        let mut line = Text::of(Role::Plain, " ");
        line.captured(role, why.as_bytes(), usize::from(inner.width).saturating_sub(1));
        ctx.lines(buffer, inner, &[line]);
        return;
    };
    for (y, at) in (inner.top()..inner.bottom()).zip(scroll.min(lines.len.saturating_sub(1))..lines.len) {
        (lines.line)(at).draw(buffer, inner.x, y, inner.width, ctx.theme());
    }
}

/// The message in three lines, for small terminals.
pub fn short(ctx: &Ctx<'_>) -> Vec<Text> {
    let Some(row) = ctx.message() else { return Vec::new() };
    let selection = ctx.shared.selection;
    let rows = frames_of(ctx.index, selection.connection, selection.message);
    let mut first = Text::of(Role::Plain, format!(" {} ", selection.message));
    let direction = row.direction();
    first.add(Role::of_direction(direction), arrow(direction)).plainly(" ");
    first.add(word_role(row.opcode(), direction), row.opcode().short_name()).plainly(" ");
    first.plainly(row.len().map_or("?".to_owned(), units::grouped)).plainly(" B");
    first.plainly(format!(" in {}", units::counted(row.frames.into(), "frame")));
    let heads: Vec<&str> = rows.iter().take(8).map(|(_, frame)| hex::digits(frame.head[0])).collect();
    first.plainly(" (").add(Role::Header, heads.join(" ")).plainly(if rows.len() > 8 {
        " …)"
    } else {
        ")"
    });
    if row.marks.has(Marks::COMPRESSED) {
        first.plainly(", deflate");
    }
    if rows.iter().any(|(_, frame)| frame.header().masked()) {
        first.plainly(", mask");
        for (_, frame) in rows.iter().take(4) {
            first.plainly(" ").add(Role::MaskingKey, ::hex::encode(frame.key));
        }
    }
    let columns = usize::from(ctx.shared.size.0).saturating_sub(4);
    let mut second = Text::of(Role::Plain, "   ");
    match ctx.detail() {
        Detail::Ready(detail) if detail.opcode == Opcode::Close => {
            let close = crate::ws::Close::parse(&detail.bytes);
            match close.code.map(|code| (code, close_code(code))) {
                Some((code, known)) => second.plainly(format!("{code} {}: {}", known.name, known.meaning)),
                None => second.plainly("a Close without a code"),
            };
        }
        Detail::Ready(detail) => {
            let (doubt, is_readable) = doubt(detail.integrity, detail.compressed, detail.missing);
            if !doubt.is_empty() {
                second.add(Role::Warning, &doubt).add(Role::Warning, if is_readable { ": " } else { "" });
            }
            let columns = if is_readable { columns.saturating_sub(second.width()) } else { 0 };
            let shown = detail.bytes.get(..detail.bytes.len().min(4 * columns)).unwrap_or_default();
            second.captured(Role::Plain, draw::whole_characters(shown), columns);
        }
        Detail::Failed(why) => _ = second.captured(Role::Warning, why.as_bytes(), columns),
        Detail::Absent | Detail::Loading => {}
    }
    let mut third = Text::of(Role::Plain, "   ");
    third.add(Role::Key, "Enter").add(Role::Dim, ": frames, bits, bytes");
    if let Some((role, words)) = remarks(&row, None).into_iter().find(|(role, _)| *role != Role::Dim) {
        third = Text::of(role, format!("   {words}"));
    }
    vec![first, second, third]
}
