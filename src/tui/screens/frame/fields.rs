//! The fields of a frame: a table, and the selected one in words.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::shown::{FrameProblem, ShownFrame};
use crate::explain::frame::{FieldRow, FrameField};
use crate::model::safe_str;
use crate::model::wrap;
use crate::tui::shared::Ctx;
use crate::tui::theme::Role;
use crate::tui::widgets::{Text, hex, units};
use crate::ws::{Opcode, close_code};

/// How values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// As each is mostly written.
    #[default]
    Usual,
    /// In bits.
    Binary,
    /// In hexadecimal.
    Hexadecimal,
    /// In decimal.
    Decimal,
}

impl Base {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Usual => Self::Binary,
            Self::Binary => Self::Hexadecimal,
            Self::Hexadecimal => Self::Decimal,
            Self::Decimal => Self::Usual,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Usual => "as usual",
            Self::Binary => "binary",
            Self::Hexadecimal => "hexadecimal",
            Self::Decimal => "decimal",
        }
    }
}

/// A field's value. Nothing captured is in it but digits.
#[must_use]
pub fn value(shown: &ShownFrame, row: &FieldRow, base: Base) -> String {
    let bytes = shown.frame.head.get(row.bytes_of(&shown.frame)).unwrap_or_default();
    match row.field {
        FrameField::Payload => units::length(shown.payload_len()) + " B",
        FrameField::CloseReason => units::counted(row.range.len() as u64, "byte"),
        FrameField::Rsv => row.value.clone(),
        FrameField::Fin | FrameField::Mask => row.value.clone(),
        FrameField::MaskingKey => match base {
            Base::Usual | Base::Hexadecimal => bytes.iter().map(|byte| hex::digits(*byte)).collect(),
            Base::Binary => joined(bytes, |byte| format!("{byte:08b}")),
            Base::Decimal => joined(bytes, |byte| byte.to_string()),
        },
        FrameField::Opcode => {
            number(bytes.first().copied().unwrap_or(0).into(), 15, 4, base, Base::Hexadecimal)
        }
        FrameField::PayloadLength => {
            number(bytes.last().copied().unwrap_or(0).into(), 127, 7, base, Base::Decimal)
        }
        FrameField::ExtendedLength => match row.value.parse() {
            Ok(len) => number(len, u64::MAX, bytes.len() * 8, base, Base::Decimal),
            Err(_) => row.value.clone(),
        },
        FrameField::CloseCode => match row.value.parse() {
            Ok(code) => number(code, u64::MAX, 16, base, Base::Decimal),
            Err(_) => row.value.clone(),
        },
    }
}

fn joined(bytes: &[u8], digits: impl Fn(&u8) -> String) -> String {
    bytes.iter().map(digits).collect::<Vec<_>>().join(" ")
}

fn number(value: u64, mask: u64, bits: usize, base: Base, usual: Base) -> String {
    let value = value & mask;
    match if base == Base::Usual { usual } else { base } {
        Base::Binary => format!("{value:0bits$b}"),
        Base::Hexadecimal if usual == Base::Hexadecimal => format!("0x{value:x}"),
        Base::Hexadecimal => format!("0x{value:0digits$x}", digits = bits.div_ceil(4)),
        _ => value.to_string(),
    }
}

/// What a field's value means, in one line.
#[must_use]
pub fn meaning(shown: &ShownFrame, row: &FieldRow, columns: usize) -> Text {
    let mut line = Text::new();
    match row.field {
        FrameField::Payload => {
            if let Some(why) = &shown.absent {
                line.add(Role::Dim, safe_str(why));
            } else if row.range.is_empty() {
                line.add(Role::Dim, shown.key().3.pick("empty", "空"));
            } else if shown.is_text() {
                line.plainly("\"")
                    .captured(Role::Plain, &shown.plain, columns.saturating_sub(2))
                    .plainly("\"");
            } else if shown.frame.header.is_some_and(|header| header.opcode() == Opcode::Close) {
                line.plainly(shown.key().3.pick("code and reason", "关闭码和原因"));
            } else {
                line.captured(
                    Role::Plain,
                    hex::spaced(shown.plain.get(..64).unwrap_or(&shown.plain)).as_bytes(),
                    columns,
                );
            }
        }
        FrameField::CloseCode => {
            let code = row.value.parse().map(close_code).map_or("", |code| code.name);
            line.plainly(code);
        }
        FrameField::CloseReason => {
            let reason = shown.frame.close().map_or(&[][..], |close| close.reason);
            line.plainly("\"").captured(Role::Plain, reason, columns.saturating_sub(2)).plainly("\"");
        }
        _ => {
            line.plainly(&row.meaning);
        }
    }
    line
}

/// A problem's sign, rule and sentence.
#[must_use]
pub fn problem_line(problem: &FrameProblem) -> Text {
    let mut line = Text::of(Role::of_severity(problem.severity), problem.severity.sign());
    line.plainly(" ").add(Role::of_severity(problem.severity), problem.rule.0).plainly(": ");
    line.captured_whole(Role::Plain, problem.text.as_bytes());
    line
}

/// The sign of a severity.
trait Sign {
    fn sign(&self) -> &'static str;
}

impl Sign for crate::model::Severity {
    fn sign(&self) -> &'static str {
        match self {
            Self::Error => "✗",
            Self::Warning => "!",
            Self::Info => "·",
        }
    }
}

/// Columns of names and values.
const NAME: usize = 17;

/// How wide the values are.
fn value_columns(shown: &ShownFrame, base: Base, columns: usize) -> usize {
    let widest = shown.rows().iter().map(|row| value(shown, row, base).len()).max().unwrap_or(0);
    widest.clamp(8, (columns / 2).saturating_sub(8).max(8))
}

/// Lines above the first field.
pub const HEADING: usize = 2;

/// Draws the table and, below, the selected field in words.
pub fn draw(ctx: &Ctx<'_>, shown: &ShownFrame, selected: usize, base: Base, area: Rect, buffer: &mut Buffer) {
    let theme = ctx.theme();
    let columns = usize::from(area.width);
    let wide = value_columns(shown, base, columns);
    let mut y = area.y;
    let mut titles = Text::of(Role::Plain, " ");
    titles
        .left(Role::Title, "Field", NAME - 1)
        .left(Role::Title, "Value", wide + 2)
        .add(Role::Title, "Meaning");
    let mut rule = Text::of(Role::Plain, " ");
    rule.add(Role::Dim, "─".repeat(NAME - 2)).plainly(" ").add(Role::Dim, "─".repeat(wide)).plainly("  ");
    rule.add(Role::Dim, "─".repeat(columns.saturating_sub(rule.width() + 1)));
    for line in [titles, rule] {
        line.draw(buffer, area.x, y, area.width, theme);
        y += 1;
    }
    for (i, row) in shown.rows().iter().enumerate() {
        if y >= area.bottom() {
            return;
        }
        let broken = shown.problems.iter().find(|problem| problem.field == Some(row.field));
        let here = i == selected;
        let mut line = Text::of(Role::Title, if here { "▸" } else { " " });
        let inside = matches!(row.field, FrameField::CloseCode | FrameField::CloseReason);
        line.left(if here { Role::Title } else { Role::Plain }, &name(row, inside), NAME - 1);
        line.left(Role::Plain, &value(shown, row, base), wide).plainly("  ");
        match broken {
            Some(problem) => line.append(&problem_line(problem)),
            None => line.append(&meaning(shown, row, columns.saturating_sub(line.width()))),
        };
        line.draw_row(buffer, area.x, y, area.width, theme, here);
        y += 1;
    }
    let rest =
        Rect { y: y.saturating_add(1), height: area.bottom().saturating_sub(y.saturating_add(1)), ..area };
    let mut lines = words(shown, selected, columns);
    lines.push(Text::new());
    lines.push(totals(shown));
    ctx.lines(buffer, inset(rest), &lines);
}

fn name(row: &FieldRow, inside: bool) -> String {
    let name = match row.field {
        FrameField::Rsv => "RSV1 RSV2 RSV3",
        FrameField::PayloadLength => "Payload length",
        FrameField::ExtendedLength => "Extended length",
        FrameField::MaskingKey => "Masking-key",
        FrameField::Payload => "Payload",
        field => field.name(),
    };
    if inside { format!(" {name}") } else { name.to_owned() }
}

/// The area without its first and last column.
fn inset(area: Rect) -> Rect {
    Rect { x: area.x.saturating_add(1), width: area.width.saturating_sub(2), ..area }
}

/// The selected field in words, and what is wrong with the frame.
#[must_use]
pub fn words(shown: &ShownFrame, selected: usize, columns: usize) -> Vec<Text> {
    let columns = columns.saturating_sub(2).max(1);
    let mut lines = Vec::new();
    if let Some(about) = shown.about(selected) {
        let mut title = Text::of(Role::Title, about.title);
        title.plainly("  ").add(Role::Dim, about.reference);
        lines.push(title);
        lines.extend(wrap(&about.text, columns).into_iter().map(|line| Text::of(Role::Plain, line)));
    }
    for problem in &shown.problems {
        let role = Role::of_severity(problem.severity);
        let text = format!(
            "{} {}: {}  {}",
            problem.severity.sign(),
            problem.rule.0,
            safe_str(&problem.text),
            problem.rule.1
        );
        lines.extend(wrap(&text, columns).into_iter().map(|line| Text::of(role, line)));
    }
    lines
}

/// `header 6 B + payload 5 B = 11 B on the wire`
#[must_use]
pub fn totals(shown: &ShownFrame) -> Text {
    let (header, payload) = (shown.header_len() as u64, shown.payload_len());
    let mut line =
        Text::of(Role::Plain, format!("header {header} B + payload {} B", units::grouped(payload)));
    if let Some(sum) = header.checked_add(payload) {
        line.plainly(format!(" = {} B on the wire", units::grouped(sum)));
    }
    let here = shown.plain.len() as u64;
    if !shown.complete {
        line.plainly("  ").add(Role::Warning, "~ not captured completely");
    } else if shown.absent.is_none() && here < payload {
        line.plainly("  ").add(Role::Note, format!("~ the first {} B are loaded", units::grouped(here)));
    }
    line
}
