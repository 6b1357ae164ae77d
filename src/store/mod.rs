//! The opened capture: an index of everything in it, and bytes on demand.
//!
//! Comes in: capture inputs. Goes out: [`Index`], which grows while a thread reads, and [`detail`]s of a
//! message, a frame or a packet, whose bytes are read from the file when they are looked at.
//!
//! ```text
//! capture ─► pipeline ─► fill ─┬─► index   rows, published in batches
//!                              └─► trail   what happened to each connection, its state now and then
//! request ─► load ─► replay ─► pipeline of one connection ─► detail
//! predicate ─► scan ─► replays of all at once ─► messages found
//! ```
//!
//! The index holds rows, never payloads beyond a preview: about 150 bytes for a message with its frame. Details
//! come from the same engine that filled it, so they cannot say anything else.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use wslens::capture::Input;
//! use wslens::store::{Detail, Options, Request, Session};
//!
//! let path = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/rfc-5-7/capture.pcapng");
//! let mut session = Session::open(&[Input::Path(path.into())], Options::default())?;
//! session.wait();
//! assert_eq!(session.index().connections.len(), 1);
//! assert!(session.index().messages(1).len() > 1);
//! let Detail::Message(first) = session.load(&Request::Message { connection: 1, message: 1 })? else { return Ok(()) };
//! assert_eq!((first.bytes.as_slice(), first.frames[0].number), (&b"Hello"[..], 1));
//! # Ok(())
//! # }
//! ```

mod ask;
pub mod detail;
mod fill;
mod index;
#[cfg(feature = "tls")]
mod keylog;
mod load;
mod pages;
pub mod record;
mod replay;
mod rows;
mod scan;
mod session;
mod steps;
mod trail;

pub use ask::Answer;
pub use detail::{Detail, LoadError, Release, Request};
pub use index::{Index, Released, Traffic};
#[cfg(feature = "tls")]
pub use keylog::{KeyLogFollower, KeyLogs};
pub use pages::Pages;
pub use rows::{ConnectionRow, ControlNote, FindingRow, FrameRow, FrameSender, Marks, MessageRow};
pub use scan::{Looked, Replayer, Scan, ScanProgress, Visit};
pub use session::{Options, Progress, Reading, Session};
pub use trail::Packets;
