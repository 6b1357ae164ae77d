//! The opening handshake: what was asked for, what was answered, what was agreed on.

use super::facts::{ChapterWriter, counted, grouped, took};
use crate::http::parse_extensions;
use crate::model::{Accept, Body, Lang};
use crate::store::ConnectionRow;

pub(super) fn handshake(mut page: ChapterWriter, row: &ConnectionRow) -> ChapterWriter {
    let handshake = &row.handshake;
    if row.is_midstream() {
        page.miss(
            "The opening handshake was not captured, so the path, the subprotocol and the extensions are not known."
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
                        "The client sent an extended CONNECT request, a HEADERS frame with a field block of {size}: :method \"{{}}\", :protocol \"{{}}\", :path \"{{}}\"."
                    ),
                    format!(
                        "客户端用扩展 CONNECT 请求，即一个 HEADERS 帧，字段块 {} 字节：:method “{{}}”、:protocol “{{}}”、:path “{{}}”。",
                        grouped(head.wire_len.into())
                    ),
                )
            } else if head.cut {
                (
                    "The client requested an upgrade: \"{} {}\".".to_owned(),
                    "客户端请求升级：“{} {}”。".to_owned(),
                )
            } else {
                let asked =
                    format!("The client requested an upgrade ({}): \"{{}} {{}}\".", counted(bytes, "byte"));
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
                        "The snap length truncated the handshake: only {} of the request were captured.",
                        counted(bytes, "byte")
                    ),
                    format!("握手因 snap length 被截断：请求只抓到 {} 字节。", grouped(bytes)),
                );
            }
            let authority = if handshake.is_http2 { ":authority" } else { "Host" };
            if let (Some(origin), Some(host)) = (head.value("Origin"), head.value(authority)) {
                let name = origin.iter().position(|byte| *byte == b'/').and_then(|at| origin.get(at + 2..));
                let same = name.is_some_and(|name| name.eq_ignore_ascii_case(host));
                let accepted = handshake.upgraded;
                let (en, zh) = match (same, accepted) {
                    (true, _) => (
                        "The page that opened it has the same host: Origin is \"{}\".",
                        "打开它的网页来自同一主机：Origin 是“{}”。",
                    ),
                    (false, true) => (
                        "Origin \"{}\" is not the requested host, and the server accepted it.",
                        "Origin“{}”与所访问的主机不同，服务器接受了。",
                    ),
                    (false, false) => {
                        ("Origin \"{}\" is not the requested host.", "Origin“{}”与所访问的主机不同。")
                    }
                };
                page.quote(String::new(), en, zh, &[origin]);
            }
            offers(&mut page, head);
        }
        _ => page.miss(
            "The request was not captured, so the client's offers are not known.".into(),
            "没有抓到请求，因此不知道客户端提供了哪些选项。".into(),
        ),
    }
    answer(&mut page, row);
    page
}

fn offers(page: &mut ChapterWriter, head: &crate::model::Head) {
    let protocols: Vec<&[u8]> = head.values("Sec-WebSocket-Protocol").collect();
    if !protocols.is_empty() {
        let list = protocols.join(&b", "[..]);
        page.quote(
            String::new(),
            "It offered these subprotocols: \"{}\".",
            "它提供的子协议：“{}”。",
            &[&list],
        );
    }
    let (extensions, _) = parse_extensions(head.values("Sec-WebSocket-Extensions"));
    if !extensions.is_empty() {
        let names: Vec<&str> = extensions.iter().map(|extension| extension.name.as_str()).collect();
        let list = names.join(", ");
        page.quote(
            String::new(),
            "It offered these extensions: \"{}\".",
            "它提供的扩展：“{}”。",
            &[list.as_bytes()],
        );
    }
}

fn refusal_body(page: &mut ChapterWriter, body: &Body) {
    const LINES: usize = 8;
    let lines = body.text().map(|text| text.lines().map(|line| line.trim().as_bytes()));
    let lines: Vec<&[u8]> = lines.into_iter().flatten().filter(|line| !line.is_empty()).collect();
    let cut = body.cut || lines.len() > LINES;
    let text = lines.get(..lines.len().min(LINES)).unwrap_or_default().join(&b" "[..]);
    let (en, zh) = match (text.is_empty(), cut) {
        (true, _) => ("The response body is not printable text.", "响应正文不是可显示的文本。"),
        (false, true) => ("The response body begins with \"{}\".", "它的正文以此开头：“{}”。"),
        (false, false) => ("The response body is \"{}\".", "它的正文是：“{}”。"),
    };
    let quoted: &[&[u8]] = if text.is_empty() { &[] } else { &[&text] };
    page.quote(String::new(), en, zh, quoted);
}

fn answer(page: &mut ChapterWriter, row: &ConnectionRow) {
    let handshake = &row.handshake;
    if let Some(foreign) = &handshake.foreign {
        let at = page.packet(foreign.place);
        let (en, zh) = (foreign.describe(Lang::En), foreign.describe(Lang::Zh));
        page.see(
            at,
            format!("The server's reply is not an HTTP/1.1 response: {en}."),
            format!("服务器的回应不是 HTTP/1.1 响应：{zh}。"),
        );
    }
    let (Some(status), Some(place)) = (handshake.status, row.response) else {
        if handshake.foreign.is_none() {
            page.miss("No response from the server was captured.".into(), "没有抓到服务器的响应。".into());
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
            format!("The server responded with {status}{en_after}, so no WebSocket was opened."),
            format!("服务器响应 {status}{zh_after}：WebSocket 没有建立。"),
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
                "The server responded with :status {status}{en_after}; any 2xx status opens the WebSocket (RFC 8441 §5)."
            ),
            format!("服务器响应 :status {status}{zh_after}：任何 2xx 状态都表示打开 WebSocket（RFC 8441 §5）。"),
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
        format!("The server responded with {status}{en_after}."),
        format!("服务器响应 {status}{zh_after}。"),
    );
    if let Some(head) = handshake.response.as_ref().filter(|head| head.cut) {
        let bytes = head.bytes.len() as u64;
        page.miss(
            format!(
                "The snap length truncated the handshake: only {} of the response were captured.",
                counted(bytes, "byte")
            ),
            format!("握手因 snap length 被截断：响应只抓到 {} 字节。", grouped(bytes)),
        );
    }
    match handshake.accept {
        Accept::Unknown if handshake.is_cut() => page.miss(
            "Sec-WebSocket-Accept cannot be checked because the handshake is truncated.".into(),
            "握手被截断，无法验证 Sec-WebSocket-Accept。".into(),
        ),
        Accept::Ok => page.see(
            String::new(),
            "Sec-WebSocket-Accept matches the value computed from Sec-WebSocket-Key.".into(),
            "Sec-WebSocket-Accept 与由 Sec-WebSocket-Key 计算出的值一致。".into(),
        ),
        Accept::Wrong => page.see(
            String::new(),
            "Sec-WebSocket-Accept is wrong; a client must fail such a connection.".into(),
            "Sec-WebSocket-Accept 错误；客户端必须中止这样的连接。".into(),
        ),
        Accept::Missing => page.see(
            String::new(),
            "The response has no Sec-WebSocket-Accept; a client must fail such a connection.".into(),
            "响应中没有 Sec-WebSocket-Accept；客户端必须中止这样的连接。".into(),
        ),
        Accept::Unknown => page.miss(
            "Sec-WebSocket-Accept cannot be checked because Sec-WebSocket-Key was not captured.".into(),
            "没有抓到 Sec-WebSocket-Key，无法验证 Sec-WebSocket-Accept。".into(),
        ),
    }
    agreed(page, row);
}

/// The subprotocol and the extensions.
fn agreed(page: &mut ChapterWriter, row: &ConnectionRow) {
    let handshake = &row.handshake;
    match &handshake.subprotocol {
        Some(name) => page.quote(
            String::new(),
            "The negotiated subprotocol is \"{}\".",
            "协商好的子协议是“{}”。",
            &[name.as_bytes()],
        ),
        None if handshake.response.as_ref().is_some_and(|head| head.cut) => {}
        None => page.see(String::new(), "No subprotocol was negotiated.".into(), "没有协商子协议。".into()),
    }
    if handshake.hides_extensions() {
        page.miss("The negotiated extensions are not known.".into(), "不知道协商了哪些扩展。".into());
    } else if handshake.extensions.is_empty() {
        page.see(
            String::new(),
            "No extension was negotiated; the frames follow RFC 6455 alone.".into(),
            "没有协商扩展；帧只遵循 RFC 6455。".into(),
        );
    } else {
        let names: Vec<&str> = handshake.extensions.iter().map(|extension| extension.name.as_str()).collect();
        let list = names.join(", ");
        page.quote(
            String::new(),
            "The negotiated extensions are \"{}\".",
            "协商好的扩展是“{}”。",
            &[list.as_bytes()],
        );
    }
}
