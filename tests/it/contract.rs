//! The NDJSON output keeps its contract, `docs/output.schema.json`, and its figures add up.

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;

use serde_json::{Map, Value};
use wslens::capture::Capture;
use wslens::pipeline::Limits;
use wslens::report::{Levels, PayloadMode};

use crate::captures::files;
use crate::read::{Output, keep_all, print, read_as};
use crate::support::failures;
use crate::support::forge::{Conversation, PcapFormat, S2C, Script, Split, capture_of, pcap};
use crate::support::strategy::{plans, splits, troubled};

/// Checks values against a schema: as much of JSON Schema (draft 2020-12) as the contract uses, and a key
/// that the schema does not name is an error.
struct Schema {
    root: Value,
}

impl Schema {
    fn open() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/output.schema.json");
        Self { root: serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap() }
    }

    /// What is wrong with a record.
    fn check(&self, record: &Value) -> Result<(), String> {
        self.value(&self.root, record, "")
    }

    fn value(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
            let fits = match keyword.as_str() {
                "$schema" | "title" | "description" | "$defs" | "properties" => true,
                "$ref" => {
                    let pointer = wanted.as_str().unwrap().trim_start_matches('#');
                    let target = self.root.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is defined"));
                    self.value(target, value, at)?;
                    true
                }
                "oneOf" => {
                    let results: Vec<_> =
                        wanted.as_array().unwrap().iter().map(|one| self.value(one, value, at)).collect();
                    match results.iter().filter(|result| result.is_ok()).count() {
                        1 => true,
                        0 => {
                            let errors: Vec<String> = results.into_iter().filter_map(Result::err).collect();
                            return Err(format!("{at}: none of: {}", errors.join("; ")));
                        }
                        n => return Err(format!("{at}: fits {n} of oneOf")),
                    }
                }
                "type" => {
                    let types: Vec<&str> = match wanted {
                        Value::String(one) => vec![one],
                        many => many.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect(),
                    };
                    types.iter().any(|name| is_type(value, name))
                }
                "const" => value == wanted,
                "enum" => wanted.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|n| n >= wanted.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|n| n <= wanted.as_f64().unwrap()),
                "minItems" => {
                    value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap())
                }
                "maxItems" => {
                    value.as_array().is_none_or(|items| items.len() as u64 <= wanted.as_u64().unwrap())
                }
                "pattern" => value.as_str().is_none_or(|text| matches(wanted.as_str().unwrap(), text)),
                "required" => {
                    let missing = value.as_object().and_then(|object| {
                        wanted
                            .as_array()
                            .unwrap()
                            .iter()
                            .find(|key| !object.contains_key(key.as_str().unwrap()))
                    });
                    if let Some(key) = missing {
                        return Err(format!("{at}: {key} is missing in {value}"));
                    }
                    true
                }
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(wanted, item, &format!("{at}/{i}"))?;
                    }
                    true
                }
                "additionalProperties" => {
                    for (key, item) in value.as_object().into_iter().flatten() {
                        self.value(wanted, item, &format!("{at}/{key}"))?;
                    }
                    true
                }
                other => panic!("this checker does not know {other}"),
            };
            if !fits {
                return Err(format!("{at}: {value} against {keyword} {wanted}"));
            }
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
        for (key, item) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{key}");
            let Some(known) = properties.get(key) else { return Err(format!("{at} is not in the schema")) };
            self.value(known, item, &at)?;
        }
        Ok(())
    }
}

fn is_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    }
}

/// Whether a text fits one of the contract's patterns.
fn matches(pattern: &str, text: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match pattern {
        r"^-?[0-9]+\.[0-9]{9}$" => text
            .strip_prefix('-')
            .unwrap_or(text)
            .split_once('.')
            .is_some_and(|(whole, part)| digits(whole) && digits(part) && part.len() == 9),
        "^([0-9a-f]{2})*$" => hex(text) && text.len().is_multiple_of(2),
        "^[0-9a-f]{64}$" => hex(text) && text.len() == 64,
        "^[0-9a-f]{8}$" => hex(text) && text.len() == 8,
        "^.+:[0-9]+$" => text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && digits(port)),
        "^wss?://" => text.starts_with("ws://") || text.starts_with("wss://"),
        "^1:[0-9A-Za-z+/]{27}=$" => text.starts_with("1:") && text.len() == 30 && text.ends_with('='),
        "^[a-z0-9]+(-[a-z0-9]+)*$" => text.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        }),
        other => panic!("this checker does not know {other}"),
    }
}

/// Captures of every kind: real ones, failures, made ones.
fn everything() -> Vec<(String, Vec<u8>)> {
    let real = files().into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap()));
    let failures = failures::all().into_iter().filter(|failure| failure.name != "bomb");
    let failures = failures.map(|failure| (failure.name.to_owned(), failure.capture));
    let empty = ("empty".to_owned(), capture_of(&[]));
    let bomb = ("bomb".to_owned(), failures::bomb(3).capture);
    let no_frame = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").raw(S2C, b"\r\n").closed(1000);
    let no_frame = pcap(&Script::new(&no_frame, &Split::Writes(1460)).packets(), PcapFormat::default());
    let no_http = crate::findings::answers::answered(b"SSH-2.0-x\r\n");
    let no_http = ("no HTTP".to_owned(), crate::findings::make::File::from(no_http).0);
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:9001").text(S2C, "hello").closed(1000);
    let script = Script::new(&talk, &Split::Writes(1460)).snaplen(96);
    let cut = ("cut".to_owned(), pcap(&script.packets(), PcapFormat::default()));
    real.chain(failures).chain([empty, bomb, ("no frame".to_owned(), no_frame), no_http, cut]).collect()
}

fn open(bytes: &[u8]) -> Capture {
    Capture::from_bytes(bytes.to_vec()).unwrap()
}

#[test]
fn every_record_fits_the_schema() {
    let schema = Schema::open();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut keys: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (name, bytes) in everything() {
        for payload in [PayloadMode::Full, PayloadMode::None, PayloadMode::Preview, PayloadMode::Hash] {
            let mut limits = Limits::default();
            limits.depth.hash = payload == PayloadMode::Hash;
            for record in read_as(open(&bytes), limits, Levels::ALL, payload).records {
                schema.check(&record).unwrap_or_else(|error| panic!("{name}: {error}"));
                let kind = record["kind"].as_str().unwrap().to_owned();
                *kinds.entry(kind.clone()).or_default() += 1;
                keys.entry(kind).or_default().extend(record.as_object().unwrap().clone());
            }
        }
    }
    assert_eq!(kinds.keys().collect::<Vec<_>>(), ["connection", "finding", "frame", "message", "summary"]);
    // And the other way round: what the schema names is printed. Decoders of payloads are still to come.
    for (kind, keys) in keys {
        let named = schema.root["$defs"][&kind]["properties"].as_object().unwrap();
        let unseen: Vec<_> = named
            .keys()
            .filter(|key| {
                let later = kind == "message" && ["subprotocol", "summary"].contains(&key.as_str());
                !later && !keys.contains_key(*key)
            })
            .collect();
        assert!(unseen.is_empty(), "{kind}: never printed: {unseen:?}");
    }
}

#[test]
fn the_checker_finds_what_does_not_fit() {
    let schema = Schema::open();
    let output =
        read_as(open(&failures::swapped_segments().capture), keep_all(), Levels::ALL, PayloadMode::Full);
    let good = output.kind("message").next().unwrap();
    assert_eq!(schema.check(good), Ok(()));
    let changes: [(&str, Value); 8] = [
        ("v", 2.into()),
        ("kind", "massage".into()),
        ("conn", 0.into()),
        ("time", 1.5.into()),
        ("time", "1767225600.5".into()),
        ("integrity", "fine".into()),
        ("cut", Value::Null),
        ("surprise", 1.into()),
    ];
    for (key, value) in changes {
        let mut bad = good.clone();
        bad[key] = value.clone();
        assert!(schema.check(&bad).is_err(), "{key} {value}");
    }
    let mut bad = good.clone();
    bad.as_object_mut().unwrap().remove("msg");
    assert!(schema.check(&bad).unwrap_err().contains("msg"));
}

/// Whether frames and messages stand in the order of the packets that completed them.
fn in_order(output: &Output) -> Result<(), String> {
    let mut last = 0;
    for record in output
        .records
        .iter()
        .filter(|record| ["frame", "message"].contains(&record["kind"].as_str().unwrap()))
    {
        let packet = record["last_packet"].as_u64().unwrap();
        if packet < last {
            return Err(format!("after packet {last}: {record}"));
        }
        if record["packet"].as_u64().unwrap() > packet {
            return Err(format!("it ends before it begins: {record}"));
        }
        last = packet;
    }
    Ok(())
}

/// Whether the figures of connections and of the summary are those of the records.
fn adds_up(output: &Output) -> Result<(), String> {
    let summary = output.summary();
    if output.records.last() != Some(summary) || output.kind("summary").count() != 1 {
        return Err("there is one summary, at the end".to_owned());
    }
    let equal = |what: &str, told: &Value, counted: u64| -> Result<(), String> {
        if told.as_u64() == Some(counted) {
            Ok(())
        } else {
            Err(format!("{what}: told {told}, counted {counted}"))
        }
    };
    let count = |kind: &str, conn: Option<&Value>, dir: Option<&str>| -> u64 {
        let of = |record: &&Value| {
            conn.is_none_or(|conn| record["conn"] == *conn) && dir.is_none_or(|dir| record["dir"] == dir)
        };
        output.kind(kind).filter(of).count() as u64
    };
    equal("websockets", &summary["websockets"], count("connection", None, None))?;
    equal("frames", &summary["frames"], count("frame", None, None))?;
    equal("messages", &summary["messages"], count("message", None, None))?;
    let listed = |severity: &str, conn: Option<&Value>| -> u64 {
        let of = |f: &&Value| f["severity"] == severity && conn.is_none_or(|conn| f["conn"] == *conn);
        output.kind("finding").filter(of).count() as u64
    };
    for severity in ["error", "warning", "info"] {
        equal(severity, &summary["findings"][severity], listed(severity, None))?;
    }
    for connection in output.connections() {
        let conn = Some(&connection["conn"]);
        for severity in ["error", "warning", "info"] {
            equal(
                &format!("{severity} of {conn:?}"),
                &connection["findings"][severity],
                listed(severity, conn),
            )?;
        }
        for dir in ["c2s", "s2c"] {
            equal(
                &format!("{dir} frames of {conn:?}"),
                &connection["frames"][dir],
                count("frame", conn, Some(dir)),
            )?;
            equal(
                &format!("{dir} messages of {conn:?}"),
                &connection["messages"][dir],
                count("message", conn, Some(dir)),
            )?;
            let sum = |key: &str| -> u64 {
                let frames =
                    output.kind("frame").filter(|f| f["conn"] == connection["conn"] && f["dir"] == dir);
                frames.map(|frame| frame[key].as_u64().unwrap()).sum()
            };
            // A frame that never came whole counts as a frame; its bytes do not.
            let broken = ["incomplete-frame", "length-msb-set", "desynchronised"];
            let broken =
                |f: &&Value| broken.contains(&f["code"].as_str().unwrap()) && f["conn"] == connection["conn"];
            if output.kind("finding").any(|finding| broken(&finding)) {
                continue;
            }
            equal("payload_bytes", &connection["payload_bytes"][dir], sum("len"))?;
            equal("wire_bytes", &connection["wire_bytes"][dir], sum("len") + sum("header_len"))?;
        }
    }
    let gaps: u64 = output.connections().iter().map(|connection| connection["gaps"].as_u64().unwrap()).sum();
    equal("gaps", &summary["gaps"], gaps)?;
    // Frames and messages are numbered without holes.
    for connection in output.connections() {
        for (kind, key) in [("frame", "frame"), ("message", "msg")] {
            let mut numbers: Vec<u64> = output
                .kind(kind)
                .filter(|record| record["conn"] == connection["conn"])
                .map(|record| record[key].as_u64().unwrap())
                .collect();
            numbers.sort_unstable();
            let holes = numbers.iter().zip(1..).any(|(number, expected)| *number != expected);
            if holes && kind == "frame" {
                return Err(format!("{kind}s are numbered {numbers:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn frames_and_messages_stand_in_the_order_of_their_packets() {
    for (name, bytes) in everything() {
        let output = read_as(open(&bytes), keep_all(), Levels::ALL, PayloadMode::None);
        in_order(&output).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn the_figures_are_those_of_the_records() {
    for (name, bytes) in everything() {
        let output = read_as(open(&bytes), keep_all(), Levels::ALL, PayloadMode::None);
        adds_up(&output).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn each_level_prints_its_kind_and_all_prints_the_same_records() {
    let levels = [
        (Levels::CONNECTIONS, "connection"),
        (Levels::MESSAGES, "message"),
        (Levels::FRAMES, "frame"),
        (Levels::FINDINGS, "finding"),
    ];
    for (name, bytes) in everything() {
        let all = read_as(open(&bytes), keep_all(), Levels::ALL, PayloadMode::Full);
        for (level, kind) in levels {
            let one = read_as(open(&bytes), keep_all(), level, PayloadMode::Full);
            let same: Vec<_> = all.kind(kind).collect();
            assert_eq!(one.records.iter().collect::<Vec<_>>(), same, "{name}: {kind}");
        }
    }
}

#[test]
fn a_pipe_is_read_as_the_file_is() {
    for (name, bytes) in everything() {
        let file = print(open(&bytes), keep_all(), Levels::ALL, PayloadMode::Full);
        let pipe = Capture::from_reader(Box::new(Cursor::new(bytes))).unwrap();
        assert!(print(pipe, keep_all(), Levels::ALL, PayloadMode::Full) == file, "{name}");
    }
}

#[test]
fn the_same_capture_gives_the_same_bytes_every_time() {
    for (name, bytes) in everything() {
        let once = print(open(&bytes), keep_all(), Levels::ALL, PayloadMode::Full);
        assert!(print(open(&bytes), keep_all(), Levels::ALL, PayloadMode::Full) == once, "{name}");
    }
}

proptest::proptest! {
    #![proptest_config(crate::read::config(24))]

    #[test]
    fn whatever_happens_on_the_way_the_output_keeps_its_order_and_adds_up(
        plan in plans(), split in splits(), port in 1024u16.., seed: u64, lossy: bool,
    ) {
        let talk = plan.conversation(port);
        let mut rng = crate::support::forge::Rng::new(seed);
        let script = if lossy {
            Script::new(&talk, &split).acked().with(|pieces| pieces.retain(|_| !rng.chance(1, 20)))
        } else {
            troubled(&talk, &split, seed)
        };
        let file = crate::support::forge::pcap(&script.packets(), Default::default());
        let output = read_as(open(&file), keep_all(), Levels::ALL, PayloadMode::None);
        in_order(&output).map_err(proptest::test_runner::TestCaseError::fail)?;
        // Findings are listed a hundred times only.
        if output.records.len() < 100 {
            adds_up(&output).map_err(proptest::test_runner::TestCaseError::fail)?;
        }
    }
}

#[test]
fn gaps_of_a_connection_that_never_opened_are_counted() {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").request_now().no_close();
    let script = Script::new(&talk, &Split::Writes(1460));
    // The answer was acknowledged; the capture has only what follows it, and that is no frame.
    let talk = talk.response_now().raw(S2C, &[0xff; 40]);
    let answered = Script::new(&talk, &Split::Writes(1460)).acked();
    let answered = answered.clone().lose(answered.data(S2C)[0]);
    for (script, gaps) in [(script, 0), (answered, 1)] {
        let file = pcap(&script.packets(), PcapFormat::default());
        let output = read_as(open(&file), keep_all(), Levels::ALL, PayloadMode::Full);
        assert_eq!(output.connections()[0]["state"], "unanswered");
        assert_eq!(output.connections()[0]["gaps"], gaps);
        adds_up(&output).unwrap();
    }
}

#[test]
fn a_capture_of_nothing_has_a_summary() {
    let output = read_as(open(&capture_of(&[])), Limits::default(), Levels::ALL, PayloadMode::Full);
    assert_eq!(output.lines.len(), 1);
    let summary = output.summary();
    assert_eq!((&summary["packets"], &summary["input_complete"]), (&0.into(), &true.into()));
    assert_eq!(summary["capture_bytes"], 24);
}
