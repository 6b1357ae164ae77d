//! The captures of the repository: what is read is what the peers wrote in their own logs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::read::{Message, Output, read};

/// The capture files of a folder, by name.
pub fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| fs::read_dir(entry.unwrap().path()).into_iter().flatten())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("capture."))
        .collect();
    found.sort();
    assert!(found.len() > 20, "the captures were found");
    found
}

fn open(name: &str) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name).join("capture.pcapng");
    read(fs::read(path).unwrap())
}

/// The connection whose URL ends so.
fn at<'a>(output: &'a Output, path: &str) -> &'a Value {
    let fits = |c: &&Value| c["url"].as_str().is_some_and(|url| url.ends_with(path));
    let mut found = output.kind("connection").filter(fits);
    let connection = found.next().unwrap_or_else(|| panic!("no connection to {path}"));
    assert!(found.next().is_none(), "one connection to {path}");
    connection
}

/// The codes of a connection's findings; those that every capture of a loopback has are left out.
fn codes<'a>(output: &'a Output, connection: &Value) -> Vec<&'a str> {
    output
        .kind("finding")
        .filter(|finding| finding["conn"] == connection["conn"] && finding["code"] != "bad-checksum")
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// What a log says of one message.
fn told(row: &Value) -> Message {
    let op = row["op"].as_str().unwrap();
    let (op, bytes, as_text) = match (row["text"].as_str(), row["hex"].as_str(), op) {
        (Some(text), _, _) => (op, text.as_bytes().to_vec(), true),
        (_, Some(hex), _) => (op, hex::decode(hex).unwrap(), false),
        (None, None, "close") => {
            let body = row["note"].as_str().and_then(|note| note.split_once(" body "));
            let body = body.map(|(_, hex)| hex::decode(hex).unwrap());
            let code = row["code"].as_u64().map(|code| (code as u16).to_be_bytes().to_vec());
            let reason = row["reason"].as_str().unwrap_or_default().as_bytes();
            (op, body.unwrap_or_else(|| [&code.unwrap_or_default()[..], reason].concat()), false)
        }
        _ => panic!("{row}"),
    };
    let op = match op.strip_prefix("opcode ") {
        Some(number) => format!("reserved-{number}"),
        None => op.to_owned(),
    };
    Message {
        conn: 0,
        dir: row["dir"].as_str().unwrap().to_owned(),
        op,
        bytes,
        as_text,
        frames: row["frames"].as_u64().unwrap_or(1),
        compressed: false,
        integrity: row["missing"].as_str().unwrap_or_default().to_owned(),
        close: (None, None),
    }
}

/// Whether a printed message is the one that was sent. A Close's bytes are code and reason.
fn same(found: &Message, told: &Message) -> bool {
    let bytes = match &found.close {
        (Some(code), Some(reason)) => [&(*code as u16).to_be_bytes()[..], reason.as_bytes()].concat(),
        _ => found.bytes.clone(),
    };
    found.op == told.op && bytes == told.bytes && found.as_text == told.as_text && found.frames == told.frames
}

/// Compares one direction of one connection with its log. Gives how many messages are equal.
///
/// Where framing was lost and that was told, later messages may be absent; they may not be others.
pub fn compare(told: &[Message], found: &[Message], lost: bool, about: &str) -> usize {
    let mut found = found.iter().peekable();
    let (mut equal, mut hole) = (0, false);
    for message in told {
        let next = found.peek();
        match message.integrity.as_str() {
            "" if next.is_some_and(|next| {
                same(next, message) && (next.integrity == "ok" || (hole && next.integrity == "guessed"))
            }) =>
            {
                found.next();
                equal += 1;
            }
            "" => assert!(hole && lost, "{about}: sent {message:?}, found {next:?}"),
            mark => {
                hole = true;
                let sign = if mark == "history" { "unknown-dictionary" } else { "gap" };
                match next {
                    Some(next) if next.integrity == sign && next.op == message.op => {
                        assert!(!next.as_text, "{about}: nobody can know that text: {next:?}");
                        found.next();
                    }
                    _ => assert!(mark == "all" || lost, "{about}: {mark} of {message:?}, found {next:?}"),
                }
            }
        }
    }
    assert_eq!(found.next(), None, "{about}: nobody sent this");
    equal
}

/// Compares a capture with its log. Gives how many messages are equal.
pub fn compare_all(output: &Output, log: &str, about: &str) -> usize {
    let mut said: BTreeMap<(u64, Option<u64>, String), Vec<Message>> = BTreeMap::new();
    for row in log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let dir = row["dir"].as_str().unwrap().to_owned();
        let key = (row["port"].as_u64().unwrap(), row["stream"].as_u64(), dir);
        said.entry(key).or_default().push(told(&row));
    }
    let mut equal = 0;
    for connection in output.connections() {
        let port = connection["client"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        for dir in ["c2s", "s2c"] {
            let told =
                said.remove(&(port, connection["stream_id"].as_u64(), dir.to_owned())).unwrap_or_default();
            let lost = output
                .findings("desynchronised")
                .iter()
                .any(|finding| finding["conn"] == connection["conn"] && finding["dir"] == dir);
            let found = output.said(connection["conn"].as_u64().unwrap(), dir);
            equal += compare(&told, &found, lost, &format!("{about}, port {port}, {dir}"));
        }
    }
    assert!(said.is_empty(), "{about}: not found at all: {:?}", said.keys());
    equal
}

#[test]
fn every_message_of_the_applications_logs_is_read_and_no_other() {
    for path in files() {
        let name = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        if name == "violations" {
            continue; // Has messages that are none; below.
        }
        let log = fs::read_to_string(path.with_file_name("messages.ndjson")).unwrap();
        let equal = compare_all(&read(fs::read(&path).unwrap()), &log, &name);
        let marked = log.lines().filter(|line| line.contains("\"missing\"")).count();
        let all = log.lines().count();
        // Where framing is lost, what follows may be absent; that none of it is false was compared.
        assert!(equal + marked == all || (name.starts_with("gap-") && equal > 4), "{name}: {equal} of {all}");
    }
}

#[test]
fn no_capture_shows_an_error_that_its_story_does_not_tell() {
    let stories = ["violations", "wrong-accept", "refused", "gap-plain", "gap-deflate", "early-data"];
    for path in files() {
        let name = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let output = read(fs::read(&path).unwrap());
        assert_eq!(output.summary()["input_complete"], true, "{name}");
        let errors: Vec<_> = output.kind("finding").filter(|f| f["severity"] == "error").collect();
        assert!(stories.contains(&name.as_str()) || errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn each_violation_is_told_by_its_code_and_by_no_other() {
    let expected: [(&str, &[&str]); 21] = [
        ("/unmasked-client", &["unmasked-client-frame"]),
        ("/masked-server", &["masked-server-frame"]),
        ("/zero-mask", &["weak-masking-key"]),
        ("/length-16-for-5", &["non-minimal-length"]),
        ("/length-64-for-300", &["non-minimal-length"]),
        ("/invalid-utf-8", &["invalid-utf8"]),
        ("/surrogate", &["invalid-utf8"]),
        ("/opcode-3", &["reserved-opcode"]),
        ("/opcode-11", &["reserved-opcode"]),
        ("/ping-130", &["control-frame-too-long", "ping-unanswered"]),
        ("/fragmented-ping", &["fragmented-control-frame", "ping-unanswered"]),
        ("/rsv1-not-negotiated", &["reserved-bit-set"]),
        ("/rsv2", &["reserved-bit-set"]),
        ("/lone-continuation", &["unexpected-continuation"]),
        ("/text-inside-message", &["interleaved-data-frame"]),
        ("/close-1005", &["invalid-close-code"]),
        ("/close-999", &["invalid-close-code"]),
        ("/close-one-byte", &["close-payload-1-byte"]),
        ("/close-bad-reason", &["invalid-close-reason"]),
        ("/data-after-close", &["data-after-close"]),
        ("/length-top-bit", &["length-msb-set", "desynchronised"]),
    ];
    let output = open("violations");
    assert_eq!(output.connections().len(), expected.len());
    for (path, expected) in expected {
        let connection = at(&output, path);
        let mut found = codes(&output, connection);
        // The peers endure everything and answer nothing.
        if path != "/length-top-bit" {
            assert_eq!(found.pop(), Some("close-unanswered"), "{path}");
        }
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn traffic_around_a_violation_is_read() {
    let output = open("violations");
    for connection in output.connections() {
        let url = connection["url"].as_str().unwrap();
        let conn = connection["conn"].as_u64().unwrap();
        let said: Vec<Message> = ["c2s", "s2c"].iter().flat_map(|dir| output.said(conn, dir)).collect();
        let texts: Vec<&[u8]> = said.iter().filter(|m| m.as_text).map(|m| &m.bytes[..]).collect();
        assert_eq!(texts.first(), Some(&&b"before"[..]), "{url}");
        let goes_on = !url.contains("/close-") && !url.contains("-close") && !url.ends_with("-top-bit");
        assert_eq!(texts.contains(&&b"after"[..]), goes_on, "{url}");
        if goes_on {
            assert_eq!(said.last().unwrap().close.0, Some(1000), "{url}");
        }
    }
    // The offending payloads themselves.
    let bytes = |path: &str| -> Vec<Vec<u8>> {
        let conn = at(&output, path)["conn"].as_u64().unwrap();
        ["c2s", "s2c"].iter().flat_map(|dir| output.said(conn, dir)).map(|m| m.bytes).collect()
    };
    assert!(bytes("/unmasked-client").contains(&b"no mask".to_vec()));
    assert!(bytes("/masked-server").contains(&b"masked".to_vec()));
    assert!(bytes("/length-64-for-300").contains(&vec![0; 300]));
    assert!(bytes("/rsv2").contains(&b"rsv2".to_vec()));
    let conn = at(&output, "/invalid-utf-8")["conn"].as_u64().unwrap();
    let bad = output.said(conn, "c2s").remove(1);
    assert!(!bad.as_text && hex::encode(&bad.bytes) == "636166e920fffe", "{bad:?}");
    let finding = output.findings("invalid-utf8")[0];
    assert_eq!((&finding["dir"], &finding["msg"]), (&"c2s".into(), &2.into()), "{finding}");
}

#[test]
fn a_gap_under_context_takeover_shows_no_false_text() {
    let output = open("gap-deflate");
    let texts: Vec<String> = output
        .said(1, "c2s")
        .into_iter()
        .filter(|message| message.as_text)
        .map(|message| String::from_utf8(message.bytes).unwrap())
        .collect();
    assert_eq!(texts, [r#"{"user":"alice","action":"BUY-","amount":"100"}"#]);
    for message in output.said(1, "c2s").iter().skip(1).filter(|message| message.op == "text") {
        assert_eq!(message.integrity, "unknown-dictionary");
    }
    assert_eq!(output.findings("tcp-gap").len(), 1);
    assert_eq!(output.findings("tcp-gap")[0]["dir"], "c2s");
    assert_eq!(output.findings("inflate-error").len(), 0);
    assert_eq!(output.connections()[0]["gaps"], 1);
    // The other direction lacks nothing.
    assert!(output.said(1, "s2c").iter().all(|message| message.integrity == "ok"));
}

#[test]
fn a_gap_inside_a_message_loses_that_message_only() {
    let output = open("gap-plain");
    let inside = at(&output, "/inside")["conn"].as_u64().unwrap();
    let said = output.said(inside, "s2c");
    let integrity: Vec<&str> = said.iter().map(|message| message.integrity.as_str()).collect();
    assert_eq!(integrity, ["ok", "gap", "ok", "ok"]);
    assert_eq!(said[2].bytes, b"after: framing goes on");
    assert_eq!(codes(&output, at(&output, "/inside")).iter().filter(|c| **c == "desynchronised").count(), 0);
    // Where a header is lost, that is told, once.
    for path in ["/whole", "/header"] {
        let codes = codes(&output, at(&output, path));
        let count = |code: &str| codes.iter().filter(|c| **c == code).count();
        assert_eq!((count("tcp-gap"), count("desynchronised")), (1, 1), "{path}");
        // Framing is found again: the last message is there.
        let said = output.said(at(&output, path)["conn"].as_u64().unwrap(), "s2c");
        assert_eq!(
            (said.last().unwrap().op.as_str(), said.last().unwrap().integrity.as_str()),
            ("close", "guessed")
        );
    }
    assert!(at(&output, "/header")["skipped_bytes"].as_u64().unwrap() > 0);
    // What the capture lacks is no fault of a peer.
    let allowed = ["tcp-gap", "desynchronised", "tcp-out-of-order", "bad-checksum"];
    assert!(output.codes().iter().all(|code| allowed.contains(code)), "{:?}", output.codes());
}

#[test]
fn a_wrong_accept_value_is_told_with_the_mistake_that_made_it() {
    let output = open("wrong-accept");
    let [finding] = output.findings("bad-accept")[..] else { panic!("one finding") };
    let text = finding["text"].as_str().unwrap();
    assert!(text.contains("yA9O5xGLp8SbwCV//OepMPw7pEI="), "{text}");
    assert!(text.contains("hex"), "{text}");
    assert_eq!((&finding["severity"], &finding["dir"]), (&"error".into(), &"s2c".into()));
    assert_eq!(output.connections()[0]["accept"], "wrong");
    assert_eq!(output.said(1, "s2c")[0].bytes, b"you did not check my Accept");
}

#[test]
fn refused_upgrades_are_connections_without_frames() {
    let output = open("refused");
    let statuses: Vec<u64> =
        output.connections().iter().map(|connection| connection["status"].as_u64().unwrap()).collect();
    // The request without `Upgrade` never asked for a WebSocket.
    assert_eq!(statuses, [403, 400, 400, 404, 301, 404, 401, 400]);
    for connection in output.connections() {
        assert_eq!(connection["state"], "refused");
        assert!(codes(&output, connection).contains(&"handshake-rejected"), "{connection}");
    }
    assert_eq!(output.frames().len(), 0);
    let told = |code: &str| -> Vec<&Value> {
        output.findings(code).iter().map(|finding| &finding["conn"]).collect()
    };
    assert_eq!(told("missing-key"), [3]);
    assert_eq!(told("unsupported-version"), [2, 8]);
    let reason = output.findings("handshake-rejected")[0]["text"].as_str().unwrap();
    assert!(reason.contains("403") && reason.contains("http://evil.example"), "{reason}");
}

#[test]
fn each_way_to_end_is_told() {
    /// Path, state, code, whether it was clean, findings.
    type Ending = (&'static str, &'static str, Option<u64>, bool, &'static [&'static str]);
    let expected: [Ending; 10] = [
        ("/client-1000", "closed", Some(1000), true, &[]),
        ("/server-1001", "closed", Some(1001), true, &[]),
        ("/no-code", "closed", None, true, &[]),
        ("/app-4001", "closed", Some(4001), true, &[]),
        ("/fin-by-client", "closed", None, false, &["closed-without-close"]),
        ("/fin-by-server", "closed", None, false, &["closed-without-close"]),
        ("/reset-by-client", "reset", None, false, &["tcp-reset", "closed-without-close"]),
        ("/reset-by-server", "reset", None, false, &["tcp-reset", "closed-without-close"]),
        ("/both", "closed", Some(1000), true, &["close-code-mismatch"]),
        ("/unanswered", "closed", Some(1000), false, &["close-unanswered"]),
    ];
    let output = open("close-codes");
    for (path, state, code, clean, findings) in expected {
        let connection = at(&output, path);
        assert_eq!(connection["state"], state, "{path}");
        assert_eq!(connection["close"]["code"].as_u64(), code, "{path}");
        assert_eq!(connection["close"]["clean"].as_bool().unwrap_or(false), clean, "{path}");
        assert_eq!(codes(&output, connection), findings, "{path}");
    }
    assert_eq!(at(&output, "/server-1001")["close"]["by"], "server");
}

#[test]
fn the_handshake_tells_what_was_agreed() {
    let chat = open("chat-deflate");
    let connection = chat.connections()[0];
    assert_eq!(connection["extensions"][0]["name"], "permessage-deflate");
    assert!(connection["subprotocol"].is_string() && connection["accept"] == "ok", "{connection}");
    let node = open("ipv6-node");
    let connection = node.connections()[0];
    assert!(connection["client"].as_str().unwrap().starts_with("[::1]:"), "{connection}");
    let takeover: Vec<bool> = ["client_no_context_takeover", "server_no_context_takeover"]
        .iter()
        .map(|name| connection["extensions"][0]["params"].get(*name).is_some())
        .collect();
    assert!(takeover[0] != takeover[1], "only one side gives up its window: {connection}");
}

#[test]
fn a_websocket_is_found_behind_whatever_comes_first() {
    let tunnel = open("connect-tunnel");
    let [connection] = tunnel.connections()[..] else { panic!("one connection") };
    assert_eq!((&connection["tunnelled"], &connection["server"]), (&true.into(), &"127.0.0.1:13128".into()));
    let proxied = open("proxy-protocol");
    let clients: Vec<&str> = proxied
        .connections()
        .iter()
        .filter_map(|connection| connection["proxied_client"].as_str())
        .map(|client| client.rsplit_once(':').unwrap().0)
        .collect();
    assert_eq!(proxied.connections().len(), 6);
    assert_eq!(clients.iter().filter(|client| **client == "192.0.2.10").count(), 2, "{clients:?}");
    assert_eq!(clients.iter().filter(|client| **client == "[2001:db8::10]").count(), 2, "{clients:?}");
    let early = open("early-data");
    let late = at(&early, "/late-upgrade");
    assert_eq!(codes(&early, late), Vec::<&str>::new());
    assert_eq!(codes(&early, at(&early, "/eager-client")), ["data-before-handshake"]);
}

#[test]
fn times_have_the_nine_digits_of_the_capture() {
    let output = open("nanosecond");
    let fine = |record: &&Value| !record["time"].as_str().unwrap().ends_with("000");
    assert!(output.kind("message").filter(fine).count() > 5);
    // The same packets in a classic file with nanoseconds.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/nanosecond/capture.pcap");
    let classic = read(fs::read(path).unwrap());
    let without_summary = |output: &Output| output.lines[..output.lines.len() - 1].to_vec();
    assert_eq!(without_summary(&classic), without_summary(&output));
}

#[test]
fn polling_and_websocket_are_told_apart() {
    let output = open("polling-vs-websocket");
    let [connection] = output.connections()[..] else { panic!("one WebSocket") };
    assert!(output.summary()["tcp_connections"].as_u64().unwrap() > 1);
    assert_eq!(connection["tcp_stream"].as_u64().unwrap() + 1, 2, "the second TCP connection");
}
