//! A WebSocket fed with any bytes in both directions, in any chunks, with gaps, and kept bytes that vanish.
//!
//! Frames are numbered without a hole and lie in what was fed; a frame's and a message's bytes are those that
//! came; other chunks of the same bytes give the same events, until framing is lost: where frames are found again,
//! the ends of segments say something.

use std::collections::HashMap;
use std::fmt::Arguments;

use wslens::model::{Bytes, Chunk, Direction, PerDirection, Place, Rule, Span, Time};
use wslens::ws::{
    Depth, Events, FrameEvent, InflateLimits, Integrity, MessageContext, MessageEvent, Opcode, Scratch, Spot,
    StreamEnd, Terms, WebSocket,
};

use crate::feed::Feed;

/// The fuzzer's bytes by offset, of which the first may be gone.
struct Kept<'a> {
    data: &'a [u8],
    from: u64,
}

impl Bytes for Kept<'_> {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        if span.start < self.from { None } else { self.data.bytes(span) }
    }
}

#[derive(Clone, Copy)]
enum Act {
    Data(Direction, usize, usize),
    Gap(Direction, u64),
    Evict(usize),
    End(Direction, StreamEnd),
}

/// What a direction brought: runs of stream offset, offset in the fuzzer's bytes, length.
type Runs = Vec<(u64, usize, usize)>;

struct Check<'a> {
    data: &'a [u8],
    depth: &'a Depth,
    runs: PerDirection<Runs>,
    position: PerDirection<u64>,
    frames: u64,
    complete: PerDirection<u64>,
    told: PerDirection<u64>,
    messages: PerDirection<u64>,
    /// By message: the payload of its frames as far as all of it is known.
    joined: HashMap<u64, Option<Vec<u8>>>,
    done: Vec<u64>,
    evicted: bool,
    log: Vec<String>,
    packet: u64,
}

impl Check<'_> {
    /// The bytes of a stream from an offset on; none where a gap is among them.
    fn wire(&self, direction: Direction, at: u64, len: u64) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for &(start, from, n) in self.runs.of(direction) {
            let (low, high) = (start.max(at), (start + n as u64).min(at.saturating_add(len)));
            if low < high {
                let from = from + (low - start) as usize;
                out.extend_from_slice(&self.data[from..from + (high - low) as usize]);
            }
        }
        (out.len() as u64 == len).then_some(out)
    }
}

impl Events for Check<'_> {
    fn frame(&mut self, frame: &FrameEvent<'_>) {
        self.frames += 1;
        assert_eq!(frame.number, self.frames);
        let (direction, header) = (frame.direction, frame.header);
        *self.told.of_mut(direction) += 1;
        *self.complete.of_mut(direction) += u64::from(frame.complete);
        assert!(frame.start.place.packet <= frame.last.packet && frame.last.packet <= self.packet);
        let body = frame.start.at + header.len() as u64;
        assert!(body <= *self.position.of(direction));
        let raw = self.wire(direction, frame.start.at, header.len() as u64).expect("a header has no gap");
        let (again, len) = header.to_bytes();
        assert_eq!(raw, again[..len]);
        assert!(frame.payload.len() <= self.depth.keep.min(header.payload_len));
        let mut scratch = Vec::new();
        let shown = frame.read(&mut scratch);
        assert!(self.evicted || shown.len() as u64 == frame.payload.len());
        let plain = frame.complete.then(|| {
            assert!(body + header.payload_len <= *self.position.of(direction), "no event beyond the input");
            let mut bytes =
                self.wire(direction, body, header.payload_len).expect("a complete frame has no gap");
            for (i, byte) in bytes.iter_mut().enumerate() {
                *byte ^= header.masking_key[i % 4];
            }
            bytes
        });
        if let Some(plain) = &plain {
            assert!(plain.starts_with(shown), "a payload is what was sent");
            let needed = self.depth.frame_payloads && (self.depth.payloads || header.opcode().is_control());
            if needed && !self.evicted {
                assert_eq!(
                    shown.len() as u64,
                    self.depth.keep.min(header.payload_len),
                    "and as much as is kept"
                );
            }
        }
        if let Some(message) = frame.message {
            let joined = self.joined.entry(message).or_insert_with(|| Some(Vec::new()));
            match (joined.as_mut(), plain) {
                (Some(joined), Some(plain)) => joined.extend(plain),
                _ => *joined = None,
            }
        }
        self.log.push(format!(
            "frame {} {:?} {direction:?} {header:?} {:?} {:?} {} {:?}",
            frame.number,
            frame.message,
            frame.start,
            frame.last,
            frame.complete,
            // Not asked for, it depends on what the message needs.
            shown.get(..if self.depth.frame_payloads { shown.len() } else { 0 })
        ));
    }

    fn message(&mut self, message: &MessageEvent<'_>) {
        assert!(!self.done.contains(&message.number), "a message ends once");
        self.done.push(message.number);
        *self.messages.of_mut(message.direction) += 1;
        let len = message.bytes.len() as u64;
        assert!(message.frames > 0 && message.opcode != Opcode::Continuation);
        assert!(message.first.packet <= message.last.packet);
        assert!(
            len <= self.depth.keep
                || message.opcode.is_control()
                || matches!(message.opcode, Opcode::Reserved(_))
        );
        assert_eq!(message.missing.is_some(), message.integrity == Integrity::Gap);
        if message.whole {
            assert_eq!(message.len, Some(len));
        }
        let known = self.joined.remove(&message.number);
        assert!(known.is_some() || !self.depth.frames, "its frames come before a message");
        let known = known.flatten().filter(|_| !message.compressed);
        if let Some(known) = known {
            assert!(message.missing.is_none());
            assert_eq!(message.len, Some(known.len() as u64));
            assert!(known.starts_with(message.bytes), "a message is what its frames brought");
            if self.depth.payloads && !self.evicted {
                assert_eq!(len, self.depth.keep.min(known.len() as u64));
            }
            if let Some(sha256) = message.sha256 {
                use sha2::Digest as _;
                assert_eq!(sha256[..], sha2::Sha256::digest(&known)[..], "{message:?}");
            }
            let text =
                message.opcode == Opcode::Text && message.integrity == Integrity::Ok && self.depth.payloads;
            if let (true, Some(at)) = (text, message.invalid_utf8_at) {
                let error = std::str::from_utf8(&known).expect_err("it is called bad");
                assert_eq!(at, error.valid_up_to() as u64);
            }
        }
        if let Some(text) = message.text {
            assert!(message.opcode == Opcode::Text && message.invalid_utf8_at.is_none());
            // A cut may fall inside a character.
            assert!(message.bytes.starts_with(text.as_bytes()) && text.len() + 4 > message.bytes.len());
            assert!(!message.whole || text.len() == message.bytes.len());
        }
        let how =
            (message.integrity, message.whole, message.invalid_utf8_at, message.missing, message.sha256);
        let what =
            (message.number, message.direction, message.opcode, message.first, message.last, message.len);
        let more = (message.wire, message.frames, message.compressed, message.close, message.rtt);
        // Of a message that is cut, what is kept may depend on the chunks.
        let bytes = matches!(message.integrity, Integrity::Ok | Integrity::Guessed).then_some(message.bytes);
        self.log.push(format!("message {what:?} {how:?} {more:?} {bytes:?}"));
    }

    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>) {
        let text = text.to_string();
        assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
        assert!(!self.depth.frames || spot.frame.is_none_or(|frame| frame <= self.frames + 1));
        if rule.code != "inflate-limit" {
            self.log.push(format!("finding {} {spot:?} {text}", rule.code));
        }
    }
}

/// The events up to the first loss of framing, and whether framing was lost or bytes that are no frame were reported.
fn play(
    data: &[u8],
    terms: PerDirection<Terms>,
    depth: &Depth,
    acts: &[Act],
    step: usize,
) -> (Vec<String>, bool) {
    let mut socket = WebSocket::new(terms);
    let mut kept = Kept { data, from: 0 };
    let mut scratch = Scratch::default();
    let mut check = Check {
        data,
        depth,
        runs: PerDirection::default(),
        position: PerDirection::default(),
        frames: 0,
        complete: PerDirection::default(),
        told: PerDirection::default(),
        messages: PerDirection::default(),
        joined: HashMap::new(),
        done: Vec::new(),
        evicted: false,
        log: Vec::new(),
        packet: 0,
    };
    let mut place = Place::default();
    let mut before_loss = None;
    for act in acts {
        let told = check.log.len();
        place = Place { packet: place.packet + 1, time: Time(place.time.0 + 1_000_000) };
        check.packet = place.packet;
        match *act {
            Act::Data(direction, from, to) => {
                let at = *check.position.of(direction);
                check.runs.of_mut(direction).push((at, from, to - from));
                *check.position.of_mut(direction) += (to - from) as u64;
                for (i, bytes) in data[from..to].chunks(step).enumerate() {
                    let skip = (i * step) as u64;
                    let (at, address) = (at + skip, from as u64 + skip);
                    let chunk = Chunk { at, bytes, address, origin: place, arrival: place };
                    let mut context = MessageContext { bytes: &kept, depth, scratch: &mut scratch };
                    socket.data(direction, chunk, &mut context, &mut check);
                }
            }
            Act::Gap(direction, len) => {
                let at = *check.position.of(direction);
                *check.position.of_mut(direction) += len;
                let mut context = MessageContext { bytes: &kept, depth, scratch: &mut scratch };
                socket.gap(direction, at, len, place, &mut context, &mut check);
            }
            Act::Evict(from) => {
                kept.from = from as u64;
                check.evicted = true;
            }
            Act::End(direction, how) => {
                let mut context = MessageContext { bytes: &kept, depth, scratch: &mut scratch };
                socket.end(direction, how, place, &mut context, &mut check);
            }
        }
        let lost = |entry: &String| entry.starts_with("finding desynchronised");
        let lost = Direction::BOTH.iter().any(|side| socket.skipped(*side).is_some())
            || check.log.iter().skip(told).any(lost);
        if before_loss.is_none() && lost {
            before_loss = Some(told);
        }
    }
    for direction in Direction::BOTH {
        let mut context = MessageContext { bytes: &kept, depth, scratch: &mut scratch };
        socket.end(direction, StreamEnd::Fin, place, &mut context, &mut check);
    }
    socket.finish(StreamEnd::Fin, None, place, &mut check);
    for direction in Direction::BOTH {
        let counts = socket.counts(direction);
        let (complete, told) = (*check.complete.of(direction), *check.told.of(direction));
        if depth.frames {
            assert!(complete <= counts.frames && counts.frames <= told);
        }
        if depth.payloads {
            assert_eq!(counts.messages, *check.messages.of(direction));
        }
        let skipped = socket.skipped(direction).unwrap_or(0);
        assert!(counts.wire_bytes.saturating_add(skipped) <= *check.position.of(direction));
        assert!(counts.payload_bytes <= counts.wire_bytes);
    }
    let is_lost =
        before_loss.is_some() || check.log.iter().any(|entry| entry.starts_with("finding not-a-frame"));
    check.log.truncate(before_loss.unwrap_or(check.log.len()));
    (check.log, is_lost)
}

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let mode = feed.byte();
    let terms = |bits: u8| Terms {
        takeover: [None, None, Some(true), Some(false)][usize::from(bits & 3)],
        rsv_defined: if bits & 2 != 0 { 4 } else { 0 },
        guessed: bits & 4 != 0,
    };
    let terms = PerDirection { c2s: terms(mode), s2c: terms(mode >> 3) };
    let frames = mode & 64 == 0;
    let mode = feed.byte();
    let depth = Depth {
        payloads: mode & 1 == 0,
        frames,
        frame_payloads: mode & 2 == 0,
        hash: mode & 4 != 0,
        keep: [64 << 10, 0, 10, 300][usize::from(mode >> 3 & 3)],
        fragments: 20,
        inflate: match mode & 32 {
            0 => InflateLimits { message: 1 << 20, ratio: 200, drain: 8 << 20 },
            _ => InflateLimits { message: 1000, ratio: 2, drain: 100_000 },
        },
    };
    let step = [1, 2, 3, 7, 50, 255, 256, 1000][usize::from(mode >> 6) * 2 + (data.len() & 1)];
    let mut acts = Vec::new();
    let mut evicts = false;
    while !feed.is_empty() && acts.len() < 300 {
        let op = feed.byte();
        let direction = Direction::BOTH[usize::from(op & 1)];
        acts.push(match op >> 1 & 15 {
            0 => Act::Gap(direction, u64::from(feed.byte())),
            1 => Act::Gap(direction, feed.number(4)),
            2 => {
                evicts = true;
                Act::Evict(data.len() - feed.clone().rest().len())
            }
            3 if op >> 5 == 7 => Act::End(direction, StreamEnd::Reset),
            _ => {
                let bytes = if op >> 5 == 6 {
                    std::mem::replace(&mut feed, Feed::new(&[])).rest()
                } else {
                    feed.piece()
                };
                let from = bytes.as_ptr() as usize - data.as_ptr() as usize;
                Act::Data(direction, from, from + bytes.len())
            }
        });
    }
    let (whole, whole_is_lost) = play(data, terms, &depth, &acts, usize::MAX >> 1);
    let (cut, cut_is_lost) = play(data, terms, &depth, &acts, step);
    if !evicts {
        // One by one, for a message that can be read.
        for (whole, cut) in whole.iter().zip(&cut) {
            assert_eq!(whole, cut, "chunks of {step}");
        }
        // Where chunks end says something about what may be a frame, so framing may be lost sooner in one of them.
        let more = (whole.get(cut.len()), cut.get(whole.len()));
        assert!(more == (None, None) || whole_is_lost || cut_is_lost, "chunks of {step}: {more:?}");
    }
}
