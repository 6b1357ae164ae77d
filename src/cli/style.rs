//! Colour, width and the end of a pipe: how the command line writes for a person.

use std::fmt;
use std::io::{self, IsTerminal as _};

/// When to colour (`--color`).
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

/// What a piece of output is; its look follows from that alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sent by the client.
    ClientToServer,
    /// Sent by the server.
    ServerToClient,
    /// A control frame.
    Control,
    /// Something is broken.
    Error,
    /// Something is suspicious.
    Warning,
    /// Something is worth knowing.
    Note,
    /// Something is as it should be.
    Ok,
    /// What the user picked.
    Selected,
    /// A title of a table or a section.
    Title,
    /// Bytes of a frame header.
    Header,
    /// Bytes of a masking key.
    Key,
    /// Bytes of a payload, and every other datum.
    Payload,
    /// Stands for something that is not shown as captured.
    Escape,
    /// Decoration: rules, references.
    Dim,
}

impl Role {
    /// The parameters of the terminal's SGR sequence (ECMA-48 section 8.3.117); empty for plain.
    #[must_use]
    pub fn sgr(self) -> &'static str {
        match self {
            Self::ClientToServer => "34",
            Self::ServerToClient | Self::Warning => "33",
            Self::Control => "35",
            Self::Error => "1;31",
            Self::Ok => "36",
            Self::Selected | Self::Escape => "7",
            Self::Title | Self::Header => "1",
            Self::Key => "4",
            Self::Payload => "",
            Self::Note | Self::Dim => "2",
        }
    }
}

/// How to write to one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether roles are shown by colour and weight.
    pub color: bool,
    /// Columns to fit in; `None` where lines must not be cut, as into a file.
    pub columns: Option<usize>,
}

/// A text in its role; prints itself.
#[derive(Clone, Copy, Debug)]
pub struct Painted<'a> {
    text: &'a str,
    sgr: &'static str,
}

impl fmt::Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sgr.is_empty() || self.text.is_empty() {
            return f.write_str(self.text);
        }
        write!(f, "\x1b[{}m{}\x1b[0m", self.sgr, self.text)
    }
}

impl Style {
    /// Without colour, lines as long as they are.
    pub const PLAIN: Self = Self { color: false, columns: None };

    /// For standard output, by the option, the environment and whether it is a terminal.
    #[must_use]
    pub fn stdout(when: ColorWhen) -> Self {
        Self::of(when, io::stdout().is_terminal())
    }

    /// For standard error, which may be a terminal when standard output is not.
    #[must_use]
    pub fn stderr(when: ColorWhen) -> Self {
        Self::of(when, io::stderr().is_terminal())
    }

    /// `text` in the look of `role`. The text must be safe already, and padded: the look adds no columns.
    #[must_use]
    pub fn paint<'a>(&self, role: Role, text: &'a str) -> Painted<'a> {
        Painted { text, sgr: if self.color { role.sgr() } else { "" } }
    }

    fn of(when: ColorWhen, terminal: bool) -> Self {
        let color = wants_color(when, terminal, |name| {
            std::env::var_os(name).map(|v| v.to_string_lossy().into_owned())
        });
        Self { color, columns: terminal.then(terminal_columns) }
    }
}

/// `--color`, then `NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`, and last whether it is a terminal.
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

/// Columns of the terminal: what it says, else `COLUMNS`, else 80.
#[must_use]
pub fn terminal_columns() -> usize {
    let asked = crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
    let set = || std::env::var("COLUMNS").ok().and_then(|v| v.parse().ok());
    asked.filter(|&n| n > 0).or_else(set).filter(|&n| n > 0).unwrap_or(80)
}

/// Whether the reader of our output went away: no error, the rest is just not wanted.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Turns a reader that went away into success (exit code 0), as in `wslens read … | head`.
///
/// # Errors
/// Every other error, as it came.
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
    fn plain_output_has_no_escape_sequences() {
        assert_eq!(Style::PLAIN.paint(Role::Error, "x").to_string(), "x");
        let color = Style { color: true, columns: None };
        assert_eq!(color.paint(Role::Error, "x").to_string(), "\x1b[1;31mx\x1b[0m");
        assert_eq!(color.paint(Role::Payload, "x").to_string(), "x");
        assert_eq!(color.paint(Role::Error, "").to_string(), "");
    }

    #[test]
    fn a_closed_pipe_is_success_and_a_full_disk_is_not() {
        let failed = |kind| Err::<u8, _>(io::Error::from(kind)).context("cannot write");
        assert_eq!(quiet_on_closed_pipe(failed(io::ErrorKind::BrokenPipe)).ok(), Some(0));
        assert!(quiet_on_closed_pipe(failed(io::ErrorKind::StorageFull)).is_err());
        assert_eq!(quiet_on_closed_pipe(Ok(1)).ok(), Some(1));
    }
}
