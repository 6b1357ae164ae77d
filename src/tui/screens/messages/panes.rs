//! The frames of the selected message, and their bytes: as sent, unmasked, inflated.

use std::ops::Range;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::{self, arrow, word_role};
use super::frame_word;
use crate::explain::words::codes::code_words;
use crate::model::Lang;
use crate::store::detail::{FrameDetail, MessageDetail};
use crate::store::{FrameRow, Index, Marks, MessageRow};
use crate::tui::details::Detail;
use crate::tui::order::Hole;
use crate::tui::screens::frame::found::Loaded;
use crate::tui::shared::{Ctx, Selection};
use crate::tui::theme::Role;
use crate::tui::widgets::{Hex, Pane, Text, hex, units};
use crate::ws::{Integrity, Opcode, close_code};

/// Maximum number of frames listed for a message.
const LISTED: usize = 1000;

/// Returns a message's frames with their numbers. Control frames between them are skipped.
pub fn frames_of(index: &Index, connection: u32, message: u64) -> Vec<(u64, FrameRow)> {
    let Some(row) = row_of(index, connection, message) else { return Vec::new() };
    let frames = index.frames(connection);
    let first = (row.first_frame as usize).saturating_sub(1);
    let wanted = (row.frames as usize).min(LISTED);
    // Between them there are only control frames and frames of the other direction.
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
    let lang = ctx.shared.lang;
    let Selection { message, frame, .. } = selection;
    let title = if message > 0 {
        lang.pick(format!("Frames of message {message}"), format!("消息 {message} 的帧"))
    } else {
        lang.pick(format!("Frame {frame}"), format!("帧 {frame}"))
    };
    let inner = Pane::new(title, focused).draw(buffer, area, ctx.theme());
    if inner.height == 0 {
        return;
    }
    let rows = frames_of(ctx.index, selection.connection, selection.message);
    let Some(row) = ctx.message() else {
        let frame = ctx.index.frames(selection.connection).get((selection.frame as usize).wrapping_sub(1));
        if let Some(frame) = frame {
            let lines =
                [frame_line(selection.frame, 1, frame, None, true, lang), Text::new(), lost_words(lang)];
            ctx.lines(buffer, inner, &lines);
        }
        return;
    };
    let mut lines = vec![head(&row, &rows, lang)];
    let detail = match ctx.detail() {
        Detail::Ready(detail) => Some(detail),
        _ => None,
    };
    let mut notes = notes(&row, detail.as_deref(), usize::from(inner.width).saturating_sub(2), lang);
    if ctx.index.is_evicted(&row) {
        notes.insert(0, released(ctx));
    }
    // The frames around the cursor, with some rows left for the notes.
    let room = usize::from(inner.height).saturating_sub(1);
    let for_notes = if notes.is_empty() { 0 } else { (notes.len() + 1).min(room / 2) };
    let room = if rows.len() + notes.len() < room { rows.len() } else { room - for_notes }.max(1);
    let top = (cursor + 1).saturating_sub(room);
    for (at, (number, frame)) in rows.iter().enumerate().skip(top).take(room) {
        let bytes = detail
            .as_ref()
            .and_then(|detail| detail.frames.get(at))
            .map(|frame| frame.header_bytes.as_slice());
        lines.push(frame_line(*number, at + 1, frame, bytes, at == cursor, lang));
    }
    if u64::from(row.frames) > rows.len() as u64 {
        let count = u64::from(row.frames);
        let words = lang.pick(
            format!("   … {} in all", units::counted(count, "frame")),
            format!("   … 共 {} 个帧", units::grouped(count)),
        );
        lines.push(Text::of(Role::Dim, words));
    }
    if !notes.is_empty() {
        lines.push(Text::new());
        lines.extend(notes);
    }
    ctx.lines(buffer, inner, &lines);
}

/// Draws what is known about missing bytes, in place of the frames, of the bytes and of the three lines.
pub fn hole(ctx: &Ctx<'_>, [frames, bytes, short]: [Rect; 3], buffer: &mut Buffer, hole: &Hole) {
    let lang = ctx.shared.lang;
    let finding = hole.finding.checked_sub(ctx.index.released.findings);
    let finding = finding.and_then(|at| ctx.index.findings.get(at as usize));
    let safe = finding.map(|finding| crate::model::safe_str(&finding.text).into_owned());
    let mut words = safe.unwrap_or_else(|| hole.words(lang));
    let packet = units::grouped(hole.place.packet);
    words.push_str(
        &lang.pick(format!(". Detected at packet {packet}."), format!("。在数据包 {packet} 处发现。")),
    );
    let lines = |columns: u16| {
        let lines = crate::model::wrap(&words, usize::from(columns).saturating_sub(2).max(8));
        let mut lines: Vec<Text> =
            lines.into_iter().map(|line| Text::of(Role::Warning, format!(" {line}"))).collect();
        let mut keys = Text::of(Role::Plain, " ");
        keys.add(Role::Key, "Enter")
            .add(Role::Dim, lang.pick(": the Findings screen explains it", "：在发现画面中解释"));
        lines.push(keys);
        lines
    };
    if frames.height > 0 {
        let inner =
            Pane::new(lang.pick("Missing bytes", "缺少的字节"), false).draw(buffer, frames, ctx.theme());
        ctx.lines(buffer, inner, &lines(inner.width));
    }
    if bytes.height > 0 {
        let inner = Pane::new(lang.pick("Bytes", "字节"), false).draw(buffer, bytes, ctx.theme());
        ctx.lines(buffer, inner, &[Text::of(Role::Dim, lang.pick(" not captured", " 未抓到"))]);
    }
    if short.height > 0 {
        ctx.lines(buffer, short, &lines(short.width));
    }
}

/// `~ payload released; in cap.pcapng`
fn released(ctx: &Ctx<'_>) -> Text {
    let lang = ctx.shared.lang;
    let mut line = Text::of(Role::Warning, lang.pick(" ~ payload released", " ~ 载荷已释放"));
    if let Some((name, _)) = ctx.shared.progress.live.as_ref().and_then(|status| status.saved.as_ref()) {
        line.add(Role::Warning, lang.pick("; in ", "；保存在 ")).captured(Role::Warning, name.as_bytes(), 40);
    }
    line
}

fn lost_words(lang: Lang) -> Text {
    Text::of(
        Role::Warning,
        lang.pick(
            " not part of a message: a continuation without a first frame, or cut off",
            " 不属于任何消息：没有首帧的延续帧，或被截断",
        ),
    )
}

/// `Message 7 → TEXT 20 B inflated from 33 B + 24 B headers`
fn head(row: &MessageRow, rows: &[(u64, FrameRow)], lang: Lang) -> Text {
    let direction = row.direction();
    let mut line = Text::of(Role::Plain, " ");
    line.add(Role::of_direction(direction), arrow(direction)).plainly(" ");
    line.add(word_role(row.opcode(), direction), row.opcode().short_name()).plainly(" ");
    line.plainly(row.len().map_or(lang.pick("length unknown", "长度未知").to_owned(), |len| {
        format!("{} B", units::grouped(len))
    }));
    let payload: u64 = rows.iter().map(|(_, frame)| frame.payload_len).fold(0, u64::saturating_add);
    let headers = row.wire.saturating_sub(payload);
    if rows.len() as u64 == u64::from(row.frames) {
        if row.marks.has(Marks::COMPRESSED) {
            let payload = units::grouped(payload);
            line.plainly(lang.pick(format!(" inflated from {payload} B"), format!("，由 {payload} B 解压")));
        }
        let s = if rows.len() == 1 { "" } else { "s" };
        let headers = units::grouped(headers);
        line.plainly(lang.pick(format!(" + {headers} B header{s}"), format!(" + {headers} B 帧头")));
    }
    line
}

/// `▸ frame 1  41 8d 80 e6 ef ca  FIN 0  RSV1 1  TEXT  mask  13`
fn frame_line(
    number: u64,
    at: usize,
    row: &FrameRow,
    bytes: Option<&[u8]>,
    cursor: bool,
    lang: Lang,
) -> Text {
    let header = row.header();
    let mut line = Text::of(Role::Title, if cursor { " ▸ " } else { "   " });
    line.plainly(lang.pick(format!("frame {at}"), format!("帧 {at}")))
        .pad_to(12)
        .add(Role::Dim, format!("#{number}"));
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
        line.add(Role::Warning, lang.pick("  ~ incomplete", "  ~ 不完整"));
    }
    line
}

/// Returns the remarks on a message, wrapped.
fn notes(row: &MessageRow, detail: Option<&MessageDetail>, columns: usize, lang: Lang) -> Vec<Text> {
    let lines = remarks(row, detail, lang).into_iter().flat_map(|(role, words)| {
        crate::model::wrap(&words, columns).into_iter().map(move |line| Text::of(role, format!(" {line}")))
    });
    lines.collect()
}

/// Returns remarks on a message: its defects, and how its frames encode it.
fn remarks(row: &MessageRow, detail: Option<&MessageDetail>, lang: Lang) -> Vec<(Role, String)> {
    let mut notes: Vec<(Role, String)> = Vec::new();
    let compressed = row.marks.has(Marks::COMPRESSED);
    if compressed && row.frames > 1 {
        notes.push((
            Role::Dim,
            lang.pick(
                "RSV1 is set on the first frame only (RFC 7692 §6): the message, not the frame, is compressed. \
                 00 00 ff ff is appended once, after the last frame, before inflating.",
                "只有首帧的 RSV1 为 1（RFC 7692 §6）：压缩的是消息，而不是帧。解压前在最后一帧之后追加一次 00 00 ff ff。",
            )
            .to_owned(),
        ));
    } else if compressed {
        notes.push((
            Role::Dim,
            lang.pick(
                "RSV1 is set: the message is compressed (RFC 7692 §6). The receiver appends 00 00 ff ff before \
                 inflating.",
                "RSV1 为 1：消息经过压缩（RFC 7692 §6）。接收方在解压前追加 00 00 ff ff。",
            )
            .to_owned(),
        ));
    } else if row.frames > 1 {
        notes.push((
            Role::Dim,
            lang.pick(
                "only the first frame has the message's opcode; the others are CONT, and the last has FIN (RFC 6455 §5.4)",
                "只有首帧带有消息的 opcode；其余为 CONT，最后一帧的 FIN 为 1（RFC 6455 §5.4）",
            )
            .to_owned(),
        ));
    }
    let integrity = match row.integrity {
        Integrity::Ok => "",
        Integrity::Gap => {
            lang.pick("~ some of its bytes are missing from the capture", "~ 抓包中缺少它的一些字节")
        }
        Integrity::Cut => lang
            .pick("~ a limit was reached: the message is longer than shown", "~ 达到上限：消息比显示的更长"),
        Integrity::UnknownDictionary => lang.pick(
            "~ cannot be decompressed: it needs earlier data that was not captured",
            "~ 无法解压：需要未抓到的更早的数据",
        ),
        Integrity::Damaged => lang.pick("~ its compressed data is damaged", "~ 压缩数据已损坏"),
        Integrity::UnknownExtension => lang
            .pick("~ encoded by an unknown extension: shown as sent", "~ 由未知扩展编码：按发送时原样显示"),
        Integrity::Lenient => lang.pick(
            "~ strict receivers reject this message: see the finding",
            "~ 严格的接收方会拒绝此消息：见发现",
        ),
        Integrity::Guessed => lang.pick(
            "~ guessed: frames were recognized without a handshake or after a loss",
            "~ 推测：在没有握手或丢失数据之后识别出的帧",
        ),
    };
    if !integrity.is_empty() {
        notes.push((Role::Warning, integrity.to_owned()));
    }
    if row.marks.has(Marks::UNFINISHED) {
        notes.push((Role::Warning, {
            lang.pick(
                "~ its last frame was not captured, or has not arrived yet",
                "~ 最后一帧未抓到，或尚未到达",
            )
            .to_owned()
        }));
    }
    if row.marks.has(Marks::NOT_UTF8) {
        let at = detail.and_then(|detail| detail.invalid_utf8_at);
        let at =
            at.map(|at| lang.pick(format!(" at byte {at}"), format!("（字节 {at}）"))).unwrap_or_default();
        let words = lang.pick(
            format!("! not UTF-8{at}: a TEXT message must be (RFC 6455 §8.1)"),
            format!("! 不是 UTF-8{at}：TEXT 消息必须是 UTF-8（RFC 6455 §8.1）"),
        );
        notes.push((Role::Error, words));
    }
    if let Some((at, len)) = detail.and_then(|detail| detail.missing) {
        notes.push((
            Role::Warning,
            lang.pick(
                format!("~ {} missing, starting at offset {at}", units::counted(len, "byte")),
                format!("~ 从偏移 {at} 起缺少 {} 个字节", units::grouped(len)),
            ),
        ));
    }
    notes
}

/// Returns how far the bytes can be scrolled, in lines.
pub fn bytes_height(ctx: &Ctx<'_>, frame: usize) -> usize {
    byte_lines(ctx, frame, 8).map_or(0, |lines| lines.len.saturating_sub(1))
}

/// The lines of the bytes pane, built one by one: there may be a hundred thousand.
struct Lines {
    len: usize,
    line: Box<dyn Fn(usize) -> Text>,
}

/// Appends bytes in hex, with the roles of their classes.
fn bytes_in(line: &mut Text, bytes: &[u8]) {
    for (i, byte) in bytes.iter().enumerate() {
        line.plainly(if i > 0 { " " } else { "" }).add(Role::of_byte(*byte), hex::digits(*byte));
    }
}

fn byte_lines(ctx: &Ctx<'_>, frame: usize, per_row: usize) -> Option<Lines> {
    let (selection, lang) = (ctx.shared.selection, ctx.shared.lang);
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
            let words = match (is_masked, lang) {
                (false, Lang::En) => format!("frame #{number} payload"),
                (true, Lang::En) => format!("frame #{number} payload, masked"),
                (false, Lang::Zh) => format!("帧 #{number} 的载荷"),
                (true, Lang::Zh) => format!("帧 #{number} 的载荷，带掩码"),
            };
            line.add(Role::Title, words);
            if is_masked {
                let unmasked = lang.pick("unmasked", "解除掩码");
                line.pad_to(1 + 6 + per_row * 3 + 1).add(Role::Title, unmasked);
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
                    (true, true) => lang.pick("inflated (complete message)", "解压后（完整消息）"),
                    (true, false) => lang.pick("not inflated (complete message)", "未解压（完整消息）"),
                    (false, _) => lang.pick("joined (complete message)", "合并后（完整消息）"),
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

/// Draws the pane with the bytes. `at`: the frame under the cursor, and the first visible line.
pub fn bytes(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer, at: (usize, usize), focused: bool) {
    let lang = ctx.shared.lang;
    let inner = Pane::new(lang.pick("Bytes", "字节"), focused).draw(buffer, area, ctx.theme());
    let (frame, scroll) = at;
    let per_row = if inner.width >= 110 { 16 } else { 8 };
    let selection = ctx.shared.selection;
    let (role, why) = match ctx.detail() {
        Detail::Failed(why) if selection.message > 0 => (Role::Warning, why),
        Detail::Loading if selection.message > 0 => {
            (Role::Dim, lang.pick("loading…", "正在载入…").to_owned())
        }
        _ => (Role::Dim, String::new()),
    };
    let Some(lines) = byte_lines(ctx, frame, per_row) else {
        let mut line = Text::of(Role::Plain, " ");
        line.captured(role, why.as_bytes(), usize::from(inner.width).saturating_sub(1));
        ctx.lines(buffer, inner, &[line]);
        return;
    };
    for (y, at) in (inner.top()..inner.bottom()).zip(scroll.min(lines.len.saturating_sub(1))..lines.len) {
        (lines.line)(at).draw(buffer, inner.x, y, inner.width, ctx.theme());
    }
}

/// Returns the message in three lines, for small terminals.
pub fn short(ctx: &Ctx<'_>) -> Vec<Text> {
    let Some(row) = ctx.message() else { return Vec::new() };
    let lang = ctx.shared.lang;
    let selection = ctx.shared.selection;
    let rows = frames_of(ctx.index, selection.connection, selection.message);
    let mut first = Text::of(Role::Plain, format!(" {} ", selection.message));
    let direction = row.direction();
    first.add(Role::of_direction(direction), arrow(direction)).plainly(" ");
    first.add(word_role(row.opcode(), direction), row.opcode().short_name()).plainly(" ");
    first.plainly(row.len().map_or("?".to_owned(), units::grouped)).plainly(" B");
    let frames = units::counted_in(lang, row.frames.into(), "frame", "个帧");
    first.plainly(lang.pick(format!(" in {frames}"), format!("，{frames}")));
    let heads: Vec<&str> = rows.iter().take(8).map(|(_, frame)| hex::digits(frame.head[0])).collect();
    first.plainly(" (").add(Role::Header, heads.join(" ")).plainly(if rows.len() > 8 {
        " …)"
    } else {
        ")"
    });
    if row.marks.has(Marks::COMPRESSED) {
        first.plainly(lang.pick(", deflate", "，deflate"));
    }
    if rows.iter().any(|(_, frame)| frame.header().masked()) {
        first.plainly(lang.pick(", mask", "，掩码密钥"));
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
                Some((code, known)) => {
                    let meaning = match lang {
                        Lang::En => known.meaning,
                        Lang::Zh => code_words(code).map_or(known.meaning, |words| words.meaning.of(lang)),
                    };
                    second.plainly(format!("{code} {}{}{meaning}", known.name, lang.pick(": ", "：")))
                }
                None => second.plainly(lang.pick("a Close without a code", "没有关闭码的 Close")),
            };
        }
        Detail::Ready(detail) => {
            let (doubt, is_readable) =
                draw::doubt_in(lang, detail.integrity, detail.compressed, detail.missing);
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
    third.add(Role::Key, "Enter").add(Role::Dim, lang.pick(": frames, bits, bytes", "：帧、比特、字节"));
    if let Some((role, words)) = remarks(&row, None, lang).into_iter().find(|(role, _)| *role != Role::Dim) {
        third = Text::of(role, format!("   {words}"));
    }
    vec![first, second, third]
}
