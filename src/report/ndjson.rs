//! NDJSON: one object a line. Keys keep their meaning within a `v`; see `docs/output.schema.json`.

mod end;
mod refusal;
mod tls;

use std::fmt::{Arguments, Write as _};
use std::io::{self, Write};

use super::{
    FindingRecord, Levels, Ordered, PayloadMode, RecordFormat, RecordWriter, Selection, Summary, community_id,
};
use crate::filter::Level;
use crate::json::json_string;
use crate::model::{Body, Direction, Head, Loss, Losses, Rule, Severity, Tally, Time};
use crate::pipeline::{Connection, Ended, HeadPlace, SealedTls, Wants};
use crate::ws::{FrameEvent, Integrity, MessageEvent, Opcode, Spot};

use tls::{write_sealed, write_tls};

/// Characters or bytes of a preview.
const PREVIEW: usize = 64;

/// Writes NDJSON.
pub type Ndjson<W> = RecordWriter<W, NdjsonFormat>;

/// One JSON object for each row.
#[derive(Debug)]
pub struct NdjsonFormat {
    scratch: Vec<u8>,
    live: bool,
}

impl<W: Write> Ndjson<W> {
    /// Creates a report that writes to `out`. With `live`, every record is flushed at once, and lost packets are reported
    /// at every level.
    pub fn new(out: W, selection: Selection, live: bool) -> Self {
        let format = NdjsonFormat { scratch: Vec::new(), live };
        Self::with_format(Ordered::new(out, live), selection, format)
    }
}

impl RecordFormat for NdjsonFormat {
    type Lead = ();

    fn wants(&self, selection: &Selection) -> Wants {
        Wants {
            heads: selection.shows(Level::Connection) || selection.needs_heads(),
            sealed: selection.shows_sealed(),
            ..Wants::default()
        }
    }

    #[inline]
    fn message<W: Write>(
        &mut self,
        out: &mut Ordered<W>,
        selection: &Selection,
        connection: &Connection,
        message: &MessageEvent<'_>,
    ) {
        out.record(message.last.packet, |out| write_message(out, connection, message, selection.payload));
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
            write_frame(out, connection, frame, selection.payload, longest, &mut self.scratch)
        });
    }

    fn finding<W: Write>(&mut self, out: &mut Ordered<W>, _: &Selection, finding: &FindingRecord<'_>) {
        let FindingRecord { connection, rule, spot, text } = *finding;
        out.record(spot.place.packet, |out| write_finding(out, connection, rule, spot, text));
    }

    fn ended<W: Write>(&mut self, out: &mut Ordered<W>, ended: &Ended<'_>) {
        // The record of a connection is complete now, not at an earlier packet.
        out.record(u64::MAX - 1, |out| write_connection(out, ended));
    }

    fn sealed<W: Write>(&mut self, out: &mut Ordered<W>, selection: &Selection, sealed: &SealedTls) {
        if selection.shows_sealed() {
            out.record(u64::MAX - 1, |out| write_sealed(out, sealed));
        }
    }

    fn lost<W: Write>(&mut self, out: &mut Ordered<W>, selection: &Selection, loss: &Loss) {
        if self.live || selection.levels == Levels::ALL {
            out.record(0, |out| write_loss(out, loss));
        }
    }

    fn finish<W: Write>(
        self,
        mut out: Ordered<W>,
        selection: &Selection,
        _: u64,
        summary: &Summary,
    ) -> io::Result<()> {
        if selection.levels == Levels::ALL {
            out.watermark(u64::MAX);
            out.record(u64::MAX - 1, |out| write_summary(out, summary));
        }
        out.finish().map(|_| ())
    }
}

/// Appends a key, comma and colon included, and a number.
macro_rules! put {
    ($out:expr, $key:expr, $value:expr) => {{
        let value: u64 = $value;
        $out.extend_from_slice($key);
        $out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }};
}

/// Appends `,"key":`.
fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends a list of strings.
fn strings<'a>(out: &mut Vec<u8>, name: &str, list: impl IntoIterator<Item = &'a str>) {
    key(out, name);
    out.push(b'[');
    for (at, text) in list.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json_string(out, text);
    }
    out.push(b']');
}

#[inline]
fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn optional(out: &mut Vec<u8>, name: &str, value: Option<u64>) {
    match value {
        Some(value) => number(out, name, value),
        None => {
            key(out, name);
            out.extend_from_slice(b"null");
        }
    }
}

#[inline]
fn flag(out: &mut Vec<u8>, name: &str, value: bool) {
    key(out, name);
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// A value that needs no escaping.
#[inline]
fn word(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, name);
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn string(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, name);
    json_string(out, value);
}

fn or_null(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    match value {
        Some(value) => string(out, name, value),
        None => {
            key(out, name);
            out.extend_from_slice(b"null");
        }
    }
}

fn hexadecimal(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    key(out, name);
    out.push(b'"');
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    let _ = hex::encode_to_slice(bytes, out.get_mut(start..).unwrap_or_default());
    out.push(b'"');
}

/// Captured bytes that should be text: UTF-8, or else each byte as the character of its number (ISO 8859-1).
fn loose(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect::<String>().into(),
    }
}

fn kind(out: &mut Vec<u8>, name: &str, connection: Option<&Connection>) {
    out.extend_from_slice(b"{\"v\":1,\"kind\":\"");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    optional(out, "conn", connection.map(|connection| u64::from(connection.id.0)));
}

#[inline]
fn moment(out: &mut Vec<u8>, name: &str, time: Time) {
    key(out, name);
    out.push(b'"');
    seconds_of(out, time);
    out.push(b'"');
}

/// Seconds since 1970 with nine decimals.
#[inline]
fn seconds_of(out: &mut Vec<u8>, time: Time) {
    const SECOND: u64 = 1_000_000_000;
    if time.0 < 0 {
        out.push(b'-');
    }
    let nanoseconds = time.0.unsigned_abs();
    out.extend_from_slice(itoa::Buffer::new().format(nanoseconds / SECOND).as_bytes());
    let point = out.len();
    // The leading one keeps the zeros behind it, and makes room for the point.
    out.extend_from_slice(itoa::Buffer::new().format(SECOND + nanoseconds % SECOND).as_bytes());
    if let Some(one) = out.get_mut(point) {
        *one = b'.';
    }
}

fn direction(out: &mut Vec<u8>, direction: Option<Direction>) {
    match direction {
        Some(direction) => word(out, "dir", direction.name()),
        None => out.extend_from_slice(b",\"dir\":null"),
    }
}

fn write_frame(
    out: &mut Vec<u8>,
    connection: &Connection,
    frame: &FrameEvent<'_>,
    payload: PayloadMode,
    longest: usize,
    scratch: &mut Vec<u8>,
) {
    let header = frame.header;
    kind(out, "frame", Some(connection));
    moment(out, "time", frame.last.time);
    word(out, "dir", frame.direction.name());
    number(out, "packet", frame.start.place.packet);
    number(out, "last_packet", frame.last.packet);
    number(out, "frame", frame.number);
    optional(out, "message", frame.message);
    flag(out, "fin", header.fin());
    number(out, "rsv", u64::from(header.rsv()));
    number(out, "opcode", u64::from(header.opcode().bits()));
    word(out, "op", header.opcode().name());
    flag(out, "masked", header.masked());
    if header.masked() {
        hexadecimal(out, "masking_key", &header.masking_key);
    } else {
        out.extend_from_slice(b",\"masking_key\":null");
    }
    number(out, "header_len", header.len() as u64);
    number(out, "len", header.payload_len);
    number(out, "offset", frame.start.at);
    flag(out, "complete", frame.complete);
    if payload != PayloadMode::None {
        let bytes = frame.read(scratch);
        let whole = bytes.len() as u64 == header.payload_len;
        match payload {
            PayloadMode::Hash => {
                key(out, "sha256");
                use sha2::{Digest as _, Sha256};
                match frame.sha256.or_else(|| whole.then(|| Sha256::digest(bytes).into())) {
                    Some(hash) => {
                        let _ = write!(JsonText(out), "\"{}\"", hex::encode(hash));
                    }
                    None => out.extend_from_slice(b"null"),
                }
            }
            _ => {
                let most = if payload == PayloadMode::Preview { PREVIEW } else { longest };
                hexadecimal(out, "payload", bytes.get(..bytes.len().min(most)).unwrap_or_default());
                if frame.complete && (!whole || bytes.len() > most) {
                    flag(out, "cut", true);
                }
            }
        }
    }
    out.extend_from_slice(b"}\n");
}

#[inline]
fn write_message(
    out: &mut Vec<u8>,
    connection: &Connection,
    message: &MessageEvent<'_>,
    payload: PayloadMode,
) {
    // The line that is written most: each part with its key in one piece.
    put!(out, b"{\"v\":1,\"kind\":\"message\",\"conn\":", connection.id.0.into());
    out.extend_from_slice(b",\"time\":\"");
    seconds_of(out, message.last.time);
    out.extend_from_slice(match message.direction {
        Direction::ClientToServer => b"\",\"dir\":\"c2s\"",
        Direction::ServerToClient => b"\",\"dir\":\"s2c\"",
    });
    put!(out, b",\"packet\":", message.first.packet);
    put!(out, b",\"last_packet\":", message.last.packet);
    put!(out, b",\"msg\":", message.number);
    word(out, "op", message.opcode.name());
    match message.len {
        Some(len) => put!(out, b",\"len\":", len),
        None => out.extend_from_slice(b",\"len\":null"),
    }
    put!(out, b",\"wire\":", message.wire);
    put!(out, b",\"frames\":", u64::from(message.frames));
    out.extend_from_slice(if message.compressed {
        b",\"compressed\":true"
    } else {
        b",\"compressed\":false"
    });
    if message.integrity == Integrity::Ok {
        out.extend_from_slice(b",\"integrity\":\"ok\"");
    } else {
        word(out, "integrity", message.integrity.name());
    }
    let mut cut = false;
    match payload {
        PayloadMode::None => {}
        PayloadMode::Hash => {
            key(out, "sha256");
            match message.sha256 {
                Some(hash) => {
                    let _ = write!(JsonText(out), "\"{}\"", hex::encode(hash));
                }
                None => out.extend_from_slice(b"null"),
            }
        }
        PayloadMode::Preview | PayloadMode::Full => {
            let most = if payload == PayloadMode::Preview { PREVIEW } else { usize::MAX };
            cut = !message.whole
                && !matches!(
                    message.integrity,
                    Integrity::Gap | Integrity::UnknownDictionary | Integrity::Damaged
                );
            match message.text {
                Some(text) => {
                    let shown = begin(text, most);
                    cut |= shown.len() < text.len();
                    string(out, "text", shown);
                }
                None => {
                    let shown = message.bytes.get(..message.bytes.len().min(most)).unwrap_or_default();
                    cut |= shown.len() < message.bytes.len();
                    hexadecimal(out, "hex", shown);
                }
            }
        }
    }
    out.extend_from_slice(if cut { b",\"cut\":true" } else { b",\"cut\":false" });
    if let Some(at) = message.invalid_utf8_at {
        number(out, "invalid_utf8_at", at);
    }
    if let Some((at, len)) = message.missing {
        number(out, "missing_at", at);
        number(out, "missing_len", len);
    }
    if message.opcode == Opcode::Close {
        let close = message.close;
        optional(out, "close_code", close.and_then(|close| close.code).map(u64::from));
        key(out, "close_reason");
        match close.and_then(|close| std::str::from_utf8(close.reason).ok()) {
            Some(reason) => json_string(out, reason),
            None => out.extend_from_slice(b"null"),
        }
    }
    if let Some(rtt) = message.rtt {
        key(out, "rtt");
        let _ = write!(JsonText(out), "{}", seconds(rtt.0));
    }
    out.extend_from_slice(b"}\n");
}

/// The first `most` bytes of a text, or a little less: whole characters.
fn begin(text: &str, most: usize) -> &str {
    let cut = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..cut.unwrap_or_default()).unwrap_or_default()
}

/// Nanoseconds as decimal seconds.
fn seconds(nanoseconds: i64) -> String {
    Time(nanoseconds).to_string()
}

fn write_finding(
    out: &mut Vec<u8>,
    connection: Option<&Connection>,
    rule: &'static Rule,
    spot: Spot,
    text: Arguments<'_>,
) {
    kind(out, "finding", connection);
    moment(out, "time", spot.place.time);
    direction(out, spot.direction);
    number(out, "packet", spot.place.packet);
    number(out, "last_packet", spot.place.packet);
    word(out, "code", rule.code);
    word(out, "severity", rule.severity.name());
    optional(out, "frame", spot.frame);
    optional(out, "msg", spot.message);
    optional(out, "offset", spot.offset);
    if let Some(what) = spot.what {
        word(out, "what", what);
    }
    string(out, "text", &text.to_string());
    string(out, "ref", rule.reference);
    out.extend_from_slice(b"}\n");
}

fn write_head(
    out: &mut Vec<u8>,
    name: &str,
    head: Option<&Head>,
    place: Option<HeadPlace>,
    body: Option<&Body>,
) {
    key(out, name);
    let Some(head) = head else {
        out.extend_from_slice(b"null");
        return;
    };
    out.extend_from_slice(b"{\"line\":");
    json_string(out, &loose(head.token(&head.line)));
    key(out, "headers");
    out.push(b'[');
    for (i, field) in head.headers.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"[" } else { b",[" });
        json_string(out, &loose(head.token(&field.name)));
        out.push(b',');
        json_string(out, &loose(head.token(&field.value)));
        out.push(b']');
    }
    out.push(b']');
    optional(out, "packet", place.map(|place| place.first.packet));
    number(out, "bytes", u64::from(head.wire_len));
    if let Some(body) = body {
        refusal::write_body(out, body);
    }
    if head.cut {
        flag(out, "cut", true);
    }
    out.push(b'}');
}

fn write_connection(out: &mut Vec<u8>, ended: &Ended<'_>) {
    let connection = ended.connection;
    let handshake = &connection.handshake;
    kind(out, "connection", Some(connection));
    moment(out, "time", connection.first.time);
    number(out, "tcp_stream", u64::from(connection.tcp.0));
    let _ =
        write!(JsonText(out), ",\"client\":\"{}\",\"server\":\"{}\"", connection.client, connection.server);
    if let Some(proxied) = connection.proxied {
        let _ = write!(JsonText(out), ",\"proxied_client\":\"{proxied}\"");
    }
    if connection.tunnelled {
        flag(out, "tunnelled", true);
    }
    or_null(out, "url", connection.url.as_deref());
    or_null(out, "http_version", connection.http_version());
    optional(out, "status", handshake.status.map(u64::from));
    word(out, "accept", handshake.accept.name());
    optional(out, "stream_id", connection.stream_id.map(u64::from));
    or_null(out, "subprotocol", handshake.subprotocol.as_deref());
    out.extend_from_slice(b",\"extensions\":[");
    for (i, extension) in handshake.extensions.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"name\":" } else { b",{\"name\":" });
        json_string(out, &extension.name);
        out.extend_from_slice(b",\"params\":{");
        for (i, (name, value)) in extension.params.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            json_string(out, name);
            out.push(b':');
            match value {
                Some(value) => json_string(out, value),
                None => out.extend_from_slice(b"true"),
            }
        }
        out.extend_from_slice(b"}}");
    }
    out.push(b']');
    write_head(out, "request", handshake.request.as_deref(), connection.request, None);
    let body = handshake.body.as_deref();
    write_head(out, "response", handshake.response.as_deref(), connection.response, body);
    if let Some(foreign) = &handshake.foreign {
        key(out, "response_not_http");
        let _ =
            write!(JsonText(out), "{{\"what\":\"{}\",\"packet\":{}", foreign.what(), foreign.place.packet);
        hexadecimal(out, "hex", &foreign.bytes);
        out.push(b'}');
    }
    if handshake.is_cut() {
        flag(out, "handshake_cut", true);
    }
    word(out, "state", ended.state.name());
    flag(out, "midstream", connection.is_midstream());
    flag(out, "tls", connection.tls.is_some());
    if let Some(evidence) = &connection.evidence {
        word(out, "evidence", evidence);
    }
    if let Some(tls) = &connection.tls {
        write_tls(out, tls);
    }
    match ended.socket {
        Some(_) => {
            moment(out, "opened", connection.response.map_or(connection.first.time, |place| place.last.time))
        }
        None => out.extend_from_slice(b",\"opened\":null"),
    }
    match ended.closed {
        Some(closed) => moment(out, "closed", closed),
        None => out.extend_from_slice(b",\"closed\":null"),
    }
    let counts = |direction| ended.socket.map(|ws| *ws.counts(direction)).unwrap_or_default();
    let (c2s, s2c) = (counts(Direction::ClientToServer), counts(Direction::ServerToClient));
    for (name, c2s, s2c) in [
        ("messages", c2s.messages, s2c.messages),
        ("frames", c2s.frames, s2c.frames),
        ("payload_bytes", c2s.payload_bytes, s2c.payload_bytes),
        ("wire_bytes", c2s.wire_bytes, s2c.wire_bytes),
    ] {
        let _ = write!(JsonText(out), ",\"{name}\":{{\"c2s\":{c2s},\"s2c\":{s2c}}}");
    }
    write_close(out, ended);
    end::write(out, ended);
    write_tally(out, ended.findings);
    let _ = write!(JsonText(out), ",\"gaps\":{},\"gap_bytes\":{}", ended.gaps.0, ended.gaps.1);
    let skipped: Vec<u64> =
        Direction::BOTH.iter().filter_map(|d| ended.socket.and_then(|ws| ws.skipped(*d))).collect();
    if !skipped.is_empty() {
        number(out, "skipped_bytes", skipped.iter().sum());
    }
    word(out, "community_id", &community_id(connection.client, connection.server));
    out.extend_from_slice(b"}\n");
}

fn write_close(out: &mut Vec<u8>, ended: &Ended<'_>) {
    key(out, "close");
    let Some(closing) = ended.socket.and_then(|ws| ws.closing()) else {
        out.extend_from_slice(b"null");
        return;
    };
    let _ = write!(JsonText(out), "{{\"by\":\"{}\"", closing.sender());
    optional(out, "code", closing.code.map(u64::from));
    key(out, "reason");
    match std::str::from_utf8(&closing.reason) {
        Ok(reason) => json_string(out, reason),
        Err(_) => out.extend_from_slice(b"null"),
    }
    flag(out, "clean", closing.answered);
    out.push(b'}');
}

fn write_tally(out: &mut Vec<u8>, tally: &Tally) {
    let _ = write!(
        JsonText(out),
        ",\"findings\":{{\"error\":{},\"warning\":{},\"info\":{}}}",
        tally.of(Severity::Error),
        tally.of(Severity::Warning),
        tally.of(Severity::Info)
    );
}

fn write_losses(out: &mut Vec<u8>, losses: &Losses) {
    number(out, "kernel", losses.kernel);
    number(out, "interface", losses.interface);
    number(out, "queue", losses.queue);
}

fn write_loss(out: &mut Vec<u8>, loss: &Loss) {
    out.extend_from_slice(b"{\"v\":1,\"kind\":\"loss\"");
    let _ = write!(JsonText(out), ",\"time\":\"{}\",\"from\":\"{}\"", loss.until, loss.from);
    write_losses(out, &loss.losses);
    out.extend_from_slice(b"}\n");
}

/// Appends a summary record.
pub fn write_summary(out: &mut Vec<u8>, summary: &Summary) {
    let totals = &summary.totals;
    out.extend_from_slice(b"{\"v\":1,\"kind\":\"summary\"");
    number(out, "packets", summary.packets);
    number(out, "capture_bytes", summary.capture_bytes);
    number(out, "tcp_connections", totals.tcp_connections);
    number(out, "websockets", totals.websockets);
    number(out, "frames", totals.frames);
    number(out, "messages", totals.messages);
    write_tally(out, &totals.findings);
    out.extend_from_slice(b",\"skipped\":{");
    for (i, (reason, count)) in summary.skipped.iter().enumerate() {
        let _ = write!(JsonText(out), "{}\"{reason}\":{count}", if i == 0 { "" } else { "," });
    }
    out.push(b'}');
    let Losses { kernel, interface, queue } = summary.losses;
    let _ = write!(
        JsonText(out),
        ",\"losses\":{{\"kernel\":{kernel},\"interface\":{interface},\"queue\":{queue}}}"
    );
    number(out, "gaps", totals.gaps);
    number(out, "gap_bytes", totals.gap_bytes);
    flag(out, "input_complete", summary.input_complete);
    out.extend_from_slice(b"}\n");
}

/// `fmt::Write` over bytes.
struct JsonText<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for JsonText<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
