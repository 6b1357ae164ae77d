//! The heartbeats of one connection.

use super::protocol::{Evidence, HeartbeatKind, Protocol};
use crate::model::{Direction, Histogram, Nanos, PerDirection, Place};
use crate::ws::{Opcode, ShortMessage};

/// The heartbeats of one side of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideHeartbeats {
    /// Heartbeats it sent, without its pongs.
    pub sent: u64,
    /// Those of its pings that got a pong.
    pub answered: u64,
    /// Pongs it sent.
    pub pongs: u64,
    /// Times between two of its heartbeats.
    pub interval: Histogram,
    /// Times from a ping to its pong.
    pub rtt: Histogram,
    /// Its last heartbeat.
    pub last: Option<Place>,
    /// The oldest of its pings that has no pong.
    pub unanswered: Option<Place>,
    /// The negotiated time between two of its heartbeats, in nanoseconds.
    pub negotiated: Option<Nanos>,
}

/// The subprotocol of a connection and its heartbeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeats {
    /// The subprotocol.
    pub protocol: Protocol,
    /// How it was detected.
    pub evidence: Evidence,
    /// The heartbeats of each side.
    pub sides: PerDirection<SideHeartbeats>,
    /// How long a pong may take, in nanoseconds, where that was negotiated (`pingTimeout` of Engine.IO).
    pub timeout: Option<Nanos>,
    /// The `heart-beat` headers of STOMP: the shortest interval at which the side can send heartbeats, and the one at
    /// which it wants to receive them, in milliseconds; 0 is never.
    offers: PerDirection<Option<(u64, u64)>>,
}

/// Takes a message into account: detects the protocol, reads what it negotiates, counts a heartbeat. `heartbeats` is
/// `None` as long as the protocol is not known. Returns whether further short messages are wanted.
pub fn on_message(heartbeats: &mut Option<Box<Heartbeats>>, message: &ShortMessage<'_>) -> bool {
    let ShortMessage { direction, opcode, bytes, last, .. } = *message;
    if message.is_opening() && heartbeats.is_none() {
        *heartbeats = Heartbeats::detect(direction, bytes).map(Box::new);
    }
    let Some(heartbeats) = heartbeats else { return false };
    if message.is_opening() {
        heartbeats.negotiate(direction, bytes);
    }
    if message.is_short() {
        heartbeats.on_message(direction, opcode, bytes, last);
    }
    true
}

impl Heartbeats {
    fn new(protocol: Protocol, evidence: Evidence) -> Self {
        Self {
            protocol,
            evidence,
            sides: PerDirection::default(),
            timeout: None,
            offers: PerDirection::default(),
        }
    }

    /// Detects the protocol from the opening handshake. `subprotocol`: the negotiated `Sec-WebSocket-Protocol`;
    /// `target`: the target of the request, with its query.
    #[must_use]
    pub fn from_handshake(subprotocol: Option<&str>, target: &[u8]) -> Option<Self> {
        let (protocol, evidence) = Protocol::from_handshake(subprotocol, target)?;
        Some(Self::new(protocol, evidence))
    }

    /// Detects the protocol from one of the first messages.
    fn detect(direction: Direction, bytes: &[u8]) -> Option<Self> {
        Protocol::from_message(direction, bytes).map(|protocol| Self::new(protocol, Evidence::Messages))
    }

    /// Reads the negotiated interval and timeout from one of the first messages.
    fn negotiate(&mut self, direction: Direction, bytes: &[u8]) {
        match self.protocol {
            Protocol::EngineIo3 | Protocol::EngineIo4
                if direction == Direction::ServerToClient && bytes.starts_with(b"0{") =>
            {
                let interval = number_after(bytes, b"\"pingInterval\":").and_then(nanoseconds);
                if let Some(pinger) = self.protocol.engine_io_pinger() {
                    self.sides.of_mut(pinger).negotiated = interval;
                }
                self.timeout = number_after(bytes, b"\"pingTimeout\":").and_then(nanoseconds);
            }
            Protocol::Stomp => {
                let Some(can) = number_after(bytes, b"\nheart-beat:") else { return };
                let line = bytes.split(|byte| *byte == b'\n').find(|line| line.starts_with(b"heart-beat:"));
                let Some(wants) = line.and_then(|line| number_after(line, b",")) else { return };
                *self.offers.of_mut(direction) = Some((can, wants));
                let PerDirection { c2s: Some((client, from_server)), s2c: Some((server, from_client)) } =
                    self.offers
                else {
                    return;
                };
                // STOMP 1.2, "Heart-beating": none if either value is 0, else the longer of the two.
                let interval = |can: u64, wants: u64| {
                    Some(can.max(wants)).filter(|_| can > 0 && wants > 0).and_then(nanoseconds)
                };
                self.sides.c2s.negotiated = interval(client, from_client);
                self.sides.s2c.negotiated = interval(server, from_server);
            }
            _ => {}
        }
    }

    /// Counts the message if it is a heartbeat. `place`: the packet that completed it.
    fn on_message(&mut self, direction: Direction, opcode: Opcode, bytes: &[u8], place: Place) {
        let Some(kind) = self.protocol.heartbeat(direction, opcode, bytes) else { return };
        let own = self.sides.of_mut(direction);
        if kind == HeartbeatKind::Pong {
            own.pongs = own.pongs.saturating_add(1);
            let other = self.sides.of_mut(direction.opposite());
            if let Some(ping) = other.unanswered.take() {
                other.answered = other.answered.saturating_add(1);
                other.rtt.add(place.time.since(ping.time).0);
            }
            return;
        }
        own.sent = own.sent.saturating_add(1);
        if let Some(last) = own.last {
            own.interval.add(place.time.since(last.time).0);
        }
        own.last = Some(place);
        if kind == HeartbeatKind::Ping {
            own.unanswered.get_or_insert(place);
        }
    }

    /// Memory in use, in bytes, approximately.
    #[must_use]
    pub fn size(&self) -> usize {
        let histograms = |side: &SideHeartbeats| side.interval.heap_size() + side.rtt.heap_size();
        size_of::<Self>() + histograms(&self.sides.c2s) + histograms(&self.sides.s2c)
    }
}

fn nanoseconds(milliseconds: u64) -> Option<Nanos> {
    i64::try_from(milliseconds).ok()?.checked_mul(1_000_000).map(Nanos)
}

/// The decimal number that follows the first `prefix`, after any spaces.
fn number_after(bytes: &[u8], prefix: &[u8]) -> Option<u64> {
    let at = bytes.windows(prefix.len()).position(|part| part == prefix)?;
    let rest = bytes.get(at + prefix.len()..)?;
    let digits = rest.iter().skip_while(|byte| **byte == b' ').take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number: Option<u64>, digit| {
        Some(number.unwrap_or(0).saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    const C2S: Direction = Direction::ClientToServer;
    const S2C: Direction = Direction::ServerToClient;

    #[test]
    fn intervals_are_negotiated_in_the_first_messages() {
        let mut engine = Heartbeats::new(Protocol::EngineIo4, Evidence::Target);
        engine.negotiate(S2C, b"0{\"sid\":\"x\",\"pingInterval\":25000,\"pingTimeout\":20000}");
        let timing = (engine.sides.s2c.negotiated, engine.timeout);
        assert_eq!(timing, (Some(Nanos::seconds(25)), Some(Nanos::seconds(20))));
        let mut stomp = Heartbeats::new(Protocol::Stomp, Evidence::Subprotocol);
        stomp.negotiate(C2S, b"CONNECT\nheart-beat:1000,0\n\n\0");
        stomp.negotiate(S2C, b"CONNECTED\nversion:1.2\nheart-beat:5000,4000\n\n\0");
        assert_eq!((stomp.sides.c2s.negotiated, stomp.sides.s2c.negotiated), (Some(Nanos::seconds(4)), None));
    }

    #[test]
    fn a_ping_is_unanswered_until_its_pong() {
        let mut heartbeats = Heartbeats::new(Protocol::EngineIo4, Evidence::Target);
        let at = |packet, seconds: i64| Place { packet, time: Time(seconds * 1_000_000_000) };
        heartbeats.on_message(S2C, Opcode::Text, b"2", at(1, 0));
        heartbeats.on_message(C2S, Opcode::Text, b"3", at(2, 1));
        heartbeats.on_message(S2C, Opcode::Text, b"2", at(3, 25));
        let side = &heartbeats.sides.s2c;
        assert_eq!((side.sent, side.answered, side.unanswered), (2, 1, Some(at(3, 25))));
        assert_eq!(
            (side.rtt.max(), side.interval.max()),
            (Some(Nanos::seconds(1)), Some(Nanos::seconds(25)))
        );
        assert_eq!(heartbeats.sides.c2s.pongs, 1);
    }

    #[test]
    fn only_the_first_messages_are_used_for_detection() {
        let connect = b"CONNECT\naccept-version:1.2\nhost:x\n\n\0";
        let message = |number, bytes| ShortMessage {
            number,
            direction: C2S,
            opcode: Opcode::Text,
            bytes,
            last: Place::default(),
        };
        let mut unknown = None;
        assert!(!on_message(&mut unknown, &message(ShortMessage::OPENING + 1, connect)));
        assert!(!on_message(&mut unknown, &message(1, b"\n")));
        assert_eq!(unknown, None);
        assert!(on_message(&mut unknown, &message(2, connect)));
        assert!(on_message(&mut unknown, &message(9, b"\n")));
        let found = unknown.unwrap();
        assert_eq!((found.protocol, found.evidence), (Protocol::Stomp, Evidence::Messages));
        assert_eq!((found.sides.c2s.sent, found.sides.s2c.sent), (1, 0));
    }
}
