use super::build::{MICROS, MODIFIED, NANOS, Order, Packet, packet, pcap, pcap_header, pcap_record};
use super::{read, read_clean, refusal};
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapError};

const START: u64 = 1_700_000_000_123_456_789;

#[test]
fn every_variant_gives_the_same_packets() {
    let packets = [
        packet(START, b"first"),
        Packet { time: START + 1_000, bytes: b"cut".to_vec(), wire_len: 1500 },
        packet(START + 5_000_000_000, &[7; 300]),
    ];
    for order in [Order::Le, Order::Be] {
        for (magic, unit) in [(MICROS, 1000), (NANOS, 1), (MODIFIED, 1000)] {
            let given = read_clean(&pcap(order, magic, &packets));
            assert_eq!(given.len(), 3, "{order:?} {magic:x}");
            for (at, (given, packet)) in given.iter().zip(&packets).enumerate() {
                assert_eq!(given.number, at as u64 + 1);
                assert_eq!(given.time as u64, packet.time / unit * unit, "{order:?} {magic:x}");
                assert_eq!((given.wire_len, given.link), (packet.wire_len, 1));
                assert_eq!(given.bytes, packet.bytes);
            }
        }
    }
}

#[test]
fn times_up_to_2106_are_read() {
    let given = read_clean(&pcap(Order::Le, NANOS, &[packet(u64::from(u32::MAX) * 1_000_000_000, b"x")]));
    assert_eq!(given[0].time, 4_294_967_295_000_000_000);
}

#[test]
fn a_header_alone_is_a_capture_of_no_packets() {
    assert!(read_clean(&pcap(Order::Le, MICROS, &[])).is_empty());
}

#[test]
fn checksum_bits_are_no_part_of_the_link_type() {
    let mut file = pcap_header(Order::Be, MICROS, (2, 4), 65535, 0x3400_0001);
    file.extend(pcap_record(Order::Be, MICROS, &packet(START, b"x")));
    assert_eq!(read_clean(&file)[0].link, 1);
}

#[test]
fn old_versions_have_the_lengths_the_other_way_round() {
    let swapped = |version, bytes: &[u8], wire_len: u32| {
        let mut file = pcap_header(Order::Le, MICROS, version, 65535, 1);
        for word in [1, 2, wire_len, bytes.len() as u32] {
            file.extend(Order::Le.u32(word));
        }
        file.extend(bytes);
        file
    };
    for version in [(2, 2), (2, 3)] {
        let given = read_clean(&swapped(version, b"abc", 60));
        assert_eq!((given[0].bytes.as_slice(), given[0].wire_len), (&b"abc"[..], 60), "{version:?}");
    }
}

#[test]
fn what_is_no_capture_is_refused_with_its_first_bytes() {
    let cases: [(&[u8], &str); 9] = [
        (b"", "'memory' is not a capture file (it is empty)"),
        (b"# Minutes\nof", "'memory' is not a capture file (it starts with \"# Minutes\")"),
        (b"\x01\x02\x03\x04\x05", "'memory' is not a capture file (it starts with the bytes 01 02 03 04 05)"),
        (b"\n", "'memory' is not a capture file (it starts with the bytes 0a)"),
        (b"\x1b[31mred", "'memory' is not a capture file (it starts with the bytes 1b 5b 33 31 6d 72 65 64)"),
        (b"PK\x03\x04..", "'memory' is not a capture file (it is a zip archive)"),
        (
            &[0xd4, 0xc3, 0xb2, 0xa1, 2],
            "cannot read 'memory': the file ends after 5 of the 24 bytes of its header",
        ),
        (b"\n\r\r\n", "cannot read 'memory': the file ends after 4 bytes"),
        (&[0xd4, 0xc3], "'memory' is not a capture file (it starts with the bytes d4 c3)"),
    ];
    for (bytes, says) in cases {
        assert_eq!(refusal(bytes), says);
    }
}

#[test]
fn another_version_than_2_is_refused() {
    let file = pcap_header(Order::Be, NANOS, (1, 4), 65535, 1);
    assert_eq!(refusal(&file), "cannot read 'memory': pcap version 1.4 is not supported");
}

#[test]
fn a_cut_record_is_a_finding_and_the_rest_is_read() {
    let whole = pcap(Order::Le, MICROS, &[packet(START, b"whole"), packet(START, b"cut here")]);
    for cut in 1..24 {
        let (packets, codes, capture) = read(&whole[..whole.len() - cut]);
        assert_eq!((packets.len(), codes), (1, vec!["capture-truncated"]), "{cut}");
        assert!(!capture.totals().complete);
    }
}

#[test]
fn a_record_of_an_impossible_length_ends_the_reading() {
    for len in [u32::MAX, (16 << 20) + 1, 300_000] {
        let mut file = pcap(Order::Be, MICROS, &[packet(START, b"good")]);
        for word in [1, 2, len, len] {
            file.extend(Order::Be.u32(word));
        }
        file.extend([0; 500]);
        let (packets, codes, capture) = read(&file);
        assert_eq!((packets.len(), codes), (1, vec!["capture-bad-record-length"]), "{len}");
        assert!(!capture.totals().complete);
    }
}

#[test]
fn packets_above_the_snap_length_are_read_where_the_file_holds_them() {
    let mut file = pcap_header(Order::Le, MICROS, (2, 4), 96, 1);
    for len in [97, 70_000, 600_000, 16 << 20] {
        file.extend(pcap_record(Order::Le, MICROS, &packet(START, &vec![9; len])));
    }
    let lens: Vec<usize> = read_clean(&file).iter().map(|packet| packet.bytes.len()).collect();
    assert_eq!(lens, [97, 70_000, 600_000, 16 << 20]);
}

#[test]
fn an_empty_record_and_a_clock_that_goes_back_are_told() {
    let packets = [
        packet(START, b""),
        packet(START - 1_000_000, b"a"),
        packet(START, b"b"),
        packet(START - 2_000_000, b"c"),
    ];
    let (given, codes, capture) = read(&pcap(Order::Le, MICROS, &packets));
    assert_eq!((given.len(), codes), (4, vec!["packet-empty", "capture-time-backwards"]));
    assert!(capture.totals().complete);
    assert_eq!(capture.totals().backwards, 2);
}

#[test]
fn findings_of_one_kind_are_listed_up_to_a_hundred_and_counted_beyond() {
    let (packets, findings, _) = super::drain(
        super::Capture::from_bytes(pcap(Order::Le, MICROS, &vec![packet(START, b""); 250])).unwrap(),
    );
    assert_eq!((packets.len(), findings.len()), (250, 101));
    assert_eq!(findings[99].text, "packet 100 at byte 1608: the record holds no bytes");
    assert!(findings[100].text.ends_with(": 150 more of these were met and are not listed"));
}

proptest::proptest! {
    #[test]
    fn another_reader_sees_the_same(
        big: bool,
        nanos: bool,
        packets in proptest::collection::vec((0u32..u32::MAX, 0u32..1_000_000, proptest::collection::vec(0u8.., 1..80), 0u32..9), 0..20),
    ) {
        let order = if big { Order::Be } else { Order::Le };
        let magic = if nanos { NANOS } else { MICROS };
        let packets: Vec<Packet> = packets.into_iter().map(|(seconds, fraction, bytes, more)| Packet {
            time: u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * if nanos { 1 } else { 1000 },
            wire_len: bytes.len() as u32 + more,
            bytes,
        }).collect();
        let file = pcap(order, magic, &packets);
        let (given, _, _) = read(&file);

        let mut reader = LegacyPcapReader::new(65536, &file[..]).unwrap();
        let mut seen = Vec::new();
        loop {
            match reader.next() {
                Ok((len, block)) => {
                    if let PcapBlockOwned::Legacy(block) = block {
                        let unit = if nanos { 1 } else { 1000 };
                        let time = i64::from(block.ts_sec) * 1_000_000_000 + i64::from(block.ts_usec) * unit;
                        seen.push((time, block.origlen, block.data[..block.caplen as usize].to_vec()));
                    }
                    reader.consume(len);
                }
                Err(PcapError::Eof) => break,
                Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
                Err(error) => panic!("{error:?}"),
            }
        }
        let given: Vec<_> = given.into_iter().map(|p| (p.time, p.wire_len, p.bytes)).collect();
        proptest::prop_assert_eq!(given, seen);
    }
}
