//! What layers are handed: bytes in order, with the places they came from.

use super::{Nanos, Span, Time};

/// A packet, as far as later records need it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Packet number from 1.
    pub packet: u64,
    /// Its time.
    pub time: Time,
}

impl Place {
    /// The later of two places by packet number.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        if other.packet > self.packet { other } else { self }
    }

    /// Nanoseconds that passed from `earlier` to here; `None` where both are in one packet, or
    /// [no such time is known](Time::elapsed_since).
    #[must_use]
    pub fn elapsed_since(self, earlier: Self) -> Option<Nanos> {
        self.time.elapsed_since(earlier.time).filter(|_| self.packet != earlier.packet)
    }
}

/// Addresses from here on, up to `0xF000…`, are those of bytes that were decrypted. Nothing can be read there: what
/// is needed later has to be copied. Without this mark, it is where the encrypted bytes are.
pub const SEALED: u64 = 0xE000_0000_0000_0000;

/// Bytes of one direction, in order, as a layer receives them. A layer keeps addresses, never `bytes`.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Offset of the first byte in the direction's stream.
    pub at: u64,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Address of the first byte; the others follow it.
    pub address: u64,
    /// The packet that carried these bytes.
    pub origin: Place,
    /// The packet whose arrival made them available in order: `origin`, or a later one.
    pub arrival: Place,
}

impl<'a> Chunk<'a> {
    /// Whether these bytes were decrypted: see [`SEALED`].
    #[must_use]
    #[inline]
    pub fn is_sealed(&self) -> bool {
        self.address >> 60 == SEALED >> 60
    }

    /// What is left after the first `n` bytes.
    #[must_use]
    pub fn skip(self, n: usize) -> Self {
        let n = n.min(self.bytes.len());
        Self {
            at: self.at.wrapping_add(n as u64),
            bytes: self.bytes.get(n..).unwrap_or_default(),
            address: self.address.wrapping_add(n as u64),
            ..self
        }
    }
}

/// Bytes by address: a mapped file, a spool, reassembled datagrams.
pub trait Bytes {
    /// The bytes of a span; `None` where they are gone or never were.
    fn bytes(&self, span: Span) -> Option<&[u8]>;
}

impl<B: Bytes + ?Sized> Bytes for &B {
    #[inline]
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        (**self).bytes(span)
    }
}

impl Bytes for [u8] {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        let start = usize::try_from(span.start).ok()?;
        self.get(start..start.checked_add(span.len as usize)?)
    }
}
