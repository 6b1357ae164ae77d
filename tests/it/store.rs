//! The opened capture: its index is what is printed, its details are what was read.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use wslens::capture::{self, Capture};
use wslens::model::{Bytes as _, Direction};
use wslens::pipeline::Limits;
use wslens::pipeline::{Connection, Pipeline, Sink, Wants};
use wslens::report::{Level, PayloadMode};
use wslens::store::detail::{Detail, FrameDetail, LoadError, MessageDetail, Request};
use wslens::store::{FrameRow, Index, Marks, MessageRow, Options, Reading, Session, run};
use wslens::ws::{FrameEvent, Integrity, MessageEvent, unmask};

use crate::captures::files;
use crate::read::{Output, config, read_as};
use crate::support::forge::{PcapFormat, pcap};
use crate::support::strategy::{plans, splits, troubled};

/// The captures of the repository and of the corpus, where that is at hand.
pub fn captures() -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if !path.to_string_lossy().ends_with(".ndjson") {
                found.push(path);
            }
        }
    }
    let mut paths = files();
    let folder = std::env::var_os("WSLENS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    walk(&folder, &mut paths);
    let bytes = paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("readable")));
    bytes.filter(|(_, bytes)| Capture::from_bytes(bytes.clone()).is_ok()).collect()
}

/// A capture that was read to its end.
pub fn session(bytes: &[u8]) -> Session {
    session_with(bytes, Options::default())
}

fn session_with(bytes: &[u8], options: Options) -> Session {
    let how = capture::Options { keep: true, ..capture::Options::default() };
    let capture = Capture::from_bytes_with(bytes.to_vec(), &how).unwrap();
    let mut session = Session::read(capture, options).unwrap();
    session.wait();
    assert_eq!(session.progress().state, Reading::Done);
    session
}

fn printed(bytes: &[u8]) -> Output {
    let capture = Capture::from_bytes(bytes.to_vec()).unwrap();
    read_as(capture, Limits::default(), Level::All, PayloadMode::Full)
}

/// What the records say, in words that both sides have.
fn of_records(output: &Output) -> Vec<String> {
    let mut told: Vec<String> = output.records.iter().filter_map(record).collect();
    told.sort();
    told
}

fn record(record: &Value) -> Option<String> {
    let pick = |keys: &[&str]| {
        let values: Vec<String> = keys.iter().map(|key| format!("{key} {}", record[key])).collect();
        values.join(" ")
    };
    match record["kind"].as_str()? {
        "message" => {
            let bytes = match (record["text"].as_str(), record["hex"].as_str()) {
                (Some(text), _) => text.as_bytes().to_vec(),
                (_, hex) => hex::decode(hex.unwrap()).unwrap(),
            };
            let keys = pick(&[
                "conn",
                "msg",
                "time",
                "dir",
                "packet",
                "last_packet",
                "op",
                "len",
                "wire",
                "frames",
                "compressed",
                "integrity",
            ]);
            let preview = hex::encode(&bytes[..bytes.len().min(64)]);
            let utf8 = record["invalid_utf8_at"].is_null();
            Some(format!("message {keys} preview {preview} utf8 {utf8} code {}", record["close_code"]))
        }
        "frame" => Some(format!(
            "frame {}",
            pick(&[
                "conn",
                "frame",
                "time",
                "dir",
                "packet",
                "message",
                "fin",
                "opcode",
                "masked",
                "masking_key",
                "header_len",
                "len",
                "complete",
            ])
        )),
        "finding" => Some(format!(
            "finding {}",
            pick(&["conn", "time", "dir", "packet", "code", "frame", "msg", "offset", "text"])
        )),
        "connection" => Some(format!(
            "connection {}",
            pick(&[
                "conn",
                "tcp_stream",
                "client",
                "server",
                "url",
                "status",
                "state",
                "closed",
                "messages",
                "frames",
                "payload_bytes",
                "wire_bytes",
                "gaps",
                "gap_bytes",
            ])
        )),
        _ => None,
    }
}

/// The same of the index.
fn of_index(index: &Index) -> Vec<String> {
    use serde_json::json;
    let mut told = vec![];
    for row in &index.connections {
        let conn = row.id.0;
        let count = |of: fn(&wslens::ws::Counts) -> u64| json!({"c2s": of(&row.counts.c2s), "s2c": of(&row.counts.s2c)});
        told.push(record(&json!({
            "kind": "connection", "conn": conn, "tcp_stream": row.tcp.0, "client": row.client.to_string(),
            "server": row.server.to_string(), "url": row.url, "status": row.handshake.status,
            "state": row.state.unwrap().name(), "closed": row.closed.map(|time| time.to_string()),
            "messages": count(|c| c.messages), "frames": count(|c| c.frames),
            "payload_bytes": count(|c| c.payload_bytes), "wire_bytes": count(|c| c.wire_bytes),
            "gaps": row.gaps.0, "gap_bytes": row.gaps.1,
        })));
        for (i, row) in index.messages(conn).iter().enumerate() {
            let number = i as u64 + 1;
            if row.marks.has(Marks::UNFINISHED) {
                assert!(index.preview(conn, number).is_empty());
                continue;
            }
            let code = index.control_note(conn, number).and_then(|note| note.code);
            let mut json = json!({
                "kind": "message", "conn": conn, "msg": number, "time": row.time.to_string(),
                "dir": row.direction().name(), "packet": row.first_packet, "last_packet": row.last_packet,
                "op": row.opcode().name(), "len": row.len(), "wire": row.wire, "frames": row.frames,
                "compressed": row.marks.has(Marks::COMPRESSED), "integrity": row.integrity.name(),
                "hex": hex::encode(index.preview(conn, number)), "close_code": code,
            });
            if row.marks.has(Marks::NOT_UTF8) {
                json["invalid_utf8_at"] = json!(0);
            }
            told.push(record(&json));
        }
        for (i, row) in index.frames(conn).iter().enumerate() {
            let header = row.header();
            told.push(record(&json!({
                "kind": "frame", "conn": conn, "frame": i + 1, "time": row.time.to_string(),
                "dir": row.direction().name(), "packet": row.packet,
                "message": (row.message != 0).then_some(row.message), "fin": header.fin(),
                "opcode": header.opcode().bits(), "masked": header.masked(),
                "masking_key": header.masked().then(|| hex::encode(row.key)), "header_len": header.len(),
                "len": row.payload_len, "complete": row.complete,
            })));
        }
    }
    for row in &index.findings {
        told.push(record(&json!({
            "kind": "finding", "conn": row.connection.map(|id| id.0), "time": row.place.time.to_string(),
            "dir": row.direction.map(|dir| dir.name()), "packet": row.place.packet, "code": row.rule.code,
            "frame": row.frame, "msg": row.message, "offset": row.offset, "text": row.text,
        })));
    }
    let mut told: Vec<String> = told.into_iter().flatten().collect();
    told.sort();
    told
}

/// What must hold in any index beside what is printed.
fn holds_together(index: &Index) {
    for row in &index.connections {
        let conn = row.id.0;
        assert_eq!(index.connection(conn).unwrap().id, row.id);
        let frames: Vec<&FrameRow> = index.frames(conn).iter().collect();
        let messages: Vec<&MessageRow> = index.messages(conn).iter().collect();
        let ended = messages.iter().filter(|row| !row.marks.has(Marks::UNFINISHED));
        assert_eq!(ended.clone().count() as u64, row.counts.c2s.messages + row.counts.s2c.messages);
        assert_eq!(frames.len() as u64, row.counts.c2s.frames + row.counts.s2c.frames);
        for (i, message) in messages.iter().enumerate() {
            let first = frames[message.first_frame as usize - 1];
            let own: Vec<_> = frames.iter().filter(|frame| frame.message as usize == i + 1).collect();
            assert_eq!((own[0], own.len()), (&first, message.frames as usize));
            assert_eq!(message.marks.has(Marks::MASKED), first.header().masked());
            assert_eq!((message.opcode, message.direction), (first.head[0] & 15, first.direction));
            let found = index
                .findings
                .iter()
                .any(|f| f.connection == Some(row.id) && f.message == Some(i as u64 + 1));
            assert_eq!(message.marks.has(Marks::FINDING), found, "message {} of {conn}", i + 1);
            if let Some(note) = index.control_note(conn, i as u64 + 1)
                && let Some(ping) = note.answers
            {
                let ping = messages[ping as usize - 1];
                assert_eq!((ping.opcode, message.opcode), (9, 10));
                assert_ne!(ping.direction, message.direction);
                assert_eq!(note.rtt, Some(message.time.since(ping.time)));
            }
        }
        let (first, last) = (messages.iter().map(|m| m.time).min(), messages.iter().map(|m| m.time).max());
        if let (Some(first), Some(last)) = (first, last)
            && messages.is_sorted_by_key(|m| m.time)
        {
            let counts = index.activity(conn, first, last, 7);
            assert_eq!(counts.iter().sum::<u64>(), messages.len() as u64);
        }
    }
}

#[test]
fn the_index_of_every_capture_is_what_is_printed() {
    let mut rows = 0;
    for (path, bytes) in captures() {
        let session = session(&bytes);
        let output = printed(&bytes);
        let index = session.index();
        let (ours, theirs) = (of_index(&index), of_records(&output));
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{}", path.display());
        }
        assert_eq!(ours.len(), theirs.len(), "{}", path.display());
        holds_together(&index);
        let summary = index.summary.as_ref().unwrap();
        assert_eq!(summary.packets, output.summary()["packets"].as_u64().unwrap(), "{}", path.display());
        assert_eq!(index.messages, summary.totals.messages);
        rows += ours.len();
    }
    assert!(rows > 500, "{rows}");
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn the_index_of_any_conversation_is_what_is_printed(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64,
    ) {
        let talk = plan.conversation(port);
        let file = pcap(&troubled(&talk, &split, seed).packets(), PcapFormat::default());
        let session = session(&file);
        let index = session.index();
        prop_assert_eq!(of_index(&index), of_records(&printed(&file)));
        holds_together(&index);
    }
}

#[test]
fn rows_are_small() {
    assert_eq!(size_of::<MessageRow>(), 48);
    assert_eq!(size_of::<FrameRow>(), 32);
    assert_eq!(size_of::<Integrity>(), 1);
}

/// Every message and frame of a straight run.
#[derive(Default)]
struct Straight {
    messages: Vec<(u32, u64, Said)>,
    frames: Vec<(u32, u64, Vec<u8>)>,
}

/// What is known of a message.
#[derive(Debug, PartialEq)]
struct Said {
    direction: Direction,
    opcode: u8,
    bytes: Vec<u8>,
    len: Option<u64>,
    whole: bool,
    compressed: bool,
    integrity: Integrity,
    invalid_utf8_at: Option<u64>,
    missing: Option<(u64, u64)>,
}

impl Sink for Straight {
    fn wants(&self) -> Wants {
        Wants::default()
    }
    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        self.frames.push((connection.id.0, frame.number, frame.read(&mut Vec::new()).to_vec()));
    }
    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        let said = Said {
            direction: message.direction,
            opcode: message.opcode.bits(),
            bytes: message.bytes.to_vec(),
            len: message.len,
            whole: message.whole,
            compressed: message.compressed,
            integrity: message.integrity,
            invalid_utf8_at: message.invalid_utf8_at,
            missing: message.missing,
        };
        self.messages.push((connection.id.0, message.number, said));
    }
}

fn straight(bytes: &[u8]) -> Straight {
    let mut limits = Limits::default();
    limits.depth.keep = MessageDetail::BYTES as u64;
    let mut sink = Straight::default();
    let mut capture = Capture::from_bytes(bytes.to_vec()).unwrap();
    run(&mut capture, &mut Pipeline::new(limits), &mut sink, |_, _| true);
    sink
}

fn load_message(session: &Session, connection: u32, message: u64) -> Box<MessageDetail> {
    match session.load(&Request::Message { connection, message }) {
        Ok(Detail::Message(detail)) => detail,
        other => panic!("message {message} of {connection}: {other:?}"),
    }
}

fn load_frame(session: &Session, connection: u32, frame: u64) -> Box<FrameDetail> {
    match session.load(&Request::Frame { connection, frame }) {
        Ok(Detail::Frame(detail)) => detail,
        other => panic!("frame {frame} of {connection}: {other:?}"),
    }
}

/// The frame's pieces are the frame: what the packets hold at the places named is the header and the payload.
fn pieces_fit(frame: &FrameDetail, fragmented: bool) {
    let mut wire = frame.header_bytes.clone();
    let mut payload = frame.payload.clone();
    if frame.header.masked() {
        unmask(&mut payload, frame.header.masking_key, 0);
    }
    wire.extend(payload);
    assert_eq!(frame.header_bytes.len(), frame.header.len());
    let mut at = 0;
    for piece in &frame.pieces {
        assert!(piece.of_frame.start >= at && piece.of_frame.end > piece.of_frame.start);
        assert!(!frame.complete || piece.of_frame.start == at, "{:?}", frame.pieces);
        at = piece.of_frame.end;
        if piece.of_packet.is_empty() {
            assert!(fragmented);
            continue;
        }
        let (from, to) = (piece.of_frame.start as usize, piece.of_frame.end as usize);
        let there = &piece.packet.bytes[piece.of_packet.clone()];
        if frame.complete {
            let loaded = wire.get(from..to.min(wire.len())).unwrap_or_default();
            assert_eq!(&there[..loaded.len()], loaded);
        }
        assert_eq!(there.len(), to - from);
        let tcp = piece.packet.layers.last().unwrap();
        assert!(tcp.name == "TCP" && tcp.range.end <= piece.of_packet.start);
    }
    if frame.complete && frame.pieces.len() < FrameDetail::PACKETS {
        assert_eq!(at, frame.header.len() as u64 + frame.header.payload_len);
        assert_eq!(frame.pieces[0].packet.packet.number, frame.first.packet);
    }
}

/// Everything that can be asked for is what a straight run gives; how many messages there are.
fn details_are_right(session: &Session, bytes: &[u8], fragmented: bool) -> usize {
    let straight = straight(bytes);
    for (connection, number, said) in &straight.messages {
        let detail = load_message(session, *connection, *number);
        let ours = Said {
            direction: detail.direction,
            opcode: detail.opcode.bits(),
            bytes: detail.bytes.clone(),
            len: detail.len,
            whole: detail.whole,
            compressed: detail.compressed,
            integrity: detail.integrity,
            invalid_utf8_at: detail.invalid_utf8_at,
            missing: detail.missing,
        };
        assert_eq!(&ours, said, "message {number} of {connection}");
        let index = session.index();
        let row = index.messages(*connection).get(*number as usize - 1).unwrap();
        assert_eq!(detail.frame_count, u64::from(row.frames));
        assert_eq!(detail.frames[0].number, u64::from(row.first_frame));
        assert_eq!(detail.frames[0].first.packet, u64::from(row.first_packet));
        drop(index);
        if !detail.compressed && detail.integrity == Integrity::Ok {
            assert_eq!(detail.wire, detail.bytes);
        }
        detail.frames.iter().for_each(|frame| pieces_fit(frame, fragmented));
    }
    for (connection, number, payload) in &straight.frames {
        let detail = load_frame(session, *connection, *number);
        assert_eq!(detail.number, *number);
        assert_eq!(detail.payload, payload[..payload.len().min(FrameDetail::BYTES)]);
        pieces_fit(&detail, fragmented);
    }
    // A message whose end never came has the frames that did.
    let unfinished: Vec<(u32, u64)> = {
        let index = session.index();
        let of = |conn: u32| {
            index.messages(conn).iter().enumerate().map(move |(i, row)| (conn, i as u64 + 1, *row))
        };
        let rows = index.connections.iter().flat_map(|row| of(row.id.0).collect::<Vec<_>>());
        rows.filter(|(.., row)| row.marks.has(Marks::UNFINISHED))
            .map(|(conn, number, _)| (conn, number))
            .collect()
    };
    for (connection, number) in unfinished {
        let detail = load_message(session, connection, number);
        assert!(!detail.frames.is_empty() && !detail.whole && detail.len.is_none());
    }
    straight.messages.len()
}

/// A checkpoint at every few packets, so that there are many ways to a message.
fn dense() -> Options {
    Options { interval: 2, ..Options::default() }
}

#[test]
fn the_details_of_every_capture_are_what_was_read() {
    let mut messages = 0;
    for (path, bytes) in captures() {
        eprintln!("{}", path.display());
        for options in [Options::default(), dense()] {
            messages += details_are_right(&session_with(&bytes, options), &bytes, true);
        }
    }
    assert!(messages > 500, "{messages}");
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn the_details_of_any_conversation_are_what_was_read(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64, thin: bool,
    ) {
        let talk = plan.conversation(port);
        let file = pcap(&troubled(&talk, &split, seed).packets(), PcapFormat::default());
        let options = Options { checkpoints: if thin { 20_000 } else { 1 << 30 }, ..dense() };
        details_are_right(&session_with(&file, options), &file, false);
    }
}

#[test]
fn what_is_not_there_cannot_be_loaded() {
    let (_, bytes) = captures().swap_remove(0);
    let session = session(&bytes);
    for request in [
        Request::Message { connection: 1, message: 1 << 40 },
        Request::Message { connection: 1, message: 0 },
        Request::Frame { connection: 1, frame: 99_999 },
        Request::Tcp { connection: 0 },
        Request::Tcp { connection: 99 },
    ] {
        assert!(matches!(session.load(&request), Err(LoadError::Unknown(_))), "{request:?}");
    }
    let packet = session.packets_of(1).unwrap().next().unwrap();
    assert!(session.bytes().bytes(packet.bytes).is_some());
}
