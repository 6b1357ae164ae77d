//! Heads on their own.

use super::*;
use proptest::prelude::*;

const LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, headers: 1000 };

fn done(kind: HeadKind, input: &[u8]) -> (Head, usize) {
    match scan(kind, input, &LIMITS) {
        HeadScan::Done(head, len) => (head, len),
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
    assert_eq!(scan(HeadKind::Request, b"\r\n", &LIMITS), HeadScan::Need);
    assert_eq!(scan(HeadKind::Request, &vec![b'\n'; LIMITS.bytes + 1], &LIMITS), HeadScan::NotHttp);
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
        b"PUT /\r ",
        b"PUT / HTTP/1.1\r\r",
        b"GET HTTP/1.1\r\n",                  // no target
        b"\r\n\r\n\0",                        // PROXY version 2
        b"abcdefghijklmnopqrstuvwxyzABCDEFG", // 33 letters
    ] {
        for cut in 0..input.len() {
            assert_eq!(scan(HeadKind::Request, &input[..cut], &LIMITS), HeadScan::Need, "{input:?} at {cut}");
        }
        assert_eq!(scan(HeadKind::Request, input, &LIMITS), HeadScan::NotHttp, "{input:?}");
    }
    for input in
        [&b"HTTPS"[..], b"S", b"HTTP/1.1 20\r\n", b"HTTP/1.1 2000\r\n", b"HTTP/1.1 OK\n", b"HTTP/1.1\x01"]
    {
        for cut in 0..input.len() {
            assert_eq!(
                scan(HeadKind::Response, &input[..cut], &LIMITS),
                HeadScan::Need,
                "{input:?} at {cut}"
            );
        }
        assert_eq!(scan(HeadKind::Response, input, &LIMITS), HeadScan::NotHttp, "{input:?}");
    }
}

#[test]
fn a_head_over_the_limits_is_too_large_and_one_at_them_is_not() {
    let limits = HeadLimits { bytes: 40, headers: 2 };
    let head = |pad: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(pad));
    assert!(matches!(scan(HeadKind::Request, head(17).as_bytes(), &limits), HeadScan::Done(_, 40)));
    assert_eq!(scan(HeadKind::Request, head(18).as_bytes(), &limits), HeadScan::TooLarge);
    assert_eq!(scan(HeadKind::Request, &head(90).as_bytes()[..39], &limits), HeadScan::Need);
    assert_eq!(scan(HeadKind::Request, &head(90).as_bytes()[..40], &limits), HeadScan::TooLarge);
    let lines = |n: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a:\r\n".repeat(n));
    assert!(matches!(scan(HeadKind::Request, lines(2).as_bytes(), &limits), HeadScan::Done(..)));
    assert_eq!(scan(HeadKind::Request, lines(3).as_bytes(), &limits), HeadScan::TooLarge);
    // A start line that never ends is no HTTP: a finding about a header block would be false.
    assert_eq!(
        scan(HeadKind::Request, format!("GET {}", "a".repeat(36)).as_bytes(), &limits),
        HeadScan::NotHttp
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
    let HeadScan::Done(head, len) = scan(kind, bytes, &LIMITS) else { return None };
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
        if let HeadScan::Done(_, len) = &answer {
            for cut in 0..*len {
                prop_assert_eq!(scan(kind, &whole[..cut], &LIMITS), HeadScan::Need);
            }
            prop_assert_eq!(&scan(kind, &whole[..*len], &LIMITS), &answer);
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        cuts.push(whole.len());
        cuts.sort_unstable();
        let mut scanned = Scanned::default();
        for cut in cuts {
            let more = scan_more(kind, &whole[..cut], &mut scanned, &LIMITS);
            prop_assert_eq!(&more, &scan(kind, &whole[..cut], &LIMITS));
            if more != HeadScan::Need {
                break;
            }
        }
    }

    #[test]
    fn a_refusal_stands_whatever_follows((kind, bytes) in nearly_head(), cut: prop::sample::Index) {
        let cut = cut.index(bytes.len());
        if scan(kind, &bytes[..cut], &LIMITS) == HeadScan::NotHttp {
            prop_assert_eq!(scan(kind, &bytes, &LIMITS), HeadScan::NotHttp);
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
        if let HeadScan::Done(head, len) = scan(kind, &input, &LIMITS) {
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
        let expected = if cut < 20 { HeadScan::Need } else { HeadScan::NotHttp };
        assert_eq!(scan(HeadKind::Request, &line.as_bytes()[..cut], &limits), expected, "{cut}");
    }
    // Nor do blank lines without end begin a head.
    let blank = "\r\n".repeat(11) + "GET / HTTP/1.1\r\n\r\n";
    for cut in 21..=blank.len() {
        assert_eq!(scan(HeadKind::Request, &blank.as_bytes()[..cut], &limits), HeadScan::NotHttp, "{cut}");
    }
}
