//! tcp (being built)
