//! Tests of the whole UI.
