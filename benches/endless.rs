//! What a capture that goes on for hours takes, and something to look at.
//!
//! ```text
//! cargo bench --bench endless -- keep 20000000 64MB      # messages through a pipe, memory bounded: a table
//! cargo bench --bench endless -- feed 10000 60 | wslens -  # so many messages a second, for so many seconds
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    dead_code
)]

use std::io::{self, Write as _};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wslens::capture::{self, Capture};
use wslens::store::{Options, Reading, Session};

#[path = "../tests/support/endless.rs"]
mod endless;

use endless::{Made, Talker};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |at: usize| args.get(at).and_then(|arg| arg.trim_end_matches("MB").parse().ok());
    match (args.first().map(String::as_str), number(1), number(2)) {
        (Some("keep"), Some(messages), Some(megabytes)) => keep(messages, megabytes as usize),
        (Some("feed"), Some(rate), Some(seconds)) => _ = feed(rate, seconds),
        _ => println!("usage: endless keep MESSAGES MEMORY_MB | endless feed RATE SECONDS"),
    }
}

/// Bytes of memory that are the program's own.
fn anon() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Reads messages of 150 bytes as fast as that goes, in ten connections of which the oldest ends now and then.
fn keep(count: u64, megabytes: usize) {
    let mut talker = Talker::new(50_000);
    let mut start = Talker::header();
    (0..10).for_each(|_| talker.open(&mut start));
    let made = Made::new(start, move |out: &mut Vec<u8>| {
        while talker.messages < count && out.len() < 60_000 {
            talker.message(out, 150);
            if talker.messages.is_multiple_of(5000) {
                talker.open(out);
                talker.close(out);
            }
        }
    });
    let capture = Capture::from_reader_with(Box::new(made), &capture::Options::default()).unwrap();
    let options = Options { memory: Some(megabytes << 20), ..Options::default() };
    let mut session = Session::read(capture, options).unwrap();
    println!("  messages   released  rows MB  trails MB  told MB  anon MB");
    let (mut next, mut peak) = (0, 0);
    loop {
        let over = session.progress().state != Reading::Reading;
        peak = peak.max(anon());
        let seen = session.index().messages;
        if seen >= next || over {
            next = seen + count / 20;
            let (rows, released) = (session.index().size(), session.index().released.messages);
            let trails = session.trail_size();
            let told = session.progress().memory.map_or(0, |(used, _)| used);
            let mb = |bytes: usize| bytes as f64 / f64::from(1 << 20);
            println!(
                "{seen:10} {released:10} {:8.1} {:10.1} {:8.1} {:8.1}",
                mb(rows),
                mb(trails),
                mb(told as usize),
                mb(anon() as usize)
            );
        }
        if over {
            break;
        }
        sleep(Duration::from_millis(5));
    }
    session.wait();
    println!("peak anon {:.1} MB", peak as f64 / f64::from(1 << 20));
}

/// Writes so many messages a second of 150 bytes to standard output, a hundredth of a second at a time.
fn feed(rate: u64, seconds: u64) -> io::Result<()> {
    let mut talker = Talker::new(1_000_000_000 / rate.max(1));
    let mut bytes = Talker::header();
    (0..3).for_each(|_| talker.open(&mut bytes));
    let mut out = io::stdout().lock();
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(seconds) {
        let due = begin.elapsed().as_nanos() as u64 * rate / 1_000_000_000;
        while talker.messages < due {
            // A thousandth of them elsewhere.
            let to = usize::from(talker.messages % 1000 == 7);
            talker.message_in(&mut bytes, to, 150);
        }
        out.write_all(&bytes)?;
        out.flush()?;
        bytes.clear();
        sleep(Duration::from_millis(10));
    }
    Ok(())
}
