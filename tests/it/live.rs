//! Live capture on the loopback, with real peers: what they say they sent is what is captured, and every end is a good
//! one.
//!
//! Skipped, and said loudly, where capturing is not allowed; with `WSLENS_LIVE=require` that fails.

/// The sandbox around a live capture.
#[cfg(target_os = "linux")]
mod boxed;
/// What the drop counters say.
mod drops;
/// Files, rings, standard output, full disks.
mod kept;
/// Key logs that grow.
#[cfg(feature = "tls")]
mod keys;
/// Rights, had, not had and given up.
mod rights;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use serde_json::Value;
use tungstenite::{Message, WebSocket};

use crate::read::{Output, read};

const WSLENS: &str = env!("CARGO_BIN_EXE_wslens");

/// Whether this user may capture on the loopback. Who may not is told so.
fn may_capture() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| {
        let tried = Command::new(WSLENS).args(["live", "-i", "lo", "--for", "1ms", "-q"]).output().unwrap();
        let may = tried.status.success();
        if !may {
            let words = String::from_utf8_lossy(&tried.stderr).into_owned();
            eprintln!("\n*** SKIPPED: live capture is not tested here ***\n{words}");
            assert!(
                std::env::var("WSLENS_LIVE").as_deref() != Ok("require"),
                "live capture cannot be tested"
            );
        }
        may
    })
}

/// Root, and not only of a user namespace.
fn is_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
        && map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// `wslens live`, running.
struct Running {
    child: Child,
    /// Reads what it prints as it comes, where somebody asked for that.
    out: Option<thread::JoinHandle<String>>,
    words: BufReader<ChildStderr>,
    said: String,
}

/// `wslens live` whose standard output is bytes.
struct Raw(Running, thread::JoinHandle<Vec<u8>>);

impl Raw {
    /// Ends it as Ctrl-C does.
    fn end_with_bytes(self) -> (End, Vec<u8>) {
        let Self(running, bytes) = self;
        let end = running.end();
        (end, bytes.join().unwrap())
    }
}

/// How it ended.
struct End {
    code: Option<i32>,
    out: String,
    said: String,
}

impl Running {
    /// Starts it, and waits until it captures.
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("capturing on") {
            assert!(words.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        Self { child, out: None, words, said }
    }

    fn on_lo(args: &[&str]) -> Self {
        Self::start(Command::new(WSLENS).args(["live", "-i", "lo", "--format", "ndjson"]).args(args))
    }

    /// What it prints is read as it comes: it never waits for that.
    fn read_on(mut self) -> Self {
        self.out = self.child.stdout.take().map(|mut stdout| {
            thread::spawn(move || {
                let mut out = String::new();
                stdout.read_to_string(&mut out).unwrap();
                out
            })
        });
        self
    }

    /// The same for bytes: what is read is given with [`end_with_bytes`](Self::end_with_bytes).
    fn read_bytes(mut self) -> Raw {
        let mut stdout = self.child.stdout.take().unwrap();
        let bytes = thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).unwrap();
            bytes
        });
        Raw(self, bytes)
    }

    fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    fn wait(mut self) -> End {
        let mut out = self.out.map_or_else(String::new, |out| out.join().unwrap());
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut out).unwrap();
        }
        self.words.read_to_string(&mut self.said).unwrap();
        End { code: self.child.wait().unwrap().code(), out, said: self.said }
    }

    /// Ends it as Ctrl-C does.
    fn end(self) -> End {
        self.signal("-INT");
        self.wait()
    }
}

impl End {
    fn output(&self) -> Output {
        let lines: Vec<String> = self.out.lines().map(str::to_owned).collect();
        let records = lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
        Output { lines, records }
    }
}

/// What a peer says it sent: operation and bytes.
type Log = Vec<(String, Vec<u8>)>;

fn note(log: &mut Log, message: &Message) {
    let op = match message {
        Message::Text(_) => "text",
        Message::Binary(_) => "binary",
        Message::Ping(_) => "ping",
        Message::Pong(_) => "pong",
        _ => "close",
    };
    log.push((op.to_owned(), message.clone().into_data().to_vec()));
}

/// Sends messages, noting each, and reads what comes.
fn speak(socket: &mut WebSocket<TcpStream>, say: &[Message]) -> Log {
    let mut log = Log::new();
    for message in say {
        note(&mut log, message);
        socket.send(message.clone()).unwrap();
    }
    log
}

/// A conversation of two real peers; what the client and what the server say they sent, and the server's port.
fn converse(listener: TcpListener, messages: usize) -> (Log, Log) {
    let address = listener.local_addr().unwrap();
    let say = move |seed: usize| -> Vec<Message> {
        let mut say = Vec::new();
        for n in 0..messages {
            let len = (n * 7919 + seed * 31) % if n % 10 == 0 { 60_000 } else { 300 };
            say.push(match n % 3 {
                0 => Message::binary((0..len).map(|at| (at * seed + n) as u8).collect::<Vec<_>>()),
                1 => Message::text(format!("{seed} says {n} 中文 {}", "x".repeat(len))),
                _ => Message::Ping(vec![n as u8; len % 126].into()),
            });
        }
        say
    };
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        let log = speak(&mut socket, &say(2));
        while socket.read().is_ok() {}
        log
    });
    let stream = TcpStream::connect(address).unwrap();
    let (mut socket, _) = tungstenite::client(format!("ws://{address}/live"), stream).unwrap();
    let log = speak(&mut socket, &say(1));
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    (log, server.join().unwrap())
}

/// What was read of one direction, without pongs, which a library sends by itself, and Close.
fn heard(output: &Output, dir: &str) -> Log {
    let records = output.kind("message").filter(|record| record["dir"] == dir);
    let text = |record: &Value, key: &str| record[key].as_str().map(str::to_owned);
    records
        .filter(|record| record["op"] != "pong" && record["op"] != "close")
        .map(|record| {
            assert_eq!(record["integrity"], "ok", "{record}");
            let bytes = match text(record, "text") {
                Some(text) => text.into_bytes(),
                None => hex::decode(text(record, "hex").unwrap()).unwrap(),
            };
            (text(record, "op").unwrap(), bytes)
        })
        .collect()
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let filter = format!("tcp port {}", listener.local_addr().unwrap().port());
    (listener, filter)
}

#[test]
fn what_real_peers_say_they_sent_is_what_is_captured_and_the_kept_file_holds_it() {
    if !may_capture() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let file = folder.path().join("kept.pcapng");
    let (listener, filter) = listen();
    let wslens = Running::on_lo(&["-f", &filter, "--level", "all", "-w", file.to_str().unwrap()]);
    let (client, server) = converse(listener, 200);
    let end = wslens.end();
    assert_eq!(end.code, Some(0), "{}", end.said);
    let live = end.output();
    assert_eq!(live.summary()["losses"]["kernel"], 0, "{}", end.said);
    for (dir, log) in [("c2s", client), ("s2c", server)] {
        let heard = heard(&live, dir);
        assert_eq!(heard.len(), log.len(), "{dir}");
        assert!(heard == log, "{dir}: not the same messages");
    }
    let [connection] = live.connections()[..] else { panic!("one connection") };
    assert_eq!((&connection["accept"], &connection["state"]), (&"ok".into(), &"closed".into()));

    // The file, read later, gives the same records.
    let later = read(fs::read(&file).unwrap());
    let counts = |output: &Output| {
        ["packets", "capture_bytes", "messages", "frames"].map(|key| output.summary()[key].as_u64().unwrap())
    };
    assert_eq!(counts(&later), counts(&live));
    let messages =
        |output: &Output| -> Vec<String> { output.kind("message").map(ToString::to_string).collect() };
    assert!(messages(&later) == messages(&live), "the same messages at the same times");
    same_as_tshark(&file);
}

#[test]
fn packets_of_several_interfaces_are_in_the_order_of_their_times() {
    if !may_capture() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let file = folder.path().join("kept.pcapng");
    let (listener, filter) = listen();
    // Each packet is seen twice: on the loopback, and on all there is.
    let wslens =
        Running::on_lo(&["-i", "any", "-f", &filter, "--level", "all", "-w", file.to_str().unwrap()]);
    let wslens = wslens.read_on();
    let (client, server) = converse(listener, 200);
    let end = wslens.end();
    assert_eq!(end.code, Some(0), "{}", end.said);
    let live = end.output();
    // That says nothing twice.
    assert_eq!(live.connections().len(), 1);
    assert!(heard(&live, "c2s") == client && heard(&live, "s2c") == server, "{}", end.said);
    let mut capture = wslens::capture::Capture::open(&[file.clone().into()], &Default::default()).unwrap();
    let times: Vec<i64> = std::iter::from_fn(|| capture.next()).map(|packet| packet.time.0).collect();
    assert!(times.len() > 40 && times.is_sorted(), "{} packets", times.len());
}

/// Number, time and length of each packet as tshark has them.
fn same_as_tshark(file: &Path) {
    let mut command = Command::new("tshark");
    command.args([
        "-n",
        "-T",
        "fields",
        "-e",
        "frame.number",
        "-e",
        "frame.time_epoch",
        "-e",
        "frame.cap_len",
        "-r",
    ]);
    let Ok(told) = command.arg(file).output() else { return eprintln!("skipped: no tshark") };
    let told = String::from_utf8(told.stdout).unwrap();
    let mut capture = wslens::capture::Capture::open(&[file.to_owned().into()], &Default::default()).unwrap();
    let mut packets = 0;
    for line in told.lines() {
        let packet = capture.next().expect(line);
        assert_eq!(line, format!("{}\t{}\t{}", packet.number, packet.time, packet.bytes.len));
        packets += 1;
    }
    assert!(capture.next().is_none() && capture.totals().complete && packets > 0, "{packets}");
    assert_eq!(capture.notes().interfaces[0].name.as_deref(), Some("lo"));
}

#[test]
fn it_ends_at_once_on_a_quiet_link() {
    if !may_capture() {
        return;
    }
    for signal in ["-INT", "-TERM"] {
        let wslens = Running::on_lo(&["-f", "tcp port 1"]);
        wslens.signal(signal);
        let end = wslens.wait();
        assert_eq!((end.code, end.out.as_str()), (Some(0), ""), "{}", end.said);
        assert!(end.said.contains("0 packets, 0 TCP connections, 0 WebSockets, 0 messages"), "{}", end.said);
        assert!(
            end.said.contains("no captured packet matched the capture filter 'tcp port 1'"),
            "{}",
            end.said
        );
    }
}

#[test]
fn it_ends_when_its_time_is_over_or_its_packets_are_taken() {
    if !may_capture() {
        return;
    }
    let end = Running::on_lo(&["-f", "tcp port 1", "--for", "50ms", "--level", "all"]).wait();
    assert_eq!(end.code, Some(0), "{}", end.said);
    assert_eq!(end.output().summary()["packets"], 0);
    let (listener, filter) = listen();
    let wslens = Running::on_lo(&["-f", &filter, "-c", "5", "--level", "all"]);
    converse(listener, 10);
    let end = wslens.wait();
    assert_eq!(end.code, Some(0), "{}", end.said);
    assert_eq!(end.output().summary()["packets"], 5);
}

#[test]
fn it_ends_quietly_when_nobody_reads_any_more() {
    if !may_capture() {
        return;
    }
    // Also where there is nothing to be written.
    let mut wslens = Running::on_lo(&["-f", "tcp port 1"]);
    drop(wslens.child.stdout.take());
    let end = wslens.wait();
    assert_eq!(end.code, Some(0), "{}", end.said);
    let (listener, filter) = listen();
    let mut wslens = Running::on_lo(&["-f", &filter]);
    let mut reader = BufReader::new(wslens.child.stdout.take().unwrap());
    let talk = thread::spawn(move || converse(listener, 100));
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"v\":1,\"kind\":\"message\""), "{line}");
    drop(reader);
    talk.join().unwrap();
    let end = wslens.wait();
    assert_eq!(end.code, Some(0), "{}", end.said);
    assert!(!end.said.contains("roken pipe"), "{}", end.said);
}

#[test]
fn a_full_disk_ends_what_is_kept_and_nothing_else() {
    if !may_capture() || !Path::new("/dev/full").exists() {
        return;
    }
    let (listener, filter) = listen();
    let wslens = Running::on_lo(&["-f", &filter, "-w", "/dev/full"]);
    let (client, server) = converse(listener, 30);
    let end = wslens.end();
    assert_eq!(end.code, Some(5), "{}", end.said);
    assert_eq!(
        end.said.matches("writing to '/dev/full' ended: No space left on device").count(),
        1,
        "{}",
        end.said
    );
    let live = end.output();
    assert!(heard(&live, "c2s") == client && heard(&live, "s2c") == server, "the analysis goes on");
}

#[test]
fn files_of_a_ring_are_whole_and_no_more_than_asked() {
    if !may_capture() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (listener, filter) = listen();
    let base = folder.path().join("ring.pcapng");
    let wslens = Running::on_lo(&["-f", &filter, "-w", base.to_str().unwrap(), "--ring", "3x200KiB"]);
    converse(listener, 200);
    let end = wslens.end();
    assert_eq!(end.code, Some(0), "{}", end.said);
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names[0] > folder.path().join("ring_00002"), "older ones were deleted: {names:?}");
    for name in names {
        let len = fs::metadata(&name).unwrap().len();
        // A block more at its end: the counters.
        assert!(len <= (200 << 10) + 200, "{len}");
        let mut capture =
            wslens::capture::Capture::open(&[name.clone().into()], &Default::default()).unwrap();
        while capture.next().is_some() {}
        assert!(
            capture.totals().complete && capture.totals().packets > 0,
            "{}: {:?}",
            name.display(),
            capture.totals()
        );
        assert_eq!(capture.notes().interfaces.len(), 1);
    }
}

#[test]
fn an_interface_that_goes_away_ends_the_capture() {
    if !may_capture() {
        return;
    }
    // In a network of its own, where there is one.
    let script = "set -e; ip link add wl0 type veth peer name wl1; ip link set wl0 up; ip link set wl1 up
        \"$1\" live -i wl0 --level all 2>\"$2\" & pid=$!
        until grep -q 'capturing on' \"$2\"; do kill -0 $pid || exit 99; sleep 0.05; done
        ip link del wl0; wait $pid";
    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words");
    let own = ["--net", "sh", "-c", script, "sh", WSLENS, words.to_str().unwrap()];
    let output = Command::new("unshare").args(own).output();
    let said = fs::read_to_string(&words).unwrap_or_default();
    let Some(output) = output.ok().filter(|_| said.contains("capturing on")) else {
        return eprintln!("skipped: no network of its own can be had here: {said}");
    };
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("warning: capturing ended early: wl0: "), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"kind\":\"summary\""), "{said}");
}

#[test]
fn one_of_several_interfaces_that_goes_away_is_reported_at_once() {
    if !may_capture() {
        return;
    }
    let script = "set -e; ip link set lo up
        for n in 0 2; do ip link add wl$n type veth peer name wl$((n+1)); ip link set wl$n up; ip link set wl$((n+1)) up; done
        \"$1\" live -i wl0 -i wl2 --level all 2>\"$2\" & pid=$!
        until grep -q 'capturing on' \"$2\"; do kill -0 $pid || exit 99; sleep 0.05; done
        ip link del wl0
        n=0; until grep -q 'wl0: ' \"$2\"; do n=$((n+1)); test $n -lt 200 || { kill $pid; exit 98; }; sleep 0.05; done
        kill -0 $pid || exit 97
        kill -INT $pid; wait $pid";
    let folder = tempfile::tempdir().unwrap();
    let words = folder.path().join("words");
    let own = ["--net", "sh", "-c", script, "sh", WSLENS, words.to_str().unwrap()];
    let output = Command::new("unshare").args(own).output();
    let said = fs::read_to_string(&words).unwrap_or_default();
    let Some(output) = output.ok().filter(|_| said.contains("capturing on")) else {
        return eprintln!("skipped: no network of its own can be had here: {said}");
    };
    // The other one was captured until Ctrl-C.
    assert_eq!(output.status.code(), Some(5), "{said}");
    let words = "warning: capturing ended early: wl0: ";
    assert_eq!(said.matches(words).count(), 1, "{said}");
    assert!(said.contains("the other interfaces are still captured"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"kind\":\"summary\""), "{said}");
}

#[test]
fn what_cannot_be_captured_is_said_before_anything_is_opened() {
    let cases: [(&[&str], i32, &[&str]); 6] = [
        (
            &["-i", "lo", "-f", "tcp prot 8080"],
            2,
            &["the capture filter is wrong: ", "tcp prot 8080", "pcap-filter(7)"],
        ),
        (&["-i", "loo"], 4, &["there is no interface 'loo'", "did you mean: lo?", "wslens interfaces"]),
        (&["-i", "lo", "-Y", "opcod == text"], 2, &["unknown field"]),
        (&["-i", "lo", "--ring", "3x1MB"], 2, &["--write"]),
        (&["-i", "lo", "-w", "x", "--ring", "many"], 2, &["10x100MB"]),
        (&["-i", "lo", "--for", "soon"], 2, &["10s"]),
    ];
    for (args, code, words) in cases {
        let output = Command::new(WSLENS).arg("live").args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?}: {said}");
        }
    }
}

#[test]
fn interfaces_are_listed_with_what_to_use() {
    let output = Command::new(WSLENS).arg("interfaces").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let lo = text.lines().find(|line| line.starts_with(" lo ") || line.starts_with(" lo0 ")).expect(&text);
    assert!(
        lo.contains("127.0.0.1") && lo.contains("up") && lo.ends_with("for servers on this machine"),
        "{text}"
    );
    assert!(text.lines().last().unwrap().starts_with("capture now: "), "{text}");
}

#[test]
fn what_tcpdump_writes_into_a_pipe_is_shown_as_it_comes() {
    if !may_capture() {
        return;
    }
    let (listener, filter) = listen();
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.args(["-i", "lo", "-U", "-w", "-", &filter]).stdout(Stdio::piped()).stderr(Stdio::piped());
    if is_root() {
        tcpdump.args(["-Z", "root"]);
    }
    let Ok(mut tcpdump) = tcpdump.spawn() else { return eprintln!("skipped: no tcpdump") };
    let mut ready = String::new();
    let mut words = BufReader::new(tcpdump.stderr.take().unwrap());
    while !ready.contains("listening on") && words.read_line(&mut ready).unwrap() > 0 {}
    let mut wslens = Command::new(WSLENS)
        .args(["-", "--format", "ndjson"])
        .stdin(tcpdump.stdout.take().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(wslens.stdout.take().unwrap());
    let (mut client, _) = {
        let server = thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            while socket.read().is_ok() {}
        });
        let address = format!("127.0.0.1:{}", filter.rsplit(' ').next().unwrap());
        let stream = TcpStream::connect(&address).unwrap();
        (tungstenite::client(format!("ws://{address}/"), stream).unwrap().0, server)
    };
    // Each message is printed before the next one is sent.
    for n in 0..3 {
        client.send(Message::text(format!("number {n}"))).unwrap();
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("\"text\":\"number {n}\"")), "{line}");
    }
    client.close(None).unwrap();
    while client.read().is_ok() {}
    for _ in 0..2 {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.contains("\"op\":\"close\""), "{line}");
    }
    // As Ctrl-C does: both hear it.
    for id in [wslens.id(), tcpdump.id()] {
        Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap();
    }
    tcpdump.wait().unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    assert_eq!(wslens.wait().unwrap().code(), Some(0));
}

/// Real libraries as peers, recorded by tcpdump too: see tests/peers.
#[test]
fn what_other_libraries_say_they_sent_is_what_is_captured() {
    if !may_capture() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kit = std::env::var_os("PEERS_KIT").map_or_else(|| root.join("target/peers"), Into::into);
    for peer in ["websockets", "node", "tungstenite"] {
        let out = tempfile::tempdir().unwrap();
        let wslens =
            Running::on_lo(&["-f", "tcp", "--level", "all", "--payload", "full", "--keep", "1MiB"]).read_on();
        let record = Command::new("python3")
            .arg(root.join("tests/peers/record.py"))
            .args(["--peer", peer, "--seed", "3", "--out"])
            .arg(out.path())
            .arg("--kit")
            .arg(&kit)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // In a network of their own nobody would hear them here.
            .env("WSLENS_PEERS_NESTED", "1")
            .output();
        let end = wslens.end();
        let Ok(record) = record.and_then(|record| {
            if record.status.success() {
                Ok(record)
            } else {
                Err(std::io::Error::other(String::from_utf8_lossy(&record.stderr).trim().to_owned()))
            }
        }) else {
            eprintln!("skipped: {peer} cannot be had here");
            continue;
        };
        drop(record);
        assert_eq!(end.code, Some(0), "{}", end.said);
        let log = fs::read_to_string(out.path().join("messages.ndjson")).unwrap();
        // Other tests talk on the loopback too.
        let port = |line: &str| serde_json::from_str::<Value>(line).unwrap()["port"].as_u64().unwrap();
        let clients: Vec<String> = log.lines().map(|line| format!(":{}", port(line))).collect();
        let mut live = end.output();
        let losses = live.summary()["losses"].clone();
        let ours = |record: &Value| {
            clients.iter().any(|port| record["client"].as_str().unwrap_or_default().ends_with(port))
        };
        let conns: Vec<Value> =
            live.connections().into_iter().filter(|c| ours(c)).map(|c| c["conn"].clone()).collect();
        live.records.retain(|record| conns.contains(&record["conn"]));
        let about = format!("{peer}, of {} connections, losses {losses}, {}", conns.len(), end.said);
        let equal = crate::captures::compare_all(&live, &log, &about);
        assert_eq!(equal, log.lines().count(), "{about}");
    }
}
