//! A verdict in sentences, in both languages, each with its grade and its packet.

use super::{
    Cause, EndFacts, EndKind, EndVerdict, Grade, Measure, Provoking, Stall, Timeout, Waiting, examine,
};
pub use crate::model::lasted as time;
use crate::model::{Direction, Lang, Nanos, Place};
use crate::pipeline::Unanswered;

/// What a sentence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// What ended it.
    End,
    /// The close code that the applications get.
    Code,
    /// What was seen before and at the end.
    Sign,
    /// A cause that fits.
    Cause,
    /// What the packets do not tell.
    Unknown,
}

/// One sentence of a verdict. It holds no captured text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is about.
    pub about: About,
    /// How sure it is.
    pub grade: Grade,
    /// The packets that show it: none, one, or the first and the last.
    pub at: Vec<Place>,
    /// The sentence.
    pub text: String,
}

/// Whose application or address.
fn who(by: Direction, lang: Lang) -> &'static str {
    match by {
        Direction::ClientToServer => lang.pick("the client", "客户端"),
        Direction::ServerToClient => lang.pick("the server", "服务器"),
    }
}

fn begin(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}

/// What ended it, in one short sentence: `the server sent FIN without a Close (1006)`.
#[must_use]
pub fn headline(facts: &EndFacts, verdict: &EndVerdict, lang: Lang) -> String {
    let side = verdict.by.map_or(lang.pick("one side", "一方"), |by| who(by, lang));
    let (fin, rst) = (verdict.by.map_or("FIN", |by| facts.ending.fin_name(by)), facts.ending.reset_name());
    let code = match (verdict.code, verdict.code_grade) {
        (Some(code), _) => format!(" ({code})"),
        (None, _) => String::new(),
    };
    match (verdict.kind, lang) {
        (EndKind::Close, Lang::En) => format!("{side} sent the first Close frame{code}"),
        (EndKind::Close, Lang::Zh) => format!("{side}先发送 Close 帧{code}"),
        (EndKind::Fin, Lang::En) => format!("{side} sent {fin} first, without a Close{code}"),
        (EndKind::Fin, Lang::Zh) => format!("{side}没有发 Close 就先发了 {fin}{code}"),
        // It has the side's address; who sent it is another matter.
        (EndKind::Reset, Lang::En) if verdict.other_ttl.is_some() => {
            format!("{rst} with the address of {side}, without a Close{code}")
        }
        (EndKind::Reset, Lang::Zh) if verdict.other_ttl.is_some() => {
            format!("没有发 Close，就出现了以{side}地址发出的 {rst}{code}")
        }
        (EndKind::Reset, Lang::En) => format!("{rst} from {side}, without a Close{code}"),
        (EndKind::Reset, Lang::Zh) => format!("{side}没有发 Close 就发了 {rst}{code}"),
        (EndKind::Silence, Lang::En) => "it became idle; no packet shows how it ended".to_owned(),
        (EndKind::Silence, Lang::Zh) => "它不再有数据；没有数据包显示它如何结束".to_owned(),
        (EndKind::Capture, Lang::En) => "it is still open at the end of the capture".to_owned(),
        (EndKind::Capture, Lang::Zh) => "抓包结束时它仍处于打开状态".to_owned(),
        (EndKind::Refused, Lang::En) => "the server's response did not open a WebSocket".to_owned(),
        (EndKind::Refused, Lang::Zh) => "服务器的响应没有打开 WebSocket".to_owned(),
        (EndKind::Unanswered, _) => unanswered(facts).sentence(lang),
    }
}

/// What became of a request that got no response.
#[must_use]
pub fn unanswered(facts: &EndFacts) -> Unanswered {
    Unanswered::new(&facts.ending, facts.opened.unwrap_or_default(), facts.lossy)
}

/// What ended a connection without a Close, in four columns, as a cell of a table: `FIN←` by the server, `RST→` by the client.
/// `None` where a Close, or nothing, ended it.
#[must_use]
pub fn cell(facts: &EndFacts) -> Option<String> {
    let verdict = examine(facts);
    let what = match (verdict.kind, verdict.by) {
        (EndKind::Fin, Some(by)) if facts.ending.fin_name(by) != "FIN" => "END",
        (EndKind::Fin, _) => "FIN",
        (EndKind::Reset, _) => "RST",
        _ => return None,
    };
    let arrow = verdict.by.map_or("", |by| match by {
        Direction::ClientToServer => "→",
        Direction::ServerToClient => "←",
    });
    Some(format!("{what}{arrow}"))
}

/// The likeliest cause in a few words; `None` where none fits.
#[must_use]
pub fn brief(verdict: &EndVerdict, lang: Lang) -> Option<String> {
    Some(match (verdict.causes.first()?, lang) {
        (Cause::PingTimeout(waiting), Lang::En) => format!("no pong for {}", time(waiting.age)),
        (Cause::PingTimeout(waiting), Lang::Zh) => format!("{} 没有 pong", time(waiting.age)),
        (Cause::HeartbeatMissed { since, .. }, Lang::En) => format!("no heartbeat for {}", time(*since)),
        (Cause::HeartbeatMissed { since, .. }, Lang::Zh) => format!("{} 没有心跳", time(*since)),
        (Cause::ZeroWindow(stall), Lang::En) => {
            format!("the {} did not read for {}", stall.by.sender(), time(stall.closed))
        }
        (Cause::ZeroWindow(stall), Lang::Zh) => {
            format!("{}有 {} 没有读数据", who(stall.by, lang), time(stall.closed))
        }
        (Cause::IdleDropped(_), Lang::En) => match verdict.provoking {
            Some(provoking) => format!("dropped by a device on the path after {} idle", time(provoking.idle)),
            None => "dropped by a device on the path while idle".to_owned(),
        },
        (Cause::IdleDropped(_), Lang::Zh) => match verdict.provoking {
            Some(provoking) => format!("空闲 {} 后，路径上的设备丢弃了连接状态", time(provoking.idle)),
            None => "空闲期间，路径上的设备丢弃了连接状态".to_owned(),
        },
        (Cause::IdleTimeout(_), Lang::En) => "consistent with a proxy's idle timeout".to_owned(),
        (Cause::IdleTimeout(_), Lang::Zh) => "与代理的空闲超时相符".to_owned(),
        (Cause::MaximumAge(_), Lang::En) => "consistent with a gateway's maximum connection age".to_owned(),
        (Cause::MaximumAge(_), Lang::Zh) => "与网关的最长时间相符".to_owned(),
        (Cause::PathLost(..), Lang::En) => "its last bytes were not acknowledged".to_owned(),
        (Cause::PathLost(..), Lang::Zh) => "最后的字节没有被确认".to_owned(),
        (Cause::Violation(_), Lang::En) => "the other side broke a rule".to_owned(),
        (Cause::Violation(_), Lang::Zh) => "对方违反了规则".to_owned(),
    })
}

/// All that is said of an end, in order.
#[must_use]
pub fn remarks(facts: &EndFacts, verdict: &EndVerdict, lang: Lang) -> Vec<Remark> {
    let mut page = EndText { lang, about: About::End, remarks: Vec::new() };
    let at = |place: Option<Place>| place.into_iter().collect::<Vec<_>>();
    let headline = begin(&headline(facts, verdict, lang));
    page.say(verdict.grade, at(verdict.place), format!("{headline}."), format!("{headline}。"));
    page.about = About::Code;
    page.code(facts, verdict);
    page.about = About::Sign;
    page.other_ttl(verdict);
    if let Some(provoking) = &verdict.provoking {
        page.provoking(facts, verdict, provoking);
    }
    let ends = matches!(verdict.kind, EndKind::Fin | EndKind::Reset | EndKind::Silence | EndKind::Capture);
    let idle = verdict.idle.filter(|_| verdict.provoking.is_none());
    if let Some(idle) = idle.filter(|idle| ends && *idle >= Nanos::seconds(1)) {
        let idle = time(idle);
        // Frames may be among what is missing.
        let grade = if facts.lossy { Grade::Inferred } else { Grade::Observed };
        page.say(
            grade,
            Vec::new(),
            format!("No frame was captured in the {idle} before that."),
            format!("在这之前的 {idle} 里没有帧。"),
        );
    }
    page.windows(facts, verdict);
    for waiting in &verdict.waiting {
        page.waiting(facts, waiting);
    }
    page.about = About::Cause;
    for cause in &verdict.causes {
        page.cause(verdict, cause);
    }
    page.about = About::Unknown;
    page.unknown(facts, verdict);
    page.remarks
}

struct EndText {
    lang: Lang,
    about: About,
    remarks: Vec<Remark>,
}

impl EndText {
    fn say(&mut self, grade: Grade, at: Vec<Place>, en: String, zh: String) {
        self.remarks.push(Remark { about: self.about, grade, at, text: self.lang.pick(en, zh) });
    }

    /// What the applications were told.
    fn code(&mut self, facts: &EndFacts, verdict: &EndVerdict) {
        match (verdict.kind, &facts.closing) {
            (EndKind::Fin | EndKind::Reset, None) if facts.lossy => self.say(
                Grade::Unknown,
                Vec::new(),
                "Bytes are missing from the capture. They may contain a Close frame, so it is not known whether the applications got 1006.".into(),
                "抓包中有字节缺失，其中可能包含 Close 帧，因此不知道应用得到的是否是 1006。".into(),
            ),
            (EndKind::Fin | EndKind::Reset, None) => self.say(
                Grade::Inferred,
                Vec::new(),
                "There was no Close frame, so both applications get close code 1006 (RFC 6455 §7.1.5). 1006 is never sent; it means only that no Close frame was received.".into(),
                "在此之前没有 Close 帧，因此两端的应用都得到 1006（RFC 6455 §7.1.5）。1006 从不发送；它只表示没有收到 Close 帧。".into(),
            ),
            (_, Some(closing)) if !closing.answered && !facts.lossy && verdict.by.is_some() && facts.state != crate::pipeline::State::Open => {
                let Some(by) = verdict.by.filter(|_| verdict.kind == EndKind::Close) else { return };
                let (sender, other) = (who(by, self.lang), who(by.opposite(), self.lang));
                let code = verdict.code.unwrap_or(1005);
                let (below, below_zh) = if facts.stream { ("the stream", "流") } else { ("TCP", "TCP") };
                self.say(
                    Grade::Inferred,
                    Vec::new(),
                    format!("No Close frame in reply came before {below} ended. If the Close frame arrived, the application of {other} gets {code}, and that of {sender} gets 1006."),
                    format!("{below_zh} 结束前没有回应的 Close 帧。如果 Close 帧已到达，{other}的应用得到 {code}，{sender}的应用得到 1006。"),
                );
            }
            _ => {}
        }
    }

    /// That the RST came from elsewhere than its sender's other packets.
    fn other_ttl(&mut self, verdict: &EndVerdict) {
        let Some(((ttl, usual), by)) = verdict.other_ttl.zip(verdict.by) else { return };
        let side = who(by, self.lang);
        self.say(
            Grade::Inferred,
            verdict.place.into_iter().collect(),
            format!(
                "The TTL of the RST is {ttl}, but that of {side}'s first bytes is {usual}. A device on the path (a firewall, NAT or load balancer) may have sent the RST with {side}'s address."
            ),
            format!(
                "这个 RST 的 TTL 是 {ttl}，而{side}最早的数据的 TTL 是 {usual}：它走的是另一条路，可能是路径上的设备（防火墙、NAT 或负载均衡）以{side}的名义发的。"
            ),
        );
    }

    /// The receive windows that were closed.
    fn windows(&mut self, facts: &EndFacts, verdict: &EndVerdict) {
        let Some(strain) = facts.ending.strain.as_deref() else { return };
        let Some(end) = verdict.place.or(Some(facts.ending.until)) else { return };
        for by in Direction::BOTH {
            let window = strain.windows.of(by);
            let total = window.total(end);
            if total < Nanos::seconds(1) {
                continue;
            }
            let (side, other) = (begin(who(by, self.lang)), who(by.opposite(), self.lang));
            let (last, all) = (window.since.map(|since| time(end.time.since(since.time))), time(total));
            let times = window.times;
            let probes = match (window.probes, self.lang) {
                (0, _) => String::new(),
                (1, Lang::En) => format!("; {other} probed it once"),
                (probes, Lang::En) => format!("; {other} probed it {probes} times"),
                (probes, Lang::Zh) => format!("；{other}探测了 {probes} 次"),
            };
            let (en, zh) = match (last, times) {
                (Some(last), 1) => (
                    format!("{side}'s receive window was closed for the last {last}{probes}."),
                    format!("{side}的接收窗口在最后 {last} 里一直为零{probes}。"),
                ),
                (Some(last), _) => (
                    format!(
                        "{side}'s receive window was closed {times} times for a total of {all}, including the last {last}{probes}."
                    ),
                    format!("{side}的接收窗口有 {times} 次为零，共 {all}，最后 {last} 一直为零{probes}。"),
                ),
                (None, 1) => (
                    format!(
                        "{side}'s receive window was closed once, for {all}{probes}; it was open at the end."
                    ),
                    format!("{side}的接收窗口有一次为零，持续 {all}{probes}；结束时已打开。"),
                ),
                (None, _) => (
                    format!(
                        "{side}'s receive window was closed {times} times for a total of {all}{probes}; it was open at the end."
                    ),
                    format!("{side}的接收窗口有 {times} 次为零，共 {all}{probes}；结束时已打开。"),
                ),
            };
            self.say(Grade::Observed, window.since.into_iter().collect(), en, zh);
        }
    }

    /// The silence, the packet that ended it, and what that packet met.
    fn provoking(&mut self, facts: &EndFacts, verdict: &EndVerdict, provoking: &Provoking) {
        let Provoking { by, place, idle, quiet, resent, answered } = *provoking;
        let (side, other) = (who(by, self.lang), who(by.opposite(), self.lang));
        let (idle, end) = (time(idle), verdict.place.unwrap_or(facts.ending.until));
        let later = time(end.time.since(place.time).max(Nanos::ZERO));
        let (then, then_zh) = match (answered, resent) {
            (true, _) => {
                (format!("a RST was the reply, {later} later"), format!("{later} 之后得到的回答是 RST"))
            }
            (false, 0) => {
                (format!("it was not acknowledged within {later}"), format!("{later} 内没有任何确认"))
            }
            (false, 1) => (
                format!("it was retransmitted once and not acknowledged within {later}"),
                format!("又重传了 1 次，{later} 内没有任何确认"),
            ),
            (false, resent) => (
                format!("it was retransmitted {resent} times and not acknowledged within {later}"),
                format!("又重传了 {resent} 次，{later} 内没有任何确认"),
            ),
        };
        self.say(
            Grade::Observed,
            vec![place],
            format!("After {idle} without data from either side, {side} sent data: {then}."),
            format!("双方 {idle} 没有发送数据之后，{side}发送了数据：{then_zh}。"),
        );
        if quiet < provoking.idle {
            let quiet = time(quiet);
            self.say(
                Grade::Observed,
                Vec::new(),
                format!("The last TCP keep-alive probe in that time was {quiet} earlier."),
                format!("这段时间里，最后一次 TCP 保活探测在它之前 {quiet}。"),
            );
        }
        if answered && verdict.other_ttl.is_none() {
            self.say(
                Grade::Inferred,
                Vec::new(),
                format!("The sender of the RST no longer knew the connection. It is {other}, whose program or host stopped or restarted, or a device on the path with that address."),
                format!("发 RST 的一方已经不知道这条连接：可能是{other}（程序或主机已退出或重启），也可能是路径上的设备以它的名义发的。"),
            );
        }
    }

    fn waiting(&mut self, facts: &EndFacts, waiting: &Waiting) {
        let side = begin(who(waiting.by, self.lang));
        let age = time(waiting.age);
        let mut at = vec![waiting.since];
        if waiting.last.packet != waiting.since.packet {
            at.push(waiting.last);
        }
        let (what, zh) = if waiting.above { ("heartbeat", "心跳") } else { ("ping", "ping") };
        let (grade, en_more, zh_more) = if facts.lossy {
            (Grade::Unknown, " The answer may be in the missing bytes.", "它的回答可能在缺失的字节里。")
        } else {
            (Grade::Observed, "", "")
        };
        let (en_end, zh_end) = match facts.ending.how {
            crate::ws::StreamEnd::Capture if facts.state == crate::pipeline::State::Open => {
                ("the capture's end", "抓包结束")
            }
            _ => ("the end", "结束"),
        };
        let other = who(waiting.by.opposite(), self.lang);
        let (en_heard, zh_heard) = match waiting.heard && !facts.lossy {
            true => (format!(", although {other} continued to send"), format!("，虽然{other}还在发数据")),
            false => (String::new(), String::new()),
        };
        self.say(
            grade,
            at,
            format!("{side}'s {what} {age} before {en_end} was not answered{en_heard}.{en_more}"),
            format!("{side}在{zh_end}前 {age} 发的 {zh} 没有得到回应{zh_heard}。{zh_more}"),
        );
    }

    fn cause(&mut self, verdict: &EndVerdict, cause: &Cause) {
        let lang = self.lang;
        let (en, zh) = match cause {
            Cause::PingTimeout(waiting) if waiting.heard => {
                let (side, other) = (who(waiting.by, lang), who(waiting.by.opposite(), lang));
                let age = time(waiting.age);
                (
                    format!(
                        "This looks like a ping timeout: {side} waited {age} for a pong and then closed the connection. {} continued to send, so the pong waited behind its data, or {other} does not send pongs.",
                        begin(other)
                    ),
                    format!(
                        "看起来是 ping 超时：{side}等了 {age} 没有等到 pong，于是关闭了连接。{other}还在发数据：pong 排在数据后面，或者{other}不回 pong。"
                    ),
                )
            }
            Cause::ZeroWindow(stall) => slow(verdict, stall, lang),
            Cause::IdleDropped(fits) => {
                let list = names(fits);
                let (en_list, zh_list) = match fits.is_empty() {
                    true => (String::new(), String::new()),
                    false => (
                        format!(
                            " Known limits that were exceeded: {list}. The packets do not show whether one of these is on the path."
                        ),
                        format!("已超过的已知限制：{list}。从数据包看不出路径上是否有其中之一。"),
                    ),
                };
                (
                    format!(
                        "This looks like a connection that a device on the path dropped while it was idle: firewalls and NATs forget idle connections without notifying the peers.{en_list}"
                    ),
                    format!(
                        "看起来是路径上的设备在连接空闲时丢弃了它的状态：防火墙和 NAT 会丢弃空闲太久的连接，而且不通知两端。{zh_list}"
                    ),
                )
            }
            Cause::PingTimeout(waiting) => {
                let side = who(waiting.by, lang);
                let age = time(waiting.age);
                (
                    format!(
                        "This looks like a ping timeout: {side} waited {age} for a reply, received nothing else, and ended the connection."
                    ),
                    format!(
                        "看起来是 ping 超时：{side}等待了 {age}，没有收到回应或其他数据，于是结束了连接。"
                    ),
                )
            }
            Cause::HeartbeatMissed { since, agreed } => {
                let (since, agreed) = (time(*since), time(*agreed));
                (
                    format!(
                        "This looks like a missed heartbeat: the negotiated interval is {agreed}, and no heartbeat came for {since}."
                    ),
                    format!("看起来是心跳缺失：约定每 {agreed} 一次，却有 {since} 没有来。"),
                )
            }
            Cause::IdleTimeout(fits) => {
                let list = names(fits);
                (
                    format!(
                        "The idle time equals a usual timeout of: {list}. The packets do not show whether one of these is on the path."
                    ),
                    format!(
                        "空闲时间正好等于这些设备的常见超时：{list}。从数据包看不出路径上是否有其中之一。"
                    ),
                )
            }
            Cause::MaximumAge(fits) => {
                let list = names(fits);
                (
                    format!(
                        "The connection was open for the usual maximum age of: {list}. The packets do not show whether one of these is on the path."
                    ),
                    format!(
                        "连接的持续时间正好等于这些设备的常见上限：{list}。从数据包看不出路径上是否有其中之一。"
                    ),
                )
            }
            Cause::PathLost(by, bytes) => {
                let side = who(*by, lang);
                (
                    format!(
                        "The last {bytes} bytes from {side} were not acknowledged: the path failed, or the other host was gone."
                    ),
                    format!("{side}最后的 {bytes} 字节没有被确认：路径断了，或者另一台主机不在了。"),
                )
            }
            Cause::Violation(errors) => (
                format!(
                    "The close code reports a protocol violation, and wslens found {errors} errors in this connection; see its findings."
                ),
                format!("关闭码表示违反协议，wslens 在这个连接中发现 {errors} 个错误；见它的发现。"),
            ),
        };
        self.say(Grade::Inferred, Vec::new(), en, zh);
    }

    /// What the packets do not tell.
    fn unknown(&mut self, facts: &EndFacts, verdict: &EndVerdict) {
        let fin = verdict.by.map_or("FIN", |by| facts.ending.fin_name(by));
        let (en, zh) = match verdict.kind {
            EndKind::Fin if verdict.causes.is_empty() => (
                format!("The packets do not show the reason: a program that exits or drops its socket and a proxy that closes the connection all send such a {fin}."),
                format!("看不出原因：程序退出、丢下套接字，或代理关闭连接，都会发这样的 {fin}。"),
            ),
            EndKind::Reset if facts.ending.reset_code().is_some() => {
                let error = facts.ending.reset_error().unwrap_or("a non-standard code");
                (
                    format!("The packets do not show the reason, except for the error code of RST_STREAM: {error}."),
                    format!("除了 RST_STREAM 的错误码 {error}，看不出原因。"),
                )
            }
            EndKind::Reset if verdict.causes.is_empty() && verdict.other_ttl.is_none() => (
                "The packets do not show the reason: a program that is killed or closes with unread data sends such a RST, and so does a firewall or load balancer with the address of a side.".into(),
                "看不出原因：程序被杀掉或带着没读的字节关闭会发这样的 RST，防火墙或负载均衡也会以一方的名义发。".into(),
            ),
            EndKind::Silence => (
                "The capture does not show whether and how the connection ended.".into(),
                "连接有没有结束、怎样结束，抓包里没有。".into(),
            ),
            EndKind::Capture => ("The capture does not show how it ended later.".into(), "它后来怎样结束，抓包里没有。".into()),
            EndKind::Fin | EndKind::Reset | EndKind::Close | EndKind::Refused | EndKind::Unanswered => return,
        };
        self.say(Grade::Unknown, Vec::new(), en, zh);
    }
}

/// A side whose receive window was closed.
fn slow(verdict: &EndVerdict, stall: &Stall, lang: Lang) -> (String, String) {
    let (side, other) = (who(stall.by, lang), who(stall.by.opposite(), lang));
    let closed = time(stall.closed);
    let (then, then_zh) = match verdict.by {
        Some(by) if by == stall.by => {
            ("it ended the connection with unread data".to_owned(), "它没有读完数据就结束了连接".to_owned())
        }
        Some(_) => (
            format!("{other} could not continue to send and gave up"),
            format!("{other}发不出数据，于是放弃"),
        ),
        None => (format!("{other} could not continue to send"), format!("{other}发不出数据")),
    };
    (
        format!(
            "This looks like a slow consumer: the application of {side} did not read for {closed}, and {then}."
        ),
        format!("看起来是消费太慢：{side}的应用有 {closed} 没有读数据，{then_zh}。"),
    )
}

/// `nginx (proxy_read_timeout, 60 s), …`
fn names(fits: &[&'static Timeout]) -> String {
    let one = |timeout: &&Timeout| {
        let measure = if timeout.measure == Measure::Server { ", of the server" } else { "" };
        format!("{} ({}, {} s{measure})", timeout.who, timeout.setting, timeout.seconds)
    };
    fits.iter().map(one).collect::<Vec<_>>().join(", ")
}
