//! The four panes.

use super::figures::{Figures, Over, Pinged, ValueHistogram};
use super::{Model, Pane4};
use crate::model::{Direction, Nanos, PerDirection};
use crate::report::stats::model::Estimate;
use crate::store::Reading;
use crate::tui::details::Detail;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, bars, units};

/// A value of a part of the time.
type PartOf = fn(&(u64, u64)) -> u64;

/// What is drawn from.
pub(super) struct StatsPage<'a> {
    pub ctx: Ctx<'a>,
    pub figures: &'a Figures,
    pub model: &'a Model,
    pub formulas: bool,
}

impl StatsPage<'_> {
    /// The lines of a pane with so much room.
    pub fn lines(&self, pane: Pane4, columns: usize, rows: usize) -> Vec<Text> {
        match pane {
            Pane4::Bytes => self.bytes(columns, rows),
            Pane4::Http => self.http(columns, rows),
            Pane4::Traffic => self.traffic(columns),
            Pane4::Health => self.health(columns),
        }
    }

    fn both(&self, of: fn(&super::figures::Sums) -> u64) -> u64 {
        let PerDirection { c2s, s2c } = &self.figures.totals.sums;
        of(c2s).saturating_add(of(s2c))
    }

    /// All bytes, and the words for what is no WebSocket: none where they are not known.
    fn whole(&self) -> (Option<u64>, &'static str, Option<u64>) {
        match self.figures.over {
            Over::Connection(connection) => match self.ctx.shared.details.tcp(connection) {
                Detail::Ready(detail) => {
                    (Some(detail.wire_bytes), "TCP, IP, link headers *", Some(detail.packet_count))
                }
                _ => (None, "TCP, IP, link headers *", None),
            },
            Over::All => {
                let summary = self.ctx.index.summary.as_ref();
                (summary.map(|all| all.capture_bytes), "all else *", summary.map(|all| all.packets))
            }
        }
    }

    fn bytes(&self, columns: usize, rows: usize) -> Vec<Text> {
        let payload = self.both(|sums| sums.payload);
        let headers = self.both(|sums| sums.wire).saturating_sub(payload);
        let handshakes = self.figures.totals.handshakes;
        let known = payload.saturating_add(headers).saturating_add(handshakes);
        let (whole, rest_name, packets) = self.whole();
        let rest = whole.map(|whole| whole.saturating_sub(known));
        let whole = whole.map(|whole| whole.max(known));
        let mut lines = Vec::new();
        let where_to = match whole {
            Some(whole) => format!("Where the {} bytes went", units::grouped(whole)),
            None => "Where the bytes went".to_owned(),
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
            row("link headers", Some(layers.link));
            row("IP headers", Some(layers.network));
            row("TCP headers", Some(layers.transport));
            let named = layers.link.saturating_add(layers.network).saturating_add(layers.transport);
            // Bytes sent again, padding, what a capture cut.
            if let left @ 1.. = rest.saturating_sub(named) {
                row("all else *", Some(left));
            }
        } else {
            row(rest_name, rest);
        }
        row("opening handshake", Some(handshakes));
        row("frame headers", Some(headers));
        row("WebSocket payload", Some(payload));
        if roomy {
            lines.push(Text::new());
        }
        let frames = self.both(|sums| sums.frames);
        if let Some(tenths) = headers.saturating_mul(10).checked_div(frames) {
            let mean = format!("{}.{}", tenths / 10, tenths % 10);
            let words = format!("{}: {mean} header bytes each, on average", units::counted(frames, "frame"));
            lines.push(Text::of(Role::Plain, words));
        }
        let (inflated, deflated) = (self.both(|sums| sums.inflated), self.both(|sums| sums.deflated));
        if deflated > 0 {
            let words = format!(
                "{} B of payload carry {} B (deflate)",
                units::grouped(deflated),
                units::grouped(inflated)
            );
            lines.push(Text::of(Role::Plain, words));
        }
        if let Some(packets) = packets {
            lines.push(Text::of(Role::Plain, units::counted(packets, "packet")));
        }
        if roomy {
            let note = match self.figures.over {
                Over::Connection(_) => "* the rest: retransmissions, padding, cut bytes",
                Over::All => "* link, IP and TCP headers, other traffic, file overhead",
            };
            lines.push(Text::of(Role::Dim, note));
        }
        lines
    }

    fn http(&self, columns: usize, rows: usize) -> Vec<Text> {
        let Some(mut given) = self.figures.totals.given(self.model.poll) else {
            return vec![
                Text::of(Role::Plain, "n/a: no complete handshake was captured"),
                Text::of(Role::Plain, "to take the HTTP heads from."),
            ];
        };
        let measured = (given.request_bytes, given.response_bytes);
        given.request_bytes = self.model.request.unwrap_or(measured.0);
        given.response_bytes = self.model.response.unwrap_or(measured.1);
        let estimate = Estimate::of(&given);
        let roomy = rows > 9;
        let mut lines = Vec::new();
        if roomy {
            let each = units::counted(given.sent.saturating_add(given.received), "data message");
            lines.push(Text::of(Role::Title, format!("The same {each} over HTTP (heads only)")));
            lines.push(Text::new());
        }
        let names = columns.saturating_sub(10 + 14 + 9).clamp(18, 29);
        let mut head = Text::new();
        head.left(Role::Title, "method", names).right(Role::Title, "requests", 10);
        head.right(Role::Title, "header bytes", 14).right(Role::Title, "to this", 9);
        lines.push(head);
        let base = estimate.methods.first().map_or(0, |method| method.header_bytes);
        for method in &estimate.methods {
            let mut line = Text::new();
            let every = format!("polling every {}", units::duration(given.poll));
            let title = if method.name == "poll" { every.as_str() } else { method.title };
            line.left(Role::Plain, title, names).grouped(Role::Plain, method.requests, 10);
            line.grouped(Role::Plain, method.header_bytes, 14);
            line.right(Role::Plain, &times(method.header_bytes, base), 9);
            lines.push(line);
        }
        if roomy {
            lines.push(Text::new());
        }
        let changed = |set: Option<u64>| if set.is_some() { "as set" } else { "as captured" };
        let model = format!(
            "model: request {} B ({}) + response {} B ({}), keep-alive, bodies left out. * cannot push",
            given.request_bytes,
            changed(self.model.request),
            given.response_bytes,
            changed(self.model.response),
        );
        let mut words = vec![model];
        if self.formulas {
            words.push(format!(
                "WebSocket = handshakes {} + frame headers {}; request for each = {} messages × heads; polling = open \
                 time {} / interval + {} sent; SSE = 1 for each connection + sent, 8 B for each event",
                units::grouped(given.handshake_bytes),
                units::grouped(given.frame_header_bytes),
                units::grouped(given.sent.saturating_add(given.received)),
                units::duration(given.open_time),
                units::grouped(given.sent),
            ));
        } else {
            words.push("P changes it, Enter shows the formulas".to_owned());
        }
        for words in words {
            let wrapped = crate::model::wrap(&words, columns);
            lines.extend(wrapped.iter().map(|line| Text::of(Role::Dim, line)));
        }
        lines
    }

    fn traffic(&self, columns: usize) -> Vec<Text> {
        let mut lines = Vec::new();
        let room = columns.saturating_sub(34).min(60);
        let all: [(&str, PartOf); 2] = [("messages", |part| part.0), ("bytes", |part| part.1)];
        for (name, of) in all {
            let (width, values) = self.figures.traffic.columns(room, of);
            let peak = values.iter().copied().max().unwrap_or(0);
            let amount = if name == "bytes" { units::size(peak) } else { units::grouped(peak) };
            let mut line = Text::new();
            line.left(Role::Plain, name, 10);
            line.left(
                Role::Plain,
                &format!("peak {amount} in {}", units::duration(width.unsigned_abs())),
                24,
            );
            line.add(Role::Ok, bars::sparkline(&values));
            lines.push(line);
        }
        lines.push(Text::new());
        for direction in Direction::BOTH {
            let arrow = if direction == Direction::ClientToServer { "→" } else { "←" };
            let mut line = Text::of(Role::Plain, "size ");
            line.add(Role::of_direction(direction), arrow);
            percentiles(&mut line, self.figures.sizes.of(direction), |bytes| {
                format!("{} B", units::grouped(bytes))
            });
            lines.push(line);
        }
        let mut line = Text::of(Role::Plain, "reply ");
        percentiles(&mut line, &self.figures.replies, units::duration);
        line.add(Role::Dim, "  (→ to the next ←)");
        lines.push(line);
        if self.figures.walked < self.figures.all {
            let done = units::percent(self.figures.walked, self.figures.all);
            lines.push(Text::of(Role::Note, format!("of {done} of the messages so far")));
        }
        lines
    }

    fn health(&self, columns: usize) -> Vec<Text> {
        let totals = &self.figures.totals;
        let PerDirection { c2s, s2c } = &totals.sums;
        let mut lines = Vec::new();
        let (count, sum, least, most) = totals.rtt;
        let mut line = Text::of(Role::Plain, "ping   ");
        let pings = c2s.pings.saturating_add(s2c.pings);
        if pings == 0 {
            line.add(Role::Dim, "none sent");
        } else {
            let by = match (c2s.pings, s2c.pings) {
                (_, 0) => "client",
                (0, _) => "server",
                _ => "both",
            };
            line.plainly(format!("{} by {by}, {} answered", units::grouped(pings), units::grouped(count)));
        }
        lines.push(line);
        let known = totals.pinging.c2s.sent + totals.pinging.s2c.sent > 0;
        if known {
            lines.extend(pinging(&totals.pinging));
        } else if count > 0 {
            let mean = sum / i64::try_from(count).unwrap_or(i64::MAX).max(1);
            lines.push(Text::of(
                Role::Plain,
                format!(
                    "RTT    min {}  avg {}  max {}",
                    units::milliseconds(Nanos(least)),
                    units::milliseconds(Nanos(mean)),
                    units::milliseconds(Nanos(most))
                ),
            ));
        }
        let (silence, (connection, message)) = self.figures.silence;
        let mut line = Text::of(Role::Plain, "idle   ");
        if message == 0 {
            line.add(Role::Dim, "n/a");
        } else {
            line.plainly(format!("longest silence {}", units::duration(silence.unsigned_abs())));
            let whose = if matches!(self.figures.over, Over::All) {
                format!(" of #{connection}")
            } else {
                String::new()
            };
            line.add(Role::Dim, format!(", before message {message}{whose}"));
        }
        lines.push(line);
        let mut line = Text::of(Role::Plain, "TCP    ");
        let (gaps, bytes) = totals.gaps;
        if gaps == 0 {
            line.plainly("no bytes are missing");
        } else {
            let words =
                format!("{} missing in {}", units::counted(bytes, "byte"), units::counted(gaps, "gap"));
            line.add(Role::Warning, words);
        }
        lines.push(line);
        let mut line = Text::of(Role::Plain, "deflate ");
        if totals.deflate == 0 {
            line.add(Role::Dim, "not negotiated");
        } else {
            for (arrow, sums) in [("→", c2s), ("←", s2c)] {
                line.plainly(format!("{arrow} ×{}  ", units::ratio(sums.inflated, sums.deflated)));
            }
            let keeps = |kept: u64| {
                if kept == totals.deflate {
                    "yes"
                } else if kept == 0 {
                    "no"
                } else {
                    "some"
                }
            };
            let PerDirection { c2s, s2c } = totals.takeover;
            line.add(Role::Dim, format!("window kept: → {} ← {}", keeps(c2s), keeps(s2c)));
        }
        lines.push(line);
        let [info, warnings, errors] = totals.findings;
        let mut line = Text::of(Role::Plain, "findings ");
        for (count, name, role) in
            [(errors, "error", Role::Error), (warnings, "warning", Role::Warning), (info, "info", Role::Note)]
        {
            if count > 0 {
                line.add(role, units::counted(count, name)).plainly("  ");
            }
        }
        if errors + warnings + info == 0 {
            line.plainly("none");
        }
        lines.push(line);
        if matches!(self.figures.over, Over::All) {
            lines.push(Text::of(
                Role::Plain,
                format!(
                    "{} opened, {} refused or unanswered",
                    units::counted(totals.opened, "WebSocket"),
                    totals.failed
                ),
            ));
        }
        if self.ctx.shared.progress.state != Reading::Done {
            lines.push(Text::of(Role::Note, "still reading: figures so far"));
        }
        let _ = columns;
        lines
    }
}

/// A table of pings by who sent them.
fn pinging(sides: &PerDirection<Pinged>) -> Vec<Text> {
    const COLUMN: usize = 10;
    let mut head = Text::of(Role::Dim, "       sent by");
    for name in ["count", "min", "median", "max", "lost"] {
        let columns = if matches!(name, "count" | "lost") { 6 } else { COLUMN };
        head.add(Role::Dim, format!("{name:>columns$}"));
    }
    let mut lines = vec![head];
    for by in Direction::BOTH {
        let side = sides.of(by);
        if side.sent == 0 {
            continue;
        }
        let mut line = Text::of(Role::Plain, "       ");
        line.left(Role::of_direction(by), by.sender(), 7);
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
            lines.push(Text::of(Role::Dim, format!("       one every {every} (median)")));
        }
    }
    lines
}

/// ` p50 20 B  p95 70 000 B  max 70 000 B`
fn percentiles(line: &mut Text, histogram: &ValueHistogram, unit: fn(u64) -> String) {
    if histogram.count == 0 {
        line.add(Role::Dim, " n/a");
        return;
    }
    for percent in [50, 95] {
        let Some((value, exact)) = histogram.percentile(percent) else { continue };
        let about = if exact { "" } else { "≈" };
        line.plainly(format!(" p{percent} {about}{} ", unit(value)));
    }
    line.plainly(format!(" max {}", unit(histogram.max)));
}

/// How many times as much.
fn times(part: u64, base: u64) -> String {
    if base == 0 { "-".to_owned() } else { format!("{}×", units::ratio(part, base)) }
}
