//! What all connections hold together, and how room is made where it is too much.
//!
//! Weighing looks at every connection, so it is done only when so many bytes came that the bound may be reached:
//! in between they are counted, which costs an addition for each packet.

use super::ends::{End, Ends};
use super::exchange::Other;
use super::flows::Stage;
use super::live::{Asked, Fate, Layer, Live, Socket};
use super::multiplex::Multiplex;
use super::sink::{Sink, State};
use super::work::Work;
use super::{Outside, Pipeline, rules};
use crate::model::{Bytes, Place};
use crate::tcp::Held;
use crate::ws::{StreamEnd, WebSocket};

/// What a connection gives up to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// Its holes: what waits behind them is read.
    Holes,
    /// Payloads of messages that are not whole, and heads: only length and hash of such messages will be known.
    Payloads,
    /// Windows of compression.
    Windows,
}

impl Shed {
    /// In this order: a hole is most likely a loss, a window is needed by all that comes later.
    const ALL: [Self; 3] = [Self::Holes, Self::Payloads, Self::Windows];
}

impl Pipeline {
    /// Notes a packet's bytes, and makes room where the bound may be reached.
    #[inline]
    pub(super) fn weigh<S: Sink>(&mut self, len: u32, capture: &dyn Bytes, sink: &mut S) {
        /// What a packet may cost beside its bytes; more than it can claim is no packet.
        const LEAST: u32 = 64;
        const MOST: u32 = 1 << 16;
        let scratch = &mut self.desk.scratch;
        scratch.grow(u64::from(len.clamp(LEAST, MOST)));
        if scratch.grown() > self.room {
            self.make_room(capture, sink);
        }
    }

    /// The lowest address whose bytes may be asked for again; `u64::MAX` where none will be.
    #[must_use]
    pub fn oldest_needed(&mut self) -> u64 {
        let mut oldest = self.unread.oldest_needed();
        for slot in self.flows.slots() {
            if let Some(Stage::Live(live)) = self.flows.slot(slot).map(|flow| &flow.stage) {
                oldest = oldest.min(live.oldest_needed());
            }
        }
        oldest
    }

    /// Counts what connections hold; over the bound, the largest give up what they can until a quarter is free.
    #[cold]
    #[inline(never)]
    fn make_room<S: Sink>(&mut self, capture: &dyn Bytes, sink: &mut S) {
        let limit = self.desk.limits.memory;
        let (mut held, mut all) = (0, Vec::new());
        for slot in self.flows.slots() {
            let load = self.load(slot);
            if load.sum() > 0 {
                held += load.sum();
                all.push((slot, load));
            }
        }
        if held > limit {
            let recent = self.flows.recent();
            for shed in Shed::ALL {
                // The largest ones first; of equals, the one at hand last.
                all.sort_by_key(|(slot, load)| (std::cmp::Reverse(load.of(shed)), *slot == recent, *slot));
                for (slot, load) in &mut all {
                    if held <= limit / 4 * 3 || load.of(shed) == 0 {
                        continue;
                    }
                    self.outside(*slot, Outside::Shed(shed), capture, sink);
                    held -= load.sum().min(held);
                    *load = self.load(*slot);
                    held += load.sum();
                }
            }
        }
        self.desk.scratch.weighed();
        // Never at every packet, even where nothing can be given up.
        self.room = limit.saturating_sub(held).max(limit / 16);
    }

    fn load(&mut self, slot: u32) -> Load {
        match self.flows.slot(slot).map(|flow| &flow.stage) {
            Some(Stage::Live(live)) => live.load(),
            _ => Load::default(),
        }
    }
}

/// Bytes that a connection holds.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    waiting: u64,
    payloads: u64,
    windows: u64,
}

impl Load {
    fn of(&self, shed: Shed) -> u64 {
        match shed {
            Shed::Holes => self.waiting,
            Shed::Payloads => self.payloads,
            Shed::Windows => self.windows,
        }
    }

    fn sum(&self) -> u64 {
        self.waiting + self.payloads + self.windows
    }

    /// With a WebSocket's messages and windows.
    fn add(&mut self, socket: &Socket) {
        let windows = socket.ws.windows();
        self.windows += windows as u64;
        self.payloads += socket.size().saturating_sub(windows) as u64;
    }
}

impl Multiplex {
    /// Lets each of its WebSockets give something up.
    fn shed(&mut self, mut shed: impl FnMut(&mut WebSocket)) {
        let sockets = self.streams.open.values_mut().filter_map(|stream| stream.socket.as_mut());
        sockets.for_each(|socket| shed(&mut socket.ws));
    }
}

impl Live {
    /// The lowest address whose bytes may be asked for again.
    pub(super) fn oldest_needed(&self) -> u64 {
        let waiting = End::BOTH.map(|end| self.streams.of(end).oldest_address());
        let open = match &self.layer {
            Layer::WebSocket(socket) => socket.ws.oldest_address(),
            Layer::Multiplex(multiplex) => {
                let sockets = multiplex.streams.open.values().filter_map(|stream| stream.socket.as_ref());
                sockets.map(|socket| socket.ws.oldest_address()).min().unwrap_or(u64::MAX)
            }
            Layer::Http(_) | Layer::Done => u64::MAX,
        };
        waiting.into_iter().fold(open.min(self.oldest_kept()), u64::min)
    }

    fn load(&self) -> Load {
        let mut load = Load::default();
        for end in End::BOTH {
            let (bytes, pieces) = self.streams.of(end).waiting();
            load.waiting += bytes + (pieces * size_of::<Held>()) as u64;
        }
        match &self.layer {
            Layer::Http(http) => load.payloads += http.size() as u64,
            Layer::WebSocket(socket) => load.add(socket),
            Layer::Multiplex(multiplex) => {
                let sockets = multiplex.streams.open.values().filter_map(|stream| stream.socket.as_ref());
                sockets.for_each(|socket| load.add(socket));
            }
            Layer::Done => {}
        }
        load
    }

    /// Gives something up to make room.
    pub(super) fn shed<S: Sink>(
        &mut self,
        ends: &Ends,
        shed: Shed,
        place: Place,
        work: &mut Work<'_, S>,
    ) -> Fate {
        let (limit, load) = (work.limits.memory, self.load());
        let what = match shed {
            Shed::Holes => "bytes wait behind a hole, which is given up",
            Shed::Payloads => "bytes of messages that are not whole are given up: length and findings stay",
            Shed::Windows => {
                "bytes of compression windows are given up: messages that refer to them are not certain"
            }
        };
        self.note(
            &rules::LIMIT_TOTAL_MEMORY,
            None,
            None,
            place,
            format_args!("all connections together hold over {limit} bytes; here {} {what}", load.of(shed)),
            work,
        );
        match shed {
            Shed::Holes => {
                self.give_up(ends, crate::tcp::GiveUp::Limit, place, work);
                if self.fate == Fate::Keep {
                    self.watch(place, work);
                }
            }
            Shed::Payloads => self.shed_payloads(ends, place, work),
            Shed::Windows => match &mut self.layer {
                Layer::WebSocket(socket) => socket.ws.shed_windows(),
                Layer::Multiplex(multiplex) => multiplex.shed(|ws| ws.shed_windows()),
                Layer::Http(_) | Layer::Done => {}
            },
        }
        self.fate
    }

    fn shed_payloads<S: Sink>(&mut self, ends: &Ends, place: Place, work: &mut Work<'_, S>) {
        match &mut self.layer {
            Layer::WebSocket(socket) => socket.ws.shed_payloads(&mut work.context().0),
            Layer::Multiplex(multiplex) => {
                let mut context = work.context().0;
                multiplex.shed(|ws| ws.shed_payloads(&mut context));
            }
            // A head that is not read to its end says nothing.
            Layer::Http(http) if http.size() > 0 => {
                let asked: Option<Box<Asked>> = self.asked.take();
                if let Some(asked) = asked {
                    let ending = self.ending(StreamEnd::Capture, place);
                    self.unanswered(ends, *asked, State::Unanswered, ending, place, work);
                }
                self.fate = Fate::Drop(Other::Http);
            }
            Layer::Http(_) | Layer::Done => {}
        }
    }
}
