//! TLS in the machine output: what a connection runs in, and connections that could not be read.

use std::fmt::Write as _;

use super::{JsonText, community_id, flag, json_string, key, moment, number, or_null, string, strings, word};
use crate::pipeline::{SealedTls, Tls};

/// What was agreed on in the TLS handshake: only of connections that run in TLS.
pub(super) fn write_tls(out: &mut Vec<u8>, tls: &Tls) {
    key(out, "tls_session");
    out.extend_from_slice(b"{\"version\":");
    json_string(out, tls.version);
    string(out, "cipher", &tls.cipher);
    or_null(out, "server_name", tls.server_name.as_deref());
    or_null(out, "alpn", tls.alpn.as_deref());
    flag(out, "resumed", tls.resumed);
    out.push(b'}');
}

/// Appends the record of a TLS connection that could not be read.
pub(super) fn write_sealed(out: &mut Vec<u8>, sealed: &SealedTls) {
    let SealedTls { session, records, .. } = sealed;
    out.extend_from_slice(b"{\"v\":1,\"kind\":\"tls\"");
    moment(out, "time", sealed.first.time);
    moment(out, "last_time", sealed.last.time);
    number(out, "packet", sealed.first.packet);
    number(out, "last_packet", sealed.last.packet);
    number(out, "tcp_stream", sealed.tcp.0.into());
    let _ = write!(JsonText(out), ",\"client\":\"{}\",\"server\":\"{}\"", sealed.client, sealed.server);
    flag(out, "tunnelled", sealed.tunnelled);
    or_null(out, "version", Some(session.version).filter(|version| !version.is_empty()));
    or_null(out, "cipher", Some(&*session.cipher).filter(|cipher| !cipher.is_empty()));
    or_null(out, "server_name", session.server_name.as_deref());
    strings(out, "alpn_offered", sealed.offered.iter().map(String::as_str));
    or_null(out, "alpn", session.alpn.as_deref());
    flag(out, "resumed", session.resumed);
    word(out, "why", sealed.why);
    let (c2s, s2c) = (records.c2s, records.s2c);
    for (name, c2s, s2c) in [
        ("records", c2s.records, s2c.records),
        ("record_bytes", c2s.bytes, s2c.bytes),
        ("small_records", c2s.small, s2c.small),
    ] {
        let _ = write!(JsonText(out), ",\"{name}\":{{\"c2s\":{c2s},\"s2c\":{s2c}}}");
    }
    flag(out, "whole", sealed.whole);
    word(out, "resembles_websocket", sealed.resembles);
    word(out, "community_id", &community_id(sealed.client, sealed.server));
    out.extend_from_slice(b"}\n");
}
