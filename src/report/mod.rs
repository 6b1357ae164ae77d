//! report (being built)

pub mod csv;
pub mod json;
