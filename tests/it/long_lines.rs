//! The CPU time of the screens on messages that are a single long line, compared with that on shorter or simpler
//! messages in the same run. It is the time of the test's own thread, so other programs do not matter.

use std::time::Duration;

use crate::support::long::{KINDS, Kind, Screens, TASKS};

const SHORT: usize = 32 << 10;
const LONG: usize = 8 * SHORT;
/// Measurements before a test fails.
const RUNS: usize = 6;

/// Measures the cost of each task on two messages of a kind.
fn costs(kind: Kind, len: usize) -> Vec<Duration> {
    let bytes = kind.payload(len);
    let mut screens = Screens::open(&[bytes.clone(), bytes], true, (80, 24));
    TASKS.iter().map(|(_, task)| task(&mut screens)).collect()
}

/// Compares the cost of each task on two payloads: the `costly` one may cost `most` times as much as the `simple` one.
/// Interference only adds to a cost, so the minimum of all measurements counts.
fn compare(simple: (Kind, usize), costly: (Kind, usize), most: impl Fn(&str) -> u32) {
    let mut least = [(simple, Vec::new()), (costly, Vec::new())];
    let mut wrong = String::new();
    for _ in 0..RUNS {
        for ((kind, len), least) in &mut least {
            let costs = costs(*kind, *len);
            *least =
                costs.iter().zip(least.iter().chain(&costs)).map(|(now, before)| *now.min(before)).collect();
        }
        let [(_, simple), (_, costly)] = &least;
        // Every task draws the screen, so none costs less than that.
        let drawing = simple.iter().min().copied().unwrap_or_default();
        let all = TASKS.iter().map(|(task, _)| *task).zip(simple.iter().zip(costly));
        let over = all.filter(|(task, (simple, costly))| **costly > drawing.max(**simple) * most(task));
        wrong = over.map(|(task, (simple, costly))| format!("{task}: {simple:?}, {costly:?}  ")).collect();
        if wrong.is_empty() {
            return;
        }
    }
    let [((simple, short), _), ((costly, long), _)] = least;
    panic!("{} bytes of {}, {} of {}: {wrong}", short, simple.0, long, costly.0);
}

fn longer(kind: Kind, most: impl Fn(&str) -> u32) {
    compare((kind, SHORT), (kind, LONG), most);
}

fn kinds(wanted: &[&str]) -> Vec<Kind> {
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|kind| wanted.contains(&kind.0)).collect();
    assert_eq!(kinds.len(), wanted.len());
    kinds
}

/// How many times the cost may grow when the payload grows eight times. Opening, searching and going to the end read
/// the complete payload once, so they may grow as it does; all other keys depend on the visible rows only.
fn most(task: &str) -> u32 {
    match task {
        // Earlier tasks found the first rows, which is half of the short payload.
        "last" => 36,
        "open" | "text" | "next" | "search" | "cut" | "tree" | "frame" | "builder" => 20,
        "resize" => 6,
        _ => 4,
    }
}

#[test]
fn a_long_line_of_plain_text_costs_what_is_visible() {
    for kind in kinds(&["ascii", "latin", "chinese", "control"]) {
        longer(kind, most);
    }
}

#[test]
fn a_long_line_of_joined_and_marked_characters_costs_what_is_visible() {
    for kind in kinds(&["emoji", "joined-emoji", "marked", "hindi"]) {
        longer(kind, most);
    }
}

#[test]
fn a_long_line_that_is_one_character_or_no_text_costs_what_is_visible() {
    // A row of one character ends where that character does.
    let most = |task: &str| if task == "resize" { 20 } else { most(task) };
    for kind in kinds(&["marks-only", "one-cluster", "invalid"]) {
        longer(kind, most);
    }
}

#[test]
fn a_long_line_of_json_costs_what_is_visible() {
    for kind in kinds(&["json-ascii", "json-chinese", "json-emoji"]) {
        longer(kind, most);
    }
}

#[test]
fn json_of_one_long_value_key_or_path_costs_what_is_visible() {
    for kind in kinds(&["json-string", "json-key", "json-deep"]) {
        longer(kind, most);
    }
}

#[test]
fn chinese_and_emoji_cost_not_much_more_than_ascii() {
    let ascii = kinds(&["ascii"])[0];
    for kind in kinds(&["chinese", "emoji"]) {
        compare((ascii, LONG), (kind, LONG), |_| 12);
    }
}
