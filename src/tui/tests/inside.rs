//! Handshake, message, frame, layers: what keys make of them, and how they look.

use proptest::prelude::*;

use super::kit::Kit;
use crate::tui::event::{Event, Mouse, MouseKind, Save};
use crate::tui::screens::ScreenId;
use crate::tui::theme::Theme;

/// A capture at a message of its first connection, in a screen.
fn at(name: &str, columns: u16, rows: u16, message: u64, keys: &str) -> Kit {
    let mut kit = Kit::open(name, columns, rows);
    let connection = kit.app.shared.selection.connection.max(1);
    kit.app.shared.selection = crate::tui::shared::Selection { connection, message, frame: 0 };
    kit.press(keys).rest()
}

/// The same at a frame.
fn at_frame(name: &str, connection: u32, frame: u64, keys: &str) -> Kit {
    let mut kit = Kit::open(name, 120, 36);
    let row = *kit.session.index().frames(connection).get(frame as usize - 1).unwrap();
    kit.app.shared.selection =
        crate::tui::shared::Selection { connection, message: row.message.into(), frame };
    kit.press(keys).rest()
}

#[test]
fn the_frame_of_rfc_6455_section_5_7_is_drawn_bit_by_bit() {
    let kit = at("rfc-5-7", 120, 36, 2, "4");
    kit.shows("0|0|0|0 0 0 1|1|0 0 0 0 1 0 1|0 0 1 1 0 1 1 1 1 1 1 1 1 0 1 0|")
        .shows("37fa213d")
        .shows("\"Hello\"")
        .shows("header 6 B + payload 5 B = 11 B on the wire");
    // The same field in all three views.
    let kit = kit.press("j j j");
    kit.shows("▐M▌").shows("▸MASK").shows("▐85▌").shows("MASK (1 bit, byte 1 bit 7)").shows("so 1 is right");
    // A bit further, and another field has the cursor.
    kit.press("l").shows("▸Payload length").shows("payload length (7 bits");
}

#[test]
fn values_and_bytes_are_shown_as_wanted() {
    let kit = at("rfc-5-7", 120, 36, 2, "4 b");
    kit.shows("00110111 111110").shows("0000101");
    let kit = kit.press("b b");
    kit.shows("55 250 33 61");
    let kit = kit.press("u");
    kit.shows("Bytes, unmasked").shows("48 65 6c 6c 6f").shows("│Hello│");
    assert_eq!(at("rfc-5-7", 120, 36, 2, "4 j j j j j y").copied, ["37fa213d"]);
}

#[test]
fn a_click_on_a_bit_selects_its_field_everywhere() {
    let mut kit = at("rfc-5-7", 120, 36, 2, "4");
    // Byte 2, bit 3: in the masking key.
    kit.event(Event::Mouse(Mouse { kind: MouseKind::Click, x: 3 + 2 * 20, y: 9 }));
    kit.shows("▸Masking-key").shows("▐37 fa 21 3d▌");
    // In the bytes, the second one of the frame.
    kit.event(Event::Mouse(Mouse { kind: MouseKind::Click, x: 13, y: 28 }));
    kit.shows("▸MASK");
    let kit = kit.click("RSV1 RSV2 RSV3");
    kit.shows("▸RSV1 RSV2 RSV3").shows("▐R|R|R▌");
}

#[test]
fn frames_are_walked_and_the_field_stays() {
    let kit = at("rfc-5-7", 120, 36, 1, "4 j j n");
    assert_eq!(kit.app.shared.selection.frame, 2);
    kit.shows("▸opcode");
    let kit = kit.press("p p");
    assert_eq!(kit.app.shared.selection.frame, 1);
    kit.shows("this is the first frame");
    kit.press("w").shows("based on: connection 1, frame 1");
}

#[test]
fn extended_lengths_are_cells_of_their_own() {
    let kit = Kit::open("lengths", 120, 36);
    let index = kit.session.index();
    let frames: Vec<_> = index.frames(1).iter().copied().enumerate().collect();
    let of =
        |len: usize| frames.iter().find(|(_, row)| row.header().extended_len() == len).unwrap().0 as u64 + 1;
    let (short, long) = (of(2), of(8));
    drop(index);
    for (frame, bits) in [(short, "(16 bits)"), (long, "(64 bits)")] {
        at_frame("lengths", 1, frame, "4").shows(bits).shows("Extended length").shows("more payload byte");
    }
}

#[test]
fn a_broken_rule_stands_at_its_field() {
    // Connection 1 of the capture: a client that does not mask.
    let kit = Kit::open("violations", 120, 36);
    let index = kit.session.index();
    let finding = index.findings.iter().find(|finding| finding.rule.code == "unmasked-client-frame").unwrap();
    let (connection, frame) = (finding.connection.unwrap().0, finding.frame.unwrap());
    drop(index);
    let kit = at_frame("violations", connection, frame, "4 j j j");
    kit.shows("✗ unmasked-client-frame").shows("so it has to").shows("1 finding");
}

#[test]
fn a_handshake_is_explained_and_judged() {
    let kit = Kit::open("chat-deflate", 120, 36).press("2");
    kit.shows("▸ Sec-WebSocket-Key")
        .shows("16 bytes when decoded")
        .shows("✓ match")
        .shows("§4.1 #7 ✓")
        .shows("✓ opened   13 ✓, 0 errors, 0 warnings");
    let kit = kit.press("Tab j j j");
    kit.shows("▸ Connection: Upgrade");
    let kit = kit.press("Enter");
    kit.shows("The line under the cursor");
    assert_eq!(kit.press("Esc").app.screen, ScreenId::Handshake);
}

#[test]
fn a_wrong_accept_names_the_mistake_and_a_refusal_its_reason() {
    Kit::open("wrong-accept", 120, 36).press("2").shows("✗ different").shows("40-character hex text");
    Kit::open("refused", 120, 36)
        .press("2")
        .shows("Why there is no WebSocket")
        .shows("refused with 403")
        .shows("evil.example");
}

#[test]
fn a_handshake_that_is_cut_says_so_and_blames_nobody() {
    for (columns, rows) in [(120, 36), (80, 24)] {
        let kit = Kit::open_cut("rfc-5-7", 96, columns, rows).press("2");
        kit.shows("B of it").shows("handshake cut by the snap length").shows("the snap length cut the key");
        assert!(!kit.shown().contains("there is no key"), "{}", kit.shown());
    }
    // The key is there, the accept value is not.
    let kit = Kit::open_cut("fragmented-deflate", 210, 120, 36).press("2");
    kit.shows("of it").shows("5  server sent").shows("cut by the snap length");
    assert!(!kit.shown().contains("a client has to close"), "{}", kit.shown());
}

#[test]
fn any_key_can_be_tried() {
    let kit = Kit::open("chat-deflate", 120, 36).press("2 v").text("dGhlIHNhbXBsZSBub25jZQ==");
    kit.shows("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=").shows("the sample nonce");
    let kit = kit.press("Enter");
    kit.shows("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let kit = kit.press("Esc");
    assert!(!kit.shown().contains("s3pPLM"));
}

#[test]
fn a_handshake_can_be_repeated_and_looked_at_as_bytes() {
    let kit = Kit::open("chat-deflate", 120, 36).press("2 p");
    assert!(kit.copied[0].starts_with("curl --http1.1 -i -N"), "{:?}", kit.copied);
    assert!(kit.copied[0].ends_with("--url 'http://127.0.0.1:18080/chat?room=1'"), "{:?}", kit.copied);
    kit.press("x").shows("53 65 63 2d 57 65 62 53").shows("│Sec-WebS│");
}

#[test]
fn json_is_a_tree_that_keeps_what_was_written() {
    let kit = at("chat-deflate", 120, 36, 2, "3 Enter");
    assert_eq!(kit.app.screen, ScreenId::Detail);
    kit.shows("▾ object (4)").shows("[JSON] text hex raw").shows("deflate").shows("valid UTF-8 ✓");
    let kit = kit.press("j j j");
    kit.shows("path .text").shows("▐22 48 65 6c 6c 6f 22▌");
    let kit = kit.press("y Y");
    assert_eq!(kit.copied, [".text", "Hello"]);
    let kit = kit.press("h");
    kit.shows("path .");
    let kit = kit.press("h");
    kit.shows("▸ object (4)  {\"type\"");
    kit.press("l l").shows("path .type");
}

#[test]
fn a_message_has_its_views_and_its_neighbours() {
    let kit = at("chat-deflate", 120, 36, 2, "3 Enter t");
    kit.shows("JSON [text] hex raw");
    let kit = kit.press("t");
    kit.shows("[hex]");
    let kit = kit.press("t");
    kit.shows("frame 1 of 1   header 2 B");
    let kit = kit.press("n").rest();
    assert_eq!(kit.app.shared.selection.message, 3);
    kit.shows("Message 3").shows("[raw]");
    let kit = kit.press("T T");
    kit.shows("␛[31mred␛[0m 中文 😀");
    let kit = kit.press("/").text("RED").press("Enter");
    kit.shows("found at byte 5");
    let mut kit = kit.press("e");
    kit.event(Event::Key(crate::tui::keys::script("Enter")[0]));
    let (path, Save::Bytes(bytes)) = &kit.saved[0];
    assert_eq!(path.to_str(), Some("message-1-3.txt"));
    assert!(bytes.starts_with(b"\x1b[31mred"));
}

#[test]
fn a_message_that_is_not_whole_says_why() {
    let kit = Kit::open("gap-plain", 120, 36);
    let index = kit.session.index();
    let bad = index.messages(1).iter().position(|row| row.integrity != crate::ws::Integrity::Ok).unwrap()
        as u64
        + 1;
    drop(index);
    at("gap-plain", 120, 36, bad, "3 Enter")
        .shows("~ incomplete: the capture has a gap")
        .shows("1 448 B are");
}

#[test]
fn layers_tell_every_byte_of_the_packet() {
    let kit = at("chat-deflate", 120, 36, 1, "8");
    kit.shows("7 Application")
        .shows("\"Hello\"   (subprotocol chat.v1)")
        .shows("permessage-deflate")
        .shows("inflated from 7")
        .shows("└─ Ethernet 14 ")
        .shows("⊕ key = f2 48 cd c9 c9 07 00")
        .shows("79 B carried 5 B of application data");
    let kit = kit.press("o");
    kit.shows("Internet").shows("TCP/IP layer");
    let kit = kit.press("g Enter");
    assert_eq!(kit.app.screen, ScreenId::Detail);
    let kit = kit.press("Esc j j Enter");
    assert_eq!(kit.app.screen, ScreenId::Frame);
}

#[test]
fn a_frame_in_many_packets_is_walked_packet_by_packet() {
    let kit = Kit::open("lengths", 120, 36);
    let index = kit.session.index();
    let long = index.frames(1).iter().position(|row| row.payload_len > 60_000).unwrap() as u64 + 1;
    drop(index);
    let kit = at_frame("lengths", 1, long, "8");
    kit.shows("packet 1 of").shows("frame bytes 1..");
    let kit = kit.press("n").rest();
    kit.shows("packet 2 of");
    assert_eq!(kit.app.shared.selection.frame, long);
    let kit = kit.press("p p").rest();
    assert_eq!(kit.app.shared.selection.frame, long - 1);
}

#[test]
fn the_screens_look_like_this() {
    for (columns, rows) in [(120, 36), (80, 24)] {
        let name = |screen: &str| format!("{screen}-{columns}x{rows}");
        at("rfc-5-7", columns, rows, 2, "4 j j j").picture(&name("frame"));
        Kit::open("chat-deflate", columns, rows).press("2").picture(&name("handshake"));
        Kit::open("refused", columns, rows).press("2").picture(&name("handshake-refused"));
        at("chat-deflate", columns, rows, 4, "3 Enter j j j").picture(&name("message-json"));
        at("chat-deflate", columns, rows, 3, "3 Enter t t").picture(&name("message-raw"));
        at("chat-deflate", columns, rows, 1, "8").picture(&name("layers"));
    }
}

#[test]
fn without_colour_there_is_no_colour() {
    for keys in ["2", "4", "8", "3 Enter"] {
        let mut kit = at("chat-deflate", 120, 36, 2, keys);
        kit.app.shared.looks.theme = Theme::Mono;
        for cell in &kit.buffer().content {
            assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_size_and_any_keys_do_no_harm(
        name in prop::sample::select(vec!["chat-deflate", "violations", "refused", "gap-deflate", "lengths", "ipv6-node"]),
        screen in prop::sample::select(vec!["2", "4", "8", "3 Enter"]),
        keys in prop::collection::vec(prop::sample::select(vec![
            "j", "k", "h", "l", "n", "p", "u", "b", "t", "T", "w", "x", "o", "g", "G", "Tab", "\\", "Ctrl-d", "Ctrl-u", "y", "Y", "J", "K",
            "Enter", "Esc", "4", "8", "2",
        ]), 0..40),
        sizes in prop::collection::vec((1u16..200, 1u16..60), 1..4),
        clicks in prop::collection::vec((0u16..200, 0u16..60), 0..8),
    ) {
        let mut kit = at(name, 120, 36, 1, screen);
        for (i, key) in keys.iter().enumerate() {
            kit = kit.press(key).rest();
            let (columns, rows) = sizes[i % sizes.len()];
            kit = kit.resize(columns, rows);
            if let Some((x, y)) = clicks.get(i) {
                kit.event(Event::Mouse(Mouse { kind: MouseKind::Click, x: *x, y: *y }));
                kit.event(Event::Mouse(Mouse { kind: MouseKind::WheelDown, x: *x, y: *y }));
            }
            kit.buffer();
        }
    }
}
