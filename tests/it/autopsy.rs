//! What lies below an end: closed windows, silences, bytes that were sent again, a RST from elsewhere, pongs that wait.
//!
//! The packets behind an ordinary conversation are made one by one, each with its time.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use wslens::model::{Direction, Flags};

use crate::read::{Output, read};
use crate::support::forge::{
    C2S, Conversation, Frame, Link, PONG, Packet, PcapFormat, S2C, Script, Split, TEXT, Tcp, framed, pcap,
    side, sum, tcp_packet,
};

const SERVER: &str = "10.0.0.2:80";
const CLIENT: &str = "10.0.0.1:50000";

/// A conversation that is open, and packets behind it.
struct Tail {
    packets: Vec<Packet>,
    time: i64,
    next: [u32; 2],
}

impl Tail {
    fn new(talk: &Conversation) -> Self {
        let packets = Script::new(talk, &Split::Writes(1460)).packets();
        let mut next = [0; 2];
        for packet in &packets {
            let be32 = |at: usize| u32::from_be_bytes(packet.bytes[at..at + 4].try_into().unwrap());
            let from_client = packet.bytes[26..30] == [10, 0, 0, 1];
            let flags = packet.bytes[47];
            let headers = 34 + usize::from(packet.bytes[46] >> 4) * 4;
            let len = (packet.bytes.len() - headers) as u32 + u32::from(flags & Flags::SYN);
            next[usize::from(!from_client)] = be32(38).wrapping_add(len);
        }
        let time = packets.last().unwrap().time;
        Self { packets, time, next }
    }

    /// A segment after so many seconds. `back`: it begins so many bytes before what is next.
    fn segment(
        mut self,
        after: f64,
        dir: Direction,
        flags: u8,
        window: u16,
        back: u32,
        payload: &[u8],
    ) -> Self {
        let ends: [SocketAddr; 2] = [CLIENT.parse().unwrap(), SERVER.parse().unwrap()];
        let (from, to) = (side(dir), side(dir.opposite()));
        self.time += (after * 1e9) as i64;
        let seq = self.next[from].wrapping_sub(back);
        let ip = tcp_packet(&Tcp {
            from: ends[from],
            to: ends[to],
            seq,
            ack: self.next[to],
            flags: flags | Flags::ACK,
            window,
            options: &[],
            payload,
            checksum_off: 0,
            id: self.packets.len() as u16 + 1000,
        });
        self.packets.push(framed(self.time, Link::Ethernet, &[], dir == C2S, ip));
        if back == 0 {
            self.next[from] = seq.wrapping_add(payload.len() as u32 + u32::from(flags & Flags::FIN != 0));
        }
        self
    }

    fn ack(self, after: f64, dir: Direction, window: u16) -> Self {
        self.segment(after, dir, 0, window, 0, &[])
    }

    fn data(self, after: f64, dir: Direction, payload: &[u8]) -> Self {
        self.segment(after, dir, Flags::PSH, 60_000, 0, payload)
    }

    fn probe(self, after: f64, dir: Direction) -> Self {
        self.segment(after, dir, 0, 60_000, 1, &[])
    }

    fn rst(self, after: f64, dir: Direction) -> Self {
        self.segment(after, dir, Flags::RST, 0, 0, &[])
    }

    fn ttl(mut self, ttl: u8) -> Self {
        let ip = &mut self.packets.last_mut().unwrap().bytes[14..34];
        ip[8] = ttl;
        ip[10..12].fill(0);
        let check = !sum(&[ip]);
        ip[10..12].copy_from_slice(&check.to_be_bytes());
        self
    }

    /// The last bytes of a side once more.
    fn again(self, after: f64, dir: Direction, payload: &[u8]) -> Self {
        self.segment(after, dir, Flags::PSH, 60_000, payload.len() as u32, payload)
    }

    fn read(self) -> Output {
        read(pcap(&self.packets, PcapFormat { nanos: true, ..PcapFormat::default() }))
    }

    fn end(self) -> Value {
        let output = self.read();
        assert_eq!(output.connections().len(), 1);
        output.connections()[0]["end"].clone()
    }
}

fn open() -> Tail {
    let talk = Conversation::new(CLIENT, SERVER).text(C2S, "subscribe").text(S2C, "done");
    Tail::new(&talk.no_close())
}

fn frame(dir: Direction, op: u8, text: &str) -> Vec<u8> {
    let frame = Frame::new(op, text);
    if dir == C2S { frame.masked([1, 2, 3, 4]).wire() } else { frame.wire() }
}

fn causes(end: &Value) -> Vec<&str> {
    end["causes"].as_array().unwrap().iter().map(|cause| cause["cause"].as_str().unwrap()).collect()
}

fn fits(end: &Value) -> Vec<&str> {
    end["causes"][0]["fits"].as_array().unwrap().iter().map(|fit| fit.as_str().unwrap()).collect()
}

fn about(value: &Value, seconds: f64) -> bool {
    (value.as_f64().unwrap() - seconds).abs() < 0.01
}

#[test]
fn a_receiver_that_stops_reading_is_told_with_how_long_and_whose_it_is() {
    let mut tail = open().ack(0.1, C2S, 0);
    for wait in [0.4, 0.8, 1.6, 3.2, 6.4] {
        tail = tail.probe(wait, S2C).ack(0.001, C2S, 0);
    }
    let output = tail.rst(3.0, S2C).read();
    let end = &output.connections()[0]["end"];
    assert_eq!(causes(end), ["zero-window"], "{end}");
    let (client, server) = (&end["zero_window"]["client"], &end["zero_window"]["server"]);
    assert_eq!(
        (client["times"].as_u64(), client["probes"].as_u64(), server["times"].as_u64()),
        (Some(1), Some(5), Some(0))
    );
    assert!(about(&client["closed"], 0.4 + 0.8 + 1.6 + 3.2 + 6.4 + 5.0 * 0.001 + 3.0), "{end}");
    assert!(client["since_packet"].is_u64());
    // Its probes are no keep-alive of an idle connection.
    assert_eq!(output.findings("tcp-window-probe").len(), 5);
    assert_eq!(output.findings("tcp-keep-alive").len(), 0);
    assert_eq!(output.findings("tcp-zero-window").len(), 1);
}

#[test]
fn a_window_that_opened_again_is_no_cause() {
    let text = frame(S2C, TEXT, "more");
    let tail = open().ack(0.1, C2S, 0).ack(2.0, C2S, 60_000).data(0.1, S2C, &text).ack(0.1, C2S, 60_000);
    let end = tail.ack(1.0, C2S, 0).ack(0.5, C2S, 60_000).rst(70.0, S2C).end();
    assert!(!causes(&end).contains(&"zero-window"), "{end}");
    let client = &end["zero_window"]["client"];
    assert_eq!((client["times"].as_u64(), client["since_packet"].as_u64()), (Some(2), None), "{end}");
    assert!(about(&client["closed"], 2.5), "{end}");
}

#[test]
fn a_window_that_a_data_segment_opens_is_open() {
    // Bytes of the receiver that come in order say how much it takes, too.
    let text = frame(C2S, TEXT, "I read again");
    let tail = open().ack(0.1, C2S, 0).data(2.0, C2S, &text).ack(0.01, S2C, 60_000);
    let end = tail.ack(3.0, C2S, 0).rst(4.0, S2C).end();
    let client = &end["zero_window"]["client"];
    assert_eq!(client["times"], 2, "{end}");
    assert!(about(&client["closed"], 6.0), "{end}");
}

#[test]
fn probes_of_an_idle_connection_are_keep_alives() {
    let output = open().probe(45.0, S2C).ack(0.001, C2S, 60_000).rst(45.0, S2C).read();
    assert_eq!(output.findings("tcp-keep-alive").len(), 1);
    assert_eq!(output.findings("tcp-window-probe").len(), 0);
    assert!(output.connections()[0]["end"]["zero_window"].is_null());
}

#[test]
fn bytes_that_are_sent_again_are_no_silence() {
    let text = frame(C2S, TEXT, "are you there?");
    let mut tail = open().data(260.0, C2S, &text);
    for wait in [0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 38.4, 76.8] {
        tail = tail.again(wait, C2S, &text);
    }
    let end = tail.rst(146.7, C2S).end();
    // Envoy's 300 s are as long as the time since the first copy, and have nothing to do with it.
    assert_eq!(causes(&end), ["idle-dropped", "path-lost"], "{end}");
    assert_eq!(fits(&end), ["Azure Load Balancer, TCP idle timeout, 240 s"]);
    assert!(about(&end["idle"], 260.0), "{end}");
    let provoking = &end["provoking"];
    assert_eq!(
        (&provoking["by"], &provoking["resent"], &provoking["answered"]),
        (&"client".into(), &9.into(), &false.into())
    );
}

#[test]
fn retransmissions_without_a_silence_before_them_fit_no_timeout() {
    let text = frame(C2S, TEXT, "are you there?");
    let mut tail = open().data(1.0, C2S, &text);
    for wait in [1.0, 2.0, 4.0, 8.0, 16.0] {
        tail = tail.again(wait, C2S, &text);
    }
    let end = tail.rst(29.0, C2S).end();
    assert_eq!(causes(&end), ["path-lost"], "{end}");
    assert!(end["idle"].is_null() && end["provoking"].is_null(), "{end}");
}

#[test]
fn the_idle_time_is_that_before_the_packet_which_provoked_the_end() {
    let text = frame(C2S, TEXT, "hello again");
    let tail = || open().data(412.0, C2S, &text);
    let end = tail().rst(0.002, S2C).ttl(251).end();
    assert!(about(&end["idle"], 412.0), "{end}");
    assert_eq!(end["reset_ttl"], serde_json::json!({"rst": 251, "usual": 64}));
    assert_eq!(causes(&end), ["idle-dropped"]);
    assert_eq!(fits(&end).len(), 3, "{end}");
    assert_eq!(end["provoking"]["answered"], true);
    // An answer to it, or time, and the RST has another reason.
    let reply = frame(S2C, TEXT, "hello");
    let end = tail().data(0.01, S2C, &reply).rst(0.002, S2C).end();
    assert!(end["provoking"].is_null() && causes(&end).is_empty(), "{end}");
    let end = tail().ack(0.01, S2C, 60_000).rst(9.0, S2C).end();
    assert!(end["provoking"].is_null(), "{end}");
    // Keep-alive probes keep whatever is on the path awake.
    let mut tail = open();
    for _ in 0..10 {
        tail = tail.probe(45.0, C2S).ack(0.001, S2C, 60_000);
    }
    let end = tail.data(2.0, C2S, &text).rst(0.002, S2C).end();
    assert!(end["provoking"].is_object() && causes(&end).is_empty(), "{end}");
}

#[test]
fn who_ended_it_is_in_the_findings() {
    let output = open().rst(1.0, S2C).read();
    let [reset] = output.findings("tcp-reset")[..] else { panic!("{:?}", output.codes()) };
    assert_eq!(reset["dir"], "s2c");
    assert!(reset["text"].as_str().unwrap().contains("reset by the server (RST)"), "{reset}");
    let output = open()
        .segment(1.0, C2S, Flags::FIN, 60_000, 0, &[])
        .segment(0.01, S2C, Flags::FIN, 60_000, 0, &[])
        .read();
    let [end] = output.findings("closed-without-close")[..] else { panic!("{:?}", output.codes()) };
    assert!(end["text"].as_str().unwrap().contains("by the client"), "{end}");
}

#[test]
fn a_pong_that_waited_behind_data_is_late() {
    let (ping, pong) = (frame(C2S, 9, "p"), frame(S2C, PONG, "p"));
    let text = frame(S2C, TEXT, &"x".repeat(100));
    let waits = |tail: Tail, seconds: u32| {
        let mut tail = tail.data(0.1, C2S, &ping);
        for _ in 0..seconds {
            tail = tail.data(1.0, S2C, &text);
        }
        tail.data(0.001, S2C, &pong)
    };
    let output = waits(open(), 11).rst(1.0, S2C).read();
    let [late] = output.findings("pong-late")[..] else { panic!("{:?}", output.codes()) };
    let said = late["text"].as_str().unwrap();
    assert!(said.starts_with("pong 11.0 s after its ping in packet "), "{said}");
    assert!(said.ends_with("its sender sent 1122 bytes of other frames in between"), "{said}");
    assert_eq!(late["severity"], "warning");
    // Two seconds are late for a side that answers in 20 ms, but not for one of which nothing is known.
    assert_eq!(waits(open(), 2).read().findings("pong-late").len(), 0);
    let mut quick = open();
    for _ in 0..3 {
        quick = quick.data(1.0, C2S, &ping).data(0.02, S2C, &pong);
    }
    let output = waits(quick, 2).read();
    let [late] = output.findings("pong-late")[..] else { panic!("{:?}", output.codes()) };
    let said = late["text"].as_str().unwrap();
    assert!(said.contains("(usually 20 ms)") && said.contains("204 bytes"), "{said}");
}

#[test]
fn a_ping_that_starves_is_told_from_one_that_nobody_could_answer() {
    let ping = frame(C2S, 9, "p");
    let close =
        Frame::new(8, [&1011u16.to_be_bytes()[..], b"keepalive ping timeout"].concat()).masked([5; 4]).wire();
    let mut tail = open().data(0.1, C2S, &ping);
    for _ in 0..20 {
        tail = tail.data(1.0, S2C, &frame(S2C, TEXT, "news"));
    }
    let end = tail.data(0.1, C2S, &close).rst(0.1, C2S).end();
    assert_eq!(causes(&end), ["ping-timeout"], "{end}");
    assert_eq!(end["unanswered"][0]["heard"], true);
    let end = open().data(0.1, C2S, &ping).segment(20.0, C2S, Flags::FIN, 60_000, 0, &[]).end();
    assert_eq!(end["unanswered"][0]["heard"], false);
}

/// Inputs from reports, with what is true of them; where they are.
#[test]
fn ends_that_people_asked_about_are_told() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases");
    let told = [
        ("19-slow-consumer-zero-window.pcap", "/feed", "zero-window"),
        ("21-idle-ends.pcap", "/idle60", "idle-timeout"),
        ("21-idle-ends.pcap", "/nat350", "idle-dropped"),
        ("21-idle-ends.pcap", "/blackhole", "idle-dropped"),
        ("18-ping-starved.pcap", "/logs", "ping-timeout"),
    ];
    for (file, path, cause) in told {
        let Ok(bytes) = fs::read(cases.join(file)) else {
            eprintln!("skipped: {file} is not there");
            continue;
        };
        let output = read(bytes);
        let of = |connection: &&Value| connection["url"].as_str().unwrap().ends_with(path);
        let connections = output.connections();
        let connection = connections.iter().find(|connection| of(&&***connection)).unwrap();
        assert_eq!(causes(&connection["end"]).first(), Some(&cause), "{file} {path}");
    }
}
