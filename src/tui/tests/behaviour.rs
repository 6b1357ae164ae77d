//! What keys and data do.

use super::kit::Kit;
use crate::tui::commands::Scope;
use crate::tui::event::{Effect, Event};
use crate::tui::screens::ScreenId;

#[test]
fn a_capture_with_one_conversation_opens_with_it() {
    assert_eq!(Kit::open("chat-deflate", 120, 36).app.screen, ScreenId::Messages);
    assert_eq!(Kit::open("violations", 120, 36).app.screen, ScreenId::Connections);
}

#[test]
fn digits_open_screens_and_esc_comes_back() {
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
    for columns in 60..=200 {
        kit = kit.resize(columns, 24);
        for screen in ["1", "2", "3", "4", "5", "6", "7", "8", "9"] {
            kit = kit.press(screen);
            let lines = kit.lines();
            let last = lines.last().unwrap();
            assert!(last.starts_with(" ? help"), "{columns}: {last}");
        }
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
            kit.event(Event::Data(progress.clone()));
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
fn without_colour_there_is_no_colour() {
    let mut kit = Kit::open("chat-deflate", 120, 36);
    kit.app.shared.theme = crate::tui::Theme::Mono;
    for screen in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "?"] {
        kit = kit.press(screen).rest();
        for cell in &kit.buffer().content {
            assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
        }
    }
}

#[test]
fn input_lines_have_the_keys() {
    let kit = Kit::open("chat-deflate", 120, 36).press("f");
    assert_eq!(kit.app.scope(), Scope::INPUT);
    let kit = kit.text("q5?").press("Esc");
    assert_eq!((kit.app.scope(), kit.app.screen), (Scope::MESSAGES, ScreenId::Messages));
    assert!(kit.effects.is_empty());
}
