//! Roles and their looks. Screens name roles, never colours.

use ratatui::style::{Color, Modifier, Style};

/// What a cell is; its look follows from that and the theme alone.
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
    pub fn of_direction(direction: crate::model::Direction) -> Self {
        match direction {
            crate::model::Direction::ClientToServer => Self::ClientToServer,
            crate::model::Direction::ServerToClient => Self::ServerToClient,
        }
    }

    /// The role of a severity.
    #[must_use]
    pub fn of_severity(severity: crate::model::Severity) -> Self {
        match severity {
            crate::model::Severity::Info => Self::Note,
            crate::model::Severity::Warning => Self::Warning,
            crate::model::Severity::Error => Self::Error,
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

/// A set of looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// For a dark background; the terminal's own sixteen colours.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// Full contrast, few colours.
    HighContrast,
    /// No colour: bold, underlined, reversed.
    Mono,
}

impl Theme {
    /// All of them, in the order in which they take turns.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::HighContrast, Self::Mono];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }

    /// The theme after this one.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|theme| *theme == self).unwrap_or(0);
        Self::ALL.get(at + 1).copied().unwrap_or_default()
    }

    /// The look of a role. The background is never painted: what is selected is reversed.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        let weight = Style::new().add_modifier(modifier(role));
        match self.color(role) {
            Some(color) => weight.fg(color),
            None => weight,
        }
    }

    fn color(self, role: Role) -> Option<Color> {
        match self {
            Self::Mono => None,
            Self::Dark => dark(role),
            Self::Light => light(role),
            Self::HighContrast => high_contrast(role),
        }
    }
}

/// What a role looks like without colour.
fn modifier(role: Role) -> Modifier {
    match role {
        Role::Error => Modifier::BOLD.union(Modifier::UNDERLINED),
        Role::Title | Role::Header | Role::Focus | Role::Key | Role::Warning => Modifier::BOLD,
        Role::MaskingKey => Modifier::UNDERLINED,
        Role::Cursor | Role::Selected | Role::Escape | Role::Hit => Modifier::REVERSED,
        Role::Dim | Role::Nul => Modifier::DIM,
        _ => Modifier::empty(),
    }
}

fn dark(role: Role) -> Option<Color> {
    Some(match role {
        Role::ClientToServer => Color::LightBlue,
        Role::ServerToClient | Role::Warning | Role::NonAscii => Color::Yellow,
        Role::Control => Color::LightMagenta,
        Role::Error => Color::LightRed,
        Role::Ok | Role::Key | Role::OtherAscii => Color::Cyan,
        Role::Space => Color::Green,
        Role::Hit => Color::LightYellow,
        _ => return None,
    })
}

fn light(role: Role) -> Option<Color> {
    Some(match role {
        Role::ClientToServer => Color::Blue,
        // Yellow cannot be read on white.
        Role::ServerToClient | Role::Warning | Role::NonAscii => Color::Indexed(130),
        Role::Control => Color::Magenta,
        Role::Error => Color::Red,
        Role::Ok | Role::Key | Role::OtherAscii => Color::Indexed(30),
        Role::Space => Color::Indexed(28),
        Role::Hit => Color::Indexed(94),
        _ => return None,
    })
}

fn high_contrast(role: Role) -> Option<Color> {
    Some(match role {
        Role::ClientToServer | Role::Key => Color::LightCyan,
        Role::ServerToClient | Role::Warning | Role::NonAscii | Role::Hit => Color::LightYellow,
        Role::Control => Color::LightMagenta,
        Role::Error => Color::LightRed,
        Role::Ok | Role::OtherAscii | Role::Space => Color::LightGreen,
        // Nothing is dim.
        Role::Dim | Role::Nul | Role::Note => Color::Reset,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_has_no_colour_at_all() {
        for role in Role::ALL {
            let style = Theme::Mono.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn no_theme_paints_a_background() {
        for theme in Theme::ALL {
            assert!(Role::ALL.iter().all(|role| theme.style(*role).bg.is_none()));
        }
    }

    #[test]
    fn themes_take_turns() {
        let mut theme = Theme::Dark;
        for _ in 0..Theme::ALL.len() {
            theme = theme.next();
        }
        assert_eq!(theme, Theme::Dark);
    }
}
