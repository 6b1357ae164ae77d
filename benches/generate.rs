//! Writes big captures, the same ones each time, and prints what is in them as one line of JSON.
//!
//! ```text
//! cargo bench --bench generate -- chat 100MB chat.pcap          # 2,000 connections
//! cargo bench --bench generate -- chat@50000 100MB chat50k.pcap # 50,000 connections
//! cargo bench --bench generate -- bulk@1000000 100MB bulk.pcap  # messages of 1,000,000 bytes
//! cargo bench --bench generate -- halfopen 20000 syn.pcap       # connections in place of bytes
//! cargo bench --bench generate -- failures DIRECTORY            # one small capture for each known failure
//! ```
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation
)]

use std::io;
use std::process::ExitCode;
use std::time::Instant;

#[path = "generate/talk.rs"]
mod talk;
#[path = "generate/wire.rs"]
mod wire;
#[path = "generate/workloads.rs"]
mod workloads;

#[path = "../tests/support/failures.rs"]
mod failures;
#[path = "../tests/support/forge.rs"]
mod forge;

const USAGE: &str = "usage: generate WORKLOAD[@N] SIZE FILE
  WORKLOAD  chat market bulk deflate haystack lossy halfopen; @N: connections (bulk: bytes of a message)
  SIZE      of the file: 100MB, 1GB, 500000 (halfopen: connections)
or:    generate failures DIRECTORY";

fn main() -> ExitCode {
    // Cargo adds `--bench`; without anything else there is nothing to do.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        [] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["failures", directory] => write_failures(directory),
        [workload, size, path] => generate(workload, size, path),
        _ => Err(io::Error::other(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn write_failures(directory: &str) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for failure in failures::all() {
        std::fs::write(format!("{directory}/{}.pcap", failure.name), &failure.capture)?;
        println!("{}: {} ({} messages)", failure.name, failure.about, failure.expected.len());
    }
    Ok(())
}

fn generate(workload: &str, size: &str, path: &str) -> io::Result<()> {
    let (name, number) = match workload.split_once('@') {
        Some((name, number)) => (name, Some(number.parse().map_err(io::Error::other)?)),
        None => (workload, None),
    };
    let size = bytes(size)?;
    let connections = |default| number.map_or(default, |n: u64| n as usize);
    let start = Instant::now();
    let mut out = wire::Out::create(path, name.bytes().map(u64::from).sum())?;
    let truth = match name {
        "chat" => workloads::chat(&mut out, size, connections(2000), false),
        "lossy" => workloads::chat(&mut out, size, connections(2000), true),
        "market" => workloads::market(&mut out, size, connections(50), false),
        "deflate" => workloads::market(&mut out, size, connections(50), true),
        "bulk" => workloads::bulk(&mut out, size, number),
        "haystack" => workloads::haystack(&mut out, size),
        "halfopen" => workloads::half_open(&mut out, size),
        _ => return Err(io::Error::other(USAGE)),
    }?;
    let (bytes, packets) = (out.bytes, out.packets);
    out.finish()?;
    eprintln!("{:.0} MB/s", bytes as f64 / 1e6 / start.elapsed().as_secs_f64());
    println!(
        "{{\"workload\":\"{workload}\",\"bytes\":{bytes},\"packets\":{packets},\"connections\":{},\
         \"websockets\":{},\"frames\":{},\"messages\":{},\"control\":{},\"lost\":{},\"late\":{},\
         \"repeated\":{},\"payload\":{}}}",
        truth.connections,
        truth.websockets,
        truth.frames,
        truth.messages,
        truth.control,
        truth.lost,
        truth.late,
        truth.repeated,
        truth.payload
    );
    Ok(())
}

/// `100MB`, `1GB`, `64KB`, `1000`: powers of 1,000.
fn bytes(text: &str) -> io::Result<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" => 1000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        _ => return Err(io::Error::other(USAGE)),
    };
    Ok(digits.parse::<u64>().map_err(io::Error::other)? * unit)
}
