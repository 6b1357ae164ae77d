//! HTTP/1 on a connection: requests and their responses, until one of them opens a WebSocket.

use std::collections::VecDeque;

use super::cut::{Cut, CutHandshake};
use crate::http::http2::{PREFACE, begins_with_settings, may_begin_with_settings};
use crate::http::{
    BYTE_ORDER_MARK, BodyReader, BodySample, Foreign, GapResult, HeadKind, HeadScan, ProxyScan, Scanned,
    accept_for, is_h2c_upgrade, is_interim, is_websocket_response, is_websocket_upgrade, may_be_head,
    request_framing, response_framing, scan_more, scan_proxy,
};
use crate::model::{Chunk, Direction, Endpoint, Head, Place, WebSocketId};
use crate::pipeline::events::{HeadPlace, NotWebSocket};
use crate::pipeline::limits::Limits;
use crate::ws::may_be_frame;

/// What HTTP/1 found.
#[derive(Debug)]
pub(super) enum HttpEvent {
    /// A request that wants a WebSocket.
    Asked(Box<Head>, HeadPlace),
    /// Its response. A 101 whose request was not captured counts as one.
    Answered(Box<Head>, HeadPlace, UpgradeOutcome),
    /// A CONNECT was refused: its target, and the response.
    ProxyRefused(Box<[u8]>, Box<Head>, HeadPlace),
    /// As much of a refusal's body came as is shown, or its end.
    Body,
    /// A 101, with the request that it shows to have been one for a WebSocket: the snap length cut them.
    AnsweredCut(Box<CutHandshake>),
    /// A 101 that the snap length cut before any header named WebSocket: the next bytes decide.
    MayAnswer,
    /// A CONNECT was granted: what follows is another connection.
    Tunnel,
    /// HTTP/1.1 was left for HTTP/2; the client's settings.
    H2c(Place, Option<Box<[u8]>>),
    /// HTTP/2 begins: so many bytes of the client's preface were taken.
    Http2(usize),
    /// No WebSocket can be here.
    Other(NotWebSocket),
    /// A head is over the limits.
    TooLarge(Direction),
}

/// What a response does to the WebSocket that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpgradeOutcome {
    Opens,
    /// It opens one, if it is a response: after a loss it may be part of a body that says the same.
    MayOpen,
    Refuses,
}

/// A request for a WebSocket that waits for its response.
#[derive(Clone, Debug)]
pub(super) struct PendingUpgrade {
    pub(super) head: Box<Head>,
    pub(super) place: HeadPlace,
    pub(super) id: WebSocketId,
    /// Offset behind it and what came of its body in the client's stream: frames begin there. Of a request that was cut, the
    /// response says it.
    pub(super) end: Option<u64>,
    /// Bytes of its body that came.
    pub(super) body: u64,
}

impl PendingUpgrade {
    /// Its head, and what stays known of it once the head was judged.
    pub(super) fn apart(self) -> (Box<Head>, (HeadPlace, WebSocketId)) {
        (self.head, (self.place, self.id))
    }
}

/// A request for a WebSocket that another response than a 101 answered.
#[derive(Clone, Debug)]
pub(super) struct EarlierRefusal {
    pub(super) asked: PendingUpgrade,
    pub(super) status: u16,
    /// The response.
    pub(super) place: HeadPlace,
}

#[derive(Clone, Debug)]
pub(super) enum Parser {
    /// At the start of a head, or inside one.
    Head,
    Body(BodyReader),
    /// The client waits for the answer to an upgrade or a CONNECT.
    Wait,
    /// Out of step after a gap: heads are looked for where a segment begins.
    Lost,
}

impl Parser {
    /// Where a parser is behind a head.
    pub(super) fn after(body: BodyReader) -> Self {
        if body.is_done() { Self::Head } else { Self::Body(body) }
    }
}

/// A head that is not complete yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Partial {
    pub(super) bytes: Vec<u8>,
    scanned: Scanned,
    pub(super) place: HeadPlace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    WebSocket,
    Connect,
    H2c,
    Head,
    /// The snap length cut it, and what is there of it does not say what it wants.
    Cut,
    Other,
}

/// The HTTP/1 state of a connection.
#[derive(Clone, Debug)]
pub(super) struct Http1 {
    pub(super) client: Parser,
    pub(super) server: Parser,
    pub(super) partial: [Partial; 2],
    pub(super) requests: VecDeque<RequestKind>,
    /// What a request that waits has as its body, for when it is refused.
    after: Option<BodyReader>,
    /// Some of that body came.
    in_body: bool,
    pub(super) first: bool,
    /// Requests may be missing: answers without a request come before the one waited for.
    pub(super) requests_lost: bool,
    /// Where responses begin was lost once: what looks like one may be part of a body.
    pub(super) unsure: bool,
    /// The packet that completed the request for which the client waits.
    pub(super) asked_at: u64,
    /// The right answers to that request's keys.
    pub(super) accepts: Vec<String>,
    /// Bytes of the client that were passed over since a loss, and the last four of them.
    pub(super) unread: (u64, [u8; 4]),
    pub(super) responses: u64,
    /// Responses are read although their requests were not captured.
    pub(super) forced: bool,
    pub(super) tunnelled: bool,
    pub(super) proxied: Option<Endpoint>,
    /// The last request for a WebSocket, where it was refused: a 101 may answer it nevertheless.
    pub(super) refused: Option<Box<EarlierRefusal>>,
    /// The settings of a request that wants HTTP/2, or the target of a CONNECT.
    pub(super) wanted: Option<Box<[u8]>>,
    /// The beginning of a refusal's body.
    sample: Option<Box<BodySample>>,
    /// What came where the response to an upgrade had to begin.
    foreign: Option<Box<Foreign>>,
    /// What the snap length cut.
    pub(super) cut: Cut,
}

/// How many bytes were taken, and what was found in them.
pub(super) struct HttpStep {
    pub(super) taken: usize,
    pub(super) found: Option<HttpEvent>,
}

impl Http1 {
    /// Bytes of heads that are not whole.
    pub(super) fn partial_size(&self) -> usize {
        let sample = self.sample.as_ref().map_or(0, |sample| size_of_val(&**sample) + sample.size());
        self.partial.iter().map(|partial| partial.bytes.capacity()).sum::<usize>() + sample
    }

    /// Bytes of the request that was refused.
    pub(super) fn refused_size(&self) -> usize {
        self.refused.as_ref().map_or(0, |refused| size_of_val(&**refused) + refused.asked.head.size())
    }

    /// Bytes of memory beside itself, about.
    pub(super) fn size(&self) -> usize {
        self.partial_size()
            + self.refused_size()
            + self.requests.capacity() * size_of::<RequestKind>()
            + self.accepts.iter().map(|accept| size_of::<String>() + accept.capacity()).sum::<usize>()
            + self.wanted.as_ref().map_or(0, |wanted| wanted.len())
            + self.foreign.as_ref().map_or(0, |foreign| foreign.size())
            + self.cut.size()
    }
}

impl HttpStep {
    pub(super) fn take(taken: usize) -> Self {
        Self { taken, found: None }
    }
    pub(super) fn find(taken: usize, found: HttpEvent) -> Self {
        Self { taken, found: Some(found) }
    }
}

/// Whether bytes may begin a request, a response, or neither; `None` where more bytes have to decide.
pub(crate) fn begins(bytes: &[u8], limits: &Limits) -> Option<HeadKind> {
    if bytes.len() >= 5 && may_be_head(HeadKind::Response, bytes, &limits.head) {
        return Some(HeadKind::Response);
    }
    (may_be_head(HeadKind::Request, bytes, &limits.head) || !matches!(scan_proxy(bytes), ProxyScan::No))
        .then_some(HeadKind::Request)
}

/// Whether bytes are a request line, or a part of one that is longer than a segment. Text may begin as one does: a word, and a
/// space.
pub(crate) fn is_request_line(bytes: &[u8], limits: &Limits) -> bool {
    let end = memchr::memchr(b'\n', bytes);
    let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let is_line = match end {
        Some(_) => memchr::memmem::find(line, b" HTTP/").is_some(),
        None => [&b"GET /"[..], b"GET http", b"CONNECT "].iter().any(|method| line.starts_with(method)),
    };
    is_line && begins(bytes, limits) == Some(HeadKind::Request)
}

/// What bytes that are no HTTP may be.
pub(crate) fn classify(bytes: &[u8]) -> NotWebSocket {
    match bytes {
        [0x14..=0x17, 0x03, 0x00..=0x04, ..] => NotWebSocket::Tls,
        _ if bytes.starts_with(b"PRI * HTTP/2") || begins_with_settings(bytes) => NotWebSocket::Http2,
        _ => NotWebSocket::Unknown,
    }
}

impl Default for Http1 {
    fn default() -> Self {
        Self {
            client: Parser::Head,
            server: Parser::Head,
            partial: Default::default(),
            requests: VecDeque::new(),
            after: None,
            in_body: false,
            first: true,
            requests_lost: false,
            unsure: false,
            asked_at: 0,
            accepts: Vec::new(),
            unread: (0, [0; 4]),
            responses: 0,
            forced: false,
            tunnelled: false,
            proxied: None,
            refused: None,
            wanted: None,
            sample: None,
            foreign: None,
            cut: Cut::default(),
        }
    }
}

impl Http1 {
    /// An exchange of which the start was not captured, or is something else.
    pub(super) fn from_middle() -> Self {
        Self { first: false, requests_lost: true, unsure: true, server: Parser::Lost, ..Self::default() }
    }

    /// Whether any HTTP was seen, if only the start of a head.
    pub(super) fn is_http(&self) -> bool {
        !self.first || self.partial.iter().any(|partial| !partial.bytes.is_empty())
    }

    /// Whether the server's bytes wait for a request.
    pub(super) fn server_waits(&self) -> bool {
        !self.forced && self.requests.is_empty() && matches!(self.server, Parser::Head)
    }

    /// Bytes of a direction, the next in order. What is not taken comes again.
    pub(super) fn data(&mut self, direction: Direction, chunk: Chunk<'_>, limits: &Limits) -> HttpStep {
        match direction {
            Direction::ClientToServer => self.client_data(chunk, limits),
            Direction::ServerToClient => self.server_data(chunk, limits),
        }
    }

    /// Bytes that the capture lacks.
    pub(super) fn gap(&mut self, direction: Direction, len: u64) {
        let (parser, partial) = match direction {
            Direction::ClientToServer => (&mut self.client, &mut self.partial[0]),
            Direction::ServerToClient => (&mut self.server, &mut self.partial[1]),
        };
        if direction == Direction::ServerToClient
            && len > 0
            && let Some(sample) = &mut self.sample
        {
            sample.stop();
        }
        let kept = match parser {
            Parser::Body(body) => body.gap(len) == GapResult::Kept,
            Parser::Head | Parser::Wait | Parser::Lost => false,
        };
        if !kept && len > 0 {
            *partial = Partial::default();
            if !matches!(parser, Parser::Wait) {
                *parser = Parser::Lost;
                self.requests_lost |= direction == Direction::ClientToServer;
                self.unsure |= direction == Direction::ServerToClient;
            }
        }
    }

    /// Whether the client is out of step while its upgrade waits for an answer.
    pub(super) fn asked(&self) -> bool {
        self.requests.contains(&RequestKind::WebSocket)
    }

    /// Bytes of the server that answer a request which was not captured.
    pub(super) fn response_to_lost_request(&mut self, chunk: Chunk<'_>, limits: &Limits) -> HttpStep {
        let forced = std::mem::replace(&mut self.forced, true);
        let step = self.server_data(chunk, limits);
        self.forced = forced;
        step
    }

    fn client_data(&mut self, chunk: Chunk<'_>, limits: &Limits) -> HttpStep {
        match &mut self.client {
            Parser::Wait => {
                // The body comes before anything else (RFC 9110 section 7.8), unless there is none and frames follow.
                let begun = self.in_body || !may_be_frame(chunk.bytes, true);
                let body = self
                    .after
                    .as_mut()
                    .filter(|body| begun && !body.is_done() && body.skip_hint() < u64::MAX);
                let taken = body.map_or(0, |body| body.data(chunk.bytes));
                self.in_body |= taken > 0;
                HttpStep::take(taken)
            }
            Parser::Body(body) => {
                let taken = body.data(chunk.bytes);
                if body.is_done() {
                    self.client = Parser::Head;
                }
                HttpStep::take(taken)
            }
            Parser::Head | Parser::Lost => {
                let lost = matches!(self.client, Parser::Lost);
                let [partial, _] = &mut self.partial;
                if self.first && partial.bytes.is_empty() {
                    match scan_proxy(chunk.bytes) {
                        ProxyScan::Done { len, source, .. } => {
                            self.proxied = source;
                            return HttpStep::take(len);
                        }
                        ProxyScan::Need => return Self::keep(partial, &chunk),
                        ProxyScan::No => {}
                    }
                } else if self.first
                    && let Some(step) = Self::join_proxy(partial, &chunk, &mut self.proxied)
                {
                    return step;
                }
                match read(partial, HeadKind::Request, &chunk, limits) {
                    Read::Done(head, taken, place) => {
                        self.first = false;
                        self.unread = (0, [0; 4]);
                        self.request(head, taken, place, limits)
                    }
                    Read::Need(taken) => HttpStep::take(taken),
                    Read::TooLarge => {
                        HttpStep::find(chunk.bytes.len(), HttpEvent::TooLarge(Direction::ClientToServer))
                    }
                    Read::NotHttp if lost => {
                        self.pass_over(chunk.bytes);
                        HttpStep::take(chunk.bytes.len())
                    }
                    Read::NotHttp => {
                        let other = if self.first { classify(chunk.bytes) } else { NotWebSocket::Http };
                        HttpStep::find(0, HttpEvent::Other(other))
                    }
                }
            }
        }
    }

    fn pass_over(&mut self, bytes: &[u8]) {
        let (count, last) = &mut self.unread;
        *count += bytes.len() as u64;
        for byte in bytes.get(bytes.len().saturating_sub(4)..).unwrap_or_default() {
            last.rotate_left(1);
            last[3] = *byte;
        }
    }

    fn keep(partial: &mut Partial, chunk: &Chunk<'_>) -> HttpStep {
        if partial.bytes.is_empty() {
            partial.place.first = chunk.origin;
        }
        partial.bytes.extend_from_slice(chunk.bytes);
        HttpStep::take(chunk.bytes.len())
    }

    /// A PROXY header of which a part came before.
    fn join_proxy(
        partial: &mut Partial,
        chunk: &Chunk<'_>,
        proxied: &mut Option<Endpoint>,
    ) -> Option<HttpStep> {
        if scan_proxy(&partial.bytes) == ProxyScan::No {
            return None;
        }
        let before = partial.bytes.len();
        partial.bytes.extend_from_slice(chunk.bytes);
        match scan_proxy(&partial.bytes) {
            ProxyScan::Done { len, source, .. } => {
                *proxied = source;
                *partial = Partial::default();
                Some(HttpStep::take(len.saturating_sub(before)))
            }
            ProxyScan::Need => Some(HttpStep::take(chunk.bytes.len())),
            ProxyScan::No => {
                partial.bytes.truncate(before);
                None
            }
        }
    }

    fn request(&mut self, head: Head, taken: usize, place: HeadPlace, limits: &Limits) -> HttpStep {
        if self.requests.len() >= limits.requests {
            self.requests.pop_front();
        }
        let body = BodyReader::new(request_framing(&head));
        if is_websocket_upgrade(&head) {
            self.requests.push_back(RequestKind::WebSocket);
            self.asked_at = place.last.packet;
            self.refused = None;
            self.accepts = head.values("Sec-WebSocket-Key").map(accept_for).collect();
            (self.after, self.in_body) = (Some(body), false);
            self.client = Parser::Wait;
            return HttpStep::find(taken, HttpEvent::Asked(Box::new(head), place));
        }
        let method = head.method();
        let asked = match method {
            b"CONNECT" => RequestKind::Connect,
            b"HEAD" => RequestKind::Head,
            _ if is_h2c_upgrade(&head) => RequestKind::H2c,
            _ => RequestKind::Other,
        };
        if method == b"PRI" {
            let found = match PREFACE.starts_with(&head.bytes) {
                true => HttpEvent::Http2(head.bytes.len()),
                false => HttpEvent::Other(NotWebSocket::Unknown),
            };
            return HttpStep::find(taken, found);
        }
        self.requests.push_back(asked);
        if asked == RequestKind::H2c && body.is_done() {
            self.wanted = settings_of(&head, limits);
            self.client = Parser::Wait;
        } else if asked == RequestKind::Connect {
            self.asked_at = place.last.packet;
            self.wanted = Some(head.target().into());
            (self.after, self.in_body) = (Some(body), false);
            self.client = Parser::Wait;
        } else {
            self.client = Parser::after(body);
        }
        HttpStep::take(taken)
    }

    /// Whether a second response to a request that was refused begins: its first one was a stray.
    fn is_answered_again(&self, bytes: &[u8]) -> bool {
        self.refused.is_some() && self.requests.is_empty() && bytes.starts_with(b"HTTP/1.1 101")
    }

    fn server_data(&mut self, chunk: Chunk<'_>, limits: &Limits) -> HttpStep {
        let again = self.is_answered_again(chunk.bytes);
        let lost = match &mut self.server {
            // A body without a length ends with the connection, so a 101 may be taken for a part of it.
            Parser::Body(body) if again && body.skip_hint() == u64::MAX => false,
            Parser::Body(body) => {
                let Some(sample) = &mut self.sample else {
                    let taken = body.data(chunk.bytes);
                    if body.is_done() {
                        self.server = Parser::Head;
                    }
                    return HttpStep::take(taken);
                };
                let taken = body.data_into(chunk.bytes, |content| sample.push(content));
                let is_over = body.is_done() || body.is_lost() || sample.is_full();
                if body.is_done() {
                    self.server = Parser::Head;
                }
                return HttpStep { taken, found: is_over.then_some(HttpEvent::Body) };
            }
            Parser::Wait | Parser::Head => false,
            Parser::Lost => true,
        };
        let [_, partial] = &mut self.partial;
        let expected = again || self.forced || (lost && self.requests_lost);
        let unasked = self.requests.is_empty() && !expected;
        if unasked && partial.bytes.is_empty() {
            // A server that speaks first speaks no HTTP.
            if self.first && !may_be_head(HeadKind::Response, chunk.bytes, &limits.head) {
                if chunk.bytes.starts_with(b"SSH-") {
                    return HttpStep::take(0); // The client's request may come behind the banner.
                }
                if may_begin_with_settings(chunk.bytes) && !begins_with_settings(chunk.bytes) {
                    return HttpStep::take(0); // The client's preface will tell.
                }
                return HttpStep::find(0, self.other(chunk.bytes));
            }
            if lost {
                return HttpStep::take(chunk.bytes.len());
            }
            return HttpStep::take(0);
        }
        // Nothing but the response to the upgrade can begin here.
        let is_answer = !lost && !self.unsure && self.requests.front() == Some(&RequestKind::WebSocket);
        if is_answer && partial.bytes.is_empty() && chunk.bytes.starts_with(BYTE_ORDER_MARK) {
            let mark = Chunk { bytes: BYTE_ORDER_MARK, ..chunk };
            self.take_foreign(&[], &mark);
            return HttpStep::take(mark.bytes.len());
        }
        // Bytes that might have begun a response belong to it as well.
        let is_foreign = is_answer || lost && self.foreign.is_some();
        let [_, partial] = &mut self.partial;
        let before = if is_foreign { partial.bytes.clone() } else { Vec::new() };
        match read(partial, HeadKind::Response, &chunk, limits) {
            Read::Done(head, taken, place) => self.response(head, taken, place, lost),
            Read::Need(taken) => HttpStep::take(taken),
            Read::TooLarge => {
                HttpStep::find(chunk.bytes.len(), HttpEvent::TooLarge(Direction::ServerToClient))
            }
            Read::NotHttp if lost => {
                if is_foreign {
                    self.take_foreign(&before, &chunk);
                }
                HttpStep::take(chunk.bytes.len())
            }
            Read::NotHttp if self.responses > 0 || self.asked() || self.requests_lost => {
                if is_answer {
                    self.take_foreign(&before, &chunk);
                }
                // Out of step with what was promised: wait for the next head.
                (self.server, self.unsure) = (Parser::Lost, true);
                HttpStep::take(chunk.bytes.len())
            }
            Read::NotHttp => HttpStep::find(0, self.other(chunk.bytes)),
        }
    }

    /// Remembers bytes that are no response, where one had to begin. `before`: those in front of the chunk.
    fn take_foreign(&mut self, before: &[u8], chunk: &Chunk<'_>) {
        let new = || Box::new(Foreign { bytes: Vec::new(), place: chunk.origin });
        let foreign = self.foreign.get_or_insert_with(new);
        foreign.push(before);
        foreign.push(chunk.bytes);
    }

    /// What came instead of a response, or before it.
    pub(super) fn foreign(&mut self) -> Option<Box<Foreign>> {
        let mut foreign = self.foreign.take()?;
        // What might have begun a response, and did not go on.
        let [_, partial] = &self.partial;
        foreign.push(&partial.bytes);
        Some(foreign)
    }

    /// Whether the beginning of a refusal's body is collected.
    pub(super) fn has_sample(&self) -> bool {
        self.sample.is_some()
    }

    /// The beginning of a refusal's body, and whether all of it came.
    /// `ended`: the server's FIN came.
    pub(super) fn sample(&mut self, ended: bool) -> Option<(Box<BodySample>, bool)> {
        let complete = match &self.server {
            // Of these the end of the connection is the end.
            Parser::Body(body) => ended && body.skip_hint() == u64::MAX,
            Parser::Lost => false,
            Parser::Head | Parser::Wait => true,
        };
        Some((self.sample.take()?, complete))
    }

    /// Passes over the body of a refusal, and collects its beginning.
    fn refusal_body(&mut self, head: &Head) {
        let body = BodyReader::new(response_framing(head, b"GET"));
        self.sample = (!body.is_done()).then(|| Box::new(BodySample::new(head)));
        self.server = Parser::after(body);
    }

    /// What the server's bytes are that are no HTTP/1. The client's preface may have come in part.
    fn other(&self, bytes: &[u8]) -> HttpEvent {
        let [client, _] = &self.partial;
        match classify(bytes) {
            NotWebSocket::Http2 if PREFACE.starts_with(&client.bytes) => HttpEvent::Http2(client.bytes.len()),
            NotWebSocket::Http2 => HttpEvent::Other(NotWebSocket::Unknown),
            other => HttpEvent::Other(other),
        }
    }

    fn response(&mut self, head: Head, taken: usize, place: HeadPlace, lost: bool) -> HttpStep {
        self.responses += 1;
        if is_interim(&head) {
            return HttpStep::take(taken);
        }
        let answer = self.opens(&head);
        if head.status() == Some(101)
            && let Some(step) = self.cut_request_answered(&head, taken, place, lost)
        {
            return step;
        }
        if head.status() == Some(101)
            && answer == UpgradeOutcome::Refuses
            && self.requests.front() != Some(&RequestKind::H2c)
        {
            // Any body may say so.
            self.server = Parser::Lost;
            return HttpStep::take(taken);
        }
        if answer == UpgradeOutcome::MayOpen {
            self.requests.clear();
        }
        // Which answer belongs to which request is not certain; only a 101 is.
        let is_switch = head.status() == Some(101);
        if lost && !is_switch && (self.asked() || self.requests.is_empty()) {
            return HttpStep::take(taken);
        }
        if is_switch && (lost || self.unsure) && self.asked() {
            while self.requests.front().is_some_and(|asked| *asked != RequestKind::WebSocket) {
                self.requests.pop_front();
            }
        }
        self.server = Parser::Head;
        if head.status() != Some(101) {
            self.unread = (0, [0; 4]);
        }
        let status = head.status().unwrap_or_default();
        let body = |method: &[u8]| BodyReader::new(response_framing(&head, method));
        if self.requests_lost
            && status != 101
            && matches!(self.requests.front(), Some(RequestKind::WebSocket | RequestKind::Connect))
            && place.first.packet < self.asked_at
        {
            // It answers a request that was not captured.
            self.server = Parser::after(body(b"GET"));
            return HttpStep::take(taken);
        }
        let asked = self.requests.pop_front();
        match asked {
            Some(RequestKind::WebSocket) if status == 101 => {
                HttpStep::find(taken, HttpEvent::Answered(Box::new(head), place, answer))
            }
            Some(RequestKind::WebSocket) => {
                self.refusal_body(&head);
                self.resume();
                HttpStep::find(taken, HttpEvent::Answered(Box::new(head), place, UpgradeOutcome::Refuses))
            }
            Some(RequestKind::Connect) if (200..300).contains(&status) => {
                HttpStep::find(taken, self.tunnel())
            }
            Some(RequestKind::Connect) => {
                self.refusal_body(&head);
                self.resume();
                let target = self.wanted.take().unwrap_or_default();
                HttpStep::find(taken, HttpEvent::ProxyRefused(target, Box::new(head), place))
            }
            None if status == 101 && self.refused.is_some() && !self.is_accepted(&head) => {
                self.server = Parser::Lost;
                HttpStep::take(taken)
            }
            None if status == 101 && is_websocket_response(&head) => {
                HttpStep::find(taken, HttpEvent::Answered(Box::new(head), place, answer))
            }
            Some(RequestKind::H2c) if status == 101 => {
                HttpStep::find(taken, HttpEvent::H2c(place.last, self.wanted.take()))
            }
            _ if status == 101 => HttpStep::find(taken, HttpEvent::Other(NotWebSocket::Http)),
            Some(RequestKind::Head) => HttpStep::take(taken),
            asked => {
                if asked == Some(RequestKind::H2c) {
                    self.resume();
                }
                self.server = Parser::after(body(b"GET"));
                HttpStep::take(taken)
            }
        }
    }

    /// Whether a 101 opens a WebSocket. Where responses begin is not certain after a loss, and bodies hold
    /// anything: then only the right answer to the key is.
    fn opens(&self, head: &Head) -> UpgradeOutcome {
        /// base64 of a SHA-1.
        const ACCEPT_LEN: usize = 28;
        if head.status() != Some(101) {
            UpgradeOutcome::Refuses
        } else if !self.unsure {
            UpgradeOutcome::Opens
        } else if self.asked() {
            if self.is_accepted(head) { UpgradeOutcome::Opens } else { UpgradeOutcome::Refuses }
        } else if self.requests_lost
            && head.has_token("Upgrade", "websocket")
            && head.value("Sec-WebSocket-Accept").is_some_and(|accept| accept.len() == ACCEPT_LEN)
        {
            UpgradeOutcome::MayOpen
        } else {
            UpgradeOutcome::Refuses
        }
    }

    /// Whether a response has the right answer to the key of the last request for a WebSocket.
    fn is_accepted(&self, head: &Head) -> bool {
        let accept = head.value("Sec-WebSocket-Accept");
        accept.is_some_and(|accept| self.accepts.iter().any(|right| right.as_bytes() == accept))
    }

    /// Bytes of the body of the request that waits which are still to come.
    pub(super) fn body_left(&self) -> u64 {
        self.after.map_or(0, |body| body.skip_hint()) % u64::MAX
    }

    /// A CONNECT was granted.
    pub(super) fn tunnel(&mut self) -> HttpEvent {
        let proxied = self.proxied;
        *self = Self { tunnelled: true, unsure: self.unsure, proxied, ..Self::default() };
        HttpEvent::Tunnel
    }

    /// The client continues after a refusal.
    pub(super) fn resume(&mut self) {
        if matches!(self.client, Parser::Wait) {
            self.client = self.after.take().map_or(Parser::Head, Parser::after);
        }
    }
}

enum Read {
    Done(Head, usize, HeadPlace),
    Need(usize),
    NotHttp,
    TooLarge,
}

/// Reads a head that may have begun in earlier chunks.
fn read(partial: &mut Partial, kind: HeadKind, chunk: &Chunk<'_>, limits: &Limits) -> Read {
    if partial.bytes.is_empty() {
        return match scan_more(kind, chunk.bytes, &mut partial.scanned, &limits.head) {
            HeadScan::Done(head, taken) => {
                Read::Done(head, taken, HeadPlace { first: chunk.origin, last: chunk.arrival })
            }
            HeadScan::Need => {
                partial.place.first = chunk.origin;
                partial.bytes.extend_from_slice(chunk.bytes);
                Read::Need(chunk.bytes.len())
            }
            HeadScan::NotHttp => Read::NotHttp,
            HeadScan::TooLarge => Read::TooLarge,
        };
    }
    let before = partial.bytes.len();
    partial.bytes.extend_from_slice(chunk.bytes);
    match scan_more(kind, &partial.bytes, &mut partial.scanned, &limits.head) {
        HeadScan::Done(head, taken) => {
            let place = HeadPlace { first: partial.place.first, last: chunk.arrival };
            *partial = Partial::default();
            Read::Done(head, taken.saturating_sub(before), place)
        }
        HeadScan::Need => Read::Need(chunk.bytes.len()),
        HeadScan::NotHttp => {
            *partial = Partial::default();
            Read::NotHttp
        }
        HeadScan::TooLarge => Read::TooLarge,
    }
}

/// The frames that an `HTTP2-Settings` header holds (RFC 7540 section 3.2.1): base64url without padding.
fn settings_of(head: &Head, limits: &Limits) -> Option<Box<[u8]>> {
    use base64::Engine as _;
    let value = head.value("HTTP2-Settings")?;
    let value = value.get(..value.len().min(limits.head.bytes))?;
    let end = value.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    engine.decode(value.get(..end)?).ok().map(Vec::into_boxed_slice)
}
