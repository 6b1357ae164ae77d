//! What came in answer to an upgrade request and is no HTTP/1 response.

use super::http2::{FrameHeader, FrameKind, begins_with_settings, error_name};
use super::{Judgement, quoted, rules};
use crate::model::{Direction, Lang, Parse, Place};

/// Bytes of it that are kept.
pub const FOREIGN_SHOWN: usize = 512;
/// The UTF-8 byte order mark.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignKind {
    /// Frames of HTTP/2.
    Http2,
    /// A record of TLS.
    Tls,
    /// The banner of an SSH server.
    Ssh,
    /// A UTF-8 byte order mark, with an HTTP response behind it.
    ByteOrderMark,
    /// Printable text.
    Text,
    /// None of these.
    Binary,
}

/// Bytes that came where the response to an upgrade request had to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The first of them, at most [`FOREIGN_SHOWN`].
    pub bytes: Vec<u8>,
    /// The packet with the first one.
    pub place: Place,
}

impl Foreign {
    /// Bytes of memory that it takes, itself included, about.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    /// Takes more bytes, as far as there is room.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = FOREIGN_SHOWN.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    /// What they are.
    #[must_use]
    pub fn kind(&self) -> ForeignKind {
        let printable = |byte: &u8| !byte.is_ascii_control() || matches!(byte, b'\t' | b'\r' | b'\n');
        match self.bytes.as_slice() {
            BYTE_ORDER_MARK => ForeignKind::ByteOrderMark,
            [0x14..=0x17, 0x03, 0x00..=0x04, ..] => ForeignKind::Tls,
            bytes if bytes.starts_with(b"SSH-") => ForeignKind::Ssh,
            bytes if begins_with_settings(bytes) || matches!(bytes, [0, _, _, 7, 0, 0, 0, 0, 0, ..]) => {
                ForeignKind::Http2
            }
            bytes if bytes.iter().take(80).all(printable) => ForeignKind::Text,
            _ => ForeignKind::Binary,
        }
    }

    /// The word of the machine output.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self.kind() {
            ForeignKind::Http2 => "http2",
            ForeignKind::Tls => "tls",
            ForeignKind::Ssh => "ssh",
            ForeignKind::ByteOrderMark => "bom",
            ForeignKind::Text => "text",
            ForeignKind::Binary => "binary",
        }
    }

    /// What they are, in words, with the first of them made safe to show.
    #[must_use]
    pub fn describe(&self, lang: Lang) -> String {
        let line = || {
            let line = self.bytes.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
            quoted(line.unwrap_or_default())
        };
        match self.kind() {
            ForeignKind::Http2 => {
                format!("{}{}", lang.pick("HTTP/2 frames: ", "HTTP/2 帧："), http2_frames(&self.bytes))
            }
            ForeignKind::Tls => format!("{}{}", lang.pick("TLS: ", "TLS："), tls_record(&self.bytes)),
            ForeignKind::Ssh => format!("{}{}", lang.pick("an SSH banner: ", "SSH 标识："), line()),
            ForeignKind::ByteOrderMark => lang
                .pick(
                    "a byte order mark (EF BB BF) before the status line",
                    "状态行之前的字节顺序标记（EF BB BF）",
                )
                .to_owned(),
            ForeignKind::Text => format!("{}{}", lang.pick("text: ", "文本："), line()),
            ForeignKind::Binary => {
                let hex: Vec<String> = self.bytes.iter().take(24).map(|byte| format!("{byte:02x}")).collect();
                format!("{}{}", lang.pick("bytes of another protocol: ", "其他协议的字节："), hex.join(" "))
            }
        }
    }

    /// The rule that they break.
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        let what = self.describe(Lang::En);
        let packet = self.place.packet;
        let (rule, text) = match self.kind() {
            ForeignKind::Tls => (
                &rules::WRONG_SCHEME,
                format!(
                    "the client sent plain HTTP and the server answered in packet {packet} with {what}: the port expects TLS, use wss://"
                ),
            ),
            ForeignKind::ByteOrderMark => (
                &rules::RESPONSE_NOT_HTTP,
                format!("the response in packet {packet} begins with {what}: clients reject it"),
            ),
            _ => (
                &rules::RESPONSE_NOT_HTTP,
                format!("the server answered in packet {packet}, but not in HTTP/1.1: {what}"),
            ),
        };
        Judgement { rule, side: Direction::ServerToClient, range: 0..0, text }
    }
}

/// The names of the frames, and what a GOAWAY says (RFC 9113 sections 6 and 7).
fn http2_frames(mut bytes: &[u8]) -> String {
    const MOST: usize = 8;
    let mut names = Vec::new();
    while let Parse::Done(header, header_len) = FrameHeader::parse(bytes)
        && !matches!(header.kind, FrameKind::Unknown(_))
        && names.len() < MOST
    {
        let rest = bytes.get(header_len..).unwrap_or_default();
        let (payload, rest) = rest.split_at_checked(header.len as usize).unwrap_or((rest, &[]));
        let code = payload.get(4..8).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
        match code.filter(|_| header.kind == FrameKind::GoAway) {
            Some(code) => {
                let debug = payload.get(8..).unwrap_or_default();
                let debug = if debug.is_empty() { String::new() } else { format!(", {}", quoted(debug)) };
                names.push(format!("GOAWAY ({}{debug})", error_name(code)));
            }
            None => names.push(header.kind.name().to_owned()),
        }
        bytes = rest;
    }
    names.join(", ")
}

/// A record's kind, and what an alert says (RFC 8446 section 6).
fn tls_record(bytes: &[u8]) -> String {
    match bytes {
        [0x15, _, _, _, 2, level, code, ..] => {
            let level = if *level == 2 { "fatal " } else { "" };
            let name = match code {
                0 => "close_notify",
                10 => "unexpected_message",
                22 => "record_overflow",
                40 => "handshake_failure",
                50 => "decode_error",
                70 => "protocol_version",
                71 => "insufficient_security",
                80 => "internal_error",
                _ => return format!("{level}alert {code}"),
            };
            format!("{level}alert {name} ({code})")
        }
        [0x15, ..] => "alert".to_owned(),
        [0x16, ..] => "handshake".to_owned(),
        _ => "record".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(bytes: &[u8]) -> (ForeignKind, String) {
        let mut foreign = Foreign { bytes: Vec::new(), place: Place::default() };
        foreign.push(bytes);
        (foreign.kind(), foreign.describe(Lang::En))
    }

    #[test]
    fn each_kind_is_named_with_its_first_bytes() {
        let mut http2 = vec![0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 15, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        http2.extend_from_slice(b"invalid");
        let frames = "HTTP/2 frames: SETTINGS, GOAWAY (PROTOCOL_ERROR, \"invalid\")";
        assert_eq!(described(&http2), (ForeignKind::Http2, frames.to_owned()));
        let alert = described(&[0x15, 3, 1, 0, 2, 2, 40]);
        assert_eq!(alert, (ForeignKind::Tls, "TLS: fatal alert handshake_failure (40)".to_owned()));
        let ssh = described(b"SSH-2.0-OpenSSH_9.6\r\n");
        assert_eq!(ssh, (ForeignKind::Ssh, "an SSH banner: \"SSH-2.0-OpenSSH_9.6\"".to_owned()));
        assert_eq!(described(b"\r\nbad \x7fx").0, ForeignKind::Binary);
        assert_eq!(described(b"Fatal error: x\r\nmore").1, "text: \"Fatal error: x\"");
        assert_eq!(described(BYTE_ORDER_MARK).0, ForeignKind::ByteOrderMark);
    }

    #[test]
    fn no_bytes_break_it_and_few_are_kept() {
        for len in 0..40 {
            described(&[0, 0, 200, 7, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].repeat(2)[..len]);
            described(&[0x15; 40][..len]);
        }
        let mut foreign = Foreign { bytes: Vec::new(), place: Place::default() };
        foreign.push(&[b'x'; 5000]);
        foreign.push(b"y");
        assert_eq!(foreign.bytes.len(), FOREIGN_SHOWN);
    }
}
