//! The state of the UI, and how events change it. It uses no terminal, clock or file; `run` does.

mod filtering;
mod mouse;
mod typing;

use super::ascii::Signs;
use super::commands::{self, Cmd, Meaning, Scope};
use super::copy_export::CopyExport;
use super::event::{Effect, Event};
use super::keys::{Key, Press};
use super::live;
use super::overlays::{Help, InputKind, InputLine, MenuView, Palette, Popup, Trial};
use super::screens::{self, Screen, ScreenId, Screens};
use super::shared::{Ctx, Go, Menu, Panes, Selection, Shared, Top, Turn};
use super::theme::{Looks, Role};
use super::widgets::Text;
use crate::model::{Bilingual, Lang, both};
use crate::store::{Index, Reading};

/// The smallest supported terminal: columns, rows.
pub const SMALLEST: (u16, u16) = (60, 12);
/// How long the cursor must rest before the selected item is loaded.
pub const REST: std::time::Duration = std::time::Duration::from_millis(60);

/// The note of Esc on the first screen while a file is read.
const STILL_READING: Bilingual =
    both("still reading: Ctrl-x stops, q quits", "仍在读取：Ctrl-x 停止，q 退出");

/// The menu item that quits.
pub(super) const QUIT: u32 = u32::MAX;

/// Asks whether to quit while a capture is running or not saved.
fn ask_to_quit(is_running: bool, unsaved: bool, lang: Lang) -> MenuView {
    let item = |id, words: &str, remark: &str| (id, words.to_owned(), remark.to_owned());
    let mut items =
        vec![item(QUIT, lang.pick("quit", "退出"), lang.pick("Enter, or q again", "Enter，或再按一次 q"))];
    if unsaved {
        items.push(item(
            QUIT - 2,
            lang.pick("save, then quit", "保存后退出"),
            lang.pick("the complete capture", "完整抓包"),
        ));
    }
    items.push(item(QUIT - 1, lang.pick("stay", "留下"), "Esc"));
    let title = match (is_running, unsaved) {
        (true, true) => lang.pick("The capture is running, and not saved", "抓包正在进行，且未保存"),
        (true, false) => lang.pick("The capture is running", "抓包正在进行"),
        (false, _) => lang.pick("The capture is not saved", "抓包未保存"),
    };
    MenuView::new(Menu { title: title.to_owned(), items })
}

/// The UI.
#[derive(Clone, Debug)]
pub struct App {
    /// State that all screens share.
    pub shared: Shared,
    /// The screens.
    pub screens: Screens,
    /// The current screen.
    pub screen: ScreenId,
    /// The earlier screens to which `Esc` returns, the latest last.
    stack: Vec<ScreenId>,
    /// The help, palette or menu on top of the screen.
    pub popup: Option<Popup>,
    /// The input line.
    pub input: Option<InputLine>,
    /// The evaluation of the filter in the input line.
    pub trial: Option<Trial>,
    /// Number of filter texts that were evaluated.
    trials: u64,
    /// Keys of an incomplete sequence.
    pending: Vec<Press>,
    /// History of filters and searches, the latest last.
    pub history: Vec<String>,
    /// Whether the screen must be drawn again.
    pub dirty: bool,
    /// Whether wslens handles the mouse.
    pub mouse: bool,
    /// The state of copying and exporting.
    copy_export: CopyExport,
    /// Whether the first screen was chosen.
    opened: bool,
}

impl App {
    /// Makes the UI in its initial state.
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
            copy_export: CopyExport::default(),
            opened: false,
        }
    }

    /// Returns the scope of the keys.
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

    /// Returns whether the terminal is too small.
    #[must_use]
    pub fn is_cramped(&self) -> bool {
        self.shared.size.0 < SMALLEST.0 || self.shared.size.1 < SMALLEST.1
    }

    /// Handles an event; returns the effects to perform.
    #[must_use]
    pub fn update(&mut self, event: Event, index: &Index) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Key(press) => {
                self.dirty = true;
                self.shared.notice = None;
                // Terminals send Esc and a quick second key as Alt and that key; only input lines use Alt.
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
                // Work in steps continues at each tick.
                let trial = self.trial.as_ref().is_some_and(|trial| trial.is_busy());
                let choice = self.shared.choice.as_ref().is_some_and(|choice| choice.is_busy());
                if self.screens.get(self.screen).is_busy() || trial || choice {
                    self.dirty = true;
                }
                self.sample(index);
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
                self.on_copy_export(index, &mut effects, |menus, turn| menus.exists(job, turn));
            }
            Event::Found { id, found, percent, over } => {
                self.dirty = true;
                self.screens.get_mut(ScreenId::Messages).found(id, &found, percent, over);
            }
            Event::Chosen { id, results, percent, over } => {
                self.dirty = true;
                if let Some(choice) = &mut self.shared.choice {
                    choice.found(id, &results, percent, over, self.shared.now);
                }
            }
            Event::Done(done) => {
                self.dirty = true;
                if self.copy_export.done(done.is_ok()) {
                    effects.push(Effect::Quit);
                }
                self.shared.notice = Some(match done {
                    Ok(words) => Text::of(Role::Ok, words),
                    Err(words) => Text::of(Role::Warning, words),
                });
            }
        }
        self.settle(index, &mut effects);
        effects
    }

    /// Handles new data, or a change of the state of reading.
    fn data(&mut self, progress: crate::store::Progress, index: &Index) {
        // While the lists are paused, only the figures change.
        self.dirty |= !self.shared.live.paused || progress.state != self.shared.progress.state;
        let over = progress.state != Reading::Reading && self.shared.progress.state == Reading::Reading;
        self.shared.progress = progress;
        self.shared.live.begin(&self.shared.progress, self.shared.now);
        self.sample(index);
        if over {
            self.shared.live.end(self.shared.now);
            self.shared.details.forget_tcp();
            self.shared.notice.take_if(|notice| notice.plain() == STILL_READING.of(self.shared.lang));
            self.dirty = true;
            // The message list shows its last rows.
            self.shared.live.follow &= self.screen == ScreenId::Messages;
        }
    }

    /// Updates the figures of a live capture when they are due.
    fn sample(&mut self, index: &Index) {
        let Shared { live, selection, now, .. } = &mut self.shared;
        if live.is_due(*now, *selection) {
            self.dirty |= live.sample(index, *selection, *now);
        }
    }

    /// Selects another connection if the selected one was released.
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
        let words = self.shared.lang.pick(
            format!("connection #{selected} was released to limit memory: the next one is selected"),
            format!("为限制内存，连接 #{selected} 已释放：已选择下一个"),
        );
        self.warn(&words);
    }

    /// Returns whether the screen shows only the pane with the focus, for screen readers: panes side by side would be
    /// read line by line. The panes of Findings are one above the other.
    pub(super) fn shows_one_pane(&self) -> bool {
        self.shared.looks.signs == Signs::Plain && self.screen != ScreenId::Findings
    }

    /// Updates everything that depends on the data.
    fn settle(&mut self, index: &Index, effects: &mut Vec<Effect>) {
        self.shared.zoomed |= self.shows_one_pane();
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
        if self.copy_export.is_waiting() {
            // The message to copy may have arrived.
            self.on_copy_export(index, effects, |menus, turn| menus.settle(turn));
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

    /// Returns whether work continues at the next tick.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.screens.get(self.screen).is_busy()
            || self.trial.as_ref().is_some_and(|trial| trial.is_busy())
            || self.shared.choice.as_ref().is_some_and(|choice| choice.is_busy())
            || self.shared.now.saturating_sub(self.shared.moved) < REST
    }

    /// Calls the current screen, and opens the screen that it requests.
    fn on_screen<T>(
        &mut self,
        index: &Index,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut dyn Screen, &mut Turn<'_>) -> T,
    ) -> T {
        let screen = self.screen;
        self.turn(index, effects, |screens, _, turn| act(screens.get_mut(screen), turn))
    }

    /// Calls copying and exporting, and opens the screen that they request.
    fn on_copy_export<T>(
        &mut self,
        index: &Index,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut CopyExport, &mut Turn<'_>) -> T,
    ) -> T {
        self.turn(index, effects, |_, menus, turn| act(menus, turn))
    }

    fn turn<T>(
        &mut self,
        index: &Index,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Screens, &mut CopyExport, &mut Turn<'_>) -> T,
    ) -> T {
        let mut turn = Turn { index, shared: &mut self.shared, effects, go: None, top: None };
        let result = act(&mut self.screens, &mut self.copy_export, &mut turn);
        let (go, top) = (turn.go, turn.top);
        match top {
            Some(Top::Menu(menu)) => self.popup = Some(Popup::Menu(MenuView::new(menu))),
            Some(Top::Filter(text)) => {
                self.input =
                    Some(InputLine::new(InputKind::Filter, self.shared.lang.pick("filter", "过滤器"), text))
            }
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

    /// Opens a lesson, or the list of lessons.
    pub fn learn(&mut self, lesson: Option<usize>) {
        self.screen = ScreenId::Learn;
        self.screens.learn.open(lesson);
    }

    /// Moves the cursor of the current screen to an item ([`Screen::point`]).
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
            self.warn(self.shared.lang.pick("there is no connection to show", "没有可显示的连接"));
            return;
        }
        if needs && self.screen == ScreenId::Connections && self.shared.none_shown {
            self.warn(self.shared.lang.pick(
                "no connection is shown: f changes the filter, Ctrl-f clears it",
                "没有显示任何连接：f 修改过滤器，Ctrl-f 清除过滤器",
            ));
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
        if self.shared.zoomed && !self.shows_one_pane() {
            self.shared.zoomed = false;
            return;
        }
        if let Some(screen) = self.stack.pop().or(self.screen.info().parent) {
            self.screen = screen;
            self.leave_built();
            self.on_screen(index, effects, |screen, turn| screen.settle(turn));
        } else if live::is_running(&self.shared.progress) {
            self.say(
                self.shared.lang.pick("press S to stop the capture, q to quit", "按 S 停止抓包，按 q 退出"),
            );
        } else if self.shared.progress.state == Reading::Reading {
            self.say(STILL_READING.of(self.shared.lang));
        } else {
            self.say(self.shared.lang.pick("press q to quit", "按 q 退出"));
        }
    }

    /// Returns the file to which the user saved the capture last.
    #[must_use]
    pub fn saved(&self) -> Option<&std::path::Path> {
        self.copy_export.saved().map(|(path, _)| path.as_path())
    }

    /// Returns whether quitting would lose packets: they were captured live or read from a pipe, and are in no file.
    fn is_unsaved(&self) -> bool {
        let progress = &self.shared.progress;
        let in_a_file = progress.live.as_ref().is_some_and(|live| live.saved.is_some());
        let saved = self.copy_export.saved().map_or(0, |(_, packets)| *packets);
        progress.stream && progress.packets > saved && !in_a_file
    }

    /// Returns whether the question to quit is shown.
    fn is_asked_to_quit(&self) -> bool {
        let asks = |menu: &MenuView| menu.menu.items.first().is_some_and(|(id, ..)| *id == QUIT);
        matches!(&self.popup, Some(Popup::Menu(menu)) if self.input.is_none() && asks(menu))
    }

    /// Writes the story of the selected connection to a new file.
    fn story(&mut self, index: &Index, effects: &mut Vec<Effect>) {
        let number = self.shared.selection.connection;
        let tcp = match self.shared.details.tcp(number) {
            super::details::Detail::Ready(tcp) => Some(tcp),
            _ => None,
        };
        let lang = self.shared.lang;
        let Some(story) = crate::story::tell(index, number, tcp.as_deref(), lang) else {
            return self.warn(lang.pick("there is no connection to write about", "没有可写的连接"));
        };
        let text = crate::story::write(&story, crate::story::StoryForm::Markdown, lang);
        let path = std::path::PathBuf::from(format!("story-{number}.md"));
        effects.push(Effect::Save(path, super::event::Save::Bytes(text.into_bytes())));
    }

    /// Forgets the built frame on screens other than Frame.
    fn leave_built(&mut self) {
        if self.screen != ScreenId::Frame {
            self.shared.built = None;
        }
    }

    fn say(&mut self, words: &str) {
        self.shared.notice = Some(Text::of(Role::Plain, words));
    }

    fn warn(&mut self, words: &str) {
        self.shared.notice = Some(Text::of(Role::Warning, words));
    }

    fn key(&mut self, press: Press, index: &Index, effects: &mut Vec<Effect>) {
        if self.is_cramped() && self.scope().meets(Scope::SCREENS) {
            // Nothing is visible: only leaving is useful.
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
            _ => {
                let words = self.shared.lang.pick(
                    format!("{press} does nothing here; ? shows the keys"),
                    format!("{press} 在此处无作用；? 显示按键"),
                );
                self.say(&words);
            }
        }
    }

    /// Performs a command on the current screen.
    pub fn act(&mut self, cmd: Cmd, index: &Index, effects: &mut Vec<Effect>) {
        if self.on_screen(index, effects, |screen, turn| screen.act(cmd, turn)) {
            return;
        }
        let (scope, lang) = (self.screen.scope(), self.shared.lang);
        match cmd {
            Cmd::Help => self.popup = Some(Popup::Help(Help::new(scope, self.screen.info().name))),
            Cmd::Palette => self.popup = Some(Popup::Palette(Palette::new(scope))),
            Cmd::Quit if live::is_running(&self.shared.progress) || self.is_unsaved() => {
                let is_running = live::is_running(&self.shared.progress);
                self.popup = Some(Popup::Menu(ask_to_quit(is_running, self.is_unsaved(), lang)));
            }
            Cmd::Quit => effects.push(Effect::Quit),
            Cmd::Pause if live::is_running(&self.shared.progress) => {
                self.shared.live.paused = !self.shared.live.paused;
                self.say(if self.shared.live.paused {
                    lang.pick(
                        "paused: the lists do not change; the capture continues",
                        "已暂停：列表不再更新；抓包继续进行",
                    )
                } else {
                    lang.pick("resumed", "已恢复")
                });
            }
            Cmd::Pause | Cmd::Follow => self.say(lang.pick("the capture has ended", "抓包已结束")),
            Cmd::StopCapture => match self.shared.progress.state {
                Reading::Reading => {
                    effects.push(Effect::StopReading);
                    self.say(lang.pick(
                        "stopped: everything captured so far is kept; q quits",
                        "已停止：已抓到的数据全部保留；q 退出",
                    ));
                }
                Reading::Stopped | Reading::Done => self.say(lang.pick("already stopped", "已经停止")),
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
                let theme = self.shared.looks.theme.name();
                self.say(&format!("{}{theme}", lang.pick("theme: ", "主题：")));
            }
            Cmd::NextLanguage => {
                self.shared.lang = self.shared.lang.other();
                let lang = self.shared.lang;
                self.say(&format!("{}{}", lang.pick("language: ", "语言："), lang.name()));
            }
            Cmd::Story => self.story(index, effects),
            Cmd::ToggleMouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::Mouse(self.mouse));
                self.say(if self.mouse {
                    lang.pick("mouse: used by wslens", "鼠标：由 wslens 使用")
                } else {
                    lang.pick("mouse: selects text in the terminal", "鼠标：在终端中选择文字")
                });
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
                Reading::Done => self.say(lang.pick("the complete capture has been read", "已读完整个抓包")),
            },
            Cmd::Filter => {
                let before = self.shared.filter.clone();
                self.input = Some(InputLine::new(
                    InputKind::Filter,
                    self.shared.lang.pick("filter", "过滤器"),
                    before,
                ));
            }
            Cmd::ClearFilter => {
                let _ = self.shared.set_filter("");
            }
            Cmd::Search => {
                let label = self.shared.lang.pick("search", "搜索");
                let mut line = InputLine::new(InputKind::Search, label, String::new());
                line.before.clone_from(&self.shared.search);
                self.input = Some(line);
            }
            Cmd::Lesson => {
                let ctx = Ctx { index, shared: &self.shared };
                let here = self.screens.get(self.screen).here(&ctx);
                self.screens.learn.about(self.screen, &here, &ctx);
                self.go(ScreenId::Learn, index, effects);
            }
            Cmd::GoTo => {
                let label = self.shared.lang.pick("go to row", "转到行");
                self.input = Some(InputLine::new(InputKind::GoTo, label, String::new()));
            }
            _ => {
                if !self.on_copy_export(index, effects, |menus, turn| menus.act(cmd, turn)) {
                    self.say(lang.pick("nothing to do here", "此处无可操作"));
                }
            }
        }
    }
}
