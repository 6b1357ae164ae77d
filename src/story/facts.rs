//! What sentences are made of: a page that they are added to, and figures in words.

use super::{Chapter, Grade, Sentence, SentencePart};
use crate::model::Bilingual;
use crate::model::{Direction, Lang, Nanos, Place};
use crate::present::units;

/// Builds a chapter sentence by sentence.
pub(super) struct ChapterWriter {
    pub lang: Lang,
    title: Bilingual,
    sentences: Vec<Sentence>,
}

impl ChapterWriter {
    pub fn new(title: Bilingual, lang: Lang) -> Self {
        Self { lang, title, sentences: Vec::new() }
    }

    /// Adds a sentence; each `{}` in it is replaced by the next captured bytes.
    pub fn say(&mut self, grade: Grade, at: String, text: &str, captured: &[&[u8]]) {
        let mut pieces = Vec::new();
        let mut captured = captured.iter();
        for (i, part) in text.split("{}").enumerate() {
            if i > 0
                && let Some(bytes) = captured.next()
            {
                pieces.push(SentencePart::Captured(bytes.to_vec()));
            }
            if !part.is_empty() {
                pieces.push(SentencePart::Own(part.to_owned()));
            }
        }
        self.sentences.push(Sentence { pieces, grade, at });
    }

    /// Adds an observed sentence.
    pub fn see(&mut self, at: String, en: String, zh: String) {
        let text = self.lang.pick(en, zh);
        self.say(Grade::Observed, at, &text, &[]);
    }

    /// Adds an observed sentence that quotes captured bytes.
    pub fn quote(&mut self, at: String, en: &str, zh: &str, captured: &[&[u8]]) {
        self.say(Grade::Observed, at, self.lang.pick(en, zh), captured);
    }

    /// Adds an inferred sentence.
    pub fn infer(&mut self, en: String, zh: String) {
        let text = self.lang.pick(en, zh);
        self.say(Grade::Inferred, String::new(), &text, &[]);
    }

    /// Adds a sentence about something unknown.
    pub fn miss(&mut self, en: String, zh: String) {
        let text = self.lang.pick(en, zh);
        self.say(Grade::Unknown, String::new(), &text, &[]);
    }

    pub fn end(self) -> Option<Chapter> {
        (!self.sentences.is_empty()).then_some(Chapter { title: self.title, sentences: self.sentences })
    }

    /// `packet 4`
    pub fn packet(&self, place: Place) -> String {
        self.packets(place, place)
    }

    /// `packets 4 to 6`
    pub fn packets(&self, first: Place, last: Place) -> String {
        match (self.lang, first.packet == last.packet) {
            (_, true) if last.packet == 0 => String::new(),
            (Lang::En, true) => format!("packet {}", last.packet),
            (Lang::En, false) => format!("packets {} to {}", first.packet, last.packet),
            (Lang::Zh, true) => format!("数据包 {}", last.packet),
            (Lang::Zh, false) => format!("数据包 {} 到 {}", first.packet, last.packet),
        }
    }

    /// `the client`
    pub fn who(&self, direction: Direction) -> &'static str {
        match direction {
            Direction::ClientToServer => self.lang.pick("the client", "客户端"),
            Direction::ServerToClient => self.lang.pick("the server", "服务器"),
        }
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// `1 frame`, `1 000 frames`
pub(super) fn counted(count: u64, name: &str) -> String {
    written(|out| units::counted(out, count, name))
}

/// `1 234`
pub(super) fn grouped(value: u64) -> String {
    written(|out| units::grouped(out, value))
}

/// `4.67 ms`
pub(super) fn took(duration: Nanos) -> String {
    let sign = if duration < Nanos::ZERO { "-" } else { "" };
    format!("{sign}{}", written(|out| units::duration(out, duration.0.unsigned_abs(), false)))
}

/// `33.3 %`
pub(super) fn percent(part: u64, whole: u64) -> String {
    written(|out| units::percent(out, part, whole))
}

/// `12.6`
pub(super) fn ratio(of: u64, to: u64) -> String {
    written(|out| units::ratio(out, of, to))
}

/// Capitalizes the first letter of a sentence.
pub(super) fn begin(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}
