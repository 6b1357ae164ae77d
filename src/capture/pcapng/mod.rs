//! The pcapng format (draft-ietf-opsawg-pcapng): blocks in sections.
//!
//! ```text
//! block  type:4 length:4 body... length:4
//! ```
//!
//! Each section has its own byte order and its own interfaces. A block that contradicts itself is a
//! finding; reading goes on at the next whole one.

mod body;
mod clock;
mod resync;

use super::log::Log;
use super::notes::{Interface, Section, read_text};
use super::rules;
use super::window::Window;
use crate::model::{LinkType, Loss, Losses, PacketRef, Span, Time, to_u32};
use body::{ByteOrder, PacketRecord};
use clock::Clock;

/// No block may be longer, in bytes: the longest packet and a MiB of options.
pub(super) const MAX_BLOCK: u32 = super::classic::MAX_RECORD + (1 << 20);
/// Interfaces of one section.
const MAX_INTERFACES: usize = 1 << 16;
/// Unknown block types that are told apart.
const MAX_UNKNOWN: usize = 64;

/// The first four bytes of every pcapng file.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// Block types.
mod kind {
    pub(super) const SECTION: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE: u32 = 1;
    pub(super) const OLD_PACKET: u32 = 2;
    pub(super) const SIMPLE_PACKET: u32 = 3;
    pub(super) const NAMES: u32 = 4;
    pub(super) const STATISTICS: u32 = 5;
    pub(super) const PACKET: u32 = 6;
    pub(super) const JOURNAL: u32 = 9;
    pub(super) const SECRETS: u32 = 10;
    pub(super) const CUSTOM: u32 = 0x0000_0bad;
    pub(super) const CUSTOM_NO_COPY: u32 = 0x4000_0bad;
}

/// Options of any block, and of section header and interface.
mod option {
    pub(super) const COMMENT: u16 = 1;
    pub(super) const HARDWARE: u16 = 2;
    pub(super) const SYSTEM: u16 = 3;
    pub(super) const APPLICATION: u16 = 4;
    pub(super) const NAME: u16 = 2;
    pub(super) const DESCRIPTION: u16 = 3;
    pub(super) const RESOLUTION: u16 = 9;
    pub(super) const OFFSET: u16 = 14;
    pub(super) const INTERFACE_DROPS: u16 = 5;
    pub(super) const KERNEL_DROPS: u16 = 7;
}

/// What the current section says about an interface.
#[derive(Clone, Copy, Debug)]
struct Port {
    link: LinkType,
    snaplen: u32,
    clock: Clock,
    /// What its last statistics said: packets dropped by the interface and by the kernel, and when.
    dropped: (u64, u64),
    told: Time,
}

/// Reads blocks.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: ByteOrder,
    ports: Vec<Port>,
    unknown: Vec<u32>,
    done: bool,
}

/// Why a file cannot be read at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BlockFault {
    /// The first block is damaged.
    Broken(String),
    /// Not version 1.0 (or 1.2, which is the same).
    Version(u16, u16),
}

/// What became of a block.
enum BlockStep {
    Packet(PacketRef),
    Next,
    End,
}

impl Pcapng {
    /// Reads the first block, which must be a section header.
    pub(super) fn open<W: Window>(window: &mut W, log: &mut Log) -> Result<Self, BlockFault> {
        let mut this = Self { order: ByteOrder::Little, ports: Vec::new(), unknown: Vec::new(), done: false };
        let head = window.peek(12);
        let seen = head.len();
        if seen < 12 {
            return Err(BlockFault::Broken(format!("the file ends after {seen} bytes")));
        }
        let Some(order) = ByteOrder::of_section(head) else {
            let magic = head.get(8..12).unwrap_or_default();
            return Err(BlockFault::Broken(format!(
                "the section header has the byte-order magic {magic:02x?} (at byte 8)"
            )));
        };
        this.order = order;
        let len = order.word(head, 4);
        let size = len.next_multiple_of(4) as usize;
        if !(28..=MAX_BLOCK).contains(&len) || size > len as usize && !this.is_padded(window, len) {
            return Err(BlockFault::Broken(format!("the section header has the length {len} (at byte 4)")));
        }
        let block = window.peek(size);
        if block.len() < size {
            let present = block.len();
            return Err(BlockFault::Broken(format!(
                "the file ends after {present} of the {len} bytes of the section header"
            )));
        }
        let trailer = order.word(block, size - 4);
        if trailer != len {
            return Err(BlockFault::Broken(format!(
                "the section header has the length {len} at its start and {trailer} at its end"
            )));
        }
        this.section(window, log, size)?;
        window.keep_head(size);
        window.advance(size);
        Ok(this)
    }

    /// The next packet; its number counts within this input.
    #[inline]
    pub(super) fn next<W: Window>(&mut self, window: &mut W, log: &mut Log) -> Option<PacketRef> {
        while !self.done {
            match self.block(window, log) {
                BlockStep::Packet(packet) => return Some(packet),
                BlockStep::Next => {}
                BlockStep::End => self.done = true,
            }
        }
        None
    }

    /// Reads the block at the cursor.
    #[inline]
    fn block<W: Window>(&mut self, window: &mut W, log: &mut Log) -> BlockStep {
        let head = window.peek(8);
        let Some(head) = head.first_chunk::<8>() else { return self.end(window, log) };
        let head = *head;
        if window.lost() > 0 {
            self.note_gone(window, log);
        }
        let (kind, len) = (self.order.word(&head, 0), self.order.word(&head, 4));
        if kind == kind::SECTION {
            return self.next_section(window, log);
        }
        if len < 12 || !len.is_multiple_of(4) || len > MAX_BLOCK {
            if self.is_padded(window, len) {
                return self.padded_block(window, log, kind, len.next_multiple_of(4) as usize);
            }
            return self.bad_length(window, log, len);
        }
        let size = len as usize;
        let block = window.peek(size);
        if block.len() < size {
            return self.cut(window, log, len);
        }
        let trailer = self.order.word(block, size - 4);
        if trailer != len {
            return self.bad_trailer(window, log, len, trailer);
        }
        if kind == kind::PACKET {
            let record = self.order.packet(block);
            return self.packet(window, log, size, record);
        }
        self.other(window, log, kind, size)
    }

    /// Whether the block at the cursor states a length without its padding, as old writers did: the copy of the length
    /// behind the padding agrees.
    #[cold]
    fn is_padded<W: Window>(&self, window: &mut W, len: u32) -> bool {
        if !(13..MAX_BLOCK).contains(&len) || len.is_multiple_of(4) {
            return false;
        }
        let size = len.next_multiple_of(4) as usize;
        window.peek(size).get(size - 4..).is_some_and(|trailer| self.order.word(trailer, 0) == len)
    }

    /// Reads a block of `size` bytes whose stated length lacks the padding.
    #[cold]
    fn padded_block<W: Window>(
        &mut self,
        window: &mut W,
        log: &mut Log,
        kind: u32,
        size: usize,
    ) -> BlockStep {
        if kind == kind::PACKET {
            let record = self.order.packet(window.peek(size));
            return self.packet(window, log, size, record);
        }
        self.other(window, log, kind, size)
    }

    /// Gives the packet of the block at the cursor.
    #[inline]
    fn packet<W: Window>(
        &mut self,
        window: &mut W,
        log: &mut Log,
        size: usize,
        record: Option<PacketRecord>,
    ) -> BlockStep {
        let position = window.position();
        let start = window.address();
        let Some(record) = record else {
            log.skip("bad-block");
            log.lose(&rules::BAD_BLOCK, true, position, || {
                format!("the packet does not fit into its block of {size} bytes; it was skipped")
            });
            window.advance(size);
            return BlockStep::Next;
        };
        let Some(port) = self.ports.get(record.interface as usize) else {
            let count = self.ports.len();
            log.skip("unknown-interface");
            log.lose(&rules::UNKNOWN_INTERFACE, true, position, || {
                format!("it names interface {}, but {count} are described; it was skipped", record.interface)
            });
            window.advance(size);
            return BlockStep::Next;
        };
        let time = record.ticks.map_or(log.time, |ticks| port.clock.time(ticks));
        let (link, original) = (port.link, record.original.max(record.captured));
        log.packet(time, record.captured, position);
        if record.options_at + 4 < size {
            self.comments(window, log, size, record.options_at);
        }
        window.advance(size);
        BlockStep::Packet(PacketRef {
            number: log.number,
            time,
            bytes: Span { start: start + record.data_at as u64, len: record.captured },
            wire_len: original,
            link,
        })
    }

    /// Keeps the comments of a packet.
    #[cold]
    fn comments<W: Window>(&self, window: &mut W, log: &mut Log, size: usize, at: usize) {
        if !log.notes.wants_comments() {
            return;
        }
        let position = window.position();
        let block = window.peek(size);
        let options = block.get(at..size - 4).unwrap_or_default();
        let number = log.number;
        let whole = self.order.options(options, |code, value| {
            if code == option::COMMENT {
                log.notes.comment(number, value);
                log.news = true;
            }
        });
        if !whole {
            log.lose(&rules::BAD_BLOCK, true, position, || {
                "an option of the block is longer than the block".to_owned()
            });
        }
    }

    /// Reads a whole block that is no Enhanced Packet Block.
    #[cold]
    fn other<W: Window>(&mut self, window: &mut W, log: &mut Log, kind: u32, size: usize) -> BlockStep {
        let position = window.position();
        if matches!(kind, kind::INTERFACE | kind::SECRETS) {
            window.keep_head(size);
        }
        let block = window.peek(size);
        let mut fit = true;
        match kind {
            kind::OLD_PACKET => {
                let record = self.order.old_packet(block);
                return self.packet(window, log, size, record);
            }
            kind::SIMPLE_PACKET => {
                let snaplen = self.ports.first().map_or(0, |port| port.snaplen);
                let record = self.order.simple_packet(block, snaplen);
                return self.packet(window, log, size, record);
            }
            kind::INTERFACE => fit = self.interface(block, position, log),
            kind::NAMES => fit = self.order.names(block, &mut log.notes),
            kind::SECRETS => fit = self.order.secrets(block, &mut log.notes),
            kind::STATISTICS => fit = self.statistics(block, position, log),
            // Wireshark numbers these with the packets.
            kind::CUSTOM | kind::CUSTOM_NO_COPY => log.skip("custom-block"),
            kind::JOURNAL => log.skip("journal-entry"),
            _ => self.unknown_block(kind, size, position, log),
        }
        log.news |= !log.notes.is_empty();
        if !fit {
            log.lose(&rules::BAD_BLOCK, false, position, || {
                format!("a field of the block of type {kind:#x} does not fit into its {size} bytes")
            });
        }
        window.advance(size);
        BlockStep::Next
    }

    /// Notes an interface; false where a field of it does not fit.
    fn interface(&mut self, block: &[u8], position: u64, log: &mut Log) -> bool {
        let Some((link, snaplen, options)) = self.order.interface(block) else { return false };
        if self.ports.len() >= MAX_INTERFACES {
            log.lose(&rules::BAD_BLOCK, false, position, || {
                format!("the section describes more than {MAX_INTERFACES} interfaces")
            });
            return true;
        }
        let (mut resolution, mut offset) = (6, 0);
        let mut about = Interface { id: to_u32(self.ports.len()), link, snaplen, ..Interface::default() };
        let order = self.order;
        let whole = order.options(options, |code, value| match (code, value) {
            (option::COMMENT, text) if about.comments.len() < 100 => about.comments.push(read_text(text)),
            (option::NAME, text) => about.name = Some(read_text(text)),
            (option::DESCRIPTION, text) => about.description = Some(read_text(text)),
            (option::RESOLUTION, &[value, ..]) => resolution = value,
            (option::OFFSET, value) if value.len() >= 8 => offset = order.long(value, 0).cast_signed(),
            _ => {}
        });
        let clock = Clock::new(resolution, offset);
        self.ports.push(Port {
            link: LinkType(link),
            snaplen,
            clock,
            dropped: (0, 0),
            told: Time::default(),
        });
        log.notes.interface(about);
        whole
    }

    /// Notes packets that were dropped since the last statistics of the interface; false where a field does not fit.
    fn statistics(&mut self, block: &[u8], position: u64, log: &mut Log) -> bool {
        let order = self.order;
        let Some(options) = block.len().checked_sub(4).and_then(|end| block.get(20..end)) else {
            return false;
        };
        let ticks = u64::from(order.word(block, 12)) << 32 | u64::from(order.word(block, 16));
        let Some(port) = self.ports.get_mut(order.word(block, 8) as usize) else { return true };
        let (mut interface, mut kernel) = port.dropped;
        let whole = order.options(options, |code, value| {
            // All ones: not known.
            let count = Some(order.long(value, 0)).filter(|count| value.len() >= 8 && *count != u64::MAX);
            match (code, count) {
                (option::INTERFACE_DROPS, Some(count)) => interface = interface.max(count),
                (option::KERNEL_DROPS, Some(count)) => kernel = kernel.max(count),
                _ => {}
            }
        });
        let losses =
            Losses { interface: interface - port.dropped.0, kernel: kernel - port.dropped.1, queue: 0 };
        let (from, until) = (port.told, port.clock.time(ticks));
        (port.dropped, port.told) = ((interface, kernel), until);
        if !losses.is_none() {
            log.losses.push(Loss { losses, from, until });
            log.find(&rules::KERNEL_DROPS, false, position, || {
                let Losses { kernel, interface, .. } = losses;
                format!(
                    "the kernel dropped {kernel} packets before they were captured, the interface {interface}"
                )
            });
        }
        whole
    }

    /// Notes packets that went out of the spool before they were read: those before the block at the cursor.
    #[cold]
    fn note_gone<W: Window>(&mut self, window: &mut W, log: &mut Log) {
        let (from, gone, position) = (log.time, window.forgive(), window.position());
        let len = self.order.word(window.peek(8), 4).min(MAX_BLOCK);
        let block = window.peek(len as usize);
        let next = if self.order.word(block, 0) == kind::PACKET { self.order.packet(block) } else { None };
        let port = next.as_ref().and_then(|next| self.ports.get(next.interface as usize));
        let until = next.and_then(|next| Some(port?.clock.time(next.ticks?)));
        // Where something else comes first, some packet does soon.
        let until = until.unwrap_or(Time(from.0.saturating_add(1_000_000_000)));
        log.skip_many("queue-full", gone);
        log.losses.push(Loss { losses: Losses { queue: gone, ..Losses::default() }, from, until });
        log.find(&rules::QUEUE_DROPS, false, position, || {
            format!("{gone} packets went out of the spool before they were analysed, to make room")
        });
    }

    fn unknown_block(&mut self, kind: u32, size: usize, position: u64, log: &mut Log) {
        if self.unknown.len() < MAX_UNKNOWN && !self.unknown.contains(&kind) {
            self.unknown.push(kind);
            log.find(&rules::UNKNOWN_BLOCK, false, position, || {
                format!("a block of the unknown type {kind:#010x} ({size} bytes) was skipped")
            });
        }
    }

    /// Starts the section whose header, a whole block of `len` bytes, is at the cursor.
    fn section<W: Window>(&mut self, window: &mut W, log: &mut Log, len: usize) -> Result<(), BlockFault> {
        let position = window.position();
        let block = window.peek(len);
        let Some((major, minor, options)) = self.order.section(block) else {
            return Err(BlockFault::Broken(format!("the section header has only {len} bytes")));
        };
        // Some programs write 1.2, which is no other format.
        if major != 1 || !matches!(minor, 0 | 2) {
            return Err(BlockFault::Version(major, minor));
        }
        let mut about = Section::default();
        let whole = self.order.options(options, |code, value| match code {
            option::COMMENT if about.comments.len() < 100 => about.comments.push(read_text(value)),
            option::HARDWARE => about.hardware = Some(read_text(value)),
            option::SYSTEM => about.system = Some(read_text(value)),
            option::APPLICATION => about.application = Some(read_text(value)),
            _ => {}
        });
        if !whole {
            log.lose(&rules::BAD_BLOCK, false, position, || {
                format!("an option of the section header is longer than its {len} bytes")
            });
        }
        self.ports.clear();
        log.notes.section(about);
        log.news = true;
        Ok(())
    }
}
