//! The contents of the four panes.

use super::figures::{Figures, Over, Pinged, ValueHistogram};
use super::{Model, Pane4};
use crate::model::{Direction, Lang, Nanos, PerDirection, wrap};
use crate::report::stats::model::Estimate;
use crate::store::Reading;
use crate::tui::details::Detail;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, bars, units};

/// Returns a value of an interval.
type PartOf = fn(&(u64, u64)) -> u64;

/// The data that the panes show.
pub(super) struct StatsPage<'a> {
    pub ctx: Ctx<'a>,
    pub figures: &'a Figures,
    pub model: &'a Model,
    pub formulas: bool,
}

impl StatsPage<'_> {
    /// Returns the lines of a pane of this size.
    pub fn lines(&self, pane: Pane4, columns: usize, rows: usize) -> Vec<Text> {
        match pane {
            Pane4::Bytes => self.bytes(columns, rows),
            Pane4::Http => self.http(columns, rows),
            Pane4::Traffic => self.traffic(columns),
            Pane4::Health => self.health(columns),
        }
    }

    fn lang(&self) -> Lang {
        self.ctx.shared.lang
    }

    fn both(&self, of: fn(&super::figures::Sums) -> u64) -> u64 {
        let PerDirection { c2s, s2c } = &self.figures.totals.sums;
        of(c2s).saturating_add(of(s2c))
    }

    /// Returns the number of all bytes if known, the name of those outside of WebSocket, and the number of packets.
    fn whole(&self) -> (Option<u64>, &'static str, Option<u64>) {
        let below = self.lang().pick("TCP, IP, link headers *", "TCP、IP、链路首部 *");
        match self.figures.over {
            Over::Connection(connection) => match self.ctx.shared.details.tcp(connection) {
                Detail::Ready(detail) => (Some(detail.wire_bytes), below, Some(detail.packet_count)),
                _ => (None, below, None),
            },
            Over::All => {
                let summary = self.ctx.index.summary.as_ref();
                (
                    summary.map(|all| all.capture_bytes),
                    self.lang().pick("all else *", "其余 *"),
                    summary.map(|all| all.packets),
                )
            }
        }
    }

    fn bytes(&self, columns: usize, rows: usize) -> Vec<Text> {
        let lang = self.lang();
        let payload = self.both(|sums| sums.payload);
        let headers = self.both(|sums| sums.wire).saturating_sub(payload);
        let handshakes = self.figures.totals.handshakes;
        let known = payload.saturating_add(headers).saturating_add(handshakes);
        let (whole, rest_name, packets) = self.whole();
        let rest = whole.map(|whole| whole.saturating_sub(known));
        let whole = whole.map(|whole| whole.max(known));
        let mut lines = Vec::new();
        let where_to = match whole {
            Some(whole) => {
                let bytes = units::grouped(whole);
                lang.pick(format!("Where the {bytes} bytes went"), format!("{bytes} 个字节的去向"))
            }
            None => lang.pick("Where the bytes went", "字节的去向").to_owned(),
        };
        let roomy = rows > 8;
        if roomy {
            lines.push(Text::of(Role::Title, where_to));
            lines.push(Text::new());
        }
        let names = if columns >= 48 { 24 } else { 18 };
        let room = columns.saturating_sub(names + 12 + 8 + 3);
        let mut row = |name: &str, part: Option<u64>| {
            let mut line = Text::new();
            line.left(Role::Plain, name, names);
            match part {
                Some(part) => {
                    line.grouped(Role::Plain, part, 12);
                    match whole {
                        Some(whole) => {
                            line.right(Role::Plain, &units::percent(part, whole), 8).plainly("  ");
                            line.add(Role::Ok, bars::bar(part, whole, room.min(30)));
                        }
                        None => drop(line.right(Role::Dim, "n/a", 8)),
                    }
                }
                None => drop(line.right(Role::Dim, "n/a", 12)),
            }
            lines.push(line);
        };
        let layers = match self.figures.over {
            Over::Connection(connection) => match self.ctx.shared.details.tcp(connection) {
                Detail::Ready(detail) => detail.headers,
                _ => None,
            },
            Over::All => None,
        };
        if let (Some(layers), Some(rest)) = (layers, rest) {
            row(lang.pick("link headers", "链路首部"), Some(layers.link));
            row(lang.pick("IP headers", "IP 首部"), Some(layers.network));
            row(lang.pick("TCP headers", "TCP 首部"), Some(layers.transport));
            let named = layers.link.saturating_add(layers.network).saturating_add(layers.transport);
            // Retransmitted bytes, padding, and bytes that the capture does not contain.
            if let left @ 1.. = rest.saturating_sub(named) {
                row(lang.pick("all else *", "其余 *"), Some(left));
            }
        } else {
            row(rest_name, rest);
        }
        row(lang.pick("opening handshake", "握手"), Some(handshakes));
        row(lang.pick("frame headers", "帧头"), Some(headers));
        row(lang.pick("WebSocket payload", "WebSocket 载荷"), Some(payload));
        if roomy {
            lines.push(Text::new());
        }
        let frames = self.both(|sums| sums.frames);
        if let Some(tenths) = headers.saturating_mul(10).checked_div(frames) {
            let mean = format!("{}.{}", tenths / 10, tenths % 10);
            let words = lang.pick(
                format!("{}: {mean} header bytes each, on average", units::counted(frames, "frame")),
                format!("{} 个帧：帧头平均 {mean} 个字节", units::grouped(frames)),
            );
            lines.push(Text::of(Role::Plain, words));
        }
        let (inflated, deflated) = (self.both(|sums| sums.inflated), self.both(|sums| sums.deflated));
        if deflated > 0 {
            let (deflated, inflated) = (units::grouped(deflated), units::grouped(inflated));
            let words = lang.pick(
                format!("{deflated} B of payload carry {inflated} B (deflate)"),
                format!("{deflated} B 载荷解压为 {inflated} B（deflate）"),
            );
            lines.push(Text::of(Role::Plain, words));
        }
        if let Some(packets) = packets {
            lines.push(Text::of(Role::Plain, units::counted_in(lang, packets, "packet", "个数据包")));
        }
        if roomy {
            let note = match self.figures.over {
                Over::Connection(_) => lang.pick(
                    "* the rest: retransmissions, padding, truncated packets",
                    "* 其余：重传、填充、被截断的数据包",
                ),
                Over::All => lang.pick(
                    "* link, IP and TCP headers, other traffic, file overhead",
                    "* 链路、IP、TCP 首部，其他流量，文件开销",
                ),
            };
            lines.extend(wrap(note, columns).iter().map(|line| Text::of(Role::Dim, line)));
        }
        lines
    }

    fn http(&self, columns: usize, rows: usize) -> Vec<Text> {
        let lang = self.lang();
        let Some(mut given) = self.figures.totals.given(self.model.poll) else {
            return vec![
                Text::of(
                    Role::Plain,
                    lang.pick("n/a: no complete handshake was captured,", "无：未抓到完整的握手，"),
                ),
                Text::of(
                    Role::Plain,
                    lang.pick("so the size of HTTP headers is unknown.", "因此 HTTP 首部的长度未知。"),
                ),
            ];
        };
        let measured = (given.request_bytes, given.response_bytes);
        given.request_bytes = self.model.request.unwrap_or(measured.0);
        given.response_bytes = self.model.response.unwrap_or(measured.1);
        let estimate = Estimate::of(&given);
        let roomy = rows > 9;
        let mut lines = Vec::new();
        if roomy {
            let count = given.sent.saturating_add(given.received);
            let words = lang.pick(
                format!("The same {} over HTTP (headers only)", units::counted(count, "data message")),
                format!("用 HTTP 传送同样的 {} 条数据消息（仅首部）", units::grouped(count)),
            );
            lines.push(Text::of(Role::Title, words));
            lines.push(Text::new());
        }
        let names = columns.saturating_sub(10 + 14 + 9).clamp(18, 29);
        let mut head = Text::new();
        head.left(Role::Title, lang.pick("method", "方法"), names);
        head.right(Role::Title, lang.pick("requests", "请求数"), 10);
        head.right(Role::Title, lang.pick("header bytes", "首部字节数"), 14);
        head.right(Role::Title, lang.pick("ratio", "倍数"), 9);
        lines.push(head);
        let base = estimate.methods.first().map_or(0, |method| method.header_bytes);
        for method in &estimate.methods {
            let mut line = Text::new();
            let every = units::duration(given.poll);
            let every = lang.pick(format!("polling every {every}"), format!("轮询，间隔 {every}"));
            let title = match (method.name, lang) {
                ("poll", _) => every.as_str(),
                (_, Lang::En) => method.title,
                (name, Lang::Zh) => method_in_chinese(name).unwrap_or(method.title),
            };
            line.left(Role::Plain, title, names).grouped(Role::Plain, method.requests, 10);
            line.grouped(Role::Plain, method.header_bytes, 14);
            line.right(Role::Plain, &times(method.header_bytes, base), 9);
            lines.push(line);
        }
        if roomy {
            lines.push(Text::new());
        }
        let changed = |set: Option<u64>| {
            if set.is_some() {
                lang.pick("as set", "已设置")
            } else {
                lang.pick("as captured", "按抓包")
            }
        };
        let (request, response) = (given.request_bytes, given.response_bytes);
        let (request_from, response_from) = (changed(self.model.request), changed(self.model.response));
        let model = lang.pick(
            format!(
                "model: request {request} B ({request_from}) + response {response} B ({response_from}), keep-alive, \
                 without bodies. * cannot push"
            ),
            format!(
                "模型：请求 {request} B（{request_from}）+ 响应 {response} B（{response_from}），keep-alive，不含正文。\
                 * 不能推送"
            ),
        );
        let mut words = vec![model];
        if self.formulas {
            let (handshakes, headers) =
                (units::grouped(given.handshake_bytes), units::grouped(given.frame_header_bytes));
            let messages = units::grouped(given.sent.saturating_add(given.received));
            let (open, sent) = (units::duration(given.open_time), units::grouped(given.sent));
            words.push(lang.pick(
                format!(
                    "WebSocket = handshakes {handshakes} + frame headers {headers}; a request for each message = \
                     {messages} messages × headers; polling = open time {open} / interval + {sent} sent; SSE = 1 for \
                     each connection + sent, 8 B for each event"
                ),
                format!(
                    "WebSocket = 握手 {handshakes} + 帧头 {headers}；每条消息一个请求 = {messages} 条消息 × 首部；\
                     轮询 = 打开时间 {open} / 间隔 + 发送 {sent}；SSE = 每个连接 1 个 + 发送数，每个事件 8 B"
                ),
            ));
        } else {
            words.push(
                lang.pick("P changes the model, Enter shows the formulas", "P 更换模型，Enter 显示公式")
                    .to_owned(),
            );
        }
        for words in words {
            let wrapped = wrap(&words, columns);
            lines.extend(wrapped.iter().map(|line| Text::of(Role::Dim, line)));
        }
        lines
    }

    fn traffic(&self, columns: usize) -> Vec<Text> {
        let mut lines = Vec::new();
        let room = columns.saturating_sub(34).min(60);
        let lang = self.lang();
        let all: [(&str, bool, PartOf); 2] = [
            (lang.pick("messages", "消息"), false, |part| part.0),
            (lang.pick("bytes", "字节"), true, |part| part.1),
        ];
        for (name, is_size, of) in all {
            let (width, values) = self.figures.traffic.columns(room, of);
            let peak = values.iter().copied().max().unwrap_or(0);
            let amount = if is_size { units::size(peak) } else { units::grouped(peak) };
            let mut line = Text::new();
            line.left(Role::Plain, name, 10);
            line.left(
                Role::Plain,
                &lang.pick(
                    format!("peak {amount} in {}", units::duration(width.unsigned_abs())),
                    format!("峰值 {} 内 {amount}", units::duration(width.unsigned_abs())),
                ),
                24,
            );
            line.add(Role::Ok, bars::sparkline(&values));
            lines.push(line);
        }
        lines.push(Text::new());
        for direction in Direction::BOTH {
            let arrow = if direction == Direction::ClientToServer { "→" } else { "←" };
            let mut line = Text::of(Role::Plain, lang.pick("size ", "长度 "));
            line.add(Role::of_direction(direction), arrow);
            percentiles(&mut line, self.figures.sizes.of(direction), lang, |bytes| {
                format!("{} B", units::grouped(bytes))
            });
            lines.push(line);
        }
        let mut line = Text::of(Role::Plain, lang.pick("reply ", "应答 "));
        percentiles(&mut line, &self.figures.replies, lang, units::duration);
        line.add(Role::Dim, lang.pick("  (→ to the next ←)", "  （→ 到 ←）"));
        lines.push(line);
        if self.figures.walked < self.figures.all {
            let done = units::percent(self.figures.walked, self.figures.all);
            lines.push(Text::of(
                Role::Note,
                lang.pick(format!("for {done} of the messages so far"), format!("目前统计了 {done} 的消息")),
            ));
        }
        lines
    }

    fn health(&self, columns: usize) -> Vec<Text> {
        let lang = self.lang();
        let totals = &self.figures.totals;
        let PerDirection { c2s, s2c } = &totals.sums;
        let mut lines = Vec::new();
        let (count, sum, least, most) = totals.rtt;
        let mut line = Text::of(Role::Plain, "ping   ");
        let pings = c2s.pings.saturating_add(s2c.pings);
        if pings == 0 {
            line.add(Role::Dim, lang.pick("none sent", "未发送"));
        } else {
            let by = match (c2s.pings, s2c.pings) {
                (_, 0) => lang.pick("client", "客户端"),
                (0, _) => lang.pick("server", "服务器"),
                _ => lang.pick("both", "双方"),
            };
            let (pings, count) = (units::grouped(pings), units::grouped(count));
            line.plainly(lang.pick(
                format!("{pings} by {by}, {count} answered"),
                format!("{by}发送 {pings} 个，{count} 个已应答"),
            ));
        }
        lines.push(line);
        let known = totals.pinging.c2s.sent + totals.pinging.s2c.sent > 0;
        if known {
            lines.extend(pinging(&totals.pinging, lang));
        } else if count > 0 {
            let mean = sum / i64::try_from(count).unwrap_or(i64::MAX).max(1);
            lines.push(Text::of(Role::Plain, {
                let [min, avg, max] = [least, mean, most].map(|time| units::milliseconds(Nanos(time)));
                lang.pick(
                    format!("RTT    min {min}  avg {avg}  max {max}"),
                    format!("RTT    最小 {min}  平均 {avg}  最大 {max}"),
                )
            }));
        }
        let (silence, (connection, message)) = self.figures.silence;
        let mut line = Text::of(Role::Plain, lang.pick("idle   ", "空闲   "));
        if message == 0 {
            line.add(Role::Dim, lang.pick("n/a", "无"));
        } else {
            let silence = units::duration(silence.unsigned_abs());
            line.plainly(lang.pick(format!("longest silence {silence}"), format!("最长静默 {silence}")));
            let whose = if matches!(self.figures.over, Over::All) {
                lang.pick(format!(" of #{connection}"), format!("（连接 #{connection}）"))
            } else {
                String::new()
            };
            let words = lang.pick(
                format!(", before message {message}{whose}"),
                format!("，在消息 {message} {whose}之前"),
            );
            line.add(Role::Dim, words);
        }
        lines.push(line);
        let mut line = Text::of(Role::Plain, "TCP    ");
        let (gaps, bytes) = totals.gaps;
        if gaps == 0 {
            line.plainly(lang.pick("no bytes are missing", "没有缺少字节"));
        } else {
            let bytes = units::counted_in(lang, bytes, "byte", "个字节");
            let gaps = units::counted_in(lang, gaps, "gap", "个缺口");
            let words = lang.pick(format!("{bytes} missing in {gaps}"), format!("{gaps}，缺少 {bytes}"));
            line.add(Role::Warning, words);
        }
        lines.push(line);
        let mut line = Text::of(Role::Plain, "deflate ");
        if totals.deflate == 0 {
            line.add(Role::Dim, lang.pick("not negotiated", "未协商"));
        } else {
            for (arrow, sums) in [("→", c2s), ("←", s2c)] {
                line.plainly(format!("{arrow} ×{}  ", units::ratio(sums.inflated, sums.deflated)));
            }
            let keeps = |kept: u64| {
                if kept == totals.deflate {
                    lang.pick("yes", "是")
                } else if kept == 0 {
                    lang.pick("no", "否")
                } else {
                    lang.pick("some", "部分")
                }
            };
            let PerDirection { c2s, s2c } = totals.takeover;
            line.add(
                Role::Dim,
                format!(
                    "{}→ {} ← {}",
                    lang.pick("context takeover: ", "上下文接管："),
                    keeps(c2s),
                    keeps(s2c)
                ),
            );
        }
        lines.push(line);
        let [info, warnings, errors] = totals.findings;
        let mut line = Text::of(Role::Plain, lang.pick("findings ", "发现 "));
        for (count, en, zh, role) in [
            (errors, "error", "个错误", Role::Error),
            (warnings, "warning", "个警告", Role::Warning),
            (info, "info", "条信息", Role::Note),
        ] {
            if count > 0 {
                line.add(role, units::counted_in(lang, count, en, zh)).plainly("  ");
            }
        }
        if errors + warnings + info == 0 {
            line.plainly(lang.pick("none", "无"));
        }
        lines.push(line);
        if matches!(self.figures.over, Over::All) {
            lines.push(Text::of(
                Role::Plain,
                lang.pick(
                    format!(
                        "{} opened, {} refused or unanswered",
                        units::counted(totals.opened, "WebSocket"),
                        totals.failed
                    ),
                    format!("{} 个 WebSocket 已打开，{} 个被拒绝或无响应", totals.opened, totals.failed),
                ),
            ));
        }
        if self.ctx.shared.progress.state != Reading::Done {
            lines.push(Text::of(
                Role::Note,
                lang.pick("still reading: figures so far", "仍在读取：目前的数字"),
            ));
        }
        let _ = columns;
        lines
    }
}

/// Returns a table of pings by sender.
fn pinging(sides: &PerDirection<Pinged>, lang: Lang) -> Vec<Text> {
    const COLUMN: usize = 10;
    let mut head = Text::of(Role::Dim, lang.pick("       sent by", "       发送方"));
    let names = [("count", "数量", 6), ("min", "最小", COLUMN), ("median", "中位数", COLUMN)];
    for (en, zh, columns) in names.into_iter().chain([("max", "最大", COLUMN), ("lost", "丢失", 6)]) {
        head.right(Role::Dim, lang.pick(en, zh), columns);
    }
    let mut lines = vec![head];
    for by in Direction::BOTH {
        let side = sides.of(by);
        if side.sent == 0 {
            continue;
        }
        let mut line = Text::of(Role::Plain, "       ");
        let sender = match by {
            Direction::ClientToServer => lang.pick("client", "客户端"),
            Direction::ServerToClient => lang.pick("server", "服务器"),
        };
        line.left(Role::of_direction(by), sender, 7);
        line.plainly(format!("{:>6}", units::grouped(side.sent)));
        for time in [side.rtt.min(), side.rtt.median(), side.rtt.max()] {
            let text = time.map_or_else(|| "-".to_owned(), units::milliseconds);
            line.plainly(format!("{text:>COLUMN$}"));
        }
        let role = if side.missed > 0 { Role::Warning } else { Role::Plain };
        line.add(role, format!("{:>6}", units::grouped(side.missed)));
        lines.push(line);
        if let Some(every) = side.interval.median() {
            let every = units::duration(every.unsigned());
            let words = lang
                .pick(format!("       one every {every} (median)"), format!("       间隔 {every}（中位数）"));
            lines.push(Text::of(Role::Dim, words));
        }
    }
    lines
}

/// ` p50 20 B  p95 70 000 B  max 70 000 B`
fn percentiles(line: &mut Text, histogram: &ValueHistogram, lang: Lang, unit: fn(u64) -> String) {
    if histogram.count == 0 {
        line.add(Role::Dim, lang.pick(" n/a", " 无"));
        return;
    }
    for percent in [50, 95] {
        let Some((value, exact)) = histogram.percentile(percent) else { continue };
        let about = if exact { "" } else { "≈" };
        line.plainly(format!(" p{percent} {about}{} ", unit(value)));
    }
    line.plainly(lang.pick(" max ", " 最大 ")).plainly(unit(histogram.max));
}

/// Returns the ratio to a base: `9.58×`.
fn times(part: u64, base: u64) -> String {
    if base == 0 { "-".to_owned() } else { format!("{}×", units::ratio(part, base)) }
}

/// Returns the Chinese name of a way to exchange messages over HTTP.
fn method_in_chinese(name: &str) -> Option<&'static str> {
    Some(match name {
        "websocket" => "WebSocket（实测）",
        "request" => "每条消息一个请求 *",
        "long-poll" => "长轮询",
        "sse" => "SSE 加 POST",
        _ => return None,
    })
}
