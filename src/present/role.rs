//! Roles: what a piece of text means.

use crate::model::{Direction, Severity};

/// What a piece of text means. Its look follows from that alone: from the theme in the terminal UI, from
/// [`sgr`](Role::sgr) in printed output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Every datum that has no role of its own.
    #[default]
    Plain,
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
    /// A column title, a heading, the tab that is open.
    Title,
    /// A key that can be pressed.
    Key,
    /// Bytes of a frame header.
    Header,
    /// Bytes of a masking key.
    MaskingKey,
    /// Stands for something that is not shown as captured.
    Escape,
    /// Decoration: borders, references, rules.
    Dim,
    /// The border of the pane that has the focus.
    Focus,
    /// The row under the cursor.
    Cursor,
    /// Bytes or bits of the selected field.
    Selected,
    /// What a search found.
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
    /// All of them.
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

    /// The role of a byte in a hex view: five classes.
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
