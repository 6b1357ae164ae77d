//! Live capture under load: a real WebSocket server and client on the loopback, and `wslens live` beside them.
//!
//! `cargo bench --bench live -- WSLENS SECONDS RATE:TOGETHER…` runs the program WSLENS once for each load and prints a
//! row of the table: RATE messages of 150 bytes a second, TOGETHER of them in one write.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::{Bytes, Message};

/// Bytes of a message.
const LEN: usize = 150;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [program, seconds, loads @ ..] = args.as_slice() else {
        // `cargo bench` without arguments runs every bench.
        println!("live: benches/live.sh measures it");
        return;
    };
    let seconds = Duration::from_secs(seconds.parse().expect("seconds"));
    println!(
        "{:>9} {:>8} {:>11} {:>11} {:>11} {:>7} {:>9} {:>8} {:>8} {:>8} {:>9}",
        "asked/s",
        "a write",
        "sent/s",
        "sent",
        "seen",
        "CPU",
        "packets",
        "kernel",
        "interf.",
        "queue",
        "RSS MiB"
    );
    for load in loads {
        let (rate, together) = load.split_once(':').expect("RATE:TOGETHER");
        let (rate, together) = (rate.parse().expect("a rate"), together.parse().expect("a number"));
        println!("{}", row(program, seconds, rate, together));
    }
}

/// One load, measured.
fn row(program: &str, seconds: Duration, rate: u64, together: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let filter = format!("tcp port {port}");
    let mut wslens = Command::new(program)
        .args([
            "live",
            "-i",
            "lo",
            "-f",
            &filter,
            "--payload",
            "preview",
            "--format",
            "ndjson",
            "-o",
            "/dev/null",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("wslens starts");
    let mut words = BufReader::new(wslens.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("capturing on") {
        assert!(words.read_line(&mut said).expect("text") > 0, "wslens ended: {said}");
    }

    let server = thread::spawn(move || serve(&listener, seconds, rate, together));
    let begun = Instant::now();
    let received = receive(port);
    let sent = server.join().expect("the server ends");
    assert_eq!(sent, received, "TCP loses nothing");
    let took = begun.elapsed();
    // What waits is analysed: its own end says when.
    thread::sleep(Duration::from_millis(200));
    let (cpu, rss) = usage(&wslens);
    Command::new("kill").args(["-INT", &wslens.id().to_string()]).status().expect("kill");
    words.read_to_string(&mut said).expect("text");
    wslens.wait().expect("it ends");

    let number = |before: &str, after: &str| -> u64 {
        let at = said.find(after).map_or("", |at| said.get(..at).unwrap_or_default());
        let at = at.rsplit(before).next().unwrap_or_default();
        at.split_whitespace().next_back().and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    let seen = number(", ", " messages");
    format!(
        "{rate:>9} {together:>8} {:>11.0} {sent:>11} {seen:>11} {:>6.1}% {:>9} {:>8} {:>8} {:>8} {rss:>9}",
        sent as f64 / took.as_secs_f64(),
        100.0 * cpu / took.as_secs_f64(),
        number("\n", " packets,"),
        number(": ", " by the kernel"),
        number(", ", " by the interface"),
        number(", ", " in the spool"),
    )
}

/// Sends messages at a rate; answers how many, its closing frame included.
fn serve(listener: &TcpListener, seconds: Duration, rate: u64, together: u64) -> u64 {
    let (stream, _) = listener.accept().expect("a client");
    stream.set_nodelay(true).expect("no delay");
    let mut socket = tungstenite::accept(stream).expect("a handshake");
    let payload = Bytes::from(vec![b'x'; LEN]);
    let (begun, mut sent) = (Instant::now(), 0u64);
    while begun.elapsed() < seconds {
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent + together <= due {
            for _ in 0..together {
                let text = tungstenite::Utf8Bytes::try_from(payload.clone()).expect("text");
                socket.write(Message::Text(text)).expect("room");
            }
            socket.flush().expect("sent");
            sent += together;
        }
        thread::sleep(Duration::from_micros(500));
    }
    socket.close(None).expect("closed");
    while socket.read().is_ok() {}
    sent + 1
}

/// Receives messages until the server closes; answers how many.
fn receive(port: u16) -> u64 {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server");
    stream.set_nodelay(true).expect("no delay");
    let (mut socket, _) =
        tungstenite::client(format!("ws://127.0.0.1:{port}/load"), stream).expect("a handshake");
    let mut received = 0;
    while socket.read().is_ok() {
        received += 1;
    }
    received
}

/// Seconds of processor time that a program took, and the most memory it had, in MiB.
fn usage(child: &Child) -> (f64, u64) {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: u64 = peak.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
    ((ticks(11) + ticks(12)) / 100.0, kib / 1024)
}
