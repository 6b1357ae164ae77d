//! State that all screens share: selection, filter, loaded details, appearance; and two ways to access it,
//! [`Ctx`] to draw and [`Turn`] to act.

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Widget as _};

use super::ascii::Signs;
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

/// The selection. Numbers count from 1; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The connection.
    pub connection: u32,
    /// The message of the connection.
    pub message: u64,
    /// The frame of the connection; 0 if the complete message is selected.
    pub frame: u64,
}

/// State that all screens share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The capture's name, made safe.
    pub source: String,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The appearance.
    pub looks: Looks,
    /// The language of the UI.
    pub lang: Lang,
    /// Time since the start.
    pub now: Duration,
    /// The selection.
    pub selection: Selection,
    /// Progress of reading.
    pub progress: Progress,
    /// State of a live capture.
    pub live: LiveView,
    /// The filter as typed; empty for none.
    pub filter: String,
    /// The parsed filter; `None` for none.
    pub parsed: Option<std::sync::Arc<Filter>>,
    /// The connections that the filter selects; `None` without a filter.
    pub choice: Option<Choice>,
    /// Whether the list of connections is empty although there are connections.
    pub none_shown: bool,
    /// Number of searches in payloads so far.
    pub scans: u64,
    /// A number that grows when the filter changes.
    pub filter_version: u64,
    /// The search as typed; empty for none.
    pub search: String,
    /// Marked connections, as message 0, and marked messages.
    pub marks: BTreeSet<(u32, u64)>,
    /// Details that were loaded.
    pub details: Details,
    /// Whether the pane with the focus fills the screen.
    pub zoomed: bool,
    /// The layout of panes; `None` for the default of the width.
    pub layout: Option<Panes>,
    /// The message in the status line until the next key.
    pub notice: Option<Text>,
    /// Progress of the running export.
    pub exporting: Option<Text>,
    /// Number of the finding that the Findings screen selects when it opens.
    pub finding: Option<u64>,
    /// When the selection last changed.
    pub moved: Duration,
    /// The start of the frame builder, when it opens.
    pub start: Option<BuilderStart>,
    /// The built frame, shown on the Frame screen in place of the selected one.
    pub built: Option<std::sync::Arc<Built>>,
}

/// The layout of the panes of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panes {
    /// Only the list.
    List,
    /// Details below the list.
    Below,
    /// Details at the right of the list.
    Right,
}

impl Shared {
    /// Returns whether the filter selects a connection, as `wslens read --level connections -Y` does.
    #[must_use]
    pub fn shows(&self, index: &Index, row: &ConnectionRow) -> bool {
        self.verdict(index, row) == FilterVerdict::Yes
    }

    /// Returns the result of the filter for a connection; yes without a filter.
    #[must_use]
    pub fn verdict(&self, index: &Index, row: &ConnectionRow) -> FilterVerdict {
        self.choice.as_ref().map_or(FilterVerdict::Yes, |choice| choice.verdict(index, row))
    }

    /// Returns the numbers of the connections that the filter selects, ascending; `None` without a filter.
    #[must_use]
    pub fn shown_connections(&self, index: &Index) -> Option<Vec<u32>> {
        self.choice.as_ref()?;
        let shown = index.connections.iter().filter(|row| self.shows(index, row));
        let mut shown: Vec<u32> = shown.map(|row| row.id.0).collect();
        shown.sort_unstable();
        Some(shown)
    }

    /// Makes the initial state.
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
            notice: None,
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
    /// If the filter is invalid: then the previous one remains.
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

    /// Returns the layout of the panes: the one that the user chose, or the default of the width.
    #[must_use]
    pub fn panes(&self) -> Panes {
        if self.looks.signs == Signs::Plain {
            return if self.layout == Some(Panes::List) { Panes::List } else { Panes::Below };
        }
        self.layout.unwrap_or(match self.size.0 {
            ..80 => Panes::List,
            80..160 => Panes::Below,
            160.. => Panes::Right,
        })
    }

    /// Returns whether the terminal has at least 100 columns: full names, more columns.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.size.0 >= 100
    }
}

/// The state that drawing can read.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    /// The capture.
    pub index: &'a Index,
    /// The state that all screens share.
    pub shared: &'a Shared,
}

impl<'a> Ctx<'a> {
    /// The theme.
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

    /// Draws lines from the top of an area, each cut to its width.
    pub fn lines(&self, buffer: &mut Buffer, area: Rect, lines: &[Text]) {
        let columns = usize::from(area.width);
        let lines = lines.iter().take(area.height.into());
        let lines: Vec<_> = lines.map(|line| line.cut(columns).line(self.theme())).collect();
        Paragraph::new(lines).render(area.intersection(buffer.area), buffer);
    }
}

/// Where to go next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// To a screen; `Esc` returns.
    To(ScreenId),
    /// Back to the previous screen, or one level up.
    Back,
}

/// A popup or an input line to open.
#[derive(Clone, Debug)]
pub enum Top {
    /// A menu; the choice is passed to [`Screen::picked`](super::screens::Screen::picked).
    Menu(Menu),
    /// The filter line with a text.
    Filter(String),
    /// An input line; its text is passed to [`Screen::entered`](super::screens::Screen::entered).
    Prompt(Prompt),
}

/// A menu.
#[derive(Clone, Debug, Default)]
pub struct Menu {
    /// Its title.
    pub title: String,
    /// The items: a number of the screen, a name, and a remark.
    pub items: Vec<(u32, String, String)>,
}

/// An input line of a screen.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// A number of the screen.
    pub id: u32,
    /// The label before the input.
    pub label: String,
    /// The initial text.
    pub text: String,
}

/// The state that commands can change.
pub struct Turn<'a> {
    /// The capture.
    pub index: &'a Index,
    /// The state that all screens share.
    pub shared: &'a mut Shared,
    /// The effects to perform.
    pub effects: &'a mut Vec<Effect>,
    /// Where to go afterwards.
    pub go: Option<Go>,
    /// The popup or input line to open.
    pub top: Option<Top>,
}

impl Turn<'_> {
    /// Returns the state for reading.
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

    /// Selects another connection, and none of its messages.
    pub fn select_connection(&mut self, connection: u32) {
        if self.shared.selection.connection != connection {
            self.select(Selection { connection, message: 0, frame: 0 });
        }
    }

    /// Selects another message of the connection, and none of its frames.
    pub fn select_message(&mut self, message: u64) {
        if self.shared.selection.message != message {
            let connection = self.shared.selection.connection;
            self.select(Selection { connection, message, frame: 0 });
        }
    }

    /// Opens a screen; `Esc` returns.
    pub fn go(&mut self, screen: ScreenId) {
        self.go = Some(Go::To(screen));
    }

    /// Leaves the screen.
    pub fn back(&mut self) {
        self.go = Some(Go::Back);
    }

    /// Shows a message in the status line until the next key. Captured text must be made safe before.
    pub fn say(&mut self, words: impl AsRef<str>) {
        self.shared.notice = Some(Text::of(Role::Plain, words));
    }

    /// Shows a warning in the status line until the next key.
    pub fn warn(&mut self, words: impl AsRef<str>) {
        self.shared.notice = Some(Text::of(Role::Warning, words));
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

    /// Searches the payloads of the selected connection with a filter; returns the number of the search.
    pub fn scan(&mut self, filter: String) -> u64 {
        self.shared.scans += 1;
        let (id, connection) = (self.shared.scans, self.shared.selection.connection);
        self.effects.push(Effect::Scan(ScanFor { id, connection, filter }));
        id
    }

    /// Opens a menu.
    pub fn menu(&mut self, menu: Menu) {
        self.top = Some(Top::Menu(menu));
    }

    /// Opens the filter line with a proposal.
    pub fn propose_filter(&mut self, text: String) {
        self.top = Some(Top::Filter(text));
    }

    /// Opens an input line.
    pub fn prompt(&mut self, id: u32, label: &str, text: String) {
        self.top = Some(Top::Prompt(Prompt { id, label: label.to_owned(), text }));
    }

    /// Requests a detail, unless it is loaded or requested.
    pub fn load(&mut self, request: Request) {
        if self.shared.details.ask(&request) {
            self.effects.push(Effect::Load(request));
        }
    }
}
