//! The loop: the terminal, the clock and files on one side, the pure UI on the other.
//!
//! It draws at most 30 frames a second, and only after a change; input is handled at once. The terminal is restored
//! on quit, on a panic, on SIGTERM and while the program is suspended.

mod exports;
mod host;
mod progress;
#[cfg_attr(not(unix), path = "run/no_signals.rs")]
mod signals;

pub use exports::Exports;

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};

use self::exports::{copy, save};
use self::host::TerminalHost;
use super::app::App;
use super::event::{ChooseFor, Effect, Event, ScanFor, answer};
use super::live;
use super::theme::Looks;
use super::view::view;
use super::widgets::units;
use crate::filter::{self, Asker, Level, Levels, Matcher, Told};
use crate::model::{Lang, safe_str};
use crate::pipeline::Connection;
use crate::store::{Looked, Reading, Scan, ScanProgress, Session};
use crate::ws::MessageEvent;

/// Options of the UI.
#[derive(Clone, Debug)]
pub struct UiOptions {
    /// The capture's name.
    pub source: String,
    /// Theme, colors and glyphs.
    pub looks: Looks,
    /// The language of the UI.
    pub lang: Lang,
    /// Whether wslens handles the mouse.
    pub mouse: bool,
    /// The input that exports read again.
    pub again: crate::export::Source,
    /// The initial filter; empty for none.
    pub filter: String,
    /// The file with the progress in lessons; `None` to save nothing.
    pub progress: Option<std::path::PathBuf>,
    /// Whether to start with the lessons, and with which one.
    pub lessons: Option<Option<usize>>,
}

/// Time to wait for the end of a live capture.
const PARTING: Duration = Duration::from_secs(1);
/// Time between two frames: 30 a second.
const FRAME: Duration = Duration::from_millis(33);
/// Time between two updates while the index grows, so that figures can be read.
const NEWS: Duration = Duration::from_millis(100);
/// Time to wait for input while nothing else happens.
const IDLE: Duration = Duration::from_millis(200);
/// Time to wait for input during a live capture.
const LIVE: Duration = Duration::from_millis(50);
/// Time to wait for input while a result is expected.
const BUSY: Duration = Duration::from_millis(15);

/// The operations of a terminal besides drawing. Tests implement it without a terminal.
pub trait Host {
    /// Returns the next event, or `None` if none arrives in time.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn next(&mut self, wait: Duration) -> io::Result<Option<Event>>;

    /// Time since the start.
    fn now(&self) -> Duration;

    /// Writes a control sequence.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn write(&mut self, sequence: &str) -> io::Result<()>;

    /// Enables or disables mouse events.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn mouse(&mut self, on: bool) -> io::Result<()>;

    /// Restores the terminal and suspends the program until it is continued.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn suspend(&mut self) -> io::Result<()>;

    /// Returns the request of a signal that has arrived.
    fn wish(&mut self) -> Option<Wish>;
}

/// The request of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// End.
    Quit,
    /// Suspend the program.
    Suspend,
    /// Draw again: other programs may have used the terminal.
    Redraw,
}

/// Opens the terminal and shows a capture until the user quits.
///
/// # Errors
/// If the terminal cannot be used.
pub fn run(session: &Session, options: &UiOptions) -> io::Result<()> {
    let mut host = TerminalHost::open(options.mouse)?;
    let (mut saved, mut lang) = (None, options.lang);
    let result = (|| {
        let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let size = terminal.size()?;
        let mut app = App::new(&options.source, (size.width, size.height), options.looks);
        app.mouse = options.mouse;
        app.shared.lang = options.lang;
        app.shared.set_filter(&options.filter).map_err(|error| io::Error::other(error.what))?;
        if let Some(path) = &options.progress {
            app.screens.learn.progress = self::progress::kept(path);
            app.screens.learn.file = Some(path.clone());
        }
        if let Some(lesson) = options.lessons {
            app.learn(lesson);
        }
        let mut exports = Exports::new(options.again.clone());
        let driven = drive(&mut terminal, &mut app, session, &mut exports, &mut host);
        saved = app.saved().map(Path::to_owned);
        lang = app.shared.lang;
        driven
    })();
    host.close();
    if host.is_gone() {
        // There is no terminal to write to.
        return Ok(());
    }
    if result.is_ok()
        && let Some(words) = farewell(session, saved.as_deref(), lang)
    {
        // An error means that standard output was closed; that needs no report.
        let _ = writeln!(io::stdout(), "{words}");
    }
    result
}

/// Returns one line about what was saved of a live capture; `None` for files and pipes. `saved`: the file that the user
/// saved it to.
#[must_use]
pub fn farewell(session: &Session, saved: Option<&Path>, lang: Lang) -> Option<String> {
    let live = session.live()?;
    live.stop();
    // Give the writer of the file time to finish.
    let _ = live.wait_for(PARTING);
    session.version();
    let messages = units::counted_in(lang, session.index().messages, "message", "条消息");
    let (name, rest) = match (live.status().saved, saved) {
        (Some((name, bytes)), _) => (name, format!("{messages}, {}", units::size(bytes))),
        (None, Some(path)) => (path.display().to_string(), messages),
        (None, None) => {
            return Some(lang.pick(
                format!("nothing was saved ({messages}); -w FILE saves the packets"),
                format!("未保存（{messages}）；-w FILE 保存数据包"),
            ));
        }
    };
    let name = safe_str(&name);
    Some(lang.pick(format!("saved {name} ({rest})"), format!("已保存 {name}（{rest}）")))
}

/// Runs the UI on any terminal until the user quits.
///
/// # Errors
/// Errors of the terminal.
pub fn drive<B: Backend>(
    terminal: &mut Terminal<B>,
    app: &mut App,
    session: &Session,
    exports: &mut Exports,
    host: &mut dyn Host,
) -> io::Result<()>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut version = None;
    let mut reported: Option<Duration> = None;
    let mut drawn: Option<Duration> = None;
    let mut done = false;
    let mut running: Option<(u64, Scan)> = None;
    let mut searched = u8::MAX;
    let mut choosing: Option<(u64, Choosing)> = None;
    loop {
        let now = host.now();
        let due = drawn.map_or(Duration::ZERO, |drawn| (drawn + FRAME).saturating_sub(now));
        let wait = match () {
            () if app.dirty => due,
            () if app.waits() || app.shared.details.is_waiting() => BUSY,
            () if running.is_some() || choosing.is_some() || exports.is_running() => BUSY,
            () if live::is_running(&app.shared.progress) => LIVE,
            () if !done => BUSY,
            () => IDLE,
        };
        let mut events = Vec::new();
        if let Some(event) = host.next(wait)? {
            events.push(event);
            // A held key sends many events: handle them together, for at most half a frame.
            let until = host.now() + FRAME / 2;
            while let Some(event) = host.next(Duration::ZERO)? {
                events.push(event);
                if host.now() >= until {
                    break;
                }
            }
        }
        let now = host.now();
        events.insert(0, Event::Tick(now));
        // Resize events may arrive late: the UI must know the size that ratatui draws.
        let size = terminal.size().map_err(io::Error::other)?;
        if (size.width, size.height) != app.shared.size {
            events.push(Event::Resize(size.width, size.height));
        }
        events.extend(session.answers().map(|(request, loaded)| answer(request, loaded)));
        if let Some((id, search)) = &running {
            let found = found(*id, search);
            let over = matches!(found, Event::Found { over: true, .. });
            if !matches!(&found, Event::Found { found, percent, .. } if found.is_empty() && *percent == searched)
                || over
            {
                searched = if let Event::Found { percent, .. } = found { percent } else { 0 };
                events.push(found);
            }
            if over {
                running = None;
            }
        }
        if let Some((id, search)) = &choosing {
            let chosen = search.results(*id);
            let over = matches!(chosen, Event::Chosen { over: true, .. });
            events.push(chosen);
            if over {
                choosing = None;
            }
        }
        events.extend(exports.news(now, app.shared.lang));
        let current = session.version();
        let progress = session.progress();
        let over = progress.state == Reading::Done;
        let stopped = progress.state != app.shared.progress.state;
        let known = &app.shared.progress;
        let changed = version != Some(current)
            || (!over && (progress.done != known.done || progress.live != known.live));
        if (changed && reported.is_none_or(|reported| now >= reported + NEWS)) || (over && !done) || stopped {
            (version, reported, done) = (Some(current), Some(now), over);
            events.push(Event::Data(Box::new(progress)));
        }
        for event in events {
            let effects = app.update(event, &session.index());
            for effect in effects {
                if let Effect::Scan(wanted) = &effect {
                    running = scan(session, wanted).ok().map(|scan| (wanted.id, scan));
                    continue;
                }
                if let Effect::Choose(wanted) = &effect {
                    choosing = Choosing::begin(session, wanted).ok().map(|search| (wanted.id, search));
                    continue;
                }
                if perform(effect, terminal, app, session, exports, host)? {
                    return Ok(());
                }
            }
        }
        match host.wish() {
            Some(Wish::Quit) => return Ok(()),
            Some(Wish::Suspend) => suspend(terminal, app, host)?,
            Some(Wish::Redraw) => redraw(terminal, app)?,
            None => {}
        }
        if app.dirty && drawn.is_none_or(|drawn| host.now() >= drawn + FRAME) {
            app.dirty = false;
            drawn = Some(host.now());
            app.shared.live.draws += 1;
            // Synchronized output: terminals that support it show the frame at once, others ignore it.
            host.write("\x1b[?2026h")?;
            let index = session.index();
            terminal.draw(|frame| view(app, &index, frame)).map_err(io::Error::other)?;
            drop(index);
            host.write("\x1b[?2026l")?;
        }
    }
}

/// Returns whether the terminal UI is using the terminal.
#[must_use]
pub fn has_terminal() -> bool {
    host::is_taken()
}

/// Starts a search in payloads.
///
/// # Errors
/// If its filter is invalid.
pub fn scan(session: &Session, wanted: &ScanFor) -> Result<Scan, filter::FilterError> {
    let mut matcher = Matcher::new(filter::parse(&wanted.filter)?, Levels::of(Level::Message));
    matcher.begins(session.index().begin.unwrap_or_default());
    let is_meant =
        move |connection: &Connection, message: &MessageEvent<'_>| matcher.message(connection, message);
    Ok(session.scan(Some(vec![wanted.connection]), is_meant))
}

/// A search for connections in all of their bytes.
pub struct Choosing {
    scan: Scan,
    results: Arc<Mutex<Vec<Told>>>,
}

impl Choosing {
    /// Starts the search.
    ///
    /// # Errors
    /// If the filter is invalid.
    pub fn begin(session: &Session, wanted: &ChooseFor) -> Result<Self, filter::FilterError> {
        let start = session.index().begin.unwrap_or_default();
        let mut asker = Asker::new(filter::parse(&wanted.filter)?, start);
        let results = Arc::<Mutex<Vec<Told>>>::default();
        let answers = Arc::clone(&results);
        let mut tell = move |answer| answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        let scan = session.scan_all(Some(wanted.connections.clone()), move |connection, looked| {
            match looked {
                Looked::Message(message) => asker.message(connection, message, &mut tell),
                Looked::Frame(frame) => asker.frame(connection, frame, &mut tell),
            }
            false
        });
        Ok(Self { scan, results })
    }

    /// Returns whether the search has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.scan.progress().over
    }

    /// Returns the results since the last call.
    #[must_use]
    pub fn results(&self, id: u64) -> Event {
        // Read the progress first: if it says that the search is over, the results below are complete.
        let progress = self.scan.progress();
        let results = std::mem::take(&mut *self.results.lock().unwrap_or_else(PoisonError::into_inner));
        Event::Chosen { id, results, percent: percent(&progress), over: progress.over }
    }
}

fn percent(progress: &ScanProgress) -> u8 {
    let percent = (u128::from(progress.done) * 100).checked_div(u128::from(progress.total));
    percent.unwrap_or(0).min(100) as u8
}

/// Returns what a search found since the last call.
#[must_use]
pub fn found(id: u64, scan: &Scan) -> Event {
    let progress = scan.progress();
    let found = scan.found().into_iter().map(|(_, message)| message).collect();
    Event::Found { id, found, percent: percent(&progress), over: progress.over }
}

/// Performs an effect; returns whether the program ends.
fn perform<B: Backend>(
    effect: Effect,
    terminal: &mut Terminal<B>,
    app: &mut App,
    session: &Session,
    exports: &mut Exports,
    host: &mut dyn Host,
) -> io::Result<bool>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let lang = app.shared.lang;
    let mut say = None;
    match effect {
        Effect::Quit => return Ok(true),
        Effect::StopReading => session.stop(),
        Effect::StopExport => exports.stop(),
        Effect::Export(job) => say = exports.start(session, job, lang).map(Err),
        Effect::GoOnReading => session.resume(),
        Effect::Load(request) => session.ask(request),
        Effect::Scan(_) | Effect::Choose(_) => {}
        Effect::Copy(text) => say = Some(copy(&text, host, lang)?),
        Effect::Keep(path, progress) => say = self::progress::keep(&path, &progress, lang).err().map(Err),
        Effect::Save(path, what) => say = Some(save(&path, &what, lang)),
        Effect::Mouse(on) => host.mouse(on)?,
        Effect::Redraw => redraw(terminal, app)?,
        Effect::Suspend => suspend(terminal, app, host)?,
    }
    if let Some(done) = say {
        let _ = app.update(Event::Done(done), &session.index());
    }
    Ok(false)
}

fn redraw<B: Backend>(terminal: &mut Terminal<B>, app: &mut App) -> io::Result<()>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    terminal.clear().map_err(io::Error::other)?;
    app.dirty = true;
    Ok(())
}

fn suspend<B: Backend>(terminal: &mut Terminal<B>, app: &mut App, host: &mut dyn Host) -> io::Result<()>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    host.suspend()?;
    let size = terminal.size().map_err(io::Error::other)?;
    app.shared.size = (size.width, size.height);
    redraw(terminal, app)
}
