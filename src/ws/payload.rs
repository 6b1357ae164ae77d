//! Payload bytes that are kept: by address where that is smaller, unmasked when read.

use super::mask::unmask;
use crate::model::{Bytes, Chunk, Span, to_u32, to_usize};

/// A piece below this many bytes is copied: a range costs as much to keep.
const COPY_BELOW: usize = 256;
/// "Addresses" from here on are offsets in the copied bytes. No address reaches so far, neither of the
/// capture nor of datagrams put together from IP fragments, which begin at `0xF000…`.
const COPIED: u64 = 0xFF00_0000_0000_0000;

#[derive(Clone, Copy, Debug)]
struct PayloadPiece {
    address: u64,
    len: u32,
    /// Turned so that its first byte belongs to the piece's first byte.
    key: [u8; 4],
}

/// A payload's bytes, in order, without the bytes themselves where they are long.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    pieces: Vec<PayloadPiece>,
    copied: Vec<u8>,
    len: u64,
}

impl Payload {
    /// Number of bytes kept.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of memory that it takes.
    pub(super) fn size(&self) -> usize {
        self.pieces.capacity() * size_of::<PayloadPiece>() + self.copied.capacity()
    }

    /// The lowest address of what is not copied; `u64::MAX` where all is.
    pub(super) fn oldest_address(&self) -> u64 {
        let addresses = self.pieces.iter().map(|piece| piece.address).filter(|address| *address < COPIED);
        addresses.min().unwrap_or(u64::MAX)
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets all, keeps the allocations.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.copied.clear();
        self.len = 0;
    }

    /// Gives back what a burst of small pieces took.
    pub fn shrink(&mut self) {
        self.pieces.shrink_to(4);
        self.copied.shrink_to(0);
    }

    /// Appends wire bytes; `offset` is the place of the chunk's first byte in its frame's payload.
    #[inline]
    pub fn push(&mut self, chunk: &Chunk<'_>, key: [u8; 4], offset: u64) {
        let len = chunk.bytes.len();
        if len == 0 {
            return;
        }
        let key = turn(key, offset);
        self.len += len as u64;
        if (self.pieces.is_empty() || len >= COPY_BELOW) && !chunk.is_sealed() {
            self.pieces.push(PayloadPiece { address: chunk.address, len: to_u32(len), key });
        } else {
            let start = self.copied.len();
            self.copied.extend_from_slice(chunk.bytes);
            unmask(self.copied.get_mut(start..).unwrap_or_default(), key, 0);
            match self.pieces.last_mut() {
                Some(last) if last.address.wrapping_add(u64::from(last.len)) == COPIED + start as u64 => {
                    last.len += to_u32(len);
                }
                _ => self.pieces.push(PayloadPiece {
                    address: COPIED + start as u64,
                    len: to_u32(len),
                    key: [0; 4],
                }),
            }
        }
    }

    /// Appends what another payload keeps, and leaves it empty.
    pub fn append(&mut self, other: &mut Self) {
        let start = self.copied.len() as u64;
        self.copied.append(&mut other.copied);
        self.pieces.extend(other.pieces.drain(..).map(|piece| {
            if piece.address >= COPIED {
                PayloadPiece { address: piece.address + start, ..piece }
            } else {
                piece
            }
        }));
        self.len += std::mem::take(&mut other.len);
    }

    /// Hands each piece to `out`, unmasked. False where bytes are gone (evicted from a spool).
    pub fn each(&self, bytes: &dyn Bytes, scratch: &mut Vec<u8>, out: &mut dyn FnMut(&[u8])) -> bool {
        for piece in &self.pieces {
            let Some(raw) = self.raw(piece, bytes) else { return false };
            if piece.key == [0; 4] {
                out(raw);
            } else {
                scratch.clear();
                scratch.extend_from_slice(raw);
                unmask(scratch, piece.key, 0);
                out(scratch);
            }
        }
        true
    }

    /// All bytes in one run, unmasked; borrowed where they lie in one unmasked piece.
    /// `None` where bytes are gone.
    #[inline]
    pub fn read<'a>(&'a self, bytes: &'a dyn Bytes, scratch: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        if let [piece] = self.pieces.as_slice()
            && piece.key == [0; 4]
        {
            return self.raw(piece, bytes);
        }
        scratch.clear();
        for piece in &self.pieces {
            let start = scratch.len();
            scratch.extend_from_slice(self.raw(piece, bytes)?);
            unmask(scratch.get_mut(start..).unwrap_or_default(), piece.key, 0);
        }
        Some(scratch)
    }

    fn raw<'a>(&'a self, piece: &PayloadPiece, bytes: &'a dyn Bytes) -> Option<&'a [u8]> {
        match piece.address.checked_sub(COPIED) {
            // Arena addresses (reassembled datagrams) lie above the copied ones.
            Some(start) if start < 1 << 32 => {
                self.copied.get(to_usize(start)..to_usize(start) + piece.len as usize)
            }
            _ => bytes.bytes(Span { start: piece.address, len: piece.len }),
        }
    }
}

fn turn(key: [u8; 4], offset: u64) -> [u8; 4] {
    let mut key = key;
    key.rotate_left((offset & 3) as usize);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_kept_reads_back_unmasked(
            plain in proptest::collection::vec(any::<u8>(), 0..2000),
            mut cuts in proptest::collection::vec(0usize..2000, 0..12), key: [u8; 4], half in 0usize..12,
        ) {
            let mut wire = plain.clone();
            unmask(&mut wire, key, 0);
            cuts.sort_unstable();
            cuts.push(plain.len());
            let (mut first, mut second, mut at) = (Payload::default(), Payload::default(), 0);
            for (i, cut) in cuts.iter().enumerate() {
                let cut = (*cut).clamp(at, plain.len());
                let place = Place::default();
                let chunk = Chunk { at: 0, bytes: &wire[at..cut], address: at as u64, origin: place, arrival: place };
                if i < half { first.push(&chunk, key, at as u64) } else { second.push(&chunk, key, at as u64) }
                at = cut;
            }
            first.append(&mut second);
            prop_assert_eq!(first.len() as usize, plain.len());
            let mut scratch = Vec::new();
            let wire = PayloadWire(&wire);
            prop_assert_eq!(first.read(&wire, &mut scratch).unwrap(), &plain[..]);
            let mut again = Vec::new();
            prop_assert!(first.each(&wire, &mut Vec::new(), &mut |piece| again.extend_from_slice(piece)));
            prop_assert_eq!(again, plain);
        }
    }
    struct PayloadWire<'a>(&'a [u8]);
    impl Bytes for PayloadWire<'_> {
        fn bytes(&self, span: Span) -> Option<&[u8]> {
            self.0.bytes(span)
        }
    }
}
