//! What each line of the two heads means, in a few words.

use std::borrow::Cow;

use crate::explain::words::headers::{
    ANSWER, H2_ANSWER, H2_REFUSAL, H2_REQUEST, NOT_CHECKED, OFFERS_DEFLATE, OTHER, PARAMETERS, REFUSAL,
    REQUEST, START_LINES, header_words,
};
use crate::http::extension::PERMESSAGE_DEFLATE;
use crate::http::parse_extensions;
use crate::model::{DeflateParams, Direction, Lang};

/// Which head a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadRole {
    /// The upgrade request.
    Request,
    /// A 101.
    Answer,
    /// Any other response.
    Refusal,
    /// An extended CONNECT of HTTP/2.
    H2Request,
    /// A response to it that opens the WebSocket.
    H2Answer,
    /// Any other response to it.
    H2Refusal,
}

impl HeadRole {
    /// Its place among the words of first lines, and its bit among those of headers.
    fn words(self) -> (usize, u8) {
        match self {
            Self::Request => (0, REQUEST),
            Self::Answer => (1, ANSWER),
            Self::Refusal => (2, REFUSAL),
            Self::H2Request => (3, H2_REQUEST),
            Self::H2Answer => (4, H2_ANSWER),
            Self::H2Refusal => (5, H2_REFUSAL),
        }
    }

    pub(super) fn is_request(self) -> bool {
        matches!(self, Self::Request | Self::H2Request)
    }
}

/// What is said of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineWords {
    /// What it means.
    pub(super) text: Cow<'static, str>,
    /// Where that stands; may be empty.
    pub(super) reference: &'static str,
    /// Whether it is among what is judged: without a judgement it is right.
    pub(super) checked: bool,
}

/// What the first line of a head says.
pub(super) fn start_line(role: HeadRole, lang: Lang) -> LineWords {
    let (text, reference) =
        START_LINES.get(role.words().0).map_or(("", ""), |(words, at)| (words.of(lang), *at));
    LineWords { text: text.into(), reference, checked: true }
}

/// What a header line says. `paired`: the other head was captured, so the two could be compared.
pub(super) fn field(role: HeadRole, name: &[u8], value: &[u8], paired: bool, lang: Lang) -> LineWords {
    let Some(row) = header_words(name, role.words().1) else {
        return LineWords { text: OTHER.of(lang).into(), reference: "", checked: false };
    };
    let (name, checked, text, reference) = (row.name, row.checked, row.words.of(lang), row.reference);
    if matches!(role, HeadRole::Answer | HeadRole::H2Answer)
        && checked
        && !paired
        && name.starts_with("Sec-WebSocket-")
    {
        let text = format!("{text}{}", NOT_CHECKED.of(lang));
        return LineWords { text: text.into(), reference, checked: false };
    }
    if role.is_request() && name == "Sec-WebSocket-Extensions" {
        let (offers, _) = parse_extensions(std::iter::once(value));
        if !offers.is_empty()
            && offers.iter().all(|offer| offer.name.eq_ignore_ascii_case(PERMESSAGE_DEFLATE))
        {
            return LineWords { text: OFFERS_DEFLATE.of(lang).into(), reference, checked };
        }
    }
    LineWords { text: text.into(), reference, checked }
}

/// What each parameter of the offered permessage-deflate asks for, with its reference. Each once.
pub(super) fn offered(value: &[u8], lang: Lang) -> Vec<(String, &'static str)> {
    let (offers, _) = parse_extensions(std::iter::once(value));
    let offers = offers.iter().filter(|offer| offer.name.eq_ignore_ascii_case(PERMESSAGE_DEFLATE));
    let names: Vec<&String> = offers.flat_map(|offer| &offer.params).map(|(name, _)| name).collect();
    let is_there = |row: &&(&str, _, _)| names.iter().any(|name| name.eq_ignore_ascii_case(row.0));
    PARAMETERS
        .iter()
        .filter(is_there)
        .map(|(name, words, at)| (format!("{name}: {}", words.of(lang)), *at))
        .collect()
}

/// How one side compresses.
pub(super) fn compression(params: &DeflateParams, direction: Direction, lang: Lang) -> String {
    let (bits, emptied) = match direction {
        Direction::ClientToServer => (params.client_max_window_bits, params.client_no_context_takeover),
        Direction::ServerToClient => (params.server_max_window_bits, params.server_no_context_takeover),
    };
    let size = 1u32.checked_shl(bits.into()).unwrap_or(0);
    let size = match size {
        ..1024 => format!("{size} {}", lang.pick("bytes", "字节")),
        _ => format!("{} KiB", size / 1024),
    };
    let takeover = match emptied {
        true if params.per_frame => lang
            .pick("emptied before each frame (no context takeover)", "每个帧之前清空（no context takeover）"),
        false if params.per_frame => {
            lang.pick("kept from frame to frame (context takeover)", "在帧之间保留（context takeover）")
        }
        true => lang.pick(
            "emptied before each message (no context takeover)",
            "每条消息之前清空（no context takeover）",
        ),
        false => {
            lang.pick("kept from message to message (context takeover)", "在消息之间保留（context takeover）")
        }
    };
    match lang {
        Lang::En => format!("window of {size} ({bits} bits), {takeover}"),
        Lang::Zh => format!("窗口 {size}（{bits} 位），{takeover}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_means_what_its_head_makes_of_it() {
        let words = |role, name: &str| field(role, name.as_bytes(), b"x", true, Lang::En);
        assert!(words(HeadRole::Request, "upgrade").text.starts_with("asks"));
        assert!(words(HeadRole::Answer, "UPGRADE").text.starts_with("switches"));
        assert!(words(HeadRole::Refusal, "Upgrade").text.contains("instead"));
        assert!(!words(HeadRole::Refusal, "Connection").checked);
        assert_eq!(words(HeadRole::Request, "X-Own").reference, "");
        let alone = field(HeadRole::Answer, b"Sec-WebSocket-Accept", b"x", false, Lang::En);
        assert!(!alone.checked && alone.text.contains("not checked"));
        assert!(field(HeadRole::Answer, b"Upgrade", b"websocket", false, Lang::En).checked);
    }

    #[test]
    fn parameters_are_told_once_and_in_words() {
        let value = b"permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits";
        let names: Vec<String> = offered(value, Lang::En).into_iter().map(|(text, _)| text).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(
            names[0].starts_with("server_max_window_bits:")
                && names[1].starts_with("client_max_window_bits:")
        );
        assert!(offered(b"x; server_max_window_bits=10", Lang::En).is_empty());
        let params = DeflateParams {
            per_frame: false,
            server_no_context_takeover: true,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 9,
        };
        assert_eq!(
            compression(&params, Direction::ClientToServer, Lang::En),
            "window of 512 bytes (9 bits), kept from message to message (context takeover)"
        );
        assert!(
            compression(&params, Direction::ServerToClient, Lang::En)
                .starts_with("window of 32 KiB (15 bits), emptied")
        );
    }
}
