//! A UI without a terminal: the capture is read to its end, and time passes only when the test says so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::capture::{Capture, Input};
use crate::model::{is_hidden, width};
use crate::store::{Options, Session};
use crate::tui::app::App;
use crate::tui::event::{Effect, Event, Mouse, MouseKind, Save, answer};
use crate::tui::keys::{Press, script};
use crate::tui::run::{Choosing, found, scan};
use crate::tui::screens::ScreenId;
use crate::tui::screens::ladder::Ladder;
use crate::tui::screens::messages::Messages;
use crate::tui::theme::{Looks, Role, Theme};
use crate::tui::view::draw;

/// A UI under test.
pub struct Kit {
    pub app: App,
    pub session: Session,
    /// The texts that were copied, the latest last.
    pub copied: Vec<String>,
    /// The files that were saved.
    pub saved: Vec<(PathBuf, Save)>,
    /// All other effects.
    pub effects: Vec<Effect>,
    now: Duration,
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The capture of a folder in `captures`.
pub fn capture(name: &str) -> PathBuf {
    let folder = repository("captures").join(name);
    let found = ["capture.pcapng", "capture.pcap", "capture.pcapng.gz"].iter().map(|file| folder.join(file));
    found.into_iter().find(|path| path.is_file()).unwrap_or_else(|| panic!("no capture {name}"))
}

impl Kit {
    /// Opens a capture of the repository in a terminal of this size, read to its end.
    pub fn open(name: &str, columns: u16, rows: u16) -> Self {
        let session = Session::open(&[Input::from(capture(name))], Options::default()).unwrap();
        Self::of(session, &format!("{name}.pcapng"), columns, rows)
    }

    /// Opens a capture whose packets are truncated to a length.
    pub fn open_cut(name: &str, snap: usize, columns: u16, rows: u16) -> Self {
        let mut whole = Capture::from_bytes(std::fs::read(capture(name)).unwrap()).unwrap();
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let mut out = vec![];
        while let Some(packet) = whole.next() {
            if out.is_empty() {
                out = words(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, snap as u32, u32::from(packet.link.0)]);
            }
            let bytes = whole.bytes(packet.bytes).unwrap();
            let bytes = &bytes[..bytes.len().min(snap)];
            let (seconds, rest) = (packet.time.0 / 1_000_000_000, packet.time.0 % 1_000_000_000);
            out.extend(words(&[seconds as u32, rest as u32, bytes.len() as u32, packet.wire_len]));
            out.extend(bytes);
        }
        Self::of_bytes(out, columns, rows).unwrap()
    }

    /// Opens the bytes of a capture file; `None` if they are no capture.
    #[allow(dead_code)]
    pub fn of_bytes(bytes: Vec<u8>, columns: u16, rows: u16) -> Option<Self> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let session = Session::open(&[Input::from(file.path().to_owned())], Options::default()).ok()?;
        Some(Self::of(session, "made.pcap", columns, rows))
    }

    fn of(mut session: Session, name: &str, columns: u16, rows: u16) -> Self {
        session.wait();
        Self::start(session, name, columns, rows).rest()
    }

    /// Starts with a session in its current state: it may still be reading.
    pub fn start(session: Session, name: &str, columns: u16, rows: u16) -> Self {
        let mut kit = Self {
            app: App::new(name, (columns, rows), Looks::default()),
            session,
            copied: Vec::new(),
            saved: Vec::new(),
            effects: Vec::new(),
            now: Duration::ZERO,
        };
        let progress = kit.session.progress();
        kit.event(Event::Data(Box::new(progress)));
        kit
    }

    /// Returns a screen as its own type.
    fn screen<T: 'static>(&self, id: ScreenId) -> &T {
        let screen: &dyn std::any::Any = self.app.screens.get(id);
        screen.downcast_ref().expect("the screen has another type")
    }

    /// Returns the list of messages.
    pub fn messages(&self) -> &Messages {
        self.screen(ScreenId::Messages)
    }

    /// Returns the ladder.
    pub fn ladder(&self) -> &Ladder {
        self.screen(ScreenId::Ladder)
    }

    /// Handles an event and its effects.
    pub fn event(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let effects = self.app.update(event, &self.session.index());
            for effect in effects {
                match effect {
                    Effect::Load(request) => {
                        let loaded = self.session.load(&request);
                        events.push(answer(request, loaded));
                    }
                    Effect::Scan(wanted) => {
                        let search = scan(&self.session, &wanted).unwrap();
                        while !search.progress().over {
                            std::thread::yield_now();
                        }
                        events.push(found(wanted.id, &search));
                    }
                    Effect::Choose(wanted) => {
                        let search = Choosing::begin(&self.session, &wanted).unwrap();
                        while !search.is_over() {
                            std::thread::yield_now();
                        }
                        events.push(search.results(wanted.id));
                    }
                    Effect::Copy(text) => self.copied.insert(0, text),
                    Effect::Save(path, save) => self.saved.push((path, save)),
                    other => self.effects.push(other),
                }
            }
        }
    }

    /// Presses keys by their names, without time passing: `3 j j Enter Esc`.
    pub fn press(mut self, keys: &str) -> Self {
        for press in script(keys) {
            self.event(Event::Key(press));
        }
        self
    }

    /// Types a text.
    pub fn text(mut self, text: &str) -> Self {
        for char in text.chars() {
            self.event(Event::Key(Press::char(char)));
        }
        self
    }

    /// Clicks on the first place where the screen shows a text.
    pub fn click(mut self, on: &str) -> Self {
        let lines = self.lines();
        let (y, line, at) =
            lines.iter().enumerate().find_map(|(y, line)| line.find(on).map(|at| (y, line, at))).expect(on);
        let x = width(&line[..at]) as u16;
        self.event(Event::Mouse(Mouse { kind: MouseKind::Click, x, y: y as u16 }));
        self
    }

    /// Lets some milliseconds pass.
    pub fn tick(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.event(Event::Tick(self.now));
    }

    /// Waits long enough for everything to be loaded.
    pub fn rest(mut self) -> Self {
        for _ in 0..8 {
            self.now += Duration::from_millis(100);
            self.event(Event::Tick(self.now));
        }
        self
    }

    /// Changes the size of the terminal.
    pub fn resize(mut self, columns: u16, rows: u16) -> Self {
        self.event(Event::Resize(columns, rows));
        self
    }

    /// Draws the screen.
    pub fn buffer(&self) -> Buffer {
        let (columns, rows) = self.app.shared.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        draw(&self.app, &self.session.index(), &mut buffer);
        check(&buffer);
        buffer
    }

    /// Returns the rows as text.
    pub fn lines(&self) -> Vec<String> {
        lines(&self.buffer())
    }

    /// Returns all of the text.
    pub fn shown(&self) -> String {
        self.lines().join("\n")
    }

    /// Checks that the screen shows a text; panics with the screen if not.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        let shown = self.shown();
        assert!(shown.contains(text), "no {text:?} in\n{shown}");
        self
    }

    /// Compares the screen, symbols and roles, with its picture in `tests/screens`.
    #[track_caller]
    pub fn picture(&self, name: &str) -> &Self {
        let path = repository("tests/screens").join(format!("{name}.txt"));
        let drawn = picture(&self.buffer(), self.app.shared.looks.theme);
        if std::env::var_os("WSLENS_BLESS").is_some() {
            std::fs::create_dir_all(repository("tests/screens")).unwrap();
            std::fs::write(&path, &drawn).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = kept.lines().zip(drawn.lines()).position(|(a, b)| a != b);
        assert!(
            kept == drawn,
            "tests/screens/{name}.txt, line {:?}: WSLENS_BLESS=1 cargo test tui. Now:\n{drawn}",
            differs.map(|n| n + 1)
        );
        self
    }
}

/// Checks what is true for every frame: all cells are harmless, no row is wider than the terminal.
pub fn check(buffer: &Buffer) {
    for cell in &buffer.content {
        let symbol = cell.symbol();
        for char in symbol.chars() {
            let selector = matches!(char, '\u{fe0e}' | '\u{fe0f}');
            assert!(!char.is_control() && (!is_hidden(char) || selector), "{symbol:?}");
        }
    }
    for (line, row) in lines(buffer).iter().zip(0..) {
        assert!(width(line) <= usize::from(buffer.area.width), "row {row}: {line}");
    }
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let line = |y| {
        let (mut line, mut x) = (String::new(), 0);
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += width(symbol).max(1) as u16;
        }
        line.trim_end().to_owned()
    };
    (0..area.height).map(line).collect()
}

/// The letter of a role in pictures.
fn letter(role: Role) -> char {
    match role {
        Role::Plain => '.',
        Role::ClientToServer => 'c',
        Role::ServerToClient => 's',
        Role::Control => 'p',
        Role::Error => 'E',
        Role::Warning => 'W',
        Role::Note => 'n',
        Role::Ok => 'o',
        Role::Title | Role::Header => 'T',
        Role::Focus => 'F',
        Role::Key => 'k',
        Role::MaskingKey => 'm',
        Role::Escape | Role::Cursor | Role::Selected => 'R',
        Role::Dim | Role::Nul => 'd',
        Role::Hit => 'H',
        Role::Space => 'g',
        Role::OtherAscii => 'a',
        Role::NonAscii => 'x',
    }
}

/// Returns a frame as symbols and, below, a letter for the role of each cell: `R` reversed in any color, or plain in
/// the selected row; `?` no role.
fn picture(buffer: &Buffer, theme: Theme) -> String {
    let area = buffer.area;
    let mut out = format!("{}x{}\n", area.width, area.height);
    for line in lines(buffer) {
        writeln!(out, "{line}").unwrap();
    }
    let roles = Role::ALL.iter().map(|role| letter(*role)).collect::<std::collections::BTreeSet<char>>();
    writeln!(out, "--- roles: {}", roles.iter().collect::<String>()).unwrap();
    for y in 0..area.height {
        let mut line = String::new();
        for x in 0..area.width {
            let cell = &buffer[(x, y)];
            let (fg, modifier) = (cell.fg, cell.modifier);
            let found = Role::ALL.iter().find(|role| {
                let style = theme.style(**role);
                **role != Role::Cursor && style.fg.unwrap_or_default() == fg && style.add_modifier == modifier
            });
            let reversed = modifier.contains(ratatui::style::Modifier::REVERSED);
            let in_row = theme.style(Role::Cursor).bg == Some(cell.bg);
            line.push(match found {
                Some(Role::Plain) if in_row => 'R',
                Some(role) => letter(*role),
                None if reversed => 'R',
                None => '?',
            });
        }
        writeln!(out, "{}", line.trim_end_matches('.')).unwrap();
    }
    out
}
