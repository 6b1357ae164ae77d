//! The UI's state, and what events make of it. No terminal, no clock, no file: those are in `run`.

mod filtering;
mod mouse;
mod typing;

use super::commands::{self, Cmd, Meaning, Scope};
use super::event::{Effect, Event};
use super::keys::{Key, Press};
use super::live;
use super::overlays::{Help, InputKind, InputLine, MenuView, Palette, Popup, Trial};
use super::screens::{self, Screen, ScreenId, Screens};
use super::shared::{Ctx, Go, Menu, Panes, Selection, Shared, Top, Turn};
use super::taking::Taking;
use super::theme::{Looks, Role};
use super::widgets::Text;
use crate::store::{Index, Reading};

/// The smallest terminal in which the screens make sense: columns, rows.
pub const SMALLEST: (u16, u16) = (60, 12);
/// How long the cursor rests before what is under it is loaded.
pub const REST: std::time::Duration = std::time::Duration::from_millis(60);

/// What Esc says on the first screen while a file is read.
const STILL_READING: &str = "still reading: Ctrl-x stops, q quits";

/// The item of a menu that quits.
pub(super) const QUIT: u32 = u32::MAX;

/// Asks whether to quit while a capture goes on.
fn ask_to_quit(goes_on: bool, unsaved: bool) -> MenuView {
    let item = |id, words: &str, remark: &str| (id, words.to_owned(), remark.to_owned());
    let mut items = vec![item(QUIT, "quit", "Enter, or q again")];
    if unsaved {
        items.push(item(QUIT - 2, "save, then quit", "the whole capture"));
    }
    items.push(item(QUIT - 1, "stay", "Esc"));
    let title = match (goes_on, unsaved) {
        (true, true) => "The capture is running, and not saved",
        (true, false) => "The capture is running",
        (false, _) => "The capture is not saved",
    };
    MenuView::new(Menu { title: title.to_owned(), items })
}

/// The UI.
#[derive(Clone, Debug)]
pub struct App {
    /// What all screens share.
    pub shared: Shared,
    /// The screens.
    pub screens: Screens,
    /// The screen that is up.
    pub screen: ScreenId,
    /// Where `Esc` leads, the last first.
    stack: Vec<ScreenId>,
    /// What lies on top.
    pub popup: Option<Popup>,
    /// The line that is typed.
    pub input: Option<InputLine>,
    /// What is made of the filter that is typed.
    pub trial: Option<Trial>,
    /// Counts the texts that were tried.
    trials: u64,
    /// Keys of a sequence that is not complete.
    pending: Vec<Press>,
    /// Filters and searches, the latest last.
    pub history: Vec<String>,
    /// Something that is seen changed.
    pub dirty: bool,
    /// The mouse is ours.
    pub mouse: bool,
    /// Copy as, export.
    taking: Taking,
    /// Whether it was decided which screen comes first.
    opened: bool,
}

impl App {
    /// The UI at the start.
    #[must_use]
    pub fn new(source: &str, size: (u16, u16), looks: Looks) -> Self {
        Self {
            shared: Shared::new(crate::model::safe_str(source).into_owned(), size, looks),
            screens: Screens::default(),
            screen: ScreenId::Connections,
            stack: Vec::new(),
            popup: None,
            input: None,
            trial: None,
            trials: 0,
            pending: Vec::new(),
            history: Vec::new(),
            dirty: true,
            mouse: true,
            taking: Taking::default(),
            opened: false,
        }
    }

    /// Where keys go.
    #[must_use]
    pub fn scope(&self) -> Scope {
        if self.input.is_some() {
            Scope::INPUT
        } else if self.popup.is_some() {
            Scope::POPUP
        } else {
            self.screen.scope()
        }
    }

    /// Whether the terminal is too small to show anything useful.
    #[must_use]
    pub fn is_cramped(&self) -> bool {
        self.shared.size.0 < SMALLEST.0 || self.shared.size.1 < SMALLEST.1
    }

    /// Takes an event; answers what the world is to do.
    #[must_use]
    pub fn update(&mut self, event: Event, index: &Index) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Key(press) => {
                self.dirty = true;
                self.shared.said = None;
                // Esc and a key that come together look like Alt and that key; only input lines know Alt.
                let edits =
                    self.input.is_some() && matches!(press.key, Key::Char('b' | 'f') | Key::Backspace);
                if press.alt && !edits {
                    self.key(Press::plain(Key::Esc), index, &mut effects);
                    self.settle(index, &mut effects);
                    self.key(Press { alt: false, ..press }, index, &mut effects);
                } else {
                    self.key(press, index, &mut effects);
                }
            }
            Event::Paste(text) => {
                self.dirty = true;
                self.paste(&text, index, &mut effects);
            }
            Event::Mouse(mouse) => {
                self.dirty = true;
                self.mouse(mouse, index, &mut effects);
            }
            Event::Resize(columns, rows) => {
                self.dirty = true;
                self.shared.size = (columns, rows);
            }
            Event::Tick(now) => {
                self.shared.now = now;
                // What is waiting to be done needs no other event to go on.
                let trial = self.trial.as_ref().is_some_and(|trial| trial.is_busy());
                let choice = self.shared.choice.as_ref().is_some_and(|choice| choice.is_busy());
                if self.screens.get(self.screen).is_busy() || trial || choice {
                    self.dirty = true;
                }
                self.look(index);
            }
            Event::Data(progress) => self.data(*progress, index),
            Event::Answer(request, answer) => {
                self.dirty = true;
                self.shared.details.answer(&request, answer);
            }
            Event::Exporting(words) => {
                self.dirty = true;
                self.shared.exporting = words.map(|words| Text::of(Role::Note, words));
            }
            Event::Exists(job) => {
                self.dirty = true;
                self.taking(index, &mut effects, |taking, turn| taking.exists(job, turn));
            }
            Event::Found { id, found, percent, over } => {
                self.dirty = true;
                self.screens.get_mut(ScreenId::Messages).found(id, &found, percent, over);
            }
            Event::Chosen { id, told, percent, over } => {
                self.dirty = true;
                if let Some(choice) = &mut self.shared.choice {
                    choice.found(id, &told, percent, over, self.shared.now);
                }
            }
            Event::Done(done) => {
                self.dirty = true;
                if self.taking.done(done.is_ok()) {
                    effects.push(Effect::Quit);
                }
                self.shared.said = Some(match done {
                    Ok(words) => Text::of(Role::Ok, words),
                    Err(words) => Text::of(Role::Warning, words),
                });
            }
        }
        self.settle(index, &mut effects);
        effects
    }

    /// Something came, or how it comes changed.
    fn data(&mut self, progress: crate::store::Progress, index: &Index) {
        // While lists stay as they are, only the figures change.
        self.dirty |= !self.shared.live.paused || progress.state != self.shared.progress.state;
        let over = progress.state != Reading::Reading && self.shared.progress.state == Reading::Reading;
        self.shared.progress = progress;
        self.shared.live.begin(&self.shared.progress, self.shared.now);
        self.look(index);
        if over {
            self.shared.live.end(self.shared.now);
            self.shared.details.forget_tcp();
            self.shared.said.take_if(|said| said.plain() == STILL_READING);
            self.dirty = true;
            // The last rows are followed still, where they are looked at.
            self.shared.live.follow &= self.screen == ScreenId::Messages;
        }
    }

    /// Looks at the figures of a capture that goes on, now and then.
    fn look(&mut self, index: &Index) {
        let Shared { live, selection, now, .. } = &mut self.shared;
        if live.is_due(*now, *selection) {
            self.dirty |= live.look(index, *selection, *now);
        }
    }

    /// Looks at another connection where the selected one was released.
    fn reselect(&mut self, index: &Index) {
        let selected = self.shared.selection.connection;
        if selected == 0 || index.released.connections == 0 || index.place(selected).is_some() {
            return;
        }
        let later = index.connections.iter().filter(|row| row.id.0 > selected).min_by_key(|row| row.id);
        let next = later.or(index.connections.last());
        self.shared.selection =
            Selection { connection: next.map_or(0, |row| row.id.0), ..Selection::default() };
        self.dirty = true;
        self.warn(&format!("connection #{selected} was released to bound memory: the next one is selected"));
    }

    /// Brings everything in line with what is there now.
    fn settle(&mut self, index: &Index, effects: &mut Vec<Effect>) {
        self.reselect(index);
        if self.shared.selection.connection == 0
            && let Some(first) = index.connections.first()
        {
            self.shared.selection = Selection { connection: first.id.0, ..Selection::default() };
        }
        let state = self.shared.progress.state;
        if !self.opened && state != Reading::Reading {
            // A capture with one connection opens on its messages, unless the user stopped reading.
            self.opened = true;
            let lone = state == Reading::Done && index.connections.len() == 1 && index.messages > 0;
            if lone && self.screen == ScreenId::Connections && self.stack.is_empty() {
                self.screen = ScreenId::Messages;
            }
        }
        match &mut self.popup {
            Some(Popup::Palette(palette)) => {
                let height = palette.area(self.shared.size).height.saturating_sub(5);
                palette.settle(usize::from(height));
            }
            Some(Popup::Menu(menu)) => {
                let height = menu.area(self.shared.size).height.saturating_sub(2);
                menu.list.settle(menu.menu.items.len(), usize::from(height));
            }
            Some(Popup::Help(_)) | None => {}
        }
        self.choose(index, effects);
        self.on_screen(index, effects, |screen, turn| screen.settle(turn));
        if self.taking.is_waiting() {
            // The message that is to be copied may have been read by now.
            self.taking(index, effects, |taking, turn| taking.settle(turn));
        }
        self.try_filter(index);
        let ctx = Ctx { index, shared: &self.shared };
        if self.shared.now.saturating_sub(self.shared.moved) >= REST
            && let Some(request) = self.screens.get(self.screen).wants(&ctx)
            && self.shared.details.ask(&request)
        {
            effects.push(Effect::Load(request));
        }
    }

    /// Whether something is waiting for time to go on.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.screens.get(self.screen).is_busy()
            || self.trial.as_ref().is_some_and(|trial| trial.is_busy())
            || self.shared.choice.as_ref().is_some_and(|choice| choice.is_busy())
            || self.shared.now.saturating_sub(self.shared.moved) < REST
    }

    /// Lets the screen that is up do something, and goes where it wants.
    fn on_screen<T>(
        &mut self,
        index: &Index,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut dyn Screen, &mut Turn<'_>) -> T,
    ) -> T {
        let screen = self.screen;
        self.turn(index, effects, |screens, _, turn| act(screens.get_mut(screen), turn))
    }

    /// Lets copying and exporting do something, and goes where they want.
    fn taking<T>(
        &mut self,
        index: &Index,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Taking, &mut Turn<'_>) -> T,
    ) -> T {
        self.turn(index, effects, |_, taking, turn| act(taking, turn))
    }

    fn turn<T>(
        &mut self,
        index: &Index,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Screens, &mut Taking, &mut Turn<'_>) -> T,
    ) -> T {
        let mut turn = Turn { index, shared: &mut self.shared, effects, go: None, top: None };
        let result = act(&mut self.screens, &mut self.taking, &mut turn);
        let (go, top) = (turn.go, turn.top);
        match top {
            Some(Top::Menu(menu)) => self.popup = Some(Popup::Menu(MenuView::new(menu))),
            Some(Top::Filter(text)) => self.input = Some(InputLine::new(InputKind::Filter, "filter", text)),
            Some(Top::Prompt(prompt)) => {
                self.input = Some(InputLine::new(InputKind::Screen(prompt.id), &prompt.label, prompt.text));
            }
            None => {}
        }
        match go {
            Some(Go::To(screen)) => self.go(screen, index, effects),
            Some(Go::Back) => self.back(index, effects),
            None => {}
        }
        result
    }

    /// Begins with the lessons: with the one at a place, or with their list.
    pub fn learn(&mut self, lesson: Option<usize>) {
        self.screen = ScreenId::Learn;
        self.screens.learn.open(lesson);
    }

    /// Puts the cursor of the screen that is up on something ([`Screen::point`]).
    pub fn point(&mut self, at: &str, index: &Index, effects: &mut Vec<Effect>) -> bool {
        self.on_screen(index, effects, |screen, turn| {
            let found = screen.point(at, turn);
            screen.settle(turn);
            found
        })
    }

    /// Opens a screen.
    pub fn go(&mut self, screen: ScreenId, index: &Index, effects: &mut Vec<Effect>) {
        if screen == self.screen {
            return;
        }
        let needs = screen.info().depth > 0;
        if needs && index.connection(self.shared.selection.connection).is_none() {
            self.warn("there is no connection to show");
            return;
        }
        if needs && self.screen == ScreenId::Connections && self.shared.none_shown {
            self.warn("no connection is shown: f changes the filter, Ctrl-f clears it");
            return;
        }
        match self.stack.iter().position(|below| *below == screen) {
            Some(at) => self.stack.truncate(at),
            None => self.stack.push(self.screen),
        }
        self.screen = screen;
        self.leave_built();
        self.shared.zoomed = false;
        self.on_screen(index, effects, |screen, turn| screen.settle(turn));
    }

    fn back(&mut self, index: &Index, effects: &mut Vec<Effect>) {
        if self.shared.zoomed {
            self.shared.zoomed = false;
            return;
        }
        if let Some(screen) = self.stack.pop().or(self.screen.info().parent) {
            self.screen = screen;
            self.leave_built();
            self.on_screen(index, effects, |screen, turn| screen.settle(turn));
        } else if live::goes_on(&self.shared.progress) {
            self.say("press S to stop the capture, q to quit");
        } else if self.shared.progress.state == Reading::Reading {
            self.say(STILL_READING);
        } else {
            self.say("press q to quit");
        }
    }

    /// The file that the user saved the capture to last.
    #[must_use]
    pub fn saved(&self) -> Option<&std::path::Path> {
        self.taking.saved().map(|(path, _)| path.as_path())
    }

    /// Whether packets would be lost with the program: they came live or through a pipe, and are in no file.
    fn is_unsaved(&self) -> bool {
        let progress = &self.shared.progress;
        let in_a_file = progress.live.as_ref().is_some_and(|live| live.saved.is_some());
        let saved = self.taking.saved().map_or(0, |(_, packets)| *packets);
        progress.stream && progress.packets > saved && !in_a_file
    }

    /// Whether the question is up whether to quit.
    fn is_asked_to_quit(&self) -> bool {
        let asks = |menu: &MenuView| menu.menu.items.first().is_some_and(|(id, ..)| *id == QUIT);
        matches!(&self.popup, Some(Popup::Menu(menu)) if self.input.is_none() && asks(menu))
    }

    /// Writes the selected connection's story to a file that was not there before.
    fn story(&mut self, index: &Index, effects: &mut Vec<Effect>) {
        let number = self.shared.selection.connection;
        let tcp = match self.shared.details.tcp(number) {
            super::details::Detail::Ready(tcp) => Some(tcp),
            _ => None,
        };
        let lang = self.shared.lang;
        let Some(story) = crate::story::tell(index, number, tcp.as_deref(), lang) else {
            return self.warn("there is no connection to write about");
        };
        let text = crate::story::write(&story, crate::story::StoryForm::Markdown, lang);
        let path = std::path::PathBuf::from(format!("story-{number}.md"));
        effects.push(Effect::Save(path, super::event::Save::Bytes(text.into_bytes())));
    }

    /// A frame that was built is looked at on the Frame screen only.
    fn leave_built(&mut self) {
        if self.screen != ScreenId::Frame {
            self.shared.built = None;
        }
    }

    fn say(&mut self, words: &str) {
        self.shared.said = Some(Text::of(Role::Plain, words));
    }

    fn warn(&mut self, words: &str) {
        self.shared.said = Some(Text::of(Role::Warning, words));
    }

    fn key(&mut self, press: Press, index: &Index, effects: &mut Vec<Effect>) {
        if self.is_cramped() && self.scope().meets(Scope::SCREENS) {
            // Nothing can be seen: nothing but leaving makes sense.
            let meaning = commands::meaning(&[press], self.scope());
            if let Meaning::Do(cmd @ (Cmd::Quit | Cmd::Suspend | Cmd::Redraw)) = meaning {
                self.act(cmd, index, effects);
            }
            return;
        }
        let scope = self.scope();
        if self.is_asked_to_quit()
            && (press.key == Key::Char('q') || press == Press { ctrl: true, ..Press::char('c') })
        {
            effects.push(Effect::Quit);
            return;
        }
        if !scope.meets(Scope::SCREENS) {
            match commands::meaning(&[press], scope) {
                Meaning::Do(cmd) => self.on_top(cmd, index, effects),
                _ => self.typed(press, index, effects),
            }
            return;
        }
        if self.pending.is_empty() && self.on_screen(index, effects, |screen, turn| screen.typed(press, turn))
        {
            return;
        }
        self.pending.push(press);
        match commands::meaning(&self.pending, scope) {
            Meaning::Begins => return,
            Meaning::Do(cmd) => {
                self.pending.clear();
                self.act(cmd, index, effects);
                return;
            }
            Meaning::Nothing => {}
        }
        let alone = self.pending.len() == 1;
        self.pending.clear();
        match (alone, commands::meaning(&[press], scope)) {
            (false, Meaning::Do(cmd)) => self.act(cmd, index, effects),
            _ => self.say(&format!("{press} does nothing here; ? shows the keys")),
        }
    }

    /// Does a command on the screen that is up.
    pub fn act(&mut self, cmd: Cmd, index: &Index, effects: &mut Vec<Effect>) {
        if self.on_screen(index, effects, |screen, turn| screen.act(cmd, turn)) {
            return;
        }
        let scope = self.screen.scope();
        match cmd {
            Cmd::Help => self.popup = Some(Popup::Help(Help::new(scope, self.screen.info().name))),
            Cmd::Palette => self.popup = Some(Popup::Palette(Palette::new(scope))),
            Cmd::Quit if live::goes_on(&self.shared.progress) || self.is_unsaved() => {
                let goes_on = live::goes_on(&self.shared.progress);
                self.popup = Some(Popup::Menu(ask_to_quit(goes_on, self.is_unsaved())));
            }
            Cmd::Quit => effects.push(Effect::Quit),
            Cmd::Pause if live::goes_on(&self.shared.progress) => {
                self.shared.live.paused = !self.shared.live.paused;
                self.say(if self.shared.live.paused {
                    "paused: the lists do not change; the capture continues"
                } else {
                    "resumed"
                });
            }
            Cmd::Pause | Cmd::Follow => self.say("the capture has ended"),
            Cmd::StopCapture => match self.shared.progress.state {
                Reading::Reading => {
                    effects.push(Effect::StopReading);
                    self.say("stopped: everything captured so far is kept; q quits");
                }
                Reading::Stopped | Reading::Done => self.say("already stopped"),
            },
            Cmd::Back => self.back(index, effects),
            Cmd::GoConnections => self.go(ScreenId::Connections, index, effects),
            Cmd::GoHandshake => self.go(ScreenId::Handshake, index, effects),
            Cmd::GoMessages => self.go(ScreenId::Messages, index, effects),
            Cmd::GoFrame => self.go(ScreenId::Frame, index, effects),
            Cmd::GoLadder => self.go(ScreenId::Ladder, index, effects),
            Cmd::GoStats => self.go(ScreenId::Stats, index, effects),
            Cmd::GoFindings => self.go(ScreenId::Findings, index, effects),
            Cmd::GoLayers => self.go(ScreenId::Layers, index, effects),
            Cmd::GoLearn => self.go(ScreenId::Learn, index, effects),
            Cmd::WhatIf => self.go(ScreenId::Builder, index, effects),
            Cmd::Zoom => self.shared.zoomed = !self.shared.zoomed,
            Cmd::Layout => {
                let next = match self.shared.panes() {
                    Panes::List => Panes::Below,
                    Panes::Below => Panes::Right,
                    Panes::Right => Panes::List,
                };
                self.shared.layout = Some(next);
            }
            Cmd::Redraw => effects.push(Effect::Redraw),
            Cmd::Suspend => effects.push(Effect::Suspend),
            Cmd::NextTheme => {
                self.shared.looks.theme = self.shared.looks.theme.next();
                self.say(&format!("theme: {}", self.shared.looks.theme.name()));
            }
            Cmd::NextLanguage => {
                self.shared.lang = self.shared.lang.other();
                self.say(&format!("language: {}", self.shared.lang.name()));
            }
            Cmd::Story => self.story(index, effects),
            Cmd::ToggleMouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::Mouse(self.mouse));
                self.say(if self.mouse { "mouse: wslens" } else { "mouse: the terminal selects" });
            }
            Cmd::StopReading if self.shared.exporting.is_some() => effects.push(Effect::StopExport),
            Cmd::StopReading => match self.shared.progress.state {
                Reading::Reading => {
                    effects.push(Effect::StopReading);
                    // A live capture cannot continue.
                    if self.shared.progress.live.is_none() {
                        self.say(screens::STOPPED.of(self.shared.lang));
                    }
                }
                Reading::Stopped => effects.push(Effect::GoOnReading),
                Reading::Done => self.say("the whole capture was read"),
            },
            Cmd::Filter => {
                let before = self.shared.filter.clone();
                self.input = Some(InputLine::new(InputKind::Filter, "filter", before));
            }
            Cmd::ClearFilter => {
                let _ = self.shared.set_filter("");
            }
            Cmd::Search => {
                let mut line = InputLine::new(InputKind::Search, "search", String::new());
                line.before.clone_from(&self.shared.search);
                self.input = Some(line);
            }
            Cmd::Lesson => {
                let ctx = Ctx { index, shared: &self.shared };
                let here = self.screens.get(self.screen).here(&ctx);
                self.screens.learn.about(self.screen, &here, &ctx);
                self.go(ScreenId::Learn, index, effects);
            }
            Cmd::GoTo => self.input = Some(InputLine::new(InputKind::GoTo, "go to row", String::new())),
            _ => {
                if !self.taking(index, effects, |taking, turn| taking.act(cmd, turn)) {
                    self.say("nothing to do here");
                }
            }
        }
    }
}
