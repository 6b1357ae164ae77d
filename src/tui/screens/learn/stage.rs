//! The real screen beside a step: a UI of its own, over a bundled capture or over the learner's.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::learn::Sample;
use crate::learn::expr::Value;
use crate::learn::parse::LessonView;
use crate::store::{Index, Progress, Reading, Request};
use crate::tui::app::{App, REST};
use crate::tui::details::{Detail, DetailsAnswer};
use crate::tui::event::{Effect, Event, Mouse, answer};
use crate::tui::keys::Press;
use crate::tui::screens::ScreenId;
use crate::tui::shared::{Ctx, Selection, Shared, Turn};
use crate::tui::view;

/// Whose capture is shown.
#[derive(Clone, Debug)]
pub enum StageSource {
    /// The learner's.
    Own,
    /// A bundled one.
    Sample(Arc<Sample>),
}

/// A screen with its own cursor.
#[derive(Clone, Debug)]
pub struct Stage {
    app: Box<App>,
    /// Whose capture it shows.
    pub source: StageSource,
    highlight: String,
    /// The learner moved something.
    touched: bool,
    /// What is on its way from the learner's capture.
    waiting: Vec<Request>,
}

/// The screen that shows a view.
fn screen_of(view: LessonView) -> ScreenId {
    match view {
        LessonView::Connections => ScreenId::Connections,
        LessonView::Handshake => ScreenId::Handshake,
        LessonView::Messages | LessonView::Frames => ScreenId::Messages,
        LessonView::Message => ScreenId::Detail,
        LessonView::Frame => ScreenId::Frame,
        LessonView::Ladder => ScreenId::Ladder,
        LessonView::Stats => ScreenId::Stats,
        LessonView::Findings => ScreenId::Findings,
        LessonView::Layers => ScreenId::Layers,
    }
}

/// What is selected where a value is looked at.
fn selection_of(value: &Value, index: &Index) -> Selection {
    match value {
        Value::Connection(connection) => Selection { connection: *connection, message: 0, frame: 0 },
        Value::Message(connection, message) => {
            Selection { connection: *connection, message: *message, frame: 0 }
        }
        Value::Frame(connection, frame) => {
            let at = usize::try_from(frame.saturating_sub(1)).unwrap_or(usize::MAX);
            let message = index.frames(*connection).get(at).map_or(0, |row| u64::from(row.message));
            Selection { connection: *connection, message, frame: *frame }
        }
        _ => Selection { connection: 1, message: 0, frame: 0 },
    }
}

impl Stage {
    /// Opens a view of an object, the cursor on `highlight`.
    pub fn open(
        source: StageSource,
        (view, value): (LessonView, &Value),
        highlight: &str,
        size: (u16, u16),
        turn: &mut Turn<'_>,
    ) -> Self {
        let name = match &source {
            StageSource::Own => turn.shared.source.clone(),
            StageSource::Sample(sample) => sample.name.clone(),
        };
        let mut app = App::new("", size, turn.shared.looks);
        app.shared.source = name;
        app.shared.lang = turn.shared.lang;
        app.screen = screen_of(view);
        // It has rested long enough for everything to be loaded.
        app.shared.now = turn.shared.now + REST;
        let mut stage = Self {
            app: Box::new(app),
            source,
            highlight: String::new(),
            touched: false,
            waiting: Vec::new(),
        };
        let (progress, selection) = match &stage.source {
            StageSource::Own => (turn.shared.progress.clone(), selection_of(value, turn.index)),
            StageSource::Sample(sample) => {
                (sample.session.progress(), selection_of(value, &sample.session.index()))
            }
        };
        stage.app.shared.selection = selection;
        if view == LessonView::Frames {
            stage.point("frames", turn);
        }
        stage.event(Event::Data(Box::new(Progress { state: Reading::Done, ..progress })), turn);
        highlight.clone_into(&mut stage.highlight);
        stage.point(highlight, turn);
        stage
    }

    fn point(&mut self, at: &str, turn: &mut Turn<'_>) -> bool {
        if at.is_empty() {
            return true;
        }
        let mut effects = Vec::new();
        let found = match &self.source {
            StageSource::Own => self.app.point(at, turn.index, &mut effects),
            StageSource::Sample(sample) => {
                let sample = Arc::clone(sample);
                self.app.point(at, &sample.session.index(), &mut effects)
            }
        };
        self.perform(effects, turn);
        found
    }

    /// Lets something happen.
    fn event(&mut self, event: Event, turn: &mut Turn<'_>) {
        let effects = match &self.source {
            StageSource::Own => self.app.update(event, turn.index),
            StageSource::Sample(sample) => {
                let sample = Arc::clone(sample);
                self.app.update(event, &sample.session.index())
            }
        };
        self.perform(effects, turn);
    }

    /// Does what the screen wants: a bundled capture answers at once, the learner's own by the way of all others.
    fn perform(&mut self, effects: Vec<Effect>, turn: &mut Turn<'_>) {
        for effect in effects {
            match (effect, &self.source) {
                (Effect::Load(request), StageSource::Own) => {
                    turn.load(request.clone());
                    self.waiting.push(request);
                }
                (Effect::Load(request), StageSource::Sample(sample)) => {
                    let loaded = sample.session.load(&request);
                    self.event(answer(request, loaded), turn);
                }
                (Effect::Scan(wanted), _) => {
                    let nothing = Event::Found { id: wanted.id, found: Vec::new(), percent: 100, over: true };
                    self.event(nothing, turn);
                }
                (Effect::Choose(wanted), _) => {
                    let nothing =
                        Event::Chosen { id: wanted.id, results: Vec::new(), percent: 100, over: true };
                    self.event(nothing, turn);
                }
                (effect @ (Effect::Quit | Effect::Copy(_) | Effect::Redraw | Effect::Suspend), _) => {
                    turn.effects.push(effect);
                }
                (Effect::Export(_) | Effect::Save(..), _) => {
                    turn.warn("a lesson cannot write files; use the capture's own screens");
                }
                _ => {}
            }
        }
    }

    /// Keeps up with time, size and what was loaded.
    pub fn settle(&mut self, size: (u16, u16), turn: &mut Turn<'_>) {
        let shared: &mut Shared = &mut self.app.shared;
        (shared.looks, shared.lang) = (turn.shared.looks, turn.shared.lang);
        if shared.size != size {
            self.event(Event::Resize(size.0, size.1), turn);
        }
        let waiting = std::mem::take(&mut self.waiting);
        let mut came = false;
        for request in waiting {
            match loaded(turn.shared, &request) {
                None => self.waiting.push(request),
                Some(answer) => {
                    came = true;
                    self.event(Event::Answer(request, answer), turn);
                }
            }
        }
        let now = turn.shared.now + REST;
        if now != self.app.shared.now {
            self.event(Event::Tick(now), turn);
        }
        if came && !self.touched {
            let highlight = self.highlight.clone();
            self.point(&highlight, turn);
        }
    }

    /// A key of the learner.
    pub fn key(&mut self, press: Press, turn: &mut Turn<'_>) {
        self.touched = true;
        self.event(Event::Key(press), turn);
    }

    /// The mouse, in the stage's own rows and columns.
    pub fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        self.touched = true;
        self.event(Event::Mouse(mouse), turn);
    }

    /// Whether a list or an input line lies on top: then `Esc` is for that.
    pub fn has_top(&self) -> bool {
        self.app.popup.is_some() || self.app.input.is_some()
    }

    /// Whether lessons were gone to.
    pub fn is_learn(&self) -> bool {
        self.app.screen == ScreenId::Learn
    }

    /// Whether time has to go on for it.
    pub fn waits(&self) -> bool {
        !self.waiting.is_empty() || self.app.waits()
    }

    /// Whether the cursor is where a task wants it.
    pub fn is_at(&self, view: LessonView, value: &Value, at: &str, turn: &Turn<'_>) -> bool {
        let is = |index: &Index| {
            let wanted = selection_of(value, index);
            let is = self.app.shared.selection;
            let same = is.connection == wanted.connection
                && (wanted.message == 0 || is.message == wanted.message)
                && (!matches!(value, Value::Frame(..)) || is.frame == wanted.frame);
            let ctx = Ctx { index, shared: &self.app.shared };
            let here = || self.app.screens.get(self.app.screen).here(&ctx);
            self.app.screen == screen_of(view) && same && (at.is_empty() || here() == at)
        };
        match &self.source {
            StageSource::Own => is(turn.index),
            StageSource::Sample(sample) => is(&sample.session.index()),
        }
    }

    /// Where it is: `chat.pcapng ▸ #1 ▸ frame 2`.
    pub fn place(&self) -> String {
        let Selection { connection, message, frame } = self.app.shared.selection;
        let name = self.app.screen.info().name.of(self.app.shared.lang).to_lowercase();
        let mut place = format!("{} ▸ #{connection} ▸ {name}", self.app.shared.source);
        let number = match self.app.screen.info().depth {
            2 if message > 0 => message,
            3 if frame > 0 => frame,
            _ => return place,
        };
        place += &format!(" {number}");
        place
    }

    /// Draws the screen alone, or with its two lines below.
    pub fn view(&self, own: &Index, area: Rect, whole: bool, buffer: &mut Buffer) {
        let size = self.app.shared.size;
        let mut drawn = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        let guard;
        let index = match &self.source {
            StageSource::Own => own,
            StageSource::Sample(sample) => {
                guard = sample.session.index();
                &*guard
            }
        };
        if whole {
            view::draw(&self.app, index, &mut drawn);
        } else {
            let ctx = Ctx { index, shared: &self.app.shared };
            self.app.screens.get(self.app.screen).view(&ctx, self.app.shared.body(), &mut drawn);
        }
        for y in 0..area.height {
            for x in 0..area.width {
                let from = drawn.cell((x, y.saturating_add(TOP)));
                if let (Some(from), Some(to)) = (from, buffer.cell_mut((area.x + x, area.y + y))) {
                    *to = from.clone();
                }
            }
        }
    }
}

/// Rows of a UI above its screen, and below it.
pub const TOP: u16 = 2;

/// The size of a UI of which a part is seen: its screen alone, or with the rows below.
pub fn size_for(area: Rect, whole: bool) -> (u16, u16) {
    (area.width, area.height.saturating_add(if whole { TOP } else { TOP * 2 }))
}

/// What was loaded of the learner's capture; none while it is on its way.
pub fn loaded(shared: &Shared, request: &Request) -> Option<Result<DetailsAnswer, String>> {
    fn of<T>(detail: Detail<T>, make: fn(Arc<T>) -> DetailsAnswer) -> Option<Result<DetailsAnswer, String>> {
        match detail {
            Detail::Ready(detail) => Some(Ok(make(detail))),
            Detail::Failed(why) => Some(Err(why)),
            Detail::Loading => None,
            Detail::Absent => Some(Err("the step asks for something else".to_owned())),
        }
    }
    let details = &shared.details;
    match request {
        Request::Message { connection, message } => {
            of(details.message(*connection, *message), DetailsAnswer::Message)
        }
        Request::Frame { connection, frame } => of(details.frame(*connection, *frame), DetailsAnswer::Frame),
        Request::Tcp { connection } => of(details.tcp(*connection), DetailsAnswer::Tcp),
    }
}

#[cfg(test)]
impl Stage {
    /// What the cursor is on, of a bundled capture.
    pub fn here(&self) -> String {
        let StageSource::Sample(sample) = &self.source else { return String::new() };
        let ctx = Ctx { index: &sample.session.index(), shared: &self.app.shared };
        self.app.screens.get(self.app.screen).here(&ctx)
    }
}
