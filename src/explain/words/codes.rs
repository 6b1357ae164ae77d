//! Close codes: RFC 6455 section 7.4, IANA's registry, and the ranges between (section 7.4.2).

use super::{Bilingual, both};

/// A close code, or a range of them, in words.
#[derive(Clone, Copy, Debug)]
pub struct CodeWords {
    /// The first and the last.
    pub range: (u16, u16),
    /// What it says about the connection. The English is that of [`close_code`](crate::ws::close_code).
    pub meaning: Bilingual,
    /// Who sends it and when, or where it is seen.
    pub seen: Bilingual,
    /// What to do.
    pub remedy: Bilingual,
}

/// A code in words: its own row, or that of its range.
#[must_use]
pub fn code_words(code: u16) -> Option<&'static CodeWords> {
    ALL.iter().find(|row| (row.range.0..=row.range.1).contains(&code))
}

const fn row(code: u16, meaning: Bilingual, seen: Bilingual, remedy: Bilingual) -> CodeWords {
    CodeWords { range: (code, code), meaning, seen, remedy }
}

const fn range(first: u16, last: u16, meaning: Bilingual, seen: Bilingual, remedy: Bilingual) -> CodeWords {
    CodeWords { range: (first, last), meaning, seen, remedy }
}

const NEVER_SENT: Bilingual = both(
    "Sending it in a Close frame is a protocol violation; the receiver fails the connection with 1002.",
    "带着它的帧违反规则：接收方以 1002 让连接失败。",
);

/// All rows: first the codes with a name, then the ranges.
pub const ALL: &[CodeWords] = &[
    row(
        1000,
        both("the connection has served its purpose", "连接的目的已经达到"),
        both(
            "Either side, when it is done. socket.close(1000) sends it; without an argument, the Close frame is empty.",
            "任何一方在做完事情后发送。socket.close(1000) 发的就是它；不给码时 Close 为空。",
        ),
        both("Nothing; this is the normal end.", "不用处理：这是正常结束。"),
    ),
    row(
        1001,
        both("a server shuts down, or a browser leaves the page", "服务器要关闭，或浏览器离开了页面"),
        both(
            "A browser when the page is left or reloaded; a server that shuts down.",
            "页面跳转或刷新时由浏览器发送；服务器停机时发送。",
        ),
        both(
            "Nothing. A client connects again if the server went away.",
            "不用处理。服务器停机时，客户端稍后重连。",
        ),
    ),
    row(
        1002,
        both("the other end broke the protocol", "对端违反了协议"),
        both("Who received a frame that breaks the rules.", "收到违规帧的一方发送。"),
        both(
            "Check the last frames of the other direction; `wslens check` reports the violation.",
            "看反方向的最后几个帧：wslens check 会指出哪里违规。",
        ),
    ),
    row(
        1003,
        both("the endpoint received a type of data that it cannot accept", "收到了本端不接受的数据类型"),
        both(
            "An endpoint that accepts only text and received binary data, or the reverse.",
            "只接受文本的一端收到了二进制，或反过来。",
        ),
        both("Send the other type of message: text or binary.", "改用另一种类型：TEXT 或 BINARY。"),
    ),
    row(
        1004,
        both("has no meaning yet; must not be sent", "尚无含义；不得发送"),
        NEVER_SENT,
        both("Use another code.", "换一个关闭码。"),
    ),
    row(
        1005,
        both("no close code was received; must not be sent", "表示 Close 没有带码；不得发送"),
        both(
            "Only in APIs: event.code when the Close had an empty body.",
            "只出现在 API 里：Close 正文为空时的 event.code。",
        ),
        both(
            "Nothing. Give a code to close() if the other end should know why.",
            "不用处理。想让对端知道原因，就给 close() 一个码。",
        ),
    ),
    row(
        1006,
        both(
            "the connection ended without a Close frame; must not be sent",
            "表示连接没有 Close 就结束了；不得发送",
        ),
        both(
            "Only APIs report it: TCP ended without a Close frame, the opening handshake failed, or the network was lost. It is never sent.",
            "只出现在 API 里：TCP 没有 Close 就结束、握手失败，或网络断开。线路上从来没有它。",
        ),
        both(
            "Run `wslens story FILE` to see which side ended TCP and how: by RST or FIN, after an idle timeout, or with a refused handshake. Pings keep idle connections open.",
            "在抓包里看是谁、怎样结束了 TCP：RST、FIN、代理空闲超时、崩溃，还是握手被拒：wslens story FILE 会说出看得到的。用 ping 可以保住空闲连接。",
        ),
    ),
    row(
        1007,
        both(
            "a message does not fit its type, such as text that is not UTF-8",
            "消息与类型不符，例如文本不是 UTF-8",
        ),
        both(
            "The receiver of a text message that is not UTF-8, or of data that cannot be decompressed.",
            "收到不是 UTF-8 的 TEXT 消息，或收到无法解压的数据的一方。",
        ),
        both(
            "Send bytes in binary messages, and do not split a character between two text messages.",
            "字节用 BINARY 发送；不要在字符中间把文本切成两条消息。",
        ),
    ),
    row(
        1008,
        both("a message breaks this end's policy", "消息违反了本端的策略"),
        both(
            "A server, for any kind of refusal: not authenticated, too many messages, not allowed.",
            "通用的拒绝：未登录、消息太多、没有权限。",
        ),
        both("Read the close reason, and check the server's log.", "看关闭原因，并查服务器日志。"),
    ),
    row(
        1009,
        both("a message is too big to be processed", "消息太大，无法处理"),
        both(
            "A receiver with a limit, often 64 KiB or 1 MiB, which may count decompressed bytes.",
            "接收方有上限，常为 1 MiB 或 64 KiB；可能按解压后的字节计算。",
        ),
        both("Send smaller messages, or raise the receiver's limit.", "发小一点的消息，或调高接收方的上限。"),
    ),
    row(
        1010,
        both(
            "the server's response lacks an extension that the client requires",
            "客户端在服务器的回答里没找到所需的扩展",
        ),
        both(
            "Only clients; a server rejects the opening handshake instead.",
            "只由客户端发送：服务器会在握手时直接拒绝。",
        ),
        both(
            "Enable the extension on the server, or do not require it.",
            "在服务器启用该扩展，或不再要求它。",
        ),
    ),
    row(
        1011,
        both("an unexpected condition prevented the endpoint from continuing", "本端遇到意外情况，无法继续"),
        both("Usually a server whose handler threw an error.", "多为服务器的处理程序抛出了错误。"),
        both("See the server's log at that time.", "查看那一刻的服务器日志。"),
    ),
    row(
        1012,
        both("the service restarts; the client may connect again", "服务正在重启；客户端可以重连"),
        both("A server that is being redeployed.", "正在重新部署的服务器。"),
        both("Connect again after 5 to 30 random seconds.", "随机等 5 到 30 秒后重连。"),
    ),
    row(
        1013,
        both("the server is overloaded; the client should come back later", "服务器过载；客户端应稍后再来"),
        both("A server or gateway under load.", "负载过高的服务器或网关。"),
        both("Wait longer with every attempt.", "每次重试都等得更久一些。"),
    ),
    row(
        1014,
        both("a gateway got an invalid answer from the server behind it", "网关从后面的服务器得到了无效回答"),
        both("A gateway or proxy; like HTTP 502.", "网关或代理发送；相当于 HTTP 502。"),
        both("Look at the server behind the gateway.", "检查网关后面的服务器。"),
    ),
    row(
        1015,
        both("stands for a TLS handshake that failed; must not be sent", "表示 TLS 握手失败；不得发送"),
        both(
            "Only in APIs: the certificate was not accepted, for instance.",
            "只出现在 API 里：例如证书不被接受。",
        ),
        both("Check certificate, host name and TLS versions.", "检查证书、主机名和 TLS 版本。"),
    ),
    row(
        3000,
        both("the endpoint must be authorized first", "端点必须先获得授权"),
        both("Like HTTP 401, after the handshake.", "相当于 HTTP 401，但发生在握手之后。"),
        both("Log in, then connect again.", "登录后重新连接。"),
    ),
    row(
        3003,
        both("the endpoint is authorized but lacks the permission", "端点已授权，但没有这个权限"),
        both("Like HTTP 403, after the handshake.", "相当于 HTTP 403，但发生在握手之后。"),
        both("Ask for the permission; connecting again does not help.", "申请权限；重连没有用。"),
    ),
    row(
        3008,
        both("something took too long", "有操作超时"),
        both("An end that waited for an answer; like HTTP 408.", "等回答等得太久的一方；相当于 HTTP 408。"),
        both("See what the other end was busy with.", "看对端当时在忙什么。"),
    ),
    range(
        0,
        999,
        both("below every range; must not be sent", "不在任何范围内（太小）；不得发送"),
        NEVER_SENT,
        both("Use 1000 or 4000-4999.", "用 1000 或 4000-4999。"),
    ),
    range(
        1016,
        2999,
        both("reserved for the protocol and its extensions; must not be sent", "留给协议及其扩展；不得发送"),
        NEVER_SENT,
        both("Use 1000 or 4000-4999.", "用 1000 或 4000-4999。"),
    ),
    range(
        3000,
        3999,
        both("for libraries and frameworks, registered with IANA", "供库和框架使用，在 IANA 登记"),
        both(
            "A library or framework; its documentation tells what it means.",
            "由某个库或框架发送；含义见它的文档。",
        ),
        both(
            "Look it up in IANA's registry and in the library's documentation.",
            "查 IANA 登记表和该库的文档。",
        ),
    ),
    range(
        4000,
        4999,
        both("means what the two applications have agreed on", "含义由两端的应用自行约定"),
        both(
            "The application itself, over close(code, reason).",
            "由应用自己通过 close(code, reason) 发送。",
        ),
        both("Ask who wrote the application.", "问应用的作者。"),
    ),
    range(
        5000,
        u16::MAX,
        both("above every range; must not be sent", "不在任何范围内（太大）；不得发送"),
        NEVER_SENT,
        both("Use 1000 or 4000-4999.", "用 1000 或 4000-4999。"),
    ),
];
