//! The engine's events as records.

use std::borrow::Cow;

use super::eval::{FilterRow, FilterVerdict, Value};
use super::field::{Field, Level};
use super::matcher::Remembered;
use crate::model::{Direction, Rule, Severity, Time};
use crate::pipeline::{Connection, Ended, State};
use crate::ws::{FrameEvent, Integrity, MessageEvent, Opcode, Spot};

/// An event, and what is known beside it.
pub(super) struct EventRecord<'a> {
    pub(super) start: Time,
    pub(super) connection: Option<&'a Connection>,
    pub(super) event: &'a FilterEvent<'a>,
    /// Since the one before in its connection.
    pub(super) delta: Option<i64>,
    /// What tests of other levels came to.
    pub(super) remembered: Remembered<'a>,
}

pub(super) enum FilterEvent<'a> {
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
        match field {
            Field::Time | Field::Epoch => return Value::Moment(self.event.time()),
            Field::Delta => return self.delta.map_or(Value::Absent, Value::Nanos),
            Field::Dir => return word(self.event.direction().map(|d| d as usize)),
            Field::Msg => return number(self.event.message()),
            Field::Frame => return number(self.event.frame()),
            Field::SrcIp | Field::SrcPort | Field::DstIp | Field::DstPort => return self.sender(field),
            _ => {}
        }
        let own = match self.event {
            FilterEvent::Ended(ended) => of_connection(ended, field),
            FilterEvent::Message(message) => of_message(message, field),
            FilterEvent::Frame(frame, payload) => of_frame(frame, payload, field),
            FilterEvent::Finding(rule, spot, text) => of_finding(rule, spot, text, field),
        };
        match (own, self.connection) {
            (Value::Absent, Some(connection)) => of_handshake(connection, field),
            (own, _) => own,
        }
    }

    fn start(&self) -> Time {
        self.start
    }

    fn remembered(&self, test: usize) -> Option<FilterVerdict> {
        self.remembered.of(test, self)
    }
}

impl EventRecord<'_> {
    /// The sender's or the receiver's address or port.
    fn sender(&self, field: Field) -> Value<'_> {
        let (Some(direction), Some(connection)) = (self.event.direction(), self.connection) else {
            return Value::Absent;
        };
        let (source, destination) = match direction {
            Direction::ClientToServer => (connection.client, connection.server),
            Direction::ServerToClient => (connection.server, connection.client),
        };
        match field {
            Field::SrcIp => Value::Address(source.ip),
            Field::SrcPort => Value::Number(source.port.into()),
            Field::DstIp => Value::Address(destination.ip),
            _ => Value::Number(destination.port.into()),
        }
    }
}

fn number(value: Option<u64>) -> Value<'static> {
    value.map_or(Value::Absent, Value::Number)
}

fn word(place: Option<usize>) -> Value<'static> {
    number(place.map(|place| place as u64))
}

fn text(value: Option<&[u8]>) -> Value<'_> {
    value.map_or(Value::Absent, Value::Bytes)
}

/// What is known of a connection from its handshake on.
#[must_use]
pub fn of_handshake(connection: &Connection, field: Field) -> Value<'_> {
    let handshake = &connection.handshake;
    let header = |name| text(handshake.request.as_ref().and_then(|request| request.value(name)));
    match field {
        Field::Conn => Value::Number(connection.id.0.into()),
        Field::TcpStream => Value::Number(connection.tcp.0.into()),
        Field::Client => Value::Endpoint(connection.client),
        Field::Server => Value::Endpoint(connection.server),
        Field::ClientIp => Value::Address(connection.client.ip),
        Field::ServerIp => Value::Address(connection.server.ip),
        Field::ClientPort => Value::Number(connection.client.port.into()),
        Field::ServerPort => Value::Number(connection.server.port.into()),
        Field::ProxiedClient => connection.proxied.map_or(Value::Absent, Value::Endpoint),
        Field::Tunnelled => Value::Flag(connection.tunnelled),
        Field::Url => text(connection.url.as_deref().map(str::as_bytes)),
        Field::Host => connection.url_parts().map_or(Value::Absent, |(host, _)| present(host.as_bytes())),
        Field::Path => connection.url_parts().map_or(Value::Absent, |(_, path)| present(path.as_bytes())),
        Field::Origin => header("Origin"),
        Field::UserAgent => header("User-Agent"),
        Field::Status => number(handshake.status.map(u64::from)),
        Field::Accept => word(Some(handshake.accept as usize)),
        Field::Subprotocol => text(handshake.subprotocol.as_deref().map(str::as_bytes)),
        Field::Extensions if handshake.extensions.is_empty() => Value::Absent,
        Field::Extensions => Value::Names(&handshake.extensions),
        // As in the machine output.
        Field::HttpVersion => text(connection.http_version().map(str::as_bytes)),
        Field::StreamId => number(connection.stream_id.map(u64::from)),
        Field::Midstream => Value::Flag(connection.is_midstream()),
        Field::Tls => Value::Flag(connection.tls.is_some()),
        _ => Value::Absent,
    }
}

fn present(bytes: &[u8]) -> Value<'_> {
    if bytes.is_empty() { Value::Absent } else { Value::Bytes(bytes) }
}

/// What is known at a connection's end.
fn of_connection<'a>(ended: &'a Ended<'a>, field: Field) -> Value<'a> {
    let connection = ended.connection;
    let counts = |direction| ended.socket.map(|socket| *socket.counts(direction)).unwrap_or_default();
    let (c2s, s2c) = (Direction::ClientToServer, Direction::ServerToClient);
    let opened =
        || ended.socket.map(|_| connection.response.map_or(connection.first.time, |place| place.last.time));
    let closing = || ended.socket.and_then(|socket| socket.closing());
    let of = |severity| Value::Number(ended.findings.of(severity));
    match field {
        Field::State => word(Some(match ended.state {
            State::Open => 0,
            State::Closed => 1,
            State::Reset => 2,
            State::TimedOut => 3,
            State::Refused => 4,
            State::Unanswered => 5,
        })),
        Field::Opened => opened().map_or(Value::Absent, Value::Moment),
        Field::Closed => ended.closed.map_or(Value::Absent, Value::Moment),
        Field::Duration => match (opened(), ended.closed) {
            (Some(opened), Some(closed)) => closed.elapsed_since(opened).map_or(Value::Absent, Value::Nanos),
            _ => Value::Absent,
        },
        Field::Messages => Value::Number(counts(c2s).messages.saturating_add(counts(s2c).messages)),
        Field::MessagesC2s => Value::Number(counts(c2s).messages),
        Field::MessagesS2c => Value::Number(counts(s2c).messages),
        Field::FramesC2s => Value::Number(counts(c2s).frames),
        Field::FramesS2c => Value::Number(counts(s2c).frames),
        Field::PayloadBytesC2s => Value::Number(counts(c2s).payload_bytes),
        Field::PayloadBytesS2c => Value::Number(counts(s2c).payload_bytes),
        Field::WireBytesC2s => Value::Number(counts(c2s).wire_bytes),
        Field::WireBytesS2c => Value::Number(counts(s2c).wire_bytes),
        Field::CloseBy => word(closing().and_then(|closing| closing.by).map(|by| by as usize)),
        Field::CloseCode => number(closing().and_then(|closing| closing.code).map(u64::from)),
        Field::CloseReason => text(closing().map(|closing| closing.reason.as_slice())),
        Field::CloseClean => closing().map_or(Value::Absent, |closing| Value::Flag(closing.answered)),
        Field::FindingsError => of(Severity::Error),
        Field::FindingsWarning => of(Severity::Warning),
        Field::FindingsInfo => of(Severity::Info),
        Field::Gaps => Value::Number(ended.gaps.0),
        Field::GapBytes => Value::Number(ended.gaps.1),
        Field::SkippedBytes => {
            let skipped = |direction| ended.socket.and_then(|socket| socket.skipped(direction));
            match (skipped(c2s), skipped(s2c)) {
                (None, None) => Value::Absent,
                (one, other) => Value::Number(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
            }
        }
        _ => Value::Absent,
    }
}

fn of_message<'a>(message: &'a MessageEvent<'a>, field: Field) -> Value<'a> {
    match field {
        Field::Packet => Value::Number(message.first.packet),
        Field::LastPacket => Value::Number(message.last.packet),
        Field::Op | Field::Opcode => Value::Number(message.opcode.bits().into()),
        Field::Control => Value::Flag(message.opcode.is_control()),
        Field::Len => message.len.map_or(Value::Unknown, Value::Number),
        Field::Wire => Value::Number(message.wire),
        Field::Frames => Value::Number(message.frames.into()),
        Field::Compressed => Value::Flag(message.compressed),
        Field::Integrity => word(Some(message.integrity as usize)),
        Field::Text => text_of(message),
        Field::Payload | Field::Hex => payload_of(message),
        Field::Sha256 => match &message.sha256 {
            Some(hash) => Value::Bytes(hash),
            None => Value::Unknown,
        },
        Field::InvalidUtf8At => number(message.invalid_utf8_at),
        Field::MissingAt => number(message.missing.map(|(at, _)| at)),
        Field::MissingLen => number(message.missing.map(|(_, len)| len)),
        Field::CloseCode => number(message.close.and_then(|close| close.code).map(u64::from)),
        Field::CloseReason => text(message.close.map(|close| close.reason)),
        Field::Rtt => message.rtt.map_or(Value::Absent, Value::Nanos),
        _ => Value::Absent,
    }
}

/// A message's application bytes, as far as they are certain.
fn payload_of<'a>(message: &'a MessageEvent<'a>) -> Value<'a> {
    if message.whole {
        return Value::Bytes(message.bytes);
    }
    // Bytes up to the first hole are certain. Those of a compressed message were inflated only where there is
    // text of it.
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

/// A text message's text: what is not UTF-8 as a whole has none.
fn text_of<'a>(message: &'a MessageEvent<'a>) -> Value<'a> {
    match message.text {
        _ if message.opcode != Opcode::Text => Value::Absent,
        Some(text) if message.whole => Value::Bytes(text.as_bytes()),
        Some(text) => Value::Part(text.as_bytes()),
        None if message.invalid_utf8_at.is_some() || message.whole => Value::Absent,
        None => payload_of(message),
    }
}

fn of_frame<'a>(frame: &'a FrameEvent<'_>, payload: &'a [u8], field: Field) -> Value<'a> {
    let header = frame.header;
    let close = || Some(payload).filter(|_| header.opcode() == Opcode::Close && frame.complete);
    match field {
        Field::Packet => Value::Number(frame.start.place.packet),
        Field::LastPacket => Value::Number(frame.last.packet),
        Field::Op | Field::Opcode => Value::Number(header.opcode().bits().into()),
        Field::Control => Value::Flag(header.opcode().is_control()),
        Field::Len => Value::Number(header.payload_len),
        Field::Wire => Value::Number(header.payload_len.saturating_add(header.len() as u64)),
        Field::Fin => Value::Flag(header.fin()),
        Field::Rsv => Value::Number(header.rsv().into()),
        Field::Rsv1 => Value::Flag(header.rsv() & 4 != 0),
        Field::Rsv2 => Value::Flag(header.rsv() & 2 != 0),
        Field::Rsv3 => Value::Flag(header.rsv() & 1 != 0),
        Field::Masked => Value::Flag(header.masked()),
        Field::MaskingKey if header.masked() => Value::Bytes(&frame.header.masking_key),
        Field::HeaderLen => Value::Number(header.len() as u64),
        Field::Offset => Value::Number(frame.start.at),
        Field::Complete => Value::Flag(frame.complete),
        Field::Payload | Field::Hex if frame.complete && payload.len() as u64 == header.payload_len => {
            Value::Bytes(payload)
        }
        // A hole may be anywhere in it.
        Field::Payload | Field::Hex => Value::Part(if frame.complete { payload } else { &[] }),
        Field::CloseCode => {
            let code = close().and_then(|payload| payload.first_chunk::<2>());
            number(code.map(|code| u16::from_be_bytes(*code).into()))
        }
        Field::CloseReason => text(close().and_then(|payload| payload.get(2..))),
        _ => Value::Absent,
    }
}

fn of_finding<'a>(rule: &'static Rule, spot: &Spot, sentence: &'a str, field: Field) -> Value<'a> {
    match field {
        Field::Packet | Field::LastPacket => Value::Number(spot.place.packet),
        Field::Offset => number(spot.offset),
        Field::Code => Value::Bytes(rule.code.as_bytes()),
        Field::Severity => word(Some(rule.severity as usize)),
        Field::Ref => Value::Bytes(rule.reference.as_bytes()),
        Field::Text => Value::Bytes(sentence.as_bytes()),
        _ => Value::Absent,
    }
}
