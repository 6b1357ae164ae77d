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

use crate::model::{Direction, PerDirection, Place};
use crate::pipeline::{State, Strain};
use crate::ws::StreamEnd;

/// How sure a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// The packets say so.
    Observed,
    /// It follows from what they say, or from a model that is stated.
    Inferred,
    /// The capture does not tell.
    Unknown,
}

impl Grade {
    /// The word of the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Inferred => "inferred",
            Self::Unknown => "unknown",
        }
    }
}

/// What came first of all that ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    /// A Close frame.
    Close,
    /// A FIN, or END_STREAM inside HTTP/2, with no Close before it.
    Fin,
    /// A RST, or RST_STREAM inside HTTP/2, with no Close before it.
    Reset,
    /// Nothing: it fell silent, and the capture went on.
    Silence,
    /// Nothing: the capture ends while it is open.
    Capture,
    /// It never opened: the server refused it.
    Refused,
    /// It never opened: no answer was captured.
    Unanswered,
}

impl EndKind {
    /// The word of the machine output.
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

/// A ping, or a heartbeat of the subprotocol, that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who sent it.
    pub by: Direction,
    /// The first of those that nothing was answered to.
    pub since: Place,
    /// The last of them.
    pub last: Place,
    /// Nanoseconds from the first to the end.
    pub age: i64,
    /// It is a heartbeat of the subprotocol.
    pub above: bool,
    /// The other side sent something else after the first of them.
    pub heard: bool,
}

/// A packet that ended a silence, and that the connection's end answered, or nothing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provoking {
    /// Who sent it.
    pub by: Direction,
    /// The packet.
    pub place: Place,
    /// Nanoseconds without bytes of either side before it.
    pub idle: i64,
    /// Nanoseconds before it without a keep-alive probe, either.
    pub quiet: i64,
    /// How often its bytes, or those that followed them, were sent again.
    pub resent: u32,
    /// A RST of the other side answered it; otherwise nothing did.
    pub answered: bool,
}

/// A receive window that was closed when the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Whose window.
    pub by: Direction,
    /// The packet that closed it.
    pub since: Place,
    /// Nanoseconds from there to the end.
    pub closed: i64,
}

/// Why it may have ended. All of these are inferred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Whoever ended it had waited for a pong in vain.
    PingTimeout(Waiting),
    /// Whoever ended it had not heard the heartbeat that was agreed on: nanoseconds since the last one, and those agreed.
    HeartbeatMissed {
        /// Since the last heartbeat.
        since: i64,
        /// How often one was to come.
        agreed: i64,
    },
    /// A side's receive window was closed: its application did not read.
    ZeroWindow(Stall),
    /// It was idle, and what was sent then was answered by a RST or not at all: somebody on the path had forgotten the
    /// connection. Those whose limit was over; empty where only the RST's TTL tells it.
    IdleDropped(Vec<&'static Timeout>),
    /// It was idle for as long as these allow.
    IdleTimeout(Vec<&'static Timeout>),
    /// It was open for as long as these allow, idle or not.
    MaximumAge(Vec<&'static Timeout>),
    /// What a side sent last was never acknowledged: the path broke, or the other host was gone. Who sent it, bytes.
    PathLost(Direction, u64),
    /// The Close says that the other side broke a rule, and there are findings of that: how many errors.
    Violation(u64),
}

impl Cause {
    /// The word of the machine output.
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

    /// Timeouts whose length fits.
    #[must_use]
    pub fn fits(&self) -> &[&'static Timeout] {
        match self {
            Self::IdleTimeout(fits) | Self::IdleDropped(fits) | Self::MaximumAge(fits) => fits,
            _ => &[],
        }
    }
}

/// What is said of an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndVerdict {
    /// What ended it.
    pub kind: EndKind,
    /// Who did: by whose address what ended it came.
    pub by: Option<Direction>,
    /// How sure kind and side are.
    pub grade: Grade,
    /// The packet that says so.
    pub place: Option<Place>,
    /// The code: that of the first Close, or what stands for its lack (1005, 1006); `None` where that is not known, or
    /// the connection did not end.
    pub code: Option<u16>,
    /// How sure the code is: one on the wire is observed, 1005 and 1006 follow from RFC 6455 section 7.1.5.
    pub code_grade: Grade,
    /// Nanoseconds without any frame before the end, or before the packet that provoked it; `None` where that is not known,
    /// and where bytes were sent again in that time.
    pub idle: Option<i64>,
    /// The packet that provoked the end.
    pub provoking: Option<Provoking>,
    /// A receive window that was closed at the end.
    pub stall: Option<Stall>,
    /// The TTL of the RST that ended it, and that of its sender's first bytes, where they differ.
    pub other_ttl: Option<(u8, u8)>,
    /// Nanoseconds from the 101 to the end.
    pub open: Option<i64>,
    /// Pings without a pong at the end.
    pub waiting: Vec<Waiting>,
    /// Causes that fit, the likeliest first.
    pub causes: Vec<Cause>,
}

/// The shortest wait for a pong that is called a timeout.
const PATIENCE: i64 = 1_000_000_000;
/// How long after a packet a RST still answers it.
const ANSWER: i64 = 3_000_000_000;
/// Codes by which a side says that the other broke a rule.
const BLAMING: [u16; 5] = [1002, 1003, 1007, 1009, 1010];

/// Judges an end.
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
    let since = |from: Option<Place>| Some(end?.time.since(from?.time)).filter(|time| *time >= 0);
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

/// How often bytes were sent again that were never acknowledged.
fn resent(facts: &EndFacts, strain: &Strain) -> u32 {
    let count = |by: &Direction| match *facts.ending.unacknowledged.of(*by) {
        0 => 0,
        _ => *strain.resent.of(*by),
    };
    Direction::BOTH.iter().map(count).max().unwrap_or(0)
}

/// The packet that ended a silence and that a RST answered, or nobody did.
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
        quiet: silence.until.time.since(quiet_since.time).max(0),
        resent: *strain.resent.of(sender),
        answered,
    })
}

/// The receive window that was closed at the end, the first where both were.
fn stall(facts: &EndFacts, end: Place) -> Option<Stall> {
    let strain = facts.ending.strain.as_deref()?;
    let stall = |by: Direction| {
        let since = strain.windows.of(by).since?;
        let closed = end.time.since(since.time);
        (closed >= PATIENCE).then_some(Stall { by, since, closed })
    };
    Direction::BOTH.into_iter().filter_map(stall).min_by_key(|stall| stall.since.packet)
}

/// What came first, by whom, where.
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

/// The code, and how sure it is.
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

/// Pings and heartbeats without an answer at the end.
fn waiting(facts: &EndFacts, end: Option<Place>) -> Vec<Waiting> {
    let Some(end) = end else { return Vec::new() };
    let mut found = Vec::new();
    for by in Direction::BOTH {
        let mut add = |since: Place, last: Place, above| {
            // One that came after the end had begun waits for nothing.
            if since.packet <= end.packet {
                let age = end.time.since(since.time).max(0);
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

fn causes(facts: &EndFacts, verdict: &EndVerdict, server_idle: Option<i64>) -> Vec<Cause> {
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
        let fits = |wanted: &[(Measure, Option<i64>)]| -> Vec<&'static Timeout> {
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

/// Somebody on the path had forgotten the connection.
fn idle_dropped(verdict: &EndVerdict) -> Option<Cause> {
    let provoking = verdict.provoking?;
    let fits: Vec<_> =
        timeouts::ALL.iter().filter(|timeout| timeout.has_forgotten(provoking.quiet)).collect();
    let is_told = provoking.answered && verdict.other_ttl.is_some();
    (is_told || !fits.is_empty()).then_some(Cause::IdleDropped(fits))
}

/// Whoever ended it had a ping without a pong, for long, and heard nothing since; or says itself that it waited for a pong.
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
            && rtt(waiting).is_none_or(|rtt| waiting.age / 3 >= rtt)
            && (says_so || !waiting.heard)
    };
    verdict.waiting.iter().find(late).map(|waiting| Cause::PingTimeout(*waiting))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// Whoever ended it had not heard a heartbeat that was to come.
fn heartbeat_missed(facts: &EndFacts, by: Direction, end: Place) -> Option<Cause> {
    let heartbeats = facts.heartbeats.as_ref()?;
    let other = heartbeats.sides.of(by.opposite());
    let agreed = other.negotiated.filter(|interval| *interval > 0)?;
    let last = other.last.or(facts.opened)?;
    let since = end.time.since(last.time);
    let patience = agreed.saturating_add(heartbeats.timeout.unwrap_or(agreed / 2));
    let said = *facts.ending.said.of(by.opposite());
    // Anything that was heard since may stand for it.
    let silent = said.is_none_or(|said| said.packet <= last.packet);
    (since >= patience && silent).then_some(Cause::HeartbeatMissed { since, agreed })
}

/// What was sent last was never acknowledged, and its sender ended it or nobody did.
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

/// The keep-alive figures that are told of a connection: `None` where there is none of either kind.
#[must_use]
pub fn has_keep_alive(facts: &EndFacts) -> bool {
    let PerDirection { c2s, s2c } = &facts.pings;
    c2s.is_some() || s2c.is_some() || facts.heartbeats.is_some()
}
