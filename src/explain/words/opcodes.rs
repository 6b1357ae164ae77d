//! Opcodes (RFC 6455 sections 5.2 and 11.8).

use super::{Bilingual, both};
use crate::ws::Opcode;

/// Every kind of opcode; of the reserved ones, one for data and one for control.
pub const KINDS: [Opcode; 8] = [
    Opcode::Continuation,
    Opcode::Text,
    Opcode::Binary,
    Opcode::Reserved(3),
    Opcode::Close,
    Opcode::Ping,
    Opcode::Pong,
    Opcode::Reserved(11),
];

/// What an opcode says, in one line.
#[must_use]
pub fn line(opcode: Opcode) -> Bilingual {
    match opcode {
        Opcode::Continuation => {
            both("CONTINUATION: continues a fragmented message", "CONTINUATION：延续先前开始的消息")
        }
        Opcode::Text => both("TEXT: payload is UTF-8", "TEXT：载荷是 UTF-8 文本"),
        Opcode::Binary => both("BINARY: payload is any bytes", "BINARY：载荷是任意字节"),
        Opcode::Close => both("CLOSE: part of the closing handshake", "CLOSE：开始或回应关闭"),
        Opcode::Ping => {
            both("PING: requests a pong with the same payload", "PING：要求回一个载荷相同的 pong")
        }
        Opcode::Pong => both("PONG: answers a ping with the same payload", "PONG：用 ping 的载荷作答"),
        Opcode::Reserved(bits) if bits & 8 != 0 => both("reserved", "保留（控制帧）"),
        Opcode::Reserved(_) => both("reserved", "保留（数据帧）"),
    }
}

/// What an opcode means.
#[must_use]
pub fn opcode_words(opcode: Opcode) -> Bilingual {
    match opcode {
        Opcode::Continuation => both(
            "the payload goes on with the message that an earlier frame with FIN 0 began. What it is was said there.",
            "载荷接着前面 FIN 为 0 的帧所开始的消息。消息是什么类型，由那一帧说明。",
        ),
        Opcode::Text => both(
            "the message is text, and as a whole valid UTF-8.",
            "消息是文本，整条消息必须是合法的 UTF-8。",
        ),
        Opcode::Binary => both(
            "the message is any bytes; the application knows what they mean.",
            "消息是任意字节，含义由应用决定。",
        ),
        Opcode::Close => both(
            "the sender will send nothing after it. The other end answers with a Close of its own; then TCP is closed, by the server first.",
            "发送方此后不再发送任何东西。对端回一个 Close；然后关闭 TCP，由服务器先关。",
        ),
        Opcode::Ping => both(
            "asks for a pong with the same payload, as soon as possible: is the other end there?",
            "要求对端尽快回一个载荷相同的 pong：对端还在吗？",
        ),
        Opcode::Pong => both(
            "answers a ping with its payload. Sent without a ping it says: I am here.",
            "用 ping 的载荷作答。没有 ping 也可以发，意思是：我还在。",
        ),
        Opcode::Reserved(_) => both(
            "nobody has defined this opcode. Without an extension that does, the receiver has to fail the connection.",
            "没有人定义过这个操作码。除非有扩展定义它，否则接收方必须让连接失败。",
        ),
    }
}

/// What is said of all control frames.
pub const CONTROL: Bilingual =
    both("Bit 3 of an opcode is 1 in control frames.", "控制帧的操作码，第 3 位（最高位）为 1。");
