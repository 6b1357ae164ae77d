//! The look of printed output: terminal sequences for roles.

use std::fmt;

use super::Role;

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
            Self::Selected | Self::Cursor | Self::Hit | Self::Escape => "7",
            Self::Title | Self::Header | Self::Key | Self::Focus => "1",
            Self::MaskingKey => "4",
            Self::Plain => "",
            Self::Note | Self::Dim | Self::Nul | Self::Space | Self::OtherAscii | Self::NonAscii => "2",
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

    /// `text` in the look of `role`. The text must be safe already, and padded: the look adds no columns.
    #[must_use]
    pub fn paint<'a>(&self, role: Role, text: &'a str) -> Painted<'a> {
        Painted { text, sgr: if self.color { role.sgr() } else { "" } }
    }

    /// Appends what `write` appends, in the look of `role`.
    #[inline]
    pub fn put(&self, out: &mut Vec<u8>, role: Role, write: impl FnOnce(&mut Vec<u8>)) {
        let sgr = if self.color { role.sgr() } else { "" };
        if sgr.is_empty() {
            return write(out);
        }
        for part in ["\x1b[", sgr, "m"] {
            out.extend_from_slice(part.as_bytes());
        }
        write(out);
        out.extend_from_slice(b"\x1b[0m");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_output_has_no_escape_sequences() {
        assert_eq!(Style::PLAIN.paint(Role::Error, "x").to_string(), "x");
        let color = Style { color: true, columns: None };
        assert_eq!(color.paint(Role::Error, "x").to_string(), "\x1b[1;31mx\x1b[0m");
        assert_eq!(color.paint(Role::Plain, "x").to_string(), "x");
        assert_eq!(color.paint(Role::Error, "").to_string(), "");
    }
}
