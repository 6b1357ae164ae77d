//! The rules of the analyser's own limits: what is given up is reported.

crate::rules! {
    LIMIT_CONNECTIONS = "limit-connections" Warning "-",
        "Connection table full: oldest idle connection was closed and reported.",
        "More connections at once than are followed. Filter the capture, or raise --max-connections.";
    LIMIT_STREAM_MEMORY = "limit-stream-memory" Warning "-",
        "Out-of-order buffer of one stream full: waiting bytes were given up as a gap.",
        "A segment was lost from the capture and nobody acknowledged it. Raise --mem-stream to wait for longer.";
    LIMIT_TOTAL_MEMORY = "limit-total-memory" Warning "-",
        "All connections together held more than the bound: the largest gave up holes, then payloads, then compression windows. Where that was not enough, the connections that were silent for longest were given up.",
        "Raise --mem-total, or filter the capture.";
    CONNECT_FAILED = "connect-failed" Warning "RFC 9293 §3.5",
        "A TCP connection to a server with WebSockets never opened: its SYN got no answer, or a RST.",
        "No answer: a firewall drops the packets, the host is down or does not exist, or the answer took another way. A RST: nothing listens on that port, or a firewall refuses it.";
    FLOW_TIMEOUT = "flow-timeout" Info "-",
        "Idle connection was closed by the flow timer.",
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
