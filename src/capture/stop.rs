//! A pipe that is read until its end, or until somebody asks for the end.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::live::GRACE;

/// A pipe that ends at the latest [`GRACE`] after `stop` became readable.
pub(super) struct Stoppable {
    pub(super) inner: File,
    pub(super) stop: Arc<OwnedFd>,
    /// When it ends, once that was asked for.
    pub(super) until: Option<Instant>,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(0);
            }
            let time = left.and_then(|left| Timespec::try_from(left).ok());
            let mut fds = [
                PollFd::from_borrowed_fd(self.inner.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.stop.as_fd(), PollFlags::IN),
            ];
            // Once the end is near, only the pipe is waited for.
            let fds = if left.is_some() { fds.split_at_mut(1).0 } else { &mut fds[..] };
            match poll(fds, time.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let is_ready = |index: usize| fds.get(index).is_some_and(|fd| !fd.revents().is_empty());
            let (has_bytes, is_to_stop) = (is_ready(0), is_ready(1));
            if is_to_stop {
                self.until = Some(Instant::now() + GRACE);
            }
            if has_bytes {
                return self.inner.read(buffer);
            }
        }
    }
}
