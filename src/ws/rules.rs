//! The rules of frames, messages and the closing handshake (RFC 6455, RFC 7692).

crate::rules! {
    RESERVED_BIT_SET = "reserved-bit-set" Error "RFC 6455 §5.2",
        "An RSV bit is set, but no extension that defines it was negotiated.",
        "The receiver must fail the connection (1002). Usually a peer compresses although permessage-deflate was not agreed, or framing is not where it seems to be.";
    RSV1_ON_CONTROL_FRAME = "rsv1-on-control-frame" Error "RFC 7692 §6.1",
        "RSV1 is set on a control frame; permessage-deflate applies only to data messages.",
        "Control frames are never compressed. The sender sets the bit on every frame: its compression layer is wrong.";
    RSV1_ON_CONTINUATION = "rsv1-on-continuation" Error "RFC 7692 §6.1",
        "RSV1 is set on a continuation frame.",
        "Only the first fragment carries RSV1. Many receivers close with 1002; the sender should clear the bit.";
    RESERVED_OPCODE = "reserved-opcode" Error "RFC 6455 §5.2",
        "The opcode is reserved (3-7 or 11-15).",
        "No extension defines these opcodes. The receiver must fail the connection (1002).";
    FRAGMENTED_CONTROL_FRAME = "fragmented-control-frame" Error "RFC 6455 §5.5",
        "A control frame has FIN=0; control frames must not be fragmented.",
        "Control frames must not be fragmented; the receiver must fail the connection (1002).";
    CONTROL_FRAME_TOO_LONG = "control-frame-too-long" Error "RFC 6455 §5.5",
        "The payload of a control frame is longer than 125 bytes.",
        "Often a close reason that is too long, or data put into a ping. Shorten it to 125 bytes (123 for a reason).";
    UNEXPECTED_CONTINUATION = "unexpected-continuation" Error "RFC 6455 §5.4",
        "A continuation frame arrived, but no fragmented message is open.",
        "The sender began with opcode 0, or ended the message before. The receiver must fail the connection (1002).";
    INTERLEAVED_DATA_FRAME = "interleaved-data-frame" Error "RFC 6455 §5.4",
        "A new data frame arrived while a fragmented message is open.",
        "Two writers share a connection without a lock: fragments of one message must not be mixed with another's.";
    NON_MINIMAL_LENGTH = "non-minimal-length" Error "RFC 6455 §5.2",
        "The payload length is not in its shortest form.",
        "Strict receivers fail the connection. The sender's encoder picks the wrong length form.";
    LENGTH_MSB_SET = "length-msb-set" Error "RFC 6455 §5.2",
        "The 64-bit payload length has its top bit set; wslens allocates no memory for it.",
        "Nothing after it can be framed. A negative number was written as the length, or framing was lost before.";
    NOT_A_FRAME = "not-a-frame" Error "RFC 6455 §5.2",
        "The bytes at the expected start of a frame are not a frame.",
        "The finding says what they are. Usually a proxy or a program writes to a connection that it takes for plain HTTP, or prints text into it; peers see reserved bits or an invalid frame header and close with 1002.";
    WRONG_LENGTH_ENCODING = "wrong-length-encoding" Error "RFC 6455 §5.2",
        "The payload length of a frame is plausible only in another encoding.",
        "Lengths of 126 and more take 16 or 64 bits in network byte order behind the length field. The sender writes them the other way around, or into the seven bits.";
    UNMASKED_CLIENT_FRAME = "unmasked-client-frame" Error "RFC 6455 §5.1",
        "A frame from the client is not masked.",
        "A server must close the connection (1002). Some tunnels leave masking out on purpose.";
    MASKED_SERVER_FRAME = "masked-server-frame" Error "RFC 6455 §5.1",
        "A frame from the server is masked.",
        "A client must close the connection (1002). The server uses client code to send.";
    WEAK_MASKING_KEY = "weak-masking-key" Warning "RFC 6455 §10.3",
        "The masking key is zero, or the same in many frames of the connection.",
        "The key must be unpredictable for each frame, or proxies can be attacked with chosen bytes.";
    INCOMPLETE_FRAME = "incomplete-frame" Warning "-",
        "The stream ended inside a frame.",
        "The sender crashed, the connection was interrupted, or the capture ended here.";
    INCOMPLETE_MESSAGE = "incomplete-message" Warning "RFC 6455 §5.4",
        "The stream ended inside a fragmented message.",
        "The last fragment (FIN=1) never came: the application never saw this message.";
    DESYNCHRONISED = "desynchronised" Error "-",
        "The frame boundaries are lost after a gap or invalid bytes; skipped bytes are counted and shown raw.",
        "Capture again without loss; check the drop counters of the capture program.";

    INVALID_UTF8 = "invalid-utf8" Error "RFC 6455 §8.1",
        "A text message is not valid UTF-8; the finding gives the offset of the first invalid byte.",
        "The receiver must fail the connection (1007). Binary data was sent as text, or another encoding was used.";
    INFLATE_ERROR = "inflate-error" Error "RFC 7692 §7.2.2",
        "A compressed message cannot be decompressed; wslens keeps the raw bytes.",
        "The finding says where decoding stops. The sender's deflate state does not match what was agreed, or bytes were damaged.";
    UNKNOWN_EXTENSION = "unknown-extension" Warning "RFC 6455 §9.1",
        "A negotiated extension that wslens does not know uses RSV bits.",
        "The extension may have changed the payload, so messages with such bits are shown as sent and are never `ok`.";
    DEFLATE_WINDOW_EXCEEDED = "deflate-window-exceeded" Error "RFC 7692 §7.1.2",
        "A compressed message refers farther back than the negotiated window allows.",
        "The sender ignores max_window_bits. Receivers that allocate the agreed window fail (zlib: invalid distance too far back).";
    DEFLATE_TAIL_KEPT = "deflate-tail-kept" Error "RFC 7692 §7.2.1",
        "A compressed message still ends with 00 00 ff ff.",
        "The sender has to remove these four bytes of the flush; the receiver adds them again, and strict ones fail at the next message.";
    DEFLATE_WRAPPED = "deflate-wrapped" Error "RFC 7692 §7.2.1",
        "A compressed message begins with a zlib or gzip header.",
        "permessage-deflate carries raw deflate (RFC 1951). The sender uses the wrong format of its compression library.";
    DEFLATE_FINAL_BLOCK = "deflate-final-block" Error "RFC 7692 §7.2.3.4",
        "A compressed message ends with a final block (BFINAL) without the byte 00 that must follow.",
        "A sender that finishes its stream has to append one byte, 00. Without it, strict receivers fail at this message or the next.";
    DEFLATE_EMPTY = "deflate-empty" Error "RFC 7692 §7.2.3.6",
        "RSV1 is set on a message with an empty payload.",
        "An empty compressed message is one byte, 00. Send that, or leave RSV1 unset.";
    DEFLATE_PER_FRAGMENT = "deflate-per-fragment" Error "RFC 7692 §7.2.1",
        "Each fragment of a message is compressed separately, as if it were a message.",
        "A message is compressed as one stream and then cut into fragments. The sender compresses each fragment and removes each tail.";
    DEFLATE_NOT_COMPRESSED = "deflate-not-compressed" Error "RFC 7692 §6",
        "RSV1 is set on a text message that is not compressed.",
        "RSV1 says that the payload is compressed. The sender sets it on messages that it sends as they are, often short ones.";
    DEFLATE_WINDOW_KEPT = "deflate-window-kept" Error "RFC 7692 §7.1.1",
        "A compressed message refers to an earlier one although no_context_takeover was negotiated.",
        "The sender keeps its window from message to message. Receivers that empty theirs fail at the second message.";
    DEFLATE_WINDOW_FED = "deflate-window-fed" Error "RFC 7692 §7.2.1",
        "A compressed message refers to data that was sent uncompressed.",
        "The sender puts messages that it sends uncompressed into its compression window. Receivers do not, so they cannot read what refers to them.";
    INFLATE_LIMIT = "inflate-limit" Warning "-",
        "The decompressed size or ratio reached its limit: the output is truncated, and the analysis continues.",
        "A very large message, or a decompression bomb. The finding names the flag that sets a larger cap.";
    MESSAGE_LIMIT = "message-limit" Warning "-",
        "The message is longer than --keep: its hash and length are exact, but only its first bytes are kept.",
        "Nothing is wrong with the message.";
    CONTROL_CHARACTERS = "control-characters" Info "ECMA-48",
        "A text message contains C0 or C1 control characters (shown escaped).",
        "Terminals obey such characters when the text is printed raw.";
    BIDI_CONTROL = "bidi-control" Warning "UAX #9; CVE-2021-42574",
        "A text message contains bidirectional overrides or isolates (shown escaped).",
        "Such text can read differently from what it is.";

    UNSOLICITED_PONG = "unsolicited-pong" Info "RFC 6455 §5.5.3",
        "A pong does not answer any ping.",
        "Allowed: a one-way heartbeat.";
    PING_UNANSWERED = "ping-unanswered" Info "RFC 6455 §5.5.2",
        "No pong with the same payload arrived before the pong to a later ping, or before the close.",
        "The peer answered only a later ping, which is allowed, or was no longer there.";
    PONG_LATE = "pong-late" Warning "RFC 6455 §5.5.3",
        "A pong arrived late: after more than 5 s, or after more than 1 s and three times the usual time.",
        "Its sender was busy, or the pong waited behind data in its send queue: the text says how many bytes came in between.";
    PING_FLOOD = "ping-flood" Warning "-",
        "One side sent more than 100 pings within one second.",
        "A heartbeat timer is faulty, or the pings are an attack.";
    FRAGMENT_FLOOD = "fragment-flood" Warning "-",
        "A message has more than 10 000 fragments, or one second has 10 000 data frames with payloads below 16 bytes.",
        "Each fragment costs the receiver memory and time; this is a known way to exhaust servers.";
    CLOSE_PAYLOAD_1_BYTE = "close-payload-1-byte" Error "RFC 6455 §5.5.1",
        "The payload of a Close frame has 1 byte; it must be empty or begin with a 2-byte close code.",
        "A Close body is empty or begins with a two-byte code.";
    INVALID_CLOSE_CODE = "invalid-close-code" Error "RFC 6455 §7.4",
        "The close code must not be sent (0-999, 1004-1006, 1015, 1016-2999, >= 5000).",
        "1005, 1006 and 1015 are for APIs only. Applications use 4000-4999.";
    INVALID_CLOSE_REASON = "invalid-close-reason" Error "RFC 6455 §5.5.1",
        "The close reason is not valid UTF-8.",
        "Often the reason was truncated at 123 bytes, in the middle of a character.";
    CLOSE_CODE_MISMATCH = "close-code-mismatch" Info "RFC 6455 §5.5.1",
        "The Close frame in reply carries a different close code.",
        "A Close is typically answered with the code received.";
    CLOSE_UNANSWERED = "close-unanswered" Info "RFC 6455 §7.1.2",
        "The connection ended without a Close frame in reply.",
        "The peer dropped the connection instead of answering: it reports 1006.";
    CLOSED_WITHOUT_CLOSE = "closed-without-close" Info "RFC 6455 §7.1.5 (1006)",
        "The connection ended without a Close frame.",
        "Both applications see 1006: a crash, a proxy's idle timeout, or a peer that just closes the socket.";
    DATA_AFTER_CLOSE = "data-after-close" Error "RFC 6455 §5.5.1",
        "A side sent a data frame after its own Close frame.",
        "Nothing may follow a Close; receivers ignore it, so this data is lost.";
    CONTROL_AFTER_CLOSE = "control-after-close" Warning "RFC 6455 §1.4, §7.1.1",
        "A side sent a control frame, possibly a second Close, after its own Close frame.",
        "Harmless, but the sender's closing state is wrong.";
}
