//! A WebSocket inside HTTP/2 (RFC 8441): the extended CONNECT request, its answer, and what they agreed on.

use super::super::check::{self, Judgements};
use super::super::extension::compression_agreed;
use super::super::upgrade::{self, Handshake, Judgement};
use super::super::{HeadKind, quoted, rules};
use super::hpack::Fields;
use super::rules as h2;
use crate::model::{Accept, Direction, Head, HeaderField, Quirks, StartLine, to_u32};

/// Fields that concern one hop of HTTP/1.1 (RFC 9113 section 8.2.2).
const OF_THE_CONNECTION: [&str; 5] =
    ["connection", "upgrade", "keep-alive", "proxy-connection", "transfer-encoding"];

/// Whether a request wants a WebSocket, also where it does so wrongly.
///
/// Where fields are unknown, `:protocol` may be among them: then the WebSocket's own fields tell.
#[must_use]
pub fn is_websocket_request(fields: &Fields) -> bool {
    let has = |name: &str| fields.list.iter().any(|field| field.is(name));
    match value(fields, ":protocol") {
        Some(protocol) => protocol.eq_ignore_ascii_case(b"websocket"),
        None => {
            has("sec-websocket-key")
                || fields.unknown > 0
                    && ["sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions"]
                        .into_iter()
                        .any(has)
        }
    }
}

/// What a response does to the WebSocket that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectAnswer {
    /// It is open.
    Opens,
    /// It is, if the status says so, which is not known.
    MayOpen,
    /// Another response follows.
    Interim,
    /// There is none.
    Refuses,
}

/// What the answer to a request for a WebSocket means. `request` is that request.
#[must_use]
pub fn answer(request: &Head, response: &Fields) -> ConnectAnswer {
    let extended = request.value(":protocol").is_some() || !request.odd_lines.is_empty();
    match value(response, ":status").map(|status| status.first().copied()) {
        _ if !extended => ConnectAnswer::Refuses,
        Some(Some(b'1')) if value(response, ":status") != Some(b"101") => ConnectAnswer::Interim,
        Some(Some(b'2')) => ConnectAnswer::Opens,
        None if response.unknown > 0 || response.broken.is_some() => ConnectAnswer::MayOpen,
        _ => ConnectAnswer::Refuses,
    }
}

fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    fields.list.iter().find(|field| field.is(name)).and_then(|field| field.value.as_deref())
}

/// The fields of a request or a response as a head: a line as other programs show it (HTTP/2 has none), then each
/// field in a line, pseudo-header fields too. Fields that are not known are odd lines. `wire_len`: bytes of the
/// compressed block.
#[must_use]
pub fn head(kind: HeadKind, fields: &Fields, wire_len: u32) -> Head {
    const VERSION: &[u8] = b"HTTP/2";
    let mut text = FieldText(Vec::new());
    let (line, start) = match kind {
        HeadKind::Request => {
            let method = text.put(value(fields, ":method").unwrap_or(b"?"));
            text.put(b" ");
            let target = value(fields, ":path").or_else(|| value(fields, ":authority"));
            let target = text.put(target.unwrap_or(b"?"));
            text.put(b" ");
            let version = text.put(VERSION);
            (method.start..version.end, StartLine::Request { method, target, version })
        }
        HeadKind::Response => {
            let status = value(fields, ":status");
            let version = text.put(VERSION);
            text.put(b" ");
            let shown = text.put(status.unwrap_or(b"?"));
            let number = status.and_then(|status| str::from_utf8(status).ok()?.parse().ok());
            let (status, reason) = (number.unwrap_or(0), shown.end..shown.end);
            (version.start..shown.end, StartLine::Response { version, status, reason })
        }
    };
    text.put(b"\r\n");
    let (mut headers, mut odd_lines) = (Vec::new(), Vec::new());
    for field in &fields.list {
        if let (Some(name), Some(value)) = (&field.name, &field.value) {
            let name = text.put(name);
            text.put(b": ");
            headers.push(HeaderField { name, value: text.put(value) });
        } else {
            let value = field.value.as_ref().map(|value| [b", value ", &value[..]].concat());
            let words = format!("(field {} of the table, not in the capture", field.index);
            odd_lines.push(text.put(&[words.as_bytes(), &value.unwrap_or_default(), b")"].concat()));
        }
        text.put(b"\r\n");
    }
    text.put(b"\r\n");
    Head {
        bytes: text.0.into(),
        wire_len,
        line,
        start,
        headers,
        odd_lines,
        quirks: Quirks::default(),
        cut: false,
    }
}

/// Bytes that are written, with the range of each part.
struct FieldText(Vec<u8>);

impl FieldText {
    fn put(&mut self, bytes: &[u8]) -> std::ops::Range<u32> {
        let at = to_u32(self.0.len());
        self.0.extend_from_slice(bytes);
        at..to_u32(self.0.len())
    }
}

/// The URL of a WebSocket (RFC 6455 section 3, RFC 8441 section 5). `fallback` stands in where `:authority` is not
/// known; `secure`: TLS lies below.
#[must_use]
pub fn url(request: &Head, fallback: &str, secure: bool) -> String {
    let text = |name| request.value(name).filter(|value| !value.is_empty()).map(String::from_utf8_lossy);
    let secure = text(":scheme").map_or(secure, |scheme| scheme.eq_ignore_ascii_case("https"));
    let authority = text(":authority").or_else(|| text("host"));
    let path = text(":path");
    let (scheme, path) = (if secure { "wss" } else { "ws" }, path.as_deref().unwrap_or("/"));
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{}{slash}{path}", authority.as_deref().unwrap_or(fallback))
}

/// What the two heads agreed on, and every rule that they break between them. `None` means not captured; `opens`:
/// the response opens the WebSocket.
#[must_use]
pub fn conclude(
    request: Option<Box<Head>>,
    response: Option<Box<Head>>,
    opens: bool,
) -> (Handshake, Vec<Judgement>) {
    let (mut handshake, list) = agree(request.as_deref(), response.as_deref(), opens);
    (handshake.request, handshake.response) = (request, response);
    (handshake, list)
}

/// Every rule that the heads of a handshake inside HTTP/2 break.
#[must_use]
pub fn judge(handshake: &Handshake) -> Vec<Judgement> {
    let Handshake { request, response, upgraded, .. } = handshake;
    agree(request.as_deref(), response.as_deref(), *upgraded).1
}

/// What [`conclude`] gives, without the heads.
fn agree(request: Option<&Head>, response: Option<&Head>, opens: bool) -> (Handshake, Vec<Judgement>) {
    let agreed = response.filter(|_| opens);
    let extensions = upgrade::extensions(agreed);
    let offers = request.map(|request| upgrade::extensions(Some(request)));
    let rsv_defined = match (response, &offers) {
        (None, Some(offers)) => upgrade::rsv_bits(offers),
        _ => upgrade::rsv_bits(&extensions),
    };
    let subprotocol = agreed.and_then(|response| response.value("sec-websocket-protocol"));
    let subprotocol = subprotocol.filter(|name| !name.is_empty());
    let handshake = Handshake {
        accept: Accept::Unknown,
        status: response.and_then(Head::status).filter(|status| *status > 0),
        subprotocol: subprotocol.map(|name| String::from_utf8_lossy(name).into_owned()),
        deflate: compression_agreed(&extensions, offers.as_deref()),
        rsv_defined,
        extensions,
        upgraded: opens,
        is_http2: true,
        request: None,
        response: None,
        body: None,
        foreign: None,
    };
    let mut list = Vec::new();
    if let Some(request) = request {
        let mut out = Judgements::new(request, Direction::ClientToServer);
        judge_request(&mut out, request);
        list = out.list;
        if response.is_none() {
            let mut out = Judgements::going_on(request, Direction::ClientToServer, list);
            out.push(
                &rules::RESPONSE_MISSING,
                out.line(),
                "no response to the request was captured".to_owned(),
            );
            list = out.list;
        }
    }
    if let Some(response) = response {
        let mut out = Judgements::going_on(response, Direction::ServerToClient, list);
        forbidden(&mut out, response);
        if opens {
            out.empty_headers();
        }
        match request {
            Some(request) if opens && request.odd_lines.is_empty() => {
                out.subprotocol(request);
                out.origin(request, ":authority");
                out.agreed_extensions(&handshake, offers.as_deref());
            }
            Some(request) if !opens => out.rejected(request),
            Some(_) => {}
            None => {}
        }
        list = out.list;
    }
    (handshake, list)
}

fn judge_request(out: &mut Judgements<'_>, request: &Head) {
    let certain = request.odd_lines.is_empty();
    let line = out.line();
    let mut bad = Vec::new();
    if request.value(":protocol").is_none() && certain {
        bad.push("it has no :protocol: it asks as over HTTP/1.1".to_owned());
    }
    if request.method() != b"CONNECT" && (certain || request.value(":method").is_some()) {
        bad.push(format!(":method is {}, not CONNECT", quoted(request.method())));
    }
    for name in [":scheme", ":path", ":authority"] {
        if certain && request.value(name).is_none_or(<[u8]>::is_empty) {
            bad.push(format!("{name} is missing"));
        }
    }
    bad.extend(misplaced(request));
    for text in bad {
        out.push(&h2::H2_BAD_CONNECT, line.clone(), text);
    }
    forbidden(out, request);
    if certain || request.value("sec-websocket-version").is_some() {
        out.version();
    }
    out.empty_headers();
    out.offers();
}

/// Pseudo-header fields stand first, and once each.
fn misplaced(head: &Head) -> Option<String> {
    let name = |field: &HeaderField| head.token(&field.name).to_vec();
    let mut behind = false;
    for (at, field) in head.headers.iter().enumerate() {
        let own = name(field);
        if own.first() != Some(&b':') {
            behind = true;
        } else if behind {
            return Some(format!("{} stands behind other fields", quoted(&own)));
        } else if head.headers.iter().take(at).any(|before| name(before) == own) {
            return Some(format!("{} is given twice", quoted(&own)));
        }
    }
    None
}

/// Fields that may not be there.
fn forbidden(out: &mut Judgements<'_>, head: &Head) {
    for field in &head.headers {
        let name = head.token(&field.name);
        let text = if name.iter().any(u8::is_ascii_uppercase) {
            format!("the field name {} is not lower case", quoted(name))
        } else if OF_THE_CONNECTION.iter().any(|known| known.as_bytes() == name) {
            format!("{} has no place in HTTP/2", quoted(name))
        } else {
            continue;
        };
        out.push(&h2::H2_BAD_FIELD, check::whole(field), text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::hpack::{FieldForm, HpackField};
    use super::*;

    fn fields(list: &[(&str, &str)]) -> Fields {
        let list = list
            .iter()
            .map(|(name, value)| HpackField {
                name: Some(name.as_bytes().into()),
                value: Some(value.as_bytes().into()),
                form: FieldForm::Plain,
                index: 0,
                at: 0..1,
                value_at: 0..1,
            })
            .collect();
        Fields { list, ..Fields::default() }
    }

    /// The handshake of RFC 8441 section 5.1.
    const REQUEST: [(&str, &str); 9] = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/chat"),
        (":authority", "server.example.com"),
        ("sec-websocket-protocol", "chat, superchat"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("sec-websocket-version", "13"),
        ("origin", "http://www.example.com"),
    ];

    fn judge(request: &[(&str, &str)], response: &[(&str, &str)]) -> (Handshake, Vec<String>) {
        let request = head(HeadKind::Request, &fields(request), 100);
        let opens = answer(&request, &fields(response)) == ConnectAnswer::Opens;
        let response = Some(head(HeadKind::Response, &fields(response), 10)).filter(|_| !response.is_empty());
        let (handshake, list) = conclude(Some(Box::new(request)), response.map(Box::new), opens);
        (
            handshake,
            list.into_iter()
                .map(|judgement| format!("{}: {}", judgement.rule.code, judgement.text))
                .collect(),
        )
    }

    #[test]
    fn the_handshake_of_the_rfc_has_no_finding() {
        assert!(is_websocket_request(&fields(&REQUEST)));
        let (handshake, list) = judge(&REQUEST, &[(":status", "200"), ("sec-websocket-protocol", "chat")]);
        assert_eq!(list, Vec::<String>::new());
        assert!(handshake.upgraded && handshake.deflate.is_none() && handshake.rsv_defined == 0);
        assert_eq!((handshake.status, handshake.subprotocol.as_deref()), (Some(200), Some("chat")));
        let request = handshake.request.unwrap();
        assert_eq!(request.token(&request.line), b"CONNECT /chat HTTP/2");
        assert_eq!(url(&request, "", false), "wss://server.example.com/chat");
        assert_eq!(request.value(":protocol"), Some(&b"websocket"[..]));
        let response = handshake.response.unwrap();
        assert_eq!((response.token(&response.line), response.status()), (&b"HTTP/2 200"[..], Some(200)));
    }

    #[test]
    fn what_the_request_lacks_and_what_the_answer_made_up_is_told() {
        let mut wrong = REQUEST.to_vec();
        wrong[0].1 = "GET";
        wrong.remove(4);
        wrong.push(("upgrade", "websocket"));
        wrong.push(("Sec-X", "1"));
        wrong.push((":path", "/"));
        let (_, list) = judge(
            &wrong,
            &[(":status", "200"), ("sec-websocket-protocol", "other"), ("sec-websocket-extensions", "x")],
        );
        let codes: Vec<_> = list.iter().map(|text| text.split(':').next().unwrap()).collect();
        let bad = "h2-bad-connect";
        assert_eq!(
            codes,
            [bad, bad, bad, "h2-bad-field", "h2-bad-field", "unoffered-subprotocol", "unoffered-extension"],
            "{list:#?}"
        );
    }

    #[test]
    fn refusals_and_missing_answers_are_told() {
        let (handshake, list) = judge(&REQUEST, &[(":status", "403")]);
        assert!(!handshake.upgraded);
        assert_eq!(
            list,
            ["handshake-rejected: the server answered \"403\": the Origin was \"http://www.example.com\""]
        );
        let (_, list) = judge(&REQUEST, &[]);
        assert_eq!(list, ["response-missing: no response to the request was captured"]);
        // As over HTTP/1.1: it is no extended CONNECT, whatever the server says.
        let old = [
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/"),
            (":authority", "a"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ];
        assert!(is_websocket_request(&fields(&old)));
        let (handshake, list) = judge(&old, &[(":status", "200")]);
        assert!(!handshake.upgraded && list.len() == 3, "{list:?}");
    }

    #[test]
    fn a_request_with_unknown_fields_is_not_judged_for_what_it_may_have() {
        let mut known = fields(&[(":path", "/chat"), ("sec-websocket-version", "13")]);
        known.list.push(HpackField { name: None, value: None, index: 70, ..known.list[0].clone() });
        known.unknown = 1;
        assert!(is_websocket_request(&known));
        let head = head(HeadKind::Request, &known, 10);
        assert_eq!(head.token(&head.odd_lines[0]), b"(field 70 of the table, not in the capture)");
        assert_eq!(answer(&head, &fields(&[(":status", "200")])), ConnectAnswer::Opens);
        let (_, list) = conclude(Some(Box::new(head)), None, false);
        let codes: Vec<_> = list.iter().map(|judgement| judgement.rule.code).collect();
        assert_eq!(codes, ["response-missing"]);
    }
}
