//! What a transport hands to the layer above it.

use std::fmt::Arguments;

use crate::model::{Chunk, Direction, Place, Rule};
use crate::pipeline::context::Context;
use crate::ws::Spot;

/// Bytes that the capture lacks in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap<'a> {
    pub(crate) direction: Direction,
    /// Offset of the first missing byte in the direction's stream.
    pub(crate) at: u64,
    pub(crate) len: u64,
    /// The packet at which the gap became known.
    pub(crate) arrival: Place,
    /// Why the bytes are missing, as the end of a sentence.
    pub(crate) why: &'a str,
}

/// A run of a connection's bytes, or (`address`: none) bytes that the capture lacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) direction: Direction,
    pub(crate) at: u64,
    pub(crate) address: Option<u64>,
    pub(crate) len: u64,
    pub(crate) origin: Place,
    pub(crate) arrival: Place,
}

/// What lies above a transport.
#[cfg_attr(not(feature = "tls"), allow(dead_code))]
pub(crate) trait Above {
    /// Takes plaintext of TLS, the next in order of its direction. Returns how many bytes it took.
    fn data(&mut self, direction: Direction, chunk: Chunk<'_>, context: &mut Context<'_>) -> usize;
    /// Plaintext of TLS is missing.
    fn gap(&mut self, gap: &Gap<'_>, context: &mut Context<'_>);
    /// A finding about this connection.
    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>, context: &mut Context<'_>);
    /// A direction continues although its end was reported: the receiver did not take the FIN.
    fn reopen(&mut self, direction: Direction);
    /// Whether bytes begin a request or a ClientHello, where nothing was read yet.
    fn begins_request(&self, bytes: &[u8], context: &Context<'_>) -> bool;
    /// Whether the bytes are frames of one WebSocket.
    fn is_websocket(&self) -> bool;
    /// Whether it reads heads of HTTP/1, so that a direction may have to wait for the other.
    fn reads_heads(&self) -> bool;
}
