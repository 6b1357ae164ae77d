//! The report for people.

use super::keep_alive::{By, SentHeartbeats};
use super::{Count, STATES, Stats, Sums, Top};
use crate::model::{Direction, Nanos, PerDirection, Severity, preview, safe_str};
use crate::pipeline::State;
use crate::present::units;
use crate::present::{Role, Style};
use crate::report::Summary;
use crate::report::table::TableStyle;
use crate::ws::{Rtt, close_code};

/// Columns of the names on the left.
const NAMES: usize = 24;
/// Columns of a number.
const NUMBERS: usize = 14;
/// Columns of a count in a table of seven.
const COUNTS: usize = 9;
/// Columns of the longest bar.
const BAR: u64 = 20;

/// Appends the report.
pub(super) fn write(out: &mut Vec<u8>, stats: &Stats, summary: &Summary, look: &TableStyle) {
    let mut page = StatsWriter { out, style: look.style(), look, fresh: true };
    page.capture(stats, summary);
    let opened = stats.opened();
    if opened + stats.heads.all > 0 {
        page.bytes(stats, summary);
    }
    if opened > 0 {
        page.messages(stats);
        page.sizes(stats);
        page.health(stats);
        page.keep_alive(stats);
        page.connections(stats);
        page.estimate(stats);
    }
}

struct StatsWriter<'a> {
    out: &'a mut Vec<u8>,
    style: Style,
    look: &'a TableStyle,
    fresh: bool,
}

impl StatsWriter<'_> {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A title and what stands behind it; an empty line before.
    fn title(&mut self, title: &str, behind: &str) {
        if !std::mem::take(&mut self.fresh) {
            self.out.push(b'\n');
        }
        self.style.put(self.out, Role::Title, |out| {
            units::left(out, if behind.is_empty() { 0 } else { NAMES }, |out| {
                out.extend_from_slice(title.as_bytes());
            });
            out.extend_from_slice(behind.as_bytes());
        });
        self.end();
    }

    /// Ends a line, without spaces behind it.
    fn end(&mut self) {
        while self.out.last() == Some(&b' ') {
            self.out.pop();
        }
        self.out.push(b'\n');
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(b"  ");
        units::left(self.out, NAMES - 2, |out| out.extend_from_slice(name.as_bytes()));
    }

    fn number(&mut self, number: u64) {
        units::right(self.out, NUMBERS, |out| units::grouped(out, number));
    }

    fn duration(&mut self, nanoseconds: u64) {
        units::duration(self.out, nanoseconds, self.look.ascii);
    }

    fn bar(&mut self, part: u64, whole: u64) {
        let eighths = u128::from(part) * u128::from(BAR) * 8;
        let eighths = eighths.checked_div(u128::from(whole)).unwrap_or(0) as u64;
        self.text("  ");
        if self.look.ascii {
            self.out.resize(self.out.len() + (eighths / 8) as usize, b'#');
            return;
        }
        (0..eighths / 8).for_each(|_| self.text("█"));
        self.text(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get((eighths % 8) as usize).unwrap_or(&""));
    }

    fn capture(&mut self, stats: &Stats, summary: &Summary) {
        let totals = &summary.totals;
        self.title("capture", "");
        self.text("  ");
        units::counted(self.out, summary.packets, "packet");
        self.text(", ");
        units::counted(self.out, summary.capture_bytes, "byte");
        if let Some(duration) = stats.duration() {
            self.text(", ");
            self.duration(duration);
        }
        self.text(", ");
        units::counted(self.out, totals.tcp_connections, "TCP connection");
        self.end();
        for (reason, count) in &summary.skipped {
            self.text("  ");
            units::counted(self.out, *count, "packet");
            self.text(" skipped: ");
            self.text(reason);
            self.end();
        }
        if totals.gaps > 0 {
            self.text("  ");
            units::counted(self.out, totals.gap_bytes, "byte");
            self.text(" of WebSocket connections missing in ");
            units::counted(self.out, totals.gaps, "gap");
            self.end();
        }
        if !summary.input_complete {
            self.text("  the input ends early or is damaged: these are the numbers of what could be read");
            self.end();
        }
        self.text("  ");
        units::counted(self.out, stats.states.iter().sum(), "WebSocket");
        for (i, (state, count)) in STATES.iter().zip(stats.states).filter(|(_, count)| *count > 0).enumerate()
        {
            self.text(if i == 0 { ": " } else { ", " });
            units::grouped(self.out, count);
            self.text(" ");
            self.text(state.name());
        }
        self.end();
        self.text("  ");
        units::counted(self.out, totals.findings.total(), "finding");
        for (i, (severity, name)) in
            [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "info")]
                .into_iter()
                .filter(|(severity, _)| totals.findings.of(*severity) > 0)
                .enumerate()
        {
            self.text(if i == 0 { ": " } else { ", " });
            units::counted(self.out, totals.findings.of(severity), name);
        }
        self.end();
    }

    fn bytes(&mut self, stats: &Stats, summary: &Summary) {
        let PerDirection { c2s, s2c } = &stats.sums;
        let both = |of: Count| of(c2s).saturating_add(of(s2c));
        let parts = [
            ("WebSocket payload", both(|sums| sums.payload)),
            ("frame headers", both(Sums::headers)),
            ("opening handshakes", stats.heads.all),
        ];
        let known = parts.iter().fold(0u64, |sum, (_, part)| sum.saturating_add(*part));
        let rest = summary.capture_bytes.saturating_sub(known);
        let whole = known.saturating_add(rest);
        self.title("bytes of the capture", "");
        for (name, part) in parts.into_iter().chain([("all else *", rest)]) {
            self.name(name);
            self.number(part);
            units::right(self.out, 9, |out| units::percent(out, part, whole));
            self.bar(part, whole);
            self.end();
        }
        self.text("  * link, IP and TCP headers, repeated bytes, other traffic, what the file adds");
        self.end();
    }

    fn messages(&mut self, stats: &Stats) {
        let PerDirection { c2s, s2c } = &stats.sums;
        let (sent, received) =
            if self.look.ascii { ("client ->", "<- server") } else { ("client →", "← server") };
        self.title("messages", &format!("{sent:>NUMBERS$}{received:>NUMBERS$}{:>NUMBERS$}", "both"));
        let rows: [(&str, Count, bool); 12] = [
            ("text", |sums| at(&sums.data, 0), true),
            ("binary", |sums| at(&sums.data, 1), true),
            ("reserved data", |sums| at(&sums.data, 2), false),
            ("close", |sums| at(&sums.control, 0), true),
            ("ping", |sums| at(&sums.control, 1), true),
            ("pong", |sums| at(&sums.control, 2), true),
            ("reserved control", |sums| at(&sums.control, 3), false),
            ("all messages", |sums| sums.messages, true),
            ("frames", |sums| sums.frames, true),
            ("payload bytes", |sums| sums.payload, true),
            ("header bytes", Sums::headers, true),
            ("bytes", |sums| sums.wire, true),
        ];
        for (name, of, always) in rows {
            let (sent, received) = (of(c2s), of(s2c));
            if always || sent > 0 || received > 0 {
                self.name(name);
                self.number(sent);
                self.number(received);
                self.number(sent.saturating_add(received));
                self.end();
            }
        }
        let Some(duration) = stats.duration().filter(|duration| *duration > 0) else { return };
        for (name, of) in
            [("messages a second", (|sums| sums.messages) as Count), ("bytes a second", |sums| sums.wire)]
        {
            self.name(name);
            for count in [of(c2s), of(s2c), of(c2s).saturating_add(of(s2c))] {
                units::right(self.out, NUMBERS, |out| rate(out, count, duration));
            }
            self.end();
        }
    }

    fn sizes(&mut self, stats: &Stats) {
        let PerDirection { c2s, s2c } = &stats.sums;
        let both: Vec<u64> = c2s.sizes.iter().zip(s2c.sizes).map(|(a, b)| a.saturating_add(b)).collect();
        let (Some(first), Some(last)) =
            (both.iter().position(|count| *count > 0), both.iter().rposition(|count| *count > 0))
        else {
            return;
        };
        let most = both.iter().copied().max().unwrap_or(0);
        let (sent, received) =
            if self.look.ascii { ("client ->", "<- server") } else { ("client →", "← server") };
        self.title("data messages by size", &format!("{sent:>NUMBERS$}{received:>NUMBERS$}"));
        let classes = c2s.sizes.iter().zip(&s2c.sizes).zip(&both).enumerate();
        for (class, ((sent, received), both)) in classes.skip(first).take(last - first + 1) {
            let name = match class {
                0 => "0 bytes".to_owned(),
                1 => "1 byte".to_owned(),
                _ if class + 1 == super::SIZES => format!("{} and more", power(class - 1)),
                _ if class <= 10 => format!("{} to {}", 1 << (class - 1), (1 << class) - 1),
                _ => format!("{} to {}", power(class - 1), power(class)),
            };
            self.name(&name);
            self.number(*sent);
            self.number(*received);
            self.bar(*both, most);
            self.end();
        }
        self.text("  payload bytes on the wire");
        self.text(if stats.deflate > 0 { ", compressed where they are\n" } else { "\n" });
    }

    fn health(&mut self, stats: &Stats) {
        let PerDirection { c2s, s2c } = &stats.sums;
        self.title("connections", "");
        self.name("open on the average");
        self.duration(stats.open_time().checked_div(stats.opened()).unwrap_or(0));
        self.end();
        self.name("round trip of a ping");
        round_trips(self.out, &stats.rtt, self.look.ascii);
        self.end();
        self.name("closed by");
        self.closes(stats);
        self.end();
        self.name("permessage-deflate");
        if stats.deflate == 0 {
            self.text("not agreed on");
        } else {
            self.text("agreed on by ");
            units::counted(self.out, stats.deflate, "connection");
        }
        self.end();
        let (sent, received) =
            if self.look.ascii { ("client -> ", ", <- server ") } else { ("client → ", ", ← server ") };
        if c2s.inflated.saturating_add(s2c.inflated) > 0 {
            self.name("compression");
            for (name, sums) in [(sent, c2s), (received, s2c)] {
                self.text(name);
                units::ratio(self.out, sums.inflated, sums.deflated);
                self.text(" to 1");
            }
            self.text(" (");
            units::grouped(self.out, c2s.inflated.saturating_add(s2c.inflated));
            self.text(" bytes in ");
            units::grouped(self.out, c2s.deflated.saturating_add(s2c.deflated));
            self.text(")");
            self.end();
        }
    }

    /// Pings and heartbeats by who sent them; how connections ended.
    fn keep_alive(&mut self, stats: &Stats) {
        let all = &stats.keep_alive;
        if all.any() {
            let words = ["sent", "answers", "lost", "every", "min", "median", "max"];
            let behind: String = words.iter().map(|word| format!("{word:>COUNTS$}")).collect();
            self.title("keep-alive", &behind);
        }
        let pings = [("client", &all.pings.c2s), ("server", &all.pings.s2c)];
        let pings = pings.map(|(who, sent)| (format!("ping of the {who}"), sent));
        let above = all.above.iter().flat_map(|(name, (_, both))| {
            [("client", &both.c2s), ("server", &both.s2c)].map(|(who, sent)| (format!("{name}, {who}"), sent))
        });
        let rows: Vec<(String, &SentHeartbeats)> =
            pings.into_iter().chain(above).filter(|(_, sent)| sent.sent > 0).collect();
        for (name, sent) in &rows {
            self.name(name);
            for count in [sent.sent, sent.answered, sent.missed] {
                units::right(self.out, COUNTS, |out| units::grouped(out, count));
            }
            let ascii = self.look.ascii;
            let times = [sent.interval.median(), sent.rtt.min(), sent.rtt.median(), sent.rtt.max()];
            for time in times {
                units::right(self.out, COUNTS, |out| match time {
                    Some(time) => units::duration(out, time.unsigned(), ascii),
                    None => out.push(b'-'),
                });
            }
            self.end();
        }
        if !rows.is_empty() {
            self.text("  every: the median; the rest: from one to its answer. Medians are within 2 %");
            self.end();
        }
        self.title("ends", "");
        let mut ends: Vec<_> = all.ends.iter().collect();
        ends.sort_by_key(|(_, by)| std::cmp::Reverse(by.all()));
        let list = |count: fn(&By) -> u64| {
            let counts = ends.iter().map(|(kind, by)| (kind, count(by))).filter(|(_, count)| *count > 0);
            counts.map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
        };
        for (name, list) in [
            ("by what came first", list(By::all)),
            ("by the client", list(|by| by.client)),
            ("by the server", list(|by| by.server)),
        ] {
            if !list.is_empty() {
                self.name(name);
                self.text(&list);
                self.end();
            }
        }
        if !all.causes.is_empty() {
            let mut causes: Vec<_> = all.causes.iter().collect();
            causes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let causes = causes.iter().map(|(name, count)| format!("{name} {count}"));
            self.name("causes that fit");
            self.text(&causes.collect::<Vec<_>>().join(", "));
            self.text(" (inferred: wslens story tells more)");
            self.end();
        }
    }

    /// The codes of closes, the commonest first.
    fn closes(&mut self, stats: &Stats) {
        /// Codes that are named; the others are only counted.
        const MOST: usize = 6;
        let mut codes: Vec<(Option<Option<u16>>, u64)> =
            stats.codes.iter().map(|(code, count)| (Some(*code), *count)).collect();
        if stats.without_close > 0 {
            codes.push((None, stats.without_close));
        }
        codes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let mut column = NAMES;
        for (i, (code, count)) in codes.iter().take(MOST).enumerate() {
            let words = match code {
                Some(Some(code)) => format!("{code} {}", close_code(*code).name),
                Some(None) => "Close without a code".to_owned(),
                None => "no Close (1006)".to_owned(),
            };
            let words = format!("{words}: {count}{}", if i + 1 < codes.len() { "," } else { "" });
            if column + 1 + words.len() > 80 {
                self.end();
                self.name("");
                column = NAMES;
            }
            self.text(&words);
            self.text(" ");
            column += words.len() + 1;
        }
        if codes.is_empty() {
            self.text("-");
        } else if codes.len() > MOST {
            units::counted(self.out, (codes.len() - MOST) as u64, "more code");
        }
    }

    fn connections(&mut self, stats: &Stats) {
        if stats.top.is_empty() || stats.opened() < 2 {
            return;
        }
        let shown = stats.top.len() as u64;
        let title = if shown < stats.opened() {
            format!("the {shown} connections with most messages, of {}", stats.opened())
        } else {
            "each connection".to_owned()
        };
        self.title(&title, "");
        let (sent, received) = if self.look.ascii { ("msg->", "msg<-") } else { ("msg→", "msg←") };
        self.text("  conn ");
        for (title, wide) in
            [(sent, 9), (received, 9), ("frames", 9), ("payload", 10), ("open", 9), ("ping", 9)]
        {
            units::right(self.out, wide, |out| out.extend_from_slice(title.as_bytes()));
        }
        self.text("  url\n");
        for top in &stats.top {
            self.connection(stats, top);
        }
    }

    fn connection(&mut self, stats: &Stats, top: &Top) {
        let start = self.out.len();
        units::right(self.out, 6, |out| units::number(out, top.number.into()));
        self.text(" ");
        for direction in Direction::BOTH {
            units::right(self.out, 9, |out| units::number(out, *top.messages.of(direction)));
        }
        units::right(self.out, 9, |out| units::number(out, top.frames.c2s.saturating_add(top.frames.s2c)));
        units::right(self.out, 10, |out| units::size(out, top.payload.c2s.saturating_add(top.payload.s2c)));
        let end = top.closed.or(stats.times.and_then(|(_, last)| last));
        units::right(self.out, 9, |out| match end {
            Some(end) => units::duration(out, end.since(top.opened).unsigned(), self.look.ascii),
            None => out.push(b'-'),
        });
        units::right(self.out, 9, |out| match mean(&top.rtt) {
            Some(mean) => units::duration(out, mean.0.unsigned_abs(), self.look.ascii),
            None => out.push(b'-'),
        });
        self.text("  ");
        let used = units::columns(self.out.get(start..).unwrap_or_default());
        let state = if top.state == State::Closed { "" } else { top.state.name() };
        let room = self.look.columns.map(|columns| columns.max(80).saturating_sub(used));
        let url = match room {
            Some(room) => {
                let (mut url, cut) = preview(top.name.as_bytes(), room.saturating_sub(state.len() + 2));
                if cut && self.look.ascii {
                    url.pop();
                    url.push('~');
                }
                url
            }
            None => safe_str(&top.name).into_owned(),
        };
        self.text(&url);
        if !state.is_empty() {
            self.text("  ");
            self.style.put(self.out, Role::Warning, |out| out.extend_from_slice(state.as_bytes()));
        }
        self.end();
    }

    fn estimate(&mut self, stats: &Stats) {
        let PerDirection { c2s, s2c } = &stats.sums;
        let (headers, payload) =
            (c2s.headers().saturating_add(s2c.headers()), c2s.payload.saturating_add(s2c.payload));
        let frames = c2s.frames.saturating_add(s2c.frames);
        self.title("overhead", "");
        self.text("  ");
        units::counted(self.out, headers, "header byte");
        self.text(" in ");
        units::counted(self.out, frames, "frame");
        self.text(": ");
        units::ratio(self.out, headers, frames);
        self.text(" a frame, ");
        units::percent(self.out, headers, payload.max(1));
        self.text(" of the payload");
        self.end();
        let Some(estimate) = stats.estimate() else { return };
        let given = &estimate.given;
        let Some(measured) = estimate.methods.first() else { return };
        self.title("what if it had been HTTP?", "");
        self.text("  Heads that would carry the same ");
        units::counted(self.out, given.sent.saturating_add(given.received), "data message");
        self.text(". An estimate by the model below.\n");
        self.text(&format!(
            "  {:30}{:>12}{:>16}{:>14}\n",
            "method", "requests", "header bytes", "to WebSocket"
        ));
        for method in &estimate.methods {
            let title = if method.name == "poll" {
                format!("polling every {}", short(given.poll, self.look.ascii))
            } else {
                method.title.to_owned()
            };
            self.text("  ");
            units::left(self.out, 30, |out| out.extend_from_slice(title.as_bytes()));
            units::right(self.out, 12, |out| units::grouped(out, method.requests));
            units::right(self.out, 16, |out| units::grouped(out, method.header_bytes));
            units::right(self.out, 12, |out| units::ratio(out, method.header_bytes, measured.header_bytes));
            self.text(if self.look.ascii { " x\n" } else { " ×\n" });
        }
        let model = format!(
            "  model: each request has a head of {} bytes and each response one of {}, as these\n  \
             handshakes have on the average; connections stay open between requests; no bodies,\n  \
             no TCP, no TLS. A message of a client is one request; polling asks for as long as the\n  \
             WebSockets were open ({} in all).  * cannot push.\n",
            given.request_bytes,
            given.response_bytes,
            short(given.open_time, self.look.ascii)
        );
        self.text(&model);
    }
}

fn at(counts: &[u64], index: usize) -> u64 {
    counts.get(index).copied().unwrap_or(0)
}

/// 2 to the power of `exponent` bytes.
fn power(exponent: usize) -> String {
    match exponent {
        0..10 => (1u64 << exponent).to_string(),
        10..20 => format!("{} KiB", 1u64 << (exponent - 10)),
        _ => format!("{} MiB", 1u64 << (exponent.min(60) - 20)),
    }
}

fn short(nanoseconds: u64, ascii: bool) -> String {
    let mut out = Vec::new();
    units::duration(&mut out, nanoseconds, ascii);
    String::from_utf8(out).unwrap_or_default()
}

/// A number a second, with one decimal.
fn rate(out: &mut Vec<u8>, count: u64, nanoseconds: u64) {
    let tenths = u128::from(count) * 10_000_000_000 / u128::from(nanoseconds.max(1));
    let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
    units::grouped(out, tenths / 10);
    units::decimals(out, tenths % 10, 1);
}

/// The mean round trip.
pub(super) fn mean(rtt: &Rtt) -> Option<Nanos> {
    rtt.sum.0.checked_div(i64::try_from(rtt.count).ok()?).map(Nanos)
}

fn round_trips(out: &mut Vec<u8>, rtt: &Rtt, ascii: bool) {
    let Some(mean) = mean(rtt) else {
        return out.extend_from_slice(b"no ping was answered");
    };
    for (name, time) in [("min ", rtt.min), (", mean ", mean), (", max ", rtt.max)] {
        out.extend_from_slice(name.as_bytes());
        units::milliseconds(out, time.0, ascii);
    }
    out.extend_from_slice(b" (");
    units::grouped(out, rtt.count);
    out.extend_from_slice(b" answered)");
}
