#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use super::*;

/// Names the mode whose sandbox the child enters, and the directory that it tries things in.
const MODE: &str = "WSLENS_TEST_SANDBOX_MODE";
const DIRECTORY: &str = "WSLENS_TEST_SANDBOX_DIRECTORY";
const PORT: &str = "WSLENS_TEST_SANDBOX_PORT";

/// The plan of each mode, as its command builds it.
fn plan(mode: &str, directory: &Path) -> Plan {
    let input = InputArgs { files: vec![directory.join("in/capture")], ..InputArgs::default() };
    let output = directory.join("out/rows");
    let progress = directory.join("state/wslens/learned");
    match mode {
        "explain" => nothing(),
        "read" => printing(&input, Some(&output)),
        "pipe" => printing(&InputArgs { files: vec!["-".into()], ..InputArgs::default() }, None),
        "packed" => {
            fs::write(directory.join("in/capture"), [0x1f, 0x8b, 8, 0]).unwrap();
            printing(&input, None)
        }
        "tui" => showing(reading(&input), Some(&progress), true),
        #[cfg(feature = "live")]
        "live" => spooling(capturing(Some(&output), &[directory.join("keys/late/keys.log")], true)),
        #[cfg(feature = "live")]
        "live tui" => showing(capturing(None, &[], true), Some(&progress), true),
        _ => panic!("{mode}"),
    }
}

const MODES: &[&str] = &[
    "explain",
    "read",
    "pipe",
    "packed",
    "tui",
    #[cfg(feature = "live")]
    "live",
    #[cfg(feature = "live")]
    "live tui",
];

fn tell<T>(what: &str, result: io::Result<T>) {
    let end = match result {
        Ok(_) => "done",
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => "refused",
        Err(error) => &format!("failed: {error}"),
    };
    println!("\n{what}={end};");
}

/// Runs in a process of its own, started by the test below.
#[test]
fn child() {
    let (Ok(mode), Some(directory)) = (std::env::var(MODE), std::env::var_os(DIRECTORY)) else { return };
    let directory = PathBuf::from(directory);
    let port: u16 = std::env::var(PORT).unwrap().parse().unwrap();
    let report = sandbox::enter(&plan(&mode, &directory));
    for protection in &report.protections {
        println!("\n{}={};", protection.what, if protection.holds { "holds" } else { "does not hold" });
    }
    // Of another file than any that was named, in the same directories.
    tell("open", File::open(directory.join("in/secret")));
    tell("list", fs::read_dir(directory.join("in")));
    tell("input", File::open(directory.join("in/capture")));
    tell("overwrite", File::options().write(true).open(directory.join("in/capture")));
    tell("create", File::create_new(directory.join("other")));
    tell("output", File::create_new(directory.join("out/next")));
    tell("name", fs::hard_link(directory.join("out/open"), directory.join("out/named")));
    tell("state", fs::write(directory.join("state/wslens/learned"), "x"));
    tell("temporary", tempfile::tempfile());
    tell("connect", TcpStream::connect(("127.0.0.1", port)));
    tell("listen", TcpListener::bind(("127.0.0.1", 0)));
    tell("exec", Command::new("/bin/true").status());
    // In a thread, too.
    let file = directory.join("in/secret");
    tell("thread", std::thread::spawn(move || File::open(file)).join().unwrap());
}

/// What the child says of each thing, in one mode.
fn outcome(mode: &str) -> impl Fn(&str) -> String + use<> {
    let directory = tempfile::tempdir().unwrap();
    for folder in ["in", "out", "keys", "tmp"] {
        fs::create_dir(directory.path().join(folder)).unwrap();
    }
    for file in ["in/secret", "in/capture", "out/open"] {
        fs::write(directory.path().join(file), file).unwrap();
    }
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cli::sandbox::tests::child", "--nocapture", "--test-threads=1"])
        .env(MODE, mode)
        .env(DIRECTORY, directory.path())
        .env(PORT, server.local_addr().unwrap().port().to_string())
        .env("TMPDIR", directory.path().join("tmp"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{mode}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    move |what| {
        let line = said.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{what}: {said}")).trim_end_matches(';').to_owned()
    }
}

#[test]
fn what_is_forbidden_is_refused_in_each_mode() {
    for &mode in MODES {
        let is = outcome(mode);
        let has_files = is("files and TCP") == "holds";
        let has_calls = is("system calls") == "holds";
        if has_calls {
            for what in ["connect", "listen", "exec"] {
                assert_eq!(is(what), "refused", "{mode}: {what}");
            }
        } else {
            eprintln!(
                "\n*** SKIPPED: this kernel has no seccomp filters: connect and exec in mode {mode} ***"
            );
        }
        for what in ["core files", "memory"] {
            assert_eq!(is(what), "holds", "{mode}: {what}");
        }
        if !has_files {
            eprintln!("\n*** SKIPPED: this kernel has no Landlock: files in mode {mode} ***");
            continue;
        }
        let allowed: &[&str] = match mode {
            "read" => &["input", "name"],
            "packed" => &["input", "temporary"],
            "tui" => &["input", "state"],
            "live" => &["output", "temporary", "name"],
            "pipe" => &["temporary"],
            "live tui" => &["state"],
            _ => &[],
        };
        let all = [
            "open",
            "list",
            "input",
            "overwrite",
            "create",
            "output",
            "name",
            "state",
            "temporary",
            "thread",
        ];
        for what in all {
            // The progress has no directory where no mode has created it.
            let refused = if what == "state" && !allowed.contains(&what) {
                "failed: No such file or directory (os error 2)"
            } else {
                "refused"
            };
            let expected = if allowed.contains(&what) { "done" } else { refused };
            assert_eq!(is(what), expected, "{mode}: {what}");
        }
    }
}
