//! What can be wrong below TCP.

crate::rules! {
    PACKET_MALFORMED = "packet-malformed" Warning "-",
        "A link, IP or TCP header does not fit its packet, which was skipped and counted, or read as far as it goes.",
        "A damaged capture, a tool that rewrote packets, or a sender that probes parsers. A packet that was skipped is not part of any stream.";
    CAPTURE_UNSUPPORTED_LINKTYPE = "capture-unsupported-linktype" Warning "tcpdump.org linktypes",
        "Packets of a link type that cannot be decoded; they are counted.",
        "Record on another interface, or with another link type (tcpdump -y).";
    CAPTURE_UNKNOWN_ETHERTYPE = "capture-unknown-ethertype" Info "IEEE 802 numbers",
        "Packets of an Ethernet type that wslens does not know; they are counted as not-ip.",
        "If WebSocket traffic is missing, a switch may have put a header of its own before IP: record at another point, or remove the header with editcap -C.";
    EXPORTED_PDU = "exported-pdu" Info "-",
        "Wireshark exported payload without the TCP headers (Export PDUs, tshark -U). The bytes are read in the order of the packets; what is missing between them cannot be seen.",
        "If frames look damaged, export again with the layer below (tshark -U 'OSI layer 4'), or use the original capture with a key log.";
    EXPORTED_PDU_UNUSED = "exported-pdu-unused" Info "-",
        "Exported PDUs that are not bytes of a TCP stream were counted, by the names of their dissectors.",
        "Nothing, if no WebSocket is among them.";
    PACKET_TRUNCATED = "packet-truncated" Warning "pcap record orig_len",
        "A packet of a followed stream was cut by the snap length: claimed bytes are treated as missing. Where opening handshakes are cut, another finding says how many packets of the capture are.",
        "Record whole packets (tcpdump -s 0).";
    IP_FRAGMENT_OVERLAP = "ip-fragment-overlap" Warning "RFC 791 §3.2; RFC 8200 §4.5; RFC 5722",
        "Fragments of an IP datagram overlap with unequal bytes; the first copy is kept.",
        "No ordinary sender does this: it is a way to show a monitor other bytes than the receiver.";
    IP_FRAGMENT_INCOMPLETE = "ip-fragment-incomplete" Warning "RFC 791 §3.2",
        "A fragmented IP datagram was never completed.",
        "Fragments were lost on the way, dropped by the capture, or given up at a limit; their bytes are missing in the stream.";
    BAD_CHECKSUM = "bad-checksum" Info "RFC 9293 §3.1",
        "IP or TCP checksum is wrong (usually offload); the packet is still used.",
        "Packets captured on the machine that sends them get their checksum only in the network card. Elsewhere it is damage.";
}
