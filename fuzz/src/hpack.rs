//! Field blocks: fields lie in the block one behind the other, the table keeps its bounds, and after a loss no field is
//! given that another reader, who lost nothing, has differently.

use wslens::http::http2::hpack::{Fields, Hpack, ListLimits};

use crate::feed::Feed;

const LIMITS: ListLimits = ListLimits { bytes: 4096, fields: 64 };

fn ordered(fields: &Fields, block: &[u8]) {
    let mut end = 0;
    for field in &fields.list {
        assert!(field.at.start >= end && field.at.start < field.at.end);
        assert!(field.value_at.start >= field.value_at.end || field.at.end == field.value_at.end);
        end = field.at.end;
    }
    assert!(end as usize <= block.len());
    assert!(fields.broken.is_none_or(|(at, _)| at >= end && (at as usize) < block.len()));
}

pub fn run(data: &[u8]) {
    let mut feed = Feed::new(data);
    let (mut whole, mut lossy) = (Hpack::default(), Hpack::default());
    let size = feed.number(2) as u32;
    whole.allow(size);
    lossy.allow(size);
    while !feed.is_empty() {
        let lost = feed.byte() & 7 == 0;
        let block = feed.piece();
        let fields = whole.decode(block, &LIMITS);
        ordered(&fields, block);
        assert!(whole.size() <= size.max(4096) as usize || !whole.is_complete());
        if fields.broken.is_some() {
            return; // The connection is over.
        }
        assert_eq!(fields.unknown, 0);
        if lost {
            lossy.lose();
            continue;
        }
        let certain = lossy.decode(block, &LIMITS);
        ordered(&certain, block);
        assert_eq!(certain.broken, None);
        for (field, own) in fields.list.iter().zip(&certain.list) {
            assert_eq!((field.form, field.index, &field.at), (own.form, own.index, &own.at));
            assert!(own.name.is_none() || own.name == field.name);
            assert!(own.value.is_none() || own.value == field.value);
        }
    }
}
