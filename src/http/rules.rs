//! What can be wrong, or worth knowing, about an opening handshake.

crate::rules! {
    REQUEST_METHOD_NOT_GET = "request-method-not-get" Error "RFC 6455 §4.1 item 2",
        "The upgrade request does not use the method GET.",
        "Over HTTP/1.1 a WebSocket is opened with GET only. Usually a hand-written client, or a proxy that rewrote the request; send GET, and put data into frames after the 101.";
    REQUEST_HTTP_VERSION_TOO_LOW = "request-http-version-too-low" Error "RFC 6455 §4.1 item 2",
        "The upgrade request uses a version below HTTP/1.1.",
        "HTTP/1.0 knows no Upgrade, so servers answer as to plain HTTP. Often a reverse proxy that speaks 1.0 to its backend (nginx without `proxy_http_version 1.1`).";
    REQUEST_MISSING = "request-missing" Warning "-",
        "A 101 response was captured without its request.",
        "The capture began too late or saw one side only. The accept value, the offers and the URL cannot be checked; start the capture before the client connects.";
    MISSING_HOST_HEADER = "missing-host-header" Error "RFC 6455 §4.1 item 4",
        "The request has no Host header.",
        "Every HTTP/1.1 request names its host. Usually a hand-written client; servers answer 400.";
    MISSING_UPGRADE_HEADER = "missing-upgrade-header" Error "RFC 6455 §4.1 item 5, §4.2.2",
        "The request or the response has no 'Upgrade: websocket' header.",
        "Upgrade concerns one hop only, so a proxy that was not told to pass it on drops it. Configure the proxy for WebSocket, or use wss:// to keep it out.";
    MISSING_CONNECTION_UPGRADE = "missing-connection-upgrade" Error "RFC 6455 §4.1 item 6, §4.2.2",
        "The Connection header of the request or the response lacks the token 'upgrade'.",
        "Usually a reverse proxy that rewrote Connection (to `close` or `keep-alive`); let it send `Connection: upgrade` for WebSocket requests.";
    MISSING_KEY = "missing-key" Error "RFC 6455 §4.1 item 7",
        "The request has no Sec-WebSocket-Key.",
        "The key proves that the server understood the handshake. Usually a hand-written client, a plain HTTP client, or a proxy that filters unknown headers.";
    INVALID_KEY = "invalid-key" Error "RFC 6455 §4.1 item 7",
        "Sec-WebSocket-Key is not 16 bytes in base64.",
        "Draw 16 random bytes and encode them with padding: 24 characters that end in `==`. Strict servers answer 400.";
    DUPLICATE_KEY = "duplicate-key" Error "RFC 6455 §11.3.1",
        "The request has more than one Sec-WebSocket-Key.",
        "Client and proxy may each have set one, and the server hashes one that the other side does not expect. Send exactly one.";
    MISSING_VERSION = "missing-version" Error "RFC 6455 §4.1 item 9",
        "The request has no Sec-WebSocket-Version.",
        "Send `Sec-WebSocket-Version: 13`. Clients of drafts before RFC 6455 lack it, and so do many hand-written ones.";
    UNSUPPORTED_VERSION = "unsupported-version" Warning "RFC 6455 §4.4",
        "Sec-WebSocket-Version is not 13.",
        "13 is the only version of the standard; 8 and lower were drafts. A server that does not know the version answers 426 and names those it knows.";
    DATA_BEFORE_HANDSHAKE = "data-before-handshake" Error "RFC 6455 §4.1",
        "The client sent frames before the server's response.",
        "A client has to wait for the whole 101. What it sends early is lost, or is read as the request's body, if the server refuses or a proxy stands between.";
    RESPONSE_MISSING = "response-missing" Warning "-",
        "No response to the WebSocket request was captured.",
        "The server never answered, the connection ended first, or the capture lacks that side. What was agreed on is not known.";
    HANDSHAKE_REJECTED = "handshake-rejected" Warning "RFC 6455 §4.2.2",
        "The server refused to open the WebSocket.",
        "No WebSocket came to be. Usual causes: 400: malformed request; 401 and 407: authentication required; 403: Origin not allowed; 404: wrong path; 426: wrong version; 200: no WebSocket at this path, or a proxy removed Upgrade; 502 to 504: backend down.";
    STRAY_RESPONSE = "stray-response" Warning "RFC 9112 §9.3.1",
        "The server sent another response before the 101 to the same request.",
        "A request has one final response, and clients take the first: this one fails although the server opened the WebSocket. Usually a handler answers the request before the upgrade does, or a response to an earlier request comes late.";
    RESPONSE_NOT_HTTP = "response-not-http" Error "RFC 9112 §4",
        "The server's reply to the upgrade request is not an HTTP/1 response.",
        "Another protocol runs on this port (HTTP/2 only, SSH, a mail server), or a program printed text or a byte order mark before the status line. Check host and port, and what the server prints.";
    WRONG_SCHEME = "wrong-scheme" Error "RFC 6455 §3",
        "The client sent TLS to an HTTP port, or plain HTTP to a TLS port.",
        "The URL says wss:// where the server speaks ws://, or the other way round. Often a proxy that ends TLS in front of the server: connect to the proxy's port, or change the scheme.";
    PROXY_REFUSED = "proxy-refused" Warning "RFC 9110 §9.3.6",
        "A proxy refused a CONNECT request.",
        "The proxy allows other hosts or ports only, wants a login, or could not reach the server. A ws:// or wss:// connection through it cannot begin; ask for the port to be allowed, or set the proxy's credentials.";
    RESPONSE_HTTP_VERSION_TOO_LOW = "response-http-version-too-low" Error "RFC 6455 §4.2.2; RFC 9110 §7.8",
        "The 101 response uses a version below HTTP/1.1.",
        "HTTP/1.0 knows no Upgrade: clients reject such a 101. Usually a hand-written server, or a proxy that speaks 1.0 (nginx without `proxy_http_version 1.1`).";
    FRAMING_HEADER_IN_101 = "framing-header-in-101" Warning "RFC 9110 §8.6; RFC 9112 §6.1",
        "The 101 response has Content-Length or Transfer-Encoding.",
        "A 101 has no body: frames begin right behind its head. Some clients and proxies read frames as the body, or close the connection; leave the header out.";
    SUBPROTOCOL_NOT_SELECTED = "subprotocol-not-selected" Warning "RFC 6455 §4.1; WHATWG WebSockets",
        "The client offered subprotocols, but the server selected none.",
        "RFC 6455 allows it, but browsers and many libraries close the connection. Usually a server that is not configured for the offered name; select one of them, or offer none.";
    EMPTY_EXTENSION_HEADER = "empty-extension-header" Warning "RFC 6455 §11.3.2, §11.3.4",
        "Sec-WebSocket-Extensions or Sec-WebSocket-Protocol is empty.",
        "The grammar asks for at least one element; strict peers close the connection. Leave the header out.";
    TOO_MANY_EXTENSIONS = "too-many-extensions" Warning "RFC 6455 §9.1",
        "Sec-WebSocket-Extensions lists more than 64 extensions or 256 parameters; wslens reads only the first ones.",
        "No known program sends that many; this may be an attack on parsers.";
    FOREIGN_ORIGIN_ACCEPTED = "foreign-origin-accepted" Info "RFC 6455 §10.2",
        "The server accepted a WebSocket from a page of another host.",
        "Normal where the page and the WebSocket have hosts of their own. Where cookies or an internal network authenticate the user, any page could do so (cross-site WebSocket hijacking): check Origin against a list.";
    CREDENTIALS_IN_CLEAR = "credentials-in-clear" Warning "RFC 6455 §10.5, §10.6; RFC 7617 §4",
        "Credentials were sent without TLS.",
        "Everybody on the path can read them, and URLs end up in logs. Use wss://, send a token that is short-lived, and change the ones that were captured.";
    MISSING_ACCEPT = "missing-accept" Error "RFC 6455 §4.2.2 item 5.4",
        "The 101 response has no Sec-WebSocket-Accept.",
        "Clients have to close the connection. The server agreed without computing the answer to the key, or a proxy dropped the header.";
    BAD_ACCEPT = "bad-accept" Error "RFC 6455 §4.2.2 item 5.4",
        "Sec-WebSocket-Accept is not base64(SHA-1(key + GUID)).",
        "Clients have to close the connection. Usual slips: hex text instead of the digest's bytes, a decoded key, a wrong GUID, a line end in the hash, a cached answer to another key.";
    UNOFFERED_SUBPROTOCOL = "unoffered-subprotocol" Error "RFC 6455 §4.2.2 item 5.5",
        "The server selected a subprotocol that the client did not offer.",
        "Browsers close the connection. The server may send one of the offered names, spelled the same way, or leave the header out; it may not send a list.";
    UNOFFERED_EXTENSION = "unoffered-extension" Error "RFC 6455 §9.1",
        "The server selected an extension that the client did not offer.",
        "Clients have to close the connection. Usually a server that always compresses, or a proxy that dropped the client's Sec-WebSocket-Extensions.";
    INVALID_EXTENSION_PARAMS = "invalid-extension-params" Error "RFC 7692 §7.1",
        "permessage-deflate parameters are unknown, repeated or out of range.",
        "Window bits are 8 to 15 without leading zeros; the no_context_takeover parameters take no value; client_max_window_bits is answered only where it was offered. An offer that breaks this is declined, an answer closes the connection.";
    H2C_UPGRADE = "h2c-upgrade" Info "RFC 7540 §3.2",
        "The connection was upgraded to HTTP/2 without TLS (h2c).",
        "The connection goes on in HTTP/2 without TLS. RFC 9113 dropped this way of upgrading.";
    HTTP_BARE_LF = "http-bare-lf" Warning "RFC 9112 §2.2",
        "A line ends with LF without CR.",
        "Some recipients accept it, others do not: the two ends of a chain may see different requests. Usually hand-written requests or scripts; end lines with CR LF.";
    HTTP_OBS_FOLD = "http-obs-fold" Warning "RFC 9112 §5.2",
        "A header is folded over several lines.",
        "A line that begins with white space continues the one before. It is obsolete, often refused, and recipients differ in what they read; send each header on one line.";
    HTTP_SPACE_BEFORE_COLON = "http-space-before-colon" Warning "RFC 9112 §5.1",
        "White space precedes the colon after a header name.",
        "Servers have to answer 400; those that do not may read another name than the proxy before them did (request smuggling). Put the colon right behind the name.";
    ODD_HEAD = "odd-head" Warning "RFC 9110 §5.5; RFC 9112 §3, §4",
        "A start line or a header value contains control bytes.",
        "HTTP libraries differ: some refuse such a head, some take it as it is. A broken program, or somebody who wants an observer to read another head than the receiver.";
    HTTP_DUPLICATE_HEADER = "http-duplicate-header" Warning "RFC 9110 §5.3",
        "A header that allows only one value occurs more than once.",
        "Recipients differ in which of them they take. Often client and proxy each add one; keep one.";
    HTTP_CONFLICTING_LENGTH = "http-conflicting-length" Warning "RFC 9112 §6.3",
        "The headers contain Content-Length and Transfer-Encoding, or two different lengths.",
        "Two ends may see the body end at different places, the ground of request smuggling. Send one of them only; here Transfer-Encoding counts, else the first length.";
    HTTP_BODY_IN_UPGRADE = "http-body-in-upgrade" Warning "RFC 9110 §7.8",
        "The upgrade request has a body.",
        "The body comes before the first frame; a server that does not skip it reads it as frames. Usually a POST that was made into an upgrade, or an attempt at smuggling; send no body.";
    HTTP_HEADER_TOO_LARGE = "http-header-too-large" Warning "-",
        "The HTTP headers exceed the limit (64 KiB); the connection is listed but not decoded further.",
        "Usually cookies that have piled up, or no HTTP at all. Most servers allow 8 to 32 KiB and answer 431.";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_rule_has_its_own_code_and_whole_sentences() {
        let mut codes: Vec<_> = ALL.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 39);
        for rule in ALL {
            assert!(rule.summary.ends_with('.') && rule.advice.ends_with('.'), "{}", rule.code);
            assert!(rule.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }
}
