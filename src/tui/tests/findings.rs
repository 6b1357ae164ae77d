//! The list of findings.

use super::kit::Kit;
use crate::tui::screens::ScreenId;

#[test]
fn it_looks_like_this() {
    Kit::open("violations", 120, 36).press("7").rest().picture("findings-120x36");
    Kit::open("violations", 80, 24).press("7").rest().picture("findings-80x24");
    Kit::open("violations", 120, 36).press("7 g").rest().picture("findings-grouped-120x36");
}

/// The number before a word in the title.
fn count(kit: &Kit, word: &str) -> usize {
    let title = kit.lines()[2].clone();
    let before = title.split(word).next().unwrap().trim_end().rsplit(' ').next().unwrap().to_owned();
    before.parse().unwrap_or_else(|_| panic!("{title}"))
}

#[test]
fn severities_are_filtered() {
    let kit = Kit::open("violations", 120, 60).press("7");
    let (errors, warnings) = (count(&kit, "error"), count(&kit, "warning"));
    let rows = |kit: &Kit, word: &str| {
        let begin = |line: &str| line.chars().take(12).collect::<String>().contains(word);
        kit.lines().iter().take(44).filter(|line| begin(line)).count()
    };
    assert_eq!(rows(&kit, "✗ ERR"), errors);
    let kit = kit.press("s");
    assert_eq!((rows(&kit, "✗ ERR"), rows(&kit, "· INFO")), (errors, 0));
    let kit = kit.press("s");
    assert_eq!(rows(&kit, "! WARN"), 0, "{warnings}");
    kit.shows("severity: errors");
}

#[test]
fn enter_goes_to_the_very_frame() {
    let mut kit = Kit::open("violations", 120, 36).press("7");
    let total = kit.session.index().findings.len();
    for _ in 0..total {
        kit = kit.press("Enter");
        let selection = kit.app.shared.selection;
        match kit.app.screen {
            ScreenId::Frame => {
                let index = kit.session.index();
                assert!(index.findings.iter().any(|finding| {
                    let here = finding.connection.map(|id| id.0) == Some(selection.connection);
                    here && (finding.frame == Some(selection.frame)
                        || finding.message == Some(selection.message))
                }));
            }
            ScreenId::Findings | ScreenId::Handshake | ScreenId::Messages | ScreenId::Ladder => {}
            other => panic!("{other:?}"),
        }
        kit = if kit.app.screen == ScreenId::Findings { kit } else { kit.press("Esc") };
        assert_eq!(kit.app.screen, ScreenId::Findings);
        kit = kit.press("j");
    }
}

#[test]
fn headings_fold() {
    let kit = Kit::open("violations", 120, 36).press("7 g Home");
    let before = kit.lines();
    let kit = kit.press("Enter").rest();
    assert_ne!(kit.lines(), before);
    let kit = kit.press("Enter").rest();
    assert_eq!(kit.lines(), before);
}

#[test]
fn a_clean_capture_says_so() {
    let kit = Kit::open("rfc-5-7", 120, 36).press("7");
    if kit.session.index().findings.is_empty() {
        kit.shows("Nothing was found wrong");
    }
}
