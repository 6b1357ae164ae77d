//! A handshake taken apart: made once, drawn often.

use crate::autopsy::words;
use crate::explain::opening::anatomy::{
    AcceptStory, HeadLine, LineMark, accept_story, head_lines, http2_story, judgements, key_remark,
    no_accept_words, no_key_words, outcome,
};
use crate::explain::opening::{Other, crossed, shared_key};
use crate::explain::words::mistakes::LIKELY;
use crate::http::accept::steps;
use crate::http::{Judgement, accept_for, rules};
use crate::model::wrap;
use crate::model::{Accept, Direction, Lang, Severity, is_plain, safe_str};
use crate::pipeline::State;
use crate::store::{ConnectionRow, Index};
use crate::tui::screens::slug;
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, hex};

/// Connections whose keys are compared with a wrong accept value.
const COMPARED: usize = 8192;

/// A handshake taken apart.
#[derive(Clone, Debug)]
pub struct ShownHandshake {
    /// What it was made from: connection, which heads, how it stands.
    key: (u32, bool, bool, Option<State>, Lang),
    /// The lines of the request, then those of the response.
    pub lines: Vec<(Direction, HeadLine)>,
    /// How many of them are the request's.
    pub asked: usize,
    /// The accept value step by step.
    pub story: Option<AcceptStory>,
    /// What it came to.
    pub outcome: (LineMark, String),
    /// Rules that were broken, the worst first.
    pub problems: Vec<Judgement>,
    /// The connection that the accept value that was sent is right for.
    accept_of: Option<Other>,
    /// A connection with the same key.
    key_of: Option<Other>,
    /// It is inside HTTP/2, which uses no key.
    is_http2: bool,
    /// Lines that are right, errors, warnings.
    pub counts: [usize; 3],
}

impl ShownHandshake {
    /// Takes a connection's handshake apart, unless `before` is that already.
    #[must_use]
    pub fn make(index: &Index, row: &ConnectionRow, lang: Lang, before: Option<Self>) -> Self {
        let handshake = &row.handshake;
        let key = (row.id.0, handshake.request.is_some(), handshake.response.is_some(), row.state, lang);
        if let Some(before) = before
            && before.key == key
        {
            return before;
        }
        let mut problems = judgements(handshake);
        let mut lines = Vec::new();
        for side in Direction::BOTH {
            lines.extend(head_lines(handshake, side, &problems, lang).into_iter().map(|line| (side, line)));
        }
        problems.sort_by_key(|problem| std::cmp::Reverse(problem.rule.severity));
        let count = |severity| problems.iter().filter(|problem| problem.rule.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let right = lines.iter().filter(|(_, line)| line.mark == LineMark::Right).count();
        Self {
            key,
            asked: lines.iter().filter(|(side, _)| *side == Direction::ClientToServer).count(),
            story: accept_story(handshake, lang),
            outcome: outcome(handshake, errors, warnings, lang),
            accept_of: accept_of(index, row),
            key_of: key_of(index, row),
            is_http2: handshake.is_http2,
            counts: [right, errors, warnings],
            problems,
            lines,
        }
    }

    /// A line as lessons name it: `ask:host`, `reply:line`.
    #[must_use]
    pub fn name_of(&self, line: usize) -> String {
        let Some((side, line)) = self.lines.get(line) else { return String::new() };
        let side = if *side == Direction::ClientToServer { "ask" } else { "reply" };
        let name = if line.name.is_empty() { b"line" } else { line.name.as_slice() };
        format!("{side}:{}", slug(&String::from_utf8_lossy(name)))
    }

    /// The line with such a name.
    #[must_use]
    pub fn line_named(&self, name: &str) -> Option<usize> {
        (0..self.lines.len()).find(|line| self.name_of(*line) == name)
    }

    /// Whether it belongs to this connection.
    #[must_use]
    pub fn is_of(&self, connection: u32) -> bool {
        self.key.0 == connection
    }

    /// What is said of a line, each paragraph with its role; nothing of it is captured but what was made safe.
    #[must_use]
    pub fn words(&self, at: usize) -> Vec<(Role, String)> {
        let Some((_, line)) = self.lines.get(at) else { return Vec::new() };
        let mut words = Vec::new();
        if line.start.is_some() {
            let reference =
                if line.reference.is_empty() { String::new() } else { format!("   {}", line.reference) };
            words.push((Role::Plain, format!("{}{reference}", safe_str(&line.text))));
        }
        for problem in &line.problems {
            let role = Role::of_severity(problem.rule.severity);
            if self.key.4 != Lang::En {
                words.push((role, problem.rule.summary.of(self.key.4).to_owned()));
            }
            words.push((
                role,
                format!("{}: {}   {}", problem.rule.code, safe_str(&problem.text), problem.rule.reference),
            ));
        }
        if line.name.eq_ignore_ascii_case(b"Sec-WebSocket-Key") && !self.is_http2 {
            let steps = steps(&line.value);
            words.push((Role::Plain, key_remark(&steps, self.key.4)));
            // A key that is readable is shown as text above.
            let readable = |bytes: &&Vec<u8>| bytes.len() == 16 && is_plain(bytes);
            if let Some(bytes) = steps.decoded.as_ref().filter(readable) {
                words.push((Role::Plain, format!("its bytes: {}", hex::spaced(bytes))));
            }
            words.extend(self.key_of.map(|other| (Role::Warning, shared_key(other, self.key.4))));
        }
        if line.name.eq_ignore_ascii_case(b"Sec-WebSocket-Accept")
            && let Some(other) = self.accept_of
        {
            words.push((Role::Warning, crossed(other, self.key.4)));
        }
        for (text, reference) in &line.more {
            words.push((Role::Plain, format!("{}   {reference}", safe_str(text))));
        }
        words
    }

    /// How HTTP/2 opens a WebSocket, and what TLS agreed on.
    #[must_use]
    pub fn http2_lines(&self, row: &ConnectionRow, columns: usize) -> Vec<Text> {
        let mut lines = Vec::new();
        for (text, reference) in http2_story(row.stream_id, self.key.4) {
            for part in wrap(&format!("{text} ({reference})"), columns.saturating_sub(2).max(8)) {
                lines.push(Text::of(Role::Plain, format!(" {part}")));
            }
        }
        lines.extend(tls_line(row, self.key.4));
        lines
    }

    /// The steps to the accept value, and what was sent, for so many columns.
    #[must_use]
    pub fn accept_lines(&self, row: &ConnectionRow, wide: bool, columns: usize) -> Vec<Text> {
        let lang = self.key.4;
        let Some(story) = &self.story else {
            let why = no_key_words(row.handshake.request.as_deref(), lang);
            let mut lines = vec![Text::of(Role::Dim, format!(" {why}"))];
            lines.extend(tls_line(row, lang));
            return lines;
        };
        let mut lines = step_lines(&story.steps, wide, columns);
        if let Some(remark) = &story.remark {
            lines.insert(1.min(lines.len()), Text::of(Role::Warning, format!(" ! {remark}")));
        }
        let upgraded = row.handshake.upgraded;
        let response = row.handshake.response.as_deref();
        if response.is_none() {
            lines.push(sent(wide, "nothing captured", Role::Dim, "", columns));
        } else if story.sent.is_empty() && response.is_some_and(|head| head.cut) {
            lines.push(sent(wide, no_accept_words(lang), Role::Dim, "", columns));
        } else if story.sent.is_empty() && upgraded {
            lines.push(sent(wide, "", Role::Error, "✗ missing: a client must close the connection", columns));
        }
        for (value, right, mistake) in &story.sent {
            let value = String::from_utf8_lossy(value).into_owned();
            let verdict = if *right { "✓ match" } else { "✗ different" };
            lines.push(sent(wide, &value, if *right { Role::Ok } else { Role::Error }, verdict, columns));
            let mistake = mistake
                .map(str::to_owned)
                .or_else(|| self.accept_of.filter(|_| !right).map(|other| crossed(other, lang)));
            if let Some(mistake) = mistake {
                lines.push(Text::of(Role::Warning, format!("   {}{mistake}", LIKELY.of(lang))));
            }
        }
        lines.extend(tls_line(row, lang));
        lines
    }
}

/// What TLS agreed on before the first byte of HTTP.
#[must_use]
pub fn tls_line(row: &ConnectionRow, lang: Lang) -> Option<Text> {
    let tls = row.tls.as_ref()?;
    let mut line = Text::of(Role::Title, " TLS ");
    line.plainly(format!("{}, {}", tls.version, tls.cipher));
    if let Some(name) = &tls.server_name {
        line.plainly(", SNI ").captured(Role::Plain, name.as_bytes(), 40);
    }
    if let Some(alpn) = &tls.alpn {
        line.plainly(", ALPN ").captured(Role::Plain, alpn.as_bytes(), 16);
    }
    line.plainly(if tls.resumed {
        lang.pick(", an earlier session resumed", "，恢复了先前的会话")
    } else {
        lang.pick(", a new session", "，新会话")
    });
    line.add(Role::Dim, lang.pick("; read with its secrets", "；用它的密钥读出"));
    Some(line)
}

/// `5  server sent   …   ✓ match`
fn sent(wide: bool, value: &str, role: Role, verdict: &str, columns: usize) -> Text {
    let mut line = Text::of(Role::Plain, " ");
    line.left(Role::Title, if wide { "5  server sent" } else { "sent" }, if wide { 28 } else { 12 });
    let room = columns.saturating_sub(line.width() + verdict.len() + 2);
    line.captured(Role::Plain, value.as_bytes(), room);
    if wide && line.width() < 92 && columns > 92 + verdict.len() {
        line.pad_to(92);
    }
    line.plainly("  ").add(role, verdict);
    line
}

/// The steps from a key to its accept value.
#[must_use]
pub fn step_lines(steps: &crate::http::accept::AcceptSteps, wide: bool, columns: usize) -> Vec<Text> {
    let digest = hex::spaced(&steps.digest);
    let concatenated = steps.concatenated.len();
    let rows: Vec<(String, Vec<u8>, String)> = if wide {
        vec![
            ("1  key as sent".into(), steps.key.clone(), "(not base64-decoded)".into()),
            ("2  + fixed GUID".into(), steps.concatenated.clone(), "(RFC 6455 §1.3)".into()),
            (
                format!("3  SHA-1 of those {concatenated} bytes"),
                digest.into_bytes(),
                "(20 bytes, not hex)".into(),
            ),
            ("4  base64 of the 20 bytes".into(), steps.accept.clone().into_bytes(), String::new()),
        ]
    } else {
        vec![
            ("key ‖ GUID".into(), steps.concatenated.clone(), String::new()),
            ("SHA-1".into(), hex::spaced(&steps.digest).replace(' ', "").into_bytes(), String::new()),
            ("base64".into(), steps.accept.clone().into_bytes(), String::new()),
        ]
    };
    let lead = if wide { 28 } else { 12 };
    let line = |(name, value, remark): (String, Vec<u8>, String)| {
        let mut line = Text::of(Role::Plain, " ");
        line.left(Role::Title, &name, lead);
        line.captured(Role::Plain, &value, columns.saturating_sub(lead + 1));
        if !remark.is_empty() && columns > 112 {
            line.pad_to(92).add(Role::Dim, remark);
        }
        line
    };
    rows.into_iter().map(line).collect()
}

/// The connection whose key a wrong accept value fits.
fn accept_of(index: &Index, row: &ConnectionRow) -> Option<Other> {
    if row.handshake.accept != Accept::Wrong {
        return None;
    }
    let sent = row.handshake.response.as_ref()?.value("Sec-WebSocket-Accept")?;
    // Connections that are crossed are open at the same time, so they are near.
    let near = usize::try_from(row.id.0).unwrap_or(0).saturating_sub(COMPARED / 2);
    let others = index.connections.iter().skip(near).take(COMPARED).filter(|other| other.id != row.id);
    others
        .filter_map(|other| Some((other, other.handshake.request.as_ref()?.value("Sec-WebSocket-Key")?)))
        .find(|(_, key)| accept_for(key).as_bytes() == sent)
        .map(|(other, _)| Other { number: other.id.0, packet: other.first.packet })
}

/// A connection before this one with the same key.
fn key_of(index: &Index, row: &ConnectionRow) -> Option<Other> {
    let key = row.handshake.request.as_ref()?.value("Sec-WebSocket-Key")?;
    let near = usize::try_from(row.id.0).unwrap_or(0).saturating_sub(COMPARED);
    let before = index.connections.iter().skip(near).take_while(|other| other.id != row.id);
    before
        .filter(|other| {
            other.handshake.request.as_ref().and_then(|head| head.value("Sec-WebSocket-Key")) == Some(key)
        })
        .map(|other| Other { number: other.id.0, packet: other.first.packet })
        .next()
}

/// Why there is no answer.
#[must_use]
pub fn unanswered(row: &ConnectionRow, lang: Lang) -> String {
    match (&row.handshake.foreign, row.state, &row.end) {
        (Some(foreign), ..) => {
            format!("{}{}", lang.pick("not HTTP/1.1: ", "不是 HTTP/1.1："), foreign.describe(lang))
        }
        (None, Some(State::Unanswered), Some(facts)) => words::unanswered(facts).sentence(lang),
        (None, None, _) => lang.pick("no answer yet", "还没有回答").to_owned(),
        (None, ..) => lang.pick("no answer was captured", "没有抓到回答").to_owned(),
    }
}

/// Judgements that tell why the handshake failed, the reason of the server first.
#[must_use]
pub fn reasons(shown: &ShownHandshake) -> Vec<&Judgement> {
    let mut reasons: Vec<&Judgement> =
        shown.problems.iter().filter(|problem| problem.rule.severity > Severity::Info).collect();
    let answers = [&rules::HANDSHAKE_REJECTED, &rules::RESPONSE_NOT_HTTP, &rules::WRONG_SCHEME];
    reasons.sort_by_key(|problem| !answers.contains(&problem.rule));
    reasons
}

pub(super) fn role_of(mark: LineMark) -> Role {
    match mark {
        LineMark::Right => Role::Ok,
        LineMark::Wrong => Role::Error,
        LineMark::Suspicious => Role::Warning,
        LineMark::Plain => Role::Dim,
    }
}
