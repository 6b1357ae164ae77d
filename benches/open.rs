//! Opens a capture as the terminal UI does, and prints what that took as one line of JSON.
//!
//! ```text
//! cargo bench --bench open -- chat.pcap
//! ```
//!
//! `anon` is the memory that the system counts as the program's own (not the mapped file), where it says.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use wslens::capture::Input;
use wslens::store::{Options, Reading, Session};

/// Bytes of memory that are the program's own.
fn anon() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn main() {
    let Some(path) = std::env::args().skip(1).find(|arg| arg != "--bench") else {
        println!("usage: open CAPTURE");
        return;
    };
    let start = Instant::now();
    let mut session =
        Session::open(&[Input::from(std::path::PathBuf::from(path))], Options::default()).unwrap();
    let (mut first, mut peak) = (None, 0);
    while session.progress().state == Reading::Reading {
        if first.is_none() && !session.index().connections.is_empty() {
            first = Some(start.elapsed());
        }
        peak = peak.max(anon());
        sleep(Duration::from_millis(5));
    }
    session.wait();
    let read = start.elapsed();
    let index = session.index();
    println!(
        "{{\"connections\":{},\"messages\":{},\"frames\":{},\"first_ms\":{:.1},\"read_s\":{:.2},\"anon_mb\":{:.1},\"peak_mb\":{:.1}}}",
        index.connections.len(),
        index.messages,
        index.frames,
        first.unwrap_or(read).as_secs_f64() * 1e3,
        read.as_secs_f64(),
        anon() as f64 / 1e6,
        peak as f64 / 1e6,
    );
}
