//! A TLS connection: which records, which keys, what comes out.

use std::fmt::Arguments;
use std::sync::Arc;

use super::cipher::{HEADER_LEN, Opener, Suite};
use super::handshake::alert_name;
use super::info::{EarlyData, Info, Locked};
use super::keylog::KeyStore;
use super::record::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Lost, Origin, Plain, Shape, TlsRecord, header,
};
use super::rules;
use super::side::{Epoch, Mode, TlsSide};
use crate::model::{Chunk, Direction, PerDirection, Place, Rule};
use Direction::{ClientToServer, ServerToClient};

/// What a stream works with beside its bytes.
#[derive(Debug)]
pub struct TlsContext<'a> {
    /// The secrets.
    pub keys: &'a KeyStore,
    /// Room for one record. What it holds does not matter.
    pub scratch: &'a mut Vec<u8>,
    /// What the searches of all streams may cost still.
    pub patience: &'a mut Patience,
}

/// The work that the searches of all streams may do after losses, in bytes tried. It grows with what is read, so that a
/// capture made for it cannot cost more than in proportion to its size.
#[derive(Clone, Debug)]
pub struct Patience(u64);

impl Patience {
    const AT_FIRST: u64 = 64 << 20;
    const MOST: u64 = 1 << 30;
    const PER_BYTE: u64 = 32;

    /// So many bytes were read.
    pub fn grow(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add((bytes as u64).saturating_mul(Self::PER_BYTE)).min(Self::MOST);
    }

    /// What is left.
    pub(super) fn left(&self) -> u64 {
        self.0
    }

    /// So much was used.
    pub(super) fn spend(&mut self, cost: u64) {
        self.0 = self.0.saturating_sub(cost);
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self(Self::AT_FIRST)
    }
}

/// Takes what comes out of a stream.
pub trait TlsEvents {
    /// Application data of a record, the next in order.
    fn plain(&mut self, plain: Plain<'_>);
    /// Application data that cannot be read.
    fn lost(&mut self, lost: Lost);
    /// A rule was broken. `offset` is in the direction's TCP stream.
    fn finding(
        &mut self,
        rule: &'static Rule,
        direction: Direction,
        offset: u64,
        place: Place,
        text: Arguments<'_>,
    );
}

/// Whose hello comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hello {
    #[default]
    Client,
    Server,
    Done,
}

/// What TLS 1.2 needs to make keys from a pre-master secret.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    pub(super) client_random: [u8; 32],
    /// That of the ClientHello.
    pub(super) session_id: Vec<u8>,
    pub(super) server_random: [u8; 32],
    /// The client's and the server's keys, for when a ChangeCipherSpec comes.
    pub(super) pending: Option<(Arc<Opener>, Arc<Opener>)>,
    /// The server's flight is complete; when it resumes, there is none.
    pub(super) server_done: bool,
    pub(super) client_key_exchange: bool,
    /// The handshake's messages, where a pre-master secret may need them.
    pub(super) transcript: PerDirection<Vec<u8>>,
}

/// A connection.
///
/// [`data`](Self::data) may take less than it is given: these bytes need something of the other direction first,
/// and have to come again after that has been given more.
#[derive(Clone, Debug, Default)]
pub struct TlsStream {
    pub(super) sides: PerDirection<TlsSide>,
    pub(super) tls13: bool,
    pub(super) suite: Option<&'static Suite>,
    pub(super) info: Info,
    pub(super) locked: Option<Locked>,
    pub(super) hello: Hello,
    pub(super) exchange: Exchange,
    /// The server has said whether it takes early data.
    pub(super) extensions_seen: bool,
    /// Nothing more comes of a direction that was waited for.
    abandoned: PerDirection<bool>,
}

impl TlsStream {
    /// A connection before its first byte.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the handshake said so far.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The random of the ClientHello, under which a key log has the secrets; `None` before one was read.
    #[must_use]
    pub fn client_random(&self) -> Option<&[u8; 32]> {
        (self.hello != Hello::Client || self.info.retried).then_some(&self.exchange.client_random)
    }

    /// Why it is not read, if it is not.
    #[must_use]
    pub fn locked(&self) -> Option<Locked> {
        self.locked
    }

    /// Records of application data in a direction, by the outside.
    #[must_use]
    pub fn shape(&self, direction: Direction) -> &Shape {
        &self.sides.of(direction).shape
    }

    /// Offset behind the content given out of a direction.
    #[must_use]
    pub fn plain_len(&self, direction: Direction) -> u64 {
        self.sides.of(direction).plain_at
    }

    /// Records of a direction for which there was no secret.
    #[must_use]
    pub fn unread(&self, direction: Direction) -> u64 {
        self.sides.of(direction).unread
    }

    /// Whether the sender of a direction said that nothing follows (`close_notify`).
    #[must_use]
    pub fn is_closed(&self, direction: Direction) -> bool {
        self.sides.of(direction).closed
    }

    /// Bytes of memory, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let Exchange { transcript, session_id, pending, .. } = &self.exchange;
        size_of::<Self>()
            + self.sides.c2s.size()
            + self.sides.s2c.size()
            + transcript.c2s.capacity()
            + transcript.s2c.capacity()
            + session_id.capacity()
            + pending.as_ref().map_or(0, |_| 2 * size_of::<Opener>())
            + self.info.size()
    }

    /// Takes bytes of a direction, the next in order; how many it took.
    pub fn data(
        &mut self,
        direction: Direction,
        chunk: Chunk<'_>,
        context: &mut TlsContext<'_>,
        events: &mut impl TlsEvents,
    ) -> usize {
        let mut rest = chunk;
        loop {
            let side = self.sides.of_mut(direction);
            if self.locked.is_some() || side.mode == Mode::Dead {
                side.walk.bytes(rest.bytes, rest.origin, &mut side.shape);
                return chunk.bytes.len();
            }
            let progress = match side.mode {
                Mode::Skip(left) => {
                    let skipped = rest.bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    rest = rest.skip(skipped);
                    let left = left - skipped as u64;
                    side.mode = if left == 0 { Mode::Records } else { Mode::Skip(left) };
                    skipped > 0
                }
                Mode::Records | Mode::Dead => self.next_record(direction, &mut rest, context, events),
                Mode::Lost => self.find(direction, &mut rest, context, events),
            };
            if !progress {
                return chunk.bytes.len() - rest.bytes.len();
            }
        }
    }

    /// Bytes that the capture lacks: `len` of them, from offset `at` of the direction's TCP stream on.
    pub fn gap(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        events: &mut impl TlsEvents,
    ) {
        let needed = match direction {
            ClientToServer => self.hello == Hello::Client,
            ServerToClient => self.hello != Hello::Done,
        };
        if needed && self.locked.is_none() {
            self.lock(
                Locked::Lost,
                direction,
                at,
                arrival,
                events,
                format_args!("a hello is not in the capture"),
            );
        }
        let side = self.sides.of_mut(direction);
        if self.locked.is_some() || side.mode == Mode::Dead {
            return side.walk.gap(len);
        }
        let left = match side.mode {
            Mode::Skip(left) => left,
            Mode::Records if side.buffer.len() >= HEADER_LEN => {
                let Some((kind, total)) = header(&side.buffer) else { return };
                let (at, left) = (side.at, total.saturating_sub(side.buffer.len()) as u64);
                side.buffer.clear();
                side.origins.clear();
                if left <= len {
                    // Counted below, or exactly one record.
                    side.mode = Mode::Records;
                }
                self.miss_record(direction, kind, total, at, arrival, events);
                left
            }
            Mode::Records | Mode::Lost | Mode::Dead => 0,
        };
        let side = self.sides.of_mut(direction);
        side.joiner.reset();
        if len < left {
            side.mode = Mode::Skip(left - len);
        } else if len == left {
            side.mode = Mode::Records;
        } else {
            side.lost_bytes =
                side.lost_bytes.saturating_add(side.buffer.len() as u64).saturating_add(len - left);
            side.buffer.clear();
            side.origins.clear();
            side.mode = Mode::Lost;
        }
    }

    /// What is missing of a direction will not be found: the other one waits for it no more.
    pub fn abandon(&mut self, direction: Direction) {
        *self.abandoned.of_mut(direction) = true;
    }

    /// Whether both directions were given up.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.c2s && self.abandoned.s2c
    }

    /// A direction ended: nothing more comes of it. Told once, however often it is called.
    pub fn end(&mut self, direction: Direction, place: Place, events: &mut impl TlsEvents) {
        self.abandon(direction);
        if std::mem::replace(&mut self.sides.of_mut(direction).ended, true) {
            return;
        }
        if self.locked.is_some() {
            return;
        }
        let (side, sender) = (self.sides.of(direction), direction.sender());
        let held = side.buffer.len();
        let (offset, at) = (side.at, side.plain_at);
        match side.mode {
            Mode::Records | Mode::Skip(_) if held > 0 || side.mode != Mode::Records => {
                let text = format_args!("the {sender}'s stream ended inside a record");
                events.finding(&rules::TLS_INCOMPLETE_RECORD, direction, offset, place, text);
            }
            Mode::Records if side.unread > 0 && (side.blind || !side.encrypted) => {
                let text = format_args!("no key log has the {sender}'s secrets: {} records", side.unread);
                events.finding(&rules::TLS_NO_SECRET, direction, offset, place, text);
            }
            Mode::Lost => {
                let bytes = side.lost_bytes.saturating_add(held as u64);
                let text = format_args!("no record of the {sender} was found after a loss: {bytes} bytes");
                events.finding(&rules::TLS_LOST, direction, offset, place, text);
                events.lost(Lost { direction, at, len: 0, exact: false, records: None, place });
            }
            _ => {}
        }
    }

    /// Gives the connection up.
    pub(super) fn lock(
        &mut self,
        why: Locked,
        direction: Direction,
        offset: u64,
        place: Place,
        events: &mut impl TlsEvents,
        text: Arguments<'_>,
    ) {
        if self.locked.is_some() {
            return;
        }
        self.locked = Some(why);
        for side in [&mut self.sides.c2s, &mut self.sides.s2c] {
            let buffer = std::mem::take(&mut side.buffer);
            side.origins = Vec::new();
            side.walk.bytes(&buffer, place, &mut side.shape);
            (side.key, side.later) = (None, Vec::new());
        }
        self.exchange.transcript = PerDirection::default();
        let rule = match why {
            Locked::NotTls => return,
            Locked::NoSecret => &rules::TLS_NO_SECRET,
            Locked::Unsupported => &rules::TLS_UNSUPPORTED,
            Locked::Lost => &rules::TLS_LOST,
        };
        events.finding(rule, direction, offset, place, text);
        for direction in Direction::BOTH {
            let at = self.sides.of(direction).plain_at;
            if at > 0 {
                events.lost(Lost { direction, at, len: 0, exact: false, records: None, place });
            }
        }
    }

    /// Whether a whole record has to wait for the other direction.
    fn waits(&self, direction: Direction, kind: u8, keys: &KeyStore) -> bool {
        if *self.abandoned.of(direction.opposite()) {
            return false;
        }
        let started = self.sides.c2s.encrypted || self.sides.s2c.encrypted;
        match direction {
            ClientToServer => match self.hello {
                Hello::Client => false,
                Hello::Server => !started || kind == CHANGE_CIPHER_SPEC,
                Hello::Done => {
                    let server = &self.sides.s2c;
                    self.info.early_data == EarlyData::Offered
                        && !self.extensions_seen
                        && server.key.is_some()
                        && !matches!(server.mode, Mode::Dead | Mode::Lost)
                }
            },
            ServerToClient => match self.hello {
                Hello::Client => !started,
                Hello::Server => false,
                Hello::Done => {
                    let exchange = &self.exchange;
                    kind == CHANGE_CIPHER_SPEC
                        && exchange.pending.is_none()
                        && keys.has_rsa()
                        && exchange.server_done
                        && !exchange.client_key_exchange
                }
            },
        }
    }

    /// Reads the record at hand as soon as it is whole. False where there is nothing more to do.
    fn next_record(
        &mut self,
        direction: Direction,
        rest: &mut Chunk<'_>,
        context: &mut TlsContext<'_>,
        events: &mut impl TlsEvents,
    ) -> bool {
        let side = self.sides.of(direction);
        if side.buffer.len() < HEADER_LEN {
            let mut start = [0; HEADER_LEN];
            let bytes = side.buffer.iter().chain(rest.bytes);
            let len = start.iter_mut().zip(bytes).map(|(to, byte)| *to = *byte).count();
            // What a broken header costs hangs on whether there are keys yet: that is known by the other direction.
            let broken = header(start.get(..len).unwrap_or_default()).is_none();
            if len == 0 || broken && self.waits(direction, 0, context.keys) {
                return false;
            }
        }
        let side = self.sides.of_mut(direction);
        if side.buffer.len() < HEADER_LEN && (!side.buffer.is_empty() || rest.bytes.len() < HEADER_LEN) {
            side.keep(rest, HEADER_LEN - side.buffer.len());
        }
        let (start, at) =
            if side.buffer.is_empty() { (rest.bytes, rest.at) } else { (side.buffer.as_slice(), side.at) };
        let Some((kind, total)) = header(start) else {
            self.broken_header(direction, at, rest.origin, events);
            return true;
        };
        if start.len() < HEADER_LEN {
            return false;
        }
        let need = total.saturating_sub(side.buffer.len());
        if rest.bytes.len() < need {
            side.keep(rest, need);
            return false;
        }
        if self.waits(direction, kind, context.keys) {
            return false;
        }
        let side = self.sides.of_mut(direction);
        let mut record =
            TlsRecord { number: side.records + 1, at, len: total, first: rest.origin, arrival: rest.arrival };
        let one;
        let mut many = Vec::new();
        let mut head = Vec::new();
        let origins: &[Origin] = if side.buffer.is_empty() {
            one = [Origin { end: total, address: rest.address, place: rest.origin }];
            &one
        } else {
            many.clone_from(&side.origins);
            if need > 0 {
                many.push(Origin { end: total, address: rest.address, place: rest.origin });
            }
            head = std::mem::take(&mut side.buffer);
            many.as_slice()
        };
        record.first = origins.first().map_or(rest.origin, |origin| origin.place);
        let parts = (head.get(..total).unwrap_or(&head), rest.bytes.get(..need).unwrap_or_default());
        let mut scratch = std::mem::take(context.scratch);
        self.read_record(direction, kind, parts, (record, origins), &mut scratch, context, events);
        *context.scratch = scratch;
        *rest = rest.skip(need);
        // What a search left behind this record, or else nothing.
        let side = self.sides.of_mut(direction);
        if self.locked.is_some() {
            let behind = head.get(total..).unwrap_or_default();
            side.walk.bytes(behind, record.first, &mut side.shape);
        } else if !head.is_empty() {
            side.buffer = head;
            side.drop_front(total.min(side.buffer.len()));
        }
        true
    }

    fn broken_header(&mut self, direction: Direction, at: u64, place: Place, events: &mut impl TlsEvents) {
        let side = self.sides.of_mut(direction);
        if side.records == 0 {
            return self.lock(Locked::NotTls, direction, at, place, events, format_args!("no record"));
        }
        if !side.encrypted && self.hello != Hello::Done {
            let text =
                format_args!("what follows a plaintext record of the {} is no record", direction.sender());
            return self.lock(Locked::Lost, direction, at, place, events, text);
        }
        side.joiner.reset();
        side.mode = Mode::Lost;
        events.finding(
            &rules::TLS_RECORD_DAMAGED,
            direction,
            at,
            place,
            format_args!("no record begins at offset {at} of what the {} sent", direction.sender()),
        );
    }

    /// Reads a whole record, which stands in two parts.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn read_record(
        &mut self,
        direction: Direction,
        kind: u8,
        parts: (&[u8], &[u8]),
        (record, origins): (TlsRecord, &[Origin]),
        scratch: &mut Vec<u8>,
        context: &mut TlsContext<'_>,
        events: &mut impl TlsEvents,
    ) {
        let side = self.sides.of_mut(direction);
        side.records += 1;
        let in_clear = !side.encrypted
            || self.tls13 && (kind == CHANGE_CIPHER_SPEC || kind == ALERT && record.len == HEADER_LEN + 2);
        if in_clear {
            fill(scratch, parts);
            let body = scratch.get(HEADER_LEN..).unwrap_or_default();
            return self.content(direction, kind, body, &record, context, events);
        }
        side.shape.add(kind, record.len - HEADER_LEN, record.first);
        fill(scratch, parts);
        let opened = side.key.as_mut().and_then(|key| {
            let range = key.opener.open(key.seq, scratch)?;
            key.seq = key.seq.wrapping_add(1);
            Some(range)
        });
        let range = match opened {
            Some(range) if side.failed == 0 && side.lost_bytes == 0 => {
                side.blind = false;
                range
            }
            Some(range) => {
                self.found(direction, Some(0), record.arrival, events);
                range
            }
            None => match self.other_key(direction, parts, (scratch, context.patience), &record, events) {
                Some(range) => range,
                None => {
                    return self.miss_record(direction, kind, record.len, record.at, record.arrival, events);
                }
            },
        };
        let opened = scratch.get(range.clone()).unwrap_or_default();
        let (kind, content) = if self.tls13 {
            // RFC 8446 section 5.4: zeros, and before them the type.
            match opened.iter().rposition(|&byte| byte != 0) {
                Some(end) => (opened.get(end).copied().unwrap_or(0), opened.get(..end).unwrap_or_default()),
                None => return,
            }
        } else {
            (kind, opened)
        };
        if kind != APPLICATION_DATA {
            return self.content(direction, kind, content, &record, context, events);
        }
        let side = self.sides.of_mut(direction);
        let at = side.plain_at;
        side.plain_at = at.wrapping_add(content.len() as u64);
        if side.key.as_ref().is_some_and(|key| key.epoch == Epoch::Early && key.seq == 1) {
            let text = format_args!("the client sent data before the handshake");
            events.finding(&rules::TLS_EARLY_DATA, direction, record.at, record.first, text);
        }
        if at == 0 {
            let first = if direction == ClientToServer { content } else { &[] };
            context.keys.note_decrypted(&self.exchange.client_random, first);
        }
        events.plain(Plain { direction, at, bytes: content, record, start: range.start, origins });
    }

    /// What is not application data.
    fn content(
        &mut self,
        direction: Direction,
        kind: u8,
        body: &[u8],
        record: &TlsRecord,
        context: &mut TlsContext<'_>,
        events: &mut impl TlsEvents,
    ) {
        match kind {
            CHANGE_CIPHER_SPEC if !self.tls13 => self.change_cipher(direction, record, events),
            ALERT => self.alert(direction, body, record, events),
            HANDSHAKE => {
                let mut rest = body;
                while !rest.is_empty() && self.locked.is_none() {
                    let (taken, message) = self.sides.of_mut(direction).joiner.feed(rest);
                    let (part, behind) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
                    self.transcribe(direction, part, context.keys);
                    rest = behind;
                    if let Some(message) = message {
                        self.message(direction, &message, record, context.keys, events);
                    }
                }
            }
            // In the clear it can only be early data that nobody takes.
            APPLICATION_DATA => self.sides.of_mut(direction).unread += 1,
            _ => {}
        }
    }

    fn alert(&mut self, direction: Direction, body: &[u8], record: &TlsRecord, events: &mut impl TlsEvents) {
        const FATAL: u8 = 2;
        let &[level, code] = body else { return };
        if code == 0 {
            self.sides.of_mut(direction).closed = true;
        } else if level == FATAL || self.tls13 && code != 90 {
            events.finding(
                &rules::TLS_ALERT,
                direction,
                record.at,
                record.first,
                format_args!("the {} sent the alert {} ({code})", direction.sender(), alert_name(code)),
            );
        }
    }
}

/// Puts a record together, to be opened in place.
pub(super) fn fill(scratch: &mut Vec<u8>, parts: (&[u8], &[u8])) {
    scratch.clear();
    scratch.extend_from_slice(parts.0);
    scratch.extend_from_slice(parts.1);
}
