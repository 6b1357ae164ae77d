//! Values of expressions: what the engine says of the objects of a capture. Nothing is typed in twice.

use std::sync::Arc;

use super::expr::{Expr, Value};
use super::sample::Flow;
use crate::http::accept::{AcceptSteps, steps};
use crate::model::{Direction, Head};
use crate::report::stats::model::{Estimate, Given};
use crate::store::detail::{FrameDetail, Request, TcpDetail};
use crate::store::record::record;
use crate::store::{ConnectionRow, Detail, FrameRow, Index, MessageRow};
use crate::ws::{Opcode, unmask};

/// Details that are kept.
const KEPT: usize = 32;
/// Messages of a connection that are looked through for one property.
const WALKED: usize = 100_000;
/// The poll that the estimate takes for granted, in nanoseconds.
pub const POLL: u64 = 1_000_000_000;

/// Details that were loaded, or the reason why one cannot be.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    kept: Vec<(Request, Result<Loaded, String>)>,
}

/// A detail.
#[derive(Clone, Debug)]
enum Loaded {
    Frame(Arc<FrameDetail>),
    Tcp(Arc<TcpDetail>),
}

impl Cache {
    /// Keeps an answer.
    pub fn keep(&mut self, request: Request, answer: Result<Detail, String>) {
        let loaded = answer.and_then(|detail| match detail {
            Detail::Frame(frame) => Ok(Loaded::Frame(frame.into())),
            Detail::Tcp(tcp) => Ok(Loaded::Tcp(tcp.into())),
            Detail::Message(_) => Err("no lesson asks for a whole message".to_owned()),
        });
        self.put(request, loaded);
    }

    /// Keeps a frame that was loaded elsewhere.
    pub fn keep_frame(&mut self, request: Request, frame: Result<Arc<FrameDetail>, String>) {
        self.put(request, frame.map(Loaded::Frame));
    }

    /// Keeps TCP's packets that were loaded elsewhere.
    pub fn keep_tcp(&mut self, request: Request, tcp: Result<Arc<TcpDetail>, String>) {
        self.put(request, tcp.map(Loaded::Tcp));
    }

    fn put(&mut self, request: Request, loaded: Result<Loaded, String>) {
        if self.has(&request) {
            return;
        }
        if self.kept.len() >= KEPT {
            drop(self.kept.remove(0));
        }
        self.kept.push((request, loaded));
    }

    /// Whether something is there.
    #[must_use]
    pub fn has(&self, request: &Request) -> bool {
        self.kept.iter().any(|(known, _)| known == request)
    }

    fn get(&self, request: Request) -> Result<&Loaded, Missing> {
        match self.kept.iter().find(|(known, _)| *known == request) {
            None => Err(Missing::Wants(request)),
            Some((_, Ok(loaded))) => Ok(loaded),
            Some((_, Err(why))) => Err(Missing::Is(why.clone())),
        }
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// This has to be loaded first.
    Wants(Request),
    /// There is no such thing.
    Is(String),
}

fn no<T>(what: impl Into<String>) -> Result<T, Missing> {
    Err(Missing::Is(what.into()))
}

/// A capture, as far as expressions look at it.
#[derive(Clone, Copy, Debug)]
pub struct CaptureFacts<'a> {
    /// Its rows.
    pub index: &'a Index,
    /// What was loaded of it.
    pub cache: &'a Cache,
    /// Its TCP connections without WebSocket; none of a learner's own capture.
    pub flows: &'a [Flow],
}

fn number(value: impl TryInto<i64>) -> Result<Value, Missing> {
    value.try_into().map(Value::Number).or_else(|_| no("the number is too large"))
}

fn text(value: &[u8]) -> Result<Value, Missing> {
    Ok(Value::Text(String::from_utf8_lossy(value).into_owned()))
}

/// Sums of a connection's messages, in one walk.
#[derive(Default)]
struct MessageSums {
    /// Data messages of the server before the client's first.
    pushed: u64,
    /// Data messages of the server with no data message of the client since the one before.
    unasked: u64,
    compressed: u64,
}

impl<'a> CaptureFacts<'a> {
    /// The value of an expression; `object` knows the objects' values.
    ///
    /// # Errors
    /// Why it has none, or what has to be loaded first.
    pub fn value(&self, expr: &Expr, object: &dyn Fn(&str) -> Option<Value>) -> Result<Value, Missing> {
        match expr {
            Expr::Number(number) => Ok(Value::Number(*number)),
            Expr::Text(text) => Ok(Value::Text(text.clone())),
            Expr::Object(name) => object(name).map_or_else(|| no(format!("no object {name}")), Ok),
            Expr::Property(of, name) => {
                let of = self.value(of, object)?;
                self.property(&of, name)
            }
            Expr::Part(of, part) => {
                let (of, part) = (self.value(of, object)?, self.value(part, object)?);
                let part = part.number().and_then(|part| usize::try_from(part).ok());
                let part = part.map_or_else(|| no("a part is a number"), Ok)?;
                match of {
                    Value::Bytes(bytes) => match bytes.get(part) {
                        Some(byte) => number(*byte),
                        None => no(format!("there is no byte {part}")),
                    },
                    _ => no("only bytes have parts"),
                }
            }
            Expr::Both(left, sign, right) => {
                let (left, right) = (self.value(left, object)?, self.value(right, object)?);
                let (Some(left), Some(right)) = (left.number(), right.number()) else {
                    return no(format!("{sign} stands between numbers"));
                };
                let result = match sign {
                    '^' => Some(left ^ right),
                    '+' => left.checked_add(right),
                    '-' => left.checked_sub(right),
                    '*' => left.checked_mul(right),
                    '/' => left.checked_div(right),
                    '%' => left.checked_rem(right),
                    _ => None,
                };
                result.map_or_else(
                    || no(format!("{left} {sign} {right} has no value")),
                    |n| Ok(Value::Number(n)),
                )
            }
        }
    }

    fn property(&self, of: &Value, name: &str) -> Result<Value, Missing> {
        let unknown = || no(format!("there is no property {name}"));
        match of {
            Value::Bytes(bytes) => match name {
                "len" => number(bytes.len()),
                "text" => text(bytes),
                _ => unknown(),
            },
            Value::Text(value) => match name {
                "len" => number(value.len()),
                _ => unknown(),
            },
            Value::Number(_) => unknown(),
            Value::Connection(id) => match self.index.connection(*id) {
                Some(row) => self.of_connection(row, name),
                None => no("there is no such connection"),
            },
            Value::Message(id, message) => self.of_message(*id, *message, name),
            Value::Frame(id, frame) => self.of_frame(*id, *frame, name),
            Value::Flow(at) => match self.flows.get(*at) {
                Some(flow) => flow.property(name).map_or_else(unknown, number),
                None => no("there is no such TCP connection"),
            },
        }
    }

    /// The row of a message.
    #[must_use]
    pub fn message(&self, connection: u32, message: u64) -> Option<&'a MessageRow> {
        let at = usize::try_from(message.checked_sub(1)?).ok()?;
        self.index.messages(connection).get(at)
    }

    /// The row of a frame.
    #[must_use]
    pub fn frame(&self, connection: u32, frame: u64) -> Option<&'a FrameRow> {
        let at = usize::try_from(frame.checked_sub(1)?).ok()?;
        self.index.frames(connection).get(at)
    }

    /// Data messages that the server sent before the client sent any.
    pub(super) fn pushed(&self, connection: u32) -> u64 {
        self.walk(connection).pushed
    }

    fn walk(&self, connection: u32) -> MessageSums {
        let mut walk = MessageSums::default();
        let (mut asked, mut spoke) = (false, false);
        for row in self.index.messages(connection).iter().take(WALKED) {
            walk.compressed += u64::from(row.marks.has(crate::store::Marks::COMPRESSED));
            if row.opcode().is_control() {
                continue;
            }
            if row.direction() == Direction::ClientToServer {
                (asked, spoke) = (true, true);
            } else {
                walk.pushed += u64::from(!spoke);
                walk.unasked += u64::from(!asked);
                asked = false;
            }
        }
        walk
    }

    fn of_connection(&self, row: &ConnectionRow, name: &str) -> Result<Value, Missing> {
        let handshake = &row.handshake;
        let id = row.id.0;
        if let Some(header) = name.strip_prefix("ask-") {
            return header_of(handshake.request.as_deref(), header);
        }
        if let Some(header) = name.strip_prefix("reply-") {
            return header_of(handshake.response.as_deref(), header);
        }
        let counts = &row.counts;
        let both = |of: fn(&crate::ws::Counts) -> u64| of(&counts.c2s).saturating_add(of(&counts.s2c));
        let data =
            |counts: &crate::ws::Counts| counts.data.iter().fold(0u64, |sum, n| sum.saturating_add(*n));
        let heads = || {
            let len = |head: &Option<Box<Head>>| head.as_ref().map(|head| head.bytes.len() as u64);
            match (len(&handshake.request), len(&handshake.response)) {
                (Some(request), Some(response)) => Ok((request, response)),
                _ => no("the handshake was not captured"),
            }
        };
        let control = |at: usize| both_control(row, at);
        match name {
            "number" => number(id),
            "url" => match row.url.as_deref() {
                Some(url) => Ok(Value::Text(url.to_owned())),
                None => no("the request was not captured"),
            },
            "port" => number(row.server.port),
            "client-port" => number(row.client.port),
            "status" => handshake.status.map_or_else(|| no("there is no response"), number),
            "method" => match handshake.request.as_deref() {
                Some(head) => text(head.method()),
                None => no("the request was not captured"),
            },
            "target" => match handshake.request.as_deref() {
                Some(head) => text(head.target()),
                None => no("the request was not captured"),
            },
            "headers-sent" => match handshake.request.as_deref() {
                Some(head) => number(head.headers.len()),
                None => no("the request was not captured"),
            },
            "key" => header_of(handshake.request.as_deref(), "Sec-WebSocket-Key"),
            "accept" => header_of(handshake.response.as_deref(), "Sec-WebSocket-Accept"),
            "right-accept" => Ok(Value::Text(accept(row)?.accept)),
            "joined" => text(&accept(row)?.concatenated),
            "digest" => Ok(Value::Bytes(accept(row)?.digest.to_vec())),
            "key-bytes" => match accept(row)?.decoded {
                Some(bytes) => Ok(Value::Bytes(bytes)),
                None => no("the key is no base64"),
            },
            "subprotocol" => match &handshake.subprotocol {
                Some(name) => Ok(Value::Text(name.clone())),
                None => no("no subprotocol was chosen"),
            },
            "client-bits" | "server-bits" => match handshake.deflate {
                Some(deflate) if name == "client-bits" => number(deflate.client_max_window_bits),
                Some(deflate) => number(deflate.server_max_window_bits),
                None => no("nothing is compressed"),
            },
            "tls-version" | "tls-cipher" | "tls-name" => match &row.tls {
                Some(tls) if name == "tls-version" => Ok(Value::Text(tls.version.to_owned())),
                Some(tls) if name == "tls-cipher" => Ok(Value::Text(tls.cipher.clone())),
                Some(tls) => Ok(Value::Text(tls.server_name.clone().unwrap_or_default())),
                None => no("it does not run in TLS"),
            },
            "messages" => number(both(|counts| counts.messages)),
            "frames" => number(both(|counts| counts.frames)),
            "sent" => number(data(&counts.c2s)),
            "received" => number(data(&counts.s2c)),
            "data" => number(data(&counts.c2s).saturating_add(data(&counts.s2c))),
            "closes" => number(control(0)),
            "pings" => number(control(1)),
            "pongs" => number(control(2)),
            "payload" => number(both(|counts| counts.payload_bytes)),
            "frame-bytes" => number(both(|counts| counts.wire_bytes)),
            "frame-headers" => number(both(|counts| counts.wire_bytes.saturating_sub(counts.payload_bytes))),
            "frame-headers-sent" => number(counts.c2s.wire_bytes.saturating_sub(counts.c2s.payload_bytes)),
            "frame-headers-received" => {
                number(counts.s2c.wire_bytes.saturating_sub(counts.s2c.payload_bytes))
            }
            "app" => number(row.app_bytes.c2s.saturating_add(row.app_bytes.s2c)),
            "request-bytes" => number(heads()?.0),
            "response-bytes" => number(heads()?.1),
            "handshake-bytes" => heads().and_then(|(request, response)| number(request + response)),
            "heads-and-headers" => {
                let headers = both(|counts| counts.wire_bytes.saturating_sub(counts.payload_bytes));
                heads().and_then(|(request, response)| number(request + response + headers))
            }
            "pushed" => number(self.walk(id).pushed),
            "unasked" => number(self.walk(id).unasked),
            "compressed" => number(self.walk(id).compressed),
            "closer" => match row.closing.as_ref().and_then(|closing| closing.by) {
                Some(by) => Ok(Value::Text(by.sender().to_owned())),
                None => no("there is no Close"),
            },
            "close-code" => match row.closing.as_ref().and_then(|closing| closing.code) {
                Some(code) => number(code),
                None => no("there is no close code"),
            },
            "close-reason" => match &row.closing {
                Some(closing) => text(&closing.reason),
                None => no("there is no Close"),
            },
            "close-frame" => match &row.closing {
                Some(closing) => Ok(Value::Frame(id, closing.frame)),
                None => no("there is no Close"),
            },
            "close-message" => match &row.closing {
                Some(closing) => Ok(Value::Message(id, closing.message)),
                None => no("there is no Close"),
            },
            "packets" => number(self.tcp(id)?.packet_count),
            "wire" => number(self.tcp(id)?.wire_bytes),
            "tcp-ip" => {
                let headers = self.tcp(id)?.headers;
                let headers = headers.map_or_else(|| no("too many packets to count"), Ok)?;
                number(headers.link.saturating_add(headers.network).saturating_add(headers.transport))
            }
            "poll-requests" | "poll-bytes" | "each-bytes" => {
                let (request_bytes, response_bytes) = heads()?;
                let last = row.closed.unwrap_or(row.last.time);
                let opened = row.response.map_or(row.first.time, |place| place.last.time);
                let estimate = Estimate::of(&Given {
                    request_bytes,
                    response_bytes,
                    connections: 1,
                    sent: data(&counts.c2s),
                    received: data(&counts.s2c),
                    open_time: last.since(opened).unsigned(),
                    poll: POLL,
                    ..Given::default()
                });
                let of = |name: &str| estimate.methods.iter().find(|method| method.name == name).copied();
                let method = of(if name == "each-bytes" { "request" } else { "poll" });
                let method = method.map_or_else(|| no("there is no such estimate"), Ok)?;
                number(if name == "poll-requests" { method.requests } else { method.header_bytes })
            }
            _ => no(format!("a connection has no {name}")),
        }
    }

    fn tcp(&self, connection: u32) -> Result<&'a TcpDetail, Missing> {
        match self.cache.get(Request::Tcp { connection })? {
            Loaded::Tcp(tcp) => Ok(tcp),
            Loaded::Frame(_) => no("that is no TCP connection"),
        }
    }

    fn of_message(&self, id: u32, message: u64, name: &str) -> Result<Value, Missing> {
        let Some(row) = self.message(id, message) else { return no("there is no such message") };
        let unmeasured = || no("its length is not known");
        match name {
            "number" => number(message),
            "len" => row.len().map_or_else(unmeasured, number),
            "wire" => number(row.wire),
            "frames" => number(row.frames),
            "opcode" => number(row.opcode),
            "opcode-name" => Ok(Value::Text(row.opcode().name().to_uppercase())),
            "text" => text(self.index.preview(id, message)),
            "connection" => Ok(Value::Connection(id)),
            "payload" => {
                let headers = self
                    .frames_of(id, message)
                    .try_fold(0u64, |sum, (_, frame)| sum.checked_add(frame.header().len() as u64));
                number(headers.and_then(|headers| row.wire.checked_sub(headers)).unwrap_or(0))
            }
            "control-inside" => {
                let last = self.frames_of(id, message).last().map_or(0, |(number, _)| number);
                let own = u64::from(row.direction);
                let inside = self.index.frames(id).iter().take(last as usize).skip(row.first_frame as usize);
                number(
                    inside
                        .filter(|frame| {
                            frame.header().opcode().is_control() && frame.direction() as u64 == own
                        })
                        .count(),
                )
            }
            "answered-by" => {
                let notes = (message.saturating_add(1)..message.saturating_add(1000)).find(|later| {
                    self.index.control_note(id, *later).is_some_and(|note| note.answers == Some(message))
                });
                notes.map_or_else(|| no("nothing answers it"), |later| Ok(Value::Message(id, later)))
            }
            _ => {
                // frame-1, frame-2, frame-last
                let place = name.strip_prefix("frame-");
                let found = match place {
                    Some("last") => self.frames_of(id, message).last(),
                    Some(place) => {
                        let place: Option<usize> = place.parse().ok();
                        place.and_then(|place| self.frames_of(id, message).nth(place.checked_sub(1)?))
                    }
                    None => None,
                };
                match found {
                    Some((number, _)) => Ok(Value::Frame(id, number)),
                    None => no(format!("a message has no {name}")),
                }
            }
        }
    }

    /// The frames of a message with their numbers, looked for behind its first.
    fn frames_of(&self, id: u32, message: u64) -> impl Iterator<Item = (u64, &'a FrameRow)> + 'a {
        let row = self.message(id, message);
        let (first, count) = row.map_or((0, 0), |row| (u64::from(row.first_frame), row.frames as usize));
        let frames = self.index.frames(id);
        let skip = first.saturating_sub(1) as usize;
        frames
            .iter()
            .enumerate()
            .skip(skip)
            .take(WALKED)
            .filter(move |(_, frame)| u64::from(frame.message) == message)
            .take(count)
            .map(|(at, frame)| (at as u64 + 1, frame))
    }

    fn of_frame(&self, id: u32, frame: u64, name: &str) -> Result<Value, Missing> {
        let Some(row) = self.frame(id, frame) else { return no("there is no such frame") };
        let header = row.header();
        let (bytes, len) = header.to_bytes();
        let bytes = bytes.get(..len).unwrap_or_default();
        let masked = header.masked();
        match name {
            "number" => number(frame),
            "header" => Ok(Value::Bytes(bytes.to_vec())),
            "header-len" => number(len),
            "len" => number(row.payload_len),
            "wire-len" => number(row.wire()),
            "len7" => number(header.head[1] & 0x7f),
            "extended" => {
                Ok(Value::Bytes(bytes.get(2..len - if masked { 4 } else { 0 }).unwrap_or_default().to_vec()))
            }
            "opcode" => number(header.opcode().bits()),
            "opcode-name" => Ok(Value::Text(opcode_name(header.opcode()))),
            "fin" => number(u8::from(header.fin())),
            "rsv1" => number(u8::from(header.rsv1())),
            "mask" => number(u8::from(masked)),
            "key" if masked => Ok(Value::Bytes(row.key.to_vec())),
            "sender" => Ok(Value::Text(row.direction().sender().to_owned())),
            "connection" => Ok(Value::Connection(id)),
            "message" if row.message > 0 => Ok(Value::Message(id, row.message.into())),
            "record-added" | "record-content" => {
                let Loaded::Frame(detail) = self.cache.get(Request::Frame { connection: id, frame })? else {
                    return no("that is no frame");
                };
                let tls = self.index.connection(id).and_then(|row| row.tls.as_deref());
                let record = detail.pieces.first().zip(tls).and_then(|(piece, tls)| record(piece, tls));
                match record {
                    Some(record) if name == "record-added" => number(record.added()),
                    Some(record) => number(record.content.len()),
                    None => no("it is not in one record of TLS in one packet"),
                }
            }
            "plain" | "masked" | "close-code" | "packet" | "packet-len" | "link" | "network"
            | "transport" => {
                let Loaded::Frame(detail) = self.cache.get(Request::Frame { connection: id, frame })? else {
                    return no("that is no frame");
                };
                of_detail(detail, masked, name)
            }
            _ => no(format!("this frame has no {name}")),
        }
    }
}

fn of_detail(detail: &FrameDetail, masked: bool, name: &str) -> Result<Value, Missing> {
    let packet = || match detail.pieces.first() {
        Some(piece) => Ok(&piece.packet),
        None => no("its packet cannot be read"),
    };
    let layer = |osi: u8| {
        let of = packet()?.layers.iter().filter(|layer| layer.osi == osi);
        number(of.map(|layer| layer.range.len()).sum::<usize>())
    };
    match name {
        "plain" => Ok(Value::Bytes(detail.payload.clone())),
        "masked" => {
            let mut bytes = detail.payload.clone();
            if masked {
                unmask(&mut bytes, detail.header.masking_key, 0);
            }
            Ok(Value::Bytes(bytes))
        }
        "close-code" => match detail.payload.first_chunk::<2>() {
            Some(code) => number(u16::from_be_bytes(*code)),
            None => no("this Close has no code"),
        },
        "packet" => number(packet()?.packet.number),
        "packet-len" => number(packet()?.packet.wire_len),
        "link" => layer(2),
        "network" => layer(3),
        _ => layer(4),
    }
}

fn opcode_name(opcode: Opcode) -> String {
    opcode.name().to_uppercase()
}

fn both_control(row: &ConnectionRow, at: usize) -> u64 {
    let of = |counts: &crate::ws::Counts| counts.control.get(at).copied().unwrap_or(0);
    of(&row.counts.c2s).saturating_add(of(&row.counts.s2c))
}

fn header_of(head: Option<&Head>, name: &str) -> Result<Value, Missing> {
    let Some(head) = head else { return no("the head was not captured") };
    match head.value(name) {
        Some(value) => text(value),
        None => no(format!("there is no header {name}")),
    }
}

fn accept(row: &ConnectionRow) -> Result<AcceptSteps, Missing> {
    match row.handshake.request.as_deref().and_then(|head| head.value("Sec-WebSocket-Key")) {
        Some(key) => Ok(steps(key)),
        None => no("there is no key"),
    }
}
