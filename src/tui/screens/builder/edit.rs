//! What the keys do to a field of a draft.

use crate::build::draft::MAX_FRAGMENTS;
use crate::build::{Draft, LengthForm, MAX_PAYLOAD};
use crate::explain::hexinput::parse_hex;
use crate::model::Direction;
use crate::tui::widgets::hex;
use crate::ws::{FrameHeader, Opcode};

/// A field that can be changed.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuilderField {
    Fin,
    Rsv1,
    Rsv2,
    Rsv3,
    Opcode,
    Mask,
    Key,
    Length,
    Payload,
    Fragments,
    Direction,
    Deflate,
}

impl BuilderField {
    /// All of them, in the order of the screen.
    pub const ALL: [Self; 12] = [
        Self::Fin,
        Self::Rsv1,
        Self::Rsv2,
        Self::Rsv3,
        Self::Opcode,
        Self::Mask,
        Self::Key,
        Self::Length,
        Self::Payload,
        Self::Fragments,
        Self::Direction,
        Self::Deflate,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fin => "FIN",
            Self::Rsv1 => "RSV1",
            Self::Rsv2 => "RSV2",
            Self::Rsv3 => "RSV3",
            Self::Opcode => "opcode",
            Self::Mask => "MASK",
            Self::Key => "key",
            Self::Length => "length",
            Self::Payload => "payload",
            Self::Fragments => "fragments",
            Self::Direction => "direction",
            Self::Deflate => "deflate",
        }
    }

    /// Its bits in the first frame, for a key and a payload all of theirs.
    #[must_use]
    pub fn bits(self, header: FrameHeader) -> std::ops::Range<usize> {
        let key = (2 + header.extended_len()) * 8;
        match self {
            Self::Fin => 0..1,
            Self::Rsv1 => 1..2,
            Self::Rsv2 => 2..3,
            Self::Rsv3 => 3..4,
            Self::Opcode => 4..8,
            Self::Mask => 8..9,
            Self::Key if header.masked() => key..key + 32,
            Self::Length => 9..key,
            Self::Payload => header.len() * 8..usize::MAX,
            Self::Key | Self::Fragments | Self::Direction | Self::Deflate => 0..0,
        }
    }
}

/// The value of a field.
#[must_use]
pub fn value(draft: &Draft, field: BuilderField) -> String {
    let bit = |set: bool| format!("[{}] {}", if set { 'x' } else { ' ' }, u8::from(set));
    match field {
        BuilderField::Fin => bit(draft.fin),
        BuilderField::Rsv1 => bit(draft.rsv & 4 != 0),
        BuilderField::Rsv2 => bit(draft.rsv & 2 != 0),
        BuilderField::Rsv3 => bit(draft.rsv & 1 != 0),
        BuilderField::Opcode => format!("< {} 0x{:X} >", draft.opcode().title(), draft.opcode),
        BuilderField::Mask => bit(draft.key.is_some()),
        BuilderField::Key => {
            draft.key.map_or_else(|| "-".to_owned(), |key| format!("[{}]", hex::spaced(&key)))
        }
        BuilderField::Length => {
            let form = match draft.form {
                LengthForm::Auto => "auto",
                LengthForm::Bits16 => "16-bit",
                LengthForm::Bits64 => "64-bit",
                LengthForm::TopBit => "64-bit, top bit 1",
            };
            format!("< {form} >")
        }
        BuilderField::Payload => String::new(),
        BuilderField::Fragments => format!("< {} >", draft.fragments),
        BuilderField::Direction => match draft.direction {
            Direction::ClientToServer => "< client → server >".to_owned(),
            Direction::ServerToClient => "< server → client >".to_owned(),
        },
        BuilderField::Deflate => format!("[{}]", if draft.deflate { 'x' } else { ' ' }),
    }
}

/// Turns a bit, or goes to the next value or the one before.
pub fn step(draft: &mut Draft, field: BuilderField, forwards: bool) {
    let around = |at: usize, len: usize| (at + if forwards { 1 } else { len - 1 }) % len;
    match field {
        BuilderField::Fin => draft.fin = !draft.fin,
        BuilderField::Rsv1 => draft.rsv ^= 4,
        BuilderField::Rsv2 => draft.rsv ^= 2,
        BuilderField::Rsv3 => draft.rsv ^= 1,
        BuilderField::Opcode => draft.opcode = around(draft.opcode.into(), 16) as u8,
        BuilderField::Mask => draft.key = if draft.key.is_some() { None } else { Some(Draft::KEY) },
        BuilderField::Key => draft.key = Some(crate::build::draft::next_key(draft.key.unwrap_or(Draft::KEY))),
        BuilderField::Length => {
            let at = LengthForm::ALL.iter().position(|form| *form == draft.form).unwrap_or(0);
            draft.form = LengthForm::ALL.get(around(at, LengthForm::ALL.len())).copied().unwrap_or_default();
        }
        BuilderField::Payload => {}
        BuilderField::Fragments => {
            let more = if forwards { draft.fragments + 1 } else { draft.fragments.saturating_sub(1) };
            draft.fragments = more.clamp(1, MAX_FRAGMENTS);
        }
        BuilderField::Direction => draft.direction = draft.direction.opposite(),
        BuilderField::Deflate => draft.deflate = !draft.deflate,
    }
}

/// What stands before an input line for a field, and what is in it at first.
pub fn prompt(draft: &Draft, field: BuilderField, hex: bool) -> Result<(&'static str, String), &'static str> {
    Ok(match field {
        _ if hex => ("payload in hex", hex::spaced(draft.payload.get(..4096).unwrap_or(&draft.payload))),
        BuilderField::Key | BuilderField::Mask => {
            ("key: 4 bytes in hex, or none", draft.key.map_or("none".to_owned(), |key| hex::spaced(&key)))
        }
        BuilderField::Opcode => ("opcode: 0 to 15, or its name", draft.opcode.to_string()),
        BuilderField::Fragments => ("fragments", draft.fragments.to_string()),
        BuilderField::Payload | BuilderField::Length => match std::str::from_utf8(&draft.payload) {
            Ok(text) if text.len() <= 4096 => ("payload", text.to_owned()),
            _ => return Err("the payload is not a short text: x edits it as hex"),
        },
        _ => return Err("Space flips it"),
    })
}

/// Takes what was typed for a field.
pub fn entered(draft: &mut Draft, field: BuilderField, text: &str, hex: bool) -> Result<(), String> {
    let bytes = |text: &str| match text.trim() {
        "" => Ok(Vec::new()),
        text => parse_hex(text).map_err(|error| error.message),
    };
    if hex {
        let payload = bytes(text)?;
        if payload.len() <= MAX_PAYLOAD {
            draft.payload = payload;
        }
        return Ok(());
    }
    match field {
        BuilderField::Key | BuilderField::Mask if text.trim() == "none" => draft.key = None,
        BuilderField::Key | BuilderField::Mask => {
            let key = bytes(text)?.try_into().map_err(|_| "a masking key has 4 bytes".to_owned())?;
            draft.key = Some(key);
        }
        BuilderField::Opcode => {
            let named = crate::explain::topic::opcode_named(text.trim()).map(Opcode::bits);
            let number = text.trim().parse().ok().filter(|bits: &u8| *bits < 16);
            draft.opcode =
                named.or(number).ok_or("an opcode is 0 to 15, or text, binary, close, ping, pong")?;
        }
        BuilderField::Fragments => {
            let count = text.trim().parse().ok().filter(|count| (1..=MAX_FRAGMENTS).contains(count));
            draft.fragments =
                count.ok_or_else(|| format!("a message is cut into 1 to {MAX_FRAGMENTS} frames"))?;
        }
        _ => draft.payload = text.as_bytes().to_vec(),
    }
    Ok(())
}

/// The draft of a frame that was captured: its header, and the payload before compressing. `deflate`: it was agreed on.
#[must_use]
pub fn of_frame(header: FrameHeader, direction: Direction, payload: &[u8], deflate: bool) -> Draft {
    let minimal = header.length_is_minimal();
    Draft {
        direction,
        fin: header.fin(),
        rsv: header.rsv(),
        opcode: header.opcode().bits(),
        key: header.masked().then_some(header.masking_key),
        form: match header.extended_len() {
            _ if minimal => LengthForm::Auto,
            2 => LengthForm::Bits16,
            _ if header.payload_len >> 63 != 0 => LengthForm::TopBit,
            _ => LengthForm::Bits64,
        },
        payload: payload.get(..MAX_PAYLOAD).unwrap_or(payload).to_vec(),
        fragments: 1,
        deflate,
    }
}
