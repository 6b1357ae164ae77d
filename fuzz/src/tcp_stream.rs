//! TCP reassembly against a table with a cell for every offset: the first copy of a byte wins, bytes come in
//! order and once, and nothing that arrived is withheld.

use wslens::model::Place;
use wslens::tcp::{Arrival, Held, NOWHERE, Stream};

use crate::feed::{Feed, Memory};

/// Offsets, from that of the first sequence number, which lies in the middle.
const CELLS: usize = 2048;
const MIDDLE: i64 = 512;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Cell {
    #[default]
    Free,
    /// The packet was cut here.
    Cut,
    Byte(u8),
}

struct Model {
    stream: Stream,
    wire: Vec<u8>,
    isn: u32,
    cells: Vec<Cell>,
    /// The offset in the stream that the first sequence number has; known once anything was seen.
    origin: Option<u64>,
    /// The cell that is delivered next, once delivery began.
    next: Option<usize>,
    /// The stream may have begun elsewhere: cells below are not what counts.
    packet: u64,
}

impl Model {
    fn cell_of(&self, at: u64) -> usize {
        let origin = self.origin.expect("an offset was seen");
        usize::try_from(at.wrapping_sub(origin) as i64 + MIDDLE).expect("an offset that was sent")
    }

    fn seq(&self, cell: usize) -> u32 {
        self.isn.wrapping_add((cell as i64 - MIDDLE) as u32)
    }

    fn place(&mut self) -> Place {
        self.packet += 1;
        Place { packet: self.packet, ..Place::default() }
    }

    /// After anything that may have begun the stream.
    fn look(&mut self) {
        if self.stream.is_known() && self.origin.is_none() {
            self.origin = Some(self.stream.offset(self.isn));
        }
        if self.stream.is_started() && self.next.is_none() {
            self.next = Some(self.cell_of(self.stream.next()));
        }
        if let Some(next) = self.next {
            assert_eq!(self.cell_of(self.stream.next()), next);
        }
    }

    /// A segment from a cell on, `other` bytes than those that belong there, the last ones cut off.
    fn insert(&mut self, from: usize, len: usize, cut: usize, other: bool) {
        let (len, claimed) = (len.min(CELLS - from), (len + cut).min(CELLS - from));
        let len = len.min(claimed);
        let address = if other { CELLS + from } else { from };
        let place = self.place();
        let (seq, wire) = (self.seq(from), std::mem::take(&mut self.wire));
        let arrival =
            self.stream.insert(seq, address as u64, len as u32, claimed as u32, place, &Memory(&wire));
        let begun = self.next.unwrap_or(0);
        let (mut new, mut conflict) = (0, false);
        for at in from..from + claimed {
            let byte = (at < from + len).then(|| wire[address + at - from]);
            let cell = &mut self.cells[at];
            if let (Some(byte), Cell::Byte(known)) = (byte, *cell) {
                conflict |= at >= begun && byte != known;
            }
            if at >= begun {
                match (*cell, byte) {
                    (Cell::Free | Cell::Cut, Some(byte)) => (*cell, new) = (Cell::Byte(byte), new + 1),
                    (Cell::Free, None) => (*cell, new) = (Cell::Cut, new + 1),
                    _ => {}
                }
            }
        }
        self.wire = wire;
        self.look();
        let Arrival { again, .. } = arrival;
        assert_eq!((arrival.new, again), (new, claimed as u32 - new), "{from} {len} {claimed}");
        assert!(!conflict || arrival.conflict.is_some(), "two copies of a byte that waits differ");
        if let Some(at) = arrival.conflict {
            let at = self.cell_of(at);
            assert_ne!(self.cells[at], Cell::Byte(self.wire[address + at - from]), "{at}");
        }
    }

    /// Delivers up to `most` bytes.
    fn deliver(&mut self, most: u32) {
        let mut left = most;
        while let Some(held) = self.stream.ready() {
            let n = held.len.min(left);
            self.check(Held { len: n, ..held });
            self.stream.consume(n);
            self.next = self.next.map(|next| next + n as usize);
            self.look();
            left -= n;
            if left == 0 {
                return;
            }
        }
    }

    fn check(&self, held: Held) {
        let from = self.cell_of(held.at);
        assert_eq!(Some(from), self.next);
        assert!(held.len > 0 || held.at == self.stream.next());
        for i in 0..held.len as usize {
            let expected = match held.address {
                NOWHERE => Cell::Cut,
                address => Cell::Byte(self.wire[address as usize + i]),
            };
            assert_eq!(self.cells[from + i], expected, "offset {}", from + i);
        }
    }

    /// Gives up the hole before the first byte that waits.
    fn give_up(&mut self) -> bool {
        let Some(hole) = self.stream.hole() else { return false };
        let next = self.next.expect("a hole is behind the beginning");
        let end = next + hole as usize;
        assert!(self.cells[next..end].iter().all(|cell| *cell == Cell::Free), "a hole holds nothing");
        self.stream.skip(hole);
        self.next = Some(end);
        self.look();
        true
    }
}

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let isn = feed.number(4) as u32;
    // Two copies of each byte that never agree, and hardly repeat.
    let byte = |i: usize| (i.wrapping_mul(0x9e37_79b1) >> 13) as u8;
    let wire = (0..CELLS).map(byte).chain((0..CELLS).map(|i| !byte(i))).collect();
    let mut model = Model {
        stream: Stream::default(),
        wire,
        isn,
        cells: vec![Cell::Free; CELLS],
        origin: None,
        next: None,
        packet: 0,
    };
    for _ in 0..200 {
        if feed.is_empty() {
            break;
        }
        let op = feed.byte();
        let cell = |feed: &mut Feed<'_>| MIDDLE as usize - 256 + feed.below(1024);
        match op % 16 {
            0..6 => {
                let (from, len) = (cell(&mut feed), feed.below(600));
                model.insert(from, len, 0, op & 0xf0 == 0xf0);
            }
            6 => {
                let (from, len, cut) = (cell(&mut feed), feed.below(200), feed.below(200));
                model.insert(from, len, cut, op & 0xf0 == 0xf0);
            }
            7 | 8 => model.deliver(u32::MAX),
            9 => model.deliver(u32::from(feed.byte()) + 1),
            10 => {
                // A SYN: of this stream, or one that the connection would take for a new one's.
                let first = model.seq(cell(&mut feed));
                let first = if op & 16 == 0 { isn } else { first };
                if op & 32 != 0 || model.stream.fits_syn(first) {
                    model.stream.anchor(first);
                    model.look();
                }
            }
            11 => {
                model.stream.begin();
                model.look();
            }
            12 => {
                let _ = model.give_up();
            }
            13 => model.stream.acknowledge(model.seq(cell(&mut feed))),
            14 => {
                let (from, len) = (cell(&mut feed), feed.below(600));
                let _ = model.stream.finish(model.seq(from), len as u32);
                model.look();
            }
            _ => {
                // The short way past the table.
                let len = feed.below(300);
                if let Some(next) = model.next
                    && model.stream.is_next(model.seq(next))
                    && next + len <= CELLS
                {
                    for at in next..next + len {
                        model.cells[at] = Cell::Byte(model.wire[at]);
                    }
                    model.stream.pass(len as u32, next as u64);
                    model.next = Some(next + len);
                    model.look();
                }
            }
        }
        consistent(&model);
    }
    model.stream.begin();
    model.look();
    loop {
        model.deliver(u32::MAX);
        if !model.give_up() {
            break;
        }
    }
    let is_behind_fin = is_behind_fin(&model.stream);
    assert!(
        is_behind_fin || model.stream.waiting() == (0, 0),
        "all that came was delivered, or is a hole that was given up"
    );
    if let Some(next) = model.next.filter(|_| !is_behind_fin) {
        assert!(model.cells[next..].iter().all(|cell| *cell == Cell::Free));
    }
    let _ = (model.stream.tail_hole(), model.stream.is_finished(), model.stream.position());
}

/// Whether all that waits is behind the FIN: it is no part of the stream, unless the receiver acknowledges it.
fn is_behind_fin(stream: &Stream) -> bool {
    stream.first_waiting().zip(stream.fin()).is_some_and(|(first, fin)| first.at >= fin)
}

fn consistent(model: &Model) {
    let (bytes, pieces) = model.stream.waiting();
    assert!(pieces as u64 <= bytes, "no piece is empty");
    let ready = model.stream.ready().is_some();
    let hole = model.stream.hole();
    assert!(!(ready && hole.is_some()));
    if model.stream.is_started() && pieces > 0 {
        let is_told = ready || hole.is_some() || is_behind_fin(&model.stream);
        assert!(is_told, "what waits is next, or behind a hole, or behind the FIN");
    }
    let from = model.next.unwrap_or(0);
    let held = model.cells[from..].iter().filter(|cell| **cell != Cell::Free).count();
    assert_eq!(held as u64, bytes);
}
