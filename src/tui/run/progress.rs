//! The file that keeps progress in lessons.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::learn::progress::LessonProgress;

/// Longest file of progress that is read.
const PROGRESS: u64 = 1 << 20;

/// The progress that is kept in a file; none where it cannot be read.
pub(super) fn kept(path: &Path) -> LessonProgress {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PROGRESS).read_to_end(&mut text));
    if read.is_err() {
        return LessonProgress::default();
    }
    LessonProgress::parse(&String::from_utf8_lossy(&text))
}

/// Adds progress to what a file has: another window may have written to it. The old file stays until the new one is
/// whole.
pub(super) fn keep(path: &Path, progress: &LessonProgress) -> Result<(), String> {
    let mut all = kept(path);
    all.merge(progress);
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(all.text().as_bytes())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| {
        let name = crate::model::safe_str(&path.display().to_string()).into_owned();
        format!("progress is not kept: {name}: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_windows_keep_what_both_did() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/learned");
        let (mut one, mut two) = (LessonProgress::default(), LessonProgress::default());
        one.add("masking", "key");
        two.add("frame", "fin");
        keep(&path, &one).unwrap();
        keep(&path, &two).unwrap();
        let all = kept(&path);
        assert!(all.has("masking", "key") && all.has("frame", "fin"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let error = keep(&folder.path().join("file/learned"), &LessonProgress::default()).unwrap_err();
        assert!(error.starts_with("progress is not kept:"), "{error}");
        std::fs::write(folder.path().join("damaged"), b"\xff\xfe\0 masking key\nmasking key\n").unwrap();
        assert!(kept(&folder.path().join("damaged")).has("masking", "key"));
    }
}
