//! Steps of a connection as bytes: each is the difference to the one before it, in about 8 bytes.

use std::sync::Arc;

use crate::model::{Flags, LinkType, PacketRef, Place, Span, Time};
use crate::pipeline::{ReplayEvent, Shed};
use crate::ws::StreamEnd;

/// Bytes of steps that are kept in one piece.
const PIECE: usize = 4096;
/// More than any step takes.
const LONGEST: usize = 64;
/// Control bits of packets that open or end a connection.
const TURNS: u8 = Flags::SYN | Flags::FIN | Flags::RST;

/// What the next step is told against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) number: u64,
    pub(super) time: i64,
    pub(super) address: u64,
    pub(super) link: u16,
}

/// Steps, one after the other, as bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    pieces: Vec<Arc<[u8]>>,
    /// How many pieces were released.
    gone: u32,
    open: Vec<u8>,
    pub(super) before: Before,
    pub(super) count: u64,
}

/// A place between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StepMark {
    pub(super) piece: u32,
    pub(super) at: u32,
    pub(super) before: Before,
}

mod kind {
    pub(super) const PACKET: u8 = 0;
    pub(super) const LOOK: u8 = 1;
    pub(super) const END: u8 = 2;
    pub(super) const REUSE: u8 = 3;
    pub(super) const MASK: u8 = 3;
    pub(super) const LINK: u8 = 4;
    pub(super) const CUT: u8 = 8;
    pub(super) const FLAGS: u8 = 16;
}

impl Steps {
    pub(super) fn push(&mut self, act: &ReplayEvent) {
        if self.open.len() > PIECE - LONGEST {
            self.pieces.push(self.open.as_slice().into());
            self.open.clear();
        }
        self.count += 1;
        let Self { open, before, .. } = self;
        let head = open.len();
        let place = match *act {
            ReplayEvent::Packet(packet, flags) => {
                let mut kind = kind::PACKET;
                open.push(kind);
                put(open, packet.number.wrapping_sub(before.number));
                put_signed(open, packet.time.0.wrapping_sub(before.time));
                put_signed(open, packet.bytes.start.wrapping_sub(before.address) as i64);
                put(open, u64::from(packet.bytes.len));
                if packet.link.0 != before.link {
                    kind |= kind::LINK;
                    put(open, u64::from(packet.link.0));
                }
                if packet.wire_len != packet.bytes.len {
                    kind |= kind::CUT;
                    put(open, u64::from(packet.wire_len.wrapping_sub(packet.bytes.len)));
                }
                if flags.has(TURNS) {
                    kind |= kind::FLAGS;
                    open.push(flags.0);
                }
                if let Some(head) = open.get_mut(head) {
                    *head = kind;
                }
                before.address = packet.bytes.start.wrapping_add(u64::from(packet.bytes.len));
                before.link = packet.link.0;
                (before.number, before.time) = (packet.number, packet.time.0);
                return;
            }
            ReplayEvent::Recheck(place) => {
                open.push(kind::LOOK);
                place
            }
            ReplayEvent::Reuse(place) => {
                open.push(kind::REUSE);
                place
            }
            ReplayEvent::End(how, place) => {
                let how = match how {
                    StreamEnd::Fin => 0,
                    StreamEnd::Reset => 1,
                    StreamEnd::Capture => 2,
                    StreamEnd::Timeout => 3,
                };
                open.push(kind::END | how << 2);
                place
            }
            ReplayEvent::Shed(shed, place) => {
                let shed = match shed {
                    Shed::Holes => 4,
                    Shed::Payloads => 5,
                    Shed::Windows => 6,
                };
                open.push(kind::END | shed << 2);
                place
            }
        };
        // A step of another packet: it may lie before the last one of this connection by time.
        put_signed(open, place.packet.wrapping_sub(before.number) as i64);
        put_signed(open, place.time.0.wrapping_sub(before.time));
    }

    /// The place behind the last step.
    pub(super) fn end(&self) -> StepMark {
        let piece = self.gone.saturating_add(self.pieces.len() as u32);
        StepMark { piece, at: self.open.len() as u32, before: self.before }
    }

    /// Releases the pieces before a place: from there on, they can still be read.
    pub(super) fn release(&mut self, mark: StepMark) {
        let some = (mark.piece.saturating_sub(self.gone) as usize).min(self.pieces.len());
        self.pieces.drain(..some);
        self.gone = self.gone.saturating_add(some as u32);
    }

    /// The steps from a place on; from the first on, where there is none. None of the place's pieces may have been
    /// released.
    pub(super) fn from(&self, mark: Option<StepMark>) -> StepCursor {
        let mark = mark.unwrap_or_default();
        let from = mark.piece.saturating_sub(self.gone) as usize;
        let mut pieces: Vec<Arc<[u8]>> = self.pieces.get(from..).unwrap_or_default().to_vec();
        pieces.push(self.open.as_slice().into());
        StepCursor {
            pieces: pieces.into_iter(),
            piece: Arc::new([]),
            at: 0,
            skip: mark.at as usize,
            before: mark.before,
        }
    }

    /// Bytes of memory that they take, about.
    pub(super) fn size(&self) -> usize {
        self.pieces.len() * PIECE + self.open.capacity()
    }
}

/// Goes from step to step.
#[derive(Clone, Debug)]
pub(super) struct StepCursor {
    pieces: std::vec::IntoIter<Arc<[u8]>>,
    piece: Arc<[u8]>,
    at: usize,
    skip: usize,
    before: Before,
}

impl StepCursor {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.piece.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0u64, 0u32);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    }

    fn take_signed(&mut self) -> Option<i64> {
        let value = self.take()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

impl Iterator for StepCursor {
    type Item = ReplayEvent;

    fn next(&mut self) -> Option<ReplayEvent> {
        while self.at >= self.piece.len() {
            self.piece = self.pieces.next()?;
            self.at = std::mem::take(&mut self.skip);
        }
        let head = self.byte()?;
        if head & kind::MASK == kind::PACKET {
            let number = self.before.number.wrapping_add(self.take()?);
            let time = self.before.time.wrapping_add(self.take_signed()?);
            let start = self.before.address.wrapping_add(self.take_signed()? as u64);
            let len = self.take()? as u32;
            let link = if head & kind::LINK == 0 { self.before.link } else { self.take()? as u16 };
            let more = if head & kind::CUT == 0 { 0 } else { self.take()? as u32 };
            let flags = if head & kind::FLAGS == 0 { 0 } else { self.byte()? };
            self.before = Before { number, time, address: start.wrapping_add(u64::from(len)), link };
            let packet = PacketRef {
                number,
                time: Time(time),
                bytes: Span { start, len },
                wire_len: len.wrapping_add(more),
                link: LinkType(link),
            };
            return Some(ReplayEvent::Packet(packet, Flags(flags)));
        }
        let place = Place {
            packet: self.before.number.wrapping_add(self.take_signed()? as u64),
            time: Time(self.before.time.wrapping_add(self.take_signed()?)),
        };
        Some(match head & kind::MASK {
            kind::LOOK => ReplayEvent::Recheck(place),
            kind::REUSE => ReplayEvent::Reuse(place),
            _ => {
                let how = match head >> 2 {
                    0 => StreamEnd::Fin,
                    1 => StreamEnd::Reset,
                    2 => StreamEnd::Capture,
                    3 => StreamEnd::Timeout,
                    4 => return Some(ReplayEvent::Shed(Shed::Holes, place)),
                    5 => return Some(ReplayEvent::Shed(Shed::Payloads, place)),
                    _ => return Some(ReplayEvent::Shed(Shed::Windows, place)),
                };
                ReplayEvent::End(how, place)
            }
        })
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small numbers of either sign become small numbers.
fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, (value << 1 ^ value >> 63) as u64);
}

/// The packet of a step, with its control bits where they open or end a connection.
pub(super) fn packet_of(act: &ReplayEvent) -> Option<(PacketRef, Flags)> {
    match act {
        ReplayEvent::Packet(packet, flags) => Some((*packet, *flags)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn acts() -> impl Strategy<Value = Vec<ReplayEvent>> {
        let place = (any::<u32>(), any::<i64>())
            .prop_map(|(packet, time)| Place { packet: packet.into(), time: Time(time) });
        let packet = (
            prop_oneof![9 => 1u64..50, 1 => any::<u64>()],
            prop_oneof![9 => 0i64..1_000_000, 1 => any::<i64>()],
            prop_oneof![9 => 0u64..1 << 40, 1 => any::<u64>()],
            0u32..70_000,
            prop_oneof![9 => Just(0u32), 1 => 0u32..2000],
            prop_oneof![9 => Just(1u16), 1 => any::<u16>()],
            any::<u8>(),
        );
        let packet = packet.prop_map(|(number, time, start, len, cut, link, flags)| {
            let flags = if flags & TURNS == 0 { 0 } else { flags };
            let bytes = Span { start, len };
            let packet =
                PacketRef { number, time: Time(time), bytes, wire_len: len + cut, link: LinkType(link) };
            ReplayEvent::Packet(packet, Flags(flags))
        });
        let act = prop_oneof![
            20 => packet,
            1 => place.clone().prop_map(ReplayEvent::Recheck),
            1 => place.clone().prop_map(ReplayEvent::Reuse),
            1 => (0..3usize, place.clone()).prop_map(|(shed, place)| {
                ReplayEvent::Shed([Shed::Holes, Shed::Payloads, Shed::Windows][shed], place)
            }),
            1 => (0..4usize, place).prop_map(|(how, place)| {
                let all = [StreamEnd::Fin, StreamEnd::Reset, StreamEnd::Capture, StreamEnd::Timeout];
                ReplayEvent::End(all[how], place)
            }),
        ];
        proptest::collection::vec(act, 0..1500)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn steps_read_back_from_any_place(acts in acts(), at in 0..1500usize) {
            let mut steps = Steps::default();
            let mut mark = None;
            for (i, act) in acts.iter().enumerate() {
                if i == at {
                    mark = Some(steps.end());
                }
                steps.push(act);
            }
            prop_assert_eq!(steps.from(None).collect::<Vec<_>>(), acts.clone());
            if let Some(mark) = mark {
                prop_assert_eq!(steps.from(Some(mark)).collect::<Vec<_>>(), acts[at..].to_vec());
            }
        }
    }

    #[test]
    fn an_ordinary_packet_takes_few_bytes() {
        let mut steps = Steps::default();
        for n in 0..10_000u64 {
            let bytes = Span { start: 40 + n * 3 * (16 + 200), len: 180 };
            let packet = PacketRef {
                number: 1 + n * 3,
                time: Time(1_700_000_000_000_000_000 + n as i64 * 250_000),
                bytes,
                wire_len: 180,
                link: LinkType(1),
            };
            steps.push(&ReplayEvent::Packet(packet, Flags(Flags::ACK)));
        }
        assert!(steps.size() < 10_000 * 10, "{}", steps.size());
    }
}
