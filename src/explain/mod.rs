//! Frame bytes and handshakes explained step by step.

pub mod hexinput;
