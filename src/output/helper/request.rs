//! What goes over the socket: a byte that says whether there are two names, the request, the number of a directory or key
//! log, and the names with their lengths.

use rustix::io::Errno;

/// Bytes of a name or path, at most.
pub(super) const NAME: usize = 4096;

/// The error for a directory that is hidden.
pub(super) const HIDDEN: Errno = Errno::NXIO;

/// What the helper can be asked for. Whatever else a command needs after the sandbox is entered becomes one more line
/// here, with its answer in `server.rs`: a program to start, an interface or a namespace to open again, whose
/// socket a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Request {
    /// A new file, by directory and name.
    Create = b'c',
    /// A new directory in a directory.
    Directory = b'm',
    /// A temporary file.
    Temporary = b't',
    /// To remove a file.
    Remove = b'd',
    /// To rename a file to a name that nothing has.
    Rename = b'r',
    /// To rename a file over another.
    Replace = b'R',
    /// One more directory, by its path.
    Folder = b'f',
    /// A key log, by its number.
    KeyLog = b'k',
    /// To remove a directory that it created, with the files that it created there.
    Clear = b'x',
}

impl Request {
    const ALL: [Self; 9] = [
        Self::Create,
        Self::Directory,
        Self::Temporary,
        Self::Remove,
        Self::Rename,
        Self::Replace,
        Self::Folder,
        Self::KeyLog,
        Self::Clear,
    ];

    /// The request that a byte stands for.
    pub(super) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|request| *request as u8 == byte)
    }
}
