//! Lesson files: plain text, one for each lesson and language.
//!
//! ```text
//! # masking
//! title: Masking
//! goal: Unmask a frame by hand.
//! object: f = rfc-5-7 frame 1/2 | c2s data masked len>=5
//! == key
//! view: frame f
//! highlight: masking-key
//! text:
//!   The key is {f.key}.
//! ask: 51 xor 3d, two hex digits?
//! answer: hex = f.wire[3] ^ f.key[3]
//! wrong: = f.wire[3] ^ f.key[0] | You used key byte 0.
//! hint: Equal bits give 0.
//! right: That is the letter l.
//! ```
//!
//! A line that begins with two spaces goes on with the one above. Lines of a text that are indented by more stay as
//! they are; the others are joined and broken anew. `//` begins a remark.

use super::expr::Expr;

/// A lesson in one language.
#[derive(Clone, Debug, Default)]
pub struct Lesson {
    /// Its name on the command line.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What the learner can do after it.
    pub goal: String,
    /// What it is about.
    pub objects: Vec<LessonObject>,
    /// Its steps.
    pub steps: Vec<LessonStep>,
}

/// Something in a capture that a lesson is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonObject {
    /// Its name in expressions.
    pub name: String,
    /// The bundled capture that has it.
    pub capture: String,
    /// Which kind of thing.
    pub kind: ObjectKind,
    /// Its connection there, and its number in that.
    pub place: (u32, u64),
    /// What such a thing of another capture has to be; `None` where only the bundled one serves.
    pub wanted: Option<Vec<String>>,
}

/// A kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A WebSocket.
    Connection,
    /// A message.
    Message,
    /// A frame.
    Frame,
    /// A TCP connection without WebSocket.
    Flow,
}

/// Screens that a step can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LessonView {
    Connections,
    Handshake,
    Messages,
    Frames,
    Message,
    Frame,
    Ladder,
    Stats,
    Findings,
    Layers,
}

impl LessonView {
    const NAMES: [(&'static str, Self); 10] = [
        ("connections", Self::Connections),
        ("handshake", Self::Handshake),
        ("messages", Self::Messages),
        ("frames", Self::Frames),
        ("message", Self::Message),
        ("frame", Self::Frame),
        ("ladder", Self::Ladder),
        ("stats", Self::Stats),
        ("findings", Self::Findings),
        ("layers", Self::Layers),
    ];

    fn of(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, view)| *view).ok_or_else(|| format!("there is no screen '{name}'"))
    }

    /// Its name in lesson files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, view)| *view == self).map_or("", |(name, _)| name)
    }
}

/// A step of a lesson.
#[derive(Clone, Debug)]
pub struct LessonStep {
    /// Its name: what progress remembers.
    pub name: String,
    /// Which screen, of which object.
    pub view: (LessonView, Expr),
    /// Where the cursor stands there; empty for where it stands anyway.
    pub highlight: String,
    /// What is said, by lines.
    pub text: Vec<String>,
    /// What is asked.
    pub ask: String,
    /// What counts as an answer.
    pub check: Check,
    /// Known mistakes and the replies to them.
    pub wrong: Vec<(LessonAnswer, String)>,
    /// Hints, the vaguest first.
    pub hints: Vec<String>,
    /// What is said to the right answer; may be empty.
    pub right: String,
    /// Values of which `b` shows the bits.
    pub bits: Vec<Expr>,
}

/// What counts as an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing is asked.
    Read,
    /// Something is typed.
    Answer(AnswerForm, Vec<LessonAnswer>),
    /// One of these is chosen; the right one, from 0.
    Choice(Vec<String>, usize),
    /// The cursor is brought to an object of a screen, and a place on it.
    Go(LessonView, Expr, String),
}

/// In which form an answer is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// A number: decimal, or hex with 0x.
    Number,
    /// Hex digits.
    Hex,
    /// Words.
    Text,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LessonAnswer {
    /// Computed.
    Computed(Expr),
    /// Literally this.
    Literal(String),
}

/// What is wrong with a lesson file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ParseError {
    /// In which line, from 1.
    pub line: usize,
    /// What.
    pub what: String,
}

/// A key with its value, and its lines below.
struct ParsedEntry<'a> {
    line: usize,
    key: &'a str,
    value: &'a str,
    below: Vec<&'a str>,
}

impl Lesson {
    /// Reads a lesson file.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(file: &str) -> Result<Self, ParseError> {
        let mut lesson = Self::default();
        let mut step: Option<Draft> = None;
        let mut last = 0;
        for entry in entries(file)? {
            let line = entry.line;
            last = line;
            let fail = |what: String| ParseError { line, what };
            match entry.key {
                "#" => entry.value.clone_into(&mut lesson.id),
                "==" => {
                    if let Some(draft) = step.replace(Draft::new(line, entry.value)) {
                        lesson.steps.push(draft.done()?);
                    }
                    if entry.value.is_empty() || lesson.steps.iter().any(|step| step.name == entry.value) {
                        return Err(fail("a step needs a name of its own".to_owned()));
                    }
                }
                key => match &mut step {
                    None => lesson.take(key, &entry).map_err(fail)?,
                    Some(draft) => draft.take(key, &entry).map_err(fail)?,
                },
            }
        }
        lesson.steps.extend(step.map(Draft::done).transpose()?);
        let missing = [
            ("its name: # name", lesson.id.is_empty()),
            ("a title:", lesson.title.is_empty()),
            ("a goal:", lesson.goal.is_empty()),
            ("a step: == name", lesson.steps.is_empty()),
        ];
        if let Some((what, _)) = missing.iter().find(|(_, is)| *is) {
            return Err(ParseError { line: last, what: format!("the lesson lacks {what}") });
        }
        lesson.check_names(last)?;
        Ok(lesson)
    }

    fn take(&mut self, key: &str, entry: &ParsedEntry<'_>) -> Result<(), String> {
        match key {
            "title" => self.title = entry.joined(),
            "goal" => self.goal = entry.joined(),
            "object" => self.objects.push(LessonObject::parse(&entry.joined())?),
            other => return Err(format!("'{other}' is not known before the first step")),
        }
        Ok(())
    }

    /// Every name that is used is that of an object.
    fn check_names(&self, line: usize) -> Result<(), ParseError> {
        for step in &self.steps {
            for name in step.objects().map_err(|what| ParseError { line, what })? {
                if self.object(&name).is_none() {
                    let what = format!("step {}: there is no object '{name}'", step.name);
                    return Err(ParseError { line, what });
                }
            }
        }
        Ok(())
    }

    /// An object by its name.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&LessonObject> {
        self.objects.iter().find(|object| object.name == name)
    }
}

impl LessonObject {
    /// `f = rfc-5-7 frame 1/2 | c2s data masked len>=5`
    fn parse(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once('=').ok_or("an object is: name = capture kind place | wanted")?;
        let (here, wanted) = match rest.split_once('|') {
            Some((here, wanted)) => (here, Some(wanted.split_whitespace().map(str::to_owned).collect())),
            None => (rest, None),
        };
        let words: Vec<&str> = here.split_whitespace().collect();
        let [capture, kind, place] = words[..] else {
            return Err("an object is: name = capture kind place | wanted".to_owned());
        };
        let kind = match kind {
            "connection" => ObjectKind::Connection,
            "message" => ObjectKind::Message,
            "frame" => ObjectKind::Frame,
            "flow" => ObjectKind::Flow,
            other => return Err(format!("there is no kind '{other}'")),
        };
        let (connection, number) = place.split_once('/').unwrap_or((place, "0"));
        let place = connection.parse().ok().zip(number.parse().ok());
        let place = place.ok_or("a place is connection/number")?;
        let name = name.trim().to_owned();
        Ok(Self { name, capture: capture.to_owned(), kind, place, wanted })
    }
}

impl ParsedEntry<'_> {
    /// All lines as one.
    fn joined(&self) -> String {
        let mut out = self.value.to_owned();
        for line in &self.below {
            crate::model::join_line(&mut out, line.trim());
        }
        out
    }
}

/// A step that is being read.
struct Draft {
    line: usize,
    name: String,
    view: Option<(LessonView, Expr)>,
    highlight: String,
    text: Vec<String>,
    ask: String,
    check: Option<Check>,
    wrong: Vec<(LessonAnswer, String)>,
    hints: Vec<String>,
    right: String,
    bits: Vec<Expr>,
}

impl Draft {
    fn new(line: usize, name: &str) -> Self {
        Self {
            line,
            name: name.to_owned(),
            view: None,
            highlight: String::new(),
            text: Vec::new(),
            ask: String::new(),
            check: None,
            wrong: Vec::new(),
            hints: Vec::new(),
            right: String::new(),
            bits: Vec::new(),
        }
    }

    fn take(&mut self, key: &str, entry: &ParsedEntry<'_>) -> Result<(), String> {
        let value = entry.joined();
        match key {
            "view" => {
                let (view, object) = value.split_once(' ').ok_or("a view is: screen object")?;
                self.view = Some((LessonView::of(view)?, Expr::parse(object)?));
            }
            "highlight" => self.highlight = value,
            "text" => {
                self.text = entry.below.iter().map(|line| (*line).to_owned()).collect();
                if !entry.value.is_empty() {
                    return Err("a text begins in the line below".to_owned());
                }
            }
            "ask" => self.ask = value,
            "answer" => {
                let (form, answer) = value.split_once(' ').ok_or("an answer is: form value")?;
                let form = match form {
                    "number" => AnswerForm::Number,
                    "hex" => AnswerForm::Hex,
                    "text" => AnswerForm::Text,
                    other => return Err(format!("there is no form '{other}': number, hex, text")),
                };
                self.set(Check::Answer(form, vec![LessonAnswer::parse(answer)?]))?;
            }
            "also" => match &mut self.check {
                Some(Check::Answer(_, answers)) => answers.push(LessonAnswer::parse(&value)?),
                _ => return Err("also: comes after answer:".to_owned()),
            },
            "choose" => {
                let mut right = Vec::new();
                let mut options = Vec::new();
                for line in &entry.below {
                    let (mark, text) = line.trim().split_once(' ').ok_or("an option is: - text")?;
                    match mark {
                        "*" => right.push(options.len()),
                        "-" => {}
                        _ => {
                            // A long option goes on.
                            let last: &mut String = options.last_mut().ok_or("an option is: - text")?;
                            crate::model::join_line(last, line.trim());
                            continue;
                        }
                    }
                    options.push(text.to_owned());
                }
                let [right] = right[..] else { return Err("one option is the right one: * text".to_owned()) };
                if !(2..=5).contains(&options.len()) {
                    return Err("a choice has two to five options".to_owned());
                }
                self.set(Check::Choice(options, right))?;
            }
            "go" => {
                let mut words = value.splitn(3, ' ');
                let (Some(view), Some(object)) = (words.next(), words.next()) else {
                    return Err("a place to go to is: screen object place".to_owned());
                };
                let at = words.next().unwrap_or_default().to_owned();
                self.set(Check::Go(LessonView::of(view)?, Expr::parse(object)?, at))?;
            }
            "wrong" => {
                let (answer, reply) = value.split_once(" | ").ok_or("a mistake is: value | reply")?;
                self.wrong.push((LessonAnswer::parse(answer)?, reply.to_owned()));
            }
            "hint" => self.hints.push(value),
            "right" => self.right = value,
            "bits" => self.bits = value.split(',').map(Expr::parse).collect::<Result<_, _>>()?,
            other => return Err(format!("'{other}' is not known in a step")),
        }
        Ok(())
    }

    fn set(&mut self, check: Check) -> Result<(), String> {
        match self.check.replace(check) {
            None => Ok(()),
            Some(_) => Err("a step asks one thing".to_owned()),
        }
    }

    fn done(self) -> Result<LessonStep, ParseError> {
        let fail = |what: &str| ParseError { line: self.line, what: format!("step {}: {what}", self.name) };
        if self.text.is_empty() {
            return Err(fail("it has no text"));
        }
        if self.check.is_some() && (self.ask.is_empty() || self.hints.is_empty()) {
            return Err(fail("what is checked needs an ask: and a hint:"));
        }
        if self.check.is_none() && !self.ask.is_empty() {
            return Err(fail("what is asked needs an answer:, choose: or go:"));
        }
        Ok(LessonStep {
            view: self.view.clone().ok_or_else(|| fail("it has no view"))?,
            name: self.name,
            highlight: self.highlight,
            text: self.text,
            ask: self.ask,
            check: self.check.unwrap_or(Check::Read),
            wrong: self.wrong,
            hints: self.hints,
            right: self.right,
            bits: self.bits,
        })
    }
}

impl LessonAnswer {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().strip_prefix('=') {
            Some(expr) => Expr::parse(expr).map(Self::Computed),
            None => Ok(Self::Literal(text.trim().to_owned())),
        }
    }
}

impl LessonStep {
    /// Every text of the step in which values may stand.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let options = match &self.check {
            Check::Choice(options, _) => options.as_slice(),
            _ => &[],
        };
        let replies = self.wrong.iter().map(|(_, reply)| reply);
        let own = [&self.ask, &self.right];
        self.text.iter().chain(own).chain(options).chain(replies).chain(&self.hints).map(String::as_str)
    }

    /// The names of all objects that it needs.
    ///
    /// # Errors
    /// Where an expression in a text cannot be read.
    pub fn objects(&self) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        self.view.1.objects(&mut found);
        for expr in &self.bits {
            expr.objects(&mut found);
        }
        if let Check::Go(_, expr, _) = &self.check {
            expr.objects(&mut found);
        }
        let answers = match &self.check {
            Check::Answer(_, answers) => answers.as_slice(),
            _ => &[],
        };
        for answer in answers.iter().chain(self.wrong.iter().map(|(answer, _)| answer)) {
            if let LessonAnswer::Computed(expr) = answer {
                expr.objects(&mut found);
            }
        }
        let mut names: Vec<String> = found.into_iter().map(str::to_owned).collect();
        for text in self.texts() {
            for (expr, _) in placeholders(text) {
                let expr = Expr::parse(expr).map_err(|why| format!("{{{expr}}}: {why}"))?;
                let mut found = Vec::new();
                expr.objects(&mut found);
                names.extend(found.into_iter().map(str::to_owned));
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

/// What stands between braces in a text: expression and form.
fn placeholders(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(inner, _)| split_form(inner))
}

fn split_form(inner: &str) -> (&str, &str) {
    inner.rsplit_once(':').unwrap_or((inner, ""))
}

/// A text with its values put in: `value` gets each expression, as written, with its form.
///
/// # Errors
/// The first that `value` has.
pub fn fill<E>(text: &str, mut value: impl FnMut(&str, &str) -> Result<String, E>) -> Result<String, E> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((inner, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let (expr, form) = split_form(inner);
        out.push_str(&value(expr, form)?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

/// The entries of a file.
fn entries(file: &str) -> Result<Vec<ParsedEntry<'_>>, ParseError> {
    let mut found: Vec<ParsedEntry<'_>> = Vec::new();
    for (at, text) in file.lines().enumerate() {
        let line = at + 1;
        if text.starts_with("//") {
            continue;
        }
        if let Some(below) = text.strip_prefix("  ") {
            match found.last_mut() {
                Some(entry) => entry.below.push(below),
                None => return Err(ParseError { line, what: "nothing to go on with".to_owned() }),
            }
            continue;
        }
        if text.trim().is_empty() {
            // Paragraphs of a text; anywhere else it is only air.
            if let Some(entry) = found.last_mut().filter(|entry| entry.key == "text") {
                entry.below.push("");
            }
            continue;
        }
        let split = match text.split_once(' ') {
            Some((key @ ("#" | "=="), value)) => Some((key, value)),
            _ => text.split_once(':'),
        };
        let Some((key, value)) = split else {
            return Err(ParseError { line, what: format!("'{}' is no key: value", text.trim()) });
        };
        found.push(ParsedEntry { line, key: key.trim(), value: value.trim(), below: Vec::new() });
    }
    for entry in &mut found {
        while entry.below.last().is_some_and(|line| line.trim().is_empty()) {
            entry.below.pop();
        }
    }
    Ok(found)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
