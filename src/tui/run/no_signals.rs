//! Where there are no signals.

use std::io;

use super::Wish;

/// Nothing ever comes.
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
