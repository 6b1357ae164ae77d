//! A capture file of any bytes gives machine output, every line of it JSON, and the sums are right.

use std::collections::HashMap;

use wslens::capture::Capture;
use wslens::drive;
use wslens::pipeline::{Limits, Pipeline};
use wslens::report::ndjson::Ndjson;
use wslens::report::{Level, Report as _, Selection};

pub fn run(data: &[u8]) {
    let Ok(mut capture) = Capture::from_bytes(data.to_vec()) else { return };
    let mut pipeline = Pipeline::new(Limits::default());
    let selection = Selection { level: Level::All, ..Selection::default() };
    let mut out = Vec::new();
    let mut sink = Ndjson::new(&mut out, selection, false);
    let mut turns = 0;
    let summary = drive::run(&mut capture, &mut pipeline, &mut sink, |_, _| {
        turns += 1;
        turns < 40
    });
    let seen = pipeline.seen();
    let skipped: u64 = summary.skipped.iter().map(|(_, count)| count).sum();
    assert_eq!(summary.packets, seen.segments + skipped, "every packet is used or skipped, once");
    sink.finish(&summary).expect("memory takes everything");
    check_lines(&out);
}

/// Every line is an object of a known kind; the records of packets come in the order of packets; each
/// connection's frames and messages are numbered from 1 without a hole.
pub fn check_lines(out: &[u8]) {
    assert!(out.last().is_none_or(|b| *b == b'\n'));
    let mut last_packet = 0;
    let mut frames: HashMap<u64, Vec<u64>> = HashMap::new();
    let mut ended = Vec::new();
    let mut summaries = 0;
    for line in out.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        assert!(summaries == 0, "the summary is last");
        let text = std::str::from_utf8(line).expect("the output is UTF-8");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        let value: serde_json::Value =
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(value["v"], 1);
        let number = |key: &str| value[key].as_u64();
        let conn = number("conn");
        match value["kind"].as_str().expect("a kind") {
            kind @ ("frame" | "message" | "finding") => {
                if kind != "finding" {
                    let packet = number("last_packet").expect("a packet");
                    assert!(packet >= number("packet").expect("a packet"), "{text}");
                    // That an end will never come is known long after the last packet.
                    let without_end = value["integrity"] == "gap" || value["complete"] == false;
                    if !without_end {
                        assert!(packet >= last_packet, "packet {packet} after {last_packet}: {text}");
                        last_packet = packet;
                    }
                }
                if kind == "frame" {
                    frames
                        .entry(conn.expect("a connection"))
                        .or_default()
                        .push(number("frame").expect("a number"));
                }
            }
            "connection" => ended.push(conn.expect("a connection")),
            "loss" | "tls" => {}
            "summary" => summaries += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(summaries, 1);
    let count = ended.len();
    ended.sort_unstable();
    ended.dedup();
    assert_eq!(ended.len(), count, "a connection ends once");
    for (conn, mut numbers) in frames {
        assert!(ended.contains(&conn), "a connection that has frames has an end");
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{numbers:?}");
    }
}
