//! `wslens check`: findings as a lint.

use std::io::{self, Write as _};

use super::args::{CheckArgs, FailOn};
use super::counted;
use super::filter;
use super::problem::Problem;
use super::read;
use crate::model::{Lang, Rule, Severity};
use crate::report::{Levels, Selection};

/// Runs `wslens check`; returns the exit code.
///
/// # Errors
/// A [`Problem`], or an error of the writer.
pub fn run(args: &CheckArgs) -> anyhow::Result<u8> {
    if args.list {
        return list(super::args::LangArg::of(args.lang));
    }
    if args.input.all().next().is_none() {
        return Err(Problem::new(2, "no capture was given")
            .hint("try", "wslens check FILE, or wslens check --list")
            .into());
    }
    for code in args.only.iter().chain(&args.ignore) {
        if !all().any(|rule| rule.code == code) {
            return Err(Problem::new(2, format!("unknown finding code '{code}'"))
                .hint("try", "wslens check --list")
                .into());
        }
    }
    let mut selection = Selection {
        levels: Levels::FINDINGS,
        connections: args.conn.clone(),
        only: args.only.clone(),
        ignore: args.ignore.clone(),
        fails: match args.fail_on {
            FailOn::Error => Some(Severity::Error),
            FailOn::Warning => Some(Severity::Warning),
            FailOn::Info => Some(Severity::Info),
            FailOn::Never => None,
        },
        ..Selection::default()
    };
    let plain = selection.clone();
    selection.filter = args.filter.matcher(selection.levels)?;
    let filtered = selection.filter.is_some();
    let outcome = read::print(&args.input, &args.look, selection, |_| {})?;
    filter::tell_undecided(&args.look, outcome.undecided);
    let findings = if filtered { &outcome.chosen } else { &outcome.findings };
    let count = |least| read::count_from(findings, &plain, least);
    let (errors, warnings, all) = (count(Severity::Error), count(Severity::Warning), count(Severity::Info));
    if !args.look.quiet {
        errln!(
            "{}: {}, {}, {} info",
            counted(all, "finding"),
            counted(errors, "error"),
            counted(warnings - errors, "warning"),
            all - warnings
        );
    }
    let failed = plain.fails.is_some_and(|least| count(least) > 0);
    let unreadable = !outcome.summary.unreadable.is_empty();
    Ok(if failed && !unreadable { 1 } else { read::exit_code(&outcome.summary) })
}

/// Iterates over all rules.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    crate::capture::rules::ALL
        .iter()
        .copied()
        .chain(crate::pipeline::RULES.iter().flat_map(|rules| rules.iter().copied()))
}

fn list(lang: Lang) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    for rule in all() {
        writeln!(out, "{:<28} {:<8} {}", rule.code, rule.severity.name(), rule.summary.of(lang))?;
    }
    let tells = lang.pick("explains the usual causes and what to do", "说明常见原因和处理方法");
    writeln!(out, "\nwslens explain CODE   {tells}")?;
    Ok(0)
}
