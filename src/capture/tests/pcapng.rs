use super::build::{Blocks, Order, Packet, packet, pcapng};
use super::{read, read_clean, refusal};
use crate::capture::{Comment, Name};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, PcapBlockOwned, PcapError, PcapNGReader};

const START: u64 = 1_700_000_000_123_456_000;

fn bytes_of(packets: &[super::Given]) -> Vec<&[u8]> {
    packets.iter().map(|packet| packet.bytes.as_slice()).collect()
}

#[test]
fn every_packet_block_is_read_in_both_byte_orders() {
    for order in [Order::Le, Order::Be] {
        let mut file = Blocks::new(order);
        file.interface(1, 9, &[]).interface(113, 0, &[]);
        file.packet(0, &packet(START, b"enhanced"));
        file.simple(&Packet { time: 0, bytes: b"a simple ".to_vec(), wire_len: 12 });
        file.old_packet(1, &Packet { time: START + 1_000, bytes: b"old".to_vec(), wire_len: 60 });
        file.block(5, &[0; 12]);
        let given = read_clean(&file.bytes);
        assert_eq!(bytes_of(&given), [&b"enhanced"[..], b"a simple ", b"old"], "{order:?}");
        let facts: Vec<_> = given.iter().map(|p| (p.number, p.time as u64, p.wire_len, p.link)).collect();
        // A Simple Packet Block has no time: it gets that of the packet before it.
        assert_eq!(facts, [(1, START, 8, 1), (2, START, 12, 1), (3, START + 1_000, 60, 113)]);
    }
}

/// The same file as old programs wrote it: block lengths without the padding, also behind it.
fn with_unpadded_lengths(
    file: &[u8],
    order: Order,
    mut unpadded: impl FnMut(u32, &[u8]) -> usize,
) -> Vec<u8> {
    let word = |at: usize| {
        let bytes = file[at..at + 4].try_into().unwrap();
        if order == Order::Le { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    };
    let (mut out, mut at) = (file.to_vec(), 0);
    while at < file.len() {
        let size = word(at + 4) as usize;
        let len = order.u32(unpadded(word(at), &file[at..at + size]) as u32);
        out[at + 4..at + 8].copy_from_slice(&len);
        out[at + size - 4..at + size].copy_from_slice(&len);
        at += size;
    }
    out
}

#[test]
fn old_blocks_whose_length_lacks_the_padding_are_read() {
    for order in [Order::Le, Order::Be] {
        let mut file = Blocks { order, bytes: Vec::new() };
        file.section(order, (1, 0), &[(1, b"a section")]);
        file.interface(1, 0, &[(2, b"eth0")]).interface(101, 0, &[]);
        file.old_packet(0, &packet(START, b"a")).packet(0, &packet(START, b"bb"));
        file.simple(&packet(0, b"ccc"))
            .packet(1, &packet(START, b"dddd"))
            .packet(1, &packet(START, b"eeeee"));
        let expected = read_clean(&file.bytes);
        assert_eq!(expected.len(), 5);
        // Packet blocks end behind the packet.
        let old = with_unpadded_lengths(&file.bytes, order, |kind, block| {
            let zeros = block.iter().rev().skip(4).take_while(|byte| **byte == 0).count();
            block.len() - if matches!(kind, 2 | 3 | 6) { zeros.min(3) } else { 0 }
        });
        assert_ne!(old, file.bytes);
        assert_eq!(read_clean(&old), expected, "{order:?}");
        // The section header too.
        let mut first = false;
        let old = with_unpadded_lengths(&file.bytes, order, |_, block| {
            block.len() - usize::from(!std::mem::replace(&mut first, true))
        });
        assert_eq!(read_clean(&old), expected, "{order:?}");
        // A length that is only damaged is no such block.
        let mut damaged = file.bytes.clone();
        let at = 48 + if order == Order::Le { 4 } else { 7 };
        damaged[at] ^= 1;
        let (_, codes, _) = read(&damaged);
        assert!(codes.contains(&"capture-bad-block"), "{codes:?}");
    }
}

#[test]
fn each_interface_has_its_own_clock() {
    for order in [Order::Le, Order::Be] {
        let mut file = Blocks::new(order);
        let offset = order.u64((-5i64).cast_unsigned());
        let day = order.u64(86_400);
        file.interface(1, 0, &[]);
        file.interface(1, 0, &[(9, &[9])]);
        file.interface(1, 0, &[(9, &[0x80 | 20]), (14, &day)]);
        file.interface(1, 0, &[(9, &[12]), (14, &offset)]);
        for (interface, ticks) in
            [(0, 9_500_000u64), (1, 9_500_000_000), (2, 19 << 19), (3, 14_500_000_000_000)]
        {
            file.ticks(interface, ticks, &packet(0, b"x"));
        }
        let (given, _, _) = read(&file.bytes);
        let times: Vec<i64> = given.iter().map(|packet| packet.time).collect();
        assert_eq!(times, [9_500_000_000, 9_500_000_000, 86_409_500_000_000, 9_500_000_000], "{order:?}");
    }
}

#[test]
fn sections_have_their_own_byte_order_and_interfaces() {
    let mut file = Blocks::new(Order::Be);
    file.interface(101, 0, &[]).packet(0, &packet(START, b"big"));
    file.section(Order::Le, (1, 2), &[]).interface(1, 0, &[]).packet(0, &packet(START, b"little"));
    file.section(Order::Be, (1, 0), &[]);
    file.packet(0, &packet(START, b"lost"));
    let (given, codes, capture) = read(&file.bytes);
    assert_eq!(bytes_of(&given), [&b"big"[..], b"little"]);
    assert_eq!((given[0].link, given[1].link), (101, 1));
    assert_eq!(codes, ["capture-unknown-interface"]);
    assert_eq!(capture.totals().skipped, [("unknown-interface", 1)]);
    assert_eq!(capture.totals().packets, 3);
}

#[test]
fn a_packet_that_names_an_unknown_interface_keeps_its_number() {
    let mut file = Blocks::new(Order::Le);
    file.simple(&packet(0, b"before any interface")).interface(1, 0, &[]);
    file.packet(0, &packet(START, b"a")).packet(7, &packet(START, b"b")).packet(0, &packet(START, b"c"));
    let (given, codes, _) = read(&file.bytes);
    assert_eq!(given.iter().map(|packet| packet.number).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(codes, ["capture-unknown-interface"; 2]);
}

#[test]
fn unknown_blocks_are_skipped_and_told_once_for_each_type() {
    let mut file = Blocks::new(Order::Le);
    file.block(0x4141, b"abc").block(0x8000_0001, b"").block(0x4141, b"").interface(1, 0, &[]);
    file.packet(0, &packet(START, b"x"));
    let (given, codes, capture) = read(&file.bytes);
    assert_eq!((given.len(), codes), (1, vec!["capture-unknown-block"; 2]));
    assert!(capture.totals().complete);
}

#[test]
fn custom_blocks_and_journal_entries_have_numbers_as_in_wireshark() {
    let mut file = Blocks::new(Order::Le);
    file.interface(1, 0, &[]).block(0xbad, &[0; 8]).block(9, b"__REALTIME_TIMESTAMP=1\n");
    file.packet(0, &packet(START, b"x")).block(0x4000_0bad, &[0; 8]);
    let (given, codes, capture) = read(&file.bytes);
    assert_eq!((given[0].number, codes.len()), (3, 0));
    assert_eq!(capture.totals().skipped, [("custom-block", 2), ("journal-entry", 1)]);
}

#[test]
fn what_a_file_says_about_itself_is_kept() {
    for order in [Order::Le, Order::Be] {
        let mut file = Blocks { order, bytes: Vec::new() };
        file.section(
            order,
            (1, 0),
            &[(1, b"a section"), (2, b"ARM"), (3, b"Linux"), (4, b"by hand"), (1, b"twice")],
        );
        file.interface(1, 96, &[(2, b"eth0"), (3, b"the first"), (1, b"noisy")]);
        let mut names = Vec::new();
        for (kind, value) in [
            (1u16, &b"\x7f\0\0\x01home\0localhost\0"[..]),
            (2, &[b"\0".repeat(15), b"\x01six\0".to_vec()].concat()),
        ] {
            names.extend(order.u16(kind));
            names.extend(order.u16(value.len() as u16));
            names.extend(value);
            names.resize(names.len().next_multiple_of(4), 0);
        }
        names.extend([0; 4]);
        file.block(4, &names);
        let mut secrets = order.u32(0x544c_534b).to_vec();
        secrets.extend(order.u32(21));
        secrets.extend(b"CLIENT_RANDOM 01 02\r\n");
        file.block(10, &secrets);
        file.packet(0, &packet(START, b"x")).commented(&packet(START, b"yy"), &["look", "here"]);

        let (given, codes, capture) = read(&file.bytes);
        assert_eq!((given.len(), codes.len()), (2, 0), "{order:?}");
        let notes = capture.notes();
        let section = &notes.sections[0];
        assert_eq!(section.comments, ["a section", "twice"]);
        assert_eq!(section.hardware.as_deref(), Some("ARM"));
        assert_eq!(
            (section.system.as_deref(), section.application.as_deref()),
            (Some("Linux"), Some("by hand"))
        );
        let interface = &notes.interfaces[0];
        assert_eq!((interface.name.as_deref(), interface.snaplen), (Some("eth0"), 96));
        assert_eq!(
            (interface.description.as_deref(), &interface.comments[0][..]),
            (Some("the first"), "noisy")
        );
        assert_eq!(
            notes.names,
            [
                Name {
                    source: 0,
                    address: "127.0.0.1".parse().unwrap(),
                    names: vec!["home".into(), "localhost".into()]
                },
                Name { source: 0, address: "::1".parse().unwrap(), names: vec!["six".into()] },
            ]
        );
        assert_eq!(
            (notes.secrets[0].kind, &notes.secrets[0].data[..]),
            (0x544c_534b, &b"CLIENT_RANDOM 01 02\r\n"[..])
        );
        assert!(!format!("{:?}", notes.secrets).contains("CLIENT"), "secrets are never printed");
        let comment = |text: &str| Comment { source: 0, packet: 2, text: text.into() };
        assert_eq!(notes.comments, [comment("look"), comment("here")]);
    }
}

#[test]
fn comments_are_kept_up_to_a_thousand() {
    let mut file = Blocks::new(Order::Le);
    file.interface(1, 0, &[]);
    for _ in 0..1500 {
        file.commented(&packet(START, b"x"), &["again"]);
    }
    let (given, codes, capture) = read(&file.bytes);
    assert_eq!((given.len(), codes.len(), capture.notes().comments.len()), (1500, 0, 1000));
}

/// A file of five packets `p0` to `p4`, and where each block of them starts.
fn five() -> (Vec<u8>, Vec<usize>) {
    let mut file = Blocks::new(Order::Le);
    file.interface(1, 0, &[]);
    let mut starts = Vec::new();
    for at in 0..5u8 {
        starts.push(file.bytes.len());
        file.packet(0, &packet(START, &[b'p', b'0' + at]));
    }
    (file.bytes, starts)
}

#[test]
fn after_a_damaged_block_reading_goes_on_at_the_next_whole_one() {
    let (file, starts) = five();
    let (at, end) = (starts[2], starts[3]);
    // Where in the block, and what is written there: length (zero, odd, too long, huge), trailer.
    let damages: [(usize, u32); 7] = [
        (at + 4, 0),
        (at + 4, 37),
        (at + 4, 44),
        (at + 4, 400),
        (at + 4, 0x7fff_fff0),
        (at + 4, u32::MAX),
        (end - 4, 99),
    ];
    for (place, value) in damages {
        let mut file = file.clone();
        file[place..place + 4].copy_from_slice(&value.to_le_bytes());
        let (given, codes, capture) = read(&file);
        assert_eq!(bytes_of(&given), [b"p0", b"p1", b"p3", b"p4"], "{value}");
        assert_eq!(codes, ["capture-bad-block"], "{value}");
        assert!(!capture.totals().complete);
    }
}

#[test]
fn a_packet_longer_than_its_block_is_skipped_and_counted() {
    let (mut file, starts) = five();
    file[starts[1] + 20..][..4].copy_from_slice(&5u32.to_le_bytes());
    let (given, codes, capture) = read(&file);
    assert_eq!(bytes_of(&given), [b"p0", b"p2", b"p3", b"p4"]);
    assert_eq!(given[1].number, 3);
    assert_eq!((codes, &capture.totals().skipped[..]), (vec!["capture-bad-block"], &[("bad-block", 1)][..]));
}

#[test]
fn a_damaged_block_type_does_not_hide_its_neighbours() {
    let (mut file, starts) = five();
    file[starts[0]] = 0x42;
    let (given, codes, _) = read(&file);
    assert_eq!(bytes_of(&given), [b"p1", b"p2", b"p3", b"p4"]);
    assert_eq!(codes, ["capture-unknown-block"]);
}

#[test]
fn junk_between_blocks_is_stepped_over() {
    let (file, starts) = five();
    let junk: Vec<u8> = (0..4096u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let file = [&file[..starts[3]], &junk, &file[starts[3]..]].concat();
    let (given, codes, _) = read(&file);
    assert_eq!(
        (bytes_of(&given), codes),
        (vec![&b"p0"[..], b"p1", b"p2", b"p3", b"p4"], vec!["capture-bad-block"])
    );
}

#[test]
fn a_cut_block_is_a_finding_and_the_rest_is_read() {
    let (file, starts) = five();
    for len in starts[4] + 1..file.len() {
        let (given, codes, capture) = read(&file[..len]);
        assert_eq!((given.len(), codes), (4, vec!["capture-truncated"]), "{len}");
        assert!(!capture.totals().complete);
    }
}

#[test]
fn a_broken_first_block_is_refused() {
    let mut file = Blocks::new(Order::Be).interface(1, 0, &[]).bytes.clone();
    let refused = |file: &[u8]| refusal(file);
    file[27] = 9;
    assert_eq!(
        refused(&file),
        "cannot read 'memory': the section header has the length 28 at its start and 9 at its end"
    );
    file[7] = 29;
    assert_eq!(refused(&file), "cannot read 'memory': the section header has the length 29 (at byte 4)");
    file[8] = 0;
    assert_eq!(
        refused(&file),
        "cannot read 'memory': the section header has the byte-order magic [00, 2b, 3c, 4d] (at byte 8)"
    );
    assert_eq!(
        refused(&Blocks::new(Order::Le).bytes[..20]),
        "cannot read 'memory': the file ends after 20 of the 28 bytes of the section header"
    );
}

#[test]
fn other_versions_are_refused_at_the_start_and_end_the_reading_later() {
    for version in [(0, 1), (2, 0), (1, 1), (1, 3)] {
        let mut file = Blocks { order: Order::Le, bytes: Vec::new() };
        file.section(Order::Le, version, &[]);
        let says =
            format!("cannot read 'memory': pcapng version {}.{} is not supported", version.0, version.1);
        assert_eq!(refusal(&file.bytes), says);

        let mut file = Blocks::new(Order::Le);
        file.interface(1, 0, &[]).packet(0, &packet(START, b"x")).section(Order::Be, version, &[]);
        file.interface(1, 0, &[]).packet(0, &packet(START, b"y"));
        let (given, codes, capture) = read(&file.bytes);
        assert_eq!((given.len(), codes), (1, vec!["capture-bad-block"]));
        assert!(!capture.totals().complete);
    }
}

#[test]
fn an_option_longer_than_its_block_is_told_and_the_block_is_used() {
    let mut file = Blocks::new(Order::Le);
    file.bytes.truncate(24);
    file.bytes[4..8].copy_from_slice(&32u32.to_le_bytes());
    file.bytes.extend(b"\x01\x00\xff\xff\x20\0\0\0");
    file.interface(1, 0, &[]);
    let mut body = file.packet_body(0, START / 1000, &packet(START, b"kept"));
    body.extend([1, 0, 200, 0, b'x', b'y', b'z', 0]);
    file.block(6, &body);
    let (given, codes, capture) = read(&file.bytes);
    assert_eq!((bytes_of(&given), codes), (vec![&b"kept"[..]], vec!["capture-bad-block"; 2]));
    assert!(!capture.totals().complete);
}

#[test]
fn a_simple_packet_is_cut_to_the_snap_length_of_the_first_interface() {
    for (snaplen, captured) in [(0, 20), (8, 8), (4000, 20)] {
        let mut file = Blocks::new(Order::Be);
        file.interface(1, snaplen, &[]).interface(1, 2, &[]);
        file.simple(&Packet { time: 0, bytes: vec![5; captured], wire_len: 20 });
        let given = read_clean(&file.bytes);
        assert_eq!((given[0].bytes.len(), given[0].wire_len), (captured, 20));
    }
}

#[test]
fn a_packet_of_three_mebibytes_is_read() {
    let given = read_clean(&pcapng(Order::Be, &[packet(START, &vec![1; 3 << 20]), packet(START, b"next")]));
    assert_eq!((given[0].bytes.len(), given[1].bytes.len()), (3 << 20, 4));
}

proptest::proptest! {
    #[test]
    fn another_reader_sees_the_same(
        packets in proptest::collection::vec((0u64..1 << 62, proptest::collection::vec(0u8.., 1..80), 0u32..9, 0u32..3), 0..20),
    ) {
        let mut file = Blocks::new(Order::Le);
        file.interface(1, 0, &[]).interface(101, 0, &[(9, &[9])]).interface(113, 0, &[(9, &[3])]);
        for (ticks, bytes, more, interface) in &packets {
            let ticks = if *interface == 1 { *ticks } else { ticks >> 30 };
            let wire_len = bytes.len() as u32 + more;
            file.ticks(*interface, ticks, &Packet { time: 0, bytes: bytes.clone(), wire_len });
        }
        let (given, _, _) = read(&file.bytes);

        let mut reader = PcapNGReader::new(65536, &file.bytes[..]).unwrap();
        let (mut ports, mut seen) = (Vec::new(), Vec::new());
        loop {
            match reader.next() {
                Ok((len, block)) => {
                    match block {
                        PcapBlockOwned::NG(Block::InterfaceDescription(port)) => {
                            ports.push((port.linktype.0 as u16, port.ts_resolution().unwrap()));
                        }
                        PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
                            let (link, per_second) = ports[block.if_id as usize];
                            let ticks = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
                            let time = (u128::from(ticks) * 1_000_000_000 / u128::from(per_second)) as i64;
                            seen.push((time, block.origlen, link, block.packet_data().to_vec()));
                        }
                        _ => {}
                    }
                    reader.consume(len);
                }
                Err(PcapError::Eof) => break,
                Err(PcapError::Incomplete(_)) => reader.refill().unwrap(),
                Err(error) => panic!("{error:?}"),
            }
        }
        let given: Vec<_> = given.into_iter().map(|p| (p.time, p.wire_len, p.link, p.bytes)).collect();
        proptest::prop_assert_eq!(given, seen);
    }
}
