//! What is known of a WebSocket apart from its frames: its ends, its handshake, the TLS that it runs in.

use std::borrow::Cow;

use crate::http::Handshake;
use crate::model::{ConnectionId, Endpoint, Lang, Nanos, Place, WebSocketId};

/// One head of the opening handshake: where it was in the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadPlace {
    /// The packet with its first byte.
    pub first: Place,
    /// The packet that completed it.
    pub last: Place,
}

/// The place of a head that arrived in one packet.
impl From<Place> for HeadPlace {
    fn from(place: Place) -> Self {
        Self { first: place, last: place }
    }
}

/// A WebSocket, or an attempt to open one.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its number.
    pub id: WebSocketId,
    /// The number of its TCP connection.
    pub tcp: ConnectionId,
    /// The end that opened it.
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
    /// The client that a PROXY protocol header names.
    pub proxied: Option<Endpoint>,
    /// It runs inside an HTTP CONNECT tunnel.
    pub tunnelled: bool,
    /// Its stream, where it runs inside HTTP/2 (RFC 8441).
    pub stream_id: Option<u32>,
    /// The URL as the client asked for it; `None` where the request was not captured.
    pub url: Option<Box<str>>,
    /// The opening handshake, as far as it was captured.
    pub handshake: Handshake,
    /// Where the request is.
    pub request: Option<HeadPlace>,
    /// Where the response is.
    pub response: Option<HeadPlace>,
    /// Its first packet: of the request, or else of the response.
    pub first: Place,
    /// Why it is believed to be a WebSocket, where the capture lacks what would prove it.
    pub evidence: Option<Box<str>>,
    /// The TLS that it runs in.
    pub tls: Option<Box<Tls>>,
}

impl Connection {
    /// Bytes of memory that it takes, itself included, about.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + self.url.as_ref().map_or(0, |url| url.len())
            + self.evidence.as_ref().map_or(0, |evidence| evidence.len())
            + self.handshake.size()
            + self.tls.as_ref().map_or(0, |tls| tls.size())
    }

    /// Nothing of its handshake was captured.
    #[must_use]
    pub fn is_midstream(&self) -> bool {
        self.request.is_none() && self.response.is_none()
    }

    /// The HTTP version of its handshake, as in the machine output; `None` where the request was not captured.
    #[must_use]
    pub fn http_version(&self) -> Option<&'static str> {
        match self.stream_id {
            Some(_) => Some("2"),
            None => self.request.map(|_| "1.1"),
        }
    }

    /// Nanoseconds from the request to the response, where both were captured and the clock did not go back between them.
    #[must_use]
    pub fn response_time(&self) -> Option<Nanos> {
        self.response?.last.elapsed_since(self.request?.last)
    }

    /// Its name for people: the URL; or the server, and that the path was not captured.
    #[must_use]
    pub fn name(&self, lang: Lang) -> Cow<'_, str> {
        match &self.url {
            Some(url) => Cow::Borrowed(url),
            None => {
                let unknown = lang.pick("path not captured", "没有抓到路径");
                Cow::Owned(format!("{} ({unknown})", self.server))
            }
        }
    }

    /// Its short name: the URL's path; without a URL as [`name`](Self::name).
    #[must_use]
    pub fn short_name(&self, lang: Lang) -> Cow<'_, str> {
        self.url_parts().map_or_else(|| self.name(lang), |(_, path)| Cow::Borrowed(path))
    }

    /// The URL's host with its port, and what follows.
    #[must_use]
    pub fn url_parts(&self) -> Option<(&str, &str)> {
        let url = self.url.as_deref()?;
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        Some(rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len())))
    }

    /// Whether its URL begins with `wss:`.
    #[must_use]
    pub fn is_wss(&self) -> bool {
        self.url.as_deref().is_some_and(|url| url.starts_with("wss:"))
    }
}

/// What a TLS handshake agreed on. Texts are as captured: they have to be made safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `TLS 1.3`
    pub version: &'static str,
    /// The cipher suite's name in IANA's registry.
    pub cipher: String,
    /// The name of the server that the client asked for.
    pub server_name: Option<String>,
    /// The protocol that was agreed on.
    pub alpn: Option<String>,
    /// An earlier session was resumed.
    pub resumed: bool,
    /// The random of its ClientHello: by this its secrets are found. No secret itself.
    pub client_random: Option<[u8; 32]>,
}

impl Tls {
    fn size(&self) -> usize {
        let names = [&self.server_name, &self.alpn].into_iter().flatten().map(String::capacity);
        size_of::<Self>() + self.cipher.capacity() + names.sum::<usize>()
    }
}
