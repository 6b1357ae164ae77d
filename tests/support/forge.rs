//! Builds captures in memory: WebSocket conversations, their TCP segments, the trouble on the way, the file.
//!
//! Nothing of the analyzer is used to build what is to be analyzed: headers, masks, checksums and
//! file formats are written here a second time, from the standards. (Only the name of a direction is shared.)
//!
//! ```text
//! Conversation ── what both ends say ──► two byte streams, the writes in order, the messages expected
//!      │
//!   Script ────── how TCP carries it ──► segments: cut, swapped, repeated, lost, damaged
//!      │
//!  Vec<Packet> ── link, IP, TCP headers ─► pcap(), pcapng()
//! ```
//!
//! ```ignore
//! let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80")
//!     .deflate(DeflateSpec::default())
//!     .text(C2S, "hello")
//!     .fragmented(S2C, BINARY, &[b"two ", b"pieces"]);
//! let packets = Script::new(&talk, &Split::Writes(1460)).duplicate(4, 7).packets();
//! let file = pcap(&packets, PcapFormat::default());
//! ```
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::should_implement_trait,
    clippy::unwrap_used,
    clippy::cast_possible_truncation
)]

#[path = "forge/conversation.rs"]
mod conversation;
#[path = "forge/deflate.rs"]
mod deflate;
#[path = "forge/file.rs"]
mod file;
#[path = "forge/frame.rs"]
mod frame;
#[path = "forge/http2.rs"]
mod http2;
#[path = "forge/packet.rs"]
mod packet;
#[path = "forge/rng.rs"]
mod rng;
#[path = "forge/script.rs"]
mod script;

#[allow(unused_imports)]
pub use {
    conversation::{Conversation, Ending, Expected, ExpectedFrame, Handshake, accept_of},
    deflate::{DeflateSpec, Deflater},
    file::{PcapFormat, PcapngFormat, pcap, pcapng},
    frame::{BINARY, CLOSE, CONTINUATION, Frame, LengthForm, PING, PONG, TEXT},
    http2::{Http2Talk, fields, h2_frame, h2_settings},
    packet::{Link, Packet, Tcp, framed, interleave, ipv4_fragments, sum, tcp_packet, udp_packet},
    rng::Rng,
    script::{Checksum, Piece, Script, Split},
};

use wslens::model::Direction;

/// Client to server.
pub const C2S: Direction = Direction::ClientToServer;
/// Server to client.
pub const S2C: Direction = Direction::ServerToClient;

/// A direction as an index: client to server 0, server to client 1.
pub fn side(dir: Direction) -> usize {
    usize::from(dir == S2C)
}

/// One classic capture (little-endian, microseconds, Ethernet) of conversations that run at the same time.
pub fn capture_of(talks: &[&Conversation]) -> Vec<u8> {
    let scripts = talks.iter().map(|talk| Script::new(talk, &Split::Writes(1460)).packets());
    pcap(&interleave(scripts), PcapFormat::default())
}
