//! The loop: the terminal, the clock and files on one side, the pure UI on the other.
//!
//! At most 30 frames a second, and only when something changed; input is taken at once. The terminal is given
//! back on quit, on a panic, on SIGTERM and while suspended.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use base64::Engine as _;
use crossterm::event as term;
use crossterm::{cursor, execute, queue, terminal};
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};

use super::app::App;
use super::details::Answer;
use super::event::{Effect, Event, Mouse, MouseKind, Save, ScanFor};
use super::keys::{Key, Press};
use super::theme::Theme;
use super::view::view;
use crate::export::{Done, ExportError, Job, Progress, Source, Task};
use crate::filter::{self, Level, Levels, Matcher};
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
/// Base64 that terminals take for their clipboard.
const CLIPBOARD: usize = 100_000;

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
        Effect::Save(path, save) => say = Some(self::save(&path, &save)),
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
    progress: Arc<Progress>,
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
    fn start(&mut self, session: &Session, job: Job) -> Option<String> {
        if self.is_running() {
            return Some("an export goes on already; Ctrl-x stops it".to_owned());
        }
        let task = Task::new(session, &self.source, job.clone());
        let progress = Arc::<Progress>::default();
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
    fn stop(&self) {
        if let Some(running) = &self.running {
            running.progress.cancel.store(true, Ordering::Relaxed);
        }
    }

    /// How far it came, and what came of it.
    fn news(&mut self, now: Duration) -> Vec<Event> {
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
                let count = super::widgets::units::counted(done.count, done.name);
                let lost = match done.lost {
                    0 => String::new(),
                    lost => format!("   {lost} could not be had whole"),
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
fn copy(text: &str, host: &mut dyn Host) -> io::Result<Result<String, String>> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    if encoded.len() > CLIPBOARD {
        let words = format!("{} bytes are too many for the clipboard: e writes a file", text.len());
        return Ok(Err(words));
    }
    host.write(&format!("\x1b]52;c;{encoded}\x07"))?;
    let odd = text
        .chars()
        .filter(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || crate::model::is_hidden(*c))
        .count();
    let note = if odd > 0 {
        format!("   note: it holds {odd} control or invisible characters")
    } else {
        String::new()
    };
    Ok(Ok(format!("sent {} bytes to the terminal's clipboard (OSC 52){note}", text.len())))
}

/// Writes a file that was not there before.
fn save(path: &Path, what: &Save) -> Result<String, String> {
    let Save::Bytes(bytes) = what;
    let name = crate::model::safe_str(&path.display().to_string()).into_owned();
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(bytes)
    };
    match write() {
        Ok(()) => Ok(format!("wrote {} bytes to {name}", bytes.len())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(format!("{name} is there already: nothing was written"))
        }
        Err(error) => Err(format!("cannot write {name}: {error}")),
    }
}

/// A thread panicked: the terminal is given back already.
static PANICKED: AtomicBool = AtomicBool::new(false);
/// The terminal is in our hands.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back, if we have it. Used from the panic hook too: no state but a flag.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = execute!(
            out,
            term::DisableBracketedPaste,
            term::DisableMouseCapture,
            terminal::LeaveAlternateScreen,
            cursor::Show
        );
        let _ = terminal::disable_raw_mode();
    }
}

fn take(mouse: bool) -> io::Result<()> {
    terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    queue!(out, terminal::EnterAlternateScreen, term::EnableBracketedPaste, cursor::Hide)?;
    if mouse {
        queue!(out, term::EnableMouseCapture)?;
    }
    out.flush()
}

/// The real terminal.
struct TerminalHost {
    start: Instant,
    mouse: bool,
    /// The last click, to know a double one.
    click: Option<(Duration, u16, u16)>,
    signals: Signals,
}

impl TerminalHost {
    fn open(mouse: bool) -> io::Result<Self> {
        let signals = Signals::new()?;
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICKED.store(true, Ordering::SeqCst);
            give_back();
            before(panic);
        }));
        let host = Self { start: Instant::now(), mouse, click: None, signals };
        take(mouse).inspect_err(|_| give_back())?;
        Ok(host)
    }

    fn close(&mut self) {
        give_back();
    }

    fn mouse_event(&mut self, event: term::MouseEvent) -> Option<Event> {
        use term::{MouseButton, MouseEventKind};
        let (x, y) = (event.column, event.row);
        let now = self.now();
        let kind = match event.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let twice = self.click.is_some_and(|(when, ox, oy)| {
                    (ox, oy) == (x, y) && now.saturating_sub(when) < Duration::from_millis(400)
                });
                self.click = (!twice).then_some((now, x, y));
                if twice { MouseKind::DoubleClick } else { MouseKind::Click }
            }
            MouseEventKind::Drag(MouseButton::Left) => MouseKind::Drag,
            MouseEventKind::ScrollUp => MouseKind::WheelUp,
            MouseEventKind::ScrollDown => MouseKind::WheelDown,
            _ => return None,
        };
        Some(Event::Mouse(Mouse { kind, x, y }))
    }
}

impl Drop for TerminalHost {
    fn drop(&mut self) {
        give_back();
    }
}

impl Host for TerminalHost {
    fn next(&mut self, wait: Duration) -> io::Result<Option<Event>> {
        // With no time at all it would not even look.
        if !term::poll(wait.max(Duration::from_millis(1)))? {
            return Ok(None);
        }
        Ok(match term::read()? {
            term::Event::Key(key) if key.kind != term::KeyEventKind::Release => press(&key).map(Event::Key),
            term::Event::Mouse(mouse) => self.mouse_event(mouse),
            term::Event::Paste(text) => Some(Event::Paste(text)),
            term::Event::Resize(columns, rows) => Some(Event::Resize(columns, rows)),
            _ => None,
        })
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn write(&mut self, sequence: &str) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(sequence.as_bytes())?;
        out.flush()
    }

    fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if on {
            execute!(io::stdout(), term::EnableMouseCapture)
        } else {
            execute!(io::stdout(), term::DisableMouseCapture)
        }
    }

    fn suspend(&mut self) -> io::Result<()> {
        give_back();
        self.signals.stop();
        take(self.mouse)
    }

    fn wish(&mut self) -> Option<Wish> {
        if PANICKED.load(Ordering::SeqCst) { Some(Wish::Quit) } else { self.signals.wish() }
    }
}

/// A key as the table names it.
fn press(event: &term::KeyEvent) -> Option<Press> {
    use term::{KeyCode, KeyModifiers};
    let key = match event.code {
        KeyCode::Char(char) => Key::Char(char),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Delete => Key::Delete,
        KeyCode::F(n) => Key::F(n),
        _ => return None,
    };
    let has = |modifier| event.modifiers.contains(modifier);
    Some(Press { key, ctrl: has(KeyModifiers::CONTROL), alt: has(KeyModifiers::ALT) })
}

#[cfg(unix)]
use unix::Signals;

#[cfg(unix)]
mod unix {
    //! Signals become flags that the loop looks at.

    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    use signal_hook::{flag, low_level};

    use super::Wish;

    pub(super) struct Signals {
        quit: Arc<AtomicBool>,
        stop: Arc<AtomicBool>,
        go_on: Arc<AtomicBool>,
    }

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            let signals = Self { quit: Arc::default(), stop: Arc::default(), go_on: Arc::default() };
            // The terminal is gone: reading from it may never come back, and there is nothing to give back.
            flag::register_conditional_shutdown(SIGHUP, 129, Arc::new(AtomicBool::new(true)))?;
            for signal in [SIGTERM, SIGINT] {
                // The second one ends a program that did not hear the first.
                flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&signals.quit))?;
                flag::register(signal, Arc::clone(&signals.quit))?;
            }
            flag::register(SIGTSTP, Arc::clone(&signals.stop))?;
            flag::register(SIGCONT, Arc::clone(&signals.go_on))?;
            Ok(signals)
        }

        pub(super) fn wish(&self) -> Option<Wish> {
            if self.quit.swap(false, Ordering::SeqCst) {
                Some(Wish::Quit)
            } else if self.stop.swap(false, Ordering::SeqCst) {
                Some(Wish::Suspend)
            } else if self.go_on.swap(false, Ordering::SeqCst) {
                Some(Wish::Redraw)
            } else {
                None
            }
        }

        /// Stops the process as Ctrl-Z does elsewhere; returns when it is told to go on.
        pub(super) fn stop(&self) {
            let _ = low_level::emulate_default_handler(SIGTSTP);
            self.go_on.store(false, Ordering::SeqCst);
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    fn wish(&self) -> Option<Wish> {
        None
    }

    fn stop(&self) {}
}
