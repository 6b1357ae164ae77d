//! The captures of failures are what they say.

use super::super::failures::*;

#[test]
fn every_failure_is_a_capture_with_something_to_find() {
    for failure in all() {
        let mut packets = 0;
        let (mut rest, _) = pcap_parser::parse_pcap_header(&failure.capture).unwrap();
        while !rest.is_empty() {
            (rest, _) = pcap_parser::parse_pcap_frame(rest).unwrap();
            packets += 1;
        }
        assert!(packets > 3, "{}", failure.name);
        assert!(!failure.expected.is_empty(), "{}", failure.name);
    }
}

#[test]
fn the_packets_out_of_time_order_are_all_there() {
    let talk = out_of_time_order();
    assert_eq!(talk.expected.len(), 30);
    // 30 frames, two heads, three packets to open and three to close, 16 bytes of record header each.
    let (mut rest, _) = pcap_parser::parse_pcap_header(&talk.capture).unwrap();
    let mut times = vec![];
    while !rest.is_empty() {
        let (next, packet) = pcap_parser::parse_pcap_frame(rest).unwrap();
        times.push((packet.ts_sec, packet.ts_usec));
        rest = next;
    }
    assert_eq!(times.len(), 38);
    assert!(!times.is_sorted());
    times.sort_unstable();
    times.dedup();
    assert_eq!(times.len(), 38);
}

#[test]
fn the_lost_context_leaves_one_message_readable() {
    let failure = lost_context();
    assert_eq!((failure.expected.len(), failure.unreadable.len()), (1, 2));
    assert!(failure.unreadable.iter().all(|message| message.bytes.starts_with(b"{\"user\":\"bobby\"")));
}
