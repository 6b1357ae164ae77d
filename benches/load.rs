//! Captures that are meant to cost too much, at full size: how long each takes, and how much memory.
//!
//! ```text
//! cargo bench --bench load -- all            # or one of the names below
//! ```
//!
//! Each capture comes through a pipe into a process of its own, which reads it as `wslens read - --level all` does.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::cast_possible_truncation
)]

use std::io::{self, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wslens::capture::Capture;
use wslens::drive::run;
use wslens::pipeline::{Limits, Pipeline};
use wslens::report::ndjson::Ndjson;
use wslens::report::{Levels, PayloadMode, Report as _, Selection};

#[path = "../tests/support/forge.rs"]
mod forge;

use forge::{
    BINARY, C2S, CONTINUATION, Conversation, DeflateSpec, Frame, LengthForm, Packet, PcapFormat, S2C, Script,
    Split, interleave, pcap,
};

const CASES: [&str; 7] =
    ["huge-frame", "fragments", "bomb", "connections", "half-open", "tiny-frames", "holes"];
const START: i64 = 1_767_225_600_000_000_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.first().map(String::as_str) {
        Some("read") => read(),
        Some("all") => CASES.iter().for_each(|case| measure(case)),
        Some(case) if CASES.contains(&case) => measure(case),
        _ => println!("usage: load all | {}", CASES.join(" | ")),
    }
    ExitCode::SUCCESS
}

/// Reads standard input, and says what that took.
fn read() {
    let start = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let sampler = std::thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let mut peak = 0;
            while !over.load(Ordering::Relaxed) {
                peak = peak.max(anonymous());
                std::thread::sleep(Duration::from_millis(2));
            }
            peak.max(anonymous())
        }
    });
    let mut capture = Capture::from_reader(Box::new(io::stdin())).expect("a capture");
    let selection = Selection { levels: Levels::ALL, payload: PayloadMode::Full, ..Selection::default() };
    let mut sink = Ndjson::new(io::sink(), selection, false);
    let mut pipeline = Pipeline::new(Limits::default().live());
    let summary = run(&mut capture, &mut pipeline, &mut sink, |_, _| true);
    sink.finish(&summary).expect("nothing is written");
    over.store(true, Ordering::Relaxed);
    let peak = sampler.join().unwrap_or_default();
    let totals = &summary.totals;
    let findings: Vec<String> =
        totals.findings.iter().map(|(rule, count)| format!("{} {count}", rule.code)).collect();
    println!(
        "{} packets, {} connections, {} WebSockets, {} frames, {} messages; {:.2} s, peak {peak} KiB; {}",
        summary.packets,
        totals.tcp_connections,
        totals.websockets,
        totals.frames,
        totals.messages,
        start.elapsed().as_secs_f64(),
        findings.join(", ")
    );
}

/// Memory that is no mapped file, in KiB: the pipe's window is a file without a name, whose pages the system may drop.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

fn measure(case: &str) {
    let file = capture(case);
    print!("{case}: {:.1} MB, ", file.len() as f64 / 1e6);
    let _ = io::stdout().flush();
    let me = std::env::current_exe().expect("this program");
    let mut child = Command::new(me).arg("read").stdin(Stdio::piped()).spawn().expect("a process");
    child.stdin.take().expect("a pipe").write_all(&file).expect("it reads to the end");
    child.wait().expect("it ends");
}

fn talk(client: &str) -> Conversation {
    Conversation::new(client, "10.0.0.2:80")
}

/// The client of a connection.
fn client(i: usize) -> String {
    format!("10.{}.{}.{}:{}", 1 + i / 62_500 % 200, i / 250 % 250, i % 250, 1024 + i / 12_500_000)
}

fn written(packets: &[Packet]) -> Vec<u8> {
    pcap(packets, PcapFormat::default())
}

fn file(talk: &Conversation, split: &Split) -> Vec<u8> {
    written(&Script::new(talk, split).packets())
}

fn capture(case: &str) -> Vec<u8> {
    let one = talk("10.0.0.1:50000");
    match case {
        // The header says 2^63 - 1 bytes; 200 MB of them come.
        "huge-frame" => {
            let frame = Frame::new(BINARY, "").length(LengthForm::Claim(i64::MAX as u64));
            let talk = one.frame(S2C, &frame).raw(S2C, &vec![0x55; 200 << 20]).no_close();
            file(&talk, &Split::Writes(1460))
        }
        "fragments" => {
            let talk = (0..1_000_000).fold(one, |talk, i| {
                talk.part(C2S, if i == 0 { BINARY } else { CONTINUATION }, i == 999_999, b"x")
            });
            file(&talk.text(S2C, "after").closed(1000), &Split::Merged(1460))
        }
        "bomb" => {
            let talk = one.deflate(DeflateSpec::default()).binary(S2C, &vec![0; 100_000_000]);
            file(&talk.text(S2C, "after").closed(1000), &Split::Writes(1460))
        }
        // All of them stay open; later ones push the idle ones out.
        "connections" => written(&interleave((0..100_000).map(|i| {
            let talk = talk(&client(i)).text(C2S, "hello").text(S2C, "and hello").no_close();
            Script::new(&talk, &Split::Writes(1460)).clock(START + i as i64 * 100_000, 300_000_000).packets()
        }))),
        "half-open" => {
            let syn = |i| {
                let script = Script::new(&talk(&client(i)), &Split::Writes(1460));
                script.clock(START + i as i64 * 250_000, 1).packets().swap_remove(0)
            };
            written(&(0..20_000).map(syn).collect::<Vec<_>>())
        }
        "tiny-frames" => {
            let talk = (0..100_000).fold(one, |talk, _| talk.binary(C2S, b"x"));
            file(&talk.closed(1000), &Split::Merged(1460))
        }
        // A thousand streams wait for a segment that never comes, with 600 KB each.
        _ => written(&interleave((0..1000).map(|i| {
            let talk = talk(&client(i)).binary(S2C, &vec![7; 600_000]).no_close();
            let script = Script::new(&talk, &Split::Writes(1460));
            let lost = script.data(S2C)[1];
            script.lose(lost).clock(START + i as i64, 1_000_000).packets()
        }))),
    }
}
