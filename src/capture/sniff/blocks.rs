//! Packets as pcapng blocks (draft-ietf-opsawg-pcapng), in this machine's byte order: little-endian.

use crate::model::{low_u32, to_u16, to_u32};

/// Blocks, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    bytes: Vec<u8>,
}

/// What is told of an interface at its end, or when packets were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Statistics {
    /// Nanoseconds since 1970.
    pub(super) time: u64,
    /// When its capture began.
    pub(super) began: u64,
    /// Packets that the kernel counted.
    pub(super) received: u64,
    /// Packets that the interface lost.
    pub(super) interface: u64,
    /// Packets that the kernel lost.
    pub(super) kernel: u64,
    /// Packets that were taken.
    pub(super) taken: u64,
}

/// Bytes of a packet's block beside the packet.
pub(super) const PACKET_EXTRA: usize = 32 + 3;

impl Blocks {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A block that is written already.
    pub(super) fn copy(&mut self, block: &[u8]) {
        self.bytes.extend_from_slice(block);
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// A Section Header Block: its length is not known.
    pub(super) fn section(&mut self, system: &str, application: &str) {
        self.block(0x0a0d_0d0a, |body| {
            body.extend(0x1a2b_3c4d_u32.to_le_bytes());
            body.extend([1, 0, 0, 0]);
            body.extend([0xff; 8]);
            option(body, 3, system.as_bytes());
            option(body, 4, application.as_bytes());
            option(body, 0, &[]);
        });
    }

    /// An Interface Description Block: times in nanoseconds.
    pub(super) fn interface(&mut self, link: u16, snaplen: u32, name: &str, filter: &str) {
        self.block(1, |body| {
            body.extend(link.to_le_bytes());
            body.extend([0; 2]);
            body.extend(snaplen.to_le_bytes());
            option(body, 2, name.as_bytes());
            option(body, 9, &[9]);
            if !filter.is_empty() {
                // 0: a filter in words.
                option(body, 11, &[&[0], filter.as_bytes()].concat());
            }
            option(body, 0, &[]);
        });
    }

    /// An Enhanced Packet Block; `time` in nanoseconds since 1970.
    #[inline]
    pub(super) fn packet(&mut self, interface: u32, time: u64, data: &[u8], wire_len: u32) {
        let len = to_u32(data.len());
        let padding = data.len().wrapping_neg() % 4;
        let total = to_u32(32 + data.len() + padding);
        let words = [6, total, interface, (time >> 32) as u32, low_u32(time), len, wire_len.max(len)];
        self.bytes.extend_from_slice(words.map(u32::to_le_bytes).as_flattened());
        self.bytes.extend_from_slice(data);
        self.bytes.extend_from_slice([0; 3].get(..padding).unwrap_or_default());
        self.bytes.extend_from_slice(&total.to_le_bytes());
    }

    /// An Interface Statistics Block.
    pub(super) fn statistics(&mut self, interface: u32, about: &Statistics) {
        self.block(5, |body| {
            body.extend(interface.to_le_bytes());
            body.extend(halves(about.time));
            option(body, 2, &halves(about.began));
            option(body, 3, &halves(about.time));
            option(body, 4, &about.received.to_le_bytes());
            option(body, 5, &about.interface.to_le_bytes());
            option(body, 7, &about.kernel.to_le_bytes());
            option(body, 8, &about.taken.to_le_bytes());
            option(body, 0, &[]);
        });
    }

    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend([0; 4]);
        fill(&mut self.bytes);
        let total = to_u32(self.bytes.len() - start + 4).to_le_bytes();
        if let Some(place) = self.bytes.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&total);
        }
        self.bytes.extend(total);
    }
}

/// A time: its upper half first.
fn halves(time: u64) -> [u8; 8] {
    let [low, high] = [low_u32(time), (time >> 32) as u32];
    let mut bytes = [0; 8];
    bytes.copy_from_slice([high, low].map(u32::to_le_bytes).as_flattened());
    bytes
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    // Names of the system are short; nothing is cut in fact.
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    body.extend(code.to_le_bytes());
    body.extend(to_u16(value.len()).to_le_bytes());
    body.extend_from_slice(value);
    body.resize(body.len() + value.len().wrapping_neg() % 4, 0);
}
