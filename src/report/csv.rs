//! CSV (RFC 4180): one header row, then a line for each record, in the order of the machine output.
//!
//! Columns are named as the keys of NDJSON; those of an object in an object have a point: `messages.c2s`.
//! Text with control or bidirectional characters is in `hex` instead of `text`: CSV has no escapes, and a
//! terminal obeys them. In other columns such characters are shown as the table shows them.

mod cell;

pub use cell::csv_cell;

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write};

use super::{
    FindingRecord, Levels, Ordered, PayloadMode, RecordFormat, RecordWriter, Selection, Summary, community_id,
};
use crate::model::{Direction, Rule, Severity, Time, safe_str, safe_text};
use crate::pipeline::{Connection, Ended};
use crate::ws::{Counts, FrameEvent, Integrity, MessageEvent, Opcode, Spot, hazards};

/// Bytes of a preview.
const PREVIEW: usize = 64;

const CONNECTIONS: &[&str] = &[
    "conn",
    "time",
    "tcp_stream",
    "client",
    "server",
    "proxied_client",
    "tunnelled",
    "url",
    "http_version",
    "status",
    "accept",
    "stream_id",
    "subprotocol",
    "extensions",
    "state",
    "opened",
    "closed",
    "messages.c2s",
    "messages.s2c",
    "frames.c2s",
    "frames.s2c",
    "payload_bytes.c2s",
    "payload_bytes.s2c",
    "wire_bytes.c2s",
    "wire_bytes.s2c",
    "close.by",
    "close.code",
    "close.reason",
    "close.clean",
    "findings.error",
    "findings.warning",
    "findings.info",
    "gaps",
    "gap_bytes",
    "skipped_bytes",
    "community_id",
];
const MESSAGES: &[&str] = &[
    "conn",
    "time",
    "dir",
    "packet",
    "last_packet",
    "msg",
    "op",
    "len",
    "wire",
    "frames",
    "compressed",
    "integrity",
    "text",
    "hex",
    "sha256",
    "cut",
    "invalid_utf8_at",
    "missing_at",
    "missing_len",
    "close_code",
    "close_reason",
    "rtt",
];
const FRAMES: &[&str] = &[
    "conn",
    "time",
    "dir",
    "packet",
    "last_packet",
    "frame",
    "message",
    "fin",
    "rsv",
    "opcode",
    "op",
    "masked",
    "masking_key",
    "header_len",
    "len",
    "offset",
    "complete",
    "payload",
    "sha256",
    "cut",
];
const FINDINGS: &[&str] = &[
    "conn",
    "time",
    "dir",
    "packet",
    "last_packet",
    "code",
    "severity",
    "frame",
    "msg",
    "offset",
    "text",
    "ref",
];

/// Returns the columns of a single level; `None` for several levels, whose rows differ.
#[must_use]
pub fn columns(level: Levels) -> Option<&'static [&'static str]> {
    match level {
        Levels::CONNECTIONS => Some(CONNECTIONS),
        Levels::MESSAGES => Some(MESSAGES),
        Levels::FRAMES => Some(FRAMES),
        Levels::FINDINGS => Some(FINDINGS),
        _ => None,
    }
}

/// Writes CSV.
pub type Csv<W> = RecordWriter<W, CsvFormat>;

/// One line for each row, under a header row.
#[derive(Debug, Default)]
pub struct CsvFormat {
    scratch: Vec<u8>,
}

impl<W: Write> Csv<W> {
    /// Creates a report that writes to `out`, beginning with the header row. Writes nothing for [`Levels::ALL`].
    pub fn new(out: W, selection: Selection, flush_each: bool) -> Self {
        let mut out = Ordered::new(out, flush_each);
        if let Some(columns) = columns(selection.levels) {
            out.record(0, |out| {
                out.extend_from_slice(columns.join(",").as_bytes());
                out.extend_from_slice(b"\r\n");
            });
        }
        Self::with_format(out, selection, CsvFormat::default())
    }
}

impl RecordFormat for CsvFormat {
    type Lead = ();

    /// Rows of different levels have different columns.
    const MIXES_LEVELS: bool = false;

    fn message<W: Write>(
        &mut self,
        out: &mut Ordered<W>,
        selection: &Selection,
        connection: &Connection,
        message: &MessageEvent<'_>,
    ) {
        out.record(message.last.packet, |out| {
            write_message(CsvRecord::new(out), connection, message, selection.payload);
        });
    }

    fn frame<W: Write>(
        &mut self,
        out: &mut Ordered<W>,
        selection: &Selection,
        connection: &Connection,
        frame: &FrameEvent<'_>,
    ) {
        let longest = selection.longest.unwrap_or(usize::MAX);
        out.record(frame.last.packet, |out| {
            write_frame(
                CsvRecord::new(out),
                connection,
                frame,
                selection.payload,
                longest,
                &mut self.scratch,
            );
        });
    }

    fn finding<W: Write>(&mut self, out: &mut Ordered<W>, _: &Selection, finding: &FindingRecord<'_>) {
        let FindingRecord { connection, rule, spot, text } = *finding;
        out.record(spot.place.packet, |out| {
            write_finding(CsvRecord::new(out), connection, rule, spot, text);
        });
    }

    fn ended<W: Write>(&mut self, out: &mut Ordered<W>, ended: &Ended<'_>) {
        out.record(u64::MAX - 1, |out| write_connection(CsvRecord::new(out), ended));
    }

    fn finish<W: Write>(self, out: Ordered<W>, _: &Selection, _: u64, _: &Summary) -> io::Result<()> {
        out.finish().map(|_| ())
    }
}

/// One line, cell by cell.
struct CsvRecord<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> CsvRecord<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, first: true }
    }

    /// Begins a cell; what is written to it needs no quotes.
    fn cell(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out
    }

    fn empty(&mut self) {
        self.cell();
    }

    fn number(&mut self, value: impl Into<Option<u64>>) {
        let out = self.cell();
        if let Some(value) = value.into() {
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
    }

    /// A word of ours.
    fn word(&mut self, word: &str) {
        self.cell().extend_from_slice(word.as_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.word(if flag { "true" } else { "false" });
    }

    fn time(&mut self, time: impl Into<Option<Time>>) {
        let out = self.cell();
        if let Some(time) = time.into() {
            let _ = write!(CellText(out), "{time}");
        }
    }

    fn hex(&mut self, bytes: &[u8]) {
        let out = self.cell();
        let start = out.len();
        out.resize(start + 2 * bytes.len(), 0);
        let _ = hex::encode_to_slice(bytes, out.get_mut(start..).unwrap_or_default());
    }

    /// Captured text.
    fn text(&mut self, text: &str) {
        let out = self.cell();
        csv_cell(out, &safe_str(text));
    }

    fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

fn write_message(
    mut record: CsvRecord<'_>,
    connection: &Connection,
    message: &MessageEvent<'_>,
    payload: PayloadMode,
) {
    record.number(u64::from(connection.id.0));
    record.time(message.last.time);
    record.word(message.direction.name());
    record.number(message.first.packet);
    record.number(message.last.packet);
    record.number(message.number);
    record.word(message.opcode.name());
    record.number(message.len);
    record.number(message.wire);
    record.number(u64::from(message.frames));
    record.flag(message.compressed);
    record.word(message.integrity.name());
    let most = match payload {
        PayloadMode::Full => message.bytes.len(),
        PayloadMode::Preview => PREVIEW,
        PayloadMode::None | PayloadMode::Hash => 0,
    };
    let shown = most > 0 || payload == PayloadMode::Full;
    let mut cut = shown
        && !message.whole
        && !matches!(message.integrity, Integrity::Gap | Integrity::UnknownDictionary | Integrity::Damaged);
    match message.text.filter(|_| shown).filter(|text| hazards(text).is_none()) {
        Some(text) => {
            let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let text = text.get(..end).unwrap_or_default();
            cut |= text.len() < message.bytes.len();
            csv_cell(record.cell(), text);
            record.empty();
        }
        None => {
            let bytes = message.bytes.get(..most.min(message.bytes.len())).unwrap_or_default();
            cut |= shown && bytes.len() < message.bytes.len();
            record.empty();
            record.hex(bytes);
        }
    }
    match message.sha256 {
        Some(hash) => record.hex(&hash),
        None => record.empty(),
    }
    record.flag(cut);
    record.number(message.invalid_utf8_at);
    record.number(message.missing.map(|(at, _)| at));
    record.number(message.missing.map(|(_, len)| len));
    let close = message.close.filter(|_| message.opcode == Opcode::Close);
    record.number(close.and_then(|close| close.code).map(u64::from));
    record.text(&close.map(|close| safe_text(close.reason)).unwrap_or_default());
    record.time(message.rtt.map(|rtt| Time(rtt.0)));
    record.end();
}

fn write_frame(
    mut record: CsvRecord<'_>,
    connection: &Connection,
    frame: &FrameEvent<'_>,
    payload: PayloadMode,
    longest: usize,
    scratch: &mut Vec<u8>,
) {
    let header = frame.header;
    record.number(u64::from(connection.id.0));
    record.time(frame.last.time);
    record.word(frame.direction.name());
    record.number(frame.start.place.packet);
    record.number(frame.last.packet);
    record.number(frame.number);
    record.number(frame.message);
    record.flag(header.fin());
    record.number(u64::from(header.rsv()));
    record.number(u64::from(header.opcode().bits()));
    record.word(header.opcode().name());
    record.flag(header.masked());
    record.hex(if header.masked() { &header.masking_key } else { &[] });
    record.number(header.len() as u64);
    record.number(header.payload_len);
    record.number(frame.start.at);
    record.flag(frame.complete);
    let bytes = if payload == PayloadMode::None { &[] } else { frame.read(scratch) };
    let whole = bytes.len() as u64 == header.payload_len;
    let most = match payload {
        PayloadMode::Full => bytes.len().min(longest),
        PayloadMode::Preview => bytes.len().min(PREVIEW),
        PayloadMode::None | PayloadMode::Hash => 0,
    };
    record.hex(bytes.get(..most).unwrap_or_default());
    use sha2::{Digest as _, Sha256};
    let hash = frame.sha256.or_else(|| whole.then(|| Sha256::digest(bytes).into()));
    match hash.filter(|_| payload == PayloadMode::Hash) {
        Some(hash) => record.hex(&hash),
        None => record.empty(),
    }
    let printed = matches!(payload, PayloadMode::Full | PayloadMode::Preview);
    record.flag(printed && frame.complete && (!whole || most < bytes.len()));
    record.end();
}

fn write_finding(
    mut record: CsvRecord<'_>,
    connection: Option<&Connection>,
    rule: &'static Rule,
    spot: Spot,
    text: Arguments<'_>,
) {
    record.number(connection.map(|connection| u64::from(connection.id.0)));
    record.time(spot.place.time);
    record.word(spot.direction.map_or("", Direction::name));
    record.number(spot.place.packet);
    record.number(spot.place.packet);
    record.word(rule.code);
    record.word(rule.severity.name());
    record.number(spot.frame);
    record.number(spot.message);
    record.number(spot.offset);
    record.text(&text.to_string());
    csv_cell(record.cell(), rule.reference);
    record.end();
}

fn write_connection(mut record: CsvRecord<'_>, ended: &Ended<'_>) {
    let connection = ended.connection;
    let handshake = &connection.handshake;
    record.number(u64::from(connection.id.0));
    record.time(connection.first.time);
    record.number(u64::from(connection.tcp.0));
    record.word(&connection.client.to_string());
    record.word(&connection.server.to_string());
    record.word(&connection.proxied.map(|proxied| proxied.to_string()).unwrap_or_default());
    record.flag(connection.tunnelled);
    record.text(connection.url.as_deref().unwrap_or_default());
    record.word(connection.http_version().unwrap_or_default());
    record.number(handshake.status.map(u64::from));
    record.word(handshake.accept.name());
    record.number(connection.stream_id.map(u64::from));
    record.text(handshake.subprotocol.as_deref().unwrap_or_default());
    record.text(&extensions(connection));
    record.word(ended.state.name());
    let opened = connection.response.map_or(connection.first.time, |place| place.last.time);
    record.time(ended.socket.map(|_| opened));
    record.time(ended.closed);
    let count: [fn(&Counts) -> u64; 4] =
        [|c| c.messages, |c| c.frames, |c| c.payload_bytes, |c| c.wire_bytes];
    for count in count {
        for direction in Direction::BOTH {
            record.number(ended.socket.map_or(0, |socket| count(socket.counts(direction))));
        }
    }
    match ended.socket.and_then(|socket| socket.closing()) {
        Some(closing) => {
            record.word(closing.sender());
            record.number(closing.code.map(u64::from));
            record.text(&safe_text(&closing.reason));
            record.flag(closing.answered);
        }
        None => (0..4).for_each(|_| record.empty()),
    }
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        record.number(ended.findings.of(severity));
    }
    record.number(ended.gaps.0);
    record.number(ended.gaps.1);
    let skipped =
        Direction::BOTH.into_iter().filter_map(|d| ended.socket.and_then(|socket| socket.skipped(d)));
    record.number(skipped.reduce(|a, b| a.saturating_add(b)));
    record.word(&community_id(connection.client, connection.server));
    record.end();
}

/// The extensions as in the header: `permessage-deflate; server_max_window_bits=12`.
fn extensions(connection: &Connection) -> String {
    let mut text = String::new();
    for (i, extension) in connection.handshake.extensions.iter().enumerate() {
        text.push_str(if i > 0 { ", " } else { "" });
        text.push_str(&extension.name);
        for (name, value) in &extension.params {
            let _ = write!(text, "; {name}");
            if let Some(value) = value {
                let _ = write!(text, "={value}");
            }
        }
    }
    text
}

/// `fmt::Write` over bytes.
struct CellText<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for CellText<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
