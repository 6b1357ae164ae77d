//! Where the bytes of a TLS connection are, while its secret may still arrive.

use std::sync::atomic::Ordering;

use super::above::Run;
use crate::model::Place;
use crate::pipeline::secrets::{MAX_RUNS, Secrets};
use crate::ws::StreamEnd;

/// Runs that are kept of one connection.
const RUNS: usize = 8192;

/// Where the bytes of a connection are, in the order in which they arrived.
#[derive(Debug)]
pub(super) struct KeptRuns {
    pub(super) runs: Vec<Run>,
    /// How many are counted in [`Secrets::kept`].
    pub(super) counted: usize,
    secrets: Secrets,
    /// How many secrets there were when they were last searched.
    pub(super) turns: u64,
    /// The pipeline knows that the secret is awaited.
    pub(super) awaited: bool,
    /// How the connection ended, and the packet at which that was known.
    pub(super) ended: Option<(StreamEnd, Place)>,
    /// The secret is no longer waited for.
    pub(super) last: bool,
}

impl KeptRuns {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self { runs: Vec::new(), counted: 0, secrets, turns: 0, awaited: false, ended: None, last: false }
    }

    /// Whether there is no room for another run.
    pub(super) fn is_full(&self) -> bool {
        self.runs.len() >= RUNS || self.secrets.kept().load(Ordering::Relaxed) >= MAX_RUNS
    }

    pub(super) fn size(&self) -> usize {
        self.runs.capacity() * size_of::<Run>()
    }

    /// Adds a run; false where there is no room.
    pub(super) fn push(&mut self, run: Run) -> bool {
        if self.is_full() {
            return false;
        }
        self.secrets.kept().fetch_add(1, Ordering::Relaxed);
        self.counted += 1;
        self.runs.push(run);
        true
    }
}

impl Clone for KeptRuns {
    fn clone(&self) -> Self {
        self.secrets.kept().fetch_add(self.counted, Ordering::Relaxed);
        Self {
            runs: self.runs.clone(),
            counted: self.counted,
            secrets: self.secrets.clone(),
            turns: self.turns,
            awaited: self.awaited,
            ended: self.ended,
            last: self.last,
        }
    }
}

impl Drop for KeptRuns {
    fn drop(&mut self) {
        self.secrets.kept().fetch_sub(self.counted, Ordering::Relaxed);
    }
}
