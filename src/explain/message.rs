//! Messages that the frames of one input make up: UTF-8 and inflating are judged on the whole message.

use flate2::{Decompress, FlushDecompress, Status};

use super::frame::{ExplainedFrame, Field};
use crate::ws::{Opcode, Utf8Check};

/// Most bytes that a message is inflated to.
pub const MAX_INFLATED: usize = 1 << 20;
/// Most bytes that all messages of an input are inflated to.
const MAX_INFLATED_ALL: usize = 8 << 20;

/// What is said at a frame about the message that it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
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
    pub outcome: Outcome,
}

/// How inflating ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At the end of the message.
    Whole,
    /// At [`MAX_INFLATED`].
    Limit,
    /// The data refers to a message that is not there.
    EarlierMessage,
    /// The data is broken.
    Broken,
}

/// What is known about one direction.
#[derive(Default)]
enum Flow {
    /// Nothing yet: a continuation may go on with a message before the input.
    #[default]
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
    flows: [(Flow, Inflater); 2],
    budget: usize,
}

impl Messages {
    pub(super) fn new(deflate: bool) -> Self {
        Self { deflate, flows: Default::default(), budget: MAX_INFLATED_ALL }
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
        let mut open = match (opcode, std::mem::take(flow)) {
            (Opcode::Continuation, Flow::Open(open)) => open,
            (Opcode::Continuation, before) => {
                if let Flow::Idle = before {
                    let text = "no message is open that it could go on with".into();
                    frame.broken(Field::Opcode, "unexpected-continuation", "RFC 6455 §5.4", text);
                }
                *flow = if header.fin() { Flow::Idle } else { before };
                return;
            }
            (_, before) => {
                if let Flow::Open(_) = before {
                    let text = "a new message begins while another is open".into();
                    frame.broken(Field::Opcode, "interleaved-data-frame", "RFC 6455 §5.4", text);
                }
                let (compressed, check) = (header.rsv1(), Utf8Check::new());
                Open { opcode, compressed, frames: 0, check, wire: Vec::new() }
            }
        };
        open.frames += 1;
        frame.message = Part {
            opcode: Some(open.opcode),
            compressed: open.compressed,
            index: open.frames,
            ..Part::default()
        };
        let ends = header.fin() && frame.is_complete();
        if open.compressed && self.deflate {
            open.wire.extend_from_slice(&frame.payload);
            if ends {
                let inflated = inflater.inflate(&mut open.wire, &mut self.budget);
                open.check.feed(&inflated.bytes);
                if open.opcode == Opcode::Text {
                    judge(frame, &open.check, inflated.outcome == Outcome::Whole);
                }
                if inflated.outcome == Outcome::Broken {
                    let text = "the compressed data is broken".into();
                    frame.broken(Field::Payload, "inflate-error", "RFC 7692 §7.2.2", text);
                }
                frame.message.inflated = Some(inflated);
            }
        } else if open.opcode == Opcode::Text && !open.compressed && header.rsv() == 0 {
            open.check.feed(&frame.payload);
            judge(frame, &open.check, ends);
        }
        *flow = if header.fin() { Flow::Idle } else { Flow::Open(open) };
    }
}

/// The verdict on a text message of which `whole` tells whether it is over.
fn judge(frame: &mut ExplainedFrame, check: &Utf8Check, whole: bool) {
    let bad = if whole { check.finish().err() } else { check.bad_at() };
    frame.message.utf8 = match bad {
        Some(at) => Utf8::Bad(at),
        None if whole => Utf8::Valid,
        None => Utf8::ValidSoFar,
    };
    if let Some(at) = bad {
        let text = format!("byte {at} of the message is not UTF-8");
        frame.broken(Field::Payload, "invalid-utf8", "RFC 6455 §8.1", text);
    }
}

/// One direction's window: each message may refer to those before it (RFC 7692 section 7.2.3.2).
struct Inflater(Decompress);

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Inflater {
    fn inflate(&mut self, wire: &mut Vec<u8>, budget: &mut usize) -> Inflated {
        // The end of the last block that the sender left out (RFC 7692 section 7.2.1).
        wire.extend_from_slice(&[0, 0, 0xff, 0xff]);
        let max = MAX_INFLATED.min(*budget);
        let mut bytes = Vec::new();
        let outcome = match self.run(wire, max, |made| bytes.extend_from_slice(made)) {
            // Only the window can make a difference: does the data make sense with any other one?
            Outcome::Broken => {
                let mut primed = Self::default();
                primed.run(&zeros(), usize::MAX, |_| {});
                match primed.run(wire, max, |_| {}) {
                    Outcome::Broken => Outcome::Broken,
                    _ => Outcome::EarlierMessage,
                }
            }
            other => other,
        };
        *budget -= bytes.len();
        if outcome != Outcome::Whole {
            self.0.reset(false);
        }
        Inflated { bytes, outcome }
    }

    /// Inflates `wire` and hands on at most `max` bytes.
    fn run(&mut self, wire: &[u8], max: usize, mut hand_on: impl FnMut(&[u8])) -> Outcome {
        let mut buffer = vec![0; 16 << 10];
        let (mut from, mut room) = (0usize, max);
        loop {
            let (came_in, came_out) = (self.0.total_in(), self.0.total_out());
            let input = wire.get(from..).unwrap_or_default();
            let result = self.0.decompress(input, &mut buffer, FlushDecompress::Sync);
            let taken = self.0.total_in().wrapping_sub(came_in) as usize;
            let made = self.0.total_out().wrapping_sub(came_out) as usize;
            from += taken;
            hand_on(buffer.get(..made.min(room)).unwrap_or_default());
            match result {
                Err(_) => return Outcome::Broken,
                _ if made > room => return Outcome::Limit,
                Ok(Status::StreamEnd) => {
                    // A final block ends the stream; the next message begins a new one.
                    self.0.reset(false);
                    return Outcome::Whole;
                }
                Ok(_) if taken == 0 && made == 0 => return Outcome::Whole,
                Ok(_) => room -= made,
            }
        }
    }
}

/// A stored block (RFC 1951 section 3.2.4) of zeros that fills the window.
fn zeros() -> Vec<u8> {
    let mut block = vec![0, 0x00, 0x80, 0xff, 0x7f];
    block.resize(block.len() + (32 << 10), 0);
    block
}
