//! Captures with a short snap length (`tcpdump -s 96`): the handshake is cut, and yet the connections and their frames are read.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::process::Command;

use serde_json::Value;
use wslens::capture::Capture;
use wslens::pipeline::Limits;
use wslens::report::{Levels, PayloadMode};

use crate::read::{Output, read, read_as};
use crate::store::captures;
use crate::support::forge::{
    C2S, Conversation, DeflateSpec, PcapFormat, S2C, Script, Split, capture_of, pcap,
};

/// A pcapng file of the packets of another one, each cut at this many bytes.
fn cut(file: &[u8], snap: usize) -> Vec<u8> {
    fn block(out: &mut Vec<u8>, kind: u32, mut body: Vec<u8>) {
        body.resize(body.len().next_multiple_of(4), 0);
        let len = body.len() as u32 + 12;
        out.extend([kind.to_le_bytes(), len.to_le_bytes()].concat());
        out.extend(body);
        out.extend(len.to_le_bytes());
    }
    let mut capture = Capture::from_bytes(file.to_vec()).unwrap();
    let (mut out, mut links) = (vec![], vec![]);
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    block(&mut out, 0x0a0d_0d0a, words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    while let Some(packet) = capture.next() {
        let link = packet.link.0;
        let interface = links.iter().position(|known| *known == link).unwrap_or_else(|| {
            // With time stamps in nanoseconds.
            block(&mut out, 1, words(&[u32::from(link), snap as u32, 0x0001_0009, 9, 0]));
            links.push(link);
            links.len() - 1
        });
        let bytes = capture.bytes(packet.bytes).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(snap)];
        let time = packet.time.0 as u64;
        let (high, low) = ((time >> 32) as u32, time as u32);
        let wire_len = packet.wire_len.max(packet.bytes.len);
        let head = words(&[interface as u32, high, low, bytes.len() as u32, wire_len]);
        block(&mut out, 6, [&head, bytes].concat());
    }
    out
}

fn hashed(file: Vec<u8>) -> Output {
    read_as(Capture::from_bytes(file).unwrap(), Limits::default(), Levels::ALL, PayloadMode::Hash)
}

/// The TCP connection of each WebSocket, by its number.
fn streams(output: &Output) -> HashMap<u64, u64> {
    let pair = |c: &&Value| Some((c["conn"].as_u64()?, c["tcp_stream"].as_u64()?));
    output.connections().iter().filter_map(pair).collect()
}

/// What the lengths in headers say of each frame.
fn frames(output: &Output) -> Vec<String> {
    let streams = streams(output);
    let line = |f: &&Value| {
        let stream = streams.get(&f["conn"].as_u64().unwrap());
        format!(
            "{stream:?} packet {} {} fin {} rsv {} {} len {} key {}",
            f["packet"], f["dir"], f["fin"], f["rsv"], f["op"], f["len"], f["masking_key"]
        )
    };
    output.frames().iter().map(line).collect()
}

/// What is said of the messages all of whose bytes are there.
fn whole_messages(output: &Output) -> Vec<String> {
    let streams = streams(output);
    let line = |m: &Value| {
        let stream = streams.get(&m["conn"].as_u64().unwrap());
        format!(
            "{stream:?} packets {}-{} {} {} {} {} {}",
            m["packet"], m["last_packet"], m["time"], m["dir"], m["op"], m["len"], m["sha256"]
        )
    };
    output
        .kind("message")
        .filter(|m| ["ok", "guessed"].contains(&m["integrity"].as_str().unwrap()))
        // Extensions that are not visible may have changed the payload.
        .filter(|m| !m["sha256"].is_null())
        .map(line)
        .collect()
}

/// Whether a packet shows these bytes.
fn shows(packets: &[Vec<u8>], head: &Value, bytes: &[u8]) -> bool {
    let packet = head["packet"].as_u64().and_then(|number| packets.get(number as usize - 1));
    packet.is_some_and(|packet| memchr::memmem::find(packet, bytes).is_some())
}

fn packets_of(file: &[u8]) -> Vec<Vec<u8>> {
    let mut capture = Capture::from_bytes(file.to_vec()).unwrap();
    let mut packets = vec![];
    while let Some(packet) = capture.next() {
        packets.push(capture.bytes(packet.bytes).unwrap_or_default().to_vec());
    }
    packets
}

#[test]
fn cut_captures_give_the_same_connections_and_nothing_that_is_not_in_the_whole_ones() {
    let (mut expected, mut found, mut connections, mut wrong) = (0, 0, 0, vec![]);
    for (path, file) in captures() {
        let whole = hashed(file.clone());
        let (all, messages) = (frames(&whole), whole_messages(&whole));
        let (all_set, messages): (HashSet<&String>, HashSet<&String>) =
            (all.iter().collect(), messages.iter().collect());
        let known: HashSet<u64> = streams(&whole).into_values().collect();
        for snap in [96, 128, 200, 300] {
            let file = cut(&file, snap);
            let packets = packets_of(&file);
            let output = hashed(file);
            let own = streams(&output);
            let mut fail = |text: String| wrong.push(format!("{} at {snap}: {text}", path.display()));
            for (conn, stream) in &own {
                if !known.contains(stream) {
                    fail(format!("connection {conn} is invented"));
                }
            }
            for connection in whole.connections() {
                let (request, response) = (&connection["request"], &connection["response"]);
                let is_plain = connection["stream_id"].is_null() && connection["tls"] == false;
                if connection["status"] != 101
                    || !is_plain
                    || !shows(&packets, request, b"GET /")
                    || !shows(&packets, response, b"HTTP/1.1 101")
                {
                    continue;
                }
                connections += 1;
                let stream = connection["tcp_stream"].as_u64().unwrap();
                if own.values().any(|own| *own == stream) {
                    expected += all.iter().filter(|f| f.starts_with(&format!("Some({stream}) "))).count();
                    found +=
                        frames(&output).iter().filter(|f| f.starts_with(&format!("Some({stream}) "))).count();
                } else {
                    fail(format!("{} is not found", connection["url"]));
                }
            }
            for frame in frames(&output) {
                if !all_set.contains(&frame) {
                    fail(format!("no such frame: {frame}"));
                }
            }
            for message in whole_messages(&output) {
                if !messages.contains(&message) {
                    fail(format!("no such message: {message}"));
                }
            }
            let agreed: HashSet<u64> = output
                .connections()
                .iter()
                .filter(|c| c["extensions"].as_array().is_some_and(|list| !list.is_empty()))
                .map(|c| c["conn"].as_u64().unwrap())
                .collect();
            for message in output.kind("message") {
                let is_agreed = agreed.contains(&message["conn"].as_u64().unwrap());
                if message["compressed"] == true && message["integrity"] == "ok" && !is_agreed {
                    fail(format!("ok without an agreement: {message}"));
                }
            }
            // What is missing is nobody's fault.
            for finding in output.kind("finding") {
                let code = finding["code"].as_str().unwrap();
                let text = finding["text"].as_str().unwrap();
                if (code.starts_with("missing-")
                    || code == "unoffered-extension"
                    || code == "unoffered-subprotocol")
                    && !whole.kind("finding").any(|other| other["code"] == code && other["text"] == text)
                {
                    fail(format!("{code} is not true: {text}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(connections > 150, "{connections}");
    assert!(found * 100 > expected * 96, "{found} of {expected}");
}

fn script(talk: &Conversation, split: &Split, snap: usize) -> Output {
    read(pcap(&Script::new(talk, split).acked().snaplen(snap).packets(), PcapFormat::default()))
}

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:9001")
}

/// Text and how sure it is.
fn said(output: &Output) -> Vec<(String, String)> {
    let pair = |m: crate::read::Message| (String::from_utf8_lossy(&m.bytes).into_owned(), m.integrity);
    output.messages().into_iter().map(pair).collect()
}

#[test]
fn the_first_30_bytes_of_both_heads_suffice() {
    let talk = talk().text(C2S, "hello").text(S2C, "welcome").closed(1000);
    let output = script(&talk, &Split::Writes(1460), 54 + 30);
    let [connection] = &output.connections()[..] else { panic!("{:?}", output.lines) };
    assert_eq!(connection["url"], "ws://10.0.0.2:9001/chat");
    assert_eq!((&connection["handshake_cut"], &connection["accept"]), (&true.into(), &"unknown".into()));
    assert_eq!((&connection["request"]["cut"], &connection["response"]["cut"]), (&true.into(), &true.into()));
    assert_eq!(connection["state"], "closed");
    let expected = [("hello", "guessed"), ("welcome", "guessed")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(said(&output)[..2], expected);
    let codes: HashSet<&str> = output.codes().into_iter().collect();
    assert_eq!(codes, ["packet-truncated", "tcp-gap"].into(), "{:?}", output.lines);
    let of_capture = output.findings("packet-truncated").into_iter().find(|f| f["conn"].is_null()).unwrap();
    let text = of_capture["text"].as_str().unwrap();
    assert!(text.contains(" packets are cut at 84 bytes: ") && text.ends_with("record with -s 0"), "{text}");
}

#[test]
fn a_url_that_is_cut_says_so() {
    let talk = talk().first_line(C2S, "GET /a/path/that/is/longer HTTP/1.1").text(C2S, "hello").no_close();
    let output = script(&talk, &Split::Writes(1460), 54 + 14);
    assert_eq!(output.connections()[0]["url"], "ws://10.0.0.2:9001/a/path/th…");
}

#[test]
fn compressed_messages_are_never_sure_where_the_extensions_are_hidden() {
    let mut talk = talk().deflate(DeflateSpec::default());
    for i in 0..4 {
        talk = talk.text(C2S, &format!("ask {i}")).text(S2C, &format!("say {i}"));
    }
    let talk = talk.closed(1000);
    let output = script(&talk, &Split::Writes(1460), 96);
    assert_eq!(output.connections()[0]["extensions"], serde_json::json!([]));
    let said = said(&output);
    assert_eq!(said.len(), 10);
    assert!(said.iter().all(|(_, integrity)| integrity == "guessed"), "{said:?}");
    assert!(said.iter().any(|(text, _)| text == "say 3"), "{said:?}");
    assert!(output.findings("rsv-not-zero").is_empty());
    // The whole heads are there.
    let output = script(&talk, &Split::Writes(1460), 400);
    assert!(said_all_ok(&output), "{:?}", output.lines);
    assert!(output.connections()[0].get("handshake_cut").is_none());
}

fn said_all_ok(output: &Output) -> bool {
    said(output).iter().all(|(_, integrity)| integrity == "ok")
}

#[test]
fn a_payload_that_is_cut_keeps_the_framing_in_step() {
    let long = "a long message that the snap length cuts; ".repeat(20);
    let talk =
        talk().text(S2C, &long).text(S2C, "short").text(C2S, &long).text(C2S, "short too").closed(1000);
    let output = script(&talk, &Split::Writes(500), 96);
    let frames = output.frames();
    let lens: Vec<u64> = frames.iter().map(|frame| frame["len"].as_u64().unwrap()).collect();
    assert_eq!(lens, [840, 5, 840, 9, 2, 2], "{:?}", output.lines);
    let said = said(&output);
    assert_eq!((said[0].1.as_str(), said[2].1.as_str()), ("gap", "gap"));
    assert!(long.starts_with(&said[0].0) && said[0].0.len() > 30, "{}", said[0].0);
    assert_eq!((said[1].0.as_str(), said[3].0.as_str()), ("short", "short too"));
}

#[test]
fn a_frame_that_begins_in_the_cut_segment_of_the_101_is_not_read_from_its_middle() {
    // Many numbers that look like headers.
    let long = "\u{1}\u{2}\u{3}AaBb\u{1}\u{5}".repeat(300);
    let mut talk = talk().opened().text(S2C, &long);
    for i in 0..8 {
        talk = talk.text(C2S, &format!("question {i}")).text(S2C, &format!("answer number {i}"));
    }
    let output = script(&talk.closed(1000), &Split::Merged(1000), 96);
    assert_eq!(output.connections().len(), 1);
    let texts: Vec<String> = said(&output).into_iter().map(|(text, _)| text).collect();
    let is_sent = |text: &&String| {
        text.starts_with("question ") || text.starts_with("answer ") || text.starts_with('\u{3}')
    };
    assert!(texts.iter().all(|text| is_sent(&text)), "{texts:?}");
    assert!(texts.iter().filter(|text| text.starts_with("answer ")).count() >= 7, "{:?}", output.lines);
}

#[test]
fn a_request_in_two_segments_ends_where_the_response_says() {
    let cookie = "c=".to_owned() + &"d".repeat(700);
    let talk = talk().header(C2S, "Cookie", &cookie).text(C2S, "hello").text(S2C, "welcome").closed(1000);
    for snap in [96, 300] {
        let output = script(&talk, &Split::Writes(400), snap);
        let texts: Vec<String> = said(&output).into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts[..2], ["hello", "welcome"], "{:?}", output.lines);
        assert!(output.findings("desynchronised").is_empty());
    }
}

#[test]
fn requests_before_it_on_the_same_connection_are_not_taken_for_it() {
    let body = "x".repeat(900);
    let answer =
        format!("HTTP/1.1 200 OK\r\nServer: something with a long name\r\nContent-Length: 900\r\n\r\n{body}");
    let page = b"GET /page HTTP/1.1\r\nHost: 10.0.0.2:9001\r\nUser-Agent: something with a long name\r\n\r\n";
    let talk = talk()
        .http_before(page, answer.as_bytes())
        .http_before(page, answer.as_bytes())
        .text(C2S, "hello")
        .text(S2C, "welcome")
        .closed(1000);
    for snap in [96, 128, 200] {
        let output = script(&talk, &Split::Writes(500), snap);
        let [connection] = &output.connections()[..] else { panic!("{:?}", output.lines) };
        assert_eq!(connection["url"], "ws://10.0.0.2:9001/chat");
        let texts: Vec<String> = said(&output).into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts[..2], ["hello", "welcome"], "{:?}", output.lines);
    }
}

#[test]
fn other_protocols_behind_a_cut_101_are_no_websocket() {
    let switch = |to: &str, client: &[u8], server: &[u8]| {
        let talk = talk()
            .header(C2S, "Upgrade", to)
            .without_header(C2S, "Sec-WebSocket-Key")
            .header(S2C, "Upgrade", to)
            .without_header(S2C, "Sec-WebSocket-Accept")
            .opened()
            .bytes(S2C, server)
            .bytes(C2S, client);
        script(&talk.no_close(), &Split::Writes(1460), 96)
    };
    for (to, client, server) in [
        ("tcp", &b"ls\n"[..], &b"\x01\x00\x00\x00\x00\x00\x00\x05hello"[..]),
        ("SPDY/3.1", b"\x80\x03\x00\x01", b"\x80\x03\x00\x04"),
        (
            "h2c",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
            b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        ),
        ("DERP", b"\x02\x00\x00\x00\x40", b"\x01\x00\x00\x00\x28DERP"),
    ] {
        let output = switch(to, client, server);
        assert!(output.connections().is_empty(), "{to}: {:?}", output.lines);
    }
    // Without a byte behind it, nothing speaks against it.
    assert_eq!(switch("websocket", b"", b"").connections().len(), 1);
}

#[test]
fn a_refusal_that_is_cut_is_a_refusal() {
    let talk = talk().first_line(S2C, "HTTP/1.1 403 Forbidden").no_close().opened();
    let output = script(&talk, &Split::Writes(1460), 54 + 100);
    let [connection] = &output.connections()[..] else { panic!("{:?}", output.lines) };
    assert_eq!((&connection["state"], &connection["status"]), (&"refused".into(), &403.into()));
    assert!(output.codes().iter().all(|code| !code.starts_with("missing-")), "{:?}", output.codes());
}

/// A file with cut packets on disk.
fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn program(args: &[&str], file: &tempfile::NamedTempFile) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_wslens")).args(args).arg(file.path()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

#[test]
fn every_view_says_that_the_handshake_is_cut_and_what_to_record_with() {
    let talk = talk().text(C2S, "hello").text(S2C, "welcome").closed(1000);
    let whole = capture_of(&[&talk]);
    let cut_file = file(&cut(&whole, 96));
    for command in [&["read", "-l", "all", "--format", "table"][..], &["handshake"], &["story"]] {
        let (text, _) = program(command, &cut_file);
        let text = text.to_lowercase();
        assert!(text.contains("snap length") && text.contains("handshake"), "{command:?}: {text}");
    }
    let (text, code) = program(&["check", "--format", "ndjson"], &cut_file);
    assert!(text.contains("packets are cut at 96 bytes: opening handshakes are not whole"), "{text}");
    assert_ne!(code, Some(0), "{text}");
    // Nothing of the response's status is left: the note says why nothing was found.
    let (text, _) = program(&["read"], &file(&cut(&whole, 60)));
    assert!(text.contains("no WebSocket connection found") && text.contains("capture with -s 0"), "{text}");
}

#[test]
fn tshark_finds_frames_in_the_same_cut_packets() {
    for path in ["aiohttp/capture.pcap", "chromium/capture.pcapng", "rfc-5-7/capture.pcapng"] {
        let bytes = cut(&std::fs::read(format!("captures/{path}")).unwrap(), 96);
        let output = hashed(bytes.clone());
        let connection = output.connections()[0];
        let port = connection["server"].as_str().unwrap().rsplit(':').next().unwrap();
        let capture = file(&bytes);
        let mut command = Command::new("tshark");
        command.args(["-n", "-d", &format!("tcp.port=={port},websocket"), "-Y", "websocket", "-T", "fields"]);
        command.args(["-e", "frame.number", "-e", "websocket.opcode", "-r"]).arg(capture.path());
        let Ok(listed) = command.output() else {
            eprintln!("skipped: tshark is not installed");
            return;
        };
        // It takes the heads for frames, too.
        let heads = ["request", "response"].map(|head| connection[head]["packet"].to_string());
        let text = String::from_utf8(listed.stdout).unwrap();
        let rows = text.lines().filter_map(|line| line.split_once('\t'));
        let theirs: Vec<String> = rows
            .filter(|(packet, _)| !heads.iter().any(|head| head == packet))
            .flat_map(|(packet, opcodes)| opcodes.split(',').map(move |_| packet.to_owned()))
            .collect();
        let own: Vec<String> = output.frames().iter().map(|frame| frame["packet"].to_string()).collect();
        assert_eq!(own, theirs, "{path}");
    }
}

fn named(talk: &Conversation, snap: usize) -> Output {
    let script = Script::new(talk, &Split::Writes(1460)).acked().snaplen(snap);
    let capture = Capture::from_bytes(pcap(&script.packets(), PcapFormat::default())).unwrap();
    let limits = Limits { ws_ports: vec![9001], ..Limits::default() };
    read_as(capture, limits, Levels::ALL, PayloadMode::Full)
}

#[test]
fn one_digit_of_the_status_suffices_where_frames_follow() {
    // As with 96 bytes of IPv6 and TCP timestamps.
    let talk = talk().text(C2S, "hi").text(S2C, "welcome").closed(1000);
    let output = script(&talk, &Split::Writes(1460), 54 + 10);
    let [connection] = &output.connections()[..] else { panic!("{:?}", output.lines) };
    assert_eq!(connection["url"], "ws://10.0.0.2:9001/chat…");
    assert_eq!(connection["handshake_cut"], true);
    let expected = [("hi", "guessed"), ("welcome", "guessed")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(said(&output)[..2], expected);
    // Nothing follows, or another response does.
    let quiet = script(&self::talk().no_close(), &Split::Writes(1460), 54 + 10);
    assert!(quiet.connections().is_empty(), "{:?}", quiet.lines);
    let page = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let early = self::talk().first_line(S2C, "HTTP/1.1 103 Early Hints").bytes(S2C, page).no_close();
    let early = script(&early, &Split::Writes(1460), 54 + 10);
    assert!(early.connections().is_empty(), "{:?}", early.lines);
}

#[test]
fn on_a_named_port_any_part_of_the_heads_suffices_and_a_refusal_is_not_taken_for_a_101() {
    let talk = (0..4).fold(talk(), |talk, i| talk.text(C2S, "yes").text(S2C, &format!("{i}"))).closed(1000);
    assert!(script(&talk, &Split::Writes(1460), 54 + 9).connections().is_empty());
    let output = named(&talk, 54 + 9);
    let [connection] = &output.connections()[..] else { panic!("{:?}", output.lines) };
    assert_eq!(connection["handshake_cut"], true);
    assert_eq!(output.frames().len(), 10, "{:?}", output.lines);
    assert!(output.messages().iter().all(|message| message.op == "close" || message.integrity == "guessed"));
    // Headers of servers have two bytes.
    assert_eq!(named(&talk, 54 + 2).frames().iter().filter(|frame| frame["dir"] == "s2c").count(), 5);
    let refusal = self::talk().first_line(S2C, "HTTP/1.1 403 Forbidden").no_close().opened();
    assert!(named(&refusal, 54 + 2).connections().is_empty());
}

#[test]
fn frames_that_fill_cut_segments_are_found_again_behind_a_hidden_header() {
    let long = |i: u32| format!("message {i} ").repeat(30);
    let first = [long(0), long(1)].map(|text| crate::support::forge::Frame::new(1, text).wire()).concat();
    let talk = (2..8).fold(talk().opened().bytes(S2C, &first), |talk, i| talk.text(S2C, &long(i)));
    let output = script(&talk.closed(1000), &Split::Writes(1460), 96);
    let texts: Vec<String> = said(&output).into_iter().map(|(text, _)| text).collect();
    for i in [0, 2, 3, 4, 5, 6, 7] {
        let begins = format!("message {i} ");
        assert!(texts.iter().any(|text| text.starts_with(&begins)), "{i}: {texts:?}");
    }
    assert_eq!(output.findings("desynchronised").len(), 1);
}
