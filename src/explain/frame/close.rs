//! What a Close frame carries (RFC 6455 section 5.5.1).

use std::ops::Range;

use super::{Builder, FieldRow, FrameField, S5_5_1};
use crate::explain::words::codes::code_words;
use crate::model::Lang;
use crate::ws::{Close, FrameHeader, close_code, is_sendable, rules};

impl Builder<'_> {
    pub(super) fn close_payload(&mut self, header: FrameHeader, range: Range<usize>) {
        let lang = self.options.lang;
        if header.payload_len == 1 {
            let text =
                lang.pick("a code takes 2 bytes, 1 is here", "关闭码要 2 个字节，这里只有 1 个").into();
            self.frame.broken(FrameField::Payload, &rules::CLOSE_PAYLOAD_1_BYTE, text);
        }
        let payload = std::mem::take(&mut self.frame.payload);
        let close = Close::parse(&payload);
        if let Some(code) = close.code {
            let known = close_code(code);
            let row = FieldRow {
                field: FrameField::CloseCode,
                range: range.start..range.start + 2,
                bits: None,
                value: code.to_string(),
                meaning: match lang {
                    Lang::En => format!("{}: {}", known.name, known.meaning),
                    Lang::Zh => {
                        let told = code_words(code).map_or(known.meaning, |words| words.meaning.zh);
                        format!("{}：{told}", known.name)
                    }
                },
                reference: known.reference,
            };
            self.frame.rows.push(row);
            if !is_sendable(code) {
                let text = match lang {
                    Lang::En => format!("{code} must not be sent in a frame"),
                    Lang::Zh => format!("{code} 不得在帧里发送"),
                };
                self.frame.broken(FrameField::CloseCode, &rules::INVALID_CLOSE_CODE, text);
            }
        }
        if !close.reason.is_empty() {
            let checked = std::str::from_utf8(close.reason);
            let cut = self.frame.missing.1 > 0 && checked.is_err_and(|e| e.error_len().is_none());
            let row = FieldRow {
                field: FrameField::CloseReason,
                range: range.start + 2..range.end,
                bits: None,
                value: String::new(),
                meaning: match checked.is_ok() || cut {
                    true => lang.pick("valid UTF-8", "合法的 UTF-8").into(),
                    false => lang.pick("not UTF-8", "不是 UTF-8").into(),
                },
                reference: S5_5_1,
            };
            self.frame.rows.push(row);
            if let (Err(error), false) = (checked, cut) {
                let at = error.valid_up_to();
                let text = match lang {
                    Lang::En => format!("byte {at} of the reason is not UTF-8"),
                    Lang::Zh => format!("关闭原因的第 {at} 个字节不是 UTF-8"),
                };
                self.frame.broken(FrameField::CloseReason, &rules::INVALID_CLOSE_REASON, text);
            }
        }
        self.frame.payload = payload;
    }
}
