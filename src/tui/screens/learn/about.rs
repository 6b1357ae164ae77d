//! Which lesson is about what the cursor is on.

use crate::store::Marks;
use crate::tui::screens::ScreenId;
use crate::tui::shared::Ctx;
use crate::ws::Opcode;

/// The lesson about a place of a screen.
#[must_use]
pub fn lesson(screen: ScreenId, here: &str, ctx: &Ctx<'_>) -> &'static str {
    match screen {
        ScreenId::Connections => match ctx.connection() {
            Some(row) if !row.handshake.upgraded => "handshake",
            Some(row) if row.tunnelled => "proxies",
            _ => "layers",
        },
        ScreenId::Handshake => of_header(here),
        ScreenId::Messages | ScreenId::Detail => of_message(ctx),
        ScreenId::Frame => of_field(here, ctx),
        ScreenId::Ladder => match here {
            "tcp" => "layers",
            "ask" | "reply" => "handshake",
            "close" => "close",
            "continuation" => "fragments",
            _ => "duplex",
        },
        ScreenId::Stats if here == "health" => "duplex",
        ScreenId::Stats => "overhead",
        ScreenId::Findings => of_rule(here),
        ScreenId::Layers => match here {
            "http/1.1" => "handshake",
            "permessage-deflate" => "deflate",
            "websocket-frame" => "frame",
            _ => "layers",
        },
        ScreenId::Builder => "frame",
        ScreenId::Learn => "layers",
    }
}

fn of_header(here: &str) -> &'static str {
    match here {
        "ask:sec-websocket-key" | "reply:sec-websocket-accept" => "accept",
        "ask:sec-websocket-extensions" | "reply:sec-websocket-extensions" => "deflate",
        "ask:sec-websocket-protocol" | "reply:sec-websocket-protocol" => "subprotocols",
        "ask:via" | "reply:via" | "ask:x-forwarded-for" | "ask:forwarded" => "proxies",
        _ => "handshake",
    }
}

fn of_message(ctx: &Ctx<'_>) -> &'static str {
    let Some(row) = ctx.message() else { return "frame" };
    match row.opcode() {
        Opcode::Close => "close",
        Opcode::Ping | Opcode::Pong => "duplex",
        _ if row.frames > 1 => "fragments",
        _ if row.marks.has(Marks::COMPRESSED) => "deflate",
        _ => "frame",
    }
}

fn of_field(here: &str, ctx: &Ctx<'_>) -> &'static str {
    let selection = ctx.shared.selection;
    let frames = ctx.index.frames(selection.connection);
    let row = frames.get((selection.frame as usize).wrapping_sub(1));
    let header = row.map(|row| row.header());
    match here {
        "fin" => "fragments",
        "rsv1-3" if header.is_some_and(|header| header.rsv1()) => "deflate",
        "opcode" if header.is_some_and(|header| header.opcode() == Opcode::Close) => "close",
        "opcode" if header.is_some_and(|header| header.opcode() == Opcode::Continuation) => "fragments",
        "mask" | "masking-key" => "masking",
        "payload" if header.is_some_and(|header| header.masked()) => "masking",
        "payload-length" | "extended-length" | "extended-payload-length" => "lengths",
        "close-code" | "close-reason" => "close",
        _ => "frame",
    }
}

/// The lesson about what a rule protects.
#[must_use]
pub fn of_rule(code: &str) -> &'static str {
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    match () {
        () if has(&["accept", "key-", "-key"]) && !has(&["masking"]) => "accept",
        () if has(&["mask"]) => "masking",
        () if has(&["subprotocol"]) => "subprotocols",
        () if has(&["deflate", "inflate", "extension", "rsv", "reserved-bit", "dictionary"]) => "deflate",
        () if has(&["close", "frame-after"]) => "close",
        () if has(&["fragment", "continuation", "interleav"]) => "fragments",
        () if has(&["length", "too-long"]) => "lengths",
        () if has(&["ping", "pong"]) => "duplex",
        () if has(&["utf8", "utf-8", "opcode", "frame", "control-char", "framing"]) => "frame",
        () if has(&["tunnel", "proxy", "via"]) => "proxies",
        () if has(&[
            "upgrade",
            "connection-header",
            "version",
            "host",
            "http",
            "handshake",
            "head",
            "origin",
            "response",
            "request",
            "status",
            "refused",
        ]) =>
        {
            "handshake"
        }
        () => "layers",
    }
}
