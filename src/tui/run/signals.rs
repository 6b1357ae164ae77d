//! Signals become flags that the loop reads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals as Waiting;
use signal_hook::{flag, low_level};

use super::Wish;

/// The signals since the last call.
pub(super) struct Signals {
    quit: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    go_on: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
}

/// Time that the loop has to end after SIGHUP.
const PARTING: Duration = Duration::from_secs(2);

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let signals =
            Self { quit: Arc::default(), stop: Arc::default(), go_on: Arc::default(), gone: Arc::default() };
        flag::register(SIGHUP, Arc::clone(&signals.gone))?;
        flag::register(SIGHUP, Arc::clone(&signals.quit))?;
        // The terminal may be gone, and a read from it may block forever. Then a thread ends the program and restores
        // the terminal if possible: someone who sent the signal by hand still has one.
        let mut waiting = Waiting::new([SIGHUP])?;
        thread::Builder::new().name("hangup".to_owned()).spawn(move || {
            if waiting.forever().next().is_some() {
                thread::sleep(PARTING);
                super::host::give_back();
                low_level::exit(129);
            }
        })?;
        for signal in [SIGTERM, SIGINT] {
            // The second signal ends a program that does not react to the first.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&signals.quit))?;
            flag::register(signal, Arc::clone(&signals.quit))?;
        }
        flag::register(SIGTSTP, Arc::clone(&signals.stop))?;
        flag::register(SIGCONT, Arc::clone(&signals.go_on))?;
        Ok(signals)
    }

    /// Returns whether the terminal is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::SeqCst)
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

    /// Stops the process as Ctrl-Z does; returns when it is continued.
    pub(super) fn stop(&self) {
        let _ = low_level::emulate_default_handler(SIGTSTP);
        self.go_on.store(false, Ordering::SeqCst);
    }
}
