//! Where a body ends (RFC 9112 sections 6 and 7). Bodies are passed over, and not kept here.

use std::ops::Range;

use memchr::memchr;

use super::quoted;
use crate::model::Head;

/// How the end of a message's body is found (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// This many bytes follow the head.
    Length(u64),
    /// Chunks follow (section 7.1).
    Chunked,
    /// Everything up to the end of the connection.
    UntilClose,
    /// No body, and what follows is no HTTP/1 of this connection: after 101, or after 2xx to CONNECT.
    Tunnel,
}

/// The framing of a request's body.
///
/// Where `Content-Length` and `Transfer-Encoding` disagree, the latter counts; of several lengths the
/// first. [`judge_syntax`](super::judge_syntax) reports both.
#[must_use]
pub fn request_framing(head: &Head) -> Framing {
    announced_framing(head)
}

/// The framing of a response's body. `request_method` is empty where the request was not seen.
#[must_use]
pub fn response_framing(head: &Head, request_method: &[u8]) -> Framing {
    match head.status().unwrap_or(0) {
        101 => return Framing::Tunnel,
        200..=299 if request_method == b"CONNECT" => return Framing::Tunnel,
        100..=199 | 204 | 304 => return Framing::None,
        _ if request_method == b"HEAD" => return Framing::None,
        _ => {}
    }
    coded(head).or_else(|| content_length(head).map(Framing::Length)).unwrap_or(Framing::UntilClose)
}

/// The framing that a head announces, whether or not such a message has a body.
#[must_use]
pub fn announced_framing(head: &Head) -> Framing {
    coded(head).or_else(|| content_length(head).map(Framing::Length)).unwrap_or(Framing::None)
}

/// The framing that `Transfer-Encoding` gives; `None` where there is no such header.
fn coded(head: &Head) -> Option<Framing> {
    let codings = head.values("Transfer-Encoding").flat_map(|value| value.split(|b| *b == b','));
    let names = codings.map(|coding| coding.split(|b| *b == b';').next().unwrap_or_default().trim_ascii());
    // `identity` meant "none" before RFC 7230 dropped it.
    let last = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity")).last()?;
    Some(if last.eq_ignore_ascii_case(b"chunked") { Framing::Chunked } else { Framing::UntilClose })
}

/// Each `Content-Length` that is a number, in the order sent; one too big for 64 bits is the largest.
fn lengths(head: &Head) -> impl Iterator<Item = u64> + '_ {
    head.values("Content-Length").flat_map(|value| value.split(|b| *b == b',')).filter_map(|part| {
        let digits = part.trim_ascii();
        let good = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        good.then(|| {
            digits
                .iter()
                .fold(0u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d.wrapping_sub(b'0'))))
        })
    })
}

fn content_length(head: &Head) -> Option<u64> {
    lengths(head).next()
}

/// Where a head says two things about its body's length, and the sentence about it.
pub(super) fn length_conflict(head: &Head) -> Option<(Range<u32>, String)> {
    let field = head.headers.iter().rfind(|f| head.token(&f.name).eq_ignore_ascii_case(b"content-length"))?;
    let range = field.name.start..field.value.end;
    if let Some(coding) = head.value("Transfer-Encoding") {
        let length = quoted(head.token(&field.value));
        let text = format!("Content-Length {length} stands beside Transfer-Encoding {}", quoted(coding));
        return Some((range, text));
    }
    let first = content_length(head)?;
    let other = lengths(head).find(|length| *length != first)?;
    Some((range, format!("Content-Length is given as {first} and as {other}")))
}

/// What a gap in the capture did to a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapResult {
    /// All missing bytes belong to the body; it goes on (or is done) behind them.
    Kept,
    /// Where the body ends can no longer be known.
    Lost,
}

/// Passes over one body, cut anywhere. It holds no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyReader {
    state: BodyState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyState {
    Done,
    Length(u64),
    /// Up to the end of the connection.
    Rest,
    /// The chunked coding was broken or cut: there is no telling where the body ends.
    Lost,
    /// In the digits of a chunk size.
    Size {
        size: u64,
        digits: bool,
    },
    /// Between a chunk size and its line's end.
    Extension {
        size: u64,
    },
    Data(u64),
    /// At the line end after a chunk's data; CR was seen or not.
    DataEnd {
        cr: bool,
    },
    /// At the start of a trailer line.
    Trailer,
    /// At the start of a trailer line, after CR.
    TrailerCr,
    /// Inside a trailer line.
    TrailerLine,
}

impl BodyReader {
    /// A reader at the first byte after the head.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Tunnel | Framing::Length(0) => BodyState::Done,
            Framing::Length(len) => BodyState::Length(len),
            Framing::Chunked => BodyState::Size { size: 0, digits: false },
            Framing::UntilClose => BodyState::Rest,
        };
        Self { state }
    }

    /// Takes the next bytes of the stream; returns how many of them belong to the body, its framing included.
    pub fn data(&mut self, bytes: &[u8]) -> usize {
        self.data_into(bytes, |_| {})
    }

    /// As [`data`](Self::data); `content` takes the body's own bytes, its framing removed.
    pub fn data_into(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> usize {
        let mut taken = 0usize;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            if self.state == BodyState::Done {
                break;
            }
            let (used, state) = step(self.state, rest);
            if matches!(self.state, BodyState::Length(_) | BodyState::Data(_) | BodyState::Rest) {
                content(rest.get(..used).unwrap_or_default());
            }
            self.state = state;
            taken = taken.saturating_add(used);
        }
        taken
    }

    /// Takes `len` bytes that the capture lacks. Only a gap that ends inside (or with) a run of plain
    /// body bytes leaves the reader in step.
    pub fn gap(&mut self, len: u64) -> GapResult {
        match self.state {
            BodyState::Length(left) if len < left => self.state = BodyState::Length(left - len),
            BodyState::Length(left) if len == left => self.state = BodyState::Done,
            BodyState::Data(left) if len < left => self.state = BodyState::Data(left - len),
            BodyState::Data(left) if len == left => self.state = BodyState::DataEnd { cr: false },
            BodyState::Rest => {}
            _ if len == 0 => {}
            BodyState::Done => return GapResult::Lost,
            _ => {
                self.state = BodyState::Lost;
                return GapResult::Lost;
            }
        }
        GapResult::Kept
    }

    /// Whether the body is complete. Never for one that ends with the connection.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == BodyState::Done
    }

    /// Whether the body's end can no longer be known. It then takes every byte.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.state == BodyState::Lost
    }

    /// How many of the next bytes belong to the body whatever they are: these may be taken as a gap.
    #[must_use]
    pub fn skip_hint(&self) -> u64 {
        match self.state {
            BodyState::Length(left) | BodyState::Data(left) => left,
            BodyState::Rest => u64::MAX,
            _ => 0,
        }
    }
}

/// One step over `rest`, which is not empty: how many bytes, and what comes next.
fn step(state: BodyState, rest: &[u8]) -> (usize, BodyState) {
    let first = rest.first().copied().unwrap_or_default();
    let line = || memchr(b'\n', rest).map(|at| at + 1);
    match state {
        BodyState::Done => (0, state),
        BodyState::Rest | BodyState::Lost => (rest.len(), state),
        BodyState::Length(left) => match pass(left, rest) {
            (used, 0) => (used, BodyState::Done),
            (used, left) => (used, BodyState::Length(left)),
        },
        BodyState::Data(left) => match pass(left, rest) {
            (used, 0) => (used, BodyState::DataEnd { cr: false }),
            (used, left) => (used, BodyState::Data(left)),
        },
        BodyState::Size { size, digits } => (1, size_byte(size, digits, first)),
        BodyState::Extension { size } => match line() {
            Some(used) => (used, after_size(size)),
            None => (rest.len(), state),
        },
        BodyState::DataEnd { cr } => match first {
            b'\n' => (1, BodyState::Size { size: 0, digits: false }),
            b'\r' if !cr => (1, BodyState::DataEnd { cr: true }),
            _ => (1, BodyState::Lost),
        },
        BodyState::Trailer | BodyState::TrailerCr => match (first, state) {
            (b'\n', _) => (1, BodyState::Done),
            (b'\r', BodyState::Trailer) => (1, BodyState::TrailerCr),
            _ => (1, BodyState::TrailerLine),
        },
        BodyState::TrailerLine => match line() {
            Some(used) => (used, BodyState::Trailer),
            None => (rest.len(), state),
        },
    }
}

/// How many of `rest` belong to `left` bytes, and how many of these are then left.
fn pass(left: u64, rest: &[u8]) -> (usize, u64) {
    let used = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
    (used, left.saturating_sub(used as u64))
}

fn size_byte(size: u64, digits: bool, byte: u8) -> BodyState {
    match (char::from(byte).to_digit(16), byte) {
        (Some(digit), _) => match size.checked_mul(16) {
            Some(size) => BodyState::Size { size: size | u64::from(digit), digits: true },
            None => BodyState::Lost,
        },
        (None, b'\n') if digits => after_size(size),
        (None, b';' | b' ' | b'\t' | b'\r') if digits => BodyState::Extension { size },
        _ => BodyState::Lost,
    }
}

fn after_size(size: u64) -> BodyState {
    if size == 0 { BodyState::Trailer } else { BodyState::Data(size) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadKind, HeadLimits, HeadScan, scan};
    use proptest::prelude::*;

    fn head(text: &str) -> Head {
        let kind = if text.starts_with("HTTP") { HeadKind::Response } else { HeadKind::Request };
        match scan(kind, format!("{text}\r\n\r\n").as_bytes(), &HeadLimits::default()) {
            HeadScan::Done(head, _) => head,
            other => panic!("{other:?}"),
        }
    }

    fn request(lines: &str) -> Framing {
        request_framing(&head(&format!("POST / HTTP/1.1\r\nHost: a{lines}")))
    }

    #[test]
    fn a_request_has_a_body_only_where_it_says_so() {
        assert_eq!(request(""), Framing::None);
        assert_eq!(request("\r\nContent-Length: 12"), Framing::Length(12));
        assert_eq!(request("\r\nContent-Length: 5, 5"), Framing::Length(5));
        assert_eq!(request("\r\nContent-Length: +5"), Framing::None);
        assert_eq!(request("\r\nContent-Length: 99999999999999999999"), Framing::Length(u64::MAX));
        assert_eq!(request("\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 5"), Framing::Chunked);
        assert_eq!(request("\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), Framing::Chunked);
        assert_eq!(request("\r\nTransfer-Encoding: chunked, gzip"), Framing::UntilClose);
        assert_eq!(request("\r\nTransfer-Encoding: identity\r\nContent-Length: 5"), Framing::Length(5));
    }

    #[test]
    fn a_response_may_have_a_body_that_ends_with_the_connection() {
        let of = |text: &str, method: &str| response_framing(&head(text), method.as_bytes());
        assert_eq!(of("HTTP/1.1 200 OK", "GET"), Framing::UntilClose);
        assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Length: 3", "GET"), Framing::Length(3));
        assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Length: 3", "HEAD"), Framing::None);
        assert_eq!(of("HTTP/1.1 200 OK\r\nContent-Length: 3", "CONNECT"), Framing::Tunnel);
        assert_eq!(of("HTTP/1.1 407 No\r\nContent-Length: 3", "CONNECT"), Framing::Length(3));
        assert_eq!(of("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 3", "GET"), Framing::Tunnel);
        for status in ["100 Continue", "103 Early Hints", "204 No Content", "304 Not Modified"] {
            assert_eq!(of(&format!("HTTP/1.1 {status}\r\nContent-Length: 3"), "GET"), Framing::None);
        }
        assert_eq!(of("HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked", ""), Framing::Chunked);
    }

    #[test]
    fn two_lengths_conflict_only_where_they_differ() {
        let conflict =
            |lines: &str| length_conflict(&head(&format!("POST / HTTP/1.1{lines}"))).map(|(_, text)| text);
        assert_eq!(conflict("\r\nContent-Length: 5\r\nContent-Length: 05"), None);
        assert_eq!(conflict("\r\nTransfer-Encoding: chunked"), None);
        assert_eq!(
            conflict("\r\nContent-Length: 5\r\nContent-Length: 6").unwrap(),
            "Content-Length is given as 5 and as 6"
        );
        assert!(conflict("\r\nContent-Length: 5, 7").is_some());
        assert!(conflict("\r\nTransfer-Encoding: chunked\r\nContent-Length: 5").unwrap().contains("beside"));
    }

    #[test]
    fn the_state_is_small() {
        assert!(size_of::<BodyReader>() <= 32);
    }

    #[test]
    fn a_gap_inside_plain_bytes_keeps_step_and_any_other_loses_it() {
        let mut length = BodyReader::new(Framing::Length(10));
        assert_eq!((length.data(b"abc"), length.skip_hint(), length.gap(6)), (3, 7, GapResult::Kept));
        assert_eq!((length.is_done(), length.gap(1), length.is_done()), (false, GapResult::Kept, true));
        assert_eq!((length.data(b"x"), length.gap(1)), (0, GapResult::Lost));
        assert_eq!(BodyReader::new(Framing::Length(3)).gap(4), GapResult::Lost);
        assert_eq!(BodyReader::new(Framing::UntilClose).gap(1 << 40), GapResult::Kept);

        let mut chunked = BodyReader::new(Framing::Chunked);
        assert_eq!((chunked.data(b"5\r\na"), chunked.skip_hint(), chunked.gap(4)), (4, 4, GapResult::Kept));
        assert_eq!((chunked.data(b"\r\n0\r\n\r\nGET"), chunked.is_done()), (7, true));
        let mut chunked = BodyReader::new(Framing::Chunked);
        chunked.data(b"5\r\na");
        assert_eq!(
            (chunked.gap(5), chunked.is_lost(), chunked.data(b"0\r\n\r\n")),
            (GapResult::Lost, true, 5)
        );
        assert!(!chunked.is_done());
        let mut chunked = BodyReader::new(Framing::Chunked);
        assert_eq!(chunked.gap(1), GapResult::Lost);
    }

    #[test]
    fn a_broken_chunk_size_loses_the_end() {
        for bad in ["\r\n", "x", "5g", "-1", "11111111111111111\r\n", "1\r\nab", "1\r\na\r\r"] {
            let mut reader = BodyReader::new(Framing::Chunked);
            assert_eq!(reader.data(bad.as_bytes()), bad.len());
            assert!(reader.is_lost(), "{bad:?}");
        }
        let mut reader = BodyReader::new(Framing::Chunked);
        reader.data(b"ffffffffffffffff\r\n");
        assert_eq!((reader.is_lost(), reader.skip_hint()), (false, u64::MAX));
    }

    /// Written straight down from the grammar of RFC 9112 section 7.1, with no thought of reading it.
    fn encode(chunks: &[(Vec<u8>, String)], trailers: &[String], end: &str, upper: bool) -> Vec<u8> {
        let mut out = Vec::new();
        for (data, extension) in chunks {
            let size = if upper { format!("{:X}", data.len()) } else { format!("00{:x}", data.len()) };
            out.extend_from_slice(format!("{size}{extension}{end}").as_bytes());
            out.extend_from_slice(data);
            out.extend_from_slice(end.as_bytes());
        }
        out.extend_from_slice(format!("0{end}").as_bytes());
        for line in trailers {
            out.extend_from_slice(format!("{line}{end}").as_bytes());
        }
        out.extend_from_slice(end.as_bytes());
        out
    }

    proptest! {
        #[test]
        fn a_body_ends_at_the_same_byte_however_it_is_cut(
            chunks in proptest::collection::vec(
                (proptest::collection::vec(any::<u8>(), 1..40), "(| ;|;a=b|;q=\"x y;z\")"), 0..5),
            trailers in proptest::collection::vec("[A-Z]{1,3}: [ -~]{0,5}", 0..3),
            bare: bool, upper: bool, length: bool, tail in "[ -~]{0,9}", steps in proptest::collection::vec(1usize..9, 1..9),
        ) {
            let body = encode(&chunks, &trailers, if bare { "\n" } else { "\r\n" }, upper);
            let framing = if length { Framing::Length(body.len() as u64) } else { Framing::Chunked };
            let stream = [&body[..], tail.as_bytes()].concat();
            let mut reader = BodyReader::new(framing);
            let mut taken = 0;
            for step in steps.iter().cycle() {
                let part = &stream[taken..stream.len().min(taken + step)];
                let used = reader.data(part);
                taken += used;
                if used < part.len() || part.is_empty() {
                    break;
                }
            }
            prop_assert!(reader.is_done());
            prop_assert_eq!(taken, body.len());
            prop_assert_eq!(BodyReader::new(framing).data(&stream), body.len());
        }

        #[test]
        fn what_skip_hint_promises_is_body(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 1..5), tail in "[a-z]{1,9}",
        ) {
            let chunks: Vec<_> = chunks.into_iter().map(|data| (data, String::new())).collect();
            let stream = [&encode(&chunks, &[], "\r\n", true)[..], tail.as_bytes()].concat();
            let (mut reader, mut at) = (BodyReader::new(Framing::Chunked), 0);
            while !reader.is_done() {
                let skip = reader.skip_hint();
                if skip > 0 {
                    prop_assert_eq!(reader.gap(skip), GapResult::Kept);
                    at += skip as usize;
                } else {
                    at += reader.data(&stream[at..=at]);
                }
            }
            prop_assert_eq!(at, stream.len() - tail.len());
        }

        #[test]
        fn any_bytes_may_be_chunked(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
            let mut whole = BodyReader::new(Framing::Chunked);
            let taken = whole.data(&bytes);
            let mut cut = BodyReader::new(Framing::Chunked);
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let mut sum = cut.data(first);
            if sum == first.len() {
                sum += cut.data(second);
            }
            prop_assert_eq!((sum, cut), (taken, whole));
        }
    }
}
