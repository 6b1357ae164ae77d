//! The page of claims names lessons, screens and captures that exist, and `wslens learn` prints.

use std::path::Path;
use std::process::{Command, Output};

use wslens::learn::Course;
use wslens::model::Lang;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Lesson and step, screen, capture of each claim.
fn claims(page: &str) -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(root().join("docs").join(page)).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 4);
    let rows: Vec<[String; 3]> = rows
        .skip(2)
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let capture = cells[4].trim_start_matches('[').split(']').next().unwrap();
            [cells[2].trim_matches('`'), cells[3], capture].map(str::to_owned)
        })
        .collect();
    assert!(rows.len() > 30, "{page}: {} claims", rows.len());
    rows
}

#[test]
fn every_claim_has_its_lesson_its_screen_and_its_capture() {
    let course = Course::read().unwrap();
    let mut lessons = std::collections::BTreeSet::new();
    for [place, screen, capture] in claims("LESSONS.md") {
        let (id, step) = place.split_once('/').unwrap();
        let at = course.find(id).unwrap_or_else(|| panic!("no lesson {id}"));
        let lesson = course.lesson(at, Lang::En).unwrap();
        let step = lesson.steps.iter().find(|known| known.name == step);
        let step = step.unwrap_or_else(|| panic!("no step {place}"));
        assert_eq!(step.view.0.name(), screen, "{place}");
        let names = step.objects().unwrap();
        let captures: Vec<&str> =
            names.iter().map(|name| lesson.object(name).unwrap().capture.as_str()).collect();
        assert!(captures.contains(&capture.as_str()), "{place}: {captures:?}");
        assert!(root().join("captures").join(&capture).is_dir(), "{capture}");
        lessons.insert(id.to_owned());
    }
    assert_eq!(lessons.len(), course.len(), "every lesson carries a claim");
}

#[test]
fn both_pages_map_the_same_claims() {
    assert_eq!(claims("LESSONS.md"), claims("LESSONS.zh.md"));
}

fn learn(arguments: &[&str], state: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wslens"))
        .arg("learn")
        .args(arguments)
        .env("XDG_STATE_HOME", state)
        .env_remove("WSLENS_NO_SAVE")
        .env("LC_ALL", "C")
        .output()
        .unwrap()
}

#[test]
fn without_a_terminal_a_lesson_is_printed() {
    let state = tempfile::tempdir().unwrap();
    for arguments in [&["masking"][..], &["5"], &["mask", "--plain"]] {
        let output = learn(arguments, state.path());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.starts_with("Lesson 5  Masking\n"), "{text}");
        assert!(text.contains("51   ⊕    3d   =   ??") && text.contains("3: 6c"), "{text}");
    }
    let chinese = String::from_utf8(learn(&["masking", "--lang", "zh"], state.path()).stdout).unwrap();
    assert!(chinese.starts_with("第 5 课  掩码\n"), "{chinese}");
    let all = String::from_utf8(learn(&[], state.path()).stdout).unwrap();
    assert!(all.contains("Lesson 1  Layers") && all.contains("Extra 3  Proxies"));
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0, "printing keeps nothing");
}

#[test]
fn the_list_shows_progress_even_of_a_damaged_file() {
    let state = tempfile::tempdir().unwrap();
    std::fs::create_dir(state.path().join("wslens")).unwrap();
    std::fs::write(state.path().join("wslens/learned"), b"\xff\0\nmasking key\nmasking\nno such\n").unwrap();
    let list = String::from_utf8(learn(&["--list"], state.path()).stdout).unwrap();
    assert!(list.contains("masking        1/6"), "{list}");
    let none = String::from_utf8(learn(&["--list", "--no-save"], state.path()).stdout).unwrap();
    assert!(none.contains("masking        0/6"), "{none}");
}

#[test]
fn an_unknown_lesson_is_told_with_those_that_there_are() {
    let state = tempfile::tempdir().unwrap();
    let output = learn(&["maskng"], state.path());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("unknown lesson 'maskng'") && text.contains("masking"), "{text}");
}
