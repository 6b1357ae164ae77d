//! UTF-8 in pieces against the standard library on the whole; hazards against a plain search.

use wslens::ws::{Utf8Check, hazards};

use crate::feed::Feed;

pub fn run(data: &[u8]) {
    let (all, pieces) = Feed::new(data).cut();
    let mut check = Utf8Check::new();
    for piece in pieces {
        check.feed(piece);
    }
    let truth = std::str::from_utf8(all);
    assert_eq!(check.finish(), truth.map(|_| ()).map_err(|error| error.valid_up_to() as u64));
    // What is bad already is bad for good; a character that the end cuts is bad at the end only.
    match truth {
        Err(error) if error.error_len().is_some() => {
            assert_eq!(check.bad_at(), Some(error.valid_up_to() as u64))
        }
        _ => assert_eq!(check.bad_at(), None),
    }
    let Ok(text) = truth else { return };
    let control = text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\t' | '\n' | '\r'));
    let bidi = text.char_indices().find(|(_, c)| {
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    let found = hazards(text);
    assert_eq!(found.filter(|h| h.control).map(|h| h.at), control.map(|(at, _)| at));
    assert_eq!(found.filter(|h| h.bidi).map(|h| h.bidi_at), bidi.map(|(at, _)| at));
    assert_eq!(found.is_some(), control.is_some() || bidi.is_some());
}
