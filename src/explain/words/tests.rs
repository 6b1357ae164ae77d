use super::*;
use crate::explain::frame::{ExplainOptions, explain};
use crate::model::Lang;
use crate::model::{Direction, Rule, width};
use crate::ws::close_code;

fn is_chinese(text: &str) -> bool {
    text.chars().any(|sign| ('\u{4e00}'..='\u{9fff}').contains(&sign))
}

/// Both texts are there, differ, and each is in its language.
fn check(what: &str, words: Bilingual) {
    assert!(!words.en.trim().is_empty() && !words.zh.trim().is_empty(), "{what}: {words:?}");
    assert!(is_chinese(words.zh), "{what}: no Chinese in {}", words.zh);
    assert!(words.en.chars().all(|sign| !is_chinese(sign.encode_utf8(&mut [0; 4]))), "{what}: {}", words.en);
    // Marks of one language do not slip into the other.
    for mark in ["，", "。", "；", "：", "（"] {
        assert!(!words.en.contains(mark), "{what}: {mark} in {}", words.en);
    }
}

/// A sentence ends as sentences of its language do.
fn check_sentence(what: &str, words: Bilingual) {
    check(what, words);
    assert!(words.en.ends_with(['.', '?']) && words.zh.ends_with(['。', '？']), "{what}: {words:?}");
}

/// Every rule that there is.
fn rules_there_are() -> impl Iterator<Item = &'static Rule> {
    let rooms = crate::pipeline::RULES.iter().copied().chain([crate::capture::rules::ALL]);
    rooms.flatten().copied()
}

#[test]
fn every_rule_has_a_code_of_its_own_and_complete_sentences_in_both_languages() {
    let mut codes = Vec::new();
    for rule in rules_there_are() {
        codes.push(rule.code);
        for part in [rule.summary, rule.causes, rule.remedy, rule.peer] {
            check_sentence(rule.code, part);
        }
    }
    codes.sort_unstable();
    for pair in codes.windows(2) {
        assert_ne!(pair[0], pair[1], "twice");
    }
}

#[test]
fn example_bytes_break_the_rule_that_they_stand_for() {
    use crate::model::ExampleKind::{Client, Server, ServerDeflate};
    let mut seen = 0;
    for rule in rules_there_are() {
        let Some(example) = rule.example else { continue };
        seen += 1;
        let bytes = hex::decode(example.hex.replace(' ', "")).unwrap();
        let direction = match example.kind {
            Client => Direction::ClientToServer,
            Server | ServerDeflate => Direction::ServerToClient,
        };
        let found = crate::build::judge(&bytes, direction, example.kind == ServerDeflate);
        assert!(found.iter().any(|finding| finding.rule.code == rule.code), "{}: {found:?}", rule.code);
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn every_close_code_has_its_words_in_both_languages() {
    for code in 0..=u16::MAX {
        let words = codes::code_words(code).unwrap();
        assert_eq!(words.meaning.en, close_code(code).meaning, "{code}: change the Chinese too");
    }
    for row in codes::ALL {
        let what = format!("{:?}", row.range);
        check(&what, row.meaning);
        check_sentence(&what, row.seen);
        check_sentence(&what, row.remedy);
    }
}

#[test]
fn every_opcode_and_field_has_its_words_in_both_languages() {
    for bits in 0..16 {
        let opcode = crate::ws::Opcode::from_bits(bits);
        check("line", opcodes::line(opcode));
        check_sentence("opcode", opcodes::opcode_words(opcode));
    }
    check_sentence("control", opcodes::CONTROL);
    for field in fields::FIELDS {
        let (reference, words) = fields::field_words(field);
        assert!(reference.starts_with("RFC "));
        check_sentence(field.name(), words);
    }
}

#[test]
fn every_header_has_its_words_in_both_languages_and_they_fit() {
    for rows in [headers::ALL, headers::HTTP2] {
        headers_have_their_words(rows);
    }
    for (name, words) in headers::LONG {
        check_sentence(name, *words);
        assert!(headers::ALL.iter().any(|row| row.name == *name), "{name}");
    }
    for (name, words, reference) in headers::PARAMETERS {
        check(name, *words);
        assert!(reference.starts_with("RFC 7692"));
    }
    for (words, _) in headers::START_LINES {
        check("start line", words);
    }
    for words in [headers::OTHER, headers::OFFERS_DEFLATE, headers::NO_HEADER, headers::UNKNOWN_FIELD] {
        check("header", words);
    }
}

#[test]
fn every_likely_mistake_has_its_chinese() {
    let key = b"dGhlIHNhbXBsZSBub25jZQ==";
    for words in mistakes::ALL {
        check("mistake", *words);
    }
    // Those that can be made here are found in the table.
    for accept in ["dGhlIHNhbXBsZSBub25jZQ==", "S3PPLMBITXAQ9KYGZZHZRBK+XOO="] {
        let text = crate::http::likely_mistake(key, accept.as_bytes()).unwrap();
        assert!(is_chinese(mistakes::mistake(text, Lang::Zh)), "{text}");
    }
    let source = include_str!("../../http/accept.rs");
    for words in mistakes::ALL {
        assert!(source.contains(words.en), "no longer said: {}", words.en);
    }
    // The rows of the table, and the one that is found by comparing letters.
    let table = source.split_once("const MISTAKES").unwrap().1.split_once("];").unwrap().0;
    assert_eq!(table.matches("\"),").count() + 1, mistakes::ALL.len(), "a mistake lacks its Chinese");
}

#[test]
fn a_frame_is_told_in_either_language_and_only_in_that() {
    let frames: [&[u8]; 8] = [
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        b"\x81\x05Hello",
        b"\x09\x81\x00\x00\x00\x00x",
        b"\xf3\x7e\x00\x01x",
        b"\x88\x05\x03\xe8bye",
        b"\x88\x03\x03\xee\xff",
        b"\x81\x7f\x80",
        b"\x89\xfe\x00\x80\x01\x02",
    ];
    for bytes in frames {
        for direction in [None, Some(Direction::ClientToServer), Some(Direction::ServerToClient)] {
            let told =
                Lang::ALL.map(|lang| explain(bytes, &ExplainOptions { direction, deflate: false, lang }));
            for (en, zh) in told[0].frames.iter().zip(&told[1].frames) {
                for (en, zh) in en.rows.iter().zip(&zh.rows) {
                    assert_eq!((en.field, &en.value, en.reference), (zh.field, &zh.value, zh.reference));
                    assert!(!is_chinese(&en.meaning));
                    assert!(zh.meaning.is_empty() || is_chinese(&zh.meaning), "{}", zh.meaning);
                }
                assert_eq!(en.problems.len(), zh.problems.len());
                for (en, zh) in en.problems.iter().zip(&zh.problems) {
                    assert!(!is_chinese(&en.text) && is_chinese(&zh.text), "{} {}", en.text, zh.text);
                }
            }
        }
    }
}

fn headers_have_their_words(rows: &[headers::HeaderWords]) {
    for (i, row) in rows.iter().enumerate() {
        check(row.name, row.words);
        for text in [row.words.en, row.words.zh] {
            assert!(width(text) <= headers::COLUMNS, "{}: {text}", row.name);
        }
        assert!(row.reference.is_empty() || row.reference.starts_with("RFC "), "{}", row.name);
        let same = |other: &&headers::HeaderWords| {
            other.name.eq_ignore_ascii_case(row.name) && other.heads & row.heads != 0
        };
        // A row for every head may follow one for some: the first counts.
        assert!(rows[..i].iter().filter(same).all(|_| row.heads == 7), "{} twice", row.name);
    }
}
