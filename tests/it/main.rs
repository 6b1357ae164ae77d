//! Integration tests: captures in, records out.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

/// Application logs against what is read from the captures in the repository.
mod captures;
/// Frames of other people's captures against a truth made by other programs.
mod corpus;
/// How the tests read: a capture in, parsed records out.
mod read;
/// The import table holds.
mod rooms;

#[path = "../support/mod.rs"]
mod support;
