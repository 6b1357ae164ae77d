//! Lines about connections: as they open, as they end, and as rows of their own.

use super::TableStyle;
use super::fit::{Fit, Wrapped};
use crate::autopsy::{EndFacts, EndKind, examine, words};
use crate::model::{Accept, Direction, Lang, Severity};
use crate::pipeline::{Connection, Ended, SealedTls, State};
use crate::present::Role;
use crate::present::units;
use crate::ws::close_code;

/// Columns of the line that follows a connection's number.
const INDENT: usize = 8;
/// Columns of a subprotocol in a list.
const SUBPROTOCOL: usize = 10;
/// Columns of a URL in a list that is not cut.
const URL: usize = 40;
/// With fewer columns, the list leaves out the subprotocol, and bytes.
const WIDE_LIST: usize = 110;

fn arrow(look: &TableStyle) -> &'static str {
    if look.ascii { "->" } else { "→" }
}

/// The heading of a connection: written when it opens, or (`failed`) when its attempt to open fails.
pub(super) fn head(
    out: &mut Vec<u8>,
    look: &TableStyle,
    connection: &Connection,
    failed: Option<&Ended<'_>>,
) {
    let handshake = &connection.handshake;
    let mut line = Wrapped::new(out, look.style(), look.ascii, INDENT);
    line.part(Role::Title, 0, format!("conn {}", connection.id).as_bytes());
    line.part(Role::Title, 2, connection.name(Lang::En).as_bytes());
    let ends = format!("{} {} {}", connection.client, arrow(look), connection.server);
    line.part(Role::Plain, 3, ends.as_bytes());
    if let Some(proxied) = connection.proxied {
        line.part(Role::Plain, 3, format!("for {proxied} (PROXY header)").as_bytes());
    }
    if connection.tunnelled {
        line.part(Role::Plain, 3, b"in a CONNECT tunnel");
    }
    answer(&mut line, look, connection, failed);
    if handshake.is_cut() {
        line.part(Role::Warning, 3, b"handshake cut by the snap length");
    }
    match handshake.accept {
        Accept::Wrong => line.part(Role::Error, 3, b"Sec-WebSocket-Accept is wrong"),
        Accept::Missing => line.part(Role::Error, 3, b"Sec-WebSocket-Accept is missing"),
        Accept::Ok | Accept::Unknown => {}
    }
    line.part(Role::Plain, 3, handshake.subprotocol.as_deref().unwrap_or_default().as_bytes());
    let names: Vec<&str> = handshake.extensions.iter().map(|extension| extension.name.as_str()).collect();
    line.part(Role::Plain, 3, names.join(", ").as_bytes());
    line.end();
}

/// The server's answer and how long it took.
fn answer(line: &mut Wrapped<'_>, look: &TableStyle, connection: &Connection, failed: Option<&Ended<'_>>) {
    let handshake = &connection.handshake;
    if let Some(foreign) = &handshake.foreign {
        line.part(Role::Error, 3, format!("answered with {}", foreign.describe(Lang::En)).as_bytes());
    }
    let Some(status) = handshake.status else {
        let words = match failed {
            _ if handshake.foreign.is_some() => return,
            Some(ended) => words::unanswered(&EndFacts::of(ended)).brief(Lang::En),
            None if connection.is_midstream() => "handshake not captured".to_owned(),
            None => "no answer captured".to_owned(),
        };
        return line.part(Role::Warning, 3, words.as_bytes());
    };
    let mut text = Vec::new();
    units::number(&mut text, status.into());
    if let (Some(response), Some(_)) = (&handshake.response, failed)
        && let crate::model::StartLine::Response { reason, .. } = &response.start
        && let reason @ [_, ..] = response.token(reason)
    {
        text.push(b' ');
        text.extend_from_slice(reason);
    }
    if let Some(took) = connection.response_time() {
        text.extend_from_slice(b" in ");
        units::milliseconds(&mut text, took.0, look.ascii);
    }
    let role = if failed.is_some() { Role::Warning } else { Role::Plain };
    line.part(role, 3, &text);
    if failed.is_some() {
        line.part(Role::Warning, 3, b"refused");
    }
    if let Some(body) = &handshake.body {
        line.part(Role::Plain, 3, body.first_line().as_bytes());
    }
}

/// What is said of a connection at its end; nothing where its rows say it already, unless `all` is wanted.
pub(super) fn end(out: &mut Vec<u8>, look: &TableStyle, ended: &Ended<'_>, all: bool) {
    let closing = ended.socket.and_then(|socket| socket.closing());
    let skipped: u64 =
        Direction::BOTH.iter().filter_map(|d| ended.socket.and_then(|socket| socket.skipped(*d))).sum();
    let clean = ended.state == State::Closed && closing.is_some_and(|closing| closing.answered);
    if clean && ended.gaps.0 == 0 && skipped == 0 && !all {
        return;
    }
    let mut line = Wrapped::new(out, look.style(), look.ascii, INDENT);
    line.part(Role::Title, 0, format!("conn {}", ended.connection.id).as_bytes());
    let quiet = if clean { Role::Plain } else { Role::Warning };
    line.part(quiet, 2, how(ended).as_bytes());
    if !clean && ended.socket.is_some() {
        for part in why(ended) {
            line.part(Role::Plain, 3, part.as_bytes());
        }
    }
    if all && let Some(closing) = closing {
        let mut text = match closing.by {
            Some(by) => format!("Close by the {}", by.sender()),
            None => "Close".to_owned(),
        };
        if let Some(code) = closing.code {
            text.push_str(&format!(": {code} {}", close_code(code).name));
        }
        line.part(Role::Plain, 3, text.as_bytes());
    }
    let mut counts = Vec::new();
    let count =
        |of: fn(&crate::ws::Counts) -> u64| Direction::BOTH.iter().map(|d| counts_of(ended, *d, of)).sum();
    units::counted(&mut counts, count(|counts| counts.messages), "message");
    counts.extend_from_slice(b", ");
    units::counted(&mut counts, count(|counts| counts.frames), "frame");
    line.part(Role::Plain, 3, &counts);
    if ended.gaps.0 > 0 {
        let mut text = Vec::new();
        units::counted(&mut text, ended.gaps.0, "gap");
        text.extend_from_slice(b": ");
        units::counted(&mut text, ended.gaps.1, "byte");
        text.extend_from_slice(b" missing");
        line.part(Role::Warning, 3, &text);
    }
    if skipped > 0 {
        let mut text = Vec::new();
        units::counted(&mut text, skipped, "byte");
        text.extend_from_slice(b" outside of frames");
        line.part(Role::Warning, 3, &text);
    }
    line.end();
}

/// Who ended it, and what fits as its cause. What is inferred says so.
fn why(ended: &Ended<'_>) -> Vec<String> {
    let facts = EndFacts::of(ended);
    let verdict = examine(&facts);
    let mut parts = Vec::new();
    if let (Some(by), Some(place), EndKind::Fin | EndKind::Reset) = (verdict.by, verdict.place, verdict.kind)
    {
        let ending = &ended.ending;
        let what = match (verdict.kind, ending.reset_error()) {
            (EndKind::Fin, _) => ending.fin_name(by).to_owned(),
            (_, Some(error)) => format!("RST_STREAM ({error})"),
            (_, None) => "RST".to_owned(),
        };
        parts.push(format!("{what} by the {} in packet {}", by.sender(), place.packet));
    }
    if let Some(brief) = words::brief(&verdict, Lang::En) {
        parts.push(format!("inferred: {brief}"));
    }
    parts
}

/// A TLS connection that could not be read: what its handshake says, and how its records look.
pub(super) fn sealed(out: &mut Vec<u8>, look: &TableStyle, sealed: &SealedTls) {
    let SealedTls { session, records, .. } = sealed;
    let mut line = Wrapped::new(out, look.style(), look.ascii, INDENT);
    line.part(Role::Title, 0, b"TLS");
    line.part(Role::Title, 2, session.server_name.as_deref().unwrap_or("(no name)").as_bytes());
    let ends = format!("{} {} {}", sealed.client, arrow(look), sealed.server);
    line.part(Role::Plain, 3, ends.as_bytes());
    line.part(Role::Plain, 3, session.version.as_bytes());
    line.part(Role::Plain, 1, session.cipher.as_bytes());
    match (&session.alpn, sealed.offered.as_slice()) {
        (Some(alpn), _) => line.part(Role::Plain, 3, format!("ALPN {alpn}").as_bytes()),
        (None, []) => {}
        (None, offered) => {
            line.part(Role::Plain, 3, format!("ALPN offered: {}", offered.join(", ")).as_bytes());
        }
    }
    if session.resumed {
        line.part(Role::Plain, 3, b"resumed");
    }
    let why: &[u8] = match sealed.why {
        "no-secret" => b"not read: no secret",
        "unsupported" => b"not read: this version or cipher suite is not known",
        "lost" => b"not read: the handshake is not whole",
        _ => b"no answer to its hello",
    };
    line.part(Role::Warning, 3, why);
    let (c2s, s2c) = (records.c2s, records.s2c);
    let mut text = format!("{}+{} records, {}+{} bytes in ", c2s.records, s2c.records, c2s.bytes, s2c.bytes)
        .into_bytes();
    let lasted = sealed.last.time.since(sealed.first.time).unsigned();
    units::duration(&mut text, lasted, look.ascii);
    line.part(Role::Plain, 3, &text);
    let hint: &[u8] = match sealed.resembles {
        "much" => b"by record sizes and times much like a WebSocket (a hint only)",
        "some" => b"by ALPN, record sizes and times somewhat like a WebSocket (a hint only)",
        _ => b"",
    };
    line.part(Role::Note, 3, hint);
    line.end();
}

/// How a connection ended, in words.
fn how(ended: &Ended<'_>) -> &'static str {
    let closing = ended.socket.and_then(|socket| socket.closing());
    match (ended.state, closing.map(|closing| closing.answered)) {
        (State::Closed, Some(true)) => "closed",
        (State::Closed, Some(false)) if ended.gaps.0 > 0 => "closed, no answer to the Close captured",
        (State::Closed, Some(false)) => "closed, the Close unanswered",
        (State::Closed, None) if ended.gaps.0 > 0 => "ended, no Close captured",
        (State::Closed, None) => "ended without a Close (1006)",
        (State::Reset, Some(true)) => "closed, then reset",
        (State::Reset, Some(false)) => "reset, the Close unanswered",
        (State::Reset, None) => "reset without a Close (1006)",
        (State::TimedOut, _) => "silent for long, given up",
        (State::Open, _) => "open at the capture's end",
        (State::Refused, _) => "refused",
        (State::Unanswered, _) => "no answer",
    }
}

fn counts_of(ended: &Ended<'_>, direction: Direction, of: fn(&crate::ws::Counts) -> u64) -> u64 {
    ended.socket.map_or(0, |socket| of(socket.counts(direction)))
}

/// Columns of the URL in a list of that many columns.
pub(super) fn url_width(columns: Option<usize>) -> usize {
    columns.map_or(URL, |columns| columns.saturating_sub(fixed(Some(columns))))
}

/// Columns of the rest of a row.
fn fixed(columns: Option<usize>) -> usize {
    if is_slim(columns) {
        return 3 + 2 + 10 + 2 + 2 + 5 + 5;
    }
    let wide = 2 + SUBPROTOCOL + 2 * (2 + 8);
    3 + 2 + 10 + 2 + 5 + 2 * (2 + 6) + 2 + 8 + 2 + 5 + 5 + if is_wide(columns) { wide } else { 0 }
}

fn is_wide(columns: Option<usize>) -> bool {
    columns.is_none_or(|columns| columns >= WIDE_LIST)
}

/// Whether there is only room for the state, the URL and how it ended.
fn is_slim(columns: Option<usize>) -> bool {
    columns.is_some_and(|columns| columns < super::SLIM)
}

/// The titles of [`row`]s.
pub(super) fn titles(out: &mut Vec<u8>, url: usize, columns: Option<usize>, ascii: bool) {
    let text = |text: &'static str| move |out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
    let (sent, received) = if ascii { ("msg->", "msg<-") } else { ("msg→", "msg←") };
    let (bytes_sent, bytes_received) = if ascii { ("bytes->", "bytes<-") } else { ("bytes→", "bytes←") };
    text("  #  state       ")(out);
    units::left(out, url, text("url"));
    if is_slim(columns) {
        return text("  close  fnd")(out);
    }
    if is_wide(columns) {
        out.extend_from_slice(b"  ");
        units::left(out, SUBPROTOCOL, text("subproto"));
    }
    text("  ext")(out);
    for title in [sent, received] {
        out.extend_from_slice(b"  ");
        units::right(out, 6, text(title));
    }
    if is_wide(columns) {
        for title in [bytes_sent, bytes_received] {
            out.extend_from_slice(b"  ");
            units::right(out, 8, text(title));
        }
    }
    text("  duration  close  fnd")(out);
}

/// A row of the list of connections.
pub(super) fn row(out: &mut Vec<u8>, look: &TableStyle, ended: &Ended<'_>) {
    let (connection, style) = (ended.connection, look.style());
    let start = out.len();
    units::right(out, 3, |out| units::number(out, connection.id.0.into()));
    out.extend_from_slice(b"  ");
    // A long number takes its columns from the URL.
    let over = (out.len() - start).saturating_sub(5);
    let role = match ended.state {
        State::Open | State::Closed => Role::Plain,
        _ => Role::Warning,
    };
    let state = ended.state.name();
    style.put(out, role, |out| out.extend_from_slice(state.as_bytes()));
    out.resize(out.len() + 10usize.saturating_sub(state.len()) + 2, b' ');
    let url = url_width(style.columns).saturating_sub(over);
    cell(out, look, &connection.name(Lang::En), url);
    if !is_slim(style.columns) {
        more(out, look, ended);
    }
    out.extend_from_slice(b"  ");
    units::right(out, 5, |out| close_cell(out, ended, look.ascii));
    out.extend_from_slice(b"  ");
    let findings = ended.findings.total();
    let role = match () {
        () if ended.findings.of(Severity::Error) > 0 => Role::Error,
        () if ended.findings.of(Severity::Warning) > 0 => Role::Warning,
        () => Role::Plain,
    };
    let mut digits = Vec::new();
    if findings > 0 {
        units::right(&mut digits, 3, |out| short(out, findings));
        style.put(out, role, |out| out.extend_from_slice(&digits));
    }
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// The cells of a row between the URL and the end.
fn more(out: &mut Vec<u8>, look: &TableStyle, ended: &Ended<'_>) {
    let connection = ended.connection;
    let handshake = &connection.handshake;
    let wide = is_wide(look.columns);
    if wide {
        out.extend_from_slice(b"  ");
        cell(out, look, handshake.subprotocol.as_deref().unwrap_or("-"), SUBPROTOCOL);
    }
    out.extend_from_slice(b"  ");
    let others = handshake.extensions.len() - usize::from(handshake.deflate.is_some());
    out.extend_from_slice(match (handshake.deflate.is_some(), others > 0) {
        (true, true) => b"z+ ",
        (true, false) => b"z  ",
        (false, true) => b"+  ",
        (false, false) => b"-  ",
    });
    for direction in Direction::BOTH {
        out.extend_from_slice(b"  ");
        units::right(out, 6, |out| short(out, counts_of(ended, direction, |counts| counts.messages)));
    }
    if wide {
        for direction in Direction::BOTH {
            out.extend_from_slice(b"  ");
            units::right(out, 8, |out| {
                units::size(out, counts_of(ended, direction, |counts| counts.payload_bytes));
            });
        }
    }
    out.extend_from_slice(b"  ");
    let opened = connection.response.map_or(connection.first.time, |place| place.last.time);
    let from = if ended.socket.is_some() { opened } else { connection.first.time };
    let open = ended.closed.and_then(|closed| closed.elapsed_since(from));
    units::right(out, 8, |out| match open {
        Some(open) => units::duration(out, open.0.unsigned_abs(), look.ascii),
        None => out.push(b'-'),
    });
}

/// A count in at most six columns.
fn short(out: &mut Vec<u8>, count: u64) {
    match count {
        0..=999_999 => units::number(out, count),
        1_000_000..=999_999_999 => {
            units::number(out, count / 1_000_000);
            out.push(b'M');
        }
        _ => {
            units::number(out, count / 1_000_000_000);
            out.push(b'G');
        }
    }
}

fn close_cell(out: &mut Vec<u8>, ended: &Ended<'_>, ascii: bool) {
    let Some(socket) = ended.socket else { return out.push(b'-') };
    match socket.closing().map(|closing| closing.code) {
        Some(Some(code)) => units::number(out, code.into()),
        Some(None) => out.extend_from_slice(b"empty"),
        None => match words::cell(&EndFacts::of(ended)) {
            Some(cell) if ascii => out.extend_from_slice(cell.replace('→', ">").replace('←', "<").as_bytes()),
            Some(cell) => out.extend_from_slice(cell.as_bytes()),
            None if matches!(ended.state, State::Closed | State::Reset) => out.extend_from_slice(b"none"),
            None => out.push(b'-'),
        },
    }
}

/// Captured text in a cell of its own.
fn cell(out: &mut Vec<u8>, look: &TableStyle, text: &str, width: usize) {
    let room = look.columns.map(|_| width);
    let mut fit = Fit { out, style: look.style(), room, ascii: look.ascii };
    fit.wire(text.as_bytes(), false);
    let left = match fit.room {
        Some(left) => left,
        None => width.saturating_sub(crate::model::width(&crate::model::safe_str(text))),
    };
    out.resize(out.len() + left, b' ');
}
