//! One file of a key log: what was appended to it goes to the secrets, line by line.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::pipeline::Secrets;

/// Bytes of a line. A longer line is not a line of a key log.
pub(super) const LINE: usize = 4096;
/// Bytes before the position that are remembered: more than a secret of a line has.
const LAST: usize = 96;
/// Bytes that are read before other files have their turn.
const TURN: u64 = 16 << 20;

/// A file on its device, whatever its name is by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    pub(super) fn of(about: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(about.dev(), about.ino())
    }

    /// This system gives files no identity: a renamed file looks like the one that replaced it.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Self {
        Self(0, 0)
    }
}

/// An open file or named pipe that is read as it grows.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    pub(super) id: FileId,
    is_pipe: bool,
    /// Bytes read.
    at: u64,
    /// The last of them, to notice when the file was truncated and has grown again.
    last: Zeroizing<Vec<u8>>,
    modified: Option<SystemTime>,
    /// A line whose end was not written yet. Never moved while there is something in it.
    partial: Zeroizing<Vec<u8>>,
    overlong: bool,
}

impl Tail {
    /// A file that is read from its start.
    ///
    /// # Errors
    /// Where it is neither a regular file nor a named pipe.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let about = file.metadata()?;
        let is_pipe = is_pipe(&about);
        if about.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if !about.is_file() && !is_pipe {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file or a named pipe"));
        }
        Ok(Self {
            file,
            id: FileId::of(&about),
            is_pipe,
            at: 0,
            last: Zeroizing::new(Vec::with_capacity(LAST)),
            modified: None,
            partial: Zeroizing::new(Vec::with_capacity(LINE)),
            overlong: false,
        })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn is_pipe(&self) -> bool {
        self.is_pipe
    }

    /// Reads what was appended. `verify`: the file was written to, even where its length did not change. True where
    /// more is left to read.
    pub(super) fn read(&mut self, piece: &mut [u8], verify: bool, secrets: &Secrets) -> bool {
        if self.is_pipe {
            return self.read_up_to(u64::MAX, piece, secrets);
        }
        let Ok(about) = self.file.metadata() else { return false };
        let (len, modified) = (about.len(), about.modified().ok());
        if len == self.at && !verify && self.modified == modified {
            return false;
        }
        self.modified = modified;
        if len < self.at || !self.is_continued(piece) {
            self.start_again();
        }
        self.read_up_to(len, piece, secrets)
    }

    /// Whether the bytes that were read last are still in their place: they are not where the file was truncated.
    fn is_continued(&self, piece: &mut [u8]) -> bool {
        let Some(start) = self.at.checked_sub(self.last.len() as u64) else { return false };
        let Some(now) = piece.get_mut(..self.last.len()) else { return false };
        let mut filled = 0;
        while let Some(rest) = now.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match read_at(&self.file, rest, start.saturating_add(filled as u64)) {
                Ok(len @ 1..) => filled += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return false,
            }
        }
        *now == **self.last
    }

    fn start_again(&mut self) {
        self.at = 0;
        self.last.clear();
        self.partial.clear();
        self.overlong = false;
    }

    /// Reads up to an offset, but not too much at once. True where more is left.
    fn read_up_to(&mut self, end: u64, piece: &mut [u8], secrets: &Secrets) -> bool {
        let turn = self.at.saturating_add(TURN);
        while self.at < end {
            if self.at >= turn {
                return true;
            }
            let read = match self.is_pipe {
                true => io::Read::read(&mut &self.file, piece),
                false => read_at(&self.file, piece, self.at),
            };
            match read {
                Ok(len @ 1..) => {
                    self.at = self.at.saturating_add(len as u64);
                    self.take(piece.get(..len).unwrap_or_default(), secrets);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The end, or nothing in the pipe.
                _ => return false,
            }
        }
        false
    }

    /// Takes the bytes that come next.
    fn take(&mut self, new: &[u8], secrets: &Secrets) {
        let kept = new.get(new.len().saturating_sub(LAST)..).unwrap_or(new);
        let surplus = (self.last.len() + kept.len()).saturating_sub(LAST).min(self.last.len());
        self.last.drain(..surplus);
        self.last.extend_from_slice(kept);
        for part in new.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            // A writer that does not append leaves zeros where the file was truncated; in UTF-16 every second byte is one.
            let zeros =
                if self.partial.is_empty() { part.iter().take_while(|&&byte| byte == 0).count() } else { 0 };
            let part = part.get(zeros..).unwrap_or_default();
            let room = LINE.saturating_sub(self.partial.len());
            self.overlong |= part.len() > room;
            self.partial.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
            if part.ends_with(b"\n") || part.ends_with(b"\r") {
                // An LF alone ends a line that CR ended before.
                if !std::mem::take(&mut self.overlong) && *self.partial != b"\n"[..] {
                    secrets.add(&self.partial);
                }
                self.partial.clear();
            }
        }
    }
}

#[cfg(unix)]
fn is_pipe(about: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&about.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    file.seek(SeekFrom::Start(at))?;
    file.read(into)
}
