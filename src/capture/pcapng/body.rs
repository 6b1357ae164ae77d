//! Bodies of blocks: fields by byte order, options, packets, names, secrets.

use crate::capture::notes::Notebook;
use nom::bytes::complete::take;
use nom::number::Endianness;
use nom::number::complete::{u16, u32, u64};
use nom::{IResult, Parser};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

/// A packet as its block describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PacketRecord {
    pub(super) interface: u32,
    /// Ticks of the interface's clock; a Simple Packet Block has no time.
    pub(super) ticks: Option<u64>,
    pub(super) captured: u32,
    pub(super) original: u32,
    /// Where the packet starts in its block.
    pub(super) data_at: usize,
    /// Where the options start in the block; the trailer, where it has none.
    pub(super) options_at: usize,
}

impl ByteOrder {
    /// The byte order that a section header's first 12 bytes declare.
    pub(super) fn of_section(head: &[u8]) -> Option<Self> {
        match head.get(8..12)? {
            [0x4d, 0x3c, 0x2b, 0x1a] => Some(Self::Little),
            [0x1a, 0x2b, 0x3c, 0x4d] => Some(Self::Big),
            _ => None,
        }
    }

    /// The 32-bit word at a byte; 0 where there is none.
    #[inline]
    pub(super) fn word(self, bytes: &[u8], at: usize) -> u32 {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        match self {
            Self::Little => u32::from_le_bytes(word),
            Self::Big => u32::from_be_bytes(word),
        }
    }

    /// The 64-bit word at a byte; 0 where there is none.
    pub(super) fn long(self, bytes: &[u8], at: usize) -> u64 {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        match self {
            Self::Little => u64::from_le_bytes(word),
            Self::Big => u64::from_be_bytes(word),
        }
    }

    fn endianness(self) -> Endianness {
        match self {
            Self::Little => Endianness::Little,
            Self::Big => Endianness::Big,
        }
    }

    /// An Enhanced Packet Block (section 4.3); none where the packet does not fit into the block.
    #[inline]
    pub(super) fn packet(self, block: &[u8]) -> Option<PacketRecord> {
        let [interface, high, low, captured, original] = self.words(block.get(8..28)?.first_chunk()?);
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        record(block.len(), PacketRecord { interface, ticks, captured, original, data_at: 28, options_at: 0 })
    }

    /// An obsolete Packet Block (appendix A): the interface has 16 bits, a drop count follows.
    pub(super) fn old_packet(self, block: &[u8]) -> Option<PacketRecord> {
        let [first, high, low, captured, original] = self.words(block.get(8..28)?.first_chunk()?);
        let interface = match self {
            Self::Little => first & 0xffff,
            Self::Big => first >> 16,
        };
        let ticks = Some(u64::from(high) << 32 | u64::from(low));
        record(block.len(), PacketRecord { interface, ticks, captured, original, data_at: 28, options_at: 0 })
    }

    /// A Simple Packet Block (section 4.4): cut to the snap length of interface 0 where that has one.
    pub(super) fn simple_packet(self, block: &[u8], snaplen: u32) -> Option<PacketRecord> {
        let original = self.word(block.get(8..block.len().checked_sub(4)?)?.get(..4)?, 0);
        let captured = if snaplen == 0 { original } else { original.min(snaplen) };
        let record = record(
            block.len(),
            PacketRecord { interface: 0, ticks: None, captured, original, data_at: 12, options_at: 0 },
        )?;
        // It has no options, whatever stands behind the packet.
        Some(PacketRecord { options_at: block.len() - 4, ..record })
    }

    #[inline]
    fn words(self, bytes: &[u8; 20]) -> [u32; 5] {
        let (words, _) = bytes.as_chunks::<4>();
        let mut out = [0; 5];
        for (out, word) in out.iter_mut().zip(words) {
            *out = match self {
                Self::Little => u32::from_le_bytes(*word),
                Self::Big => u32::from_be_bytes(*word),
            };
        }
        out
    }

    /// Version and options of a Section Header Block (section 4.1).
    pub(super) fn section(self, block: &[u8]) -> Option<(u16, u16, &[u8])> {
        let order = self.endianness();
        let body = block.get(12..block.len().checked_sub(4)?)?;
        let mut fields = (u16(order), u16(order), u64(order));
        let parsed: IResult<_, (u16, u16, u64)> = fields.parse(body);
        let (options, (major, minor, _section_len)) = parsed.ok()?;
        Some((major, minor, options))
    }

    /// Link type, snap length and options of an Interface Description Block (section 4.2).
    pub(super) fn interface(self, block: &[u8]) -> Option<(u16, u32, &[u8])> {
        let order = self.endianness();
        let body = block.get(8..block.len().checked_sub(4)?)?;
        let mut fields = (u16(order), u16(order), u32(order));
        let parsed: IResult<_, (u16, u16, u32)> = fields.parse(body);
        let (options, (link, _reserved, snaplen)) = parsed.ok()?;
        Some((link, snaplen, options))
    }

    /// Calls `each` with code and value of every option (section 3.5); false where one is longer
    /// than what is left.
    pub(super) fn options(self, mut options: &[u8], mut each: impl FnMut(u16, &[u8])) -> bool {
        while !options.is_empty() {
            let Ok((rest, (code, value))) = self.padded(options) else { return false };
            // opt_endofopt
            if code == 0 {
                return true;
            }
            each(code, value);
            options = rest;
        }
        true
    }

    /// Code, length, value and padding to four bytes, as options and name records have them.
    fn padded(self, bytes: &[u8]) -> IResult<&[u8], (u16, &[u8])> {
        let order = self.endianness();
        let (rest, (code, len)) = (u16(order), u16(order)).parse(bytes)?;
        let (rest, value) = take(len)(rest)?;
        let padding = (4 - usize::from(len) % 4) % 4;
        // The last padding may be missing.
        let (rest, _) = take(padding.min(rest.len()))(rest)?;
        Ok((rest, (code, value)))
    }

    /// Notes the names of a Name Resolution Block (section 4.5); false where a record does not fit.
    pub(super) fn names(self, block: &[u8], notes: &mut Notebook) -> bool {
        let body = block.get(8..block.len().saturating_sub(4)).unwrap_or_default();
        // The records end like options, with code 0; options follow.
        self.options(body, |code, value| {
            let address = match code {
                1 => value.split_first_chunk().map(|(a, names)| (IpAddr::V4(Ipv4Addr::from(*a)), names)),
                2 => value.split_first_chunk().map(|(a, names)| (IpAddr::V6(Ipv6Addr::from(*a)), names)),
                _ => None,
            };
            if let Some((address, names)) = address {
                notes.name(address, names);
            }
        })
    }

    /// Notes the content of a Decryption Secrets Block (section 4.7); false where it does not fit.
    pub(super) fn secrets(self, block: &[u8], notes: &mut Notebook) -> bool {
        let order = self.endianness();
        let body = block.get(8..block.len().saturating_sub(4)).unwrap_or_default();
        let parsed: IResult<_, (u32, u32)> = (u32(order), u32(order)).parse(body);
        let Ok((rest, (kind, len))) = parsed else { return false };
        let Some(data) = rest.get(..len as usize) else { return false };
        notes.secrets(kind, data);
        true
    }
}

/// Checks that the packet fits between its start and the trailer, and finds its options.
#[inline]
fn record(size: usize, record: PacketRecord) -> Option<PacketRecord> {
    let end = record.data_at.checked_add(record.captured as usize)?;
    let options_at = end.checked_next_multiple_of(4)?;
    if record.captured <= crate::capture::classic::MAX_RECORD && options_at.checked_add(4)? <= size {
        Some(PacketRecord { options_at, ..record })
    } else {
        None
    }
}
