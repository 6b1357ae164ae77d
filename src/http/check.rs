//! The judges of the opening handshake: request, response, HTTP syntax.

use std::ops::Range;

use memchr::memchr_iter;

use super::accept::{accept_for, decode_key, likely_mistake};
use super::body::{Framing, length_conflict, request_framing};
use super::extension::{deflate_agreed, deflate_offer, is_deflate, parse_extensions, too_many_extensions};
use super::head::has_control;
use super::upgrade::{Handshake, Judgement, is_interim, right_accepts};
use super::{quoted, rules};
use crate::model::{Accept, Direction, Extension, Head, HeaderField, Rule, Severity};

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
const PROTOCOL: &str = "Sec-WebSocket-Protocol";
/// Offered subprotocols that a finding names.
const NAMES: usize = 8;

/// Headers that RFC 9110 and RFC 6455 define with one value. Those of requests, of responses, of both.
///
/// Left out are those with rules of their own (`Content-Length`, `Sec-WebSocket-Key`) and lists.
const SINGLE: [&[&str]; 3] = [
    &[
        "Host",
        "User-Agent",
        "Referer",
        "From",
        "Authorization",
        "Proxy-Authorization",
        "Max-Forwards",
        "If-Modified-Since",
        "If-Unmodified-Since",
        "If-Range",
        "Range",
        "Sec-WebSocket-Version",
    ],
    &["Location", "Server", "Retry-After", "ETag", "Last-Modified", "Sec-WebSocket-Accept", PROTOCOL],
    &["Date", "Content-Type", "Content-Location", "Content-Range"],
];

/// Judges both heads of a handshake. `asked`: the request wants a WebSocket. `offers`: its extensions.
pub(super) fn handshake(
    request: Option<&Head>,
    response: Option<&Head>,
    asked: bool,
    agreed: &Handshake,
    offers: Option<&[Extension]>,
) -> Vec<Judgement> {
    let mut list = Vec::new();
    if let Some(response) = response
        && !agreed.upgraded
        && response.status() == Some(101)
        && request.unwrap_or(response).has_token("Upgrade", "h2c")
    {
        let mut out = Judgements::new(response, Direction::ServerToClient);
        out.push(&rules::H2C_UPGRADE, out.at("Upgrade"), "the connection goes on in HTTP/2 (h2c)".to_owned());
        return out.list;
    }
    if !asked && !agreed.upgraded {
        return list;
    }
    if let Some(request) = request {
        let mut out = Judgements::new(request, Direction::ClientToServer);
        out.request();
        out.syntax();
        list = out.list;
    }
    let Some(response) = response else {
        if let Some(request) = request {
            let mut out = Judgements { head: request, side: Direction::ClientToServer, list };
            let text = "no response to the upgrade request was captured".to_owned();
            out.push(&rules::RESPONSE_MISSING, out.line(), text);
            list = out.list;
        }
        return list;
    };
    let mut out = Judgements { head: response, side: Direction::ServerToClient, list };
    if request.is_none() {
        let text = "the 101 answers a request that was not captured".to_owned();
        out.push(&rules::REQUEST_MISSING, out.line(), text);
    }
    if response.status() == Some(101) {
        out.response(request, agreed, offers);
    } else if let Some(request) = request
        && !is_interim(response)
    {
        out.rejected(request);
    }
    out.syntax();
    out.list
}

/// The judgements so far, and the head that is being judged.
pub(super) struct Judgements<'a> {
    head: &'a Head,
    side: Direction,
    pub(super) list: Vec<Judgement>,
}

impl<'a> Judgements<'a> {
    pub(super) fn new(head: &'a Head, side: Direction) -> Self {
        Self { head, side, list: Vec::new() }
    }

    /// For another head, behind what was found before.
    pub(super) fn going_on(head: &'a Head, side: Direction, list: Vec<Judgement>) -> Self {
        Self { head, side, list }
    }

    pub(super) fn push(&mut self, rule: &'static Rule, range: Range<u32>, text: String) {
        self.list.push(Judgement { rule, side: self.side, range, text });
    }

    pub(super) fn line(&self) -> Range<u32> {
        self.head.line.clone()
    }

    fn fields(&self, name: &'a str) -> impl Iterator<Item = &'a HeaderField> + 'a {
        let head = self.head;
        head.headers.iter().filter(move |field| head.token(&field.name).eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The first header line of that name; the start line where there is none.
    fn at(&self, name: &'a str) -> Range<u32> {
        self.fields(name).next().map_or_else(|| self.line(), whole)
    }

    /// The rules of an upgrade request (RFC 6455 sections 4.1 and 4.2.1).
    pub(super) fn request(&mut self) {
        let head = self.head;
        if head.method() != b"GET" {
            let text = format!("the method is {}, not GET", quoted(head.method()));
            self.push(&rules::REQUEST_METHOD_NOT_GET, self.line(), text);
        }
        if version(head.version()).is_some_and(|version| version < (1, 1)) {
            let text = format!("the request is {}, an upgrade needs HTTP/1.1", quoted(head.version()));
            self.push(&rules::REQUEST_HTTP_VERSION_TOO_LOW, self.line(), text);
        }
        if head.value("Host").is_none() && !head.cut {
            self.push(&rules::MISSING_HOST_HEADER, self.line(), "the request has no Host header".to_owned());
        }
        self.upgrade_headers("request");
        self.empty_headers();
        self.key();
        self.version();
        self.offers();
        if !matches!(request_framing(head), Framing::None | Framing::Length(0)) {
            let coding = head.value("Transfer-Encoding").map(|coding| ("Transfer-Encoding", coding));
            let (name, value) =
                coding.unwrap_or(("Content-Length", head.value("Content-Length").unwrap_or_default()));
            let text = format!("the upgrade request announces a body: {name} is {}", quoted(value));
            self.push(&rules::HTTP_BODY_IN_UPGRADE, self.at(name), text);
        }
    }

    fn key(&mut self) {
        let keys = self.fields("Sec-WebSocket-Key").count();
        let Some(field) = self.fields("Sec-WebSocket-Key").next() else {
            if self.head.cut {
                return;
            }
            let draft = match self.head.value("Sec-WebSocket-Key1") {
                Some(_) => {
                    "; Sec-WebSocket-Key1 is that of a draft of 2010 (hixie-76), whose frames are not read"
                }
                None => "",
            };
            let text = format!("the request has no Sec-WebSocket-Key{draft}");
            return self.push(&rules::MISSING_KEY, self.line(), text);
        };
        if let (Some(second), true) = (self.fields("Sec-WebSocket-Key").nth(1), keys > 1) {
            let (a, b) = (quoted(self.head.token(&field.value)), quoted(self.head.token(&second.value)));
            let text = format!("Sec-WebSocket-Key is given {keys} times: {a}, {b}");
            self.push(&rules::DUPLICATE_KEY, whole(second), text);
        }
        if let Some(bad) =
            self.fields("Sec-WebSocket-Key").find(|field| decode_key(self.head.token(&field.value)).is_none())
        {
            let value = self.head.token(&bad.value);
            let text = match super::accept::steps(value).decoded {
                Some(decoded) => {
                    format!(
                        "Sec-WebSocket-Key is {}, base64 of {} bytes, not 16",
                        quoted(value),
                        decoded.len()
                    )
                }
                None => format!("Sec-WebSocket-Key is {}, no base64 of 16 bytes", quoted(value)),
            };
            self.push(&rules::INVALID_KEY, whole(bad), text);
        }
    }

    pub(super) fn version(&mut self) {
        if self.fields("Sec-WebSocket-Version").next().is_none() {
            if self.head.cut {
                return;
            }
            let text = "the request has no Sec-WebSocket-Version".to_owned();
            return self.push(&rules::MISSING_VERSION, self.line(), text);
        }
        let other = self.fields("Sec-WebSocket-Version").find(|field| self.head.token(&field.value) != b"13");
        if let Some(field) = other {
            let text = format!("Sec-WebSocket-Version is {}, not 13", quoted(self.head.token(&field.value)));
            self.push(&rules::UNSUPPORTED_VERSION, whole(field), text);
        }
    }

    /// The extensions that a request offers.
    pub(super) fn offers(&mut self) {
        self.too_many_extensions();
        let (offers, well_formed) = parse_extensions(self.head.values(EXTENSIONS));
        if !well_formed {
            return self.malformed_extensions();
        }
        for problem in offers.iter().filter(|offer| is_deflate(offer)).flat_map(deflate_offer) {
            let text = format!("the client offers permessage-deflate wrongly: {problem}");
            self.push(&rules::INVALID_EXTENSION_PARAMS, self.at(EXTENSIONS), text);
        }
    }

    fn too_many_extensions(&mut self) {
        if let Some(how_many) = too_many_extensions(self.head.values(EXTENSIONS)) {
            let text = format!("{EXTENSIONS} lists {how_many}");
            self.push(&rules::TOO_MANY_EXTENSIONS, self.at(EXTENSIONS), text);
        }
    }

    fn malformed_extensions(&mut self) {
        let bad = self
            .fields(EXTENSIONS)
            .find(|field| !parse_extensions(std::iter::once(self.head.token(&field.value))).1);
        let range = bad.map_or_else(|| self.at(EXTENSIONS), whole);
        let value = bad.map(|field| quoted(self.head.token(&field.value))).unwrap_or_default();
        let text = format!("{EXTENSIONS} is {value}, which breaks the grammar of RFC 6455 §9.1");
        self.push(&rules::INVALID_EXTENSION_PARAMS, range, text);
    }

    /// `Upgrade: websocket` and `Connection: upgrade`, of either head.
    fn upgrade_headers(&mut self, which: &str) {
        let wanted = [
            ("Upgrade", "websocket", &rules::MISSING_UPGRADE_HEADER),
            ("Connection", "upgrade", &rules::MISSING_CONNECTION_UPGRADE),
        ];
        for (name, token, rule) in wanted {
            if self.head.has_token(name, token) {
                continue;
            }
            let text = match self.head.value(name) {
                Some(value) => format!("{name} of the {which} is {} and lacks {token:?}", quoted(value)),
                None if self.head.cut => continue,
                None => format!("the {which} has no {name} header"),
            };
            self.push(rule, self.at(name), text);
        }
    }

    /// The rules of a 101 (RFC 6455 sections 4.1 and 4.2.2).
    fn response(&mut self, request: Option<&Head>, agreed: &Handshake, offers: Option<&[Extension]>) {
        self.upgrade_headers("response");
        if !agreed.upgraded {
            return;
        }
        if version(self.head.version()).is_some_and(|version| version < (1, 1)) {
            let text = format!("the 101 is {}, an upgrade needs HTTP/1.1", quoted(self.head.version()));
            self.push(&rules::RESPONSE_HTTP_VERSION_TOO_LOW, self.line(), text);
        }
        for name in ["Content-Length", "Transfer-Encoding"] {
            if let Some(field) = self.fields(name).next() {
                let text = format!("the 101 has {name} {}", quoted(self.head.token(&field.value)));
                self.push(&rules::FRAMING_HEADER_IN_101, whole(field), text);
            }
        }
        self.empty_headers();
        match agreed.accept {
            Accept::Missing => {
                let text = "the 101 has no Sec-WebSocket-Accept".to_owned();
                self.push(&rules::MISSING_ACCEPT, self.line(), text);
            }
            Accept::Wrong => self.bad_accept(request),
            Accept::Ok | Accept::Unknown => {}
        }
        if let Some(request) = request.filter(|request| !request.cut || request.value(PROTOCOL).is_some()) {
            self.subprotocol(request);
            self.origin(request, "Host");
        }
        self.agreed_extensions(agreed, offers);
    }

    /// Headers that list something, and are there without listing anything.
    pub(super) fn empty_headers(&mut self) {
        for name in [EXTENSIONS, PROTOCOL] {
            if let Some(field) = self.fields(name).next()
                && elements(self.head.values(name)).next().is_none()
            {
                let text = format!("{name} is present and empty");
                self.push(&rules::EMPTY_EXTENSION_HEADER, whole(field), text);
            }
        }
    }

    /// The page that opened the WebSocket, where it is of another host. `host`: the header of the host that was asked.
    pub(super) fn origin(&mut self, request: &Head, host: &str) {
        let (Some(origin), Some(asked)) = (request.value("Origin"), request.value(host)) else { return };
        // `null`, and schemes of files and extensions, name no site.
        let Some(page) = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://")) else {
            return;
        };
        let (page, own) = (host_of(page), host_of(asked));
        if !page.is_empty() && !own.is_empty() && !same_site(page, own) {
            let text = format!(
                "the server accepts the Origin {}, its own host is {}",
                quoted(origin),
                quoted(asked)
            );
            let is_origin = |field: &&HeaderField| request.token(&field.name).eq_ignore_ascii_case(b"Origin");
            let range = request.headers.iter().find(is_origin).map_or(0..0, whole);
            let (rule, side) = (&rules::FOREIGN_ORIGIN_ACCEPTED, Direction::ClientToServer);
            self.list.push(Judgement { rule, side, range, text });
        }
    }

    fn bad_accept(&mut self, request: Option<&Head>) {
        let right = right_accepts(request);
        let is_right = |value: &[u8]| right.iter().any(|right| right.as_bytes() == value);
        let wrong =
            self.fields("Sec-WebSocket-Accept").find(|field| !is_right(self.head.token(&field.value)));
        let Some(field) = wrong else { return };
        let value = self.head.token(&field.value);
        let key = request.and_then(|request| request.value("Sec-WebSocket-Key")).unwrap_or_default();
        let why = likely_mistake(key, value).map(|why| format!(": {why}")).unwrap_or_default();
        let text = format!("Sec-WebSocket-Accept is {}, expected {:?}{why}", quoted(value), accept_for(key));
        self.push(&rules::BAD_ACCEPT, whole(field), text);
    }

    /// The server may choose one of the offered subprotocols. Names are compared exactly.
    pub(super) fn subprotocol(&mut self, request: &Head) {
        let offered = || elements(request.values(PROTOCOL));
        let wrong = self.fields(PROTOCOL).find(|field| {
            let value = self.head.token(&field.value);
            !offered().any(|name| name == value)
        });
        if self.head.odd_lines.is_empty()
            && self.fields(PROTOCOL).next().is_none()
            && let Some(first) = offered().next()
        {
            let more = offered().count().saturating_sub(1);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let text = format!(
                "the client offered {}{more}, and the server selected none: browsers fail this",
                quoted(first)
            );
            return self.push(&rules::SUBPROTOCOL_NOT_SELECTED, self.line(), text);
        }
        // An empty header is reported as such.
        let Some(field) = wrong.filter(|field| !self.head.token(&field.value).is_empty()) else { return };
        let value = self.head.token(&field.value);
        let names: Vec<String> = offered().take(NAMES).map(quoted).collect();
        let offer = match (names.as_slice(), offered().count().saturating_sub(NAMES)) {
            ([], _) => "the client offered none".to_owned(),
            (names, 0) => format!("the client offered {}", names.join(", ")),
            (names, more) => format!("the client offered {} and {more} more", names.join(", ")),
        };
        let text = if elements(std::iter::once(value)).count() > 1 {
            format!("the server chose several subprotocols at once, {}; {offer}", quoted(value))
        } else if offered().any(|name| name.eq_ignore_ascii_case(value)) {
            format!("the server chose {}, which differs in case; {offer}", quoted(value))
        } else {
            format!("the server chose {}; {offer}", quoted(value))
        };
        self.push(&rules::UNOFFERED_SUBPROTOCOL, whole(field), text);
    }

    pub(super) fn agreed_extensions(&mut self, agreed: &Handshake, offers: Option<&[Extension]>) {
        self.too_many_extensions();
        let (extensions, well_formed) = parse_extensions(self.head.values(EXTENSIONS));
        let at = self.at(EXTENSIONS);
        if let Some(offers) = offers {
            for extension in &extensions {
                if !offers.iter().any(|offer| offer.name.eq_ignore_ascii_case(&extension.name)) {
                    let name = quoted(extension.name.as_bytes());
                    let text =
                        format!("the server chose the extension {name}, which the client did not offer");
                    self.push(&rules::UNOFFERED_EXTENSION, at.clone(), text);
                }
            }
        }
        if !well_formed {
            return self.malformed_extensions();
        }
        for problem in deflate_agreed(&agreed.extensions, offers).map(|(_, list)| list).unwrap_or_default() {
            let text = format!("the server agrees on permessage-deflate wrongly: {problem}");
            self.push(&rules::INVALID_EXTENSION_PARAMS, at.clone(), text);
        }
    }

    /// A final status other than 101, and why, where the heads tell.
    pub(super) fn rejected(&mut self, request: &Head) {
        let status = self.head.status().unwrap_or(0);
        let line = String::from_utf8_lossy(self.head.token(&self.head.line)).into_owned();
        let answer = line.split_once(char::is_whitespace).map_or("", |(_, answer)| answer.trim());
        let value = |name| self.head.value(name).map(quoted);
        let broken = self
            .list
            .iter()
            .find(|j| j.rule.severity == Severity::Error && j.side == Direction::ClientToServer);
        let why = match (status, broken) {
            (400 | 405 | 426 | 200..=299, Some(broken)) => Some(broken.text.clone()),
            (101, _) if request.value(":method").is_some() => {
                Some("HTTP/2 has no 101, a server agrees with 2xx".to_owned())
            }
            (200..=299, None) => Some(
                "it answered as to plain HTTP: there is no WebSocket, or a proxy dropped Upgrade".to_owned(),
            ),
            (300..=399, _) => value("Location").map(|to| format!("it redirects to {to}")),
            (400 | 426, None) => {
                value("Sec-WebSocket-Version").map(|known| format!("it supports version {known}"))
            }
            (401, _) => Some(wants_login("it wants a login", value("WWW-Authenticate"))),
            (407, _) => Some(wants_login("a proxy wants a login", value("Proxy-Authenticate"))),
            (403, _) => request.value("Origin").map(|origin| format!("the Origin was {}", quoted(origin))),
            (404 | 410, _) => Some(format!("there is nothing at {}", quoted(request.target()))),
            (405, None) => value("Allow").map(|allow| format!("it allows {allow}")),
            (429, _) => value("Retry-After").map(|wait| format!("too many requests, retry after {wait}")),
            (502..=504, _) => Some("a gateway could not reach the server behind it".to_owned()),
            _ => None,
        };
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        let text = format!("the server answered {}{why}", quoted(answer.as_bytes()));
        self.push(&rules::HANDSHAKE_REJECTED, self.line(), text);
    }

    /// Whether any name may be there twice: looked at in pairs where there are few.
    fn may_repeat(&self) -> bool {
        const FEW: usize = 32;
        let fields = &self.head.headers;
        let name = |field: &HeaderField| self.head.token(&field.name);
        fields.len() > FEW
            || fields.iter().enumerate().any(|(at, field)| {
                fields.iter().take(at).any(|other| name(other).eq_ignore_ascii_case(name(field)))
            })
    }

    /// The first place with control bytes, and what it is. Line breaks of folded lines are none.
    fn control_bytes(&self) -> Option<(Range<u32>, String)> {
        let head = self.head;
        // Most heads hold no others than those of their line ends, each a pair.
        let odd = head.bytes.iter().fold(false, |odd, byte| {
            odd | (byte.is_ascii_control() & (*byte != b'\t') & (*byte != b'\r') & (*byte != b'\n'))
        });
        let is_bare = |at: usize| head.bytes.get(at + 1) != Some(&b'\n');
        if !odd && !head.quirks.bare_lf && !memchr::memchr_iter(b'\r', &head.bytes).any(is_bare) {
            return None;
        }
        if has_control(head.token(&head.line)) {
            return Some((head.line.clone(), "the start line".to_owned()));
        }
        let is_odd = |field: &&HeaderField| {
            let value = head.token(&field.value);
            // Only folded lines hold line ends.
            let is_odd = |(at, byte): (usize, &u8)| match byte {
                b'\t' | b'\n' => false,
                b'\r' => value.get(at + 1) != Some(&b'\n'),
                byte => byte.is_ascii_control(),
            };
            has_control(value) && value.iter().enumerate().any(is_odd)
        };
        let field = head.headers.iter().find(is_odd)?;
        Some((field.value.clone(), format!("header {}", quoted(head.token(&field.name)))))
    }

    /// HTTP's syntax, of either head.
    pub(super) fn syntax(&mut self) {
        let head = self.head;
        if head.quirks.bare_lf {
            let at = bare_lf(&head.bytes);
            self.push(&rules::HTTP_BARE_LF, at, "a line ends in LF without CR".to_owned());
        }
        let name = |field: &HeaderField| quoted(head.token(&field.name));
        if head.quirks.obs_fold
            && let Some(field) = folded(head)
        {
            self.push(&rules::HTTP_OBS_FOLD, whole(field), format!("header {} is folded", name(field)));
        }
        let colon = |field: &&HeaderField| head.bytes.get(field.name.end as usize) != Some(&b':');
        if head.quirks.space_before_colon
            && let Some(field) = head.headers.iter().find(colon)
        {
            let text = format!("white space stands between {} and its colon", name(field));
            self.push(&rules::HTTP_SPACE_BEFORE_COLON, whole(field), text);
        }
        if let Some((range, what)) = self.control_bytes() {
            let text = format!("{what} holds control bytes: {}", quoted(head.token(&range)));
            self.push(&rules::ODD_HEAD, range, text);
        }
        let [requests, responses, both] = SINGLE;
        let own = if self.side == Direction::ClientToServer { requests } else { responses };
        let names = if self.may_repeat() { (own, both) } else { (&[][..], &[][..]) };
        for name in names.0.iter().chain(names.1) {
            let count = self.fields(name).count();
            if let (Some(second), true) = (self.fields(name).nth(1), count > 1) {
                let text = format!("{name} is given {count} times");
                self.push(&rules::HTTP_DUPLICATE_HEADER, whole(second), text);
            }
        }
        if let Some((range, text)) = length_conflict(head) {
            self.push(&rules::HTTP_CONFLICTING_LENGTH, range, text);
        }
    }
}

/// A header line from its name to its value's end.
pub(super) fn whole(field: &HeaderField) -> Range<u32> {
    field.name.start..field.value.end.max(field.name.end)
}

/// A host without its port, and without the dot that may end it.
fn host_of(authority: &[u8]) -> &[u8] {
    let end = match authority.first() {
        Some(b'[') => authority.iter().position(|byte| *byte == b']').map_or(authority.len(), |at| at + 1),
        _ => authority.iter().position(|byte| matches!(byte, b':' | b'/')).unwrap_or(authority.len()),
    };
    let host = authority.get(..end).unwrap_or_default();
    host.strip_suffix(b".").unwrap_or(host)
}

/// Whether two hosts are the same, or one is a subdomain of the other, or both are subdomains of one domain. Which domains
/// are public (`co.uk`) is not known here.
fn same_site(a: &[u8], b: &[u8]) -> bool {
    let below = |long: &[u8], short: &[u8]| {
        long.len().checked_sub(short.len()).is_some_and(|at| {
            long.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(short))
                && (at == 0 || long.get(at - 1) == Some(&b'.'))
        })
    };
    let is_name = |host: &[u8]| host.iter().any(u8::is_ascii_alphabetic) && !host.starts_with(b"[");
    let domain = |host: &[u8]| {
        let dots = host.iter().rev().enumerate().filter(|(_, byte)| **byte == b'.');
        dots.map(|(from_end, _)| from_end).nth(1).map_or(0, |from_end| host.len().saturating_sub(from_end))
    };
    let parent = |host: &[u8]| host.get(domain(host)..).unwrap_or_default().to_ascii_lowercase();
    let siblings = is_name(a) && is_name(b) && a.contains(&b'.') && parent(a) == parent(b);
    below(a, b) || below(b, a) || siblings
}

/// The elements of a comma-separated header, empty ones left out.
fn elements<'a>(values: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    values
        .flat_map(|value| value.split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
}

/// `HTTP/1.1` as `(1, 1)`; `None` where it is no version.
fn version(token: &[u8]) -> Option<(u32, u32)> {
    let numbers = str::from_utf8(token).ok()?.split_once('/')?.1;
    let (major, minor) = numbers.split_once('.').unwrap_or((numbers, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn wants_login(who: &str, how: Option<String>) -> String {
    how.map_or_else(|| who.to_owned(), |how| format!("{who}, {how}"))
}

/// The first LF that no CR precedes.
fn bare_lf(bytes: &[u8]) -> Range<u32> {
    let bare = |at: &usize| at.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'\r');
    let at = memchr_iter(b'\n', bytes).find(bare).and_then(|at| u32::try_from(at).ok()).unwrap_or(0);
    at..at.saturating_add(1)
}

/// The first field that goes on in a second line; its value may begin or end before the fold.
fn folded(head: &Head) -> Option<&HeaderField> {
    let blank = |at: u32| matches!(head.bytes.get(at as usize), Some(b' ' | b'\t'));
    let mut lines = memchr_iter(b'\n', &head.bytes).filter_map(|at| u32::try_from(at + 1).ok());
    let fold = lines.find(|at| blank(*at) && !head.odd_lines.iter().any(|odd| odd.start == *at))?;
    head.headers.iter().rfind(|field| field.name.start < fold)
}
