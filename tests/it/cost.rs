//! No capture costs more CPU time than in proportion to its bytes, those that it inflates to and those that are printed.

use std::time::Duration;

use wslens::pipeline::Secrets;

use crate::support::effort::{Bounds, Effort};
#[cfg(feature = "tls")]
use crate::support::hostile::tls_losses;
use crate::support::hostile::{HOWS, How, KINDS, Kind, ORDINARY, inflates_to, read};

/// Kibibytes of the smaller captures, about.
const UNITS: usize = 128;
/// Shorter times say nothing about growth.
const LEAST: Duration = Duration::from_millis(20);

/// The least of some runs, and the bytes that were printed.
fn least(file: &[u8], how: How, secrets: &Secrets) -> (Effort, u64) {
    let runs = (0..2).map(|_| read(file, how, secrets.clone()));
    runs.min_by_key(|(effort, _)| effort.cpu).unwrap()
}

/// What ordinary traffic allows.
fn bounds() -> Bounds {
    let file = (ORDINARY.make)(8 * UNITS);
    let (effort, out) = least(&file, How::Read, &Secrets::default());
    Bounds::new(effort, file.len() as u64 + out)
}

/// Compares a capture and one that is twice as long, with each other and with ordinary traffic; returns what is wrong.
fn compare(name: &str, files: &[Vec<u8>; 2], secrets: [&Secrets; 2], bounds: &Bounds) -> Vec<String> {
    let inflated = inflates_to(&files[1], secrets[1].clone());
    let mut bad = Vec::new();
    for how in HOWS {
        let [(small, _), (large, out)] = [0, 1].map(|i| least(&files[i], how, secrets[i]));
        let bytes = files[1].len() as u64 + out + inflated;
        let times = bounds.times(large.cpu, bytes);
        let growth = large.cpu.as_secs_f64() / small.cpu.as_secs_f64();
        println!(
            "{name:<54} {how:?}: {:>4} KiB {:>8.1?} {times:>5.1} ordinary bytes, {growth:.1}; {} KiB of memory",
            files[1].len() >> 10,
            large.cpu,
            large.memory >> 10,
        );
        bad.extend(bounds.broken(large, bytes).map(|what| format!("{name}, {how:?}: {what}")));
        if large.cpu > LEAST && growth > 3.0 {
            bad.push(format!("{name}, {how:?}: twice as much costs {growth:.1} times"));
        }
    }
    bad
}

#[test]
fn no_kind_of_capture_costs_more_than_in_proportion() {
    let (bounds, none) = (bounds(), Secrets::default());
    let files = KINDS.iter().map(|Kind { name, make }| (name, [make(UNITS), make(2 * UNITS)]));
    let bad: Vec<String> =
        files.flat_map(|(name, files)| compare(name, &files, [&none, &none], &bounds)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[cfg(feature = "tls")]
#[test]
fn losses_in_tls_cost_no_more_than_in_proportion() {
    let (small, large) = (tls_losses(UNITS), tls_losses(2 * UNITS));
    let secrets = |log: &[u8]| {
        let mut keys = wslens::tls::KeyStore::default();
        keys.feed(log);
        keys.end();
        Secrets::new(keys)
    };
    let (first, second) = (secrets(&small.1), secrets(&large.1));
    let bad = compare("losses in TLS", &[small.0, large.0], [&first, &second], &bounds());
    assert!(bad.is_empty(), "{bad:#?}");
}
