//! What a record of each level answers to a filter: one function for each level.
//!
//! Two kinds of records exist: the engine's events (`events.rs`) and the rows of an opened capture (`tui/records.rs`).
//! Both fill the facts of this file, so that a field means the same in `read --filter` and in the terminal UI.

use super::eval::Value;
use super::field::Field;
use crate::model::{Direction, Nanos, PerDirection, Rule, Time};
use crate::pipeline::{Connection, State};
use crate::ws::{Closing, Counts, FrameHeader, Integrity, Opcode};

/// What records of several levels have: their time, direction, numbers and addresses.
#[derive(Clone, Copy, Debug)]
pub struct RecordFacts<'a> {
    /// When it was complete; for a connection, when it began.
    pub time: Time,
    /// Nanoseconds since the previous record of its level in the connection.
    pub delta: Option<Nanos>,
    /// The direction in which it was sent.
    pub direction: Option<Direction>,
    /// The number of the message that it is or belongs to.
    pub message: Option<u64>,
    /// The number of the frame that it is or belongs to.
    pub frame: Option<u64>,
    /// Its connection; `None` for a finding about the capture.
    pub connection: Option<&'a Connection>,
}

impl<'a> RecordFacts<'a> {
    /// Returns the value of `field`: one of these facts, else `own`, else what the connection's handshake answers.
    pub fn get(&self, field: Field, own: impl FnOnce() -> Value<'a>) -> Value<'a> {
        match field {
            Field::Time | Field::Epoch => Value::Moment(self.time),
            Field::Delta => self.delta.map_or(Value::Absent, |time| Value::Nanos(time.0)),
            Field::Dir => number(self.direction.map(|direction| direction as u64)),
            Field::Msg => number(self.message),
            Field::Frame => number(self.frame),
            Field::SrcIp | Field::SrcPort | Field::DstIp | Field::DstPort => self.endpoint(field),
            _ => match (own(), self.connection) {
                (Value::Absent, Some(connection)) => of_handshake(connection, field),
                (own, _) => own,
            },
        }
    }

    /// The address or the port of the sender or of the receiver.
    fn endpoint(&self, field: Field) -> Value<'a> {
        let (Some(direction), Some(connection)) = (self.direction, self.connection) else {
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

/// Returns a number, or `Absent`.
#[must_use]
pub fn number(value: Option<u64>) -> Value<'static> {
    value.map_or(Value::Absent, Value::Number)
}

fn text(value: Option<&[u8]>) -> Value<'_> {
    value.map_or(Value::Absent, Value::Bytes)
}

fn present(bytes: &[u8]) -> Value<'_> {
    if bytes.is_empty() { Value::Absent } else { Value::Bytes(bytes) }
}

/// Returns what a connection answers from its opening handshake on.
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
        Field::Accept => Value::Number(handshake.accept as u64),
        Field::Subprotocol => text(handshake.subprotocol.as_deref().map(str::as_bytes)),
        Field::Extensions if handshake.extensions.is_empty() => Value::Absent,
        Field::Extensions => Value::Names(&handshake.extensions),
        Field::HttpVersion => text(connection.http_version().map(str::as_bytes)),
        Field::StreamId => number(connection.stream_id.map(u64::from)),
        Field::Midstream => Value::Flag(connection.is_midstream()),
        Field::Tls => Value::Flag(connection.tls.is_some()),
        _ => Value::Absent,
    }
}

/// A connection at its end, or as far as the capture has been read.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionFacts<'a> {
    /// How it ended.
    pub state: State,
    /// When the WebSocket opened; `None` if it never did.
    pub opened: Option<Time>,
    /// When it ended; `None` while it is open.
    pub closed: Option<Time>,
    /// Messages, frames and bytes of each direction.
    pub counts: PerDirection<Counts>,
    /// The first Close frame.
    pub closing: Option<&'a Closing>,
    /// Findings by severity: info, warning, error.
    pub findings: [u64; 3],
    /// The number of gaps in its streams, and the bytes missing in them.
    pub gaps: (u64, u64),
    /// Bytes of each direction that were not dissected after a loss.
    pub skipped: PerDirection<Option<u64>>,
}

impl<'a> ConnectionFacts<'a> {
    /// Returns the value of a field of connections; `Absent` for other fields.
    #[must_use]
    pub fn get(&self, field: Field) -> Value<'a> {
        let PerDirection { c2s, s2c } = &self.counts;
        let closing = self.closing;
        let [info, warning, error] = self.findings;
        match field {
            Field::State => Value::Number(match self.state {
                State::Open => 0,
                State::Closed => 1,
                State::Reset => 2,
                State::TimedOut => 3,
                State::Refused => 4,
                State::Unanswered => 5,
            }),
            Field::Opened => self.opened.map_or(Value::Absent, Value::Moment),
            Field::Closed => self.closed.map_or(Value::Absent, Value::Moment),
            Field::Duration => {
                let times = self.opened.zip(self.closed);
                let elapsed = times.and_then(|(opened, closed)| closed.elapsed_since(opened));
                elapsed.map_or(Value::Absent, |time| Value::Nanos(time.0))
            }
            Field::Messages => Value::Number(c2s.messages.saturating_add(s2c.messages)),
            Field::MessagesC2s => Value::Number(c2s.messages),
            Field::MessagesS2c => Value::Number(s2c.messages),
            Field::FramesC2s => Value::Number(c2s.frames),
            Field::FramesS2c => Value::Number(s2c.frames),
            Field::PayloadBytesC2s => Value::Number(c2s.payload_bytes),
            Field::PayloadBytesS2c => Value::Number(s2c.payload_bytes),
            Field::WireBytesC2s => Value::Number(c2s.wire_bytes),
            Field::WireBytesS2c => Value::Number(s2c.wire_bytes),
            Field::CloseBy => number(closing.and_then(|closing| closing.by).map(|by| by as u64)),
            Field::CloseCode => number(closing.and_then(|closing| closing.code).map(u64::from)),
            Field::CloseReason => text(closing.map(|closing| closing.reason.as_slice())),
            Field::CloseClean => closing.map_or(Value::Absent, |closing| Value::Flag(closing.answered)),
            Field::FindingsError => Value::Number(error),
            Field::FindingsWarning => Value::Number(warning),
            Field::FindingsInfo => Value::Number(info),
            Field::Gaps => Value::Number(self.gaps.0),
            Field::GapBytes => Value::Number(self.gaps.1),
            Field::SkippedBytes => match (self.skipped.c2s, self.skipped.s2c) {
                (None, None) => Value::Absent,
                (one, other) => Value::Number(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
            },
            _ => Value::Absent,
        }
    }
}

/// A message. What costs a lookup is a method, called only if a filter asks.
pub trait MessageFacts<'a> {
    /// What both kinds of records have at hand.
    fn summary(&self) -> MessageSummary;
    /// The text of a text message.
    fn text(&self) -> Value<'a>;
    /// The application bytes.
    fn payload(&self) -> Value<'a>;
    /// The SHA-256 of the application bytes.
    fn sha256(&self) -> Value<'a>;
    /// The offset of the first byte that is not UTF-8.
    fn invalid_utf8_at(&self) -> Value<'a>;
    /// The offset of the first missing byte, and the number of missing bytes.
    fn missing(&self) -> [Value<'a>; 2];
    /// The close code and the reason of a Close.
    fn close(&self) -> [Value<'a>; 2];
    /// The round trip time of a pong.
    fn rtt(&self) -> Option<Nanos>;
}

/// The facts of a message that need no lookup.
#[derive(Clone, Copy, Debug)]
pub struct MessageSummary {
    /// The packet with its first byte.
    pub packet: u64,
    /// The packet that completed it.
    pub last_packet: u64,
    /// The first frame's opcode.
    pub opcode: Opcode,
    /// Application bytes, if known.
    pub len: Option<u64>,
    /// Bytes of all its frames, headers included.
    pub wire: u64,
    /// The number of its frames.
    pub frames: u32,
    /// Whether it was compressed.
    pub compressed: bool,
    /// How certain its bytes are.
    pub integrity: Integrity,
}

/// Returns the value of a field of messages; `Absent` for other fields.
pub fn of_message<'a>(message: &impl MessageFacts<'a>, field: Field) -> Value<'a> {
    let summary = message.summary();
    match field {
        Field::Packet => Value::Number(summary.packet),
        Field::LastPacket => Value::Number(summary.last_packet),
        Field::Op | Field::Opcode => Value::Number(summary.opcode.bits().into()),
        Field::Control => Value::Flag(summary.opcode.is_control()),
        Field::Len => summary.len.map_or(Value::Unknown, Value::Number),
        Field::Wire => Value::Number(summary.wire),
        Field::Frames => Value::Number(summary.frames.into()),
        Field::Compressed => Value::Flag(summary.compressed),
        Field::Integrity => Value::Number(summary.integrity as u64),
        Field::Text => message.text(),
        Field::Payload | Field::Hex => message.payload(),
        Field::Sha256 => message.sha256(),
        Field::InvalidUtf8At => message.invalid_utf8_at(),
        Field::MissingAt => first(message.missing()),
        Field::MissingLen => second(message.missing()),
        Field::CloseCode => first(message.close()),
        Field::CloseReason => second(message.close()),
        Field::Rtt => message.rtt().map_or(Value::Absent, |time| Value::Nanos(time.0)),
        _ => Value::Absent,
    }
}

fn first<'a>([first, _]: [Value<'a>; 2]) -> Value<'a> {
    first
}

fn second<'a>([_, second]: [Value<'a>; 2]) -> Value<'a> {
    second
}

/// A frame.
#[derive(Debug)]
pub struct FrameFacts<'a> {
    /// Its header.
    pub header: FrameHeader,
    /// The masking key of the header.
    pub masking_key: &'a [u8; 4],
    /// The packet with its first byte.
    pub packet: u64,
    /// The packet that completed it.
    pub last_packet: Value<'a>,
    /// Its offset in the TCP stream of its direction.
    pub offset: Value<'a>,
    /// Whether the capture contains all of it.
    pub complete: bool,
    /// Its payload, unmasked.
    pub payload: Value<'a>,
}

impl<'a> FrameFacts<'a> {
    /// Returns the value of a field of frames; `Absent` for other fields.
    #[must_use]
    pub fn get(self, field: Field) -> Value<'a> {
        let header = self.header;
        match field {
            Field::Packet => Value::Number(self.packet),
            Field::LastPacket => self.last_packet,
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
            Field::MaskingKey if header.masked() => Value::Bytes(self.masking_key),
            Field::HeaderLen => Value::Number(header.len() as u64),
            Field::Offset => self.offset,
            Field::Complete => Value::Flag(self.complete),
            Field::Payload | Field::Hex => self.payload,
            Field::CloseCode | Field::CloseReason if header.opcode() != Opcode::Close || !self.complete => {
                Value::Absent
            }
            Field::CloseCode => match self.payload {
                Value::Bytes(payload) | Value::Part(payload) => {
                    number(payload.first_chunk::<2>().map(|code| u16::from_be_bytes(*code).into()))
                }
                unknown => unknown,
            },
            Field::CloseReason => match self.payload {
                Value::Bytes(payload) | Value::Part(payload) => text(payload.get(2..)),
                unknown => unknown,
            },
            _ => Value::Absent,
        }
    }
}

/// A finding.
#[derive(Clone, Copy, Debug)]
pub struct FindingFacts<'a> {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// The packet in which it was seen.
    pub packet: u64,
    /// The offset in the TCP stream of its direction.
    pub offset: Option<u64>,
    /// Its sentence.
    pub text: &'a str,
}

impl<'a> FindingFacts<'a> {
    /// Returns the value of a field of findings; `Absent` for other fields.
    #[must_use]
    pub fn get(&self, field: Field) -> Value<'a> {
        match field {
            Field::Packet | Field::LastPacket => Value::Number(self.packet),
            Field::Offset => number(self.offset),
            Field::Code => Value::Bytes(self.rule.code.as_bytes()),
            Field::Severity => Value::Number(self.rule.severity as u64),
            Field::Ref => Value::Bytes(self.rule.reference.as_bytes()),
            Field::Text => Value::Bytes(self.text.as_bytes()),
            _ => Value::Absent,
        }
    }
}
