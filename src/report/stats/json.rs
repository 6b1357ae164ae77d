//! The numbers as one JSON object, for programs. Keys keep their meaning within a `v`.

use std::fmt::Write as _;

use super::keep_alive::SentHeartbeats;
use super::text::mean;
use super::{Count, STATES, Stats, Sums};
use crate::model::{Histogram, PerDirection, Severity, Time};
use crate::report::Summary;
use crate::report::json::{json_key, json_string};

/// Appends the object and a line end.
pub(super) fn write(out: &mut Vec<u8>, stats: &Stats, summary: &Summary) {
    let totals = &summary.totals;
    let mut object = ObjectWriter { out, first: true };
    object.open(None);
    object.number("v", 1);
    object.string("kind", "stats");
    object.number("packets", summary.packets);
    object.number("capture_bytes", summary.capture_bytes);
    object.text("first", stats.times.map(|(first, _)| first));
    object.text("last", stats.times.and_then(|(_, last)| last));
    object.number("tcp_connections", totals.tcp_connections);
    object.number("websockets", stats.states.iter().sum());
    object.open(Some("states"));
    for (state, count) in STATES.iter().zip(stats.states) {
        object.number(state.name(), count);
    }
    object.close();
    let sums = &stats.sums;
    let counts: [(&str, Count); 7] = [
        ("messages", |sums| sums.messages),
        ("frames", |sums| sums.frames),
        ("payload_bytes", |sums| sums.payload),
        ("header_bytes", Sums::headers),
        ("wire_bytes", |sums| sums.wire),
        ("deflated_bytes", |sums| sums.deflated),
        ("inflated_bytes", |sums| sums.inflated),
    ];
    for (name, of) in counts {
        object.both(name, sums, of);
    }
    object.open(Some("ops"));
    let ops: [(&str, Count); 7] = [
        ("text", |sums| sums.data.first().copied().unwrap_or(0)),
        ("binary", |sums| sums.data.get(1).copied().unwrap_or(0)),
        ("reserved_data", |sums| sums.data.get(2).copied().unwrap_or(0)),
        ("close", |sums| sums.control.first().copied().unwrap_or(0)),
        ("ping", |sums| sums.control.get(1).copied().unwrap_or(0)),
        ("pong", |sums| sums.control.get(2).copied().unwrap_or(0)),
        ("reserved_control", |sums| sums.control.get(3).copied().unwrap_or(0)),
    ];
    for (name, of) in ops {
        object.both(name, sums, of);
    }
    object.close();
    sizes(&mut object, sums);
    object.number("handshake_bytes", stats.heads.all);
    object.number("deflate_connections", stats.deflate);
    object.seconds("open_time", Some(i64::try_from(stats.open_time()).unwrap_or(i64::MAX)));
    object.open(Some("rtt"));
    object.number("count", stats.rtt.count);
    let answered = (stats.rtt.count > 0).then_some(());
    object.seconds("min", answered.map(|()| stats.rtt.min));
    object.seconds("mean", mean(&stats.rtt));
    object.seconds("max", answered.map(|()| stats.rtt.max));
    object.close();
    object.open(Some("close_codes"));
    for (code, count) in &stats.codes {
        object.number(&code.map_or_else(|| "none".to_owned(), |code| code.to_string()), *count);
    }
    object.close();
    object.number("without_close", stats.without_close);
    keep_alive(&mut object, stats);
    connections(&mut object, stats);
    estimate(&mut object, stats);
    object.open(Some("findings"));
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        object.number(severity.name(), totals.findings.of(severity));
    }
    object.close();
    object.open(Some("skipped"));
    for (reason, count) in &summary.skipped {
        object.number(reason, *count);
    }
    object.close();
    object.number("gaps", totals.gaps);
    object.number("gap_bytes", totals.gap_bytes);
    object.word("input_complete", if summary.input_complete { "true" } else { "false" });
    object.close();
    out.push(b'\n');
}

/// Data messages by size: `from` and `to` are payload bytes on the wire; the last class has no end.
fn sizes(object: &mut ObjectWriter<'_>, sums: &PerDirection<Sums>) {
    object.list("sizes");
    for (class, (c2s, s2c)) in sums.c2s.sizes.iter().zip(&sums.s2c.sizes).enumerate() {
        if *c2s > 0 || *s2c > 0 {
            let end = 1u64 << class;
            object.open(None);
            object.number("from", if class == 0 { 0 } else { end / 2 });
            if class + 1 == super::SIZES {
                object.word("to", "null");
            } else {
                object.number("to", end - 1);
            }
            object.number("c2s", *c2s);
            object.number("s2c", *s2c);
            object.close();
        }
    }
    object.end_list();
}

fn write_times(object: &mut ObjectWriter<'_>, name: &str, times: &Histogram) {
    if times.count() == 0 {
        return object.word(name, "null");
    }
    object.open(Some(name));
    object.number("count", times.count());
    object.seconds("min", times.min());
    object.seconds("median", times.median());
    object.seconds("max", times.max());
    object.close();
}

/// How connections ended, their pings, and heartbeats of subprotocols.
fn keep_alive(object: &mut ObjectWriter<'_>, stats: &Stats) {
    let all = &stats.keep_alive;
    object.open(Some("ends"));
    for (kind, by) in &all.ends {
        object.number(kind, by.all());
    }
    object.close();
    object.open(Some("ends_by"));
    for (kind, by) in &all.ends {
        object.open(Some(kind));
        for (side, count) in by.sides() {
            object.number(side, count);
        }
        object.close();
    }
    object.close();
    object.open(Some("causes"));
    for (cause, count) in &all.causes {
        object.number(cause, *count);
    }
    object.close();
    let sides = |object: &mut ObjectWriter<'_>, sides: &PerDirection<SentHeartbeats>| {
        for (name, sent) in [("c2s", &sides.c2s), ("s2c", &sides.s2c)] {
            object.open(Some(name));
            object.number("sent", sent.sent);
            object.number("answered", sent.answered);
            object.number("missed", sent.missed);
            write_times(object, "interval", &sent.interval);
            write_times(object, "rtt", &sent.rtt);
            object.close();
        }
    };
    object.open(Some("pings"));
    sides(object, &all.pings);
    object.close();
    object.open(Some("heartbeats"));
    for (name, (connections, both)) in &all.above {
        object.open(Some(name));
        object.number("connections", *connections);
        sides(object, both);
        object.close();
    }
    object.close();
}

fn connections(object: &mut ObjectWriter<'_>, stats: &Stats) {
    object.list("connections");
    for top in &stats.top {
        object.open(None);
        object.number("conn", top.number.into());
        match &top.url {
            Some(url) => object.string("url", url),
            None => object.word("url", "null"),
        }
        object.string("state", top.state.name());
        object.text("opened", Some(top.opened));
        object.text("closed", top.closed);
        for (name, counts) in
            [("messages", &top.messages), ("frames", &top.frames), ("payload_bytes", &top.payload)]
        {
            object.both(name, counts, |count| *count);
        }
        object.number("rtt_count", top.rtt.count);
        object.seconds("rtt_mean", mean(&top.rtt));
        object.close();
    }
    object.end_list();
}

fn estimate(object: &mut ObjectWriter<'_>, stats: &Stats) {
    let Some(estimate) = stats.estimate() else {
        return object.word("http_estimate", "null");
    };
    object.open(Some("http_estimate"));
    object.number("request_bytes", estimate.given.request_bytes);
    object.number("response_bytes", estimate.given.response_bytes);
    object.seconds("poll_interval", Some(i64::try_from(estimate.given.poll).unwrap_or(i64::MAX)));
    object.list("methods");
    for method in &estimate.methods {
        object.open(None);
        object.string("name", method.name);
        object.number("requests", method.requests);
        object.number("header_bytes", method.header_bytes);
        object.close();
    }
    object.end_list();
    object.close();
}

/// Writes objects and lists; a comma before all but the first.
struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl ObjectWriter<'_> {
    fn key(&mut self, name: Option<&str>) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        if let Some(name) = name {
            json_key(self.out, name);
        }
    }

    fn open(&mut self, name: Option<&str>) {
        self.key(name);
        self.out.push(b'{');
        self.first = true;
    }

    fn close(&mut self) {
        self.out.push(b'}');
        self.first = false;
    }

    fn list(&mut self, name: &str) {
        self.key(Some(name));
        self.out.push(b'[');
        self.first = true;
    }

    fn end_list(&mut self) {
        self.out.push(b']');
        self.first = false;
    }

    fn word(&mut self, name: &str, word: &str) {
        self.key(Some(name));
        self.out.extend_from_slice(word.as_bytes());
    }

    fn number(&mut self, name: &str, number: u64) {
        self.word(name, itoa::Buffer::new().format(number));
    }

    fn string(&mut self, name: &str, text: &str) {
        self.key(Some(name));
        json_string(self.out, text);
    }

    /// A time, as a string: a number would lose nanoseconds.
    fn text(&mut self, name: &str, time: Option<Time>) {
        match time {
            Some(time) => self.string(name, &time.to_string()),
            None => self.word(name, "null"),
        }
    }

    fn seconds(&mut self, name: &str, nanoseconds: Option<i64>) {
        match nanoseconds {
            Some(nanoseconds) => {
                let mut text = String::new();
                let _ = write!(text, "{}", Time(nanoseconds));
                self.word(name, &text);
            }
            None => self.word(name, "null"),
        }
    }

    fn both<T>(&mut self, name: &str, values: &PerDirection<T>, of: impl Fn(&T) -> u64) {
        self.open(Some(name));
        self.number("c2s", of(&values.c2s));
        self.number("s2c", of(&values.s2c));
        self.close();
    }
}
