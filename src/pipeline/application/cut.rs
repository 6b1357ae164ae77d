//! What is kept of HTTP/1 heads that the snap length cut, and what the bytes behind a cut 101 look like. `cut_heads.rs` reads them.

use crate::model::{Head, Parse};
use crate::pipeline::events::HeadPlace;
use crate::ws::{FrameHeader, LengthEncoding, Opcode};

/// What is kept of heads that were cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut {
    /// The last request that does not say what it wants.
    pub(super) request: Option<Box<CutRequest>>,
    /// A 101 that does not say what it switches to, and its request.
    pub(super) response: Option<Box<CutHandshake>>,
}

impl Cut {
    /// Bytes of memory beside itself, about.
    pub(super) fn size(&self) -> usize {
        let request = |request: &CutRequest| size_of::<CutRequest>() + request.head.size();
        let response = self.response.as_ref().map_or(0, |cut| {
            size_of::<CutHandshake>() + cut.response.size() + cut.request.as_ref().map_or(0, request)
        });
        self.request.as_deref().map_or(0, request) + response
    }
}

/// A request of which the last lines are missing.
#[derive(Clone, Debug)]
pub(super) struct CutRequest {
    pub(super) head: Box<Head>,
    pub(super) place: HeadPlace,
}

/// A handshake whose request, where there is one, shows by its response what it wanted.
#[derive(Clone, Debug)]
pub(super) struct CutHandshake {
    pub(super) request: Option<CutRequest>,
    pub(super) response: Box<Head>,
    pub(super) place: HeadPlace,
    /// No line that is there speaks of a WebSocket: the bytes behind it do.
    pub(super) by_frames: bool,
    /// The server's bytes behind it begin no frame. The 101's segment may have held the beginning of one, so the client's
    /// bytes decide.
    pub(super) begins_inside: bool,
}

/// The length of what is left of a head whose first lines were cut, where its empty line is there.
pub(super) fn rest_of_head(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let is_text = |b: &u8| matches!(b, b'\r' | b'\n' | b'\t' | b' '..=b'~');
    bytes.get(..end).is_some_and(|head| head.iter().all(is_text)).then_some(end)
}

/// Whether bytes may be the first frames that a side sends, in a segment that may be cut.
pub(super) fn may_be_frames(bytes: &[u8], masked: bool) -> bool {
    /// No frame is longer: the limits of what implementations take are far below.
    const MOST: u64 = 1 << 40;
    let mut rest = bytes;
    let mut is_first = true;
    while let [first, second, ..] = *rest {
        let head = FrameHeader {
            head: [first, second],
            masking_key: [0; 4],
            payload_len: 0,
            encoding: LengthEncoding::Standard,
        };
        let (opcode, rsv) = (head.opcode(), head.rsv());
        let is_possible = match opcode {
            Opcode::Text | Opcode::Binary => {
                // Letters begin like a compressed fragment without a mask.
                (rsv == 0 || (rsv == 4 && (head.fin() || masked))) && (head.fin() || second & 0x7f > 0)
            }
            Opcode::Continuation => rsv == 0 && !is_first,
            Opcode::Close | Opcode::Ping | Opcode::Pong => rsv == 0 && head.fin(),
            Opcode::Reserved(_) => false,
        };
        if !is_possible || head.masked() != masked {
            return false;
        }
        let Parse::Done(header, len) = FrameHeader::parse(rest) else { return true };
        if header.payload_len > MOST || !(header.length_is_minimal() || opcode.is_control()) {
            return false;
        }
        rest = rest.get(len..).unwrap_or_default();
        let there = usize::try_from(header.payload_len).unwrap_or(usize::MAX).min(rest.len());
        let (payload, after) = rest.split_at_checked(there).unwrap_or((rest, &[]));
        if opcode == Opcode::Text && rsv == 0 && !masked && !begins_as_text(payload) {
            return false;
        }
        (rest, is_first) = (after, false);
    }
    true
}

/// Whether bytes are UTF-8, but for a character that is cut at their end.
fn begins_as_text(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_frames_are_told_from_what_else_follows_a_101() {
        let server: [&[u8]; 6] = [
            b"\x81\x05hello",
            b"\x82\x7e\x01\x00\x01\x02",
            b"\xc1\x10\xaa",
            b"\x89\x00\x81",
            b"\x88\x02\x03\xe8",
            b"\x01\x03abc",
        ];
        for bytes in server {
            assert!(may_be_frames(bytes, false), "{bytes:02x?}");
            assert!(!may_be_frames(bytes, true), "{bytes:02x?}");
        }
        let other: [&[u8]; 9] = [
            b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",  // HTTP/2
            b"\x80\x03\x00\x01",                      // SPDY
            b"\x16\x03\x01\x02\x00\x01",              // TLS
            b"\x01\x00\x00\x00\x00\x00\x00\x05hello", // Docker
            b"\x01\x00\x00\x00\x28DERP",              // DERP
            b"SSH-2.0-OpenSSH",
            b"Aa",
            b"\x81\x7e\x00\x05hello",
            b"\x81\x02\xff\xff",
        ];
        for bytes in other {
            assert!(!may_be_frames(bytes, false), "{bytes:02x?}");
        }
        assert!(may_be_frames(b"\x81\x85\x01\x02\x03\x04abcde", true));
        assert!(may_be_frames(b"\x41\x85\x01\x02\x03\x04abcde", true));
    }

    #[test]
    fn the_rest_of_a_head_is_text_up_to_an_empty_line() {
        assert_eq!(rest_of_head(b"-Accept: x\r\n\r\n\x81\x00"), Some(14));
        assert_eq!(rest_of_head(b"\x81\x04\r\n\r\n"), None);
        assert_eq!(rest_of_head(b"a\r\n"), None);
    }
}
