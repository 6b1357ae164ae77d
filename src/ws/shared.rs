//! What both directions of a WebSocket share: numbers, pings, the closing handshake, findings.

use std::collections::VecDeque;
use std::fmt::Arguments;

use super::event::{Events, ShortMessage, Spot};
use super::rules;
use crate::model::{Direction, Histogram, Nanos, PerDirection, Place, Rule, Tally, lasted};

/// Findings of one rule that are listed for a connection; all are counted.
pub const LISTED: u32 = 100;
/// Pings that may wait for their pong; the oldest is forgotten beyond.
const WAITING: usize = 64;
/// A pong later than this, in nanoseconds, is late.
const LATE_AT_LAST: i64 = 5_000_000_000;
/// A pong later than this is late if it took three times as long as usual.
const LATE: i64 = 1_000_000_000;
/// Pongs after which it is known how long they usually take.
const USUAL: u64 = 3;
/// Bytes of a close reason that are kept.
const REASON: usize = 125;

/// The first Close of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Who sent it; `None` where the other side's may have come before and is not in the capture.
    pub by: Option<Direction>,
    /// Its code.
    pub code: Option<u16>,
    /// Its reason, as sent.
    pub reason: Vec<u8>,
    /// Frame number.
    pub frame: u64,
    /// Message number.
    pub message: u64,
    /// The packet with its first byte: by these it is the first, not by when they could be read.
    pub place: Place,
    /// Whether the other side answered with a Close.
    pub answered: bool,
}

impl Closing {
    /// The word for who sent it.
    #[must_use]
    pub fn sender(&self) -> &'static str {
        self.by.map_or("unknown", Direction::sender)
    }
}

#[derive(Clone, Debug)]
struct Ping {
    payload: Box<[u8]>,
    place: Place,
    message: u64,
    /// Bytes of frames that the other side had sent, once that is known.
    before: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Pings {
    waiting: VecDeque<Ping>,
    /// Times of the last pings, while they come fast.
    recent: VecDeque<i64>,
    flooded: bool,
    sent: u64,
    answered: u64,
    last: Option<Place>,
    interval: Histogram,
    rtt: Histogram,
}

/// The pings that one side sent, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pinging {
    /// How many.
    pub sent: u64,
    /// Those that a pong answered.
    pub answered: u64,
    /// Those that no pong answered, and none will as far as is known: a later ping was answered, or the connection ended
    /// or the capture did.
    pub missed: u64,
    /// Between one and the next.
    pub interval: Histogram,
    /// From a ping to its pong.
    pub rtt: Histogram,
    /// The last one.
    pub last: Option<Place>,
    /// The first and the last of those that nothing was answered to at the end.
    pub waiting: Option<(Place, Place)>,
}

/// Round trips of pings that were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rtt {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: Nanos,
    /// The shortest.
    pub min: Nanos,
    /// The longest.
    pub max: Nanos,
}

/// What most WebSockets do not need.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// Pings of both directions.
    pings: PerDirection<Pings>,
    rtt: Rtt,
    /// Bytes that were skipped until framing was found again.
    skipped: PerDirection<u64>,
    /// The names of agreed extensions that are not known, until their use of RSV bits is reported.
    unknown_extensions: Option<Box<str>>,
    habits: PerDirection<Habits>,
}

/// A body that a head announced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    pub(super) len: u64,
    /// The rule under which to report that it is there; `None` where it is no frame and nothing else.
    pub(super) rule: Option<&'static Rule>,
}

/// What a side does that no other does.
#[derive(Clone, Copy, Debug, Default)]
struct Habits {
    /// It sends HTTP chunks, or announced them; whether that was reported.
    chunks: Option<bool>,
    /// It encodes lengths in a way of its own.
    encodes_wrongly: bool,
    /// The body that its head announced and that may come before its first frame.
    body: Option<Body>,
    /// It sent something else between its frames. All of its bytes are there: its messages are guessed, but none is hidden.
    sends_foreign: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionState {
    frames: u64,
    messages: u64,
    rare: Option<Box<Rare>>,
    pub(super) closing: Option<Box<Closing>>,
    pub(super) findings: Tally,
    /// Bytes of either direction are missing: silence proves nothing.
    pub(super) lost_framing: bool,
    /// A ping came of which it is not known how much the other side had sent.
    pub(super) has_new_ping: bool,
    /// Short messages are also wanted after the first few.
    pub(super) reads_short_messages: bool,
    /// Findings of one rule that are listed.
    pub(super) listed: u32,
}

impl ConnectionState {
    pub(super) fn new() -> Self {
        Self { listed: LISTED, ..Self::default() }
    }

    /// Round trips of pings.
    pub(super) fn rtt(&self) -> Rtt {
        self.rare.as_ref().map(|rare| rare.rtt).unwrap_or_default()
    }

    /// The pings of a side; `None` where it sent none.
    pub(super) fn pinging(&self, direction: Direction) -> Option<Pinging> {
        let pings = self.rare.as_ref()?.pings.of(direction);
        (pings.sent > 0).then(|| Pinging {
            sent: pings.sent,
            answered: pings.answered,
            missed: pings.sent.saturating_sub(pings.answered),
            interval: pings.interval.clone(),
            rtt: pings.rtt.clone(),
            last: pings.last,
            waiting: pings.waiting.front().zip(pings.waiting.back()).map(|(a, b)| (a.place, b.place)),
        })
    }

    /// Whether a data message is delivered as a [`ShortMessage`]. `len`: bytes of its payload.
    #[inline]
    pub(super) fn wants_short(&self, number: u64, len: u64) -> bool {
        (number <= ShortMessage::OPENING && len <= ShortMessage::OPENING_LEN)
            || (self.reads_short_messages && len <= ShortMessage::LEN)
    }

    /// The number that the next message will get.
    #[inline]
    pub(super) fn upcoming_message(&self) -> u64 {
        self.messages + 1
    }

    /// Delivers a message that [is wanted](Self::wants_short).
    #[cold]
    #[inline(never)]
    pub(super) fn short_message(&mut self, events: &mut impl Events, message: &ShortMessage<'_>) {
        self.reads_short_messages |= events.short_message(message);
    }

    /// Bytes of memory that it holds beside itself, about.
    pub(super) fn size(&self) -> usize {
        let Some(rare) = &self.rare else { return 0 };
        let pings = |pings: &Pings| {
            pings.waiting.capacity() * size_of::<Ping>()
                + pings.recent.capacity() * size_of::<i64>()
                + pings.interval.heap_size()
                + pings.rtt.heap_size()
        };
        let payloads = rare.pings.c2s.waiting.iter().chain(&rare.pings.s2c.waiting);
        size_of_val(&**rare)
            + pings(&rare.pings.c2s)
            + pings(&rare.pings.s2c)
            + payloads.map(|ping| ping.payload.len()).sum::<usize>()
    }

    /// See [`WebSocket::set_unknown_extensions`](super::WebSocket::set_unknown_extensions).
    pub(super) fn set_unknown_extensions(&mut self, names: &str) {
        self.rare.get_or_insert_default().unknown_extensions = Some(names.into());
    }

    /// The names of agreed extensions that are not known; only the first time.
    pub(super) fn take_unknown_extensions(&mut self) -> Option<Box<str>> {
        self.rare.as_mut()?.unknown_extensions.take()
    }

    /// Notes that a side sends HTTP chunks, or announced them, and whether that is reported.
    pub(super) fn set_chunks(&mut self, direction: Direction, reported: bool) {
        self.rare.get_or_insert_default().habits.of_mut(direction).chunks = Some(reported);
    }

    fn habits(&self, direction: Direction) -> Habits {
        self.rare.as_ref().map(|rare| *rare.habits.of(direction)).unwrap_or_default()
    }

    /// Whether a side sends HTTP chunks, or announced them.
    pub(super) fn is_chunked(&self, direction: Direction) -> bool {
        self.habits(direction).chunks.is_some()
    }

    /// Whether it was reported that a side sends HTTP chunks.
    pub(super) fn reported_chunks(&self, direction: Direction) -> bool {
        self.habits(direction).chunks == Some(true)
    }

    /// Notes whether a side's messages are guessed only because it sent something else between its frames.
    pub(super) fn set_foreign(&mut self, direction: Direction, yes: bool) {
        if yes || self.rare.is_some() {
            self.rare.get_or_insert_default().habits.of_mut(direction).sends_foreign = yes;
        }
    }

    /// Whether a side's messages are guessed only because it sent something else between its frames.
    pub(super) fn sends_foreign(&self, direction: Direction) -> bool {
        self.habits(direction).sends_foreign
    }

    /// Notes that a body may come before a side's first frame.
    pub(super) fn set_body(&mut self, direction: Direction, body: Option<Body>) {
        self.rare.get_or_insert_default().habits.of_mut(direction).body = body;
    }

    /// The body that may come before a side's first frame.
    pub(super) fn body(&self, direction: Direction) -> Option<Body> {
        self.habits(direction).body
    }

    /// Notes that a side encodes lengths in a way of its own.
    pub(super) fn note_wrong_encoding(&mut self, direction: Direction) {
        self.rare.get_or_insert_default().habits.of_mut(direction).encodes_wrongly = true;
    }

    /// Whether a side encodes lengths in a way of its own.
    pub(super) fn encodes_wrongly(&self, direction: Direction) -> bool {
        self.habits(direction).encodes_wrongly
    }

    /// Counts bytes that are no part of any frame that was found.
    pub(super) fn skip(&mut self, direction: Direction, len: u64) {
        if len > 0 {
            let skipped = self.rare.get_or_insert_default().skipped.of_mut(direction);
            *skipped = skipped.saturating_add(len);
        }
    }

    /// Bytes that were skipped until framing was found again.
    pub(super) fn skipped(&self, direction: Direction) -> u64 {
        self.rare.as_ref().map_or(0, |rare| *rare.skipped.of(direction))
    }

    /// Numbers a message of one frame that nobody is told of.
    #[inline]
    pub(super) fn count_message(&mut self) {
        self.frames += 1;
        self.messages += 1;
    }

    #[inline]
    pub(super) fn next_frame(&mut self) -> u64 {
        self.frames += 1;
        self.frames
    }

    #[inline]
    pub(super) fn next_message(&mut self) -> u64 {
        self.messages += 1;
        self.messages
    }

    pub(super) fn report(
        &mut self,
        events: &mut impl Events,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        if self.findings.add(rule) <= u64::from(self.listed) {
            events.finding(rule, spot, text);
        }
    }

    /// A ping; true when it is the one that makes a flood.
    pub(super) fn ping(&mut self, direction: Direction, message: u64, payload: &[u8], place: Place) -> bool {
        const FLOOD: usize = 100;
        let pings = self.rare.get_or_insert_default().pings.of_mut(direction);
        pings.sent = pings.sent.saturating_add(1);
        if let Some(last) = pings.last.replace(place) {
            pings.interval.add(place.time.since(last.time).0);
        }
        if pings.waiting.len() == WAITING {
            pings.waiting.pop_front();
        }
        pings.waiting.push_back(Ping { payload: payload.into(), place, message, before: None });
        self.has_new_ping = true;
        if pings.recent.len() > FLOOD {
            pings.recent.pop_front();
        }
        pings.recent.push_back(place.time.0);
        let within =
            pings.recent.front().is_some_and(|first| place.time.0.saturating_sub(*first) <= 1_000_000_000);
        let flood = pings.recent.len() > FLOOD && within && !pings.flooded;
        pings.flooded |= flood;
        flood
    }

    /// Notes how many bytes of frames the other side had sent when the new pings of a side came.
    #[cold]
    pub(super) fn note_sent_before(&mut self, direction: Direction, bytes: u64) {
        self.has_new_ping = false;
        let Some(rare) = &mut self.rare else { return };
        for ping in rare.pings.of_mut(direction).waiting.iter_mut().rev() {
            if ping.before.is_some() {
                break;
            }
            ping.before = Some(bytes);
        }
    }

    /// A pong: the time since the ping that it answers, and that ping's message number. `spot`: where it is; `sent`: bytes of
    /// frames that its sender sent before it.
    pub(super) fn pong(
        &mut self,
        events: &mut impl Events,
        direction: Direction,
        spot: Spot,
        payload: &[u8],
        sent: u64,
    ) -> Option<(Option<Nanos>, u64)> {
        let place = spot.place;
        let rare = self.rare.as_mut();
        let found =
            rare.map(|rare| &mut rare.pings.of_mut(direction.opposite()).waiting).and_then(|waiting| {
                let at = waiting.iter().position(|ping| *ping.payload == *payload)?;
                let passed: Vec<Ping> = waiting.drain(..=at).collect();
                Some(passed)
            });
        let Some(mut passed) = found else {
            if self.lost_framing {
                return None; // The ping may be among what is missing.
            }
            self.report(
                events,
                &rules::UNSOLICITED_PONG,
                spot,
                format_args!("pong of {} bytes answers no ping", payload.len()),
            );
            return None;
        };
        let answered = passed.pop()?;
        for ping in passed {
            self.unanswered(events, direction.opposite(), &ping, "a later ping was answered", place);
        }
        let rare = self.rare.get_or_insert_default();
        let asked = rare.pings.of_mut(direction.opposite());
        // The clock may go back.
        let Some(rtt) = place.time.elapsed_since(answered.place.time) else {
            asked.answered = asked.answered.saturating_add(1);
            return Some((None, answered.message));
        };
        let usual = asked.rtt.median().filter(|_| rtt > Nanos(LATE) && asked.rtt.count() >= USUAL);
        let is_late = rtt > Nanos(LATE_AT_LAST) || usual.is_some_and(|usual| rtt.0 / 3 > usual.0);
        asked.answered = asked.answered.saturating_add(1);
        asked.rtt.add(rtt.0);
        let all = &mut rare.rtt;
        (all.min, all.max) = if all.count == 0 { (rtt, rtt) } else { (all.min.min(rtt), all.max.max(rtt)) };
        all.count += 1;
        all.sum = Nanos(all.sum.0.saturating_add(rtt.0));
        if is_late {
            self.late(events, spot, &answered, rtt.0, usual, sent);
        }
        Some((Some(rtt), answered.message))
    }

    /// Reports a pong that came late, and what its sender sent before it instead.
    #[cold]
    fn late(
        &mut self,
        events: &mut impl Events,
        spot: Spot,
        ping: &Ping,
        rtt: i64,
        usual: Option<Nanos>,
        sent: u64,
    ) {
        let usual = usual.map_or_else(String::new, |usual| format!(" (usually {})", lasted(usual)));
        // What is missing may hold more.
        let before = ping.before.filter(|_| !self.lost_framing);
        let behind = match before.map(|before| sent.saturating_sub(before)) {
            None => String::new(),
            Some(0) => "; its sender sent nothing in between".to_owned(),
            Some(bytes) => format!("; its sender sent {bytes} bytes of other frames in between"),
        };
        self.report(
            events,
            &rules::PONG_LATE,
            spot,
            format_args!(
                "pong {} after its ping in packet {}{usual}{behind}",
                lasted(Nanos(rtt)),
                ping.place.packet
            ),
        );
    }

    fn unanswered(
        &mut self,
        events: &mut impl Events,
        direction: Direction,
        ping: &Ping,
        why: &str,
        place: Place,
    ) {
        if self.lost_framing {
            return;
        }
        let spot = Spot { direction: Some(direction), message: Some(ping.message), place, ..Spot::default() };
        self.report(
            events,
            &rules::PING_UNANSWERED,
            spot,
            format_args!(
                "the {}'s ping in packet {} got no pong in {} ({why})",
                direction.sender(),
                ping.place.packet,
                lasted(place.time.since(ping.place.time))
            ),
        );
    }

    /// The first Close of a side. `place`: the packet that completed it.
    pub(super) fn close(&mut self, events: &mut impl Events, mut close: Closing, place: Place) {
        close.reason.truncate(REASON);
        let Some(closing) = &mut self.closing else {
            self.closing = Some(Box::new(close));
            return;
        };
        if close.place.packet < closing.place.packet {
            // It was sent first, and waited behind a hole.
            std::mem::swap(&mut **closing, &mut close);
        }
        closing.answered = true;
        let first = closing.code;
        if let (Some(first), Some(code)) = (first, close.code)
            && first != code
        {
            let spot = Spot {
                direction: close.by,
                frame: Some(close.frame),
                message: Some(close.message),
                offset: None,
                place,
                what: None,
            };
            self.report(
                events,
                &rules::CLOSE_CODE_MISMATCH,
                spot,
                format_args!("Close {first} is answered with {code}"),
            );
        }
    }

    /// The connection ended: pings that nobody answered.
    pub(super) fn end_pings(&mut self, events: &mut impl Events, place: Place) {
        for direction in Direction::BOTH {
            let Some(rare) = &mut self.rare else { return };
            let waiting = std::mem::take(&mut rare.pings.of_mut(direction).waiting);
            for ping in &waiting {
                self.unanswered(events, direction, ping, "the connection ended", place);
            }
            // They are still told of at the end.
            if let Some(rare) = &mut self.rare {
                rare.pings.of_mut(direction).waiting = waiting;
            }
        }
    }
}
