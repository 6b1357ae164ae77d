//! The opening handshake (RFC 6455 section 4) over bytes that are handed in.
//!
//! | file | what it knows |
//! | --- | --- |
//! | [`head`] | an HTTP/1 head, a range for every token (RFC 9112 sections 2 to 5) |
//! | [`body`] | where a body ends (RFC 9112 sections 6 and 7) |
//! | [`proxy`] | the PROXY protocol header that a balancer puts before everything |
//! | [`extension`] | `Sec-WebSocket-Extensions`, permessage-deflate's parameters (RFC 7692 section 7) |
//! | [`accept`] | `Sec-WebSocket-Accept`, and what usually goes wrong with it |
//! | [`refusal`] | the beginning of a refusal's body, its codings undone |
//! | [`foreign`] | what came instead of an HTTP response |
//! | [`credentials`] | credentials that a request carries |
//! | [`upgrade`] | what two heads agreed on, and every rule that they break |
//! | [`rules`] | those rules |
//! | [`http2`] | WebSockets inside HTTP/2 (RFC 8441) |
//!
//! Nothing here fails: what HTTP or RFC 6455 forbids is kept, shown and judged.

// A number that does not fit is never cut silently: `model::to_u32` and its like, or `low_u32`. Tests know their numbers.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

pub mod accept;
pub mod body;
mod check;
pub mod credentials;
pub mod extension;
pub mod foreign;
pub mod head;
pub mod http2;
pub mod proxy;
pub mod refusal;
pub mod rules;
pub mod upgrade;

pub use accept::{AcceptSteps, GUID, accept_for, likely_mistake};
pub use body::{BodyReader, Framing, GapResult, announced_framing, request_framing, response_framing};
pub use credentials::credentials_in_clear;
pub use extension::{compresses, compression_agreed, deflate_agreed, deflate_offer, parse_extensions};
pub use foreign::{BYTE_ORDER_MARK, Foreign, ForeignKind};
pub use head::{
    HeadKind, HeadLimits, HeadScan, Scanned, is_status_cut, may_be_head, scan, scan_cut, scan_cut_101,
    scan_more,
};
pub use proxy::{ProxyScan, scan_proxy};
pub use refusal::BodySample;
pub use upgrade::{
    Handshake, Judgement, complete, conclude, is_h2c_upgrade, is_interim, is_websocket_response,
    is_websocket_upgrade, judge, judge_request, judge_syntax, url,
};

/// A wire value for a sentence: quoted, control and invisible characters escaped, cut at 80 characters.
fn quoted(value: &[u8]) -> String {
    const MOST: usize = 80;
    let text = String::from_utf8_lossy(value);
    match text.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{:?} (cut)", text.get(..cut).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_value_in_a_sentence_is_short_and_harmless() {
        assert_eq!(quoted(b"a\x1b[31m"), "\"a\\u{1b}[31m\"");
        assert_eq!(quoted("\u{202e}x".as_bytes()), "\"\\u{202e}x\"");
        assert_eq!(quoted(b"\xff"), "\"\u{fffd}\"");
        assert_eq!(quoted("é".repeat(80).as_bytes()), format!("\"{}\"", "é".repeat(80)));
        assert!(quoted(&[b'x'; 81]).ends_with("x\" (cut)"));
    }
}
