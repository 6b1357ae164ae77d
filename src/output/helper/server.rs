//! The helper's side: does what is asked.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Uid, fchown, mkdirat, openat, renameat, renameat_with,
    statat, unlinkat,
};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::request::{HIDDEN, NAME, Request};
use crate::output::ring;

/// The helper's side: does what is asked until nobody asks any longer.
#[derive(Default)]
struct Server {
    directories: Vec<OwnedFd>,
    paths: Vec<PathBuf>,
    ring: Option<PathBuf>,
    replace: Vec<PathBuf>,
    owner: Option<(u32, u32)>,
    /// Where the program was started, if other directories may be named.
    anywhere: Option<PathBuf>,
    key_logs: Vec<PathBuf>,
    /// Directories that it created.
    made: HashSet<PathBuf>,
    /// What it created: directory and name.
    created: HashSet<(u8, OsString)>,
}

/// Runs as the helper: `words` are those after the [command](super::COMMAND), requests come on standard input.
///
/// # Errors
/// Where the socket fails.
pub fn serve(words: impl Iterator<Item = OsString>) -> io::Result<()> {
    let mut server = Server::default();
    let mut words = words;
    while let (Some(flag), Some(path)) = (words.next(), words.next()) {
        let path = PathBuf::from(path);
        match flag.to_str() {
            Some("--in") => {
                server.directories.push(open_directory(&path)?);
                server.paths.push(path);
            }
            Some("--ring") => server.ring = Some(path),
            Some("--replace") => server.replace.push(path),
            Some("--key-log") => server.key_logs.push(path),
            Some("--anywhere") => server.anywhere = Some(path),
            Some("--owner") => {
                let ids = path.to_str().and_then(|ids| ids.split_once(':'));
                server.owner = ids.and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
            }
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    keep_few_rights()?;
    // It opens files and does nothing else. A kernel without seccomp is no reason to stop.
    let _ = crate::sandbox::deny_calls();
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

fn open_directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
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
            let mut len = [0; 2];
            socket.read_exact(&mut len)?;
            let mut name = vec![0; usize::from(u16::from_le_bytes(len)).min(NAME)];
            socket.read_exact(&mut name)?;
            Ok(OsString::from_vec(name))
        };
        let first = name()?;
        let second = if two { Some(name()?) } else { None };
        Ok(match Request::of(what) {
            Some(what) => self.act(what, at, first, second),
            None => Err(Errno::ACCESS),
        })
    }

    fn act(
        &mut self,
        what: Request,
        at: u8,
        name: OsString,
        other: Option<OsString>,
    ) -> Result<Option<OwnedFd>, Errno> {
        match what {
            Request::Temporary => {
                let file = tempfile::tempfile()
                    .map_err(|error| error.raw_os_error().map_or(Errno::ACCESS, Errno::from_raw_os_error))?;
                return Ok(Some(file.into()));
            }
            Request::KeyLog => {
                let path = self.key_logs.get(usize::from(at)).ok_or(Errno::ACCESS)?;
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                return rustix::fs::open(path, flags, Mode::empty()).map(Some);
            }
            Request::Folder => return self.add(at, Path::new(&name)).map(|()| None),
            _ => {}
        }
        if std::iter::once(&name).chain(&other).any(|name| !is_allowed(name)) {
            return Err(Errno::ACCESS);
        }
        let directory = self.directories.get(usize::from(at)).ok_or(Errno::ACCESS)?;
        let path = self.paths.get(usize::from(at)).ok_or(Errno::ACCESS)?;
        match (what, other) {
            (Request::Create, None) => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
                let file = openat(directory, &name, flags, Mode::RUSR | Mode::WUSR)?;
                self.created.insert((at, name));
                Ok(Some(file))
            }
            (Request::Directory, None) => {
                mkdirat(directory, &name, Mode::RWXU)?;
                self.made.insert(path.join(&name));
                if let Some((uid, gid)) = self.owner {
                    // It was created just now, and only root may rename anything here.
                    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
                    let made = openat(directory, &name, flags, Mode::empty())?;
                    fchown(made, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
                }
                Ok(None)
            }
            (Request::Clear, None) => {
                let whole = path.join(&name);
                if !self.made.contains(&whole) {
                    return Err(Errno::ACCESS);
                }
                if let Some(inside) = self.paths.iter().position(|path| *path == whole)
                    && let Some(directory) = self.directories.get(inside)
                {
                    self.created.retain(|(at, name)| {
                        usize::from(*at) != inside || unlinkat(directory, name, AtFlags::empty()).is_err()
                    });
                }
                unlinkat(directory, &name, AtFlags::REMOVEDIR)?;
                self.made.remove(&whole);
                Ok(None)
            }
            (Request::Remove, None) => {
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
            (Request::Rename | Request::Replace, Some(to)) if self.created.contains(&(at, name.clone())) => {
                if what == Request::Rename {
                    renameat_with(directory, &name, directory, &to, RenameFlags::NOREPLACE)?;
                } else if self.replace.contains(&path.join(&to))
                    || (self.anywhere.is_some() && is_plain(directory, &to))
                {
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

    /// Takes one more directory, if others may be named. Hidden ones hold what programs run and read by themselves.
    fn add(&mut self, at: u8, path: &Path) -> Result<(), Errno> {
        let Some(start) = self.anywhere.as_ref().filter(|_| usize::from(at) == self.directories.len()) else {
            return Err(Errno::ACCESS);
        };
        let directory = open_directory(path)?;
        // Where it really is.
        let link = rustix::fs::readlink(format!("/proc/self/fd/{}", directory.as_raw_fd()), Vec::new())?;
        let path = PathBuf::from(OsStr::from_bytes(link.to_bytes()));
        if !path.is_absolute() || is_hidden(&path, start) {
            return Err(HIDDEN);
        }
        self.directories.push(directory);
        self.paths.push(path);
        Ok(())
    }
}

/// Whether a part of a directory's path is hidden that is not a part of the path where the program was started.
fn is_hidden(path: &Path, start: &Path) -> bool {
    let same = path.components().zip(start.components()).take_while(|(one, other)| one == other).count();
    path.components().skip(same).any(|part| part.as_os_str().as_bytes().starts_with(b"."))
}

/// Whether a file may be replaced: the user's own, and no program. Nothing, too.
fn is_plain(directory: &OwnedFd, name: &OsStr) -> bool {
    let about = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(about) => about,
        Err(error) => return error == Errno::NOENT,
    };
    let kind = FileType::from_raw_mode(about.st_mode);
    let is_file = kind == FileType::RegularFile && about.st_mode & 0o111 == 0;
    (is_file || kind == FileType::Symlink) && about.st_uid == rustix::process::geteuid().as_raw()
}

/// Names of files that a shell or a program reads by itself begin with a point; the temporary ones of wslens, too.
fn is_allowed(name: &OsStr) -> bool {
    let name = name.as_bytes();
    !name.is_empty() && !name.contains(&b'/') && (!name.starts_with(b".") || name.starts_with(b".wslens-"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A helper for saving anywhere, and a directory with the number 0.
    fn server() -> (Server, tempfile::TempDir) {
        let start = tempfile::Builder::new().prefix("start").tempdir().unwrap();
        let here = start.path().canonicalize().unwrap();
        let mut server = Server { anywhere: Some(here.clone()), ..Server::default() };
        server.add(0, &here).unwrap();
        (server, start)
    }

    fn act(server: &mut Server, what: Request, name: &str, other: Option<&str>) -> Result<bool, Errno> {
        let file = server.act(what, 0, name.into(), other.map(OsString::from))?;
        Ok(file.is_some())
    }

    #[test]
    fn directories_are_named_later_where_that_is_allowed_and_hidden_ones_are_not() {
        let (mut server, start) = server();
        fs::create_dir_all(start.path().join(".hidden/in/it")).unwrap();
        fs::create_dir(start.path().join("plain")).unwrap();
        std::os::unix::fs::symlink(".hidden", start.path().join("plain/link")).unwrap();
        fs::create_dir(start.path().join("plain/.hidden")).unwrap();
        for hidden in [".hidden", ".hidden/in/it", "plain/link"] {
            assert_eq!(server.add(1, &start.path().join(hidden)), Err(HIDDEN), "{hidden}");
        }
        assert_eq!(server.add(1, &start.path().join("plain")), Ok(()));
        // Numbers are those of both sides.
        assert_eq!(server.add(7, &start.path().join("plain")), Err(Errno::ACCESS));
        server.anywhere = None;
        assert_eq!(server.add(2, &start.path().join("plain")), Err(Errno::ACCESS));
        assert!(!is_hidden(Path::new("/home/me/.work/out"), Path::new("/home/me/.work")));
        assert!(is_hidden(Path::new("/home/me/.ssh"), Path::new("/home/me/.work")));
    }

    #[test]
    fn new_files_are_created_and_plain_ones_replaced() {
        let (mut server, start) = server();
        let at = |name: &str| start.path().join(name);
        assert_eq!(act(&mut server, Request::Create, "new", None), Ok(true));
        assert_eq!(at("new").metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(act(&mut server, Request::Create, "new", None), Err(Errno::EXIST));
        for name in [".profile", "a/b", "..", ""] {
            assert_eq!(act(&mut server, Request::Create, name, None), Err(Errno::ACCESS), "{name}");
        }
        fs::write(at("mine"), "mine").unwrap();
        fs::write(at("program"), "program").unwrap();
        fs::set_permissions(at("program"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(act(&mut server, Request::Replace, "new", Some("program")), Err(Errno::ACCESS));
        assert_eq!(act(&mut server, Request::Remove, "mine", None), Err(Errno::ACCESS));
        assert_eq!(act(&mut server, Request::Rename, "mine", Some("other")), Err(Errno::ACCESS));
        assert_eq!(act(&mut server, Request::Replace, "new", Some("mine")), Ok(false));
        assert_eq!(fs::read(at("mine")).unwrap(), b"");
        // A helper of root replaces only what was named.
        server.anywhere = None;
        assert_eq!(act(&mut server, Request::Create, "newer", None), Ok(true));
        assert_eq!(act(&mut server, Request::Replace, "newer", Some("mine")), Err(Errno::ACCESS));
    }

    #[test]
    fn a_directory_that_was_created_is_removed_with_its_files_and_no_other_is() {
        let (mut server, start) = server();
        fs::create_dir(start.path().join("old")).unwrap();
        assert_eq!(act(&mut server, Request::Clear, "old", None), Err(Errno::ACCESS));
        assert_eq!(act(&mut server, Request::Directory, "new", None), Ok(false));
        server.add(1, &start.path().join("new")).unwrap();
        assert!(server.act(Request::Create, 1, "file".into(), None).unwrap().is_some());
        assert_eq!(act(&mut server, Request::Clear, "new", None), Ok(false));
        assert!(!start.path().join("new").exists());
    }

    #[test]
    fn only_key_logs_that_were_named_are_opened() {
        let (mut server, start) = server();
        assert_eq!(act(&mut server, Request::KeyLog, "", None), Err(Errno::ACCESS));
        server.key_logs.push(start.path().join("keys.log"));
        assert_eq!(act(&mut server, Request::KeyLog, "", None), Err(Errno::NOENT));
        fs::write(start.path().join("keys.log"), "").unwrap();
        assert_eq!(act(&mut server, Request::KeyLog, "", None), Ok(true));
    }
}
