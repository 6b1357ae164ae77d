//! The subprotocols that are known, how each is detected, and what its heartbeats look like.

use crate::model::Direction;
use crate::ws::{Opcode, ShortMessage};

/// A protocol above WebSocket with a keep-alive of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Engine.IO 3, used by Socket.IO 2: the client pings.
    EngineIo3,
    /// Engine.IO 4, used by Socket.IO 3 and 4: the server pings.
    EngineIo4,
    /// ASP.NET Core SignalR with its JSON protocol.
    SignalR,
    /// The GraphQL subprotocol of the graphql-ws library.
    GraphqlTransport,
    /// The older GraphQL subprotocol of the subscriptions-transport-ws library.
    GraphqlLegacy,
    /// STOMP 1.0 to 1.2.
    Stomp,
}

/// How the protocol of a connection was detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The negotiated `Sec-WebSocket-Protocol`.
    Subprotocol,
    /// The request target.
    Target,
    /// One of the first messages.
    Messages,
}

/// The role of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeartbeatKind {
    /// The other side must answer it.
    Ping,
    /// The answer to a ping.
    Pong,
    /// It is not answered.
    OneWay,
}

impl Protocol {
    /// The name in the machine output.
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

    /// The name for people.
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

    /// Detects the protocol from the opening handshake: from the negotiated subprotocol, else from the query of the
    /// request target.
    pub(super) fn from_handshake(subprotocol: Option<&str>, target: &[u8]) -> Option<(Self, Evidence)> {
        let negotiated = match subprotocol {
            Some("graphql-transport-ws") => Some(Self::GraphqlTransport),
            Some("graphql-ws") => Some(Self::GraphqlLegacy),
            Some("v10.stomp" | "v11.stomp" | "v12.stomp") => Some(Self::Stomp),
            _ => None,
        };
        if let Some(protocol) = negotiated {
            return Some((protocol, Evidence::Subprotocol));
        }
        let query = target.splitn(2, |byte| *byte == b'?').nth(1)?;
        let has = |wanted: &[u8]| query.split(|byte| *byte == b'&').any(|part| part == wanted);
        let protocol = match (has(b"transport=websocket"), has(b"EIO=3"), has(b"EIO=4")) {
            (true, true, false) => Self::EngineIo3,
            (true, false, true) => Self::EngineIo4,
            _ => return None,
        };
        Some((protocol, Evidence::Target))
    }

    /// Detects the protocol from one of the first messages: the client's handshake request of SignalR or its CONNECT
    /// frame of STOMP.
    pub(super) fn from_message(direction: Direction, bytes: &[u8]) -> Option<Self> {
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

    /// The side whose pings the other side answers, in Engine.IO.
    pub(super) fn engine_io_pinger(self) -> Option<Direction> {
        match self {
            Self::EngineIo3 => Some(Direction::ClientToServer),
            Self::EngineIo4 => Some(Direction::ServerToClient),
            _ => None,
        }
    }

    /// What kind of heartbeat a message is; `None` if it is none.
    pub(super) fn heartbeat(
        self,
        direction: Direction,
        opcode: Opcode,
        bytes: &[u8],
    ) -> Option<HeartbeatKind> {
        let text = opcode == Opcode::Text;
        match self {
            Self::EngineIo3 | Self::EngineIo4 => {
                let pings = self.engine_io_pinger() == Some(direction);
                match bytes {
                    b"2" if text && pings => Some(HeartbeatKind::Ping),
                    b"3" if text && !pings => Some(HeartbeatKind::Pong),
                    _ => None,
                }
            }
            Self::SignalR => (text && without_whitespace(bytes, |bytes| bytes == b"{\"type\":6}\x1e"))
                .then_some(HeartbeatKind::OneWay),
            Self::GraphqlTransport if text => {
                let has_type = |name: &[u8]| {
                    without_whitespace(bytes, |bytes| {
                        bytes
                            .strip_prefix(b"{\"type\":\"")
                            .and_then(|rest| rest.strip_prefix(name))
                            .is_some_and(|rest| rest == b"\"}" || rest.starts_with(b"\","))
                    })
                };
                match (has_type(b"ping"), has_type(b"pong")) {
                    (true, _) => Some(HeartbeatKind::Ping),
                    (_, true) => Some(HeartbeatKind::Pong),
                    _ => None,
                }
            }
            Self::GraphqlLegacy => {
                let server = direction == Direction::ServerToClient;
                (text && server && without_whitespace(bytes, |bytes| bytes == b"{\"type\":\"ka\"}"))
                    .then_some(HeartbeatKind::OneWay)
            }
            Self::Stomp => matches!(bytes, b"\n" | b"\r\n").then_some(HeartbeatKind::OneWay),
            Self::GraphqlTransport => None,
        }
    }
}

impl Evidence {
    /// The name in the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subprotocol => "subprotocol",
            Self::Target => "target",
            Self::Messages => "messages",
        }
    }
}

/// Tests a short message without its white space; false for a message that is not short.
fn without_whitespace(bytes: &[u8], test: impl FnOnce(&[u8]) -> bool) -> bool {
    let mut buffer = [0u8; ShortMessage::LEN as usize];
    let mut len = 0;
    for byte in bytes.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
        let Some(slot) = buffer.get_mut(len) else { return false };
        *slot = *byte;
        len += 1;
    }
    test(buffer.get(..len).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const C2S: Direction = Direction::ClientToServer;
    const S2C: Direction = Direction::ServerToClient;

    #[test]
    fn a_handshake_has_a_protocol_only_where_it_names_one() {
        let of = |subprotocol, target: &[u8]| Protocol::from_handshake(subprotocol, target).map(|(it, _)| it);
        assert_eq!(of(Some("graphql-transport-ws"), b"/"), Some(Protocol::GraphqlTransport));
        assert_eq!(of(Some("graphql-ws"), b"/graphql"), Some(Protocol::GraphqlLegacy));
        assert_eq!(of(Some("v12.stomp"), b"/"), Some(Protocol::Stomp));
        assert_eq!(of(None, b"/socket.io/?EIO=4&transport=websocket"), Some(Protocol::EngineIo4));
        assert_eq!(of(None, b"/any/?transport=websocket&EIO=3&sid=x"), Some(Protocol::EngineIo3));
        for target in
            [&b"/socket.io/"[..], b"/?EIO=4&transport=polling", b"/?EIO=5&transport=websocket", b"/EIO=4"]
        {
            assert_eq!(of(None, target), None);
        }
        assert_eq!(of(Some("stomp"), b"/graphql"), None);
    }

    #[test]
    fn first_messages_of_signalr_and_stomp_are_detected_and_similar_ones_are_not() {
        let of = Protocol::from_message;
        assert_eq!(of(C2S, b"{\"protocol\":\"json\",\"version\":1}\x1e"), Some(Protocol::SignalR));
        assert_eq!(of(C2S, b"{\"protocol\":\"json\",\"version\":1}"), None);
        assert_eq!(of(S2C, b"{\"protocol\":\"json\",\"version\":1}\x1e"), None);
        assert_eq!(of(C2S, b"CONNECT\naccept-version:1.2\nhost:x\n\n\0"), Some(Protocol::Stomp));
        assert_eq!(of(C2S, b"CONNECT me to\naccept-version:1.2\n\0"), None);
    }

    #[test]
    fn only_a_protocols_own_heartbeats_are_heartbeats() {
        let of =
            |protocol: Protocol, direction, bytes: &[u8]| protocol.heartbeat(direction, Opcode::Text, bytes);
        use Protocol::{EngineIo3, EngineIo4, GraphqlLegacy, GraphqlTransport, SignalR, Stomp};
        assert_eq!(of(EngineIo4, S2C, b"2"), Some(HeartbeatKind::Ping));
        assert_eq!(of(EngineIo4, C2S, b"3"), Some(HeartbeatKind::Pong));
        assert_eq!(of(EngineIo4, C2S, b"2"), None);
        assert_eq!(of(EngineIo3, C2S, b"2"), Some(HeartbeatKind::Ping));
        assert_eq!(of(EngineIo3, C2S, b"2probe"), None);
        assert_eq!(EngineIo4.heartbeat(S2C, Opcode::Binary, b"2"), None);
        assert_eq!(of(SignalR, C2S, b"{\"type\": 6}\x1e"), Some(HeartbeatKind::OneWay));
        assert_eq!(of(SignalR, C2S, b"{\"type\":61}\x1e"), None);
        assert_eq!(of(GraphqlTransport, S2C, b"{\"type\": \"ping\"}"), Some(HeartbeatKind::Ping));
        assert_eq!(
            of(GraphqlTransport, S2C, b"{\"type\":\"pong\",\"payload\":{}}"),
            Some(HeartbeatKind::Pong)
        );
        assert_eq!(of(GraphqlTransport, S2C, b"{\"type\":\"pinged\"}"), None);
        assert_eq!(of(GraphqlLegacy, S2C, b"{\"type\":\"ka\"}"), Some(HeartbeatKind::OneWay));
        assert_eq!(of(GraphqlLegacy, C2S, b"{\"type\":\"ka\"}"), None);
        assert_eq!(of(Stomp, C2S, b"\n"), Some(HeartbeatKind::OneWay));
        assert_eq!(of(Stomp, C2S, b"\n\n"), None);
    }
}
