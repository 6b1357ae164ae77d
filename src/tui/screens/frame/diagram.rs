//! The box of RFC 6455 section 5.2 with a frame's own bits, and what is selected lit in it.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::shares;
use super::shown::ShownFrame;
use crate::explain::diagram::{DiagramLine, LineKind};
use crate::tui::shared::Ctx;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::{Text, hex};

/// The lines of the box that are in sight.
#[derive(Clone, Debug)]
pub struct DiagramView<'a> {
    lines: Vec<&'a DiagramLine>,
    words: Option<Text>,
}

impl<'a> DiagramView<'a> {
    /// The part of the box around a bit that fits an area.
    #[must_use]
    pub fn new(shown: &'a ShownFrame, compact: bool, bit: usize, area: Rect) -> Self {
        let all = if compact { &shown.compact } else { &shown.full };
        let height = usize::from(area.height);
        let row = bit / 32;
        if compact {
            // One line of 32 bits, the border below it, and words about the rest.
            let mut lines: Vec<&DiagramLine> =
                all.iter().filter(|line| line.row == row && line.kind != LineKind::More).collect();
            if let Some(below) = all.iter().find(|line| line.row == row + 1 && line.kind == LineKind::Border)
            {
                lines.push(below);
            }
            lines.truncate(height);
            let words = (lines.len() < height).then(|| others(shown, row));
            return Self { lines, words };
        }
        // What is above is left out only as far as the row of the cursor would not be seen whole.
        let last = all.iter().rposition(|line| line.row == row).map_or(0, |at| at + 2);
        let first = last.min(all.len()).saturating_sub(height);
        // Lines of a row stay together.
        let first = (first..all.len())
            .find(|at| first == 0 || all.get(*at).is_some_and(|line| line.kind == LineKind::Bytes))
            .unwrap_or(first);
        let mut lines: Vec<&DiagramLine> = all.iter().skip(first).take(height).collect();
        let below = all.len() - first - lines.len();
        if below == 0 {
            return Self { lines, words: None };
        }
        lines.pop();
        let more =
            all.iter().find(|line| line.kind == LineKind::More).map(|line| line.text()).unwrap_or_default();
        Self { lines, words: Some(Text::of(Role::Dim, format!(" ▾ continued below{more}"))) }
    }

    /// The bit that is drawn in a cell.
    #[must_use]
    pub fn bit_at(&self, area: Rect, x: u16, y: u16) -> Option<usize> {
        let line = self.lines.get(usize::from(y.checked_sub(area.y)?))?;
        let column = usize::from(x.checked_sub(area.x)?).checked_sub(2)?;
        let last = line.parts.iter().map(|part| part.bits.end).max()?;
        let bit = line.row * 32 + column / 2;
        (bit < last).then_some(bit)
    }

    /// Draws the lines; `lit` are the bits of the selected field.
    pub fn draw(&self, ctx: &Ctx<'_>, lit: Range<usize>, cursor: usize, area: Rect, buffer: &mut Buffer) {
        for (y, line) in (area.top()..area.bottom()).zip(&self.lines) {
            draw_line(line, &lit, cursor, ctx.theme() == Theme::Mono).draw(
                buffer,
                area.x,
                y,
                area.width,
                ctx.theme(),
            );
        }
        if let Some(words) = &self.words {
            let y = area.y.saturating_add(self.lines.len() as u16);
            words.draw(buffer, area.x, y, area.width, ctx.theme());
        }
    }
}

fn draw_line(line: &DiagramLine, lit: &Range<usize>, cursor: usize, mono: bool) -> Text {
    let mut text = Text::new();
    let plain = match line.kind {
        LineKind::Bytes | LineKind::Border | LineKind::More => Role::Dim,
        LineKind::Names | LineKind::Bits | LineKind::Values => Role::Plain,
    };
    let mut before = false;
    for part in &line.parts {
        if part.bits.is_empty() {
            // Bars beside the selected field tell it without colour.
            let after = line.parts.iter().skip_while(|other| !std::ptr::eq(*other, part)).nth(1);
            let next = after.is_some_and(|part| shares(&part.bits, lit));
            match (before, next, part.text.as_str()) {
                (false, true, "|") => text.add(Role::Plain, "▐"),
                (true, false, "|") => text.add(Role::Plain, "▌"),
                (_, true, " |") => text.add(Role::Plain, " ▐"),
                _ => text.add(Role::Dim, &part.text),
            };
            before = false;
            continue;
        }
        before = shares(&part.bits, lit);
        if line.kind != LineKind::Bits {
            text.add(if before { Role::Selected } else { plain }, &part.text);
            continue;
        }
        for (i, sign) in part.text.chars().enumerate() {
            let bit = part.bits.start + i / 2;
            let role = match (i % 2 == 0 && bit == cursor, before) {
                (true, _) if mono => Role::Title,
                (true, _) => Role::Hit,
                (false, true) => Role::Selected,
                (false, false) => plain,
            };
            text.add(role, sign.encode_utf8(&mut [0; 4]));
        }
    }
    text
}

/// The bytes that stand in other rows of the box.
fn others(shown: &ShownFrame, row: usize) -> Text {
    let mut line = Text::of(Role::Plain, " ");
    let bytes = shown.drawn_bits() / 8;
    for other in 0..bytes.div_ceil(4) {
        if other == row {
            continue;
        }
        let (first, end) = (other * 4, (other * 4 + 4).min(bytes));
        let values: Vec<u8> = (first..end).filter_map(|at| shown.byte(at)).collect();
        line.add(Role::Dim, if line.width() > 1 { "   " } else { "" });
        let range =
            if end - first == 1 { format!("byte {first}: ") } else { format!("bytes {first}-{}: ", end - 1) };
        line.add(Role::Dim, range).plainly(hex::spaced(&values));
    }
    let more = shown.plain.len().saturating_sub(bytes.saturating_sub(shown.header_len()));
    if more > 0 {
        line.add(Role::Dim, format!("   … {more} more"));
    }
    line
}
