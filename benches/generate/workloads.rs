//! The workloads.

use std::io;

use flate2::{Compress, Compression, FlushCompress};

use crate::forge::Rng;
use crate::talk::{Talk, Truth, frame, header, mask};
use crate::wire::{ACK, CLIENT, Flow, Out, PSH, SERVER, SYN};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Bytes kept for closing a WebSocket.
const CLOSING: u64 = 400;

/// Words with spaces, 1 MiB.
fn prose(rng: &mut Rng) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "anyone ", "there? ", "yes, ", "I ", "see ", "it ", "now, ", "thanks ", "for ", "the ", "quick ",
        "answer. ",
    ];
    let mut text = String::with_capacity(1 << 20);
    while text.len() < 1 << 20 {
        text += WORDS[rng.below(12) as usize];
    }
    text.into_bytes()
}

/// `count` JSON texts of `low` to `high` bytes (about), as a market sends them.
fn quotes(rng: &mut Rng, count: usize, low: u64, high: u64) -> Vec<Vec<u8>> {
    let quote = |rng: &mut Rng| {
        let len = rng.between(low, high) as usize;
        let mut text = format!("{{\"channel\":\"book\",\"sequence\":{},\"levels\":[", rng.below(1 << 40));
        while text.len() + 70 < len {
            text += &format!(
                "{{\"price\":\"{}.{:04}\",\"size\":\"{}.{:08}\",\"id\":\"{:08x}\"}},",
                40_000 + rng.below(900),
                rng.below(10_000),
                rng.below(20),
                rng.below(100_000_000),
                rng.next() as u32
            );
        }
        text.truncate(text.trim_end_matches(',').len());
        text += "],\"time\":\"";
        while text.len() + 2 < len {
            text.push((b'0' + rng.below(10) as u8) as char);
        }
        (text + "\"}").into_bytes()
    };
    (0..count).map(|_| quote(rng)).collect()
}

/// Chat: small masked texts, most of them answered, ACKs in between. `lossy`: 1 % come late, 0.5 % twice, 13 never.
pub fn chat(out: &mut Out, target: u64, connections: usize, lossy: bool) -> io::Result<Truth> {
    let mut truth = Truth::default();
    let text = prose(&mut out.rng);
    let mut talks: Vec<Talk> = (0..connections).map(|i| Talk::new(&mut out.rng, i, 80)).collect();
    let mut chat = Chat { text, bytes: vec![], record: vec![], late: vec![], lossy, gaps: 0, target };
    while out.bytes + CLOSING * truth.websockets < target {
        let i = out.rng.below(connections as u64) as usize;
        if talks[i].opened {
            chat.exchange(out, &mut talks[i], !i.is_multiple_of(5), &mut truth)?;
        } else {
            talks[i].open(out, &mut truth, "")?;
        }
    }
    for talk in talks.iter_mut().filter(|talk| talk.opened) {
        talk.close(out, &mut truth)?;
    }
    Ok(truth)
}

struct Chat {
    text: Vec<u8>,
    bytes: Vec<u8>,
    record: Vec<u8>,
    late: Vec<u8>,
    lossy: bool,
    gaps: u64,
    target: u64,
}

impl Chat {
    /// A message, its answer where `both`, the ACK.
    fn exchange(&mut self, out: &mut Out, talk: &mut Talk, both: bool, truth: &mut Truth) -> io::Result<()> {
        self.say(out, talk, CLIENT, truth)?;
        if both {
            self.say(out, talk, SERVER, truth)?;
        }
        out.send(&mut talk.flow, if both { CLIENT } else { SERVER }, ACK, &[])?;
        if out.rng.chance(1, 200) {
            self.control(out, talk, SERVER, PING, truth)?;
            self.control(out, talk, CLIENT, PONG, truth)?;
        }
        Ok(())
    }

    fn build(&mut self, out: &mut Out, talk: &mut Talk, side: usize, truth: &mut Truth) {
        let len = out.rng.between(20, 200) as usize;
        let at = out.rng.below((self.text.len() - len) as u64) as usize;
        self.bytes.clear();
        frame(&mut out.rng, &mut self.bytes, side, TEXT, &self.text[at..at + len]);
        talk.flow.build(side, PSH | ACK, &self.bytes, &mut self.record);
        truth.message(len);
    }

    fn say(&mut self, out: &mut Out, talk: &mut Talk, side: usize, truth: &mut Truth) -> io::Result<()> {
        self.build(out, talk, side, truth);
        if self.lossy && out.bytes > self.target / 14 * (self.gaps + 1) && self.gaps < 13 {
            // It was received; only the capture lacks it. The next one of the same end tells so.
            self.gaps += 1;
            truth.lost += 1;
            truth.frames -= 1;
            truth.messages -= 1;
            truth.payload -= (self.bytes.len() - if side == CLIENT { 6 } else { 2 }) as u64;
            return Ok(());
        }
        if self.lossy && out.rng.chance(1, 100) {
            std::mem::swap(&mut self.late, &mut self.record);
            truth.late += 1;
            for _ in 0..out.rng.between(1, 3) {
                self.build(out, talk, side, truth);
                out.emit(&mut self.record)?;
            }
            return out.emit(&mut self.late);
        }
        out.emit(&mut self.record)?;
        if self.lossy && out.rng.chance(1, 200) {
            truth.repeated += 1;
            out.emit(&mut self.record)?;
        }
        Ok(())
    }

    fn control(
        &mut self,
        out: &mut Out,
        talk: &mut Talk,
        side: usize,
        first: u8,
        truth: &mut Truth,
    ) -> io::Result<()> {
        self.bytes.clear();
        frame(&mut out.rng, &mut self.bytes, side, first, b"still there");
        truth.control(11);
        out.send(&mut talk.flow, side, PSH | ACK, &self.bytes)
    }
}

/// A server's quotes: JSON of 200 to 1,500 bytes, run together into segments; compressed where `deflate`.
pub fn market(out: &mut Out, target: u64, connections: usize, deflate: bool) -> io::Result<Truth> {
    let mut truth = Truth::default();
    let (low, high) = if deflate { (1400, 1600) } else { (200, 1500) };
    let pool = quotes(&mut out.rng, 2048, low, high);
    let extensions = if deflate { "permessage-deflate" } else { "" };
    let mut talks: Vec<Talk> = (0..connections).map(|i| Talk::new(&mut out.rng, i, 8080)).collect();
    let new = || Compress::new_with_window_bits(Compression::new(4), false, 15);
    let mut deflaters: Vec<[Compress; 2]> =
        if deflate { (0..connections).map(|_| [new(), new()]).collect() } else { vec![] };
    let mut pending: Vec<Vec<u8>> = vec![vec![]; connections];
    let mut squeezed = Vec::with_capacity(4096);
    while out.bytes + (CLOSING + 1500) * truth.websockets < target {
        let i = out.rng.below(connections as u64) as usize;
        let talk = &mut talks[i];
        if !talk.opened {
            talk.open(out, &mut truth, extensions)?;
            let mut bytes = vec![];
            let subscribe = b"{\"op\":\"subscribe\",\"channels\":[\"book\",\"trades\"]}";
            match deflaters.get_mut(i) {
                Some([client, _]) => {
                    squeeze(client, subscribe, &mut squeezed);
                    frame(&mut out.rng, &mut bytes, CLIENT, TEXT | 0x40, &squeezed);
                }
                None => frame(&mut out.rng, &mut bytes, CLIENT, TEXT, subscribe),
            }
            out.send(&mut talk.flow, CLIENT, PSH | ACK, &bytes)?;
            truth.message(bytes.len() - 6);
            continue;
        }
        for _ in 0..out.rng.between(1, 6) {
            let quote = &pool[out.rng.below(pool.len() as u64) as usize];
            match deflaters.get_mut(i) {
                Some([_, server]) => {
                    squeeze(server, quote, &mut squeezed);
                    frame(&mut out.rng, &mut pending[i], SERVER, TEXT | 0x40, &squeezed);
                    truth.message(squeezed.len());
                }
                None => {
                    frame(&mut out.rng, &mut pending[i], SERVER, TEXT, quote);
                    truth.message(quote.len());
                }
            }
        }
        // Mostly the rest waits for the next burst, so that frames lie over segments.
        let ready = if out.rng.chance(1, 4) { pending[i].len() } else { pending[i].len() / 1448 * 1448 };
        talk.flow.stream(out, SERVER, &pending[i][..ready])?;
        pending[i].drain(..ready);
        if ready > 0 && out.rng.chance(1, 2) {
            out.send(&mut talk.flow, CLIENT, ACK, &[])?;
        }
    }
    for (talk, rest) in talks.iter_mut().zip(&pending).filter(|(talk, _)| talk.opened) {
        talk.flow.stream(out, SERVER, rest)?;
        talk.close(out, &mut truth)?;
    }
    Ok(truth)
}

/// A message as permessage-deflate sends it.
fn squeeze(compress: &mut Compress, bytes: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.reserve(bytes.len() + 64);
    compress.compress_vec(bytes, out, FlushCompress::Sync).unwrap();
    assert!(out.ends_with(&[0, 0, 0xff, 0xff]) && out.len() < out.capacity());
    out.truncate(out.len() - 4);
}

/// Binary messages of 64 KB to 1 MB (or of `size` bytes) on four connections, one of them uploading.
pub fn bulk(out: &mut Out, target: u64, size: Option<u64>) -> io::Result<Truth> {
    struct Message {
        left: u64,
        done: usize,
        key: [u8; 4],
    }
    let mut truth = Truth::default();
    let mut noise = vec![0; 1 << 20];
    out.rng.fill(&mut noise);
    let mut talks: Vec<Talk> = (0..4).map(|i| Talk::new(&mut out.rng, i, 8080)).collect();
    let mut messages: Vec<Option<Message>> = (0..4).map(|_| None).collect();
    let mut pending: Vec<Vec<u8>> = vec![vec![]; 4];
    for talk in &mut talks {
        talk.open(out, &mut truth, "")?;
    }
    loop {
        let full = out.bytes >= target;
        let i = out.rng.below(4) as usize;
        let (side, talk, bytes) = (if i == 0 { CLIENT } else { SERVER }, &mut talks[i], &mut pending[i]);
        // A window's worth of this connection, then another's turn.
        for _ in 0..out.rng.between(1, 20) {
            while bytes.len() < 1448 {
                let message = match &mut messages[i] {
                    Some(message) => message,
                    None if full => break,
                    none => {
                        let len = size.unwrap_or_else(|| out.rng.between(64 << 10, 1 << 20));
                        let key = header(&mut out.rng, bytes, side, BINARY, len);
                        truth.message(len as usize);
                        none.insert(Message { left: len, done: 0, key })
                    }
                };
                let at = message.done % (noise.len() - 1448);
                let take = (1448usize).min(message.left as usize);
                let start = bytes.len();
                bytes.extend(&noise[at..at + take]);
                if side == CLIENT {
                    mask(&mut bytes[start..], message.key, message.done);
                }
                message.done += take;
                message.left -= take as u64;
                if message.left == 0 {
                    messages[i] = None;
                }
            }
            let take = bytes.len().min(1448);
            talk.flow.stream(out, side, &bytes[..take])?;
            bytes.drain(..take);
        }
        out.send(&mut talk.flow, 1 - side, ACK, &[])?;
        if full && messages.iter().all(Option::is_none) && pending.iter().all(Vec::is_empty) {
            break;
        }
    }
    for talk in &mut talks {
        talk.close(out, &mut truth)?;
    }
    Ok(truth)
}

/// Other traffic, with 5 % chat in it.
pub fn haystack(out: &mut Out, target: u64) -> io::Result<Truth> {
    let mut truth = Truth::default();
    let mut noise = vec![0; 1 << 20];
    out.rng.fill(&mut noise);
    let text = prose(&mut out.rng);
    let mut chat = Chat { text, bytes: vec![], record: vec![], late: vec![], lossy: false, gaps: 0, target };
    let connections = 100;
    let mut talks: Vec<Talk> = (0..connections).map(|i| Talk::new(&mut out.rng, i, 80)).collect();
    let mut others: Vec<Other> = vec![];
    let (mut spent, mut count) = (0u64, 0usize);
    while out.bytes + CLOSING * truth.websockets < target {
        let before = out.bytes;
        if spent * 20 < before {
            let i = out.rng.below(connections as u64) as usize;
            if talks[i].opened {
                chat.exchange(out, &mut talks[i], !i.is_multiple_of(5), &mut truth)?;
            } else {
                talks[i].open(out, &mut truth, "")?;
            }
            spent += out.bytes - before;
            continue;
        }
        if others.len() < 200 {
            count += 1;
            let mut other = Other::new(&mut out.rng, count);
            other.start(out, &noise)?;
            truth.connections += 1;
            others.push(other);
            continue;
        }
        let i = out.rng.below(200) as usize;
        if others[i].turns == 0 {
            others.swap_remove(i).flow.close(out)?;
        } else {
            others[i].turn(out, &noise)?;
        }
        if out.rng.chance(1, 4) {
            let (len, port) = if out.rng.chance(1, 2) { (out.rng.between(30, 300), 53) } else { (1200, 443) };
            let at = out.rng.below(900_000) as usize;
            let host = out.rng.below(250) as u8;
            out.udp(
                ([10, 9, 0, host], 40_000 + u16::from(host)),
                ([192, 168, 9, 9], port),
                &noise[at..at + len as usize],
            )?;
        }
    }
    for talk in talks.iter_mut().filter(|talk| talk.opened) {
        talk.close(out, &mut truth)?;
    }
    Ok(truth)
}

#[derive(Clone, Copy)]
enum Kind {
    Tls,
    Http,
    Shell,
    Database,
}

/// A connection that is no WebSocket.
struct Other {
    flow: Flow,
    kind: Kind,
    turns: u64,
    bytes: Vec<u8>,
}

impl Other {
    fn new(rng: &mut Rng, i: usize) -> Self {
        let (kind, port) = match rng.below(10) {
            0..=4 => (Kind::Tls, 443),
            5..=7 => (Kind::Http, 80),
            8 => (Kind::Shell, 22),
            _ => (Kind::Database, 5432),
        };
        let client = ([10, 100 + (i >> 16) as u8, (i >> 8) as u8, i as u8], 20_000 + (i % 40_000) as u16);
        let server = ([192, 168, 1, rng.below(200) as u8], port);
        let flow = Flow::new(rng, client, server);
        Self { flow, kind, turns: rng.between(1, 60), bytes: vec![] }
    }

    fn start(&mut self, out: &mut Out, noise: &[u8]) -> io::Result<()> {
        self.flow.open(out)?;
        match self.kind {
            Kind::Tls => {
                self.record(&mut out.rng, noise, 0x16, 512);
                self.flow.stream(out, CLIENT, &self.bytes)?;
                self.record(&mut out.rng, noise, 0x16, 90);
                self.flow.stream(out, SERVER, &self.bytes)?;
                self.record(&mut out.rng, noise, 0x17, 3000);
                self.flow.stream(out, SERVER, &self.bytes)
            }
            Kind::Shell => {
                self.flow.stream(out, CLIENT, b"SSH-2.0-OpenSSH_9.6\r\n")?;
                self.flow.stream(out, SERVER, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
            }
            Kind::Http | Kind::Database => Ok(()),
        }
    }

    fn record(&mut self, rng: &mut Rng, noise: &[u8], kind: u8, len: usize) {
        let at = rng.below((noise.len() - len) as u64) as usize;
        self.bytes.clear();
        self.bytes.extend([kind, 3, 3, (len >> 8) as u8, len as u8]);
        self.bytes.extend(&noise[at..at + len]);
    }

    /// A question and its answer.
    fn turn(&mut self, out: &mut Out, noise: &[u8]) -> io::Result<()> {
        self.turns -= 1;
        let at = out.rng.below(900_000) as usize;
        match self.kind {
            Kind::Tls => {
                let (ask, answer) = (out.rng.between(40, 900), out.rng.between(200, 16_384));
                self.record(&mut out.rng, noise, 0x17, ask as usize);
                self.flow.stream(out, CLIENT, &self.bytes)?;
                self.record(&mut out.rng, noise, 0x17, answer as usize);
                self.flow.stream(out, SERVER, &self.bytes)?;
            }
            Kind::Http => {
                let page = out.rng.below(10_000);
                let ask = format!(
                    "GET /page/{page}?from=list HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n\
                     Cookie: session={:016x}\r\nConnection: keep-alive\r\n\r\n",
                    out.rng.next()
                );
                self.flow.stream(out, CLIENT, ask.as_bytes())?;
                let len = out.rng.between(300, 30_000) as usize;
                self.bytes.clear();
                self.bytes.extend(
                    format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len}\r\n\
                         Connection: keep-alive\r\n\r\n"
                    )
                    .bytes(),
                );
                self.bytes.extend(&noise[at..at + len]);
                self.flow.stream(out, SERVER, &self.bytes)?;
            }
            Kind::Shell => {
                let (ask, answer) = (36 + 16 * out.rng.below(4), 36 + 16 * out.rng.below(60));
                self.flow.stream(out, CLIENT, &noise[at..at + ask as usize])?;
                self.flow.stream(out, SERVER, &noise[at..at + answer as usize])?;
            }
            Kind::Database => {
                let ask = format!("select * from orders where id = {}\0", out.rng.below(1 << 30));
                self.bytes.clear();
                self.bytes.push(b'Q');
                self.bytes.extend((ask.len() as u32 + 4).to_be_bytes());
                self.bytes.extend(ask.bytes());
                self.flow.stream(out, CLIENT, &self.bytes)?;
                let len = out.rng.between(50, 8000) as usize;
                self.bytes.clear();
                self.bytes.push(b'D');
                self.bytes.extend((len as u32 + 4).to_be_bytes());
                self.bytes.extend(&noise[at..at + len]);
                self.flow.stream(out, SERVER, &self.bytes)?;
            }
        }
        out.send(&mut self.flow, CLIENT, ACK, &[])
    }
}

/// Connections of which there is only the SYN.
pub fn half_open(out: &mut Out, count: u64) -> io::Result<Truth> {
    for i in 0..count {
        let mut flow = Flow::new(
            &mut out.rng,
            ([10, (i >> 16) as u8, (i >> 8) as u8, i as u8], 1024 + (i % 60_000) as u16),
            ([192, 168, 0, 1], 80),
        );
        out.send(&mut flow, CLIENT, SYN, &[])?;
    }
    Ok(Truth { connections: count, ..Truth::default() })
}
