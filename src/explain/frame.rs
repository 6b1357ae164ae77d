//! Frames taken apart bit by bit (RFC 6455 section 5.2).

mod close;

use std::ops::Range;

use super::message::{FrameInMessage, Messages};
use super::words::opcodes;
use crate::model::{Direction, Lang, Rule, Severity};
use crate::ws::{Close, FrameHeader, Opcode, rules, unmask};

/// Most frames that one input is taken apart into; the bytes behind them are left as rest.
pub const MAX_FRAMES: usize = 1000;

/// What is known beside the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExplainOptions {
    /// Who sent the bytes; without it nothing is said about masks that are missing or in excess.
    pub direction: Option<Direction>,
    /// Whether permessage-deflate was agreed on, so that RSV1 means compressed.
    pub deflate: bool,
    /// The language of what is said.
    pub lang: Lang,
}

/// Bytes taken apart.
#[derive(Clone, Debug)]
pub struct Explained {
    /// How many bytes there were.
    pub len: usize,
    /// The frames in their order; the last one may be incomplete.
    pub frames: Vec<ExplainedFrame>,
    /// What follows the last frame and was not read.
    pub rest: Option<Rest>,
}

impl Explained {
    /// Whether no frame breaks a rule.
    #[must_use]
    pub fn is_legal(&self) -> bool {
        self.frames.iter().all(ExplainedFrame::is_legal)
    }
}

/// Bytes that were not read.
#[derive(Clone, Debug)]
pub struct Rest {
    /// Where they are.
    pub range: Range<usize>,
    /// Why they were not read, as half a sentence.
    pub why: &'static str,
}

/// One frame.
#[derive(Clone, Debug)]
pub struct ExplainedFrame {
    /// Its place in the row, from 1.
    pub number: usize,
    /// Who sent it, where that was said.
    pub direction: Option<Direction>,
    /// Its header; `None` where even that is incomplete.
    pub header: Option<FrameHeader>,
    /// The header's bytes, all that are there.
    pub head: Vec<u8>,
    /// Its bytes in the input.
    pub range: Range<usize>,
    /// The payload's bytes in the input, as sent; all that are there.
    pub wire: Range<usize>,
    /// The payload's bytes, unmasked; all that are there.
    pub payload: Vec<u8>,
    /// Bytes that the header lacks and, with a whole header, that the payload lacks.
    pub missing: (usize, u64),
    /// Its fields, in the order of their bits, then what the payload says.
    pub rows: Vec<FieldRow>,
    /// What is said about the message that this frame ends or belongs to.
    pub message: FrameInMessage,
    /// The rules it breaks.
    pub problems: Vec<BrokenRule>,
}

/// One field of a frame.
#[derive(Clone, Debug)]
pub struct FieldRow {
    /// What it is.
    pub field: FrameField,
    /// Its bytes in the input.
    pub range: Range<usize>,
    /// Its bits, where it is less than a byte: the first, from 0 = the top bit, and how many.
    pub bits: Option<(u8, u8)>,
    /// Its value as written.
    pub value: String,
    /// What it means, in one line.
    pub meaning: String,
    /// Where that is written; may be empty.
    pub reference: &'static str,
}

impl FieldRow {
    /// Its bits, counted from the beginning of `frame`.
    #[must_use]
    pub fn bits_of(&self, frame: &ExplainedFrame) -> Range<usize> {
        let byte = |at: usize| at.saturating_sub(frame.range.start).saturating_mul(8);
        match self.bits {
            Some((first, count)) => {
                let first = byte(self.range.start) + usize::from(first);
                first..first + usize::from(count)
            }
            None => byte(self.range.start)..byte(self.range.end),
        }
    }

    /// Its bytes, counted from the beginning of `frame`.
    #[must_use]
    pub fn bytes_of(&self, frame: &ExplainedFrame) -> Range<usize> {
        self.range.start.saturating_sub(frame.range.start)..self.range.end.saturating_sub(frame.range.start)
    }
}

/// A field of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FrameField {
    Fin,
    Rsv,
    Opcode,
    Mask,
    PayloadLength,
    ExtendedLength,
    MaskingKey,
    Payload,
    CloseCode,
    CloseReason,
}

impl FrameField {
    /// Its name, in the words of RFC 6455 section 5.2.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fin => "FIN",
            Self::Rsv => "RSV1-3",
            Self::Opcode => "opcode",
            Self::Mask => "MASK",
            Self::PayloadLength => "payload length",
            Self::ExtendedLength => "extended length",
            Self::MaskingKey => "masking key",
            Self::Payload => "payload",
            Self::CloseCode => "close code",
            Self::CloseReason => "close reason",
        }
    }

    /// Whether it is a part of the header.
    #[must_use]
    pub fn is_header(self) -> bool {
        !matches!(self, Self::Payload | Self::CloseCode | Self::CloseReason)
    }
}

/// A broken rule.
#[derive(Clone, Debug)]
pub struct BrokenRule {
    /// The rule; only an error makes a frame illegal.
    pub rule: &'static Rule,
    /// The field that shows it.
    pub field: FrameField,
    /// One clause with the values.
    pub text: String,
}

const S5_1: &str = "RFC 6455 §5.1";
const S5_2: &str = "RFC 6455 §5.2";
const S5_3: &str = "RFC 6455 §5.3";
const S5_4: &str = "RFC 6455 §5.4";
const S5_5_1: &str = "RFC 6455 §5.5.1";

/// Takes a row of frames apart.
#[must_use]
pub fn explain(bytes: &[u8], options: &ExplainOptions) -> Explained {
    let mut frames: Vec<ExplainedFrame> = Vec::new();
    let mut messages = Messages::new(options.deflate, options.lang);
    let mut at = 0;
    let mut rest = None;
    while at < bytes.len() {
        if frames.len() == MAX_FRAMES {
            rest = Some(Rest {
                range: at..bytes.len(),
                why: options.lang.pick("only the first 1000 frames are explained", "只解释前 1000 个帧"),
            });
            break;
        }
        let mut frame = Builder::new(bytes, at, frames.len() + 1, *options).build();
        messages.add(&mut frame);
        at = frame.range.end;
        let lost = frame.problems.iter().any(|p| p.rule.code == rules::LENGTH_MSB_SET.code);
        frames.push(frame);
        if lost {
            rest = (at < bytes.len()).then_some(Rest {
                range: at..bytes.len(),
                why: options.lang.pick(
                    "with such a length nobody knows where the next frame begins",
                    "有了这样的长度，没有人知道下一帧从哪里开始",
                ),
            });
            break;
        }
    }
    Explained { len: bytes.len(), frames, rest }
}

impl ExplainedFrame {
    /// Whether it breaks no rule. What is missing is no breach.
    #[must_use]
    pub fn is_legal(&self) -> bool {
        self.problems.iter().all(|p| p.rule.severity != Severity::Error)
    }

    /// Whether all its bytes are there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing == (0, 0)
    }

    /// Bytes of the header, as far as they are there.
    #[must_use]
    pub fn header_range(&self) -> Range<usize> {
        self.range.start..self.wire.start
    }

    /// Whether it is masked; `None` where that is not there yet.
    #[must_use]
    pub fn masked(&self) -> Option<bool> {
        self.rows.iter().find(|row| row.field == FrameField::Mask).map(|row| row.value == "1")
    }

    /// What a Close frame says.
    #[must_use]
    pub fn close(&self) -> Option<Close<'_>> {
        (self.header?.opcode() == Opcode::Close).then(|| Close::parse(&self.payload))
    }

    /// Adds a broken rule.
    pub(super) fn broken(&mut self, field: FrameField, rule: &'static Rule, text: String) {
        self.problems.push(BrokenRule { rule, field, text });
    }
}

struct Builder<'a> {
    bytes: &'a [u8],
    options: ExplainOptions,
    frame: ExplainedFrame,
    at: usize,
}

impl<'a> Builder<'a> {
    fn new(bytes: &'a [u8], at: usize, number: usize, options: ExplainOptions) -> Self {
        let frame = ExplainedFrame {
            number,
            direction: options.direction,
            header: None,
            head: Vec::new(),
            range: at..at,
            wire: at..at,
            payload: Vec::new(),
            missing: (0, 0),
            rows: Vec::with_capacity(8),
            message: FrameInMessage::default(),
            problems: Vec::new(),
        };
        Self { bytes, options, frame, at }
    }

    fn build(mut self) -> ExplainedFrame {
        let start = self.at;
        let left = self.bytes.get(start..).unwrap_or_default();
        let header = match FrameHeader::parse(left) {
            crate::model::Parse::Done(header, _) => Some(header),
            crate::model::Parse::Need(len) => {
                self.frame.missing.0 = len.saturating_sub(left.len());
                None
            }
        };
        self.frame.header = header;
        if let Some(&first) = left.first() {
            self.first_byte(first);
        }
        if let Some(&[first, second]) = left.first_chunk::<2>() {
            self.second_byte(second);
            self.rest_of_header(first, second, left.len());
        }
        self.frame.head = self.bytes.get(start..self.at).unwrap_or_default().to_vec();
        self.frame.wire = self.at..self.at;
        if let Some(header) = header {
            self.payload(header);
        }
        self.frame.range.end = self.at;
        self.frame
    }

    /// Adds the row of the next `len` bytes.
    fn row(&mut self, field: FrameField, len: usize, value: String, meaning: &str, reference: &'static str) {
        let range = self.at..self.at + len;
        self.at += len;
        self.frame.rows.push(FieldRow {
            field,
            range,
            bits: None,
            value,
            meaning: meaning.to_owned(),
            reference,
        });
    }

    /// Adds the row of some bits of the byte at hand.
    fn bits(
        &mut self,
        field: FrameField,
        bits: (u8, u8),
        value: String,
        meaning: &str,
        reference: &'static str,
    ) {
        let range = self.at..self.at + 1;
        let meaning = meaning.to_owned();
        self.frame.rows.push(FieldRow { field, range, bits: Some(bits), value, meaning, reference });
    }

    fn first_byte(&mut self, byte: u8) {
        let header = FrameHeader::of([byte, 0]);
        let (fin, rsv, opcode) = (header.fin(), header.rsv(), header.opcode());
        let lang = self.options.lang;
        let meaning = match fin {
            true => lang.pick("last frame of the message", "消息的最后一帧"),
            false => lang.pick("more frames of this message follow", "这条消息后面还有帧"),
        };
        self.bits(FrameField::Fin, (0, 1), u8::from(fin).to_string(), meaning, if fin { "" } else { S5_4 });
        if !fin && opcode.is_control() {
            let text = match lang {
                Lang::En => format!("a {} frame must not be fragmented", opcode.title()),
                Lang::Zh => format!("{} 帧不得分片", opcode.title()),
            };
            self.frame.broken(FrameField::Fin, &rules::FRAGMENTED_CONTROL_FRAME, text);
        }
        self.rsv(rsv, opcode);
        let meaning = opcodes::line(opcode).of(lang);
        let reference = match opcode {
            Opcode::Continuation => S5_4,
            Opcode::Close => S5_5_1,
            Opcode::Ping => "RFC 6455 §5.5.2",
            Opcode::Pong => "RFC 6455 §5.5.3",
            Opcode::Text | Opcode::Binary | Opcode::Reserved(_) => S5_2,
        };
        self.bits(FrameField::Opcode, (4, 4), format!("0x{:x}", opcode.bits()), meaning, reference);
        if let Opcode::Reserved(bits) = opcode {
            let text = match (lang, opcode.is_control()) {
                (Lang::En, true) => format!("0x{bits:x} is reserved for control frames to come"),
                (Lang::En, false) => format!("0x{bits:x} is reserved for data frames to come"),
                (Lang::Zh, true) => format!("0x{bits:x} 留给将来的控制帧"),
                (Lang::Zh, false) => format!("0x{bits:x} 留给将来的数据帧"),
            };
            self.frame.broken(FrameField::Opcode, &rules::RESERVED_OPCODE, text);
        }
        self.at += 1;
    }

    fn rsv(&mut self, rsv: u8, opcode: Opcode) {
        let lang = self.options.lang;
        let value = format!("{} {} {}", rsv >> 2, rsv >> 1 & 1, rsv & 1);
        let compressed =
            self.options.deflate && rsv & 4 != 0 && matches!(opcode, Opcode::Text | Opcode::Binary);
        let (meaning, reference) = match (rsv, compressed) {
            (0, _) => (lang.pick("no extension bits", "没有扩展位"), ""),
            (_, true) => (lang.pick("RSV1: the message is compressed", "RSV1：消息是压缩的"), "RFC 7692 §6"),
            (_, false) => (lang.pick("for extensions", "供扩展使用"), S5_2),
        };
        self.bits(FrameField::Rsv, (1, 3), value, meaning, reference);
        let mut left = rsv;
        if self.options.deflate && rsv & 4 != 0 {
            left &= 3;
            match opcode {
                Opcode::Continuation => {
                    let text = lang
                        .pick(
                            "only the first frame of a message tells that it is compressed",
                            "只有消息的第一帧说明它是压缩的",
                        )
                        .into();
                    self.frame.broken(FrameField::Rsv, &rules::RSV1_ON_CONTINUATION, text);
                }
                _ if opcode.is_control() => {
                    let text = lang.pick("a control frame is never compressed", "控制帧从不压缩").into();
                    self.frame.broken(FrameField::Rsv, &rules::RSV1_ON_CONTROL_FRAME, text);
                }
                _ => {}
            }
        }
        if left != 0 {
            let names: Vec<&str> = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")]
                .iter()
                .filter(|(bit, _)| left & bit != 0)
                .map(|x| x.1)
                .collect();
            let hint = match left & 4 != 0 && !self.options.deflate {
                true => lang.pick(" (compressed? give --deflate)", "（压缩了？请加 --deflate）"),
                false => "",
            };
            let names = names.join(", ");
            let text = match lang {
                Lang::En => format!("{names} set without an extension that defines it{hint}"),
                Lang::Zh => format!("{names} 被置位，却没有定义它的扩展{hint}"),
            };
            self.frame.broken(FrameField::Rsv, &rules::RESERVED_BIT_SET, text);
        }
    }

    fn second_byte(&mut self, byte: u8) {
        use Direction::{ClientToServer, ServerToClient};
        let (lang, masked) = (self.options.lang, byte & 0x80 != 0);
        let (meaning, reference) = match (masked, self.options.direction) {
            (true, None) => {
                (lang.pick("masked, so it was sent by a client", "有掩码，所以是客户端发的"), S5_3)
            }
            (true, Some(_)) => {
                (lang.pick("masked, as every client frame must be", "有掩码，客户端的帧都必须这样"), S5_3)
            }
            (false, None) => {
                (lang.pick("not masked, so it was sent by a server", "没有掩码，所以是服务器发的"), S5_1)
            }
            (false, Some(_)) => (
                lang.pick("not masked, as every server frame must be", "没有掩码，服务器的帧都必须这样"),
                S5_1,
            ),
        };
        self.bits(FrameField::Mask, (0, 1), u8::from(masked).to_string(), meaning, reference);
        match (masked, self.options.direction) {
            (false, Some(ClientToServer)) => {
                let text = lang.pick("a client must mask every frame", "客户端的每个帧都必须加掩码").into();
                self.frame.broken(FrameField::Mask, &rules::UNMASKED_CLIENT_FRAME, text);
            }
            (true, Some(ServerToClient)) => {
                let text = lang.pick("a server must not mask any frame", "服务器的帧都不得加掩码").into();
                self.frame.broken(FrameField::Mask, &rules::MASKED_SERVER_FRAME, text);
            }
            _ => {}
        }
        let meaning = match byte & 0x7f {
            126 => lang.pick("126 → the length is in the next 2 bytes", "126 → 长度在后面 2 个字节里"),
            127 => lang.pick("127 → the length is in the next 8 bytes", "127 → 长度在后面 8 个字节里"),
            _ => lang.pick(
                "0..125 fit here; 126 → 16-bit, 127 → 64-bit",
                "0..125 放在这里；126 → 16 位，127 → 64 位",
            ),
        };
        self.bits(FrameField::PayloadLength, (1, 7), (byte & 0x7f).to_string(), meaning, S5_2);
        self.at += 1;
    }

    /// The extended length and the masking key, or what is there of them.
    fn rest_of_header(&mut self, first: u8, second: u8, left: usize) {
        let shape = FrameHeader::of([first, second]);
        let mut left = left.saturating_sub(2);
        let extended = shape.extended_len();
        let len = extended.min(left);
        left -= len;
        match self.frame.header {
            _ if extended == 0 => {}
            Some(header) => self.extended_length(header, extended),
            None if len == extended => self.extended_length(self.length_only(shape, extended), extended),
            None if len > 0 => {
                let meaning = here_of(len, extended, self.options.lang);
                self.row(FrameField::ExtendedLength, len, "?".into(), &meaning, S5_2);
            }
            None => {}
        }
        let len = left.min(4);
        if !shape.masked() || len == 0 {
            return;
        }
        let meaning = match len {
            4 => {
                self.options.lang.pick("4 random bytes, new for every frame", "4 个随机字节，每帧换新").into()
            }
            _ => here_of(len, 4, self.options.lang),
        };
        self.row(FrameField::MaskingKey, len, String::new(), &meaning, "");
        if self.frame.header.is_some_and(|header| header.masking_key == [0; 4]) {
            let text = self
                .options
                .lang
                .pick("a key of zeros leaves the payload as it is", "全零的键让载荷保持原样")
                .into();
            self.frame.broken(FrameField::MaskingKey, &rules::WEAK_MASKING_KEY, text);
        }
    }

    /// A header whose key has yet to come, with its length.
    fn length_only(&self, shape: FrameHeader, extended: usize) -> FrameHeader {
        let bytes = self.bytes.get(self.at..self.at + extended).unwrap_or_default();
        let payload_len = bytes.iter().fold(0, |len, &byte| len << 8 | u64::from(byte));
        FrameHeader { payload_len, ..shape }
    }

    fn extended_length(&mut self, header: FrameHeader, extended: usize) {
        let (lang, len) = (self.options.lang, header.payload_len);
        let meaning = match extended {
            2 => lang.pick("16 bits, for 126 to 65535 bytes", "16 位，用于 126 到 65535 字节"),
            _ => lang.pick("64 bits, for 65536 bytes and more", "64 位，用于 65536 字节以上"),
        };
        self.row(FrameField::ExtendedLength, extended, len.to_string(), meaning, S5_2);
        if len >> 63 != 0 {
            let text = lang.pick("the top bit must be 0", "最高位必须为 0").into();
            self.frame.broken(FrameField::ExtendedLength, &rules::LENGTH_MSB_SET, text);
        } else if !header.length_is_minimal() {
            let bits = if len < 126 { 7 } else { 16 };
            let text = match lang {
                Lang::En => format!("{len} fits in {bits} bits; the shortest form is required"),
                Lang::Zh => format!("{len} 用 {bits} 位就放得下；必须用最短的形式"),
            };
            self.frame.broken(FrameField::ExtendedLength, &rules::NON_MINIMAL_LENGTH, text);
        }
        if header.opcode().is_control() && (len > 125 || len >> 63 != 0) {
            let text = match lang {
                Lang::En => format!("a control frame carries at most 125 bytes, not {len}"),
                Lang::Zh => format!("控制帧最多带 125 个字节，不能是 {len}"),
            };
            self.frame.broken(FrameField::ExtendedLength, &rules::CONTROL_FRAME_TOO_LONG, text);
        }
    }

    fn payload(&mut self, header: FrameHeader) {
        if header.payload_len >> 63 != 0 {
            return;
        }
        let left = self.bytes.len() - self.at;
        let len = usize::try_from(header.payload_len).unwrap_or(usize::MAX).min(left);
        self.frame.missing.1 = header.payload_len - len as u64;
        let range = self.at..self.at + len;
        let mut payload = self.bytes.get(range.clone()).unwrap_or_default().to_vec();
        if header.masked() {
            unmask(&mut payload, header.masking_key, 0);
        }
        self.frame.wire = range.clone();
        self.frame.payload = payload;
        if len > 0 {
            self.row(FrameField::Payload, len, String::new(), "", "");
        }
        // RSV1 on a control frame is one breach; what its payload then says is not judged.
        if header.opcode() == Opcode::Close && header.rsv() == 0 {
            self.close_payload(header, range);
        }
    }
}

/// How much of a field is there.
fn here_of(len: usize, whole: usize, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{len} of {whole} bytes are here"),
        Lang::Zh => format!("{whole} 个字节里只有 {len} 个"),
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
