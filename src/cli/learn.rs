//! `wslens learn`: lessons in the terminal UI, or as text.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::args::{LangArg, LearnArgs};
use super::problem::Problem;
use super::{sandbox, tui};
use crate::learn::progress::LessonProgress;
use crate::learn::{Course, Sample, plain};
use crate::store;
use crate::tui::run::{self, UiOptions};

/// Width of a printed lesson in columns.
const COLUMNS: usize = 76;

/// Returns the file that stores progress; `None` if progress is not saved or no directory is known.
#[must_use]
pub fn state_file(no_save: bool) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if no_save || set("WSLENS_NO_SAVE").is_some_and(|value| value != "0") {
        return None;
    }
    // The XDG Base Directory Specification requires relative paths to be ignored.
    let state = set("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home =
        || Some(PathBuf::from(set("HOME").or_else(|| set("USERPROFILE"))?).join(".local").join("state"));
    Some(state.or_else(home)?.join("wslens").join("learned"))
}

/// Opens or prints the lessons; returns the exit code.
///
/// # Errors
/// A [`Problem`], or an error of the terminal.
pub fn run(args: &LearnArgs) -> anyhow::Result<u8> {
    let course = Course::read().map_err(|why| Problem::new(3, why))?;
    let lang = LangArg::of(args.screen.lang);
    let lesson = match &args.lesson {
        None => None,
        Some(name) => Some(course.find(name).ok_or_else(|| unknown(&course, name))?),
    };
    let progress = state_file(args.screen.no_save);
    if args.list {
        let kept = progress.and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let kept = LessonProgress::parse(&String::from_utf8_lossy(&kept));
        write!(io::stdout(), "{}", plain::list(&course, lang, &kept))?;
        return Ok(0);
    }
    if args.plain || !tui::is_wanted(&args.screen) || !io::stdout().is_terminal() {
        let mut samples = plain::Samples::default();
        let wanted = lesson.map_or(0..course.len(), |at| at..at + 1);
        for (i, at) in wanted.enumerate() {
            let text = plain::lesson(&course, at, lang, &mut samples, COLUMNS);
            let text = text.map_err(|why| Problem::new(3, why))?;
            write!(io::stdout(), "{}{text}", if i > 0 { "\n\n" } else { "" })?;
        }
        return Ok(0);
    }
    let has_helper = sandbox::start_helper(true, &[]);
    sandbox::enter(&sandbox::showing(sandbox::nothing(), progress.as_deref(), has_helper));
    let sample = Sample::open("chat-deflate").map_err(|why| Problem::new(3, why))?;
    let options = UiOptions {
        source: "chat-deflate (bundled)".to_owned(),
        looks: tui::looks(args.screen.theme, args.color, args.glyphs),
        lang,
        mouse: !args.screen.no_mouse,
        filter: String::new(),
        again: crate::export::Source {
            limits: store::Options::default().limits,
            ..crate::export::Source::default()
        },
        progress,
        lessons: Some(lesson),
    };
    run::run(&sample.session, &options)?;
    Ok(0)
}

fn unknown(course: &Course, name: &str) -> Problem {
    let ids: Vec<&str> = course.ids().collect();
    let name = crate::model::safe_str(name);
    Problem::new(2, format!("unknown lesson '{name}'")).hint("lessons", ids.join(" "))
}
