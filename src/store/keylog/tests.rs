use super::*;
use std::io::Write as _;
use std::time::Instant;

fn line(n: u8) -> String {
    format!("CLIENT_RANDOM {} {}\n", hex::encode([n; 32]), hex::encode([n; 48]))
}

/// A key log that is followed, and what was reported of it.
struct Followed {
    folder: tempfile::TempDir,
    secrets: Secrets,
    follower: KeyLogFollower,
    reports: Arc<Mutex<Vec<String>>>,
}

impl Followed {
    fn path(&self) -> PathBuf {
        self.folder.path().join("keys.log")
    }

    /// Follows `keys.log`, which has these bytes, or is not there yet.
    fn new(bytes: Option<&str>) -> Self {
        Self::at(bytes, "keys.log")
    }

    fn at(bytes: Option<&str>, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        if let Some(bytes) = bytes {
            std::fs::write(&path, bytes).unwrap();
        }
        let secrets = Secrets::default();
        let mut logs = KeyLogs::new(secrets.clone());
        assert_eq!(logs.open(path).unwrap().is_some(), bytes.is_some());
        assert!(!secrets.is_growing() && secrets.is_empty(), "nothing is read before rights are given up");
        let reports = Arc::<Mutex<Vec<String>>>::default();
        let into = Arc::clone(&reports);
        let report = move |path: &Path, error: &io::Error| {
            into.lock().unwrap().push(format!("{}: {error}", path.file_name().unwrap().display()));
        };
        let follower = logs.follow(&Live::default(), report);
        assert!(secrets.is_growing());
        Self { folder, secrets, follower, reports }
    }

    /// The same without its thread: it is read only when somebody asks for it.
    fn without_thread(bytes: Option<&str>) -> Self {
        let mut this = Self::new(bytes);
        let reader = this.follower.reader.as_ref().unwrap();
        reader.ends.store(true, Ordering::Release);
        reader.watch.wake();
        this.follower.thread.take().unwrap().join().unwrap();
        this
    }

    /// What the analysis asks for before it calls a connection unreadable.
    fn look(&self) {
        self.follower.reader.as_ref().unwrap().look(false);
    }

    fn knows(&self, n: u8) -> bool {
        self.secrets.with(|keys| keys.knows(&[n; 32]))
    }

    fn expect(&self, n: u8) {
        let start = Instant::now();
        while !self.knows(n) {
            assert!(start.elapsed() < Duration::from_secs(60), "secret {n} is never read");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn append(&self, text: &str) {
        let mut file = File::options().append(true).create(true).open(self.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

#[test]
fn a_key_log_that_grows_is_read_line_by_line() {
    let log = Followed::without_thread(Some(&line(1)));
    assert!(log.knows(1));
    let (first, rest) = (&line(2)[..100], &line(2)[100..]);
    log.append(first);
    log.look();
    assert!(!log.knows(2));
    log.append(rest);
    log.append(&"x".repeat(3 * tail::LINE));
    log.look();
    assert!(log.knows(2));
    log.append("\n");
    log.append(&line(3));
    log.look();
    assert!(log.knows(3));
    // A long line does not spoil the next one.
    assert_eq!(log.secrets.with(|keys| keys.counts().broken), 0);
}

#[test]
fn a_growing_key_log_in_utf_16_or_with_cr_line_ends_is_read() {
    let log = Followed::without_thread(Some(&line(1).replace('\n', "\r")));
    log.append(&line(2).replace('\n', "\r\n"));
    log.append("\u{feff}");
    let wide: Vec<u8> = line(3).replace('\n', "\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut file = File::options().append(true).open(log.path()).unwrap();
    for piece in wide.chunks(7) {
        file.write_all(piece).unwrap();
        log.look();
    }
    assert!((1..=3).all(|n| log.knows(n)));
    assert_eq!(log.secrets.with(|keys| (keys.counts().lines, keys.counts().broken)), (3, 0));
}

#[test]
fn the_thread_reads_what_is_appended_and_a_file_that_is_created_late() {
    let log = Followed::new(None);
    log.append(&line(1));
    log.expect(1);
    log.append(&line(2)[..50]);
    log.append(&line(2)[50..]);
    log.expect(2);
    assert!(log.reports.lock().unwrap().is_empty());
}

#[test]
fn a_directory_that_is_created_late_is_found() {
    let log = Followed::at(None, "later/keys.log");
    let directory = log.folder.path().join("later");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("keys.log"), line(1)).unwrap();
    log.expect(1);
    std::fs::write(directory.join("new.log"), line(2)).unwrap();
    std::fs::rename(directory.join("new.log"), directory.join("keys.log")).unwrap();
    log.expect(2);
}

#[test]
fn after_a_renaming_the_old_file_is_read_to_its_end_and_the_new_one_from_its_start() {
    let log = Followed::without_thread(Some(&line(1)));
    let mut old = File::options().append(true).open(log.path()).unwrap();
    std::fs::rename(log.path(), log.folder.path().join("keys.log.1")).unwrap();
    // The writer has the old file still, and no new one is there.
    old.write_all(line(2).as_bytes()).unwrap();
    log.look();
    assert!(log.knows(2));
    log.append(&line(3));
    old.write_all(line(4).as_bytes()).unwrap();
    log.look();
    assert!(log.knows(3) && log.knows(4));
    // A whole row of renamed files: the last ones are read on.
    for n in 5..15 {
        std::fs::rename(log.path(), log.folder.path().join(format!("keys.log.{n}"))).unwrap();
        log.append(&line(n));
        log.look();
        assert!(log.knows(n), "{n}");
    }
    old.write_all(line(20).as_bytes()).unwrap();
    let mut last = File::options().append(true).open(log.folder.path().join("keys.log.14")).unwrap();
    last.write_all(line(21).as_bytes()).unwrap();
    log.look();
    assert!(!log.knows(20) && log.knows(21), "as many files are open as may be");
}

#[test]
fn a_truncated_file_is_read_again_whatever_its_length_is_by_then() {
    let log = Followed::without_thread(Some(&(line(1) + &line(2))));
    let rewrite = |text: String, secret: u8| {
        // As `copytruncate` does it: the file stays the same.
        std::fs::write(log.path(), text).unwrap();
        log.look();
        assert!(log.knows(secret), "{secret}");
    };
    rewrite(line(3), 3);
    rewrite(line(4) + &line(5) + &line(6), 4);
    // As long as before.
    rewrite(line(7) + &line(8) + &line(9), 7);
    // While a line is not complete.
    log.append(&line(10)[..80]);
    log.look();
    rewrite(line(11) + &line(12) + &line(13) + &line(14), 11);
    // A writer that does not append: zeros are before its next line.
    let mut file = File::options().write(true).open(log.path()).unwrap();
    io::Seek::seek(&mut file, io::SeekFrom::End(0)).unwrap();
    file.set_len(0).unwrap();
    file.write_all(line(15).as_bytes()).unwrap();
    log.look();
    assert!(log.knows(15));
    assert_eq!(log.secrets.with(|keys| keys.counts().broken), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_named_pipe_is_read_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    if !std::process::Command::new("mkfifo").arg(&path).status().is_ok_and(|made| made.success()) {
        return eprintln!("skipped: no mkfifo");
    }
    let secrets = Secrets::default();
    let mut logs = KeyLogs::new(secrets.clone());
    // Nobody writes to it.
    assert!(logs.open(path.clone()).unwrap().is_some());
    let _follower = logs.follow(&Live::default(), |_, _| {});
    for n in 1..3 {
        std::fs::write(&path, line(n)).unwrap();
        let start = Instant::now();
        while !secrets.with(|keys| keys.knows(&[n; 32])) {
            assert!(start.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn what_is_no_file_is_refused_and_reported_once_where_it_is_created_late() {
    let mut logs = KeyLogs::new(Secrets::default());
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(logs.open(folder.path().into()).unwrap_err().kind(), ErrorKind::IsADirectory);
    if cfg!(unix) {
        let error = logs.open("/dev/null".into()).unwrap_err();
        assert_eq!(error.to_string(), "not a regular file or a named pipe");
    }
    drop(logs.follow(&Live::default(), |_, _| {}));

    let log = Followed::new(None);
    std::fs::create_dir(log.path()).unwrap();
    let start = Instant::now();
    while log.reports.lock().unwrap().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
    std::fs::write(log.folder.path().join("another"), "").unwrap();
    std::fs::remove_dir(log.path()).unwrap();
    log.append(&line(1));
    log.expect(1);
    let reports = log.reports.lock().unwrap().clone();
    assert!(matches!(&reports[..], [one] if one.starts_with("keys.log: ")), "{reports:?}");
}

#[test]
fn the_secrets_do_not_keep_key_logs_open() {
    let Followed { folder, secrets, follower, .. } = Followed::new(Some(&line(1)));
    let reader = Arc::downgrade(follower.reader.as_ref().unwrap());
    drop(follower);
    assert!(reader.upgrade().is_none());
    std::fs::write(folder.path().join("keys.log"), line(2)).unwrap();
    assert!(secrets.with(|keys| keys.knows(&[1; 32]) && !keys.knows(&[2; 32])));
}
