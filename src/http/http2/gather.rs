//! Bytes that came in pieces, put together, with the place of each piece.

use std::ops::Range;

use crate::model::{Chunk, to_u32};

/// Bytes that are held of a field block. As many as heads of HTTP/1.1 may have.
pub(super) const MOST: usize = 64 << 10;

/// A run of a field block's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPiece {
    /// Which bytes of the block.
    pub of_block: Range<u32>,
    /// Offset of the first in the direction's stream of bytes below HTTP/2.
    pub at: u64,
    /// Address of the first.
    pub address: u64,
    /// The packet that carried them.
    pub packet: u64,
}

/// Bytes that are put together, and where each was.
#[derive(Clone, Debug, Default)]
pub(super) struct Gather {
    pub(super) bytes: Vec<u8>,
    pub(super) pieces: Vec<BlockPiece>,
    /// Some are missing.
    pub(super) spoilt: bool,
    /// There are more than are held.
    pub(super) over: bool,
}

impl Gather {
    /// Bytes of memory beside itself.
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.pieces.capacity() * size_of::<BlockPiece>()
    }

    pub(super) fn push(&mut self, chunk: &Chunk<'_>) {
        if self.bytes.len().saturating_add(chunk.bytes.len()) > MOST {
            (self.spoilt, self.over) = (true, true);
            return;
        }
        let start = to_u32(self.bytes.len());
        self.bytes.extend_from_slice(chunk.bytes);
        let of_block = start..to_u32(self.bytes.len());
        match self.pieces.last_mut() {
            Some(last)
                if last.packet == chunk.origin.packet
                    && last.of_block.end == start
                    && last.address.wrapping_add(u64::from(start - last.of_block.start)) == chunk.address =>
            {
                last.of_block.end = of_block.end;
            }
            _ => self.pieces.push(BlockPiece {
                of_block,
                at: chunk.at,
                address: chunk.address,
                packet: chunk.origin.packet,
            }),
        }
    }

    /// Adds a part of another.
    pub(super) fn append(&mut self, other: &Self, part: Range<usize>) {
        self.spoilt |= other.spoilt;
        self.over |= other.over;
        let bytes = other.bytes.get(part.clone()).unwrap_or_default();
        if self.bytes.len().saturating_add(bytes.len()) > MOST {
            (self.spoilt, self.over) = (true, true);
            return;
        }
        let base = to_u32(self.bytes.len());
        self.bytes.extend_from_slice(bytes);
        let part = to_u32(part.start)..to_u32(part.end);
        for piece in &other.pieces {
            let from = piece.of_block.start.max(part.start);
            let to = piece.of_block.end.min(part.end);
            if from < to {
                let skip = u64::from(from - piece.of_block.start);
                self.pieces.push(BlockPiece {
                    of_block: base + (from - part.start)..base + (to - part.start),
                    at: piece.at.wrapping_add(skip),
                    address: piece.address.wrapping_add(skip),
                    packet: piece.packet,
                });
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.pieces.clear();
        (self.spoilt, self.over) = (false, false);
    }

    /// Room is kept no longer than it is needed.
    pub(super) fn clear_and_shrink(&mut self) {
        self.clear();
        self.bytes.shrink_to(1024);
        self.pieces.shrink_to(16);
    }
}
