//! Bytes in: opens capture files and gives their packets one by one, with addresses.
//!
//! Comes in: pcap and pcapng files, alone or several at once, packed with gzip, zstd or lz4 or not,
//! by name or through a pipe. Goes out: a [`PacketRef`] for each packet in capture order, its bytes
//! by address, and findings about damaged files. No protocol is decoded here.
//!
//! Files are mapped: reading them is walking from record to record, and a packet's bytes are never
//! copied. Pipes and packed files run through a ring of fixed size in an unnamed temporary file:
//! memory stays bounded, addresses only grow, and what was overwritten is evicted.
//!
//! What this promises: an error only where nothing can be read. Everything after the first header is
//! read as far as it can be, and the rest is a finding. It never reads more from a pipe than it needs
//! for the packet at hand, and never reserves memory because a length field says so.
//!
//! ```
//! # fn main() -> Result<(), wslens::capture::CaptureError> {
//! use wslens::capture::Capture;
//!
//! // A pcap file of one packet.
//! let mut file = Vec::new();
//! for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, 1] {
//!     file.extend(word.to_le_bytes());
//! }
//! for word in [1_700_000_000u32, 250_000, 5, 60] {
//!     file.extend(word.to_le_bytes());
//! }
//! file.extend(b"hello");
//!
//! let mut capture = Capture::from_bytes(file)?;
//! let packet = capture.next().unwrap_or_default();
//! assert_eq!(packet.time.to_string(), "1700000000.250000000");
//! assert_eq!(capture.bytes(packet.bytes), Some(&b"hello"[..]));
//! assert!(capture.next().is_none() && capture.totals().complete);
//! # Ok(())
//! # }
//! ```

// A number that does not fit is never cut silently: `model::to_u32` and its like, or `low_u32`. Tests know their numbers.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

mod archive;
mod classic;
mod error;
#[cfg_attr(not(all(feature = "live", unix)), allow(dead_code))]
mod follow;
mod foreign;
mod guard;
#[cfg_attr(not(all(feature = "live", unix)), allow(dead_code))]
pub mod live;
mod log;
mod notes;
#[cfg_attr(not(all(feature = "live", unix)), allow(dead_code))]
mod pages;
mod pcapng;
pub mod rules;
#[cfg(all(feature = "live", unix))]
pub mod sniff;
mod source;
mod spool;
#[cfg(unix)]
mod stop;
#[cfg(test)]
mod tests;
mod unpack;
pub mod waiting;
mod window;

pub use archive::{Archive, View};
pub use error::CaptureError;
pub use notes::{Comment, Interface, Name, Notes, Secrets, Section};

use crate::model::{Finding, Loss, Losses, PacketRef, Span, Time};
use crate::output::default_room;
use live::Live;
use source::{ADDRESS_BITS, CaptureSource, MAX_SOURCES};
use spool::Keeping;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::path::PathBuf;

/// Where a capture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file or a named pipe.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

impl From<PathBuf> for Input {
    /// `-` is standard input.
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::Path(path) }
    }
}

/// How captures are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Reads files instead of mapping them.
    pub no_mmap: bool,
    /// How many bytes are kept of an input that is not mapped. Rounded up to a power of two, and to
    /// 64 MiB.
    pub spool_len: usize,
    /// Keeps the bytes of such an input, in temporary files: [`Capture::archive`] then has them. Where there is no
    /// room for them, reading ends. All are kept of a packed file, of a pipe the last [`room`](Self::room).
    pub keep: bool,
    /// How many bytes are kept of a pipe, the oldest going first. Rounded to 64 MiB.
    pub room: u64,
    /// How many bytes of a packed input are read, unpacked; `None`: 256 MiB, and 250 for each packed one.
    pub max_unpacked: Option<u64>,
    /// Called with the name of a pipe or device through which nothing comes for a while.
    pub waits: Option<fn(&str)>,
    /// Becomes readable when the end is asked for: a pipe is then read for [`GRACE`](live::GRACE) at most.
    #[cfg(unix)]
    pub stop: Option<std::sync::Arc<std::os::fd::OwnedFd>>,
}

impl Options {
    /// How an input that is not mapped is kept; a pipe has no end that is known.
    fn keeping(&self, pipe: bool) -> Keeping {
        let room = if pipe { self.room } else { u64::MAX };
        let bits = if pipe && self.keep { 26 } else { self.spool_bits() };
        Keeping { bits, room: self.keep.then_some(room), max_unpacked: self.max_unpacked }
    }

    /// log2 of the bytes kept.
    fn spool_bits(&self) -> u32 {
        // A spool holds two of the longest blocks in one piece each.
        self.spool_len.clamp(64 << 20, 1 << 30).next_power_of_two().ilog2()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            no_mmap: false,
            spool_len: 256 << 20,
            keep: false,
            room: default_room(),
            max_unpacked: None,
            waits: None,
            #[cfg(unix)]
            stop: None,
        }
    }
}

/// What was read so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets in the capture: those that were given and those that were skipped.
    pub packets: u64,
    /// Bytes of the capture files, unpacked.
    pub capture_bytes: u64,
    /// Nothing was cut or damaged so far.
    pub complete: bool,
    /// Packets that were skipped, by reason: `bad-block`, `unknown-interface`, and `custom-block` and
    /// `journal-entry`, which are no packets but are numbered with them.
    pub skipped: Vec<(&'static str, u64)>,
    /// How often a packet was older than the one before it in the same file.
    pub backwards: u64,
    /// Packets that were lost while capturing, as far as that is known.
    pub losses: Losses,
}

/// One or several captures that are open, read as one in the order of time.
pub struct Capture {
    sources: Vec<CaptureSource>,
    merge: Option<Merge>,
    totals: Totals,
    findings: Vec<Finding>,
    losses: Vec<Loss>,
    notes: Notes,
    unreadable: Vec<String>,
    /// The input whose length was looked at last.
    checked: usize,
}

impl std::fmt::Debug for Capture {
    /// The inputs and what was read of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.source_names().collect();
        f.debug_struct("Capture")
            .field("sources", &names)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

/// The next packet of each of several inputs.
#[derive(Default)]
struct Merge {
    queue: BinaryHeap<Reverse<(Time, usize)>>,
    /// By input: its next packet, and the number of its last one that was given.
    heads: Vec<(PacketRef, u64)>,
    /// Inputs whose next packet was not asked for yet, in reverse order.
    asked: Vec<usize>,
}

/// Whether the bytes of a capture file stay where they are and are read there: a regular file that is not packed. Those
/// of others are copied into temporary files.
#[must_use]
pub fn is_read_in_place(path: &std::path::Path) -> bool {
    let magic = || {
        let mut magic = [0; 4];
        std::fs::File::open(path)?.read_exact(&mut magic)?;
        std::io::Result::Ok(magic)
    };
    path.is_file() && magic().map_or(true, |magic| unpack::Packing::of(&magic).is_none())
}

impl Capture {
    /// Opens the inputs. Of several, those that cannot be read are left out: see [`unreadable`](Self::unreadable).
    ///
    /// A pipe is read up to the end of its first header, and waits for that.
    pub fn open(inputs: &[Input], options: &Options) -> Result<Self, CaptureError> {
        if inputs.is_empty() || inputs.len() > MAX_SOURCES {
            return Err(CaptureError::Count { count: inputs.len(), max: MAX_SOURCES });
        }
        let (mut sources, mut errors) = (Vec::new(), Vec::new());
        for input in inputs {
            match CaptureSource::open(input, sources.len(), options) {
                Ok(source) => sources.push(source),
                Err(error) => errors.push(error),
            }
        }
        if sources.is_empty() {
            // The first one says most: the others are likely to be the same.
            return Err(errors.swap_remove(0));
        }
        let mut capture = Self::from_sources(sources);
        for error in errors {
            capture.totals.complete = false;
            capture.unreadable.push(error.to_string());
            if error.is_about_bytes() {
                capture.findings.push(Finding {
                    rule: &rules::BAD_MAGIC,
                    direction: None,
                    packet: 0,
                    time: Time::default(),
                    frame: None,
                    message: None,
                    offset: None,
                    text: error.to_string(),
                });
            }
        }
        Ok(capture)
    }

    /// Why inputs cannot be read that were named beside others, a sentence each.
    #[must_use]
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Reads a file that is in memory, exactly as a mapped one.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, CaptureError> {
        Self::from_bytes_with(bytes, &Options::default())
    }

    /// Reads a file that is in memory, with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes_with(bytes: Vec<u8>, options: &Options) -> Result<Self, CaptureError> {
        let source = CaptureSource::from_bytes(bytes, "memory", 0, options.keeping(false))?;
        Ok(Self::from_sources(vec![source]))
    }

    /// Reads a pipe, exactly as standard input.
    pub fn from_reader(reader: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        Self::from_reader_with(reader, &Options::default())
    }

    /// Reads a pipe, exactly as standard input, with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_reader_with(reader: Box<dyn Read + Send>, options: &Options) -> Result<Self, CaptureError> {
        let source = CaptureSource::from_reader(reader, "pipe", 0, options.keeping(true))?;
        Ok(Self::from_sources(vec![source]))
    }

    fn from_sources(sources: Vec<CaptureSource>) -> Self {
        let merge = (sources.len() > 1).then(|| Merge {
            heads: vec![Default::default(); sources.len()],
            asked: (0..sources.len()).rev().collect(),
            ..Merge::default()
        });
        let capture_bytes = sources.iter().map(CaptureSource::position).sum();
        let totals = Totals { complete: true, capture_bytes, ..Totals::default() };
        let mut this = Self {
            sources,
            merge,
            totals,
            findings: Vec::new(),
            losses: Vec::new(),
            notes: Notes::default(),
            unreadable: Vec::new(),
            checked: 0,
        };
        for index in 0..this.sources.len() {
            this.collect(index, 0);
        }
        this
    }

    /// The next packet in the order of the capture; none at the end.
    ///
    /// Packets are numbered from 1, as Wireshark's `frame.number`. A packet without a time (of a Simple
    /// Packet Block) has that of the packet before it. Several inputs are merged by time, and where
    /// times are equal by the order of the inputs. An address stays valid as long as
    /// [`bytes`](Self::bytes) answers.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Option<PacketRef> {
        if self.merge.is_none()
            && let Some(source) = self.sources.first_mut()
            && let Some(packet) = source.next_usual()
        {
            self.totals.packets = packet.number;
            self.totals.capture_bytes = source.position();
            if source.log.news {
                self.collect(0, 0);
            }
            return Some(packet);
        }
        // Into a place of its own: what is above need not be in memory.
        let mut packet = PacketRef::default();
        self.next_other(&mut packet).then_some(packet)
    }

    /// Waits until [`next`](Self::next) has a packet or the end to give. False where
    /// [`Live::nudge`](live::Live::nudge) came first: then there is something else to do. Only a live capture waits.
    #[must_use]
    pub fn wait(&self) -> bool {
        self.sources.first().is_none_or(CaptureSource::wait)
    }

    /// Whether there is a next packet, whichever way it comes.
    #[inline(never)]
    fn next_other(&mut self, packet: &mut PacketRef) -> bool {
        let next = if self.merge.is_some() { self.next_merged() } else { self.next_single() };
        *packet = next.unwrap_or_default();
        next.is_some()
    }

    fn next_single(&mut self) -> Option<PacketRef> {
        let source = self.sources.first_mut()?;
        let packet = source.next();
        self.totals.packets = source.log.number;
        self.totals.capture_bytes = source.position();
        if packet.is_none() {
            source.log.close(source.position());
        }
        if source.log.news {
            self.collect(0, 0);
        }
        packet
    }

    fn next_merged(&mut self) -> Option<PacketRef> {
        while let Some(index) = self.merge.as_mut()?.asked.pop() {
            self.ask(index);
        }
        let merge = self.merge.as_mut()?;
        let Reverse((_, index)) = merge.queue.pop()?;
        let (head, given) = merge.heads.get_mut(index)?;
        let mut packet = *head;
        // Numbers in between are of packets that were skipped.
        self.totals.packets += packet.number.saturating_sub(*given);
        *given = packet.number;
        let offset = self.totals.packets.wrapping_sub(packet.number);
        packet.number = self.totals.packets;
        merge.asked.push(index);
        if self.sources.get(index)?.log.news {
            self.collect(index, offset);
        }
        Some(packet)
    }

    /// Reads the next packet of an input.
    fn ask(&mut self, index: usize) {
        let (Some(source), Some(merge)) = (self.sources.get_mut(index), self.merge.as_mut()) else { return };
        let before = source.position();
        let packet = source.next();
        self.totals.capture_bytes += source.position().saturating_sub(before);
        let Some((head, given)) = merge.heads.get_mut(index) else { return };
        if let Some(packet) = packet {
            *head = packet;
            merge.queue.push(Reverse((packet.time, index)));
        } else {
            // Packets skipped behind the last one that was given.
            self.totals.packets += source.log.number.saturating_sub(*given);
            *given = source.log.number;
            let offset = self.totals.packets.wrapping_sub(source.log.number);
            source.log.close(source.position());
            self.collect(index, offset);
        }
    }

    /// Takes what an input has to say; its packet numbers grow by `offset`.
    #[cold]
    fn collect(&mut self, index: usize, offset: u64) {
        let several = self.merge.is_some();
        let Some(source) = self.sources.get_mut(index) else { return };
        let log = &mut source.log;
        self.totals.complete &= log.complete;
        self.totals.backwards += std::mem::take(&mut log.backwards_untold);
        for (reason, count) in log.skipped.drain(..) {
            match self.totals.skipped.iter_mut().find(|(r, _)| *r == reason) {
                Some((_, total)) => *total += count,
                None => self.totals.skipped.push((reason, count)),
            }
        }
        for loss in log.losses.drain(..) {
            self.totals.losses.add(loss.losses);
            self.losses.push(loss);
        }
        log.take(&mut self.findings, offset, several.then_some(source.name.as_str()));
        self.notes.take(&mut log.notes.fresh, offset);
    }

    /// The bytes of a packet or of a part of it; none where the address was never given, or where they
    /// are evicted.
    #[inline]
    #[must_use]
    pub fn bytes(&self, span: Span) -> Option<&[u8]> {
        let source = self.sources.get((span.start >> ADDRESS_BITS) as usize)?;
        source.slice(span.start, span.len)
    }

    /// Whether [`take_findings`](Self::take_findings) has something to give.
    #[inline]
    #[must_use]
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    /// The findings since the last call.
    #[must_use]
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Packets that were lost before the last one that was given, since the last call.
    #[must_use]
    pub fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }

    /// Whether [`take_losses`](Self::take_losses) has something to give.
    #[inline]
    #[must_use]
    pub fn has_losses(&self) -> bool {
        !self.losses.is_empty()
    }

    /// What is known of a capture that goes on, and the way to end it; none of one that is a file.
    #[must_use]
    pub fn live(&self) -> Option<Live> {
        self.sources.iter().find_map(CaptureSource::live).cloned()
    }

    /// Whether a live capture may have bytes that can be [released](Self::release_before).
    #[must_use]
    pub fn may_release(&mut self) -> bool {
        self.sources.iter_mut().any(CaptureSource::has_turned)
    }

    /// Discards temporary files of a live capture: none of their bytes before this address will be asked for again.
    pub fn release_before(&mut self, address: u64) {
        self.sources.iter_mut().for_each(|source| source.release_before(address));
    }

    /// Looks whether a file is still as long as it was: of one that another program shortened, no more is read than is
    /// left. To be called now and then; of several files, each has its turn.
    pub fn check(&mut self) {
        self.checked = if self.checked + 1 < self.sources.len() { self.checked + 1 } else { 0 };
        if let Some(source) = self.sources.get_mut(self.checked) {
            source.check();
        }
    }

    /// The same for all files.
    pub fn check_all(&mut self) {
        self.sources.iter_mut().for_each(CaptureSource::check);
    }

    /// Takes back the last packet: its header may have been read as zeros. See [`is_cut`](Self::is_cut).
    #[cold]
    pub fn take_back(&mut self, packet: &PacketRef) {
        self.totals.packets = self.totals.packets.min(packet.number.saturating_sub(1));
        self.findings.retain(|finding| finding.packet != packet.number);
        self.check_all();
    }

    /// Whether bytes of the last packet may be zeros instead of those of a file that another program shortened.
    #[inline]
    #[must_use]
    pub fn is_cut(&self) -> bool {
        guard::any() && self.sources.iter().any(CaptureSource::is_cut)
    }

    /// What was read so far.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// How many bytes of the files were read, and how many there are; none where that is unknown.
    ///
    /// Of a packed file the packed bytes count.
    #[must_use]
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.sources.iter().try_fold((0u64, 0u64), |(done, total), source| {
            let (d, t) = source.progress()?;
            Some((done.saturating_add(d), total.saturating_add(t)))
        })
    }

    /// The bytes of the capture by the same addresses, to be read again while, or after, it is read.
    ///
    /// Of inputs that are not mapped they are there only with [`Options::keep`].
    ///
    /// # Errors
    /// Where a file cannot be mapped again.
    pub fn archive(&self) -> std::io::Result<Archive> {
        Ok(Archive::new(self.sources.iter().map(CaptureSource::stored).collect::<Result<_, _>>()?))
    }

    /// Bytes that were kept in temporary files, where [`Options::keep`] asks for it.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.sources.iter().map(CaptureSource::kept).sum()
    }

    /// Why an input ended where it did not end by itself.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.sources.iter().find_map(CaptureSource::failure)
    }

    /// What the captures say about themselves, as far as they were read: comments, interfaces, names,
    /// secrets.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The names of the inputs, in the order given: the path, or `standard input`.
    pub fn source_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.sources.iter().map(|source| source.name.as_str())
    }

    /// The name of the input that a packet came from.
    #[must_use]
    pub fn source_name(&self, packet: &PacketRef) -> &str {
        let source = self.sources.get((packet.bytes.start >> ADDRESS_BITS) as usize);
        source.map_or("", |source| source.name.as_str())
    }
}
