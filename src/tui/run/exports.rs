//! The export that goes on, and what else leaves the UI: text to the clipboard, bytes to a file.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;

use super::{Host, NEWS};
use crate::export::{Done, ExportError, ExportProgress, Job, Source, Task};
use crate::output::create_new;
use crate::store::Session;
use crate::tui::event::{Event, Save};
use crate::tui::widgets::units::counted;

/// Base64 that terminals take for their clipboard.
const CLIPBOARD: usize = 100_000;

/// The export that goes on, if any, on a thread of its own.
#[derive(Debug)]
pub struct Exports {
    source: Source,
    running: Option<Running>,
    told: Duration,
}

#[derive(Debug)]
struct Running {
    job: Job,
    progress: Arc<ExportProgress>,
    thread: JoinHandle<Result<Done, ExportError>>,
}

impl Exports {
    /// None goes on. `source`: where captures are read again.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self { source, running: None, told: Duration::ZERO }
    }

    /// Whether one goes on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Begins one; answers why not.
    pub(super) fn start(&mut self, session: &Session, job: Job) -> Option<String> {
        if self.is_running() {
            return Some("an export is already running; Ctrl-x stops it".to_owned());
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
            Err(error) => Some(format!("cannot export: {error}")),
        }
    }

    /// Asks it to end.
    pub(super) fn stop(&self) {
        if let Some(running) = &self.running {
            running.progress.cancel.store(true, Ordering::Relaxed);
        }
    }

    /// How far it came, and what came of it.
    pub(super) fn news(&mut self, now: Duration) -> Vec<Event> {
        let Some(running) = self.running.take() else { return Vec::new() };
        if !running.thread.is_finished() {
            let mut news = Vec::new();
            if now >= self.told + NEWS {
                self.told = now;
                let (done, total) = (
                    running.progress.done.load(Ordering::Relaxed),
                    running.progress.total.load(Ordering::Relaxed),
                );
                let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(0).min(100);
                news.push(Event::Exporting(Some(format!("exporting: {percent} %   Ctrl-x stops it"))));
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
                    lost => format!("   {lost} incomplete"),
                };
                Event::Done(Ok(format!("wrote {count} to {name}{lost}")))
            }
            Ok(Err(ExportError::Exists)) => Event::Exists(running.job),
            Ok(Err(error)) => {
                let error = error.to_string();
                Event::Done(Err(format!("{name}: {}", crate::model::safe_str(&error))))
            }
            Err(_) => Event::Done(Err(format!("{name}: the export failed"))),
        };
        vec![Event::Exporting(None), event]
    }
}

impl Drop for Exports {
    fn drop(&mut self) {
        // What is half done goes away with its thread.
        self.stop();
        if let Some(running) = self.running.take() {
            let _ = running.thread.join();
        }
    }
}

/// Puts text on the clipboard of the terminal, also over ssh (OSC 52). There is no answer to it.
pub(super) fn copy(text: &str, host: &mut dyn Host) -> io::Result<Result<String, String>> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    if encoded.len() > CLIPBOARD {
        let words = format!("{} bytes do not fit into the clipboard: e writes a file", text.len());
        return Ok(Err(words));
    }
    host.write(&format!("\x1b]52;c;{encoded}\x07"))?;
    let odd = text
        .chars()
        .filter(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || crate::model::is_hidden(*c))
        .count();
    let note = if odd > 0 {
        format!("   note: it contains {odd} control or invisible characters")
    } else {
        String::new()
    };
    Ok(Ok(format!("sent {} bytes to the terminal's clipboard (OSC 52){note}", text.len())))
}

/// Writes a file that was not there before.
pub(super) fn save(path: &Path, what: &Save) -> Result<String, String> {
    let Save::Bytes(bytes) = what;
    let name = crate::model::safe_str(&path.display().to_string()).into_owned();
    let write = || -> io::Result<()> { create_new(path)?.write_all(bytes) };
    match write() {
        Ok(()) => Ok(format!("wrote {} bytes to {name}", bytes.len())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{name} already exists: nothing was written"))
        }
        Err(error) => Err(format!("cannot write {name}: {error}")),
    }
}
