//! Classes 12 and 13: permessage-deflate with every parameter, sizes and fragmentation.

use super::{Case, breaks, closed, hold, legal, put, talk};
use crate::support::forge::{BINARY, CONTINUATION, DeflateSpec, Frame, PING, TEXT};

/// Something that can be compressed, and refers far back.
fn json(size: usize) -> Vec<u8> {
    let rows = (0u64..).flat_map(|i| {
        format!("{{\"id\":{i},\"hash\":\"{:x}\"}},", i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes()
    });
    rows.take(size).collect()
}

/// Messages of rising size, both ways, whole and in fragments, compressed and not.
fn exchange() -> Vec<Case> {
    let sized = [0usize, 1, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536];
    vec![
        legal("12 messages of all sizes", move |talk, dir| {
            let talk = sized.into_iter().fold(talk, |talk, size| {
                talk.message(dir, TEXT, &json(size)).message(dir.opposite(), BINARY, &json(size))
            });
            closed(talk, dir)
        }),
        legal("12 messages in fragments, cut anywhere", move |talk, dir| {
            let talk = (1..9).fold(talk, |talk, i| {
                let text = json(i * 1000);
                talk.split(dir, TEXT, &text, &[1, i, 40 * i]).split(dir.opposite(), TEXT, &text, &[i])
            });
            closed(talk, dir)
        }),
        legal("13 compressed and plain messages in turn, a ping within one", move |talk, dir| {
            let text = json(3000);
            let talk = talk.text(dir, "first").compress(false).text(dir, "plain").compress(true);
            let talk = talk
                .part(dir, TEXT, false, &text[..1000])
                .ping(dir, b"within")
                .pong(dir.opposite(), b"within");
            let talk = talk.part(dir, CONTINUATION, true, &text[1000..]).message(dir, TEXT, &text);
            closed(talk, dir)
        }),
    ]
}

#[test]
fn class_13_every_combination_of_parameters_is_read() {
    for takeover in 0..4u8 {
        // Every pair once; those that differ most with each kind of takeover.
        let pairs = [(15, 15), (9, 15), (15, 8), (8, 9), (10, 12), (14, 11), (13, 13)];
        for (server, client) in pairs.into_iter().take(if takeover == 0 { 7 } else { 3 }) {
            let spec = DeflateSpec {
                server_no_context_takeover: takeover & 1 != 0,
                client_no_context_takeover: takeover & 2 != 0,
                server_max_window_bits: server,
                client_max_window_bits: client,
            };
            hold(&exchange(), || talk().deflate(spec));
        }
    }
}

#[test]
fn class_13_what_compression_forbids_is_told() {
    let deflated = |bytes: &[u8]| DeflateSpec::default().deflater(super::C2S).message(bytes);
    let (first, second) = (deflated(b"compressed, this is"), deflated(b"compressed, this is"));
    let control = deflated(b"ping");
    let cases = vec![
        breaks(&["rsv1-on-control-frame"], "13 a compressed ping", move |talk, dir| {
            closed(put(talk, dir, Frame::new(PING, control.clone()).rsv(4)), dir)
        }),
        breaks(&["rsv1-on-continuation"], "13 RSV1 on a continuation", move |talk, dir| {
            let (a, b) = first.split_at(5);
            let talk = put(talk, dir, Frame::new(TEXT, a).rsv(4).more());
            closed(put(talk, dir, Frame::new(CONTINUATION, b).rsv(4)), dir)
        }),
        breaks(&["inflate-error"], "13 what is no DEFLATE", |talk, dir| {
            closed(put(talk, dir, Frame::new(TEXT, vec![0xff; 40]).rsv(4)), dir)
        }),
        breaks(&["reserved-bit-set"], "13 RSV2 beside RSV1", move |talk, dir| {
            closed(put(talk, dir, Frame::new(TEXT, second.clone()).rsv(6)), dir)
        }),
    ];
    let mut problems = vec![];
    for case in &cases {
        for dir in [super::C2S, super::S2C] {
            let talk = (case.say)(talk().deflate(DeflateSpec::default()).opened(), dir);
            let told = super::judge(case, &talk, &super::Split::Writes(1460));
            // What was sent is known here only in its compressed form.
            let told = told.into_iter().filter(|problem| problem.starts_with("told"));
            problems.extend(told.map(|problem| format!("{} {}: {problem}", case.name, dir.name())));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
