//! The secrets that all connections share.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

#[cfg(feature = "tls")]
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
#[cfg(feature = "tls")]
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

#[cfg(feature = "tls")]
use crate::tls::KeyStore;

/// Runs that are kept of all connections together, until their secrets arrive: 72 bytes each.
#[cfg_attr(not(feature = "tls"), allow(dead_code))]
pub(super) const MAX_RUNS: usize = 1 << 20;

/// The secrets of TLS connections, shared by all who read a capture: what is added is there for everybody.
#[derive(Clone, Debug, Default)]
pub struct Secrets(#[cfg(feature = "tls")] Arc<SecretStore>);

#[cfg(feature = "tls")]
#[derive(Debug, Default)]
struct SecretStore {
    keys: RwLock<KeyStore>,
    /// More may come at any time.
    grows: AtomicBool,
    /// How many secrets were added: see [`KeyStore::added`].
    turns: AtomicU64,
    /// Runs of connections that are kept until their secrets arrive.
    kept: AtomicUsize,
    /// Reads what the key logs hold by now.
    refresh: OnceLock<Refresh>,
}

/// A function that adds the secrets which the key logs hold by now.
#[cfg(feature = "tls")]
struct Refresh(Box<dyn Fn() + Send + Sync>);

#[cfg(feature = "tls")]
impl std::fmt::Debug for Refresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refresh")
    }
}

/// The lines of a key log that are to be written into a file. They are wiped, and never printed.
#[derive(Default)]
pub struct KeyLines(#[cfg(feature = "tls")] zeroize::Zeroizing<Vec<u8>>);

impl std::fmt::Debug for KeyLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyLines({} bytes)", self.len())
    }
}

impl std::ops::Deref for KeyLines {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        #[cfg(feature = "tls")]
        return &self.0;
        #[cfg(not(feature = "tls"))]
        &[]
    }
}

#[cfg(not(feature = "tls"))]
impl Secrets {
    /// Nothing is kept: TLS is not built in.
    pub fn add(&mut self, _log: &[u8]) {}

    /// Nothing comes.
    pub fn set_growing(&self) {}

    /// No secrets arrive.
    pub(super) fn is_growing(&self) -> bool {
        false
    }

    pub(super) fn refresh(&self) {}

    pub(super) fn size(&self) -> u64 {
        0
    }

    pub(super) fn bound(&self, _bytes: u64) {}

    pub(super) fn turns(&self) -> u64 {
        0
    }

    pub(super) fn complete_since<T>(
        &self,
        _: u64,
        _: &HashMap<[u8; 32], T, RandomState>,
    ) -> (u64, Vec<[u8; 32]>) {
        (0, Vec::new())
    }

    /// Nothing is known.
    #[must_use]
    pub fn lines_of(&self, _client_random: &[u8; 32]) -> KeyLines {
        KeyLines::default()
    }
}

#[cfg(feature = "tls")]
impl Secrets {
    /// The secrets of a key log.
    #[must_use]
    pub fn new(keys: KeyStore) -> Self {
        let turns = AtomicU64::new(keys.added());
        Self(Arc::new(SecretStore { keys: RwLock::new(keys), turns, ..SecretStore::default() }))
    }

    /// Whether there is no secret at all: TLS is then only counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.with(KeyStore::is_empty)
    }

    /// Adds a key log that came with the capture, or whole lines of one that grows.
    pub fn add(&self, log: &[u8]) {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.feed(log);
        keys.end();
        self.0.turns.store(keys.added(), Ordering::Release);
    }

    /// Remembers a key log that grows.
    pub fn add_file(&self, file: crate::tls::KeyLogFile) {
        let mut keys = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        let before = keys.counts();
        keys.add_file(file, before);
    }

    /// More may come while the capture is read: connections without secrets wait for them.
    pub fn set_growing(&self) {
        self.0.grows.store(true, Ordering::Release);
    }

    /// Whether more may come.
    #[must_use]
    pub fn is_growing(&self) -> bool {
        self.0.grows.load(Ordering::Acquire)
    }

    /// Sets the function that reads the key logs at once. The first one stays.
    pub fn set_refresh(&self, refresh: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.refresh.set(Refresh(Box::new(refresh)));
    }

    /// Adds what the key logs hold by now, so that nothing is called unreadable whose secret was already written. Not
    /// inside [`with`](Self::with).
    pub(super) fn refresh(&self) {
        if let Some(Refresh(refresh)) = self.0.refresh.get() {
            refresh();
        }
    }

    /// A number that is another one once a secret was added.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.0.turns.load(Ordering::Acquire)
    }

    /// The client randoms among the awaited ones whose secrets are complete, of those that were added since there
    /// were `turns` secrets; and how many there are now.
    pub(super) fn complete_since<T>(
        &self,
        turns: u64,
        awaited: &HashMap<[u8; 32], T, RandomState>,
    ) -> (u64, Vec<[u8; 32]>) {
        self.with(|keys| {
            let is_ready = |random: &&[u8; 32]| awaited.contains_key(*random) && keys.is_complete(random);
            let ready = match keys.added_since(turns) {
                Some(added) => added.filter(is_ready).copied().collect(),
                None => awaited.keys().filter(is_ready).copied().collect(),
            };
            (keys.added(), ready)
        })
    }

    /// Looks at them.
    pub fn with<T>(&self, look: impl FnOnce(&KeyStore) -> T) -> T {
        look(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key log of one connection: see [`KeyStore::lines_of`].
    #[must_use]
    pub fn lines_of(&self, client_random: &[u8; 32]) -> KeyLines {
        KeyLines(self.with(|keys| keys.lines_of(client_random)))
    }

    /// Bytes of memory that they take, about.
    pub(super) fn size(&self) -> u64 {
        self.with(KeyStore::size) as u64
    }

    /// Keeps them to so many bytes, about: the oldest go.
    pub(super) fn bound(&self, bytes: u64) {
        /// Of a secret with its share of the tables.
        const SECRET: u64 = 256;
        self.0.keys.write().unwrap_or_else(PoisonError::into_inner).bound((bytes / SECRET).max(1));
    }

    /// How many runs are kept, of all connections.
    pub(super) fn kept(&self) -> &AtomicUsize {
        &self.0.kept
    }
}

impl super::Pipeline {
    /// Adds a key log that came with the capture.
    pub fn add_secrets(&mut self, log: &[u8]) {
        self.shared.limits.secrets.add(log);
    }

    /// How many of the capture's notes were looked at for key logs.
    #[must_use]
    pub fn logs_taken(&self) -> usize {
        self.logs_taken
    }

    /// Remembers how many of the capture's notes were looked at for key logs.
    pub fn set_logs_taken(&mut self, count: usize) {
        self.logs_taken = count;
    }
}
