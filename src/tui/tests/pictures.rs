//! Screens as they look.

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

#[test]
fn ascii_looks_like_this() {
    let mut kit = Kit::open("chat-deflate", 80, 24);
    kit.app.shared.looks.signs = Signs::Ascii;
    kit.press("j j").rest().picture("messages-ascii-80x24");
}
