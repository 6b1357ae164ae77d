//! The closing handshake's payload: status code and reason (RFC 6455 sections 5.5.1 and 7.4).

/// What a Close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// The status code; `None` where the payload has fewer than the two bytes that it takes.
    pub code: Option<u16>,
    /// The reason as sent; it should be UTF-8.
    pub reason: &'a [u8],
}

impl<'a> Close<'a> {
    /// Reads the unmasked payload of a Close frame. A payload of one byte, which breaks section 5.5.1, has no code.
    #[must_use]
    pub fn parse(payload: &'a [u8]) -> Self {
        match payload.split_first_chunk::<2>() {
            Some((code, reason)) => Self { code: Some(u16::from_be_bytes(*code)), reason },
            None => Self { code: None, reason: &[] },
        }
    }
}

/// What is known about a status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseCode {
    /// Its name in IANA's registry, or what its range is for.
    pub name: &'static str,
    /// One line: what it says about the connection.
    pub meaning: &'static str,
    /// Where that is written.
    pub reference: &'static str,
}

/// Name, meaning and source of a status code.
#[must_use]
pub fn close_code(code: u16) -> CloseCode {
    const RFC: &str = "RFC 6455 §7.4.1";
    const RANGES: &str = "RFC 6455 §7.4.2";
    const IANA: &str = "IANA WebSocket Close Code Number Registry";
    #[allow(clippy::match_overlapping_arm)] // The registered ones come before their range.
    let (name, meaning, reference) = match code {
        1000 => ("Normal Closure", "the connection has served its purpose", RFC),
        1001 => ("Going Away", "a server shuts down, or a browser leaves the page", RFC),
        1002 => ("Protocol error", "the other end broke the protocol", RFC),
        1003 => ("Unsupported Data", "the endpoint received a type of data that it cannot accept", RFC),
        1004 => ("Reserved", "has no meaning yet; must not be sent", RFC),
        1005 => ("No Status Rcvd", "no close code was received; must not be sent", RFC),
        1006 => ("Abnormal Closure", "the connection ended without a Close frame; must not be sent", RFC),
        1007 => (
            "Invalid frame payload data",
            "a message does not fit its type, such as text that is not UTF-8",
            RFC,
        ),
        1008 => ("Policy Violation", "a message breaks this end's policy", RFC),
        1009 => ("Message Too Big", "a message is too big to be processed", RFC),
        1010 => ("Mandatory Ext.", "the server's response lacks an extension that the client requires", RFC),
        1011 => ("Internal Error", "an unexpected condition prevented the endpoint from continuing", RFC),
        1012 => ("Service Restart", "the service restarts; the client may connect again", IANA),
        1013 => ("Try Again Later", "the server is overloaded; the client should come back later", IANA),
        1014 => ("Bad Gateway", "a gateway got an invalid answer from the server behind it", IANA),
        1015 => ("TLS handshake", "stands for a TLS handshake that failed; must not be sent", RFC),
        3000 => ("Unauthorized", "the endpoint must be authorized first", IANA),
        3003 => ("Forbidden", "the endpoint is authorized but lacks the permission", IANA),
        3008 => ("Timeout", "something took too long", IANA),
        0..=999 => ("not used", "below every range; must not be sent", RANGES),
        1016..=2999 => {
            ("unassigned", "reserved for the protocol and its extensions; must not be sent", RANGES)
        }
        3000..=3999 => ("registered range", "for libraries and frameworks, registered with IANA", RANGES),
        4000..=4999 => ("private range", "means what the two applications have agreed on", RANGES),
        5000.. => ("out of range", "above every range; must not be sent", RANGES),
    };
    CloseCode { name, meaning, reference }
}

/// Whether a Close frame may carry this code (RFC 6455 section 7.4, with the codes IANA added since).
#[must_use]
pub fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tungstenite::protocol::frame::coding::CloseCode as Other;

    #[test]
    fn a_close_has_a_code_and_a_reason_or_neither() {
        assert_eq!(Close::parse(b""), Close { code: None, reason: b"" });
        assert_eq!(Close::parse(b"\x03"), Close { code: None, reason: b"" });
        assert_eq!(Close::parse(b"\x03\xe8"), Close { code: Some(1000), reason: b"" });
        assert_eq!(Close::parse(b"\x0f\xa0bye"), Close { code: Some(4000), reason: b"bye" });
    }

    #[test]
    fn the_codes_that_may_be_sent_are_those_another_implementation_allows() {
        for code in 0..=u16::MAX {
            // It predates 1014 in the registry.
            let expected = Other::from(code).is_allowed() || code == 1014;
            assert_eq!(is_sendable(code), expected, "{code}");
        }
    }

    #[test]
    fn a_code_that_must_not_be_sent_says_so() {
        for code in 0..=u16::MAX {
            assert_eq!(close_code(code).meaning.ends_with("must not be sent"), !is_sendable(code), "{code}");
        }
    }
}
