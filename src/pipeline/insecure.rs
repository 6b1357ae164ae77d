//! In the place of `secure` where TLS is not built in: no connection is ever secure.

use super::ends::{End, Ends};
use super::live::Live;
use super::sink::{Sink, Tls};
use super::work::Work;
use crate::model::{Chunk, Direction, Place};

/// There is none.
#[derive(Clone, Debug)]
pub(super) enum Secure {}

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

    pub(super) fn waits_for_secrets(&self, _: &super::Limits) -> bool {
        false
    }

    pub(super) fn read_again<S: Sink>(&mut self, _: &Ends, _: bool, _: &mut Work<'_, S>) {}

    pub(super) fn early_frames(&self) -> Option<Place> {
        None
    }
}
