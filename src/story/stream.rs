//! How a stream of HTTP/2 ended: END_STREAM, RST_STREAM, or the TCP connection below it.

use super::facts::{ChapterWriter, begin, took};
use crate::model::Direction;
use crate::pipeline::{Ending, State};
use crate::store::ConnectionRow;

/// Adds the sentences about it. `told`: the first event is in the story already.
pub(super) fn end(page: &mut ChapterWriter, row: &ConnectionRow, told: bool) {
    let Some(facts) = &row.end else { return };
    let ending = &facts.ending;
    if row.state == Some(State::Refused) {
        return; // The response ended it.
    }
    if let (Some((by, place)), Some(code), Some(name)) =
        (ending.reset, ending.reset_code(), ending.reset_error())
    {
        let (at, who) = (page.packet(place), page.who(by));
        page.see(
            at,
            format!("{} reset the stream: RST_STREAM with the error code {name} ({code}).", begin(who)),
            format!("{who}重置了流：RST_STREAM，错误码 {name}（{code}）。"),
        );
        return;
    }
    let mut ends: Vec<_> = Direction::BOTH
        .into_iter()
        .filter(|by| ending.stream.is_some_and(|stream| *stream.end_stream.of(*by)))
        .filter_map(|by| Some((by, (*ending.fin.of(by))?)))
        .collect();
    ends.sort_by_key(|(_, place)| place.packet);
    let Some((by, first)) = ends.first().copied() else {
        return below(page, ending, row.state);
    };
    if !told {
        let (at, who) = (page.packet(first), page.who(by));
        page.see(
            at,
            format!("{} ended its side of the stream first (END_STREAM).", begin(who)),
            format!("{who}先用 END_STREAM 结束了流的一侧。"),
        );
    }
    let Some((by, second)) = ends.get(1).copied() else {
        return page.see(
            String::new(),
            "No END_STREAM from the other side was captured.".into(),
            "没有抓到另一方的 END_STREAM。".into(),
        );
    };
    let (at, who) = (page.packet(second), page.who(by));
    let (en_after, zh_after) = match second.elapsed_since(first).map(took) {
        Some(after) => (format!(", {after} later"), format!("{after} 之后")),
        None => (String::new(), "随后".to_owned()),
    };
    page.see(
        at,
        format!("{} followed with END_STREAM{en_after}.", begin(who)),
        format!("{zh_after}{who}发了 END_STREAM。"),
    );
}

/// A stream that did not end by itself.
fn below(page: &mut ChapterWriter, ending: &Ending, state: Option<State>) {
    if matches!(state, None | Some(State::Open)) {
        return page.miss(
            "Neither END_STREAM nor RST_STREAM was captured.".into(),
            "没有抓到 END_STREAM，也没有抓到 RST_STREAM。".into(),
        );
    }
    let tcp = ending.reset.map(|(by, place)| (by, place, "RST"));
    let fins = Direction::BOTH.into_iter().filter_map(|by| Some((by, (*ending.fin.of(by))?, "FIN")));
    let Some((by, place, what)) = tcp.into_iter().chain(fins).min_by_key(|(_, place, _)| place.packet) else {
        return;
    };
    let (at, who) = (page.packet(place), page.who(by));
    page.see(
        at,
        format!("The stream has no END_STREAM and no RST_STREAM; it ended with the TCP connection, by a {what} from {who}."),
        format!("这个流没有 END_STREAM，也没有 RST_STREAM：它随 TCP 连接结束，{who}发了 {what}。"),
    );
}
