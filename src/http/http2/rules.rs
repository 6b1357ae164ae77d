//! What can be wrong, or worth knowing, about HTTP/2 below a WebSocket.

use crate::model::{both, peer};

crate::rules! {
    H2_BAD_PREFACE = "h2-bad-preface" Error "RFC 9113 §3.4" {
        summary: "The client's first bytes are not the HTTP/2 connection preface.",
            "客户端最先发的字节不是连接前言。";
        causes: both(
            "A client sends HTTP/1.1 or TLS to a port that expects plaintext HTTP/2, or a proxy is configured differently on its two sides.",
            "客户端在只接受明文 HTTP/2 的端口上说 HTTP/1.1 或 TLS，或代理两侧的设置不一致。",
        );
        remedy: both(
            "Configure both sides for the same protocol: h2c, or TLS.",
            "让客户端和服务器使用同一种协议：两侧都用 h2c，或都用 TLS。",
        );
        peer: both(
            "The server closes the connection, usually with GOAWAY and PROTOCOL_ERROR.",
            "服务器关闭连接，一般先发 GOAWAY，错误码为 PROTOCOL_ERROR。",
        );
    }

    H2_BAD_FRAME = "h2-bad-frame" Error "RFC 9113 §4.2, §6" {
        summary: "The length or stream of an HTTP/2 frame does not match its type, or its padding is too long.",
            "帧的长度或流与其类型不符，或填充超出了帧。";
        causes: both("The sender is faulty, or the bytes are not HTTP/2.", "发送方有缺陷，或这些字节根本不是 HTTP/2。");
        remedy: both(
            "Check the frame header (length, type, flags, stream), and update the sender's library.",
            "查看帧首部：长度、类型、标志、流。更新发送它的库。",
        );
        peer: both(
            "The receiver ends the stream or the connection with FRAME_SIZE_ERROR or PROTOCOL_ERROR.",
            "对端以 FRAME_SIZE_ERROR 或 PROTOCOL_ERROR 结束该流或整个连接。",
        );
    }

    H2_FRAME_TOO_LARGE = "h2-frame-too-large" Error "RFC 9113 §4.2" {
        summary: "An HTTP/2 frame is longer than the receiver allows.",
            "帧的长度超过接收方允许的上限。";
        causes: both(
            "The sender does not split DATA at SETTINGS_MAX_FRAME_SIZE, which defaults to 16,384 bytes.",
            "发送方没有按 SETTINGS_MAX_FRAME_SIZE 切分 DATA；未另行声明时上限为 16,384 字节。",
        );
        remedy: both(
            "Send smaller frames, or announce a larger SETTINGS_MAX_FRAME_SIZE at the receiver.",
            "改发较小的帧，或让接收方声明更大的 SETTINGS_MAX_FRAME_SIZE。",
        );
        peer: both(
            "The receiver responds with FRAME_SIZE_ERROR; most close the connection.",
            "对端回 FRAME_SIZE_ERROR，多数会关闭整个连接。",
        );
    }

    H2_BAD_CONTINUATION = "h2-bad-continuation" Error "RFC 9113 §6.10" {
        summary: "A field block is interrupted, or a CONTINUATION frame has no field block to continue.",
            "字段块被打断，或 CONTINUATION 没有可接续的字段块。";
        causes: both(
            "The sender mixes frames from several threads, or this is a CONTINUATION flood.",
            "发送方把多个线程的帧混在一起，或有人用 CONTINUATION 发起洪泛。",
        );
        remedy: both(
            "Write the field block and its CONTINUATION frames under one lock.",
            "在同一把锁内写完字段块及其 CONTINUATION 帧。",
        );
        peer: both(
            "The receiver closes the connection with PROTOCOL_ERROR because the compression state is lost.",
            "对端以 PROTOCOL_ERROR 关闭连接，因为压缩状态已经丢失。",
        );
    }

    H2_BAD_SETTINGS = "h2-bad-settings" Error "RFC 9113 §6.5.2" {
        summary: "An HTTP/2 setting has an invalid value.",
            "某项设置的值不合规定。";
        causes: both(
            "The library is faulty or very old, or passes on a configured value without checking it.",
            "库有缺陷或太旧，或配置中的值未经检查就发了出去。",
        );
        remedy: both(
            "Correct the value: 0 or 1 for switches, windows below 2^31, frames between 2^14 and 2^24-1 bytes.",
            "改正该值：开关只能是 0 或 1，窗口小于 2^31，帧在 2^14 到 2^24-1 字节之间。",
        );
        peer: both(
            "The receiver closes the connection with PROTOCOL_ERROR or FLOW_CONTROL_ERROR.",
            "对端以 PROTOCOL_ERROR 或 FLOW_CONTROL_ERROR 关闭连接。",
        );
    }

    H2_BAD_FIELD_BLOCK = "h2-bad-field-block" Error "RFC 7541; RFC 9113 §4.3" {
        summary: "A field block cannot be decompressed.",
            "字段块无法解压。";
        causes: both(
            "The dynamic tables of the two sides differ, or the encoder is faulty.",
            "两端的动态表不一致，或编码器有缺陷。",
        );
        remedy: both(
            "Check earlier field blocks, especially changes of the table size, and update the sender's library.",
            "查看之前发送的内容，尤其是表大小的改动。更新编码器所用的库。",
        );
        peer: both("The receiver closes the connection with COMPRESSION_ERROR.", "对端以 COMPRESSION_ERROR 关闭连接。");
    }

    H2_UNKNOWN_FIELDS = "h2-unknown-fields" Warning "RFC 7541 §2.3.2" {
        summary: "Fields refer to entries of the dynamic table that were not captured.",
            "字段引用了抓包里没有的表项。";
        causes: both("The capture began after the connection, or lost packets.", "抓包开始得比连接晚，或缺少数据包。");
        remedy: both(
            "Capture from the start of the connection, without loss. wslens does not guess unknown fields.",
            "从连接开始时抓起，且不要丢包。未知的字段不会靠猜测补上。",
        );
        peer: peer::UNSEEN;
    }

    H2_LIMIT_FIELDS = "h2-limit-fields" Warning "-" {
        summary: "A field block exceeds the limit (64 KiB or 1,000 fields); its remaining fields are not shown.",
            "字段块超过上限（64 KiB、1,000 个字段）：其余部分不显示。";
        causes: both(
            "Cookies have accumulated, or a small block that expands to a large one is an attack.",
            "Cookie 堆积过多，或有人用很小却会膨胀的字段块发起攻击。",
        );
        remedy: both("Clear the cookies; if this is an attack, find its source.", "清理 Cookie；若是攻击，查清是谁发的。");
        peer: both("Most servers respond with 431 or close the connection.", "多数服务器回 431 或关闭连接。");
    }

    H2_LIMIT_STREAMS = "h2-limit-streams" Warning "-" {
        summary: "One HTTP/2 connection has more open WebSockets than wslens follows.",
            "一个 HTTP/2 连接里打开的 WebSocket 超过了跟踪的数目。";
        causes: both("This is a load test, or the client never closes its WebSockets.", "压力测试，或客户端只打开而从不关闭。");
        remedy: both(
            "Lower SETTINGS_MAX_CONCURRENT_STREAMS on the server. wslens follows 1,024 of them.",
            "跟踪其中 1,024 个。在服务器上调低 SETTINGS_MAX_CONCURRENT_STREAMS。",
        );
        peer: peer::UNSEEN;
    }

    H2_CONNECT_NOT_ENABLED = "h2-connect-not-enabled" Error "RFC 8441 §3" {
        summary: "The client requested a WebSocket, but the server had not enabled extended CONNECT.",
            "服务器没有允许，客户端却请求了 WebSocket。";
        causes: both(
            "The client does not wait for the server's SETTINGS, or the server does not support RFC 8441.",
            "客户端没有等服务器的 SETTINGS，或服务器不支持 RFC 8441。",
        );
        remedy: both(
            "Enable extended CONNECT on the server, or use HTTP/1.1 for WebSockets.",
            "在服务器上启用扩展 CONNECT，或让客户端用 HTTP/1.1 打开 WebSocket。",
        );
        peer: both("Servers respond with RST_STREAM or a 4xx status.", "服务器对这样的请求回 RST_STREAM 或 4xx。");
    }

    H2_BAD_CONNECT = "h2-bad-connect" Error "RFC 8441 §4, §5; RFC 9113 §8.3" {
        summary: "The extended CONNECT request for a WebSocket is malformed.",
            "对 WebSocket 的请求不是合规的扩展 CONNECT。";
        causes: both(
            "Often a proxy translated an HTTP/1.1 upgrade incompletely.",
            "常见于只把 HTTP/1.1 升级翻译了一半的代理。",
        );
        remedy: both(
            "Send :method CONNECT, :protocol websocket, :scheme, :path and :authority, without END_STREAM, Upgrade or Sec-WebSocket-Key.",
            "发送 :method CONNECT、:protocol websocket、:scheme、:path 和 :authority，不带 END_STREAM、Upgrade 和 Sec-WebSocket-Key。",
        );
        peer: both(
            "The server rejects it with 400 or resets the stream with PROTOCOL_ERROR.",
            "服务器以 400 拒绝，或以 PROTOCOL_ERROR 重置该流。",
        );
    }

    H2_BAD_FIELD = "h2-bad-field" Error "RFC 9113 §8.2" {
        summary: "A field is not allowed in HTTP/2: it is connection-specific, or its name is not in lowercase.",
            "HTTP/2 不允许的字段：描述连接本身，或名称不是小写。";
        causes: both(
            "Fields such as Connection, Upgrade, Keep-Alive or Transfer-Encoding, or names in mixed case, were copied from HTTP/1.1.",
            "从 HTTP/1.1 照搬的字段：Connection、Upgrade、Keep-Alive、Transfer-Encoding，或名称带大写字母。",
        );
        remedy: both("Omit such fields and write names in lowercase.", "去掉这些字段，名称一律小写。");
        peer: both(
            "The receiver treats the request or response as malformed and resets the stream.",
            "对端把整个请求或响应当作格式错误，并重置该流。",
        );
    }

    H2_STREAM_RESET = "h2-stream-reset" Warning "RFC 9113 §5.4.2; RFC 8441 §5" {
        summary: "RST_STREAM ended the WebSocket without a complete closing handshake.",
            "RST_STREAM 在关闭握手完成之前结束了 WebSocket。";
        causes: both(
            "A proxy's timeout expired, the user left the page, or an error occurred, as the error code states.",
            "代理的时限、用户离开了页面，或错误码所说的错误。",
        );
        remedy: both(
            "Check who reset the stream and with which error code, and send a Close frame first.",
            "查看是谁以哪个错误码重置的；先用 Close 关闭 WebSocket。",
        );
        peer: peer::SEES_1006;
    }

    H2_DATA_AFTER_END = "h2-data-after-end" Error "RFC 9113 §5.1" {
        summary: "A side sent DATA after its END_STREAM.",
            "一方结束了流之后又发了 DATA。";
        causes: both(
            "The sender ends the stream in one thread and writes in another.",
            "发送方在一个线程里结束流，却在另一个线程里继续写。",
        );
        remedy: both("Send END_STREAM only with the last bytes.", "只在最后一个字节之后发 END_STREAM。");
        peer: both(
            "The receiver responds with STREAM_CLOSED and discards the data.",
            "对端回 STREAM_CLOSED，所发的内容不会被读取。",
        );
    }

    H2_GOAWAY = "h2-goaway" Info "RFC 9113 §6.8" {
        summary: "A side accepts no new streams because the connection is about to end.",
            "一方不再接受新的流：连接将要结束。";
        causes: both("Usually the server is being stopped or updated.", "通常是服务器正在停止或更新。");
        remedy: both(
            "Open new WebSockets in another connection; open ones are not affected.",
            "已打开的不用处理。新的 WebSocket 请在另一个连接里打开。",
        );
        peer: both(
            "The peer keeps open streams until they close, and opens no new ones.",
            "对端保留已打开的流直到关闭，不再在这里打开新的流。",
        );
    }

    H2_GOAWAY_ERROR = "h2-goaway-error" Error "RFC 9113 §5.4.1, §6.8" {
        summary: "A side ends the HTTP/2 connection because of an error.",
            "一方因出错而放弃连接。";
        causes: both(
            "The sender of GOAWAY blames the other side for the error that the error code and the debug data describe.",
            "原因见错误码及其后的文字：GOAWAY 的发送方认为对方出了错。",
        );
        remedy: both("Look for an earlier finding about the other side.", "查看另一方在此之前的问题。");
        peer: both(
            "All streams end with the connection; applications see close code 1006.",
            "所有的流随连接一起结束；应用看到 1006。",
        );
    }

    H2_FLOW_STALL = "h2-flow-stall" Info "RFC 9113 §5.2, §6.9" {
        summary: "The sender used up its flow-control window and had to wait.",
            "发送方用完了流量控制窗口，只能等待。";
        causes: both(
            "The receiver or a proxy reads slowly or announces small windows.",
            "接收方或中间的代理读得慢，或声明的窗口太小。",
        );
        remedy: both(
            "Raise SETTINGS_INITIAL_WINDOW_SIZE and send WINDOW_UPDATE earlier. Look for a slow stream that uses up the connection's window.",
            "调高 SETTINGS_INITIAL_WINDOW_SIZE，并更早发送 WINDOW_UPDATE。检查是否有慢的流占满了整个连接的窗口。",
        );
        peer: both(
            "The sender waits for WINDOW_UPDATE, so messages arrive late.",
            "在 WINDOW_UPDATE 到来之前不发 DATA，消息因此迟到。",
        );
    }

    H2_DESYNCHRONISED = "h2-desynchronised" Warning "-" {
        summary: "The HTTP/2 frame boundaries were lost; bytes skipped before the next frame are not shown.",
            "帧的边界丢失；找到下一帧之前跳过的内容不显示。";
        causes: both("Bytes are missing from the capture, or are not HTTP/2.", "抓包缺少字节，或这些字节不是 HTTP/2。");
        remedy: both(
            "Capture again without loss. wslens does not guess which bytes belong to a WebSocket.",
            "抓包时不要丢包。可能属于 WebSocket 的内容不会靠猜测补上。",
        );
        peer: peer::UNSEEN;
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
        assert_eq!(codes.len(), 18);
        for rule in ALL {
            assert!(rule.summary.en.ends_with('.') && rule.remedy.en.ends_with('.'), "{}", rule.code);
            assert!(rule.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }
}
