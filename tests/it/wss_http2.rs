//! WebSockets inside HTTP/2 inside TLS, agreed on by ALPN: Node and Chromium as clients (RFC 8441, RFC 7301).

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use wslens::capture::Input;
use wslens::store::{Detail, Options, Request, Session};

use crate::read::read;
use crate::wss::{blocks, by_path, folder_of, with_keys, without_of, wslens};

const FOLDER: &str = "wss-http2";

fn bytes() -> Vec<u8> {
    fs::read(folder_of(FOLDER).join("capture.pcapng")).unwrap()
}

fn log() -> Vec<u8> {
    fs::read(folder_of(FOLDER).join("keys.log")).unwrap()
}

#[test]
fn each_stream_is_a_connection_that_says_which_tls_it_runs_in() {
    let output = read(bytes());
    let told: BTreeMap<String, _> = output
        .connections()
        .iter()
        .map(|c| {
            assert_eq!((&c["tls"], &c["http_version"]), (&true.into(), &"2".into()));
            assert_eq!(c["tls_session"]["alpn"], "h2");
            let url = c["url"].as_str().unwrap();
            assert!(url.starts_with("wss://"), "{url}");
            let path = url.rsplit('/').next().unwrap().to_owned();
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let tls = &c["tls_session"];
            let stream = c["stream_id"].as_u64().unwrap();
            (path, (text(&c["state"]), stream, text(&tls["version"]), text(&tls["cipher"])))
        })
        .collect();
    let expected = |state: &str, stream: u64, version: &str, cipher: &str| {
        (state.to_owned(), stream, version.to_owned(), cipher.to_owned())
    };
    let tls12 = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    assert_eq!(told["one"], expected("closed", 1, "TLS 1.3", "TLS_AES_256_GCM_SHA384"));
    assert_eq!(told["two"], expected("closed", 3, "TLS 1.3", "TLS_AES_256_GCM_SHA384"));
    assert_eq!(told["refused"], expected("refused", 5, "TLS 1.3", "TLS_AES_256_GCM_SHA384"));
    assert_eq!((&*told["tls12"].2, &*told["tls12"].3), ("TLS 1.2", tls12));
    // The browser's own request for the page was stream 1.
    assert!(told["browser"].1 > 1 && told["browser"].2 == "TLS 1.3");
    assert_eq!(output.messages().len(), 32);
    assert_eq!(output.summary()["findings"]["error"], 0, "{:?}", output.codes());
}

#[test]
fn the_key_log_beside_it_gives_the_same_as_the_secrets_in_it() {
    let (inside, beside) = (by_path(&read(bytes())), by_path(&with_keys(without_of(&bytes(), &[]), &log())));
    assert_eq!(inside, beside);
    assert_eq!(inside.len(), 5);
    let none = with_keys(without_of(&bytes(), &[]), b"");
    assert!(none.connections().is_empty() && none.messages().is_empty());
}

#[test]
fn each_lost_packet_costs_what_was_in_it_and_nothing_is_invented() {
    let (file, log) = (bytes(), log());
    let truth = by_path(&with_keys(without_of(&file, &[]), &log));
    let packets = blocks(&file).iter().filter(|(kind, _)| *kind == 6).count();
    let mut damaged = 0;
    for packet in 1..=packets {
        let output = with_keys(without_of(&file, &[packet]), &log);
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
        damaged += usize::from(ok < 32);
        let codes = output.codes();
        let told = codes
            .iter()
            .any(|code| code.starts_with("tls-") || code.starts_with("h2-") || *code == "tcp-gap");
        assert!(ok == 32 || told || found.len() < 5, "packet {packet}: {codes:?}");
    }
    assert!(damaged > 30, "{damaged}");
}

#[test]
fn an_opened_capture_shows_streams_inside_tls() {
    let inputs = [Input::from(folder_of(FOLDER).join("capture.pcapng"))];
    let mut session = Session::open(&inputs, Options { interval: 8, ..Options::default() }).unwrap();
    session.wait();
    let mut seen = 0;
    for connection in 1..=5 {
        let row = session.index().connection(connection).unwrap().clone();
        assert!(row.tls.is_some() && row.stream_id.is_some() && row.is_wss());
        if row.url.as_deref().unwrap().ends_with("/refused") {
            continue;
        }
        for message in 1..=8 {
            let Ok(Detail::Message(detail)) = session.load(&Request::Message { connection, message }) else {
                panic!("{} message {message}", row.name(wslens::model::Lang::En));
            };
            assert!(
                detail.whole && !detail.frames.is_empty(),
                "{} message {message}",
                row.name(wslens::model::Lang::En)
            );
            if message == 1 && !row.url.as_deref().unwrap().ends_with("/browser") {
                assert_eq!(detail.bytes, format!("hello on stream {}", row.stream_id.unwrap()).as_bytes());
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 32);
}

#[test]
fn tshark_with_the_same_secrets_finds_as_much_data_in_each_stream() {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(folder_of(FOLDER).join("capture.pcapng")).args(["-Y", "http2", "-T", "fields"]);
    for field in ["tcp.stream", "tcp.dstport", "http2.type", "http2.streamid", "http2.length"] {
        command.args(["-e", field]);
    }
    let Some(out) = command.output().ok().filter(|out| out.status.success()) else {
        return eprintln!("skipped: no tshark");
    };
    let mut theirs: BTreeMap<(u64, u64, bool), u64> = BTreeMap::new();
    for line in String::from_utf8(out.stdout).unwrap().lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let numbers = |at: usize| cells[at].split(',').filter_map(|number| number.parse::<u64>().ok());
        for ((kind, stream), len) in numbers(2).zip(numbers(3)).zip(numbers(4)) {
            if kind == 0 {
                *theirs.entry((cells[0].parse().unwrap(), stream, cells[1] == "18106")).or_default() += len;
            }
        }
    }
    let mut compared = 0;
    for connection in read(bytes()).connections() {
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

#[test]
fn a_program_reads_it_with_a_key_log() {
    let place = tempfile::tempdir().unwrap();
    let (file, keys) = (place.path().join("c.pcapng"), place.path().join("k.log"));
    fs::write(&file, without_of(&bytes(), &[])).unwrap();
    fs::write(&keys, log()).unwrap();
    let (out, err, code) = wslens(&["read", "--keylog", keys.to_str().unwrap()], &file, None);
    assert_eq!((out.lines().count(), code), (32, 0), "{err}");
}
