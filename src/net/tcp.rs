//! The TCP header (RFC 9293 section 3.1) as a segment.

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::HeaderSliceError;

use super::cursor::{Cursor, Header, Stop};
use super::ip::Addresses;
use crate::model::{Endpoint, Flags, Segment};

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
pub(super) fn segment(cursor: Cursor<'_>, addresses: Addresses) -> Result<Segment, Stop> {
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
fn cut(cursor: Cursor<'_>, addresses: Addresses, header_len: usize) -> Result<Segment, Stop> {
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
        source: Endpoint { ip: addresses.source, port: header.source_port() },
        destination: Endpoint { ip: addresses.destination, port: header.destination_port() },
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        flags: Flags(header.slice().get(13).copied().unwrap_or(0)),
        window: header.window_size(),
        header_at: cursor.at,
        header_len: header_len as u8,
        len: to_u32(cursor.bytes.len().saturating_sub(header_len)),
        claimed_len: to_u32(cursor.claim.saturating_sub(header_len)),
        below_len: cursor.below,
    }
}

#[inline]
fn to_u32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
