//! Files that wslens writes, without harm to any other file.
//!
//! Comes in: a path, whether an existing file may be replaced, and the inputs of the command. Goes out: a [`Target`]
//! to write to.
//!
//! - An output that is one of the inputs is refused, whatever name it has: files are compared by device and inode.
//! - An existing regular file is replaced only where that was asked for, and only by a rename: no file that wslens did
//!   not create is truncated, and no symbolic link is followed to one.
//! - A [finite](Growth::Finite) output appears under its name when it is complete. A [growing](Growth::Growing) one
//!   appears at once and can be read while it grows.
//! - Devices, FIFOs and standard output are written as they are.
//! - New files have mode 0600: captured data is for its owner.

#[cfg(target_os = "linux")]
pub mod helper;
mod identity;
mod place;
pub mod ring;

pub use identity::Inputs;
pub use place::{
    create_directory, create_new, default_room, open_key_log, remove, remove_directory, temporary,
};

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use identity::is_same_file;
use place::Unfinished;

/// Why an output cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The output is also an input.
    #[error("'{}' is an input of this command", .0.display())]
    Input(PathBuf),
    /// A file, or a symbolic link, has this name, and nothing says that it may be replaced.
    #[error("'{}' exists", .0.display())]
    Exists(PathBuf),
    /// The name is that of a directory.
    #[error("'{}' is a directory", .0.display())]
    Directory(PathBuf),
    /// The system refuses.
    #[error("cannot write '{}': {source}", path.display())]
    Io {
        /// The output.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// When an output appears under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// When it is complete.
    Finite,
    /// At once: its end is not known.
    Growing,
}

/// Where an output goes.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Stdout,
    /// A device, a FIFO, or a file that has its name already.
    File(Arc<File>),
    /// A file that gets its name at the end.
    Unfinished(Arc<File>, Unfinished),
}

/// Whether this path is standard output: `-`, `/dev/stdout` and its other names.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

/// Checks an output before anything is opened or created. True where it is a regular file, or will be.
///
/// # Errors
/// An [`OutputError`] where the output is an input or a directory, or exists and `force` is not set.
pub fn check(path: &Path, force: bool, inputs: &Inputs) -> Result<bool, OutputError> {
    if is_stdout(path) {
        return Ok(false);
    }
    // Of what a link points to; a link that points nowhere is not written through either.
    let about = match path.metadata() {
        Ok(about) => about,
        Err(_) if !force && path.symlink_metadata().is_ok() => {
            return Err(OutputError::Exists(path.to_owned()));
        }
        Err(_) => return Ok(true),
    };
    if inputs.contains(path, &about) {
        Err(OutputError::Input(path.to_owned()))
    } else if about.is_dir() {
        Err(OutputError::Directory(path.to_owned()))
    } else if about.is_file() && !force && !place::is_descriptor(path) {
        Err(OutputError::Exists(path.to_owned()))
    } else {
        Ok(about.is_file())
    }
}

impl Target {
    /// Opens an output. See the [module](self) for what becomes of an existing file.
    ///
    /// # Errors
    /// As [`check`], and where the system refuses.
    pub fn create(path: &Path, growth: Growth, force: bool, inputs: &Inputs) -> Result<Self, OutputError> {
        let regular = check(path, force, inputs)?;
        let sink = if is_stdout(path) {
            Ok(Sink::Stdout)
        } else if !regular || place::is_descriptor(path) {
            place::open_as_it_is(path).map(|file| Sink::File(Arc::new(file)))
        } else if growth == Growth::Growing && !force {
            create_new(path).map(|file| Sink::File(Arc::new(file)))
        } else {
            Unfinished::create(path).and_then(|(file, unfinished)| match growth {
                Growth::Finite => Ok(Sink::Unfinished(Arc::new(file), unfinished)),
                Growth::Growing => {
                    unfinished.put(&file, path, true)?;
                    Ok(Sink::File(Arc::new(file)))
                }
            })
        };
        match sink {
            Ok(sink) => Ok(Self { path: path.to_owned(), sink }),
            Err(source) => Err(Self::failed(path, source)),
        }
    }

    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self { path: PathBuf::from("-"), sink: Sink::Stdout }
    }

    fn failed(path: &Path, source: io::Error) -> OutputError {
        match source.kind() {
            io::ErrorKind::AlreadyExists => OutputError::Exists(path.to_owned()),
            _ => OutputError::Io { path: path.to_owned(), source },
        }
    }

    /// What to write to. Not buffered. Errors name the file.
    #[must_use]
    pub fn writer(&self) -> Box<dyn Write + Send> {
        match &self.sink {
            Sink::Stdout => Box::new(io::stdout()),
            Sink::File(file) | Sink::Unfinished(file, _) => {
                Box::new(Named { file: Arc::clone(file), path: self.path.clone() })
            }
        }
    }

    /// The file; none of standard output.
    #[must_use]
    pub fn file(&self) -> Option<&Arc<File>> {
        match &self.sink {
            Sink::Stdout => None,
            Sink::File(file) | Sink::Unfinished(file, _) => Some(file),
        }
    }

    /// Gives a finite output its name. Without this, the file does not appear.
    ///
    /// # Errors
    /// Where the system refuses, or a file of this name appeared meanwhile and `force` is not set.
    pub fn finish(self, force: bool) -> Result<(), OutputError> {
        match self.sink {
            Sink::Stdout | Sink::File(_) => Ok(()),
            Sink::Unfinished(file, unfinished) => {
                unfinished.put(&file, &self.path, force).map_err(|source| Self::failed(&self.path, source))
            }
        }
    }
}

/// Whether two paths name the same output, or will.
#[must_use]
pub fn is_same_output(one: &Path, other: &Path) -> bool {
    if is_stdout(one) || is_stdout(other) {
        return is_stdout(one) && is_stdout(other);
    }
    match (one.metadata(), other.metadata()) {
        (Ok(a), Ok(b)) => a.is_file() && is_same_file(one, &a, other, &b),
        _ => place::resolved(one) == place::resolved(other),
    }
}

/// A file whose errors say its name.
struct Named {
    file: Arc<File>,
    path: PathBuf,
}

impl Named {
    fn name<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| match error.kind() {
            // Whoever reads the FIFO has read enough.
            io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("cannot write '{}': {error}", self.path.display())),
        })
    }
}

impl Write for Named {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.name((&*self.file).write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.name((&*self.file).flush())
    }
}

#[cfg(test)]
mod tests;
