//! A process that opens files where this one no longer may.
//!
//! It is started by the same program before rights are dropped and before the sandbox is entered, sees no packet,
//! reads requests from a socket, and answers each with an error number and, where a file was asked for, its
//! descriptor. It ends when the socket closes. There are two of its kind:
//!
//! - Plain root gives up its user id before a packet is read, and can then create nothing in root's directories: not
//!   the next file of a ring, no export, no temporary file. Its helper keeps the right to, in the directories that
//!   were named at the start.
//! - The terminal UI saves where its user says, which the sandbox cannot know beforehand. Its helper has the rights of
//!   the user, and creates files in any directory that is not hidden; and it opens the key logs that a live
//!   capture follows.
//!
//! New files have mode 0600, and no links are followed. The helper renames and removes what it created, and removes
//! files of the ring. It replaces the outputs that were named with `--force`, and where the user chooses the directory,
//! plain files of that user: none that is hidden or a program.

mod request;
mod server;

pub use server::serve;

use std::fs::File;
use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::place;
use request::{HIDDEN, NAME, Request};

/// The first word of the helper's command line.
pub const COMMAND: &str = "--helper-process";

/// What the helper may do. Paths are those of the command line.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Directories in which it creates files.
    pub directories: Vec<PathBuf>,
    /// The name of the ring whose old files it may remove.
    pub ring: Option<PathBuf>,
    /// Outputs that it may replace.
    pub replace: Vec<PathBuf>,
    /// User and group that directories are created for; the helper's own where nobody is named.
    pub owner: Option<(u32, u32)>,
    /// Whether other directories may be named later.
    pub anywhere: bool,
    /// Key logs that it may open.
    pub key_logs: Vec<PathBuf>,
}

/// A helper that runs.
#[derive(Debug)]
pub struct Helper {
    line: Mutex<Line>,
    key_logs: Vec<PathBuf>,
    child: Child,
}

/// The way to it.
#[derive(Debug)]
struct Line {
    socket: UnixStream,
    /// Whether the byte that it sends once it runs was read.
    is_ready: bool,
    /// Its directories, as they were named and without links: they can be out of reach by now.
    directories: Vec<[PathBuf; 2]>,
}

static HELPER: OnceLock<Helper> = OnceLock::new();

/// The helper of this process, if there is one.
#[must_use]
pub(super) fn get() -> Option<&'static Helper> {
    HELPER.get()
}

/// Starts the helper of this process. `waits`: until it runs; otherwise the first request does.
///
/// # Errors
/// Where the program cannot be started again.
pub fn start(allowed: &Allowed, waits: bool) -> io::Result<()> {
    let (socket, theirs) = UnixStream::pair()?;
    let mut command = Command::new("/proc/self/exe");
    command.arg(COMMAND).stdin(Stdio::from(OwnedFd::from(theirs)));
    command.stdout(Stdio::null()).stderr(Stdio::null()).env_clear();
    command.env("TMPDIR", std::env::temp_dir());
    // Ctrl-C is not for it: it is needed until the end.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut directories = Vec::new();
    for directory in &allowed.directories {
        if let Ok(resolved) = directory.canonicalize() {
            command.arg("--in").arg(&resolved);
            directories.push([directory.clone(), resolved]);
        }
    }
    for (flag, path) in allowed
        .ring
        .iter()
        .map(|path| ("--ring", path))
        .chain(allowed.replace.iter().map(|path| ("--replace", path)))
    {
        command.arg(flag).arg(place::resolved(path));
    }
    for path in &allowed.key_logs {
        command.arg("--key-log").arg(path);
    }
    if let Some((uid, gid)) = allowed.owner {
        command.arg("--owner").arg(format!("{uid}:{gid}"));
    }
    if allowed.anywhere {
        command.arg("--anywhere").arg(std::env::current_dir().unwrap_or_default());
    }
    let child = command.spawn()?;
    let mut line = Line { socket, is_ready: false, directories };
    if waits {
        line.wait()?;
    }
    let helper = Helper { line: Mutex::new(line), key_logs: allowed.key_logs.clone(), child };
    HELPER.set(helper).map_err(|_| io::ErrorKind::AlreadyExists.into())
}

/// The helper's process id, for whoever looks at what runs.
#[must_use]
pub fn process() -> Option<u32> {
    get().map(|helper| helper.child.id())
}

fn denied() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

impl Helper {
    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        self.in_directory(Request::Create, path, None)?.map(File::from).ok_or_else(denied)
    }

    pub(super) fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.in_directory(Request::Directory, path, None).map(drop)
    }

    pub(super) fn temporary(&self) -> io::Result<File> {
        self.line().ask(Request::Temporary, 0, &[b""])?.map(File::from).ok_or_else(denied)
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.in_directory(Request::Remove, path, None).map(drop)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path, replace: bool) -> io::Result<()> {
        let request = if replace { Request::Replace } else { Request::Rename };
        self.in_directory(request, from, Some(to)).map(drop)
    }

    /// Removes a directory that it created, with what it created there.
    pub(super) fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.in_directory(Request::Clear, path, None).map(drop)
    }

    /// Opens a key log that was named at the start.
    pub(super) fn key_log(&self, path: &Path) -> io::Result<File> {
        let at = self.key_logs.iter().position(|known| known == path);
        let at = at.and_then(|at| u8::try_from(at).ok()).ok_or_else(denied)?;
        self.line().ask(Request::KeyLog, at, &[b""])?.map(File::from).ok_or_else(denied)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_directory(&self, what: Request, path: &Path, other: Option<&Path>) -> io::Result<Option<OwnedFd>> {
        let mut line = self.line();
        let at = line.directory(place::directory(path))?;
        let names = std::iter::once(path).chain(other);
        let names: Vec<&[u8]> = names.map(|path| path.file_name().unwrap_or_default().as_bytes()).collect();
        line.ask(what, at, &names)
    }
}

impl Line {
    /// Waits until it runs.
    fn wait(&mut self) -> io::Result<()> {
        if !self.is_ready {
            self.socket.read_exact(&mut [0])?;
            self.is_ready = true;
        }
        Ok(())
    }

    /// The number of a directory. One that is not known yet is named to the helper.
    fn directory(&mut self, directory: &Path) -> io::Result<u8> {
        let known = self.directories.iter().position(|known| known.iter().any(|known| known == directory));
        let at = known.unwrap_or(self.directories.len());
        let number = u8::try_from(at).map_err(|_| denied())?;
        if known.is_none() {
            let path = directory.canonicalize()?;
            self.ask(Request::Folder, number, &[path.as_os_str().as_bytes()])?;
            self.directories.push([directory.to_owned(), path]);
        }
        Ok(number)
    }

    fn ask(&mut self, what: Request, at: u8, names: &[&[u8]]) -> io::Result<Option<OwnedFd>> {
        self.wait()?;
        let mut request = vec![u8::from(names.len() > 1), what as u8, at];
        for name in names {
            if name.len() > NAME {
                return Err(denied());
            }
            let len = u16::try_from(name.len()).map_err(|_| denied())?;
            request.extend_from_slice(&len.to_le_bytes());
            request.extend_from_slice(name);
        }
        (&self.socket).write_all(&request)?;
        let mut answer = [0; 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let came = recvmsg(
            &self.socket,
            &mut [IoSliceMut::new(&mut answer)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        let mut descriptors = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        let file = descriptors.next();
        if came.bytes != answer.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match i32::from_le_bytes(answer) {
            0 => Ok(file),
            errno if errno == HIDDEN.raw_os_error() && what == Request::Folder => {
                let words = "the sandbox creates nothing in hidden directories; --no-sandbox does";
                Err(io::Error::new(io::ErrorKind::PermissionDenied, words))
            }
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}
