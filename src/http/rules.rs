//! What can be wrong, or worth knowing, about an opening handshake.

use crate::model::{both, peer};

crate::rules! {
    REQUEST_METHOD_NOT_GET = "request-method-not-get" Error "RFC 6455 §4.1 item 2" {
        summary: "The upgrade request does not use the method GET.",
            "升级请求用的方法不是 GET。";
        causes: both("The client is hand-written, or a proxy rewrote the request.", "手写的客户端，或代理改写了请求。");
        remedy: both(
            "Use GET, the only method that opens a WebSocket over HTTP/1.1, and send data in frames after the 101.",
            "在 HTTP/1.1 上只能用 GET 打开 WebSocket；请改用 GET，数据放到 101 之后的帧里。",
        );
        peer: peer::SERVER_REFUSES;
    }

    REQUEST_HTTP_VERSION_TOO_LOW = "request-http-version-too-low" Error "RFC 6455 §4.1 item 2" {
        summary: "The upgrade request uses a version below HTTP/1.1.",
            "升级请求的版本低于 HTTP/1.1。";
        causes: both(
            "Often a reverse proxy uses HTTP/1.0 for its backend (nginx without `proxy_http_version 1.1`).",
            "常见于反向代理用 1.0 与后端通信（nginx 没有设置 `proxy_http_version 1.1`）。",
        );
        remedy: both("Configure the proxy to use HTTP/1.1 for the server.", "让代理用 HTTP/1.1 与服务器通信。");
        peer: both(
            "HTTP/1.0 has no Upgrade, so the server responds as to any HTTP request.",
            "HTTP/1.0 没有 Upgrade，服务器只当作普通 HTTP 请求来回答。",
        );
    }

    REQUEST_MISSING = "request-missing" Warning "-" {
        summary: "A 101 response was captured without its request.",
            "有 101 响应，却没有抓到请求。";
        causes: both("The capture began too late, or contains only one direction.", "抓包开始得太晚，或只抓到一个方向。");
        remedy: both(
            "Start the capture before the client connects. Without the request, wslens cannot check the accept value, the offers and the URL.",
            "在客户端连接之前开始抓包。没有请求就无法核对 Accept 值、提供的选项和 URL。",
        );
        peer: peer::UNSEEN;
    }

    MISSING_HOST_HEADER = "missing-host-header" Error "RFC 6455 §4.1 item 4" {
        summary: "The request has no Host header.",
            "请求没有 Host 首部。";
        causes: both("Usually the client is hand-written.", "通常是手写的客户端。");
        remedy: both(
            "Add a Host header, with the port unless it is 80 or 443; every HTTP/1.1 request needs one.",
            "每个 HTTP/1.1 请求都要写明主机：加上 Host，端口不是 80 或 443 时也要写。",
        );
        peer: both("Servers respond with 400 Bad Request.", "服务器回 400 Bad Request。");
    }

    MISSING_UPGRADE_HEADER = "missing-upgrade-header" Error "RFC 6455 §4.1 item 5, §4.2.2" {
        summary: "The request or the response has no 'Upgrade: websocket' header.",
            "没有 'Upgrade: websocket'（请求或响应）。";
        causes: both(
            "Upgrade applies to a single hop, so a proxy removes it unless it is configured to forward it.",
            "Upgrade 只对一跳有效，没有配置转发它的代理会把它丢掉。",
        );
        remedy: both(
            "Configure the proxy for WebSocket, or use wss:// so that the proxy cannot change the request.",
            "给代理配置 WebSocket 支持，或用 wss:// 绕开它。",
        );
        peer: both(
            "Without it in the request, the server responds as to any HTTP request, or with 426. Without it in the 101, the client must close the connection.",
            "在请求中缺少：服务器按普通 HTTP 回答，或回 426。在 101 中缺少：客户端必须关闭。",
        );
    }

    MISSING_CONNECTION_UPGRADE = "missing-connection-upgrade" Error "RFC 6455 §4.1 item 6, §4.2.2" {
        summary: "The Connection header of the request or the response lacks the token 'upgrade'.",
            "Connection 首部里没有 'upgrade'（请求或响应）。";
        causes: both(
            "Usually a reverse proxy changed Connection to `close` or `keep-alive`.",
            "通常是反向代理把 Connection 改成了 `close` 或 `keep-alive`。",
        );
        remedy: both(
            "Configure the proxy to send `Connection: upgrade` with WebSocket requests.",
            "让代理对 WebSocket 请求发送 `Connection: upgrade`。",
        );
        peer: both(
            "Without it in the request, the server does not upgrade. Without it in the 101, the client must close the connection.",
            "在请求中缺少：服务器不会升级。在 101 中缺少：客户端必须关闭。",
        );
    }

    MISSING_KEY = "missing-key" Error "RFC 6455 §4.1 item 7" {
        summary: "The request has no Sec-WebSocket-Key.",
            "没有 Sec-WebSocket-Key。";
        causes: both(
            "The client is hand-written or a plain HTTP client, or a proxy removes unknown headers.",
            "手写的客户端、普通 HTTP 客户端，或代理过滤了不认识的首部。",
        );
        remedy: both(
            "Send 16 random bytes in base64; the response to them proves that the server understands the handshake.",
            "发送 16 个随机字节的 base64：服务器的响应证明服务器懂得这个握手。",
        );
        peer: peer::SERVER_REFUSES;
    }

    INVALID_KEY = "invalid-key" Error "RFC 6455 §4.1 item 7" {
        summary: "Sec-WebSocket-Key is not 16 bytes in base64.",
            "Sec-WebSocket-Key 不是 16 个字节的 base64。";
        causes: both(
            "The key was typed by hand, truncated, encoded in hex, or encoded without padding.",
            "Key 是手工输入的、被截短、用了十六进制，或缺少填充。",
        );
        remedy: both(
            "Encode 16 random bytes with padding: 24 characters that end in `==`.",
            "取 16 个随机字节，编码时带填充：24 个字符，以 `==` 结尾。",
        );
        peer: peer::SERVER_REFUSES;
    }

    DUPLICATE_KEY = "duplicate-key" Error "RFC 6455 §11.3.1" {
        summary: "The request has more than one Sec-WebSocket-Key.",
            "Sec-WebSocket-Key 出现了不止一次。";
        causes: both("The client and a proxy may each have added one.", "客户端和代理可能各加了一个。");
        remedy: both("Send exactly one.", "只发一个。");
        peer: both(
            "The server hashes one of them, and the client may expect the hash of the other.",
            "服务器只对其中一个做散列，客户端等的却可能是另一个的结果。",
        );
    }

    MISSING_VERSION = "missing-version" Error "RFC 6455 §4.1 item 9" {
        summary: "The request has no Sec-WebSocket-Version.",
            "没有 Sec-WebSocket-Version。";
        causes: both(
            "The client implements a draft older than RFC 6455, or is hand-written.",
            "RFC 6455 之前草案的客户端，以及许多手写的客户端。",
        );
        remedy: both("Send `Sec-WebSocket-Version: 13`.", "发送 `Sec-WebSocket-Version: 13`。");
        peer: peer::SERVER_REFUSES;
    }

    UNSUPPORTED_VERSION = "unsupported-version" Warning "RFC 6455 §4.4" {
        summary: "Sec-WebSocket-Version is not 13.",
            "版本不是 13。";
        causes: both(
            "The client implements a draft; 13 is the only version of the standard.",
            "标准只有 13 这一个版本；8 及以下都是草案。",
        );
        remedy: both("Update the client.", "更新客户端。");
        peer: both(
            "A server that does not support the version responds with 426 and lists the versions it supports.",
            "不认识该版本的服务器回 426，并列出它支持的版本。",
        );
    }

    DATA_BEFORE_HANDSHAKE = "data-before-handshake" Error "RFC 6455 §4.1" {
        summary: "The client sent frames before the server's response.",
            "客户端在服务器同意之前就发了帧。";
        causes: both("The client does not wait for the response, or has a race condition.", "客户端没有等待，或代码里有竞态。");
        remedy: both("Wait for the complete response before you send.", "等收到完整的响应之后再发送。");
        peer: both(
            "If the server refuses, or a proxy is in between, the bytes are lost or read as the request body.",
            "如果服务器拒绝或中间有代理，这些字节会丢失，或被当作请求正文。",
        );
    }

    RESPONSE_MISSING = "response-missing" Warning "-" {
        summary: "No response to the WebSocket request was captured.",
            "有 WebSocket 请求，却没有抓到响应。";
        causes: both(
            "The server did not respond, the connection ended first, or the capture lacks that direction.",
            "服务器没有回答、连接先结束了，或没有抓到那个方向。",
        );
        remedy: both(
            "Check how TCP ended, and whether both directions were captured.",
            "看 TCP 如何结束，以及两个方向是否都抓到。",
        );
        peer: both("The client times out and reports a failure.", "客户端一直等到超时，然后报告失败。");
    }

    HANDSHAKE_REJECTED = "handshake-rejected" Warning "RFC 6455 §4.2.2" {
        summary: "The server refused to open the WebSocket.",
            "服务器拒绝打开 WebSocket。";
        causes: both(
            "400: malformed request; 401 and 407: authentication required; 403: Origin not allowed; 404: wrong path; 426: wrong version; 200: no WebSocket at this path, or a proxy removed Upgrade; 502 to 504: backend down.",
            "400 请求有误，401 和 407 需要登录，403 不允许该 Origin，404 路径不对，426 版本不对，200 那里没有 WebSocket 或代理丢了 Upgrade，502 到 504 后端不可用。",
        );
        remedy: both(
            "Check the status and the body of the response, and fix the problem that they name.",
            "看响应的状态和正文，按它指出的问题修改。",
        );
        peer: both(
            "No WebSocket is opened. Browsers do not follow redirects and do not show the body to the page.",
            "WebSocket 没有建立；浏览器不跟随重定向，也不把正文交给页面。",
        );
    }

    STRAY_RESPONSE = "stray-response" Warning "RFC 9112 §9.3.1" {
        summary: "The server sent another response before the 101 to the same request.",
            "同一个请求在 101 之前还收到了另一个响应。";
        causes: both(
            "A handler responds to the request before the upgrade, or the response to an earlier request is late.",
            "某个处理程序在升级之前就回答了请求，或更早请求的响应来迟了。",
        );
        remedy: both(
            "Find the program that sends the first response; a request has only one final response.",
            "找出是谁发送了前一个响应；一个请求只有一个最终响应。",
        );
        peer: both(
            "Clients read the first response and fail, while the server already sends frames.",
            "客户端按前一个响应处理并放弃连接，服务器却已开始发送帧。",
        );
    }

    RESPONSE_NOT_HTTP = "response-not-http" Error "RFC 9112 §4" {
        summary: "The server's reply to the upgrade request is not an HTTP/1 response.",
            "服务器对升级请求的回答不是 HTTP/1 响应。";
        causes: both(
            "The port serves another protocol (HTTP/2 only, SSH, mail), or a program prints text or a byte order mark before the status line.",
            "这个端口上是别的协议（只支持 HTTP/2、SSH、邮件），或程序在状态行之前输出了文本或字节顺序标记。",
        );
        remedy: both(
            "Check the host and the port, and remove any output before the response. A server that supports only HTTP/2 needs a client that supports RFC 8441.",
            "检查主机和端口。只支持 HTTP/2 的服务器需要支持 RFC 8441 的客户端；去掉响应之前的输出。",
        );
        peer: peer::CLIENT_CLOSES;
    }

    WRONG_SCHEME = "wrong-scheme" Error "RFC 6455 §3" {
        summary: "The client sent TLS to an HTTP port, or plain HTTP to a TLS port.",
            "向回答 HTTP 的端口发了 TLS，或向需要 TLS 的端口发了明文 HTTP。";
        causes: both(
            "The URL uses wss:// but the server uses ws://, or the reverse; often a proxy terminates TLS in front of the server.",
            "URL 写的是 wss://，而服务器用 ws://，或者相反；常见于服务器前面由代理终止 TLS。",
        );
        remedy: both("Change the scheme of the URL, or connect to the proxy's port.", "改正 URL 的协议，或连接代理的端口。");
        peer: both(
            "TLS clients report \"wrong version number\" or \"packet length too long\"; a browser fires error and close (1006).",
            "TLS 客户端报 “wrong version number” 或 “packet length too long”；浏览器会触发 error 和 close（1006）事件。",
        );
    }

    PROXY_REFUSED = "proxy-refused" Warning "RFC 9110 §9.3.6" {
        summary: "A proxy refused a CONNECT request.",
            "代理拒绝了 CONNECT。";
        causes: both(
            "The proxy does not allow this host or port, requires authentication, or could not reach the server.",
            "代理只允许别的主机或端口，要求登录，或无法连到服务器。",
        );
        remedy: both(
            "Have the host and port allowed, or configure credentials for the proxy.",
            "请求放行该端口，或设置代理的用户名和密码。",
        );
        peer: both("The WebSocket through the proxy cannot be opened.", "代理后面的 WebSocket 无法开始。");
    }

    RESPONSE_HTTP_VERSION_TOO_LOW = "response-http-version-too-low" Error "RFC 6455 §4.2.2; RFC 9110 §7.8" {
        summary: "The 101 response uses a version below HTTP/1.1.",
            "101 响应的版本低于 HTTP/1.1。";
        causes: both(
            "The server is hand-written, or a proxy uses HTTP/1.0 (nginx without `proxy_http_version 1.1`).",
            "手写的服务器，或使用 1.0 的代理（nginx 没有设置 `proxy_http_version 1.1`）。",
        );
        remedy: both("Respond with HTTP/1.1.", "用 HTTP/1.1 回答。");
        peer: both(
            "HTTP/1.0 has no Upgrade, so many clients close the connection.",
            "HTTP/1.0 没有 Upgrade：许多客户端会关闭连接。",
        );
    }

    FRAMING_HEADER_IN_101 = "framing-header-in-101" Warning "RFC 9110 §8.6; RFC 9112 §6.1" {
        summary: "The 101 response has Content-Length or Transfer-Encoding.",
            "101 带有 Content-Length 或 Transfer-Encoding。";
        causes: both("A framework adds the header to every response.", "框架给每个响应都加上了这个首部。");
        remedy: both("Omit the header; a 101 response has no body.", "去掉这个首部：101 没有正文。");
        peer: both(
            "Some clients and proxies read frames as a body, or close the connection.",
            "有的客户端和代理会把帧当作正文来读，或关闭连接。",
        );
    }

    SUBPROTOCOL_NOT_SELECTED = "subprotocol-not-selected" Warning "RFC 6455 §4.1; WHATWG WebSockets" {
        summary: "The client offered subprotocols, but the server selected none.",
            "提供了子协议，而服务器一个也没有选。";
        causes: both("The server is not configured for an offered subprotocol.", "服务器没有配置所提供的名称。");
        remedy: both("Configure the server to select one of them, or do not offer any.", "让服务器选择其中之一，或不要提供。");
        peer: both(
            "RFC 6455 allows it; browsers close the connection and fire error and close (1006).",
            "RFC 6455 允许这样做；浏览器会关闭连接，触发 error 和 close（1006）事件。",
        );
    }

    EMPTY_EXTENSION_HEADER = "empty-extension-header" Warning "RFC 6455 §11.3.2, §11.3.4" {
        summary: "Sec-WebSocket-Extensions or Sec-WebSocket-Protocol is empty.",
            "有 Sec-WebSocket-Extensions 或 Sec-WebSocket-Protocol，但它是空的。";
        causes: both("A program sends the header even if it has nothing to list.", "程序没有内容可列也写出了这个首部。");
        remedy: both("Omit the header.", "去掉这个首部。");
        peer: both("Strict peers close the connection.", "严格的对端会关闭连接。");
    }

    TOO_MANY_EXTENSIONS = "too-many-extensions" Warning "RFC 6455 §9.1" {
        summary: "Sec-WebSocket-Extensions lists more than 64 extensions or 256 parameters; wslens reads only the first ones.",
            "Sec-WebSocket-Extensions 列出的扩展超过 64 个，或参数超过 256 个：只读前面的。";
        causes: both(
            "No known program sends that many; this may be an attack on parsers.",
            "已知的程序都不会发这么多。可能有人想让观察者或服务器忙于解析。",
        );
        remedy: both("Find out who sends the header, and reject such requests.", "查明是谁发的，并拒绝这样的请求。");
        peer: both("Many servers limit the size of headers and respond with 431.", "许多服务器限制首部的大小，并回复 431。");
    }

    FOREIGN_ORIGIN_ACCEPTED = "foreign-origin-accepted" Info "RFC 6455 §10.2" {
        summary: "The server accepted a WebSocket from a page of another host.",
            "服务器接受了另一主机的网页。";
        causes: both(
            "The page and the WebSocket are on different hosts by design, or the server does not check Origin.",
            "网页与 WebSocket 用不同的主机，或服务器没有检查 Origin。",
        );
        remedy: both(
            "If cookies or an internal network authenticate the user, check Origin against a list to prevent cross-site WebSocket hijacking.",
            "如果靠 Cookie 或内网来认证用户，请按名单检查 Origin（跨站 WebSocket 劫持）。",
        );
        peer: both("None; the connection is open.", "没有后果：连接已打开。");
    }

    CREDENTIALS_IN_CLEAR = "credentials-in-clear" Warning "RFC 6455 §10.5, §10.6; RFC 7617 §4" {
        summary: "Credentials were sent without TLS.",
            "凭据没有经过 TLS 就发出了。";
        causes: both(
            "A ws:// URL with a token or password, or Basic authentication over ws://.",
            "ws:// 的 URL 带有令牌或密码，或在 ws:// 上使用 Basic 认证。",
        );
        remedy: both(
            "Use wss:// and short-lived tokens, and replace the exposed credentials.",
            "改用 wss:// 和短期令牌，并更换被抓到的凭据。",
        );
        peer: both(
            "No visible effect, but everyone on the path can read the credentials, and URLs end up in logs.",
            "看不出后果：路径上的任何人都能读到，URL 还会写进日志。",
        );
    }

    MISSING_ACCEPT = "missing-accept" Error "RFC 6455 §4.2.2 item 5.4" {
        summary: "The 101 response has no Sec-WebSocket-Accept.",
            "101 里没有 Sec-WebSocket-Accept。";
        causes: both(
            "The server does not compute the accept value, or a proxy removed the header.",
            "服务器没有计算 Accept 值，或代理删除了这个首部。",
        );
        remedy: both(
            "Send base64(SHA-1(key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11)).",
            "发送 base64(SHA-1(Key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11))。",
        );
        peer: peer::CLIENT_CLOSES;
    }

    BAD_ACCEPT = "bad-accept" Error "RFC 6455 §4.2.2 item 5.4" {
        summary: "Sec-WebSocket-Accept is not base64(SHA-1(key + GUID)).",
            "Sec-WebSocket-Accept 不等于 base64(SHA-1(Key + GUID))。";
        causes: both(
            "The server encoded the digest as hex text, decoded the key first, used a wrong GUID, hashed a line end, or sent a cached value for another key.",
            "服务器把摘要编码成十六进制文本、先解码了 Key、GUID 有误、散列时混入换行，或发送了缓存中另一个 Key 的值。",
        );
        remedy: both(
            "Compare each step with: wslens handshake --key KEY.",
            "逐步查看计算过程：wslens handshake --key KEY。",
        );
        peer: peer::CLIENT_CLOSES;
    }

    UNOFFERED_SUBPROTOCOL = "unoffered-subprotocol" Error "RFC 6455 §4.2.2 item 5.5" {
        summary: "The server selected a subprotocol that the client did not offer.",
            "服务器选了客户端没有提供的子协议。";
        causes: both(
            "The server always sends its own subprotocol, sends a list, or spells the name differently.",
            "服务器总是写自己的子协议、发了一个列表，或拼写不同。",
        );
        remedy: both(
            "Send one of the offered names, spelled the same way, or omit the header.",
            "从客户端提供的名字里选一个，拼写一致；否则不要发这个首部。",
        );
        peer: peer::CLIENT_CLOSES;
    }

    UNOFFERED_EXTENSION = "unoffered-extension" Error "RFC 6455 §9.1" {
        summary: "The server selected an extension that the client did not offer.",
            "服务器选了客户端没有提供的扩展。";
        causes: both(
            "The server always compresses, or a proxy removed the client's Sec-WebSocket-Extensions.",
            "服务器总是启用压缩，或代理丢了客户端的 Sec-WebSocket-Extensions。",
        );
        remedy: both("Select only extensions that the client offered.", "只回答客户端提供过的扩展。");
        peer: peer::CLIENT_CLOSES;
    }

    INVALID_EXTENSION_PARAMS = "invalid-extension-params" Error "RFC 7692 §7.1" {
        summary: "permessage-deflate parameters are unknown, repeated or out of range.",
            "permessage-deflate 的参数未知、重复或超出范围。";
        causes: both(
            "Window bits have leading zeros or are not between 8 and 15, no_context_takeover has a value, or the server sent client_max_window_bits without an offer.",
            "值不合规：窗口位数有前导零或不在 8 到 15 之间、给 no_context_takeover 带了值，或回答了没有提供过的 client_max_window_bits。",
        );
        remedy: both(
            "Use 8 to 15 window bits, and send client_max_window_bits in a response only if the client offered it.",
            "窗口位数用 8 到 15；只有对方提供过 client_max_window_bits 时才能回答它。",
        );
        peer: both(
            "The server declines an invalid offer; the client closes the connection after an invalid response.",
            "服务器会拒绝无效的提议；客户端收到无效的响应会关闭连接。",
        );
    }

    H2C_UPGRADE = "h2c-upgrade" Info "RFC 7540 §3.2" {
        summary: "The connection was upgraded to HTTP/2 without TLS (h2c).",
            "升级到 h2c：连接改用 HTTP/2。";
        causes: both("The client tries HTTP/2 without TLS.", "客户端想在没有 TLS 的情况下用 HTTP/2。");
        remedy: both("Nothing. RFC 9113 removed this kind of upgrade.", "这里不用处理。RFC 9113 已取消这种升级方式。");
        peer: both(
            "The connection continues with HTTP/2, or with HTTP/1.1 if the server declines.",
            "连接改用 HTTP/2；服务器不愿意时继续用 HTTP/1.1。",
        );
    }

    HTTP_BARE_LF = "http-bare-lf" Warning "RFC 9112 §2.2" {
        summary: "A line ends with LF without CR.",
            "行尾只有 LF，没有 CR。";
        causes: both("The request is hand-written or comes from a script.", "手写的请求或脚本。");
        remedy: both("End lines with CR LF.", "行尾请用 CR LF。");
        peer: both(
            "Implementations differ, so a proxy and a server may see different requests.",
            "有的接受，有的不接受：一条链路的两端看到的请求可能不同。",
        );
    }

    HTTP_OBS_FOLD = "http-obs-fold" Warning "RFC 9112 §5.2" {
        summary: "A header is folded over several lines.",
            "折行的首部。";
        causes: both(
            "Some libraries still write this obsolete form, in which a line that begins with white space continues the previous one.",
            "以空白开头的行接着上一行：这是旧写法，有些库还在用。",
        );
        remedy: both("Send each header on one line.", "每个首部写成一行。");
        peer: both(
            "Many servers reject it with 400, and implementations differ in the value they read.",
            "常被以 400 拒绝；各接收方读到的内容也不同。",
        );
    }

    HTTP_SPACE_BEFORE_COLON = "http-space-before-colon" Warning "RFC 9112 §5.1" {
        summary: "White space precedes the colon after a header name.",
            "首部名与冒号之间有空白。";
        causes: both("The request is hand-written, or an attempt at request smuggling.", "手写的请求，或有人尝试请求走私。");
        remedy: both("Put the colon directly after the name.", "冒号紧跟在名字后面。");
        peer: both(
            "Servers must respond with 400; those that do not may read a different name than the proxy in front of them.",
            "服务器必须回 400；不这样做的服务器，读到的名字可能与前面的代理不同。",
        );
    }

    ODD_HEAD = "odd-head" Warning "RFC 9110 §5.5; RFC 9112 §3, §4" {
        summary: "A start line or a header value contains control bytes.",
            "起始行或首部的值里有控制字节。";
        causes: both(
            "A program writes them by mistake, or as an attack on HTTP parsers.",
            "程序误写了这些字节，或有人借此攻击 HTTP 解析器。",
        );
        remedy: both("Find the program that writes them, and remove them.", "查明是哪个程序写入的，并去掉它们。");
        peer: both(
            "Strict peers respond with 400 or close the connection; others continue.",
            "严格的对端回 400 或关闭连接；其他的照常继续。",
        );
    }

    HTTP_DUPLICATE_HEADER = "http-duplicate-header" Warning "RFC 9110 §5.3" {
        summary: "A header that allows only one value occurs more than once.",
            "只能有一个值的首部出现了不止一次。";
        causes: both("Often the client and a proxy each add one.", "常常是客户端和代理各加了一个。");
        remedy: both("Keep one.", "只留一个。");
        peer: both("Implementations differ in which one they use.", "各接收方取哪一个并不一致。");
    }

    HTTP_CONFLICTING_LENGTH = "http-conflicting-length" Warning "RFC 9112 §6.3" {
        summary: "The headers contain Content-Length and Transfer-Encoding, or two different lengths.",
            "Content-Length 与 Transfer-Encoding 同时出现，或有两个长度。";
        causes: both(
            "A client or proxy is faulty, or this is an attempt at request smuggling.",
            "客户端或代理有缺陷，或有人尝试请求走私。",
        );
        remedy: both(
            "Send only one of them. wslens uses Transfer-Encoding, or else the first length.",
            "只发其中一个。这里以 Transfer-Encoding 为准，否则取第一个长度。",
        );
        peer: both("The two ends may disagree on where the body ends.", "两端看到的正文结束位置可能不同。");
    }

    HTTP_BODY_IN_UPGRADE = "http-body-in-upgrade" Warning "RFC 9110 §7.8" {
        summary: "The upgrade request has a body.",
            "升级请求带有正文。";
        causes: both(
            "A POST request was turned into an upgrade, or this is an attempt at request smuggling.",
            "把 POST 改成了升级请求，或有人尝试走私。",
        );
        remedy: both("Remove the body.", "不要带正文。");
        peer: both("A server that does not skip the body reads it as frames.", "正文排在第一个帧之前；不跳过它的服务器会把它当作帧来读。");
    }

    HTTP_HEADER_TOO_LARGE = "http-header-too-large" Warning "-" {
        summary: "The HTTP headers exceed the limit (64 KiB); the connection is listed but not decoded further.",
            "首部超过上限（64 KiB）；连接会列出，但不再解码。";
        causes: both("Cookies have accumulated, or the data is not HTTP.", "Cookie 堆积过多，或根本不是 HTTP。");
        remedy: both("Clear the cookies, or find out which protocol this is.", "清理 Cookie，或查清这是什么协议。");
        peer: both("Most servers allow 8 to 32 KiB and respond with 431.", "多数服务器只允许 8 到 32 KiB，超出则回 431。");
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_rule_has_its_own_code_and_whole_sentences() {
        let mut codes: Vec<_> = ALL.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 39);
        for rule in ALL {
            assert!(rule.summary.en.ends_with('.') && rule.remedy.en.ends_with('.'), "{}", rule.code);
            assert!(rule.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }
}
