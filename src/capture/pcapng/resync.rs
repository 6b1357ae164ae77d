//! What is done where a block is damaged or cut: look for the next whole one.

use super::body::ByteOrder;
use super::{BlockFault, BlockStep, MAX_BLOCK, Pcapng, kind};
use crate::capture::log::Log;
use crate::capture::rules;
use crate::capture::window::Window;

impl Pcapng {
    /// There is no whole block header any more.
    #[cold]
    pub(super) fn end<W: Window>(&mut self, window: &mut W, log: &mut Log) -> BlockStep {
        let position = window.position();
        let left = window.present().len();
        if let Some(failure) = window.failure() {
            log.lose(window.failure_rule(), false, position, || failure.to_owned());
        } else if left > 0 {
            log.lose(window.failure_rule(), false, position, || {
                format!("the file ends after {left} of the 8 bytes of a block header")
            });
        }
        window.advance(left);
        BlockStep::End
    }

    /// Starts the section whose header begins at the cursor.
    #[cold]
    pub(super) fn next_section<W: Window>(&mut self, window: &mut W, log: &mut Log) -> BlockStep {
        let position = window.position();
        let head = window.peek(12);
        if head.len() < 12 {
            return self.end(window, log);
        }
        let Some(order) = ByteOrder::of_section(head) else {
            return self.resync(window, log, "the section header has no byte-order magic");
        };
        let before = std::mem::replace(&mut self.order, order);
        let len = order.word(head, 4);
        let size = len.next_multiple_of(4) as usize;
        if !(28..=MAX_BLOCK).contains(&len) || size > len as usize && !self.is_padded(window, len) {
            self.order = before;
            return self.bad_length(window, log, len);
        }
        let block = window.peek(size);
        if block.len() < size {
            self.order = before;
            return self.cut(window, log, len);
        }
        let trailer = order.word(block, size - 4);
        if trailer != len {
            self.order = before;
            return self.bad_trailer(window, log, len, trailer);
        }
        match self.section(window, log, size) {
            Ok(()) => {
                window.keep_head(size);
                window.advance(size);
                BlockStep::Next
            }
            Err(fault) => {
                log.lose(&rules::BAD_BLOCK, false, position, || match fault {
                    BlockFault::Broken(what) => what,
                    BlockFault::Version(major, minor) => format!(
                        "a section of pcapng version {major}.{minor} starts, which is not supported; reading stops here"
                    ),
                });
                BlockStep::End
            }
        }
    }

    #[cold]
    pub(super) fn bad_length<W: Window>(&mut self, window: &mut W, log: &mut Log, len: u32) -> BlockStep {
        let what = match len {
            0..12 => "is below 12",
            _ if len.is_multiple_of(4) => "is more than any block has",
            _ => "is no multiple of 4",
        };
        self.resync(window, log, &format!("the block length {len} {what}"))
    }

    /// The length at the block's end is another than the one at its start.
    #[cold]
    pub(super) fn bad_trailer<W: Window>(
        &mut self,
        window: &mut W,
        log: &mut Log,
        len: u32,
        trailer: u32,
    ) -> BlockStep {
        let (position, size) = (window.position(), len as usize);
        let what = format!("the block has the length {len} at its start and {trailer} at its end");
        // Where the next block is whole, the first length was right.
        if window.peek(size + 1).len() == size || self.is_block(window, size) {
            log.lose(&rules::BAD_BLOCK, false, position, || format!("{what}; it was skipped"));
            window.advance(size);
            return BlockStep::Next;
        }
        self.resync(window, log, &what)
    }

    /// The block at the cursor reaches past the end of the file.
    #[cold]
    pub(super) fn cut<W: Window>(&mut self, window: &mut W, log: &mut Log, len: u32) -> BlockStep {
        let position = window.position();
        let left = window.present().len();
        let block = window.peek(28);
        // The lengths of a packet block agree: it is the file that is too short. Else the length may
        // be damaged, and whole blocks may follow.
        let agrees = matches!(self.order.word(block, 0), kind::PACKET | kind::OLD_PACKET)
            && block.len() == 28
            && self.order.word(block, 20).checked_next_multiple_of(4).and_then(|n| n.checked_add(32))
                == Some(len);
        let why = window.failure().unwrap_or("the file ends");
        let text = format!("{why} after {left} of the {len} bytes of a block");
        if agrees || !self.search(window) {
            log.lose(window.failure_rule(), false, position, || text);
            let left = window.present().len();
            window.advance(left);
            return BlockStep::End;
        }
        let at = window.position();
        log.lose(&rules::BAD_BLOCK, false, position, || {
            format!("the block length {len} reaches past the end of the file; reading goes on at byte {at}")
        });
        BlockStep::Next
    }

    /// Goes on at the next whole block.
    fn resync<W: Window>(&mut self, window: &mut W, log: &mut Log, what: &str) -> BlockStep {
        let position = window.position();
        let found = self.search(window);
        let at = window.position();
        let failure = window.failure();
        log.lose(&rules::BAD_BLOCK, false, position, || match (found, failure) {
            (true, _) => format!("{what}; reading goes on at byte {at}"),
            (false, None) => format!("{what}; no whole block follows"),
            (false, Some(failure)) => format!("{what}; no whole block follows, and {failure}"),
        });
        if found { BlockStep::Next } else { BlockStep::End }
    }

    /// Moves the cursor from a damaged block to the next whole one; to the end where there is none.
    fn search<W: Window>(&mut self, window: &mut W) -> bool {
        loop {
            window.advance(4);
            if window.peek(12).len() < 12 {
                let left = window.present().len();
                window.advance(left);
                return false;
            }
            if self.is_block(window, 0) {
                return true;
            }
        }
    }

    /// Whether a whole block of a known type that makes sense lies `ahead` of the cursor.
    fn is_block<W: Window>(&self, window: &mut W, ahead: usize) -> bool {
        let Some(head) = window.peek(ahead + 12).get(ahead..).filter(|head| head.len() == 12) else {
            return false;
        };
        let section = head.starts_with(&super::MAGIC);
        let order = if section { ByteOrder::of_section(head) } else { Some(self.order) };
        let Some(order) = order else { return false };
        let (kind, len) = (order.word(head, 0), order.word(head, 4));
        let least = match kind {
            kind::SECTION if section => 28,
            kind::INTERFACE => 20,
            kind::OLD_PACKET | kind::PACKET => 32,
            kind::SIMPLE_PACKET | kind::NAMES => 16,
            kind::STATISTICS => 24,
            kind::SECRETS => 20,
            kind::JOURNAL | kind::CUSTOM | kind::CUSTOM_NO_COPY => 16,
            _ => return false,
        };
        if len < least || !len.is_multiple_of(4) || len > MAX_BLOCK {
            return false;
        }
        let end = ahead + len as usize;
        let Some(block) = window.peek(end).get(ahead..end) else { return false };
        if order.word(block, len as usize - 4) != len {
            return false;
        }
        let known = |interface: u32| (interface as usize) < self.ports.len();
        match kind {
            kind::PACKET => order.packet(block).is_some_and(|record| known(record.interface)),
            kind::OLD_PACKET => order.old_packet(block).is_some_and(|record| known(record.interface)),
            kind::SIMPLE_PACKET => known(0),
            _ => true,
        }
    }
}
