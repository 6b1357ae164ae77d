use std::path::{Path, PathBuf};

use super::*;
use crate::capture::Input;
use crate::model::Lang;
use crate::store::detail::{Detail, Request};
use crate::store::{Options, Session};

/// A chapter without its words: its title, and of each sentence the grade, whether it has a place, what was captured.
type Shape = (usize, Vec<(Grade, bool, Vec<Vec<u8>>)>);

fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        let files = ["capture.pcapng", "capture.pcap", "capture.pcapng.gz"].map(|name| folder.join(name));
        found.extend(files.into_iter().find(|path| path.is_file()));
    }
    found.sort();
    assert!(found.len() > 10);
    found
}

fn session(path: &Path) -> Session {
    let mut session = Session::open(&[Input::from(path.to_owned())], Options::default()).unwrap();
    session.wait();
    session
}

fn told(session: &Session, number: u32, lang: Lang) -> Story {
    let tcp = match session.load(&Request::Tcp { connection: number }) {
        Ok(Detail::Tcp(tcp)) => Some(tcp),
        _ => None,
    };
    tell(&session.index(), number, tcp.as_deref(), lang).unwrap()
}

fn of(name: &str, number: u32, lang: Lang) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name);
    let path = ["capture.pcapng", "capture.pcap"]
        .map(|file| folder.join(file))
        .into_iter()
        .find(|path| path.is_file());
    let session = session(&path.unwrap());
    write(&told(&session, number, lang), StoryForm::Text(10_000), lang)
}

#[test]
fn both_languages_tell_the_same_of_every_connection_of_every_capture() {
    for path in captures() {
        let session = session(&path);
        let count = session.index().connections.len() as u32;
        for number in (1..=count).take(40) {
            let [en, zh] = Lang::ALL.map(|lang| told(&session, number, lang));
            let shape = |story: &Story| -> Vec<Shape> {
                let sentence = |sentence: &Sentence| {
                    let captured = sentence.pieces.iter().filter_map(|piece| match piece {
                        SentencePart::Captured(bytes) => Some(bytes.clone()),
                        SentencePart::Own(_) => None,
                    });
                    (sentence.grade, sentence.at.is_empty(), captured.collect())
                };
                let chapter = |chapter: &Chapter| {
                    (chapter.title.en.len(), chapter.sentences.iter().map(sentence).collect())
                };
                story.chapters.iter().map(chapter).collect()
            };
            assert_eq!(shape(&en), shape(&zh), "{} {number}", path.display());
            // The same figures: all digits of our own words.
            let digits = |story: &Story| {
                let own = |piece: &SentencePart| match piece {
                    SentencePart::Own(text) => text.chars().filter(char::is_ascii_digit).collect::<String>(),
                    SentencePart::Captured(_) => String::new(),
                };
                let mut all: Vec<Vec<char>> = Vec::new();
                for sentence in story.chapters.iter().flat_map(|chapter| &chapter.sentences) {
                    let mut digits: Vec<char> =
                        sentence.pieces.iter().flat_map(|p| own(p).chars().collect::<Vec<_>>()).collect();
                    digits.sort_unstable();
                    all.push(digits);
                }
                all
            };
            let (a, b) = (digits(&en), digits(&zh));
            for (i, (a, b)) in a.iter().zip(&b).enumerate() {
                // `1/4.2` is how Chinese says 4.2 times smaller.
                assert!(
                    a == b || b.len() == a.len() + 1,
                    "{} {number} sentence {i}: {a:?} {b:?}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn the_example_of_the_rfc_is_told_with_its_figures() {
    let text = of("rfc-5-7", 1, Lang::En);
    for part in [
        "TCP opened with SYN, SYN-ACK, ACK",
        "matches the value computed from",
        "No extension was negotiated",
        "The first data message is a TEXT message of 5 bytes from the server",
        "\"Hello\"",
        "[inferred]",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let zh = of("rfc-5-7", 1, Lang::Zh);
    assert!(zh.contains("握手") && zh.contains("[推断]"), "{zh}");
}

#[test]
fn what_is_not_there_is_unknown_and_what_was_refused_has_no_messages() {
    let refused = of("refused", 1, Lang::En);
    assert!(refused.contains("no WebSocket was opened") && !refused.contains("Messages\n"), "{refused}");
    let gap = of("gap-plain", 1, Lang::En);
    assert!(gap.contains("missing from the capture, in ") && gap.contains("[unknown]"), "{gap}");
    let wrong = of("wrong-accept", 1, Lang::En);
    assert!(wrong.contains("Sec-WebSocket-Accept is wrong"), "{wrong}");
}

#[test]
fn captured_text_is_no_markup_and_no_command() {
    let hostile = b"<script>[x](http://y) `z` # h\n- \x1b[31m **b** | \xe2\x80\xae";
    let sentence = Sentence {
        pieces: vec![SentencePart::Captured(hostile.to_vec())],
        grade: Grade::Observed,
        at: String::new(),
    };
    let chapter = Chapter { title: crate::explain::words::both("t", "题"), sentences: vec![sentence] };
    let story = Story { number: 1, chapters: vec![chapter] };
    let text = write(&story, StoryForm::Markdown, Lang::En);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
    let line = text.lines().find(|line| line.contains("script")).unwrap();
    for (i, sign) in line.char_indices().skip(2).filter(|(_, sign)| "<[`#*|".contains(*sign)) {
        assert!(line[..i].ends_with('\\'), "{sign} in {line}");
    }
    assert!(!write(&story, StoryForm::Text(80), Lang::Zh).contains('\u{1b}'));
}
