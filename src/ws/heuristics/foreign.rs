//! Bytes of something else where a frame should begin: what they are, and how far they reach.
//!
//! A frame that keeps to the rules is always a frame. Only bytes whose first one breaks a rule of the header are looked at
//! here, and only what they look like from the first byte on counts.

use crate::model::Parse;
use crate::ws::FrameHeader;

/// What bytes are that are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    Request,
    Response,
    ChunkSize,
    LineEnd,
    Text,
    Tls,
    Http2,
    Bom,
}

impl Foreign {
    /// The word of the machine output.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Request | Self::Response => "http",
            Self::ChunkSize => "chunk-size",
            Self::LineEnd => "crlf",
            Self::Text => "text",
            Self::Tls => "tls",
            Self::Http2 => "http2",
            Self::Bom => "bom",
        }
    }

    /// The subject of a sentence.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Request => "an HTTP request",
            Self::Response => "an HTTP response",
            Self::ChunkSize => "the size line of an HTTP chunk",
            Self::LineEnd => "a line end",
            Self::Text => "plain text",
            Self::Tls => "a TLS record",
            Self::Http2 => "an HTTP/2 frame",
            Self::Bom => "a UTF-8 byte order mark",
        }
    }
}

/// What bytes turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForeignLook {
    /// A frame, right or wrong.
    Frame,
    /// More bytes have to decide.
    Need,
    /// Something else; its length where that is certain.
    Foreign(Foreign, Option<u64>),
}

/// Bytes that are looked at, and shown.
pub(super) const LOOK: usize = 80;
/// The shortest text: fewer printable bytes may be a frame's by chance.
const TEXT: usize = 12;
/// The longest record that TLS allows, encrypted (RFC 8446 section 5.2, and RFC 5246 section 6.2.3).
const TLS_RECORD: u16 = (16 << 10) + 2048;
/// The longest frame of HTTP/2 that a peer may send unasked (RFC 9113 section 4.2).
const HTTP2_FRAME: u32 = 16 << 10;

/// Whether something else may begin with a byte. All of these break a rule of the header, unless an extension uses the
/// RSV bits or, for 0, a message is open.
#[inline]
pub(super) fn may_begin(first: u8) -> bool {
    matches!(first, 0 | b'\t' | b'\n' | b'\r' | 0x14..=0x17 | b' '..=b'~' | 0xef)
}

/// What bytes are. `over`: no more of them will come. `chunked`: the 101 announced chunks. `begins`: whether bytes begin
/// with the header of a frame that keeps to the rules.
pub(super) fn look(bytes: &[u8], over: bool, chunked: bool, begins: impl Fn(&[u8]) -> bool) -> ForeignLook {
    let bytes = bytes.get(..LOOK).unwrap_or(bytes);
    let over = over || bytes.len() == LOOK;
    let found = match bytes.first() {
        None => return if over { ForeignLook::Frame } else { ForeignLook::Need },
        Some(0xef) => starts_with(bytes, b"\xef\xbb\xbf", over).map(|()| (Foreign::Bom, Some(3))),
        Some(0x14..=0x17) => tls(bytes, over),
        Some(0) => http2(bytes, over),
        Some(_) => text(bytes, over, chunked, begins),
    };
    match found {
        Ok((what, len)) => ForeignLook::Foreign(what, len),
        Err(look) => look,
    }
}

type Found = Result<(Foreign, Option<u64>), ForeignLook>;

/// Whether bytes begin with others, as far as they are there.
fn starts_with(bytes: &[u8], start: &[u8], over: bool) -> Result<(), ForeignLook> {
    if bytes.starts_with(start) {
        Ok(())
    } else if !over && start.starts_with(bytes) {
        Err(ForeignLook::Need)
    } else {
        Err(ForeignLook::Frame)
    }
}

fn tls(bytes: &[u8], over: bool) -> Found {
    let more = if over { ForeignLook::Frame } else { ForeignLook::Need };
    match *bytes {
        [_, 3, 0..=4, high, low, ..] => {
            let len = u16::from_be_bytes([high, low]);
            let fits = (1..=TLS_RECORD).contains(&len);
            if fits { Ok((Foreign::Tls, Some(u64::from(len) + 5))) } else { Err(ForeignLook::Frame) }
        }
        [_] | [_, 3] | [_, 3, 0..=4] | [_, 3, 0..=4, _] => Err(more),
        _ => Err(ForeignLook::Frame),
    }
}

fn http2(bytes: &[u8], over: bool) -> Found {
    let Some(header) = bytes.first_chunk::<9>() else {
        return Err(if over { ForeignLook::Frame } else { ForeignLook::Need });
    };
    let [_, a, b, kind, flags, c, d, e, f] = *header;
    let (len, stream) = (u32::from_be_bytes([0, 0, a, b]), u32::from_be_bytes([c, d, e, f]));
    let fits = match kind {
        // HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE (RFC 9113 section 6).
        1 => stream != 0 && len > 0 && flags & !0x2d == 0,
        3 => stream != 0 && len == 4 && flags == 0,
        4 => stream == 0 && len % 6 == 0 && flags & !1 == 0 && (len == 0 || flags == 0),
        6 => stream == 0 && len == 8 && flags & !1 == 0,
        7 => stream == 0 && len >= 8 && flags == 0,
        8 => len == 4 && flags == 0,
        _ => false,
    };
    if fits && stream >> 31 == 0 && len <= HTTP2_FRAME {
        Ok((Foreign::Http2, Some(u64::from(len) + 9)))
    } else {
        Err(ForeignLook::Frame)
    }
}

fn text(bytes: &[u8], over: bool, chunked: bool, begins: impl Fn(&[u8]) -> bool) -> Found {
    let (run, ends) = text_len(bytes);
    if let Some(what) = http(bytes) {
        return if over || ends { Ok((what, None)) } else { Err(ForeignLook::Need) };
    }
    let line_ends = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    if line_ends > 0 && (line_ends == run || chunked) {
        let rest = bytes.get(line_ends..).unwrap_or_default();
        // A header may need more bytes than its first.
        if rest.len() < 2 && !over {
            return Err(ForeignLook::Need);
        }
        let is_line_end = rest.is_empty() || chunked || begins(rest);
        return if is_line_end {
            Ok((Foreign::LineEnd, Some(line_ends as u64)))
        } else {
            Err(ForeignLook::Frame)
        };
    }
    if let Some((size, len)) = chunk_size(bytes) {
        let rest = bytes.get(len..).unwrap_or_default();
        // Without an announcement, a chunk is one frame.
        let is_frame =
            |header: FrameHeader, len: usize| (len as u64).checked_add(header.payload_len) == Some(size);
        match FrameHeader::parse(rest) {
            _ if chunked => return Ok((Foreign::ChunkSize, Some(len as u64))),
            Parse::Done(header, header_len) if begins(rest) && is_frame(header, header_len) => {
                return Ok((Foreign::ChunkSize, Some(len as u64)));
            }
            Parse::Need(_) if !over && begins(rest) => return Err(ForeignLook::Need),
            _ => {}
        }
    }
    // A tab is rather the first byte of a ping that is not the last frame of its message.
    if bytes.first() == Some(&b'\t') {
        return Err(ForeignLook::Frame);
    }
    if !ends && !over {
        return Err(ForeignLook::Need);
    }
    if run >= TEXT { Ok((Foreign::Text, None)) } else { Err(ForeignLook::Frame) }
}

/// A request or a response of HTTP/1, by its first line.
fn http(bytes: &[u8]) -> Option<Foreign> {
    const METHODS: [&[u8]; 10] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"HEAD ",
        b"OPTIONS ",
        b"DELETE ",
        b"PATCH ",
        b"CONNECT ",
        b"TRACE ",
        b"PRI ",
    ];
    if bytes.starts_with(b"HTTP/1.") || bytes.starts_with(b"HTTP/2") {
        return Some(Foreign::Response);
    }
    METHODS.iter().any(|method| bytes.starts_with(method)).then_some(Foreign::Request)
}

/// The size of a chunk (RFC 9112 section 7.1), and the length of the line that has it, its line end included.
fn chunk_size(bytes: &[u8]) -> Option<(u64, usize)> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let after = bytes.get(digits..line)?;
    let extension = after.strip_suffix(b"\r")?;
    let fits = (1..=8).contains(&digits) && matches!(extension, [] | [b';' | b' ' | b'\t', ..]);
    let size = std::str::from_utf8(bytes.get(..digits)?).ok()?;
    let size = u64::from_str_radix(size, 16).ok()?;
    fits.then_some((size, line + 1))
}

/// How many of the first bytes are text, which is UTF-8 without control characters but line ends and tabs; and whether it
/// ends there. It does not where the bytes end, also inside a character.
pub(super) fn text_len(bytes: &[u8]) -> (usize, bool) {
    let (valid, cut) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, true),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(good).unwrap_or_default(), error.error_len().is_none())
        }
    };
    let is_text = |c: &char| !c.is_control() || matches!(c, '\t' | '\r' | '\n');
    match valid.char_indices().find(|(_, c)| !is_text(c)) {
        Some((at, _)) => (at, true),
        None => (valid.len(), !cut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_at(bytes: &[u8]) -> ForeignLook {
        look(bytes, true, false, |rest| matches!(rest, [0x81 | 0x82 | 0x88 | 0x8a, 0..=126, ..]))
    }

    #[test]
    fn what_bytes_are_is_recognised() {
        let cases: &[(&[u8], Foreign, Option<u64>)] = &[
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", Foreign::Response, None),
            (b"GET /chat HTTP/1.1\r\n", Foreign::Request, None),
            (b"1b\r\n\x81\x19{}", Foreign::ChunkSize, Some(4)),
            (b"80\r\n\x81\x7e\x00\x7c{}", Foreign::ChunkSize, Some(4)),
            (b"\r\n\x81\x02hi", Foreign::LineEnd, Some(2)),
            (b"\n\x81\x02hi", Foreign::LineEnd, Some(1)),
            (b"\r\n", Foreign::LineEnd, Some(2)),
            (b"Warning: foo() failed\n\x81\x02hi", Foreign::Text, None),
            (b"\r\n<html><body>", Foreign::Text, None),
            (b"\x15\x03\x01\x00\x02\x02\x28", Foreign::Tls, Some(7)),
            (b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64", Foreign::Http2, Some(15)),
            (b"\xef\xbb\xbf\x81\x02hi", Foreign::Bom, Some(3)),
        ];
        for (bytes, what, len) in cases {
            assert_eq!(look_at(bytes), ForeignLook::Foreign(*what, *len), "{}", bytes.escape_ascii());
        }
        let chunked = look(b"1b;x=1\r\nplain", true, true, |_| false);
        assert_eq!(chunked, ForeignLook::Foreign(Foreign::ChunkSize, Some(8)));
    }

    #[test]
    fn what_only_comes_near_is_a_frame() {
        let cases: &[&[u8]] = &[
            b"\x41\x05Hello",
            b"\x43\x05Hello",
            b"\r\n0123456789",
            b"\r\n\x00\x01\x02",
            b"1b\r\n\x00",
            b"1b\r\n\x81\x05hello",
            b"\nWarning: x",
            b"\x15\x05hello",
            b"\x15\x03\x05\x00\x02",
            b"\x16\x03\x01\xff\xff",
            b"\x00\x00\x00\x00\x00\x00\x00\x00\x00",
            b"\x00\x05hello",
            b"\xef\xbb\xbe",
            b"short",
        ];
        for bytes in cases {
            let found = look_at(bytes);
            let expected = if *bytes == b"\r\n0123456789" {
                ForeignLook::Foreign(Foreign::Text, None)
            } else {
                ForeignLook::Frame
            };
            assert_eq!(found, expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn more_bytes_decide_where_they_have_to() {
        for bytes in [
            &b"HTTP/1.1 400 Bad"[..],
            b"\xef\xbb",
            b"\x16\x03\x01",
            b"\x00\x00\x06\x04",
            b"1b\r",
            b"\r\n",
            b"Warn",
        ] {
            assert_eq!(look(bytes, false, false, |_| true), ForeignLook::Need, "{}", bytes.escape_ascii());
        }
        for byte in 0x80..=0xff {
            assert!(byte == 0xef || !may_begin(byte), "{byte:#x}");
        }
    }
}
