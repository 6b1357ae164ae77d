//! Whatever was captured, what is shown moves no cursor and hides or reorders nothing.

use wslens::model::{Safe, is_hidden, is_plain, preview, push_safe, safe, safe_str, safe_text, width};

use crate::feed::Feed;

/// Characters that no view may print: controls, format characters of line and direction, zero widths.
fn is_forbidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let columns = feed.below(200);
    let bytes = feed.rest();

    let shown = safe_text(bytes);
    check(&shown);
    let runs: String = safe(bytes).map(|run| run.as_str().to_owned()).collect();
    assert_eq!(runs, shown, "the runs and the text are the same");
    // What is plain was captured, in this order.
    let mut rest = String::from_utf8_lossy(bytes).into_owned();
    for run in safe(bytes) {
        if let Safe::Plain(text) = run {
            assert!(!text.is_empty());
            let at = rest.find(text).expect("what is shown as captured was captured");
            rest.drain(..at + text.len());
        }
    }
    let mut pushed = "x".to_owned();
    push_safe(&mut pushed, bytes);
    assert_eq!(pushed[1..], shown);
    if is_plain(bytes) {
        assert_eq!(shown.as_bytes(), bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(safe_str(text), shown);
    }

    let (short, cut) = preview(bytes, columns);
    check(&short);
    assert!(width(&short) <= columns, "{short:?} is wider than {columns}");
    if cut {
        assert!(width(&short) == columns, "{short:?} is not {columns} wide");
        assert!(columns == 0 || short.ends_with('…'), "{short:?}");
    } else {
        assert_eq!(short, shown);
    }
}

fn check(shown: &str) {
    for char in shown.chars() {
        // A variation selector stays where it belongs.
        assert!(
            !is_forbidden(char) && (!is_hidden(char) || matches!(char, '\u{fe0e}' | '\u{fe0f}')),
            "{shown:?} holds {char:?}"
        );
    }
}
