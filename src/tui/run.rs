//! The loop: the terminal, the clock and files on one side, the pure UI on the other.
//!
//! At most 30 frames a second, and only when something changed; input is taken at once. The terminal is given
//! back on quit, on a panic, on SIGTERM and while suspended.

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

/// How the UI looks and what it is called.
#[derive(Clone, Debug)]
pub struct UiOptions {
    /// The capture's name.
    pub source: String,
    /// How everything looks.
    pub looks: Looks,
    /// The language of lessons and explanations.
    pub lang: Lang,
    /// Whether the mouse is caught.
    pub mouse: bool,
    /// Where exports read the capture again.
    pub again: crate::export::Source,
    /// The filter to begin with; empty for none.
    pub filter: String,
    /// Where progress in lessons is kept; `None` to keep nothing.
    pub progress: Option<std::path::PathBuf>,
    /// Whether lessons come first, and which one.
    pub lessons: Option<Option<usize>>,
}

/// How long the end of a live capture is waited for.
const PARTING: Duration = Duration::from_secs(1);
/// Time between two frames: 30 a second.
const FRAME: Duration = Duration::from_millis(33);
/// Time between two looks at an index that grows: figures that can be read.
const NEWS: Duration = Duration::from_millis(100);
/// How long input is waited for when nothing else goes on.
const IDLE: Duration = Duration::from_millis(200);
/// How long input is waited for while a capture goes on.
const LIVE: Duration = Duration::from_millis(50);
/// How long input is waited for while something is expected.
const BUSY: Duration = Duration::from_millis(15);

/// What the loop needs of the terminal beside drawing. Tests have another one.
pub trait Host {
    /// The next event, waited for at most so long.
    ///
    /// # Errors
    /// Where the terminal is gone.
    fn next(&mut self, wait: Duration) -> io::Result<Option<Event>>;

    /// Time since the start.
    fn now(&self) -> Duration;

    /// Writes a control sequence.
    ///
    /// # Errors
    /// Where the terminal is gone.
    fn write(&mut self, sequence: &str) -> io::Result<()>;

    /// Catches the mouse, or leaves it to the terminal.
    ///
    /// # Errors
    /// Where the terminal is gone.
    fn mouse(&mut self, on: bool) -> io::Result<()>;

    /// Gives the terminal back until the program is told to go on.
    ///
    /// # Errors
    /// Where the terminal is gone.
    fn suspend(&mut self) -> io::Result<()>;

    /// What the world wants, by signals.
    fn wish(&mut self) -> Option<Wish>;
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// End.
    Quit,
    /// Give the terminal back for a while.
    Suspend,
    /// The terminal may have been used by others.
    Redraw,
}

/// Opens the terminal and shows a capture until the user quits.
///
/// # Errors
/// Where the terminal cannot be used.
pub fn run(session: &Session, options: &UiOptions) -> io::Result<()> {
    let mut host = TerminalHost::open(options.mouse)?;
    let mut saved = None;
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
        driven
    })();
    host.close();
    if host.is_gone() {
        // There is nobody to tell.
        return Ok(());
    }
    if result.is_ok()
        && let Some(words) = farewell(session, saved.as_deref())
    {
        // Whoever closed standard output does not want to know.
        let _ = writeln!(io::stdout(), "{words}");
    }
    result
}

/// What became of a live capture, in one line; none for files and pipes. `saved`: the file that the user saved it to.
#[must_use]
pub fn farewell(session: &Session, saved: Option<&Path>) -> Option<String> {
    let live = session.live()?;
    live.stop();
    // What writes the file has a moment to end it.
    let _ = live.wait_for(PARTING);
    session.version();
    let messages = units::counted(session.index().messages, "message");
    Some(match live.status().saved {
        Some((name, bytes)) => format!("saved {} ({messages}, {})", safe_str(&name), units::size(bytes)),
        None => match saved {
            Some(path) => format!("saved {} ({messages} were seen)", safe_str(&path.display().to_string())),
            None => format!("nothing was kept ({messages}); -w FILE keeps the packets"),
        },
    })
}

/// Runs the UI on any terminal until it is to end.
///
/// # Errors
/// Those of the terminal.
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
    let mut told: Option<Duration> = None;
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
            // On a quiet link, nothing is to be done.
            () if live::goes_on(&app.shared.progress) => LIVE,
            () if !done => BUSY,
            () => IDLE,
        };
        let mut events = Vec::new();
        if let Some(event) = host.next(wait)? {
            events.push(event);
            // A held key gives many events: they are taken together, as long as that is no longer than a frame.
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
        // The size is looked at, not only waited for: what is drawn and what is known must be the same.
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
            let chosen = search.told(*id);
            let over = matches!(chosen, Event::Chosen { over: true, .. });
            events.push(chosen);
            if over {
                choosing = None;
            }
        }
        events.extend(exports.news(now));
        let current = session.version();
        let progress = session.progress();
        let over = progress.state == Reading::Done;
        let stopped = progress.state != app.shared.progress.state;
        let known = &app.shared.progress;
        let changed = version != Some(current)
            || (!over && (progress.done != known.done || progress.live != known.live));
        if (changed && told.is_none_or(|told| now >= told + NEWS)) || (over && !done) || stopped {
            (version, told, done) = (Some(current), Some(now), over);
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
            // Terminals that know it show the frame at once; others ignore it.
            host.write("\x1b[?2026h")?;
            let index = session.index();
            terminal.draw(|frame| view(app, &index, frame)).map_err(io::Error::other)?;
            drop(index);
            host.write("\x1b[?2026l")?;
        }
    }
}

/// Whether the terminal UI has the terminal now.
#[must_use]
pub fn has_terminal() -> bool {
    host::is_taken()
}

/// Begins a search in payloads.
///
/// # Errors
/// Where its filter cannot be understood.
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
    told: Arc<Mutex<Vec<Told>>>,
}

impl Choosing {
    /// Begins to ask connections.
    ///
    /// # Errors
    /// Where the filter cannot be understood.
    pub fn begin(session: &Session, wanted: &ChooseFor) -> Result<Self, filter::FilterError> {
        let start = session.index().begin.unwrap_or_default();
        let mut asker = Asker::new(filter::parse(&wanted.filter)?, start);
        let told = Arc::<Mutex<Vec<Told>>>::default();
        let answers = Arc::clone(&told);
        let mut tell = move |answer| answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        let scan = session.scan_all(Some(wanted.connections.clone()), move |connection, looked| {
            match looked {
                Looked::Message(message) => asker.message(connection, message, &mut tell),
                Looked::Frame(frame) => asker.frame(connection, frame, &mut tell),
            }
            false
        });
        Ok(Self { scan, told })
    }

    /// Whether it ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.scan.progress().over
    }

    /// What it told since the last time.
    #[must_use]
    pub fn told(&self, id: u64) -> Event {
        // Before what was told is taken: nothing comes behind that.
        let progress = self.scan.progress();
        let told = std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        Event::Chosen { id, told, percent: percent(&progress), over: progress.over }
    }
}

fn percent(progress: &ScanProgress) -> u8 {
    let percent = (u128::from(progress.done) * 100).checked_div(u128::from(progress.total));
    percent.unwrap_or(0).min(100) as u8
}

/// What a search found since the last time.
#[must_use]
pub fn found(id: u64, scan: &Scan) -> Event {
    let progress = scan.progress();
    let found = scan.found().into_iter().map(|(_, message)| message).collect();
    Event::Found { id, found, percent: percent(&progress), over: progress.over }
}

/// Does what the UI wants; answers whether it is to end.
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
    let mut say = None;
    match effect {
        Effect::Quit => return Ok(true),
        Effect::StopReading => session.stop(),
        Effect::StopExport => exports.stop(),
        Effect::Export(job) => say = exports.start(session, job).map(Err),
        Effect::GoOnReading => session.resume(),
        Effect::Load(request) => session.ask(request),
        Effect::Scan(_) | Effect::Choose(_) => {}
        Effect::Copy(text) => say = Some(copy(&text, host)?),
        Effect::Keep(path, progress) => say = self::progress::keep(&path, &progress).err().map(Err),
        Effect::Save(path, what) => say = Some(save(&path, &what)),
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
