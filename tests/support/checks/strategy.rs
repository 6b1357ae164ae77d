//! The strategies against flate2's inflater.

use proptest::prelude::*;
use wslens::model::Direction;

use super::super::forge::*;
use super::super::strategy::*;

/// Joins and inflates the frames of one direction with flate2 alone, one message after the other.
fn read(talk: &Conversation, dir: Direction) -> Vec<(u8, Vec<u8>)> {
    let bytes = talk.stream(dir);
    let mut found = vec![];
    let mut inflate = flate2::Decompress::new(false);
    let mut open: Option<(u8, bool, Vec<u8>)> = None;
    for frame in talk.frames.iter().filter(|frame| frame.dir == dir) {
        let start = frame.at as usize + frame.header_len;
        let mut payload = bytes[start..start + frame.payload_len as usize].to_vec();
        if frame.masked {
            let key = bytes[start - 4..start].to_vec();
            payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        if frame.op >= CLOSE {
            found.push((frame.op, payload));
            continue;
        }
        let (op, squeezed, mut joined) = open.take().unwrap_or((frame.op, frame.rsv & 4 != 0, vec![]));
        joined.extend(payload);
        if !frame.fin {
            open = Some((op, squeezed, joined));
        } else if squeezed {
            joined.extend([0, 0, 0xff, 0xff]);
            let mut out = Vec::with_capacity(400_000);
            inflate.decompress_vec(&joined, &mut out, flate2::FlushDecompress::Sync).unwrap();
            found.push((op, out));
        } else {
            found.push((op, joined));
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_frames_of_any_plan_hold_the_messages_that_it_expects(plan in plans()) {
        let talk = plan.conversation(50_000);
        for dir in [C2S, S2C] {
            // A window kept where the sender forgot its own does no harm: inflating never looks back there.
            let said: Vec<_> = talk.expected_of(dir).map(|m| (m.op, m.bytes.clone())).collect();
            prop_assert!(read(&talk, dir) == said);
        }
    }

    #[test]
    fn any_split_carries_each_byte_once(plan in plans(), split in splits(), seed: u64) {
        let talk = plan.conversation(50_001);
        let script = Script::new(&talk, &split);
        for dir in [C2S, S2C] {
            let carried: Vec<u8> = script.data(dir).into_iter()
                .flat_map(|i| script.pieces[i].bytes.clone()).collect();
            prop_assert!(carried == talk.stream(dir));
        }
        let troubled = troubled(&talk, &split, seed);
        prop_assert_eq!(troubled.whole(&talk).len(), talk.expected.len());
    }
}
