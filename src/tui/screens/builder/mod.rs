//! The frame builder: change any field, and the bytes, the real parser and the real rules follow. Nothing is sent.

mod draw;
mod edit;

use std::path::PathBuf;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Hint, Screen, ScreenId, hint, hint_as, hint_pair};
use crate::build::{Draft, EXPERIMENTS, Violation, pcapng, verdict};
use crate::explain::frame::{ExplainOptions, ExplainedFrame, explain};
use crate::model::{Direction, Lang};
use crate::report::snippet::{self, SnippetForm};
use crate::tui::commands::Cmd;
use crate::tui::event::{Effect, Mouse, MouseKind, Save};
use crate::tui::shared::{Ctx, Menu, Shared, Turn};
use crate::tui::theme::Role;
use crate::tui::widgets::pane::inside;
use crate::tui::widgets::{List, Text, hex};

pub use edit::{BuilderField, of_frame};

/// What the builder begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuilderStart {
    /// The frame.
    pub draft: Draft,
    /// Where it comes from, in our own words.
    pub from: String,
}

/// Frames that were built, to be looked at on the Frame screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The bytes of each frame.
    pub frames: Vec<Vec<u8>>,
    /// Which is looked at.
    pub at: usize,
    /// Who would send them.
    pub direction: Direction,
    /// permessage-deflate was agreed on.
    pub deflate: bool,
}

/// Which pane has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum BuilderPane {
    #[default]
    Fields,
    Experiments,
    Picture,
}

/// Steps back that are kept.
const STEPS: usize = 200;
/// Input lines.
const SAVE: u32 = 1;
const EDIT: u32 = 2;
const EDIT_HEX: u32 = 3;

/// The screen's state.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    draft: Draft,
    /// What it began with.
    start: Option<BuilderStart>,
    before: Vec<Draft>,
    field: usize,
    focus: BuilderPane,
    list: List,
    /// First line of the picture that is seen.
    top: usize,
    made: Option<Made>,
}

/// What became of a draft: made at each change, drawn often.
#[derive(Clone, Debug)]
struct Made {
    draft: Draft,
    lang: Lang,
    bytes: Vec<u8>,
    frames: Vec<ExplainedFrame>,
    found: Vec<Violation>,
}

impl Made {
    fn of(draft: &Draft, lang: Lang) -> Self {
        let bytes = draft.encode();
        let options = ExplainOptions { direction: Some(draft.direction), deflate: draft.deflate, lang };
        let frames = explain(&bytes, &options).frames;
        Self { found: draft.judge(), draft: draft.clone(), lang, bytes, frames }
    }
}

/// Where the panes stand; empty where there is no room.
#[derive(Clone, Copy, Debug, Default)]
struct BuilderAreas {
    fields: Rect,
    picture: Rect,
    experiments: Rect,
}

impl Builder {
    fn places(&self, shared: &Shared, area: Rect) -> BuilderAreas {
        let Rect { x, y, width, height } = area;
        if shared.zoomed || width < 74 || height < 16 {
            return match self.focus {
                BuilderPane::Fields => BuilderAreas { fields: area, ..BuilderAreas::default() },
                BuilderPane::Experiments => BuilderAreas { experiments: area, ..BuilderAreas::default() },
                BuilderPane::Picture => BuilderAreas { picture: area, ..BuilderAreas::default() },
            };
        }
        if width >= 118 && height >= 30 {
            let top = height.saturating_sub(10).min(25);
            let left = width - 68;
            return BuilderAreas {
                fields: Rect { width: left, height: top, ..area },
                picture: Rect { x: x + left, width: 68, height: top, ..area },
                experiments: Rect { y: y + top, height: height - top, ..area },
            };
        }
        if self.focus == BuilderPane::Picture {
            return BuilderAreas { picture: area, ..BuilderAreas::default() };
        }
        let left = (width * 11 / 20).max(44);
        BuilderAreas {
            fields: Rect { width: left, ..area },
            experiments: Rect { x: x + left, width: width - left, ..area },
            ..BuilderAreas::default()
        }
    }

    fn field(&self) -> BuilderField {
        BuilderField::ALL.get(self.field).copied().unwrap_or(BuilderField::Fin)
    }

    /// Changes the draft, and remembers what it was.
    fn change(&mut self, change: impl FnOnce(&mut Draft)) {
        let mut draft = self.draft.clone();
        change(&mut draft);
        if draft != self.draft {
            self.before.push(std::mem::replace(&mut self.draft, draft));
            if self.before.len() > STEPS {
                self.before.remove(0);
            }
        }
    }

    fn say_verdict(&self, turn: &mut Turn<'_>) {
        let found = self.draft.judge();
        match verdict(&found) {
            Some(found) => turn.warn(format!("✗ {}", found.rule.code)),
            None => turn.say(turn.shared.lang.pick("legal", "合法")),
        }
    }

    fn copies() -> Menu {
        let forms = [
            (0, SnippetForm::Hex),
            (1, SnippetForm::Dump),
            (2, SnippetForm::Base64),
            (3, SnippetForm::C),
            (4, SnippetForm::Rust),
            (5, SnippetForm::Python),
        ];
        Menu {
            title: "copy the frames as".into(),
            items: forms.into_iter().map(|(id, form)| (id, form.name().to_owned(), String::new())).collect(),
        }
    }
}

impl Screen for Builder {
    fn settle(&mut self, turn: &mut Turn<'_>) {
        if let Some(start) = turn.shared.start.take() {
            self.draft = start.draft.clone();
            self.start = Some(start);
            self.before.clear();
            (self.field, self.focus, self.top) = (0, BuilderPane::Fields, 0);
        }
        let lang = turn.shared.lang;
        if self.made.as_ref().is_none_or(|made| made.draft != self.draft || made.lang != lang) {
            self.made = Some(Made::of(&self.draft, lang));
            self.top = 0;
        }
        let places = self.places(turn.shared, turn.shared.body());
        let height = usize::from(inside(places.experiments).height);
        self.list.settle(EXPERIMENTS.len(), height.saturating_sub(1));
    }

    fn act(&mut self, cmd: Cmd, turn: &mut Turn<'_>) -> bool {
        match cmd {
            Cmd::NextPane | Cmd::PreviousPane => {
                let order = [BuilderPane::Fields, BuilderPane::Experiments, BuilderPane::Picture];
                let at = order.iter().position(|focus| *focus == self.focus).unwrap_or(0);
                let step = if cmd == Cmd::NextPane { 1 } else { order.len() - 1 };
                self.focus = order.get((at + step) % order.len()).copied().unwrap_or_default();
            }
            Cmd::Undo => match self.before.pop() {
                Some(before) => self.draft = before,
                None => turn.say("nothing was changed"),
            },
            Cmd::Reset => {
                let start = self.start.as_ref().map_or_else(Draft::default, |start| start.draft.clone());
                self.change(|draft| *draft = start);
            }
            Cmd::NewKey => self.change(|draft| {
                let key = draft.key.unwrap_or(Draft::KEY);
                draft.key = Some(crate::build::draft::next_key(key));
            }),
            Cmd::Copy => {
                let text = hex::spaced(&self.draft.encode());
                turn.copy(text, "the frame");
            }
            Cmd::CopyAs => turn.menu(Self::copies()),
            Cmd::SaveCapture | Cmd::Export => {
                turn.prompt(SAVE, "save as pcapng", "what-if.pcapng".to_owned())
            }
            Cmd::WhatIf => turn.say("this is the frame builder"),
            cmd if self.focus == BuilderPane::Experiments && self.list.act(cmd) => {}
            Cmd::Open | Cmd::Toggle if self.focus == BuilderPane::Experiments => {
                if let Some(experiment) = EXPERIMENTS.get(self.list.cursor) {
                    self.change(|draft| *draft = experiment.apply(draft));
                    self.say_verdict(turn);
                }
            }
            Cmd::Down | Cmd::Up if self.focus == BuilderPane::Picture => {
                self.top =
                    if cmd == Cmd::Down { self.top.saturating_add(1) } else { self.top.saturating_sub(1) };
            }
            Cmd::Down => self.field = (self.field + 1).min(BuilderField::ALL.len() - 1),
            Cmd::Up => self.field = self.field.saturating_sub(1),
            Cmd::First => self.field = 0,
            Cmd::Last => self.field = BuilderField::ALL.len() - 1,
            Cmd::Toggle | Cmd::More => {
                let field = self.field();
                self.change(|draft| edit::step(draft, field, true));
            }
            Cmd::Less => {
                let field = self.field();
                self.change(|draft| edit::step(draft, field, false));
            }
            Cmd::Edit | Cmd::EditHex => {
                let hex = cmd == Cmd::EditHex;
                match edit::prompt(&self.draft, self.field(), hex) {
                    Ok((label, text)) => turn.prompt(if hex { EDIT_HEX } else { EDIT }, label, text),
                    Err(why) => turn.say(why),
                }
            }
            Cmd::Open => {
                let Draft { direction, deflate, .. } = self.draft;
                let built = Built { frames: self.draft.frames(), at: 0, direction, deflate };
                if turn.index.connections.is_empty() {
                    turn.say("the Frame screen needs a capture");
                } else {
                    turn.shared.built = Some(Arc::new(built));
                    turn.go(ScreenId::Frame);
                }
            }
            _ => return false,
        }
        true
    }

    fn picked(&mut self, item: u32, turn: &mut Turn<'_>) {
        let forms = [
            SnippetForm::Hex,
            SnippetForm::Dump,
            SnippetForm::Base64,
            SnippetForm::C,
            SnippetForm::Rust,
            SnippetForm::Python,
        ];
        if let Some(form) = forms.get(item as usize)
            && let Some(text) = snippet::write(*form, &self.draft.encode())
        {
            turn.copy(text, "the frame");
        }
    }

    fn entered(&mut self, id: u32, text: &str, done: bool, turn: &mut Turn<'_>) {
        if !done {
            return;
        }
        if id == SAVE {
            if !text.is_empty() {
                match pcapng(&self.draft) {
                    Ok(bytes) => turn.effects.push(Effect::Save(PathBuf::from(text), Save::Bytes(bytes))),
                    Err(error) => turn.warn(error.to_string()),
                }
            }
            return;
        }
        let mut draft = self.draft.clone();
        match edit::entered(&mut draft, self.field(), text, id == EDIT_HEX) {
            Ok(()) => self.change(|old| *old = draft),
            Err(why) => turn.warn(why),
        }
    }

    fn mouse(&mut self, mouse: Mouse, turn: &mut Turn<'_>) {
        let places = self.places(turn.shared, turn.shared.body());
        let at = (mouse.x, mouse.y).into();
        let wheel = match mouse.kind {
            MouseKind::WheelDown => 3,
            MouseKind::WheelUp => -3,
            _ => 0,
        };
        let line = |area: Rect| usize::from(mouse.y.saturating_sub(inside(area).y));
        if places.experiments.contains(at) {
            self.focus = BuilderPane::Experiments;
            if wheel != 0 {
                self.list.scroll(wheel);
            } else if let Some(row) =
                line(places.experiments).checked_sub(1).and_then(|line| self.list.at(line))
            {
                self.list.go(row);
            }
        } else if places.fields.contains(at) {
            self.focus = BuilderPane::Fields;
            if wheel == 0 && line(places.fields) < BuilderField::ALL.len() {
                let again = self.field == line(places.fields);
                self.field = line(places.fields);
                if again {
                    self.act(Cmd::Toggle, turn);
                }
            }
        } else if places.picture.contains(at) {
            self.focus = BuilderPane::Picture;
            self.top = self.top.saturating_add_signed(wheel);
        }
    }

    fn view(&self, ctx: &Ctx<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(made) = &self.made else { return };
        let places = self.places(ctx.shared, area);
        if !places.fields.is_empty() {
            self.draw_fields(ctx, made, places.fields, buffer);
        }
        if !places.picture.is_empty() {
            self.draw_picture(ctx, made, places.picture, buffer);
        }
        if !places.experiments.is_empty() {
            self.draw_experiments(ctx, places.experiments, buffer);
        }
    }

    fn status(&self, ctx: &Ctx<'_>) -> Text {
        let mut line = Text::of(Role::Plain, " ");
        let start = self.start.as_ref().map_or("RFC 6455 §5.7", |start| start.from.as_str());
        line.plainly(ctx.shared.lang.pick("based on: ", "来自：")).plainly(start);
        let changes = self.before.len() as u64;
        if changes > 0 {
            line.plainly("   ").plainly(crate::tui::widgets::units::counted(changes, "change"));
        }
        let nothing =
            ctx.shared.lang.pick("WHAT-IF  nothing is sent anywhere ", "WHAT-IF  什么也不会发出去 ");
        line.end_at(usize::from(ctx.shared.size.0), &Text::of(Role::Note, nothing));
        line
    }

    fn hints(&self) -> &'static [Hint] {
        const HINTS: &[Hint] = &[
            hint_pair(Cmd::Down, Cmd::Up, "field", "字段", 8),
            hint(Cmd::Toggle, 8),
            hint_pair(Cmd::Less, Cmd::More, "change", "修改", 7),
            hint(Cmd::Edit, 7),
            hint_as(Cmd::EditHex, "hex", "十六进制", 3),
            hint_as(Cmd::NextPane, "pane", "窗格", 6),
            hint(Cmd::Copy, 3),
            hint(Cmd::Undo, 5),
            hint(Cmd::Reset, 2),
            hint_as(Cmd::SaveCapture, "pcapng", "pcapng", 4),
            hint(Cmd::Back, 9),
        ];
        HINTS
    }
}
