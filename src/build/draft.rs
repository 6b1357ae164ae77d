//! A frame as it is wanted, field by field, and the bytes that it makes.

use flate2::{Compress, Compression, FlushCompress};

use crate::model::Direction;
use crate::ws::{FrameHeader, LengthEncoding, MAX_HEADER_LEN, Opcode, unmask};

/// Most bytes of a payload.
pub const MAX_PAYLOAD: usize = 1 << 20;
/// Most frames that a message is cut into.
pub const MAX_FRAGMENTS: usize = 100;

/// How the payload length is written (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthForm {
    /// The shortest form that holds it.
    #[default]
    Auto,
    /// 16 bits, where they hold it; otherwise 64.
    Bits16,
    /// 64 bits.
    Bits64,
    /// 64 bits, the top one set: no length at all.
    TopBit,
}

impl LengthForm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Bits16, Self::Bits64, Self::TopBit];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Bits16 => "16",
            Self::Bits64 => "64",
            Self::TopBit => "top-bit",
        }
    }
}

/// A message of one frame or several, as it is wanted; nothing of it has to be legal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Who sends it.
    pub direction: Direction,
    /// FIN of the last frame; the others have 0.
    pub fin: bool,
    /// RSV1 to RSV3 of the first frame, RSV1 = 4.
    pub rsv: u8,
    /// The first frame's opcode, 0 to 15; the others are continuations.
    pub opcode: u8,
    /// The masking key; `None` for no mask. Each frame behind the first gets a key made from it.
    pub key: Option<[u8; 4]>,
    /// How lengths are written.
    pub form: LengthForm,
    /// What it carries, before compressing and masking.
    pub payload: Vec<u8>,
    /// How many frames, at least 1.
    pub fragments: usize,
    /// permessage-deflate was agreed on: a data message with RSV1 is compressed.
    pub deflate: bool,
}

impl Default for Draft {
    /// The masked "Hello" of RFC 6455 section 5.7.
    fn default() -> Self {
        Self {
            direction: Direction::ClientToServer,
            fin: true,
            rsv: 0,
            opcode: Opcode::Text.bits(),
            key: Some(Self::KEY),
            form: LengthForm::Auto,
            payload: b"Hello".to_vec(),
            fragments: 1,
            deflate: false,
        }
    }
}

impl Draft {
    /// The key of the example in RFC 6455 section 5.7.
    pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// The opcode.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        Opcode::from_bits(self.opcode)
    }

    /// Whether the payload is compressed on the way out.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.deflate && self.rsv & 4 != 0 && matches!(self.opcode(), Opcode::Text | Opcode::Binary)
    }

    /// The payload as frames carry it, before masking.
    #[must_use]
    pub fn carried(&self) -> Vec<u8> {
        let payload = self.payload.get(..MAX_PAYLOAD).unwrap_or(&self.payload);
        if self.is_compressed() { compress(payload) } else { payload.to_vec() }
    }

    /// The bytes of all its frames, one after the other.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.frames().concat()
    }

    /// The bytes of each frame.
    #[must_use]
    pub fn frames(&self) -> Vec<Vec<u8>> {
        let carried = self.carried();
        let count = self.fragments.clamp(1, MAX_FRAGMENTS);
        let size = carried.len().div_ceil(count).max(1);
        let mut rest = carried.as_slice();
        (0..count)
            .map(|at| {
                let (part, after) = rest.split_at(rest.len().min(size));
                rest = after;
                self.frame(at, at + 1 == count, part)
            })
            .collect()
    }

    fn frame(&self, at: usize, last: bool, part: &[u8]) -> Vec<u8> {
        let (rsv, opcode) = if at == 0 { (self.rsv & 7, self.opcode & 15) } else { (0, 0) };
        let fin = u8::from(last && self.fin);
        let len = part.len() as u64;
        let (field, payload_len) = match self.form {
            LengthForm::Auto if len < 126 => (len as u8, len),
            LengthForm::Auto | LengthForm::Bits16 if len <= 0xffff => (126, len),
            LengthForm::Auto | LengthForm::Bits16 | LengthForm::Bits64 => (127, len),
            LengthForm::TopBit => (127, len | 1 << 63),
        };
        let masking_key = self.key.map(|key| nth_key(key, at));
        let header = FrameHeader {
            head: [fin << 7 | rsv << 4 | opcode, u8::from(masking_key.is_some()) << 7 | field],
            masking_key: masking_key.unwrap_or_default(),
            payload_len,
            encoding: LengthEncoding::Standard,
        };
        let (head, len) = header.to_bytes();
        let mut bytes = Vec::with_capacity(MAX_HEADER_LEN + part.len());
        bytes.extend_from_slice(head.get(..len).unwrap_or_default());
        let mut part = part.to_vec();
        if let Some(key) = masking_key {
            unmask(&mut part, key, 0);
        }
        bytes.extend_from_slice(&part);
        bytes
    }

    /// The nearest draft that breaks no rule of framing: the same payload, direction and key where they can stay.
    #[must_use]
    pub fn mended(&self) -> Self {
        let client = self.direction == Direction::ClientToServer;
        let key = self.key.filter(|key| *key != [0; 4]).unwrap_or(Self::KEY);
        let text = std::str::from_utf8(&self.payload).is_ok();
        let opcode = match self.opcode() {
            Opcode::Binary => Opcode::Binary,
            Opcode::Ping | Opcode::Pong if self.payload.len() <= 125 => self.opcode(),
            _ if text => Opcode::Text,
            _ => Opcode::Binary,
        };
        Self {
            fin: true,
            rsv: 0,
            opcode: opcode.bits(),
            key: client.then_some(key),
            form: LengthForm::Auto,
            fragments: 1,
            deflate: false,
            ..self.clone()
        }
    }
}

/// The key of a later frame, made from the first one's: no two in a row are equal, and zeros stay zeros.
fn nth_key(key: [u8; 4], at: usize) -> [u8; 4] {
    let step = (at as u32).wrapping_mul(2).wrapping_add(1);
    u32::from_be_bytes(key)
        .wrapping_mul(if at == 0 { 1 } else { step.wrapping_mul(0x9e37_79b1) | 1 })
        .to_be_bytes()
}

/// Another key, made from this one, as if it were drawn.
#[must_use]
pub fn next_key(key: [u8; 4]) -> [u8; 4] {
    let next = u32::from_be_bytes(key).wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    // The low bits of such a sequence repeat soon.
    (next ^ next >> 15).to_be_bytes()
}

/// Compresses a message as RFC 7692 section 7.2.1 wants: raw deflate, flushed, without its last four bytes.
fn compress(payload: &[u8]) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(payload.len() + payload.len() / 8 + 64);
    let mut rest = payload;
    for _ in 0..1000 {
        let before = deflate.total_in();
        let done = deflate.compress_vec(rest, &mut out, FlushCompress::Sync).is_ok();
        let taken = usize::try_from(deflate.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
        rest = rest.get(taken..).unwrap_or_default();
        if !done || rest.is_empty() && out.len() < out.capacity() {
            break;
        }
        out.reserve(4096);
    }
    let end = out.len().saturating_sub(4);
    if out.ends_with(&[0, 0, 0xff, 0xff]) {
        out.truncate(end);
    }
    out
}
