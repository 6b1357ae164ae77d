//! Signals become flags that the loop looks at.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals as Waiting;
use signal_hook::{flag, low_level};

use super::Wish;

/// What came since the last look.
pub(super) struct Signals {
    quit: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    go_on: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
}

/// How long the loop has to end by itself after SIGHUP.
const PARTING: Duration = Duration::from_secs(2);

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let signals =
            Self { quit: Arc::default(), stop: Arc::default(), go_on: Arc::default(), gone: Arc::default() };
        flag::register(SIGHUP, Arc::clone(&signals.gone))?;
        flag::register(SIGHUP, Arc::clone(&signals.quit))?;
        // The terminal may be gone, and reading from it may never come back. Then a thread ends the program, and gives
        // back what can be given back: whoever sent the signal by hand still has a terminal.
        let mut waiting = Waiting::new([SIGHUP])?;
        thread::Builder::new().name("hangup".to_owned()).spawn(move || {
            if waiting.forever().next().is_some() {
                thread::sleep(PARTING);
                super::host::give_back();
                low_level::exit(129);
            }
        })?;
        for signal in [SIGTERM, SIGINT] {
            // The second one ends a program that did not hear the first.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&signals.quit))?;
            flag::register(signal, Arc::clone(&signals.quit))?;
        }
        flag::register(SIGTSTP, Arc::clone(&signals.stop))?;
        flag::register(SIGCONT, Arc::clone(&signals.go_on))?;
        Ok(signals)
    }

    /// Whether the terminal was said to be gone.
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

    /// Stops the process as Ctrl-Z does elsewhere; returns when it is told to go on.
    pub(super) fn stop(&self) {
        let _ = low_level::emulate_default_handler(SIGTSTP);
        self.go_on.store(false, Ordering::SeqCst);
    }
}
