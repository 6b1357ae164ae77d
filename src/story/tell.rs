//! The chapters, from SYN to FIN.

use super::facts::{ChapterWriter, begin, counted, grouped, ratio, took};
use super::{Grade, Story, ending, opening, traffic};
use crate::model::both;
use crate::model::{Direction, Flags, Lang, Place};
use crate::report::stats::model::{Estimate, Given};
use crate::store::detail::TcpDetail;
use crate::store::{ConnectionRow, Index};

/// Nanoseconds between two polls in the estimate for HTTP.
const POLL: u64 = 1_000_000_000;
/// Kinds of findings that are named one by one.
const NAMED: usize = 12;

/// Tells a connection; `None` where there is no such connection. `tcp`: how TCP carried it, where that was looked at.
#[must_use]
pub fn tell(index: &Index, number: u32, tcp: Option<&TcpDetail>, lang: Lang) -> Option<Story> {
    let row = index.connection(number)?;
    let page = |en, zh| ChapterWriter::new(both(en, zh), lang);
    let mut chapters = vec![
        connection(page("Endpoints and transport", "通信双方与传输"), row, tcp),
        opening::handshake(page("Opening handshake", "握手"), row),
    ];
    let was_open = row.handshake.upgraded || !index.frames(number).is_empty();
    if was_open {
        chapters.push(traffic::traffic(page("Messages", "数据传输"), index, row));
        chapters.push(ending::closing(page("How it ended", "连接的结束"), index, row, tcp));
        chapters.push(polling(page("Compared with HTTP polling", "与 HTTP 轮询相比"), row));
    } else {
        chapters.push(ending::closing(page("How it ended", "连接的结束"), index, row, tcp));
    }
    chapters.push(findings(page("Findings", "发现"), index, row));
    chapters.push(unknown(page("Unknown", "无法判断的内容"), index, row));
    Some(Story { number, chapters: chapters.into_iter().filter_map(ChapterWriter::end).collect() })
}

fn connection(mut page: ChapterWriter, row: &ConnectionRow, tcp: Option<&TcpDetail>) -> ChapterWriter {
    let (client, server) = (row.client, row.server);
    let place = page.packet(row.first);
    match row.url.as_deref() {
        Some(url) => page.quote(
            place,
            &format!("The client {client} connected to the server {server}; the URL is \"{{}}\"."),
            &format!("客户端 {client} 连接到服务器 {server}；URL 是“{{}}”。"),
            &[url.as_bytes()],
        ),
        None => page.see(
            place,
            format!("The client {client} connected to the server {server}; the path was not captured."),
            format!("客户端 {client} 连接到服务器 {server}；没有抓到路径。"),
        ),
    }
    if let Some(proxied) = row.proxied {
        page.see(
            String::new(),
            format!("A PROXY protocol header names {proxied} as the client behind the proxy."),
            format!("PROXY 协议首部指出，代理后面的客户端是 {proxied}。"),
        );
    }
    if row.tunnelled {
        page.see(
            String::new(),
            "The connection runs through an HTTP CONNECT tunnel, so the server named here is a proxy.".into(),
            "连接经过 HTTP CONNECT 隧道，因此这里的服务器是代理。".into(),
        );
    }
    if let Some(stream) = row.stream_id {
        page.see(
            String::new(),
            format!("The WebSocket is stream {stream} of an HTTP/2 connection; other streams may share the TCP connection."),
            format!("这个 WebSocket 是一个 HTTP/2 连接的流 {stream}；其他流可能共用同一个 TCP 连接。"),
        );
    }
    let Some(tcp) = tcp else {
        page.miss(
            "This story leaves out how TCP opened and ended; `wslens story` includes it.".into(),
            "这里不包含 TCP 连接的建立和结束；请用 `wslens story` 查看。".into(),
        );
        return page;
    };
    open_tcp(&mut page, tcp);
    let (packets, bytes) = (tcp.packet_count, tcp.wire_bytes);
    let (en_all, zh_all) = match row.stream_id {
        Some(_) => (", including all streams and the headers of all layers", "，含所有的流和各层首部"),
        None => (", including the headers of all layers", "，含各层首部"),
    };
    page.see(
        String::new(),
        format!(
            "TCP used {} and {} on the wire{en_all}.",
            counted(packets, "packet"),
            counted(bytes, "byte")
        ),
        format!("TCP 一共用了 {} 个数据包，线路上 {} 字节{zh_all}。", grouped(packets), grouped(bytes)),
    );
    page
}

fn open_tcp(page: &mut ChapterWriter, tcp: &TcpDetail) {
    let first = |from: Direction, with: u8, without: u8| {
        tcp.packets.iter().find(|p| p.direction == from && p.flags.has(with) && !p.flags.has(without))
    };
    use Direction::{ClientToServer, ServerToClient};
    let syn = first(ClientToServer, Flags::SYN, Flags::ACK);
    let answer = first(ServerToClient, Flags::SYN, 0).filter(|p| p.flags.has(Flags::ACK));
    match (syn, answer) {
        (Some(syn), Some(answer)) => {
            let acknowledged = tcp.packets.iter().find(|p| {
                p.direction == ClientToServer
                    && !p.flags.has(Flags::SYN)
                    && p.flags.has(Flags::ACK)
                    && p.place.packet > answer.place.packet
            });
            let last = acknowledged.map_or(answer.place, |p| p.place);
            let at = page.packets(syn.place, last);
            let first = answer.place.elapsed_since(syn.place).map(took);
            let all = acknowledged.map(|ack| ack.place.elapsed_since(syn.place).map(took));
            match (first, all) {
                (Some(first), Some(Some(all))) => page.see(
                    at,
                    format!("TCP opened with SYN, SYN-ACK, ACK. The SYN-ACK came {first} after the SYN, and all three took {all}, measured at the capture point."),
                    format!("TCP 以 SYN、SYN-ACK、ACK 建立：SYN-ACK 在 SYN 之后 {first} 到达，三次握手共用 {all}（在抓包处测量）。"),
                ),
                (Some(first), None) => page.see(
                    at,
                    format!(
                        "TCP opened: the SYN-ACK came {first} after the SYN, measured at the capture point."
                    ),
                    format!("TCP 建立：SYN-ACK 在 SYN 之后 {first} 到达（在抓包处测量）。"),
                ),
                // The packets are not in the order of their times.
                _ => page.see(
                    at,
                    "TCP opened with SYN and SYN-ACK; their timestamps do not show how long that took.".into(),
                    "TCP 以 SYN、SYN-ACK 建立；从时间戳看不出用了多久。".into(),
                ),
            }
        }
        (Some(syn), None) => {
            let at = page.packet(syn.place);
            page.see(
                at,
                "The client's SYN was captured, but not the server's SYN-ACK.".into(),
                "抓到了客户端的 SYN，没有抓到服务器的 SYN-ACK。".into(),
            );
        }
        (None, _) => page.miss(
            "No SYN from the client was captured, so how long TCP took to open is not known.".into(),
            "没有抓到客户端的 SYN，因此不知道建立 TCP 连接用了多久。".into(),
        ),
    }
}

fn polling(mut page: ChapterWriter, row: &ConnectionRow) -> ChapterWriter {
    let handshake = &row.handshake;
    let (Some(request), Some(response), true) = (&handshake.request, &handshake.response, handshake.upgraded)
    else {
        return page; // Without both heads there is nothing to reckon with.
    };
    if handshake.is_cut() {
        return page;
    }
    let headers = |direction: Direction| {
        let counts = row.counts.of(direction);
        counts.wire_bytes.saturating_sub(counts.payload_bytes)
    };
    let data = |direction: Direction| {
        row.counts.of(direction).data.iter().fold(0u64, |sum, n| sum.saturating_add(*n))
    };
    let opened = row.response.map_or(row.first.time, |place| place.last.time);
    let until = row.closed.unwrap_or(row.last.time);
    let (request, response) = (u64::from(request.wire_len), u64::from(response.wire_len));
    use Direction::{ClientToServer, ServerToClient};
    let given = Given {
        request_bytes: request,
        response_bytes: response,
        connections: 1,
        handshake_bytes: request + response,
        frame_header_bytes: headers(ClientToServer).saturating_add(headers(ServerToClient)),
        sent: data(ClientToServer),
        received: data(ServerToClient),
        open_time: until.since(opened).unsigned(),
        poll: POLL,
    };
    if given.sent + given.received == 0 {
        return page;
    }
    let estimate = Estimate::of(&given);
    let of = |name: &str| estimate.methods.iter().find(|method| method.name == name).copied();
    let (Some(own), Some(poll), Some(each)) = (of("websocket"), of("poll"), of("request")) else {
        return page;
    };
    page.see(
        String::new(),
        format!(
            "WebSocket used {} for headers: {} for the handshake and {} for frame headers.",
            counted(own.header_bytes, "byte"),
            grouped(given.handshake_bytes),
            grouped(given.frame_header_bytes)
        ),
        format!(
            "WebSocket 的首部共 {} 字节：握手 {}，帧首部 {}。",
            grouped(own.header_bytes),
            grouped(given.handshake_bytes),
            grouped(given.frame_header_bytes)
        ),
    );
    let compare = |page: &mut ChapterWriter, what: [&str; 2], requests: u64, bytes: u64| {
        let [en, zh] = what;
        let (more_en, more_zh) = match bytes >= own.header_bytes {
            true => (
                format!("{} times as much", ratio(bytes, own.header_bytes)),
                format!("是它的 {} 倍", ratio(bytes, own.header_bytes)),
            ),
            false => ("less than WebSocket used".to_owned(), "比 WebSocket 花的少".to_owned()),
        };
        page.infer(
            format!(
                "{en} would have needed {} and {} of headers, {more_en}.",
                counted(requests, "request"),
                counted(bytes, "byte")
            ),
            format!("{zh}需要 {} 个请求、{} 字节的首部，{more_zh}。", grouped(requests), grouped(bytes)),
        );
    };
    compare(&mut page, ["Polling once a second", "若每秒轮询一次，"], poll.requests, poll.header_bytes);
    compare(&mut page, ["One request per message", "若每条消息一个请求，"], each.requests, each.header_bytes);
    let (en_not, zh_not) = match handshake.is_http2 {
        true => (
            "TCP, TLS and HTTP/2 frame headers are not counted. Request and response headers are counted at their HTTP/2 compressed size.",
            "不计 TCP、TLS 和 HTTP/2 的帧首部。首部按 HTTP/2 压缩后的大小计算。",
        ),
        false => (
            "TCP, TLS and header compression are not counted. HTTP/2 would compress the headers.",
            "不计 TCP、TLS 和首部压缩。HTTP/2 会压缩首部。",
        ),
    };
    page.infer(
        format!("The model: one poll per second and one request per message sent. Each request costs as much as the opening handshake of this connection, {request} + {response} bytes. {en_not}"),
        format!("模型：每秒轮询一次，每发一条消息再加一个请求；每个请求的开销等于这个连接的握手首部，{request} + {response} 字节；{zh_not}"),
    );
    page
}

fn findings(mut page: ChapterWriter, index: &Index, row: &ConnectionRow) -> ChapterWriter {
    let [info, warnings, errors] = row.findings;
    if info + warnings + errors == 0 {
        page.see(
            String::new(),
            "No protocol violations were found.".into(),
            "没有发现违反协议的情况。".into(),
        );
        return page;
    }
    page.see(
        String::new(),
        format!(
            "wslens found {}, {} and {}.",
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(info, "info finding")
        ),
        format!("发现 {errors} 个错误、{warnings} 个警告、{info} 条信息。"),
    );
    let mut seen: Vec<(&str, &'static crate::model::Rule, Place, u64)> = Vec::new();
    for finding in index.findings.iter().filter(|finding| finding.connection == Some(row.id)) {
        match seen.iter_mut().find(|(code, ..)| *code == finding.rule.code) {
            Some((.., count)) => *count += 1,
            None => seen.push((finding.rule.code, finding.rule, finding.place, 1)),
        }
    }
    seen.sort_by_key(|(_, rule, ..)| std::cmp::Reverse(rule.severity));
    for (code, rule, place, count) in seen.iter().take(NAMED) {
        let at = page.packet(*place);
        let told = rule.summary.of(page.lang);
        let times = if *count > 1 { format!(" ×{count}") } else { String::new() };
        page.see(at, format!("{code}{times}: {told}"), format!("{code}{times}：{told}"));
    }
    if seen.len() > NAMED {
        let more = seen.len() - NAMED;
        page.see(
            String::new(),
            format!("`wslens check` lists {more} more kinds of findings."),
            format!("用 `wslens check` 可查看另外 {more} 种发现。"),
        );
    }
    page
}

fn unknown(mut page: ChapterWriter, index: &Index, row: &ConnectionRow) -> ChapterWriter {
    let (gaps, bytes) = row.gaps;
    if gaps > 0 {
        page.miss(
            format!(
                "{} are missing from the capture, in {}.",
                begin(&counted(bytes, "byte")),
                counted(gaps, "gap")
            ),
            format!("抓包中缺少 {} 字节，分布在 {} 处缺口。", grouped(bytes), grouped(gaps)),
        );
    }
    for direction in Direction::BOTH {
        if let Some(skipped) = row.skipped.of(direction) {
            let who = page.who(direction);
            page.miss(
                format!(
                    "wslens lost the frame boundaries in the data from {who} and did not decode {}.",
                    counted(*skipped, "byte")
                ),
                format!("{who}发送的数据丢失了帧边界，有 {} 字节没有解析。", grouped(*skipped)),
            );
        }
    }
    let unsure = index.messages(row.id.0).iter().filter(|message| message.len().is_none()).count() as u64;
    if unsure > 0 {
        page.miss(
            format!("The decoded length of {} is not known.", counted(unsure, "message")),
            format!("有 {} 条消息解码后的长度未知。", grouped(unsure)),
        );
    }
    if let Some(tls) = &row.tls {
        let resumed = page.lang.pick(
            if tls.resumed { ", resuming an earlier session" } else { "" },
            if tls.resumed { "，恢复了先前的会话" } else { "" },
        );
        let text = page.lang.pick(
            format!(
                "The connection uses wss:// and was decrypted with its TLS secrets: {}, {}{resumed}.",
                tls.version, tls.cipher
            ),
            format!("这是 wss:// 连接，已用 TLS 密钥解密：{}，{}{resumed}。", tls.version, tls.cipher),
        );
        page.say(Grade::Observed, String::new(), &text, &[]);
    } else if row.is_wss() {
        page.say(
            Grade::Inferred,
            String::new(),
            page.lang.pick(
                "The connection uses wss://; its bytes were decrypted before they were captured or exported.",
                "这是 wss:// 连接；这些字节在抓包或导出之前已经解密。",
            ),
            &[],
        );
    }
    page
}
