//! A frame's bytes: as sent, with the key, unmasked.

use std::ops::Range;

use super::shown::ShownFrame;
use crate::model::safe_str;
use crate::tui::theme::Role;
use crate::tui::widgets::hex::{digits, sign};
use crate::tui::widgets::{Text, units};

/// Which bytes a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BytesPart {
    /// The first two.
    Head,
    /// The extended length.
    Length,
    /// The masking key.
    Key,
    /// Payload from this byte of it on.
    Payload(usize),
    /// What is not there.
    Rest,
}

/// The rows of the pane.
#[derive(Clone, Copy, Debug)]
pub struct BytesPane<'a> {
    shown: &'a ShownFrame,
    /// Bytes of the selected field in the frame.
    lit: (usize, usize),
    /// Only the payload, unmasked.
    unmasked: bool,
    /// Payload bytes in a row.
    per_row: usize,
    columns: usize,
}

/// Columns of the offset.
const OFFSET: usize = 8;

impl<'a> BytesPane<'a> {
    /// The bytes of a frame in so many columns.
    #[must_use]
    pub fn new(shown: &'a ShownFrame, lit: Range<usize>, unmasked: bool, columns: usize) -> Self {
        let masked = shown.frame.masked() == Some(true);
        let per_row = if unmasked || !masked {
            if columns >= 100 {
                16
            } else if columns >= 66 {
                12
            } else {
                8
            }
        } else if columns >= 110 {
            8
        } else if columns >= 84 {
            6
        } else {
            4
        };
        Self { shown, lit: (lit.start, lit.end), unmasked, per_row, columns }
    }

    fn masked(&self) -> bool {
        self.shown.frame.masked() == Some(true)
    }

    fn lit(&self) -> Range<usize> {
        self.lit.0..self.lit.1
    }

    fn head_rows(&self) -> usize {
        if self.unmasked { 0 } else { 1 + usize::from(self.extended() > 0) + usize::from(self.key_len() > 0) }
    }

    fn extended(&self) -> usize {
        let whole = self.shown.frame.header.map_or(0, |header| header.extended_len());
        whole.min(self.shown.header_len().saturating_sub(2))
    }

    fn key_len(&self) -> usize {
        self.shown.header_len().saturating_sub(2 + self.extended())
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head_rows() + self.shown.plain.len().div_ceil(self.per_row) + usize::from(self.rest().is_some())
    }

    /// What is said behind the last byte.
    fn rest(&self) -> Option<String> {
        let missing = self.shown.payload_len().saturating_sub(self.shown.plain.len() as u64);
        match &self.shown.absent {
            Some(why) if missing > 0 => Some(format!("payload of {} B: {why}", units::grouped(missing))),
            _ if missing == 0 => None,
            _ if !self.shown.complete => {
                Some(format!("{} B more, not all captured", units::grouped(missing)))
            }
            _ => Some(format!("{} B more", units::grouped(missing))),
        }
    }

    fn part(&self, row: usize) -> BytesPart {
        let keys = usize::from(self.key_len() > 0);
        let extended = usize::from(self.extended() > 0);
        match row.checked_sub(self.head_rows()) {
            None if row == 0 => BytesPart::Head,
            None if row == 1 && extended == 1 => BytesPart::Length,
            None if keys == 1 => BytesPart::Key,
            None => BytesPart::Head,
            Some(row) => {
                let at = row.saturating_mul(self.per_row);
                if at < self.shown.plain.len() { BytesPart::Payload(at) } else { BytesPart::Rest }
            }
        }
    }

    /// The bytes of the frame that a row shows.
    fn range(&self, part: BytesPart) -> Range<usize> {
        let (extended, header) = (2 + self.extended(), self.shown.header_len());
        match part {
            BytesPart::Head => 0..2.min(header),
            BytesPart::Length => 2..extended,
            BytesPart::Key => extended..header,
            BytesPart::Payload(at) => {
                header + at..header + at.saturating_add(self.per_row).min(self.shown.plain.len())
            }
            BytesPart::Rest => header + self.shown.plain.len()..header + self.shown.plain.len(),
        }
    }

    /// The row that shows a byte of the frame.
    #[must_use]
    pub fn row_of(&self, byte: usize) -> usize {
        (0..self.head_rows())
            .find(|row| self.range(self.part(*row)).contains(&byte))
            .unwrap_or_else(|| self.head_rows() + byte.saturating_sub(self.shown.header_len()) / self.per_row)
    }

    /// The byte of the frame at a column of a row.
    #[must_use]
    pub fn byte_at(&self, row: usize, column: usize) -> Option<usize> {
        let range = self.range(self.part(row));
        let at = range.start.checked_add(column.checked_sub(OFFSET)? / 3)?;
        range.contains(&at).then_some(at)
    }

    /// The titles of the columns.
    #[must_use]
    pub fn titles(&self) -> Text {
        let mut line = Text::of(Role::Plain, " ");
        line.left(Role::Title, "offset", OFFSET - 1);
        let wide = self.per_row * 3 + 1;
        if self.unmasked {
            line.left(Role::Title, "unmasked", wide).add(Role::Title, "text");
            return line;
        }
        line.left(Role::Title, "on the wire", wide.max(25));
        line.left(Role::Title, "field", 13);
        if self.masked() {
            line.left(Role::Title, "XOR with key", wide).left(Role::Title, "unmasked", wide);
        }
        line.add(Role::Title, "text");
        line
    }

    /// A row.
    #[must_use]
    pub fn row(&self, row: usize) -> Text {
        let part = self.part(row);
        let range = self.range(part);
        let mut line = Text::of(Role::Plain, " ");
        if part == BytesPart::Rest {
            if let Some(rest) = self.rest() {
                line.pad_to(OFFSET).add(Role::Dim, "… ").add(Role::Dim, safe_str(&rest));
            }
            return line;
        }
        line.left(Role::Dim, &format!("{:04x}", range.start), OFFSET - 2);
        let wide = self.per_row * 3 + 1;
        if self.unmasked {
            self.cells(&mut line, &range, |at| self.plain(at));
            line.pad_to(OFFSET + wide);
            self.text(&mut line, &range);
            return line;
        }
        self.cells(&mut line, &range, |at| self.shown.byte(at));
        line.pad_to(OFFSET + wide.max(25));
        match part {
            BytesPart::Head => self.head_words(&mut line),
            BytesPart::Length => self.word(&mut line, &range, "extended length"),
            BytesPart::Key => self.word(&mut line, &range, "Masking-key"),
            BytesPart::Payload(0) => self.word(&mut line, &range, "payload"),
            BytesPart::Payload(_) | BytesPart::Rest => {}
        }
        if let BytesPart::Payload(_) = part {
            line.pad_to(OFFSET + wide.max(25) + 13);
            if self.masked() {
                let key = self.shown.frame.header.map_or([0; 4], |header| header.masking_key);
                let header = self.shown.header_len();
                let key_at = |at: usize| key.get(at.saturating_sub(header) % 4).copied();
                for at in range.clone() {
                    line.add(Role::MaskingKey, key_at(at).map_or("", digits)).plainly(" ");
                }
                line.pad_to(OFFSET + wide.max(25) + 13 + wide);
                for at in range.clone() {
                    let byte = self.plain(at).unwrap_or(0);
                    line.add(Role::of_byte(byte), digits(byte)).plainly(" ");
                }
                line.pad_to(OFFSET + wide.max(25) + 13 + 2 * wide);
            }
            self.text(&mut line, &range);
        }
        line
    }

    /// A payload byte, unmasked, by its offset in the frame.
    fn plain(&self, at: usize) -> Option<u8> {
        self.shown.plain.get(at.checked_sub(self.shown.header_len())?).copied()
    }

    fn cells(&self, line: &mut Text, range: &Range<usize>, byte: impl Fn(usize) -> Option<u8>) {
        let lit = self.lit();
        let header = self.shown.header_len();
        let mut before = false;
        for at in range.clone() {
            let here = lit.contains(&at);
            line.plainly(edge(before, here));
            let value = byte(at).unwrap_or(0);
            let role = match at {
                _ if here => Role::Selected,
                at if at < header && range.start >= 2 + self.extended() => Role::MaskingKey,
                at if at < header => Role::Header,
                _ => Role::of_byte(value),
            };
            line.add(role, digits(value));
            before = here;
        }
        line.plainly(edge(before, false));
    }

    fn text(&self, line: &mut Text, range: &Range<usize>) {
        line.add(Role::Dim, "│");
        for at in range.clone() {
            let byte = self.plain(at).unwrap_or(0);
            line.add(Role::of_byte(byte), sign(byte));
        }
        line.add(Role::Dim, "│");
    }

    /// The names of the fields in the first two bytes, the selected one marked.
    fn head_words(&self, line: &mut Text) {
        use crate::explain::frame::FrameField;
        for row in self.shown.rows() {
            let name = match row.field {
                FrameField::Fin => "FIN",
                FrameField::Rsv => "RSV",
                FrameField::Opcode => "op",
                FrameField::Mask => "MASK",
                FrameField::PayloadLength => "len",
                _ => continue,
            };
            line.add(Role::Plain, name).plainly(" ");
        }
    }

    fn word(&self, line: &mut Text, range: &Range<usize>, name: &str) {
        let lit = self.lit();
        let here = lit.start < range.end && range.start < lit.end;
        line.add(if here { Role::Title } else { Role::Plain }, name);
    }

    /// The three lines of a small terminal: masked, key, unmasked, of the first payload bytes.
    #[must_use]
    pub fn short(&self) -> Vec<Text> {
        let room = self.columns.saturating_sub(12) / 4;
        let header = self.shown.header_len();
        let shown = self.shown.plain.len().min(room);
        let range = header..header + shown;
        let more = self.shown.payload_len() > shown as u64;
        let finish = |line: &mut Text, text: Option<&[u8]>| {
            if more {
                line.add(Role::Dim, "…");
            }
            if let Some(bytes) = text {
                line.pad_to(11 + room * 3 + 1).add(Role::Dim, "│");
                for byte in bytes {
                    line.add(Role::of_byte(*byte), sign(*byte));
                }
                line.add(Role::Dim, "│");
            }
        };
        let lead = |name: &str| {
            let mut line = Text::of(Role::Plain, " ");
            line.left(Role::Title, name, 10);
            line
        };
        if let Some(why) = &self.shown.absent {
            let mut line = lead("payload");
            line.add(Role::Dim, safe_str(why));
            return vec![line];
        }
        let mut plain = lead(if self.masked() { "unmasked" } else { "payload" });
        self.cells(&mut plain, &range, |at| self.plain(at));
        finish(&mut plain, self.shown.plain.get(..shown));
        if !self.masked() {
            return vec![plain];
        }
        let mut wire = lead("masked");
        self.cells(&mut wire, &range, |at| self.shown.byte(at));
        finish(&mut wire, self.shown.wire.get(..shown));
        let mut key = lead("⊕ key");
        let bytes = self.shown.frame.header.map_or([0; 4], |header| header.masking_key);
        for byte in bytes.iter().cycle().take(shown) {
            key.plainly(" ").add(Role::MaskingKey, digits(*byte));
        }
        vec![wire, key, plain]
    }
}

/// What stands between two bytes, of which the left or the right one is selected.
fn edge(left: bool, right: bool) -> &'static str {
    match (left, right) {
        (false, true) => "▐",
        (true, false) => "▌",
        _ => " ",
    }
}
