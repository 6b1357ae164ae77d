//! TLS between TCP and what lies above: records are decrypted, and their content is handed up in order.

use std::collections::VecDeque;
use std::fmt::Arguments;

use super::above::{Above, Gap, Run};
use super::kept_runs::KeptRuns;
use crate::model::{Chunk, Direction, PerDirection, Place, Rule, SEALED};
use crate::pipeline::context::Context;
use crate::pipeline::events::Tls;
use crate::pipeline::secrets::Secrets;
use crate::tls::{KeyStore, Lost, Plain, TlsStream, may_begin, suite_name, version_name};
use crate::ws::Spot;

/// Addresses from here on are those of reassembled datagrams, and none of the capture.
const ARENA: u64 = 0xF000_0000_0000_0000;
/// The length of a gap whose length is not known: it exceeds any frame.
const UNKNOWN_LEN: u64 = 1 << 62;

/// Plaintext that the layer above has not taken yet.
#[derive(Clone, Debug)]
pub(crate) struct Plaintext {
    bytes: Vec<u8>,
    at: u64,
    address: u64,
    origin: Place,
    arrival: Place,
}

impl Plaintext {
    /// As a chunk that is complete no earlier than `arrival`.
    pub(crate) fn chunk(&self, arrival: Place) -> Chunk<'_> {
        let Self { ref bytes, at, address, origin, arrival: own } = *self;
        Chunk { at, bytes, address, origin, arrival: own.max(arrival) }
    }

    /// What is left behind the first `taken` bytes.
    pub(crate) fn rest(self, taken: usize) -> Option<Self> {
        let rest = self.chunk(self.arrival).skip(taken);
        let rest = Self { bytes: rest.bytes.to_vec(), at: rest.at, address: rest.address, ..self };
        (!rest.bytes.is_empty()).then_some(rest)
    }
}

/// The TLS of a connection.
#[derive(Clone, Debug)]
pub(crate) struct TlsLayer {
    pub(super) stream: Box<TlsStream>,
    /// Plaintext that waits for the other direction. While there is any, its direction is not decrypted further.
    waiting: PerDirection<VecDeque<Plaintext>>,
    /// The last packet of each direction that brought bytes of frames.
    last_frames: PerDirection<Option<Place>>,
    /// Where its bytes are, while its secrets may still arrive.
    pub(super) kept: Option<KeptRuns>,
    /// Its first packet.
    pub(super) first: Place,
}

/// Passes on what TLS gives out.
struct Upwards<'a, 'c, A> {
    waiting: &'a mut PerDirection<VecDeque<Plaintext>>,
    last_frames: &'a mut PerDirection<Option<Place>>,
    /// The direction whose records are decrypted; gaps and ends give no plaintext.
    direction: Option<Direction>,
    above: &'a mut A,
    context: &'a mut Context<'c>,
}

impl<A: Above> crate::tls::TlsEvents for Upwards<'_, '_, A> {
    fn plain(&mut self, plain: Plain<'_>) {
        let Some(direction) = self.direction else { return };
        for chunk in plain.chunks() {
            let address = if chunk.address < ARENA { SEALED | chunk.address } else { SEALED };
            let chunk = Chunk { address, ..chunk };
            let waiting = self.waiting.of_mut(direction);
            // Heads wait until the record is done with: whoever opens a WebSocket asks for the facts of its TLS.
            let taken = if !waiting.is_empty() || self.above.reads_heads() {
                0
            } else {
                if self.above.is_websocket() {
                    *self.last_frames.of_mut(direction) = Some(chunk.arrival);
                }
                self.above.data(direction, chunk, self.context)
            };
            let Chunk { at, address, origin, arrival, bytes } = chunk.skip(taken);
            if !bytes.is_empty() {
                waiting.push_back(Plaintext { bytes: bytes.to_vec(), at, address, origin, arrival });
            }
        }
    }

    fn lost(&mut self, lost: Lost) {
        let Lost { direction, at, place: arrival, .. } = lost;
        let len = if lost.exact { lost.len } else { UNKNOWN_LEN };
        let why = "records of TLS are missing or damaged";
        self.above.gap(&Gap { direction, at, len, arrival, why }, self.context);
    }

    fn finding(
        &mut self,
        rule: &'static Rule,
        direction: Direction,
        offset: u64,
        place: Place,
        text: Arguments<'_>,
    ) {
        self.above.finding(rule, Spot::of(direction, place).with_offset(offset), text, self.context);
    }
}

impl TlsLayer {
    /// Whether TLS begins with these bytes, and there are secrets to decrypt it with, or it is to be reported.
    pub(crate) fn begins(bytes: &[u8], context: &Context<'_>) -> bool {
        let secrets = &context.limits.secrets;
        may_begin(bytes) && (context.sink.wants().sealed || secrets.is_growing() || !secrets.is_empty())
    }

    /// A layer whose first bytes are in packet `first`.
    pub(crate) fn new(first: Place, secrets: &Secrets) -> Option<Box<Self>> {
        let kept = secrets.is_growing().then(|| KeptRuns::new(secrets.clone()));
        Some(Box::new(Self {
            stream: Box::new(TlsStream::new()),
            waiting: PerDirection::default(),
            last_frames: PerDirection::default(),
            kept,
            first,
        }))
    }

    /// Begins again at the first byte.
    pub(super) fn restart(&mut self) {
        *self.stream = TlsStream::new();
        (self.waiting, self.last_frames) = (PerDirection::default(), PerDirection::default());
    }

    fn with_stream<A: Above, T>(
        &mut self,
        direction: Option<Direction>,
        above: &mut A,
        context: &mut Context<'_>,
        act: impl FnOnce(&mut TlsStream, &mut crate::tls::TlsContext<'_>, &mut Upwards<'_, '_, A>) -> T,
    ) -> T {
        let mut scratch = std::mem::take(context.record);
        let mut patience = std::mem::take(context.patience);
        let secrets = context.limits.secrets.clone();
        // While more secrets may arrive, nothing is decrypted with a part of them.
        let none = self.kept.is_some().then(KeyStore::default);
        let Self { stream, waiting, last_frames, .. } = self;
        let done = secrets.with(|keys| {
            let keys = none.as_ref().unwrap_or(keys);
            let mut tls = crate::tls::TlsContext { keys, scratch: &mut scratch, patience: &mut patience };
            act(stream, &mut tls, &mut Upwards { waiting, last_frames, direction, above, context })
        });
        (*context.record, *context.patience) = (scratch, patience);
        done
    }

    /// Takes ciphertext, the next in order; returns how many bytes it took.
    pub(crate) fn data(
        &mut self,
        direction: Direction,
        chunk: Chunk<'_>,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) -> usize {
        let taken = self.with_stream(Some(direction), above, context, |stream, tls, up| {
            stream.data(direction, chunk, tls, up)
        });
        context.patience.grow(taken);
        let Chunk { at, address, origin, arrival, .. } = chunk;
        self.keep(Run { direction, at, address: Some(address), len: taken as u64, origin, arrival });
        taken
    }

    /// Ciphertext is missing.
    pub(crate) fn gap(&mut self, gap: &Gap<'_>, above: &mut impl Above, context: &mut Context<'_>) {
        let Gap { direction, at, len, arrival, .. } = *gap;
        self.keep(Run { direction, at, address: None, len, origin: arrival, arrival });
        self.with_stream(None, above, context, |stream, _, up| stream.gap(direction, at, len, arrival, up));
    }

    /// A direction ended.
    pub(crate) fn end(
        &mut self,
        direction: Direction,
        place: Place,
        above: &mut impl Above,
        context: &mut Context<'_>,
    ) {
        self.with_stream(None, above, context, |stream, _, up| stream.end(direction, place, up));
    }

    /// Nothing that it waits for will arrive. True the first time.
    pub(crate) fn abandon(&mut self) -> bool {
        let first = !self.stream.is_abandoned();
        Direction::BOTH.into_iter().for_each(|direction| self.stream.abandon(direction));
        first
    }

    /// Whether plaintext of a direction waits.
    pub(crate) fn waits(&self, direction: Direction) -> bool {
        !self.waiting.of(direction).is_empty()
    }

    /// The next plaintext of a direction that waits.
    pub(crate) fn take_waiting(&mut self, direction: Direction) -> Option<Plaintext> {
        self.waiting.of_mut(direction).pop_front()
    }

    /// Puts back what was not taken.
    pub(crate) fn put_back(&mut self, direction: Direction, rest: Plaintext) {
        self.waiting.of_mut(direction).push_front(rest);
    }

    /// A packet brought bytes of frames.
    pub(crate) fn note_frames(&mut self, direction: Direction, place: Place) {
        *self.last_frames.of_mut(direction) = Some(place);
    }

    /// The last packet of a direction that brought bytes of frames.
    pub(super) fn last_frames(&self, direction: Direction) -> Option<Place> {
        *self.last_frames.of(direction)
    }

    /// The packet of frames that the client sent before it had the response.
    pub(super) fn early_frames(&self) -> Option<Place> {
        self.waiting.c2s.front().map(|piece| piece.origin)
    }

    /// Whether ALPN agreed on HTTP/2 (RFC 7301).
    pub(crate) fn is_http2(&self) -> bool {
        self.stream.info().alpn.as_deref() == Some(b"h2")
    }

    /// What its handshake agreed on.
    pub(crate) fn facts(&self) -> Box<Tls> {
        let info = self.stream.info();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Box::new(Tls {
            version: version_name(info.version.unwrap_or(0)),
            cipher: suite_name(info.suite.unwrap_or(0)),
            server_name: info.server_name.as_deref().map(text),
            alpn: info.alpn.as_deref().map(text),
            resumed: info.resumed,
            client_random: self.stream.client_random().copied(),
        })
    }

    /// Bytes of memory, approximately.
    pub(crate) fn size(&self) -> usize {
        let waiting = self.waiting.c2s.iter().chain(&self.waiting.s2c);
        size_of::<Self>()
            + self.stream.size()
            + waiting.map(|piece| piece.bytes.capacity() + size_of::<Plaintext>()).sum::<usize>()
            + self.kept.as_ref().map_or(0, KeptRuns::size)
    }
}
