//! Whether bytes are frames: chains of headers that fit, weighed against chance.
//!
//! Any two bytes begin some frame, so one header proves nothing. A chain of them does: each next header has to stand
//! where the length of the one before says, and be one that RFC 6455 allows there. What a chain proves is counted in
//! bits: with `n` of them, random bytes look like this once in 2^n.

use crate::model::{Parse, to_u8, to_u32, to_usize};
use crate::ws::close::{Close, is_sendable};
use crate::ws::mask::unmask;
use crate::ws::{FrameHeader, MAX_HEADER_LEN, Opcode};

/// Bytes of a stream in order, as a segment brought them. Between two pieces bytes may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// Offset of the first byte.
    pub at: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Piece<'_> {
    fn end(&self) -> u64 {
        self.at.saturating_add(self.bytes.len() as u64)
    }
}

/// What a chain has to keep to.
#[derive(Clone, Copy, Debug)]
pub struct Expect {
    /// Frames are masked: the client's are.
    pub masked: bool,
    /// RSV1 may be set: messages may be compressed.
    pub rsv1: bool,
    /// The stream ends behind the last piece.
    pub ended: bool,
}

/// A control frame that carries something, and has an answer that carries the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) opcode: Opcode,
    /// Its first bytes, and how many there are.
    pub(super) payload: [u8; 16],
    pub(super) len: u8,
}

/// Frames, one behind the other.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Offset of the first frame that is certain if the whole is.
    pub start: u64,
    /// Offset behind the last whole frame.
    pub end: u64,
    /// Whole frames.
    pub frames: u32,
    /// What speaks against chance.
    pub bits: u32,
    /// Frames whose content says that they are what they seem: text, a Close with a code, a length of two bytes or more.
    pub telling: u32,
    /// Text frames that read as text.
    pub texts: u32,
    /// Frames with RSV1.
    pub compressed: u32,
    /// Frames that fill segments from their first byte to their last.
    pub aligned: u32,
    pub(super) beats: Vec<Beat>,
}

impl Chain {
    /// Takes another chain, which begins where this one ends.
    fn go_on(&mut self, next: Self) {
        self.end = next.end;
        self.frames = self.frames.saturating_add(next.frames);
        self.bits = self.bits.saturating_add(next.bits);
        self.telling = self.telling.saturating_add(next.telling);
        self.texts = self.texts.saturating_add(next.texts);
        self.compressed = self.compressed.saturating_add(next.compressed);
        self.aligned = self.aligned.saturating_add(next.aligned);
        self.beats.extend(next.beats);
        self.beats.truncate(BEATS);
    }

    fn beat(&mut self, opcode: Opcode, bytes: &[u8]) {
        if !bytes.is_empty() && self.beats.len() < BEATS {
            let mut payload = [0; 16];
            for (to, from) in payload.iter_mut().zip(bytes) {
                *to = *from;
            }
            self.beats.push(Beat { opcode, payload, len: to_u8(bytes.len().min(125)) });
        }
    }
}

/// Bits that a frame needs to be certain where those behind it are: it might be the end of another one's payload that
/// only seems to lead to them.
const TRUST: u32 = 13;
/// What it is worth that a length leads exactly to a place that is known.
const EXACT: u32 = 7;
/// The longest frame that is believed before its end is seen.
const PLAUSIBLE: u64 = 1 << 30;
/// Bytes of a text that are looked at, from its beginning and from its end.
const LOOK: usize = 256;
/// Frames after which a chain is certain enough.
const ENOUGH: u32 = 64;
/// So many frames that prove no more than this are a pattern of something else.
const FEW: u32 = 8;
const WEAK: u32 = 16;
/// Frames that are followed in one search: so many and one for every fourth byte, up to a limit. In other data few bytes
/// begin what may be a header.
const WORK: u32 = 128;
const MOST_WORK: u32 = 1 << 14;
/// Control frames that are remembered.
const BEATS: usize = 16;

/// Pieces as one space.
#[derive(Clone, Copy, Debug)]
struct Pieces<'a>(&'a [Piece<'a>]);

impl<'a> Pieces<'a> {
    /// The bytes from an offset on that one piece has.
    fn run(&self, at: u64) -> &'a [u8] {
        let index = self.0.partition_point(|piece| piece.end() <= at);
        let Some(piece) = self.0.get(index).filter(|piece| piece.at <= at) else { return &[] };
        piece.bytes.get(to_usize(at - piece.at)..).unwrap_or_default()
    }

    /// Copies bytes from an offset on, as far as none is missing; returns how many.
    fn read(&self, at: u64, out: &mut [u8]) -> usize {
        let mut have = 0;
        while let Some(room) = out.get_mut(have..).filter(|room| !room.is_empty()) {
            let run = self.run(at.saturating_add(have as u64));
            let len = run.len().min(room.len());
            if len == 0 {
                break;
            }
            if let (Some(to), Some(from)) = (room.get_mut(..len), run.get(..len)) {
                to.copy_from_slice(from);
            }
            have += len;
        }
        have
    }

    fn end(&self) -> u64 {
        self.0.last().map_or(0, Piece::end)
    }

    /// Whether a piece begins here.
    fn begins(&self, at: u64) -> bool {
        self.0.binary_search_by_key(&at, |piece| piece.at).is_ok()
    }

    /// Whether a piece ends here, or the next begins: the snap length may have cut the last bytes.
    fn ends(&self, at: u64) -> bool {
        let index = self.0.partition_point(|piece| piece.end() < at);
        self.0.get(index).is_some_and(|piece| piece.end() == at || piece.at == at)
    }

    /// Whether all bytes between two offsets are there.
    fn whole(&self, from: u64, to: u64) -> bool {
        let mut at = from;
        while at < to {
            match self.run(at).len() as u64 {
                0 => return false,
                len => at += len,
            }
        }
        true
    }
}

/// What the frames before say about the next one.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    /// Whether a message is open; `None` while that is not known.
    open: Option<bool>,
    closed: bool,
    last: Option<FrameHeader>,
    /// How many headers in a row began with the same two bytes as the one before.
    same: u32,
}

impl Before {
    /// Whether RFC 6455 allows a header here.
    fn allows(&self, header: FrameHeader, expect: &Expect) -> bool {
        let opcode = header.opcode();
        let rsv = if expect.rsv1 && matches!(opcode, Opcode::Text | Opcode::Binary) { 4 } else { 0 };
        let fits = match opcode {
            Opcode::Text | Opcode::Binary => self.open != Some(true),
            Opcode::Continuation => self.open != Some(false),
            Opcode::Close | Opcode::Ping | Opcode::Pong => header.fin() && header.payload_len <= 125,
            Opcode::Reserved(_) => false,
        };
        fits && !self.closed
            && header.masked() == expect.masked
            && header.rsv() & !rsv == 0
            && header.length_is_minimal()
            && header.payload_len <= PLAUSIBLE
            && !(opcode == Opcode::Close && header.payload_len == 1)
    }

    fn pass(&mut self, header: FrameHeader) {
        match header.opcode() {
            Opcode::Close => self.closed = true,
            opcode if opcode.is_control() => {}
            _ => self.open = Some(!header.fin()),
        }
        let is_same = self.last.is_some_and(|last| last.head == header.head);
        self.same = if is_same { self.same + 1 } else { 0 };
        self.last = Some(header);
    }

    /// How many bits a whole frame's header says.
    fn bits(&self, header: FrameHeader, aligned: bool, ends: bool) -> u32 {
        let open_unknown = self.open.is_none() && header.opcode() == Opcode::Continuation;
        if header.payload_len == 0 && !aligned || open_unknown {
            // Zeros, and counters of other protocols.
            return 0;
        }
        let first = match header.opcode() {
            opcode if opcode.is_control() => 6,
            _ => 5,
        };
        let length = match header.extended_len() {
            0 => 1,
            2 => 8,
            _ => 30,
        };
        let place = if aligned {
            EXACT
        } else if ends {
            4
        } else {
            0
        };
        // What repeats itself may be a pattern of anything.
        let bits = first + length + place;
        match self.same {
            // Keys differ from frame to frame.
            _ if header.masked() && !aligned && self.last == Some(header) => 0,
            0 | 1 => bits,
            _ if aligned => bits.min(if header.payload_len < 4 { 2 } else { bits }),
            _ if header.payload_len < 4 => 0,
            // A table has rows of one kind and length.
            _ if !header.masked() => bits.min(2),
            _ => bits,
        }
    }
}

/// Follows a chain from an offset on; `None` where a frame is not allowed. `trust`: bits that speak for its start. `work` counts headers.
fn follow(pieces: Pieces<'_>, start: u64, expect: &Expect, mut trust: u32, work: &mut u32) -> Option<Chain> {
    let mut chain = Chain { start: u64::MAX, end: start, ..Chain::default() };
    let (mut before, mut at) = (Before::default(), start);
    let last = pieces.end();
    while chain.frames < ENOUGH {
        *work += 1;
        let mut head = [0; MAX_HEADER_LEN];
        let have = pieces.read(at, &mut head);
        let Parse::Done(header, len) = FrameHeader::parse(head.get(..have).unwrap_or_default()) else {
            // Of a first byte something is known too.
            let odd = have == 1 && head[0] & 0x30 != 0;
            return (!(odd || expect.ended && have > 0)).then_some(chain);
        };
        if !before.allows(header, expect) {
            return None;
        }
        let payload = at + len as u64;
        let end = payload + header.payload_len;
        if end > last {
            return (!expect.ended).then_some(chain);
        }
        let mut bits = 0;
        let aligned = pieces.begins(at) && pieces.ends(end);
        // Of a cut segment, where it ended is known, and the payload's first bytes.
        if aligned || pieces.whole(payload, end) {
            bits = before.bits(header, aligned, pieces.ends(end));
            let content = content(pieces, payload, header, expect, &mut chain)?;
            if bits > 2 {
                // Text in text says nothing about where a frame of it begins.
                trust = trust.saturating_add(bits + if expect.masked { content } else { 0 });
                bits += content;
            }
        }
        before.pass(header);
        if chain.start == u64::MAX && trust >= TRUST {
            chain.start = at;
        }
        chain.frames += 1;
        chain.bits = chain.bits.saturating_add(bits);
        if chain.frames == FEW && chain.bits < WEAK {
            return None; // Zeros, or the like.
        }
        chain.aligned += u32::from(aligned);
        chain.telling += u32::from(header.extended_len() > 0);
        chain.compressed += u32::from(header.rsv1());
        chain.end = end;
        at = end;
    }
    Some(chain)
}

/// What a frame's payload says, in bits; `None` where it cannot be that of such a frame.
fn content(
    pieces: Pieces<'_>,
    at: u64,
    header: FrameHeader,
    expect: &Expect,
    chain: &mut Chain,
) -> Option<u32> {
    let len = to_usize(header.payload_len.min(LOOK as u64));
    let mut buffer = [0; LOOK];
    let bytes = buffer.get_mut(..len).unwrap_or_default();
    let have = pieces.read(at, bytes);
    let bytes = bytes.get_mut(..have).unwrap_or_default();
    unmask(bytes, header.masking_key, 0);
    let bytes = &*bytes;
    let is_whole = have == len;
    match header.opcode() {
        Opcode::Text | Opcode::Binary if header.rsv1() => {
            // A block of deflate's reserved type (RFC 1951 section 3.2.3).
            bytes.first().is_none_or(|first| first & 6 != 6).then_some(1)
        }
        Opcode::Text => {
            let cut = (bytes.len() as u64) < header.payload_len || !header.fin();
            match std::str::from_utf8(bytes) {
                Ok(_) => {}
                Err(error) if error.error_len().is_none() && cut => {}
                Err(_) => return None,
            }
            if header.fin() && cut && is_whole && !ends_whole(pieces, at, header) {
                return None;
            }
            let plain = bytes
                .iter()
                .take(32)
                .filter(|byte| matches!(byte, 0x20..0x7f | b'\n' | b'\r' | b'\t'))
                .count();
            let most = bytes.len().min(32);
            if plain * 4 < most * 3 {
                return Some(0);
            }
            chain.texts += 1;
            chain.telling += u32::from(plain >= 8);
            // Under a mask nothing else reads as text; without one, much does.
            Some(if expect.masked && header.masking_key != [0; 4] {
                to_u32(plain)
            } else {
                to_u32(plain.min(6))
            })
        }
        Opcode::Close if !is_whole => Some(0),
        Opcode::Close => {
            let close = Close::parse(bytes);
            let right = close.code.is_none_or(is_sendable) && std::str::from_utf8(close.reason).is_ok();
            chain.telling += u32::from(close.code.is_some());
            chain.beat(Opcode::Close, bytes.get(..2).unwrap_or_default());
            right.then_some(match close.code {
                Some(1000..=1014) => 12,
                Some(_) => 5,
                None => 0,
            })
        }
        opcode @ (Opcode::Ping | Opcode::Pong) if is_whole => {
            chain.beat(opcode, bytes);
            Some(0)
        }
        _ => Some(0),
    }
}

/// Whether a text's last bytes do not stop inside a character.
fn ends_whole(pieces: Pieces<'_>, at: u64, header: FrameHeader) -> bool {
    let mut tail = [0; 4];
    let from = header.payload_len.saturating_sub(4);
    let have = pieces.read(at + from, &mut tail);
    if (have as u64) < header.payload_len.min(4) {
        return true; // They are not all there.
    }
    let tail = tail.get_mut(..have.min(to_usize(header.payload_len))).unwrap_or_default();
    unmask(tail, header.masking_key, from);
    // From the last byte that begins a character on.
    let lead = tail.iter().rposition(|byte| byte & 0xc0 != 0x80);
    lead.is_none_or(|lead| std::str::from_utf8(tail.get(lead..).unwrap_or_default()).is_ok())
}

/// Where to look for chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// Where a piece begins.
    Pieces,
    /// Anywhere.
    Bytes,
}

/// The best chain in the pieces, if there is any, with at least `needed` bits. Of chains that run together, the
/// earliest.
#[must_use]
pub fn find(pieces: &[Piece<'_>], expect: &Expect, place: Where, needed: u32) -> Option<Chain> {
    /// Starts that are tried at most.
    const PIECES: usize = 256;
    const BYTES: usize = 64 << 10;
    let all = Pieces(pieces);
    let mut best: Option<Chain> = None;
    let len: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
    let most_work = u32::try_from(len / 4).unwrap_or(MOST_WORK).saturating_add(WORK).min(MOST_WORK);
    let (mut tried, mut work) = (0usize, 0u32);
    for piece in pieces.iter().take(PIECES) {
        let starts = match place {
            Where::Pieces => piece.bytes.len().min(1),
            Where::Bytes => piece.bytes.len(),
        };
        for offset in 0..starts {
            tried += 1;
            if tried > BYTES || work > most_work {
                return best;
            }
            let start = piece.at + offset as u64;
            if best.as_ref().is_some_and(|best| start < best.end) && place == Where::Pieces {
                continue;
            }
            // Most fall here.
            if piece.bytes.get(offset).is_none_or(|first| !may_begin(*first, expect)) {
                continue;
            }
            // Among many places, one more leads to the next frame by chance.
            let trust = if place == Where::Bytes { 0 } else { EXACT };
            let Some(mut chain) = follow(all, start, expect, trust, &mut work) else { continue };
            if place == Where::Bytes {
                chain.bits = chain.bits.saturating_sub(16);
            }
            if chain.start == u64::MAX || chain.bits < needed {
                continue;
            }
            // Only so many frames are followed at once.
            if let Some(best) = best.as_mut().filter(|best| best.end == start && best.frames >= ENOUGH) {
                best.go_on(chain);
                continue;
            }
            let better = best.as_ref().is_none_or(|best| chain.bits > best.bits && chain.end > best.end);
            if better {
                best = Some(chain);
            }
            if place == Where::Bytes {
                // Later starts only join it, or are worse.
                return best;
            }
        }
    }
    best
}

fn may_begin(first: u8, expect: &Expect) -> bool {
    matches!(first, 0x00..=0x02 | 0x80..=0x82 | 0x88..=0x8a)
        || (expect.rsv1 && matches!(first, 0x41 | 0x42 | 0xc1 | 0xc2))
}

/// Whether bytes begin with the header of a frame that keeps to the rules, as far as they are there. `open`: whether a
/// message is open there, where that is known.
pub(super) fn begins_frame(bytes: &[u8], expect: &Expect, open: Option<bool>) -> bool {
    let [first, second, ..] = *bytes else {
        return bytes.first().is_none_or(|first| may_begin(*first, expect));
    };
    match FrameHeader::parse(bytes) {
        Parse::Done(header, _) => keeps_to_rules(header, expect, open),
        Parse::Need(_) => may_begin(first, expect) && (second & 0x80 != 0) == expect.masked,
    }
}

/// Whether bytes may begin with a frame that keeps to the rules, masked or not.
#[must_use]
pub fn may_be_frame(bytes: &[u8], masked: bool) -> bool {
    begins_frame(bytes, &Expect { masked, rsv1: true, ended: false }, Some(false))
}

/// Whether a header keeps to the rules. `open`: whether a message is open there, where that is known.
pub(super) fn keeps_to_rules(header: FrameHeader, expect: &Expect, open: Option<bool>) -> bool {
    Before { open, ..Before::default() }.allows(header, expect)
}

/// Whether bytes look like frames from the first to the last.
#[must_use]
pub fn fills(bytes: &[u8]) -> bool {
    let [first, second, ..] = *bytes else { return false };
    let expect = Expect { masked: second & 0x80 != 0, rsv1: true, ended: true };
    if !may_begin(first, &expect) {
        return false;
    }
    let pieces = [Piece { at: 0, bytes }];
    follow(Pieces(&pieces), 0, &expect, EXACT, &mut 0)
        .is_some_and(|chain| chain.bits > 0 && chain.end == bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Expect = Expect { masked: true, rsv1: false, ended: false };
    const SERVER: Expect = Expect { masked: false, rsv1: false, ended: false };

    fn pieces<'a>(all: &[&'a [u8]]) -> Vec<Piece<'a>> {
        let mut at = 0;
        let place = |bytes: &&'a [u8]| {
            at += bytes.len() as u64;
            Piece { at: at - bytes.len() as u64, bytes }
        };
        all.iter().map(place).collect()
    }

    fn text(text: &str) -> Vec<u8> {
        [&[0x81, text.len() as u8], text.as_bytes()].concat()
    }

    #[test]
    fn frames_of_their_own_segments_are_a_chain_and_each_says_so() {
        let [one, two, three] = ["{\"a\":1}", "{\"a\":2}", "{\"a\":33}"].map(text);
        let pieces = pieces(&[&one, &two, &three]);
        let chain = find(&pieces, &SERVER, Where::Pieces, 32).unwrap();
        assert_eq!((chain.start, chain.end, chain.frames, chain.aligned, chain.texts), (0, 28, 3, 3, 3));
        // The other end's would be masked.
        assert!(find(&pieces, &CLIENT, Where::Pieces, 1).is_none());
    }

    #[test]
    fn what_the_rfc_forbids_is_no_chain() {
        let hello = text("hello there");
        let bad: [&[u8]; 9] = [
            &[0x83, 0],                        // a reserved opcode
            &[0x91, 1, b'x'],                  // RSV3
            &[0xc1, 1, 0],                     // RSV1 that nobody agreed on
            &[0x09, 0],                        // a fragmented Ping
            &[0x82, 126, 0, 5, 1, 2, 3, 4, 5], // a length in too many bytes
            &[0x80, 0],                        // nothing to continue
            &[0x88, 1, 3],                     // half a close code
            &[0x88, 2, 3, 0xed],               // 1005
            &[0x81, 2, 0xc3, 0x28],            // no UTF-8
        ];
        for bad in bad {
            let all = pieces(&[&hello, bad, &hello]);
            let found = follow(Pieces(&all), 0, &SERVER, EXACT, &mut 0);
            assert!(found.is_none(), "{bad:02x?}");
        }
        let all = pieces(&[&hello, &[0x8a, 0], &hello]);
        assert_eq!(follow(Pieces(&all), 0, &SERVER, EXACT, &mut 0).unwrap().frames, 3);
    }

    #[test]
    fn zeros_and_repeated_small_numbers_prove_nothing() {
        for pattern in [vec![0], vec![0x82, 0], vec![1, 0, 0, 0], vec![0x81, 0x01, 0x41], vec![0x80, 0]] {
            let bytes = pattern.repeat(6000);
            let pieces = pieces(&bytes.chunks(1460).collect::<Vec<_>>());
            for place in [Where::Pieces, Where::Bytes] {
                let found = find(&pieces, &SERVER, place, 32);
                assert!(found.is_none(), "{pattern:02x?} {found:?}");
            }
        }
    }

    #[test]
    fn masked_payloads_that_repeat_themselves_prove_nothing() {
        // One byte over and over, masked: frames of 8, 12, 112 bytes, and of 256 that begin with segments.
        for pattern in [[0x82, 0x82, 7, 8], [0x8a, 0x86, 1, 1], [0, 0xea, 99, 3], [0x82, 0xfe, 0, 0xf8]] {
            let bytes = pattern.repeat(16_000);
            for segment in [1448, 4955] {
                let pieces = pieces(&bytes.chunks(segment).collect::<Vec<_>>());
                for place in [Where::Pieces, Where::Bytes] {
                    let found = find(&pieces, &CLIENT, place, 32);
                    assert!(found.is_none(), "{pattern:02x?} {found:?}");
                }
            }
        }
    }

    #[test]
    fn a_chain_goes_on_behind_a_gap_inside_a_payload() {
        let big = [&[0x82, 126, 0x03, 0xe8][..], &[9; 1000]].concat();
        let [one, two] = ["{\"a\":1}", "{\"bb\":2}"].map(text);
        let mut all = pieces(&[&big[..300], &big[300..600], &big[600..], &one, &two, &one]);
        all.remove(1);
        let chain = find(&all, &SERVER, Where::Pieces, 32).unwrap();
        assert_eq!((chain.frames, chain.end), (4, all.last().unwrap().end()));
    }
}
