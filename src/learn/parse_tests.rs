//! Lesson files, right and wrong.

use super::*;

const GOOD: &str = "# x\ntitle: X\ngoal: to learn\n  it\nobject: f = rfc-5-7 frame 1/2 | c2s masked\n\
                    == one\nview: frame f\ntext:\n  A {f.key} b.\n\n    kept\nask: what?\nanswer: hex = f.key[1]\n\
                    also: 0xff\nwrong: = f.key[0] | the other one\nhint: no\n// remark\n== two\nview: ladder f\ntext:\n  read\n";

#[test]
fn a_lesson_is_read() {
    let lesson = Lesson::parse(GOOD).unwrap();
    assert_eq!((lesson.id.as_str(), lesson.goal.as_str(), lesson.steps.len()), ("x", "to learn it", 2));
    let step = &lesson.steps[0];
    assert_eq!(step.text, ["A {f.key} b.", "", "  kept"]);
    assert_eq!(step.objects().unwrap(), ["f"]);
    assert!(matches!(&step.check, Check::Answer(AnswerForm::Hex, answers) if answers.len() == 2));
    assert_eq!(lesson.steps[1].check, Check::Read);
    assert_eq!(lesson.objects[0].wanted.as_ref().unwrap(), &["c2s", "masked"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let with = |from: &str, to: &str| Lesson::parse(&GOOD.replace(from, to)).unwrap_err().to_string();
    for (from, to, what) in [
        ("title: X\n", "", "line 19: the lesson lacks a title:"),
        ("view: frame f", "view: fram f", "line 7: there is no screen 'fram'"),
        ("frame 1/2", "frame x/2", "line 5: a place is connection/number"),
        ("answer: hex", "answer: octal", "line 13: there is no form 'octal': number, hex, text"),
        ("hint: no\n", "", "line 6: step one: what is checked needs an ask: and a hint:"),
        ("{f.key}", "{g.key}", "line 20: step one: there is no object 'g'"),
        ("{f.key}", "{f.}", "line 20: {f.}: the name of a property is missing"),
        ("== two", "== one", "line 18: a step needs a name of its own"),
        ("wrong: = f.key[0] |", "wrong: =", "line 15: a mistake is: value | reply"),
        ("ask: what?", "asks what?", "line 12: 'asks what?' is no key: value"),
        ("# x\n", "  x\n", "line 1: nothing to go on with"),
    ] {
        assert_eq!(with(from, to), what, "{from} → {to}");
    }
}

#[test]
fn values_are_put_into_texts() {
    let fill = |text| fill::<()>(text, |expr, form| Ok(format!("<{expr}|{form}>"))).unwrap();
    assert_eq!(fill("a {x} b {y[1]:>2x}"), "a <x|> b <y[1]|>2x>");
    assert_eq!(fill("open { and } {end"), "open < and |> {end");
}

proptest::proptest! {
    #[test]
    fn no_file_is_too_strange(file in "(?s).{0,200}", keys in "[#=a-z: |*{}\n-]{0,200}") {
        let _ = Lesson::parse(&file);
        let _ = Lesson::parse(&keys);
        let _ = Lesson::parse(&GOOD.replace("what?", &keys));
    }
}
