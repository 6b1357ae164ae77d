//! A verdict in sentences, in both languages, each with its grade and its packet.

use super::{Cause, Facts, Grade, Kind, Measure, Timeout, Verdict, Waiting};
pub use crate::model::lasted as time;
use crate::model::{Direction, Lang, Place};
use crate::pipeline::Unanswered;

/// One sentence of a verdict. It holds no captured text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
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
pub fn headline(facts: &Facts, verdict: &Verdict, lang: Lang) -> String {
    let side = verdict.by.map_or(lang.pick("one side", "一方"), |by| who(by, lang));
    let (fin, rst) = if facts.stream { ("END_STREAM", "RST_STREAM") } else { ("FIN", "RST") };
    let code = match (verdict.code, verdict.code_grade) {
        (Some(code), _) => format!(" ({code})"),
        (None, _) => String::new(),
    };
    match (verdict.kind, lang) {
        (Kind::Close, Lang::En) => format!("{side} sent Close first{code}"),
        (Kind::Close, Lang::Zh) => format!("{side}先发 Close{code}"),
        (Kind::Fin, Lang::En) => format!("{side} sent {fin} first, without a Close{code}"),
        (Kind::Fin, Lang::Zh) => format!("{side}没有发 Close 就先发了 {fin}{code}"),
        (Kind::Reset, Lang::En) => format!("{rst} from {side}, without a Close{code}"),
        (Kind::Reset, Lang::Zh) => format!("{side}没有发 Close 就发了 {rst}{code}"),
        (Kind::Silence, Lang::En) => "it fell silent; no packet shows its end".to_owned(),
        (Kind::Silence, Lang::Zh) => "它没了声音；没有数据包显示它怎样结束".to_owned(),
        (Kind::Capture, Lang::En) => "the capture ends while it is open".to_owned(),
        (Kind::Capture, Lang::Zh) => "抓包结束时它还开着".to_owned(),
        (Kind::Refused, Lang::En) => "the server's answer opened no WebSocket".to_owned(),
        (Kind::Refused, Lang::Zh) => "服务器的回答没有打开 WebSocket".to_owned(),
        (Kind::Unanswered, _) => unanswered(facts).sentence(lang),
    }
}

/// What became of a request that got no response.
#[must_use]
pub fn unanswered(facts: &Facts) -> Unanswered {
    Unanswered::new(&facts.ending, facts.opened.unwrap_or_default(), facts.lossy)
}

/// The likeliest cause in a few words; `None` where none fits.
#[must_use]
pub fn brief(verdict: &Verdict, lang: Lang) -> Option<String> {
    Some(match (verdict.causes.first()?, lang) {
        (Cause::PingTimeout(waiting), Lang::En) => format!("no pong for {}", time(waiting.age)),
        (Cause::PingTimeout(waiting), Lang::Zh) => format!("{} 没有 pong", time(waiting.age)),
        (Cause::HeartbeatMissed { since, .. }, Lang::En) => format!("no heartbeat for {}", time(*since)),
        (Cause::HeartbeatMissed { since, .. }, Lang::Zh) => format!("{} 没有心跳", time(*since)),
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
pub fn remarks(facts: &Facts, verdict: &Verdict, lang: Lang) -> Vec<Remark> {
    let mut page = Page { lang, remarks: Vec::new() };
    let at = |place: Option<Place>| place.into_iter().collect::<Vec<_>>();
    let headline = begin(&headline(facts, verdict, lang));
    page.say(verdict.grade, at(verdict.place), format!("{headline}."), format!("{headline}。"));
    page.code(facts, verdict);
    let ends = matches!(verdict.kind, Kind::Fin | Kind::Reset | Kind::Silence | Kind::Capture);
    if let Some(idle) = verdict.idle.filter(|idle| ends && *idle >= 1_000_000_000) {
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
    for waiting in &verdict.waiting {
        page.waiting(facts, waiting);
    }
    for cause in &verdict.causes {
        page.cause(cause);
    }
    page.unknown(verdict);
    page.remarks
}

struct Page {
    lang: Lang,
    remarks: Vec<Remark>,
}

impl Page {
    fn say(&mut self, grade: Grade, at: Vec<Place>, en: String, zh: String) {
        self.remarks.push(Remark { grade, at, text: self.lang.pick(en, zh) });
    }

    /// What the applications were told.
    fn code(&mut self, facts: &Facts, verdict: &Verdict) {
        match (verdict.kind, &facts.closing) {
            (Kind::Fin | Kind::Reset, None) if facts.lossy => self.say(
                Grade::Unknown,
                Vec::new(),
                "Bytes of it are missing: a Close may be among them, so whether the applications were told 1006 is not known.".into(),
                "它有字节缺失：其中可能有 Close，所以不知道应用看到的是不是 1006。".into(),
            ),
            (Kind::Fin | Kind::Reset, None) => self.say(
                Grade::Inferred,
                Vec::new(),
                "No Close came before it, so both applications were told 1006 (RFC 6455 §7.1.5). 1006 is never sent: it only says that there was no Close.".into(),
                "在它之前没有 Close，所以两端的应用都得到 1006（RFC 6455 §7.1.5）。1006 从不发送：它只说明没有 Close。".into(),
            ),
            (_, Some(closing)) if !closing.answered && !facts.lossy && verdict.by.is_some() && facts.state != crate::pipeline::State::Open => {
                let Some(by) = verdict.by.filter(|_| verdict.kind == Kind::Close) else { return };
                let (sender, other) = (who(by, self.lang), who(by.opposite(), self.lang));
                let code = verdict.code.unwrap_or(1005);
                self.say(
                    Grade::Inferred,
                    Vec::new(),
                    format!("No Close answered it before TCP ended: where it arrived, the application of {other} was told {code}, that of {sender} 1006."),
                    format!("TCP 结束前没有 Close 回答它：如果它到达了，{other}的应用得到 {code}，{sender}的应用得到 1006。"),
                );
            }
            _ => {}
        }
    }

    fn waiting(&mut self, facts: &Facts, waiting: &Waiting) {
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
        self.say(
            grade,
            at,
            format!("{side}'s {what}, {age} before {en_end}, got no answer.{en_more}"),
            format!("{side}在{zh_end}前 {age} 发的 {zh} 没有得到回答。{zh_more}"),
        );
    }

    fn cause(&mut self, cause: &Cause) {
        let lang = self.lang;
        let (en, zh) = match cause {
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
    fn unknown(&mut self, verdict: &Verdict) {
        let (en, zh) = match verdict.kind {
            Kind::Fin if verdict.causes.is_empty() => (
                "Why does not show: a program that exits or drops its socket, and a proxy that closes, all send such a FIN.",
                "看不出原因：程序退出、丢下套接字，或代理关闭连接，都会发这样的 FIN。",
            ),
            Kind::Reset if verdict.causes.is_empty() => (
                "Why does not show: a program that is killed or closes with unread bytes sends such a RST, and so does a firewall or balancer in a side's name.",
                "看不出原因：程序被杀掉或带着没读的字节关闭会发这样的 RST，防火墙或负载均衡也会以一方的名义发。",
            ),
            Kind::Silence => (
                "Whether the connection ended, and how, is not in the capture.",
                "连接有没有结束、怎样结束，抓包里没有。",
            ),
            Kind::Capture => ("How it ended later is not in the capture.", "它后来怎样结束，抓包里没有。"),
            Kind::Fin | Kind::Reset | Kind::Close | Kind::Refused | Kind::Unanswered => return,
        };
        self.say(Grade::Unknown, Vec::new(), en.into(), zh.into());
    }
}

/// `nginx (proxy_read_timeout, 60 s), …`
fn names(fits: &[&'static Timeout]) -> String {
    let one = |timeout: &&Timeout| {
        let measure = if timeout.measure == Measure::Server { ", of the server" } else { "" };
        format!("{} ({}, {} s{measure})", timeout.who, timeout.setting, timeout.seconds)
    };
    fits.iter().map(one).collect::<Vec<_>>().join(", ")
}
