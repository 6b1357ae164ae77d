//! The TCP header (RFC 9293 section 3.1) as a segment.

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::HeaderSliceError;

use super::cursor::{Cursor, DecodeStop, Header};
use super::ip::Addresses;
use crate::model::{Endpoint, Flags, Segment, to_u8, to_u32};

/// Bytes of the header without options.
const FIXED_LEN: usize = 20;

/// The segment at the cursor, if its header was captured as a whole.
#[inline]
pub(super) fn whole(cursor: Cursor<'_>, addresses: Addresses) -> Option<Segment> {
    let header = TcpHeaderSlice::from_slice(cursor.bytes).ok()?;
    let header_len = header.slice().len();
    if header_len > cursor.claim {
        return None;
    }
    Some(build(cursor, addresses, &header, header_len))
}

/// The segment at the cursor.
///
/// A header that is cut inside its options still says which bytes of the stream the packet held.
pub(super) fn segment(cursor: Cursor<'_>, addresses: Addresses) -> Result<Segment, DecodeStop> {
    if let Some(segment) = whole(cursor, addresses) {
        return Ok(segment);
    }
    match TcpHeaderSlice::from_slice(cursor.bytes) {
        Ok(header) => Err(cursor.lack(header.slice().len(), Header::TCP)),
        Err(HeaderSliceError::Content(_)) => Err(cursor.wrong(Header::TCP)),
        Err(HeaderSliceError::Len(error)) => cut(cursor, addresses, error.required_len),
    }
}

/// The segment whose header of `header_len` bytes was not captured as a whole.
#[cold]
fn cut(cursor: Cursor<'_>, addresses: Addresses, header_len: usize) -> Result<Segment, DecodeStop> {
    let lack = cursor.lack(header_len, Header::TCP);
    let Some(mut fixed) = cursor.peek::<FIXED_LEN>().copied().filter(|_| cursor.claim >= header_len) else {
        return Err(lack);
    };
    // Read it as a header without options.
    fixed[12] = 0x50 | fixed[12] & 0x0f;
    let header = TcpHeaderSlice::from_slice(&fixed).map_err(|_| lack)?;
    Ok(build(cursor, addresses, &header, header_len))
}

#[inline]
fn build(
    cursor: Cursor<'_>,
    addresses: Addresses,
    header: &TcpHeaderSlice<'_>,
    header_len: usize,
) -> Segment {
    Segment {
        header_at: cursor.at,
        header_len: to_u8(header_len),
        len: to_u32(cursor.bytes.len().saturating_sub(header_len)),
        claimed_len: to_u32(cursor.claim.saturating_sub(header_len)),
        below_len: cursor.below,
        excess_len: cursor.excess,
        ..fields(addresses, header)
    }
}

/// Returns a segment with the fields of its header and its addresses. Its place and its lengths are 0.
#[inline]
pub(super) fn fields(addresses: Addresses, header: &TcpHeaderSlice<'_>) -> Segment {
    Segment {
        source: Endpoint { ip: addresses.source, port: header.source_port() },
        destination: Endpoint { ip: addresses.destination, port: header.destination_port() },
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        flags: Flags(header.slice().get(13).copied().unwrap_or(0)),
        window: header.window_size(),
        header_at: 0,
        header_len: 0,
        len: 0,
        claimed_len: 0,
        below_len: 0,
        excess_len: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::packets::*;
    use super::super::{Decoder, FragmentLimits, Skip};
    use crate::model::PacketRef;

    const RAW: u16 = 101;

    /// What becomes of the first `len` bytes of a datagram with 20 bytes of IP, 32 of TCP and 100 of payload.
    fn cut(len: usize) -> Result<super::Segment, Skip> {
        let ip = ip4_tcp(&[7; 100]);
        let bytes = &ip[..len];
        let packet = PacketRef { wire_len: ip.len() as u32, ..packet(RAW, bytes) };
        let mut decoder = Decoder::new(&FragmentLimits::default());
        let result = decoder.decode(&packet, bytes);
        assert!(!decoder.has_findings());
        result
    }

    #[test]
    fn a_header_cut_in_its_options_still_says_how_long_the_payload_was() {
        for len in 40..=52 {
            let segment = cut(len).unwrap();
            assert_eq!((segment.header_len, segment.len, segment.claimed_len), (32, 0, 100));
            assert_eq!((segment.source.port, segment.seq, segment.ack), (49152, 1000, 2000));
        }
        assert_eq!(cut(53).unwrap().len, 1);
    }

    #[test]
    fn a_header_cut_before_its_options_is_skipped() {
        for len in 20..40 {
            assert_eq!(cut(len), Err(Skip::TcpHeaderCut));
        }
        assert_eq!(Skip::TcpHeaderCut.reason(), "header-cut");
    }

    #[test]
    fn a_data_offset_that_cannot_be_is_malformed() {
        // Below the fixed header, and beyond the end of the datagram.
        for offset in [0x40, 0xf0] {
            let mut ip = ip4_tcp(b"");
            ip[32] = offset;
            assert_eq!(decode(RAW, &ip), Err(Skip::MalformedTcp));
            ip.extend([0; 60]);
            assert_eq!(decode(RAW, &ip), Err(Skip::MalformedTcp));
        }
    }

    #[test]
    fn a_datagram_too_short_for_tcp_is_malformed() {
        assert_eq!(decode(RAW, &ip4(6, &[0; 19])), Err(Skip::MalformedTcp));
    }
}
