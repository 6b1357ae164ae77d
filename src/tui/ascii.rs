//! What every drawn frame passes last: cells that no terminal may misread, and ASCII where that is wanted.

use ratatui::buffer::Buffer;

use crate::model::is_hidden;

/// Cells whose text could move the cursor, hide or reorder others show `?` instead. Captured text was made safe
/// before; this is the second lock on the same door.
pub fn guard(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.len() == 1 && symbol.as_bytes().first().is_some_and(|b| (0x20..0x7f).contains(b)) {
            continue;
        }
        let selector = |c: char| matches!(c, '\u{fe0e}' | '\u{fe0f}');
        if symbol.chars().any(|c| c.is_control() || (is_hidden(c) && !selector(c))) {
            cell.set_symbol("?");
        }
    }
}

/// The characters that our own signs are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signs {
    /// Arrows, boxes and bars of Unicode.
    #[default]
    Unicode,
    /// ASCII, a column for a column: for terminals that show some of the others two columns wide.
    Ascii,
    /// ASCII without lines, boxes and bars, which a screen reader would read out one by one.
    Plain,
}

impl Signs {
    /// Replaces our signs in a drawn frame.
    pub fn replace(self, buffer: &mut Buffer) {
        if self == Self::Unicode {
            return;
        }
        for cell in &mut buffer.content {
            let mut chars = cell.symbol().chars();
            let (Some(char), None) = (chars.next(), chars.next()) else { continue };
            // Box drawing and block elements.
            if self == Self::Plain && matches!(char, '\u{2500}'..='\u{259f}') {
                cell.set_char(' ');
            } else if let Some(ascii) = ascii_of(char) {
                cell.set_char(ascii);
            }
        }
    }
}

/// The ASCII character that stands for one of our signs.
fn ascii_of(char: char) -> Option<char> {
    Some(match char {
        ..='~' => return None,
        '→' | '▶' | '▸' | '›' | '»' => '>',
        '←' | '◀' | '◂' | '‹' | '«' => '<',
        '↑' | '▲' | '⊕' | '␛' => '^',
        '↓' | '▼' | '▾' | '✓' => 'v',
        '⇄' | '═' => '=',
        '─' | '━' | '–' | '—' => '-',
        '│' | '┃' | '║' | '‖' | '▏' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '┏' | '┓' | '┗' | '┛' | '┣' | '┫' | '┳'
        | '┻' | '╋' => '+',
        '●' | '★' => '*',
        '◐' | '○' | '⋄' => 'o',
        '✗' | '×' => 'x',
        '…' => '~',
        '⏎' => '$',
        '·' | '•' => '.',
        'µ' | 'μ' => 'u',
        'Δ' => 'd',
        '§' => 'S',
        '≥' => '>',
        '≤' => '<',
        '≠' => '!',
        '▐' => '[',
        '▌' => ']',
        '█' | '▉' | '▊' | '▋' => '#',
        '▍' | '▎' => '|',
        '▇' | '▆' => '#',
        '▅' | '▄' => '=',
        '▃' | '▂' => '-',
        '▁' => '_',
        '░' | '▒' | '▓' => ':',
        '\u{2400}'..='\u{2424}' => '?',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn signs_become_ascii_and_letters_stay() {
        let mut buffer = Buffer::with_lines(["┏━ → é 中 ✓ ┓"]);
        let mut plain = buffer.clone();
        Signs::Ascii.replace(&mut buffer);
        Signs::Plain.replace(&mut plain);
        let plain: String = plain.content.iter().map(|cell| cell.symbol()).collect();
        assert!(plain.starts_with("   > é 中"), "{plain}");
        let text: String = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert!(text.starts_with("+- > é 中"), "{text}");
        assert!(text.ends_with("v +"), "{text}");
    }

    #[test]
    fn a_cell_that_could_do_something_is_replaced() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        for (x, symbol) in ["\u{202e}", "\x1b", "a", "❤\u{fe0f}"].into_iter().enumerate() {
            buffer[(x as u16, 0)].set_symbol(symbol);
        }
        guard(&mut buffer);
        let symbols: Vec<&str> = buffer.content.iter().map(|cell| cell.symbol()).collect();
        assert_eq!(symbols, ["?", "?", "a", "❤\u{fe0f}"]);
    }
}
