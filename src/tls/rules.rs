//! The rules of TLS and of key logs.

crate::rules! {
    TLS_NO_SECRET = "tls-no-secret" Info "RFC 9850",
        "No key log contains the secrets of this TLS connection.",
        "Start the program with SSLKEYLOGFILE=keys.log (browsers, curl, Node, Python, Go, Java and rustls programs can write it), capture again, and read with --keylog keys.log. For each of them: wslens explain keylog.";
    TLS_UNSUPPORTED = "tls-unsupported" Warning "RFC 7568, RFC 8996, RFC 3749",
        "wslens cannot decrypt this TLS connection: it uses SSLv3, TLS 1.0 or 1.1, compression, or an unknown cipher suite.",
        "Such connections are obsolete or unusual. What the handshake says in the clear is shown.";
    TLS_RECORD_DAMAGED = "tls-record-damaged" Error "RFC 8446 §5.2",
        "A TLS record failed authentication; wslens does not read its contents.",
        "The capture holds other bytes than were sent, or the key log's secret is not this connection's. A receiver would end the connection.";
    TLS_RECORDS_LOST = "tls-records-lost" Warning "-",
        "TLS records are missing or incomplete; decryption resumed at a record whose authentication proved its sequence number.",
        "Capture again without loss.";
    TLS_LOST = "tls-lost" Error "-",
        "After a loss, no TLS record could be authenticated; the rest of the stream is counted but not decrypted.",
        "More records were lost than wslens searches for, or the keys changed during the loss.";
    TLS_INCOMPLETE_RECORD = "tls-incomplete-record" Warning "-",
        "The stream ended inside a TLS record.",
        "The sender crashed, the connection was interrupted, or the capture ended here.";
    TLS_ALERT = "tls-alert" Warning "RFC 8446 §6",
        "A fatal alert ended the TLS connection.",
        "Look up the name of the alert, which states the reason.";
    TLS_EARLY_DATA = "tls-early-data" Info "RFC 8446 §8",
        "Application data was sent before the handshake (0-RTT).",
        "Do not let early data change any state on the server; an attacker can replay it.";
    TLS_RENEGOTIATED = "tls-renegotiated" Info "RFC 5746",
        "The peers renegotiated TLS and changed the keys of the connection.",
        "Nothing; TLS 1.3 no longer has renegotiation.";
    KEYLOG_BROKEN_LINE = "keylog-broken-line" Warning "RFC 9850",
        "wslens cannot parse a line of the key log.",
        "A line is a label, the client's random and a secret, in hexadecimal. The program that wrote it may have been stopped in the middle of it.";
    KEYLOG_UNUSABLE = "keylog-unusable" Warning "RFC 9850",
        "A key log contains no secrets, or none for the connections in this capture.",
        "Each program writes its own secrets: start the program with SSLKEYLOGFILE set, and capture these very connections. Unpack a key log that is packed; a server's private key is not a key log.";
    KEYLOG_READABLE = "keylog-readable" Warning "-",
        "Other users can read the key log.",
        "Anyone who can read it can decrypt the connections. Revoke the permission: chmod 600.";
}
