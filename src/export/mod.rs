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

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::capture::live::Live;
use crate::capture::{self, Capture, CaptureError, Input, Notes};
use crate::drive::{self, is_key_log};
use crate::filter::{Matcher, parse};
use crate::model::{PacketRef, Rule, Time};
use crate::output::{Growth, Inputs, OutputError, Target};
use crate::pipeline::{Connection, Ended, KeyLines, Limits, Pipeline, Sink, Summary, Wants};
pub use crate::report::Format;
use crate::report::csv::Csv;
use crate::report::ndjson::Ndjson;
use crate::report::pcapng::Pcapng;
use crate::report::transcript::{Transcript, TranscriptForm};
use crate::report::{Report, Selection};
use crate::store::{Packets, Replayer, Session, Visit};
use crate::ws::{Depth, FrameEvent, MessageEvent, Spot};

/// Bytes of a message that are exported; more are marked as cut.
const LONGEST: u64 = 64 << 20;

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// These messages: connection and number, in growing order.
    Messages(Vec<(u32, u64)>),
    /// Messages that a filter chooses, of one connection or of all.
    Filter(String, Option<u32>),
    /// A connection.
    Connection(u32),
    /// These connections, in growing order.
    Connections(Vec<u32>),
    /// The messages of all connections.
    All,
    /// The capture itself.
    Capture,
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
            Self::Connections(_) => "wslens-connections".to_owned(),
            Self::All => "wslens-all".to_owned(),
            Self::Capture => "wslens-capture".to_owned(),
        }
    }

    /// Whether a file of this form can be made of it.
    #[must_use]
    pub fn fits(&self, format: Format) -> bool {
        match (self, format) {
            (Self::Connection(_), _) | (Self::Capture | Self::Connections(_), Format::Pcapng) => true,
            (Self::Capture, _) | (_, Format::Pcapng | Format::Mermaid) => false,
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

impl Source {
    fn how(&self) -> capture::Options {
        let (no_mmap, max_unpacked) = (self.no_mmap, self.max_unpacked);
        capture::Options { no_mmap, max_unpacked, ..capture::Options::default() }
    }
}

/// Where captures are read from again.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The captures.
    pub inputs: Vec<Input>,
    /// Files are read and not mapped.
    pub no_mmap: bool,
    /// See [`capture::Options::max_unpacked`].
    pub max_unpacked: Option<u64>,
    /// Bounds of the engine, as for the session.
    pub limits: Limits,
    /// Files of packets hold the secrets of their TLS connection.
    pub embed_keys: bool,
    /// Files that are read, or written: no export may replace them.
    pub reads: Inputs,
}

/// How far an export came, and whether it is to go on.
#[derive(Debug, Default)]
pub struct ExportProgress {
    /// Bytes read, or packets written.
    pub done: AtomicU64,
    /// Of how many; 0 where that is not known.
    pub total: AtomicU64,
    /// Set to end it.
    pub cancel: AtomicBool,
}

impl ExportProgress {
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
    /// Nothing is kept of the capture.
    #[error("nothing is kept of this capture: it cannot be read again")]
    Gone,
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
    /// The places of packets, by connection.
    packets: Vec<Packets>,
    replayer: Replayer,
    live: Option<Live>,
    summary: Summary,
    /// The time of the first packet.
    begin: Option<Time>,
    /// The secrets of the connections, where they are to be written.
    secrets: Vec<KeyLines>,
    /// Comments on sections and on packets.
    comments: Comments,
}

/// The comments of a capture that go into a file of packets.
#[derive(Debug, Default)]
struct Comments {
    sections: Vec<String>,
    /// By the packet's number, in this order.
    packets: Vec<(u64, String)>,
}

impl Comments {
    /// The comments among these notes. Those that contain a key log are left out unless `keys`.
    fn new(notes: &Notes, keys: bool) -> Self {
        let fits = |text: &&String| keys || !is_key_log(text);
        let sections =
            notes.sections.iter().flat_map(|section| &section.comments).filter(fits).cloned().collect();
        let packets = notes.comments.iter().filter(|comment| fits(&&comment.text));
        let mut packets: Vec<_> = packets.map(|comment| (comment.packet, comment.text.clone())).collect();
        packets.sort_by_key(|(packet, _)| *packet);
        Self { sections, packets }
    }

    fn of_sections(&self) -> Vec<&str> {
        self.sections.iter().map(String::as_str).collect()
    }

    fn of_packet(&self, number: u64) -> Vec<&str> {
        let start = self.packets.partition_point(|(packet, _)| *packet < number);
        let packets = self.packets.iter().skip(start).take_while(|(packet, _)| *packet == number);
        packets.map(|(_, text)| text.as_str()).collect()
    }
}

impl Task {
    /// Takes along what the job needs of the session: the places of packets.
    #[must_use]
    pub fn new(session: &Session, source: &Source, job: Job) -> Self {
        let connections = match &job.what {
            What::Connection(connection) => std::slice::from_ref(connection),
            What::Connections(connections) => connections,
            _ => &[],
        };
        let connections = if job.format == Format::Pcapng { connections } else { &[] };
        let (mut rows, mut randoms) = (Vec::new(), Vec::new());
        {
            let index = session.index();
            for row in connections.iter().filter_map(|number| index.connection(*number)) {
                rows.push((row.tcp, row.id.0));
                randoms.extend(row.tls.as_ref().and_then(|tls| tls.client_random));
            }
        }
        // Several may run in one TCP connection.
        rows.sort_unstable();
        rows.dedup_by_key(|(tcp, _)| *tcp);
        randoms.sort_unstable();
        randoms.dedup();
        randoms.retain(|_| source.embed_keys);
        let summary = Summary { totals: session.index().totals.clone(), ..Summary::default() };
        Self {
            packets: rows.iter().filter_map(|(_, number)| session.packets_of(*number)).collect(),
            comments: match job.format {
                Format::Pcapng => Comments::new(&session.index().notes, source.embed_keys),
                _ => Comments::default(),
            },
            secrets: randoms.iter().map(|random| source.limits.secrets.lines_of(random)).collect(),
            replayer: session.replayer(),
            live: session.live(),
            summary: session.index().summary.clone().unwrap_or(summary),
            begin: session.index().begin,
            source: source.clone(),
            job,
        }
    }

    /// Does it. Packets come from the session; messages from the captures where these can be read again, else from
    /// what the session keeps.
    ///
    /// # Errors
    /// See [`ExportError`]; no file is left behind then.
    pub fn run(self, progress: &ExportProgress) -> Result<Done, ExportError> {
        match (self.job.format, &self.job.what) {
            (Format::Pcapng, What::Capture) => self.capture(progress),
            (Format::Pcapng, _) => self.slice(progress),
            _ => self.messages(progress),
        }
    }

    /// The capture itself: the bytes that are kept of it.
    fn capture(self, progress: &ExportProgress) -> Result<Done, ExportError> {
        /// How long the last packets of a capture that was stopped are waited for.
        const PARTING: Duration = Duration::from_secs(1);
        if let Some(live) = self.live.filter(Live::is_to_stop) {
            let _ = live.wait_for(PARTING);
        }
        let archive = self.replayer.archive();
        let lost = archive.kept().1;
        write_file(&self.job, &self.source.reads, |out| {
            let mut written = Counting { out, count: 0 };
            match archive.save(&mut written, &mut |done, total| progress.goes_on(done, total)) {
                Ok(()) => Ok(Done { count: written.count, name: "byte", lost }),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => Err(ExportError::Cancelled),
                    io::ErrorKind::Unsupported if written.count == 0 => {
                        every_packet(&self.source, written.out, progress)
                    }
                    _ => Err(error.into()),
                },
            }
        })
    }

    /// The packets of one or several connections, in the order of the capture.
    fn slice(self, progress: &ExportProgress) -> Result<Done, ExportError> {
        let total: u64 = self.packets.iter().map(Packets::total).sum();
        let bytes = self.replayer.archive().view();
        write_file(&self.job, &self.source.reads, |out| {
            let mut file = Pcapng::with_comments(out, &self.comments.of_sections())?;
            for secrets in self.secrets.iter().filter(|secrets| !secrets.is_empty()) {
                file.secrets(secrets)?;
            }
            for (at, packet) in InOrder::new(self.packets).enumerate() {
                if at % 1024 == 0 && !progress.goes_on(at as u64, total) {
                    return Err(ExportError::Cancelled);
                }
                file.packet(&packet, &bytes, &self.comments.of_packet(packet.number))?;
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
}

/// Counts the bytes that are written through it.
struct Counting<'a> {
    out: &'a mut dyn Write,
    count: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Packets of several connections in the order of their numbers, each once: IP fragments belong to several.
struct InOrder {
    packets: Vec<std::iter::Peekable<Packets>>,
    queue: BinaryHeap<Reverse<(u64, usize)>>,
    last: u64,
}

impl InOrder {
    fn new(packets: Vec<Packets>) -> Self {
        let mut packets: Vec<_> = packets.into_iter().map(Iterator::peekable).collect();
        let heads = packets.iter_mut().enumerate();
        let queue = heads.filter_map(|(at, packets)| Some(Reverse((packets.peek()?.number, at)))).collect();
        Self { packets, queue, last: 0 }
    }
}

impl Iterator for InOrder {
    type Item = PacketRef;

    fn next(&mut self) -> Option<PacketRef> {
        loop {
            let Reverse((_, at)) = self.queue.pop()?;
            let packets = self.packets.get_mut(at)?;
            let packet = packets.next();
            if let Some(next) = packets.peek() {
                self.queue.push(Reverse((next.number, at)));
            }
            if let Some(packet) = packet.filter(|packet| packet.number > self.last) {
                self.last = packet.number;
                return Some(packet);
            }
        }
    }
}

/// All packets of several captures, as one.
fn every_packet(
    source: &Source,
    out: &mut dyn Write,
    progress: &ExportProgress,
) -> Result<Done, ExportError> {
    if source.inputs.is_empty() || source.inputs.iter().any(|input| !is_file(input)) {
        return Err(ExportError::Gone);
    }
    let how = source.how();
    let mut capture = Capture::open(&source.inputs, &how)?;
    let mut file: Option<Pcapng<_>> = None;
    let mut out = Some(out);
    let (mut at, mut comments) = (0u64, Comments::default());
    let mut noted = 0;
    while let Some(packet) = capture.next() {
        let (done, total) = capture.progress().unwrap_or_default();
        if at.is_multiple_of(1024) && !progress.goes_on(done, total) {
            return Err(ExportError::Cancelled);
        }
        at += 1;
        // A packet's comments are noted when it is read; those on the first sections before.
        let notes = capture.notes();
        if notes.comments.len() > noted || file.is_none() {
            comments = Comments::new(notes, source.embed_keys);
            noted = notes.comments.len();
        }
        if let Some(out) = out.take() {
            file = Some(Pcapng::with_comments(out, &comments.of_sections())?);
        }
        let (Some(bytes), Some(file)) = (capture.bytes(packet.bytes), &mut file) else { continue };
        file.commented(&packet, bytes, &comments.of_packet(packet.number))?;
    }
    let file = match (file, out) {
        (Some(file), _) => file,
        (None, Some(out)) => Pcapng::new(out)?,
        (None, None) => return Err(ExportError::Nothing),
    };
    let (count, lost) = file.finish()?;
    Ok(Done { count, name: "packet", lost })
}

impl Task {
    /// Messages in any form.
    fn messages(self, progress: &ExportProgress) -> Result<Done, ExportError> {
        let Self { job, source, .. } = &self;
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
                    selection.filter = Some(Box::new(Matcher::new(filter, selection.levels)));
                }
            }
            What::Connection(connection) => selection.connections.push(*connection),
            What::Connections(connections) => selection.connections.clone_from(connections),
            What::All | What::Capture => {}
        }
        let mut depth = source.limits.depth.clone();
        depth.payloads = true;
        depth.frame_payloads = false;
        depth.keep = depth.keep.max(LONGEST);
        if let Some(matcher) = &mut selection.filter {
            let needs = matcher.needs();
            depth.hash |= needs.hash;
            depth.frames |= needs.frames;
            depth.frame_payloads |= needs.frame_payloads;
            if matcher.needs_survey() {
                self.read(depth.clone(), &[], &mut matcher.survey(), progress)?;
            }
        }
        let one = only.as_ref().is_some_and(|only| only.len() == 1);
        match job.format {
            Format::Raw if one => write_file(job, &source.reads, |out| {
                self.through(depth, raw::One::new(out, selection), only, progress)
            }),
            Format::Raw => raw::folder(&job.path, |folder| {
                self.through(depth, raw::Files::new(folder.to_owned(), selection), only, progress)
            }),
            Format::Ndjson => write_file(job, &source.reads, |out| {
                self.through(depth, Ndjson::new(out, selection, false), only, progress)
            }),
            Format::Csv => write_file(job, &source.reads, |out| {
                self.through(depth, Csv::new(out, selection, false), only, progress)
            }),
            Format::Markdown | Format::Mermaid => {
                let form = if job.format == Format::Markdown {
                    TranscriptForm::Markdown
                } else {
                    TranscriptForm::Mermaid
                };
                write_file(job, &source.reads, |out| {
                    self.through(depth, Transcript::new(out, form, selection), only, progress)
                })
            }
            Format::Pcapng | Format::Table | Format::Sarif | Format::Junit | Format::Text => {
                Err(ExportError::Nothing)
            }
        }
    }

    /// Reads the captures into a report.
    fn through<R: Report>(
        &self,
        depth: Depth,
        report: R,
        only: Option<Vec<(u32, u64)>>,
        progress: &ExportProgress,
    ) -> Result<Done, ExportError> {
        let connections = report.selection().connections.clone();
        let mut picked = Pick { report, only };
        let (summary, missing) = self.read(depth, &connections, &mut picked, progress)?;
        let count = picked.report.matched();
        let undecided = picked.report.selection().filter.as_ref().map_or(0, |filter| filter.undecided());
        picked.report.finish(&summary)?;
        if count == 0 {
            return Err(if missing > 0 { ExportError::Gone } else { ExportError::Nothing });
        }
        Ok(Done { count, name: "message", lost: undecided.max(missing) })
    }

    /// Reads the captures again where that can be done, else what the session keeps of these connections (of all, where
    /// none is named). Returns how many packets are missing.
    fn read<S: Sink>(
        &self,
        depth: Depth,
        connections: &[u32],
        sink: &mut S,
        progress: &ExportProgress,
    ) -> Result<(Summary, u64), ExportError> {
        let source = &self.source;
        if self.live.is_some() || source.inputs.is_empty() || !source.inputs.iter().all(is_file) {
            let connections = (!connections.is_empty()).then(|| connections.to_vec());
            sink.begins(self.begin.unwrap_or_default());
            let mut cancelled = false;
            let visit = Kept { sink, progress, cancelled: &mut cancelled };
            let missing = self
                .replayer
                .run(connections, |own| *own = depth, visit)
                .map_err(|changed| ExportError::Io(io::Error::other(changed)))?;
            return if cancelled { Err(ExportError::Cancelled) } else { Ok((self.summary.clone(), missing)) };
        }
        let how = source.how();
        let mut capture = Capture::open(&source.inputs, &how)?;
        let mut cancelled = false;
        let limits = Limits { depth, ..source.limits.clone() };
        let summary = drive::run(&mut capture, &mut Pipeline::new(limits), sink, |capture, _| {
            let (done, total) = capture.progress().unwrap_or_default();
            cancelled = !progress.goes_on(done, total);
            !cancelled
        });
        if cancelled { Err(ExportError::Cancelled) } else { Ok((summary, 0)) }
    }
}

fn is_file(input: &Input) -> bool {
    matches!(input, Input::Path(path) if path.is_file())
}

/// Hands messages that are read again to a report.
struct Kept<'a, S> {
    sink: &'a mut S,
    progress: &'a ExportProgress,
    cancelled: &'a mut bool,
}

impl<S: Sink> Visit for Kept<'_, S> {
    fn opened(&mut self, connection: &Connection) {
        self.sink.opened(connection);
    }

    fn ended(&mut self, ended: &Ended<'_>) {
        self.sink.ended(ended);
    }

    fn message(&mut self, connection: &Connection, message: &MessageEvent<'_>) {
        self.sink.message(connection, message);
    }

    fn reached(&mut self, done: u64, total: u64, from: u64) -> bool {
        self.sink.watermark(from);
        *self.cancelled = !self.progress.goes_on(done, total);
        !*self.cancelled
    }
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

    fn held(&self) -> u64 {
        self.report.held()
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
