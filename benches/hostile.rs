//! What captures cost that are made to cost as much as they can, as a table.
//!
//! ```text
//! cargo bench --bench hostile -- [MIB]
//! ```
//!
//! Each is about so many mebibytes long (4). Seconds are CPU time for 1 GB that is read, inflated and printed; memory
//! is the most that was held, without the file.
#![allow(clippy::cast_precision_loss)]

#[path = "../tests/support/effort.rs"]
mod effort;
#[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]
#[path = "../tests/support/forge.rs"]
mod forge;
#[path = "../tests/support/hostile.rs"]
mod hostile;
#[cfg(feature = "tls")]
#[path = "../tests/support/tls.rs"]
mod tls;

use effort::{Counting, Effort};
use hostile::{HOWS, KINDS, Kind, ORDINARY, inflates_to, read};
use wslens::pipeline::Secrets;

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() {
    let mib = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(4);
    println!("| capture | MB | `stats` | `read` | `check` | memory, KiB |");
    println!("|---|---:|---:|---:|---:|---:|");
    let ordinary = (ORDINARY.name, (ORDINARY.make)(mib << 10), Secrets::default());
    let kinds = KINDS.iter().map(|Kind { name, make }| (*name, make(mib << 10), Secrets::default()));
    for (name, file, secrets) in std::iter::once(ordinary).chain(kinds) {
        row(name, &file, &secrets);
    }
    #[cfg(feature = "tls")]
    {
        let (file, log) = hostile::tls_losses(mib << 10);
        let mut keys = wslens::tls::KeyStore::default();
        keys.feed(&log);
        keys.end();
        row("losses in TLS", &file, &Secrets::new(keys));
    }
}

fn row(name: &str, file: &[u8], secrets: &Secrets) {
    let mut memory = 0;
    let inflated = inflates_to(file, secrets.clone());
    let seconds = HOWS.map(|how| {
        let (Effort { cpu, memory: held }, out) = read(file, how, secrets.clone());
        memory = memory.max(held);
        let bytes = file.len() as u64 + out + inflated;
        format!("{:.1}", cpu.as_secs_f64() * 1e9 / bytes as f64)
    });
    println!("| {name} | {:.1} | {} | {} |", file.len() as f64 / 1e6, seconds.join(" | "), memory >> 10);
}
