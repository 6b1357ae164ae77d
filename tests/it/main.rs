//! Integration tests.

#[path = "../support/mod.rs"]
mod support;

/// The documents say what the code does.
mod docs;
