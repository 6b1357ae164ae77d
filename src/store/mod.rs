//! The opened capture: an index of everything in it, and bytes on demand.
//!
//! Comes in: capture inputs. Goes out: [`Index`], which grows while a thread reads, and [`detail`]s of a
//! message, a frame or a packet, whose bytes are read from the file when they are looked at.
//!
//! The index holds rows, never payloads beyond a preview: about 100 bytes for a message with its frame.

pub mod detail;
mod rows;

pub use rows::{ConnectionRow, ControlNote, FindingRow, FrameRow, Marks, MessageRow};
