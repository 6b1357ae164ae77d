//! `wslens stats`: counts, from headers only unless payloads are asked for.

use std::io::{IsTerminal as _, Write as _};

use super::args::StatsArgs;
use super::problem::Problem;
use super::{filter, outputs, read, sandbox};
use crate::drive;
use crate::filter::{Level, Levels};
use crate::output::Growth;
use crate::pipeline::Pipeline;
use crate::report::stats::{Stats, StatsOptions};
use crate::report::{Format, Selection};

/// Runs `wslens stats`; returns the exit code.
///
/// # Errors
/// A [`Problem`], or an error of the writer.
pub fn run(args: &StatsArgs) -> anyhow::Result<u8> {
    let to_terminal = args.look.output.is_none() && std::io::stdout().is_terminal();
    let format = args.look.format.unwrap_or(if to_terminal { Format::Table } else { Format::Ndjson });
    if !matches!(format, Format::Table | Format::Ndjson) {
        return Err(Problem::new(2, "`stats` prints only a table or NDJSON")
            .hint("try", "--format ndjson")
            .into());
    }
    let rows = outputs::rows(&args.look, &outputs::inputs(&args.input), Growth::Finite)?;
    sandbox::enter(&sandbox::printing(&args.input, args.look.output.as_deref()));
    let mut limits = read::limits(&args.input, &Selection::default(), args.look.quiet)?;
    limits.depth.payloads = args.deep;
    limits.depth.frames = false;
    let matcher = args.filter.matcher(Levels::of(Level::Connection))?;
    if let Some(matcher) = &matcher {
        filter::deepen(&mut limits, matcher);
    }
    let filtered = matcher.is_some();
    let mut capture = read::open(&args.input).map_err(Problem::from)?;
    read::warn_of_unreadable(capture.unreadable());
    let secrets = limits.secrets.clone();
    let mut pipeline = Pipeline::new(limits);
    let mut stats = Stats::new(StatsOptions {
        top: args.top,
        connections: args.conn.clone(),
        filter: matcher,
        ..StatsOptions::default()
    });
    let mut progress = read::ProgressLine::new(args.look.quiet);
    let summary = drive::run(&mut capture, &mut pipeline, &mut stats, |capture, _| {
        progress.show(capture);
        true
    });
    progress.clear();
    stats.set_last(pipeline.last_time());
    if !args.look.quiet {
        let mut out = rows.writer();
        match format {
            Format::Ndjson => stats.write_json(&mut out, &summary)?,
            _ => stats.write_text(&mut out, &summary, &read::table_look(&args.look))?,
        }
        out.flush()?;
        rows.finish(args.look.force).map_err(|error| outputs::problem(error, 2))?;
    }
    if filtered && !args.look.quiet {
        let (matched, undecided) = stats.matched();
        errln!(
            "note: the counts cover the {matched} matching connections; packets and findings cover the whole capture"
        );
        filter::tell_undecided(&args.look, undecided);
    }
    read::tell_nothing_found(&args.input, &args.look, &summary, pipeline.seen(), &secrets);
    read::tell_incomplete(&args.look, &summary);
    Ok(read::exit_code(&summary))
}
