//! TLS: conversations of OpenSSL with bytes changed, taken out and put in, and any bytes after them. Any cut gives
//! the same plaintext, and its offsets only grow.

use std::fmt::Arguments;
use std::sync::LazyLock;

use wslens::model::{Chunk, Direction, PerDirection, Place, Rule, Time};
use wslens::tls::{KeyStore, Lost, Patience, Plain, TlsContext, TlsEvents, TlsStream};

use crate::feed::Feed;

/// A conversation's secrets and what each side sent, flight by flight.
struct Case {
    keys: KeyStore,
    flights: Vec<(Direction, Vec<u8>)>,
}

/// Those of the unit tests.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let text = include_str!("../../src/tls/tests/openssl.txt");
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if mark == "==" {
            cases.push(Case { keys: KeyStore::default(), flights: Vec::new() });
        }
        let Some(case) = cases.last_mut() else { continue };
        match mark {
            "k" => case.keys.feed(format!("{rest}\n").as_bytes()),
            ">" => case.flights.push((Direction::ClientToServer, base64(rest))),
            "<" => case.flights.push((Direction::ServerToClient, base64(rest))),
            _ => {}
        }
    }
    // Long ones only take time.
    cases.retain(|case| case.flights.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < 12_000);
    cases
});

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = |digit: u8| DIGITS.iter().position(|known| *known == digit).map(|at| at as u32);
    let values: Vec<u32> = text.bytes().map_while(value).collect();
    let bytes = values.chunks(4).flat_map(|four| {
        let sum = four.iter().fold(0, |sum, value| sum << 6 | value) << (6 * (4 - four.len()));
        sum.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}

#[derive(Clone, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Gap(u64),
}

#[derive(Default)]
struct Out {
    bytes: PerDirection<Vec<u8>>,
    at: PerDirection<u64>,
    codes: PerDirection<Vec<&'static str>>,
    locked: bool,
}

impl TlsEvents for Out {
    fn plain(&mut self, plain: Plain<'_>) {
        let at = self.at.of_mut(plain.direction);
        assert_eq!(plain.at, *at, "content is gapless but for what was told to be lost");
        *at += plain.bytes.len() as u64;
        assert_eq!(plain.chunks().map(|chunk| chunk.bytes.len()).sum::<usize>(), plain.bytes.len());
        self.bytes.of_mut(plain.direction).extend_from_slice(plain.bytes);
    }
    fn lost(&mut self, lost: Lost) {
        let at = self.at.of_mut(lost.direction);
        assert_eq!(lost.at, *at);
        *at += lost.len;
    }
    fn finding(&mut self, rule: &'static Rule, direction: Direction, _: u64, _: Place, text: Arguments<'_>) {
        assert!(!text.to_string().is_empty());
        self.codes.of_mut(direction).push(rule.code);
    }
}

fn converse(keys: &KeyStore, pieces: &[(Direction, Piece)]) -> Out {
    let (mut stream, mut out, mut scratch) = (TlsStream::new(), Out::default(), Vec::new());
    let mut at = PerDirection { c2s: 0u64, s2c: 0u64 };
    let mut waiting: PerDirection<Vec<Piece>> = PerDirection::default();
    for (number, (direction, piece)) in pieces.iter().enumerate() {
        waiting.of_mut(*direction).push(piece.clone());
        let place = Place { packet: number as u64 + 1, time: Time(number as i64) };
        drain(keys, &mut stream, &mut waiting, &mut at, &mut out, &mut scratch, place);
    }
    let place = Place::default();
    Direction::BOTH.into_iter().for_each(|direction| stream.abandon(direction));
    drain(keys, &mut stream, &mut waiting, &mut at, &mut out, &mut scratch, place);
    Direction::BOTH.into_iter().for_each(|direction| stream.end(direction, place, &mut out));
    out.locked = stream.locked().is_some();
    assert!(waiting.c2s.is_empty() && waiting.s2c.is_empty(), "at the end nothing is waited for");
    assert!(stream.size() < 1 << 20, "{}", stream.size());
    out
}

fn drain(
    keys: &KeyStore,
    stream: &mut TlsStream,
    waiting: &mut PerDirection<Vec<Piece>>,
    at: &mut PerDirection<u64>,
    out: &mut Out,
    scratch: &mut Vec<u8>,
    place: Place,
) {
    let mut progress = true;
    while progress {
        progress = false;
        for direction in Direction::BOTH {
            while let Some(piece) = waiting.of_mut(direction).first_mut() {
                let start = *at.of(direction);
                match piece {
                    Piece::Gap(len) => {
                        stream.gap(direction, start, *len, place, out);
                        *at.of_mut(direction) += *len;
                    }
                    Piece::Bytes(bytes) => {
                        let chunk = Chunk { at: start, bytes, address: start, origin: place, arrival: place };
                        let taken = stream.data(
                            direction,
                            chunk,
                            &mut TlsContext { keys, scratch, patience: &mut Patience::default() },
                            out,
                        );
                        assert!(taken <= bytes.len());
                        *at.of_mut(direction) += taken as u64;
                        progress |= taken > 0;
                        if taken < bytes.len() {
                            bytes.drain(..taken);
                            break;
                        }
                    }
                }
                progress = true;
                waiting.of_mut(direction).remove(0);
            }
        }
    }
}

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let Some(case) = CASES.get(feed.below(CASES.len())) else { return };
    let mut pieces: Vec<(Direction, Piece)> =
        case.flights.iter().map(|(direction, bytes)| (*direction, Piece::Bytes(bytes.clone()))).collect();
    for _ in 0..feed.byte() % 8 {
        let at = feed.below(pieces.len());
        let (how, place, value) = (feed.byte() % 4, feed.number(2) as usize, feed.byte());
        let Some((direction, Piece::Bytes(bytes))) = pieces.get_mut(at) else { continue };
        let (direction, place) = (*direction, place % (bytes.len() + 1));
        match how {
            0 => bytes.get_mut(place).into_iter().for_each(|byte| *byte ^= value),
            1 => pieces[at].1 = Piece::Gap(bytes.len() as u64),
            2 => {
                let rest = bytes.split_off(place);
                let lost = usize::from(value).min(rest.len());
                pieces.insert(at + 1, (direction, Piece::Gap(lost as u64)));
                pieces.insert(at + 2, (direction, Piece::Bytes(rest[lost..].to_vec())));
            }
            _ => {
                let added = feed.piece().to_vec();
                pieces.insert(at + 1, (direction, Piece::Bytes(added)));
            }
        }
    }
    let step = usize::from(feed.byte()) + 1;
    let direction = Direction::BOTH[usize::from(feed.byte() % 2)];
    pieces.push((direction, Piece::Bytes(feed.rest().to_vec())));

    let whole = converse(&case.keys, &pieces);
    let cut: Vec<(Direction, Piece)> = pieces
        .iter()
        .flat_map(|(direction, piece)| match piece {
            Piece::Bytes(bytes) => {
                bytes.chunks(step).map(|part| (*direction, Piece::Bytes(part.to_vec()))).collect::<Vec<_>>()
            }
            Piece::Gap(_) => vec![(*direction, piece.clone())],
        })
        .collect();
    let cut = converse(&case.keys, &cut);
    assert!(whole.bytes == cut.bytes && whole.at == cut.at, "any cut gives the same");
    assert_eq!(whole.locked, cut.locked);
    // A connection that one side's bytes end: how far the other side was told of by then hangs on the cuts.
    if !whole.locked {
        assert_eq!(whole.codes, cut.codes);
    }
}
