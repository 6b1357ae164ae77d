//! Messages that are a single long line, and the CPU time that each key takes on the screens that show them.
#![allow(dead_code, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use wslens::capture::Input;
use wslens::store::{Options, Session};
use wslens::tui::event::{Effect, Event, answer};
use wslens::tui::keys::script;
use wslens::tui::view::draw;
use wslens::tui::{App, Looks};

use super::effort::cpu;
use super::forge::{BINARY, C2S, Conversation, S2C, TEXT, capture_of};

/// Kinds of payloads: a name, the piece that is repeated, and the shape around it.
pub const KINDS: [Kind; 17] = [
    Kind("ascii", "the quick brown fox jumps over ".as_bytes(), Shape::Line),
    Kind("latin", "Žluťoučký kůň pěl ďábelské ódy ".as_bytes(), Shape::Line),
    Kind("chinese", "名字与消息，今天天气很好。".as_bytes(), Shape::Line),
    Kind("emoji", "😀🎉🚀🌍".as_bytes(), Shape::Line),
    Kind("joined-emoji", "👨\u{200d}👩\u{200d}👧👍🏽❤\u{fe0f}🏳\u{fe0f}\u{200d}🌈🇨🇳".as_bytes(), Shape::Line),
    Kind("marked", "e\u{301}o\u{308}a\u{323}\u{302}".as_bytes(), Shape::Line),
    Kind("hindi", "नमस्ते दुनिया ".as_bytes(), Shape::Line),
    Kind("marks-only", "\u{301}".as_bytes(), Shape::Line),
    Kind("one-cluster", "\u{301}".as_bytes(), Shape::After("e")),
    Kind("invalid", b"\xff\xe4\xb8", Shape::Line),
    Kind("control", b"\x01\x1b\x7f", Shape::Line),
    Kind("json-ascii", "the quick brown fox".as_bytes(), Shape::Objects),
    Kind("json-chinese", "名字与消息".as_bytes(), Shape::Objects),
    Kind("json-emoji", "😀🎉🚀🌍".as_bytes(), Shape::Objects),
    Kind("json-string", "名字与😀🎉".as_bytes(), Shape::Value),
    Kind("json-key", "名字与😀🎉".as_bytes(), Shape::Key),
    Kind("json-deep", b"[", Shape::Line),
];

/// A kind of payload.
#[derive(Clone, Copy)]
pub struct Kind(pub &'static str, &'static [u8], Shape);

#[derive(Clone, Copy)]
enum Shape {
    /// Only the piece, repeated.
    Line,
    /// The same after this text.
    After(&'static str),
    /// An array of objects.
    Objects,
    /// One object with one long value.
    Value,
    /// One object with one long key.
    Key,
}

impl Kind {
    /// Returns a payload of about `len` bytes, of complete pieces.
    pub fn payload(self, len: usize) -> Vec<u8> {
        let Self(_, piece, shape) = self;
        let many = |len: usize| piece.repeat((len / piece.len()).max(1));
        let within = |before: &str, after: &str| {
            let room = len - before.len() - after.len();
            [before.as_bytes(), &many(room), after.as_bytes()].concat()
        };
        match shape {
            Shape::Line => many(len),
            Shape::After(before) => within(before, ""),
            Shape::Value => within("{\"id\":1,\"text\":\"", "\"}"),
            Shape::Key => within("{\"id\":1,\"", "\":2}"),
            Shape::Objects => {
                let object = [b"{\"id\":12345,\"text\":\"", piece, b"\"},"].concat();
                let mut all = [b"[", object.repeat(len / object.len()).as_slice()].concat();
                all.pop();
                all.push(b']');
                all
            }
        }
    }
}

/// The terminal UI with a capture of one connection.
pub struct Screens {
    app: App,
    session: Session,
    now: Duration,
}

impl Screens {
    /// Opens a capture of these messages, sent by server and client in turn, in a terminal of `size` columns and rows.
    /// It shows the list of messages.
    pub fn open(messages: &[Vec<u8>], text: bool, size: (u16, u16)) -> Self {
        let mut talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80");
        for (i, bytes) in messages.iter().enumerate() {
            let side = if i % 2 == 0 { S2C } else { C2S };
            talk = talk.message(side, if text { TEXT } else { BINARY }, bytes);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), capture_of(&[&talk.closed(1000)])).unwrap();
        let mut session = Session::open(&[Input::from(file.path().to_owned())], Options::default()).unwrap();
        session.wait();
        let app = App::new("long.pcap", size, Looks::default());
        let mut screens = Self { app, session, now: Duration::ZERO };
        let progress = screens.session.progress();
        screens.event(Event::Data(Box::new(progress)));
        screens.rest();
        screens
    }

    /// Handles an event and the answers that it causes, and draws after each. Returns the CPU time of the most costly
    /// one, without the time to load a message, which happens on another thread in the program.
    pub fn event(&mut self, event: Event) -> Duration {
        let mut most = Duration::ZERO;
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let before = cpu();
            let effects = self.app.update(event, &self.session.index());
            let (columns, rows) = self.app.shared.size;
            let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
            draw(&self.app, &self.session.index(), &mut buffer);
            most = most.max(cpu().saturating_sub(before));
            for effect in effects {
                if let Effect::Load(request) = effect {
                    let loaded = self.session.load(&request);
                    events.push_back(answer(request, loaded));
                }
            }
        }
        most
    }

    /// Presses keys by their names, then waits until the selected message is loaded. Returns the CPU time of the most
    /// costly event.
    pub fn press(&mut self, keys: &str) -> Duration {
        let most = script(keys).into_iter().map(|press| self.event(Event::Key(press))).max();
        most.unwrap_or_default().max(self.rest())
    }

    /// Switches to a view of the message, by the label of its tab.
    pub fn view(&mut self, tab: &str) -> Duration {
        let mut most = Duration::ZERO;
        for _ in 0..4 {
            if self.shown().contains(tab) {
                return most;
            }
            most = most.max(self.press("t"));
        }
        panic!("no {tab} in\n{}", self.shown());
    }

    /// Waits long enough for the selected message to load.
    pub fn rest(&mut self) -> Duration {
        let mut most = Duration::ZERO;
        for _ in 0..2 {
            self.now += Duration::from_millis(100);
            most = most.max(self.event(Event::Tick(self.now)));
        }
        most
    }

    /// Resizes the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) -> Duration {
        self.event(Event::Resize(columns, rows))
    }

    /// Returns the screen as text.
    pub fn shown(&self) -> String {
        let (columns, rows) = self.app.shared.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        draw(&self.app, &self.session.index(), &mut buffer);
        let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..rows).map(row).collect::<Vec<_>>().join("\n")
    }
}

/// Presses keys, and returns the CPU time of the most costly event.
pub type Task = fn(&mut Screens) -> Duration;

/// What a user does, in this order; the first task starts in the list of messages.
pub const TASKS: [(&str, Task); 18] = [
    ("open", |ui| ui.press("Enter")),
    (
        "tree",
        |ui| if ui.shown().contains("[JSON]") { ui.press("j PgDn J h l G h g") } else { Duration::ZERO },
    ),
    ("text", |ui| ui.view("[text]")),
    ("down", |ui| ui.press("j j j j")),
    ("page", |ui| ui.press("PgDn PgDn PgUp")),
    ("resize", |ui| ui.resize(200, 60).max(ui.resize(60, 20)).max(ui.resize(80, 24))),
    ("next", |ui| ui.press("n p n p")),
    ("search", |ui| ui.press("/ q z Enter")),
    ("last", |ui| ui.press("G")),
    ("first", |ui| ui.press("k g")),
    ("cut", |ui| ui.press("w j G g w")),
    ("hex", |ui| ui.view("[hex]").max(ui.press("j G"))),
    ("raw", |ui| ui.view("[raw]").max(ui.press("j G"))),
    ("frame", |ui| ui.press("4 j j Tab j PgDn u u 3")),
    ("builder", |ui| ui.press("4 w j Space Tab Tab j Tab Enter j u u 3")),
    ("panes", |ui| {
        let most = ui.resize(120, 36).max(ui.press("Tab j j Tab j j PgDn Tab"));
        most.max(ui.resize(80, 24))
    }),
    ("ladder", |ui| ui.press("5 j j 3")),
    ("layers", |ui| ui.press("8 j j Tab j 3")),
];
