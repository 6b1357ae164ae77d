//! The summary of a connection, and the note for a capture without any.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::autopsy::words::About;
use crate::autopsy::{EndKind, Grade, examine, words};
use crate::model::{Accept, Direction, Lang, Nanos, Severity};
use crate::pipeline::State;
use crate::store::{ConnectionRow, Reading};
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, bars, units};
use crate::ws::close_code;

/// Returns why no connection is listed: none matches the filter, or the capture contains only other protocols.
pub fn nothing(ctx: &Ctx<'_>) -> String {
    let lang = ctx.shared.lang;
    if !ctx.index.connections.is_empty() {
        if ctx.shared.choice.as_ref().is_some_and(|choice| choice.is_busy() || choice.percent().is_some()) {
            return lang.pick("filtering…", "正在过滤…").to_owned();
        }
        return lang
            .pick(
                "no connection matches; f changes the filter, Ctrl-f clears it, M shows unmarked ones again",
                "没有匹配的连接；f 修改过滤器，Ctrl-f 清除过滤器，M 重新显示未标记的连接",
            )
            .to_owned();
    }
    if ctx.shared.progress.state == Reading::Reading {
        return lang.pick("no WebSocket yet", "还没有 WebSocket").to_owned();
    }
    let seen = &ctx.index.seen;
    let parts: Vec<String> = [
        (
            seen.tls,
            lang.pick("TLS (a wss:// WebSocket would be inside)", "个 TLS（wss:// 的 WebSocket 会在其中）"),
        ),
        (seen.http, lang.pick("HTTP without WebSocket", "个没有 WebSocket 的 HTTP")),
        (seen.http2, lang.pick("HTTP/2", "个 HTTP/2")),
        (
            seen.unknown,
            lang.pick(
                "other protocols, or opened before the capture began",
                "个其他协议，或在抓包开始前已打开",
            ),
        ),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", units::grouped(count)))
    .collect();
    let packets = units::counted_in(lang, ctx.shared.progress.packets, "packet", "个数据包");
    let tcp = units::counted_in(lang, ctx.index.totals.tcp_connections, "TCP connection", "个 TCP 连接");
    let seen = match (parts.is_empty(), lang) {
        (true, _) => String::new(),
        (false, Lang::En) => format!(" Seen: {}.", parts.join(", ")),
        (false, Lang::Zh) => format!("其中有 {}。", parts.join("，")),
    };
    lang.pick(
        format!("No WebSocket connection in {packets}, {tcp}.{seen}"),
        format!("{packets}、{tcp}中没有 WebSocket 连接。{seen}"),
    )
}

/// The summary of the selected connection.
pub fn lines(ctx: &Ctx<'_>) -> Vec<Text> {
    let Some(row) = ctx.connection() else { return Vec::new() };
    let lang = ctx.shared.lang;
    let mut lines = Vec::new();
    let mut head = Text::of(Role::Title, format!("{}#{}", lang.pick(" Connection ", " 连接 "), row.id));
    head.pad_to(44)
        .plainly(lang.pick("client ", "客户端 "))
        .plainly(row.client.to_string())
        .add(Role::ClientToServer, "  →  ");
    head.plainly(lang.pick("server ", "服务器 ")).plainly(row.server.to_string());
    head.add(Role::Dim, format!("   tcp.stream {}", row.tcp));
    lines.push(head);
    if let Some(proxied) = row.proxied {
        lines.push(item(
            lang.pick("Proxied", "代理"),
            &lang.pick(
                format!("for {proxied}, according to a PROXY protocol header"),
                format!("代 {proxied} 连接，据 PROXY 协议首部"),
            ),
        ));
    }
    if row.tunnelled {
        lines.push(item(
            lang.pick("Tunnel", "隧道"),
            lang.pick(
                "inside an HTTP CONNECT tunnel: the server is a proxy",
                "在 HTTP CONNECT 隧道内：服务器是代理",
            ),
        ));
    }
    let mut url = label("URL");
    url.captured(Role::Plain, row.name(ctx.shared.lang).as_bytes(), 4096);
    lines.push(url);
    lines.push(handshake(row, lang));
    if let Some(stream) = row.stream_id {
        lines.push(item(
            "HTTP/2",
            &lang.pick(
                format!("stream {stream}, extended CONNECT (RFC 8441)"),
                format!("流 {stream}，扩展 CONNECT（RFC 8441）"),
            ),
        ));
    }
    lines.extend(crate::tui::screens::handshake::tls_line(row, lang));
    if row.handshake.upgraded {
        lines.push(extensions(row, lang));
        lines.push(frames(row, lang));
        lines.push(payload(row, lang));
        if let Some(line) = rtt(row, lang) {
            lines.push(line);
        }
        lines.extend(heartbeats(row, lang));
        lines.push(close(row, ctx.shared.progress.state, lang));
        lines.extend(verdict(ctx, row));
    }
    if row.gaps.0 > 0 {
        let (gaps, bytes) = row.gaps;
        let mut line = label(lang.pick("Lost", "缺失"));
        let bytes = units::counted_in(lang, bytes, "byte", "个字节");
        let gaps = units::counted_in(lang, gaps, "gap", "个缺口");
        line.add(Role::Warning, lang.pick(format!("{bytes} in {gaps}"), format!("{gaps}，共 {bytes}")));
        line.plainly(lang.pick(" of the capture", "，抓包中没有"));
        lines.push(line);
    }
    lines.extend(findings(ctx, row));
    lines
}

/// The summary of the selected connection in three lines.
pub fn short(ctx: &Ctx<'_>) -> Vec<Text> {
    let Some(row) = ctx.connection() else { return Vec::new() };
    let lang = ctx.shared.lang;
    let mut first = Text::of(Role::Plain, " ");
    request(row, &mut first, 28, lang);
    response(row, &mut first, lang);
    if row.handshake.deflate.is_some() {
        first.plainly("   permessage-deflate");
    }
    let mut second = Text::of(Role::Plain, " ");
    if row.handshake.upgraded {
        let (c2s, s2c) = (row.counts.c2s.frames, row.counts.s2c.frames);
        second
            .plainly(units::counted_in(lang, c2s + s2c, "frame", "个帧"))
            .plainly(" (")
            .add(Role::ClientToServer, format!("→{c2s}"));
        second.plainly(" ").add(Role::ServerToClient, format!("←{s2c}")).plainly(")");
        if let Some(average) = average(row) {
            second.plainly(lang.pick(
                format!("  ping RTT avg {}", units::milliseconds(average)),
                format!("  ping RTT 平均 {}", units::milliseconds(average)),
            ));
        }
        second.plainly("  ").append(&closing(row, ctx.shared.progress.state, lang));
    }
    let mut lines = vec![first];
    if second.width() > 1 {
        lines.push(second);
    }
    lines.extend(findings(ctx, row));
    lines
}

fn label(name: &str) -> Text {
    let mut line = Text::of(Role::Plain, " ");
    line.left(Role::Title, name, 12);
    line
}

fn item(name: &str, words: &str) -> Text {
    let mut line = label(name);
    line.plainly(words);
    line
}

/// `GET /chat HTTP/1.1`
fn request(row: &ConnectionRow, line: &mut Text, columns: usize, lang: Lang) {
    match &row.handshake.request {
        Some(head) => {
            line.captured(Role::ClientToServer, head.method(), 16).plainly(" ");
            line.captured(Role::ClientToServer, head.target(), columns);
        }
        None => {
            line.add(Role::Warning, lang.pick("the request was not captured", "未抓到请求"));
        }
    }
}

/// ` → 101 in 0.863 ms   Accept ✓`
fn response(row: &ConnectionRow, line: &mut Text, lang: Lang) {
    let handshake = &row.handshake;
    line.add(Role::Dim, "  →  ");
    match handshake.status {
        Some(status) => {
            let role = if handshake.upgraded { Role::ServerToClient } else { Role::Error };
            line.add(role, status.to_string());
        }
        None => match (&handshake.foreign, row.state, &row.end) {
            (Some(foreign), ..) => {
                line.captured(Role::Error, foreign.describe(lang).as_bytes(), 80);
            }
            (None, Some(State::Unanswered), Some(facts)) => {
                line.add(Role::Warning, words::unanswered(facts).brief(lang));
            }
            _ => _ = line.add(Role::Warning, lang.pick("no response was captured", "未抓到响应")),
        },
    }
    if let Some(took) = row.response_time() {
        line.plainly(format!("{}{}", lang.pick(" in ", "，用时 "), units::milliseconds(took)));
    }
    if let Some(body) = &handshake.body {
        line.plainly("   ").captured(Role::Plain, body.first_line().as_bytes(), 80);
    }
    match handshake.accept {
        Accept::Ok => line.plainly("   Accept ").add(Role::Ok, "✓"),
        Accept::Wrong => line.plainly("   ").add(Role::Error, lang.pick("Accept ✗ wrong", "Accept ✗ 错误")),
        Accept::Missing => {
            line.plainly("   ").add(Role::Error, lang.pick("Accept ✗ missing", "Accept ✗ 缺失"))
        }
        Accept::Unknown => line,
    };
    if handshake.is_cut() {
        line.plainly("   ").add(Role::Warning, lang.pick("cut by the snap length", "被 snaplen 截断"));
    }
}

fn handshake(row: &ConnectionRow, lang: Lang) -> Text {
    let mut line = label(lang.pick("Handshake", "握手"));
    request(row, &mut line, 40, lang);
    response(row, &mut line, lang);
    line
}

fn extensions(row: &ConnectionRow, lang: Lang) -> Text {
    let mut line = label(lang.pick("Extensions", "扩展"));
    if row.handshake.extensions.is_empty() {
        line.add(
            Role::Dim,
            if row.handshake.hides_extensions() {
                lang.pick("unknown", "未知")
            } else {
                lang.pick("none", "无")
            },
        );
    }
    for (i, extension) in row.handshake.extensions.iter().enumerate() {
        line.plainly(if i > 0 { ", " } else { "" }).captured(Role::Plain, extension.name.as_bytes(), 60);
        for (name, value) in &extension.params {
            line.plainly("; ").captured(Role::Plain, name.as_bytes(), 60);
            if let Some(value) = value {
                line.plainly("=").captured(Role::Plain, value.as_bytes(), 40);
            }
        }
    }
    if let Some(name) = &row.handshake.subprotocol {
        line.plainly(lang.pick("     subprotocol ", "     子协议 ")).captured(
            Role::Plain,
            name.as_bytes(),
            40,
        );
    }
    line
}

fn frames(row: &ConnectionRow, lang: Lang) -> Text {
    let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
    let mut line = label(lang.pick("Frames", "帧"));
    let all = c2s.frames + s2c.frames;
    line.left(Role::Plain, &units::grouped(all), 7)
        .plainly(" (")
        .add(Role::ClientToServer, format!("→ {}", c2s.frames));
    line.plainly("  ").add(Role::ServerToClient, format!("← {}", s2c.frames)).plainly(")   ");
    let [text, binary, other] = [0, 1, 2].map(|i| at(&c2s.data, i) + at(&s2c.data, i));
    let [close, ping, pong, reserved] = [0, 1, 2, 3].map(|i| at(&c2s.control, i) + at(&s2c.control, i));
    let continued = all.saturating_sub(c2s.messages + s2c.messages);
    let kinds = [
        ("TEXT", text, Role::Plain),
        ("BIN", binary, Role::Plain),
        ("CONT", continued, Role::Plain),
        ("PING", ping, Role::Control),
        ("PONG", pong, Role::Control),
        ("CLOSE", close, Role::Control),
        ("RESERVED", other + reserved, Role::Error),
    ];
    for (name, count, role) in kinds.into_iter().filter(|(_, count, _)| *count > 0) {
        line.plainly("  ").add(role, name).plainly(format!(" {}", units::grouped(count)));
    }
    line
}

fn at<const N: usize>(counts: &[u64; N], i: usize) -> u64 {
    counts.get(i).copied().unwrap_or(0)
}

fn payload(row: &ConnectionRow, lang: Lang) -> Text {
    let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
    let mut line = label(lang.pick("Payload", "载荷"));
    let app = row.app_bytes.c2s + row.app_bytes.s2c;
    let (payload, wire) = (c2s.payload_bytes + s2c.payload_bytes, c2s.wire_bytes + s2c.wire_bytes);
    let (app, sent) = (units::grouped(app), units::grouped(payload));
    line.plainly(lang.pick(
        format!("{app} B of application data, sent as {sent} B"),
        format!("应用数据 {app} B，发送 {sent} B"),
    ));
    let (inflated, deflated) =
        (c2s.inflated_bytes + s2c.inflated_bytes, c2s.deflated_bytes + s2c.deflated_bytes);
    if deflated > 0 && inflated > 0 {
        line.plainly(format!(" (deflate ×{})", units::ratio(inflated, deflated)));
    }
    line.plainly(format!(
        "{}{} B",
        lang.pick(", framing ", "，帧头 "),
        units::grouped(wire.saturating_sub(payload))
    ));
    let heads = [&row.handshake.request, &row.handshake.response];
    let heads: usize = heads.iter().filter_map(|head| head.as_ref()).map(|head| head.bytes.len()).sum();
    line.plainly(format!("{}{} B", lang.pick(", handshake ", "，握手 "), units::grouped(heads as u64)));
    line
}

fn average(row: &ConnectionRow) -> Option<Nanos> {
    row.rtt.sum.0.checked_div(i64::try_from(row.rtt.count).ok()?).map(Nanos)
}

fn rtt(row: &ConnectionRow, lang: Lang) -> Option<Text> {
    let average = average(row)?;
    let mut line = label(lang.pick("Ping RTT", "ping RTT"));
    let pings = at(&row.counts.c2s.control, 1) + at(&row.counts.s2c.control, 1);
    let milliseconds = units::milliseconds;
    let (min, avg, max) = (milliseconds(row.rtt.min), milliseconds(average), milliseconds(row.rtt.max));
    line.plainly(lang.pick(
        format!("min {min}   avg {avg}   max {max}   "),
        format!("最小 {min}   平均 {avg}   最大 {max}   "),
    ));
    let (pings, answered) =
        (units::counted_in(lang, pings, "ping", "个 ping"), units::grouped(row.rtt.count));
    line.plainly(
        lang.pick(format!("({pings}, {answered} answered)"), format!("（{pings}，{answered} 个已应答）")),
    );
    Some(line)
}

fn close(row: &ConnectionRow, reading: Reading, lang: Lang) -> Text {
    let mut line = label(lang.pick("Close", "关闭"));
    line.append(&closing(row, reading, lang));
    line
}

/// Heartbeats of a subprotocol: `Engine.IO 4: 12 by server, 12 answered, every 25.0 s`
fn heartbeats(row: &ConnectionRow, lang: Lang) -> Option<Text> {
    let heartbeats = row.end.as_ref()?.heartbeats.as_ref()?;
    let mut line = label(lang.pick("Heartbeats", "心跳"));
    line.plainly(heartbeats.protocol.title()).plainly(":");
    let mut any = false;
    for by in Direction::BOTH {
        let side = heartbeats.sides.of(by);
        if side.sent == 0 {
            continue;
        }
        any = true;
        let sent = units::grouped(side.sent);
        match lang {
            Lang::En => line.plainly(format!("  {sent} by ")).add(Role::of_direction(by), by.sender()),
            Lang::Zh => line
                .plainly("  ")
                .add(Role::of_direction(by), side_name(by, lang))
                .plainly(format!("发送 {sent} 次")),
        };
        if side.answered > 0 {
            let answered = units::grouped(side.answered);
            line.plainly(lang.pick(format!(", {answered} answered"), format!("，{answered} 次已应答")));
        }
        if let Some(every) = side.interval.median() {
            let every = units::duration(every.unsigned());
            line.plainly(lang.pick(format!(", every {every}"), format!("，间隔 {every}")));
        }
    }
    if !any {
        line.add(Role::Dim, lang.pick("  none captured", "  未抓到"));
    }
    Some(line)
}

/// The reason for the end of the connection: observed facts and likely causes.
fn verdict(ctx: &Ctx<'_>, row: &ConnectionRow) -> Vec<Text> {
    let Some(facts) = &row.end else { return Vec::new() };
    let verdict = examine(facts);
    // An ordinary end needs no explanation beyond the line above.
    let plain = verdict.waiting.is_empty() && verdict.causes.is_empty();
    if plain
        && matches!(verdict.kind, EndKind::Close | EndKind::Capture | EndKind::Refused | EndKind::Unanswered)
    {
        return Vec::new();
    }
    let lang = ctx.shared.lang;
    // Causes come before their evidence. The meaning of the close code is in the line above.
    let mut remarks = words::remarks(facts, &verdict, lang);
    remarks.retain(|remark| remark.about != About::Code);
    remarks.sort_by_key(|remark| match remark.about {
        About::End => 0,
        About::Cause => 1,
        About::Code | About::Sign | About::Unknown => 2,
    });
    let mut lines = Vec::new();
    for (i, remark) in remarks.into_iter().enumerate() {
        let mut line = label(if i == 0 { lang.pick("Why", "原因") } else { "" });
        match remark.grade {
            Grade::Observed => {}
            Grade::Inferred => {
                line.add(Role::Note, lang.pick("inferred: ", "推断："));
            }
            Grade::Unknown => {
                line.add(Role::Dim, lang.pick("unknown: ", "未知："));
            }
        }
        line.plainly(remark.text);
        if let Some(place) = remark.at.first() {
            line.add(Role::Dim, format!("  #{}", place.packet));
        }
        lines.push(line);
    }
    lines
}

/// `server first: 1000 Normal Closure "done", answered; then FIN by the server`
fn closing(row: &ConnectionRow, reading: Reading, lang: Lang) -> Text {
    let mut line = Text::new();
    let then = transport_end(row, lang);
    let tcp = match row.state {
        // `None`: wslens has not read the end of this connection.
        None if reading == Reading::Reading => lang.pick("open so far", "目前仍打开"),
        None if reading == Reading::Stopped => lang.pick("open where reading stopped", "停止读取时仍打开"),
        Some(State::Open) | None => lang.pick("still open at the end of the capture", "抓包结束时仍打开"),
        Some(State::Closed | State::Reset) => &then,
        Some(State::TimedOut) => lang.pick("then no more packets", "之后再没有数据包"),
        Some(State::Refused | State::Unanswered) => lang.pick("never opened", "从未打开"),
    };
    let Some(closing) = &row.closing else {
        if matches!(row.state, Some(State::Closed | State::Reset)) {
            line.add(
                Role::Warning,
                lang.pick(
                    "no Close frame: close code 1006 (never sent); ",
                    "没有 Close 帧：关闭码 1006（从不发送）；",
                ),
            );
        }
        line.plainly(tcp);
        return line;
    };
    match closing.by {
        Some(by) => {
            line.add(Role::of_direction(by), side_name(by, lang)).plainly(lang.pick(" first: ", "先发送："))
        }
        None => line.plainly(lang.pick("both sides: ", "双方：")),
    };
    match closing.code {
        Some(code) => line.plainly(format!("{code} {}", close_code(code).name)),
        None => line.plainly(lang.pick("no code", "没有关闭码")),
    };
    if !closing.reason.is_empty() {
        line.plainly(" \"").captured(Role::Plain, &closing.reason, 60).plainly("\"");
    }
    if closing.answered {
        line.plainly(lang.pick(", answered ", "，已应答 ")).add(Role::Ok, "✓");
    } else {
        line.plainly(lang.pick(", ", "，")).add(Role::Warning, lang.pick("not answered", "未应答"));
    }
    line.plainly(lang.pick("; ", "；")).plainly(tcp);
    line
}

/// The name of a side in a sentence.
fn side_name(direction: Direction, lang: Lang) -> &'static str {
    match direction {
        Direction::ClientToServer => lang.pick("client", "客户端"),
        Direction::ServerToClient => lang.pick("server", "服务器"),
    }
}

/// `then RST by the server`
fn transport_end(row: &ConnectionRow, lang: Lang) -> String {
    let facts = row.end.as_deref();
    let end = facts.and_then(|facts| facts.ending.first());
    match (end.zip(facts), row.state) {
        (Some((end, facts)), _) => {
            let ending = &facts.ending;
            let what = if end.is_reset { ending.reset_name() } else { ending.fin_name(end.by) };
            lang.pick(
                format!("then {what} by the {}", end.by.sender()),
                format!("然后{}发送 {what}", side_name(end.by, lang)),
            )
        }
        (None, Some(State::Reset)) => lang.pick("then TCP was reset", "然后 TCP 被重置").to_owned(),
        (None, _) => lang.pick("then TCP was closed", "然后 TCP 关闭").to_owned(),
    }
}

/// The most severe findings of a connection; screen 7 lists all.
fn findings(ctx: &Ctx<'_>, row: &ConnectionRow) -> Vec<Text> {
    const SHOWN: usize = 4;
    let lang = ctx.shared.lang;
    let mut lines = Vec::new();
    if row.findings == [0; 3] {
        return lines;
    }
    let mut found: Vec<_> =
        ctx.index.findings.iter().filter(|found| found.connection == Some(row.id)).collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.rule.severity));
    for found in found.iter().take(SHOWN) {
        let mut line = Text::of(Role::Plain, " ");
        let name = match found.rule.severity {
            Severity::Error => lang.pick("ERROR", "错误"),
            Severity::Warning => lang.pick("WARN", "警告"),
            Severity::Info => lang.pick("INFO", "信息"),
        };
        line.left(Role::of_severity(found.rule.severity), name, 6)
            .add(Role::Title, found.rule.code)
            .plainly("  ");
        // The text of a finding is English; in Chinese its rule is described.
        let text = match lang {
            Lang::En => &*found.text,
            Lang::Zh => found.rule.summary.of(lang),
        };
        line.captured(Role::Plain, text.as_bytes(), 400);
        lines.push(line);
    }
    let all: u64 = row.findings.iter().sum();
    if all > SHOWN as u64 {
        let mut line = Text::of(
            Role::Dim,
            lang.pick(
                format!(" … {} in all; ", units::counted(all, "finding")),
                format!(" … 共 {all} 个发现；"),
            ),
        );
        line.add(Role::Key, "7").add(Role::Dim, lang.pick(" shows them", " 显示"));
        lines.push(line);
    }
    lines
}

/// Draws how much of the capture has been read.
pub fn progress(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
    let (progress, lang) = (&ctx.shared.progress, ctx.shared.lang);
    let mut title = Text::of(Role::Title, lang.pick("Reading ", "正在读取 "));
    title.captured(Role::Plain, ctx.shared.source.as_bytes(), 40);
    let inner = Pane { title, ..Pane::default() }.draw(buffer, area, ctx.theme());
    let mut first = Text::of(Role::Plain, " ");
    let mut eta = String::new();
    match progress.total.filter(|total| *total > 0) {
        Some(total) => {
            let bar = usize::from(inner.width / 2);
            let end = first.width() + bar;
            first.add(Role::Ok, bars::bar(progress.done, total, bar)).pad_to(end);
            let percent = u128::from(progress.done.min(total)) * 100 / u128::from(total);
            first.plainly(format!(
                " {percent}%   {}{}{}",
                units::size(progress.done),
                lang.pick(" of ", " / "),
                units::size(total)
            ));
            if let Some(seconds) =
                total.saturating_sub(progress.done).checked_div(progress.rate).filter(|seconds| *seconds > 0)
            {
                let left = units::duration(seconds.saturating_mul(1_000_000_000));
                eta = lang.pick(format!("   {left} left"), format!("   剩余 {left}"));
            }
        }
        None => {
            first.plainly(units::size(progress.done));
        }
    }
    if progress.rate > 0 {
        first.plainly(format!("   {}/s", units::size(progress.rate)));
    }
    let mut second = Text::of(Role::Plain, " ");
    second.plainly(units::counted_in(lang, progress.packets, "packet", "个数据包")).plainly("   ");
    second.plainly(units::counted_in(lang, ctx.index.messages, "message", "条消息")).plainly(eta);
    second
        .plainly("   ")
        .add(Role::Key, "Ctrl-x")
        .plainly(lang.pick(" stops and keeps this", " 停止并保留已读内容"));
    ctx.lines(buffer, inner, &[first, second]);
}
