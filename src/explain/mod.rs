//! Frame bytes and handshakes explained step by step.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`curl`] | a command that repeats a handshake |
//! | [`hexinput`] | reads bytes in every form in which people have them at hand |
//! | [`frame`] | takes a row of frames apart, bit by bit, and judges each |
//! | [`fields`] | tells each field of a frame in words |
//! | [`message`] | judges the messages that they make up: UTF-8, inflating |
//! | [`packet`] | finds the payload of a whole packet that was pasted |
//! | [`text`], [`diagram`], [`json`] | print what was found |
//! | [`handshake`] | `Sec-WebSocket-Accept` step by step, and pasted heads |
//! | [`opening`] | the opening handshake of a capture, each line explained and judged |
//! | [`words`] | every explanation in English and Chinese, side by side |
//! | [`topic`] | what a word may name that can be explained |
//!
//! All but the printing is pure: bytes in, values out.

pub mod curl;
pub mod diagram;
pub mod fields;
pub mod frame;
pub mod handshake;
pub mod hexinput;
pub mod json;
pub mod message;
pub mod opening;
pub mod packet;
mod phrases;
pub mod text;
pub mod topic;
pub mod words;
