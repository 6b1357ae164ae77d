//! IEEE 802.11 data frames and the headers that captures put before them.

use super::cursor::{Cursor, DecodeStop, Header, be16};
use super::{Next, Skip};

const RADIO: Header = Header::link("radio header");
const FRAME: Header = Header::link("802.11 header");
const SUBFRAME: Header = Header::link("A-MSDU subframe header");

/// Bits of the frame control field's second byte (IEEE 802.11 section 9.2.4.1).
mod control {
    pub(super) const TO_DS: u8 = 0x01;
    pub(super) const FROM_DS: u8 = 0x02;
    pub(super) const PROTECTED: u8 = 0x40;
    pub(super) const HT_CONTROL: u8 = 0x80;
}

/// Peels a radiotap header, of which the flags say how the frame was stored.
pub(super) fn peel_radiotap(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    const FCS_AT_END: u8 = 0x10;
    const PADDED: u8 = 0x20;
    let Some(&[0, _, low, high]) = cursor.peek::<4>() else {
        return Err(if cursor.bytes.len() < 4 { cursor.lack(8, RADIO) } else { cursor.wrong(RADIO) });
    };
    let len = usize::from(u16::from_le_bytes([low, high]));
    let flags = cursor.bytes.get(..len).and_then(radiotap_flags).unwrap_or(0);
    cursor.advance(len.max(8), RADIO)?;
    if flags & FCS_AT_END != 0 {
        cursor.trim(cursor.claim.saturating_sub(4));
    }
    peel(cursor, flags & PADDED != 0)
}

/// The flags field of a radiotap header, where it has one.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    const HAS_TIME: u32 = 1;
    const HAS_FLAGS: u32 = 2;
    const MORE: u32 = 1 << 31;
    let present = |at: usize| Some(u32::from_le_bytes(*header.get(at..)?.first_chunk::<4>()?));
    let first = present(4)?;
    let (mut word, mut at) = (first, 8);
    while word & MORE != 0 {
        word = present(at)?;
        at += 4;
    }
    if first & HAS_TIME != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    if first & HAS_FLAGS == 0 {
        return None;
    }
    header.get(at).copied()
}

/// Peels a Prism header, or the AVS header that some drivers put in its place.
pub(super) fn peel_prism(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let Some(&[a, b, _, _, e, f, g, h]) = cursor.peek::<8>() else { return Err(cursor.lack(8, RADIO)) };
    if [a, b] == [0x80, 0x21] {
        return peel_avs(cursor);
    }
    // Message code 0x44 in the byte order of the machine that captured.
    let len = if a != 0 { u32::from_le_bytes([e, f, g, h]) } else { u32::from_be_bytes([e, f, g, h]) };
    cursor.advance((len as usize).max(8), RADIO)?;
    peel(cursor, false)
}

/// Peels an AVS header.
pub(super) fn peel_avs(cursor: &mut Cursor<'_>) -> Result<Next, DecodeStop> {
    let Some(&[_, _, _, _, e, f, g, h]) = cursor.peek::<8>() else { return Err(cursor.lack(8, RADIO)) };
    cursor.advance((u32::from_be_bytes([e, f, g, h]) as usize).max(8), RADIO)?;
    peel(cursor, false)
}

/// Peels the header of an 802.11 data frame; of an aggregate, the first frame in it.
///
/// `padded`: the header was stored with padding to a multiple of four bytes.
pub(super) fn peel(cursor: &mut Cursor<'_>, padded: bool) -> Result<Next, DecodeStop> {
    let Some(&[kind, flags]) = cursor.peek::<2>() else { return Err(cursor.lack(2, FRAME)) };
    let subtype = kind >> 4;
    // Type data, and not one of the subtypes without a body.
    if kind & 0x0f != 0x08 || subtype & 0b0100 != 0 {
        return Err(Skip::NotIp.into());
    }
    if flags & control::PROTECTED != 0 {
        return Err(Skip::Encrypted.into());
    }
    let header = cursor.take::<24>(FRAME)?;
    let mut len: usize = 24;
    if flags & control::TO_DS != 0 && flags & control::FROM_DS != 0 {
        cursor.advance(6, FRAME)?;
        len += 6;
    }
    let mut aggregate = false;
    if subtype & 0b1000 != 0 {
        aggregate = cursor.take::<2>(FRAME)?[0] & 0x80 != 0;
        len += 2;
        if flags & control::HT_CONTROL != 0 {
            cursor.advance(4, FRAME)?;
            len += 4;
        }
    }
    if padded {
        cursor.advance(len.next_multiple_of(4) - len, FRAME)?;
    }
    // A later fragment has no header of what it carries.
    if header[22] & 0x0f != 0 {
        return Err(Skip::Fragment.into());
    }
    if aggregate {
        let subframe = cursor.take::<14>(SUBFRAME)?;
        cursor.enter_frame(usize::from(be16(subframe[12], subframe[13])));
    }
    Ok(Next::Llc)
}

#[cfg(test)]
mod tests {
    use super::super::Skip;
    use super::super::packets::*;

    const IEEE802_11: u16 = 105;
    const RADIOTAP: u16 = 127;

    fn frame(control: [u8; 2], header_len: usize, body: &[u8]) -> Vec<u8> {
        [&control[..], &vec![0; header_len - 2], body].concat()
    }

    fn snap(ip: &[u8]) -> Vec<u8> {
        [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], ip].concat()
    }

    #[test]
    fn a_radiotap_header_says_that_the_check_sequence_follows() {
        // Without a length in the IP header, it alone keeps the check sequence out of the payload.
        let mut ip = ip4_tcp(PAYLOAD);
        ip[2..4].fill(0);
        let frame = [frame([0x08, 0x01], 24, &snap(&ip)), vec![0xee; 4]].concat();
        // Two words of presence, a time aligned to 8 bytes, then the flags.
        let header = [&[0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0][..], &[0; 8], &[0x10]].concat();
        let segment = decode(RADIOTAP, &[header, frame].concat()).unwrap();
        assert_eq!((segment.len as usize, segment.claimed_len as usize), (PAYLOAD.len(), PAYLOAD.len()));
    }

    #[test]
    fn a_header_stored_with_padding_is_peeled() {
        let frame = frame([0x88, 0x01], 28, &snap(&ip4_tcp(PAYLOAD)));
        let header = [0, 0, 9, 0, 2, 0, 0, 0, 0x20];
        assert!(decode(RADIOTAP, &[&header, &frame[..]].concat()).is_ok());
    }

    #[test]
    fn an_aggregate_gives_its_first_frame() {
        let snap = snap(&ip4_tcp(PAYLOAD));
        let mut body = vec![0; 12];
        body.extend((snap.len() as u16).to_be_bytes());
        body.extend(&snap);
        body.extend([0xee; 40]);
        let mut bytes = frame([0x88, 0x02], 26, &body);
        bytes[24] = 0x80;
        assert_eq!(decode(IEEE802_11, &bytes).unwrap().len as usize, PAYLOAD.len());
    }

    #[test]
    fn prism_and_avs_headers_are_peeled() {
        let frame = frame([0x08, 0x02], 24, &snap(&ip4_tcp(PAYLOAD)));
        let mut prism = vec![0; 144];
        prism[..8].copy_from_slice(&[0x44, 0, 0, 0, 144, 0, 0, 0]);
        let mut avs = vec![0; 64];
        avs[..8].copy_from_slice(&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64]);
        for (link, header) in [(119, &prism), (119, &avs), (163, &avs)] {
            let segment = decode(link, &[&header[..], &frame].concat()).unwrap();
            assert_eq!(segment.len as usize, PAYLOAD.len());
        }
    }

    #[test]
    fn what_is_no_readable_data_is_skipped() {
        let snap = snap(&ip4_tcp(PAYLOAD));
        // Protected, a beacon, a null frame, a later fragment.
        assert_eq!(decode(IEEE802_11, &frame([0x08, 0x41], 24, &snap)), Err(Skip::Encrypted));
        assert_eq!(decode(IEEE802_11, &frame([0x80, 0], 24, &snap)), Err(Skip::NotIp));
        assert_eq!(decode(IEEE802_11, &frame([0x48, 1], 24, &[])), Err(Skip::NotIp));
        let mut later = frame([0x08, 0x01], 24, &snap);
        later[22] = 1;
        assert_eq!(decode(IEEE802_11, &later), Err(Skip::Fragment));
    }
}
