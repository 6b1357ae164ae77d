//! A capture that goes on: what is known of it, and the way to end it.

pub use crate::model::Losses;

use super::pages::Pages;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// How long a capture or a pipe is still read after the end was asked for: who writes into a pipe may have heard the same
/// signal, and have something left to write.
pub const GRACE: Duration = Duration::from_millis(600);

/// What is known of a capture that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// It is over: it was stopped, or its interfaces went.
    pub over: bool,
    /// Why it ended where nobody wanted it to.
    pub trouble: Option<String>,
    /// Interfaces that can no longer be captured from, each with the reason.
    pub vanished: Vec<String>,
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
    /// The file that packets are kept in, and the bytes of it and of those before it.
    pub saved: Option<(String, u64)>,
    /// Packets in these files.
    pub saved_packets: u64,
    /// Packets that are not in these files: they went out of the spool before, or the disk was full.
    pub unsaved: u64,
    /// Why no more packets are kept in files, where that is not because the capture is over.
    pub unsaved_why: Option<String>,
}

/// A capture that goes on, from outside. Copies share everything.
#[derive(Clone, Debug, Default)]
pub struct Live {
    shared: Arc<LiveState>,
}

#[derive(Debug, Default)]
struct LiveState {
    status: Mutex<Status>,
    stop: AtomicBool,
    /// Whether all is written that is to be kept.
    settled: (Mutex<bool>, Condvar),
    /// Where the capture's bytes are.
    pages: OnceLock<Arc<Pages>>,
    /// Hears at once of what goes wrong.
    listener: OnceLock<fn(&str)>,
    /// Wakes who waits for packets.
    #[cfg(unix)]
    wake: OnceLock<std::os::unix::net::UnixStream>,
}

impl Live {
    /// What is known of it now.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(pages) = self.shared.pages.get() {
            let fullness = pages.fullness();
            (status.stored, status.room, status.waiting) = (fullness.stored, fullness.room, fullness.waiting);
            (status.evicted, status.evicted_packets) = (fullness.evicted, fullness.evicted_packets);
        }
        status
    }

    /// Changes what is known.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.shared.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Calls a function with one sentence whenever something goes wrong, from whichever thread notices.
    #[cfg_attr(not(all(feature = "live", unix)), allow(dead_code))]
    pub(super) fn on_trouble(&self, listener: fn(&str)) {
        let _ = self.shared.listener.set(listener);
    }

    /// Reports that something went wrong.
    #[cfg_attr(not(all(feature = "live", unix)), allow(dead_code))]
    pub(super) fn announce(&self, sentence: &str) {
        if let Some(listener) = self.shared.listener.get() {
            listener(sentence);
        }
    }

    /// Asks it to end. Packets that wait are analysed still.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
        #[cfg(unix)]
        if let Some(mut wake) = self.shared.wake.get() {
            // Where the pipe is full it wakes already.
            let _ = std::io::Write::write(&mut wake, &[0]);
        }
    }

    /// Wakes whoever waits for its packets with [`Capture::wait`](super::Capture::wait).
    pub fn nudge(&self) {
        if let Some(pages) = self.shared.pages.get() {
            pages.nudge();
        }
    }

    /// Whether it was asked to end.
    #[must_use]
    pub fn is_to_stop(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    /// What ends it by a byte, from a signal too.
    #[cfg(unix)]
    #[must_use]
    pub fn waker(&self) -> Option<std::os::unix::net::UnixStream> {
        self.shared.wake.get()?.try_clone().ok()
    }

    /// Waits until the capture is over and everything that is to be kept in files is in them.
    pub fn wait(&self) {
        let (settled, told) = &self.shared.settled;
        let mut settled = settled.lock().unwrap_or_else(PoisonError::into_inner);
        while !*settled {
            settled = told.wait(settled).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The same for so long at most; answers whether it is.
    #[must_use]
    pub fn wait_for(&self, most: Duration) -> bool {
        let (settled, told) = &self.shared.settled;
        let settled = settled.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = told.wait_timeout_while(settled, most, |settled| !*settled);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Nothing will be written to files any more.
    pub(super) fn settle(&self) {
        *self.shared.settled.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.settled.1.notify_all();
    }

    /// Where the capture's bytes are.
    pub(super) fn set_pages(&self, pages: &Arc<Pages>) {
        let _ = self.shared.pages.set(Arc::clone(pages));
    }

    /// What wakes who waits for packets: a byte into it.
    #[cfg(all(unix, feature = "live"))]
    pub(super) fn set_wake(&self, wake: std::os::unix::net::UnixStream) {
        let _ = self.shared.wake.set(wake);
    }
}
