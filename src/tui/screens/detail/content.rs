//! A message as the screen shows it: rows of each view, made once.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::rows::TextRows;
use crate::json::{self, Json, JsonKind};
use crate::model::wrap;
use crate::model::{Safe, safe};
use crate::store::detail::{FrameDetail, MessageDetail};
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, hex, units};
use crate::ws::{Close, Integrity, Opcode, close_code};

/// A way to look at a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// As a tree.
    Json,
    /// As text.
    #[default]
    Text,
    /// As bytes.
    Hex,
    /// As sent: headers, masked and compressed payloads.
    Raw,
}

impl View {
    /// All, in the order of the tabs.
    pub const ALL: [Self; 4] = [Self::Json, Self::Text, Self::Hex, Self::Raw];

    /// Its tab.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Text => "text",
            Self::Hex => "hex",
            Self::Raw => "raw",
        }
    }
}

/// A message, ready to be shown.
#[derive(Clone, Debug)]
pub struct Content {
    /// The message.
    pub detail: Arc<MessageDetail>,
    /// Its text as JSON, where it begins like that.
    pub json: Option<Json>,
    /// Objects and arrays that are folded.
    pub folded: HashSet<u32>,
    /// The nodes in sight of the tree, by number.
    pub tree: Vec<u32>,
    /// The view to open it in.
    pub best: View,
    /// The rows of the text that were found so far.
    text: TextRows,
    /// The first row of each frame in the raw view, and how many rows there are.
    raw: (Vec<usize>, usize),
}

/// Bytes in a row of the raw view.
pub const RAW: usize = 16;

impl Content {
    /// Prepares a message.
    #[must_use]
    pub fn new(detail: Arc<MessageDetail>) -> Self {
        let json = json_of(&detail);
        let mut rows = 0;
        let mut firsts = Vec::with_capacity(detail.frames.len());
        for frame in &detail.frames {
            firsts.push(rows);
            rows += 1 + (frame.header_bytes.len() + frame.payload.len()).div_ceil(RAW);
        }
        let mut content = Self {
            best: best(&detail, json.as_ref()),
            text: TextRows::new(None),
            raw: (firsts, rows),
            json,
            folded: HashSet::new(),
            tree: Vec::new(),
            detail,
        };
        content.grow_tree();
        content
    }

    /// The application bytes that are loaded; of a Close its reason as text follows its code.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.detail.bytes
    }

    /// Whether a view makes sense.
    #[must_use]
    pub fn has(&self, view: View) -> bool {
        match view {
            View::Json => self.json.is_some(),
            View::Text => !self.is_as_sent(),
            View::Hex | View::Raw => true,
        }
    }

    /// Whether the bytes are still compressed: they are no text.
    #[must_use]
    pub fn is_as_sent(&self) -> bool {
        self.detail.integrity.is_as_sent(self.detail.compressed)
    }

    /// Wraps the text at `columns` and finds its first `rows` rows, or all if there are fewer.
    pub fn wrap(&mut self, columns: Option<usize>, rows: usize) {
        if self.text.columns() != columns {
            self.text = TextRows::new(columns);
        }
        self.text.find(&self.detail.bytes, rows);
    }

    /// Finds all rows of the text.
    pub fn find_all_rows(&mut self) {
        self.text.find(&self.detail.bytes, usize::MAX);
    }

    /// Returns how many rows of the text were found so far.
    #[must_use]
    pub fn text_rows(&self) -> usize {
        self.text.len()
    }

    /// The bytes of a row of the text, without its line end.
    #[must_use]
    pub fn text_row(&self, row: usize) -> Range<usize> {
        let range = self.text.row(&self.detail.bytes, row);
        let line = self.detail.bytes.get(range.clone()).unwrap_or_default();
        range.start..range.end - usize::from(line.ends_with(b"\n"))
    }

    /// Returns the row of the text that shows a byte, and finds all rows before it.
    pub fn row_of(&mut self, byte: usize) -> usize {
        self.text.find_byte(&self.detail.bytes, byte)
    }

    /// Lists the nodes that are in no folded one.
    pub fn grow_tree(&mut self) {
        self.tree.clear();
        let Some(json) = &self.json else { return };
        let mut at = 0u32;
        while let Some(node) = json.nodes.get(at as usize) {
            self.tree.push(at);
            at = if node.children > 0 && self.folded.contains(&at) { node.end } else { at + 1 };
        }
    }

    /// The row of the tree that shows a node, everything around it unfolded.
    pub fn unfold_to(&mut self, node: u32) -> usize {
        let Some(json) = &self.json else { return 0 };
        let mut at = node;
        while let Some(found) = json.nodes.get(at as usize)
            && found.parent != at
        {
            at = found.parent;
            self.folded.remove(&at);
        }
        self.grow_tree();
        self.tree.partition_point(|row| *row < node)
    }

    /// The innermost node around a byte of the text.
    #[must_use]
    pub fn node_at(&self, byte: usize) -> Option<u32> {
        let json = self.json.as_ref()?;
        let byte = byte as u32;
        let own = |at: &usize| {
            json.nodes.get(*at).is_some_and(|node| {
                let start = node.key.as_ref().map_or(node.span.start, |key| key.start);
                (start..node.span.end.max(start + 1)).contains(&byte)
            })
        };
        (0..json.nodes.len()).rfind(own).map(|at| at as u32)
    }

    /// How many rows the raw view has.
    #[must_use]
    pub fn raw_rows(&self) -> usize {
        self.raw.1 + usize::from(self.frames_left() > 0)
    }

    fn frames_left(&self) -> u64 {
        self.detail.frame_count.saturating_sub(self.detail.frames.len() as u64)
    }

    /// A row of the raw view: which frame, and which of its bytes; `None` for its heading.
    #[must_use]
    pub fn raw_row(&self, row: usize) -> Option<(&FrameDetail, usize, Option<Range<usize>>)> {
        let at = self.raw.0.partition_point(|first| *first <= row).checked_sub(1)?;
        let frame = self.detail.frames.get(at).filter(|_| row < self.raw.1)?;
        let Some(line) = (row - self.raw.0.get(at)?).checked_sub(1) else { return Some((frame, at, None)) };
        let len = frame.header_bytes.len() + frame.payload.len();
        Some((frame, at, Some(line * RAW..((line + 1) * RAW).min(len))))
    }

    /// A row of the raw view as text.
    #[must_use]
    pub fn raw_line(&self, row: usize) -> Text {
        let mut line = Text::new();
        let Some((frame, at, range)) = self.raw_row(row) else {
            line.add(Role::Dim, format!(" … {} more", units::counted(self.frames_left(), "frame")));
            return line;
        };
        let header = frame.header_bytes.len();
        let Some(range) = range else {
            line.add(Role::Title, format!(" frame {} of {}", at + 1, self.detail.frame_count));
            line.plainly(format!(
                "   header {header} B, payload {} B",
                units::grouped(frame.header.payload_len)
            ));
            let packets = (frame.first.packet, frame.last.packet);
            match packets.0 == packets.1 {
                true => line.plainly(format!("   packet {}", packets.0)),
                false => line.plainly(format!("   packets {} to {}", packets.0, packets.1)),
            };
            if !frame.complete {
                line.plainly("   ").add(Role::Warning, "~ not all of it was captured");
            } else if (frame.payload.len() as u64) < frame.header.payload_len {
                line.plainly("   ").add(
                    Role::Note,
                    format!("~ the first {} B are loaded", units::grouped(frame.payload.len() as u64)),
                );
            }
            return line;
        };
        let mut bytes = Vec::with_capacity(RAW);
        line.add(Role::Dim, format!(" {:04x}  ", range.start));
        for at in range {
            let (role, byte) = raw_byte(frame, at);
            line.add(role, hex::digits(byte)).plainly(" ");
            bytes.push(byte);
        }
        line.pad_to(8 + RAW * 3).add(Role::Dim, "│");
        for byte in bytes {
            line.add(Role::of_byte(byte), hex::sign(byte));
        }
        line.add(Role::Dim, "│");
        line
    }

    /// Why the bytes are not all of the message, or not certain.
    fn doubts(&self) -> Vec<(Role, String)> {
        let detail = &self.detail;
        let mut doubts = Vec::new();
        let missing = |what: &str| match detail.missing {
            Some((at, len)) => format!(
                "{what}: {} B are missing, starting at payload byte {}",
                units::grouped(len),
                units::grouped(at)
            ),
            None => what.to_owned(),
        };
        match detail.integrity {
            Integrity::Ok => {}
            Integrity::Gap => doubts.push((Role::Error, missing("~ incomplete: the capture has a gap"))),
            Integrity::Cut => doubts.push((Role::Warning, "~ cut: a limit of wslens was reached".to_owned())),
            Integrity::UnknownDictionary => doubts.push((
                Role::Warning,
                "~ needs earlier data that was not captured: shown as sent, not decompressed".to_owned(),
            )),
            Integrity::Damaged => {
                doubts.push((
                    Role::Error,
                    "✗ the compressed data is damaged: shown up to there, or as sent".to_owned(),
                ));
            }
            Integrity::UnknownExtension => {
                doubts.push((Role::Warning, "~ encoded by an unknown extension: shown as sent".to_owned()))
            }
            Integrity::Lenient => doubts
                .push((Role::Warning, "~ strict receivers reject this message: see the finding".to_owned())),
            Integrity::Guessed => {
                doubts.push((
                    Role::Warning,
                    "~ guessed: framing was found again after a loss or without a handshake".to_owned(),
                ));
            }
        }
        if let (Some(at), true) = (detail.invalid_utf8_at, doubts.len() < 2) {
            doubts.push((
                Role::Error,
                format!("✗ text, but byte {} is not UTF-8 (RFC 6455 §8.1)", units::grouped(at)),
            ));
        }
        let here = detail.bytes.len() as u64;
        if !detail.whole && detail.len.is_some_and(|len| len > here) {
            let len = units::grouped(detail.len.unwrap_or(here));
            doubts.push((Role::Note, format!("~ the first {} of {len} B are loaded", units::grouped(here))));
        }
        doubts
    }

    /// The doubts in lines of so many columns.
    #[must_use]
    pub fn doubt_lines(&self, columns: usize) -> Vec<Text> {
        let wrapped = |(role, words): (Role, String)| {
            let lines = wrap(&words, columns.saturating_sub(2).max(8));
            lines.into_iter().map(move |line| Text::of(role, format!(" {line}"))).collect::<Vec<_>>()
        };
        self.doubts().into_iter().flat_map(wrapped).collect()
    }

    /// What a control frame says in words.
    #[must_use]
    pub fn words(&self) -> Option<Text> {
        if self.detail.opcode != Opcode::Close {
            return None;
        }
        let close = Close::parse(self.bytes());
        let mut line = Text::new();
        match close.code {
            Some(code) => {
                let known = close_code(code);
                line.add(Role::Control, format!("{code} {}", known.name))
                    .plainly(format!(": {}", known.meaning));
                if !close.reason.is_empty() {
                    line.plainly("   reason \"").captured(Role::Plain, close.reason, 60).plainly("\"");
                }
            }
            None if close.reason.is_empty() && self.bytes().is_empty() => {
                line.plainly("no code and no reason");
            }
            None => {
                line.add(Role::Error, "one byte: a code takes two");
            }
        }
        Some(line)
    }

    /// What `y` copies in the tree: a string's characters, anything else as it was written.
    #[must_use]
    pub fn value(&self, node: u32) -> Option<String> {
        let json = self.json.as_ref()?;
        let node = json.nodes.get(node as usize)?;
        let text = json.text(self.bytes(), node);
        let text = if node.kind == JsonKind::String { json::unquoted(text) } else { text.into() };
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

/// A byte of a frame as sent, and what it is.
fn raw_byte(frame: &FrameDetail, at: usize) -> (Role, u8) {
    let header = frame.header_bytes.len();
    let Some(place) = at.checked_sub(header) else {
        let key = frame.header.masked() && at + 4 >= header;
        let role = if key { Role::MaskingKey } else { Role::Header };
        return (role, frame.header_bytes.get(at).copied().unwrap_or(0));
    };
    let plain = frame.payload.get(place).copied().unwrap_or(0);
    let key = frame.header.masking_key.get(place % 4).copied().unwrap_or(0);
    let byte = if frame.header.masked() { plain ^ key } else { plain };
    (Role::of_byte(byte), byte)
}

/// All bytes of a message as sent, as far as they are loaded.
#[must_use]
pub fn as_sent(detail: &MessageDetail) -> Vec<u8> {
    let of = |frame: &FrameDetail| {
        let len = frame.header_bytes.len() + frame.payload.len();
        (0..len).map(|at| raw_byte(frame, at).1).collect::<Vec<u8>>()
    };
    detail.frames.iter().flat_map(of).collect()
}

fn json_of(detail: &MessageDetail) -> Option<Json> {
    let begins = detail.bytes.trim_ascii_start().first().is_some_and(|first| matches!(first, b'{' | b'['));
    let is_as_sent = detail.integrity.is_as_sent(detail.compressed);
    if !begins || is_as_sent || !matches!(detail.opcode, Opcode::Text | Opcode::Binary) {
        return None;
    }
    let json = json::read(&detail.bytes);
    // Binary data may begin like that by chance.
    let sure = json.error.is_none() || detail.opcode == Opcode::Text;
    (sure && !json.nodes.is_empty()).then_some(json)
}

/// Returns the view to open a message in.
fn best(detail: &MessageDetail, json: Option<&Json>) -> View {
    let text =
        detail.opcode == Opcode::Text || (detail.opcode != Opcode::Close && is_readable(&detail.bytes));
    match json {
        Some(json) if json.error.is_none() || !detail.whole => View::Json,
        _ if text && !detail.integrity.is_as_sent(detail.compressed) => View::Text,
        _ => View::Hex,
    }
}

/// Whether all bytes are UTF-8 without control or invisible characters.
fn is_readable(bytes: &[u8]) -> bool {
    !bytes.is_empty() && safe(bytes).all(|run| matches!(run, Safe::Plain(_)))
}
