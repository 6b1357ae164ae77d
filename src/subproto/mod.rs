//! Subprotocols: the protocols above WebSocket, as far as they have a keep-alive of their own.
//!
//! | protocol | heartbeat |
//! | --- | --- |
//! | Engine.IO (Socket.IO) | text `2`, answered with `3`: in version 4 the server pings, in version 3 the client |
//! | SignalR | `{"type":6}` and 0x1E, from both sides, not answered |
//! | graphql-transport-ws | `{"type":"ping"}`, answered with `{"type":"pong"}`, from both sides |
//! | graphql-ws | `{"type":"ka"}` from the server, not answered |
//! | STOMP | a single line end, from both sides, as negotiated in their `heart-beat` headers, not answered |
//!
//! The same messages can mean anything in another protocol, so they are counted only once the protocol is known: by
//! `Sec-WebSocket-Protocol`, by the request target, or by one of the first messages.

mod heartbeats;
mod protocol;

pub use heartbeats::{Heartbeats, SideHeartbeats, on_message};
pub use protocol::{Evidence, Protocol};
