//! Ctrl-C and SIGTERM: the first one asks for the end, the second one is it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::capture::live::Live;

/// Whether the end was asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked(Arc<AtomicBool>);

impl Asked {
    /// Whether it was.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Hears signals from here on. A capture that goes on is ended by them.
///
/// # Errors
/// Where the system refuses.
#[cfg(unix)]
pub fn listen(live: Option<&Live>) -> io::Result<Asked> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::{flag, low_level};
    let asked = Asked::default();
    let wake = live.and_then(Live::waker);
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&asked.0))?;
        flag::register(signal, Arc::clone(&asked.0))?;
        if let Some(wake) = &wake {
            low_level::pipe::register(signal, wake.try_clone()?)?;
        }
    }
    Ok(asked)
}

/// Elsewhere a signal is the end.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn listen(_: Option<&Live>) -> io::Result<Asked> {
    Ok(Asked::default())
}
