//! Unmasking: as the analyzer does it, and byte by byte.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};

const LENS: [usize; 5] = [16, 100, 1024, 16 * 1024, 1 << 20];
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn main() {
    divan::main();
}

#[divan::bench(args = LENS)]
fn wide(bencher: Bencher<'_, '_>, len: usize) {
    let mut bytes = vec![b'a'; len];
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| wslens::ws::unmask(black_box(&mut bytes), black_box(KEY), black_box(1)));
}

#[divan::bench(args = LENS)]
fn bytewise(bencher: Bencher<'_, '_>, len: usize) {
    let mut bytes = vec![b'a'; len];
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        let key = black_box(KEY);
        for (i, byte) in black_box(&mut bytes).iter_mut().enumerate() {
            *byte ^= key.get((i + 1) & 3).copied().unwrap_or(0);
        }
    });
}
