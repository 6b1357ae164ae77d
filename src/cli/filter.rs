//! `-Y`: a filter from the command line, and what the engine has to read for it.

use std::io::{self, Write as _};

use clap::Args;

use super::args::{InputArgs, LookArgs};
use super::problem::Problem;
use super::read::{self, Progress};
use crate::drive;
use crate::filter::{self, FilterError, Levels, Matcher};
use crate::pipeline::{Limits, Pipeline};

/// Bytes of a message that are searched, unless more may be inflated.
const SEARCHED: u64 = 64 << 20;

/// Which rows.
#[derive(Clone, Debug, Default, Args)]
pub struct FilterArgs {
    /// Only rows that match, for instance 'op == text and len > 1KB' (see --list-fields)
    #[arg(short = 'Y', long, value_name = "EXPR", help_heading = "Selection")]
    pub filter: Option<String>,
    /// Print the fields that a filter may ask for, and stop
    #[arg(long, help_heading = "Selection")]
    pub list_fields: bool,
    /// For live captures only
    #[arg(short = 'f', long, value_name = "BPF", hide = true)]
    pub capture_filter: Option<String>,
}

impl FilterArgs {
    /// The filter, for rows of these levels; `None` where none was given.
    ///
    /// # Errors
    /// A [`Problem`] where it cannot be understood, or where `-f` was given for a file.
    pub fn matcher(&self, rows: Levels) -> Result<Option<Box<Matcher>>, Problem> {
        if self.capture_filter.is_some() {
            return Err(Problem::new(2, "-f is for live captures: a file was already captured")
                .hint("why", "-f takes a capture filter (BPF) that the kernel applies; rows of a file are chosen by -Y")
                .hint("try", "-Y 'port == 8080'     (all fields: wslens read --list-fields)"));
        }
        let Some(text) = &self.filter else { return Ok(None) };
        let filter = filter::parse(text)?;
        if filter.fields().any(|field| field == filter::Field::Mark) {
            return Err(Problem::new(2, "\"mark\" is known in the terminal UI only")
                .hint("why", "marks are made there, by hand"));
        }
        Ok((!filter.is_empty()).then(|| Box::new(Matcher::new(filter, rows))))
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        Self::new(2, format!("{} in filter", error.what)).lines(error.marked())
    }
}

/// Prints the fields.
///
/// # Errors
/// Those of the writer.
pub fn list() -> anyhow::Result<u8> {
    io::stdout().lock().write_all(filter::field::list().as_bytes())?;
    Ok(0)
}

/// Has the engine read what a filter asks for, beside what is read anyway.
pub fn deepen(limits: &mut Limits, matcher: &Matcher) {
    let (needs, depth) = (matcher.needs(), &mut limits.depth);
    if needs.payloads || needs.frame_payloads {
        depth.keep = depth.keep.max(SEARCHED).max(depth.inflate.message);
    }
    depth.payloads |= needs.messages;
    depth.hash |= needs.hash;
    // What is surveyed before need not be told again.
    depth.frames |= needs.frames && !matcher.needs_survey();
    depth.frame_payloads = depth.frames && (depth.frame_payloads || needs.frame_payloads);
}

/// Goes over the captures once for what rows will have to know of others.
///
/// # Errors
/// A [`Problem`] where an input can be read only once.
pub fn survey(
    input: &InputArgs,
    look: &LookArgs,
    limits: &Limits,
    matcher: &mut Matcher,
) -> anyhow::Result<()> {
    let once = |path: &&std::path::PathBuf| path.as_os_str() == "-" || !path.is_file();
    if let Some(path) = input.all().find(once) {
        let name =
            if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
        return Err(Problem::new(
            2,
            format!("this filter has to read the capture twice, and {name} can be read once"),
        )
        .hint("why", "it asks rows for something that is known only of others, or only at the end")
        .hint("try", "save the capture to a file first, or choose a --level whose rows have these fields")
        .into());
    }
    let needs = matcher.needs();
    let mut limits = limits.clone();
    limits.depth.payloads = needs.messages;
    limits.depth.frames = needs.frames;
    limits.depth.frame_payloads = needs.frame_payloads;
    let mut capture = read::open(input).map_err(Problem::from)?;
    let mut progress = Progress::new(look.quiet);
    drive::run(&mut capture, &mut Pipeline::new(limits), &mut matcher.survey(), |capture, _| {
        progress.show(capture);
        true
    });
    progress.clear();
    Ok(())
}

/// Says of how many rows it is not known whether they match.
pub fn tell_undecided(look: &LookArgs, undecided: u64) {
    if undecided == 0 || look.quiet {
        return;
    }
    let (rows, they) = if undecided == 1 { ("row", "it is") } else { ("rows", "they are") };
    errln!(
        "note: of {undecided} {rows} it is not known whether the filter matches, and {they} not shown: bytes are missing \
         from the capture or could not be read. Messages like these: -Y 'integrity != ok'"
    );
}
