//! What is said of one connection, and of a capture without any.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::autopsy::words::About;
use crate::autopsy::{EndKind, Grade, examine, words};
use crate::model::{Accept, Direction, Lang, Severity};
use crate::pipeline::State;
use crate::store::{ConnectionRow, Reading};
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Pane, Text, bars, units};
use crate::ws::close_code;

/// Why there is no row: nothing matches, or there is no WebSocket but something else.
pub fn nothing(ctx: &Ctx<'_>) -> String {
    if !ctx.index.connections.is_empty() {
        if ctx.shared.choice.as_ref().is_some_and(|choice| choice.is_busy() || choice.percent().is_some()) {
            return "filtering…".to_owned();
        }
        return "no connection matches; f changes the filter, Ctrl-f clears it, M shows unmarked ones again"
            .to_owned();
    }
    if ctx.shared.progress.state == Reading::Reading {
        return "no WebSocket yet".to_owned();
    }
    let seen = &ctx.index.seen;
    let parts: Vec<String> = [
        (seen.tls, "TLS (a wss:// WebSocket would be inside)"),
        (seen.http, "HTTP without WebSocket"),
        (seen.http2, "HTTP/2"),
        (seen.unknown, "other protocols, or opened before the capture began"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{} {what}", units::grouped(count)))
    .collect();
    let packets = units::counted(ctx.shared.progress.packets, "packet");
    let tcp = units::counted(ctx.index.totals.tcp_connections, "TCP connection");
    let seen = if parts.is_empty() { String::new() } else { format!(" Seen: {}.", parts.join(", ")) };
    format!("No WebSocket connection in {packets}, {tcp}.{seen}")
}

/// The summary of the selected connection.
pub fn lines(ctx: &Ctx<'_>) -> Vec<Text> {
    let Some(row) = ctx.connection() else { return Vec::new() };
    let mut lines = Vec::new();
    let mut head = Text::of(Role::Title, format!(" Connection #{}", row.id));
    head.pad_to(44).plainly("client ").plainly(row.client.to_string()).add(Role::ClientToServer, "  →  ");
    head.plainly("server ").plainly(row.server.to_string());
    head.add(Role::Dim, format!("   tcp.stream {}", row.tcp));
    lines.push(head);
    if let Some(proxied) = row.proxied {
        lines.push(item("Proxied", &format!("for {proxied}, as a PROXY protocol header says")));
    }
    if row.tunnelled {
        lines.push(item("Tunnel", "inside an HTTP CONNECT tunnel: the server is a proxy"));
    }
    let mut url = label("URL");
    url.captured(Role::Plain, row.name(ctx.shared.lang).as_bytes(), 4096);
    lines.push(url);
    lines.push(handshake(row));
    if let Some(stream) = row.stream_id {
        lines.push(item("HTTP/2", &format!("stream {stream}, extended CONNECT (RFC 8441)")));
    }
    lines.extend(crate::tui::screens::handshake::tls_line(row, ctx.shared.lang));
    if row.handshake.upgraded {
        lines.push(extensions(row));
        lines.push(frames(row));
        lines.push(payload(row));
        if let Some(line) = rtt(row) {
            lines.push(line);
        }
        lines.extend(heartbeats(row));
        lines.push(close(row, ctx.shared.progress.state));
        lines.extend(verdict(ctx, row));
    }
    if row.gaps.0 > 0 {
        let (gaps, bytes) = row.gaps;
        let mut line = label("Lost");
        line.add(
            Role::Warning,
            format!("{} in {}", units::counted(bytes, "byte"), units::counted(gaps, "gap")),
        );
        line.plainly(" of the capture");
        lines.push(line);
    }
    lines.extend(findings(ctx, row));
    lines
}

/// The same in three lines.
pub fn short(ctx: &Ctx<'_>) -> Vec<Text> {
    let Some(row) = ctx.connection() else { return Vec::new() };
    let mut first = Text::of(Role::Plain, " ");
    request(row, &mut first, 28);
    answer(row, &mut first);
    if row.handshake.deflate.is_some() {
        first.plainly("   permessage-deflate");
    }
    let mut second = Text::of(Role::Plain, " ");
    if row.handshake.upgraded {
        let (c2s, s2c) = (row.counts.c2s.frames, row.counts.s2c.frames);
        second
            .plainly(units::counted(c2s + s2c, "frame"))
            .plainly(" (")
            .add(Role::ClientToServer, format!("→{c2s}"));
        second.plainly(" ").add(Role::ServerToClient, format!("←{s2c}")).plainly(")");
        if let Some(average) = average(row) {
            second.plainly(format!("  ping RTT avg {}", units::milliseconds(average)));
        }
        second.plainly("  ").append(&closing(row, ctx.shared.progress.state));
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
fn request(row: &ConnectionRow, line: &mut Text, columns: usize) {
    match &row.handshake.request {
        Some(head) => {
            line.captured(Role::ClientToServer, head.method(), 16).plainly(" ");
            line.captured(Role::ClientToServer, head.target(), columns);
        }
        None => {
            line.add(Role::Warning, "the request was not captured");
        }
    }
}

/// ` → 101 in 0.863 ms   Accept ✓`
fn answer(row: &ConnectionRow, line: &mut Text) {
    let handshake = &row.handshake;
    line.add(Role::Dim, "  →  ");
    match handshake.status {
        Some(status) => {
            let role = if handshake.upgraded { Role::ServerToClient } else { Role::Error };
            line.add(role, status.to_string());
        }
        None => match (&handshake.foreign, row.state, &row.end) {
            (Some(foreign), ..) => {
                line.captured(Role::Error, foreign.describe(Lang::En).as_bytes(), 80);
            }
            (None, Some(State::Unanswered), Some(facts)) => {
                line.add(Role::Warning, words::unanswered(facts).brief(Lang::En));
            }
            _ => _ = line.add(Role::Warning, "no answer was captured"),
        },
    }
    if let Some(took) = row.response_time() {
        line.plainly(format!(" in {}", units::milliseconds(took)));
    }
    if let Some(body) = &handshake.body {
        line.plainly("   ").captured(Role::Plain, body.first_line().as_bytes(), 80);
    }
    match handshake.accept {
        Accept::Ok => line.plainly("   Accept ").add(Role::Ok, "✓"),
        Accept::Wrong => line.plainly("   ").add(Role::Error, "Accept ✗ wrong"),
        Accept::Missing => line.plainly("   ").add(Role::Error, "Accept ✗ missing"),
        Accept::Unknown => line,
    };
    if handshake.is_cut() {
        line.plainly("   ").add(Role::Warning, "cut by the snap length");
    }
}

fn handshake(row: &ConnectionRow) -> Text {
    let mut line = label("Handshake");
    request(row, &mut line, 40);
    answer(row, &mut line);
    line
}

fn extensions(row: &ConnectionRow) -> Text {
    let mut line = label("Extensions");
    if row.handshake.extensions.is_empty() {
        line.add(Role::Dim, if row.handshake.hides_extensions() { "unknown" } else { "none" });
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
        line.plainly("     subprotocol ").captured(Role::Plain, name.as_bytes(), 40);
    }
    line
}

fn frames(row: &ConnectionRow) -> Text {
    let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
    let mut line = label("Frames");
    let all = c2s.frames + s2c.frames;
    line.left(Role::Plain, &units::grouped(all), 7)
        .plainly(" (")
        .add(Role::ClientToServer, format!("→ {}", c2s.frames));
    line.plainly("  ").add(Role::ServerToClient, format!("← {}", s2c.frames)).plainly(")   ");
    let [text, binary, other] = [0, 1, 2].map(|i| at(&c2s.data, i) + at(&s2c.data, i));
    let [close, ping, pong, odd] = [0, 1, 2, 3].map(|i| at(&c2s.control, i) + at(&s2c.control, i));
    let continued = all.saturating_sub(c2s.messages + s2c.messages);
    let kinds = [
        ("TEXT", text, Role::Plain),
        ("BIN", binary, Role::Plain),
        ("CONT", continued, Role::Plain),
        ("PING", ping, Role::Control),
        ("PONG", pong, Role::Control),
        ("CLOSE", close, Role::Control),
        ("RESERVED", other + odd, Role::Error),
    ];
    for (name, count, role) in kinds.into_iter().filter(|(_, count, _)| *count > 0) {
        line.plainly("  ").add(role, name).plainly(format!(" {}", units::grouped(count)));
    }
    line
}

fn at<const N: usize>(counts: &[u64; N], i: usize) -> u64 {
    counts.get(i).copied().unwrap_or(0)
}

fn payload(row: &ConnectionRow) -> Text {
    let (c2s, s2c) = (&row.counts.c2s, &row.counts.s2c);
    let mut line = label("Payload");
    let app = row.app_bytes.c2s + row.app_bytes.s2c;
    let (payload, wire) = (c2s.payload_bytes + s2c.payload_bytes, c2s.wire_bytes + s2c.wire_bytes);
    line.plainly(format!(
        "{} B of application data were sent as {} B",
        units::grouped(app),
        units::grouped(payload)
    ));
    let (inflated, deflated) =
        (c2s.inflated_bytes + s2c.inflated_bytes, c2s.deflated_bytes + s2c.deflated_bytes);
    if deflated > 0 && inflated > 0 {
        line.plainly(format!(" (deflate ×{})", units::ratio(inflated, deflated)));
    }
    line.plainly(format!(", framing {} B", units::grouped(wire.saturating_sub(payload))));
    let heads = [&row.handshake.request, &row.handshake.response];
    let heads: usize = heads.iter().filter_map(|head| head.as_ref()).map(|head| head.bytes.len()).sum();
    line.plainly(format!(", handshake {} B", units::grouped(heads as u64)));
    line
}

fn average(row: &ConnectionRow) -> Option<i64> {
    row.rtt.sum.checked_div(i64::try_from(row.rtt.count).ok()?)
}

fn rtt(row: &ConnectionRow) -> Option<Text> {
    let average = average(row)?;
    let mut line = label("Ping RTT");
    let pings = at(&row.counts.c2s.control, 1) + at(&row.counts.s2c.control, 1);
    let milliseconds = units::milliseconds;
    line.plainly(format!(
        "min {}   avg {}   max {}   ",
        milliseconds(row.rtt.min),
        milliseconds(average),
        milliseconds(row.rtt.max)
    ));
    line.plainly(format!("({}, {} answered)", units::counted(pings, "ping"), units::grouped(row.rtt.count)));
    Some(line)
}

fn close(row: &ConnectionRow, reading: Reading) -> Text {
    let mut line = label("Close");
    line.append(&closing(row, reading));
    line
}

/// Heartbeats of a subprotocol: `Engine.IO 4: 12 by server, 12 answered, every 25.0 s`
fn heartbeats(row: &ConnectionRow) -> Option<Text> {
    let heartbeats = row.end.as_ref()?.heartbeats.as_ref()?;
    let mut line = label("Heartbeats");
    line.plainly(heartbeats.protocol.title()).plainly(":");
    let mut any = false;
    for by in Direction::BOTH {
        let side = heartbeats.sides.of(by);
        if side.sent == 0 {
            continue;
        }
        any = true;
        line.plainly(format!("  {} by ", units::grouped(side.sent)));
        line.add(Role::of_direction(by), by.sender());
        if side.answered > 0 {
            line.plainly(format!(", {} answered", units::grouped(side.answered)));
        }
        if let Some(every) = side.interval.median() {
            line.plainly(format!(", every {}", units::duration(every.max(0).unsigned_abs())));
        }
    }
    if !any {
        line.add(Role::Dim, "  none was seen");
    }
    Some(line)
}

/// Why it ended: what was seen, and what fits, each with its grade.
fn verdict(ctx: &Ctx<'_>, row: &ConnectionRow) -> Vec<Text> {
    let Some(facts) = &row.end else { return Vec::new() };
    let verdict = examine(facts);
    // An ordinary end, or one that the line above tells, needs no more words.
    let plain = verdict.waiting.is_empty() && verdict.causes.is_empty();
    if plain
        && matches!(verdict.kind, EndKind::Close | EndKind::Capture | EndKind::Refused | EndKind::Unanswered)
    {
        return Vec::new();
    }
    let lang = ctx.shared.lang;
    // What is likely comes before what shows it; what the code means is in the line above.
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
fn closing(row: &ConnectionRow, reading: Reading) -> Text {
    let mut line = Text::new();
    let then = transport_end(row);
    let tcp = match row.state {
        // `None`: wslens has not read the end of this connection.
        None if reading == Reading::Reading => "open so far",
        None if reading == Reading::Stopped => "open where reading stopped",
        Some(State::Open) | None => "still open where the capture ends",
        Some(State::Closed | State::Reset) => &then,
        Some(State::TimedOut) => "then it was silent",
        Some(State::Refused | State::Unanswered) => "never opened",
    };
    let Some(closing) = &row.closing else {
        if matches!(row.state, Some(State::Closed | State::Reset)) {
            line.add(Role::Warning, "no Close frame: close code 1006 (never sent); ");
        }
        line.plainly(tcp);
        return line;
    };
    match closing.by {
        Some(by) => line.add(Role::of_direction(by), by.sender()).plainly(" first: "),
        None => line.plainly("both sides: "),
    };
    match closing.code {
        Some(code) => line.plainly(format!("{code} {}", close_code(code).name)),
        None => line.plainly("no code"),
    };
    if !closing.reason.is_empty() {
        line.plainly(" \"").captured(Role::Plain, &closing.reason, 60).plainly("\"");
    }
    if closing.answered {
        line.plainly(", answered ").add(Role::Ok, "✓");
    } else {
        line.plainly(", ").add(Role::Warning, "not answered");
    }
    line.plainly("; ").plainly(tcp);
    line
}

/// `then RST by the server`
fn transport_end(row: &ConnectionRow) -> String {
    let facts = row.end.as_deref();
    let end = facts.and_then(|facts| facts.ending.first());
    match (end.zip(facts), row.state) {
        (Some((end, facts)), _) => {
            let ending = &facts.ending;
            let what = if end.is_reset { ending.reset_name() } else { ending.fin_name(end.by) };
            format!("then {what} by the {}", end.by.sender())
        }
        (None, Some(State::Reset)) => "then TCP was reset".to_owned(),
        (None, _) => "then TCP was closed".to_owned(),
    }
}

/// The worst findings of a connection; all are in screen 7.
fn findings(ctx: &Ctx<'_>, row: &ConnectionRow) -> Vec<Text> {
    const SHOWN: usize = 4;
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
            Severity::Error => "ERROR",
            Severity::Warning => "WARN",
            Severity::Info => "INFO",
        };
        line.left(Role::of_severity(found.rule.severity), name, 6)
            .add(Role::Title, found.rule.code)
            .plainly("  ");
        line.captured(Role::Plain, found.text.as_bytes(), 400);
        lines.push(line);
    }
    let all: u64 = row.findings.iter().sum();
    if all > SHOWN as u64 {
        let mut line = Text::of(Role::Dim, format!(" … {} in all; ", units::counted(all, "finding")));
        line.add(Role::Key, "7").add(Role::Dim, " shows them");
        lines.push(line);
    }
    lines
}

/// How far reading came, with a bar.
pub fn progress(ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
    let progress = &ctx.shared.progress;
    let mut title = Text::of(Role::Title, "Reading ");
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
            first.plainly(format!(" {percent}%   {} of {}", units::size(progress.done), units::size(total)));
            if let Some(seconds) = total.saturating_sub(progress.done).checked_div(progress.rate) {
                eta = format!("   {} left", units::duration(seconds.saturating_mul(1_000_000_000)));
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
    second.plainly(units::counted(progress.packets, "packet")).plainly("   ");
    second.plainly(units::counted(ctx.index.messages, "message")).plainly(eta);
    second.plainly("   ").add(Role::Key, "Ctrl-x").plainly(" stops and keeps this");
    ctx.lines(buffer, inner, &[first, second]);
}
