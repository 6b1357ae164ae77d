//! Captures that lack the SYN-ACK, the SYN or both, as an export by display filter writes them: the same messages,
//! in the same order, with the same times and packets.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use wslens::pipeline::Limits;
use wslens::report::{Levels, PayloadMode};

use crate::read::{Output, read_as};
use crate::store::captures;

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// Which packets are taken out, by their TCP flags.
#[derive(Clone, Copy, Debug)]
enum Without {
    Answer,
    Syn,
    Both,
    /// All without payload.
    Bare,
}

impl Without {
    const ALL: [Self; 4] = [Self::Answer, Self::Syn, Self::Both, Self::Bare];

    fn takes(self, (flags, payload): (u8, usize)) -> bool {
        match self {
            Self::Answer => flags & (SYN | ACK) == SYN | ACK,
            Self::Syn => flags & (SYN | ACK) == SYN,
            Self::Both => flags & SYN != 0,
            Self::Bare => payload == 0 && flags & RST == 0,
        }
    }
}

/// The TCP flags of a packet and the length of its payload; none where it is no TCP over IP, or inside a tunnel.
fn tcp(packet: &[u8], link: u32) -> Option<(u8, usize)> {
    let at = match link {
        1 => 14,
        113 => 16,
        276 => 20,
        0 | 108 => 4,
        12 | 101 => 0,
        _ => return None,
    };
    let ip = packet.get(at..)?;
    let (header, len) = match ip.first()? >> 4 {
        4 if ip.get(9) == Some(&6) => {
            (usize::from(ip[0] & 15) * 4, usize::from(ip[2]) << 8 | usize::from(ip[3]))
        }
        6 if ip.get(6) == Some(&6) => (40, 40 + (usize::from(ip[4]) << 8 | usize::from(ip[5]))),
        _ => return None,
    };
    let tcp = ip.get(header..)?;
    Some((*tcp.get(13)?, len.saturating_sub(header + usize::from(tcp[12] >> 4) * 4)))
}

/// A little-endian file without some packets, and the numbers of those that are left. None for other files.
fn without(file: &[u8], what: Without) -> Option<(Vec<u8>, Vec<u64>)> {
    let word = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
    let (mut out, mut kept, mut number) = (vec![], vec![], 0);
    let mut file_packet = |packet: &[u8], link: u32| {
        number += 1;
        let stays = !tcp(packet, link).is_some_and(|tcp| what.takes(tcp));
        if stays {
            kept.push(number);
        }
        stays
    };
    if [0xa1b2_c3d4, 0xa1b2_3c4d].contains(&word(0)?) {
        let link = word(20)? & 0xffff;
        out.extend(&file[..24]);
        let mut at = 24;
        while let Some(len) = word(at + 8) {
            let end = at + 16 + len as usize;
            if file_packet(file.get(at + 16..end)?, link) {
                out.extend(&file[at..end]);
            }
            at = end;
        }
    } else {
        if word(8)? != 0x1a2b_3c4d {
            return None;
        }
        let (mut links, mut at) = (vec![], 0);
        while let (Some(kind), Some(len)) = (word(at), word(at + 4)) {
            let block = file.get(at..at + len as usize)?;
            at += len as usize;
            let stays = match kind {
                1 => {
                    links.push(u32::from(block[8]) | u32::from(block[9]) << 8);
                    true
                }
                6 => {
                    let words =
                        |at: usize| u32::from_le_bytes(block[at..at + 4].try_into().unwrap()) as usize;
                    file_packet(block.get(28..28 + words(20))?, *links.get(words(8))?)
                }
                0x0a0d_0d0a if at > len as usize => return None,
                3 => return None,
                _ => true,
            };
            if stays {
                out.extend(block);
            }
        }
    }
    Some((out, kept))
}

/// What is said of each message, with packet numbers of the whole file.
fn messages(output: &Output, kept: Option<&[u64]>) -> Vec<String> {
    let number = |value: &Value| {
        let number = value.as_u64().unwrap();
        kept.map_or(number, |kept| kept[number as usize - 1])
    };
    let line = |m: &Value| {
        format!(
            "packets {}-{} {} conn {} {} {} {} {} {} {}",
            number(&m["packet"]),
            number(&m["last_packet"]),
            m["time"],
            m["conn"],
            m["msg"],
            m["dir"],
            m["op"],
            m["len"],
            m["integrity"],
            m["sha256"],
        )
    };
    output.kind("message").map(line).collect()
}

/// What is said of each handshake.
fn handshakes(output: &Output) -> Vec<String> {
    let line =
        |c: &&Value| format!("{} {} {} {} {}", c["conn"], c["url"], c["status"], c["opened"], c["client"]);
    let mut lines: Vec<String> = output.connections().iter().map(line).collect();
    // They stand in the order in which they ended, and the packets that say so may be taken out.
    lines.sort();
    lines
}

/// Findings that say that something is wrong with the packets.
fn troubles(output: &Output) -> Vec<&str> {
    let mut codes = output.codes();
    codes.retain(|code| code.starts_with("tcp-") && !["tcp-retransmission", "tcp-keep-alive"].contains(code));
    codes.sort_unstable();
    codes
}

fn hashed(file: &[u8]) -> Output {
    let capture = wslens::capture::Capture::from_bytes(file.to_vec()).unwrap();
    read_as(capture, Limits::default(), Levels::ALL, PayloadMode::Hash)
}

#[test]
fn captures_without_syns_give_the_same_messages_in_the_same_order_with_the_same_packets() {
    let (mut compared, mut wrong) = (0, vec![]);
    for (path, file) in captures() {
        let whole = hashed(&file);
        let is_lossy = ["tcp-gap", "tcp-midstream", "packet-truncated", "request-missing"]
            .iter()
            .any(|code| whole.codes().contains(code));
        if whole.kind("message").next().is_none() || is_lossy {
            continue;
        }
        for what in Without::ALL {
            let Some((rest, kept)) = without(&file, what) else { continue };
            if kept.len() as u64 == whole.summary()["packets"].as_u64().unwrap() {
                continue;
            }
            compared += 1;
            let output = hashed(&rest);
            let expected = (messages(&whole, None), handshakes(&whole), troubles(&whole));
            let found = (messages(&output, Some(&kept)), handshakes(&output), troubles(&output));
            if expected != found {
                let lines = |(a, b, c): &(Vec<String>, Vec<String>, Vec<&str>)| {
                    a.iter().cloned().chain(b.iter().cloned()).chain([format!("{c:?}")]).collect::<Vec<_>>()
                };
                let (expected, found) = (lines(&expected), lines(&found));
                let first = expected.iter().zip(&found).find(|(a, b)| a != b);
                wrong.push(format!(
                    "{} without {what:?}: {} / {} lines, first {first:#?}",
                    path.display(),
                    expected.len(),
                    found.len()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 60, "{compared}");
}

#[test]
fn without_a_syn_ack_messages_come_through_an_open_pipe_at_once() {
    let file = std::fs::read("captures/aiohttp/capture.pcap").unwrap();
    for what in [Without::Answer, Without::Both] {
        let (rest, _) = without(&file, what).unwrap();
        let expected = hashed(&rest).kind("message").count();
        let mut program = Command::new(env!("CARGO_BIN_EXE_wslens"))
            .args(["read", "-", "--level", "messages", "--format", "ndjson"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = program.stdin.take().unwrap();
        pipe.write_all(&rest).unwrap();
        pipe.flush().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = program.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        // The pipe is still open.
        for _ in 0..expected {
            let line =
                lines.recv_timeout(Duration::from_secs(60)).expect("a message, while the pipe is open");
            assert!(line.contains("\"kind\":\"message\""), "{line}");
        }
        drop(pipe);
        program.wait().unwrap();
    }
}
