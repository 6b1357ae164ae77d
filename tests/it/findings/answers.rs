//! Rules about what a server answers to an upgrade request, and about connections that never open.

use super::make::{Case, REQUEST, RESPONSE, case, chat, heads, request, response, script, talk};
use crate::support::forge::{C2S, Conversation, Handshake, Packet, S2C, Script, Split};

/// A ClientHello, as far as TLS has to be recognised.
pub const CLIENT_HELLO: &[u8] = &[0x16, 3, 1, 0, 8, 1, 0, 0, 4, 3, 3, 0, 0];
const ALERT: &[u8] = &[0x15, 3, 1, 0, 2, 2, 40];

/// A conversation without any opening handshake.
pub fn bare(client: &[u8], server: &[u8]) -> Conversation {
    let mut talk = talk().bytes(C2S, client).bytes(S2C, server);
    talk.handshake = Handshake::Done;
    talk
}

/// An upgrade request that gets these bytes.
pub fn answered(server: &[u8]) -> Conversation {
    let mut talk = talk().request_now().bytes(S2C, server);
    talk.handshake = Handshake::Done;
    talk
}

fn offers(offer: &str, answer: &str) -> Conversation {
    heads(
        &REQUEST.replace("\r\n\r\n", &format!("\r\n{offer}\r\n\r\n")),
        &RESPONSE.replace("\r\n\r\n", &format!("\r\n{answer}\r\n\r\n")),
    )
    .closed(1000)
}

/// SYNs of a client to the server of the chat, before the chat. `answers`: how many pieces of its opening are kept.
pub fn knocks(pieces: usize) -> Vec<Packet> {
    let knock = Conversation::new("10.0.0.7:40000", "10.0.0.2:80");
    let start = 1_767_225_600_000_000_000;
    let knock = Script::new(&knock, &Split::Writes(1460)).clock(start, 1000);
    let mut packets = knock.with(|all| all.truncate(pieces)).packets();
    packets.extend(script(&chat().closed(1000)).clock(start + 2_000_000_000, 1000).packets());
    packets
}

pub fn of_answers() -> Vec<Case> {
    let connect = "CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n";
    vec![
        case(
            "response-not-http",
            answered(b"SSH-2.0-OpenSSH_9.6\r\nInvalid SSH identification string.\r\n"),
            &[],
            heads(REQUEST, &format!("\r\n{RESPONSE}")).closed(1000),
        ),
        case(
            "wrong-scheme",
            bare(CLIENT_HELLO, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            &[],
            bare(CLIENT_HELLO, ALERT),
        ),
        case(
            "proxy-refused",
            heads(connect, "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nnot here\r\n"),
            &[],
            chat().closed(1000),
        ),
        case(
            "response-http-version-too-low",
            response("HTTP/1.1", "HTTP/1.0"),
            &[],
            response("HTTP/1.1", "HTTP/1.2"),
        ),
        case(
            "framing-header-in-101",
            offers("X-A: b", "Content-Length: 0"),
            &[],
            offers("X-A: b", "Content-Type: text/plain"),
        ),
        case(
            "subprotocol-not-selected",
            offers("Sec-WebSocket-Protocol: ocpp1.6", "X-A: b"),
            &[],
            offers("Sec-WebSocket-Protocol: ocpp1.6", "Sec-WebSocket-Protocol: ocpp1.6"),
        ),
        case(
            "empty-extension-header",
            offers("X-A: b", "Sec-WebSocket-Extensions: "),
            &[],
            offers("X-Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions-Note:"),
        ),
        case(
            "too-many-extensions",
            offers(&many_extensions(65), "X-A: b"),
            &[],
            offers(&many_extensions(64), "X-A: b"),
        ),
        case(
            "foreign-origin-accepted",
            request("\r\n\r\n", "\r\nOrigin: http://evil.test\r\n\r\n"),
            &[],
            request("\r\n\r\n", "\r\nOrigin: https://app.example:3000\r\n\r\n"),
        ),
        case(
            "credentials-in-clear",
            request("/chat", "/chat?user=me&token=t0ken"),
            &[],
            request("/chat", "/chat?user=me&tokens=3"),
        ),
        case("connect-failed", knocks(1), &[], knocks(3)),
    ]
}

/// A header that offers so many extensions.
fn many_extensions(count: usize) -> String {
    let names: Vec<String> = (0..count).map(|i| format!("x-{i}; a; b=1")).collect();
    format!("Sec-WebSocket-Extensions: {}", names.join(", "))
}
