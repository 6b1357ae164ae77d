//! A step that is played: its values, what was typed, what was said to it.

use std::collections::BTreeMap;

use super::stage::{Stage, StageSource, loaded};
use crate::learn::expr::{Expr, Value};
use crate::learn::facts::{Cache, CaptureFacts, Missing};
use crate::learn::find::{self, Looked};
use crate::learn::parse::AnswerForm;
use crate::learn::plain::Samples;
use crate::learn::scene::{AnswerVerdict, Scene, Task};
use crate::learn::{Lesson, LessonStep};
use crate::model::Lang;
use crate::store::Request;
use crate::tui::details::DetailsAnswer;
use crate::tui::keys::{Key, Press};
use crate::tui::shared::Turn;

/// Characters of an answer.
const MOST: usize = 60;

/// A step that is played.
#[derive(Clone, Debug)]
pub struct Play {
    /// The lesson's place.
    pub lesson: usize,
    /// The step's place.
    pub step: usize,
    /// What the learner looked at when he asked for a lesson about it; `None` for the bundled captures.
    pub looked: Option<Looked>,
    /// Objects of the lesson in the learner's capture.
    own: BTreeMap<String, Value>,
    /// The step with its values, and in which language.
    pub scene: Option<(Lang, Scene)>,
    /// Why there is none.
    pub trouble: Option<String>,
    /// Whether its values are the learner's.
    pub is_own: bool,
    /// The real screen.
    pub stage: Option<Stage>,
    /// What is typed.
    pub typed: String,
    /// The answer that was judged last, and what it is worth.
    pub last: Option<(String, AnswerVerdict)>,
    /// Hints that were given; one more than there are gives the answer away.
    pub hints: usize,
    /// The answer was right.
    pub solved: bool,
    /// Bits are shown.
    pub bits: bool,
    /// The real screen has the keys.
    pub exploring: bool,
    /// Lines that the text is scrolled.
    pub scroll: usize,
    cache: Cache,
    /// What is on its way for the values.
    waits_for: Option<Request>,
}

impl Play {
    /// A step at its beginning.
    pub fn new(at: usize, step: usize, looked: Option<Looked>, lesson: &Lesson, turn: &Turn<'_>) -> Self {
        let mut own = BTreeMap::new();
        if let Some(looked) = looked {
            let cache = Cache::default();
            let facts = CaptureFacts { index: turn.index, cache: &cache, flows: &[] };
            let found = lesson.objects.iter().filter_map(|object| {
                find::like(object, &facts, looked).map(|value| (object.name.clone(), value))
            });
            own.extend(found);
        }
        Self {
            lesson: at,
            step,
            looked,
            own,
            scene: None,
            trouble: None,
            is_own: false,
            stage: None,
            typed: String::new(),
            last: None,
            hints: 0,
            solved: false,
            bits: false,
            exploring: false,
            scroll: 0,
            cache: Cache::default(),
            waits_for: None,
        }
    }

    /// Whether the learner's capture has everything that a step is about.
    pub fn has_own(&self, step: &LessonStep) -> bool {
        let names = step.objects().unwrap_or_default();
        self.looked.is_some() && names.iter().all(|name| self.own.contains_key(name))
    }

    /// Makes the step's scene, unless it is there in this language.
    pub fn make(
        &mut self,
        lesson: &Lesson,
        step: &LessonStep,
        lang: Lang,
        samples: &mut Samples,
        turn: &mut Turn<'_>,
    ) {
        if self.scene.as_ref().is_some_and(|(made, _)| *made == lang) && self.stage.is_some() {
            return;
        }
        let own = self.has_own(step).then(|| self.own_scene(step, turn)).transpose();
        let (scene, source) = match own {
            // It is made once what it needs is there.
            Err(Missing::Wants(_)) => return,
            Ok(Some(scene)) => (scene, StageSource::Own),
            Ok(None) | Err(Missing::Is(_)) => match samples.scene(lesson, step) {
                Ok(scene) => match sample_of(lesson, step, samples) {
                    Ok(source) => (scene, source),
                    Err(why) => return self.trouble = Some(why),
                },
                Err(why) => return self.trouble = Some(why),
            },
        };
        self.is_own = matches!(source, StageSource::Own);
        if self.stage.is_none() {
            let view = (scene.view.0, &scene.view.1);
            self.stage = Some(Stage::open(source, view, &scene.highlight, (80, 24), turn));
        }
        if let Some((typed, verdict)) = &mut self.last {
            *verdict = scene.judge(typed);
        }
        self.scene = Some((lang, scene));
    }

    /// The step with values of the learner's capture; asks for what is not loaded.
    fn own_scene(&mut self, step: &LessonStep, turn: &mut Turn<'_>) -> Result<Scene, Missing> {
        loop {
            if let Some(request) = &self.waits_for {
                let Some(answer) = loaded(turn.shared, request) else {
                    return Err(Missing::Wants(request.clone()));
                };
                let request = request.clone();
                match answer {
                    Ok(DetailsAnswer::Frame(frame)) => self.cache.keep_frame(request, Ok(frame)),
                    Ok(DetailsAnswer::Tcp(tcp)) => self.cache.keep_tcp(request, Ok(tcp)),
                    Ok(DetailsAnswer::Message(_)) => {
                        self.cache.keep_frame(request, Err("no frame".to_owned()))
                    }
                    Err(why) => self.cache.keep_frame(request, Err(why)),
                }
                self.waits_for = None;
            }
            let facts = CaptureFacts { index: turn.index, cache: &self.cache, flows: &[] };
            let own = &self.own;
            let object = |name: &str| own.get(name).cloned();
            let mut value = |expr: &Expr| facts.value(expr, &object);
            match Scene::make(step, &mut value) {
                Err(Missing::Wants(request)) => {
                    turn.load(request.clone());
                    self.waits_for = Some(request);
                }
                made => return made,
            }
        }
    }

    /// Keeps up with time and size.
    pub fn settle(&mut self, size: (u16, u16), turn: &mut Turn<'_>) {
        if let Some(stage) = &mut self.stage {
            stage.settle(size, turn);
        }
    }

    /// Whether something is on its way.
    pub fn waits(&self) -> bool {
        self.waits_for.is_some() || self.stage.as_ref().is_some_and(Stage::waits)
    }

    fn task(&self) -> Option<&Task> {
        self.scene.as_ref().map(|(_, scene)| &scene.task)
    }

    /// Whether nothing is asked.
    pub fn is_read(&self) -> bool {
        matches!(self.task(), Some(Task::Read))
    }

    /// Whether the learner has to go somewhere.
    pub fn is_go(&self) -> bool {
        matches!(self.task(), Some(Task::Go(..))) && !self.solved
    }

    /// Whether the step is about going somewhere, done or not.
    pub fn is_go_task(&self) -> bool {
        matches!(self.task(), Some(Task::Go(..)))
    }

    /// Whether there are values with bits.
    pub fn has_bits(&self) -> bool {
        self.scene.as_ref().is_some_and(|(_, scene)| !scene.bits.is_empty())
    }

    /// Takes a key of an answer; `false` where it is none.
    pub fn edit(&mut self, press: Press) -> bool {
        if self.solved {
            return false;
        }
        let begins = match self.task() {
            Some(Task::Type(AnswerForm::Number, _)) => {
                |char: char| char.is_ascii_digit() || is_full_digit(char)
            }
            Some(Task::Type(AnswerForm::Hex, _)) => {
                |char: char| char.is_ascii_hexdigit() || is_full_digit(char)
            }
            Some(Task::Type(AnswerForm::Text, _)) => |char: char| !matches!(char, '?' | ':' | ' '),
            Some(Task::Choose(..)) => |char: char| char.is_ascii_digit() || is_full_digit(char),
            _ => return false,
        };
        match (press.key, press.ctrl) {
            (Key::Char(char), false) if !char.is_control() && (!self.typed.is_empty() || begins(char)) => {
                if self.typed.chars().count() < MOST {
                    self.typed.push(char);
                }
                self.scroll = 0;
                true
            }
            // Also where nothing is left: one too many must not leave the lesson.
            (Key::Backspace, _) => {
                self.typed.pop();
                true
            }
            (Key::Esc, _) if !self.typed.is_empty() => {
                self.typed.clear();
                true
            }
            (Key::Char('u'), true) if !self.typed.is_empty() => {
                self.typed.clear();
                true
            }
            _ => false,
        }
    }

    /// Judges what was typed; whether it is right.
    pub fn submit(&mut self) -> bool {
        let Some((_, scene)) = &self.scene else { return false };
        let typed = std::mem::take(&mut self.typed);
        let verdict = scene.judge(&typed);
        self.scroll = 0;
        match &verdict {
            AnswerVerdict::Right => self.solved = true,
            // A mistake that is not known gets the next hint.
            AnswerVerdict::Wrong(None) => self.hints = (self.hints + 1).min(scene.hints.len() + 1),
            AnswerVerdict::Wrong(Some(_)) => {}
            // It can be mended; of a choice there is nothing to mend.
            AnswerVerdict::Unreadable if !matches!(scene.task, Task::Choose(..)) => {
                self.typed.clone_from(&typed)
            }
            AnswerVerdict::Unreadable => {}
        }
        self.last = Some((typed, verdict));
        self.solved
    }

    /// Gives the next hint, at last the answer.
    pub fn hint(&mut self) {
        if let Some((_, scene)) = &self.scene
            && !self.solved
        {
            let most = scene.hints.len() + usize::from(!matches!(scene.task, Task::Read | Task::Go(..)));
            self.hints = (self.hints + 1).min(most);
            self.scroll = 0;
        }
    }

    /// Whether the learner just came to where he was to go.
    pub fn has_arrived(&mut self, turn: &Turn<'_>) -> bool {
        let (Some((_, scene)), Some(stage)) = (&self.scene, &self.stage) else { return false };
        let Task::Go(view, value, at) = &scene.task else { return false };
        if self.solved || !stage.is_at(*view, value, at, turn) {
            return false;
        }
        (self.solved, self.exploring) = (true, false);
        true
    }
}

fn is_full_digit(char: char) -> bool {
    ('\u{ff10}'..='\u{ff19}').contains(&char)
}

/// The bundled capture that a step's view is of.
fn sample_of(lesson: &Lesson, step: &LessonStep, samples: &mut Samples) -> Result<StageSource, String> {
    let mut names = Vec::new();
    step.view.1.objects(&mut names);
    let object = names.first().and_then(|name| lesson.object(name)).ok_or("a view without an object")?;
    samples.get(&object.capture).map(|(sample, _)| StageSource::Sample(std::sync::Arc::clone(sample)))
}
