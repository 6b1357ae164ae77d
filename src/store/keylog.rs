//! Key logs that grow while a capture runs: what is appended goes to the secrets as whole lines.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::pipeline::Secrets;

/// How often it is looked whether there is more.
const PAUSE: Duration = Duration::from_millis(100);
/// What is read at a time.
const PIECE: usize = 64 << 10;
/// A line that is longer is no line of a key log.
const LINE: usize = 4096;

/// A key log that is followed. The file may come later, and may begin anew.
#[derive(Debug)]
pub struct KeyLog {
    path: PathBuf,
    file: Option<File>,
    at: u64,
    /// A line of which the end has not come. Never moved while there is something in it.
    partial: Zeroizing<Vec<u8>>,
    overlong: bool,
}

impl KeyLog {
    /// A key log, with the file where it is there already.
    #[must_use]
    pub fn new(path: PathBuf, file: Option<File>) -> Self {
        Self { path, file, at: 0, partial: Zeroizing::new(Vec::with_capacity(LINE)), overlong: false }
    }

    /// Takes what was appended since.
    fn look(&mut self, piece: &mut [u8], secrets: &Secrets) {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return };
        let Ok(data) = file.metadata() else { return };
        if data.is_file() && data.len() < self.at {
            self.at = 0;
            self.partial.clear();
        }
        if data.is_file() && (data.len() == self.at || file.seek(SeekFrom::Start(self.at)).is_err()) {
            return;
        }
        while let Ok(len @ 1..) = file.read(piece) {
            self.at += len as u64;
            let new = piece.get(..len).unwrap_or_default();
            for part in new.split_inclusive(|&byte| byte == b'\n') {
                let room = LINE.saturating_sub(self.partial.len());
                self.overlong |= part.len() > room;
                self.partial.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
                if part.ends_with(b"\n") {
                    if !std::mem::take(&mut self.overlong) {
                        secrets.add(&self.partial);
                    }
                    self.partial.clear();
                }
            }
        }
    }
}

/// Follows key logs until it is dropped.
#[derive(Debug)]
pub struct KeyLogs {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl KeyLogs {
    /// Reads what is there, and then follows.
    #[must_use]
    pub fn follow(mut logs: Vec<KeyLog>, secrets: &Secrets) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        if logs.is_empty() {
            return Self { ends, thread: None };
        }
        secrets.set_growing();
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        logs.iter_mut().for_each(|log| log.look(&mut piece, secrets));
        let (secrets, asked) = (secrets.clone(), Arc::clone(&ends));
        let follow = move || {
            while !asked.load(Ordering::Acquire) {
                logs.iter_mut().for_each(|log| log.look(&mut piece, &secrets));
                std::thread::park_timeout(PAUSE);
            }
        };
        let thread = std::thread::Builder::new().name("key logs".to_owned()).spawn(follow).ok();
        Self { ends, thread }
    }
}

impl Drop for KeyLogs {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_key_log_that_grows_or_comes_late_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.log");
        let secrets = Secrets::default();
        let mut log = KeyLog::new(path.clone(), None);
        let mut piece = vec![0; PIECE];
        log.look(&mut piece, &secrets);
        let line = |n: u8| format!("CLIENT_RANDOM {} {}\n", hex::encode([n; 32]), hex::encode([n; 48]));
        let mut file = File::create(&path).unwrap();
        let known = |n: u8| secrets.with(|keys| keys.knows(&[n; 32]));
        file.write_all(&line(1).as_bytes()[..100]).unwrap();
        log.look(&mut piece, &secrets);
        assert!(!known(1));
        file.write_all(&line(1).as_bytes()[100..]).unwrap();
        file.write_all(&[b'x'; 3 * LINE]).unwrap();
        log.look(&mut piece, &secrets);
        assert!(known(1) && !known(2));
        file.write_all(b"\n").unwrap();
        file.write_all(line(2).as_bytes()).unwrap();
        log.look(&mut piece, &secrets);
        assert!(known(2));
        // It begins anew.
        std::fs::write(&path, line(3)).unwrap();
        log.look(&mut piece, &secrets);
        assert!(known(3));
    }
}
