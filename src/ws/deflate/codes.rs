//! Huffman codes (RFC 1951 sections 3.2.2 and 3.2.5) as tables to look up.
//!
//! A table is looked up with the next bits of the stream. An entry tells all about the symbol whose code they
//! begin with; where a code is longer than the bits looked up, it leads to a second table behind the first.
//!
//! ```text
//!  31       literal
//!  30..16   the literal, the length or distance before its extra bits, or where the second table begins
//!  15       no literal, length or distance: a second table, the end of the block, or no code at all
//!  14, 13   second table, end of the block
//!  11..8    bits of the code (of a second table: bits to look it up with)
//!  7..0     bits of the code and of what follows it
//! ```

// Codes, lengths and symbols are packed into the bits of one number.
#![allow(clippy::cast_possible_truncation)]

use std::sync::LazyLock;

/// The entry is a literal.
pub(super) const LITERAL: u32 = 1 << 31;
/// The entry is none of literal, length and distance.
pub(super) const SPECIAL: u32 = 1 << 15;
/// With [`SPECIAL`]: a second table.
pub(super) const SECOND: u32 = 1 << 14;
/// With [`SPECIAL`]: the block ends.
pub(super) const END: u32 = 1 << 13;

/// Bits that the table of literals and lengths is looked up with.
pub(super) const LITLEN_BITS: u32 = 10;
/// Bits that the table of distances is looked up with.
pub(super) const DIST_BITS: u32 = 8;
/// Bits that the table of the code of code lengths is looked up with: all of them.
pub(super) const LENS_BITS: u32 = 7;
/// The longest code.
const MAX_LEN: usize = 15;

/// A table that is looked up with `BITS` bits. The second tables of no code make it longer than `SIZE`.
#[derive(Clone, Debug)]
pub(super) struct Table<const BITS: u32, const SIZE: usize>([u32; SIZE]);

/// Literals and lengths: the second tables of 288 codes take 310 entries at most.
pub(super) type LitLens = Table<LITLEN_BITS, 2048>;
/// Distances: the second tables of 32 codes take 146 entries at most.
pub(super) type Dists = Table<DIST_BITS, 512>;
/// Code lengths.
pub(super) type Lens = Table<LENS_BITS, 128>;

/// The two codes of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Codes {
    pub(super) litlens: LitLens,
    pub(super) dists: Dists,
}

/// The codes of a block with fixed codes (RFC 1951 section 3.2.6).
pub(super) static FIXED: LazyLock<Box<Codes>> = LazyLock::new(|| {
    let litlens: Vec<Coded> = (0..288u16)
        .map(|symbol| match symbol {
            144..256 => Coded::new(symbol, 9),
            256..280 => Coded::new(symbol, 7),
            _ => Coded::new(symbol, 8),
        })
        .collect();
    let dists: Vec<Coded> = (0..32).map(|symbol| Coded::new(symbol, 5)).collect();
    let mut codes = Box::<Codes>::default();
    // They are complete.
    let _ = codes.litlens.build(&litlens, 0, &LITLENS, false);
    let _ = codes.dists.build(&dists, 0, &DISTS, false);
    codes
});

/// A symbol and the length of its code.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Coded(u16);

impl Coded {
    /// `symbol` below 512, `len` from 1 to 15.
    #[inline]
    pub(super) fn new(symbol: u16, len: u8) -> Self {
        Self(symbol << 4 | u16::from(len & 15))
    }

    #[inline]
    pub(super) fn symbol(self) -> u16 {
        self.0 >> 4
    }

    #[inline]
    fn len(self) -> u8 {
        (self.0 & 15) as u8
    }
}

/// The entries of literals and lengths, without their codes' bits.
#[allow(clippy::indexing_slicing)] // At compile time.
pub(super) static LITLENS: [u32; 288] = {
    let mut all = [SPECIAL; 288];
    let mut symbol = 0;
    while symbol < 256 {
        all[symbol] = LITERAL | (symbol as u32) << 16;
        symbol += 1;
    }
    all[256] = SPECIAL | END;
    let (mut base, mut symbol) = (3, 257);
    while symbol < 285 {
        let extra = if symbol < 265 { 0 } else { (symbol as u32 - 261) / 4 };
        all[symbol] = base << 16 | extra;
        base += 1 << extra;
        symbol += 1;
    }
    all[285] = 258 << 16;
    all
};

/// The entries of distances, without their codes' bits.
#[allow(clippy::indexing_slicing)] // At compile time.
pub(super) static DISTS: [u32; 32] = {
    let mut all = [SPECIAL; 32];
    let (mut base, mut symbol) = (1, 0);
    while symbol < 30 {
        let extra = if symbol < 4 { 0 } else { (symbol as u32 - 2) / 2 };
        all[symbol] = base << 16 | extra;
        base += 1 << extra;
        symbol += 1;
    }
    all
};

/// The entries of code lengths, without their codes' bits: the symbols.
#[allow(clippy::indexing_slicing)] // At compile time.
pub(super) static LENS: [u32; 19] = {
    let mut all = [0; 19];
    let mut symbol = 0;
    while symbol < 19 {
        all[symbol] = (symbol as u32) << 16;
        symbol += 1;
    }
    all
};

/// The lengths make no code: too many of them are short, or too few.
#[derive(Debug)]
pub(super) struct NoCode;

impl<const BITS: u32, const SIZE: usize> Default for Table<BITS, SIZE> {
    fn default() -> Self {
        Self([SPECIAL | 1; SIZE])
    }
}

impl<const BITS: u32, const SIZE: usize> Table<BITS, SIZE> {
    /// The entry for the next bits of the stream.
    #[inline]
    pub(super) fn first(&self, bits: u64) -> u32 {
        self.at(bits as usize & ((1 << BITS) - 1))
    }

    /// The entry that `entry`, a second table's, leads to; `bits` are those behind the first [`BITS`](Self).
    #[inline]
    pub(super) fn second(&self, entry: u32, bits: u64) -> u32 {
        let mask = (1usize << ((entry >> 8) & 15)) - 1;
        self.at((entry >> 16) as usize + (bits as usize & mask))
    }

    #[inline]
    fn at(&self, at: usize) -> u32 {
        self.0.get(at & (SIZE - 1)).copied().unwrap_or(SPECIAL)
    }

    #[inline]
    fn set(&mut self, at: usize, entry: u32) {
        if let Some(slot) = self.0.get_mut(at & (SIZE - 1)) {
            *slot = entry;
        }
    }

    /// Makes the table of the code of `symbols`, which come in their order; the first of all has the first of
    /// `entries`.
    ///
    /// Of codes that are not complete only that of one symbol of one bit is a code, and that of none at all; a
    /// code of code lengths (`strict`) has to be complete, but where it has no symbol, each bit is a length of 0:
    /// so does zlib, which most senders and receivers are built with.
    pub(super) fn build(
        &mut self,
        symbols: &[Coded],
        first: u16,
        entries: &[u32],
        strict: bool,
    ) -> Result<(), NoCode> {
        let mut counts = [0u16; MAX_LEN + 1];
        for symbol in symbols {
            next(&mut counts, symbol.len());
        }
        let mut left = 1i32;
        for &count in counts.iter().skip(1) {
            left = left * 2 - i32::from(count);
            if left < 0 {
                return Err(NoCode);
            }
        }
        let (mut starts, mut start) = ([0u16; MAX_LEN + 1], 0);
        for (to, count) in starts.iter_mut().zip(&counts) {
            *to = start;
            start += count;
        }
        let mut sorted = [0u16; 512];
        for symbol in symbols {
            if let Some(to) = sorted.get_mut(usize::from(next(&mut starts, symbol.len()) & 511)) {
                *to = symbol.symbol().wrapping_sub(first);
            }
        }
        let mut sorted = sorted.iter();
        let mut entry = || sorted.next().and_then(|&symbol| entries.get(usize::from(symbol))).copied();
        if left > 0 {
            let all = self.0.get_mut(..1 << BITS).unwrap_or_default();
            match symbols {
                [] => all.fill(if strict { 1 } else { SPECIAL | 1 }),
                [one] if one.len() == 1 && !strict => {
                    let entry = entry().unwrap_or(SPECIAL) + 0x101;
                    all.chunks_exact_mut(2).for_each(|pair| pair.copy_from_slice(&[entry, SPECIAL | 1]));
                }
                _ => return Err(NoCode),
            }
            return Ok(());
        }
        // The code, its first bit lowest, as it is in the stream.
        let mut code = 0usize;
        for len in 1..=BITS {
            // What a shorter code begins is the same whatever bit follows.
            let size = 1usize << (len - 1);
            self.0.copy_within(..size, size);
            for _ in 0..of(&counts, len) {
                self.set(code, entry().unwrap_or(SPECIAL) + len * 0x101);
                code = following(code, len);
            }
        }
        let (mut begun, mut start, mut bits) = (usize::MAX, 1usize << BITS, 0u32);
        for len in BITS + 1..=MAX_LEN as u32 {
            for nth in 0..of(&counts, len) {
                let prefix = code & ((1 << BITS) - 1);
                if prefix != begun {
                    if begun != usize::MAX {
                        start += 1 << bits;
                    }
                    begun = prefix;
                    bits = len - BITS;
                    let mut used = u32::from(of(&counts, len) - nth);
                    while used < 1 << bits && BITS + bits < MAX_LEN as u32 {
                        bits += 1;
                        used = used * 2 + u32::from(of(&counts, BITS + bits));
                    }
                    debug_assert!(start + (1 << bits) <= SIZE, "no code needs more");
                    self.set(prefix, SPECIAL | SECOND | (start as u32) << 16 | bits << 8 | BITS);
                }
                let entry = entry().unwrap_or(SPECIAL) + (len - BITS) * 0x101;
                for at in (code >> BITS..1 << bits).step_by(1 << (len - BITS)) {
                    self.set(start + at, entry);
                }
                code = following(code, len);
            }
        }
        Ok(())
    }
}

/// The code of `len` bits after `code`, both with the first bit lowest; the last one is its own.
#[inline]
fn following(code: usize, len: u32) -> usize {
    let zeros = code ^ ((1 << len) - 1);
    let highest = if zeros == 0 { return code } else { 1usize << zeros.ilog2() };
    code & (highest - 1) | highest
}

/// The value for a length.
#[inline]
fn of(values: &[u16; MAX_LEN + 1], len: u32) -> u16 {
    values.get(len as usize & MAX_LEN).copied().unwrap_or_default()
}

/// The value for a length, which is one more from then on.
#[inline]
fn next(values: &mut [u16; MAX_LEN + 1], len: u8) -> u16 {
    let Some(value) = values.get_mut(usize::from(len) & MAX_LEN) else { return 0 };
    *value = value.wrapping_add(1);
    value.wrapping_sub(1)
}
