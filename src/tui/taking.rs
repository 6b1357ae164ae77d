//! Taking something along: the menus of "copy as" and "export", the same on every screen.
//!
//! Copying needs a message's bytes: where they are not loaded yet, they are asked for, and copied when they come.
//! Exports are done elsewhere ([`Effect::Export`]); a file that is there is only replaced after asking.

use std::path::PathBuf;

use super::commands::Cmd;
use super::details::Detail;
use super::event::Effect;
use super::shared::{Ctx, Menu, Selection, Turn};
use super::widgets::units;
use crate::export::{Format, Job, What, ndjson_row};
use crate::report::snippet::{self, SnippetForm};
use crate::store::Request;
use crate::store::detail::MessageDetail;
use crate::ws::unmask;

/// Numbers of menus and prompts from here on are not a screen's own.
pub const COMMON: u32 = 1 << 24;
const COPY: u32 = COMMON;
const EXPLAIN: u32 = COPY + 100;
const ROW: u32 = COPY + 101;
const FILTER: u32 = COPY + 102;
const WHAT: u32 = COMMON + 1000;
const FORMAT: u32 = COMMON + 2000;
const PATH: u32 = COMMON + 3000;
/// As [`PATH`]: the program ends once the file is written.
const PATH_QUIT: u32 = PATH + 1;
const REPLACE: u32 = COMMON + 4000;
/// Wire bytes that fit a command line that a person still wants to see.
const COMMAND: usize = 4096;

/// What is under way.
#[derive(Clone, Debug, Default)]
pub struct Taking {
    /// A copy that waits for its message.
    waiting: Option<(u32, Request)>,
    /// What the menus asked for so far.
    whats: Vec<What>,
    formats: Vec<Format>,
    what: Option<What>,
    format: Option<Format>,
    /// An export that met a file of its name.
    job: Option<Job>,
    /// The program is to end once the export is done.
    quits: bool,
    /// The capture itself is being written: the file, and the packets there were then.
    saving: Option<(PathBuf, u64)>,
    /// The same of the last time that was done.
    saved: Option<(PathBuf, u64)>,
}

impl Taking {
    /// Whether it waits for something that is being loaded.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Copies what waited, once it is there.
    pub fn settle(&mut self, turn: &mut Turn<'_>) {
        let Some((item, Request::Message { connection, message })) = self.waiting.clone() else {
            self.waiting = None;
            return;
        };
        match turn.shared.details.message(connection, message) {
            Detail::Ready(detail) => {
                self.waiting = None;
                copy(item, &detail, turn);
            }
            Detail::Failed(why) => {
                self.waiting = None;
                turn.warn(format!("cannot copy: {}", crate::model::safe_str(&why)));
            }
            Detail::Loading => {}
            Detail::Absent => turn.load(Request::Message { connection, message }),
        }
    }

    /// Does a command that the screen left; `false` where there is nothing to take.
    pub fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        match cmd {
            Cmd::Copy if turn.shared.selection.message > 0 => self.picked(COPY, turn),
            Cmd::CopyAs if turn.shared.selection.message > 0 => turn.menu(copies()),
            Cmd::CopyAs | Cmd::Copy => turn.warn("no message is selected"),
            Cmd::Export => self.export(turn),
            Cmd::SaveAll => self.save(false, turn),
            _ => return false,
        }
        true
    }

    /// Something was picked from one of the menus.
    pub fn picked(&mut self, item: u32, turn: &mut Turn<'_>) {
        match item {
            FILTER => {
                let Selection { connection, message, .. } = turn.shared.selection;
                turn.copy(
                    format!("conn == {connection} and msg == {message}"),
                    turn.lang().pick("the filter", "过滤器"),
                );
            }
            COPY..WHAT => {
                let Selection { connection, message, .. } = turn.shared.selection;
                self.waiting = Some((item, Request::Message { connection, message }));
                self.settle(turn);
                if self.is_waiting() {
                    turn.say("the message is being read …");
                }
            }
            WHAT..FORMAT => {
                self.what = self.whats.get((item - WHAT) as usize).cloned();
                self.choose_format(turn);
            }
            FORMAT..PATH => {
                self.format = self.formats.get((item - FORMAT) as usize).copied();
                self.ask_path(turn);
            }
            REPLACE => {
                if let Some(job) = self.job.take() {
                    let packets = turn.shared.progress.packets;
                    self.saving = (job.what == What::Capture).then(|| (job.path.clone(), packets));
                    turn.effects.push(Effect::Export(Job { replace: true, ..job }));
                }
            }
            _ => self.ask_path(turn),
        }
    }

    /// A file's name was typed.
    pub fn entered(&mut self, id: u32, text: &str, turn: &mut Turn<'_>) {
        let path = text.trim();
        if !matches!(id, PATH | PATH_QUIT) || path.is_empty() {
            return;
        }
        self.quits = id == PATH_QUIT;
        if self.quits {
            // What comes from here on would not be in the file.
            turn.effects.push(Effect::StopReading);
        }
        if let (Some(what), Some(format)) = (self.what.clone(), self.format) {
            let packets = turn.shared.progress.packets;
            self.saving = (what == What::Capture).then(|| (PathBuf::from(path), packets));
            turn.say("exporting …");
            turn.effects.push(Effect::Export(Job {
                what,
                format,
                path: PathBuf::from(path),
                replace: false,
            }));
        }
    }

    /// Asks where to save the whole capture. `quits`: the program ends after that.
    pub fn save(&mut self, quits: bool, turn: &mut Turn<'_>) {
        (self.what, self.format, self.quits) = (Some(What::Capture), Some(Format::Pcapng), quits);
        self.ask_path(turn);
    }

    /// Saves the whole capture to a file.
    pub fn save_to(&mut self, path: &str, turn: &mut Turn<'_>) {
        (self.what, self.format, self.quits) = (Some(What::Capture), Some(Format::Pcapng), false);
        self.entered(PATH, path, turn);
    }

    /// The file that the capture itself was written to last, and how many packets there were then.
    #[must_use]
    pub fn saved(&self) -> Option<&(PathBuf, u64)> {
        self.saved.as_ref()
    }

    /// An export is done, well or not; answers whether the program is to end.
    pub fn done(&mut self, well: bool) -> bool {
        if let Some(saving) = self.saving.take().filter(|_| well) {
            self.saved = Some(saving);
        }
        std::mem::take(&mut self.quits) && well
    }

    /// A file of the name is there already.
    pub fn exists(&mut self, job: Job, turn: &mut Turn<'_>) {
        (self.what, self.format) = (Some(job.what.clone()), Some(job.format));
        let several = job.format == Format::Raw && !is_one(&job.what);
        if several {
            turn.warn("a folder with this name already exists: press e and choose another");
            return;
        }
        self.job = Some(job);
        let item = |id, words: &str, remark: &str| (id, words.to_owned(), remark.to_owned());
        turn.menu(Menu {
            title: "A file with this name already exists".to_owned(),
            items: vec![
                item(REPLACE + 1, "another name", ""),
                item(REPLACE, "replace it", "its contents will be lost"),
            ],
        });
    }

    /// Asks what is to be exported.
    fn export(&mut self, turn: &mut Turn<'_>) {
        self.quits = false;
        let shared = &turn.shared;
        let Selection { connection, message, .. } = shared.selection;
        let mut whats: Vec<(What, String, String)> = Vec::new();
        if connection > 0 && message > 0 {
            let what = What::Messages(vec![(connection, message)]);
            whats.push((
                what,
                format!("message {}", units::grouped(message)),
                "bytes, NDJSON, CSV, Markdown".to_owned(),
            ));
        }
        let marked: Vec<(u32, u64)> =
            shared.marks.iter().copied().filter(|(_, message)| *message > 0).collect();
        if !marked.is_empty() {
            let words = format!("{} marked", units::counted(marked.len() as u64, "message"));
            whats.push((What::Messages(marked), words, String::new()));
        }
        let marked: Vec<u32> = shared
            .marks
            .iter()
            .filter(|(_, message)| *message == 0)
            .map(|(connection, _)| *connection)
            .collect();
        if !marked.is_empty() {
            let words = format!("{} marked", units::counted(marked.len() as u64, "connection"));
            whats.push((What::Connections(marked), words, "all their packets, or messages".to_owned()));
        }
        let shown = shared.shown_connections(turn.index);
        if let Some(shown) = shown.filter(|shown| !shown.is_empty()) {
            let words = format!("{} filtered", units::counted(shown.len() as u64, "connection"));
            whats.push((What::Connections(shown), words, "all their packets, or messages".to_owned()));
        }
        if !shared.filter.is_empty() && connection > 0 {
            let what = What::Filter(shared.filter.clone(), Some(connection));
            whats.push((what, "what the filter shows".to_owned(), format!("of connection #{connection}")));
            whats.push((
                What::Filter(shared.filter.clone(), None),
                "what the filter shows, in all connections".to_owned(),
                String::new(),
            ));
        }
        if connection > 0 {
            let remark = "messages, packets (pcapng), diagram".to_owned();
            whats.push((What::Connection(connection), format!("connection #{connection}"), remark));
        }
        if !turn.index.connections.is_empty() {
            whats.push((What::All, "all messages".to_owned(), "of all connections".to_owned()));
        }
        if shared.progress.packets > 0 {
            whats.push((What::Capture, "the whole capture".to_owned(), "all packets".to_owned()));
        }
        if whats.is_empty() {
            turn.warn("there is nothing to export");
            return;
        }
        let items =
            whats.iter().zip(WHAT..).map(|((_, words, remark), id)| (id, words.clone(), remark.clone()));
        turn.menu(Menu { title: "Export".to_owned(), items: items.collect() });
        self.whats = whats.into_iter().map(|(what, ..)| what).collect();
    }

    fn choose_format(&mut self, turn: &mut Turn<'_>) {
        let Some(what) = &self.what else { return };
        let one = is_one(what);
        self.formats = Format::EXPORT.into_iter().filter(|format| what.fits(*format)).collect();
        if let [only] = *self.formats {
            self.format = Some(only);
            return self.ask_path(turn);
        }
        let words = |format: &Format| match format {
            Format::Ndjson => ("NDJSON", "one object per line, as wslens read prints it"),
            Format::Csv => ("CSV", "for spreadsheets, formulas defused"),
            Format::Raw if one => ("raw bytes", "as the application received them"),
            Format::Raw => ("raw bytes, one file each", "in a new folder"),
            Format::Markdown => ("Markdown", "a readable transcript"),
            Format::Mermaid => ("Mermaid", "a sequence diagram"),
            Format::Pcapng => ("pcapng", "its packets, for Wireshark and others"),
            _ => (format.name(), format.about()),
        };
        let items = self.formats.iter().zip(FORMAT..).map(|(format, id)| {
            let (words, remark) = words(format);
            (id, words.to_owned(), remark.to_owned())
        });
        turn.menu(Menu { title: "Export as".to_owned(), items: items.collect() });
    }

    fn ask_path(&mut self, turn: &mut Turn<'_>) {
        if let (Some(what), Some(format)) = (&self.what, self.format) {
            let ending = match format {
                Format::Raw if is_one(what) => ".bin",
                // The same bytes as they came.
                Format::Pcapng if *what == What::Capture && turn.shared.progress.classic => ".pcap",
                _ => format.extension(),
            };
            let label = if ending.is_empty() { "new folder" } else { "file" };
            let id = if self.quits { PATH_QUIT } else { PATH };
            turn.prompt(id, label, format!("{}{ending}", what.name()));
        }
    }
}

fn is_one(what: &What) -> bool {
    matches!(what, What::Messages(list) if list.len() == 1)
}

/// The menu of forms.
fn copies() -> Menu {
    let mut items: Vec<(u32, String, String)> = SnippetForm::ALL
        .iter()
        .zip(COPY..)
        .map(|(form, id)| (id, form.name().to_owned(), String::new()))
        .collect();
    items.push((EXPLAIN, "wslens explain …".to_owned(), "its frames' bytes, explained".to_owned()));
    items.push((ROW, "NDJSON row".to_owned(), "as wslens read prints it".to_owned()));
    items.push((FILTER, "filter for this".to_owned(), "conn == … and msg == …".to_owned()));
    Menu { title: "Copy as".to_owned(), items }
}

/// Puts a message on the clipboard.
fn copy(item: u32, detail: &MessageDetail, turn: &mut Turn<'_>) {
    let text = match item {
        ROW => row(detail, &turn.ctx()).ok_or("its row is not complete yet"),
        EXPLAIN => explain(detail).ok_or("its frames are too long for a command: e writes a file"),
        _ => match SnippetForm::ALL.get((item - COPY) as usize) {
            None => return,
            Some(SnippetForm::Text) => {
                // What is no text is still taken along, in a form that loses nothing.
                let text = snippet::write(SnippetForm::Text, &detail.bytes);
                Ok(text.unwrap_or_else(|| hex::encode(&detail.bytes)))
            }
            Some(SnippetForm::Json) => {
                snippet::write(SnippetForm::Json, &detail.bytes).ok_or("this is not a JSON object or list")
            }
            Some(form) => snippet::write(*form, &detail.bytes).ok_or("it cannot be written in this format"),
        },
    };
    match text {
        // Half a message looks like a whole one where it is pasted.
        Ok(_) if !detail.whole && item != EXPLAIN && item != ROW => {
            turn.warn("some of its bytes are missing, or it is too long to copy: e writes a file");
        }
        Ok(text) => turn.copy(text, turn.lang().pick("the message", "消息")),
        Err(why) => turn.warn(why),
    }
}

fn row(detail: &MessageDetail, ctx: &Ctx<'_>) -> Option<String> {
    let at = usize::try_from(detail.number.checked_sub(1)?).ok()?;
    let row = ctx.index.messages(detail.connection).get(at)?;
    let note = ctx.index.control_note(detail.connection, detail.number);
    ndjson_row(ctx.index.connection(detail.connection)?, row, detail, note)
}

/// A command that takes the message's frames apart. Only hex and our own words: nothing to quote.
fn explain(detail: &MessageDetail) -> Option<String> {
    let mut bytes = Vec::new();
    for frame in &detail.frames {
        if frame.payload.len() as u64 != frame.header.payload_len || bytes.len() > COMMAND {
            return None;
        }
        bytes.extend_from_slice(&frame.header_bytes);
        let from = bytes.len();
        bytes.extend_from_slice(&frame.payload);
        if frame.header.masked() {
            unmask(bytes.get_mut(from..)?, frame.header.masking_key, 0);
        }
    }
    if bytes.is_empty() || bytes.len() > COMMAND || detail.frames.len() as u64 != detail.frame_count {
        return None;
    }
    let deflate = if detail.compressed { " --deflate" } else { "" };
    Some(format!("wslens explain --dir {}{deflate} {}", detail.direction.name(), hex::encode(bytes)))
}
