//! Where packets are kept: files, rings, standard output, temporary files, and disks that are full.

use std::fs;
use std::io::BufRead as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Running, WSLENS, converse, heard, is_root, listen, may_capture};
use crate::read::read;

/// A file system in memory, of so many KiB, for as long as this lives.
struct Small(tempfile::TempDir);

impl Small {
    /// None where this user may not mount one.
    fn new(kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if !is_root() {
            return None;
        }
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={kib}k,mode=1777"), "tmpfs"]).arg(folder.path());
        let mounted = command.output().is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: no file system can be mounted");
        }
        mounted.then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all of its room but so many KiB.
    fn fill(&self, left: u64) {
        let room = self.free() / 1024;
        fs::write(self.path().join("fill"), vec![1; (room.saturating_sub(left) * 1024) as usize]).unwrap();
    }

    fn free(&self) -> u64 {
        let about = Command::new("df").args(["--output=avail", "-B1"]).arg(self.path()).output().unwrap();
        String::from_utf8(about.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// A folder that every user may write to.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The packets of a capture file that is whole.
fn packets(path: &Path) -> u64 {
    let mut capture = wslens::capture::Capture::open(&[path.to_owned().into()], &Default::default()).unwrap();
    while capture.next().is_some() {}
    assert!(capture.totals().complete, "{}", path.display());
    capture.totals().packets
}

#[test]
fn a_ring_that_is_begun_again_overwrites_nothing_and_keeps_its_bound() {
    if !may_capture() {
        return;
    }
    let folder = open_folder();
    // None of the ring's, though they look like it.
    let others = ["day_00001.pcapng", "day_00002_20261130094400.pcap", "days_00003_20261130094400.pcapng"];
    for name in others {
        fs::write(folder.path().join(name), "mine").unwrap();
    }
    let base = folder.path().join("day.pcapng");
    let mut seen: Vec<(String, u64)> = Vec::new();
    for run in 0..3 {
        let (listener, filter) = listen();
        let wslens = Running::on_lo(&["-f", &filter, "-w", base.to_str().unwrap(), "--ring", "3x100KiB"]);
        converse(listener, 60);
        let end = wslens.end();
        assert_eq!(end.code, Some(0), "{}", end.said);
        let ring: Vec<String> =
            names(folder.path()).into_iter().filter(|name| !others.contains(&name.as_str())).collect();
        assert!(!ring.is_empty() && ring.len() <= 3, "{run}: {ring:?}");
        let mut total = 0;
        for name in &ring {
            let parts: Vec<&str> = name.trim_end_matches(".pcapng").split('_').collect();
            let [base, number, time] = parts[..] else { panic!("{name}") };
            assert!(base == "day" && number.len() == 5 && time.len() == 14, "{name}");
            let about = fs::metadata(folder.path().join(name)).unwrap();
            total += about.len();
            assert_eq!(about.mode() & 0o7777, 0o600);
            assert!(packets(&folder.path().join(name)) > 0);
            // A name stands for one file, ever.
            if let Some((_, inode)) = seen.iter().find(|(known, _)| known == name) {
                assert_eq!(*inode, about.ino(), "{name}");
            } else {
                let last = seen.last().map_or("", |(name, _)| name);
                assert!(name.as_str() > last, "{name} comes after {last}");
                seen.push((name.clone(), about.ino()));
            }
        }
        assert!(total <= 3 * (101 << 10), "{total}");
    }
    assert!(seen.len() > 4, "{seen:?}");
    for name in others {
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"mine");
    }
}

#[test]
fn packets_go_to_standard_output_as_they_come() {
    if !may_capture() {
        return;
    }
    let (listener, filter) = listen();
    let mut command = Command::new(WSLENS);
    let folder = open_folder();
    command.args(["live", "-i", "lo", "-f", &filter, "-w", "-"]).current_dir(folder.path());
    let wslens = Running::start(&mut command).read_bytes();
    let (client, server) = converse(listener, 60);
    let (end, bytes) = wslens.end_with_bytes();
    assert_eq!(end.code, Some(0), "{}", end.said);
    assert!(names(folder.path()).is_empty());
    let output = read(bytes);
    assert!(heard(&output, "c2s") == client && heard(&output, "s2c") == server, "{}", end.said);
    // Whoever reads them may leave: that is no failure.
    let (listener, filter) = listen();
    let mut command = Command::new(WSLENS);
    command.args(["live", "-i", "lo", "-f", &filter, "-w", "-", "--for", "60s"]);
    let mut wslens = Running::start(&mut command);
    drop(wslens.child.stdout.take());
    converse(listener, 60);
    let end = wslens.wait();
    assert_eq!(end.code, Some(0), "{}", end.said);
}

#[test]
fn an_existing_file_is_not_replaced_and_an_output_is_no_input() {
    let folder = open_folder();
    let path = folder.path().join("there");
    fs::write(&path, "mine").unwrap();
    let there = path.to_str().unwrap();
    for args in [
        &["-w", there][..],
        &["-o", there],
        &["-w", "new", "-o", "./new"],
        #[cfg(feature = "tls")]
        &["--keylog", there, "-w", there, "--force"],
        #[cfg(feature = "tls")]
        &["--keylog", there, "-o", there, "--force"],
    ] {
        let mut command = Command::new(WSLENS);
        command.args(["live", "-i", "lo", "--for", "1ms"]).args(args).current_dir(folder.path());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert_eq!(fs::read(&path).unwrap(), b"mine", "{args:?}");
        assert_eq!(names(folder.path()), ["there"], "{args:?}: {said}");
    }
}

#[test]
fn a_full_disk_is_reported_at_once_and_the_file_ends_with_a_whole_block() {
    if !may_capture() {
        return;
    }
    let Some(small) = Small::new(4096) else { return };
    small.fill(300);
    let path = small.path().join("kept.pcapng");
    let (listener, filter) = listen();
    let mut wslens =
        Running::on_lo(&["-f", &filter, "--level", "all", "-w", path.to_str().unwrap()]).read_on();
    let (client, server) = converse(listener, 200);
    // While it still captures.
    while !wslens.said.contains("No space left on device") {
        assert!(wslens.words.read_line(&mut wslens.said).unwrap() > 0, "it ended: {}", wslens.said);
    }
    assert!(wslens.child.try_wait().unwrap().is_none());
    let end = wslens.end();
    assert_eq!(end.code, Some(5), "{}", end.said);
    let kept = packets(&path);
    assert!(kept > 5, "{kept}");
    assert!(end.said.contains(&format!("saved {} ({kept} packets", path.display())), "{}", end.said);
    let live = end.output();
    let all = live.summary()["packets"].as_u64().unwrap();
    assert!(end.said.contains(&format!("{} packets were not saved", all - kept)), "{}", end.said);
    assert!(heard(&live, "c2s") == client && heard(&live, "s2c") == server, "the analysis continues");
}

#[test]
fn a_full_disk_for_temporary_files_ends_nothing() {
    if !may_capture() {
        return;
    }
    // Full from the start, and filled by somebody else while the capture runs.
    for early in [true, false] {
        let Some(small) = Small::new(8192) else { return };
        let folder = open_folder();
        let path = folder.path().join("kept.pcapng");
        if early {
            small.fill(40);
        }
        let (listener, filter) = listen();
        let mut command = Command::new(WSLENS);
        command.args(["live", "-i", "lo", "--format", "ndjson", "--level", "all", "-f", &filter]);
        command.args(["--max-disk", "16MiB", "-w"]);
        command.arg(&path).env("TMPDIR", small.path());
        let wslens = Running::start(&mut command).read_on();
        if !early {
            small.fill(100);
        }
        let (client, server) = converse(listener, 300);
        let end = wslens.end();
        assert_eq!(end.code, Some(0), "{early}: {}", end.said);
        assert!(end.said.contains("the disk for temporary files is full"), "{early}: {}", end.said);
        let live = end.output();
        assert_eq!(live.summary()["losses"]["queue"], 0, "{early}: {}", end.said);
        assert!(heard(&live, "c2s") == client && heard(&live, "s2c") == server, "{early}: {}", end.said);
        assert_eq!(packets(&path), live.summary()["packets"].as_u64().unwrap(), "{early}: {}", end.said);
    }
}

#[test]
fn temporary_files_that_nobody_needs_again_are_released() {
    if !may_capture() {
        return;
    }
    let Some(small) = Small::new(128 << 10) else { return };
    let whole = small.free();
    let (listeners, filters): (Vec<_>, Vec<_>) = (0..12).map(|_| listen()).unzip();
    let mut command = Command::new(WSLENS);
    command.args(["live", "-i", "lo", "--format", "ndjson", "--level", "connections"]);
    command.args(["-f", &filters.join(" or "), "--max-disk", "100MiB"]).env("TMPDIR", small.path());
    let wslens = Running::start(&mut command).read_on();
    // Over 20 MB, in files of 2 MiB.
    listeners.into_iter().for_each(|listener| drop(converse(listener, 250)));
    let start = Instant::now();
    while whole - small.free() > 8 << 20 {
        assert!(start.elapsed() < Duration::from_secs(60), "{} bytes are taken", whole - small.free());
        std::thread::sleep(Duration::from_millis(50));
    }
    let end = wslens.end();
    assert_eq!(end.code, Some(0), "{}", end.said);
    let bytes = end.said.lines().find(|line| line.contains("TCP connections")).unwrap();
    assert!(bytes.split(' ').next().unwrap().parse::<u64>().unwrap() > 500, "{bytes}");
}

#[test]
fn the_spool_is_a_quarter_of_the_free_space_at_most() {
    let Some(small) = Small::new(4 << 10) else { return };
    let program = PathBuf::from(WSLENS);
    let mut command = Command::new(&program);
    command.args(["live", "-i", "lo", "-f", "tcp port 1"]).env("TMPDIR", small.path()).stdin(Stdio::null());
    if !may_capture() {
        return;
    }
    let wslens = Running::start(&mut command);
    // Its files are of 1 MiB, the least, instead of the 32 MiB of a spool of 1 GiB.
    let lens: Vec<u64> = fs::read_dir(format!("/proc/{}/fd", wslens.child.id()))
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let target = fs::read_link(&path).ok()?;
            let about = fs::metadata(&path).ok()?;
            target.starts_with(small.path()).then_some(about.len())
        })
        .collect();
    assert!(!lens.is_empty() && lens.iter().all(|len| *len == 1 << 20), "{lens:?}");
    assert_eq!(wslens.end().code, Some(0));
}
