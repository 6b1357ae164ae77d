//! Creating, naming and removing files. What this process may not do, the helper does where there is one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use super::helper;

/// The directory that a file is in.
pub(super) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The path with the links in its directory resolved. The file need not exist.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let directory = directory(path);
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    directory.join(path.file_name().unwrap_or_default())
}

/// Whether a path stands for a descriptor of this process.
pub(super) fn is_descriptor(path: &Path) -> bool {
    path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd") || path == Path::new("/dev/stderr")
}

/// Opens a device, a FIFO or a descriptor, as it is.
pub(super) fn open_as_it_is(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(is_descriptor(path)).write(true).open(path)
}

/// Options for a file that does not exist yet, for its owner only. A symbolic link of its name is an error.
fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Asks the helper where this process may not do something itself.
#[cfg(target_os = "linux")]
fn or_helper<T>(own: io::Result<T>, ask: impl FnOnce(&helper::Helper) -> io::Result<T>) -> io::Result<T> {
    match own {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match helper::get() {
            Some(helper) => ask(helper),
            None => Err(error),
        },
        own => own,
    }
}

/// Creates a file that does not exist yet, mode 0600.
///
/// # Errors
/// Where something has this name, a symbolic link too, or the system refuses.
pub fn create_new(path: &Path) -> io::Result<File> {
    let own = new_file().open(path);
    #[cfg(target_os = "linux")]
    let own = or_helper(own, |helper| helper.create(path));
    own
}

/// Creates a directory that does not exist yet, mode 0700.
///
/// # Errors
/// Where something has this name, or the system refuses.
pub fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let own = builder.create(path);
    #[cfg(target_os = "linux")]
    let own = or_helper(own, |helper| helper.create_directory(path));
    own
}

/// Removes a file.
///
/// # Errors
/// Where the system refuses.
pub fn remove(path: &Path) -> io::Result<()> {
    let own = fs::remove_file(path);
    #[cfg(target_os = "linux")]
    let own = or_helper(own, |helper| helper.remove(path));
    own
}

/// Removes a directory that this program created, with all files in it.
///
/// # Errors
/// Where the system refuses.
pub fn remove_directory(path: &Path) -> io::Result<()> {
    let own = fs::remove_dir_all(path);
    #[cfg(target_os = "linux")]
    let own = or_helper(own, |helper| helper.remove_directory(path));
    own
}

/// Renames a file over whatever has the new name.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let own = fs::rename(from, to);
    #[cfg(target_os = "linux")]
    let own = or_helper(own, |helper| helper.rename(from, to, true));
    own
}

/// Renames a file to a name that nothing has yet.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let own = rename_without_replacing(from, to);
    #[cfg(target_os = "linux")]
    let own = or_helper(own, |helper| helper.rename(from, to, false));
    own
}

/// Renames a file to a name that nothing has yet, in one step where the file system can.
#[cfg(unix)]
pub(super) fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            done => return Ok(done?),
        }
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // No hard links either.
        Err(_) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(_) => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

/// Renames a file to a name that nothing has yet.
#[cfg(not(unix))]
fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() { Err(io::ErrorKind::AlreadyExists.into()) } else { fs::rename(from, to) }
}

/// A temporary file without a name, in `$TMPDIR` or `/tmp`.
///
/// # Errors
/// Where the system refuses.
pub fn temporary() -> io::Result<File> {
    let own = tempfile::tempfile();
    #[cfg(target_os = "linux")]
    let own = or_helper(own, helper::Helper::temporary);
    own
}

/// Opens a key log that this process may no longer open, where there is a helper that may.
///
/// # Errors
/// Where there is none, or the system refuses.
pub fn open_key_log(path: &Path) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    if let Some(helper) = helper::get() {
        return helper.key_log(path);
    }
    let _ = path;
    Err(io::ErrorKind::PermissionDenied.into())
}

/// How much may be kept in temporary files unless somebody says otherwise: 1 GiB, or a quarter of the free space.
#[must_use]
pub fn default_room() -> u64 {
    /// Where the system does not say how much is free.
    const MOST: u64 = 1 << 30;
    #[cfg(target_os = "linux")]
    if let Ok(about) = rustix::fs::statvfs(std::env::temp_dir()) {
        return (about.f_bavail.saturating_mul(about.f_frsize) / 4).min(MOST);
    }
    MOST
}

/// A file that gets its name when it is complete.
#[derive(Debug)]
pub(super) enum Unfinished {
    /// It has no name: nothing is left of it where the program ends before.
    Nameless,
    /// It has a name beside its place, where the file system knows no files without.
    Beside(Beside),
}

/// A file under a temporary name, removed unless it gets its own.
#[derive(Debug)]
pub(super) struct Beside(PathBuf);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = remove(&self.0);
    }
}

impl Unfinished {
    /// Creates a file beside its place.
    pub(super) fn create(path: &Path) -> io::Result<(File, Self)> {
        #[cfg(target_os = "linux")]
        if let Ok(file) = nameless(directory(path)) {
            return Ok((file, Self::Nameless));
        }
        let (file, beside) = try_names(path, create_new)?;
        Ok((file, Self::Beside(Beside(beside))))
    }

    /// Gives the file its name; `replace`: whatever has this name goes.
    pub(super) fn put(self, file: &File, path: &Path, replace: bool) -> io::Result<()> {
        match &self {
            Self::Nameless if !replace => name(file, path),
            Self::Nameless => {
                let ((), beside) = try_names(path, |beside| name(file, beside))?;
                let beside = Beside(beside);
                // Dropping the old name afterwards finds nothing.
                rename(&beside.0, path)
            }
            Self::Beside(beside) if replace => rename(&beside.0, path),
            Self::Beside(beside) => rename_new(&beside.0, path),
        }
    }
}

/// Tries temporary names beside a file's place until one is free.
fn try_names<T>(path: &Path, mut make: impl FnMut(&Path) -> io::Result<T>) -> io::Result<(T, PathBuf)> {
    let mut last = io::ErrorKind::AlreadyExists.into();
    for number in 0..1000u32 {
        let beside = directory(path).join(format!(".wslens-{}-{number}", std::process::id()));
        match make(&beside) {
            Ok(made) => return Ok((made, beside)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// A file without a name, that may get one.
#[cfg(target_os = "linux")]
fn nameless(directory: &Path) -> io::Result<File> {
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file: File = open(directory, flags, Mode::RUSR | Mode::WUSR)?.into();
    // Without /proc it would never get a name: a name that is taken says that it could.
    let taken = linkat(CWD, descriptor(&file), CWD, directory.join("."), AtFlags::SYMLINK_FOLLOW);
    match taken {
        Err(rustix::io::Errno::EXIST) => Ok(file),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// The name of an open file in `/proc`.
#[cfg(target_os = "linux")]
fn descriptor(file: &File) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Gives a file without a name one that nothing has yet.
#[cfg(target_os = "linux")]
fn name(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    Ok(linkat(CWD, descriptor(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// Elsewhere files have names from the start.
#[cfg(not(target_os = "linux"))]
fn name(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
