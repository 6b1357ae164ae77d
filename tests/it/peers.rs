//! Real WebSocket libraries talk on the loopback; what they say they sent is what is read.
//!
//! Skipped where the tools, the libraries or the right to capture are missing (tests/peers/README.md). With
//! `WSLENS_PEERS=require` a peer that is skipped fails; with `WSLENS_PEERS=setup` what is missing is fetched first.
//! `PEERS_KIT` names the folder that tests/peers/setup.sh filled (default target/peers).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use crate::captures::compare_all;
use crate::read::read;

/// The status of record.py for "could not be run here".
const SKIPPED: i32 = 77;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn mode() -> String {
    std::env::var("WSLENS_PEERS").unwrap_or_default()
}

fn kit() -> PathBuf {
    std::env::var_os("PEERS_KIT").map_or_else(|| root().join("target/peers"), PathBuf::from)
}

/// Conversations of each peer: `WSLENS_PEERS_SEEDS`, or two.
fn seeds() -> u32 {
    std::env::var("WSLENS_PEERS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2)
}

/// Says why nothing was tested, and fails where that is not allowed.
fn skip(peer: &str, why: &str) {
    assert!(mode() != "require", "{peer}: {why}");
    eprintln!("skipped: {peer}: {why}");
}

/// Records a conversation of two peers for each seed and compares it with their logs.
fn interoperate(peer: &str) {
    if !cfg!(target_os = "linux") {
        return skip(peer, "peers are recorded on Linux");
    }
    if mode() == "setup" {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let status = Command::new("sh").arg(root().join("tests/peers/setup.sh")).arg(kit()).status();
            assert!(status.is_ok_and(|status| status.success()), "tests/peers/setup.sh");
        });
    }
    for seed in 1..=seeds() {
        let seed = &seed.to_string();
        let out = tempfile::tempdir().unwrap();
        let record = Command::new("python3")
            .arg(root().join("tests/peers/record.py"))
            .args(["--peer", peer, "--seed", seed, "--out"])
            .arg(out.path())
            .arg("--kit")
            .arg(kit())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output();
        let Ok(record) = record else { return skip(peer, "no python3") };
        let words = String::from_utf8_lossy(&record.stderr).trim().to_owned();
        if record.status.code() == Some(SKIPPED) {
            return skip(peer, &words);
        }
        assert!(record.status.success(), "{peer}, seed {seed}: {words}");
        let log = fs::read_to_string(out.path().join("messages.ndjson")).unwrap();
        let capture = fs::read(out.path().join("capture.pcap")).unwrap();
        let output = read(capture);
        let equal = compare_all(&output, &log, &format!("{peer}, seed {seed}"));
        assert_eq!(equal, log.lines().count(), "{peer}, seed {seed}");
        assert!(equal > 10, "{peer}, seed {seed}: {equal} messages");
        let [connection] = output.connections()[..] else { panic!("{peer}: one connection") };
        assert_eq!((&connection["accept"], &connection["state"]), (&"ok".into(), &"closed".into()), "{peer}");
        assert_eq!(connection["findings"]["error"], 0, "{peer}: {:?}", output.codes());
        let plan: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(out.path().join("plan.json")).unwrap()).unwrap();
        let compresses = !plan["deflate"].is_null();
        assert_eq!(
            !connection["extensions"].as_array().unwrap().is_empty(),
            compresses,
            "{peer}: {connection}"
        );
    }
}

#[test]
fn messages_of_python_websockets_are_those_that_it_sent() {
    interoperate("websockets");
}

#[test]
fn messages_of_python_aiohttp_are_those_that_it_sent() {
    interoperate("aiohttp");
}

#[test]
fn messages_of_node_ws_are_those_that_it_sent() {
    interoperate("node");
}

#[test]
fn messages_of_tungstenite_are_those_that_it_sent() {
    interoperate("tungstenite");
}

#[test]
fn messages_of_a_browser_are_those_that_it_sent() {
    interoperate("chromium");
}
