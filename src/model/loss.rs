//! Packets that a capture lost.

use super::Time;

/// Packets that were lost, by who lost them. Never added up: they mean different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// The kernel had no room: this program was too slow to take packets.
    pub kernel: u64,
    /// The interface or its driver.
    pub interface: u64,
    /// The spool was full: packets went before they were analysed.
    pub queue: u64,
}

impl Losses {
    /// Whether nothing was lost.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what else was lost, each number to its own.
    pub fn add(&mut self, other: Self) {
        self.kernel = self.kernel.saturating_add(other.kernel);
        self.interface = self.interface.saturating_add(other.interface);
        self.queue = self.queue.saturating_add(other.queue);
    }
}

/// Packets that were lost between two times of the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How many.
    pub losses: Losses,
    /// None was lost before this since the loss before.
    pub from: Time,
    /// When they were missed.
    pub until: Time,
}
