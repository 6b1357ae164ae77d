//! The rules of the analyser's own limits: what is given up is reported.

crate::rules! {
    LIMIT_CONNECTIONS = "limit-connections" Warning "-",
        "The connection table is full; the connection idle longest was ended and reported.",
        "More connections at once than are followed. Filter the capture, or raise --max-connections.";
    LIMIT_STREAM_MEMORY = "limit-stream-memory" Warning "-",
        "The out-of-order buffer of a stream is full; wslens stopped waiting for the missing bytes and reports a gap.",
        "A segment was lost from the capture and nobody acknowledged it. Raise --mem-stream to wait for longer.";
    LIMIT_TOTAL_MEMORY = "limit-total-memory" Warning "-",
        "All connections together reached the memory limit. wslens stopped waiting at gaps, then discarded payloads and compression windows, starting with the largest, and then ended the connections idle longest.",
        "Raise --mem-total, or filter the capture.";
    CONNECT_FAILED = "connect-failed" Warning "RFC 9293 §3.5",
        "A TCP connection to a WebSocket server was not established: the SYN was unanswered or reset.",
        "No answer: a firewall drops the packets, the host is down or does not exist, or the answer took another way. A RST: nothing listens on that port, or a firewall refuses it.";
    FLOW_TIMEOUT = "flow-timeout" Info "-",
        "The connection was idle for too long and is treated as ended.",
        "Nothing was captured of it for a long time.";
}

/// Findings of this room and those that it hands on, for lists.
pub const RULES: &[&[&crate::model::Rule]] = &[
    ALL,
    crate::tcp::rules::ALL,
    crate::net::rules::ALL,
    crate::http::rules::ALL,
    crate::http::http2::rules::ALL,
    crate::ws::rules::ALL,
    #[cfg(feature = "tls")]
    crate::tls::rules::ALL,
];
