//! What the program gives up before it reads captured bytes.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const WSLENS: &str = env!("CARGO_BIN_EXE_wslens");

fn capture() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/aiohttp/capture.pcap")).unwrap()
}

/// The value of a line of `/proc/PID/task/TID/status`, of each thread.
fn of_threads(process: u32, field: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let status =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default());
    let value = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim);
        line.map(str::to_owned)
    };
    status.filter_map(value).collect()
}

/// Whether all threads of a process are in the sandbox. Waited for, up to ten seconds.
pub fn is_entered(process: u32) -> bool {
    let holds = || {
        let seccomp = of_threads(process, "Seccomp");
        let privileges = of_threads(process, "NoNewPrivs");
        !seccomp.is_empty()
            && seccomp.iter().all(|mode| mode == "2")
            && privileges.iter().all(|none| none == "1")
    };
    (0..200).any(|_| {
        holds() || {
            std::thread::sleep(Duration::from_millis(50));
            false
        }
    })
}

/// A command that reads a pipe of which only a part has come.
fn on_a_pipe(words: &[&str]) -> Child {
    let mut command = Command::new(WSLENS);
    let mut child = command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(&capture()[..1000]).unwrap();
    child
}

#[test]
fn commands_that_read_a_pipe_are_in_the_sandbox() {
    for words in
        [["read", "-"], ["check", "-"], ["stats", "-"], ["story", "-"], ["handshake", "-"], ["explain", "-"]]
    {
        let mut child = on_a_pipe(&words);
        let is_entered = is_entered(child.id());
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(is_entered, "{words:?}");
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{words:?}: {core}");
    }
}

#[test]
fn without_the_sandbox_nothing_is_given_up() {
    let mut child = on_a_pipe(&["read", "--no-sandbox", "-"]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(of_threads(child.id(), "Seccomp").iter().all(|mode| mode == "0"));
    drop(child.stdin.take());
    child.wait().unwrap();
}

fn run(words: &[&str]) -> Output {
    Command::new(WSLENS).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_version_says_what_holds() {
    let plain = run(&["version"]);
    assert_eq!(text(&plain.stdout), text(&run(&["--version"]).stdout));
    let verbose = run(&["version", "--verbose"]);
    assert_eq!(verbose.status.code(), Some(0));
    let said = text(&verbose.stdout);
    for what in ["built with", "terminal UI", "files and TCP", "system calls", "core files", "memory"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    let holds =
        |what: &str| said.lines().any(|line| line.trim_start().starts_with(what) && line.contains(" yes "));
    if holds("system calls") {
        assert!(said.contains("to start a program                  refused"), "{said}");
    }
    match holds("files and TCP") {
        true => assert!(!said.contains("NOT refused"), "{said}"),
        false => eprintln!("\n*** SKIPPED: this kernel has no Landlock ***"),
    }
    let off = run(&["version", "--verbose", "--no-sandbox"]);
    assert!(text(&off.stdout).contains("sandbox: off"));
}

/// What reads and writes in unusual ways works as without the sandbox.
#[test]
fn what_works_without_the_sandbox_works_inside() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    fs::write(at("a.pcap"), capture()).unwrap();
    fs::write(at("b.pcap"), capture()).unwrap();
    fs::create_dir(at("inputs")).unwrap();
    std::os::unix::fs::symlink(at("a.pcap"), at("inputs/link.pcap")).unwrap();
    let cases = [
        format!("read {} {} --level all", at("a.pcap"), at("b.pcap")),
        format!("read {} --time abs --format table", at("inputs/link.pcap")),
        format!("read --no-mmap {}", at("a.pcap")),
        format!("check {} --format sarif", at("a.pcap")),
        format!("read {} -Y 'duration > 1ms'", at("a.pcap")),
    ];
    let shell = |line: &str| Command::new("bash").arg("-c").arg(line).output().unwrap();
    let packed = format!("gzip -c {0} > {0}.gz && {WSLENS} story {0}.gz", at("a.pcap"));
    let piped = format!("{WSLENS} read <(cat {})", at("a.pcap"));
    let fifo = format!("mkfifo {0}; cat {1} > {0} & {WSLENS} stats {0}", at("fifo"), at("a.pcap"));
    let lines = cases.iter().map(|words| format!("{WSLENS} {words}")).chain([packed, piped, fifo]);
    for line in lines {
        let inside = shell(&line);
        fs::remove_file(at("fifo")).ok();
        let outside = shell(&format!("{line} --no-sandbox"));
        fs::remove_file(at("fifo")).ok();
        assert_eq!(inside.status.code(), outside.status.code(), "{line}: {}", text(&inside.stderr));
        assert_eq!(text(&inside.stdout), text(&outside.stdout), "{line}");
    }
    for force in [&[][..], &["--force"]] {
        let output = Command::new(WSLENS)
            .args(["read", "a.pcap", "-o", "rows.ndjson"])
            .args(force)
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(fs::metadata(at("rows.ndjson")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_program_that_may_have_little_memory_says_so_and_ends() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&capture()).unwrap();
    let path = file.path().to_str().unwrap();
    let small = run(&["read", path, "--mem-limit", "64KiB"]);
    assert_eq!(small.status.code(), Some(3), "{}", text(&small.stderr));
    assert!(text(&small.stderr).contains("--mem-limit allows is used up"), "{}", text(&small.stderr));
    let enough = run(&["read", path, "--mem-limit", "256MiB"]);
    assert_eq!(enough.status.code(), Some(0), "{}", text(&enough.stderr));
    assert_eq!(enough.stdout, run(&["read", path]).stdout);
}
