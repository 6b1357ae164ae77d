//! The opening handshake of a capture, line by line: what each line means, whether it is right, what was agreed.

pub mod anatomy;
mod lines;
mod words;

use std::io::{self, Write};

use super::text::hex;
use super::words::mistakes::LIKELY;
use crate::http::extension::{is_deflate, is_deflate_frame};
use crate::http::{Handshake, Judgement, parse_extensions, rules};
use crate::model::wrap;
use crate::model::{
    DeflateParams, Direction, Endpoint, Extension, Head, Lang, Place, Rule, Severity, Time, preview,
    safe_str, safe_text, width,
};
use crate::present::{Role, Style};
use anatomy::{
    AcceptStory, LineMark, accept_story, body_words, cut_words, head_lines, http2_story, judgements,
    no_accept_words, no_key_words, outcome,
};

/// Column of the values of the steps.
const VALUE: usize = 19;
/// Column of the references.
const REFERENCE: usize = 56;
/// Columns before what is said of a line.
const INDENT: usize = 5;
/// On a terminal, lines of it that a captured value may take.
const VALUE_LINES: usize = 3;

/// A handshake, and where it is in the capture.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeView<'a> {
    /// The connection's number.
    pub number: u32,
    /// Its URL; where that is not known, what is.
    pub url: &'a str,
    /// The end that opened it.
    pub client: Endpoint,
    /// The other end.
    pub server: Endpoint,
    /// The client that a PROXY protocol header names.
    pub proxied: Option<Endpoint>,
    /// It runs inside an HTTP CONNECT tunnel: the server is a proxy.
    pub tunnelled: bool,
    /// Its stream, where it runs inside HTTP/2.
    pub stream_id: Option<u32>,
    /// The heads, and what they agreed on.
    pub handshake: &'a Handshake,
    /// The first and the last packet of the request.
    pub request: Option<(Place, Place)>,
    /// The first and the last packet of the response.
    pub response: Option<(Place, Place)>,
    /// The time of the capture's first packet.
    pub begin: Time,
    /// What is said where there is no response.
    pub unanswered: &'a str,
    /// What is wrong but does not show in the heads.
    pub notes: &'a [Note],
    /// The connection for whose key the accept value that was sent is the right one.
    pub accept_of: Option<Other>,
    /// A connection that sent the same key.
    pub key_of: Option<Other>,
    /// The language of what is said.
    pub lang: Lang,
}

/// Something wrong about a handshake.
#[derive(Clone, Debug)]
pub struct Note {
    /// What was broken.
    pub rule: &'static Rule,
    /// Who broke it.
    pub side: Option<Direction>,
    /// One sentence with the values.
    pub text: String,
}

/// Another connection of the same capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its number.
    pub number: u32,
    /// The packet of its request.
    pub packet: u64,
}

/// What it means that a connection got the accept value of another one.
#[must_use]
pub fn crossed(other: Other, lang: Lang) -> String {
    if lang == Lang::Zh {
        return format!(
            "它是连接 {}（数据包 {}）的密钥的正确值：代理把两条连接弄混了，或是缓存作的回答",
            other.number, other.packet
        );
    }
    format!(
        "it is the right value for the key of connection {} (packet {}): a proxy crossed two connections, or a \
         cache answered",
        other.number, other.packet
    )
}

/// What it means that another connection sent the same key.
#[must_use]
pub fn shared_key(other: Other, lang: Lang) -> String {
    if lang == Lang::Zh {
        return format!(
            "连接 {}（数据包 {}）发了同样的密钥：每条连接都应另取一个",
            other.number, other.packet
        );
    }
    format!(
        "connection {} (packet {}) sent the same key: each connection has to draw its own",
        other.number, other.packet
    )
}

/// Prints a handshake, each line explained and judged.
///
/// `ascii`: marks and arrows of ASCII only.
///
/// # Errors
/// Those of `out`.
pub fn write_opening(
    out: &mut dyn Write,
    opening: &HandshakeView<'_>,
    style: &Style,
    ascii: bool,
) -> io::Result<()> {
    let judgements = judgements(opening.handshake);
    OpeningWriter { out, style: *style, ascii, opening, judgements: &judgements, right: 0 }.write()
}

/// The role of a mark's sign.
fn role_of(mark: LineMark) -> Role {
    match mark {
        LineMark::Right => Role::Ok,
        LineMark::Wrong => Role::Error,
        LineMark::Suspicious => Role::Warning,
        LineMark::Plain => Role::Dim,
    }
}

struct OpeningWriter<'a, 'o> {
    out: &'o mut dyn Write,
    style: Style,
    ascii: bool,
    opening: &'a HandshakeView<'a>,
    judgements: &'a [Judgement],
    /// Lines that are right.
    right: u64,
}

impl OpeningWriter<'_, '_> {
    fn write(mut self) -> io::Result<()> {
        let HandshakeView { handshake, .. } = *self.opening;
        let (request, response) = (handshake.request.as_deref(), handshake.response.as_deref());
        self.title()?;
        if request.is_none() && response.is_none() {
            let nothing = self.opening.lang.pick("the opening handshake was not captured", "没有抓到握手");
            return writeln!(self.out, " {nothing}\n");
        }
        self.head(Direction::ClientToServer, request)?;
        self.head(Direction::ServerToClient, response)?;
        for note in self.opening.notes {
            self.problem(1, note.rule, note.side, &note.text)?;
        }
        if !self.opening.notes.is_empty() {
            writeln!(self.out)?;
        }
        if handshake.is_http2 {
            self.http2()?;
        } else if handshake.upgraded || response.is_none() {
            self.accept(request, response)?;
        }
        if handshake.upgraded {
            self.agreed(request)?;
        }
        self.result()
    }

    fn arrow(&self) -> &'static str {
        if self.ascii { "->" } else { "→" }
    }

    fn title(&mut self) -> io::Result<()> {
        let HandshakeView { number, url, client, server, proxied, tunnelled, .. } = *self.opening;
        let name = format!("conn {number}");
        let url = self.fit(url.as_bytes());
        writeln!(
            self.out,
            "{}  {}",
            self.style.paint(Role::Title, &name),
            self.style.paint(Role::Title, &url)
        )?;
        write!(self.out, "        {client} {} {server}", self.arrow())?;
        if let Some(proxied) = proxied {
            write!(self.out, ", for {proxied} (PROXY header)")?;
        }
        if tunnelled {
            write!(self.out, ", a proxy: this is inside an HTTP CONNECT tunnel")?;
        }
        writeln!(self.out, "\n")
    }

    /// A captured value, as much of it as the terminal has room for; all of it elsewhere.
    fn fit(&self, value: &[u8]) -> String {
        match self.style.columns {
            Some(columns) => preview(value, columns.max(20).saturating_mul(VALUE_LINES).saturating_sub(30)).0,
            None => safe_text(value),
        }
    }

    /// Words, wrapped where there is a terminal; `text` need not be safe.
    fn paragraph(&mut self, indent: usize, text: &str, reference: &str) -> io::Result<()> {
        let most = self.style.columns.map_or(usize::MAX, |columns| columns.max(indent + 30));
        let mut column = indent;
        for (i, line) in wrap(&safe_str(text), most - indent).iter().enumerate() {
            write!(self.out, "{}{:indent$}{line}", if i > 0 { "\n" } else { "" }, "")?;
            column = indent + width(line);
        }
        if !reference.is_empty() {
            let gap = REFERENCE.saturating_sub(column).max(3);
            let fits = column + gap + width(reference) <= most;
            let (lead, gap) = if fits { ("", gap) } else { ("\n", indent) };
            write!(self.out, "{lead}{:gap$}{}", "", self.style.paint(Role::Dim, reference))?;
        }
        writeln!(self.out)
    }

    /// A rule that was broken.
    fn problem(
        &mut self,
        indent: usize,
        rule: &'static Rule,
        side: Option<Direction>,
        text: &str,
    ) -> io::Result<()> {
        let (role, level) = match rule.severity {
            Severity::Error => (Role::Error, "ERROR"),
            Severity::Warning => (Role::Warning, "WARN"),
            Severity::Info => (Role::Note, "INFO"),
        };
        let who = side.map(|side| format!(" ({})", side.sender())).unwrap_or_default();
        writeln!(self.out, "{:indent$}{} {}{who}", "", self.style.paint(role, level), rule.code)?;
        let reference = if rule.reference == "-" { "" } else { rule.reference };
        if self.opening.lang != Lang::En {
            self.paragraph(indent + 2, rule.summary.of(self.opening.lang), "")?;
        }
        self.paragraph(indent + 2, text, reference)
    }

    fn head(&mut self, side: Direction, head: Option<&Head>) -> io::Result<()> {
        let opening = self.opening;
        let client = side == Direction::ClientToServer;
        let (name, role, places) = match client {
            true => ("request ", Role::ClientToServer, opening.request),
            false => ("response", Role::ServerToClient, opening.response),
        };
        write!(
            self.out,
            " {}  {} {} {}",
            self.style.paint(role, name),
            side.sender(),
            self.arrow(),
            side.opposite().sender()
        )?;
        let Some(head) = head else {
            writeln!(self.out, "   {}", if client { "not captured" } else { opening.unanswered })?;
            let lacks = [
                &rules::REQUEST_MISSING,
                &rules::RESPONSE_MISSING,
                &rules::RESPONSE_NOT_HTTP,
                &rules::WRONG_SCHEME,
            ];
            for judgement in self.judgements.iter().filter(|j| lacks.contains(&j.rule)) {
                self.problem(INDENT, judgement.rule, None, &judgement.text)?;
            }
            return writeln!(self.out);
        };
        if let Some((first, last)) = places {
            match first.packet == last.packet {
                true => write!(self.out, "   packet {}", last.packet)?,
                false => write!(self.out, "   packets {} to {}", first.packet, last.packet)?,
            }
            write!(self.out, " at {} s", decimal(last.time.since(opening.begin).0, 9, 6))?;
            if let (false, Some(after)) =
                (client, opening.request.and_then(|(_, asked)| last.elapsed_since(asked)))
            {
                write!(self.out, ", {} ms after the request", decimal(after.0, 6, 3))?;
            }
        }
        if head.cut {
            let (bytes, cut) = (head.bytes.len(), self.style.paint(Role::Warning, cut_words(opening.lang)));
            writeln!(self.out, ", {bytes} bytes of it\n     {cut}")?;
        } else if opening.handshake.is_http2 {
            let (wire, text) = (head.wire_len, head.bytes.len());
            writeln!(self.out, ", {wire} bytes, {text} as text")?;
        } else {
            writeln!(self.out, ", {} bytes", head.bytes.len())?;
        }
        for line in head_lines(opening.handshake, side, self.judgements, opening.lang) {
            self.right += u64::from(line.mark == LineMark::Right);
            if line.start.is_none() {
                self.line(LineMark::Wrong, &line.name, b"(absent)")?;
                for judgement in &line.problems {
                    self.problem(INDENT, judgement.rule, None, &judgement.text)?;
                }
                continue;
            }
            self.line(line.mark, &line.name, &line.value)?;
            self.paragraph(INDENT, &line.text, line.reference)?;
            for (text, reference) in &line.more {
                self.paragraph(INDENT + 2, text, reference)?;
            }
            if let (Some(other), true) =
                (opening.key_of, line.name.eq_ignore_ascii_case(b"Sec-WebSocket-Key"))
            {
                self.paragraph(INDENT, &shared_key(other, opening.lang), "")?;
            }
            for judgement in &line.problems {
                self.problem(INDENT, judgement.rule, None, &judgement.text)?;
            }
        }
        if let (false, Some(body)) = (client, &opening.handshake.body) {
            let (title, lines) = body_words(body, opening.lang);
            writeln!(self.out, "    {}", self.style.paint(Role::Header, &title))?;
            for line in lines {
                let line = self.fit(line.as_bytes());
                writeln!(self.out, "{:INDENT$}{line}", "")?;
            }
        }
        writeln!(self.out)
    }

    /// A line of a head behind its mark. The first line has no name.
    fn line(&mut self, mark: LineMark, name: &[u8], value: &[u8]) -> io::Result<()> {
        write!(self.out, "  {} ", self.style.paint(role_of(mark), mark.sign(self.ascii)))?;
        let value = self.fit(value);
        if name.is_empty() {
            return writeln!(self.out, "{}", self.style.paint(Role::Header, &value));
        }
        let name = self.fit(name);
        writeln!(self.out, "{}: {value}", self.style.paint(Role::Header, &name))
    }

    fn step(&mut self, name: &str, value: &[u8], remark: &str) -> io::Result<()> {
        let name = format!("{name:0$}", VALUE - 1);
        let value = self.fit(value);
        let gap = if remark.is_empty() { "" } else { "   " };
        writeln!(
            self.out,
            " {}{value}{gap}{}",
            self.style.paint(Role::Title, &name),
            self.style.paint(Role::Dim, remark)
        )
    }

    /// What HTTP/2 has in the place of an accept value.
    fn http2(&mut self) -> io::Result<()> {
        writeln!(self.out, " {}", self.style.paint(Role::Title, "HTTP/2"))?;
        for (text, reference) in http2_story(self.opening.stream_id, self.opening.lang) {
            self.paragraph(3, &text, reference)?;
        }
        writeln!(self.out)
    }

    /// `Sec-WebSocket-Accept` computed again, and compared with what was sent.
    fn accept(&mut self, request: Option<&Head>, response: Option<&Head>) -> io::Result<()> {
        writeln!(self.out, " {}", self.style.paint(Role::Title, "Sec-WebSocket-Accept, step by step"))?;
        let lang = self.opening.lang;
        let Some(AcceptStory { steps, remark, sent }) =
            accept_story(self.opening.handshake, self.opening.lang)
        else {
            return writeln!(self.out, " {}\n", no_key_words(request, lang));
        };
        self.step(
            "1 key as sent",
            &steps.key,
            lang.pick("as text: it is not decoded", "按文本使用，不解码"),
        )?;
        if let Some(remark) = remark {
            self.paragraph(VALUE, &remark, "")?;
        }
        self.step("2 append GUID", &steps.concatenated, "")?;
        self.step("3 SHA-1", hex(&steps.digest).as_bytes(), "")?;
        self.step(
            "4 base64",
            steps.accept.as_bytes(),
            lang.pick("of the 20 bytes, not of their hex text", "对 20 个字节编码，不是对它的十六进制文本"),
        )?;
        if response.is_none() {
            let nothing = match self.opening.handshake.foreign {
                Some(_) => lang.pick("no HTTP response", "不是 HTTP 响应"),
                None => lang.pick("nothing captured", "没有抓到"),
            };
            return writeln!(self.out, " 5 {:1$}{nothing}\n", "server sent", VALUE - 3);
        }
        for (value, right, mistake) in &sent {
            let (mark, word) = if *right {
                (LineMark::Right, lang.pick("the same", "相同"))
            } else {
                (LineMark::Wrong, lang.pick("not the same", "不同"))
            };
            let shown = self.fit(value);
            let name = format!("{:1$}", "5 server sent", VALUE - 1);
            let verdict = format!("{} {word}", mark.sign(self.ascii));
            let (name, verdict) =
                (self.style.paint(Role::Title, &name), self.style.paint(role_of(mark), &verdict));
            writeln!(self.out, " {name}{shown}   {verdict}")?;
            if *right {
                continue;
            }
            if let Some(mistake) = mistake {
                self.paragraph(VALUE, &format!("{}{mistake}", LIKELY.of(self.opening.lang)), "")?;
            } else if let Some(other) = self.opening.accept_of {
                self.paragraph(
                    VALUE,
                    &format!("{}{}", LIKELY.of(self.opening.lang), crossed(other, self.opening.lang)),
                    "",
                )?;
            }
        }
        if sent.is_empty() && response.is_some_and(|head| head.cut) {
            let cut = no_accept_words(lang);
            return writeln!(self.out, " 5 {:1$}{cut}\n", "server sent", VALUE - 3);
        }
        if sent.is_empty() {
            let nothing = format!(
                "{} {}",
                LineMark::Wrong.sign(self.ascii),
                lang.pick("nothing: a client has to close the connection", "什么也没发：客户端必须关闭连接")
            );
            let name = format!("{:1$}", "5 server sent", VALUE - 1);
            writeln!(
                self.out,
                " {}{}",
                self.style.paint(Role::Title, &name),
                self.style.paint(Role::Error, &nothing)
            )?;
        }
        writeln!(self.out)
    }

    fn agreed(&mut self, request: Option<&Head>) -> io::Result<()> {
        let handshake = self.opening.handshake;
        writeln!(self.out, " {}", self.style.paint(Role::Title, "agreed"))?;
        let lang = self.opening.lang;
        let unknown = lang.pick("what was offered is not known", "不知道提供过什么");
        let none = lang.pick("none was offered", "没有提供过");
        let offers_word = lang.pick("offered: ", "提供过：");
        let is_request_cut = request.is_some_and(|head| head.cut);
        let offered = request.map(|head| {
            let names = head.values("Sec-WebSocket-Protocol").flat_map(|value| value.split(|b| *b == b','));
            names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()).map(safe_text).collect::<Vec<_>>()
        });
        let offer = match offered.as_deref() {
            None => unknown.to_owned(),
            Some([]) if is_request_cut => unknown.to_owned(),
            Some([]) => none.to_owned(),
            Some(names) => format!("{offers_word}{}", names.join(", ")),
        };
        let is_response_cut = handshake.response.as_deref().is_some_and(|head| head.cut);
        let nothing = if is_response_cut { "unknown" } else { "none" };
        let chosen = handshake.subprotocol.as_deref().unwrap_or(nothing);
        self.agreement("subprotocol", &format!("{chosen} ({offer})"))?;
        if handshake.extensions.is_empty() {
            let offers = request.map(|head| parse_extensions(head.values("Sec-WebSocket-Extensions")).0);
            let offer = match offers.as_deref() {
                None => unknown.to_owned(),
                Some([]) if is_request_cut => unknown.to_owned(),
                Some([]) => none.to_owned(),
                Some(list) => format!(
                    "{offers_word}{}",
                    list.iter().map(|e| e.name.as_str()).collect::<Vec<_>>().join(", ")
                ),
            };
            self.agreement("extensions", &format!("{nothing} ({offer})"))?;
        }
        let mut told = false;
        for extension in &handshake.extensions {
            let compresses = |params: &DeflateParams| {
                let known = if params.per_frame { is_deflate_frame } else { is_deflate };
                known(extension) && !told
            };
            let deflate = handshake.deflate.filter(compresses);
            let Some(params) = deflate else {
                let text = format!(
                    "{} ({})",
                    as_sent(extension),
                    lang.pick("what it does to frames is not known here", "这里不知道它如何改变帧")
                );
                self.agreement("extension", &text)?;
                continue;
            };
            told = true;
            let text = format!(
                "{}: {}",
                extension.name,
                match params.per_frame {
                    true => lang.pick("each frame with RSV1 is compressed", "带 RSV1 的帧各自压缩"),
                    false => lang
                        .pick("messages that begin with RSV1 are compressed", "以 RSV1 开头的消息是压缩的"),
                }
            );
            self.agreement("extension", &text)?;
            for direction in Direction::BOTH {
                let label =
                    format!("  {} {} {}", direction.sender(), self.arrow(), direction.opposite().sender());
                self.agreement(&label, &words::compression(&params, direction, self.opening.lang))?;
            }
        }
        writeln!(self.out)
    }

    fn agreement(&mut self, label: &str, text: &str) -> io::Result<()> {
        write!(self.out, "   {label:19}")?;
        let text = self.fit(text.as_bytes());
        writeln!(self.out, "{text}")
    }

    /// The last line: what it came to.
    fn result(&mut self) -> io::Result<()> {
        let handshake = self.opening.handshake;
        let severities =
            || self.judgements.iter().map(|j| j.rule).chain(self.opening.notes.iter().map(|n| n.rule));
        let count = |severity| severities().filter(|rule| rule.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let (mark, outcome) = outcome(handshake, errors, warnings, self.opening.lang);
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let sums = format!(
            "{} right, {}, {}",
            plural(usize::try_from(self.right).unwrap_or(usize::MAX), "line"),
            plural(errors, "error"),
            plural(warnings, "warning")
        );
        let verdict = format!("{} {outcome}", mark.sign(self.ascii));
        let name = self.style.paint(Role::Title, "result");
        writeln!(self.out, " {name}  {}   {sums}", self.style.paint(role_of(mark), &verdict))?;
        let mut broken: Vec<&Rule> = severities().collect();
        broken.sort_by_key(|rule| (std::cmp::Reverse(rule.severity), rule.code));
        broken.dedup_by_key(|rule| rule.code);
        let codes: Vec<&str> = broken.iter().map(|rule| rule.code).collect();
        if let Some(code) = codes.first() {
            let others = if codes.len() > 1 {
                format!(
                    "   ({} {})",
                    self.opening.lang.pick("also", "另有"),
                    codes.get(1..).unwrap_or_default().join(", ")
                )
            } else {
                String::new()
            };
            self.paragraph(
                9,
                &format!(
                    "{} wslens explain {code}{others}",
                    self.opening.lang.pick("causes and remedies:", "原因与对策：")
                ),
                "",
            )?;
        }
        writeln!(self.out)
    }
}

fn as_sent(extension: &Extension) -> String {
    let mut text = extension.name.clone();
    for (name, value) in &extension.params {
        text.push_str("; ");
        text.push_str(name);
        if let Some(value) = value {
            text.push('=');
            text.push_str(value);
        }
    }
    text
}

/// Nanoseconds in a unit of ten to the power of `unit` nanoseconds, with decimals.
fn decimal(nanoseconds: i64, unit: u32, decimals: u32) -> String {
    let (sign, n) = (if nanoseconds < 0 { "-" } else { "" }, nanoseconds.unsigned_abs());
    let (whole, rest) = (10u64.saturating_pow(unit), 10u64.saturating_pow(unit.saturating_sub(decimals)));
    let part = n.checked_rem(whole).unwrap_or(0).checked_div(rest).unwrap_or(0);
    format!("{sign}{}.{part:0width$}", n.checked_div(whole).unwrap_or(0), width = decimals as usize)
}

#[cfg(test)]
mod tests;
