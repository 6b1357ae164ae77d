//! Names of the files of a ring: `chat_00001_20261130094400.pcapng`, as dumpcap names its file sets.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::place::directory;

/// A file of a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingFile {
    /// Its number: files are numbered on from run to run.
    pub number: u64,
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub len: u64,
}

/// The name of a ring's file. `base`: the ring's name, such as `chat.pcapng`; `time`: 14 digits, year to second.
#[must_use]
pub fn name(base: &Path, number: u64, time: &str) -> PathBuf {
    let mut name = base.file_stem().unwrap_or_default().to_owned();
    name.push(format!("_{number:05}_{time}"));
    if let Some(extension) = base.extension() {
        name.push(".");
        name.push(extension);
    }
    base.with_file_name(name)
}

/// The number of a ring's file; `None` where the name is not that of one.
#[must_use]
pub fn number(base: &Path, file_name: &str) -> Option<u64> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rest = file_name.strip_prefix(base.file_stem()?.to_str()?)?.strip_prefix('_')?;
    let rest = match base.extension() {
        Some(extension) => rest.strip_suffix(extension.to_str()?)?.strip_suffix('.')?,
        None => rest,
    };
    let (number, time) = rest.split_once('_')?;
    (number.len() >= 5 && digits(number) && time.len() == 14 && digits(time)).then(|| number.parse().ok())?
}

/// The files of a ring that are there, the oldest first. Links and directories are none of them.
///
/// # Errors
/// Where the directory cannot be listed.
pub fn files(base: &Path) -> io::Result<Vec<RingFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory(base))? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|name| number(base, name));
        // That of the link itself, where it is one.
        if let (Some(number), Ok(about)) = (number, entry.metadata())
            && about.is_file()
        {
            let path = base.with_file_name(entry.file_name());
            files.push(RingFile { number, path, len: about.len() });
        }
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}
