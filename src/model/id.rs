//! Numbers that name things. Each counts in its own space, so none can be taken for another.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
    )* };
}

ids! {
    /// A TCP connection, from 0, by its first packet (as Wireshark's `tcp.stream`).
    ConnectionId(u32);
    /// A WebSocket, from 1, by the packet in which its opening request begins.
    WebSocketId(u32);
    /// A frame of a WebSocket, from 1, both directions together.
    FrameId(u64);
    /// A message of a WebSocket, from 1, both directions together.
    MessageId(u64);
}
