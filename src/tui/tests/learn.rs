//! Lessons as a learner plays them.

use super::kit::Kit;
use crate::learn::check;
use crate::learn::scene::Task;
use crate::learn::{Course, Sample};
use crate::model::Lang;
use crate::tui::event::Effect;
use crate::tui::screens::ScreenId;

fn at(kit: &Kit) -> (String, String) {
    let (lesson, step, _) = kit.app.screens.learn.playing().expect("a step is played");
    (lesson.to_owned(), step.to_owned())
}

fn solved(kit: &Kit) -> bool {
    kit.app.screens.learn.standing().0
}

/// The lessons over a bundled capture, as `wslens learn` opens them.
fn open(lesson: &str, lang: Lang, columns: u16, rows: u16) -> Kit {
    let mut kit = Kit::open("chat-deflate", columns, rows);
    kit.app.shared.lang = lang;
    kit.app.learn(Course::read().unwrap().find(lesson));
    kit.rest()
}

/// Answers the step that is up, by what it takes for right.
fn solve(mut kit: Kit) -> Kit {
    let place = at(&kit);
    let (_, _, scene) = kit.app.screens.learn.playing().unwrap();
    let (task, answer) = (scene.task.clone(), scene.answer());
    match task {
        Task::Read => {}
        Task::Go(..) => {
            kit = kit.press("Tab Home").rest();
            for _ in 0..60 {
                if solved(&kit) {
                    break;
                }
                kit = kit.press("Down").rest();
            }
        }
        Task::Type(..) | Task::Choose(..) => kit = kit.text(&answer).press("Enter"),
    }
    assert!(solved(&kit) || matches!(task, Task::Read), "{place:?} {answer}\n{}", kit.shown());
    kit
}

#[test]
fn every_lesson_is_played_to_its_end_in_both_languages() {
    let course = Course::read().unwrap();
    for (lang, (columns, rows)) in [(Lang::En, (80, 24)), (Lang::Zh, (120, 36))] {
        let mut kit = open("nothing", lang, columns, rows);
        for number in 0..course.len() {
            let lesson = course.lesson(number, lang).unwrap();
            kit = kit.press("Home");
            for _ in 0..number {
                kit = kit.press("Down");
            }
            kit = kit.press("Enter").rest();
            for step in &lesson.steps {
                assert_eq!(at(&kit), (lesson.id.clone(), step.name.clone()));
                kit = solve(kit);
                kit = kit.press("Enter").rest();
            }
            assert!(kit.app.screens.learn.playing().is_none(), "{}: back in the list", lesson.id);
            assert_eq!(kit.app.screens.learn.progress.count(lesson), lesson.steps.len());
        }
        let words = crate::learn::words::words(lang);
        kit.shows(words.all_done).shows("10/10");
    }
}

#[test]
fn every_step_fits_into_eighty_by_twenty_four() {
    let course = Course::read().unwrap();
    for lang in Lang::ALL {
        for id in course.ids() {
            let mut kit = open(id, lang, 80, 24);
            let steps = course.lesson(course.find(id).unwrap(), lang).unwrap().steps.len();
            for _ in 0..steps {
                let hidden = kit.app.screens.learn.hidden(kit.app.shared.body());
                assert_eq!(hidden, 0, "{:?}\n{}", at(&kit), kit.shown());
                let wide = kit.resize(120, 36).rest();
                assert_eq!(wide.app.screens.learn.hidden(wide.app.shared.body()), 0, "{:?}", at(&wide));
                kit = wide.resize(80, 24).rest().press("n").rest();
            }
        }
    }
}

/// The highlight is a place of the real screen, and no step is solved before anything was done.
#[test]
fn every_view_opens_with_its_cursor_where_the_step_says() {
    let course = Course::read().unwrap();
    for id in course.ids() {
        let mut kit = open(id, Lang::En, 120, 36);
        let lesson = course.lesson(course.find(id).unwrap(), Lang::En).unwrap();
        for step in &lesson.steps {
            assert!(!solved(&kit), "{:?}", at(&kit));
            let here = kit.app.screens.learn.stage_here();
            let wanted = step.highlight.split('[').next().unwrap_or_default();
            let same = wanted.is_empty() || wanted == "last" || wanted == here;
            assert!(same, "{id} {}: at {here}, not at {wanted}\n{}", step.name, kit.shown());
            kit = kit.press("n").rest();
        }
    }
}

#[test]
fn every_known_mistake_gets_its_reply() {
    let course = Course::read().unwrap();
    for lang in Lang::ALL {
        for id in course.ids() {
            let mut kit = open(id, lang, 120, 36);
            let steps = course.lesson(course.find(id).unwrap(), lang).unwrap().steps.len();
            for _ in 0..steps {
                let (_, _, scene) = kit.app.screens.learn.playing().unwrap();
                let task = scene.task.clone();
                for (mistake, reply) in scene.mistakes().to_vec() {
                    let typed = match task {
                        Task::Type(form, _) => check::typed(form, &mistake),
                        _ => mistake.written(""),
                    };
                    kit = kit.text(&typed).press("Enter");
                    assert!(!solved(&kit), "{:?} {typed}", at(&kit));
                    let start: String = reply.chars().take(6).collect();
                    // Two mistakes may be the same number in this capture; then the first one's reply is given.
                    let shown = kit.shown();
                    let first = crate::learn::words::words(lang).wrong;
                    assert!(shown.contains(&start) || shown.contains(first), "{start}\n{shown}");
                }
                kit = kit.press("n").rest();
            }
        }
    }
}

#[test]
fn hints_come_one_after_the_other_and_then_the_answer() {
    let kit = open("masking", Lang::En, 120, 36).press("n n").rest();
    let kit = kit.press("h");
    kit.shows("Hint: XOR compares bit by bit");
    let kit = kit.press("h").press("h");
    kit.shows("3d is 0011 1101").shows("The answer is 6c");
    assert!(!solved(&kit));
    // A wrong answer that is no known mistake gives a hint, too.
    let kit = open("masking", Lang::En, 120, 36).press("n n").rest().text("11").press("Enter");
    kit.shows("✗ 11: Not yet.").shows("Hint: XOR");
    let kit = kit.text("zz").press("Enter");
    assert_eq!(kit.app.screens.learn.standing().2, "", "z is no hex digit");
    let kit = kit.text("6").press("Backspace Backspace Backspace");
    assert_eq!(at(&kit), ("masking".to_owned(), "unmask".to_owned()), "deleting too much leaves nothing");
    let kit = kit.text("6c").press("Enter");
    kit.shows("✓ Right. 6c is the character \"l\".");
}

#[test]
fn bits_are_shown_on_demand() {
    let kit = open("masking", Lang::En, 120, 36).press("b");
    kit.shows("there are no bits to look at");
    let kit = kit.press("n n").rest().press("Ctrl-b");
    kit.shows("51 = 0101 0001").shows("3d = 0011 1101");
}

#[test]
fn what_is_typed_and_the_step_stay_when_the_language_changes() {
    let kit = open("masking", Lang::En, 120, 36).press("n n").rest().text("6");
    kit.shows("What is 51 ⊕ 3d?");
    let kit = kit.press("F2").rest();
    assert_eq!(at(&kit), ("masking".to_owned(), "unmask".to_owned()));
    assert_eq!(kit.app.screens.learn.standing().2, "6");
    kit.shows("51 ⊕ 3d 等于多少").shows("> 6").shows("步骤 3/6");
    let kit = kit.text("6").press("Enter").press("F2").rest();
    kit.shows("✗ 66: Not yet.").shows("h hint");
    let kit = kit.press("F2").rest().text("6c").press("Enter");
    kit.shows("✓ 对了。");
}

#[test]
fn progress_is_kept_after_each_step_and_found_again() {
    let mut kit = open("masking", Lang::En, 120, 36);
    kit.app.screens.learn.file = Some("learned".into());
    let kit = kit.press("n").rest().text("6").press("Enter");
    let [Effect::Keep(path, progress)] = &kit.effects[..] else { panic!("{:?}", kit.effects) };
    assert_eq!(path.to_str(), Some("learned"));
    assert!(progress.has("masking", "key") && !progress.has("masking", "look"));
    let mut next = open("nothing", Lang::En, 120, 36);
    next.app.screens.learn.progress = progress.clone();
    let next = next.rest();
    next.shows("1/6");
    // Without a file nothing is kept, and nothing is lost while it runs.
    let kit = open("masking", Lang::En, 120, 36).press("n").rest().text("6").press("Enter");
    assert!(kit.effects.is_empty());
}

#[test]
fn the_real_screen_can_be_looked_around_in() {
    let kit = open("masking", Lang::En, 80, 24).press("Tab").rest();
    kit.shows("RFC 6455 §5.2").shows("looking around");
    let kit = kit.press("3").rest();
    kit.shows("Messages 8 of 8");
    let kit = kit.press("Esc").rest();
    assert_eq!(at(&kit).1, "look");
    kit.shows("This TEXT frame came from a client");
    // A screen's own lists have Esc first.
    let kit = kit.press("Tab ?").rest();
    kit.shows("type to search");
    let kit = kit.press("Esc").rest();
    kit.shows("looking around");
    let kit = kit.press("9").rest();
    kit.shows("This TEXT frame came");
    assert_eq!(kit.app.screen, ScreenId::Learn);
    let kit = kit.press("Esc").rest();
    kit.shows("Lessons");
}

#[test]
fn a_lesson_comes_with_the_values_of_what_the_cursor_is_on() {
    // The masked text of this capture is compressed: the lesson takes another one for it, and says so.
    let kit = Kit::open("close-codes", 120, 36).press("3").rest().press("4").rest().press("j j j").rest();
    kit.shows("▸MASK");
    let kit = kit.press("L").rest();
    assert_eq!(at(&kit), ("masking".to_owned(), "look".to_owned()));
    let (_, own, _) = kit.app.screens.learn.standing();
    assert!(own, "{}", kit.shown());
    kit.shows("close-codes.pcapng ▸ #1 ▸ frame 1").shows("(your capture)");
    let kit = kit.press("n n").rest();
    let index = kit.session.index();
    let key = index.frames(1).get(0).unwrap().key;
    let byte = b'l' ^ key[3];
    drop(index);
    kit.shows(&format!("What is {byte:02x} ⊕ {:02x}?", key[3]));
    let kit = kit.text("6c").press("Enter");
    assert!(solved(&kit));
    let kit = kit.press("Esc Esc").rest();
    assert_eq!(kit.app.screen, ScreenId::Frame, "back where it came from");
}

#[test]
fn what_a_capture_lacks_is_shown_on_the_bundled_one_and_said() {
    let kit = Kit::open("lengths", 120, 36).press("4").rest().press("g").rest();
    kit.shows("▸FIN");
    let kit = kit.press("L").rest();
    assert_eq!(at(&kit), ("fragments".to_owned(), "fin".to_owned()));
    kit.shows("Your capture has no such thing").shows("rfc-5-7 ▸ #1 ▸ frame 3");
    let kit = kit.press("F2").rest();
    kit.shows("你的抓包里没有这样的内容");
}

#[test]
fn a_lesson_begins_with_the_step_that_the_capture_can_show() {
    let kit = Kit::open("chromium", 120, 36).press("6").rest().press("L").rest();
    assert_eq!(at(&kit), ("overhead".to_owned(), "model".to_owned()));
    kit.shows("request 546 B, response 282 B").shows("(your capture)");
    let kit = kit.text("828").press("Enter");
    assert!(solved(&kit));
    // The comparison itself is that of the bundled capture, and says so.
    let kit = kit.press("p p p p").rest();
    assert_eq!(at(&kit).1, "polls");
    kit.shows("Your capture has no such thing");
}

#[test]
fn each_screen_has_its_lesson() {
    let lesson = |kit: Kit| at(&kit.press("L").rest()).0;
    let chat = |keys: &str| Kit::open("chat-deflate", 120, 36).press(keys).rest();
    assert_eq!(lesson(chat("1")), "layers");
    assert_eq!(lesson(chat("2")), "accept", "the cursor begins at the key");
    assert_eq!(lesson(chat("2 Home")), "handshake");
    assert_eq!(lesson(chat("3")), "deflate");
    assert_eq!(lesson(chat("3 j j j j j j")), "fragments");
    assert_eq!(lesson(chat("3 j j j j j j j j")), "duplex", "a ping");
    assert_eq!(lesson(chat("3 G")), "close");
    assert_eq!(lesson(chat("4 j")), "deflate", "RSV1");
    assert_eq!(lesson(chat("4 j j j j")), "lengths");
    assert_eq!(lesson(chat("5 Home")), "layers");
    assert_eq!(lesson(chat("5")), "duplex");
    assert_eq!(lesson(chat("6")), "overhead");
    assert_eq!(lesson(chat("8")), "frame");
    assert_eq!(lesson(Kit::open("connect-tunnel", 120, 36).press("1").rest()), "proxies");
    assert_eq!(lesson(Kit::open("refused", 120, 36).press("1").rest()), "handshake");
    let finding = Kit::open("wrong-accept", 120, 36).press("7").rest();
    finding.shows("wrong-accept");
    assert_eq!(lesson(finding), "accept");
}

#[test]
fn each_rule_has_a_lesson() {
    use crate::tui::screens::learn::about::of_rule;
    let course = Course::read().unwrap();
    let rules =
        [crate::http::rules::ALL, crate::ws::rules::ALL, crate::tcp::rules::ALL, crate::pipeline::rules::ALL];
    for rule in rules.iter().flat_map(|rules| rules.iter()) {
        assert!(course.find(of_rule(rule.code)).is_some(), "{}", rule.code);
    }
    for (code, lesson) in [
        ("unmasked-client-frame", "masking"),
        ("non-minimal-length", "lengths"),
        ("fragmented-control-frame", "fragments"),
        ("invalid-close-code", "close"),
        ("rsv1-on-continuation", "deflate"),
        ("reserved-opcode", "frame"),
        ("tcp-gap", "layers"),
    ] {
        assert_eq!(of_rule(code), lesson, "{code}");
    }
}

#[test]
fn lessons_look_like_this() {
    open("nothing", Lang::En, 120, 36).picture("lessons-120x36");
    open("nothing", Lang::Zh, 80, 24).picture("lessons-zh-80x24");
    let step = |lang, columns, rows| {
        open("masking", lang, columns, rows).press("n n").rest().text("66").press("Enter")
    };
    step(Lang::En, 120, 36).picture("lesson-120x36");
    step(Lang::Zh, 120, 36).picture("lesson-zh-120x36");
    step(Lang::En, 80, 24).picture("lesson-80x24");
    step(Lang::Zh, 80, 24).picture("lesson-zh-80x24");
    open("overhead", Lang::Zh, 120, 36).press("n n").rest().picture("lesson-overhead-zh-120x36");
    open("close", Lang::En, 60, 16).rest().picture("lesson-60x16");
}

#[test]
fn no_size_is_too_small_and_no_key_too_strange() {
    for (columns, rows) in [(60, 12), (61, 13), (79, 15), (111, 17), (112, 18), (200, 60)] {
        let kit = open("duplex", Lang::Zh, columns, rows);
        let keys = "h h h n Tab j 3 / x Esc Esc 1 Esc p Tab 9 Enter Backspace 5 Esc L n n n n n n n";
        kit.press(keys).rest();
    }
}

#[test]
fn bundled_captures_open() {
    for name in crate::learn::sample::names() {
        let sample = Sample::open(name).unwrap();
        assert!(!sample.session.index().connections.is_empty(), "{name}");
    }
    assert!(Sample::open("no such").is_err());
}
