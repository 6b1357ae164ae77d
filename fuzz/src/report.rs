//! What people are shown of a capture: tables of every kind, CSV, statistics. Nothing captured gets through raw,
//! rows fit the columns, CSV is CSV.

use wslens::model::{is_hidden, width};
use wslens::pipeline::{Limits, Pipeline};
use wslens::report::csv::{Csv, columns};
use wslens::report::stats::{Stats, StatsOptions};
use wslens::report::table::{Table, TableStyle, TimeFormat};
use wslens::report::{Levels, PayloadMode, Report, Selection, Summary};

use crate::feed::{Feed, Memory};
use crate::json_string::read_csv;
use crate::pipeline::{Tape, tape};

/// How much wider than its columns a table may be for the sake of long numbers.
const NUMBERS: usize = 24;

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let (mode, look) = (feed.byte(), feed.byte());
    let tape = tape(&mut feed);
    let level = [Levels::CONNECTIONS, Levels::MESSAGES, Levels::FRAMES, Levels::FINDINGS, Levels::ALL];
    let payload = [PayloadMode::Full, PayloadMode::Preview, PayloadMode::Hash, PayloadMode::None];
    let selection = Selection {
        levels: level[usize::from(mode & 7) % 5],
        payload: payload[usize::from(mode >> 3 & 3)],
        ..Selection::default()
    };
    let time = [TimeFormat::Rel, TimeFormat::Abs, TimeFormat::Utc, TimeFormat::Epoch, TimeFormat::Delta];
    let look = TableStyle {
        color: look & 1 != 0,
        ascii: look & 2 != 0,
        columns: (look & 4 == 0).then_some(40 + usize::from(look >> 2)),
        time: time[usize::from(mode >> 5) % 5],
        ..TableStyle::default()
    };

    let mut out = Vec::new();
    print(&tape, &selection, Table::new(&mut out, selection.clone(), look.clone(), false));
    check_table(&out, &look, if selection.levels == Levels::FRAMES { 80 } else { 64 });

    out.clear();
    print(&tape, &selection, Csv::new(&mut out, selection.clone(), false));
    check_csv(&out, selection.levels);

    let mut limits = Limits::default();
    (limits.depth.payloads, limits.depth.frames) = (mode & 0x80 != 0, false);
    let mut pipeline = Pipeline::new(limits);
    let mut stats = Stats::new(StatsOptions { top: 3, ..StatsOptions::default() });
    drive(&tape, &mut pipeline, &mut stats);
    stats.set_last(pipeline.last_time());
    let summary = summary(&tape, &pipeline);
    out.clear();
    stats.write_text(&mut out, &summary, &look).expect("memory takes everything");
    // Its sentences are not cut, and of what was captured it only shows URLs.
    check_table(&out, &TableStyle { columns: None, ..look }, 0);
    out.clear();
    stats.write_json(&mut out, &summary).expect("memory takes everything");
    serde_json::from_slice::<serde_json::Value>(&out).expect("it is JSON");
}

fn drive<S: wslens::pipeline::Sink>(tape: &Tape, pipeline: &mut Pipeline, sink: &mut S) {
    let bytes = Memory(&tape.bytes);
    for packet in &tape.packets {
        pipeline.packet(packet, &bytes, sink);
    }
    pipeline.end(&bytes, sink);
}

fn summary(tape: &Tape, pipeline: &Pipeline) -> Summary {
    Summary {
        packets: tape.packets.len() as u64,
        totals: pipeline.totals(),
        input_complete: true,
        ..Summary::default()
    }
}

fn print<R: Report>(tape: &Tape, selection: &Selection, mut report: R) {
    let mut limits = Limits::default();
    limits.depth.hash = selection.payload == PayloadMode::Hash;
    limits.depth.frames = selection.shows(wslens::filter::Level::Frame);
    limits.depth.frame_payloads = limits.depth.frames && selection.payload != PayloadMode::None;
    let mut pipeline = Pipeline::new(limits);
    drive(tape, &mut pipeline, &mut report);
    report.finish(&summary(tape, &pipeline)).expect("memory takes everything");
}

fn check_table(out: &[u8], look: &TableStyle, least: usize) {
    let text = std::str::from_utf8(out).expect("the output is UTF-8");
    for line in text.lines() {
        let plain = if look.color { without_color(line) } else { line.to_owned() };
        for char in plain.chars() {
            let selector = matches!(char, '\u{fe0e}' | '\u{fe0f}');
            assert!(!char.is_control() && (!is_hidden(char) || selector), "{char:?} in {plain:?}");
        }
        if let Some(columns) = look.columns {
            // Columns of numbers grow with what they have to hold; captured text has what is left.
            assert!(width(&plain) <= columns.max(least) + NUMBERS, "wider than {columns}: {plain:?}");
        }
    }
}

/// Takes out what sets colours, and nothing else.
fn without_color(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (numbers, rest) = part.split_once('m').expect("a colour ends");
        assert!(numbers.bytes().all(|b| b.is_ascii_digit() || b == b';'), "{line:?}");
        out.push_str(rest);
    }
    out
}

fn check_csv(out: &[u8], level: Levels) {
    let text = std::str::from_utf8(out).expect("the output is UTF-8");
    let Some(columns) = columns(level) else {
        assert!(text.is_empty());
        return;
    };
    let mut rest = text;
    let mut rows = 0;
    while !rest.is_empty() {
        // A row ends with the first CRLF outside of quotes.
        let mut quoted = false;
        let end = rest.char_indices().find(|(at, char)| {
            quoted ^= *char == '"';
            !quoted && rest[*at..].starts_with("\r\n")
        });
        let (end, _) = end.expect("a row ends");
        let cells = read_csv(&rest[..end]);
        assert_eq!(cells.len(), columns.len(), "{:?}", &rest[..end]);
        for cell in cells {
            assert!(!cell.starts_with(['=', '@', '\t', '\r', '\n', '\0']), "{cell:?}");
            assert!(!cell.starts_with(['+', '-']) || cell.parse::<f64>().is_ok(), "{cell:?}");
        }
        rest = &rest[end + 2..];
        rows += 1;
    }
    assert!(rows > 0, "there is a header");
}
