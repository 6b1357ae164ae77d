//! Whatever is pasted is read or refused, and what is explained of it is fit to print.

use wslens::cli::style::Style;
use wslens::explain::frame::{ExplainOptions, Explained, MAX_FRAMES, explain};
use wslens::explain::hexinput::{MAX_BYTES, parse_hex};
use wslens::explain::text::{TextOptions, write_text};
use wslens::explain::{handshake, json};
use wslens::model::{Direction, Lang};

use crate::feed::Feed;

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let mode = feed.byte();
    let bytes = feed.rest();
    let direction = match mode & 3 {
        0 => Some(Direction::ClientToServer),
        1 => Some(Direction::ServerToClient),
        _ => None,
    };
    let options = ExplainOptions {
        direction,
        deflate: mode & 4 != 0,
        lang: if mode & 1 == 0 { Lang::En } else { Lang::Zh },
    };
    let style = Style { color: false, columns: (mode & 8 != 0).then_some(usize::from(mode >> 4) * 10) };
    let view = TextOptions {
        diagram: mode & 16 != 0,
        learn: mode & 32 != 0,
        build: mode & 64 != 0,
        lang: options.lang,
    };
    show(&explain(bytes, &options), bytes, &style, view);

    let text = String::from_utf8_lossy(bytes);
    match parse_hex(&text) {
        Ok(read) => {
            assert!(read.len() <= MAX_BYTES);
            show(&explain(&read, &options), &read, &style, view);
        }
        Err(error) => {
            let error = format!("{error} {} {}", error.message, error.hint);
            printable(error.as_bytes());
        }
    }
    // What was written as hex is read as the same bytes.
    let hex: String = bytes.iter().map(|b| format!("{b:02x} ")).collect();
    if !bytes.is_empty() && bytes.len() < 2000 {
        assert_eq!(parse_hex(&hex).expect("plain hex"), bytes);
    }

    let mut out = Vec::new();
    let heads = handshake::read_heads(bytes);
    let _ = handshake::write_heads(&mut out, &heads, &style, options.lang).expect("memory takes everything");
    let (key, accept) = bytes.split_at(bytes.len() / 2);
    handshake::write_steps(&mut out, key, &style, options.lang).expect("memory takes everything");
    let _ =
        handshake::write_check(&mut out, key, accept, &style, options.lang).expect("memory takes everything");
    printable(&out);
}

fn show(explained: &Explained, bytes: &[u8], style: &Style, view: TextOptions) {
    assert_eq!(explained.len, bytes.len());
    assert!(explained.frames.len() <= MAX_FRAMES);
    let mut at = 0;
    for frame in &explained.frames {
        assert_eq!(frame.range.start, at, "no byte is passed over");
        assert!(frame.range.end > at);
        at = frame.range.end;
        for row in &frame.rows {
            assert!(row.range.start >= frame.range.start && row.range.end <= frame.range.end, "{row:?}");
        }
    }
    assert_eq!(explained.rest.as_ref().map_or(at, |rest| rest.range.start), at);
    assert_eq!(explained.rest.as_ref().map_or(at, |rest| rest.range.end), bytes.len());
    let mut out = Vec::new();
    write_text(&mut out, explained, style, view).expect("memory takes everything");
    printable(&out);
    out.clear();
    json::write_json(&mut out, explained).expect("memory takes everything");
    printable(&out);
    let value: serde_json::Value = serde_json::from_slice(&out).expect("it is JSON");
    assert_eq!(value["frames"].as_array().map(Vec::len), Some(explained.frames.len()));
}

fn printable(out: &[u8]) {
    let text = std::str::from_utf8(out).expect("the output is UTF-8");
    let bad = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(bad, None, "{text}");
}
