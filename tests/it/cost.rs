//! No capture costs more CPU time than in proportion to its bytes, those that it inflates to and those that are printed.

use std::time::Duration;

use wslens::capture::Capture;
use wslens::drive::run;
use wslens::pipeline::{Limits, Pipeline, Secrets};
use wslens::report::ndjson::Ndjson;
use wslens::report::stats::{Options, Stats};
use wslens::report::{Level, PayloadMode, Report as _, Selection};

#[cfg(feature = "tls")]
use crate::support::hostile::tls_losses;
use crate::support::hostile::{KINDS, Kind, ORDINARY};
use crate::support::long::cpu;

/// So many times the cost of a byte of ordinary traffic that is read with everything in it.
const MOST: f64 = 80.0;
/// Kibibytes of the smaller captures, about.
const UNITS: usize = 128;
/// What reading anything costs; noise is less.
const LEAST: Duration = Duration::from_millis(20);

/// How a capture is read.
#[derive(Clone, Copy, Debug)]
enum How {
    Stats,
    Read,
    Check,
}

/// What reading a capture costs, and what was printed.
fn cost(file: &[u8], how: How, secrets: Secrets) -> (Duration, Vec<u8>) {
    let mut capture = Capture::from_bytes(file.to_vec()).unwrap();
    let mut out = Vec::new();
    let mut limits = Limits { secrets, ..Limits::default() };
    let begin = cpu();
    if let How::Stats = how {
        (limits.depth.payloads, limits.depth.frames) = (false, false);
        let mut stats = Stats::new(Options::default());
        let summary = run(&mut capture, &mut Pipeline::new(limits), &mut stats, |_, _| true);
        stats.write_json(&mut out, &summary).unwrap();
    } else {
        let level = if let How::Read = how { Level::All } else { Level::Findings };
        let selection = Selection { level, payload: PayloadMode::Full, ..Selection::default() };
        limits.depth.frames = selection.shows(Level::Frames);
        let mut sink = Ndjson::new(&mut out, selection, false);
        let summary = run(&mut capture, &mut Pipeline::new(limits), &mut sink, |_, _| true);
        sink.finish(&summary).unwrap();
    }
    (cpu() - begin, out)
}

/// To how many bytes the messages of a capture inflate.
fn inflated(file: &[u8]) -> u64 {
    let mut capture = Capture::from_bytes(file.to_vec()).unwrap();
    let (mut out, mut stats) = (Vec::new(), Stats::new(Options::default()));
    let summary = run(&mut capture, &mut Pipeline::new(Limits::default()), &mut stats, |_, _| true);
    stats.write_json(&mut out, &summary).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&out).unwrap();
    ["c2s", "s2c"].iter().filter_map(|dir| record["inflated_bytes"][dir].as_u64()).sum()
}

/// The least of some runs.
fn least(file: &[u8], how: How, secrets: &Secrets) -> (Duration, u64) {
    let runs = (0..2).map(|_| cost(file, how, secrets.clone())).map(|(took, out)| (took, out.len() as u64));
    runs.min().unwrap()
}

fn nanoseconds_a_byte(took: Duration, bytes: u64) -> f64 {
    took.as_nanos() as f64 / bytes as f64
}

/// What a byte of ordinary traffic costs, in nanoseconds.
fn ordinary() -> f64 {
    let file = (ORDINARY.make)(8 * UNITS);
    let (took, out) = least(&file, How::Read, &Secrets::default());
    nanoseconds_a_byte(took, file.len() as u64 + out)
}

/// Compares a capture and one that is twice as long, with each other and with ordinary traffic; returns what is wrong.
fn compare(name: &str, files: &[Vec<u8>; 2], secrets: [&Secrets; 2], ordinary: f64) -> Vec<String> {
    let inflated = inflated(&files[1]);
    let mut bad = Vec::new();
    for how in [How::Stats, How::Read, How::Check] {
        let [small, large] = [0, 1].map(|i| least(&files[i], how, secrets[i]));
        let times = nanoseconds_a_byte(large.0, files[1].len() as u64 + large.1 + inflated) / ordinary;
        let growth = large.0.as_secs_f64() / small.0.as_secs_f64();
        let kib = files[1].len() >> 10;
        println!(
            "{name:<54} {how:?}: {kib:>4} KiB {:>8.1?} {times:>5.1} ordinary bytes, {growth:.1}",
            large.0
        );
        if large.0 > LEAST && (times > MOST || growth > 3.0) {
            bad.push(format!("{name}, {how:?}: {times:.1} times, twice as much costs {growth:.1} times"));
        }
    }
    bad
}

#[test]
fn no_kind_of_capture_costs_more_than_in_proportion() {
    let (ordinary, none) = (ordinary(), Secrets::default());
    let files = KINDS.iter().map(|Kind { name, make }| (name, [make(UNITS), make(2 * UNITS)]));
    let bad: Vec<String> =
        files.flat_map(|(name, files)| compare(name, &files, [&none, &none], ordinary)).collect();
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
    let bad = compare("losses in TLS", &[small.0, large.0], [&first, &second], ordinary());
    assert!(bad.is_empty(), "{bad:#?}");
}
