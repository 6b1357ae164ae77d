//! A key log that is written while the capture runs: before a connection is used, while it is, and after it ended.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{Running, WSLENS, is_root, may_capture};

/// A server and clients over TLS, which read commands, one a line.
const ECHO: &str = include_str!("echo.py");
/// Nothing here takes as long: whoever waits longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server and its clients, in a folder with the certificate and the key logs.
struct Peers {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    port: String,
    folder: TempDir,
}

impl Peers {
    /// None where there is no Python or no OpenSSL.
    fn start(version: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let here = folder.path();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
            .args(["-subj", "/CN=late.example", "-days", "1", "-keyout"])
            .arg(here.join("key.pem"))
            .arg("-out")
            .arg(here.join("cert.pem"))
            .output();
        if !made.is_ok_and(|made| made.status.success()) {
            eprintln!("skipped: no openssl");
            return None;
        }
        let mut command = Command::new("python3");
        command.args(["-c", ECHO]).arg(here).arg(version).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            eprintln!("skipped: no python3");
            return None;
        };
        let (orders, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut peers = Self { child, orders, answers: BufReader::new(answers), port: String::new(), folder };
        peers.port = peers.answer();
        Some(peers)
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        assert!(self.answers.read_line(&mut line).unwrap() > 0, "the peers ended");
        line.trim().to_owned()
    }

    /// Has them do something, and waits until it is done.
    fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
        assert_eq!(self.answer(), "done", "{order}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A key log that is there before rights are given up, and for its owner alone.
    fn key_log(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Captures what they say.
    fn capture(&self, key_log: &Path) -> Watched {
        let mut command = Command::new(WSLENS);
        command.args(["live", "-i", "lo", "--format", "ndjson", "--level", "all", "-f"]);
        command.arg(format!("tcp port {}", self.port)).arg("--keylog").arg(key_log);
        Watched::start(&mut command)
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text that somebody still writes.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<String>>);

impl Text {
    fn read(mut from: impl Read + Send + 'static, before: String) -> Self {
        let text = Self(Arc::new(Mutex::new(before)));
        let into = text.clone();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(len @ 1..) = from.read(&mut piece) {
                into.0.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..len]));
            }
        });
        text
    }

    fn get(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// `wslens live`, whose output is looked at while it runs.
struct Watched {
    child: Child,
    out: Text,
    said: Text,
}

impl Watched {
    fn start(command: &mut Command) -> Self {
        let Running { mut child, words, said, .. } = Running::start(command);
        let out = Text::read(child.stdout.take().unwrap(), String::new());
        Self { child, out, said: Text::read(words, said) }
    }

    /// The records that were printed so far.
    fn records(&self) -> Vec<Value> {
        let out = self.out.get();
        let whole = out.rfind('\n').map_or("", |end| &out[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The texts of all messages, in the order printed.
    fn texts(&self) -> Vec<String> {
        let messages = self.records().into_iter().filter(|record| record["kind"] == "message");
        messages.filter_map(|message| message["text"].as_str().map(str::to_owned)).collect()
    }

    fn count(&self, kind: &str) -> usize {
        self.records().iter().filter(|record| record["kind"] == kind).count()
    }

    /// Waits until it is as expected.
    fn expect<T: PartialEq + Debug>(&self, expected: T, look: impl Fn(&Self) -> T) {
        let start = Instant::now();
        while look(self) != expected && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(look(self), expected, "{}\n{}", self.said.get(), self.out.get());
    }

    /// Ends it as Ctrl-C does; what it printed in all.
    fn end(mut self) -> Vec<Value> {
        assert!(
            Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success()
        );
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.said.get());
        self.expect(true, |all| all.records().last().is_some_and(|record| record["kind"] == "summary"));
        self.records()
    }
}

/// Every message of an echo is there twice.
fn twice(texts: &[&str]) -> Vec<String> {
    texts.iter().flat_map(|text| [(*text).to_owned(), (*text).to_owned()]).collect()
}

/// Adds the secrets that were written to another file.
fn append(from: &Path, to: &Path) {
    let mut log = File::options().append(true).open(to).unwrap();
    log.write_all(&fs::read(from).unwrap()).unwrap();
}

#[test]
fn a_connection_whose_secret_comes_late_is_read_from_its_start() {
    if !may_capture() {
        return;
    }
    for late in [0, 3, 6] {
        let Some(mut peers) = Peers::start("1.3") else { return };
        let log = peers.key_log("keys.log");
        let wslens = peers.capture(&log);
        peers.tell("log real.log");
        peers.tell("open late");
        let texts: Vec<String> = (0..6).map(|n| format!("question{n}")).collect();
        for n in 0..=texts.len() {
            if n == late {
                append(&peers.path("real.log"), &log);
            }
            if let Some(text) = texts.get(n) {
                peers.tell(&format!("say late {text}"));
            }
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        wslens.expect(twice(&texts), Watched::texts);
        peers.tell("close late");
        let records = wslens.end();
        let [connection] = records.iter().filter(|r| r["kind"] == "connection").collect::<Vec<_>>()[..]
        else {
            panic!("one connection");
        };
        assert_eq!(connection["url"], "wss://late.example/late");
        assert_eq!(connection["tls_session"]["server_name"], "late.example");
    }
}

#[test]
fn connections_that_end_at_once_are_all_read() {
    if !may_capture() {
        return;
    }
    for version in ["1.3", "1.2"] {
        let Some(mut peers) = Peers::start(version) else { return };
        let wslens = peers.capture(&peers.key_log("keys.log"));
        peers.tell("log keys.log");
        peers.tell("burst 30");
        // While the capture is running, not only at its end.
        wslens.expect((30, 0), |all| (all.count("connection"), all.count("tls")));
        let records = wslens.end();
        let texts: Vec<&Value> =
            records.iter().filter(|r| r["op"] == "text" && r["kind"] == "message").collect();
        assert_eq!(texts.len(), 60);
        for n in 0..30 {
            let own = |text: &&&Value| text["text"] == format!("echo{n}");
            assert_eq!(texts.iter().filter(own).count(), 2, "{n}");
        }
        for connection in records.iter().filter(|r| r["kind"] == "connection") {
            assert_eq!(connection["tls_session"]["version"], format!("TLS {version}"));
        }
    }
}

#[test]
fn a_connection_that_ended_is_read_when_its_secret_comes() {
    if !may_capture() {
        return;
    }
    for version in ["1.3", "1.2"] {
        let Some(mut peers) = Peers::start(version) else { return };
        let log = peers.key_log("keys.log");
        let wslens = peers.capture(&log);
        peers.tell("log real.log");
        for order in ["open a", "say a first", "close a"] {
            peers.tell(order);
        }
        thread::sleep(Duration::from_secs(1));
        assert_eq!((wslens.count("connection"), wslens.count("tls")), (0, 0));
        // Another one, whose secret never comes.
        peers.tell("log lost.log");
        for order in ["open b", "say b second", "close b"] {
            peers.tell(order);
        }
        append(&peers.path("real.log"), &log);
        wslens.expect((twice(&["first"]), 1), |all| (all.texts(), all.count("connection")));
        let records = wslens.end();
        let of = |kind: &str| records.iter().filter(|r| r["kind"] == kind).collect::<Vec<_>>();
        let [connection] = of("connection")[..] else { panic!("one connection") };
        assert_eq!((&connection["state"], &connection["tcp_stream"]), (&"closed".into(), &0.into()));
        let [unread] = of("tls")[..] else { panic!("one that was not read") };
        assert_eq!((&unread["why"], &unread["tcp_stream"]), (&"no-secret".into(), &1.into()));
    }
}

#[test]
fn a_key_log_that_is_renamed_and_begun_again_or_truncated_is_followed() {
    if !may_capture() {
        return;
    }
    let Some(mut peers) = Peers::start("1.3") else { return };
    let log = peers.key_log("keys.log");
    let wslens = peers.capture(&log);
    let mut said = Vec::new();
    let talk = |peers: &mut Peers, name: &'static str, said: &mut Vec<&'static str>| {
        for order in [format!("open {name}"), format!("say {name} {name}"), format!("close {name}")] {
            peers.tell(&order);
        }
        said.push(name);
    };
    peers.tell("log keys.log");
    talk(&mut peers, "one", &mut said);
    wslens.expect(twice(&said), Watched::texts);

    fs::rename(&log, peers.path("keys.log.1")).unwrap();
    // The writer has not noticed yet.
    talk(&mut peers, "two", &mut said);
    wslens.expect(twice(&said), Watched::texts);
    peers.tell("log keys.log");
    talk(&mut peers, "three", &mut said);
    wslens.expect(twice(&said), Watched::texts);

    // Truncated, and at once longer than before.
    peers.tell("log real.log");
    talk(&mut peers, "four", &mut said);
    talk(&mut peers, "five", &mut said);
    fs::copy(&log, peers.path("keys.log.2")).unwrap();
    let longer = fs::read(peers.path("real.log")).unwrap();
    assert!(longer.len() as u64 > fs::metadata(&log).unwrap().len());
    fs::write(&log, longer).unwrap();
    wslens.expect(twice(&said), Watched::texts);
    let records = wslens.end();
    assert_eq!(records.iter().filter(|r| r["kind"] == "connection").count(), 5);
    assert_eq!(records.iter().filter(|r| r["kind"] == "tls").count(), 0);
}

#[test]
fn a_silent_connection_is_read_when_its_secret_comes_and_not_at_its_next_packet() {
    if !may_capture() {
        return;
    }
    let Some(mut peers) = Peers::start("1.3") else { return };
    let log = peers.key_log("keys.log");
    let wslens = peers.capture(&log);
    peers.tell("log real.log");
    for order in ["open a", "say a first", "say a second"] {
        peers.tell(order);
    }
    // All of its packets are analyzed by then.
    thread::sleep(Duration::from_millis(500));
    assert_eq!(wslens.texts(), Vec::<String>::new());
    append(&peers.path("real.log"), &log);
    wslens.expect(twice(&["first", "second"]), Watched::texts);
    // Only now comes the next packet.
    for order in ["say a third", "close a"] {
        peers.tell(order);
    }
    wslens.expect((twice(&["first", "second", "third"]), 1), |all| (all.texts(), all.count("connection")));
    wslens.end();
}

#[test]
fn a_key_log_that_cannot_be_opened_once_it_is_created_is_reported_once() {
    if !may_capture() || !is_root() || !cfg!(target_os = "linux") {
        return;
    }
    let Some(mut peers) = Peers::start("1.3") else { return };
    let log = peers.path("keys.log");
    let wslens = peers.capture(&log);
    assert!(wslens.said.get().contains("does not exist yet"), "{}", wslens.said.get());
    // For root alone, and wslens is no longer root.
    peers.key_log("keys.log");
    peers.tell("log keys.log");
    for order in ["open a", "say a first", "close a"] {
        peers.tell(order);
    }
    let reports = |all: &Watched| all.said.get().matches("cannot open the key log").count();
    wslens.expect(1, reports);
    assert!(wslens.said.get().contains("wslens now runs as user 65534"), "{}", wslens.said.get());
    // It is still read once that is allowed.
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
    wslens.expect(twice(&["first"]), Watched::texts);
    assert_eq!(reports(&wslens), 1);
    wslens.end();
}

#[test]
fn nobody_follows_key_logs_with_rights() {
    if !may_capture() || !cfg!(target_os = "linux") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(WSLENS);
    command.args(["live", "-i", "lo", "-f", "tcp port 1", "--keylog"]).arg(folder.path().join("one.log"));
    let wslens = Watched::start(command.env("SSLKEYLOGFILE", folder.path().join("two.log")));
    let tasks = format!("/proc/{}/task", wslens.child.id());
    let statuses = || -> Vec<String> {
        let tasks = fs::read_dir(&tasks).unwrap();
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap()).collect()
    };
    let follower = |status: &String| status.starts_with("Name:\tkey logs\n");
    wslens.expect(true, |_| statuses().iter().any(follower));
    for status in statuses() {
        assert!(status.contains("CapEff:\t0000000000000000\n"), "{status}");
        assert!(status.contains("CapPrm:\t0000000000000000\n"), "{status}");
        assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
        assert!(!is_root() || status.contains("Uid:\t65534\t65534\t65534\t65534\n"), "{status}");
    }
    let _ = Command::new("kill").args(["-INT", &wslens.child.id().to_string()]).status();
    let Watched { mut child, .. } = wslens;
    assert!(child.wait().unwrap().success());
}
