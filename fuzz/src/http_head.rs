//! HTTP/1 heads: cut anywhere the answer is the same, ranges fit, and what another parser accepts is read alike.

use wslens::http::{
    HeadKind, HeadLimits, HeadScan, Scanned, judge_syntax, request_framing, response_framing, scan,
    scan_more, url,
};
use wslens::model::{Direction, Head};

use crate::feed::Feed;

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let mode = feed.byte();
    let kind = if mode & 1 == 0 { HeadKind::Request } else { HeadKind::Response };
    let limits = match mode & 2 {
        0 => HeadLimits::default(),
        _ => HeadLimits { bytes: feed.below(300), headers: feed.below(8) },
    };
    let (all, pieces) = feed.cut();
    let whole = scan(kind, all, &limits);

    // Byte by byte, or in pieces.
    let (mut end, mut scanned) = (0, Scanned::default());
    let mut answer = HeadScan::Need;
    for piece in pieces {
        end += piece.len();
        let now = scan_more(kind, &all[..end], &mut scanned, &limits);
        assert_eq!(now, scan(kind, &all[..end], &limits), "continued with {scanned:?}");
        match &answer {
            HeadScan::Need => {}
            // A head that was over the limits stays so, and what was none does not become one.
            before => assert_eq!(before, &now, "an answer stands, whatever follows"),
        }
        answer = now;
    }
    assert_eq!(answer, whole);

    let HeadScan::Done(head, taken) = &whole else {
        if matches!(mode, 0 | 1) {
            agree(kind, all, None);
        }
        return;
    };
    assert!(*taken <= all.len() && head.bytes.len() <= *taken);
    assert_eq!(&head.bytes[..], &all[taken - head.bytes.len()..*taken], "a head is its own bytes");
    assert!(head.bytes.len() <= limits.bytes && head.headers.len() + head.odd_lines.len() <= limits.headers);
    assert_eq!(scan(kind, &all[..*taken], &limits), whole);
    assert_eq!(scan(kind, &all[..*taken - 1], &limits), HeadScan::Need, "the last byte completes it");
    ranges(head);
    let side = if kind == HeadKind::Request { Direction::ClientToServer } else { Direction::ServerToClient };
    for judgement in judge_syntax(head, side) {
        assert!(!judgement.text.chars().any(char::is_control), "{:?}", judgement.text);
    }
    let _ = (request_framing(head), response_framing(head, b"GET"), url(head, "host:80", true));
    agree(kind, all, Some(head));
}

fn ranges(head: &Head) {
    let mut at = head.line.end;
    let fields = head.headers.iter().map(|field| (field.name.start, field.value.end.max(field.name.end)));
    let mut lines: Vec<_> = fields.chain(head.odd_lines.iter().map(|line| (line.start, line.end))).collect();
    lines.sort_unstable();
    for (start, end) in lines {
        assert!(at <= start && start <= end && end as usize <= head.bytes.len(), "lines do not overlap");
        at = end;
    }
    for field in &head.headers {
        assert!(field.name.end <= field.value.start);
        let name = head.token(&field.name);
        assert!(!name.is_empty() && !name.contains(&b':') && name.trim_ascii() == name);
        assert_eq!(head.token(&field.value).trim_ascii().len(), head.token(&field.value).len());
    }
}

/// A stricter parser: what it accepts has to be read, and alike.
fn agree(kind: HeadKind, bytes: &[u8], head: Option<&Head>) {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let (len, method, status) = match kind {
        HeadKind::Request => {
            let mut request = httparse::Request::new(&mut headers);
            let Ok(httparse::Status::Complete(len)) = request.parse(bytes) else { return };
            (len, request.method.map(str::as_bytes), None)
        }
        HeadKind::Response => {
            let mut response = httparse::Response::new(&mut headers);
            let Ok(httparse::Status::Complete(len)) = response.parse(bytes) else { return };
            (len, None, response.code)
        }
    };
    if method.is_some_and(|method| method.len() > 32) {
        return; // No such method is believed.
    }
    let head =
        head.unwrap_or_else(|| panic!("{:?} is a head of {len} bytes", String::from_utf8_lossy(bytes)));
    assert_eq!(head.status(), status);
    assert_eq!(head.method(), method.unwrap_or_default());
    let theirs: Vec<_> = headers.iter().take_while(|header| **header != httparse::EMPTY_HEADER).collect();
    assert_eq!(head.headers.len(), theirs.len());
    for (ours, theirs) in head.headers.iter().zip(theirs) {
        assert_eq!(head.token(&ours.name), theirs.name.as_bytes());
        assert_eq!(head.token(&ours.value), theirs.value.trim_ascii());
    }
}
