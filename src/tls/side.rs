//! One direction: its keys, and the record that is not whole yet.

use std::sync::Arc;

use super::cipher::Opener;
use super::handshake::Joiner;
use super::keylog::Secret;
use super::record::{Origin, RecordWalk, Shape};
use super::schedule::Hash;
use super::{cipher, schedule};
use crate::model::{Chunk, Direction};

/// Which of a TLS 1.3 connection's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Epoch {
    Early,
    Handshake,
    /// Also what TLS 1.2 has behind a ChangeCipherSpec.
    Application,
}

/// A key in use.
#[derive(Clone, Debug)]
pub(super) struct TrafficKey {
    pub(super) opener: Arc<Opener>,
    /// What a KeyUpdate goes on from; none of TLS 1.2.
    pub(super) secret: Option<Secret>,
    /// The sequence number of the next record.
    pub(super) seq: u64,
    pub(super) epoch: Epoch,
}

impl TrafficKey {
    /// Of a TLS 1.3 traffic secret.
    pub(super) fn tls13(suite: &cipher::Suite, secret: &Secret, epoch: Epoch) -> Option<Self> {
        let opener = Arc::new(schedule::traffic_keys(suite, secret)?);
        Some(Self { opener, secret: Some(secret.clone()), seq: 0, epoch })
    }

    /// The key after a KeyUpdate.
    pub(super) fn updated(&self, suite: &cipher::Suite) -> Option<Self> {
        let hash: Hash = suite.hash;
        Self::tls13(suite, &schedule::next_secret(hash, self.secret.as_ref()?), self.epoch)
    }
}

/// How the bytes at hand are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// At the start of a record, or inside one that is in the buffer.
    #[default]
    Records,
    /// So many bytes are left of a record of which others are missing.
    Skip(u64),
    /// Where records begin is not known.
    Lost,
    /// Nothing can be found here any more.
    Dead,
}

/// Work that searches may do, in bytes tried: so much at first, so much more for each byte that is read, and so much at most.
/// A try costs as much as so many bytes beside those of the record.
pub(super) const PATIENCE_PER_TRY: u64 = 512;
const PATIENCE_AT_FIRST: u64 = 4 << 20;
pub(super) const PATIENCE: u64 = 64 << 20;
pub(super) const PATIENCE_PER_BYTE: u64 = 32;

/// The state of one direction.
#[derive(Clone, Debug)]
pub(super) struct TlsSide {
    pub(super) mode: Mode,
    /// A record that is not whole. After a loss it may hold more than one.
    pub(super) buffer: Vec<u8>,
    /// Where the buffer's parts came from.
    pub(super) origins: Vec<Origin>,
    /// Offset of the buffer's first byte in the TCP stream.
    pub(super) at: u64,
    pub(super) joiner: Joiner,
    pub(super) key: Option<TrafficKey>,
    /// Keys that come after it, in order.
    pub(super) later: Vec<TrafficKey>,
    /// Records are encrypted from here on.
    pub(super) encrypted: bool,
    /// No record was opened yet, and the first ones need a secret that is not there.
    pub(super) blind: bool,
    /// Offset of the next content.
    pub(super) plain_at: u64,
    pub(super) records: u64,
    /// Bytes since the last record that was opened of which it is not known what they were.
    pub(super) lost_bytes: u64,
    /// Records since then that were not opened.
    pub(super) failed: u64,
    pub(super) patience: u64,
    /// The offset up to which patience was given for what was read.
    pub(super) found_at: u64,
    /// Records passed over for want of a secret.
    pub(super) unread: u64,
    pub(super) shape: Shape,
    pub(super) walk: RecordWalk,
    /// Its sender said that nothing follows.
    pub(super) closed: bool,
    /// A record was padded: lengths of content do not follow from those of records here.
    pub(super) padded: bool,
    /// Its end was told.
    pub(super) ended: bool,
}

impl Default for TlsSide {
    fn default() -> Self {
        Self {
            mode: Mode::Records,
            buffer: Vec::new(),
            origins: Vec::new(),
            at: 0,
            joiner: Joiner::default(),
            key: None,
            later: Vec::new(),
            encrypted: false,
            blind: false,
            plain_at: 0,
            records: 0,
            lost_bytes: 0,
            failed: 0,
            patience: PATIENCE_AT_FIRST,
            found_at: 0,
            unread: 0,
            shape: Shape::default(),
            walk: RecordWalk::default(),
            closed: false,
            padded: false,
            ended: false,
        }
    }
}

impl TlsSide {
    /// Takes keys in the order in which they are used.
    pub(super) fn use_keys(&mut self, keys: impl IntoIterator<Item = TrafficKey>) {
        let mut keys = keys.into_iter();
        self.key = keys.next();
        self.later = keys.collect();
        self.encrypted = true;
        self.joiner.reset();
    }

    /// Goes on with the next key of the list, from `epoch` on.
    pub(super) fn switch(&mut self, from: Epoch) {
        if self.key.as_ref().is_some_and(|key| key.epoch == from) && !self.later.is_empty() {
            self.key = Some(self.later.remove(0));
        }
    }

    /// Whether the length of lost content follows from that of its records: no suite with padding, nothing padded
    /// so far, and behind the server's tickets.
    pub(super) fn length_is_known(&self, direction: Direction) -> bool {
        let begun = direction == Direction::ClientToServer || self.plain_at > 0;
        begun && !self.padded && self.key.as_ref().is_some_and(|key| key.opener.is_exact())
    }

    /// Moves `len` bytes of a chunk to the end of the buffer.
    pub(super) fn keep(&mut self, chunk: &mut Chunk<'_>, len: usize) {
        let len = len.min(chunk.bytes.len());
        if len == 0 {
            return;
        }
        if self.buffer.is_empty() {
            self.at = chunk.at;
        }
        self.buffer.extend_from_slice(chunk.bytes.get(..len).unwrap_or_default());
        let end = self.buffer.len();
        match self.origins.last_mut() {
            Some(last) if last.place == chunk.origin => last.end = end,
            _ => self.origins.push(Origin { end, address: chunk.address, place: chunk.origin }),
        }
        *chunk = chunk.skip(len);
    }

    /// Takes the buffer's first `len` bytes away.
    pub(super) fn drop_front(&mut self, len: usize) {
        let len = len.min(self.buffer.len());
        self.buffer.drain(..len);
        self.at = self.at.wrapping_add(len as u64);
        let mut start = 0usize;
        self.origins.retain_mut(|origin| {
            let cut = len.saturating_sub(start) as u64;
            start = origin.end;
            origin.address = origin.address.wrapping_add(cut);
            origin.end = origin.end.saturating_sub(len);
            origin.end > 0
        });
        if self.buffer.is_empty() {
            self.origins.clear();
        }
    }

    /// Bytes of memory beside the struct itself. Keys are shared between copies, and counted once.
    pub(super) fn size(&self) -> usize {
        self.buffer.capacity()
            + self.origins.capacity() * size_of::<Origin>()
            + self.joiner.size()
            + (self.later.len() + usize::from(self.key.is_some()))
                * (size_of::<TrafficKey>() + size_of::<Opener>())
    }
}
