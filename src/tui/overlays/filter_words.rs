//! The help of the filter's fields and operators in Chinese.

use crate::filter::{Completion, Field, FilterError};

/// Returns the Chinese help of a completion; its own where it has none, as values do.
#[must_use]
pub fn help(completion: &Completion) -> &str {
    let text = completion.text.as_str();
    if let Some(field) = Field::named(text).filter(|field| field.info().help == completion.help) {
        return field_help(field.name()).unwrap_or(&completion.help);
    }
    match text {
        _ if completion.help.is_empty() || completion.help.starts_with("0x") => &completion.help,
        "==" => "等于",
        "!=" => "不等于",
        "<" => "小于",
        "<=" => "小于或等于",
        ">" => "大于",
        ">=" => "大于或等于",
        "in" => "属于 {a, b}，或在 a..b 之间",
        "contains" => "含有此文本或这些字节",
        "~" => "匹配正则表达式",
        "and" => "并且",
        "or" => "或者",
        "not" => "后面的条件不成立",
        _ => &completion.help,
    }
}

/// Returns the Chinese title for an error: the faulty word.
#[must_use]
pub fn error(error: &FilterError, text: &str) -> String {
    match text.get(error.range.clone()).filter(|word| !word.is_empty()) {
        Some(word) => format!("此处有误：{word}"),
        None => "不完整：此处还需要内容".to_owned(),
    }
}

/// Returns the Chinese note for an error: similar words; may be empty.
#[must_use]
pub fn note(error: &FilterError) -> String {
    if error.near.is_empty() {
        return String::new();
    }
    format!("是否想写：{}？", error.near.join("、"))
}

fn field_help(name: &str) -> Option<&'static str> {
    HELP.iter().find(|(field, _)| *field == name).map(|(_, help)| *help)
}

/// The Chinese help of each field.
const HELP: &[(&str, &str)] = &[
    ("any", "载荷、URL 和关闭原因；单独的“文本”在其中查找"),
    ("conn", "WebSocket 的编号，从 1 起"),
    ("time", "完成的时间（连接：开始的时间），自首个数据包起的秒数，或日期"),
    ("epoch", "同上，自 1970 年起的秒数，或日期"),
    ("delta", "距此连接上一条消息（帧）的时间"),
    ("dir", "方向"),
    ("packet", "含首字节的数据包，从 1 起"),
    ("last_packet", "使其完整的数据包，从 1 起"),
    ("msg", "消息在连接中的编号，从 1 起"),
    ("frame", "帧在连接中的编号，从 1 起"),
    ("op", "类型（消息：首帧的 opcode）"),
    ("opcode", "同上；0 至 15"),
    ("control", "close、ping、pong，或保留的控制 opcode"),
    ("len", "消息：解压后的应用字节数；帧：首部声明的载荷字节数"),
    ("wire", "含帧头的字节数"),
    ("frames", "消息的帧数"),
    ("compressed", "消息经过压缩"),
    ("integrity", "消息的完整程度"),
    ("text", "文本消息的文本；发现：其说明"),
    ("json", "JSON 文本消息中的值，按路径：json.user.name"),
    ("payload", "消息：应用字节；帧：解除掩码后的载荷字节"),
    ("hex", "同上，以十六进制数字给出"),
    ("sha256", "应用字节的 SHA-256"),
    ("invalid_utf8_at", "首个不是 UTF-8 的字节的偏移"),
    ("missing_at", "首个缺少的字节的偏移"),
    ("missing_len", "缺少的字节数"),
    ("close.code", "Close 的关闭码；连接：第一个 Close 的关闭码"),
    ("close.reason", "Close 的原因；连接：第一个 Close 的原因"),
    ("rtt", "pong：距其应答的 ping 的时间"),
    ("fin", "FIN：消息的最后一帧"),
    ("rsv", "RSV1 至 RSV3 组成的数，RSV1 = 4"),
    ("rsv1", "RSV1：使用 permessage-deflate 时表示已压缩"),
    ("rsv2", "RSV2"),
    ("rsv3", "RSV3"),
    ("masked", "MASK：载荷带掩码"),
    ("masking_key", "掩码密钥"),
    ("header_len", "帧头的字节数"),
    ("offset", "在该方向 TCP 流中的起始偏移"),
    ("complete", "帧已完整抓到"),
    ("code", "发现的代码"),
    ("severity", "严重程度；info < warning < error"),
    ("ref", "标准的章节"),
    ("tcp_stream", "TCP 连接的编号，从 0 起"),
    ("client", "发起连接的一端"),
    ("server", "另一端"),
    ("client.ip", "客户端的地址"),
    ("client.port", "客户端的端口"),
    ("server.ip", "服务器的地址"),
    ("server.port", "服务器的端口"),
    ("ip", "任意一端的地址"),
    ("port", "任意一端的端口"),
    ("src.ip", "发送方的地址"),
    ("src.port", "发送方的端口"),
    ("dst.ip", "接收方的地址"),
    ("dst.port", "接收方的端口"),
    ("proxied_client", "PROXY 首部给出的客户端"),
    ("tunnelled", "在 HTTP CONNECT 隧道内"),
    ("url", "客户端请求的 URL"),
    ("host", "URL 的主机，可带端口"),
    ("path", "URL 的路径和查询"),
    ("origin", "请求的 Origin"),
    ("user_agent", "请求的 User-Agent"),
    ("status", "响应的状态码"),
    ("accept", "Sec-WebSocket-Accept 的检查结果"),
    ("subprotocol", "协商的子协议"),
    ("extensions", "协商的扩展的名称"),
    ("http_version", "握手的 HTTP 版本"),
    ("stream_id", "WebSocket 所在的 HTTP/2 流"),
    ("midstream", "中途开始的连接"),
    ("tls", "在 TLS 内"),
    ("state", "结束时的状态"),
    ("opened", "打开的时间"),
    ("closed", "结束的时间"),
    ("duration", "从打开到结束的时间"),
    ("messages", "两个方向的消息数"),
    ("messages.c2s", "客户端的消息数"),
    ("messages.s2c", "服务器的消息数"),
    ("frames.c2s", "客户端的帧数"),
    ("frames.s2c", "服务器的帧数"),
    ("payload_bytes.c2s", "客户端的载荷字节数"),
    ("payload_bytes.s2c", "服务器的载荷字节数"),
    ("wire_bytes.c2s", "客户端的帧的字节数，含帧头"),
    ("wire_bytes.s2c", "服务器的帧的字节数，含帧头"),
    ("close.by", "先发送 Close 的一方"),
    ("close.clean", "Close 得到了应答"),
    ("findings.error", "错误的数量"),
    ("findings.warning", "警告的数量"),
    ("findings.info", "信息的数量"),
    ("gaps", "缺口的数量"),
    ("gap_bytes", "缺少的字节数"),
    ("skipped_bytes", "丢失数据后未解码的字节数"),
    ("mark", "您标记的消息；仅在终端界面中"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::FIELDS;

    #[test]
    fn every_field_has_a_chinese_help() {
        for info in FIELDS {
            assert!(field_help(info.name).is_some(), "{}", info.name);
        }
        assert_eq!(HELP.len(), FIELDS.len());
    }
}
