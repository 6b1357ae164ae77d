//! What can be wrong, or worth knowing, about HTTP/2 below a WebSocket.

crate::rules! {
    H2_BAD_PREFACE = "h2-bad-preface" Error "RFC 9113 §3.4",
        "The client's first bytes are not the HTTP/2 connection preface.",
        "Every HTTP/2 connection begins with `PRI * HTTP/2.0`, an empty line, `SM` and another one. After anything else a server closes the connection.";
    H2_BAD_FRAME = "h2-bad-frame" Error "RFC 9113 §4.2, §6",
        "The length or stream of an HTTP/2 frame does not match its type, or its padding is too long.",
        "The receiver has to end the stream or the whole connection with FRAME_SIZE_ERROR or PROTOCOL_ERROR. A defect of the sender, or bytes that are no HTTP/2.";
    H2_FRAME_TOO_LARGE = "h2-frame-too-large" Error "RFC 9113 §4.2",
        "An HTTP/2 frame is longer than the receiver allows.",
        "16,384 bytes of payload are allowed unless SETTINGS_MAX_FRAME_SIZE says more. The receiver answers FRAME_SIZE_ERROR.";
    H2_BAD_CONTINUATION = "h2-bad-continuation" Error "RFC 9113 §6.10",
        "A field block is interrupted, or a CONTINUATION frame has no field block to continue.",
        "Between HEADERS without END_HEADERS and the last CONTINUATION no other frame may stand, of whichever stream. What the block would have said is lost, and with it the compression state.";
    H2_BAD_SETTINGS = "h2-bad-settings" Error "RFC 9113 §6.5.2",
        "An HTTP/2 setting has an invalid value.",
        "SETTINGS_ENABLE_PUSH and SETTINGS_ENABLE_CONNECT_PROTOCOL are 0 or 1, windows are below 2^31, frames between 2^14 and 2^24-1 bytes. The receiver closes the connection.";
    H2_BAD_FIELD_BLOCK = "h2-bad-field-block" Error "RFC 7541; RFC 9113 §4.3",
        "A field block cannot be decompressed.",
        "The receiver closes the connection with COMPRESSION_ERROR. The two ends disagree on the dynamic table, or the encoder is broken. Later fields that refer to the table are shown as unknown.";
    H2_UNKNOWN_FIELDS = "h2-unknown-fields" Warning "RFC 7541 §2.3.2",
        "Fields refer to entries of the dynamic table that were not captured.",
        "The capture began after the connection did, or lacks packets. Such fields are shown as unknown, never guessed; capture from the connection's start to see them.";
    H2_LIMIT_FIELDS = "h2-limit-fields" Warning "-",
        "A field block exceeds the limit (64 KiB or 1,000 fields); its remaining fields are not shown.",
        "Usually cookies that have piled up, or an attack with a small block that grows large. Most servers answer 431 or close the connection.";
    H2_LIMIT_STREAMS = "h2-limit-streams" Warning "-",
        "One HTTP/2 connection has more open WebSockets than wslens follows.",
        "1,024 of them are followed; later ones are not shown. Few servers allow more than some hundreds of streams at once.";
    H2_CONNECT_NOT_ENABLED = "h2-connect-not-enabled" Error "RFC 8441 §3",
        "The client requested a WebSocket, but the server had not enabled extended CONNECT.",
        "A client has to wait for SETTINGS_ENABLE_CONNECT_PROTOCOL = 1 from the server, and use HTTP/1.1 where it does not come. Servers answer such a request with RST_STREAM or 4xx.";
    H2_BAD_CONNECT = "h2-bad-connect" Error "RFC 8441 §4, §5; RFC 9113 §8.3",
        "The extended CONNECT request for a WebSocket is malformed.",
        "Over HTTP/2 a WebSocket is asked for with :method CONNECT, :protocol websocket, :scheme, :path and :authority, and is not ended by the request. Upgrade and Sec-WebSocket-Key belong to HTTP/1.1. Often a proxy that translated half of it.";
    H2_BAD_FIELD = "h2-bad-field" Error "RFC 9113 §8.2",
        "A field is not allowed in HTTP/2: it is connection-specific, or its name is not in lowercase.",
        "Connection, Upgrade, Keep-Alive and Transfer-Encoding mean nothing in HTTP/2, and names are lower case. The whole request or response counts as malformed. Often copied from HTTP/1.1.";
    H2_STREAM_RESET = "h2-stream-reset" Warning "RFC 9113 §5.4.2; RFC 8441 §5",
        "RST_STREAM ended the WebSocket without a complete closing handshake.",
        "It is what a TCP reset is to a WebSocket of its own connection: both sides report 1006. The error code says why; CANCEL is an end without words.";
    H2_DATA_AFTER_END = "h2-data-after-end" Error "RFC 9113 §5.1",
        "A side sent DATA after its END_STREAM.",
        "The receiver answers STREAM_CLOSED. What was sent is not read.";
    H2_GOAWAY = "h2-goaway" Info "RFC 9113 §6.8",
        "A side accepts no new streams because the connection is about to end.",
        "Usually a server that is stopped or renewed. Open WebSockets go on until they are closed; the client opens new ones in another connection.";
    H2_GOAWAY_ERROR = "h2-goaway-error" Error "RFC 9113 §5.4.1, §6.8",
        "A side ends the HTTP/2 connection because of an error.",
        "The error code and the words behind it say what the sender of GOAWAY found wrong with the other side. All streams end with the connection.";
    H2_FLOW_STALL = "h2-flow-stall" Info "RFC 9113 §5.2, §6.9",
        "The sender used up its flow-control window and had to wait.",
        "The receiver, or a proxy in between, reads slowly or announces small windows. Raise SETTINGS_INITIAL_WINDOW_SIZE and send WINDOW_UPDATE earlier where messages are large. One slow stream can use up the window of the connection and with it stop the others.";
    H2_DESYNCHRONISED = "h2-desynchronised" Warning "-",
        "The HTTP/2 frame boundaries were lost; bytes skipped before the next frame are not shown.",
        "Bytes are missing from the capture, or are no HTTP/2. WebSockets whose bytes may be among them are not read any further in that direction.";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_rule_has_its_own_code_and_whole_sentences() {
        let mut codes: Vec<_> = ALL.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 18);
        for rule in ALL {
            assert!(rule.summary.ends_with('.') && rule.advice.ends_with('.'), "{}", rule.code);
            assert!(rule.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }
}
