//! Other people's captures: every frame as two other programs see it, and no panic on what is left of a
//! damaged file.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wslens::capture::Capture;
use wslens::pipeline::Limits;
use wslens::report::{Levels, PayloadMode};

use crate::read::{Output, print, read};
use crate::support::forge::Rng;

/// Every capture of the corpus, with its bytes; none where the corpus is not at hand.
pub fn captures() -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if [".pcap", ".pcapng", ".cap", ".gz", ".ntar"]
                .iter()
                .any(|end| path.to_string_lossy().ends_with(end))
            {
                found.push(path);
            }
        }
    }
    let folder = std::env::var_os("WSLENS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let mut paths = vec![];
    walk(&folder, &mut paths);
    paths.sort();
    if paths.is_empty() {
        eprintln!("skipped: no captures in {}", folder.display());
    }
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
}

/// The rows of the truth beside a capture; none where there is none.
fn truth(capture: &Path) -> Option<Vec<Value>> {
    let text = fs::read_to_string(format!("{}.frames.ndjson", capture.display())).ok()?;
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect())
}

/// A frame in words that both sides have.
fn told(row: &Value) -> String {
    format!(
        "packets {}-{} at {} stream {} {} fin {} rsv {} opcode {} mask {} {} {} bytes complete {} {}",
        row["header_packet"],
        row["packet"],
        row["time"],
        row["stream"],
        row["dir"],
        row["fin"],
        row["rsv"],
        row["opcode"],
        row["mask"],
        row["masking_key"],
        row["payload_length"],
        row["complete"],
        row["payload"],
    )
}

fn found(frame: &Value, streams: &HashMap<u64, u64>) -> String {
    format!(
        "packets {}-{} at {} stream {} {} fin {} rsv {} opcode {} mask {} {} {} bytes complete {} {}",
        frame["packet"],
        frame["last_packet"],
        frame["time"],
        streams[&frame["conn"].as_u64().unwrap()],
        frame["dir"],
        frame["fin"],
        frame["rsv"],
        frame["opcode"],
        frame["masked"],
        frame["masking_key"],
        frame["len"],
        frame["complete"],
        frame["payload"],
    )
}

/// The TCP stream of each connection.
fn streams(output: &Output) -> HashMap<u64, u64> {
    let pair = |c: &&Value| (c["conn"].as_u64().unwrap(), c["tcp_stream"].as_u64().unwrap());
    output.connections().iter().map(pair).collect()
}

#[test]
fn every_frame_of_the_corpus_is_found_and_no_other() {
    let mut compared = 0;
    for (path, bytes) in captures() {
        let Ok(capture) = Capture::from_bytes(bytes.clone()) else {
            assert!(truth(&path).is_none(), "{} cannot be read", path.display());
            continue;
        };
        drop(capture);
        let output = read(bytes);
        let streams = streams(&output);
        let truth = truth(&path).unwrap_or_default();
        let whole = |row: &&Value| row["tshark"] != "extra";
        let mut expected: Vec<String> = truth.iter().filter(whole).map(told).collect();
        let mut frames: Vec<String> = output.frames().into_iter().map(|f| found(f, &streams)).collect();
        // Within one packet, the order of the streams' frames is that of the streams.
        expected.sort();
        frames.sort();
        assert_eq!(frames, expected, "{}", path.display());
        compared += expected.len();
        // What the peers read in compressed messages.
        let inflated: Vec<&str> = truth.iter().filter_map(|row| row["message_inflated"].as_str()).collect();
        let ours: Vec<String> = output
            .messages()
            .into_iter()
            .filter(|message| message.compressed && message.integrity == "ok")
            .map(|message| hex::encode(message.bytes))
            .collect();
        assert_eq!(ours, inflated, "{}", path.display());
        // A Close says the same.
        let closes = |key: &str| -> Vec<Value> {
            let closes = truth.iter().filter(whole).filter(|row| row["opcode"] == 8);
            closes.map(|row| row.get(key).cloned().unwrap_or(Value::Null)).collect()
        };
        let ours: Vec<Value> = output
            .kind("message")
            .filter(|message| message["op"] == "close")
            .map(|message| message["close_code"].clone())
            .collect();
        assert_eq!(ours, closes("close_code"), "{}", path.display());
    }
    eprintln!("{compared} frames compared");
}

#[test]
fn a_capture_without_websockets_gives_no_frame_and_counts_every_packet() {
    for (path, bytes) in captures() {
        if truth(&path).is_some() || Capture::from_bytes(bytes.clone()).is_err() {
            continue;
        }
        let output = read(bytes);
        assert_eq!(output.frames().len(), 0, "{}", path.display());
        assert_eq!(output.messages().len(), 0, "{}", path.display());
        for connection in output.connections() {
            let opened = connection["opened"].as_str().is_some();
            assert!(!opened || connection["status"] == 101, "{}: {connection}", path.display());
        }
    }
}

/// Reads what may be no capture at all; gives how many records came out.
fn endure(bytes: Vec<u8>) -> usize {
    match Capture::from_bytes(bytes) {
        Ok(capture) => {
            let out = print(capture, Limits::default(), Levels::ALL, PayloadMode::Preview);
            let text = std::str::from_utf8(&out).expect("the output is UTF-8");
            assert!(text.ends_with("}\n"), "the last line is whole");
            text.lines().count()
        }
        Err(_) => 0,
    }
}

#[test]
fn captures_cut_anywhere_are_read_up_to_there() {
    for (i, (_, bytes)) in captures().into_iter().enumerate() {
        let mut rng = Rng::new(i as u64);
        for _ in 0..2 {
            endure(bytes[..rng.below(bytes.len() as u64) as usize].to_vec());
        }
    }
}

#[test]
fn captures_with_bytes_flipped_are_read_without_panic() {
    for (i, (_, bytes)) in captures().into_iter().enumerate() {
        let mut rng = Rng::new(1000 + i as u64);
        for turn in 0..3 {
            let mut bad = bytes.clone();
            // Few bytes, many bytes, and only bytes of the first packets' headers.
            let flips = [3, 40, 12][turn];
            let range = if turn == 2 { bad.len().min(400) } else { bad.len() } as u64;
            for _ in 0..flips {
                let at = rng.below(range) as usize;
                bad[at] ^= 1 << rng.below(8);
            }
            endure(bad);
        }
    }
}
