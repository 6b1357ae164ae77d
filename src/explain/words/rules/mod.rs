//! What each finding means, what usually causes it, what to do, and how a peer reacts.

mod capture;
mod frames;
mod handshake;
mod messages;
#[cfg(feature = "tls")]
mod tls;
mod transport;

use super::{Words, w};
use crate::model::{Lang, Rule};

/// A finding in words.
#[derive(Clone, Copy, Debug)]
pub struct RuleWords {
    /// Its code.
    pub code: &'static str,
    /// What it means. The English is the rule's own summary.
    pub summary: Words,
    /// What usually causes it.
    pub causes: Words,
    /// What to do about it.
    pub remedy: Words,
    /// How the other end reacts.
    pub peer: Words,
    /// Bytes that show it, in hex, with what was captured around them told by [`ExampleKind`].
    pub example: Option<Example>,
}

/// Bytes that show a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The bytes in hex, with spaces.
    pub hex: &'static str,
    /// Who sends them, and what was agreed on.
    pub kind: ExampleKind,
}

/// Where example bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleKind {
    /// The client sends them.
    Client,
    /// The server sends them.
    Server,
    /// The server sends them; permessage-deflate was agreed on.
    ServerDeflate,
}

/// The finding with a code in words.
#[must_use]
pub fn rule_words(code: &str) -> Option<&'static RuleWords> {
    all().find(|row| row.code == code)
}

/// All findings in words.
pub fn all() -> impl Iterator<Item = &'static RuleWords> {
    [
        capture::ALL,
        transport::ALL,
        #[cfg(feature = "tls")]
        tls::ALL,
        handshake::ALL,
        frames::ALL,
        messages::ALL,
    ]
    .into_iter()
    .flatten()
}

/// What a rule means, in one line.
#[must_use]
pub fn summary(rule: &'static Rule, lang: Lang) -> &'static str {
    rule_words(rule.code).map_or(rule.summary, |words| words.summary.of(lang))
}

/// The headings of the parts: causes, remedy, peer, example.
pub const HEADINGS: [Words; 4] = [
    w("usual causes", "常见原因"),
    w("what to do", "怎么办"),
    w("how a peer reacts", "对端的反应"),
    w("example", "示例字节"),
];

/// A row without example bytes.
const fn row(code: &'static str, summary: Words, causes: Words, remedy: Words, peer: Words) -> RuleWords {
    RuleWords { code, summary, causes, remedy, peer, example: None }
}

impl RuleWords {
    /// The row with bytes that a client sends.
    const fn client(self, hex: &'static str) -> Self {
        Self { example: Some(Example { hex, kind: ExampleKind::Client }), ..self }
    }

    /// The row with bytes that a server sends.
    const fn server(self, hex: &'static str) -> Self {
        Self { example: Some(Example { hex, kind: ExampleKind::Server }), ..self }
    }

    /// The row with bytes that a server sends where permessage-deflate was agreed on.
    const fn deflate(self, hex: &'static str) -> Self {
        Self { example: Some(Example { hex, kind: ExampleKind::ServerDeflate }), ..self }
    }
}

/// The receiver fails the connection with 1002.
const FAILS: Words = w(
    "The receiver has to fail the connection: it sends Close 1002 (Protocol error), then drops TCP.",
    "接收方必须让连接失败：先发 Close 1002（Protocol error），再断开 TCP。",
);
/// Nobody but the one who captured knows.
const UNSEEN: Words = w(
    "Neither end knows of it: it concerns the capture, not the connection.",
    "两端都不知道这件事：它只关系到抓包，与连接本身无关。",
);
/// TCP deals with it.
const TCP_REPAIRS: Words = w(
    "TCP repairs it below the applications; they see nothing but a delay.",
    "TCP 在应用之下自行修复，应用最多感到一点延迟。",
);
/// A client has to close.
const CLIENT_CLOSES: Words = w(
    "The client has to close the connection and sends no frame; a browser fires error and close (1006).",
    "客户端必须关闭连接，一帧也不发；浏览器会触发 error 和 close（1006）事件。",
);
/// A server refuses.
const SERVER_REFUSES: Words = w(
    "The server should refuse with 400 Bad Request; some answer 101 anyway.",
    "服务器应以 400 Bad Request 拒绝；也有服务器照样回 101。",
);
/// Both applications see 1006.
const SEES_1006: Words = w(
    "The application at the other end sees code 1006: an end without a closing handshake.",
    "对端的应用看到 1006：连接没有经过关闭握手就结束了。",
);
/// Nothing happens.
const IGNORES: Words =
    w("The receiver takes it as it is; nothing follows from it.", "接收方照常接受，不会有别的后果。");
