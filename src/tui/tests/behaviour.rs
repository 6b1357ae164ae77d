//! Effects of keys and data.

use super::kit::Kit;
use crate::tui::commands::Scope;
use crate::tui::event::{Effect, Event};
use crate::tui::screens::ScreenId;

#[test]
fn a_capture_with_one_connection_opens_on_its_messages() {
    assert_eq!(Kit::open("chat-deflate", 120, 36).app.screen, ScreenId::Messages);
    assert_eq!(Kit::open("violations", 120, 36).app.screen, ScreenId::Connections);
}

#[test]
fn digits_open_screens_and_esc_returns() {
    let kit = Kit::open("chat-deflate", 120, 36).press("5");
    assert_eq!(kit.app.screen, ScreenId::Ladder);
    let kit = kit.press("Esc");
    assert_eq!(kit.app.screen, ScreenId::Messages);
    let kit = kit.press("Esc");
    assert_eq!(kit.app.screen, ScreenId::Connections);
    kit.press("Esc").shows("press q to quit");
}

#[test]
fn q_quits() {
    let kit = Kit::open("chat-deflate", 80, 24).press("q");
    assert_eq!(kit.effects, [Effect::Quit]);
}

#[test]
fn help_is_the_first_hint_at_every_width() {
    let mut kit = Kit::open("chat-deflate", 60, 24);
    for (columns, screen) in (60..=200).zip((1..=9).cycle()) {
        kit = kit.resize(columns, 24).press(&screen.to_string());
        let lines = kit.lines();
        let last = lines.last().unwrap();
        assert!(last.starts_with(" ? help"), "{columns}, screen {screen}: {last}");
    }
}

#[test]
fn help_runs_what_was_searched() {
    let kit = Kit::open("chat-deflate", 120, 36).press("?");
    kit.shows("Help: Messages").shows("type to search");
    let kit = kit.text("ladder").press("Enter");
    assert_eq!(kit.app.screen, ScreenId::Ladder);
}

#[test]
fn the_palette_runs_commands() {
    let kit = Kit::open("chat-deflate", 120, 36).press(":").text("stats").press("Enter");
    assert_eq!(kit.app.screen, ScreenId::Stats);
}

#[test]
fn tabs_and_hints_can_be_clicked() {
    let kit = Kit::open("chat-deflate", 120, 36).click("5 Ladder");
    assert_eq!(kit.app.screen, ScreenId::Ladder);
    let kit = kit.click("? help");
    kit.shows("Help: Ladder");
}

#[test]
fn data_and_time_change_neither_focus_nor_cursor() {
    for keys in ["", "j j", "f", "/", "?", ":", "Tab"] {
        let mut kit = Kit::open("chat-deflate", 120, 36).press(keys).rest();
        let before = (kit.app.scope(), kit.app.screen, kit.app.shared.selection, kit.lines());
        let progress = kit.session.progress();
        for _ in 0..1000 {
            kit.event(Event::Data(Box::new(progress.clone())));
        }
        let after = (kit.app.scope(), kit.app.screen, kit.app.shared.selection, kit.lines());
        assert_eq!(before, after, "{keys}");
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    let kit = Kit::open("chat-deflate", 52, 20);
    assert_eq!(kit.lines()[0], "wslens needs 60x12 (now 52x20). q quits.");
    let kit = kit.press("5");
    assert_eq!(kit.app.screen, ScreenId::Messages, "what cannot be seen is not done");
    assert_eq!(kit.press("q").effects, [Effect::Quit]);
}

#[test]
fn the_mono_theme_draws_no_color() {
    let mut kit = Kit::open("chat-deflate", 120, 36);
    kit.app.shared.looks.theme = crate::tui::Theme::Mono;
    for screen in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "?"] {
        kit = kit.press(screen).rest();
        for cell in &kit.buffer().content {
            assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
        }
    }
}

#[test]
fn keys_are_typed_into_input_lines() {
    let kit = Kit::open("chat-deflate", 120, 36).press("f");
    assert_eq!(kit.app.scope(), Scope::INPUT);
    let kit = kit.text("q5?").press("Esc");
    assert_eq!((kit.app.scope(), kit.app.screen), (Scope::MESSAGES, ScreenId::Messages));
    assert!(kit.effects.is_empty());
}

#[test]
fn a_filter_chooses_rows_and_the_selection_stays_near() {
    let kit = Kit::open("chat-deflate", 120, 36).press("f").text("op == close").press("Enter").rest();
    kit.shows("Messages  2 of 19").shows("filter: op == close");
    assert_eq!(kit.app.shared.selection.message, 18, "the nearest later one");
    let kit = kit.press("Ctrl-f").rest();
    kit.shows("Messages  19 of 19");
    assert_eq!(kit.app.shared.selection.message, 18);
}

#[test]
fn an_invalid_filter_stays_open_with_its_error() {
    let kit = Kit::open("chat-deflate", 120, 36).press("f").text("opcod == text").press("Enter").rest();
    assert_eq!(kit.app.scope(), Scope::INPUT);
    kit.shows("unknown field").shows("did you mean").shows("error");
    let kit = kit.press("Esc").rest();
    kit.shows("Messages  19 of 19").shows("filter: (none)");
}

#[test]
fn tab_completes_what_is_typed() {
    let kit =
        Kit::open("chat-deflate", 120, 36).press("f").text("op == te").press("Tab").press("Enter").rest();
    kit.shows("filter: op == text");
    kit.shows("Messages  9 of 19");
}

#[test]
fn directions_and_types_are_toggled() {
    let kit = Kit::open("chat-deflate", 120, 36).press("d").rest();
    kit.shows("Messages  10 of 19").shows("only →");
    let kit = kit.press("d").rest();
    kit.shows("Messages  9 of 19").shows("only ←");
    let kit = kit.press("d o o").rest();
    kit.shows("Messages  8 of 19").shows("only control");
}

#[test]
fn a_search_goes_from_hit_to_hit() {
    let kit = Kit::open("chat-deflate", 120, 36).press("/").text("FRAG").press("Enter").rest();
    assert_eq!(kit.app.shared.selection.message, 7);
    let kit = kit.press("n").rest();
    assert_eq!(kit.app.shared.selection.message, 8);
    let kit = kit.press("N").rest();
    assert_eq!(kit.app.shared.selection.message, 7);
    let kit = kit.press("/").text("no such thing").press("Enter").rest();
    kit.shows("not found");
    assert_eq!(kit.app.shared.selection.message, 7);
}

#[test]
fn marked_rows_can_be_reached() {
    let kit = Kit::open("chat-deflate", 120, 36).press("j Space j j Space g '").rest();
    assert_eq!(kit.app.shared.selection.message, 2);
    let kit = kit.press("'").rest();
    assert_eq!(kit.app.shared.selection.message, 5);
    kit.press("M").rest().shows("Messages  2 of 19").shows("only marked");
}

#[test]
fn a_message_is_copied_as_it_was_sent() {
    let kit = Kit::open("chat-deflate", 120, 36).press("j j").rest().press("y");
    assert_eq!(kit.copied[0], "\u{1b}[31mred\u{1b}[0m 中文 😀 escape");
    let kit = kit.press("Y j j Enter");
    assert_eq!(kit.copied[0], hex::encode("\u{1b}[31mred\u{1b}[0m 中文 😀 escape"));
    let kit = kit.press("g").rest().press("Y").press("j j j j Enter");
    assert_eq!(kit.copied[0], "SGVsbG8=");
}

#[test]
fn the_first_frame_is_copied_as_the_command_that_explains_it() {
    let kit = Kit::open("rfc-5-7", 120, 36).rest().press("Y j j j j j j j j Enter");
    let bytes = kit.copied[0].rsplit(' ').next().unwrap();
    assert!(kit.copied[0].starts_with("wslens explain --dir "));
    let capture = std::fs::read(super::kit::capture("rfc-5-7")).unwrap();
    let wire = hex::decode(bytes).unwrap();
    assert!(capture.windows(wire.len()).any(|window| window == wire), "{bytes}");
}

#[test]
fn switching_to_frames_keeps_the_place() {
    let kit = Kit::open("chat-deflate", 120, 36).press("j j j j j j m").rest();
    assert_eq!((kit.app.shared.selection.message, kit.app.shared.selection.frame), (7, 7));
    let kit = kit.press("j j m").rest();
    assert_eq!((kit.app.shared.selection.message, kit.app.shared.selection.frame), (7, 0));
}

#[test]
fn enter_opens_the_message_and_its_frames_open_the_frame() {
    let kit = Kit::open("chat-deflate", 120, 36).press("Enter");
    assert_eq!(kit.app.screen, ScreenId::Detail);
    let kit = kit.press("Esc j j j j j j Tab j j Enter");
    assert_eq!(kit.app.screen, ScreenId::Frame);
    assert_eq!((kit.app.shared.selection.message, kit.app.shared.selection.frame), (7, 9));
}

#[test]
fn sorting_keeps_the_selected_connection() {
    let mut kit = Kit::open("many-connections", 120, 36).press("j j").rest();
    for _ in 0..5 {
        kit = kit.press("s r").rest();
        assert_eq!(kit.app.shared.selection.connection, 3);
        kit.shows("▸  3");
    }
}

#[test]
fn rows_are_reached_by_their_number() {
    let kit = Kit::open("chat-deflate", 120, 36).press(":").text("15").press("Enter").rest();
    assert_eq!(kit.app.shared.selection.message, 15);
    let kit = kit.press("#").text("4").press("Enter").rest();
    assert_eq!(kit.app.shared.selection.message, 4);
    kit.press("#").text("400").press("Enter").shows("there is no row 400");
}

#[test]
fn a_filter_searches_complete_payloads() {
    // Message 4 is longer than its preview, and contains this text at its end.
    let kit = Kit::open("chat-deflate", 120, 36)
        .press("f")
        .text("text contains \"escape\\\"\"")
        .press("Enter")
        .rest();
    kit.shows("Messages  1 of 19");
    assert_eq!(kit.app.shared.selection.message, 4);
}

#[test]
fn a_search_searches_complete_payloads() {
    let kit = Kit::open("chat-deflate", 120, 36).press("/").text("ESCAPE\", \"").press("Enter").rest();
    assert_eq!(kit.app.shared.selection.message, 4);
}

#[test]
fn esc_and_a_key_sent_together_are_both_handled() {
    let kit = Kit::open("chat-deflate", 120, 36).press("? Alt-:");
    kit.shows("┏━ Commands");
    let kit = kit.press("Alt-5");
    assert_eq!((kit.app.scope(), kit.app.screen), (Scope::LADDER, ScreenId::Ladder));
    let kit = kit.press("3 f").text("op == text").press("Alt-b");
    assert_eq!(kit.app.scope(), Scope::INPUT, "Alt-b goes a word back");
}

#[test]
fn the_connections_screen_explains_an_end() {
    let mut kit = Kit::open("close-codes", 120, 36).press("j j j j j");
    kit.shows("The server sent FIN first, without a Close (1006).  #80");
    kit.shows("no Close frame: close code 1006 (never sent); then FIN by the server")
        .shows("unknown: The packets do not show the reason");
    kit.app.shared.lang = crate::model::Lang::Zh;
    kit.shows("没有发 Close");
    // An ordinary end needs only one line.
    let kit = Kit::open("chat-deflate", 120, 36);
    assert!(!kit.shown().contains("Why"), "{}", kit.shown());
}
