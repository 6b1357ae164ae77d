//! Every lesson file, whole: the two languages say the same, every value is there, every line fits.

use super::expr::{Expr, Value};
use super::parse::{Check, LessonAnswer, ObjectKind, fill};
use super::plain::Samples;
use super::progress::LessonProgress;
use super::scene::{AnswerVerdict, Task};
use super::{COUNTED, Course, Lesson, LessonStep, plain, sample};
use crate::model::{Lang, width};

/// Columns of a line of a lesson.
const COLUMNS: usize = 50;

fn course() -> Course {
    Course::read().unwrap_or_else(|why| panic!("{why}"))
}

/// All lessons with their places.
fn all(course: &Course, lang: Lang) -> impl Iterator<Item = &Lesson> {
    (0..course.len()).map(move |at| course.lesson(at, lang).unwrap())
}

/// Where a step is, for messages.
fn place(lang: Lang, lesson: &Lesson, step: &LessonStep) -> String {
    format!("lessons/{}/{}.txt, step {}", lang.code(), lesson.id, step.name)
}

#[test]
fn there_are_ten_lessons_and_four_extras_in_their_order() {
    let course = course();
    let ids: Vec<&str> = course.ids().collect();
    assert_eq!(
        ids[..COUNTED],
        [
            "layers",
            "handshake",
            "accept",
            "frame",
            "masking",
            "lengths",
            "fragments",
            "duplex",
            "close",
            "overhead"
        ]
    );
    assert_eq!(ids[COUNTED..], ["deflate", "subprotocols", "proxies", "wss"]);
    for lang in Lang::ALL {
        for (lesson, id) in all(&course, lang).zip(&ids) {
            assert_eq!(lesson.id, *id);
        }
    }
}

#[test]
fn lessons_are_found_by_number_name_beginning_and_title() {
    let course = course();
    for (name, at) in
        [("5", 4), ("masking", 4), ("mask", 4), ("MASKING", 4), ("掩码", 4), ("13", 12), ("ov", 9)]
    {
        assert_eq!(course.find(name), Some(at), "{name}");
    }
    for name in ["", "0", "15", "f", "nothing", "-1", "99999999999999999999999"] {
        assert_eq!(course.find(name), None, "{name}");
    }
}

#[test]
fn both_languages_have_the_same_steps_views_and_answers() {
    let course = course();
    for (en, zh) in all(&course, Lang::En).zip(all(&course, Lang::Zh)) {
        assert_eq!(en.objects, zh.objects, "{}", en.id);
        assert_eq!(en.steps.len(), zh.steps.len(), "{}", en.id);
        for (one, other) in en.steps.iter().zip(&zh.steps) {
            let at = place(Lang::Zh, en, one);
            assert_eq!(one.name, other.name, "{at}");
            assert_eq!(one.view, other.view, "{at}");
            assert_eq!(one.highlight, other.highlight, "{at}");
            assert_eq!(one.bits, other.bits, "{at}");
            assert_eq!(one.hints.len(), other.hints.len(), "{at}");
            assert_eq!(one.right.is_empty(), other.right.is_empty(), "{at}");
            let mistakes =
                |step: &LessonStep| step.wrong.iter().map(|(answer, _)| answer.clone()).collect::<Vec<_>>();
            assert_eq!(mistakes(one), mistakes(other), "{at}");
            match (&one.check, &other.check) {
                (Check::Choice(options, right), Check::Choice(others, other)) => {
                    assert_eq!((options.len(), right), (others.len(), other), "{at}");
                }
                (check, other) => assert_eq!(check, other, "{at}"),
            }
            // What is Chinese is Chinese, and what is English is not.
            let is_chinese = |text: &str| text.chars().any(|char| ('\u{4e00}'..='\u{9fff}').contains(&char));
            assert!(one.texts().all(|text| !is_chinese(text)), "{at}");
            assert!(is_chinese(&other.text.concat()) && is_chinese(&other.ask), "{at}");
        }
    }
}

#[test]
fn every_answer_is_computed_and_right_and_no_known_mistake_is() {
    let course = course();
    let mut samples = Samples::default();
    let mut missing = vec![];
    for lang in Lang::ALL {
        for lesson in all(&course, lang) {
            for step in &lesson.steps {
                let at = place(lang, lesson, step);
                let scene = match samples.scene(lesson, step) {
                    Ok(scene) => scene,
                    Err(why) => {
                        missing.push(format!("{at}: {why}"));
                        continue;
                    }
                };
                assert!(scene.hints.len() == 2 || scene.task == Task::Read, "{at}: two hints");
                match &scene.task {
                    Task::Type(..) | Task::Choose(..) => {
                        assert_eq!(
                            scene.judge(&scene.answer()),
                            AnswerVerdict::Right,
                            "{at}: {}",
                            scene.answer()
                        );
                    }
                    Task::Go(..) | Task::Read => assert!(scene.mistakes().is_empty(), "{at}"),
                }
                for (mistake, _) in scene.mistakes() {
                    let typed = match &scene.task {
                        Task::Type(form, _) => super::check::typed(*form, mistake),
                        _ => mistake.written(""),
                    };
                    assert!(matches!(scene.judge(&typed), AnswerVerdict::Wrong(Some(_))), "{at}: {typed}");
                }
                if let Task::Choose(options, right) = &scene.task {
                    let replied: Vec<i64> =
                        scene.mistakes().iter().filter_map(|(value, _)| value.number()).collect();
                    let wrong: Vec<i64> =
                        (0..options.len()).filter(|at| at != right).map(|at| at as i64 + 1).collect();
                    assert_eq!(replied, wrong, "{at}: a reply to each wrong option");
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// What is in the capture is taken from it: only what no capture can say may be written down.
#[test]
fn literal_answers_are_those_that_no_capture_holds() {
    let course = course();
    let mut literal = vec![];
    for lesson in all(&course, Lang::En) {
        for step in &lesson.steps {
            if let Check::Answer(_, answers) = &step.check
                && let LessonAnswer::Literal(text) = &answers[0]
            {
                literal.push(format!("{} {} {text}", lesson.id, step.name));
            }
        }
    }
    assert_eq!(
        literal,
        [
            "layers osi 7",      // a name of a model
            "layers tls 443",    // a default
            "handshake after 1", // by RFC 6455 section 1.3
            "handshake address 80",
            "accept wrong 4", // which step of four
            "frame small 2",  // by section 5.2
            "duplex one 1",
            "duplex state 1",
            "close missing 1006", // never on the wire
        ]
    );
}

#[test]
fn every_line_fits_and_says_what_it_says_within_its_room() {
    let course = course();
    let mut samples = Samples::default();
    for lang in Lang::ALL {
        for lesson in all(&course, lang) {
            assert!(width(&lesson.title) <= 22, "{}: {}", lesson.id, lesson.title);
            for step in &lesson.steps {
                let at = place(lang, lesson, step);
                let scene = samples.scene(lesson, step).unwrap();
                // Lines that stay as they are must fit beside the screen with their values in.
                for line in scene.text.iter().filter(|line| line.starts_with(' ')) {
                    assert!(width(line) <= COLUMNS - 2, "{at}: {line}");
                }
                for line in &step.text {
                    let short = fill::<()>(line, |_, _| Ok("00".to_owned())).unwrap();
                    assert!(width(&short) <= COLUMNS, "{at}: {line}");
                }
                let lines = super::layout::flow(&scene.text, 76);
                assert!(lines.len() <= 12, "{at}: {} lines", lines.len());
                assert!(step.text.iter().all(|line| !line.contains('\t') && line.trim_end() == line), "{at}");
            }
        }
    }
}

#[test]
fn chinese_texts_use_chinese_signs() {
    let course = course();
    for lesson in all(&course, Lang::Zh) {
        for step in &lesson.steps {
            for text in step.texts() {
                let chars: Vec<char> = text.chars().collect();
                for pair in chars.windows(2) {
                    let is_han = ('\u{4e00}'..='\u{9fff}').contains(&pair[0]);
                    assert!(
                        !(is_han && ",;?!()".contains(pair[1])),
                        "{}: {text}",
                        place(Lang::Zh, lesson, step)
                    );
                }
            }
        }
    }
}

#[test]
fn every_capture_is_used_and_every_object_is_there() {
    let course = course();
    let mut samples = Samples::default();
    let mut used = std::collections::BTreeSet::new();
    for lesson in all(&course, Lang::En) {
        for object in &lesson.objects {
            used.insert(object.capture.clone());
            let property = match object.kind {
                ObjectKind::Connection => "number",
                ObjectKind::Message | ObjectKind::Frame => "number",
                ObjectKind::Flow => "packets",
            };
            let expr = Expr::parse(&format!("{}.{property}", object.name)).unwrap();
            let value = samples.value(lesson, &expr);
            assert!(matches!(value, Ok(Value::Number(n)) if n > 0), "{}: {object:?}: {value:?}", lesson.id);
            let named = lesson.steps.iter().any(|step| step.objects().unwrap().contains(&object.name));
            assert!(named, "{}: {} is not used", lesson.id, object.name);
        }
    }
    assert_eq!(used.into_iter().collect::<Vec<_>>(), sample::names().collect::<Vec<_>>());
}

/// A connection whose server only answers teaches nothing about pushing.
#[test]
fn a_pushed_message_is_looked_for_where_the_server_speaks_first() {
    let course = course();
    let lesson = all(&course, Lang::En).into_iter().find(|lesson| lesson.id == "duplex").unwrap();
    let object = lesson.objects.iter().find(|object| object.name == "q").unwrap();
    let mut samples = Samples::default();
    for (name, found) in [("polling-vs-websocket", true), ("chat-deflate", false)] {
        let (sample, cache) = samples.get(name).unwrap();
        let index = sample.session.index();
        let facts = super::facts::CaptureFacts { index: &index, cache, flows: &[] };
        assert_eq!(super::find::like(object, &facts, (1, 0, 0)).is_some(), found, "{name}");
    }
}

/// An object of the bundled capture is of the kind that is looked for in others.
#[test]
fn what_is_looked_for_elsewhere_is_what_the_bundled_capture_has() {
    let course = course();
    let mut samples = Samples::default();
    for lesson in all(&course, Lang::En) {
        for object in lesson.objects.iter().filter(|object| object.wanted.is_some()) {
            let (sample, cache) = samples.get(&object.capture).unwrap();
            let index = sample.session.index();
            let facts = super::facts::CaptureFacts { index: &index, cache, flows: &[] };
            let placed = super::find::placed(object);
            let (connection, number) = object.place;
            let looked = match object.kind {
                ObjectKind::Frame => (connection, 0, number),
                _ => (connection, number, 0),
            };
            assert_eq!(super::find::like(object, &facts, looked), Some(placed), "{}: {object:?}", lesson.id);
        }
    }
}

#[test]
fn lessons_are_printed_whole_in_both_languages() {
    let course = course();
    let mut samples = Samples::default();
    for lang in Lang::ALL {
        for at in 0..course.len() {
            let text = plain::lesson(&course, at, lang, &mut samples, 76).unwrap();
            assert!(text.lines().all(|line| width(line) <= 76), "{text}");
            assert!(!text.contains(['{', '}']), "{text}");
            let lesson = course.lesson(at, lang).unwrap();
            assert_eq!(text.matches("\n-- ").count(), lesson.steps.len() + 1, "{text}");
        }
        let list = plain::list(&course, lang, &LessonProgress::parse("masking key\nmasking why\n"));
        assert!(list.contains("masking        2/6"), "{list}");
    }
}

/// The figures of the comparison, against a count by another hand: the script that made the capture says how often
/// it asked, and its README what came of it.
#[test]
fn polling_is_counted_packet_by_packet() {
    let mut samples = Samples::default();
    let (sample, _) = samples.get("polling-vs-websocket").unwrap();
    let [flow] = &sample.flows[..] else { panic!("one TCP connection without WebSocket") };
    let packets = sample.session.progress().packets;
    let crate::store::Detail::Tcp(tcp) =
        sample.session.load(&crate::store::Request::Tcp { connection: 1 }).unwrap()
    else {
        panic!("TCP was asked for")
    };
    let of = |name: &str| flow.property(name).unwrap();
    assert_eq!(of("packets") + tcp.packet_count, packets, "every packet is of the one or the other");
    assert_eq!(of("news"), 5, "five lines");
    assert_eq!(of("requests"), of("empty") + 5);
    assert!(of("wire") > of("heads") + of("bodies"));
}
