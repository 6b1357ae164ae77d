use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{Running, is_root, may_capture};
use crate::sandbox::is_entered;

#[test]
fn a_capture_that_runs_is_in_the_sandbox_with_all_its_threads() {
    if !may_capture() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let running =
        Running::on_lo(&["--keylog", &at("keys.log"), "-w", &at("kept.pcapng"), "--ring", "2x64KiB"]);
    let is_entered = is_entered(running.child.id());
    let end = running.end();
    assert!(is_entered, "{}", end.said);
    assert_eq!(end.code, Some(0), "{}", end.said);
}

/// Whether a process has a file open, within ten seconds.
fn opens(process: u32, path: &Path) -> bool {
    let has = || {
        let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|file| file == path))
    };
    (0..200).any(|_| {
        has() || {
            thread::sleep(Duration::from_millis(50));
            false
        }
    })
}

/// Its directory did not exist when the sandbox was entered.
#[test]
fn a_key_log_whose_directory_is_created_later_is_opened() {
    if !may_capture() || !is_root() {
        return;
    }
    // As a user, who has a helper of their own, and as nobody.
    for user in [&["--user", "12345:12345"][..], &[]] {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let log = folder.join("late/keys.log");
        let words = [&["--keylog", log.to_str().unwrap()][..], user].concat();
        let running = Running::on_lo(&words);
        fs::create_dir(folder.join("late")).unwrap();
        fs::set_permissions(folder.join("late"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&log, "").unwrap();
        fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
        let is_open = opens(running.child.id(), &log);
        let end = running.end();
        assert!(is_open, "{user:?}: {}", end.said);
        assert_eq!(end.code, Some(0), "{user:?}: {}", end.said);
    }
}
