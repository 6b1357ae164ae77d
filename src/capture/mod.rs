//! capture (being built)
