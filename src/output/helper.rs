//! A process that creates files where this one no longer may.
//!
//! Plain root gives up its user id before a packet is read, and can then create nothing in root's directories: not
//! the next file of a ring, no export, no temporary file. A helper that sees no packet keeps the right to. It is
//! started by the same program before rights are dropped, reads requests from a socket, and answers each with an
//! error number and, where a file was asked for, its descriptor.
//!
//! It does a few things only: it creates new files (mode 0600, no links followed) in the directories that were named
//! at its start, renames and removes what it created, removes files of the ring, and creates temporary files. It
//! replaces only the outputs that were named with `--force`. It ends when the socket closes.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RenameFlags, Uid, fchown, mkdirat, openat, renameat, renameat_with, unlinkat,
};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use super::{place, ring};

/// The first word of the helper's command line.
pub const COMMAND: &str = "--helper-process";
/// Bytes of a name, at most.
const NAME: usize = 255;

/// What the helper may do. Paths are those of the command line.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Directories in which it creates files.
    pub directories: Vec<PathBuf>,
    /// The name of the ring whose old files it may remove.
    pub ring: Option<PathBuf>,
    /// Outputs that it may replace.
    pub replace: Vec<PathBuf>,
    /// User and group that directories are created for.
    pub owner: (u32, u32),
}

/// A helper that runs.
#[derive(Debug)]
pub struct Helper {
    socket: Mutex<UnixStream>,
    /// Its directories, as they were named and without links: they can be out of reach by now.
    directories: Vec<[PathBuf; 2]>,
    child: Child,
}

static HELPER: OnceLock<Helper> = OnceLock::new();

/// The helper of this process, if there is one.
#[must_use]
pub(super) fn get() -> Option<&'static Helper> {
    HELPER.get()
}

/// Starts the helper of this process.
///
/// # Errors
/// Where the program cannot be started again.
pub fn start(allowed: &Allowed) -> io::Result<()> {
    let (own, theirs) = UnixStream::pair()?;
    let mut command = Command::new("/proc/self/exe");
    command.arg(COMMAND).stdin(Stdio::from(OwnedFd::from(theirs)));
    command.stdout(Stdio::null()).stderr(Stdio::null()).env_clear();
    command.env("TMPDIR", std::env::temp_dir());
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
    let (uid, gid) = allowed.owner;
    command.arg("--owner").arg(format!("{uid}:{gid}"));
    let child = command.spawn()?;
    let mut ready = [0];
    (&own).read_exact(&mut ready)?;
    let helper = Helper { socket: Mutex::new(own), directories, child };
    HELPER.set(helper).map_err(|_| io::ErrorKind::AlreadyExists.into())
}

/// The helper's process id, for whoever looks at what runs.
#[must_use]
pub fn process() -> Option<u32> {
    get().map(|helper| helper.child.id())
}

/// A request: what, in which directory, and one or two names.
const CREATE: u8 = b'c';
const DIRECTORY: u8 = b'm';
const TEMPORARY: u8 = b't';
const REMOVE: u8 = b'd';
const RENAME: u8 = b'r';
const REPLACE: u8 = b'R';

impl Helper {
    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        self.ask(CREATE, path, None)?.map(File::from).ok_or_else(|| io::ErrorKind::PermissionDenied.into())
    }

    pub(super) fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.ask(DIRECTORY, path, None).map(drop)
    }

    pub(super) fn temporary(&self) -> io::Result<File> {
        self.ask(TEMPORARY, Path::new(""), None)?
            .map(File::from)
            .ok_or_else(|| io::ErrorKind::PermissionDenied.into())
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(REMOVE, path, None).map(drop)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path, replace: bool) -> io::Result<()> {
        self.ask(if replace { REPLACE } else { RENAME }, from, Some(to)).map(drop)
    }

    fn ask(&self, what: u8, path: &Path, other: Option<&Path>) -> io::Result<Option<OwnedFd>> {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let directory = if what == TEMPORARY {
            0
        } else {
            let directory = place::directory(path);
            let at = self.directories.iter().position(|known| known.iter().any(|known| known == directory));
            at.and_then(|at| u8::try_from(at).ok()).ok_or_else(denied)?
        };
        let mut request = vec![what, directory];
        for path in std::iter::once(path).chain(other) {
            let name = path.file_name().unwrap_or_default().as_bytes();
            request.push(u8::try_from(name.len()).map_err(|_| denied())?);
            request.extend_from_slice(name);
        }
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        (&*socket).write_all(&[u8::from(other.is_some())])?;
        (&*socket).write_all(&request)?;
        let mut answer = [0; 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let came =
            recvmsg(&*socket, &mut [IoSliceMut::new(&mut answer)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
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
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// The helper's side: does what is asked until nobody asks any longer.
struct Server {
    directories: Vec<OwnedFd>,
    paths: Vec<PathBuf>,
    ring: Option<PathBuf>,
    replace: Vec<PathBuf>,
    owner: Option<(u32, u32)>,
    /// What it created: directory and name.
    created: HashSet<(u8, OsString)>,
}

/// Runs as the helper: `words` are those after [`COMMAND`], requests come on standard input.
///
/// # Errors
/// Where the socket fails.
pub fn serve(words: impl Iterator<Item = OsString>) -> io::Result<()> {
    let mut server = Server {
        directories: Vec::new(),
        paths: Vec::new(),
        ring: None,
        replace: Vec::new(),
        owner: None,
        created: HashSet::new(),
    };
    let mut words = words;
    while let (Some(flag), Some(path)) = (words.next(), words.next()) {
        let path = PathBuf::from(path);
        match flag.to_str() {
            Some("--in") => {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                server.directories.push(rustix::fs::open(&path, flags, Mode::empty())?);
                server.paths.push(path);
            }
            Some("--ring") => server.ring = Some(path),
            Some("--replace") => server.replace.push(path),
            Some("--owner") => {
                let ids = path.to_str().and_then(|ids| ids.split_once(':'));
                server.owner = ids.and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    keep_few_rights()?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Whoever types this by hand has no socket there.
    socket.local_addr()?;
    (&socket).write_all(&[1])?;
    let mut two = [0];
    while (&socket).read(&mut two)? == 1 {
        let answer = server.answer(&socket, two == [1])?;
        let (errno, file) = match &answer {
            Ok(file) => (0, file.as_ref()),
            Err(errno) => (errno.raw_os_error(), None),
        };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = file.map(|file| [file.as_fd()]);
        if let Some(descriptors) = &descriptors {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        sendmsg(&socket, &[IoSlice::new(&errno.to_le_bytes())], &mut control, SendFlags::NOSIGNAL)?;
    }
    Ok(())
}

/// Of root's rights those to write in any directory, and to give away what was created, are kept.
fn keep_few_rights() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};
    let kept = capabilities(None)?.permitted & (CapabilitySet::DAC_OVERRIDE | CapabilitySet::CHOWN);
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: none })?;
    set_no_new_privs(true)?;
    Ok(())
}

impl Server {
    /// Reads a request and does it. The outer error is that of the socket.
    fn answer(&mut self, socket: &UnixStream, two: bool) -> io::Result<Result<Option<OwnedFd>, Errno>> {
        let mut socket = socket;
        let [mut what, mut at] = [0; 2];
        for byte in [&mut what, &mut at] {
            socket.read_exact(std::slice::from_mut(byte))?;
        }
        let mut name = || -> io::Result<OsString> {
            let mut len = [0];
            socket.read_exact(&mut len)?;
            let mut name = vec![0; usize::from(len[0]).min(NAME)];
            socket.read_exact(&mut name)?;
            Ok(OsString::from_vec(name))
        };
        let first = name()?;
        let second = if two { Some(name()?) } else { None };
        Ok(self.act(what, at, first, second))
    }

    fn act(
        &mut self,
        what: u8,
        at: u8,
        name: OsString,
        other: Option<OsString>,
    ) -> Result<Option<OwnedFd>, Errno> {
        if what == TEMPORARY {
            let file = tempfile::tempfile()
                .map_err(|error| error.raw_os_error().map_or(Errno::ACCESS, Errno::from_raw_os_error))?;
            return Ok(Some(file.into()));
        }
        if std::iter::once(&name).chain(&other).any(|name| !is_allowed(name)) {
            return Err(Errno::ACCESS);
        }
        let directory = self.directories.get(usize::from(at)).ok_or(Errno::ACCESS)?;
        let path = self.paths.get(usize::from(at)).ok_or(Errno::ACCESS)?;
        match (what, other) {
            (CREATE, None) => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
                let file = openat(directory, &name, flags, Mode::RUSR | Mode::WUSR)?;
                self.created.insert((at, name));
                Ok(Some(file))
            }
            (DIRECTORY, None) => {
                let (uid, gid) = self.owner.ok_or(Errno::ACCESS)?;
                mkdirat(directory, &name, Mode::RWXU)?;
                // It was created just now, and only root may rename anything here.
                let made = openat(
                    directory,
                    &name,
                    OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC,
                    Mode::empty(),
                )?;
                fchown(made, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
                Ok(None)
            }
            (REMOVE, None) => {
                let of_ring = self.ring.as_ref().is_some_and(|ring| {
                    ring.parent() == Some(path)
                        && name.to_str().and_then(|name| ring::number(ring, name)).is_some()
                });
                if !of_ring && !self.created.contains(&(at, name.clone())) {
                    return Err(Errno::ACCESS);
                }
                unlinkat(directory, &name, AtFlags::empty())?;
                self.created.remove(&(at, name));
                Ok(None)
            }
            (RENAME | REPLACE, Some(to)) if self.created.contains(&(at, name.clone())) => {
                if what == RENAME {
                    renameat_with(directory, &name, directory, &to, RenameFlags::NOREPLACE)?;
                } else if self.replace.contains(&path.join(&to)) {
                    renameat(directory, &name, directory, &to)?;
                } else {
                    return Err(Errno::ACCESS);
                }
                self.created.remove(&(at, name));
                self.created.insert((at, to));
                Ok(None)
            }
            _ => Err(Errno::ACCESS),
        }
    }
}

/// Names of files that a shell or a program reads by itself begin with a point; the temporary ones of wslens, too.
fn is_allowed(name: &OsStr) -> bool {
    let name = name.as_bytes();
    !name.is_empty() && !name.contains(&b'/') && (!name.starts_with(b".") || name.starts_with(b".wslens-"))
}
