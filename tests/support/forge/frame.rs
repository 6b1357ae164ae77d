//! One WebSocket frame, well formed or not (RFC 6455 section 5.2).

/// Opcode 0.
pub const CONTINUATION: u8 = 0;
/// Opcode 1.
pub const TEXT: u8 = 1;
/// Opcode 2.
pub const BINARY: u8 = 2;
/// Opcode 8.
pub const CLOSE: u8 = 8;
/// Opcode 9.
pub const PING: u8 = 9;
/// Opcode 10.
pub const PONG: u8 = 10;

/// How the payload length is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthForm {
    /// The shortest form, as the RFC demands.
    #[default]
    Minimal,
    /// Two bytes after `126`.
    Two,
    /// Eight bytes after `127`.
    Eight,
    /// Eight bytes that claim this length, whatever follows.
    Claim(u64),
}

/// A frame to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// FIN.
    pub fin: bool,
    /// RSV1 to RSV3, RSV1 = 4.
    pub rsv: u8,
    /// The opcode, 0 to 15.
    pub op: u8,
    /// The masking key, where MASK is to be set.
    pub key: Option<[u8; 4]>,
    /// How the length is written.
    pub length: LengthForm,
    /// The payload before masking.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A whole, unmasked frame.
    pub fn new(op: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { fin: true, rsv: 0, op, key: None, length: LengthForm::Minimal, payload: payload.into() }
    }

    /// With this masking key.
    pub fn masked(self, key: [u8; 4]) -> Self {
        Self { key: Some(key), ..self }
    }

    /// With these RSV bits (RSV1 = 4).
    pub fn rsv(self, rsv: u8) -> Self {
        Self { rsv, ..self }
    }

    /// Without FIN.
    pub fn more(self) -> Self {
        Self { fin: false, ..self }
    }

    /// With the length written so.
    pub fn length(self, length: LengthForm) -> Self {
        Self { length, ..self }
    }

    /// Bytes of the header.
    pub fn header_len(&self) -> usize {
        self.header().len()
    }

    fn header(&self) -> Vec<u8> {
        let mut out = vec![
            u8::from(self.fin) << 7 | (self.rsv & 7) << 4 | (self.op & 15),
            u8::from(self.key.is_some()) << 7,
        ];
        let len = self.payload.len();
        match self.length {
            LengthForm::Minimal if len < 126 => out[1] |= len as u8,
            LengthForm::Minimal if len > 0xffff => long(&mut out, len as u64),
            LengthForm::Minimal | LengthForm::Two => {
                out[1] |= 126;
                out.extend((len as u16).to_be_bytes());
            }
            LengthForm::Eight => long(&mut out, len as u64),
            LengthForm::Claim(len) => long(&mut out, len),
        }
        out.extend(self.key.iter().flatten());
        out
    }

    /// The frame's bytes on the wire.
    pub fn wire(&self) -> Vec<u8> {
        let mut out = self.header();
        let key = self.key.unwrap_or_default();
        out.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        out
    }
}

fn long(out: &mut Vec<u8>, len: u64) {
    out[1] |= 127;
    out.extend(len.to_be_bytes());
}
