//! What the rules say about bytes: they are read as if they came first on a connection.

use std::fmt::Arguments;

use super::Draft;
use crate::model::{Chunk, Direction, PerDirection, Place, Rule, Severity};
use crate::ws::{Depth, Events, FrameEvent, MessageContext, MessageEvent, Scratch, Spot, Terms, WebSocket};

/// A rule that was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub rule: &'static Rule,
    /// In which frame, from 1.
    pub frame: Option<u64>,
    /// One sentence with the values.
    pub text: String,
}

/// Judges what one side sends after the opening handshake, with the rules that captures are judged by. What only the
/// end of a connection tells, such as a message that is never finished, is not among it.
#[must_use]
pub fn judge(bytes: &[u8], direction: Direction, deflate: bool) -> Vec<Violation> {
    let terms =
        Terms { takeover: deflate.then_some(true), rsv_defined: if deflate { 4 } else { 0 }, guessed: false };
    let mut socket = WebSocket::new(PerDirection { c2s: terms, s2c: terms });
    let (mut scratch, mut found) = (Scratch::default(), Findings(Vec::new()));
    let mut context =
        MessageContext { bytes: &WireBytes(bytes), depth: &Depth::default(), scratch: &mut scratch };
    let place = Place::default();
    let chunk = Chunk { at: 0, bytes, address: 0, origin: place, arrival: place };
    socket.data(direction, chunk, &mut context, &mut found);
    found.0
}

/// The first error, if there is one: with it the frame is not legal.
#[must_use]
pub fn verdict(found: &[Violation]) -> Option<&Violation> {
    found.iter().find(|found| found.rule.severity == Severity::Error)
}

impl Draft {
    /// What the rules say about it.
    #[must_use]
    pub fn judge(&self) -> Vec<Violation> {
        judge(&self.encode(), self.direction, self.deflate)
    }
}

struct Findings(Vec<Violation>);

impl Events for Findings {
    fn frame(&mut self, _: &FrameEvent<'_>) {}

    fn message(&mut self, _: &MessageEvent<'_>) {}

    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>) {
        self.0.push(Violation { rule, frame: spot.frame, text: text.to_string() });
    }
}

struct WireBytes<'a>(&'a [u8]);

impl crate::model::Bytes for WireBytes<'_> {
    fn bytes(&self, span: crate::model::Span) -> Option<&[u8]> {
        self.0.bytes(span)
    }
}
