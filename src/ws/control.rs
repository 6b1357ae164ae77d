//! Control frames (RFC 6455 section 5.5): each is a message of its own.

use sha2::{Digest, Sha256};

use super::close::Close;
use super::event::{CloseEvent, Events, Integrity, MessageEvent, Spot};
use super::message::MessageStep;
use super::shared::Closing;
use super::{Opcode, rules};
use crate::model::Place;

impl<E: Events> MessageStep<'_, '_, E> {
    /// A control frame, or a data frame with a reserved opcode: a message of its own.
    pub(super) fn control(&mut self, frame: u64, number: u64, wire: u64, arrival: Place) {
        let side = &mut *self.side;
        let (header, start) = (self.frame.header, self.frame.start);
        let opcode = header.opcode();
        side.counts.messages += 1;
        side.counts.count_message(opcode, header.payload_len);
        let payload = std::mem::take(&mut self.frame.payload);
        let mut buffer = std::mem::take(&mut self.context.scratch.kept);
        let bytes = payload.read(self.context.bytes, &mut buffer).unwrap_or_default();
        let whole = bytes.len() as u64 == header.payload_len;
        let mut answered = None;
        let mut closed = None;
        let direction = self.side.direction;
        match opcode {
            Opcode::Ping if self.shared.ping(direction, number, bytes, arrival) => {
                self.report(
                    &rules::PING_FLOOD,
                    Some(frame),
                    Some(number),
                    arrival,
                    format_args!("more than 100 pings within one second"),
                );
            }
            Opcode::Pong if whole => {
                let sent = self.side.counts.wire_bytes.saturating_sub(wire);
                let spot = Spot {
                    direction: Some(direction),
                    frame: Some(frame),
                    message: Some(number),
                    offset: None,
                    place: arrival,
                    what: None,
                };
                answered = self.shared.pong(self.events, direction, spot, bytes, sent);
            }
            Opcode::Close => {
                let first_close = !std::mem::replace(&mut self.side.closed, true);
                let close = Close::parse(if whole { bytes } else { &[] });
                if whole {
                    self.judge_close(frame, number, bytes, &close, arrival);
                    closed = Some(CloseEvent { code: close.code, reason: close.reason });
                }
                if first_close {
                    let closing = Closing {
                        by: Some(direction),
                        code: close.code,
                        reason: close.reason.to_vec(),
                        frame,
                        message: number,
                        place: start.place,
                        answered: false,
                    };
                    self.shared.close(self.events, closing, arrival);
                }
            }
            _ => {}
        }
        let missing = self.frame.missing;
        let long_hash = self.frame.hash.clone().filter(|_| missing.is_none());
        let sha256 = match whole && self.context.depth.hash {
            true => Some(Sha256::digest(bytes).into()),
            false => long_hash.map(|hash| hash.finalize().into()),
        };
        let unknown = header.rsv() & self.side.terms.rsv_defined & !4 != 0
            || header.rsv1() && self.side.terms.rsv_defined & 4 != 0 && self.side.terms.takeover.is_none();
        if unknown {
            let spot = Spot {
                direction: Some(direction),
                frame: Some(frame),
                message: Some(number),
                offset: Some(start.at),
                place: arrival,
                what: None,
            };
            super::content::report_unknown(self.shared, self.events, header.rsv(), spot);
        }
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
            integrity: match (missing, whole) {
                (Some(_), _) => Integrity::Gap,
                (None, false) if self.context.depth.payloads || opcode.is_control() => Integrity::Cut,
                _ if unknown => Integrity::UnknownExtension,
                _ if self.side.terms.guessed => Integrity::Guessed,
                _ => Integrity::Ok,
            },
            bytes,
            whole,
            text: None,
            invalid_utf8_at: None,
            missing,
            sha256,
            close: closed,
            rtt: answered.and_then(|(rtt, _)| rtt),
            answers: answered.map(|(_, ping)| ping),
        });
        self.context.scratch.kept = buffer;
        self.frame.payload = payload;
    }
}
