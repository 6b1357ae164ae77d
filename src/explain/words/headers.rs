//! Headers of the opening handshake: what a line says in the request, in a 101, in a refusal.

use super::{Bilingual, both};

/// In an upgrade request.
pub const REQUEST: u8 = 1;
/// In a 101.
pub const ANSWER: u8 = 2;
/// In any other response.
pub const REFUSAL: u8 = 4;
/// In an extended CONNECT of HTTP/2.
pub const H2_REQUEST: u8 = 8;
/// In a response to it that opens the WebSocket.
pub const H2_ANSWER: u8 = 16;
/// In any other response to it.
pub const H2_REFUSAL: u8 = 32;
const H2_RESPONSE: u8 = H2_ANSWER | H2_REFUSAL;
const H2_ANY: u8 = H2_REQUEST | H2_RESPONSE;
const RESPONSE: u8 = ANSWER | REFUSAL;
const ANY: u8 = REQUEST | RESPONSE;

/// Most columns that a header's line of words takes.
pub const COLUMNS: usize = 48;

/// What a header says in some of the heads.
#[derive(Clone, Copy, Debug)]
pub struct HeaderWords {
    /// Its name.
    pub name: &'static str,
    /// In which heads, a bit each.
    pub heads: u8,
    /// Whether it is among what is judged there.
    pub checked: bool,
    /// What it says.
    pub words: Bilingual,
    /// Where that stands; may be empty.
    pub reference: &'static str,
}

/// What a header means in a head. A header that HTTP/2 does not change has the words of HTTP/1.1.
#[must_use]
pub fn header_words(name: &[u8], head: u8) -> Option<&'static HeaderWords> {
    let find = |rows: &'static [HeaderWords], head: u8| {
        rows.iter().find(|row| row.heads & head != 0 && name.eq_ignore_ascii_case(row.name.as_bytes()))
    };
    match head {
        H2_REQUEST => find(HTTP2, head).or_else(|| find(ALL, REQUEST)),
        H2_ANSWER | H2_REFUSAL => find(HTTP2, head).or_else(|| find(ALL, REFUSAL)),
        _ => find(ALL, head),
    }
}

const fn seen(name: &'static str, heads: u8, words: Bilingual, reference: &'static str) -> HeaderWords {
    HeaderWords { name, heads, checked: false, words, reference }
}

const fn judged(name: &'static str, heads: u8, words: Bilingual, reference: &'static str) -> HeaderWords {
    HeaderWords { name, heads, checked: true, words, reference }
}

/// All rows; the first that fits counts.
#[rustfmt::skip]
pub const ALL: &[HeaderWords] = &[
    judged("Host", REQUEST, both("the host, and the port unless default", "要访问的主机；端口不是默认值时也写上"), "RFC 6455 §4.1 item 4"),
    judged("Upgrade", REQUEST, both("asks to change the protocol on this connection", "请求在这条连接上换用另一种协议"), "RFC 6455 §4.1 item 5"),
    judged("Connection", REQUEST, both("Upgrade is for the next hop: proxies look here", "Upgrade 只对下一跳有效：代理看这里"), "RFC 6455 §4.1 item 6"),
    judged("Sec-WebSocket-Key", REQUEST, both("base64 of 16 random bytes: a nonce, no secret", "16 个随机字节的 base64：一次性的数，不是秘密"), "RFC 6455 §4.1 item 7"),
    judged("Sec-WebSocket-Version", REQUEST, both("13 is the version that RFC 6455 defines", "13 是 RFC 6455 定义的版本"), "RFC 6455 §4.1 item 9"),
    seen("Origin", REQUEST, both("the page that opens it; the server has to check", "打开连接的网页来源；服务器必须检查"), "RFC 6455 §10.2"),
    seen("Sec-WebSocket-Protocol", REQUEST, both("subprotocols on offer, the preferred first", "客户端提供的子协议，最想用的在前"), "RFC 6455 §4.1 item 10"),
    judged("Sec-WebSocket-Extensions", REQUEST, both("offered extensions, in order of preference", "客户端提供的扩展，最想用的在前"), "RFC 6455 §4.1 item 11"),
    judged("Upgrade", ANSWER, both("switches to the requested protocol", "同意换用所请求的协议"), "RFC 6455 §4.2.2 item 5.2"),
    judged("Connection", ANSWER, both("confirms the upgrade for this hop", "在这一跳上同意"), "RFC 6455 §4.2.2 item 5.3"),
    judged("Sec-WebSocket-Accept", ANSWER, both("proves that the server supports WebSocket", "证明服务器懂得 WebSocket：见下文"), "RFC 6455 §4.2.2 item 5.4"),
    judged("Sec-WebSocket-Protocol", ANSWER, both("the subprotocol that the server selected", "服务器选定的子协议"), "RFC 6455 §4.2.2 item 5.5"),
    judged("Sec-WebSocket-Extensions", ANSWER, both("the negotiated extensions", "从这里起启用的扩展"), "RFC 6455 §4.2.2 item 5.6"),
    seen("Sec-WebSocket-Version", RESPONSE, both("the versions that the server supports", "服务器支持的版本"), "RFC 6455 §4.4"),
    seen("Sec-WebSocket-Accept", REFUSAL, both("has no meaning without a 101", "没有 101，它就没有意义"), "RFC 6455 §4.1"),
    seen("Upgrade", REFUSAL, both("protocols that the server supports instead", "服务器可以改用的协议"), "RFC 9110 §7.8"),
    seen("Connection", ANY, both("for this hop only; close: the connection ends", "只对这一跳有效；close 表示用完就断开"), "RFC 9110 §7.6.1"),
    seen("Sec-WebSocket-Key1", REQUEST, both("from the obsolete draft hixie-76 (2010)", "2010 年草案（hixie-76）的头，早已不用"), ""),
    seen("Sec-WebSocket-Key2", REQUEST, both("from the obsolete draft hixie-76 (2010)", "2010 年草案（hixie-76）的头，早已不用"), ""),
    seen("Sec-WebSocket-Origin", ANY, both("from drafts before RFC 6455, now Origin", "RFC 6455 之前草案的头；现在是 Origin"), ""),
    seen("Cookie", REQUEST, both("often identifies the user, as in other requests", "与普通 HTTP 请求一样：常用来认出用户"), "RFC 6455 §10.5"),
    seen("Authorization", REQUEST, both("credentials, as in any HTTP request", "登录凭据，与普通 HTTP 请求一样"), "RFC 6455 §10.5"),
    seen("Proxy-Authorization", REQUEST, both("credentials for the proxy", "给代理的登录凭据"), "RFC 9110 §11.7.2"),
    seen("User-Agent", REQUEST, both("the client's software", "客户端软件"), "RFC 9110 §10.1.5"),
    seen("Referer", REQUEST, both("the page that it comes from", "请求来自哪个页面"), "RFC 9110 §10.1.3"),
    seen("Accept", REQUEST, both("media types, not relevant here", "可接受的媒体类型，在这里没有意义"), "RFC 9110 §12.5.1"),
    seen("Accept-Encoding", REQUEST, both("applies to HTTP bodies, not to frames", "针对 HTTP 正文，与帧无关"), "RFC 9110 §12.5.3"),
    seen("Accept-Language", REQUEST, both("the user's languages", "用户的语言"), "RFC 9110 §12.5.4"),
    seen("X-Forwarded-For", REQUEST, both("added by a proxy: the client's address", "代理添加：客户端的地址"), ""),
    seen("X-Forwarded-Proto", REQUEST, both("added by a proxy: http or https before it", "代理添加：代理之前用的是 http 还是 https"), ""),
    seen("Forwarded", REQUEST, both("added by a proxy: the client before it", "代理添加：代理之前的情况"), "RFC 7239 §4"),
    seen("Cache-Control", ANY, both("for caches on the way", "给途中的缓存看"), "RFC 9111 §5.2"),
    seen("Pragma", ANY, both("for old caches on the way", "给途中的旧缓存看"), "RFC 9111 §5.4"),
    seen("Via", ANY, both("added by each proxy on the path", "代理添加：经过了这里"), "RFC 9110 §7.6.3"),
    seen("Date", ANY, both("the sender's clock", "发送方的时钟"), "RFC 9110 §6.6.1"),
    seen("Server", RESPONSE, both("the server's software", "服务器软件"), "RFC 9110 §10.2.4"),
    seen("Set-Cookie", RESPONSE, both("to be sent with later requests", "以后的请求要带上它"), "RFC 6265 §4.1"),
    seen("Location", RESPONSE, both("another URL to request; browsers do not follow", "应改访问的地址；浏览器不会跟随"), "RFC 9110 §10.2.2"),
    seen("WWW-Authenticate", RESPONSE, both("how to log in", "登录的方式"), "RFC 9110 §11.6.1"),
    seen("Proxy-Authenticate", RESPONSE, both("how to log in to the proxy", "登录代理的方式"), "RFC 9110 §11.7.1"),
    seen("Retry-After", RESPONSE, both("how long to wait", "要等多久再试"), "RFC 9110 §10.2.3"),
    seen("Allow", RESPONSE, both("methods that are allowed here", "这里允许的方法"), "RFC 9110 §10.2.1"),
    seen("Content-Type", ANY, both("what the body is", "正文的类型"), "RFC 9110 §8.3"),
    seen("Content-Length", ANY, both("the body's length in bytes", "正文的字节数"), "RFC 9110 §8.6"),
    seen("Transfer-Encoding", ANY, both("how the body is encoded in chunks", "正文如何分块"), "RFC 9112 §6.1"),
];

/// Fields of a handshake inside HTTP/2 that mean something else there, or do not exist in HTTP/1.1.
#[rustfmt::skip]
pub const HTTP2: &[HeaderWords] = &[
    judged(":method", H2_REQUEST, both("CONNECT: this stream becomes a tunnel", "CONNECT：这个流成为隧道"), "RFC 8441 §4"),
    judged(":protocol", H2_REQUEST, both("what the tunnel carries: a WebSocket", "隧道里的协议：WebSocket"), "RFC 8441 §4, §5"),
    judged(":scheme", H2_REQUEST, both("http for ws://, https for wss://", "ws:// 写作 http，wss:// 写作 https"), "RFC 8441 §5"),
    judged(":path", H2_REQUEST, both("path and query of the URL", "URL 的路径和查询部分"), "RFC 8441 §4"),
    judged(":authority", H2_REQUEST, both("the host, and the port unless default", "要访问的主机；端口不是默认值时也写上"), "RFC 8441 §4"),
    judged(":status", H2_ANSWER, both("2xx: the server accepts", "2xx：服务器同意"), "RFC 8441 §5"),
    seen(":status", H2_REFUSAL, both("the server refuses", "服务器没有同意"), "RFC 8441 §5"),
    judged("Sec-WebSocket-Version", H2_REQUEST, both("13 is the version that RFC 6455 defines", "13 是 RFC 6455 定义的版本"), "RFC 8441 §5"),
    judged("Sec-WebSocket-Extensions", H2_REQUEST, both("offered extensions, in order of preference", "客户端提供的扩展，最想用的在前"), "RFC 8441 §5"),
    judged("Sec-WebSocket-Protocol", H2_ANSWER, both("the subprotocol that the server selected", "服务器选定的子协议"), "RFC 8441 §5"),
    judged("Sec-WebSocket-Extensions", H2_ANSWER, both("the negotiated extensions", "从这里起启用的扩展"), "RFC 8441 §5"),
    seen("Sec-WebSocket-Key", H2_REQUEST, both("not used in HTTP/2; see :protocol", "HTTP/2 中不用它：由 :protocol 代替"), "RFC 8441 §5"),
    seen("Sec-WebSocket-Accept", H2_RESPONSE, both("not used in HTTP/2; see :status", "HTTP/2 中不用它：由 :status 回答"), "RFC 8441 §5"),
    seen("Host", H2_REQUEST, both("in HTTP/2 :authority names the host", "HTTP/2 中由 :authority 写明主机"), "RFC 9113 §8.3.1"),
    judged("Upgrade", H2_ANY, both("not allowed in HTTP/2", "HTTP/2 不允许"), "RFC 9113 §8.2.2"),
    judged("Connection", H2_ANY, both("not allowed in HTTP/2", "HTTP/2 不允许"), "RFC 9113 §8.2.2"),
    judged("Keep-Alive", H2_ANY, both("not allowed in HTTP/2", "HTTP/2 不允许"), "RFC 9113 §8.2.2"),
    judged("Proxy-Connection", H2_ANY, both("not allowed in HTTP/2", "HTTP/2 不允许"), "RFC 9113 §8.2.2"),
    judged("Transfer-Encoding", H2_ANY, both("not allowed in HTTP/2", "HTTP/2 不允许"), "RFC 9113 §8.2.2"),
];

/// What is said of a header that has no row.
pub const OTHER: Bilingual = both("not part of the opening handshake", "不属于 WebSocket 握手");
/// What is added where the other head is not there to compare with.
pub const NOT_CHECKED: Bilingual = both("; not checked", "；未核对");
/// What an offer of permessage-deflate alone says.
pub const OFFERS_DEFLATE: Bilingual = both("offers to compress messages", "提出压缩消息");
/// What is said of a line that is no header.
pub const NO_HEADER: Bilingual = both("not a header; ignored", "不是首部，忽略");

/// The words for a field of HTTP/2 that refers to a part of the compression table that was not captured.
pub const UNKNOWN_FIELD: Bilingual =
    both("a field that only earlier packets define", "只有更早的数据包才定义了的字段");

/// What the first line of a head says: request, 101, refusal; in HTTP/2, which has no such lines: request, 2xx, refusal.
pub const START_LINES: [(Bilingual, &str); 6] = [
    (both("GET, path, at least HTTP/1.1", "GET、路径、至少 HTTP/1.1"), "RFC 6455 §4.1 items 2, 3"),
    (both("WebSocket frames follow", "之后是 WebSocket 帧"), "RFC 6455 §4.2.2 item 5.1"),
    (
        both("no WebSocket; the connection continues with HTTP", "没有 WebSocket：连接仍是 HTTP"),
        "RFC 6455 §4.2.2",
    ),
    (both("a HEADERS frame: the extended CONNECT request", "HEADERS 帧：扩展 CONNECT 请求"), "RFC 8441 §4"),
    (
        both("a HEADERS frame; WebSocket frames in DATA follow", "HEADERS 帧；随后 DATA 里是 WebSocket 帧"),
        "RFC 8441 §5",
    ),
    (
        both("a HEADERS frame: no WebSocket in this stream", "HEADERS 帧：这个流里没有 WebSocket"),
        "RFC 8441 §5",
    ),
];

/// permessage-deflate's parameters: name, what an offer says with it, where.
pub const PARAMETERS: &[(&str, Bilingual, &str)] = &[
    (
        "server_no_context_takeover",
        both("the server resets its window before each message", "服务器在每条消息之前清空窗口"),
        "RFC 7692 §7.1.1.1",
    ),
    (
        "client_no_context_takeover",
        both("the client resets its window before each message", "客户端在每条消息之前清空窗口"),
        "RFC 7692 §7.1.1.2",
    ),
    (
        "server_max_window_bits",
        both("maximum size of the server's window", "服务器的窗口不得更大"),
        "RFC 7692 §7.1.2.1",
    ),
    (
        "client_max_window_bits",
        both("the server may limit the client's window", "服务器可以要求客户端用更小的窗口"),
        "RFC 7692 §7.1.2.2",
    ),
];

/// More about the headers that make the handshake.
pub const LONG: &[(&str, Bilingual)] = &[
    (
        "Upgrade",
        both(
            "The request asks for `websocket`, the 101 agrees. It concerns one hop: a proxy in between has to be told to pass it on, else it drops it and the server sees plain HTTP.",
            "请求要求 `websocket`，101 表示同意。它只对一跳有效：中间的代理要经过配置才会转发，否则会丢掉它，服务器看到的就是普通 HTTP。",
        ),
    ),
    (
        "Connection",
        both(
            "Has to hold the token `Upgrade`, in the request and in the 101, perhaps among others such as keep-alive. It names the headers that are for this hop only.",
            "请求和 101 里都必须含有 `Upgrade`，可以与 keep-alive 等并列。它列出只对这一跳有效的头。",
        ),
    ),
    (
        "Sec-WebSocket-Key",
        both(
            "16 random bytes in base64, new for each connection: 24 characters that end in ==. The server shows with Sec-WebSocket-Accept that it read them. Scripts cannot set headers that begin with Sec-, so a page cannot forge an upgrade with plain HTTP requests. It is no password.",
            "16 个随机字节的 base64，每条连接都换新：24 个字符，以 == 结尾。服务器用 Sec-WebSocket-Accept 证明读到了它。脚本不能设置以 Sec- 开头的头，所以网页无法用普通 HTTP 请求伪造升级。它不是密码。",
        ),
    ),
    (
        "Sec-WebSocket-Accept",
        both(
            "base64(SHA-1(key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11)). The key is taken as text, as it was sent. It proves that the answer comes from a server that speaks WebSocket, and is no old one out of a cache; it proves nothing about who the server is.",
            "base64(SHA-1(密钥 + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11))。密钥按发送时的文本使用，不解码。它证明回答来自懂 WebSocket 的服务器，而不是缓存里的旧回答；它不证明服务器是谁。",
        ),
    ),
    (
        "Sec-WebSocket-Version",
        both(
            "13 in every request of today. A server that does not know the version answers 426 with the versions that it knows.",
            "如今的请求都是 13。不认识该版本的服务器回 426，并列出它支持的版本。",
        ),
    ),
    (
        "Sec-WebSocket-Protocol",
        both(
            "Subprotocols say what the messages mean, such as mqtt or graphql-transport-ws. The client offers a list, the server answers with one of them or leaves the header out; with another name the client closes.",
            "子协议规定消息的含义，例如 mqtt 或 graphql-transport-ws。客户端给出一个列表，服务器从中选一个，或者不发这个首部；若选了别的，客户端会关闭连接。",
        ),
    ),
    (
        "Sec-WebSocket-Extensions",
        both(
            "Extensions change frames. permessage-deflate (RFC 7692) compresses messages and marks them with RSV1; its parameters bound the window and tell whether it is emptied before each message.",
            "扩展会改变帧。permessage-deflate（RFC 7692）压缩消息，并用 RSV1 标出；它的参数限定窗口大小，并说明是否在每条消息之前清空窗口。",
        ),
    ),
    (
        "Origin",
        both(
            "Browsers send the page's scheme, host and port. There is no same-origin rule for WebSocket, so any page may open a connection with the user's cookies: the server has to check Origin, or it can be abused (cross-site WebSocket hijacking). Programs that are no browsers can send anything here.",
            "浏览器在这里写明网页的协议、主机和端口。WebSocket 没有同源限制，任何网页都能带着用户的 Cookie 打开连接：服务器必须检查 Origin，否则会被利用（跨站 WebSocket 劫持）。浏览器以外的程序可以随便填。",
        ),
    ),
    (
        "Host",
        both(
            "Names the host that is meant, with the port unless it is 80 for ws:// or 443 for wss://. Several sites on one address are told apart by it.",
            "写明要访问的主机；ws:// 的 80 和 wss:// 的 443 端口可以省略。同一地址上的多个站点靠它区分。",
        ),
    ),
];
