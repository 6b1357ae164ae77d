//! HTTP/1 heads (RFC 9112 sections 2 to 5), read leniently: what a peer may have understood is kept.

use std::ops::Range;

use memchr::{memchr, memchr_iter};
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while, take_while_m_n, take_while1};
use nom::combinator::{all_consuming, eof, map, recognize, rest};
use nom::sequence::preceded;
use nom::{IResult, Offset as _, Parser as _};

use crate::model::{Head, HeaderField, Quirks, StartLine};

/// The longest method name that is believed: registered ones have at most 17 bytes.
const METHOD_MAX: usize = 32;

/// Which head is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// From a client: begins with a request line.
    Request,
    /// From a server: begins with a status line.
    Response,
}

/// How much of a head is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes from the start line to the empty line, both included.
    pub bytes: usize,
    /// Header lines, odd ones included.
    pub headers: usize,
}

impl HeadLimits {
    /// How many bytes of the input count: heads are at most 4 GiB long.
    fn most(&self) -> usize {
        self.bytes.min(u32::MAX as usize)
    }
}

impl Default for HeadLimits {
    /// 64 KiB, 1000 headers.
    fn default() -> Self {
        Self { bytes: 64 << 10, headers: 1000 }
    }
}

/// What the bytes at hand amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The head, and how many bytes it took, blank lines before it included. The head's own bytes are
    /// the last ones of these: it begins at `taken - head.bytes.len()`.
    Done(Head, usize),
    /// It may become a head with more bytes.
    Need,
    /// No head begins here, whatever follows.
    NotHttp,
    /// It began as a head but is over the limits.
    TooLarge,
}

/// Reads a head from the start of `input`, the stream's bytes from where it should begin.
///
/// Blank lines before the start line are skipped (RFC 9112 section 2.2). Bare LF, folded lines, white
/// space before a colon, odd versions, a missing reason phrase and lines that are no header are kept.
/// HTTP/2's preface begins like a head (`PRI * HTTP/2.0`) and is taken for one.
/// `NotHttp` comes with the first byte that rules a head out. Nothing is allocated until it is complete.
#[must_use]
pub fn scan(kind: HeadKind, input: &[u8], limits: &HeadLimits) -> Scan {
    scan_more(kind, input, 0, limits)
}

/// As [`scan`], where the first `seen` bytes of `input` have given [`Scan::Need`] before.
///
/// The answer is the same; only the bytes since then are searched for the end, so a head that comes a
/// byte at a time costs no square.
#[must_use]
pub fn scan_more(kind: HeadKind, input: &[u8], seen: usize, limits: &HeadLimits) -> Scan {
    let (bytes, taken, line_end, start) = match begin(kind, input, seen, limits) {
        Begin::NotHttp => return Scan::NotHttp,
        Begin::Need => return Scan::Need,
        Begin::Line { bytes, taken, end, start } => (bytes, taken, end, start),
    };
    let seen = seen.saturating_sub(taken);
    match head_len(bytes, line_end.max(seen.saturating_sub(2))) {
        Some(len) => match head(kind, part(bytes, 0..len), line_end, start, limits) {
            Some(head) => Scan::Done(head, taken.saturating_add(len)),
            None => Scan::TooLarge,
        },
        None if bytes.len() < limits.most() => Scan::Need,
        None => Scan::TooLarge,
    }
}

/// Whether [`scan`] gives something else than [`Scan::NotHttp`]: only the start line is looked at.
#[must_use]
pub fn may_be_head(kind: HeadKind, input: &[u8], limits: &HeadLimits) -> bool {
    !matches!(begin(kind, input, 0, limits), Begin::NotHttp)
}

/// What the start of the bytes at hand amounts to.
enum Begin<'a> {
    NotHttp,
    /// The start line may come with more bytes.
    Need,
    /// A good start line.
    Line {
        /// What counts of the input: from the start line on, as much as the limit allows.
        bytes: &'a [u8],
        /// Bytes of blank lines before it.
        taken: usize,
        /// Where its LF is.
        end: usize,
        /// Its tokens; `None` where it was found good before.
        start: Option<StartLine>,
    },
}

fn begin<'a>(kind: HeadKind, input: &'a [u8], seen: usize, limits: &HeadLimits) -> Begin<'a> {
    let most = limits.most();
    let start = input.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(input.len());
    if start > most {
        return Begin::NotHttp;
    }
    // Nothing behind the limit counts, so that an answer stands whatever follows.
    let bytes = part(input, start..input.len().min(start.saturating_add(most)));
    let seen = seen.saturating_sub(start);
    if bytes.is_empty() {
        return Begin::Need;
    }
    let Some(end) = memchr(b'\n', bytes) else {
        let possible = bytes.len() < most && may_begin(kind, bytes, seen);
        return if possible { Begin::Need } else { Begin::NotHttp };
    };
    if end < seen {
        // Bytes that gave `Need` hold no bad start line.
        return Begin::Line { bytes, taken: start, end, start: None };
    }
    match start_line(kind, part(bytes, 0..end)) {
        Some(tokens) => Begin::Line { bytes, taken: start, end, start: Some(tokens) },
        None => Begin::NotHttp,
    }
}

/// Bytes up to and with the first empty line that follows a line end at `from` or later.
fn head_len(bytes: &[u8], from: usize) -> Option<usize> {
    memchr_iter(b'\n', part(bytes, from..bytes.len())).find_map(|at| {
        match part(bytes, from + at + 1..bytes.len()) {
            [b'\n', ..] => Some(from + at + 2),
            [b'\r', b'\n', ..] => Some(from + at + 3),
            _ => None,
        }
    })
}

/// Whether a start line may begin with `line`, which holds no LF. The first `seen` bytes have been judged.
fn may_begin(kind: HeadKind, line: &[u8], seen: usize) -> bool {
    let opening = match kind {
        HeadKind::Request => {
            let method = line.iter().take(METHOD_MAX + 1).take_while(|b| is_token(**b)).count();
            (1..=METHOD_MAX).contains(&method) && matches!(line.get(method), None | Some(b' '))
        }
        HeadKind::Response => line.iter().zip(b"HTTP/").all(|(a, b)| a.eq_ignore_ascii_case(b)),
    };
    // One byte back: a CR that ended the line so far is good only before LF.
    let rest = part(line, seen.saturating_sub(1).min(line.len())..line.len());
    let text = rest.strip_suffix(b"\r").unwrap_or(rest);
    // Without a way out in the middle, so that many bytes are looked at at once.
    opening && !text.iter().fold(false, |odd, b| odd | (b.is_ascii_control() & (*b != b'\t')))
}

/// The tokens of a whole start line, which holds no LF but may end in CR.
fn start_line(kind: HeadKind, line: &[u8]) -> Option<StartLine> {
    if !may_begin(kind, line, 0) {
        return None;
    }
    let tokens = match kind {
        HeadKind::Request => request_line,
        HeadKind::Response => status_line,
    };
    all_consuming(tokens).parse(line.trim_ascii_end()).ok().map(|(_, start)| start)
}

/// Method, target, version. The target is all between the first and the last white space.
fn request_line(line: &[u8]) -> IResult<&[u8], StartLine> {
    let (after, (method, _, _)) =
        (take_while_m_n(1, METHOD_MAX, is_token), tag(" "), take_while(is_blank)).parse(line)?;
    let target_len = after.iter().rposition(|b| is_blank(*b)).unwrap_or(0);
    let (target, version) = after.split_at_checked(target_len).unwrap_or((after, &[]));
    let (end, (_, version)) = (take_while1(is_blank), version_token).parse(version)?;
    let target = trim_end_blank(target);
    if target.is_empty() {
        return Err(nom::Err::Error(nom::error::make_error(line, nom::error::ErrorKind::Verify)));
    }
    let [method, target, version] = [method, target, version].map(|token| place(line, token));
    Ok((end, StartLine::Request { method, target, version }))
}

/// Version, status, reason phrase. The reason and the space before it may be absent.
fn status_line(line: &[u8]) -> IResult<&[u8], StartLine> {
    let (after, (version, _)) = (version_token, take_while1(is_blank)).parse(line)?;
    let (after, status) = map(take_while_m_n(3, 3, |b: u8| b.is_ascii_digit()), |digits: &[u8]| {
        digits.iter().fold(0u16, |n, d| n * 10 + u16::from(d - b'0'))
    })
    .parse(after)?;
    let (end, reason) = alt((eof, preceded(take_while1(is_blank), rest))).parse(after)?;
    let [version, reason] = [version, reason].map(|token| place(line, token));
    Ok((end, StartLine::Response { version, status, reason }))
}

/// Where `token` lies in `line`, of which it is a part.
fn place(line: &[u8], token: &[u8]) -> Range<u32> {
    let at = line.offset(token);
    narrow(at..at + token.len())
}

/// `HTTP/` and what follows it up to white space, whatever that is.
fn version_token(input: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize((tag_no_case("HTTP/"), take_while(|b| !is_blank(b)))).parse(input)
}

/// Reads a complete head whose start line is known to be good. `None` where it has too many lines.
fn head(
    kind: HeadKind,
    bytes: &[u8],
    line_end: usize,
    start: Option<StartLine>,
    limits: &HeadLimits,
) -> Option<Head> {
    let start = start.or_else(|| start_line(kind, part(bytes, 0..line_end)))?;
    let line = 0..without_cr(bytes, 0..line_end);
    let mut quirks = Quirks { bare_lf: line.end == line_end, ..Quirks::default() };
    // The start line and the empty one are none. Where some are odd, a little is too much.
    let lines = memchr_iter(b'\n', bytes).count().saturating_sub(2).min(limits.headers);
    let (mut headers, mut odd_lines) = (Vec::<HeaderField>::with_capacity(lines), Vec::new());
    let mut at = line_end + 1;
    let mut after_field = false;
    for next in memchr_iter(b'\n', part(bytes, at..bytes.len())).map(|n| line_end + 1 + n) {
        let range = at..without_cr(bytes, at..next);
        at = next + 1;
        quirks.bare_lf |= range.end == next;
        let text = part(bytes, range.clone());
        if text.is_empty() {
            break;
        }
        if headers.len() + odd_lines.len() >= limits.headers {
            return None;
        }
        let folded = text.first().is_some_and(|b| is_blank(*b));
        match headers.last_mut() {
            Some(field) if folded && after_field => {
                quirks.obs_fold = true;
                field.value = narrow(trimmed(bytes, field.value.start as usize..range.end));
                continue;
            }
            _ => {}
        }
        after_field = false;
        match field(text) {
            Ok((value, (name, blank))) => {
                quirks.space_before_colon |= !blank.is_empty();
                headers.push(HeaderField {
                    name: narrow(range.start..range.start + name.len()),
                    value: narrow(trimmed(bytes, range.end - value.len()..range.end)),
                });
                after_field = true;
            }
            Err(_) => odd_lines.push(narrow(range)),
        }
    }
    Some(Head { bytes: bytes.into(), line: narrow(line), start, headers, odd_lines, quirks })
}

/// Field name and the white space before its colon; the rest is the value.
fn field(line: &[u8]) -> IResult<&[u8], (&[u8], &[u8])> {
    let (value, (name, blank, _)) = (take_while1(is_token), take_while(is_blank), tag(":")).parse(line)?;
    Ok((value, (name, blank)))
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'z' | b'|' | b'~')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim_end_blank(bytes: &[u8]) -> &[u8] {
    let len = bytes.iter().rposition(|b| !is_blank(*b)).map_or(0, |last| last + 1);
    part(bytes, 0..len)
}

/// The part of `bytes[range]` without the white space around it, line breaks of folded lines included.
fn trimmed(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let text = part(bytes, range.clone()).trim_ascii_start();
    let start = range.end - text.len();
    start..start + text.trim_ascii_end().len()
}

/// Where the line `range` ends without the CR before its LF.
fn without_cr(bytes: &[u8], range: Range<usize>) -> usize {
    range.end - usize::from(part(bytes, range.clone()).last() == Some(&b'\r'))
}

fn part(bytes: &[u8], range: Range<usize>) -> &[u8] {
    bytes.get(range).unwrap_or_default()
}

/// Heads are at most 4 GiB long.
#[allow(clippy::cast_possible_truncation)]
fn narrow(range: Range<usize>) -> Range<u32> {
    range.start as u32..range.end as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, headers: 1000 };

    fn done(kind: HeadKind, input: &[u8]) -> (Head, usize) {
        match scan(kind, input, &LIMITS) {
            Scan::Done(head, len) => (head, len),
            other => panic!("{other:?} for {}", String::from_utf8_lossy(input)),
        }
    }

    fn fields(head: &Head) -> Vec<(&str, &str)> {
        let text = |range| str::from_utf8(head.token(range)).unwrap();
        head.headers.iter().map(|field| (text(&field.name), text(&field.value))).collect()
    }

    #[test]
    fn the_heads_of_rfc_6455_section_1_2() {
        let request = b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Protocol: chat, superchat\r\n\r\n\x81\x85";
        let (head, len) = done(HeadKind::Request, request);
        assert_eq!(len, request.len() - 2);
        assert_eq!(head.token(&head.line), b"GET /chat HTTP/1.1");
        assert_eq!(
            (head.method(), head.target(), head.version()),
            (&b"GET"[..], &b"/chat"[..], &b"HTTP/1.1"[..])
        );
        assert_eq!(
            fields(&head),
            [
                ("Host", "server.example.com"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Protocol", "chat, superchat")
            ]
        );
        assert_eq!(head.quirks, Quirks::default());
        assert_eq!(head.headers[0].name, 20..24);

        let (head, _) =
            done(HeadKind::Response, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
        assert_eq!((head.status(), head.version()), (Some(101), &b"HTTP/1.1"[..]));
        assert!(matches!(&head.start, StartLine::Response { reason, .. } if *reason == (13..32)));
    }

    #[test]
    fn what_rfc_9112_does_not_allow_is_kept_and_flagged() {
        let (head, _) = done(HeadKind::Request, b"GET / HTTP/1.1\r\nA: 1\nB: 2\r\n\r\n");
        assert_eq!((fields(&head), head.quirks.bare_lf), (vec![("A", "1"), ("B", "2")], true));
        let (head, _) = done(HeadKind::Request, b"GET / HTTP/1.1\nA: 1\n\n");
        assert!(head.quirks.bare_lf);
        assert!(done(HeadKind::Request, b"GET / HTTP/1.1\r\nA: 1\r\n\n").0.quirks.bare_lf);

        let (head, _) =
            done(HeadKind::Request, b"GET / HTTP/1.1\r\nA: 1\r\n \t2\r\nB:\r\n 3 \r\n \r\nC: 4\r\n\r\n");
        assert_eq!(
            (fields(&head), head.quirks.obs_fold),
            (vec![("A", "1\r\n \t2"), ("B", "3"), ("C", "4")], true)
        );

        let (head, _) = done(HeadKind::Request, b"GET / HTTP/1.1\r\nA \t: 1\r\nB:\t\r\n\r\n");
        assert_eq!((fields(&head), head.quirks.space_before_colon), (vec![("A", "1"), ("B", "")], true));
        assert!(!head.quirks.obs_fold && !head.quirks.bare_lf);
    }

    #[test]
    fn a_line_that_is_no_header_is_kept_aside_with_its_folds() {
        let input = b"GET / HTTP/1.1\r\n early\r\nA: 1\r\nnonsense\r\n more\r\n: x\r\nB C: 2\r\nD: 3\r\n\r\n";
        let (head, _) = done(HeadKind::Request, input);
        let odd: Vec<&[u8]> = head.odd_lines.iter().map(|range| head.token(range)).collect();
        assert_eq!(odd, [&b" early"[..], b"nonsense", b" more", b": x", b"B C: 2"]);
        assert_eq!(fields(&head), [("A", "1"), ("D", "3")]);
        assert!(!head.quirks.obs_fold);
    }

    #[test]
    fn odd_start_lines_are_heads_too() {
        for (line, target, version) in [
            ("GET  /a   HTTP/1.1 ", "/a", "HTTP/1.1"),
            ("get /a b HTTP/2.0", "/a b", "HTTP/2.0"),
            ("GET \t*\tHTTP/x", "*", "HTTP/x"),
            ("GET /\u{e9} http/1.1", "/\u{e9}", "http/1.1"),
        ] {
            let (head, _) = done(HeadKind::Request, format!("{line}\r\n\r\n").as_bytes());
            assert_eq!((head.target(), head.version()), (target.as_bytes(), version.as_bytes()), "{line}");
        }
        for (line, status, reason) in [
            ("HTTP/1.1 101", 101, ""),
            ("HTTP/1.1 101 ", 101, ""),
            ("HTTP/1.1  200   very  OK ", 200, "very  OK"),
            ("HTTP/9 099 \u{e9}", 99, "\u{e9}"),
        ] {
            let (head, _) = done(HeadKind::Response, format!("{line}\r\n\r\n").as_bytes());
            let StartLine::Response { reason: range, .. } = &head.start else { panic!("{head:?}") };
            assert_eq!((head.status(), head.token(range)), (Some(status), reason.as_bytes()), "{line}");
        }
    }

    #[test]
    fn blank_lines_before_the_start_line_are_skipped_and_counted() {
        let (head, len) = done(HeadKind::Request, b"\r\n\n\r\nGET / HTTP/1.1\r\n\r\nrest");
        assert_eq!((len, len - head.bytes.len()), (23, 5));
        assert_eq!(head.quirks, Quirks::default());
        assert_eq!(scan(HeadKind::Request, b"\r\n", &LIMITS), Scan::Need);
        assert_eq!(scan(HeadKind::Request, &vec![b'\n'; LIMITS.bytes + 1], &LIMITS), Scan::NotHttp);
    }

    /// Each input is refused at its last byte and not before.
    #[test]
    fn other_traffic_is_refused_at_the_first_byte_that_tells() {
        for input in [
            &b"\x16"[..],             // TLS
            b"\x81",                  // a frame
            b"SSH-2.0-OpenSSH_9.9\r", // no method is followed by CR
            b"RFB 003.008\n",         // no version at the end
            b"EHLO host.example HTTP\r\n",
            b"AUTH \0",
            b"GET /\r ",
            b"GET / HTTP/1.1\r\r",
            b"GET HTTP/1.1\r\n",                  // no target
            b"\r\n\r\n\0",                        // PROXY version 2
            b"abcdefghijklmnopqrstuvwxyzABCDEFG", // 33 letters
        ] {
            for cut in 0..input.len() {
                assert_eq!(scan(HeadKind::Request, &input[..cut], &LIMITS), Scan::Need, "{input:?} at {cut}");
            }
            assert_eq!(scan(HeadKind::Request, input, &LIMITS), Scan::NotHttp, "{input:?}");
        }
        for input in
            [&b"HTTPS"[..], b"S", b"HTTP/1.1 20\r\n", b"HTTP/1.1 2000\r\n", b"HTTP/1.1 OK\n", b"HTTP/1.1\x01"]
        {
            for cut in 0..input.len() {
                assert_eq!(
                    scan(HeadKind::Response, &input[..cut], &LIMITS),
                    Scan::Need,
                    "{input:?} at {cut}"
                );
            }
            assert_eq!(scan(HeadKind::Response, input, &LIMITS), Scan::NotHttp, "{input:?}");
        }
    }

    #[test]
    fn a_head_over_the_limits_is_too_large_and_one_at_them_is_not() {
        let limits = HeadLimits { bytes: 40, headers: 2 };
        let head = |pad: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(pad));
        assert!(matches!(scan(HeadKind::Request, head(17).as_bytes(), &limits), Scan::Done(_, 40)));
        assert_eq!(scan(HeadKind::Request, head(18).as_bytes(), &limits), Scan::TooLarge);
        assert_eq!(scan(HeadKind::Request, &head(90).as_bytes()[..39], &limits), Scan::Need);
        assert_eq!(scan(HeadKind::Request, &head(90).as_bytes()[..40], &limits), Scan::TooLarge);
        let lines = |n: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a:\r\n".repeat(n));
        assert!(matches!(scan(HeadKind::Request, lines(2).as_bytes(), &limits), Scan::Done(..)));
        assert_eq!(scan(HeadKind::Request, lines(3).as_bytes(), &limits), Scan::TooLarge);
        // A start line that never ends is no HTTP: a finding about a header block would be false.
        assert_eq!(
            scan(HeadKind::Request, format!("GET {}", "a".repeat(36)).as_bytes(), &limits),
            Scan::NotHttp
        );
    }

    /// A head, often valid, sometimes with a byte or two changed.
    fn nearly_head() -> impl Strategy<Value = (HeadKind, Vec<u8>)> {
        let start = prop_oneof![
            "[A-Z]{1,8} [!-~]{1,12} HTTP/1\\.[01]".prop_map(|line| (HeadKind::Request, line)),
            "HTTP/1\\.[01] [1-5][0-9][0-9]( [ -~]{0,12})?".prop_map(|line| (HeadKind::Response, line)),
        ];
        let lines =
            proptest::collection::vec("[!#-'*+.0-9A-Z^-z|~-]{1,6}:[ \t]{0,2}[ -~\u{80}-\u{ff}]{0,9}", 0..6);
        let change = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
        let ends = prop_oneof![4 => Just("\r\n"), 1 => Just("\n")];
        (start, lines, ends, change).prop_map(|((kind, start), lines, end, change)| {
            let mut text = [start].into_iter().chain(lines).map(|line| line + end).collect::<String>();
            text.push_str(end);
            let mut bytes = text.into_bytes();
            for (at, byte) in change {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            (kind, bytes)
        })
    }

    type Parsed = (Vec<u8>, Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>, usize);

    /// Method or status, target, headers, length, as httparse has them; `None` where it wants none of it.
    fn oracle(kind: HeadKind, bytes: &[u8]) -> Option<Parsed> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let own = |headers: &[httparse::Header<'_>]| {
            headers.iter().map(|h| (h.name.as_bytes().to_vec(), h.value.trim_ascii().to_vec())).collect()
        };
        match kind {
            HeadKind::Request => {
                let mut request = httparse::Request::new(&mut headers);
                let Ok(httparse::Status::Complete(len)) = request.parse(bytes) else { return None };
                Some((request.method?.into(), request.path?.into(), own(request.headers), len))
            }
            HeadKind::Response => {
                let mut response = httparse::Response::new(&mut headers);
                let Ok(httparse::Status::Complete(len)) = response.parse(bytes) else { return None };
                Some((response.code?.to_string().into(), Vec::new(), own(response.headers), len))
            }
        }
    }

    fn ours(kind: HeadKind, bytes: &[u8]) -> Option<Parsed> {
        let Scan::Done(head, len) = scan(kind, bytes, &LIMITS) else { return None };
        let first = head.status().map_or_else(|| head.method().to_vec(), |status| status.to_string().into());
        let own = |field: &HeaderField| (head.token(&field.name).to_vec(), head.token(&field.value).to_vec());
        Some((first, head.target().to_vec(), head.headers.iter().map(own).collect(), len))
    }

    proptest! {
        #[test]
        fn what_httparse_accepts_is_read_the_same((kind, bytes) in nearly_head()) {
            if let Some(theirs) = oracle(kind, &bytes) {
                prop_assert_eq!(ours(kind, &bytes), Some(theirs));
            }
        }

        #[test]
        fn a_head_is_complete_at_its_last_byte_however_it_is_cut(
            (kind, bytes) in nearly_head(), tail in proptest::collection::vec(any::<u8>(), 0..9),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let whole = [&bytes[..], &tail].concat();
            let answer = scan(kind, &whole, &LIMITS);
            if let Scan::Done(_, len) = &answer {
                for cut in 0..*len {
                    prop_assert_eq!(scan(kind, &whole[..cut], &LIMITS), Scan::Need);
                }
                prop_assert_eq!(&scan(kind, &whole[..*len], &LIMITS), &answer);
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
            cuts.push(whole.len());
            cuts.sort_unstable();
            let mut seen = 0;
            for cut in cuts {
                let more = scan_more(kind, &whole[..cut], seen, &LIMITS);
                prop_assert_eq!(&more, &scan(kind, &whole[..cut], &LIMITS));
                if more != Scan::Need {
                    break;
                }
                seen = cut;
            }
        }

        #[test]
        fn a_refusal_stands_whatever_follows((kind, bytes) in nearly_head(), cut: prop::sample::Index) {
            let cut = cut.index(bytes.len());
            if scan(kind, &bytes[..cut], &LIMITS) == Scan::NotHttp {
                prop_assert_eq!(scan(kind, &bytes, &LIMITS), Scan::NotHttp);
            }
        }

        #[test]
        fn any_bytes_may_come_and_every_range_lies_inside(
            request: bool, line in any::<bool>(), rest in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'a')], 0..120),
        ) {
            let kind = if request { HeadKind::Request } else { HeadKind::Response };
            let start: &[u8] = match (line, request) {
                (false, _) => b"",
                (true, true) => b"GET / HTTP/1.1\n",
                (true, false) => b"HTTP/1.1 101\n",
            };
            let input = [start, &rest, b"\n\n"].concat();
            if let Scan::Done(head, len) = scan(kind, &input, &LIMITS) {
                prop_assert!(input[..len].ends_with(&head.bytes));
                let mut end = head.line.end;
                let mut ranges: Vec<_> = head.odd_lines.clone();
                for field in &head.headers {
                    prop_assert!(field.name.end < field.value.start + 1 && field.name.start < field.name.end);
                    ranges.push(field.name.start..field.value.end);
                }
                ranges.sort_by_key(|range| range.start);
                for range in ranges {
                    prop_assert!(range.start >= end && range.start <= range.end);
                    prop_assert!(range.end as usize <= head.bytes.len());
                    end = range.end;
                }
            }
        }
    }

    #[test]
    fn a_start_line_over_the_limit_is_none_whatever_follows() {
        let limits = HeadLimits { bytes: 20, headers: 9 };
        let line = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(30));
        for cut in 0..=line.len() {
            let expected = if cut < 20 { Scan::Need } else { Scan::NotHttp };
            assert_eq!(scan(HeadKind::Request, &line.as_bytes()[..cut], &limits), expected, "{cut}");
        }
        // Nor do blank lines without end begin a head.
        let blank = "\r\n".repeat(11) + "GET / HTTP/1.1\r\n\r\n";
        for cut in 21..=blank.len() {
            assert_eq!(scan(HeadKind::Request, &blank.as_bytes()[..cut], &limits), Scan::NotHttp, "{cut}");
        }
    }
}
