//! Packets kept for good: the bytes of the spool, written to files.

use super::blocks::Blocks;
use super::pump::Tallies;
use crate::capture::live::Live;
use crate::capture::pages::{Next, Pages};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that are copied at once: the longest block and more.
const BUFFER: usize = 1 << 20;

/// Several files instead of one: so many at most, each of so many bytes at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Files; the oldest is deleted when there would be more.
    pub files: u32,
    /// Bytes of each.
    pub len: u64,
}

/// Where packets are kept.
#[derive(Debug)]
pub struct Keep {
    path: PathBuf,
    ring: Option<Ring>,
    file: File,
}

impl Keep {
    /// Makes the file, or the first one: `chat.pcapng`, or `chat_00001.pcapng` of a ring.
    pub(super) fn new(path: PathBuf, ring: Option<Ring>) -> io::Result<Self> {
        let first = if ring.is_some() { numbered(&path, 1) } else { path.clone() };
        Ok(Self { file: File::create(&first)?, path, ring })
    }

    /// The file, to be given to somebody.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn name(&self) -> String {
        let path = if self.ring.is_some() { numbered(&self.path, 1) } else { self.path.clone() };
        path.display().to_string()
    }
}

/// `chat.pcapng` with a number: `chat_00001.pcapng`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("_{number:05}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// The thread that writes.
pub(super) struct Saver {
    keep: Keep,
    /// The first blocks of each file: section and interfaces.
    head: Vec<u8>,
    pages: Arc<Pages>,
    live: Live,
    tallies: Tallies,
    number: u32,
    made: VecDeque<PathBuf>,
    /// Bytes of the file at hand, and of those before.
    len: u64,
    before: u64,
    packets: u64,
}

impl Saver {
    pub(super) fn new(keep: Keep, head: Vec<u8>, pages: Arc<Pages>, live: Live, tallies: Tallies) -> Self {
        let made =
            VecDeque::from([if keep.ring.is_some() { numbered(&keep.path, 1) } else { keep.path.clone() }]);
        Self { keep, head, pages, live, tallies, number: 1, made, len: 0, before: 0, packets: 0 }
    }

    /// Writes until nothing comes any more, or nothing can be written.
    pub(super) fn run(mut self) {
        let written = self.write_all();
        self.tell();
        if let Err(error) = written {
            let path = self.made.back().map(|path| path.display().to_string()).unwrap_or_default();
            let why = format!("writing to '{path}' ended: {error}");
            self.live.update(|status| status.unsaved_why = Some(why));
            // What comes from here on is not kept.
            let (mut number, mut at) = (0, 0);
            while let Next::Page(next, page) = self.pages.after(number, at, true) {
                (number, at) = (next, page.len);
            }
            let unsaved = self.pages.packets().saturating_sub(self.packets);
            self.live.update(|status| status.unsaved = unsaved);
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
            self.packets += page.packets_after.saturating_sub(packets.max(page.packets_before));
            (at, packets) = (page.len, page.packets_after);
            self.tell();
        }
        Ok(())
    }

    fn tell(&self) {
        let name = self.made.back().map(|path| path.display().to_string()).unwrap_or_default();
        let len = self.before + self.len;
        self.live.update(|status| status.saved = Some((name, len)));
    }

    /// Writes whole blocks, and goes on in the next file where this one is full.
    fn write(&mut self, mut blocks: &[u8]) -> io::Result<()> {
        let Some(ring) = self.keep.ring else { return self.put(blocks) };
        while !blocks.is_empty() {
            let room = ring.len.saturating_sub(self.len);
            let mut fit = 0;
            while let Some(len) = block_len(blocks.get(fit..).unwrap_or_default()) {
                if (fit + len) as u64 > room {
                    break;
                }
                fit += len;
            }
            // A block that no file is long enough for has one to itself.
            if fit == 0 && self.len > self.head.len() as u64 {
                self.next_file(ring)?;
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

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.keep.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Ends the file at hand with the counters as they are, and begins the next one.
    fn next_file(&mut self, ring: Ring) -> io::Result<()> {
        let mut last = Blocks::default();
        for (id, tally) in (0..).zip(self.tallies.get().iter()) {
            last.statistics(id, tally);
        }
        self.put(last.bytes())?;
        self.number += 1;
        let path = numbered(&self.keep.path, self.number);
        self.keep.file = File::create(&path)?;
        self.made.push_back(path);
        self.before += std::mem::take(&mut self.len);
        while self.made.len() > ring.files.max(1) as usize {
            if let Some(oldest) = self.made.pop_front() {
                fs::remove_file(oldest)?;
            }
        }
        let head = std::mem::take(&mut self.head);
        let put = self.put(&head);
        self.head = head;
        put
    }
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
