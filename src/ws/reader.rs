//! Finds the frames of one direction. Holds at most a header; never a payload.

use super::{FrameHeader, MAX_HEADER_LEN};
use crate::model::{Chunk, Parse, Place, to_u8, to_usize};

/// Where a frame's header stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameStart {
    /// Offset of its first byte in the stream.
    pub at: u64,
    /// The packet that carried its first byte.
    pub place: Place,
}

/// Why framing ended before the stream did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// A gap covers bytes of a header: where the next frame begins is not known.
    GapOverHeader,
    /// A 64-bit length with its top bit set.
    LengthMsbSet,
}

/// What a [`FrameReader`] tells. For each frame: `start`, any number of `payload` and `missing`, `end`.
pub trait FrameSink {
    /// A header is complete. `arrival`: the packet that made it so.
    fn start(&mut self, header: FrameHeader, start: FrameStart, arrival: Place);
    /// A piece of the payload as on the wire. `offset`: its place in the frame's payload.
    fn payload(&mut self, offset: u64, chunk: Chunk<'_>);
    /// A piece of the payload that the capture lacks.
    fn missing(&mut self, offset: u64, len: u64);
    /// The frame's last byte. `arrival`: the packet that completed it.
    fn end(&mut self, arrival: Place);
    /// A frame all of which is in one chunk: `start`, `payload` and `end` in one.
    #[inline]
    fn whole(&mut self, header: FrameHeader, start: FrameStart, payload: Chunk<'_>) {
        self.start(header, start, payload.arrival);
        if !payload.bytes.is_empty() {
            self.payload(0, payload);
        }
        self.end(payload.arrival);
    }
    /// Whether it is not certain that a frame begins where `chunk` does, by the first byte. Then none is read: the sink is
    /// given back the chunk, and framing is lost until it resumes.
    #[inline]
    fn doubts(&mut self, chunk: &Chunk<'_>) -> bool {
        let _ = chunk;
        false
    }
    /// The same by the length that the header at the start of `chunk` claims.
    #[inline]
    fn doubts_length(&mut self, header: FrameHeader, chunk: &Chunk<'_>) -> bool {
        let _ = (header, chunk);
        false
    }
    /// Framing ends here.
    fn lost(&mut self, why: Lost, at: u64, arrival: Place);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReaderState {
    /// So many bytes of a header are in the scratch.
    Header(u8),
    /// Inside a payload.
    Payload,
    /// Framing is lost: bytes are counted only.
    Lost,
}

/// A frame reader for one direction.
///
/// Any split of the stream into chunks gives the same events but for the number of `payload` pieces.
/// A gap inside a payload keeps it in step; a gap over a header does not.
#[derive(Clone, Debug)]
pub struct FrameReader {
    start: FrameStart,
    /// Payload bytes seen; bytes after framing was lost.
    done: u64,
    /// Payload bytes left.
    left: u64,
    scratch: [u8; MAX_HEADER_LEN],
    state: ReaderState,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self {
            start: FrameStart::default(),
            done: 0,
            left: 0,
            scratch: [0; MAX_HEADER_LEN],
            state: ReaderState::Header(0),
        }
    }
}

impl FrameReader {
    /// Bytes, the next in order. Returns those from where on the sink [doubts](FrameSink::doubts) that a frame begins.
    #[inline]
    pub fn data<'a>(&mut self, mut chunk: Chunk<'a>, sink: &mut impl FrameSink) -> Option<Chunk<'a>> {
        while let Some(&first) = chunk.bytes.first() {
            match self.state {
                ReaderState::Header(0) => {
                    let start = FrameStart { at: chunk.at, place: chunk.origin };
                    // Most frames are the last of their message.
                    if (first < 0x80 || first == 0xef) && sink.doubts(&chunk) {
                        self.lose();
                        return Some(chunk);
                    }
                    match FrameHeader::parse(chunk.bytes) {
                        Parse::Done(header, len) => {
                            let rest = chunk.bytes.get(len..).unwrap_or_default();
                            if may_be_longer(header, chunk.bytes.len(), rest.len())
                                && sink.doubts_length(header, &chunk)
                            {
                                self.lose();
                                return Some(chunk);
                            }
                            if header.payload_len <= rest.len() as u64 {
                                let (bytes, after) = rest.split_at(to_usize(header.payload_len));
                                let payload = Chunk {
                                    at: chunk.at + len as u64,
                                    bytes,
                                    address: chunk.address.wrapping_add(len as u64),
                                    ..chunk
                                };
                                sink.whole(header, start, payload);
                                if after.is_empty() {
                                    return None;
                                }
                                chunk = chunk.skip(len + bytes.len());
                            } else {
                                self.start = start;
                                chunk = chunk.skip(len);
                                self.begin(header, chunk.arrival, sink);
                            }
                        }
                        Parse::Need(_) => {
                            self.start = start;
                            // At most 13 bytes are left in the chunk.
                            for (to, from) in self.scratch.iter_mut().zip(chunk.bytes) {
                                *to = *from;
                            }
                            self.state = ReaderState::Header(to_u8(chunk.bytes.len()));
                            return None;
                        }
                    }
                }
                ReaderState::Header(have) => {
                    let slot = self.scratch.get_mut(usize::from(have))?;
                    *slot = first;
                    chunk = chunk.skip(1);
                    let have = have + 1;
                    self.state = ReaderState::Header(have);
                    let known = self.scratch.get(..usize::from(have)).unwrap_or_default();
                    if let Parse::Done(header, _) = FrameHeader::parse(known) {
                        self.begin(header, chunk.arrival, sink);
                    }
                }
                ReaderState::Payload => {
                    let (done, left) = (self.done, self.left);
                    let take = to_usize(left.min(chunk.bytes.len() as u64));
                    let piece = Chunk { bytes: chunk.bytes.get(..take).unwrap_or_default(), ..chunk };
                    sink.payload(done, piece);
                    chunk = chunk.skip(take);
                    self.advance(done, left, take as u64, chunk.arrival, sink);
                }
                ReaderState::Lost => {
                    self.done = self.done.saturating_add(chunk.bytes.len() as u64);
                    return None;
                }
            }
        }
        None
    }

    /// Goes over the next `n` bytes where they lie inside a payload that goes on behind them; else does nothing.
    #[inline]
    pub(super) fn pass(&mut self, n: usize) -> bool {
        let inside = self.state == ReaderState::Payload && (n as u64) < self.left;
        if inside {
            (self.done, self.left) = (self.done + n as u64, self.left - n as u64);
        }
        inside
    }

    /// Bytes that the capture lacks: `len` of them from offset `at` on.
    pub fn gap(&mut self, at: u64, len: u64, arrival: Place, sink: &mut impl FrameSink) {
        match self.state {
            ReaderState::Payload => {
                let (done, left) = (self.done, self.left);
                let inside = left.min(len);
                sink.missing(done, inside);
                self.advance(done, left, inside, arrival, sink);
                if inside < len {
                    self.lose();
                    sink.lost(Lost::GapOverHeader, at.saturating_add(inside), arrival);
                }
            }
            ReaderState::Header(_) if len > 0 => {
                self.lose();
                sink.lost(Lost::GapOverHeader, at, arrival);
            }
            ReaderState::Header(_) => {}
            ReaderState::Lost => {}
        }
    }

    /// Whether the stream may end here: between two frames.
    #[must_use]
    #[inline]
    pub fn is_between_frames(&self) -> bool {
        matches!(self.state, ReaderState::Header(0))
    }

    /// Where the frame begins of which only a part came.
    #[must_use]
    pub fn begun(&self) -> Option<u64> {
        matches!(self.state, ReaderState::Header(1..) | ReaderState::Payload).then_some(self.start.at)
    }

    /// Where a header stands of which only a part came.
    #[must_use]
    pub fn partial_header(&self) -> Option<FrameStart> {
        matches!(self.state, ReaderState::Header(1..)).then_some(self.start)
    }

    /// Loses the framing: what comes is counted only, until it is found again.
    pub(super) fn lose(&mut self) {
        (self.done, self.state) = (0, ReaderState::Lost);
    }

    /// Counts bytes that come while framing is lost.
    pub(super) fn pass_lost(&mut self, len: usize) {
        self.done = self.done.saturating_add(len as u64);
    }

    /// As [`data`](Self::data), where that is rare.
    #[cold]
    #[inline(never)]
    pub(super) fn data_again<'a>(
        &mut self,
        chunk: Chunk<'a>,
        sink: &mut impl FrameSink,
    ) -> Option<Chunk<'a>> {
        self.data(chunk, sink)
    }

    /// Framing is found again: the next byte begins a frame.
    pub(super) fn resume(&mut self) {
        self.state = ReaderState::Header(0);
    }

    /// Framing is found again: a frame begins whose header is known, and the next byte is the first of its payload.
    pub(super) fn resume_in(
        &mut self,
        header: FrameHeader,
        start: FrameStart,
        arrival: Place,
        sink: &mut impl FrameSink,
    ) {
        self.start = start;
        self.begin(header, arrival, sink);
    }

    /// Whether framing was lost.
    #[inline]
    pub(super) fn is_lost(&self) -> bool {
        self.state == ReaderState::Lost
    }

    /// Whether framing was lost, and how many bytes were skipped since.
    #[must_use]
    pub fn skipped(&self) -> Option<u64> {
        matches!(self.state, ReaderState::Lost).then_some(self.done)
    }

    fn begin(&mut self, header: FrameHeader, arrival: Place, sink: &mut impl FrameSink) {
        sink.start(header, self.start, arrival);
        if header.payload_len >> 63 != 0 {
            self.lose();
            sink.lost(Lost::LengthMsbSet, self.start.at, arrival);
        } else {
            self.advance(0, header.payload_len, 0, arrival, sink);
        }
    }

    fn advance(&mut self, done: u64, left: u64, n: u64, arrival: Place, sink: &mut impl FrameSink) {
        if n == left {
            self.state = ReaderState::Header(0);
            sink.end(arrival);
        } else {
            (self.done, self.left, self.state) = (done + n, left - n, ReaderState::Payload);
        }
    }
}

/// Whether the `have` bytes that are there of a frame would be all of it, if its sender encoded the length in another way
/// (see [`LengthEncoding`](super::LengthEncoding)). `rest`: bytes behind the header.
#[inline]
fn may_be_longer(header: FrameHeader, have: usize, rest: usize) -> bool {
    let second = usize::from(header.head[1]);
    match header.length_field() {
        126 | 127 => header.payload_len > rest as u64 && header.swapped_len() == rest as u64,
        _ if header.masked() => have == second + 2,
        _ => have == second + 134,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default, Debug, PartialEq, Clone)]
    struct Log {
        frames: Vec<(FrameHeader, u64, Vec<u8>, u64)>,
        ends: usize,
        lost: Vec<(Lost, u64)>,
    }

    impl FrameSink for Log {
        fn start(&mut self, header: FrameHeader, start: FrameStart, _: Place) {
            self.frames.push((header, start.at, Vec::new(), 0));
        }
        fn payload(&mut self, offset: u64, chunk: Chunk<'_>) {
            let frame = self.frames.last_mut().unwrap();
            assert_eq!(offset, frame.2.len() as u64 + frame.3);
            frame.2.extend_from_slice(chunk.bytes);
        }
        fn missing(&mut self, _: u64, len: u64) {
            self.frames.last_mut().unwrap().3 += len;
        }
        fn end(&mut self, _: Place) {
            self.ends += 1;
        }
        fn lost(&mut self, why: Lost, at: u64, _: Place) {
            self.lost.push((why, at));
        }
    }

    fn chunk(at: u64, bytes: &[u8]) -> Chunk<'_> {
        let place = Place::default();
        Chunk { at, bytes, address: at, origin: place, arrival: place }
    }

    fn read(bytes: &[u8], cuts: &[usize]) -> Log {
        let (mut reader, mut log, mut at) = (FrameReader::default(), Log::default(), 0);
        for &cut in cuts.iter().chain([&bytes.len()]) {
            let cut = cut.clamp(at, bytes.len());
            reader.data(chunk(at as u64, &bytes[at..cut]), &mut log);
            at = cut;
        }
        log
    }

    fn frame(len: u64, masked: bool, body: u8) -> Vec<u8> {
        let mark = if masked { 0x80 } else { 0 };
        let mut out = vec![0x82];
        match len {
            0..126 => out.push(mark | len as u8),
            126..0x1_0000 => {
                out.push(mark | 126);
                out.extend((len as u16).to_be_bytes());
            }
            _ => {
                out.push(mark | 127);
                out.extend(len.to_be_bytes());
            }
        }
        if masked {
            out.extend([1, 2, 3, 4]);
        }
        out.extend(std::iter::repeat_n(body, len as usize));
        out
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(
            lens in proptest::collection::vec((prop_oneof![0u64..200, Just(65535), Just(65536)], any::<bool>()), 1..8),
            mut cuts in proptest::collection::vec(0usize..70000, 0..40),
        ) {
            let bytes: Vec<u8> = lens.iter().flat_map(|&(len, masked)| frame(len, masked, 7)).collect();
            cuts.sort_unstable();
            let whole = read(&bytes, &[]);
            prop_assert_eq!(whole.ends, lens.len());
            prop_assert_eq!(&read(&bytes, &cuts), &whole);
            if bytes.len() < 2000 {
                let every: Vec<usize> = (0..bytes.len()).collect();
                prop_assert_eq!(&read(&bytes, &every), &whole);
            }
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let every: Vec<usize> = (0..bytes.len()).collect();
            prop_assert_eq!(read(&bytes, &every), read(&bytes, &[]));
        }
    }

    #[test]
    fn a_gap_inside_a_payload_keeps_step() {
        let (mut reader, mut log) = (FrameReader::default(), Log::default());
        let first = frame(100, false, 1);
        reader.data(chunk(0, &first[..12]), &mut log);
        reader.gap(12, 80, Place::default(), &mut log);
        reader.data(chunk(92, &first[92..]), &mut log);
        reader.data(chunk(102, &frame(3, true, 2)), &mut log);
        assert_eq!((log.ends, log.lost.len()), (2, 0));
        assert_eq!((log.frames[0].2.len(), log.frames[0].3), (20, 80));
    }

    #[test]
    fn a_gap_to_the_very_end_of_a_payload_keeps_step() {
        let (mut reader, mut log) = (FrameReader::default(), Log::default());
        reader.data(chunk(0, &frame(100, false, 1)[..12]), &mut log);
        reader.gap(12, 90, Place::default(), &mut log);
        reader.data(chunk(102, &frame(3, true, 2)), &mut log);
        assert_eq!((log.ends, log.lost.len()), (2, 0));
    }

    #[test]
    fn a_gap_over_a_header_ends_the_framing() {
        let (mut reader, mut log) = (FrameReader::default(), Log::default());
        reader.data(chunk(0, &frame(100, false, 1)[..12]), &mut log);
        reader.gap(12, 91, Place::default(), &mut log);
        reader.data(chunk(103, &frame(3, true, 2)), &mut log);
        assert_eq!(log.lost, [(Lost::GapOverHeader, 102)]);
        assert_eq!((log.ends, reader.skipped()), (1, Some(9)));
    }

    #[test]
    fn a_frame_of_2_to_the_63_less_one_bytes_is_only_counted() {
        let (mut reader, mut log) = (FrameReader::default(), Log::default());
        let mut bytes = vec![0x82, 127, 0x7f];
        bytes.extend([0xff; 7]);
        bytes.extend([5; 100]);
        reader.data(chunk(0, &bytes), &mut log);
        assert_eq!((log.frames[0].2.len(), log.ends), (100, 0));
        reader.gap(110, (1 << 63) - 1 - 100, Place::default(), &mut log);
        assert_eq!(log.ends, 1);
    }

    #[test]
    fn the_reader_is_small() {
        assert!(std::mem::size_of::<FrameReader>() <= 56);
    }
}
