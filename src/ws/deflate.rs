//! permessage-deflate (RFC 7692): one direction's decompressor.

use flate2::{Decompress, FlushDecompress, Status};

/// What every compressed message lost at its end (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The largest LZ77 window.
const WINDOW: usize = 32 * 1024;
/// How much output one step makes.
const STEP: usize = 64 * 1024;
/// How much input one step takes while the window is not whole: the decompressor forgets why it failed where it
/// has more at hand (15 bytes, from which on it goes a faster way).
const CAREFUL: usize = 8;

/// Bounds of inflating one message.
#[derive(Clone, Copy, Debug)]
pub struct InflateLimits {
    /// Output bytes of a message that are handed on.
    pub message: u64,
    /// Output bytes per input byte beyond which the output is cut, once it is over 1 MiB.
    pub ratio: u64,
    /// Output bytes of a message after which even the window is given up.
    pub drain: u64,
}

impl Default for InflateLimits {
    /// 64 MiB (more than any sane message), 200:1 (deflate's text is 3:1 to 20:1), 1 GiB (one second's work).
    fn default() -> Self {
        Self { message: 64 << 20, ratio: 200, drain: 1 << 30 }
    }
}

/// How inflating a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inflation {
    /// All of it, and certain.
    Whole,
    /// A limit was hit: what was handed on is right, the rest was counted only.
    Cut,
    /// It refers to bytes before the part of the window that is known.
    UnknownDictionary,
    /// The data is no deflate.
    Damaged,
}

/// The decompressor of one direction.
///
/// It is never wrong about history: after a loss its window is emptied, and a reference to what is
/// not there ends in [`Inflation::UnknownDictionary`], never in other bytes.
pub struct Inflater {
    stream: Decompress,
    /// Everything since the direction began is in the window (as far as a window reaches).
    window_is_whole: bool,
    /// Bytes in the window, while it is not whole.
    known: usize,
    /// The window's content, for when a final block comes: resetting the stream forgets it. Kept until more
    /// than a window was made without any final block, and from the first one on.
    history: Vec<u8>,
    history_is_kept: bool,
    /// A final block was seen since the window was empty.
    has_ended: bool,
    input: u64,
    output: u64,
    outcome: Inflation,
    /// The stream cannot go on without a reset.
    dead: bool,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater")
            .field("output", &self.output)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

impl Clone for Inflater {
    /// One that knows nothing of the window: it is never wrong, but mostly uncertain.
    fn clone(&self) -> Self {
        let mut clone = Self::default();
        clone.lose();
        clone
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            // A window of 15 bits decodes what any smaller one made.
            stream: Decompress::new(false),
            window_is_whole: true,
            known: 0,
            history: Vec::new(),
            history_is_kept: true,
            has_ended: false,
            input: 0,
            output: 0,
            outcome: Inflation::Whole,
            dead: false,
        }
    }
}

impl Inflater {
    /// Begins a message.
    pub fn begin(&mut self) {
        (self.input, self.output, self.outcome) = (0, 0, Inflation::Whole);
        if self.dead {
            self.empty();
        }
    }

    /// Forgets the window because the sender did (no context takeover): nothing is uncertain.
    pub fn forget(&mut self) {
        self.empty();
        self.window_is_whole = true;
    }

    /// Forgets the window because bytes of this direction were lost.
    pub fn lose(&mut self) {
        self.empty();
        self.window_is_whole = false;
    }

    fn empty(&mut self) {
        self.stream.reset(false);
        self.history.clear();
        self.known = 0;
        (self.history_is_kept, self.has_ended, self.dead) = (true, false, false);
    }

    /// A piece of the message as it was on the wire, unmasked. `scratch` is working space.
    pub fn feed(
        &mut self,
        input: &[u8],
        limits: &InflateLimits,
        scratch: &mut Vec<u8>,
        out: &mut impl FnMut(&[u8]),
    ) {
        self.input += input.len() as u64;
        self.run(input, limits, scratch, out);
    }

    /// A message that is there as a whole: [`begin`](Self::begin), [`feed`](Self::feed) and
    /// [`finish`](Self::finish) in one. `message` comes back as it was.
    pub fn inflate(
        &mut self,
        message: &mut Vec<u8>,
        limits: &InflateLimits,
        scratch: &mut Vec<u8>,
        out: &mut impl FnMut(&[u8]),
    ) -> (Inflation, u64) {
        self.begin();
        self.input = message.len() as u64;
        message.extend_from_slice(&TAIL);
        self.run(message, limits, scratch, out);
        message.truncate(message.len() - TAIL.len());
        (self.outcome, self.output)
    }

    /// Ends the message. Returns how it went, and the number of bytes it inflates to (exact unless
    /// the outcome is `UnknownDictionary` or `Damaged`, or even the drain limit was hit).
    pub fn finish(
        &mut self,
        limits: &InflateLimits,
        scratch: &mut Vec<u8>,
        out: &mut impl FnMut(&[u8]),
    ) -> (Inflation, u64) {
        self.run(&TAIL, limits, scratch, out);
        (self.outcome, self.output)
    }

    fn run(
        &mut self,
        mut input: &[u8],
        limits: &InflateLimits,
        scratch: &mut Vec<u8>,
        out: &mut impl FnMut(&[u8]),
    ) {
        if self.dead {
            return;
        }
        scratch.resize(STEP, 0);
        loop {
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let most = if self.window_is_whole { input.len() } else { CAREFUL };
            let piece = input.get(..most).unwrap_or(input);
            let status = self.stream.decompress(piece, scratch, FlushDecompress::Sync);
            let used = (self.stream.total_in() - before_in) as usize;
            let made = (self.stream.total_out() - before_out) as usize;
            input = input.get(used..).unwrap_or_default();
            self.hand_on(scratch.get(..made).unwrap_or_default(), limits, out);
            match status {
                Err(error) => {
                    let distance = error.message().is_some_and(|text| text.contains("distance too far"));
                    self.outcome = if distance && !self.window_is_whole {
                        Inflation::UnknownDictionary
                    } else {
                        Inflation::Damaged
                    };
                    self.fail();
                    return;
                }
                Ok(Status::StreamEnd) => {
                    // A final block (RFC 7692 section 7.2.3.4): deflate starts anew, the window stays.
                    self.restart();
                    if input.is_empty() {
                        return;
                    }
                }
                Ok(_) if self.output > limits.drain => {
                    self.outcome = Inflation::Cut;
                    self.fail();
                    return;
                }
                Ok(_) => {
                    let full = made == STEP;
                    if (input.is_empty() && !full) || (used == 0 && made == 0) {
                        return;
                    }
                }
            }
        }
    }

    fn hand_on(&mut self, made: &[u8], limits: &InflateLimits, out: &mut impl FnMut(&[u8])) {
        let before = self.output;
        self.output += made.len() as u64;
        if self.history_is_kept {
            self.remember(made);
        }
        if !self.window_is_whole {
            self.known += made.len();
            // Nothing reaches farther back.
            self.window_is_whole = self.known >= WINDOW;
        }
        let over_ratio = self.output > 1 << 20 && self.output / self.input.max(1) > limits.ratio;
        if over_ratio || self.output > limits.message {
            if self.outcome == Inflation::Whole {
                let room = limits.message.saturating_sub(before).min(made.len() as u64) as usize;
                out(made.get(..if over_ratio { 0 } else { room }).unwrap_or_default());
            }
            self.outcome = Inflation::Cut;
        } else if self.outcome == Inflation::Whole {
            out(made);
        }
    }

    fn fail(&mut self) {
        self.dead = true;
        self.window_is_whole = false;
    }

    fn restart(&mut self) {
        if !self.history_is_kept {
            // Too much was made before the first final block: what the window held is unknown from here on.
            (self.history_is_kept, self.window_is_whole, self.known) = (true, false, 0);
        }
        self.has_ended = true;
        self.stream.reset(false);
        // Fails only for a stream that is not raw deflate.
        let _ = self.stream.set_dictionary(&self.history);
    }

    /// Keeps the last [`WINDOW`] bytes, or gives up where nothing says that they will be needed.
    fn remember(&mut self, made: &[u8]) {
        let made_last = made.get(made.len().saturating_sub(WINDOW)..).unwrap_or_default();
        let keep = self.history.len().min(WINDOW - made_last.len());
        if !self.has_ended && self.history.len() + made.len() > WINDOW {
            self.history = Vec::new();
            self.history_is_kept = false;
            return;
        }
        self.history.drain(..self.history.len() - keep);
        self.history.extend_from_slice(made_last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compress, Compression, FlushCompress};
    use proptest::prelude::*;

    fn inflate(inflater: &mut Inflater, message: &[u8], limits: &InflateLimits) -> (Inflation, Vec<u8>, u64) {
        let (mut scratch, mut out) = (Vec::new(), Vec::new());
        inflater.begin();
        inflater.feed(message, limits, &mut scratch, &mut |bytes| out.extend_from_slice(bytes));
        let (how, len) = inflater.finish(limits, &mut scratch, &mut |bytes| out.extend_from_slice(bytes));
        (how, out, len)
    }

    fn deflate(compress: &mut Compress, text: &[u8]) -> Vec<u8> {
        if text.is_empty() {
            return vec![0]; // RFC 7692 section 7.2.3.6
        }
        let mut out = Vec::with_capacity(text.len() * 2 + 200);
        compress.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - 4);
        out
    }

    /// RFC 7692 section 7.2.3: the same text in each of the ways the RFC prints.
    #[test]
    fn the_examples_of_rfc_7692_section_7_2_3() {
        let limits = InflateLimits::default();
        let mut inflater = Inflater::default();
        let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&mut inflater, &one, &limits), (Inflation::Whole, b"Hello".to_vec(), 5));
        let shared = [0xf2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflate(&mut inflater, &shared, &limits), (Inflation::Whole, b"Hello".to_vec(), 5));
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        assert_eq!(inflate(&mut Inflater::default(), &stored, &limits).1, b"Hello");
        let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(inflate(&mut Inflater::default(), &last_block, &limits).1, b"Hello");
        let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&mut Inflater::default(), &two_blocks, &limits).1, b"Hello");
        assert_eq!(inflate(&mut Inflater::default(), &[0x00], &limits), (Inflation::Whole, vec![], 0));
    }

    #[test]
    fn a_final_block_keeps_the_window_for_the_next_message() {
        let limits = InflateLimits::default();
        let mut inflater = Inflater::default();
        let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(inflate(&mut inflater, &last_block, &limits).1, b"Hello");
        let shared = [0xf2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflate(&mut inflater, &shared, &limits).1, b"Hello");
    }

    #[test]
    fn a_final_block_keeps_the_windows_of_all_messages_before_it_however_they_come() {
        let limits = InflateLimits::default();
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x6d, 0x6c, 0x6c, 0x6f, 0x00];
        let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        // Five bytes from ten bytes back.
        let far = [0x02, 0xb3, 0x00, 0x00];
        for step in [1, 100] {
            let mut inflater = Inflater::default();
            for (message, text) in [(&stored[..], b"Hmllo"), (&last_block, b"Hello"), (&far, b"Hmllo")] {
                let (mut scratch, mut out) = (Vec::new(), Vec::new());
                inflater.begin();
                for piece in message.chunks(step) {
                    inflater.feed(piece, &limits, &mut scratch, &mut |bytes| out.extend_from_slice(bytes));
                }
                let (how, _) =
                    inflater.finish(&limits, &mut scratch, &mut |bytes| out.extend_from_slice(bytes));
                assert_eq!((how, &out[..]), (Inflation::Whole, &text[..]), "pieces of {step}");
            }
        }
    }

    #[test]
    fn a_final_block_far_into_a_stream_leaves_a_window_that_is_not_known() {
        let limits = InflateLimits::default();
        let mut compress = Compress::new(Compression::default(), false);
        let noise: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
        let long = deflate(&mut compress, &noise);
        let last_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let shared = [0xf2, 0x00, 0x11, 0x00, 0x00];
        let far = [0x02, 0xb3, 0x00, 0x00];
        for step in [1, 1000, 100_000] {
            let (mut inflater, mut scratch) = (Inflater::default(), Vec::new());
            inflater.begin();
            for piece in long.chunks(step) {
                inflater.feed(piece, &limits, &mut scratch, &mut |_| ());
            }
            assert_eq!(inflater.finish(&limits, &mut scratch, &mut |_| ()), (Inflation::Whole, 40_000));
            assert_eq!(inflate(&mut inflater, &last_block, &limits).1, b"Hello");
            assert_eq!(inflate(&mut inflater, &shared, &limits).0, Inflation::UnknownDictionary);
            assert_eq!(inflate(&mut inflater, &far, &limits).0, Inflation::UnknownDictionary);
        }
    }

    #[test]
    fn after_a_loss_a_reference_to_the_window_is_never_answered() {
        let limits = InflateLimits::default();
        let mut compress = Compress::new(Compression::default(), false);
        let texts: [&[u8]; 4] = [
            b"{\"user\":\"alice\",\"n\":100}",
            b"{\"user\":\"bobby\",\"n\":999}",
            b"{\"user\":\"bobby\",\"n\":999}",
            b"~~~~ nothing the same ~~~~",
        ];
        let wire: Vec<Vec<u8>> = texts.iter().map(|text| deflate(&mut compress, text)).collect();
        let mut inflater = Inflater::default();
        assert_eq!(inflate(&mut inflater, &wire[0], &limits).1, texts[0]);
        inflater.lose();
        assert_eq!(inflate(&mut inflater, &wire[2], &limits).0, Inflation::UnknownDictionary);
    }

    #[test]
    fn why_a_long_message_fails_does_not_hang_on_how_it_comes() {
        // Two literals and a reference to what is not there, of any length.
        let mut wire = vec![91, 82, 178, 138, 54, 212, 49, 210, 49, 142, 173, 5];
        wire.resize(100, 0);
        for step in [1, 3, 15, 100] {
            for (lost, how) in [(false, Inflation::Damaged), (true, Inflation::UnknownDictionary)] {
                let (mut inflater, mut scratch, limits) =
                    (Inflater::default(), Vec::new(), InflateLimits::default());
                if lost {
                    inflater.lose();
                }
                inflater.begin();
                for piece in wire.chunks(step) {
                    inflater.feed(piece, &limits, &mut scratch, &mut |_| ());
                }
                assert_eq!(inflater.finish(&limits, &mut scratch, &mut |_| ()).0, how, "pieces of {step}");
            }
        }
    }

    #[test]
    fn a_window_filled_since_a_loss_is_whole_again() {
        let limits = InflateLimits::default();
        let mut compress = Compress::new(Compression::default(), false);
        let noise: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
        let mut inflater = Inflater::default();
        inflater.lose();
        assert_eq!(inflate(&mut inflater, &deflate(&mut compress, &noise), &limits).1, noise);
        assert_eq!(inflate(&mut inflater, &[0xff, 0xff, 0xff], &limits).0, Inflation::Damaged);
    }

    #[test]
    fn a_bomb_is_cut_and_the_next_message_is_read() {
        let limits = InflateLimits { message: 1 << 20, ..InflateLimits::default() };
        let mut compress = Compress::new(Compression::default(), false);
        let bomb = deflate(&mut compress, &vec![0; 20 << 20]);
        let after = deflate(&mut compress, b"after");
        let mut inflater = Inflater::default();
        let (how, out, len) = inflate(&mut inflater, &bomb, &limits);
        assert_eq!((how, len), (Inflation::Cut, 20 << 20));
        assert!(out.len() <= 1 << 20);
        assert_eq!(inflate(&mut inflater, &after, &limits), (Inflation::Whole, b"after".to_vec(), 5));
    }

    #[test]
    fn what_is_no_deflate_is_damaged() {
        let limits = InflateLimits::default();
        let mut inflater = Inflater::default();
        assert_eq!(inflate(&mut inflater, &[0xff, 0xff, 0xff], &limits).0, Inflation::Damaged);
        // An object after an error goes on with an empty window.
        let one = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&mut inflater, &one, &limits).1, b"Hello");
    }

    proptest! {
        #[test]
        fn any_messages_in_any_pieces_come_back(
            texts in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..3000), 1..6),
            bits in 9u8..16, takeover: bool, step in 1usize..500,
        ) {
            let mut compress = Compress::new_with_window_bits(Compression::fast(), false, bits);
            let mut inflater = Inflater::default();
            let limits = InflateLimits::default();
            for text in &texts {
                let wire = deflate(&mut compress, text);
                let (mut scratch, mut out) = (Vec::new(), Vec::new());
                inflater.begin();
                for piece in wire.chunks(step) {
                    inflater.feed(piece, &limits, &mut scratch, &mut |bytes| out.extend_from_slice(bytes));
                }
                let (how, len) = inflater.finish(&limits, &mut scratch, &mut |bytes| out.extend_from_slice(bytes));
                prop_assert_eq!((how, len as usize), (Inflation::Whole, text.len()));
                prop_assert_eq!(&out, text);
                if !takeover {
                    compress.reset();
                    inflater.forget();
                }
            }
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut inflater = Inflater::default();
            for piece in bytes.chunks(50) {
                inflate(&mut inflater, piece, &InflateLimits::default());
            }
        }
    }
}
