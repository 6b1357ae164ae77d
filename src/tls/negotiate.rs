//! The handshake's messages: what they agree on, and which keys come next.

use std::fmt::Arguments;
use std::sync::Arc;

use super::cipher::{Opener, Suite, suite};
use super::handshake::{self as hs, ClientHello, Message, ServerHello};
use super::info::{EarlyData, Locked, version_name};
use super::keylog::{KeyStore, Label, Secret};
use super::record::TlsRecord;
use super::rules;
use super::schedule::{key_block, master_secret};
use super::side::{Epoch, TrafficKey};
use super::stream::{Exchange, Hello, TlsEvents, TlsStream};
use crate::model::{Direction, Place};
use Direction::{ClientToServer, ServerToClient};

impl TlsStream {
    /// Keeps a part of the handshake, if a pre-master secret may need it (RFC 7627 section 3).
    pub(super) fn transcribe(&mut self, direction: Direction, part: &[u8], keys: &KeyStore) {
        const MAX: usize = 256 << 10;
        let exchange = &mut self.exchange;
        let transcript = exchange.transcript.of_mut(direction);
        if keys.has_rsa()
            && !self.tls13
            && !exchange.client_key_exchange
            && transcript.len() + part.len() <= MAX
        {
            transcript.extend_from_slice(part);
        }
    }

    pub(super) fn message(
        &mut self,
        direction: Direction,
        message: &Message,
        record: &TlsRecord,
        keys: &KeyStore,
        events: &mut impl TlsEvents,
    ) {
        match (message.kind, direction) {
            (hs::CLIENT_HELLO, ClientToServer) => self.client_hello(&message.body, record, events),
            (hs::SERVER_HELLO, ServerToClient) => self.server_hello(&message.body, record, keys, events),
            (hs::ENCRYPTED_EXTENSIONS, ServerToClient) if self.tls13 => {
                let (alpn, early) = hs::encrypted_extensions(&message.body);
                (self.info.alpn, self.extensions_seen) = (alpn, true);
                if self.info.early_data == EarlyData::Offered {
                    self.info.early_data = if early { EarlyData::Accepted } else { EarlyData::Rejected };
                }
                if self.info.early_data == EarlyData::Rejected {
                    self.sides.c2s.switch(Epoch::Early);
                }
            }
            (hs::FINISHED, _) if self.tls13 => self.sides.of_mut(direction).switch(Epoch::Handshake),
            (hs::END_OF_EARLY_DATA, ClientToServer) if self.tls13 => self.sides.c2s.switch(Epoch::Early),
            (hs::KEY_UPDATE, _) if self.tls13 => {
                let side = self.sides.of_mut(direction);
                if let Some(key) = side.key.as_mut().filter(|key| key.epoch == Epoch::Application)
                    && let Some(suite) = self.suite
                    && let Some(updated) = key.updated(suite)
                {
                    *key = updated;
                }
            }
            (hs::SERVER_HELLO_DONE, ServerToClient) => self.exchange.server_done = true,
            (hs::CLIENT_KEY_EXCHANGE, ClientToServer) if !self.tls13 => {
                self.client_key_exchange(&message.body, keys);
            }
            (hs::HELLO_REQUEST, _) => {}
            _ => {}
        }
    }

    fn client_hello(&mut self, body: &[u8], record: &TlsRecord, events: &mut impl TlsEvents) {
        let Some(hello) = ClientHello::parse(body) else {
            let text = format_args!("the ClientHello cannot be read");
            return self.lock(Locked::Lost, ClientToServer, record.at, record.first, events, text);
        };
        if self.sides.c2s.encrypted {
            self.info.renegotiated = true;
            let text = format_args!("the client began another handshake");
            events.finding(&rules::TLS_RENEGOTIATED, ClientToServer, record.at, record.first, text);
        }
        self.info.server_name = hello.server_name;
        self.info.alpn_offered = hello.alpn;
        if hello.early_data {
            self.info.early_data = EarlyData::Offered;
        } else if self.info.early_data == EarlyData::Offered {
            // A second ClientHello must not offer any: the first offer is void.
            self.info.early_data = EarlyData::Rejected;
        }
        let transcript = std::mem::take(&mut self.exchange.transcript);
        let (client_random, session_id) = (hello.random, hello.session_id);
        self.exchange = Exchange { client_random, session_id, transcript, ..Exchange::default() };
        if self.info.renegotiated {
            // Only its own messages count; of the client's that is this one.
            self.exchange.transcript.s2c.clear();
            let own = self.exchange.transcript.c2s.len().saturating_sub(body.len() + 4);
            self.exchange.transcript.c2s.drain(..own);
        }
        self.hello = Hello::Server;
    }

    fn server_hello(
        &mut self,
        body: &[u8],
        record: &TlsRecord,
        keys: &KeyStore,
        events: &mut impl TlsEvents,
    ) {
        let (at, place) = (record.at, record.first);
        let Some(hello) = ServerHello::parse(body) else {
            let text = format_args!("the ServerHello cannot be read");
            return self.lock(Locked::Lost, ServerToClient, at, place, events, text);
        };
        (self.info.version, self.info.suite) = (Some(hello.version), Some(hello.suite));
        if hello.is_retry() {
            (self.info.retried, self.tls13, self.hello) = (true, true, Hello::Client);
            return;
        }
        self.hello = Hello::Done;
        self.tls13 = hello.version == 0x0304;
        self.info.alpn = hello.alpn;
        self.info.extended_master_secret = hello.extended_master_secret;
        self.info.encrypt_then_mac = hello.encrypt_then_mac;
        self.info.resumed = match self.tls13 {
            true => hello.resumed,
            false => !hello.session_id.is_empty() && hello.session_id == self.exchange.session_id,
        };
        self.exchange.server_random = hello.random;
        let lock = |this: &mut Self, events: &mut _, text: Arguments<'_>| {
            this.lock(Locked::Unsupported, ServerToClient, at, place, events, text);
        };
        if !matches!(hello.version, 0x0303 | 0x0304) {
            let name = version_name(hello.version);
            return lock(self, events, format_args!("{name} (0x{:04x}) is not read", hello.version));
        }
        if hello.compression != 0 {
            return lock(self, events, format_args!("the peers compress records: that is not read"));
        }
        let Some(suite) = suite(hello.suite) else {
            let text = format_args!("the cipher suite 0x{:04x} is not known", hello.suite);
            return lock(self, events, text);
        };
        self.suite = Some(suite);
        let known = if self.tls13 {
            self.begin_tls13(suite, keys)
        } else {
            let master = keys.secret(&self.exchange.client_random, Label::Master);
            self.exchange.pending = master.and_then(|master| self.pending(suite, master));
            self.exchange.pending.is_some() || keys.has_rsa()
        };
        if !known {
            self.no_secret(ServerToClient, at, place, events);
        }
    }

    fn no_secret(&mut self, direction: Direction, at: u64, place: Place, events: &mut impl TlsEvents) {
        let random = hex::encode(self.exchange.client_random);
        let text = format_args!("no key log has the secret of the connection with client random {random}");
        self.lock(Locked::NoSecret, direction, at, place, events, text);
    }

    fn pending(&self, suite: &Suite, master: &Secret) -> Option<(Arc<Opener>, Arc<Opener>)> {
        let Exchange { client_random, server_random, .. } = &self.exchange;
        let etm = self.info.encrypt_then_mac;
        let (client, server) = key_block(suite, master, client_random, server_random, etm)?;
        Some((Arc::new(client), Arc::new(server)))
    }

    /// Takes the keys of TLS 1.3; false where there is none for application data.
    fn begin_tls13(&mut self, suite: &'static Suite, keys: &KeyStore) -> bool {
        let random = self.exchange.client_random;
        let key = |label, epoch| {
            keys.secret(&random, label).and_then(|secret| TrafficKey::tls13(suite, secret, epoch))
        };
        let early = Some(Label::ClientEarly).filter(|_| self.info.early_data == EarlyData::Offered);
        let client = [
            early.and_then(|label| key(label, Epoch::Early)),
            key(Label::ClientHandshake, Epoch::Handshake),
            key(Label::ClientTraffic(0), Epoch::Application),
        ];
        let server =
            [key(Label::ServerHandshake, Epoch::Handshake), key(Label::ServerTraffic(0), Epoch::Application)];
        let [_, client_handshake, client_traffic] = &client;
        let [server_handshake, server_traffic] = &server;
        let known = client_traffic.is_some() || server_traffic.is_some();
        self.sides.c2s.blind = client_handshake.is_none() || self.info.early_data != EarlyData::None;
        self.sides.s2c.blind = server_handshake.is_none();
        self.sides.c2s.use_keys(client.into_iter().flatten());
        self.sides.s2c.use_keys(server.into_iter().flatten());
        known
    }

    /// The pre-master secret of an RSA key exchange may be in the key log.
    fn client_key_exchange(&mut self, body: &[u8], keys: &KeyStore) {
        self.exchange.client_key_exchange = true;
        let transcript = std::mem::take(&mut self.exchange.transcript);
        let Some(suite) = self.suite.filter(|_| self.exchange.pending.is_none()) else { return };
        let Some(pre_master) = keys.pre_master(hs::encrypted_pre_master(body)) else { return };
        let master = if self.info.extended_master_secret {
            // The client's hello, all that the server said, then the rest of the client's.
            let hello_len = transcript
                .c2s
                .get(1..4)
                .map_or(0, |len| 4 + len.iter().fold(0usize, |len, byte| len << 8 | usize::from(*byte)));
            let (hello, rest) = transcript.c2s.split_at_checked(hello_len).unwrap_or_default();
            let session = suite.hash.digest(&[hello, &transcript.s2c, rest].concat());
            master_secret(suite.hash, pre_master, true, &[session.as_ref()])
        } else {
            let seeds: [&[u8]; 2] = [&self.exchange.client_random, &self.exchange.server_random];
            master_secret(suite.hash, pre_master, false, &seeds)
        };
        self.exchange.pending = self.pending(suite, &master);
    }

    /// TLS 1.2: what follows of this direction is under the new keys.
    pub(super) fn change_cipher(
        &mut self,
        direction: Direction,
        record: &TlsRecord,
        events: &mut impl TlsEvents,
    ) {
        let exchange = &self.exchange;
        if direction == ServerToClient && !exchange.server_done && !self.sides.c2s.encrypted {
            self.info.resumed = true;
        }
        match self.pending_key(direction) {
            Some(key) => {
                let side = self.sides.of_mut(direction);
                side.use_keys([key]);
            }
            None => self.no_secret(direction, record.at, record.first, events),
        }
    }

    /// The key that a ChangeCipherSpec of TLS 1.2 puts into force.
    pub(super) fn pending_key(&self, direction: Direction) -> Option<TrafficKey> {
        let (client, server) = self.exchange.pending.as_ref()?;
        let opener = Arc::clone(if direction == ClientToServer { client } else { server });
        Some(TrafficKey { opener, secret: None, seq: 0, epoch: Epoch::Application })
    }
}
