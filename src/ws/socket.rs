//! One WebSocket: both directions from the end of the handshake to the end of TCP.

use super::event::{Events, MessageContext, Spot};
use super::message::{AtHand, CompressionTerms, Counts, MessageStep, SocketSide, Terms};
use super::reader::FrameReader;
use super::rules;
use super::shared::{Body, Closing, ConnectionState, Pinging, Rtt};
use super::{FrameHeader, Payload};
use crate::model::{Chunk, Direction, Parse, PerDirection, Place, Rule, Tally, to_usize};

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
    shared: ConnectionState,
    c2s: Half,
    s2c: Half,
}

/// One direction of a WebSocket.
#[derive(Clone, Debug)]
struct Half {
    /// The frame at hand, where it is not whole, and that of the last fragment of an open message.
    frame: Option<Box<AtHand>>,
    reader: FrameReader,
    side: SocketSide,
}

impl Half {
    fn new(direction: Direction, terms: Terms) -> Self {
        Self { frame: None, reader: FrameReader::default(), side: SocketSide::new(direction, terms) }
    }

    /// Bytes of memory that it holds beside itself, about.
    fn size(&self) -> usize {
        let frame = self.frame.as_ref();
        frame.map_or(0, |frame| {
            let hash = frame.hash.as_ref().map_or(0, |hash| size_of_val(&**hash));
            size_of_val(&**frame) + frame.payload.size() + frame.search.size() + hash
        }) + self.side.size()
    }

    /// See [`WebSocket::payloads`].
    fn payload(&self) -> usize {
        let at_hand =
            self.frame.as_ref().filter(|frame| self.side.in_frame && !frame.header.opcode().is_control());
        at_hand.map_or(0, |frame| frame.payload.size())
            + self.side.open.as_ref().map_or(0, |open| open.payload())
    }

    /// See [`WebSocket::shed_payloads`].
    fn shed_payload(&mut self, context: &mut MessageContext<'_>) {
        let Self { frame, side, .. } = self;
        let none = Payload::default();
        let at_hand = frame.as_mut().filter(|frame| side.in_frame && !frame.header.opcode().is_control());
        if let Some(open) = &mut side.open {
            let part = at_hand.as_ref().filter(|_| side.joined).map_or(&none, |frame| &frame.payload);
            open.shed(part, &mut side.inflater, side.window_lost, context);
        }
        if let Some(frame) = at_hand {
            frame.shed(context);
        }
    }

    /// See [`WebSocket::shed_windows`].
    fn shed_window(&mut self) {
        let side = &mut self.side;
        if side.open.as_ref().is_none_or(|open| !open.compressed) {
            let had_one = side.inflater.take().is_some();
            side.window_lost |= had_one && side.terms.takeover == Some(true);
        } else if let Some(inflater) = &mut side.inflater {
            // One that is at work is needed.
            inflater.take_previous();
        }
    }

    /// Lets the reader or the side do something with the frame at hand.
    #[inline]
    fn work<E: Events>(
        &mut self,
        shared: &mut ConnectionState,
        context: &mut MessageContext<'_>,
        events: &mut E,
        act: impl FnOnce(&mut FrameReader, &mut MessageStep<'_, '_, E>),
    ) {
        /// So many are kept for others.
        const SPARE: usize = 8;
        let frame = self.frame.take().or_else(|| context.scratch.frames.pop());
        let mut frame = frame.unwrap_or_default();
        let side = &mut self.side;
        act(&mut self.reader, &mut MessageStep { side, frame: &mut frame, shared, context, events });
        if self.side.in_frame || self.side.open.is_some() || self.reader.is_lost() {
            self.frame = Some(frame);
        } else if context.scratch.frames.len() < SPARE {
            context.scratch.frames.push(frame);
        }
    }

    /// Bytes that come while framing is lost.
    #[cold]
    #[inline(never)]
    fn lost_data<E: Events>(
        &mut self,
        chunk: Chunk<'_>,
        shared: &mut ConnectionState,
        context: &mut MessageContext<'_>,
        events: &mut E,
    ) {
        self.work(shared, context, events, |reader, step| step.lost_data(reader, chunk));
    }

    /// Counts the message at the start of some bytes, where it is a frame of its own, all there, and there is nothing
    /// to say about it. Returns how many bytes it takes; 0 where it is something else.
    #[inline(never)] // In a loop, or in the middle of something larger, it gets slower.
    fn count_plain(&mut self, masked: bool, bytes: &[u8], shared: &mut ConnectionState) -> usize {
        let Parse::Done(header, len) = FrameHeader::parse(bytes) else { return 0 };
        let end = header.payload_len.saturating_add(len as u64);
        if end > bytes.len() as u64
            || !self.reader.is_between_frames()
            || !self.side.is_plain(header, masked)
            || shared.wants_short(shared.upcoming_message(), header.payload_len)
        {
            return 0;
        }
        self.side.count_plain(header, end);
        shared.count_message();
        to_usize(end)
    }
}

impl Half {
    /// Skips bytes inside the payload of a data frame, unless it is a short message: those are read even where payloads
    /// are not wanted.
    #[inline]
    fn pass(&mut self, len: usize, place: Place, shared: &ConnectionState) -> bool {
        if self.reader.is_between_frames() {
            return false; // Found out without a look at the rest, which is elsewhere.
        }
        match &mut self.frame {
            Some(frame)
                if !frame.header.opcode().is_control()
                    && !frame.is_short_message(shared)
                    && self.reader.pass(len) =>
            {
                frame.last = place;
                true
            }
            _ => false,
        }
    }
}

impl WebSocket {
    /// A WebSocket whose next byte in each direction begins a frame.
    #[must_use]
    pub fn new(terms: PerDirection<Terms>) -> Self {
        Self {
            shared: ConnectionState::new(),
            c2s: Half::new(Direction::ClientToServer, terms.c2s),
            s2c: Half::new(Direction::ServerToClient, terms.s2c),
        }
    }

    /// Findings of one rule that are listed from here on; [`LISTED`](super::LISTED) unless this says otherwise. All are counted.
    pub fn list(&mut self, most: u32) {
        self.shared.listed = most;
    }

    /// Sets what was agreed about compression beside [`Terms::takeover`]; [`CompressionTerms::default`] without it.
    pub fn set_compression(&mut self, terms: PerDirection<CompressionTerms>) {
        (self.c2s.side.compression, self.s2c.side.compression) = (terms.c2s, terms.s2c);
    }

    /// Sets the names of the extensions that were agreed and that wslens does not know, for the finding about the first
    /// frame that uses RSV bits of theirs.
    pub fn set_unknown_extensions(&mut self, names: &str) {
        self.shared.set_unknown_extensions(names);
    }

    /// Notes that a direction's head announced HTTP chunks behind it.
    pub fn announce_chunks(&mut self, direction: Direction) {
        self.shared.set_chunks(direction, false);
    }

    /// Notes that a direction's head announced a body of so many bytes, which may come before its first frame. `rule`: for
    /// the finding that says so; without one, these bytes are reported as what they are.
    pub fn announce_body(&mut self, direction: Direction, len: u64, rule: Option<&'static Rule>) {
        self.shared.set_body(direction, Some(Body { len, rule }));
    }

    /// Reads no frames: both directions are in another protocol, of which bytes are only counted.
    pub fn leave_unread(&mut self) {
        (self.c2s.side.ended, self.s2c.side.ended) = (true, true);
        self.note_loss();
    }

    /// A WebSocket in its middle: which messages are open and what the windows hold is not known.
    ///
    /// `begins`: whether the next byte of a direction begins a frame. Where it does not, frames are looked for.
    #[must_use]
    pub fn midway(terms: PerDirection<Terms>, begins: PerDirection<bool>) -> Self {
        let mut ws = Self::new(terms);
        ws.note_loss();
        for direction in Direction::BOTH {
            if !begins.of(direction) {
                ws.lose(direction);
            }
            let (half, _) = ws.half_mut(direction);
            (half.side.unsure, half.side.window_lost) = (true, true);
        }
        ws
    }

    /// The next byte of a direction begins no frame: they are looked for.
    pub fn lose(&mut self, direction: Direction) {
        self.note_loss();
        let (half, _) = self.half_mut(direction);
        (half.side.unsure, half.side.window_lost) = (true, true);
        half.reader.lose();
    }

    /// Counts bytes of a direction that came before its first frame.
    pub fn skip(&mut self, direction: Direction, len: u64) {
        self.shared.skip(direction, len);
    }

    fn half(&self, direction: Direction) -> &Half {
        match direction {
            Direction::ClientToServer => &self.c2s,
            Direction::ServerToClient => &self.s2c,
        }
    }

    #[inline]
    fn half_mut(&mut self, direction: Direction) -> (&mut Half, &mut ConnectionState) {
        match direction {
            Direction::ClientToServer => (&mut self.c2s, &mut self.shared),
            Direction::ServerToClient => (&mut self.s2c, &mut self.shared),
        }
    }

    /// Goes over as much of a direction's next bytes as needs no more than counting: the inside of a data frame, and
    /// messages at the start that are frames of their own, all there, and about which there is nothing to say. Returns
    /// how many bytes that is; the rest is for [`data`](Self::data). `place`: the packet that brought them.
    ///
    /// For a depth that wants neither frames nor payloads: `data` alone counts the same.
    #[inline]
    pub fn count(&mut self, direction: Direction, bytes: &[u8], place: Place) -> usize {
        let (half, shared) = self.half_mut(direction);
        if half.pass(bytes.len(), place, shared) {
            return bytes.len();
        }
        if !half.reader.is_between_frames() {
            return 0;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match half.count_plain(direction == Direction::ClientToServer, rest, shared) {
                0 => break,
                len => rest = rest.get(len..).unwrap_or_default(),
            }
        }
        bytes.len() - rest.len()
    }

    /// Bytes of a direction, the next in order. Behind the end of its stream they are only counted.
    pub fn data(
        &mut self,
        direction: Direction,
        chunk: Chunk<'_>,
        context: &mut MessageContext<'_>,
        events: &mut impl Events,
    ) {
        let (half, shared) = self.half_mut(direction);
        if half.side.ended {
            shared.skip(direction, chunk.bytes.len() as u64);
        } else if half.reader.is_lost() {
            half.lost_data(chunk, shared, context, events);
        } else {
            half.work(shared, context, events, |reader, step| {
                if let Some(doubtful) = reader.data(chunk, step) {
                    step.lost_data(reader, doubtful);
                }
            });
        }
        if self.shared.has_new_ping {
            let sent = self.half(direction.opposite()).side.counts.wire_bytes;
            self.shared.note_sent_before(direction, sent);
        }
    }

    /// Bytes of a direction that the capture lacks.
    pub fn gap(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        context: &mut MessageContext<'_>,
        events: &mut impl Events,
    ) {
        let (half, shared) = self.half_mut(direction);
        shared.lost_framing = true;
        if half.side.ended {
            return;
        }
        half.work(shared, context, events, |reader, step| reader.gap(at, len, arrival, step));
    }

    /// Bytes of either direction may be missing: what was not seen may have been said.
    pub fn note_loss(&mut self) {
        self.shared.lost_framing = true;
    }

    /// Nothing of a direction was captured.
    pub fn note_unheard(&mut self, direction: Direction) {
        self.half_mut(direction).0.side.unheard = true;
        self.note_loss();
    }

    /// The end of a direction's stream.
    pub fn end(
        &mut self,
        direction: Direction,
        how: StreamEnd,
        place: Place,
        context: &mut MessageContext<'_>,
        events: &mut impl Events,
    ) {
        let (half, shared) = self.half_mut(direction);
        if std::mem::replace(&mut half.side.ended, true) {
            return;
        }
        half.work(shared, context, events, |reader, step| {
            if reader.is_lost() {
                step.lost_end(reader, how == StreamEnd::Fin, place);
            }
            step.stream_end(reader.partial_header(), how.words(), place);
        });
    }

    /// A stream goes on whose [end](Self::end) was reported.
    pub fn reopen(&mut self, direction: Direction) {
        self.half_mut(direction).0.side.ended = false;
    }

    /// Both streams ended: what the closing handshake lacked (RFC 6455 section 7). `by`: who ended the connection first, where
    /// that is known.
    pub fn finish(&mut self, how: StreamEnd, by: Option<Direction>, place: Place, events: &mut impl Events) {
        let unanswered = self.shared.closing.as_ref().filter(|closing| !closing.answered);
        if let Some(by) = unanswered.and_then(|closing| closing.by) {
            let other = self.half(by.opposite());
            let is_lost = other.side.terms.guessed || other.reader.skipped().is_some();
            let may_hide_a_close =
                other.side.unheard || (is_lost && !self.shared.sends_foreign(by.opposite()));
            if let Some(closing) = &mut self.shared.closing {
                closing.by = Some(by).filter(|_| !may_hide_a_close);
            }
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
                let spot = Spot { direction: by, place, ..Spot::default() };
                let who = by.map_or_else(String::new, |by| format!(", by the {},", by.sender()));
                self.shared.report(
                    events,
                    &rules::CLOSED_WITHOUT_CLOSE,
                    spot,
                    format_args!("{}{who} without any Close frame: both sides report 1006", how.words()),
                );
            }
            Some(closing) if !closing.answered => {
                let (by, message) = (closing.by, closing.message);
                let spot = Spot { direction: by, message: Some(message), place, ..Spot::default() };
                self.shared.report(
                    events,
                    &rules::CLOSE_UNANSWERED,
                    spot,
                    format_args!(
                        "the {}'s Close got no Close in answer before the connection ended",
                        closing.sender()
                    ),
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

    /// Where the frame of a direction begins of which only a part came.
    #[must_use]
    pub fn begun(&self, direction: Direction) -> Option<u64> {
        self.half(direction).reader.begun()
    }

    /// Whether the framing of a direction is lost, and not found again.
    #[must_use]
    #[inline]
    pub fn is_lost(&self, direction: Direction) -> bool {
        self.half(direction).reader.is_lost()
    }

    /// The oldest packet whose frames may still be found, where framing was lost and is looked for.
    #[must_use]
    pub fn searching(&self) -> Option<u64> {
        let since = |half: &Half| half.frame.as_ref().filter(|_| half.reader.is_lost())?.search.since();
        [&self.c2s, &self.s2c].into_iter().filter_map(since).min()
    }

    /// Bytes of memory that it holds beside itself, about.
    #[must_use]
    pub fn size(&self) -> usize {
        Direction::BOTH.into_iter().map(|direction| self.half(direction).size()).sum::<usize>()
            + self.shared.size()
    }

    /// The lowest address of the bytes that are kept of frames and messages that are not complete; `u64::MAX` where there
    /// are none.
    #[must_use]
    pub fn oldest_address(&self) -> u64 {
        let oldest = |half: &Half| {
            let frame = half.frame.as_ref().map_or(u64::MAX, |frame| {
                // What was kept of the frame before is there until the next one begins.
                let payload = if half.side.in_frame { frame.payload.oldest_address() } else { u64::MAX };
                payload.min(frame.search.oldest_address())
            });
            half.side.open.as_ref().map_or(frame, |open| frame.min(open.kept.oldest_address()))
        };
        oldest(&self.c2s).min(oldest(&self.s2c))
    }

    /// Gives back what is kept of messages that are not whole: of these only length, hash and findings will be told.
    pub fn shed_payloads(&mut self, context: &mut MessageContext<'_>) {
        for direction in Direction::BOTH {
            self.half_mut(direction).0.shed_payload(context);
        }
    }

    /// Gives back the windows of compression where no message is open. What refers to them later is not certain.
    pub fn shed_windows(&mut self) {
        for direction in Direction::BOTH {
            self.half_mut(direction).0.shed_window();
        }
    }

    /// Bytes that are kept of messages that are not whole.
    #[must_use]
    pub fn payloads(&self) -> usize {
        self.c2s.payload() + self.s2c.payload()
    }

    /// Bytes of the windows of compression that it holds.
    #[must_use]
    pub fn windows(&self) -> usize {
        let size = |half: &Half| half.side.inflater.as_ref().map_or(0, |inflater| inflater.size());
        size(&self.c2s) + size(&self.s2c)
    }

    /// The counts of a direction.
    #[must_use]
    pub fn counts(&self, direction: Direction) -> &Counts {
        &self.half(direction).side.counts
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
        self.shared.rtt()
    }

    /// The pings of a side; `None` where it sent none.
    #[must_use]
    pub fn pinging(&self, direction: Direction) -> Option<Pinging> {
        self.shared.pinging(direction)
    }

    /// Sets whether data messages up to [`ShortMessage::LEN`](super::ShortMessage::LEN) bytes are delivered to
    /// [`Events::short_message`] after the first few as well. They are not at first.
    pub fn read_short_messages(&mut self, wanted: bool) {
        self.shared.reads_short_messages = wanted;
    }

    /// Whether bytes of either direction may be missing: what was not seen may have been said.
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.shared.lost_framing
    }

    /// Bytes of a direction that were skipped while its framing was lost; `None` where it never was.
    #[must_use]
    pub fn skipped(&self, direction: Direction) -> Option<u64> {
        let before = self.shared.skipped(direction);
        let now = self.half(direction).reader.skipped();
        now.map(|now| now.saturating_add(before)).or((before > 0).then_some(before))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::LengthEncoding;
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
                    let bytes = SocketWire(&wire);
                    let mut context = MessageContext { bytes: &bytes, depth: &depth, scratch: &mut scratch };
                    socket.data(Direction::ServerToClient, chunk, &mut context, &mut frames);
                }
                let lens: Vec<_> = frames.0.iter().map(|(number, bytes)| (*number, bytes.len())).collect();
                assert_eq!(lens, [(1, expected), (2, 2)], "payloads {payloads}, chunks of {step}");
            }
        }
    }

    #[test]
    fn what_comes_behind_the_end_is_only_counted() {
        let wire = [0x82, 4, 1, 2, 3, 4, 0x82, 0];
        let terms = Terms { takeover: None, rsv_defined: 0, guessed: false };
        let mut socket = WebSocket::new(PerDirection { c2s: terms, s2c: terms });
        let (mut scratch, mut frames) = (Scratch::default(), Frames(Vec::new()));
        let (depth, bytes, place) = (Depth::default(), SocketWire(&wire), Place::default());
        let direction = Direction::ServerToClient;
        for (at, end) in [(0, 4), (4, 8)] {
            let mut context = MessageContext { bytes: &bytes, depth: &depth, scratch: &mut scratch };
            let chunk =
                Chunk { at, bytes: &wire[at as usize..end], address: at, origin: place, arrival: place };
            socket.data(direction, chunk, &mut context, &mut frames);
            socket.end(direction, StreamEnd::Reset, place, &mut context, &mut frames);
        }
        assert_eq!((frames.0.len(), socket.counts(direction).frames), (1, 1));
        assert_eq!(socket.skipped(direction), Some(4));
    }

    proptest! {
        #[test]
        fn counting_ahead_counts_what_reading_does(
            frames in proptest::collection::vec(
                (prop::sample::select(vec![0x81u8, 0x82, 0x01, 0x80, 0x89, 0xc1, 0x91]), 0usize..400, any::<u32>(), 0u8..9), 0..12),
            mut cuts in proptest::collection::vec(0usize..3000, 0..12),
            client: bool,
        ) {
            let mut wire = Vec::new();
            for (first, len, key, odd) in frames {
                // Mostly masked as it should be.
                let masked = client != (odd == 0);
                let header = FrameHeader {
                    head: [first, if masked { 0x80 } else { 0 } | if len < 126 { len as u8 } else { 126 }],
                    masking_key: if masked { key.to_be_bytes() } else { [0; 4] },
                    payload_len: len as u64,
                    encoding: LengthEncoding::Standard,
                };
                let (bytes, header_len) = header.to_bytes();
                wire.extend(&bytes[..header_len]);
                wire.resize(wire.len() + len, 7);
            }
            cuts.push(wire.len());
            cuts.sort_unstable();
            let direction = if client { Direction::ClientToServer } else { Direction::ServerToClient };
            let depth = Depth { payloads: false, frames: false, ..Depth::default() };
            let run = |ahead: bool| {
                let terms = Terms { takeover: None, rsv_defined: 0, guessed: false };
                let mut socket = WebSocket::new(PerDirection { c2s: terms, s2c: terms });
                let (mut scratch, mut frames) = (Scratch::default(), Frames(Vec::new()));
                let (bytes, mut at) = (SocketWire(&wire), 0);
                for (packet, cut) in (1..).zip(&cuts) {
                    let cut = (*cut).clamp(at, wire.len());
                    let place = Place { packet, ..Place::default() };
                    let counted = if ahead { socket.count(direction, &wire[at..cut], place) } else { 0 };
                    at += counted;
                    let mut context = MessageContext { bytes: &bytes, depth: &depth, scratch: &mut scratch };
                    let chunk = Chunk { at: at as u64, bytes: &wire[at..cut], address: at as u64, origin: place, arrival: place };
                    socket.data(direction, chunk, &mut context, &mut frames);
                    at = cut;
                }
                let mut context = MessageContext { bytes: &bytes, depth: &depth, scratch: &mut scratch };
                socket.end(direction, StreamEnd::Fin, Place::default(), &mut context, &mut frames);
                let findings: Vec<_> = socket.findings().iter().map(|(rule, count)| (rule.code, count)).collect();
                (*socket.counts(direction), findings, socket.shared.next_frame(), socket.shared.next_message())
            };
            prop_assert_eq!(run(true), run(false));
        }
    }

    struct SocketWire<'a>(&'a [u8]);

    impl crate::model::Bytes for SocketWire<'_> {
        fn bytes(&self, span: crate::model::Span) -> Option<&[u8]> {
            self.0.bytes(span)
        }
    }
}
