//! `wslens handshake`: shows the opening handshakes of a capture, or computes the accept value of a key.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Arguments;
use std::io::{self, BufWriter, Write};

use super::args::{Glyphs, InputArgs, LangArg, LookArgs};
use super::problem::Problem;
use super::style::{ColorWhen, Style};
use super::{read, sandbox};
use crate::autopsy::{EndFacts, words};
use crate::drive;
use crate::explain::handshake::{write_check, write_steps};
use crate::explain::opening::{HandshakeView, Note, Other, crossed, write_opening};
use crate::http::{accept_for, likely_mistake, rules};
use crate::model::{Accept, Lang, Rule, Time, WebSocketId};
use crate::pipeline::{Connection, Ended, HeadPlace, Pipeline, Sink, State, Wants};
use crate::report::{Levels, Selection};
use crate::ws::Spot;

const EXAMPLES: &str = "\
Examples:
  wslens handshake chat.pcapng              explains every opening handshake line by line
  wslens handshake day.pcap.gz --conn 3
  tcpdump -i lo -U -w - 'tcp port 8080' | wslens handshake -
  wslens handshake --key dGhlIHNhbXBsZSBub25jZQ==
  wslens handshake --key c3SkgVxVCDhVCp69PJFf3A== --accept yA9O5xGLp8SbwCV//OepMPw7pEI=

Symbols: ✓ correct, ✗ breaks a rule, ! suspicious, · explanation only. Connections are printed in the
order in which they end.

Exit codes: 0 success or the values match, 1 an accept value is wrong or missing, 2 a usage error,
3 the capture cannot be read, 5 it ends early or is damaged. A refused or unanswered handshake does
not change the exit code.";

/// Shows the opening handshakes of a capture step by step, or computes and checks Sec-WebSocket-Accept.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct HandshakeArgs {
    /// Value of the request's Sec-WebSocket-Key
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Value of the response's Sec-WebSocket-Accept, to check against --key
    #[arg(long, value_name = "ACCEPT")]
    pub accept: Option<String>,
    /// Show only connection N (may be repeated)
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub conn: Vec<u32>,
    /// When to use color; NO_COLOR and CLICOLOR_FORCE are honored
    #[arg(long, value_name = "WHEN", help_heading = "Output")]
    pub color: Option<ColorWhen>,
    /// Character set for arrows and symbols
    #[arg(long, value_name = "SET", default_value = "auto", help_heading = "Output")]
    pub glyphs: Glyphs,
    /// Language of explanations [default: the language of the locale]
    #[arg(long, value_name = "LANG", help_heading = "Output")]
    pub lang: Option<LangArg>,
    /// Options of the input.
    #[command(flatten)]
    pub input: InputArgs,
}

/// Runs `wslens handshake`; returns the exit code.
///
/// # Errors
/// A `Problem`, or an error of `out`.
pub fn run(args: &HandshakeArgs, out: &mut dyn Write, style: &Style) -> anyhow::Result<u8> {
    let style = &args.color.map_or(*style, Style::stdout);
    let captures = args.input.all().next().is_some();
    match (&args.key, &args.accept) {
        (None, None) if captures => show(args, out, style),
        (Some(key), Some(accept)) if !captures && args.conn.is_empty() => {
            Ok(u8::from(!write_check(out, key.as_bytes(), accept.as_bytes(), style, LangArg::of(args.lang))?))
        }
        (Some(key), None) if !captures && args.conn.is_empty() => {
            write_steps(out, key.as_bytes(), style, LangArg::of(args.lang))?;
            Ok(0)
        }
        (key, accept) => Err(misused(captures, key.is_some(), accept.is_some()).into()),
    }
}

/// Returns the error for options that cannot be combined.
fn misused(captures: bool, key: bool, accept: bool) -> Problem {
    let (what, why, usage) = match (captures, key, accept) {
        (true, ..) => (
            "a capture cannot be combined with --key or --accept",
            "wslens reads the keys and accept values from the capture",
            "wslens handshake FILE, or wslens handshake --key KEY --accept ACCEPT",
        ),
        (false, true, _) => (
            "--conn needs a capture",
            "--key works on a value, not on a connection",
            "wslens handshake FILE --conn N",
        ),
        (false, false, true) => (
            "--accept needs --key",
            "an accept value can be checked only against the key it was computed from",
            "wslens handshake --key KEY --accept ACCEPT, or wslens explain with all headers",
        ),
        (false, false, false) => (
            "no capture and no key was given",
            "wslens shows the handshakes of a capture, or the accept value of a key",
            "wslens handshake FILE, or wslens handshake --key KEY",
        ),
    };
    Problem::new(2, what).hint("why", why).hint("try", usage)
}

/// Prints the handshakes of captures.
fn show(args: &HandshakeArgs, out: &mut dyn Write, style: &Style) -> anyhow::Result<u8> {
    sandbox::enter(&sandbox::printing(&args.input, None));
    let mut limits =
        read::limits(&args.input, &Selection { levels: Levels::CONNECTIONS, ..Selection::default() }, false)?;
    (limits.depth.payloads, limits.depth.frames) = (false, false);
    let mut capture = read::open(&args.input).map_err(Problem::from)?;
    read::warn_of_unreadable(capture.unreadable());
    let secrets = limits.secrets.clone();
    let mut pipeline = Pipeline::new(limits);
    let mut sink = Openings {
        out: BufWriter::new(out),
        failed: None,
        live: args.input.all().any(|path| path.as_os_str() == "-"),
        style: *style,
        ascii: read::ascii(args.glyphs),
        lang: LangArg::of(args.lang),
        chosen: args.conn.clone(),
        begin: Time::default(),
        notes: HashMap::new(),
        keys: Keys::default(),
        unexplained: VecDeque::new(),
        shown: HashSet::new(),
        wrong: false,
    };
    let mut progress = read::ProgressLine::new(false);
    let summary = drive::run(&mut capture, &mut pipeline, &mut sink, |capture, sink| {
        progress.show(capture);
        sink.failed.is_none() && !sink.is_done()
    });
    progress.clear();
    if let Some(error) = sink.failed {
        return Err(error.into());
    }
    sink.out.flush()?;
    read::tell_nothing_found(&args.input, &LookArgs::default(), &summary, pipeline.seen(), &secrets);
    let websockets = summary.totals.websockets;
    for number in args.conn.iter().filter(|number| websockets > 0 && !sink.shown.contains(*number)) {
        errln!("note: there is no connection {number}; the capture has connections 1 to {websockets}");
    }
    Ok(if sink.wrong { 1 } else { read::exit_code(&summary) })
}

/// Accept values of the latest keys, to find out whose value was sent to the wrong connection.
#[derive(Debug, Default)]
struct Keys {
    owners: HashMap<String, (WebSocketId, Other)>,
    order: VecDeque<String>,
}

impl Keys {
    /// A key is 200 bytes here; connections that are crossed are open at the same time.
    const MOST: usize = 8192;

    /// Takes a connection's key; the first to send a key owns it.
    fn take(&mut self, accept: &str, id: WebSocketId, packet: u64) {
        if self.owners.contains_key(accept) {
            return;
        }
        if self.order.len() >= Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.owners.remove(&oldest);
        }
        self.order.push_back(accept.to_owned());
        self.owners.insert(accept.to_owned(), (id, Other { number: id.0, packet }));
    }

    /// Another connection for whose key this is the right value.
    fn owner(&self, accept: &str, but: WebSocketId) -> Option<Other> {
        self.owners.get(accept).filter(|(id, _)| *id != but).map(|(_, other)| *other)
    }
}

/// Prints each handshake as its connection ends.
struct Openings<'a> {
    out: BufWriter<&'a mut dyn Write>,
    failed: Option<io::Error>,
    live: bool,
    style: Style,
    ascii: bool,
    lang: Lang,
    chosen: Vec<u32>,
    begin: Time,
    notes: HashMap<WebSocketId, Vec<Note>>,
    keys: Keys,
    /// Wrong values that were printed without a reason: their key may come later.
    unexplained: VecDeque<(WebSocketId, String)>,
    shown: HashSet<u32>,
    wrong: bool,
}

/// Wrong values for whose keys is looked later.
const UNEXPLAINED: usize = 1000;

impl Openings<'_> {
    fn is_chosen(&self, connection: &Connection) -> bool {
        self.chosen.is_empty() || self.chosen.contains(&connection.id.0)
    }

    /// Whether all that was asked for is printed.
    fn is_done(&self) -> bool {
        !self.chosen.is_empty()
            && self.unexplained.is_empty()
            && self.chosen.iter().all(|number| self.shown.contains(number))
    }

    fn keep(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
    }

    /// Remembers a connection's key, and explains what was wrong without it.
    fn learn(&mut self, connection: &Connection) {
        let Some(accept) = expected(connection) else { return };
        let packet = connection.first.packet;
        self.keys.take(&accept, connection.id, packet);
        let other = Other { number: connection.id.0, packet };
        while let Some(at) =
            self.unexplained.iter().position(|(id, sent)| *id != connection.id && *sent == accept)
        {
            let Some((id, _)) = self.unexplained.remove(at) else { break };
            let told = writeln!(
                self.out,
                "conn {id}  about its Sec-WebSocket-Accept: {}\n",
                crossed(other, self.lang)
            );
            self.keep(told);
        }
    }

    fn print(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        let connection = ended.connection;
        let (id, handshake) = (connection.id, &connection.handshake);
        let notes = self.notes.remove(&id).unwrap_or_default();
        let mut accept_of = None;
        if handshake.accept == Accept::Wrong
            && let (Some(key), Some(sent)) = (header(connection, true), header(connection, false))
        {
            let sent = String::from_utf8_lossy(sent).into_owned();
            accept_of = self.keys.owner(&sent, id);
            if accept_of.is_none() && likely_mistake(key, sent.as_bytes()).is_none() && sent.len() <= 64 {
                if self.unexplained.len() >= UNEXPLAINED {
                    self.unexplained.pop_front();
                }
                self.unexplained.push_back((id, sent));
            }
        }
        let places = |place: HeadPlace| (place.first, place.last);
        let unanswered = match (&handshake.foreign, ended.state) {
            (Some(foreign), _) => {
                format!(
                    "{}{}",
                    self.lang.pick("not HTTP/1.1: ", "不是 HTTP/1.1："),
                    foreign.describe(self.lang)
                )
            }
            (None, State::Unanswered) => words::unanswered(&EndFacts::of(ended)).brief(self.lang),
            (None, _) => self.lang.pick("none captured", "没有抓到").to_owned(),
        };
        let opening = HandshakeView {
            number: id.0,
            url: &connection.name(self.lang),
            client: connection.client,
            server: connection.server,
            proxied: connection.proxied,
            tunnelled: connection.tunnelled,
            stream_id: connection.stream_id,
            handshake,
            request: connection.request.map(places),
            response: connection.response.map(places),
            begin: self.begin,
            unanswered: &unanswered,
            notes: &notes,
            accept_of,
            key_of: expected(connection).and_then(|accept| self.keys.owner(&accept, id)),
            lang: self.lang,
        };
        write_opening(&mut self.out, &opening, &self.style, self.ascii)?;
        if self.live { self.out.flush() } else { Ok(()) }
    }
}

impl Sink for Openings<'_> {
    fn wants(&self) -> Wants {
        Wants { heads: true, ..Wants::default() }
    }

    fn begins(&mut self, first: Time) {
        self.begin = first;
    }

    fn opened(&mut self, connection: &Connection) {
        self.learn(connection);
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: Arguments<'_>,
    ) {
        // All other rules of the handshake show in the heads themselves.
        let unseen =
            [&rules::DATA_BEFORE_HANDSHAKE, &rules::HTTP_HEADER_TOO_LARGE, &rules::CREDENTIALS_IN_CLEAR];
        if let Some(connection) = connection.filter(|connection| self.is_chosen(connection))
            && unseen.contains(&rule)
        {
            let note = Note { rule, side: spot.direction, text: text.to_string() };
            self.notes.entry(connection.id).or_default().push(note);
        }
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        let connection = ended.connection;
        self.learn(connection);
        if self.failed.is_some() || !self.is_chosen(connection) {
            return;
        }
        self.wrong |= matches!(connection.handshake.accept, Accept::Wrong | Accept::Missing);
        if !self.chosen.is_empty() {
            self.shown.insert(connection.id.0);
        }
        let printed = self.print(ended);
        self.keep(printed);
    }
}

/// The first key of the request, or the first accept value of the response.
fn header(connection: &Connection, key: bool) -> Option<&[u8]> {
    let Connection { handshake, .. } = connection;
    match key {
        true => handshake.request.as_ref()?.value("Sec-WebSocket-Key"),
        false => handshake.response.as_ref()?.value("Sec-WebSocket-Accept"),
    }
}

/// The right accept value for a connection's key.
fn expected(connection: &Connection) -> Option<String> {
    header(connection, true).map(accept_for)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_is_exit_code_1() {
        let run_on = |accept: Option<&str>| {
            let key = Some("dGhlIHNhbXBsZSBub25jZQ==".to_owned());
            let args = HandshakeArgs { key, accept: accept.map(str::to_owned), ..HandshakeArgs::default() };
            run(&args, &mut Vec::new(), &Style::PLAIN).unwrap()
        };
        assert_eq!(run_on(None), 0);
        assert_eq!(run_on(Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")), 0);
        assert_eq!(run_on(Some("wrong")), 1);
    }

    #[test]
    fn exactly_one_of_the_two_forms_is_allowed() {
        let word = || Some("x".to_owned());
        let file = InputArgs { files: vec!["x.pcap".into()], ..InputArgs::default() };
        let base = HandshakeArgs::default;
        for (args, word) in [
            (base(), "no capture and no key"),
            (HandshakeArgs { accept: word(), ..base() }, "needs --key"),
            (HandshakeArgs { conn: vec![1], ..base() }, "no capture and no key"),
            (HandshakeArgs { key: word(), conn: vec![1], ..base() }, "--conn needs"),
            (HandshakeArgs { key: word(), input: file.clone(), ..base() }, "cannot be combined"),
            (HandshakeArgs { accept: word(), input: file.clone(), ..base() }, "cannot be combined"),
        ] {
            let error = run(&args, &mut Vec::new(), &Style::PLAIN).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
            assert_eq!(error.downcast::<Problem>().unwrap().code, 2);
        }
    }

    #[test]
    fn keys_are_remembered_up_to_a_bound_and_belong_to_the_first() {
        let mut keys = Keys::default();
        for n in 1..=2 * Keys::MOST as u32 {
            keys.take(&format!("{n}"), WebSocketId(n), u64::from(n));
        }
        assert_eq!((keys.owners.len(), keys.order.len()), (Keys::MOST, Keys::MOST));
        assert_eq!(keys.owner("1", WebSocketId(9)), None);
        let last = 2 * Keys::MOST as u32;
        keys.take(&last.to_string(), WebSocketId(7), 7);
        let other = Other { number: last, packet: u64::from(last) };
        assert_eq!(keys.owner(&last.to_string(), WebSocketId(7)), Some(other));
        assert_eq!(keys.owner(&last.to_string(), WebSocketId(last)), None);
    }
}
