//! The rows of an opened capture as records of a filter.
//!
//! A row stores only the beginning of its payload; a test of later bytes is
//! [`FilterVerdict::Unknown`](crate::filter::FilterVerdict).

use std::collections::BTreeSet;

use crate::filter::{
    ConnectionFacts, Field, FilterRow, FilterVerdict, FindingFacts, FrameFacts, Level, Levels, MessageFacts,
    MessageSummary, RecordFacts, Value, Values, number, of_message,
};
use crate::model::{Nanos, Time};
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
    /// The results of tests on fields of its messages, frames and findings.
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
    /// Nanoseconds since the previous message.
    pub delta: Option<Nanos>,
    /// The marks of the user.
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
    /// Nanoseconds since the previous frame.
    pub delta: Option<Nanos>,
}

/// A finding.
#[derive(Clone, Copy)]
pub struct OfFinding<'a> {
    /// The capture.
    pub index: &'a Index,
    /// The row.
    pub row: &'a FindingRow,
}

/// Fields that a row does not have are answered by its connection.
fn or_connection<'a>(
    own: Value<'a>,
    level: Level,
    field: Field,
    row: Option<&'a ConnectionRow>,
) -> Value<'a> {
    match (own, row) {
        // A field of the row's own level refers to the row, even if the row has no value.
        (Value::Absent, Some(row)) if !field.info().levels.has(level) => connection_facts(row).get(field),
        (own, _) => own,
    }
}

fn connection_facts(row: &ConnectionRow) -> ConnectionFacts<'_> {
    let opened = row.response.map_or(row.first.time, |response| response.last.time);
    ConnectionFacts {
        // A connection without an end is open at the end of the capture.
        state: row.state.unwrap_or(State::Open),
        opened: row.handshake.upgraded.then_some(opened),
        closed: row.closed,
        counts: row.counts,
        closing: row.closing.as_ref(),
        findings: row.findings,
        gaps: row.gaps,
        skipped: row.skipped,
    }
}

fn start(index: &Index) -> Time {
    index.begin.unwrap_or_default()
}

impl FilterRow for OfConnection<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        let facts = RecordFacts {
            time: self.row.first.time,
            delta: None,
            direction: None,
            message: None,
            frame: None,
            connection: Some(self.row),
        };
        facts.get(field, || connection_facts(self.row).get(field))
    }

    fn start(&self) -> Time {
        start(self.index)
    }

    fn remembered(&self, test: usize) -> Option<FilterVerdict> {
        self.answers?(test)
    }
}

impl<'a> MessageFacts<'a> for OfMessage<'a> {
    fn summary(&self) -> MessageSummary {
        let row = self.row;
        MessageSummary {
            packet: row.first_packet.into(),
            last_packet: row.last_packet.into(),
            opcode: row.opcode(),
            len: row.len(),
            wire: row.wire,
            frames: row.frames,
            compressed: row.marks.has(Marks::COMPRESSED),
            integrity: row.integrity,
        }
    }

    fn text(&self) -> Value<'a> {
        if self.row.opcode() != Opcode::Text || self.row.marks.has(Marks::NOT_UTF8) {
            return Value::Absent;
        }
        self.payload()
    }

    /// Returns the application bytes in the preview.
    fn payload(&self) -> Value<'a> {
        let row = self.row;
        let preview = self.index.preview(self.connection.id.0, self.number);
        let whole = row.len() == Some(preview.len() as u64) && row.integrity == Integrity::Ok;
        match row.integrity {
            _ if whole => Value::Bytes(preview),
            Integrity::Ok => Value::Part(preview),
            // The row does not know where bytes are missing.
            _ => Value::Part(&[]),
        }
    }

    fn sha256(&self) -> Value<'a> {
        Value::Unknown
    }

    fn invalid_utf8_at(&self) -> Value<'a> {
        if self.row.marks.has(Marks::NOT_UTF8) { Value::Unknown } else { Value::Absent }
    }

    fn missing(&self) -> [Value<'a>; 2] {
        match self.row.integrity {
            Integrity::Gap => [Value::Unknown, Value::Unknown],
            _ => [Value::Absent, Value::Absent],
        }
    }

    fn close(&self) -> [Value<'a>; 2] {
        if self.row.opcode() != Opcode::Close {
            return [Value::Absent, Value::Absent];
        }
        let payload = self.index.preview(self.connection.id.0, self.number);
        let reason = match Close::parse(payload) {
            Close { reason, .. } if self.row.len() == Some(payload.len() as u64) => Value::Bytes(reason),
            Close { reason, .. } => Value::Part(reason),
        };
        [number(self.note().code.map(u64::from)), reason]
    }

    fn rtt(&self) -> Option<Nanos> {
        self.note().rtt
    }
}

impl FilterRow for OfMessage<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        if field == Field::Mark {
            return Value::Flag(self.marks.contains(&(self.connection.id.0, self.number)));
        }
        let facts = RecordFacts {
            time: self.row.time,
            delta: self.delta,
            direction: Some(self.row.direction()),
            message: Some(self.number),
            frame: None,
            connection: Some(self.connection),
        };
        let own = facts.get(field, || of_message(self, field));
        match own {
            // The first frame represents all frames of its message.
            Value::Absent if field.info().levels == Levels::of(Level::Frame) => {
                self.first_frame().map_or(Value::Absent, |row| frame_facts(row).get(field))
            }
            own => or_connection(own, Level::Message, field, Some(self.connection)),
        }
    }

    fn start(&self) -> Time {
        start(self.index)
    }
}

impl<'a> OfMessage<'a> {
    fn note(&self) -> ControlNote {
        self.index.control_note(self.connection.id.0, self.number).copied().unwrap_or_default()
    }

    fn first_frame(&self) -> Option<&'a FrameRow> {
        let at = (self.row.first_frame as usize).checked_sub(1)?;
        self.index.frames(self.connection.id.0).get(at)
    }
}

fn frame_facts(row: &FrameRow) -> FrameFacts<'_> {
    FrameFacts {
        header: row.header(),
        masking_key: &row.key,
        packet: row.packet.into(),
        complete: row.complete,
        // The index does not store these.
        last_packet: Value::Unknown,
        offset: Value::Unknown,
        payload: Value::Unknown,
    }
}

impl FilterRow for OfFrame<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        let facts = RecordFacts {
            time: self.row.time,
            delta: self.delta,
            direction: Some(self.row.direction()),
            message: (self.row.message > 0).then_some(self.row.message.into()),
            frame: Some(self.number),
            connection: Some(self.connection),
        };
        match field {
            // The text of its message is not in the index.
            Field::Text => Value::Unknown,
            _ => {
                let own = facts.get(field, || frame_facts(self.row).get(field));
                or_connection(own, Level::Frame, field, Some(self.connection))
            }
        }
    }

    fn start(&self) -> Time {
        start(self.index)
    }
}

impl FilterRow for OfFinding<'_> {
    fn get(&self, field: Field) -> Value<'_> {
        let row = self.row;
        let connection = row.connection.and_then(|id| self.index.connection(id.0));
        let facts = RecordFacts {
            time: row.place.time,
            delta: None,
            direction: row.direction,
            message: row.message,
            frame: row.frame,
            connection: connection.map(|row| &row.connection),
        };
        let finding =
            FindingFacts { rule: row.rule, packet: row.place.packet, offset: row.offset, text: &row.text };
        or_connection(facts.get(field, || finding.get(field)), Level::Finding, field, connection)
    }

    fn start(&self) -> Time {
        start(self.index)
    }
}

/// The values in the capture, for completion.
pub struct KnownRecord<'a>(pub &'a Index);

impl Values for KnownRecord<'_> {
    fn values(&self, field: Field) -> Vec<(String, u64)> {
        // Enough values to choose from; quick for a capture of any size.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Arguments;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::capture::{Capture, Input};
    use crate::drive;
    use crate::filter::{FIELDS, FilterEvent, answers};
    use crate::model::Rule;
    use crate::pipeline::{Connection, Ended, Limits, Pipeline, Sink};
    use crate::store::{Options, Session};
    use crate::ws::{Depth, FrameEvent, MessageEvent, Spot};

    /// Fields that the index does not store, or stores in part: a row may answer "unknown".
    const NOT_STORED: &[(Level, Field)] = &[
        (Level::Message, Field::Text),
        (Level::Message, Field::Payload),
        (Level::Message, Field::Hex),
        (Level::Message, Field::Sha256),
        (Level::Message, Field::InvalidUtf8At),
        (Level::Message, Field::MissingAt),
        (Level::Message, Field::MissingLen),
        (Level::Frame, Field::LastPacket),
        (Level::Frame, Field::Offset),
        (Level::Frame, Field::Payload),
        (Level::Frame, Field::Hex),
        (Level::Frame, Field::CloseCode),
        (Level::Frame, Field::CloseReason),
    ];

    /// Fields that need more than the row: the previous record, or the marks of the user.
    const FROM_OUTSIDE: [Field; 2] = [Field::Delta, Field::Mark];

    type Answers = BTreeMap<(Level, u32, u64), Vec<(Field, String)>>;

    #[derive(Default)]
    struct Collect {
        all: Answers,
        findings: u64,
    }

    impl Sink for Collect {
        fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
            let key = (Level::Message, connection.id.0, message.number);
            self.all.insert(key, answers(&FilterEvent::Message(message), Some(connection)));
        }

        fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
            let mut scratch = Vec::new();
            let payload = frame.read(&mut scratch).to_vec();
            let key = (Level::Frame, connection.id.0, frame.number);
            self.all.insert(key, answers(&FilterEvent::Frame(frame, &payload), Some(connection)));
        }

        fn finding(
            &mut self,
            connection: Option<&Connection>,
            rule: &'static Rule,
            spot: Spot,
            text: Arguments<'_>,
        ) {
            let event = FilterEvent::Finding(rule, spot, text.to_string().into());
            self.all.insert((Level::Finding, 0, self.findings), answers(&event, connection));
            self.findings += 1;
        }

        fn ended(&mut self, ended: &Ended<'_>) {
            let connection = ended.connection;
            let event = FilterEvent::Ended(ended);
            self.all.insert((Level::Connection, connection.id.0, 0), answers(&event, Some(connection)));
        }
    }

    fn of_engine(path: &Path) -> Answers {
        let mut capture = Capture::open(&[Input::from(path.to_path_buf())], &Default::default()).unwrap();
        let depth =
            Depth { payloads: true, frames: true, frame_payloads: true, hash: true, ..Depth::default() };
        let mut collect = Collect::default();
        let limits = Limits { depth, ..Limits::default() };
        drive::run(&mut capture, &mut Pipeline::new(limits), &mut collect, |_, _| true);
        collect.all
    }

    fn of_rows(path: &Path) -> Answers {
        let mut session = Session::open(&[Input::from(path.to_path_buf())], Options::default()).unwrap();
        session.wait();
        let index = session.index();
        let (index, marks) = (&*index, &BTreeSet::new());
        let ask = |record: &dyn Fn(Field) -> String, level: Level| -> Vec<(Field, String)> {
            let own = FIELDS.iter().filter(|info| info.levels.has(level));
            own.map(|info| (info.field, record(info.field))).collect()
        };
        let mut all = Answers::new();
        for row in &index.connections {
            let conn = row.id.0;
            let record = OfConnection { index, row, answers: None };
            let answers = ask(&|field| format!("{:?}", record.get(field)), Level::Connection);
            all.insert((Level::Connection, conn, 0), answers);
            for (number, message) in (1..).zip(index.messages(conn).iter()) {
                let record = OfMessage { index, connection: row, number, row: message, delta: None, marks };
                let answers = ask(&|field| format!("{:?}", record.get(field)), Level::Message);
                if !message.marks.has(Marks::UNFINISHED) {
                    all.insert((Level::Message, conn, number), answers);
                }
            }
            for (number, frame) in (1..).zip(index.frames(conn).iter()) {
                let record = OfFrame { index, connection: row, number, row: frame, delta: None };
                let answers = ask(&|field| format!("{:?}", record.get(field)), Level::Frame);
                all.insert((Level::Frame, conn, number), answers);
            }
        }
        for (number, row) in (0..).zip(&index.findings) {
            let record = OfFinding { index, row };
            let answers = ask(&|field| format!("{:?}", record.get(field)), Level::Finding);
            all.insert((Level::Finding, 0, number), answers);
        }
        all
    }

    /// Returns whether a row's answer is the beginning of the engine's answer, or "unknown".
    fn is_vaguer(row: &str, engine: &str) -> bool {
        let inside =
            |text: &str| text.split_once('[').map(|(_, rest)| rest.trim_end_matches("])").to_owned());
        row == "Unknown"
            || row.starts_with("Part(")
                && inside(engine).is_some_and(|all| inside(row).is_some_and(|part| all.starts_with(&part)))
    }

    #[test]
    fn a_row_answers_each_field_as_the_engine_does_or_is_named() {
        let (mut compared, mut vague) = (0, BTreeMap::new());
        for folder in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/captures")).unwrap() {
            let folder = folder.unwrap().path();
            let Some(path) = fs::read_dir(&folder).ok().and_then(|files| {
                let files = files.map(|file| file.unwrap().path());
                files.filter(|file| file.to_string_lossy().contains(".pcap")).min()
            }) else {
                continue;
            };
            let (engine, rows) = (of_engine(&path), of_rows(&path));
            assert_eq!(
                engine.keys().collect::<Vec<_>>(),
                rows.keys().collect::<Vec<_>>(),
                "{}",
                path.display()
            );
            for ((key, engine), rows) in engine.iter().zip(rows.values()) {
                for ((field, engine), (_, row)) in engine.iter().zip(rows) {
                    compared += 1;
                    if FROM_OUTSIDE.contains(field) || engine == row {
                        continue;
                    }
                    let place = (key.0, *field);
                    let allowed = NOT_STORED.contains(&place) && is_vaguer(row, engine);
                    assert!(
                        allowed,
                        "{} {key:?} {field:?}: {engine} by the engine, {row} by the row",
                        path.display()
                    );
                    *vague.entry(place).or_insert(0) += 1;
                }
            }
        }
        assert!(compared > 50_000, "{compared}");
        for place in NOT_STORED {
            assert!(vague.contains_key(place), "{place:?} is answered by both: take it off the list");
        }
    }
}
