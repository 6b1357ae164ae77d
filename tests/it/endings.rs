//! Why connections ended, and their keep-alive: captures of every way to end, and near misses of every cause.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use wslens::capture::Capture;
use wslens::drive::run;
use wslens::pipeline::{Limits, Pipeline};
use wslens::report::stats::{Stats, StatsOptions};
use wslens::report::{Levels, PayloadMode};

use crate::corpus::captures;
use crate::read::{Output, keep_all, read, read_as};
use crate::support::forge::{C2S, Conversation, PcapFormat, S2C, Script, Split, interleave, pcap};

fn talk() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
}

fn chat() -> Conversation {
    talk().text(C2S, "hello").text(S2C, "hello yourself")
}

fn script(talk: &Conversation) -> Script {
    Script::new(talk, &Split::Writes(1460))
}

/// A capture in which time passes before some packets: index from 0, counted from the end, and seconds.
fn file(script: &Script, pauses: &[(usize, f64)]) -> Vec<u8> {
    let mut packets = script.packets();
    let count = packets.len();
    for (from_end, seconds) in pauses {
        for packet in packets.iter_mut().skip(count - from_end) {
            packet.time += (seconds * 1e9) as i64;
        }
    }
    pcap(&packets, PcapFormat { nanos: true, ..PcapFormat::default() })
}

/// The verdict of the only connection.
fn verdict(script: &Script, pauses: &[(usize, f64)]) -> Value {
    let output = read(file(script, pauses));
    assert_eq!(output.connections().len(), 1);
    output.connections()[0]["end"].clone()
}

/// Kind, by, grade, code, its grade.
fn short(end: &Value) -> String {
    let word = |key: &str| end[key].as_str().unwrap_or("-").to_owned();
    format!("{} {} {} {} {}", word("kind"), word("by"), word("grade"), end["code"], word("code_grade"))
}

fn causes(end: &Value) -> Vec<&str> {
    end["causes"].as_array().unwrap().iter().map(|cause| cause["cause"].as_str().unwrap()).collect()
}

#[test]
fn every_way_to_end_is_told_with_who_did_it() {
    let cases: Vec<(Conversation, &str)> = vec![
        (chat().closed(1000), "close client observed 1000 observed"),
        (
            chat().close(S2C, 1001, "bye").close(C2S, 1001, "bye").fin(S2C),
            "close server observed 1001 observed",
        ),
        (chat().close(C2S, 4001, ""), "close client observed 4001 observed"),
        (chat().control(S2C, 8, b"").control(C2S, 8, b""), "close server observed 1005 inferred"),
        (chat().fin(C2S), "fin client observed 1006 inferred"),
        (chat().fin(S2C), "fin server observed 1006 inferred"),
        (chat().rst(C2S), "reset client observed 1006 inferred"),
        (chat().rst(S2C), "reset server observed 1006 inferred"),
        (chat().no_close(), "capture unknown unknown null unknown"),
        (chat().close(C2S, 1000, "").no_close(), "close client observed 1000 observed"),
        (talk().request_now().no_close(), "unanswered unknown unknown null unknown"),
        (talk().request_now().rst(S2C), "unanswered server observed null unknown"),
        (
            talk()
                .first_line(S2C, "HTTP/1.1 403 Forbidden")
                .header(S2C, "Content-Length", "0")
                .request_now()
                .response_now(),
            "refused server observed null unknown",
        ),
    ];
    for (talk, expected) in cases {
        let end = verdict(&script(&talk), &[]);
        assert_eq!(short(&end), expected, "{end}");
        assert_eq!(causes(&end), [""; 0], "{end}");
    }
}

#[test]
fn the_packet_that_ends_it_is_named() {
    let script = script(&chat().fin(S2C));
    let end = verdict(&script, &[]);
    // The FIN, its answer and the last ACK end the capture.
    assert_eq!(end["packet"].as_u64(), Some(script.pieces.len() as u64 - 2));
    let end = verdict(&self::script(&chat().rst(C2S)), &[]);
    assert_eq!(end["packet"].as_u64(), Some(self::script(&chat().rst(C2S)).pieces.len() as u64));
}

#[test]
fn ports_that_are_used_again_leave_silence() {
    let first = script(&chat().no_close());
    let mut second = script(&chat().closed(1000)).isn(77, 99).packets();
    second.iter_mut().for_each(|packet| packet.time += 400_000_000_000);
    let packets = interleave([first.packets(), second]);
    let output = read(pcap(&packets, PcapFormat { nanos: true, ..PcapFormat::default() }));
    let ends: Vec<String> = output.connections().iter().map(|found| short(&found["end"])).collect();
    assert!(ends.contains(&"silence unknown inferred null unknown".to_owned()), "{ends:?}");
    assert!(ends.contains(&"close client observed 1000 observed".to_owned()), "{ends:?}");
}

#[test]
fn a_ping_without_a_pong_and_then_a_fin_of_its_sender_is_a_ping_timeout() {
    let pinged = || chat().ping(S2C, b"are you there");
    // The FIN comes 10 s after the ping.
    let end = verdict(&script(&pinged().fin(S2C)), &[(3, 10.0)]);
    assert_eq!(causes(&end), ["ping-timeout"], "{end}");
    let waiting = &end["unanswered"][0];
    assert_eq!((waiting["by"].as_str(), waiting["heartbeat"].as_bool()), (Some("server"), Some(false)));
    assert!((waiting["age"].as_f64().unwrap() - 10.0).abs() < 0.01, "{end}");
    assert_eq!(end["causes"][0]["grade"], "inferred");
    // The same with a Close, or a RST.
    let end = verdict(&script(&pinged().close(S2C, 1011, "keepalive ping timeout").fin(S2C)), &[(4, 20.0)]);
    assert_eq!(causes(&end), ["ping-timeout"], "{end}");
    // Here TCP acknowledged the ping no more, which is a second sign.
    let end = verdict(&script(&pinged().rst(S2C)), &[(1, 10.0)]);
    assert_eq!(causes(&end), ["ping-timeout", "path-lost"], "{end}");
}

#[test]
fn near_misses_of_a_ping_timeout_are_none() {
    let none: [&str; 0] = [];
    // The other side ended it.
    let end = verdict(&script(&chat().ping(S2C, b"x").fin(C2S)), &[(3, 10.0)]);
    assert_eq!(causes(&end), none, "{end}");
    assert_eq!(end["unanswered"].as_array().unwrap().len(), 1);
    // The pong came.
    let end = verdict(&script(&chat().ping(S2C, b"x").pong(C2S, b"x").fin(S2C)), &[(3, 10.0)]);
    assert_eq!((causes(&end), end["unanswered"].as_array().unwrap().len()), (none.to_vec(), 0), "{end}");
    // Other messages came since.
    let end = verdict(&script(&chat().ping(S2C, b"x").text(C2S, "still here").fin(S2C)), &[(4, 10.0)]);
    assert_eq!(causes(&end), none, "{end}");
    // It was sent only just before.
    let end = verdict(&script(&chat().ping(S2C, b"x").fin(S2C)), &[(3, 0.3)]);
    assert_eq!(causes(&end), none, "{end}");
}

#[test]
fn after_a_loss_nothing_is_concluded_from_what_lacks() {
    let talk = chat().text(C2S, "one").ping(S2C, b"x").pong(C2S, b"x").text(C2S, "two").fin(S2C);
    let script = script(&talk);
    let pong = script.data(C2S)[script.data(C2S).len() - 2];
    let end = verdict(&script.lose(pong), &[(3, 10.0)]);
    assert_eq!(short(&end), "fin server observed null unknown", "{end}");
    assert_eq!(causes(&end), [""; 0], "{end}");
}

#[test]
fn sixty_idle_seconds_and_a_fin_fit_the_timeouts_of_that_length_and_no_others() {
    let fits = |seconds: f64| {
        let end = verdict(&script(&chat().fin(S2C)), &[(3, seconds)]);
        let idle = end["idle"].as_f64().unwrap();
        assert!((idle - seconds).abs() < 0.01, "{end}");
        let cause = end["causes"].as_array().unwrap().first().cloned();
        cause.map(|cause| {
            assert_eq!(cause["grade"], "inferred");
            let fits = cause["fits"].as_array().unwrap().clone();
            fits.iter().map(|fit| fit.as_str().unwrap().to_owned()).collect::<Vec<_>>().join("; ")
        })
    };
    let sixty = fits(60.0).unwrap();
    assert!(
        sixty.contains("nginx, proxy_read_timeout, 60 s") && sixty.contains("AWS Application"),
        "{sixty}"
    );
    assert!(!sixty.contains("Heroku") && !sixty.contains("Cloudflare"), "{sixty}");
    assert!(fits(55.2).unwrap().starts_with("Heroku"));
    assert!(fits(100.1).unwrap().starts_with("Cloudflare"));
    assert!(fits(240.3).unwrap().starts_with("Azure"));
    for nothing in [1.0, 20.0, 45.0, 58.0, 62.0, 90.0, 110.0, 1000.0] {
        assert_eq!(fits(nothing), None, "{nothing}");
    }
}

#[test]
fn a_server_that_is_silent_for_sixty_seconds_while_the_client_talks_fits_what_measures_the_server() {
    let talk = chat().text(C2S, "anyone?").fin(S2C);
    let end = verdict(&script(&talk), &[(4, 50.0), (3, 10.0)]);
    assert_eq!(end["causes"][0]["fits"].as_array().unwrap().len(), 1, "{end}");
    assert!(end["causes"][0]["fits"][0].as_str().unwrap().starts_with("nginx"), "{end}");
}

#[test]
fn a_close_after_sixty_idle_seconds_blames_no_proxy() {
    let end = verdict(&script(&chat().closed(1000)), &[(5, 60.0)]);
    assert_eq!(causes(&end), [""; 0], "{end}");
}

#[test]
fn a_close_that_blames_goes_with_the_errors_that_were_found() {
    let broken = chat().frame(C2S, &crate::support::forge::Frame::new(3, "reserved"));
    let end = verdict(&script(&broken.close(S2C, 1002, "").close(C2S, 1002, "").fin(S2C)), &[]);
    assert_eq!(causes(&end), ["protocol-violation"], "{end}");
    let end = verdict(&script(&chat().close(S2C, 1002, "").close(C2S, 1002, "").fin(S2C)), &[]);
    assert_eq!(causes(&end), [""; 0], "{end}");
}

/// Conversations in Engine.IO, SignalR, GraphQL and STOMP; the protocol's name; how many heartbeats the client and the
/// server sent, and how many of each were answered.
fn subprotocols() -> Vec<(Conversation, &'static str, [u64; 4])> {
    let target = |target: &str| talk().first_line(C2S, &format!("GET {target} HTTP/1.1"));
    let named = |name: &str| {
        talk().header(C2S, "Sec-WebSocket-Protocol", name).header(S2C, "Sec-WebSocket-Protocol", name)
    };
    vec![
        (
            target("/socket.io/?EIO=4&transport=websocket")
                .text(S2C, r#"0{"sid":"a","pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#)
                .text(S2C, "2")
                .text(C2S, "3")
                .text(S2C, "42[\"x\"]")
                .text(S2C, "2")
                .text(C2S, "3"),
            "engine.io-4",
            [0, 2, 0, 2],
        ),
        (
            talk()
                .text(C2S, "{\"protocol\":\"json\",\"version\":1}\u{1e}")
                .text(S2C, "{}\u{1e}")
                .text(C2S, "{\"type\":6}\u{1e}")
                .text(S2C, "{\"type\":6}\u{1e}")
                .text(S2C, "{\"type\":6}\u{1e}"),
            "signalr",
            [1, 2, 0, 0],
        ),
        (
            named("graphql-transport-ws")
                .text(C2S, r#"{"type":"connection_init"}"#)
                .text(S2C, r#"{"type":"connection_ack"}"#)
                .text(C2S, r#"{"type": "ping"}"#)
                .text(S2C, r#"{"type":"pong"}"#)
                .text(S2C, r#"{"type":"ping","payload":{"a":1}}"#),
            "graphql-transport-ws",
            [1, 1, 1, 0],
        ),
        (
            named("graphql-ws").text(S2C, r#"{"type":"ka"}"#).text(S2C, r#"{"type":"ka"}"#),
            "graphql-ws",
            [0, 2, 0, 0],
        ),
        (
            named("v12.stomp")
                .text(C2S, "CONNECT\naccept-version:1.2\nheart-beat:1000,2000\n\n\0")
                .text(S2C, "CONNECTED\nversion:1.2\nheart-beat:500,0\n\n\0")
                .text(S2C, "\n")
                .text(C2S, "\n")
                .text(S2C, "\n"),
            "stomp",
            [1, 2, 0, 0],
        ),
    ]
}

#[test]
fn heartbeats_are_counted_once_their_protocol_is_known_at_any_depth_and_segment_size() {
    let sizes = [1, 4, 9, 1460];
    for (size, (talk, name, expected)) in
        sizes.into_iter().flat_map(|size| subprotocols().into_iter().map(move |it| (size, it)))
    {
        let bytes = file(&Script::new(&talk.closed(1000), &Split::Writes(size)), &[]);
        let output = read(bytes.clone());
        let above = &output.connections()[0]["keep_alive"]["above"];
        assert_eq!(above["protocol"], name, "{above}");
        let of = |side: &str, key: &str| above[side][key].as_u64().unwrap();
        let found =
            [of("c2s", "heartbeats"), of("s2c", "heartbeats"), of("c2s", "answered"), of("s2c", "answered")];
        assert_eq!(found, expected, "{name}, segments of {size}");
        // Statistics do not read payloads, and count the same.
        let mut limits = Limits::default();
        (limits.depth.payloads, limits.depth.frames) = (false, false);
        let mut stats = Stats::new(StatsOptions::default());
        let mut capture = Capture::from_bytes(bytes).unwrap();
        let summary = run(&mut capture, &mut Pipeline::new(limits), &mut stats, |_, _| true);
        let mut out = Vec::new();
        stats.write_json(&mut out, &summary).unwrap();
        let stats: Value = serde_json::from_slice(&out).unwrap();
        let heartbeats = &stats["heartbeats"][name];
        let found = [
            &heartbeats["c2s"]["sent"],
            &heartbeats["s2c"]["sent"],
            &heartbeats["c2s"]["answered"],
            &heartbeats["s2c"]["answered"],
        ];
        assert_eq!(found.map(|n| n.as_u64().unwrap()), expected, "{name}, segments of {size}: {heartbeats}");
    }
}

#[test]
fn the_same_messages_without_the_protocol_are_no_heartbeats() {
    let talk = talk()
        .text(S2C, "2")
        .text(C2S, "3")
        .text(C2S, "\n")
        .text(C2S, r#"{"type":"ping"}"#)
        .text(S2C, r#"{"type":"ka"}"#)
        .text(S2C, "{\"type\":6}\u{1e}");
    let output = read(file(&script(&talk.closed(1000)), &[]));
    assert!(output.connections()[0]["keep_alive"].is_null());
}

#[test]
fn a_negotiated_heartbeat_that_does_not_arrive_is_missed() {
    let talk = || {
        talk()
            .first_line(C2S, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1")
            .text(S2C, r#"0{"sid":"a","pingInterval":25000,"pingTimeout":20000}"#)
            .text(S2C, "2")
            .text(C2S, "3")
    };
    // The client gives up: no ping for 25 + 20 s.
    let end = verdict(&script(&talk().fin(C2S)), &[(3, 46.0)]);
    assert_eq!(causes(&end), ["heartbeat-missed"], "{end}");
    let end = verdict(&script(&talk().fin(C2S)), &[(3, 40.0)]);
    assert_eq!(causes(&end), [""; 0], "{end}");
    // The server gives up: no answer to its ping for 20 s.
    let end = verdict(&script(&talk().text(S2C, "2").fin(S2C)), &[(4, 25.0), (3, 20.0)]);
    assert_eq!(causes(&end), ["ping-timeout"], "{end}");
    assert_eq!(end["unanswered"][0]["heartbeat"], true, "{end}");
}

/// Figures of pings by a second way: from the messages of the machine output.
fn pings_of(output: &Output, conn: u64, dir: &str) -> (u64, Vec<i64>, Vec<i64>) {
    let nanos = |record: &Value| -> i64 {
        let text = record["time"].as_str().unwrap().to_owned();
        let (seconds, fraction) = text.split_once('.').unwrap();
        seconds.parse::<i64>().unwrap() * 1_000_000_000 + fraction.parse::<i64>().unwrap()
    };
    let of = |record: &&Value| record["conn"].as_u64() == Some(conn);
    let other = if dir == "c2s" { "s2c" } else { "c2s" };
    let mut messages: Vec<&Value> = output.kind("message").filter(of).collect();
    messages.sort_by_key(|message| message["msg"].as_u64());
    let (mut sent, mut rtts, mut intervals) = (0, vec![], vec![]);
    let mut waiting: Vec<(String, i64)> = vec![];
    let mut last = None;
    for message in messages {
        let payload = message["hex"].to_string() + &message["text"].to_string();
        let (op, side) = (message["op"].as_str().unwrap(), message["dir"].as_str().unwrap());
        if op == "ping" && side == dir {
            sent += 1;
            let time = nanos(message);
            intervals.extend(last.map(|last| time - last));
            last = Some(time);
            waiting.push((payload, time));
        } else if op == "pong"
            && side == other
            && let Some(at) = waiting.iter().position(|(ping, _)| *ping == payload)
        {
            rtts.push(nanos(message) - waiting[at].1);
            waiting.drain(..=at);
        }
    }
    (sent, rtts, intervals)
}

fn compare(output: &Output, name: &str) -> usize {
    let mut compared = 0;
    for connection in output.connections() {
        let conn = connection["conn"].as_u64().unwrap();
        for dir in ["c2s", "s2c"] {
            let (sent, rtts, intervals) = pings_of(output, conn, dir);
            let Some(found) = connection["keep_alive"].get(dir) else {
                assert_eq!(sent, 0, "{name} {conn} {dir}");
                continue;
            };
            assert_eq!(found["pings"].as_u64(), Some(sent), "{name} {conn} {dir}");
            assert_eq!(found["answered"].as_u64(), Some(rtts.len() as u64), "{name} {conn} {dir}");
            for (key, mut list) in [("rtt", rtts), ("interval", intervals)] {
                list.sort_unstable();
                let seconds = |at: &str| found[key][at].as_f64().map(|value| (value * 1e9).round() as i64);
                assert_eq!(seconds("min"), list.first().copied(), "{name} {conn} {dir} {key}");
                assert_eq!(seconds("max"), list.last().copied(), "{name} {conn} {dir} {key}");
                if let Some(middle) = list.get(list.len().saturating_sub(1) / 2) {
                    let off = (seconds("median").unwrap() - middle).abs() as f64;
                    assert!(off <= *middle as f64 * 0.02 + 1.0, "{name} {conn} {dir} {key}: {found}");
                    compared += 1;
                }
            }
        }
    }
    compared
}

#[test]
fn figures_of_pings_are_those_that_a_second_count_gives() {
    let mut compared = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")).unwrap() {
        let folder = entry.unwrap().path();
        for file in ["capture.pcapng", "capture.pcap"] {
            if let Ok(bytes) = fs::read(folder.join(file)) {
                compared += compare(&read(bytes), &folder.display().to_string());
            }
        }
    }
    assert!(compared > 10, "{compared}");
    for (path, bytes) in captures() {
        let Ok(capture) = Capture::from_bytes(bytes) else { continue };
        let output = read_as(capture, keep_all(), Levels::ALL, PayloadMode::Full);
        compare(&output, &path.display().to_string());
    }
}

/// What tshark says of TCP: flags, source and both ports of each packet.
fn flags(bytes: &[u8]) -> Option<HashMap<u64, (u64, String)>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", "tcp", "-T", "fields", "-E", "occurrence=l", "-r"]).arg(file.path());
    for field in ["frame.number", "tcp.flags", "tcp.srcport"] {
        command.args(["-e", field]);
    }
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str| {
        let mut cells = line.split('\t');
        let number = cells.next()?.parse().ok()?;
        let flags = u64::from_str_radix(cells.next()?.trim_start_matches("0x"), 16).ok()?;
        Some((number, (flags, cells.next()?.to_owned())))
    };
    Some(text.lines().filter_map(row).collect())
}

#[test]
fn what_is_called_observed_is_in_the_packets() {
    let mut own: Vec<(String, Vec<u8>)> = vec![];
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")).unwrap() {
        let folder = entry.unwrap().path();
        for file in ["capture.pcapng", "capture.pcap"] {
            own.extend(fs::read(folder.join(file)).ok().map(|bytes| (folder.display().to_string(), bytes)));
        }
    }
    own.extend(captures().into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)));
    let (mut closes, mut tcp) = (0, 0);
    for (name, bytes) in own {
        let Ok(capture) = Capture::from_bytes(bytes.clone()) else { continue };
        let output = read_as(capture, keep_all(), Levels::ALL, PayloadMode::Full);
        let mut seen = None;
        for connection in output.connections() {
            let end = &connection["end"];
            for cause in end["causes"].as_array().unwrap() {
                assert_eq!(cause["grade"], "inferred", "{name}: {end}");
            }
            let code = end["code"].as_u64();
            if end["code_grade"] == "observed" {
                assert_eq!(code, connection["close"]["code"].as_u64(), "{name}: {end}");
            }
            if end["grade"] != "observed" {
                continue;
            }
            let (kind, by) = (end["kind"].as_str().unwrap(), end["by"].as_str().unwrap());
            assert_ne!(by, "unknown", "{name}: {end}");
            match kind {
                "close" => {
                    let dir = if by == "client" { "c2s" } else { "s2c" };
                    let found = output.kind("message").any(|message| {
                        message["conn"] == connection["conn"]
                            && message["op"] == "close"
                            && message["dir"] == dir
                            && message["packet"] == end["packet"]
                    });
                    assert!(found, "{name}: {end}");
                    closes += 1;
                }
                "fin" | "reset" if connection["http_version"] == "1.1" => {
                    let seen = seen.get_or_insert_with(|| flags(&bytes));
                    let Some(seen) = seen else { continue };
                    // Several tunnels deep, tshark may not see TCP.
                    let Some((flags, port)) = seen.get(&end["packet"].as_u64().unwrap()) else { continue };
                    let bit = if kind == "fin" { 1 } else { 4 };
                    assert_ne!(flags & bit, 0, "{name}: {end}");
                    let address = connection[by].as_str().unwrap();
                    assert!(address.ends_with(&format!(":{port}")), "{name}: {end} {port}");
                    tcp += 1;
                }
                _ => {}
            }
        }
    }
    assert!(closes > 20, "{closes}");
    eprintln!("{closes} Close frames, {tcp} FIN and RST checked");
}
