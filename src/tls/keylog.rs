//! Key logs (`SSLKEYLOGFILE`, RFC 9850): the secrets that programs write of their connections.

use std::collections::VecDeque;
use std::fmt;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use zeroize::Zeroizing;

/// The longest line that can hold anything: `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, 32 bytes, 48 bytes, and room.
const MAX_LINE: usize = 512;
/// Secrets that are kept: about 100 MB. A browser writes five for each connection.
const MAX_SECRETS: usize = 500_000;
/// Secrets of one client random: updated traffic secrets may be logged too.
const MAX_OF_ONE: usize = 32;
/// Client randoms that are remembered in the order in which their secrets came: 128 KiB.
const MAX_RECENT: usize = 4096;

/// A secret. It is wiped when dropped and never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// What a secret is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// `CLIENT_RANDOM`: the master secret of TLS 1.2 and before.
    Master,
    /// `CLIENT_EARLY_TRAFFIC_SECRET`
    ClientEarly,
    /// `CLIENT_HANDSHAKE_TRAFFIC_SECRET`
    ClientHandshake,
    /// `SERVER_HANDSHAKE_TRAFFIC_SECRET`
    ServerHandshake,
    /// `CLIENT_TRAFFIC_SECRET_N`
    ClientTraffic(u32),
    /// `SERVER_TRAFFIC_SECRET_N`
    ServerTraffic(u32),
}

impl Label {
    /// Its name in a key log.
    fn name(self) -> String {
        match self {
            Self::Master => "CLIENT_RANDOM".to_owned(),
            Self::ClientEarly => "CLIENT_EARLY_TRAFFIC_SECRET".to_owned(),
            Self::ClientHandshake => "CLIENT_HANDSHAKE_TRAFFIC_SECRET".to_owned(),
            Self::ServerHandshake => "SERVER_HANDSHAKE_TRAFFIC_SECRET".to_owned(),
            Self::ClientTraffic(number) => format!("CLIENT_TRAFFIC_SECRET_{number}"),
            Self::ServerTraffic(number) => format!("SERVER_TRAFFIC_SECRET_{number}"),
        }
    }
}

/// What a line is.
enum Line {
    Empty,
    /// A secret of a client random.
    Secret(Label, [u8; 32], Secret),
    /// A pre-master secret, by the first bytes of what it was encrypted to.
    Rsa([u8; 8], Secret),
    /// A label that is known and not needed, or not known.
    Other,
    Broken,
}

/// What key logs held, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLogCounts {
    /// Lines, comments and empty ones included.
    pub lines: u64,
    /// Secrets kept.
    pub secrets: u64,
    /// Well-formed lines that decrypt nothing: exporter secrets, ECH, labels that are not known.
    pub other: u64,
    /// Lines that cannot be read.
    pub broken: u64,
    /// The first of them, from 1.
    pub first_broken: u64,
    /// Secrets not kept because there are too many.
    pub dropped: u64,
}

/// The secrets of key logs, by connection. Wiped when dropped; [`Debug`] shows numbers only.
#[derive(Clone, Default)]
pub struct KeyStore {
    secrets: HashMap<[u8; 32], Vec<(Label, Secret)>, RandomState>,
    rsa: HashMap<[u8; 8], Secret, RandomState>,
    /// The beginning of a line of which the end has not come.
    partial: Zeroizing<Vec<u8>>,
    /// It is over [`MAX_LINE`] already.
    overlong: bool,
    counts: KeyLogCounts,
    /// How many secrets of client randoms were added, and the client randoms of the last ones.
    added: u64,
    recent: VecDeque<[u8; 32]>,
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyStore {{ connections: {}, {:?} }}", self.secrets.len(), self.counts)
    }
}

impl KeyStore {
    /// Takes the text of a key log, or what was appended to it since: lines may be cut anywhere.
    pub fn feed(&mut self, text: &[u8]) {
        for part in text.split_inclusive(|&b| b == b'\n') {
            let (line, ends) = match part.strip_suffix(b"\n") {
                Some(line) => (line, true),
                None => (part, false),
            };
            if self.partial.is_empty() && ends && !self.overlong && line.len() <= MAX_LINE {
                self.line(line);
                continue;
            }
            if self.partial.capacity() == 0 {
                // Once and for all: growing would leave copies behind.
                self.partial.reserve_exact(MAX_LINE);
            }
            let room = MAX_LINE - self.partial.len().min(MAX_LINE);
            self.overlong |= line.len() > room;
            self.partial.extend_from_slice(line.get(..room).unwrap_or(line));
            if ends {
                self.end();
            }
        }
    }

    /// The key log ends: what has no line end is its last line.
    pub fn end(&mut self) {
        let mut line = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.overlong) {
            // A long comment is one.
            if !matches!(read(&line), Line::Empty) {
                self.break_line();
            }
            self.counts.lines += 1;
        } else if !line.is_empty() {
            self.line(&line);
        }
        line.clear();
        self.partial = line;
    }

    /// Whether there is no secret at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.rsa.is_empty()
    }

    /// What was read so far.
    #[must_use]
    pub fn counts(&self) -> KeyLogCounts {
        self.counts
    }

    /// Whether anything is known of the connection with this client random.
    #[must_use]
    pub fn knows(&self, client_random: &[u8; 32]) -> bool {
        self.secrets.contains_key(client_random)
    }

    /// Whether all is known that content of both directions needs.
    #[must_use]
    pub fn is_complete(&self, client_random: &[u8; 32]) -> bool {
        let has = |label| self.secret(client_random, label).is_some();
        has(Label::Master) || has(Label::ClientTraffic(0)) && has(Label::ServerTraffic(0))
    }

    /// Whether there is anything that may open a part of the connection with this client random.
    #[must_use]
    pub fn may_open(&self, client_random: &[u8; 32]) -> bool {
        self.knows(client_random) || self.has_rsa()
    }

    /// How many secrets of client randoms were added so far.
    #[must_use]
    pub fn added(&self) -> u64 {
        self.added
    }

    /// The client randoms of the secrets added since [`added`](Self::added) was `since`, in that order; `None` where
    /// those of the oldest ones are no longer known.
    pub fn added_since(&self, since: u64) -> Option<impl Iterator<Item = &[u8; 32]>> {
        let count = usize::try_from(self.added.saturating_sub(since)).ok()?;
        let start = self.recent.len().checked_sub(count)?;
        Some(self.recent.range(start..))
    }

    /// Whether a pre-master secret of an RSA key exchange is known.
    #[must_use]
    pub fn has_rsa(&self) -> bool {
        !self.rsa.is_empty()
    }

    pub(super) fn secret(&self, client_random: &[u8; 32], label: Label) -> Option<&Secret> {
        self.secrets
            .get(client_random)?
            .iter()
            .find_map(|(known, secret)| (*known == label).then_some(secret))
    }

    /// The pre-master secret that was encrypted to bytes which begin so.
    pub(super) fn pre_master(&self, encrypted: &[u8]) -> Option<&Secret> {
        self.rsa.get(encrypted.first_chunk::<8>()?)
    }

    /// The lines of a key log that hold what is known of one connection: to be written where that was asked for.
    #[must_use]
    pub fn lines_of(&self, client_random: &[u8; 32]) -> Zeroizing<Vec<u8>> {
        let all = self.secrets.get(client_random).map(Vec::as_slice).unwrap_or_default();
        // Once and for all: growing would leave copies behind.
        let mut lines = Zeroizing::new(Vec::with_capacity(all.len() * 320));
        for (label, secret) in all {
            let random = hex::encode(client_random);
            let digits = Zeroizing::new(hex::encode(secret.bytes()));
            lines.extend_from_slice(label.name().as_bytes());
            for part in [" ", &random, " ", digits.as_str(), "\n"] {
                lines.extend_from_slice(part.as_bytes());
            }
        }
        lines
    }

    fn break_line(&mut self) {
        if self.counts.broken == 0 {
            self.counts.first_broken = self.counts.lines + 1;
        }
        self.counts.broken += 1;
    }

    fn line(&mut self, line: &[u8]) {
        let full = self.counts.secrets >= MAX_SECRETS as u64;
        match read(line) {
            Line::Empty => {}
            Line::Other => self.counts.other += 1,
            Line::Broken => self.break_line(),
            Line::Secret(..) | Line::Rsa(..) if full => self.counts.dropped += 1,
            Line::Secret(label, random, secret) => {
                self.added += 1;
                if self.recent.len() >= MAX_RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back(random);
                let of_one = self.secrets.entry(random).or_default();
                let room = of_one.len() < MAX_OF_ONE;
                match of_one.iter_mut().find(|(known, _)| *known == label) {
                    Some((_, known)) => *known = secret,
                    None if room => {
                        of_one.push((label, secret));
                        self.counts.secrets += 1;
                    }
                    None => self.counts.dropped += 1,
                }
            }
            Line::Rsa(encrypted, secret) => {
                if self.rsa.insert(encrypted, secret).is_none() {
                    self.counts.secrets += 1;
                }
            }
        }
        self.counts.lines += 1;
    }
}

/// Reads a line, without its line end.
fn read(line: &[u8]) -> Line {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Line::Empty;
    }
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (Some(label), Some(first), Some(second), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Line::Broken;
    };
    if label == b"RSA" {
        let mut encrypted = [0; 8];
        return match (hex::decode_to_slice(first, &mut encrypted), secret(second)) {
            (Ok(()), Some(pre_master)) if pre_master.bytes().len() == 48 => Line::Rsa(encrypted, pre_master),
            _ => Line::Broken,
        };
    }
    let Some(label) = label_of(label) else {
        let is_name = label.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
        return if is_name { Line::Other } else { Line::Broken };
    };
    let mut random = [0; 32];
    match (hex::decode_to_slice(first, &mut random), secret(second)) {
        (Ok(()), Some(secret)) if label != Label::Master || secret.bytes().len() == 48 => {
            Line::Secret(label, random, secret)
        }
        _ => Line::Broken,
    }
}

/// 32 or 48 bytes in hexadecimal: the length of the hash, or of a master secret.
fn secret(digits: &[u8]) -> Option<Secret> {
    let mut bytes = Zeroizing::new([0; 48]);
    let bytes = bytes.get_mut(..digits.len() / 2).filter(|bytes| matches!(bytes.len(), 32 | 48))?;
    hex::decode_to_slice(digits, bytes).ok()?;
    Some(Secret::new(bytes))
}

fn label_of(name: &[u8]) -> Option<Label> {
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
    Some(match name {
        b"CLIENT_RANDOM" => Label::Master,
        b"CLIENT_EARLY_TRAFFIC_SECRET" => Label::ClientEarly,
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Label::ClientHandshake,
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Label::ServerHandshake,
        _ => {
            match (name.strip_prefix(b"CLIENT_TRAFFIC_SECRET_"), name.strip_prefix(b"SERVER_TRAFFIC_SECRET_"))
            {
                (Some(digits), _) => Label::ClientTraffic(number(digits)?),
                (_, Some(digits)) => Label::ServerTraffic(number(digits)?),
                _ => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RANDOM: &str = "cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7";

    fn log() -> String {
        let (s32, s48) = ("ab".repeat(32), "cd".repeat(48));
        format!(
            "# a comment\r\n\r\n\
             CLIENT_HANDSHAKE_TRAFFIC_SECRET {RANDOM} {s32}\r\n\
             SERVER_HANDSHAKE_TRAFFIC_SECRET {RANDOM} {s48}\n\
             CLIENT_TRAFFIC_SECRET_0 {RANDOM} {s32}\n\
             SERVER_TRAFFIC_SECRET_12  {RANDOM}\t{s32}\n\
             CLIENT_EARLY_TRAFFIC_SECRET {RANDOM} {s32}\n\
             EXPORTER_SECRET {RANDOM} {s32}\n\
             EARLY_EXPORTER_SECRET {RANDOM} {s32}\n\
             CLIENT_RANDOM {RANDOM} {s48}\n\
             RSA 0102030405060708 {s48}\n\
             ECH_SECRET {RANDOM} 0102\n\
             CLIENT_RANDOM {RANDOM} {s32}\n\
             CLIENT_RANDOM {RANDOM}\n\
             nonsense here now\n\
             SERVER_TRAFFIC_SECRET_0 {RANDOM} {s48}"
        )
    }

    fn random() -> [u8; 32] {
        let mut random = [0; 32];
        hex::decode_to_slice(RANDOM, &mut random).unwrap();
        random
    }

    #[test]
    fn every_label_is_known_and_broken_lines_are_counted() {
        let mut keys = KeyStore::default();
        keys.feed(log().as_bytes());
        assert_eq!(keys.secret(&random(), Label::ServerTraffic(0)), None, "its line has not ended");
        keys.end();
        let counts = keys.counts();
        assert_eq!(
            counts,
            KeyLogCounts { lines: 16, secrets: 8, other: 3, broken: 3, first_broken: 13, dropped: 0 }
        );
        for label in [
            Label::Master,
            Label::ClientEarly,
            Label::ClientHandshake,
            Label::ServerHandshake,
            Label::ClientTraffic(0),
            Label::ServerTraffic(12),
            Label::ServerTraffic(0),
        ] {
            assert!(keys.secret(&random(), label).is_some(), "{label:?}");
        }
        assert_eq!(keys.pre_master(&[1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap().bytes(), [0xcd; 48]);
        assert_eq!(keys.pre_master(&[1, 2, 3]), None);
    }

    #[test]
    fn no_secret_is_printed() {
        let mut keys = KeyStore::default();
        keys.feed(log().as_bytes());
        let printed = format!("{keys:?} {:?} {:#?}", keys.secrets, keys.rsa);
        assert!(
            !printed.contains("abab") && !printed.contains("171") && !printed.contains("205"),
            "{printed}"
        );
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut keys = KeyStore::default();
        for _ in 0..1000 {
            keys.feed(&[b'A'; 1000]);
        }
        assert!(keys.partial.capacity() <= MAX_LINE);
        keys.feed(b"\n# next\n");
        assert_eq!((keys.counts().lines, keys.counts().broken), (2, 1));
    }

    proptest! {
        #[test]
        fn a_key_log_that_grows_gives_what_it_gives_at_once(cuts in prop::collection::vec(0usize..1600, 0..20)) {
            let log = log();
            let mut whole = KeyStore::default();
            whole.feed(log.as_bytes());
            whole.end();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(log.len())).collect();
            cuts.extend([0, log.len()]);
            cuts.sort_unstable();
            let mut pieces = KeyStore::default();
            for pair in cuts.windows(2) {
                pieces.feed(&log.as_bytes()[pair[0]..pair[1]]);
            }
            pieces.end();
            prop_assert_eq!(pieces.counts(), whole.counts());
        }

        #[test]
        fn any_bytes_are_a_key_log(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut keys = KeyStore::default();
            keys.feed(&bytes);
            keys.end();
            prop_assert!(keys.is_empty());
        }
    }
}
