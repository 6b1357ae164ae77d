//! One frame through all layers: the tower, and the packet that carried it.

mod tower;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::found::{self, FoundFrame, Loaded};
use super::{Hint, Screen, empty, hint, hint_as, hint_pair, slug};
use crate::model::Lang;
use crate::store::detail::{FrameDetail, FramePiece, Request};
use crate::tui::commands::Cmd;
use crate::tui::details::Detail;
use crate::tui::event::{Mouse, MouseKind};
use crate::tui::shared::{Ctx, Shared, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::labelled::Labelled;
use crate::tui::widgets::pane::inside;
use crate::tui::widgets::text::fit;
use crate::tui::widgets::{List, Pane, Text, bars, hex, units};
use tower::{Layer, Tower, osi_name, spread, tcp_ip_name};

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    shown: Option<ShownLayers>,
    /// Which of the frame's packets.
    piece: usize,
    /// The frame was come to backwards: its last packet is shown.
    from_behind: bool,
    /// Names of TCP/IP's layers, not of OSI's.
    tcp_ip: bool,
    layer: usize,
    list: List,
    /// The packet has the keys.
    below: bool,
    bytes: List,
}

/// What is drawn: made once for each packet.
#[derive(Clone, Debug)]
struct ShownLayers {
    /// Connection, frame, packet of it, bytes that are loaded.
    key: (u32, u64, usize, usize, Lang),
    loaded: Loaded,
    tower: Tower,
    /// The packet with its names, and for how many columns.
    labelled: Labelled,
    columns: usize,
}

impl ShownLayers {
    fn frame(&self) -> Option<&FrameDetail> {
        self.loaded.frame()
    }

    fn piece(&self) -> Option<&FramePiece> {
        self.frame()?.pieces.get(self.key.2)
    }
}

/// Where the panes stand.
#[derive(Clone, Copy, Debug, Default)]
struct LayersAreas {
    tower: Rect,
    packet: Rect,
    /// Each layer has a line of its own and one between.
    boxed: bool,
}

/// The frame that is looked at: alone where its packets came with fewer bytes than the screen shows.
fn find(ctx: &Ctx<'_>, piece: usize) -> FoundFrame {
    let found = found::find(ctx);
    if let FoundFrame::Here(loaded) = &found
        && is_thin(loaded, piece)
        && let Detail::Ready(frame) =
            ctx.shared.details.frame(ctx.shared.selection.connection, found::number(ctx))
    {
        return FoundFrame::Here(Loaded::Alone(frame));
    }
    found
}

/// Whether a packet of the frame came without its bytes.
fn is_thin(loaded: &Loaded, piece: usize) -> bool {
    let piece = loaded.frame().and_then(|frame| frame.pieces.get(piece));
    loaded.message().is_some() && piece.is_some_and(|piece| piece.packet.bytes.is_empty())
}

impl Layers {
    fn places(&self, shared: &Shared, area: Rect) -> LayersAreas {
        let layers = self.shown.as_ref().map_or(10, |shown| shown.tower.layers.len()) as u16;
        let Rect { y, width, height, .. } = area;
        if shared.zoomed || height < 12 {
            return match self.below {
                true => LayersAreas { packet: area, ..LayersAreas::default() },
                false => LayersAreas {
                    tower: area,
                    boxed: width >= 100 && height >= layers * 2 + 4,
                    ..LayersAreas::default()
                },
            };
        }
        let boxed = width >= 100 && height >= layers * 2 + 4 + 6;
        let wanted = if boxed { layers * 2 + 4 } else { layers + 3 };
        let tower = wanted.min(height.saturating_sub(6));
        LayersAreas {
            tower: Rect { height: tower, ..area },
            packet: Rect { y: y + tower, height: height - tower, ..area },
            boxed,
        }
    }

    fn light(&mut self) {
        let Some(shown) = &mut self.shown else { return };
        shown.tower.light(self.layer);
        shown.labelled = Labelled::new(shown.tower.parts.clone(), shown.columns);
        let line = shown.labelled.lit_line();
        self.bytes.go(line.saturating_add(1));
        self.bytes.go(line);
    }

    fn go(&mut self, layer: usize) {
        let layers = self.shown.as_ref().map_or(0, |shown| shown.tower.layers.len());
        self.layer = layer.min(layers.saturating_sub(1));
        self.list.go(self.layer);
        self.light();
    }

    fn walk(&mut self, forwards: bool, turn: &mut Turn<'_>) {
        let pieces = self.shown.as_ref().and_then(ShownLayers::frame).map_or(0, |frame| frame.pieces.len());
        if forwards && self.piece + 1 < pieces {
            self.piece += 1;
            return;
        }
        if !forwards && self.piece > 0 && pieces > 0 {
            self.piece -= 1;
            return;
        }
        let before = found::number(&turn.ctx());
        found::walk(turn, forwards);
        if found::number(&turn.ctx()) != before {
            (self.piece, self.from_behind) = (0, !forwards);
        }
    }
}

impl Screen for Layers {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        found::settle(turn);
        let ctx = turn.ctx();
        let (connection, number) = (ctx.shared.selection.connection, found::number(&ctx));
        if self.shown.as_ref().is_some_and(|shown| (shown.key.0, shown.key.1) != (connection, number))
            && !self.from_behind
        {
            self.piece = 0;
        }
        let FoundFrame::Here(loaded) = find(&ctx, self.piece) else {
            self.shown = None;
            return;
        };
        let Some(frame) = loaded.frame() else { return };
        if self.from_behind {
            self.piece = frame.pieces.len().saturating_sub(1);
            self.from_behind = false;
        }
        self.piece = self.piece.min(frame.pieces.len().saturating_sub(1));
        let bytes = frame.pieces.get(self.piece).map_or(0, |piece| piece.packet.bytes.len());
        let key = (connection, number, self.piece, bytes, ctx.shared.lang);
        let columns = usize::from(ctx.shared.body().width).saturating_sub(2);
        let made = self.shown.as_ref().map(|shown| (shown.key, shown.columns));
        let is_new = made != Some((key, columns));
        if is_new {
            let name =
                self.shown.as_ref().and_then(|shown| Some(shown.tower.layers.get(self.layer)?.name.clone()));
            let piece = frame.pieces.get(self.piece);
            let tower = piece.map(|piece| Tower::new(&ctx, &loaded, frame, piece)).unwrap_or_default();
            // The same layer as before; at first the frame.
            let name = name.unwrap_or_else(|| "WebSocket frame".to_owned());
            let same = tower.layers.iter().position(|layer| layer.name == name);
            let labelled = Labelled::new(Vec::new(), columns);
            self.shown = Some(ShownLayers { key, loaded, tower, labelled, columns });
            self.layer = same.unwrap_or(self.layer);
        }
        let places = self.places(turn.shared, turn.shared.body());
        let Some(shown) = &self.shown else { return };
        let room = usize::from(inside(places.tower).height).saturating_sub(1);
        let rows = if places.boxed { room / 2 } else { room };
        self.list.settle(shown.tower.layers.len(), rows);
        self.bytes.settle(shown.labelled.len(), usize::from(inside(places.packet).height));
        self.layer = self.layer.min(shown.tower.layers.len().saturating_sub(1));
        if self.list.cursor != self.layer {
            self.list.go(self.layer);
        }
        if is_new {
            self.light();
            let lines = self.shown.as_ref().map_or(0, |shown| shown.labelled.len());
            self.bytes.settle(lines, self.bytes.height());
            self.light();
        }
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        match cmd {
            Cmd::NextFrame | Cmd::PreviousFrame => self.walk(cmd == Cmd::NextFrame, turn),
            Cmd::Names => {
                self.tcp_ip = !self.tcp_ip;
                turn.say(if self.tcp_ip {
                    "layer names of TCP/IP (RFC 1122)"
                } else {
                    "layer names of the OSI model"
                });
            }
            Cmd::NextPane | Cmd::PreviousPane => self.below = !self.below,
            cmd if self.below && self.bytes.act(cmd) => {}
            Cmd::Down => self.go(self.layer.saturating_add(1)),
            Cmd::Up => self.go(self.layer.saturating_sub(1)),
            Cmd::First => self.go(0),
            Cmd::Last => self.go(usize::MAX),
            Cmd::Open => {
                let layer = self.shown.as_ref().and_then(|shown| shown.tower.layers.get(self.layer));
                match layer.and_then(|layer| layer.opens) {
                    Some(screen) => turn.go(screen),
                    None => turn.say("this layer has no screen; its bytes are highlighted below"),
                }
            }
            Cmd::Copy => {
                let bytes = self.shown.as_ref().and_then(|shown| {
                    let layer = shown.tower.layers.get(self.layer)?;
                    let packet = &shown.piece()?.packet.bytes;
                    let own = layer.ranges.iter().filter_map(|range| packet.get(range.clone()));
                    Some(own.collect::<Vec<_>>().concat())
                });
                turn.copy(hex::spaced(&bytes.unwrap_or_default()), "this layer");
            }
            _ => return false,
        }
        true
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let places = self.places(turn.shared, turn.shared.body());
        let at = (mouse.x, mouse.y).into();
        let wheel = match mouse.kind {
            MouseKind::WheelDown => 3,
            MouseKind::WheelUp => -3,
            _ => 0,
        };
        if places.packet.contains(at) {
            self.below = true;
            self.bytes.scroll(wheel);
        } else if places.tower.contains(at) {
            if wheel != 0 {
                return self.list.scroll(wheel);
            }
            self.below = false;
            let line = usize::from(mouse.y.saturating_sub(inside(places.tower).y));
            let line = match places.boxed {
                true => line.checked_sub(2).map(|line| line / 2),
                false => line.checked_sub(1),
            };
            if let Some(row) = line.and_then(|line| self.list.at(line)) {
                self.go(row);
            }
        }
    }

    fn here(&self, _ctx: &Ctx<'_>) -> String {
        let layer = self.shown.as_ref().and_then(|shown| shown.tower.layers.get(self.layer));
        layer.map_or_else(String::new, |layer| slug(&layer.name))
    }

    fn point(&mut self, at: &str, _turn: &mut Turn<'_>) -> bool {
        let layers = self.shown.as_ref().map_or(&[][..], |shown| &shown.tower.layers);
        let found = layers.iter().position(|layer| slug(&layer.name) == at);
        if let Some(layer) = found {
            self.go(layer);
        }
        found.is_some()
    }

    fn wants(&self, ctx: &Ctx<'_>) -> Option<Request> {
        let request = found::request(ctx)?;
        let (connection, frame) = (ctx.shared.selection.connection, found::number(ctx));
        match found::find(ctx) {
            FoundFrame::Here(loaded) if is_thin(&loaded, self.piece) => {
                Some(Request::Frame { connection, frame })
            }
            _ => Some(request),
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(shown) = self.shown.as_ref().filter(|shown| shown.piece().is_some()) else {
            let inner = Pane::new("Layers", true).draw(buffer, area, ctx.theme());
            let words = match found::find(ctx) {
                FoundFrame::Nothing(why) => crate::model::safe_str(&why).into_owned(),
                FoundFrame::Waiting => "loading".to_owned(),
                FoundFrame::Here(_) => "no packet of this frame can be read".to_owned(),
            };
            return empty(ctx, buffer, inner, &words);
        };
        let places = self.places(ctx.shared, area);
        if !places.tower.is_empty() {
            let mut pane =
                Pane::new(if places.boxed { "Layers of this frame" } else { "Layers" }, !self.below);
            pane.right = walked(ctx, shown);
            let inner = pane.draw(buffer, places.tower, ctx.theme());
            if places.boxed {
                self.draw_boxed(ctx, shown, inner, buffer);
            } else {
                self.draw_plain(ctx, shown, inner, buffer);
            }
        }
        if !places.packet.is_empty() {
            let mut pane = Pane::new("Whole packet", self.below);
            if let Some(piece) = shown.piece() {
                let (here, wire) = (piece.packet.bytes.len() as u64, u64::from(piece.packet.packet.wire_len));
                if here < wire {
                    pane.right = Text::of(Role::Warning, format!("~ {here} of {wire} B captured"));
                }
            }
            let inner = pane.draw(buffer, places.packet, ctx.theme());
            self.draw_packet(ctx, shown, inner, buffer);
        }
    }

    fn status(&self, _ctx: &Ctx<'_>) -> Text {
        let mut line = Text::of(Role::Plain, " ");
        let Some(shown) = &self.shown else { return line };
        let (wire, data) = (shown.tower.wire, shown.tower.data);
        line.plainly(format!(
            "{} B carried {} B of application data",
            units::grouped(wire),
            units::grouped(data)
        ));
        if wire > 0 {
            line.plainly(format!(": efficiency {}", units::percent(data, wire)));
        }
        if let (Some(frame), Some(piece)) = (shown.frame(), shown.piece()) {
            let spread = spread(frame, piece);
            line.plainly(if spread.is_empty() { "" } else { "   " }).plainly(spread);
        }
        let others = shown.tower.others();
        if others > 0 {
            line.plainly(format!("   {others} B belong to other frames or are padding"));
        }
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint_pair(Cmd::Down, Cmd::Up, "layer", "层", 8),
            hint_as(Cmd::Open, "open layer", "打开该层", 7),
            hint_pair(Cmd::NextFrame, Cmd::PreviousFrame, "packet/frame", "数据包/帧", 8),
            hint(Cmd::Names, 6),
            hint(Cmd::Copy, 4),
            hint_as(Cmd::NextPane, "pane", "窗格", 2),
            hint(Cmd::Back, 9),
        ];
        HINTS
    }
}

impl Layers {
    fn name_of(&self, osi: u8) -> &'static str {
        if self.tcp_ip { tcp_ip_name(osi) } else { osi_name(osi) }
    }

    /// The layer's name where the layer above has another.
    fn heading(&self, layers: &[Layer], at: usize) -> &'static str {
        let name = |at: usize| layers.get(at).map(|layer| self.name_of(layer.osi));
        match (at.checked_sub(1).and_then(name), name(at)) {
            (before, own) if before == own => "",
            (_, own) => own.unwrap_or(""),
        }
    }

    fn titles(&self) -> &'static str {
        if self.tcp_ip { "TCP/IP layer" } else { "OSI layer" }
    }

    fn draw_boxed(&self, ctx: &Ctx<'_>, shown: &ShownLayers, area: Rect, buffer: &mut Buffer) {
        let theme = ctx.theme();
        let columns = usize::from(area.width);
        let words = columns.saturating_sub(1 + 18 + 22 + 2 + 30);
        let layers = &shown.tower.layers;
        let mut y = area.y;
        let mut put = |line: &Text, cursor: bool| {
            if y < area.bottom() {
                line.draw_row(buffer, area.x, y, area.width, theme, cursor);
            }
            y = y.saturating_add(1);
        };
        let mut title = Text::of(Role::Plain, " ");
        title.left(Role::Title, self.titles(), 19).append(&this_packet(shown));
        let tail = columns.saturating_sub(29);
        let title = &mut title.cut(tail.saturating_sub(1));
        title.pad_to(tail).right(Role::Title, "bytes", 5).add(Role::Title, "   share");
        put(title, false);
        let rule = |left: &str, first: &str, cross: [&str; 2], last: &str| {
            let mut line = Text::of(Role::Plain, " ");
            line.add(
                Role::Dim,
                format!(
                    "{left}{}{}{}{}{}{last}",
                    first.repeat(16),
                    cross[0],
                    "─".repeat(20),
                    cross[1],
                    "─".repeat(words)
                ),
            );
            line
        };
        let visible = self.list.visible();
        put(&rule("┌", "─", ["┬", "┬"], "┐"), false);
        for at in visible.clone() {
            let Some(layer) = layers.get(at) else { break };
            let here = at == self.layer;
            let heading =
                if at == visible.start { self.name_of(layer.osi) } else { self.heading(layers, at) };
            let mut line = Text::of(Role::Plain, " ");
            line.add(Role::Dim, "│").left(Role::Title, &format!(" {heading}"), 16).add(Role::Dim, "│");
            line.add(Role::Title, if here { "▸" } else { " " })
                .left(Role::Plain, &layer.name, 19)
                .add(Role::Dim, "│");
            let end = line.width() + words;
            line.plainly(" ")
                .append(&layer.words.cut(words.saturating_sub(2)))
                .pad_to(end)
                .add(Role::Dim, "│");
            line.append(&figures(layer, shown.tower.wire, columns.saturating_sub(end + 1)));
            put(&line, here);
            if at + 1 < visible.end {
                match self.heading(layers, at + 1) {
                    "" => put(&rule("│", " ", ["├", "┼"], "┤"), false),
                    _ => put(&rule("├", "─", ["┼", "┼"], "┤"), false),
                }
            }
        }
        put(&rule("└", "─", ["┴", "┴"], "┘"), false);
    }

    fn draw_plain(&self, ctx: &Ctx<'_>, shown: &ShownLayers, area: Rect, buffer: &mut Buffer) {
        let theme = ctx.theme();
        let columns = usize::from(area.width);
        let layers = &shown.tower.layers;
        let tail = columns.saturating_sub(if columns > 100 { 40 } else { 17 });
        let mut title = Text::of(Role::Plain, " ");
        title.left(Role::Title, self.titles(), 16).append(&this_packet(shown));
        let title = &mut title.cut(tail.saturating_sub(1));
        title.pad_to(tail).right(Role::Title, "bytes", 6).add(Role::Title, "   share");
        title.draw(buffer, area.x, area.y, area.width, theme);
        let visible = self.list.visible();
        for (y, at) in (area.y.saturating_add(1)..area.bottom()).zip(visible.clone()) {
            let Some(layer) = layers.get(at) else { break };
            let here = at == self.layer;
            let heading =
                if at == visible.start { self.name_of(layer.osi) } else { self.heading(layers, at) };
            let mut line = Text::of(Role::Title, if here { "▸" } else { " " });
            line.left(Role::Title, heading, 16);
            if !layer.name.starts_with('-') {
                line.left(Role::Plain, &layer.name, layer.name.len().max(10)).plainly(" ");
            }
            line.append(&layer.words.cut(tail.saturating_sub(line.width() + 1)));
            line.pad_to(tail).append(&figures(layer, shown.tower.wire, columns.saturating_sub(tail)));
            line.draw_row(buffer, area.x, y, area.width, theme, here);
        }
    }

    fn draw_packet(&self, ctx: &Ctx<'_>, shown: &ShownLayers, area: Rect, buffer: &mut Buffer) {
        let Some(piece) = shown.piece() else { return };
        let bytes = &piece.packet.bytes;
        if bytes.is_empty() {
            return empty(ctx, buffer, area, "the packet's bytes are loading");
        }
        if piece.of_packet.is_empty() {
            let mut line = Text::of(Role::Note, " it arrived in IP fragments: the bytes are not marked");
            line = line.cut(usize::from(area.width));
            line.draw(buffer, area.x, area.bottom().saturating_sub(1), area.width, ctx.theme());
        }
        let last = shown.labelled.len().saturating_sub(2);
        for (y, at) in (area.top()..area.bottom()).zip(self.bytes.visible()) {
            let mut line = shown.labelled.line(at, bytes);
            if at == last {
                unmasked(shown, piece, usize::from(area.width), &mut line);
            }
            line.draw(buffer, area.x, y, area.width, ctx.theme());
        }
    }
}

/// ` ⊕ key = f2 48 cd`: behind the packet's last bytes, where there is room.
fn unmasked(shown: &ShownLayers, piece: &FramePiece, columns: usize, line: &mut Text) {
    let Some(frame) = shown.frame() else { return };
    let header = frame.header.len() as u64;
    if !frame.header.masked() || piece.of_frame.end <= header || shown.tower.others() > 0 {
        return;
    }
    let from = usize::try_from(piece.of_frame.start.saturating_sub(header)).unwrap_or(usize::MAX);
    let to = usize::try_from(piece.of_frame.end - header).unwrap_or(usize::MAX).min(frame.payload.len());
    let plain = frame.payload.get(from..to).filter(|plain| plain.len() < columns).unwrap_or_default();
    if plain.is_empty() {
        return;
    }
    let mut tail = Text::of(Role::Dim, " ⊕ key = ");
    tail.plainly(hex::spaced(plain));
    if line.width() + tail.width() < columns {
        line.append(&tail);
    }
}

/// `this frame = packet 8, 79 bytes on the wire`
fn this_packet(shown: &ShownLayers) -> Text {
    let mut line = Text::new();
    if let (Some(frame), Some(piece)) = (shown.frame(), shown.piece()) {
        let part = spread(frame, piece);
        let what = if part.is_empty() { "this frame" } else { "a part of this frame" };
        line.plainly(format!(
            "{what} = packet {}, {} on the wire",
            piece.packet.packet.number,
            units::counted(shown.tower.wire, "byte")
        ));
    }
    line
}

/// Which packet of the frame, and which frame of the packet.
fn walked(ctx: &Ctx<'_>, shown: &ShownLayers) -> Text {
    let mut line = Text::new();
    let (Some(frame), Some(piece)) = (shown.frame(), shown.piece()) else { return line };
    if frame.pieces.len() > 1 {
        line.plainly(format!("packet {} of {} with this frame", shown.key.2 + 1, frame.pieces.len()));
        if frame.pieces.len() >= FrameDetail::PACKETS {
            line.plainly(" (more are not loaded)");
        }
    }
    // Frames that begin in the same packet stand near each other.
    let packet = piece.packet.packet.number as u32;
    let near = (frame.number.saturating_sub(200).max(1)..frame.number.saturating_add(200))
        .filter_map(|number| found::row(ctx, number).map(|row| (number, row)))
        .filter(|(_, row)| row.packet == packet && row.direction() == frame.direction);
    let frames: Vec<u64> = near.map(|(number, _)| number).collect();
    if let (Some(at), true) = (frames.iter().position(|number| *number == frame.number), frames.len() > 1) {
        let lead = if line.is_empty() { "" } else { ", " };
        line.plainly(format!("{lead}frame {} of {} that begin in this packet", at + 1, frames.len()));
    }
    line
}

/// Bytes, share, bar, remark.
fn figures(layer: &Layer, wire: u64, columns: usize) -> Text {
    let mut line = Text::new();
    let Some(bytes) = layer.bytes else { return line };
    line.grouped(Role::Plain, bytes, 6);
    // What is not in the packet as it stands has no share of it.
    let has_share = layer.opens != Some(super::ScreenId::Detail) || layer.remark.is_empty();
    if has_share && wire > 0 {
        line.right(Role::Plain, &units::percent(bytes, wire), 9);
    }
    let room = columns.saturating_sub(line.width() + 2);
    if layer.remark.is_empty() && has_share {
        line.plainly("  ").add(Role::Dim, bars::bar(bytes, wire, room.min(18)));
    } else if room > 8 {
        line.plainly("  ").add(Role::Note, fit(&layer.remark, room));
    }
    line
}
