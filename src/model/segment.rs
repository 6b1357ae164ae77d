//! A TCP segment as one packet carried it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address and a port. IPv4 addresses are kept as `::ffff:a.b.c.d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address in network byte order.
    pub ip: [u8; 16],
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// An IPv4 endpoint.
    #[must_use]
    pub fn v4(ip: [u8; 4], port: u16) -> Self {
        Self { ip: Ipv4Addr::from(ip).to_ipv6_mapped().octets(), port }
    }

    /// An IPv6 endpoint.
    #[must_use]
    pub fn v6(ip: [u8; 16], port: u16) -> Self {
        Self { ip, port }
    }

    /// The address, IPv4 where it is one.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(self.ip)).to_canonical()
    }
}

impl fmt::Display for Endpoint {
    /// `ip:port` or `[ip6]:port`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::net::SocketAddr::new(self.address(), self.port).fmt(f)
    }
}

/// TCP control bits (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push function.
    pub const PSH: u8 = 0x08;
    /// Acknowledgment field is significant.
    pub const ACK: u8 = 0x10;
    /// Urgent pointer field is significant.
    pub const URG: u8 = 0x20;

    /// Whether any bit of `mask` is set.
    #[must_use]
    pub fn has(self, mask: u8) -> bool {
        self.0 & mask != 0
    }
}

/// The TCP header facts of one packet, and where its payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub destination: Endpoint,
    /// Sequence number of the first payload byte (of the SYN, where it is set).
    pub seq: u32,
    /// Acknowledgment number; meaningful with [`Flags::ACK`].
    pub ack: u32,
    /// Control bits.
    pub flags: Flags,
    /// Window field, unscaled.
    pub window: u16,
    /// Address of the first byte of the TCP header, in capture addresses.
    pub header_at: u64,
    /// Bytes of the TCP header; 0 where the bytes were captured without one.
    pub header_len: u8,
    /// Payload bytes that were captured; they follow the TCP header.
    pub len: u32,
    /// Payload bytes that the packet had on the wire (at least `len`; more when it was cut).
    pub claimed_len: u32,
    /// Bytes of the packet before the TCP header.
    pub below_len: u32,
    /// Bytes that the IP header states but that the packet, as long as it was on the wire, had not: in no length above.
    pub excess_len: u32,
}
