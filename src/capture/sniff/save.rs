//! Packets kept for good: the bytes of the spool, written to files.

use super::blocks::Blocks;
use super::pump::Tallies;
use crate::capture::live::Live;
use crate::capture::pages::{Next, Pages};
use crate::output::ring::{self, RingFile};
use crate::output::{Growth, Inputs, OutputError, Target, create_new, remove};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are copied at once: the longest block and more.
const BUFFER: usize = 1 << 20;
/// pcapng's Enhanced Packet Block.
const PACKET: u32 = 6;

/// Several files instead of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Files that there may be, those of earlier runs included; the oldest are deleted.
    pub files: u32,
    /// Bytes of each.
    pub len: u64,
}

/// Where packets are kept: standard output, a file, or the files of a ring.
#[derive(Debug)]
pub struct Keep {
    name: String,
    /// What to write to.
    file: Output,
    ring: Option<RingFiles>,
}

#[derive(Debug)]
enum Output {
    /// Standard output.
    Stdout(Target),
    /// A FIFO or a device: bytes cannot be taken back.
    Stream(Arc<File>),
    /// A file that wslens created.
    File(Arc<File>),
}

impl Output {
    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout(target) => {
                let mut out = target.writer();
                out.write_all(bytes)?;
                out.flush()
            }
            Self::Stream(file) | Self::File(file) => (&**file).write_all(bytes),
        }
    }
}

/// The files of a ring.
#[derive(Debug)]
struct RingFiles {
    base: PathBuf,
    bound: Ring,
    /// Those of earlier runs and those of this one, the oldest first. The last one is written.
    files: Vec<RingFile>,
}

impl RingFiles {
    /// Creates the next file, and deletes the oldest ones over the bound.
    fn next(&mut self) -> io::Result<(File, String)> {
        let mut number = self.files.last().map_or(0, |last| last.number);
        let (file, path) = loop {
            number += 1;
            let path = ring::name(&self.base, number, &now());
            match create_new(&path) {
                Ok(file) => break (file, path),
                // Another program writes the same ring.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < u64::MAX => {}
                Err(error) => return Err(error),
            }
        };
        let name = path.display().to_string();
        self.files.push(RingFile { number, path, len: 0 });
        // One that somebody else deleted meanwhile is no trouble.
        while self.is_over() {
            let oldest = self.files.remove(0);
            match remove(&oldest.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok((file, name))
    }

    /// Whether the file that was just begun, once full, makes the ring too large.
    fn is_over(&self) -> bool {
        let [before @ .., _] = self.files.as_slice() else { return false };
        let bytes = before.iter().map(|file| file.len).sum::<u64>();
        let room = self.bound.len.saturating_mul(u64::from(self.bound.files.max(1) - 1));
        // A file may be longer than its bound by one block, and has its last counters.
        let slack = (before.len() as u64).saturating_mul(BUFFER as u64);
        !before.is_empty()
            && (self.files.len() > self.bound.files.max(1) as usize || bytes > room.saturating_add(slack))
    }
}

/// The time in a ring's names: 14 digits, year to second, local.
fn now() -> String {
    jiff::Zoned::now().strftime("%Y%m%d%H%M%S").to_string()
}

impl Keep {
    /// Creates the file, or the first one of a ring.
    pub(super) fn new(
        path: &Path,
        bound: Option<(Ring, Vec<RingFile>)>,
        force: bool,
        inputs: &Inputs,
    ) -> Result<Self, OutputError> {
        let Some((bound, files)) = bound else {
            let target = Target::create(path, Growth::Growing, force, inputs)?;
            let file = match target.file().cloned() {
                None => Output::Stdout(target),
                Some(file) if file.metadata().is_ok_and(|about| about.is_file()) => Output::File(file),
                Some(file) => Output::Stream(file),
            };
            return Ok(Self { name: path.display().to_string(), file, ring: None });
        };
        let failed = |source| OutputError::Io { path: path.to_owned(), source };
        let mut files = RingFiles { base: path.to_owned(), bound, files };
        let (file, name) = files.next().map_err(failed)?;
        Ok(Self { name, file: Output::File(Arc::new(file)), ring: Some(files) })
    }

    /// The name of the file, as it was given or, of a ring, as it was created.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The thread that writes.
pub(super) struct Saver {
    keep: Keep,
    /// The first blocks of each file: section and interfaces.
    head: Vec<u8>,
    pages: Arc<Pages>,
    live: Live,
    tallies: Tallies,
    /// Bytes of the file at hand, and of those before.
    len: u64,
    before: u64,
    /// Packets in all these files.
    packets: u64,
}

impl Saver {
    pub(super) fn new(keep: Keep, head: Vec<u8>, pages: Arc<Pages>, live: Live, tallies: Tallies) -> Self {
        Self { keep, head, pages, live, tallies, len: 0, before: 0, packets: 0 }
    }

    /// Writes until the capture ends, or nothing more can be written.
    pub(super) fn run(mut self) {
        let written = self.write_all();
        self.publish();
        if let Err(error) = written {
            self.pages.set_saved(u64::MAX);
            if error.kind() == io::ErrorKind::BrokenPipe {
                // Whoever reads the packets has read enough.
                self.live.stop();
                return;
            }
            let why = format!("writing to '{}' ended: {error}", self.keep.name);
            let told = format!("{why}; packets from here on are not in it, the capture continues");
            self.live.update(|status| status.unsaved_why = Some(why));
            self.live.announce(&told);
            // Counts what is not in the file, until the capture ends.
            let (mut number, mut at) = (0, 0);
            while let Next::Page(next, page) = self.pages.after(number, at, true) {
                (number, at) = (next, page.len);
                let unsaved = self.pages.packets().saturating_sub(self.packets);
                self.live.update(|status| status.unsaved = unsaved);
            }
        }
    }

    fn write_all(&mut self) -> io::Result<()> {
        let (mut number, mut at, mut packets) = (0, 0, 0);
        let mut buffer = vec![0; BUFFER];
        while let Next::Page(next, page) = self.pages.after(number, at, true) {
            if next != number {
                let lost = page.packets_before.saturating_sub(packets);
                self.live.update(|status| status.unsaved += lost);
                (number, at) = (next, 0);
                self.pages.set_saved(number);
            }
            // Whole blocks each time: what does not fit comes again.
            while at < page.len {
                let len = page.read(at, &mut buffer)?;
                let new = buffer.get(..len).unwrap_or_default();
                let new = new.get(..whole(new)).unwrap_or_default();
                if new.is_empty() {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                self.write(new)?;
                at += new.len();
            }
            (at, packets) = (page.len, page.packets_after);
            self.publish();
        }
        Ok(())
    }

    /// Makes known what is in the files by now.
    fn publish(&self) {
        let (name, len, packets) = (self.keep.name.clone(), self.before + self.len, self.packets);
        self.live.update(|status| {
            status.saved = Some((name, len));
            status.saved_packets = packets;
        });
    }

    /// Writes whole blocks, and begins the next file where this one is full.
    fn write(&mut self, mut blocks: &[u8]) -> io::Result<()> {
        let Some(bound) = self.keep.ring.as_ref().map(|ring| ring.bound) else { return self.put(blocks) };
        while !blocks.is_empty() {
            let room = bound.len.saturating_sub(self.len);
            let mut fit = 0;
            while let Some(len) = block_len(blocks.get(fit..).unwrap_or_default()) {
                if (fit + len) as u64 > room {
                    break;
                }
                fit += len;
            }
            // A block that no file is long enough for has one to itself.
            if fit == 0 && self.len > self.head.len() as u64 {
                self.next_file()?;
                continue;
            }
            if fit == 0 {
                fit = block_len(blocks).unwrap_or(blocks.len());
            }
            let (now, later) = blocks.split_at_checked(fit).unwrap_or((blocks, &[]));
            self.put(now)?;
            blocks = later;
        }
        Ok(())
    }

    /// Writes whole blocks. Where that fails, the file ends with the last block that is whole.
    fn put(&mut self, blocks: &[u8]) -> io::Result<()> {
        let written = self.keep.file.write_all(blocks);
        let blocks = match (&written, &self.keep.file) {
            (Ok(()), _) => blocks,
            (Err(_), Output::Stdout(_) | Output::Stream(_)) => &[],
            (Err(_), Output::File(file)) => {
                let came = file.metadata()?.len().saturating_sub(self.len);
                let came = blocks.get(..usize::try_from(came).unwrap_or(0)).unwrap_or_default();
                let came = came.get(..whole(came)).unwrap_or_default();
                file.set_len(self.len + came.len() as u64)?;
                came
            }
        };
        self.len += blocks.len() as u64;
        self.packets += count_packets(blocks);
        written
    }

    /// Ends the file at hand with the counters as they are, and begins the next one.
    fn next_file(&mut self) -> io::Result<()> {
        let mut last = Blocks::default();
        for (id, tally) in (0..).zip(self.tallies.get().iter()) {
            last.statistics(id, tally);
        }
        self.put(last.bytes())?;
        if let Some(ring) = &mut self.keep.ring {
            if let Some(written) = ring.files.last_mut() {
                written.len = self.len;
            }
            let (file, name) = ring.next()?;
            (self.keep.file, self.keep.name) = (Output::File(Arc::new(file)), name);
        }
        self.before += std::mem::take(&mut self.len);
        let head = std::mem::take(&mut self.head);
        let put = self.put(&head);
        self.head = head;
        put
    }
}

/// How many of these whole blocks are packets.
fn count_packets(mut blocks: &[u8]) -> u64 {
    let mut packets = 0;
    while let Some(len) = block_len(blocks) {
        packets += u64::from(blocks.starts_with(&PACKET.to_le_bytes()));
        blocks = blocks.get(len..).unwrap_or_default();
    }
    packets
}

/// How many of these bytes are whole blocks.
fn whole(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(len) = block_len(bytes.get(at..).unwrap_or_default()) {
        at += len;
    }
    at
}

/// The length of the block that begins here.
fn block_len(bytes: &[u8]) -> Option<usize> {
    let len = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
    (len >= 12 && len <= bytes.len()).then_some(len)
}
