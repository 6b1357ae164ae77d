//! A step with the values of a capture put in: what is shown, what is asked, what counts as right.

use super::check::{is_same, read};
use super::expr::{Expr, Value};
use super::facts::Missing;
use super::parse::{AnswerForm, Check, LessonAnswer, LessonStep, LessonView, fill};

/// A step that can be played.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The screen, and of what.
    pub view: (LessonView, Value),
    /// Where the cursor stands there.
    pub highlight: String,
    /// What is said, by lines.
    pub text: Vec<String>,
    /// What is asked.
    pub ask: String,
    /// How it is answered.
    pub task: Task,
    /// Hints, the vaguest first.
    pub hints: Vec<String>,
    /// What is said to the right answer.
    pub right: String,
    /// Values and their bits.
    pub bits: Vec<String>,
    wrong: Vec<(Value, String)>,
}

/// How a step is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// It is only read.
    Read,
    /// Something is typed.
    Type(AnswerForm, Vec<Value>),
    /// One of these; the right one, from 0.
    Choose(Vec<String>, usize),
    /// The cursor is brought there.
    Go(LessonView, Value, String),
}

/// What an answer is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerVerdict {
    /// It is right.
    Right,
    /// It is wrong; with a reply where the mistake is a known one.
    Wrong(Option<String>),
    /// It is nothing of the form that is asked for.
    Unreadable,
}

impl Scene {
    /// Puts values into a step.
    ///
    /// # Errors
    /// Why one has no value, or what has to be loaded first.
    pub fn make(
        step: &LessonStep,
        value: &mut dyn FnMut(&Expr) -> Result<Value, Missing>,
    ) -> Result<Self, Missing> {
        let view = (step.view.0, value(&step.view.1)?);
        let mut text = |text: &str| {
            fill(text, |expr, form| {
                let expr = Expr::parse(expr).map_err(Missing::Is)?;
                value(&expr).map(|value| value.written(form))
            })
        };
        let lines = step.text.iter().map(|line| text(line)).collect::<Result<_, _>>()?;
        let ask = text(&step.ask)?;
        let right = text(&step.right)?;
        let highlight = text(&step.highlight)?;
        let hints = step.hints.iter().map(|hint| text(hint)).collect::<Result<_, _>>()?;
        let replies = step.wrong.iter().map(|(_, reply)| text(reply)).collect::<Result<Vec<_>, _>>()?;
        let options = match &step.check {
            Check::Choice(options, _) => {
                options.iter().map(|option| text(option)).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        let form = match step.check {
            Check::Answer(form, _) => form,
            _ => AnswerForm::Number,
        };
        let mut answer = |answer: &LessonAnswer| match answer {
            LessonAnswer::Computed(expr) => value(expr),
            LessonAnswer::Literal(text) => {
                read(form, text).ok_or_else(|| Missing::Is(format!("'{text}' is no answer")))
            }
        };
        let mut wrong = Vec::new();
        for ((mistake, _), reply) in step.wrong.iter().zip(replies) {
            wrong.push((answer(mistake)?, reply));
        }
        let task = match &step.check {
            Check::Read => Task::Read,
            Check::Answer(form, answers) => {
                Task::Type(*form, answers.iter().map(&mut answer).collect::<Result<_, _>>()?)
            }
            Check::Choice(_, right) => Task::Choose(options, *right),
            Check::Go(view, object, at) => Task::Go(*view, value(object)?, at.clone()),
        };
        let mut bits = Vec::new();
        for expr in &step.bits {
            let value = value(expr)?;
            bits.push(format!("{} = {}", value.written("x"), value.written("b")));
        }
        Ok(Self { view, highlight, text: lines, ask, task, hints, right, bits, wrong })
    }

    /// Judges what was typed.
    #[must_use]
    pub fn judge(&self, typed: &str) -> AnswerVerdict {
        match &self.task {
            Task::Read => AnswerVerdict::Right,
            Task::Go(..) => AnswerVerdict::Unreadable,
            Task::Type(form, answers) => {
                let Some(typed) = read(*form, typed) else { return AnswerVerdict::Unreadable };
                if answers.iter().any(|answer| is_same(*form, &typed, answer)) {
                    return AnswerVerdict::Right;
                }
                let known = self.wrong.iter().find(|(mistake, _)| is_same(*form, &typed, mistake));
                AnswerVerdict::Wrong(known.map(|(_, reply)| reply.clone()))
            }
            Task::Choose(options, right) => {
                let typed = read(AnswerForm::Number, typed).and_then(|value| value.number());
                let at = typed.and_then(|typed| usize::try_from(typed).ok()?.checked_sub(1));
                let Some(at) = at.filter(|at| *at < options.len()) else { return AnswerVerdict::Unreadable };
                if at == *right {
                    return AnswerVerdict::Right;
                }
                let known = self.wrong.iter().find(|(mistake, _)| *mistake == Value::Number(at as i64 + 1));
                AnswerVerdict::Wrong(known.map(|(_, reply)| reply.clone()))
            }
        }
    }

    /// Known mistakes with their replies.
    #[must_use]
    pub fn mistakes(&self) -> &[(Value, String)] {
        &self.wrong
    }

    /// The right answer as one would type it; empty where nothing is typed.
    #[must_use]
    pub fn answer(&self) -> String {
        match &self.task {
            Task::Type(form, answers) => {
                answers.first().map(|answer| super::check::typed(*form, answer)).unwrap_or_default()
            }
            Task::Choose(_, right) => (right + 1).to_string(),
            Task::Read | Task::Go(..) => String::new(),
        }
    }
}
