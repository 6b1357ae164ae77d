//! The two ends of a connection, before it is known which is the client.

use super::flows::Key;
use crate::model::{ConnectionId, Endpoint};

/// Which of a connection's two ends, in the order of the flow table's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    A,
    B,
}

impl End {
    pub(super) const BOTH: [Self; 2] = [Self::A, Self::B];

    #[inline]
    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// One value for each end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerEnd<T> {
    a: T,
    b: T,
}

impl<T> PerEnd<T> {
    #[inline]
    pub(super) fn of(&self, end: End) -> &T {
        match end {
            End::A => &self.a,
            End::B => &self.b,
        }
    }
    #[inline]
    pub(super) fn of_mut(&mut self, end: End) -> &mut T {
        match end {
            End::A => &mut self.a,
            End::B => &mut self.b,
        }
    }
}

impl<T> PerEnd<T> {
    /// That of an end, and that of the other.
    #[inline]
    pub(super) fn own_and_other(&mut self, end: End) -> (&mut T, &mut T) {
        match end {
            End::A => (&mut self.a, &mut self.b),
            End::B => (&mut self.b, &mut self.a),
        }
    }
}

/// What is known of a connection whichever way it goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) key: Key,
    pub(super) tcp: ConnectionId,
}

impl Ends {
    pub(super) fn of(&self, end: End) -> Endpoint {
        match end {
            End::A => self.key.a,
            End::B => self.key.b,
        }
    }
}
