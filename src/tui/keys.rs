//! Keys, and their names in the table of commands: `j`, `Ctrl-d`, `PgDn`, `]e`.

use std::fmt;

/// A key without modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A character.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Backspace.
    Backspace,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Delete.
    Delete,
    /// A function key.
    F(u8),
}

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Press {
    /// The key.
    pub key: Key,
    /// Whether Ctrl is pressed.
    pub ctrl: bool,
    /// Whether Alt is pressed.
    pub alt: bool,
}

const NAMES: [(&str, Key); 16] = [
    ("Enter", Key::Enter),
    ("Esc", Key::Esc),
    ("Backspace", Key::Backspace),
    ("Tab", Key::Tab),
    ("Shift-Tab", Key::BackTab),
    ("Up", Key::Up),
    ("Down", Key::Down),
    ("Left", Key::Left),
    ("Right", Key::Right),
    ("Home", Key::Home),
    ("End", Key::End),
    ("PgUp", Key::PageUp),
    ("PgDn", Key::PageDown),
    ("Del", Key::Delete),
    ("Space", Key::Char(' ')),
    ("F10", Key::F(10)),
];

impl Press {
    /// Makes a press without modifiers.
    #[must_use]
    pub fn plain(key: Key) -> Self {
        Self { key, ctrl: false, alt: false }
    }

    /// Makes a press of a character.
    #[must_use]
    pub fn char(char: char) -> Self {
        Self::plain(Key::Char(char))
    }

    /// Parses the name of a key.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some((_, key)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Some(Self::plain(*key));
        }
        let mut chars = name.chars();
        if let (Some(char), None) = (chars.next(), chars.next()) {
            return Some(Self::char(char));
        }
        if let Some(rest) = name.strip_prefix("Ctrl-") {
            return Self::parse(rest).map(|press| Self { ctrl: true, ..press });
        }
        if let Some(rest) = name.strip_prefix("Alt-") {
            return Self::parse(rest).map(|press| Self { alt: true, ..press });
        }
        name.strip_prefix('F').and_then(|n| n.parse().ok()).map(|n| Self::plain(Key::F(n)))
    }
}

/// Returns the presses of a name in the table: one, or several as in `]e`.
#[must_use]
pub fn sequence(name: &str) -> Vec<Press> {
    match Press::parse(name) {
        Some(press) => vec![press],
        None => name.chars().map(Press::char).collect(),
    }
}

/// Returns the presses of a line such as `3 j j Enter Esc`: names, or the characters of a word that is no name.
#[must_use]
pub fn script(keys: &str) -> Vec<Press> {
    keys.split_whitespace().flat_map(sequence).collect()
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        if self.alt {
            f.write_str("Alt-")?;
        }
        match self.key {
            Key::F(n) => write!(f, "F{n}"),
            key => match NAMES.iter().find(|(_, known)| *known == key) {
                Some((name, _)) => f.write_str(name),
                None => match key {
                    Key::Char(char) => write!(f, "{char}"),
                    _ => Ok(()),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for name in ["j", "Ctrl-d", "PgDn", "Shift-Tab", "F1", "F10", "Space", "Alt-x", "é", "Ctrl-Left"] {
            assert_eq!(Press::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(sequence("]e"), [Press::char(']'), Press::char('e')]);
        assert_eq!(script("3 ]e Enter").len(), 4);
    }
}
