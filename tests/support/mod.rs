//! What the tests share. `checks` tests it.

mod checks;
pub mod failures;
pub mod forge;
pub mod noise;
pub mod strategy;
