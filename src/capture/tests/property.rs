use super::build::{Blocks, MODIFIED, NANOS, Order, packet, pcap};
use super::{Capture, drain, read, through_pipe};

const START: u64 = 1_700_000_000_000_000_000;

/// Files that use every feature, small enough to damage each byte.
fn files() -> Vec<Vec<u8>> {
    let packets: Vec<_> =
        (0..6).map(|at| packet(START + at * 1000, &vec![at as u8; at as usize * 5])).collect();
    let mut files = vec![pcap(Order::Le, NANOS, &packets), pcap(Order::Be, MODIFIED, &packets)];
    for (order, other) in [(Order::Le, Order::Be), (Order::Be, Order::Le)] {
        let mut file = Blocks::new(order);
        file.interface(1, 0, &[(2, b"eth0")]).interface(1, 40, &[(9, &[9]), (14, &[1; 8])]);
        file.packet(0, &packets[1]).simple(&packets[2]).old_packet(1, &packets[3]);
        file.commented(&packets[4], &["said"]).block(0x7777, b"what").block(0xbad, &[0; 8]);
        let names = [&order.u16(1)[..], &order.u16(6), &[127, 0, 0, 1, b'h', 0, 0, 0, 0, 0, 0, 0]].concat();
        file.block(4, &names);
        file.block(10, &[0; 8]).section(other, (1, 0), &[(1, b"again")]);
        file.interface(113, 0, &[]).packet(0, &packets[5]).packet(0, &packets[0]);
        files.push(file.bytes);
    }
    files
}

#[test]
fn the_start_of_a_file_gives_the_start_of_its_packets() {
    for file in files() {
        let whole = read(&file).0;
        for len in 0..file.len() {
            let Ok(capture) = Capture::from_bytes(file[..len].to_vec()) else {
                assert!(len < 64, "the header of a start of {len} bytes is not read");
                continue;
            };
            let (packets, findings, capture) = drain(capture);
            assert_eq!(packets, whole[..packets.len()]);
            let truncated = findings.iter().filter(|f| f.rule.code == "capture-truncated").count();
            assert!(truncated == 1 || capture.totals().complete, "{len} {findings:?}");
            let piped = drain(through_pipe(&file[..len], &[3], 16).unwrap()).0;
            assert_eq!(piped, packets);
        }
    }
}

#[test]
fn no_damaged_byte_stops_the_program() {
    for file in files() {
        let whole = read(&file).0.len();
        for at in 0..file.len() {
            for damage in [0x01, 0x80, 0xff] {
                let mut file = file.clone();
                file[at] ^= damage;
                let mapped = Capture::from_bytes(file.clone()).map(drain);
                let piped = through_pipe(&file, &[5, 1], 20).map(drain);
                match (mapped, piped) {
                    (Ok(mapped), Ok(piped)) => {
                        assert_eq!(mapped.0, piped.0, "{at} {damage:x}");
                        assert_eq!(mapped.2.totals(), piped.2.totals(), "{at} {damage:x}");
                        assert!(mapped.0.len() <= whole + 2);
                    }
                    (Err(mapped), Err(_)) => assert!(at < 64, "{mapped}"),
                    _ => panic!("a pipe and a file differ: {at} {damage:x}"),
                }
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_damage_stops_the_program(
        which in 0usize..4,
        damages in proptest::collection::vec((0usize..10_000, 0u8..), 1..12),
        cut in 0usize..10_000,
        twice: bool,
    ) {
        let mut file = files().swap_remove(which);
        if twice {
            let at = cut % file.len();
            let tail = file.split_off(at);
            file.extend(tail.iter().rev().take(9));
            file.extend(&tail);
        }
        for (at, byte) in damages {
            let at = 28 + at % (file.len() - 28);
            file[at] = byte;
        }
        if let Ok(capture) = Capture::from_bytes(file.clone()) {
            let (packets, findings, capture) = drain(capture);
            // Nothing is lost silently.
            proptest::prop_assert!(capture.totals().complete || !findings.is_empty());
            proptest::prop_assert!(packets.iter().map(|p| p.bytes.len()).sum::<usize>() <= file.len());
            proptest::prop_assert!(capture.totals().capture_bytes <= file.len() as u64);
        }
    }

    #[test]
    fn no_bytes_stop_the_program(mut bytes in proptest::collection::vec(0u8.., 0..400), start in 0usize..4) {
        let file = files().swap_remove(start);
        let mut all = file[..64].to_vec();
        all.append(&mut bytes);
        if let Ok(capture) = Capture::from_bytes(all) {
            drain(capture);
        }
    }
}
