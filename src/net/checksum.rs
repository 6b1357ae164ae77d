//! The TCP checksum (RFC 9293 section 3.1, RFC 1071).

use crate::model::{Segment, to_u32};

/// Protocol number of TCP in the pseudo-header.
const TCP: u64 = 6;

/// Bytes that are added at once where there are many.
const BLOCK: usize = 64;

/// Blocks from which on that is faster.
const WIDE: usize = 4;

/// Whether the segment's TCP checksum is right.
///
/// `bytes` are the TCP header and the payload as captured, from [`Segment::header_at`] on; more may
/// follow. `None` when it cannot be judged: the packet was cut by the capture, or is shorter than it says.
#[must_use]
#[inline]
pub fn checksum_ok(segment: &Segment, bytes: &[u8]) -> Option<bool> {
    if segment.len != segment.claimed_len || segment.excess_len > 0 || segment.header_len == 0 {
        return None;
    }
    let len = usize::from(segment.header_len).checked_add(segment.len as usize)?;
    let bytes = bytes.get(..len)?;
    let (left, right) = sum(bytes);
    // Folded until 16 bits are left, the sum has to be 0xffff. It is never 0.
    Some((folded(left.wrapping_add(right)) + pseudo_header(segment, len)).is_multiple_of(0xffff))
}

/// Whether a checksum that is wrong was left to the network card: what stands in the header is nothing, or the sum of
/// the pseudo-header alone, to which the card adds the rest (with the length or, where it will cut the segment into
/// several, without).
///
/// `bytes` are the TCP header and the payload as captured.
#[must_use]
pub fn checksum_is_left_to_card(segment: &Segment, bytes: &[u8]) -> bool {
    let len = usize::from(segment.header_len) + segment.len as usize;
    let stored = bytes.get(16..18).and_then(|field| field.try_into().ok()).map(u16::from_le_bytes);
    stored.is_some_and(|stored| {
        let left = |len| (pseudo_header(segment, len) % 0xffff) == u64::from(stored) % 0xffff;
        stored == 0 || left(len) || left(0)
    })
}

/// The sum of the pseudo-header of a segment of `len` bytes, not yet folded.
fn pseudo_header(segment: &Segment, len: usize) -> u64 {
    // Sums are taken over little-endian words on every machine: byte order does not matter to them (RFC 1071
    // section 2 (B)). An IPv4 address stands here as ::ffff:a.b.c.d, and 0xffff is zero in one's complement
    // arithmetic: so both families add up alike. Likewise the 32-bit length of RFC 8200 section 8.1 is that
    // of IPv4's pseudo-header where its upper half is 0.
    let (mut left, mut right) = (0u128, 0u128);
    for address in [segment.source.ip, segment.destination.ip] {
        let address = u128::from_le_bytes(address);
        left = left.wrapping_add(address & u128::from(u64::MAX));
        right = right.wrapping_add(address >> 64);
    }
    // 2^8 turns the bytes of a word.
    folded(left.wrapping_add(right)) + ((TCP + len as u64) << 8)
}

/// A sum modulo 0xffff with room for more: 2^64 is 1.
#[inline]
#[allow(clippy::cast_possible_truncation)] // Both halves are taken.
fn folded(sum: u128) -> u64 {
    halves(sum as u64) + (sum >> 64) as u64
}

/// The sum of the little-endian 16-bit words as two numbers, not yet folded, with room for more.
#[inline]
fn sum(bytes: &[u8]) -> (u128, u128) {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    if blocks.len() < WIDE {
        return sum_few(bytes);
    }
    // In the order in which the bytes lie: that is how they come from memory.
    let first = u128::from(sum_blocks(blocks));
    let (left, right) = sum_few(rest);
    (left.wrapping_add(first), right)
}

/// Two chains of additions, whose carries gather in the upper halves.
#[inline]
fn sum_few(bytes: &[u8]) -> (u128, u128) {
    let (mut left, mut right) = (0u128, 0u128);
    let (pairs, rest) = bytes.as_chunks::<16>();
    for pair in pairs {
        let pair = u128::from_le_bytes(*pair);
        left = left.wrapping_add(pair & u128::from(u64::MAX));
        right = right.wrapping_add(pair >> 64);
    }
    (left.wrapping_add(last(bytes, rest)), right)
}

/// The sum of `rest`, which are the last bytes of `bytes` and fewer than 16.
#[inline]
fn last(bytes: &[u8], rest: &[u8]) -> u128 {
    let number = match bytes.last_chunk::<16>() {
        // A load and a shift instead of a loop, whose end is hard to foresee.
        Some(last) => u128::from_le_bytes(*last).checked_shr(8 * (16 - to_u32(rest.len()))).unwrap_or(0),
        None => rest.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte)),
    };
    (number & u128::from(u64::MAX)) + (number >> 64)
}

/// Whole blocks: 32-bit halves added into 64-bit lanes, each on its own, which the compiler turns into
/// vector instructions. No carry is lost below 16 GiB.
#[inline(never)]
fn sum_blocks(blocks: &[[u8; BLOCK]]) -> u64 {
    let mut lanes = [0u64; BLOCK / 8];
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = lane.wrapping_add(halves(u64::from_le_bytes(*word)));
        }
    }
    lanes.iter().fold(0, |total, lane| total.wrapping_add(*lane))
}

/// The sum of the two 32-bit halves: the same modulo 0xffff.
#[inline]
fn halves(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::packets::*;
    use super::*;

    const RAW: u16 = 101;

    proptest! {
        #[test]
        fn what_etherparse_writes_is_right_and_no_bit_of_it_may_change(
            payload in proptest::collection::vec(any::<u8>(), 0..2000),
            v6: bool,
            at: prop::sample::Index,
            bit in 0..8u32,
        ) {
            let mut ip = if v6 { ip6_tcp(&payload) } else { ip4_tcp(&payload) };
            let segment = decode(RAW, &ip).unwrap();
            let tcp = segment.below_len as usize;
            prop_assert_eq!(checksum_ok(&segment, &ip[tcp..]), Some(true));
            // The ports and the length are in the sum as well, but change what is summed: leave them.
            let at = tcp + 16 + at.index(ip.len() - tcp - 16);
            ip[at] ^= 1 << bit;
            prop_assert_eq!(checksum_ok(&segment, &ip[tcp..]), Some(false));
        }
    }

    #[test]
    fn a_jumbo_segment_has_its_whole_length_in_the_sum() {
        // 65536 bytes more than a length of 16 bits could say; summed here word by word.
        let mut ip = ip6_tcp(&vec![0x5a; 65_500]);
        ip[4..6].fill(0);
        ip.extend(vec![0xa5; 65_536]);
        let segment = decode(RAW, &ip).unwrap();
        let tcp = &mut ip[40..];
        tcp[16..18].fill(0);
        let len = (tcp.len() as u32).to_be_bytes();
        let pseudo = [&ip6(1)[..], &ip6(2), &len, &[0, 0, 0, 6]].concat();
        let mut sum: u64 =
            pseudo.chunks(2).chain(tcp.chunks(2)).map(|w| u64::from(w[0]) << 8 | u64::from(w[1])).sum();
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        tcp[16..18].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        assert_eq!(checksum_ok(&segment, &ip[40..]), Some(true));
    }

    #[test]
    fn what_a_card_is_to_complete_is_no_damage() {
        for v6 in [false, true] {
            let mut ip = if v6 { ip6_tcp(PAYLOAD) } else { ip4_tcp(PAYLOAD) };
            let segment = decode(RAW, &ip).unwrap();
            let at = segment.below_len as usize;
            let tcp_len = (ip.len() - at) as u32;
            let addresses = if v6 { ip[8..40].to_vec() } else { ip[12..20].to_vec() };
            let tcp = &mut ip[at..];
            assert!(!checksum_is_left_to_card(&segment, tcp));
            for len in [tcp_len, 0] {
                // As in Linux: the folded sum of addresses, protocol and length, not inverted.
                let words = [&addresses[..], &[0, 6], &(len as u16).to_be_bytes()].concat();
                let mut sum: u32 = words.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
                while sum > 0xffff {
                    sum = (sum >> 16) + (sum & 0xffff);
                }
                tcp[16..18].copy_from_slice(&(sum as u16).to_be_bytes());
                assert_eq!(checksum_ok(&segment, tcp), Some(false));
                assert!(checksum_is_left_to_card(&segment, tcp));
                tcp[17] ^= 1;
                assert!(!checksum_is_left_to_card(&segment, tcp));
            }
            tcp[16..18].fill(0);
            assert!(checksum_is_left_to_card(&segment, tcp));
        }
        assert!(!checksum_is_left_to_card(&decode(RAW, &ip4_tcp(PAYLOAD)).unwrap(), &[0; 17]));
    }

    #[test]
    fn a_cut_packet_cannot_be_judged() {
        let ip = ip4_tcp(PAYLOAD);
        let cut = &ip[..ip.len() - 1];
        let segment = decode(RAW, cut).unwrap();
        assert_eq!(checksum_ok(&segment, &cut[20..]), None);
        // Nor can one whose bytes are not all there any more.
        let segment = decode(RAW, &ip).unwrap();
        assert_eq!(checksum_ok(&segment, &ip[20..ip.len() - 1]), None);
    }
}
