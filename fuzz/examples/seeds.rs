//! Writes the seeds: `corpus/TARGET/` from the captures of this repository and the forge of its tests.
//!
//! Whole captures are seeds as they are; the layers get what the analyzer itself finds in them: packets,
//! streams, heads, frames. What is too long for a fuzzer is left out or cut.

#[path = "../../tests/support/failures.rs"]
mod failures;
use wslens_fuzz::forge;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use wslens::capture::Capture;
use wslens::model::{Bytes, Flags, Span};
use wslens::net::{Decoder, FragmentLimits};
use wslens::tcp::Stream;
use wslens_fuzz::forge::{
    C2S, Conversation, DeflateSpec, Deflater, PcapFormat, PcapngFormat, Rng, S2C, Script, Split, pcap, pcapng,
};

/// Longest seed of a layer, and of a file.
const LAYER: usize = 4096;
const FILE: usize = 16 << 10;

struct Seeds {
    root: PathBuf,
    count: BTreeMap<&'static str, usize>,
}

impl Seeds {
    fn put(&mut self, target: &'static str, bytes: &[u8]) {
        let most = if matches!(target, "pcap" | "whole") { FILE } else { LAYER };
        if bytes.len() > most {
            return;
        }
        let folder = self.root.join(target);
        std::fs::create_dir_all(&folder).expect("a folder for the corpus");
        let count = self.count.entry(target).or_default();
        *count += 1;
        std::fs::write(folder.join(format!("seed-{count:04}")), bytes).expect("a seed");
    }

    /// The same content cut nowhere, and cut at every byte.
    fn put_cut(&mut self, target: &'static str, before: &[u8], content: &[u8]) {
        let content = &content[..content.len().min(LAYER - before.len() - 1)];
        for cuts in [0u8, 255] {
            self.put(target, &[before, &[cuts], content].concat());
        }
    }
}

/// A piece as the targets read it.
fn piece(bytes: &[u8]) -> Vec<u8> {
    let bytes = &bytes[..bytes.len().min(65535)];
    match u8::try_from(bytes.len()) {
        Ok(len @ 0..=254) => [&[len], bytes].concat(),
        _ => [&[255], &(bytes.len() as u16).to_le_bytes()[..], bytes].concat(),
    }
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seeds = Seeds { root: root.join("corpus"), count: BTreeMap::new() };
    for file in captures(&root.join("../captures")) {
        capture(&mut seeds, &std::fs::read(file).expect("a capture"));
    }
    for failure in failures::all() {
        capture(&mut seeds, &failure.capture);
    }
    forged(&mut seeds);
    texts(&mut seeds);
    streams(&mut seeds);
    for (target, count) in &seeds.count {
        println!("{target}: {count}");
    }
}

/// The capture files below a folder, in order.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if [".pcap", ".pcapng", ".gz"].iter().any(|end| name.ends_with(end)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A file, and what the layers make of it.
fn capture(seeds: &mut Seeds, file: &[u8]) {
    seeds.put("whole", file);
    seeds.put("pcap", file);
    let Ok(mut capture) = Capture::from_bytes(file.to_vec()) else { return };
    let mut decoder = Decoder::new(&FragmentLimits::default());
    // By both ports and the sender's: the bytes in order, as far as they are there.
    let mut flows: BTreeMap<_, (Stream, Vec<u8>)> = BTreeMap::new();
    let mut packets = Vec::new();
    while let Some(packet) = capture.next() {
        let Some(bytes) = capture.bytes(packet.bytes) else { continue };
        if packets.len() + bytes.len() < 2000 {
            let cut = packet.wire_len - packet.bytes.len;
            packets.push(if cut > 0 { 6u8 } else { 4 });
            packets.extend(packet.link.0.to_le_bytes());
            if cut > 0 {
                packets.extend((cut as u16).to_le_bytes());
            }
            packets.extend(piece(bytes));
        }
        let Ok(segment) = decoder.decode(&packet, bytes) else { continue };
        let space = Space { capture: &capture, decoder: &decoder };
        let (stream, content) = flows.entry((segment.source, segment.destination)).or_default();
        if segment.flags.has(Flags::SYN) {
            stream.anchor(segment.seq.wrapping_add(1));
        } else {
            stream.begin_at(segment.seq);
            let address = segment.header_at + u64::from(segment.header_len);
            let place = wslens::model::Place { packet: packet.number, time: packet.time };
            stream.insert(segment.seq, address, segment.len, segment.len, place, &space);
        }
        while let Some(held) = stream.ready() {
            content.extend(space.bytes(Span { start: held.address, len: held.len }).unwrap_or_default());
            stream.consume(held.len);
        }
    }
    seeds.put("net", &[&[0, 0, 0], &packets[..]].concat());
    let flows: Vec<_> = flows.into_iter().map(|(ends, (_, content))| (ends, content)).collect();
    for ((from, to), content) in flows.iter().take(4) {
        if content.starts_with(b"PRI * HTTP/2.0")
            && let Some((_, answer)) = flows.iter().find(|((a, b), _)| a == to && b == from)
        {
            http2(seeds, content, answer);
        }
        direction(seeds, content);
        if let Some((_, answer)) = flows.iter().find(|((a, b), _)| a == to && b == from)
            && content.starts_with(b"GET ")
        {
            both(seeds, content, answer);
        }
    }
}

struct Space<'a> {
    capture: &'a Capture,
    decoder: &'a Decoder,
}

impl Bytes for Space<'_> {
    fn bytes(&self, span: Span) -> Option<&[u8]> {
        self.decoder.bytes(span).or_else(|| self.capture.bytes(span))
    }
}

/// Both directions of HTTP/2, in turns, and the blocks of the client's HEADERS.
fn http2(seeds: &mut Seeds, client: &[u8], server: &[u8]) {
    let pieces =
        |bytes: &[u8]| -> Vec<Vec<u8>> { bytes[..bytes.len().min(1500)].chunks(200).map(piece).collect() };
    let mut seed = vec![0u8, 7];
    for (c2s, s2c) in pieces(client).iter().zip(pieces(server)) {
        seed.extend([&[0][..], c2s, &[1], &s2c].concat());
    }
    seeds.put("http2", &seed);
    let (mut at, mut blocks) = (24, vec![0u8, 16]);
    while let Some([a, b, c, kind, flags]) = client.get(at..).and_then(|rest| rest.first_chunk::<5>()) {
        let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let payload = client.get(at + 9..at + 9 + len).unwrap_or_default();
        if *kind == 1 {
            blocks.push(1);
            blocks.extend(piece(&payload[if flags & 0x20 != 0 { 5.min(payload.len()) } else { 0 }..]));
        }
        at += 9 + len;
    }
    seeds.put("hpack", &blocks);
}

/// Head and what follows.
fn split(content: &[u8]) -> (&[u8], &[u8]) {
    let end = content.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
    content.split_at(end)
}

/// One direction of a connection: a head and frames.
fn direction(seeds: &mut Seeds, content: &[u8]) {
    let (head, frames) = split(content);
    let kind = u8::from(content.starts_with(b"HTTP"));
    if !head.is_empty() {
        seeds.put_cut("http_head", &[kind], head);
    }
    if !frames.is_empty() {
        seeds.put_cut("frame_reader", &[], frames);
        for mode in [0u8, 1, 6, 0x17] {
            seeds.put("explain", &[&[mode], &frames[..frames.len().min(1000)]].concat());
        }
        let hex: String = frames.iter().take(200).map(|b| format!("{b:02x} ")).collect();
        seeds.put("explain", &[&[4], hex.as_bytes()].concat());
    }
    seeds.put_cut("utf8", &[], frames);
    seeds.put("safe_text", &[&[80], content].concat());
    seeds.put("json_string", &content[..content.len().min(LAYER)]);
    for line in head.split(|b| *b == b'\n') {
        if let Some(value) = line.strip_prefix(b"Sec-WebSocket-Extensions:") {
            seeds.put("extension", value.trim_ascii());
        }
    }
}

/// Both directions of a connection.
fn both(seeds: &mut Seeds, content: &[u8], answer: &[u8]) {
    let ((request, asked), (response, answered)) = (split(content), split(answer));
    seeds.put("handshake", &[request, &[0], response].concat());
    seeds.put("explain", &[&[0], request, response].concat());
    let text = String::from_utf8_lossy(response).to_lowercase();
    let terms = match (text.contains("permessage-deflate"), text.contains("no_context")) {
        (false, _) => 0u8,
        (true, false) => 2 | 2 << 3,
        (true, true) => 3 | 3 << 3,
    };
    let (asked, answered) = (&asked[..asked.len().min(1500)], &answered[..answered.len().min(1500)]);
    for mode in [0u8, 8, 16 | 32, 24, 64] {
        let chunks = [&[terms, mode, 8][..], &piece(asked), &[9], &piece(answered)].concat();
        seeds.put("message", &chunks);
    }
    // In pieces, a gap in between.
    let mut chunks = vec![terms, 0];
    for (side, bytes) in [(0u8, asked), (1, answered)] {
        for (i, part) in bytes.chunks(40).enumerate() {
            chunks.extend(if i == 9 {
                vec![side, part.len() as u8]
            } else {
                [vec![8 | side], piece(part)].concat()
            });
        }
    }
    seeds.put("message", &chunks);
}

/// What the captures do not have: other files, compression of every kind, other packings.
fn forged(seeds: &mut Seeds) {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
        .text(C2S, "hello")
        .text(S2C, "hello back")
        .closed(1000);
    let script = Script::new(&talk, &Split::Writes(1460));
    let packets = script.packets();
    for (nanos, big) in [(false, false), (true, false), (false, true), (true, true)] {
        for file in [
            pcap(&packets, PcapFormat { nanos, big, ..PcapFormat::default() }),
            pcapng(&packets, PcapngFormat { nanos, big }),
        ] {
            capture(seeds, &file);
            seeds.put("pcap", &gzip(&file));
            seeds.put("pcap", &lz4(&file));
            seeds.put("pcap", &zstd(&file));
            seeds.put("whole", &gzip(&file));
        }
    }
    for seed in 0..24 {
        let mut rng = Rng::new(seed);
        let spec = DeflateSpec::any(&mut rng);
        let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").deflate(spec);
        for i in 0..6 {
            let dir = [C2S, S2C][(i + seed as usize) % 2];
            talk = match i % 3 {
                0 => talk
                    .text(dir, &format!("{{\"message\":{i},\"seed\":{seed},\"text\":\"again and again\"}}")),
                1 => talk.fragmented(dir, 1, &[b"one, ", b"two, ", b"three"]),
                _ => talk.ping(dir, b"ping").pong(if dir == C2S { S2C } else { C2S }, b"ping"),
            };
        }
        let script = Script::new(&talk.closed(1000), &Split::Writes(200)).trouble(&mut rng, 4);
        capture(seeds, &pcap(&script.packets(), PcapFormat::default()));
    }
    // Compressed messages, one after the other.
    for bits in [9u8, 12, 15] {
        for fresh in [false, true] {
            let mut deflater = Deflater::new(bits, fresh);
            let mut seed = vec![0u8];
            for text in
                ["{\"a\":1,\"b\":[1,2,3]}", "{\"a\":2,\"b\":[1,2,3]}", "", "{\"a\":2,\"b\":[1,2,3,4]}"]
            {
                seed.push(if fresh { 5 } else { 0 });
                seed.extend(piece(&deflater.message(text.as_bytes())));
            }
            seeds.put("deflate", &seed);
        }
    }
    // RFC 7692 section 7.2.3: stored, final, two blocks, a reference to the message before.
    let examples: [&[u8]; 5] = [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[0xf2, 0x00, 0x11, 0x00, 0x00],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    ];
    for (i, first) in examples.iter().enumerate() {
        let second = examples[(i + 1) % examples.len()];
        for op in [0u8, 6, 0x20] {
            seeds.put(
                "deflate",
                &[&[1, 0][..], &piece(first), &[op], &piece(second), &[op], &piece(second)].concat(),
            );
        }
    }
    // What is repeated: frames, a lost framing, names, a request, chunks, frames of HTTP/2, records of TLS, places.
    let units: [&[u8]; 12] = [
        &[0x81, 0],
        &[0x82, 5, 0x82],
        &[0x81, 1, b'x', b'\r', b'\n'],
        &[0x82, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0, 0x81, 1, b'x', 0x81, 1, b'x', 0x81, 1, b'x'],
        &[0xf3, 126, 0, 1, 7, 0x83, 0x80, 1, 2, 3, 4, 0x09, 0, 0x80, 0],
        b"permessage-deflate; a=1, b; ",
        b"GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        &[0, 0, 4, 8, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 4, 3, 0, 0, 0, 3, 0, 0, 0, 8],
        &[0x17, 3, 3, 0, 2, 1, 2, 0x16, 3, 3, 0, 4, 1, 0, 0, 0],
        &[0xff, 10, 3, 63, 0x80, 1],
        &[0x4a, 0x4c, 0x4a, 0x04, 0, 0, 0, 0xff, 0xff],
    ];
    for (i, unit) in units.iter().enumerate() {
        for kind in 0..9u8 {
            let how = (i as u8).wrapping_mul(37).wrapping_add(kind.wrapping_mul(11));
            seeds.put("amplified", &[&[kind, how][..], unit].concat());
        }
    }
    // A bomb of 8 MiB.
    let mut deflater = Deflater::new(15, false);
    seeds.put(
        "deflate",
        &[
            &[1u8, 0][..],
            &piece(&deflater.message(&vec![0; 3 << 20])),
            &[0],
            &piece(&deflater.message(b"after")),
        ]
        .concat(),
    );
}

fn gzip(file: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(file).expect("memory takes everything");
    out.finish().expect("memory takes everything")
}

/// An LZ4 frame of stored blocks.
fn lz4(file: &[u8]) -> Vec<u8> {
    // Magic, version 1 with independent blocks, blocks of 64 KiB, the descriptor's check byte.
    let mut out = vec![0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
    for block in file.chunks(64 << 10) {
        out.extend((block.len() as u32 | 1 << 31).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend([0; 4]);
    out
}

/// A Zstandard frame of raw blocks.
fn zstd(file: &[u8]) -> Vec<u8> {
    // Magic, a single segment with its length in four bytes.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend((file.len() as u32).to_le_bytes());
    out.extend(((file.len() as u32) << 3 | 1).to_le_bytes().iter().take(3));
    out.extend_from_slice(file);
    out
}

/// Heads, bodies, values and texts as they come.
fn texts(seeds: &mut Seeds) {
    for value in [
        &b"permessage-deflate; client_max_window_bits, x-other; a=\"b\"; c\0permessage-deflate; client_max_window_bits=12"[..],
        b"permessage-deflate\x01permessage-deflate; server_max_window_bits=9\0permessage-deflate;server_no_context_takeover",
        b"a;b=\"\\c\",,d ; e = f\0, permessage-deflate; client_max_window_bits=08;;",
    ] {
        seeds.put("extension", value);
    }
    for proxy in [
        &b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\nGET / HTTP/1.1\r\n"[..],
        b"PROXY TCP6 2001:db8::1 2001:db8::2 40000 80\r\n",
        b"PROXY UNKNOWN anything\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x50\0\x51GET",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x240123456789abcdef0123456789abcdef\0\x50\0\x51",
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
    ] {
        seeds.put("proxy", proxy);
    }
    let (random, secret) = ("ab".repeat(32), "cd".repeat(48));
    for label in
        ["CLIENT_RANDOM", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET"]
    {
        seeds.put_cut(
            "key_log",
            &[],
            format!("# log\n{label} {random} {secret}\r\n{label} {random}\n").as_bytes(),
        );
    }
    seeds.put_cut("key_log", &[], format!("RSA 0102030405060708 {secret}").as_bytes());
    for case in 0..40u8 {
        seeds.put("tls_stream", &[case, 1, 3, case % 4, 9, 0, 0x55, 40, 0]);
        seeds.put("tls_stream", &[case, 2, 4, 2, 30, 0, 9, 6, 1, 0, 0, 0, 200, 1, 23, 3, 3, 0, 1, 0]);
    }
    let length = [1u8, 5, 0xff];
    seeds.put_cut("http_body", &length, b"hello and more");
    for body in [
        &b"5\r\nhello\r\n0\r\n\r\nmore"[..],
        b"a;x=y\r\n0123456789\r\n00\r\nTrailer: 1\r\n\r\nmore",
        b"3\nabc\n0\n\n",
    ] {
        for gaps in [0u8, 0xff] {
            seeds.put_cut("http_body", &[5, gaps], body);
        }
    }
    for text in [
        "\u{202e}abc\u{1b}[31m",
        "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "❤\u{fe0f} 👩\u{200d}👩",
        "中文 😀 \u{feff}\u{e0041}",
    ] {
        seeds.put_cut("utf8", &[], text.as_bytes());
        seeds.put("json_string", text.as_bytes());
        for columns in [5u8, 40] {
            seeds.put("safe_text", &[&[columns], text.as_bytes()].concat());
        }
    }
    for hex in [
        "81 85 37 fa 21 3d 7f 9f 4d 51 58",
        "0x81, 0x05, 0x48",
        "\"\\x81\\x05Hello\"",
        "00000000  81 05 48 65 6c 6c 6f  |..Hello|",
        "{0x81, 5, 0110, 'e'}",
        "b'\\x81\\x00'",
    ] {
        seeds.put("explain", &[&[0x74], hex.as_bytes()].concat());
    }
}

/// Segments in and out of order, and conversations for the generators of the targets.
fn streams(seeds: &mut Seeds) {
    let isn = [0xf0u8, 0xff, 0xff, 0xff];
    // A place of 256 is that of the first byte (see the target); deliver; a hole; a copy; another copy.
    let insert =
        |op: u8, at: u16, len: u16| [&[op][..], &(at + 256).to_le_bytes(), &len.to_le_bytes()].concat();
    let orders: [&[(u8, u16, u16)]; 4] = [
        &[(0, 0, 100), (0, 100, 100), (0, 200, 100)],
        &[(0, 200, 100), (0, 0, 100), (0xf0, 50, 100), (0, 100, 100)],
        &[(0, 100, 50), (0xf0, 80, 200), (0, 0, 300)],
        &[(0, 300, 10), (0, 100, 10), (0, 50, 300), (0, 0, 60)],
    ];
    for order in orders {
        for syn in [0usize, 1, 9] {
            let mut seed = isn.to_vec();
            for (i, (op, at, len)) in order.iter().enumerate() {
                if i == syn {
                    seed.extend([10, 0, 1]);
                }
                seed.extend(insert(*op, *at, *len));
                seed.push(7);
            }
            seeds.put("tcp_stream", &seed);
        }
    }
    // Talk: request, response, frames; then bytes in order, with trouble.
    let frames = |feed: &mut Vec<u8>, compressed: bool| {
        for (op, text) in
            [(4u8, "hello"), (5, "hello back"), (0x24 | 0x80, "a part, "), (4 | 0x20, "the rest")]
        {
            feed.push(op);
            feed.extend(piece(text.as_bytes()));
        }
        if compressed {
            let mut deflater = Deflater::new(15, false);
            for text in ["{\"n\":1,\"text\":\"compressed\"}", "{\"n\":2,\"text\":\"compressed\"}"] {
                feed.push(10);
                feed.extend(piece(&deflater.message(text.as_bytes())));
            }
        }
        feed.extend([12, 0xd0, 7, 13, 0xb8, 0x0b]);
        feed.extend([0x34, 2, 3, 0xe8, 0x35, 2, 3, 0xe8]);
    };
    let lines = [
        (0x02u8, 0x03u8, false),
        (0x12, 0x13, true),
        (0x12, 0x23, true),
        (0x22, 0x33, false),
        (0x52, 0x63, false),
    ];
    let ends: [&[u8]; 10] = [
        // All of it, but in another order, in fragments, twice.
        &[12, 44, 1, 88, 2, 13, 0, 1, 0, 1, 0x70, 0x71],
        &[18, 200, 0, 19, 200, 0, 12, 0, 1, 200, 0, 0x70, 0x71],
        &[12, 0, 0, 0, 1, 12, 200, 0, 0, 1, 13, 0, 0, 0, 1, 13, 200, 0, 0, 1, 0xf0, 0xf1, 12, 0, 2, 0, 2],
        &[0x70, 0x71, 0xa8, 0xa9],
        &[0x60, 0, 1, 0x61, 0, 1, 0x60, 100, 0, 0x61, 0, 1, 0x70, 0x71, 0xf0, 0xf1],
        &[0x70, 0x71, 10, 40, 0, 11, 50, 0, 0x70, 0x71],
        &[0x30, 0x31, 0x4c, 0x00, 2, 200, 0, 0x30, 0x31, 0x70, 0x71],
        &[0x30, 200, 0, 0x31, 200, 0, 16, 100, 0, 50, 0, 17, 90, 0, 30, 0, 0x70, 0x71, 0x58],
        &[0x30, 255, 0, 0x31, 255, 0, 18, 200, 0, 19, 200, 0, 20, 100, 0, 21, 100, 0, 0x70, 0x71],
        &[0x30, 255, 0, 0x31, 255, 0, 22, 10, 0, 3, b'x', b'y', b'z', 0x70, 0x71, 0x98, 26, 70, 0x70],
    ];
    for (ask, answer, compressed) in lines {
        for mode in [0u8, 6] {
            for end in ends {
                let mut feed = vec![ask, answer];
                if ask == 0x52 {
                    feed.extend([0x02, 0x03]);
                }
                frames(&mut feed, compressed);
                feed.push(0);
                feed.push(mode);
                feed.extend_from_slice(end);
                seeds.put("pipeline", &feed);
                for level in [0u8, 1 | 0x20, 2 | 0x40, 3 | 8, 4 | 0x80] {
                    seeds.put("report", &[&[level, level.wrapping_mul(37)], &feed[..]].concat());
                }
            }
        }
    }
}
