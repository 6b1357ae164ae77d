//! Opens pipes and devices without blocking, so that the caller can report that no bytes arrive.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

/// How long to wait before reporting that no bytes have arrived.
const REPORT_AFTER: Duration = Duration::from_secs(2);

/// Opens a file. For a pipe or a device, waits for the first bytes, at most for `most`, and calls `report` once if that takes
/// longer than 2 s.
///
/// # Errors
/// If the file cannot be opened, is a socket, or no bytes arrive in time ([`ErrorKind::TimedOut`]).
pub fn open(path: &Path, most: Option<Duration>, report: &mut dyn FnMut()) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
        let mut options = File::options();
        options.read(true);
        let kind = std::fs::metadata(path)?.file_type();
        if kind.is_socket() {
            return Err(io::Error::other("it is a socket; files and pipes can be read"));
        }
        if kind.is_fifo() {
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        }
        let file = options.open(path)?;
        let kind = file.metadata()?.file_type();
        if kind.is_fifo() || kind.is_char_device() {
            let first = most.map_or(REPORT_AFTER, |most| most.min(REPORT_AFTER));
            if !comes(&file, Some(first))? {
                report();
                if !comes(&file, most.map(|most| most.saturating_sub(first)))? {
                    return Err(nothing_came(most.unwrap_or_default()));
                }
            }
        }
        if kind.is_fifo() {
            let flags = rustix::fs::fcntl_getfl(&file)?;
            rustix::fs::fcntl_setfl(&file, flags - rustix::fs::OFlags::NONBLOCK)?;
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    {
        let _ = (most, report);
        File::open(path)
    }
}

/// Reads from a file that [`open`] opened.
///
/// # Errors
/// If the file cannot be read, or no bytes arrive for `most` ([`ErrorKind::TimedOut`]).
pub fn read(file: &mut File, into: &mut [u8], most: Duration) -> io::Result<usize> {
    #[cfg(unix)]
    if !comes(file, Some(most))? {
        return Err(nothing_came(most));
    }
    let _ = most;
    file.read(into)
}

fn nothing_came(most: Duration) -> io::Error {
    let text = format!("no bytes arrived from this pipe or device for {} s", most.as_secs());
    io::Error::new(ErrorKind::TimedOut, text)
}

/// Waits for bytes or the end of the file; returns false after `most`. A signal restarts the wait.
#[cfg(unix)]
fn comes(file: &File, most: Option<Duration>) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let time = most.and_then(|most| Timespec::try_from(most).ok());
    loop {
        match poll(&mut [PollFd::new(file, PollFlags::IN)], time.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}
