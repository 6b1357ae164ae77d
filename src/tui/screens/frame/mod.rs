//! One frame: the picture of RFC 6455 section 5.2, its fields, its bytes; one cursor in all three.

mod bytes;
mod diagram;
mod fields;
pub mod found;
mod shown;

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::builder::{BuilderStart, of_frame};
use super::{Hint, Screen, ScreenId, empty, hint, hint_as, hint_pair, slug};
use crate::store::detail::Request;
use crate::tui::commands::Cmd;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::shared::{Ctx, Shared, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::pane::inside;
use crate::tui::widgets::{List, Pane, Text, units};
use bytes::BytesPane;
use fields::Base;
use shown::ShownFrame;

/// A pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum FramePane {
    Diagram,
    #[default]
    Fields,
    Bytes,
}

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct FrameView {
    shown: Option<ShownFrame>,
    /// The selected field, by its place.
    field: usize,
    /// The selected bit of the frame.
    bit: usize,
    base: Base,
    unmasked: bool,
    focus: FramePane,
    rows: List,
    /// Columns of the bytes.
    columns: usize,
}

/// Where the panes stand; empty where there is no room.
#[derive(Clone, Copy, Debug, Default)]
struct FrameAreas {
    diagram: Rect,
    fields: Rect,
    bytes: Rect,
    /// The line of totals where it has no place in the fields.
    totals: Rect,
    /// Panes with few lines.
    compact: bool,
}

/// Columns that the box takes with its border.
const BOX: u16 = 68;

impl FrameView {
    fn places(&self, shared: &Shared, area: Rect) -> FrameAreas {
        let Rect { x, y, width, height } = area;
        let alone = |focus: FramePane| {
            let mut places = FrameAreas::default();
            match focus {
                FramePane::Diagram => places.diagram = area,
                FramePane::Fields => places.fields = area,
                FramePane::Bytes => places.bytes = area,
            }
            places
        };
        if shared.zoomed || height < 17 {
            return alone(self.focus);
        }
        if width >= BOX + 36 && height >= 22 {
            let low = (height / 4).clamp(7, 20).max(height.saturating_sub(26).min(20));
            let top = height - low;
            return FrameAreas {
                diagram: Rect { width: BOX, height: top, ..area },
                fields: Rect { x: x + BOX, width: width - BOX, height: top, ..area },
                bytes: Rect { y: y + top, height: low, ..area },
                ..FrameAreas::default()
            };
        }
        let diagram = if width < BOX { 0 } else { 9.min(height) };
        let masked = self.shown.as_ref().is_some_and(|shown| shown.frame.masked() == Some(true));
        let bytes = if masked || self.unmasked || self.focus == FramePane::Bytes { 5 } else { 3 };
        let fields = height.saturating_sub(diagram + bytes + 1);
        FrameAreas {
            diagram: Rect { height: diagram, ..area },
            fields: Rect { y: y + diagram, height: fields, ..area },
            bytes: Rect { y: y + diagram + fields, height: bytes, ..area },
            totals: Rect { y: y + height - 1, height: 1, ..area },
            compact: true,
        }
    }

    fn bytes<'a>(&self, shown: &'a ShownFrame, area: Rect) -> BytesPane<'a> {
        BytesPane::new(
            shown,
            shown.bytes(self.field),
            self.unmasked,
            usize::from(area.width).saturating_sub(2),
        )
    }

    /// Puts the cursor on a field.
    fn go_field(&mut self, field: usize) {
        let Some(shown) = &self.shown else { return };
        self.field = field.min(shown.rows().len().saturating_sub(1));
        let bits = shown.bits(self.field);
        if !bits.contains(&self.bit) {
            self.bit = bits.start.min(shown.drawn_bits().saturating_sub(1));
        }
        self.show_bytes();
    }

    /// Puts the cursor on a bit, and with it on its field.
    fn go_bit(&mut self, bit: usize) {
        let Some(shown) = &self.shown else { return };
        self.bit = bit.min(shown.drawn_bits().saturating_sub(1));
        // A Close's code stays selected while the cursor is in it; elsewhere the field is that of the bit.
        if let Some(field) = shown.field_at(self.bit) {
            self.field = field;
        }
        self.show_bytes();
    }

    /// Brings the selected field's first byte into sight.
    fn show_bytes(&mut self) {
        let Some(shown) = &self.shown else { return };
        let bytes = BytesPane::new(shown, 0..0, self.unmasked, self.columns);
        self.rows.go(bytes.row_of(shown.bytes(self.field).start));
    }
}

impl Screen for FrameView {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        if turn.shared.built.is_none() {
            found::settle(turn);
        }
        let ctx = turn.ctx();
        let kind = self.shown.as_ref().and_then(|shown| shown.rows().get(self.field)).map(|row| row.field);
        let before = self.shown.as_ref().map(|shown| shown.rows().len());
        let was = self.shown.as_ref().map(ShownFrame::key);
        self.shown = ShownFrame::make(&ctx, self.shown.take());
        let places = self.places(ctx.shared, ctx.shared.body());
        self.columns = usize::from(places.bytes.width).saturating_sub(2);
        let Some(shown) = &self.shown else { return };
        if Some(shown.key()) != was {
            // The same field of the next frame, where it has it.
            let same = kind.and_then(|kind| shown.rows().iter().position(|row| row.field == kind));
            let field = match (same, before) {
                (Some(same), _) => same,
                (None, Some(_)) => self.field,
                (None, None) => 0,
            };
            self.go_field(field);
        }
        let Some(shown) = &self.shown else { return };
        let bytes = self.bytes(shown, places.bytes);
        let height = usize::from(inside(places.bytes).height).saturating_sub(1);
        self.rows.settle(bytes.len(), height);
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        match cmd {
            Cmd::NextFrame | Cmd::PreviousFrame => {
                match turn.shared.built.as_mut().map(std::sync::Arc::make_mut) {
                    Some(built) if cmd == Cmd::NextFrame => {
                        built.at = (built.at + 1).min(built.frames.len().saturating_sub(1));
                    }
                    Some(built) => built.at = built.at.saturating_sub(1),
                    None => found::walk(turn, cmd == Cmd::NextFrame),
                }
                return true;
            }
            Cmd::Back if turn.shared.built.take().is_some() => {
                turn.go(ScreenId::Builder);
                return true;
            }
            Cmd::WhatIf => {
                if turn.shared.built.is_none() {
                    turn.shared.start = self.shown.as_ref().and_then(|shown| start(&turn.ctx(), shown));
                }
                turn.go(ScreenId::Builder);
                return true;
            }
            Cmd::NextPane | Cmd::PreviousPane => {
                let order = [FramePane::Diagram, FramePane::Fields, FramePane::Bytes];
                let at = order.iter().position(|focus| *focus == self.focus).unwrap_or(0);
                let step = if cmd == Cmd::NextPane { 1 } else { order.len() - 1 };
                self.focus = order.get((at + step) % order.len()).copied().unwrap_or_default();
                return true;
            }
            _ => {}
        }
        let Some(shown) = &self.shown else { return false };
        match cmd {
            Cmd::Down | Cmd::Up if self.focus == FramePane::Bytes => {
                self.rows.scroll(if cmd == Cmd::Down { 1 } else { -1 })
            }
            Cmd::Down => self.go_field(self.field.saturating_add(1)),
            Cmd::Up => self.go_field(self.field.saturating_sub(1)),
            Cmd::First => self.go_field(0),
            Cmd::Last => self.go_field(usize::MAX),
            Cmd::NextBit => self.go_bit(self.bit.saturating_add(1)),
            Cmd::PreviousBit => self.go_bit(self.bit.saturating_sub(1)),
            Cmd::HalfDown | Cmd::PageDown | Cmd::HalfUp | Cmd::PageUp => {
                let height = self.rows.height().max(2) as isize;
                let rows = if matches!(cmd, Cmd::HalfDown | Cmd::HalfUp) { height / 2 } else { height - 1 };
                self.rows.scroll(if matches!(cmd, Cmd::HalfDown | Cmd::PageDown) { rows } else { -rows });
            }
            Cmd::Base => {
                self.base = self.base.next();
                turn.say(format!("values {}", self.base.name()));
            }
            Cmd::Unmask => {
                self.unmasked = !self.unmasked;
                turn.say(if self.unmasked {
                    "bytes: the payload, unmasked"
                } else {
                    "bytes: as on the wire"
                });
                self.rows.settle(0, self.rows.height());
            }
            Cmd::Open => turn.go(ScreenId::Layers),
            Cmd::Copy => {
                let (text, what) = copied(shown, self.field, self.base);
                turn.copy(text, what);
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let places = self.places(turn.shared, turn.shared.body());
        let at = (mouse.x, mouse.y);
        let Some(shown) = &self.shown else { return };
        let wheel = match mouse.kind {
            MouseKind::WheelDown => 3,
            MouseKind::WheelUp => -3,
            _ => 0,
        };
        if wheel != 0 {
            if places.bytes.contains(at.into()) {
                self.rows.scroll(wheel);
            }
            return;
        }
        if places.diagram.contains(at.into()) {
            self.focus = FramePane::Diagram;
            let inner = inside(places.diagram);
            let view = diagram::DiagramView::new(shown, places.compact, self.bit, inner);
            if let Some(bit) = view.bit_at(inner, mouse.x, mouse.y) {
                self.go_bit(bit);
            }
        } else if places.fields.contains(at.into()) {
            self.focus = FramePane::Fields;
            let line = usize::from(mouse.y.saturating_sub(inside(places.fields).y));
            let heading = if is_short(places, shown) { 0 } else { fields::HEADING };
            if let Some(field) = line.checked_sub(heading)
                && !is_short(places, shown)
                && field < shown.rows().len()
            {
                self.go_field(field);
            }
        } else if places.bytes.contains(at.into()) {
            self.focus = FramePane::Bytes;
            let inner = inside(places.bytes);
            if !places.compact {
                let line = usize::from(mouse.y.saturating_sub(inner.y));
                let bytes = self.bytes(shown, places.bytes);
                let row = line.checked_sub(1).and_then(|line| self.rows.at(line));
                let column = usize::from(mouse.x.saturating_sub(inner.x));
                let found = row.and_then(|row| bytes.byte_at(row, column));
                if let Some(field) = found.and_then(|byte| shown.field_at(byte.saturating_mul(8))) {
                    let top = self.rows.top;
                    self.go_field(field);
                    self.rows.top = top;
                }
            }
        }
    }

    fn here(&self, _ctx: &Ctx<'_>) -> String {
        let row = self.shown.as_ref().and_then(|shown| shown.rows().get(self.field));
        row.map_or_else(String::new, |row| slug(row.field.name()))
    }

    /// A field, or a byte of it from 0: `payload[3]`.
    fn point(&mut self, at: &str, _turn: &mut Turn<'_>) -> bool {
        let Some(shown) = &self.shown else { return false };
        let (name, byte) = match at.trim_end_matches(']').split_once('[') {
            Some((name, byte)) => (name, byte.parse::<usize>().ok()),
            None => (at, None),
        };
        let Some(field) = shown.rows().iter().position(|row| slug(row.field.name()) == name) else {
            return false;
        };
        let bit = byte.map(|byte| shown.bytes(field).start.saturating_add(byte).saturating_mul(8));
        self.go_field(field);
        if let Some(bit) = bit {
            self.go_bit(bit);
        }
        true
    }

    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        found::request(ctx)
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(shown) = &self.shown else {
            let inner = Pane::new("Frame", true).draw(buffer, area, ctx.theme());
            empty(ctx, buffer, inner, "no frame of this connection was captured");
            return;
        };
        let places = self.places(ctx.shared, area);
        if !places.diagram.is_empty() {
            let title = title(ctx, shown, places.compact);
            let inner =
                Pane::new(title, self.focus == FramePane::Diagram).draw(buffer, places.diagram, ctx.theme());
            let view = diagram::DiagramView::new(shown, places.compact, self.bit, inner);
            view.draw(ctx, shown.bits(self.field), self.bit, inner, buffer);
        }
        if !places.fields.is_empty() {
            let mut pane = Pane::new("Fields", self.focus == FramePane::Fields);
            if self.base != Base::Usual {
                pane = pane.right(self.base.name());
            }
            let inner = pane.draw(buffer, places.fields, ctx.theme());
            if is_short(places, shown) {
                let lines = short_fields(shown, self.field, self.base, usize::from(inner.width));
                ctx.lines(buffer, inner, &lines);
            } else {
                fields::draw(ctx, shown, self.field, self.base, inner, buffer);
            }
        }
        if !places.bytes.is_empty() {
            self.draw_bytes(ctx, shown, places, buffer);
        }
        if !places.totals.is_empty() {
            let mut line = Text::of(Role::Plain, " ");
            line.append(&fields::totals(shown));
            line.draw(buffer, places.totals.x, places.totals.y, places.totals.width, ctx.theme());
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let mut line = Text::of(Role::Plain, " ");
        if let Some(shown) = &self.shown {
            status(ctx, shown, &mut line);
        }
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint_pair(Cmd::Down, Cmd::Up, "field", "字段", 8),
            hint_pair(Cmd::PreviousBit, Cmd::NextBit, "bit", "位", 7),
            hint_as(Cmd::NextPane, "pane", "窗格", 2),
            hint_pair(Cmd::NextFrame, Cmd::PreviousFrame, "frame", "帧", 8),
            hint(Cmd::Unmask, 6),
            hint(Cmd::Base, 5),
            hint(Cmd::WhatIf, 1),
            hint(Cmd::Copy, 4),
            hint_as(Cmd::Open, "layers", "分层", 3),
            hint(Cmd::Back, 9),
        ];
        HINTS
    }
}

impl FrameView {
    fn draw_bytes(&self, ctx: &Ctx<'_>, shown: &ShownFrame, places: FrameAreas, buffer: &mut Buffer) {
        let title = if self.unmasked { "Bytes, unmasked" } else { "Bytes" };
        let focused = self.focus == FramePane::Bytes;
        let inner = Pane::new(title, focused).right("▐ ▌ = bytes of the selected field").draw(
            buffer,
            places.bytes,
            ctx.theme(),
        );
        let bytes = self.bytes(shown, places.bytes);
        if places.compact && !self.unmasked {
            ctx.lines(buffer, inner, &bytes.short());
            return;
        }
        bytes.titles().draw(buffer, inner.x, inner.y, inner.width, ctx.theme());
        for (y, row) in (inner.y.saturating_add(1)..inner.bottom()).zip(self.rows.visible()) {
            bytes.row(row).draw(buffer, inner.x, y, inner.width, ctx.theme());
        }
    }
}

/// Whether the fields have a few lines only.
fn is_short(places: FrameAreas, shown: &ShownFrame) -> bool {
    usize::from(inside(places.fields).height) < shown.rows().len() + fields::HEADING
}

/// The frame as the builder takes it.
fn start(ctx: &Ctx<'_>, shown: &ShownFrame) -> Option<BuilderStart> {
    let header = shown.frame.header?;
    let message = shown.loaded.as_ref().and_then(found::Loaded::message);
    let compressed = header.rsv1() && message.is_some_and(|message| message.compressed);
    // What was compressed is compressed again, so the message itself is taken; of one in pieces it cannot be.
    let whole = message.filter(|message| compressed && message.frame_count == 1 && message.whole);
    let payload = whole.map_or(&shown.plain, |message| &message.bytes);
    let agreed = ctx.connection().is_some_and(|connection| connection.handshake.deflate.is_some());
    let deflate = agreed && (whole.is_some() || !compressed);
    let selection = ctx.shared.selection;
    Some(BuilderStart {
        draft: of_frame(header, shown.direction, payload, deflate),
        from: format!("connection {}, frame {}", selection.connection, selection.frame),
    })
}

/// `RFC 6455 §5.2  frame 1 of message 1`
fn title(ctx: &Ctx<'_>, shown: &ShownFrame, compact: bool) -> String {
    if let Some(built) = &ctx.shared.built {
        return format!("RFC 6455 §5.2  what-if: frame {} of {}", built.at + 1, built.frames.len());
    }
    let selection = ctx.shared.selection;
    let frames = ctx.message().map_or(1, |message| message.frames);
    let place = shown.loaded.as_ref().map(found::Loaded::place);
    let mut title = "RFC 6455 §5.2  ".to_owned();
    title += &match (selection.message, place) {
        (0, _) => format!("frame {}, not part of a message", selection.frame),
        (message, Some(place)) if !compact => format!("frame {place} of {frames} of message {message}"),
        (_, Some(place)) => format!("frame {place}/{frames}"),
        (message, None) => format!("message {message}"),
    };
    title
}

/// ` → TEXT  5 B  packet 4  t=0.000213`
fn status(ctx: &Ctx<'_>, shown: &ShownFrame, line: &mut Text) {
    let arrow = match shown.direction {
        crate::model::Direction::ClientToServer => "→",
        crate::model::Direction::ServerToClient => "←",
    };
    line.add(Role::of_direction(shown.direction), arrow).plainly(" ");
    if let Some(header) = shown.frame.header {
        let role = if header.opcode().is_control() { Role::Control } else { Role::Plain };
        line.add(role, header.opcode().title());
    }
    line.plainly(format!("  {} B", units::grouped(shown.payload_len())));
    if let Some(detail) = shown.loaded.as_ref().and_then(found::Loaded::frame) {
        let (first, last) = (detail.first, detail.last);
        match first.packet == last.packet {
            true => line.plainly(format!("  packet {}", first.packet)),
            false => line.plainly(format!("  packets {} to {}", first.packet, last.packet)),
        };
        if let Some(begin) = ctx.index.begin {
            line.plainly(format!("  t={}", units::relative(last.time, begin)));
        }
        let len = (shown.header_len() as u64).saturating_add(shown.payload_len());
        line.plainly(format!("  stream bytes {}..{}", detail.at, detail.at.saturating_add(len)));
    }
    let worst = shown.problems.iter().map(|problem| problem.severity).max();
    match worst {
        Some(severity) => {
            let count = shown.problems.len() as u64;
            line.plainly("  ").add(Role::of_severity(severity), units::counted(count, "finding"));
        }
        None if shown.complete => {
            line.plainly("  ").add(Role::Ok, "legal ✓");
        }
        None => {}
    }
}

/// The selected field in words and the others in a row: for few lines.
fn short_fields(shown: &ShownFrame, selected: usize, base: Base, columns: usize) -> Vec<Text> {
    let mut lines = Vec::new();
    let mut others = Text::of(Role::Plain, " ");
    for (i, row) in shown.rows().iter().enumerate() {
        let value = fields::value(shown, row, base);
        if i != selected {
            others.add(Role::Dim, if others.width() > 1 { " · " } else { "" });
            others.plainly(row.field.name()).plainly(" ").plainly(value);
            continue;
        }
        let mut line = Text::of(Role::Title, "▸");
        line.add(Role::Title, row.field.name()).plainly(" = ").add(Role::Title, value).plainly("   ");
        match shown.problems.iter().find(|problem| problem.field == Some(row.field)) {
            Some(problem) => line.append(&fields::problem_line(problem)),
            None => line.append(&fields::meaning(shown, row, columns.saturating_sub(line.width()))),
        };
        line.end_at(columns, &Text::of(Role::Dim, row.reference));
        lines.push(line);
    }
    lines.push(others);
    let mut words = fields::words(shown, selected, columns);
    // Its title stands in the first line already.
    if !words.is_empty() {
        words.remove(0);
    }
    for mut line in words {
        let mut inset = Text::of(Role::Plain, " ");
        inset.append(&line);
        std::mem::swap(&mut line, &mut inset);
        lines.push(line);
    }
    lines
}

/// What `y` copies of a field, and what it is.
fn copied(shown: &ShownFrame, field: usize, base: Base) -> (String, &'static str) {
    use crate::explain::frame::FrameField;
    let Some(row) = shown.rows().get(field) else { return (String::new(), "the frame") };
    let text = match row.field {
        FrameField::Payload if shown.is_text() => String::from_utf8_lossy(&shown.plain).into_owned(),
        FrameField::Payload => crate::tui::widgets::hex::spaced(&shown.plain),
        FrameField::CloseReason => shown
            .frame
            .close()
            .map_or_else(String::new, |close| String::from_utf8_lossy(close.reason).into_owned()),
        _ => fields::value(shown, row, base),
    };
    (text, row.field.name())
}

/// Bits of the frame that two ranges share.
fn shares(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}
