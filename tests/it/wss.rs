//! WebSockets inside TLS: with secrets from wherever they may come, without, and with packets missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wslens::capture::{Capture, Input};
use wslens::model::{Endpoint, Flags, Span};
use wslens::net::{Decoder, FragmentLimits};
use wslens::pipeline::{Limits, Secrets};
use wslens::report::{Levels, PayloadMode};
use wslens::store::{Detail, Options, Request, Session};
use wslens::tls::KeyStore;

use crate::read::{Message, Output, keep_all, read, read_as};
use crate::support::forge::{C2S, Conversation, PcapFormat, S2C, Script, Split, pcap};

fn folder() -> PathBuf {
    folder_of("wss")
}

pub fn folder_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

fn bytes() -> Vec<u8> {
    fs::read(folder().join("capture.pcapng")).unwrap()
}

fn log() -> Vec<u8> {
    fs::read(folder().join("keys.log")).unwrap()
}

/// The blocks of a little-endian pcapng file, with their types.
pub fn blocks(file: &[u8]) -> Vec<(u32, &[u8])> {
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let (mut blocks, mut at) = (Vec::new(), 0);
    while at < file.len() {
        let len = number(at + 4) as usize;
        blocks.push((number(at), &file[at..at + len]));
        at += len;
    }
    blocks
}

/// The capture without its secrets block, and without some packets.
fn without(packets: &[usize]) -> Vec<u8> {
    without_of(&bytes(), packets)
}

/// The same of any capture.
pub fn without_of(file: &[u8], packets: &[usize]) -> Vec<u8> {
    let mut number = 0;
    let mut kept = Vec::new();
    for (kind, block) in blocks(file) {
        number += usize::from(kind == 6);
        if kind != 10 && !(kind == 6 && packets.contains(&number)) {
            kept.extend_from_slice(block);
        }
    }
    kept
}

pub fn with_keys(file: Vec<u8>, log: &[u8]) -> Output {
    let mut keys = KeyStore::default();
    keys.feed(log);
    keys.end();
    let limits = Limits { secrets: Secrets::new(keys), ..keep_all() };
    read_as(Capture::from_bytes(file).unwrap(), limits, Levels::ALL, PayloadMode::Full)
}

/// Standard output, standard error, exit code.
pub fn wslens(arguments: &[&str], file: &Path, environment: Option<&Path>) -> (String, String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
    command.args(arguments).arg(file).env_remove("SSLKEYLOGFILE");
    if let Some(log) = environment {
        command.env("SSLKEYLOGFILE", log);
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn secrets_in_the_capture_are_used_and_the_connection_says_what_it_runs_in() {
    let output = read(bytes());
    let connections = output.connections();
    let told: Vec<_> = connections
        .iter()
        .map(|c| {
            assert_eq!(c["tls"], true);
            let tls = &c["tls_session"];
            assert_eq!((&tls["server_name"], &tls["alpn"]), (&"wss.example".into(), &"http/1.1".into()));
            (
                tls["version"].as_str().unwrap(),
                tls["cipher"].as_str().unwrap(),
                tls["resumed"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("TLS 1.3", "TLS_AES_256_GCM_SHA384", false),
            ("TLS 1.3", "TLS_AES_256_GCM_SHA384", true),
            ("TLS 1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", false),
        ]
    );
    assert!(connections.iter().all(|c| c["url"].as_str().unwrap().starts_with("wss://wss.example:18104/")));
    assert_eq!(output.messages().len(), 21);
}

#[test]
fn secrets_come_from_a_file_the_environment_or_beside_the_capture() {
    let place = tempfile::tempdir().unwrap();
    let (file, keys) = (place.path().join("c.pcapng"), place.path().join("k.log"));
    fs::write(&file, without(&[])).unwrap();
    fs::write(&keys, log()).unwrap();
    let whole = wslens(&["read", "--level", "messages"], &folder().join("capture.pcapng"), None).0;
    assert_eq!(whole.lines().count(), 21);

    let (out, err, code) = wslens(&["read"], &file, None);
    assert_eq!((out.lines().count(), code), (0, 0));
    assert!(
        err.contains("3 TLS") && err.contains("SSLKEYLOGFILE=keys.log") && err.contains("--keylog"),
        "{err}"
    );

    let (out, err, _) = wslens(&["read", "--keylog", keys.to_str().unwrap()], &file, None);
    assert_eq!(out, whole, "{err}");
    let (out, err, _) = wslens(&["read"], &file, Some(&keys));
    assert!(out == whole && err.contains("k.log (from SSLKEYLOGFILE)"), "{err}");
    fs::rename(&keys, place.path().join("c.pcapng.keys")).unwrap();
    let (out, err, _) = wslens(&["read"], &file, None);
    assert!(out == whole && err.contains("secrets from ") && err.contains("c.pcapng.keys"), "{err}");

    let (_, err, code) = wslens(&["read", "--keylog", "/nowhere/k.log"], &file, None);
    assert!(code == 3 && err.contains("cannot read the key log '/nowhere/k.log'"), "{code} {err}");
    for secret in String::from_utf8(log()).unwrap().lines().filter_map(|line| line.split(' ').nth(2)) {
        assert!(!whole.contains(secret) && !err.contains(secret), "no secret is printed");
    }
}

#[test]
fn broken_lines_of_a_key_log_are_a_finding() {
    let place = tempfile::tempdir().unwrap();
    let keys = place.path().join("k.log");
    let text = String::from_utf8(log()).unwrap();
    fs::write(&keys, text.replacen("TRAFFIC_SECRET_0 ", "TRAFFIC_SECRET_0 x", 1)).unwrap();
    let arguments = ["read", "--level", "findings", "--keylog", keys.to_str().unwrap()];
    let (out, _, _) = wslens(&arguments, &folder().join("capture.pcapng"), None);
    assert!(out.contains("\"code\":\"keylog-broken-line\"") && out.contains("the first is line"), "{out}");
}

/// The capture without its own secrets, in a folder of its own.
fn bare_capture() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("c.pcapng");
    fs::write(&file, without(&[])).unwrap();
    (place, file)
}

/// The file beside the capture may come from whoever made the capture: a pipe that nobody writes to, or a device without an end.
#[cfg(unix)]
#[test]
fn what_lies_beside_the_capture_and_is_no_file_is_not_waited_for() {
    let (place, file) = bare_capture();
    let keys = place.path().join("c.pcapng.keys");
    let made = Command::new("mkfifo").arg(&keys).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let told = |err: &str| {
        err.contains("c.pcapng.keys: it is a pipe or a device, and is read only if --keylog names it")
    };
    let (out, err, code) = wslens(&["read"], &file, None);
    assert!(told(&err) && code == 0 && out.is_empty(), "{code} {err}");
    fs::remove_file(&keys).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &keys).unwrap();
    let (_, err, code) = wslens(&["read"], &file, None);
    assert!(told(&err) && code == 0, "{code} {err}");
    // A device that is named is read as far as a key log may go.
    let (_, err, code) = wslens(&["read", "--keylog", "/dev/zero"], &file, None);
    assert!(code == 0 && err.contains("no secret in /dev/zero"), "{code} {err}");
}

#[cfg(unix)]
#[test]
fn a_key_log_that_others_may_change_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let (place, file) = bare_capture();
    let keys = place.path().join("k.log");
    fs::write(&keys, log()).unwrap();
    for (mode, warned) in [(0o600, false), (0o620, true), (0o602, true)] {
        fs::set_permissions(&keys, fs::Permissions::from_mode(mode)).unwrap();
        let (_, err, _) = wslens(&["read", "--keylog", keys.to_str().unwrap()], &file, None);
        assert_eq!(err.contains("other users can write to"), warned, "{mode:o} {err}");
    }
}

#[test]
fn a_key_log_in_utf_16_with_cr_or_behind_a_prefix_is_read() {
    let (place, file) = bare_capture();
    let text = String::from_utf8(log()).unwrap();
    let wide: Vec<u8> = text.replace('\n', "\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let prefixed = text.lines().map(|line| format!("[12:33:01] keylog: {line}\n")).collect::<String>();
    let keys = place.path().join("k.log");
    for bytes in
        [[vec![0xff, 0xfe], wide].concat(), text.replace('\n', "\r").into_bytes(), prefixed.into_bytes()]
    {
        fs::write(&keys, bytes).unwrap();
        let arguments = ["read", "--level", "messages", "--keylog", keys.to_str().unwrap()];
        let (out, err, _) = wslens(&arguments, &file, None);
        assert_eq!(out.lines().count(), 21, "{err}");
        let (out, ..) = wslens(&["check", "--keylog", keys.to_str().unwrap()], &file, None);
        assert!(!out.contains("keylog-"), "{out}");
    }
}

#[test]
fn a_key_log_that_gives_nothing_is_named_by_every_command() {
    let (place, file) = bare_capture();
    let keys = place.path().join("k.log");
    let foreign: String = String::from_utf8(log())
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (label, rest) = line.split_once(' ').unwrap();
            format!("{label} {}{}\n", "00".repeat(8), &rest[16..])
        })
        .collect();
    let foreign_count =
        format!("{} secrets from ", foreign.lines().filter(|line| !line.contains("EXPORTER")).count());
    for (bytes, why) in [
        (&b""[..], "it is empty"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gzip -dc"),
        (b"-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n", "private key"),
        (b"hello\nworld\n", "2 lines, none with"),
        (foreign.as_bytes(), foreign_count.as_str()),
    ] {
        fs::write(&keys, bytes).unwrap();
        let key_log = ["--keylog", keys.to_str().unwrap()];
        for command in ["read", "check", "stats", "handshake", "story"] {
            let (out, err, _) = wslens(&[&[command][..], &key_log].concat(), &file, None);
            let told = if command == "check" { &out } else { &err };
            assert!(told.contains(why) && told.contains("keylog-unusable"), "{command}: {why}: {out} {err}");
            assert!(!err.contains("then add --keylog"), "{command}: {err}");
        }
        let (out, ..) = wslens(&[&["check"][..], &key_log].concat(), &file, None);
        let codes = out.lines().filter(|line| line.contains("\"code\":\"keylog-")).count();
        assert_eq!(codes, 1, "one cause, one finding: {out}");
    }
    // One that works, and one that is not needed: nothing to report.
    for file in [file, folder_of("aiohttp").join("capture.pcap")] {
        fs::write(&keys, log()).unwrap();
        let (out, err, _) = wslens(&["check", "--keylog", keys.to_str().unwrap()], &file, None);
        assert!(!out.contains("keylog-unusable") && !err.contains("keylog-unusable"), "{out} {err}");
    }
}

#[test]
fn without_secrets_tls_is_counted_and_nothing_is_invented() {
    for log in [&b""[..], b"CLIENT_RANDOM 00 00\n"] {
        let output = with_keys(without(&[]), log);
        assert!(output.connections().is_empty() && output.messages().is_empty());
    }
    // The first connection's alone.
    let log = log();
    let first: Vec<u8> = log.split_inclusive(|&b| b == b'\n').take(6).flatten().copied().collect();
    let output = with_keys(without(&[]), &first);
    assert_eq!(output.connections().len(), 1);
}

#[test]
fn what_cannot_be_read_is_told_by_its_handshake_and_its_records_and_never_as_frames() {
    let output = with_keys(without(&[]), b"");
    let told: Vec<_> = output
        .kind("tls")
        .map(|c| {
            assert_eq!((&c["server_name"], &c["why"]), (&"wss.example".into(), &"no-secret".into()));
            assert_eq!(
                (&c["whole"], &c["resembles_websocket"]),
                (&true.into(), &"some".into()),
                "only http/1.1 is offered: {c}"
            );
            // Two Closes, a Ping and a Text at least are small.
            assert!(c["small_records"]["c2s"].as_u64().unwrap() >= 3, "{c}");
            assert!(c["record_bytes"]["s2c"].as_u64().unwrap() > 22_400, "the long message is in them: {c}");
            (c["version"].as_str().unwrap(), c["alpn"].as_str(), c["resumed"].as_bool().unwrap())
        })
        .collect();
    // In TLS 1.3 what was agreed on is encrypted.
    assert_eq!(
        told,
        [("TLS 1.3", None, false), ("TLS 1.3", None, true), ("TLS 1.2", Some("http/1.1"), false)]
    );
    assert_eq!(output.kind("frame").count() + output.kind("message").count(), 0);
    // With secrets there is nothing of the kind; a row's own number or a filter asks for WebSockets alone.
    assert_eq!(read(bytes()).kind("tls").count(), 0);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("c.pcapng");
    fs::write(&file, without(&[])).unwrap();
    let lines = |more: &[&str]| {
        let arguments = [&["read", "--level", "connections", "--format", "ndjson"], more].concat();
        wslens(&arguments, &file, None).0.lines().count()
    };
    assert_eq!((lines(&[]), lines(&["--conn", "1"]), lines(&["-Y", "tls"])), (3, 0, 0));
    let (table, _, _) = wslens(&["read", "--level", "connections", "--format", "table"], &file, None);
    assert!(table.contains("TLS  wss.example") && table.contains("not read: no secret"), "{table}");
}

/// The messages of each connection by its path.
pub fn by_path(output: &Output) -> BTreeMap<String, Vec<Message>> {
    let mut said = BTreeMap::new();
    for connection in output.connections() {
        let number = connection["conn"].as_u64().unwrap();
        let all: Vec<_> = ["c2s", "s2c"].into_iter().flat_map(|dir| output.said(number, dir)).collect();
        // Where the request was lost, the path is not known.
        if let Some(url) = connection["url"].as_str() {
            said.insert(url.to_owned(), all);
        }
    }
    said
}

#[test]
fn each_lost_packet_costs_what_was_in_it_and_the_rest_is_true() {
    let truth = by_path(&with_keys(without(&[]), &log()));
    let packets = blocks(&bytes()).iter().filter(|(kind, _)| *kind == 6).count();
    let mut damaged = 0;
    for packet in 1..=packets {
        let output = with_keys(without(&[packet]), &log());
        let found = by_path(&output);
        for (path, messages) in &found {
            let Some(truth) = truth.get(path) else { continue };
            let mut rest = truth.iter();
            for message in messages.iter().filter(|message| message.integrity == "ok") {
                let said = rest.any(|told| {
                    (&told.dir, &told.op, &told.bytes) == (&message.dir, &message.op, &message.bytes)
                });
                assert!(said, "packet {packet}: nobody sent {message:?}");
            }
        }
        let ok = found.values().flatten().filter(|message| message.integrity == "ok").count();
        damaged += usize::from(ok < 21);
        let codes = output.codes();
        let told = codes.iter().any(|code| code.starts_with("tls-") || *code == "tcp-gap");
        assert!(ok == 21 || told || found.len() < 3, "packet {packet}: {codes:?}");
    }
    assert!(damaged > 40, "{damaged}");
}

#[test]
fn a_hole_in_a_long_message_is_a_gap_and_what_follows_is_read() {
    let file = bytes();
    let packets = blocks(&file).into_iter().filter(|(kind, _)| *kind == 6);
    let long = packets.enumerate().filter(|(_, (_, block))| block.len() > 1400).map(|(at, _)| at + 1);
    // Of the second record of the server's first long message: the frame's header is in the first.
    let packet = long.filter(|packet| (18..=37).contains(packet)).nth(13).unwrap();
    let output = with_keys(without(&[packet]), &log());
    let messages: Vec<_> = output.messages().into_iter().filter(|message| message.conn == 1).collect();
    let about: Vec<_> = messages.iter().map(|m| (&*m.dir, &*m.op, &*m.integrity)).collect();
    assert_eq!(about.len(), 7, "{about:?}");
    for expected in [("s2c", "text", "gap"), ("s2c", "pong", "ok"), ("s2c", "close", "ok")] {
        assert!(about.contains(&expected), "{about:?}");
    }
    assert_eq!(output.findings("tls-record-damaged").len(), 1);
}

#[test]
fn an_opened_capture_shows_what_was_in_tls() {
    let inputs = [Input::from(folder().join("capture.pcapng"))];
    let mut session = Session::open(&inputs, Options { interval: 8, ..Options::default() }).unwrap();
    session.wait();
    for connection in 1..=3 {
        let row = session.index().connection(connection).unwrap().clone();
        assert!(row.tls.is_some() && row.is_wss());
        for message in 1..=7 {
            let Ok(Detail::Message(detail)) = session.load(&Request::Message { connection, message }) else {
                panic!("message {message}");
            };
            assert!(detail.whole && !detail.frames.is_empty(), "message {message}");
            let expected: &[u8] = match message {
                1 => b"welcome: nobody on the way can read this",
                2 => b"{\"say\":\"hello through TLS\"}",
                4 => &b"a message that is longer than one record of TLS may be. ".repeat(400),
                3 | 5 => b"still here",
                _ => b"\x03\xe8bye",
            };
            assert_eq!(detail.bytes, expected);
        }
    }
}

/// Whether the client sent it, and what, packet by packet.
type Packets = Vec<(bool, Vec<u8>)>;

/// What was sent on each TCP connection of the capture.
fn streams() -> Vec<Packets> {
    let mut capture = Capture::from_bytes(bytes()).unwrap();
    let mut decoder = Decoder::new(&FragmentLimits::default());
    let mut found: Vec<(Endpoint, Packets)> = Vec::new();
    while let Some(packet) = capture.next() {
        let bytes = capture.bytes(packet.bytes).unwrap();
        let segment = decoder.decode(&packet, bytes).unwrap();
        let start = segment.header_at + u64::from(segment.header_len);
        let payload = capture.bytes(Span { start, len: segment.len }).unwrap().to_vec();
        if segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK) {
            found.push((segment.source, Vec::new()));
        } else if let Some((client, said)) =
            found.iter_mut().rfind(|(client, _)| [segment.source, segment.destination].contains(client))
            && !payload.is_empty()
        {
            said.push((segment.source == *client, payload));
        }
    }
    found.into_iter().map(|(_, said)| said).collect()
}

#[test]
fn tls_inside_a_proxys_tunnel_is_read_as_it_is_without() {
    let plain = read(bytes());
    let all = streams();
    assert_eq!(all.len(), plain.connections().len());
    for (said, connection) in all.iter().zip(plain.connections()) {
        let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.9:3128").connect("wss.example:443");
        for (client, bytes) in said {
            talk = talk.bytes(if *client { C2S } else { S2C }, bytes);
        }
        let talk = talk.no_close();
        for split in [Split::Writes(1460), Split::Sizes(vec![1, 7, 100])] {
            let packets = Script::new(&talk, &split).packets();
            let tunnelled = with_keys(pcap(&packets, PcapFormat::default()), &log());
            let [inside] = tunnelled.connections()[..] else { panic!("{:?}", tunnelled.lines) };
            assert_eq!(inside["tunnelled"], true);
            assert_eq!((&inside["tls"], &inside["accept"]), (&connection["tls"], &connection["accept"]));
            for dir in ["c2s", "s2c"] {
                let number = connection["conn"].as_u64().unwrap();
                let (before, after) = (plain.said(number, dir), tunnelled.said(1, dir));
                let bytes = |said: &[Message]| -> Vec<_> {
                    said.iter().map(|message| (message.op.clone(), message.bytes.clone())).collect()
                };
                assert!(bytes(&before) == bytes(&after), "{dir}: {before:?} {after:?}");
            }
        }
    }
}
