//! `wslens read`: prints the contents of captures.

use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, Instant};

use super::args::{Glyphs, InputArgs, LookArgs, Payload, ReadArgs, Time};
use super::counted;
use super::ending::{Behind, Ending, tell_unanalysed};
use super::explain::Dir;
use super::filter;
use super::keys;
use super::outputs;
use super::problem::Problem;
use super::sandbox;
use super::signals::{self, StopRequest};
use super::style::{self, Style};
use crate::capture::live::Live;
use crate::capture::{Capture, CaptureError, Input, Options};
use crate::drive;
use crate::filter::Level;
use crate::model::{Direction, Place, Severity, Tally, safe_str};
use crate::output::{Growth, Target};
use crate::pipeline::{Limits, Pipeline, Secrets, Seen, Sink as _};
use crate::report::csv::Csv;
use crate::report::junit::Junit;
use crate::report::ndjson::Ndjson;
use crate::report::sarif::Sarif;
use crate::report::table::{Table, TableStyle, TableTotals, TimeFormat};
use crate::report::{Cut, Format, Levels, PayloadMode, Report, Selection, Summary};
use crate::store;
use crate::ws::Spot;

/// The result of a run.
pub struct Outcome {
    /// The capture's totals.
    pub summary: Summary,
    /// Findings by rule.
    pub findings: Tally,
    /// Number of records printed.
    pub matched: u64,
    /// Connections without a WebSocket, by protocol.
    pub seen: Seen,
    /// Selected findings, by rule.
    pub chosen: Tally,
    /// Number of rows that the filter could not decide on.
    pub undecided: u64,
    /// The secrets that were used.
    pub secrets: Secrets,
}

/// Runs `wslens read`; returns the exit code.
///
/// # Errors
/// A [`Problem`], or an error of the writer.
pub fn run(args: &ReadArgs) -> anyhow::Result<u8> {
    let selection = selection(args)?;
    let outcome = print(&args.input, &args.look, selection, |_| {})?;
    tell_nothing_found(&args.input, &args.look, &outcome.summary, &outcome.seen, &outcome.secrets);
    filter::tell_undecided(&args.look, outcome.undecided);
    if args.look.quiet && outcome.matched == 0 {
        return Ok(1);
    }
    tell_incomplete(&args.look, &outcome.summary);
    Ok(exit_code(&outcome.summary))
}

/// Returns the exit code for the state of the input.
#[must_use]
pub fn exit_code(summary: &Summary) -> u8 {
    match summary.input_complete {
        _ if !summary.unreadable.is_empty() => 3,
        true => 0,
        false => 5,
    }
}

/// Prints a warning for each input that cannot be read, if others can.
pub fn warn_of_unreadable(unreadable: &[String]) {
    for words in unreadable {
        errln!("warning: {}; reading the other files", safe_str(words));
    }
}

/// Returns the selection of rows and payloads.
///
/// # Errors
/// A [`Problem`] if the filter is invalid.
pub fn selection(args: &ReadArgs) -> Result<Selection, Problem> {
    let mut selection = Selection {
        levels: args.level,
        payload: match args.payload {
            Payload::None => PayloadMode::None,
            Payload::Preview => PayloadMode::Preview,
            Payload::Full => PayloadMode::Full,
            Payload::Hash => PayloadMode::Hash,
        },
        connections: args.conn.clone(),
        direction: args.dir.map(direction),
        ..Selection::default()
    };
    selection.filter = args.filter.matcher(selection.levels)?;
    Ok(selection)
}

/// Returns the format given, or the default for the kind of output.
///
/// # Errors
/// A [`Problem`] if the format cannot represent the selection.
pub fn format(look: &LookArgs, selection: &Selection) -> Result<Format, Problem> {
    let to_terminal = look.output.is_none() && io::stdout().is_terminal();
    let format = look.format.unwrap_or(if to_terminal { Format::Table } else { Format::Ndjson });
    if format == Format::Csv && selection.levels == Levels::ALL {
        return Err(Problem::new(2, "level 'all' cannot be printed as CSV: its rows have different columns")
            .hint("try", "--format ndjson, or one --level at a time"));
    }
    if matches!(format, Format::Sarif | Format::Junit) && selection.levels != Levels::FINDINGS {
        return Err(Problem::new(2, "SARIF and JUnit can only contain findings")
            .hint("try", "wslens check FILE --format sarif"));
    }
    Ok(format)
}

/// Reads captures and prints the selected rows.
///
/// # Errors
/// A [`Problem`], or an error of the writer.
pub fn print(
    input: &InputArgs,
    look: &LookArgs,
    mut selection: Selection,
    adjust: impl FnOnce(&mut Limits),
) -> anyhow::Result<Outcome> {
    let format = format(look, &selection)?;
    let growth = if outputs::is_endless(input) { Growth::Growing } else { Growth::Finite };
    let rows = if look.quiet { None } else { Some(outputs::rows(look, &outputs::inputs(input), growth)?) };
    sandbox::enter(&sandbox::printing(input, look.output.as_deref()));
    let mut limits = limits(input, &selection, look.quiet)?;
    adjust(&mut limits);
    if let Some(matcher) = &selection.filter {
        selection.longest = Some(usize::try_from(limits.depth.keep).unwrap_or(usize::MAX));
        filter::deepen(&mut limits, matcher);
    }
    let reads_stdin = input.all().any(|path| path.as_os_str() == "-");
    let asked = if reads_stdin { Some(signals::listen(None)?) } else { None };
    let mut capture = match open_until(input, asked.as_ref()) {
        Ok(capture) => capture,
        Err(error) => {
            if format == Format::Ndjson
                && let Some(rows) = rows
            {
                let _ = tell_unreadable(&error, rows.writer(), selection);
                let _ = rows.finish(look.force);
            }
            return Err(Problem::from(error).into());
        }
    };
    warn_of_unreadable(capture.unreadable());
    if let Some(matcher) = selection.filter.as_mut().filter(|matcher| matcher.needs_survey()) {
        filter::survey(input, look, &limits, matcher)?;
    }
    let mut limits = if reads_stdin { limits.live() } else { limits };
    input.limits.apply_times(&mut limits);
    write(&mut capture, limits, look, selection, format, asked.as_ref(), rows)
}

/// Prints the selected rows of a capture. `live`: prints each row at once, until a signal arrives. `rows`: the output;
/// `None` prints nothing.
///
/// # Errors
/// A [`Problem`], or an error of the writer.
pub fn write(
    capture: &mut Capture,
    limits: Limits,
    look: &LookArgs,
    selection: Selection,
    format: Format,
    live: Option<&StopRequest>,
    rows: Option<Target>,
) -> anyhow::Result<Outcome> {
    let cut = Cut { kept: limits.depth.keep, ..Cut::default() };
    let selection = Selection { most: Some(limits.findings), cut, ..selection };
    let asked = live;
    let live = live.is_some();
    let out: Box<dyn Write> = match &rows {
        None => Box::new(io::sink()),
        Some(rows) => rows.writer(),
    };
    let outcome = match format {
        Format::Ndjson => write_report(capture, limits, Ndjson::new(out, selection, live), look, asked),
        Format::Csv => write_report(capture, limits, Csv::new(out, selection, live), look, asked),
        Format::Sarif => {
            let names = capture.source_names().map(str::to_owned).collect();
            write_report(capture, limits, Sarif::new(out, selection, names)?, look, asked)
        }
        Format::Junit => {
            let name = format!("wslens check {}", capture.source_names().collect::<Vec<_>>().join(" "));
            write_report(capture, limits, Junit::new(out, selection, &name)?, look, asked)
        }
        // The option accepts none of the last five.
        Format::Table | Format::Text | Format::Markdown | Format::Mermaid | Format::Raw | Format::Pcapng => {
            let level = selection.levels;
            let outcome = write_report(
                capture,
                limits,
                Table::new(out, selection, table_look(look), live),
                look,
                asked,
            )?;
            if !look.quiet && level != Levels::FINDINGS && outcome.summary.totals.websockets > 0 {
                errln!("{}", TableTotals::new(outcome.matched, level, &outcome.summary));
            }
            Ok(outcome)
        }
    }?;
    if let Some(rows) = rows {
        rows.finish(look.force).map_err(|error| outputs::problem(error, 2))?;
    }
    Ok(outcome)
}

/// Returns the names of the captures as given.
fn names(input: &InputArgs) -> Vec<String> {
    input.all().map(|path| path.display().to_string()).collect()
}

/// Returns the table style for the output.
#[must_use]
pub fn table_look(look: &LookArgs) -> TableStyle {
    let to_terminal = look.output.is_none() && io::stdout().is_terminal();
    TableStyle {
        color: Style::stdout(look.color).color && look.output.is_none(),
        columns: to_terminal.then(style::terminal_columns),
        time: match look.time {
            Time::Rel => TimeFormat::Rel,
            Time::Abs => TimeFormat::Abs,
            Time::Utc => TimeFormat::Utc,
            Time::Epoch => TimeFormat::Epoch,
            Time::Delta => TimeFormat::Delta,
        },
        zone: jiff::tz::TimeZone::system(),
        ascii: ascii(look.glyphs),
    }
}

/// Opens the captures.
///
/// # Errors
/// If a capture cannot be opened.
pub fn open(input: &InputArgs) -> Result<Capture, CaptureError> {
    open_until(input, None)
}

/// Opens the captures; a signal ends pipes.
fn open_until(input: &InputArgs, asked: Option<&StopRequest>) -> Result<Capture, CaptureError> {
    let inputs: Vec<Input> = input.all().cloned().map(Input::from).collect();
    let mut options = Options {
        no_mmap: input.no_mmap,
        max_unpacked: input.limits.max_unpacked,
        waits: Some(super::report_waiting),
        ..Options::default()
    };
    if let Some(memory) = input.limits.mem_total {
        options.spool_len = options.spool_len.min(usize::try_from(memory).unwrap_or(usize::MAX));
    }
    #[cfg(unix)]
    {
        options.stop = asked.and_then(StopRequest::stop);
    }
    Capture::open(&inputs, &options)
}

/// How a command that keeps rows in memory opens its captures. `memory`: bytes for those rows, if they are bounded.
#[must_use]
pub fn session_options(input: &InputArgs, limits: Limits, memory: Option<usize>) -> store::Options {
    store::Options {
        no_mmap: input.no_mmap,
        max_unpacked: input.limits.max_unpacked,
        waits: Some(super::report_waiting),
        limits,
        memory,
        ..store::Options::default()
    }
}

/// Returns the limits of the analysis, with the TLS secrets.
///
/// # Errors
/// If a key log cannot be read.
pub fn limits(input: &InputArgs, selection: &Selection, quiet: bool) -> Result<Limits, Problem> {
    Ok(Limits { secrets: keys::load(input, quiet)?, ..bounds(input, selection) })
}

/// Returns the limits of the analysis, without TLS secrets.
#[must_use]
pub fn bounds(input: &InputArgs, selection: &Selection) -> Limits {
    let mut limits = Limits::default();
    input.limits.apply(&mut limits);
    limits.guess = !input.no_guess;
    limits.ws_ports.clone_from(&input.ws_port);
    limits.depth.hash = selection.payload == PayloadMode::Hash;
    limits.depth.frames = selection.shows(Level::Frame);
    limits.depth.frame_payloads = limits.depth.frames && selection.payload != PayloadMode::None;
    limits
}

/// Runs a capture into a report, with progress on standard error. `asked`: stops a capture that does not end by itself;
/// buffered packets are still analyzed for up to [`GRACE`].
///
/// # Errors
/// Those of the writer.
pub fn write_report<R: Report>(
    capture: &mut Capture,
    limits: Limits,
    mut report: R,
    look: &LookArgs,
    asked: Option<&StopRequest>,
) -> anyhow::Result<Outcome> {
    let secrets = limits.secrets.clone();
    let live = capture.live();
    let mut ending = Ending::default();
    let mut behind = Behind::default();
    let mut pipeline = Pipeline::new(limits);
    for (rule, text) in keys::findings(&secrets) {
        pipeline.report_capture(&mut report, rule, format_args!("{text}"));
    }
    let mut progress = ProgressLine::new(look.quiet);
    let mut summary = drive::run(capture, &mut pipeline, &mut report, |capture, report| {
        progress.show(capture);
        if let Some(live) = live.as_ref().filter(|_| !look.quiet) {
            behind.look(live);
        }
        let is_over = asked.is_some_and(StopRequest::is_true) || live.as_ref().is_some_and(Live::is_to_stop);
        !(report.failed() || is_over && ending.is_due())
    });
    if ending.is_cut {
        summary.input_complete = false;
        tell_unanalysed(live.as_ref(), &summary, look.quiet);
    }
    progress.clear();
    if let Some((rule, text)) = keys::unused(&secrets, pipeline.seen().tls) {
        pipeline.report_capture(&mut report, rule, format_args!("{text}"));
        summary.totals = pipeline.totals();
    }
    if !look.quiet {
        note_cut(report.selection());
    }
    let unlisted = report.selection().unlisted();
    if unlisted > 0 && !look.quiet {
        errln!(
            "note: {unlisted} more findings are counted but not listed; raise --max-findings to list them"
        );
    }
    let matched = report.matched();
    let chosen = report.selection().chosen.clone();
    let undecided = report.selection().filter.as_ref().map_or(0, |filter| filter.undecided());
    report.finish(&summary)?;
    let (findings, seen) = (summary.totals.findings.clone(), pipeline.seen().clone());
    Ok(Outcome { findings, summary, matched, seen, chosen, undecided, secrets })
}

/// Prints how many messages were truncated, and the option that prints them completely.
fn note_cut(selection: &Selection) {
    let Cut { messages, frames, longest, .. } = selection.cut;
    let what = match (messages, frames) {
        (0, 0) => return,
        (0, frames) => counted(frames, "frame"),
        (messages, _) => counted(messages, "message"),
    };
    let kept = selection.kept();
    errln!(
        "note: {what} of up to {longest} bytes: only the first {kept} bytes are printed; --keep {longest} prints everything"
    );
}

/// Reports an unreadable input as a finding with a summary.
fn tell_unreadable(error: &CaptureError, out: Box<dyn Write>, selection: Selection) -> io::Result<()> {
    let mut report = Ndjson::new(out, selection, false);
    let mut findings = Tally::default();
    if error.is_about_bytes() {
        let rule = &crate::capture::rules::BAD_MAGIC;
        findings.add(rule);
        report.finding(
            None,
            rule,
            Spot { place: Place::default(), ..Spot::default() },
            format_args!("{error}"),
        );
    }
    let mut summary = Summary::default();
    summary.totals.findings = findings;
    report.finish(&summary)
}

/// Prints what the captures contain if there is no WebSocket.
pub fn tell_nothing_found(
    input: &InputArgs,
    look: &LookArgs,
    summary: &Summary,
    seen: &Seen,
    secrets: &Secrets,
) {
    let totals = &summary.totals;
    if look.quiet {
        return;
    }
    let is_unused = keys::tell_unused(secrets, seen.tls);
    if totals.websockets > 0 {
        return;
    }
    let names: Vec<String> = names(input).iter().map(|name| safe_str(name).into_owned()).collect();
    errln!(
        "note: no WebSocket connection found in {} ({}, {})",
        names.join(", "),
        counted(summary.packets, "packet"),
        counted(totals.tcp_connections, "TCP connection")
    );
    let Seen { tls, http, http2, unknown, cut, .. } = seen;
    let mut seen = keys::decrypted(secrets);
    let needs_key_log = !is_unused && seen.is_empty();
    for (count, what) in [
        (tls, "TLS (a wss:// WebSocket would be inside)"),
        (http, "HTTP without a WebSocket"),
        (http2, "HTTP/2"),
        (unknown, "other protocols, or connections that began before the capture"),
    ] {
        if *count > 0 {
            seen.push(format!("{count} {what}"));
        }
    }
    for (reason, count) in &summary.skipped {
        seen.push(format!("{} skipped: {reason}", counted(*count, "packet")));
    }
    if !seen.is_empty() {
        errln!("  seen: {}", seen.join(", "));
    }
    if cut.count > 0 {
        errln!(
            "  {} of {} packets are truncated at {} bytes, so opening handshakes may be incomplete: capture with -s 0",
            cut.count,
            summary.packets,
            cut.most
        );
    }
    if *tls > 0 && needs_key_log {
        keys::tell_how();
    }
}

/// Prints a warning if a capture is incomplete, since its findings may not be printed.
pub fn tell_incomplete(look: &LookArgs, summary: &Summary) {
    let damaged = summary.totals.findings.iter().any(|(rule, _)| rule.code.starts_with("capture-"));
    if summary.input_complete || look.quiet || !damaged {
        return;
    }
    let found = summary.totals.findings.iter().filter(|(rule, _)| rule.code.starts_with("capture-"));
    let codes: Vec<&str> = found.map(|(rule, _)| rule.code).collect();
    errln!(
        "warning: the input ends early or is damaged ({}); {} packets were read. For details: --level findings",
        codes.join(", "),
        summary.packets
    );
}

/// Counts the findings at or above a severity, for the exit code.
#[must_use]
pub fn count_from(findings: &Tally, selection: &Selection, least: Severity) -> u64 {
    findings
        .iter()
        .filter(|(rule, _)| rule.severity >= least && selection.shows_rule(rule))
        .map(|(_, count)| count)
        .sum()
}

fn direction(dir: Dir) -> Direction {
    match dir {
        Dir::C2s => Direction::ClientToServer,
        Dir::S2c => Direction::ServerToClient,
    }
}

/// Returns whether to print ASCII characters only.
#[must_use]
pub fn ascii(glyphs: Glyphs) -> bool {
    match glyphs {
        Glyphs::Ascii | Glyphs::Plain => true,
        Glyphs::Unicode => false,
        Glyphs::Auto => {
            let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
                .iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
                .unwrap_or_default()
                .to_ascii_lowercase();
            let utf8 = locale.is_empty() || locale.contains("utf-8") || locale.contains("utf8");
            !utf8 || std::env::var("TERM").is_ok_and(|term| term == "linux")
        }
    }
}

/// One line on standard error, only on a terminal, only after half a second.
pub struct ProgressLine {
    start: Instant,
    next: Duration,
    shown: bool,
    off: bool,
}

impl ProgressLine {
    /// A line that is not shown yet.
    pub fn new(quiet: bool) -> Self {
        let off = quiet || !io::stderr().is_terminal() || io::stdout().is_terminal();
        Self { start: Instant::now(), next: Duration::from_millis(500), shown: false, off }
    }

    /// Shows how far reading came.
    pub fn show(&mut self, capture: &Capture) {
        if self.off || self.start.elapsed() < self.next {
            return;
        }
        self.next = self.start.elapsed() + Duration::from_millis(100);
        self.shown = true;
        let packets = capture.totals().packets;
        match capture.progress() {
            Some((done, total)) if total > 0 => {
                err!("\r\x1b[Kreading: {} %, {packets} packets", done.saturating_mul(100) / total);
            }
            _ => err!("\r\x1b[Kreading: {packets} packets"),
        }
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if self.shown {
            err!("\r\x1b[K");
        }
    }
}
