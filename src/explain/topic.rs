//! Explanations by name: of findings, close codes, headers, opcodes, fields and the rules of experiments. A name can have
//! several meanings, and hex bytes can look like a name; the result contains all of them.

use super::frame::FrameField;
use super::words::codes::{CodeWords, code_words};
use super::words::fields::field_words;
use super::words::headers::{self, ANSWER, LONG, PARAMETERS, REFUSAL, REQUEST};
use super::words::keylog;
use super::words::opcodes::{CONTROL, KINDS, line, opcode_words};
use crate::model::{Bilingual, Example, ExampleKind, Lang, Rule, both};
use crate::ws::{Opcode, close_code, is_sendable};

/// The headings of a finding's parts: causes, remedy, peer, example.
pub const HEADINGS: [Bilingual; 4] = [
    both("usual causes", "常见原因"),
    both("what to do", "怎么办"),
    both("how a peer reacts", "对端的反应"),
    both("example", "示例字节"),
];

/// A subject that can be explained.
#[derive(Clone, Copy, Debug)]
pub enum Topic {
    /// A finding.
    Rule(&'static Rule),
    /// A close code.
    Code(u16),
    /// A header, by name.
    Header(&'static str),
    /// A parameter of permessage-deflate.
    Parameter(&'static str),
    /// An opcode.
    Opcode(Opcode),
    /// A field of a frame.
    Field(FrameField),
    /// How to get the secrets of TLS connections.
    KeyLog,
}

/// A paragraph of an explanation: a heading, which may be empty, and a text.
pub type Part = (&'static str, String);

/// The explanation of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The kind of topic: `finding`, `close code`, `header`, `parameter`, `opcode`, `field`, `how-to`.
    pub kind: &'static str,
    /// The name of the topic.
    pub name: String,
    /// The severity of a finding.
    pub severity: Option<&'static str>,
    /// The section of the standard; may be empty.
    pub reference: &'static str,
    /// The paragraphs.
    pub parts: Vec<Part>,
    /// Example bytes.
    pub example: Option<Example>,
}

/// Returns the opcode with this name.
#[must_use]
pub fn opcode_named(name: &str) -> Option<Opcode> {
    Some(match name.to_ascii_lowercase().as_str() {
        "continuation" | "cont" => Opcode::Continuation,
        "text" => Opcode::Text,
        "binary" | "bin" => Opcode::Binary,
        "close" => Opcode::Close,
        "ping" => Opcode::Ping,
        "pong" => Opcode::Pong,
        _ => return None,
    })
}

fn field_named(name: &str) -> Option<FrameField> {
    let bare: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    Some(match bare.as_str() {
        "fin" => FrameField::Fin,
        "rsv" | "rsv1" | "rsv2" | "rsv3" | "rsv13" => FrameField::Rsv,
        "opcode" | "opcodes" => FrameField::Opcode,
        "mask" | "masking" => FrameField::Mask,
        "payloadlength" | "payloadlen" | "length" => FrameField::PayloadLength,
        "extendedlength" | "extendedpayloadlength" => FrameField::ExtendedLength,
        "maskingkey" | "maskkey" | "key" => FrameField::MaskingKey,
        "payload" => FrameField::Payload,
        "closecode" | "statuscode" => FrameField::CloseCode,
        "closereason" | "reason" => FrameField::CloseReason,
        _ => return None,
    })
}

/// Everything that a word names; `rules` are those that there are.
#[must_use]
pub fn topics(word: &str, rules: impl Iterator<Item = &'static Rule>) -> Vec<Topic> {
    let word = word.trim().trim_end_matches(':');
    let mut found: Vec<Topic> =
        rules.filter(|rule| rule.code.eq_ignore_ascii_case(word)).map(Topic::Rule).collect();
    // A code has four digits, and so it is two bytes in hex; as bytes it is written with 0x or a space. From 5000 on
    // there are no codes, and there frames begin.
    let code = word.parse().ok().filter(|code| word.len() == 4 && (1000..5000).contains(code));
    found.extend(code.map(Topic::Code));
    let header = headers::ALL.iter().find(|row| row.name.eq_ignore_ascii_case(word));
    found.extend(header.map(|row| Topic::Header(row.name)));
    let parameter = PARAMETERS.iter().find(|row| row.0.eq_ignore_ascii_case(word));
    found.extend(parameter.map(|row| Topic::Parameter(row.0)));
    found.extend(opcode_named(word).map(Topic::Opcode));
    found.extend(field_named(word).map(Topic::Field));
    let of_keys = ["keylog", "key-log", "sslkeylogfile", "wss"];
    found.extend(of_keys.iter().any(|name| word.eq_ignore_ascii_case(name)).then_some(Topic::KeyLog));
    found
}

/// Every name that [`topics`] knows, for those who mistype one.
pub fn names(rules: impl Iterator<Item = &'static Rule>) -> impl Iterator<Item = &'static str> {
    let opcodes = ["continuation", "text", "binary", "close", "ping", "pong"];
    let fields = ["fin", "rsv1", "opcode", "mask", "masking-key", "payload-length", "payload", "close-code"];
    rules
        .map(|rule| rule.code)
        .chain(headers::ALL.iter().map(|row| row.name))
        .chain(PARAMETERS.iter().map(|row| row.0))
        .chain(opcodes)
        .chain(fields)
        .chain(["keylog"])
}

impl Topic {
    /// What is said of it.
    #[must_use]
    pub fn tell(self, lang: Lang) -> Explanation {
        match self {
            Self::Rule(rule) => tell_rule(rule, lang),
            Self::Code(code) => tell_code(code, lang),
            Self::Header(name) => tell_header(name, lang),
            Self::Parameter(name) => {
                let row = PARAMETERS.iter().find(|row| row.0 == name);
                let (text, reference) = row.map_or(("", ""), |row| (row.1.of(lang), row.2));
                let parts = vec![("permessage-deflate", text.to_owned())];
                Explanation { parts, ..told("parameter", name.to_owned(), reference) }
            }
            Self::Opcode(opcode) => {
                let mut parts = vec![("", line(opcode).of(lang).to_owned())];
                parts.push(("", opcode_words(opcode).of(lang).to_owned()));
                if opcode.is_control() {
                    parts.push(("", CONTROL.of(lang).to_owned()));
                }
                let name = format!("{} 0x{:x}", opcode.title(), opcode.bits());
                Explanation { parts, ..told("opcode", name, "RFC 6455 §5.2, §11.8") }
            }
            Self::KeyLog => {
                let programs = keylog::PROGRAMS.iter().map(|(name, text)| (*name, text.of(lang).to_owned()));
                let rest = [keylog::OTHERWISE, keylog::CARE].map(|text| ("", text.of(lang).to_owned()));
                let parts = [("", keylog::WHAT.of(lang).to_owned())];
                let parts = parts.into_iter().chain(programs).chain(rest).collect();
                Explanation { parts, ..told("how-to", "keylog".to_owned(), "RFC 9850") }
            }
            Self::Field(field) => {
                let (reference, text) = field_words(field);
                let mut parts = vec![("", text.of(lang).to_owned())];
                if field == FrameField::Opcode {
                    let kinds = KINDS.into_iter().filter(|kind| !matches!(kind, Opcode::Reserved(_)));
                    parts.extend(
                        kinds.map(|kind| ("", format!("0x{:x}  {}", kind.bits(), line(kind).of(lang)))),
                    );
                }
                Explanation { parts, ..told("field", field.name().to_owned(), reference) }
            }
        }
    }
}

fn told(kind: &'static str, name: String, reference: &'static str) -> Explanation {
    Explanation { kind, name, severity: None, reference, parts: Vec::new(), example: None }
}

fn tell_rule(rule: &'static Rule, lang: Lang) -> Explanation {
    let mut told = told("finding", rule.code.to_owned(), rule.reference);
    told.severity = Some(rule.severity.name());
    let [causes, remedy, peer, _] = HEADINGS.map(|heading| heading.of(lang));
    told.parts = [("", rule.summary), (causes, rule.causes), (remedy, rule.remedy), (peer, rule.peer)]
        .map(|(heading, text)| (heading, text.of(lang).to_owned()))
        .to_vec();
    told.example = rule.example;
    told
}

fn tell_code(code: u16, lang: Lang) -> Explanation {
    let known = close_code(code);
    let mut told = told("close code", format!("{code} {}", known.name), known.reference);
    let Some(CodeWords { meaning, seen, remedy, .. }) = code_words(code) else { return told };
    let sent = match is_sendable(code) {
        true => lang.pick("may be sent in a Close frame", "可以在 Close 帧里发送"),
        false => lang.pick("must not be sent in a Close frame", "不得在 Close 帧里发送"),
    };
    told.parts = vec![
        ("", meaning.of(lang).to_owned()),
        (lang.pick("on the wire", "线路上"), sent.to_owned()),
        (lang.pick("who and when", "谁、何时"), seen.of(lang).to_owned()),
        (HEADINGS[1].of(lang), remedy.of(lang).to_owned()),
    ];
    told
}

fn tell_header(name: &'static str, lang: Lang) -> Explanation {
    let rows = || headers::ALL.iter().filter(|row| row.name == name);
    let reference = rows().next().map_or("", |row| row.reference);
    let mut told = told("header", name.to_owned(), reference);
    if let Some((_, long)) = LONG.iter().find(|row| row.0 == name) {
        told.parts.push(("", long.of(lang).to_owned()));
    }
    for row in rows() {
        let places = [
            (REQUEST, lang.pick("in the request", "在请求中")),
            (ANSWER, lang.pick("in the 101", "在 101 中")),
            (REFUSAL, lang.pick("in a refusal", "在拒绝响应中")),
        ];
        let all = row.heads == REQUEST | ANSWER | REFUSAL;
        let place = places.into_iter().find(|(bit, _)| row.heads & bit != 0).map_or("", |(_, place)| place);
        told.parts.push((if all { "" } else { place }, row.words.of(lang).to_owned()));
    }
    told
}

impl Example {
    /// Who sends the bytes, and what was agreed on.
    #[must_use]
    pub fn note(self, lang: Lang) -> &'static str {
        match self.kind {
            ExampleKind::Client => lang.pick("sent by a client", "由客户端发送"),
            ExampleKind::Server => lang.pick("sent by a server", "由服务器发送"),
            ExampleKind::ServerDeflate => lang.pick(
                "sent by a server, permessage-deflate agreed on",
                "由服务器发送，已协商 permessage-deflate",
            ),
        }
    }

    /// What `wslens explain` wants beside the bytes.
    #[must_use]
    pub fn flags(self) -> &'static str {
        match self.kind {
            ExampleKind::Client => "--dir c2s",
            ExampleKind::Server => "--dir s2c",
            ExampleKind::ServerDeflate => "--dir s2c --deflate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::words::fields::FIELDS;

    fn rules_there_are() -> impl Iterator<Item = &'static Rule> {
        crate::pipeline::RULES.iter().copied().flatten().copied()
    }

    #[test]
    fn every_name_names_something_and_is_told_in_both_languages() {
        for name in names(rules_there_are()) {
            let found = topics(name, rules_there_are());
            assert!(!found.is_empty(), "{name}");
            for topic in found {
                let [en, zh] = Lang::ALL.map(|lang| topic.tell(lang));
                assert_eq!(
                    (&en.name, en.reference, en.parts.len()),
                    (&zh.name, zh.reference, zh.parts.len())
                );
                assert!(!en.parts.is_empty());
                for (en, zh) in en.parts.iter().zip(&zh.parts) {
                    assert!(!en.1.is_empty() && en.1 != zh.1, "{name}: {}", en.1);
                }
            }
        }
        for field in FIELDS {
            assert!(
                matches!(topics(field.name(), rules_there_are())[..], [.., Topic::Field(same)] if same == field)
            );
        }
    }

    #[test]
    fn a_word_may_name_several_things_and_hex_none() {
        assert!(matches!(topics("1006", rules_there_are())[..], [Topic::Code(1006)]));
        assert!(matches!(
            topics("sec-websocket-key:", rules_there_are())[..],
            [Topic::Header("Sec-WebSocket-Key")]
        ));
        for hex in ["8105", "81", "0x81", "12345", "0001"] {
            assert!(topics(hex, rules_there_are()).is_empty(), "{hex}");
        }
    }
}
