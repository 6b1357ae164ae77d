//! What a connection carries whose opening handshake was not captured.
//!
//! The segments wait in their streams, as ranges, while a SYN or a request may still arrive. Then their structure is judged
//! ([`ws::recognise`](crate::ws::recognise)). Where that does not decide, the connection keeps what it has, up to
//! [`LAST`] segments, and no event waits for it meanwhile.

use super::http::{Http1, begins, classify};
use crate::http::HeadKind;
use crate::http::http2::begins_with_headers;
use crate::model::{Direction, to_u8};
use crate::pipeline::events::NotWebSocket;
use crate::pipeline::limits::Limits;
use crate::ws::{Guess, GuessVerdict, Known, Piece, Sent, recognise};

/// Segments with which detection runs again, first and last. After that, the connection is dropped.
pub(super) const FIRST: u8 = 4;
const LAST: u8 = 64;

/// The state of a connection that waits for detection to run again.
#[derive(Clone, Debug)]
pub(crate) struct Detecting {
    /// What it is if detection fails.
    pub(super) http: Http1,
    /// The number of waiting segments at which detection runs again.
    pub(super) pieces: u8,
}

/// What is missing of an opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// All of it: the capture began later.
    All,
    /// All of it: the capture lost it.
    Lost,
    /// The response.
    Response,
    /// Nothing: the user named the port as one of WebSockets without handshakes.
    Named,
}

/// Where a connection can be read from its middle on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DetectedStart {
    /// A request for a WebSocket.
    Request,
    /// HEADERS of HTTP/2, which go in this direction.
    Headers(Direction),
}

/// What a segment begins, as far as a connection can be read from there on.
pub(crate) fn starts_here(bytes: &[u8]) -> Option<DetectedStart> {
    /// Bytes of a request that are searched for its `Upgrade` header.
    const SEARCHED: usize = 8192;
    if !bytes.starts_with(b"GET ") {
        return begins_with_headers(bytes).map(DetectedStart::Headers);
    }
    let head = bytes.get(..bytes.len().min(SEARCHED)).unwrap_or_default();
    let mut lower = head.to_ascii_lowercase();
    lower.retain(|b| *b != b' ' && *b != b'\t');
    memchr::memmem::find(&lower, b"upgrade:websocket").map(|_| DetectedStart::Request)
}

/// What one side sent.
#[derive(Clone, Debug)]
pub(crate) struct SideEvidence<'a> {
    pub(crate) pieces: Vec<Piece<'a>>,
    /// All up to the FIN is there.
    pub(crate) ended: bool,
}

/// What detection found.
#[derive(Debug)]
pub(crate) enum Detection {
    WebSocket(Box<Guess>),
    /// The connection can be read from the segment at this offset of this side on.
    StartsAt {
        side: usize,
        at: u64,
        start: DetectedStart,
    },
    /// More segments are needed: how many.
    Undecided(u8),
    Nothing,
}

/// Judges what both sides sent. `known.said`: the user named a port of the connection. `last`: no more will arrive.
pub(crate) fn detect(
    missing: Missing,
    sides: &[SideEvidence<'_>; 2],
    known: Known,
    last: bool,
    limits: &Limits,
) -> Detection {
    let all = || sides.iter().flat_map(|side| &side.pieces);
    if missing == Missing::Response {
        // A response is there, behind the loss of something else.
        if all().any(|piece| begins(piece.bytes, limits) == Some(HeadKind::Response)) {
            return Detection::Nothing;
        }
    } else {
        let first = || sides.iter().filter_map(|side| side.pieces.first()).map(|piece| piece.bytes);
        let is_http = |bytes: &[u8]| begins(bytes, limits).is_some();
        let is_other =
            |bytes: &[u8]| classify(bytes) != NotWebSocket::Unknown || begins_with_headers(bytes).is_some();
        if missing == Missing::All
            && !first().all(is_http)
            && let Some(later) = find_start(sides, true, limits)
        {
            return later;
        }
        if first().any(|bytes| is_other(bytes) || is_http(bytes)) {
            return Detection::Nothing;
        }
    }
    let said = known.said || missing == Missing::Response;
    let sent = sides.each_ref().map(|side| Sent { pieces: &side.pieces, ended: side.ended });
    let count = to_u8(all().count().min(usize::from(LAST)));
    let verdict = recognise(sent, Known { said, ..known });
    let later = || if missing == Missing::All { find_start(sides, false, limits) } else { None };
    match verdict {
        GuessVerdict::WebSocket(guess) => Detection::WebSocket(guess),
        verdict => match later() {
            Some(later) => later,
            None if matches!(verdict, GuessVerdict::Maybe)
                && !last
                && count < LAST
                && matches!(missing, Missing::All | Missing::Named) =>
            {
                Detection::Undecided(count.saturating_mul(2).clamp(FIRST, LAST))
            }
            None => Detection::Nothing,
        },
    }
}

/// Whether detection must decide with so many segments.
pub(crate) fn is_last(pieces: usize) -> bool {
    pieces >= usize::from(LAST)
}

/// Searches behind bytes of another kind for a request for a WebSocket, or for HEADERS of HTTP/2.
fn find_start(sides: &[SideEvidence<'_>; 2], request: bool, limits: &Limits) -> Option<Detection> {
    sides.iter().enumerate().find_map(|(side, evidence)| {
        evidence.pieces.iter().find_map(|piece| {
            let start = starts_here(piece.bytes)?;
            let wanted = match start {
                DetectedStart::Request => request && begins(piece.bytes, limits) == Some(HeadKind::Request),
                DetectedStart::Headers(_) => !request,
            };
            wanted.then_some(Detection::StartsAt { side, at: piece.at, start })
        })
    })
}
