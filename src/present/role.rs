//! Roles: the meaning of a piece of text.

use crate::model::{Direction, Severity};

/// The meaning of a piece of text. Its style follows from the role: from the theme in the terminal UI, from
/// [`sgr`](Role::sgr) in printed output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Data without a role of its own.
    #[default]
    Plain,
    /// Sent by the client.
    ClientToServer,
    /// Sent by the server.
    ServerToClient,
    /// A control frame.
    Control,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// Information.
    Note,
    /// A check that passed.
    Ok,
    /// A column title, a heading, the selected tab.
    Title,
    /// A key that can be pressed.
    Key,
    /// Bytes of a frame header.
    Header,
    /// Bytes of a masking key.
    MaskingKey,
    /// A substitute for captured text that is not shown as it is.
    Escape,
    /// Decoration: borders, references, rules.
    Dim,
    /// The border of the pane that has the focus.
    Focus,
    /// The row under the cursor.
    Cursor,
    /// Bytes or bits of the selected field.
    Selected,
    /// A search hit.
    Hit,
    /// A byte that is NUL.
    Nul,
    /// A byte that is ASCII white space.
    Space,
    /// A byte that is ASCII, and neither printable nor white space.
    OtherAscii,
    /// A byte above 0x7f.
    NonAscii,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 22] = [
        Self::Plain,
        Self::ClientToServer,
        Self::ServerToClient,
        Self::Control,
        Self::Error,
        Self::Warning,
        Self::Note,
        Self::Ok,
        Self::Title,
        Self::Key,
        Self::Header,
        Self::MaskingKey,
        Self::Escape,
        Self::Dim,
        Self::Focus,
        Self::Cursor,
        Self::Selected,
        Self::Hit,
        Self::Nul,
        Self::Space,
        Self::OtherAscii,
        Self::NonAscii,
    ];

    /// The role of a direction.
    #[must_use]
    pub fn of_direction(direction: Direction) -> Self {
        match direction {
            Direction::ClientToServer => Self::ClientToServer,
            Direction::ServerToClient => Self::ServerToClient,
        }
    }

    /// The role of a severity.
    #[must_use]
    pub fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }

    /// The role of a byte in a hex view, by its class.
    #[must_use]
    pub fn of_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Nul,
            0x20 | 0x09..=0x0d => Self::Space,
            0x21..=0x7e => Self::Plain,
            0x80.. => Self::NonAscii,
            _ => Self::OtherAscii,
        }
    }
}
