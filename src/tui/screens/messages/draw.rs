//! Rows of messages and frames.

use super::{frame_word, is_incomplete};
use crate::model::Direction;
use crate::report::doubt;
use crate::store::{Index, Marks, MessageRow};
use crate::tui::order::Hole;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, hex, units};
use crate::ws::{Close, Integrity, Opcode, close_code};

/// `→` or `←`
pub fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::ClientToServer => "→",
        Direction::ServerToClient => "←",
    }
}

/// The role of a word: what it is, and who sent it.
pub fn word_role(opcode: Opcode, direction: Direction) -> Role {
    match opcode {
        Opcode::Reserved(_) => Role::Error,
        opcode if opcode.is_control() => Role::Control,
        _ => Role::of_direction(direction),
    }
}

/// Whether the preview of a message holds a text; `None` where the message is longer and what is seen does not.
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

/// Which columns there are, and how wide.
pub struct Columns {
    number: usize,
    time: usize,
    /// The columns that narrow terminals do without.
    wide: bool,
    width: usize,
}

impl Columns {
    /// For so many columns and rows.
    pub fn new(width: u16, rows: usize) -> Self {
        let wide = width >= 98;
        let digits = rows.max(1).ilog10() as usize + 1;
        let number = digits.max(if wide { 5 } else { 4 });
        Self { number, time: if wide { 11 } else { 10 }, wide, width: width.into() }
    }

    fn flags(&self) -> usize {
        4
    }

    /// The titles.
    pub fn header(&self) -> Text {
        let mut line = Text::of(Role::Title, " ");
        line.right(Role::Title, "#", self.number).right(Role::Title, "Time", self.time);
        if self.wide {
            line.right(Role::Title, "Δ", 10).plainly("    ").left(Role::Title, "Type", 5);
            line.right(Role::Title, "Length", 8).right(Role::Title, "Wire", 7);
        } else {
            line.plainly("    ").left(Role::Title, "Type", 5).right(Role::Title, "Length", 7);
        }
        line.plainly(" ").left(Role::Title, "Flg", self.flags()).add(Role::Title, " Preview");
        line
    }

    /// A message. `place`: its number less 1; `before`: that of the row above.
    pub fn message(
        &self,
        ctx: &Ctx<'_>,
        connection: u32,
        place: usize,
        before: Option<usize>,
        cursor: bool,
    ) -> Text {
        let messages = ctx.index.messages(connection);
        let Some(row) = messages.get(place) else { return Text::new() };
        let number = place as u64 + 1;
        let direction = row.direction();
        let mut line = Text::of(Role::Title, if cursor { "▸" } else { " " });
        line.right(Role::Plain, &number.to_string(), self.number);
        if ctx.shared.marks.contains(&(connection, number)) {
            line = mark(line);
        }
        let begin = ctx.index.begin.unwrap_or(row.time);
        let has_begun_only = row.frames == 0;
        let time = if has_begun_only { String::new() } else { units::relative(row.time, begin) };
        line.right(Role::Plain, &time, self.time);
        if self.wide {
            let delta = before
                .and_then(|before| messages.get(before))
                .filter(|before| !has_begun_only && before.frames > 0)
                .map(|before| units::delta(row.time.since(before.time)));
            line.right(Role::Plain, &delta.unwrap_or_default(), 10);
        }
        let role = word_role(row.opcode(), direction);
        line.plainly(" ").add(Role::of_direction(direction), arrow(direction)).plainly("  ");
        line.left(role, row.opcode().short_name(), 5);
        let columns = if self.wide { 8 } else { 7 };
        match row.len() {
            Some(len) => line.count(Role::Plain, len, columns),
            None => line.right(Role::Plain, "?", columns),
        };
        if self.wide {
            line.count(Role::Plain, row.wire, 7);
        }
        line.plainly(" ").append(&self.marks(row, ctx.index.is_evicted(row))).plainly(" ");
        let room = self.width.saturating_sub(line.width());
        line.append(&preview(ctx, connection, number, row, room));
        line
    }

    /// A hole: `29 bytes of the client are missing here`.
    pub fn hole(&self, ctx: &Ctx<'_>, hole: &Hole, cursor: bool) -> Text {
        let mut line = Text::of(Role::Title, if cursor { "▸" } else { " " });
        line.right(Role::Plain, "", self.number);
        let begin = ctx.index.begin.unwrap_or(hole.place.time);
        line.right(Role::Plain, &units::relative(hole.place.time, begin), self.time);
        if self.wide {
            line.right(Role::Plain, "", 10);
        }
        let arrow = hole.direction.map_or("·", arrow);
        line.plainly(" ").add(Role::Warning, arrow).plainly("  ");
        line.add(Role::Warning, format!("~~ {} ~~", hole.words()));
        line
    }

    /// `zF4!~`, in as many columns as there are.
    fn marks(&self, row: &MessageRow, evicted: bool) -> Text {
        let mut line = Text::new();
        if row.marks.has(Marks::COMPRESSED) {
            line.plainly("z");
        }
        if is_incomplete(row) || evicted {
            line.add(Role::Warning, "~");
        }
        if row.marks.has(Marks::FINDING) {
            line.add(Role::Warning, "!");
        }
        if row.frames > 1 {
            let count = format!("F{}", row.frames);
            let room = self.flags().saturating_sub(line.width());
            line.plainly(if count.len() > room { "F+" } else { &count });
        }
        let mut cell = line.cut(self.flags());
        cell.pad_to(self.flags());
        cell
    }

    /// The titles of frames.
    pub fn frame_header(&self) -> Text {
        let mut line = Text::of(Role::Title, " ");
        line.right(Role::Title, "#", self.number).right(Role::Title, "Time", self.time);
        if self.wide {
            line.right(Role::Title, "Δ", 10);
        }
        line.plainly("    ").left(Role::Title, "Type", 6).add(Role::Title, "FIN RSV  MASK      ");
        line.right(Role::Title, "Length", 8);
        if self.wide {
            line.right(Role::Title, "Wire", 9).right(Role::Title, "Packet", 10);
        }
        line.right(Role::Title, "Msg", 8);
        line
    }

    /// A frame. `place`: its number less 1; `before`: that of the row above.
    pub fn frame(
        &self,
        ctx: &Ctx<'_>,
        connection: u32,
        place: usize,
        before: Option<usize>,
        cursor: bool,
    ) -> Text {
        let frames = ctx.index.frames(connection);
        let Some(row) = frames.get(place) else { return Text::new() };
        let (direction, header) = (row.direction(), row.header());
        let mut line = Text::of(Role::Title, if cursor { "▸" } else { " " });
        line.right(Role::Plain, &(place + 1).to_string(), self.number);
        let begin = ctx.index.begin.unwrap_or(row.time);
        line.right(Role::Plain, &units::relative(row.time, begin), self.time);
        if self.wide {
            let delta = before
                .and_then(|before| frames.get(before))
                .map(|before| units::delta(row.time.since(before.time)));
            line.right(Role::Plain, &delta.unwrap_or_default(), 10);
        }
        line.plainly(" ").add(Role::of_direction(direction), arrow(direction)).plainly("  ");
        line.left(word_role(header.opcode(), direction), frame_word(row), 6);
        let rsv = header.rsv();
        let bits = format!("{}{}{}", rsv >> 2 & 1, rsv >> 1 & 1, rsv & 1);
        line.left(Role::Plain, if header.fin() { "1" } else { "0" }, 4).left(Role::Plain, &bits, 5);
        if header.masked() {
            line.plainly("1 ").left(Role::MaskingKey, &::hex::encode(row.key), 8);
        } else {
            line.left(Role::Dim, "0", 10);
        }
        line.count(Role::Plain, row.payload_len, 8);
        if self.wide {
            line.count(Role::Plain, row.wire(), 9).right(Role::Plain, &row.packet.to_string(), 10);
        }
        let message = if row.message > 0 { row.message.to_string() } else { "-".to_owned() };
        line.right(Role::Plain, &message, 8);
        if !row.complete {
            line.add(Role::Warning, " ~ not whole");
        }
        line
    }
}

/// Puts the mark behind a number.
fn mark(line: Text) -> Text {
    let mut marked = line;
    marked.add(Role::Title, "*");
    marked
}

/// The beginning of a message, as its type wants it.
fn preview(ctx: &Ctx<'_>, connection: u32, number: u64, row: &MessageRow, room: usize) -> Text {
    let mut line = Text::new();
    let bytes = ctx.index.preview(connection, number);
    let note = ctx.index.control_note(connection, number);
    if row.marks.has(Marks::NO_PREVIEW) {
        line.add(Role::Dim, "(not kept, to bound memory; Enter loads it)");
        return line;
    }
    let missing = ctx.index.missing(connection, number);
    let (doubt, shown) = doubt(row.integrity, row.marks.has(Marks::COMPRESSED), missing);
    // The code of a Close and the bytes of a ping are short: they are shown wherever they are whole.
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
                None => line.add(Role::Dim, "(no code)"),
            };
            if !close.reason.is_empty() {
                let room = room.saturating_sub(line.width().saturating_sub(before) + 2);
                line.plainly("  ").captured(Role::Plain, close.reason, room);
            }
        }
        Opcode::Ping | Opcode::Pong => {
            line.plainly(hex::spaced(bytes.get(..bytes.len().min(16)).unwrap_or_default()));
            if let Some((answers, rtt)) = note.and_then(|note| Some((note.answers?, note.rtt?))) {
                line.plainly(format!("   answers #{answers}, RTT {}", units::milliseconds(rtt)));
            }
        }
        Opcode::Text | Opcode::Continuation if !row.marks.has(Marks::NOT_UTF8) => {
            let more = row.len().is_none_or(|len| len > bytes.len() as u64) && !bytes.is_empty();
            // A sequence that the preview's end cuts is no broken one.
            let bytes = if more { whole_characters(bytes) } else { bytes };
            line.captured(Role::Plain, bytes, room.saturating_sub(usize::from(more)));
            if more && !line.plain().ends_with('…') {
                line.add(Role::Dim, "…");
            }
        }
        _ => {
            // Digits, and behind them the text as far as there is room.
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

/// Without the bytes of a UTF-8 sequence that is cut at the end.
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
