//! Key logs that grow while a capture runs: what is appended to them goes to the secrets as whole lines.
//!
//! [`KeyLogs`] opens what needs rights, and reads nothing. [`KeyLogs::follow`] starts the thread that reads, once the rights
//! are given up. Whoever analyses the capture has the files read at once ([`Secrets::set_refresh`]) before it
//! calls a connection unreadable.

mod tail;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::capture::live::Live;
use crate::pipeline::Secrets;
use tail::{FileId, Tail};
use watch::FileWatch;

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;
/// Renamed files that are still read. Writers keep them open for a while.
const OLD: usize = 4;
/// Looks before anything is analyzed: they read 1 GiB of a file.
const TURNS: u32 = 64;
/// Time between two looks, although nothing was reported: network file systems do not report what others write, and a
/// directory may not be there yet.
const LOOK: Duration = Duration::from_secs(1);
/// The same where nothing is ever reported.
const POLL: Duration = Duration::from_millis(100);
/// Time for which lines are gathered: programs write several for each connection.
const GATHER: Duration = Duration::from_millis(1);

/// A key log: the file that has its name, and those that had it.
#[derive(Debug)]
struct KeyLog {
    path: PathBuf,
    otherwise: Opener,
    /// Its directory, opened with more rights than there may be later.
    #[cfg(unix)]
    directory: Option<std::os::fd::OwnedFd>,
    current: Option<(Tail, Option<i32>)>,
    old: VecDeque<(Tail, Option<i32>)>,
    /// It was reported that the file cannot be opened.
    is_reported: bool,
}

impl KeyLog {
    /// A key log, with its file where there is one.
    ///
    /// # Errors
    /// Where the file is there, and cannot be opened or read as a key log.
    fn open(path: PathBuf, watch: &FileWatch, otherwise: Opener) -> io::Result<Self> {
        let mut log = Self {
            path,
            otherwise,
            #[cfg(unix)]
            directory: None,
            current: None,
            old: VecDeque::new(),
            is_reported: false,
        };
        log.open_directory(watch);
        match log.open_file() {
            Ok(tail) => log.use_file(tail, watch),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(log)
    }

    /// The directory of the key log.
    fn parent(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    #[cfg(unix)]
    fn open_directory(&mut self, watch: &FileWatch) {
        use rustix::fs::{Mode, OFlags, open};
        if self.directory.is_none() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            #[cfg(target_os = "linux")]
            let flags = flags | OFlags::PATH;
            self.directory = open(self.parent(), flags, Mode::empty()).ok();
            if self.directory.is_some() {
                watch.add_directory(self.parent());
            }
        }
    }

    #[cfg(not(unix))]
    fn open_directory(&mut self, _: &FileWatch) {}

    /// Opens the file that has the key log's name. Never waits for the writer of a named pipe.
    #[cfg(unix)]
    fn open_file(&self) -> io::Result<Tail> {
        use rustix::fs::{Mode, OFlags, open, openat};
        use rustix::io::Errno;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = open(&self.path, flags, Mode::empty()).or_else(|error| {
            // Perhaps only the way to its directory is closed by now.
            match (&self.directory, self.path.file_name()) {
                (Some(directory), Some(name)) => openat(directory, name, flags, Mode::empty()),
                _ => Err(error),
            }
        });
        let file = match file {
            Err(Errno::ACCESS) => (self.otherwise)(&self.path).map_err(|error| match error.kind() {
                ErrorKind::PermissionDenied => Errno::ACCESS.into(),
                _ => error,
            })?,
            file => File::from(file?),
        };
        Tail::new(file)
    }

    #[cfg(not(unix))]
    fn open_file(&self) -> io::Result<Tail> {
        Tail::new(File::open(&self.path)?)
    }

    fn use_file(&mut self, tail: Tail, watch: &FileWatch) {
        let watched = watch.add_file(tail.file());
        if let Some(before) = self.current.replace((tail, watched)) {
            self.old.push_back(before);
        }
        while self.old.len() > OLD {
            if let Some((_, Some(watched))) = self.old.pop_front() {
                watch.remove(watched);
            }
        }
    }

    /// Looks which file has the key log's name. One that cannot be opened is reported once.
    fn find(&mut self, watch: &FileWatch, report: &Report) {
        let known = self.current.as_ref().map(|(tail, _)| tail.id);
        let here = std::fs::metadata(&self.path).ok().map(|about| FileId::of(&about));
        if known.is_some() && known == here {
            return;
        }
        self.open_directory(watch);
        match self.open_file() {
            Ok(tail) if Some(tail.id) == known => {}
            Ok(tail) => self.use_file(tail, watch),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if self.is_reported => drop(error),
            Err(error) => {
                self.is_reported = true;
                report(&self.path, &error);
            }
        }
    }

    /// Reads what was appended. True where more is left to read.
    fn read(&mut self, piece: &mut [u8], verify: bool, secrets: &Secrets) -> bool {
        let tails = self.old.iter_mut().chain(&mut self.current);
        tails.fold(false, |more, (tail, _)| tail.read(piece, verify, secrets) || more)
    }
}

/// Key logs that are open, of which nothing was read yet. Dropping them closes them.
#[derive(Debug)]
pub struct KeyLogs {
    logs: Vec<KeyLog>,
    watch: FileWatch,
    secrets: Secrets,
    otherwise: Opener,
}

/// Opens a key log that this process may not open.
pub type Opener = fn(&Path) -> io::Result<File>;

impl KeyLogs {
    /// No key logs yet; their secrets go to `secrets`.
    #[must_use]
    pub fn new(secrets: Secrets) -> Self {
        let otherwise: Opener = |_| Err(ErrorKind::PermissionDenied.into());
        Self { logs: Vec::new(), watch: FileWatch::new(), secrets, otherwise }
    }

    /// Has files that this process may not open opened by somebody else.
    #[must_use]
    pub fn otherwise(self, opener: Opener) -> Self {
        Self { otherwise: opener, ..self }
    }

    /// Opens a key log, which may be created later. Answers what is known of its file, where there is one.
    ///
    /// # Errors
    /// Where the file is there, and cannot be opened or read as a key log.
    pub fn open(&mut self, path: PathBuf) -> io::Result<Option<Metadata>> {
        let known = self.logs.iter().any(|log| log.path == path);
        let log = KeyLog::open(path, &self.watch, self.otherwise)?;
        let about = log.current.as_ref().map(|(tail, _)| tail.file().metadata()).transpose()?;
        if !known {
            self.logs.push(log);
        }
        Ok(about)
    }

    /// Reads what the key logs hold, and follows them in a thread of its own, with the rights that are left.
    ///
    /// New secrets wake whoever waits for packets of `live`. A file that cannot be opened is reported once.
    #[must_use]
    pub fn follow(self, live: &Live, report: impl Fn(&Path, &io::Error) + Send + 'static) -> KeyLogFollower {
        let Self { logs, watch, secrets, .. } = self;
        if logs.is_empty() {
            return KeyLogFollower { reader: None, thread: None };
        }
        secrets.set_growing();
        let files = Files { logs, piece: Zeroizing::new(vec![0; PIECE]), report: Box::new(report) };
        let reader = Arc::new(KeyLogReader {
            files: Mutex::new(files),
            watch,
            secrets: secrets.clone(),
            live: live.clone(),
            ends: AtomicBool::new(false),
        });
        // Not for ever: a named pipe may never end.
        (0..TURNS).take_while(|_| reader.look(true)).for_each(drop);
        // Who holds the secrets must not keep the key logs open.
        let weak = Arc::downgrade(&reader);
        secrets.set_refresh(move || {
            if let Some(reader) = weak.upgrade() {
                reader.look(false);
            }
        });
        let follow = Arc::clone(&reader);
        let thread = std::thread::Builder::new().name("key logs".to_owned()).spawn(move || follow.run()).ok();
        KeyLogFollower { reader: Some(reader), thread }
    }
}

/// Reports that a key log cannot be opened.
type Report = dyn Fn(&Path, &io::Error) + Send;

/// The files, while somebody reads them.
struct Files {
    logs: Vec<KeyLog>,
    piece: Zeroizing<Vec<u8>>,
    report: Box<Report>,
}

/// Reads key logs: in its thread, and whenever the analysis asks for it.
struct KeyLogReader {
    files: Mutex<Files>,
    watch: FileWatch,
    secrets: Secrets,
    live: Live,
    ends: AtomicBool,
}

impl KeyLogReader {
    /// Reads what was written. `all`: also looks for files that nothing was reported of. True where more is left to read.
    fn look(&self, all: bool) -> bool {
        let before = self.secrets.turns();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let Files { logs, piece, report } = &mut *files;
        let is_named = |name: &[u8]| {
            logs.iter().any(|log| log.path.file_name().is_some_and(|own| own.as_encoded_bytes() == name))
        };
        let changes = self.watch.take(is_named);
        let mut more = false;
        for log in logs {
            if all || changes.renamed || !self.watch.works() {
                log.find(&self.watch, report);
            }
            more |= log.read(piece, all || changes.written, &self.secrets);
        }
        drop(files);
        if self.secrets.turns() != before {
            self.live.nudge();
        }
        more
    }

    fn run(&self) {
        let mut all = true;
        while !self.ends.load(Ordering::Acquire) {
            let more = self.look(all);
            all = !more && !self.watch.wait(self.pause());
            if !all {
                std::thread::sleep(GATHER);
            }
        }
    }

    /// How long a report is waited for.
    fn pause(&self) -> Duration {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        // What is written to a pipe without a name is not reported.
        let is_pipe = |log: &KeyLog| log.current.as_ref().is_some_and(|(tail, _)| tail.is_pipe());
        if self.watch.works() && !files.logs.iter().any(is_pipe) { LOOK } else { POLL }
    }
}

/// Follows key logs until it is dropped.
pub struct KeyLogFollower {
    reader: Option<Arc<KeyLogReader>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for KeyLogFollower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyLogFollower").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl Drop for KeyLogFollower {
    fn drop(&mut self) {
        let Some(reader) = &self.reader else { return };
        reader.ends.store(true, Ordering::Release);
        reader.watch.wake();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
