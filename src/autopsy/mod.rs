//! Why a connection ended: a verdict from what its packets show, each part with its grade.
//!
//! In: the facts of a connection's end, as the pipeline has them. Out: who ended it and how, what the applications
//! were told, what was idle and unanswered before, and causes that fit. A pure function: the same facts give the same
//! verdict. What is not in the packets is never called observed: a cause is at most inferred.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`facts`] | what is known of an end |
//! | [`mod@timeouts`] | idle limits of proxies and balancers, as data |
//! | [`words`] | the verdict in sentences, in both languages |

pub mod facts;
#[cfg(test)]
mod tests;
pub mod timeouts;
pub mod words;

pub use facts::EndFacts;
pub use timeouts::{Measure, Timeout};

use crate::model::{Direction, Nanos, PerDirection, Place};
use crate::pipeline::{State, Strain};
use crate::ws::StreamEnd;

/// The certainty of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// The packets show it.
    Observed,
    /// It follows from the packets, or from a stated model.
    Inferred,
    /// The capture does not show it.
    Unknown,
}

impl Grade {
    /// Returns the name used in NDJSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}

/// The first event that ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// A Close frame.
    Close,
    /// A FIN, or END_STREAM in HTTP/2, without a preceding Close frame.
    Fin,
    /// A RST, or RST_STREAM in HTTP/2, without a preceding Close frame.
    Reset,
    /// The connection became idle while the capture continued.
    Silence,
    /// The connection is still open at the end of the capture.
    Capture,
    /// The server refused the WebSocket.
    Refused,
    /// No response to the request was captured.
    Unanswered,
}

impl EndKind {
    /// Returns the name used in NDJSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Silence => "silence",
            Self::Capture => "capture",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
        }
    }
}

/// Pings, or heartbeats of the subprotocol, without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The sender.
    pub by: Direction,
    /// The first unanswered one.
    pub since: Place,
    /// The last unanswered one.
    pub last: Place,
    /// Time from the first one to the end, in nanoseconds.
    pub age: Nanos,
    /// Whether these are heartbeats of the subprotocol.
    pub above: bool,
    /// Whether the other side sent other data after the first one.
    pub heard: bool,
}

/// A packet after an idle time that provoked the end of the connection: a RST or no reply followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provoking {
    /// The sender.
    pub by: Direction,
    /// The packet.
    pub place: Place,
    /// Idle time of both sides before the packet, in nanoseconds.
    pub idle: Nanos,
    /// Time since the last keep-alive probe, in nanoseconds.
    pub quiet: Nanos,
    /// Number of retransmissions of its bytes or later ones.
    pub resent: u32,
    /// Whether the other side replied with a RST; otherwise nothing followed.
    pub answered: bool,
}

/// A receive window that was closed when the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The side whose window was closed.
    pub by: Direction,
    /// The packet that closed it.
    pub since: Place,
    /// Time from that packet to the end, in nanoseconds.
    pub closed: Nanos,
}

/// A possible cause of the end. All causes are inferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The side that ended the connection had waited for a pong.
    PingTimeout(Waiting),
    /// The side that ended the connection had missed the negotiated heartbeat. Times are in nanoseconds.
    HeartbeatMissed {
        /// Time since the last heartbeat.
        since: Nanos,
        /// The negotiated interval.
        agreed: Nanos,
    },
    /// A side's receive window was closed because its application did not read.
    ZeroWindow(Stall),
    /// A device on the path had dropped the idle connection: later data got a RST or no reply. Contains the known
    /// limits that were exceeded; empty if only the TTL of the RST indicates this cause.
    IdleDropped(Vec<&'static Timeout>),
    /// The idle time equals the limit of these devices.
    IdleTimeout(Vec<&'static Timeout>),
    /// The age of the connection equals the limit of these devices.
    MaximumAge(Vec<&'static Timeout>),
    /// The last bytes were not acknowledged: the path failed, or the other host was gone. Contains the sender and the
    /// number of bytes.
    PathLost(Direction, u64),
    /// The close code reports a protocol violation, and findings confirm it. Contains the number of errors.
    Violation(u64),
}

impl Cause {
    /// Returns the name used in NDJSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PingTimeout(_) => "ping-timeout",
            Self::HeartbeatMissed { .. } => "heartbeat-missed",
            Self::ZeroWindow(_) => "zero-window",
            Self::IdleDropped(_) => "idle-dropped",
            Self::IdleTimeout(_) => "idle-timeout",
            Self::MaximumAge(_) => "maximum-age",
            Self::PathLost(..) => "path-lost",
            Self::Violation(_) => "protocol-violation",
        }
    }

    /// Returns the known timeouts that fit.
    #[must_use]
    pub fn fits(&self) -> &[&'static Timeout] {
        match self {
            Self::IdleTimeout(fits) | Self::IdleDropped(fits) | Self::MaximumAge(fits) => fits,
            _ => &[],
        }
    }
}

/// How and why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndVerdict {
    /// The event that ended the connection.
    pub kind: EndKind,
    /// The side that ended it, by the source address of the packet.
    pub by: Option<Direction>,
    /// The certainty of `kind` and `by`.
    pub grade: Grade,
    /// The packet of the event.
    pub place: Option<Place>,
    /// The close code of the first Close frame, or 1005 or 1006 without one; `None` if it is unknown or the connection
    /// did not end.
    pub code: Option<u16>,
    /// The certainty of the code: a captured code is observed, 1005 and 1006 follow from RFC 6455, section 7.1.5.
    pub code_grade: Grade,
    /// Time without a frame before the end, or before the packet that provoked it, in nanoseconds; `None` if it is
    /// unknown or bytes were retransmitted in that time.
    pub idle: Option<Nanos>,
    /// The packet that provoked the end.
    pub provoking: Option<Provoking>,
    /// A receive window that was closed at the end.
    pub stall: Option<Stall>,
    /// The TTL of the RST that ended the connection and the TTL of the sender's first bytes, if they differ.
    pub other_ttl: Option<(u8, u8)>,
    /// Time from the 101 to the end, in nanoseconds.
    pub open: Option<Nanos>,
    /// Unanswered pings at the end.
    pub waiting: Vec<Waiting>,
    /// Possible causes, the most likely first.
    pub causes: Vec<Cause>,
}

/// The minimum wait for a pong that counts as a timeout.
const PATIENCE: Nanos = Nanos::seconds(1);
/// The maximum time between a packet and a RST in reply.
const ANSWER: Nanos = Nanos::seconds(3);
/// Close codes that report a protocol violation of the peer.
const BLAMING: [u16; 5] = [1002, 1003, 1007, 1009, 1010];

/// Determines how and why a connection ended.
#[must_use]
pub fn examine(facts: &EndFacts) -> EndVerdict {
    let (kind, by, place) = first_cause(facts);
    let ending = &facts.ending;
    // Of a side that was not captured, an earlier end cannot be known.
    let one_sided = !(ending.heard.c2s && ending.heard.s2c);
    let ends = matches!(kind, EndKind::Close | EndKind::Fin | EndKind::Reset);
    let (by, grade) = match kind {
        EndKind::Close | EndKind::Fin | EndKind::Reset if one_sided || by.is_none() => (None, Grade::Unknown),
        EndKind::Close | EndKind::Fin | EndKind::Reset | EndKind::Refused => (by, Grade::Observed),
        // That the connection is over does not show in any packet.
        EndKind::Silence => (None, Grade::Inferred),
        EndKind::Capture => (None, Grade::Unknown),
        EndKind::Unanswered if by.is_some() && !one_sided => (by, Grade::Observed),
        EndKind::Unanswered => (None, Grade::Unknown),
    };
    let end = if ends { place } else { Some(ending.until).filter(|until| until.packet > 0) };
    let (code, code_grade) = code(facts, kind);
    let since = |from: Option<Place>| Some(end?.time.since(from?.time)).filter(|time| *time >= Nanos::ZERO);
    // A Close is itself a frame: what was said before it is not kept.
    let quiet = |from: Option<Place>| match (kind, from, end) {
        (EndKind::Close | EndKind::Refused | EndKind::Unanswered, ..) => None,
        // Said after the end began: since when it was silent before that is not kept.
        (_, Some(from), Some(end)) if from.packet > end.packet => None,
        _ => since(from),
    };
    let idle = match (kind, ending.said.c2s, ending.said.s2c) {
        (_, c2s, s2c)
            if [c2s, s2c].iter().flatten().any(|at| end.is_some_and(|end| at.packet > end.packet)) =>
        {
            None
        }
        (_, c2s, s2c) => quiet([c2s, s2c, facts.opened].into_iter().flatten().reduce(Place::max)),
    };
    let provoking = provoking(facts, kind, by, end);
    let strain = ending.strain.as_deref();
    // Bytes that are sent again and again are no silence.
    let is_resent = strain.is_some_and(|strain| resent(facts, strain) > 0);
    let idle = match provoking {
        Some(provoking) => Some(provoking.idle),
        None => idle.filter(|_| !is_resent),
    };
    let mut verdict = EndVerdict {
        kind,
        by,
        grade,
        place: place.filter(|_| !matches!(kind, EndKind::Silence | EndKind::Capture)),
        code,
        code_grade,
        idle,
        provoking,
        stall: end.and_then(|end| stall(facts, end)),
        other_ttl: strain.and_then(|strain| strain.reset_ttl).filter(|_| kind == EndKind::Reset),
        // What never opened was not open for any time.
        open: since(facts.opened).filter(|_| !matches!(kind, EndKind::Refused | EndKind::Unanswered)),
        waiting: waiting(facts, end),
        causes: Vec::new(),
    };
    let server_idle = quiet(ending.said.s2c).filter(|_| !is_resent);
    verdict.causes = causes(facts, &verdict, server_idle);
    verdict
}

/// Returns the number of retransmissions of bytes that were not acknowledged.
fn resent(facts: &EndFacts, strain: &Strain) -> u32 {
    let count = |by: &Direction| match *facts.ending.unacknowledged.of(*by) {
        0 => 0,
        _ => *strain.resent.of(*by),
    };
    Direction::BOTH.iter().map(count).max().unwrap_or(0)
}

/// Returns the packet after an idle time that got a RST or no reply.
fn provoking(
    facts: &EndFacts,
    kind: EndKind,
    by: Option<Direction>,
    end: Option<Place>,
) -> Option<Provoking> {
    let ending = &facts.ending;
    let strain = ending.strain.as_deref()?;
    let (sender, silence) = strain.silence?;
    let end = end.filter(|end| end.packet >= silence.until.packet)?;
    let other = sender.opposite();
    let is_told = matches!(kind, EndKind::Refused | EndKind::Unanswered | EndKind::Close);
    if facts.lossy || is_told || !*ending.heard.of(other) {
        return None;
    }
    let waited = end.time.since(silence.until.time);
    let answered = kind == EndKind::Reset && by == Some(other) && waited <= ANSWER;
    let is_lost = *ending.unacknowledged.of(sender) > 0 && waited >= PATIENCE;
    let quiet_since = strain.keep_alive.map_or(silence.since, |probe| probe.max(silence.since));
    (answered || is_lost).then(|| Provoking {
        by: sender,
        place: silence.until,
        idle: silence.until.time.since(silence.since.time),
        quiet: silence.until.time.since(quiet_since.time).max(Nanos::ZERO),
        resent: *strain.resent.of(sender),
        answered,
    })
}

/// Returns the receive window that was closed at the end; if both were, the one closed first.
fn stall(facts: &EndFacts, end: Place) -> Option<Stall> {
    let strain = facts.ending.strain.as_deref()?;
    let stall = |by: Direction| {
        let since = strain.windows.of(by).since?;
        let closed = end.time.since(since.time);
        (closed >= PATIENCE).then_some(Stall { by, since, closed })
    };
    Direction::BOTH.into_iter().filter_map(stall).min_by_key(|stall| stall.since.packet)
}

/// Returns the event that ended the connection, its side and its packet.
fn first_cause(facts: &EndFacts) -> (EndKind, Option<Direction>, Option<Place>) {
    let ending = &facts.ending;
    let fin =
        Direction::BOTH.into_iter().filter_map(|by| Some((EndKind::Fin, Some(by), (*ending.fin.of(by))?)));
    let reset = ending.reset.map(|(by, place)| (EndKind::Reset, Some(by), place));
    match facts.state {
        State::Refused => {
            return (EndKind::Refused, Some(Direction::ServerToClient), facts.opened.or(Some(ending.last)));
        }
        State::Unanswered => {
            let first = fin.chain(reset).min_by_key(|(.., place)| place.packet);
            return (EndKind::Unanswered, first.and_then(|(_, by, _)| by), first.map(|(.., place)| place));
        }
        State::Open | State::Closed | State::Reset | State::TimedOut => {}
    }
    let close = facts.closing.as_ref().map(|closing| (EndKind::Close, closing.by, closing.place));
    // Of what is in one packet, the Close is first: the FIN stands behind the bytes.
    let all = close.into_iter().chain(fin).chain(reset);
    match all.min_by_key(|(.., place)| place.packet) {
        Some((kind, by, place)) => (kind, by, Some(place)),
        None => match ending.how {
            StreamEnd::Fin => (EndKind::Fin, None, None),
            StreamEnd::Reset => (EndKind::Reset, None, None),
            StreamEnd::Timeout => (EndKind::Silence, None, None),
            StreamEnd::Capture => (EndKind::Capture, None, None),
        },
    }
}

/// Returns the close code and its certainty.
fn code(facts: &EndFacts, kind: EndKind) -> (Option<u16>, Grade) {
    match (&facts.closing, kind) {
        (_, EndKind::Refused | EndKind::Unanswered) => (None, Grade::Unknown),
        (Some(closing), _) => match closing.code {
            Some(code) => (Some(code), Grade::Observed),
            None => (Some(1005), Grade::Inferred),
        },
        (None, EndKind::Fin | EndKind::Reset) if !facts.lossy => (Some(1006), Grade::Inferred),
        // A Close may be among what is missing; and what did not end has no code.
        (None, _) => (None, Grade::Unknown),
    }
}

/// Returns the unanswered pings and heartbeats at the end.
fn waiting(facts: &EndFacts, end: Option<Place>) -> Vec<Waiting> {
    let Some(end) = end else { return Vec::new() };
    let mut found = Vec::new();
    for by in Direction::BOTH {
        let mut add = |since: Place, last: Place, above| {
            // One that came after the end had begun waits for nothing.
            if since.packet <= end.packet {
                let age = end.time.since(since.time).max(Nanos::ZERO);
                let said = *facts.ending.said.of(by.opposite());
                let heard = said.is_some_and(|said| said.packet > since.packet);
                found.push(Waiting { by, since, last, age, above, heard });
            }
        };
        if let Some((since, last)) = facts.pings.of(by).as_ref().and_then(|pings| pings.waiting) {
            add(since, last, false);
        }
        if let Some(side) = facts.heartbeats.as_ref().map(|heartbeats| heartbeats.sides.of(by))
            && let Some(since) = side.unanswered
        {
            add(since, side.last.unwrap_or(since), true);
        }
    }
    found.sort_by_key(|waiting| waiting.since.packet);
    found
}

fn causes(facts: &EndFacts, verdict: &EndVerdict, server_idle: Option<Nanos>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let ending = &facts.ending;
    let ended = matches!(verdict.kind, EndKind::Close | EndKind::Fin | EndKind::Reset);
    let Some(end) = verdict.place.or(Some(ending.until)) else { return causes };
    let is_over = ended || verdict.kind == EndKind::Silence;
    causes.extend(verdict.stall.filter(|_| is_over).map(Cause::ZeroWindow));
    // After a loss, what seems to lack may have been there.
    if !facts.lossy {
        if ended && let Some(by) = verdict.by {
            causes.extend(ping_timeout(facts, verdict, by));
            causes.extend(heartbeat_missed(facts, by, end));
        }
        causes.extend(idle_dropped(verdict));
        causes.extend(path_lost(facts, verdict, end));
    }
    // Who waits for a window to open, or for an answer to what was sent again, is not idle.
    let is_idle = verdict.stall.is_none() && verdict.provoking.is_none();
    if matches!(verdict.kind, EndKind::Fin | EndKind::Reset) && is_idle {
        let fits = |wanted: &[(Measure, Option<Nanos>)]| -> Vec<&'static Timeout> {
            let fit = |timeout: &&Timeout| {
                wanted.iter().any(|(measure, time)| {
                    timeout.measure == *measure && time.is_some_and(|t| timeout.fits(t))
                })
            };
            timeouts::ALL.iter().filter(fit).collect()
        };
        let idle = fits(&[(Measure::Both, verdict.idle), (Measure::Server, server_idle)]);
        let age = if idle.is_empty() { fits(&[(Measure::Age, verdict.open)]) } else { Vec::new() };
        if !idle.is_empty() {
            causes.push(Cause::IdleTimeout(idle));
        }
        if !age.is_empty() {
            causes.push(Cause::MaximumAge(age));
        }
    }
    if verdict.kind == EndKind::Close
        && facts.errors > 0
        && verdict.code_grade == Grade::Observed
        && verdict.code.is_some_and(|code| BLAMING.contains(&code))
    {
        causes.push(Cause::Violation(facts.errors));
    }
    causes
}

/// Tests whether a device on the path had dropped the idle connection.
fn idle_dropped(verdict: &EndVerdict) -> Option<Cause> {
    let provoking = verdict.provoking?;
    let fits: Vec<_> =
        timeouts::ALL.iter().filter(|timeout| timeout.has_forgotten(provoking.quiet)).collect();
    let is_told = provoking.answered && verdict.other_ttl.is_some();
    (is_told || !fits.is_empty()).then_some(Cause::IdleDropped(fits))
}

/// Tests for a ping timeout: the side that ended the connection had an old unanswered ping and received nothing since, or
/// its close reason names a ping timeout.
fn ping_timeout(facts: &EndFacts, verdict: &EndVerdict, by: Direction) -> Option<Cause> {
    let rtt = |waiting: &Waiting| {
        let pings = facts.pings.of(waiting.by).as_ref().and_then(|pings| pings.rtt.max());
        let heartbeats = facts.heartbeats.as_ref().and_then(|all| all.sides.of(waiting.by).rtt.max());
        if waiting.above { heartbeats } else { pings }
    };
    let says_so = facts.closing.as_ref().is_some_and(|closing| {
        let reason = closing.reason.to_ascii_lowercase();
        verdict.kind == EndKind::Close
            && [&b"ping"[..], b"pong", b"keepalive"].iter().any(|word| contains(&reason, word))
    });
    let late = |waiting: &&Waiting| {
        waiting.by == by
            && waiting.age >= PATIENCE
            && rtt(waiting).is_none_or(|rtt| waiting.age.0 / 3 >= rtt.0)
            && (says_so || !waiting.heard)
    };
    verdict.waiting.iter().find(late).map(|waiting| Cause::PingTimeout(*waiting))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// Tests whether the side that ended the connection had missed a heartbeat.
fn heartbeat_missed(facts: &EndFacts, by: Direction, end: Place) -> Option<Cause> {
    let heartbeats = facts.heartbeats.as_ref()?;
    let other = heartbeats.sides.of(by.opposite());
    let agreed = other.negotiated.filter(|interval| *interval > Nanos::ZERO)?;
    let last = other.last.or(facts.opened)?;
    let since = end.time.since(last.time);
    let patience = agreed.plus(heartbeats.timeout.unwrap_or(Nanos(agreed.0 / 2)));
    let said = *facts.ending.said.of(by.opposite());
    // Anything that was heard since may stand for it.
    let silent = said.is_none_or(|said| said.packet <= last.packet);
    (since >= patience && silent).then_some(Cause::HeartbeatMissed { since, agreed })
}

/// Tests whether the last bytes were not acknowledged, and their sender or neither side ended the connection.
fn path_lost(facts: &EndFacts, verdict: &EndVerdict, end: Place) -> Option<Cause> {
    let ending = &facts.ending;
    if !(ending.heard.c2s && ending.heard.s2c) {
        return None;
    }
    Direction::BOTH.into_iter().find_map(|by| {
        let bytes = *ending.unacknowledged.of(by);
        let told = match verdict.kind {
            EndKind::Silence | EndKind::Capture => true,
            EndKind::Fin | EndKind::Reset => verdict.by == Some(by),
            EndKind::Close | EndKind::Refused | EndKind::Unanswered => false,
        };
        let said = (*ending.said.of(by))?;
        let waited = end.time.since(said.time);
        (told && bytes > 0 && waited >= PATIENCE).then_some(Cause::PathLost(by, bytes))
    })
}

/// Returns the keep-alive statistics of a connection, or `None` if it has no pings and no heartbeats.
#[must_use]
pub fn has_keep_alive(facts: &EndFacts) -> bool {
    let PerDirection { c2s, s2c } = &facts.pings;
    c2s.is_some() || s2c.is_some() || facts.heartbeats.is_some()
}
