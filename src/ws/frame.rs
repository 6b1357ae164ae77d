//! The frame header (RFC 6455 section 5.2).

use nom::IResult;
use nom::Parser as _;
use nom::bytes::streaming::take;
use nom::number::streaming::{be_u8, be_u16, be_u64};

use crate::model::Parse;

/// The longest frame header: two bytes, a 64-bit length, a masking key.
pub const MAX_HEADER_LEN: usize = 14;

/// What a frame is (RFC 6455 sections 5.2 and 11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// 0: goes on with the message that an earlier frame began.
    Continuation,
    /// 1: text, UTF-8.
    Text,
    /// 2: binary.
    Binary,
    /// 8: closing handshake.
    Close,
    /// 9: ping.
    Ping,
    /// 10: pong.
    Pong,
    /// 3 to 7 and 11 to 15.
    Reserved(u8),
}

impl Opcode {
    /// From the low four bits of a frame's first byte.
    #[must_use]
    pub fn from_bits(bits: u8) -> Self {
        match bits & 0x0f {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            other => Self::Reserved(other),
        }
    }

    /// The number, 0 to 15.
    #[must_use]
    pub fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
            Self::Reserved(bits) => bits,
        }
    }

    /// Whether it is a control frame: the top bit says so, reserved ones included (section 5.5).
    #[must_use]
    pub fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }

    /// The names in machine output and filters, by number (RFC 6455 section 11.8).
    pub const NAMES: [&str; 16] = [
        "continuation",
        "text",
        "binary",
        "reserved-3",
        "reserved-4",
        "reserved-5",
        "reserved-6",
        "reserved-7",
        "close",
        "ping",
        "pong",
        "reserved-11",
        "reserved-12",
        "reserved-13",
        "reserved-14",
        "reserved-15",
    ];
    const SHORT_NAMES: [&str; 16] = [
        "CONT", "TEXT", "BIN", "RSV3", "RSV4", "RSV5", "RSV6", "RSV7", "CLOSE", "PING", "PONG", "RSV11",
        "RSV12", "RSV13", "RSV14", "RSV15",
    ];

    /// Returns the name in machine output and filters: `text`, `reserved-3`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.get(usize::from(self.bits())).copied().unwrap_or_default()
    }

    /// Returns the name in headings: `CONTINUATION`, `TEXT`, `reserved control`.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Continuation => "CONTINUATION",
            Self::Binary => "BINARY",
            Self::Reserved(_) if self.is_control() => "reserved control",
            Self::Reserved(_) => "reserved data",
            other => other.short_name(),
        }
    }

    /// Returns the name in tables and diagrams, at most five letters: `TEXT`, `RSV3`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        Self::SHORT_NAMES.get(usize::from(self.bits())).copied().unwrap_or_default()
    }
}

/// A frame's header. The two head bytes are kept as sent; the rest is read off them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The first two bytes.
    pub head: [u8; 2],
    /// The masking key in the order sent; zeros where MASK is 0.
    pub masking_key: [u8; 4],
    /// The payload length in bytes, as the header claims. Its top bit may be set, against section 5.2.
    pub payload_len: u64,
    /// How the length is encoded.
    pub encoding: LengthEncoding,
}

/// How a frame's sender encodes its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LengthEncoding {
    /// As section 5.2 has it.
    #[default]
    Standard,
    /// An extended length with its least significant byte first.
    LittleEndian,
    /// A length of 128 to 255 in the second byte, whose top bit the sender does not use for MASK: a server's.
    EightBits,
    /// 128 + the seven bits: MASK was added to a length of 128 to 253, and the carry was lost. A client's.
    Carry,
}

impl FrameHeader {
    /// Reads a header from the start of `input`. Any 14 bytes are one, so there is no error.
    #[must_use]
    #[inline]
    pub fn parse(input: &[u8]) -> Parse<Self> {
        match header(input) {
            Ok((rest, header)) => Parse::Done(header, input.len() - rest.len()),
            Err(_) => Parse::Need(needed(input)),
        }
    }

    /// A header of which only the first two bytes are known.
    #[must_use]
    #[inline]
    pub fn of(head: [u8; 2]) -> Self {
        Self { head, masking_key: [0; 4], payload_len: 0, encoding: LengthEncoding::Standard }
    }

    /// FIN: the last frame of its message.
    #[must_use]
    pub fn fin(self) -> bool {
        self.head[0] & 0x80 != 0
    }

    /// RSV1 to RSV3 as a number, RSV1 = 4.
    #[must_use]
    pub fn rsv(self) -> u8 {
        (self.head[0] >> 4) & 7
    }

    /// RSV1: with permessage-deflate, the message is compressed (RFC 7692 section 6).
    #[must_use]
    pub fn rsv1(self) -> bool {
        self.head[0] & 0x40 != 0
    }

    /// The opcode.
    #[must_use]
    pub fn opcode(self) -> Opcode {
        Opcode::from_bits(self.head[0])
    }

    /// MASK: a masking key follows and the payload is masked.
    #[must_use]
    pub fn masked(self) -> bool {
        match self.encoding {
            LengthEncoding::Standard | LengthEncoding::LittleEndian => self.head[1] & 0x80 != 0,
            LengthEncoding::EightBits => false,
            LengthEncoding::Carry => true,
        }
    }

    /// The seven-bit length field: 126 and 127 announce an extended one.
    #[must_use]
    pub fn length_field(self) -> u8 {
        self.head[1] & 0x7f
    }

    /// Bytes of the extended payload length: 0, 2 or 8.
    #[must_use]
    pub fn extended_len(self) -> usize {
        match self.length_field() {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    /// Bytes of the header: 2 to 14.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        2 + self.extended_len() + if self.masked() { 4 } else { 0 }
    }

    /// Whether the length is in its shortest form (section 5.2). One that is encoded in another way has no such form.
    #[must_use]
    pub fn length_is_minimal(self) -> bool {
        if self.encoding != LengthEncoding::Standard {
            return true;
        }
        match self.extended_len() {
            2 => self.payload_len >= 126,
            8 => self.payload_len > 0xffff,
            _ => true,
        }
    }

    /// What an extended length is with its bytes in the opposite order.
    #[must_use]
    pub(super) fn swapped_len(self) -> u64 {
        self.payload_len.swap_bytes() >> (64 - 8 * self.extended_len().clamp(1, 8))
    }

    /// The header's bytes, as they were on the wire.
    #[must_use]
    pub fn to_bytes(self) -> ([u8; MAX_HEADER_LEN], usize) {
        let mut bytes = [0; MAX_HEADER_LEN];
        let mut len = 0;
        let (big, little) = (self.payload_len.to_be_bytes(), self.payload_len.to_le_bytes());
        let extended = match self.encoding {
            LengthEncoding::LittleEndian => little.get(..self.extended_len()),
            _ => big.get(8 - self.extended_len()..),
        };
        let extended = extended.unwrap_or_default();
        let key: &[u8] = if self.masked() { &self.masking_key } else { &[] };
        for (to, from) in bytes.iter_mut().zip(self.head.iter().chain(extended).chain(key)) {
            *to = *from;
            len += 1;
        }
        (bytes, len)
    }
}

#[inline]
fn header(input: &[u8]) -> IResult<&[u8], FrameHeader> {
    let (input, (first, second)) = (be_u8, be_u8).parse(input)?;
    let (input, payload_len) = match second & 0x7f {
        126 => be_u16(input).map(|(rest, len)| (rest, u64::from(len)))?,
        127 => be_u64(input)?,
        len => (input, u64::from(len)),
    };
    let mut masking_key = [0; 4];
    let mut input = input;
    if second & 0x80 != 0 {
        let (rest, key) = take(4usize)(input)?;
        masking_key.copy_from_slice(key);
        input = rest;
    }
    Ok((input, FrameHeader { masking_key, payload_len, ..FrameHeader::of([first, second]) }))
}

/// How long a header is that begins with `input`: 2 until its second byte is known.
fn needed(input: &[u8]) -> usize {
    match input {
        [_, second, ..] => FrameHeader::of([0, *second]).len(),
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> (FrameHeader, usize) {
        match FrameHeader::parse(bytes) {
            Parse::Done(header, len) => (header, len),
            Parse::Need(n) => panic!("needs {n}"),
        }
    }

    #[test]
    fn the_examples_of_rfc_6455_section_5_7() {
        let (hello, len) = parse(&[0x81, 0x05, 0x48, 0x65]);
        assert_eq!(
            (hello.fin(), hello.opcode(), hello.masked(), hello.payload_len, len),
            (true, Opcode::Text, false, 5, 2)
        );
        let (masked, len) = parse(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f]);
        assert_eq!((masked.masked(), masked.masking_key, len), (true, [0x37, 0xfa, 0x21, 0x3d], 6));
        let (first, _) = parse(&[0x01, 0x03]);
        assert_eq!((first.fin(), first.opcode()), (false, Opcode::Text));
        let (last, _) = parse(&[0x80, 0x02]);
        assert_eq!((last.fin(), last.opcode()), (true, Opcode::Continuation));
        assert_eq!(parse(&[0x82, 0x7e, 0x01, 0x00]).0.payload_len, 256);
        assert_eq!(parse(&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]).0.payload_len, 65536);
    }

    #[test]
    fn a_length_in_a_longer_form_than_needed_is_seen() {
        assert!(!parse(&[0x82, 0x7e, 0x00, 125]).0.length_is_minimal());
        assert!(parse(&[0x82, 0x7e, 0x00, 126]).0.length_is_minimal());
        assert!(!parse(&[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff]).0.length_is_minimal());
        assert!(parse(&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]).0.length_is_minimal());
    }

    proptest! {
        #[test]
        fn a_header_needs_what_it_takes_and_is_written_back_the_same(bytes in proptest::array::uniform14(any::<u8>())) {
            let (header, len) = parse(&bytes);
            prop_assert_eq!(len, header.len());
            let (again, again_len) = header.to_bytes();
            prop_assert_eq!(&again[..again_len], &bytes[..len]);
            for cut in 0..len {
                prop_assert_eq!(FrameHeader::parse(&bytes[..cut]), Parse::Need(if cut < 2 { 2 } else { len }));
            }
        }
    }
}
