//! A verdict in sentences, in both languages, each with its grade and its packet.

use super::{
    Cause, EndFacts, EndKind, EndVerdict, Grade, Measure, Provoking, Stall, Timeout, Waiting, examine,
};
pub use crate::model::lasted as time;
use crate::model::{Direction, Lang, Place};
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
        (EndKind::Close, Lang::En) => format!("{side} sent Close first{code}"),
        (EndKind::Close, Lang::Zh) => format!("{side}先发 Close{code}"),
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
        (EndKind::Silence, Lang::En) => "it fell silent; no packet shows its end".to_owned(),
        (EndKind::Silence, Lang::Zh) => "它没了声音；没有数据包显示它怎样结束".to_owned(),
        (EndKind::Capture, Lang::En) => "the capture ends while it is open".to_owned(),
        (EndKind::Capture, Lang::Zh) => "抓包结束时它还开着".to_owned(),
        (EndKind::Refused, Lang::En) => "the server's answer opened no WebSocket".to_owned(),
        (EndKind::Refused, Lang::Zh) => "服务器的回答没有打开 WebSocket".to_owned(),
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
            Some(provoking) => format!("forgotten on the path after {} of silence", time(provoking.idle)),
            None => "forgotten on the path after a silence".to_owned(),
        },
        (Cause::IdleDropped(_), Lang::Zh) => match verdict.provoking {
            Some(provoking) => format!("静默 {} 后，路径上的设备已不记得这条连接", time(provoking.idle)),
            None => "静默之后，路径上的设备已不记得这条连接".to_owned(),
        },
        (Cause::IdleTimeout(_), Lang::En) => "an idle timeout of a proxy fits".to_owned(),
        (Cause::IdleTimeout(_), Lang::Zh) => "与代理的空闲超时相符".to_owned(),
        (Cause::MaximumAge(_), Lang::En) => "a maximum age of a gateway fits".to_owned(),
        (Cause::MaximumAge(_), Lang::Zh) => "与网关的最长时间相符".to_owned(),
        (Cause::PathLost(..), Lang::En) => "its last bytes were never acknowledged".to_owned(),
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
    if let Some(idle) = idle.filter(|idle| ends && *idle >= 1_000_000_000) {
        let idle = time(idle);
        // Frames may be among what is missing.
        let grade = if facts.lossy { Grade::Inferred } else { Grade::Observed };
        page.say(
            grade,
            Vec::new(),
            format!("No frame came in the {idle} before that."),
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
                "Bytes of it are missing: a Close may be among them, so whether the applications were told 1006 is not known.".into(),
                "它有字节缺失：其中可能有 Close，所以不知道应用看到的是不是 1006。".into(),
            ),
            (EndKind::Fin | EndKind::Reset, None) => self.say(
                Grade::Inferred,
                Vec::new(),
                "No Close came before it, so both applications were told 1006 (RFC 6455 §7.1.5). 1006 is never sent: it only says that there was no Close.".into(),
                "在它之前没有 Close，所以两端的应用都得到 1006（RFC 6455 §7.1.5）。1006 从不发送：它只说明没有 Close。".into(),
            ),
            (_, Some(closing)) if !closing.answered && !facts.lossy && verdict.by.is_some() && facts.state != crate::pipeline::State::Open => {
                let Some(by) = verdict.by.filter(|_| verdict.kind == EndKind::Close) else { return };
                let (sender, other) = (who(by, self.lang), who(by.opposite(), self.lang));
                let code = verdict.code.unwrap_or(1005);
                let (below, below_zh) = if facts.stream { ("the stream", "流") } else { ("TCP", "TCP") };
                self.say(
                    Grade::Inferred,
                    Vec::new(),
                    format!("No Close answered it before {below} ended: where it arrived, the application of {other} was told {code}, that of {sender} 1006."),
                    format!("{below_zh} 结束前没有 Close 回答它：如果它到达了，{other}的应用得到 {code}，{sender}的应用得到 1006。"),
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
                "The RST's TTL is {ttl}, that of {side}'s first bytes was {usual}: it came another way, so a device on the path (a firewall, NAT or balancer) may have sent it in {side}'s name."
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
            if total < 1_000_000_000 {
                continue;
            }
            let (side, other) = (begin(who(by, self.lang)), who(by.opposite(), self.lang));
            let (last, all) = (window.since.map(|since| time(end.time.since(since.time))), time(total));
            let times = window.times;
            let probes = match (window.probes, self.lang) {
                (0, _) => String::new(),
                (1, Lang::En) => format!("; {other} asked once whether it was open again"),
                (probes, Lang::En) => format!("; {other} asked {probes} times whether it was open again"),
                (probes, Lang::Zh) => format!("；{other}探测了 {probes} 次"),
            };
            let (en, zh) = match (last, times) {
                (Some(last), 1) => (
                    format!("{side}'s receive window was closed for the last {last}{probes}."),
                    format!("{side}的接收窗口在最后 {last} 里一直为零{probes}。"),
                ),
                (Some(last), _) => (
                    format!(
                        "{side}'s receive window was closed {times} times, for {all} in all, and for the last {last} without a break{probes}."
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
                        "{side}'s receive window was closed {times} times, for {all} in all{probes}; it was open at the end."
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
        let later = time(end.time.since(place.time).max(0));
        let (then, then_zh) = match (answered, resent) {
            (true, _) => {
                (format!("a RST answered it, {later} later"), format!("{later} 之后得到的回答是 RST"))
            }
            (false, 0) => (format!("nothing acknowledged it in {later}"), format!("{later} 内没有任何确认")),
            (false, 1) => (
                format!("it was sent again once, and nothing acknowledged it in {later}"),
                format!("又重传了 1 次，{later} 内没有任何确认"),
            ),
            (false, resent) => (
                format!("it was sent again {resent} times, and nothing acknowledged it in {later}"),
                format!("又重传了 {resent} 次，{later} 内没有任何确认"),
            ),
        };
        self.say(
            Grade::Observed,
            vec![place],
            format!("Neither side had sent anything for {idle} when {side} did: {then}."),
            format!("双方已有 {idle} 没有发过数据，这时{side}发了数据：{then_zh}。"),
        );
        if quiet < provoking.idle {
            let quiet = time(quiet);
            self.say(
                Grade::Observed,
                Vec::new(),
                format!("The last keep-alive probe of TCP in that time was {quiet} before it."),
                format!("这段时间里，最后一次 TCP 保活探测在它之前 {quiet}。"),
            );
        }
        if answered && verdict.other_ttl.is_none() {
            self.say(
                Grade::Inferred,
                Vec::new(),
                format!("The sender of the RST no longer knew the connection: {other} (its program or host had stopped or restarted), or a device on the path in its name."),
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
            (
                Grade::Unknown,
                " Its answer may be among the bytes that are missing.",
                "它的回答可能在缺失的字节里。",
            )
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
            true => (format!(", although {other} went on sending"), format!("，虽然{other}还在发数据")),
            false => (String::new(), String::new()),
        };
        self.say(
            grade,
            at,
            format!("{side}'s {what}, {age} before {en_end}, got no answer{en_heard}.{en_more}"),
            format!("{side}在{zh_end}前 {age} 发的 {zh} 没有得到回答{zh_heard}。{zh_more}"),
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
                        "This looks like a ping timeout: {side} had waited {age} for a pong and then closed. {} went on sending: the pong waited behind its data, or {other} sends none.",
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
                            " Limits that were over: {list}. Whether one of them was on the way does not show in the packets."
                        ),
                        format!("已超过的限制：{list}。路上有没有其中之一，数据包看不出来。"),
                    ),
                };
                (
                    format!(
                        "This looks like a connection that was forgotten while it was idle: a device that tracks connections drops one that is silent for too long, and tells nobody.{en_list}"
                    ),
                    format!(
                        "看起来是空闲时被遗忘的连接：跟踪连接的设备会丢掉静默太久的连接，而且不通知任何一方。{zh_list}"
                    ),
                )
            }
            Cause::PingTimeout(waiting) => {
                let side = who(waiting.by, lang);
                let age = time(waiting.age);
                (
                    format!(
                        "This looks like a ping timeout: {side} had waited {age} for an answer, heard nothing else, and ended the connection."
                    ),
                    format!(
                        "看起来是 ping 超时：{side}等了 {age} 没有得到回答，也没有听到别的，于是结束了连接。"
                    ),
                )
            }
            Cause::HeartbeatMissed { since, agreed } => {
                let (since, agreed) = (time(*since), time(*agreed));
                (
                    format!(
                        "This looks like a missed heartbeat: one was agreed on every {agreed}, and none came for {since}."
                    ),
                    format!("看起来是心跳缺失：约定每 {agreed} 一次，却有 {since} 没有来。"),
                )
            }
            Cause::IdleTimeout(fits) => {
                let list = names(fits);
                (
                    format!(
                        "The silence is as long as these usually allow: {list}. Whether one of them was on the way does not show in the packets."
                    ),
                    format!("静默的时间正好是它们通常允许的：{list}。路上有没有其中之一，数据包看不出来。"),
                )
            }
            Cause::MaximumAge(fits) => {
                let list = names(fits);
                (
                    format!(
                        "It was open for as long as these usually allow, idle or not: {list}. Whether one of them was on the way does not show in the packets."
                    ),
                    format!(
                        "它打开的时间正好是它们通常允许的最长时间：{list}。路上有没有其中之一，数据包看不出来。"
                    ),
                )
            }
            Cause::PathLost(by, bytes) => {
                let side = who(*by, lang);
                (
                    format!(
                        "The last {bytes} bytes of {side} were never acknowledged: the path broke, or the other host was gone."
                    ),
                    format!("{side}最后的 {bytes} 字节没有被确认：路径断了，或者另一台主机不在了。"),
                )
            }
            Cause::Violation(errors) => (
                format!(
                    "The code says that a rule was broken, and wslens found {errors} errors in this connection: see its findings."
                ),
                format!("这个码说有规则被违反，wslens 在这条连接里找到 {errors} 个错误：见它的问题列表。"),
            ),
        };
        self.say(Grade::Inferred, Vec::new(), en, zh);
    }

    /// What the packets do not tell.
    fn unknown(&mut self, facts: &EndFacts, verdict: &EndVerdict) {
        let fin = verdict.by.map_or("FIN", |by| facts.ending.fin_name(by));
        let (en, zh) = match verdict.kind {
            EndKind::Fin if verdict.causes.is_empty() => (
                format!("Why does not show: a program that exits or drops its socket, and a proxy that closes, all send such a {fin}."),
                format!("看不出原因：程序退出、丢下套接字，或代理关闭连接，都会发这样的 {fin}。"),
            ),
            EndKind::Reset if facts.ending.reset_code().is_some() => {
                let error = facts.ending.reset_error().unwrap_or("a code of its own");
                (
                    format!("Why does not show beyond the error code of the RST_STREAM, {error}."),
                    format!("除了 RST_STREAM 的错误码 {error}，看不出原因。"),
                )
            }
            EndKind::Reset if verdict.causes.is_empty() && verdict.other_ttl.is_none() => (
                "Why does not show: a program that is killed or closes with unread bytes sends such a RST, and so does a firewall or balancer in a side's name.".into(),
                "看不出原因：程序被杀掉或带着没读的字节关闭会发这样的 RST，防火墙或负载均衡也会以一方的名义发。".into(),
            ),
            EndKind::Silence => (
                "Whether the connection ended, and how, is not in the capture.".into(),
                "连接有没有结束、怎样结束，抓包里没有。".into(),
            ),
            EndKind::Capture => ("How it ended later is not in the capture.".into(), "它后来怎样结束，抓包里没有。".into()),
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
            ("it ended the connection with bytes unread".to_owned(), "它没有读完数据就结束了连接".to_owned())
        }
        Some(_) => (format!("{other} could not send on and gave up"), format!("{other}发不出数据，于是放弃")),
        None => (format!("{other} could not send on"), format!("{other}发不出数据")),
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
