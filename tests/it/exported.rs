//! PDUs that Wireshark exported.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use wslens::capture::Capture;

use crate::captures::compare_all;
use crate::read::{Output, read};

/// What tshark exports of a capture; none where there is no tshark.
fn exported(name: &str, tap: &str, keys: bool) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name);
    let file = ["capture.pcapng", "capture.pcapng.gz"].iter().map(|file| folder.join(file));
    let file = file.into_iter().find(|path| path.is_file()).unwrap();
    let out = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("tshark");
    if keys {
        command.arg("-o").arg(format!("tls.keylog_file:{}", folder.join("keys.log").display()));
    }
    command.args(["-U", tap, "-r"]).arg(file).arg("-w").arg(out.path());
    let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !done.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no tshark that exports {tap}");
        return None;
    }
    Some(fs::read(out.path()).unwrap())
}

fn log(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name).join("messages.ndjson");
    fs::read_to_string(path).unwrap()
}

fn codes(output: &Output) -> Vec<&str> {
    output.kind("finding").map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn what_tshark_exports_of_tcp_is_read_as_the_capture_itself() {
    for name in ["rfc-5-7", "lengths", "chat-deflate", "close-codes", "fragmented-deflate", "ipv6-node"] {
        let Some(file) = exported(name, "OSI layer 4", false) else { return };
        let output = read(file);
        compare_all(&output, &log(name), name);
        // The numbers were exported too: order and losses can be checked. What came as a part and then as a whole came once.
        for code in ["exported-pdu", "tcp-retransmission", "tcp-gap", "tcp-overlap-conflict"] {
            assert!(!codes(&output).contains(&code), "{name}: {:?}", codes(&output));
        }
    }
}

#[test]
fn what_tshark_decrypts_and_exports_is_read_without_keys() {
    let Some(file) = exported("wss", "OSI layer 7", true) else { return };
    let output = read(file);
    assert!(!output.connections().is_empty());
    let decrypted: Vec<u64> = output
        .connections()
        .iter()
        .map(|c| c["client"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap())
        .collect();
    let log: String = log("wss")
        .lines()
        .filter(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            decrypted.contains(&row["port"].as_u64().unwrap())
        })
        .map(|line| format!("{line}\n"))
        .collect();
    compare_all(&output, &log, "wss");
    assert_eq!(codes(&output).iter().filter(|code| **code == "exported-pdu").count(), 1);
}

#[test]
fn the_committed_export_tells_what_it_cannot_know() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/exported-pdu/capture.pcapng");
    let output = read(fs::read(path).unwrap());
    assert_eq!(codes(&output), ["exported-pdu", "exported-pdu-unused"]);
    let unused = output.findings("exported-pdu-unused")[0]["text"].as_str().unwrap().to_owned();
    assert!(unused.ends_with("1 of json"), "{unused}");
    assert_eq!(output.summary()["skipped"]["exported-pdu"], 1);
    assert_eq!(output.summary()["packets"], 11);
    let long = output.kind("message").filter(|message| message["len"].as_u64() > Some(1000)).count();
    assert_eq!(long, 1);
}

#[test]
fn damaged_tags_are_no_segment_and_no_panic() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/exported-pdu/capture.pcapng");
    let file = fs::read(path).unwrap();
    for at in (0..file.len().min(1200)).step_by(3) {
        for value in [0, 0xff] {
            let mut damaged = file.clone();
            damaged[at] = value;
            if Capture::from_bytes(damaged.clone()).is_ok() {
                let _ = read(damaged);
            }
        }
    }
}

#[test]
fn a_dissectors_name_reaches_no_terminal_as_it_is() {
    let name = b"\x1b]0;owned\x07\xff\0\0";
    let mut pdu = vec![0, 12, 0, name.len() as u8];
    pdu.extend_from_slice(name);
    pdu.extend_from_slice(&[0, 0, 0, 0, b'x']);
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 252, 0, 0, 0];
    file.extend_from_slice(&[0; 8]);
    for _ in 0..2 {
        file.extend_from_slice(&(pdu.len() as u32).to_le_bytes());
    }
    file.extend_from_slice(&pdu);
    let output = read(file);
    let found = output.kind("finding").find(|finding| finding["code"] == "exported-pdu-unused").unwrap();
    let text = found["text"].as_str().unwrap();
    assert!(text.ends_with(r"1 of ␛]0;owned␇\xff"), "{text}");
}
