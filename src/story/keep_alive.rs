//! Keep-alive: pings and pongs, heartbeats of a subprotocol, their intervals and round trips.

use super::facts::{ChapterWriter, begin, counted, grouped, took};
use crate::model::{Direction, Histogram, Nanos};
use crate::store::ConnectionRow;
use crate::subproto::{Evidence, Heartbeats};

pub(super) fn tell(page: &mut ChapterWriter, row: &ConnectionRow) {
    let of = |at: usize| {
        let count = |counts: &crate::ws::Counts| counts.control.get(at).copied().unwrap_or(0);
        count(&row.counts.c2s).saturating_add(count(&row.counts.s2c))
    };
    let (pings, pongs, rtt) = (of(1), of(2), row.rtt);
    if pings == 0 && pongs == 0 {
        page.see(String::new(), "No ping or pong was captured.".into(), "没有抓到 ping 或 pong。".into());
    } else {
        page.see(
            String::new(),
            format!(
                "The capture contains {} and {}; {} of the pings were answered.",
                counted(pings, "ping"),
                counted(pongs, "pong"),
                grouped(rtt.count)
            ),
            format!(
                "有 {} 个 ping、{} 个 pong；得到回应的：{}。",
                grouped(pings),
                grouped(pongs),
                grouped(rtt.count)
            ),
        );
    }
    let Some(facts) = &row.end else { return };
    for by in Direction::BOTH {
        let Some(pings) = facts.pings.of(by) else { continue };
        round_trips(page, by, "pong", &pings.rtt);
        intervals(page, by, ["ping", "ping"], &pings.interval);
    }
    if let Some(heartbeats) = &facts.heartbeats {
        of_subprotocol(page, heartbeats);
    }
}

fn three(times: &Histogram) -> Option<[String; 3]> {
    // Where the capture's clock went back, such times say nothing.
    let least = times.min().filter(|least| *least >= Nanos::ZERO)?;
    Some([took(least), took(times.median()?), took(times.max()?)])
}

fn round_trips(page: &mut ChapterWriter, by: Direction, answer: &str, times: &Histogram) {
    let Some([least, middle, most]) = three(times) else { return };
    let who = page.who(by);
    page.see(
        String::new(),
        format!("{} waited for each {answer}: minimum {least}, median {middle}, maximum {most}.", begin(who)),
        format!("{who}等待 {answer} 的时间：最短 {least}，中位数 {middle}，最长 {most}。"),
    );
}

fn intervals(page: &mut ChapterWriter, by: Direction, what: [&str; 2], times: &Histogram) {
    let Some([least, middle, most]) = three(times) else { return };
    let who = page.who(by);
    let [en, zh] = what;
    page.see(
        String::new(),
        format!("{} sent a {en} every {middle} (median; minimum {least}, maximum {most}).", begin(who)),
        format!("{who}发送 {zh} 的间隔：中位数 {middle}，最短 {least}，最长 {most}。"),
    );
}

fn of_subprotocol(page: &mut ChapterWriter, heartbeats: &Heartbeats) {
    let name = heartbeats.protocol.title();
    let (en, zh) = match heartbeats.evidence {
        Evidence::Subprotocol => ("known from its subprotocol", "由子协议得知"),
        Evidence::Target => ("known from the request target", "由请求目标得知"),
        Evidence::Messages => ("known from its first messages", "由最初的消息得知"),
    };
    page.see(
        String::new(),
        format!("The messages use {name} ({en}), which has its own heartbeats."),
        format!("消息使用 {name} 协议（{zh}），该协议有自己的心跳。"),
    );
    for by in Direction::BOTH {
        let side = heartbeats.sides.of(by);
        let who = page.who(by);
        if side.sent > 0 {
            page.see(
                String::new(),
                format!(
                    "{} sent {}; {} of them were answered.",
                    begin(who),
                    counted(side.sent, "heartbeat"),
                    grouped(side.answered)
                ),
                format!("{who}发了 {} 个心跳；得到回应的：{}。", grouped(side.sent), grouped(side.answered)),
            );
        }
        round_trips(page, by, page.lang.pick("answer", "回答"), &side.rtt);
        intervals(page, by, ["heartbeat", "心跳"], &side.interval);
        if let Some(agreed) = side.negotiated {
            let agreed = took(agreed);
            page.see(
                String::new(),
                format!("The negotiated interval for {who} is {agreed}."),
                format!("协商的间隔：{who}每 {agreed} 发送一次。"),
            );
        }
    }
}
