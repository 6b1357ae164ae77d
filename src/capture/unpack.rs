//! Compressed inputs: gzip, zstd and lz4, known by their first bytes, unpacked while they are read.
//!
//! A file may consist of several members or frames. Where one is cut or damaged, everything before
//! that is given, then the error.

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder as Lz4Decoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as ZstdDecoder};
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of packed input read at once.
const CHUNK: usize = 64 * 1024;

type Packed = BufReader<Box<dyn Read + Send>>;

/// How an input is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Lz4,
    /// The older format of lz4, whose frames end where the file ends.
    OldLz4,
}

impl Packing {
    /// The packing whose magic bytes these are.
    pub(super) fn of(first: &[u8]) -> Option<Self> {
        match first.first_chunk::<4>()? {
            [0x1f, 0x8b, 0x08, _] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Self::Zstd),
            // A skippable frame: zstd's own tools put them first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Self::Zstd),
            [0x04, 0x22, 0x4d, 0x18] => Some(Self::Lz4),
            [0x02, 0x21, 0x4c, 0x18] => Some(Self::OldLz4),
            _ => None,
        }
    }

    /// Its usual name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 | Self::OldLz4 => "lz4",
        }
    }

    /// The unpacked bytes of `reader`, up to a bound: `most` bytes, or, where that is `None`, as many as captures have.
    pub(super) fn unpack(self, reader: Box<dyn Read + Send>, most: Option<u64>) -> Box<dyn Read + Send> {
        let (reader, packed) = Counted::new(reader);
        let inner = self.decoder(Box::new(reader));
        Box::new(Bounded { inner, packing: self, packed, most, given: 0 })
    }

    fn decoder(self, reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let packed = BufReader::with_capacity(CHUNK, reader);
        match self {
            Self::Gzip => Box::new(Gzip(MultiGzDecoder::new(packed))),
            Self::Zstd => Box::new(Zstd { packed, decoder: ZstdDecoder::new(), open: false, failure: None }),
            Self::Lz4 | Self::OldLz4 => {
                let (decoder, marked) = (Lz4Decoder::new(Watched::new(packed)), self == Self::Lz4);
                Box::new(Lz4 { decoder, marked, whole: 0 })
            }
        }
    }
}

/// Reads the first four bytes (fewer where there are no more) and gives them back with the reader
/// that starts with them again.
pub(super) fn first_bytes(mut reader: Box<dyn Read + Send>) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut first = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut first)?;
    Ok((first.clone(), Box::new(Cursor::new(first).chain(reader))))
}

/// Counts what is read through it, and waits where a read would have to be tried again.
pub(super) struct Counted<R> {
    reader: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    /// A reader, and the count of the bytes that it has given.
    pub(super) fn new(reader: R) -> (Self, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        (Self { reader, count: Arc::clone(&count) }, count)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Ok(read) => {
                    self.count.fetch_add(read as u64, Ordering::Relaxed);
                    return Ok(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The other end of the pipe has made it non-blocking for both.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// An error that names the packing.
fn damaged(packing: Packing, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the {} data is damaged: {error}", packing.name()))
}

fn cut(packing: Packing) -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, format!("the {} data ends too early", packing.name()))
}

/// Ends what unpacks to far more than captures do.
struct Bounded {
    inner: Box<dyn Read + Send>,
    packing: Packing,
    /// Packed bytes that were read.
    packed: Arc<AtomicU64>,
    most: Option<u64>,
    /// Unpacked bytes that were given.
    given: u64,
}

impl Bounded {
    /// So many bytes may be unpacked of so many.
    fn bound(&self, packed: u64) -> u64 {
        /// Captures are packed to a fifth, those of repeated text to a fiftieth.
        const RATIO: u64 = 250;
        /// What is small may be anything.
        const FREE: u64 = 256 << 20;
        self.most.unwrap_or_else(|| packed.saturating_mul(RATIO).saturating_add(FREE))
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let packed = self.packed.load(Ordering::Relaxed);
        let room = self.bound(packed).saturating_sub(self.given);
        if room == 0 && !buffer.is_empty() {
            // Whatever ends exactly here is whole.
            return match self.inner.read(&mut [0]) {
                Ok(0) => Ok(0),
                Ok(_) => {
                    let (packing, unpacked) = (self.packing, self.given);
                    Err(io::Error::other(ArchiveBomb { packing, packed, unpacked }))
                }
                Err(error) => Err(error),
            };
        }
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.given = self.given.saturating_add(read as u64);
        Ok(read)
    }
}

/// That a packed input unpacks to more than is read.
#[derive(Debug)]
pub(super) struct ArchiveBomb {
    packing: Packing,
    packed: u64,
    unpacked: u64,
}

impl std::fmt::Display for ArchiveBomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { packing, packed, unpacked } = self;
        let ratio = unpacked / (*packed).max(1);
        write!(
            f,
            "the {} data unpacks to more than {unpacked} bytes, of {packed}: {ratio} times as many; --max-unpacked allows more",
            packing.name()
        )
    }
}

impl std::error::Error for ArchiveBomb {}

struct Gzip(MultiGzDecoder<Packed>);

impl Read for Gzip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => cut(Packing::Gzip),
            _ => damaged(Packing::Gzip, &error),
        })
    }
}

struct Zstd {
    packed: Packed,
    decoder: ZstdDecoder,
    /// Inside a frame.
    open: bool,
    /// What ended the input; told after the last bytes.
    failure: Option<io::Error>,
}

impl Zstd {
    /// Starts the next frame; false at the end.
    fn start(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let skipped =
                        io::copy(&mut self.packed.by_ref().take(u64::from(length)), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(cut(Packing::Zstd));
                    }
                }
                Err(error) => return Err(self.explain(&error)),
            }
        }
        Ok(false)
    }

    fn explain(&mut self, error: &dyn std::fmt::Display) -> io::Error {
        match self.packed.fill_buf() {
            Ok([]) => cut(Packing::Zstd),
            _ => damaged(Packing::Zstd, error),
        }
    }
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if let Some(failure) = self.failure.take() {
                self.failure = Some(io::Error::new(failure.kind(), failure.to_string()));
                return Err(failure);
            }
            if self.open && self.decoder.is_finished() {
                self.open = false;
                let stored = self.decoder.get_checksum_from_data();
                if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
                    self.failure = Some(damaged(Packing::Zstd, &"wrong checksum"));
                }
            } else if self.open {
                let step = BlockDecodingStrategy::UptoBlocks(1);
                if let Err(error) = self.decoder.decode_blocks(&mut self.packed, step) {
                    self.failure = Some(self.explain(&error));
                    // The decoder keeps a window of bytes back until the frame ends: an empty last
                    // block (and room for a checksum) makes it give them.
                    let end = [1u8, 0, 0, 0, 0, 0, 0];
                    let _ = self.decoder.decode_blocks(&end[..], BlockDecodingStrategy::UptoBlocks(1));
                    self.open = false;
                }
            } else {
                match self.start() {
                    Ok(false) => return Ok(0),
                    Ok(true) => self.open = true,
                    Err(error) => self.failure = Some(error),
                }
            }
        }
    }
}

/// A reader that remembers how much was read and whether the end was met.
struct Watched {
    packed: Packed,
    read: u64,
    ended: bool,
}

impl Watched {
    fn new(packed: Packed) -> Self {
        Self { packed, read: 0, ended: false }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.packed.read(buffer)?;
        self.read += read as u64;
        self.ended |= read == 0 && !buffer.is_empty();
        Ok(read)
    }
}

struct Lz4 {
    decoder: Lz4Decoder<Watched>,
    /// Frames have a mark at their end.
    marked: bool,
    /// How much had been read when a frame last ended.
    whole: u64,
}

impl Read for Lz4 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.decoder.read(buffer) {
                // The decoder answers alike at the end of a frame, of the input, and where the input
                // ends between two blocks.
                Ok(0) if !buffer.is_empty() => {
                    let Watched { read, ended, .. } = *self.decoder.get_ref();
                    if !ended {
                        self.whole = read;
                    } else if read == self.whole || !self.marked {
                        return Ok(0);
                    } else {
                        return Err(cut(Packing::Lz4));
                    }
                }
                Ok(read) => return Ok(read),
                Err(error) => {
                    return Err(match error.kind() {
                        ErrorKind::UnexpectedEof => cut(Packing::Lz4),
                        _ => damaged(Packing::Lz4, &error),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unpacks_without_an_end_is_bounded_by_what_was_packed() {
        let bounded = |most| Bounded {
            inner: Box::new(io::repeat(0)),
            packing: Packing::Zstd,
            packed: Arc::new(AtomicU64::new(1000)),
            most,
            given: 0,
        };
        let read = |mut reader: Bounded| {
            let (mut all, mut buffer) = (0, vec![0; 1 << 20]);
            loop {
                match reader.read(&mut buffer) {
                    Ok(read) => all += read as u64,
                    Err(error) => return (all, error),
                }
            }
        };
        for (most, expected) in [(Some(70_000), 70_000), (None, (256 << 20) + 250_000)] {
            let (all, error) = read(bounded(most));
            assert_eq!(all, expected);
            assert!(error.get_ref().unwrap().is::<ArchiveBomb>());
            assert!(error.to_string().contains("--max-unpacked allows more"), "{error}");
        }
    }
}
