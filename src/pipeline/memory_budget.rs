//! The memory that all connections hold together, and how some is released where it is too much.
//!
//! Counting visits every connection, so it is done only after as many bytes as might reach the limit. In between they are
//! counted, which costs an addition for each packet.

use super::connection::memory::Load;
use super::connections::Stage;
use super::events::{Shed, Sink};
use super::{Outside, Pipeline};
use crate::model::Bytes;

impl Pipeline {
    /// Counts a packet's bytes, and releases memory where the limit may be reached.
    #[inline]
    pub(super) fn weigh(&mut self, len: u32, capture: &dyn Bytes, sink: &mut dyn Sink) {
        /// What a packet may cost beside its bytes; more than it can claim is no packet.
        const LEAST: u32 = 64;
        const MOST: u32 = 1 << 16;
        let scratch = &mut self.shared.scratch;
        scratch.grow(u64::from(len.clamp(LEAST, MOST)));
        if scratch.grown() > self.room {
            self.make_room(capture, sink);
        }
    }

    /// The lowest capture address whose bytes may be read again; `u64::MAX` where there is none.
    #[must_use]
    pub fn oldest_needed(&mut self) -> u64 {
        let mut oldest = self.awaiting.oldest_address();
        for slot in self.connections.slots() {
            if let Some(Stage::Followed(connection)) = self.connections.slot(slot).map(|slot| &slot.stage) {
                oldest = oldest.min(connection.oldest_address());
            }
        }
        oldest
    }

    /// Counts what connections hold; over the limit, the largest release what they can until a quarter is free.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, capture: &dyn Bytes, sink: &mut dyn Sink) {
        let limit = self.shared.limits.memory;
        let (mut held, mut all) = (0, Vec::new());
        for slot in self.connections.slots() {
            let load = self.load(slot);
            if load.sum() > 0 {
                held += load.sum();
                all.push((slot, load));
            }
        }
        if held > limit {
            let recent = self.connections.recent();
            for shed in Shed::ALL {
                // The largest ones first; of equals, the current one last.
                all.sort_by_key(|(slot, load)| (std::cmp::Reverse(load.of(shed)), *slot == recent, *slot));
                for (slot, load) in &mut all {
                    if held <= limit / 4 * 3 || load.of(shed) == 0 {
                        continue;
                    }
                    self.outside(*slot, Outside::Shed(shed), capture, sink);
                    held -= load.sum().min(held);
                    *load = self.load(*slot);
                    held += load.sum();
                }
            }
        }
        self.shared.scratch.weighed();
        // Never at every packet, even where nothing can be released.
        self.room = limit.saturating_sub(held).max(limit / 16);
    }

    fn load(&mut self, slot: u32) -> Load {
        match self.connections.slot(slot).map(|slot| &slot.stage) {
            Some(Stage::Followed(connection)) => connection.load(),
            _ => Load::default(),
        }
    }
}
