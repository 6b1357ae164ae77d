use proptest::prelude::*;

use super::super::packets::*;
use super::super::{Decoder, Skip};
use super::*;
use crate::model::{Nanos, Segment};

const RAW: u16 = 101;

/// A fragment: `start..end` of what the datagram `ip` carries, with the number `id`.
fn fragment(ip: &[u8], id: u16, start: usize, end: usize, more: bool) -> Vec<u8> {
    let field = (start as u16) | u16::from(more);
    if ip[0] >> 4 == 6 {
        let mut part = vec![ip[6], 0];
        part.extend(field.to_be_bytes());
        part.extend(u32::from(id).to_be_bytes());
        part.extend(&ip[40..][start..end]);
        return ip6_datagram(44, &part);
    }
    let mut part = [&ip[..20], &ip[20..][start..end]].concat();
    let len = part.len() as u16;
    part[2..4].copy_from_slice(&len.to_be_bytes());
    part[4..6].copy_from_slice(&id.to_be_bytes());
    let field = (start as u16 >> 3) | if more { 0x2000 } else { 0 };
    part[6..8].copy_from_slice(&field.to_be_bytes());
    part
}

/// Cuts a datagram into fragments of `size` bytes.
fn fragments(ip: &[u8], id: u16, size: usize) -> Vec<Vec<u8>> {
    let len = ip.len() - if ip[0] >> 4 == 6 { 40 } else { 20 };
    let starts = (0..len).step_by(size);
    starts.map(|at| fragment(ip, id, at, len.min(at + size), at + size < len)).collect()
}

/// A decoder with the number of the packets it has seen.
struct Bench {
    decoder: Decoder,
    number: u64,
    time: Time,
}

impl Bench {
    fn new(limits: FragmentLimits) -> Self {
        Self { decoder: Decoder::new(&limits), number: 0, time: Time(0) }
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<Segment, Skip> {
        self.decode_cut(bytes, bytes.len())
    }

    /// A packet of which `captured` bytes are in the capture.
    fn decode_cut(&mut self, bytes: &[u8], captured: usize) -> Result<Segment, Skip> {
        self.number += 1;
        let (wire_len, bytes) = (bytes.len() as u32, &bytes[..captured]);
        let packet = PacketRef { number: self.number, time: self.time, wire_len, ..packet(RAW, bytes) };
        self.decoder.decode(&packet, bytes)
    }

    fn payload(&self, segment: &Segment) -> Vec<u8> {
        payload(&self.decoder, &[], segment).to_vec()
    }

    /// Codes and packets of all findings up to the end of the capture.
    fn end(mut self) -> Vec<(&'static str, u64)> {
        self.decoder.end();
        self.decoder.take_findings_of_datagrams().iter().map(|(f, _)| (f.rule.code, f.packet)).collect()
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new(FragmentLimits::default())
    }
}

/// A payload in which no two places are alike.
fn text(len: usize) -> Vec<u8> {
    (0..len as u32).flat_map(|n| (n * 40_503).to_be_bytes()).take(len).collect()
}

proptest! {
    #[test]
    fn any_order_with_copies_gives_the_one_segment(
        len in 0..4000usize,
        size in 1..180usize,
        v6: bool,
        tunnel: bool,
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let text = text(len);
        let ip = if v6 { ip6_tcp(&text) } else { ip4_tcp(&text) };
        let mut parts = fragments(&ip, 7, size * 8);
        prop_assume!(parts.len() > 1);
        if tunnel {
            parts = parts.iter().map(|part| ip4(if v6 { 41 } else { 4 }, part)).collect();
        }
        // Some of them in any order and more than once, then all of them twice, as a mirror shows them.
        let mut sent: Vec<_> = order.iter().map(|index| index.get(&parts)).collect();
        sent.extend(parts.iter().flat_map(|part| [part, part]));
        let mut bench = Bench::default();
        let mut segments = Vec::new();
        for bytes in sent {
            match bench.decode(bytes) {
                Ok(segment) => segments.push(segment),
                Err(skip) => prop_assert_eq!(skip, Skip::Fragment),
            }
        }
        prop_assert_eq!(segments.len(), 1);
        let segment = segments[0];
        prop_assert_eq!(bench.payload(&segment), text);
        prop_assert_eq!((segment.source.port, segment.seq, segment.claimed_len as usize), (49152, 1000, len));
        let header = Span { start: segment.header_at, len: u32::from(segment.header_len) + segment.len };
        let bytes = bench.decoder.bytes(header).unwrap();
        prop_assert_eq!(super::super::checksum_ok(&segment, bytes), Some(true));
        prop_assert_eq!(bench.end(), vec![]);
    }

    #[test]
    fn any_fragments_keep_within_bounds(
        parts in proptest::collection::vec((0..4u16, 0..8192usize, 1..300usize, any::<bool>(), 0..60i64), 0..60),
    ) {
        let limits = FragmentLimits { bytes: 100_000, datagrams: 3, age: Nanos(40), kept: 50_000 };
        let ip = [ip4_tcp(PAYLOAD), vec![7; 70_000]].concat();
        let mut bench = Bench::new(limits);
        for (id, start, words, more, time) in parts {
            bench.time = Time(time);
            let _ = bench.decode(&fragment(&ip, id, start * 8, (start + words) * 8, more));
            let fragments = &bench.decoder.fragments;
            let held: usize = fragments.datagrams.values().map(|d| d.bytes.capacity() + OVERHEAD).sum();
            prop_assert_eq!(held, fragments.held);
            prop_assert!(held <= limits.bytes);
            prop_assert!(fragments.order.len() <= limits.datagrams);
            prop_assert!(fragments.datagrams.len() <= fragments.order.len());
            prop_assert!(bench.decoder.arena.held <= limits.kept.max(70_000));
        }
    }
}

#[test]
fn the_first_copy_of_overlapping_bytes_counts_and_the_other_is_reported_once() {
    for make in [ip4_tcp, ip6_tcp] {
        let (ip, other) = (make(&[b'a'; 200]), make(&[b'b'; 200]));
        let len = ip.len() - if ip[0] >> 4 == 6 { 40 } else { 20 };
        let mut bench = Bench::default();
        bench.decode(&fragment(&ip, 7, 0, 80, true)).unwrap_err();
        bench.decode(&fragment(&ip, 7, 120, 160, true)).unwrap_err();
        bench.decode(&fragment(&other, 7, 64, 136, true)).unwrap_err();
        bench.decode(&fragment(&other, 7, 64, 136, true)).unwrap_err();
        let segment = bench.decode(&fragment(&ip, 7, 160, len, false)).unwrap();
        let payload = bench.payload(&segment);
        let header = usize::from(segment.header_len);
        let expected: Vec<u8> =
            (header..len).map(|at| if (80..120).contains(&at) { b'b' } else { b'a' }).collect();
        assert_eq!(payload, expected);
        assert_eq!(bench.end(), [("ip-fragment-overlap", 3)]);
    }
}

#[test]
fn overlapping_fragments_with_equal_bytes_are_no_finding() {
    let ip = ip4_tcp(&text(200));
    let mut bench = Bench::default();
    bench.decode(&fragment(&ip, 7, 0, 120, true)).unwrap_err();
    bench.decode(&fragment(&ip, 7, 80, 160, true)).unwrap_err();
    let segment = bench.decode(&fragment(&ip, 7, 96, 232, false)).unwrap();
    assert_eq!(bench.payload(&segment), text(200));
    assert_eq!(bench.end(), []);
}

#[test]
fn a_second_end_of_a_datagram_is_an_overlap() {
    let ip = ip4_tcp(&text(200));
    let mut bench = Bench::default();
    bench.decode(&fragment(&ip, 7, 160, 232, false)).unwrap_err();
    bench.decode(&fragment(&ip, 7, 80, 120, false)).unwrap_err();
    bench.decode(&fragment(&ip, 7, 80, 160, true)).unwrap_err();
    assert_eq!(bench.decode(&fragment(&ip, 7, 0, 80, true)).unwrap().len, 200);
    assert_eq!(bench.end(), [("ip-fragment-overlap", 2)]);
}

#[test]
fn a_datagram_that_is_never_completed_is_reported_at_its_first_packet() {
    let ip = ip4_tcp(&text(200));
    let mut bench = Bench::default();
    bench.decode(&ip).unwrap();
    bench.decode(&fragment(&ip, 7, 80, 120, true)).unwrap_err();
    bench.decode(&fragment(&ip, 7, 0, 80, true)).unwrap_err();
    assert_eq!(bench.end(), [("ip-fragment-incomplete", 2)]);
}

#[test]
fn fragments_of_plain_udp_and_icmp_are_not_missed() {
    let dns = udp(53, &[0; 200]);
    let ping = ip4(1, &[8; 200]);
    let vxlan = udp(4789, &[8; 200]);
    let mut bench = Bench::default();
    assert_eq!(bench.decode(&fragment(&dns, 1, 0, 80, true)), Err(Skip::Fragment));
    assert_eq!(bench.decode(&fragment(&ping, 2, 0, 80, true)), Err(Skip::Icmp));
    assert_eq!(bench.decode(&fragment(&vxlan, 3, 0, 80, true)), Err(Skip::Fragment));
    assert_eq!(bench.end(), [("ip-fragment-incomplete", 3)]);
}

#[test]
fn fragments_wait_as_long_as_the_limit_says_and_no_longer() {
    for (age, found) in [(30, true), (31, false), (-31, false)] {
        let ip = ip4_tcp(&text(200));
        let mut bench = Bench { time: Time(100_000_000_000), ..Bench::default() };
        bench.decode(&fragment(&ip, 7, 0, 80, true)).unwrap_err();
        bench.time = Time((100 + age) * 1_000_000_000);
        assert_eq!(bench.decode(&fragment(&ip, 7, 80, 232, false)).is_ok(), found);
    }
}

#[test]
fn a_number_that_comes_again_begins_another_datagram() {
    let (first, second) = (ip4_tcp(&[b'a'; 200]), ip4_tcp(&[b'b'; 200]));
    let mut bench = Bench::default();
    for ip in [&first, &second, &first] {
        bench.decode(&fragment(ip, 7, 0, 80, true)).unwrap_err();
        let segment = bench.decode(&fragment(ip, 7, 80, 232, false)).unwrap();
        assert_eq!(bench.payload(&segment), &ip[52..]);
    }
    assert_eq!(bench.end(), []);
}

#[test]
fn fragments_that_the_capture_cut_give_what_comes_before_the_cut() {
    let ip = ip4_tcp(&text(200));
    let mut bench = Bench::default();
    bench.decode(&fragment(&ip, 7, 0, 80, true)).unwrap_err();
    // 20 bytes of IP and 30 of the fragment's 40 were captured.
    bench.decode_cut(&fragment(&ip, 7, 80, 120, true), 50).unwrap_err();
    let segment = bench.decode(&fragment(&ip, 7, 120, 232, false)).unwrap();
    assert_eq!((segment.len, segment.claimed_len), (80 + 30 - 32, 200));
    assert_eq!(bench.payload(&segment), &text(200)[..78]);
    // Copies of all of them change nothing.
    for copy in fragments(&ip, 7, 40) {
        bench.decode(&copy).unwrap_err();
    }
    assert_eq!(bench.end(), []);
}

#[test]
fn a_fragment_beyond_64_kib_or_out_of_step_is_malformed() {
    let ip = [ip4_tcp(PAYLOAD), vec![7; 70_000]].concat();
    let mut bench = Bench::default();
    assert_eq!(bench.decode(&fragment(&ip, 7, 65_528, 65_544, false)), Err(Skip::MalformedIp));
    assert_eq!(bench.decode(&fragment(&ip, 7, 0, 81, true)), Err(Skip::MalformedIp));
    assert_eq!(bench.decode(&fragment(&ip, 7, 8, 8, true)), Err(Skip::MalformedIp));
}

#[test]
fn the_oldest_datagrams_lose_their_place_in_the_arena() {
    let mut arena = Arena::new(&FragmentLimits { kept: 1000, ..FragmentLimits::default() });
    let spans: Vec<Span> = (0..10u8).map(|n| arena.keep(vec![n; 200])).collect();
    assert_eq!(arena.get(spans[0]), None);
    assert_eq!(arena.get(spans[9]), Some(&[9; 200][..]));
    assert_eq!(arena.get(spans[9].part(150, 50)), Some(&[9; 50][..]));
    // A span that leaves its datagram, and addresses where nothing is.
    assert_eq!(arena.get(Span { start: spans[8].start + 150, len: 100 }), None);
    assert_eq!(arena.get(Span { start: spans[9].start + 200, len: 1 }), None);
    assert_eq!(arena.get(Span { start: 0, len: 1 }), None);
    // The newest stays, whatever its size.
    let big = arena.keep(vec![1; 5000]);
    assert_eq!(arena.get(big).map(<[u8]>::len), Some(5000));
}

#[test]
fn a_finding_names_the_segment_that_the_first_fragment_begins() {
    let text = text(400);
    for ip in [ip4_tcp(&text), ip6_tcp(&text)] {
        let mut whole = Bench::default();
        let segment = whole.decode(&ip).unwrap();
        let parts = fragments(&ip, 7, 64);
        let between = |kept: &[Vec<u8>]| {
            let mut bench = Bench::default();
            for part in kept {
                let _ = bench.decode(part);
            }
            bench.decoder.end();
            let [(_, between)] = bench.decoder.take_findings_of_datagrams()[..] else { panic!() };
            between
        };
        assert_eq!(between(&parts[..3]), Some((segment.source, segment.destination)));
        assert_eq!(between(&parts[1..]), None);
    }
}
