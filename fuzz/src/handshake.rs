//! Two arbitrary heads are judged; an accept value that is called right is right.

use base64::Engine as _;
use sha1::{Digest as _, Sha1};
use wslens::http::{HeadKind, HeadLimits, HeadScan, judge, judge_request, scan, url};
use wslens::model::{Accept, Head};

fn head(kind: HeadKind, bytes: &[u8]) -> Option<Head> {
    match scan(kind, bytes, &HeadLimits::default()) {
        HeadScan::Done(head, _) => Some(head),
        _ => None,
    }
}

/// RFC 6455 section 4.2.2.
fn accept(key: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(key.trim_ascii());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64::engine::general_purpose::STANDARD.encode(hash.finalize())
}

pub fn run(data: &[u8]) {
    // A request, a NUL, a response; heads as they stand, or with the end that is missing.
    let mut parts = data.splitn(2, |b| *b == 0).map(|part| {
        if part.ends_with(b"\n\n") || part.ends_with(b"\n\r\n") {
            part.to_vec()
        } else {
            [part, b"\r\n\r\n"].concat()
        }
    });
    let request = parts.next().and_then(|bytes| head(HeadKind::Request, &bytes));
    let response = parts.next().and_then(|bytes| head(HeadKind::Response, &bytes));
    for (request, response) in
        [(request.as_ref(), response.as_ref()), (request.as_ref(), None), (None, response.as_ref())]
    {
        let (handshake, judgements) = judge(request, response);
        assert_eq!(handshake.request.as_deref(), request);
        assert_eq!(handshake.response.as_deref(), response);
        assert_eq!(handshake.status, response.and_then(Head::status));
        for judgement in &judgements {
            let text = &judgement.text;
            assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
        }
        if handshake.accept == Accept::Ok {
            let (Some(request), Some(response)) = (request, response) else { panic!("right, but of what?") };
            let right: Vec<_> = request.values("Sec-WebSocket-Key").map(accept).collect();
            let mut values = response.values("Sec-WebSocket-Accept").peekable();
            assert!(values.peek().is_some(), "right, but of what?");
            assert!(values.all(|value| right.iter().any(|right| right.as_bytes() == value.trim_ascii())));
        }
        if let Some(agreed) = handshake.deflate {
            assert_ne!(handshake.rsv_defined & 4, 0);
            assert!((8..=15).contains(&agreed.server_max_window_bits));
            assert!((8..=15).contains(&agreed.client_max_window_bits));
        }
        assert!(handshake.rsv_defined < 8);
    }
    if let Some(request) = &request {
        let _ = judge_request(request);
        let text = url(request, "10.0.0.2:80", false);
        assert!(text.starts_with("ws"), "{text:?}");
    }
}
