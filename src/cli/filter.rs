//! `-Y`: a filter from the command line, and what the engine has to read for it.

use std::io::{self, Write as _};

use clap::Args;

use super::args::{InputArgs, LookArgs};
use super::problem::Problem;
use super::read::{self, ProgressLine};
use crate::drive;
use crate::filter::{self, FilterError, Levels, Matcher};
use crate::pipeline::{Limits, Pipeline};

/// Bytes of a message that are searched, unless more may be inflated.
const SEARCHED: u64 = 64 << 20;

/// Options that select rows.
#[derive(Clone, Debug, Default, Args)]
pub struct FilterArgs {
    /// Show only rows that match this filter, such as 'op == text and len > 1KB' (see --list-fields)
    #[arg(short = 'Y', long, value_name = "EXPR", help_heading = "Selection")]
    pub filter: Option<String>,
    /// List the filter fields, and exit
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
            return Err(Problem::new(2, "-f works only with live captures")
                .hint(
                    "why",
                    "-f is a capture filter (BPF), which the kernel applies; to filter a file, use -Y",
                )
                .hint("try", "-Y 'port == 8080'     (all fields: wslens read --list-fields)"));
        }
        let Some(text) = &self.filter else { return Ok(None) };
        let filter = filter::parse(text)?;
        if filter.fields().any(|field| field == filter::Field::Mark) {
            return Err(Problem::new(2, "the field \"mark\" works only in the terminal UI")
                .hint("why", "rows are marked by hand there"));
        }
        Ok((!filter.is_empty()).then(|| Box::new(Matcher::new(filter, rows))))
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        Self::new(2, format!("{} in filter", error.what)).lines(error.marked())
    }
}

/// Prints the list of filter fields.
///
/// # Errors
/// Those of the writer.
pub fn list() -> anyhow::Result<u8> {
    io::stdout().lock().write_all(filter::field::list().as_bytes())?;
    Ok(0)
}

/// Extends `limits` so that the analysis also reads what the filter tests.
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

/// Reads the captures once in advance, to collect values that the filter needs before its rows are printed.
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
            format!("this filter needs to read the capture twice, but {name} can be read only once"),
        )
        .hint(
            "why",
            "it tests rows for a value that is known only from other rows or at the end of the capture",
        )
        .hint("try", "save the capture to a file first, or use a --level whose rows have these fields")
        .into());
    }
    let needs = matcher.needs();
    let mut limits = limits.clone();
    limits.depth.payloads = needs.messages;
    limits.depth.frames = needs.frames;
    limits.depth.frame_payloads = needs.frame_payloads;
    let mut capture = read::open(input).map_err(Problem::from)?;
    let mut progress = ProgressLine::new(look.quiet);
    drive::run(&mut capture, &mut Pipeline::new(limits), &mut matcher.survey(), |capture, _| {
        progress.show(capture);
        true
    });
    progress.clear();
    Ok(())
}

/// Prints how many rows the filter could not decide on.
pub fn tell_undecided(look: &LookArgs, undecided: u64) {
    if undecided == 0 || look.quiet {
        return;
    }
    let rows = if undecided == 1 { "row is" } else { "rows are" };
    errln!(
        "note: {undecided} {rows} not shown because the filter cannot be decided: bytes are missing \
         from the capture or could not be read. Messages like these: -Y 'integrity != ok'"
    );
}
