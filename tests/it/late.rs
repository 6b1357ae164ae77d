//! TLS connections whose secrets come while the capture is read: after some packets, after the connection's end, or never.

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use wslens::capture::{Capture, Options as CaptureOptions};
use wslens::model::{Bytes, PacketRef, Span, Time};
use wslens::pipeline::{Limits, Pipeline, Secrets, Summary};
use wslens::report::ndjson::Ndjson;
use wslens::report::{Levels, PayloadMode, Report as _, Selection};
use wslens::store::{Detail, Options, Request, Session};

use crate::read::{Output, keep_all};
use crate::wss::{blocks, folder_of, with_keys, without_of};

/// Connections that may wait for their secrets after their end: as in docs/RELIABILITY.md.
const ENDED: usize = 8192;

fn file() -> Vec<u8> {
    without_of(&fs::read(folder_of("wss").join("capture.pcapng")).unwrap(), &[])
}

fn log() -> Vec<u8> {
    fs::read(folder_of("wss").join("keys.log")).unwrap()
}

/// Packets with their bytes, of which the first ones may be gone.
#[derive(Default)]
struct Tape {
    bytes: Vec<u8>,
    packets: Vec<PacketRef>,
    gone: u64,
}

impl Bytes for Tape {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        let start = usize::try_from(span.start).ok()?;
        self.bytes.get(start..start + span.len as usize).filter(|_| span.start >= self.gone)
    }
}

impl Tape {
    /// Adds the packets of the capture, a second later; `change` may drop one, or change its bytes.
    fn add(&mut self, change: impl Fn(u64, &mut Vec<u8>) -> bool) {
        let mut capture = Capture::from_bytes(file()).unwrap();
        let start = self.packets.last().map_or(0, |last| last.time.0 + 1_000_000_000);
        let mut first = None;
        while let Some(packet) = capture.next() {
            let mut bytes = capture.bytes(packet.bytes).unwrap().to_vec();
            let first = *first.get_or_insert(packet.time.0);
            if change(packet.number, &mut bytes) {
                self.push(&packet, Time(start + packet.time.0 - first), &bytes);
            }
        }
    }

    fn push(&mut self, like: &PacketRef, time: Time, bytes: &[u8]) {
        let span = Span { start: self.bytes.len() as u64, len: bytes.len() as u32 };
        self.bytes.extend_from_slice(bytes);
        let number = self.packets.len() as u64 + 1;
        self.packets.push(PacketRef { number, time, bytes: span, ..*like });
    }
}

/// Where the TCP header begins: behind Ethernet and IPv4.
const TCP: usize = 34;

/// Changes bytes of a TCP header, and makes its checksum right (RFC 9293, section 3.1).
fn patch(packet: &mut [u8], at: usize, new: &[u8]) {
    packet[TCP + at..TCP + at + new.len()].copy_from_slice(new);
    packet[TCP + 16..TCP + 18].fill(0);
    let words = |bytes: &[u8]| -> u64 {
        bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum()
    };
    // Protocol and length are part of it, and both addresses.
    let mut sum = 6 + (packet.len() - TCP) as u64 + words(&packet[TCP - 8..]);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[TCP + 16..TCP + 18].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

fn number(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(packet[TCP + at..TCP + at + 4].try_into().unwrap())
}

fn is_from_server(packet: &[u8]) -> bool {
    packet[TCP..TCP + 2] == 18104u16.to_be_bytes()
}

/// A capture that is read packet by packet.
struct Reading {
    tape: Tape,
    secrets: Secrets,
    pipeline: Pipeline,
    sink: Ndjson<Shared>,
    out: Shared,
    next: usize,
}

#[derive(Clone, Default)]
struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Reading {
    fn new(tape: Tape, limits: Limits) -> Self {
        let secrets = Secrets::default();
        secrets.set_growing();
        let pipeline = Pipeline::new(Limits { secrets: secrets.clone(), ..limits });
        let selection = Selection { levels: Levels::ALL, payload: PayloadMode::Full, ..Selection::default() };
        let out = Shared::default();
        Self { tape, secrets, pipeline, sink: Ndjson::new(out.clone(), selection, true), out, next: 0 }
    }

    /// Reads up to and with a packet.
    fn read(&mut self, packet: usize) {
        while self.next < packet.min(self.tape.packets.len()) {
            self.use_secrets();
            self.pipeline.packet(&self.tape.packets[self.next], &self.tape, &mut self.sink);
            self.next += 1;
        }
    }

    fn use_secrets(&mut self) {
        if self.pipeline.has_new_secrets() {
            self.pipeline.use_new_secrets(&self.tape, &mut self.sink);
        }
    }

    fn output(&self) -> Output {
        let text = String::from_utf8(self.out.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let records = lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
        Output { lines, records }
    }

    fn count(&self, kind: &str) -> usize {
        self.output().kind(kind).count()
    }

    fn end(mut self) -> Output {
        self.read(usize::MAX);
        self.pipeline.end(&self.tape, &mut self.sink);
        let out = self.out.clone();
        let summary = Summary { totals: self.pipeline.totals(), ..Summary::default() };
        self.sink.finish(&summary).unwrap();
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let records = lines.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
        Output { lines, records }
    }
}

/// The records but the summary, in an order of their own; numbers of connections are by whoever is read first.
fn sorted(output: &Output) -> Vec<String> {
    let mut records: Vec<Value> = output.records.clone();
    records.retain(|record| record["kind"] != "summary");
    let urls: Vec<(Value, Value)> =
        output.connections().iter().map(|c| (c["conn"].clone(), c["tcp_stream"].clone())).collect();
    for record in &mut records {
        if let Some((_, stream)) = urls.iter().find(|(conn, _)| *conn == record["conn"]) {
            record["conn"] = stream.clone();
        }
    }
    let mut lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

#[test]
fn whenever_the_secrets_come_everything_is_read_as_if_they_had_been_there() {
    let early = with_keys(file(), &log());
    assert_eq!((early.connections().len(), early.messages().len()), (3, 21));
    let early = sorted(&early);
    let packets = 136;
    for after in 0..=packets {
        let mut tape = Tape::default();
        tape.add(|_, _| true);
        let first = Capture::from_bytes(file()).unwrap().next().unwrap().time.0;
        tape.packets.iter_mut().for_each(|packet| packet.time.0 += first);
        assert_eq!(tape.packets.len(), packets);
        let mut reading = Reading::new(tape, keep_all());
        reading.read(after);
        assert!(after == 0 || reading.count("connection") + reading.count("tls") == 0, "{after}");
        reading.secrets.add(&log());
        reading.use_secrets();
        // Those that ended are read at once, without any further packet.
        let ended = [45, 90, 135].iter().filter(|end| **end <= after).count();
        assert_eq!(reading.count("connection"), ended, "{after}");
        let late = reading.end();
        assert!(sorted(&late) == early, "secrets after packet {after}");
    }
}

#[test]
fn one_whose_secrets_never_come_is_reported_once_at_the_end() {
    let mut tape = Tape::default();
    tape.add(|_, _| true);
    let mut reading = Reading::new(tape, keep_all());
    reading.read(usize::MAX);
    assert_eq!(reading.count("tls"), 0, "they may still come");
    // Those of another connection, and half of those of one.
    let log = String::from_utf8(log()).unwrap();
    let half: Vec<&str> =
        log.lines().filter(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0")).take(1).collect();
    reading.secrets.add(format!("CLIENT_RANDOM {} {}\n", "ab".repeat(32), "cd".repeat(48)).as_bytes());
    reading.secrets.add(format!("{}\n", half[0]).as_bytes());
    reading.use_secrets();
    assert_eq!(reading.count("connection"), 0);
    let output = reading.end();
    let streams: Vec<_> =
        output.kind("tls").map(|tls| (tls["why"].clone(), tls["tcp_stream"].clone())).collect();
    assert!(streams.len() >= 2 && streams.iter().all(|(why, _)| why == "no-secret"), "{streams:?}");
    let mut unique = streams.clone();
    unique.dedup();
    assert_eq!(unique, streams);
}

#[test]
fn a_connection_on_the_same_ports_does_not_touch_one_that_waits() {
    let mut tape = Tape::default();
    // The first connection; another one in its place while it is open; and once more after that one has ended.
    tape.add(|number, _| number <= 43);
    for _ in 0..2 {
        let shift = tape.packets.len() as u32 * 1_000_003;
        tape.add(|number_of, packet| {
            // The client's numbers are others, and the server's are the same.
            let at = if is_from_server(packet) { 8 } else { 4 };
            let moved = number(packet, at).wrapping_add(shift);
            patch(packet, at, &moved.to_be_bytes());
            number_of <= 46
        });
    }
    let mut reading = Reading::new(tape, keep_all());
    reading.read(usize::MAX);
    reading.secrets.add(&log());
    reading.use_secrets();
    assert_eq!(reading.count("connection"), 3);
    let output = reading.end();
    let states: Vec<_> =
        output.connections().iter().map(|c| (c["tcp_stream"].clone(), c["state"].clone())).collect();
    let expected = [(0, "timed-out"), (1, "closed"), (2, "closed")];
    assert_eq!(states, expected.map(|(stream, state)| (stream.into(), state.into())));
    for connection in output.connections() {
        let said: Vec<_> =
            output.messages().into_iter().filter(|m| Some(m.conn) == connection["conn"].as_u64()).collect();
        assert_eq!(said.len(), 7, "{connection}");
        assert!(said.iter().all(|message| message.integrity == "ok"));
    }
    assert_eq!(output.kind("tls").count(), 0);
}

/// Connections that end right after their handshakes, on ports of their own.
fn short_ones(count: usize) -> Tape {
    let mut whole = Tape::default();
    whole.add(|number, _| number <= 7);
    let mut tape = Tape::default();
    for n in 0..count {
        let port = (1024 + n as u16).to_be_bytes();
        let time = |packet: &PacketRef| Time(packet.time.0 + n as i64 * 1_000_000_000);
        let mut put = |packet: &PacketRef, change: &dyn Fn(&mut [u8])| {
            let mut bytes = whole.bytes(packet.bytes).unwrap().to_vec();
            let at = if is_from_server(&bytes) { 2 } else { 0 };
            patch(&mut bytes, at, &port);
            change(&mut bytes);
            tape.push(packet, time(packet), &bytes);
        };
        whole.packets.iter().for_each(|packet| put(packet, &|_| {}));
        let fin = |bytes: &mut [u8]| {
            let flags = [bytes[TCP + 12], bytes[TCP + 13] | 1];
            patch(bytes, 12, &flags);
        };
        // The client's last acknowledgment and the server's, now with FIN.
        let client_next = number(whole.bytes(whole.packets[6].bytes).unwrap(), 4);
        let server_next = number(whole.bytes(whole.packets[6].bytes).unwrap(), 8);
        put(&whole.packets[6], &fin);
        put(&whole.packets[4], &|bytes| {
            patch(bytes, 4, &server_next.to_be_bytes());
            patch(bytes, 8, &(client_next + 1).to_be_bytes());
            fin(bytes);
        });
    }
    tape
}

#[test]
fn so_many_wait_at_most_and_the_oldest_are_reported_first() {
    let mut reading = Reading::new(short_ones(ENDED + 5), keep_all());
    reading.read(usize::MAX);
    let unread: Vec<_> =
        reading.output().kind("tls").map(|tls| tls["tcp_stream"].as_u64().unwrap()).collect();
    assert_eq!(unread, (0..5).collect::<Vec<_>>());
    // All have the same client random, and nobody said anything inside TLS.
    reading.secrets.add(&log());
    reading.use_secrets();
    let output = reading.end();
    let unread: Vec<_> = output.kind("tls").map(|tls| tls["tcp_stream"].as_u64().unwrap()).collect();
    assert_eq!(unread, (0..5).collect::<Vec<_>>());
}

#[test]
fn one_whose_bytes_are_gone_is_reported_while_the_capture_goes_on() {
    let mut tape = Tape::default();
    tape.add(|number, _| number <= 46);
    let first = tape.bytes.len() as u64;
    tape.add(|number, _| number > 46);
    let mut reading = Reading::new(tape, keep_all());
    reading.read(60);
    assert_eq!(reading.count("tls"), 0);
    reading.tape.gone = first;
    reading.read(100);
    let unread: Vec<_> = reading.output().kind("tls").map(|tls| tls["tcp_stream"].clone()).collect();
    assert_eq!(unread, [0]);
    reading.secrets.add(&log());
    let output = reading.end();
    assert_eq!(output.kind("tls").count(), 1);
    let streams: Vec<_> = output.connections().iter().map(|c| c["tcp_stream"].clone()).collect();
    assert_eq!(streams, [1, 2]);
}

#[test]
fn bytes_of_connections_that_wait_are_needed_until_those_are_read() {
    let mut tape = Tape::default();
    tape.add(|_, _| true);
    // The ClientHello of the first connection, which ends with packet 45, and of the second one.
    let [first, second] = [4, 50].map(|number: usize| tape.packets[number - 1].bytes);
    let mut reading = Reading::new(tape, keep_all());
    let is_in = |address: u64, span: Span| (span.start..span.start + u64::from(span.len)).contains(&address);
    for packet in [30, 60] {
        reading.read(packet);
        assert!(is_in(reading.pipeline.oldest_needed(), first), "after packet {packet}");
    }
    let log = String::from_utf8(log()).unwrap();
    let random = log.lines().find_map(|line| line.strip_prefix("SERVER_TRAFFIC_SECRET_0 ")).unwrap();
    let of_first = log.split_inclusive('\n').filter(|line| line.contains(&random[..64])).collect::<String>();
    reading.secrets.add(of_first.as_bytes());
    reading.use_secrets();
    assert_eq!(reading.count("connection"), 1);
    assert!(is_in(reading.pipeline.oldest_needed(), second));
    reading.secrets.add(log.as_bytes());
    reading.use_secrets();
    assert!(reading.pipeline.oldest_needed() > second.start + u64::from(second.len));
}

#[test]
fn details_of_a_connection_that_was_read_after_its_end_are_those_of_any_other() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let secrets = Secrets::default();
    secrets.set_growing();
    let file = file();
    let all = blocks(&file);
    let last = all.iter().rfind(|(kind, _)| *kind == 6).unwrap().1;
    let how = CaptureOptions { keep: true, ..CaptureOptions::default() };
    let write = file.clone();
    let head = std::thread::spawn(move || {
        writer.write_all(&write).unwrap();
        writer
    });
    let capture = Capture::from_reader_with(Box::new(reader), &how).unwrap();
    let mut writer = head.join().unwrap();
    let limits = Limits { secrets: secrets.clone(), ..Limits::default() };
    let mut session = Session::read(capture, Options { interval: 8, limits, ..Options::default() }).unwrap();
    let start = Instant::now();
    while session.version() == 0 || session.progress().packets < 136 {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
    {
        let index = session.index();
        assert_eq!(
            (index.connections.len(), index.sealed.len(), index.sealed_count),
            (0, 3, 3),
            "as not read yet"
        );
    }
    secrets.add(&log());
    // A pipe is looked at with its next packet.
    writer.write_all(last).unwrap();
    drop(writer);
    session.wait();
    {
        let index = session.index();
        assert_eq!((index.connections.len(), index.sealed.len(), index.sealed_count), (3, 0, 0));
    }
    for connection in 1..=3 {
        assert!(session.index().connection(connection).unwrap().state.is_some());
        assert!(session.packets_of(connection).unwrap().total() >= 45);
        for message in 1..=7 {
            let Ok(Detail::Message(detail)) = session.load(&Request::Message { connection, message }) else {
                panic!("message {message} of {connection}");
            };
            assert!(detail.whole && !detail.frames.is_empty(), "message {message}");
            assert!(detail.frames.iter().all(|frame| !frame.pieces.is_empty()));
        }
        for frame in 1..=session.index().frames(connection).len() as u64 {
            assert!(
                session.load(&Request::Frame { connection, frame }).is_ok(),
                "frame {frame} of {connection}"
            );
        }
    }
}
