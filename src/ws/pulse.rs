//! Keep-alive above WebSocket: what subprotocols send to say that they are there.
//!
//! | dialect | who says what |
//! | --- | --- |
//! | Engine.IO (Socket.IO) | text `2`, answered with `3`: version 4 from the server, version 3 from the client |
//! | SignalR | `{"type":6}` and 0x1E from either side; nothing answers it |
//! | graphql-transport-ws | `{"type":"ping"}`, answered with `{"type":"pong"}`, from either side |
//! | graphql-ws | `{"type":"ka"}` from the server |
//! | STOMP | a lone line end from either side, as its `heart-beat` headers agree |
//!
//! They are counted only where the dialect is known: by `Sec-WebSocket-Protocol`, by the request's target, or by what
//! the first messages say.

use super::Opcode;
use crate::model::{Direction, Histogram, PerDirection, Place};

/// Messages from the first on that may tell the dialect and what was agreed on.
pub(super) const EARLY: u64 = 4;
/// Bytes of such a message that are looked at.
pub(super) const EARLY_LEN: u64 = 1024;
/// Bytes of the longest heartbeat that is known.
pub(super) const BEAT_LEN: u64 = 64;

/// A protocol above WebSocket that has a keep-alive of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Engine.IO 3, under Socket.IO 2: the client pings.
    EngineIo3,
    /// Engine.IO 4, under Socket.IO 3 and 4: the server pings.
    EngineIo4,
    /// SignalR for ASP.NET Core, JSON.
    SignalR,
    /// The GraphQL subprotocol of the library graphql-ws.
    GraphqlTransport,
    /// The older GraphQL subprotocol of subscriptions-transport-ws.
    GraphqlLegacy,
    /// STOMP 1.0 to 1.2.
    Stomp,
}

impl Dialect {
    /// The word of the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EngineIo3 => "engine.io-3",
            Self::EngineIo4 => "engine.io-4",
            Self::SignalR => "signalr",
            Self::GraphqlTransport => "graphql-transport-ws",
            Self::GraphqlLegacy => "graphql-ws",
            Self::Stomp => "stomp",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::EngineIo3 => "Engine.IO 3",
            Self::EngineIo4 => "Engine.IO 4",
            Self::SignalR => "SignalR",
            Self::GraphqlTransport => "graphql-transport-ws",
            Self::GraphqlLegacy => "graphql-ws",
            Self::Stomp => "STOMP",
        }
    }

    /// The dialect that a handshake says: its subprotocol as agreed, or the request's target.
    #[must_use]
    pub fn of_handshake(subprotocol: Option<&str>, target: &[u8]) -> Option<(Self, ToldBy)> {
        let named = match subprotocol {
            Some("graphql-transport-ws") => Some(Self::GraphqlTransport),
            Some("graphql-ws") => Some(Self::GraphqlLegacy),
            Some("v10.stomp" | "v11.stomp" | "v12.stomp") => Some(Self::Stomp),
            _ => None,
        };
        if let Some(dialect) = named {
            return Some((dialect, ToldBy::Subprotocol));
        }
        let query = target.splitn(2, |byte| *byte == b'?').nth(1)?;
        let has = |wanted: &[u8]| query.split(|byte| *byte == b'&').any(|part| part == wanted);
        let dialect = match (has(b"transport=websocket"), has(b"EIO=3"), has(b"EIO=4")) {
            (true, true, false) => Self::EngineIo3,
            (true, false, true) => Self::EngineIo4,
            _ => return None,
        };
        Some((dialect, ToldBy::Target))
    }

    /// The dialect that one of the first messages tells.
    fn of_message(direction: Direction, bytes: &[u8]) -> Option<Self> {
        if direction != Direction::ClientToServer {
            return None;
        }
        let has = |wanted: &[u8]| bytes.windows(wanted.len()).any(|part| part == wanted);
        if bytes.starts_with(b"{")
            && bytes.ends_with(b"}\x1e")
            && has(b"\"protocol\"")
            && has(b"\"json\"")
            && has(b"\"version\"")
        {
            return Some(Self::SignalR);
        }
        let connects = bytes.starts_with(b"CONNECT\n")
            || bytes.starts_with(b"STOMP\n")
            || bytes.starts_with(b"CONNECT\r\n")
            || bytes.starts_with(b"STOMP\r\n");
        (connects && has(b"accept-version:") && bytes.contains(&0)).then_some(Self::Stomp)
    }

    /// What a message is to the keep-alive of this dialect.
    fn beat(self, direction: Direction, opcode: Opcode, bytes: &[u8]) -> Option<Beat> {
        let text = opcode == Opcode::Text;
        match self {
            Self::EngineIo3 | Self::EngineIo4 => {
                let asks = if self == Self::EngineIo3 {
                    Direction::ClientToServer
                } else {
                    Direction::ServerToClient
                };
                match bytes {
                    b"2" if text && direction == asks => Some(Beat::Ping),
                    b"3" if text && direction != asks => Some(Beat::Pong),
                    _ => None,
                }
            }
            Self::SignalR => {
                (text && squeezed(bytes, |bytes| bytes == b"{\"type\":6}\x1e")).then_some(Beat::Alone)
            }
            Self::GraphqlTransport if text => {
                let says = |word: &[u8]| {
                    squeezed(bytes, |bytes| {
                        bytes
                            .strip_prefix(b"{\"type\":\"")
                            .and_then(|rest| rest.strip_prefix(word))
                            .is_some_and(|rest| rest == b"\"}" || rest.starts_with(b"\","))
                    })
                };
                match (says(b"ping"), says(b"pong")) {
                    (true, _) => Some(Beat::Ping),
                    (_, true) => Some(Beat::Pong),
                    _ => None,
                }
            }
            Self::GraphqlLegacy => {
                let server = direction == Direction::ServerToClient;
                (text && server && squeezed(bytes, |bytes| bytes == b"{\"type\":\"ka\"}"))
                    .then_some(Beat::Alone)
            }
            Self::Stomp => matches!(bytes, b"\n" | b"\r\n").then_some(Beat::Alone),
            Self::GraphqlTransport => None,
        }
    }
}

/// Asks something of short bytes without their white space.
fn squeezed(bytes: &[u8], ask: impl FnOnce(&[u8]) -> bool) -> bool {
    let mut room = [0u8; BEAT_LEN as usize];
    let mut len = 0;
    for byte in bytes.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
        let Some(place) = room.get_mut(len) else { return false };
        *place = *byte;
        len += 1;
    }
    ask(room.get(..len).unwrap_or_default())
}

/// What told the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// `Sec-WebSocket-Protocol`.
    Subprotocol,
    /// The request's target.
    Target,
    /// The first messages.
    Messages,
}

impl ToldBy {
    /// The word of the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subprotocol => "subprotocol",
            Self::Target => "target",
            Self::Messages => "messages",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    /// Wants an answer.
    Ping,
    /// Is one.
    Pong,
    /// Neither.
    Alone,
}

/// The heartbeats that one side sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beats {
    /// Those that want an answer, and those of dialects without answers.
    pub sent: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Answers of the other side's heartbeats.
    pub answers: u64,
    /// Between one and the next.
    pub interval: Histogram,
    /// From one to its answer.
    pub rtt: Histogram,
    /// The last one.
    pub last: Option<Place>,
    /// The oldest one that wants an answer and has none.
    pub waiting: Option<Place>,
    /// How often it said it would send one, in nanoseconds; for Engine.IO, how often the pinging side does.
    pub agreed: Option<i64>,
}

/// The keep-alive of a dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Which it is.
    pub dialect: Dialect,
    /// What told it.
    pub told_by: ToldBy,
    /// The heartbeats of each side.
    pub sides: PerDirection<Beats>,
    /// How long an answer is waited for, in nanoseconds, where that was said (Engine.IO's `pingTimeout`).
    pub timeout: Option<i64>,
    /// STOMP's `heart-beat` headers in milliseconds: what the client and the server can send and want.
    offers: PerDirection<Option<(u64, u64)>>,
}

impl Pulse {
    pub(super) fn new(dialect: Dialect, told_by: ToldBy) -> Self {
        Self {
            dialect,
            told_by,
            sides: PerDirection::default(),
            timeout: None,
            offers: PerDirection::default(),
        }
    }

    /// What one of the first messages tells: a dialect that is not known yet.
    pub(super) fn begins(direction: Direction, bytes: &[u8]) -> Option<Self> {
        Dialect::of_message(direction, bytes).map(|dialect| Self::new(dialect, ToldBy::Messages))
    }

    /// One of the first messages: what is agreed on.
    pub(super) fn agree(&mut self, direction: Direction, bytes: &[u8]) {
        match self.dialect {
            Dialect::EngineIo3 | Dialect::EngineIo4
                if direction == Direction::ServerToClient && bytes.starts_with(b"0{") =>
            {
                let interval = number_after(bytes, b"\"pingInterval\":").and_then(nanoseconds);
                let asks = if self.dialect == Dialect::EngineIo3 {
                    &mut self.sides.c2s
                } else {
                    &mut self.sides.s2c
                };
                asks.agreed = interval;
                self.timeout = number_after(bytes, b"\"pingTimeout\":").and_then(nanoseconds);
            }
            Dialect::Stomp => {
                let Some(can) = number_after(bytes, b"\nheart-beat:") else { return };
                let line = bytes.split(|byte| *byte == b'\n').find(|line| line.starts_with(b"heart-beat:"));
                let Some(wants) = line.and_then(|line| number_after(line, b",")) else { return };
                *self.offers.of_mut(direction) = Some((can, wants));
                let PerDirection { c2s: Some((client, from_server)), s2c: Some((server, from_client)) } =
                    self.offers
                else {
                    return;
                };
                // STOMP 1.2, "Heart-beating": none where either says 0, else the longer of the two.
                let agree = |can: u64, wants: u64| {
                    Some(can.max(wants)).filter(|_| can > 0 && wants > 0).and_then(nanoseconds)
                };
                self.sides.c2s.agreed = agree(client, from_client);
                self.sides.s2c.agreed = agree(server, from_server);
            }
            _ => {}
        }
    }

    /// A whole message, no longer than [`BEAT_LEN`].
    pub(super) fn hear(&mut self, direction: Direction, opcode: Opcode, bytes: &[u8], place: Place) {
        let Some(beat) = self.dialect.beat(direction, opcode, bytes) else { return };
        if beat == Beat::Pong {
            let own = self.sides.of_mut(direction);
            own.answers = own.answers.saturating_add(1);
            let asked = self.sides.of_mut(direction.opposite());
            if let Some(ping) = asked.waiting.take() {
                asked.answered = asked.answered.saturating_add(1);
                asked.rtt.add(place.time.since(ping.time));
            }
            return;
        }
        let own = self.sides.of_mut(direction);
        own.sent = own.sent.saturating_add(1);
        if let Some(last) = own.last {
            own.interval.add(place.time.since(last.time));
        }
        own.last = Some(place);
        if beat == Beat::Ping {
            own.waiting.get_or_insert(place);
        }
    }

    /// Bytes of memory that it holds beside itself, about.
    pub(super) fn size(&self) -> usize {
        [&self.sides.c2s, &self.sides.s2c]
            .iter()
            .map(|side| side.interval.heap_size() + side.rtt.heap_size())
            .sum()
    }
}

fn nanoseconds(milliseconds: u64) -> Option<i64> {
    i64::try_from(milliseconds).ok()?.checked_mul(1_000_000)
}

/// The number behind a word.
fn number_after(bytes: &[u8], word: &[u8]) -> Option<u64> {
    let at = bytes.windows(word.len()).position(|part| part == word)?;
    let rest = bytes.get(at + word.len()..)?;
    let digits = rest.iter().skip_while(|byte| **byte == b' ').take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |sum: Option<u64>, digit| {
        Some(sum.unwrap_or(0).saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    const C2S: Direction = Direction::ClientToServer;
    const S2C: Direction = Direction::ServerToClient;

    #[test]
    fn a_handshake_tells_a_dialect_only_where_it_says_so() {
        let of = |subprotocol, target: &[u8]| Dialect::of_handshake(subprotocol, target).map(|(it, _)| it);
        assert_eq!(of(Some("graphql-transport-ws"), b"/"), Some(Dialect::GraphqlTransport));
        assert_eq!(of(Some("graphql-ws"), b"/graphql"), Some(Dialect::GraphqlLegacy));
        assert_eq!(of(Some("v12.stomp"), b"/"), Some(Dialect::Stomp));
        assert_eq!(of(None, b"/socket.io/?EIO=4&transport=websocket"), Some(Dialect::EngineIo4));
        assert_eq!(of(None, b"/any/?transport=websocket&EIO=3&sid=x"), Some(Dialect::EngineIo3));
        for target in
            [&b"/socket.io/"[..], b"/?EIO=4&transport=polling", b"/?EIO=5&transport=websocket", b"/EIO=4"]
        {
            assert_eq!(of(None, target), None);
        }
        assert_eq!(of(Some("stomp"), b"/graphql"), None);
    }

    #[test]
    fn first_messages_tell_signalr_and_stomp_and_nothing_like_them() {
        let of = Dialect::of_message;
        assert_eq!(of(C2S, b"{\"protocol\":\"json\",\"version\":1}\x1e"), Some(Dialect::SignalR));
        assert_eq!(of(C2S, b"{\"protocol\":\"json\",\"version\":1}"), None);
        assert_eq!(of(S2C, b"{\"protocol\":\"json\",\"version\":1}\x1e"), None);
        assert_eq!(of(C2S, b"CONNECT\naccept-version:1.2\nhost:x\n\n\0"), Some(Dialect::Stomp));
        assert_eq!(of(C2S, b"CONNECT me to\naccept-version:1.2\n\0"), None);
    }

    #[test]
    fn only_a_dialects_own_words_are_heartbeats() {
        let beat = |dialect: Dialect, direction, bytes: &[u8]| dialect.beat(direction, Opcode::Text, bytes);
        use Dialect::{EngineIo3, EngineIo4, GraphqlLegacy, GraphqlTransport, SignalR, Stomp};
        assert_eq!(beat(EngineIo4, S2C, b"2"), Some(Beat::Ping));
        assert_eq!(beat(EngineIo4, C2S, b"3"), Some(Beat::Pong));
        assert_eq!(beat(EngineIo4, C2S, b"2"), None);
        assert_eq!(beat(EngineIo3, C2S, b"2"), Some(Beat::Ping));
        assert_eq!(beat(EngineIo3, C2S, b"2probe"), None);
        assert_eq!(EngineIo4.beat(S2C, Opcode::Binary, b"2"), None);
        assert_eq!(beat(SignalR, C2S, b"{\"type\": 6}\x1e"), Some(Beat::Alone));
        assert_eq!(beat(SignalR, C2S, b"{\"type\":61}\x1e"), None);
        assert_eq!(beat(GraphqlTransport, S2C, b"{\"type\": \"ping\"}"), Some(Beat::Ping));
        assert_eq!(beat(GraphqlTransport, S2C, b"{\"type\":\"pong\",\"payload\":{}}"), Some(Beat::Pong));
        assert_eq!(beat(GraphqlTransport, S2C, b"{\"type\":\"pinged\"}"), None);
        assert_eq!(beat(GraphqlLegacy, S2C, b"{\"type\":\"ka\"}"), Some(Beat::Alone));
        assert_eq!(beat(GraphqlLegacy, C2S, b"{\"type\":\"ka\"}"), None);
        assert_eq!(beat(Stomp, C2S, b"\n"), Some(Beat::Alone));
        assert_eq!(beat(Stomp, C2S, b"\n\n"), None);
    }

    #[test]
    fn what_was_agreed_is_read_from_the_first_messages() {
        let mut pulse = Pulse::new(Dialect::EngineIo4, ToldBy::Target);
        pulse.agree(S2C, b"0{\"sid\":\"x\",\"pingInterval\":25000,\"pingTimeout\":20000}");
        assert_eq!((pulse.sides.s2c.agreed, pulse.timeout), (Some(25_000_000_000), Some(20_000_000_000)));
        let mut pulse = Pulse::new(Dialect::Stomp, ToldBy::Subprotocol);
        pulse.agree(C2S, b"CONNECT\nheart-beat:1000,0\n\n\0");
        pulse.agree(S2C, b"CONNECTED\nversion:1.2\nheart-beat:5000,4000\n\n\0");
        assert_eq!((pulse.sides.c2s.agreed, pulse.sides.s2c.agreed), (Some(4_000_000_000), None));
    }

    #[test]
    fn a_ping_waits_for_its_answer() {
        let mut pulse = Pulse::new(Dialect::EngineIo4, ToldBy::Target);
        let at = |packet, seconds: i64| Place { packet, time: Time(seconds * 1_000_000_000) };
        pulse.hear(S2C, Opcode::Text, b"2", at(1, 0));
        pulse.hear(C2S, Opcode::Text, b"3", at(2, 1));
        pulse.hear(S2C, Opcode::Text, b"2", at(3, 25));
        let side = &pulse.sides.s2c;
        assert_eq!((side.sent, side.answered, side.waiting), (2, 1, Some(at(3, 25))));
        assert_eq!((side.rtt.max(), side.interval.max()), (Some(1_000_000_000), Some(25_000_000_000)));
        assert_eq!(pulse.sides.c2s.answers, 1);
    }
}
