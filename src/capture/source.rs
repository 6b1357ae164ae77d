//! One input: how it is opened, and what it is.

use super::archive::Stored;
use super::classic::{self, Classic};
use super::error::CaptureError;
use super::follow::Follower;
use super::foreign::describe;
use super::guard::Guarded;
use super::live::Live;
use super::log::Log;
use super::pcapng::{self, Pcapng};
use super::spool::{Keeping, Spool};
#[cfg(unix)]
use super::stop::Stoppable;
use super::unpack::{Counted, Packing, first_bytes};
use super::window::{InputBytes, Mapped, SHORTENED, Window};
use super::{Input, Options, waiting};
use crate::model::PacketRef;
use std::fs::File;
use std::io::{self, Cursor, Read, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// log2 of the bytes of address space that each input has.
pub(super) const ADDRESS_BITS: u32 = 44;
/// How many inputs there may be.
pub(super) const MAX_SOURCES: usize = 1 << (64 - ADDRESS_BITS - 1);

/// One input that is open.
pub(super) struct CaptureSource {
    pub(super) name: String,
    pub(super) log: Log,
    feed: Feed,
    format: Format,
    size: Size,
}

enum Feed {
    Mapped(Mapped),
    Spool(Box<Spool>),
    #[cfg_attr(not(all(feature = "live", unix)), allow(dead_code))]
    Live(Box<Follower>),
}

enum Format {
    Classic(Classic),
    Pcapng(Pcapng),
}

/// How far an input is read.
enum Size {
    /// By the position in it.
    Whole(u64),
    /// By bytes taken from the packed or unmapped file.
    Taken(Arc<AtomicU64>, u64),
    Unknown,
}

impl CaptureSource {
    /// Opens an input; `index` says which one of several it is.
    pub(super) fn open(input: &Input, index: usize, options: &Options) -> Result<Self, CaptureError> {
        match input {
            Input::Path(path) => Self::open_path(path, index, options),
            Input::Stdin => {
                Self::from_reader(standard_input(options), "standard input", index, options.keeping(true))
            }
        }
    }

    fn open_path(path: &Path, index: usize, options: &Options) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let fail = |source| CaptureError::Open { name: name.clone(), source };
        let mut told = || {
            if let Some(waits) = options.waits {
                waits(&name);
            }
        };
        let file = waiting::open(path, None, &mut told).map_err(fail)?;
        let about = file.metadata().map_err(fail)?;
        if about.is_dir() {
            return Err(CaptureError::Directory { name });
        }
        if !about.is_file() {
            return Self::from_reader(pipe(file, options), &name, index, options.keeping(true));
        }
        // Some file systems cannot map, and some files that have bytes say that they have none.
        if !options.no_mmap
            && about.len() > 0
            && let Ok(bytes) = Guarded::new(&file)
            && Packing::of(&bytes).is_none()
        {
            #[cfg(unix)]
            let _ = bytes.map().advise(memmap2::Advice::Sequential);
            let size = bytes.len() as u64;
            return Self::mapped(InputBytes::File(bytes, file), &name, index, Size::Whole(size));
        }
        let (file, taken) = Counted::new(Whole { left: about.len(), file });
        let size = if about.len() > 0 { Size::Taken(taken, about.len()) } else { Size::Unknown };
        Self::stream(Box::new(file), &name, index, options.keeping(about.len() == 0), size)
    }

    /// Reads bytes in memory, as a mapped file of the same bytes is read.
    pub(super) fn from_bytes(
        bytes: Vec<u8>,
        name: &str,
        index: usize,
        keeping: Keeping,
    ) -> Result<Self, CaptureError> {
        let size = bytes.len() as u64;
        if Packing::of(&bytes).is_none() {
            return Self::mapped(InputBytes::Memory(Arc::new(bytes)), name, index, Size::Whole(size));
        }
        let (reader, taken) = Counted::new(Cursor::new(bytes));
        Self::stream(Box::new(reader), name, index, keeping, Size::Taken(taken, size))
    }

    /// Reads a pipe.
    pub(super) fn from_reader(
        reader: Box<dyn Read + Send>,
        name: &str,
        index: usize,
        keeping: Keeping,
    ) -> Result<Self, CaptureError> {
        let (reader, _) = Counted::new(reader);
        Self::stream(Box::new(reader), name, index, keeping, Size::Unknown)
    }

    /// Reads a capture that goes on, as the only input.
    #[cfg(any(test, all(feature = "live", unix)))]
    pub(super) fn follow(mut window: Follower, name: &str) -> Result<Self, CaptureError> {
        let mut log = Log::new(0);
        let format = Format::open(&mut window, &mut log, name, None)?;
        let feed = Feed::Live(Box::new(window));
        Ok(Self { name: name.to_owned(), log, feed, format, size: Size::Unknown })
    }

    /// What is known of a capture that goes on.
    pub(super) fn live(&self) -> Option<&Live> {
        match &self.feed {
            Feed::Mapped(_) | Feed::Spool(_) => None,
            Feed::Live(window) => Some(window.live()),
        }
    }

    /// See [`Mapped::check`].
    pub(super) fn check(&mut self) {
        if let Feed::Mapped(window) = &mut self.feed {
            window.check();
        }
    }

    /// See [`Mapped::is_cut`].
    #[inline]
    pub(super) fn is_cut(&self) -> bool {
        matches!(&self.feed, Feed::Mapped(window) if window.is_cut())
    }

    /// Whether a live capture is read in another temporary file than before.
    pub(super) fn has_turned(&mut self) -> bool {
        match &mut self.feed {
            Feed::Live(window) => window.has_turned(),
            Feed::Mapped(_) | Feed::Spool(_) => false,
        }
    }

    /// Discards what a live capture has before an address.
    pub(super) fn release_before(&mut self, address: u64) {
        if let Feed::Live(window) = &mut self.feed {
            window.release_before(address);
        }
    }

    fn mapped(bytes: InputBytes, name: &str, index: usize, size: Size) -> Result<Self, CaptureError> {
        let mut window = Mapped::new(bytes, base(index));
        let mut log = Log::new(index);
        let format = Format::open(&mut window, &mut log, name, None)?;
        Ok(Self { name: name.to_owned(), log, feed: Feed::Mapped(window), format, size })
    }

    fn stream(
        reader: Box<dyn Read + Send>,
        name: &str,
        index: usize,
        keeping: Keeping,
        size: Size,
    ) -> Result<Self, CaptureError> {
        let fail = |source| CaptureError::Open { name: name.to_owned(), source };
        let (first, mut reader) = first_bytes(reader).map_err(fail)?;
        let packing = Packing::of(&first);
        if let Some(packing) = packing {
            reader = packing.unpack(reader, keeping.max_unpacked);
        }
        let mut window = Spool::new(reader, base(index), keeping).map_err(fail)?;
        let mut log = Log::new(index);
        let format = Format::open(&mut window, &mut log, name, packing)?;
        Ok(Self { name: name.to_owned(), log, feed: Feed::Spool(Box::new(window)), format, size })
    }

    /// The next packet, where it comes the usual way; its number counts within this input.
    #[inline]
    pub(super) fn next_usual(&mut self) -> Option<PacketRef> {
        match (&mut self.feed, &mut self.format) {
            (Feed::Mapped(window), Format::Classic(reader)) => reader.next_usual(window, &mut self.log),
            _ => None,
        }
    }

    /// The next packet; its number counts within this input.
    pub(super) fn next(&mut self) -> Option<PacketRef> {
        let log = &mut self.log;
        match (&mut self.feed, &mut self.format) {
            (Feed::Mapped(window), Format::Classic(reader)) => reader.next(window, log),
            (Feed::Mapped(window), Format::Pcapng(reader)) => reader.next(window, log),
            (Feed::Spool(window), Format::Classic(reader)) => reader.next(&mut **window, log),
            (Feed::Spool(window), Format::Pcapng(reader)) => reader.next(&mut **window, log),
            (Feed::Live(window), Format::Classic(reader)) => reader.next(&mut **window, log),
            (Feed::Live(window), Format::Pcapng(reader)) => reader.next(&mut **window, log),
        }
    }

    /// Waits for the next packet, or the end; false where there is something else to do first.
    pub(super) fn wait(&self) -> bool {
        match &self.feed {
            Feed::Mapped(_) | Feed::Spool(_) => true,
            Feed::Live(window) => window.wait(self.log.number),
        }
    }

    /// The bytes at an address, unless they are evicted.
    #[inline]
    pub(super) fn slice(&self, start: u64, len: u32) -> Option<&[u8]> {
        match &self.feed {
            Feed::Mapped(window) => window.slice(start, len),
            Feed::Spool(window) => window.slice(start, len),
            Feed::Live(window) => window.slice(start, len),
        }
    }

    /// Where its bytes can be read again.
    pub(super) fn stored(&self) -> io::Result<Stored> {
        Ok(match &self.feed {
            Feed::Mapped(window) => match window.all() {
                InputBytes::File(_, file) | InputBytes::Cut(_, file, _) => Stored::file(&self.name, file)?,
                InputBytes::Memory(bytes) => Stored::Memory(Arc::clone(bytes)),
            },
            Feed::Spool(window) => window.stored(),
            Feed::Live(window) => window.stored(),
        })
    }

    /// Bytes kept in temporary files for good.
    pub(super) fn kept(&self) -> u64 {
        match &self.feed {
            Feed::Mapped(_) => 0,
            Feed::Spool(window) => window.kept(),
            Feed::Live(window) => window.kept(),
        }
    }

    /// Why it ended, where it did not end by itself.
    pub(super) fn failure(&self) -> Option<&str> {
        match &self.feed {
            Feed::Mapped(window) => window.failure(),
            Feed::Spool(window) => window.failure(),
            Feed::Live(window) => window.failure(),
        }
    }

    /// How many bytes of the unpacked input were read.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        match &self.feed {
            Feed::Mapped(window) => window.position(),
            Feed::Spool(window) => window.position(),
            Feed::Live(window) => window.position(),
        }
    }

    /// How many bytes of the file were read, and how many it has.
    pub(super) fn progress(&self) -> Option<(u64, u64)> {
        match &self.size {
            Size::Whole(size) => Some((self.position().min(*size), *size)),
            Size::Taken(taken, size) => Some((taken.load(Ordering::Relaxed).min(*size), *size)),
            Size::Unknown => None,
        }
    }
}

/// A file that has as many bytes as it had when it was opened, or ends in an error.
struct Whole {
    file: File,
    /// Bytes that are still to come. Of files that do not say how long they are, none.
    left: u64,
}

impl Read for Whole {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        if read == 0 && std::mem::take(&mut self.left) > 0 && !into.is_empty() {
            return Err(io::Error::other(SHORTENED));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

fn base(index: usize) -> u64 {
    (index as u64) << ADDRESS_BITS
}

/// A pipe, which ends when that is asked for.
fn pipe(file: File, options: &Options) -> Box<dyn Read + Send> {
    #[cfg(unix)]
    if let Some(stop) = &options.stop {
        return Box::new(Stoppable { inner: file, stop: Arc::clone(stop), until: None });
    }
    let _ = options;
    Box::new(file)
}

fn standard_input(options: &Options) -> Box<dyn Read + Send> {
    #[cfg(unix)]
    if let Ok(own) = std::os::fd::AsFd::as_fd(&stdin()).try_clone_to_owned() {
        return pipe(File::from(own), options);
    }
    Box::new(stdin())
}

impl Format {
    /// Finds out what the input is, and reads its first header.
    fn open<W: Window>(
        window: &mut W,
        log: &mut Log,
        name: &str,
        packing: Option<Packing>,
    ) -> Result<Self, CaptureError> {
        let name = name.to_owned();
        let first = window.peek(4).first_chunk::<4>().copied();
        match first {
            Some(pcapng::MAGIC) => match Pcapng::open(window, log) {
                Ok(reader) => Ok(Self::Pcapng(reader)),
                Err(pcapng::BlockFault::Broken(what)) => Err(CaptureError::Broken { name, what }),
                Err(pcapng::BlockFault::Version(major, minor)) => {
                    Err(CaptureError::Version { name, format: "pcapng", major, minor })
                }
            },
            Some(first) if classic::is_magic(first) => match Classic::open(window) {
                Ok(reader) => Ok(Self::Classic(reader)),
                Err(classic::RecordFault::Short(len)) => {
                    let what = format!(
                        "the file ends after {len} of the {} bytes of its header",
                        classic::HEADER_LEN
                    );
                    Err(CaptureError::Broken { name, what })
                }
                Err(classic::RecordFault::Version(major, minor)) => {
                    Err(CaptureError::Version { name, format: "pcap", major, minor })
                }
            },
            _ => {
                let seen = window.present();
                if let (true, Some(failure)) = (seen.is_empty(), window.failure()) {
                    return Err(CaptureError::Broken { name, what: failure.to_owned() });
                }
                let (what, way) = describe(&name, seen);
                Err(match (seen.is_empty(), packing) {
                    (true, None) => CaptureError::Empty { name },
                    (true, Some(packing)) => {
                        let start = format!("is {} of nothing", packing.name());
                        CaptureError::NotCapture { name, start, way: None }
                    }
                    (false, None) => CaptureError::NotCapture { name, start: what, way },
                    (false, Some(packing)) => {
                        let start = format!("is {} data that {what}", packing.name());
                        // These two unpack by themselves.
                        let way = way.filter(|way| way.starts_with("tar ") || way.starts_with("editcap "));
                        CaptureError::NotCapture { name, start, way }
                    }
                })
            }
        }
    }
}
