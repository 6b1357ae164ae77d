//! The fields: one table, from which parsing, help, completion and the document come.

use std::fmt::Write as _;

use crate::ws::Opcode;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A connection.
    Connection,
    /// A message.
    Message,
    /// A frame.
    Frame,
    /// A finding.
    Finding,
}

impl Level {
    /// All, from the outside in.
    pub const ALL: [Self; 4] = [Self::Connection, Self::Message, Self::Frame, Self::Finding];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Message => "message",
            Self::Frame => "frame",
            Self::Finding => "finding",
        }
    }
}

/// A set of levels, such as the rows that a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels(u8);

impl Default for Levels {
    fn default() -> Self {
        Self::MESSAGES
    }
}

impl Levels {
    /// Every level.
    pub const ALL: Self = Self(15);
    /// Connections alone.
    pub const CONNECTIONS: Self = Self::of(Level::Connection);
    /// Messages alone, control frames included.
    pub const MESSAGES: Self = Self::of(Level::Message);
    /// Frames alone.
    pub const FRAMES: Self = Self::of(Level::Frame);
    /// Findings alone.
    pub const FINDINGS: Self = Self::of(Level::Finding);

    /// The sets that `--level` accepts: name, other name, description.
    pub const CHOICES: [(Self, &'static str, &'static str, &'static str); 5] = [
        (Self::CONNECTIONS, "connections", "conns", "Connections"),
        (Self::MESSAGES, "messages", "msgs", "Messages, control frames included"),
        (Self::FRAMES, "frames", "", "Frames"),
        (Self::FINDINGS, "findings", "", "Findings"),
        (Self::ALL, "all", "", "All of these, and a summary"),
    ];

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// One level alone.
    #[must_use]
    pub const fn of(level: Level) -> Self {
        Self(1 << level as u8)
    }

    /// Whether `level` is among them.
    #[must_use]
    pub const fn has(self, level: Level) -> bool {
        self.0 & 1 << level as u8 != 0
    }
}

const C: Levels = Levels::CONNECTIONS;
const M: Levels = Levels::MESSAGES;
const F: Levels = Levels::FRAMES;
const X: Levels = Levels::FINDINGS;
const CMF: Levels = C.and(M).and(F);
const CMX: Levels = C.and(M).and(X);
const MF: Levels = M.and(F);
const MX: Levels = M.and(X);
const FX: Levels = F.and(X);
const MFX: Levels = MF.and(X);
const ALL: Levels = Levels::ALL;

/// Words that are the only values of a field. A value is a word's place in `names`.
#[derive(Debug, PartialEq, Eq)]
pub struct WordSet {
    /// As in the machine output.
    pub names: &'static [&'static str],
    /// Other words for them.
    pub aliases: &'static [(&'static str, u64)],
    /// Whether `<` and `>` mean something.
    pub ordered: bool,
    /// Whether a word's place is a number that the standard gives it.
    pub numeric: bool,
}

static OPCODES: WordSet =
    WordSet { names: &Opcode::NAMES, aliases: &[("cont", 0), ("bin", 2)], ordered: true, numeric: true };
static DIRECTIONS: WordSet = WordSet {
    names: &["c2s", "s2c"],
    aliases: &[("client", 0), ("server", 1)],
    ordered: false,
    numeric: false,
};
static SIDES: WordSet = WordSet {
    names: &["client", "server"],
    aliases: &[("c2s", 0), ("s2c", 1)],
    ordered: false,
    numeric: false,
};
static SEVERITIES: WordSet = WordSet {
    names: &["info", "warning", "error"],
    aliases: &[("note", 0), ("warn", 1)],
    ordered: true,
    numeric: false,
};
static STATES: WordSet = WordSet {
    names: &["open", "closed", "reset", "timed-out", "refused", "unanswered"],
    aliases: &[],
    ordered: false,
    numeric: false,
};
static ACCEPTS: WordSet =
    WordSet { names: &["ok", "wrong", "missing", "unknown"], aliases: &[], ordered: false, numeric: false };
static INTEGRITIES: WordSet = WordSet {
    names: &["ok", "gap", "cut", "unknown-dictionary", "damaged", "guessed", "unknown-extension", "lenient"],
    aliases: &[],
    ordered: false,
    numeric: false,
};

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A whole number from 0, of things or of bytes.
    Number,
    /// Yes or no.
    Flag,
    /// A time span.
    Duration,
    /// A moment: seconds since the capture's first packet, or a date.
    Time,
    /// A moment: seconds since 1970, or a date.
    Epoch,
    /// Text.
    Text,
    /// A host with or without its port; upper and lower case are the same.
    Host,
    /// A list of names.
    Names,
    /// Bytes, given as text or as hexadecimal digits with colons.
    Bytes,
    /// Bytes, given as hexadecimal digits.
    Hex,
    /// An IP address or a network.
    Address,
    /// An address with or without a port.
    Endpoint,
    /// One of a few words.
    Word(&'static WordSet),
    /// A value inside a JSON text.
    Json,
}

impl ValueKind {
    /// Its name in the document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Duration => "duration",
            Self::Time | Self::Epoch => "time",
            Self::Text | Self::Host => "text",
            Self::Names => "names",
            Self::Bytes => "bytes",
            Self::Hex => "hex",
            Self::Address => "address",
            Self::Endpoint => "endpoint",
            Self::Word(_) => "word",
            Self::Json => "JSON",
        }
    }

    /// The operators that it takes, as they are written.
    #[must_use]
    pub fn operators(self) -> &'static [&'static str] {
        const ORDER: &[&str] = &["==", "!=", "<", "<=", ">", ">=", "in"];
        const TEXT: &[&str] = &["==", "!=", "contains", "~", "in"];
        const EQUAL: &[&str] = &["==", "!=", "in"];
        match self {
            Self::Number | Self::Duration | Self::Time | Self::Epoch => ORDER,
            Self::Flag => &["==", "!="],
            Self::Text | Self::Host | Self::Names | Self::Bytes => TEXT,
            Self::Hex => &["==", "!=", "contains", "in"],
            Self::Address | Self::Endpoint => EQUAL,
            Self::Word(words) if words.ordered => ORDER,
            Self::Word(_) => EQUAL,
            Self::Json => &["==", "!=", "<", "<=", ">", ">=", "contains", "~", "in"],
        }
    }
}

/// What is known of a field.
#[derive(Debug)]
pub struct Info {
    /// The field.
    pub field: Field,
    /// Its name.
    pub name: &'static str,
    /// Other names, those of Wireshark among them.
    pub aliases: &'static [&'static str],
    /// What its values are.
    pub kind: ValueKind,
    /// Which rows have it themselves.
    pub levels: Levels,
    /// The key of the machine output that it equals; empty where there is none.
    pub key: &'static str,
    /// What it is, in a line.
    pub help: &'static str,
}

macro_rules! fields {
    ($($variant:ident $name:literal [$($alias:literal),*] $kind:expr, $levels:expr, $key:literal, $help:literal;)*) => {
        /// A field.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $(#[doc = $help] $variant,)* }

        /// Every field, in the order in which they are listed.
        pub static FIELDS: &[Info] = &[$(Info {
            field: Field::$variant, name: $name, aliases: &[$($alias),*], kind: $kind, levels: $levels, key: $key,
            help: $help,
        },)*];
    };
}

fields! {
    Any "any" [] ValueKind::Text, CMX, "", "payload, URL and close reason; what a \"quoted\" text alone looks in";
    Conn "conn" ["connection", "websocket"] ValueKind::Number, ALL, "conn", "number of the WebSocket, from 1";
    Time "time" ["frame.time_relative", "frame.time"] ValueKind::Time, ALL, "time", "when it was complete (connections: began), in seconds since the first packet, or a date";
    Epoch "epoch" ["frame.time_epoch"] ValueKind::Epoch, ALL, "time", "the same in seconds since 1970, or a date";
    Delta "delta" ["frame.time_delta"] ValueKind::Duration, MF, "", "time since the previous message (frame) of the connection";
    Dir "dir" ["direction"] ValueKind::Word(&DIRECTIONS), MFX, "dir", "direction";
    Packet "packet" [] ValueKind::Number, MFX, "packet", "packet with the first byte, from 1";
    LastPacket "last_packet" ["frame.number"] ValueKind::Number, MFX, "last_packet", "packet that completed it, from 1";
    Msg "msg" ["message"] ValueKind::Number, MFX, "msg", "number of the message in its connection, from 1";
    Frame "frame" [] ValueKind::Number, FX, "frame", "number of the frame in its connection, from 1";

    Op "op" [] ValueKind::Word(&OPCODES), MF, "op", "what it is (messages: the first frame's opcode)";
    Opcode "opcode" ["websocket.opcode"] ValueKind::Word(&OPCODES), MF, "opcode", "the same; 0 to 15";
    Control "control" [] ValueKind::Flag, MF, "", "close, ping or pong, or a reserved control opcode";
    Len "len" ["length", "websocket.payload_length"] ValueKind::Number, MF, "len", "messages: application bytes, inflated; frames: payload bytes as the header claims";
    Wire "wire" [] ValueKind::Number, MF, "wire", "bytes with frame headers";
    Frames "frames" [] ValueKind::Number, M, "frames", "how many frames the message has";
    Compressed "compressed" ["deflate"] ValueKind::Flag, M, "compressed", "the message was compressed";
    Integrity "integrity" [] ValueKind::Word(&INTEGRITIES), M, "integrity", "how certain the message's bytes are";
    Text "text" ["websocket.payload.text"] ValueKind::Text, MX, "text", "a text message's text; of a finding, its sentence";
    Json "json" [] ValueKind::Json, M, "", "a value in a text message that is JSON, by its path: json.user.name";
    Payload "payload" ["websocket.payload"] ValueKind::Bytes, MF, "payload", "messages: application bytes; frames: payload bytes unmasked, as on the wire";
    Hex "hex" [] ValueKind::Hex, MF, "hex", "the same, given as hexadecimal digits";
    Sha256 "sha256" [] ValueKind::Hex, M, "sha256", "SHA-256 of the application bytes";
    InvalidUtf8At "invalid_utf8_at" [] ValueKind::Number, M, "invalid_utf8_at", "offset of the first byte that is not UTF-8";
    MissingAt "missing_at" [] ValueKind::Number, M, "missing_at", "offset of the first missing byte";
    MissingLen "missing_len" [] ValueKind::Number, M, "missing_len", "number of missing bytes";
    CloseCode "close.code" ["close_code", "websocket.payload.close.status_code"] ValueKind::Number, CMF, "close_code", "code of a Close; of a connection, that of its first";
    CloseReason "close.reason" ["close_reason", "websocket.payload.close.reason"] ValueKind::Text, CMF, "close_reason", "reason of a Close; of a connection, that of its first";
    Rtt "rtt" [] ValueKind::Duration, M, "rtt", "pong: since the ping that it answers";

    Fin "fin" ["websocket.fin"] ValueKind::Flag, F, "fin", "FIN: the last frame of its message";
    Rsv "rsv" ["websocket.rsv"] ValueKind::Number, F, "rsv", "RSV1 to RSV3 as a number, RSV1 = 4";
    Rsv1 "rsv1" ["websocket.pmc"] ValueKind::Flag, F, "", "RSV1: with permessage-deflate, compressed";
    Rsv2 "rsv2" [] ValueKind::Flag, F, "", "RSV2";
    Rsv3 "rsv3" [] ValueKind::Flag, F, "", "RSV3";
    Masked "masked" ["mask", "websocket.mask"] ValueKind::Flag, F, "masked", "MASK: the payload is masked";
    MaskingKey "masking_key" ["key", "websocket.masking_key"] ValueKind::Hex, F, "masking_key", "the masking key";
    HeaderLen "header_len" [] ValueKind::Number, F, "header_len", "bytes of the header";
    Offset "offset" [] ValueKind::Number, FX, "offset", "where it begins in its direction's TCP stream";
    Complete "complete" [] ValueKind::Flag, F, "complete", "the frame was captured completely";

    Code "code" [] ValueKind::Text, X, "code", "code of the finding";
    Severity "severity" ["sev"] ValueKind::Word(&SEVERITIES), X, "severity", "severity; info < warning < error";
    Ref "ref" [] ValueKind::Text, X, "ref", "the standard's section";

    TcpStream "tcp_stream" ["tcp.stream"] ValueKind::Number, ALL, "tcp_stream", "number of the TCP connection, from 0";
    Client "client" [] ValueKind::Endpoint, ALL, "client", "the end that opened it";
    Server "server" [] ValueKind::Endpoint, ALL, "server", "the other end";
    ClientIp "client.ip" [] ValueKind::Address, ALL, "", "the client's address";
    ClientPort "client.port" [] ValueKind::Number, ALL, "", "the client's port";
    ServerIp "server.ip" [] ValueKind::Address, ALL, "", "the server's address";
    ServerPort "server.port" [] ValueKind::Number, ALL, "", "the server's port";
    Ip "ip" ["ip.addr", "ipv6.addr"] ValueKind::Address, ALL, "", "either end's address";
    Port "port" ["tcp.port"] ValueKind::Number, ALL, "", "either end's port";
    SrcIp "src.ip" ["ip.src", "ipv6.src"] ValueKind::Address, MFX, "", "the sender's address";
    SrcPort "src.port" ["tcp.srcport"] ValueKind::Number, MFX, "", "the sender's port";
    DstIp "dst.ip" ["ip.dst", "ipv6.dst"] ValueKind::Address, MFX, "", "the receiver's address";
    DstPort "dst.port" ["tcp.dstport"] ValueKind::Number, MFX, "", "the receiver's port";
    ProxiedClient "proxied_client" [] ValueKind::Endpoint, ALL, "proxied_client", "the client that a PROXY header names";
    Tunnelled "tunnelled" [] ValueKind::Flag, ALL, "tunnelled", "inside an HTTP CONNECT tunnel";
    Url "url" ["http.request.full_uri"] ValueKind::Text, ALL, "url", "the URL as the client asked for it";
    Host "host" ["http.host"] ValueKind::Host, ALL, "", "the URL's host; with or without its port";
    Path "path" ["http.request.uri"] ValueKind::Text, ALL, "", "the URL's path and query";
    Origin "origin" [] ValueKind::Text, ALL, "", "the request's Origin";
    UserAgent "user_agent" ["http.user_agent"] ValueKind::Text, ALL, "", "the request's User-Agent";
    Status "status" ["http.response.code"] ValueKind::Number, ALL, "status", "the response's status code";
    Accept "accept" [] ValueKind::Word(&ACCEPTS), ALL, "accept", "the check of Sec-WebSocket-Accept";
    Subprotocol "subprotocol" ["subproto", "http.sec_websocket_protocol"] ValueKind::Text, ALL, "subprotocol", "the negotiated subprotocol";
    Extensions "extensions" ["http.sec_websocket_extensions"] ValueKind::Names, ALL, "extensions", "names of the negotiated extensions";
    HttpVersion "http_version" [] ValueKind::Text, ALL, "http_version", "HTTP version of the handshake";
    StreamId "stream_id" ["http2.streamid"] ValueKind::Number, ALL, "stream_id", "the HTTP/2 stream of the WebSocket";
    Midstream "midstream" [] ValueKind::Flag, ALL, "midstream", "the capture began after its handshake";
    Tls "tls" [] ValueKind::Flag, ALL, "tls", "inside TLS";

    State "state" [] ValueKind::Word(&STATES), C, "state", "state at the end";
    Opened "opened" [] ValueKind::Time, C, "opened", "when it was open";
    Closed "closed" [] ValueKind::Time, C, "closed", "when it ended";
    Duration "duration" [] ValueKind::Duration, C, "", "from opened to closed";
    Messages "messages" [] ValueKind::Number, C, "", "messages in both directions";
    MessagesC2s "messages.c2s" [] ValueKind::Number, C, "messages.c2s", "messages of the client";
    MessagesS2c "messages.s2c" [] ValueKind::Number, C, "messages.s2c", "messages of the server";
    FramesC2s "frames.c2s" [] ValueKind::Number, C, "frames.c2s", "frames of the client";
    FramesS2c "frames.s2c" [] ValueKind::Number, C, "frames.s2c", "frames of the server";
    PayloadBytesC2s "payload_bytes.c2s" [] ValueKind::Number, C, "payload_bytes.c2s", "payload bytes of the client";
    PayloadBytesS2c "payload_bytes.s2c" [] ValueKind::Number, C, "payload_bytes.s2c", "payload bytes of the server";
    WireBytesC2s "wire_bytes.c2s" [] ValueKind::Number, C, "wire_bytes.c2s", "bytes of the client's frames, with headers";
    WireBytesS2c "wire_bytes.s2c" [] ValueKind::Number, C, "wire_bytes.s2c", "bytes of the server's frames, with headers";
    CloseBy "close.by" [] ValueKind::Word(&SIDES), C, "close.by", "who sent the first Close";
    CloseClean "close.clean" [] ValueKind::Flag, C, "close.clean", "the Close was answered";
    FindingsError "findings.error" [] ValueKind::Number, C, "findings.error", "findings that are errors";
    FindingsWarning "findings.warning" [] ValueKind::Number, C, "findings.warning", "findings that are warnings";
    FindingsInfo "findings.info" [] ValueKind::Number, C, "findings.info", "findings of severity info";
    Gaps "gaps" [] ValueKind::Number, C, "gaps", "number of gaps";
    GapBytes "gap_bytes" [] ValueKind::Number, C, "gap_bytes", "number of missing bytes";
    SkippedBytes "skipped_bytes" [] ValueKind::Number, C, "skipped_bytes", "bytes not decoded after a loss";
    Mark "mark" [] ValueKind::Flag, M, "", "marked by you; in the terminal UI only";
}

impl Field {
    /// What is known of it.
    #[must_use]
    pub fn info(self) -> &'static Info {
        // The table is in the order of the variants, and is not empty.
        #[allow(clippy::indexing_slicing)]
        FIELDS.get(self as usize).unwrap_or(&FIELDS[0])
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// What its values are.
    #[must_use]
    pub fn kind(self) -> ValueKind {
        self.info().kind
    }

    /// The field of a name or of another name for it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FIELDS.iter().find(|info| info.name == name || info.aliases.contains(&name)).map(|info| info.field)
    }

    /// Where this field stands for either of two.
    #[must_use]
    pub(super) fn either(self) -> Option<(Self, Self)> {
        match self {
            Self::Ip => Some((Self::ClientIp, Self::ServerIp)),
            Self::Port => Some((Self::ClientPort, Self::ServerPort)),
            _ => None,
        }
    }
}

/// Every name of every field.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FIELDS.iter().flat_map(|info| std::iter::once(info.name).chain(info.aliases.iter().copied()))
}

/// How many typing errors lie between two words: letters missing, added, wrong, or two of them swapped.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let (mut before, mut last): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=other.len()).collect());
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut least =
                (at(&last, j) + usize::from(a != b)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped =
                i > 0 && j > 0 && one.get(i - 1) == Some(b) && other.get(j - 1) == Some(a) && a != b;
            if swapped {
                least = least.min(at(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

/// Up to four words like `word`, in the order given.
#[must_use]
pub fn near<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const MOST: usize = 4;
    // Long words have no near ones, and would take long to compare.
    if word.len() > 64 {
        return Vec::new();
    }
    let word = word.to_ascii_lowercase();
    let allowed = if word.len() < 4 { 1 } else { 2 };
    let mut found: Vec<(usize, usize, &str)> = words
        .enumerate()
        .filter_map(|(at, other)| {
            let begins = other.len() > 1 && (word.starts_with(other) || other.starts_with(&word));
            let away = distance(&word, other);
            (away <= allowed || begins && away <= 4).then_some((away, at, other))
        })
        .collect();
    found.sort_unstable();
    found.truncate(MOST);
    found.sort_unstable_by_key(|(_, at, _)| *at);
    found.into_iter().map(|(_, _, other)| other).collect()
}

/// The table as text for a terminal: name, type, levels, help, other names.
#[must_use]
pub fn list() -> String {
    let mut out = String::new();
    for info in FIELDS {
        let levels: String = Level::ALL
            .iter()
            .map(|level| if info.levels.has(*level) { letter(*level) } else { '-' })
            .collect();
        let _ = write!(out, "{:<18} {:<9} {levels}  {}", info.name, info.kind.name(), info.help);
        if !info.aliases.is_empty() {
            let _ = write!(out, "  [{}]", info.aliases.join(", "));
        }
        out.push('\n');
    }
    out.push_str("\nc, m, f, n: rows of connections, messages, frames, findings that have it themselves.\n");
    out
}

fn letter(level: Level) -> char {
    match level {
        Level::Connection => 'c',
        Level::Message => 'm',
        Level::Frame => 'f',
        Level::Finding => 'n',
    }
}

/// The table as Markdown, for the document.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "| field | other names | type | rows | key | what it is |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for info in FIELDS {
        let aliases: Vec<String> = info.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        let levels: Vec<&str> =
            Level::ALL.iter().filter(|l| info.levels.has(**l)).map(|l| l.name()).collect();
        let levels = if info.levels == ALL { "all".to_owned() } else { levels.join(", ") };
        let key = if info.key.is_empty() { String::new() } else { format!("`{}`", info.key) };
        let mut help = info.help.to_owned();
        if let ValueKind::Word(words) = info.kind {
            let named: Vec<String> = words
                .names
                .iter()
                .filter(|name| !name.starts_with("reserved-"))
                .map(|name| format!("`{name}`"))
                .collect();
            let _ = write!(help, ": {}", named.join(" "));
        }
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {levels} | {key} | {help} |",
            info.name,
            aliases.join(" "),
            info.kind.name()
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_in_the_order_of_the_fields_and_no_name_means_two() {
        let mut seen = HashSet::new();
        for (i, info) in FIELDS.iter().enumerate() {
            assert_eq!(info.field as usize, i, "{}", info.name);
            assert!(!info.help.is_empty() && !info.help.contains('|') && !info.help.ends_with('.'));
        }
        for name in names() {
            assert!(seen.insert(name), "{name} twice");
            assert!(Field::named(name).is_some());
        }
    }

    #[test]
    fn near_words_are_those_with_a_typing_error() {
        assert_eq!(distance("opcod", "opcode"), 1);
        assert_eq!(distance("maksed", "masked"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(near("opcod", names()), ["op", "opcode"]);
        assert_eq!(near("sevrity", names()), ["severity", "sev"]);
        assert!(near("qqqqqq", names()).is_empty());
        assert!(near(&"x".repeat(100_000), names()).is_empty());
    }

    #[test]
    fn words_are_those_of_the_machine_output() {
        use crate::model::{Accept, Severity};
        use crate::pipeline::State;
        use crate::ws::{Integrity, Opcode};
        for bits in 0..16u8 {
            assert_eq!(OPCODES.names[usize::from(bits)], Opcode::from_bits(bits).name());
        }
        for (severity, name) in
            [Severity::Info, Severity::Warning, Severity::Error].iter().zip(SEVERITIES.names)
        {
            assert_eq!(severity.name(), *name);
        }
        use State::{Closed, Open, Refused, Reset, TimedOut, Unanswered};
        for (state, name) in [Open, Closed, Reset, TimedOut, Refused, Unanswered].iter().zip(STATES.names) {
            assert_eq!(state.name(), *name);
        }
        for (accept, name) in
            [Accept::Ok, Accept::Wrong, Accept::Missing, Accept::Unknown].iter().zip(ACCEPTS.names)
        {
            assert_eq!(accept.name(), *name);
        }
        let all = [
            Integrity::Ok,
            Integrity::Gap,
            Integrity::Cut,
            Integrity::UnknownDictionary,
            Integrity::Damaged,
            Integrity::Guessed,
            Integrity::UnknownExtension,
            Integrity::Lenient,
        ];
        for (integrity, name) in all.iter().zip(INTEGRITIES.names) {
            assert_eq!(integrity.name(), *name);
            assert_eq!(*integrity as u64, INTEGRITIES.names.iter().position(|n| n == name).unwrap() as u64);
        }
    }
}
