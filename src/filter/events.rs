//! The engine's events as records of a filter.

use std::borrow::Cow;

use super::eval::{FilterRow, FilterVerdict, Value};
use super::field::{Field, Level};
use super::matcher::Remembered;
use super::records::{
    ConnectionFacts, FindingFacts, FrameFacts, MessageFacts, MessageSummary, RecordFacts, number, of_message,
};
use crate::model::{Direction, Nanos, PerDirection, Rule, Severity, Time};
use crate::pipeline::{Connection, Ended};
use crate::ws::{FrameEvent, Integrity, MessageEvent, Opcode, Spot};

/// An event, and what is known beside it.
pub(super) struct EventRecord<'a> {
    pub(super) start: Time,
    pub(super) connection: Option<&'a Connection>,
    pub(super) event: &'a FilterEvent<'a>,
    /// Since the one before in its connection.
    pub(super) delta: Option<Nanos>,
    /// What tests of other levels came to.
    pub(super) remembered: Remembered<'a>,
}

pub(crate) enum FilterEvent<'a> {
    Ended(&'a Ended<'a>),
    Message(&'a MessageEvent<'a>),
    /// With its payload, where that is needed.
    Frame(&'a FrameEvent<'a>, &'a [u8]),
    /// With its sentence, where that is needed.
    Finding(&'static Rule, Spot, Cow<'a, str>),
}

impl FilterEvent<'_> {
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Ended(_) => Level::Connection,
            Self::Message(_) => Level::Message,
            Self::Frame(..) => Level::Frame,
            Self::Finding(..) => Level::Finding,
        }
    }

    /// The number of the message that it is or belongs to.
    pub(super) fn message(&self) -> Option<u64> {
        match self {
            Self::Ended(_) => None,
            Self::Message(message) => Some(message.number),
            Self::Frame(frame, _) => frame.message,
            Self::Finding(_, spot, _) => spot.message,
        }
    }

    /// The number of the frame that it is or belongs to.
    pub(super) fn frame(&self) -> Option<u64> {
        match self {
            Self::Ended(_) | Self::Message(_) => None,
            Self::Frame(frame, _) => Some(frame.number),
            Self::Finding(_, spot, _) => spot.frame,
        }
    }

    fn direction(&self) -> Option<Direction> {
        match self {
            Self::Ended(_) => None,
            Self::Message(message) => Some(message.direction),
            Self::Frame(frame, _) => Some(frame.direction),
            Self::Finding(_, spot, _) => spot.direction,
        }
    }

    fn time(&self) -> Time {
        match self {
            Self::Ended(ended) => ended.connection.first.time,
            Self::Message(message) => message.last.time,
            Self::Frame(frame, _) => frame.last.time,
            Self::Finding(_, spot, _) => spot.place.time,
        }
    }
}

impl FilterRow for EventRecord<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        let facts = RecordFacts {
            time: self.event.time(),
            delta: self.delta,
            direction: self.event.direction(),
            message: self.event.message(),
            frame: self.event.frame(),
            connection: self.connection,
        };
        facts.get(field, || match self.event {
            FilterEvent::Ended(ended) => connection_facts(ended).get(field),
            FilterEvent::Message(message) => of_message(message, field),
            FilterEvent::Frame(frame, payload) => frame_facts(frame, payload).get(field),
            FilterEvent::Finding(rule, spot, text) => {
                FindingFacts { rule, packet: spot.place.packet, offset: spot.offset, text }.get(field)
            }
        })
    }

    fn start(&self) -> Time {
        self.start
    }

    fn remembered(&self, test: usize) -> Option<FilterVerdict> {
        self.remembered.of(test, self)
    }
}

fn connection_facts<'a>(ended: &'a Ended<'a>) -> ConnectionFacts<'a> {
    let connection = ended.connection;
    let both = [Direction::ClientToServer, Direction::ServerToClient];
    let [c2s, s2c] =
        both.map(|direction| ended.socket.map(|socket| *socket.counts(direction)).unwrap_or_default());
    let [skipped_c2s, skipped_s2c] =
        both.map(|direction| ended.socket.and_then(|socket| socket.skipped(direction)));
    let opened = connection.response.map_or(connection.first.time, |response| response.last.time);
    let severities = [Severity::Info, Severity::Warning, Severity::Error];
    ConnectionFacts {
        state: ended.state,
        opened: ended.socket.map(|_| opened),
        closed: ended.closed,
        counts: PerDirection { c2s, s2c },
        closing: ended.socket.and_then(|socket| socket.closing()),
        findings: severities.map(|severity| ended.findings.of(severity)),
        gaps: ended.gaps,
        skipped: PerDirection { c2s: skipped_c2s, s2c: skipped_s2c },
    }
}

impl<'a> MessageFacts<'a> for &'a MessageEvent<'a> {
    fn summary(&self) -> MessageSummary {
        MessageSummary {
            packet: self.first.packet,
            last_packet: self.last.packet,
            opcode: self.opcode,
            len: self.len,
            wire: self.wire,
            frames: self.frames,
            compressed: self.compressed,
            integrity: self.integrity,
        }
    }

    fn text(&self) -> Value<'a> {
        text_of(self)
    }

    fn payload(&self) -> Value<'a> {
        payload_of(self)
    }

    fn sha256(&self) -> Value<'a> {
        match &self.sha256 {
            Some(hash) => Value::Bytes(hash),
            None => Value::Unknown,
        }
    }

    fn invalid_utf8_at(&self) -> Value<'a> {
        number(self.invalid_utf8_at)
    }

    fn missing(&self) -> [Value<'a>; 2] {
        [number(self.missing.map(|(at, _)| at)), number(self.missing.map(|(_, len)| len))]
    }

    fn close(&self) -> [Value<'a>; 2] {
        let code = number(self.close.and_then(|close| close.code).map(u64::from));
        [code, self.close.map_or(Value::Absent, |close| Value::Bytes(close.reason))]
    }

    fn rtt(&self) -> Option<Nanos> {
        self.rtt
    }
}

/// Returns a message's application bytes, up to the first byte that is not certain.
fn payload_of<'a>(message: &'a MessageEvent<'a>) -> Value<'a> {
    if message.whole {
        return Value::Bytes(message.bytes);
    }
    // Bytes before the first gap are certain. A compressed message was inflated only if it has a text.
    let certain = match (message.integrity, message.missing) {
        (Integrity::Damaged | Integrity::UnknownDictionary | Integrity::UnknownExtension, _) => 0,
        (_, Some(_)) if message.compressed => 0,
        (_, Some((at, _))) => at,
        (Integrity::Cut, None) if message.compressed && message.text.is_none() => 0,
        _ => u64::MAX,
    };
    let certain = usize::try_from(certain).unwrap_or(usize::MAX).min(message.bytes.len());
    Value::Part(message.bytes.get(..certain).unwrap_or_default())
}

/// Returns the text of a text message; `Absent` if it is not UTF-8.
fn text_of<'a>(message: &'a MessageEvent<'a>) -> Value<'a> {
    match message.text {
        _ if message.opcode != Opcode::Text => Value::Absent,
        Some(text) if message.whole => Value::Bytes(text.as_bytes()),
        Some(text) => Value::Part(text.as_bytes()),
        None if message.invalid_utf8_at.is_some() || message.whole => Value::Absent,
        None => payload_of(message),
    }
}

fn frame_facts<'a>(frame: &'a FrameEvent<'_>, payload: &'a [u8]) -> FrameFacts<'a> {
    let all = frame.complete && payload.len() as u64 == frame.header.payload_len;
    FrameFacts {
        header: frame.header,
        masking_key: &frame.header.masking_key,
        packet: frame.start.place.packet,
        last_packet: Value::Number(frame.last.packet),
        offset: Value::Number(frame.start.at),
        complete: frame.complete,
        payload: match all {
            true => Value::Bytes(payload),
            // The missing bytes may be anywhere in it.
            false => Value::Part(if frame.complete { payload } else { &[] }),
        },
    }
}

/// Returns what an event answers to each field, for a comparison with the rows of the terminal UI.
#[cfg(test)]
pub(crate) fn answers(event: &FilterEvent<'_>, connection: Option<&Connection>) -> Vec<(Field, String)> {
    let remembered = Remembered::nothing();
    let record = EventRecord { start: Time::default(), connection, event, delta: None, remembered };
    let own = super::FIELDS.iter().filter(|info| info.levels.has(event.level()));
    own.map(|info| (info.field, format!("{:?}", record.get(info.field)))).collect()
}
