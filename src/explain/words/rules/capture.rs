//! Findings about the capture file, its packets and the limits of the analysis.

use super::{RuleWords, UNSEEN, both, row};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "capture-truncated",
        both(
            "The file ends inside a record or block; everything before it was analyzed.",
            "文件在一条记录或一个块的中间结束；之前的内容都已分析。",
        ),
        both(
            "The capture program was killed, the disk was full, or the file was copied while it was still being written.",
            "抓包程序被强行终止、磁盘写满，或文件还在写入时就被复制。",
        ),
        both(
            "Stop the capture program with Ctrl-C, not with kill -9, or copy the file again.",
            "让抓包程序正常结束（用 Ctrl-C，不要 kill -9），或重新复制文件。",
        ),
        UNSEEN,
    ),
    row(
        "archive-bomb",
        both(
            "A compressed capture decompresses to an implausible size; reading stopped there, and everything before it was analyzed.",
            "压缩的抓包文件解压后的大小不合理；读取在该处停止，之前的内容都已分析。",
        ),
        both("The file may be a decompression bomb.", "文件可能是解压炸弹。"),
        both("If you trust the file, raise --max-unpacked.", "如果信任这个文件，请调大 --max-unpacked。"),
        UNSEEN,
    ),
    row(
        "capture-bad-magic",
        both(
            "The file is not pcap or pcapng, nor one compressed with gzip, zstd or lz4; nothing was read.",
            "文件不是 pcap 或 pcapng，也不是它们的 gzip、zstd 或 lz4 压缩包；什么也没有读。",
        ),
        both(
            "It is another kind of file, or a capture in another format.",
            "选错了文件，或者是另一种抓包格式。",
        ),
        both(
            "Check the file name. To convert another capture format, run: editcap -F pcapng IN OUT.",
            "确认文件没有选错。其他抓包格式可以转换：editcap -F pcapng IN OUT。",
        ),
        UNSEEN,
    ),
    row(
        "capture-bad-record-length",
        both(
            "A record claims more bytes than the file, the snap length or the limit of 16 MiB allows; reading stops there.",
            "一条记录声称的字节数超过了文件、截断长度或 16 MiB 的上限；读取到此为止。",
        ),
        both(
            "The file was damaged, often by a transfer in text mode or by two programs writing to it.",
            "文件已损坏，常见于以文本模式传输，或两个程序同时写入。",
        ),
        both("Copy it again in binary mode.", "以二进制模式重新复制文件。"),
        UNSEEN,
    ),
    row(
        "capture-bad-block",
        both(
            "A pcapng block is inconsistent: its length is below 12, not a multiple of 4, beyond the end of the file or different from its trailer, or its fields do not fit.",
            "一个 pcapng 块自相矛盾：长度小于 12、不是 4 的倍数、超出文件末尾、与块尾的长度不一致，或字段放不下。",
        ),
        both("The file was damaged or written by a faulty program.", "文件已损坏，或由有缺陷的程序写成。"),
        both(
            "Copy the file or capture again. wslens continues at the next intact block; the packets in between are lost.",
            "请重新复制文件或重新抓包。wslens 从下一个完好的块继续，中间的数据包丢失。",
        ),
        UNSEEN,
    ),
    row(
        "capture-unknown-block",
        both("A block of unknown type was skipped.", "跳过了一个类型未知的块。"),
        both("Only the program that wrote the block knows its contents.", "块里的内容只有写它的程序才认识。"),
        both("Nothing; packets are not affected.", "不用处理：数据包不受影响。"),
        UNSEEN,
    ),
    row(
        "capture-unknown-interface",
        both(
            "A packet refers to an interface without an Interface Description Block; it was skipped and counted.",
            "一个数据包引用了没有 Interface Description Block 描述过的接口；它被跳过并计数。",
        ),
        both(
            "The start of the file is missing, files were joined without their section headers, or the program that wrote it is faulty.",
            "文件开头被截掉、拼接时漏了节头，或由有缺陷的程序写成。",
        ),
        both("Join files with mergecap instead of cat.", "合并文件请用 mergecap，不要用 cat。"),
        UNSEEN,
    ),
    row(
        "capture-time-backwards",
        both(
            "Timestamps go backward; wslens orders streams by sequence number, never by time.",
            "时间戳倒退；流的顺序由序列号决定，与时间无关。",
        ),
        both(
            "This is common with several interfaces or CPU cores, or after the clock was set.",
            "多个接口或多个处理器核心同时抓包，或时钟被调整时很常见。",
        ),
        both(
            "Do not rely on time differences near this packet. reordercap sorts a file by time.",
            "附近的时间差要谨慎看待。reordercap 可以按时间给文件排序。",
        ),
        UNSEEN,
    ),
    row(
        "capture-kernel-drops",
        both(
            "Live capture: the kernel or the interface dropped packets.",
            "实时抓包：内核或网卡丢了数据包。",
        ),
        both("Packets arrived faster than wslens read them.", "数据包来得比取走的快。"),
        both(
            "Filter by port (-f), raise the size of the kernel's buffer (--buffer), or reduce the load on the machine.",
            "按端口过滤（-f），加大内核缓冲区（--buffer），或减轻机器的负载。",
        ),
        UNSEEN,
    ),
    row(
        "capture-queue-drops",
        both(
            "Live capture: packets were discarded from the spool before they were analyzed.",
            "实时抓包：数据包在分析之前就从暂存区中丢弃了。",
        ),
        both("Packets arrived faster than wslens analyzed them.", "数据包来得比分析的快。"),
        both(
            "Filter by port (-f), raise --max-disk, or save to a file and read it afterward.",
            "按端口过滤（-f），加大暂存空间，或先写成文件、之后再读。",
        ),
        UNSEEN,
    ),
    row(
        "packet-empty",
        both("A record contains no captured bytes.", "一条没有抓到任何字节的记录。"),
        both(
            "Some capture programs write such records for events that are not packets.",
            "有些抓包程序用它记录并非数据包的事件。",
        ),
        both("Nothing; the record has no data to analyze.", "不用处理：里面没有可分析的内容。"),
        UNSEEN,
    ),
    row(
        "packet-malformed",
        both(
            "A link, IP or TCP header does not fit its packet; the packet was skipped and counted, or read as far as possible.",
            "链路层、IP 或 TCP 首部与数据包不符；该包被跳过并计数，或只读到能读的地方。",
        ),
        both(
            "The capture is damaged, a tool rewrote the packets, or the sender probes parsers.",
            "抓包文件损坏、某个工具改写过数据包，或发送方在试探解析器。",
        ),
        both(
            "Compare with a capture of the same traffic from another place. Skipped packets are not part of any stream.",
            "与别处抓到的同一流量比较。被跳过的包不属于任何流。",
        ),
        both(
            "A receiver drops such a packet, and TCP retransmits it.",
            "真正的接收方会丢弃这样的包，由 TCP 重传。",
        ),
    ),
    row(
        "capture-unsupported-linktype",
        both(
            "wslens cannot decode the link type of these packets; they are only counted.",
            "数据包的链路类型无法解码；只计数。",
        ),
        both(
            "They were captured on an unusual kind of interface, such as USB or Bluetooth.",
            "在不常见的接口上抓包，例如 USB 或蓝牙。",
        ),
        both(
            "Capture on another interface, or with another link type (tcpdump -y).",
            "换一个接口抓包，或换一种链路类型（tcpdump -y）。",
        ),
        UNSEEN,
    ),
    row(
        "capture-unknown-ethertype",
        both(
            "wslens does not know the EtherType of these packets; they are counted as not-ip.",
            "数据包的以太网类型 wslens 不认识；计入 not-ip。",
        ),
        both(
            "Other protocols share the network, or a switch added its own header before IP.",
            "网络上还有其他协议，或者交换机在 IP 之前加了自己的首部。",
        ),
        both(
            "If WebSocket traffic is missing, capture at another point, or remove the header with editcap -C.",
            "如果缺少 WebSocket 流量，换一个位置抓包，或者用 editcap -C 去掉这个首部。",
        ),
        UNSEEN,
    ),
    row(
        "packet-truncated",
        both(
            "The snap length truncated a packet of this stream; the cut bytes are treated as missing.",
            "流中的一个数据包因 snap length 被截断；被截掉的字节按丢失处理。",
        ),
        both(
            "The capture ran with a small snap length (tcpdump -s).",
            "抓包时截断长度设得太小（tcpdump -s）。",
        ),
        both("Capture complete packets (tcpdump -s 0).", "完整地抓包（tcpdump -s 0）。"),
        UNSEEN,
    ),
    row(
        "limit-connections",
        both(
            "The connection table is full; the connection idle longest was ended and reported.",
            "连接表已满：空闲最久的连接被结束并输出。",
        ),
        both("More connections are open at once than wslens follows.", "同时存在的连接超过了跟踪上限。"),
        both("Filter the capture, or raise --max-connections.", "先过滤抓包，或调大 --max-connections。"),
        UNSEEN,
    ),
    row(
        "limit-stream-memory",
        both(
            "The out-of-order buffer of a stream is full; wslens stopped waiting for the missing bytes and reports a gap.",
            "一个流的乱序缓冲区已满；wslens 不再等待缺失的字节，并报告缺口。",
        ),
        both(
            "The capture lacks a segment that the receiver did not acknowledge.",
            "抓包缺少一个报文段，接收方也没有确认它。",
        ),
        both(
            "Capture without loss, or raise --mem-stream to wait longer.",
            "避免抓包丢包，或调大 --mem-stream 以等待更久。",
        ),
        UNSEEN,
    ),
    row(
        "limit-total-memory",
        both(
            "All connections together reached the memory limit. wslens stopped waiting at gaps, then discarded payloads and compression windows, starting with the largest, and then ended the connections idle longest.",
            "所有连接合计达到内存上限。wslens 从最大的开始，先停止等待缺口，再丢弃载荷和压缩窗口，最后结束空闲最久的连接。",
        ),
        both(
            "Many connections are open at once, or their streams wait for lost segments or hold long headers, long messages or compression windows.",
            "同时打开的连接太多，或太多的流在等丢失的报文段，或保存着很长的首部、消息或压缩窗口。",
        ),
        both("Raise --mem-total, or filter the capture.", "调大 --mem-total，或先过滤抓包。"),
        UNSEEN,
    ),
    row(
        "flow-timeout",
        both("The connection was idle for too long and is treated as ended.", "连接空闲太久，视为已结束。"),
        both(
            "No packet of the connection was captured for a long time: it is idle, or its packets take another route.",
            "很久没有抓到它的数据包：连接空闲，或数据包走了别的路。",
        ),
        both(
            "Nothing, if it is idle. Later packets start a new connection in wslens.",
            "若只是空闲则不用处理。之后再来的数据包在这里算作新连接。",
        ),
        UNSEEN,
    ),
    row(
        "connect-failed",
        both(
            "A TCP connection to a WebSocket server was not established: the SYN was unanswered or reset.",
            "到 WebSocket 服务器的 TCP 连接没有建立：SYN 没有响应，或被 RST 重置。",
        ),
        both(
            "No reply: a firewall drops the packets, or the host is down. RST: no program listens on the port.",
            "没有回答：防火墙丢弃了数据包，或主机不在线。RST：那个端口上没有程序监听。",
        ),
        both(
            "Check the address, the port and the firewall; capture at the server to see whether the SYN arrives.",
            "检查地址、端口和防火墙；在服务器上抓包，看 SYN 是否到达。",
        ),
        both(
            "The client times out, or reports \"connection refused\" at once.",
            "客户端一直等到自己的超时，或立即报 “connection refused”。",
        ),
    ),
    row(
        "exported-pdu",
        both(
            "The payloads were exported by Wireshark without TCP headers (Export PDUs, tshark -U). wslens reads them in packet order and cannot detect missing bytes.",
            "这些载荷由 Wireshark 导出，没有 TCP 首部（Export PDUs，tshark -U）。字节按数据包的顺序读取；中间缺少什么无法看出。",
        ),
        both(
            "Decrypted traffic was exported to share it without the TLS secrets.",
            "有人导出了解密后的流量，以便不带密钥地转交。",
        ),
        both(
            "If frames look damaged, ask for the original capture with its key log, or export the layer below: tshark -U 'OSI layer 4'.",
            "若帧看起来损坏，请索取原始抓包和密钥日志，或导出下面一层：tshark -U 'OSI layer 4'。",
        ),
        UNSEEN,
    ),
    row(
        "exported-pdu-unused",
        both(
            "Exported PDUs that are not TCP stream data were counted by dissector name.",
            "不属于 TCP 流字节的导出 PDU 按解析器名称计数。",
        ),
        both("The file also contains PDUs of other protocols.", "文件里还有其他协议的 PDU。"),
        both("Nothing, if they contain no WebSocket.", "如果其中没有 WebSocket，不用处理。"),
        UNSEEN,
    ),
];
