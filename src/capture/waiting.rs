//! Pipes and devices: opened without waiting for whoever writes to them, so that it can be said that nothing comes.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

/// After this time it is said that nothing comes.
const TOLD_AFTER: Duration = Duration::from_secs(2);

/// Opens a file. Of a pipe or a device the first bytes are waited for, at most for `most`; `told` is called where that takes long.
///
/// # Errors
/// Where it cannot be opened, or nothing came in time.
pub fn open(path: &Path, most: Option<Duration>, told: &mut dyn FnMut()) -> io::Result<File> {
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
            let first = most.map_or(TOLD_AFTER, |most| most.min(TOLD_AFTER));
            if !comes(&file, Some(first))? {
                told();
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
        let _ = (most, told);
        File::open(path)
    }
}

/// Reads a file that [`open`] opened, and fails with [`ErrorKind::TimedOut`] where nothing comes for `most`.
///
/// # Errors
/// Where it cannot be read, or nothing came in time.
pub fn read(file: &mut File, into: &mut [u8], most: Duration) -> io::Result<usize> {
    #[cfg(unix)]
    if !comes(file, Some(most))? {
        return Err(nothing_came(most));
    }
    let _ = most;
    file.read(into)
}

fn nothing_came(most: Duration) -> io::Error {
    let text = format!("nothing came through this pipe or device for {} s", most.as_secs());
    io::Error::new(ErrorKind::TimedOut, text)
}

/// Waits until there are bytes, or the end; false after `most`. A signal makes it wait that long again.
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
