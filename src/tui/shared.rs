//! What all screens share: the selection, the filter, what was loaded, how it looks; and the two ways to get at it,
//! [`Ctx`] to draw and [`Turn`] to act.

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::choice::Choice;
use super::details::{Detail, Details};
use super::event::{Effect, ScanFor};
use super::live::LiveView;
use super::screens::ScreenId;
use super::screens::builder::{BuilderStart, Built};
use super::theme::{Looks, Role, Theme};
use super::widgets::Text;
use crate::filter::{self, Filter, FilterError, FilterVerdict};
use crate::model::Lang;
use crate::store::detail::{MessageDetail, Request};
use crate::store::{ConnectionRow, Index, MessageRow, Progress};

/// What is looked at. Numbers count from 1 as everywhere; 0 is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The connection.
    pub connection: u32,
    /// The message in it.
    pub message: u64,
    /// The frame in the connection; 0 where the message as a whole is looked at.
    pub frame: u64,
}

/// What all screens share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The capture's name, made safe.
    pub source: String,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// How everything looks.
    pub looks: Looks,
    /// The language of lessons and explanations.
    pub lang: Lang,
    /// Since the start.
    pub now: Duration,
    /// What is looked at.
    pub selection: Selection,
    /// How far reading came.
    pub progress: Progress,
    /// How what comes is looked at.
    pub live: LiveView,
    /// The filter as it was typed; empty for none.
    pub filter: String,
    /// The filter as it is understood; `None` for none.
    pub parsed: Option<std::sync::Arc<Filter>>,
    /// Which connections the filter chooses; `None` without a filter.
    pub choice: Option<Choice>,
    /// The list of connections shows none, though there are some.
    pub none_shown: bool,
    /// Counts the searches in payloads.
    pub scans: u64,
    /// Grows when the filter changes.
    pub filter_version: u64,
    /// The search as it was typed; empty for none.
    pub search: String,
    /// Marked connections, with message 0, and messages.
    pub marks: BTreeSet<(u32, u64)>,
    /// What was loaded.
    pub details: Details,
    /// The pane with the focus takes all the room.
    pub zoomed: bool,
    /// Where panes stand; `None` for what the width suggests.
    pub layout: Option<Panes>,
    /// What is said in the status line until the next key.
    pub said: Option<Text>,
    /// How far an export came, while one goes on.
    pub exporting: Option<Text>,
    /// Number of the finding that the Findings screen selects when it opens.
    pub finding: Option<u64>,
    /// When the selection last changed.
    pub moved: Duration,
    /// What the frame builder is to begin with, when it comes up.
    pub start: Option<BuilderStart>,
    /// A frame that was built, in the place of the selected one on the Frame screen.
    pub built: Option<std::sync::Arc<Built>>,
}

/// Where the panes of a screen stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panes {
    /// Only the list.
    List,
    /// Details below the list.
    Below,
    /// Details at its right.
    Right,
}

impl Shared {
    /// Whether the filter shows a connection: as `wslens read --level connections -Y` does.
    #[must_use]
    pub fn shows(&self, index: &Index, row: &ConnectionRow) -> bool {
        self.verdict(index, row) == FilterVerdict::Yes
    }

    /// What the filter says of a connection; yes without one.
    #[must_use]
    pub fn verdict(&self, index: &Index, row: &ConnectionRow) -> FilterVerdict {
        self.choice.as_ref().map_or(FilterVerdict::Yes, |choice| choice.verdict(index, row))
    }

    /// The connections that the filter shows, by number in growing order; `None` without a filter.
    #[must_use]
    pub fn shown_connections(&self, index: &Index) -> Option<Vec<u32>> {
        self.choice.as_ref()?;
        let shown = index.connections.iter().filter(|row| self.shows(index, row));
        let mut shown: Vec<u32> = shown.map(|row| row.id.0).collect();
        shown.sort_unstable();
        Some(shown)
    }

    /// As at the start.
    #[must_use]
    pub fn new(source: String, size: (u16, u16), looks: Looks) -> Self {
        Self {
            source,
            size,
            looks,
            lang: Lang::En,
            now: Duration::ZERO,
            selection: Selection::default(),
            progress: Progress::default(),
            live: LiveView::default(),
            filter: String::new(),
            parsed: None,
            choice: None,
            none_shown: false,
            filter_version: 0,
            scans: 0,
            search: String::new(),
            marks: BTreeSet::new(),
            details: Details::default(),
            zoomed: false,
            layout: None,
            said: None,
            exporting: None,
            finding: None,
            moved: Duration::ZERO,
            start: None,
            built: None,
        }
    }

    /// Applies a filter; an empty text is none.
    ///
    /// # Errors
    /// Where it cannot be understood: then the one before stays.
    pub fn set_filter(&mut self, text: &str) -> Result<(), FilterError> {
        let parsed = filter::parse(text)?;
        self.filter = text.trim().to_owned();
        self.parsed = (!parsed.is_empty()).then(|| std::sync::Arc::new(parsed));
        self.choice = self.parsed.clone().map(Choice::new);
        self.filter_version += 1;
        Ok(())
    }

    /// The area of the screen: all but two rows above and two below.
    #[must_use]
    pub fn body(&self) -> Rect {
        let (width, height) = self.size;
        let [_, _, body, ..] = super::view::rows(Rect { x: 0, y: 0, width, height });
        body
    }

    /// Where the panes stand: as the user wants, or as the width suggests.
    #[must_use]
    pub fn panes(&self) -> Panes {
        self.layout.unwrap_or(match self.size.0 {
            ..80 => Panes::List,
            80..160 => Panes::Below,
            160.. => Panes::Right,
        })
    }

    /// Whether the terminal is wider than 99 columns: full names, more columns.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.size.0 >= 100
    }
}

/// Everything that drawing may look at.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// The capture.
    pub index: &'a Index,
    /// What all screens share.
    pub shared: &'a Shared,
}

impl<'a> Ctx<'a> {
    /// The look.
    #[must_use]
    pub fn theme(&self) -> Theme {
        self.shared.looks.theme
    }

    /// The selected connection.
    #[must_use]
    pub fn connection(&self) -> Option<&'a ConnectionRow> {
        self.index.connection(self.shared.selection.connection)
    }

    /// The selected message's row.
    #[must_use]
    pub fn message(&self) -> Option<MessageRow> {
        let Selection { connection, message, .. } = self.shared.selection;
        let at = usize::try_from(message.checked_sub(1)?).ok()?;
        self.index.messages(connection).get(at).copied()
    }

    /// The selected message with its bytes, as far as they are loaded.
    #[must_use]
    pub fn detail(&self) -> Detail<MessageDetail> {
        let Selection { connection, message, .. } = self.shared.selection;
        self.shared.details.message(connection, message)
    }

    /// Draws lines into an area from its top, each cut to its width.
    pub fn lines(&self, buffer: &mut Buffer, area: Rect, lines: &[Text]) {
        for (y, line) in (area.top()..area.bottom()).zip(lines) {
            line.draw(buffer, area.x, y, area.width, self.theme());
        }
    }
}

/// Where to go next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// To a screen; `Esc` comes back from there.
    To(ScreenId),
    /// Where we came from, or one level up.
    Back,
}

/// Something to put on top of a screen.
#[derive(Clone, Debug)]
pub enum Top {
    /// A list to pick from; the pick comes back to [`Screen::picked`](super::screens::Screen::picked).
    Menu(Menu),
    /// The filter line with this text.
    Filter(String),
    /// An input line; what is typed comes back to [`Screen::entered`](super::screens::Screen::entered).
    Prompt(Prompt),
}

/// A list to pick from.
#[derive(Clone, Debug, Default)]
pub struct Menu {
    /// Its title.
    pub title: String,
    /// What can be picked: a number of the screen's own, words, and a remark.
    pub items: Vec<(u32, String, String)>,
}

/// An input line of a screen's own.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// A number of the screen's own.
    pub id: u32,
    /// What stands before the input.
    pub label: String,
    /// What is in it at first.
    pub text: String,
}

/// Everything that acting may look at and change.
pub struct Turn<'a> {
    /// The capture.
    pub index: &'a Index,
    /// What all screens share.
    pub shared: &'a mut Shared,
    /// What the world is to do.
    pub effects: &'a mut Vec<Effect>,
    /// Where to go when the screen is done.
    pub go: Option<Go>,
    /// What to put on top of the screen.
    pub top: Option<Top>,
}

impl Turn<'_> {
    /// To look around as drawing does.
    #[must_use]
    pub fn ctx(&self) -> Ctx<'_> {
        Ctx { index: self.index, shared: self.shared }
    }

    /// The language of the UI.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.shared.lang
    }

    /// Selects something else.
    pub fn select(&mut self, selection: Selection) {
        if self.shared.selection != selection {
            self.shared.selection = selection;
            self.shared.moved = self.shared.now;
        }
    }

    /// Looks at another connection: no message of it yet.
    pub fn select_connection(&mut self, connection: u32) {
        if self.shared.selection.connection != connection {
            self.select(Selection { connection, message: 0, frame: 0 });
        }
    }

    /// Looks at another message of the connection: none of its frames yet.
    pub fn select_message(&mut self, message: u64) {
        if self.shared.selection.message != message {
            let connection = self.shared.selection.connection;
            self.select(Selection { connection, message, frame: 0 });
        }
    }

    /// Opens a screen; `Esc` comes back.
    pub fn go(&mut self, screen: ScreenId) {
        self.go = Some(Go::To(screen));
    }

    /// Leaves the screen.
    pub fn back(&mut self) {
        self.go = Some(Go::Back);
    }

    /// Says something in the status line until the next key. Our own words only.
    pub fn say(&mut self, words: impl AsRef<str>) {
        self.shared.said = Some(Text::of(Role::Plain, words));
    }

    /// Says that something cannot be done, or went wrong.
    pub fn warn(&mut self, words: impl AsRef<str>) {
        self.shared.said = Some(Text::of(Role::Warning, words));
    }

    /// Copies text to the clipboard as captured. `what` names it in the language of the UI if it is
    /// empty; otherwise the status line shows how much was copied, and warns about control characters.
    pub fn copy(&mut self, text: String, what: &str) {
        if text.is_empty() {
            let words = self
                .lang()
                .pick(format!("nothing to copy: {what} is empty"), format!("没有可复制的内容：{what}为空"));
            self.warn(words);
            return;
        }
        self.effects.push(Effect::Copy(text));
    }

    /// Searches the payloads of the selected connection for what a filter chooses; answers the search's number.
    pub fn scan(&mut self, filter: String) -> u64 {
        self.shared.scans += 1;
        let (id, connection) = (self.shared.scans, self.shared.selection.connection);
        self.effects.push(Effect::Scan(ScanFor { id, connection, filter }));
        id
    }

    /// Lets the user pick from a list.
    pub fn menu(&mut self, menu: Menu) {
        self.top = Some(Top::Menu(menu));
    }

    /// Proposes a filter: the user sees it, may change it, and applies it.
    pub fn propose_filter(&mut self, text: String) {
        self.top = Some(Top::Filter(text));
    }

    /// Lets the user type a line.
    pub fn prompt(&mut self, id: u32, label: &str, text: String) {
        self.top = Some(Top::Prompt(Prompt { id, label: label.to_owned(), text }));
    }

    /// Asks for something, unless it is there or on its way.
    pub fn load(&mut self, request: Request) {
        if self.shared.details.ask(&request) {
            self.effects.push(Effect::Load(request));
        }
    }
}
