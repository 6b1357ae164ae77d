//! A capture that goes on: what is known of it, and the way to end it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
}

/// What is known of a capture that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// It is over: it was stopped, or its interfaces went.
    pub over: bool,
    /// Why it ended where nobody wanted it to.
    pub trouble: Option<String>,
    /// The interfaces, as they were named.
    pub interfaces: Vec<String>,
    /// The capture filter; empty for none.
    pub filter: String,
    /// Bytes taken of a packet at most.
    pub snaplen: u32,
    /// Packets that were taken.
    pub received: u64,
    /// Packets that were lost.
    pub losses: Losses,
    /// Bytes in the spool that were not analysed yet.
    pub waiting: u64,
    /// Bytes in the spool.
    pub stored: u64,
    /// Bytes that the spool may hold.
    pub room: u64,
    /// Bytes and packets that went out of the spool to make room.
    pub evicted: u64,
    /// See [`evicted`](Self::evicted).
    pub evicted_packets: u64,
    /// The file that packets are kept in, and its bytes.
    pub saved: Option<(String, u64)>,
}

/// A capture that goes on, from outside. Copies share everything.
#[derive(Clone, Debug, Default)]
pub struct Live {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    status: Mutex<Status>,
    stop: AtomicBool,
}

impl Live {
    /// What is known of it now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what is known.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.shared.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Asks it to end. Packets that wait are analysed still.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
    }

    /// Whether it was asked to end.
    #[must_use]
    pub fn is_to_stop(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }
}
