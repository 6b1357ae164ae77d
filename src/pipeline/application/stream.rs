//! A stream of HTTP/2 that is a WebSocket, is to be one, or was refused.

use super::websocket::OpenWebSocket;
use crate::http::BodySample;
use crate::model::{Chunk, Direction, Head, PerDirection, Place, Span, WebSocketId};
use crate::pipeline::context::Context;
use crate::pipeline::events::{HeadPlace, Pending, Sink};
use crate::pipeline::transport::above::Gap;

/// Findings that wait until there is a WebSocket to report them of.
pub(super) const REMEMBERED: usize = 64;

/// DATA that arrived before the response.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub(super) at: u64,
    pub(super) span: Span,
    /// The bytes themselves, where they cannot be read again because they were decrypted.
    pub(super) decrypted: Option<Box<[u8]>>,
    pub(super) origin: Place,
}

/// A request for a WebSocket that waits for its response.
#[derive(Clone, Debug)]
pub(super) struct AskedStream {
    pub(super) head: Box<Head>,
    pub(super) place: HeadPlace,
    pub(super) early: Vec<Early>,
}

impl AskedStream {
    /// Bytes of memory beside itself, about.
    fn size(&self) -> usize {
        let decrypted = self.early.iter().filter_map(|early| early.decrypted.as_ref());
        self.head.size()
            + self.early.capacity() * size_of::<Early>()
            + decrypted.map(|bytes| bytes.len()).sum::<usize>()
    }
}

/// A request that was refused, while the body of the response is read.
#[derive(Clone, Debug)]
pub(super) struct RefusedStream {
    pub(super) asked: AskedStream,
    pub(super) head: Box<Head>,
    pub(super) place: HeadPlace,
    pub(super) sample: BodySample,
}

/// A stream that is a WebSocket, or is to be one.
#[derive(Clone, Debug)]
pub(super) struct MultiplexStream {
    pub(super) id: WebSocketId,
    pub(super) asked: Option<Box<AskedStream>>,
    pub(super) refused: Option<Box<RefusedStream>>,
    pub(super) websocket: Option<Box<OpenWebSocket>>,
    pub(super) pending: Vec<Pending>,
    /// Bytes may be missing before it was opened.
    pub(super) lost: PerDirection<bool>,
    pub(super) ended: PerDirection<bool>,
    /// Where END_STREAM was.
    pub(super) fins: PerDirection<Option<Place>>,
    /// The last packet of each direction that brought bytes of frames.
    pub(super) said: PerDirection<Option<Place>>,
    pub(super) gaps: (u64, u64),
    /// The number of the connection's gap that was reported last.
    pub(super) last_gap: u64,
}

impl MultiplexStream {
    pub(super) fn new(id: WebSocketId, asked: AskedStream, pending: Vec<Pending>) -> Self {
        Self {
            id,
            asked: Some(Box::new(asked)),
            refused: None,
            websocket: None,
            pending,
            lost: PerDirection::default(),
            ended: PerDirection::default(),
            fins: PerDirection::default(),
            said: PerDirection::default(),
            gaps: (0, 0),
            last_gap: 0,
        }
    }

    pub(super) fn size(&self) -> usize {
        let websocket = self.websocket.as_ref();
        let websocket = websocket.map_or(0, |it| size_of::<OpenWebSocket>() + it.size());
        let asked = self.asked.as_ref().map_or(0, |asked| size_of::<AskedStream>() + asked.size());
        let refused = self.refused.as_ref();
        let refused = refused
            .map_or(0, |it| size_of::<RefusedStream>() + it.asked.size() + it.head.size() + it.sample.size());
        let pending: usize = self.pending.iter().map(Pending::size).sum();
        size_of::<Self>() + websocket + asked + refused + pending
    }

    /// Reports a finding about it, now or when it is opened.
    pub(super) fn report(&mut self, finding: Pending, sink: &mut dyn Sink) {
        if let Some(websocket) = &mut self.websocket {
            websocket.report(finding.rule, finding.spot, format_args!("{}", finding.text), sink);
        } else if self.pending.len() < REMEMBERED {
            self.pending.push(finding);
        }
    }

    pub(super) fn data(&mut self, direction: Direction, chunk: Chunk<'_>, context: &mut Context<'_>) {
        if let Some(websocket) = &mut self.websocket {
            *self.said.of_mut(direction) = Some(chunk.arrival);
            websocket.data(direction, chunk, context);
        }
    }

    pub(super) fn gap(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        context: &mut Context<'_>,
    ) {
        match &mut self.websocket {
            Some(websocket) => {
                websocket.gap(&Gap { direction, at, len, arrival, why: "" }, context);
            }
            None => *self.lost.of_mut(direction) = true,
        }
        if let (Some(refused), Direction::ServerToClient) = (&mut self.refused, direction) {
            refused.sample.stop();
        }
    }
}
