//! Packets of several interfaces in the order of their times.
//!
//! Each interface gives its packets in order, but a packet may be handed over later than a younger one of another
//! interface. So packets are held until none that is older can come any more.

use super::blocks::Blocks;
use std::ops::Range;

/// Bytes that are held at most: more are let go as they are.
const MOST: usize = 64 << 20;

/// Packets that wait for older ones.
#[derive(Debug, Default)]
pub(super) struct Merge {
    /// Packets as blocks, in the order in which they came.
    held: Blocks,
    /// Time and place of each.
    packets: Vec<(u64, Range<usize>)>,
}

impl Merge {
    /// Takes a packet.
    pub(super) fn push(&mut self, interface: u32, time: u64, data: &[u8], wire_len: u32) {
        let start = self.held.bytes().len();
        self.held.packet(interface, time, data, wire_len);
        self.packets.push((time, start..self.held.bytes().len()));
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Hands out the packets up to a time, in the order of their times; those of the same time as they came.
    pub(super) fn release<E>(
        &mut self,
        until: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let until = if self.held.bytes().len() > MOST { u64::MAX } else { until };
        self.packets.sort_by_key(|(time, _)| *time);
        let ready = self.packets.partition_point(|(time, _)| *time <= until);
        if ready == 0 {
            return Ok(());
        }
        let bytes = self.held.bytes();
        let result = self
            .packets
            .iter()
            .take(ready)
            .try_for_each(|(_, place)| take(bytes.get(place.clone()).unwrap_or_default()));
        let mut left = Self::default();
        for (time, place) in self.packets.drain(ready..) {
            let start = left.held.bytes().len();
            left.held.copy(bytes.get(place).unwrap_or_default());
            left.packets.push((time, start..left.held.bytes().len()));
        }
        *self = left;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The packets' first bytes, as they are handed out.
    fn released(merge: &mut Merge, until: u64) -> Vec<u8> {
        let mut out = Vec::new();
        merge
            .release::<()>(until, |block| {
                out.push(block[28]);
                Ok(())
            })
            .unwrap();
        out
    }

    #[test]
    fn packets_wait_for_older_ones_and_no_longer() {
        let mut merge = Merge::default();
        for (time, name) in [(10, 1), (30, 3), (50, 5), (20, 2), (40, 4), (30, 33)] {
            merge.push(0, time, &[name], 1);
        }
        assert_eq!(released(&mut merge, 30), [1, 2, 3, 33]);
        merge.push(1, 35, &[0], 1);
        assert!(released(&mut merge, 30).is_empty());
        assert_eq!(released(&mut merge, u64::MAX), [0, 4, 5]);
        assert!(merge.is_empty());
    }

    #[test]
    fn what_takes_too_much_room_is_let_go() {
        let mut merge = Merge::default();
        let big = vec![7; 40 << 20];
        merge.push(0, 2, &big, 1);
        assert!(released(&mut merge, 1).is_empty());
        merge.push(0, 1, &big, 1);
        assert_eq!(released(&mut merge, 0), [7, 7]);
    }

    proptest! {
        #[test]
        fn each_packet_comes_out_once_and_in_order(
            mut streams in proptest::collection::vec(proptest::collection::vec(0u64..1000, 0..20), 1..4),
        ) {
            let mut merge = Merge::default();
            let mut expected: Vec<u64> = streams.concat();
            expected.sort_unstable();
            // Each interface is in order, and told in turns; nothing older than what was told last may come of it.
            streams.iter_mut().for_each(|times| times.sort_unstable());
            let mut streams: Vec<_> = streams.into_iter().map(Vec::into_iter).collect();
            let mut out = Vec::new();
            let mut last = vec![0; streams.len()];
            loop {
                let mut came = false;
                for (times, last) in streams.iter_mut().zip(&mut last) {
                    match times.next() {
                        Some(time) => {
                            merge.push(0, time, &time.to_le_bytes(), 8);
                            (*last, came) = (time, true);
                        }
                        None => *last = u64::MAX,
                    }
                }
                let until = last.iter().min().unwrap().saturating_sub(1);
                merge.release::<()>(until, |block| {
                    out.push(u64::from_le_bytes(block[28..36].try_into().unwrap()));
                    Ok(())
                }).unwrap();
                if !came {
                    break;
                }
            }
            merge.release::<()>(u64::MAX, |block| {
                out.push(u64::from_le_bytes(block[28..36].try_into().unwrap()));
                Ok(())
            }).unwrap();
            prop_assert_eq!(out, expected);
        }
    }
}
