//! The opening handshake as a whole (RFC 6455 section 4): what two heads agreed on and what they break.

use std::ops::Range;

use super::accept::accept_for;
use super::extension::{compresses, compression_agreed, parse_extensions};
use super::foreign::Foreign;
use super::refusal::{asks_for_tls, remark};
use super::{check, rules};
use crate::model::{Accept, Body, DeflateParams, Direction, Extension, Head, Rule};

/// A rule that a head breaks.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// What was broken.
    pub rule: &'static Rule,
    /// Whose head it is: client to server for the request.
    pub side: Direction,
    /// Where in [`Head::bytes`] of that head; its start line where something is absent.
    pub range: Range<u32>,
    /// One sentence with the values.
    pub text: String,
}

/// An opening handshake, as far as it was captured.
#[derive(Clone, Debug)]
pub struct Handshake {
    /// The request's head.
    pub request: Option<Box<Head>>,
    /// The response's head.
    pub response: Option<Box<Head>>,
    /// What became of `Sec-WebSocket-Accept`.
    pub accept: Accept,
    /// The response's status code.
    pub status: Option<u16>,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The extensions that the server agreed to, in order.
    pub extensions: Vec<Extension>,
    /// What was agreed about compression, per message or per frame, where it is among them.
    pub deflate: Option<DeflateParams>,
    /// Which RSV bits the extensions may use, RSV1 = 4: 4 for compression alone, 7 where another
    /// extension is there, whose use of them is not known. Without a captured response those offered count.
    pub rsv_defined: u8,
    /// Whether frames follow the heads: the response is a 101 to WebSocket; in HTTP/2 it is a 2xx.
    pub upgraded: bool,
    /// It is an extended CONNECT in a stream of HTTP/2 (RFC 8441), without key and accept value.
    pub is_http2: bool,
    /// The beginning of the response's body, where it refuses the upgrade.
    pub body: Option<Box<Body>>,
    /// What the server sent where its response had to begin, and is no HTTP/1.
    pub foreign: Option<Box<Foreign>>,
}

impl Handshake {
    /// Bytes of memory that it takes beside itself, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let heads = [&self.request, &self.response].into_iter().flatten().map(|head| head.size());
        let extensions = self.extensions.iter().map(|it| size_of_val(it) + it.size());
        heads.chain(extensions).sum::<usize>()
            + self.subprotocol.as_ref().map_or(0, String::capacity)
            + self.body.as_ref().map_or(0, |body| body.size())
            + self.foreign.as_ref().map_or(0, |foreign| foreign.size())
    }

    /// Whether the snap length cut one of the heads.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        [&self.request, &self.response].into_iter().flatten().any(|head| head.cut)
    }

    /// Whether the snap length hides what extensions the response agrees on.
    #[must_use]
    pub fn hides_extensions(&self) -> bool {
        let hides = |head: &Head| head.cut && head.value("Sec-WebSocket-Extensions").is_none();
        self.response.as_deref().is_some_and(hides)
    }
}

/// Whether a request wants a WebSocket, also where it does so wrongly.
///
/// `Upgrade` holds the token `websocket`, or there is a `Sec-WebSocket-Key`: a proxy that drops `Upgrade`
/// leaves the key, and that is the commonest way for a handshake to fail.
#[must_use]
pub fn is_websocket_upgrade(request: &Head) -> bool {
    names_websocket(request) || request.value("Sec-WebSocket-Key").is_some()
}

/// Whether a request offers HTTP/2 without TLS (RFC 7540 section 3.2).
#[must_use]
pub fn is_h2c_upgrade(request: &Head) -> bool {
    request.has_token("Upgrade", "h2c")
}

/// Whether a response opens a WebSocket by itself, its request unseen.
#[must_use]
pub fn is_websocket_response(response: &Head) -> bool {
    response.status() == Some(101)
        && (names_websocket(response) || response.value("Sec-WebSocket-Accept").is_some())
}

/// Whether another response follows to the same request: 1xx without 101 (RFC 9110 section 15.2).
#[must_use]
pub fn is_interim(response: &Head) -> bool {
    matches!(response.status(), Some(100 | 102..=199))
}

/// `websocket` in `Upgrade`, with a version behind it or not (RFC 9110 section 7.8).
fn names_websocket(head: &Head) -> bool {
    head.values("Upgrade").flat_map(|value| value.split(|b| *b == b',')).any(|protocol| {
        protocol
            .split(|b| *b == b'/')
            .next()
            .is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"websocket"))
    })
}

/// What the two heads agreed on, and every rule that they break between them.
///
/// `None` means not captured. An interim response (see [`is_interim`]) is no answer yet: hand in the final
/// one. Heads that have nothing to do with WebSocket give no judgement but [`H2C_UPGRADE`](super::rules::H2C_UPGRADE).
#[must_use]
pub fn judge(request: Option<&Head>, response: Option<&Head>) -> (Handshake, Vec<Judgement>) {
    let own = |head: Option<&Head>| head.cloned().map(Box::new);
    conclude(own(request), own(response))
}

/// As [`judge`], for heads that become the handshake's own.
#[must_use]
pub fn conclude(request: Option<Box<Head>>, response: Option<Box<Head>>) -> (Handshake, Vec<Judgement>) {
    let (mut handshake, judgements) = agree(request.as_deref(), response.as_deref());
    (handshake.request, handshake.response) = (request, response);
    (handshake, judgements)
}

/// What [`judge`] gives, without the heads.
fn agree(request: Option<&Head>, response: Option<&Head>) -> (Handshake, Vec<Judgement>) {
    let status = response.and_then(Head::status);
    // What a cut request asked for may be in the lines that are missing.
    let asked = request.is_some_and(|request| is_websocket_upgrade(request) || request.cut);
    let upgraded = response.is_some_and(|response| opens(response, asked));
    let agreed = response.filter(|_| upgraded);
    let extensions = extensions(agreed);
    // Where the header is not among the lines that are there, nothing is known of it.
    let says = |head: &&Head| !head.cut || head.value("Sec-WebSocket-Extensions").is_some();
    let offers = request.filter(says).map(|request| self::extensions(Some(request)));
    let is_certain = agreed.or(request).as_ref().is_none_or(says);
    let deflate = compression_agreed(&extensions, offers.as_deref());
    let subprotocol = agreed.and_then(|response| response.value("Sec-WebSocket-Protocol"));
    let handshake = Handshake {
        accept: agreed.map_or(Accept::Unknown, |response| accept(request, response)),
        status,
        subprotocol: subprotocol
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        deflate,
        rsv_defined: match (agreed, &offers) {
            (Some(_), _) if is_certain => rsv_bits(&extensions),
            (Some(_), None) => 7,
            (_, Some(offers)) if response.is_none() || agreed.is_some() => rsv_bits(offers),
            (None, None) if response.is_none() && !is_certain => 7,
            _ => rsv_bits(&extensions),
        },
        extensions,
        upgraded,
        is_http2: false,
        request: None,
        response: None,
        body: None,
        foreign: None,
    };
    let judgements = check::handshake(request, response, asked, &handshake, offers.as_deref());
    (handshake, judgements)
}

/// Completes judgements with what came behind the heads: the body of a refusal, or bytes that are no HTTP response.
pub fn complete(handshake: &Handshake, judgements: &mut Vec<Judgement>) {
    if let Some(body) = &handshake.body {
        if let Some(rejected) = judgements.iter_mut().find(|j| j.rule == &rules::HANDSHAKE_REJECTED) {
            rejected.text.push_str(&remark(body));
        }
        if asks_for_tls(body) {
            judgements.push(Judgement {
                rule: &rules::WRONG_SCHEME,
                side: Direction::ServerToClient,
                range: 0..0,
                text:
                    "the client sent plain HTTP, and the server says that this port expects TLS: use wss://"
                        .to_owned(),
            });
        }
    }
    if let Some(foreign) = &handshake.foreign {
        judgements.retain(|j| j.rule != &rules::RESPONSE_MISSING);
        judgements.push(foreign.judgement());
    }
}

/// Every rule that an upgrade request breaks by itself. For other requests see [`judge_syntax`].
#[must_use]
pub fn judge_request(request: &Head) -> Vec<Judgement> {
    let mut out = check::Judgements::new(request, Direction::ClientToServer);
    out.request();
    out.syntax();
    out.list
}

/// Every rule of HTTP's syntax that a head breaks, WebSocket or not.
#[must_use]
pub fn judge_syntax(head: &Head, side: Direction) -> Vec<Judgement> {
    let mut out = check::Judgements::new(head, side);
    out.syntax();
    out.list
}

/// Whether `response` opens the WebSocket that the request `asked` for or not.
fn opens(response: &Head, asked: bool) -> bool {
    // A 101 without any Upgrade header can only mean what was asked for.
    is_websocket_response(response)
        || ((asked || response.cut) && response.status() == Some(101) && response.value("Upgrade").is_none())
}

pub(super) fn extensions(head: Option<&Head>) -> Vec<Extension> {
    head.map(|head| parse_extensions(head.values("Sec-WebSocket-Extensions")).0).unwrap_or_default()
}

pub(super) fn rsv_bits(extensions: &[Extension]) -> u8 {
    extensions.iter().fold(0, |bits, extension| bits | if compresses(extension) { 4 } else { 7 })
}

/// The right accept values: one, or one for each key where a request has several.
pub(super) fn right_accepts(request: Option<&Head>) -> Vec<String> {
    request.into_iter().flat_map(|request| request.values("Sec-WebSocket-Key")).map(accept_for).collect()
}

fn accept(request: Option<&Head>, response: &Head) -> Accept {
    let mut values = response.values("Sec-WebSocket-Accept").peekable();
    if values.peek().is_none() {
        return if response.cut { Accept::Unknown } else { Accept::Missing };
    }
    let right = right_accepts(request);
    if right.is_empty() {
        return Accept::Unknown;
    }
    if values.all(|value| right.iter().any(|right| right.as_bytes() == value)) {
        Accept::Ok
    } else {
        Accept::Wrong
    }
}

/// The WebSocket's URL (RFC 6455 section 3).
///
/// `fallback_authority` (`host:port`) stands in where there is no `Host`; `secure` says that TLS lies below.
/// A target that the snap length cut ends in `…`. One in absolute form (`http://host/path`, sent to a proxy) brings its own authority. Bytes that are
/// not UTF-8 become U+FFFD; nothing else is escaped.
#[must_use]
pub fn url(request: &Head, fallback_authority: &str, secure: bool) -> String {
    let target = String::from_utf8_lossy(request.target());
    let (scheme, rest) = target.split_once("://").unwrap_or_default();
    let absolute = ["ws", "wss", "http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let secure = secure || (absolute && scheme.to_ascii_lowercase().ends_with('s') && scheme.len() != 2);
    let scheme = if secure { "wss" } else { "ws" };
    if absolute {
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let slash = if path.starts_with('/') { "" } else { "/" };
        return format!("{scheme}://{authority}{slash}{path}");
    }
    let host = request.value("Host").filter(|host| !host.is_empty()).map(String::from_utf8_lossy);
    let host = host.as_deref().unwrap_or(fallback_authority);
    let rest = if request.is_line_cut() && request.version().is_empty() { "…" } else { "" };
    match target.as_ref() {
        "*" => format!("{scheme}://{host}/"),
        path if path.starts_with('/') => format!("{scheme}://{host}{path}{rest}"),
        path => format!("{scheme}://{host}/{path}{rest}"),
    }
}

#[cfg(test)]
mod tests;
