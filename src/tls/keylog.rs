//! Key logs (`SSLKEYLOGFILE`, RFC 9850): the secrets that programs write of their connections.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use zeroize::Zeroizing;

/// The longest line that can hold anything: `CLIENT_HANDSHAKE_TRAFFIC_SECRET`, 32 bytes, 48 bytes, and room.
const MAX_LINE: usize = 512;
/// Secrets that are kept: about 100 MB. A browser writes five for each connection.
#[cfg(not(test))]
const MAX_SECRETS: u64 = 500_000;
#[cfg(test)]
const MAX_SECRETS: u64 = 100;
/// Secrets of one client random: updated traffic secrets may be logged too.
const MAX_OF_ONE: usize = 32;
/// Decrypted connections that are remembered: 8 MiB.
const MAX_DECRYPTED: usize = 65_536;
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
enum KeyLogLine {
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
    /// Lines that contain a secret.
    pub secret_lines: u64,
    /// Secrets kept.
    pub secrets: u64,
    /// Well-formed lines that decrypt nothing: exporter secrets, ECH, labels that are not known.
    pub other: u64,
    /// Lines that cannot be read.
    pub broken: u64,
    /// The first of them, from 1.
    pub first_broken: u64,
    /// Older secrets that were removed to make room for newer ones.
    pub dropped: u64,
}

/// What a secret is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The random of a ClientHello.
    Client([u8; 32]),
    /// The first bytes of an encrypted pre-master secret.
    PreMaster([u8; 8]),
}

/// A key log and what it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLogFile {
    /// The file's name, safe to print.
    pub name: String,
    /// Lines of it that contain a secret.
    pub secret_lines: u64,
    /// Why it gives no secret, and what to do.
    pub problem: Option<String>,
    /// Whether the environment names it, which may be meant for other programs.
    pub of_environment: bool,
}

/// The first bytes of a decrypted connection that were kept to recognize its protocol.
pub const FIRST_BYTES: usize = 16;

/// Connections that were decrypted, by client random, with the first bytes that their clients sent.
type Decrypted = HashMap<[u8; 32], Vec<u8>, RandomState>;

/// The secrets of key logs, by connection. Wiped when dropped; [`Debug`] shows numbers only.
#[derive(Clone)]
pub struct KeyStore {
    secrets: HashMap<[u8; 32], Vec<(Label, Secret)>, RandomState>,
    rsa: HashMap<[u8; 8], Secret, RandomState>,
    /// Whose secrets were added, in the order in which the first ones arrived.
    order: VecDeque<Owner>,
    /// The beginning of a line of which the end has not come.
    partial: Zeroizing<Vec<u8>>,
    /// It is over [`MAX_LINE`] already.
    overlong: bool,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    counts: KeyLogCounts,
    /// How many secrets are kept.
    most: u64,
    /// How many secrets of client randoms were added, and the client randoms of the last ones.
    added: u64,
    recent: VecDeque<[u8; 32]>,
    files: Vec<KeyLogFile>,
    /// Shared by copies, so that whoever holds one knows what the secrets were good for.
    decrypted: Arc<Mutex<Decrypted>>,
}

impl Default for KeyStore {
    fn default() -> Self {
        Self {
            secrets: HashMap::default(),
            rsa: HashMap::default(),
            order: VecDeque::new(),
            partial: Zeroizing::default(),
            overlong: false,
            after_cr: false,
            counts: KeyLogCounts::default(),
            most: MAX_SECRETS,
            added: 0,
            recent: VecDeque::new(),
            files: Vec::new(),
            decrypted: Arc::default(),
        }
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyStore {{ connections: {}, {:?} }}", self.secrets.len(), self.counts)
    }
}

impl KeyStore {
    /// Takes the text of a key log, or what was appended to it since: lines may be cut anywhere.
    ///
    /// Lines end with LF, CR or both. Zero bytes are skipped, so that UTF-16 reads like UTF-8: all that a key log needs
    /// is ASCII. PowerShell writes UTF-16 where output is redirected.
    pub fn feed(&mut self, text: &[u8]) {
        for part in text.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, end) = match part.split_last() {
                Some((end @ (b'\n' | b'\r'), line)) => (line, Some(*end)),
                _ => (part, None),
            };
            let is_plain = self.partial.is_empty() && !self.overlong && !line.contains(&0);
            if is_plain && end.is_some() && !line.is_empty() && line.len() <= MAX_LINE {
                self.line(line);
            } else {
                self.gather(line);
                match end {
                    Some(b'\n') if self.after_cr && self.partial.is_empty() && !self.overlong => {}
                    Some(_) => self.end_line(),
                    None => continue,
                }
            }
            self.after_cr = end == Some(b'\r');
        }
    }

    /// Appends to the line whose end has not come.
    fn gather(&mut self, text: &[u8]) {
        if self.partial.capacity() == 0 {
            // Once and for all: growing would leave copies behind.
            self.partial.reserve_exact(MAX_LINE);
        }
        for &byte in text.iter().filter(|byte| **byte != 0) {
            if self.partial.len() >= MAX_LINE {
                self.overlong = true;
                break;
            }
            self.partial.push(byte);
        }
    }

    /// The key log ends: what has no line end is its last line.
    pub fn end(&mut self) {
        if self.overlong || !self.partial.is_empty() {
            self.end_line();
        }
        self.after_cr = false;
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.overlong) {
            // A long comment is one.
            if !matches!(read(&line), KeyLogLine::Empty) {
                self.break_line();
            }
            self.counts.lines += 1;
        } else {
            self.line(&line);
        }
        line.clear();
        self.partial = line;
    }

    /// Remembers a key log that was read, and what it gave. `before`: the counts before it was read. Of a file that is
    /// unusable, single lines are not counted as broken.
    pub fn add_file(&mut self, file: KeyLogFile, before: KeyLogCounts) {
        if file.problem.is_some() {
            (self.counts.broken, self.counts.first_broken) = (before.broken, before.first_broken);
        }
        self.files.push(file);
    }

    /// The key logs that were read.
    #[must_use]
    pub fn files(&self) -> &[KeyLogFile] {
        &self.files
    }

    /// Remembers that application data of a connection was decrypted. `first`: the first bytes from the client, where
    /// they are known.
    pub(super) fn note_decrypted(&self, client_random: &[u8; 32], first: &[u8]) {
        let mut decrypted = self.decrypted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = decrypted.get_mut(client_random) {
            if known.is_empty() {
                known.extend(first.iter().take(FIRST_BYTES));
            }
        } else if decrypted.len() < MAX_DECRYPTED {
            decrypted.insert(*client_random, first.iter().take(FIRST_BYTES).copied().collect());
        }
    }

    /// For each connection of which application data was decrypted, the first bytes that its client sent.
    #[must_use]
    pub fn decrypted(&self) -> Vec<Vec<u8>> {
        self.decrypted.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
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

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        /// What a secret takes beside its entry: its bytes, and what the allocator adds.
        const SECRET: usize = 64;
        /// What an entry of a map takes beside what it holds, about: as many places are free as are taken.
        const FREE: usize = 2;
        let lists = self.secrets.capacity() * size_of::<([u8; 32], Vec<(Label, Secret)>)>() * FREE;
        let secrets = usize::try_from(self.counts.secrets).unwrap_or(usize::MAX);
        let entry = SECRET + size_of::<(Label, Secret)>() * FREE;
        lists
            + secrets.saturating_mul(entry)
            + self.rsa.capacity() * size_of::<([u8; 8], Secret)>()
            + self.order.capacity() * size_of::<Owner>()
    }

    /// Keeps so many secrets at most from here on, and no more than `MAX_SECRETS`; the oldest go.
    pub fn bound(&mut self, secrets: u64) {
        self.most = secrets.min(MAX_SECRETS);
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.counts.secrets > self.most {
            self.remove_oldest();
        }
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
        match read(line) {
            KeyLogLine::Empty => {}
            KeyLogLine::Other => self.counts.other += 1,
            KeyLogLine::Broken => self.break_line(),
            KeyLogLine::Secret(label, random, secret) => self.add(label, random, secret),
            KeyLogLine::Rsa(encrypted, secret) => {
                self.counts.secret_lines += 1;
                if self.rsa.insert(encrypted, secret).is_none() {
                    self.order.push_back(Owner::PreMaster(encrypted));
                    self.counts.secrets += 1;
                }
            }
        }
        self.counts.lines += 1;
        self.make_room();
    }

    fn add(&mut self, label: Label, random: [u8; 32], secret: Secret) {
        self.counts.secret_lines += 1;
        self.added += 1;
        if self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(random);
        let of_one = self.secrets.entry(random).or_default();
        if of_one.is_empty() {
            self.order.push_back(Owner::Client(random));
        }
        if let Some((_, known)) = of_one.iter_mut().find(|(known, _)| *known == label) {
            *known = secret;
            return;
        }
        if of_one.len() >= MAX_OF_ONE {
            of_one.remove(0);
            self.counts.dropped += 1;
        } else {
            self.counts.secrets += 1;
        }
        of_one.push((label, secret));
    }

    /// Removes the secrets of the connection that was added first.
    fn remove_oldest(&mut self) {
        let removed = match self.order.pop_front() {
            Some(Owner::Client(random)) => self.secrets.remove(&random).map_or(0, |secrets| secrets.len()),
            Some(Owner::PreMaster(encrypted)) => usize::from(self.rsa.remove(&encrypted).is_some()),
            None => return self.counts.secrets = 0,
        };
        self.counts.secrets = self.counts.secrets.saturating_sub(removed as u64);
        self.counts.dropped += removed as u64;
    }
}

/// Reads a line, without its line end. A logger may have written something before the label, and after the secret.
fn read(line: &[u8]) -> KeyLogLine {
    let marks = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"];
    let line = marks.iter().find_map(|mark| line.strip_prefix(*mark)).unwrap_or(line).trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return KeyLogLine::Empty;
    }
    let (mut label, mut first): (&[u8], &[u8]) = (b"", b"");
    let (mut is_comment, mut has_label) = (false, false);
    for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        match read_words(label_in(label), first, word) {
            KeyLogLine::Broken => {}
            line => return line,
        }
        is_comment |= word.starts_with(b"#") || word.ends_with(b"#");
        has_label |= label_of(label_in(word)).is_some();
        (label, first) = (first, word);
    }
    if is_comment && !has_label { KeyLogLine::Empty } else { KeyLogLine::Broken }
}

/// The name at the end of a word: `CLIENT_RANDOM` of `log:CLIENT_RANDOM`.
fn label_in(word: &[u8]) -> &[u8] {
    let is_name = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let start = word.iter().rposition(|byte| !is_name(byte)).map_or(0, |at| at + 1);
    word.get(start..).unwrap_or_default()
}

/// Reads a label and the two numbers behind it.
fn read_words(label: &[u8], first: &[u8], second: &[u8]) -> KeyLogLine {
    let len = second.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (second, behind) = second.split_at_checked(len).unwrap_or_default();
    let is_name = label.first().is_some_and(u8::is_ascii_uppercase);
    if !is_name || second.is_empty() || behind.first().is_some_and(u8::is_ascii_alphanumeric) {
        return KeyLogLine::Broken;
    }
    if label == b"RSA" {
        let mut encrypted = [0; 8];
        return match (hex::decode_to_slice(first, &mut encrypted), secret(second)) {
            (Ok(()), Some(pre_master)) if pre_master.bytes().len() == 48 => {
                KeyLogLine::Rsa(encrypted, pre_master)
            }
            _ => KeyLogLine::Broken,
        };
    }
    let mut random = [0; 32];
    if hex::decode_to_slice(first, &mut random).is_err() {
        return KeyLogLine::Broken;
    }
    match (label_of(label), secret(second)) {
        (None, _) => KeyLogLine::Other,
        (Some(label), Some(secret)) if label != Label::Master || secret.bytes().len() == 48 => {
            KeyLogLine::Secret(label, random, secret)
        }
        _ => KeyLogLine::Broken,
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
            KeyLogCounts {
                lines: 16,
                secret_lines: 8,
                secrets: 8,
                other: 3,
                broken: 3,
                first_broken: 13,
                dropped: 0
            }
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

    /// What a key log with these bytes gives, cut into two pieces at each place.
    fn counts_of(bytes: &[u8]) -> KeyLogCounts {
        let mut keys = KeyStore::default();
        keys.feed(bytes);
        keys.end();
        for cut in 0..bytes.len() {
            let mut pieces = KeyStore::default();
            pieces.feed(&bytes[..cut]);
            pieces.feed(&bytes[cut..]);
            pieces.end();
            assert_eq!(pieces.counts(), keys.counts(), "cut at {cut}");
        }
        keys.counts()
    }

    #[test]
    fn utf_16_of_either_byte_order_reads_like_utf_8() {
        let plain = log();
        for text in [plain.clone(), plain.replace('\n', "\r\n").replace("\r\r", "\r")] {
            let expected = counts_of(text.as_bytes());
            assert_eq!((expected.secrets, expected.lines), (8, 16));
            let little = text.encode_utf16().flat_map(u16::to_le_bytes);
            let big = text.encode_utf16().flat_map(u16::to_be_bytes);
            assert_eq!(counts_of(&[vec![0xff, 0xfe], little.clone().collect()].concat()), expected);
            assert_eq!(counts_of(&[vec![0xfe, 0xff], big.collect()].concat()), expected);
            assert_eq!(counts_of(&little.collect::<Vec<_>>()), expected, "without a byte order mark");
        }
    }

    #[test]
    fn lines_may_end_with_cr_alone() {
        let plain = log().replace("\r\n", "\n");
        assert_eq!(counts_of(plain.replace('\n', "\r").as_bytes()), counts_of(plain.as_bytes()));
    }

    #[test]
    fn what_a_logger_wrote_around_a_line_is_skipped() {
        let (s32, s48) = ("ab".repeat(32), "cd".repeat(48));
        for (before, after) in [
            ("[12:33:01] keylog: ", ""),
            ("11-30 12:33:01.123  4711  4712 D okhttp  : ", ""),
            ("{\"level\":\"debug\",\"message\":\"", "\",\"n\":1}"),
            ("keylog:", " (TLS)"),
        ] {
            let text = [
                format!("{before}# TLS secrets log file{after}"),
                format!("{before}CLIENT_RANDOM {RANDOM} {s48}{after}"),
                format!("{before}SERVER_TRAFFIC_SECRET_0 {RANDOM} {s32}{after}"),
                format!("{before}RSA 0102030405060708 {s48}{after}"),
                format!("{before}EXPORTER_SECRET {RANDOM} {s32}{after}"),
                format!("{before}CLIENT_RANDOM {RANDOM} {s32}{after}"),
                format!("{before}CLIENT_RANDOM {RANDOM}{after}"),
            ];
            let counts = counts_of(text.join("\n").as_bytes());
            assert_eq!(
                (counts.lines, counts.secrets, counts.other, counts.first_broken),
                (7, 3, 1, 6),
                "{before}"
            );
        }
        // Hexadecimal digits that go on are not a secret of the right length.
        let longer = format!("CLIENT_RANDOM {RANDOM} {s48}ab\nCLIENT_RANDOM {RANDOM} {s48}xy");
        assert_eq!(counts_of(longer.as_bytes()).broken, 2);
    }

    #[test]
    fn over_the_bound_the_newest_secrets_stay() {
        let secret = "ab".repeat(48);
        let mut keys = KeyStore::default();
        for number in 0..MAX_SECRETS + 7 {
            keys.feed(format!("CLIENT_RANDOM {number:064x} {secret}\n").as_bytes());
        }
        let random = |number: u64| {
            let mut random = [0; 32];
            random[24..].copy_from_slice(&number.to_be_bytes());
            random
        };
        assert!(!keys.knows(&random(6)) && keys.knows(&random(7)) && keys.knows(&random(MAX_SECRETS + 6)));
        assert_eq!((keys.counts().secrets, keys.counts().dropped), (MAX_SECRETS, 7));
        // Secrets of one connection are bounded too, and a pre-master secret takes its place like any other.
        for number in 0..=MAX_OF_ONE as u32 {
            keys.feed(format!("CLIENT_TRAFFIC_SECRET_{number} {RANDOM} {}\n", "ab".repeat(32)).as_bytes());
        }
        keys.feed(format!("RSA 0102030405060708 {secret}\n").as_bytes());
        assert!(keys.has_rsa() && keys.secret(&self::random(), Label::ClientTraffic(0)).is_none());
        assert!(keys.secret(&self::random(), Label::ClientTraffic(MAX_OF_ONE as u32)).is_some());
        assert_eq!(keys.counts().secrets, MAX_SECRETS);
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
