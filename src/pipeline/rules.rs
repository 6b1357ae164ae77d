//! The rules of the analyser's own limits: what is given up is reported.

use crate::model::{both, peer};

crate::rules! {
    LIMIT_CONNECTIONS = "limit-connections" Warning "-" {
        summary: "The connection table is full; the connection idle longest was ended and reported.",
            "连接表已满：空闲最久的连接被结束并输出。";
        causes: both("More connections are open at once than wslens follows.", "同时存在的连接超过了跟踪上限。");
        remedy: both("Filter the capture, or raise --max-connections.", "先过滤抓包，或调大 --max-connections。");
        peer: peer::UNSEEN;
    }

    LIMIT_STREAM_MEMORY = "limit-stream-memory" Warning "-" {
        summary: "The out-of-order buffer of a stream is full; wslens stopped waiting for the missing bytes and reports a gap.",
            "一个流的乱序缓冲区已满；wslens 不再等待缺失的字节，并报告缺口。";
        causes: both(
            "The capture lacks a segment that the receiver did not acknowledge.",
            "抓包缺少一个报文段，接收方也没有确认它。",
        );
        remedy: both(
            "Capture without loss, or raise --mem-stream to wait longer.",
            "避免抓包丢包，或调大 --mem-stream 以等待更久。",
        );
        peer: peer::UNSEEN;
    }

    LIMIT_TOTAL_MEMORY = "limit-total-memory" Warning "-" {
        summary: "All connections together reached the memory limit. wslens stopped waiting at gaps, then discarded payloads and compression windows, starting with the largest, and then ended the connections idle longest.",
            "所有连接合计达到内存上限。wslens 从最大的开始，先停止等待缺口，再丢弃载荷和压缩窗口，最后结束空闲最久的连接。";
        causes: both(
            "Many connections are open at once, or their streams wait for lost segments or hold long headers, long messages or compression windows.",
            "同时打开的连接太多，或太多的流在等丢失的报文段，或保存着很长的首部、消息或压缩窗口。",
        );
        remedy: both("Raise --mem-total, or filter the capture.", "调大 --mem-total，或先过滤抓包。");
        peer: peer::UNSEEN;
    }

    CONNECT_FAILED = "connect-failed" Warning "RFC 9293 §3.5" {
        summary: "A TCP connection to a WebSocket server was not established: the SYN was unanswered or reset.",
            "到 WebSocket 服务器的 TCP 连接没有建立：SYN 没有响应，或被 RST 重置。";
        causes: both(
            "No reply: a firewall drops the packets, or the host is down. RST: no program listens on the port.",
            "没有回答：防火墙丢弃了数据包，或主机不在线。RST：那个端口上没有程序监听。",
        );
        remedy: both(
            "Check the address, the port and the firewall; capture at the server to see whether the SYN arrives.",
            "检查地址、端口和防火墙；在服务器上抓包，看 SYN 是否到达。",
        );
        peer: both(
            "The client times out, or reports \"connection refused\" at once.",
            "客户端一直等到自己的超时，或立即报 “connection refused”。",
        );
    }

    FLOW_TIMEOUT = "flow-timeout" Info "-" {
        summary: "The connection was idle for too long and is treated as ended.",
            "连接空闲太久，视为已结束。";
        causes: both(
            "No packet of the connection was captured for a long time: it is idle, or its packets take another route.",
            "很久没有抓到它的数据包：连接空闲，或数据包走了别的路。",
        );
        remedy: both(
            "Nothing, if it is idle. Later packets start a new connection in wslens.",
            "若只是空闲则不用处理。之后再来的数据包在这里算作新连接。",
        );
        peer: peer::UNSEEN;
    }
}

/// Findings of this room and those that it hands on, for lists.
pub const RULES: &[&[&crate::model::Rule]] = &[
    ALL,
    crate::tcp::rules::ALL,
    crate::net::rules::ALL,
    crate::http::rules::ALL,
    crate::http::http2::rules::ALL,
    crate::ws::rules::ALL,
    #[cfg(feature = "tls")]
    crate::tls::rules::ALL,
];
