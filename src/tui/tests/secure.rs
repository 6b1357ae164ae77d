//! TLS and HTTP/2 on the screens.

use super::kit::{Kit, capture};
use crate::tui::shared::Selection;

/// Opens a capture at a message of a connection, on a screen.
fn at(name: &str, connection: u32, message: u64, keys: &str) -> Kit {
    let mut kit = Kit::open(name, 120, 36);
    kit.app.shared.selection = Selection { connection, message, frame: 0 };
    kit.press(keys).rest()
}

#[test]
fn a_message_in_tls_shows_its_record_and_what_it_costs() {
    let kit = at("wss", 1, 2, "8");
    // 5 bytes of header, 1 of type, 16 of tag.
    kit.shows("TLS_AES_256_GCM_SHA384").shows("record 5+33+17").shows("TLS tag 17");
    kit.picture("layers-wss-120x36");
    at("wss", 3, 2, "8").shows("ECDHE_ECDSA_WITH_CHACHA20").shows("TLS tag 16");
}

#[test]
fn a_message_in_http2_shows_its_stream_and_its_data_frame() {
    let kit = at("wss-http2", 1, 1, "8");
    kit.shows("HTTP/2").shows("DATA of stream 1").shows("HTTP/2 DATA 9");
    kit.picture("layers-wss-http2-120x36");
    at("http2", 1, 1, "8").shows("HTTP/2").shows("DATA of stream");
}

#[test]
fn the_handshake_shows_what_tls_negotiated() {
    at("wss", 2, 1, "2").shows("TLS 1.3, TLS_AES_256_GCM_SHA384, SNI wss.example").shows("resumed");
    let kit = at("wss-http2", 1, 1, "2");
    kit.shows("ALPN h2")
        .shows("extended CONNECT in stream 1")
        .shows("▸ :protocol: websocket")
        .shows("a new session");
}

#[test]
fn tls_that_cannot_be_decrypted_is_listed_below() {
    let file = std::fs::read(capture("wss")).unwrap();
    let (mut kept, mut at) = (Vec::new(), 0);
    while let Some(len) = file.get(at + 4..at + 8) {
        let len = u32::from_le_bytes(len.try_into().unwrap()) as usize;
        // All keys but the secrets.
        if file[at..at + 4] != [10, 0, 0, 0] {
            kept.extend_from_slice(&file[at..at + len]);
        }
        at += len;
    }
    let kit = Kit::of_bytes(kept, 120, 36).unwrap().rest();
    kit.shows("TLS that cannot be decrypted: 3").shows("wslens explain keylog").shows("wss.example");
    kit.shows("no-secret");
}
