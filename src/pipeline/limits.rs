//! Every bound of the engine in one place, each with its reason.

use super::secrets::Secrets;
use crate::http::HeadLimits;
use crate::model::Nanos;
use crate::net::FragmentLimits;
use crate::ws::Depth;

/// Bounds. Reaching a bound is counted and reported, and the analysis continues.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections with stream state. 65,536: a busy host's, about 200 MB at the very worst.
    pub connections: usize,
    /// All TCP connections known, half-open ones and those without WebSocket included. A SYN flood
    /// costs 100 bytes each.
    pub flows: usize,
    /// Out-of-order bytes held of one stream. They are ranges, so this bounds waiting, not memory.
    pub held_bytes: u64,
    /// Out-of-order pieces held of one stream, 40 bytes each.
    pub held_pieces: usize,
    /// Memory of all connections together, with what belongs to them. 256 MiB: a small machine's share. Over it holes are
    /// given up, then connections that were silent for longest, then kept payloads and windows.
    pub memory: u64,
    /// Packets of the capture for which a hole, a missing SYN or a missing request is waited for.
    /// Reordering inside captures (several queues, merged files) is far shorter.
    pub wait_packets: u64,
    /// Capture time after which waiting ends even if fewer packets came (but at least 64): two
    /// retransmission timeouts.
    pub wait_time: Nanos,
    /// Capture time after which a hole that nobody acknowledged is given up.
    pub hole_time: Nanos,
    /// Idle capture time after which a half-open connection is forgotten.
    pub half_open_idle: Nanos,
    /// Idle capture time after which a connection that is no open WebSocket is closed as timed out.
    pub idle: Nanos,
    /// The same for an open WebSocket. Long: an idle one is normal, and what comes later could not be read.
    pub idle_websocket: Nanos,
    /// Connections up to which nobody is looked at for being idle.
    pub calm: usize,
    /// An HTTP head.
    pub head: HeadLimits,
    /// Unanswered requests of a connection.
    pub requests: usize,
    /// IP fragments.
    pub fragments: FragmentLimits,
    /// Payloads.
    pub depth: Depth,
    /// Findings of one rule that are listed for a connection, or for the capture. All are counted.
    pub listed: u32,
    /// Findings listed in all. Reports hold this.
    pub findings: u64,
    /// Connections whose handshake is not in the capture are recognised by what they send.
    pub guess: bool,
    /// Ports on which that takes less evidence.
    pub ws_ports: Vec<u16>,
    /// No bound, but it goes where they go: the secrets of TLS connections. Copies share them.
    pub secrets: Secrets,
}

impl Limits {
    /// Bounds for a capture that may go on for days: who falls silent is forgotten sooner, however few there are.
    /// A WebSocket after three hours: by then TCP itself would have asked for a sign of life (RFC 9293 section
    /// 3.8.4).
    #[must_use]
    pub fn live(self) -> Self {
        Self { idle: Nanos::seconds(600), idle_websocket: Nanos::seconds(3 * 3600), calm: 0, ..self }
    }

    /// Whether the user named a port of a connection as one of WebSockets.
    pub(super) fn names_port(&self, ports: [u16; 2]) -> bool {
        ports.iter().any(|port| self.ws_ports.contains(port))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            flows: 200_000,
            held_bytes: 64 << 20,
            held_pieces: 8192,
            memory: 256 << 20,
            wait_packets: 4096,
            wait_time: Nanos::seconds(2),
            hole_time: Nanos::seconds(60),
            half_open_idle: Nanos::seconds(60),
            idle: Nanos::seconds(24 * 3600),
            idle_websocket: Nanos::seconds(24 * 3600),
            calm: 1024,
            head: HeadLimits::default(),
            requests: 1000,
            fragments: FragmentLimits::default(),
            depth: Depth::default(),
            listed: crate::ws::LISTED,
            findings: 100_000,
            guess: true,
            ws_ports: Vec::new(),
            secrets: Secrets::default(),
        }
    }
}
