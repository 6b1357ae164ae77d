//! Conversations of real peers, whole and cut and damaged.

mod loss;
mod openssl;
mod rfc8448;

use std::fmt::Arguments;

use super::{KeyStore, Locked, Lost, Plain, TlsContext, TlsEvents, TlsStream};
use crate::model::{Chunk, Direction, PerDirection, Place, Rule, Time};

/// What came out of a stream.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Out {
    pub(super) bytes: PerDirection<Vec<u8>>,
    /// Of each content: which record, and its packets.
    pub(super) records: Vec<(Direction, u64, u64, usize, u64, u64)>,
    pub(super) lost: Vec<Lost>,
    pub(super) findings: Vec<(&'static str, Direction, String)>,
}

impl TlsEvents for Out {
    fn plain(&mut self, plain: Plain<'_>) {
        let bytes = self.bytes.of_mut(plain.direction);
        let missing: u64 = self.lost.iter().filter(|l| l.direction == plain.direction).map(|l| l.len).sum();
        assert_eq!(plain.at, bytes.len() as u64 + missing);
        let joined: Vec<u8> = plain.chunks().flat_map(|chunk| chunk.bytes.to_vec()).collect();
        assert_eq!(joined, plain.bytes, "chunks cover the content");
        bytes.extend_from_slice(plain.bytes);
        for chunk in plain.chunks() {
            // Addresses are offsets here.
            let inside = plain.record.at + plain.start as u64 + (chunk.at - plain.at);
            assert_eq!(chunk.address, inside);
        }
        let record = plain.record;
        let packets = (record.first.packet, record.arrival.packet);
        self.records.push((plain.direction, record.number, record.at, record.len, packets.0, packets.1));
    }
    fn lost(&mut self, lost: Lost) {
        self.lost.push(lost);
    }
    fn finding(&mut self, rule: &'static Rule, direction: Direction, _: u64, _: Place, text: Arguments<'_>) {
        self.findings.push((rule.code, direction, text.to_string()));
    }
}

/// A conversation: who sent what, flight by flight.
pub(super) type Flights = Vec<(Direction, Vec<u8>)>;

/// One thing that a capture has.
#[derive(Clone, Debug)]
pub(super) enum TestPiece {
    Bytes(Direction, Vec<u8>),
    Gap(Direction, u64),
}

/// Feeds pieces; what is not taken comes again after the next piece of the other direction.
pub(super) fn feed(keys: &KeyStore, pieces: &[TestPiece]) -> (TlsStream, Out) {
    let (mut stream, mut out, mut scratch) = (TlsStream::new(), Out::default(), Vec::new());
    let mut at = PerDirection { c2s: 0u64, s2c: 0u64 };
    let mut queues: PerDirection<Vec<(u64, TestPiece, Place)>> = PerDirection::default();
    for (number, piece) in pieces.iter().enumerate() {
        let place = Place { packet: number as u64 + 1, time: Time(number as i64) };
        let (direction, len) = match piece {
            TestPiece::Bytes(direction, bytes) => (*direction, bytes.len() as u64),
            TestPiece::Gap(direction, len) => (*direction, *len),
        };
        queues.of_mut(direction).push((*at.of(direction), piece.clone(), place));
        *at.of_mut(direction) += len;
        drain(keys, &mut stream, &mut queues, &mut out, &mut scratch, place);
    }
    Direction::BOTH.into_iter().for_each(|direction| stream.abandon(direction));
    drain(keys, &mut stream, &mut queues, &mut out, &mut scratch, Place::default());
    Direction::BOTH.into_iter().for_each(|direction| stream.end(direction, Place::default(), &mut out));
    assert!(queues.c2s.is_empty() && queues.s2c.is_empty(), "all is taken at the end");
    (stream, out)
}

fn drain(
    keys: &KeyStore,
    stream: &mut TlsStream,
    queues: &mut PerDirection<Vec<(u64, TestPiece, Place)>>,
    out: &mut Out,
    scratch: &mut Vec<u8>,
    arrival: Place,
) {
    let mut progress = true;
    while progress {
        progress = false;
        for direction in Direction::BOTH {
            let queue = queues.of_mut(direction);
            while let Some((at, piece, place)) = queue.first_mut() {
                match piece {
                    TestPiece::Gap(_, len) => stream.gap(direction, *at, *len, arrival, out),
                    TestPiece::Bytes(_, bytes) => {
                        let chunk = Chunk { at: *at, bytes, address: *at, origin: *place, arrival };
                        let context =
                            &mut TlsContext { keys, scratch, patience: &mut crate::tls::Patience::default() };
                        let taken = stream.data(direction, chunk, context, out);
                        progress |= taken > 0;
                        if taken < bytes.len() {
                            *at += taken as u64;
                            bytes.drain(..taken);
                            break;
                        }
                    }
                }
                progress = true;
                queue.remove(0);
            }
        }
    }
}

/// Flights as pieces.
pub(super) fn whole(flights: &Flights) -> Vec<TestPiece> {
    flights.iter().map(|(direction, bytes)| TestPiece::Bytes(*direction, bytes.clone())).collect()
}

pub(super) fn keys(lines: &str) -> KeyStore {
    let mut keys = KeyStore::default();
    keys.feed(lines.as_bytes());
    keys.end();
    keys
}

/// A stream without secrets says what it is and gives nothing out.
pub(super) fn without_keys(flights: &Flights) -> TlsStream {
    let (stream, out) = feed(&KeyStore::default(), &whole(flights));
    assert_eq!(stream.locked(), Some(Locked::NoSecret));
    assert_eq!(out.bytes, PerDirection::default());
    assert_eq!(out.findings.iter().map(|f| f.0).collect::<Vec<_>>(), ["tls-no-secret"]);
    stream
}
