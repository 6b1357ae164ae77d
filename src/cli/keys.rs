//! Key logs: which ones are used, and what is said about them.

use super::args::InputArgs;
use super::problem::Problem;
use crate::model::Rule;
use crate::pipeline::Secrets;

#[cfg(all(feature = "live", feature = "tls"))]
pub use with_tls::follow;
#[cfg(feature = "tls")]
pub use with_tls::{broken, load, tell_how};

/// No secrets: TLS is not built in.
#[cfg(all(feature = "live", not(feature = "tls")))]
pub fn follow(_: &InputArgs, _: bool) -> Result<(Secrets, ()), Problem> {
    Ok((Secrets::default(), ()))
}

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
    use std::fs::File;
    use std::io::{ErrorKind, Read as _};
    use std::path::{Path, PathBuf};

    use super::{InputArgs, Problem, Rule, Secrets};
    use crate::model::safe_str;
    #[cfg(feature = "live")]
    use crate::store::{KeyLog, KeyLogs};
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

    /// Reads the key logs that were named and `$SSLKEYLOGFILE`, and follows them as they grow, for as long as what is
    /// given lives. A file may come later.
    ///
    /// # Errors
    /// Where one that was named cannot be read, though it is there.
    #[cfg(feature = "live")]
    pub fn follow(input: &InputArgs, quiet: bool) -> Result<(Secrets, KeyLogs), Problem> {
        let environment = std::env::var_os("SSLKEYLOGFILE").filter(|name| !name.is_empty());
        let named = input.keylog.iter().cloned().map(|path| (path, true));
        let all = named.chain(environment.map(|path| (PathBuf::from(path), false)));
        let mut logs = Vec::new();
        for (path, named) in all {
            let name = safe_str(&path.display().to_string()).into_owned();
            match File::open(&path) {
                Ok(file) => {
                    let data = file.metadata();
                    if data.is_ok_and(|data| data.is_dir()) {
                        return Err(Problem::new(3, format!("the key log '{name}' is a directory")));
                    }
                    if !quiet {
                        warn_if_readable(&file, &name);
                    }
                    logs.push(KeyLog::new(path, Some(file)));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if named && !quiet {
                        eprintln!("note: there is no key log {name} yet; it is waited for");
                    }
                    logs.push(KeyLog::new(path, None));
                }
                Err(error) if named => {
                    return Err(Problem::new(3, format!("cannot read the key log '{name}': {error}")));
                }
                Err(error) => eprintln!("warning: cannot read the key log {name}: {error}"),
            }
        }
        let secrets = Secrets::default();
        let follower = KeyLogs::follow(logs, &secrets);
        Ok((secrets, follower))
    }

    /// Warns of a key log that others can read.
    fn warn_if_readable(file: &File, name: &str) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let Ok(data) = file.metadata() else { return };
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
            warn_if_readable(&file, &safe_str(&path.display().to_string()));
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
