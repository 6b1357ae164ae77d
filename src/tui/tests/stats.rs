//! The figures, compared with those of the command line.

use serde_json::Value;

use super::kit::{Kit, capture};
use crate::capture::{Capture, Input, Options};
use crate::pipeline::{Limits, Pipeline, Sink as _};
use crate::report::stats::{self, Stats};

/// The output of `wslens stats --format json`.
fn report(name: &str, connections: Vec<u32>) -> Value {
    let mut opened = Capture::open(&[Input::from(capture(name))], &Options::default()).unwrap();
    let mut pipeline = Pipeline::new(Limits::default());
    let mut stats = Stats::new(stats::StatsOptions { connections, ..stats::StatsOptions::default() });
    let _ = stats.wants();
    let summary = crate::drive::run(&mut opened, &mut pipeline, &mut stats, |_, _| true);
    stats.set_last(pipeline.last_time());
    let mut out = Vec::new();
    stats.write_json(&mut out, &summary).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// Returns the number behind some words on the screen.
fn number(shown: &str, words: &str) -> u64 {
    let line =
        shown.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words} in\n{shown}"));
    let rest = &line[line.find(words).unwrap() + words.len()..];
    let digits: String = rest
        .trim_start()
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '\u{202f}' || *c == ' ' || *c == ',')
        .collect();
    // Digits in groups of three: a wider gap ends the number.
    let digits = digits.split("  ").next().unwrap();
    digits
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap_or_else(|_| panic!("{line}"))
}

#[test]
fn the_figures_are_those_of_the_command_line() {
    for name in [
        "chat-deflate",
        "violations",
        "many-connections",
        "polling-vs-websocket",
        "refused",
        "reorder-retransmit",
    ] {
        let json = report(name, Vec::new());
        let both = |key: &str| json[key]["c2s"].as_u64().unwrap() + json[key]["s2c"].as_u64().unwrap();
        let kit = Kit::open(name, 140, 44).press("6 A").rest();
        let shown = kit.shown();
        assert_eq!(number(&shown, "WebSocket payload"), both("payload_bytes"), "{name}\n{shown}");
        let headers = both("wire_bytes") - both("payload_bytes");
        assert_eq!(number(&shown, "frame headers"), headers, "{name}\n{shown}");
        let Some(methods) = json["http_estimate"]["methods"].as_array() else {
            kit.shows("no complete handshake was captured");
            continue;
        };
        let titles = [
            "WebSocket (measured)",
            "a request for each message *",
            "polling every 1.00 s",
            "long polling",
            "server-sent events and POST",
        ];
        for (method, title) in methods.iter().zip(titles) {
            assert_eq!(
                number(&shown, title),
                method["requests"].as_u64().unwrap(),
                "{name}: {title}\n{shown}"
            );
            let line = shown.lines().find(|line| line.contains(title)).unwrap();
            let bytes = crate::tui::widgets::units::grouped(method["header_bytes"].as_u64().unwrap());
            assert!(line.contains(&bytes), "{name}: {bytes} in {line}");
        }
    }
}

#[test]
fn the_model_is_shown_and_can_be_changed() {
    let kit = Kit::open("chat-deflate", 120, 36).press("6").rest();
    kit.shows("as captured").shows("P changes").shows("polling every 1.00 s");
    let kit = kit.press("P Enter Ctrl-u").text("0.1").press("Enter").rest();
    kit.shows("polling every 100 ms");
    let kit = kit.press("P j Enter").text("1000").press("Enter").rest();
    kit.shows("request 1000 B (as set)");
    let kit = kit.press("P j Enter Ctrl-u").text("-5").press("Enter");
    kit.shows("expected a number of bytes");
    let kit = kit.press("P j j j Enter").rest();
    kit.shows("polling every 1.00 s").shows("as captured");
}

#[test]
fn unknown_figures_are_not_shown() {
    // TCP packets are not loaded yet.
    let mut kit = Kit::open("chat-deflate", 120, 36).press("6");
    kit.app.shared.details.clear();
    let line = kit.lines().into_iter().find(|line| line.contains("TCP, IP, link headers")).unwrap();
    assert!(line.contains("n/a"), "{line}");
}

#[test]
fn stats_look_like_this() {
    Kit::open("chat-deflate", 120, 36).press("6 A").rest().picture("stats-120x36");
    Kit::open("chat-deflate", 80, 24).press("6 A").rest().picture("stats-80x24");
}
