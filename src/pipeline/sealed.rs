//! TLS connections that cannot be read: what is told of them, and how one is read from its start once its secret comes.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use super::ends::{End, Ends};
use super::exchange::Other;
use super::live::{Fate, Layer, Live};
use super::secrets::Secrets;
use super::sink::{RecordCounts, SealedTls, Sink, Tls};
use super::work::Work;
use crate::model::{Chunk, Direction, PerDirection, Place, Span};
use crate::tls::{Likeness, Locked, Shape, likeness, suite_name, version_name};
use crate::ws::StreamEnd;

/// Records of a connection that are looked at: then it is let go. Enough to judge how it looks.
const WATCHED: u64 = 4096;
/// Pieces that are kept of a connection whose secret may come.
const PIECES: usize = 8192;
/// The same of all connections together: 64 MiB.
pub(super) const ALL_PIECES: usize = 1 << 20;

/// A run of a connection's bytes, or (`address`: none) bytes that the capture lacks.
#[derive(Clone, Copy, Debug)]
struct Run {
    direction: Direction,
    at: u64,
    address: Option<u64>,
    len: u64,
    origin: Place,
    arrival: Place,
}

/// Where the bytes of a connection are, in the order in which they were taken.
#[derive(Debug)]
pub(super) struct Kept {
    runs: Vec<Run>,
    /// How many are counted as kept.
    counted: usize,
    secrets: Secrets,
    /// How far the secrets had come when they were last looked at.
    turns: u64,
    /// The pipeline knows that its secrets are awaited.
    awaited: bool,
    /// How the connection ended, and the packet at which that was known.
    ended: Option<(StreamEnd, Place)>,
    /// Its secrets are no longer waited for.
    last: bool,
}

impl Kept {
    pub(super) fn new(secrets: Secrets) -> Self {
        Self { runs: Vec::new(), counted: 0, secrets, turns: 0, awaited: false, ended: None, last: false }
    }

    /// Whether there is no room for another run.
    fn is_full(&self) -> bool {
        self.runs.len() >= PIECES || self.secrets.kept().load(Ordering::Relaxed) >= ALL_PIECES
    }

    pub(super) fn size(&self) -> usize {
        self.runs.capacity() * size_of::<Run>()
    }

    /// Adds a run; false where there is no room.
    fn push(&mut self, run: Run) -> bool {
        if self.is_full() {
            return false;
        }
        self.secrets.kept().fetch_add(1, Ordering::Relaxed);
        self.counted += 1;
        self.runs.push(run);
        true
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        self.secrets.kept().fetch_add(self.counted, Ordering::Relaxed);
        Self {
            runs: self.runs.clone(),
            counted: self.counted,
            secrets: self.secrets.clone(),
            turns: self.turns,
            awaited: self.awaited,
            ended: self.ended,
            last: self.last,
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.secrets.kept().fetch_sub(self.counted, Ordering::Relaxed);
    }
}

fn counts(shape: &Shape) -> RecordCounts {
    RecordCounts { records: shape.records, bytes: shape.bytes, small: shape.small }
}

impl Live {
    /// A connection that cannot be read is followed on where somebody wants to know of it, or its secret may come.
    pub(super) fn let_go<S: Sink>(
        &mut self,
        why: Option<Locked>,
        ends: Option<&Ends>,
        work: &mut Work<'_, S>,
    ) {
        let Some(tls) = self.secure.as_ref().and_then(|secure| secure.tls()) else { return };
        let records = Direction::BOTH.map(|direction| tls.shape(direction).records).iter().sum::<u64>();
        let waits = self.secure.as_ref().is_some_and(|secure| secure.kept.is_some());
        let follows = why != Some(Locked::NotTls)
            && (waits && why == Some(Locked::NoSecret) || work.sink.wants().sealed && records < WATCHED);
        if follows {
            return;
        }
        self.fate = Fate::Drop(Other::Tls);
        if why != Some(Locked::NotTls)
            && let Some(ends) = ends
        {
            self.tell_sealed(ends, false, work);
        }
    }

    /// Tells a connection that was not read. False where this is none.
    pub(super) fn tell_sealed<S: Sink>(&mut self, ends: &Ends, whole: bool, work: &mut Work<'_, S>) -> bool {
        let fresh = matches!(&self.layer, Layer::Http(http) if !http.is_http());
        let Some(secure) = self.secure.as_ref().filter(|_| fresh) else { return false };
        let Some(tls) = secure.tls() else { return false };
        let read = Direction::BOTH.into_iter().any(|direction| tls.plain_len(direction) > 0);
        let why = match tls.locked() {
            Some(Locked::NotTls) => return false,
            Some(Locked::NoSecret) => "no-secret",
            Some(Locked::Unsupported) => "unsupported",
            Some(Locked::Lost) => "lost",
            None if read || tls.info().suite.is_some() => return false,
            None => "no-handshake",
        };
        if !work.sink.wants().sealed {
            return true;
        }
        let info = tls.info();
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let (client, server) = (tls.shape(Direction::ClientToServer), tls.shape(Direction::ServerToClient));
        let resembles = match likeness(client, server) {
            Likeness::None => "no",
            Likeness::Some => "some",
            Likeness::Much => "much",
        };
        let end = self.client.unwrap_or(End::A);
        let tunnelled = matches!(&self.layer, Layer::Http(http) if http.tunnelled);
        work.sink.sealed(&SealedTls {
            tcp: ends.tcp,
            client: ends.of(end),
            server: ends.of(end.other()),
            tunnelled,
            session: Tls {
                version: info.version.map_or("", version_name),
                cipher: info.suite.map(suite_name).unwrap_or_default(),
                server_name: info.server_name.as_ref().map(text),
                alpn: info.alpn.as_ref().map(text),
                resumed: info.resumed,
                client_random: tls.client_random().copied(),
            },
            offered: info.alpn_offered.iter().map(text).collect(),
            why,
            resembles,
            records: PerDirection { c2s: counts(client), s2c: counts(server) },
            first: secure.first,
            last: self.last,
            whole,
        });
        true
    }

    /// Keeps in mind where bytes are, while the connection's secret may still come.
    pub(super) fn keep(&mut self, direction: Direction, chunk: &Chunk<'_>, taken: usize) {
        let run = Run {
            direction,
            at: chunk.at,
            address: Some(chunk.address),
            len: taken as u64,
            origin: chunk.origin,
            arrival: chunk.arrival,
        };
        self.keep_run(run);
    }

    /// Keeps in mind that bytes are missing.
    pub(super) fn keep_gap(&mut self, direction: Direction, at: u64, len: u64, arrival: Place) {
        self.keep_run(Run { direction, at, address: None, len, origin: arrival, arrival });
    }

    fn keep_run(&mut self, run: Run) {
        let Some(secure) = &mut self.secure else { return };
        if let Some(kept) = &mut secure.kept
            && run.len > 0
            && !kept.push(run)
        {
            // Too much came before the secret did: it is not waited for any more.
            secure.kept = None;
        }
    }

    /// Whether it cannot be read until its secret comes.
    pub(super) fn awaits_secret(&self) -> bool {
        let Some(secure) = &self.secure else { return false };
        secure.kept.is_some() && secure.tls().is_some_and(|tls| tls.locked() == Some(Locked::NoSecret))
    }

    /// Whether it awaits a secret, and the pipeline does not know that yet.
    pub(super) fn is_newly_awaiting(&self) -> bool {
        let Some(kept) = self.secure.as_ref().and_then(|secure| secure.kept.as_ref()) else { return false };
        !kept.awaited && self.awaits_secret()
    }

    /// The client random by which its secret is found. The pipeline knows then that it is awaited.
    pub(super) fn take_awaited(&mut self) -> Option<[u8; 32]> {
        let secure = self.secure.as_mut()?;
        let random = *secure.tls.as_ref()?.client_random()?;
        secure.kept.as_mut()?.awaited = true;
        Some(random)
    }

    /// How many pieces of it are kept.
    pub(super) fn kept_pieces(&self) -> usize {
        self.kept().map_or(0, |kept| kept.counted)
    }

    /// The first of its bytes that are kept.
    pub(super) fn first_bytes(&self) -> Option<Span> {
        let first = self.kept()?.runs.iter().find_map(|run| run.address.zip(Some(run.len)));
        first.map(|(start, len)| Span { start, len: u32::try_from(len).unwrap_or(u32::MAX) })
    }

    /// The lowest address of its bytes that are kept; `u64::MAX` where none are.
    pub(super) fn oldest_kept(&self) -> u64 {
        let runs = self.kept().map(|kept| kept.runs.as_slice()).unwrap_or_default();
        runs.iter().filter_map(|run| run.address).min().unwrap_or(u64::MAX)
    }

    fn kept(&self) -> Option<&Kept> {
        self.secure.as_ref()?.kept.as_ref()
    }

    /// Makes room for the next bytes: where there is none, its secret must be there now, or is not waited for.
    pub(super) fn make_room_for_bytes<S: Sink>(&mut self, ends: &Ends, work: &mut Work<'_, S>) {
        if self.kept().is_some_and(Kept::is_full) {
            work.limits.secrets.refresh();
            self.read_again(ends, false, work);
            if let Some(secure) = &mut self.secure {
                secure.kept = None;
            }
        }
    }

    /// The connection ended as `how` says. True where its secret is not known, but may still come: then it is kept.
    pub(super) fn is_kept_for_secret<S: Sink>(
        &mut self,
        ends: &Ends,
        how: StreamEnd,
        place: Place,
        work: &mut Work<'_, S>,
    ) -> bool {
        if !self.awaits_secret() {
            return false;
        }
        work.limits.secrets.refresh();
        let Some(secure) = &mut self.secure else { return false };
        let Some(random) = secure.tls.as_ref().and_then(|tls| tls.client_random()) else { return false };
        let Some(kept) = &mut secure.kept else { return false };
        // Whether a pre-master secret opens it is known only when that is tried.
        let tries = work.limits.secrets.with(|keys| keys.is_complete(random) || keys.has_rsa());
        if tries || kept.last || how == StreamEnd::Capture {
            return false;
        }
        if kept.ended.is_none() {
            kept.ended = Some((how, place));
            if work.sink.wants().drafts {
                self.tell_sealed(ends, true, work);
            }
        }
        true
    }

    /// Ends a connection once more that ended before its secret was known. `last`: the secret is no longer waited for.
    pub(super) fn end_again<S: Sink>(&mut self, ends: &Ends, last: bool, work: &mut Work<'_, S>) -> Fate {
        let Some(kept) = self.secure.as_mut().and_then(|secure| secure.kept.as_mut()) else {
            return Fate::Drop(Other::Tls);
        };
        let Some((how, place)) = kept.ended.take() else { return Fate::Drop(Other::Tls) };
        kept.last = last;
        if work.sink.wants().drafts {
            work.sink.withdrawn(ends.tcp);
        }
        self.fate = Fate::Keep;
        self.end(ends, how, place, work);
        self.fate
    }

    /// Reads the connection from its start, if its secret is there now. `last`: nothing more is waited for, and what is
    /// there of its secrets has to do.
    pub(super) fn read_again<S: Sink>(&mut self, ends: &Ends, last: bool, work: &mut Work<'_, S>) {
        let Some(secure) = &mut self.secure else { return };
        let Some(kept) = &mut secure.kept else { return };
        let turns = work.limits.secrets.turns();
        if kept.turns == turns && !last {
            return;
        }
        let Some(tls) = secure.tls.as_ref() else { return };
        // Before the ServerHello nothing can be said, so the key log is not looked through for nothing.
        if tls.locked().is_none() && !last {
            return;
        }
        kept.turns = turns;
        let Some(random) = tls.client_random() else { return };
        let there =
            work.limits.secrets.with(|keys| keys.is_complete(random) || last && keys.may_open(random));
        let supported = !matches!(tls.locked(), Some(Locked::Unsupported | Locked::NotTls));
        if !there || !supported {
            return;
        }
        let Some(mut kept) = secure.kept.take() else { return };
        secure.begin_again();
        self.layer_again();
        self.fate = Fate::Keep;
        self.feed_again(ends, std::mem::take(&mut kept.runs), work);
    }

    fn feed_again<S: Sink>(&mut self, ends: &Ends, runs: Vec<Run>, work: &mut Work<'_, S>) {
        let mut queues: PerDirection<VecDeque<Run>> = PerDirection::default();
        for run in runs {
            queues.of_mut(run.direction).push_back(run);
        }
        while self.fate == Fate::Keep {
            let mut both = Direction::BOTH;
            let front = |direction: Direction| queues.of(direction).front().map(|run| run.arrival.packet);
            if let [Some(client), Some(server)] = both.map(front)
                && server < client
            {
                both.reverse();
            }
            let mut progress = false;
            for direction in both {
                let Some(run) = queues.of_mut(direction).pop_front() else { continue };
                if let Some(rest) = self.feed_run(ends, run, work) {
                    progress |= rest.len < run.len;
                    queues.of_mut(direction).push_front(rest);
                } else {
                    progress = true;
                }
                if progress || self.fate != Fate::Keep {
                    break;
                }
            }
            if !progress && !self.abandon_tls(ends, self.last, work) {
                return;
            }
        }
    }

    /// Feeds a run; what of it was not taken.
    fn feed_run<S: Sink>(&mut self, ends: &Ends, run: Run, work: &mut Work<'_, S>) -> Option<Run> {
        let Run { direction, at, address, len, origin, arrival } = run;
        let space = work.bytes;
        let span = address.map(|start| Span { start, len: u32::try_from(len).unwrap_or(u32::MAX) });
        let Some((address, bytes)) = address.zip(span.and_then(|span| space.slice(span))) else {
            if address.is_some() {
                self.tell_gap(direction, at, len, arrival, "the spool no longer has them", work);
            }
            self.gap_tls(direction, at, len, arrival, work);
            return None;
        };
        let end = match (self.client.unwrap_or(End::A), direction) {
            (client, Direction::ClientToServer) => client,
            (client, Direction::ServerToClient) => client.other(),
        };
        let taken = u64::from(self.feed_tls(ends, end, Chunk { at, bytes, address, origin, arrival }, work));
        let rest = Run {
            at: at.saturating_add(taken),
            address: Some(address.saturating_add(taken)),
            len: len.saturating_sub(taken),
            ..run
        };
        (rest.len > 0).then_some(rest)
    }

    /// Nothing was read above TLS.
    fn layer_again(&mut self) {
        self.pending.retain(|finding| !finding.rule.code.starts_with("tls-"));
    }
}
