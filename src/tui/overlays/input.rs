//! An input line in the status row: filter, search, row number, or an input of a screen.

use tui_input::{Input, InputRequest};

use crate::tui::keys::{Key, Press};

/// The purpose of an input line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// The filter of the lists.
    Filter,
    /// A text to search in the list.
    Search,
    /// The number of a row.
    GoTo,
    /// An input of a screen, by its number.
    Screen(u32),
}

/// An input line.
#[derive(Clone, Debug)]
pub struct InputLine {
    /// Its purpose.
    pub kind: InputKind,
    /// The label before it.
    pub label: String,
    /// The text and the cursor in it.
    pub input: Input,
    /// The text before it was edited.
    pub before: String,
    /// Position in the history, from the end; 0 for none.
    pub back: usize,
    /// The selected completion.
    pub pick: usize,
}

impl InputLine {
    /// Makes a line with a text and the cursor at its end.
    #[must_use]
    pub fn new(kind: InputKind, label: &str, text: String) -> Self {
        Self {
            kind,
            label: label.to_owned(),
            input: Input::new(text.clone()),
            before: text,
            back: 0,
            pick: 0,
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// The cursor, as an offset in bytes.
    #[must_use]
    pub fn cursor(&self) -> usize {
        let text = self.input.value();
        text.char_indices().nth(self.input.cursor()).map_or(text.len(), |(at, _)| at)
    }

    /// Edits the text; returns `false` if the key does not edit.
    pub fn edit(&mut self, press: Press) -> bool {
        edit(&mut self.input, press)
    }

    /// Inserts text at the cursor, in one line and without control characters.
    pub fn paste(&mut self, text: &str) {
        paste(&mut self.input, text);
    }

    /// Replaces the text, with the cursor at a byte offset.
    pub fn set(&mut self, text: &str, cursor: usize) {
        let chars = text.get(..cursor).unwrap_or(text).chars().count();
        self.input = Input::new(text.to_owned()).with_cursor(chars);
    }
}

/// Maximum length of a line, in characters.
const MOST: usize = 4096;

/// Edits a text; returns `false` if the key does not edit.
pub fn edit(input: &mut Input, press: Press) -> bool {
    let request = match (press.key, press.ctrl, press.alt) {
        (Key::Char(char), false, false) if !char.is_control() => InputRequest::InsertChar(char),
        (Key::Backspace, false, false) | (Key::Char('h'), true, false) => InputRequest::DeletePrevChar,
        (Key::Delete, ..) | (Key::Char('d'), true, false) => InputRequest::DeleteNextChar,
        (Key::Char('w'), true, false) | (Key::Backspace, _, true) => InputRequest::DeletePrevWord,
        (Key::Char('u'), true, false) => InputRequest::DeleteFromStart,
        (Key::Char('k'), true, false) => InputRequest::DeleteTillEnd,
        (Key::Left, false, false) | (Key::Char('b'), true, false) => InputRequest::GoToPrevChar,
        (Key::Right, false, false) => InputRequest::GoToNextChar,
        (Key::Left, true, false) | (Key::Char('b'), false, true) => InputRequest::GoToPrevWord,
        (Key::Right, true, false) | (Key::Char('f'), false, true) => InputRequest::GoToNextWord,
        (Key::Home, ..) | (Key::Char('a'), true, false) => InputRequest::GoToStart,
        (Key::End, ..) | (Key::Char('e'), true, false) => InputRequest::GoToEnd,
        _ => return false,
    };
    if matches!(request, InputRequest::InsertChar(_)) && input.value().len() >= MOST {
        return true;
    }
    input.handle(request);
    true
}

/// Inserts pasted text: in one line, without control characters.
pub fn paste(input: &mut Input, text: &str) {
    let room = MOST.saturating_sub(input.value().len());
    let mut last = ' ';
    for char in text.chars().take(room) {
        let char = if char.is_control() { ' ' } else { char };
        if char != ' ' || last != ' ' {
            input.handle(InputRequest::InsertChar(char));
        }
        last = char;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::script;

    #[test]
    fn text_is_edited_as_everywhere() {
        let mut line = InputLine::new(InputKind::Filter, "filter", String::new());
        for press in script("a b 中 Left Backspace Home x End Ctrl-u") {
            assert!(line.edit(press));
        }
        assert_eq!(line.text(), "");
        line.paste("one\n\n\ttwo\x1b[0m");
        assert_eq!(line.text(), "one two [0m");
        line.set("a 中 b", 5);
        assert_eq!((line.text(), line.cursor()), ("a 中 b", 5));
    }
}
