//! The contents of a message, prepared for each view.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::rows::TextRows;
use crate::explain::words::codes::code_words;
use crate::json::{self, Json, JsonKind};
use crate::model::{Lang, Safe, safe, wrap};
use crate::store::detail::{FrameDetail, MessageDetail};
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, hex, units};
use crate::ws::{Close, Integrity, Opcode, close_code};

/// A view of a message.
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

    /// The name in its tab.
    #[must_use]
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Text => lang.pick("text", "文本"),
            Self::Hex => lang.pick("hex", "十六进制"),
            Self::Raw => lang.pick("raw", "原始"),
        }
    }
}

/// A message, ready to be shown.
#[derive(Clone, Debug)]
pub struct Content {
    /// The message.
    pub detail: Arc<MessageDetail>,
    /// Its JSON, if it begins like an object or an array.
    pub json: Option<Json>,
    /// Objects and arrays that are folded.
    pub folded: HashSet<u32>,
    /// Numbers of the nodes that are not inside a folded one.
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

    /// The application bytes that are loaded. In a Close, the reason follows the code.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.detail.bytes
    }

    /// Returns whether the message can be shown in a view.
    #[must_use]
    pub fn has(&self, view: View) -> bool {
        match view {
            View::Json => self.json.is_some(),
            View::Text => !self.is_as_sent(),
            View::Hex | View::Raw => true,
        }
    }

    /// Returns whether the bytes are still compressed, and so are not text.
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

    /// Lists the nodes that are not inside a folded one.
    pub fn grow_tree(&mut self) {
        self.tree.clear();
        let Some(json) = &self.json else { return };
        let mut at = 0u32;
        while let Some(node) = json.nodes.get(at as usize) {
            self.tree.push(at);
            at = if node.children > 0 && self.folded.contains(&at) { node.end } else { at + 1 };
        }
    }

    /// Unfolds everything around a node; returns its row.
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

    /// Returns the innermost node around a byte of the text.
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

    /// Number of rows of the raw view.
    #[must_use]
    pub fn raw_rows(&self) -> usize {
        self.raw.1 + usize::from(self.frames_left() > 0)
    }

    fn frames_left(&self) -> u64 {
        self.detail.frame_count.saturating_sub(self.detail.frames.len() as u64)
    }

    /// Returns the frame of a row of the raw view, its place, and the bytes in the row; `None` for the heading.
    #[must_use]
    pub fn raw_row(&self, row: usize) -> Option<(&FrameDetail, usize, Option<Range<usize>>)> {
        let at = self.raw.0.partition_point(|first| *first <= row).checked_sub(1)?;
        let frame = self.detail.frames.get(at).filter(|_| row < self.raw.1)?;
        let Some(line) = (row - self.raw.0.get(at)?).checked_sub(1) else { return Some((frame, at, None)) };
        let len = frame.header_bytes.len() + frame.payload.len();
        Some((frame, at, Some(line * RAW..((line + 1) * RAW).min(len))))
    }

    /// Returns a row of the raw view.
    #[must_use]
    pub fn raw_line(&self, row: usize, lang: Lang) -> Text {
        let mut line = Text::new();
        let Some((frame, at, range)) = self.raw_row(row) else {
            let left = self.frames_left();
            let words = lang.pick(
                format!(" … {} more", units::counted(left, "frame")),
                format!(" … 还有 {} 个帧", units::grouped(left)),
            );
            line.add(Role::Dim, words);
            return line;
        };
        let header = frame.header_bytes.len();
        let Some(range) = range else {
            let (number, of) = (at + 1, self.detail.frame_count);
            let title = lang.pick(format!(" frame {number} of {of}"), format!(" 帧 {number} / {of}"));
            let payload = units::grouped(frame.header.payload_len);
            line.add(Role::Title, title).plainly(lang.pick(
                format!("   header {header} B, payload {payload} B"),
                format!("   帧头 {header} B，载荷 {payload} B"),
            ));
            line.plainly("   ").plainly(packets(frame.first.packet, frame.last.packet, lang));
            if !frame.complete {
                let words = lang.pick("~ not captured completely", "~ 未完整抓到");
                line.plainly("   ").add(Role::Warning, words);
            } else if (frame.payload.len() as u64) < frame.header.payload_len {
                let loaded = units::grouped(frame.payload.len() as u64);
                let words =
                    lang.pick(format!("~ the first {loaded} B are loaded"), format!("~ 已载入前 {loaded} B"));
                line.plainly("   ").add(Role::Note, words);
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

    /// Returns why the bytes are incomplete or uncertain.
    fn doubts(&self, lang: Lang) -> Vec<(Role, String)> {
        let detail = &self.detail;
        let mut doubts = Vec::new();
        let missing =
            |what: &str| match detail.missing.map(|(at, len)| (units::grouped(at), units::grouped(len))) {
                Some((at, len)) => lang.pick(
                    format!("{what}: {len} B are missing, starting at payload byte {at}"),
                    format!("{what}：从载荷的字节 {at} 起缺少 {len} B"),
                ),
                None => what.to_owned(),
            };
        let mut doubt = |role, en: &str, zh: &str| doubts.push((role, lang.pick(en, zh).to_owned()));
        match detail.integrity {
            Integrity::Ok => {}
            Integrity::Gap => {
                let words = missing(lang.pick("~ incomplete: the capture has a gap", "~ 不完整：抓包有缺口"));
                doubt(Role::Error, &words, &words);
            }
            Integrity::Cut => {
                doubt(Role::Warning, "~ cut: a limit of wslens was reached", "~ 截断：达到了 wslens 的上限");
            }
            Integrity::UnknownDictionary => doubt(
                Role::Warning,
                "~ needs earlier data that was not captured: shown as sent, not decompressed",
                "~ 需要未抓到的更早的数据：按发送时原样显示，未解压",
            ),
            Integrity::Damaged => doubt(
                Role::Error,
                "✗ the compressed data is damaged: shown up to the damage, or as sent",
                "✗ 压缩数据已损坏：显示到损坏处为止，或按发送时原样显示",
            ),
            Integrity::UnknownExtension => doubt(
                Role::Warning,
                "~ encoded by an unknown extension: shown as sent",
                "~ 由未知扩展编码：按发送时原样显示",
            ),
            Integrity::Lenient => doubt(
                Role::Warning,
                "~ strict receivers reject this message: see the finding",
                "~ 严格的接收方会拒绝此消息：见发现",
            ),
            Integrity::Guessed => doubt(
                Role::Warning,
                "~ guessed: frames were recognized after a loss or without a handshake",
                "~ 推测：在丢失数据之后或没有握手时识别出的帧",
            ),
        }
        if let (Some(at), true) = (detail.invalid_utf8_at, doubts.len() < 2) {
            doubts.push((
                Role::Error,
                lang.pick(
                    format!("✗ text, but byte {} is not UTF-8 (RFC 6455 §8.1)", units::grouped(at)),
                    format!("✗ 文本，但字节 {} 不是 UTF-8（RFC 6455 §8.1）", units::grouped(at)),
                ),
            ));
        }
        let here = detail.bytes.len() as u64;
        if !detail.whole && detail.len.is_some_and(|len| len > here) {
            let len = units::grouped(detail.len.unwrap_or(here));
            let here = units::grouped(here);
            let words = lang.pick(
                format!("~ the first {here} of {len} B are loaded"),
                format!("~ 已载入前 {here} B，共 {len} B"),
            );
            doubts.push((Role::Note, words));
        }
        doubts
    }

    /// Returns why the bytes are incomplete or uncertain, wrapped.
    #[must_use]
    pub fn doubt_lines(&self, columns: usize, lang: Lang) -> Vec<Text> {
        let wrapped = |(role, words): (Role, String)| {
            let lines = wrap(&words, columns.saturating_sub(2).max(8));
            lines.into_iter().map(move |line| Text::of(role, format!(" {line}"))).collect::<Vec<_>>()
        };
        self.doubts(lang).into_iter().flat_map(wrapped).collect()
    }

    /// Returns the close code and the reason of a Close, with the meaning of the code.
    #[must_use]
    pub fn close_words(&self, lang: Lang) -> Option<Text> {
        if self.detail.opcode != Opcode::Close {
            return None;
        }
        let close = Close::parse(self.bytes());
        let mut line = Text::new();
        match close.code {
            Some(code) => {
                let known = close_code(code);
                let meaning = match lang {
                    Lang::En => known.meaning,
                    Lang::Zh => code_words(code).map_or(known.meaning, |words| words.meaning.of(lang)),
                };
                line.add(Role::Control, format!("{code} {}", known.name));
                line.plainly(lang.pick(": ", "：")).plainly(meaning);
                if !close.reason.is_empty() {
                    line.plainly(lang.pick("   reason \"", "   原因 \""))
                        .captured(Role::Plain, close.reason, 60)
                        .plainly("\"");
                }
            }
            None if close.reason.is_empty() && self.bytes().is_empty() => {
                line.plainly(lang.pick("no code and no reason", "没有关闭码，也没有原因"));
            }
            None => {
                line.add(
                    Role::Error,
                    lang.pick("one byte: a code takes two", "只有 1 个字节：关闭码需要 2 个"),
                );
            }
        }
        Some(line)
    }

    /// Returns the value that `y` copies: the characters of a string, any other value as written.
    #[must_use]
    pub fn value(&self, node: u32) -> Option<String> {
        let json = self.json.as_ref()?;
        let node = json.nodes.get(node as usize)?;
        let text = json.text(self.bytes(), node);
        let text = if node.kind == JsonKind::String { json::unquoted(text) } else { text.into() };
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Returns a byte of a frame as sent, and its role.
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

/// Returns the bytes of a message as sent, as far as they are loaded.
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
    // Binary data may begin with a bracket by chance.
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

/// Returns the packets that carry something: `packet 7`, `packets 7 to 9`.
#[must_use]
pub fn packets(first: u64, last: u64, lang: Lang) -> String {
    match (first == last, lang) {
        (true, Lang::En) => format!("packet {first}"),
        (false, Lang::En) => format!("packets {first} to {last}"),
        (true, Lang::Zh) => format!("数据包 {first}"),
        (false, Lang::Zh) => format!("数据包 {first} 至 {last}"),
    }
}

/// Returns whether all bytes are UTF-8 without control or invisible characters.
fn is_readable(bytes: &[u8]) -> bool {
    !bytes.is_empty() && safe(bytes).all(|run| matches!(run, Safe::Plain(_)))
}
