//! The ladder.

use super::kit::Kit;
use crate::tui::screens::ScreenId;

fn open(name: &str, columns: u16, rows: u16) -> Kit {
    Kit::open(name, columns, rows).press("5").rest()
}

#[test]
fn it_looks_like_this() {
    open("chat-deflate", 120, 36).picture("ladder-120x36");
    open("chat-deflate", 80, 24).picture("ladder-80x24");
    open("chat-deflate", 120, 36).press("t G").rest().picture("ladder-time-120x36");
}

#[test]
fn the_conversation_is_told_from_syn_to_fin() {
    let kit = open("chat-deflate", 120, 60);
    let shown = kit.shown();
    let order = [
        "TCP SYN ─",
        "TCP SYN ACK",
        "TCP ACK",
        "GET /",
        "101 Switching Protocols",
        "WebSocket open",
        "TEXT",
        "CLOSE 1000",
        "TCP FIN",
    ];
    let mut from = 0;
    for words in order {
        let at =
            shown[from..].find(words).unwrap_or_else(|| panic!("no {words} behind byte {from} in\n{shown}"));
        from += at;
    }
}

#[test]
fn each_toggle_takes_rows_away_and_gives_them_back() {
    for (key, words) in [("c", "PING"), ("T", "TCP SYN")] {
        let kit = open("chat-deflate", 120, 60);
        let before = kit.lines();
        kit.shows(words);
        let kit = kit.press(key).rest();
        assert!(!kit.shown().contains(words), "{key}\n{}", kit.shown());
        let kit = kit.press(key).rest();
        assert_eq!(kit.lines(), before);
    }
}

#[test]
fn the_frame_under_the_cursor_stays_when_rows_above_it_go() {
    let kit = open("chat-deflate", 120, 36).press("G k k k k").rest();
    let frame = |kit: &Kit| {
        let status = kit.lines()[34].clone();
        status.split("frame ").last().unwrap().to_owned()
    };
    let before = frame(&kit);
    assert!(before.contains(['→', '←']), "{before}");
    let mut kit = kit;
    for key in ["T", "z", "t", "z", "t", "T"] {
        kit = kit.press(key).rest();
        // A notice hides the status.
        kit.app.shared.notice = None;
        assert_eq!(frame(&kit), before, "{key}");
    }
}

#[test]
fn enter_opens_what_the_cursor_is_on() {
    let kit = open("chat-deflate", 120, 60).press("g j j j Enter");
    assert_eq!(kit.app.screen, ScreenId::Handshake);
    let kit = open("chat-deflate", 120, 60).press("G k k k Enter");
    assert_eq!(kit.app.screen, ScreenId::Detail);
    assert!(kit.app.shared.selection.message > 0);
}

#[test]
fn a_refused_handshake_is_the_whole_ladder() {
    let kit = Kit::open("refused", 120, 36).press("5").rest();
    kit.shows("not upgraded");
    assert!(!kit.shown().contains("WebSocket open"));
}
