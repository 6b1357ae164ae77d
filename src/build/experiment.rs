//! Changes worth trying: each takes a legal frame and turns one thing.

use super::{Draft, LengthForm};
use crate::model::{Bilingual, both};
use crate::model::{Direction, Rule};
use crate::ws::{Opcode, rules};

/// Something to try.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// Its name on the command line.
    pub name: &'static str,
    /// What is changed.
    pub title: Bilingual,
    /// What happens then.
    pub happens: Bilingual,
    /// The rule that it breaks; `None` where it is legal.
    pub rule: Option<&'static Rule>,
    change: fn(&mut Draft),
}

impl Experiment {
    /// The experiment with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        EXPERIMENTS.iter().find(|experiment| experiment.name == name)
    }

    /// Tries it on a draft: first everything that would break another rule is mended.
    #[must_use]
    pub fn apply(&self, draft: &Draft) -> Draft {
        let mut draft = draft.mended();
        (self.change)(&mut draft);
        draft
    }
}

/// Makes it a frame of a side, masked as it has to be.
fn from(draft: &mut Draft, direction: Direction) {
    draft.direction = direction;
    *draft = draft.mended();
}

/// Makes it a frame of this kind with this payload.
fn become_(draft: &mut Draft, opcode: Opcode, payload: &[u8]) {
    draft.opcode = opcode.bits();
    draft.payload = payload.to_vec();
}

/// Cuts the payload to what a control frame may carry, and makes it one.
fn control(draft: &mut Draft, opcode: Opcode) {
    draft.opcode = opcode.bits();
    draft.payload.truncate(125);
}

/// Makes it a data message; there has to be something in it.
fn data(draft: &mut Draft) {
    if draft.payload.is_empty() {
        draft.payload = b"Hello".to_vec();
    }
    if draft.opcode().is_control() {
        draft.opcode = Opcode::Binary.bits();
    }
}

/// All of them, in the order in which they are shown.
pub const EXPERIMENTS: &[Experiment] = &[
    Experiment {
        name: "mask-off",
        title: both("client frame, MASK off", "客户端的帧，去掉掩码"),
        happens: both("server MUST close, MAY say 1002 (§5.1)", "服务器必须关闭，可带 1002（§5.1）"),
        rule: Some(&rules::UNMASKED_CLIENT_FRAME),
        change: |draft| {
            from(draft, Direction::ClientToServer);
            draft.key = None;
        },
    },
    Experiment {
        name: "key-zero",
        title: both("key 00 00 00 00", "掩码键 00 00 00 00"),
        happens: both("parses, but §5.3 wants an unpredictable key", "能解析，但 §5.3 要求键不可预料"),
        rule: Some(&rules::WEAK_MASKING_KEY),
        change: |draft| {
            from(draft, Direction::ClientToServer);
            data(draft);
            draft.key = Some([0; 4]);
        },
    },
    Experiment {
        name: "server-mask",
        title: both("server frame, MASK on", "服务器的帧，加上掩码"),
        happens: both("client MUST close, MAY say 1002 (§5.1)", "客户端必须关闭，可带 1002（§5.1）"),
        rule: Some(&rules::MASKED_SERVER_FRAME),
        change: |draft| {
            from(draft, Direction::ServerToClient);
            draft.key = Some(Draft::KEY);
        },
    },
    Experiment {
        name: "length-16",
        title: both("short length in 16 bits", "短的长度写成 16 位"),
        happens: both("the minimal form is mandatory (§5.2)", "必须用最短的形式（§5.2）"),
        rule: Some(&rules::NON_MINIMAL_LENGTH),
        change: |draft| {
            draft.payload.truncate(64);
            if std::str::from_utf8(&draft.payload).is_err() {
                draft.opcode = Opcode::Binary.bits();
            }
            draft.form = LengthForm::Bits16;
        },
    },
    Experiment {
        name: "length-64",
        title: both("length in 64 bits", "长度写成 64 位"),
        happens: both("the minimal form is mandatory (§5.2)", "必须用最短的形式（§5.2）"),
        rule: Some(&rules::NON_MINIMAL_LENGTH),
        change: |draft| {
            draft.payload.truncate(64);
            if std::str::from_utf8(&draft.payload).is_err() {
                draft.opcode = Opcode::Binary.bits();
            }
            draft.form = LengthForm::Bits64;
        },
    },
    Experiment {
        name: "length-top-bit",
        title: both("64-bit length, top bit 1", "64 位长度，最高位为 1"),
        happens: both("no such length: nothing after it can be read", "没有这样的长度：后面都读不了"),
        rule: Some(&rules::LENGTH_MSB_SET),
        change: |draft| {
            data(draft);
            draft.form = LengthForm::TopBit;
        },
    },
    Experiment {
        name: "opcode-3",
        title: both("opcode 0x3", "操作码 0x3"),
        happens: both("nobody defined it: fail the connection (§5.2)", "没有人定义过：让连接失败（§5.2）"),
        rule: Some(&rules::RESERVED_OPCODE),
        change: |draft| draft.opcode = 3,
    },
    Experiment {
        name: "opcode-11",
        title: both("opcode 0xB, a control frame", "操作码 0xB，控制帧"),
        happens: both("nobody defined it: fail the connection (§5.2)", "没有人定义过：让连接失败（§5.2）"),
        rule: Some(&rules::RESERVED_OPCODE),
        change: |draft| control(draft, Opcode::Reserved(11)),
    },
    Experiment {
        name: "rsv1",
        title: both("RSV1 without an extension", "没有扩展却置 RSV1"),
        happens: both("no extension defines it: fail (§5.2)", "没有扩展定义它：失败（§5.2）"),
        rule: Some(&rules::RESERVED_BIT_SET),
        change: |draft| {
            data(draft);
            draft.rsv = 4;
        },
    },
    Experiment {
        name: "rsv1-deflate",
        title: both("RSV1 with permessage-deflate", "RSV1 加 permessage-deflate"),
        happens: both("legal: the message is compressed (RFC 7692)", "合法：消息被压缩（RFC 7692）"),
        rule: None,
        change: |draft| {
            data(draft);
            draft.deflate = true;
            draft.rsv = 4;
        },
    },
    Experiment {
        name: "rsv1-ping",
        title: both("RSV1 on a PING, deflate agreed", "PING 上置 RSV1，已协商 deflate"),
        happens: both("control frames are never compressed (RFC 7692)", "控制帧从不压缩（RFC 7692）"),
        rule: Some(&rules::RSV1_ON_CONTROL_FRAME),
        change: |draft| {
            control(draft, Opcode::Ping);
            draft.deflate = true;
            draft.rsv = 4;
        },
    },
    Experiment {
        name: "ping-fin-0",
        title: both("PING with FIN=0", "PING，FIN=0"),
        happens: both("control frames are never fragmented (§5.5)", "控制帧从不分片（§5.5）"),
        rule: Some(&rules::FRAGMENTED_CONTROL_FRAME),
        change: |draft| {
            control(draft, Opcode::Ping);
            draft.fin = false;
        },
    },
    Experiment {
        name: "ping-126",
        title: both("PING with 126 bytes", "PING，126 个字节"),
        happens: both("control frames carry at most 125 (§5.5)", "控制帧最多 125 字节（§5.5）"),
        rule: Some(&rules::CONTROL_FRAME_TOO_LONG),
        change: |draft| become_(draft, Opcode::Ping, &[b'x'; 126]),
    },
    Experiment {
        name: "continuation",
        title: both("a continuation of nothing", "没有开头的延续帧"),
        happens: both("no message is open: fail (§5.4)", "没有未完的消息：失败（§5.4）"),
        rule: Some(&rules::UNEXPECTED_CONTINUATION),
        change: |draft| draft.opcode = 0,
    },
    Experiment {
        name: "fragments",
        title: both("the message in 3 frames", "消息分成 3 帧"),
        happens: both(
            "legal: FIN 0, 0, 1 and opcode, 0, 0 (§5.4)",
            "合法：FIN 0, 0, 1，操作码后为 0（§5.4）",
        ),
        rule: None,
        change: |draft| {
            data(draft);
            draft.fragments = 3;
        },
    },
    Experiment {
        name: "bad-utf8",
        title: both("TEXT that is not UTF-8", "不是 UTF-8 的 TEXT"),
        happens: both("fail the connection with 1007 (§8.1)", "以 1007 让连接失败（§8.1）"),
        rule: Some(&rules::INVALID_UTF8),
        change: |draft| become_(draft, Opcode::Text, b"H\xffllo"),
    },
    Experiment {
        name: "close",
        title: both("CLOSE 1000 \"bye\"", "CLOSE 1000 \"bye\""),
        happens: both("legal: answered with 1000, then TCP ends", "合法：以 1000 回答，然后 TCP 结束"),
        rule: None,
        change: |draft| become_(draft, Opcode::Close, b"\x03\xe8bye"),
    },
    Experiment {
        name: "close-1-byte",
        title: both("CLOSE with 1 byte", "CLOSE，1 个字节"),
        happens: both("a code takes 2 bytes (§5.5.1)", "关闭码要 2 个字节（§5.5.1）"),
        rule: Some(&rules::CLOSE_PAYLOAD_1_BYTE),
        change: |draft| become_(draft, Opcode::Close, b"\x03"),
    },
    Experiment {
        name: "close-1006",
        title: both("CLOSE 1006", "CLOSE 1006"),
        happens: both("1006 is for APIs: never on the wire (§7.4.1)", "1006 只用于 API，不上线路（§7.4.1）"),
        rule: Some(&rules::INVALID_CLOSE_CODE),
        change: |draft| become_(draft, Opcode::Close, b"\x03\xee"),
    },
    Experiment {
        name: "close-bad-reason",
        title: both("CLOSE, reason not UTF-8", "CLOSE，原因不是 UTF-8"),
        happens: both("a reason is UTF-8 (§5.5.1)", "关闭原因必须是 UTF-8（§5.5.1）"),
        rule: Some(&rules::INVALID_CLOSE_REASON),
        change: |draft| become_(draft, Opcode::Close, b"\x03\xe8by\xff"),
    },
    Experiment {
        name: "pong-alone",
        title: both("PONG without a PING", "没有 PING 的 PONG"),
        happens: both("legal: a one-way heartbeat (§5.5.3)", "合法：单向心跳（§5.5.3）"),
        rule: Some(&rules::UNSOLICITED_PONG),
        change: |draft| become_(draft, Opcode::Pong, b"I am here"),
    },
];

#[cfg(test)]
mod tests;
