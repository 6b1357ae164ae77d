//! Traffic without a WebSocket, as it looks in a capture that begins in the middle of its connections.
#![allow(dead_code, clippy::indexing_slicing, clippy::cast_possible_truncation, clippy::unwrap_used)]

use super::forge::{C2S, Conversation, Packet, PcapFormat, Rng, S2C, Script, Split, interleave, pcap};
use wslens::model::Direction;

/// What speaks on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Random bytes.
    Random,
    /// TLS records.
    Tls,
    /// NetBIOS sessions with SMB2 in them.
    Smb,
    /// HTTP, from the middle of a body on.
    Http,
    /// SSH's binary packets: a length that is encrypted too.
    Ssh,
    /// MySQL's packets.
    MySql,
    /// PostgreSQL's messages.
    Postgres,
    /// MQTT's packets; a SUBSCRIBE begins like a binary frame.
    Mqtt,
    /// DNS over TCP.
    Dns,
    /// A kind, a length of one byte, a value; some kinds are opcodes with FIN.
    Tlv,
    /// Lengths of two or four bytes before random bytes, in either byte order.
    Prefixed,
    /// ASN.1, as LDAP has it.
    Ber,
    /// Text in which most characters take two bytes, many of which are opcodes with FIN.
    Cyrillic,
    /// Numbers in little-endian, many of them small, and zeros.
    Numbers,
    /// Redis: lines of text.
    Redis,
}

pub const KINDS: [Kind; 15] = [
    Kind::Random,
    Kind::Tls,
    Kind::Smb,
    Kind::Http,
    Kind::Ssh,
    Kind::MySql,
    Kind::Postgres,
    Kind::Mqtt,
    Kind::Dns,
    Kind::Tlv,
    Kind::Prefixed,
    Kind::Ber,
    Kind::Cyrillic,
    Kind::Numbers,
    Kind::Redis,
];

/// One application write.
fn write(kind: Kind, dir: Direction, turn: u32, rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(8) {
        0 => rng.between(200, 6000),
        1 | 2 => rng.between(100, 400),
        _ => rng.between(1, 120),
    } as usize;
    let words = |rng: &mut Rng, len: usize| -> Vec<u8> {
        (0..len).map(|_| b"abcdefghij klmnop=_{}\":,0123456789"[rng.below(34) as usize]).collect()
    };
    let be4 = |n: usize| (n as u32).to_be_bytes();
    match kind {
        Kind::Random => rng.bytes(len),
        Kind::Tls => {
            let kind = if turn < 2 { 22 } else { 23 };
            let mut out = vec![kind, 3, 3, (len >> 8) as u8, len as u8];
            out.extend(rng.bytes(len));
            out
        }
        Kind::Smb => {
            let body = rng.bytes(len);
            let mut out = be4(64 + len).to_vec();
            out.extend(b"\xfeSMB\x40\0\x01\0\0\0\0\0");
            out.extend([rng.below(19) as u8, 0, 1, 0, u8::from(dir == S2C), 0, 0, 0]);
            out.extend([0; 44]);
            out.extend(body);
            out
        }
        Kind::Http => match (dir, turn % 3) {
            (C2S, _) => format!("GET /page/{turn} HTTP/1.1\r\nHost: example\r\n\r\n").into_bytes(),
            (_, 0) => {
                let mut out = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", len * 3).into_bytes();
                out.extend(words(rng, len * 3));
                out
            }
            _ => rng.bytes(len * 4),
        },
        Kind::Ssh => {
            let padded = (len / 16 + 2) * 16;
            rng.bytes(padded + 4)
        }
        Kind::MySql => {
            let mut out = Vec::new();
            for seq in 0..rng.between(1, 6) as u8 {
                let body = if rng.chance(1, 2) { words(rng, len) } else { rng.bytes(len.min(9)) };
                out.extend(&(body.len() as u32).to_le_bytes()[..3]);
                out.push(if dir == C2S { 0 } else { seq + 1 });
                out.extend(body);
            }
            out
        }
        Kind::Postgres => {
            let mut out = Vec::new();
            for _ in 0..rng.between(1, 6) {
                let body = words(rng, len);
                out.push(b"QDTCZSKRE12n"[rng.below(12) as usize]);
                out.extend(be4(body.len() + 4));
                out.extend(body);
            }
            out
        }
        Kind::Mqtt => {
            let mut out = Vec::new();
            for _ in 0..rng.between(1, 3) {
                let head = if dir == C2S {
                    [0x82, 0x82, 0x30, 0x32, 0xa2, 0xc0][rng.below(6) as usize]
                } else {
                    [0x90, 0x30, 0x40, 0xb0, 0xd0][rng.below(5) as usize]
                };
                let body = match head {
                    0xc0 | 0xd0 => vec![],
                    0x82 => {
                        [&[0, turn as u8, 0, len.min(90) as u8][..], &words(rng, len.min(90)), &[1]].concat()
                    }
                    _ => words(rng, len.min(500)),
                };
                out.push(head);
                let mut left = body.len();
                loop {
                    let more = left >= 128;
                    out.push((left & 127) as u8 | if more { 128 } else { 0 });
                    left >>= 7;
                    if !more {
                        break;
                    }
                }
                out.extend(body);
            }
            out
        }
        Kind::Dns => {
            let mut body = rng.bytes(2);
            body.extend([if dir == C2S { 1 } else { 0x81 }, 0x20, 0, 1, 0, u8::from(dir == S2C), 0, 0, 0, 1]);
            body.extend([7]);
            body.extend(words(rng, 7));
            body.extend(b"\x03com\0\0\x01\0\x01");
            if dir == S2C {
                body.extend(rng.bytes(len.min(300)));
            }
            let mut out = (body.len() as u16).to_be_bytes().to_vec();
            out.extend(body);
            out
        }
        Kind::Tlv => {
            let mut out = Vec::new();
            for _ in 0..rng.between(1, 4) {
                let len = len.min(125);
                let kind = [0x81, 0x82, 0x01, 0x02, 0x10, 0x89, 0x83, 0x04][rng.below(8) as usize];
                out.extend([kind, len as u8]);
                out.extend(if rng.chance(1, 2) { words(rng, len) } else { rng.bytes(len) });
            }
            out
        }
        Kind::Prefixed => {
            let body = rng.bytes(len);
            let mut out = match turn as usize % 2 + usize::from(dir == C2S) * 2 {
                0 => (len as u16).to_be_bytes().to_vec(),
                1 => (len as u16).to_le_bytes().to_vec(),
                2 => be4(len).to_vec(),
                _ => (len as u32).to_le_bytes().to_vec(),
            };
            out.extend(body);
            out
        }
        Kind::Ber => {
            let mut body = vec![2, 1, turn as u8];
            for n in 0..rng.between(1, 4) as u8 {
                let len = len.min(100);
                body.extend([0x80 + n, len as u8]);
                body.extend(words(rng, len));
            }
            let mut out = vec![0x30, 0x82, (body.len() >> 8) as u8, body.len() as u8];
            out.extend(body);
            out
        }
        Kind::Cyrillic => {
            let letters = "рстуфхцабвгдежизиклмноп ЁЂ. ";
            let all: Vec<char> = letters.chars().collect();
            (0..len).map(|_| all[rng.below(all.len() as u64) as usize]).collect::<String>().into_bytes()
        }
        Kind::Numbers => (0..len)
            .flat_map(|_| {
                let n = [0, 0, 1, 2, 0x80, 0x81, 0x82, 0x89, rng.below(300) as u32][rng.below(9) as usize];
                if turn.is_multiple_of(2) {
                    n.to_le_bytes().to_vec()
                } else {
                    (n as u16).to_le_bytes().to_vec()
                }
            })
            .collect(),
        Kind::Redis => {
            let text = words(rng, len);
            [format!("*2\r\n$3\r\nGET\r\n${}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat()
        }
    }
}

/// Packets of a connection in its middle, with about so many bytes of payload.
pub fn flow(kind: Kind, seed: u64, size: usize) -> Vec<Packet> {
    let mut rng = Rng::new(seed ^ (kind as u64) << 40);
    let client = format!("10.{}.{}.1:{}", seed >> 8 & 0xff, seed & 0xff, 20_000 + rng.below(30_000));
    let mut talk = Conversation::new(&client, &format!("10.0.0.2:{}", rng.between(81, 9999))).no_close();
    let (mut have, mut turn) = (0, 0);
    while have < size {
        for (dir, most) in [(C2S, 2), (S2C, 4)] {
            for _ in 0..rng.below(most) {
                let bytes = write(kind, dir, turn, &mut rng);
                have += bytes.len();
                talk = talk.bytes(dir, &bytes);
            }
        }
        turn += 1;
    }
    let split = match rng.below(3) {
        0 => Split::Writes(1460),
        1 => Split::Merged(1448),
        _ => Split::Sizes(vec![rng.between(100, 1460) as usize, rng.between(20, 1460) as usize]),
    };
    let mut script = Script::new(&talk, &split).acked().no_syn();
    match rng.below(8) {
        0 => script = script.with(|pieces| pieces.retain(|piece| piece.dir == C2S)),
        1 => script = script.with(|pieces| pieces.retain(|piece| piece.dir == S2C)),
        2 => {
            let mut some = rng.clone();
            script = script.with(|pieces| pieces.retain(|_| !some.chance(1, 20)));
        }
        _ => {}
    }
    // From somewhere in its middle.
    let begin = (rng.below(6) as usize).min(script.pieces.len().saturating_sub(1));
    script.begin_at(begin).packets()
}

/// A capture of connections of one kind, of about so many bytes.
pub fn capture(kind: Kind, seed: u64, size: usize) -> Vec<u8> {
    const EACH: usize = 40_000;
    let flows =
        (0..(size / EACH).max(1) as u64).map(|n| flow(kind, seed.wrapping_mul(1009).wrapping_add(n), EACH));
    pcap(&interleave(flows), PcapFormat::default())
}
