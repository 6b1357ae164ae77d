//! HTTP/1 heads (RFC 9112 sections 2 to 5), read leniently: what a peer may have understood is kept.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memrchr};
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
pub enum HeadScan {
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
pub fn scan(kind: HeadKind, input: &[u8], limits: &HeadLimits) -> HeadScan {
    scan_more(kind, input, &mut Scanned::default(), limits)
}

/// How far a head that is not complete yet has been scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes that gave [`HeadScan::Need`].
    bytes: usize,
    /// Bytes of the blank lines before the start line among them.
    blank: usize,
}

/// As [`scan`], continuing where earlier calls with the beginning of the same `input` have returned
/// [`HeadScan::Need`]. `scanned` holds how far they came; it begins with the default.
///
/// The result is the same, but no byte is searched twice: a head that arrives one byte at a time costs no more than one
/// that arrives at once.
#[must_use]
pub fn scan_more(kind: HeadKind, input: &[u8], scanned: &mut Scanned, limits: &HeadLimits) -> HeadScan {
    let (bytes, taken, line_end, start) = match begin(kind, input, *scanned, limits) {
        Begin::NotHttp => return HeadScan::NotHttp,
        Begin::Need(blank) => {
            *scanned = Scanned { bytes: input.len(), blank };
            return HeadScan::Need;
        }
        Begin::Line { bytes, taken, end, start } => (bytes, taken, end, start),
    };
    let seen = scanned.bytes.saturating_sub(taken);
    match head_len(bytes, line_end.max(seen.saturating_sub(2))) {
        Some(len) => match head(kind, part(bytes, 0..len), line_end, start, limits) {
            Some(head) => HeadScan::Done(head, taken.saturating_add(len)),
            None => HeadScan::TooLarge,
        },
        None if bytes.len() < limits.most() => {
            *scanned = Scanned { bytes: input.len(), blank: taken };
            HeadScan::Need
        }
        None => HeadScan::TooLarge,
    }
}

/// Whether [`scan`] gives something else than [`HeadScan::NotHttp`]: only the start line is looked at.
#[must_use]
pub fn may_be_head(kind: HeadKind, input: &[u8], limits: &HeadLimits) -> bool {
    !matches!(begin(kind, input, Scanned::default(), limits), Begin::NotHttp)
}

/// A head of which the capture has only these first bytes: its whole lines, or as much of its start line as is there.
///
/// `None` where they are no head, or too little to tell: of a response the status has to be there.
#[must_use]
pub fn scan_cut(kind: HeadKind, input: &[u8], limits: &HeadLimits) -> Option<Head> {
    let start = input.iter().position(|b| !matches!(b, b'\r' | b'\n'))?;
    let bytes = part(input, start..input.len());
    let mut head = match (memchr(b'\n', bytes), memrchr(b'\n', bytes)) {
        (Some(line_end), Some(last)) => {
            let start = start_line(kind, part(bytes, 0..line_end))?;
            head(kind, part(bytes, 0..last + 1), line_end, Some(start), limits)?
        }
        _ => cut_line(kind, bytes.trim_ascii_end())?,
    };
    head.cut = true;
    Some(head)
}

/// The head of a 101 that was cut inside its status: what is there fits no other response that switches protocols.
///
/// `expected`: that it is one is known from elsewhere, so any beginning of it suffices.
#[must_use]
pub fn scan_cut_101(input: &[u8], expected: bool) -> Option<Head> {
    const LINES: [&[u8]; 2] = [b"HTTP/1.1 101", b"HTTP/1.0 101"];
    const VERSION: usize = 8;
    let needed = if expected { 1 } else { VERSION + 2 };
    if input.len() < needed || !LINES.iter().any(|line| line.starts_with(input)) {
        return None;
    }
    let end = input.len();
    let start =
        StartLine::Response { version: narrow(0..end.min(VERSION)), status: 101, reason: narrow(end..end) };
    Some(cut_head(input, start))
}

/// Whether a response was cut inside its status.
#[must_use]
pub fn is_status_cut(response: &Head) -> bool {
    const LEN: usize = "HTTP/1.1 101".len();
    response.cut && response.bytes.len() < LEN
}

/// A head that was cut in its start line.
fn cut_line(kind: HeadKind, line: &[u8]) -> Option<Head> {
    let start = match kind {
        HeadKind::Response => start_line(kind, line)?,
        HeadKind::Request if !may_begin(kind, line, 0) => return None,
        HeadKind::Request => start_line(kind, line).or_else(|| cut_request_line(line))?,
    };
    Some(cut_head(line, start))
}

fn cut_head(line: &[u8], start: StartLine) -> Head {
    let (bytes, line) = (line.into(), narrow(0..line.len()));
    Head {
        bytes,
        wire_len: line.end,
        line,
        start,
        headers: Vec::new(),
        odd_lines: Vec::new(),
        quirks: Quirks::default(),
        cut: true,
    }
}

/// Method and target of a request line without its version, of which a part may be there.
fn cut_request_line(line: &[u8]) -> Option<StartLine> {
    const VERSION: &[u8] = b"HTTP/1.1";
    let method = line.iter().position(|b| is_blank(*b))?;
    let from = method + line.get(method..)?.iter().position(|b| !is_blank(*b))?;
    let last = line.iter().rposition(|b| is_blank(*b)).map_or(from, |at| at + 1);
    let is_version = last > from && VERSION.starts_with(part(line, last..line.len()));
    let target = from..if is_version { last - 1 } else { line.len() };
    let [method, target, version] = [0..method, target, line.len()..line.len()].map(narrow);
    Some(StartLine::Request { method, target, version })
}

/// What the start of the bytes at hand amounts to.
enum Begin<'a> {
    NotHttp,
    /// The start line may come with more bytes. Blank lines of this many bytes are before it.
    Need(usize),
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

fn begin<'a>(kind: HeadKind, input: &'a [u8], scanned: Scanned, limits: &HeadLimits) -> Begin<'a> {
    let most = limits.most();
    let unread = part(input, scanned.blank..input.len());
    let blank = unread.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(unread.len());
    let start = scanned.blank + blank;
    if start > most {
        return Begin::NotHttp;
    }
    // Nothing behind the limit counts, so that an answer stands whatever follows.
    let bytes = part(input, start..input.len().min(start.saturating_add(most)));
    let seen = scanned.bytes.saturating_sub(start);
    if bytes.is_empty() {
        return Begin::Need(start);
    }
    let Some(end) = memchr(b'\n', bytes) else {
        let possible = bytes.len() < most && may_begin(kind, bytes, seen);
        return if possible { Begin::Need(start) } else { Begin::NotHttp };
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
    opening && (!has_control(text) || is_certain(kind, line))
}

/// Whether bytes hold control characters other than a tab.
pub(super) fn has_control(text: &[u8]) -> bool {
    text.iter().fold(false, |odd, b| odd | (b.is_ascii_control() & (*b != b'\t')))
}

/// Whether a start line is one although control characters stand in it: HTTP libraries accept them in a target and in a
/// reason phrase.
fn is_certain(kind: HeadKind, line: &[u8]) -> bool {
    match kind {
        HeadKind::Request => {
            [&b"GET /"[..], b"GET http", b"CONNECT "].iter().any(|begin| line.starts_with(begin))
        }
        HeadKind::Response => matches!(
            line,
            [
                b'H',
                b'T',
                b'T',
                b'P',
                b'/',
                b'1',
                b'.',
                b'0'..=b'9',
                b' ',
                b'1'..=b'5',
                b'0'..=b'9',
                b'0'..=b'9',
                ..
            ]
        ),
    }
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
    let wire_len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let line = narrow(line);
    Some(Head { bytes: bytes.into(), wire_len, line, start, headers, odd_lines, quirks, cut: false })
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
mod tests;
