//! Filters on the captures of the repository, against what other code makes of the unfiltered output.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wslens::capture::Capture;
use wslens::drive::run;
use wslens::filter::{FIELDS, Field, Level as Row, Levels, Matcher, ValueKind, parse};
use wslens::pipeline::Pipeline;
use wslens::report::ndjson::Ndjson;
use wslens::report::{PayloadMode, Report as _, Selection};

use crate::captures::files;
use crate::read::{Output, keep_all, read};
use crate::support::forge::{C2S, Conversation, DeflateSpec, PcapFormat, Rng, S2C, Script, Split, pcap};

/// A row's name: kind, connection, number.
type Name = (String, u64, u64);

fn name(record: &Value) -> Name {
    let kind = record["kind"].as_str().unwrap();
    let number = match kind {
        "message" => &record["msg"],
        "frame" => &record["frame"],
        // Findings have no number: their place and what they say.
        "finding" => return (record.to_string(), 0, 0),
        _ => &Value::Null,
    };
    (kind.to_owned(), record["conn"].as_u64().unwrap_or(0), number.as_u64().unwrap_or(0))
}

/// What a filter chooses, and of how many rows it does not know.
fn chosen(file: &[u8], level: Levels, filter: &str) -> (Vec<Value>, u64) {
    let capture = || Capture::from_bytes(file.to_vec()).unwrap();
    let mut selection = Selection { levels: level, payload: PayloadMode::Full, ..Selection::default() };
    let filter = parse(filter).unwrap_or_else(|error| panic!("{error}"));
    let mut matcher = Matcher::new(filter, selection.levels);
    if matcher.needs_survey() {
        run(&mut capture(), &mut Pipeline::new(keep_all()), &mut matcher.survey(), |_, _| true);
        assert!(!matcher.needs_survey());
    }
    selection.filter = Some(Box::new(matcher));
    let mut out = Vec::new();
    let mut report = Ndjson::new(&mut out, selection, false);
    let summary = run(&mut capture(), &mut Pipeline::new(keep_all()), &mut report, |_, _| true);
    let undecided = report.selection().filter.as_ref().unwrap().undecided();
    report.finish(&summary).unwrap();
    let text = String::from_utf8(out).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    (rows.filter(|row| row["kind"] != "summary").collect(), undecided)
}

/// Everything in a capture.
struct All<'a>(&'a Output);

impl All<'_> {
    fn connection(&self, row: &Value) -> Option<&Value> {
        self.0.kind("connection").find(|c| c["conn"] == row["conn"])
    }

    fn messages<'b>(&'b self, row: &'b Value) -> impl Iterator<Item = &'b Value> {
        self.0.kind("message").filter(|m| m["conn"] == row["conn"])
    }

    /// The message that a frame or a finding belongs to.
    fn message<'b>(&'b self, row: &'b Value) -> Option<&'b Value> {
        let number = if row["kind"] == "frame" { &row["message"] } else { &row["msg"] };
        self.messages(row).find(|m| m["msg"] == *number)
    }
}

/// A message's bytes.
fn bytes(message: &Value) -> Vec<u8> {
    match message["text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => hex::decode(message["hex"].as_str().unwrap_or_default()).unwrap(),
    }
}

fn text(row: &Value) -> &str {
    row["text"].as_str().unwrap_or_default()
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn seconds(row: &Value, key: &str) -> Option<f64> {
    row[key].as_str().map(|time| time.parse().unwrap())
}

fn ip(end: &Value) -> &str {
    end.as_str().unwrap().rsplit_once(':').unwrap().0
}

fn port(end: &Value) -> u64 {
    end.as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
}

/// The same question, asked of a row of the unfiltered output.
type Question = fn(&Value, &All<'_>) -> bool;

/// Filters of messages.
const MESSAGES: &[(&str, Question)] = &[
    ("op == text", |m, _| m["op"] == "text"),
    ("op in {ping, pong} and dir == c2s", |m, _| {
        (m["op"] == "ping" || m["op"] == "pong") && m["dir"] == "c2s"
    }),
    ("not opcode < 8", |m, _| {
        ["close", "ping", "pong"].contains(&m["op"].as_str().unwrap())
            || m["op"].as_str().unwrap().starts_with("reserved-1")
    }),
    ("len > 100", |m, _| m["len"].as_u64().is_some_and(|len| len > 100)),
    ("len in 5..20 or wire >= 1KB", |m, _| {
        m["len"].as_u64().is_some_and(|len| (5..=20).contains(&len)) || m["wire"].as_u64().unwrap() >= 1000
    }),
    ("frames != 1", |m, _| m["frames"] != 1),
    ("compressed", |m, _| m["compressed"] == true),
    ("integrity == ok", |m, _| m["integrity"] == "ok"),
    ("integrity in {gap, unknown-dictionary}", |m, _| {
        m["integrity"] == "gap" || m["integrity"] == "unknown-dictionary"
    }),
    ("close.code", |m, _| m["close_code"].is_u64()),
    ("close.code != 1000", |m, _| m["close_code"].is_u64() && m["close_code"] != 1000),
    ("not close.code == 1000", |m, _| m["close_code"] != 1000),
    ("close.reason contains e", |m, _| m["close_reason"].as_str().is_some_and(|r| r.contains('e'))),
    ("rtt > 250us", |m, _| m["rtt"].as_f64().is_some_and(|rtt| rtt > 0.00025)),
    ("rtt", |m, _| !m["rtt"].is_null()),
    ("invalid_utf8_at >= 0", |m, _| m["invalid_utf8_at"].is_u64()),
    ("missing_len > 0", |m, _| m["missing_len"].as_u64().is_some_and(|len| len > 0)),
    ("packet == last_packet", |_, _| false), // A word is no number: see below.
    ("last_packet > 20 and packet <= 30", |m, _| {
        m["last_packet"].as_u64() > Some(20) && m["packet"].as_u64() <= Some(30)
    }),
    ("msg == 2 and conn == 1", |m, _| m["msg"] == 2 && m["conn"] == 1),
    ("text contains \"echo\"", |m, _| text(m).contains("echo")),
    ("text ~ \"^\\{.*\\}$\"", |m, _| {
        text(m).starts_with('{') && text(m).ends_with('}') && !text(m).contains('\n')
    }),
    ("json", |m, _| serde_json::from_str::<Value>(text(m)).is_ok_and(|v| !v.is_null() && v != false)),
    ("json.type == \"echo\" and json.n >= 3", |m, _| {
        serde_json::from_str::<Value>(text(m))
            .is_ok_and(|v| v["type"] == "echo" && v["n"].as_i64().is_some_and(|n| n >= 3))
    }),
    ("url contains 1", |m, all| {
        all.connection(m).unwrap()["url"].as_str().is_some_and(|url| url.contains('1'))
    }),
    ("subprotocol", |m, all| all.connection(m).unwrap()["subprotocol"].is_string()),
    ("status == 101 and accept == ok", |m, all| {
        let c = all.connection(m).unwrap();
        c["status"] == 101 && c["accept"] == "ok"
    }),
    ("extensions == permessage-deflate", |m, all| {
        all.connection(m).unwrap()["extensions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|e| e["name"] == "permessage-deflate")
    }),
    ("ip == 127.0.0.0/8", |m, all| {
        let c = all.connection(m).unwrap();
        ip(&c["client"]).starts_with("127.") || ip(&c["server"]).starts_with("127.")
    }),
    ("server.port > 20000", |m, all| port(&all.connection(m).unwrap()["server"]) > 20_000),
    ("src.port < 30000", |m, all| {
        let c = all.connection(m).unwrap();
        port(if m["dir"] == "c2s" { &c["client"] } else { &c["server"] }) < 30_000
    }),
    ("tcp.stream eq 0", |m, all| all.connection(m).unwrap()["tcp_stream"] == 0),
    // What is known at the connection's end only.
    ("state == closed", |m, all| all.connection(m).unwrap()["state"] == "closed"),
    ("close.by == server and op == text", |m, all| {
        all.connection(m).unwrap()["close"]["by"] == "server" && m["op"] == "text"
    }),
    ("findings.error > 0", |m, all| all.connection(m).unwrap()["findings"]["error"].as_u64() > Some(0)),
    ("messages.c2s > 5", |m, all| all.connection(m).unwrap()["messages"]["c2s"].as_u64() > Some(5)),
    // Of its frames, of its findings.
    ("fin == false", |m, all| {
        all.0.kind("frame").any(|f| f["conn"] == m["conn"] && f["message"] == m["msg"] && f["fin"] == false)
    }),
    ("masked", |m, all| {
        all.0.kind("frame").any(|f| f["conn"] == m["conn"] && f["message"] == m["msg"] && f["masked"] == true)
    }),
    ("severity >= warning", |m, all| {
        all.0
            .kind("finding")
            .any(|f| f["conn"] == m["conn"] && f["msg"] == m["msg"] && f["severity"] != "info")
    }),
    ("not code contains utf8", |m, all| {
        !all.0.kind("finding").any(|f| {
            f["conn"] == m["conn"] && f["msg"] == m["msg"] && f["code"].as_str().unwrap().contains("utf8")
        })
    }),
];

/// Filters of frames.
const FRAMES: &[(&str, Question)] = &[
    ("fin", |f, _| f["fin"] == true),
    ("rsv1", |f, _| f["rsv"].as_u64().unwrap() & 4 != 0),
    ("rsv == 0 and not masked", |f, _| f["rsv"] == 0 && f["masked"] == false),
    ("op == continuation", |f, _| f["opcode"] == 0),
    ("control", |f, _| f["opcode"].as_u64().unwrap() >= 8),
    ("websocket.payload_length > 125", |f, _| f["len"].as_u64().unwrap() > 125),
    ("header_len == 14 or header_len == 4", |f, _| f["header_len"] == 14 || f["header_len"] == 4),
    ("wire < 10", |f, _| f["header_len"].as_u64().unwrap() + f["len"].as_u64().unwrap() < 10),
    ("key == 00000000", |f, _| f["masking_key"] == "00000000"),
    ("complete == false", |f, _| f["complete"] == false),
    ("offset > 1000", |f, _| f["offset"].as_u64().unwrap() > 1000),
    ("payload contains 48:65:6c", |f, _| {
        f["complete"] == true && f["payload"].as_str().unwrap().contains("48656c")
    }),
    ("msg == 7", |f, _| f["message"] == 7),
    ("close.code == 1000", |f, _| f["opcode"] == 8 && f["payload"].as_str().unwrap().starts_with("03e8")),
    // Of its message.
    ("compressed and frames > 1", |f, all| {
        all.message(f).is_some_and(|m| m["compressed"] == true && m["frames"].as_u64() > Some(1))
    }),
    ("text contains frag and fin == false", |f, all| {
        f["fin"] == false && all.message(f).is_some_and(|m| text(m).contains("frag"))
    }),
    // Of its connection, now and at its end.
    ("host == 127.0.0.1 and dir == s2c", |f, all| {
        f["dir"] == "s2c"
            && all.connection(f).unwrap()["url"].as_str().is_some_and(|url| url.contains("//127.0.0.1"))
    }),
    ("state == reset", |f, all| all.connection(f).unwrap()["state"] == "reset"),
];

/// Filters of connections.
const CONNECTIONS: &[(&str, Question)] = &[
    ("state in {refused, unanswered}", |c, _| c["state"] == "refused" || c["state"] == "unanswered"),
    ("not status == 101", |c, _| c["status"] != 101),
    ("close.code == 1000 and close.clean", |c, _| c["close"]["code"] == 1000 && c["close"]["clean"] == true),
    ("gaps > 0", |c, _| c["gaps"].as_u64() > Some(0)),
    (
        "duration > 1s",
        |c, _| matches!((seconds(c, "opened"), seconds(c, "closed")), (Some(from), Some(to)) if to - from > 1.0),
    ),
    ("messages > 10", |c, _| {
        c["messages"]["c2s"].as_u64().unwrap() + c["messages"]["s2c"].as_u64().unwrap() > 10
    }),
    ("payload_bytes.s2c > payload_bytes", |_, _| false), // A word is no number: see below.
    ("wire_bytes.c2s >= 1KB", |c, _| c["wire_bytes"]["c2s"].as_u64() >= Some(1000)),
    ("origin", |c, _| {
        c["request"]["headers"]
            .as_array()
            .is_some_and(|all| all.iter().any(|h| h[0].as_str().unwrap().eq_ignore_ascii_case("Origin")))
    }),
    ("proxied_client", |c, _| !c["proxied_client"].is_null()),
    ("tunnelled", |c, _| c["tunnelled"] == true),
    ("findings.warning > 0", |c, _| c["findings"]["warning"].as_u64() > Some(0)),
    // Of its messages, of its frames.
    ("op == binary", |c, all| all.messages(c).any(|m| m["op"] == "binary")),
    ("text contains echo or close.code", |c, all| {
        all.messages(c).any(|m| text(m).contains("echo")) || c["close"]["code"].is_u64()
    }),
    ("rsv1 and state == closed", |c, all| {
        c["state"] == "closed"
            && all.0.kind("frame").any(|f| f["conn"] == c["conn"] && f["rsv"].as_u64().unwrap() & 4 != 0)
    }),
];

/// Filters of findings.
const FINDINGS: &[(&str, Question)] = &[
    ("severity == error", |x, _| x["severity"] == "error"),
    ("sev < warning", |x, _| x["severity"] == "info"),
    ("code ~ \"^tcp-\"", |x, _| x["code"].as_str().unwrap().starts_with("tcp-")),
    ("ref contains 6455", |x, _| x["ref"].as_str().unwrap().contains("6455")),
    ("text contains client", |x, _| text(x).contains("client")),
    ("dir == c2s", |x, _| x["dir"] == "c2s"),
    ("conn", |x, _| x["conn"].is_u64()),
    ("compressed", |x, all| all.message(x).is_some_and(|m| m["compressed"] == true)),
    ("op == close", |x, all| all.message(x).is_some_and(|m| m["op"] == "close")),
    ("state == closed", |x, all| all.connection(x).is_some_and(|c| c["state"] == "closed")),
];

/// A level, the kind of its records, and filters of it.
type Table = (Levels, &'static str, &'static [(&'static str, Question)]);

const TABLES: [Table; 4] = [
    (Levels::MESSAGES, "message", MESSAGES),
    (Levels::FRAMES, "frame", FRAMES),
    (Levels::CONNECTIONS, "connection", CONNECTIONS),
    (Levels::FINDINGS, "finding", FINDINGS),
];

#[test]
fn what_is_chosen_is_what_others_choose_from_the_output() {
    let mut seen = BTreeSet::new();
    for path in files() {
        let file = fs::read(&path).unwrap();
        let output = read(file.clone());
        let unsure = output.kind("message").filter(|m| m["integrity"] != "ok").count()
            + output.kind("frame").filter(|f| f["complete"] == false).count();
        let unsure = unsure as u64;
        for (level, kind, table) in TABLES {
            for (filter, question) in table {
                if parse(filter).is_err() {
                    continue; // Told below.
                }
                let expected: Vec<Name> =
                    output.kind(kind).filter(|row| question(row, &All(&output))).map(name).collect();
                let (rows, undecided) = chosen(&file, level, filter);
                let found: Vec<Name> = rows.iter().map(name).collect();
                assert!(undecided <= unsure, "{}: {filter}: {undecided} undecided", path.display());
                assert_eq!(found, expected, "{}: {filter}", path.display());
                if !found.is_empty() && found.len() < output.kind(kind).count() {
                    seen.insert((kind, filter));
                }
            }
        }
    }
    // A filter that chooses all or nothing everywhere proves little.
    let all: usize = TABLES.iter().map(|(.., table)| table.len()).sum();
    assert!(seen.len() * 10 > all * 8, "only {} of {all} filters choose", seen.len());
}

#[test]
fn every_field_is_there_where_the_table_says() {
    let paths = files();
    let captures: Vec<Vec<u8>> = paths
        .iter()
        .filter(|path| !path.to_string_lossy().contains("lengths"))
        .map(|path| fs::read(path).unwrap())
        .collect();
    for info in FIELDS.iter().filter(|info| ![Field::Mark, Field::Sha256].contains(&info.field)) {
        let name = info.name;
        let filter = match info.kind {
            ValueKind::Flag => format!("{name} == true or {name} == false"),
            _ if info.field == Field::Any => "any ~ .".to_owned(),
            _ => name.to_owned(),
        };
        let levels = [Levels::CONNECTIONS, Levels::MESSAGES, Levels::FRAMES, Levels::FINDINGS];
        for (row, level) in Row::ALL.into_iter().zip(levels).filter(|(row, _)| info.levels.has(*row)) {
            let matcher = Matcher::new(parse(&filter).unwrap(), Levels::of(row));
            assert!(!matcher.needs_survey(), "{name}: {row:?} have it themselves");
            if info.field == Field::ProxiedClient && row == Row::Finding {
                continue; // There is no finding where there is a PROXY header.
            }
            let found = captures.iter().any(|file| !chosen(file, level, &filter).0.is_empty());
            assert!(found, "no {row:?} has {name}");
        }
    }
}

#[test]
fn all_levels_at_once_choose_what_each_chooses_alone() {
    for path in files().into_iter().filter(|path| path.to_string_lossy().contains("chat-deflate")) {
        let file = fs::read(&path).unwrap();
        for filter in [
            "text contains frag",
            "op == close",
            "state == closed and not fin",
            "severity == info",
            "dir == c2s",
        ] {
            let all: BTreeSet<Name> = chosen(&file, Levels::ALL, filter).0.iter().map(name).collect();
            let each: BTreeSet<Name> = TABLES
                .iter()
                .flat_map(|(level, ..)| chosen(&file, *level, filter).0)
                .map(|row| name(&row))
                .collect();
            assert_eq!(all, each, "{filter}");
            assert!(!all.is_empty(), "{filter}");
        }
    }
}

#[test]
fn a_word_is_no_number() {
    for (filter, _) in TABLES.iter().flat_map(|(.., table)| *table) {
        let two_fields = ["packet == last_packet", "payload_bytes.s2c > payload_bytes"].contains(filter);
        assert_eq!(parse(filter).is_err(), two_fields, "{filter}");
    }
}

#[test]
fn a_text_alone_chooses_connections_by_what_was_said_in_them() {
    for path in files() {
        let file = fs::read(&path).unwrap();
        for needle in ["echo", "xxxx", "done", "room"] {
            let conns = |rows: &[Value]| -> BTreeSet<u64> {
                rows.iter().filter_map(|row| row["conn"].as_u64()).collect()
            };
            let (messages, _) = chosen(&file, Levels::MESSAGES, needle);
            let (connections, _) = chosen(&file, Levels::CONNECTIONS, needle);
            let (others, _) = chosen(&file, Levels::CONNECTIONS, &format!("url contains {needle}"));
            let mut expected = conns(&messages);
            expected.extend(conns(&others));
            assert_eq!(conns(&connections), expected, "{}: {needle}", path.display());
            let (without, _) = chosen(&file, Levels::CONNECTIONS, &format!("not {needle}"));
            assert!(conns(&without).is_disjoint(&expected), "{}: {needle}", path.display());
        }
    }
}

#[test]
fn a_text_alone_is_looked_for_in_whole_payloads() {
    for path in files() {
        let file = fs::read(&path).unwrap();
        let output = read(file.clone());
        for needle in ["echo", "xxxx", "done", "room"] {
            let url = |m: &Value| {
                All(&output).connection(m).unwrap()["url"].as_str().unwrap_or_default().to_owned()
            };
            let expected: Vec<Name> = output
                .kind("message")
                .filter(|m| {
                    let certain = m["cut"] == false && m["integrity"] == "ok";
                    let found = holds(bytes(m).to_ascii_lowercase().as_slice(), needle);
                    certain && found || holds(url(m).to_ascii_lowercase().as_bytes(), needle)
                })
                .map(name)
                .collect();
            let (rows, _) = chosen(&file, Levels::MESSAGES, &format!("\"{needle}\""));
            let found: Vec<Name> = rows
                .iter()
                .filter(|m| m["integrity"] == "ok" || holds(url(m).as_bytes(), needle))
                .map(name)
                .collect();
            assert_eq!(found, expected, "{}: {needle}", path.display());
        }
    }
}

#[test]
fn where_bytes_are_missing_the_answer_is_told_to_be_unknown() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/gap-plain/capture.pcapng");
    // Of two compressed messages the end of the first is lost: the second says what the first said.
    let noise: String = Rng::new(3).bytes(200).iter().map(|byte| char::from(b'!' + byte % 90)).collect();
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").deflate(DeflateSpec::default());
    let talk = talk.text(S2C, &noise).text(S2C, &format!("{noise}!")).text(C2S, "no loss here");
    let script = Script::new(&talk, &Split::Writes(100)).acked();
    let lost = script.piece_at(S2C, talk.expected[0].end - 1);
    let compressed = pcap(&script.lose(lost).packets(), PcapFormat::default());
    for (file, unsure) in [(fs::read(path).unwrap(), 2), (compressed, 2)] {
        let output = read(file.clone());
        let sure = |m: &Value| m["integrity"] == "ok" || m["integrity"] == "guessed";
        assert_eq!(output.kind("message").filter(|m| !sure(m)).count() as u64, unsure);
        for filter in ["payload contains \"no such thing\"", "not payload contains \"no such thing\""] {
            let (rows, undecided) = chosen(&file, Levels::MESSAGES, filter);
            assert_eq!(undecided, unsure, "{filter}");
            assert!(rows.iter().all(sure), "{filter}");
        }
        // What does not look into payloads is certain.
        assert_eq!(chosen(&file, Levels::MESSAGES, "integrity != ok").1, 0);
    }
}

#[test]
fn a_survey_is_made_only_where_rows_have_to_know_of_others() {
    for (filter, row, survey) in [
        ("op == text and host == x", Row::Message, false),
        ("state == closed", Row::Message, true),
        ("state == closed", Row::Connection, false),
        ("text contains x", Row::Connection, false),
        ("text contains x", Row::Frame, true),
        ("close.code == 1000", Row::Frame, false),
        ("fin", Row::Message, true),
        ("fin", Row::Frame, false),
        ("code == x", Row::Message, true),
    ] {
        let matcher = Matcher::new(parse(filter).unwrap(), Levels::of(row));
        assert_eq!(matcher.needs_survey(), survey, "{filter} on {row:?}");
    }
}

/// Packets in which tshark shows what a filter chooses; none where it is not installed.
fn tshark(path: &Path, filter: &str) -> Option<BTreeSet<u64>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", filter, "-T", "fields", "-e", "frame.number", "-r"]).arg(path);
    let Ok(output) = command.output() else {
        eprintln!("skipped: tshark is not installed");
        return None;
    };
    assert!(output.status.success(), "{filter}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect())
}

#[test]
fn frames_are_chosen_as_tshark_chooses_packets() {
    // In order, nothing lost, no message in pieces that tshark puts together elsewhere.
    const FILTERS: [&str; 12] = [
        "websocket",
        "websocket.opcode == 8",
        "websocket.opcode in {9, 10}",
        "websocket.fin == 0",
        "websocket.mask == 1",
        "websocket.mask == 1 && !(websocket.opcode == 1)",
        "websocket.payload_length == 13",
        "websocket.payload_length < 5 && websocket",
        "websocket.payload.close.status_code == 1000",
        "websocket && tcp.stream eq 0",
        "websocket && ip.addr == 127.0.0.0/8 && frame.number > 20",
        "websocket and tcp.srcport == 18080",
    ];
    let mut compared = 0;
    for folder in ["rfc-5-7", "chat-deflate"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(folder).join("capture.pcapng");
        let file = fs::read(&path).unwrap();
        for filter in FILTERS {
            let Some(expected) = tshark(&path, filter) else { return };
            let (rows, _) = chosen(&file, Levels::FRAMES, filter);
            let found: BTreeSet<u64> = rows.iter().map(|f| f["last_packet"].as_u64().unwrap()).collect();
            assert_eq!(found, expected, "{folder}: {filter}");
            compared += found.len();
        }
    }
    assert!(compared > 50, "{compared} packets were compared");
}
