//! The body of a refusal, in the machine output.

use super::{flag, hexadecimal, string, strings};
use crate::model::Body;

/// Appends the body of a refusal to the response.
pub(super) fn write_body(out: &mut Vec<u8>, body: &Body) {
    match body.text() {
        Some(text) => string(out, "body", text),
        None => hexadecimal(out, "body_hex", &body.bytes),
    }
    flag(out, "body_cut", body.cut);
    strings(out, "body_decoded", body.decoded.iter().copied());
    if let Some(coding) = &body.encoded {
        string(out, "body_encoded", coding);
    }
}
