//! Which file a path names, apart from its name.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The regular files that a command reads: no output may be one of them.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    files: Vec<(PathBuf, Metadata)>,
}

impl Inputs {
    /// Adds an input. One that does not exist, or is no regular file, is left out.
    pub fn add(&mut self, path: &Path) {
        if let Ok(about) = path.metadata()
            && about.is_file()
        {
            self.files.push((path.to_owned(), about));
        }
    }

    /// Whether a path names one of the inputs, and that has bytes.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        path.metadata().is_ok_and(|about| about.len() > 0 && about.is_file() && self.contains(path, &about))
    }

    /// Whether a file is one of the inputs.
    pub(super) fn contains(&self, path: &Path, about: &Metadata) -> bool {
        self.files.iter().any(|(input, known)| is_same_file(input, known, path, about))
    }
}

/// Whether two names are names of one file.
#[cfg(unix)]
pub(super) fn is_same_file(_: &Path, a: &Metadata, _: &Path, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Whether two names are names of one file; hard links are not recognized here.
#[cfg(not(unix))]
pub(super) fn is_same_file(one: &Path, _: &Metadata, other: &Path, _: &Metadata) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
