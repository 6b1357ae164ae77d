//! The secrets that all connections share.

#[cfg(feature = "tls")]
use std::sync::{Arc, PoisonError, RwLock};

#[cfg(feature = "tls")]
use crate::tls::KeyStore;

/// The secrets of TLS connections, shared by all who read a capture: what is added is there for everybody.
#[derive(Clone, Debug, Default)]
pub struct Secrets(#[cfg(feature = "tls")] Arc<RwLock<KeyStore>>);

#[cfg(not(feature = "tls"))]
impl Secrets {
    /// Nothing is kept: TLS is not built in.
    pub fn add(&mut self, _log: &[u8]) {}
}

#[cfg(feature = "tls")]
impl Secrets {
    /// The secrets of a key log.
    #[must_use]
    pub fn new(keys: KeyStore) -> Self {
        Self(Arc::new(RwLock::new(keys)))
    }

    /// Whether there is no secret at all: TLS is then only counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.with(KeyStore::is_empty)
    }

    /// Adds a key log that came with the capture.
    pub fn add(&mut self, log: &[u8]) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.feed(log);
        keys.end();
    }

    /// Looks at them.
    pub fn with<T>(&self, look: impl FnOnce(&KeyStore) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl super::Pipeline {
    /// Adds a key log that came with the capture.
    pub fn add_secrets(&mut self, log: &[u8]) {
        self.desk.limits.secrets.add(log);
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
