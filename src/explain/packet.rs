//! A whole packet where a frame was expected: Wireshark's "copy bytes" gives that.

use std::ops::Range;

use etherparse::{SlicedPacket, TransportSlice};

/// Where the TCP payload lies in an Ethernet packet; `None` where the bytes are no such packet.
///
/// A row of frames cannot be taken for one: version, lengths and protocol of three layers have to agree.
#[must_use]
pub fn tcp_payload(bytes: &[u8]) -> Option<Range<usize>> {
    let packet = SlicedPacket::from_ethernet(bytes).ok()?;
    packet.net.as_ref()?;
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { return None };
    let payload = tcp.payload();
    let start = (payload.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
    let range = start..start.checked_add(payload.len())?;
    bytes.get(range.clone()).map(|_| range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    const HELLO: &[u8] = b"\x81\x05Hello";

    #[test]
    fn the_payload_of_a_packet_is_found() {
        let mut bytes = Vec::new();
        let packet = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
        packet.tcp(1, 80, 2, 3).write(&mut bytes, HELLO).unwrap();
        let expected = 54..54 + HELLO.len();
        assert_eq!(tcp_payload(&bytes), Some(expected.clone()));
        // Ethernet pads short packets.
        bytes.extend_from_slice(&[0; 9]);
        assert_eq!(tcp_payload(&bytes), Some(expected));
        assert_eq!(tcp_payload(HELLO), None);
        assert_eq!(tcp_payload(&bytes[..30]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_may_be_asked_about(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Some(range) = tcp_payload(&bytes) {
                prop_assert!(range.end <= bytes.len());
            }
        }
    }
}
