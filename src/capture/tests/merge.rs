use super::build::{Blocks, MICROS, NANOS, Order, packet, pcap, pcapng};
use super::{Capture, drain};
use crate::capture::source::CaptureSource;
use crate::capture::{CaptureError, Input, Options};
use std::process::Command;

fn open(files: &[Vec<u8>]) -> Capture {
    let sources = files.iter().enumerate().map(|(index, bytes)| {
        let keeping = Options::default().keeping(false);
        CaptureSource::from_bytes(bytes.clone(), &format!("file{index}"), index, keeping).unwrap()
    });
    Capture::from_sources(sources.collect())
}

#[test]
fn several_files_are_one_capture_in_the_order_of_time() {
    let first = pcap(Order::Le, NANOS, &[packet(10, b"a"), packet(30, b"c"), packet(30, b"d")]);
    let second = pcap(Order::Be, NANOS, &[packet(20, b"b"), packet(30, b"e")]);
    let mut capture = open(&[first.clone(), second.clone(), pcapng(Order::Le, &[])]);
    let mut seen = Vec::new();
    while let Some(packet) = capture.next() {
        let name = capture.source_name(&packet).to_owned();
        seen.push((packet.number, capture.bytes(packet.bytes).unwrap().to_vec(), name));
    }
    let expected = [(1, "a", 0), (2, "b", 1), (3, "c", 0), (4, "d", 0), (5, "e", 1)];
    assert_eq!(seen, expected.map(|(n, b, f)| (n, b.as_bytes().to_vec(), format!("file{f}"))));
    assert_eq!(capture.totals().capture_bytes, (first.len() + second.len() + 48) as u64);
    let (done, total) = capture.progress().unwrap();
    assert_eq!(done, total);
}

#[test]
fn findings_and_comments_have_the_numbers_of_the_merged_capture() {
    let mut first = Blocks::new(Order::Le);
    first.interface(1, 0, &[]);
    first.commented(&packet(1_000, b"a"), &["one"]).packet(9, &packet(0, b"skipped"));
    first.commented(&packet(5_000, b"c"), &["three"]).packet(9, &packet(0, b"skipped at the end"));
    let second = pcap(Order::Le, MICROS, &[packet(2_000, b""), packet(9_000, b"z")]);
    let (packets, findings, capture) = drain(open(&[first.bytes, second]));
    let order: Vec<_> = packets.iter().map(|p| (p.number, p.bytes.as_slice())).collect();
    assert_eq!(order, [(1, &b"a"[..]), (2, b""), (4, b"c"), (6, b"z")]);
    let mut told: Vec<_> = findings.iter().map(|f| (f.packet, f.rule.code)).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [(2, "packet-empty"), (3, "capture-unknown-interface"), (5, "capture-unknown-interface")]
    );
    let empty = findings.iter().find(|f| f.packet == 2).unwrap();
    assert_eq!(empty.text, "packet 2 at byte 24 of file1: the record holds no bytes");
    let comments: Vec<_> = capture.notes().comments.iter().map(|c| (c.packet, &c.text[..])).collect();
    assert_eq!(comments, [(1, "one"), (4, "three")]);
    assert_eq!((capture.totals().packets, capture.totals().skipped[0].1), (6, 2));
}

#[test]
fn one_file_that_cannot_be_read_keeps_no_other_from_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.pcap"), folder.path().join("bad.pcap"));
    std::fs::write(&good, pcap(Order::Le, MICROS, &[packet(5, b"x")])).unwrap();
    std::fs::write(&bad, "no capture").unwrap();
    let open = |paths: &[&std::path::Path]| {
        let inputs: Vec<_> = paths.iter().map(|path| Input::Path(path.to_path_buf())).collect();
        Capture::open(&inputs, &Options::default())
    };
    assert!(open(&[&good, &good]).unwrap().unreadable().is_empty());
    let missing = folder.path().join("missing.pcap");
    for (inputs, unreadable, packets) in [
        (&[&bad, &good][..], &["bad.pcap"][..], 1),
        (&[&good, &missing, &bad, &good], &["missing.pcap", "bad.pcap"], 2),
    ] {
        let inputs: Vec<&std::path::Path> = inputs.iter().map(|path| path.as_path()).collect();
        let mut capture = open(&inputs).unwrap();
        let words = capture.unreadable().to_vec();
        assert_eq!(words.len(), unreadable.len());
        assert!(words.iter().zip(unreadable).all(|(words, name)| words.contains(name)), "{words:?}");
        let read: Vec<_> = std::iter::from_fn(|| capture.next()).collect();
        assert_eq!((read.len(), capture.totals().complete), (packets, false));
        assert!(read.iter().all(|packet| capture.bytes(packet.bytes) == Some(b"x")));
        let codes: Vec<_> = capture.take_findings().iter().map(|finding| finding.rule.code).collect();
        assert_eq!(codes, ["capture-bad-magic"], "the one that is there");
    }
    assert!(
        matches!(open(&[&bad, &missing]), Err(CaptureError::NotCapture { name, .. }) if name.ends_with("bad.pcap"))
    );
}

#[test]
fn mergecap_puts_them_into_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<Vec<u8>> = (0..3u64)
        .map(|file| {
            let packets: Vec<_> = (0..40u64)
                // Not in order within a file, and never equal in two files, where mergecap prefers the last.
                .map(|at| {
                    packet((at * 21 + (at * file * 5) % 11 * 9 + file) * 1_000_000, &[file as u8, at as u8])
                })
                .collect();
            pcap(Order::Le, MICROS, &packets)
        })
        .collect();
    let paths: Vec<_> = (0..3).map(|file| folder.path().join(format!("{file}.pcap"))).collect();
    for (path, bytes) in paths.iter().zip(&files) {
        std::fs::write(path, bytes).unwrap();
    }
    let merged = folder.path().join("merged.pcap");
    let Ok(run) = Command::new("mergecap").args(["-F", "pcap", "-w"]).arg(&merged).args(&paths).output()
    else {
        eprintln!("skipped: mergecap is not installed");
        return;
    };
    assert!(run.status.success(), "{run:?}");
    let theirs = drain(Capture::from_bytes(std::fs::read(&merged).unwrap()).unwrap()).0;
    assert_eq!(drain(open(&files)).0, theirs);
}

proptest::proptest! {
    #[test]
    fn merging_sorts_by_time_and_then_by_file(
        files in proptest::collection::vec(proptest::collection::vec(0u64..50, 0..30), 2..6),
    ) {
        let mut expected = Vec::new();
        let mut bytes = Vec::new();
        for (file, times) in files.iter().enumerate() {
            let mut times = times.clone();
            times.sort_unstable();
            let packets: Vec<_> =
                times.iter().enumerate().map(|(at, time)| packet(*time, &[file as u8, at as u8])).collect();
            expected.extend(packets.iter().map(|p| (p.time as i64, file, p.bytes.clone())));
            bytes.push(pcap(if file % 2 == 0 { Order::Le } else { Order::Be }, NANOS, &packets));
        }
        expected.sort_by_key(|(time, file, _)| (*time, *file));
        let (given, findings, _) = drain(open(&bytes));
        proptest::prop_assert!(findings.is_empty());
        proptest::prop_assert!(given.iter().zip(1..).all(|(packet, number)| packet.number == number));
        let given: Vec<_> = given.into_iter().map(|p| (p.time, p.bytes)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(time, _, bytes)| (time, bytes)).collect();
        proptest::prop_assert_eq!(given, expected);
    }
}
