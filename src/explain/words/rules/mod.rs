//! What each finding means, what usually causes it, what to do, and how a peer reacts.

mod capture;
mod frames;
mod handshake;
mod http2;
mod messages;
#[cfg(feature = "tls")]
mod tls;
mod transport;

use super::{Bilingual, both};
use crate::model::{Lang, Rule};

/// The explanation of a rule in both languages.
#[derive(Clone, Copy, Debug)]
pub struct RuleWords {
    /// The code of the rule.
    pub code: &'static str,
    /// What the finding means. The English text equals the rule's summary.
    pub summary: Bilingual,
    /// What usually causes it.
    pub causes: Bilingual,
    /// What to do.
    pub remedy: Bilingual,
    /// How the peer reacts.
    pub peer: Bilingual,
    /// Example bytes that trigger the finding.
    pub example: Option<Example>,
}

/// Example bytes that trigger a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The bytes in hex, with spaces.
    pub hex: &'static str,
    /// The sender of the bytes and the negotiated extension.
    pub kind: ExampleKind,
}

/// The sender of example bytes and the negotiated extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleKind {
    /// The client sends them.
    Client,
    /// The server sends them.
    Server,
    /// The server sends them; permessage-deflate was negotiated.
    ServerDeflate,
}

/// Returns the explanation of the rule with this code.
#[must_use]
pub fn rule_words(code: &str) -> Option<&'static RuleWords> {
    all().find(|row| row.code == code)
}

/// Iterates over the explanations of all rules.
pub fn all() -> impl Iterator<Item = &'static RuleWords> {
    let rooms: &[&[RuleWords]] = &[
        capture::ALL,
        transport::ALL,
        #[cfg(feature = "tls")]
        tls::ALL,
        handshake::ALL,
        http2::ALL,
        frames::ALL,
        messages::ALL,
    ];
    rooms.iter().copied().flatten()
}

/// Returns the summary of a rule in one sentence.
#[must_use]
pub fn summary(rule: &'static Rule, lang: Lang) -> &'static str {
    rule_words(rule.code).map_or(rule.summary, |words| words.summary.of(lang))
}

/// The headings of the parts: causes, remedy, peer, example.
pub const HEADINGS: [Bilingual; 4] = [
    both("usual causes", "常见原因"),
    both("what to do", "怎么办"),
    both("how a peer reacts", "对端的反应"),
    both("example", "示例字节"),
];

/// A row without example bytes.
const fn row(
    code: &'static str,
    summary: Bilingual,
    causes: Bilingual,
    remedy: Bilingual,
    peer: Bilingual,
) -> RuleWords {
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

    /// The row with bytes that a server sends where permessage-deflate was negotiated.
    const fn deflate(self, hex: &'static str) -> Self {
        Self { example: Some(Example { hex, kind: ExampleKind::ServerDeflate }), ..self }
    }
}

/// The receiver fails the connection with 1002.
const FAILS: Bilingual = both(
    "The receiver must fail the connection: it sends Close 1002 (Protocol error) and drops TCP.",
    "接收方必须让连接失败：先发 Close 1002（Protocol error），再断开 TCP。",
);
/// Nobody but the one who captured knows.
const UNSEEN: Bilingual = both(
    "None; this affects only the capture, not the connection.",
    "没有反应：它只影响抓包，与连接本身无关。",
);
/// TCP deals with it.
const TCP_REPAIRS: Bilingual =
    both("TCP recovers; applications notice only a delay.", "TCP 在应用之下自行修复，应用最多感到一点延迟。");
/// A client has to close.
const CLIENT_CLOSES: Bilingual = both(
    "The client must close the connection without sending a frame; a browser fires error and close (1006).",
    "客户端必须关闭连接，一帧也不发；浏览器会触发 error 和 close（1006）事件。",
);
/// A server refuses.
const SERVER_REFUSES: Bilingual = both(
    "The server should respond with 400 Bad Request; some respond with 101 anyway.",
    "服务器应以 400 Bad Request 拒绝；也有服务器照样回 101。",
);
/// Both applications see 1006.
const SEES_1006: Bilingual = both(
    "The application sees close code 1006, which means an end without a closing handshake.",
    "对端的应用看到 1006：连接没有经过关闭握手就结束了。",
);
/// Nothing happens.
const IGNORES: Bilingual =
    both("The receiver accepts it; there are no consequences.", "接收方照常接受，没有其他后果。");
