//! The opening handshake's nouns: heads with ranges, and what was agreed.

use std::ops::Range;

use super::safe_text;

/// One header line of a head. All ranges are relative to [`Head::bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderField {
    /// The field name as sent.
    pub name: Range<u32>,
    /// The field value without the white space around it. A folded value still holds its line break.
    pub value: Range<u32>,
}

/// The first line of a head (RFC 9112 sections 3 and 4). All ranges are relative to [`Head::bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// `GET /chat HTTP/1.1`
    Request {
        /// The method.
        method: Range<u32>,
        /// The request target.
        target: Range<u32>,
        /// `HTTP/1.1`
        version: Range<u32>,
    },
    /// `HTTP/1.1 101 Switching Protocols`
    Response {
        /// `HTTP/1.1`
        version: Range<u32>,
        /// The status code.
        status: u16,
        /// The reason phrase; may be empty.
        reason: Range<u32>,
    },
}

/// An HTTP head: its bytes and a range for every token. That of HTTP/2 is written as HTTP/1 would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Everything from the first byte of the start line to the empty line's last byte; see also [`cut`](Self::cut).
    pub bytes: Box<[u8]>,
    /// How many bytes it had on the wire: fewer where HTTP/2 compressed it.
    pub wire_len: u32,
    /// The start line's range, without its line end.
    pub line: Range<u32>,
    /// The start line's tokens.
    pub start: StartLine,
    /// The header lines in the order sent.
    pub headers: Vec<HeaderField>,
    /// Lines that are no header field, by range: kept, shown, not used.
    pub odd_lines: Vec<Range<u32>>,
    /// What the syntax does that RFC 9112 does not allow.
    pub quirks: Quirks,
    /// The snap length cut it: `bytes` ends earlier than it did on the wire, and what its other lines said is unknown.
    pub cut: bool,
}

/// Deviations of a head from RFC 9112's syntax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks {
    /// A line ends in LF without CR (section 2.2).
    pub bare_lf: bool,
    /// A header line is folded (section 5.2).
    pub obs_fold: bool,
    /// White space stands between a field name and its colon (section 5.1).
    pub space_before_colon: bool,
}

impl Head {
    /// Bytes of memory that it takes, itself included, about.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + self.bytes.len()
            + self.headers.capacity() * size_of::<HeaderField>()
            + self.odd_lines.capacity() * size_of::<Range<u32>>()
    }

    /// The bytes of a range of this head; empty where the range does not fit.
    #[must_use]
    pub fn token(&self, range: &Range<u32>) -> &[u8] {
        self.bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// Each value of the header `name` (ASCII case does not count), in the order sent.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.headers
            .iter()
            .filter(move |field| self.token(&field.name).eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| self.token(&field.value))
    }

    /// The first value of the header `name`.
    #[must_use]
    pub fn value<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// Whether a comma-separated header holds `token` (ASCII case does not count).
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name).any(|value| {
            value.split(|&b| b == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
        })
    }

    /// The status code of a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Response { status, .. } => Some(status),
            StartLine::Request { .. } => None,
        }
    }

    /// The method of a request; empty for a response.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { method, .. } => self.token(method),
            StartLine::Response { .. } => &[],
        }
    }

    /// The target of a request; empty for a response.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { target, .. } => self.token(target),
            StartLine::Response { .. } => &[],
        }
    }

    /// Whether the start line itself is cut. What is there of the target may be the beginning of it only.
    #[must_use]
    pub fn is_line_cut(&self) -> bool {
        self.cut && self.bytes.len() == self.line.end as usize
    }

    /// The HTTP version as sent, `HTTP/1.1`.
    #[must_use]
    pub fn version(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { version, .. } | StartLine::Response { version, .. } => self.token(version),
        }
    }
}

/// The beginning of the body of a response that refuses an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// At most the first KiB.
    pub bytes: Box<[u8]>,
    /// It is longer, or the capture lacks its end.
    pub cut: bool,
    /// The codings that were undone, the outermost first.
    pub decoded: Vec<&'static str>,
    /// The coding that the bytes still have, as the header names it, because it is unknown or damaged.
    pub encoded: Option<String>,
}

impl Body {
    /// Bytes of memory that it takes, itself included, about.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.bytes.len() + self.decoded.capacity() * size_of::<&str>()
    }

    /// The first line that is not blank, made safe to show; empty where the bytes are no text.
    #[must_use]
    pub fn first_line(&self) -> String {
        let lines = self.bytes.split(|byte| matches!(byte, b'\r' | b'\n')).map(<[u8]>::trim_ascii);
        match lines.into_iter().find(|line| !line.is_empty()) {
            Some(line) if self.text().is_some() => safe_text(line),
            _ => String::new(),
        }
    }

    /// It as text, where it is UTF-8. A character that the bound cut in two is left out.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if self.encoded.is_some() {
            return None;
        }
        match str::from_utf8(&self.bytes) {
            Ok(text) => Some(text),
            Err(error) if self.cut && error.error_len().is_none() => {
                str::from_utf8(self.bytes.get(..error.valid_up_to())?).ok()
            }
            Err(_) => None,
        }
    }
}

/// One extension of `Sec-WebSocket-Extensions` (RFC 6455 section 9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its token.
    pub name: String,
    /// Its parameters in the order sent; a value without its quotes, where there is one.
    pub params: Vec<(String, Option<String>)>,
}

impl Extension {
    /// Bytes of memory that it takes beside itself, about.
    #[must_use]
    pub fn size(&self) -> usize {
        /// What the allocator adds to a short text, about.
        const SHORT: usize = 24;
        let text = |text: &String| text.capacity() + SHORT;
        let params = self.params.iter();
        let texts = params.map(|(name, value)| text(name) + value.as_ref().map_or(0, text)).sum::<usize>();
        text(&self.name) + self.params.capacity() * size_of::<(String, Option<String>)>() + texts
    }
}

/// What permessage-deflate agreed on (RFC 7692 section 7.1), or its predecessor, which compresses frame by frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateParams {
    /// Each frame is compressed by itself: `x-webkit-deflate-frame`
    /// (draft-tyoshino-hybi-websocket-perframe-deflate).
    pub per_frame: bool,
    /// The server starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// Base-2 logarithm of the server's window, 8 to 15.
    pub server_max_window_bits: u8,
    /// Base-2 logarithm of the client's window, 8 to 15.
    pub client_max_window_bits: u8,
}

/// What became of `Sec-WebSocket-Accept` (RFC 6455 section 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// It is base64(SHA-1(key + GUID)).
    Ok,
    /// It is something else.
    Wrong,
    /// A 101 without it.
    Missing,
    /// There is no 101, or no key to compute it from.
    Unknown,
}

impl Accept {
    /// The word of the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}
