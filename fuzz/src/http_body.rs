//! Bodies: any cut gives the same end, and bytes that may be a gap count as one.

use wslens::http::{BodyReader, Framing, GapResult};

use crate::feed::Feed;

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let framing = match feed.byte() % 8 {
        0 => Framing::None,
        1 => Framing::Length(feed.number(1)),
        2 => Framing::Length(feed.number(8)),
        3 => Framing::UntilClose,
        4 => Framing::Tunnel,
        _ => Framing::Chunked,
    };
    let gaps = feed.byte();
    let (all, pieces) = feed.cut();
    let mut whole = BodyReader::new(framing);
    let taken = whole.data(all);
    assert!(taken <= all.len());
    assert!(whole.is_done() || taken == all.len(), "what is not done takes all");

    let mut cut = BodyReader::new(framing);
    let mut sum = 0;
    for (i, piece) in pieces.iter().enumerate() {
        let hint = cut.skip_hint();
        let as_gap = gaps >> (i % 8) & 1 == 1 && hint >= piece.len() as u64;
        if as_gap && !cut.is_done() {
            assert_eq!(cut.gap(piece.len() as u64), GapResult::Kept, "these bytes may be anything");
            sum += piece.len();
        } else {
            sum += cut.data(piece);
        }
    }
    assert_eq!((cut, sum), (whole, taken), "{framing:?}");
    if framing == Framing::Chunked {
        assert_eq!(chunked(all), (taken, whole.is_done(), whole.is_lost()));
    }
    // A gap over anything else is told.
    let mut behind = whole;
    let (hint, done) = (whole.skip_hint(), whole.is_done());
    if !done && hint < u64::MAX {
        assert_eq!(behind.gap(hint + 1), GapResult::Lost);
        assert!(behind.is_lost());
        assert_eq!(behind.data(all), all.len());
    }
}

/// The chunked coding (RFC 9112 section 7.1) on bytes that are all there: how many belong to it, whether it
/// ended, and whether it was broken.
fn chunked(all: &[u8]) -> (usize, bool, bool) {
    let mut at = 0;
    let line = |from: usize| all[from..].iter().position(|b| *b == b'\n').map(|len| from + len);
    let (open, broken) = ((all.len(), false, false), (all.len(), false, true));
    loop {
        let digits = all[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let text = std::str::from_utf8(&all[at..at + digits]).expect("digits");
        let zeros = text.bytes().take_while(|b| *b == b'0').count();
        if digits - zeros > 16 {
            return broken;
        }
        let size = u64::from_str_radix(text, 16).unwrap_or(0);
        match all.get(at + digits) {
            None => return open,
            Some(b'\n' | b';' | b' ' | b'\t' | b'\r') if digits > 0 => {}
            Some(_) => return broken,
        }
        let Some(end) = line(at + digits) else { return open };
        at = end + 1;
        if size == 0 {
            break;
        }
        if size >= (all.len() - at) as u64 {
            return open;
        }
        at += size as usize;
        match &all[at..] {
            [b'\n', ..] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            [] | [b'\r'] => return open,
            _ => return broken,
        }
    }
    // Trailer lines up to an empty one.
    loop {
        let Some(end) = line(at) else { return open };
        let empty = matches!(&all[at..end], b"" | b"\r");
        at = end + 1;
        if empty {
            return (at, true, false);
        }
    }
}
