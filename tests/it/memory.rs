//! Memory stays bounded, whatever is captured: measured with an allocator that counts.

mod budget;
mod program;

use std::io::{self, Read};

use wslens::capture::Capture;
use wslens::drive::run;
use wslens::pipeline::{Limits, Pipeline};
use wslens::report::ndjson::Ndjson;
use wslens::report::{Levels, PayloadMode, Report as _, Selection, Summary};

use crate::support::effort::{Counting, held, peak};
use crate::support::failures;
use crate::support::forge::{
    BINARY, C2S, Conversation, DeflateSpec, Frame, LengthForm, Packet, PcapFormat, Rng, S2C, Script, Split,
    interleave, pcap,
};

#[global_allocator]
static COUNTING: Counting = Counting;

/// What was read, and the most that was held meanwhile.
struct Measured {
    summary: Summary,
    peak: usize,
}

/// Runs a capture as the program does, records thrown away.
fn measure(level: Levels, capture: impl FnOnce() -> Capture) -> Measured {
    measure_with(Limits::default(), level, capture)
}

fn measure_with(limits: Limits, level: Levels, capture: impl FnOnce() -> Capture) -> Measured {
    let (summary, peak) = peak(|| {
        let mut capture = capture();
        let selection = Selection { levels: level, payload: PayloadMode::Full, ..Selection::default() };
        let mut sink = Ndjson::new(io::sink(), selection, false);
        let summary = run(&mut capture, &mut Pipeline::new(limits), &mut sink, |_, _| true);
        sink.finish(&summary).unwrap();
        summary
    });
    Measured { summary, peak }
}

/// Runs a capture that is in memory; the file itself is not counted.
fn measure_bytes(file: Vec<u8>) -> Measured {
    measure(Levels::ALL, move || Capture::from_bytes(file).unwrap())
}

const MB: usize = 1 << 20;

/// A classic capture that is made while it is read.
struct Endless<F> {
    ready: Vec<u8>,
    at: usize,
    next: F,
}

impl<F: FnMut(&mut Vec<u8>) -> bool + Send> Read for Endless<F> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() {
            self.ready.clear();
            self.at = 0;
            while self.ready.len() < 60_000 && (self.next)(&mut self.ready) {}
        }
        let n = to.len().min(self.ready.len() - self.at);
        to[..n].copy_from_slice(&self.ready[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

fn stream(start: Vec<u8>, next: impl FnMut(&mut Vec<u8>) -> bool + Send + 'static) -> Capture {
    Capture::from_reader(Box::new(Endless { ready: start, at: 0, next })).unwrap()
}

/// The record of a packet in a classic file.
fn record(packet: &Packet) -> Vec<u8> {
    pcap(std::slice::from_ref(packet), PcapFormat::default())[24..].to_vec()
}

/// Megabytes of a large capture: debug builds read slowly.
fn size() -> usize {
    if cfg!(debug_assertions) { 64 } else { 400 }
}

#[test]
fn the_counter_counts() {
    let before = held();
    let (block, most) = peak(|| vec![1u8; MB]);
    assert_eq!((held() - before, most), (MB as isize, MB));
    drop(block);
    assert_eq!(held(), before);
}

/// A message of this many bytes in segments of 1,460, from a pipe.
fn one_message(mb: usize, dir: wslens::model::Direction) -> Measured {
    let len = (mb * MB) as u64;
    let key = (dir == C2S).then_some([1, 2, 3, 4]);
    let frame = Frame { key, ..Frame::new(BINARY, "") }.length(LengthForm::Claim(len));
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").frame(dir, &frame).no_close();
    let talk = talk.raw(dir, &[0x55; 1460]);
    let script = Script::new(&talk, &Split::Writes(1460)).isn(1000, 2000);
    let mut packets = script.packets();
    let body = record(&packets.pop().unwrap());
    let first = packets.len();
    let start = pcap(&packets, PcapFormat::default());
    let segments = len.div_ceil(1460) as u32;
    let mut i = 0u32;
    let seq = u32::from_be_bytes(body[16 + 38..16 + 42].try_into().unwrap());
    let capture = move || {
        stream(start, move |out| {
            if i == segments {
                return false;
            }
            let at = out.len();
            out.extend(&body);
            out[at + 16 + 38..at + 16 + 42].copy_from_slice(&seq.wrapping_add(i * 1460).to_be_bytes());
            // A millisecond each, whatever the checksum.
            out[at + 4..at + 8].copy_from_slice(&(i % 1000).to_le_bytes());
            i += 1;
            true
        })
    };
    let measured = measure(Levels::ALL, capture);
    assert_eq!(measured.summary.packets, first as u64 + u64::from(segments));
    measured
}

#[test]
fn a_message_of_any_length_takes_no_more_than_is_kept_of_it() {
    for dir in [S2C, C2S] {
        let measured = one_message(size(), dir);
        assert_eq!(measured.summary.totals.messages, 1);
        assert!(measured.peak < 4 * MB, "{} bytes", measured.peak);
    }
}

/// This many connections at the same time, each of which says the same.
fn many(count: usize, talk: impl Fn(Conversation) -> Conversation) -> Vec<u8> {
    let scripts = (0..count).map(|i| {
        let client = format!("10.1.{}.{}:{}", i / 250 % 250, i % 250, 1024 + i / 62_500);
        let talk = talk(Conversation::new(&client, "10.0.0.2:80")).no_close();
        // All open first, then each says its part in turn.
        Script::new(&talk, &Split::Writes(1460))
            .clock(1_767_225_600_000_000_000 + i as i64, 1_000_000)
            .packets()
    });
    pcap(&interleave(scripts.collect::<Vec<_>>()), PcapFormat::default())
}

#[test]
fn an_open_websocket_takes_three_kilobytes() {
    let count = 2000;
    let file = many(count, |talk| {
        (0..6).fold(talk, |talk, i| {
            talk.text(if i % 2 == 0 { C2S } else { S2C }, "a message of an ordinary length")
        })
    });
    for (level, each) in [(Levels::MESSAGES, 3072), (Levels::ALL, 4096)] {
        // All records have the heads of the handshake: these are kept to the end.
        let file = file.clone();
        let measured = measure(level, move || Capture::from_bytes(file).unwrap());
        assert_eq!(measured.summary.totals.websockets, count as u64);
        assert_eq!(measured.summary.totals.messages, 6 * count as u64);
        assert!(measured.peak < MB + count * each, "{} bytes each", measured.peak / count);
    }
}

#[test]
fn a_window_that_is_kept_is_what_compression_costs() {
    let count = 100;
    let both = DeflateSpec::default();
    let fresh = DeflateSpec { server_no_context_takeover: true, client_no_context_takeover: true, ..both };
    let file = |spec| {
        many(count, move |talk| {
            (0..8).fold(talk.deflate(spec), |talk, i| {
                talk.text(
                    if i % 2 == 0 { C2S } else { S2C },
                    &format!("compressed, and compressed again: {i}"),
                )
            })
        })
    };
    let measured = measure_bytes(file(both));
    assert_eq!(measured.summary.totals.messages, 8 * count as u64);
    // One inflater for each direction: its window of 32 KiB and its tables.
    assert!(measured.peak < 2 * MB + count * (2048 + 2 * (48 << 10)), "{} bytes each", measured.peak / count);
    // Without context takeover nothing is kept from message to message.
    let measured = measure_bytes(file(fresh));
    assert!(measured.peak < 2 * MB + count * 2048, "{} bytes each", measured.peak / count);
}

#[test]
fn twenty_thousand_half_open_connections_take_less_than_ten_megabytes() {
    let count = 20_000;
    let packets: Vec<Packet> = (0..count)
        .map(|i| {
            let client = format!("10.{}.{}.{}:1000", i / 62_500, i / 250 % 250, i % 250);
            let talk = Conversation::new(&client, "10.0.0.2:80");
            Script::new(&talk, &Split::Writes(1460)).packets().swap_remove(0)
        })
        .collect();
    let measured = measure_bytes(pcap(&packets, PcapFormat::default()));
    assert_eq!(measured.summary.totals.tcp_connections, count as u64);
    assert!(measured.peak < 10 * MB, "{} bytes each", measured.peak / count);
}

#[test]
fn a_bomb_takes_no_more_than_any_message() {
    // The file is a thousandth of what it inflates to.
    let file = failures::bomb(if cfg!(debug_assertions) { 40 } else { 900 }).capture;
    let measured = measure_bytes(file);
    assert_eq!(measured.summary.totals.messages, 3);
    assert!(measured.peak < 4 * MB, "{} bytes", measured.peak);
}

#[test]
fn a_hole_that_is_never_filled_holds_addresses_and_not_bytes() {
    // A segment is lost, and nobody acknowledges anything: all that follows waits.
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").binary(S2C, &vec![3; 6 * MB]).no_close();
    let script = Script::new(&talk, &Split::Writes(1460));
    let lost = script.data(S2C)[1];
    let measured = measure_bytes(pcap(&script.lose(lost).packets(), PcapFormat::default()));
    assert_eq!(measured.summary.totals.gaps, 1);
    assert!(measured.peak < 2 * MB, "{} bytes", measured.peak);
}

#[test]
fn thousands_of_fragments_of_one_message_take_no_more_than_their_bytes() {
    let payload = Rng::new(1).bytes(40_000);
    let pieces: Vec<&[u8]> = payload.chunks(2).collect();
    let talk =
        Conversation::new("10.0.0.1:50000", "10.0.0.2:80").fragmented(C2S, BINARY, &pieces).closed(1000);
    let measured =
        measure_bytes(pcap(&Script::new(&talk, &Split::Merged(1460)).packets(), PcapFormat::default()));
    assert_eq!(measured.summary.totals.messages, 3);
    assert!(measured.peak < 3 * MB, "{} bytes", measured.peak);
}

#[test]
fn all_connections_together_stay_within_their_bound() {
    // Each has begun a message that comes in small pieces, which are copied.
    let count = 100;
    let scripts = (0..count).map(|i| {
        let talk = Conversation::new(&format!("10.1.1.{i}:1024"), "10.0.0.2:80").binary(C2S, &[7; 30_000]);
        let script = Script::new(&talk.no_close(), &Split::Sizes(vec![200]));
        script.clock(1_767_225_600_000_000_000 + i as i64, 1_000_000).packets()
    });
    let file = pcap(&interleave(scripts.collect::<Vec<_>>()), PcapFormat::default());
    let run = |memory: u64| {
        let limits = Limits { memory, ..Limits::default() };
        let file = file.clone();
        measure_with(limits, Levels::MESSAGES, move || Capture::from_bytes(file).unwrap())
    };
    let (free, bound) = (run(256 << 20), run(MB as u64));
    let told = |measured: &Measured| {
        let findings = &measured.summary.totals.findings;
        findings
            .iter()
            .filter(|(rule, _)| rule.code == "limit-total-memory")
            .map(|(_, count)| count)
            .sum::<u64>()
    };
    assert_eq!(told(&free), 0);
    assert!(told(&bound) > 0);
    assert!(free.peak > count * 30_000, "{} bytes", free.peak);
    // Beside it there is what a connection costs, and vectors have room to grow.
    assert!(bound.peak < MB * 2 + count * 3072, "{} bytes, {} without a bound", bound.peak, free.peak);
}

#[test]
fn a_frame_that_claims_as_much_as_a_frame_can_takes_nothing() {
    let frame = Frame::new(BINARY, "").length(LengthForm::Claim(i64::MAX as u64));
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").frame(S2C, &frame).no_close();
    let talk = talk.raw(S2C, &vec![0x55; 8 * MB]);
    let file = pcap(&Script::new(&talk, &Split::Writes(1460)).packets(), PcapFormat::default());
    let measured = measure_bytes(file);
    assert_eq!((measured.summary.totals.frames, measured.summary.totals.messages), (1, 0));
    assert!(measured.peak < MB, "{} bytes", measured.peak);
}

#[test]
fn tiny_frames_cost_no_more_than_others() {
    let count = 20_000;
    let talk =
        (0..count).fold(Conversation::new("10.0.0.1:50000", "10.0.0.2:80"), |talk, _| talk.binary(C2S, b"x"));
    let file = pcap(&Script::new(&talk.closed(1000), &Split::Merged(1460)).packets(), PcapFormat::default());
    let measured = measure_bytes(file);
    assert_eq!(measured.summary.totals.frames, count + 2);
    assert!(measured.peak < MB, "{} bytes", measured.peak);
}

#[test]
fn more_connections_than_are_followed_cost_no_more() {
    let count = 3000;
    let scripts = (0..count).map(|i| {
        let client = format!("10.1.{}.{}:1024", i / 250, i % 250);
        let talk = Conversation::new(&client, "10.0.0.2:80").text(C2S, "hello").no_close();
        let script = Script::new(&talk, &Split::Writes(1460));
        // One begins every 10 ms; all stay open.
        script.clock(1_767_225_600_000_000_000 + i * 10_000_000, 1_000_000).packets()
    });
    let file = pcap(&interleave(scripts.collect::<Vec<_>>()), PcapFormat::default());
    let run = |connections: usize| {
        let limits = Limits { connections, flows: 2 * connections, ..Limits::default() };
        let file = file.clone();
        measure_with(limits, Levels::MESSAGES, move || Capture::from_bytes(file).unwrap())
    };
    let (all, few) = (run(65_536), run(300));
    for measured in [&all, &few] {
        assert_eq!(measured.summary.totals.websockets, count as u64);
        assert_eq!(measured.summary.totals.messages, count as u64, "each is read before it makes room");
    }
    assert!(few.peak < MB + 500 * 3072 && all.peak > 4 * MB, "{} and {} bytes", few.peak, all.peak);
}

#[test]
fn a_clock_that_stands_still_keeps_no_connection() {
    let talk = |i: u32| {
        let client = format!("10.1.{}.{}:1024", i / 250, i % 250);
        Conversation::new(&client, "10.0.0.2:80").text(C2S, "hello").no_close()
    };
    // A byte each, from the middle on, or all of it.
    let bare = |i: u32| {
        let script = Script::new(&talk(i), &Split::Sizes(vec![1]));
        let first = script.data(C2S)[0];
        script.with(|pieces| *pieces = vec![pieces[first].clone()]).packets()
    };
    let open = |i: u32| Script::new(&talk(i), &Split::Writes(1460)).packets();
    let makers: [&dyn Fn(u32) -> Vec<Packet>; 2] = [&bare, &open];
    for make in makers {
        let mut packets: Vec<Packet> = (0..12_000).flat_map(make).collect();
        for packet in &mut packets {
            packet.time = 1_767_225_600_000_000_000;
        }
        let file = pcap(&packets, PcapFormat::default());
        let limits = Limits { connections: 300, flows: 600, ..Limits::default() };
        let measured = measure_with(limits, Levels::MESSAGES, move || Capture::from_bytes(file).unwrap());
        assert!(measured.peak < MB + 1000 * 3072, "{} bytes", measured.peak);
    }
}

#[test]
fn requests_that_are_never_answered_and_heads_that_never_end_are_bounded() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20_000);
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").bytes(C2S, request.as_bytes()).no_close();
    let endless = format!("GET / HTTP/1.1\r\nCookie: {}", "a".repeat(3 * MB));
    let other = Conversation::new("10.0.0.1:50001", "10.0.0.2:80").bytes(C2S, endless.as_bytes()).no_close();
    for talk in [talk, other] {
        let file = pcap(&Script::new(&talk, &Split::Writes(1460)).packets(), PcapFormat::default());
        let measured = measure_bytes(file);
        assert!(measured.peak < MB, "{} bytes", measured.peak);
    }
}
