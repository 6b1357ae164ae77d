//! Does again what happened to a connection, into any sink.

use std::iter::Peekable;

use super::steps::{StepCursor, packet_of};
use super::trail::Route;
use crate::model::Bytes;
use crate::pipeline::{Limits, Pipeline, ReplayEvent, Sink};
use crate::ws::Scratch;

/// A connection that is done again.
#[derive(Debug)]
pub(super) struct Replay {
    pipeline: Pipeline,
    walk: Peekable<StepCursor>,
    fragments: Option<Peekable<StepCursor>>,
}

impl Replay {
    pub(super) fn new(route: &Route, limits: Limits, bytes: &dyn Bytes) -> Self {
        let mut replay = Self {
            pipeline: Pipeline::fork(limits, route.tcp, route.state.as_deref()),
            walk: route.walk.clone().peekable(),
            fragments: route.fragments.clone().map(Iterator::peekable),
        };
        if let Some(after) = route.after {
            replay.fragments(after.saturating_add(1), bytes);
        }
        replay
    }

    /// The number of the packet of the next step; none at the end.
    pub(super) fn next_packet(&mut self) -> Option<u64> {
        self.walk.peek().map(|event| match event {
            ReplayEvent::Packet(packet, _) => packet.number,
            ReplayEvent::Recheck(place)
            | ReplayEvent::End(_, place)
            | ReplayEvent::Reuse(place)
            | ReplayEvent::Shed(_, place) => place.packet,
        })
    }

    /// Changes the buffers that it works with.
    pub(super) fn swap_scratch(&mut self, scratch: &mut Scratch) {
        self.pipeline.swap_scratch(scratch);
    }

    /// Does the next step; false at the end.
    pub(super) fn step<S: Sink>(&mut self, bytes: &dyn Bytes, sink: &mut S) -> bool {
        let Some(event) = self.walk.next() else { return false };
        if self.fragments.is_some()
            && let Some((packet, _)) = packet_of(&event)
        {
            self.fragments(packet.number, bytes);
            if let Some(fragments) = &mut self.fragments {
                // It is taken as the connection's own.
                fragments
                    .next_if(|event| packet_of(event).is_some_and(|(own, _)| own.number == packet.number));
            }
        }
        self.pipeline.replay(&event, bytes, sink);
        true
    }

    /// Takes the IP fragments before a packet.
    fn fragments(&mut self, before: u64, bytes: &dyn Bytes) {
        let Some(fragments) = &mut self.fragments else { return };
        while let Some(event) =
            fragments.next_if(|event| packet_of(event).is_some_and(|(packet, _)| packet.number < before))
        {
            if let Some((packet, _)) = packet_of(&event) {
                self.pipeline.replay_fragment(&packet, bytes);
            }
        }
    }
}
