//! The loop: the terminal, the clock and files on one side, the pure UI on the other.
//!
//! At most 30 frames a second, and only when something changed; input is taken at once. The terminal is given
//! back on quit, on a panic, on SIGTERM and while suspended.

mod exports;
mod host;
#[cfg_attr(not(unix), path = "run/no_signals.rs")]
mod signals;

pub use exports::Exports;

use std::io;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};

use self::exports::{copy, save};
use self::host::TerminalHost;
use super::app::App;
use super::details::Answer;
use super::event::{Effect, Event, ScanFor};
use super::theme::Theme;
use super::view::view;
use crate::filter::{self, Level, Levels, Matcher};
use crate::model::Lang;
use crate::pipeline::Connection;
use crate::store::{Detail, LoadError, Reading, Request, Scan, Session};
use crate::ws::MessageEvent;

/// How the UI looks and what it is called.
#[derive(Clone, Debug)]
pub struct Options {
    /// The capture's name.
    pub source: String,
    /// The look.
    pub theme: Theme,
    /// Only ASCII signs.
    pub ascii: bool,
    /// The language of lessons and explanations.
    pub lang: Lang,
    /// Whether the mouse is caught.
    pub mouse: bool,
    /// Where exports read the capture again.
    pub again: crate::export::Source,
    /// The filter to begin with; empty for none.
    pub filter: String,
}

/// Time between two frames: 30 a second.
const FRAME: Duration = Duration::from_millis(33);
/// Time between two looks at an index that grows: figures that can be read.
const NEWS: Duration = Duration::from_millis(100);
/// How long input is waited for when nothing else goes on.
const IDLE: Duration = Duration::from_millis(200);
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
pub fn run(session: &Session, options: &Options) -> io::Result<()> {
    let mut host = TerminalHost::open(options.mouse)?;
    let result = (|| {
        let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let size = terminal.size()?;
        let mut app = App::new(&options.source, (size.width, size.height), options.theme, options.ascii);
        app.mouse = options.mouse;
        app.shared.lang = options.lang;
        app.shared.set_filter(&options.filter).map_err(|error| io::Error::other(error.what))?;
        let mut exports = Exports::new(options.again.clone());
        drive(&mut terminal, &mut app, session, &mut exports, &mut host)
    })();
    host.close();
    result
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
    loop {
        let now = host.now();
        let due = drawn.map_or(Duration::ZERO, |drawn| (drawn + FRAME).saturating_sub(now));
        let wait = match () {
            () if app.dirty => due,
            () if !done || app.waits() || app.shared.details.is_waiting() => BUSY,
            () if running.is_some() || exports.is_running() => BUSY,
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
        events.extend(exports.news(now));
        let current = session.version();
        let progress = session.progress();
        let over = progress.state == Reading::Done;
        let stopped = progress.state != app.shared.progress.state;
        let changed = version != Some(current) || (!over && progress.done != app.shared.progress.done);
        if (changed && told.is_none_or(|told| now >= told + NEWS)) || (over && !done) || stopped {
            (version, told, done) = (Some(current), Some(now), over);
            events.push(Event::Data(progress));
        }
        for event in events {
            let effects = app.update(event, &session.index());
            for effect in effects {
                if let Effect::Scan(wanted) = &effect {
                    running = scan(session, wanted).ok().map(|scan| (wanted.id, scan));
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
            // Terminals that know it show the frame at once; others ignore it.
            host.write("\x1b[?2026h")?;
            let index = session.index();
            terminal.draw(|frame| view(app, &index, frame)).map_err(io::Error::other)?;
            drop(index);
            host.write("\x1b[?2026l")?;
        }
    }
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

/// What a search found since the last time.
#[must_use]
pub fn found(id: u64, scan: &Scan) -> Event {
    let progress = scan.progress();
    let found = scan.found().into_iter().map(|(_, message)| message).collect();
    let percent =
        (u128::from(progress.done) * 100).checked_div(u128::from(progress.total)).unwrap_or(0).min(100);
    Event::Found { id, found, percent: percent as u8, over: progress.over }
}

/// An answer of the store, as an event.
#[must_use]
pub fn answer(request: Request, answer: Result<Detail, LoadError>) -> Event {
    let answer = answer.map(|detail| match detail {
        Detail::Message(detail) => Answer::Message(detail.into()),
        Detail::Frame(detail) => Answer::Frame(detail.into()),
        Detail::Tcp(detail) => Answer::Tcp(detail.into()),
    });
    Event::Answer(request, answer.map_err(|error| error.to_string()))
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
        Effect::Scan(_) => {}
        Effect::Copy(text) => say = Some(copy(&text, host)?),
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
