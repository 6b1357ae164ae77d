//! Some bytes, over and over, in a place where reading could cost more than in proportion: twice as many cost about
//! twice as much, and each no more than a bound. A fuzzer's inputs are short; what is quadratic shows in long ones.

use std::time::Duration;

use wslens::model::Direction;

use crate::effort::{Effort, inflated};
use crate::feed::Feed;
use crate::forge::{
    BINARY, C2S, Conversation, DeflateSpec, Frame, Http2Talk, PcapFormat, Piece, Rng, S2C, Script, Split,
    h2_frame, pcap,
};
use crate::whole;

/// Bytes that are made of the input, in the smaller capture.
const BYTES: usize = 24 << 10;
/// Shorter times say nothing about growth.
const LEAST: Duration = Duration::from_millis(20);

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let place = Place::new(&mut feed);
    let unit = feed.rest();
    if unit.is_empty() {
        return;
    }
    let [small, large] = [1, 2].map(|times| place.capture(unit, times * BYTES));
    // Other programs disturb a run, but not each of three.
    let mut problem = None;
    for _ in 0..3 {
        let [Some(first), Some(second)] = [Cost::of(&small), Cost::of(&large)] else { return };
        let growth = second.each() / first.each();
        problem = whole::bounds().broken(second.effort, second.bytes);
        if problem.is_none() && second.effort.cpu > LEAST && growth > 1.7 {
            problem =
                Some(format!("each byte costs {growth:.1} times as much where there are twice as many"));
        }
        if problem.is_none() {
            return;
        }
    }
    assert!(problem.is_none(), "{place:?}: {problem:?}");
}

/// What a capture costs.
struct Cost {
    effort: Effort,
    /// Those that were read and printed.
    bytes: u64,
}

impl Cost {
    fn of(file: &[u8]) -> Option<Self> {
        let (out, effort) = whole::printed(file)?;
        Some(Self { effort, bytes: (file.len() + out.len()) as u64 + inflated(&out) })
    }

    /// Seconds for each byte.
    fn each(&self) -> f64 {
        self.effort.cpu.as_secs_f64() / self.bytes.max(1) as f64
    }
}

/// Where the bytes stand, and how TCP carries them.
#[derive(Debug)]
struct Place {
    kind: u8,
    dir: Direction,
    /// Bytes of a segment.
    segment: usize,
    /// Every so-manieth segment is lost; 0 for none.
    lost: usize,
    acked: bool,
}

impl Place {
    fn new(feed: &mut Feed<'_>) -> Self {
        let (kind, how) = (feed.byte(), feed.byte());
        let segment = [1460, 1, 3, 17, 100, 536, 1460, 8000][usize::from(how >> 1 & 7)];
        let lost = [0, 0, 2, 5][usize::from(how >> 4 & 3)];
        let dir = if how & 1 == 0 { C2S } else { S2C };
        Self { kind, dir, segment, lost, acked: how & 0x40 != 0 }
    }

    /// A capture with about this many bytes made of the unit.
    fn capture(&self, unit: &[u8], bytes: usize) -> Vec<u8> {
        let dir = self.dir;
        let repeated = || unit.repeat(bytes.div_ceil(unit.len()));
        let socket = || Conversation::new("10.0.0.1:50000", "10.0.0.2:80").no_close();
        let talk = match self.kind % 9 {
            0 => socket().raw(dir, &repeated()),
            1 => socket().raw(dir, &[0x82, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0]).raw(dir, &repeated()),
            2 => compressed(socket(), dir, &repeated()),
            3 => {
                let text: String = repeated().iter().map(|byte| char::from(byte & 0x7f)).collect();
                let text = text.replace(['\r', '\n', '\0'], ",");
                let name = ["Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "Cookie"]
                    [usize::from(unit[0] % 3)];
                socket().header(C2S, name, &text).header(S2C, name, &text).opened()
            }
            4 => socket().http_before(&repeated(), b""),
            5 => socket().http_before(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", &repeated()),
            6 => http2(dir, &repeated()),
            7 => Conversation::new("10.0.0.1:50000", "10.0.0.2:443").no_close().bytes(dir, &repeated()),
            _ => return self.overlapping(unit, bytes),
        };
        self.file(&talk)
    }

    fn file(&self, talk: &Conversation) -> Vec<u8> {
        let script = Script::new(talk, &Split::Sizes(vec![self.segment]));
        let script = if self.acked { script.acked() } else { script };
        let mut count = 0;
        let script = script.with(|pieces| {
            pieces.retain(|piece| {
                // The first kibibytes open the connection.
                let counted = piece.dir == self.dir && piece.at > 2000 && !piece.bytes.is_empty();
                count += usize::from(counted);
                !(counted && self.lost > 0 && count.is_multiple_of(self.lost))
            });
        });
        pcap(&script.packets(), PcapFormat::default())
    }

    /// Each two bytes of the unit are a place, not far from those before, and a length: segments in any order, that
    /// overlap, with bytes that differ.
    fn overlapping(&self, unit: &[u8], bytes: usize) -> Vec<u8> {
        let talk = Conversation::new("10.0.0.1:50000", "10.0.0.2:80").no_close();
        let talk = talk.raw(self.dir, &[0x55; 1460]).raw(self.dir, &[0x66; 1460]);
        let script = Script::new(&talk, &Split::Writes(1460));
        let Some(hole) = script.data(self.dir).get(1).copied() else { return vec![] };
        let script = script.with(|pieces| {
            let model = pieces[hole + 1].clone();
            // Behind a hole nothing is handed on.
            pieces.remove(hole);
            let mut rng = Rng::new(2);
            let mut base = 0i64;
            for pair in unit.chunks(2).cycle().take(bytes / 80) {
                let (place, len) =
                    (i64::from(pair[0].cast_signed()), pair.get(1).map_or(1, |len| len % 64 + 1));
                base = (base + place).rem_euclid(1 << 20);
                pieces.push(Piece {
                    at: model.at + base,
                    bytes: rng.bytes(usize::from(len)),
                    ..model.clone()
                });
            }
        });
        pcap(&script.packets(), PcapFormat::default())
    }
}

/// A message whose compressed bytes are these.
fn compressed(talk: Conversation, dir: Direction, bytes: &[u8]) -> Conversation {
    let talk = talk.deflate(DeflateSpec::default());
    let pieces: Vec<&[u8]> = bytes.chunks(8000).collect();
    pieces.iter().enumerate().fold(talk, |talk, (i, piece)| {
        let frame = Frame::new(if i == 0 { BINARY } else { 0 }, *piece).rsv(if i == 0 { 4 } else { 0 });
        let frame = Frame { key: (dir == C2S).then_some([1, 2, 3, 4]), ..frame };
        talk.frame(dir, &if i + 1 == pieces.len() { frame } else { frame.more() })
    })
}

/// An HTTP/2 connection with sockets open, and then these bytes: as they are, and as the payload of a frame.
fn http2(dir: Direction, bytes: &[u8]) -> Conversation {
    let talk = Http2Talk::new("10.0.0.1:50000", "10.0.0.2:443");
    let talk = (0..40).fold(talk, |talk, i| talk.open(2 * i + 1));
    let frame = bytes.first().is_some_and(|byte| byte & 1 == 0);
    let bytes = if frame {
        bytes.chunks(200).flat_map(|part| h2_frame(0, 0, 1, part)).collect()
    } else {
        bytes.to_vec()
    };
    talk.bytes(dir, &bytes).talk.no_close()
}
