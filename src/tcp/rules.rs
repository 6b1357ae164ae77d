//! The rules of TCP as a capture shows it (RFC 9293).

crate::rules! {
    TCP_RETRANSMISSION = "tcp-retransmission" Info "RFC 9293 §3.8",
        "Bytes already seen came again, equal.",
        "Loss or delay between the capture point and the receiver, or a capture that holds each packet twice.";
    CAPTURED_TWICE = "captured-twice" Info "-",
        "Packets are in the capture twice, with the same IP identification and the same bytes. They are copies made by capturing, no retransmissions, and are not read again.",
        "The interface 'any' on a bridge, a mirror port, two capture points, or files that were merged. Capture on one interface.";
    TCP_OUT_OF_ORDER = "tcp-out-of-order" Info "RFC 9293 §3.10",
        "A segment arrived before bytes that precede it.",
        "Several paths or queues. The stream is put in order before it is read.";
    TCP_OVERLAP_CONFLICT = "tcp-overlap-conflict" Error "RFC 9293 §3.10; Ptacek & Newsham 1998",
        "The same sequence numbers carry different bytes: either side may have read another message. First copy wins, the other is kept.",
        "A broken middlebox, a damaged packet, or somebody who wants an observer to read other bytes than the receiver.";
    TCP_GAP = "tcp-gap" Error "RFC 9293",
        "Bytes of the stream are not in the capture; how many and where is shown.",
        "The capture lost packets (see its drop counters), or began or ended in between. The receiver had these bytes if it acknowledged them.";
    TCP_MIDSTREAM = "tcp-midstream" Warning "-",
        "The capture starts after the connection did: no SYN and no handshake seen.",
        "Start the capture before the connection, or reconnect while capturing.";
    TCP_ONE_DIRECTION = "tcp-one-direction" Warning "-",
        "Only one side of the connection was captured.",
        "Asymmetric routing, or a mirror port that copies one direction only.";
    TCP_KEEP_ALIVE = "tcp-keep-alive" Info "RFC 9293 §3.8.4",
        "Keep-alive probe (0 or 1 stale byte below the next sequence number).",
        "Normal on idle connections.";
    TCP_ZERO_WINDOW = "tcp-zero-window" Info "RFC 9293 §3.8.6",
        "A receiver closed its window; sender stalls.",
        "The receiving application does not read fast enough.";
    TCP_WINDOW_PROBE = "tcp-window-probe" Info "RFC 9293 §3.8.6.1",
        "A sender asks whether the receive window is still closed.",
        "Normal while a window is closed: the receiving application does not read.";
    TCP_URGENT = "tcp-urgent" Warning "RFC 6093",
        "URG flag set: the urgent byte stays in line; a receiver may take it out.",
        "No WebSocket peer sends urgent data; an observer and the receiver may read other bytes.";
    TCP_SYN_DATA = "tcp-syn-data" Info "RFC 7413",
        "Data in SYN (TCP Fast Open).",
        "Normal where both sides have Fast Open on.";
    TCP_RESET = "tcp-reset" Warning "RFC 9293 §3.5.2",
        "The connection was reset without a closing handshake.",
        "A process died, a socket was closed with unread data, or a middlebox forgot the connection.";
    TCP_RESET_IGNORED = "tcp-reset-ignored" Info "RFC 9293 §3.10.7.4; RFC 5961 §3",
        "A RST outside the window: its receiver ignores it, and so does wslens.",
        "A late RST of an earlier connection, or somebody who guesses sequence numbers.";
    TCP_FIN_IGNORED = "tcp-fin-ignored" Warning "RFC 9293 §3.10.7.4; RFC 5961 §5",
        "A FIN that its receiver did not take: it acknowledged bytes behind it.",
        "Somebody who wants an observer to believe that the side has finished, or a FIN with an acknowledgment number outside the window.";
    TCP_ACK_MISSING = "tcp-ack-missing" Warning "RFC 9293 §3.10.7.4",
        "A segment without ACK on an open connection: its receiver drops it, and so does wslens.",
        "Somebody who wants an observer to read other bytes than the receiver.";
    TCP_DATA_AFTER_FIN = "tcp-data-after-fin" Warning "RFC 9293 §3.6",
        "Bytes past a FIN's sequence number.",
        "A receiver ignores them. A broken sender, or forged segments.";
    TCP_DATA_AFTER_RESET = "tcp-data-after-reset" Warning "RFC 9293 §3.5.2",
        "A side went on after a RST (forged or late).",
        "The RST may be forged: the peers did not believe it.";
    TCP_PORT_REUSE = "tcp-port-reuse" Info "RFC 6191",
        "A new connection on the same four-tuple was split off.",
        "Normal for clients that reconnect fast from a fixed port.";
    TCP_SPLIT_HANDSHAKE = "tcp-split-handshake" Info "RFC 9293 §3.5",
        "Simultaneous or split open.",
        "Rare; some scanners and tests do it on purpose.";
}
