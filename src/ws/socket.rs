//! One WebSocket: both directions from the end of the handshake to the end of TCP.

use super::event::{Context, Events, Spot};
use super::message::{Counts, Side, Step, Terms};
use super::reader::FrameReader;
use super::rules;
use super::shared::{Closing, Rtt, Shared};
use crate::model::{Chunk, Direction, PerDirection, Place, Rule, Tally};

/// How a direction's stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// A FIN.
    Fin,
    /// A RST, of either side.
    Reset,
    /// The capture ends; the connection went on, for all that is known.
    Capture,
    /// Nothing came for too long.
    Timeout,
}

impl StreamEnd {
    fn words(self) -> &'static str {
        match self {
            Self::Fin => "the stream ends (FIN)",
            Self::Reset => "the connection is reset",
            Self::Capture => "the capture ends",
            Self::Timeout => "the connection falls silent",
        }
    }
}

/// A WebSocket: reads frames of both directions, joins and judges messages.
///
/// For each direction: any number of [`data`](Self::data) and [`gap`](Self::gap) in stream order,
/// then at most one [`end`](Self::end). Memory is bounded: a header, kept ranges of the message at
/// hand, an inflater per direction that compresses.
#[derive(Clone, Debug)]
pub struct WebSocket {
    readers: PerDirection<FrameReader>,
    sides: PerDirection<Side>,
    shared: Shared,
    ended: PerDirection<bool>,
    /// Nothing of this direction was captured.
    unheard: PerDirection<bool>,
}

impl WebSocket {
    /// A WebSocket whose next byte in each direction begins a frame.
    #[must_use]
    pub fn new(terms: PerDirection<Terms>) -> Self {
        Self {
            readers: PerDirection::default(),
            sides: PerDirection {
                c2s: Side::new(Direction::ClientToServer, terms.c2s),
                s2c: Side::new(Direction::ServerToClient, terms.s2c),
            },
            shared: Shared::default(),
            ended: PerDirection::default(),
            unheard: PerDirection::default(),
        }
    }

    /// Bytes of a direction, the next in order.
    #[inline]
    pub fn data(
        &mut self,
        direction: Direction,
        chunk: Chunk<'_>,
        context: &mut Context<'_>,
        events: &mut impl Events,
    ) {
        let Self { readers, sides, shared, .. } = self;
        readers
            .of_mut(direction)
            .data(chunk, &mut Step { side: sides.of_mut(direction), shared, context, events });
    }

    /// Bytes of a direction that the capture lacks.
    pub fn gap(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        context: &mut Context<'_>,
        events: &mut impl Events,
    ) {
        let Self { readers, sides, shared, .. } = self;
        shared.lost_framing = true;
        readers.of_mut(direction).gap(
            at,
            len,
            arrival,
            &mut Step { side: sides.of_mut(direction), shared, context, events },
        );
    }

    /// Bytes of either direction may be missing: what was not seen may have been said.
    pub fn note_loss(&mut self) {
        self.shared.lost_framing = true;
    }

    /// Nothing of a direction was captured.
    pub fn note_unheard(&mut self, direction: Direction) {
        *self.unheard.of_mut(direction) = true;
        self.note_loss();
    }

    /// The end of a direction's stream.
    pub fn end(
        &mut self,
        direction: Direction,
        how: StreamEnd,
        place: Place,
        context: &mut Context<'_>,
        events: &mut impl Events,
    ) {
        if std::mem::replace(self.ended.of_mut(direction), true) {
            return;
        }
        let Self { readers, sides, shared, .. } = self;
        let partial = readers.of(direction).partial_header();
        Step { side: sides.of_mut(direction), shared, context, events }.stream_end(
            partial,
            how.words(),
            place,
        );
    }

    /// Both streams ended: what the closing handshake lacked (RFC 6455 section 7).
    pub fn finish(&mut self, how: StreamEnd, place: Place, events: &mut impl Events) {
        if let Some(closing) = &mut self.shared.closing
            && !closing.answered
            && let Some(by) = closing.by
        {
            let other = by.opposite();
            let may_hide_a_close = *self.unheard.of(other) || self.readers.of(other).skipped().is_some();
            closing.by = Some(by).filter(|_| !may_hide_a_close);
        }
        if how == StreamEnd::Capture {
            return;
        }
        self.shared.end_pings(events, place);
        if self.shared.lost_framing {
            return; // A Close may be among what is missing.
        }
        match &self.shared.closing {
            None => {
                let spot = Spot { place, ..Spot::default() };
                self.shared.report(
                    events,
                    &rules::CLOSED_WITHOUT_CLOSE,
                    spot,
                    format_args!("{} without any Close frame: both sides report 1006", how.words()),
                );
            }
            Some(closing) if !closing.answered => {
                let (by, message) = (closing.by, closing.message);
                let spot = Spot { direction: by, message: Some(message), place, ..Spot::default() };
                self.shared.report(
                    events,
                    &rules::CLOSE_UNANSWERED,
                    spot,
                    format_args!("the {}'s Close got no Close in answer before TCP ended", closing.sender()),
                );
            }
            Some(_) => {}
        }
    }

    /// Counts a finding that another room made about this WebSocket; lists it unless there are many.
    pub fn report(
        &mut self,
        rule: &'static Rule,
        spot: Spot,
        text: std::fmt::Arguments<'_>,
        events: &mut impl Events,
    ) {
        self.shared.report(events, rule, spot, text);
    }

    /// Bytes of memory that it holds beside itself, about.
    #[must_use]
    pub fn size(&self) -> usize {
        Direction::BOTH.into_iter().map(|direction| self.sides.of(direction).size()).sum()
    }

    /// The counts of a direction.
    #[must_use]
    pub fn counts(&self, direction: Direction) -> &Counts {
        &self.sides.of(direction).counts
    }

    /// The first Close.
    #[must_use]
    pub fn closing(&self) -> Option<&Closing> {
        self.shared.closing.as_deref()
    }

    /// Findings so far.
    #[must_use]
    pub fn findings(&self) -> &Tally {
        &self.shared.findings
    }

    /// Round trips of pings.
    #[must_use]
    pub fn rtt(&self) -> Rtt {
        self.shared.rtt
    }

    /// Bytes of a direction that were skipped since its framing was lost; `None` while it is not.
    #[must_use]
    pub fn skipped(&self, direction: Direction) -> Option<u64> {
        self.readers.of(direction).skipped()
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Depth, FrameEvent, MessageEvent, Scratch};
    use super::*;

    struct Frames(Vec<(u64, Vec<u8>)>);

    impl Events for Frames {
        fn frame(&mut self, frame: &FrameEvent<'_>) {
            self.0.push((frame.number, frame.read(&mut Vec::new()).to_vec()));
        }
        fn message(&mut self, _: &MessageEvent<'_>) {}
        fn finding(&mut self, _: &'static Rule, _: Spot, _: std::fmt::Arguments<'_>) {}
    }

    #[test]
    fn what_frames_carry_does_not_hang_on_how_they_come() {
        let wire = [&[0x82, 20][..], &[7; 20], &[0x89, 2, b'h', b'i']].concat();
        let terms = Terms { takeover: None, rsv_defined: 0, guessed: false };
        for (payloads, expected) in [(true, 20), (false, 0)] {
            let depth = Depth { payloads, ..Depth::default() };
            for step in [1, 3, 100] {
                let mut socket = WebSocket::new(PerDirection { c2s: terms, s2c: terms });
                let (mut scratch, mut frames) = (Scratch::default(), Frames(Vec::new()));
                for (i, bytes) in wire.chunks(step).enumerate() {
                    let (at, place) = ((i * step) as u64, Place::default());
                    let chunk = Chunk { at, bytes, address: at, origin: place, arrival: place };
                    let bytes = Wire(&wire);
                    let mut context = Context { bytes: &bytes, depth: &depth, scratch: &mut scratch };
                    socket.data(Direction::ServerToClient, chunk, &mut context, &mut frames);
                }
                let lens: Vec<_> = frames.0.iter().map(|(number, bytes)| (*number, bytes.len())).collect();
                assert_eq!(lens, [(1, expected), (2, 2)], "payloads {payloads}, chunks of {step}");
            }
        }
    }

    struct Wire<'a>(&'a [u8]);

    impl crate::model::Bytes for Wire<'_> {
        fn bytes(&self, span: crate::model::Span) -> Option<&[u8]> {
            self.0.bytes(span)
        }
    }
}
