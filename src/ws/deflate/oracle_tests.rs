//! The inflater against zlib's, which is told all that was made before.

use std::ops::Range;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{DeflateEnd, InflateLimits, InflateSpace, Inflater, Inflation, TAIL};

/// As far back as distances reach.
const WINDOW: usize = 32 << 10;

/// zlib's inflater and everything it made.
struct Other {
    stream: Decompress,
    text: Vec<u8>,
}

impl Other {
    fn new() -> Self {
        Self { stream: Decompress::new(false), text: Vec::new() }
    }

    /// Inflates a message as it was on the wire: what it made, and whether it took all of it.
    fn message(&mut self, wire: &[u8]) -> (bool, Vec<u8>) {
        let (wire, from) = ([wire, &TAIL].concat(), self.text.len());
        let (mut rest, mut buffer) = (&wire[..], vec![0; 1 << 16]);
        let ok = loop {
            let (used, made) = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.decompress(rest, &mut buffer, FlushDecompress::Sync);
            rest = &rest[(self.stream.total_in() - used) as usize..];
            let made = (self.stream.total_out() - made) as usize;
            self.text.extend_from_slice(&buffer[..made]);
            match status {
                Err(_) => break false,
                Ok(Status::StreamEnd) => {
                    self.stream = Decompress::new(false);
                    let window = self.text.len().saturating_sub(WINDOW);
                    self.stream.set_dictionary(&self.text[window..]).unwrap();
                }
                Ok(_) => {}
            }
            if rest.is_empty() && made < buffer.len() {
                break true;
            }
        };
        (ok, self.text[from..].to_vec())
    }
}

/// Inflates a message in pieces that end where `cuts` tell, or at once if there are none.
fn inflate(inflater: &mut Inflater, wire: &[u8], cuts: &[Index]) -> (Inflation, Vec<u8>, u64) {
    let (limits, mut space, mut out) = (InflateLimits::default(), InflateSpace::default(), Vec::new());
    if cuts.is_empty() {
        let mut wire = wire.to_vec();
        let (how, len) = inflater.inflate(&mut wire, &limits, &mut space, &mut |bytes, within| {
            out.extend_from_slice(if within { bytes } else { &[] })
        });
        return (how, out, len);
    }
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
    cuts.sort_unstable();
    inflater.begin();
    let mut from = 0;
    for to in cuts.into_iter().chain([wire.len()]) {
        inflater.feed(&wire[from..to], &limits, &mut space, &mut |bytes, within| {
            out.extend_from_slice(if within { bytes } else { &[] })
        });
        // Another's message comes in between.
        let other = Inflater::default().inflate(&mut one_word(), &limits, &mut space, &mut |_, _| ());
        assert_eq!(other, (Inflation::Whole, 5));
        from = to;
    }
    let (how, len) = inflater.finish(&limits, &mut space, &mut |bytes, within| {
        out.extend_from_slice(if within { bytes } else { &[] })
    });
    (how, out, len)
}

/// The same one byte at a time.
fn inflate_bytewise(inflater: &mut Inflater, wire: &[u8]) -> (Inflation, Vec<u8>, u64) {
    let (limits, mut space, mut out) = (InflateLimits::default(), InflateSpace::default(), Vec::new());
    inflater.begin();
    for byte in wire.chunks(1) {
        inflater.feed(byte, &limits, &mut space, &mut |bytes, within| {
            out.extend_from_slice(if within { bytes } else { &[] })
        });
    }
    let (how, len) = inflater.finish(&limits, &mut space, &mut |bytes, within| {
        out.extend_from_slice(if within { bytes } else { &[] })
    });
    (how, out, len)
}

/// Whether all input was taken: zlib does not mind a message that ends inside a block.
fn is_taken(how: Inflation, inflater: &Inflater) -> bool {
    how == Inflation::Whole || inflater.bad_end() == Some(DeflateEnd::InsideBlock)
}

/// A message with codes of its own.
fn one_word() -> Vec<u8> {
    let mut bits = Writer::default();
    bits.dynamic_head(&lens_of(257, &[(b'H', 2), (b'e', 2), (b'l', 2), (b'o', 3)], 3), &[0]);
    // Codes in the order of length and symbol: H 00, e 01, l 10, o 110, end 111.
    for (code, len) in [(0b00, 2), (0b01, 2), (0b10, 2), (0b10, 2), (0b110, 3), (0b111, 3)] {
        bits.code(code, len);
    }
    bits.put(0, 3);
    bits.bytes
}

fn lens_of(count: usize, of: &[(u8, u8)], end: u8) -> Vec<u8> {
    let mut lens = vec![0; count];
    of.iter().for_each(|&(symbol, len)| lens[usize::from(symbol)] = len);
    lens[256] = end;
    lens
}

/// Writes bits, lowest first.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    used: u32,
}

impl Writer {
    fn put(&mut self, bits: u32, len: u32) {
        for at in 0..len {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((bits >> at & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }

    /// A Huffman code: its highest bit comes first.
    fn code(&mut self, code: u32, len: u32) {
        self.put(code.reverse_bits() >> (32 - len), len);
    }

    /// The begin of a block with these codes (RFC 1951 section 3.2.7), every length written out.
    fn dynamic_head(&mut self, litlens: &[u8], dists: &[u8]) {
        self.put(0b100, 3);
        self.put(litlens.len() as u32 - 257, 5);
        self.put(dists.len() as u32 - 1, 5);
        self.put(15, 4);
        // A complete code: 0 to 12 have four bits, 13 to 18 have five.
        for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] {
            self.put(if symbol < 13 { 4 } else { 5 }, 3);
        }
        for &len in litlens.iter().chain(dists) {
            let len = u32::from(len);
            if len < 13 { self.code(len, 4) } else { self.code(26 + len - 13, 5) }
        }
    }
}

/// The lengths of a complete code of some of `count` symbols, or (seldom) of what is nearly one.
fn code_lens(count: Range<usize>, must: Option<usize>) -> impl Strategy<Value = Vec<u8>> {
    let split = || (any::<Index>(), any::<bool>());
    let splits = prop_oneof![1 => vec(split(), 0..2), 4 => vec(split(), 0..200)];
    (count, splits, any::<u64>(), 0u8..8, any::<Index>()).prop_map(move |(count, splits, seed, wrong, at)| {
        let mut leaves = vec![0u8];
        for (index, deep) in splits {
            // Going on with the last one makes long codes.
            let at = if deep { leaves.len() - 1 } else { index.index(leaves.len()) };
            if leaves[at] < 15 && leaves.len() < count {
                leaves[at] += 1;
                let leaf = leaves[at];
                leaves.push(leaf);
            }
        }
        if leaves.len() == 1 {
            leaves[0] = (seed % 3) as u8;
        }
        let mut symbols: Vec<usize> = (0..count).collect();
        let mut random = seed;
        for at in (1..count).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            symbols.swap(at, (random >> 33) as usize % (at + 1));
        }
        if let Some(must) = must {
            let at = symbols.iter().position(|&symbol| symbol == must).unwrap();
            symbols.swap(0, at);
        }
        let mut lens = vec![0; count];
        leaves.iter().zip(&symbols).for_each(|(&len, &symbol)| lens[symbol] = len);
        let at = at.index(count);
        match wrong {
            0 => lens[at] = (lens[at] + 1) % 16,
            1 => lens[at] = lens[at].saturating_sub(1),
            _ => {}
        }
        lens
    })
}

/// The symbols that have a code, with it and its length (RFC 1951 section 3.2.2).
fn canonical(lens: &[u8]) -> Vec<(usize, u32, u32)> {
    let mut coded: Vec<_> = (0..).zip(lens).filter(|&(_, &len)| len > 0).collect();
    coded.sort_by_key(|&(symbol, len)| (len, symbol));
    let (mut code, mut before) = (0u32, 0);
    let mut out = Vec::new();
    for (symbol, &len) in coded {
        code <<= len - before;
        out.push((symbol, code, u32::from(len)));
        (code, before) = (code + 1, len);
    }
    out
}

/// A text with repetitions near and far.
fn text(len: usize) -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        vec(any::<u8>(), 0..300).prop_map(OraclePart::New),
        vec(0u8..4, 0..600).prop_map(OraclePart::New),
        "[a-z\":{},0-9]{0,200}".prop_map(|text| OraclePart::New(text.into_bytes())),
        (any::<u8>(), 0usize..3000).prop_map(|(byte, len)| OraclePart::New(vec![byte; len])),
        (any::<Index>(), 0usize..700).prop_map(|(at, len)| OraclePart::Again(at, len)),
    ];
    vec(part, 0..len).prop_map(|parts| {
        let mut text = Vec::new();
        for part in parts {
            match part {
                OraclePart::New(bytes) => text.extend(bytes),
                OraclePart::Again(at, len) if !text.is_empty() => {
                    let at = at.index(text.len());
                    text.extend_from_within(at..text.len().min(at + len));
                }
                OraclePart::Again(..) => {}
            }
        }
        text
    })
}

#[derive(Clone, Debug)]
enum OraclePart {
    New(Vec<u8>),
    Again(Index, usize),
}

/// How the parts of a message are told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flush {
    None,
    Partial,
    Sync,
    Full,
    Final,
}

fn flush() -> impl Strategy<Value = Flush> {
    prop_oneof![
        Just(Flush::None),
        Just(Flush::Partial),
        Just(Flush::Sync),
        Just(Flush::Full),
        Just(Flush::Final),
    ]
}

/// A sender with its window.
struct Sender {
    compress: Compress,
    text: Vec<u8>,
}

impl Sender {
    fn new(level: u32, bits: u8) -> Self {
        Self { compress: Compress::new_with_window_bits(Compression::new(level), false, bits), text: vec![] }
    }

    fn run(&mut self, text: &[u8], flush: FlushCompress, wire: &mut Vec<u8>) {
        let mut rest = text;
        loop {
            let before = self.compress.total_in();
            wire.reserve(1000);
            let (room, len) = (wire.capacity(), wire.len());
            let status = self.compress.compress_vec(rest, wire, flush).unwrap();
            rest = &rest[(self.compress.total_in() - before) as usize..];
            if status == Status::StreamEnd || (rest.is_empty() && wire.len() < room) || wire.len() == len {
                return;
            }
        }
    }

    /// A message of parts, as it is on the wire.
    fn message(&mut self, parts: &[(Vec<u8>, Flush)]) -> (Vec<u8>, Vec<u8>) {
        let (mut wire, from) = (Vec::new(), self.text.len());
        for (part, flush) in parts {
            self.text.extend_from_slice(part);
            let flush = match flush {
                Flush::None => FlushCompress::None,
                Flush::Partial => FlushCompress::Partial,
                Flush::Sync => FlushCompress::Sync,
                Flush::Full => FlushCompress::Full,
                Flush::Final => FlushCompress::Finish,
            };
            self.run(part, flush, &mut wire);
            if flush == FlushCompress::Finish {
                self.compress.reset();
                let window = self.text.len().saturating_sub(WINDOW);
                if window < self.text.len() {
                    self.compress.set_dictionary(&self.text[window..]).unwrap();
                }
            }
        }
        let before = wire.len();
        self.run(&[], FlushCompress::Sync, &mut wire);
        if wire.len() > before && wire.ends_with(&TAIL) {
            wire.truncate(wire.len() - TAIL.len());
        } else {
            // Nothing is waiting: RFC 7692 sections 7.2.3.4 and 7.2.3.6.
            wire.push(0);
        }
        (wire, self.text[from..].to_vec())
    }
}

fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop_oneof![Just(vec![]), vec(any::<Index>(), 1..6), vec(any::<Index>(), 50..60)]
}

fn messages(count: Range<usize>, len: usize) -> impl Strategy<Value = Vec<Vec<(Vec<u8>, Flush)>>> {
    vec(vec((text(len), flush()), 1..4), count)
}

/// Two literals of 10 bits, then a length and a distance of 15 bits each with all extra bits: more than 64 in all.
#[test]
fn the_longest_turns_are_read_as_zlib_does() {
    let mut litlens = lens_of(286, &[(b'a', 10)], 2);
    let mut dists = vec![0; 30];
    for len in (1..16u8).filter(|len| ![2, 10].contains(len)) {
        litlens[usize::from(b'b' + len)] = len;
    }
    litlens[284] = 15;
    (1..16).for_each(|len| dists[usize::from(len)] = len);
    dists[29] = 15;
    let code_of =
        |lens: &[u8], of: usize| *canonical(lens).iter().find(|(symbol, ..)| *symbol == of).unwrap();
    let (literal, short) = (code_of(&litlens, usize::from(b'a')), code_of(&litlens, usize::from(b'b' + 1)));
    let (length, distance) = (code_of(&litlens, 284), code_of(&dists, 29));
    let mut bits = Writer::default();
    bits.dynamic_head(&litlens, &dists);
    for turn in 0..2000u32 {
        for (symbol, count) in [(short, turn % 5), (literal, turn % 4)] {
            (0..count).for_each(|_| bits.code(symbol.1, symbol.2));
        }
        bits.code(length.1, length.2);
        bits.put(turn.wrapping_mul(7), 5);
        bits.code(distance.1, distance.2);
        bits.put(turn.wrapping_mul(0x9e37_79b1) >> 9, 13);
    }
    let noise: Vec<u8> = (0..40_000u32).map(|at| (at.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    let (mut one, mut two, mut other) = (Inflater::default(), Inflater::default(), Other::new());
    for wire in [Sender::new(1, 15).message(&[(noise, Flush::Sync)]).0, bits.bytes] {
        let (ok, text) = other.message(&wire);
        assert!(ok && text.len() >= 40_000);
        let results = [inflate(&mut one, &wire, &[]), inflate_bytewise(&mut two, &wire)];
        for ((how, out, _), inflater) in results.into_iter().zip([&one, &two]) {
            assert!(is_taken(how, inflater), "{how:?}");
            assert!(out == text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_sender_makes_comes_back(
        messages in messages(1..8, 30), level in 0u32..10, bits in 9u8..16, cuts in cuts(),
    ) {
        let (mut sender, mut one, mut two) = (Sender::new(level, bits), Inflater::default(), Inflater::default());
        let mut other = Other::new();
        for parts in &messages {
            let (wire, text) = sender.message(parts);
            let whole = (Inflation::Whole, text.clone(), text.len() as u64);
            prop_assert_eq!(other.message(&wire), (true, text), "the test is right");
            prop_assert!(inflate(&mut one, &wire, &cuts) == whole);
            prop_assert!(inflate_bytewise(&mut two, &wire) == whole);
        }
        let finals = messages.iter().flatten().any(|(_, flush)| *flush == Flush::Final);
        let largest = if finals { WINDOW } else { 1 << bits };
        prop_assert!(one.largest_distance() <= largest);
    }

    #[test]
    fn damaged_messages_are_taken_as_far_as_zlib_takes_them(
        messages in messages(1..5, 8), level in 0u32..10, cuts in cuts(),
        harm in vec((any::<Index>(), any::<Index>(), any::<u8>(), 0u8..3), 1..5),
    ) {
        let (mut sender, mut one, mut two) = (Sender::new(level, 15), Inflater::default(), Inflater::default());
        let mut other = Other::new();
        let mut wires: Vec<Vec<u8>> = messages.iter().map(|parts| sender.message(parts).0).collect();
        for (message, at, byte, kind) in harm {
            let wire = message.get_mut(&mut wires);
            let at = at.index(wire.len().clamp(1, 60));
            match kind {
                0 if at < wire.len() => wire[at] ^= byte,
                1 => wire.insert(at, byte),
                _ => wire.truncate(at),
            }
        }
        for wire in &wires {
            let (ok, text) = other.message(wire);
            let results = [inflate(&mut one, wire, &cuts), inflate_bytewise(&mut two, wire)];
            for ((how, out, len), inflater) in results.into_iter().zip([&one, &two]) {
                prop_assert_eq!(is_taken(how, inflater), ok);
                prop_assert_eq!(len, text.len() as u64);
                prop_assert!(out == text);
            }
            prop_assert_eq!(one.bad_end(), two.bad_end());
            if !ok || one.bad_end().is_some() {
                break;
            }
        }
    }

    #[test]
    fn any_bytes_are_taken_or_refused_as_zlib_does(wire in vec(any::<u8>(), 0..300), cuts in cuts()) {
        let (ok, text) = Other::new().message(&wire);
        let mut inflater = Inflater::default();
        let (how, out, _) = inflate(&mut inflater, &wire, &cuts);
        prop_assert_eq!(is_taken(how, &inflater), ok);
        prop_assert!(out == text);
    }

    #[test]
    fn after_losses_nothing_wrong_is_whole(
        messages in messages(4..12, 8), level in 1u32..10, lost in vec(any::<bool>(), 20), cuts in cuts(),
    ) {
        let (mut sender, mut inflater) = (Sender::new(level, 15), Inflater::default());
        // The text since the last loss, and whether the window is certain.
        let (mut since, mut dead) = (0, false);
        for (parts, lost) in messages.iter().zip(lost) {
            let (wire, text) = sender.message(parts);
            if lost {
                inflater.lose();
                (since, dead) = (0, false);
                continue;
            }
            let (how, out, _) = inflate(&mut inflater, &wire, &cuts);
            prop_assert!(text.starts_with(&out), "what is handed on is right");
            match how {
                Inflation::Whole => prop_assert_eq!(out.len(), text.len()),
                Inflation::UnknownDictionary => {
                    prop_assert!(since + out.len() < WINDOW, "all that distances reach is known");
                    dead = true;
                }
                how => prop_assert!(false, "{how:?}: there is nothing wrong with it"),
            }
            since = if dead { 0 } else { since + text.len() };
            dead = false;
        }
    }
}

proptest! {
    #[test]
    fn any_codes_are_taken_or_refused_as_zlib_does(
        litlens in code_lens(257..289, Some(256)), dists in code_lens(1..33, None), before in 0usize..40_000,
        symbols in vec((any::<Index>(), any::<Index>(), any::<u32>()), 0..400), noise in vec(any::<u8>(), 0..40),
        cuts in cuts(),
    ) {
        let (mut sender, mut one, mut two) = (Sender::new(1, 15), Inflater::default(), Inflater::default());
        let mut other = Other::new();
        let before: Vec<u8> = (0..before).map(|at| (at / 7) as u8).collect();
        let mut bits = Writer::default();
        bits.dynamic_head(&litlens, &dists);
        let (litlen_codes, dist_codes) = (canonical(&litlens), canonical(&dists));
        let symbols = symbols.iter().filter(|_| !litlen_codes.is_empty());
        for &(litlen, dist, extra) in symbols {
            // Each symbol as likely as any other, so that long codes are not rare.
            let &(symbol, code, len) = litlen.get(&litlen_codes);
            if symbol != 256 {
                bits.code(code, len);
            }
            if symbol > 256 && !dist_codes.is_empty() {
                bits.put(extra, if (265..285).contains(&symbol) { (symbol as u32 - 261) / 4 } else { 0 });
                let &(symbol, code, len) = dist.get(&dist_codes);
                bits.code(code, len);
                bits.put(extra >> 8, if (4..30).contains(&symbol) { (symbol as u32 - 2) / 2 } else { 0 });
            }
        }
        noise.iter().for_each(|&byte| bits.put(u32::from(byte), 8));
        for wire in [sender.message(&[(before, Flush::Sync)]).0, bits.bytes] {
            let (ok, text) = other.message(&wire);
            let results = [inflate(&mut one, &wire, &cuts), inflate_bytewise(&mut two, &wire)];
            for ((how, out, len), inflater) in results.into_iter().zip([&one, &two]) {
                prop_assert_eq!(is_taken(how, inflater), ok);
                prop_assert_eq!(len, text.len() as u64);
                prop_assert!(out == text);
            }
        }
    }
}
