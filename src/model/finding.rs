//! Rules and what breaks them.

use super::{Bilingual, Direction, Time};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Suspicious or degraded.
    Warning,
    /// The protocol was broken or data is lost.
    Error,
}

impl Severity {
    /// `info`, `warning` or `error`, as in the machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that can be wrong or worth knowing, with all texts about it. Always a `static`, made by
/// [`rules!`](crate::rules).
#[derive(Debug)]
pub struct Rule {
    /// Stable code, for instance `bad-accept`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The section of the standard, for instance `RFC 6455 §5.1`, or `-`.
    pub reference: &'static str,
    /// What a finding means, in one sentence.
    pub summary: Bilingual,
    /// What usually causes it.
    pub causes: Bilingual,
    /// What to do.
    pub remedy: Bilingual,
    /// How the peer reacts.
    pub peer: Bilingual,
    /// Bytes that cause a finding, where a few suffice.
    pub example: Option<Example>,
}

impl Rule {
    /// Returns the causes and what to do, in English.
    #[must_use]
    pub fn advice(&self) -> String {
        format!("{} {}", self.causes.en, self.remedy.en)
    }
}

/// Bytes that cause a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The sender of the bytes and the negotiated extension.
    pub kind: ExampleKind,
    /// The bytes in hex, with spaces.
    pub hex: &'static str,
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

/// Reactions of a peer that several rules have in common.
pub mod peer {
    use crate::model::{Bilingual, both};

    /// The receiver fails the connection with 1002.
    pub const FAILS: Bilingual = both(
        "The receiver must fail the connection: it sends Close 1002 (Protocol error) and drops TCP.",
        "接收方必须让连接失败：先发 Close 1002（Protocol error），再断开 TCP。",
    );
    /// Only the capture is affected.
    pub const UNSEEN: Bilingual = both(
        "None; this affects only the capture, not the connection.",
        "没有反应：它只影响抓包，与连接本身无关。",
    );
    /// TCP recovers.
    pub const TCP_REPAIRS: Bilingual = both(
        "TCP recovers; applications notice only a delay.",
        "TCP 在应用之下自行修复，应用最多感到一点延迟。",
    );
    /// The client must close.
    pub const CLIENT_CLOSES: Bilingual = both(
        "The client must close the connection without sending a frame; a browser fires error and close (1006).",
        "客户端必须关闭连接，一帧也不发；浏览器会触发 error 和 close（1006）事件。",
    );
    /// The server should refuse.
    pub const SERVER_REFUSES: Bilingual = both(
        "The server should respond with 400 Bad Request; some respond with 101 anyway.",
        "服务器应以 400 Bad Request 拒绝；也有服务器照样回 101。",
    );
    /// Both applications see 1006.
    pub const SEES_1006: Bilingual = both(
        "The application sees close code 1006, which means an end without a closing handshake.",
        "对端的应用看到 1006：连接没有经过关闭握手就结束了。",
    );
    /// Nothing happens.
    pub const IGNORES: Bilingual =
        both("The receiver accepts it; there are no consequences.", "接收方照常接受，没有其他后果。");
}

impl PartialEq for &'static Rule {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq::<Rule>(*self, *other)
    }
}

/// Declares the rules of a room: one `pub static` each, and `ALL`, the list of them.
#[macro_export]
macro_rules! rules {
    ($($name:ident = $code:literal $severity:ident $reference:literal {
        summary: $en:literal, $zh:literal;
        causes: $causes:expr;
        remedy: $remedy:expr;
        peer: $peer:expr;
        $(example: $kind:ident $hex:literal;)?
    })*) => {
        $(
            #[doc = $en]
            pub static $name: $crate::model::Rule = $crate::model::Rule {
                code: $code,
                severity: $crate::model::Severity::$severity,
                reference: $reference,
                summary: $crate::model::both($en, $zh),
                causes: $causes,
                remedy: $remedy,
                peer: $peer,
                example: $crate::rules!(@example $($kind $hex)?),
            };
        )*
        /// Every rule of this room.
        pub static ALL: &[&$crate::model::Rule] = &[$(&$name),*];
    };
    (@example) => { None };
    (@example $kind:ident $hex:literal) => {
        Some($crate::model::Example { kind: $crate::model::ExampleKind::$kind, hex: $hex })
    };
}

/// A rule broken at a place.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was broken.
    pub rule: &'static Rule,
    /// Who sent it; `None` where it concerns both or neither.
    pub direction: Option<Direction>,
    /// Packet at which it was seen; 0 where there is none.
    pub packet: u64,
    /// Time of that packet.
    pub time: Time,
    /// Frame number in the connection.
    pub frame: Option<u64>,
    /// Message number in the connection.
    pub message: Option<u64>,
    /// Offset in the direction's TCP stream.
    pub offset: Option<u64>,
    /// One sentence with the values.
    pub text: String,
}
