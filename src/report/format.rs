//! The output formats, a row each. A new format is a file beside this one, and a row here.

/// A format of printed or exported data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for a terminal.
    Table,
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values, safe for spreadsheets.
    Csv,
    /// Findings for code scanning.
    Sarif,
    /// Findings as test results.
    Junit,
    /// Sentences for a terminal.
    Text,
    /// Sentences or a transcript in Markdown.
    Markdown,
    /// A sequence diagram.
    Mermaid,
    /// The bytes that the application received: one message in a file, several in a folder.
    Raw,
    /// Packets.
    Pcapng,
}

impl Format {
    /// The formats of `--format` for commands that print records.
    pub const RECORDS: [Self; 5] = [Self::Table, Self::Ndjson, Self::Csv, Self::Sarif, Self::Junit];
    /// The formats of `--format` for `story`.
    pub const STORY: [Self; 2] = [Self::Text, Self::Markdown];
    /// The formats in which the terminal UI exports, in the order of its menu.
    pub const EXPORT: [Self; 6] =
        [Self::Ndjson, Self::Csv, Self::Raw, Self::Markdown, Self::Mermaid, Self::Pcapng];

    /// Returns the row of the table below: name, other name, file extension with its point, description.
    const fn row(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Table => ("table", "", ".txt", "Aligned columns for reading"),
            Self::Ndjson => ("ndjson", "", ".ndjson", "One JSON object per line"),
            Self::Csv => ("csv", "", ".csv", "Comma-separated values with a header line"),
            Self::Sarif => ("sarif", "", ".sarif", "Findings for code scanning (`check` only)"),
            Self::Junit => ("junit", "", ".xml", "Findings as test results (`check` only)"),
            Self::Text => ("text", "", ".txt", "Text for a terminal"),
            Self::Markdown => ("md", "markdown", ".md", "Markdown"),
            Self::Mermaid => ("mermaid", "", ".mmd", "A sequence diagram for Mermaid"),
            Self::Raw => ("raw", "", "", "The bytes of messages as the application received them"),
            Self::Pcapng => ("pcapng", "", ".pcapng", "Packets, for Wireshark and others"),
        }
    }

    /// Returns its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Returns a second name on the command line; empty if there is none.
    #[must_use]
    pub const fn alias(self) -> &'static str {
        self.row().1
    }

    /// Returns the extension of its files, with the point; empty for [`Raw`](Self::Raw).
    #[must_use]
    pub const fn extension(self) -> &'static str {
        self.row().2
    }

    /// Returns what it is for, in one line.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.row().3
    }
}
