//! `wslens stats`: counts.

use super::args::StatsArgs;
use super::read::{self, Nothing};
use crate::pipeline::Pipeline;
use crate::report::Selection;

/// Runs `wslens stats`; answers the exit code.
///
/// # Errors
/// A problem, or an error of the writer.
pub fn run(args: &StatsArgs) -> anyhow::Result<u8> {
    let mut limits = read::limits(&args.input, &Selection::default());
    limits.depth.payloads = args.deep;
    limits.depth.frames = false;
    let mut capture = read::open(&args.input).map_err(super::problem::Problem::from)?;
    let mut pipeline = Pipeline::new(limits);
    let summary = super::run::run(&mut capture, &mut pipeline, &mut Nothing, |_, _| true);
    println!("{summary:?}");
    Ok(0)
}
