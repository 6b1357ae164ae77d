//! The opening handshake: what was asked for, what was answered, what was agreed on.

use super::facts::{Page, counted, grouped, took};
use crate::http::parse_extensions;
use crate::model::{Accept, Body, Lang};
use crate::store::ConnectionRow;

pub(super) fn handshake(mut page: Page, row: &ConnectionRow) -> Page {
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
            let (en, zh) = if handshake.is_http2 {
                let size = counted(head.wire_len.into(), "byte");
                (
                    format!(
                        "The client asked with an extended CONNECT, a HEADERS frame with a field block of {size}: :method \"{{}}\", :protocol \"{{}}\", :path \"{{}}\"."
                    ),
                    format!(
                        "客户端用扩展 CONNECT 请求，即一个 HEADERS 帧，字段块 {} 字节：:method “{{}}”、:protocol “{{}}”、:path “{{}}”。",
                        grouped(head.wire_len.into())
                    ),
                )
            } else if head.cut {
                ("The client asked to upgrade: \"{} {}\".".to_owned(), "客户端请求升级：“{} {}”。".to_owned())
            } else {
                let asked =
                    format!("The client asked to upgrade in {}: \"{{}} {{}}\".", counted(bytes, "byte"));
                (asked, format!("客户端用 {} 字节请求升级：“{{}} {{}}”。", grouped(bytes)))
            };
            // What an HTTP/2 request leaves unsaid is `?` here.
            let field = |name| head.value(name).unwrap_or(b"?");
            let fields = [field(":method"), field(":protocol"), field(":path")];
            let line = [head.method(), head.target()];
            page.quote(at, &en, &zh, if handshake.is_http2 { &fields } else { &line });
            if head.cut {
                page.miss(
                    format!(
                        "Handshake cut by the snap length: of the request, {} are here. What the rest said is not known.",
                        counted(bytes, "byte")
                    ),
                    format!("握手被截断长度切短：请求只有 {} 字节，其余内容未知。", grouped(bytes)),
                );
            }
            let authority = if handshake.is_http2 { ":authority" } else { "Host" };
            if let (Some(origin), Some(host)) = (head.value("Origin"), head.value(authority)) {
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
    let after = row.response_time().map(took);
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
    if handshake.is_http2 {
        page.see(
            at,
            format!(
                "The server answered :status {status}{en_after}: any 2xx status opens the WebSocket (RFC 8441 §5)."
            ),
            format!("服务器回了 :status {status}{zh_after}：任何 2xx 状态都会打开 WebSocket（RFC 8441 §5）。"),
        );
        page.see(
            String::new(),
            "HTTP/2 uses neither Sec-WebSocket-Key nor Sec-WebSocket-Accept (RFC 8441 §5).".into(),
            "HTTP/2 不用 Sec-WebSocket-Key 和 Sec-WebSocket-Accept（RFC 8441 §5）。".into(),
        );
        return agreed(page, row);
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
    agreed(page, row);
}

/// The subprotocol and the extensions.
fn agreed(page: &mut Page, row: &ConnectionRow) {
    let handshake = &row.handshake;
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
