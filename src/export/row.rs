//! A message of the index as a row of the machine output.

use crate::pipeline::Sink as _;
use crate::report::ndjson::Ndjson;
use crate::report::{Report as _, Selection, Summary};
use crate::store::detail::MessageDetail;
use crate::store::{ConnectionRow, ControlNote, MessageRow};
use crate::ws::{Close, CloseEvent, Integrity, MessageEvent, Opcode};

/// The line that `wslens read` prints of a message, without its line break. None where it has no frame.
#[must_use]
pub fn ndjson_row(
    connection: &ConnectionRow,
    row: &MessageRow,
    detail: &MessageDetail,
    note: Option<&ControlNote>,
) -> Option<String> {
    // As much as is printed where nothing else is said.
    let longest = crate::ws::Depth::default().keep as usize;
    let kept = detail.bytes.get(..detail.bytes.len().min(longest)).unwrap_or_default();
    let text = match std::str::from_utf8(kept) {
        Ok(text) => text,
        // Cut inside a character.
        Err(error) if kept.len() < detail.bytes.len() && error.error_len().is_none() => {
            std::str::from_utf8(kept.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => "",
    };
    // With bytes missing, or still compressed, it is not known to be text.
    let sure = matches!(
        detail.integrity,
        Integrity::Ok
            | Integrity::Guessed
            | Integrity::Cut
            | Integrity::Lenient
            | Integrity::UnknownExtension
    );
    let is_text = row.opcode == Opcode::Text.bits() && detail.invalid_utf8_at.is_none() && sure;
    let close = (row.opcode == Opcode::Close.bits()).then(|| Close::parse(&detail.bytes));
    let event = MessageEvent {
        number: detail.number,
        direction: detail.direction,
        opcode: detail.opcode,
        first: detail.frames.first()?.first,
        last: detail.frames.last()?.last,
        len: detail.len,
        wire: row.wire,
        frames: row.frames,
        compressed: detail.compressed,
        integrity: detail.integrity,
        bytes: kept,
        whole: detail.whole && kept.len() == detail.bytes.len(),
        text: is_text.then_some(text),
        invalid_utf8_at: detail.invalid_utf8_at,
        missing: detail.missing,
        sha256: None,
        close: close.map(|close| CloseEvent { code: close.code, reason: close.reason }),
        rtt: note.and_then(|note| note.rtt),
        answers: note.and_then(|note| note.answers),
    };
    let mut out = Vec::new();
    let mut report = Ndjson::new(&mut out, Selection::default(), true);
    report.message(connection, &event);
    report.finish(&Summary::default()).ok()?;
    let line = String::from_utf8(out).ok()?;
    Some(line.trim_end().to_owned())
}
