//! The place that a parser reads at: a cursor over bytes with addresses.

use super::guard::Guarded;
use super::rules;
use crate::model::Rule;
use memmap2::Mmap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

/// A cursor over the bytes of one input.
///
/// Parsers are generic over it, so that reading from a mapped file is nothing but slicing.
pub(super) trait Window {
    /// Up to `len` contiguous bytes at the cursor; fewer only where the input ends.
    ///
    /// Waits for no more than that. The bytes at the cursor may get another address by this.
    fn peek(&mut self, len: usize) -> &[u8];
    /// Moves the cursor over `len` bytes that [`peek`](Self::peek) has shown.
    fn advance(&mut self, len: usize);
    /// The address of the byte at the cursor.
    fn address(&self) -> u64;
    /// How many bytes of the (unpacked) input lie before the cursor.
    fn position(&self) -> u64;
    /// What is there at the cursor already, for messages.
    fn present(&self) -> &[u8];
    /// Why the input ended, where it did not end by itself.
    fn failure(&self) -> Option<&str>;
    /// The rule under which that is reported.
    fn failure_rule(&self) -> &'static Rule {
        &rules::TRUNCATED
    }
    /// The next bytes say how those behind them are to be read: they are needed as long as any of these are kept.
    fn keep_head(&mut self, _len: usize) {}
    /// Packets that went before they were shown, since they were [forgiven](Self::forgive).
    #[inline]
    fn lost(&self) -> u64 {
        0
    }
    /// Takes note of what was lost.
    fn forgive(&mut self) -> u64 {
        0
    }
}

/// Why a file ends early that another program shortened.
pub(super) const SHORTENED: &str = "another program shortened the file while it was read; it now ends";

/// The bytes of a whole input: a mapped file, or memory.
pub(super) enum InputBytes {
    /// A file, mapped.
    File(Guarded, File),
    /// A file that another program shortened, and how many of its bytes are left.
    Cut(Guarded, File, usize),
    /// Bytes from elsewhere.
    Memory(Arc<Vec<u8>>),
}

impl Deref for InputBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::File(map, _) => map,
            Self::Cut(map, _, len) => map.get(..*len).unwrap_or_default(),
            Self::Memory(bytes) => bytes,
        }
    }
}

/// A window over bytes that are all there.
pub(super) struct Mapped {
    bytes: InputBytes,
    at: usize,
    base: u64,
}

impl Mapped {
    /// A window whose first byte has the address `base`.
    pub(super) fn new(bytes: InputBytes, base: u64) -> Self {
        Self { bytes, at: 0, base }
    }

    /// Looks whether the file is still as long as it was, and reads no further than it is now.
    pub(super) fn check(&mut self) {
        let (InputBytes::File(map, file) | InputBytes::Cut(map, file, _)) = &self.bytes else { return };
        let len = self.bytes.len();
        let now = file.metadata().map_or(len as u64, |about| about.len());
        let now = usize::try_from(now).unwrap_or(usize::MAX).min(map.cut().unwrap_or(usize::MAX));
        if now < len {
            let whole = std::mem::replace(&mut self.bytes, InputBytes::Memory(Arc::default()));
            self.bytes = match whole {
                InputBytes::File(map, file) | InputBytes::Cut(map, file, _) => {
                    InputBytes::Cut(map, file, now)
                }
                memory @ InputBytes::Memory(_) => memory,
            };
        }
    }

    /// Whether bytes were read that the file no longer has.
    #[inline]
    pub(super) fn is_cut(&self) -> bool {
        match &self.bytes {
            InputBytes::File(map, _) | InputBytes::Cut(map, ..) => {
                map.cut().is_some_and(|cut| cut < self.bytes.len())
            }
            InputBytes::Memory(_) => false,
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> &InputBytes {
        &self.bytes
    }

    /// The bytes at an address.
    #[inline]
    pub(super) fn slice(&self, start: u64, len: u32) -> Option<&[u8]> {
        let start = usize::try_from(start.checked_sub(self.base)?).ok()?;
        self.bytes.get(start..start.checked_add(len as usize)?)
    }
}

impl Window for Mapped {
    #[inline]
    fn peek(&mut self, len: usize) -> &[u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.get(..len).unwrap_or(rest)
    }

    #[inline]
    fn advance(&mut self, len: usize) {
        self.at = self.at.saturating_add(len);
    }

    #[inline]
    fn address(&self) -> u64 {
        self.base.wrapping_add(self.at as u64)
    }

    #[inline]
    fn position(&self) -> u64 {
        self.at as u64
    }

    #[inline]
    fn present(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn failure(&self) -> Option<&str> {
        matches!(self.bytes, InputBytes::Cut(..)).then_some(SHORTENED)
    }
}

/// Maps a file for reading.
#[allow(unsafe_code)]
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the mapping is only read, and only through slices that the owner of the mapping lends
    // out. That another process changes the file meanwhile cannot be prevented by any means the system
    // offers; `Options::no_mmap` reads without mapping, and `Guarded` survives a file that is shortened. The spool and a capture that
    // goes on map temporary files that have no name; of these no slice is lent out of what is not written yet, and
    // what is written does not change.
    unsafe { Mmap::map(file) }
}
