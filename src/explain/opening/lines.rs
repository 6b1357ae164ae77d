//! The lines of a head, and which of them a judgement is about.

use super::words::{self, HeadRole, LineWords};
use crate::explain::words::headers::{NO_HEADER, UNKNOWN_FIELD};
use crate::http::{Handshake, Judgement, rules};
use crate::model::{Direction, Head, Lang};

/// A line of a head: where it begins, its name and value, what is said of it.
pub(super) struct HeaderLine<'a> {
    pub(super) start: u32,
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) words: LineWords,
    pub(super) more: Vec<(String, &'static str)>,
}

/// The lines of a head in the order sent, its first line included.
pub(super) fn lines<'a>(
    head: &'a Head,
    side: Direction,
    handshake: &Handshake,
    lang: Lang,
) -> Vec<HeaderLine<'a>> {
    let role = match (side, handshake.is_http2) {
        (Direction::ClientToServer, false) => HeadRole::Request,
        (Direction::ServerToClient, false) if handshake.status == Some(101) => HeadRole::Answer,
        (Direction::ServerToClient, false) => HeadRole::Refusal,
        (Direction::ClientToServer, true) => HeadRole::H2Request,
        (Direction::ServerToClient, true) if handshake.upgraded => HeadRole::H2Answer,
        (Direction::ServerToClient, true) => HeadRole::H2Refusal,
    };
    // What a request of HTTP/2 offered may be among the fields that are not known.
    let paired =
        handshake.request.as_ref().is_some_and(|head| !handshake.is_http2 || head.odd_lines.is_empty());
    let (odd, odd_reference) = match handshake.is_http2 {
        true => (UNKNOWN_FIELD, "RFC 7541 §2.3.2"),
        false => (NO_HEADER, "RFC 9112 §5"),
    };
    let first = HeaderLine {
        start: head.line.start,
        name: &[],
        value: head.token(&head.line),
        words: words::start_line(role, lang),
        more: Vec::new(),
    };
    let fields = head.headers.iter().map(|field| {
        let (name, value) = (head.token(&field.name), head.token(&field.value));
        let offers = role.is_request() && name.eq_ignore_ascii_case(b"Sec-WebSocket-Extensions");
        let more = if offers { words::offered(value, lang) } else { Vec::new() };
        HeaderLine {
            start: field.name.start,
            name,
            value,
            words: words::field(role, name, value, paired, lang),
            more,
        }
    });
    let odd_lines = head.odd_lines.iter().map(|range| HeaderLine {
        start: range.start,
        name: &[],
        value: head.token(range),
        words: LineWords { text: odd.of(lang).into(), reference: odd_reference, checked: false },
        more: Vec::new(),
    });
    let mut lines: Vec<HeaderLine<'a>> = std::iter::once(first).chain(fields).chain(odd_lines).collect();
    lines.sort_by_key(|line| line.start);
    lines
}

/// The line that a judgement is about.
pub(super) fn line_of(lines: &[HeaderLine<'_>], judgement: &Judgement) -> usize {
    lines.partition_point(|line| line.start <= judgement.range.start).saturating_sub(1)
}

/// Whether a judgement of a head says that the other one is not there.
pub(super) fn is_about_other(judgement: &Judgement) -> bool {
    [&rules::REQUEST_MISSING, &rules::RESPONSE_MISSING].contains(&judgement.rule)
}

/// The header that a head lacks, where a judgement says so.
pub(super) fn absent(head: &Head, judgement: &Judgement) -> Option<&'static str> {
    let name = [
        (&rules::MISSING_HOST_HEADER, "Host"),
        (&rules::MISSING_UPGRADE_HEADER, "Upgrade"),
        (&rules::MISSING_CONNECTION_UPGRADE, "Connection"),
        (&rules::MISSING_KEY, "Sec-WebSocket-Key"),
        (&rules::MISSING_VERSION, "Sec-WebSocket-Version"),
        (&rules::MISSING_ACCEPT, "Sec-WebSocket-Accept"),
    ]
    .into_iter()
    .find(|(rule, _)| *rule == judgement.rule)?
    .1;
    head.value(name).is_none().then_some(name)
}
