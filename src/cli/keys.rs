//! Key logs: which ones are used, and what is said about them.

use super::args::InputArgs;
use super::problem::Problem;
use crate::model::Rule;
use crate::pipeline::Secrets;

#[cfg(feature = "tls")]
pub use with_tls::{broken, load, tell_how};
#[cfg(all(feature = "live", feature = "tls"))]
pub use with_tls::{follow, open};

/// No secrets: TLS is not built in.
#[cfg(all(feature = "live", not(feature = "tls")))]
pub fn open(_: &InputArgs, _: bool) -> Result<(Secrets, ()), Problem> {
    Ok((Secrets::default(), ()))
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
pub fn broken(_: &Secrets) -> Option<(&'static Rule, String)> {
    None
}

/// Says that TLS is not built in.
#[cfg(not(feature = "tls"))]
pub fn tell_how() {
    eprintln!("  TLS is not read: this program was built without it");
}

#[cfg(feature = "tls")]
mod with_tls {
    use std::fs::{File, Metadata};
    use std::io::{ErrorKind, Read as _};
    use std::path::{Path, PathBuf};
    #[cfg(feature = "live")]
    use std::sync::{Arc, Mutex, PoisonError};

    use super::{InputArgs, Problem, Rule, Secrets};
    #[cfg(feature = "live")]
    use crate::capture::live::Live;
    use crate::model::safe_str;
    #[cfg(feature = "live")]
    use crate::store::{KeyLogFollower, KeyLogs};
    use crate::tls::{KeyStore, rules};

    /// What is read of one key log. More is no key log.
    const MAX_LEN: u64 = 1 << 30;

    /// Reads the key logs that were named, `$SSLKEYLOGFILE`, and those beside the captures.
    ///
    /// # Errors
    /// Where one that was named cannot be read.
    pub fn load(input: &InputArgs, quiet: bool) -> Result<Secrets, Problem> {
        let mut keys = KeyStore::default();
        for path in &input.keylog {
            read(&mut keys, path, quiet).map_err(|error| {
                Problem::new(3, format!("cannot read the key log '{}': {error}", path.display()))
            })?;
        }
        let environment =
            std::env::var_os("SSLKEYLOGFILE").filter(|name| !name.is_empty()).map(PathBuf::from);
        let captures = input.all().filter(|path| path.as_os_str() != "-");
        let beside = captures.map(|path| super::super::outputs::with_keys(path));
        for (path, named) in
            environment.map(|path| (path, true)).into_iter().chain(beside.map(|path| (path, false)))
        {
            let before = keys.counts().secrets;
            let name = safe_str(&path.display().to_string()).into_owned();
            match read(&mut keys, &path, quiet) {
                Ok(()) if quiet => {}
                Ok(()) => {
                    let why = if named { ", which SSLKEYLOGFILE names" } else { "" };
                    eprintln!("note: {} secrets from {name}{why}", keys.counts().secrets - before);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => eprintln!("warning: cannot read the key log {name}: {error}"),
            }
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
        let environment = std::env::var_os("SSLKEYLOGFILE").filter(|name| !name.is_empty());
        let named = input.keylog.iter().cloned().map(|path| (path, true));
        let all = named.chain(environment.map(|path| (PathBuf::from(path), false)));
        let secrets = Secrets::default();
        let mut logs = KeyLogs::new(secrets.clone());
        for (path, named) in all {
            let name = safe_str(&path.display().to_string()).into_owned();
            match logs.open(path) {
                Ok(Some(about)) if !quiet => warn_if_readable(&about, &name),
                Ok(None) if named && !quiet => {
                    eprintln!("note: there is no key log {name} yet; wslens reads it once it is created");
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::IsADirectory => {
                    return Err(Problem::new(3, format!("the key log '{name}' is a directory")));
                }
                Err(error) if named => {
                    return Err(Problem::new(3, format!("cannot read the key log '{name}': {error}")));
                }
                Err(error) => eprintln!("warning: cannot read the key log {name}: {error}"),
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
                eprintln!("{warning}");
            }
        };
        Following { _follower: logs.follow(live, report), warnings }
    }

    #[cfg(feature = "live")]
    impl Drop for Following {
        fn drop(&mut self) {
            for warning in self.warnings.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                eprintln!("{warning}");
            }
        }
    }

    /// Warns of a key log that others can read.
    fn warn_if_readable(data: &Metadata, name: &str) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if data.is_file() && data.permissions().mode() & 0o044 != 0 {
                eprintln!(
                    "warning: {name} can be read by others ({}); {}",
                    rules::KEYLOG_READABLE.code,
                    rules::KEYLOG_READABLE.advice
                );
            }
        }
    }

    fn read(keys: &mut KeyStore, path: &Path, quiet: bool) -> std::io::Result<()> {
        let mut file = File::open(path)?;
        let data = file.metadata()?;
        if data.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if !quiet {
            warn_if_readable(&data, &safe_str(&path.display().to_string()));
        }
        let mut piece = zeroize::Zeroizing::new(vec![0; 64 << 10]);
        let mut len = 0u64;
        while len < MAX_LEN {
            let read = file.read(&mut piece)?;
            if read == 0 {
                break;
            }
            len += read as u64;
            keys.feed(piece.get(..read).unwrap_or_default());
        }
        keys.end();
        Ok(())
    }

    /// The finding about lines of key logs that cannot be read.
    pub fn broken(secrets: &Secrets) -> Option<(&'static Rule, String)> {
        let counts = secrets.with(KeyStore::counts);
        (counts.broken > 0).then(|| {
            let text = format!(
                "{} lines of the key logs cannot be read; the first is line {}",
                counts.broken, counts.first_broken
            );
            (&rules::KEYLOG_BROKEN_LINE, text)
        })
    }

    /// Says how to get secrets.
    pub fn tell_how() {
        eprintln!(
            "  to read wss: start the browser, curl, Node (--tls-keylog), Python, Go, Java (an agent) or rustls program \
             with SSLKEYLOGFILE=keys.log, capture, then add --keylog keys.log (how: wslens explain keylog)"
        );
    }
}
