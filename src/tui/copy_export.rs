//! The menus of "copy as" and "export", the same on every screen.
//!
//! Copying needs a message's bytes: if they are not loaded yet, they are requested, and copied when they arrive.
//! The loop runs exports ([`Effect::Export`]); an existing file is replaced only if the user agrees.

use std::path::PathBuf;

use super::commands::Cmd;
use super::details::Detail;
use super::event::Effect;
use super::shared::{Ctx, Menu, Selection, Turn};
use super::widgets::units;
use crate::export::{Format, Job, What, ndjson_row};
use crate::model::Lang;
use crate::report::snippet::{self, SnippetForm};
use crate::store::Request;
use crate::store::detail::MessageDetail;
use crate::ws::unmask;

/// The first number of the menus and prompts that belong to no screen.
pub const COMMON: u32 = 1 << 24;
const COPY: u32 = COMMON;
const EXPLAIN: u32 = COPY + 100;
const ROW: u32 = COPY + 101;
const FILTER: u32 = COPY + 102;
const WHAT: u32 = COMMON + 1000;
const FORMAT: u32 = COMMON + 2000;
const PATH: u32 = COMMON + 3000;
/// As [`PATH`]; the program ends when the file is written.
const PATH_QUIT: u32 = PATH + 1;
const REPLACE: u32 = COMMON + 4000;
/// Maximum number of wire bytes in a command line.
const COMMAND: usize = 4096;

/// The state of copying and exporting.
#[derive(Clone, Debug, Default)]
pub struct CopyExport {
    /// The copy that waits for its message.
    waiting: Option<(u32, Request)>,
    /// The choices of the menus.
    whats: Vec<What>,
    formats: Vec<Format>,
    what: Option<What>,
    format: Option<Format>,
    /// The export whose file exists already.
    job: Option<Job>,
    /// Whether the program ends when the export is done.
    quits: bool,
    /// The file to which the capture is being saved, and the number of packets in it.
    saving: Option<(PathBuf, u64)>,
    /// The file to which the capture was saved last, and the number of packets in it.
    saved: Option<(PathBuf, u64)>,
}

impl CopyExport {
    /// Returns whether a copy waits for its message.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Copies the message that was waited for, if it has arrived.
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
                let words = turn.lang().pick("cannot copy: ", "无法复制：");
                turn.warn(format!("{words}{}", crate::model::safe_str(&why)));
            }
            Detail::Loading => {}
            Detail::Absent => turn.load(Request::Message { connection, message }),
        }
    }

    /// Performs a command that the screen does not handle; returns whether it did.
    pub fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        match cmd {
            Cmd::Copy if turn.shared.selection.message > 0 => self.picked(COPY, turn),
            Cmd::CopyAs if turn.shared.selection.message > 0 => turn.menu(copies(turn.lang())),
            Cmd::CopyAs | Cmd::Copy => turn.warn(turn.lang().pick("no message is selected", "没有选择消息")),
            Cmd::Export => self.export(turn),
            Cmd::SaveAll => self.save(false, turn),
            _ => return false,
        }
        true
    }

    /// Handles the choice from a menu.
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
                    turn.say(turn.lang().pick("loading the message…", "正在载入消息…"));
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

    /// Handles the name of a file.
    pub fn entered(&mut self, id: u32, text: &str, turn: &mut Turn<'_>) {
        let path = text.trim();
        if !matches!(id, PATH | PATH_QUIT) || path.is_empty() {
            return;
        }
        self.quits = id == PATH_QUIT;
        if self.quits {
            // Later packets would not be in the file.
            turn.effects.push(Effect::StopReading);
        }
        if let (Some(what), Some(format)) = (self.what.clone(), self.format) {
            let packets = turn.shared.progress.packets;
            self.saving = (what == What::Capture).then(|| (PathBuf::from(path), packets));
            turn.say(turn.lang().pick("exporting…", "正在导出…"));
            turn.effects.push(Effect::Export(Job {
                what,
                format,
                path: PathBuf::from(path),
                replace: false,
            }));
        }
    }

    /// Asks where to save the complete capture. `quits`: the program ends after that.
    pub fn save(&mut self, quits: bool, turn: &mut Turn<'_>) {
        (self.what, self.format, self.quits) = (Some(What::Capture), Some(Format::Pcapng), quits);
        self.ask_path(turn);
    }

    /// Saves the complete capture to a file.
    pub fn save_to(&mut self, path: &str, turn: &mut Turn<'_>) {
        (self.what, self.format, self.quits) = (Some(What::Capture), Some(Format::Pcapng), false);
        self.entered(PATH, path, turn);
    }

    /// The file to which the capture was saved last, and the number of packets in it.
    #[must_use]
    pub fn saved(&self) -> Option<&(PathBuf, u64)> {
        self.saved.as_ref()
    }

    /// Handles the end of an export; returns whether the program ends.
    pub fn done(&mut self, well: bool) -> bool {
        if let Some(saving) = self.saving.take().filter(|_| well) {
            self.saved = Some(saving);
        }
        std::mem::take(&mut self.quits) && well
    }

    /// Asks what to do with an existing file.
    pub fn exists(&mut self, job: Job, turn: &mut Turn<'_>) {
        (self.what, self.format) = (Some(job.what.clone()), Some(job.format));
        let several = job.format == Format::Raw && !is_one(&job.what);
        if several {
            turn.warn(turn.lang().pick(
                "a folder with this name already exists: press e and choose another",
                "已存在同名文件夹：按 e 另选名称",
            ));
            return;
        }
        self.job = Some(job);
        let item = |id, words: &str, remark: &str| (id, words.to_owned(), remark.to_owned());
        let lang = turn.lang();
        // The menu is the message: "exporting…" is no longer true.
        turn.shared.notice = None;
        turn.menu(Menu {
            title: lang.pick("A file with this name already exists", "已存在同名文件").to_owned(),
            items: vec![
                item(REPLACE + 1, lang.pick("another name", "换一个名称"), ""),
                item(
                    REPLACE,
                    lang.pick("replace it", "替换"),
                    lang.pick("its contents will be lost", "原有内容将丢失"),
                ),
            ],
        });
    }

    /// Asks what to export.
    fn export(&mut self, turn: &mut Turn<'_>) {
        self.quits = false;
        let lang = turn.lang();
        let shared = &turn.shared;
        let packets = || lang.pick("all their packets, or messages", "全部数据包，或消息").to_owned();
        let Selection { connection, message, .. } = shared.selection;
        let mut whats: Vec<(What, String, String)> = Vec::new();
        if connection > 0 && message > 0 {
            let what = What::Messages(vec![(connection, message)]);
            whats.push((
                what,
                format!("{}{}", lang.pick("message ", "消息 "), units::grouped(message)),
                lang.pick("bytes, NDJSON, CSV, Markdown", "字节、NDJSON、CSV、Markdown").to_owned(),
            ));
        }
        let marked: Vec<(u32, u64)> =
            shared.marks.iter().copied().filter(|(_, message)| *message > 0).collect();
        if !marked.is_empty() {
            let words = lang.pick(
                format!("{} marked", units::counted(marked.len() as u64, "message")),
                format!("已标记的 {} 条消息", marked.len()),
            );
            whats.push((What::Messages(marked), words, String::new()));
        }
        let marked: Vec<u32> = shared
            .marks
            .iter()
            .filter(|(_, message)| *message == 0)
            .map(|(connection, _)| *connection)
            .collect();
        if !marked.is_empty() {
            let words = lang.pick(
                format!("{} marked", units::counted(marked.len() as u64, "connection")),
                format!("已标记的 {} 个连接", marked.len()),
            );
            whats.push((What::Connections(marked), words, packets()));
        }
        let shown = shared.shown_connections(turn.index);
        if let Some(shown) = shown.filter(|shown| !shown.is_empty()) {
            let words = lang.pick(
                format!("{} filtered", units::counted(shown.len() as u64, "connection")),
                format!("过滤出的 {} 个连接", shown.len()),
            );
            whats.push((What::Connections(shown), words, packets()));
        }
        if !shared.filter.is_empty() && connection > 0 {
            let what = What::Filter(shared.filter.clone(), Some(connection));
            whats.push((
                what,
                lang.pick("filtered messages", "过滤出的消息").to_owned(),
                lang.pick(format!("of connection #{connection}"), format!("连接 #{connection}")),
            ));
            whats.push((
                What::Filter(shared.filter.clone(), None),
                lang.pick("filtered messages", "过滤出的消息").to_owned(),
                lang.pick("of all connections", "全部连接").to_owned(),
            ));
        }
        if connection > 0 {
            let remark =
                lang.pick("messages, packets (pcapng), diagram", "消息、数据包（pcapng）、时序图").to_owned();
            whats.push((
                What::Connection(connection),
                format!("{}#{connection}", lang.pick("connection ", "连接 ")),
                remark,
            ));
        }
        if !turn.index.connections.is_empty() {
            whats.push((
                What::All,
                lang.pick("all messages", "全部消息").to_owned(),
                lang.pick("of all connections", "全部连接").to_owned(),
            ));
        }
        if shared.progress.packets > 0 {
            whats.push((
                What::Capture,
                lang.pick("complete capture", "完整抓包").to_owned(),
                lang.pick("all packets", "全部数据包").to_owned(),
            ));
        }
        if whats.is_empty() {
            turn.warn(lang.pick("there is nothing to export", "没有可导出的内容"));
            return;
        }
        let items =
            whats.iter().zip(WHAT..).map(|((_, words, remark), id)| (id, words.clone(), remark.clone()));
        turn.menu(Menu { title: lang.pick("Export", "导出").to_owned(), items: items.collect() });
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
        let lang = turn.lang();
        let words = |format: &Format| match format {
            Format::Ndjson => (
                "NDJSON",
                lang.pick(
                    "one object per line, as wslens read prints it",
                    "每行一个对象，与 wslens read 的输出相同",
                ),
            ),
            Format::Csv => {
                ("CSV", lang.pick("for spreadsheets; formulas are escaped", "用于电子表格；公式已转义"))
            }
            Format::Raw if one => (
                lang.pick("raw bytes", "原始字节"),
                lang.pick("as the application received them", "与应用程序收到的相同"),
            ),
            Format::Raw => (
                lang.pick("raw bytes, one file each", "原始字节，每条一个文件"),
                lang.pick("in a new folder", "写入新文件夹"),
            ),
            Format::Markdown => ("Markdown", lang.pick("a readable transcript", "便于阅读的记录")),
            Format::Mermaid => ("Mermaid", lang.pick("a sequence diagram", "时序图")),
            Format::Pcapng => {
                ("pcapng", lang.pick("its packets, for Wireshark and others", "数据包，供 Wireshark 等使用"))
            }
            Format::Table | Format::Sarif | Format::Junit | Format::Text => (format.name(), format.about()),
        };
        let items = self.formats.iter().zip(FORMAT..).map(|(format, id)| {
            let (words, remark) = words(format);
            (id, words.to_owned(), remark.to_owned())
        });
        turn.menu(Menu { title: lang.pick("Export as", "导出为").to_owned(), items: items.collect() });
    }

    fn ask_path(&mut self, turn: &mut Turn<'_>) {
        if let (Some(what), Some(format)) = (&self.what, self.format) {
            let ending = match format {
                Format::Raw if is_one(what) => ".bin",
                // The capture is saved in the format in which it arrived.
                Format::Pcapng if *what == What::Capture && turn.shared.progress.classic => ".pcap",
                _ => format.extension(),
            };
            let lang = turn.lang();
            let label = if ending.is_empty() {
                lang.pick("new folder", "新文件夹")
            } else {
                lang.pick("file", "文件")
            };
            let id = if self.quits { PATH_QUIT } else { PATH };
            turn.prompt(id, label, format!("{}{ending}", what.name()));
        }
    }
}

fn is_one(what: &What) -> bool {
    matches!(what, What::Messages(list) if list.len() == 1)
}

/// Returns the menu of "copy as".
fn copies(lang: Lang) -> Menu {
    let mut items: Vec<(u32, String, String)> = SnippetForm::ALL
        .iter()
        .zip(COPY..)
        .map(|(form, id)| (id, form_name(*form, lang).to_owned(), String::new()))
        .collect();
    items.push((
        EXPLAIN,
        "wslens explain …".to_owned(),
        lang.pick("explains the bytes of its frames", "解释其各帧的字节").to_owned(),
    ));
    items.push((
        ROW,
        lang.pick("NDJSON row", "NDJSON 行").to_owned(),
        lang.pick("as wslens read prints it", "与 wslens read 的输出相同").to_owned(),
    ));
    items.push((
        FILTER,
        lang.pick("filter for this", "选择此消息的过滤器").to_owned(),
        "conn == … and msg == …".to_owned(),
    ));
    Menu { title: lang.pick("Copy as", "复制为").to_owned(), items }
}

/// Returns the name of a form in the menu.
fn form_name(form: SnippetForm, lang: Lang) -> &'static str {
    let zh = match form {
        SnippetForm::Text => "文本",
        SnippetForm::Json => "JSON，带缩进",
        SnippetForm::Hex => "十六进制",
        SnippetForm::Dump => "十六进制转储",
        SnippetForm::Base64 => "base64",
        SnippetForm::C => "C 数组",
        SnippetForm::Rust => "Rust 数组",
        SnippetForm::Python => "Python bytes",
    };
    lang.pick(form.name(), zh)
}

/// Copies a message to the clipboard.
fn copy(item: u32, detail: &MessageDetail, turn: &mut Turn<'_>) {
    let lang = turn.lang();
    let text = match item {
        ROW => row(detail, &turn.ctx()).ok_or(lang.pick("the message is not complete yet", "消息尚不完整")),
        EXPLAIN => explain(detail).ok_or(lang.pick(
            "its frames are too long for a command: e writes a file",
            "帧太长，无法写入命令：按 e 写入文件",
        )),
        _ => match SnippetForm::ALL.get((item - COPY) as usize) {
            None => return,
            Some(SnippetForm::Text) => {
                // Bytes that are not text are copied in hex.
                let text = snippet::write(SnippetForm::Text, &detail.bytes);
                Ok(text.unwrap_or_else(|| hex::encode(&detail.bytes)))
            }
            Some(SnippetForm::Json) => {
                let words = lang.pick("this is not a JSON object or array", "这不是 JSON 对象或数组");
                snippet::write(SnippetForm::Json, &detail.bytes).ok_or(words)
            }
            Some(form) => snippet::write(*form, &detail.bytes)
                .ok_or(lang.pick("the message cannot be written in this format", "消息无法写成这种格式")),
        },
    };
    match text {
        // An incomplete message would look complete where it is pasted.
        Ok(_) if !detail.whole && item != EXPLAIN && item != ROW => {
            turn.warn(lang.pick(
                "some of its bytes are missing, or it is too long to copy: e writes a file",
                "缺少一些字节，或太长无法复制：按 e 写入文件",
            ));
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

/// Returns a command that explains the message's frames. It contains only hex digits: nothing needs quotes.
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
