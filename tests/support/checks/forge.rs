//! The forge against others: tshark where it is installed, tungstenite, flate2's inflater.

use std::io::{Cursor, Read, Write};
use std::process::{Command, Stdio};

use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Message, error::Error};

use super::super::forge::*;

/// What tshark prints of a capture, line by line, fields separated by tabs; `None` where it is not installed.
fn tshark(capture: &[u8], args: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(capture).unwrap();
    let output = Command::new("tshark").arg("-r").arg(file.path()).args(args).stderr(Stdio::null()).output();
    let Ok(output) = output else {
        eprintln!("tshark is not installed: skipped");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// Opcodes, RSV1 bits and lengths of all frames that tshark finds, in its order.
fn tshark_frames(capture: &[u8]) -> Option<Vec<(u8, u64)>> {
    let fields = [
        "-T",
        "fields",
        "-e",
        "websocket.opcode",
        "-e",
        "websocket.payload_length",
        "-e",
        "websocket.payload_length_ext_16",
        "-e",
        "websocket.payload_length_ext_64",
    ];
    let rows = tshark(capture, &[&["-Y", "websocket"], &fields[..]].concat())?;
    let mut frames = vec![];
    for row in rows {
        let numbers = |i: usize| -> Vec<u64> {
            row[i].split(',').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect()
        };
        let (mut two, mut eight) = (numbers(2).into_iter(), numbers(3).into_iter());
        for (op, len) in numbers(0).into_iter().zip(numbers(1)) {
            let len = match len {
                126 => two.next().unwrap(),
                127 => eight.next().unwrap(),
                len => len,
            };
            frames.push((op as u8, len));
        }
    }
    Some(frames)
}

fn frames_of(talk: &Conversation) -> Vec<(u8, u64)> {
    talk.frames.iter().map(|frame| (frame.op, frame.payload_len)).collect()
}

fn sizes() -> Conversation {
    let mut rng = Rng::new(1);
    let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
    for len in [0, 1, 125, 126, 127, 1000, 65_535, 65_536, 70_000] {
        talk = talk.binary(C2S, &rng.bytes(len)).binary(S2C, &rng.bytes(len));
    }
    talk.fragmented(S2C, TEXT, &[b"one ", b"two"]).ping(S2C, b"?").pong(C2S, b"?")
}

#[test]
fn tshark_finds_every_frame_of_every_size() {
    let talk = sizes();
    let Some(found) = tshark_frames(&capture_of(&[&talk])) else { return };
    assert_eq!(found, frames_of(&talk));
}

#[test]
fn tshark_finds_many_frames_in_a_segment_over_ipv6_with_vlan_tags_and_wrapping_sequence_numbers() {
    let mut talk = Conversation::new("[fd00::1]:50000", "[fd00::2]:80");
    for i in 0..200usize {
        let dir = if i % 40 < 20 { C2S } else { S2C };
        talk = talk.text(dir, &"message ".repeat(i % 30));
    }
    for split in [Split::Merged(1440), Split::Sizes(vec![1, 7, 300, 2, 2, 900]), Split::Writes(100)] {
        let script = Script::new(&talk, &split).isn(u32::MAX - 900, u32::MAX - 3).vlans(&[100, 7]).acked();
        let Some(found) = tshark_frames(&pcap(&script.packets(), PcapFormat::default())) else { return };
        assert_eq!(found, frames_of(&talk), "{split:?}");
    }
}

#[test]
fn tshark_finds_no_wrong_checksum_and_no_broken_order() {
    let talk = sizes();
    let checks = [
        "-o",
        "tcp.check_checksum:TRUE",
        "-o",
        "ip.check_checksum:TRUE",
        "-T",
        "fields",
        "-e",
        "tcp.checksum.status",
        "-e",
        "ip.checksum.status",
        "-e",
        "_ws.malformed",
        "-e",
        "tcp.analysis.flags",
    ];
    // One file with an interface for each link type, each with a connection of its own.
    let links = [Link::Ethernet, Link::Raw, Link::Sll, Link::Sll2, Link::Null, Link::Loop];
    let scripts = links.iter().zip(50_000..).map(|(&link, port)| {
        let talk =
            Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80").text(C2S, "a").text(S2C, "b");
        Script::new(&talk, &Split::Merged(1460)).link(link).acked().packets()
    });
    let packets = interleave(scripts);
    let Some(rows) = tshark(&pcapng(&packets, PcapngFormat::default()), &checks) else { return };
    assert_eq!(rows.len(), packets.len());
    for (row, packet) in rows.iter().zip(&packets) {
        assert_eq!(row, &["1", "1", "", ""], "{packet:?}");
    }
    let good = Script::new(&talk, &Split::Merged(1460)).acked().packets();
    let Some(rows) = tshark(&pcap(&good, PcapFormat::default()), &checks) else { return };
    assert!(rows.len() == good.len() && rows.iter().all(|row| row == &["1", "1", "", ""]));
    let packets = Script::new(&talk, &Split::Merged(1460)).packets();
    let bad = Script::new(&talk, &Split::Merged(1460)).offload(C2S).packets();
    let Some(rows) = tshark(&pcap(&bad, PcapFormat::default()), &checks) else { return };
    for (row, packet) in rows.iter().zip(&packets) {
        let client = packet.bytes[6 + 5] == 1;
        assert_eq!(row[0], if client { "0" } else { "1" });
    }
}

#[test]
fn tshark_reads_every_file_format_the_same() {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").text(C2S, "hello").text(S2C, "hello too");
    let packets = Script::new(&talk, &Split::Writes(1460)).clock(1_700_000_000_123_456_789, 1_001).packets();
    for big in [false, true] {
        for nanos in [false, true] {
            let files = [
                pcap(&packets, PcapFormat { nanos, big, ..PcapFormat::default() }),
                pcapng(&packets, PcapngFormat { nanos, big }),
            ];
            for file in files {
                let Some(rows) =
                    tshark(&file, &["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"])
                else {
                    return;
                };
                for (row, packet) in rows.iter().zip(&packets) {
                    let time = if nanos { packet.time } else { packet.time / 1000 * 1000 };
                    assert_eq!(row[0], format!("{}.{:09}", time / 1_000_000_000, time % 1_000_000_000));
                    assert_eq!(row[1], packet.wire_len.to_string());
                }
                assert_eq!(rows.len(), packets.len());
            }
        }
    }
}

#[test]
fn tshark_inflates_what_was_deflated() {
    for (fresh, bits) in [(false, 15), (true, 15), (false, 9), (true, 8)] {
        let spec = DeflateSpec {
            server_no_context_takeover: fresh,
            client_no_context_takeover: fresh,
            server_max_window_bits: bits,
            client_max_window_bits: bits,
        };
        let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").deflate(spec);
        for i in 0..20 {
            talk = talk.text(
                if i % 3 == 0 { C2S } else { S2C },
                &format!("{{\"symbol\":\"ABC{i}\",\"price\":{}}}", i * 7),
            );
        }
        let rows = tshark(
            &capture_of(&[&talk]),
            &["-Y", "websocket", "-T", "fields", "-e", "websocket.payload.text"],
        );
        let Some(rows) = rows else { return };
        let texts: Vec<String> = rows.into_iter().map(|row| row.last().unwrap().clone()).collect();
        let said: Vec<String> =
            talk.expected.iter().map(|message| String::from_utf8(message.bytes.clone()).unwrap()).collect();
        assert_eq!(texts, said, "{spec:?}");
    }
}

#[test]
fn any_deflated_message_inflates_again() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let (bits, fresh) = (rng.between(8, 15) as u8, rng.chance(1, 2));
        let mut deflater = Deflater::new(bits, fresh);
        let mut inflate = flate2::Decompress::new_with_window_bits(false, bits.max(9));
        for _ in 0..8 {
            let parts: Vec<Vec<u8>> =
                (0..rng.below(4)).map(|_| b"some words ".repeat(rng.below(300) as usize)).collect();
            let mut sent: Vec<u8> = parts.iter().flat_map(|part| deflater.part(part)).collect();
            sent.extend(deflater.end());
            assert!(!sent.is_empty());
            sent.extend([0, 0, 0xff, 0xff]);
            if fresh {
                inflate.reset(false);
            }
            let plain = parts.concat();
            let mut out = Vec::with_capacity(plain.len() + 100);
            inflate.decompress_vec(&sent, &mut out, flate2::FlushDecompress::Sync).unwrap();
            assert!(out == plain, "seed {seed}: {} and {} bytes", out.len(), plain.len());
        }
    }
}

/// One direction as a socket: reading gives its bytes, writing goes nowhere.
struct Tape(Cursor<Vec<u8>>);

impl Read for Tape {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(to)
    }
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The messages that tungstenite reads from one direction.
fn tungstenite(talk: &Conversation, dir: wslens::model::Direction) -> Vec<(u8, Vec<u8>)> {
    let role = if dir == C2S { Role::Server } else { Role::Client };
    let tape = Tape(Cursor::new(talk.frame_bytes(dir).to_vec()));
    let mut socket = WebSocket::from_raw_socket(tape, role, None);
    let mut found = vec![];
    loop {
        found.push(match socket.read() {
            Ok(Message::Text(text)) => (TEXT, text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => (BINARY, bytes.to_vec()),
            Ok(Message::Ping(bytes)) => (PING, bytes.to_vec()),
            Ok(Message::Pong(bytes)) => (PONG, bytes.to_vec()),
            Ok(Message::Close(Some(close))) => {
                (CLOSE, [&u16::from(close.code).to_be_bytes()[..], close.reason.as_bytes()].concat())
            }
            Ok(Message::Close(None)) => (CLOSE, vec![]),
            Ok(Message::Frame(_)) => unreachable!(),
            Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_) | Error::Io(_)) => {
                return found;
            }
            Err(other) => panic!("{other}"),
        });
    }
}

#[test]
fn tungstenite_reads_the_messages_that_are_expected() {
    let talk = sizes().fragmented(C2S, TEXT, &[b"", "gr\u{fc}n".as_bytes(), b""]).closed(1000);
    for dir in [C2S, S2C] {
        let said: Vec<_> = talk.expected_of(dir).map(|message| (message.op, message.bytes.clone())).collect();
        assert!(said.len() > 9);
        assert!(tungstenite(&talk, dir) == said, "{}", dir.name());
    }
}

#[test]
fn the_accept_value_is_the_one_of_rfc_6455_section_1_3() {
    assert_eq!(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn trouble_without_loss_leaves_every_message_whole() {
    let talk = sizes();
    for seed in 0..50 {
        let mut rng = Rng::new(seed);
        let script = Script::new(&talk, &Split::Merged(1000)).shuffle(&mut rng, 3).trouble(&mut rng, 20);
        assert_eq!(script.whole(&talk).len(), talk.expected.len());
    }
    let script = Script::new(&talk, &Split::Writes(1460));
    let lost = script.piece_at(C2S, talk.expected_of(C2S).nth(1).unwrap().at);
    assert_eq!(script.lose(lost).whole(&talk).len(), talk.expected.len() - 1);
}

#[test]
fn tshark_joins_ip_fragments_and_passes_over_udp() {
    let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
        .text(C2S, &"in pieces ".repeat(140))
        .text(S2C, "whole");
    let script = Script::new(&talk, &Split::Writes(1460));
    let (big, start) = (script.piece_at(C2S, talk.expected[0].at), script.packets()[0].time);
    let mut packets = script.packets();
    let pieces = ipv4_fragments(&packets[big], 576);
    assert_eq!(pieces.len(), 3);
    packets.splice(big..=big, pieces);
    packets.push(udp_packet(
        start + 1,
        "10.0.0.1:53".parse().unwrap(),
        "10.0.0.2:53".parse().unwrap(),
        b"not DNS",
    ));
    let Some(found) = tshark_frames(&pcap(&packets, PcapFormat::default())) else { return };
    assert_eq!(found, frames_of(&talk));
}

/// Independent of the analyzer: tshark derives the keys from the key log and checks each record's tag.
#[cfg(feature = "tls")]
#[test]
fn tshark_decrypts_every_record_with_the_key_log() {
    let inner = sizes();
    let outer = Conversation::new("10.0.0.1:50000", "10.0.0.2:443");
    let (talk, log) = super::super::tls::in_tls(outer, &inner, "ws.example", "http/1.1");
    let mut keys = tempfile::NamedTempFile::new().unwrap();
    keys.write_all(&log).unwrap();
    let option = format!("tls.keylog_file:{}", keys.path().display());
    let fields = ["-T", "fields", "-e", "websocket.opcode", "-e", "tls.handshake.extensions_server_name"];
    let arguments = [&["-o", &option], &fields[..]].concat();
    let Some(rows) = tshark(&capture_of(&[&talk]), &arguments) else { return };
    let frames: usize = rows.iter().map(|row| row[0].split(',').filter(|op| !op.is_empty()).count()).sum();
    assert_eq!(frames, inner.frames.len());
    assert!(rows.iter().any(|row| row[1] == "ws.example"));
}
