//! The two sides of a TCP connection, before it is known which of them is the client.

use crate::model::{ConnectionId, Endpoint};

/// A side of a TCP connection: `A` is the one with the lower endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::A, Self::B];

    #[inline]
    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// One value for each side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerSide<T> {
    a: T,
    b: T,
}

impl<T> PerSide<T> {
    #[inline]
    pub(super) fn of(&self, side: Side) -> &T {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    #[inline]
    pub(super) fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    /// The value of a side, then that of the other.
    #[inline]
    pub(super) fn own_and_other(&mut self, side: Side) -> (&mut T, &mut T) {
        match side {
            Side::A => (&mut self.a, &mut self.b),
            Side::B => (&mut self.b, &mut self.a),
        }
    }
}

/// Both endpoints of a connection, the lower one first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EndpointPair {
    pub(super) a: Endpoint,
    pub(super) b: Endpoint,
}

impl EndpointPair {
    /// The pair of a packet's source and destination, and which side sent it.
    pub(super) fn of(source: Endpoint, destination: Endpoint) -> (Self, Side) {
        if (source.port, source.ip) <= (destination.port, destination.ip) {
            (Self { a: source, b: destination }, Side::A)
        } else {
            (Self { a: destination, b: source }, Side::B)
        }
    }
}

/// The identity of a TCP connection: its endpoints and its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) endpoints: EndpointPair,
    pub(super) tcp: ConnectionId,
}

impl Identity {
    pub(super) fn of(&self, side: Side) -> Endpoint {
        match side {
            Side::A => self.endpoints.a,
            Side::B => self.endpoints.b,
        }
    }
}
