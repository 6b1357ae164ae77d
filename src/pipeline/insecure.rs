//! In the place of `secure` where TLS is not built in: no connection is ever secure.

use super::ends::{End, Ends};
use super::live::Live;
use super::sink::{Sink, Tls};
use super::work::Work;
use super::{Outside, Pipeline};
use crate::model::{Bytes, Chunk, ConnectionId, Direction, Place};
use crate::ws::StreamEnd;

/// There is none.
#[derive(Clone, Debug)]
pub(super) enum Secure {}

/// No connection waits for secrets.
#[derive(Debug, Default)]
pub(super) struct Unread {}

impl Unread {
    pub(super) fn has(&self, _: ConnectionId) -> bool {
        false
    }

    pub(super) fn keep(&mut self, _: Ends, _: Box<Live>) {}

    pub(super) fn oldest_needed(&self) -> u64 {
        u64::MAX
    }
}

impl Pipeline {
    /// No secrets come: TLS is not built in.
    #[must_use]
    pub fn has_new_secrets(&self) -> bool {
        false
    }

    /// No secrets come: TLS is not built in.
    pub fn use_new_secrets<S: Sink>(&mut self, _: &dyn Bytes, _: &mut S) {}

    pub(super) fn await_secret(&mut self, _: u32) {}

    pub(super) fn release_unread<S: Sink>(&mut self, _: &dyn Bytes, _: &mut S) {}

    pub(super) fn end_all_unread<S: Sink>(&mut self, _: &dyn Bytes, _: &mut S) {}

    pub(super) fn repeat_unread<S: Sink>(&mut self, _: Outside, _: &dyn Bytes, _: &mut S) {}
}

impl Secure {
    pub(super) fn size(&self) -> usize {
        match *self {}
    }

    pub(super) fn said(&self, _: Direction) -> Option<Place> {
        match *self {}
    }

    pub(super) fn facts(&self) -> Option<Box<Tls>> {
        match *self {}
    }
}

impl Live {
    pub(super) fn begins_tls<S>(&mut self, _: End, _: &[u8], _: Place, _: &Work<'_, S>) -> bool {
        false
    }

    pub(super) fn feed_tls<S: Sink>(&mut self, _: &Ends, _: End, _: Chunk<'_>, _: &mut Work<'_, S>) -> u32 {
        0
    }

    pub(super) fn gap_tls<S: Sink>(&mut self, _: Direction, _: u64, _: u64, _: Place, _: &mut Work<'_, S>) {}

    pub(super) fn end_tls<S: Sink>(&mut self, _: End, _: Place, _: &mut Work<'_, S>) {}

    pub(super) fn abandon_tls<S: Sink>(&mut self, _: &Ends, _: Place, _: &mut Work<'_, S>) -> bool {
        false
    }

    pub(super) fn tell_sealed<S: Sink>(&mut self, _: &Ends, _: bool, _: &mut Work<'_, S>) -> bool {
        false
    }

    pub(super) fn oldest_kept(&self) -> u64 {
        u64::MAX
    }

    pub(super) fn is_newly_awaiting(&self) -> bool {
        false
    }

    pub(super) fn is_kept_for_secret<S: Sink>(
        &mut self,
        _: &Ends,
        _: StreamEnd,
        _: Place,
        _: &mut Work<'_, S>,
    ) -> bool {
        false
    }

    pub(super) fn read_again<S: Sink>(&mut self, _: &Ends, _: bool, _: &mut Work<'_, S>) {}

    pub(super) fn early_frames(&self) -> Option<Place> {
        None
    }
}
