//! Classes 9 and 10: large messages, many fragments, many messages.

use super::{closed, hold, legal, talk};
use crate::support::forge::{BINARY, Rng, TEXT};

const SIZES: [usize; 3] = [64 << 10, 256 << 10, 1 << 20];

#[test]
fn class_9_large_messages_are_whole() {
    let mut cases = vec![];
    for size in SIZES {
        cases.push(legal(format!("9 text of {size} bytes"), move |talk, dir| {
            closed(talk.text(dir, &"*".repeat(size)), dir)
        }));
        cases.push(legal(format!("9 binary of {size} bytes"), move |talk, dir| {
            closed(talk.binary(dir, &Rng::new(9).bytes(size)), dir)
        }));
    }
    hold(&cases, talk);
}

#[test]
fn class_9_large_messages_in_fragments_of_any_size_are_whole() {
    let mut cases = vec![];
    for op in [TEXT, BINARY] {
        for fragment in [64, 256, 1 << 10, 16 << 10, 64 << 10] {
            cases.push(legal(
                format!("9 opcode {op} of 256 KiB in fragments of {fragment}"),
                move |talk, dir| {
                    let bytes = "é".repeat(128 << 10).into_bytes();
                    let pieces: Vec<&[u8]> = bytes.chunks(fragment).collect();
                    closed(talk.fragmented(dir, op, &pieces), dir)
                },
            ));
        }
    }
    cases.push(legal("10 a message in fragments of 1300 bytes", |talk, dir| {
        let bytes = b"*".repeat(65_536);
        let pieces: Vec<&[u8]> = bytes.chunks(1300).collect();
        closed(talk.fragmented(dir, TEXT, &pieces), dir)
    }));
    hold(&cases, talk);
}

#[test]
fn class_9_many_messages_of_each_small_size_are_all_found() {
    let cases: Vec<_> = [16, 64, 256, 1 << 10]
        .into_iter()
        .map(|size| {
            legal(format!("9 500 messages of {size} bytes each way"), move |talk, dir| {
                let talk = (0..500usize).fold(talk, |talk, i| {
                    let text = format!("{i:08}").repeat(size / 8);
                    talk.text(dir, &text).text(dir.opposite(), &text)
                });
                closed(talk, dir)
            })
        })
        .collect();
    hold(&cases, talk);
}
