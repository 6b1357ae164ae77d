//! Ctrl-C and SIGTERM: the first signal stops the program within a second; the second stops it at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::{os::fd::OwnedFd, os::unix::net::UnixStream, thread, time::Duration};

use crate::capture::live::Live;

/// Maximum time between the first signal and the exit, even while a disk or the reader of the output blocks.
#[cfg(unix)]
const LAST: Duration = Duration::from_millis(900);
/// Exit code of an incomplete run: captured packets were not printed.
#[cfg(unix)]
const INCOMPLETE: i32 = 5;

/// A request to stop, set by a signal.
#[derive(Clone, Debug, Default)]
pub struct StopRequest {
    flag: Arc<AtomicBool>,
    /// Becomes readable when a signal arrives.
    #[cfg(unix)]
    stop: Option<Arc<OwnedFd>>,
}

impl StopRequest {
    /// Returns whether a signal has arrived.
    #[must_use]
    pub fn is_true(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// Returns a descriptor that becomes readable when a signal arrives.
    #[cfg(unix)]
    #[must_use]
    pub fn stop(&self) -> Option<Arc<OwnedFd>> {
        self.stop.clone()
    }
}

/// Installs the signal handlers. A signal also stops the live capture.
///
/// # Errors
/// Where the system refuses.
#[cfg(unix)]
pub fn listen(live: Option<&Live>) -> io::Result<StopRequest> {
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
    Ok(StopRequest { flag, stop: Some(stop) })
}

/// Exits if the program has not stopped by itself in time after the first signal.
#[cfg(unix)]
fn end_late(stop: &OwnedFd, live: Option<&Live>) -> ! {
    use rustix::event::{PollFd, PollFlags, poll};
    while poll(&mut [PollFd::new(stop, PollFlags::IN)], None).is_err() {}
    thread::sleep(LAST);
    errln!("warning: stopped before everything was printed: the disk or the reader of the output is slow");
    if let Some(status) = live.map(Live::status).filter(|status| status.saved.is_some()) {
        let missing = status.received.saturating_sub(status.saved_packets);
        if missing > 0 {
            errln!("warning: {missing} packets were not saved");
        }
    }
    signal_hook::low_level::exit(INCOMPLETE)
}

/// Does nothing on other systems, where a signal stops the program at once.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn listen(_: Option<&Live>) -> io::Result<StopRequest> {
    Ok(StopRequest::default())
}
