//! The pcap format (draft-ietf-opsawg-pcap): a file header, then records.
//!
//! ```text
//! header  magic:4 major:2 minor:2 zone:4 sigfigs:4 snaplen:4 link:4
//! record  seconds:4 fraction:4 captured:4 original:4 [interface:4 protocol:2 kind:1 pad:1] bytes
//! ```

use super::log::Log;
use super::rules;
use super::window::Window;
use crate::model::{LinkType, PacketRef, Span, Time};
use nom::number::Endianness;
use nom::number::complete::{u16, u32};
use nom::{IResult, Parser};

/// Bytes of the file header.
pub(super) const HEADER_LEN: usize = 24;
/// Bytes of a record header, but for one variant.
const RECORD_LEN: usize = 16;
/// No record may be longer, in bytes.
pub(super) const MAX_RECORD: u32 = 16 << 20;
/// What every program may capture of a packet, whatever the file's snap length says.
const USUAL_SNAPLEN: u32 = 256 << 10;

/// The variants of the format, told apart by the magic number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Variant {
    big: bool,
    /// Nanoseconds in one unit of the fraction.
    unit: u32,
    record_header_len: u8,
}

/// Reads records.
#[derive(Debug)]
pub(super) struct Classic {
    variant: Variant,
    snaplen: u32,
    link: LinkType,
    /// Which of the two lengths comes first (see [`Lengths`]).
    lengths: Lengths,
    done: bool,
    /// Little-endian, with short record headers and the captured length first, and not done: most files are.
    usual: bool,
}

/// Old files have the lengths the other way round: up to version 2.2 always, in 2.3 sometimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    SmallerIsCaptured,
}

/// Whether these four bytes start a pcap file.
pub(super) fn is_magic(first: [u8; 4]) -> bool {
    variant(first).is_some()
}

fn variant(first: [u8; 4]) -> Option<Variant> {
    let (big, magic) = match u32::from_be_bytes(first) {
        magic @ (0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34) => (true, magic),
        other => (false, other.swap_bytes()),
    };
    let (unit, record_header_len) = match magic {
        0xa1b2_c3d4 => (1000, 16),
        0xa1b2_3c4d => (1, 16),
        0xa1b2_cd34 => (1000, 24),
        _ => return None,
    };
    Some(Variant { big, unit, record_header_len })
}

/// What is wrong with a file header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RecordFault {
    /// The file ends inside it.
    Short(usize),
    /// Not version 2.
    Version(u16, u16),
}

impl Classic {
    /// Reads the file header.
    pub(super) fn open<W: Window>(window: &mut W) -> Result<Self, RecordFault> {
        let header = window.peek(HEADER_LEN);
        let short = RecordFault::Short(header.len());
        let Some(variant) = header.first_chunk::<4>().and_then(|first| variant(*first)) else {
            return Err(short);
        };
        let order = if variant.big { Endianness::Big } else { Endianness::Little };
        let Ok((_, header)) = file_header(order, header) else { return Err(short) };
        if header.major != 2 {
            return Err(RecordFault::Version(header.major, header.minor));
        }
        window.keep_head(HEADER_LEN);
        window.advance(HEADER_LEN);
        let lengths = match header.minor {
            0..=2 => Lengths::OriginalFirst,
            3 => Lengths::SmallerIsCaptured,
            _ => Lengths::CapturedFirst,
        };
        Ok(Self {
            variant,
            snaplen: header.snaplen,
            // The upper bits say whether frames end with a checksum (FCS). IP knows its own length.
            link: LinkType((header.link & 0xffff) as u16),
            lengths,
            done: false,
            usual: !variant.big
                && usize::from(variant.record_header_len) == RECORD_LEN
                && lengths == Lengths::CapturedFirst,
        })
    }

    /// The next packet, where everything about its record is as usual; its number counts within this input.
    #[inline]
    pub(super) fn next_usual<W: Window>(&mut self, window: &mut W, log: &mut Log) -> Option<PacketRef> {
        let (head, rest) = window.present().split_first_chunk::<RECORD_LEN>()?;
        let [seconds, fraction, captured, original] = words(head);
        if !self.usual || captured > MAX_RECORD || rest.len() < captured as usize {
            return None;
        }
        Some(self.packet(seconds, fraction, captured, original, RECORD_LEN, window, log))
    }

    /// The next packet; its number counts within this input.
    pub(super) fn next<W: Window>(&mut self, window: &mut W, log: &mut Log) -> Option<PacketRef> {
        if self.done {
            return None;
        }
        let header_len = usize::from(self.variant.record_header_len);
        let header = window.peek(header_len);
        let (true, Some(fields)) = (header.len() == header_len, header.first_chunk::<RECORD_LEN>()) else {
            return self.end(window, log);
        };
        let (seconds, fraction, captured, original) = self.fields(*fields);
        let len = header_len + captured as usize;
        if captured > MAX_RECORD || window.peek(len).len() < len {
            return self.cut(captured, window, log);
        }
        Some(self.packet(seconds, fraction, captured, original, header_len, window, log))
    }

    /// The packet whose record begins at the cursor and is all there.
    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn packet<W: Window>(
        &mut self,
        seconds: u32,
        fraction: u32,
        captured: u32,
        original: u32,
        header_len: usize,
        window: &mut W,
        log: &mut Log,
    ) -> PacketRef {
        let start = window.address().wrapping_add(header_len as u64);
        let position = window.position();
        window.advance(header_len + captured as usize);
        // At most 2^32 * (10^9 + 10^3): no overflow.
        let time =
            Time(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(self.variant.unit));
        log.packet(time, captured, position);
        PacketRef {
            number: log.number,
            time,
            bytes: Span { start, len: captured },
            wire_len: original.max(captured),
            link: self.link,
        }
    }

    fn fields(&self, bytes: [u8; RECORD_LEN]) -> (u32, u32, u32, u32) {
        let [seconds, fraction, first, second] =
            words(&bytes).map(|word| if self.variant.big { word.swap_bytes() } else { word });
        let (captured, original) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        (seconds, fraction, captured, original)
    }

    /// There is no whole record header any more.
    #[cold]
    fn end<W: Window>(&mut self, window: &mut W, log: &mut Log) -> Option<PacketRef> {
        (self.done, self.usual) = (true, false);
        let position = window.position();
        let left = window.present().len();
        if let Some(failure) = window.failure() {
            log.lose(window.failure_rule(), false, position, || failure.to_owned());
        } else if left > 0 {
            let needed = self.variant.record_header_len;
            log.lose(window.failure_rule(), false, position, || {
                format!("the file ends after {left} of the {needed} bytes of a record header")
            });
        }
        window.advance(left);
        None
    }

    /// The record at the cursor is not there as a whole.
    #[cold]
    fn cut<W: Window>(&mut self, captured: u32, window: &mut W, log: &mut Log) -> Option<PacketRef> {
        (self.done, self.usual) = (true, false);
        let position = window.position();
        let header_len = usize::from(self.variant.record_header_len);
        let present = window.present().len().saturating_sub(header_len);
        if captured > MAX_RECORD {
            log.lose(&rules::BAD_RECORD_LENGTH, false, position, || {
                format!("the record claims {captured} bytes, more than any packet has; reading stops here")
            });
            return None;
        }
        let failure = window.failure();
        if failure.is_some() || captured <= self.snaplen.max(USUAL_SNAPLEN) {
            let why = failure.unwrap_or("the file ends");
            log.lose(window.failure_rule(), false, position, || {
                format!("{why} after {present} of the {captured} bytes of a record")
            });
        } else {
            let snaplen = self.snaplen;
            log.lose(&rules::BAD_RECORD_LENGTH, false, position, || {
                format!(
                    "the record claims {captured} bytes; the snap length is {snaplen}, and only {present} bytes follow"
                )
            });
        }
        window.advance(header_len + present);
        None
    }
}

/// Four little-endian words.
#[inline]
#[allow(clippy::cast_possible_truncation)] // Each word is a part of the number.
fn words(bytes: &[u8; RECORD_LEN]) -> [u32; 4] {
    let number = u128::from_le_bytes(*bytes);
    [number as u32, (number >> 32) as u32, (number >> 64) as u32, (number >> 96) as u32]
}

struct FileHeader {
    major: u16,
    minor: u16,
    snaplen: u32,
    link: u32,
}

fn file_header(order: Endianness, bytes: &[u8]) -> IResult<&[u8], FileHeader> {
    (u32(order), u16(order), u16(order), u32(order), u32(order), u32(order), u32(order))
        .map(|(_magic, major, minor, _zone, _sigfigs, snaplen, link)| FileHeader {
            major,
            minor,
            snaplen,
            link,
        })
        .parse(bytes)
}
