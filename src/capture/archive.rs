//! The bytes of a capture apart from the capture: to be read again, from any thread.

use super::guard::Guarded;
use super::pages::Pages;
use super::source::ADDRESS_BITS;
use crate::model::{Bytes, Span};
use memmap2::Mmap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::sync::Arc;

/// The bytes of all inputs of a capture, by the addresses that the capture gives.
///
/// What is in it grows while the capture is read. Copies share everything.
#[derive(Clone, Debug)]
pub struct Archive {
    sources: Arc<[Stored]>,
}

/// Where the bytes of an input are.
#[derive(Debug)]
pub(super) enum Stored {
    /// A file, mapped a second time.
    File { name: String, file: File, map: Arc<Guarded> },
    /// Memory.
    Memory(Arc<Vec<u8>>),
    /// Temporary files, of which the oldest may have gone.
    Kept(Arc<Pages>),
    /// A ring: most of it is evicted.
    Nowhere,
}

impl Stored {
    /// A file that is mapped a second time, so that neither use disturbs the other.
    pub(super) fn file(name: &str, file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let map = Arc::new(Guarded::new(&file)?);
        #[cfg(unix)]
        let _ = map.map().advise(memmap2::Advice::Random);
        Ok(Self::File { name: name.to_owned(), file, map })
    }
}

impl Archive {
    pub(super) fn new(sources: Vec<Stored>) -> Self {
        Self { sources: sources.into() }
    }

    /// Whether the files are still as long as they were: what a mapped file no longer has reads as zeros.
    ///
    /// # Errors
    /// What became of which file.
    pub fn check(&self) -> Result<(), String> {
        for source in self.sources.iter() {
            if let Stored::File { name, file, map } = source {
                let len = file
                    .metadata()
                    .map_err(|error| format!("'{name}' cannot be read any more: {error}"))?
                    .len();
                if len < map.len() as u64 {
                    return Err(format!("'{name}' was cut short to {len} bytes after it was opened"));
                }
            }
        }
        Ok(())
    }

    /// The bytes that are kept, and those that went to make room, of inputs that cannot be read again.
    #[must_use]
    pub fn kept(&self) -> (u64, u64) {
        self.sources.iter().fold((0, 0), |(kept, gone), source| match source {
            Stored::Kept(pages) => {
                let fullness = pages.fullness();
                (kept + fullness.stored, gone + fullness.evicted)
            }
            _ => (kept, gone),
        })
    }

    /// Whether bytes are in it at all: none are of an input that runs through a ring.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !self.sources.iter().any(|source| matches!(source, Stored::Nowhere))
    }

    /// Whether all bytes that were read are in it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.kept().1 == 0 && self.is_kept()
    }

    /// Writes the only input as it is: the same bytes, of one that cannot be read again those that are kept. `go_on`
    /// receives how many bytes were written, and of how many; where it answers false, writing ends.
    ///
    /// # Errors
    /// Those of reading and writing; `Unsupported` where there are several inputs, or one of which nothing is kept;
    /// `Interrupted` where `go_on` ended it.
    pub fn save(&self, out: &mut dyn io::Write, go_on: &mut dyn FnMut(u64, u64) -> bool) -> io::Result<()> {
        let [source] = &*self.sources else { return Err(io::ErrorKind::Unsupported.into()) };
        match source {
            Stored::Kept(pages) => pages.save(out, go_on),
            Stored::Memory(bytes) => out.write_all(bytes),
            Stored::File { file, .. } => {
                let mut file = file.try_clone()?;
                let total = file.metadata()?.len();
                file.seek(io::SeekFrom::Start(0))?;
                let (mut piece, mut done) = (vec![0; 1 << 20], 0);
                while go_on(done, total) {
                    let read = file.read(&mut piece)?;
                    if read == 0 {
                        return Ok(());
                    }
                    out.write_all(piece.get(..read).unwrap_or_default())?;
                    done += read as u64;
                }
                Err(io::ErrorKind::Interrupted.into())
            }
            Stored::Nowhere => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Whether the only input begins like a classic pcap file, and is saved as one.
    #[must_use]
    pub fn is_classic(&self) -> bool {
        match &*self.sources {
            [Stored::Kept(pages)] => pages.is_classic(),
            [Stored::File { map, .. }] => {
                map.first_chunk().is_some_and(|first| super::classic::is_magic(*first))
            }
            [Stored::Memory(bytes)] => {
                bytes.first_chunk().is_some_and(|first| super::classic::is_magic(*first))
            }
            _ => false,
        }
    }

    /// All that is there by now.
    #[must_use]
    pub fn view(&self) -> View {
        let part = |source: &Stored| match source {
            Stored::File { map, .. } => ArchivePart::File(Arc::clone(map)),
            Stored::Memory(bytes) => ArchivePart::Memory(Arc::clone(bytes)),
            Stored::Kept(pages) => {
                let (oldest, maps) = pages.all();
                ArchivePart::Kept { oldest, maps, bits: pages.bits() }
            }
            Stored::Nowhere => ArchivePart::Nowhere,
        };
        View { parts: self.sources.iter().map(part).collect() }
    }
}

/// What was in an [`Archive`] at one time. Bytes of packets that came later may be missing.
#[derive(Clone, Debug)]
pub struct View {
    parts: Vec<ArchivePart>,
}

#[derive(Clone, Debug)]
enum ArchivePart {
    File(Arc<Guarded>),
    Memory(Arc<Vec<u8>>),
    Kept { oldest: u64, maps: Vec<Arc<Mmap>>, bits: u32 },
    Nowhere,
}

impl Bytes for View {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        let part = self.parts.get((span.start >> ADDRESS_BITS) as usize)?;
        let at = span.start & ((1 << ADDRESS_BITS) - 1);
        let (bytes, at) = match part {
            ArchivePart::File(map) => (&map[..], at),
            ArchivePart::Memory(bytes) => (bytes.as_slice(), at),
            ArchivePart::Kept { oldest, maps, bits } => {
                let index = usize::try_from((at >> bits).checked_sub(*oldest)?).ok()?;
                (&maps.get(index)?[..], at & ((1 << bits) - 1))
            }
            ArchivePart::Nowhere => return None,
        };
        let start = usize::try_from(at).ok()?;
        bytes.get(start..start.checked_add(span.len as usize)?)
    }
}
