//! Why a capture could not be opened.

use std::io;

/// A reason that nothing at all can be read. What goes wrong later is a finding.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The operating system refused to open or read it.
    #[error("cannot open '{name}': {source}")]
    Open {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A folder was named.
    #[error("cannot read '{name}': it is a directory")]
    Directory {
        /// The folder.
        name: String,
    },
    /// There is not one byte.
    #[error("'{name}' is not a capture file (it is empty)")]
    Empty {
        /// The file.
        name: String,
    },
    /// The first bytes are no capture's.
    #[error("'{name}' is not a capture file (it {start})")]
    NotCapture {
        /// The file.
        name: String,
        /// How it starts: `starts with "# Minutes"`.
        start: String,
        /// The command that makes something readable of `FILE`, where there is one.
        way: Option<&'static str>,
    },
    /// A capture of a version that is not known.
    #[error("cannot read '{name}': {format} version {major}.{minor} is not supported")]
    Version {
        /// The file.
        name: String,
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// The major version.
        major: u16,
        /// The minor version.
        minor: u16,
    },
    /// The file header or the first block is damaged.
    #[error("cannot read '{name}': {what}")]
    Broken {
        /// The file.
        name: String,
        /// What is wrong, and at which byte.
        what: String,
    },
    /// No input was named, or more than can be told apart.
    #[error("cannot read {count} captures at once (1 to {max} can be read)")]
    Count {
        /// How many were named.
        count: usize,
        /// How many can be.
        max: usize,
    },
}

impl CaptureError {
    /// Whether the file's own bytes are wrong, and not its name or who may read it.
    #[must_use]
    pub fn is_about_bytes(&self) -> bool {
        matches!(
            self,
            Self::NotCapture { .. } | Self::Empty { .. } | Self::Version { .. } | Self::Broken { .. }
        )
    }
}
