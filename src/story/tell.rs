//! The chapters, from SYN to FIN.

use super::facts::{Page, begin, counted, grouped, ratio, took};
use super::{Grade, Story, ending, traffic};
use crate::explain::words::rules::summary;
use crate::explain::words::w;
use crate::http::parse_extensions;
use crate::model::{Accept, Body, Direction, Flags, Lang, Place};
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
    let page = |en, zh| Page::new(w(en, zh), lang);
    let mut chapters = vec![
        connection(page("Who, and over what", "谁和谁，经过什么"), row, tcp),
        handshake(page("Opening handshake", "握手"), row),
    ];
    let was_open = row.handshake.upgraded || !index.frames(number).is_empty();
    if was_open {
        chapters.push(traffic::traffic(page("What was said", "说了什么"), index, row));
        chapters.push(ending::closing(page("The end", "结束"), index, row, tcp));
        chapters.push(polling(page("Against HTTP polling", "与 HTTP 轮询相比"), row));
    } else {
        chapters.push(ending::closing(page("The end", "结束"), index, row, tcp));
    }
    chapters.push(findings(page("Findings", "问题"), index, row));
    chapters.push(unknown(page("What is not known", "不知道的"), index, row));
    Some(Story { number, chapters: chapters.into_iter().filter_map(Page::end).collect() })
}

fn connection(mut page: Page, row: &ConnectionRow, tcp: Option<&TcpDetail>) -> Page {
    let (client, server) = (row.client, row.server);
    let place = page.packet(row.first);
    match row.url.as_deref() {
        Some(url) => page.quote(
            place,
            &format!("{client}, the client, talked to {server}, the server; the URL is \"{{}}\"."),
            &format!("客户端 {client} 与服务器 {server} 通信；URL 是“{{}}”。"),
            &[url.as_bytes()],
        ),
        None => page.see(
            place,
            format!("{client}, the client, talked to {server}, the server; the path was not captured."),
            format!("客户端 {client} 与服务器 {server} 通信；没有抓到路径。"),
        ),
    }
    if let Some(proxied) = row.proxied {
        page.see(
            String::new(),
            format!("A PROXY protocol header says that the client behind the proxy is {proxied}."),
            format!("PROXY 协议头说，代理后面的客户端是 {proxied}。"),
        );
    }
    if row.tunnelled {
        page.see(
            String::new(),
            "It runs inside an HTTP CONNECT tunnel: what is called the server here is a proxy.".into(),
            "它走在 HTTP CONNECT 隧道里：这里所说的服务器其实是代理。".into(),
        );
    }
    let Some(tcp) = tcp else {
        page.miss(
            "How TCP opened and ended was not looked at here; wslens story does.".into(),
            "这里没有查看 TCP 如何打开和结束；wslens story 会查看。".into(),
        );
        return page;
    };
    open_tcp(&mut page, tcp);
    let (packets, bytes) = (tcp.packet_count, tcp.wire_bytes);
    page.see(
        String::new(),
        format!(
            "TCP took {} and {} on the wire, headers of all layers included.",
            counted(packets, "packet"),
            counted(bytes, "byte")
        ),
        format!("TCP 一共用了 {} 个数据包，线路上 {} 字节，含各层首部。", grouped(packets), grouped(bytes)),
    );
    page
}

fn open_tcp(page: &mut Page, tcp: &TcpDetail) {
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
            let first = took(answer.place.time.since(syn.place.time));
            match acknowledged {
                Some(ack) => {
                    let all = took(ack.place.time.since(syn.place.time));
                    page.see(
                        at,
                        format!("TCP opened with SYN, SYN-ACK, ACK: the SYN-ACK came {first} after the SYN, and all three took {all}, as seen where it was captured."),
                        format!("TCP 以 SYN、SYN-ACK、ACK 打开：SYN 之后 {first} 来了 SYN-ACK，三个包共用 {all}（以抓包处为准）。"),
                    );
                }
                None => page.see(
                    at,
                    format!(
                        "TCP opened: the SYN-ACK came {first} after the SYN, as seen where it was captured."
                    ),
                    format!("TCP 打开：SYN 之后 {first} 来了 SYN-ACK（以抓包处为准）。"),
                ),
            }
        }
        (Some(syn), None) => {
            let at = page.packet(syn.place);
            page.see(
                at,
                "The client's SYN was captured, the server's answer to it was not.".into(),
                "抓到了客户端的 SYN，没有抓到服务器对它的回答。".into(),
            );
        }
        (None, _) => page.miss(
            "No SYN of the client was captured: how long TCP took to open is not known.".into(),
            "没有抓到客户端的 SYN：不知道 TCP 打开用了多久。".into(),
        ),
    }
}

fn handshake(mut page: Page, row: &ConnectionRow) -> Page {
    let handshake = &row.handshake;
    if row.is_midstream() {
        page.miss(
            "The opening handshake was not captured: the path, the subprotocol and the extensions are not known."
                .into(),
            "没有抓到握手：不知道路径、子协议和扩展。".into(),
        );
        return page;
    }
    match (&handshake.request, row.request) {
        (Some(head), Some(place)) => {
            let at = page.packets(place.first, place.last);
            let bytes = head.bytes.len() as u64;
            let (en, zh) = if head.cut {
                ("The client asked to upgrade: \"{} {}\".".to_owned(), "客户端请求升级：“{} {}”。".to_owned())
            } else {
                let asked =
                    format!("The client asked to upgrade in {}: \"{{}} {{}}\".", counted(bytes, "byte"));
                (asked, format!("客户端用 {} 字节请求升级：“{{}} {{}}”。", grouped(bytes)))
            };
            page.quote(at, &en, &zh, &[head.method(), head.target()]);
            if head.cut {
                page.miss(
                    format!(
                        "Handshake cut by the snap length: of the request, {} are here. What the rest said is not known.",
                        counted(bytes, "byte")
                    ),
                    format!("握手被截断长度切短：请求只有 {} 字节，其余内容未知。", grouped(bytes)),
                );
            }
            if let (Some(origin), Some(host)) = (head.value("Origin"), head.value("Host")) {
                let name = origin.iter().position(|byte| *byte == b'/').and_then(|at| origin.get(at + 2..));
                let same = name.is_some_and(|name| name.eq_ignore_ascii_case(host));
                let accepted = handshake.upgraded;
                let (en, zh) = match (same, accepted) {
                    (true, _) => (
                        "The page that opened it came from the same host: Origin is \"{}\".",
                        "打开它的网页来自同一主机：Origin 是“{}”。",
                    ),
                    (false, true) => (
                        "Origin \"{}\" is not the host that was asked, and the server accepted it.",
                        "Origin“{}”与所访问的主机不同，服务器接受了。",
                    ),
                    (false, false) => {
                        ("Origin \"{}\" is not the host that was asked.", "Origin“{}”与所访问的主机不同。")
                    }
                };
                page.quote(String::new(), en, zh, &[origin]);
            }
            offers(&mut page, head);
        }
        _ => page.miss(
            "The request was not captured: what the client offered is not known.".into(),
            "没有抓到请求：不知道客户端提供过什么。".into(),
        ),
    }
    answer(&mut page, row);
    page
}

fn offers(page: &mut Page, head: &crate::model::Head) {
    let protocols: Vec<&[u8]> = head.values("Sec-WebSocket-Protocol").collect();
    if !protocols.is_empty() {
        let list = protocols.join(&b", "[..]);
        page.quote(String::new(), "It offered the subprotocols \"{}\".", "它提供的子协议：“{}”。", &[&list]);
    }
    let (extensions, _) = parse_extensions(head.values("Sec-WebSocket-Extensions"));
    if !extensions.is_empty() {
        let names: Vec<&str> = extensions.iter().map(|extension| extension.name.as_str()).collect();
        let list = names.join(", ");
        page.quote(
            String::new(),
            "It offered the extensions \"{}\".",
            "它提供的扩展：“{}”。",
            &[list.as_bytes()],
        );
    }
}

fn refusal_body(page: &mut Page, body: &Body) {
    const LINES: usize = 8;
    let lines = body.text().map(|text| text.lines().map(|line| line.trim().as_bytes()));
    let lines: Vec<&[u8]> = lines.into_iter().flatten().filter(|line| !line.is_empty()).collect();
    let cut = body.cut || lines.len() > LINES;
    let text = lines.get(..lines.len().min(LINES)).unwrap_or_default().join(&b" "[..]);
    let (en, zh) = match (text.is_empty(), cut) {
        (true, _) => ("Its body is no text that can be shown.", "它的正文不是可以显示的文本。"),
        (false, true) => ("Its body begins: \"{}\".", "它的正文以此开头：“{}”。"),
        (false, false) => ("Its body is: \"{}\".", "它的正文是：“{}”。"),
    };
    let quoted: &[&[u8]] = if text.is_empty() { &[] } else { &[&text] };
    page.quote(String::new(), en, zh, quoted);
}

fn answer(page: &mut Page, row: &ConnectionRow) {
    let handshake = &row.handshake;
    if let Some(foreign) = &handshake.foreign {
        let at = page.packet(foreign.place);
        let (en, zh) = (foreign.describe(Lang::En), foreign.describe(Lang::Zh));
        page.see(
            at,
            format!("The server answered, but not with an HTTP/1.1 response: {en}."),
            format!("服务器有回答，但不是 HTTP/1.1 响应：{zh}。"),
        );
    }
    let (Some(status), Some(place)) = (handshake.status, row.response) else {
        if handshake.foreign.is_none() {
            page.miss("No response of the server was captured.".into(), "没有抓到服务器的响应。".into());
        }
        return;
    };
    let at = page.packets(place.first, place.last);
    let after = row.request.map(|asked| took(place.last.time.since(asked.last.time)));
    let (en_after, zh_after) = after.map_or((String::new(), String::new()), |after| {
        (format!(", {after} after the request"), format!("，在请求之后 {after}"))
    });
    if !handshake.upgraded {
        page.see(
            at,
            format!("The server answered {status}{en_after}: no WebSocket came to be."),
            format!("服务器回了 {status}{zh_after}：WebSocket 没有建立。"),
        );
        if let Some(body) = &handshake.body {
            refusal_body(page, body);
        }
        return;
    }
    page.see(
        at,
        format!("The server answered {status}{en_after}."),
        format!("服务器回了 {status}{zh_after}。"),
    );
    if let Some(head) = handshake.response.as_ref().filter(|head| head.cut) {
        let bytes = head.bytes.len() as u64;
        page.miss(
            format!(
                "Handshake cut by the snap length: of the answer, {} are here. What the rest said is not known.",
                counted(bytes, "byte")
            ),
            format!("握手被截断长度切短：回答只有 {} 字节，其余内容未知。", grouped(bytes)),
        );
    }
    match handshake.accept {
        Accept::Unknown if handshake.is_cut() => page.miss(
            "Whether its Sec-WebSocket-Accept is right cannot be checked: the handshake is cut.".into(),
            "无法核对它的 Sec-WebSocket-Accept：握手被切断。".into(),
        ),
        Accept::Ok => page.see(
            String::new(),
            "Its Sec-WebSocket-Accept was computed again from the key and is right.".into(),
            "已由密钥重新计算 Sec-WebSocket-Accept，它是对的。".into(),
        ),
        Accept::Wrong => page.see(
            String::new(),
            "Its Sec-WebSocket-Accept is wrong: a client has to close such a connection.".into(),
            "它的 Sec-WebSocket-Accept 是错的：客户端必须关闭这样的连接。".into(),
        ),
        Accept::Missing => page.see(
            String::new(),
            "It sent no Sec-WebSocket-Accept: a client has to close such a connection.".into(),
            "它没有发 Sec-WebSocket-Accept：客户端必须关闭这样的连接。".into(),
        ),
        Accept::Unknown => page.miss(
            "Whether its Sec-WebSocket-Accept is right cannot be checked: the key is not there.".into(),
            "无法核对它的 Sec-WebSocket-Accept：没有密钥。".into(),
        ),
    }
    match &handshake.subprotocol {
        Some(name) => page.quote(
            String::new(),
            "The subprotocol agreed on is \"{}\".",
            "协商好的子协议是“{}”。",
            &[name.as_bytes()],
        ),
        None if handshake.response.as_ref().is_some_and(|head| head.cut) => {}
        None => page.see(String::new(), "No subprotocol was agreed on.".into(), "没有协商子协议。".into()),
    }
    if handshake.hides_extensions() {
        page.miss("Which extensions were agreed on is not known.".into(), "不知道协商了哪些扩展。".into());
    } else if handshake.extensions.is_empty() {
        page.see(
            String::new(),
            "No extension was agreed on: frames are as RFC 6455 has them.".into(),
            "没有协商扩展：帧就是 RFC 6455 规定的样子。".into(),
        );
    } else {
        let names: Vec<&str> = handshake.extensions.iter().map(|extension| extension.name.as_str()).collect();
        let list = names.join(", ");
        page.quote(
            String::new(),
            "The extensions agreed on are \"{}\".",
            "协商好的扩展是“{}”。",
            &[list.as_bytes()],
        );
    }
}

fn polling(mut page: Page, row: &ConnectionRow) -> Page {
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
    let (request, response) = (request.bytes.len() as u64, response.bytes.len() as u64);
    use Direction::{ClientToServer, ServerToClient};
    let given = Given {
        request_bytes: request,
        response_bytes: response,
        connections: 1,
        handshake_bytes: request + response,
        frame_header_bytes: headers(ClientToServer).saturating_add(headers(ServerToClient)),
        sent: data(ClientToServer),
        received: data(ServerToClient),
        open_time: until.since(opened).max(0).unsigned_abs(),
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
            "WebSocket spent {} on headers here: {} on the handshake, {} on frame headers.",
            counted(own.header_bytes, "byte"),
            grouped(given.handshake_bytes),
            grouped(given.frame_header_bytes)
        ),
        format!(
            "WebSocket 在这里为首部花了 {} 字节：握手 {}，帧头 {}。",
            grouped(own.header_bytes),
            grouped(given.handshake_bytes),
            grouped(given.frame_header_bytes)
        ),
    );
    let compare = |page: &mut Page, what: [&str; 2], requests: u64, bytes: u64| {
        let [en, zh] = what;
        let (more_en, more_zh) = match bytes >= own.header_bytes {
            true => (
                format!("{} times as much", ratio(bytes, own.header_bytes)),
                format!("是它的 {} 倍", ratio(bytes, own.header_bytes)),
            ),
            false => ("less than WebSocket spent".to_owned(), "比 WebSocket 花的少".to_owned()),
        };
        page.infer(
            format!(
                "{en} it would have been {} and {} of headers, {more_en}.",
                counted(requests, "request"),
                counted(bytes, "byte")
            ),
            format!("{zh}需要 {} 个请求、{} 字节的首部，{more_zh}。", grouped(requests), grouped(bytes)),
        );
    };
    compare(&mut page, ["By polling once a second", "若每秒轮询一次，"], poll.requests, poll.header_bytes);
    compare(
        &mut page,
        ["With a request for each message", "若每条消息一个请求，"],
        each.requests,
        each.header_bytes,
    );
    page.infer(
        format!("The model: a poll each second and a request for each message sent; each request costs as much as this connection's own heads, {request} + {response} bytes; TCP, TLS and compression of headers are not counted. HTTP/2 would compress them."),
        format!("模型：每秒轮询一次，每发一条消息再加一个请求；每个请求的开销等于这条连接自己的头部，{request} + {response} 字节；不计 TCP、TLS 和首部压缩。HTTP/2 会压缩首部。"),
    );
    page
}

fn findings(mut page: Page, index: &Index, row: &ConnectionRow) -> Page {
    let [info, warnings, errors] = row.findings;
    if info + warnings + errors == 0 {
        page.see(String::new(), "No rule was found broken.".into(), "没有发现违反规则的地方。".into());
        return page;
    }
    page.see(
        String::new(),
        format!(
            "{}, {} and {} were found.",
            begin(&counted(errors, "error")),
            counted(warnings, "warning"),
            counted(info, "note")
        ),
        format!("发现 {errors} 个错误、{warnings} 个警告、{info} 条提示。"),
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
        let told = summary(rule, page.lang);
        let times = if *count > 1 { format!(" ×{count}") } else { String::new() };
        page.see(at, format!("{code}{times}: {told}"), format!("{code}{times}：{told}"));
    }
    if seen.len() > NAMED {
        let more = seen.len() - NAMED;
        page.see(
            String::new(),
            format!("{more} more kinds: wslens check."),
            format!("另有 {more} 种：wslens check。"),
        );
    }
    page
}

fn unknown(mut page: Page, index: &Index, row: &ConnectionRow) -> Page {
    let (gaps, bytes) = row.gaps;
    if gaps > 0 {
        page.miss(
            format!(
                "{} of its streams are not in the capture, in {}.",
                begin(&counted(bytes, "byte")),
                counted(gaps, "gap")
            ),
            format!("它的流里有 {} 字节不在抓包中，分在 {} 处缺口。", grouped(bytes), grouped(gaps)),
        );
    }
    for direction in Direction::BOTH {
        if let Some(skipped) = row.skipped.of(direction) {
            let who = page.who(direction);
            page.miss(
                format!(
                    "Framing of what {who} sent was lost: {} were not dissected.",
                    counted(*skipped, "byte")
                ),
                format!("{who}发送的内容丢失了帧的边界：{} 字节没有解析。", grouped(*skipped)),
            );
        }
    }
    let unsure = index.messages(row.id.0).iter().filter(|message| message.len().is_none()).count() as u64;
    if unsure > 0 {
        page.miss(
            format!("Of {} the length after decoding is not known.", counted(unsure, "message")),
            format!("有 {} 条消息，解码后的长度不知道。", grouped(unsure)),
        );
    }
    if let Some(tls) = &row.tls {
        let resumed = page.lang.pick(
            if tls.resumed { ", an earlier session resumed" } else { "" },
            if tls.resumed { "，恢复了先前的会话" } else { "" },
        );
        let inside = row.stream_id.map_or_else(String::new, |stream| {
            page.lang.pick(
                format!(" Inside is HTTP/2; this WebSocket is its stream {stream}."),
                format!("里面是 HTTP/2，这个 WebSocket 是它的流 {stream}。"),
            )
        });
        let text = page.lang.pick(
            format!("It is wss://, read with its secrets: {}, {}{resumed}.{inside}", tls.version, tls.cipher),
            format!("它是 wss://，用密钥读出：{}，{}{resumed}。{inside}", tls.version, tls.cipher),
        );
        page.say(Grade::Observed, String::new(), &text, &[]);
    } else if row.is_wss() {
        page.say(
            Grade::Inferred,
            String::new(),
            page.lang.pick(
                "It is wss://: TLS was taken off before these bytes were captured, or keys were at hand.",
                "它是 wss://：抓到这些字节时 TLS 已被去掉，或者有密钥。",
            ),
            &[],
        );
    }
    page
}
