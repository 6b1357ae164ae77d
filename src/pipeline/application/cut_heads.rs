//! HTTP/1 heads that the snap length cut.
//!
//! The original length of a packet says where its segment ends, and a head ends there, too: what a server sends behind its 101
//! comes in segments of its own. Of a request, the response's acknowledgment number says where it ends. What the missing lines
//! said is unknown. So a request that does not say what it wants is kept until its response does, and a 101 that does not say
//! what it switches to until the next bytes do. Of the status itself the first digit suffices, and less where the user named
//! the port as one of WebSockets.

use super::cut::{CutHandshake, CutRequest, may_be_frames, rest_of_head};
use super::http::{Http1, HttpEvent, HttpStep, Parser, RequestKind, UpgradeOutcome, is_request_line};
use crate::http::http2::{PREFACE, begins_with_settings};
use crate::http::{
    HeadKind, accept_for, is_h2c_upgrade, is_interim, is_status_cut, is_websocket_response,
    is_websocket_upgrade, scan_cut, scan_cut_101,
};
use crate::model::{Direction, Head, Place};
use crate::pipeline::events::{HeadPlace, NotWebSocket};
use crate::pipeline::limits::Limits;

impl Http1 {
    /// Whether the next bytes of a direction belong to a body.
    pub(super) fn is_in_body(&self, direction: Direction) -> bool {
        let parser = match direction {
            Direction::ClientToServer => &self.client,
            Direction::ServerToClient => &self.server,
        };
        matches!(parser, Parser::Body(_))
    }

    /// The snap length cut the next `len` bytes, at the end of the segment that arrived at `arrival`. `is_named`: the user named
    /// the port as one of WebSockets.
    pub(super) fn cut(
        &mut self,
        direction: Direction,
        len: u64,
        arrival: Place,
        is_named: bool,
        limits: &Limits,
    ) -> Option<HttpEvent> {
        let [client, server] = &self.partial;
        let (kind, partial, parser) = match direction {
            Direction::ClientToServer => (HeadKind::Request, client, &self.client),
            Direction::ServerToClient => (HeadKind::Response, server, &self.server),
        };
        let is_lost = matches!(parser, Parser::Lost);
        let begins = kind == HeadKind::Response || is_request_line(&partial.bytes, limits);
        let mut head = begins.then(|| scan_cut(kind, &partial.bytes, &limits.head)).flatten();
        if kind == HeadKind::Response {
            head = head.or_else(|| scan_cut_101(&partial.bytes, is_named));
        }
        let place = HeadPlace { first: partial.place.first, last: arrival };
        let unsure = self.unsure;
        self.gap(direction, len);
        // Heads begin with segments, and those are known.
        self.unsure = unsure;
        let head = Box::new(head?);
        match kind {
            HeadKind::Request => self.cut_request(head, place, limits),
            HeadKind::Response => self.cut_response(head, place, is_lost),
        }
    }

    fn cut_request(&mut self, head: Box<Head>, place: HeadPlace, limits: &Limits) -> Option<HttpEvent> {
        let kind = match head.method() {
            b"PRI" => return None,
            _ if is_websocket_upgrade(&head) => RequestKind::WebSocket,
            _ if is_h2c_upgrade(&head) => RequestKind::H2c,
            b"CONNECT" => RequestKind::Connect,
            b"HEAD" => RequestKind::Head,
            b"GET" => RequestKind::Cut,
            _ => RequestKind::Other,
        };
        if self.requests.len() >= limits.requests {
            self.requests.pop_front();
        }
        self.requests.push_back(kind);
        (self.first, self.unread) = (false, (0, [0; 4]));
        if matches!(kind, RequestKind::WebSocket | RequestKind::Connect | RequestKind::Cut) {
            self.asked_at = place.last.packet;
        }
        match kind {
            RequestKind::WebSocket => {
                self.accepts = head.values("Sec-WebSocket-Key").map(accept_for).collect();
                Some(HttpEvent::Asked(head, place))
            }
            RequestKind::Cut => {
                self.cut.request = Some(Box::new(CutRequest { head, place }));
                None
            }
            _ => None,
        }
    }

    fn cut_response(&mut self, head: Box<Head>, place: HeadPlace, is_lost: bool) -> Option<HttpEvent> {
        self.responses += 1;
        let status = head.status().unwrap_or_default();
        let is_early = place.first.packet <= self.asked_at;
        if is_interim(&head) || (is_early && (is_lost || self.requests_lost) && self.asked()) {
            return None;
        }
        let asked = if status == 101 && is_lost { self.last_upgrade() } else { self.requests.pop_front() };
        match asked {
            Some(RequestKind::WebSocket) => {
                let outcome = match status {
                    101 => UpgradeOutcome::Opens,
                    _ => UpgradeOutcome::Refuses,
                };
                self.resume();
                Some(HttpEvent::Answered(head, place, outcome))
            }
            Some(RequestKind::Connect) if (200..300).contains(&status) => Some(self.tunnel()),
            Some(RequestKind::H2c) if status == 101 => Some(HttpEvent::H2c(place.last, self.wanted.take())),
            Some(RequestKind::Cut) if status == 101 => {
                let request = self.cut.request.take().map(|request| *request);
                Some(self.cut_upgrade(request, head, place))
            }
            None if status == 101 && (self.responses == 1 || is_websocket_response(&head)) => {
                Some(self.cut_upgrade(None, head, place))
            }
            Some(_) if status == 101 => Some(HttpEvent::Other(NotWebSocket::Http)),
            _ => {
                self.resume();
                None
            }
        }
    }

    /// The last request that an upgrade may answer: a client sends nothing else before the answer. Those before it were
    /// answered by what was not recognised.
    fn last_upgrade(&mut self) -> Option<RequestKind> {
        let upgrades = |kind: &RequestKind| matches!(kind, RequestKind::WebSocket | RequestKind::Cut);
        let at = self.requests.iter().rposition(upgrades)?;
        self.requests.drain(..at);
        self.requests.pop_front()
    }

    /// A 101 to a request, of which one was cut or both.
    fn cut_upgrade(
        &mut self,
        request: Option<CutRequest>,
        response: Box<Head>,
        place: HeadPlace,
    ) -> HttpEvent {
        let by_frames = !is_websocket_response(&response);
        let handshake = Box::new(CutHandshake { request, response, place, by_frames, begins_inside: false });
        if by_frames {
            self.cut.response = Some(handshake);
            HttpEvent::MayAnswer
        } else {
            HttpEvent::AnsweredCut(handshake)
        }
    }

    /// A whole 101, where it answers a request that was cut.
    pub(super) fn cut_request_answered(
        &mut self,
        head: &Head,
        taken: usize,
        place: HeadPlace,
        is_lost: bool,
    ) -> Option<HttpStep> {
        let is_other = head.value("Upgrade").is_some() && !is_websocket_response(head);
        let is_h2c = head.has_token("Upgrade", "h2c");
        let upgrades = |kind: &&RequestKind| matches!(kind, RequestKind::WebSocket | RequestKind::Cut);
        let asked = match is_lost {
            true => self.requests.iter().rfind(upgrades),
            false => self.requests.front(),
        };
        if asked != Some(&RequestKind::Cut) || (is_other && !is_h2c) {
            return None;
        }
        self.last_upgrade();
        let request = self.cut.request.take().map(|request| *request);
        let found = match is_h2c {
            true => HttpEvent::H2c(place.last, None),
            false => self.cut_upgrade(request, Box::new(head.clone()), place),
        };
        Some(HttpStep::find(taken, found))
    }

    /// Whether it waits for bytes that decide what a 101 switched to, and none spoke against a WebSocket.
    pub(super) fn awaits_frames(&self) -> bool {
        self.cut.response.as_ref().is_some_and(|handshake| !handshake.begins_inside)
    }

    /// A 101 that waits for what comes behind it: it is taken for that of a WebSocket, unless what came is something else, or
    /// the status itself is cut.
    pub(super) fn take_cut_handshake(&mut self) -> Option<Box<CutHandshake>> {
        let handshake = if self.awaits_frames() { self.cut.response.take() } else { None };
        handshake.filter(|handshake| !is_status_cut(&handshake.response))
    }

    /// Decides by the next bytes of a direction what a cut 101 switched to; `None` where none waits.
    pub(super) fn decide_cut(&mut self, direction: Direction, bytes: &[u8]) -> Option<HttpStep> {
        let handshake = self.cut.response.as_mut()?;
        let is_client = direction == Direction::ClientToServer;
        if !is_client && let Some(len) = rest_of_head(bytes) {
            return Some(HttpStep::take(len));
        }
        let is_http2 = if is_client {
            PREFACE.starts_with(bytes.get(..bytes.len().min(PREFACE.len())).unwrap_or_default())
        } else {
            begins_with_settings(bytes)
        };
        // Some clients do not mask, but their first frame is whole.
        let is_unmasked = |bytes: &[u8]| {
            bytes.first().is_some_and(|first| first & 0x80 != 0) && may_be_frames(bytes, false)
        };
        if is_http2 {
            let place = handshake.place.last;
            self.cut.response = None;
            return Some(HttpStep::find(0, HttpEvent::H2c(place, None)));
        }
        let is_frame = may_be_frames(bytes, is_client) || (is_client && is_unmasked(bytes));
        if !is_client && (handshake.begins_inside || !is_frame) {
            handshake.begins_inside = true;
            return Some(HttpStep::take(bytes.len()));
        }
        let handshake = self.cut.response.take().filter(|_| is_frame);
        let found = handshake.map_or(HttpEvent::Other(NotWebSocket::Http), HttpEvent::AnsweredCut);
        Some(HttpStep::find(0, found))
    }
}
