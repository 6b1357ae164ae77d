//! A ClientHello that a server answers in plain HTTP: the client used https:// or wss:// for a port without TLS.

use crate::http::rules::WRONG_SCHEME;
use crate::model::{Direction, Endpoint, Place, safe_text};
use crate::pipeline::context::Context;
use crate::ws::Spot;

/// Whether the first bytes of a server are an HTTP response.
pub(crate) fn is_plain_response(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.")
}

/// Reports it.
pub(crate) fn report_plain_response(
    client: Endpoint,
    server: Endpoint,
    bytes: &[u8],
    place: Place,
    context: &mut Context<'_>,
) {
    if context.totals.findings.add(&WRONG_SCHEME) > u64::from(context.limits.listed) {
        return;
    }
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let line = safe_text(line.get(..line.len().min(80)).unwrap_or_default());
    let text = format_args!(
        "{client} began TLS (https:// or wss://), and {server} answered in plain HTTP: {line:?}; the port expects ws://"
    );
    context.sink.finding(None, &WRONG_SCHEME, Spot::of(Direction::ServerToClient, place), text);
}
