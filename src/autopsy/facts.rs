//! What is known of a connection's end.

use crate::model::{Direction, PerDirection, Place, Severity};
use crate::pipeline::{Ended, Ending, State};
use crate::subproto::Heartbeats;
use crate::ws::{Closing, Pinging};

/// What is known of a connection's end, from the pipeline alone.
#[derive(Clone, Debug)]
pub struct EndFacts {
    /// How it stands.
    pub state: State,
    /// How its bytes ended.
    pub ending: Ending,
    /// The packet that completed the response; where that was not captured, the request, or the first packet.
    pub opened: Option<Place>,
    /// The first Close.
    pub closing: Option<Closing>,
    /// The pings of each side.
    pub pings: PerDirection<Option<Pinging>>,
    /// The heartbeats of its subprotocol.
    pub heartbeats: Option<Box<Heartbeats>>,
    /// Bytes may be missing: what was not seen may have been said.
    pub lossy: bool,
    /// Findings of severity error.
    pub errors: u64,
    /// It runs inside HTTP/2: its end is that of a stream.
    pub stream: bool,
}

impl EndFacts {
    /// The facts of a connection at its end.
    #[must_use]
    pub fn of(ended: &Ended<'_>) -> Self {
        let connection = ended.connection;
        let socket = ended.socket;
        let foreign = connection.handshake.foreign.as_ref().map(|foreign| foreign.place);
        let answer = connection.response.map(|place| place.last).or(foreign);
        let asked = connection.request.map_or(connection.first, |place| place.last);
        Self {
            state: ended.state,
            ending: ended.ending.clone(),
            opened: answer.or(Some(asked).filter(|place| place.packet > 0)),
            closing: socket.and_then(|socket| socket.closing().cloned()),
            pings: PerDirection {
                c2s: socket.and_then(|socket| socket.pinging(Direction::ClientToServer)),
                s2c: socket.and_then(|socket| socket.pinging(Direction::ServerToClient)),
            },
            heartbeats: ended.heartbeats.cloned().map(Box::new),
            lossy: ended.gaps.0 > 0 || socket.is_some_and(|socket| socket.is_unsure()),
            errors: ended.findings.of(Severity::Error),
            stream: connection.stream_id.is_some(),
        }
    }
}
