//! A request for a WebSocket that got no response: how long the client waited, and who gave up.

use super::events::{Ending, TransportEnd};
use crate::model::{Direction, Lang, Nanos, Place, lasted};

/// What became of a request that got no response.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// Whether packets of the server were captured, and whether they acknowledge the whole request.
    acknowledged: Option<bool>,
    /// What ended the wait; `None` where nothing did, as far as was captured.
    gave_up: Option<TransportEnd>,
    /// Nanoseconds from the request to what ended the wait, where that is known.
    waited: Option<Nanos>,
    /// Bytes of the connection are missing.
    lossy: bool,
    ending: Ending,
}

impl Unanswered {
    /// From how the connection's bytes ended. `asked`: the packet that completed the request; `lossy`: bytes are missing.
    #[must_use]
    pub fn new(ending: &Ending, asked: Place, lossy: bool) -> Self {
        let gave_up = ending.first();
        let end = gave_up.map_or_else(|| ending.until.max(ending.last), |end| end.place);
        Self {
            acknowledged: ending.heard.s2c.then_some(ending.unacknowledged.c2s == 0),
            gave_up,
            waited: end.elapsed_since(asked),
            lossy: lossy || !ending.anchored.s2c,
            ending: ending.clone(),
        }
    }

    /// It in one sentence, without the full stop.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        let (waited, zh_waited) = self.words();
        let first = match self.acknowledged {
            None => lang.pick(
                format!("no packet of the server was captured{waited}"),
                format!("{zh_waited}没有抓到服务器的任何数据包"),
            ),
            _ if self.lossy => lang.pick(
                format!("no response was captured{waited}; bytes are missing, it may be among them"),
                format!("{zh_waited}没有抓到响应；有字节缺失，响应可能在其中"),
            ),
            // What TCP acknowledged is not known of one stream.
            _ if self.is_stream() => lang.pick(
                format!("the server sent no response in this stream{waited}"),
                format!("{zh_waited}服务器没有在这个流里发响应"),
            ),
            Some(true) => lang.pick(
                format!("the server acknowledged the request and sent no response{waited}"),
                format!("服务器确认收到请求，{zh_waited}却没有发响应"),
            ),
            Some(false) => lang.pick(
                format!("the server did not acknowledge the request, and sent nothing{waited}"),
                format!("服务器没有确认请求，{zh_waited}什么也没有发"),
            ),
        };
        let then = match self.gave_up {
            Some(TransportEnd { by, place, is_reset: false }) if self.ending.fin_name(by) != "FIN" => lang
                .pick(
                    format!(
                        "; then the {} ended the stream (END_STREAM in packet {})",
                        by.sender(),
                        place.packet
                    ),
                    format!("；然后{}结束了流（数据包 {} 的 END_STREAM）", who(by), place.packet),
                ),
            Some(TransportEnd { by, place, is_reset: false }) => lang.pick(
                format!("; then the {} closed the connection (FIN in packet {})", by.sender(), place.packet),
                format!("；然后{}关闭了连接（数据包 {} 的 FIN）", who(by), place.packet),
            ),
            Some(TransportEnd { by, place, is_reset: true }) => match self.ending.reset_error() {
                Some(error) => lang.pick(
                    format!(
                        "; then the {} reset the stream (RST_STREAM with {} in packet {})",
                        by.sender(),
                        error,
                        place.packet
                    ),
                    format!(
                        "；然后{}重置了流（数据包 {} 的 RST_STREAM，错误码 {}）",
                        who(by),
                        place.packet,
                        error
                    ),
                ),
                None => lang.pick(
                    format!(
                        "; then the {} reset the connection (RST in packet {})",
                        by.sender(),
                        place.packet
                    ),
                    format!("；然后{}重置了连接（数据包 {} 的 RST）", who(by), place.packet),
                ),
            },
            None => lang.pick("; nobody ended the connection", "；没有人结束连接").to_owned(),
        };
        first + &then
    }

    /// It in a few words.
    #[must_use]
    pub fn brief(&self, lang: Lang) -> String {
        let waited = self.waited.map(lasted);
        let en_in = waited.as_ref().map_or_else(String::new, |waited| format!(" in {waited}"));
        let zh_in = waited.map_or_else(String::new, |waited| format!("{waited} 内"));
        let no_answer = match self.acknowledged {
            Some(false) if !self.lossy && !self.is_stream() => {
                lang.pick("request not acknowledged", "请求未被确认")
            }
            Some(true) if !self.lossy => lang.pick("no answer", "没有回答"),
            Some(_) if !self.lossy && self.is_stream() => lang.pick("no answer", "没有回答"),
            _ => lang.pick("no answer captured", "没有抓到回答"),
        };
        let (by, what) = match self.gave_up {
            Some(TransportEnd { by, is_reset: false, .. }) => (by, self.ending.fin_name(by)),
            Some(TransportEnd { by, is_reset: true, .. }) => (by, self.ending.reset_name()),
            None => {
                return lang.pick(format!("{no_answer}{en_in}"), format!("{zh_in}{no_answer}"));
            }
        };
        lang.pick(
            format!("{no_answer}{en_in}, then {what} by the {}", by.sender()),
            format!("{zh_in}{no_answer}，然后{}发 {what}", who(by)),
        )
    }

    /// How long it lasted, as part of a sentence in English and in Chinese.
    fn words(&self) -> (String, String) {
        let waited = self.waited.map(lasted);
        let en = waited.as_ref().map_or_else(String::new, |waited| format!(" for {waited}"));
        (en, waited.map_or_else(String::new, |waited| format!("{waited} 内")))
    }

    /// Whether it was asked for in a stream of HTTP/2.
    fn is_stream(&self) -> bool {
        self.ending.stream.is_some()
    }
}

fn who(by: Direction) -> &'static str {
    match by {
        Direction::ClientToServer => "客户端",
        Direction::ServerToClient => "服务器",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PerDirection, Time};

    fn at(packet: u64, milliseconds: i64) -> Place {
        Place { packet, time: Time(milliseconds * 1_000_000) }
    }

    #[test]
    fn three_ends_have_three_tellings() {
        let heard = PerDirection { c2s: true, s2c: true };
        let base = Ending { heard, last: at(9, 40_000), until: at(9, 40_000), ..Ending::default() };
        let sentence = |ending: &Ending| Unanswered::new(ending, at(4, 0), false).sentence(Lang::En);
        let client = Ending { fin: PerDirection { c2s: Some(at(8, 30_002)), s2c: None }, ..base.clone() };
        assert_eq!(
            sentence(&client),
            "the server acknowledged the request and sent no response for 30.0 s; then the client closed the connection (FIN in packet 8)"
        );
        let reset = Ending { reset: Some((Direction::ServerToClient, at(6, 12))), ..base.clone() };
        assert!(
            sentence(&reset).ends_with("for 12 ms; then the server reset the connection (RST in packet 6)")
        );
        assert!(sentence(&base).ends_with("for 40.0 s; nobody ended the connection"));
        let unheard = Ending { unacknowledged: PerDirection { c2s: 100, s2c: 0 }, ..base.clone() };
        assert!(sentence(&unheard).starts_with("the server did not acknowledge"));
        let one_sided = Ending { heard: PerDirection { c2s: true, s2c: false }, ..base.clone() };
        assert!(sentence(&one_sided).starts_with("no packet of the server was captured"));
    }
}
