//! WebSockets to be written: opening handshake, frames, closing.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

use crate::forge::Rng;
use crate::wire::{ACK, CLIENT, Flow, Out, PSH, SERVER};

/// What was written, to compare with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Truth {
    pub connections: u64,
    pub websockets: u64,
    /// Frames that are whole in the capture.
    pub frames: u64,
    /// Text and binary messages that are whole in the capture.
    pub messages: u64,
    /// Ping, pong and close frames.
    pub control: u64,
    /// Frames of which the capture lacks bytes.
    pub lost: u64,
    /// Segments that come late, and segments that come twice.
    pub late: u64,
    pub repeated: u64,
    /// Payload bytes of whole frames as sent.
    pub payload: u64,
}

/// A connection that becomes a WebSocket.
pub struct Talk {
    pub flow: Flow,
    pub opened: bool,
}

impl Talk {
    /// Connection number `i`, from an address of its own to `port`.
    pub fn new(rng: &mut Rng, i: usize, port: u16) -> Self {
        let client = ([10, 1 + (i >> 16) as u8, (i >> 8) as u8, i as u8], 20_000 + (i % 40_000) as u16);
        let server = ([192, 168, 0, 1 + (i % 4) as u8], port);
        Self { flow: Flow::new(rng, client, server), opened: false }
    }

    /// TCP's and WebSocket's opening handshake.
    pub fn open(&mut self, out: &mut Out, truth: &mut Truth, extensions: &str) -> io::Result<()> {
        let mut nonce = [0; 16];
        out.rng.fill(&mut nonce);
        let key = BASE64.encode(nonce);
        let accept = BASE64.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
        let line = if extensions.is_empty() {
            String::new()
        } else {
            format!("Sec-WebSocket-Extensions: {extensions}\r\n")
        };
        self.flow.open(out)?;
        let request = format!(
            "GET /stream HTTP/1.1\r\nHost: ws.example\r\nUser-Agent: generate\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{line}\r\n"
        );
        out.send(&mut self.flow, CLIENT, PSH | ACK, request.as_bytes())?;
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{line}\r\n"
        );
        out.send(&mut self.flow, SERVER, PSH | ACK, response.as_bytes())?;
        self.opened = true;
        truth.connections += 1;
        truth.websockets += 1;
        Ok(())
    }

    /// Close frames and FINs.
    pub fn close(&mut self, out: &mut Out, truth: &mut Truth) -> io::Result<()> {
        let mut bytes = vec![];
        for side in [CLIENT, SERVER] {
            bytes.clear();
            frame(&mut out.rng, &mut bytes, side, 0x88, &1000u16.to_be_bytes());
            out.send(&mut self.flow, side, PSH | ACK, &bytes)?;
            truth.control(2);
        }
        self.flow.close(out)
    }
}

impl Truth {
    /// Counts a data message of one frame.
    pub fn message(&mut self, payload: usize) {
        self.frames += 1;
        self.messages += 1;
        self.payload += payload as u64;
    }

    /// Counts a control frame.
    pub fn control(&mut self, payload: usize) {
        self.frames += 1;
        self.control += 1;
        self.payload += payload as u64;
    }
}

/// A frame's header; the client's is masked, and the key is returned.
pub fn header(rng: &mut Rng, bytes: &mut Vec<u8>, side: usize, first: u8, len: u64) -> [u8; 4] {
    let mask = if side == CLIENT { 0x80 } else { 0 };
    bytes.push(first);
    match len {
        0..=125 => bytes.push(mask | len as u8),
        126..=0xffff => {
            bytes.push(mask | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        _ => {
            bytes.push(mask | 127);
            bytes.extend(len.to_be_bytes());
        }
    }
    if side == CLIENT {
        let key = (rng.next() as u32).to_be_bytes();
        bytes.extend(key);
        key
    } else {
        [0; 4]
    }
}

/// A frame of `side`; `first` is its first byte.
pub fn frame(rng: &mut Rng, bytes: &mut Vec<u8>, side: usize, first: u8, payload: &[u8]) {
    let key = header(rng, bytes, side, first, payload.len() as u64);
    let at = bytes.len();
    bytes.extend(payload);
    if side == CLIENT {
        mask(&mut bytes[at..], key, 0);
    }
}

/// Masks `bytes`, whose first byte is at `offset` of the payload.
pub fn mask(bytes: &mut [u8], mut key: [u8; 4], offset: usize) {
    key.rotate_left(offset % 4);
    for chunk in bytes.chunks_mut(4) {
        chunk.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    }
}
