//! The record of TLS, and the DATA frame of HTTP/2, that a piece of a frame came in: found in the packet's own bytes.

use std::ops::Range;

use super::detail::FramePiece;
use crate::pipeline::Tls;

/// Type, version, length (RFC 8446 section 5.1).
const HEADER: usize = 5;
/// Length, type, flags, stream (RFC 9113 section 4.1).
const DATA_HEADER: usize = 9;

/// Where the parts of a record are in a packet that holds all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordLayout {
    /// Its header, and what is sent of the nonce.
    pub head: Range<usize>,
    /// Its content, encrypted.
    pub content: Range<usize>,
    /// The type of TLS 1.3 and the tag. Padding would be in it.
    pub tail: Range<usize>,
}

impl RecordLayout {
    /// Bytes that TLS adds.
    #[must_use]
    pub fn added(&self) -> usize {
        self.head.len() + self.tail.len()
    }
}

/// Bytes of a record's body before and behind its content; `None` where that is not the same for each record.
fn around(tls: &Tls) -> Option<(usize, usize)> {
    let cipher = tls.cipher.as_str();
    let tag = if cipher.contains("CCM_8") { 8 } else { 16 };
    let aead = cipher.contains("GCM") || cipher.contains("CCM") || cipher.contains("CHACHA20");
    match tls.version {
        "TLS 1.3" => Some((0, tag + 1)),
        _ if !aead => None,
        _ if cipher.contains("CHACHA20") => Some((0, tag)),
        _ => Some((8, tag)),
    }
}

/// The bytes of a piece's packet behind its headers.
fn payload(piece: &FramePiece) -> usize {
    piece.packet.layers.last().map_or(0, |layer| layer.range.end)
}

/// The record around a piece, where the packet begins with a record and holds all of this one.
#[must_use]
pub fn record(piece: &FramePiece, tls: &Tls) -> Option<RecordLayout> {
    let (before, behind) = around(tls)?;
    let bytes = &piece.packet.bytes;
    let mut at = payload(piece);
    loop {
        let header = bytes.get(at..)?.first_chunk::<HEADER>()?;
        let [20..=23, 3, 0..=4, high, low] = *header else { return None };
        let end = at.checked_add(HEADER + usize::from(u16::from_be_bytes([high, low])))?;
        if end > piece.of_packet.start {
            let content = at + HEADER + before..end.checked_sub(behind)?;
            let holds = !piece.of_packet.is_empty()
                && end <= bytes.len()
                && content.start <= piece.of_packet.start
                && piece.of_packet.end <= content.end;
            return holds.then_some(RecordLayout {
                head: at..content.start,
                tail: content.end..end,
                content,
            });
        }
        at = end;
    }
}

/// The header of the DATA frame that begins with a piece, where it stands in the same packet: read, or, in a record, known
/// because the piece begins so many bytes behind the record's start.
#[must_use]
pub fn data_header(
    piece: &FramePiece,
    record: Option<&RecordLayout>,
    secure: bool,
    stream: u32,
) -> Option<Range<usize>> {
    let start = piece.of_packet.start.checked_sub(DATA_HEADER)?;
    if piece.of_frame.start != 0 || piece.of_packet.is_empty() {
        return None;
    }
    let found = if secure {
        record.is_some_and(|record| record.content.start == start)
    } else {
        let header = piece.packet.bytes.get(start..)?.first_chunk::<DATA_HEADER>()?;
        let [_, _, _, kind, _, a, b, c, d] = *header;
        start >= payload(piece) && kind == 0 && u32::from_be_bytes([a, b, c, d]) == stream
    };
    found.then_some(start..start + DATA_HEADER)
}
