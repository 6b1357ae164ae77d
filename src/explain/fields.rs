//! What each field of a frame is for, in a few sentences.

use super::frame::{ExplainedFrame, Field, Row, word};
use crate::model::Direction;
use crate::ws::{Opcode, close_code};

/// A field told in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Name, size and place: `MASK (1 bit, byte 1 bit 7)`.
    pub title: String,
    /// Where it is written.
    pub reference: &'static str,
    /// What it is for, and what its value here means.
    pub text: String,
}

/// Tells a field of a frame in words. No captured text is in them.
#[must_use]
pub fn about(frame: &ExplainedFrame, row: &Row) -> About {
    let (reference, text) = words(frame, row);
    About { title: format!("{} ({})", row.field.name(), place(frame, row)), reference, text }
}

/// `1 bit, byte 1 bit 7`, `4 bytes, from byte 2`
fn place(frame: &ExplainedFrame, row: &Row) -> String {
    let bytes = row.bytes_of(frame);
    match (row.bits, bytes.len()) {
        (Some((first, 1)), _) => format!("1 bit, byte {} bit {}", bytes.start, 7 - first.min(7)),
        (Some((first, count)), _) => {
            let last = 7u8.saturating_sub(first).saturating_sub(count.saturating_sub(1));
            format!("{count} bits, byte {} bits {} to {last}", bytes.start, 7 - first.min(7))
        }
        (None, 1) => format!("1 byte, byte {}", bytes.start),
        (None, len) => format!("{len} bytes, from byte {}", bytes.start),
    }
}

fn words(frame: &ExplainedFrame, row: &Row) -> (&'static str, String) {
    let opcode = frame.header.map(|header| header.opcode());
    match row.field {
        Field::Fin if row.value == "1" => {
            let more = match opcode {
                Some(opcode) if opcode.is_control() => " A control frame is never cut into pieces, so it is always 1.",
                Some(Opcode::Continuation) => " With this frame a message that was begun before is complete.",
                _ => " Most messages are one frame: then FIN is 1 and the opcode says what it is.",
            };
            ("RFC 6455 §5.4", format!("1: this is the last frame of its message.{more}"))
        }
        Field::Fin => (
            "RFC 6455 §5.4",
            "0: more frames of this message follow, with opcode 0. A sender can so begin a message before it knows \
             its length, and control frames can come in between."
                .to_owned(),
        ),
        Field::Rsv => {
            let here = match row.meaning.as_str() {
                meaning if meaning.contains("compressed") => {
                    " RSV1 is set: the message is compressed (permessage-deflate). Only its first frame says so."
                }
                _ if row.value == "0 0 0" => " All are 0: no extension changes this frame.",
                _ => " One is set.",
            };
            (
                "RFC 6455 §5.2, §9.2",
                format!("Three bits for extensions. They must be 0 unless an extension that was agreed on uses them.{here}"),
            )
        }
        Field::Opcode => ("RFC 6455 §5.2, §11.8", opcode_words(opcode.unwrap_or(Opcode::Reserved(0)))),
        Field::Mask => {
            let here = match (frame.direction, row.value == "1") {
                (Some(Direction::ClientToServer), true) => " This frame goes to the server, so 1 is right.",
                (Some(Direction::ClientToServer), false) => " This frame goes to the server, so it has to be 1.",
                (Some(Direction::ServerToClient), false) => " This frame goes to the client, so 0 is right.",
                (Some(Direction::ServerToClient), true) => " This frame goes to the client, so it has to be 0.",
                (None, _) => "",
            };
            (
                "RFC 6455 §5.1, §5.3",
                format!(
                    "Every frame from client to server must be masked, and none from server to client.{here} Masking is \
                     not encryption: the key stands in the frame. It keeps a script from choosing the exact bytes on \
                     the wire and fooling an old proxy's cache."
                ),
            )
        }
        Field::PayloadLength => {
            let here = match row.value.as_str() {
                "126" => "126 is no length: it says that the next 2 bytes hold it.",
                "127" => "127 is no length: it says that the next 8 bytes hold it.",
                _ => "A length of 0 to 125 stands here itself.",
            };
            (
                "RFC 6455 §5.2",
                format!(
                    "{here} The shortest form that holds the length must be used. Control frames carry at most 125 bytes."
                ),
            )
        }
        Field::ExtendedLength => (
            "RFC 6455 §5.2",
            "The payload's length, the highest byte first. 2 bytes for 126 to 65535, 8 bytes for more; the top bit of \
             the 8 must be 0. The header is not counted, and neither are the frames that follow."
                .to_owned(),
        ),
        Field::MaskingKey => (
            "RFC 6455 §5.3",
            "Payload byte i is XORed with key byte i mod 4; the same again gives it back. The client draws a new key \
             for each frame, from a source that nobody can foresee. Whoever sees the frame sees the key."
                .to_owned(),
        ),
        Field::Payload => {
            let masked = match frame.masked() {
                Some(true) => " On the wire it is masked.",
                _ => " It is not masked: the bytes are on the wire as they are.",
            };
            let what = match opcode {
                Some(Opcode::Text) if frame.message.compressed => "Text, compressed: the message is inflated as a whole.",
                Some(Opcode::Binary) if frame.message.compressed => "Data, compressed: the message is inflated as a whole.",
                Some(Opcode::Text) => "Text in UTF-8. Judged is the message: a character may go on in the next frame.",
                Some(Opcode::Close) => "A status code in 2 bytes, then a reason in UTF-8, both may be absent.",
                Some(Opcode::Ping) => "Any bytes: the pong has to bring the same back.",
                Some(Opcode::Pong) => "The bytes of the ping that it answers.",
                Some(Opcode::Continuation) => "It goes on where the frame before it stopped.",
                _ => "Any bytes; what they mean is up to the application.",
            };
            ("RFC 6455 §5.2, §5.3", format!("{what}{masked}"))
        }
        Field::CloseCode => {
            let known = frame.close().and_then(|close| close.code).map(close_code);
            let text = known.map(|code| format!("{}: {}.", code.name, code.meaning)).unwrap_or_default();
            (
                "RFC 6455 §7.4",
                format!("{text} The first 2 bytes of a Close's payload, the highest first. 1005, 1006 and 1015 are never sent."),
            )
        }
        Field::CloseReason => (
            "RFC 6455 §5.5.1, §7.1.6",
            "For people who look for mistakes: UTF-8, at most 123 bytes, and not necessarily made for the eyes of users."
                .to_owned(),
        ),
    }
}

fn opcode_words(opcode: Opcode) -> String {
    let text = match opcode {
        Opcode::Continuation => {
            "the payload goes on with the message that an earlier frame with FIN 0 began. What it is was said there."
        }
        Opcode::Text => "the message is text, and as a whole valid UTF-8.",
        Opcode::Binary => "the message is any bytes; the application knows what they mean.",
        Opcode::Close => {
            "the sender will send nothing after it. The other end answers with a Close of its own; then TCP is closed, by \
             the server first."
        }
        Opcode::Ping => "asks for a pong with the same payload, as soon as possible: is the other end there?",
        Opcode::Pong => "answers a ping with its payload. Sent without a ping it says: I am here.",
        Opcode::Reserved(_) => {
            return "Nobody has defined this opcode. Without an extension that does, the receiver has to fail the \
                    connection."
                .to_owned();
        }
    };
    let control = if opcode.is_control() { " Bit 3 of an opcode is 1 in control frames." } else { "" };
    format!("{}: {text}{control}", word(opcode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::frame::{Options, explain};
    use proptest::prelude::*;

    fn told(bytes: &[u8], field: Field, direction: Option<Direction>) -> About {
        let explained = explain(bytes, &Options { direction, deflate: false });
        let frame = explained.frames.first().unwrap();
        about(frame, frame.rows.iter().find(|row| row.field == field).unwrap())
    }

    #[test]
    fn the_example_of_rfc_6455_section_5_7_is_told_field_by_field() {
        let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        let mask = told(hello, Field::Mask, Some(Direction::ClientToServer));
        assert_eq!(mask.title, "MASK (1 bit, byte 1 bit 7)");
        assert!(mask.text.contains("so 1 is right"), "{}", mask.text);
        assert_eq!(told(hello, Field::Opcode, None).title, "opcode (4 bits, byte 0 bits 3 to 0)");
        assert_eq!(told(hello, Field::Rsv, None).title, "RSV1-3 (3 bits, byte 0 bits 6 to 4)");
        assert_eq!(told(hello, Field::MaskingKey, None).title, "masking key (4 bytes, from byte 2)");
        assert!(
            told(b"\x81\x05Hello", Field::Mask, Some(Direction::ClientToServer)).text.contains("has to be 1")
        );
        assert!(told(b"\x88\x02\x03\xe8", Field::CloseCode, None).text.starts_with("Normal Closure:"));
    }

    proptest! {
        #[test]
        fn any_frame_can_be_told(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for frame in &explain(&bytes, &Options::default()).frames {
                for row in &frame.rows {
                    let about = about(frame, row);
                    prop_assert!(!about.text.is_empty() && about.reference.starts_with("RFC "));
                    prop_assert!(row.bytes_of(frame).end <= frame.range.len());
                    prop_assert_eq!(row.bits_of(frame).end.div_ceil(8), row.bytes_of(frame).end);
                }
            }
        }
    }
}
