//! Explained frames as one JSON object.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::frame::{Explained, ExplainedFrame, FieldRow};
use super::handshake::{AcceptVerdict, Heads, check, judgements};
use super::message::Utf8;
use super::topic::Explanation;
use super::words::mistakes::mistake as mistake_text;
use crate::http::accept::steps;
use crate::json::write_value;
use crate::model::{Head, Lang, Severity};
use crate::ws::{Inflation, Opcode};

/// Prints an explanation as one line of JSON. Keys that a `frame` record also has mean the same here.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut dyn Write, explained: &Explained) -> io::Result<()> {
    line(
        out,
        &json!({
            "v": 1,
            "kind": "explain",
            "bytes": explained.len,
            "legal": explained.is_legal(),
            "frames": frames(explained),
            "rest": rest(explained),
        }),
    )
}

/// Prints pasted heads, and the frames behind them, as one line of JSON. `len` is the number of bytes that were pasted.
/// Returns whether everything follows the RFCs.
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
    let judged = judgements(request, response);
    let read = request.is_some() || response.is_some();
    let legal = read && explained.is_legal() && judged.iter().all(|j| j.rule.severity != Severity::Error);
    let problems = judged.iter().map(|problem| {
        json!({
            "code": problem.rule.code,
            "severity": problem.rule.severity.name(),
            "dir": problem.side.name(),
            "text": problem.text,
            "ref": problem.rule.reference,
        })
    });
    line(
        out,
        &json!({
            "v": 1,
            "kind": "explain",
            "bytes": len,
            "legal": legal,
            "handshake": {
                "request": request.map(head),
                "response": response.map(head),
                "accept": accept(request, response, lang),
                "problems": problems.collect::<Value>(),
            },
            "frames": frames(explained),
            "rest": rest(explained),
        }),
    )?;
    Ok(legal)
}

fn head(head: &Head) -> Value {
    let headers = head.headers.iter().map(|field| {
        object([bytes("name", head.token(&field.name)), bytes("value", head.token(&field.value))])
    });
    object([bytes("line", head.token(&head.line)), ("headers".into(), headers.collect())])
}

/// How the accept value is computed (RFC 6455, section 4.2.2), and whether it equals the one that was sent.
fn accept(request: Option<&Head>, response: Option<&Head>, lang: Lang) -> Value {
    let sent = response.and_then(|head| head.value("Sec-WebSocket-Accept"));
    let Some(key) = request.and_then(|head| head.value("Sec-WebSocket-Key")) else { return Value::Null };
    let steps = steps(key);
    let mut keys = vec![
        bytes("key", &steps.key),
        bytes("concatenated", &steps.concatenated),
        ("sha1".into(), hex::encode(steps.digest).into()),
        ("expected".into(), steps.accept.as_str().into()),
    ];
    if let Some(sent) = sent {
        let verdict = check(key, sent);
        keys.push(bytes("sent", sent));
        keys.push(("match".into(), matches!(verdict, AcceptVerdict::Right).into()));
        if let AcceptVerdict::Wrong { mistake: Some(mistake), .. } = verdict {
            keys.push(("likely_mistake".into(), mistake_text(mistake, lang).into()));
        }
    }
    object(keys)
}

fn frames(explained: &Explained) -> Value {
    explained.frames.iter().map(frame).collect()
}

fn rest(explained: &Explained) -> Value {
    let rest = explained.rest.as_ref();
    rest.map(|rest| json!({ "offset": rest.range.start, "len": rest.range.len(), "why": rest.why })).into()
}

fn frame(frame: &ExplainedFrame) -> Value {
    let mut value = json!({
        "frame": frame.number,
        "offset": frame.range.start,
        "header_len": frame.header_range().len(),
        "complete": frame.is_complete(),
        "missing_header": frame.missing.0,
        "missing_payload": frame.missing.1,
    });
    let Value::Object(keys) = &mut value else { return value };
    let mut add = |more: Value| keys.extend(more.as_object().cloned().unwrap_or_default());
    if let Some(header) = frame.header {
        let opcode = header.opcode();
        add(json!({
            "fin": header.fin(),
            "rsv": header.rsv(),
            "opcode": opcode.bits(),
            "op": opcode.name(),
            "masked": header.masked(),
            "masking_key": header.masked().then(|| hex::encode(header.masking_key)),
            "len": header.payload_len,
            "payload": hex::encode(&frame.payload),
        }));
        add(content(frame, opcode));
    }
    let problems = frame.problems.iter().map(|problem| {
        json!({
            "code": problem.rule.code,
            "severity": problem.rule.severity.name(),
            "field": problem.field.name(),
            "text": problem.text,
            "ref": problem.rule.reference,
        })
    });
    add(json!({
        "legal": frame.is_legal(),
        "problems": problems.collect::<Value>(),
        "fields": frame.rows.iter().map(row).collect::<Value>(),
    }));
    value
}

/// What the payload contains.
fn content(frame: &ExplainedFrame, opcode: Opcode) -> Value {
    let mut keys = Map::new();
    let mut add = |key: &str, value: Value| keys.insert(key.to_owned(), value);
    let inflated = frame.message.inflated.as_ref();
    let text = match (frame.message.opcode, inflated) {
        (Some(Opcode::Text), Some(inflated)) => std::str::from_utf8(&inflated.bytes).ok(),
        (Some(Opcode::Text), None) if !frame.message.compressed => std::str::from_utf8(&frame.payload).ok(),
        _ => None,
    };
    if let Some(text) = text {
        add("text", text.into());
    }
    if let Utf8::Bad(at) = frame.message.utf8 {
        add("invalid_utf8_at", at.into());
    }
    if let Some(inflated) = inflated {
        if text.is_none() {
            add("hex", hex::encode(&inflated.bytes).into());
        }
        let integrity = match inflated.outcome {
            Inflation::Whole if inflated.bad_end.is_some() => "lenient",
            Inflation::Whole => "ok",
            Inflation::Cut => "cut",
            Inflation::UnknownDictionary => "unknown-dictionary",
            Inflation::Damaged => "damaged",
        };
        add("inflated_len", inflated.bytes.len().into());
        add("integrity", integrity.into());
    }
    if let Some(close) = frame.close().filter(|_| opcode == Opcode::Close) {
        add("close_code", close.code.into());
        if let Ok(reason) = std::str::from_utf8(close.reason) {
            add("close_reason", reason.into());
        }
    }
    keys.into()
}

fn row(row: &FieldRow) -> Value {
    let mut keys = vec![
        ("field".into(), row.field.name().into()),
        ("offset".into(), row.range.start.into()),
        ("len".into(), row.range.len().into()),
    ];
    if let Some((first, count)) = row.bits {
        keys.push(("first_bit".into(), first.into()));
        keys.push(("bits".into(), count.into()));
    }
    keys.push(("value".into(), row.value.as_str().into()));
    keys.push(("meaning".into(), row.meaning.as_str().into()));
    keys.push(("ref".into(), row.reference.into()));
    object(keys)
}

/// Prints explanations of named things as one line: `{"topics":[…]}`.
///
/// # Errors
/// Those of `out`.
pub fn write_topics(out: &mut dyn Write, topics: &[Explanation]) -> io::Result<()> {
    let topic = |topic: &Explanation| {
        let parts = topic.parts.iter().map(|(heading, text)| json!({ "heading": heading, "text": text }));
        let mut keys = vec![("kind".into(), topic.kind.into()), ("name".into(), topic.name.as_str().into())];
        keys.extend(topic.severity.map(|severity| ("severity".into(), severity.into())));
        keys.push(("ref".into(), topic.reference.into()));
        keys.push(("text".into(), parts.collect()));
        keys.extend(topic.example.map(|example| ("example".into(), example.hex.into())));
        object(keys)
    };
    line(out, &json!({ "topics": topics.iter().map(topic).collect::<Value>() }))
}

type Key = (String, Value);

fn object(keys: impl IntoIterator<Item = Key>) -> Value {
    keys.into_iter().collect::<Map<_, _>>().into()
}

/// Returns bytes as text under `key`, or in hexadecimal under `KEY_hex` if they are not UTF-8.
fn bytes(key: &str, value: &[u8]) -> Key {
    match std::str::from_utf8(value) {
        Ok(text) => (key.to_owned(), text.into()),
        Err(_) => (format!("{key}_hex"), hex::encode(value).into()),
    }
}

fn line(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    let mut line = Vec::new();
    write_value(&mut line, value);
    line.push(b'\n');
    out.write_all(&line)
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
