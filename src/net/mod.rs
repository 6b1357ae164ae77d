//! net (being built)
