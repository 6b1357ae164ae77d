//! Which frame is looked at, and its bytes as far as they are loaded.

use std::sync::Arc;

use crate::store::FrameRow;
use crate::store::detail::{FrameDetail, MessageDetail, Request};
use crate::tui::details::Detail;
use crate::tui::shared::{Ctx, Selection, Turn};

/// A frame with its bytes.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// As a part of its message.
    Of(Arc<MessageDetail>, usize),
    /// Alone.
    Alone(Arc<FrameDetail>),
}

impl Loaded {
    /// The frame.
    #[must_use]
    pub fn frame(&self) -> Option<&FrameDetail> {
        match self {
            Self::Of(message, at) => message.frames.get(*at),
            Self::Alone(frame) => Some(frame),
        }
    }

    /// Its message.
    #[must_use]
    pub fn message(&self) -> Option<&MessageDetail> {
        match self {
            Self::Of(message, _) => Some(message),
            Self::Alone(_) => None,
        }
    }

    /// Its place in its message, from 1.
    #[must_use]
    pub fn place(&self) -> u64 {
        match self {
            Self::Of(_, at) => *at as u64 + 1,
            Self::Alone(_) => 1,
        }
    }
}

/// How the frame that is looked at stands.
#[derive(Clone, Debug)]
pub enum FoundFrame {
    /// There is none, or it cannot be read: why.
    Nothing(String),
    /// It is on its way.
    Waiting,
    /// It is there.
    Here(Loaded),
}

/// The number of the frame that is looked at: of the message its first, of the connection its first; 0 for none.
#[must_use]
pub fn number(ctx: &Ctx<'_>) -> u64 {
    let Selection { connection, frame, .. } = ctx.shared.selection;
    if frame > 0 {
        return frame;
    }
    match ctx.message() {
        Some(message) => u64::from(message.first_frame),
        None => u64::from(!ctx.index.frames(connection).is_empty()),
    }
}

/// The row of a frame of the selected connection.
#[must_use]
pub fn row(ctx: &Ctx<'_>, frame: u64) -> Option<FrameRow> {
    let at = usize::try_from(frame.checked_sub(1)?).ok()?;
    ctx.index.frames(ctx.shared.selection.connection).get(at).copied()
}

/// What has to be loaded for the frame that is looked at.
#[must_use]
pub fn request(ctx: &Ctx<'_>) -> Option<Request> {
    let connection = ctx.shared.selection.connection;
    let frame = number(ctx);
    let message = row(ctx, frame)?.message;
    let place = ctx.message().map_or(0, |row| frame.saturating_sub(u64::from(row.first_frame)));
    if message == 0 || place >= MessageDetail::FRAMES as u64 {
        return Some(Request::Frame { connection, frame });
    }
    Some(Request::Message { connection, message: u64::from(message) })
}

/// The frame that is looked at.
#[must_use]
pub fn find(ctx: &Ctx<'_>) -> FoundFrame {
    let nothing = || FoundFrame::Nothing("no frame of this connection was captured".to_owned());
    let Some(request) = request(ctx) else { return nothing() };
    let details = &ctx.shared.details;
    let frame = number(ctx);
    match request {
        Request::Frame { connection, frame } => match details.frame(connection, frame) {
            Detail::Ready(frame) => FoundFrame::Here(Loaded::Alone(frame)),
            Detail::Failed(why) => FoundFrame::Nothing(why),
            Detail::Absent | Detail::Loading => FoundFrame::Waiting,
        },
        Request::Message { connection, message } => match details.message(connection, message) {
            Detail::Ready(message) => match message.frames.iter().position(|known| known.number == frame) {
                Some(at) => FoundFrame::Here(Loaded::Of(message, at)),
                None => FoundFrame::Nothing(format!("frame {frame} could not be read")),
            },
            Detail::Failed(why) => FoundFrame::Nothing(why),
            Detail::Absent | Detail::Loading => FoundFrame::Waiting,
        },
        Request::Tcp { .. } => nothing(),
    }
}

/// Looks at the frame that [`number`] names.
pub fn settle(turn: &mut Turn<'_>) {
    let frame = number(&turn.ctx());
    go(turn, frame);
}

/// Looks at another frame of the connection; `false` where there is none of this number.
pub fn go(turn: &mut Turn<'_>, frame: u64) -> bool {
    let ctx = turn.ctx();
    let Some(row) = row(&ctx, frame) else { return false };
    let connection = ctx.shared.selection.connection;
    turn.select(Selection { connection, message: u64::from(row.message), frame });
    true
}

/// Looks at the next frame or the one before; says so where there is none.
pub fn walk(turn: &mut Turn<'_>, forwards: bool) {
    let frame = number(&turn.ctx());
    let next = if forwards { frame.saturating_add(1) } else { frame.saturating_sub(1) };
    if !go(turn, next) {
        turn.say(if forwards {
            "this is the last frame of the connection"
        } else {
            "this is the first frame of the connection"
        });
    }
}
