//! Handshake messages, as far as keys need them (RFC 5246 section 7.4, RFC 8446 section 4).

pub(super) const HELLO_REQUEST: u8 = 0;
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const END_OF_EARLY_DATA: u8 = 5;
pub(super) const ENCRYPTED_EXTENSIONS: u8 = 8;
pub(super) const SERVER_HELLO_DONE: u8 = 14;
pub(super) const CLIENT_KEY_EXCHANGE: u8 = 16;
pub(super) const FINISHED: u8 = 20;
pub(super) const KEY_UPDATE: u8 = 24;

/// The longest message that is kept to be read; certificates are only passed over.
const MAX_MESSAGE: usize = 128 << 10;
/// Names kept of a hello, in bytes.
const MAX_NAME: usize = 255;

/// SHA-256 of `HelloRetryRequest`: a ServerHello with this random is one (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Puts messages together that are split over records, and takes apart those packed into one.
#[derive(Clone, Debug, Default)]
pub(super) struct Joiner {
    header: [u8; 4],
    have: usize,
    left: usize,
    body: Vec<u8>,
}

/// A message. The body is there for those kinds that are read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

impl Joiner {
    /// Takes bytes up to the end of a message; how many, and the message, if it ends there.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (usize, Option<Message>) {
        let mut taken = 0;
        while self.have < 4 {
            let Some(&byte) = bytes.get(taken) else { return (taken, None) };
            if let Some(to) = self.header.get_mut(self.have) {
                *to = byte;
            }
            (self.have, taken) = (self.have + 1, taken + 1);
            if self.have == 4 {
                let [_, high, middle, low] = self.header;
                self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            }
        }
        let rest = bytes.get(taken..).unwrap_or_default();
        let part = rest.get(..self.left).unwrap_or(rest);
        let kept = matches!(
            self.header[0],
            CLIENT_HELLO | SERVER_HELLO | ENCRYPTED_EXTENSIONS | CLIENT_KEY_EXCHANGE
        );
        if kept && self.body.len() + part.len() <= MAX_MESSAGE {
            self.body.extend_from_slice(part);
        }
        (self.left, taken) = (self.left - part.len(), taken + part.len());
        if self.left > 0 {
            return (taken, None);
        }
        let message = Message { kind: self.header[0], body: std::mem::take(&mut self.body) };
        self.have = 0;
        (taken, Some(message))
    }

    /// Forgets the message at hand.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn size(&self) -> usize {
        self.body.capacity()
    }
}

/// Reads numbers and vectors; every step may find too little.
struct HandshakeReader<'a>(&'a [u8]);

impl<'a> HandshakeReader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(part)
    }
    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }
    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }
    fn random(&mut self) -> Option<[u8; 32]> {
        self.take(32)?.first_chunk().copied()
    }
    fn vector8(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }
    fn vector16(&mut self) -> Option<&'a [u8]> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }
    /// The extensions that follow, by type; none where nothing follows.
    fn extensions(&mut self) -> Option<impl Iterator<Item = (u16, &'a [u8])> + use<'a>> {
        let mut list = HandshakeReader(if self.0.is_empty() { &[] } else { self.vector16()? });
        Some(std::iter::from_fn(move || Some((list.u16()?, list.vector16()?))))
    }
}

/// What a ClientHello says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClientHello {
    pub(super) random: [u8; 32],
    /// The session that is to be resumed (TLS 1.2); in TLS 1.3 it means nothing.
    pub(super) session_id: Vec<u8>,
    /// The name of the server that is asked for (RFC 6066 section 3).
    pub(super) server_name: Option<Vec<u8>>,
    /// The protocols that the client would speak (RFC 7301).
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) early_data: bool,
}

impl ClientHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = HandshakeReader(body);
        let _version = reader.u16()?;
        let random = reader.random()?;
        let session_id = session_id(&mut reader)?;
        let mut hello = Self { random, session_id, ..Self::default() };
        let _suites = reader.vector16()?;
        let _compressions = reader.vector8()?;
        for (kind, data) in reader.extensions()? {
            match kind {
                0 => hello.server_name = server_name(data),
                16 => hello.alpn = protocols(data),
                42 => hello.early_data = true,
                _ => {}
            }
        }
        Some(hello)
    }
}

/// A session's name: at most 32 bytes (RFC 5246 section 7.4.1.2).
fn session_id(reader: &mut HandshakeReader<'_>) -> Option<Vec<u8>> {
    let id = reader.vector8()?;
    Some(id.get(..32).unwrap_or(id).to_vec())
}

fn server_name(data: &[u8]) -> Option<Vec<u8>> {
    let mut names = HandshakeReader(HandshakeReader(data).vector16()?);
    loop {
        let (kind, name) = (names.u8()?, names.vector16()?);
        if kind == 0 {
            return Some(name.get(..MAX_NAME).unwrap_or(name).to_vec());
        }
    }
}

fn protocols(data: &[u8]) -> Vec<Vec<u8>> {
    let mut names = HandshakeReader(HandshakeReader(data).vector16().unwrap_or_default());
    std::iter::from_fn(|| names.vector8()).take(16).map(<[u8]>::to_vec).collect()
}

/// What a ServerHello says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) version: u16,
    pub(super) random: [u8; 32],
    /// In TLS 1.2 that of the ClientHello where its session is resumed (RFC 5246 section 7.4.1.3).
    pub(super) session_id: Vec<u8>,
    pub(super) suite: u16,
    pub(super) compression: u8,
    pub(super) alpn: Option<Vec<u8>>,
    /// A pre-shared key was chosen (TLS 1.3).
    pub(super) resumed: bool,
    pub(super) extended_master_secret: bool,
    pub(super) encrypt_then_mac: bool,
}

impl ServerHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = HandshakeReader(body);
        let (version, random) = (reader.u16()?, reader.random()?);
        let session_id = session_id(&mut reader)?;
        let (suite, compression) = (reader.u16()?, reader.u8()?);
        let mut hello = Self { version, random, session_id, suite, compression, ..Self::default() };
        for (kind, data) in reader.extensions()? {
            match kind {
                16 => hello.alpn = protocols(data).into_iter().next(),
                22 => hello.encrypt_then_mac = true,
                23 => hello.extended_master_secret = true,
                41 => hello.resumed = true,
                43 => hello.version = HandshakeReader(data).u16()?,
                _ => {}
            }
        }
        Some(hello)
    }

    /// It asks for another ClientHello.
    pub(super) fn is_retry(&self) -> bool {
        self.random == RETRY
    }
}

/// What EncryptedExtensions say: the protocol that was chosen, and whether early data is accepted.
pub(super) fn encrypted_extensions(body: &[u8]) -> (Option<Vec<u8>>, bool) {
    let (mut alpn, mut early) = (None, false);
    for (kind, data) in HandshakeReader(body).extensions().into_iter().flatten() {
        match kind {
            16 => alpn = protocols(data).into_iter().next(),
            42 => early = true,
            _ => {}
        }
    }
    (alpn, early)
}

/// The encrypted pre-master secret of a ClientKeyExchange with RSA.
pub(super) fn encrypted_pre_master(body: &[u8]) -> &[u8] {
    HandshakeReader(body).vector16().unwrap_or(body)
}

/// The name of an alert (RFC 8446 section 6).
pub(super) fn alert_name(code: u8) -> &'static str {
    match code {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unknown alert",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn messages_are_the_same_however_they_are_cut(
            sizes in prop::collection::vec((0u8..30, 0usize..300), 1..8),
            cuts in prop::collection::vec(1usize..50, 1..60),
        ) {
            let mut wire = Vec::new();
            for (kind, len) in &sizes {
                wire.extend_from_slice(&[*kind, 0, (len >> 8) as u8, *len as u8]);
                wire.extend((0..*len).map(|at| at as u8));
            }
            let (mut joiner, mut rest, mut cuts, mut kinds) = (Joiner::default(), &wire[..], cuts.iter().cycle(), vec![]);
            while !rest.is_empty() {
                let (mut piece, behind) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                rest = behind;
                while !piece.is_empty() {
                    let (taken, message) = joiner.feed(piece);
                    piece = &piece[taken..];
                    kinds.extend(message.map(|message| message.kind));
                }
            }
            prop_assert_eq!(kinds, sizes.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_parsed(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = (ClientHello::parse(&bytes), ServerHello::parse(&bytes));
            let _ = (encrypted_extensions(&bytes), encrypted_pre_master(&bytes));
        }
    }
}
