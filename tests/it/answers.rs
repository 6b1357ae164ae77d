//! Answers to an upgrade request that are no 101, in every view; and how a request ends that gets none.

use std::io::Write as _;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use crate::findings::answers::{CLIENT_HELLO, answered, bare, knocks};
use crate::findings::make::{File, REQUEST, RESPONSE, heads};
use crate::read::{config, read};
use crate::support::forge::{C2S, Conversation, Handshake, PcapFormat, S2C, Script, Split, pcap};

const BODY: &str = "{\"code\":1,\"message\":\"Session ID unknown\"}";

/// Standard output and standard error of a command on a capture.
pub fn wslens(arguments: &[&str], file: impl Into<File>) -> String {
    let mut capture = tempfile::NamedTempFile::new().unwrap();
    capture.write_all(&file.into().0).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
    let output = command.args(arguments).arg(capture.path()).env_remove("SSLKEYLOGFILE").output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// A refusal with these header lines and this body.
fn refused(lines: &str, body: &[u8]) -> Conversation {
    let head = format!("HTTP/1.1 400 Bad Request\r\n{lines}\r\n\r\n");
    answered(&[head.as_bytes(), body].concat())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in body.chunks(9) {
        out.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

#[test]
fn the_body_of_a_refusal_is_in_every_view() {
    let lines = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked";
    let talk = || refused(lines, &chunked(&gzip(BODY)));
    let output = read(File::from(talk()).0);
    let response = &output.connections()[0]["response"];
    assert_eq!((&response["body"], &response["body_cut"]), (&BODY.into(), &false.into()), "{response}");
    assert_eq!(response["body_decoded"], serde_json::json!(["chunked", "gzip"]));
    let finding = output.findings("handshake-rejected")[0]["text"].as_str().unwrap().to_owned();
    assert!(finding.contains("Session ID unknown"), "{finding}");
    for view in [&["read", "--format", "table"][..], &["check"], &["story"], &["handshake"]] {
        let shown = wslens(view, talk());
        assert!(shown.contains("Session ID unknown"), "{view:?}: {shown}");
    }
}

#[test]
fn a_long_body_is_cut_and_a_body_without_an_end_is_reported_as_such() {
    let long = read(File::from(refused("Content-Length: 50000", &[b'x'; 50_000])).0);
    let response = &long.connections()[0]["response"];
    assert_eq!((response["body"].as_str().unwrap().len(), &response["body_cut"]), (1024, &true.into()));
    // Until the connection's end: with the server's FIN that is all of it.
    let closed = read(File::from(refused("Server: a", b"no").fin(S2C)).0);
    assert_eq!(closed.connections()[0]["response"]["body_cut"], false);
    let cut = read(File::from(refused("Content-Length: 9", b"no")).0);
    let response = &cut.connections()[0]["response"];
    assert_eq!((&response["body"], &response["body_cut"]), (&"no".into(), &true.into()));
    let empty = read(File::from(refused("Content-Length: 0", b"")).0);
    assert!(empty.connections()[0]["response"].get("body").is_none());
    let binary =
        read(File::from(refused("Content-Length: 4\r\nContent-Encoding: br", b"\x1b\x00\x00\x08")).0);
    let response = &binary.connections()[0]["response"];
    assert_eq!((&response["body_hex"], &response["body_encoded"]), (&"1b000008".into(), &"br".into()));
}

#[test]
fn a_second_try_on_the_same_connection_has_its_own_answer() {
    let first = format!("HTTP/1.1 503 Busy\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len());
    let talk = heads(REQUEST, &first);
    let (request, key) = (REQUEST.replace("KEY", &talk.key), talk.key.clone());
    let response = RESPONSE.replace("ACCEPT", &crate::support::forge::accept_of(&key));
    let talk =
        talk.bytes(C2S, request.as_bytes()).bytes(S2C, response.as_bytes()).text(S2C, "hello").closed(1000);
    let output = read(File::from(talk).0);
    let connections = output.connections();
    assert_eq!(connections.len(), 2, "{connections:?}");
    let refused = connections.iter().find(|c| c["state"] == "refused").unwrap();
    assert_eq!(refused["response"]["body"], BODY);
    assert_eq!(output.said(2, "s2c").len(), 2, "the hello and the Close");
}

#[test]
fn what_is_no_http_is_named_and_never_called_missing() {
    let mut http2 = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    http2.extend_from_slice(&[0, 0, 15, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    http2.extend_from_slice(b"invalid");
    let cases: [(&[u8], &str, &str); 4] = [
        (&http2, "http2", "GOAWAY (PROTOCOL_ERROR, \"invalid\")"),
        (b"SSH-2.0-x\r\n", "ssh", "an SSH banner: \"SSH-2.0-x\""),
        (b"Fatal error: no\n", "text", "text: \"Fatal error: no\""),
        (&[0x15, 3, 1, 0, 2, 2, 40], "tls", "fatal alert handshake_failure (40)"),
    ];
    for (bytes, what, words) in cases {
        let output = read(File::from(answered(bytes)).0);
        let connection = &output.connections()[0];
        assert_eq!(
            (&connection["response_not_http"]["what"], &connection["state"]),
            (&what.into(), &"refused".into())
        );
        let code = if what == "tls" { "wrong-scheme" } else { "response-not-http" };
        assert_eq!(output.codes(), [code]);
        for view in
            [&["read", "--format", "table"][..], &["check", "--format", "table"], &["story"], &["handshake"]]
        {
            let shown = wslens(view, answered(bytes));
            let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(words), "{view:?}: {shown}");
            for lie in ["no answer captured", "none captured", "No response", "no response"] {
                assert!(!shown.contains(lie), "{view:?}: {shown}");
            }
        }
    }
}

#[test]
fn a_banner_that_comes_before_the_request_is_an_answer_too() {
    let mut talk =
        Conversation::new("10.0.0.1:50000", "10.0.0.2:22").bytes(S2C, b"SSH-2.0-x\r\n").request_now();
    talk.handshake = Handshake::Done;
    assert_eq!(read(File::from(talk).0).codes(), ["response-not-http"]);
}

#[test]
fn behind_a_byte_order_mark_the_response_is_read() {
    let output =
        read(File::from(heads(REQUEST, &format!("\u{feff}{RESPONSE}")).text(S2C, "hello").closed(1000)).0);
    let connection = &output.connections()[0];
    assert_eq!((&connection["status"], &connection["accept"]), (&101.into(), &"ok".into()));
    assert_eq!(connection["response_not_http"]["what"], "bom");
    assert_eq!(output.said(1, "s2c").len(), 2);
    assert_eq!(output.codes(), ["response-not-http"]);
}

#[test]
fn the_wrong_scheme_is_reported_both_ways() {
    let tls = || bare(CLIENT_HELLO, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").fin(S2C);
    let shown = wslens(&["read", "--format", "table"], tls());
    assert!(!shown.contains("to read wss") && !shown.contains("would be inside"), "{shown}");
    // With and without TLS being followed.
    for view in [&["check"][..], &["read", "--level", "all"]] {
        let shown = wslens(view, tls());
        assert_eq!(shown.matches("wrong-scheme").count(), 1, "{view:?}: {shown}");
        assert!(shown.contains("10.0.0.2:80 answered in plain HTTP"), "{shown}");
    }
    let body = b"<html>400 The plain HTTP request was sent to HTTPS port</html>";
    let output = read(File::from(refused(&format!("Content-Length: {}", body.len()), body)).0);
    assert_eq!(output.codes(), ["handshake-rejected", "wrong-scheme"]);
}

#[test]
fn a_refused_connect_has_its_status_and_the_first_line_of_its_body() {
    let connect = "CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n";
    let output = read(
        File::from(heads(connect, "HTTP/1.1 403 Forbidden\r\nContent-Length: 14\r\n\r\n\r\nnot allowed\n")).0,
    );
    let text = output.findings("proxy-refused")[0]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("CONNECT example:443") && text.contains("403 Forbidden"), "{text}");
    assert!(text.contains("not allowed"), "{text}");
    // A proxy that asks for credentials and gets them has refused nothing.
    let challenge = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno";
    let first = heads(connect, challenge);
    let second = first.bytes(C2S, connect.as_bytes()).bytes(S2C, b"HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(read(File::from(second.fin(C2S)).0).codes(), [""; 0]);
    assert_eq!(read(File::from(heads(connect, challenge).fin(C2S)).0).codes(), ["proxy-refused"]);
}

/// A request that is acknowledged and gets no response, and what comes then.
fn silent(end: impl FnOnce(Conversation) -> Conversation) -> Vec<u8> {
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").request_now();
    talk.handshake = Handshake::Done;
    pcap(&Script::new(&end(talk), &Split::Writes(1460)).acked().packets(), PcapFormat::default())
}

#[test]
fn a_request_without_a_response_says_who_gave_up_and_how() {
    let cases = [
        (silent(|talk| talk.fin(C2S)), "client", "then the client closed the connection (FIN in packet"),
        (silent(|talk| talk.fin(S2C)), "server", "then the server closed the connection (FIN in packet"),
        (silent(|talk| talk.rst(S2C)), "server", "then the server reset the connection (RST in packet"),
    ];
    for (file, by, words) in cases {
        let output = read(file.clone());
        let text = output.findings("response-missing")[0]["text"].as_str().unwrap().to_owned();
        assert!(text.contains("acknowledged the request") && text.contains(words), "{text}");
        let end = &output.connections()[0]["end"];
        assert_eq!((&end["kind"], &end["by"]), (&"unanswered".into(), &by.into()), "{end}");
        let story = wslens(&["story"], file.clone());
        let flat = story.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(story.contains("\nHow it ended\n") && flat.contains(words), "{story}");
        let table = wslens(&["read", "--format", "table"], file);
        assert!(table.contains(&format!(" by the {by}")) && table.contains("no answer in "), "{table}");
    }
    let open = read(silent(Conversation::no_close));
    let text = open.findings("response-missing")[0]["text"].as_str().unwrap();
    assert!(text.ends_with("nobody ended the connection"), "{text}");
}

/// Where the server's first bytes may be missing, frames are no answer in another protocol.
#[test]
fn without_the_syn_ack_only_what_is_recognised_is_an_answer() {
    let without = |server: &[u8]| {
        let script = Script::new(&answered(server), &Split::Writes(1460)).acked();
        read(pcap(&script.lose(1).packets(), PcapFormat::default()))
    };
    assert_eq!(without(b"SSH-2.0-x\r\n").codes(), ["response-not-http"]);
    let output = without(b"\x89\x00");
    let text = output.findings("response-missing")[0]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("it may be among them"), "{text}");
}

#[test]
fn a_connection_that_never_opened_is_reported_with_how_often_and_how_long() {
    let output = read(File::from(knocks(1)).0);
    let finding = output.findings("connect-failed")[0];
    let text = finding["text"].as_str().unwrap();
    assert!(
        text.starts_with("10.0.0.7 could not connect to 10.0.0.2:80: 1 attempt in 2.0 s, 1 SYN"),
        "{text}"
    );
    // To a server that is no server of WebSockets, it is not reported.
    let alone = knocks(1)[..1].to_vec();
    assert_eq!(read(File::from(alone).0).codes(), [""; 0]);
}

proptest! {
    #![proptest_config(config(24))]

    /// However an answer is cut into segments, it is the same.
    #[test]
    fn the_cuts_do_not_matter(size in 1usize..200, which in 0usize..4) {
        let talk = match which {
            0 => refused("Content-Encoding: gzip\r\nTransfer-Encoding: chunked", &chunked(&gzip(BODY))),
            1 => refused(&format!("Content-Length: {}", BODY.len()), BODY.as_bytes()),
            2 => refused("Server: a", &[b'y'; 3000]).fin(S2C),
            _ => answered(b"Notice: something\r\nwent wrong\r\n"),
        };
        let shown = |split: Split| {
            let output = read(pcap(&Script::new(&talk, &split).packets(), PcapFormat::default()));
            let connection = output.connections()[0].clone();
            (connection["response"]["body"].clone(), connection["response"]["body_cut"].clone(),
             connection["response_not_http"]["hex"].clone(), output.codes().into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        prop_assert_eq!(shown(Split::Writes(size)), shown(Split::Writes(1460)));
    }
}
