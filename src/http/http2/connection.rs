//! One HTTP/2 connection: both directions, the settings, the streams that are WebSockets.

use std::collections::{BTreeMap, BTreeSet};

use super::Http2Events;
use super::flow::{DEFAULT_WINDOW, FlowWindow};
use super::frame::{FrameReader, FrameStart};
use super::gather::{BlockPiece, Gather};
use super::hpack::{Fields, Hpack};
use super::step::Http2Step;
use crate::model::{Chunk, Direction, Head, PerDirection, Place};

/// A request for a WebSocket, or the answer to one.
#[derive(Debug)]
pub struct StreamOpening {
    /// Its fields as a head: see `head` of [`super::connect`].
    pub head: Box<Head>,
    /// Its fields, each with its bytes in the block.
    pub fields: Fields,
    /// Where the block's bytes are.
    pub pieces: Vec<BlockPiece>,
    /// The packet with the first byte of its HEADERS.
    pub first: Place,
    /// The packet that completed the block.
    pub last: Place,
}

/// A field block that is not whole yet.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    /// It is that of a promise: nobody asks for a WebSocket with it.
    pub(super) promised: bool,
    pub(super) end_stream: bool,
    pub(super) gather: Gather,
    pub(super) start: FrameStart,
}

/// What is known of one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Half {
    pub(super) hpack: Hpack,
    /// The payload of the frame at hand, unless it is DATA.
    pub(super) gather: Gather,
    pub(super) block: Option<Box<Block>>,
    /// Bytes of padding of the DATA at hand; `None` where that is not known.
    pub(super) pad: Option<u32>,
    /// It sent SETTINGS.
    pub(super) has_settings: bool,
    /// Any bytes were seen of it.
    pub(super) heard: bool,
    /// It was in step once: a loss is a loss.
    pub(super) in_step: bool,
    /// Where it was lost, until it is found again.
    pub(super) lost: Option<(u64, Place)>,
    /// The longest payload that it allows.
    pub(super) max_frame_size: Option<u32>,
    /// What it lets each stream send before it says more.
    pub(super) initial_window: Option<u32>,
}

/// A stream that is a WebSocket, or is to be one.
#[derive(Clone, Debug)]
pub(super) struct Http2Stream {
    /// The request, until it is answered.
    pub(super) asked: Option<Box<Head>>,
    pub(super) windows: PerDirection<Option<FlowWindow>>,
    pub(super) at: PerDirection<u64>,
    pub(super) ended: PerDirection<bool>,
    /// The server refused what was asked for.
    pub(super) refused: bool,
}

/// All but the readers.
#[derive(Clone, Debug)]
pub(super) struct Http2State {
    pub(super) halves: PerDirection<Half>,
    pub(super) streams: BTreeMap<u32, Http2Stream>,
    /// By direction, the streams of which something came, or may have come, since the last loss of framing. To the
    /// others another loss means nothing new.
    pub(super) in_step: PerDirection<BTreeSet<u32>>,
    /// Whether the server allows extended CONNECT.
    pub(super) connect: bool,
    /// The connection's windows, by sender; none once they are not known.
    pub(super) windows: PerDirection<Option<FlowWindow>>,
    /// All was seen from the connection's start on.
    pub(super) whole: bool,
}

impl Http2State {
    /// Follows a stream from here on.
    pub(super) fn follow(&mut self, id: u32, stream: Http2Stream) {
        self.streams.insert(id, stream);
        for direction in Direction::BOTH {
            self.in_step.of_mut(direction).insert(id);
        }
    }

    /// Follows a stream no longer; `false` where it was not followed.
    pub(super) fn leave(&mut self, id: u32) -> bool {
        for direction in Direction::BOTH {
            self.in_step.of_mut(direction).remove(&id);
        }
        self.streams.remove(&id).is_some()
    }

    /// Forgets the flow-control windows: after a loss nobody knows what is left of them.
    pub(super) fn lose_windows(&mut self) {
        let were_known = self.windows.c2s.is_some() || self.windows.s2c.is_some();
        self.windows = PerDirection::default();
        // Those of streams that began later are not known either.
        if were_known {
            self.streams.values_mut().for_each(|stream| stream.windows = PerDirection::default());
        }
    }
}

/// Reads one HTTP/2 connection.
///
/// For each direction: any number of [`data`](Self::data) and [`gap`](Self::gap) in stream order, then at most one
/// [`end`](Self::end). A request has to come before its answer.
#[derive(Clone, Debug)]
pub struct Http2 {
    readers: PerDirection<FrameReader>,
    state: Box<Http2State>,
}

impl Http2 {
    /// A connection from its start, of whose preface so many bytes were read already.
    #[must_use]
    pub fn new(preface: usize) -> Self {
        let readers = PerDirection { c2s: FrameReader::with_preface(preface), s2c: FrameReader::new() };
        let half = Half { in_step: true, ..Half::default() };
        let window = Some(FlowWindow::new(DEFAULT_WINDOW));
        let state = Http2State {
            halves: PerDirection { c2s: half.clone(), s2c: half },
            streams: BTreeMap::new(),
            in_step: PerDirection::default(),
            connect: false,
            windows: PerDirection { c2s: window, s2c: window },
            whole: true,
        };
        Self { readers, state: Box::new(state) }
    }

    /// A connection in its middle. The next byte of `known` begins a frame.
    #[must_use]
    pub fn midway(known: Direction) -> Self {
        let mut new = Self::new(0);
        new.readers = PerDirection { c2s: FrameReader::lost(), s2c: FrameReader::lost() };
        *new.readers.of_mut(known) = FrameReader::new();
        for direction in Direction::BOTH {
            new.state.halves.of_mut(direction).hpack.lose();
            new.state.halves.of_mut(direction).in_step = direction == known;
        }
        new.state.windows = PerDirection { c2s: None, s2c: None };
        new.state.whole = false;
        new
    }

    /// Takes the settings of an `HTTP2-Settings` header (RFC 7540 section 3.2.1), decoded.
    pub fn settings(&mut self, payload: &[u8], place: Place, events: &mut impl Http2Events) {
        let mut step = Http2Step { state: &mut self.state, direction: Direction::ClientToServer, events };
        step.settings(payload, 0, place);
    }

    /// Bytes of a direction, the next in order.
    pub fn data(&mut self, direction: Direction, chunk: Chunk<'_>, events: &mut impl Http2Events) {
        self.state.halves.of_mut(direction).heard = true;
        let mut step = Http2Step { state: &mut self.state, direction, events };
        self.readers.of_mut(direction).data(chunk, &mut step);
    }

    /// Bytes of a direction that are missing.
    pub fn gap(
        &mut self,
        direction: Direction,
        at: u64,
        len: u64,
        arrival: Place,
        events: &mut impl Http2Events,
    ) {
        let mut step = Http2Step { state: &mut self.state, direction, events };
        self.readers.of_mut(direction).gap(at, len, arrival, &mut step);
    }

    /// The end of a direction's bytes. What is open stays so: the caller ends it with the connection.
    pub fn end(&mut self, direction: Direction, at: u64, arrival: Place, events: &mut impl Http2Events) {
        let reader = self.readers.of(direction);
        let mut step = Http2Step { state: &mut self.state, direction, events };
        if reader.is_lost() {
            step.tell_lost(at, None, arrival);
        }
    }

    /// Where a frame begins of which only a part came.
    #[must_use]
    pub fn partial(&self, direction: Direction) -> Option<FrameStart> {
        self.readers.of(direction).partial()
    }

    /// Whether any WebSocket is asked for or open.
    #[must_use]
    pub fn has_streams(&self) -> bool {
        !self.state.streams.is_empty()
    }

    /// Bytes of memory that it takes beside itself, about.
    #[must_use]
    pub fn size(&self) -> usize {
        let halves: usize = Direction::BOTH
            .into_iter()
            .map(|direction| {
                let half = self.state.halves.of(direction);
                let block = half.block.as_ref().map_or(0, |block| size_of::<Block>() + block.gather.size());
                half.hpack.memory() + half.gather.size() + block
            })
            .sum();
        /// What an entry of the map takes beside what it holds, about: nearly as many places are free as are taken.
        const ENTRY: usize = 32 + size_of::<Http2Stream>() / 4 * 3;
        let streams = self.state.streams.values();
        let heads: usize = streams.filter_map(|stream| Some(stream.asked.as_ref()?.size())).sum();
        let in_step = self.state.in_step.c2s.len() + self.state.in_step.s2c.len();
        let streams = self.state.streams.len() * (size_of::<Http2Stream>() + ENTRY);
        size_of::<Http2State>() + halves + streams + in_step * 2 * size_of::<u32>() + heads
    }

    /// Bytes of the header tables, about: what grows by more than its bytes on the wire.
    #[must_use]
    pub fn table_size(&self) -> usize {
        let halves = &self.state.halves;
        halves.c2s.hpack.memory() + halves.s2c.hpack.memory()
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
