//! What frames break (RFC 6455 sections 5 and 7, RFC 7692 section 6).

use super::close::{Close, is_sendable};
use super::event::Events;
use super::message::{MessageStep, Terms};
use super::{FrameHeader, LengthEncoding, Opcode, rules};
use crate::model::{Direction, Place};

impl<E: Events> MessageStep<'_, '_, E> {
    /// What the frame's header breaks. To be called once for each frame, also for one that never becomes complete: a
    /// receiver fails the connection at the header.
    #[inline]
    pub(super) fn judge(&mut self, number: u64, message: Option<u64>) {
        let side = &*self.side;
        let (header, terms) = (self.frame.header, side.terms);
        let opcode = header.opcode();
        let plain = header.fin()
            && header.rsv() == 0
            && matches!(opcode, Opcode::Text | Opcode::Binary)
            && header.masked() == (side.direction == Direction::ClientToServer)
            && header.length_is_minimal()
            && header.encoding == LengthEncoding::Standard
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
        let place = self.frame.read;
        let direction = self.side.direction;
        let name = opcode.name();
        let undefined = header.rsv() & !terms.rsv_defined;
        let deflate = terms.takeover.is_some();
        macro_rules! report {
            ($rule:ident, $($text:tt)*) => { self.report(&rules::$rule, Some(number), message, place, format_args!($($text)*)) };
        }
        if deflate && header.rsv1() && opcode.is_control() {
            report!(RSV1_ON_CONTROL_FRAME, "{name} frame has RSV1 set; control frames are never compressed");
        } else if deflate
            && header.rsv1()
            && opcode == Opcode::Continuation
            && !self.side.compression.per_frame
        {
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
        if opcode == Opcode::Continuation && message.is_none() && self.side.unsure {
            self.side.unsure = !header.fin();
        } else if opcode == Opcode::Continuation && message.is_none() {
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
        if header.encoding != LengthEncoding::Standard {
            self.judge_encoding(number, message, header, place);
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

    #[cold]
    fn judge_encoding(&mut self, number: u64, message: Option<u64>, header: FrameHeader, place: Place) {
        let len = header.payload_len;
        let [_, second] = header.head;
        let readings = match header.encoding {
            LengthEncoding::Standard => return,
            LengthEncoding::LittleEndian => {
                let claimed = header.swapped_len();
                format!(
                    "the length is {claimed} in network byte order and {len} with its least significant byte first"
                )
            }
            LengthEncoding::EightBits => format!(
                "the second byte {second:#04x} means a masked frame of {} bytes, or {len} where all 8 bits are the length",
                header.length_field()
            ),
            LengthEncoding::Carry => format!(
                "the second byte {second:#04x} means a frame of {} bytes without a mask, or a masked one of {len} \
                 where 0x80 and the length were added",
                header.length_field()
            ),
        };
        self.report(
            &rules::WRONG_LENGTH_ENCODING,
            Some(number),
            message,
            place,
            format_args!(
                "{readings}; the frame ends where a segment does with {len}, which is how it is read"
            ),
        );
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
        let most = self.context.depth.fragments;
        if self.side.joined
            && self.side.open.as_ref().is_some_and(|open| open.frames == most.saturating_add(1))
        {
            self.report(
                &rules::FRAGMENT_FLOOD,
                Some(number),
                message,
                place,
                format_args!("message has more than {most} fragments"),
            );
        }
        if header.payload_len < 16 {
            let side = &mut *self.side;
            if side.small == 0 || place.time.0.saturating_sub(side.small_since) > 1_000_000_000 {
                (side.small_since, side.small) = (place.time.0, 0);
            }
            side.small = side.small.saturating_add(1);
            if side.small == most {
                self.report(
                    &rules::FRAGMENT_FLOOD,
                    Some(number),
                    message,
                    place,
                    format_args!("{most} data frames with less than 16 payload bytes within one second"),
                );
            }
        }
    }

    pub(super) fn judge_close(
        &mut self,
        frame: u64,
        number: u64,
        bytes: &[u8],
        close: &Close<'_>,
        place: Place,
    ) {
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
            && !is_sendable(code)
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
}
