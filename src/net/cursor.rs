//! A place inside a packet, and what to say when a header is not there.

use super::{Skip, rules};
use crate::model::{Finding, PacketRef, to_u32};

/// A header by the name its finding gives it, and the reason that counts packets in which it does not fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    skip: Skip,
    name: &'static str,
}

impl Header {
    pub(super) const fn link(name: &'static str) -> Self {
        Self { skip: Skip::MalformedLink, name }
    }

    pub(super) const fn ip(name: &'static str) -> Self {
        Self { skip: Skip::MalformedIp, name }
    }

    pub(super) const TCP: Self = Self { skip: Skip::MalformedTcp, name: "TCP header" };
}

/// Why a packet yields no segment; `fault` where that is worth a finding.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecodeStop {
    pub(super) skip: Skip,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    header: &'static str,
    /// Offset of the header in the packet.
    below: u32,
    /// Bytes it takes; 0 where its length is not what is wrong.
    need: u32,
    /// Bytes that the layer below leaves for it.
    have: u32,
}

impl From<Skip> for DecodeStop {
    fn from(skip: Skip) -> Self {
        Self { skip, fault: None }
    }
}

impl DecodeStop {
    /// The finding `packet-malformed`, where a header is at fault.
    #[cold]
    pub(super) fn finding(&self, packet: &PacketRef) -> Option<Finding> {
        let text = match self.fault? {
            Fault { header, below, need: 0, .. } => {
                format!("{header} at byte {below} has a value that cannot be")
            }
            Fault { header, below, need, have } => {
                format!("{header} at byte {below} needs {need} bytes, the packet has {have} for it")
            }
        };
        Some(finding(&rules::PACKET_MALFORMED, packet, text))
    }
}

/// A finding about a packet as a whole.
pub(super) fn finding(rule: &'static crate::model::Rule, packet: &PacketRef, text: String) -> Finding {
    Finding {
        rule,
        direction: None,
        packet: packet.number,
        time: packet.time,
        frame: None,
        message: None,
        offset: None,
        text,
    }
}

/// What is left of a packet once the layers above have been peeled off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    /// The bytes that were captured.
    pub(super) bytes: &'a [u8],
    /// Address of the first of them.
    pub(super) at: u64,
    /// Bytes of the packet before them.
    pub(super) below: u32,
    /// Bytes that were on the wire, as far as the layers so far know: at least `bytes.len()`.
    pub(super) claim: usize,
    /// Where the packet, or the frame around them, ends: the datagram in it cannot hold more. Inside a tunnel that is
    /// not known: what mirrors packets may cut them.
    frame: usize,
    /// Bytes that the datagram states beyond that.
    pub(super) excess: u32,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn new(packet: &PacketRef, bytes: &'a [u8]) -> Self {
        let claim = bytes.len().max(packet.wire_len as usize);
        Self { bytes, at: packet.bytes.start, below: 0, claim, frame: claim, excess: 0 }
    }

    /// The start of a reassembled datagram: `below` bytes of the packet were before its last fragment,
    /// and `claim` bytes of it were on the wire.
    pub(super) fn reassembled(below: u32, at: u64, bytes: &'a [u8], claim: usize) -> Self {
        Self { bytes, at, below, claim, frame: usize::MAX, excess: 0 }
    }

    /// Takes the next `N` bytes, which belong to `header`.
    #[inline]
    pub(super) fn take<const N: usize>(&mut self, header: Header) -> Result<&'a [u8; N], DecodeStop> {
        let chunk = self.bytes.first_chunk::<N>().ok_or_else(|| self.lack(N, header))?;
        self.advance(N, header)?;
        Ok(chunk)
    }

    /// The next `N` bytes, where they were captured.
    #[inline]
    pub(super) fn peek<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.bytes.first_chunk::<N>()
    }

    /// Goes `n` bytes on, over the rest of `header`.
    #[inline]
    pub(super) fn advance(&mut self, n: usize, header: Header) -> Result<(), DecodeStop> {
        let Some(rest) = self.bytes.get(n..) else { return Err(self.lack(n, header)) };
        self.bytes = rest;
        self.at = self.at.saturating_add(n as u64);
        self.below = self.below.saturating_add(to_u32(n));
        self.claim = self.claim.saturating_sub(n);
        self.frame = self.frame.saturating_sub(n);
        Ok(())
    }

    /// A datagram of `len` bytes begins, of which the layer below may have less.
    #[inline]
    pub(super) fn limit(&mut self, len: usize) {
        self.bytes = self.bytes.get(..len).unwrap_or(self.bytes);
        self.claim = len.min(self.frame).max(self.bytes.len());
        self.excess = to_u32(len.saturating_sub(self.claim));
        self.frame = usize::MAX;
    }

    /// At most `len` bytes follow on the wire: what is behind them is padding.
    pub(super) fn trim(&mut self, len: usize) {
        self.bytes = self.bytes.get(..len).unwrap_or(self.bytes);
        self.claim = self.claim.min(len);
    }

    /// A frame of `len` bytes begins, in which nothing longer can be.
    pub(super) fn enter_frame(&mut self, len: usize) {
        self.trim(len);
        self.frame = len;
    }

    // The next three take a copy, so that a cursor can stay in registers where nothing goes wrong.

    /// `header` takes `need` bytes, which are not there: cut off by the capture, or never there.
    #[cold]
    pub(super) fn lack(self, need: usize, header: Header) -> DecodeStop {
        if self.claim >= need {
            let cut = if header.skip == Skip::MalformedTcp { Skip::TcpHeaderCut } else { Skip::HeaderCut };
            return cut.into();
        }
        self.fault(need, header)
    }

    /// `header` holds a value that cannot be.
    #[cold]
    pub(super) fn wrong(self, header: Header) -> DecodeStop {
        self.fault(0, header)
    }

    fn fault(self, need: usize, header: Header) -> DecodeStop {
        let (need, have) = (to_u32(need), to_u32(self.claim));
        let fault = Fault { header: header.name, below: self.below, need, have };
        DecodeStop { skip: header.skip, fault: Some(fault) }
    }
}

/// Two bytes in network byte order.
#[inline]
pub(super) fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}
