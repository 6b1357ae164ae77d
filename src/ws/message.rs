//! Joins one direction's frames into messages and judges them (RFC 6455 sections 5.4 to 5.6, 8.1).

use std::fmt::Arguments;

use sha2::{Digest as _, Sha256};

use super::content::Open;
use super::deflate::Inflater;
use super::event::{Events, FrameEvent, MessageContext, ShortMessage, Spot};
use super::heuristics::FrameSearch;
use super::reader::{FrameSink, FrameStart, Lost};
use super::shared::ConnectionState;
use super::{FrameHeader, LengthEncoding, Opcode, Payload, rules};
use crate::model::{Chunk, Direction, Place, Rule, to_usize};

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

/// What was agreed about one direction's compression beside [`Terms::takeover`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompressionTerms {
    /// Base-2 logarithm of the largest window that the sender may use, 8 to 15 (RFC 7692 section 7.1.2).
    pub window_bits: u8,
    /// Each frame with RSV1 is compressed by itself (draft-tyoshino-hybi-websocket-perframe-deflate).
    pub per_frame: bool,
}

impl Default for CompressionTerms {
    /// permessage-deflate with the largest window.
    fn default() -> Self {
        Self { window_bits: 15, per_frame: false }
    }
}

/// Counts of one direction.
// Those that a text message raises stand together in this order, up to the sizes of short ones.
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
    /// Data messages by opcode: text, binary, reserved.
    pub data: [u64; 3],
    /// Data messages by the power of two that their payload bytes on the wire reach: 0, 1, 2-3, 4-7 and so on.
    pub sizes: [u32; 24],
    /// Application bytes of compressed data messages, after inflating; 0 where payloads are not read.
    pub inflated_bytes: u64,
    /// Payload bytes of compressed data messages.
    pub deflated_bytes: u64,
    /// Control frames: close, ping, pong, reserved.
    pub control: [u64; 4],
}

impl Counts {
    /// Counts a message by its opcode and its payload bytes on the wire.
    #[inline]
    pub(super) fn count_message(&mut self, opcode: Opcode, payload_len: u64) {
        let data = match opcode {
            Opcode::Text => 0,
            Opcode::Binary => 1,
            Opcode::Continuation => 2,
            Opcode::Reserved(bits) if bits < 8 => 2,
            Opcode::Close => return self.count_control(0),
            Opcode::Ping => return self.count_control(1),
            Opcode::Pong => return self.count_control(2),
            Opcode::Reserved(_) => return self.count_control(3),
        };
        self.count_data(data, payload_len);
    }

    #[inline]
    fn count_data(&mut self, kind: usize, payload_len: u64) {
        if let Some(count) = self.data.get_mut(kind) {
            *count += 1;
        }
        let size = (u64::BITS - payload_len.leading_zeros()) as usize;
        if let Some(count) = self.sizes.get_mut(size.min(23)) {
            *count = count.saturating_add(1);
        }
    }

    fn count_control(&mut self, kind: usize) {
        if let Some(count) = self.control.get_mut(kind) {
            *count += 1;
        }
    }
}

/// The state of one direction.
#[derive(Clone, Debug)]
pub(super) struct SocketSide {
    pub(super) open: Option<Box<Open>>,
    pub(super) key: [u8; 4],
    pub(super) key_run: u32,
    pub(super) terms: Terms,
    pub(super) closed: bool,
    pub(super) in_frame: bool,
    /// The frame at hand is part of `open`.
    pub(super) joined: bool,
    /// The frame at hand began while another message was open.
    pub(super) interleaved: bool,
    /// Bytes of this direction were lost before: a window may be incomplete.
    pub(super) window_lost: bool,
    pub(super) counts: Counts,
    pub(super) inflater: Option<Box<Inflater>>,
    /// The time of the first of `small` data frames in a row that were tiny.
    pub(super) small_since: i64,
    pub(super) small: u32,
    /// Bytes until what the window is assumed to hold, after a faulty message, is out of reach.
    pub(super) assumed: u32,
    pub(super) direction: Direction,
    /// The direction's stream ended.
    pub(super) ended: bool,
    /// Nothing of this direction was captured.
    pub(super) unheard: bool,
    /// Which message is open is not known: frames are read from somewhere in the middle on.
    pub(super) unsure: bool,
    pub(super) compression: CompressionTerms,
    /// The sender keeps its window although it agreed not to.
    pub(super) keeps_window: bool,
    /// Messages without context takeover whose window was kept for the next one.
    pub(super) watched: u8,
}

impl SocketSide {
    /// Bytes of memory that it holds beside itself, about.
    pub(super) fn size(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |open| size_of_val(&**open) + open.size());
        open + self.inflater.as_ref().map_or(0, |inflater| size_of_val(&**inflater) + inflater.size())
    }

    pub(super) fn new(direction: Direction, terms: Terms) -> Self {
        Self {
            open: None,
            key: [0; 4],
            key_run: 0,
            terms,
            closed: false,
            in_frame: false,
            joined: false,
            interleaved: false,
            window_lost: false,
            counts: Counts::default(),
            inflater: None,
            small_since: 0,
            small: 0,
            assumed: 0,
            direction,
            ended: false,
            unheard: false,
            unsure: false,
            compression: CompressionTerms::default(),
            keeps_window: false,
            watched: 0,
        }
    }

    /// Whether a frame of the direction whose frames are masked or not is a message of its own about whose header
    /// there is nothing to say: most are.
    #[inline]
    pub(super) fn is_plain(&self, header: FrameHeader, masked: bool) -> bool {
        let [first, second] = header.head;
        let kind =
            matches!(first, 0x81 | 0x82) || (matches!(first, 0xc1 | 0xc2) && self.terms.takeover.is_some());
        kind && (second & 0x80 != 0) == masked
            && header.length_is_minimal()
            && header.payload_len >= 16
            && self.open.is_none()
            && !self.closed
            && (!masked || (header.masking_key != self.key && header.masking_key != [0; 4]))
    }

    /// Counts a frame that is [plain](Self::is_plain), `wire` bytes with its header.
    #[inline]
    pub(super) fn count_plain(&mut self, header: FrameHeader, wire: u64) {
        (self.key, self.key_run) = (header.masking_key, 1);
        let counts = &mut self.counts;
        counts.frames += 1;
        counts.messages += 1;
        counts.payload_bytes += header.payload_len;
        counts.wire_bytes += wire;
        counts.count_data(usize::from(header.head[0] & 0x0f == 2), header.payload_len);
    }
}

/// The frame at hand.
#[derive(Clone, Debug)]
pub(super) struct AtHand {
    pub(super) header: FrameHeader,
    pub(super) start: FrameStart,
    /// The packet that completed its header.
    pub(super) read: Place,
    /// The last packet that brought bytes of it.
    pub(super) last: Place,
    pub(super) payload: Payload,
    pub(super) missing: Option<(u64, u64)>,
    /// Nothing more is kept of its payload.
    pub(super) shed: bool,
    /// While framing is lost.
    pub(super) search: FrameSearch,
    /// Of all its payload, where not all of it is kept.
    pub(super) hash: Option<Box<Sha256>>,
}

impl AtHand {
    /// Whether it is a data message that is delivered as a [`ShortMessage`].
    #[inline]
    pub(super) fn is_short_message(&self, shared: &ConnectionState) -> bool {
        let header = self.header;
        header.payload_len <= ShortMessage::OPENING_LEN
            && header.fin()
            && header.opcode() != Opcode::Continuation
            && shared.wants_short(shared.upcoming_message(), header.payload_len)
    }

    /// Keeps nothing more of the payload. What was asked for is still hashed.
    pub(super) fn shed(&mut self, context: &MessageContext<'_>) {
        let (depth, payload) = (context.depth, std::mem::take(&mut self.payload));
        let is_hashed =
            depth.hash && depth.frames && depth.frame_payloads && !self.shed && self.hash.is_none();
        if is_hashed && self.missing.is_none() {
            let mut hash = Box::new(Sha256::new());
            let all = payload.each(context.bytes, &mut Vec::new(), &mut |bytes| hash.update(bytes));
            self.hash = all.then_some(hash);
        }
        self.shed = true;
    }
}

impl Default for AtHand {
    fn default() -> Self {
        Self {
            header: FrameHeader::of([0; 2]),
            start: FrameStart::default(),
            read: Place::default(),
            last: Place::default(),
            payload: Payload::default(),
            missing: None,
            shed: false,
            search: FrameSearch::default(),
            hash: None,
        }
    }
}

/// One direction at work: its state, what both share, and where events go.
pub(super) struct MessageStep<'a, 'c, E> {
    pub(super) side: &'a mut SocketSide,
    pub(super) frame: &'a mut AtHand,
    pub(super) shared: &'a mut ConnectionState,
    pub(super) context: &'a mut MessageContext<'c>,
    pub(super) events: &'a mut E,
}

impl<E: Events> FrameSink for MessageStep<'_, '_, E> {
    #[inline]
    fn whole(&mut self, header: FrameHeader, start: FrameStart, payload: Chunk<'_>) {
        let masked = self.side.direction == Direction::ClientToServer;
        if self.side.is_plain(header, masked) && header.payload_len <= self.context.depth.keep {
            self.plain_message(header, start, payload);
            return;
        }
        self.start(header, start, payload.arrival);
        if !payload.bytes.is_empty() {
            self.payload(0, payload);
        }
        self.end(payload.arrival);
    }

    #[inline]
    fn start(&mut self, header: FrameHeader, start: FrameStart, arrival: Place) {
        self.begin(header, start, arrival);
        let side = &mut *self.side;
        (side.in_frame, side.joined) = (true, false);
        let opcode = header.opcode();
        match opcode {
            Opcode::Continuation => {
                side.joined = side.open.is_some();
                let is_odd = header.rsv() != 0 || header.encoding != LengthEncoding::Standard;
                if is_odd || side.compression.per_frame {
                    self.join_odd(header);
                }
            }
            Opcode::Text | Opcode::Binary => {
                if side.open.is_some() {
                    self.abandon();
                }
                let side = &mut *self.side;
                side.unsure = false;
                let undefined = header.rsv() & !side.terms.rsv_defined != 0;
                let compressed = header.rsv1() && side.terms.takeover.is_some();
                let opaque = undefined || header.rsv() & !4 != 0 || (header.rsv() != 0 && !compressed);
                let spare = self.context.scratch.open.take();
                let mut open = Open::begin(spare, opcode, compressed, opaque, start.place);
                open.rsv = header.rsv();
                open.lenient = header.encoding != LengthEncoding::Standard;
                side.open = Some(open);
                side.joined = true;
                if side.compression.per_frame && self.context.depth.payloads {
                    self.begin_per_frame();
                }
            }
            _ => {}
        }
    }

    #[inline]
    fn doubts(&mut self, chunk: &Chunk<'_>) -> bool {
        self.doubts_kind(chunk)
    }

    #[inline]
    fn doubts_length(&mut self, header: FrameHeader, chunk: &Chunk<'_>) -> bool {
        self.doubts_encoding(header, chunk)
    }

    #[inline]
    fn payload(&mut self, offset: u64, chunk: Chunk<'_>) {
        let Self { side, frame, context, .. } = self;
        frame.last = chunk.arrival;
        let control = frame.header.opcode().is_control();
        // Where payloads are not wanted, those of short messages in one frame are read nevertheless.
        let short = !context.depth.payloads
            // From its first byte or not at all: short messages may become wanted in the middle of this one.
            && frame.payload.len() == offset
            && frame.is_short_message(self.shared);
        if (!control && !context.depth.payloads && !short) || frame.missing.is_some() {
            return;
        }
        let (len, keep) = (chunk.bytes.len() as u64, context.depth.keep);
        let key = frame.header.masking_key;
        let mut needed = context.depth.frame_payloads || !side.joined;
        if side.joined
            && let Some(open) = &mut side.open
            && open.missing.is_none()
        {
            if open.eager.is_none() {
                needed = true;
                if open.kept.len() + frame.payload.len() + len > keep {
                    needed = context.depth.frame_payloads;
                    open.go_eager(&frame.payload, &mut side.inflater, side.window_lost, context);
                    // Each frame is kept on its own from here on.
                    open.kept.clear();
                }
            }
            if open.eager.is_some() {
                open.take_wire(&chunk, key, offset, &mut side.inflater, context);
            }
        }
        if let Some(hash) = &mut frame.hash {
            let unmasked = &mut context.scratch.unmasked;
            unmasked.clear();
            unmasked.extend_from_slice(chunk.bytes);
            super::unmask(unmasked, key, offset);
            hash.update(unmasked);
        }
        if needed && frame.payload.len() < keep && !frame.shed {
            let room = to_usize((keep - frame.payload.len()).min(len));
            let part = Chunk { bytes: chunk.bytes.get(..room).unwrap_or_default(), ..chunk };
            frame.payload.push(&part, key, offset);
        }
    }

    fn missing(&mut self, offset: u64, len: u64) {
        let Self { side, frame, .. } = self;
        let total = frame.missing.map_or(0, |(_, total)| total);
        frame.missing = Some((frame.missing.map_or(offset, |(first, _)| first), total + len));
        if side.joined
            && let Some(open) = &mut side.open
        {
            let at = open.payload_len + offset;
            open.missing = Some(open.missing.map_or((at, len), |(first, total)| (first, total + len)));
        }
        if self.side.joined && self.side.open.as_ref().is_some_and(|open| open.inflating) {
            self.lose_window();
        }
    }

    #[inline]
    fn end(&mut self, arrival: Place) {
        let side = &mut *self.side;
        let header = self.frame.header;
        self.frame.last = arrival;
        side.in_frame = false;
        let number = self.shared.next_frame();
        let wire = header.len() as u64 + header.payload_len;
        side.counts.frames += 1;
        side.counts.payload_bytes += header.payload_len;
        side.counts.wire_bytes += wire;
        let opcode = header.opcode();
        let message = match opcode {
            Opcode::Continuation | Opcode::Text | Opcode::Binary if side.joined => {
                let open = side.open.as_mut();
                open.map(|open| {
                    open.frames = open.frames.saturating_add(1);
                    open.wire += wire;
                    open.payload_len += header.payload_len;
                    open.end_fragment();
                    *open.number.get_or_insert_with(|| self.shared.next_message())
                })
            }
            Opcode::Continuation => None,
            _ => Some(self.shared.next_message()),
        };
        self.judge(number, message);
        if self.side.compression.per_frame && self.side.joined {
            self.end_per_frame();
        }
        self.frame_event(number, message, self.frame.missing.is_none(), arrival);
        let Self { side, frame, .. } = self;
        match (opcode, message) {
            (Opcode::Continuation | Opcode::Text | Opcode::Binary, Some(message)) => {
                if let Some(open) = &mut side.open
                    && open.eager.is_none()
                    && open.missing.is_none_or(|(at, _)| open.kept.len() + frame.payload.len() <= at)
                {
                    if open.kept.is_empty() {
                        std::mem::swap(&mut open.kept, &mut frame.payload);
                    } else {
                        open.kept.append(&mut frame.payload);
                    }
                }
                if header.fin() {
                    self.finish(number, message, arrival);
                }
            }
            (Opcode::Continuation, None) => {}
            (_, Some(message)) => self.control(number, message, wire, arrival),
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
                let header = self.frame.header;
                self.judge(number, self.message_of_frame());
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
                self.side.counts.frames += 1;
                self.frame_event(number, None, false, arrival);
                "the length of the frame before cannot be right"
            }
        };
        self.side.in_frame = false;
        self.side.open = None;
        self.shared.lost_framing = true;
        self.note_loss(at, arrival, reason);
    }
}

impl<E: Events> MessageStep<'_, '_, E> {
    /// A frame begins.
    #[inline]
    fn begin(&mut self, header: FrameHeader, start: FrameStart, arrival: Place) {
        let frame = &mut *self.frame;
        (frame.header, frame.start, frame.missing) = (header, start, None);
        (frame.read, frame.last) = (arrival, arrival);
        (frame.shed, frame.hash) = (false, None);
        frame.payload.clear();
        let depth = self.context.depth;
        let is_read = depth.payloads || header.opcode().is_control();
        if depth.hash && header.payload_len > depth.keep && depth.frames && depth.frame_payloads && is_read {
            self.frame.hash = Some(Box::new(Sha256::new()));
        }
    }

    /// A message in one frame, all of which is in the chunk.
    #[inline]
    fn plain_message(&mut self, header: FrameHeader, start: FrameStart, payload: Chunk<'_>) {
        let wire = header.len() as u64 + header.payload_len;
        self.side.count_plain(header, wire);
        let (frame, message) = (self.shared.next_frame(), self.shared.next_message());
        let depth = self.context.depth;
        if depth.frames {
            self.begin(header, start, payload.arrival);
            if depth.frame_payloads && depth.payloads {
                self.frame.payload.push(&payload, header.masking_key, 0);
            }
            self.frame_event(frame, Some(message), true, payload.arrival);
        }
        if depth.payloads {
            self.plain_content(header, start, payload, wire, frame, message);
        } else if !header.rsv1() && self.shared.wants_short(message, header.payload_len) {
            let mut bytes = std::mem::take(&mut self.context.scratch.unmasked);
            bytes.clear();
            bytes.extend_from_slice(payload.bytes);
            super::unmask(&mut bytes, if header.masked() { header.masking_key } else { [0; 4] }, 0);
            let short = ShortMessage {
                number: message,
                direction: self.side.direction,
                opcode: header.opcode(),
                bytes: &bytes,
                last: payload.arrival,
            };
            self.shared.short_message(self.events, &short);
            self.context.scratch.unmasked = bytes;
        }
    }

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
            let (header, packet) = (self.frame.header, self.frame.start.place.packet);
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
        let message = self.message_of_frame();
        let last = self.frame.last;
        self.judge(number, message);
        self.side.counts.frames += 1;
        self.frame_event(number, message, false, if last.packet == 0 { place } else { last });
        self.side.in_frame = false;
        self.side.open = None;
        number
    }

    /// The number of the message that the frame at hand continues.
    fn message_of_frame(&self) -> Option<u64> {
        self.side.open.as_ref().filter(|_| self.side.joined).and_then(|open| open.number)
    }

    fn frame_event(&mut self, number: u64, message: Option<u64>, complete: bool, last: Place) {
        if !self.context.depth.frames {
            return;
        }
        let frame = &*self.frame;
        let hash = frame.hash.clone().filter(|_| complete);
        // A payload that was read only as a short message is not shown.
        let none = Payload::default();
        let shown = self.context.depth.payloads || frame.header.opcode().is_control();
        self.events.frame(&FrameEvent {
            number,
            message,
            direction: self.side.direction,
            header: frame.header,
            start: frame.start,
            last,
            complete,
            payload: if shown { &frame.payload } else { &none },
            bytes: self.context.bytes,
            sha256: hash.map(|hash| hash.finalize().into()),
        });
    }

    pub(super) fn report(
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
            offset: Some(self.frame.start.at),
            place,
            what: None,
        };
        self.shared.report(self.events, rule, spot, text);
    }

    /// A continuation frame with RSV bits, or of a message whose frames are compressed one by one.
    #[cold]
    fn join_odd(&mut self, header: FrameHeader) {
        let side = &mut *self.side;
        let Some(open) = &mut side.open else { return };
        let per_frame = side.compression.per_frame && side.terms.takeover.is_some();
        open.rsv |= header.rsv();
        open.lenient |= header.encoding != LengthEncoding::Standard;
        open.opaque |= header.rsv() & !4 != 0 || (header.rsv1() && side.terms.takeover.is_none());
        if !per_frame {
            return;
        }
        open.inflating = header.rsv1();
        open.compressed |= open.inflating;
        if self.context.depth.payloads && open.inflating {
            super::content::take_inflater(&mut side.inflater, side.window_lost, self.context.scratch).begin();
        }
    }

    /// The first frame of a message whose frames are compressed one by one: these are inflated as they come.
    #[cold]
    fn begin_per_frame(&mut self) {
        let Self { side, context, .. } = self;
        if let Some(open) = &mut side.open {
            open.go_eager(&Payload::default(), &mut side.inflater, side.window_lost, context);
        }
    }

    /// A frame of such a message ends.
    #[cold]
    fn end_per_frame(&mut self) {
        let Self { side, context, .. } = self;
        if let Some(open) = &mut side.open
            && open.inflating
            && open.missing.is_none()
            && let Some(inflater) = &mut side.inflater
        {
            open.end_frame(inflater, side.compression.window_bits, context);
        }
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
    pub(super) fn lose_window(&mut self) {
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
}
