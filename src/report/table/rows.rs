//! Rows of messages and frames, from the arrow on.

use super::fit::Fit;
use super::lead::Layout;
use super::{TableStyle, limit};
use crate::model::Direction;
use crate::present::Role;
use crate::present::units;
use crate::report::PayloadMode;
use crate::ws::{FrameEvent, Integrity, MessageEvent, Opcode, close_code};

/// Columns of the flags, as far as they fit.
const FLAGS: usize = 3;

/// What is known of a message beside itself.
#[derive(Debug, Default)]
pub(super) struct RowFacts {
    /// A finding is about it.
    pub(super) flagged: bool,
    /// The message that it answers.
    pub(super) answers: Option<u64>,
}

/// Makes rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowWriter<'a> {
    pub(super) look: &'a TableStyle,
    pub(super) layout: &'a Layout,
    pub(super) payload: PayloadMode,
    /// Payload bytes that are shown at most.
    pub(super) longest: usize,
    /// Columns before the arrow.
    pub(super) lead: usize,
}

impl RowWriter<'_> {
    /// A row of messages.
    pub(super) fn message(&self, out: &mut Vec<u8>, message: &MessageEvent<'_>, facts: &RowFacts) {
        self.arrow(out, message.direction);
        self.kind(out, message.opcode);
        out.extend_from_slice(b"  ");
        units::right(out, self.layout.length, |out| match message.len {
            Some(len) => units::length(out, len),
            None => out.push(b'?'),
        });
        self.wire(out, message.wire);
        let broken = !matches!(message.integrity, Integrity::Ok | Integrity::Guessed | Integrity::Lenient);
        let flags = Flags {
            compressed: message.compressed,
            frames: message.frames,
            finding: facts.flagged,
            incomplete: broken,
        };
        let width = flags.write(self, out);
        let mut fit = self.fit(out, self.fixed() + width);
        self.message_text(&mut fit, message, facts);
        finish(out);
    }

    /// Columns up to the flags.
    fn fixed(&self) -> usize {
        let wire = if self.layout.narrow { 0 } else { 2 + self.layout.wire };
        self.lead + self.arrow_width() + 5 + 2 + self.layout.length + wire + 2
    }

    /// What is left of the line behind `used` columns and two spaces.
    fn fit<'a>(&self, out: &'a mut Vec<u8>, used: usize) -> Fit<'a> {
        let style = self.look.style();
        let mut fit =
            Fit { out, style, room: style.columns.map(|c| c.saturating_sub(used)), ascii: self.look.ascii };
        fit.space(2);
        fit
    }

    fn arrow(&self, out: &mut Vec<u8>, direction: Direction) {
        let (role, arrow, ascii) = match direction {
            Direction::ClientToServer => (Role::ClientToServer, "→", "->"),
            Direction::ServerToClient => (Role::ServerToClient, "←", "<-"),
        };
        let arrow = if self.look.ascii { ascii } else { arrow };
        self.look.style().put(out, role, |out| out.extend_from_slice(arrow.as_bytes()));
        out.resize(out.len() + self.arrow_width() - arrow_columns(self.look.ascii), b' ');
    }

    /// Columns of the arrow with the space behind it.
    fn arrow_width(&self) -> usize {
        if self.layout.slim { arrow_columns(self.look.ascii) + 1 } else { 4 }
    }

    /// Bytes that the arrow takes, its look included.
    fn arrow_len(&self) -> usize {
        let mut out = Vec::new();
        self.arrow(&mut out, Direction::ClientToServer);
        out.len()
    }

    fn kind(&self, out: &mut Vec<u8>, opcode: Opcode) {
        let role = if opcode.is_control() { Role::Control } else { Role::Plain };
        self.look.style().put(out, role, |out| {
            units::left(out, 5, |out| out.extend_from_slice(opcode.short_name().as_bytes()));
        });
    }

    fn wire(&self, out: &mut Vec<u8>, wire: u64) {
        if !self.layout.narrow {
            out.extend_from_slice(b"  ");
            units::right(out, self.layout.wire, |out| units::length(out, wire));
        }
        out.extend_from_slice(b"  ");
    }

    fn message_text(&self, fit: &mut Fit<'_>, message: &MessageEvent<'_>, facts: &RowFacts) {
        match message.opcode {
            Opcode::Close if message.integrity != Integrity::Gap => self.close(fit, message, facts),
            Opcode::Ping | Opcode::Pong if message.integrity != Integrity::Gap => {
                self.ping(fit, message, facts)
            }
            _ => self.content(fit, message),
        }
    }

    fn close(&self, fit: &mut Fit<'_>, message: &MessageEvent<'_>, facts: &RowFacts) {
        let mut after = Vec::new();
        if let Some(number) = facts.answers {
            after.extend_from_slice(b"   answers #");
            units::number(&mut after, number);
        }
        let kept = fit.keep(after.len());
        match message.close.and_then(|close| Some((close, close.code?))) {
            Some((close, code)) => {
                fit.own(Role::Plain, itoa::Buffer::new().format(code));
                fit.space(1);
                fit.own(Role::Plain, close_code(code).name);
                if !close.reason.is_empty() && self.payload != PayloadMode::None {
                    fit.space(2);
                    fit.wire(close.reason, false);
                }
            }
            None => fit.own(Role::Plain, "without a code"),
        }
        fit.give(kept, Role::Plain, &after);
    }

    fn ping(&self, fit: &mut Fit<'_>, message: &MessageEvent<'_>, facts: &RowFacts) {
        let mut after = Vec::new();
        if message.opcode == Opcode::Pong {
            after.extend_from_slice(b"   answers ");
            match (facts.answers, message.rtt) {
                (Some(number), _) => {
                    after.push(b'#');
                    units::number(&mut after, number);
                }
                (None, Some(_)) => after.extend_from_slice(b"a ping"),
                (None, None) => after.extend_from_slice(b"no ping"),
            }
            if let Some(rtt) = message.rtt {
                after.extend_from_slice(b", RTT ");
                units::milliseconds(&mut after, rtt.0, self.look.ascii);
            }
        }
        if matches!(self.payload, PayloadMode::None | PayloadMode::Hash) || message.bytes.is_empty() {
            return fit.text(Role::Plain, after.trim_ascii_start(), false);
        }
        let kept = fit.keep(after.len());
        bytes(fit, message.bytes, !message.whole);
        fit.give(kept, Role::Plain, &after);
    }

    fn content(&self, fit: &mut Fit<'_>, message: &MessageEvent<'_>) {
        let shown = integrity(fit, message, self.payload != PayloadMode::None);
        if !shown {
            return;
        }
        match self.payload {
            PayloadMode::None => return,
            PayloadMode::Hash => {
                match message.sha256 {
                    Some(hash) => fit.own(Role::Plain, &hex::encode(hash)),
                    None => fit.own(Role::Dim, "-"),
                }
                return;
            }
            PayloadMode::Preview | PayloadMode::Full => {}
        }
        let kept = message.bytes.len();
        let text = message.opcode == Opcode::Text;
        let mut most = limit(self.payload, self.longest).min(kept);
        // Not in the middle of a character, as far as it is text.
        while text && most > 0 && message.bytes.get(most).is_some_and(|b| b & 0xc0 == 0x80) {
            most -= 1;
        }
        let shown = message.bytes.get(..most).unwrap_or_default();
        let more = most < kept || !message.whole;
        if text {
            fit.wire(shown, more);
        } else {
            fit.hex(shown, more);
        }
        if more && fit.room.is_none() {
            fit.out.extend_from_slice(b" (");
            units::counted(fit.out, most as u64, "byte");
            fit.out.extend_from_slice(b" shown)");
        }
    }

    /// A row of frames.
    pub(super) fn frame(&self, out: &mut Vec<u8>, frame: &FrameEvent<'_>, scratch: &mut Vec<u8>) {
        let header = frame.header;
        let start = out.len();
        self.arrow(out, frame.direction);
        if !self.layout.slim {
            units::right(out, 4, |out| match frame.message {
                Some(message) => units::number(out, message),
                None => out.push(b'-'),
            });
            out.extend_from_slice(b"  ");
        }
        out.extend_from_slice(if header.fin() { b"  1  " } else { b"  0  " });
        for bit in [4, 2, 1] {
            out.push(if header.rsv() & bit != 0 { b'1' } else { b'0' });
        }
        out.extend_from_slice(b"  ");
        let before = out.len();
        self.kind(out, header.opcode());
        if !self.layout.slim {
            out.extend_from_slice(b"  ");
            let key = hex::encode(header.masking_key);
            let key = if header.masked() { key.as_str() } else { "-" };
            self.look.style().put(out, Role::MaskingKey, |out| out.extend_from_slice(key.as_bytes()));
            out.resize(out.len() + 8usize.saturating_sub(key.len()), b' ');
        }
        let painted = out.len() - before;
        if !self.layout.narrow {
            out.extend_from_slice(b"  ");
            units::right(out, 3, |out| units::number(out, header.len() as u64));
        }
        out.extend_from_slice(b"  ");
        units::right(out, self.layout.length, |out| units::length(out, header.payload_len));
        out.extend_from_slice(b"  ");
        if !self.layout.slim {
            units::right(out, 6, |out| units::number(out, frame.start.place.packet));
            out.extend_from_slice(b"  ");
        }
        // The arrow and the painted cells have their own columns; all else takes one a byte.
        let (arrow, cells) = (self.arrow_len(), if self.layout.slim { 5 } else { 5 + 2 + 8 });
        let used = out.len() - start - arrow - painted + self.arrow_width() + cells;
        let incomplete = !frame.complete;
        self.look.style().put(out, Role::Error, |out| out.push(if incomplete { b'~' } else { b' ' }));
        let mut fit = self.fit(out, self.lead + used + 1);
        if matches!(self.payload, PayloadMode::Preview | PayloadMode::Full) {
            let all = frame.read(scratch);
            let shown = all.get(..all.len().min(limit(self.payload, self.longest))).unwrap_or_default();
            bytes(&mut fit, shown, (shown.len() as u64) < header.payload_len);
        }
        finish(out);
    }

    /// A frame as a part of its message, in the columns of messages.
    pub(super) fn part(&self, out: &mut Vec<u8>, frame: &FrameEvent<'_>) {
        let header = frame.header;
        self.arrow(out, frame.direction);
        out.extend_from_slice(b"frame  ");
        units::right(out, self.layout.length, |out| units::length(out, header.payload_len));
        self.wire(out, (header.len() as u64).saturating_add(header.payload_len));
        let width = Flags { incomplete: !frame.complete, ..Flags::default() }.write(self, out);
        let mut fit = self.fit(out, self.fixed() + width);
        let mut text = Vec::new();
        text.push(b'#');
        units::number(&mut text, frame.number);
        if let Some(message) = frame.message {
            text.extend_from_slice(b" of message ");
            units::number(&mut text, message);
        }
        text.extend_from_slice(if header.fin() { b"  FIN" } else { b"  ---" });
        for (bit, name) in [(4, " RSV1"), (2, " RSV2"), (1, " RSV3")] {
            if header.rsv() & bit != 0 {
                text.extend_from_slice(name.as_bytes());
            }
        }
        text.push(b' ');
        text.extend_from_slice(header.opcode().short_name().as_bytes());
        if header.masked() {
            text.extend_from_slice(b"  key ");
            text.extend_from_slice(hex::encode(header.masking_key).as_bytes());
        }
        text.extend_from_slice(b"  packet ");
        units::number(&mut text, frame.start.place.packet);
        fit.text(Role::Plain, &text, false);
        finish(out);
    }
}

fn arrow_columns(ascii: bool) -> usize {
    if ascii { 2 } else { 1 }
}

/// Says what is wrong with a message's bytes; whether they are worth showing.
fn integrity(fit: &mut Fit<'_>, message: &MessageEvent<'_>, payload: bool) -> bool {
    let (words, shown) = doubt(message.integrity, message.compressed, message.missing);
    let mut words = words.into_bytes();
    if let Some(at) = message.invalid_utf8_at {
        words.extend_from_slice(if words.is_empty() { b"" } else { b", " });
        words.extend_from_slice(b"not UTF-8 at byte ");
        units::grouped(&mut words, at);
    }
    if !words.is_empty() {
        fit.text(Role::Warning, &words, false);
        if shown && payload && !message.bytes.is_empty() {
            fit.own(Role::Plain, ": ");
        }
    }
    shown
}

/// Why a message's bytes are not all of it, or not certain, in words; and whether they are worth showing.
#[must_use]
pub fn doubt(integrity: Integrity, compressed: bool, missing: Option<(u64, u64)>) -> (String, bool) {
    let mut words = Vec::new();
    let shown = match integrity {
        Integrity::Ok => true,
        Integrity::Gap => {
            words.extend_from_slice(b"gap: ");
            match missing {
                Some((at, len)) => {
                    units::counted(&mut words, len, "byte");
                    words.extend_from_slice(b" missing");
                    if at > 0 {
                        words.extend_from_slice(b" behind the first ");
                        units::grouped(&mut words, at);
                    }
                }
                None => words.extend_from_slice(b"bytes missing"),
            }
            !compressed
        }
        Integrity::Cut if compressed => {
            words.extend_from_slice(b"cut: inflates past the limit");
            true
        }
        Integrity::Cut => {
            words.extend_from_slice(b"cut: no longer kept");
            true
        }
        Integrity::UnknownDictionary => {
            words.extend_from_slice(
                b"cannot be decompressed: refers to earlier data that wslens does not have",
            );
            false
        }
        Integrity::Damaged => {
            words.extend_from_slice(b"cannot be inflated: the compressed data is broken");
            false
        }
        Integrity::Guessed => {
            words.extend_from_slice(b"framing guessed");
            true
        }
        Integrity::UnknownExtension => {
            words.extend_from_slice(b"shown as sent: coded by an extension that wslens does not know");
            true
        }
        Integrity::Lenient => {
            words.extend_from_slice(b"strict receivers reject it");
            true
        }
    };
    (String::from_utf8(words).unwrap_or_default(), shown)
}

/// A short payload: as text in quotes where it is printable, else in hexadecimal.
fn bytes(fit: &mut Fit<'_>, payload: &[u8], more: bool) {
    if payload.is_empty() {
        if more {
            fit.own(Role::Dim, "not captured");
        }
    } else if is_text(payload.get(..fit.room.map_or(payload.len(), |room| 4 * room)).unwrap_or(payload)) {
        fit.own(Role::Plain, "\"");
        let kept = fit.keep(1);
        fit.wire(payload, more);
        fit.give(kept, Role::Plain, b"\"");
    } else if payload.len() <= 8 && !more && fit.room.is_none_or(|room| 3 * payload.len() <= room + 1) {
        fit.digits(payload);
    } else {
        fit.hex(payload, more);
    }
}

/// Whether bytes are text without control characters; they may end inside a character.
fn is_text(bytes: &[u8]) -> bool {
    /// Fewer random bytes may well be valid UTF-8.
    const ENOUGH: usize = 8;
    if bytes.len() < ENOUGH {
        return crate::model::is_plain(bytes);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            bytes.get(..error.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// Ends a row, without spaces behind it.
fn finish(out: &mut Vec<u8>) {
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// What is special about a row, in letters.
#[derive(Debug, Default)]
struct Flags {
    compressed: bool,
    frames: u32,
    finding: bool,
    incomplete: bool,
}

impl Flags {
    /// Appends the flags; answers how many columns they take.
    fn write(&self, rows: &RowWriter<'_>, out: &mut Vec<u8>) -> usize {
        let mut width = 0;
        if self.compressed {
            out.push(b'z');
            width += 1;
        }
        if self.frames > 1 {
            out.push(b'F');
            units::number(out, u64::from(self.frames));
            width += 1 + units::digits(u64::from(self.frames));
        }
        for (set, flag, role) in [(self.finding, b'!', Role::Warning), (self.incomplete, b'~', Role::Error)] {
            if set {
                rows.look.style().put(out, role, |out| out.push(flag));
                width += 1;
            }
        }
        let pad = FLAGS.saturating_sub(width);
        out.resize(out.len() + pad, b' ');
        width + pad
    }
}
