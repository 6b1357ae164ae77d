//! What the tests share. `checks` tests it.

mod checks;
pub mod effort;
pub mod endless;
pub mod failures;
pub mod forge;
pub mod hostile;
pub mod long;
pub mod mutate;
pub mod noise;
pub mod strategy;
#[cfg(feature = "tls")]
pub mod tls;
