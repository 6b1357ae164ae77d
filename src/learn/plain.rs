//! Lessons as text, with the values of their bundled captures: to be read in a pager.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::expr::{Expr, Value};
use super::facts::{Cache, Missing};
use super::layout::flow;
use super::parse::{Lesson, LessonView};
use super::scene::{Scene, Task};
use super::words::{heading, words};
use super::{COUNTED, Course, LessonStep, Sample};
use crate::model::wrap;
use crate::model::{Lang, width};

/// Bundled captures that are open, with what was loaded of them.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    open: BTreeMap<String, (Arc<Sample>, Cache)>,
}

impl Samples {
    /// A bundled capture.
    ///
    /// # Errors
    /// Where there is none of this name.
    pub fn get(&mut self, name: &str) -> Result<&mut (Arc<Sample>, Cache), String> {
        if !self.open.contains_key(name) {
            self.open.insert(name.to_owned(), (Sample::open(name)?.into(), Cache::default()));
        }
        self.open.get_mut(name).ok_or_else(|| "it is gone".to_owned())
    }

    /// A step of a lesson with the values of its bundled captures.
    ///
    /// # Errors
    /// What has no value.
    pub fn scene(&mut self, lesson: &Lesson, step: &LessonStep) -> Result<Scene, String> {
        let mut value = |expr: &Expr| self.value(lesson, expr);
        Scene::make(step, &mut value).map_err(|missing| match missing {
            Missing::Wants(request) => format!("{request:?} could not be loaded"),
            Missing::Is(why) => why,
        })
    }

    /// The value of an expression: that of the capture whose objects are in it.
    ///
    /// # Errors
    /// Why it has none.
    pub fn value(&mut self, lesson: &Lesson, expr: &Expr) -> Result<Value, Missing> {
        // Each side of a sign may be of another capture.
        if let Expr::Both(left, sign, right) = expr {
            let number = |value: Value| {
                value.number().map(Expr::Number).ok_or_else(|| Missing::Is("no number".to_owned()))
            };
            let left = number(self.value(lesson, left)?)?;
            let right = number(self.value(lesson, right)?)?;
            let joined = Expr::Both(Box::new(left), *sign, Box::new(right));
            let index = crate::store::Index::default();
            let facts = super::facts::CaptureFacts { index: &index, cache: &Cache::default(), flows: &[] };
            return facts.value(&joined, &|_| None);
        }
        let mut names = Vec::new();
        expr.objects(&mut names);
        let capture =
            names.first().and_then(|name| lesson.object(name)).map(|object| object.capture.as_str());
        let (sample, cache) = self.get(capture.unwrap_or("rfc-5-7")).map_err(Missing::Is)?;
        let object = |name: &str| lesson.object(name).map(super::find::placed);
        sample.value(expr, cache, &object)
    }
}

/// The list of lessons.
#[must_use]
pub fn list(course: &Course, lang: Lang, progress: &super::progress::LessonProgress) -> String {
    let mut out = String::new();
    for at in 0..course.len() {
        let Some(lesson) = course.lesson(at, lang) else { continue };
        if at == COUNTED {
            let _ = writeln!(out, "\n{}", words(lang).extras);
        }
        let number = if at < COUNTED { format!("{:>2}", at + 1) } else { "  ".to_owned() };
        let count = format!("{}/{}", progress.count(lesson), lesson.steps.len());
        let title = format!("{}{}", lesson.title, " ".repeat(22usize.saturating_sub(width(&lesson.title))));
        let goal = wrap(&lesson.goal, 60);
        let _ = writeln!(
            out,
            "{number}  {:<13} {count:>4}  {title} {}",
            lesson.id,
            goal.first().map_or("", String::as_str)
        );
    }
    out
}

/// A lesson as text.
///
/// # Errors
/// What has no value: tests see to it that nothing has none.
pub fn lesson(
    course: &Course,
    at: usize,
    lang: Lang,
    samples: &mut Samples,
    columns: usize,
) -> Result<String, String> {
    let words = words(lang);
    let Some(lesson) = course.lesson(at, lang) else { return Err("there is no such lesson".to_owned()) };
    let title = format!("{}  {}", heading(lang, at), lesson.title);
    let mut out = format!("{title}\n{}\n", "=".repeat(width(&title)));
    let paragraph = |out: &mut String, text: &str, indent: usize| {
        for line in wrap(text, columns.saturating_sub(indent)) {
            let _ = writeln!(out, "{}{line}", " ".repeat(indent));
        }
    };
    let mut goal = words.goal.to_owned();
    crate::model::join_line(&mut goal, &lesson.goal);
    paragraph(&mut out, &goal, 0);
    let mut answers = Vec::new();
    for (i, step) in lesson.steps.iter().enumerate() {
        let scene =
            samples.scene(lesson, step).map_err(|why| format!("{}/{}: {why}", lesson.id, step.name))?;
        let _ = writeln!(
            out,
            "\n-- {} {}/{}  ({})",
            words.step,
            i + 1,
            lesson.steps.len(),
            place(lesson, step, &scene)
        );
        for line in flow(&scene.text, columns) {
            let _ = writeln!(out, "{line}");
        }
        if !scene.ask.is_empty() {
            out.push('\n');
            paragraph(&mut out, &format!("? {}", scene.ask), 0);
        }
        let answer = match &scene.task {
            Task::Choose(options, right) => {
                for (i, option) in options.iter().enumerate() {
                    paragraph(&mut out, &format!("{}) {option}", i + 1), 2);
                }
                options.get(*right).map(|option| format!("{}) {option}", right + 1)).unwrap_or_default()
            }
            Task::Type(..) => scene.answer(),
            Task::Go(view, value, at) => format!("{} {} {at}", view.name(), value.written("")),
            Task::Read => continue,
        };
        answers.push((i + 1, joined(answer.trim(), &scene.right)));
    }
    let _ = writeln!(out, "\n-- {}", words.answers);
    for (number, answer) in answers {
        paragraph(&mut out, &format!("{number}: {answer}"), 0);
    }
    Ok(out)
}

/// Two texts one behind the other.
fn joined(first: &str, second: &str) -> String {
    if second.is_empty() { first.to_owned() } else { format!("{first}  {second}") }
}

/// Which capture, screen and object: `rfc-5-7, frame 2`.
fn place(lesson: &Lesson, step: &LessonStep, scene: &Scene) -> String {
    let mut names = Vec::new();
    step.view.1.objects(&mut names);
    let capture = names.first().and_then(|name| lesson.object(name)).map_or("", |object| &object.capture);
    let (view, value) = &scene.view;
    let numbers = match (view, value) {
        (LessonView::Connections | LessonView::Findings, _) => String::new(),
        (_, value) => format!(" {}", value.written("")),
    };
    format!("{capture}: {}{numbers}", view.name())
}
