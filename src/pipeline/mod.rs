//! pipeline (being built)
