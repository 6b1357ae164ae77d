//! The last step of drawing: replaces unsafe characters, and glyphs by ASCII if the user wants that.

use ratatui::buffer::Buffer;

use crate::model::is_hidden;

/// Replaces cells by `?` whose text could move the cursor, or hide or reorder other cells. Captured text was made safe
/// before; this guards against a mistake there.
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

/// The characters for arrows, borders and symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signs {
    /// Arrows, boxes and bars of Unicode.
    #[default]
    Unicode,
    /// ASCII of the same width, for terminals that show some Unicode characters two columns wide.
    Ascii,
    /// ASCII without borders and bars, for screen readers: a pane is a section with a heading.
    Plain,
}

impl Signs {
    /// Replaces the characters in a drawn frame.
    pub fn replace(self, buffer: &mut Buffer) {
        if self == Self::Unicode {
            return;
        }
        if self == Self::Plain {
            mark_headings(buffer);
        }
        for cell in &mut buffer.content {
            let mut chars = cell.symbol().chars();
            let (Some(char), None) = (chars.next(), chars.next()) else { continue };
            if self == Self::Plain && is_line(char) {
                cell.set_char(' ');
            } else if let Some(ascii) = ascii_of(char) {
                cell.set_char(ascii);
            }
        }
    }
}

/// Returns whether a character is a line, a border or a block.
fn is_line(char: char) -> bool {
    matches!(char, '\u{2500}'..='\u{259f}')
}

/// Puts `#` before the title of each pane: `┏━ Messages ━` is `#  Messages  `.
fn mark_headings(buffer: &mut Buffer) {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            let at = |x: u16| buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
            let is_title = at(x + 2) == " " && !matches!(at(x + 3), " " | "─" | "━");
            if matches!(at(x), "┌" | "┏")
                && is_title
                && let Some(cell) = buffer.cell_mut((x, y))
            {
                cell.set_symbol("#");
            }
        }
    }
}

/// Returns the ASCII character for a symbol.
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
        assert!(plain.starts_with("#  > é 中"), "{plain}");
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
