//! Decisions taken from the front of the fuzzer's bytes, the rest left as content.

use wslens::model::{Bytes, Span};

/// Bytes whose addresses are their offsets.
pub struct Memory<'a>(pub &'a [u8]);

impl Bytes for Memory<'_> {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.0.bytes(span)
    }
}

/// Bytes that are spent from the front. Where none are left, every decision is 0.
#[derive(Clone, Debug)]
pub struct Feed<'a> {
    rest: &'a [u8],
}

impl<'a> Feed<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// Little-endian.
    pub fn number(&mut self, bytes: usize) -> u64 {
        (0..bytes).fold(0, |sum, at| sum | u64::from(self.byte()) << (8 * at))
    }

    /// Below `n`, or 0.
    pub fn below(&mut self, n: usize) -> usize {
        let wide = if n > 256 { self.number(2) } else { self.number(1) };
        if n == 0 { 0 } else { wide as usize % n }
    }

    /// Up to `n` bytes.
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(n.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// A piece with its length in a byte before it, or two where that is 255.
    pub fn piece(&mut self) -> &'a [u8] {
        let len = match self.byte() {
            255 => self.number(2) as usize,
            len => usize::from(len),
        };
        self.take(len)
    }

    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// A few cuts, and the content that they are for: the pieces in order, together the whole content.
    ///
    /// The first byte is the number of cuts; 255 cuts at every byte, or every few where that were many.
    pub fn cut(mut self) -> (&'a [u8], Vec<&'a [u8]>) {
        let count = self.byte();
        let mut cuts: Vec<usize> = match count {
            255 => Vec::new(),
            _ => (0..count % 16).map(|_| self.number(2) as usize).collect(),
        };
        let all = self.rest;
        if count == 255 {
            return (all, all.chunks(1 + all.len() / 400).collect());
        }
        cuts.iter_mut().for_each(|cut| *cut %= all.len() + 1);
        cuts.sort_unstable();
        let (mut pieces, mut at) = (Vec::new(), 0);
        for cut in cuts.into_iter().chain([all.len()]) {
            pieces.push(&all[at..cut]);
            at = cut;
        }
        (all, pieces)
    }
}
