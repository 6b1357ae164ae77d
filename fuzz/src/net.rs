//! Packets of any link type: what comes out lies inside what went in.

use wslens::model::{LinkType, PacketRef, Span, Time};
use wslens::net::{ARENA_BASE, Decoder, FragmentLimits, checksum_ok};

use crate::feed::Feed;

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    // Link type 65535 - n, so that small numbers reach the common ones.
    let link = LinkType(feed.number(2) as u16);
    let limits = match feed.byte() {
        0 => FragmentLimits::default(),
        n => FragmentLimits {
            bytes: 2000,
            datagrams: usize::from(n),
            age: wslens::model::Nanos::milliseconds(1),
            kept: 4000,
        },
    };
    let mut decoder = Decoder::new(&limits);
    let (mut number, mut time) = (0, 0i64);
    while !feed.is_empty() && number < 300 {
        let mode = feed.byte();
        let link = if mode & 4 == 0 { link } else { LinkType(feed.number(2) as u16) };
        time = time.wrapping_add(if mode & 8 == 0 { 1000 } else { feed.number(8) as i64 });
        let extra = if mode & 2 == 0 { 0 } else { feed.number(if mode & 16 == 0 { 2 } else { 4 }) as u32 };
        let bytes =
            if mode & 1 == 0 { feed.piece() } else { std::mem::replace(&mut feed, Feed::new(&[])).rest() };
        number += 1;
        let start = bytes.as_ptr() as u64 - data.as_ptr() as u64;
        let span = Span { start, len: bytes.len() as u32 };
        let wire_len = span.len.saturating_add(extra);
        let packet = PacketRef { number, time: Time(time), bytes: span, wire_len, link };
        if let Ok(segment) = decoder.decode(&packet, bytes) {
            assert!(segment.claimed_len >= segment.len);
            let len = u32::from(segment.header_len) + segment.len;
            if segment.header_len == 0 {
                // A PDU that was exported without its TCP header: its payload alone.
                let from = usize::try_from(segment.header_at - start).expect("inside the packet");
                assert!(bytes.get(from..from + len as usize).is_some());
                continue;
            }
            let whole = Span { start: segment.header_at, len };
            // The capture may have cut it in its header's options, and then all of the payload.
            let part = Span { len: if segment.len == 0 { 20 } else { len }, ..whole };
            let tcp = if whole.start >= ARENA_BASE {
                decoder.bytes(part).expect("a datagram just put together is there")
            } else {
                let from = usize::try_from(whole.start - start).expect("inside the packet");
                bytes.get(from..from + part.len as usize).expect("inside the packet")
            };
            assert!(segment.header_len >= 20 && segment.header_len % 4 == 0);
            let be16 = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
            let be32 = |at: usize| u32::from(be16(at)) << 16 | u32::from(be16(at + 2));
            assert_eq!((segment.source.port, segment.destination.port), (be16(0), be16(2)));
            assert_eq!((segment.seq, segment.ack), (be32(4), be32(8)));
            assert_eq!((segment.window, segment.flags.0), (be16(14), tcp[13]));
            // What the capture cut of the header is not there to be read.
            assert!(u32::from(segment.header_len) <= u32::from(tcp[12] >> 4) * 4);
            let _ = checksum_ok(&segment, tcp);
            plain(&packet, bytes, &segment);
        }
        for finding in decoder.take_findings() {
            assert!(!finding.text.is_empty() && !finding.text.chars().any(char::is_control));
        }
    }
    decoder.end();
    let _ = decoder.take_findings();
}

/// Another parser on plain packets: the same addresses and payload.
fn plain(packet: &PacketRef, bytes: &[u8], segment: &wslens::model::Segment) {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    if packet.link.0 != 1 || packet.wire_len != packet.bytes.len || segment.header_at >= ARENA_BASE {
        return;
    }
    let Ok(sliced) = SlicedPacket::from_ethernet(bytes) else { return };
    let (Some(TransportSlice::Tcp(tcp)), Some(net)) = (sliced.transport, sliced.net) else { return };
    let (source, destination) = match net {
        NetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        NetSlice::Ipv6(ip) if ip.extensions().is_empty() => {
            (std::net::IpAddr::from(ip.header().source_addr()), ip.header().destination_addr().into())
        }
        _ => return,
    };
    assert_eq!(segment.source.address(), canonical(source));
    assert_eq!(segment.destination.address(), canonical(destination));
    assert_eq!((segment.seq, segment.source.port), (tcp.sequence_number(), tcp.source_port()));
    assert_eq!(segment.len as usize, tcp.payload().len());
}

fn canonical(ip: std::net::IpAddr) -> std::net::IpAddr {
    ip.to_canonical()
}
