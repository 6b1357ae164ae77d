//! Keep-alive and ends over all connections.

use std::collections::BTreeMap;

use crate::autopsy::{EndFacts, examine};
use crate::model::{Direction, Histogram, PerDirection};

/// Pings or heartbeats of one side, of all connections.
#[derive(Clone, Debug, Default)]
pub(super) struct SentHeartbeats {
    /// How many.
    pub sent: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Pings without a pong; of heartbeats, those that wait at the end.
    pub missed: u64,
    /// Between one and the next of a connection.
    pub interval: Histogram,
    /// From one to its answer.
    pub rtt: Histogram,
}

/// Connections by who ended them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct By {
    pub client: u64,
    pub server: u64,
    pub unknown: u64,
}

impl By {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.client + self.server + self.unknown
    }

    /// Those of each side, and those of which it is not known.
    pub fn sides(&self) -> [(&'static str, u64); 3] {
        [("client", self.client), ("server", self.server), ("unknown", self.unknown)]
    }
}

/// What was gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct KeepAlive {
    /// Ping frames, by who sent them.
    pub pings: PerDirection<SentHeartbeats>,
    /// Heartbeats of subprotocols: by protocol and side, with the number of connections.
    pub above: BTreeMap<&'static str, (u64, PerDirection<SentHeartbeats>)>,
    /// Connections by what ended them, and by who did.
    pub ends: BTreeMap<&'static str, By>,
    /// Connections by causes that fit.
    pub causes: BTreeMap<&'static str, u64>,
}

impl KeepAlive {
    /// Adds a connection at its end.
    pub fn add(&mut self, facts: &EndFacts) {
        let verdict = examine(facts);
        let by = self.ends.entry(verdict.kind.name()).or_default();
        *match verdict.by {
            Some(Direction::ClientToServer) => &mut by.client,
            Some(Direction::ServerToClient) => &mut by.server,
            None => &mut by.unknown,
        } += 1;
        for cause in &verdict.causes {
            *self.causes.entry(cause.name()).or_default() += 1;
        }
        for by in Direction::BOTH {
            if let Some(pings) = facts.pings.of(by) {
                let sums = self.pings.of_mut(by);
                sums.sent = sums.sent.saturating_add(pings.sent);
                sums.answered = sums.answered.saturating_add(pings.answered);
                sums.missed = sums.missed.saturating_add(pings.missed);
                sums.interval.merge(&pings.interval);
                sums.rtt.merge(&pings.rtt);
            }
        }
        let Some(heartbeats) = &facts.heartbeats else { return };
        let (connections, sides) = self.above.entry(heartbeats.protocol.name()).or_default();
        *connections += 1;
        for by in Direction::BOTH {
            let (side, sums) = (heartbeats.sides.of(by), sides.of_mut(by));
            sums.sent = sums.sent.saturating_add(side.sent);
            sums.answered = sums.answered.saturating_add(side.answered);
            sums.missed += u64::from(side.unanswered.is_some());
            sums.interval.merge(&side.interval);
            sums.rtt.merge(&side.rtt);
        }
    }

    /// Whether there is any ping, or a protocol with heartbeats.
    pub fn any(&self) -> bool {
        self.pings.c2s.sent + self.pings.s2c.sent > 0 || !self.above.is_empty()
    }
}
