//! HTTP/2 connections: any pieces give the same; DATA counts up in each stream; memory is bounded.

use std::collections::BTreeMap;
use std::fmt::Arguments;

use wslens::http::http2::{ConnectAnswer, Http2, Http2Events, Spot, StreamOpening};
use wslens::model::{Chunk, Direction, Place, Rule};

use crate::feed::Feed;

#[derive(Debug, Default, PartialEq)]
struct Log {
    words: Vec<String>,
    at: BTreeMap<(u32, Direction), u64>,
    open: BTreeMap<u32, bool>,
    data: Vec<(u32, Direction, u8)>,
}

impl Http2Events for Log {
    fn asked(&mut self, stream: u32, opening: StreamOpening) {
        assert!(self.open.insert(stream, false).is_none());
        self.at.insert((stream, Direction::ClientToServer), 0);
        self.at.insert((stream, Direction::ServerToClient), 0);
        self.words.push(format!("asked {stream} {:?}", opening.head));
    }
    fn answered(&mut self, stream: u32, opening: StreamOpening, answer: ConnectAnswer) {
        assert_eq!(self.open.insert(stream, true), Some(false));
        if answer == ConnectAnswer::Refuses {
            self.open.remove(&stream);
        }
        self.words.push(format!("answered {stream} {answer:?} {:?}", opening.head));
    }
    fn data(&mut self, stream: u32, direction: Direction, chunk: Chunk<'_>) {
        assert!(self.open.contains_key(&stream) && !chunk.bytes.is_empty());
        let at = self.at.get_mut(&(stream, direction)).expect("asked");
        assert_eq!(*at, chunk.at);
        *at += chunk.bytes.len() as u64;
        self.data.extend(chunk.bytes.iter().map(|byte| (stream, direction, *byte)));
    }
    fn gap(&mut self, stream: u32, direction: Direction, from: u64, len: u64, _: Place) {
        assert!(self.open.contains_key(&stream) && len > 0);
        let at = self.at.get_mut(&(stream, direction)).expect("asked");
        assert_eq!(*at, from);
        *at += len;
    }
    fn lost(&mut self, stream: u32, direction: Direction, at: u64, _: Place) {
        assert_eq!(self.at.get(&(stream, direction)), Some(&at));
        self.words.push(format!("lost {stream} {at}"));
    }
    fn ended(&mut self, stream: u32, direction: Direction, _: Place) {
        self.words.push(format!("ended {stream} {}", direction.name()));
        let other = format!("ended {stream} {}", direction.opposite().name());
        if self
            .words
            .iter()
            .rev()
            .take_while(|words| !words.starts_with(&format!("asked {stream} ")))
            .any(|w| *w == other)
        {
            self.open.remove(&stream);
        }
    }
    fn reset(&mut self, stream: u32, by: Direction, code: u32, _: Place) {
        assert!(self.open.remove(&stream).is_some());
        self.words.push(format!("reset {stream} {} {code}", by.name()));
    }
    fn finding(&mut self, rule: &'static Rule, spot: Spot, text: Arguments<'_>) {
        assert!(spot.stream.is_none_or(|stream| self.open.contains_key(&stream)), "{} {spot:?}", rule.code);
        let text = text.to_string();
        assert!(!text.chars().any(char::is_control));
        self.words.push(text);
    }
}

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let mode = feed.byte();
    let step = 1 + feed.below(40);
    let mut parts = Vec::new();
    while !feed.is_empty() {
        let what = feed.byte();
        let direction = if what & 1 == 0 { Direction::ClientToServer } else { Direction::ServerToClient };
        parts.push((direction, what & 0xf0 == 0xf0, feed.piece()));
    }
    let new = || match mode & 3 {
        0 => Http2::new(0),
        1 => Http2::new(24),
        2 => Http2::midway(Direction::ClientToServer),
        _ => Http2::midway(Direction::ServerToClient),
    };
    let run = |step: usize| {
        let (mut http2, mut log, mut at) = (new(), Log::default(), [0u64; 2]);
        for (packet, (direction, gap, bytes)) in (1..).zip(&parts) {
            let place = Place { packet, ..Place::default() };
            let offset = &mut at[usize::from(*direction == Direction::ServerToClient)];
            if *gap {
                http2.gap(*direction, *offset, bytes.len() as u64, place, &mut log);
                *offset += bytes.len() as u64;
                continue;
            }
            for bytes in bytes.chunks(step) {
                let chunk = Chunk { at: *offset, bytes, address: *offset, origin: place, arrival: place };
                *offset += bytes.len() as u64;
                http2.data(*direction, chunk, &mut log);
            }
            assert!(http2.size() < 1 << 20);
        }
        log
    };
    assert_eq!(run(step), run(usize::MAX));
}
