//! The file with the progress in lessons.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::learn::progress::LessonProgress;
use crate::model::Lang;

/// Maximum size of the file, in bytes.
const PROGRESS: u64 = 1 << 20;

/// Returns the progress in a file; none if the file cannot be read.
pub(super) fn kept(path: &Path) -> LessonProgress {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PROGRESS).read_to_end(&mut text));
    if read.is_err() {
        return LessonProgress::default();
    }
    LessonProgress::parse(&String::from_utf8_lossy(&text))
}

/// Adds progress to a file, to which another window may have written. The old file is replaced once the new one is
/// complete.
pub(super) fn keep(path: &Path, progress: &LessonProgress, lang: Lang) -> Result<(), String> {
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
        lang.pick(
            format!("progress is not saved: {name}: {error}"),
            format!("未保存学习进度：{name}：{error}"),
        )
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
        keep(&path, &one, Lang::En).unwrap();
        keep(&path, &two, Lang::En).unwrap();
        let all = kept(&path);
        assert!(all.has("masking", "key") && all.has("frame", "fin"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let error =
            keep(&folder.path().join("file/learned"), &LessonProgress::default(), Lang::En).unwrap_err();
        assert!(error.starts_with("progress is not saved:"), "{error}");
        std::fs::write(folder.path().join("damaged"), b"\xff\xfe\0 masking key\nmasking key\n").unwrap();
        assert!(kept(&folder.path().join("damaged")).has("masking", "key"));
    }
}
