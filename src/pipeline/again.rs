//! Connections that were let go, or of which nothing is known yet: something in them asks for another look.

use super::ends::End;
use super::flows::{Flow, Stage};
use super::live::Live;
use super::sink::Sink;
use super::work::Space;
use super::{Pipeline, Taken};
use crate::model::{Bytes, Span};

impl Pipeline {
    /// Something else speaks here, but a proxy may have opened a WebSocket after a preface of its own.
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
        let Some(Flow { stage: Stage::Other(_, tries), .. }) = self.flows.slot(slot) else { return };
        if bytes.starts_with(b"GET ") && asks_for_websocket(bytes) {
            self.take_up(slot, Live::midway(from, segment));
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

/// Whether a segment begins a request for a WebSocket.
pub(super) fn asks_here(taken: &Taken<'_>, space: Space<'_>) -> bool {
    let segment = &taken.segment;
    let span = Span { start: segment.header_at + u64::from(segment.header_len), len: segment.len };
    let bytes = space.slice(span).unwrap_or_default();
    bytes.starts_with(b"GET ") && asks_for_websocket(bytes)
}

/// Whether a request's first bytes name WebSocket.
pub(super) fn asks_for_websocket(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(8192)).unwrap_or_default();
    let mut lower = head.to_ascii_lowercase();
    lower.retain(|b| *b != b' ' && *b != b'\t');
    memchr::memmem::find(&lower, b"upgrade:websocket").is_some()
}
