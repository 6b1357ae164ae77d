//! Signals become flags that the loop looks at.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::{flag, low_level};

use super::Wish;

/// What came since the last look.
pub(super) struct Signals {
    quit: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    go_on: Arc<AtomicBool>,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let signals = Self { quit: Arc::default(), stop: Arc::default(), go_on: Arc::default() };
        // The terminal is gone: reading from it may never come back, and there is nothing to give back.
        flag::register_conditional_shutdown(SIGHUP, 129, Arc::new(AtomicBool::new(true)))?;
        for signal in [SIGTERM, SIGINT] {
            // The second one ends a program that did not hear the first.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&signals.quit))?;
            flag::register(signal, Arc::clone(&signals.quit))?;
        }
        flag::register(SIGTSTP, Arc::clone(&signals.stop))?;
        flag::register(SIGCONT, Arc::clone(&signals.go_on))?;
        Ok(signals)
    }

    pub(super) fn wish(&self) -> Option<Wish> {
        if self.quit.swap(false, Ordering::SeqCst) {
            Some(Wish::Quit)
        } else if self.stop.swap(false, Ordering::SeqCst) {
            Some(Wish::Suspend)
        } else if self.go_on.swap(false, Ordering::SeqCst) {
            Some(Wish::Redraw)
        } else {
            None
        }
    }

    /// Stops the process as Ctrl-Z does elsewhere; returns when it is told to go on.
    pub(super) fn stop(&self) {
        let _ = low_level::emulate_default_handler(SIGTSTP);
        self.go_on.store(false, Ordering::SeqCst);
    }
}
