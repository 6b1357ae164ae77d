//! The opening handshake explained: how `Sec-WebSocket-Accept` comes about, and what two heads get wrong.

use std::borrow::Cow;
use std::io::{self, Write};

use super::text::hex;
use super::words::mistakes::{LIKELY, mistake as told};
use crate::http::accept::{AcceptSteps, steps};
use crate::http::upgrade::{Judgement, judge, judge_request, judge_syntax};
use crate::http::{HeadKind, HeadLimits, HeadScan, is_interim, likely_mistake, scan};
use crate::model::{Head, Lang, Severity, preview, safe_str, safe_text, width};
use crate::present::{Role, Style};

/// Column of the values of the steps, and of what is said about them.
const VALUE: usize = 19;
const REMARK: usize = 56;

/// An accept value compared with the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcceptVerdict {
    /// It is the right one.
    Right,
    /// It is not.
    Wrong {
        /// The right one.
        expected: String,
        /// What probably went wrong.
        mistake: Option<&'static str>,
    },
}

/// Compares an accept value with the one that its key demands (RFC 6455 section 4.1).
#[must_use]
pub fn check(key: &[u8], accept: &[u8]) -> AcceptVerdict {
    let expected = steps(key).accept;
    if accept.trim_ascii() == expected.as_bytes() {
        return AcceptVerdict::Right;
    }
    AcceptVerdict::Wrong { expected, mistake: likely_mistake(key, accept) }
}

/// Prints each step from a key to its accept value, and the header that a server must answer.
///
/// # Errors
/// Those of `out`.
pub fn write_steps(out: &mut dyn Write, key: &[u8], style: &Style, lang: Lang) -> io::Result<()> {
    let steps = steps(key);
    let lines = [
        ("1 key as sent", safe_text(&steps.key), remark(&steps, lang)),
        ("2 append GUID", safe_text(&steps.concatenated), String::new()),
        ("3 SHA-1", hex(&steps.digest), String::new()),
        ("4 base64", steps.accept.clone(), String::new()),
    ];
    for (name, value, remark) in lines {
        write!(out, " {}{value}", style.paint(Role::Title, &format!("{name:0$}", VALUE - 1)))?;
        if !remark.is_empty() {
            let gap = REMARK.saturating_sub(VALUE + width(&value)).max(2);
            write!(out, "{}{remark}", " ".repeat(gap))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "Sec-WebSocket-Accept: {}", style.paint(Role::Ok, &steps.accept))
}

/// What is said about the key itself (RFC 6455 section 4.1: base64 of 16 bytes). It is hashed as it is, good or bad.
pub(super) fn remark(steps: &AcceptSteps, lang: Lang) -> String {
    let Some(decoded) = &steps.decoded else {
        let bad =
            lang.pick("not base64; a key is base64 of 16 bytes", "不是 base64；密钥应为 16 个字节的 base64");
        return bad.into();
    };
    let len = decoded.len();
    let wrong = if len == 16 { "" } else { lang.pick(", must be 16", "，必须是 16") };
    let readable = std::str::from_utf8(decoded).is_ok_and(|text| safe_str(text) == text) && len > 0;
    let (start, more) = decoded.split_at_checked(16).unwrap_or((decoded, &[]));
    let shown = match readable {
        true => format!("\"{}\"", preview(decoded, 40).0),
        false => format!("{}{}", hex(start), if more.is_empty() { "" } else { " …" }),
    };
    match lang {
        Lang::En => format!("{len} bytes when decoded{wrong}: {shown}"),
        Lang::Zh => format!("解码后 {len} 个字节{wrong}：{shown}"),
    }
}

/// Compares and prints the verdict; `true` where the value is the right one.
///
/// # Errors
/// Those of `out`.
pub fn write_check(
    out: &mut dyn Write,
    key: &[u8],
    accept: &[u8],
    style: &Style,
    lang: Lang,
) -> io::Result<bool> {
    match check(key, accept) {
        AcceptVerdict::Right => {
            let accept = safe_text(accept.trim_ascii());
            writeln!(
                out,
                "{}: {accept} {}",
                style.paint(Role::Ok, "match"),
                lang.pick("is the right accept value for this key", "是这个密钥的正确 Accept 值")
            )?;
            Ok(true)
        }
        AcceptVerdict::Wrong { expected, mistake } => {
            let expect = lang.pick("expected", "应为");
            writeln!(out, "{}: {expect} {expected}", style.paint(Role::Error, "mismatch"))?;
            if let Some(mistake) = mistake {
                writeln!(out, "  {}{}", LIKELY.of(lang), told(mistake, lang))?;
            }
            Ok(false)
        }
    }
}

/// Whether bytes begin like one of a handshake's heads.
#[must_use]
pub fn is_handshake(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    bytes.starts_with(b"GET ") || bytes.starts_with(b"HTTP/")
}

/// Heads of one handshake, in a row.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    /// The request.
    pub request: Option<Head>,
    /// The response, the final one.
    pub response: Option<Head>,
    /// What follows the heads: frames, if it is no white space.
    pub rest: Vec<u8>,
}

/// Reads a request, a response, or both.
///
/// Text that has only LF line ends was typed or pasted, so they count as CRLF; the empty line at the
/// end may be missing.
#[must_use]
pub fn read_heads(bytes: &[u8]) -> Heads {
    let mut bytes = Cow::Borrowed(bytes.trim_ascii_start());
    if !bytes.contains(&b'\r') {
        let ended: Vec<u8> = bytes.split(|&b| b == b'\n').flat_map(|line| [line, b"\r\n"].concat()).collect();
        bytes = Cow::Owned(ended);
    }
    let mut heads = Heads::default();
    let mut rest: &[u8] = &bytes;
    while is_handshake(rest) {
        let begin = rest.trim_ascii_start();
        let kind = if begin.starts_with(b"GET ") { HeadKind::Request } else { HeadKind::Response };
        let limits = HeadLimits::default();
        let (head, after): (_, &[u8]) = match scan(kind, begin, &limits) {
            HeadScan::Done(head, taken) => (head, begin.get(taken..).unwrap_or_default()),
            HeadScan::Need => match scan(kind, &[begin.trim_ascii_end(), b"\r\n\r\n"].concat(), &limits) {
                HeadScan::Done(head, _) => (head, &[]),
                _ => break,
            },
            _ => break,
        };
        let place = match kind {
            HeadKind::Request => &mut heads.request,
            HeadKind::Response => &mut heads.response,
        };
        if place.as_ref().is_some_and(|before| !is_interim(before)) {
            break;
        }
        *place = Some(head);
        rest = after;
    }
    heads.rest = rest.to_vec();
    heads
}

/// Prints what heads say and what they break; `true` where they break nothing.
///
/// # Errors
/// Those of `out`.
pub fn write_heads(out: &mut dyn Write, heads: &Heads, style: &Style, lang: Lang) -> io::Result<bool> {
    let (request, response) = (heads.request.as_ref(), heads.response.as_ref());
    for (name, head, role) in
        [("request ", request, Role::ClientToServer), ("response", response, Role::ServerToClient)]
    {
        if let Some(head) = head {
            let line = preview(head.token(&head.line), 90).0;
            let fields = head.headers.len();
            writeln!(out, " {}   {line}   ({fields} header fields)", style.paint(role, name))?;
        }
    }
    if request.is_none() && response.is_none() {
        writeln!(
            out,
            "{}: {}",
            style.paint(Role::Error, "error"),
            lang.pick(
                "this begins like a handshake but is no HTTP/1 head",
                "开头像握手，但不是 HTTP/1 的首部"
            )
        )?;
        return Ok(false);
    }
    writeln!(out)?;
    let accept = response.and_then(|head| head.value("Sec-WebSocket-Accept"));
    match (request.and_then(|head| head.value("Sec-WebSocket-Key")), accept) {
        (Some(key), accept) => {
            write_steps(out, key, style, lang)?;
            if let Some(accept) = accept {
                write_check(out, key, accept, style, lang)?;
            }
            writeln!(out)?;
        }
        (None, Some(accept)) => {
            writeln!(out, " Sec-WebSocket-Accept: {}", safe_text(accept))?;
            writeln!(
                out,
                " {} wslens handshake --key KEY --accept …\n",
                lang.pick(
                    "to check it, give the request too, or its key:",
                    "要核对它，请连同请求一起给出，或给出密钥："
                )
            )?;
        }
        (None, None) => {}
    }
    let judgements = judgements(request, response);
    for Judgement { rule, side, text, .. } in &judgements {
        let (role, level) = match rule.severity {
            Severity::Error => (Role::Error, "ERROR"),
            Severity::Warning => (Role::Warning, "WARN"),
            Severity::Info => (Role::Note, "INFO"),
        };
        let told = lang.pick("", rule.summary.of(lang));
        writeln!(
            out,
            " {} {} ({}): {told}{}   {}",
            style.paint(role, level),
            rule.code,
            side.sender(),
            safe_str(text),
            style.paint(Role::Dim, rule.reference),
        )?;
    }
    let legal = judgements.iter().all(|j| j.rule.severity != Severity::Error);
    let (role, word) = if legal { (Role::Ok, "yes") } else { (Role::Error, "no") };
    writeln!(out, " legal: {}", style.paint(role, word))?;
    Ok(legal)
}

/// The rules that the heads break, as far as they are there.
pub(super) fn judgements(request: Option<&Head>, response: Option<&Head>) -> Vec<Judgement> {
    match (request, response) {
        (Some(request), None) => judge_request(request),
        (None, Some(response)) => {
            let mut found = judge(None, Some(response)).1;
            let known: Vec<_> = found.iter().map(|j| j.rule.code).collect();
            let syntax = judge_syntax(response, crate::model::Direction::ServerToClient);
            found.extend(syntax.into_iter().filter(|j| !known.contains(&j.rule.code)));
            found
        }
        _ => judge(request, response).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(print: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        print(&mut out);
        String::from_utf8(out).unwrap()
    }

    const REQUEST: &str = "GET /chat HTTP/1.1\nHost: server.example.com\nUpgrade: websocket\nConnection: Upgrade\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n";
    const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n";

    #[test]
    fn the_steps_from_key_to_accept() {
        let text =
            printed(|out| write_steps(out, b"dGhlIHNhbXBsZSBub25jZQ==", &Style::PLAIN, Lang::En).unwrap());
        assert_eq!(
            text,
            " 1 key as sent     dGhlIHNhbXBsZSBub25jZQ==             16 bytes when decoded: \"the sample nonce\"
 2 append GUID     dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11
 3 SHA-1           b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea
 4 base64          s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
"
        );
    }

    #[test]
    fn a_mismatch_names_the_likely_mistake() {
        let accept = b"YzgwZjRlZTcxMThiYTdjNDliYzAyNTdmZmNlN2E5MzBmYzNiYTQ0Mg==";
        let text = printed(|out| {
            assert!(!write_check(out, b"c3SkgVxVCDhVCp69PJFf3A==", accept, &Style::PLAIN, Lang::En).unwrap());
        });
        assert_eq!(
            text,
            "mismatch: expected yA9O5xGLp8SbwCV//OepMPw7pEI=\n  likely mistake: base64 was applied to the \
             40-character hex text of the digest, not to its 20 bytes\n"
        );
    }

    #[test]
    fn a_bad_key_is_said_to_be_bad_and_hashed_anyway() {
        assert_eq!(remark(&steps(b"!!"), Lang::En), "not base64; a key is base64 of 16 bytes");
        assert_eq!(remark(&steps(b"AAEC"), Lang::En), "3 bytes when decoded, must be 16: 00 01 02");
        assert_eq!(check(b"!!", steps(b"!!").accept.as_bytes()), AcceptVerdict::Right);
    }

    #[test]
    fn a_pasted_handshake_is_read_and_judged() {
        for (text, request, response) in [
            (REQUEST.to_owned(), true, false),
            (RESPONSE.to_owned(), false, true),
            (format!("{REQUEST}\n{RESPONSE}\n"), true, true),
            (format!("\n{REQUEST}\n{RESPONSE}").replace('\n', "\r\n"), true, true),
        ] {
            assert!(is_handshake(text.as_bytes()));
            let heads = read_heads(text.as_bytes());
            assert_eq!((heads.request.is_some(), heads.response.is_some()), (request, response), "{text}");
            assert!(heads.rest.trim_ascii().is_empty());
            let shown = printed(|out| assert!(write_heads(out, &heads, &Style::PLAIN, Lang::En).unwrap()));
            assert!(shown.ends_with(" legal: yes\n"), "{shown}");
            assert_eq!(shown.contains("16 bytes when decoded"), request, "{shown}");
            assert_eq!(shown.contains("match: s3pP"), request && response, "{shown}");
        }
        let wrong = read_heads(format!("{REQUEST}\n{}", RESPONSE.replace("s3p", "xxx")).as_bytes());
        let shown = printed(|out| assert!(!write_heads(out, &wrong, &Style::PLAIN, Lang::En).unwrap()));
        assert!(shown.contains("mismatch: expected s3pP") && shown.contains("ERROR bad-accept"), "{shown}");
    }

    #[test]
    fn frames_behind_the_heads_are_left_for_others() {
        let bytes = [RESPONSE.replace('\n', "\r\n").as_bytes(), b"\r\n\x81\x02hi"].concat();
        assert_eq!(read_heads(&bytes).rest, b"\x81\x02hi");
    }

    #[test]
    fn what_only_begins_like_a_head_is_refused() {
        for text in ["GET ", "HTTP/", "GET \0\n\n", "HTTP/1.1 x"] {
            let heads = read_heads(text.as_bytes());
            printed(|out| drop(write_heads(out, &heads, &Style::PLAIN, Lang::En)));
        }
    }
}
