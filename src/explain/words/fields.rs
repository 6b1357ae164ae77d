//! The fields of a frame (RFC 6455 section 5.2): what each is for, and what its value means here.

use super::{Bilingual, both};
use crate::explain::frame::FrameField;

/// Every field.
pub const FIELDS: [FrameField; 10] = [
    FrameField::Fin,
    FrameField::Rsv,
    FrameField::Opcode,
    FrameField::Mask,
    FrameField::PayloadLength,
    FrameField::ExtendedLength,
    FrameField::MaskingKey,
    FrameField::Payload,
    FrameField::CloseCode,
    FrameField::CloseReason,
];

/// What a field is for, whatever its value; where that is written.
#[must_use]
pub fn field_words(field: FrameField) -> (&'static str, Bilingual) {
    match field {
        FrameField::Fin => (
            "RFC 6455 §5.4",
            both(
                "Tells whether the message ends with this frame. A sender can begin a message before it knows its length: frames with FIN 0, then continuations, the last with FIN 1. Control frames can come in between and always have FIN 1.",
                "说明消息是否在这一帧结束。发送方可以在不知道总长度时就开始发消息：先是 FIN 为 0 的帧，再是延续帧，最后一帧 FIN 为 1。控制帧可以插在中间，它们的 FIN 总是 1。",
            ),
        ),
        FrameField::Rsv => (
            "RFC 6455 §5.2, §9.2",
            both(
                "Three bits for extensions. They must be 0 unless an extension that was agreed on uses them.",
                "留给扩展的三个位。除非协商好的扩展用到它们，否则必须为 0。",
            ),
        ),
        FrameField::Opcode => (
            "RFC 6455 §5.2, §11.8",
            both(
                "Tells what the frame is: 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. The others are reserved.",
                "说明这是什么帧：0 延续，1 文本，2 二进制，8 close，9 ping，10 pong。其余保留。",
            ),
        ),
        FrameField::Mask => (
            "RFC 6455 §5.1, §5.3",
            both(
                "Masking is not encryption: the key stands in the frame. It keeps a script from choosing the exact bytes on the wire and fooling an old proxy's cache.",
                "掩码不是加密：键就写在帧里。它让网页脚本无法决定线路上的确切字节，从而骗不了旧代理的缓存。",
            ),
        ),
        FrameField::PayloadLength => (
            "RFC 6455 §5.2",
            both(
                "The shortest form that holds the length must be used. Control frames carry at most 125 bytes.",
                "必须用能放下长度的最短形式。控制帧最多带 125 个字节。",
            ),
        ),
        FrameField::ExtendedLength => (
            "RFC 6455 §5.2",
            both(
                "The payload's length, the highest byte first. 2 bytes for 126 to 65535, 8 bytes for more; the top bit of the 8 must be 0. The header is not counted, and neither are the frames that follow.",
                "载荷的长度，高位字节在前。126 到 65535 用 2 个字节，更长用 8 个字节；这 8 个字节的最高位必须为 0。首部和后面的帧都不计在内。",
            ),
        ),
        FrameField::MaskingKey => (
            "RFC 6455 §5.3",
            both(
                "Payload byte i is XORed with key byte i mod 4; the same again gives it back. The client draws a new key for each frame, from a source that nobody can foresee. Whoever sees the frame sees the key.",
                "载荷的第 i 个字节与键的第 i mod 4 个字节异或；再做一次就变回原样。客户端每一帧都取一个无法预料的新键。看得到帧的人就看得到键。",
            ),
        ),
        FrameField::Payload => (
            "RFC 6455 §5.2, §5.3",
            both(
                "What the frame carries: extension data, if an extension defines some, then the application's.",
                "帧所携带的内容：若扩展定义了扩展数据则在前，其后是应用数据。",
            ),
        ),
        FrameField::CloseCode => (
            "RFC 6455 §7.4",
            both(
                "The first 2 bytes of a Close's payload, the highest first. 1005, 1006 and 1015 are never sent.",
                "Close 载荷的头两个字节，高位在前。1005、1006、1015 从不发送。",
            ),
        ),
        FrameField::CloseReason => (
            "RFC 6455 §5.5.1, §7.1.6",
            both(
                "For people who look for mistakes: UTF-8, at most 123 bytes, and not necessarily made for the eyes of users.",
                "给查错的人看：UTF-8，最多 123 个字节，不一定适合直接给用户看。",
            ),
        ),
    }
}
