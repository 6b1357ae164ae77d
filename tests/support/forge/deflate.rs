//! permessage-deflate as a sender does it (RFC 7692 section 7.2.1).

use flate2::{Compress, Compression, FlushCompress};

use super::{C2S, Rng, side};
use wslens::model::Direction;

/// What the two ends agree on (RFC 7692 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateSpec {
    /// The server starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The server's window, 8 to 15.
    pub server_max_window_bits: u8,
    /// The client's window, 8 to 15.
    pub client_max_window_bits: u8,
}

impl Default for DeflateSpec {
    /// Context takeover both ways, 15 bits.
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

impl DeflateSpec {
    /// Any parameters.
    pub fn any(rng: &mut Rng) -> Self {
        Self {
            server_no_context_takeover: rng.chance(1, 2),
            client_no_context_takeover: rng.chance(1, 2),
            server_max_window_bits: rng.between(8, 15) as u8,
            client_max_window_bits: rng.between(8, 15) as u8,
        }
    }

    /// The value of `Sec-WebSocket-Extensions` in the request.
    pub fn offer(&self) -> String {
        let mut text = String::from("permessage-deflate; client_max_window_bits");
        if self.server_max_window_bits < 15 {
            text += &format!("; server_max_window_bits={}", self.server_max_window_bits);
        }
        text + self.takeover()
    }

    /// The value of `Sec-WebSocket-Extensions` in the response.
    pub fn answer(&self) -> String {
        let mut text = String::from("permessage-deflate");
        for (name, bits) in [("server", self.server_max_window_bits), ("client", self.client_max_window_bits)]
        {
            if bits < 15 {
                text += &format!("; {name}_max_window_bits={bits}");
            }
        }
        text + self.takeover()
    }

    fn takeover(&self) -> &'static str {
        match (self.server_no_context_takeover, self.client_no_context_takeover) {
            (false, false) => "",
            (true, false) => "; server_no_context_takeover",
            (false, true) => "; client_no_context_takeover",
            (true, true) => "; server_no_context_takeover; client_no_context_takeover",
        }
    }

    /// The compressor of the end that sends in `dir`.
    pub fn deflater(&self, dir: Direction) -> Deflater {
        let (bits, fresh) = [
            (self.client_max_window_bits, self.client_no_context_takeover),
            (self.server_max_window_bits, self.server_no_context_takeover),
        ][side(dir)];
        debug_assert_eq!(side(C2S), 0);
        Deflater::new(bits, fresh)
    }
}

/// One end's compressor.
#[derive(Debug)]
pub struct Deflater {
    compress: Compress,
    /// 8 to 15. zlib knows no 8: short blocks with an empty window in between do the same.
    bits: u8,
    fresh: bool,
    /// `00 00 ff ff` was cut from the last output; it is due before anything else of this message.
    held: bool,
    wrote: bool,
}

const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

impl Deflater {
    /// A window of 2^`bits` bytes, empty for each message where `fresh`.
    pub fn new(bits: u8, fresh: bool) -> Self {
        let compress = Compress::new_with_window_bits(Compression::new(6), false, bits.max(9));
        Self { compress, bits, fresh, held: false, wrote: false }
    }

    /// Compresses the next part of a message, all of it, without the last `00 00 ff ff`.
    pub fn part(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
        if bytes.is_empty() {
            return out;
        }
        if self.held {
            out.extend(TAIL);
        }
        if self.bits < 9 {
            bytes.chunks(200).for_each(|chunk| self.run(chunk, &mut out, FlushCompress::Full));
        } else {
            self.run(bytes, &mut out, FlushCompress::Sync);
        }
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        (self.held, self.wrote) = (true, true);
        out
    }

    /// Ends the message. Gives what its last frame has to add: `00` where the message was empty.
    pub fn end(&mut self) -> Vec<u8> {
        let rest = if self.wrote { vec![] } else { vec![0] };
        (self.held, self.wrote) = (false, false);
        if self.fresh {
            self.compress.reset();
        }
        rest
    }

    /// A whole message.
    pub fn message(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = self.part(bytes);
        out.extend(self.end());
        out
    }

    fn run(&mut self, mut input: &[u8], out: &mut Vec<u8>, flush: FlushCompress) {
        loop {
            out.reserve(input.len() / 2 + 64);
            let before = self.compress.total_in();
            self.compress.compress_vec(input, out, flush).expect("raw deflate cannot fail");
            input = &input[(self.compress.total_in() - before) as usize..];
            if input.is_empty() && out.len() < out.capacity() {
                return;
            }
        }
    }
}
