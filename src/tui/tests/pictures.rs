//! Screens as they look.

use super::kit::Kit;

#[test]
fn help_looks_like_this() {
    Kit::open("chat-deflate", 120, 36).press("?").picture("help-120x36");
    Kit::open("chat-deflate", 80, 24).press("?").picture("help-80x24");
}

#[test]
fn the_palette_looks_like_this() {
    Kit::open("chat-deflate", 120, 36).press(":").text("ex").picture("palette-120x36");
}
