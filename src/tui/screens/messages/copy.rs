//! What a message is copied as.

use super::{Messages, panes};
use crate::store::detail::MessageDetail;
use crate::tui::details::Detail;
use crate::tui::screens::Screen as _;
use crate::tui::shared::Turn;
use crate::ws::Opcode;

/// Things that a message can be copied as.
pub(super) const COPIES: [(u32, &str, &str); 9] = [
    (0, "text", "as it was sent"),
    (1, "hex", "48656c6c6f"),
    (2, "hex dump", "offset, bytes, text"),
    (3, "base64", ""),
    (4, "C", "unsigned char[]"),
    (5, "Rust", "&[u8]"),
    (6, "Python", "bytes"),
    (7, "wslens explain …", "the first frame's bytes"),
    (8, "filter for this", "conn == n and msg == n"),
];

/// A message in the form that was picked.
pub(super) fn copied(detail: &MessageDetail, item: u32) -> String {
    let bytes = &detail.bytes;
    let list = |prefix: &str| {
        let bytes: Vec<String> = bytes.iter().map(|byte| format!("{prefix}{byte:02x}")).collect();
        bytes.join(", ")
    };
    match item {
        0 => String::from_utf8_lossy(bytes).into_owned(),
        1 => hex::encode(bytes),
        2 => {
            let hex = crate::tui::widgets::Hex { per_row: 16, ..crate::tui::widgets::Hex::new(bytes, 80) };
            (0..hex.rows()).map(|row| hex.row(row).plain() + "\n").collect()
        }
        3 => base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes),
        4 => format!("unsigned char message[] = {{ {} }};", list("0x")),
        5 => format!("let message: &[u8] = &[{}];", list("0x")),
        6 => {
            let bytes: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("message = b\"{bytes}\"")
        }
        7 => {
            let Some(frame) = detail.frames.first() else { return String::new() };
            let mut wire = frame.header_bytes.clone();
            wire.extend(panes::masked(frame));
            format!("wslens explain {}", hex::encode(wire))
        }
        _ => format!("conn == {} and msg == {}", detail.connection, detail.number),
    }
}

impl Messages {
    /// Copies the message, or asks for it first.
    pub(super) fn copy(&self, turn: &mut Turn<'_>) {
        match turn.ctx().detail() {
            Detail::Ready(detail) if !detail.whole => {
                turn.warn("only its first MiB is loaded; e writes it to a file");
            }
            Detail::Ready(detail) => match std::str::from_utf8(&detail.bytes) {
                Ok(text) if detail.opcode != Opcode::Binary => turn.copy(text.to_owned(), "the message"),
                _ => turn.copy(hex::encode(&detail.bytes), "the message"),
            },
            Detail::Failed(why) => turn.warn(why),
            Detail::Absent | Detail::Loading => {
                if let Some(request) = self.wants(&turn.ctx()) {
                    turn.load(request);
                }
                turn.say("loading; once more, please");
            }
        }
    }
}
