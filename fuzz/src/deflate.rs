//! permessage-deflate against another inflater that keeps every byte of history.
//!
//! What is called whole has to be what the other one makes of it, whatever was lost before; how a message is
//! cut into pieces changes nothing.

use flate2::{Decompress, FlushDecompress, Status};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use wslens::ws::{InflateLimits, InflateSpace, Inflater, Inflation};

use crate::feed::Feed;

/// Output that the other inflater is let make in all.
const ROOM: usize = 16 << 20;

/// The other inflater: one buffer with everything since the window was last emptied.
struct Other {
    state: Box<DecompressorOxide>,
    out: Vec<u8>,
    len: usize,
}

impl Other {
    fn new() -> Self {
        Self { state: Box::default(), out: Vec::new(), len: 0 }
    }

    /// Inflates a message; its bytes, or none where it is broken. `None` also where there is no room.
    fn message(&mut self, wire: &[u8]) -> Result<Vec<u8>, bool> {
        let before = self.len;
        let wire = [wire, &[0, 0, 0xff, 0xff]].concat();
        let mut rest = &wire[..];
        let flags = inflate_flags::TINFL_FLAG_HAS_MORE_INPUT
            | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        loop {
            if self.out.len() - self.len < 1 << 16 {
                self.out.resize(self.out.len() + (1 << 18), 0);
            }
            let (status, used, made) = decompress(&mut self.state, rest, &mut self.out, self.len, flags);
            rest = &rest[used..];
            self.len += made;
            match status {
                // A final block: deflate starts anew, the window stays.
                TINFLStatus::Done => *self.state = DecompressorOxide::default(),
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => {}
                _ => return Err(false),
            }
            if self.len > ROOM {
                return Err(true);
            }
            if rest.is_empty() && status != TINFLStatus::HasMoreOutput {
                return Ok(self.out[before..self.len].to_vec());
            }
        }
    }
}

/// The output of the last of some messages, by the inflater that is used, but fed plainly.
fn lazy(messages: &[&[u8]]) -> Vec<u8> {
    let mut stream = Decompress::new(false);
    let (mut out, mut last) = (Vec::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    for wire in messages {
        last = out.len();
        let wire = [wire, &[0, 0, 0xff, 0xff][..]].concat();
        let mut rest = &wire[..];
        loop {
            let (used, made) = (stream.total_in(), stream.total_out());
            let status =
                stream.decompress(rest, &mut buffer, FlushDecompress::Sync).expect("it is not broken");
            rest = &rest[(stream.total_in() - used) as usize..];
            let made = (stream.total_out() - made) as usize;
            out.extend_from_slice(&buffer[..made]);
            if status == Status::StreamEnd {
                stream = Decompress::new(false);
                stream
                    .set_dictionary(&out[out.len().saturating_sub(1 << 15)..])
                    .expect("raw deflate takes any");
            }
            if rest.is_empty() && made < buffer.len() {
                break;
            }
        }
    }
    out.split_off(last)
}

fn inflate(
    inflater: &mut Inflater,
    wire: &[u8],
    step: usize,
    limits: &InflateLimits,
) -> (Inflation, u64, Vec<u8>) {
    let (mut space, mut out) = (InflateSpace::default(), Vec::new());
    inflater.begin();
    for piece in wire.chunks(step.max(1)) {
        inflater.feed(piece, limits, &mut space, &mut |bytes, within| {
            out.extend_from_slice(if within { bytes } else { &[] })
        });
    }
    let (how, len) = inflater.finish(limits, &mut space, &mut |bytes, within| {
        out.extend_from_slice(if within { bytes } else { &[] })
    });
    (how, len, out)
}

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let small = InflateLimits { message: 100_000, ratio: 50, drain: 3 << 20 };
    let limits = if feed.byte() & 1 == 0 { InflateLimits::default() } else { small };
    let (mut one, mut two, mut other) = (Inflater::default(), Inflater::default(), Other::new());
    // The messages since the window was last emptied.
    let mut since: Vec<&[u8]> = Vec::new();
    for _ in 0..32 {
        if feed.is_empty() {
            break;
        }
        let op = feed.byte();
        match op % 8 {
            5 => {
                one.forget();
                two.forget();
                other = Other::new();
                since.clear();
            }
            6 => {
                one.lose();
                two.lose();
                other = Other::new();
                since.clear();
            }
            _ => {}
        }
        let wire = feed.piece();
        since.push(wire);
        let whole = inflate(&mut one, wire, usize::MAX, &limits);
        let step = [1, 2, 3, 5, 16, 64, 300, 1000][usize::from(op >> 5)];
        let cut = inflate(&mut two, wire, step, &limits);
        let (how, len, out) = &whole;
        if *how == Inflation::Cut || cut.0 == Inflation::Cut {
            // Where the output is cut for its ratio depends on what has come in by then; the rest does not.
            assert!(len <= &limits.drain || cut.1 > limits.drain);
        } else if *how == Inflation::Whole || cut.0 == Inflation::Whole {
            assert_eq!(whole, cut, "pieces of {step}");
        } else {
            assert_eq!(*how, cut.0, "pieces of {step}");
        }
        if one.bad_end().is_some() || two.bad_end().is_some() {
            // The other one waits for the rest of such a message.
            return;
        }
        let truth = other.message(wire);
        match (how, &truth) {
            (Inflation::Whole, Ok(truth)) => {
                assert!(truth == out, "{} bytes, and {} in truth", out.len(), truth.len());
                assert_eq!(*len, truth.len() as u64);
            }
            (Inflation::Whole, Err(true)) => return,
            (Inflation::Whole, Err(false)) => {
                // The other one looks at a block's code lengths as soon as they are there. Where the message
                // ends inside of a block's head, they are not wrong yet.
                assert!(out.is_empty() || lazy(&since) == *out, "{} bytes out of what is broken", out.len());
                return;
            }
            (Inflation::Cut, Ok(truth)) if *len <= limits.drain => {
                assert!(truth.starts_with(out), "what is handed on is right");
                assert_eq!(*len, truth.len() as u64);
            }
            _ => {}
        }
        // After an error all three go on with an empty window.
        let gone = |(how, len, _): &(Inflation, u64, Vec<u8>)| {
            matches!(how, Inflation::Damaged | Inflation::UnknownDictionary) || *len > limits.drain
        };
        if gone(&whole) != gone(&cut) {
            return;
        }
        if gone(&whole) {
            other = Other::new();
            since.clear();
        } else if truth.is_err() {
            return;
        }
    }
}
