//! Tests of "copy as" and "export".

use super::kit::Kit;
use crate::explain::frame::{ExplainOptions, explain};
use crate::export::{Format, Job, What};
use crate::tui::event::{Effect, Event};

/// Copies the selected message in one of the forms of the menu.
fn copy(mut kit: Kit, down: usize) -> Kit {
    kit = kit.press("Y").press(&"j ".repeat(down)).press("Enter").rest();
    kit
}

#[test]
fn a_message_is_copied_in_every_form() {
    // The second message: {"type": "echo", ...
    let mut kit = Kit::open("chat-deflate", 120, 36).press("3 j").rest();
    let text = {
        kit = copy(kit, 0);
        kit.copied[0].clone()
    };
    assert!(text.starts_with("{\"type\": \"echo\""), "{text}");
    kit = copy(kit, 1);
    assert!(kit.copied[0].starts_with("{\n  \"type\": \"echo\",\n"), "{}", kit.copied[0]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&kit.copied[0]).unwrap(),
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    );
    kit = copy(kit, 2);
    assert_eq!(hex::decode(&kit.copied[0]).unwrap(), text.as_bytes());
    kit = copy(kit, 9);
    let row: serde_json::Value = serde_json::from_str(&kit.copied[0]).unwrap();
    assert_eq!((row["msg"].as_u64(), row["text"].as_str()), (Some(2), Some(text.as_str())));
    kit = copy(kit, 10);
    assert_eq!(kit.copied[0], "conn == 1 and msg == 2");
    assert_eq!(kit.copied.len(), 5);
}

#[test]
fn a_message_is_copied_once_it_is_loaded() {
    let kit = Kit::open("chat-deflate", 120, 36).press("3 g j j j j j j y");
    assert_eq!(kit.copied, ["frag-1 frag-2 frag-3"]);
}

#[test]
fn the_command_to_explain_has_the_frames_as_they_were_on_the_wire() {
    for (message, count) in [(1, 1), (7, 4)] {
        let kit = Kit::open("chat-deflate", 120, 36).press("3 g").press(&"j ".repeat(message - 1)).rest();
        let kit = copy(kit, 8);
        let command = &kit.copied[0];
        assert!(command.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-'), "{command}");
        let hex = command.rsplit(' ').next().unwrap();
        let explained = explain(&hex::decode(hex).unwrap(), &ExplainOptions::default());
        assert_eq!(explained.frames.len(), count, "{command}");
    }
}

#[test]
fn text_that_is_not_json_is_not_copied_as_json() {
    let kit = Kit::open("chat-deflate", 120, 36).press("3 g").rest();
    let kit = copy(kit, 1);
    kit.shows("this is not a JSON");
    assert!(kit.copied.is_empty());
}

fn jobs(kit: &Kit) -> Vec<&Job> {
    kit.effects
        .iter()
        .filter_map(|effect| if let Effect::Export(job) = effect { Some(job) } else { None })
        .collect()
}

#[test]
fn an_export_asks_what_how_and_where() {
    let kit = Kit::open("chat-deflate", 120, 36).press("5 e").rest();
    kit.shows("connection #1");
    let kit = kit.press("j Enter");
    let kit = if kit.shown().contains("Export as") { kit } else { kit.press("Enter") };
    kit.shows("pcapng").shows("Mermaid");
    let kit = kit.press("j j j j j Enter");
    let shown = kit.shown();
    assert!(shown.contains("wslens-c1.pcapng") || shown.contains("wslens-all"), "{shown}");
    let kit = kit.press("Enter");
    assert_eq!(jobs(&kit).len(), 1);
}

#[test]
fn an_existing_file_is_replaced_only_after_asking() {
    let job = Job { what: What::Connection(1), format: Format::Csv, path: "x.csv".into(), replace: false };
    let mut kit = Kit::open("chat-deflate", 120, 36).press("5");
    kit.event(Event::Exists(job.clone()));
    kit.shows("already").shows("replace it");
    let kit = kit.press("Esc");
    assert!(jobs(&kit).is_empty());
    let mut kit = kit;
    kit.event(Event::Exists(job.clone()));
    let kit = kit.press("Enter");
    kit.shows("wslens-c1.csv");
    let mut kit = kit.press("Esc");
    assert!(jobs(&kit).is_empty(), "leaving the name exports nothing");
    kit.event(Event::Exists(job.clone()));
    let kit = kit.press("j Enter");
    assert_eq!(jobs(&kit), [&Job { replace: true, ..job }]);
}

#[test]
fn marked_and_filtered_connections_are_one_choice() {
    let kit = Kit::open("many-connections", 120, 36).press("Space j j Space e").rest();
    kit.shows("2 connections marked");
    // Packets are the last format.
    let kit = kit.press("Enter").press("G").press(&"j ".repeat(8)).press("Enter");
    kit.shows("wslens-connections");
    let kit = kit.press("Enter");
    let [job] = jobs(&kit)[..] else { panic!("one job: {:?}", kit.effects) };
    let What::Connections(connections) = &job.what else { panic!("{job:?}") };
    assert_eq!((connections.len(), job.format), (2, Format::Pcapng));
    // The connections that a filter selects, whatever its level.
    let kit = Kit::open("many-connections", 120, 36)
        .press("f")
        .text("conn <= 3")
        .press("Enter")
        .rest()
        .press("e")
        .rest();
    kit.shows("3 connections filtered");
    let kit = Kit::open("many-connections", 120, 36)
        .press("f")
        .text("len > 100000")
        .press("Enter")
        .rest()
        .press("e")
        .rest();
    assert!(!kit.shown().contains("connections filtered"));
    let kit = kit.press("Esc Ctrl-f f").text("op == close").press("Enter").rest().press("e").rest();
    kit.shows("connections filtered");
    kit.shows("complete capture");
}
