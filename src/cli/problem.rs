//! Errors for people: what happened, why, what to do.

use std::fmt;
use std::io;

use super::style::{Role, Style};
use crate::capture::CaptureError;

/// An error with its reason and a way out, and the exit code it ends in.
#[derive(Debug)]
pub struct Problem {
    /// The exit code.
    pub code: u8,
    what: String,
    lines: Vec<String>,
    hints: Vec<(&'static str, String)>,
}

impl Problem {
    /// An error.
    pub fn new(code: u8, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), lines: Vec::new(), hints: Vec::new() }
    }

    /// Adds a line: `why`, `try`, `know`.
    #[must_use]
    pub fn hint(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.hints.push((label, text.into()));
        self
    }

    /// Adds lines as they are, below what happened.
    #[must_use]
    pub fn lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// Prints it to standard error.
    pub fn print(&self, style: &Style) {
        errln!("{} {}", style.paint(Role::Error, "error:"), crate::model::safe_str(&self.what));
        for line in &self.lines {
            errln!("   {}", crate::model::safe_str(line));
        }
        for (label, text) in &self.hints {
            errln!("{label:>6}: {}", crate::model::safe_str(text));
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Problem {}

impl From<CaptureError> for Problem {
    fn from(error: CaptureError) -> Self {
        let problem = Self::new(3, error.to_string());
        match &error {
            CaptureError::Open { source, name } => match source.kind() {
                io::ErrorKind::NotFound => {
                    problem.hint("try", format!("ls -l '{name}'   (check the name and the directory)"))
                }
                io::ErrorKind::PermissionDenied => problem
                    .hint(
                        "why",
                        "you do not have permission to read it; captures made as root often belong to root",
                    )
                    .hint("try", format!("sudo cat '{name}' | wslens -")),
                _ => problem,
            },
            CaptureError::Directory { name } => {
                problem.hint("try", format!("wslens {name}/*.pcap*   (several files are merged)"))
            }
            CaptureError::Empty { .. } => problem
                .hint("why", "a capture has at least a file header; perhaps it has not been written yet")
                .hint("try", "tcpdump -U, which writes each packet at once"),
            CaptureError::NotCapture { name, way: Some(way), .. } => {
                // A name that a shell would not take literally is not repeated.
                let is_file = std::path::Path::new(name).exists() && !name.contains('\'');
                let file = if is_file { format!("'{name}'") } else { "FILE".to_owned() };
                problem.hint("try", way.replace("FILE", &file))
            }
            CaptureError::NotCapture { .. } => problem.hint(
                "know",
                "wslens reads pcap and pcapng, also compressed with gzip, zstd or lz4; a HAR file is not a capture",
            ),
            CaptureError::Version { .. } | CaptureError::Broken { .. } => {
                problem.hint("try", "capinfos FILE   (Wireshark's tool describes the file)")
            }
            CaptureError::Count { .. } => problem.hint("try", "mergecap -w all.pcapng FILE...   to merge them first"),
        }
    }
}
