//! One connection again: what happened to it, step by step, and its state in between.
//!
//! What becomes of a connection hangs on its own packets, on the IP fragments of the capture, and on what
//! the packets of others do to it: they let time pass, take its ports, end the capture. A sink that wants
//! [`Step`]s is told all of that; [`Pipeline::fork`] and [`Pipeline::repeat`] do it again, with the same
//! events, without any packet of another connection.

use super::flows::{Flow, Key, Stage};
use super::live::{Fate, Layer, Live};
use super::{Ends, Limits, Outside, Pipeline, Shed, Sink};
use crate::model::{Bytes, ConnectionId, Flags, PacketRef, Place, WebSocketId};
use crate::ws::{Scratch, StreamEnd};

/// New WebSockets of a fork are numbered from here on: no number of the capture is as high.
const NEW: u32 = 1 << 31;

/// Something that happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// A packet of its own, with its control bits.
    Packet(PacketRef, Flags),
    /// What is waited for was looked at.
    Look(Place),
    /// It was ended from outside.
    End(StreamEnd, Place),
    /// Its ports were taken for another connection.
    Reuse(Place),
    /// It gave something up to make room.
    Shed(Shed, Place),
}

/// How far a connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// No payload yet.
    Opening,
    /// It speaks HTTP/1, as far as is known.
    Http,
    /// A WebSocket is open.
    WebSocket,
    /// It holds no WebSocket.
    Dropped,
    /// It ended.
    Ended,
    /// It ended, and could not be read yet: its TLS secret may still come.
    Waiting,
    /// Nothing is remembered of it any more.
    Forgotten,
}

/// A step of a connection, after it was done.
#[derive(Debug)]
pub struct Step<'a> {
    /// Which connection.
    pub tcp: ConnectionId,
    /// What happened; `None` where it was only forgotten.
    pub act: Option<Act>,
    /// How far it is now.
    pub followed: Followed,
    /// It was looked at from its middle on: it cannot be repeated from its first packet.
    pub midway: bool,
    flow: Option<&'a Flow>,
    websockets: u32,
}

impl Step<'_> {
    /// The connection's state after this step, to go on from; `None` where it is not followed.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        let flow = self.flow?;
        let Stage::Live(live) = &flow.stage else { return None };
        let websockets = self.websockets;
        Some(Checkpoint { key: flow.ends.key, tcp: flow.ends.tcp, live: live.clone(), websockets })
    }
}

/// The state of a connection between two of its steps.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    key: Key,
    tcp: ConnectionId,
    live: Box<Live>,
    /// How many WebSockets had a number.
    websockets: u32,
}

impl Checkpoint {
    /// Whether a WebSocket has its number already.
    #[must_use]
    pub fn has(&self, websocket: WebSocketId) -> bool {
        websocket.0 <= self.websockets
    }

    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.live.size()
    }
}

/// Which WebSocket of a forked connection an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// One that has its number from the capture.
    Known(WebSocketId),
    /// The so-manieth, from 0, of those that got their numbers after the checkpoint.
    New(usize),
}

impl Forked {
    /// Of an event's connection.
    #[must_use]
    pub fn of(id: WebSocketId) -> Self {
        match id.0.checked_sub(NEW + 1) {
            Some(new) => Self::New(new as usize),
            None => Self::Known(id),
        }
    }
}

impl Pipeline {
    /// An engine that holds one connection: as it was at a checkpoint, or before its first packet.
    ///
    /// Its WebSockets have the numbers that [`Forked`] tells apart.
    #[must_use]
    pub fn fork(limits: Limits, tcp: ConnectionId, from: Option<&Checkpoint>) -> Self {
        let mut fork = Self::new(limits);
        fork.desk.websockets = NEW;
        match from {
            Some(from) => fork.flows.adopt(from.key, from.tcp, Stage::Live(from.live.clone())),
            None => fork.flows.begin_at(tcp),
        }
        fork
    }

    /// Does again what happened to the connection of a fork.
    pub fn repeat<S: Sink>(&mut self, act: &Act, capture: &dyn Bytes, sink: &mut S) {
        let (outside, place) = match *act {
            Act::Packet(packet, _) => {
                let place = Place { packet: packet.number, time: packet.time };
                self.last = Place { packet: place.packet, time: place.time.max(self.last.time) };
                let bytes = capture.bytes(packet.bytes).unwrap_or_default();
                if let Ok(segment) = self.decoder.decode(&packet, bytes) {
                    self.segment(&segment, bytes, place, capture, sink);
                }
                let _ = self.decoder.take_findings();
                // Time passes only as it is told.
                self.deadlines.clear();
                return;
            }
            Act::Look(place) => (Outside::Look, place),
            Act::End(how, place) => (Outside::End(how), place),
            Act::Reuse(place) => (Outside::Reuse, place),
            // Alone, it has the room.
            Act::Shed(Shed::Payloads, _) => return,
            Act::Shed(shed, place) => (Outside::Shed(shed), place),
        };
        self.last = place;
        if let Some(slot) = self.flows.slots().next() {
            self.outside(slot, outside, capture, sink);
        }
        self.repeat_unread(outside, capture, sink);
    }

    /// Changes the buffers that it works with: many forks need one set.
    pub fn swap_scratch(&mut self, scratch: &mut Scratch) {
        std::mem::swap(&mut self.desk.scratch, scratch);
    }

    /// Takes an IP fragment, whichever connection it belongs to.
    pub fn repeat_fragment(&mut self, packet: &PacketRef, capture: &dyn Bytes) {
        let _ = self.decoder.decode(packet, capture.bytes(packet.bytes).unwrap_or_default());
        let _ = self.decoder.take_findings();
    }

    /// Tells that the packet at hand was taken.
    pub(super) fn tell_packet<S: Sink>(&mut self, packet: &PacketRef, flags: Flags, sink: &mut S) {
        let dropped = std::mem::take(&mut self.dropped);
        let slot = self.flows.recent();
        self.tell(slot, Act::Packet(*packet, flags), dropped, sink);
    }

    /// Tells what happened to a connection. One that holds no WebSocket is told once.
    pub(super) fn tell<S: Sink>(&mut self, slot: u32, act: Act, dropped: bool, sink: &mut S) {
        let websockets = self.desk.websockets;
        let Some(flow) = self.flows.slot(slot) else { return };
        let (followed, midway) = match &flow.stage {
            Stage::Opening { .. } => (Followed::Opening, false),
            Stage::Live(live) if live.is_websocket() => (Followed::WebSocket, live.midway),
            Stage::Live(live) => (Followed::Http, live.midway),
            Stage::Other(..) if !dropped => return,
            Stage::Other(..) => (Followed::Dropped, false),
            Stage::Ended if self.unread.has(flow.ends.tcp) => (Followed::Waiting, false),
            Stage::Ended => (Followed::Ended, false),
            Stage::Free => return,
        };
        sink.step(&Step {
            tcp: flow.ends.tcp,
            act: Some(act),
            followed,
            midway,
            flow: Some(flow),
            websockets,
        });
    }

    /// Reports what happened to a connection that ended unread, and is not in the flow table.
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    pub(super) fn tell_unread<S: Sink>(&self, tcp: ConnectionId, act: Act, followed: Followed, sink: &mut S) {
        let websockets = self.desk.websockets;
        sink.step(&Step { tcp, act: Some(act), followed, midway: false, flow: None, websockets });
    }

    /// Tells that a connection's ports may be anybody's.
    pub(super) fn tell_forgotten<S: Sink>(&mut self, slot: u32, sink: &mut S) {
        let Some(flow) = self.flows.slot(slot) else { return };
        let tcp = flow.ends.tcp;
        if self.unread.has(tcp) {
            return;
        }
        sink.step(&Step {
            tcp,
            act: None,
            followed: Followed::Forgotten,
            midway: false,
            flow: None,
            websockets: self.desk.websockets,
        });
    }

    /// Lets something outside its own packets happen to a followed connection.
    pub(super) fn act<S: Sink>(
        live: &mut Live,
        outside: Outside,
        ends: &Ends,
        place: Place,
        work: &mut super::Work<'_, S>,
    ) -> Fate {
        match outside {
            Outside::Look => return live.expire(ends, place, work),
            Outside::Shed(shed) => return live.shed(ends, shed, place, work),
            Outside::Reuse => {
                if live.is_websocket() && !live.is_reset() {
                    live.note_reuse(place, work);
                }
                live.end(ends, StreamEnd::Timeout, place, work);
            }
            Outside::End(how) => live.end(ends, how, place, work),
        }
        // Known by now, unless it was given up on the way.
        if live.fate == Fate::Keep { Fate::Ended } else { live.fate }
    }
}

impl Live {
    fn size(&self) -> usize {
        let layer = match &self.layer {
            Layer::WebSocket(socket) => {
                size_of_val(&*socket.connection) + socket.size() + socket.connection.url.len()
            }
            Layer::Multiplex(multiplex) => multiplex.size(),
            Layer::Http(_) | Layer::Done => 0,
        };
        size_of::<Self>() + layer + self.secure.as_ref().map_or(0, |secure| secure.size())
    }
}
