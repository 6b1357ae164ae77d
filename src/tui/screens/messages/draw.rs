//! Rows of messages and frames.

use super::{frame_word, is_incomplete};
use crate::model::{Direction, Lang};
use crate::report::doubt;
use crate::store::{Index, Marks, MessageRow};
use crate::tui::order::Hole;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Column, Text, hex, table, units};
use crate::ws::{Close, Integrity, Opcode, close_code};

/// `→` or `←`
pub fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::ClientToServer => "→",
        Direction::ServerToClient => "←",
    }
}

/// Returns the role of an opcode: control frame, or the direction of data.
pub fn word_role(opcode: Opcode, direction: Direction) -> Role {
    match opcode {
        Opcode::Reserved(_) => Role::Error,
        opcode if opcode.is_control() => Role::Control,
        _ => Role::of_direction(direction),
    }
}

/// Returns whether a message contains a text, as far as its preview shows; `None` if the rest may contain it.
pub fn holds(index: &Index, connection: u32, message: u64, wanted: &str) -> Option<bool> {
    let at = usize::try_from(message.checked_sub(1)?).ok()?;
    let row = index.messages(connection).get(at)?;
    let preview = index.preview(connection, message);
    let text = String::from_utf8_lossy(preview).to_lowercase();
    if text.contains(wanted) || row.opcode().short_name().to_lowercase() == wanted {
        Some(true)
    } else if row.len() == Some(preview.len() as u64) {
        Some(false)
    } else {
        None
    }
}

/// The columns of the list.
pub struct Columns {
    /// The columns with their headings.
    pub all: Vec<Column>,
    /// Whether the columns for wide terminals are shown.
    wide: bool,
    /// Columns of a number, without the marks around it.
    digits: usize,
    /// Columns of the last cell.
    rest: usize,
}

/// Columns of the flags.
const FLAGS: usize = 4;

impl Columns {
    /// Returns the columns of messages, or of frames, for a width and a number of rows.
    pub fn new(lang: Lang, width: u16, rows: usize, of_frames: bool) -> Self {
        let wide = width >= 98;
        let digits = (rows.max(1).ilog10() as usize + 1).max(if wide { 5 } else { 3 });
        // The cursor is before the number, the mark behind it.
        let mut all =
            vec![Column::right("# ", digits + 2).close(), Column::right(lang.pick("Time", "时间"), 10)];
        if wide {
            all.push(Column::right("Δ", 9));
        }
        let (kind, length) = (lang.pick("Type", "类型"), lang.pick("Length", "长度"));
        let wire = lang.pick("Wire", "线上");
        all.push(Column::left("", 2));
        if of_frames {
            all.extend([Column::left(kind, 5), Column::left("FIN", 3), Column::left("RSV", 4)]);
            all.extend([Column::left("MASK", 10), Column::right(length, 7)]);
            if wide {
                all.extend([Column::right(wire, 8), Column::right(lang.pick("Packet", "数据包"), 9)]);
            }
            all.push(Column::right(lang.pick("Msg", "消息"), 7));
        } else {
            all.push(Column::left(kind, 5));
            all.push(Column::right(length, if wide { 7 } else { 6 }));
            if wide {
                all.push(Column::right(wire, 6));
            }
            all.push(Column::left(lang.pick("Flg", "标记"), FLAGS));
        }
        let rest = table::rest(&all, width.into());
        all.push(Column::left(if of_frames { "" } else { lang.pick("Preview", "预览") }, rest).close());
        Self { all, wide, digits, rest }
    }

    /// The number with the cursor and the mark around it.
    fn number(&self, number: Option<u64>, cursor: bool, marked: bool) -> Text {
        let mut cell = Text::of(Role::Title, if cursor { "▸" } else { " " });
        let number = number.map_or_else(String::new, |number| number.to_string());
        cell.right(Role::Plain, &number, self.digits).add(Role::Title, if marked { "*" } else { " " });
        cell
    }

    /// The cells of a message. `place`: its number less 1; `before`: that of the row above.
    pub fn message(
        &self,
        ctx: &Ctx<'_>,
        connection: u32,
        place: usize,
        before: Option<usize>,
        cursor: bool,
    ) -> Vec<Text> {
        let messages = ctx.index.messages(connection);
        let Some(row) = messages.get(place) else { return Vec::new() };
        let number = place as u64 + 1;
        let direction = row.direction();
        let begin = ctx.index.begin.unwrap_or(row.time);
        let has_begun_only = row.frames == 0;
        let time = if has_begun_only { String::new() } else { units::relative(row.time, begin) };
        let is_marked = ctx.shared.marks.contains(&(connection, number));
        let mut cells = vec![self.number(Some(number), cursor, is_marked), plain(&time)];
        if self.wide {
            let delta = before
                .and_then(|before| messages.get(before))
                .filter(|before| !has_begun_only && before.frames > 0)
                .map(|before| units::delta(row.time.since(before.time)));
            cells.push(plain(&delta.unwrap_or_default()));
        }
        cells.push(Text::of(Role::of_direction(direction), arrow(direction)));
        cells.push(Text::of(word_role(row.opcode(), direction), row.opcode().short_name()));
        let columns = if self.wide { 8 } else { 7 };
        cells.push(row.len().map_or_else(|| plain("?"), |len| plain(&units::count(len, columns))));
        if self.wide {
            cells.push(plain(&units::count(row.wire, 7)));
        }
        cells.push(flags(row, ctx.index.is_evicted(row)));
        cells.push(preview(ctx, connection, number, row, self.rest));
        cells
    }

    /// The cells of a gap in the capture: `29 bytes of the client are missing here`.
    pub fn hole(&self, ctx: &Ctx<'_>, hole: &Hole, cursor: bool) -> Vec<Text> {
        let begin = ctx.index.begin.unwrap_or(hole.place.time);
        let mut cells =
            vec![self.number(None, cursor, false), plain(&units::relative(hole.place.time, begin))];
        if self.wide {
            cells.push(Text::new());
        }
        cells.push(Text::of(Role::Warning, hole.direction.map_or("·", arrow)));
        cells.push(Text::of(Role::Warning, format!("~~ {} ~~", hole.words(ctx.shared.lang))));
        cells
    }

    /// The cells of a frame. `place`: its number less 1; `before`: that of the row above.
    pub fn frame(
        &self,
        ctx: &Ctx<'_>,
        connection: u32,
        place: usize,
        before: Option<usize>,
        cursor: bool,
    ) -> Vec<Text> {
        let frames = ctx.index.frames(connection);
        let Some(row) = frames.get(place) else { return Vec::new() };
        let (direction, header) = (row.direction(), row.header());
        let begin = ctx.index.begin.unwrap_or(row.time);
        let mut cells = vec![
            self.number(Some(place as u64 + 1), cursor, false),
            plain(&units::relative(row.time, begin)),
        ];
        if self.wide {
            let delta = before
                .and_then(|before| frames.get(before))
                .map(|before| units::delta(row.time.since(before.time)));
            cells.push(plain(&delta.unwrap_or_default()));
        }
        cells.push(Text::of(Role::of_direction(direction), arrow(direction)));
        cells.push(Text::of(word_role(header.opcode(), direction), frame_word(row)));
        let rsv = header.rsv();
        cells.push(plain(if header.fin() { "1" } else { "0" }));
        cells.push(plain(&format!("{}{}{}", rsv >> 2 & 1, rsv >> 1 & 1, rsv & 1)));
        let mut mask = Text::new();
        if header.masked() {
            mask.plainly("1 ").add(Role::MaskingKey, ::hex::encode(row.key));
        } else {
            mask.add(Role::Dim, "0");
        }
        cells.push(mask);
        cells.push(plain(&units::count(row.payload_len, 8)));
        if self.wide {
            cells.extend([plain(&units::count(row.wire(), 9)), plain(&row.packet.to_string())]);
        }
        cells.push(plain(&if row.message > 0 { row.message.to_string() } else { "-".to_owned() }));
        let incomplete = ctx.shared.lang.pick("~ incomplete", "~ 不完整");
        cells.push(Text::of(Role::Warning, if row.complete { "" } else { incomplete }));
        cells
    }
}

fn plain(text: &str) -> Text {
    Text::of(Role::Plain, text)
}

/// `zF4!~`, as many as fit.
fn flags(row: &MessageRow, evicted: bool) -> Text {
    let mut cell = Text::new();
    if row.marks.has(Marks::COMPRESSED) {
        cell.plainly("z");
    }
    if is_incomplete(row) || evicted {
        cell.add(Role::Warning, "~");
    }
    if row.marks.has(Marks::FINDING) {
        cell.add(Role::Warning, "!");
    }
    if row.frames > 1 {
        let count = format!("F{}", row.frames);
        let room = FLAGS.saturating_sub(cell.width());
        cell.plainly(if count.len() > room { "F+" } else { &count });
    }
    cell
}

/// Returns why the bytes of a message are incomplete or uncertain, and whether they are worth showing.
pub fn doubt_in(
    lang: Lang,
    integrity: Integrity,
    compressed: bool,
    missing: Option<(u64, u64)>,
) -> (String, bool) {
    let (words, is_readable) = doubt(integrity, compressed, missing);
    let words = match (lang, integrity, missing) {
        (Lang::En, ..) => words,
        (_, Integrity::Ok, _) => String::new(),
        (_, Integrity::Gap, Some((0, len))) => format!("缺口：缺少 {} 个字节", units::grouped(len)),
        (_, Integrity::Gap, Some((at, len))) => {
            format!("缺口：前 {} 个字节之后缺少 {} 个字节", units::grouped(at), units::grouped(len))
        }
        (_, Integrity::Gap, None) => "缺口：缺少一些字节".to_owned(),
        (_, Integrity::Cut, _) if compressed => "截断：解压后超出上限".to_owned(),
        (_, Integrity::Cut, _) => "截断：不再保留".to_owned(),
        (_, Integrity::UnknownDictionary, _) => "无法解压：需要 wslens 没有的更早的数据".to_owned(),
        (_, Integrity::Damaged, _) => "无法解压：压缩数据已损坏".to_owned(),
        (_, Integrity::Guessed, _) => "帧的边界是推测的".to_owned(),
        (_, Integrity::UnknownExtension, _) => "按发送时原样显示：由 wslens 不认识的扩展编码".to_owned(),
        (_, Integrity::Lenient, _) => "严格的接收方会拒绝此消息".to_owned(),
    };
    (words, is_readable)
}

/// Returns the beginning of a message in the form that suits its type.
fn preview(ctx: &Ctx<'_>, connection: u32, number: u64, row: &MessageRow, room: usize) -> Text {
    let lang = ctx.shared.lang;
    let mut line = Text::new();
    let bytes = ctx.index.preview(connection, number);
    let note = ctx.index.control_note(connection, number);
    if row.marks.has(Marks::NO_PREVIEW) {
        line.add(
            Role::Dim,
            lang.pick("(not kept, to limit memory; Enter loads it)", "（为限制内存未保留；Enter 载入）"),
        );
        return line;
    }
    let missing = ctx.index.missing(connection, number);
    let (doubt, shown) = doubt_in(lang, row.integrity, row.marks.has(Marks::COMPRESSED), missing);
    // The code of a Close and the bytes of a ping are short: complete ones are always shown.
    let is_short = row.opcode().is_control() && row.integrity != Integrity::Gap;
    if !doubt.is_empty() && !is_short {
        line.add(Role::Warning, &doubt);
        if !shown || bytes.is_empty() {
            return line.cut(room);
        }
        line.add(Role::Warning, ": ");
    }
    let before = line.width();
    let room = room.saturating_sub(before);
    match row.opcode() {
        Opcode::Close => {
            let close = Close::parse(bytes);
            match close.code {
                Some(code) => line.plainly(format!("{code} {}", close_code(code).name)),
                None => line.add(Role::Dim, lang.pick("(no code)", "（没有关闭码）")),
            };
            if !close.reason.is_empty() {
                let room = room.saturating_sub(line.width().saturating_sub(before) + 2);
                line.plainly("  ").captured(Role::Plain, close.reason, room);
            }
        }
        Opcode::Ping | Opcode::Pong => {
            line.plainly(hex::spaced(bytes.get(..bytes.len().min(16)).unwrap_or_default()));
            if let Some((answers, rtt)) = note.and_then(|note| Some((note.answers?, note.rtt?))) {
                let rtt = units::milliseconds(rtt);
                line.plainly(lang.pick(
                    format!("   answers #{answers}, RTT {rtt}"),
                    format!("   应答 #{answers}，RTT {rtt}"),
                ));
            }
        }
        Opcode::Text | Opcode::Continuation if !row.marks.has(Marks::NOT_UTF8) => {
            let more = row.len().is_none_or(|len| len > bytes.len() as u64) && !bytes.is_empty();
            // The end of the preview may cut a character in half; that is not an error in the message.
            let bytes = if more { whole_characters(bytes) } else { bytes };
            line.captured(Role::Plain, bytes, room.saturating_sub(usize::from(more)));
            if more && !line.plain().ends_with('…') {
                line.add(Role::Dim, "…");
            }
        }
        _ => {
            // The bytes in hex, then as text if there is room.
            let digits = if room >= 50 { 16 } else { (room / 3).min(bytes.len()) };
            let shown = bytes.get(..bytes.len().min(digits)).unwrap_or_default();
            line.plainly(hex::spaced(shown));
            let left = room.saturating_sub(shown.len() * 3 + 3);
            if left > 3 && !shown.is_empty() {
                line.plainly("  ").add(Role::Dim, "│");
                for byte in shown.iter().take(left) {
                    line.add(Role::of_byte(*byte), hex::sign(*byte));
                }
                line.add(Role::Dim, if row.len() == Some(shown.len() as u64) { "│" } else { "…" });
            }
        }
    }
    line
}

/// Returns the bytes without a UTF-8 sequence that is cut off at the end.
pub fn whole_characters(bytes: &[u8]) -> &[u8] {
    let back = (1..=3.min(bytes.len())).find(|back| {
        let byte = bytes.get(bytes.len() - back).copied().unwrap_or(0);
        byte >= 0xc0
    });
    let Some(back) = back else { return bytes };
    let lead = bytes.get(bytes.len() - back).copied().unwrap_or(0);
    let needs = match lead {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    if back < needs { bytes.get(..bytes.len() - back).unwrap_or(bytes) } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_cut_is_left_out() {
        let text = "aé中😀".as_bytes();
        for end in 0..=text.len() {
            let kept = whole_characters(&text[..end]);
            assert!(std::str::from_utf8(kept).is_ok() && end - kept.len() < 4, "{end}");
        }
    }
}
