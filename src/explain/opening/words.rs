//! What each line of the two heads means, in a few words.

use std::borrow::Cow;

use crate::http::extension::PERMESSAGE_DEFLATE;
use crate::http::parse_extensions;
use crate::model::{DeflateParams, Direction};

/// Which head a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadRole {
    /// The upgrade request.
    Request,
    /// A 101.
    Answer,
    /// Any other response.
    Refusal,
}

/// What is said of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// What it means.
    pub(super) text: Cow<'static, str>,
    /// Where that stands; may be empty.
    pub(super) reference: &'static str,
    /// Whether it is among what is judged: without a judgement it is right.
    pub(super) checked: bool,
}

const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
const REFUSAL: u8 = 4;
const RESPONSE: u8 = ANSWER | REFUSAL;
const ANY: u8 = REQUEST | RESPONSE;

/// A header: its name, the heads that the words are for, whether it is judged there, the words, where
/// they come from.
type Field = (&'static str, u8, bool, &'static str, &'static str);

const FIELDS: &[Field] = &[
    ("Host", REQUEST, true, "the host that is meant; its port unless usual", "RFC 6455 §4.1 item 4"),
    ("Upgrade", REQUEST, true, "asks to change the protocol on this connection", "RFC 6455 §4.1 item 5"),
    ("Connection", REQUEST, true, "Upgrade is for the next hop: proxies look here", "RFC 6455 §4.1 item 6"),
    (
        "Sec-WebSocket-Key",
        REQUEST,
        true,
        "base64 of 16 random bytes: a nonce, no secret",
        "RFC 6455 §4.1 item 7",
    ),
    (
        "Sec-WebSocket-Version",
        REQUEST,
        true,
        "13 is the version that RFC 6455 defines",
        "RFC 6455 §4.1 item 9",
    ),
    ("Origin", REQUEST, false, "the page that opens it; the server has to check", "RFC 6455 §10.2"),
    (
        "Sec-WebSocket-Protocol",
        REQUEST,
        false,
        "subprotocols on offer, the preferred first",
        "RFC 6455 §4.1 item 10",
    ),
    (
        "Sec-WebSocket-Extensions",
        REQUEST,
        true,
        "extensions on offer, the preferred first",
        "RFC 6455 §4.1 item 11",
    ),
    ("Upgrade", ANSWER, true, "agrees to the protocol that was asked for", "RFC 6455 §4.2.2 item 5.2"),
    ("Connection", ANSWER, true, "agrees for this hop", "RFC 6455 §4.2.2 item 5.3"),
    (
        "Sec-WebSocket-Accept",
        ANSWER,
        true,
        "proves that the server knows WebSocket: below",
        "RFC 6455 §4.2.2 item 5.4",
    ),
    (
        "Sec-WebSocket-Protocol",
        ANSWER,
        true,
        "the subprotocol that the server chose",
        "RFC 6455 §4.2.2 item 5.5",
    ),
    (
        "Sec-WebSocket-Extensions",
        ANSWER,
        true,
        "the extensions in use from here on",
        "RFC 6455 §4.2.2 item 5.6",
    ),
    ("Sec-WebSocket-Version", RESPONSE, false, "the versions that the server knows", "RFC 6455 §4.4"),
    ("Sec-WebSocket-Accept", REFUSAL, false, "means nothing without a 101", "RFC 6455 §4.1"),
    ("Upgrade", REFUSAL, false, "what the server could speak instead", "RFC 9110 §7.8"),
    ("Connection", ANY, false, "for this hop only; close: the connection ends", "RFC 9110 §7.6.1"),
    ("Sec-WebSocket-Key1", REQUEST, false, "of a draft of 2010 (hixie-76), long out of use", ""),
    ("Sec-WebSocket-Key2", REQUEST, false, "of a draft of 2010 (hixie-76), long out of use", ""),
    ("Sec-WebSocket-Origin", ANY, false, "of drafts before RFC 6455; now it is Origin", ""),
    ("Cookie", REQUEST, false, "as in any HTTP request: often who the user is", "RFC 6455 §10.5"),
    ("Authorization", REQUEST, false, "credentials, as in any HTTP request", "RFC 6455 §10.5"),
    ("Proxy-Authorization", REQUEST, false, "credentials for the proxy", "RFC 9110 §11.7.2"),
    ("User-Agent", REQUEST, false, "the client's software", "RFC 9110 §10.1.5"),
    ("Referer", REQUEST, false, "the page that it comes from", "RFC 9110 §10.1.3"),
    ("Accept", REQUEST, false, "media types, without a meaning here", "RFC 9110 §12.5.1"),
    ("Accept-Encoding", REQUEST, false, "for HTTP bodies; frames are not concerned", "RFC 9110 §12.5.3"),
    ("Accept-Language", REQUEST, false, "the user's languages", "RFC 9110 §12.5.4"),
    ("X-Forwarded-For", REQUEST, false, "added by a proxy: the client's address", ""),
    ("X-Forwarded-Proto", REQUEST, false, "added by a proxy: http or https before it", ""),
    ("Forwarded", REQUEST, false, "added by a proxy: what was before it", "RFC 7239 §4"),
    ("Cache-Control", ANY, false, "for caches on the way", "RFC 9111 §5.2"),
    ("Pragma", ANY, false, "for old caches on the way", "RFC 9111 §5.4"),
    ("Via", ANY, false, "added by a proxy: it came through here", "RFC 9110 §7.6.3"),
    ("Date", ANY, false, "the sender's clock", "RFC 9110 §6.6.1"),
    ("Server", RESPONSE, false, "the server's software", "RFC 9110 §10.2.4"),
    ("Set-Cookie", RESPONSE, false, "to be sent with later requests", "RFC 6265 §4.1"),
    ("Location", RESPONSE, false, "where to ask instead; browsers do not follow", "RFC 9110 §10.2.2"),
    ("WWW-Authenticate", RESPONSE, false, "how to log in", "RFC 9110 §11.6.1"),
    ("Proxy-Authenticate", RESPONSE, false, "how to log in to the proxy", "RFC 9110 §11.7.1"),
    ("Retry-After", RESPONSE, false, "how long to wait", "RFC 9110 §10.2.3"),
    ("Allow", RESPONSE, false, "methods that are allowed here", "RFC 9110 §10.2.1"),
    ("Content-Type", ANY, false, "what the body is", "RFC 9110 §8.3"),
    ("Content-Length", ANY, false, "the body's length in bytes", "RFC 9110 §8.6"),
    ("Transfer-Encoding", ANY, false, "how the body is cut into pieces", "RFC 9112 §6.1"),
];

/// permessage-deflate's parameters: name, what an offer says with it, where.
const OFFERED: &[(&str, &str, &str)] = &[
    (
        "server_no_context_takeover",
        "the server shall empty its window before each message",
        "RFC 7692 §7.1.1.1",
    ),
    (
        "client_no_context_takeover",
        "the client will empty its window before each message",
        "RFC 7692 §7.1.1.2",
    ),
    ("server_max_window_bits", "the server's window shall not be larger", "RFC 7692 §7.1.2.1"),
    ("client_max_window_bits", "the server may ask for a smaller window of the client", "RFC 7692 §7.1.2.2"),
];

/// What the first line of a head says.
pub(super) fn start_line(role: HeadRole) -> Words {
    let (text, reference) = match role {
        HeadRole::Request => ("GET, path, at least HTTP/1.1", "RFC 6455 §4.1 items 2, 3"),
        HeadRole::Answer => ("from here on frames, no more HTTP", "RFC 6455 §4.2.2 item 5.1"),
        HeadRole::Refusal => ("no WebSocket: the connection stays with HTTP", "RFC 6455 §4.2.2"),
    };
    Words { text: text.into(), reference, checked: true }
}

/// What a header line says. `paired`: the other head was captured, so the two could be compared.
pub(super) fn field(role: HeadRole, name: &[u8], value: &[u8], paired: bool) -> Words {
    let bit = match role {
        HeadRole::Request => REQUEST,
        HeadRole::Answer => ANSWER,
        HeadRole::Refusal => REFUSAL,
    };
    let known = FIELDS.iter().find(|row| row.1 & bit != 0 && name.eq_ignore_ascii_case(row.0.as_bytes()));
    let Some(&(name, _, checked, text, reference)) = known else {
        return Words { text: "not part of the opening handshake".into(), reference: "", checked: false };
    };
    if role == HeadRole::Answer && checked && !paired && name.starts_with("Sec-WebSocket-") {
        let text = format!("{text}; not checked");
        return Words { text: text.into(), reference, checked: false };
    }
    if role == HeadRole::Request && name == "Sec-WebSocket-Extensions" {
        let (offers, _) = parse_extensions(std::iter::once(value));
        if !offers.is_empty()
            && offers.iter().all(|offer| offer.name.eq_ignore_ascii_case(PERMESSAGE_DEFLATE))
        {
            return Words { text: "offers to compress messages".into(), reference, checked };
        }
    }
    Words { text: text.into(), reference, checked }
}

/// What each parameter of the offered permessage-deflate asks for, with its reference. Each once.
pub(super) fn offered(value: &[u8]) -> Vec<(String, &'static str)> {
    let (offers, _) = parse_extensions(std::iter::once(value));
    let offers = offers.iter().filter(|offer| offer.name.eq_ignore_ascii_case(PERMESSAGE_DEFLATE));
    let names: Vec<&String> = offers.flat_map(|offer| &offer.params).map(|(name, _)| name).collect();
    let is_there = |row: &&(&str, _, _)| names.iter().any(|name| name.eq_ignore_ascii_case(row.0));
    OFFERED.iter().filter(is_there).map(|(name, text, at)| (format!("{name}: {text}"), *at)).collect()
}

/// How one side compresses.
pub(super) fn compression(params: &DeflateParams, direction: Direction) -> String {
    let (bits, emptied) = match direction {
        Direction::ClientToServer => (params.client_max_window_bits, params.client_no_context_takeover),
        Direction::ServerToClient => (params.server_max_window_bits, params.server_no_context_takeover),
    };
    let size = 1u32.checked_shl(bits.into()).unwrap_or(0);
    let size = if size < 1024 { format!("{size} bytes") } else { format!("{} KiB", size / 1024) };
    let takeover = match emptied {
        true => "emptied before each message (no context takeover)",
        false => "kept from message to message (context takeover)",
    };
    format!("window of {size} ({bits} bits), {takeover}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_short_and_each_header_has_one_meaning_in_a_head() {
        for (i, (name, heads, _, text, reference)) in FIELDS.iter().enumerate() {
            assert!(
                text.len() <= 48 && (reference.is_empty() || reference.starts_with("RFC ")),
                "{name}: {text}"
            );
            let same = |row: &&Field| row.0.eq_ignore_ascii_case(name) && row.1 & heads != 0;
            // A row for every head may follow one for some: the first counts.
            assert!(FIELDS[..i].iter().filter(same).all(|_| *heads == ANY), "{name} twice");
        }
    }

    #[test]
    fn a_header_means_what_its_head_makes_of_it() {
        let words = |role, name: &str| field(role, name.as_bytes(), b"x", true);
        assert!(words(HeadRole::Request, "upgrade").text.starts_with("asks"));
        assert!(words(HeadRole::Answer, "UPGRADE").text.starts_with("agrees"));
        assert!(words(HeadRole::Refusal, "Upgrade").text.contains("instead"));
        assert!(!words(HeadRole::Refusal, "Connection").checked);
        assert_eq!(words(HeadRole::Request, "X-Own").reference, "");
        let alone = field(HeadRole::Answer, b"Sec-WebSocket-Accept", b"x", false);
        assert!(!alone.checked && alone.text.contains("not checked"));
        assert!(field(HeadRole::Answer, b"Upgrade", b"websocket", false).checked);
    }

    #[test]
    fn parameters_are_told_once_and_in_words() {
        let value = b"permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits";
        let names: Vec<String> = offered(value).into_iter().map(|(text, _)| text).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(
            names[0].starts_with("server_max_window_bits:")
                && names[1].starts_with("client_max_window_bits:")
        );
        assert!(offered(b"x; server_max_window_bits=10").is_empty());
        let params = DeflateParams {
            server_no_context_takeover: true,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 9,
        };
        assert_eq!(
            compression(&params, Direction::ClientToServer),
            "window of 512 bytes (9 bits), kept from message to message (context takeover)"
        );
        assert!(
            compression(&params, Direction::ServerToClient)
                .starts_with("window of 32 KiB (15 bits), emptied")
        );
    }
}
