use super::build::{Blocks, MICROS, NANOS, Order, packet, pcap, pcap_header, pcap_record, pcapng};
use super::{Capture, drain, read, through_pipe};
use crate::capture::{Input, Options};
use crate::model::Span;
use flate2::{Compression, write::GzEncoder};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

const START: u64 = 1_700_000_000_000_000_000;

/// A file of packets with many lengths, about 300 kB.
fn sample() -> Vec<u8> {
    let bytes: Vec<u8> = (0..6000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let packets: Vec<_> =
        (0..200).map(|at| packet(START + at * 1000, &bytes[..(at as usize * 37) % 3000])).collect();
    pcap(Order::Le, MICROS, &packets)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::new(6));
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let about = lz4_flex::frame::FrameInfo::new()
        .content_checksum(true)
        .block_size(lz4_flex::frame::BlockSize::Max64KB)
        .block_mode(lz4_flex::frame::BlockMode::Linked);
    let mut packer = lz4_flex::frame::FrameEncoder::with_frame_info(about, Vec::new());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

type Packer = fn(&[u8]) -> Vec<u8>;
const PACKERS: [(&str, Packer); 3] = [("gzip", gzip), ("zstd", zstd), ("lz4", lz4)];

#[test]
fn packed_files_give_the_packets_of_the_plain_file() {
    let file = sample();
    let plain = read(&file).0;
    let (first, second) = file.split_at(100_001);
    for (name, pack) in PACKERS {
        // Two members or frames, one after the other.
        for packed in [pack(&file), [pack(first), pack(second)].concat()] {
            let (packets, codes, capture) = read(&packed);
            assert!(packets == plain, "{name}");
            assert_eq!(codes, ["packet-empty"; 1], "{name}");
            assert!(capture.totals().complete, "{name}");
            assert_eq!(capture.totals().capture_bytes, file.len() as u64);
            assert_eq!(capture.progress(), Some((packed.len() as u64, packed.len() as u64)));
            let piped = drain(through_pipe(&packed, &[1, 7, 4096], 26).unwrap());
            assert!(piped.0 == plain, "{name}");
            assert_eq!(piped.2.progress(), None);
        }
    }
}

#[test]
fn the_older_format_of_lz4_ends_where_the_file_ends() {
    // Magic, then length and bytes of each block.
    let file = sample();
    let mut packed = vec![2, 0x21, 0x4c, 0x18];
    for part in file.chunks(100_001) {
        let block = lz4_flex::block::compress(part);
        packed.extend((block.len() as u32).to_le_bytes());
        packed.extend(block);
    }
    let (packets, _, capture) = read(&packed);
    assert!(packets == read(&sample()).0 && capture.totals().complete);
    let (_, codes, capture) = read(&packed[..packed.len() - 1]);
    assert!(codes.contains(&"capture-truncated") && !capture.totals().complete);
}

#[test]
fn zstd_frames_that_hold_nothing_to_read_are_skipped() {
    let file = sample();
    let skippable = [&[0x51, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"hello"].concat();
    let (packets, _, capture) = read(&[&skippable[..], &zstd(&file), &skippable].concat());
    assert!(packets == read(&file).0 && capture.totals().complete);
}

#[test]
fn a_packed_file_that_is_cut_gives_what_it_holds() {
    let file = sample();
    let plain = read(&file).0;
    for (name, pack) in PACKERS {
        let packed = pack(&file);
        let mut most = 0;
        for cut in [1, 2, 5, 9, 100, packed.len() / 2, packed.len() - 40] {
            let Ok(capture) = Capture::from_bytes(packed[..packed.len() - cut].to_vec()) else {
                assert!(cut > 100, "{name} without the last {cut} bytes");
                continue;
            };
            let (packets, findings, capture) = drain(capture);
            assert!(packets == plain[..packets.len()], "{name}");
            assert!(!capture.totals().complete, "{name} without the last {cut} bytes");
            let text = &findings.last().unwrap().text;
            assert!(text.contains(&format!("the {name} data ends too early")), "{text}");
            most = most.max(packets.len());
        }
        // A window's worth of bytes that the unpacker holds back must not be lost.
        assert!(most > 150, "{name}: {most}");
    }
}

#[test]
fn a_damaged_byte_of_a_packed_file_never_goes_unnoticed() {
    let file = sample();
    let plain = read(&file).0;
    for (name, pack) in PACKERS {
        let packed = pack(&file);
        for at in (0..packed.len()).step_by(packed.len() / 150) {
            let mut packed = packed.clone();
            packed[at] ^= 0x10;
            let Ok(capture) = Capture::from_bytes(packed) else { continue };
            let (packets, _, capture) = drain(capture);
            assert!(packets == plain || !capture.totals().complete, "{name} {at}");
        }
    }
}

#[test]
fn what_is_packed_but_no_capture_is_refused() {
    for (name, pack) in PACKERS {
        let says = super::refusal(&pack(b"just text, no capture"));
        assert_eq!(
            says,
            format!(
                "'memory' is not a capture file (it is {name} data that starts with \"just text, no capture\")"
            )
        );
    }
    assert_eq!(super::refusal(&gzip(b"")), "'memory' is not a capture file (it is gzip of nothing)");
    assert_eq!(super::refusal(&gzip(b"x")[..9]), "cannot read 'memory': the gzip data ends too early");
}

/// A pipe that holds what was put into it, and fails the test when it is read while empty.
#[derive(Clone, Default)]
struct TestLive(Arc<Mutex<VecDeque<u8>>>);

impl TestLive {
    fn put(&self, bytes: &[u8]) {
        self.0.lock().unwrap().extend(bytes);
    }
}

impl Read for TestLive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.0.lock().unwrap();
        assert!(!bytes.is_empty(), "it would wait for bytes that the packet does not need");
        bytes.read(buffer)
    }
}

#[test]
fn a_live_packet_is_given_as_soon_as_its_bytes_are_there() {
    let live = TestLive::default();
    live.put(&pcap_header(Order::Be, NANOS, (2, 4), 65535, 1));
    let mut capture = Capture::from_reader(Box::new(live.clone())).unwrap();
    for at in 0..20u64 {
        live.put(&pcap_record(Order::Be, NANOS, &packet(at, &vec![1; 10 + at as usize * 1000])));
        assert_eq!(capture.next().unwrap().number, at + 1);
    }

    let live = TestLive::default();
    let mut file = Blocks::new(Order::Le);
    live.put(&std::mem::take(&mut file.bytes));
    let mut capture = Capture::from_reader(Box::new(live.clone())).unwrap();
    file.interface(1, 0, &[]);
    for at in 0..20u64 {
        file.packet(0, &packet(at * 1000, &vec![1; 10 + at as usize * 1000]));
        live.put(&std::mem::take(&mut file.bytes));
        assert_eq!(capture.next().unwrap().number, at + 1);
    }
}

#[test]
fn a_pipe_that_has_nothing_yet_is_asked_again() {
    struct Slow(VecDeque<u8>, bool);
    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                (&mut self.0).take(40_000).read(buffer)
            }
        }
    }
    let file = sample();
    let capture = Capture::from_reader(Box::new(Slow(file.iter().copied().collect(), false))).unwrap();
    assert!(drain(capture).0 == read(&file).0);
}

#[test]
fn a_pipe_that_fails_is_a_finding() {
    struct Fails(VecDeque<u8>);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                Err(io::Error::other("the cable was pulled"))
            } else {
                self.0.read(buffer)
            }
        }
    }
    let file = sample();
    for len in [file.len(), file.len() - 1] {
        let capture = Capture::from_reader(Box::new(Fails(file[..len].iter().copied().collect()))).unwrap();
        let (packets, findings, capture) = drain(capture);
        assert!(packets.len() >= 199 && !capture.totals().complete);
        let last = findings.last().unwrap();
        assert_eq!(last.rule.code, "capture-truncated");
        assert!(last.text.contains("the cable was pulled"), "{}", last.text);
    }
}

#[test]
fn what_the_ring_has_overwritten_is_evicted_and_the_rest_stays() {
    let packets: Vec<_> = (0..1000u32).map(|at| packet(START, &at.to_le_bytes().repeat(50))).collect();
    let file = pcap(Order::Le, MICROS, &packets);
    let mut capture = through_pipe(&file, &[1000], 15).unwrap();
    let mut spans: Vec<Span> = Vec::new();
    let mut evicted = 0;
    while let Some(given) = capture.next() {
        spans.push(given.bytes);
        for (span, packet) in spans.iter().zip(&packets) {
            match capture.bytes(*span) {
                Some(bytes) => assert_eq!(bytes, packet.bytes),
                None => evicted += 1,
            }
        }
        // At least a part of the ring's 32 KiB is there, and parts of packets are.
        let recent = spans.iter().rev().take(100);
        assert!(recent.clone().all(|span| capture.bytes(span.part(3, 9)).is_some_and(|b| b.len() == 9)));
    }
    assert!(evicted > 0);
    assert!(
        spans.windows(2).all(|two| two[0].start + u64::from(two[0].len) < two[1].start),
        "addresses grow"
    );
    let last = spans[999];
    assert_eq!(capture.bytes(Span { start: last.start, len: 201 }), None, "beyond the last byte read");
    assert_eq!(capture.bytes(Span { start: u64::MAX, len: u32::MAX }), None);
}

#[test]
fn addresses_outside_a_mapped_file_give_nothing() {
    let mut capture = Capture::from_bytes(sample()).unwrap();
    let span = capture.next().unwrap().bytes;
    assert_eq!(capture.bytes(Span { start: span.start, len: u32::MAX }), None);
    for start in [1 << 30, 1 << 44, u64::MAX] {
        assert_eq!(capture.bytes(Span { start, len: 1 }), None);
    }
}

/// A file of its own, with these bytes.
fn on_disk(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn files_are_read_alike_mapped_or_not() {
    let plain = sample();
    let expected = read(&plain).0;
    for bytes in [plain.clone(), gzip(&plain), zstd(&plain)] {
        let file = on_disk(&bytes);
        for no_mmap in [false, true] {
            let options = Options { no_mmap, ..Options::default() };
            let capture = Capture::open(&[Input::from(file.path().to_path_buf())], &options).unwrap();
            assert_eq!(capture.source_names().collect::<Vec<_>>(), [file.path().to_str().unwrap()]);
            let (packets, _, capture) = drain(capture);
            assert!(packets == expected, "no_mmap: {no_mmap}");
            assert_eq!(capture.progress(), Some((bytes.len() as u64, bytes.len() as u64)));
        }
    }
}

#[test]
fn what_cannot_be_opened_is_named() {
    let refused = |path: &std::path::Path| {
        Capture::open(&[Input::Path(path.to_path_buf())], &Options::default()).err().unwrap().to_string()
    };
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().display();
    assert_eq!(refused(folder.path()), format!("cannot read '{name}': it is a directory"));
    let missing = folder.path().join("missing.pcap");
    assert!(refused(&missing).starts_with(&format!("cannot open '{name}/missing.pcap': ")));
    std::fs::write(&missing, "").unwrap();
    assert_eq!(refused(&missing), format!("'{name}/missing.pcap' is not a capture file (it is empty)"));
    assert!(Capture::open(&[], &Options::default()).is_err());
    assert_eq!(Input::from(std::path::PathBuf::from("-")), Input::Stdin);
}

proptest::proptest! {
    #[test]
    fn a_pipe_gives_what_the_file_gives(
        packets in proptest::collection::vec((0u64..1 << 40, proptest::collection::vec(0u8.., 0..600)), 0..60),
        lens in proptest::collection::vec(1usize..5000, 1..6),
        ng: bool,
        bits in 13u32..16,
    ) {
        let packets: Vec<_> = packets.iter().map(|(time, bytes)| packet(*time, bytes)).collect();
        let file = if ng { pcapng(Order::Be, &packets) } else { pcap(Order::Le, MICROS, &packets) };
        let (mapped, findings, _) = drain(Capture::from_bytes(file.clone()).unwrap());
        // The ring is often smaller than the file.
        let (piped, piped_findings, capture) = drain(through_pipe(&file, &lens, bits).unwrap());
        proptest::prop_assert_eq!(mapped, piped);
        let texts = |findings: &[crate::model::Finding]| findings.iter().map(|f| f.text.clone()).collect::<Vec<_>>();
        proptest::prop_assert_eq!(texts(&findings), texts(&piped_findings));
        proptest::prop_assert_eq!(capture.totals().capture_bytes, file.len() as u64);
    }
}
