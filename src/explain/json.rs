//! Explained frames as one JSON object.

use std::io::{self, Write};

use super::frame::{Explained, ExplainedFrame, FieldRow};
use super::handshake::{AcceptVerdict, Heads, check, judgements};
use super::message::Utf8;
use super::topic::Explanation;
use super::words::mistakes::mistake as told;
use crate::http::Judgement;
use crate::http::accept::steps;
use crate::model::{Head, Lang, Severity};
use crate::report::json::{json_key, json_string};
use crate::ws::{Inflation, Opcode};

/// Prints what was explained as one line of JSON. Keys that a `frame` record has too mean the same here.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut dyn Write, explained: &Explained) -> io::Result<()> {
    let mut json = JsonObject::new();
    json.number("v", 1).string("kind", "explain").number("bytes", explained.len as u64);
    json.flag("legal", explained.is_legal());
    frames(&mut json, explained);
    json.finish(out)
}

/// Prints pasted heads, and the frames behind them, as one line of JSON. `len`: bytes that were pasted. True where
/// nothing is against the RFCs.
///
/// # Errors
/// Those of `out`.
pub fn write_heads_json(
    out: &mut dyn Write,
    len: usize,
    heads: &Heads,
    explained: &Explained,
    lang: Lang,
) -> io::Result<bool> {
    let (request, response) = (heads.request.as_ref(), heads.response.as_ref());
    let problems = judgements(request, response);
    let read = request.is_some() || response.is_some();
    let legal = read && explained.is_legal() && problems.iter().all(|j| j.rule.severity != Severity::Error);
    let mut json = JsonObject::new();
    json.number("v", 1).string("kind", "explain").number("bytes", len as u64).flag("legal", legal);
    json.object("handshake", |json| {
        for (name, message) in [("request", request), ("response", response)] {
            match message {
                Some(message) => json.object(name, |json| head(json, message)),
                None => json.null(name),
            };
        }
        accept(json, request, response, lang);
        json.list("problems", &problems, |json, Judgement { rule, side, text, .. }| {
            json.string("code", rule.code).string("severity", rule.severity.name());
            json.string("dir", side.name()).string("text", text).string("ref", rule.reference);
        });
    });
    frames(&mut json, explained);
    json.finish(out)?;
    Ok(legal)
}

fn head(json: &mut JsonObject, head: &Head) {
    json.bytes("line", head.token(&head.line));
    json.list("headers", &head.headers, |json, field| {
        json.bytes("name", head.token(&field.name)).bytes("value", head.token(&field.value));
    });
}

/// How the accept value comes about (RFC 6455 section 4.2.2), and whether it is the one that was sent.
fn accept(json: &mut JsonObject, request: Option<&Head>, response: Option<&Head>, lang: Lang) {
    let sent = response.and_then(|head| head.value("Sec-WebSocket-Accept"));
    let Some(key) = request.and_then(|head| head.value("Sec-WebSocket-Key")) else {
        json.null("accept");
        return;
    };
    let steps = steps(key);
    json.object("accept", |json| {
        json.bytes("key", &steps.key).bytes("concatenated", &steps.concatenated);
        json.string("sha1", &hex::encode(steps.digest)).string("expected", &steps.accept);
        let Some(sent) = sent else { return };
        json.bytes("sent", sent);
        match check(key, sent) {
            AcceptVerdict::Right => json.flag("match", true),
            AcceptVerdict::Wrong { mistake: None, .. } => json.flag("match", false),
            AcceptVerdict::Wrong { mistake: Some(mistake), .. } => {
                json.flag("match", false).string("likely_mistake", told(mistake, lang))
            }
        };
    });
}

fn frames(json: &mut JsonObject, explained: &Explained) {
    json.list("frames", &explained.frames, frame);
    match &explained.rest {
        Some(rest) => json.object("rest", |inner| {
            inner.number("offset", rest.range.start as u64).number("len", rest.range.len() as u64);
            inner.string("why", rest.why);
        }),
        None => json.null("rest"),
    };
}

fn frame(json: &mut JsonObject, frame: &ExplainedFrame) {
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
fn content(json: &mut JsonObject, frame: &ExplainedFrame, op: Opcode) {
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
            Inflation::Whole if inflated.bad_end.is_some() => "lenient",
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

fn row(json: &mut JsonObject, row: &FieldRow) {
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
pub fn write_topics(out: &mut dyn Write, topics: &[Explanation]) -> io::Result<()> {
    let mut json = JsonObject::new();
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
    json.finish(out)
}

/// A JSON object being written.
struct JsonObject {
    out: Vec<u8>,
}

impl JsonObject {
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

    /// Text, or under `KEY_hex` what is none.
    fn bytes(&mut self, key: &str, value: &[u8]) -> &mut Self {
        match std::str::from_utf8(value) {
            Ok(text) => self.string(key, text),
            Err(_) => self.string(&format!("{key}_hex"), &hex::encode(value)),
        }
    }

    /// Writes it as a line.
    fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.out.extend_from_slice(b"}\n");
        out.write_all(&self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::frame::{ExplainOptions, explain};

    fn json(bytes: &[u8], deflate: bool) -> serde_json::Value {
        let mut out = Vec::new();
        write_json(
            &mut out,
            &explain(bytes, &ExplainOptions { direction: None, deflate, lang: crate::model::Lang::En }),
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
    fn a_handshake_and_what_follows_it_as_json() {
        let request = "GET /chat HTTP/1.1\nHost: server.example.com\nUpgrade: websocket\nConnection: Upgrade\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n";
        let response = "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n";
        let judge = |text: String| {
            let heads = super::super::handshake::read_heads(text.as_bytes());
            let explained =
                explain(&heads.rest, &ExplainOptions { direction: None, deflate: false, lang: Lang::En });
            let mut out = Vec::new();
            let legal = write_heads_json(&mut out, text.len(), &heads, &explained, Lang::En).unwrap();
            (legal, serde_json::from_slice::<serde_json::Value>(&out).unwrap())
        };
        let (legal, both) = judge(format!("{request}\n{response}\n\u{1}\u{0}").replace('\n', "\r\n"));
        assert!(legal, "{both}");
        let handshake = &both["handshake"];
        assert_eq!(handshake["request"]["line"], "GET /chat HTTP/1.1");
        assert_eq!(handshake["request"]["headers"][3]["name"], "Sec-WebSocket-Key");
        assert_eq!(handshake["accept"]["sha1"], "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
        assert_eq!((&handshake["accept"]["match"], &both["frames"][0]["op"]), (&true.into(), &"text".into()));
        let (legal, wrong) = judge(format!("{request}\n{}\n", response.replace("s3p", "S3p")));
        assert!(!legal && wrong["handshake"]["accept"]["match"] == false);
        assert_eq!(wrong["handshake"]["problems"][0]["code"], "bad-accept");
        let (_, alone) = judge(response.to_owned());
        assert!(alone["handshake"]["request"].is_null() && alone["handshake"]["accept"].is_null());
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
