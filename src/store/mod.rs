//! The opened capture: an index of everything in it, and bytes on demand.
//!
//! Comes in: capture inputs. Goes out: [`Index`], which grows while a thread reads, and [`detail`]s of a
//! message, a frame or a packet, whose bytes are read from the file when they are looked at.
//!
//! The index holds rows, never payloads beyond a preview: about 100 bytes for a message with its frame.

mod ask;
pub mod detail;
mod fill;
mod index;
mod load;
mod pages;
mod replay;
mod rows;
mod run;
mod scan;
mod session;
mod trail;

pub use ask::Answer;
pub use detail::{Detail, LoadError, Request};
pub use index::Index;
pub use pages::Pages;
pub use rows::{ConnectionRow, ControlNote, FindingRow, FrameRow, Marks, MessageRow};
pub use run::run;
pub use scan::{Scan, ScanProgress};
pub use session::{Options, Progress, Reading, Session};
pub use trail::Packets;
