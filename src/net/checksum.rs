//! The TCP checksum (RFC 9293 section 3.1, RFC 1071).

use crate::model::Segment;

/// Protocol number of TCP in the pseudo-header.
const TCP: u64 = 6;

/// Whether the segment's TCP checksum is right.
///
/// `bytes` are the TCP header and the payload as captured, from [`Segment::header_at`] on; more may
/// follow. `None` when it cannot be judged: the packet was cut by the capture.
#[must_use]
pub fn checksum_ok(segment: &Segment, bytes: &[u8]) -> Option<bool> {
    if segment.len != segment.claimed_len {
        return None;
    }
    let len = usize::from(segment.header_len).checked_add(segment.len as usize)?;
    let bytes = bytes.get(..len)?;
    // An IPv4 address stands here as ::ffff:a.b.c.d, and 0xffff is zero in one's complement arithmetic:
    // so both families add up alike. The sum is taken in the machine's byte order (RFC 1071 section 2 (B)).
    let mut total = sum(bytes) + sum(&segment.source.ip) + sum(&segment.destination.ip);
    // The 32-bit length of RFC 8200 section 8.1 is that of IPv4's pseudo-header where its high half is 0.
    let words = TCP + (len as u64 >> 16) + (len as u64 & 0xffff);
    total += u64::from((fold(words)).to_be());
    Some(fold(total) == 0xffff)
}

/// The sum of the 16-bit words in the machine's byte order, not yet folded, with room for more.
fn sum(bytes: &[u8]) -> u64 {
    // 32-bit halves added into 64-bit lanes: no carry is lost below 16 GiB, and every lane is independent.
    let mut lanes = [0u64; 8];
    let (blocks, rest) = bytes.as_chunks::<64>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            let word = u64::from_ne_bytes(*word);
            *lane += (word & 0xffff_ffff) + (word >> 32);
        }
    }
    let mut total: u64 = lanes.iter().sum();
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        let word = u64::from_ne_bytes(*word);
        total += (word & 0xffff_ffff) + (word >> 32);
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let last = u64::from_ne_bytes(last);
    total + (last & 0xffff_ffff) + (last >> 32)
}

/// Folds the carries back in until 16 bits are left.
fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}
