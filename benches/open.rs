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
use wslens::store::{Options, Reading, Request, Session};

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
    let read_anon = anon();
    let (connections, messages, frames) = {
        let index = session.index();
        (index.connections.len(), index.messages, index.frames)
    };
    // Messages from everywhere in the longest connection, as somebody who scrolls asks for them.
    let longest = {
        let index = session.index();
        let longest = index.connections.iter().map(|row| (index.messages(row.id.0).len(), row.id.0)).max();
        longest.unwrap_or((0, 0))
    };
    let mut loads: Vec<Duration> = (0..100)
        .filter(|_| longest.0 > 0)
        .map(|i| {
            let message = 1 + (longest.0 * i / 100) as u64;
            let start = Instant::now();
            session.load(&Request::Message { connection: longest.1, message }).unwrap();
            start.elapsed()
        })
        .collect();
    loads.sort();
    let load = |at: usize| loads.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3;
    let start = Instant::now();
    let scan = session.scan(None, |_, message| message.bytes.windows(8).any(|bytes| bytes == b"no such!"));
    while !scan.progress().over {
        sleep(Duration::from_millis(5));
        peak = peak.max(anon());
    }
    println!(
        "{{\"connections\":{connections},\"messages\":{messages},\"frames\":{frames},\"first_ms\":{:.1},\"read_s\":{:.2},\"anon_mb\":{:.1},\"peak_mb\":{:.1},\"trails_mb\":{:.1},\"load_ms\":{:.2},\"load_worst_ms\":{:.2},\"search_s\":{:.2}}}",
        first.unwrap_or(read).as_secs_f64() * 1e3,
        read.as_secs_f64(),
        read_anon as f64 / 1e6,
        peak as f64 / 1e6,
        session.trail_size() as f64 / 1e6,
        load(loads.len() / 2),
        load(loads.len().saturating_sub(1)),
        start.elapsed().as_secs_f64(),
    );
}
