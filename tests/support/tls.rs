//! Encrypts conversations with TLS 1.3 and writes the key log that decrypts them (RFC 8446).
//!
//! The secrets are made up instead of exchanged, and the server sends neither a certificate nor a signature: an
//! observer with a key log needs none of them. The only cipher suite is TLS_AES_128_GCM_SHA256.
#![allow(dead_code, clippy::expect_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::fmt::Write as _;

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk};
use wslens::model::Direction;

use super::forge::{C2S, Conversation, Rng, S2C, side};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The longest content of a record (RFC 8446 section 5.1).
const MAX_CONTENT: usize = 1 << 14;

/// Sends `inner` over TLS behind what `outer` has sent so far: each write in records of its own.
///
/// Returns the encrypted conversation and the key log. Its `upgraded_at` is where the records with frames begin.
pub fn in_tls(
    mut outer: Conversation,
    inner: &Conversation,
    server_name: &str,
    alpn: &str,
) -> (Conversation, Vec<u8>) {
    let mut rng = Rng::new(u64::from(inner.client.port()) << 16 | u64::from(inner.server.port()));
    let [client_random, server_random, session] = [rng.bytes(32), rng.bytes(32), rng.bytes(32)];
    let mut log = String::new();
    let mut sealer = |label: &str| {
        let secret = rng.bytes(32);
        writeln!(log, "{label} {} {}", hex::encode(&client_random), hex::encode(&secret)).expect("a string");
        Sealer::new(&secret)
    };
    let mut handshake =
        ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET"].map(&mut sealer);
    let mut traffic = ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"].map(&mut sealer);

    let protocols = extension(16, &vector16(&vector8(alpn.as_bytes())));
    let name = [&[0], &vector16(server_name.as_bytes())[..]].concat();
    let offered = [
        extension(0, &vector16(&name)),
        protocols.clone(),
        extension(43, &vector8(&[3, 4])),
        extension(51, &vector16(&key_share(&client_random))),
    ];
    let suites = [&vector16(&[0x13, 0x01])[..], &vector8(&[0])].concat();
    let hello = [&[3, 3], &client_random[..], &vector8(&session), &suites, &vector16(&offered.concat())];
    outer = outer.bytes(C2S, &record(HANDSHAKE, &message(1, &hello.concat())));

    let chosen = [extension(43, &[3, 4]), extension(51, &key_share(&server_random))];
    let suite = [0x13, 0x01, 0];
    let hello = [&[3, 3], &server_random[..], &vector8(&session), &suite, &vector16(&chosen.concat())];
    let finished = message(20, &[0x5a; 32]);
    let encrypted = [message(8, &vector16(&protocols)), finished.clone()].concat();
    let hello = record(HANDSHAKE, &message(2, &hello.concat()));
    outer = outer.bytes(S2C, &[hello, handshake[1].seal(HANDSHAKE, &encrypted)].concat());
    outer = outer.bytes(C2S, &handshake[0].seal(HANDSHAKE, &finished));

    outer.upgraded_at = [C2S, S2C].map(|dir| outer.stream(dir).len());
    for (dir, range) in &inner.writes {
        let records = inner.stream(*dir)[range.clone()].chunks(MAX_CONTENT);
        let sealed: Vec<_> =
            records.map(|content| traffic[side(*dir)].seal(APPLICATION_DATA, content)).collect();
        outer = outer.bytes(*dir, &sealed.concat());
        if range.end <= inner.upgraded_at[side(*dir)] {
            outer.upgraded_at[side(*dir)] = outer.stream(*dir).len();
        }
    }
    for dir in Direction::BOTH {
        const CLOSE_NOTIFY: [u8; 2] = [1, 0];
        outer = outer.bytes(dir, &traffic[side(dir)].seal(ALERT, &CLOSE_NOTIFY));
    }
    (outer, log.into_bytes())
}

/// Encrypts the records of one direction under one traffic secret (RFC 8446 sections 5.2, 5.3 and 7.3).
struct Sealer {
    key: LessSafeKey,
    iv: [u8; 12],
    records: u64,
}

impl Sealer {
    fn new(secret: &[u8]) -> Self {
        let (mut key, mut iv) = ([0; 16], [0; 12]);
        expand(secret, "key", &mut key);
        expand(secret, "iv", &mut iv);
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("16 bytes"));
        Self { key, iv, records: 0 }
    }

    fn seal(&mut self, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut nonce = self.iv;
        nonce[4..].iter_mut().zip(self.records.to_be_bytes()).for_each(|(byte, number)| *byte ^= number);
        self.records += 1;
        let mut body = [content, &[kind]].concat();
        let len = (body.len() + AES_128_GCM.tag_len()) as u16;
        let header = [&[APPLICATION_DATA, 3, 3], &len.to_be_bytes()[..]].concat();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(&header), &mut body).expect("a short record");
        [header, body].concat()
    }
}

/// The length that HKDF is asked for.
struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
fn expand(secret: &[u8], label: &str, out: &mut [u8]) {
    let label = format!("tls13 {label}");
    let info = [&(out.len() as u16).to_be_bytes()[..], &vector8(label.as_bytes()), &[0]].concat();
    let prk = Prk::new_less_safe(HKDF_SHA256, secret);
    prk.expand(&[&info], Len(out.len())).and_then(|okm| okm.fill(out)).expect("a short key");
}

/// A record in the clear.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &vector16(body)[..]].concat()
}

/// A handshake message (RFC 8446 section 4).
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0], &vector16(body)[..]].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(body)].concat()
}

/// An x25519 share; any 32 bytes are one.
fn key_share(share: &[u8]) -> Vec<u8> {
    [&[0, 0x1d], &vector16(share)[..]].concat()
}

/// Bytes behind their length in one byte.
fn vector8(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

/// Bytes behind their length in two bytes.
fn vector16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}
