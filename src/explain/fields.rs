//! What each field of a frame is for, in a few sentences, with what its value means here.

use super::frame::{ExplainedFrame, FieldRow, FrameField};
use super::words::codes::code_words;
use super::words::fields::field_words;
use super::words::opcodes::{CONTROL, opcode_words};
use super::words::{Bilingual, both};
use crate::model::{Direction, Lang};
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
pub fn about(frame: &ExplainedFrame, row: &FieldRow, lang: Lang) -> About {
    let (reference, general) = field_words(row.field);
    let here = here(frame, row, lang);
    let opcode = frame.header.map(|header| header.opcode());
    // What an opcode means says more than the list of all of them, and so does what a payload is.
    let general = match row.field {
        FrameField::Opcode | FrameField::Payload if opcode.is_some() => "",
        _ => general.of(lang),
    };
    let gap = if general.is_empty() || here.is_empty() { "" } else { lang.pick(" ", "") };
    About {
        title: format!("{} ({})", row.field.name(), place(frame, row)),
        reference,
        text: format!("{here}{gap}{general}"),
    }
}

/// `1 bit, byte 1 bit 7`, `4 bytes, from byte 2`
fn place(frame: &ExplainedFrame, row: &FieldRow) -> String {
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

/// What the value means here.
fn here(frame: &ExplainedFrame, row: &FieldRow, lang: Lang) -> String {
    let opcode = frame.header.map(|header| header.opcode());
    match row.field {
        FrameField::Fin => fin(opcode, row.value == "1").of(lang).to_owned(),
        FrameField::Rsv => rsv(frame, row).of(lang).to_owned(),
        FrameField::Opcode => opcode_here(opcode, row, lang),
        FrameField::Mask => mask(frame.direction, row.value == "1").of(lang).to_owned(),
        FrameField::PayloadLength => match row.value.as_str() {
            "126" => both(
                "126 is no length: it says that the next 2 bytes hold it.",
                "126 不是长度：它表示长度在后面 2 个字节里。",
            ),
            "127" => both(
                "127 is no length: it says that the next 8 bytes hold it.",
                "127 不是长度：它表示长度在后面 8 个字节里。",
            ),
            _ => both("A length of 0 to 125 stands here itself.", "0 到 125 的长度直接写在这里。"),
        }
        .of(lang)
        .to_owned(),
        FrameField::Payload => payload(frame, opcode, lang),
        FrameField::CloseCode => {
            let Some(code) = frame.close().and_then(|close| close.code) else { return String::new() };
            let known = close_code(code);
            let told = code_words(code).map_or(known.meaning, |words| words.meaning.of(lang));
            match lang {
                Lang::En => format!("{}: {told}.", known.name),
                Lang::Zh => format!("{}：{told}。", known.name),
            }
        }
        FrameField::ExtendedLength | FrameField::MaskingKey | FrameField::CloseReason => String::new(),
    }
}

fn fin(opcode: Option<Opcode>, fin: bool) -> Bilingual {
    match (fin, opcode) {
        (true, Some(opcode)) if opcode.is_control() => both(
            "1: this is the last frame of its message. A control frame is never cut into pieces, so it is always 1.",
            "1：这是消息的最后一帧。控制帧从不分片，所以总是 1。",
        ),
        (true, Some(Opcode::Continuation)) => both(
            "1: this is the last frame of its message. With it a message that was begun before is complete.",
            "1：这是消息的最后一帧。先前开始的消息到这一帧就完整了。",
        ),
        (true, _) => both(
            "1: this is the last frame of its message. Most messages are one frame: then FIN is 1 and the opcode says what it is.",
            "1：这是消息的最后一帧。多数消息只有一帧：FIN 为 1，操作码说明类型。",
        ),
        (false, _) => both(
            "0: more frames of this message follow, with opcode 0.",
            "0：这条消息后面还有帧，操作码为 0。",
        ),
    }
}

fn rsv(frame: &ExplainedFrame, row: &FieldRow) -> Bilingual {
    if row.value == "0 0 0" {
        return both("All are 0: no extension changes this frame.", "全为 0：没有扩展改动这一帧。");
    }
    // The row points at RFC 7692 where RSV1 means compressed.
    if row.reference.starts_with("RFC 7692") || frame.message.compressed && row.value.starts_with('1') {
        return both(
            "RSV1 is set: the message is compressed (permessage-deflate). Only its first frame says so.",
            "RSV1 为 1：消息是压缩的（permessage-deflate）。只有它的第一帧这样标出。",
        );
    }
    both("One is set.", "有一位为 1。")
}

fn opcode_here(opcode: Option<Opcode>, row: &FieldRow, lang: Lang) -> String {
    let bits = || u8::from_str_radix(row.value.trim_start_matches("0x"), 16).unwrap_or(0);
    let opcode = opcode.unwrap_or_else(|| Opcode::from_bits(bits()));
    let text = opcode_words(opcode).of(lang);
    let control = if opcode.is_control() { CONTROL.of(lang) } else { "" };
    match lang {
        Lang::En => {
            let gap = if control.is_empty() { "" } else { " " };
            format!("{}: {text}{gap}{control}", opcode.title())
        }
        Lang::Zh => format!("{}：{text}{control}", opcode.title()),
    }
}

fn mask(direction: Option<Direction>, masked: bool) -> Bilingual {
    match (direction, masked) {
        (Some(Direction::ClientToServer), true) => both(
            "Every frame from client to server must be masked, and none from server to client. This frame goes to the server, so 1 is right.",
            "客户端发给服务器的帧都必须加掩码，服务器发给客户端的都不加。这一帧发往服务器，所以 1 是对的。",
        ),
        (Some(Direction::ClientToServer), false) => both(
            "Every frame from client to server must be masked, and none from server to client. This frame goes to the server, so it has to be 1.",
            "客户端发给服务器的帧都必须加掩码，服务器发给客户端的都不加。这一帧发往服务器，所以必须为 1。",
        ),
        (Some(Direction::ServerToClient), false) => both(
            "Every frame from client to server must be masked, and none from server to client. This frame goes to the client, so 0 is right.",
            "客户端发给服务器的帧都必须加掩码，服务器发给客户端的都不加。这一帧发往客户端，所以 0 是对的。",
        ),
        (Some(Direction::ServerToClient), true) => both(
            "Every frame from client to server must be masked, and none from server to client. This frame goes to the client, so it has to be 0.",
            "客户端发给服务器的帧都必须加掩码，服务器发给客户端的都不加。这一帧发往客户端，所以必须为 0。",
        ),
        (None, _) => both(
            "Every frame from client to server must be masked, and none from server to client.",
            "客户端发给服务器的帧都必须加掩码，服务器发给客户端的都不加。",
        ),
    }
}

fn payload(frame: &ExplainedFrame, opcode: Option<Opcode>, lang: Lang) -> String {
    let what = match opcode {
        Some(Opcode::Text) if frame.message.compressed => {
            both("Text, compressed: the message is inflated as a whole.", "压缩的文本：整条消息一起解压。")
        }
        Some(Opcode::Binary) if frame.message.compressed => {
            both("Data, compressed: the message is inflated as a whole.", "压缩的数据：整条消息一起解压。")
        }
        Some(Opcode::Text) => both(
            "Text in UTF-8. Judged is the message: a character may go on in the next frame.",
            "UTF-8 文本。按整条消息判断：一个字符可以跨到下一帧。",
        ),
        Some(Opcode::Close) => both(
            "A status code in 2 bytes, then a reason in UTF-8, both may be absent.",
            "2 个字节的关闭码，然后是 UTF-8 的原因，两者都可以没有。",
        ),
        Some(Opcode::Ping) => {
            both("Any bytes: the pong has to bring the same back.", "任意字节：pong 必须原样带回。")
        }
        Some(Opcode::Pong) => both("The bytes of the ping that it answers.", "所回答的 ping 的字节。"),
        Some(Opcode::Continuation) => {
            both("It continues where the frame before it ended.", "接着前一帧结束的地方。")
        }
        _ => both("Any bytes; what they mean is up to the application.", "任意字节，含义由应用决定。"),
    };
    let masked = match frame.masked() {
        Some(true) => both(" On the wire it is masked.", "在线路上是加了掩码的。"),
        _ => both(
            " It is not masked: the bytes are on the wire as they are.",
            "没有掩码：线路上就是这些字节。",
        ),
    };
    format!("{}{}", what.of(lang), masked.of(lang))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::frame::{ExplainOptions, explain};
    use proptest::prelude::*;

    fn told(bytes: &[u8], field: FrameField, direction: Option<Direction>) -> About {
        let explained = explain(bytes, &ExplainOptions { direction, ..ExplainOptions::default() });
        let frame = explained.frames.first().unwrap();
        about(frame, frame.rows.iter().find(|row| row.field == field).unwrap(), Lang::En)
    }

    #[test]
    fn the_example_of_rfc_6455_section_5_7_is_told_field_by_field() {
        let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        let mask = told(hello, FrameField::Mask, Some(Direction::ClientToServer));
        assert_eq!(mask.title, "MASK (1 bit, byte 1 bit 7)");
        assert!(mask.text.contains("so 1 is right"), "{}", mask.text);
        assert_eq!(told(hello, FrameField::Opcode, None).title, "opcode (4 bits, byte 0 bits 3 to 0)");
        assert_eq!(told(hello, FrameField::Rsv, None).title, "RSV1-3 (3 bits, byte 0 bits 6 to 4)");
        assert_eq!(told(hello, FrameField::MaskingKey, None).title, "masking key (4 bytes, from byte 2)");
        assert!(
            told(b"\x81\x05Hello", FrameField::Mask, Some(Direction::ClientToServer))
                .text
                .contains("has to be 1")
        );
        assert!(told(b"\x88\x02\x03\xe8", FrameField::CloseCode, None).text.starts_with("Normal Closure:"));
    }

    proptest! {
        #[test]
        fn any_frame_can_be_told(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            for frame in &explain(&bytes, &ExplainOptions::default()).frames {
                for row in &frame.rows {
                    let texts = Lang::ALL.map(|lang| about(frame, row, lang));
                    for about in &texts {
                        prop_assert!(!about.text.is_empty() && about.reference.starts_with("RFC "));
                    }
                    prop_assert_ne!(&texts[0].text, &texts[1].text);
                    prop_assert!(row.bytes_of(frame).end <= frame.range.len());
                    prop_assert_eq!(row.bits_of(frame).end.div_ceil(8), row.bytes_of(frame).end);
                }
            }
        }
    }
}
