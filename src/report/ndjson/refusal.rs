//! The body of a refusal, in the machine output.

use super::{flag, hexadecimal, json_string, key, string};
use crate::model::Body;

/// Appends the body of a refusal to the response.
pub(super) fn write_body(out: &mut Vec<u8>, body: &Body) {
    match body.text() {
        Some(text) => string(out, "body", text),
        None => hexadecimal(out, "body_hex", &body.bytes),
    }
    flag(out, "body_cut", body.cut);
    key(out, "body_decoded");
    out.push(b'[');
    for (at, coding) in body.decoded.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json_string(out, coding);
    }
    out.push(b']');
    if let Some(coding) = &body.encoded {
        string(out, "body_encoded", coding);
    }
}
