//! Findings about the opening handshake.

use super::{CLIENT_CLOSES, RuleWords, SERVER_REFUSES, UNSEEN, row, w};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "request-method-not-get",
        w("Upgrade request with another method than GET.", "升级请求用的方法不是 GET。"),
        w("A hand-written client, or a proxy that rewrote the request.", "手写的客户端，或代理改写了请求。"),
        w(
            "Over HTTP/1.1 a WebSocket is opened with GET only; send GET, and put data into frames after the 101.",
            "在 HTTP/1.1 上只能用 GET 打开 WebSocket；请改用 GET，数据放到 101 之后的帧里。",
        ),
        SERVER_REFUSES,
    ),
    row(
        "request-http-version-too-low",
        w("Upgrade request below HTTP/1.1.", "升级请求的版本低于 HTTP/1.1。"),
        w(
            "Often a reverse proxy that speaks 1.0 to its backend (nginx without `proxy_http_version 1.1`).",
            "常见于反向代理用 1.0 与后端通信（nginx 没有设置 `proxy_http_version 1.1`）。",
        ),
        w("Let the proxy speak HTTP/1.1 to the server.", "让代理用 HTTP/1.1 与服务器通信。"),
        w(
            "HTTP/1.0 knows no Upgrade, so the server answers as to plain HTTP.",
            "HTTP/1.0 没有 Upgrade，服务器只当作普通 HTTP 请求来回答。",
        ),
    ),
    row(
        "request-missing",
        w("101 response without a captured request.", "有 101 响应，却没有抓到请求。"),
        w("The capture began too late or saw one side only.", "抓包开始得太晚，或只抓到一个方向。"),
        w(
            "Start the capture before the client connects. Without the request the accept value, the offers and the URL cannot be checked.",
            "在客户端连接之前开始抓包。没有请求就无法核对 Accept 值、提供的选项和 URL。",
        ),
        UNSEEN,
    ),
    row(
        "missing-host-header",
        w("No Host header.", "没有 Host 头。"),
        w("Usually a hand-written client.", "通常是手写的客户端。"),
        w(
            "Every HTTP/1.1 request names its host: add Host, with the port unless it is 80 or 443.",
            "每个 HTTP/1.1 请求都要写明主机：加上 Host，端口不是 80 或 443 时也要写。",
        ),
        w("Servers answer 400 Bad Request.", "服务器回 400 Bad Request。"),
    ),
    row(
        "missing-upgrade-header",
        w("No 'Upgrade: websocket' (request or response).", "没有 'Upgrade: websocket'（请求或响应）。"),
        w(
            "Upgrade concerns one hop only, so a proxy that was not told to pass it on drops it.",
            "Upgrade 只对一跳有效，没有配置转发它的代理会把它丢掉。",
        ),
        w(
            "Configure the proxy for WebSocket, or use wss:// to keep it out.",
            "给代理配置 WebSocket 支持，或用 wss:// 绕开它。",
        ),
        w(
            "In a request: the server answers as to plain HTTP or with 426. In a 101: the client has to close.",
            "在请求中缺少：服务器按普通 HTTP 回答，或回 426。在 101 中缺少：客户端必须关闭。",
        ),
    ),
    row(
        "missing-connection-upgrade",
        w(
            "Connection header lacks the 'upgrade' token (request or response).",
            "Connection 头里没有 'upgrade'（请求或响应）。",
        ),
        w(
            "Usually a reverse proxy that rewrote Connection to `close` or `keep-alive`.",
            "通常是反向代理把 Connection 改成了 `close` 或 `keep-alive`。",
        ),
        w(
            "Let the proxy send `Connection: upgrade` for WebSocket requests.",
            "让代理对 WebSocket 请求发送 `Connection: upgrade`。",
        ),
        w(
            "In a request: the server does not upgrade. In a 101: the client has to close.",
            "在请求中缺少：服务器不会升级。在 101 中缺少：客户端必须关闭。",
        ),
    ),
    row(
        "missing-key",
        w("No Sec-WebSocket-Key.", "没有 Sec-WebSocket-Key。"),
        w(
            "A hand-written client, a plain HTTP client, or a proxy that filters unknown headers.",
            "手写的客户端、普通 HTTP 客户端，或代理过滤了不认识的头。",
        ),
        w(
            "Send base64 of 16 random bytes: its answer proves that the server understood the handshake.",
            "发送 16 个随机字节的 base64：对它的回答证明服务器懂得这个握手。",
        ),
        SERVER_REFUSES,
    ),
    row(
        "invalid-key",
        w("Key is not base64 of 16 bytes.", "密钥不是 16 个字节的 base64。"),
        w(
            "A key that was typed, cut, hex instead of base64, or without padding.",
            "密钥是手打的、被截短、用了十六进制而不是 base64，或缺少填充。",
        ),
        w(
            "Draw 16 random bytes and encode them with padding: 24 characters that end in `==`.",
            "取 16 个随机字节，编码时带填充：24 个字符，以 `==` 结尾。",
        ),
        SERVER_REFUSES,
    ),
    row(
        "duplicate-key",
        w("Sec-WebSocket-Key given more than once.", "Sec-WebSocket-Key 出现了不止一次。"),
        w("Client and proxy may each have set one.", "客户端和代理可能各加了一个。"),
        w("Send exactly one.", "只发一个。"),
        w(
            "The server hashes one of them, and the client may expect the other's answer.",
            "服务器只对其中一个做散列，客户端等的却可能是另一个的结果。",
        ),
    ),
    row(
        "missing-version",
        w("No Sec-WebSocket-Version.", "没有 Sec-WebSocket-Version。"),
        w(
            "Clients of drafts before RFC 6455, and many hand-written ones.",
            "RFC 6455 之前草案的客户端，以及许多手写的客户端。",
        ),
        w("Send `Sec-WebSocket-Version: 13`.", "发送 `Sec-WebSocket-Version: 13`。"),
        SERVER_REFUSES,
    ),
    row(
        "unsupported-version",
        w("Version other than 13.", "版本不是 13。"),
        w(
            "13 is the only version of the standard; 8 and lower were drafts.",
            "标准只有 13 这一个版本；8 及以下都是草案。",
        ),
        w("Update the client.", "更新客户端。"),
        w(
            "A server that does not know the version answers 426 and names those it knows.",
            "不认识该版本的服务器回 426，并列出它支持的版本。",
        ),
    ),
    row(
        "data-before-handshake",
        w("Client sent frames before the server agreed.", "客户端在服务器同意之前就发了帧。"),
        w("A client that does not wait, or a race in its code.", "客户端没有等待，或代码里有竞态。"),
        w("Wait for the complete response, then send.", "等收到完整的响应之后再发送。"),
        w(
            "The bytes are lost, or read as the request's body, if the server refuses or a proxy stands between.",
            "如果服务器拒绝或中间有代理，这些字节会丢失，或被当作请求正文。",
        ),
    ),
    row(
        "response-missing",
        w("Request for a WebSocket without a captured response.", "有 WebSocket 请求，却没有抓到响应。"),
        w(
            "The server never answered, the connection ended first, or the capture lacks that side.",
            "服务器没有回答、连接先结束了，或没有抓到那个方向。",
        ),
        w(
            "See how TCP ended, and whether both directions were captured.",
            "看 TCP 如何结束，以及两个方向是否都抓到。",
        ),
        w("A client waits until its timeout, then reports a failure.", "客户端一直等到超时，然后报告失败。"),
    ),
    row(
        "handshake-rejected",
        w("Server refused to open the WebSocket.", "服务器拒绝打开 WebSocket。"),
        w(
            "400 malformed request, 401 and 407 login wanted, 403 Origin not allowed, 404 wrong path, 426 wrong version, 200 no WebSocket there or a proxy dropped Upgrade, 502 to 504 backend down.",
            "400 请求有误，401 和 407 需要登录，403 不允许该 Origin，404 路径不对，426 版本不对，200 那里没有 WebSocket 或代理丢了 Upgrade，502 到 504 后端不可用。",
        ),
        w(
            "Read the status and the body of the response; fix what it names.",
            "看响应的状态和正文，按它指出的问题修改。",
        ),
        w(
            "No WebSocket came to be; browsers follow no redirect and show no body to the page.",
            "WebSocket 没有建立；浏览器不跟随重定向，也不把正文交给页面。",
        ),
    ),
    row(
        "stray-response",
        w(
            "Another response before the 101 to the same request.",
            "同一个请求在 101 之前还收到了另一个响应。",
        ),
        w(
            "A handler answers the request before the upgrade does, or a response to an earlier request comes late.",
            "某个处理程序在升级之前就回答了请求，或更早请求的响应来迟了。",
        ),
        w(
            "Find out who sends the first response; a request has one final response.",
            "找出是谁发送了前一个响应；一个请求只有一个最终响应。",
        ),
        w(
            "Clients take the first response and give up, while the server sends frames to nobody.",
            "客户端按前一个响应处理并放弃连接，服务器却已开始发送帧。",
        ),
    ),
    row(
        "missing-accept",
        w("101 without Sec-WebSocket-Accept.", "101 里没有 Sec-WebSocket-Accept。"),
        w(
            "The server agreed without computing the answer to the key, or a proxy dropped the header.",
            "服务器没有计算对密钥的回答就同意了，或代理丢了这个头。",
        ),
        w(
            "Answer base64(SHA-1(key + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11)).",
            "回答 base64(SHA-1(密钥 + 258EAFA5-E914-47DA-95CA-C5AB0DC85B11))。",
        ),
        CLIENT_CLOSES,
    ),
    row(
        "bad-accept",
        w(
            "Sec-WebSocket-Accept is not base64(SHA-1(key + GUID)).",
            "Sec-WebSocket-Accept 不等于 base64(SHA-1(密钥 + GUID))。",
        ),
        w(
            "Hex text instead of the digest's bytes, a decoded key, a wrong GUID, a line end in the hash, a cached answer to another key.",
            "用了摘要的十六进制文本而不是字节、先把密钥解了码、GUID 写错、散列里混进换行，或是缓存里对别的密钥的回答。",
        ),
        w("See each step: wslens handshake --key KEY.", "逐步查看计算过程：wslens handshake --key KEY。"),
        CLIENT_CLOSES,
    ),
    row(
        "unoffered-subprotocol",
        w("Server picked a subprotocol the client did not offer.", "服务器选了客户端没有提供的子协议。"),
        w(
            "A server that always names its own, sends a list, or spells it another way.",
            "服务器总是写自己的子协议、发了一个列表，或拼写不同。",
        ),
        w(
            "Send one of the offered names, spelled the same way, or leave the header out.",
            "从客户端提供的名字里选一个，拼写一致；否则不要发这个头。",
        ),
        CLIENT_CLOSES,
    ),
    row(
        "unoffered-extension",
        w("Server picked an extension the client did not offer.", "服务器选了客户端没有提供的扩展。"),
        w(
            "A server that always compresses, or a proxy that dropped the client's Sec-WebSocket-Extensions.",
            "服务器总是启用压缩，或代理丢了客户端的 Sec-WebSocket-Extensions。",
        ),
        w("Answer only with extensions that were offered.", "只回答客户端提供过的扩展。"),
        CLIENT_CLOSES,
    ),
    row(
        "invalid-extension-params",
        w(
            "permessage-deflate parameters are unknown, repeated or out of range.",
            "permessage-deflate 的参数未知、重复或超出范围。",
        ),
        w(
            "A value that does not belong: window bits with leading zeros or beyond 8 to 15, a value for no_context_takeover, client_max_window_bits that was not offered.",
            "值不合规：窗口位数有前导零或不在 8 到 15 之间、给 no_context_takeover 带了值，或回答了没有提供过的 client_max_window_bits。",
        ),
        w(
            "Use window bits 8 to 15; answer client_max_window_bits only where it was offered.",
            "窗口位数用 8 到 15；只有对方提供过 client_max_window_bits 时才能回答它。",
        ),
        w(
            "An offer that breaks this is declined; an answer that does closes the connection.",
            "不合规的提供会被拒绝；不合规的回答会让客户端关闭连接。",
        ),
    ),
    row(
        "h2c-upgrade",
        w("Upgrade to h2c: the connection goes on with HTTP/2.", "升级到 h2c：连接改用 HTTP/2。"),
        w("A client that tries HTTP/2 without TLS.", "客户端想在没有 TLS 的情况下用 HTTP/2。"),
        w(
            "Nothing here. RFC 9113 dropped this way of upgrading.",
            "这里不用处理。RFC 9113 已取消这种升级方式。",
        ),
        w(
            "The connection goes on in HTTP/2, or in HTTP/1.1 where the server does not want it.",
            "连接改用 HTTP/2；服务器不愿意时继续用 HTTP/1.1。",
        ),
    ),
    row(
        "http-bare-lf",
        w("Line ends in LF without CR.", "行尾只有 LF，没有 CR。"),
        w("Hand-written requests or scripts.", "手写的请求或脚本。"),
        w("End lines with CR LF.", "行尾请用 CR LF。"),
        w(
            "Some accept it, others do not: the two ends of a chain may see different requests.",
            "有的接受，有的不接受：一条链路的两端看到的请求可能不同。",
        ),
    ),
    row(
        "http-obs-fold",
        w("Folded header line.", "折行的头。"),
        w(
            "A line that begins with white space continues the one before: an old form that some libraries still write.",
            "以空白开头的行接着上一行：这是旧写法，有些库还在用。",
        ),
        w("Send each header on one line.", "每个头写成一行。"),
        w(
            "Often refused with 400, and recipients differ in what they read.",
            "常被以 400 拒绝；各接收方读到的内容也不同。",
        ),
    ),
    row(
        "http-space-before-colon",
        w("White space between header name and colon.", "头的名字与冒号之间有空白。"),
        w("A hand-written request, or an attempt at request smuggling.", "手写的请求，或有人尝试请求走私。"),
        w("Put the colon right behind the name.", "冒号紧跟在名字后面。"),
        w(
            "Servers have to answer 400; those that do not may read another name than the proxy before them.",
            "服务器必须回 400；不这样做的服务器，读到的名字可能与前面的代理不同。",
        ),
    ),
    row(
        "odd-head",
        w("Control bytes stand in a start line or in a header's value.", "起始行或头的值里有控制字节。"),
        w(
            "HTTP libraries differ: some refuse such a head, some take it as it is.",
            "各 HTTP 库做法不同：有的拒绝这样的报文头，有的原样接受。",
        ),
        w("Find out which program writes them, and take them out.", "查明是哪个程序写入的，并去掉它们。"),
        w("Strict peers answer 400 or close; others go on.", "严格的对端回 400 或关闭连接；其他的照常继续。"),
    ),
    row(
        "http-duplicate-header",
        w("A single-value header came more than once.", "只能有一个值的头出现了不止一次。"),
        w("Often client and proxy each add one.", "常常是客户端和代理各加了一个。"),
        w("Keep one.", "只留一个。"),
        w("Recipients differ in which of them they take.", "各接收方取哪一个并不一致。"),
    ),
    row(
        "http-conflicting-length",
        w(
            "Content-Length with Transfer-Encoding, or two lengths.",
            "Content-Length 与 Transfer-Encoding 同时出现，或有两个长度。",
        ),
        w(
            "A broken client or proxy, or an attempt at request smuggling.",
            "客户端或代理有缺陷，或有人尝试请求走私。",
        ),
        w(
            "Send one of them only. Here Transfer-Encoding counts, else the first length.",
            "只发其中一个。这里以 Transfer-Encoding 为准，否则取第一个长度。",
        ),
        w("Two ends may see the body end at different places.", "两端看到的正文结束位置可能不同。"),
    ),
    row(
        "http-body-in-upgrade",
        w("Upgrade request carries a body.", "升级请求带有正文。"),
        w(
            "A POST that was made into an upgrade, or an attempt at smuggling.",
            "把 POST 改成了升级请求，或有人尝试走私。",
        ),
        w("Send no body.", "不要带正文。"),
        w(
            "The body comes before the first frame; a server that does not skip it reads it as frames.",
            "正文排在第一个帧之前；不跳过它的服务器会把它当作帧来读。",
        ),
    ),
    row(
        "http-header-too-large",
        w(
            "Header block over the limit (64 KiB); the connection is shown, not decoded further.",
            "头部超过上限（64 KiB）；连接会列出，但不再解码。",
        ),
        w("Cookies that have piled up, or no HTTP at all.", "Cookie 堆积过多，或根本不是 HTTP。"),
        w("Clear cookies, or see what protocol this is.", "清理 Cookie，或查清这是什么协议。"),
        w("Most servers allow 8 to 32 KiB and answer 431.", "多数服务器只允许 8 到 32 KiB，超出则回 431。"),
    ),
    row(
        "response-not-http",
        w(
            "Server answered the upgrade request with something that is no HTTP/1 response.",
            "服务器对升级请求的回答不是 HTTP/1 响应。",
        ),
        w(
            "Another protocol runs on this port (HTTP/2 only, SSH, mail), or a program prints text or a byte order mark before the status line.",
            "这个端口上是别的协议（只支持 HTTP/2、SSH、邮件），或程序在状态行之前输出了文本或字节顺序标记。",
        ),
        w(
            "Check host and port. A server that speaks only HTTP/2 needs a client with RFC 8441; remove what is printed before the response.",
            "检查主机和端口。只支持 HTTP/2 的服务器需要支持 RFC 8441 的客户端；去掉响应之前的输出。",
        ),
        CLIENT_CLOSES,
    ),
    row(
        "wrong-scheme",
        w(
            "TLS was sent to a port that answers HTTP, or plain HTTP to a port that expects TLS.",
            "向回答 HTTP 的端口发了 TLS，或向需要 TLS 的端口发了明文 HTTP。",
        ),
        w(
            "The URL says wss:// where the server speaks ws://, or the other way round; often a proxy ends TLS in front of the server.",
            "URL 写的是 wss://，而服务器用 ws://，或者相反；常见于服务器前面由代理终止 TLS。",
        ),
        w("Change the scheme, or connect to the proxy's port.", "改正 URL 的协议，或连接代理的端口。"),
        w(
            "TLS clients report \"wrong version number\" or \"packet length too long\"; a browser fires error and close (1006).",
            "TLS 客户端报 “wrong version number” 或 “packet length too long”；浏览器会触发 error 和 close（1006）事件。",
        ),
    ),
    row(
        "proxy-refused",
        w("A proxy refused a CONNECT.", "代理拒绝了 CONNECT。"),
        w(
            "The proxy allows other hosts or ports only, wants a login, or could not reach the server.",
            "代理只允许别的主机或端口，要求登录，或无法连到服务器。",
        ),
        w(
            "Ask for the port to be allowed, or set the proxy's credentials.",
            "请求放行该端口，或设置代理的用户名和密码。",
        ),
        w("The WebSocket behind it cannot begin.", "代理后面的 WebSocket 无法开始。"),
    ),
    row(
        "response-http-version-too-low",
        w("101 response below HTTP/1.1.", "101 响应的版本低于 HTTP/1.1。"),
        w(
            "A hand-written server, or a proxy that speaks 1.0 (nginx without `proxy_http_version 1.1`).",
            "手写的服务器，或使用 1.0 的代理（nginx 没有设置 `proxy_http_version 1.1`）。",
        ),
        w("Answer with HTTP/1.1.", "用 HTTP/1.1 回答。"),
        w(
            "HTTP/1.0 knows no Upgrade: many clients close the connection.",
            "HTTP/1.0 没有 Upgrade：许多客户端会关闭连接。",
        ),
    ),
    row(
        "framing-header-in-101",
        w("101 with Content-Length or Transfer-Encoding.", "101 带有 Content-Length 或 Transfer-Encoding。"),
        w("A framework adds the header to each response.", "框架给每个响应都加上了这个首部。"),
        w("Leave the header out: a 101 has no body.", "去掉这个首部：101 没有正文。"),
        w(
            "Some clients and proxies read frames as the body, or close the connection.",
            "有的客户端和代理会把帧当作正文来读，或关闭连接。",
        ),
    ),
    row(
        "subprotocol-not-selected",
        w("Subprotocols were offered, and the server selects none.", "提供了子协议，而服务器一个也没有选。"),
        w("The server is not configured for the offered name.", "服务器没有配置所提供的名称。"),
        w("Let the server select one of them, or offer none.", "让服务器选择其中之一，或不要提供。"),
        w(
            "RFC 6455 allows it; browsers close the connection and fire error and close (1006).",
            "RFC 6455 允许这样做；浏览器会关闭连接，触发 error 和 close（1006）事件。",
        ),
    ),
    row(
        "empty-extension-header",
        w(
            "Sec-WebSocket-Extensions or Sec-WebSocket-Protocol is present and empty.",
            "有 Sec-WebSocket-Extensions 或 Sec-WebSocket-Protocol，但它是空的。",
        ),
        w(
            "A program writes the header even if it has nothing to list.",
            "程序没有内容可列也写出了这个首部。",
        ),
        w("Leave the header out.", "去掉这个首部。"),
        w("Strict peers close the connection.", "严格的对端会关闭连接。"),
    ),
    row(
        "too-many-extensions",
        w(
            "Sec-WebSocket-Extensions lists more than 64 extensions or 256 parameters: the first ones are read.",
            "Sec-WebSocket-Extensions 列出的扩展超过 64 个，或参数超过 256 个：只读前面的。",
        ),
        w(
            "No known program sends that many. Somebody may want to keep an observer or a server busy.",
            "已知的程序都不会发这么多。可能有人想让观察者或服务器忙于解析。",
        ),
        w("Find out who sends it, and refuse such requests.", "查明是谁发的，并拒绝这样的请求。"),
        w("Many servers limit the size of headers and answer 431.", "许多服务器限制首部的大小，并回复 431。"),
    ),
    row(
        "foreign-origin-accepted",
        w("The server accepts a page of another host.", "服务器接受了另一主机的网页。"),
        w(
            "Page and WebSocket have hosts of their own, or the server does not check Origin.",
            "网页与 WebSocket 用不同的主机，或服务器没有检查 Origin。",
        ),
        w(
            "Where cookies or an internal network authenticate the user, check Origin against a list (cross-site WebSocket hijacking).",
            "如果靠 Cookie 或内网来认证用户，请按名单检查 Origin（跨站 WebSocket 劫持）。",
        ),
        w("Nothing: the connection is open.", "没有后果：连接已打开。"),
    ),
    row(
        "credentials-in-clear",
        w("Credentials were sent without TLS.", "凭据没有经过 TLS 就发出了。"),
        w(
            "A ws:// URL with a token or password, or Basic authentication over ws://.",
            "ws:// 的 URL 带有令牌或密码，或在 ws:// 上使用 Basic 认证。",
        ),
        w(
            "Use wss:// and short-lived tokens, and change what was captured.",
            "改用 wss:// 和短期令牌，并更换被抓到的凭据。",
        ),
        w(
            "Nothing shows: everybody on the path can read them, and URLs end up in logs.",
            "看不出后果：路径上的任何人都能读到，URL 还会写进日志。",
        ),
    ),
];
