//! Explained frames as one JSON object.

use std::io::{self, Write};

use super::frame::{Explained, ExplainedFrame, Row};
use super::message::Utf8;
use super::topic::Told;
use crate::report::json::{json_key, json_string};
use crate::ws::{Inflation, Opcode};

/// Prints what was explained as one line of JSON. Keys that a `frame` record has too mean the same here.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut dyn Write, explained: &Explained) -> io::Result<()> {
    let mut json = Object::new();
    json.number("v", 1).string("kind", "explain").number("bytes", explained.len as u64);
    json.flag("legal", explained.is_legal());
    json.list("frames", &explained.frames, frame);
    match &explained.rest {
        Some(rest) => json.object("rest", |inner| {
            inner.number("offset", rest.range.start as u64).number("len", rest.range.len() as u64);
            inner.string("why", rest.why);
        }),
        None => json.null("rest"),
    };
    let mut bytes = json.end();
    bytes.push(b'\n');
    out.write_all(&bytes)
}

fn frame(json: &mut Object, frame: &ExplainedFrame) {
    json.number("frame", frame.number as u64).number("offset", frame.range.start as u64);
    json.number("header_len", frame.header_range().len() as u64).flag("complete", frame.is_complete());
    json.number("missing_header", frame.missing.0 as u64).number("missing_payload", frame.missing.1);
    if let Some(header) = frame.header {
        let op = header.opcode();
        json.flag("fin", header.fin()).number("rsv", header.rsv().into()).number("opcode", op.bits().into());
        json.string("op", op.name()).flag("masked", header.masked());
        match header.masked() {
            true => json.string("masking_key", &hex::encode(header.masking_key)),
            false => json.null("masking_key"),
        };
        json.number("len", header.payload_len).string("payload", &hex::encode(&frame.payload));
        content(json, frame, op);
    }
    json.flag("legal", frame.is_legal());
    json.list("problems", &frame.problems, |json, problem| {
        json.string("code", problem.rule.code).string("severity", problem.rule.severity.name());
        json.string("field", problem.field.name()).string("text", &problem.text);
        json.string("ref", problem.rule.reference);
    });
    json.list("fields", &frame.rows, row);
}

/// What the payload says.
fn content(json: &mut Object, frame: &ExplainedFrame, op: Opcode) {
    let inflated = frame.message.inflated.as_ref();
    let text = match (frame.message.opcode, inflated) {
        (Some(Opcode::Text), Some(inflated)) => std::str::from_utf8(&inflated.bytes).ok(),
        (Some(Opcode::Text), None) if !frame.message.compressed => std::str::from_utf8(&frame.payload).ok(),
        _ => None,
    };
    if let Some(text) = text {
        json.string("text", text);
    }
    if let Utf8::Bad(at) = frame.message.utf8 {
        json.number("invalid_utf8_at", at);
    }
    if let Some(inflated) = inflated {
        if text.is_none() {
            json.string("hex", &hex::encode(&inflated.bytes));
        }
        let integrity = match inflated.outcome {
            Inflation::Whole => "ok",
            Inflation::Cut => "cut",
            Inflation::UnknownDictionary => "unknown-dictionary",
            Inflation::Damaged => "damaged",
        };
        json.number("inflated_len", inflated.bytes.len() as u64).string("integrity", integrity);
    }
    if let Some(close) = frame.close().filter(|_| op == Opcode::Close) {
        match close.code {
            Some(code) => json.number("close_code", code.into()),
            None => json.null("close_code"),
        };
        if let Ok(reason) = std::str::from_utf8(close.reason) {
            json.string("close_reason", reason);
        }
    }
}

fn row(json: &mut Object, row: &Row) {
    json.string("field", row.field.name()).number("offset", row.range.start as u64);
    json.number("len", row.range.len() as u64);
    if let Some((first, count)) = row.bits {
        json.number("first_bit", first.into()).number("bits", count.into());
    }
    json.string("value", &row.value).string("meaning", &row.meaning).string("ref", row.reference);
}

/// Writes what is said of things that have a name: `{"topics":[…]}`.
///
/// # Errors
/// Those of `out`.
pub fn write_topics(out: &mut dyn Write, topics: &[Told]) -> io::Result<()> {
    let mut json = Object::new();
    json.list("topics", topics, |json, told| {
        json.string("kind", told.kind).string("name", &told.name);
        if let Some(severity) = told.severity {
            json.string("severity", severity);
        }
        json.string("ref", told.reference);
        json.list("text", &told.parts, |json, (heading, text)| {
            json.string("heading", heading).string("text", text);
        });
        if let Some(example) = told.example {
            json.string("example", example.hex);
        }
    });
    let mut bytes = json.end();
    bytes.push(b'\n');
    out.write_all(&bytes)
}

/// A JSON object being written.
struct Object {
    out: Vec<u8>,
}

impl Object {
    fn new() -> Self {
        Self { out: vec![b'{'] }
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !matches!(self.out.last(), Some(b'{')) {
            self.out.push(b',');
        }
        json_key(&mut self.out, key);
        &mut self.out
    }

    fn number(&mut self, key: &str, value: u64) -> &mut Self {
        self.key(key).extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self
    }

    fn string(&mut self, key: &str, value: &str) -> &mut Self {
        json_string(self.key(key), value);
        self
    }

    fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
        self
    }

    fn null(&mut self, key: &str) -> &mut Self {
        self.key(key).extend_from_slice(b"null");
        self
    }

    fn object(&mut self, key: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.key(key).push(b'{');
        fill(self);
        self.out.push(b'}');
        self
    }

    fn list<T>(&mut self, key: &str, items: &[T], fill: impl Fn(&mut Self, &T)) -> &mut Self {
        self.key(key).push(b'[');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push(b',');
            }
            self.out.push(b'{');
            fill(self, item);
            self.out.push(b'}');
        }
        self.out.push(b']');
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::frame::{Options, explain};

    fn json(bytes: &[u8], deflate: bool) -> serde_json::Value {
        let mut out = Vec::new();
        write_json(
            &mut out,
            &explain(bytes, &Options { direction: None, deflate, lang: crate::model::Lang::En }),
        )
        .unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn the_masked_hello_as_json() {
        let hello = json(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", false);
        let frame = &hello["frames"][0];
        assert_eq!(
            (&hello["bytes"], &hello["legal"], &hello["rest"]),
            (&11.into(), &true.into(), &().into())
        );
        assert_eq!((&frame["op"], &frame["masking_key"]), (&"text".into(), &"37fa213d".into()));
        assert_eq!((&frame["payload"], &frame["text"]), (&"48656c6c6f".into(), &"Hello".into()));
        let bits: u64 = frame["fields"].as_array().unwrap().iter().filter_map(|f| f["bits"].as_u64()).sum();
        assert_eq!(bits, 16);
    }

    #[test]
    fn broken_compressed_and_closing_frames_as_json() {
        let bad = json(b"\x81\x7e\x00\x01\xff", false);
        assert_eq!(bad["legal"], false);
        let codes: Vec<_> =
            bad["frames"][0]["problems"].as_array().unwrap().iter().map(|p| p["code"].clone()).collect();
        assert_eq!(codes, ["non-minimal-length", "invalid-utf8"]);
        assert_eq!(bad["frames"][0]["invalid_utf8_at"], 0);
        let inflated = json(b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", true);
        assert_eq!(
            (&inflated["frames"][0]["text"], &inflated["frames"][0]["integrity"]),
            (&"Hello".into(), &"ok".into())
        );
        let close = json(b"\x88\x05\x03\xe8bye\x81", false);
        assert_eq!(
            (&close["frames"][0]["close_code"], &close["frames"][0]["close_reason"]),
            (&1000.into(), &"bye".into())
        );
        assert_eq!(
            (&close["frames"][1]["complete"], &close["frames"][1]["missing_header"]),
            (&false.into(), &1.into())
        );
    }
}
