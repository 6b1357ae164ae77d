//! TCP connections that never opened, to servers where WebSockets are: counted by client and server, reported at the
//! capture's end.
//!
//! Nothing is kept of a connection that opens at once. What is kept is bounded: a scan fills no memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ConnectionId, Endpoint, Nanos, Place, Time, lasted};

/// Pairs of a client and a server that are kept; connections whose SYN was retransmitted; servers with WebSockets.
const MOST: usize = 4096;

/// Servers of WebSockets, and of attempts to open one.
#[derive(Debug, Default)]
pub(super) struct Servers {
    ports: BTreeSet<u16>,
    addresses: BTreeSet<[u8; 16]>,
    latest: Endpoint,
}

impl Servers {
    pub(super) fn note(&mut self, server: Endpoint) {
        if server != self.latest && self.addresses.len() < MOST {
            self.latest = server;
            self.ports.insert(server.port);
            self.addresses.insert(server.ip);
        }
    }

    /// Whether WebSockets are on this server's port or address.
    fn knows(&self, server: &Endpoint) -> bool {
        self.ports.contains(&server.port) || self.addresses.contains(&server.ip)
    }
}

/// Attempts of one client at one server that failed.
#[derive(Clone, Copy, Debug)]
struct Failed {
    /// Connections.
    unanswered: u64,
    /// SYNs of these.
    syns: u64,
    /// Connections that a RST refused, and nanoseconds from the SYN to the latest one.
    refused: u64,
    after: Nanos,
    begin: Time,
    last: Place,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server answered the SYN with a RST.
    Refused,
    /// It answered no SYN.
    Unanswered,
}

/// An attempt that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) tcp: ConnectionId,
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) syns: u8,
    /// The time of the latest SYN.
    pub(super) latest: Time,
}

/// Attempts that failed.
#[derive(Debug, Default)]
pub(super) struct ConnectAttempts {
    failed: BTreeMap<([u8; 16], Endpoint), Failed>,
    /// Connections whose SYN was retransmitted: the time of the first one, the packet of the latest.
    retried: BTreeMap<u32, (Time, Place)>,
}

impl ConnectAttempts {
    /// A SYN was retransmitted in packet `place`; `previous`: the time of the one before.
    pub(super) fn retried(&mut self, tcp: ConnectionId, previous: Time, place: Place) {
        if let Some((_, latest)) = self.retried.get_mut(&tcp.0) {
            *latest = place;
        } else if self.retried.len() < MOST {
            self.retried.insert(tcp.0, (previous, place));
        }
    }

    /// A connection whose SYN was retransmitted opened.
    pub(super) fn opened(&mut self, tcp: ConnectionId) {
        self.retried.remove(&tcp.0);
    }

    /// An attempt failed. `place`: the packet at which that is known.
    pub(super) fn failed(&mut self, attempt: &Attempt, failure: Failure, place: Place) {
        let (begin, latest) = self.retried.remove(&attempt.tcp.0).unwrap_or((attempt.latest, place));
        let place = if failure == Failure::Unanswered { latest } else { place };
        let key = (attempt.client.ip, attempt.server);
        if self.failed.len() >= MOST && !self.failed.contains_key(&key) {
            return;
        }
        let none = Failed { unanswered: 0, syns: 0, refused: 0, after: Nanos::ZERO, begin, last: place };
        let failed = self.failed.entry(key).or_insert(none);
        failed.begin = failed.begin.min(begin);
        failed.last = failed.last.max(place);
        match failure {
            Failure::Refused => {
                failed.refused += 1;
                failed.after = place.time.since(attempt.latest).max(Nanos::ZERO);
            }
            Failure::Unanswered => {
                failed.unanswered += 1;
                failed.syns += u64::from(attempt.syns);
            }
        }
    }

    /// A sentence for each client and server with WebSockets, with the packet at which the last attempt had failed.
    pub(super) fn findings(&self, servers: &Servers, ports: &[u16]) -> Vec<(Place, String)> {
        let wanted = |server: &Endpoint| ports.contains(&server.port) || servers.knows(server);
        let mut findings: Vec<_> = self
            .failed
            .iter()
            .filter(|((_, server), _)| wanted(server))
            .map(|((client, server), failed)| {
                let client = Endpoint { ip: *client, port: 0 }.address();
                (failed.last, format!("{client} could not connect to {server}: {}", failed.words()))
            })
            .collect();
        findings.sort_by_key(|(place, _)| place.packet);
        findings
    }
}

impl Failed {
    fn words(&self) -> String {
        let counted = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let span = lasted(self.last.time.since(self.begin).max(Nanos::ZERO));
        let unanswered = || format!("{} got no answer", counted(self.syns, "SYN"));
        let refused = || format!("RST in answer to the SYN, {} after it", lasted(self.after));
        match (self.unanswered, self.refused) {
            (unanswered_count, 0) => {
                format!("{} in {span}, {}", counted(unanswered_count, "attempt"), unanswered())
            }
            (0, 1) => format!("1 attempt, {}", refused()),
            (0, refused_count) => {
                format!("{} in {span}, each got a {}", counted(refused_count, "attempt"), refused())
            }
            (a, b) => format!(
                "{} in {span}: {a} without an answer ({}), {b} with a {}",
                counted(a + b, "attempt"),
                counted(self.syns, "SYN"),
                refused()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_is_bounded_and_only_servers_with_websockets_are_reported() {
        let mut attempts = ConnectAttempts::default();
        let mut servers = Servers::default();
        servers.note(Endpoint::v4([10, 0, 0, 1], 8080));
        let client = Endpoint::v4([10, 1, 0, 2], 50_000);
        let place = Place { packet: 9, time: Time(3_000_000_000) };
        for n in 0..20_000u32 {
            let [_, a, b, c] = n.to_be_bytes();
            let server = Endpoint::v4([a, 1, b, c], 22);
            let attempt = Attempt { tcp: ConnectionId(n), client, server, syns: 1, latest: Time(0) };
            attempts.retried(attempt.tcp, Time(0), place);
            attempts.failed(&attempt, Failure::Unanswered, place);
        }
        assert_eq!((attempts.failed.len(), attempts.retried.len()), (MOST, 0));
        assert!(attempts.findings(&servers, &[]).is_empty());
        assert_eq!(attempts.findings(&servers, &[22]).len(), MOST);
    }

    #[test]
    fn how_often_and_how_long_is_in_the_sentence() {
        let mut attempts = ConnectAttempts::default();
        let (client, server) = (Endpoint::v4([10, 1, 0, 2], 50_000), Endpoint::v4([10, 0, 0, 1], 8080));
        let attempt = |tcp, syns, latest| Attempt { tcp: ConnectionId(tcp), client, server, syns, latest };
        let at = |packet, time| Place { packet, time: Time(time) };
        attempts.retried(ConnectionId(1), Time(0), at(3, 1_000_000_000));
        attempts.retried(ConnectionId(1), Time(0), at(26, 15_000_000_000));
        attempts.failed(&attempt(1, 5, Time(15_000_000_000)), Failure::Unanswered, at(28, 32_000_000_000));
        let findings =
            |attempts: &ConnectAttempts| attempts.findings(&Servers::default(), &[8080]).remove(0).1;
        assert_eq!(
            findings(&attempts),
            "10.1.0.2 could not connect to 10.0.0.1:8080: 1 attempt in 15.0 s, 5 SYNs got no answer"
        );
        attempts.failed(&attempt(2, 1, Time(16_000_000_000)), Failure::Refused, at(30, 16_001_000_000));
        assert!(
            findings(&attempts).contains("2 attempts in 16.0 s: 1 without an answer (5 SYNs), 1 with a RST")
        );
    }
}
