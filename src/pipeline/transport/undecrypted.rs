//! TLS that cannot be decrypted: how it is described, and what is kept of it while its secret may still arrive.

use super::above::Run;
use super::kept_runs::KeptRuns;
use super::tls::TlsLayer;
use crate::model::{Direction, PerDirection, Place, Span};
use crate::pipeline::events::{RecordCounts, SealedTls, Tls};
use crate::pipeline::secrets::Secrets;
use crate::pipeline::sides::{Identity, Side};
use crate::tls::{Locked, Shape, likeness, suite_name, version_name};
use crate::ws::StreamEnd;

/// Records of a connection that are inspected: enough to judge what it resembles.
const INSPECTED: u64 = 4096;
fn counts(shape: &Shape) -> RecordCounts {
    RecordCounts { records: shape.records, bytes: shape.bytes, small: shape.small }
}

impl TlsLayer {
    /// Whether its content cannot be read.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.stream.locked().is_some()
    }

    /// Whether it is followed although it cannot be read, because somebody wants to know of it or its secret may
    /// arrive.
    pub(crate) fn is_followed(&self, wanted: bool) -> bool {
        let why = self.stream.locked();
        let records = Direction::BOTH.map(|direction| self.stream.shape(direction).records);
        why != Some(Locked::NotTls)
            && (self.kept.is_some() && why == Some(Locked::NoSecret)
                || wanted && records.iter().sum::<u64>() < INSPECTED)
    }

    /// Why it was not decrypted; `None` where it was, or is not TLS.
    pub(crate) fn unread_reason(&self) -> Option<&'static str> {
        let read = Direction::BOTH.into_iter().any(|direction| self.stream.plain_len(direction) > 0);
        match self.stream.locked() {
            Some(Locked::NotTls) => None,
            Some(Locked::NoSecret) => Some("no-secret"),
            Some(Locked::Unsupported) => Some("unsupported"),
            Some(Locked::Lost) => Some("lost"),
            None if read || self.stream.info().suite.is_some() => None,
            None => Some("no-handshake"),
        }
    }

    /// What its handshake says in the clear, and what its records look like.
    pub(crate) fn undecrypted(
        &self,
        identity: &Identity,
        client: Side,
        tunnelled: bool,
        why: &'static str,
        last: Place,
        whole: bool,
    ) -> SealedTls {
        let tls = &self.stream;
        let info = tls.info();
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let shapes = PerDirection {
            c2s: tls.shape(Direction::ClientToServer),
            s2c: tls.shape(Direction::ServerToClient),
        };
        SealedTls {
            tcp: identity.tcp,
            client: identity.of(client),
            server: identity.of(client.other()),
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
            resembles: likeness(shapes.c2s, shapes.s2c, info).name(),
            records: PerDirection { c2s: counts(shapes.c2s), s2c: counts(shapes.s2c) },
            first: self.first,
            last,
            whole,
        }
    }

    /// Remembers where bytes are, or that they are missing, while the connection's secret may still arrive.
    pub(super) fn keep(&mut self, run: Run) {
        if let Some(kept) = &mut self.kept
            && run.len > 0
            && !kept.push(run)
        {
            // Too much arrived before the secret did: it is no longer waited for.
            self.kept = None;
        }
    }

    /// Whether it cannot be read until its secret arrives.
    pub(crate) fn awaits_secret(&self) -> bool {
        self.kept.is_some() && self.stream.locked() == Some(Locked::NoSecret)
    }

    /// Whether it awaits a secret, and the pipeline does not know that yet.
    pub(crate) fn is_newly_awaiting(&self) -> bool {
        self.kept.as_ref().is_some_and(|kept| !kept.awaited) && self.awaits_secret()
    }

    /// The client random by which its secret is found. From now on the pipeline knows that it is awaited.
    pub(crate) fn take_awaited(&mut self) -> Option<[u8; 32]> {
        let random = *self.stream.client_random()?;
        self.kept.as_mut()?.awaited = true;
        Some(random)
    }

    /// How many runs of it are kept.
    pub(crate) fn kept_runs(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.counted)
    }

    /// The first of its bytes that are kept.
    pub(crate) fn first_bytes(&self) -> Option<Span> {
        let runs = &self.kept.as_ref()?.runs;
        let (start, len) = runs.iter().find_map(|run| run.address.zip(Some(run.len)))?;
        Some(Span { start, len: u32::try_from(len).unwrap_or(u32::MAX) })
    }

    /// The lowest address of its bytes that are kept; `u64::MAX` where none are.
    pub(super) fn oldest_address(&self) -> u64 {
        let runs = self.kept.as_ref().map(|kept| kept.runs.as_slice()).unwrap_or_default();
        runs.iter().filter_map(|run| run.address).min().unwrap_or(u64::MAX)
    }

    /// Whether no more bytes of it can be kept.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.as_ref().is_some_and(KeptRuns::is_full)
    }

    /// No longer waits for the secret.
    pub(crate) fn stop_awaiting(&mut self) {
        self.kept = None;
    }

    /// The connection ended as `how` says, and its secret is not known but may still arrive. The second value is true the
    /// first time.
    pub(crate) fn end_awaiting(&mut self, how: StreamEnd, place: Place, secrets: &Secrets) -> (bool, bool) {
        if !self.awaits_secret() {
            return (false, false);
        }
        secrets.refresh();
        let Some(random) = self.stream.client_random() else { return (false, false) };
        let Some(kept) = &mut self.kept else { return (false, false) };
        // Whether a pre-master secret decrypts it is known only when that is tried.
        let tries = secrets.with(|keys| keys.is_complete(random) || keys.has_rsa());
        if tries || kept.last || how == StreamEnd::Capture {
            return (false, false);
        }
        let first = kept.ended.is_none();
        kept.ended.get_or_insert((how, place));
        (true, first)
    }

    /// How the connection ended before its secret was known. `last`: the secret is no longer waited for.
    pub(crate) fn take_ended(&mut self, last: bool) -> Option<(StreamEnd, Place)> {
        let kept = self.kept.as_mut()?;
        let ended = kept.ended.take()?;
        kept.last = last;
        Some(ended)
    }

    /// Begins again at the first byte, if its secret is known now: returns the runs to read. `last`: nothing more is
    /// waited for, so what is known of its secrets has to do.
    pub(crate) fn restart_with_secret(&mut self, last: bool, secrets: &Secrets) -> Option<Vec<Run>> {
        let kept = self.kept.as_mut()?;
        let turns = secrets.turns();
        if kept.turns == turns && !last {
            return None;
        }
        let locked = self.stream.locked();
        // Before the ServerHello nothing is certain, so the key log is not searched in vain.
        if locked.is_none() && !last {
            return None;
        }
        kept.turns = turns;
        let random = self.stream.client_random()?;
        let is_known = secrets.with(|keys| keys.is_complete(random) || last && keys.may_open(random));
        if !is_known || matches!(locked, Some(Locked::Unsupported | Locked::NotTls)) {
            return None;
        }
        let mut kept = self.kept.take()?;
        self.restart();
        Some(std::mem::take(&mut kept.runs))
    }
}
