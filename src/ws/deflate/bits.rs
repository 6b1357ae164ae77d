//! The bits of the stream, lowest first (RFC 1951 section 3.1.1).

// A reader of bits takes as many as it was asked for.
#![allow(clippy::cast_possible_truncation)]

/// Bits taken from the input that nobody has used yet. Those above the first `len` are zero.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    pub(super) hold: u64,
    /// At most 63.
    pub(super) len: u32,
}

impl Bits {
    /// Takes whole bytes of the input: to 56 bits or more, or until the input is over.
    #[inline]
    pub(super) fn refill(&mut self, input: &mut &[u8]) {
        if let Some(word) = input.first_chunk::<8>() {
            let bytes = (63 - self.len) >> 3;
            self.hold |= u64::from_le_bytes(*word) << self.len;
            self.len += bytes << 3;
            self.hold &= (1 << self.len) - 1;
            *input = input.get(bytes as usize..).unwrap_or_default();
            return;
        }
        while self.len < 56
            && let Some((&byte, rest)) = input.split_first()
        {
            self.hold |= u64::from(byte) << self.len;
            self.len += 8;
            *input = rest;
        }
    }

    /// Uses `len` bits, which are there.
    #[inline]
    pub(super) fn skip(&mut self, len: u32) {
        self.hold = self.hold.wrapping_shr(len);
        self.len = self.len.wrapping_sub(len);
    }

    /// The next `len` bits (up to 32), if they are there or come.
    #[inline]
    pub(super) fn take(&mut self, len: u32, input: &mut &[u8]) -> Option<u32> {
        if self.len < len {
            self.refill(input);
            if self.len < len {
                return None;
            }
        }
        let bits = self.hold & ((1 << len) - 1);
        self.skip(len);
        Some(bits as u32)
    }

    /// Goes on to the next whole byte.
    pub(super) fn align(&mut self) {
        self.skip(self.len & 7);
    }
}
