//! What a text holds that a reader should know of before it is printed.

/// Characters that terminals obey or that change how text reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hazards {
    /// A C0 control other than tab, line feed and carriage return, DEL, or a C1 control.
    pub control: bool,
    /// Byte offset of the first.
    pub at: usize,
    /// A bidirectional override, embedding or isolate.
    pub bidi: bool,
    /// Byte offset of the first.
    pub bidi_at: usize,
}

/// Looks for hazards; `None` where there are none.
#[must_use]
#[inline]
pub fn hazards(text: &str) -> Option<Hazards> {
    // One pass without branches for what nearly every text is: printable ASCII.
    let odd = text.bytes().fold(false, |odd, b| odd | (b.wrapping_sub(0x20) >= 0x5f));
    if odd { search(text) } else { None }
}

fn search(text: &str) -> Option<Hazards> {
    let mut found = Hazards::default();
    for (at, c) in text.char_indices() {
        match c {
            '\t' | '\n' | '\r' => {}
            '\0'..='\x1f' | '\x7f'..='\u{9f}' if !found.control => (found.control, found.at) = (true, at),
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                if !found.bidi =>
            {
                (found.bidi, found.bidi_at) = (true, at);
            }
            _ => {}
        }
    }
    (found.control || found.bidi).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_bidi_are_found_and_line_ends_are_not() {
        assert_eq!(hazards("plain, with\ttab\r\n and 中文 😀"), None);
        assert_eq!(hazards("a\x1b[31m").map(|h| (h.control, h.at, h.bidi)), Some((true, 1, false)));
        assert_eq!(
            hazards("ab\u{202e}c\u{9b}").map(|h| (h.control, h.at, h.bidi, h.bidi_at)),
            Some((true, 6, true, 2))
        );
        assert_eq!(hazards("\x7f").map(|h| h.control), Some(true));
    }
}
