//! Terminal output: color, width and closed pipes.

use std::io::{self, IsTerminal as _};

pub use crate::present::{Painted, Role, Style};

/// A value of `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Style {
    /// Returns the style for standard output, from the option, the environment and whether it is a terminal.
    #[must_use]
    pub fn stdout(when: ColorWhen) -> Self {
        Self::of(when, io::stdout().is_terminal())
    }

    /// Returns the style for standard error, which may be a terminal when standard output is not.
    #[must_use]
    pub fn stderr(when: ColorWhen) -> Self {
        Self::of(when, io::stderr().is_terminal())
    }

    fn of(when: ColorWhen, terminal: bool) -> Self {
        let color = wants_color(when, terminal, |name| {
            std::env::var_os(name).map(|v| v.to_string_lossy().into_owned())
        });
        Self { color, columns: terminal.then(terminal_columns) }
    }
}

/// Decides whether to use color: `--color`, then `NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`, then the terminal.
fn wants_color(when: ColorWhen, terminal: bool, env: impl Fn(&str) -> Option<String>) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto if env("NO_COLOR").is_some_and(|v| !v.is_empty()) => false,
        ColorWhen::Auto if env("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0") => true,
        ColorWhen::Auto if env("TERM").is_some_and(|v| v == "dumb") => false,
        ColorWhen::Auto => terminal,
    }
}

/// Returns the width of the terminal in columns: as reported, else `COLUMNS`, else 80.
#[must_use]
pub fn terminal_columns() -> usize {
    let asked = crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
    let set = || std::env::var("COLUMNS").ok().and_then(|v| v.parse().ok());
    asked.filter(|&n| n > 0).or_else(set).filter(|&n| n > 0).unwrap_or(80)
}

/// Returns whether the error means that the reader closed the pipe.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Turns a closed pipe into success (exit code 0), as in `wslens read … | head`.
///
/// # Errors
/// Returns every other error unchanged.
pub fn quiet_on_closed_pipe(result: anyhow::Result<u8>) -> anyhow::Result<u8> {
    result.or_else(|error| if is_closed_pipe(&error) { Ok(0) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn the_option_beats_the_environment_and_the_environment_beats_the_terminal() {
        let wants = |when, terminal, vars: &[(&str, &str)]| {
            wants_color(when, terminal, |name| {
                vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            })
        };
        use ColorWhen::{Always, Auto, Never};
        assert!(wants(Always, false, &[("NO_COLOR", "1")]));
        assert!(!wants(Never, true, &[("CLICOLOR_FORCE", "1")]));
        assert!(!wants(Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(wants(Auto, true, &[("NO_COLOR", "")]));
        assert!(wants(Auto, false, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")]));
        assert!(!wants(Auto, false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!wants(Auto, true, &[("TERM", "dumb")]));
        assert!(wants(Auto, true, &[("TERM", "xterm")]));
        assert!(!wants(Auto, false, &[]));
    }

    #[test]
    fn a_closed_pipe_is_success_and_a_full_disk_is_not() {
        let failed = |kind| Err::<u8, _>(io::Error::from(kind)).context("cannot write");
        assert_eq!(quiet_on_closed_pipe(failed(io::ErrorKind::BrokenPipe)).ok(), Some(0));
        assert!(quiet_on_closed_pipe(failed(io::ErrorKind::StorageFull)).is_err());
        assert_eq!(quiet_on_closed_pipe(Ok(1)).ok(), Some(1));
    }
}
