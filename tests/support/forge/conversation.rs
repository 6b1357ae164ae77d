//! What two ends say to each other: byte streams, the order of the writes, the messages to expect.

use std::net::SocketAddr;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

use super::{
    BINARY, C2S, CLOSE, CONTINUATION, DeflateSpec, Deflater, Frame, PING, PONG, Rng, S2C, TEXT, side,
};
use wslens::model::Direction;

/// A message (or control frame) that a reader has to find.
#[derive(Clone, PartialEq, Eq)]
pub struct Expected {
    /// Who sent it.
    pub dir: Direction,
    /// The first frame's opcode.
    pub op: u8,
    /// The payload, joined, unmasked, inflated.
    pub bytes: Vec<u8>,
    /// It was sent with RSV1 on a connection with permessage-deflate.
    pub compressed: bool,
    /// Frames it consists of.
    pub frames: usize,
    /// Where its first frame begins in its direction's stream.
    pub at: u64,
    /// Where its last frame ends.
    pub end: u64,
}

impl std::fmt::Debug for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { dir, op, bytes, compressed, frames, at, end } = self;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        write!(
            f,
            "{} op {op} {} bytes {shown:?} compressed {compressed} frames {frames} at {at}..{end}",
            dir.name(),
            bytes.len()
        )
    }
}

/// A frame that a reader has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedFrame {
    /// Who sent it.
    pub dir: Direction,
    /// FIN.
    pub fin: bool,
    /// RSV1 to RSV3, RSV1 = 4.
    pub rsv: u8,
    /// The opcode.
    pub op: u8,
    /// MASK.
    pub masked: bool,
    /// Where it begins in its direction's stream.
    pub at: u64,
    /// Bytes of its header.
    pub header_len: usize,
    /// Bytes of its payload on the wire.
    pub payload_len: u64,
}

/// How the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// This end sends FIN first, then the other.
    Fin(Direction),
    /// This end sends RST.
    Rst(Direction),
    /// It does not: the capture stops before.
    Open,
}

/// How far the opening handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// Nothing was sent.
    None,
    /// The request was sent; the response only when asked for.
    Requested,
    /// Both were sent.
    Done,
}

/// A head to be sent: a first line and header lines.
#[derive(Clone, Debug)]
struct Head {
    line: String,
    headers: Vec<(String, String)>,
}

impl Head {
    fn set(&mut self, name: &str, value: &str) {
        match self.headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value.to_owned(),
            None => self.headers.push((name.to_owned(), value.to_owned())),
        }
    }

    fn wire(&self) -> Vec<u8> {
        let lines: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{lines}\r\n", self.line).into_bytes()
    }
}

/// `base64(SHA-1(key + GUID))` (RFC 6455 section 4.2.2).
pub fn accept_of(key: &str) -> String {
    BASE64.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

/// One connection, from its first byte on. Methods add to the end; the opening handshake is sent before the
/// first frame unless it was sent already.
#[derive(Debug)]
pub struct Conversation {
    /// The end that opens the connection.
    pub client: SocketAddr,
    /// The other.
    pub server: SocketAddr,
    /// All bytes of each direction (client to server first).
    pub streams: [Vec<u8>; 2],
    /// Who wrote which part of its stream, in the order of time.
    pub writes: Vec<(Direction, Range<usize>)>,
    /// What a reader has to find, in the order in which it ends.
    pub expected: Vec<Expected>,
    /// Every frame, in the order written.
    pub frames: Vec<ExpectedFrame>,
    /// Where the first frame of each direction begins, once the heads were sent.
    pub upgraded_at: [usize; 2],
    /// How it ends.
    pub ending: Ending,
    /// How far the opening handshake is.
    pub handshake: Handshake,
    /// `Sec-WebSocket-Key`.
    pub key: String,
    request: Head,
    response: Head,
    spec: Option<DeflateSpec>,
    deflaters: [Option<Deflater>; 2],
    compress: bool,
    masked: [bool; 2],
    fixed_key: Option<[u8; 4]>,
    open: [Option<Expected>; 2],
    rng: Rng,
}

impl Conversation {
    /// A connection between `client` and `server` (`"10.0.0.1:50000"`, `"[fd00::1]:50000"`), plain, no extensions.
    pub fn new(client: &str, server: &str) -> Self {
        let [client, server]: [SocketAddr; 2] = [client, server].map(|end| end.parse().expect("ip:port"));
        let mut rng = Rng::new(u64::from(client.port()) << 16 | u64::from(server.port()));
        let key = BASE64.encode(rng.bytes(16));
        let own = |headers: &[(&str, &str)]| {
            headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        Self {
            request: Head {
                line: "GET /chat HTTP/1.1".to_owned(),
                headers: own(&[
                    ("Host", &server.to_string()),
                    ("Upgrade", "websocket"),
                    ("Connection", "Upgrade"),
                    ("Sec-WebSocket-Key", &key),
                    ("Sec-WebSocket-Version", "13"),
                ]),
            },
            response: Head {
                line: "HTTP/1.1 101 Switching Protocols".to_owned(),
                headers: own(&[
                    ("Upgrade", "websocket"),
                    ("Connection", "Upgrade"),
                    ("Sec-WebSocket-Accept", &accept_of(&key)),
                ]),
            },
            client,
            server,
            streams: [vec![], vec![]],
            writes: vec![],
            expected: vec![],
            frames: vec![],
            upgraded_at: [0, 0],
            ending: Ending::Fin(C2S),
            handshake: Handshake::None,
            key,
            spec: None,
            deflaters: [None, None],
            compress: true,
            masked: [true, false],
            fixed_key: None,
            open: [None, None],
            rng,
        }
    }

    /// Agrees on permessage-deflate; later messages are compressed unless [`Self::compress`] says no.
    pub fn deflate(mut self, spec: DeflateSpec) -> Self {
        self.spec = Some(spec);
        self.deflaters = [C2S, S2C].map(|dir| Some(spec.deflater(dir)));
        self.request.set("Sec-WebSocket-Extensions", &spec.offer());
        self.response.set("Sec-WebSocket-Extensions", &spec.answer());
        self
    }

    /// Whether messages from here on are compressed, where permessage-deflate was agreed.
    pub fn compress(self, yes: bool) -> Self {
        Self { compress: yes, ..self }
    }

    /// Replaces the first line of a head.
    pub fn first_line(mut self, dir: Direction, line: &str) -> Self {
        self.head(dir).line = line.to_owned();
        self
    }

    /// Replaces or adds a header line.
    pub fn header(mut self, dir: Direction, name: &str, value: &str) -> Self {
        self.head(dir).set(name, value);
        self
    }

    /// Leaves a header line out.
    pub fn without_header(mut self, dir: Direction, name: &str) -> Self {
        self.head(dir).headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    fn head(&mut self, dir: Direction) -> &mut Head {
        if dir == C2S { &mut self.request } else { &mut self.response }
    }

    /// Whether frames of `dir` are masked from here on (by default the client's are).
    pub fn masks(mut self, dir: Direction, yes: bool) -> Self {
        self.masked[side(dir)] = yes;
        self
    }

    /// Masks with this key from here on, in place of random ones.
    pub fn masking_key(self, key: [u8; 4]) -> Self {
        Self { fixed_key: Some(key), ..self }
    }

    /// Bytes that are neither head nor frame. Does not start the handshake.
    pub fn bytes(mut self, dir: Direction, bytes: &[u8]) -> Self {
        self.write(dir, bytes);
        self
    }

    /// An HTTP exchange on the same connection before the handshake.
    pub fn http_before(self, request: &[u8], response: &[u8]) -> Self {
        self.bytes(C2S, request).bytes(S2C, response)
    }

    /// Goes through an HTTP proxy: `CONNECT host:port` and its answer, before the handshake.
    pub fn connect(self, authority: &str) -> Self {
        self.http_before(
            format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n").as_bytes(),
            b"HTTP/1.1 200 Connection established\r\n\r\n",
        )
    }

    /// Sends all bytes of another conversation, in the same writes, as a tunnel does.
    pub fn carry(mut self, inner: &Conversation) -> Self {
        let before = self.streams.each_ref().map(Vec::len);
        for (dir, range) in &inner.writes {
            self.write(*dir, &inner.stream(*dir)[range.clone()]);
        }
        self.upgraded_at = [0, 1].map(|side| before[side] + inner.upgraded_at[side]);
        self
    }

    /// Sends the request now; frames that follow do not wait for the response.
    pub fn request_now(mut self) -> Self {
        let bytes = self.request.wire();
        self.write(C2S, &bytes);
        self.upgraded_at[0] = self.streams[0].len();
        self.handshake = Handshake::Requested;
        self
    }

    /// Sends the response now.
    pub fn response_now(mut self) -> Self {
        let bytes = self.response.wire();
        self.write(S2C, &bytes);
        self.upgraded_at[1] = self.streams[1].len();
        self.handshake = Handshake::Done;
        self
    }

    /// Sends what is missing of the handshake, unless only the request was asked for.
    pub fn opened(self) -> Self {
        if self.handshake == Handshake::None { self.request_now().response_now() } else { self }
    }

    /// A text message in one frame.
    pub fn text(self, dir: Direction, text: &str) -> Self {
        self.message(dir, TEXT, text.as_bytes())
    }

    /// A binary message in one frame.
    pub fn binary(self, dir: Direction, bytes: &[u8]) -> Self {
        self.message(dir, BINARY, bytes)
    }

    /// A data message in one frame.
    pub fn message(self, dir: Direction, op: u8, bytes: &[u8]) -> Self {
        self.fragmented(dir, op, &[bytes])
    }

    /// A data message in one frame for each piece. Compressed, each piece is flushed into its own frame.
    pub fn fragmented(self, dir: Direction, op: u8, pieces: &[&[u8]]) -> Self {
        let last = pieces.len().saturating_sub(1);
        pieces.iter().enumerate().fold(self, |talk, (i, piece)| {
            talk.part(dir, if i == 0 { op } else { CONTINUATION }, i == last, piece)
        })
    }

    /// One frame of a data message, so that others can come in between: the first with its opcode, then
    /// [`CONTINUATION`]; `fin` for the last. A compressed message ends with a flush in each frame.
    pub fn part(mut self, dir: Direction, op: u8, fin: bool, piece: &[u8]) -> Self {
        self = self.opened();
        let squeeze = match &self.open[side(dir)] {
            Some(open) if op == CONTINUATION => open.compressed,
            _ => self.compress,
        };
        let (payload, rsv) = match &mut self.deflaters[side(dir)] {
            Some(deflater) if squeeze => {
                let mut payload = deflater.part(piece);
                if fin {
                    payload.extend(deflater.end());
                }
                (payload, if op == CONTINUATION { 0 } else { 4 })
            }
            _ => (piece.to_vec(), 0),
        };
        let frame = Frame { fin, rsv, op, key: self.key_for(dir), length: Default::default(), payload };
        self.push(dir, &frame, piece);
        self
    }

    /// A data message whose payload as sent (compressed, where it is) is cut at any `cuts`, increasing.
    pub fn split(mut self, dir: Direction, op: u8, bytes: &[u8], cuts: &[usize]) -> Self {
        self = self.opened();
        let (sent, rsv) = match &mut self.deflaters[side(dir)] {
            Some(deflater) if self.compress => (deflater.message(bytes), 4),
            _ => (bytes.to_vec(), 0),
        };
        let mut from = 0;
        for (i, &to) in cuts.iter().chain([&sent.len()]).enumerate() {
            let (to, fin) = (to.clamp(from, sent.len()), i == cuts.len());
            let first = i == 0;
            let (op, rsv) = if first { (op, rsv) } else { (CONTINUATION, 0) };
            let payload = sent[from..to].to_vec();
            let frame = Frame { fin, rsv, op, key: self.key_for(dir), length: Default::default(), payload };
            self.push(dir, &frame, if first { bytes } else { &[] });
            from = to;
        }
        self
    }

    /// A ping.
    pub fn ping(self, dir: Direction, bytes: &[u8]) -> Self {
        self.control(dir, PING, bytes)
    }

    /// A pong.
    pub fn pong(self, dir: Direction, bytes: &[u8]) -> Self {
        self.control(dir, PONG, bytes)
    }

    /// A close frame with a code and a reason.
    pub fn close(self, dir: Direction, code: u16, reason: &str) -> Self {
        self.control(dir, CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
    }

    /// Both close frames, client first.
    pub fn closed(self, code: u16) -> Self {
        self.close(C2S, code, "").close(S2C, code, "")
    }

    /// A control frame.
    pub fn control(mut self, dir: Direction, op: u8, payload: &[u8]) -> Self {
        self = self.opened();
        let frame = Frame { key: self.key_for(dir), ..Frame::new(op, payload) };
        self.push(dir, &frame, payload);
        self
    }

    /// Any frame, as it stands. Its payload counts as plain.
    pub fn frame(mut self, dir: Direction, frame: &Frame) -> Self {
        self = self.opened();
        self.push(dir, frame, &frame.payload);
        self
    }

    /// Any bytes after the handshake; nothing is expected of them.
    pub fn raw(self, dir: Direction, bytes: &[u8]) -> Self {
        self.opened().bytes(dir, bytes)
    }

    /// One end sends FIN, the other answers (the client by default).
    pub fn fin(self, dir: Direction) -> Self {
        Self { ending: Ending::Fin(dir), ..self }
    }

    /// One end sends RST.
    pub fn rst(self, dir: Direction) -> Self {
        Self { ending: Ending::Rst(dir), ..self }
    }

    /// The capture stops while the connection is open.
    pub fn no_close(self) -> Self {
        Self { ending: Ending::Open, ..self }
    }

    /// What is expected of one direction.
    pub fn expected_of(&self, dir: Direction) -> impl Iterator<Item = &Expected> {
        self.expected.iter().filter(move |message| message.dir == dir)
    }

    /// The stream of one direction.
    pub fn stream(&self, dir: Direction) -> &[u8] {
        &self.streams[side(dir)]
    }

    /// The part of one direction's stream that holds frames.
    pub fn frame_bytes(&self, dir: Direction) -> &[u8] {
        &self.streams[side(dir)][self.upgraded_at[side(dir)]..]
    }

    fn key_for(&mut self, dir: Direction) -> Option<[u8; 4]> {
        let key = self.fixed_key.unwrap_or_else(|| self.rng.key());
        self.masked[side(dir)].then_some(key)
    }

    fn write(&mut self, dir: Direction, bytes: &[u8]) {
        let stream = &mut self.streams[side(dir)];
        let start = stream.len();
        stream.extend(bytes);
        self.writes.push((dir, start..stream.len()));
    }

    /// Writes a frame and keeps account of it. `plain` is what it adds to its message.
    fn push(&mut self, dir: Direction, frame: &Frame, plain: &[u8]) {
        let at = self.streams[side(dir)].len() as u64;
        self.write(dir, &frame.wire());
        let end = self.streams[side(dir)].len() as u64;
        self.frames.push(ExpectedFrame {
            dir,
            fin: frame.fin,
            rsv: frame.rsv,
            op: frame.op,
            masked: frame.key.is_some(),
            at,
            header_len: frame.header_len(),
            payload_len: frame.payload.len() as u64,
        });
        let compressed = frame.rsv & 4 != 0 && self.spec.is_some();
        let one = Expected { dir, op: frame.op, bytes: plain.to_vec(), compressed, frames: 1, at, end };
        if frame.op & 8 != 0 {
            self.expected.push(one);
            return;
        }
        let open = &mut self.open[side(dir)];
        let message = match open.take() {
            Some(mut message) if frame.op == CONTINUATION => {
                message.bytes.extend(plain);
                message.frames += 1;
                message.end = end;
                message
            }
            _ => one,
        };
        if frame.fin {
            self.expected.push(message);
        } else {
            *open = Some(message);
        }
    }
}
