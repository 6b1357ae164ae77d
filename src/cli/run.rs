//! Drives a capture through the pipeline into a sink: the store's own way.

pub use crate::store::run;
