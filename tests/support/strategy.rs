//! Strategies of proptest: any conversation, any cutting into segments. Values are small plans (a length and a
//! seed in place of bytes), so that what proptest prints and shrinks can be read.
#![allow(dead_code, clippy::indexing_slicing, clippy::cast_possible_truncation, clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::forge::{
    BINARY, C2S, CONTINUATION, Conversation, DeflateSpec, PING, PONG, Rng, S2C, Script, Split, TEXT,
};
use wslens::model::Direction;

/// What a payload looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 with characters of one to four bytes, much like JSON: compresses well.
    Words,
    /// Random bytes: do not compress.
    Noise,
    /// One byte over and over.
    Flat,
}

/// A payload to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its bytes.
    pub len: usize,
    /// What it looks like.
    pub kind: Kind,
    /// Where its generator starts.
    pub seed: u16,
}

impl Content {
    /// The payload itself.
    pub fn bytes(self) -> Vec<u8> {
        const WORDS: [&str; 8] =
            ["{\"id\":", "\"price\"", ",", "grün", "\"用户\":\"中文\"", "🙂", " and so on ", "[1,2.50,3]"];
        let mut rng = Rng::new(u64::from(self.seed));
        match self.kind {
            Kind::Noise => rng.bytes(self.len),
            Kind::Flat => vec![b'a' + (self.seed % 26) as u8; self.len],
            Kind::Words => {
                let mut text = String::with_capacity(self.len);
                while text.len() < self.len {
                    let word = WORDS[rng.below(8) as usize];
                    if text.len() + word.len() > self.len {
                        text.extend(std::iter::repeat_n('.', self.len - text.len()));
                    } else {
                        text += word;
                    }
                }
                text.into_bytes()
            }
        }
    }
}

/// A control frame to be: who sends it, its opcode, its payload.
pub type Control = (Direction, u8, Content);

/// Something that one end, or both, do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A message in one frame.
    Message(Direction, u8, bool, Content),
    /// A message in a frame for each piece; after a piece may come a control frame from either end.
    Fragments(Direction, u8, bool, Vec<(Content, Option<Control>)>),
    /// A message whose payload as sent is cut anywhere (in parts of 65,536).
    Split(Direction, u8, bool, Content, Vec<u16>),
    /// Both ends send a fragmented message at the same time, frame by frame in turn.
    Both([(u8, bool, Vec<Content>); 2]),
    /// A ping or pong.
    Control(Direction, u8, Content),
}

/// A conversation to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// permessage-deflate, where agreed.
    pub deflate: Option<DeflateSpec>,
    /// What is said.
    pub acts: Vec<Act>,
    /// Whether it ends with close frames.
    pub close: Option<u16>,
}

impl Plan {
    /// The conversation, from this client port to port 80 (IPv6 where the port is odd).
    pub fn conversation(&self, port: u16) -> Conversation {
        let (client, server) = if port.is_multiple_of(2) {
            (format!("10.0.0.1:{port}"), "10.0.0.2:80")
        } else {
            (format!("[fd00::1]:{port}"), "[fd00::2]:80")
        };
        self.after(Conversation::new(&client, server))
    }

    /// The conversation on a connection on which something else came first.
    pub fn after(&self, mut talk: Conversation) -> Conversation {
        if let Some(spec) = self.deflate {
            talk = talk.deflate(spec);
        }
        talk = self.acts.iter().fold(talk.opened(), say);
        match self.close {
            Some(code) => talk.closed(code),
            None => talk,
        }
    }
}

fn say(talk: Conversation, act: &Act) -> Conversation {
    match act {
        Act::Message(dir, op, squeeze, content) => {
            talk.compress(*squeeze).message(*dir, *op, &content.bytes())
        }
        Act::Fragments(dir, op, squeeze, pieces) => {
            let last = pieces.len().saturating_sub(1);
            pieces.iter().enumerate().fold(talk.compress(*squeeze), |talk, (i, (content, control))| {
                let op = if i == 0 { *op } else { CONTINUATION };
                let talk = talk.part(*dir, op, i == last, &content.bytes());
                match control {
                    Some((dir, op, content)) => talk.control(*dir, *op, &content.bytes()),
                    None => talk,
                }
            })
        }
        Act::Split(dir, op, squeeze, content, cuts) => {
            // The payload as sent is not known yet: cuts are parts of the plain length, and clamped.
            let mut cuts: Vec<usize> =
                cuts.iter().map(|&cut| (usize::from(cut) * (content.len + 2)) >> 16).collect();
            cuts.sort_unstable();
            talk.compress(*squeeze).split(*dir, *op, &content.bytes(), &cuts)
        }
        Act::Both(sides) => {
            let turns = sides.iter().map(|(_, _, pieces)| pieces.len()).max().unwrap_or(0);
            (0..turns).fold(talk, |mut talk, turn| {
                for ((op, squeeze, pieces), dir) in sides.iter().zip([C2S, S2C]) {
                    if let Some(piece) = pieces.get(turn) {
                        let op = if turn == 0 { *op } else { CONTINUATION };
                        talk =
                            talk.compress(*squeeze).part(dir, op, turn + 1 == pieces.len(), &piece.bytes());
                    }
                }
                talk
            })
        }
        Act::Control(dir, op, content) => talk.control(*dir, *op, &content.bytes()),
    }
}

/// Lengths: mostly small, often at the edges of the length forms, sometimes up to 70,000.
pub fn lens() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0..300usize,
        4 => select(vec![0, 1, 2, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537]),
        1 => 300..70_000usize,
    ]
}

fn content(op: u8) -> impl Strategy<Value = Content> {
    let kinds =
        if op == TEXT { vec![Kind::Words, Kind::Flat] } else { vec![Kind::Words, Kind::Flat, Kind::Noise] };
    (lens(), select(kinds), any::<u16>()).prop_map(|(len, kind, seed)| Content { len, kind, seed })
}

fn dirs() -> impl Strategy<Value = Direction> {
    select(vec![C2S, S2C])
}

fn data_ops() -> impl Strategy<Value = u8> {
    select(vec![TEXT, BINARY])
}

fn control() -> impl Strategy<Value = Control> {
    let content =
        (0..=125usize, any::<u16>()).prop_map(|(len, seed)| Content { len, kind: Kind::Noise, seed });
    (dirs(), select(vec![PING, PONG]), content)
}

fn side() -> impl Strategy<Value = (u8, bool, Vec<Content>)> {
    data_ops().prop_flat_map(|op| (Just(op), any::<bool>(), vec(content(op), 1..5)))
}

/// Any act.
pub fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (dirs(), any::<bool>(), data_ops().prop_flat_map(|op| (Just(op), content(op))))
            .prop_map(|(dir, squeeze, (op, content))| Act::Message(dir, op, squeeze, content)),
        3 => (dirs(), any::<bool>(), data_ops().prop_flat_map(|op| {
                (Just(op), vec((content(op), proptest::option::weighted(0.3, control())), 1..6))
            }))
            .prop_map(|(dir, squeeze, (op, pieces))| Act::Fragments(dir, op, squeeze, pieces)),
        2 => (dirs(), any::<bool>(), data_ops().prop_flat_map(|op| (Just(op), content(op))), vec(any::<u16>(), 0..5))
            .prop_map(|(dir, squeeze, (op, content), cuts)| Act::Split(dir, op, squeeze, content, cuts)),
        1 => [side(), side()].prop_map(Act::Both),
        2 => control().prop_map(|(dir, op, content)| Act::Control(dir, op, content)),
    ]
}

/// Any parameters of permessage-deflate.
pub fn deflate_specs() -> impl Strategy<Value = DeflateSpec> {
    (any::<bool>(), any::<bool>(), 8..=15u8, 8..=15u8).prop_map(
        |(server, client, server_bits, client_bits)| DeflateSpec {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
        },
    )
}

/// Any conversation.
pub fn plans() -> impl Strategy<Value = Plan> {
    let close = proptest::option::of(select(vec![1000u16, 1001, 1011, 3000, 4999]));
    (proptest::option::of(deflate_specs()), vec(acts(), 0..10), close)
        .prop_map(|(deflate, acts, close)| Plan { deflate, acts, close })
}

/// Any cutting into segments; tiny segments are rare, because they make many packets.
pub fn splits() -> impl Strategy<Value = Split> {
    prop_oneof![
        4 => (100..9000usize).prop_map(Split::Writes),
        4 => (100..9000usize).prop_map(Split::Merged),
        3 => vec(prop_oneof![3 => 1..40usize, 2 => 500..9000usize], 2..12)
            .prop_map(|sizes| Split::Sizes([&sizes[..], &[1460]].concat())),
    ]
}

/// A conversation's segments after troubles that lose nothing, in any order that stays within a few places.
pub fn troubled(talk: &Conversation, split: &Split, seed: u64) -> Script {
    let mut rng = Rng::new(seed);
    let troubles = rng.below(12) as usize;
    let distance = rng.below(4);
    Script::new(talk, split).shuffle(&mut rng, distance).trouble(&mut rng, troubles)
}
