//! WebSockets inside HTTP/2: frames, settings, field blocks without compression, several streams in one conversation.

use wslens::model::Direction;

use super::conversation::{Conversation, Handshake};
use super::frame::{CLOSE, Frame};
use super::{C2S, Rng, S2C, side};

/// An HTTP/2 frame (RFC 9113 section 4.1).
pub fn h2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS.
pub fn h2_settings(list: &[(u16, u32)]) -> Vec<u8> {
    let one = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    h2_frame(4, 0, 0, &list.iter().flat_map(one).collect::<Vec<u8>>())
}

/// Literal fields, as short as that goes without any table.
pub fn fields(list: &[(&str, &str)]) -> Vec<u8> {
    let string = |text: &str| {
        assert!(text.len() < 127);
        [&[text.len() as u8], text.as_bytes()].concat()
    };
    list.iter().flat_map(|(name, value)| [vec![0], string(name), string(value)].concat()).collect()
}

/// A conversation in HTTP/2 with prior knowledge.
pub struct Http2Talk {
    pub talk: Conversation,
    /// What each stream said: stream, sender, opcode, payload.
    pub said: Vec<(u32, Direction, u8, Vec<u8>)>,
    rng: Rng,
}

impl Http2Talk {
    /// Preface and settings of both ends; the server allows WebSockets.
    pub fn new(client: &str, server: &str) -> Self {
        Self::with_settings(client, server, &[(8, 1)])
    }

    /// With these settings of the server.
    pub fn with_settings(client: &str, server: &str, settings: &[(u16, u32)]) -> Self {
        let mut talk = Conversation::new(client, server);
        talk.handshake = Handshake::Done;
        let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &h2_settings(&[])[..]].concat();
        let talk = talk.bytes(C2S, &preface).bytes(S2C, &h2_settings(settings));
        let talk = talk.bytes(C2S, &h2_frame(4, 1, 0, b"")).bytes(S2C, &h2_frame(4, 1, 0, b""));
        Self { talk, said: vec![], rng: Rng::new(7) }
    }

    /// Any bytes.
    pub fn bytes(mut self, dir: Direction, bytes: &[u8]) -> Self {
        self.talk = self.talk.bytes(dir, bytes);
        self
    }

    pub fn frame(self, dir: Direction, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        self.bytes(dir, &h2_frame(kind, flags, stream, payload))
    }

    /// The fields of a request for a WebSocket.
    pub fn request(path: &str) -> Vec<(&str, &str)> {
        vec![
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "example"),
            ("sec-websocket-version", "13"),
        ]
    }

    /// Asks for a WebSocket.
    pub fn ask(self, stream: u32, list: &[(&str, &str)]) -> Self {
        self.frame(C2S, 1, 4, stream, &fields(list))
    }

    /// Grants it.
    pub fn grant(self, stream: u32) -> Self {
        self.frame(S2C, 1, 4, stream, &[0x88])
    }

    /// Grants it with more fields than the status.
    pub fn grant_with(self, stream: u32, list: &[(&str, &str)]) -> Self {
        self.frame(S2C, 1, 4, stream, &[&[0x88], &fields(list)[..]].concat())
    }

    /// Sends the frames of an HTTP/1.1 conversation on a stream, each write in its own DATA frame.
    pub fn carry(mut self, stream: u32, inner: &Conversation) -> Self {
        self.talk.upgraded_at = [C2S, S2C].map(|dir| self.talk.stream(dir).len());
        for (dir, range) in &inner.writes {
            if range.start >= inner.upgraded_at[side(*dir)] {
                self = self.frame(*dir, 0, 0, stream, &inner.stream(*dir)[range.clone()]);
            }
        }
        self
    }

    /// Opens a WebSocket at `/STREAM`.
    pub fn open(self, stream: u32) -> Self {
        let path = format!("/{stream}");
        self.ask(stream, &Self::request(&path)).grant(stream)
    }

    /// A WebSocket frame as its sender has to write it.
    pub fn wire(&mut self, dir: Direction, op: u8, payload: &[u8]) -> Vec<u8> {
        let frame = Frame::new(op, payload);
        if dir == C2S { frame.masked(self.rng.key()).wire() } else { frame.wire() }
    }

    /// A message in one frame in one DATA.
    pub fn say(mut self, dir: Direction, stream: u32, op: u8, payload: &[u8]) -> Self {
        let wire = self.wire(dir, op, payload);
        self.said.push((stream, dir, op, payload.to_vec()));
        self.frame(dir, 0, 0, stream, &wire)
    }

    /// A closing handshake, and END_STREAM of both ends.
    pub fn close(self, stream: u32) -> Self {
        let body = 1000u16.to_be_bytes();
        self.say(C2S, stream, CLOSE, &body)
            .say(S2C, stream, CLOSE, &body)
            .frame(S2C, 0, 1, stream, b"")
            .frame(C2S, 0, 1, stream, b"")
    }
}
