//! Joins one direction's frames into messages and judges them (RFC 6455 sections 5.4 to 5.6, 8.1).

use std::fmt::Arguments;

use sha2::{Digest, Sha256};

use super::close::{self, Close};
use super::deflate::{Inflater, Inflation};
use super::event::{CloseEvent, Context, Depth, Events, FrameEvent, Integrity, MessageEvent, Scratch, Spot};
use super::mask::unmask;
use super::reader::{FrameSink, FrameStart, Lost};
use super::shared::Shared;
use super::utf8::Utf8Check;
use super::{FrameHeader, Opcode, Payload, rules, text};
use crate::model::{Bytes, Chunk, Direction, Place, Rule};

/// What was agreed for one direction.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// permessage-deflate: `Some(true)` keeps the window from message to message.
    pub takeover: Option<bool>,
    /// RSV bits that an agreed extension may use, RSV1 = 4.
    pub rsv_defined: u8,
    /// Framing was picked up without a handshake.
    pub guessed: bool,
}

/// Counts of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames, with those that will never be whole.
    pub frames: u64,
    /// Messages, control frames included.
    pub messages: u64,
    /// Payload bytes of frames whose last byte came, as their headers claim.
    pub payload_bytes: u64,
    /// Bytes of frames whose last byte came, headers included.
    pub wire_bytes: u64,
    /// Application bytes of data messages, after inflating; 0 where payloads are not read.
    pub application_bytes: u64,
}

/// A message that has begun.
#[derive(Debug)]
struct Open {
    opcode: Opcode,
    compressed: bool,
    /// An undefined RSV bit is set: nothing is known of the payload's coding.
    opaque: bool,
    masked: bool,
    number: Option<u64>,
    first: Place,
    frames: u32,
    wire: u64,
    payload_len: u64,
    kept: Payload,
    missing: Option<(u64, u64)>,
    gone: bool,
    eager: Option<Box<Eager>>,
}

/// A message too long to keep: read as it comes.
#[derive(Debug)]
struct Eager {
    utf8: Utf8Check,
    hash: Option<Sha256>,
    kept: Vec<u8>,
    len: u64,
}

impl Eager {
    fn new(depth: &Depth) -> Self {
        Self { utf8: Utf8Check::new(), hash: depth.hash.then(Sha256::new), kept: Vec::new(), len: 0 }
    }

    fn take(&mut self, bytes: &[u8], keep: u64, check: bool) {
        self.len += bytes.len() as u64;
        if check {
            self.utf8.feed(bytes);
        }
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        let room = keep.saturating_sub(self.kept.len() as u64).min(bytes.len() as u64) as usize;
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }
}

/// The state of one direction.
#[derive(Debug)]
pub(super) struct Side {
    direction: Direction,
    terms: Terms,
    header: FrameHeader,
    start: FrameStart,
    last: Place,
    in_frame: bool,
    payload: Payload,
    missing: Option<(u64, u64)>,
    open: Option<Open>,
    /// The frame at hand is part of `open`.
    joined: bool,
    inflater: Option<Box<Inflater>>,
    /// Bytes of this direction were lost before: a window may be incomplete.
    window_lost: bool,
    pub(super) closed: bool,
    pub(super) counts: Counts,
    /// The frame at hand began while another message was open.
    interleaved: bool,
    key: [u8; 4],
    key_run: u32,
    /// Since when how many data frames were tiny.
    small: (i64, u32),
}

impl Side {
    pub(super) fn new(direction: Direction, terms: Terms) -> Self {
        Self {
            direction,
            terms,
            header: FrameHeader { head: [0; 2], masking_key: [0; 4], payload_len: 0 },
            start: FrameStart::default(),
            last: Place::default(),
            in_frame: false,
            payload: Payload::default(),
            missing: None,
            open: None,
            joined: false,
            inflater: None,
            window_lost: false,
            closed: false,
            counts: Counts::default(),
            interleaved: false,
            key: [0; 4],
            key_run: 0,
            small: (0, 0),
        }
    }
}

/// One direction at work: its state, what both share, and where events go.
pub(super) struct Step<'a, 'c, E> {
    pub(super) side: &'a mut Side,
    pub(super) shared: &'a mut Shared,
    pub(super) context: &'a mut Context<'c>,
    pub(super) events: &'a mut E,
}

impl<E: Events> FrameSink for Step<'_, '_, E> {
    #[inline]
    fn start(&mut self, header: FrameHeader, start: FrameStart, arrival: Place) {
        let side = &mut *self.side;
        (side.header, side.start, side.last, side.in_frame) = (header, start, arrival, true);
        side.missing = None;
        side.joined = false;
        side.payload.clear();
        let opcode = header.opcode();
        match opcode {
            Opcode::Continuation => side.joined = side.open.is_some(),
            Opcode::Text | Opcode::Binary => {
                if side.open.is_some() {
                    self.abandon();
                }
                let side = &mut *self.side;
                let undefined = header.rsv() & !side.terms.rsv_defined != 0;
                let compressed = header.rsv1() && side.terms.takeover.is_some();
                side.open = Some(Open {
                    opcode,
                    compressed,
                    opaque: undefined || (header.rsv() != 0 && !compressed),
                    masked: header.masked(),
                    number: None,
                    first: start.place,
                    frames: 0,
                    wire: 0,
                    payload_len: 0,
                    kept: Payload::default(),
                    missing: None,
                    gone: false,
                    eager: None,
                });
                side.joined = true;
            }
            _ => {}
        }
    }

    #[inline]
    fn payload(&mut self, offset: u64, chunk: Chunk<'_>) {
        let Self { side, context, .. } = self;
        side.last = chunk.arrival;
        let control = side.header.opcode().is_control();
        if (!control && !context.depth.payloads) || side.missing.is_some() {
            return;
        }
        let (len, keep) = (chunk.bytes.len() as u64, context.depth.keep);
        let key = side.header.masking_key;
        let mut needed = context.depth.frame_payloads || !side.joined;
        if side.joined
            && let Some(open) = &mut side.open
            && open.missing.is_none()
        {
            if open.eager.is_none() {
                needed = true;
                if open.kept.len() + side.payload.len() + len > keep {
                    needed = context.depth.frame_payloads;
                    open.go_eager(&side.payload, &mut side.inflater, side.window_lost, context);
                    // Each frame is kept on its own from here on.
                    open.kept.clear();
                }
            }
            if open.eager.is_some() {
                open.take_wire(&chunk, key, offset, &mut side.inflater, context);
            }
        }
        if needed && side.payload.len() < keep {
            let room = (keep - side.payload.len()).min(len) as usize;
            let part = Chunk { bytes: chunk.bytes.get(..room).unwrap_or_default(), ..chunk };
            side.payload.push(&part, key, offset);
        }
    }

    fn missing(&mut self, offset: u64, len: u64) {
        let side = &mut *self.side;
        let total = side.missing.map_or(0, |(_, total)| total);
        side.missing = Some((side.missing.map_or(offset, |(first, _)| first), total + len));
        if side.joined
            && let Some(open) = &mut side.open
        {
            let at = open.payload_len + offset;
            open.missing = Some(open.missing.map_or((at, len), |(first, total)| (first, total + len)));
        }
        if self.side.joined && self.side.open.as_ref().is_some_and(|open| open.compressed) {
            self.lose_window();
        }
    }

    #[inline]
    fn end(&mut self, end_at: u64, arrival: Place) {
        let side = &mut *self.side;
        side.last = arrival;
        side.in_frame = false;
        let number = self.shared.next_frame();
        let wire = side.header.len() as u64 + side.header.payload_len;
        side.counts.payload_bytes += side.header.payload_len;
        side.counts.wire_bytes += wire;
        let opcode = side.header.opcode();
        let message = match opcode {
            Opcode::Continuation | Opcode::Text | Opcode::Binary if side.joined => {
                let open = side.open.as_mut();
                open.map(|open| {
                    open.frames = open.frames.saturating_add(1);
                    open.wire += wire;
                    open.payload_len += side.header.payload_len;
                    open.masked &= side.header.masked();
                    *open.number.get_or_insert_with(|| self.shared.next_message())
                })
            }
            Opcode::Continuation => None,
            _ => Some(self.shared.next_message()),
        };
        self.judge(number, message);
        self.frame_event(number, message, self.side.missing.is_none(), arrival);
        let side = &mut *self.side;
        match (opcode, message) {
            (Opcode::Continuation | Opcode::Text | Opcode::Binary, Some(message)) => {
                if let Some(open) = &mut side.open
                    && open.eager.is_none()
                    && open.missing.is_none_or(|(at, _)| open.kept.len() + side.payload.len() <= at)
                {
                    if open.kept.is_empty() {
                        std::mem::swap(&mut open.kept, &mut side.payload);
                    } else {
                        open.kept.append(&mut side.payload);
                    }
                }
                if side.header.fin() {
                    self.finish(number, message, arrival);
                }
            }
            (Opcode::Continuation, None) => {}
            (_, Some(message)) => self.control(number, message, wire, end_at, arrival),
            _ => {}
        }
    }

    fn lost(&mut self, why: Lost, at: u64, arrival: Place) {
        let reason = match why {
            Lost::GapOverHeader => {
                if self.side.in_frame {
                    self.incomplete(arrival);
                }
                "a gap covers the header of the next frame"
            }
            Lost::LengthMsbSet => {
                let number = self.shared.next_frame();
                let header = self.side.header;
                self.report(
                    &rules::LENGTH_MSB_SET,
                    Some(number),
                    None,
                    arrival,
                    format_args!(
                        "{} frame claims {:#x} bytes: the top bit of a 64-bit length must be 0",
                        header.opcode().name(),
                        header.payload_len
                    ),
                );
                self.frame_event(number, None, false, arrival);
                "the length of the frame before cannot be right"
            }
        };
        self.side.in_frame = false;
        self.side.open = None;
        self.shared.lost_framing = true;
        let sender = self.side.direction.sender();
        let spot = Spot {
            direction: Some(self.side.direction),
            offset: Some(at),
            place: arrival,
            ..Spot::default()
        };
        self.shared.report(self.events, &rules::DESYNCHRONISED, spot,
            format_args!("framing of what the {sender} sends is lost at offset {at}: {reason}; what follows is counted, not shown"));
    }
}

impl<E: Events> Step<'_, '_, E> {
    /// The stream ended. `cut` says by what, for the text.
    pub(super) fn stream_end(&mut self, partial_header: Option<FrameStart>, cut: &str, place: Place) {
        let sender = self.side.direction.sender();
        if let Some(start) = partial_header {
            let spot = Spot {
                direction: Some(self.side.direction),
                offset: Some(start.at),
                place,
                ..Spot::default()
            };
            self.shared.report(
                self.events,
                &rules::INCOMPLETE_FRAME,
                spot,
                format_args!(
                    "{cut} inside a frame header of the {sender}, which begins in packet {}",
                    start.place.packet
                ),
            );
        } else if self.side.in_frame {
            let (header, packet) = (self.side.header, self.side.start.place.packet);
            let number = self.incomplete(place);
            self.report(
                &rules::INCOMPLETE_FRAME,
                Some(number),
                None,
                place,
                format_args!(
                    "{cut} inside a {} frame of {} bytes that begins in packet {packet}",
                    header.opcode().name(),
                    header.payload_len
                ),
            );
        } else if let Some(open) = self.side.open.take() {
            self.report(
                &rules::INCOMPLETE_MESSAGE,
                None,
                open.number,
                place,
                format_args!(
                    "{cut} inside a {} message: {} fragments came, none with FIN",
                    open.opcode.name(),
                    open.frames
                ),
            );
        }
        self.side.open = None;
    }

    /// Ends the frame at hand as one that will never be whole; returns its number.
    fn incomplete(&mut self, place: Place) -> u64 {
        let number = self.shared.next_frame();
        let message = self.side.open.as_ref().filter(|_| self.side.joined).and_then(|open| open.number);
        let last = self.side.last;
        self.frame_event(number, message, false, if last.packet == 0 { place } else { last });
        self.side.in_frame = false;
        self.side.open = None;
        number
    }

    fn frame_event(&mut self, number: u64, message: Option<u64>, complete: bool, last: Place) {
        let side = &mut *self.side;
        side.counts.frames += 1;
        self.events.frame(&FrameEvent {
            number,
            message,
            direction: side.direction,
            header: side.header,
            start: side.start,
            last,
            complete,
            payload: &side.payload,
            bytes: self.context.bytes,
        });
    }

    fn report(
        &mut self,
        rule: &'static Rule,
        frame: Option<u64>,
        message: Option<u64>,
        place: Place,
        text: Arguments<'_>,
    ) {
        let spot = Spot {
            direction: Some(self.side.direction),
            frame,
            message,
            offset: Some(self.side.start.at),
            place,
        };
        self.shared.report(self.events, rule, spot, text);
    }

    /// Drops the open message: another began before it ended.
    fn abandon(&mut self) {
        self.side.interleaved = true;
        if let Some(open) = self.side.open.take()
            && open.compressed
        {
            self.lose_window();
        }
    }

    /// A compressed message of this direction was lost, in whole or in part.
    fn lose_window(&mut self) {
        let side = &mut *self.side;
        if side.terms.takeover == Some(true) {
            side.window_lost = true;
            if let Some(inflater) = &mut side.inflater {
                inflater.lose();
            }
        } else {
            side.inflater = None;
        }
    }

    /// What the frame's header breaks.
    #[inline]
    fn judge(&mut self, number: u64, message: Option<u64>) {
        let side = &*self.side;
        let (header, terms) = (side.header, side.terms);
        let opcode = header.opcode();
        let plain = header.fin()
            && header.rsv() == 0
            && matches!(opcode, Opcode::Text | Opcode::Binary)
            && header.masked() == (side.direction == Direction::ClientToServer)
            && header.length_is_minimal()
            && !side.closed
            && !side.interleaved
            && header.payload_len >= 16
            && (!header.masked() || (header.masking_key != side.key && header.masking_key != [0; 4]));
        if plain {
            self.side.key = header.masking_key;
            self.side.key_run = 1;
            return;
        }
        self.judge_odd(number, message, header, opcode, terms);
    }

    fn judge_odd(
        &mut self,
        number: u64,
        message: Option<u64>,
        header: FrameHeader,
        opcode: Opcode,
        terms: Terms,
    ) {
        let place = self.side.last;
        let direction = self.side.direction;
        let name = opcode.name();
        let undefined = header.rsv() & !terms.rsv_defined;
        let deflate = terms.takeover.is_some();
        macro_rules! report {
            ($rule:ident, $($text:tt)*) => { self.report(&rules::$rule, Some(number), message, place, format_args!($($text)*)) };
        }
        if deflate && header.rsv1() && opcode.is_control() {
            report!(RSV1_ON_CONTROL_FRAME, "{name} frame has RSV1 set; control frames are never compressed");
        } else if deflate && header.rsv1() && opcode == Opcode::Continuation {
            report!(
                RSV1_ON_CONTINUATION,
                "continuation frame has RSV1 set; only a message's first frame may"
            );
        }
        if undefined != 0 && !(deflate && opcode.is_control() && undefined == 4) {
            report!(
                RESERVED_BIT_SET,
                "{name} frame has RSV bits {:03b} set; no agreed extension defines {undefined:03b}",
                header.rsv()
            );
        }
        if matches!(opcode, Opcode::Reserved(_)) {
            report!(RESERVED_OPCODE, "opcode {:#x} is reserved", opcode.bits());
        }
        if opcode.is_control() && !header.fin() {
            report!(FRAGMENTED_CONTROL_FRAME, "{name} frame has FIN=0");
        }
        if opcode.is_control() && header.payload_len > 125 {
            report!(
                CONTROL_FRAME_TOO_LONG,
                "{name} frame has {} payload bytes, at most 125 are allowed",
                header.payload_len
            );
        }
        if opcode == Opcode::Continuation && message.is_none() {
            report!(
                UNEXPECTED_CONTINUATION,
                "continuation frame of {} bytes, but no message is open",
                header.payload_len
            );
        }
        if std::mem::take(&mut self.side.interleaved) {
            report!(
                INTERLEAVED_DATA_FRAME,
                "{name} frame begins a message while an earlier one has not ended"
            );
        }
        if !header.length_is_minimal() {
            report!(
                NON_MINIMAL_LENGTH,
                "{} bytes are given in {} extended length bytes; the shortest form is required",
                header.payload_len,
                header.extended_len()
            );
        }
        match direction {
            Direction::ClientToServer if !header.masked() => {
                report!(UNMASKED_CLIENT_FRAME, "{name} frame of the client is not masked");
            }
            Direction::ServerToClient if header.masked() => {
                report!(
                    MASKED_SERVER_FRAME,
                    "{name} frame of the server is masked with {}",
                    hex::encode(header.masking_key)
                );
            }
            _ => {}
        }
        if self.side.closed {
            if opcode.is_control() {
                report!(CONTROL_AFTER_CLOSE, "{name} frame after this side's Close");
            } else {
                report!(
                    DATA_AFTER_CLOSE,
                    "{name} frame of {} bytes after this side's Close",
                    header.payload_len
                );
            }
        }
        self.judge_key(number, message, header, place);
        if !opcode.is_control() {
            self.judge_flood(number, message, header, place);
        }
    }

    fn judge_key(&mut self, number: u64, message: Option<u64>, header: FrameHeader, place: Place) {
        /// Random keys repeat so often in a row with a probability of 2^-224.
        const MANY: u32 = 8;
        if self.side.direction != Direction::ClientToServer || !header.masked() {
            return;
        }
        let side = &mut *self.side;
        side.key_run = if side.key == header.masking_key { side.key_run.saturating_add(1) } else { 1 };
        side.key = header.masking_key;
        let run = side.key_run;
        if header.masking_key == [0; 4] && header.payload_len > 0 {
            self.report(
                &rules::WEAK_MASKING_KEY,
                Some(number),
                message,
                place,
                format_args!("masking key is 00000000: the payload crosses the network as it is"),
            );
        } else if run == MANY {
            self.report(
                &rules::WEAK_MASKING_KEY,
                Some(number),
                message,
                place,
                format_args!(
                    "masking key {} is the same in {MANY} frames in a row",
                    hex::encode(header.masking_key)
                ),
            );
        }
    }

    fn judge_flood(&mut self, number: u64, message: Option<u64>, header: FrameHeader, place: Place) {
        const FRAGMENTS: u32 = 10_000;
        if self.side.joined && self.side.open.as_ref().is_some_and(|open| open.frames == FRAGMENTS + 1) {
            self.report(
                &rules::FRAGMENT_FLOOD,
                Some(number),
                message,
                place,
                format_args!("message has more than {FRAGMENTS} fragments"),
            );
        }
        if header.payload_len < 16 {
            let (since, count) = self.side.small;
            let fresh = count == 0 || place.time.0.saturating_sub(since) > 1_000_000_000;
            self.side.small = if fresh { (place.time.0, 1) } else { (since, count.saturating_add(1)) };
            if self.side.small.1 == FRAGMENTS {
                self.report(
                    &rules::FRAGMENT_FLOOD,
                    Some(number),
                    message,
                    place,
                    format_args!("{FRAGMENTS} data frames with less than 16 payload bytes within one second"),
                );
            }
        }
    }

    /// A control frame, or a data frame with a reserved opcode: a message of its own.
    fn control(&mut self, frame: u64, number: u64, wire: u64, _end_at: u64, arrival: Place) {
        let side = &mut *self.side;
        let (header, start) = (side.header, side.start);
        let opcode = header.opcode();
        side.counts.messages += 1;
        let payload = std::mem::take(&mut side.payload);
        let mut buffer = std::mem::take(&mut self.context.scratch.kept);
        let bytes = payload.read(self.context.bytes, &mut buffer).unwrap_or_default();
        let whole = bytes.len() as u64 == header.payload_len;
        let mut rtt = None;
        let mut closed = None;
        let direction = self.side.direction;
        match opcode {
            Opcode::Ping => {
                if self.shared.ping(direction, number, bytes, arrival) {
                    self.report(
                        &rules::PING_FLOOD,
                        Some(frame),
                        Some(number),
                        arrival,
                        format_args!("more than 100 pings within one second"),
                    );
                }
            }
            Opcode::Pong if whole => {
                rtt = self.shared.pong(self.events, direction, number, frame, bytes, arrival);
            }
            Opcode::Close => {
                let first_close = !self.side.closed;
                self.side.closed = true;
                if whole {
                    let close = Close::parse(bytes);
                    self.judge_close(frame, number, bytes, &close, arrival);
                    if first_close {
                        self.shared.close(
                            self.events,
                            direction,
                            number,
                            frame,
                            close.code,
                            close.reason,
                            arrival,
                        );
                    }
                    closed = Some(CloseEvent { code: close.code, reason: close.reason });
                } else if first_close {
                    self.shared.close(self.events, direction, number, frame, None, &[], arrival);
                }
            }
            _ => {}
        }
        let missing = self.side.missing;
        let hashed = whole && self.context.depth.hash;
        self.events.message(&MessageEvent {
            number,
            direction,
            opcode,
            first: start.place,
            last: arrival,
            len: Some(header.payload_len),
            wire,
            frames: 1,
            compressed: false,
            masked: header.masked(),
            integrity: match (missing, whole) {
                (Some(_), _) => Integrity::Gap,
                (None, false) if self.context.depth.payloads || opcode.is_control() => Integrity::Cut,
                _ if self.side.terms.guessed => Integrity::Guessed,
                _ => Integrity::Ok,
            },
            bytes,
            whole,
            invalid_utf8_at: None,
            missing,
            sha256: hashed.then(|| Sha256::digest(bytes).into()),
            close: closed,
            rtt,
        });
        self.context.scratch.kept = buffer;
        self.side.payload = payload;
    }

    fn judge_close(&mut self, frame: u64, number: u64, bytes: &[u8], close: &Close<'_>, place: Place) {
        if bytes.len() == 1 {
            self.report(
                &rules::CLOSE_PAYLOAD_1_BYTE,
                Some(frame),
                Some(number),
                place,
                format_args!("Close payload is 1 byte; a code takes 2"),
            );
        }
        if let Some(code) = close.code
            && !close::is_sendable(code)
        {
            self.report(
                &rules::INVALID_CLOSE_CODE,
                Some(frame),
                Some(number),
                place,
                format_args!("close code {code} must not be sent"),
            );
        }
        if let Err(error) = std::str::from_utf8(close.reason) {
            self.report(
                &rules::INVALID_CLOSE_REASON,
                Some(frame),
                Some(number),
                place,
                format_args!("close reason is not UTF-8 at byte {}", error.valid_up_to()),
            );
        }
    }

    /// A data message's last frame is there.
    fn finish(&mut self, frame: u64, number: u64, arrival: Place) {
        let Some(mut open) = self.side.open.take() else { return };
        self.side.counts.messages += 1;
        let Context { bytes, depth, scratch } = &mut *self.context;
        let mut unmasked = std::mem::take(&mut scratch.unmasked);
        let mut kept = std::mem::take(&mut scratch.kept);
        let check = open.opcode == Opcode::Text && !open.opaque;
        let mut done = Done {
            integrity: Integrity::Ok,
            len: None,
            whole: false,
            utf8: Ok(()),
            sha256: None,
            eager: None,
        };
        let mut content: &[u8] = &[];
        if !depth.payloads {
            done.len = (!open.compressed).then_some(open.payload_len);
            if open.missing.is_some() {
                done.integrity = Integrity::Gap;
            }
        } else if open.missing.is_some() || open.gone {
            done.integrity = if open.missing.is_some() { Integrity::Gap } else { Integrity::Cut };
            done.len = (!open.compressed).then_some(open.payload_len);
            content = open.kept.read(*bytes, &mut kept).unwrap_or_default();
        } else if open.compressed {
            open.inflate(
                &mut self.side.inflater,
                self.side.window_lost,
                *bytes,
                depth,
                scratch,
                &mut done,
                check,
            );
            match (&done.eager, done.integrity) {
                (_, Integrity::Damaged | Integrity::UnknownDictionary) => {
                    content = open.kept.read(*bytes, &mut kept).unwrap_or_default();
                }
                (Some(eager), _) => content = &eager.kept,
                _ => {}
            }
        } else if let Some(eager) = open.eager.take() {
            let eager = done.eager.insert(*eager);
            done.len = Some(eager.len);
            done.utf8 = if check { eager.utf8.finish() } else { Ok(()) };
            done.sha256 = eager.hash.take().map(|hash| hash.finalize().into());
            done.whole = eager.kept.len() as u64 == eager.len;
            content = &eager.kept;
        } else if let Some(all) = open.kept.read(*bytes, &mut unmasked) {
            done.len = Some(all.len() as u64);
            done.whole = true;
            if check && simdutf8::basic::from_utf8(all).is_err() {
                done.utf8 = std::str::from_utf8(all).map(|_| ()).map_err(|error| error.valid_up_to() as u64);
            }
            done.sha256 = depth.hash.then(|| Sha256::digest(all).into());
            content = all;
        } else {
            done.integrity = Integrity::Cut;
            done.len = Some(open.payload_len);
        }
        if self.side.terms.guessed && done.integrity == Integrity::Ok {
            done.integrity = Integrity::Guessed;
        }
        self.side.counts.application_bytes += done.len.unwrap_or(0);
        let event = MessageEvent {
            number,
            direction: self.side.direction,
            opcode: open.opcode,
            first: open.first,
            last: arrival,
            len: done.len,
            wire: open.wire,
            frames: open.frames,
            compressed: open.compressed,
            masked: open.masked,
            integrity: done.integrity,
            bytes: content,
            whole: done.whole,
            invalid_utf8_at: done.utf8.err(),
            missing: open.missing,
            sha256: done.sha256,
            close: None,
            rtt: None,
        };
        let spot = Spot {
            direction: Some(event.direction),
            frame: Some(frame),
            message: Some(number),
            offset: Some(self.side.start.at),
            place: arrival,
        };
        judge_message(self.shared, self.events, &event, spot, depth);
        self.events.message(&event);
        open.kept.clear();
        open.kept.shrink();
        // The allocations serve the next message.
        if self.side.payload.is_empty() {
            self.side.payload = std::mem::take(&mut open.kept);
        }
        let scratch = &mut *self.context.scratch;
        scratch.unmasked = unmasked;
        scratch.kept = kept;
        if self.side.terms.takeover == Some(false)
            && let Some(inflater) = self.side.inflater.take()
            && scratch.spare.len() < 4
        {
            scratch.spare.push(inflater);
        }
    }
}

/// How reading a message ended.
struct Done {
    integrity: Integrity,
    len: Option<u64>,
    whole: bool,
    utf8: Result<(), u64>,
    sha256: Option<[u8; 32]>,
    eager: Option<Eager>,
}

fn judge_message(
    shared: &mut Shared,
    events: &mut impl Events,
    event: &MessageEvent<'_>,
    spot: Spot,
    depth: &Depth,
) {
    if !depth.payloads {
        return;
    }
    if let Some(at) = event.invalid_utf8_at {
        shared.report(
            events,
            &rules::INVALID_UTF8,
            spot,
            format_args!("text message is not UTF-8 at byte {at}"),
        );
    }
    match event.integrity {
        Integrity::Damaged => shared.report(
            events,
            &rules::INFLATE_ERROR,
            spot,
            format_args!("compressed message of {} wire bytes cannot be inflated", event.wire),
        ),
        Integrity::Cut if event.compressed => shared.report(
            events,
            &rules::INFLATE_LIMIT,
            spot,
            format_args!(
                "{} wire bytes inflate to {}: cut at {} bytes",
                event.wire,
                event.len.map_or_else(
                    || format!("over {} bytes", depth.inflate.drain),
                    |len| format!("{len} bytes")
                ),
                event.bytes.len()
            ),
        ),
        Integrity::Cut => shared.report(
            events,
            &rules::MESSAGE_LIMIT,
            spot,
            format_args!("the message's packets are no longer kept: its bytes cannot be shown"),
        ),
        _ => {}
    }
    if let Some(found) = event.text().and_then(text::hazards) {
        if found.control {
            shared.report(
                events,
                &rules::CONTROL_CHARACTERS,
                spot,
                format_args!("text holds control characters, the first at byte {}", found.at),
            );
        }
        if found.bidi {
            shared.report(
                events,
                &rules::BIDI_CONTROL,
                spot,
                format_args!("text holds bidirectional controls, the first at byte {}", found.bidi_at),
            );
        }
    }
}

impl Open {
    /// Starts to read the message as it comes; `frame` is what is kept of the frame at hand.
    fn go_eager(
        &mut self,
        frame: &Payload,
        inflater: &mut Option<Box<Inflater>>,
        window_lost: bool,
        context: &mut Context<'_>,
    ) {
        let mut eager = Box::new(Eager::new(context.depth));
        if self.compressed {
            take_inflater(inflater, window_lost, context.scratch).begin();
        }
        let check = self.opcode == Opcode::Text && !self.opaque;
        let depth = context.depth;
        let Scratch { unmasked, inflated, .. } = &mut *context.scratch;
        let compressed = self.compressed;
        let mut give = |bytes: &[u8]| {
            if !compressed {
                eager.take(bytes, depth.keep, check);
            } else if let Some(inflater) = inflater {
                inflater.feed(bytes, &depth.inflate, inflated, &mut |out| eager.take(out, depth.keep, check));
            }
        };
        self.gone |= !(self.kept.each(context.bytes, unmasked, &mut give)
            && frame.each(context.bytes, unmasked, &mut give));
        self.eager = Some(eager);
    }

    /// A piece of wire bytes, for a message that is read as it comes.
    fn take_wire(
        &mut self,
        chunk: &Chunk<'_>,
        key: [u8; 4],
        offset: u64,
        inflater: &mut Option<Box<Inflater>>,
        context: &mut Context<'_>,
    ) {
        /// Unmasked in steps that stay in the cache.
        const STEP: usize = 32 << 10;
        let check = self.opcode == Opcode::Text && !self.opaque;
        let Some(eager) = &mut self.eager else { return };
        let depth = context.depth;
        let Scratch { unmasked, inflated, .. } = &mut *context.scratch;
        let mut offset = offset;
        for piece in chunk.bytes.chunks(STEP) {
            unmasked.clear();
            unmasked.extend_from_slice(piece);
            unmask(unmasked, key, offset);
            offset = offset.wrapping_add(piece.len() as u64);
            if !self.compressed {
                eager.take(unmasked, depth.keep, check);
            } else if let Some(inflater) = inflater {
                inflater
                    .feed(unmasked, &depth.inflate, inflated, &mut |out| eager.take(out, depth.keep, check));
            }
        }
    }

    /// Inflates a message whose last byte is there.
    #[allow(clippy::too_many_arguments)]
    fn inflate(
        &mut self,
        inflater: &mut Option<Box<Inflater>>,
        window_lost: bool,
        bytes: &dyn Bytes,
        depth: &Depth,
        scratch: &mut Scratch,
        done: &mut Done,
        check: bool,
    ) {
        let begun = self.eager.is_some();
        let mut eager = self.eager.take().map_or_else(|| Eager::new(depth), |eager| *eager);
        let inflater = take_inflater(inflater, window_lost, scratch);
        let Scratch { unmasked, inflated, .. } = scratch;
        let mut gone = false;
        if !begun {
            inflater.begin();
            gone = !self.kept.each(bytes, unmasked, &mut |wire| {
                inflater.feed(wire, &depth.inflate, inflated, &mut |out| eager.take(out, depth.keep, check));
            });
        }
        let (outcome, len) =
            inflater.finish(&depth.inflate, inflated, &mut |out| eager.take(out, depth.keep, check));
        done.integrity = match outcome {
            _ if gone => Integrity::Cut,
            Inflation::Whole => Integrity::Ok,
            Inflation::Cut => Integrity::Cut,
            Inflation::UnknownDictionary => Integrity::UnknownDictionary,
            Inflation::Damaged => Integrity::Damaged,
        };
        match outcome {
            Inflation::Whole => {
                done.len = Some(len);
                done.utf8 = if check { eager.utf8.finish() } else { Ok(()) };
                done.sha256 = eager.hash.take().map(|hash| hash.finalize().into());
                done.whole = eager.kept.len() as u64 == len;
            }
            Inflation::Cut => done.len = (len <= depth.inflate.drain).then_some(len),
            _ => {}
        }
        done.eager = Some(eager);
    }
}

/// The direction's inflater, made if there is none; `window_lost`: of its window some is missing.
fn take_inflater<'a>(
    inflater: &'a mut Option<Box<Inflater>>,
    window_lost: bool,
    scratch: &mut Scratch,
) -> &'a mut Inflater {
    inflater.get_or_insert_with(|| {
        let mut inflater = scratch.spare.pop().unwrap_or_default();
        inflater.forget();
        if window_lost {
            inflater.lose();
        }
        inflater
    })
}
