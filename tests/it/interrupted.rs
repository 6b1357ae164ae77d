//! Ctrl-C: the program ends soon, whatever it waits for, and says what it has not done.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::forge::{C2S, Conversation, PcapFormat, Script, Split, pcap};

const WSLENS: &str = env!("CARGO_BIN_EXE_wslens");
/// Longer than the second that is promised, for busy machines; before, some of these did not end at all.
const MOST: Duration = Duration::from_secs(20);

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(WSLENS);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Interrupts it, and returns its exit status and what it said.
fn interrupt(child: &mut Child) -> (Option<i32>, String) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > MOST {
            child.kill().unwrap();
            panic!("the program has not ended after {MOST:?}");
        }
        thread::sleep(Duration::from_millis(10));
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status.code(), said)
}

/// A capture of so many messages of a client.
fn capture(messages: usize) -> Vec<u8> {
    let talk = (0..messages)
        .fold(Conversation::new("10.0.0.1:1234", "10.0.0.2:80"), |talk, _| talk.text(C2S, "hello"));
    pcap(&Script::new(&talk, &Split::Writes(1460)).packets(), PcapFormat::default())
}

#[test]
fn a_pipe_that_says_nothing_is_left() {
    let mut child = start(&["read", "-", "--level", "all", "--format", "ndjson"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&capture(3)).unwrap();
    input.flush().unwrap();
    // Once the first message is out, the program waits for more.
    let mut output = child.stdout.take().unwrap();
    let mut first = [0; 1];
    output.read_exact(&mut first).unwrap();
    let (code, said) = interrupt(&mut child);
    let mut text = String::from_utf8(first.to_vec()).unwrap();
    output.read_to_string(&mut text).unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(text.matches("\"kind\":\"message\"").count(), 3, "{text}");
    assert!(text.lines().last().unwrap().contains("\"kind\":\"summary\""), "{text}");
    drop(input);
}

#[test]
fn output_that_nobody_reads_is_left() {
    let mut child = start(&["read", "-", "--format", "ndjson"]);
    let mut input = child.stdin.take().unwrap();
    let feeder = thread::spawn(move || {
        // Ends with an error when the program does.
        let _ = input.write_all(&capture(20_000));
    });
    // More than a pipe holds.
    thread::sleep(Duration::from_secs(1));
    let (code, said) = interrupt(&mut child);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("stopped before everything was printed"), "{said}");
    feeder.join().unwrap();
}
