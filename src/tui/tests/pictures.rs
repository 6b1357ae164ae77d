//! Pictures of screens.

use super::kit::Kit;
use crate::tui::Signs;

#[test]
fn help_looks_like_this() {
    Kit::open("chat-deflate", 120, 36).press("?").picture("help-120x36");
    Kit::open("chat-deflate", 80, 24).press("?").picture("help-80x24");
}

#[test]
fn the_palette_looks_like_this() {
    Kit::open("chat-deflate", 120, 36).press(":").text("ex").picture("palette-120x36");
}

#[test]
fn messages_look_like_this() {
    let kit = Kit::open("chat-deflate", 120, 36).press("j j j j j j").rest();
    kit.picture("messages-120x36");
    let kit = kit.press("m").rest();
    kit.picture("frames-120x36");
    let kit = kit.press("m").resize(200, 50).rest();
    kit.picture("messages-200x50");
    let kit = kit.resize(60, 12).rest();
    kit.picture("messages-60x12");
    Kit::open("chat-deflate", 80, 24).press("j j j j j j").rest().picture("messages-80x24");
}

#[test]
fn connections_look_like_this() {
    let kit = Kit::open("violations", 120, 36).press("j").rest();
    kit.picture("connections-120x36");
    kit.resize(80, 24).rest().picture("connections-80x24");
    Kit::open("refused", 120, 36).press("j j").rest().picture("refused-120x36");
    Kit::open("chat-deflate", 120, 36).press("1").rest().picture("chat-120x36");
}

#[test]
fn the_filter_line_looks_like_this() {
    let kit = Kit::open("chat-deflate", 120, 36).press("f").text("dir == c2s && op == te").rest();
    kit.picture("filter-120x36");
    kit.text("xt").rest().shows("ok  5 of 19");
}

/// The keys that open each screen.
const SCREENS: [&str; 11] = ["1", "2", "3", "3 Enter", "4", "5", "6", "7", "8", "9", "w"];

#[test]
fn plain_screens_have_headings_and_no_lines_or_blocks() {
    for (columns, rows) in [(80, 24), (120, 36), (200, 60)] {
        for keys in SCREENS {
            let mut kit = Kit::open("violations", columns, rows);
            kit.app.shared.looks.signs = Signs::Plain;
            let kit = kit.press(keys).rest();
            let shown = kit.shown();
            let line = shown.chars().find(|char| matches!(char, '\u{2500}'..='\u{259f}'));
            assert_eq!(line, None, "{keys} at {columns}x{rows}:\n{shown}");
            let headings = kit.lines().iter().filter(|line| line.starts_with("#  ")).count();
            assert!(headings > 0, "{keys} at {columns}x{rows}:\n{shown}");
            // Sections are below each other, not side by side.
            assert!(!kit.lines().iter().any(|line| line.matches("#  ").count() > 1), "{keys}:\n{shown}");
        }
    }
}

#[test]
fn every_pane_of_a_plain_screen_can_be_reached() {
    let mut kit = Kit::open("chat-deflate", 120, 36);
    kit.app.shared.looks.signs = Signs::Plain;
    let kit = kit.press("3").rest();
    kit.shows("#  Messages  19 of 19").shows("Tab pane");
    let kit = kit.press("Tab").rest();
    kit.shows("#  Frames of message 1");
    let kit = kit.press("Tab").rest();
    kit.shows("#  Bytes");
    // Esc leaves the screen, not the pane.
    kit.press("Esc").rest().shows("#  Connections  1 of 1");
}

#[test]
fn ascii_looks_like_this() {
    let mut kit = Kit::open("chat-deflate", 80, 24);
    kit.app.shared.looks.signs = Signs::Ascii;
    kit.press("j j").rest().picture("messages-ascii-80x24");
}
