//! The real terminal: it is always restored, and its events become events of the UI.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossterm::event as term;
use crossterm::{cursor, execute, queue, terminal};

use super::signals::Signals;
use super::{Host, Wish};
use crate::tui::event::{Event, Mouse, MouseKind};
use crate::tui::keys::{Key, Press};

/// Set when a thread panicked: the terminal is restored already.
static PANICKED: AtomicBool = AtomicBool::new(false);
/// Set while the terminal is in use.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Restores the terminal if it is in use. The panic hook uses it too, so its only state is a flag.
pub(super) fn give_back() {
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

/// Returns whether the terminal is in use.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
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
pub(super) struct TerminalHost {
    start: Instant,
    mouse: bool,
    /// The last click, to detect double clicks.
    click: Option<(Duration, u16, u16)>,
    signals: Signals,
}

impl TerminalHost {
    pub(super) fn open(mouse: bool) -> io::Result<Self> {
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

    /// Returns whether the terminal is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.signals.is_gone()
    }

    pub(super) fn close(&mut self) {
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
        // With a timeout of zero, crossterm would not read the input.
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

/// Returns a key with its name in the table.
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
