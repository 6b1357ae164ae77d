//! Damages captures at random and reads what is left: no panic, no run over 5 s, no 512 MB.
//!
//! ```text
//! cargo bench --bench mutate -- 20000 [FILE…]
//! ```
//!
//! Without files it takes those of `captures/`. What breaks a promise is written to `mutation-SEED.pcap`, and the run
//! ends with 1.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_possible_truncation
)]

#[path = "../tests/support/mutate.rs"]
mod mutate;
#[allow(dead_code)]
#[path = "../tests/support/forge/rng.rs"]
mod rng;
mod forge {
    pub use crate::rng::Rng;
}

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use forge::Rng;
use mutate::{Packets, mutate, output, packets_of};

/// No run may take longer.
const LONGEST: Duration = Duration::from_secs(5);
/// Nor the program more memory, in KiB.
const MEMORY: u64 = 512 << 10;
/// Larger captures are left out.
const FILE: u64 = 4 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let Some(count) = arguments.first().and_then(|count| count.parse::<u64>().ok()) else {
        println!("usage: mutate COUNT [FILE…]");
        return ExitCode::SUCCESS;
    };
    let mut files: Vec<PathBuf> = arguments[1..].iter().map(PathBuf::from).collect();
    if files.is_empty() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
        let entries = std::fs::read_dir(folder).expect("captures");
        files = entries
            .map(|entry| entry.unwrap().path().join("capture.pcapng"))
            .filter(|f| f.is_file())
            .collect();
        files.sort();
    }
    let read = |path: &PathBuf| {
        let small = std::fs::metadata(path).is_ok_and(|file| file.len() <= FILE);
        small.then(|| std::fs::read(path).ok()).flatten()
    };
    let seeds: Vec<(Vec<u8>, Packets)> =
        files.iter().filter_map(read).map(|file| (packets_of(&file), file)).map(|(p, f)| (f, p)).collect();
    println!("{} captures, {count} mutations", seeds.len());
    let (mut longest, mut bytes) = (Duration::ZERO, 0u64);
    for number in 0..count {
        let mut rng = Rng::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        let Some((file, packets)) = seeds.get(number as usize % seeds.len().max(1)) else { break };
        let damaged = mutate(file, packets, &mut rng);
        let copy = damaged.clone();
        let start = Instant::now();
        let printed = std::panic::catch_unwind(|| output(copy));
        let took = start.elapsed();
        longest = longest.max(took);
        let what = match &printed {
            Err(_) => Some("it panicked".to_owned()),
            Ok(_) if took > LONGEST => Some(format!("it took {took:?}")),
            Ok(_) if peak() > MEMORY => Some(format!("it took {} KiB", peak())),
            Ok(text) if std::str::from_utf8(text).is_err() => Some("it printed what is not UTF-8".to_owned()),
            Ok(_) => None,
        };
        bytes += printed.map_or(0, |text| text.len() as u64);
        if let Some(what) = what {
            let name = format!("mutation-{number}.pcap");
            println!("{what}: {name}");
            let _ = std::fs::write(&name, damaged);
            return ExitCode::FAILURE;
        }
        if number % 5000 == 4999 {
            println!("{:>7}   longest {longest:?}   peak {} KiB", number + 1, peak());
        }
    }
    println!("{count} mutations: none bad; longest {longest:?}, peak {} KiB, {bytes} bytes printed", peak());
    ExitCode::SUCCESS
}

/// The most memory that this program had, in KiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
