//! The rules of TCP as a capture shows it (RFC 9293).

crate::rules! {
    TCP_RETRANSMISSION = "tcp-retransmission" Info "RFC 9293 §3.8",
        "A segment was retransmitted with the same bytes.",
        "Packets were lost or delayed between the capture point and the receiver, or the capture contains each packet twice.";
    CAPTURED_TWICE = "captured-twice" Info "-",
        "Packets occur twice in the capture, with the same IP identification and the same bytes. They are copies made while capturing, not retransmissions; wslens ignores them.",
        "The interface 'any' on a bridge, a mirror port, two capture points, or files that were merged. Capture on one interface.";
    TCP_OUT_OF_ORDER = "tcp-out-of-order" Info "RFC 9293 §3.10",
        "A segment arrived out of order, before bytes that precede it.",
        "Several paths or queues. The stream is put in order before it is read.";
    TCP_OVERLAP_CONFLICT = "tcp-overlap-conflict" Error "RFC 9293 §3.10; Ptacek & Newsham 1998",
        "Segments carry different bytes for the same sequence numbers, so the receiver may have read a different message. wslens uses the first copy and keeps the other.",
        "A middlebox is faulty, a packet is damaged, or an attacker wants an observer to read different bytes than the receiver.";
    TCP_GAP = "tcp-gap" Error "RFC 9293",
        "Bytes of the stream are missing from the capture; the finding gives their number and position.",
        "The capture lost packets (see its drop counters), or began or ended in between. The receiver had these bytes if it acknowledged them.";
    TCP_MIDSTREAM = "tcp-midstream" Warning "-",
        "The connection began before the capture: its SYN and its opening handshake were not captured.",
        "Start the capture before the connection, or reconnect while capturing.";
    TCP_ONE_DIRECTION = "tcp-one-direction" Warning "-",
        "Only one side of the connection was captured.",
        "Routing is asymmetric, or a mirror port copies only one direction.";
    TCP_KEEP_ALIVE = "tcp-keep-alive" Info "RFC 9293 §3.8.4",
        "A TCP keep-alive probe: a segment with 0 or 1 old bytes just below the next sequence number.",
        "Normal on idle connections.";
    TCP_ZERO_WINDOW = "tcp-zero-window" Info "RFC 9293 §3.8.6",
        "The receiver closed its window, so the sender cannot send.",
        "The receiving application does not read fast enough.";
    TCP_WINDOW_PROBE = "tcp-window-probe" Info "RFC 9293 §3.8.6.1",
        "The sender probes whether the receive window is still closed.",
        "This is normal while the window is closed because the receiving application does not read.";
    TCP_URGENT = "tcp-urgent" Warning "RFC 6093",
        "A segment has the URG flag. wslens keeps the urgent byte in the stream; the receiver may remove it.",
        "No WebSocket peer sends urgent data; an observer and the receiver may read other bytes.";
    TCP_SYN_DATA = "tcp-syn-data" Info "RFC 7413",
        "The SYN carries data (TCP Fast Open).",
        "Normal where both sides have Fast Open on.";
    TCP_RESET = "tcp-reset" Warning "RFC 9293 §3.5.2",
        "The connection was reset without a closing handshake.",
        "A process crashed, a socket was closed with unread data, or a middlebox dropped the connection from its table.";
    TCP_RESET_IGNORED = "tcp-reset-ignored" Info "RFC 9293 §3.10.7.4; RFC 5961 §3",
        "A RST is outside the window; the receiver ignores it, and so does wslens.",
        "A late RST from an earlier connection, or an attacker who guesses sequence numbers.";
    TCP_FIN_IGNORED = "tcp-fin-ignored" Warning "RFC 9293 §3.10.7.4; RFC 5961 §5",
        "The receiver did not accept a FIN: it acknowledged bytes after it.",
        "An attacker wants an observer to believe that the side has finished, or the FIN has an acknowledgment number outside the window.";
    TCP_ACK_MISSING = "tcp-ack-missing" Warning "RFC 9293 §3.10.7.4",
        "A segment without ACK arrived on an open connection; the receiver drops it, and so does wslens.",
        "An attacker wants an observer to read different bytes than the receiver.";
    TCP_DATA_AFTER_FIN = "tcp-data-after-fin" Warning "RFC 9293 §3.6",
        "A side sent bytes beyond the sequence number of its FIN.",
        "A receiver ignores them. A broken sender, or forged segments.";
    TCP_DATA_AFTER_RESET = "tcp-data-after-reset" Warning "RFC 9293 §3.5.2",
        "A side continued to send after a RST, which is forged or late.",
        "The RST may be forged; the peers ignored it.";
    TCP_PORT_REUSE = "tcp-port-reuse" Info "RFC 6191",
        "A new connection reuses the addresses and ports of an earlier one.",
        "This is normal for clients that reconnect quickly from a fixed port.";
    TCP_SPLIT_HANDSHAKE = "tcp-split-handshake" Info "RFC 9293 §3.5",
        "TCP was opened simultaneously, or with a split handshake.",
        "This is rare; some scanners and tests do it on purpose.";
}
