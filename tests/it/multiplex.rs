//! WebSockets inside HTTP/2: however the streams are cut and mixed, and whatever happens on the way, what each of them
//! said is read, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use serde_json::Value;

use crate::read::{Output, read};
use crate::support::forge::{
    BINARY, C2S, Conversation, Http2Talk, PcapFormat, Rng, S2C, Script, Split, TEXT, h2_frame, interleave,
    pcap,
};
use crate::support::strategy::splits;

/// What one stream said in one direction: opcode and bytes.
type Said = Vec<(String, Vec<u8>)>;

fn said(talk: &Http2Talk) -> BTreeMap<(u64, &'static str), Said> {
    let mut all: BTreeMap<_, Said> = BTreeMap::new();
    for (stream, dir, op, bytes) in &talk.said {
        let op = match *op {
            TEXT => "text",
            BINARY => "binary",
            8 => "close",
            _ => "ping",
        };
        all.entry((u64::from(*stream), dir.name())).or_default().push((op.to_owned(), bytes.clone()));
    }
    all
}

fn found(output: &Output) -> BTreeMap<(u64, &'static str), Said> {
    let mut all: BTreeMap<_, Said> = BTreeMap::new();
    for connection in output.connections() {
        assert_eq!(connection["http_version"], "2");
        for dir in ["c2s", "s2c"] {
            for message in output.said(connection["conn"].as_u64().unwrap(), dir) {
                assert_eq!(message.integrity, "ok", "{message:?}");
                let stream = connection["stream_id"].as_u64().unwrap();
                all.entry((stream, dir)).or_default().push((message.op, message.bytes));
            }
        }
    }
    all
}

/// A conversation of several streams: each message cut into DATA frames, some padded, mixed with those of others.
fn mixed(seed: u64, streams: u32, messages: usize) -> Http2Talk {
    let mut rng = Rng::new(seed);
    let mut talk = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80");
    for n in 0..streams {
        talk = talk.open(2 * n + 1);
        if n % 2 == 1 {
            // A plain request beside them.
            let other = 2 * (streams + n) + 1;
            talk = talk.frame(C2S, 1, 5, other, &[0x82, 0x84, 0x86]).frame(S2C, 0, 0, other, &[0x81; 50]);
        }
    }
    // What each stream's direction has to send.
    let mut left: BTreeMap<(u32, bool), Vec<u8>> = BTreeMap::new();
    for _ in 0..messages {
        let stream = 2 * rng.below(u64::from(streams)) as u32 + 1;
        let dir = if rng.below(2) == 0 { C2S } else { S2C };
        let len = [0, 5, 130, 700, 3000][rng.below(5) as usize];
        let payload: Vec<u8> = (0..len).map(|_| b'a' + rng.below(26) as u8).collect();
        let op = if rng.below(2) == 0 { TEXT } else { BINARY };
        let wire = talk.wire(dir, op, &payload);
        left.entry((stream, dir == C2S)).or_default().extend(wire);
        talk.said.push((stream, dir, op, payload));
    }
    while let Some((stream, client)) = left.keys().nth(rng.below(left.len().max(1) as u64) as usize).copied()
    {
        let bytes = left.get_mut(&(stream, client)).unwrap();
        let len = (1 + rng.below(900) as usize).min(bytes.len());
        let mut payload: Vec<u8> = bytes.drain(..len).collect();
        if bytes.is_empty() {
            left.remove(&(stream, client));
        }
        let padded = rng.below(4) == 0;
        if padded {
            let pad = rng.below(20) as u8;
            payload = [&[pad][..], &payload, &vec![0; pad.into()]].concat();
        }
        let dir = if client { C2S } else { S2C };
        talk = talk.frame(dir, 0, if padded { 8 } else { 0 }, stream, &payload);
    }
    for n in 0..streams {
        talk = talk.close(2 * n + 1);
    }
    talk
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_each_stream_said_is_read_however_tcp_carries_it(
        seed: u64,
        streams in 1u32..5,
        messages in 0usize..16,
        split in splits(),
        trouble in 0usize..5,
    ) {
        let talk = mixed(seed, streams, messages);
        let script = Script::new(&talk.talk, &split).trouble(&mut Rng::new(seed), trouble);
        let output = read(pcap(&script.packets(), PcapFormat::default()));
        prop_assert!(found(&output) == said(&talk), "{:?}", output.codes());
        for connection in output.connections() {
            prop_assert_eq!(&connection["state"], "closed");
        }
        // TCP's troubles are told; nobody is accused of them.
        let errors = output.kind("finding").filter(|finding| finding["severity"] == "error");
        for error in errors {
            prop_assert!(error["code"].as_str().unwrap().starts_with("tcp-"), "{error}");
        }
    }
}

#[test]
fn a_reset_stream_ends_its_websocket_and_no_other() {
    let talk = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80")
        .open(1)
        .open(3)
        .say(C2S, 1, TEXT, b"one")
        .frame(S2C, 3, 0, 1, &8u32.to_be_bytes())
        .say(S2C, 3, TEXT, b"three")
        .close(3);
    let output = read(pcap(&Script::new(&talk.talk, &Split::Writes(1460)).packets(), PcapFormat::default()));
    let states: Vec<_> =
        output.connections().iter().map(|c| (c["stream_id"].clone(), c["state"].clone())).collect();
    assert_eq!(states, [(1.into(), "reset".into()), (3.into(), "closed".into())]);
    assert_eq!(output.findings("h2-stream-reset").len(), 1);
}

#[test]
fn a_gap_in_one_streams_data_is_that_streams_alone() {
    let mut talk = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80").open(1).open(3);
    let long = vec![b'x'; 5000];
    talk = talk
        .say(S2C, 1, BINARY, &long)
        .say(S2C, 3, TEXT, b"whole")
        .say(S2C, 1, TEXT, b"after")
        .close(1)
        .close(3);
    let script = Script::new(&talk.talk, &Split::Writes(1460));
    let at =
        talk.talk.streams[1].windows(3000).position(|bytes| bytes.iter().all(|byte| *byte == b'x')).unwrap();
    let output = read(pcap(
        &script.lose_bytes(S2C, at as u64 + 2000..at as u64 + 2001).packets(),
        PcapFormat::default(),
    ));
    let conn = |stream: u64| -> Value {
        output.connections().into_iter().find(|c| c["stream_id"] == stream).unwrap()["conn"].clone()
    };
    let of = |stream: u64| output.said(conn(stream).as_u64().unwrap(), "s2c");
    assert_eq!(of(1)[0].integrity, "gap");
    assert_eq!((of(1)[1].bytes.as_slice(), of(1)[1].integrity.as_str()), (&b"after"[..], "ok"));
    assert!(of(3).iter().all(|message| message.integrity == "ok"));
    let gaps = output.findings("tcp-gap");
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0]["conn"], conn(1));
    assert!(output.findings("h2-desynchronised").is_empty());
}

#[test]
fn a_server_may_speak_first_and_a_client_may_be_upgraded() {
    // The server's SETTINGS come before the client's preface.
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    talk.handshake = crate::support::forge::Handshake::Done;
    let rest = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80").open(1).say(S2C, 1, TEXT, b"hello").close(1);
    let early = h2_frame(4, 0, 0, &[0, 8, 0, 0, 0, 1]);
    let mut reached = [0, 0];
    talk = talk.bytes(S2C, &early);
    for (dir, range) in &rest.talk.writes {
        let side = usize::from(*dir == S2C);
        let bytes = &rest.talk.streams[side][range.clone()];
        reached[side] += bytes.len();
        talk = talk.bytes(*dir, bytes);
    }
    let one = Script::new(&talk, &Split::Writes(1460)).packets();
    // HTTP/1.1 first.
    let mut talk = Conversation::new("10.0.0.3:50000", "10.0.0.2:80");
    talk.handshake = crate::support::forge::Handshake::Done;
    talk = talk
        .bytes(C2S, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAQAAP__\r\n\r\n")
        .bytes(S2C, b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    let rest =
        Http2Talk::new("10.0.0.3:50000", "10.0.0.2:80").open(3).say(S2C, 3, TEXT, b"upgraded").close(3);
    for (dir, range) in &rest.talk.writes {
        talk = talk.bytes(*dir, &rest.talk.streams[usize::from(*dir == S2C)][range.clone()]);
    }
    let two = Script::new(&talk, &Split::Writes(1460)).packets();
    let output = read(pcap(&interleave([one, two]), PcapFormat::default()));
    let texts: Vec<_> = output
        .connections()
        .iter()
        .map(|c| output.said(c["conn"].as_u64().unwrap(), "s2c")[0].bytes.clone())
        .collect();
    assert_eq!(texts, [b"hello".to_vec(), b"upgraded".to_vec()]);
    assert_eq!(output.summary()["findings"]["error"], 0, "{:?}", output.codes());
}

#[test]
fn a_capture_that_begins_later_shows_the_websockets_that_are_opened_from_then_on() {
    let talk = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80")
        .frame(C2S, 1, 5, 1, &[0x82, 0x84, 0x86])
        .frame(S2C, 1, 5, 1, &[0x88])
        .frame(C2S, 1, 5, 3, &[0x82, 0x84, 0x86])
        .open(5)
        .say(C2S, 5, TEXT, b"seen")
        .close(5);
    let script = Script::new(&talk.talk, &Split::Writes(1460));
    let from = script.data(C2S)[3];
    let output = read(pcap(&script.begin_at(from).packets(), PcapFormat::default()));
    assert_eq!(found(&output), said(&talk));
    // With nothing of a WebSocket in it, it is a connection that speaks HTTP/2.
    let plain = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:80").frame(C2S, 1, 5, 1, &[0x82, 0x84, 0x86]);
    let output = read(pcap(&Script::new(&plain.talk, &Split::Writes(1460)).packets(), PcapFormat::default()));
    assert!(output.connections().is_empty() && output.kind("finding").next().is_none());
}

/// DATA bytes of each stream as tshark sees them, by TCP connection, stream and whether the client sent them.
fn data_by_tshark(path: &Path) -> Option<BTreeMap<(u64, u64, bool), u64>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args(["-Y", "http2", "-T", "fields"]);
    for port in ["18104", "18105"] {
        command.args(["-d", &format!("tcp.port=={port},http2")]);
    }
    for field in ["tcp.stream", "tcp.dstport", "http2.type", "http2.streamid", "http2.length"] {
        command.args(["-e", field]);
    }
    let out = command.output().ok().filter(|out| out.status.success())?;
    let mut sums = BTreeMap::new();
    for line in String::from_utf8(out.stdout).unwrap().lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let numbers =
            |cell: &str| -> Vec<u64> { cell.split(',').filter_map(|number| number.parse().ok()).collect() };
        let client = ["18104", "18105"].contains(&cells[1]);
        let (kinds, streams, lens) = (numbers(cells[2]), numbers(cells[3]), numbers(cells[4]));
        assert_eq!((kinds.len(), kinds.len()), (streams.len(), lens.len()), "{line}");
        for ((kind, stream), len) in kinds.iter().zip(streams).zip(lens) {
            if *kind == 0 {
                *sums.entry((cells[0].parse().unwrap(), stream, client)).or_default() += len;
            }
        }
    }
    Some(sums)
}

#[test]
fn each_stream_of_real_peers_has_the_bytes_that_tshark_gives_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/http2/capture.pcapng");
    let Some(theirs) = data_by_tshark(&path) else { return eprintln!("skipped: no tshark") };
    let output = read(fs::read(&path).unwrap());
    let mut compared = 0;
    for connection in output.connections() {
        // It does not go on behind an upgrade from HTTP/1.1.
        if connection["state"] == "refused" || connection["tcp_stream"] == 1 {
            continue;
        }
        for (dir, client) in [("c2s", true), ("s2c", false)] {
            let number = |key: &str| connection[key].as_u64().unwrap();
            let key = (number("tcp_stream"), number("stream_id"), client);
            let own = connection["wire_bytes"][dir].as_u64().unwrap();
            assert_eq!(theirs.get(&key).copied().unwrap_or(0), own, "{key:?}");
            compared += usize::from(own > 0);
        }
    }
    assert_eq!(compared, 8);
}
