//! Real captures, where they are at hand.

use super::drain;
use crate::capture::{Capture, Input, Options};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every capture below a folder.
fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            captures(&path, found);
        } else if [".pcap", ".pcapng", ".cap", ".gz"].iter().any(|end| path.to_string_lossy().ends_with(end))
        {
            found.push(path);
        }
    }
}

/// By file: packets, bytes they had on the wire, first and last second, as capinfos counts them.
fn capinfos(paths: &[PathBuf]) -> Option<HashMap<String, [String; 4]>> {
    let run = Command::new("capinfos")
        .args(["-T", "-m", "-r", "-M", "-S", "-c", "-d", "-a", "-e"])
        .args(paths)
        .output();
    let text = String::from_utf8(run.ok()?.stdout).ok()?;
    let rows = text.lines().filter_map(|line| {
        let mut fields = line.rsplitn(5, ',').map(str::to_owned);
        let (last, first, bytes, packets) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        Some((fields.next()?, [packets, bytes, first, last]))
    });
    Some(rows.collect())
}

#[test]
fn real_captures_are_read_as_capinfos_reads_them() {
    let folder = std::env::var_os("WSLENS_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let mut paths = Vec::new();
    captures(&folder, &mut paths);
    paths.sort();
    if paths.is_empty() {
        eprintln!("skipped: no captures in {}", folder.display());
        return;
    }
    let judge = capinfos(&paths);
    if judge.is_none() {
        eprintln!("capinfos is not installed: mapped and unmapped reading are compared only");
    }
    for path in &paths {
        let read = |no_mmap| {
            let options = Options { no_mmap, ..Options::default() };
            Capture::open(&[Input::Path(path.clone())], &options).map(drain)
        };
        let theirs = judge.as_ref().map(|judge| judge.get(&*path.to_string_lossy()));
        let (Ok(mapped), Ok(unmapped)) = (read(false), read(true)) else {
            assert!(theirs.flatten().is_none(), "{} is not read, but capinfos reads it", path.display());
            continue;
        };
        assert!(mapped.0 == unmapped.0, "{}", path.display());
        let Some(theirs) = theirs else { continue };
        let theirs = theirs.unwrap_or_else(|| panic!("{} is read, but not by capinfos", path.display()));
        let [packets, bytes, first, last] = theirs;
        assert_eq!(mapped.0.len().to_string(), *packets, "{}", path.display());
        let wire: u64 = mapped.0.iter().map(|packet| u64::from(packet.wire_len)).sum();
        assert_eq!(wire.to_string(), *bytes, "{}", path.display());
        // A file whose times lie beyond the year 2262 cannot be compared, nor one whose packets have none.
        if mapped.0.iter().any(|packet| packet.time == i64::MAX) {
            continue;
        }
        let times = mapped.0.iter().map(|packet| packet.time);
        for (time, theirs) in [(times.clone().min(), first), (times.max(), last)] {
            if let (Some(time), Some((seconds, fraction))) = (time, theirs.split_once('.')) {
                let digits = fraction.len() as u32;
                let ours = format!(
                    "{:0width$}",
                    time % 1_000_000_000 / 10i64.pow(9 - digits),
                    width = fraction.len()
                );
                assert_eq!(
                    (&(time / 1_000_000_000).to_string()[..], &ours[..]),
                    (seconds, fraction),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
