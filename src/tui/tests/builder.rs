//! The frame builder.

use super::kit::Kit;
use crate::model::Lang;
use crate::tui::screens::ScreenId;

/// The builder on the masked text frame of the example of RFC 6455.
fn builder(columns: u16, rows: u16) -> Kit {
    Kit::open("chat-deflate", columns, rows).press("w").rest()
}

#[test]
fn the_builder_looks_like_this() {
    builder(120, 36).picture("builder-120x36");
    builder(80, 24).picture("builder-80x24");
    let mut kit = builder(120, 36);
    kit.app.shared.lang = Lang::Zh;
    let kit = kit.press("Tab j Tab Tab Space").rest();
    kit.picture("builder-zh-120x36");
    let mut kit = builder(80, 24);
    kit.app.shared.lang = Lang::Zh;
    kit.press("j Tab Enter").rest().picture("builder-zh-80x24");
}

#[test]
fn a_change_is_judged_at_once_and_can_be_undone() {
    let kit = builder(120, 36);
    kit.shows("legal ✓").shows("81 85 37 fa 21 3d 7f 9f 4d 51 58");
    // MASK is the sixth field.
    let kit = kit.press("j j j j j Space");
    kit.shows("✗ unmasked-client-frame").shows("81 05 48 65 6c 6c 6f");
    let kit = kit.press("u");
    kit.shows("legal ✓");
    let kit = kit.press("k l");
    kit.shows("BINARY 0x2");
    let kit = kit.press("j j i").press("Ctrl-u").text("none").press("Enter");
    kit.shows("✗ unmasked-client-frame");
    let kit = kit.press("0");
    kit.shows("legal ✓").shows("TEXT 0x1");
}

#[test]
fn payload_and_key_are_typed_as_text_or_hex() {
    let kit = builder(120, 36).press("j j j j j j j j i").press("Ctrl-u").text("Hi").press("Enter");
    kit.shows("[Hi]").shows("2 B");
    let kit = kit.press("x").press("Ctrl-u").text("ff fe").press("Enter");
    kit.shows("✗ invalid-utf8");
    let kit = kit.press("x").press("Ctrl-u").text("zz").press("Enter");
    kit.shows("is not hex").shows("✗ invalid-utf8");
    let kit = kit.press("0 r");
    assert!(!kit.shown().contains("37 fa 21 3d"), "{}", kit.shown());
}

#[test]
fn an_experiment_is_tried_copied_and_saved() {
    let kit = builder(120, 36).press("Tab Enter");
    kit.shows("✗ unmasked-client-frame");
    let kit = kit.press("y");
    assert_eq!(kit.copied[0], "81 05 48 65 6c 6c 6f");
    let kit = kit.press("Y j j Enter");
    assert_eq!(kit.copied[0], "gQVIZWxsbw==");
    let kit = kit.press("s").press("Ctrl-u").text("out.pcapng").press("Enter");
    let (path, save) = kit.saved.last().unwrap();
    assert_eq!(path.to_str(), Some("out.pcapng"));
    let crate::tui::event::Save::Bytes(bytes) = save;
    let read = Kit::of_bytes(bytes.clone(), 120, 36).unwrap().press("7").rest();
    read.shows("unmasked-client-frame");
}

#[test]
fn a_captured_frame_is_where_it_begins_and_the_frame_screen_shows_what_became_of_it() {
    let kit = Kit::open("chat-deflate", 120, 36).press("j j 4").rest();
    let before = kit.shown();
    let kit = kit.press("w").rest();
    assert_eq!(kit.app.screen, ScreenId::Builder);
    kit.shows("based on: connection 1, frame 3").shows("legal ✓");
    // The bytes are those of the capture: what was compressed is compressed again.
    let kit = kit.press("Enter").rest();
    assert_eq!(kit.app.screen, ScreenId::Frame);
    kit.shows("what-if: frame 1 of 1");
    let kit = kit.press("Esc").rest();
    assert_eq!(kit.app.screen, ScreenId::Builder);
    let kit = kit.press("Esc").rest();
    assert_eq!((kit.app.screen, kit.shown()), (ScreenId::Frame, before));
}

#[test]
fn the_builder_is_drawn_in_any_size_and_language() {
    for (columns, rows) in [(60, 12), (73, 15), (80, 24), (118, 30), (120, 36), (200, 50)] {
        let mut kit = builder(columns, rows);
        for lang in Lang::ALL {
            kit.app.shared.lang = lang;
            kit = kit.press("Tab").rest();
            kit.buffer();
            kit = kit.press("Tab G Enter").rest();
            kit.buffer();
            kit = kit.press("Tab \\").rest();
            kit.buffer();
        }
    }
}

#[test]
fn explanations_look_like_this_in_chinese() {
    for (columns, rows, size) in [(120, 36, "120x36"), (80, 24, "80x24")] {
        let zh = |name: &str, keys: &str| {
            let mut kit = Kit::open(name, columns, rows);
            kit.app.shared.lang = Lang::Zh;
            kit.press(keys).rest()
        };
        zh("rfc-5-7", "3 j 4 j j j").picture(&format!("frame-zh-{size}"));
        zh("chat-deflate", "2 j j").picture(&format!("handshake-zh-{size}"));
        zh("chat-deflate", "3 j 8").picture(&format!("layers-zh-{size}"));
        zh("violations", "7").picture(&format!("findings-zh-{size}"));
    }
}

#[test]
fn f2_changes_the_language_of_what_is_shown_at_once() {
    let kit = Kit::open("rfc-5-7", 120, 36).press("3 4").rest();
    kit.shows("last frame of the mess");
    let kit = kit.press("F2").rest();
    kit.shows("消息的最后一帧").shows("FIN");
    let kit = kit.press("F2 2").rest();
    kit.shows("the host, and the port");
    kit.press("F2").rest().shows("要访问的主机");
}
