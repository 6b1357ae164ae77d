//! A connection's end and its keep-alive, in the machine output.

use std::io::Write as _;

use super::{flag, key, number, optional, seconds, word};
use crate::autopsy::{EndFacts, EndVerdict, Provoking, Waiting, examine, has_keep_alive};
use crate::model::{Direction, Histogram, Nanos, Place};
use crate::pipeline::{ClosedWindow, Ended, Strain};
use crate::subproto::{Heartbeats, SideHeartbeats};
use crate::ws::Pinging;

/// Appends `end` and `keep_alive`.
pub(super) fn write(out: &mut Vec<u8>, ended: &Ended<'_>) {
    let facts = EndFacts::of(ended);
    write_end(out, &facts, &examine(&facts));
    key(out, "keep_alive");
    if has_keep_alive(&facts) {
        write_keep_alive(out, &facts);
    } else {
        out.extend_from_slice(b"null");
    }
}

fn side(by: Option<Direction>) -> &'static str {
    by.map_or("unknown", Direction::sender)
}

/// Seconds, or null.
fn lasted(out: &mut Vec<u8>, name: &str, nanoseconds: Option<Nanos>) {
    key(out, name);
    match nanoseconds {
        Some(nanoseconds) => out.extend_from_slice(seconds(nanoseconds.0).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}

fn write_end(out: &mut Vec<u8>, facts: &EndFacts, verdict: &EndVerdict) {
    key(out, "end");
    let _ = write!(out, "{{\"kind\":\"{}\",\"by\":\"{}\"", verdict.kind.name(), side(verdict.by));
    word(out, "grade", verdict.grade.name());
    optional(out, "packet", verdict.place.map(|place: Place| place.packet));
    optional(out, "code", verdict.code.map(u64::from));
    word(out, "code_grade", verdict.code_grade.name());
    lasted(out, "idle", verdict.idle);
    lasted(out, "open", verdict.open);
    key(out, "unanswered");
    out.push(b'[');
    for (i, waiting) in verdict.waiting.iter().enumerate() {
        let Waiting { by, since, last, age, above, heard } = waiting;
        let _ = write!(out, "{}{{\"by\":\"{}\"", if i > 0 { "," } else { "" }, by.sender());
        number(out, "packet", since.packet);
        number(out, "last_packet", last.packet);
        lasted(out, "age", Some(*age));
        flag(out, "heartbeat", *above);
        flag(out, "heard", *heard);
        out.push(b'}');
    }
    out.push(b']');
    write_strain(out, facts, verdict);
    key(out, "causes");
    out.push(b'[');
    for (i, cause) in verdict.causes.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(out, "{comma}{{\"cause\":\"{}\",\"grade\":\"inferred\"", cause.name());
        key(out, "fits");
        out.push(b'[');
        for (i, timeout) in cause.fits().iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(out, "{comma}\"{}, {}, {} s\"", timeout.who, timeout.setting, timeout.seconds);
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"]}");
}

/// What was seen below the frames: what provoked the end, closed windows, the RST's TTL.
fn write_strain(out: &mut Vec<u8>, facts: &EndFacts, verdict: &EndVerdict) {
    key(out, "provoking");
    match &verdict.provoking {
        Some(Provoking { by, place, idle, resent, answered, .. }) => {
            let _ = write!(out, "{{\"by\":\"{}\"", by.sender());
            number(out, "packet", place.packet);
            lasted(out, "idle", Some(*idle));
            number(out, "resent", u64::from(*resent));
            flag(out, "answered", *answered);
            out.push(b'}');
        }
        None => out.extend_from_slice(b"null"),
    }
    key(out, "zero_window");
    let end = verdict.place.unwrap_or(facts.ending.until);
    let windows = facts.ending.strain.as_deref().map(|Strain { windows, .. }| windows);
    match windows.filter(|windows| windows.c2s.times + windows.s2c.times > 0) {
        Some(windows) => {
            for (i, by) in Direction::BOTH.into_iter().enumerate() {
                let ClosedWindow { times, since, probes, .. } = windows.of(by);
                let comma = if i > 0 { "," } else { "{" };
                let _ = write!(out, "{comma}\"{}\":{{\"times\":{times}", by.sender());
                lasted(out, "closed", Some(windows.of(by).total(end)));
                optional(out, "since_packet", since.map(|since| since.packet));
                number(out, "probes", u64::from(*probes));
                out.push(b'}');
            }
            out.push(b'}');
        }
        None => out.extend_from_slice(b"null"),
    }
    key(out, "reset_ttl");
    match verdict.other_ttl {
        Some((ttl, usual)) => {
            let _ = write!(out, "{{\"rst\":{ttl},\"usual\":{usual}}}");
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn write_times(out: &mut Vec<u8>, name: &str, times: &Histogram) {
    key(out, name);
    if times.count() == 0 {
        out.extend_from_slice(b"null");
        return;
    }
    let text = |value: Option<Nanos>| seconds(value.unwrap_or(Nanos::ZERO).0);
    let _ = write!(
        out,
        "{{\"count\":{},\"min\":{},\"median\":{},\"max\":{}}}",
        times.count(),
        text(times.min()),
        text(times.median()),
        text(times.max())
    );
}

fn write_keep_alive(out: &mut Vec<u8>, facts: &EndFacts) {
    for (i, direction) in Direction::BOTH.into_iter().enumerate() {
        let none = Pinging::default();
        let pings = facts.pings.of(direction).as_ref().unwrap_or(&none);
        let comma = if i > 0 { "," } else { "{" };
        let _ = write!(out, "{comma}\"{}\":{{\"pings\":{}", direction.name(), pings.sent);
        number(out, "answered", pings.answered);
        number(out, "missed", pings.missed);
        write_times(out, "interval", &pings.interval);
        write_times(out, "rtt", &pings.rtt);
        out.push(b'}');
    }
    key(out, "above");
    match &facts.heartbeats {
        Some(heartbeats) => write_heartbeats(out, heartbeats),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

fn write_heartbeats(out: &mut Vec<u8>, heartbeats: &Heartbeats) {
    let (protocol, evidence) = (heartbeats.protocol.name(), heartbeats.evidence.name());
    let _ = write!(out, "{{\"protocol\":\"{protocol}\",\"told_by\":\"{evidence}\"");
    for direction in Direction::BOTH {
        let SideHeartbeats { sent, answered, pongs, interval, rtt, negotiated, .. } =
            heartbeats.sides.of(direction);
        let _ = write!(out, ",\"{}\":{{\"heartbeats\":{sent}", direction.name());
        number(out, "answered", *answered);
        number(out, "answers", *pongs);
        write_times(out, "interval", interval);
        write_times(out, "rtt", rtt);
        lasted(out, "agreed", *negotiated);
        out.push(b'}');
    }
    lasted(out, "timeout", heartbeats.timeout);
    out.push(b'}');
}
