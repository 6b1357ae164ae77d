//! The end: the closing handshake, the verdict, how TCP ended, how long it was open.

use super::facts::{ChapterWriter, begin, took};
use super::stream;
use crate::autopsy::{EndKind, examine, words};
use crate::explain::words::codes::code_words;
use crate::model::{Flags, Time};
use crate::pipeline::State;
use crate::store::detail::{TcpDetail, TcpPacket};
use crate::store::{ConnectionRow, Index};
use crate::ws::close_code;

/// Adds how the connection ended: by which side, how, what was idle or unanswered before, and possible causes. Returns
/// whether a FIN or RST was described.
fn verdict(page: &mut ChapterWriter, row: &ConnectionRow) -> bool {
    let Some(facts) = &row.end else {
        page.miss(
            "It has not been read to its end, so how it ends is not known yet.".into(),
            "还没有读到连接的结尾，因此尚不知道它如何结束。".into(),
        );
        return false;
    };
    let verdict = examine(facts);
    let remarks = words::remarks(facts, &verdict, page.lang);
    // The Close is told already.
    let told = usize::from(verdict.kind == EndKind::Close && verdict.by.is_some());
    for remark in remarks.into_iter().skip(told) {
        let at = match (remark.at.first(), remark.at.last()) {
            (Some(first), Some(last)) => page.packets(*first, *last),
            _ => String::new(),
        };
        page.say(remark.grade, at, &remark.text, &[]);
    }
    matches!(verdict.kind, EndKind::Fin | EndKind::Reset | EndKind::Unanswered) && verdict.by.is_some()
}

pub(super) fn closing(
    mut page: ChapterWriter,
    index: &Index,
    row: &ConnectionRow,
    tcp: Option<&TcpDetail>,
) -> ChapterWriter {
    if let Some(closing) = &row.closing {
        let at = page.packet(closing.place);
        let who = closing.by.map_or(page.lang.pick("one side", "一方"), |by| page.who(by));
        match closing.code {
            Some(code) => {
                let meaning = code_words(code).map_or("", |words| words.meaning.of(page.lang));
                let name = close_code(code).name;
                let reason = !closing.reason.is_empty();
                let (en_reason, zh_reason) =
                    if reason { (", reason \"{}\"", "，原因“{}”") } else { ("", "") };
                page.quote(
                    at,
                    &format!(
                        "{} sent the first Close frame: {code} {name} ({meaning}){en_reason}.",
                        begin(who)
                    ),
                    &format!("{who}先发送 Close 帧：{code} {name}（{meaning}）{zh_reason}。"),
                    &[&closing.reason],
                );
            }
            None => page.see(
                at,
                format!("{} sent the first Close frame, without a close code; APIs report 1005.", begin(who)),
                format!("{who}先发送 Close 帧，没有关闭码；API 会报告 1005。"),
            ),
        }
        match (closing.answered, row.state) {
            (true, _) => page.see(
                String::new(),
                "The other side replied with a Close frame.".into(),
                "对端以 Close 帧回应。".into(),
            ),
            (false, Some(State::Open)) => page.miss(
                "The capture ends before a Close frame in reply.".into(),
                "抓包结束前没有看到对端的 Close 帧。".into(),
            ),
            (false, _) => page.see(
                String::new(),
                "No Close frame in reply was captured.".into(),
                "没有抓到对端回应的 Close 帧。".into(),
            ),
        }
    }
    let told = verdict(&mut page, row);
    if row.stream_id.is_some() {
        stream::end(&mut page, row, told);
    } else if let Some(tcp) = tcp {
        end_tcp(&mut page, tcp, told);
    }
    if matches!(row.state, Some(State::Refused | State::Unanswered)) {
        return page;
    }
    // Where the clock went back, or no response was captured, no such time is known.
    let since = |until: Time| row.response.and_then(|opened| until.elapsed_since(opened.last.time)).map(took);
    let ([en, zh], [en_end, zh_end]) = match row.stream_id {
        Some(_) => (["the response", "响应"], ["the end of the stream", "流结束"]),
        None => (["the 101", " 101 "], ["the end of TCP", " TCP 结束"]),
    };
    if let Some(closed) = row.closed {
        if let Some(open) = since(closed) {
            page.see(
                String::new(),
                format!("The WebSocket was open for {open}, from {en} to {en_end}."),
                format!("从{zh}到{zh_end}，连接持续 {open}。"),
            );
        }
    } else if let Some(open) = index.messages(row.id.0).last().and_then(|last| since(last.time)) {
        page.see(
            String::new(),
            format!("The last message came {open} after {en}."),
            format!("从{zh}到最后一条消息历时 {open}。"),
        );
    }
    page
}

/// `told`: the first FIN or RST was described already.
fn end_tcp(page: &mut ChapterWriter, tcp: &TcpDetail, told: bool) {
    let ends: Vec<&TcpPacket> = tcp.packets.iter().filter(|p| p.flags.has(Flags::FIN | Flags::RST)).collect();
    let Some(first) = ends.first() else {
        return page
            .miss("Neither FIN nor RST was captured.".into(), "没有抓到 FIN，也没有抓到 RST。".into());
    };
    let who = page.who(first.direction);
    let at = page.packet(first.place);
    if first.flags.has(Flags::RST) {
        if told {
            return;
        }
        page.see(
            at,
            format!("{} reset the TCP connection (RST).", begin(who)),
            format!("{who}用 RST 重置了 TCP 连接。"),
        );
        return;
    }
    if !told {
        page.see(at, format!("{} sent its FIN first.", begin(who)), format!("{who}先发送 FIN。"));
    }
    let other = ends.iter().find(|p| p.direction != first.direction);
    if let Some(other) = other {
        let (at, who) = (page.packet(other.place), page.who(other.direction));
        let kind = if other.flags.has(Flags::RST) { "RST" } else { "FIN" };
        let (en_after, zh_after) = match other.place.elapsed_since(first.place).map(took) {
            Some(after) => (format!(", {after} later"), format!("{after} 之后")),
            None => (String::new(), "随后".to_owned()),
        };
        page.see(
            at,
            format!("{} followed with {kind}{en_after}.", begin(who)),
            format!("{zh_after}{who}发送 {kind}。"),
        );
    } else {
        page.see(
            String::new(),
            "No FIN from the other side was captured.".into(),
            "没有抓到另一方的 FIN。".into(),
        );
    }
}
