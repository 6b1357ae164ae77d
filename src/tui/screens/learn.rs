//! Lessons: a text that asks, beside the real screen that answers.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `stage` | the real screen, over a bundled capture or the learner's |
//! | `play` | a step: what was typed, what was said to it |
//! | `about` | which lesson is about what |
//! | `draw` | the list, the text, the line below |

pub mod about;
mod draw;
mod play;
mod stage;

use std::path::PathBuf;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, ScreenId, hint, hint_as, hint_pair};
use crate::learn::find::Looked;
use crate::learn::plain::Samples;
use crate::learn::progress::LessonProgress;
use crate::learn::words::words;
use crate::learn::{Course, Lesson, LessonStep};
use crate::model::Lang;
use crate::tui::commands::Cmd;
use crate::tui::event::{Effect, Mouse, MouseKind};
use crate::tui::keys::{Key, Press};
use crate::tui::shared::{Ctx, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::{List, Text};
use play::Play;
use stage::{TOP, size_for};

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Learn {
    course: Arc<Course>,
    /// Why there is no course.
    trouble: Option<String>,
    lang: Lang,
    list: List,
    play: Option<Play>,
    samples: Samples,
    /// What was done.
    pub progress: LessonProgress,
    /// Where that is kept; `None` to keep nothing.
    pub file: Option<PathBuf>,
    /// The lesson and the step that come up next.
    wanted: Option<(usize, usize, Option<Looked>)>,
    /// A lesson was just asked for about something: where it begins is not decided.
    fresh: bool,
}

/// Where everything stands: text, and the real screen (empty where there is no room).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LearnAreas {
    text: Rect,
    stage: Rect,
}

/// Columns of the text beside a screen, with its border.
const TEXT: u16 = 52;

impl Learn {
    fn read(&mut self) {
        if self.course.is_empty() && self.trouble.is_none() {
            match Course::read() {
                Ok(course) => self.course = Arc::new(course),
                Err(why) => self.trouble = Some(why),
            }
        }
    }

    /// Opens a lesson by its place, or the list.
    pub fn open(&mut self, lesson: Option<usize>) {
        self.read();
        self.play = None;
        self.wanted = lesson.map(|at| (at, self.first_open(at), None));
    }

    /// Opens the lesson about what a screen's cursor is on, with that capture's values.
    pub fn about(&mut self, screen: ScreenId, here: &str, ctx: &Ctx<'_>) {
        self.read();
        let id = about::lesson(screen, here, ctx);
        let selection = ctx.shared.selection;
        let looked = (selection.connection, selection.message, selection.frame);
        self.play = None;
        self.wanted = self.course.find(id).map(|at| (at, 0, Some(looked)));
        self.fresh = true;
    }

    /// The first step of a lesson that was not done; the first one where all were.
    fn first_open(&self, at: usize) -> usize {
        let Some(lesson) = self.course.lesson(at, self.lang) else { return 0 };
        let open = lesson.steps.iter().position(|step| !self.progress.has(&lesson.id, &step.name));
        open.unwrap_or(0)
    }

    fn lesson(&self) -> Option<&Lesson> {
        self.course.lesson(self.play.as_ref()?.lesson, self.lang)
    }

    fn step(&self) -> Option<&LessonStep> {
        self.lesson()?.steps.get(self.play.as_ref()?.step)
    }

    /// Whether all steps of the lesson at a place were done.
    fn is_done(&self, at: usize) -> bool {
        let lesson = self.course.lesson(at, self.lang);
        lesson.is_some_and(|lesson| self.progress.count(lesson) == lesson.steps.len())
    }

    fn go_step(&mut self, step: usize) {
        if let Some(play) = &self.play {
            self.wanted = Some((play.lesson, step, play.looked));
            self.play = None;
        }
    }

    fn next(&mut self) {
        let steps = self.lesson().map_or(0, |lesson| lesson.steps.len());
        match self.play.as_ref().map(|play| play.step + 1) {
            Some(next) if next < steps => self.go_step(next),
            _ => self.leave(),
        }
    }

    /// Back to the list, the cursor on the lesson after one that is done.
    fn leave(&mut self) {
        if let Some(play) = self.play.take() {
            let at = play.lesson + usize::from(self.is_done(play.lesson));
            self.list.go(at.min(self.course.len().saturating_sub(1)));
        }
    }

    fn solved(&mut self, turn: &mut Turn<'_>) {
        let Some((lesson, step)) = self.lesson().zip(self.step()) else { return };
        let (lesson, step) = (lesson.id.clone(), step.name.clone());
        if self.progress.add(&lesson, &step)
            && let Some(file) = &self.file
        {
            turn.effects.push(Effect::Keep(file.clone(), self.progress.clone()));
        }
    }

    fn enter(&mut self, turn: &mut Turn<'_>) {
        let Some(play) = &mut self.play else {
            let at = self.list.cursor;
            self.wanted = Some((at, self.first_open(at), None));
            return;
        };
        if play.solved || play.is_read() {
            self.solved(turn);
            return self.next();
        }
        if play.is_go() {
            play.exploring = true;
        } else if play.typed.is_empty() {
            turn.say(words(self.lang).nothing_typed);
        } else if play.submit() {
            self.solved(turn);
        }
    }

    /// Lets the learner do something in the real screen.
    fn explore(&mut self, turn: &mut Turn<'_>, act: impl FnOnce(&mut stage::Stage, &mut Turn<'_>)) {
        let Some(play) = &mut self.play else { return };
        play.exploring = true;
        if let Some(stage) = &mut play.stage {
            act(stage, turn);
            if stage.is_learn() {
                // Lessons inside lessons: back to the step.
                play.exploring = false;
                play.stage = None;
            }
        }
        if self.play.as_mut().is_some_and(|play| play.has_arrived(turn)) {
            self.solved(turn);
        }
    }

    /// Where text and screen stand.
    fn places(&self, body: Rect) -> LearnAreas {
        let Some(play) = &self.play else { return LearnAreas { text: body, stage: Rect::default() } };
        if body.width >= TEXT + 60 && body.height >= 14 {
            let text = Rect { width: TEXT, ..body };
            return LearnAreas { text, stage: Rect { x: body.x + TEXT, width: body.width - TEXT, ..body } };
        }
        if play.exploring {
            return LearnAreas { text: Rect::default(), stage: body };
        }
        let columns = usize::from(body.width).saturating_sub(4);
        let lines = self.lines(play, columns, false).len() as u16;
        let text = lines.saturating_add(2).max(10).min(body.height);
        let left = body.height - text;
        if left < 4 {
            return LearnAreas { text: body, stage: Rect::default() };
        }
        let stage = Rect { y: body.y + text, height: left, ..body };
        LearnAreas { text: Rect { height: text, ..body }, stage }
    }

    /// Opens what is wanted.
    fn begin(&mut self, turn: &mut Turn<'_>) {
        let Some((at, step, looked)) = self.wanted.take() else { return };
        let fresh = std::mem::take(&mut self.fresh);
        let Some(lesson) = self.course.lesson(at, self.lang) else { return };
        let step = step.min(lesson.steps.len().saturating_sub(1));
        self.list.cursor = at;
        let mut play = Play::new(at, step, looked, lesson, turn);
        if fresh {
            // What the learner asked about comes first: the first step that has it.
            play.step = lesson.steps.iter().position(|step| play.has_own(step)).unwrap_or(0);
        }
        self.play = Some(play);
    }

    /// The step with its values, in the language that is wanted.
    fn make(&mut self, turn: &mut Turn<'_>) {
        let Some(play) = &mut self.play else { return };
        let Some(lesson) = self.course.lesson(play.lesson, self.lang) else { return };
        if let Some(step) = lesson.steps.get(play.step) {
            play.make(lesson, step, self.lang, &mut self.samples, turn);
        }
    }

    /// ` wslens ▸ learn ▸ 5 Masking                 progress 4/10`
    #[must_use]
    pub fn breadcrumb(&self, ctx: &Ctx<'_>) -> Text {
        let words = words(ctx.shared.lang);
        let mut line = Text::of(Role::Plain, if ctx.shared.is_wide() { "  " } else { " " });
        line.add(Role::Title, "wslens").add(Role::Dim, " ▸ ").plainly("learn");
        if let (Some(play), Some(lesson)) = (&self.play, self.lesson()) {
            line.add(Role::Dim, " ▸ ");
            let number = (play.lesson < crate::learn::COUNTED).then(|| format!("{} ", play.lesson + 1));
            line.plainly(number.unwrap_or_default()).plainly(&lesson.title);
        }
        let counted = crate::learn::COUNTED.min(self.course.len());
        let done = (0..counted).filter(|at| self.is_done(*at)).count();
        let progress = Text::of(Role::Plain, format!("{} {done}/{counted}", words.progress));
        line.end_at(usize::from(ctx.shared.size.0).saturating_sub(1), &progress);
        line
    }
}

impl Screen for Learn {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        self.read();
        self.lang = turn.shared.lang;
        self.begin(turn);
        self.make(turn);
        let body = turn.shared.body();
        let places = self.places(body);
        self.list.settle(self.course.len(), usize::from(body.height.saturating_sub(7)).max(1));
        if let Some(play) = &mut self.play {
            let whole = play.exploring;
            play.settle(size_for(places.stage, whole), turn);
        }
    }

    fn typed(&mut self, press: Press, turn: &mut Turn<'_>) -> bool {
        let Some(play) = &mut self.play else { return false };
        let everywhere = press.ctrl && matches!(press.key, Key::Char('c' | 'l' | 'z'));
        if everywhere || matches!(press.key, Key::F(2..=4)) {
            return false;
        }
        if play.exploring {
            let top = play.stage.as_ref().is_some_and(stage::Stage::has_top);
            if press.key == Key::Esc && !top {
                play.exploring = false;
            } else {
                self.explore(turn, |stage, turn| stage.key(press, turn));
            }
            return true;
        }
        play.edit(press)
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        let Some(play) = &mut self.play else {
            match cmd {
                Cmd::Open | Cmd::NextStep => self.enter(turn),
                Cmd::PreviousStep | Cmd::Hint | Cmd::Bits => {}
                cmd => return self.list.act(cmd),
            }
            return true;
        };
        match cmd {
            Cmd::Open => self.enter(turn),
            Cmd::Hint => play.hint(),
            Cmd::Bits if play.has_bits() => play.bits = !play.bits,
            Cmd::Bits => turn.say(words(self.lang).no_bits),
            Cmd::NextStep => self.next(),
            Cmd::PreviousStep if play.step > 0 => {
                let step = play.step - 1;
                self.go_step(step);
            }
            Cmd::PreviousStep => turn.say(words(self.lang).first_step),
            Cmd::NextPane | Cmd::PreviousPane => play.exploring = true,
            Cmd::Back | Cmd::GoLearn => self.leave(),
            Cmd::Down | Cmd::Up if play.is_go() => {
                let key = if cmd == Cmd::Down { Key::Down } else { Key::Up };
                self.explore(turn, |stage, turn| stage.key(Press::plain(key), turn));
            }
            Cmd::Down => play.scroll = play.scroll.saturating_add(1),
            Cmd::Up => play.scroll = play.scroll.saturating_sub(1),
            Cmd::GoConnections
            | Cmd::GoHandshake
            | Cmd::GoMessages
            | Cmd::GoFrame
            | Cmd::GoLadder
            | Cmd::GoStats
            | Cmd::GoFindings
            | Cmd::GoLayers => {
                // The screens of the capture that the lesson is about.
                if let Some(press) =
                    crate::tui::commands::key_of(cmd, ScreenId::Learn.scope()).and_then(Press::parse)
                {
                    self.explore(turn, |stage, turn| stage.key(press, turn));
                }
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let places = self.places(turn.shared.body());
        let at = (mouse.x, mouse.y).into();
        let Some(play) = &mut self.play else {
            match mouse.kind {
                MouseKind::WheelDown => self.list.scroll(1),
                MouseKind::WheelUp => self.list.scroll(-1),
                MouseKind::Click | MouseKind::DoubleClick => {
                    let line = mouse.y.checked_sub(turn.shared.body().y + 1);
                    if let Some(row) = line.and_then(|line| self.row_at(usize::from(line))) {
                        let again = self.list.cursor == row;
                        self.list.go(row);
                        if again && mouse.kind == MouseKind::DoubleClick {
                            self.enter(turn);
                        }
                    }
                }
                MouseKind::Drag => {}
            }
            return;
        };
        if places.stage.contains(at) {
            let (x, y) = (mouse.x - places.stage.x, mouse.y - places.stage.y + TOP);
            self.explore(turn, |stage, turn| stage.mouse(Mouse { x, y, ..mouse }, turn));
        } else {
            match mouse.kind {
                MouseKind::WheelDown => play.scroll = play.scroll.saturating_add(1),
                MouseKind::WheelUp => play.scroll = play.scroll.saturating_sub(1),
                _ => play.exploring = false,
            }
        }
    }

    fn is_busy(&self) -> bool {
        self.play.as_ref().is_some_and(Play::waits)
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        self.draw(ctx, area, buffer);
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        self.status_line(ctx)
    }

    fn hints(&self) -> &'static [Hint] {
        const LIST: &[Hint] = &[
            hint_pair(Cmd::Down, Cmd::Up, "lesson", "选择", 7),
            hint(Cmd::Open, 8),
            hint_as(Cmd::NextLanguage, "中文", "English", 6),
            hint(Cmd::Back, 9),
        ];
        const STEP: &[Hint] = &[
            hint_as(Cmd::Open, "answer", "回答", 9),
            hint(Cmd::Hint, 8),
            hint_as(Cmd::NextStep, "next", "下一步", 7),
            hint_as(Cmd::PreviousStep, "back", "上一步", 6),
            hint_as(Cmd::NextPane, "look around", "探索", 5),
            hint_as(Cmd::NextLanguage, "中文", "English", 4),
            hint_as(Cmd::Back, "lessons", "课程", 9),
        ];
        const EXPLORING: &[Hint] = &[hint_as(Cmd::Back, "back to the step", "回到这一步", 9)];
        match &self.play {
            Some(play) if play.exploring => EXPLORING,
            Some(_) => STEP,
            None => LIST,
        }
    }
}

/// What tests ask.
#[cfg(test)]
impl Learn {
    /// The lesson's and the step's name, and the step with its values.
    pub fn playing(&self) -> Option<(&str, &str, &crate::learn::Scene)> {
        let (_, scene) = self.play.as_ref()?.scene.as_ref()?;
        Some((&self.lesson()?.id, &self.step()?.name, scene))
    }

    /// Whether the step is solved, whether its values are the learner's, and what is typed.
    pub fn standing(&self) -> (bool, bool, &str) {
        self.play.as_ref().map_or((false, false, ""), |play| (play.solved, play.is_own, &play.typed))
    }

    /// What the cursor of the real screen is on.
    pub fn stage_here(&self) -> String {
        let play = self.play.as_ref().and_then(|play| play.stage.as_ref());
        play.map_or_else(String::new, stage::Stage::here)
    }

    /// How many lines the text has beyond its room.
    pub fn hidden(&self, body: Rect) -> usize {
        let Some(play) = &self.play else { return 0 };
        let places = self.places(body);
        let lines =
            self.lines(play, usize::from(places.text.width).saturating_sub(4), places.text.width == TEXT);
        lines.len().saturating_sub(usize::from(places.text.height).saturating_sub(2))
    }
}
