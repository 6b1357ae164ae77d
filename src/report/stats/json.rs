//! The statistics as one JSON object, for programs. Keys keep their meaning within a `v`.

use serde_json::{Map, Number, Value, json};

use super::keep_alive::SentHeartbeats;
use super::text::mean;
use super::{Count, STATES, Stats, Sums, Top};
use crate::json::write_value;
use crate::model::{Histogram, Nanos, PerDirection, Severity, Time};
use crate::report::Summary;

/// Appends the object and a line end.
pub(super) fn write(out: &mut Vec<u8>, stats: &Stats, summary: &Summary) {
    let totals = &summary.totals;
    let sums = &stats.sums;
    let rtt = &stats.rtt;
    let answered = (rtt.count > 0).then_some(());
    let mut object = json!({
        "v": 1,
        "kind": "stats",
        "packets": summary.packets,
        "capture_bytes": summary.capture_bytes,
        "first": time(stats.times.map(|(first, _)| first)),
        "last": time(stats.times.and_then(|(_, last)| last)),
        "tcp_connections": totals.tcp_connections,
        "websockets": stats.states.iter().sum::<u64>(),
        "states": counts(STATES.iter().map(|state| state.name()).zip(stats.states)),
        "messages": both(sums, |sums| sums.messages),
        "frames": both(sums, |sums| sums.frames),
        "payload_bytes": both(sums, |sums| sums.payload),
        "header_bytes": both(sums, Sums::headers),
        "wire_bytes": both(sums, |sums| sums.wire),
        "deflated_bytes": both(sums, |sums| sums.deflated),
        "inflated_bytes": both(sums, |sums| sums.inflated),
        "ops": opcodes(sums),
        "sizes": sizes(sums),
        "handshake_bytes": stats.heads.all,
        "deflate_connections": stats.deflate,
        "open_time": seconds(Some(Nanos(i64::try_from(stats.open_time()).unwrap_or(i64::MAX)))),
        "rtt": {
            "count": rtt.count,
            "min": seconds(answered.map(|()| rtt.min)),
            "mean": seconds(mean(rtt)),
            "max": seconds(answered.map(|()| rtt.max)),
        },
        "close_codes": counts(stats.codes.iter().map(|(code, count)| {
            (code.map_or_else(|| "none".to_owned(), |code| code.to_string()), *count)
        })),
        "without_close": stats.without_close,
    });
    let Value::Object(keys) = &mut object else { return };
    keep_alive(keys, stats);
    keys.insert("connections".into(), stats.top.iter().map(connection).collect());
    keys.insert("http_estimate".into(), estimate(stats));
    let severities = [Severity::Error, Severity::Warning, Severity::Info];
    let findings = severities.map(|severity| (severity.name(), totals.findings.of(severity)));
    keys.insert("findings".into(), counts(findings));
    keys.insert("skipped".into(), counts(summary.skipped.iter().map(|(reason, count)| (*reason, *count))));
    keys.insert("gaps".into(), totals.gaps.into());
    keys.insert("gap_bytes".into(), totals.gap_bytes.into());
    keys.insert("input_complete".into(), summary.input_complete.into());
    write_value(out, &object);
    out.push(b'\n');
}

fn opcodes(sums: &PerDirection<Sums>) -> Value {
    let opcodes: [(&str, Count); 7] = [
        ("text", |sums| sums.data.first().copied().unwrap_or(0)),
        ("binary", |sums| sums.data.get(1).copied().unwrap_or(0)),
        ("reserved_data", |sums| sums.data.get(2).copied().unwrap_or(0)),
        ("close", |sums| sums.control.first().copied().unwrap_or(0)),
        ("ping", |sums| sums.control.get(1).copied().unwrap_or(0)),
        ("pong", |sums| sums.control.get(2).copied().unwrap_or(0)),
        ("reserved_control", |sums| sums.control.get(3).copied().unwrap_or(0)),
    ];
    opcodes.into_iter().map(|(name, of)| (name, both(sums, of))).collect()
}

/// Returns the number of data messages by size: `from` and `to` are payload bytes on the wire; the last class has no
/// upper end.
fn sizes(sums: &PerDirection<Sums>) -> Value {
    let classes = sums.c2s.sizes.iter().zip(&sums.s2c.sizes).enumerate();
    let used = classes.filter(|(_, (c2s, s2c))| **c2s > 0 || **s2c > 0);
    used.map(|(class, (c2s, s2c))| {
        let end = 1u64 << class;
        json!({
            "from": if class == 0 { 0 } else { end / 2 },
            "to": (class + 1 < super::SIZES).then(|| end - 1),
            "c2s": c2s,
            "s2c": s2c,
        })
    })
    .collect()
}

/// Adds how connections ended, their pings, and the heartbeats of subprotocols.
fn keep_alive(keys: &mut Map<String, Value>, stats: &Stats) {
    let all = &stats.keep_alive;
    keys.insert("ends".into(), counts(all.ends.iter().map(|(kind, by)| (*kind, by.all()))));
    keys.insert("ends_by".into(), all.ends.iter().map(|(kind, by)| (*kind, counts(by.sides()))).collect());
    keys.insert("causes".into(), counts(all.causes.iter().map(|(cause, count)| (*cause, *count))));
    keys.insert("pings".into(), heartbeats(&all.pings).collect());
    let above = all.above.iter().map(|(name, (connections, both))| {
        let own = ("connections", Value::from(*connections));
        (*name, std::iter::once(own).chain(heartbeats(both)).collect::<Value>())
    });
    keys.insert("heartbeats".into(), above.collect());
}

fn heartbeats(sides: &PerDirection<SentHeartbeats>) -> impl Iterator<Item = (&'static str, Value)> {
    [("c2s", &sides.c2s), ("s2c", &sides.s2c)].into_iter().map(|(name, sent)| {
        let value = json!({
            "sent": sent.sent,
            "answered": sent.answered,
            "missed": sent.missed,
            "interval": times(&sent.interval),
            "rtt": times(&sent.rtt),
        });
        (name, value)
    })
}

fn times(times: &Histogram) -> Value {
    if times.count() == 0 {
        return Value::Null;
    }
    json!({
        "count": times.count(),
        "min": seconds(times.min()),
        "median": seconds(times.median()),
        "max": seconds(times.max()),
    })
}

fn connection(top: &Top) -> Value {
    json!({
        "conn": top.number,
        "url": top.url,
        "state": top.state.name(),
        "opened": time(Some(top.opened)),
        "closed": time(top.closed),
        "messages": both(&top.messages, |count| *count),
        "frames": both(&top.frames, |count| *count),
        "payload_bytes": both(&top.payload, |count| *count),
        "rtt_count": top.rtt.count,
        "rtt_mean": seconds(mean(&top.rtt)),
    })
}

fn estimate(stats: &Stats) -> Value {
    let Some(estimate) = stats.estimate() else { return Value::Null };
    let methods = estimate.methods.iter().map(|method| {
        json!({ "name": method.name, "requests": method.requests, "header_bytes": method.header_bytes })
    });
    json!({
        "request_bytes": estimate.given.request_bytes,
        "response_bytes": estimate.given.response_bytes,
        "poll_interval": seconds(Some(Nanos(i64::try_from(estimate.given.poll).unwrap_or(i64::MAX)))),
        "methods": methods.collect::<Value>(),
    })
}

fn counts<K: Into<String>>(counts: impl IntoIterator<Item = (K, u64)>) -> Value {
    counts.into_iter().map(|(name, count)| (name.into(), Value::from(count))).collect()
}

fn both<T>(values: &PerDirection<T>, of: impl Fn(&T) -> u64) -> Value {
    json!({ "c2s": of(&values.c2s), "s2c": of(&values.s2c) })
}

/// Returns a time as a string: a number would lose nanoseconds in many readers.
fn time(time: Option<Time>) -> Value {
    time.map(|time| time.to_string()).into()
}

/// Returns a time span as a number of seconds with nine decimals, exactly.
fn seconds(nanoseconds: Option<Nanos>) -> Value {
    let number: Option<Number> =
        nanoseconds.and_then(|nanoseconds| Time(nanoseconds.0).to_string().parse().ok());
    number.into()
}
