//! Integration tests.

#[path = "../support/mod.rs"]
mod support;
