//! A connection that speaks TLS: its records are opened, and what was in them goes the way that TCP's bytes go.

use std::collections::VecDeque;
use std::fmt::Arguments;

use super::ends::{End, Ends};
use super::exchange::{Answer, Found};
use super::live::{Fate, Layer, Live, Socket};
use super::sealed::Kept;
use super::secrets::Secrets;
use super::sink::{Emit, Sink, Tls};
use super::work::Work;
use crate::model::{Chunk, Direction, PerDirection, Place, Rule, SEALED};
use crate::tcp::Held;
use crate::tls::{Context, Lost, Plain, TlsStream, may_begin, suite_name, version_name};

/// What is above this is no address of the capture, but of datagrams put together.
const ARENA: u64 = 0xF000_0000_0000_0000;
/// A gap of which the length is not known: it reaches over any frame.
const UNKNOWN_LEN: u64 = 1 << 62;

/// Plaintext that the layer above did not take yet.
#[derive(Clone, Debug)]
struct Piece {
    bytes: Vec<u8>,
    at: u64,
    address: u64,
    origin: Place,
    arrival: Place,
}

/// The TLS of a connection.
#[derive(Clone, Debug)]
pub(super) struct Secure {
    /// Out while it is at work.
    pub(super) tls: Option<Box<TlsStream>>,
    /// What waits for the other direction. While anything does, no more is decrypted of its direction.
    waiting: PerDirection<VecDeque<Piece>>,
    /// The last packet of each direction that brought bytes of frames.
    said: PerDirection<Option<Place>>,
    /// Its bytes so far, while its secrets may still come.
    pub(super) kept: Option<Kept>,
    /// Its first packet.
    pub(super) first: Place,
}

impl Secure {
    fn new(first: Place, secrets: &Secrets) -> Box<Self> {
        let kept = secrets.is_growing().then(|| Kept::new(secrets.clone()));
        Box::new(Self {
            tls: Some(Box::new(TlsStream::new())),
            waiting: PerDirection::default(),
            said: PerDirection::default(),
            kept,
            first,
        })
    }

    /// What TLS knows of it; `None` while it is at work.
    pub(super) fn tls(&self) -> Option<&TlsStream> {
        self.tls.as_deref()
    }

    /// Begins from the start, without what was read.
    pub(super) fn begin_again(&mut self) {
        self.tls = Some(Box::new(TlsStream::new()));
        (self.waiting, self.said) = (PerDirection::default(), PerDirection::default());
    }

    /// Bytes of memory, about.
    pub(super) fn size(&self) -> usize {
        let waiting = self.waiting.c2s.iter().chain(&self.waiting.s2c);
        self.tls.as_ref().map_or(0, |tls| tls.size())
            + waiting.map(|piece| piece.bytes.len() + 64).sum::<usize>()
            + self.kept.as_ref().map_or(0, Kept::size)
    }

    /// The last packet of a direction that brought bytes of frames.
    pub(super) fn said(&self, direction: Direction) -> Option<Place> {
        *self.said.of(direction)
    }

    /// What the handshake agreed on.
    pub(super) fn facts(&self) -> Option<Box<Tls>> {
        let info = self.tls.as_ref()?.info();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Box::new(Tls {
            version: version_name(info.version.unwrap_or(0)),
            cipher: suite_name(info.suite.unwrap_or(0)),
            server_name: info.server_name.as_deref().map(text),
            alpn: info.alpn.as_deref().map(text),
            resumed: info.resumed,
            client_random: self.tls.as_ref().and_then(|tls| tls.client_random().copied()),
        }))
    }
}

/// Takes what TLS gives out.
struct Deliver<'l, 'w, 'a, S> {
    live: &'l mut Live,
    /// Where plaintext goes. A gap and an end give none.
    to: Option<(&'l Ends, End)>,
    work: &'w mut Work<'a, S>,
}

impl<S: Sink> crate::tls::Events for Deliver<'_, '_, '_, S> {
    fn plain(&mut self, plain: Plain<'_>) {
        let Some((ends, end)) = self.to else { return };
        for chunk in plain.chunks() {
            let address = if chunk.address < ARENA { SEALED | chunk.address } else { SEALED };
            self.live.take_plain(ends, end, Chunk { address, ..chunk }, self.work);
        }
    }

    fn lost(&mut self, lost: Lost) {
        let len = if lost.exact { lost.len } else { UNKNOWN_LEN };
        match &mut self.live.layer {
            Layer::Http(http) => http.gap(lost.direction, len),
            Layer::WebSocket(socket) => {
                let Socket { connection, ws, heartbeats } = socket;
                let (mut context, sink) = self.work.context();
                let mut emit = Emit { sink, connection, heartbeats };
                ws.gap(lost.direction, lost.at, len, lost.place, &mut context, &mut emit);
            }
            Layer::Multiplex(multiplex) => {
                let why = "records of TLS are missing or damaged";
                multiplex.gap(lost.direction, lost.at, len, lost.place, why, self.work);
            }
            Layer::Done => {}
        }
    }

    fn finding(
        &mut self,
        rule: &'static Rule,
        direction: Direction,
        offset: u64,
        place: Place,
        text: Arguments<'_>,
    ) {
        self.live.note(rule, Some(direction), Some(offset), place, text, self.work);
    }
}

impl Live {
    /// Whether TLS begins with these bytes, and there are secrets to read it with, or somebody who asks for it.
    pub(super) fn begins_tls<S: Sink>(
        &mut self,
        end: End,
        bytes: &[u8],
        place: Place,
        work: &Work<'_, S>,
    ) -> bool {
        let fresh = matches!(&self.layer, Layer::Http(http) if !http.is_http());
        if !fresh
            || self.secure.is_some()
            || self.client.is_some_and(|client| client != end)
            || !may_begin(bytes)
            || !(work.sink.wants().sealed
                || work.limits.secrets.is_growing()
                || !work.limits.secrets.is_empty())
        {
            return false;
        }
        self.client = Some(end);
        self.secure = Some(Secure::new(place, &work.limits.secrets));
        true
    }

    /// Lets TLS do something, and passes on what comes out.
    fn with_tls<S: Sink, T>(
        &mut self,
        to: Option<(&Ends, End)>,
        work: &mut Work<'_, S>,
        act: impl FnOnce(&mut TlsStream, &mut Context<'_>, &mut Deliver<'_, '_, '_, S>) -> T,
    ) -> Option<T> {
        let secure = self.secure.as_mut()?;
        let waits = secure.kept.is_some();
        let mut tls = secure.tls.take()?;
        let mut scratch = std::mem::take(work.record);
        let secrets = work.limits.secrets.clone();
        // While more may come nothing is read with a part of them.
        let none = waits.then(crate::tls::KeyStore::default);
        let done = secrets.with(|keys| {
            let mut context = Context { keys: none.as_ref().unwrap_or(keys), scratch: &mut scratch };
            act(&mut tls, &mut context, &mut Deliver { live: self, to, work })
        });
        *work.record = scratch;
        let locked = tls.locked();
        if let Some(secure) = &mut self.secure {
            secure.tls = Some(tls);
        }
        if locked.is_some() && self.fate == Fate::Keep && !self.is_websocket() {
            self.let_go(locked, to.map(|(ends, _)| ends), work);
        }
        Some(done)
    }

    /// Hands ciphertext to TLS; returns how many bytes it took.
    pub(super) fn feed_tls<S: Sink>(
        &mut self,
        ends: &Ends,
        end: End,
        chunk: Chunk<'_>,
        work: &mut Work<'_, S>,
    ) -> u32 {
        let direction = self.direction(end);
        self.pass_on(ends, chunk.arrival, work);
        if self.fate != Fate::Keep || self.waits(direction) {
            return 0;
        }
        self.make_room_for_bytes(ends, work);
        if self.fate != Fate::Keep || self.waits(direction) {
            return 0;
        }
        let taken = self
            .with_tls(Some((ends, end)), work, |tls, context, out| tls.data(direction, chunk, context, out));
        self.keep(direction, &chunk, taken.unwrap_or(0));
        self.read_again(ends, false, work);
        self.begin_by_alpn(ends, chunk.arrival, work);
        self.pass_on(ends, chunk.arrival, work);
        taken.unwrap_or(chunk.bytes.len()) as u32
    }

    /// Begins HTTP/2 where that was agreed on (RFC 7301): its preface comes first then.
    fn begin_by_alpn<S: Sink>(&mut self, ends: &Ends, place: Place, work: &mut Work<'_, S>) {
        let Some(tls) = self.secure.as_ref().and_then(|secure| secure.tls.as_ref()) else { return };
        let fresh = matches!(&self.layer, Layer::Http(http) if !http.is_http());
        if fresh && self.fate == Fate::Keep && tls.info().alpn.as_deref() == Some(b"h2") {
            self.begin_http2(ends, 0, None, place, work);
        }
    }

    /// Bytes of a TLS connection that the capture lacks.
    pub(super) fn gap_tls<S: Sink>(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        work: &mut Work<'_, S>,
    ) {
        self.keep_gap(direction, at, len, arrival);
        self.with_tls(None, work, |tls, _, out| tls.gap(direction, at, len, arrival, out));
    }

    /// A direction of a TLS connection ended.
    pub(super) fn end_tls<S: Sink>(&mut self, end: End, place: Place, work: &mut Work<'_, S>) {
        let direction = self.direction(end);
        self.with_tls(None, work, |tls, _, out| tls.end(direction, place, out));
    }

    /// Nothing that TLS or HTTP wait for will come. Whether that lets anything go on.
    pub(super) fn abandon_tls<S: Sink>(&mut self, ends: &Ends, place: Place, work: &mut Work<'_, S>) -> bool {
        let Some(secure) = &mut self.secure else { return false };
        let Some(tls) = &mut secure.tls else { return false };
        let first = !tls.is_abandoned();
        Direction::BOTH.into_iter().for_each(|direction| tls.abandon(direction));
        let waits = !secure.waiting.s2c.is_empty();
        if let Layer::Http(http) = &mut self.layer
            && waits
            && http.server_waits()
        {
            http.forced = true;
        }
        self.pass_on(ends, place, work);
        first && self.fate == Fate::Keep
    }

    pub(super) fn waits(&self, direction: Direction) -> bool {
        self.secure.as_ref().is_some_and(|secure| !secure.waiting.of(direction).is_empty())
    }

    /// Takes plaintext, or keeps it until it can be taken.
    fn take_plain<S: Sink>(&mut self, ends: &Ends, end: End, chunk: Chunk<'_>, work: &mut Work<'_, S>) {
        let direction = self.direction(end);
        // Heads wait until TLS is back in its place: who opens a WebSocket asks what it runs in.
        let later = self.waits(direction) || matches!(self.layer, Layer::Http(_));
        let taken = if later { 0 } else { self.plain(ends, end, chunk, work) };
        let rest = chunk.skip(taken);
        if rest.bytes.is_empty() || self.fate != Fate::Keep {
            return;
        }
        if let Some(secure) = &mut self.secure {
            let Chunk { at, address, origin, arrival, bytes } = rest;
            secure.waiting.of_mut(direction).push_back(Piece {
                bytes: bytes.to_vec(),
                at,
                address,
                origin,
                arrival,
            });
        }
    }

    /// Passes on what waited, as long as any of it is taken.
    fn pass_on<S: Sink>(&mut self, ends: &Ends, arrival: Place, work: &mut Work<'_, S>) {
        loop {
            let mut progress = false;
            for end in self.order() {
                let direction = self.direction(end);
                while self.fate == Fate::Keep
                    && let Some(piece) =
                        self.secure.as_mut().and_then(|s| s.waiting.of_mut(direction).pop_front())
                {
                    let Piece { bytes, at, address, origin, arrival: own } = piece;
                    let chunk = Chunk { at, bytes: &bytes, address, origin, arrival: own.max(arrival) };
                    let taken = self.plain(ends, end, chunk, work);
                    progress |= taken > 0;
                    let rest = chunk.skip(taken);
                    if rest.bytes.is_empty() {
                        continue;
                    }
                    let Chunk { at, address, .. } = rest;
                    let piece = Piece { bytes: rest.bytes.to_vec(), at, address, origin, arrival: own };
                    if let Some(secure) = &mut self.secure {
                        secure.waiting.of_mut(direction).push_front(piece);
                    }
                    break;
                }
            }
            if !progress || self.fate != Fate::Keep {
                return;
            }
        }
    }

    /// Hands plaintext to the layer above; how many bytes it took.
    fn plain<S: Sink>(&mut self, ends: &Ends, end: End, chunk: Chunk<'_>, work: &mut Work<'_, S>) -> usize {
        let direction = self.direction(end);
        let mut rest = chunk;
        while !rest.bytes.is_empty() && self.fate == Fate::Keep {
            match &mut self.layer {
                Layer::WebSocket(socket) => {
                    if let Some(secure) = &mut self.secure {
                        *secure.said.of_mut(direction) = Some(chunk.arrival);
                    }
                    let Socket { connection, ws, heartbeats } = socket;
                    if work.sink.wants().chunks {
                        work.sink.chunk(connection, direction, &rest);
                    }
                    let (mut context, sink) = work.context();
                    ws.data(direction, rest, &mut context, &mut Emit { sink, connection, heartbeats });
                    return chunk.bytes.len();
                }
                Layer::Http(http) => {
                    let step = http.data(direction, rest, work.limits);
                    let arrival = rest.arrival;
                    rest = rest.skip(step.taken);
                    let found = step.found.is_some();
                    if let Some(found) = step.found {
                        self.found_inside(ends, end, found, &rest, arrival, work);
                    }
                    if step.taken == 0 && !found {
                        break;
                    }
                }
                Layer::Multiplex(multiplex) => {
                    multiplex.data(direction, rest, work);
                    return chunk.bytes.len();
                }
                Layer::Done => return chunk.bytes.len(),
            }
        }
        chunk.bytes.len() - rest.bytes.len()
    }

    /// What HTTP found inside TLS. Where frames begin is certain here: behind the heads.
    fn found_inside<S: Sink>(
        &mut self,
        ends: &Ends,
        end: End,
        found: Found,
        rest: &Chunk<'_>,
        arrival: Place,
        work: &mut Work<'_, S>,
    ) {
        match found {
            Found::Answered(head, place, answer) if answer != Answer::Refuses => {
                let asked = self.asked.take();
                self.open(ends, asked, head, place, answer, work);
            }
            found => {
                let held = Held { at: rest.at, address: rest.address, len: 0, ack: 0, origin: rest.origin };
                self.found(ends, end, found, held, arrival, work);
            }
        }
    }

    /// The packet of frames that the client sent before it had the response.
    pub(super) fn early_frames(&self) -> Option<Place> {
        self.secure.as_ref()?.waiting.c2s.front().map(|piece| piece.origin)
    }
}
