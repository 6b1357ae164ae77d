//! Connections that were let go, or of which nothing is known yet: something in them asks for another look.

use super::ends::End;
use super::flows::{Flow, Stage};
use super::live::Live;
use super::sink::Sink;
use super::work::Space;
use super::{Pipeline, Taken};
use crate::http::http2::begins_with_headers;
use crate::model::{Bytes, Direction, Span};

impl Pipeline {
    /// Something else speaks here, but a proxy may have opened a WebSocket after a preface of its own; or it is HTTP/2
    /// in its middle, where a request or an answer begins.
    #[inline]
    pub(super) fn look_again<S: Sink>(
        &mut self,
        slot: u32,
        from: End,
        taken: &Taken<'_>,
        capture: &dyn Bytes,
        sink: &mut S,
    ) {
        let segment = &taken.segment;
        let span = Span { start: segment.header_at + u64::from(segment.header_len), len: segment.len };
        let Some(bytes) = capture.bytes(span) else { return };
        let Some(Flow { stage: Stage::Other(_, tries), ends, .. }) = self.flows.slot(slot) else { return };
        if let Some(start) = begins_here(bytes) {
            let live = Live::taken_up(ends, from, segment, start.http2());
            self.take_up(slot, live);
        } else if *tries > 0 && crate::ws::fills(bytes) {
            let tries = *tries - 1;
            self.take_up(slot, Live::once_more(tries));
        } else {
            return;
        }
        self.live_segment(slot, from, taken, capture, sink);
    }

    /// Follows a connection that was given up, or whose past counts no more.
    pub(super) fn take_up(&mut self, slot: u32, live: Box<Live>) {
        let Some(flow) = self.flows.slot(slot) else { return };
        match &mut flow.stage {
            Stage::Other(other, _) => {
                let other = *other;
                *self.seen.count(other) = self.seen.count(other).saturating_sub(1);
                self.live += 1;
            }
            Stage::Live(before) => before.leave(&mut self.desk.waiting),
            _ => return,
        }
        flow.stage = Stage::Live(live);
    }
}

/// Where a connection can be read from its middle on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// A request for a WebSocket.
    Request,
    /// HEADERS of HTTP/2, which go in this direction.
    Headers(Direction),
}

impl Start {
    /// The direction of HEADERS.
    pub(super) fn http2(self) -> Option<Direction> {
        match self {
            Self::Request => None,
            Self::Headers(direction) => Some(direction),
        }
    }
}

/// What a segment begins.
pub(super) fn starts_here(taken: &Taken<'_>, space: Space<'_>) -> Option<Start> {
    let segment = &taken.segment;
    let span = Span { start: segment.header_at + u64::from(segment.header_len), len: segment.len };
    begins_here(space.slice(span)?)
}

/// What bytes begin.
pub(super) fn begins_here(bytes: &[u8]) -> Option<Start> {
    if bytes.starts_with(b"GET ") {
        return asks_for_websocket(bytes).then_some(Start::Request);
    }
    begins_with_headers(bytes).map(Start::Headers)
}

/// Whether a request's first bytes name WebSocket.
fn asks_for_websocket(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(8192)).unwrap_or_default();
    let mut lower = head.to_ascii_lowercase();
    lower.retain(|b| *b != b' ' && *b != b'\t');
    memchr::memmem::find(&lower, b"upgrade:websocket").is_some()
}
