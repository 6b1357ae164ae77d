//! Exports are held against the capture that they come from, and against tshark.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::*;
use crate::endless;
use crate::store;
use crate::store::detail::{Detail, Request};

const CAPTURES: [&str; 9] = [
    "chat-deflate",
    "violations",
    "many-connections",
    "reorder-retransmit",
    "connect-tunnel",
    "gap-plain",
    "gap-deflate",
    "ipv6-node",
    "nanosecond",
];

fn capture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name);
    let files = ["capture.pcapng", "capture.pcap", "capture.pcapng.gz"].map(|file| folder.join(file));
    files.into_iter().find(|path| path.is_file()).unwrap()
}

fn open(path: &Path) -> (Session, Source) {
    let inputs = vec![Input::from(path.to_owned())];
    let mut session = Session::open(&inputs, store::Options::default()).unwrap();
    session.wait();
    (session, Source { inputs, ..Source::default() })
}

/// Does a job in a new folder; answers the file.
fn export(path: &Path, what: What, format: Format) -> (tempfile::TempDir, PathBuf, Done) {
    let (session, source) = open(path);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("out{}", format.extension()));
    let job = Job { what, format, path: path.clone(), replace: false };
    let done = Task::new(&session, &source, job.clone()).run(&ExportProgress::default()).unwrap();
    (folder, path, done)
}

/// The messages of a capture as `wslens read` prints them, without what hangs on its packets' numbers.
fn messages(path: &Path, connection: Option<u32>) -> Vec<Value> {
    let selection = Selection { connections: connection.into_iter().collect(), ..Selection::default() };
    let mut out = Vec::new();
    let mut report = Ndjson::new(&mut out, selection, false);
    let mut opened = Capture::open(&[Input::from(path.to_owned())], &capture::Options::default()).unwrap();
    let summary = drive::run(&mut opened, &mut Pipeline::new(Limits::default()), &mut report, |_, _| true);
    report.finish(&summary).unwrap();
    let lines = String::from_utf8(out).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn without_numbers(mut messages: Vec<Value>) -> Vec<Value> {
    for message in &mut messages {
        for key in ["conn", "packet", "last_packet"] {
            message.as_object_mut().unwrap().remove(key);
        }
    }
    messages
}

#[test]
fn a_slice_has_the_same_messages_as_the_connection() {
    for name in CAPTURES {
        let path = capture(name);
        let (session, _) = open(&path);
        let connections: Vec<(u32, u32)> =
            session.index().connections.iter().take(12).map(|row| (row.id.0, row.tcp.0)).collect();
        for (connection, tcp) in connections {
            let (_folder, slice, done) = export(&path, What::Connection(connection), Format::Pcapng);
            assert!(done.count > 0 && done.lost == 0);
            let (whole, _) = open(&path);
            // All that one TCP connection carried comes along.
            let mut wanted = Vec::new();
            for row in whole.index().connections.iter().filter(|row| row.tcp.0 == tcp) {
                wanted.extend(without_numbers(messages(&path, Some(row.id.0))));
            }
            assert_eq!(without_numbers(messages(&slice, None)), wanted, "{name} {connection}");
        }
    }
}

#[test]
fn comments_on_packets_and_sections_go_into_a_file_of_packets() {
    let mut from =
        Capture::open(&[Input::from(capture("many-connections"))], &capture::Options::default()).unwrap();
    let secret = format!("CLIENT_RANDOM {} {}", "ab".repeat(32), "cd".repeat(48));
    let mut bytes = Vec::new();
    let mut file = Pcapng::with_comments(&mut bytes, &["a section", &secret]).unwrap();
    while let Some(packet) = from.next() {
        let text = format!("packet {}: ä", packet.number);
        let comments = [&text[..], "again", &secret];
        let data = from.bytes(packet.bytes).unwrap();
        file.commented(&packet, data, if packet.number % 7 == 0 { &comments } else { &[] }).unwrap();
    }
    file.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("commented.pcapng");
    std::fs::write(&path, &bytes).unwrap();

    let notes_of = |path: &Path| {
        let mut capture =
            Capture::open(&[Input::from(path.to_owned())], &capture::Options::default()).unwrap();
        let mut times = std::collections::HashMap::new();
        while let Some(packet) = capture.next() {
            times.insert(packet.number, packet.time);
        }
        let notes = capture.notes().clone();
        // The packet's time: it has another number in a slice.
        let packets = notes.comments.iter().map(|comment| (times[&comment.packet], comment.text.clone()));
        let sections: Vec<String> =
            notes.sections.iter().flat_map(|section| section.comments.clone()).collect();
        (sections, packets.collect::<Vec<_>>(), times)
    };
    let (_, all, _) = notes_of(&path);
    assert!(all.len() > 20);
    for embed_keys in [false, true] {
        let (session, source) = open(&path);
        let out = folder.path().join(format!("out-{embed_keys}.pcapng"));
        let job =
            Job { what: What::Connection(2), format: Format::Pcapng, path: out.clone(), replace: false };
        Task::new(&session, &Source { embed_keys, ..source }, job).run(&ExportProgress::default()).unwrap();
        let (sections, packets, times) = notes_of(&out);
        assert_eq!(sections.len(), 1 + usize::from(embed_keys));
        let times: std::collections::HashSet<_> = times.into_values().collect();
        let wanted =
            all.iter().filter(|(time, text)| times.contains(time) && (embed_keys || *text != secret));
        let wanted: Vec<_> = wanted.cloned().collect();
        assert!(!wanted.is_empty());
        assert_eq!(packets, wanted);
        let has_secret =
            std::fs::read(&out).unwrap().windows(20).any(|bytes| bytes == &secret.as_bytes()[..20]);
        assert_eq!(has_secret, embed_keys);
    }
}

#[test]
fn tshark_opens_a_slice_and_sees_one_connection_in_it() {
    if Command::new("tshark").arg("--version").output().is_err() {
        return;
    }
    let fields = |path: &Path, filter: &str| {
        let output = Command::new("tshark")
            .args(["-r", path.to_str().unwrap(), "-Y", filter, "-T", "fields"])
            .args([
                "-e",
                "frame.time_epoch",
                "-e",
                "frame.len",
                "-e",
                "tcp.seq_raw",
                "-e",
                "websocket.opcode",
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for name in ["chat-deflate", "ipv6-node", "reorder-retransmit", "violations", "nanosecond"] {
        let path = capture(name);
        let (session, _) = open(&path);
        let tcp = session.index().connections[0].tcp.0;
        let (_folder, slice, _) = export(&path, What::Connection(1), Format::Pcapng);
        let wanted = fields(&path, &format!("tcp.stream == {tcp}"));
        assert!(!wanted.is_empty());
        assert_eq!(fields(&slice, "tcp.stream == 0"), wanted, "{name}");
        assert_eq!(fields(&slice, "!(tcp.stream == 0)"), "", "{name}");
    }
}

#[test]
fn ndjson_is_what_read_prints() {
    for name in CAPTURES {
        let path = capture(name);
        let (_folder, file, done) = export(&path, What::All, Format::Ndjson);
        let text = std::fs::read_to_string(file).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len() as u64, done.count);
        // An export has whole messages, where read stops at 64 KiB.
        for (mut line, mut read) in lines.into_iter().zip(messages(&path, None)) {
            if read["cut"] == Value::Bool(true) {
                for key in ["text", "hex", "cut"] {
                    line.as_object_mut().unwrap().remove(key);
                    read.as_object_mut().unwrap().remove(key);
                }
            }
            assert_eq!(line, read, "{name}");
        }
    }
}

#[test]
fn a_row_that_is_copied_is_the_row_that_read_prints() {
    for name in CAPTURES {
        let path = capture(name);
        let (session, _) = open(&path);
        for read in messages(&path, None).into_iter().take(300) {
            let (connection, message) =
                (read["conn"].as_u64().unwrap() as u32, read["msg"].as_u64().unwrap());
            let request = Request::Message { connection, message };
            let Ok(Detail::Message(detail)) = session.load(&request) else { panic!("{name}: {request:?}") };
            let index = session.index();
            let row = index.messages(connection).get(message as usize - 1).unwrap();
            let note = index.control_note(connection, message);
            let line = ndjson_row(index.connection(connection).unwrap(), row, &detail, note).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), read, "{name}");
        }
    }
}

#[test]
fn raw_bytes_are_the_bytes_of_the_messages() {
    let path = capture("chat-deflate");
    let (_folder, folder, done) = export(&path, What::Connection(1), Format::Raw);
    assert_eq!(done.name, "file");
    let all = messages(&path, Some(1));
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), all.len());
    for (name, message) in names.iter().zip(&all) {
        let bytes = std::fs::read(name).unwrap();
        assert_eq!(bytes.len() as u64, message["len"].as_u64().unwrap());
        if let Some(text) = message["text"].as_str().filter(|_| message["cut"].is_null()) {
            assert_eq!(bytes, text.as_bytes());
        }
        let name = name.file_name().unwrap().to_str().unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.'), "{name}");
    }
    let (_folder, file, _) = export(&path, What::Messages(vec![(1, 1)]), Format::Raw);
    assert_eq!(std::fs::read(file).unwrap(), b"Hello");
}

#[test]
fn chosen_messages_and_no_others() {
    let path = capture("chat-deflate");
    let (_folder, file, done) = export(&path, What::Messages(vec![(1, 2), (1, 5)]), Format::Csv);
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!((done.count, text.matches("\r\n").count()), (2, 3), "{text}");
    let (_folder, file, done) = export(&path, What::Filter("op == ping".to_owned(), Some(1)), Format::Ndjson);
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(done.count, 3);
    assert!(text.lines().all(|line| line.contains("\"op\":\"ping\"")), "{text}");
}

#[test]
fn transcripts_hold_all_messages() {
    let path = capture("chat-deflate");
    let all = messages(&path, None).len();
    let (_folder, file, _) = export(&path, What::Connection(1), Format::Markdown);
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text.matches("\n### ").count(), all, "{text}");
    assert!(!text.contains('\x1b'));
    let (_folder, file, _) = export(&path, What::Connection(1), Format::Mermaid);
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.starts_with("sequenceDiagram\n"));
    assert_eq!(
        text.lines().filter(|line| line.contains("C: ") || line.contains("S: ")).count(),
        all + 2,
        "{text}"
    );
}

#[test]
fn nothing_is_overwritten_unless_that_is_asked_for_and_nothing_is_left_by_what_fails() {
    let (session, source) = open(&capture("chat-deflate"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("there");
    std::fs::write(&path, "mine").unwrap();
    for format in Format::EXPORT {
        let job = Job { what: What::Connection(1), format, path: path.clone(), replace: false };
        let result = Task::new(&session, &source, job.clone()).run(&ExportProgress::default());
        assert!(matches!(result, Err(ExportError::Exists)), "{format:?} {result:?}");
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
        let cancelled = ExportProgress { cancel: AtomicBool::new(true), ..ExportProgress::default() };
        let job = Job { replace: true, path: folder.path().join("new"), ..job };
        let result = Task::new(&session, &source, job.clone()).run(&cancelled);
        // A capture of a few packets is done before anybody asks.
        if result.is_err() {
            assert!(!job.path.exists());
        } else if job.path.is_dir() {
            std::fs::remove_dir_all(&job.path).unwrap();
        } else {
            std::fs::remove_file(&job.path).unwrap();
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let job = Job { what: What::Connection(1), format: Format::Csv, path: path.clone(), replace: true };
    Task::new(&session, &source, job.clone()).run(&ExportProgress::default()).unwrap();
    assert!(std::fs::read(&path).unwrap().starts_with(b"conn,"));
}

#[cfg(feature = "tls")]
#[test]
fn secrets_go_into_a_slice_only_where_that_was_asked_for() {
    let from = capture("wss");
    let log = std::fs::read_to_string(from.with_file_name("keys.log")).unwrap();
    let secrets: Vec<&str> =
        log.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').nth(2)).collect();
    assert!(secrets.len() > 8);
    for (embed_keys, connection) in [(false, 1), (true, 1), (true, 3)] {
        let inputs = vec![Input::from(from.clone())];
        let limits = Limits::default();
        let options = store::Options { limits: limits.clone(), ..store::Options::default() };
        let mut session = Session::open(&inputs, options).unwrap();
        session.wait();
        let source = Source { inputs, limits, embed_keys, ..Source::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.pcapng");
        let what = What::Connection(connection);
        let job = Job { what, format: Format::Pcapng, path: path.clone(), replace: false };
        let task = Task::new(&session, &source, job);
        let shown = format!("{task:?}");
        task.run(&ExportProgress::default()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let holds = |secret: &str| {
            let raw = hex::decode(secret).unwrap();
            memchr::memmem::find(&bytes, secret.as_bytes()).is_some()
                || memchr::memmem::find(&bytes, &raw).is_some()
        };
        let held = secrets.iter().filter(|secret| holds(secret)).count();
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "no secret is printed");
        // Its own, and nobody else's.
        let expected = if embed_keys && connection == 1 {
            4..=5
        } else {
            usize::from(embed_keys)..=usize::from(embed_keys)
        };
        assert!(expected.contains(&held), "{embed_keys} {connection}: {held}");
        let found = messages(&path, None);
        assert_eq!(found.len(), if embed_keys { 7 } else { 0 });
    }
}

/// The same capture as it comes through a pipe, of which so many bytes are kept.
fn piped(bytes: Vec<u8>, room: u64) -> (Session, Source) {
    let how = capture::Options { keep: true, room, ..capture::Options::default() };
    let capture = Capture::from_reader_with(Box::new(std::io::Cursor::new(bytes)), &how).unwrap();
    let mut session = Session::read(capture, store::Options::default()).unwrap();
    session.wait();
    (session, Source::default())
}

#[test]
fn of_a_pipe_everything_can_be_exported_that_can_be_of_a_file() {
    for name in CAPTURES {
        let file = capture(name);
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let (of_file, file_source) = open(&file);
        let (of_pipe, pipe_source) = piped(bytes.clone(), u64::MAX - 1);
        let folder = tempfile::tempdir().unwrap();
        let all: Vec<u32> = of_file.index().connections.iter().map(|row| row.id.0).collect();
        let whats =
            [What::All, What::Connection(1), What::Connections(all), What::Filter("len > 3".into(), None)];
        for (what, format) in whats.iter().flat_map(|what| Format::EXPORT.map(|format| (what, format))) {
            if !what.fits(format) || format == Format::Raw {
                continue;
            }
            let run = |session: &Session, source: &Source, name: &str| {
                let path = folder.path().join(name);
                let job = Job { what: what.clone(), format, path: path.clone(), replace: true };
                let done = Task::new(session, source, job).run(&ExportProgress::default());
                (done.ok().map(|done| (done.count, done.name)), std::fs::read(path).ok())
            };
            let (expected, got) = (run(&of_file, &file_source, "file"), run(&of_pipe, &pipe_source, "pipe"));
            // The last line of NDJSON counts what the summary of a file knows more of.
            assert_eq!(got.0, expected.0, "{name} {what:?} {format:?}");
            assert!(got.1 == expected.1, "{name} {what:?} {format:?}");
            let _ = (
                std::fs::remove_file(folder.path().join("file")),
                std::fs::remove_file(folder.path().join("pipe")),
            );
        }
        // The capture itself, byte for byte.
        let path = folder.path().join("whole");
        let job = Job { what: What::Capture, format: Format::Pcapng, path: path.clone(), replace: false };
        if !name.ends_with("gz") {
            Task::new(&of_pipe, &pipe_source, job).run(&ExportProgress::default()).unwrap();
            let unpacked = !file.to_str().unwrap().ends_with(".gz");
            assert!(!unpacked || std::fs::read(&path).unwrap() == bytes, "{name}");
            assert_eq!(messages(&path, None), messages(&file, None), "{name}");
        }
    }
}

#[test]
fn the_packets_of_several_connections_are_one_file_in_the_order_of_the_capture() {
    let from = capture("many-connections");
    let chosen = vec![2u32, 3, 6];
    let (_folder, path, done) = export(&from, What::Connections(chosen.clone()), Format::Pcapng);
    let mut opened = Capture::open(&[Input::from(path.clone())], &capture::Options::default()).unwrap();
    let mut times = Vec::new();
    while let Some(packet) = opened.next() {
        times.push(packet.time);
    }
    assert!(times.is_sorted() && times.len() as u64 == done.count && opened.totals().complete);
    let (session, _) = open(&from);
    let each: u64 = chosen.iter().map(|number| session.packets_of(*number).unwrap().total()).sum();
    assert_eq!((done.count, done.lost), (each, 0), "each packet once");
    // Exactly the messages of these connections, and of no other.
    let texts = |list: Vec<Value>| -> Vec<String> {
        let mut texts: Vec<String> =
            list.iter().map(|m| format!("{} {} {}", m["dir"], m["text"], m["hex"])).collect();
        texts.sort();
        texts
    };
    let expected: Vec<Value> = chosen.iter().flat_map(|number| messages(&from, Some(*number))).collect();
    assert!(expected.len() > 3);
    assert_eq!(texts(messages(&path, None)), texts(expected));
    // Two WebSockets in one TCP connection have its packets once.
    let (_folder, _, twice) = export(&from, What::Connections(vec![2, 2]), Format::Pcapng);
    let (_folder, _, once) = export(&from, What::Connection(2), Format::Pcapng);
    assert_eq!(twice.count, once.count);
}

#[test]
fn of_a_pipe_the_last_packets_can_be_saved_once_the_first_are_discarded() {
    // Two laps of 64 MiB are kept at least: more than that has to come.
    let mut talker = endless::Talker::new(1000);
    let mut bytes = endless::Talker::header();
    talker.open(&mut bytes);
    while bytes.len() < 200 << 20 {
        talker.message(&mut bytes, 60_000);
    }
    let len = bytes.len();
    let (session, source) = piped(bytes, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.pcap");
    let job = Job { what: What::Capture, format: Format::Pcapng, path: path.clone(), replace: false };
    let done = Task::new(&session, &source, job).run(&ExportProgress::default()).unwrap();
    assert!(done.lost > 0 && done.count < len as u64 && done.count > 60 << 20, "{done:?}");
    let mut opened = Capture::open(&[Input::from(path)], &capture::Options::default()).unwrap();
    let mut packets = 0u64;
    while opened.next().is_some() {
        packets += 1;
    }
    assert!(opened.totals().complete, "whole records and the header");
    assert!(packets > 1000 && packets < talker.packets);
}

#[test]
fn an_export_never_takes_the_place_of_its_capture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture.pcapng");
    std::fs::copy(capture("chat-deflate"), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let (session, mut source) = open(&path);
    source.reads.add(&path);
    std::os::unix::fs::symlink("capture.pcapng", folder.path().join("link")).unwrap();
    std::fs::hard_link(&path, folder.path().join("hard")).unwrap();
    for name in ["capture.pcapng", "link", "hard"] {
        for (what, format) in [
            (What::All, Format::Ndjson),
            (What::Connection(1), Format::Pcapng),
            (What::Capture, Format::Pcapng),
        ] {
            let job = Job { what, format, path: folder.path().join(name), replace: true };
            let result = Task::new(&session, &source, job).run(&ExportProgress::default());
            assert!(matches!(result, Err(ExportError::Output(OutputError::Input(_)))), "{name} {result:?}");
        }
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_diagram_shows_an_extended_connect_where_http2_opened_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/http2/capture.pcapng");
    let (_folder, file, _) = export(&path, What::Connection(1), Format::Mermaid);
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("C->>S: CONNECT ws#58;") && text.contains("protocol websocket"), "{text}");
    assert!(text.contains("S-->>C: status 200") && !text.contains("101 Switching"), "{text}");
}
