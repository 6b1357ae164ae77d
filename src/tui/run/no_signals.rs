//! Systems without signals.

use std::io;

use super::Wish;

/// Never receives a signal.
pub(super) struct Signals;

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn wish(&self) -> Option<Wish> {
        None
    }

    pub(super) fn is_gone(&self) -> bool {
        false
    }

    pub(super) fn stop(&self) {}
}
