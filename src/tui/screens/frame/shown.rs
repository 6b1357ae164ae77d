//! The frame that is looked at, taken apart: made once per frame, looked at by all three panes.

use std::ops::Range;
use std::sync::Arc;

use super::super::builder::Built;
use super::found::{self, FoundFrame, Loaded};
use crate::explain::diagram::{DiagramLine, drawn_bits, picture};
use crate::explain::fields::{About, about};
use crate::explain::frame::{ExplainOptions, ExplainedFrame, FieldRow, FrameField, explain};
use crate::model::{Direction, Lang, Severity};
use crate::tui::shared::Ctx;
use crate::ws::{Opcode, rules, unmask};

/// A broken rule, at the field that shows it if there is one.
#[derive(Clone, Debug)]
pub struct FrameProblem {
    /// The field.
    pub field: Option<FrameField>,
    /// How bad it is.
    pub severity: Severity,
    /// The rule's code and section.
    pub rule: (&'static str, &'static str),
    /// One sentence. Captured text in it is not yet made safe.
    pub text: String,
}

/// What a frame was made from: connection, number, bytes that were loaded, language.
pub type Key = (u32, u64, Option<usize>, Lang);

/// A frame taken apart.
#[derive(Clone, Debug)]
pub struct ShownFrame {
    /// What it was made from.
    key: Key,
    /// Its fields.
    pub frame: ExplainedFrame,
    /// The payload as sent, as far as it is loaded.
    pub wire: Vec<u8>,
    /// The payload unmasked, as far as it is loaded.
    pub plain: Vec<u8>,
    /// The box with all names.
    pub full: Vec<DiagramLine>,
    /// The box with names of one line.
    pub compact: Vec<DiagramLine>,
    /// What is wrong.
    pub problems: Vec<FrameProblem>,
    /// Why the payload is not there, if it is not.
    pub absent: Option<String>,
    /// Where it is: message, place in it, frames in it, packets.
    pub loaded: Option<Loaded>,
    /// Who sent it.
    pub direction: Direction,
    /// Whether the capture has all of it.
    pub complete: bool,
    /// The frames that it belongs to if the frame builder made it; `None` if it was captured.
    built: Option<Arc<Built>>,
}

impl ShownFrame {
    /// Takes the selected frame apart, unless `before` is that already; `None` where there is no frame.
    #[must_use]
    pub fn make(ctx: &Ctx<'_>, before: Option<Self>) -> Option<Self> {
        if let Some(built) = &ctx.shared.built {
            let is_it = |shown: &Self| {
                shown.key.3 == ctx.shared.lang
                    && shown.built.as_ref().is_some_and(|before| Arc::ptr_eq(before, built))
            };
            return before.filter(is_it).or_else(|| Self::of_built(ctx, built));
        }
        let number = found::number(ctx);
        let row = found::row(ctx, number)?;
        let found = found::find(ctx);
        let (loaded, absent) = match found {
            FoundFrame::Here(loaded) => (Some(loaded), None),
            FoundFrame::Waiting => (None, Some("loading".to_owned())),
            FoundFrame::Nothing(why) => (None, Some(why)),
        };
        let detail = loaded.as_ref().and_then(Loaded::frame);
        let bytes = detail.map(|detail| detail.payload.len());
        let lang = ctx.shared.lang;
        let key = (ctx.shared.selection.connection, number, bytes, lang);
        if let Some(before) = before
            && before.key == key
            && before.built.is_none()
        {
            return Some(Self { absent, ..before });
        }
        let header = row.header();
        let plain = detail.map(|detail| detail.payload.clone()).unwrap_or_default();
        let mut wire = plain.clone();
        if header.masked() {
            unmask(&mut wire, header.masking_key, 0);
        }
        let (head, len) = header.to_bytes();
        let mut bytes = detail.map_or_else(
            || head.get(..len).unwrap_or_default().to_vec(),
            |detail| detail.header_bytes.clone(),
        );
        bytes.extend_from_slice(&wire);
        let handshake = ctx.connection().map(|connection| &connection.handshake);
        let compressed = loaded.as_ref().and_then(Loaded::message).is_some_and(|message| message.compressed);
        let deflate = compressed || handshake.is_some_and(|handshake| handshake.deflate.is_some());
        let direction = row.direction();
        let frame = explain(&bytes, &ExplainOptions { direction: Some(direction), deflate, lang })
            .frames
            .into_iter()
            .next()?;
        let mut shown = Self {
            key,
            full: picture(&frame, usize::MAX),
            compact: picture(&frame, 1),
            wire,
            plain,
            problems: Vec::new(),
            absent,
            direction,
            complete: row.complete,
            loaded,
            built: None,
            frame,
        };
        shown.judge(ctx, number, handshake.map_or(0, |handshake| handshake.rsv_defined));
        Some(shown)
    }

    /// A frame that was built, not captured.
    fn of_built(ctx: &Ctx<'_>, built: &Arc<Built>) -> Option<Self> {
        let lang = ctx.shared.lang;
        let Built { at, direction, deflate, .. } = **built;
        let bytes = built.frames.get(at)?;
        let frame = explain(bytes, &ExplainOptions { direction: Some(direction), deflate, lang })
            .frames
            .into_iter()
            .next()?;
        let problems = frame.problems.iter().filter(|problem| {
            // Alone, a later frame seems to go on with nothing.
            at == 0 || problem.rule.code != rules::UNEXPECTED_CONTINUATION.code
        });
        let problems = problems.map(|problem| FrameProblem {
            field: Some(problem.field),
            severity: problem.rule.severity,
            rule: (problem.rule.code, problem.rule.reference),
            text: problem.text.clone(),
        });
        Some(Self {
            key: (0, at as u64 + 1, Some(bytes.len()), lang),
            full: picture(&frame, usize::MAX),
            compact: picture(&frame, 1),
            wire: frame.wire_bytes(),
            plain: frame.payload.clone(),
            problems: problems.collect(),
            absent: None,
            loaded: None,
            direction,
            complete: frame.is_complete(),
            built: Some(Arc::clone(built)),
            frame,
        })
    }

    /// What this frame breaks by itself, and what is found about it in its place.
    fn judge(&mut self, ctx: &Ctx<'_>, number: u64, rsv_defined: u8) {
        let rsv = self.frame.header.map_or(0, |header| header.rsv());
        for problem in &self.frame.problems {
            // An extension of which only the name is known may use these bits.
            let allowed = problem.rule.code == rules::RESERVED_BIT_SET.code && rsv & !rsv_defined == 0;
            // Whether a message goes on over frames is told by those found in the whole connection.
            if !allowed {
                self.problems.push(FrameProblem {
                    field: Some(problem.field),
                    severity: problem.rule.severity,
                    rule: (problem.rule.code, problem.rule.reference),
                    text: problem.text.clone(),
                });
            }
        }
        let connection = ctx.shared.selection.connection;
        let found = ctx.index.findings.iter().filter(|finding| {
            finding.frame == Some(number) && finding.connection.is_some_and(|id| id.0 == connection)
        });
        for finding in found.take(20) {
            if self.problems.iter().all(|known| known.rule.0 != finding.rule.code) {
                self.problems.push(FrameProblem {
                    field: None,
                    severity: finding.rule.severity,
                    rule: (finding.rule.code, finding.rule.reference),
                    text: match ctx.shared.lang {
                        Lang::En => finding.text.to_string(),
                        lang => format!("{} {}", finding.rule.summary.of(lang), finding.text),
                    },
                });
            }
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// The fields in order.
    #[must_use]
    pub fn rows(&self) -> &[FieldRow] {
        &self.frame.rows
    }

    /// The bits of a field.
    #[must_use]
    pub fn bits(&self, field: usize) -> Range<usize> {
        self.rows().get(field).map_or(0..0, |row| row.bits_of(&self.frame))
    }

    /// The bytes of a field.
    #[must_use]
    pub fn bytes(&self, field: usize) -> Range<usize> {
        self.rows().get(field).map_or(0..0, |row| row.bytes_of(&self.frame))
    }

    /// The field that a bit belongs to: of a Close's payload its parts.
    #[must_use]
    pub fn field_at(&self, bit: usize) -> Option<usize> {
        (0..self.rows().len()).rfind(|field| self.bits(*field).contains(&bit))
    }

    /// How many bits can have the cursor: those that are drawn.
    #[must_use]
    pub fn drawn_bits(&self) -> usize {
        drawn_bits(&self.frame)
    }

    /// Bytes of the header.
    #[must_use]
    pub fn header_len(&self) -> usize {
        self.frame.head.len()
    }

    /// The payload's length as the header has it.
    #[must_use]
    pub fn payload_len(&self) -> u64 {
        self.frame.header.map_or(0, |header| header.payload_len)
    }

    /// The byte of the frame at an offset, as sent.
    #[must_use]
    pub fn byte(&self, at: usize) -> Option<u8> {
        match at.checked_sub(self.header_len()) {
            Some(at) => self.wire.get(at).copied(),
            None => self.frame.head.get(at).copied(),
        }
    }

    /// A field in words.
    #[must_use]
    pub fn about(&self, field: usize) -> Option<About> {
        self.rows().get(field).map(|row| about(&self.frame, row, self.key.3))
    }

    /// Whether the payload is text as it stands.
    #[must_use]
    pub fn is_text(&self) -> bool {
        let header = self.frame.header;
        let message = self.loaded.as_ref().and_then(Loaded::message);
        let text = message.map_or_else(
            || header.is_some_and(|header| header.opcode() == Opcode::Text),
            |message| message.opcode == Opcode::Text,
        );
        let compressed =
            message.map_or_else(|| header.is_some_and(|header| header.rsv1()), |message| message.compressed);
        let data = header.is_some_and(|header| !header.opcode().is_control());
        text && !compressed && data
    }
}
