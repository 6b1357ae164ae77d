//! Ctrl-C and SIGTERM: the first one asks for the end, which comes within a second; the second one is the end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::{os::fd::OwnedFd, os::unix::net::UnixStream, thread, time::Duration};

use crate::capture::live::Live;

/// The program ends so long after the first signal, also where it waits for a disk or for whoever reads its output.
#[cfg(unix)]
const LAST: Duration = Duration::from_millis(900);
/// The exit status then: what was captured is not all printed.
#[cfg(unix)]
const INCOMPLETE: i32 = 5;

/// Whether the end was asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    flag: Arc<AtomicBool>,
    /// Becomes readable then.
    #[cfg(unix)]
    stop: Option<Arc<OwnedFd>>,
}

impl Asked {
    /// Whether it was.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// What becomes readable when it is.
    #[cfg(unix)]
    #[must_use]
    pub fn stop(&self) -> Option<Arc<OwnedFd>> {
        self.stop.clone()
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
    let flag = Arc::<AtomicBool>::default();
    let (heard, told) = UnixStream::pair()?;
    let wake = live.and_then(Live::waker);
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_default(signal, Arc::clone(&flag))?;
        flag::register(signal, Arc::clone(&flag))?;
        low_level::pipe::register(signal, told.try_clone()?)?;
        if let Some(wake) = &wake {
            low_level::pipe::register(signal, wake.try_clone()?)?;
        }
    }
    let stop = Arc::new(OwnedFd::from(heard));
    let (ending, live) = (Arc::clone(&stop), live.cloned());
    thread::Builder::new().name("signals".to_owned()).spawn(move || end_late(&ending, live.as_ref()))?;
    Ok(Asked { flag, stop: Some(stop) })
}

/// Ends the program where it has not ended by itself in time after the first signal.
#[cfg(unix)]
fn end_late(stop: &OwnedFd, live: Option<&Live>) -> ! {
    use rustix::event::{PollFd, PollFlags, poll};
    while poll(&mut [PollFd::new(stop, PollFlags::IN)], None).is_err() {}
    thread::sleep(LAST);
    errln!("warning: ended before everything was printed: the disk, or what reads the output, is slow");
    if let Some(status) = live.map(Live::status).filter(|status| status.saved.is_some()) {
        let missing = status.received.saturating_sub(status.saved_packets);
        if missing > 0 {
            errln!("warning: {missing} packets are not in the file");
        }
    }
    signal_hook::low_level::exit(INCOMPLETE)
}

/// Elsewhere a signal is the end.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn listen(_: Option<&Live>) -> io::Result<Asked> {
    Ok(Asked::default())
}
