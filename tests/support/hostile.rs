//! Captures that are made to cost as much as they can: each kind at any size, and what reading them takes.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::cast_possible_truncation
)]

use std::io::{self, Write};

use wslens::capture::Capture;
use wslens::drive::run;
use wslens::model::Direction;
use wslens::pipeline::{Limits, Pipeline, Secrets};
use wslens::report::ndjson::Ndjson;
use wslens::report::stats::{Stats, StatsOptions};
use wslens::report::{Levels, PayloadMode, Report as _, Selection};

use super::effort::{Effort, inflated, measured};
use super::forge::{
    BINARY, C2S, Conversation, DeflateSpec, Frame, Http2Talk, Packet, PcapFormat, Piece, Rng, S2C, Script,
    Split, TEXT, h2_frame, interleave, ipv4_fragments, pcap,
};

/// A kind of capture.
pub struct Kind {
    /// What is in it.
    pub name: &'static str,
    /// Makes one of so many units; a unit is about a kibibyte of the file.
    pub make: fn(usize) -> Vec<u8>,
}

/// Ordinary traffic, to compare with.
pub const ORDINARY: Kind = Kind { name: "ordinary messages", make: ordinary };

/// All kinds.
pub const KINDS: [Kind; 28] = [
    Kind { name: "an extension with many parameters", make: parameters },
    Kind { name: "many extensions", make: extensions },
    Kind { name: "many subprotocols", make: subprotocols },
    Kind { name: "weak frames in segments of three bytes after a loss", make: weak_frames },
    Kind { name: "single bytes after a loss", make: single_bytes },
    Kind { name: "frames within frames after a loss", make: nested },
    Kind { name: "framing lost and found again", make: lost_and_found },
    Kind { name: "text between frames", make: text_between },
    Kind { name: "line ends between frames", make: line_ends },
    Kind { name: "single bytes behind a hole, the last first", make: reversed },
    Kind { name: "the same bytes again, otherwise", make: conflicting },
    Kind { name: "HTTP/2 gaps with many streams open", make: http2_gaps },
    Kind { name: "HTTP/2 streams that are reset at once", make: http2_resets },
    Kind { name: "connections from their middle that are no WebSockets", make: guesses },
    Kind { name: "empty text messages", make: tiny },
    Kind { name: "frames that break every rule", make: violations },
    Kind { name: "a message in fragments of one byte", make: fragments },
    Kind { name: "pings that nobody answers", make: pings },
    Kind { name: "messages that inflate to a thousand times their size", make: bombs },
    Kind { name: "small messages that inflate to a kilobyte", make: small_bombs },
    Kind { name: "connections that keep a window each", make: windows },
    Kind { name: "blocks of deflate with codes of their own", make: |units| blocks(units, false) },
    Kind { name: "blocks of deflate with the longest codes", make: |units| blocks(units, true) },
    Kind { name: "requests without answers", make: pipelined },
    Kind { name: "chunks of one byte", make: chunked },
    Kind { name: "blank lines before a response, in segments of 17 bytes", make: blank_lines },
    Kind { name: "connections of one byte at one time", make: one_byte_each },
    Kind { name: "IP fragments in any order", make: ip_fragments },
];

/// How a capture is read.
#[derive(Clone, Copy, Debug)]
pub enum How {
    Stats,
    Read,
    Check,
}

/// All of them.
pub const HOWS: [How; 3] = [How::Stats, How::Read, How::Check];

/// Reads a capture; returns what that took, and how many bytes were printed.
pub fn read(file: &[u8], how: How, secrets: Secrets) -> (Effort, u64) {
    let mut out = Counted(0);
    let effort = print(file, how, secrets, &mut out);
    (effort, out.0)
}

/// To how many bytes the messages of a capture inflate.
pub fn inflates_to(file: &[u8], secrets: Secrets) -> u64 {
    let mut out = Inflated::default();
    print(file, How::Read, secrets, &mut out);
    out.bytes
}

fn print(file: &[u8], how: How, secrets: Secrets, mut out: impl Write) -> Effort {
    let mut capture = Capture::from_bytes(file.to_vec()).expect("a capture");
    let mut limits = Limits { secrets, ..Limits::default() };
    let (result, effort) = measured(|| {
        if let How::Stats = how {
            (limits.depth.payloads, limits.depth.frames) = (false, false);
            let mut stats = Stats::new(StatsOptions::default());
            let summary = run(&mut capture, &mut Pipeline::new(limits), &mut stats, |_, _| true);
            stats.write_json(&mut out, &summary)
        } else {
            let level = if let How::Read = how { Levels::ALL } else { Levels::FINDINGS };
            let selection = Selection { levels: level, payload: PayloadMode::Full, ..Selection::default() };
            limits.depth.frames = selection.shows(wslens::filter::Level::Frame);
            let mut sink = Ndjson::new(&mut out, selection, false);
            let summary = run(&mut capture, &mut Pipeline::new(limits), &mut sink, |_, _| true);
            sink.finish(&summary)
        }
    });
    result.expect("everything is taken");
    effort
}

/// Counts the printed bytes and discards them.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts the bytes that the messages of NDJSON inflate to.
#[derive(Default)]
struct Inflated {
    line: Vec<u8>,
    bytes: u64,
}

impl Write for Inflated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.bytes += inflated(&self.line);
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn socket() -> Conversation {
    Conversation::new("10.0.0.1:50000", "10.0.0.2:80").no_close()
}

fn file(script: &Script) -> Vec<u8> {
    pcap(&script.packets(), PcapFormat::default())
}

fn in_writes(talk: &Conversation) -> Vec<u8> {
    file(&Script::new(talk, &Split::Writes(1460)))
}

/// Names that differ, with something between them, up to so many bytes.
fn names(between: &str, most: usize) -> String {
    let each = 3 + between.len();
    let names: Vec<String> = (0..most / each)
        .map(|i| {
            let letter = |i: usize| char::from(b"abcdefghijklmnopqrstuvwxyz012345"[i % 32]);
            [i >> 10, i >> 5, i].map(letter).iter().collect()
        })
        .collect();
    names.join(between)
}

/// So many kibibytes of connections whose requests and answers have a long header.
fn long_headers(units: usize, name: &str, value: &str) -> Vec<u8> {
    let count = units.div_ceil(2 * value.len() / 1024);
    let scripts = (0..count).map(|i| {
        let talk = Conversation::new(&format!("10.0.0.1:{}", 20_000 + i), "10.0.0.2:80").no_close();
        let talk = talk.header(C2S, name, value).header(S2C, name, value).opened();
        Script::new(&talk, &Split::Writes(1460)).packets()
    });
    pcap(&interleave(scripts.collect::<Vec<_>>()), PcapFormat::default())
}

fn ordinary(units: usize) -> Vec<u8> {
    let body = Rng::new(1).bytes(900);
    in_writes(&(0..units).fold(socket(), |talk, i| talk.binary(if i % 2 == 0 { C2S } else { S2C }, &body)))
}

fn parameters(units: usize) -> Vec<u8> {
    long_headers(units, "Sec-WebSocket-Extensions", &format!("permessage-deflate; {}", names("; ", 60_000)))
}

fn extensions(units: usize) -> Vec<u8> {
    long_headers(units, "Sec-WebSocket-Extensions", &names(", ", 60_000))
}

fn subprotocols(units: usize) -> Vec<u8> {
    long_headers(units, "Sec-WebSocket-Protocol", &names(", ", 60_000))
}

/// A frame whose length is impossible: framing is lost there.
const LOSS: [u8; 10] = [0x82, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0];

/// Segments of these bytes, over and over, after a loss of framing.
fn after_loss(units: usize, bytes: &[u8]) -> Vec<u8> {
    let count = units * 1024 / (16 + 54 + bytes.len());
    in_writes(&(0..count).fold(socket().raw(S2C, &LOSS), |talk, _| talk.raw(S2C, bytes)))
}

fn weak_frames(units: usize) -> Vec<u8> {
    after_loss(units, &[0x82, 0x05, 0x82])
}

fn single_bytes(units: usize) -> Vec<u8> {
    after_loss(units, &[0x82])
}

fn nested(units: usize) -> Vec<u8> {
    // At every even offset a frame of two bytes begins.
    let bytes = [0x82, 0x02].repeat(700);
    in_writes(&(0..units).fold(socket().raw(S2C, &LOSS), |talk, _| talk.raw(S2C, &bytes[..1399])))
}

fn lost_and_found(units: usize) -> Vec<u8> {
    let text = Frame::new(TEXT, "{\"a\":\"some text\"}").wire();
    let each = [&LOSS[..], &text, &text, &text, &text].concat();
    in_writes(&socket().raw(S2C, &each.repeat(units * 1024 / each.len())))
}

fn text_between(units: usize) -> Vec<u8> {
    let each = [&b"HTTP/1.1 200 OK\r\nServer: x\r\n"[..], &Frame::new(TEXT, "hello").wire()].concat();
    in_writes(&socket().raw(S2C, &each.repeat(units * 1024 / each.len())))
}

fn line_ends(units: usize) -> Vec<u8> {
    let each = [&b"\r\n"[..], &Frame::new(BINARY, [1]).wire(), b"\r", &Frame::new(TEXT, "x").wire()].concat();
    in_writes(&socket().raw(S2C, &each.repeat(units * 1024 / each.len())))
}

fn reversed(units: usize) -> Vec<u8> {
    let talk = socket().raw(S2C, &[0x55; 70]).raw(S2C, &vec![0; units * 1024 / 71]);
    let head = talk.stream(S2C).len() - units * 1024 / 71;
    let script = Script::new(&talk, &Split::Cuts([vec![], (head..talk.stream(S2C).len()).collect()]));
    let hole = script.piece_at(S2C, head as u64);
    file(&script.with(|pieces| {
        pieces.remove(hole);
        for run in pieces[hole..].chunks_mut(8000) {
            run.reverse();
        }
    }))
}

fn conflicting(units: usize) -> Vec<u8> {
    // A hole, so that nothing is handed on, and behind it a kibibyte over and over.
    let talk = socket().raw(S2C, &[0x55; 1460]).raw(S2C, &[0x66; 1460]);
    let script = Script::new(&talk, &Split::Writes(1460));
    let hole = script.data(S2C)[1];
    file(&script.with(|pieces| {
        let last = pieces[hole + 1].clone();
        pieces.remove(hole);
        let mut rng = Rng::new(2);
        for _ in 0..units * 10 {
            let from = rng.below(1400) as usize;
            let bytes = rng.bytes(30);
            pieces.push(Piece { at: last.at + from as i64, bytes, ..last.clone() });
        }
    }))
}

/// A connection with so many WebSockets open.
fn multiplexed(streams: usize) -> Http2Talk {
    (0..streams).fold(Http2Talk::new("10.0.0.1:50000", "10.0.0.2:443"), |talk, i| talk.open(2 * i as u32 + 1))
}

fn http2_gaps(units: usize) -> Vec<u8> {
    let data = h2_frame(0, 0, 1, &[0x82, 1, b'a']);
    let talk = multiplexed(1000);
    let talk = (0..units * 5).fold(talk, |talk, _| talk.bytes(S2C, &data).bytes(S2C, &[0; 100]));
    let script = Script::new(&talk.talk.no_close(), &Split::Writes(1460)).acked();
    file(&script.with(|pieces| pieces.retain(|piece| piece.bytes != [0; 100])))
}

fn http2_resets(units: usize) -> Vec<u8> {
    let talk = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:443");
    let talk = (0..units * 4).fold(talk, |talk, i| {
        let id = 2 * i as u32 + 1;
        talk.ask(id, &Http2Talk::request("/c")).bytes(C2S, &h2_frame(3, 0, id, &[0, 0, 0, 8]))
    });
    in_writes(&talk.talk.no_close())
}

fn guesses(units: usize) -> Vec<u8> {
    let weak = [&[0x82, 2, 0x82, 2].repeat(3)[..], &[0x82, 5]].concat();
    let scripts = (0..units.div_ceil(6)).map(|i| {
        let talk = Conversation::new(&format!("10.0.0.1:{}", 20_000 + i), "10.0.0.2:80").no_close();
        let script = Script::new(&(0..70).fold(talk, |talk, _| talk.raw(S2C, &weak)), &Split::Writes(1460));
        let first = script.pieces.iter().position(|piece| piece.bytes == weak).expect("one of them");
        script.begin_at(first).packets()
    });
    pcap(&interleave(scripts.collect::<Vec<_>>()), PcapFormat::default())
}

fn tiny(units: usize) -> Vec<u8> {
    in_writes(&socket().raw(S2C, &[0x81, 0].repeat(units * 512)))
}

fn violations(units: usize) -> Vec<u8> {
    // Reserved bits and opcodes, a long length for a short one, a mask from the server, an unfinished control frame.
    let each = [0xf3, 126, 0, 1, 7, 0x83, 0x80, 1, 2, 3, 4, 0x09, 0, 0x80, 0];
    in_writes(&socket().raw(S2C, &each.repeat(units * 1024 / each.len())))
}

fn fragments(units: usize) -> Vec<u8> {
    let more = Frame::new(0, [b'x']).more().wire();
    let first = Frame::new(TEXT, [b'x']).more().wire();
    in_writes(&socket().raw(S2C, &first).raw(S2C, &more.repeat(units * 1024 / more.len())))
}

fn pings(units: usize) -> Vec<u8> {
    let mut rng = Rng::new(3);
    in_writes(&(0..units * 8).fold(socket(), |talk, _| talk.ping(S2C, &rng.bytes(120))))
}

fn bombs(units: usize) -> Vec<u8> {
    let zeros = vec![0; 250_000];
    let spec = DeflateSpec { server_no_context_takeover: true, ..DeflateSpec::default() };
    in_writes(&(0..units * 2).fold(socket().deflate(spec), |talk, _| talk.binary(S2C, &zeros)))
}

fn small_bombs(units: usize) -> Vec<u8> {
    let spec = DeflateSpec { server_no_context_takeover: true, ..DeflateSpec::default() };
    let one = socket().deflate(spec).binary(S2C, &[0; 1000]);
    let message = one.frame_bytes(S2C);
    in_writes(&socket().deflate(spec).raw(S2C, &message.repeat(units * 1024 / message.len())))
}

fn windows(units: usize) -> Vec<u8> {
    let scripts = (0..units).map(|i| {
        let client = format!("10.1.{}.{}:1024", i / 250, i % 250);
        let talk = Conversation::new(&client, "10.0.0.2:80").no_close().deflate(DeflateSpec::default());
        let talk = talk.text(C2S, "one of them").text(S2C, "the other one");
        Script::new(&talk, &Split::Writes(1460)).packets()
    });
    pcap(&interleave(scripts.collect::<Vec<_>>()), PcapFormat::default())
}

/// Writes bits, the lowest first (RFC 1951 section 3.1.1).
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("a byte");
            *last |= ((value >> bit & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }

    /// A code, whose highest bit comes first.
    fn code(&mut self, code: u32, count: u32) {
        self.push(code.reverse_bits() >> (32 - count), count);
    }
}

/// Empty blocks, each with a description of its codes (RFC 1951 section 3.2.7).
fn blocks(units: usize, long: bool) -> Vec<u8> {
    // Lengths of the codes of literals, up to the end of block; zeros stand between.
    let lengths: Vec<u32> = if long { (1..=15).chain([15]).collect() } else { vec![1, 1] };
    let mut bits = Bits::default();
    let count = units * 1024 * 8 / if long { 230 } else { 92 };
    for _ in 0..count {
        bits.push(0b100, 3);
        // 257 codes of literals and lengths, 1 of distances, lengths of 19 codes of lengths: five bits each.
        bits.push(0, 5);
        bits.push(0, 5);
        bits.push(15, 4);
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let uses = |symbol: u32| symbol == 18 || symbol == 1 || (long && (2..=15).contains(&symbol));
        let width = if long { 4 } else { 1 };
        for symbol in order {
            bits.push(if uses(symbol) { width } else { 0 }, 3);
        }
        // Canonical: in the order of the symbols.
        let codes: Vec<u32> = (0..19).filter(|symbol| uses(*symbol)).collect();
        let code = |symbol: u32| codes.iter().position(|other| *other == symbol).expect("it is used") as u32;
        let (last, others) = lengths.split_last().expect("some");
        for length in others {
            bits.code(code(*length), width);
        }
        let mut zeros = 256 - others.len() as u32;
        while zeros > 0 {
            let run = zeros.min(138);
            bits.code(code(18), width);
            bits.push(run - 11, 7);
            zeros -= run;
        }
        bits.code(code(*last), width);
        bits.code(code(1), width);
        // The end of block has the last code.
        bits.code((1 << last) - 1, *last);
    }
    // An empty block without compression, of which the sender leaves out the last four bytes.
    bits.push(0, 3);
    let talk = socket().deflate(DeflateSpec::default());
    let cut = 60_000;
    let pieces: Vec<&[u8]> = bits.bytes.chunks(cut).collect();
    let talk = pieces.iter().enumerate().fold(talk, |talk, (i, piece)| {
        let frame = Frame::new(if i == 0 { BINARY } else { 0 }, *piece).rsv(if i == 0 { 4 } else { 0 });
        talk.frame(S2C, &if i + 1 == pieces.len() { frame } else { frame.more() })
    });
    in_writes(&talk)
}

fn pipelined(units: usize) -> Vec<u8> {
    let request = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let talk = socket().http_before(&request.repeat(units * 1024 / request.len()), b"");
    in_writes(&talk)
}

fn chunked(units: usize) -> Vec<u8> {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = [&head[..], &b"1\r\nx\r\n".repeat(units * 1024 / 6), b"0\r\n\r\n"].concat();
    in_writes(&socket().http_before(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", &body))
}

fn blank_lines(units: usize) -> Vec<u8> {
    let talk = socket().http_before(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", &b"\n".repeat(units * 14 * 17));
    pcap(&Script::new(&talk, &Split::Sizes(vec![17])).packets(), PcapFormat::default())
}

fn one_byte_each(units: usize) -> Vec<u8> {
    let packets: Vec<Packet> = (0..units * 14)
        .map(|i| {
            let client = format!("10.{}.{}.{}:1000", i / 62_500, i / 250 % 250, i % 250);
            let talk = Conversation::new(&client, "10.0.0.2:80").raw(C2S, &[0x81]);
            let script = Script::new(&talk, &Split::Writes(1460)).clock(1_767_225_600_000_000_000, 0);
            let last = script.data(Direction::ClientToServer).pop().expect("a segment");
            script.begin_at(last).packets().swap_remove(0)
        })
        .collect();
    pcap(&packets, PcapFormat::default())
}

fn ip_fragments(units: usize) -> Vec<u8> {
    let talk = socket().raw(S2C, &vec![0x55; units * 256]);
    let script = Script::new(&talk, &Split::Writes(8000));
    let mut packets: Vec<Packet> =
        script.packets().iter().flat_map(|packet| ipv4_fragments(packet, 28)).collect();
    Rng::new(4).shuffle(&mut packets);
    pcap(&packets, PcapFormat::default())
}

/// Records of TLS that are lost by the thousand, then some that are damaged, and one that can be read; with the key log.
#[cfg(feature = "tls")]
pub fn tls_losses(units: usize) -> (Vec<u8>, Vec<u8>) {
    const LOST: usize = 1500;
    const DAMAGED: usize = 49;
    let groups = units.div_ceil(5);
    let inner = (0..groups * (LOST + DAMAGED + 1)).fold(socket(), |talk, _| talk.binary(S2C, b"x"));
    let outer = Conversation::new("10.0.0.1:50000", "10.0.0.2:443");
    let (talk, log) = super::tls::in_tls(outer, &inner, "a.example", "http/1.1");
    let begin = talk.upgraded_at[super::forge::side(S2C)] as i64;
    let script = Script::new(&talk.no_close(), &Split::Writes(1460)).acked();
    let mut seen = 0;
    let script = script.with(|pieces| {
        pieces.retain_mut(|piece| {
            let turn = seen % (LOST + DAMAGED + 1);
            if piece.bytes.is_empty() {
                return turn == 0;
            } else if piece.dir != S2C || piece.at < begin {
                return true;
            }
            seen += 1;
            if (LOST..LOST + DAMAGED).contains(&turn)
                && let Some(last) = piece.bytes.last_mut()
            {
                *last ^= 1;
            }
            turn >= LOST
        });
    });
    (file(&script), log)
}
