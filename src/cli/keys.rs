//! Key logs: which ones are used, and what is said about them.

use super::args::InputArgs;
use super::problem::Problem;
use crate::model::Rule;
use crate::pipeline::Secrets;

#[cfg(feature = "tls")]
pub use with_tls::{decrypted, findings, load, named, tell_how, tell_unused, unused};
#[cfg(all(feature = "live", feature = "tls"))]
pub use with_tls::{follow, open};

/// No secrets: TLS is not built in.
#[cfg(all(feature = "live", not(feature = "tls")))]
pub fn open(_: &InputArgs, _: bool) -> Result<(Secrets, ()), Problem> {
    Ok((Secrets::default(), ()))
}

/// No key log is read: TLS is not built in.
#[cfg(not(feature = "tls"))]
pub fn named(_: &InputArgs) -> Vec<std::path::PathBuf> {
    Vec::new()
}

/// No key log is followed: TLS is not built in.
#[cfg(all(feature = "live", not(feature = "tls")))]
pub fn follow((): (), _: &crate::capture::live::Live, _: bool) -> Following {
    Following
}

/// No key log is followed: TLS is not built in.
#[cfg(all(feature = "live", not(feature = "tls")))]
#[derive(Debug)]
pub struct Following;

/// No secrets: TLS is not built in.
#[cfg(not(feature = "tls"))]
pub fn load(_: &InputArgs, _: bool) -> Result<Secrets, Problem> {
    Ok(Secrets::default())
}

/// Nothing is read, nothing is broken.
#[cfg(not(feature = "tls"))]
pub fn findings(_: &Secrets) -> Vec<(&'static Rule, String)> {
    Vec::new()
}

/// Does nothing in a build without TLS.
#[cfg(not(feature = "tls"))]
pub fn unused(_: &Secrets, _: u64) -> Option<(&'static Rule, String)> {
    None
}

/// Does nothing in a build without TLS.
#[cfg(not(feature = "tls"))]
pub fn tell_unused(_: &Secrets, _: u64) -> bool {
    false
}

/// Returns nothing in a build without TLS.
#[cfg(not(feature = "tls"))]
pub fn decrypted(_: &Secrets) -> Vec<String> {
    Vec::new()
}

/// Prints that this build cannot decrypt TLS.
#[cfg(not(feature = "tls"))]
pub fn tell_how() {
    errln!("  TLS cannot be decrypted: wslens was built without the feature `tls`");
}

#[cfg(feature = "tls")]
mod with_tls {
    use std::fs::{File, Metadata};
    use std::io::ErrorKind;
    use std::path::{Path, PathBuf};
    #[cfg(feature = "live")]
    use std::sync::{Arc, Mutex, PoisonError};

    use std::time::Duration;

    use super::{InputArgs, Problem, Rule, Secrets};
    #[cfg(feature = "live")]
    use crate::capture::live::Live;
    use crate::capture::waiting;
    use crate::cli::{counted, report_waiting};
    use crate::model::safe_str;
    #[cfg(feature = "live")]
    use crate::output::open_key_log;
    #[cfg(feature = "live")]
    use crate::store::{KeyLogFollower, KeyLogs};
    use crate::tls::{KeyLogCounts, KeyLogFile, KeyStore, rules};

    /// Maximum size of a key log, in bytes.
    const MAX_LEN: u64 = 1 << 30;
    /// Maximum number of bytes to read from a device, which may be endless.
    const MAX_OF_DEVICE: u64 = 1 << 20;
    /// How long a pipe is waited for: whoever writes to it may have to ask for a password first.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// How a key log was found.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum NamedBy {
        /// `--keylog`.
        Option,
        /// `$SSLKEYLOGFILE`.
        Environment,
        /// Next to a capture.
        NextToCapture,
    }

    /// Returns the key logs given with `--keylog`, then that of `$SSLKEYLOGFILE`.
    pub fn named(input: &InputArgs) -> Vec<PathBuf> {
        let environment = std::env::var_os("SSLKEYLOGFILE").filter(|name| !name.is_empty());
        input.keylog.iter().cloned().chain(environment.map(PathBuf::from)).collect()
    }

    /// Reads the key logs given with `--keylog`, that of `$SSLKEYLOGFILE`, and those next to the captures.
    ///
    /// # Errors
    /// If a key log given with `--keylog` cannot be read.
    pub fn load(input: &InputArgs, quiet: bool) -> Result<Secrets, Problem> {
        let mut keys = KeyStore::default();
        for path in &input.keylog {
            read(&mut keys, path, NamedBy::Option, quiet).map_err(|error| {
                Problem::new(3, format!("cannot read the key log '{}': {error}", path.display()))
            })?;
        }
        let environment =
            std::env::var_os("SSLKEYLOGFILE").filter(|name| !name.is_empty()).map(PathBuf::from);
        let captures = input.all().filter(|path| path.as_os_str() != "-");
        let beside = captures.map(|path| super::super::outputs::with_keys(path));
        let environment = environment.map(|path| (path, NamedBy::Environment));
        for (path, named) in environment.into_iter().chain(beside.map(|path| (path, NamedBy::NextToCapture)))
        {
            let before = keys.counts().secret_lines;
            let name = safe_str(&path.display().to_string()).into_owned();
            match read(&mut keys, &path, named, quiet) {
                Ok(()) if quiet => {}
                Ok(()) => {
                    let of_environment = named == NamedBy::Environment;
                    let why = if of_environment { " (from SSLKEYLOGFILE)" } else { "" };
                    let secrets = counted(keys.counts().secret_lines - before, "secret");
                    errln!("note: {secrets} from {name}{why}");
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => errln!("warning: cannot read the key log {name}: {error}"),
            }
        }
        if let dropped @ 1.. = keys.counts().dropped
            && !quiet
        {
            let kept = keys.counts().secrets;
            errln!(
                "warning: the key logs contain too many secrets; wslens uses the newest {kept} and ignores the oldest {dropped}"
            );
        }
        Ok(Secrets::new(keys))
    }

    /// Opens all that needs rights: the key logs that were named, the one that `$SSLKEYLOGFILE` names, and what reports
    /// that they grow. Starts no thread and reads nothing: [`follow`] does, once the rights are given up. A file may be
    /// created later.
    ///
    /// # Errors
    /// Where one that was named is there, and cannot be read.
    #[cfg(feature = "live")]
    pub fn open(input: &InputArgs, quiet: bool) -> Result<(Secrets, KeyLogs), Problem> {
        let secrets = Secrets::default();
        let mut logs = KeyLogs::new(secrets.clone()).otherwise(open_key_log);
        for (number, path) in named(input).into_iter().enumerate() {
            let named = number < input.keylog.len();
            let name = safe_str(&path.display().to_string()).into_owned();
            let opened = logs.open(path);
            if opened.is_ok() {
                let file =
                    KeyLogFile { name: name.clone(), secret_lines: 0, problem: None, of_environment: !named };
                secrets.add_file(file);
            }
            match opened {
                Ok(Some(about)) if !quiet => warn_if_readable(&about, &name),
                Ok(None) if named && !quiet => {
                    errln!("note: the key log {name} does not exist yet; wslens reads it once it is created");
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::IsADirectory => {
                    return Err(Problem::new(3, format!("the key log '{name}' is a directory")));
                }
                Err(error) if named => {
                    return Err(Problem::new(3, format!("cannot read the key log '{name}': {error}")));
                }
                Err(error) => errln!("warning: cannot read the key log {name}: {error}"),
            }
        }
        Ok((secrets, logs))
    }

    /// Key logs that are followed until this is dropped.
    #[cfg(feature = "live")]
    #[derive(Debug)]
    pub struct Following {
        _follower: KeyLogFollower,
        /// What could not be printed while the terminal UI had the screen.
        warnings: Arc<Mutex<Vec<String>>>,
    }

    /// Follows key logs from here on, with the rights that are left. New secrets wake whoever waits for packets of `live`.
    /// `screen`: the terminal UI has the screen, so that warnings are printed at the end.
    #[cfg(feature = "live")]
    pub fn follow(logs: KeyLogs, live: &Live, screen: bool) -> Following {
        let warnings = Arc::<Mutex<Vec<String>>>::default();
        let later = Arc::clone(&warnings);
        let report = move |path: &Path, error: &std::io::Error| {
            let name = safe_str(&path.display().to_string()).into_owned();
            let user = rustix::process::geteuid().as_raw();
            let warning = format!(
                "warning: cannot open the key log {name}: {error}; wslens now runs as user {user}: let that user read the \
                 file and its directory, create the file before you start wslens, or choose another user with --user"
            );
            if screen {
                later.lock().unwrap_or_else(PoisonError::into_inner).push(warning);
            } else {
                errln!("{warning}");
            }
        };
        Following { _follower: logs.follow(live, report), warnings }
    }

    #[cfg(feature = "live")]
    impl Drop for Following {
        fn drop(&mut self) {
            for warning in self.warnings.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                errln!("{warning}");
            }
        }
    }

    /// Warns of a key log that others can read, or write.
    fn warn_if_readable(data: &Metadata, name: &str) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if data.is_file() && data.permissions().mode() & 0o022 != 0 {
                errln!(
                    "warning: other users can write to {name} and so prevent decryption. Revoke the permission: chmod go-w"
                );
            }
            if data.is_file() && data.permissions().mode() & 0o044 != 0 {
                errln!(
                    "warning: other users can read {name} ({}); {}",
                    rules::KEYLOG_READABLE.code,
                    rules::KEYLOG_READABLE.remedy.en
                );
            }
        }
    }

    /// Opens a key log, and says how much of it is to be read. What nobody named and is no regular file may come from whoever
    /// made the capture: a pipe that nobody writes to, or a device without an end.
    fn open_file(path: &Path, named: NamedBy) -> std::io::Result<(File, Metadata, u64)> {
        let mut options = File::options();
        options.read(true);
        #[cfg(unix)]
        if named == NamedBy::NextToCapture {
            use std::os::unix::fs::OpenOptionsExt as _;
            // A pipe without a writer is not waited for.
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        }
        let file = if named == NamedBy::NextToCapture {
            options.open(path)?
        } else {
            waiting::open(path, Some(PATIENCE), &mut || report_waiting(&path.display().to_string()))?
        };
        let data = file.metadata()?;
        if data.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if named == NamedBy::NextToCapture && !data.is_file() {
            return Err(std::io::Error::other(
                "it is a pipe or a device, and is read only if --keylog names it",
            ));
        }
        #[cfg(unix)]
        let is_device = {
            use std::os::unix::fs::FileTypeExt as _;
            data.file_type().is_char_device() || data.file_type().is_block_device()
        };
        #[cfg(not(unix))]
        let is_device = false;
        Ok((file, data, if is_device { MAX_OF_DEVICE } else { MAX_LEN }))
    }

    fn read(keys: &mut KeyStore, path: &Path, named: NamedBy, quiet: bool) -> std::io::Result<()> {
        let (mut file, data, most) = open_file(path, named)?;
        let of_environment = named == NamedBy::Environment;
        let name = safe_str(&path.display().to_string()).into_owned();
        if !quiet {
            warn_if_readable(&data, &name);
        }
        let before = keys.counts();
        let mut piece = zeroize::Zeroizing::new(vec![0; 64 << 10]);
        let mut start = zeroize::Zeroizing::new([0; 16]);
        let mut len = 0u64;
        while len < most {
            let read = match waiting::read(&mut file, &mut piece, PATIENCE) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::TimedOut && len > 0 => {
                    errln!("warning: the key log {name} was read up to here: {error}");
                    break;
                }
                Err(error) => return Err(error),
            };
            let piece = piece.get(..read).unwrap_or_default();
            let unset = start.iter_mut().skip(usize::try_from(len).unwrap_or(usize::MAX));
            unset.zip(piece).for_each(|(to, from)| *to = *from);
            len += read as u64;
            keys.feed(piece);
        }
        keys.end();
        let secret_lines = keys.counts().secret_lines - before.secret_lines;
        // A program that was just started has written nothing to the file of the environment.
        let is_new = of_environment && len == 0;
        let problem = (secret_lines == 0 && !is_new).then(|| problem(&*start, len, before, keys.counts()));
        if let Some(problem) = &problem
            && !quiet
        {
            errln!("warning: no secret in {name}: {problem} ({})", rules::KEYLOG_UNUSABLE.code);
        }
        keys.add_file(KeyLogFile { name, secret_lines, problem, of_environment }, before);
        Ok(())
    }

    /// Why a key log contains no secret, and what to do. `start`: its first bytes, filled with zeros.
    fn problem(start: &[u8], len: u64, before: KeyLogCounts, after: KeyLogCounts) -> String {
        // Not the file's name: that could be a command of its own in a shell, or the file to write to.
        let packed = |with: &str, program: &str| {
            format!("it is compressed with {with} (try: {program} -dc FILE > plain.log)")
        };
        match start {
            _ if len == 0 => "it is empty; the program writes to it once SSLKEYLOGFILE names it".to_owned(),
            [0x1f, 0x8b, ..] => packed("gzip", "gzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => packed("Zstandard", "zstd"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => packed("xz", "xz"),
            [b'B', b'Z', b'h', ..] => packed("bzip2", "bzip2"),
            [b'P', b'K', 3, 4, ..] => "it is a zip archive; unpack it first".to_owned(),
            [0x0a, 0x0d, 0x0d, 0x0a, ..]
            | [0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1, ..]
            | [0xa1, 0xb2, 0xc3 | 0x3c, 0xd4 | 0x4d, ..] => "it is a packet capture".to_owned(),
            _ if start.starts_with(b"-----BEGIN ") => {
                "it is a private key or a certificate; wslens needs the secrets that a program logs (how: wslens explain \
                 keylog)"
                    .to_owned()
            }
            _ => {
                let lines = counted(after.lines - before.lines, "line");
                match after.other - before.other {
                    0 => format!(
                        "{lines}, none with a label, a client random and a secret (to create a key log, see: wslens explain keylog)"
                    ),
                    other => format!("{lines}, {other} with a label that does not decrypt application data"),
                }
            }
        }
    }

    /// The findings about the key logs that are known before the capture is read.
    pub fn findings(secrets: &Secrets) -> Vec<(&'static Rule, String)> {
        secrets.with(|keys| {
            let unusable = keys.files().iter().filter_map(|file| {
                let problem = file.problem.as_ref()?;
                Some((&rules::KEYLOG_UNUSABLE, format!("no secret in {}: {problem}", file.name)))
            });
            let counts = keys.counts();
            let broken = (counts.broken > 0).then(|| {
                let text = format!(
                    "{} lines of the key logs cannot be read; the first is line {}",
                    counts.broken, counts.first_broken
                );
                (&rules::KEYLOG_BROKEN_LINE, text)
            });
            unusable.chain(broken).collect()
        })
    }

    /// The finding about key logs none of whose secrets decrypts a connection, although there are `tls` TLS connections.
    pub fn unused(secrets: &Secrets, tls: u64) -> Option<(&'static Rule, String)> {
        let (text, of_environment) = no_match(secrets, tls)?;
        (!of_environment).then_some((&rules::KEYLOG_UNUSABLE, text))
    }

    /// Warns that the secrets of the key logs decrypt nothing here. True where a key log is known to be of no use.
    pub fn tell_unused(secrets: &Secrets, tls: u64) -> bool {
        let text = no_match(secrets, tls);
        if let Some((text, _)) = &text {
            errln!(
                "warning: {text}; they belong to another session or another program ({})",
                rules::KEYLOG_UNUSABLE.code
            );
        }
        text.is_some() || secrets.with(|keys| keys.files().iter().any(|file| file.problem.is_some()))
    }

    /// Which key logs decrypt nothing, and whether only the environment names them.
    fn no_match(secrets: &Secrets, tls: u64) -> Option<(String, bool)> {
        secrets.with(|keys| {
            let usable: Vec<&KeyLogFile> =
                keys.files().iter().filter(|file| file.problem.is_none()).collect();
            if usable.is_empty() || tls == 0 || !keys.decrypted().is_empty() {
                return None;
            }
            let names = usable.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
            let lines = match usable.iter().map(|file| file.secret_lines).sum() {
                // A file that grows is counted with all others.
                0 => keys.counts().secret_lines,
                lines => lines,
            };
            let connections = counted(tls, "TLS connection");
            let text = match lines {
                0 => format!("{names} contains no secret for the {connections}"),
                lines => {
                    format!(
                        "{} from {names}, none for the {connections} in this capture",
                        counted(lines, "secret")
                    )
                }
            };
            Some((text, usable.iter().all(|file| file.of_environment)))
        })
    }

    /// What was decrypted, where no WebSocket was found in it: how many connections, and their protocol.
    pub fn decrypted(secrets: &Secrets) -> Vec<String> {
        let mut kinds = [("HTTP/1.1, no upgrade", 0), ("HTTP/2, no WebSocket", 0), ("not HTTP", 0)];
        for first in secrets.with(KeyStore::decrypted) {
            let method = first.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
            let kind = match first.get(method) {
                _ if first.starts_with(b"PRI * HTTP/2") => 1,
                Some(b' ') if method > 0 => 0,
                _ => 2,
            };
            if let Some((_, count)) = kinds.get_mut(kind) {
                *count += 1;
            }
        }
        let kinds = kinds.iter().filter(|(_, count)| *count > 0);
        kinds
            .map(|(kind, count)| format!("{} decrypted: {kind}", counted(*count, "TLS connection")))
            .collect()
    }

    /// Says how to get secrets.
    pub fn tell_how() {
        errln!(
            "  to decrypt wss: start the browser, curl, Node (--tls-keylog), Python, Go, Java (an agent) or rustls program \
             with SSLKEYLOGFILE=keys.log, capture, then add --keylog keys.log (see: wslens explain keylog)"
        );
    }
}
