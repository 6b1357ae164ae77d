//! The index of a capture is what is printed of it.

use proptest::prelude::*;
use serde_json::Value;
use wslens::capture::Capture;
use wslens::pipeline::Limits;
use wslens::report::{Levels, PayloadMode};
use wslens::store::{FrameRow, Index, Marks, MessageRow};
use wslens::ws::Integrity;

use super::{captures, session};
use crate::read::{Output, config, read_as};
use crate::support::forge::{PcapFormat, pcap};
use crate::support::strategy::{plans, splits, troubled};

fn printed(bytes: &[u8]) -> Output {
    let capture = Capture::from_bytes(bytes.to_vec()).unwrap();
    read_as(capture, Limits::default(), Levels::ALL, PayloadMode::Full)
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
            // What is still compressed is nobody's text, and behind a hole stands something else.
            let as_sent = record["compressed"] == true && record["len"].is_null();
            let certain = record["missing_at"].as_u64().map_or(bytes.len(), |at| at as usize);
            let shown = if as_sent { 0 } else { bytes.len().min(64).min(certain) };
            let preview = hex::encode(&bytes[..shown]);
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
            assert_eq!((message.opcode, message.direction()), (first.head[0] & 15, first.direction()));
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
