//! The frame box of RFC 6455 section 5.2 with a frame's own bits.

use std::ops::Range;

use super::frame::{ExplainedFrame, FieldRow, FrameField};
use super::text::hex;
use crate::ws::Opcode;

/// Bits of a line of the box.
const ROW: usize = 32;
/// Payload bytes that are drawn.
const SHOWN_PAYLOAD: usize = 8;

/// One field, or the part of it in one line of the box.
struct Cell {
    name: &'static str,
    /// The first bit, counted from the frame's beginning.
    at: usize,
    bits: Vec<bool>,
    value: String,
    /// Whether a line above holds the field's beginning.
    goes_on: bool,
    whole_len: usize,
}

/// What a line of the box holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// The numbers of the bytes.
    Bytes,
    /// The border above or below cells.
    Border,
    /// Names of fields.
    Names,
    /// The bits, two columns each.
    Bits,
    /// The values.
    Values,
    /// How much was left out.
    More,
}

/// A line of the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagramLine {
    /// What it holds.
    pub kind: LineKind,
    /// Which 32 bits it belongs to, from 0.
    pub row: usize,
    /// Its text, part by part.
    pub parts: Vec<DiagramSpan>,
}

impl DiagramLine {
    /// All of its text.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }

    fn of(kind: LineKind, row: usize, text: String) -> Self {
        Self { kind, row, parts: vec![DiagramSpan { bits: 0..0, text }] }
    }
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagramSpan {
    /// The bits that it stands for, counted from the frame's beginning; none for borders.
    pub bits: Range<usize>,
    /// Its text; in a line of bits, bit `n` of the part stands at column `2 n`.
    pub text: String,
}

/// Draws the header and the first bytes of the payload, two columns a bit. ASCII only.
#[must_use]
pub fn diagram(frame: &ExplainedFrame) -> Vec<String> {
    picture(frame, usize::MAX).iter().map(DiagramLine::text).collect()
}

/// The same as [`diagram`], in parts that know their bits; a field's name takes at most `names` lines.
#[must_use]
pub fn picture(frame: &ExplainedFrame, names: usize) -> Vec<DiagramLine> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut at = 0;
    for (name, bits, value) in cells(frame) {
        let whole_len = bits.len();
        let mut left = bits.as_slice();
        while !left.is_empty() {
            let (part, rest) = left.split_at(left.len().min(ROW - at % ROW));
            if at % ROW == 0 {
                rows.push(Vec::new());
            }
            let goes_on = left.len() < whole_len;
            let value = value.clone().unwrap_or_else(|| hex(&to_bytes(part)));
            let cell = Cell { name, at, bits: part.to_vec(), value, goes_on, whole_len };
            if let Some(row) = rows.last_mut() {
                row.push(cell);
            }
            at += part.len();
            left = rest;
        }
    }
    let mut lines = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        draw(&mut lines, i, row, names);
    }
    if let Some(row) = rows.last() {
        lines.push(DiagramLine::of(LineKind::Border, rows.len() - 1, border(row)));
    }
    let more = frame.payload.len().saturating_sub(SHOWN_PAYLOAD);
    if more > 0 {
        let text = format!("  ... {more} more payload byte{}", if more == 1 { "" } else { "s" });
        lines.push(DiagramLine::of(LineKind::More, rows.len().saturating_sub(1), text));
    }
    lines
}

/// How many bits of a frame are drawn.
#[must_use]
pub fn drawn_bits(frame: &ExplainedFrame) -> usize {
    (frame.head.len() + frame.payload.len().min(SHOWN_PAYLOAD)) * 8
}

/// The fields in order: name, bits, and the value where it is not the bytes in hex.
fn cells(frame: &ExplainedFrame) -> Vec<(&'static str, Vec<bool>, Option<String>)> {
    let bits_of = |row: &FieldRow| {
        let from = row.range.start.saturating_sub(frame.range.start);
        let bytes = frame.head.get(from..from + row.range.len()).unwrap_or_default();
        let bits = to_bits(bytes);
        match row.bits {
            Some((first, count)) => bits.into_iter().skip(first.into()).take(count.into()).collect(),
            None => bits,
        }
    };
    let mut cells = Vec::new();
    for row in &frame.rows {
        let bits = bits_of(row);
        let value = Some(row.value.clone());
        match row.field {
            FrameField::Fin => cells.push(("FIN", bits, value)),
            FrameField::Rsv => {
                for (name, bit) in ["RSV1", "RSV2", "RSV3"].into_iter().zip(bits) {
                    cells.push((name, vec![bit], Some(u8::from(bit).to_string())));
                }
            }
            FrameField::Opcode => cells.push(("opcode", bits, frame.head.first().map(|&b| opcode_value(b)))),
            FrameField::Mask => cells.push(("MASK", bits, value)),
            FrameField::PayloadLength => cells.push(("Payload len", bits, value)),
            FrameField::ExtendedLength => cells.push(("Extended payload length", bits, None)),
            FrameField::MaskingKey => cells.push(("Masking-key", bits, None)),
            FrameField::Payload | FrameField::CloseCode | FrameField::CloseReason => {}
        }
    }
    let masked = frame.header.is_some_and(|h| h.masked());
    let name = if masked { "Masked payload" } else { "Payload" };
    cells.push((name, to_bits(&frame.first_wire_bytes(SHOWN_PAYLOAD)), None));
    cells
}

fn opcode_value(byte: u8) -> String {
    let name = match Opcode::from_bits(byte) {
        Opcode::Reserved(_) => "?",
        opcode => opcode.short_name(),
    };
    format!("{:X}={name}", byte & 15)
}

fn to_bits(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1 == 1)).collect()
}

fn to_bytes(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8).map(|byte| byte.iter().fold(0, |value, &bit| value << 1 | u8::from(bit))).collect()
}

fn border(row: &[Cell]) -> String {
    let mut line = String::from(" +");
    for cell in row {
        line.push_str(&"-".repeat(cell.bits.len() * 2 - 1));
        line.push('+');
    }
    line
}

fn draw(lines: &mut Vec<DiagramLine>, number: usize, row: &[Cell], names: usize) {
    let bytes = row.iter().map(|cell| cell.bits.len()).sum::<usize>() / 8;
    let mut title = String::from(" ");
    for byte in 0..bytes {
        title += &format!("{:<16}", format!(" byte {}", number * 4 + byte));
    }
    lines.push(DiagramLine::of(LineKind::Bytes, number, title.trim_end().to_owned()));
    lines.push(DiagramLine::of(LineKind::Border, number, border(row)));
    // A single bit's name stands upright, so it tells how many lines the names take.
    let single = |cell: &Cell| if cell.bits.len() == 1 { cell.name.len() } else { 1 };
    let least = if number == 0 { 2 } else { 1 };
    for line in 0..row.iter().map(single).max().unwrap_or(1).max(least).min(names) {
        lines.push(fill(LineKind::Names, number, row, |cell| label(cell, line)));
    }
    lines.push(fill(LineKind::Bits, number, row, |cell| {
        let bits: Vec<&str> = cell.bits.iter().map(|&bit| if bit { "1" } else { "0" }).collect();
        bits.join(" ")
    }));
    lines.push(fill(LineKind::Values, number, row, |cell| cell.value.clone()));
}

/// The text of a cell in a line of names.
fn label(cell: &Cell, line: usize) -> String {
    let wide = cell.bits.len() * 2 - 1;
    if cell.bits.len() == 1 {
        // `RSV1` keeps its digit apart, as in the RFC.
        let shift = usize::from(cell.name == "FIN" && line == 3);
        return cell.name.chars().nth(line + shift).map_or_else(String::new, String::from);
    }
    match line {
        0 if cell.goes_on => {
            let name = format!("{} (cont.)", cell.name);
            if name.len() <= wide { name } else { "(cont.)".into() }
        }
        0 if cell.name.len() <= wide => cell.name.into(),
        0 => cell.name.get(..wide).unwrap_or_default().into(),
        1 if cell.whole_len == 4 => "(4)".into(),
        1 if !cell.name.ends_with("ayload") && !cell.goes_on => format!("({} bits)", cell.whole_len),
        _ => String::new(),
    }
}

fn fill(kind: LineKind, number: usize, row: &[Cell], text: impl Fn(&Cell) -> String) -> DiagramLine {
    let rule = |text: &str| DiagramSpan { bits: 0..0, text: text.to_owned() };
    let mut parts = vec![rule(" |")];
    for cell in row {
        let wide = cell.bits.len() * 2 - 1;
        let bits = cell.at..cell.at + cell.bits.len();
        parts.push(DiagramSpan { bits, text: format!("{:^wide$}", text(cell)) });
        parts.push(rule("|"));
    }
    DiagramLine { kind, row: number, parts }
}
