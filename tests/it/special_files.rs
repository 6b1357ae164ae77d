//! Pipes, devices, sockets and directories in the place of captures and key logs: read, refused or waited for with a sentence.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::findings::make::packets;
use crate::support::forge::{PcapFormat, pcap};

const COMMANDS: [&str; 5] = ["read", "stats", "check", "story", "handshake"];

/// The exit code, and standard error. `None`: it was still running after ten seconds, or had said `enough`, and was stopped.
fn run(arguments: &[&OsStr], keys: Option<&Path>, enough: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wslens"));
    command.args(arguments).env_remove("SSLKEYLOGFILE").stdin(Stdio::null()).stdout(Stdio::null());
    if let Some(keys) = keys {
        command.env("SSLKEYLOGFILE", keys);
    }
    let told = tempfile::NamedTempFile::new().unwrap();
    let mut child = command.stderr(told.reopen().unwrap()).spawn().unwrap();
    let begin = Instant::now();
    loop {
        let text = fs::read_to_string(told.path()).unwrap();
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), fs::read_to_string(told.path()).unwrap());
        }
        let is_enough = enough.is_some_and(|enough| text.contains(enough));
        if is_enough || begin.elapsed() > Duration::from_secs(10) {
            child.kill().unwrap();
            child.wait().unwrap();
            return (None, text);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Place {
    dir: tempfile::TempDir,
    capture: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let capture = dir.path().join("a.pcap");
    fs::write(&capture, pcap(&packets(), PcapFormat::default())).unwrap();
    Place { dir, capture }
}

fn fifo(place: &Place) -> PathBuf {
    let path = place.dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[test]
fn a_device_a_directory_or_a_socket_is_no_capture() {
    let place = place();
    let socket = place.dir.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let directory = place.dir.path().to_path_buf();
    for (path, says) in [
        (Path::new("/dev/zero"), "is not a capture file"),
        (Path::new("/dev/urandom"), "is not a capture file"),
        (Path::new("/dev/full"), "is not a capture file"),
        (Path::new("/dev/null"), "it is empty"),
        (&directory, "it is a directory"),
        (&socket, "it is a socket"),
    ] {
        for command in COMMANDS {
            let (code, told) = run(&[command.as_ref(), path.as_ref()], None, None);
            assert!(code == Some(3) && told.contains(says), "{command} {}: {code:?} {told}", path.display());
        }
    }
}

#[test]
fn a_device_a_directory_or_a_socket_is_no_key_log() {
    let place = place();
    let socket = place.dir.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let directory = place.dir.path().to_path_buf();
    for (path, code, says) in [
        (Path::new("/dev/zero"), 0, "no secret in"),
        (Path::new("/dev/urandom"), 0, "no secret in"),
        (Path::new("/dev/full"), 0, "no secret in"),
        (&directory, 3, "directory"),
        (&socket, 3, "it is a socket"),
    ] {
        for command in ["read", "stats", "story"] {
            let named = [command.as_ref(), place.capture.as_os_str(), "--keylog".as_ref(), path.as_os_str()];
            let (ended, told) = run(&named, None, None);
            assert!(
                ended == Some(code) && told.contains(says),
                "{command} {}: {ended:?} {told}",
                path.display()
            );
            let (ended, told) = run(&named[..2], Some(path), None);
            assert!(
                ended == Some(0) && told.contains(says),
                "{command} {}: {ended:?} {told}",
                path.display()
            );
        }
    }
}

#[test]
fn a_pipe_is_read_and_that_nobody_writes_to_it_is_said() {
    let place = place();
    let pipe = fifo(&place);
    let waits = "waiting for bytes from";
    for command in COMMANDS {
        let (code, told) = run(&[command.as_ref(), pipe.as_ref()], None, Some(waits));
        assert!(code.is_none() && told.contains(waits), "{command}: {code:?} {told}");
        let mut writer = Command::new("sh")
            .args(["-c", "cat \"$0\" > \"$1\""])
            .args([&place.capture, &pipe])
            .spawn()
            .unwrap();
        let (code, told) = run(&[command.as_ref(), pipe.as_ref()], None, None);
        assert!(code.is_some_and(|code| code < 3), "{command}: {code:?} {told}");
        assert!(writer.wait().unwrap().success());
    }
}

#[test]
fn a_pipe_as_key_log_is_waited_for_with_a_sentence() {
    let place = place();
    let pipe = fifo(&place);
    let waits = "waiting for bytes from";
    let (code, told) = run(
        &["stats".as_ref(), "--keylog".as_ref(), pipe.as_ref(), place.capture.as_ref()],
        None,
        Some(waits),
    );
    assert!(code.is_none() && told.contains(waits), "{code:?} {told}");
    let (code, told) = run(&["stats".as_ref(), place.capture.as_ref()], Some(&pipe), Some(waits));
    assert!(code.is_none() && told.contains(waits), "{code:?} {told}");
}

#[test]
fn a_key_log_that_never_comes_is_given_up() {
    let place = place();
    let pipe = fifo(&place);
    let begin = Instant::now();
    let mut told = false;
    let error = wslens::capture::waiting::open(&pipe, Some(Duration::from_millis(300)), &mut || told = true);
    assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    assert!(told && begin.elapsed() < Duration::from_secs(5));
    // One that stays open is given up behind what came.
    let mut writer =
        Command::new("sh").args(["-c", "(echo abc; exec sleep 9) > \"$0\""]).arg(&pipe).spawn().unwrap();
    let mut file = wslens::capture::waiting::open(&pipe, Some(Duration::from_secs(9)), &mut || {}).unwrap();
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes).unwrap();
    let most = Duration::from_millis(100);
    let error = wslens::capture::waiting::read(&mut file, &mut bytes, most).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    writer.kill().unwrap();
    writer.wait().unwrap();
}
