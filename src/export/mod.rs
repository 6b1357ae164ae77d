//! Files made of a capture: messages as NDJSON, CSV, Markdown, Mermaid or raw bytes; a connection's packets as pcapng.
//!
//! ```text
//! Job ──► run: captures ──► pipeline ──► report ──► a file beside its place ──► its place
//!         pcapng: packets of the session ──────────┘
//! ```
//!
//! Messages are read again from the captures, so that they are the same as those that `wslens read` prints. A file
//! stands in its place when it is complete, and takes the place of another only where that was asked for.

mod raw;
mod row;
#[cfg(test)]
mod tests;

pub use row::ndjson_row;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::capture::{self, Capture, CaptureError, Input, View};
use crate::filter::{Matcher, parse};
use crate::model::{Rule, Time};
use crate::output::{Growth, Inputs, OutputError, Target};
use crate::pipeline::{Connection, Ended, KeyLines, Limits, Pipeline, Sink, Wants};
use crate::report::ndjson::Ndjson;
use crate::report::pcapng::Pcapng;
use crate::report::records::Csv;
use crate::report::transcript::{Form, Transcript};
use crate::report::{Report, Selection};
use crate::store::{self, Packets, Session};
use crate::ws::{FrameEvent, MessageEvent, Spot};

/// Bytes of a message that are exported; more are marked as cut.
const LONGEST: u64 = 64 << 20;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values, safe for spreadsheets.
    Csv,
    /// The bytes as the application had them: a message in a file, several in a folder.
    Raw,
    /// To read.
    Markdown,
    /// A sequence diagram.
    Mermaid,
    /// Packets.
    Pcapng,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ndjson, Self::Csv, Self::Raw, Self::Markdown, Self::Mermaid, Self::Pcapng];

    /// The end of a file's name, with its point; empty for a folder's.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ndjson => ".ndjson",
            Self::Csv => ".csv",
            Self::Raw => "",
            Self::Markdown => ".md",
            Self::Mermaid => ".mmd",
            Self::Pcapng => ".pcapng",
        }
    }
}

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// These messages: connection and number, in growing order.
    Messages(Vec<(u32, u64)>),
    /// Messages that a filter chooses, of one connection or of all.
    Filter(String, Option<u32>),
    /// A connection.
    Connection(u32),
    /// Everything.
    All,
}

impl What {
    /// A file's name for it, made of numbers only.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Messages(list) => match list.as_slice() {
                [(connection, message)] => format!("wslens-c{connection}-m{message}"),
                _ => "wslens-marked".to_owned(),
            },
            Self::Filter(_, Some(connection)) => format!("wslens-c{connection}-filter"),
            Self::Filter(_, None) => "wslens-filter".to_owned(),
            Self::Connection(connection) => format!("wslens-c{connection}"),
            Self::All => "wslens-all".to_owned(),
        }
    }

    /// Whether a file of this form can be made of it.
    #[must_use]
    pub fn fits(&self, format: Format) -> bool {
        match format {
            Format::Pcapng | Format::Mermaid => matches!(self, Self::Connection(_)),
            _ => true,
        }
    }
}

/// An export that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What.
    pub what: What,
    /// In which form.
    pub format: Format,
    /// Where to.
    pub path: PathBuf,
    /// A file that is there may be replaced. A folder never is.
    pub replace: bool,
}

/// Where captures are read from again.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The captures.
    pub inputs: Vec<Input>,
    /// Files are read and not mapped.
    pub no_mmap: bool,
    /// Bounds of the engine, as for the session.
    pub limits: Limits,
    /// Files of packets hold the secrets of their TLS connection.
    pub embed_keys: bool,
    /// Files that are read, or written: no export may replace them.
    pub reads: Inputs,
}

/// How far an export came, and whether it is to go on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes read, or packets written.
    pub done: AtomicU64,
    /// Of how many; 0 where that is not known.
    pub total: AtomicU64,
    /// Set to end it.
    pub cancel: AtomicBool,
}

impl Progress {
    fn goes_on(&self, done: u64, total: u64) -> bool {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        !self.cancel.load(Ordering::Relaxed)
    }
}

/// What came of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Records, packets or files that were written.
    pub count: u64,
    /// What they are, as one word for one of them.
    pub name: &'static str,
    /// Packets whose bytes are gone, messages that the format could not hold whole.
    pub lost: u64,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Something else has this name.
    #[error("there is one of this name already")]
    Exists,
    /// It was cancelled.
    #[error("cancelled: nothing was written")]
    Cancelled,
    /// There is nothing to write.
    #[error("there is nothing to write")]
    Nothing,
    /// The capture cannot be read twice.
    #[error("a pipe can be read only once: save the capture to a file first")]
    Once,
    /// The capture cannot be read again.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The filter is none.
    #[error("the filter is not understood")]
    Filter,
    /// The file is one of the captures, a directory, or cannot be written.
    #[error(transparent)]
    Output(OutputError),
    /// Writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<OutputError> for ExportError {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Exists(_) | OutputError::Directory(_) => Self::Exists,
            error => Self::Output(error),
        }
    }
}

/// An export that can be done on any thread.
#[derive(Debug)]
pub struct Task {
    /// What was asked for.
    pub job: Job,
    source: Source,
    packets: Option<(Packets, View)>,
    /// The secrets of the connection, where they are to be written.
    secrets: KeyLines,
}

impl Task {
    /// Takes along what the job needs of the session: the places of a connection's packets.
    #[must_use]
    pub fn new(session: &Session, source: &Source, job: Job) -> Self {
        let packets = match (job.format, &job.what) {
            (Format::Pcapng, What::Connection(connection)) => {
                session.packets_of(*connection).map(|packets| (packets, session.bytes()))
            }
            _ => None,
        };
        let random = match &job.what {
            What::Connection(number) if source.embed_keys => session
                .index()
                .connection(*number)
                .and_then(|row| row.tls.as_ref())
                .and_then(|tls| tls.client_random),
            _ => None,
        };
        let secrets = random.map_or_else(KeyLines::default, |random| source.limits.secrets.lines_of(&random));
        Self { job, source: source.clone(), packets, secrets }
    }

    /// Does it. Packets come from the session, messages from the captures.
    ///
    /// # Errors
    /// See [`ExportError`]; no file is left behind then.
    pub fn run(self, progress: &Progress) -> Result<Done, ExportError> {
        match (self.packets, self.job.format) {
            (Some((packets, bytes)), _) => {
                slice(packets, &bytes, &self.job, &self.secrets, &self.source.reads, progress)
            }
            (None, Format::Pcapng) => Err(ExportError::Nothing),
            (None, _) => messages(&self.source, &self.job, progress),
        }
    }
}

/// The packets of a connection.
fn slice(
    packets: Packets,
    bytes: &View,
    job: &Job,
    secrets: &KeyLines,
    reads: &Inputs,
    progress: &Progress,
) -> Result<Done, ExportError> {
    let total = packets.total();
    write_file(job, reads, |out| {
        let mut file = Pcapng::new(out)?;
        if !secrets.is_empty() {
            file.secrets(secrets)?;
        }
        for (at, packet) in packets.enumerate() {
            if at % 1024 == 0 && !progress.goes_on(at as u64, total) {
                return Err(ExportError::Cancelled);
            }
            file.packet(&packet, bytes)?;
        }
        let (count, lost) = file.finish()?;
        if count == 0 {
            return Err(ExportError::Nothing);
        }
        // Of a connection with very many packets, not all places are kept.
        let missing = total.saturating_sub(count).max(lost);
        Ok(Done { count, name: "packet", lost: missing })
    })
}

/// Messages in any form.
fn messages(source: &Source, job: &Job, progress: &Progress) -> Result<Done, ExportError> {
    if source.inputs.iter().any(|input| !is_file(input)) {
        return Err(ExportError::Once);
    }
    let mut selection = Selection::default();
    let mut only = None;
    match &job.what {
        What::Messages(list) => {
            selection.connections = list.iter().map(|(connection, _)| *connection).collect();
            selection.connections.dedup();
            only = Some(list.clone());
        }
        What::Filter(text, connection) => {
            selection.connections.extend(*connection);
            let filter = parse(text).map_err(|_| ExportError::Filter)?;
            if !filter.is_empty() {
                selection.filter = Some(Box::new(Matcher::new(filter, selection.levels())));
            }
        }
        What::Connection(connection) => selection.connections.push(*connection),
        What::All => {}
    }
    let mut limits = source.limits.clone();
    let depth = &mut limits.depth;
    depth.payloads = true;
    depth.frame_payloads = false;
    depth.keep = depth.keep.max(LONGEST);
    if let Some(matcher) = &mut selection.filter {
        let needs = matcher.needs();
        depth.hash |= needs.hash;
        depth.frames |= needs.frames;
        depth.frame_payloads |= needs.frame_payloads;
        if matcher.needs_survey() {
            let survey =
                |limits: Limits, matcher: &mut Matcher| read(source, limits, &mut matcher.survey(), progress);
            survey(limits.clone(), matcher)?;
        }
    }
    let one = only.as_ref().is_some_and(|only| only.len() == 1);
    match job.format {
        Format::Raw if one => write_file(job, &source.reads, |out| {
            through(source, limits, raw::One::new(out, selection), only, progress)
        }),
        Format::Raw => raw::folder(&job.path, |folder| {
            through(source, limits, raw::Files::new(folder.to_owned(), selection), only, progress)
        }),
        Format::Ndjson => write_file(job, &source.reads, |out| {
            through(source, limits, Ndjson::new(out, selection, false), only, progress)
        }),
        Format::Csv => write_file(job, &source.reads, |out| {
            through(source, limits, Csv::new(out, selection, false), only, progress)
        }),
        Format::Markdown | Format::Mermaid => {
            let form = if job.format == Format::Markdown { Form::Markdown } else { Form::Mermaid };
            write_file(job, &source.reads, |out| {
                through(source, limits, Transcript::new(out, form, selection), only, progress)
            })
        }
        Format::Pcapng => Err(ExportError::Nothing),
    }
}

fn is_file(input: &Input) -> bool {
    matches!(input, Input::Path(path) if path.is_file())
}

/// Reads the captures into a report.
fn through<R: Report>(
    source: &Source,
    limits: Limits,
    report: R,
    only: Option<Vec<(u32, u64)>>,
    progress: &Progress,
) -> Result<Done, ExportError> {
    let mut picked = Pick { report, only };
    let summary = read(source, limits, &mut picked, progress)?;
    let count = picked.report.matched();
    let lost = picked.report.selection().filter.as_ref().map_or(0, |filter| filter.undecided());
    picked.report.finish(&summary)?;
    if count == 0 {
        return Err(ExportError::Nothing);
    }
    Ok(Done { count, name: "message", lost })
}

fn read<S: Sink>(
    source: &Source,
    limits: Limits,
    sink: &mut S,
    progress: &Progress,
) -> Result<crate::pipeline::Summary, ExportError> {
    let how = capture::Options { no_mmap: source.no_mmap, ..capture::Options::default() };
    let mut capture = Capture::open(&source.inputs, &how)?;
    let mut cancelled = false;
    let summary = store::run(&mut capture, &mut Pipeline::new(limits), sink, |capture, _| {
        let (done, total) = capture.progress().unwrap_or_default();
        cancelled = !progress.goes_on(done, total);
        !cancelled
    });
    if cancelled { Err(ExportError::Cancelled) } else { Ok(summary) }
}

/// Only these messages reach the report.
struct Pick<R> {
    report: R,
    only: Option<Vec<(u32, u64)>>,
}

impl<R: Report> Sink for Pick<R> {
    fn wants(&self) -> Wants {
        self.report.wants()
    }

    fn begins(&mut self, first: Time) {
        self.report.begins(first);
    }

    fn opened(&mut self, connection: &Connection) {
        self.report.opened(connection);
    }

    fn frame(&mut self, connection: &Connection, frame: &FrameEvent<'_>) {
        self.report.frame(connection, frame);
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        let key = (connection.id.0, message.number);
        if self.only.as_ref().is_none_or(|only| only.binary_search(&key).is_ok()) {
            self.report.message(connection, message);
        }
    }

    fn finding(
        &mut self,
        connection: Option<&Connection>,
        rule: &'static Rule,
        spot: Spot,
        text: std::fmt::Arguments<'_>,
    ) {
        self.report.finding(connection, rule, spot, text);
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        self.report.ended(ended);
    }

    fn watermark(&mut self, packet: u64) {
        self.report.watermark(packet);
    }
}

/// Writes a file beside its place, and puts it there when it is complete.
fn write_file(
    job: &Job,
    inputs: &Inputs,
    write: impl FnOnce(&mut dyn Write) -> Result<Done, ExportError>,
) -> Result<Done, ExportError> {
    let target = Target::create(&job.path, Growth::Finite, job.replace, inputs)?;
    let mut out = BufWriter::with_capacity(1 << 20, target.writer());
    let done = write(&mut out)?;
    out.flush()?;
    drop(out);
    target.finish(job.replace)?;
    Ok(done)
}
