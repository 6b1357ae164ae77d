//! What can be wrong below TCP.

crate::rules! {
    PACKET_MALFORMED = "packet-malformed" Warning "-",
        "A link, IP or TCP header does not fit its packet; the packet was skipped and counted, or read as far as possible.",
        "A damaged capture, a tool that rewrote packets, or a sender that probes parsers. A packet that was skipped is not part of any stream.";
    CAPTURE_UNSUPPORTED_LINKTYPE = "capture-unsupported-linktype" Warning "tcpdump.org linktypes",
        "wslens cannot decode the link type of these packets; they are only counted.",
        "Capture on another interface, or with another link type (tcpdump -y).";
    CAPTURE_UNKNOWN_ETHERTYPE = "capture-unknown-ethertype" Info "IEEE 802 numbers",
        "wslens does not know the EtherType of these packets; they are counted as not-ip.",
        "If WebSocket traffic is missing, a switch may have put a header of its own before IP: record at another point, or remove the header with editcap -C.";
    EXPORTED_PDU = "exported-pdu" Info "-",
        "The payloads were exported by Wireshark without TCP headers (Export PDUs, tshark -U). wslens reads them in packet order and cannot detect missing bytes.",
        "If frames look damaged, export again with the layer below (tshark -U 'OSI layer 4'), or use the original capture with a key log.";
    EXPORTED_PDU_UNUSED = "exported-pdu-unused" Info "-",
        "Exported PDUs that are not TCP stream data were counted by dissector name.",
        "Nothing, if they contain no WebSocket.";
    PACKET_TRUNCATED = "packet-truncated" Warning "pcap record orig_len",
        "The snap length truncated a packet of this stream; the cut bytes are treated as missing.",
        "Capture complete packets (tcpdump -s 0).";
    IP_FRAGMENT_OVERLAP = "ip-fragment-overlap" Warning "RFC 791 §3.2; RFC 8200 §4.5; RFC 5722",
        "Fragments of an IP datagram overlap with different bytes; wslens keeps the first copy.",
        "Ordinary senders do not do this; it is a technique to show an observer different bytes than the receiver.";
    IP_FRAGMENT_INCOMPLETE = "ip-fragment-incomplete" Warning "RFC 791 §3.2",
        "A fragmented IP datagram was never completed.",
        "Fragments were lost on the way, dropped by the capture, or given up at a limit; their bytes are missing in the stream.";
    BAD_CHECKSUM = "bad-checksum" Info "RFC 9293 §3.1",
        "An IP or TCP checksum is wrong, usually because of checksum offload; the packet is still used.",
        "On the sending machine, the network card computes the checksum after the capture point. Elsewhere, the packet is damaged.";
}
