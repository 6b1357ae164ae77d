//! Frame bytes and handshakes explained step by step.

pub mod diagram;
pub mod frame;
pub mod hexinput;
pub mod message;
pub mod text;
