//! Takes the place of `tls` where TLS is not built in: no connection has a TLS layer.

use super::above::{Above, Gap, Run};
use crate::model::{Chunk, Direction, Place, Span};
use crate::pipeline::context::Context;
use crate::pipeline::events::{SealedTls, Tls};
use crate::pipeline::secrets::Secrets;
use crate::pipeline::sides::{Identity, Side};
use crate::ws::StreamEnd;

/// There is none.
#[derive(Clone, Debug)]
pub(crate) enum TlsLayer {}

/// There is none.
#[derive(Clone, Debug)]
pub(crate) enum Plaintext {}

impl Plaintext {
    pub(crate) fn chunk(&self, _: Place) -> Chunk<'_> {
        match *self {}
    }

    pub(crate) fn rest(self, _: usize) -> Option<Self> {
        match self {}
    }
}

/// Methods that are never called.
macro_rules! uncallable {
    ($($name:ident$(<$generic:ident: $bound:path>)?($($argument:ty),*) $(-> $result:ty)?;)*) => {
        impl TlsLayer {
            $(pub(crate) fn $name$(<$generic: $bound>)?(&self $(, _: $argument)*) $(-> $result)? {
                match *self {}
            })*
        }
    };
}

uncallable! {
    data(Direction, Chunk<'_>, &mut impl Above, &mut Context<'_>) -> usize;
    gap(&Gap<'_>, &mut impl Above, &mut Context<'_>);
    end(Direction, Place, &mut impl Above, &mut Context<'_>);
    abandon() -> bool;
    waits(Direction) -> bool;
    take_waiting(Direction) -> Option<Plaintext>;
    put_back(Direction, Plaintext);
    note_frames(Direction, Place);
    last_frames(Direction) -> Option<Place>;
    early_frames() -> Option<Place>;
    is_http2() -> bool;
    facts() -> Box<Tls>;
    size() -> usize;
    is_unreadable() -> bool;
    is_followed(bool) -> bool;
    unread_reason() -> Option<&'static str>;
    undecrypted(&Identity, Side, bool, &'static str, Place, bool) -> SealedTls;
    awaits_secret() -> bool;
    is_newly_awaiting() -> bool;
    take_awaited() -> Option<[u8; 32]>;
    kept_runs() -> usize;
    first_bytes() -> Option<Span>;
    oldest_address() -> u64;
    is_full() -> bool;
    stop_awaiting();
    end_awaiting(StreamEnd, Place, &Secrets) -> (bool, bool);
    take_ended(bool) -> Option<(StreamEnd, Place)>;
    restart_with_secret(bool, &Secrets) -> Option<Vec<Run>>;
}

impl TlsLayer {
    pub(crate) fn begins(_: &[u8], _: &Context<'_>) -> bool {
        false
    }

    pub(crate) fn new(_: Place, _: &Secrets) -> Option<Box<Self>> {
        None
    }
}
