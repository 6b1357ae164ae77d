//! The two heads of a handshake taken apart: lines with marks, the accept value step by step, the outcome.

use std::borrow::Cow;

use super::lines::{absent, is_about_other, line_of, lines};
use crate::explain::handshake::remark;
use crate::explain::words::mistakes::mistake;
use crate::http::accept::{AcceptSteps, accept_for, steps};
use crate::http::{Handshake, Judgement, http2, judge, likely_mistake};
use crate::model::{Accept, Body, Direction, Head, Lang, Severity, safe_str};

/// A mark before a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineMark {
    /// It is as it has to be.
    Right,
    /// It breaks a rule.
    Wrong,
    /// It is suspicious.
    Suspicious,
    /// It is only explained.
    Plain,
}

impl LineMark {
    /// The mark for the worst that is said of a line, of which `checked` tells whether it is judged at all.
    #[must_use]
    pub fn of(severity: Option<Severity>, checked: bool) -> Self {
        match severity {
            Some(Severity::Error) => Self::Wrong,
            Some(Severity::Warning) => Self::Suspicious,
            Some(Severity::Info) => Self::Plain,
            None if checked => Self::Right,
            None => Self::Plain,
        }
    }

    /// Its sign.
    #[must_use]
    pub fn sign(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Right, false) => "✓",
            (Self::Right, true) => "+",
            (Self::Wrong, false) => "✗",
            (Self::Wrong, true) => "x",
            (Self::Suspicious, _) => "!",
            (Self::Plain, false) => "·",
            (Self::Plain, true) => "-",
        }
    }
}

/// A line of a head, explained and judged.
#[derive(Clone, Debug)]
pub struct HeadLine {
    /// The header's name as sent; empty for the first line and for lines that are no header.
    pub name: Vec<u8>,
    /// Its value as sent; empty where the header is absent.
    pub value: Vec<u8>,
    /// Where it begins in the head's bytes; `None` where it is absent.
    pub start: Option<u32>,
    /// What it means. Captured text in it is not yet made safe.
    pub text: Cow<'static, str>,
    /// Where that stands; may be empty.
    pub reference: &'static str,
    /// What its parts mean, each with its reference.
    pub more: Vec<(String, &'static str)>,
    /// The verdict.
    pub mark: LineMark,
    /// The rules that it breaks.
    pub problems: Vec<Judgement>,
}

/// The body of a refusal: what it is, and its lines made safe to show.
#[must_use]
pub fn body_words(body: &Body, lang: Lang) -> (String, Vec<String>) {
    const LINES: usize = 40;
    let len = body.bytes.len();
    let mut title = lang.pick(format!("body: {len} bytes"), format!("正文：{len} 字节"));
    if body.cut {
        title = lang.pick(format!("body: the first {len} bytes"), format!("正文：前 {len} 字节"));
    }
    if !body.decoded.is_empty() {
        let list = body.decoded.join(", ");
        title += &lang.pick(format!(", {list} undone"), format!("，已解除 {list}"));
    }
    if let Some(coding) = &body.encoded {
        title += &lang.pick(format!(", still {coding}"), format!("，仍是 {coding}"));
    }
    let lines = match body.text() {
        Some(text) => text.lines().take(LINES).map(safe_str).map(Cow::into_owned).collect(),
        None => body.bytes.chunks(32).take(4).map(hex::encode).collect(),
    };
    (title, lines)
}

/// Everything that is judged of a handshake.
#[must_use]
pub fn judgements(handshake: &Handshake) -> Vec<Judgement> {
    let (request, response) = (handshake.request.as_deref(), handshake.response.as_deref());
    let mut list = match (request, response) {
        (None, None) => Vec::new(),
        _ if handshake.is_http2 => http2::judge(handshake),
        _ => judge(request, response).1,
    };
    crate::http::complete(handshake, &mut list);
    list
}

/// The lines of one of the heads in the order sent, then headers that should be there; none where it was not
/// captured.
#[must_use]
pub fn head_lines(
    handshake: &Handshake,
    side: Direction,
    judgements: &[Judgement],
    lang: Lang,
) -> Vec<HeadLine> {
    let head = match side {
        Direction::ClientToServer => handshake.request.as_ref(),
        Direction::ServerToClient => handshake.response.as_ref(),
    };
    let Some(head) = head else { return Vec::new() };
    let known = lines(head, side, handshake, lang);
    let mine: Vec<&Judgement> = judgements.iter().filter(|j| j.side == side && !is_about_other(j)).collect();
    let mut out: Vec<HeadLine> = Vec::with_capacity(known.len());
    for (i, line) in known.iter().enumerate() {
        let own: Vec<Judgement> = mine
            .iter()
            .filter(|j| absent(head, j).is_none() && line_of(&known, j) == i)
            .map(|j| (*j).clone())
            .collect();
        out.push(HeadLine {
            name: line.name.to_vec(),
            value: line.value.to_vec(),
            start: Some(line.start),
            text: line.words.text.clone(),
            reference: line.words.reference,
            more: line.more.clone(),
            mark: LineMark::of(own.iter().map(|j| j.rule.severity).max(), line.words.checked),
            problems: own,
        });
    }
    for judgement in mine {
        if let Some(name) = absent(head, judgement) {
            out.push(HeadLine {
                name: name.as_bytes().to_vec(),
                value: Vec::new(),
                start: None,
                text: Cow::Borrowed(""),
                reference: "",
                more: Vec::new(),
                mark: LineMark::Wrong,
                problems: vec![judgement.clone()],
            });
        }
    }
    out
}

/// How `Sec-WebSocket-Accept` comes about, and what was sent.
#[derive(Clone, Debug)]
pub struct AcceptStory {
    /// The steps from the key that was answered, or from the first.
    pub steps: AcceptSteps,
    /// What is odd about the key.
    pub remark: Option<String>,
    /// Each value that was sent, whether it is right, and what probably went wrong where it is not.
    pub sent: Vec<(Vec<u8>, bool, Option<&'static str>)>,
}

/// That the snap length cut a head.
#[must_use]
pub fn cut_words(lang: Lang) -> &'static str {
    lang.pick(
        "handshake cut by the snap length: the other lines are unknown",
        "握手被截断长度切短：其余各行未知",
    )
}

/// Why there is no accept value to compute.
#[must_use]
pub fn no_key_words(request: Option<&Head>, lang: Lang) -> String {
    let why = match request {
        None => lang.pick("the request was not captured", "没有抓到请求"),
        Some(request) if request.cut => lang.pick("the snap length cut the key", "密钥被截断长度切掉了"),
        Some(_) => lang.pick("there is no key", "没有密钥"),
    };
    format!("{why}{}", lang.pick(": nothing to compute it from", "：无从计算"))
}

/// What stands in place of an accept value that the snap length cut.
#[must_use]
pub fn no_accept_words(lang: Lang) -> &'static str {
    lang.pick("cut by the snap length", "被截断长度切掉了")
}

/// The story of a handshake's accept value; `None` where there is no key to compute it from, and inside HTTP/2.
#[must_use]
pub fn accept_story(handshake: &Handshake, lang: Lang) -> Option<AcceptStory> {
    if handshake.is_http2 {
        return None;
    }
    let (request, response) = (handshake.request.as_ref(), handshake.response.as_ref());
    let keys: Vec<&[u8]> = request.into_iter().flat_map(|head| head.values("Sec-WebSocket-Key")).collect();
    let sent: Vec<&[u8]> =
        response.into_iter().flat_map(|head| head.values("Sec-WebSocket-Accept")).collect();
    let is_right = |value: &[u8]| keys.iter().any(|key| accept_for(key).as_bytes() == value);
    let answered = |key: &&&[u8]| sent.iter().any(|value| accept_for(key).as_bytes() == *value);
    let key = keys.iter().find(answered).or(keys.first())?;
    let steps = steps(key);
    let odd = steps.decoded.as_ref().is_none_or(|bytes| bytes.len() != 16);
    let sent = sent.iter().map(|value| {
        let right = is_right(value);
        (
            value.to_vec(),
            right,
            if right { None } else { likely_mistake(key, value).map(|text| mistake(text, lang)) },
        )
    });
    Some(AcceptStory { remark: odd.then(|| remark(&steps, lang)), sent: sent.collect(), steps })
}

/// How a WebSocket is opened inside HTTP/2: what stands in the place of the key and the accept value. `stream`: the one that
/// carries it.
#[must_use]
pub fn http2_story(stream: Option<u32>, lang: Lang) -> Vec<(String, &'static str)> {
    let stream = stream.map_or_else(String::new, |stream| {
        lang.pick(format!(" in stream {stream}"), format!("在流 {stream} 中"))
    });
    vec![
        (
            lang.pick(
                format!("The client asks with an extended CONNECT{stream}; any 2xx status opens the WebSocket."),
                format!("客户端{stream}用扩展 CONNECT 请求；任何 2xx 状态都会打开 WebSocket。"),
            ),
            "RFC 8441 §5",
        ),
        (
            lang.pick(
                "HTTP/2 uses neither Sec-WebSocket-Key nor Sec-WebSocket-Accept: :protocol takes their place.",
                "HTTP/2 不用 Sec-WebSocket-Key 和 Sec-WebSocket-Accept：由 :protocol 代替。",
            )
            .to_owned(),
            "RFC 8441 §5",
        ),
    ]
}

/// What a key is, as far as it can be said: `16 bytes when decoded: …`.
#[must_use]
pub fn key_remark(steps: &AcceptSteps, lang: Lang) -> String {
    remark(steps, lang)
}

/// What a handshake came to, with so many errors and warnings.
#[must_use]
pub fn outcome(handshake: &Handshake, errors: usize, warnings: usize, lang: Lang) -> (LineMark, String) {
    let say = |mark, en: &str, zh: &str| (mark, lang.pick(en, zh).to_owned());
    match (handshake.upgraded, handshake.accept, handshake.status) {
        (true, Accept::Wrong, _) => say(
            LineMark::Wrong,
            "a client has to close it: its Accept is wrong",
            "客户端必须关闭：Accept 不对",
        ),
        (true, Accept::Missing, _) => say(
            LineMark::Wrong,
            "a client has to close it: its Accept is missing",
            "客户端必须关闭：缺少 Accept",
        ),
        (true, ..) if errors > 0 => {
            say(LineMark::Wrong, "opened, but against the rules", "已打开，但违反了规则")
        }
        (true, ..) if warnings > 0 => say(LineMark::Suspicious, "opened", "已打开"),
        (true, ..) => say(LineMark::Right, "opened", "已打开"),
        (false, _, Some(101)) if handshake.is_http2 => say(
            LineMark::Wrong,
            "101 does not exist in HTTP/2: no WebSocket",
            "HTTP/2 没有 101：没有 WebSocket",
        ),
        (false, _, Some(status @ 200..300)) if handshake.is_http2 => (
            LineMark::Suspicious,
            lang.pick(
                format!("{status}, but the request was no extended CONNECT: no WebSocket"),
                format!("回了 {status}，但请求不是扩展 CONNECT：没有 WebSocket"),
            ),
        ),
        (false, _, Some(101)) => {
            say(LineMark::Wrong, "101, but not to WebSocket", "回了 101，但不是换到 WebSocket")
        }
        (false, _, Some(status)) => (
            LineMark::Suspicious,
            match lang {
                Lang::En => format!("refused with {status}: no WebSocket"),
                Lang::Zh => format!("以 {status} 拒绝：没有 WebSocket"),
            },
        ),
        (false, _, None) if handshake.foreign.is_some() => say(
            LineMark::Wrong,
            "the answer is no HTTP/1.1: no WebSocket",
            "回答不是 HTTP/1.1：没有 WebSocket",
        ),
        (false, _, None) => say(LineMark::Suspicious, "no answer: no WebSocket", "没有回答：没有 WebSocket"),
    }
}
