//! The captures that lessons bring with them: in the program, read by the same engine as any other.

use super::expr::{Expr, Value};
use super::facts::{Cache, CaptureFacts, Missing};
use crate::capture::{Capture, Options};
use crate::model::Endpoint;
use crate::net::plain;
use crate::store::{self, Session};

/// The captures by their names.
static CAPTURES: &[(&str, &[u8])] = &[
    ("chat-deflate", include_bytes!("../../captures/chat-deflate/capture.pcapng")),
    ("chromium", include_bytes!("../../captures/chromium/capture.pcapng")),
    ("close-codes", include_bytes!("../../captures/close-codes/capture.pcapng")),
    ("connect-tunnel", include_bytes!("../../captures/connect-tunnel/capture.pcapng")),
    ("fragmented-deflate", include_bytes!("../../captures/fragmented-deflate/capture.pcapng")),
    ("lengths", include_bytes!("../../captures/lengths/capture.pcapng.gz")),
    ("polling-vs-websocket", include_bytes!("../../captures/polling-vs-websocket/capture.pcapng")),
    ("refused", include_bytes!("../../captures/refused/capture.pcapng")),
    ("rfc-5-7", include_bytes!("../../captures/rfc-5-7/capture.pcapng")),
    ("wrong-accept", include_bytes!("../../captures/wrong-accept/capture.pcapng")),
    #[cfg(feature = "tls")]
    ("wss", include_bytes!("../../captures/wss/capture.pcapng")),
];

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    CAPTURES.iter().map(|(name, _)| *name)
}

/// A bundled capture that is open, read to its end.
#[derive(Debug)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// Its rows and bytes.
    pub session: Session,
    /// Its TCP connections without WebSocket.
    pub flows: Vec<Flow>,
}

impl Sample {
    /// Opens a bundled capture.
    ///
    /// # Errors
    /// Where there is none of this name, or no memory or thread for it.
    pub fn open(name: &str) -> Result<Self, String> {
        let found = CAPTURES.iter().find(|(known, _)| *known == name);
        let (_, bytes) = found.ok_or_else(|| format!("there is no bundled capture '{name}'"))?;
        let how = Options { keep: true, ..Options::default() };
        let open = || Capture::from_bytes_with(bytes.to_vec(), &how).map_err(|error| error.to_string());
        let mut session =
            Session::read(open()?, store::Options::default()).map_err(|error| error.to_string())?;
        session.wait();
        let taken: Vec<(Endpoint, Endpoint)> =
            session.index().connections.iter().map(|row| (row.client, row.server)).collect();
        let flows = flows(&mut open()?, &taken);
        Ok(Self { name: name.to_owned(), session, flows })
    }

    /// The value of an expression, everything loaded that it needs.
    ///
    /// # Errors
    /// Why it has none.
    pub fn value(
        &self,
        expr: &Expr,
        cache: &mut Cache,
        object: &dyn Fn(&str) -> Option<Value>,
    ) -> Result<Value, Missing> {
        loop {
            let facts = CaptureFacts { index: &self.session.index(), cache, flows: &self.flows };
            let found = facts.value(expr, object);
            let Err(Missing::Wants(request)) = found else { return found };
            // Once loaded it is there, so this ends.
            let answer = self.session.load(&request);
            cache.keep(request, answer.map_err(|error| error.to_string()));
        }
    }
}

/// A TCP connection without WebSocket, counted packet by packet.
#[derive(Clone, Debug)]
pub struct Flow {
    ends: (Endpoint, Endpoint),
    packets: u64,
    wire: u64,
    requests: u64,
    /// Bytes of heads, of bodies.
    heads: u64,
    bodies: u64,
    /// Responses whose body has nothing new.
    empty: u64,
}

impl Flow {
    /// A property of lesson files.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<u64> {
        Some(match name {
            "packets" => self.packets,
            "wire" => self.wire,
            "requests" => self.requests,
            "heads" => self.heads,
            "bodies" => self.bodies,
            "empty" => self.empty,
            "news" => self.requests.checked_sub(self.empty)?,
            _ => return None,
        })
    }
}

/// The TCP connections of a capture that are not among `taken`, in the order in which they begin. Heads are whole
/// in their segments: these are captures of ours.
fn flows(capture: &mut Capture, taken: &[(Endpoint, Endpoint)]) -> Vec<Flow> {
    let mut flows: Vec<Flow> = Vec::new();
    while let Some(packet) = capture.next() {
        let Some(bytes) = capture.bytes(packet.bytes) else { continue };
        let Some(segment) = plain(&packet, bytes) else { continue };
        let (from, to) = (segment.source, segment.destination);
        if taken.iter().any(|ends| *ends == (from, to) || *ends == (to, from)) {
            continue;
        }
        let known = flows.iter().position(|flow| flow.ends == (from, to) || flow.ends == (to, from));
        let at = known.unwrap_or(flows.len());
        if known.is_none() {
            flows.push(Flow {
                ends: (from, to),
                packets: 0,
                wire: 0,
                requests: 0,
                heads: 0,
                bodies: 0,
                empty: 0,
            });
        }
        let Some(flow) = flows.get_mut(at) else { continue };
        flow.packets += 1;
        flow.wire += u64::from(packet.wire_len);
        let start =
            usize::try_from(segment.header_at.saturating_sub(packet.bytes.start)).unwrap_or(usize::MAX);
        let start = start.saturating_add(usize::from(segment.header_len));
        let payload = bytes.get(start..start.saturating_add(segment.len as usize)).unwrap_or_default();
        let is_head = payload.starts_with(b"GET ") || payload.starts_with(b"HTTP/1.1 ");
        let head = if is_head { head_len(payload) } else { 0 };
        let body = payload.get(head..).unwrap_or_default();
        flow.requests += u64::from(payload.starts_with(b"GET "));
        flow.heads += head as u64;
        flow.bodies += body.len() as u64;
        flow.empty += u64::from(body.ends_with(b"\"lines\": []}"));
    }
    flows
}

/// Bytes up to the empty line, which belongs to the head.
fn head_len(payload: &[u8]) -> usize {
    payload.windows(4).position(|four| four == b"\r\n\r\n").map_or(payload.len(), |at| at + 4)
}
