//! A capture file of any bytes gives machine output, every line of it JSON, and the sums are right.

use std::collections::HashMap;
use std::sync::LazyLock;

use wslens::capture::Capture;
use wslens::drive;
use wslens::pipeline::{Limits, Pipeline};
use wslens::report::ndjson::Ndjson;
use wslens::report::{Levels, Report as _, Selection};

use crate::effort::{Bounds, Effort, inflated, measured};
use crate::forge::{C2S, Conversation, PcapFormat, Rng, S2C, Script, Split, pcap};

pub fn run(data: &[u8]) {
    let Some((out, mut effort)) = printed(data) else { return };
    check_lines(&out);
    let bytes = (data.len() + out.len()) as u64 + inflated(&out);
    // Other programs disturb a run, but not each of three.
    for _ in 0..2 {
        if bounds().broken(effort, bytes).is_some()
            && let Some((_, again)) = printed(data)
        {
            effort.cpu = effort.cpu.min(again.cpu);
        }
    }
    let broken = bounds().broken(effort, bytes);
    assert!(broken.is_none(), "{broken:?}");
}

/// What a file may cost: in proportion to ordinary traffic in the same build.
pub fn bounds() -> &'static Bounds {
    static BOUNDS: LazyLock<Bounds> = LazyLock::new(|| {
        let body = Rng::new(1).bytes(900);
        let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").no_close();
        let talk = (0..200).fold(talk, |talk, i| talk.binary(if i % 2 == 0 { C2S } else { S2C }, &body));
        let file = pcap(&Script::new(&talk, &Split::Writes(1460)).packets(), PcapFormat::default());
        let runs = (0..5).filter_map(|_| printed(&file));
        let (out, effort) = runs.min_by_key(|(_, effort)| effort.cpu).expect("some runs");
        // Counting what is covered slows some code five times, and other code not at all.
        Bounds { most: 400.0, ..Bounds::new(effort, (file.len() + out.len()) as u64) }
    });
    &BOUNDS
}

/// Everything that is printed of a file, and what that took; nothing where it is no capture.
pub fn printed(data: &[u8]) -> Option<(Vec<u8>, Effort)> {
    let (out, effort) = measured(|| {
        let Ok(mut capture) = Capture::from_bytes(data.to_vec()) else { return None };
        let mut pipeline = Pipeline::new(Limits::default());
        let selection = Selection { levels: Levels::ALL, ..Selection::default() };
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
        Some(out)
    });
    Some((out?, effort))
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
