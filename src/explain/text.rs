//! Explained frames as a table for a terminal or a file.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::diagram::diagram;
use super::frame::{BrokenRule, Explained, ExplainedFrame, FieldRow, FrameField};
use super::phrases::{bytes, count, missing, utf8_word};
use crate::model::{Direction, Lang, Safe, Severity, preview_runs, width};
use crate::present::{Role, Style};
use crate::ws::{Inflation, Opcode, close_code};

/// What to print beside the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// The box of RFC 6455 section 5.2 with the frame's bits.
    pub diagram: bool,
    /// A pointer to the lesson that fits.
    pub learn: bool,
    /// The command that makes this frame.
    pub build: bool,
    /// The language of what is said.
    pub lang: Lang,
}

/// Columns of the table.
const OFFSET: usize = 1;
const HEX: usize = 9;
const BITS: usize = 22;
const FIELD: usize = 33;
const VALUE: usize = 49;
const MEANING: usize = 56;
const REFERENCE: usize = 102;

/// Payload bytes that are printed as hex; the rest is counted.
const SHOWN_BYTES: usize = 32;
/// Columns of payload text.
const SHOWN_TEXT: usize = 40;

/// Prints what was explained.
///
/// # Errors
/// Those of `out`.
pub fn write_text(
    out: &mut dyn Write,
    explained: &Explained,
    style: &Style,
    view: TextOptions,
) -> io::Result<()> {
    let single = explained.frames.len() == 1;
    let lang = view.lang;
    let mut lines = Lines { text: String::new(), style: *style, lang, column: 0, pending: 0 };
    lines.headline(explained);
    for (i, frame) in explained.frames.iter().enumerate() {
        lines.end();
        if !single {
            lines.put(
                Role::Title,
                &match lang {
                    Lang::En => format!("frame {} at offset {}: ", frame.number, frame.range.start),
                    Lang::Zh => format!("第 {} 帧，偏移 {}：", frame.number, frame.range.start),
                },
            );
            lines.summary(frame);
            lines.end();
        }
        if view.diagram {
            for line in diagram(frame) {
                lines.put(Role::Plain, &line);
                lines.end();
            }
            lines.end();
        }
        if i == 0 {
            lines.titles();
        }
        lines.frame(frame);
        lines.end();
        lines.verdict(frame);
        if single {
            lines.hints(frame, view);
        }
        out.write_all(lines.text.as_bytes())?;
        lines.text.clear();
    }
    if let Some(rest) = &explained.rest {
        let (len, start) = (bytes(rest.range.len(), lang), rest.range.start);
        let text = match lang {
            Lang::En => format!("{len} from offset {start} are not read: {}", rest.why),
            Lang::Zh => format!("从偏移 {start} 起的 {len}没有读：{}", rest.why),
        };
        lines.end();
        lines.put(Role::Warning, &text);
        lines.end();
    }
    out.write_all(lines.text.as_bytes())
}

/// Builds lines column by column; spaces at their ends are never written.
struct Lines {
    text: String,
    style: Style,
    lang: Lang,
    column: usize,
    pending: usize,
}

impl Lines {
    fn put(&mut self, role: Role, text: &str) {
        if !text.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', self.pending));
            self.column += self.pending + width(text);
            self.pending = 0;
            let _ = write!(self.text, "{}", self.style.paint(role, text));
        }
    }

    /// Goes on at `column`, at least `gap` behind what was written.
    fn to(&mut self, column: usize, gap: usize) {
        let gap = if self.column == 0 { 0 } else { gap };
        self.pending = column.saturating_sub(self.column).max(gap);
    }

    fn end(&mut self) {
        self.text.push('\n');
        (self.column, self.pending) = (0, 0);
    }

    fn headline(&mut self, explained: &Explained) {
        match explained.frames.as_slice() {
            [frame] if !frame.is_complete() => self.incomplete(frame),
            [frame] => {
                let len = bytes(explained.len, self.lang);
                self.put(Role::Title, &format!("{len}{}", self.lang.pick(": 1 frame, ", "：1 个帧，")));
                self.summary(frame);
            }
            frames => {
                let cut = frames.last().is_some_and(|f| !f.is_complete());
                let (len, count) = (bytes(explained.len, self.lang), frames.len());
                let text = match (self.lang, cut) {
                    (Lang::En, true) => format!("{len}: {count} frames, the last one incomplete"),
                    (Lang::En, false) => format!("{len}: {count} frames"),
                    (Lang::Zh, true) => format!("{len}：{count} 个帧，最后一个不完整"),
                    (Lang::Zh, false) => format!("{len}：{count} 个帧"),
                };
                self.put(Role::Title, &text);
            }
        }
        self.end();
    }

    fn incomplete(&mut self, frame: &ExplainedFrame) {
        let (number, missing) = (frame.number, missing(frame, self.lang));
        let text = match self.lang {
            Lang::En => format!("frame {number} is incomplete: {missing}"),
            Lang::Zh => format!("第 {number} 帧不完整：{missing}"),
        };
        self.put(Role::Warning, &text);
    }

    /// `client → server (masked), TEXT, "Hello"`
    fn summary(&mut self, frame: &ExplainedFrame) {
        if !frame.is_complete() {
            let missing = missing(frame, self.lang);
            return self
                .put(Role::Warning, &format!("{}{missing}", self.lang.pick("incomplete: ", "不完整：")));
        }
        let (Some(header), Some(masked)) = (frame.header, frame.masked()) else { return };
        let client = frame.direction.map_or(masked, |d| d == Direction::ClientToServer);
        let (role, who) = match client {
            true => (Role::ClientToServer, self.lang.pick("client → server", "客户端 → 服务器")),
            false => (Role::ServerToClient, self.lang.pick("server → client", "服务器 → 客户端")),
        };
        self.put(role, who);
        let opcode = header.opcode();
        self.put(
            Role::Plain,
            match masked {
                true => self.lang.pick(" (masked), ", "（有掩码），"),
                false => self.lang.pick(" (not masked), ", "（无掩码），"),
            },
        );
        self.put(if opcode.is_control() { Role::Control } else { Role::Plain }, opcode.title());
        self.put(Role::Plain, ", ");
        self.gist(frame);
    }

    /// A frame's content in a few words.
    fn gist(&mut self, frame: &ExplainedFrame) {
        if let Some(close) = frame.close() {
            let Some(code) = close.code else {
                return self.put(
                    Role::Plain,
                    match frame.payload.is_empty() {
                        true => self.lang.pick("no code", "没有关闭码"),
                        false => self.lang.pick("broken", "有误"),
                    },
                );
            };
            self.put(Role::Plain, &format!("{code} {}", close_code(code).name));
            if !close.reason.is_empty() {
                self.put(Role::Plain, ", ");
                self.quote(close.reason);
            }
            return;
        }
        match (&frame.message.inflated, frame.payload.len()) {
            (Some(inflated), _) if is_readable(&inflated.bytes) => self.quote(&inflated.bytes),
            (_, 0) => self.put(Role::Plain, self.lang.pick("empty", "空")),
            _ if shows_text(frame) => self.quote(&frame.payload),
            (_, len) => self.put(Role::Plain, &bytes(len, self.lang)),
        }
    }

    /// Captured bytes in quotes, made safe and cut; what stands for something else looks different.
    fn quote(&mut self, captured: &[u8]) {
        let preview = preview_runs(captured, SHOWN_TEXT);
        self.put(Role::Plain, "\"");
        for run in &preview.runs {
            let role = if let Safe::Escaped(_) = run { Role::Escape } else { Role::Plain };
            self.put(role, run.as_str());
        }
        if let Some(spaces) = preview.cut {
            self.put(Role::Plain, &" ".repeat(spaces));
            self.put(Role::Dim, "…");
        }
        self.put(Role::Plain, "\"");
    }

    /// The payload as text, and the verdict on it.
    fn payload_text(&mut self, frame: &ExplainedFrame) {
        if shows_text(frame) {
            self.quote(&frame.payload);
            self.pending = 2;
        }
        let verdict = match frame.message.compressed {
            true => Some(self.lang.pick("compressed", "已压缩")),
            false => utf8_word(frame.message.utf8, self.lang),
        };
        self.put(Role::Plain, verdict.unwrap_or_default());
    }

    fn titles(&mut self) {
        for (column, title) in [
            (OFFSET, "offset"),
            (HEX, "hex"),
            (BITS, "bits"),
            (FIELD, "field"),
            (VALUE, "value"),
            (MEANING, "meaning"),
        ] {
            self.to(column, 1);
            self.put(Role::Dim, title);
        }
        self.end();
    }

    fn frame(&mut self, frame: &ExplainedFrame) {
        let mut last = None;
        for row in &frame.rows {
            let broken: Vec<&BrokenRule> = frame.problems.iter().filter(|p| p.field == row.field).collect();
            match row.field {
                FrameField::Payload => self.payload(frame, row, &broken),
                FrameField::CloseCode | FrameField::CloseReason => self.close(frame, row, &broken),
                _ => {
                    // A byte's hex stands once, beside its first bits.
                    let again = last == Some(row.range.start);
                    self.header_row(frame, row, again, &broken);
                }
            }
            last = Some(row.range.start);
        }
    }

    fn header_row(&mut self, frame: &ExplainedFrame, row: &FieldRow, again: bool, broken: &[&BrokenRule]) {
        if !again {
            self.offset(row);
            self.to(HEX, 1);
            let role = if row.field == FrameField::MaskingKey { Role::MaskingKey } else { Role::Header };
            self.put(role, &header_hex(frame, row));
        }
        if let Some((first, count)) = row.bits {
            self.to(BITS, 1);
            self.put(Role::Plain, &bit_picture(frame, row, first, count));
        }
        self.field(row.field.name());
        self.put(Role::Plain, &row.value);
        if broken.is_empty() {
            self.to(MEANING, 2);
            self.put(Role::Plain, &row.meaning);
            self.reference(row.reference);
            self.end();
        }
        self.problems(MEANING, broken);
    }

    fn offset(&mut self, row: &FieldRow) {
        self.to(OFFSET, 0);
        let (first, last) = (row.range.start, row.range.end.saturating_sub(1));
        let text = if first == last { first.to_string() } else { format!("{first}-{last}") };
        self.put(Role::Dim, &text);
    }

    /// Writes the field's name and goes on at the value.
    fn field(&mut self, name: &str) {
        self.to(FIELD, 1);
        self.put(Role::Title, name);
        self.to(VALUE, 1);
    }

    fn reference(&mut self, reference: &str) {
        if !reference.is_empty() {
            self.to(REFERENCE, 3);
            self.put(Role::Dim, short(reference));
        }
    }

    /// A line for each broken rule; the first goes on with the line at hand.
    fn problems(&mut self, column: usize, broken: &[&BrokenRule]) {
        for problem in broken {
            let (role, level) = match problem.rule.severity {
                Severity::Error => (Role::Error, "ERROR"),
                Severity::Warning => (Role::Warning, "WARN"),
                Severity::Info => (Role::Note, "INFO"),
            };
            self.to(column, 2);
            self.put(role, level);
            self.put(Role::Plain, &format!(" {}: {}", problem.rule.code, problem.text));
            self.reference(problem.rule.reference);
            self.end();
        }
    }

    fn payload(&mut self, frame: &ExplainedFrame, row: &FieldRow, broken: &[&BrokenRule]) {
        let masked = frame.header.is_some_and(|h| h.masked());
        let len = frame.payload.len();
        self.offset(row);
        for (i, chunk) in frame.wire_bytes().chunks(8).take(SHOWN_BYTES / 8).enumerate() {
            self.to(HEX, 1);
            self.put(Role::Plain, &hex(chunk));
            if i == 0 {
                self.field(if masked { "payload (masked)" } else { "payload" });
                self.to(MEANING, 2);
                if !masked {
                    self.payload_text(frame);
                }
            }
            self.end();
        }
        let more = len.saturating_sub(SHOWN_BYTES);
        if more > 0 {
            self.to(HEX, 1);
            self.put(
                Role::Dim,
                &match self.lang {
                    Lang::En => format!("… {} more", bytes(more, Lang::En)),
                    Lang::Zh => format!("… 还有 {}", bytes(more, Lang::Zh)),
                },
            );
            self.end();
        }
        if let Some(header) = frame.header.filter(|_| masked) {
            let key: Vec<u8> = header.masking_key.iter().copied().cycle().take(len.min(8)).collect();
            self.field("⊕ key");
            self.to(MEANING, 2);
            self.put(Role::MaskingKey, &hex(&key));
            self.put(Role::Dim, if len > 8 { " …" } else { "" });
            self.end();
            self.field("= payload");
            self.to(MEANING, 2);
            let mut shown = frame.payload.chunks(16).take(SHOWN_BYTES / 16);
            self.put(Role::Plain, &hex(shown.next().unwrap_or_default()));
            if len > 8 {
                for chunk in shown {
                    self.end();
                    self.to(MEANING, 1);
                    self.put(Role::Plain, &hex(chunk));
                }
                self.put(Role::Dim, if more > 0 { " …" } else { "" });
                if shows_text(frame) || frame.message.compressed {
                    self.end();
                    self.to(MEANING, 1);
                }
            } else {
                self.to(MEANING, 2);
            }
            self.payload_text(frame);
            self.end();
        }
        self.problems(MEANING, broken);
        self.inflated(frame);
    }

    fn inflated(&mut self, frame: &ExplainedFrame) {
        let lang = self.lang;
        let Some(inflated) = &frame.message.inflated else { return };
        self.field(if frame.message.index > 1 { "inflated (all)" } else { "inflated" });
        self.to(MEANING, 2);
        if frame.message.opcode == Some(Opcode::Text) || is_readable(&inflated.bytes) {
            self.quote(&inflated.bytes);
            self.pending = 2;
        }
        self.put(Role::Plain, &bytes(inflated.bytes.len(), self.lang));
        self.pending = 2;
        self.put(
            Role::Plain,
            match inflated.outcome {
                Inflation::Whole => utf8_word(frame.message.utf8, lang).unwrap_or_default(),
                Inflation::Cut => lang.pick("cut here: more would come", "到此截断：后面还有"),
                Inflation::UnknownDictionary => lang.pick(
                    "then refers to a message before it, which is not here",
                    "后面引用了更早的消息，而它不在这里",
                ),
                Inflation::Damaged => "",
            },
        );
        self.reference("RFC 7692 §7.2.2");
        self.end();
    }

    fn close(&mut self, frame: &ExplainedFrame, row: &FieldRow, broken: &[&BrokenRule]) {
        self.field(row.field.name());
        self.put(Role::Control, &row.value);
        self.to(MEANING, 2);
        if row.field == FrameField::CloseReason {
            self.quote(frame.close().map_or(&[], |close| close.reason));
            self.pending = 2;
        }
        self.put(
            Role::Plain,
            if broken.is_empty() || row.field == FrameField::CloseCode { &row.meaning } else { "" },
        );
        self.reference(row.reference);
        self.end();
        self.problems(MEANING, broken);
    }

    fn verdict(&mut self, frame: &ExplainedFrame) {
        self.to(OFFSET, 0);
        if frame.header.is_some() {
            let (head, payload) = (
                frame.header_range().len() as u64,
                (frame.payload.len() as u64).saturating_add(frame.missing.1),
            );
            let text = match self.lang {
                Lang::En => {
                    format!(
                        "overhead: {} for {}.   ",
                        count(head, "header byte"),
                        count(payload, "payload byte")
                    )
                }
                Lang::Zh => format!("开销：{payload} 个载荷字节用了 {head} 个首部字节。   "),
            };
            self.put(Role::Plain, &text);
        }
        let lang = self.lang;
        self.put(Role::Plain, lang.pick("legal: ", "合法："));
        match (frame.is_legal(), frame.is_complete()) {
            (true, true) => self.put(Role::Ok, lang.pick("yes", "是")),
            (true, false) => self.put(Role::Ok, lang.pick("yes, so far", "到目前为止是")),
            (false, _) => self.put(Role::Error, lang.pick("no", "否")),
        }
        self.end();
    }

    fn hints(&mut self, frame: &ExplainedFrame, view: TextOptions) {
        let Some(header) = frame.header.filter(|_| frame.is_complete()) else { return };
        self.to(OFFSET, 0);
        if view.learn {
            let lesson = match header.opcode() {
                Opcode::Close => "close",
                Opcode::Continuation => "fragments",
                Opcode::Ping | Opcode::Pong => "duplex",
                _ if !header.fin() => "fragments",
                _ if header.masked() => "masking",
                _ if header.extended_len() > 0 => "lengths",
                _ => "frame",
            };
            self.put(
                Role::Plain,
                &format!("{} wslens learn {lesson}", self.lang.pick("see it move:", "动手看一看：")),
            );
        }
        if let Some(command) = build_command(frame).filter(|_| view.build) {
            self.to(OFFSET, 4);
            self.put(Role::Plain, &format!("{} {command}", self.lang.pick("change it:", "改一改：")));
        }
        if self.column > 0 {
            self.end();
        }
    }
}

impl ExplainedFrame {
    /// The payload as sent.
    #[must_use]
    pub fn wire_bytes(&self) -> Vec<u8> {
        self.first_wire_bytes(usize::MAX)
    }

    /// Returns the first `most` bytes of the payload as sent, or all if there are fewer.
    #[must_use]
    pub fn first_wire_bytes(&self, most: usize) -> Vec<u8> {
        let mut bytes = self.payload.get(..most).unwrap_or(&self.payload).to_vec();
        if let Some(header) = self.header.filter(|h| h.masked()) {
            crate::ws::unmask(&mut bytes, header.masking_key, 0);
        }
        bytes
    }
}

/// Whether the payload is best shown as text.
fn shows_text(frame: &ExplainedFrame) -> bool {
    let text = !frame.message.compressed && frame.message.opcode == Some(Opcode::Text);
    let close = frame.header.is_some_and(|h| h.opcode() == Opcode::Close);
    text || !close && is_readable(&frame.payload)
}

/// Whether bytes are text that shows as it is.
fn is_readable(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.is_empty() && crate::model::safe_str(text) == text)
}

/// A frame's reference without the RFC that all of them come from.
fn short(reference: &str) -> &str {
    reference.strip_prefix("RFC 6455 ").unwrap_or(reference)
}

/// `37 fa`
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for (i, byte) in bytes.iter().enumerate() {
        let _ = write!(out, "{}{byte:02x}", if i > 0 { " " } else { "" });
    }
    out
}

/// The bytes of a header row.
fn header_hex(frame: &ExplainedFrame, row: &FieldRow) -> String {
    let from = row.range.start.saturating_sub(frame.range.start);
    hex(frame.head.get(from..from + row.range.len()).unwrap_or_default())
}

/// `....0001`
fn bit_picture(frame: &ExplainedFrame, row: &FieldRow, first: u8, count: u8) -> String {
    let byte = frame.head.get(row.range.start.saturating_sub(frame.range.start)).copied().unwrap_or(0);
    (0..8)
        .map(|i| match (first..first + count).contains(&i) {
            true if byte >> (7 - i) & 1 == 1 => '1',
            true => '0',
            false => '.',
        })
        .collect()
}

/// The command that makes this frame, where it is simple enough to be typed.
fn build_command(frame: &ExplainedFrame) -> Option<String> {
    let header = frame.header.filter(|h| h.fin() && h.rsv() == 0 && frame.is_legal())?;
    let op = match header.opcode() {
        Opcode::Text => "",
        Opcode::Ping => " --op ping",
        Opcode::Pong => " --op pong",
        _ => return None,
    };
    let text = std::str::from_utf8(&frame.payload)
        .ok()
        .filter(|t| t.len() <= SHOWN_TEXT && is_readable(t.as_bytes()))?;
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/'));
    let equals = if text.starts_with('-') { '=' } else { ' ' };
    let text = if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) };
    let mask =
        if header.masked() { format!(" --mask {}", hex::encode(header.masking_key)) } else { String::new() };
    Some(format!("wslens build{op} --text{equals}{text}{mask}"))
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
