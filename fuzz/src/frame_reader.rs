//! Frames of one direction: any split gives the same events, and a plain parser of the whole agrees.

use wslens::model::{Chunk, Place};
use wslens::ws::{FrameHeader, FrameReader, FrameSink, FrameStart, Lost};

use crate::feed::Feed;

#[derive(Debug, Default, PartialEq)]
struct Frame {
    at: u64,
    head: [u8; 2],
    key: [u8; 4],
    header_len: u64,
    len: u64,
    payload: Vec<u8>,
    ended_at: Option<u64>,
}

#[derive(Debug, Default, PartialEq)]
struct Log {
    frames: Vec<Frame>,
    lost_at: Option<u64>,
}

impl FrameSink for Log {
    fn start(&mut self, header: FrameHeader, start: FrameStart, _: Place) {
        assert!(self.frames.last().is_none_or(|frame| frame.ended_at == Some(start.at)));
        assert!(self.lost_at.is_none());
        self.frames.push(Frame {
            at: start.at,
            head: header.head,
            key: header.masking_key,
            header_len: header.len() as u64,
            len: header.payload_len,
            ..Frame::default()
        });
    }
    fn payload(&mut self, offset: u64, chunk: Chunk<'_>) {
        let frame = self.frames.last_mut().expect("a payload has a header");
        assert_eq!(offset, frame.payload.len() as u64);
        assert!(frame.ended_at.is_none() && !chunk.bytes.is_empty());
        assert_eq!(chunk.address, chunk.at);
        frame.payload.extend_from_slice(chunk.bytes);
        assert!(frame.payload.len() as u64 <= frame.len);
    }
    fn missing(&mut self, _: u64, _: u64) {
        panic!("nothing is missing");
    }
    fn end(&mut self, _: Place) {
        let frame = self.frames.last_mut().expect("an end has a header");
        assert_eq!(frame.payload.len() as u64, frame.len);
        let end_at = frame.at + frame.header_len + frame.len;
        assert!(frame.ended_at.replace(end_at).is_none());
    }
    fn lost(&mut self, why: Lost, at: u64, _: Place) {
        assert_eq!(why, Lost::LengthMsbSet);
        assert!(self.lost_at.replace(at).is_none());
    }
}

pub fn run(data: &[u8]) {
    let (all, pieces) = Feed::new(data).cut();
    let (mut reader, mut log, mut at) = (FrameReader::default(), Log::default(), 0);
    for bytes in pieces {
        let place = Place::default();
        reader.data(Chunk { at, bytes, address: at, origin: place, arrival: place }, &mut log);
        at += bytes.len() as u64;
    }
    let (plain, partial_header, skipped) = parse(all);
    assert_eq!(log, plain);
    assert_eq!(reader.partial_header().map(|start| start.at), partial_header);
    assert_eq!(reader.skipped(), skipped);
}

/// The frames of the whole: RFC 6455 section 5.2, step by step. Also where a header stands that is cut, and
/// how many bytes follow a length that cannot be.
fn parse(all: &[u8]) -> (Log, Option<u64>, Option<u64>) {
    let mut log = Log::default();
    let mut at = 0;
    while at < all.len() {
        let rest = &all[at..];
        let cut = Some(at as u64);
        let &[first, second, ..] = rest else { return (log, cut, None) };
        let (extended, mut header) = match second & 127 {
            126 => (2, 4),
            127 => (8, 10),
            _ => (0, 2),
        };
        let key_at = header;
        if second & 128 != 0 {
            header += 4;
        }
        if rest.len() < header {
            return (log, cut, None);
        }
        let len = match extended {
            0 => u64::from(second & 127),
            n => rest[2..2 + n].iter().fold(0, |len, b| len << 8 | u64::from(*b)),
        };
        let key = if header > key_at { rest[key_at..header].try_into().expect("four bytes") } else { [0; 4] };
        let body = &rest[header..];
        let header_len = header as u64;
        let mut frame =
            Frame { at: at as u64, head: [first, second], key, header_len, len, ..Frame::default() };
        if len >> 63 != 0 {
            log.frames.push(frame);
            log.lost_at = cut;
            return (log, None, Some(body.len() as u64));
        }
        frame.payload = body[..body.len().min(usize::try_from(len).unwrap_or(usize::MAX))].to_vec();
        if frame.payload.len() as u64 == len {
            at += header + frame.payload.len();
            frame.ended_at = Some(at as u64);
            log.frames.push(frame);
        } else {
            log.frames.push(frame);
            break;
        }
    }
    (log, None, None)
}
