//! What an application sees of the transport below it.

use super::Transport;
use crate::model::{ConnectionId, Endpoint, Place};
use crate::pipeline::events::{Ending, Tls};
use crate::pipeline::sides::{Identity, Side};
use crate::ws::StreamEnd;

/// The transport, while bytes of `side` are at the door of the application.
#[derive(Clone, Copy)]
pub(crate) struct TransportView<'a> {
    identity: &'a Identity,
    transport: &'a Transport,
    side: Side,
}

impl Transport {
    pub(crate) fn view<'a>(&'a self, identity: &'a Identity, side: Side) -> TransportView<'a> {
        TransportView { identity, transport: self, side }
    }
}

impl TransportView<'_> {
    pub(crate) fn tcp(&self) -> ConnectionId {
        self.identity.tcp
    }

    pub(crate) fn client(&self) -> Endpoint {
        self.identity.of(self.transport.client.unwrap_or(Side::A))
    }

    pub(crate) fn server(&self) -> Endpoint {
        self.identity.of(self.transport.client.unwrap_or(Side::A).other())
    }

    pub(crate) fn sender(&self) -> Endpoint {
        self.identity.of(self.side)
    }

    pub(crate) fn receiver(&self) -> Endpoint {
        self.identity.of(self.side.other())
    }

    /// Whether none of the sender's bytes was taken yet.
    pub(crate) fn is_at_start(&self) -> bool {
        self.transport.streams.of(self.side).position() == 0
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.transport.tls.is_some()
    }

    pub(crate) fn tls(&self) -> Option<Box<Tls>> {
        self.transport.tls.as_ref().map(|tls| tls.facts())
    }

    /// The packet of frames that the client sent before the server's response could have reached it.
    pub(crate) fn early_frames(&self) -> Option<Place> {
        let transport = self.transport;
        // A client that acknowledged the response had read it, whichever packet is first in the capture.
        let client =
            transport.client.filter(|client| !transport.streams.of(client.other()).next_is_acknowledged())?;
        let of_tls = || transport.tls.as_ref().and_then(|tls| tls.early_frames());
        transport.ready(client).map(|held| held.origin).or_else(of_tls)
    }

    /// How the connection stands, if it ended as `how` says and that was known at `place`.
    pub(crate) fn ending(&self, how: StreamEnd, place: Place) -> Ending {
        self.transport.ending(how, place)
    }
}
