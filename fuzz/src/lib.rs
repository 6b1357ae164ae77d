//! What the fuzz targets do with their bytes, one module for each.
//!
//! A target panics where a promise is broken: that is what the fuzzer looks for. They live in a library so
//! that `cargo test` can replay the seeds without a fuzzer.
#![allow(missing_docs)]

pub mod amplified;
pub mod deflate;
pub mod explain;
pub mod extension;
pub mod feed;
pub mod frame_reader;
pub mod handshake;
pub mod hpack;
pub mod http2;
pub mod http_body;
pub mod http_head;
pub mod json_string;
pub mod key_log;
pub mod message;
pub mod net;
pub mod pcap;
pub mod pipeline;
pub mod proxy;
pub mod report;
pub mod safe_text;
pub mod tcp_stream;
pub mod tls_stream;
pub mod utf8;
pub mod whole;

/// What reading costs: the counting allocator that the analyzer's tests have, and their bounds.
#[path = "../../tests/support/effort.rs"]
pub mod effort;
/// Builds captures, as the analyzer's tests do.
#[path = "../../tests/support/forge.rs"]
pub mod forge;

#[global_allocator]
static COUNTING: effort::Counting = effort::Counting;

/// A fuzz target: takes any bytes, and panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("amplified", amplified::run),
    ("deflate", deflate::run),
    ("explain", explain::run),
    ("extension", extension::run),
    ("frame_reader", frame_reader::run),
    ("handshake", handshake::run),
    ("hpack", hpack::run),
    ("http2", http2::run),
    ("http_body", http_body::run),
    ("http_head", http_head::run),
    ("json_string", json_string::run),
    ("key_log", key_log::run),
    ("message", message::run),
    ("net", net::run),
    ("pcap", pcap::run),
    ("pipeline", pipeline::run),
    ("proxy", proxy::run),
    ("report", report::run),
    ("safe_text", safe_text::run),
    ("tcp_stream", tcp_stream::run),
    ("tls_stream", tls_stream::run),
    ("utf8", utf8::run),
    ("whole", whole::run),
];
