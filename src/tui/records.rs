//! Rows of the index as a filter asks about them.
//!
//! A row knows its payload as far as its preview reaches; what lies behind is [`FilterVerdict::Unknown`](crate::filter::FilterVerdict).

use std::collections::BTreeSet;

use crate::filter::{Field, FilterRow, FilterVerdict, Value, Values, of_handshake};
use crate::model::{Direction, Time};
use crate::pipeline::State;
use crate::store::{ConnectionRow, ControlNote, FindingRow, FrameRow, Index, Marks, MessageRow};
use crate::ws::{Close, Integrity, Opcode};

/// A connection.
#[derive(Clone, Copy)]
pub struct OfConnection<'a> {
    /// The capture.
    pub index: &'a Index,
    /// The row.
    pub row: &'a ConnectionRow,
    /// What its messages, frames and findings say to tests of their fields.
    pub answers: Option<&'a dyn Fn(usize) -> Option<FilterVerdict>>,
}

/// A message of a connection.
#[derive(Clone, Copy)]
pub struct OfMessage<'a> {
    /// The capture.
    pub index: &'a Index,
    /// Its connection.
    pub connection: &'a ConnectionRow,
    /// Its number.
    pub number: u64,
    /// The row.
    pub row: &'a MessageRow,
    /// Nanoseconds since the message before.
    pub delta: Option<i64>,
    /// What the user marked.
    pub marks: &'a BTreeSet<(u32, u64)>,
}

/// A frame of a connection.
#[derive(Clone, Copy)]
pub struct OfFrame<'a> {
    /// The capture.
    pub index: &'a Index,
    /// Its connection.
    pub connection: &'a ConnectionRow,
    /// Its number.
    pub number: u64,
    /// The row.
    pub row: &'a FrameRow,
    /// Nanoseconds since the frame before.
    pub delta: Option<i64>,
}

/// A finding.
#[derive(Clone, Copy)]
pub struct OfFinding<'a> {
    /// The capture.
    pub index: &'a Index,
    /// The row.
    pub row: &'a FindingRow,
}

fn number(value: Option<u64>) -> Value<'static> {
    value.map_or(Value::Absent, Value::Number)
}

fn or_else<'a>(own: Value<'a>, other: impl FnOnce() -> Value<'a>) -> Value<'a> {
    if let Value::Absent = own { other() } else { own }
}

/// Places of states in the filter's list of words.
fn state(state: State) -> u64 {
    match state {
        State::Open => 0,
        State::Closed => 1,
        State::Reset => 2,
        State::TimedOut => 3,
        State::Refused => 4,
        State::Unanswered => 5,
    }
}

/// What is known of a connection as it stands now.
fn of_connection(row: &ConnectionRow, field: Field) -> Value<'_> {
    let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
    let opened =
        || row.handshake.upgraded.then(|| row.response.map_or(row.first.time, |place| place.last.time));
    let closing = row.closing.as_ref();
    let [info, warning, error] = row.findings;
    match field {
        // One of which no end was told is open where the capture ends, or so far.
        Field::State => Value::Number(state(row.state.unwrap_or(State::Open))),
        Field::Opened => opened().map_or(Value::Absent, Value::Moment),
        Field::Closed => row.closed.map_or(Value::Absent, Value::Moment),
        Field::Duration => match (opened(), row.closed) {
            (Some(opened), Some(closed)) => closed.elapsed_since(opened).map_or(Value::Absent, Value::Nanos),
            _ => Value::Absent,
        },
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
        Field::CloseReason => closing.map_or(Value::Absent, |closing| Value::Bytes(&closing.reason)),
        Field::CloseClean => closing.map_or(Value::Absent, |closing| Value::Flag(closing.answered)),
        Field::FindingsError => Value::Number(error),
        Field::FindingsWarning => Value::Number(warning),
        Field::FindingsInfo => Value::Number(info),
        Field::Gaps => Value::Number(row.gaps.0),
        Field::GapBytes => Value::Number(row.gaps.1),
        Field::SkippedBytes => match (row.skipped.c2s, row.skipped.s2c) {
            (None, None) => Value::Absent,
            (one, other) => Value::Number(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        },
        _ => Value::Absent,
    }
}

/// The sender's or the receiver's address or port.
fn ends(row: &ConnectionRow, direction: Direction, field: Field) -> Value<'static> {
    let (source, destination) = match direction {
        Direction::ClientToServer => (row.client, row.server),
        Direction::ServerToClient => (row.server, row.client),
    };
    match field {
        Field::SrcIp => Value::Address(source.ip),
        Field::SrcPort => Value::Number(source.port.into()),
        Field::DstIp => Value::Address(destination.ip),
        Field::DstPort => Value::Number(destination.port.into()),
        _ => Value::Absent,
    }
}

fn start(index: &Index) -> Time {
    index.begin.unwrap_or_default()
}

impl FilterRow for OfConnection<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        if let Field::Time | Field::Epoch = field {
            return Value::Moment(self.row.first.time);
        }
        or_else(of_connection(self.row, field), || of_handshake(self.row, field))
    }

    fn start(&self) -> Time {
        start(self.index)
    }

    fn remembered(&self, test: usize) -> Option<FilterVerdict> {
        self.answers?(test)
    }
}

impl OfMessage<'_> {
    /// The application bytes, as far as the index has them.
    fn payload(&self) -> Value<'_> {
        let row = self.row;
        let preview = self.index.preview(self.connection.id.0, self.number);
        let whole = row.len() == Some(preview.len() as u64) && row.integrity == Integrity::Ok;
        match row.integrity {
            _ if whole => Value::Bytes(preview),
            Integrity::Ok => Value::Part(preview),
            // Where a hole is in it, the row does not say.
            _ => Value::Part(&[]),
        }
    }
}

impl FilterRow for OfMessage<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        let row = self.row;
        let note = || self.index.control_note(self.connection.id.0, self.number).copied().unwrap_or_default();
        let is_close = row.opcode() == Opcode::Close;
        let own = match field {
            Field::Time | Field::Epoch => Value::Moment(row.time),
            Field::Delta => self.delta.map_or(Value::Absent, Value::Nanos),
            Field::Dir => Value::Number(row.direction.into()),
            Field::Packet => Value::Number(row.first_packet.into()),
            Field::LastPacket => Value::Number(row.last_packet.into()),
            Field::Msg => Value::Number(self.number),
            Field::Op | Field::Opcode => Value::Number(row.opcode.into()),
            Field::Control => Value::Flag(row.opcode().is_control()),
            Field::Len => row.len().map_or(Value::Unknown, Value::Number),
            Field::Wire => Value::Number(row.wire),
            Field::Frames => Value::Number(row.frames.into()),
            Field::Compressed => Value::Flag(row.marks.has(Marks::COMPRESSED)),
            Field::Integrity => Value::Number(row.integrity as u64),
            Field::Text if row.opcode() != Opcode::Text || row.marks.has(Marks::NOT_UTF8) => {
                return Value::Absent;
            }
            Field::Text | Field::Payload | Field::Hex => self.payload(),
            Field::Sha256 => Value::Unknown,
            Field::InvalidUtf8At if row.marks.has(Marks::NOT_UTF8) => Value::Unknown,
            Field::MissingAt | Field::MissingLen if row.integrity == Integrity::Gap => Value::Unknown,
            Field::CloseCode if is_close => number(note().code.map(u64::from)),
            Field::CloseReason if is_close => {
                let payload = self.index.preview(self.connection.id.0, self.number);
                match Close::parse(payload) {
                    Close { code: None, .. } => Value::Absent,
                    Close { reason, .. } if row.len() == Some(payload.len() as u64) => Value::Bytes(reason),
                    Close { reason, .. } => Value::Part(reason),
                }
            }
            Field::Rtt => {
                let ControlNote { rtt, .. } = note();
                rtt.map_or(Value::Absent, Value::Nanos)
            }
            Field::Mark => Value::Flag(self.marks.contains(&(self.connection.id.0, self.number))),
            Field::SrcIp | Field::SrcPort | Field::DstIp | Field::DstPort => {
                ends(self.connection, row.direction(), field)
            }
            // A message has a Close's fields itself, or not at all.
            Field::CloseCode | Field::CloseReason => return Value::Absent,
            Field::Fin
            | Field::Rsv
            | Field::Rsv1
            | Field::Rsv2
            | Field::Rsv3
            | Field::Masked
            | Field::MaskingKey => {
                return of_frame(self.first_frame(), field);
            }
            _ => Value::Absent,
        };
        or_else(own, || {
            or_else(of_handshake(self.connection, field), || of_connection(self.connection, field))
        })
    }

    fn start(&self) -> Time {
        start(self.index)
    }
}

impl<'a> OfMessage<'a> {
    fn first_frame(&self) -> Option<&'a FrameRow> {
        let at = (self.row.first_frame as usize).checked_sub(1)?;
        self.index.frames(self.connection.id.0).get(at)
    }
}

fn of_frame(row: Option<&FrameRow>, field: Field) -> Value<'_> {
    let Some(row) = row else { return Value::Absent };
    let header = row.header();
    match field {
        Field::Fin => Value::Flag(header.fin()),
        Field::Rsv => Value::Number(header.rsv().into()),
        Field::Rsv1 => Value::Flag(header.rsv() & 4 != 0),
        Field::Rsv2 => Value::Flag(header.rsv() & 2 != 0),
        Field::Rsv3 => Value::Flag(header.rsv() & 1 != 0),
        Field::Masked => Value::Flag(header.masked()),
        Field::MaskingKey if header.masked() => Value::Bytes(&row.key),
        Field::HeaderLen => Value::Number(header.len() as u64),
        Field::Complete => Value::Flag(row.complete),
        _ => Value::Absent,
    }
}

impl FilterRow for OfFrame<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        let row = self.row;
        let own = match field {
            Field::Time | Field::Epoch => Value::Moment(row.time),
            Field::Delta => self.delta.map_or(Value::Absent, Value::Nanos),
            Field::Dir => Value::Number(row.direction() as u64),
            Field::Packet => Value::Number(row.packet.into()),
            Field::Msg => number((row.message > 0).then_some(row.message.into())),
            Field::Frame => Value::Number(self.number),
            Field::Op | Field::Opcode => Value::Number(row.header().opcode().bits().into()),
            Field::Control => Value::Flag(row.header().opcode().is_control()),
            Field::Len => Value::Number(row.payload_len),
            Field::Wire => Value::Number(row.wire()),
            Field::SrcIp | Field::SrcPort | Field::DstIp | Field::DstPort => {
                ends(self.connection, row.direction(), field)
            }
            Field::Payload | Field::Hex | Field::Text | Field::LastPacket | Field::Offset => {
                return Value::Unknown;
            }
            field => of_frame(Some(row), field),
        };
        or_else(own, || {
            or_else(of_handshake(self.connection, field), || of_connection(self.connection, field))
        })
    }

    fn start(&self) -> Time {
        start(self.index)
    }
}

impl FilterRow for OfFinding<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        let row = self.row;
        let own = match field {
            Field::Time | Field::Epoch => Value::Moment(row.place.time),
            Field::Dir => number(row.direction.map(|direction| direction as u64)),
            Field::Packet | Field::LastPacket => Value::Number(row.place.packet),
            Field::Msg => number(row.message),
            Field::Frame => number(row.frame),
            Field::Offset => number(row.offset),
            Field::Code => Value::Bytes(row.rule.code.as_bytes()),
            Field::Severity => Value::Number(row.rule.severity as u64),
            Field::Ref => Value::Bytes(row.rule.reference.as_bytes()),
            Field::Text => Value::Bytes(row.text.as_bytes()),
            _ => Value::Absent,
        };
        let connection = || row.connection.and_then(|id| self.index.connection(id.0));
        or_else(own, || {
            connection()
                .map_or(Value::Absent, |row| or_else(of_handshake(row, field), || of_connection(row, field)))
        })
    }

    fn start(&self) -> Time {
        start(self.index)
    }
}

/// The capture's own values, for completion.
pub struct KnownRecord<'a>(pub &'a Index);

impl Values for KnownRecord<'_> {
    fn values(&self, field: Field) -> Vec<(String, u64)> {
        // Enough to choose from, and quick on a capture of any size.
        const CONNECTIONS: usize = 10_000;
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        let mut add = |value: Option<String>, by: u64| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                *counts.entry(value).or_default() += by;
            }
        };
        let rows = self.0.connections.iter().take(CONNECTIONS);
        match field {
            Field::Host => rows.for_each(|row| add(row.url_parts().map(|(host, _)| host.to_owned()), 1)),
            Field::Path => rows.for_each(|row| add(row.url_parts().map(|(_, path)| path.to_owned()), 1)),
            Field::Url => rows.for_each(|row| add(row.url.as_deref().map(str::to_owned), 1)),
            Field::Subprotocol => rows.for_each(|row| add(row.handshake.subprotocol.clone(), 1)),
            Field::Client => rows.for_each(|row| add(Some(row.client.to_string()), 1)),
            Field::Server => rows.for_each(|row| add(Some(row.server.to_string()), 1)),
            Field::ClientIp => rows.for_each(|row| add(Some(row.client.address().to_string()), 1)),
            Field::ServerIp => rows.for_each(|row| add(Some(row.server.address().to_string()), 1)),
            Field::Status => {
                rows.for_each(|row| add(row.handshake.status.map(|status| status.to_string()), 1))
            }
            Field::CloseCode => rows.for_each(|row| {
                add(row.closing.as_ref().and_then(|closing| closing.code).map(|code| code.to_string()), 1);
            }),
            Field::State => rows.for_each(|row| add(row.state.map(|state| state.name().to_owned()), 1)),
            Field::Op | Field::Opcode => rows.for_each(|row| {
                for counts in [&row.counts.c2s, &row.counts.s2c] {
                    let [text, binary, _] = counts.data;
                    let [close, ping, pong, _] = counts.control;
                    let all = [
                        ("text", text),
                        ("binary", binary),
                        ("close", close),
                        ("ping", ping),
                        ("pong", pong),
                    ];
                    for (name, count) in all.into_iter().filter(|(_, count)| *count > 0) {
                        add(Some(name.to_owned()), count);
                    }
                }
            }),
            Field::Code => self.0.findings.iter().for_each(|row| add(Some(row.rule.code.to_owned()), 1)),
            Field::Severity => {
                self.0.findings.iter().for_each(|row| add(Some(row.rule.severity.name().to_owned()), 1));
            }
            _ => {}
        }
        let mut found: Vec<(String, u64)> = counts.into_iter().collect();
        found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        found
    }
}
