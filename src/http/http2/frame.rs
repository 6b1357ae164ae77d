//! Frames (RFC 9113 section 4): a header of nine bytes, then the payload.

use crate::model::{Chunk, Parse, Place, to_u8, to_u32};

/// What a client sends first (RFC 9113 section 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of a frame's header.
pub const HEADER_LEN: usize = 9;
/// The longest payload, unless a setting allows more (RFC 9113 section 4.2).
pub const DEFAULT_MAX_FRAME_SIZE: u32 = 1 << 14;

/// Flags of a frame; what a bit means hangs on the frame's type.
pub mod flag {
    /// The last frame of the sender's part of a stream (DATA, HEADERS).
    pub const END_STREAM: u8 = 0x01;
    /// The answer to SETTINGS or PING.
    pub const ACK: u8 = 0x01;
    /// No CONTINUATION follows (HEADERS, PUSH_PROMISE, CONTINUATION).
    pub const END_HEADERS: u8 = 0x04;
    /// The payload begins with the length of its padding (DATA, HEADERS, PUSH_PROMISE).
    pub const PADDED: u8 = 0x08;
    /// The payload has priority fields (HEADERS).
    pub const PRIORITY: u8 = 0x20;
}

/// A frame's type (RFC 9113 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Bytes of a stream.
    Data,
    /// A field block opens a stream, or goes on in it.
    Headers,
    /// Priority, of no meaning any more.
    Priority,
    /// The end of a stream, at once.
    RstStream,
    /// Parameters of the connection.
    Settings,
    /// A response to a request that was not made.
    PushPromise,
    /// Is the other end there?
    Ping,
    /// The end of the connection.
    GoAway,
    /// More may be sent.
    WindowUpdate,
    /// More of a field block.
    Continuation,
    /// Something else, which has to be passed over.
    Unknown(u8),
}

impl FrameKind {
    /// The type of a byte.
    #[must_use]
    pub fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::RstStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            other => Self::Unknown(other),
        }
    }

    /// The RFC's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "DATA",
            Self::Headers => "HEADERS",
            Self::Priority => "PRIORITY",
            Self::RstStream => "RST_STREAM",
            Self::Settings => "SETTINGS",
            Self::PushPromise => "PUSH_PROMISE",
            Self::Ping => "PING",
            Self::GoAway => "GOAWAY",
            Self::WindowUpdate => "WINDOW_UPDATE",
            Self::Continuation => "CONTINUATION",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The flags that are defined for it.
    fn flags(self) -> u8 {
        match self {
            Self::Data => flag::END_STREAM | flag::PADDED,
            Self::Headers => flag::END_STREAM | flag::END_HEADERS | flag::PADDED | flag::PRIORITY,
            Self::Settings | Self::Ping => flag::ACK,
            Self::PushPromise => flag::END_HEADERS | flag::PADDED,
            Self::Continuation => flag::END_HEADERS,
            _ => 0,
        }
    }

    /// Whether it belongs to a stream, to the connection, or to either (`None`).
    fn of_stream(self) -> Option<bool> {
        match self {
            Self::Settings | Self::Ping | Self::GoAway => Some(false),
            Self::WindowUpdate | Self::Unknown(_) => None,
            _ => Some(true),
        }
    }
}

/// The header of a frame (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes of the payload.
    pub len: u32,
    /// The type.
    pub kind: FrameKind,
    /// The flags, as sent.
    pub flags: u8,
    /// The stream; 0 for the connection.
    pub stream: u32,
}

impl FrameHeader {
    /// Reads a header off the front of `bytes`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Parse<Self> {
        let Some([a, b, c, kind, flags, stream @ ..]) = bytes.first_chunk::<HEADER_LEN>() else {
            return Parse::Need(HEADER_LEN);
        };
        let header = Self {
            len: u32::from_be_bytes([0, *a, *b, *c]),
            kind: FrameKind::from_bits(*kind),
            flags: *flags,
            stream: u32::from_be_bytes(*stream) & (u32::MAX >> 1),
        };
        Parse::Done(header, HEADER_LEN)
    }

    /// Whether a flag is set that is defined for this type.
    #[must_use]
    pub fn has(self, flag: u8) -> bool {
        self.flags & self.kind.flags() & flag != 0
    }

    /// What is wrong with it by itself, if anything: the length or the stream does not fit the type.
    #[must_use]
    pub fn defect(self) -> Option<&'static str> {
        let Self { len, kind, stream, .. } = self;
        match kind.of_stream() {
            Some(true) if stream == 0 => return Some("it names no stream"),
            Some(false) if stream != 0 => return Some("it names a stream, but concerns the connection"),
            _ => {}
        }
        let fits = match kind {
            FrameKind::Priority => len == 5,
            FrameKind::RstStream | FrameKind::WindowUpdate => len == 4,
            FrameKind::Settings if self.has(flag::ACK) => len == 0,
            FrameKind::Settings => len.is_multiple_of(6),
            FrameKind::Ping => len == 8,
            FrameKind::GoAway => len >= 8,
            _ => true,
        };
        (!fits).then_some("its length does not fit its type")
    }

    /// Whether nine bytes found anywhere may well be a header. Of random bytes one in 2^30 is.
    #[must_use]
    pub fn is_plausible(self, bytes: &[u8], longest: u32) -> bool {
        let reserved = bytes.get(5).is_none_or(|byte| byte & 0x80 != 0);
        !matches!(self.kind, FrameKind::Unknown(_))
            && !reserved
            && self.len <= longest
            && self.flags & !self.kind.flags() == 0
            && self.defect().is_none()
            && !(self.kind == FrameKind::Settings && self.len > 6 * 64)
    }
}

/// Where a frame begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameStart {
    /// Offset of its first byte in the direction's stream.
    pub at: u64,
    /// The packet with its first byte.
    pub place: Place,
}

/// What takes the frames of a direction.
pub(super) trait FrameSink {
    /// A header is complete.
    fn frame(&mut self, header: FrameHeader, start: FrameStart, arrival: Place);
    /// Bytes of its payload, `done` bytes into it.
    fn payload(&mut self, header: FrameHeader, done: u32, chunk: Chunk<'_>);
    /// Bytes of its payload that are missing.
    fn missing(&mut self, header: FrameHeader, done: u32, len: u32, arrival: Place);
    /// Its payload is over.
    fn end(&mut self, header: FrameHeader, start: FrameStart, arrival: Place);
    /// The client's first bytes are no preface.
    fn no_preface(&mut self, at: u64, arrival: Place);
    /// Where frames begin is not known any more.
    fn lost(&mut self, at: u64, arrival: Place);
    /// It is known again: whether a header, which looks like one, fits what is known of the connection.
    fn fits(&mut self, header: FrameHeader) -> bool;
    /// It is, `skipped` bytes after it was lost.
    fn found(&mut self, at: u64, skipped: u64, arrival: Place);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Http2ReaderState {
    /// So many bytes of the preface came.
    Preface(u8),
    /// So many bytes of a header came.
    Header(u8),
    /// So many bytes of the payload came.
    Payload(FrameHeader, u32),
    /// A header is looked for; the last bytes, as many as that, are kept.
    Lost(u8),
}

/// Finds the frames of one direction. Holds nine bytes at most.
#[derive(Clone, Debug)]
pub(super) struct FrameReader {
    state: Http2ReaderState,
    scratch: [u8; HEADER_LEN],
    start: FrameStart,
    skipped: u64,
    /// The longest payload that a header found after a loss may have.
    pub(super) longest: u32,
}

impl FrameReader {
    /// A reader whose next byte begins a frame.
    pub(super) fn new() -> Self {
        Self {
            state: Http2ReaderState::Header(0),
            scratch: [0; HEADER_LEN],
            start: FrameStart::default(),
            skipped: 0,
            longest: DEFAULT_MAX_FRAME_SIZE,
        }
    }

    /// A reader whose next bytes are the preface, of which so many were read already.
    pub(super) fn with_preface(read: usize) -> Self {
        Self { state: Http2ReaderState::Preface(to_u8(read.min(PREFACE.len()))), ..Self::new() }
    }

    /// A reader in the middle of something.
    pub(super) fn lost() -> Self {
        Self { state: Http2ReaderState::Lost(0), ..Self::new() }
    }

    /// Whether a frame is at hand that is not whole.
    pub(super) fn partial(&self) -> Option<FrameStart> {
        matches!(self.state, Http2ReaderState::Header(1..) | Http2ReaderState::Payload(..))
            .then_some(self.start)
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.state, Http2ReaderState::Lost(_))
    }

    pub(super) fn data(&mut self, mut chunk: Chunk<'_>, sink: &mut impl FrameSink) {
        while !chunk.bytes.is_empty() {
            let taken = match self.state {
                Http2ReaderState::Preface(read) => self.preface(read, &chunk, sink),
                Http2ReaderState::Header(have) => self.header(have, &chunk, sink),
                Http2ReaderState::Payload(header, done) => self.payload(header, done, chunk, sink),
                Http2ReaderState::Lost(have) => self.look(have, &chunk, sink),
            };
            chunk = chunk.skip(taken);
        }
    }

    fn preface(&mut self, read: u8, chunk: &Chunk<'_>, sink: &mut impl FrameSink) -> usize {
        let rest = PREFACE.get(usize::from(read)..).unwrap_or_default();
        let same = rest.iter().zip(chunk.bytes).take_while(|(a, b)| a == b).count();
        if same < rest.len().min(chunk.bytes.len()) {
            let at = chunk.at.saturating_add(same as u64);
            sink.no_preface(at, chunk.arrival);
            self.lose(at, chunk.arrival, sink);
        } else {
            let read = read.saturating_add(to_u8(same));
            self.state = if usize::from(read) == PREFACE.len() {
                Http2ReaderState::Header(0)
            } else {
                Http2ReaderState::Preface(read)
            };
        }
        same
    }

    fn header(&mut self, have: u8, chunk: &Chunk<'_>, sink: &mut impl FrameSink) -> usize {
        if have == 0 {
            self.start = FrameStart { at: chunk.at, place: chunk.origin };
            if let Parse::Done(header, len) = FrameHeader::parse(chunk.bytes) {
                self.begin(header, chunk.arrival, sink);
                return len;
            }
        }
        let have = usize::from(have);
        let taken = chunk.bytes.len().min(HEADER_LEN - have.min(HEADER_LEN));
        for (slot, byte) in self.scratch.iter_mut().skip(have).zip(chunk.bytes.iter().take(taken)) {
            *slot = *byte;
        }
        self.state = Http2ReaderState::Header(to_u8(have + taken));
        if have + taken == HEADER_LEN
            && let Parse::Done(header, _) = FrameHeader::parse(&self.scratch)
        {
            self.begin(header, chunk.arrival, sink);
        }
        taken
    }

    fn begin(&mut self, header: FrameHeader, arrival: Place, sink: &mut impl FrameSink) {
        sink.frame(header, self.start, arrival);
        self.go_on(header, 0, arrival, sink);
    }

    /// `done` bytes of a frame's payload are over.
    fn go_on(&mut self, header: FrameHeader, done: u32, arrival: Place, sink: &mut impl FrameSink) {
        if done >= header.len {
            self.state = Http2ReaderState::Header(0);
            sink.end(header, self.start, arrival);
        } else {
            self.state = Http2ReaderState::Payload(header, done);
        }
    }

    fn payload(
        &mut self,
        header: FrameHeader,
        done: u32,
        chunk: Chunk<'_>,
        sink: &mut impl FrameSink,
    ) -> usize {
        let len = chunk.bytes.len().min((header.len - done.min(header.len)) as usize);
        let bytes = chunk.bytes.get(..len).unwrap_or_default();
        sink.payload(header, done, Chunk { bytes, ..chunk });
        self.go_on(header, done.saturating_add(to_u32(len)), chunk.arrival, sink);
        len
    }

    /// Looks for a header: a byte at a time, since it may begin at any.
    fn look(&mut self, have: u8, chunk: &Chunk<'_>, sink: &mut impl FrameSink) -> usize {
        let Some(byte) = chunk.bytes.first() else { return 0 };
        let mut have = usize::from(have);
        if have == HEADER_LEN {
            self.scratch.rotate_left(1);
            have -= 1;
        }
        if let Some(slot) = self.scratch.get_mut(have) {
            *slot = *byte;
        }
        have += 1;
        self.skipped = self.skipped.saturating_add(1);
        self.state = Http2ReaderState::Lost(to_u8(have));
        if have == HEADER_LEN
            && let Parse::Done(header, _) = FrameHeader::parse(&self.scratch)
            && header.is_plausible(&self.scratch, self.longest)
            && sink.fits(header)
        {
            let at = chunk.at.saturating_sub(HEADER_LEN as u64 - 1);
            self.start = FrameStart { at, place: chunk.origin };
            sink.found(at, self.skipped.saturating_sub(HEADER_LEN as u64), chunk.arrival);
            self.skipped = 0;
            self.begin(header, chunk.arrival, sink);
        }
        1
    }

    /// Bytes are missing.
    pub(super) fn gap(&mut self, at: u64, len: u64, arrival: Place, sink: &mut impl FrameSink) {
        if len == 0 {
            return;
        }
        match self.state {
            Http2ReaderState::Payload(header, done) => {
                let left = header.len.saturating_sub(done);
                let inside = to_u32(u64::from(left).min(len));
                sink.missing(header, done, inside, arrival);
                self.go_on(header, done.saturating_add(inside), arrival, sink);
                if u64::from(inside) < len {
                    self.lose(at.saturating_add(u64::from(inside)), arrival, sink);
                }
            }
            Http2ReaderState::Lost(_) => self.state = Http2ReaderState::Lost(0),
            Http2ReaderState::Preface(_) | Http2ReaderState::Header(_) => self.lose(at, arrival, sink),
        }
    }

    /// What comes next is not known.
    fn lose(&mut self, at: u64, arrival: Place, sink: &mut impl FrameSink) {
        (self.state, self.skipped) = (Http2ReaderState::Lost(0), 0);
        sink.lost(at, arrival);
    }
}
