use proptest::prelude::*;

use super::*;
use crate::build::{judge, pcapng, verdict};
use crate::explain::frame::{ExplainOptions, explain};
use crate::model::{Lang, Severity, width};
use crate::ws::Utf8Check;

fn any_draft() -> impl Strategy<Value = Draft> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[a-z 帧é]{0,60}".prop_map(String::into_bytes),
        (0usize..70_000).prop_map(|len| vec![b'x'; len]),
    ];
    let fields = (any::<bool>(), any::<bool>(), 0u8..8, 0u8..16, any::<Option<[u8; 4]>>());
    (fields, 0usize..3, payload, 1usize..6, any::<bool>()).prop_map(
        |((client, fin, rsv, opcode, key), form, payload, fragments, deflate)| Draft {
            direction: if client { Direction::ClientToServer } else { Direction::ServerToClient },
            fin,
            rsv,
            opcode,
            key,
            form: LengthForm::ALL[form],
            payload,
            fragments,
            deflate,
        },
    )
}

/// Errors and warnings, each once.
fn broken(found: &[crate::build::Violation]) -> Vec<&'static str> {
    let mut codes: Vec<_> = found
        .iter()
        .filter(|found| found.rule.severity > Severity::Info)
        .map(|found| found.rule.code)
        .collect();
    // That nothing can be read behind such a length is no second breach, but what follows from it.
    if codes.first() == Some(&rules::LENGTH_MSB_SET.code) {
        codes.retain(|code| *code != rules::DESYNCHRONISED.code);
    }
    codes.dedup();
    codes
}

fn check(experiment: &Experiment, base: &Draft) {
    let draft = experiment.apply(base);
    let found = draft.judge();
    let expected: Vec<&str> = experiment
        .rule
        .filter(|rule| rule.severity > Severity::Info)
        .map(|rule| rule.code)
        .into_iter()
        .collect();
    assert_eq!(broken(&found), expected, "{} on {base:?}: {found:?}", experiment.name);
    if let Some(rule) = experiment.rule {
        assert!(found.iter().any(|found| found.rule.code == rule.code), "{}: {found:?}", experiment.name);
    }
}

#[test]
fn each_experiment_breaks_the_rule_that_it_names_and_no_other() {
    let drafts = [
        Draft::default(),
        Draft { direction: Direction::ServerToClient, key: None, ..Draft::default() },
        Draft { opcode: 8, payload: b"\x03\xe8".to_vec(), ..Draft::default() },
        Draft { opcode: 9, payload: Vec::new(), ..Draft::default() },
        Draft { payload: vec![0xff; 70_000], opcode: 2, ..Draft::default() },
    ];
    for draft in &drafts {
        EXPERIMENTS.iter().for_each(|experiment| check(experiment, draft));
    }
}

#[test]
fn experiments_have_names_of_their_own_and_words_that_fit() {
    for (i, experiment) in EXPERIMENTS.iter().enumerate() {
        assert!(EXPERIMENTS[..i].iter().all(|other| other.name != experiment.name));
        for lang in Lang::ALL {
            assert!(width(experiment.title.of(lang)) <= 30, "{}", experiment.title.of(lang));
            assert!(width(experiment.happens.of(lang)) <= 48, "{}", experiment.happens.of(lang));
        }
        assert_ne!(experiment.happens.en, experiment.happens.zh);
    }
}

#[test]
fn the_example_of_rfc_6455_section_5_7_is_built() {
    assert_eq!(Draft::default().encode(), b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    let fragmented =
        Draft { direction: Direction::ServerToClient, key: None, fragments: 2, ..Draft::default() };
    assert_eq!(fragmented.encode(), b"\x01\x03Hel\x80\x02lo");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_built_is_read_back_the_same(draft in any_draft()) {
        let bytes = draft.encode();
        let options = ExplainOptions { direction: Some(draft.direction), deflate: draft.deflate, lang: Lang::En };
        let explained = explain(&bytes, &options);
        prop_assert!(explained.rest.is_none());
        prop_assert_eq!(explained.frames.len(), draft.fragments);
        let mut carried = Vec::new();
        for (i, frame) in explained.frames.iter().enumerate() {
            let header = frame.header.unwrap();
            prop_assert!(frame.is_complete());
            prop_assert_eq!(header.fin(), draft.fin && i + 1 == draft.fragments);
            prop_assert_eq!(header.rsv(), if i == 0 { draft.rsv } else { 0 });
            prop_assert_eq!(header.opcode().bits(), if i == 0 { draft.opcode } else { 0 });
            prop_assert_eq!(header.masked(), draft.key.is_some());
            if i == 0 {
                prop_assert_eq!(header.masking_key, draft.key.unwrap_or_default());
            }
            prop_assert_eq!(header.length_is_minimal(), draft.form == LengthForm::Auto || header.length_is_minimal());
            carried.extend_from_slice(&frame.payload);
        }
        prop_assert_eq!(&carried, &draft.carried());
        if !draft.is_compressed() {
            prop_assert_eq!(&carried, &draft.payload);
        } else if draft.fin {
            let last = explained.frames.last().unwrap();
            prop_assert_eq!(&last.message.inflated.as_ref().unwrap().bytes, &draft.payload);
        }
    }

    #[test]
    fn a_mended_draft_breaks_no_rule(draft in any_draft()) {
        let mended = draft.mended();
        prop_assert!(verdict(&mended.judge()).is_none(), "{:?}", mended.judge());
        prop_assert_eq!(&mended.mended(), &mended);
        prop_assert_eq!(&mended.payload, &draft.payload);
    }

    #[test]
    fn experiments_do_what_they_say_whatever_they_begin_with(draft in any_draft(), which in 0usize..EXPERIMENTS.len()) {
        // What the payload itself is warned about is no matter of framing.
        let mut check_text = Utf8Check::new();
        check_text.feed(&draft.payload);
        let plain = draft.payload.iter().all(|byte| (0x20..0x7f).contains(byte));
        prop_assume!(plain || check_text.finish().is_err() || draft.payload.iter().all(|byte| *byte >= 0x20));
        prop_assume!(draft.payload.len() < 100_000);
        check(&EXPERIMENTS[which], &draft);
    }

    #[test]
    fn any_draft_can_be_judged_and_saved(draft in any_draft()) {
        let _ = judge(&draft.encode(), draft.direction, draft.deflate);
        let file = pcapng(&draft).unwrap();
        prop_assert_eq!(&file, &pcapng(&draft).unwrap());
    }
}
