//! explain (being built)
