//! Damages captures at random and reads what is left: no panic, and CPU time and memory in proportion to what is read
//! and printed.
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

#[path = "../tests/support/effort.rs"]
mod effort;
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
use std::time::Duration;

use effort::{Bounds, Counting, Effort, inflated, measured};
use forge::Rng;
use mutate::{Packets, mutate, output, packets_of};

#[global_allocator]
static COUNTING: Counting = Counting;

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
    let load = |path: &PathBuf| {
        let small = std::fs::metadata(path).is_ok_and(|file| file.len() <= FILE);
        small.then(|| std::fs::read(path).ok()).flatten()
    };
    let seeds: Vec<(Vec<u8>, Packets)> =
        files.iter().filter_map(load).map(|file| (packets_of(&file), file)).map(|(p, f)| (f, p)).collect();
    println!("{} captures, {count} mutations", seeds.len());
    let Some(bounds) = ordinary(&seeds) else { return ExitCode::SUCCESS };
    let (mut longest, mut most, mut bytes) = (Duration::ZERO, 0, 0u64);
    for number in 0..count {
        let mut rng = Rng::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        let Some((file, packets)) = seeds.get(number as usize % seeds.len().max(1)) else { break };
        let damaged = mutate(file, packets, &mut rng);
        let what = match read(&damaged) {
            None => Some("it panicked".to_owned()),
            Some((text, _)) if std::str::from_utf8(&text).is_err() => {
                Some("it printed what is not UTF-8".to_owned())
            }
            Some((text, mut effort)) => {
                let proportion = damaged.len() as u64 + text.len() as u64 + inflated(&text);
                bytes += text.len() as u64;
                (longest, most) = (longest.max(effort.cpu), most.max(effort.memory));
                // Other programs disturb a run, but not each of three.
                for _ in 0..2 {
                    if bounds.broken(effort, proportion).is_some()
                        && let Some((_, again)) = read(&damaged)
                    {
                        effort.cpu = effort.cpu.min(again.cpu);
                    }
                }
                bounds.broken(effort, proportion)
            }
        };
        if let Some(what) = what {
            let name = format!("mutation-{number}.pcap");
            println!("{what}: {name}");
            let _ = std::fs::write(&name, damaged);
            return ExitCode::FAILURE;
        }
        if number % 5000 == 4999 {
            println!("{:>7}   longest {longest:?}   most memory {} KiB", number + 1, most >> 10);
        }
    }
    println!(
        "{count} mutations: none bad; longest {longest:?}, most memory {} KiB, {bytes} bytes printed",
        most >> 10
    );
    ExitCode::SUCCESS
}

/// What is printed of a capture, and what that took; nothing where the program panicked.
fn read(file: &[u8]) -> Option<(Vec<u8>, Effort)> {
    let copy = file.to_vec();
    std::panic::catch_unwind(|| measured(|| output(copy))).ok()
}

/// Bounds from what the captures cost before they are damaged.
fn ordinary(seeds: &[(Vec<u8>, Packets)]) -> Option<Bounds> {
    let mut all = Effort { cpu: Duration::ZERO, memory: 0 };
    let mut bytes = 0;
    for (file, _) in seeds {
        let runs: Vec<_> = (0..3).filter_map(|_| read(file)).collect();
        let (text, effort) = runs.into_iter().min_by_key(|(_, effort)| effort.cpu)?;
        all.cpu += effort.cpu;
        bytes += file.len() as u64 + text.len() as u64 + inflated(&text);
    }
    Some(Bounds::new(all, bytes))
}
