//! Exports in the background, text for the clipboard, and files that the UI writes.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;

use super::{Host, NEWS};
use crate::export::{Done, ExportError, ExportProgress, Job, Source, Task};
use crate::model::Lang;
use crate::output::create_new;
use crate::store::Session;
use crate::tui::event::{Event, Save};
use crate::tui::widgets::units::counted;

/// Maximum length of Base64 that terminals accept for their clipboard.
const CLIPBOARD: usize = 100_000;

/// The running export, if any, on its own thread.
#[derive(Debug)]
pub struct Exports {
    source: Source,
    running: Option<Running>,
    reported: Duration,
}

#[derive(Debug)]
struct Running {
    job: Job,
    progress: Arc<ExportProgress>,
    thread: JoinHandle<Result<Done, ExportError>>,
}

impl Exports {
    /// Makes the state without a running export. `source`: the input that exports read again.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self { source, running: None, reported: Duration::ZERO }
    }

    /// Returns whether an export is running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Starts an export; returns the error if that fails.
    pub(super) fn start(&mut self, session: &Session, job: Job, lang: Lang) -> Option<String> {
        if self.is_running() {
            let words =
                lang.pick("an export is already running; Ctrl-x stops it", "已有导出正在进行；Ctrl-x 停止");
            return Some(words.to_owned());
        }
        let task = Task::new(session, &self.source, job.clone());
        let progress = Arc::<ExportProgress>::default();
        let shared = Arc::clone(&progress);
        let thread = thread::Builder::new().name("export".to_owned()).spawn(move || task.run(&shared));
        match thread {
            Ok(thread) => {
                self.running = Some(Running { job, progress, thread });
                None
            }
            Err(error) => Some(format!("{}{error}", lang.pick("cannot export: ", "无法导出："))),
        }
    }

    /// Asks the running export to stop.
    pub(super) fn stop(&self) {
        if let Some(running) = &self.running {
            running.progress.cancel.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the progress or the result of the running export.
    pub(super) fn news(&mut self, now: Duration, lang: Lang) -> Vec<Event> {
        let Some(running) = self.running.take() else { return Vec::new() };
        if !running.thread.is_finished() {
            let mut news = Vec::new();
            if now >= self.reported + NEWS {
                self.reported = now;
                let (done, total) = (
                    running.progress.done.load(Ordering::Relaxed),
                    running.progress.total.load(Ordering::Relaxed),
                );
                let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(0).min(100);
                news.push(Event::Exporting(Some(lang.pick(
                    format!("exporting: {percent} %   Ctrl-x stops it"),
                    format!("正在导出：{percent} %   Ctrl-x 停止"),
                ))));
            }
            self.running = Some(running);
            return news;
        }
        let name = crate::model::safe_str(&running.job.path.display().to_string()).into_owned();
        let event = match running.thread.join() {
            Ok(Ok(done)) => {
                let count = counted(done.count, done.name);
                let lost = match done.lost {
                    0 => String::new(),
                    lost => lang.pick(format!("   {lost} incomplete"), format!("   {lost} 个不完整")),
                };
                Event::Done(Ok(match lang {
                    Lang::En => format!("wrote {count} to {name}{lost}"),
                    Lang::Zh => {
                        format!("已把 {} {}写入 {name}{lost}", done.count, unit_in_chinese(done.name))
                    }
                }))
            }
            Ok(Err(ExportError::Exists)) => Event::Exists(running.job),
            Ok(Err(error)) => {
                let error = error.to_string();
                Event::Done(Err(format!("{name}: {}", crate::model::safe_str(&error))))
            }
            Err(_) => Event::Done(Err(format!("{name}{}", lang.pick(": the export failed", "：导出失败")))),
        };
        vec![Event::Exporting(None), event]
    }
}

impl Drop for Exports {
    fn drop(&mut self) {
        // The thread removes an incomplete file.
        self.stop();
        if let Some(running) = self.running.take() {
            let _ = running.thread.join();
        }
    }
}

/// Copies text to the clipboard of the terminal, also over ssh (OSC 52). Terminals do not confirm this.
pub(super) fn copy(text: &str, host: &mut dyn Host, lang: Lang) -> io::Result<Result<String, String>> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    if encoded.len() > CLIPBOARD {
        let words = lang.pick(
            format!("{} bytes do not fit into the clipboard: e writes a file", text.len()),
            format!("{} 个字节超出剪贴板容量：按 e 写入文件", text.len()),
        );
        return Ok(Err(words));
    }
    host.write(&format!("\x1b]52;c;{encoded}\x07"))?;
    let odd = text
        .chars()
        .filter(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || crate::model::is_hidden(*c))
        .count();
    let note = if odd > 0 {
        lang.pick(
            format!("   note: it contains {odd} control or invisible characters"),
            format!("   注意：含有 {odd} 个控制字符或不可见字符"),
        )
    } else {
        String::new()
    };
    let len = text.len();
    Ok(Ok(lang.pick(
        format!("sent {len} bytes to the terminal's clipboard (OSC 52){note}"),
        format!("已把 {len} 个字节送到终端的剪贴板（OSC 52）{note}"),
    )))
}

/// Writes a new file; fails if it exists.
pub(super) fn save(path: &Path, what: &Save, lang: Lang) -> Result<String, String> {
    let Save::Bytes(bytes) = what;
    let name = crate::model::safe_str(&path.display().to_string()).into_owned();
    let write = || -> io::Result<()> { create_new(path)?.write_all(bytes) };
    match write() {
        Ok(()) => Ok(lang.pick(
            format!("wrote {} bytes to {name}", bytes.len()),
            format!("已把 {} 个字节写入 {name}", bytes.len()),
        )),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{name}{}", lang.pick(" already exists: nothing was written", " 已存在：未写入")))
        }
        Err(error) => {
            Err(lang.pick(format!("cannot write {name}: {error}"), format!("无法写入 {name}：{error}")))
        }
    }
}

/// Returns the Chinese measure word and noun for the unit of an export.
fn unit_in_chinese(name: &str) -> &str {
    match name {
        "message" => "条消息",
        "packet" => "个数据包",
        "connection" => "个连接",
        "file" => "个文件",
        "row" => "行",
        other => other,
    }
}
