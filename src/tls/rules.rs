//! The rules of TLS and of key logs.

crate::rules! {
    TLS_NO_SECRET = "tls-no-secret" Info "RFC 9850",
        "TLS connection whose secrets are in no key log.",
        "Start the program with SSLKEYLOGFILE=keys.log (browsers, curl, Node, Python, Go, Java and rustls programs can write it), capture again, and read with --keylog keys.log. For each of them: wslens explain keylog.";
    TLS_UNSUPPORTED = "tls-unsupported" Warning "RFC 7568, RFC 8996, RFC 3749",
        "TLS that is not decrypted: SSLv3, TLS 1.0 or 1.1, compression, or a cipher suite that is not known here.",
        "Such connections are obsolete or unusual. What the handshake says in the clear is shown.";
    TLS_RECORD_DAMAGED = "tls-record-damaged" Error "RFC 8446 §5.2",
        "TLS record whose authentication fails: its bytes are not read.",
        "The capture holds other bytes than were sent, or the key log's secret is not this connection's. A receiver would end the connection.";
    TLS_RECORDS_LOST = "tls-records-lost" Warning "-",
        "TLS records are missing in whole or in part; reading went on where the authentication of a record proved its number.",
        "Capture without loss to read them.";
    TLS_LOST = "tls-lost" Error "-",
        "After a loss no record could be authenticated: the rest is counted, not read.",
        "More was lost than is searched for, or the connection's keys changed in what was lost.";
    TLS_INCOMPLETE_RECORD = "tls-incomplete-record" Warning "-",
        "The stream ended inside a TLS record.",
        "The sender died, the connection was cut, or the capture stopped here.";
    TLS_ALERT = "tls-alert" Warning "RFC 8446 §6",
        "A fatal alert ended the TLS connection.",
        "The alert's name says what the sender objected to.";
    TLS_EARLY_DATA = "tls-early-data" Info "RFC 8446 §8",
        "Application data was sent before the handshake (0-RTT).",
        "An attacker can replay early data: a server must not let it change anything.";
    TLS_RENEGOTIATED = "tls-renegotiated" Info "RFC 5746",
        "The peers renegotiated: new keys within the connection.",
        "TLS 1.3 has no renegotiation any more.";
    KEYLOG_BROKEN_LINE = "keylog-broken-line" Warning "RFC 9850",
        "Key log line that cannot be read.",
        "A line is a label, the client's random and a secret, in hexadecimal. The program that wrote it may have been stopped in the middle of it.";
    KEYLOG_UNUSABLE = "keylog-unusable" Warning "RFC 9850",
        "A key log contains no secret, or none that decrypts a connection of this capture.",
        "Each program writes its own secrets: start the program with SSLKEYLOGFILE set, and capture these very connections. Unpack a key log that is packed; a server's private key is not a key log.";
    KEYLOG_READABLE = "keylog-readable" Warning "-",
        "The key log can be read by other users.",
        "Whoever has it can read the connections. Take the right away: chmod 600.";
}
