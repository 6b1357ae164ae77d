//! The support checked against others.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod failures;
mod forge;
mod strategy;
