//! Which steps were done: lines of text in a file of the user's state. Damage costs at most what is damaged.

use std::collections::BTreeSet;

/// Lines of such a file that are looked at.
const LINES: usize = 4096;

/// Which steps were done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LessonProgress {
    done: BTreeSet<(String, String)>,
}

impl LessonProgress {
    /// Reads a file of progress; what is no line of it is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let is_name = |word: &str| {
            !word.is_empty()
                && word.len() < 40
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let line = |line: &str| {
            let (lesson, step) = line.trim().split_once(' ')?;
            (is_name(lesson) && is_name(step)).then(|| (lesson.to_owned(), step.to_owned()))
        };
        Self { done: text.lines().take(LINES).filter_map(line).collect() }
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.done.iter().map(|(lesson, step)| format!("{lesson} {step}\n"));
        "# Steps of wslens learn that were done: lesson step\n".to_owned() + &lines.collect::<String>()
    }

    /// Takes note that a step was done; whether that is new.
    pub fn add(&mut self, lesson: &str, step: &str) -> bool {
        self.done.insert((lesson.to_owned(), step.to_owned()))
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        self.done.extend(other.done.iter().cloned());
    }

    /// Whether a step was done.
    #[must_use]
    pub fn has(&self, lesson: &str, step: &str) -> bool {
        self.done.contains(&(lesson.to_owned(), step.to_owned()))
    }

    /// How many of a lesson's steps were done.
    #[must_use]
    pub fn count(&self, lesson: &super::Lesson) -> usize {
        lesson.steps.iter().filter(|step| self.has(&lesson.id, &step.name)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut progress = LessonProgress::default();
        assert!(progress.add("masking", "key") && !progress.add("masking", "key"));
        progress.add("frame", "fin");
        assert_eq!(LessonProgress::parse(&progress.text()), progress);
    }

    #[test]
    fn damage_costs_what_is_damaged() {
        let progress = LessonProgress::parse("\0\u{1b}[2J x\nmasking key\n\nmasking\nframe  fin\n../.. x\n");
        assert_eq!(progress.done.len(), 1);
        assert!(progress.has("masking", "key"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_too_strange(text in "(?s).{0,300}") {
            let read = LessonProgress::parse(&text);
            proptest::prop_assert_eq!(LessonProgress::parse(&read.text()), read);
        }
    }
}
