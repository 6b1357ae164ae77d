//! What a handshake said, and why a connection may not be read.

/// What became of early data (RFC 8446 section 4.2.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyData {
    /// None was offered.
    #[default]
    None,
    /// The client offers some.
    Offered,
    /// The server takes it.
    Accepted,
    /// The server does not: the client has to send it again.
    Rejected,
}

/// Why a connection is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// It is no TLS.
    NotTls,
    /// There is no secret of it.
    NoSecret,
    /// A version or a cipher suite that is not read here, or compression.
    Unsupported,
    /// What keys depend on is not in the capture.
    Lost,
}

impl Info {
    /// Bytes of memory beside itself, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let names = [&self.server_name, &self.alpn].into_iter().flatten().map(Vec::capacity);
        let offered = self.alpn_offered.iter().map(|name| size_of_val(name) + name.capacity());
        names.chain(offered).sum()
    }
}

/// What the handshake said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The version: 0x0303 for TLS 1.2.
    pub version: Option<u16>,
    /// The cipher suite's number.
    pub suite: Option<u16>,
    /// The name of the server that the client asked for, as sent.
    pub server_name: Option<Vec<u8>>,
    /// The protocols that the client would speak, as sent.
    pub alpn_offered: Vec<Vec<u8>>,
    /// The one that the server chose. In TLS 1.3 it is encrypted.
    pub alpn: Option<Vec<u8>>,
    /// An earlier session was resumed.
    pub resumed: bool,
    /// Early data.
    pub early_data: EarlyData,
    /// The server asked for another ClientHello.
    pub retried: bool,
    /// The peers renegotiated.
    pub renegotiated: bool,
    /// Extended master secret (RFC 7627).
    pub extended_master_secret: bool,
    /// Encrypt-then-MAC (RFC 7366).
    pub encrypt_then_mac: bool,
}

/// The name of a version.
#[must_use]
pub fn version_name(version: u16) -> &'static str {
    match version {
        0x0300 => "SSLv3",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        _ => "unknown version",
    }
}
