use super::*;
use crate::model::width;
use crate::pipeline::Limits;
use crate::report::capture_tests as trial;
use serde_json::Value;

fn gather(name: &str, deep: bool, options: StatsOptions) -> (Stats, Summary) {
    let mut limits = Limits::default();
    limits.depth.payloads = deep;
    let mut stats = Stats::new(options);
    let summary = trial::run(name, limits, &mut stats, |stats, _, last| stats.set_last(last));
    (stats, summary)
}

fn text(name: &str, deep: bool, look: &TableStyle) -> String {
    let (stats, summary) = gather(name, deep, StatsOptions::default());
    let mut out = Vec::new();
    stats.write_text(&mut out, &summary, look).unwrap();
    String::from_utf8(out).unwrap()
}

const CHAT: &str = "\
capture
  39 packets, 5 880 bytes, 1.01 s, 1 TCP connection
  1 WebSocket: 1 closed
  3 findings: 3 info

bytes of the capture
  WebSocket payload              1 069   18.2 %  ███▋
  frame headers                    100    1.7 %  ▎
  opening handshakes               674   11.5 %  ██▎
  all else *                     4 037   68.7 %  █████████████▋
  * link, IP and TCP headers, repeated bytes, other traffic, what the file adds

messages                      client →      ← server          both
  text                               5             4             9
  binary                             1             1             2
  close                              1             1             2
  ping                               0             3             3
  pong                               3             0             3
  all messages                      10             9            19
  frames                            13             9            22
  payload bytes                    495           574         1 069
  header bytes                      80            20           100
  bytes                            575           594         1 169
  messages a second                9.9           8.9          18.8
  bytes a second                 570.9         589.8       1 160.8

data messages by size         client →      ← server
  4 to 7                             2             0  ██████████
  8 to 15                            0             0
  16 to 31                           0             1  █████
  32 to 63                           2             2  ████████████████████
  64 to 127                          1             1  ██████████
  128 to 255                         0             0
  256 to 511                         1             1  ██████████
  payload bytes on the wire, compressed where they are

connections
  open on the average   1.01 s
  round trip of a ping  min 0.254 ms, mean 0.293 ms, max 0.330 ms (3 answered)
  closed by             1000 Normal Closure: 1
  permessage-deflate    agreed on by 1 connection
  compression           client → 150 to 1, ← server 129 to 1 (140 949 bytes in 1 019)

keep-alive                   sent  answers     lost    every      min   median      max
  ping of the server            3        3        0   301 ms   254 µs   299 µs   330 µs
  every: the median; the rest: from one to its answer. Medians are within 2 %

ends
  by what came first    close 1
  by the server         close 1

overhead
  100 header bytes in 22 frames: 4.55 a frame, 9.4 % of the payload

what if it had been HTTP?
  Heads that would carry the same 11 data messages. An estimate by the model below.
  method                            requests    header bytes  to WebSocket
  WebSocket (measured)                     1             774        1.00 ×
  a request for each message *            11           7 414        9.58 ×
  polling every 1.00 s                     8           5 392        6.97 ×
  long polling                            11           7 414        9.58 ×
  server-sent events and POST              7           4 758        6.15 ×
  model: each request has a head of 338 bytes and each response one of 336, as these
  handshakes have on the average; connections stay open between requests; no bodies,
  no TCP, no TLS. A message of a client is one request; polling asks for as long as the
  WebSockets were open (1.01 s in all).  * cannot push.
";

#[test]
fn a_chat_in_numbers() {
    assert_eq!(text("chat-deflate", true, &TableStyle::default()), CHAT);
}

#[test]
fn without_payloads_only_what_they_hold_is_missing() {
    let shallow = text("chat-deflate", false, &TableStyle::default());
    let lines: Vec<&str> = CHAT.lines().filter(|line| !shallow.lines().any(|other| other == *line)).collect();
    assert!(
        matches!(lines[..], ["  3 findings: 3 info", compression] if compression.contains("compression")),
        "{lines:?}"
    );
}

#[test]
fn the_sums_are_those_of_the_records() {
    use crate::report::ndjson::Ndjson;
    use crate::report::{Levels, PayloadMode, Report as _, Selection};
    for name in
        ["chat-deflate", "close-codes", "many-connections", "violations", "gap-plain", "refused", "lengths"]
    {
        if name == "lengths" {
            continue; // It is packed.
        }
        let (stats, summary) =
            gather(name, true, StatsOptions { top: usize::MAX, ..StatsOptions::default() });
        let mut out = Vec::new();
        stats.write_json(&mut out, &summary).unwrap();
        let json: Value = serde_json::from_slice(&out).unwrap();
        let mut out = Vec::new();
        let selection = Selection { levels: Levels::ALL, payload: PayloadMode::None, ..Selection::default() };
        let mut records = Ndjson::new(&mut out, selection, false);
        let summary = trial::run(name, Limits::default(), &mut records, |_, _, _| {});
        records.finish(&summary).unwrap();
        let records: Vec<Value> = out
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        let of = |kind: &str| records.iter().filter(|record| record["kind"] == *kind).collect::<Vec<_>>();
        let messages = of("message");
        for dir in ["c2s", "s2c"] {
            for op in ["text", "binary", "close", "ping", "pong"] {
                let count = messages.iter().filter(|m| m["dir"] == dir && m["op"] == op).count();
                assert_eq!(json["ops"][op][dir], count, "{name} {op} {dir}");
            }
            let connections = of("connection");
            for key in ["messages", "frames", "payload_bytes", "wire_bytes"] {
                let sum: u64 = connections.iter().map(|c| c[key][dir].as_u64().unwrap()).sum();
                assert_eq!(json[key][dir], sum, "{name} {key} {dir}");
            }
            let sizes: u64 =
                json["sizes"].as_array().unwrap().iter().map(|size| size[dir].as_u64().unwrap()).sum();
            let data = messages
                .iter()
                .filter(|m| m["dir"] == dir && ["text", "binary"].contains(&m["op"].as_str().unwrap()));
            assert!(sizes >= data.count() as u64, "{name}");
        }
        for state in ["closed", "reset", "open", "refused", "unanswered"] {
            let count = of("connection").iter().filter(|c| c["state"] == state).count();
            assert_eq!(json["states"][state], count, "{name} {state}");
        }
        let heads: u64 = of("connection")
            .iter()
            .flat_map(|c| [&c["request"]["bytes"], &c["response"]["bytes"]])
            .filter_map(Value::as_u64)
            .sum();
        assert_eq!(json["handshake_bytes"], heads, "{name}");
        let opened = of("connection").iter().filter(|c| !c["opened"].is_null()).count();
        let top = json["connections"].as_array().unwrap();
        assert_eq!(top.len(), opened, "{name}");
        let order: Vec<u64> = top
            .iter()
            .map(|c| c["messages"]["c2s"].as_u64().unwrap() + c["messages"]["s2c"].as_u64().unwrap())
            .collect();
        assert!(order.is_sorted_by(|a, b| a >= b), "{name} {order:?}");
        let longest = messages.iter().filter_map(|m| m["rtt"].as_f64()).fold(0.0, f64::max);
        assert_eq!(json["rtt"]["max"].as_f64().unwrap_or(0.0), longest, "{name}");
    }
}

#[test]
fn the_list_holds_those_with_most_messages() {
    let top = |count| {
        let (stats, _) =
            gather("many-connections", false, StatsOptions { top: count, ..StatsOptions::default() });
        stats.top.iter().map(|top| (top.messages(), top.number)).collect::<Vec<_>>()
    };
    let all = top(usize::MAX);
    assert_eq!(all.len(), 12);
    for count in [0, 1, 5, 11] {
        assert_eq!(top(count), all[..count]);
    }
}

#[test]
fn one_connection_alone() {
    let (stats, summary) =
        gather("close-codes", false, StatsOptions { connections: vec![3], ..StatsOptions::default() });
    assert_eq!((stats.opened(), stats.heads.whole, stats.sums.c2s.messages), (1, 1, 2));
    let mut out = Vec::new();
    stats.write_text(&mut out, &summary, &TableStyle::default()).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("closed by             Close without a code: 1\n"), "{text}");
}

#[test]
fn nothing_found_is_a_short_report() {
    assert!(!text("refused", false, &TableStyle::default()).contains("what if"));
    let mut out = Vec::new();
    let stats = Stats::new(StatsOptions::default());
    stats
        .write_text(&mut out, &Summary { input_complete: true, ..Summary::default() }, &TableStyle::default())
        .unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, "capture\n  0 packets, 0 bytes, 0 TCP connections\n  0 WebSockets\n  0 findings\n");
}

#[test]
fn the_report_fits_and_its_signs_can_be_ascii() {
    for name in ["chat-deflate", "close-codes", "many-connections", "violations", "gap-plain"] {
        for (ascii, color) in [(false, false), (true, false), (true, true)] {
            let text =
                text(name, true, &TableStyle { columns: Some(88), ascii, color, ..TableStyle::default() });
            for line in text.lines().filter(|_| !color) {
                assert!(width(line) <= 88 && !line.ends_with(' '), "{name} {line:?}");
            }
            assert!(!ascii || text.is_ascii(), "{text}");
        }
    }
}
