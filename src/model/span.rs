//! Places: runs of bytes, moments, directions, packets.

use std::fmt;

/// A run of bytes in the capture's address space (see [`PacketRef::bytes`]).
///
/// Addresses are never file offsets to a user: a capture may consist of several files, or of a
/// pipe. They are what [`crate::capture::Capture::bytes`] takes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Address of the first byte.
    pub start: u64,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// The part of this span from `skip` on, `len` bytes long (both cut to fit).
    #[must_use]
    pub fn part(self, skip: u32, len: u32) -> Self {
        let skip = skip.min(self.len);
        Self { start: self.start.saturating_add(u64::from(skip)), len: len.min(self.len - skip) }
    }
}

/// A duration of capture time in nanoseconds. Negative if the clock of the capture went back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub i64);

impl Nanos {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// Longer than any capture.
    pub const MAX: Self = Self(i64::MAX);

    /// Returns a number of seconds.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Returns the number of nanoseconds; 0 if the duration is negative.
    #[must_use]
    pub fn unsigned(self) -> u64 {
        self.0.max(0).unsigned_abs()
    }

    /// Returns the sum of two durations; the longest if it is too large.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns a number of milliseconds.
    #[must_use]
    pub const fn milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds.saturating_mul(1_000_000))
    }
}

/// A point in time: nanoseconds since 1970-01-01 UTC, as stated in the capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Returns the time from `earlier` to `self`; negative if the clock of the capture went back.
    #[must_use]
    pub fn since(self, earlier: Time) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the time that passed from `earlier` to `self`; `None` if the clock of the capture went back, or the packets
    /// are not in order: then the time is unknown.
    #[must_use]
    pub fn elapsed_since(self, earlier: Time) -> Option<Nanos> {
        Some(self.since(earlier)).filter(|elapsed| *elapsed >= Nanos::ZERO)
    }
}

impl fmt::Display for Time {
    /// Seconds since 1970 with nine decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, n) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}.{:09}", n / 1_000_000_000, n % 1_000_000_000)
    }
}

/// Which way bytes travel on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Sent by the client, that is, the end that opened the WebSocket.
    ClientToServer,
    /// Sent by the server.
    ServerToClient,
}

impl Direction {
    /// Both, client to server first.
    pub const BOTH: [Self; 2] = [Self::ClientToServer, Self::ServerToClient];

    /// The other direction.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::ClientToServer => Self::ServerToClient,
            Self::ServerToClient => Self::ClientToServer,
        }
    }

    /// `c2s` or `s2c`, as in the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientToServer => "c2s",
            Self::ServerToClient => "s2c",
        }
    }

    /// `client` or `server`: the end that sends in this direction.
    #[must_use]
    pub fn sender(self) -> &'static str {
        match self {
            Self::ClientToServer => "client",
            Self::ServerToClient => "server",
        }
    }
}

/// One value for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerDirection<T> {
    /// Client to server.
    pub c2s: T,
    /// Server to client.
    pub s2c: T,
}

impl<T> PerDirection<T> {
    /// The value of a direction.
    pub fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::ClientToServer => &self.c2s,
            Direction::ServerToClient => &self.s2c,
        }
    }

    /// The value of a direction, to change it.
    pub fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::ClientToServer => &mut self.c2s,
            Direction::ServerToClient => &mut self.s2c,
        }
    }
}

/// The link type of a packet, as numbered by tcpdump.org's list (DLT/LINKTYPE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

/// One captured packet: where its bytes are and when it was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketRef {
    /// Number in the capture from 1, counted as Wireshark's `frame.number` does.
    pub number: u64,
    /// When it was captured.
    pub time: Time,
    /// Its captured bytes.
    pub bytes: Span,
    /// How many bytes it had on the wire (at least `bytes.len`).
    pub wire_len: u32,
    /// What its first byte belongs to.
    pub link: LinkType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_printed_with_nine_decimals() {
        assert_eq!(Time(1_783_191_741_986_924_001).to_string(), "1783191741.986924001");
        assert_eq!(Time(-1).to_string(), "-0.000000001");
    }

    #[test]
    fn a_part_of_a_span_stays_inside_it() {
        let span = Span { start: 10, len: 5 };
        assert_eq!(span.part(2, 9), Span { start: 12, len: 3 });
        assert_eq!(span.part(9, 9), Span { start: 15, len: 0 });
    }
}
