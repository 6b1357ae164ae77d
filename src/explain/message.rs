//! Messages that the frames of one input make up: UTF-8 and inflating are judged on the whole message.

use super::frame::{ExplainedFrame, FrameField};
use crate::model::{Lang, Rule};
use crate::ws::{DeflateEnd, InflateLimits, InflateSpace, Inflater, Inflation, Opcode, Utf8Check, rules};

/// Most bytes that a message is inflated to.
pub const MAX_INFLATED: usize = 1 << 20;
/// Most bytes that all messages of an input are inflated to.
const MAX_INFLATED_ALL: usize = 8 << 20;

/// What is said at a frame about the message that it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameInMessage {
    /// What the message's first frame says it is; `None` for control frames and where that frame is not there.
    pub opcode: Option<Opcode>,
    /// Whether it is compressed: RSV1 was set on its first frame.
    pub compressed: bool,
    /// Which frame of the message this is, from 1.
    pub index: usize,
    /// The verdict on its text.
    pub utf8: Utf8,
    /// The inflated message, at its last frame.
    pub inflated: Option<Inflated>,
}

/// A verdict on text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Utf8 {
    /// It is no text, or nobody can tell.
    #[default]
    NotJudged,
    /// The whole message is UTF-8.
    Valid,
    /// What is there is UTF-8; more is to come.
    ValidSoFar,
    /// The byte at this offset of the message is not.
    Bad(u64),
}

/// A message after inflating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inflated {
    /// Its bytes, as far as they came.
    pub bytes: Vec<u8>,
    /// Why they may not be all.
    pub outcome: Inflation,
    /// What is wrong with the end of the message.
    pub bad_end: Option<DeflateEnd>,
}

/// What is known about one direction.
enum Flow {
    /// Nothing yet: a continuation may go on with a message before the input.
    Unknown,
    /// The last message is over.
    Idle,
    /// A message is open.
    Open(Open),
}

struct Open {
    opcode: Opcode,
    compressed: bool,
    frames: usize,
    check: Utf8Check,
    /// The compressed bytes.
    wire: Vec<u8>,
}

/// The messages of an input, per direction as the masks tell it.
pub(super) struct Messages {
    deflate: bool,
    lang: Lang,
    flows: [(Flow, Inflater); 2],
    budget: usize,
}

impl Messages {
    pub(super) fn new(deflate: bool, lang: Lang) -> Self {
        let flow = || {
            let mut inflater = Inflater::default();
            // There may have been messages before the input.
            inflater.lose();
            (Flow::Unknown, inflater)
        };
        Self { deflate, lang, flows: [flow(), flow()], budget: MAX_INFLATED_ALL }
    }

    /// Adds the next frame and writes into it what is now known about its message.
    pub(super) fn add(&mut self, frame: &mut ExplainedFrame) {
        let Some(header) = frame.header else { return };
        let opcode = header.opcode();
        if opcode.is_control() {
            return;
        }
        let [plain, masked] = &mut self.flows;
        let (flow, inflater) = if header.masked() { masked } else { plain };
        let mut open = match (opcode, std::mem::replace(flow, Flow::Idle)) {
            (Opcode::Continuation, Flow::Open(open)) => open,
            (Opcode::Continuation, before) => {
                if let Flow::Idle = before {
                    let text = self
                        .lang
                        .pick("no message is open that it could go on with", "没有未完的消息可以延续")
                        .into();
                    frame.broken(FrameField::Opcode, &rules::UNEXPECTED_CONTINUATION, text);
                }
                *flow = if header.fin() { Flow::Idle } else { before };
                return;
            }
            (_, before) => {
                if let Flow::Open(_) = before {
                    let text = self
                        .lang
                        .pick(
                            "a new message begins while another is open",
                            "另一条消息还没结束就开始了新消息",
                        )
                        .into();
                    frame.broken(FrameField::Opcode, &rules::INTERLEAVED_DATA_FRAME, text);
                }
                let (compressed, check) = (header.rsv1(), Utf8Check::new());
                Open { opcode, compressed, frames: 0, check, wire: Vec::new() }
            }
        };
        open.frames += 1;
        frame.message = FrameInMessage {
            opcode: Some(open.opcode),
            compressed: open.compressed,
            index: open.frames,
            ..FrameInMessage::default()
        };
        let ends = header.fin() && frame.is_complete();
        if open.compressed && self.deflate {
            open.wire.extend_from_slice(&frame.payload);
            if ends {
                let inflated = inflate(inflater, &open.wire, &mut self.budget);
                open.check.feed(&inflated.bytes);
                if open.opcode == Opcode::Text {
                    judge(frame, &open.check, inflated.outcome == Inflation::Whole, self.lang);
                }
                if let Some((rule, text)) = end_fault(inflated.bad_end, self.lang) {
                    frame.broken(FrameField::Payload, rule, text);
                } else if inflated.outcome == Inflation::Damaged {
                    let text = self.lang.pick("the compressed data is broken", "压缩数据已损坏").into();
                    frame.broken(FrameField::Payload, &rules::INFLATE_ERROR, text);
                }
                frame.message.inflated = Some(inflated);
            }
        } else if open.opcode == Opcode::Text && !open.compressed && header.rsv() == 0 {
            open.check.feed(&frame.payload);
            judge(frame, &open.check, ends, self.lang);
        }
        *flow = if header.fin() { Flow::Idle } else { Flow::Open(open) };
    }
}

/// The verdict on a text message of which `whole` tells whether it is over.
fn judge(frame: &mut ExplainedFrame, check: &Utf8Check, whole: bool, lang: Lang) {
    let bad = if whole { check.finish().err() } else { check.bad_at() };
    frame.message.utf8 = match bad {
        Some(at) => Utf8::Bad(at),
        None if whole => Utf8::Valid,
        None => Utf8::ValidSoFar,
    };
    if let Some(at) = bad {
        let text = match lang {
            Lang::En => format!("byte {at} of the message is not UTF-8"),
            Lang::Zh => format!("消息的第 {at} 个字节不是 UTF-8"),
        };
        frame.broken(FrameField::Payload, &rules::INVALID_UTF8, text);
    }
}

/// Inflates a whole message as far as the limits allow. The window of `inflater` holds the messages before it.
fn inflate(inflater: &mut Inflater, wire: &[u8], budget: &mut usize) -> Inflated {
    let message = MAX_INFLATED.min(*budget) as u64;
    let limits = InflateLimits { message, ratio: u64::MAX, drain: 32 << 20 };
    let (mut bytes, mut space) = (Vec::new(), InflateSpace::default());
    let mut keep = |piece: &[u8], within: bool| bytes.extend_from_slice(if within { piece } else { &[] });
    inflater.begin();
    inflater.feed(wire, &limits, &mut space, &mut keep);
    let (outcome, _) = inflater.finish(&limits, &mut space, &mut keep);
    *budget = budget.saturating_sub(bytes.len());
    Inflated { bytes, outcome, bad_end: inflater.bad_end() }
}

/// What is wrong with the end of a message that could be decompressed.
fn end_fault(end: Option<DeflateEnd>, lang: Lang) -> Option<(&'static Rule, String)> {
    let (rule, text) = match end? {
        DeflateEnd::Empty => (
            &rules::DEFLATE_EMPTY,
            lang.pick("RSV1 is set, but there is no payload", "RSV1 置位，却没有载荷"),
        ),
        DeflateEnd::TailKept => (
            &rules::DEFLATE_TAIL_KEPT,
            lang.pick("the message ends with 00 00 ff ff", "消息以 00 00 ff ff 结尾"),
        ),
        DeflateEnd::FinalBlock => (
            &rules::DEFLATE_FINAL_BLOCK,
            lang.pick("the byte 00 is missing after the final block", "最后一块之后缺少字节 00"),
        ),
        DeflateEnd::NotFlushed => {
            (&rules::INFLATE_ERROR, lang.pick("the last block is not flushed", "最后一块没有刷新（flush）"))
        }
        DeflateEnd::InsideBlock => return None,
    };
    Some((rule, text.to_owned()))
}
