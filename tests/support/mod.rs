//! What the tests share.

pub mod failures;
pub mod forge;
pub mod strategy;
