//! TLS 1.2 and 1.3, read passively with the secrets of a key log (RFC 5246, RFC 8446, RFC 9850).
//!
//! In: the bytes of both directions in order, with gaps marked, and a [`KeyStore`]. Out, through [`TlsEvents`]:
//! application data with the record and the packets that it came from, what could not be read, findings; and
//! [`Info`], what the handshake said. Nothing here knows TCP or HTTP.
//!
//! ```text
//! bytes ──► record ──► cipher ──► handshake: which keys come next
//!           header,    open,      └► schedule ◄── keylog
//!           pieces     search     ──► application data
//! ```
//!
//! Promise: any split of the input gives the same events. What is given out was authenticated: after a loss, the
//! record and its number are searched for, and the tag is the proof. Nothing is invented; what cannot be opened is
//! counted. Of a connection at most one record and one handshake message are held. Secrets are wiped and never printed.
//!
//! ```
//! use wslens::tls::{KeyStore, TlsStream};
//!
//! let mut keys = KeyStore::default();
//! keys.feed(b"# SSL/TLS secrets log file\n");
//! keys.end();
//! assert!(keys.is_empty());
//! assert!(TlsStream::new().info().version.is_none());
//! ```

// A number that does not fit is never cut silently: `model::to_u32` and its like, or `low_u32`. Tests know their numbers.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

mod cipher;
mod handshake;
mod info;
mod keylog;
mod negotiate;
mod record;
pub mod rules;
mod schedule;
mod search;
mod side;
mod stream;

pub use cipher::suite_name;
pub use info::{EarlyData, Info, Locked, version_name};
pub use keylog::{KeyLogCounts, KeyLogFile, KeyStore};
pub use record::{Likeness, Lost, Origin, Plain, Shape, TlsRecord, likeness, may_begin};
pub use stream::{Patience, TlsContext, TlsEvents, TlsStream};

#[cfg(test)]
mod tests;
