//! What can be wrong below TCP.

use crate::model::{both, peer};

crate::rules! {
    PACKET_MALFORMED = "packet-malformed" Warning "-" {
        summary: "A link, IP or TCP header does not fit its packet; the packet was skipped and counted, or read as far as possible.",
            "链路层、IP 或 TCP 首部与数据包不符；该包被跳过并计数，或只读到能读的地方。";
        causes: both(
            "The capture is damaged, a tool rewrote the packets, or the sender probes parsers.",
            "抓包文件损坏、某个工具改写过数据包，或发送方在试探解析器。",
        );
        remedy: both(
            "Compare with a capture of the same traffic from another place. Skipped packets are not part of any stream.",
            "与别处抓到的同一流量比较。被跳过的包不属于任何流。",
        );
        peer: both("A receiver drops such a packet, and TCP retransmits it.", "真正的接收方会丢弃这样的包，由 TCP 重传。");
    }

    CAPTURE_UNSUPPORTED_LINKTYPE = "capture-unsupported-linktype" Warning "tcpdump.org linktypes" {
        summary: "wslens cannot decode the link type of these packets; they are only counted.",
            "数据包的链路类型无法解码；只计数。";
        causes: both(
            "They were captured on an unusual kind of interface, such as USB or Bluetooth.",
            "在不常见的接口上抓包，例如 USB 或蓝牙。",
        );
        remedy: both(
            "Capture on another interface, or with another link type (tcpdump -y).",
            "换一个接口抓包，或换一种链路类型（tcpdump -y）。",
        );
        peer: peer::UNSEEN;
    }

    CAPTURE_UNKNOWN_ETHERTYPE = "capture-unknown-ethertype" Info "IEEE 802 numbers" {
        summary: "wslens does not know the EtherType of these packets; they are counted as not-ip.",
            "数据包的以太网类型 wslens 不认识；计入 not-ip。";
        causes: both(
            "Other protocols share the network, or a switch added its own header before IP.",
            "网络上还有其他协议，或者交换机在 IP 之前加了自己的首部。",
        );
        remedy: both(
            "If WebSocket traffic is missing, capture at another point, or remove the header with editcap -C.",
            "如果缺少 WebSocket 流量，换一个位置抓包，或者用 editcap -C 去掉这个首部。",
        );
        peer: peer::UNSEEN;
    }

    EXPORTED_PDU = "exported-pdu" Info "-" {
        summary: "The payloads were exported by Wireshark without TCP headers (Export PDUs, tshark -U). wslens reads them in packet order and cannot detect missing bytes.",
            "这些载荷由 Wireshark 导出，没有 TCP 首部（Export PDUs，tshark -U）。字节按数据包的顺序读取；中间缺少什么无法看出。";
        causes: both(
            "Decrypted traffic was exported to share it without the TLS secrets.",
            "有人导出了解密后的流量，以便不带密钥地转交。",
        );
        remedy: both(
            "If frames look damaged, ask for the original capture with its key log, or export the layer below: tshark -U 'OSI layer 4'.",
            "若帧看起来损坏，请索取原始抓包和密钥日志，或导出下面一层：tshark -U 'OSI layer 4'。",
        );
        peer: peer::UNSEEN;
    }

    EXPORTED_PDU_UNUSED = "exported-pdu-unused" Info "-" {
        summary: "Exported PDUs that are not TCP stream data were counted by dissector name.",
            "不属于 TCP 流字节的导出 PDU 按解析器名称计数。";
        causes: both("The file also contains PDUs of other protocols.", "文件里还有其他协议的 PDU。");
        remedy: both("Nothing, if they contain no WebSocket.", "如果其中没有 WebSocket，不用处理。");
        peer: peer::UNSEEN;
    }

    PACKET_TRUNCATED = "packet-truncated" Warning "pcap record orig_len" {
        summary: "The snap length truncated a packet of this stream; the cut bytes are treated as missing.",
            "流中的一个数据包因 snap length 被截断；被截掉的字节按丢失处理。";
        causes: both("The capture ran with a small snap length (tcpdump -s).", "抓包时截断长度设得太小（tcpdump -s）。");
        remedy: both("Capture complete packets (tcpdump -s 0).", "完整地抓包（tcpdump -s 0）。");
        peer: peer::UNSEEN;
    }

    IP_FRAGMENT_OVERLAP = "ip-fragment-overlap" Warning "RFC 791 §3.2; RFC 8200 §4.5; RFC 5722" {
        summary: "Fragments of an IP datagram overlap with different bytes; wslens keeps the first copy.",
            "一个 IP 数据报的分片互相重叠且内容不同；保留先到的一份。";
        causes: both(
            "Ordinary senders do not do this; it is a technique to show an observer different bytes than the receiver.",
            "正常的发送方不会这样做：这是让监视者和接收方看到不同字节的手法。",
        );
        remedy: both("Find out who sent the fragments, and do not trust this data.", "查清是谁发的，并对读到的内容存疑。");
        peer: both(
            "IPv6 receivers drop the datagram (RFC 5722); IPv4 receivers differ in which copy they use.",
            "IPv6 接收方丢弃整个数据报（RFC 5722）；IPv4 系统取哪一份各不相同。",
        );
    }

    IP_FRAGMENT_INCOMPLETE = "ip-fragment-incomplete" Warning "RFC 791 §3.2" {
        summary: "A fragmented IP datagram was never completed.",
            "一个分片的 IP 数据报始终没有收齐。";
        causes: both(
            "Fragments were lost in the network, dropped by the capture program, or discarded at a limit.",
            "分片在路上丢失、被抓包漏掉，或因达到上限而放弃。",
        );
        remedy: both(
            "Look for a path with a small MTU. The bytes of the datagram are missing from the stream.",
            "流里缺少这些字节。检查路径上是否有过小的 MTU。",
        );
        peer: peer::TCP_REPAIRS;
    }

    BAD_CHECKSUM = "bad-checksum" Info "RFC 9293 §3.1" {
        summary: "An IP or TCP checksum is wrong, usually because of checksum offload; the packet is still used.",
            "IP 或 TCP 校验和错误（通常因网卡卸载）；数据包照样使用。";
        causes: both(
            "On the sending machine, the network card computes the checksum after the capture point. Elsewhere, the packet is damaged.",
            "在发送方本机抓到的包，校验和要到网卡里才填。在别处抓到则说明数据损坏。",
        );
        remedy: both("Capture at the other end, or disable checksum offload.", "到另一端抓包，或关闭校验和卸载。");
        peer: both("A receiver drops a damaged packet, and TCP retransmits it.", "接收方会丢弃损坏的数据包，由 TCP 重传。");
    }
}
