//! Phrases of the table, in both languages.

use super::frame::ExplainedFrame;
use super::message::Utf8;
use crate::model::Lang;

/// What is missing, as half a sentence.
pub(super) fn missing(frame: &ExplainedFrame, lang: Lang) -> String {
    let (header, payload) = frame.missing;
    if lang == Lang::Zh {
        let here = frame.range.len();
        if header > 0 {
            let least = if here < 2 { "至少" } else { "" };
            return format!("首部{least}要 {} 个字节，这里有 {here} 个（缺 {header} 个）", here + header);
        }
        let here = frame.payload.len() as u64;
        let claimed = here.saturating_add(payload);
        return format!("首部说载荷有 {claimed} 个字节，这里有 {here} 个（缺 {payload} 个）");
    }
    if header > 0 {
        let here = frame.range.len();
        let are = if here == 1 { "is" } else { "are" };
        let least = if here < 2 { "at least " } else { "" };
        return format!(
            "its header takes {least}{}, {here} {are} here ({header} missing)",
            bytes(here + header, Lang::En)
        );
    }
    let here = frame.payload.len() as u64;
    let claimed = count(here + payload, "payload byte");
    format!("header says {claimed}, {here} {} here ({payload} missing)", if here == 1 { "is" } else { "are" })
}

/// What is said of text.
pub(super) fn utf8_word(utf8: Utf8, lang: Lang) -> Option<&'static str> {
    match utf8 {
        Utf8::Valid => Some(lang.pick("valid UTF-8", "合法的 UTF-8")),
        Utf8::ValidSoFar => Some(lang.pick("valid UTF-8 so far", "到目前为止是合法的 UTF-8")),
        Utf8::NotJudged | Utf8::Bad(_) => None,
    }
}

/// `1 byte`, `2 bytes`
pub(super) fn bytes(n: usize, lang: Lang) -> String {
    match lang {
        Lang::En => count(n as u64, "byte"),
        Lang::Zh => format!("{n} 字节"),
    }
}

pub(super) fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
