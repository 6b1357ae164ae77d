//! Findings about the capture file, its packets and the limits of the analysis.

use super::{RuleWords, UNSEEN, row, w};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "capture-truncated",
        w(
            "The file ends inside a record or block; everything before it was analysed.",
            "文件在一条记录或一个块的中间结束；之前的内容都已分析。",
        ),
        w(
            "The capturing program was stopped hard, the disk was full, or the file was copied while it was still being written.",
            "抓包程序被强行终止、磁盘写满，或文件还在写入时就被复制。",
        ),
        w(
            "Let the capturing program end by itself (Ctrl-C, not kill -9), or copy the file again.",
            "让抓包程序正常结束（用 Ctrl-C，不要 kill -9），或重新复制文件。",
        ),
        UNSEEN,
    ),
    row(
        "archive-bomb",
        w(
            "A packed capture unpacks to far more than captures do; reading stopped there, and everything before it was analysed.",
            "压缩的抓包文件解开后远大于通常的抓包；读取在那里停止，之前的内容都已分析。",
        ),
        w("Somebody may want to fill memory, a disk or time.", "可能有人想耗尽内存、磁盘或时间。"),
        w(
            "If the file is what you expect, read it with a larger --max-unpacked.",
            "如果文件符合预期，请用更大的 --max-unpacked 读取。",
        ),
        UNSEEN,
    ),
    row(
        "capture-bad-magic",
        w(
            "The file is no pcap, no pcapng and no gzip, zstd or lz4 of one; nothing was read.",
            "文件不是 pcap 或 pcapng，也不是它们的 gzip、zstd 或 lz4 压缩包；什么也没有读。",
        ),
        w("Another kind of file, or another capture format.", "选错了文件，或者是另一种抓包格式。"),
        w(
            "Check that this is the file you mean. Other capture formats can be converted: editcap -F pcapng IN OUT.",
            "确认文件没有选错。其他抓包格式可以转换：editcap -F pcapng IN OUT。",
        ),
        UNSEEN,
    ),
    row(
        "capture-bad-record-length",
        w(
            "A record claims more bytes than the file, its snap length or 16 MiB can hold; reading stops there.",
            "一条记录声称的字节数超过了文件、截断长度或 16 MiB 的上限；读取到此为止。",
        ),
        w(
            "The file was damaged, often by a transfer in text mode or by two programs writing to it.",
            "文件已损坏，常见于以文本模式传输，或两个程序同时写入。",
        ),
        w("Copy it again in binary mode.", "以二进制模式重新复制文件。"),
        UNSEEN,
    ),
    row(
        "capture-bad-block",
        w(
            "A pcapng block contradicts itself: its length is below 12, no multiple of 4, past the end or unlike its trailer, or its fields do not fit into it.",
            "一个 pcapng 块自相矛盾：长度小于 12、不是 4 的倍数、超出文件末尾、与块尾的长度不一致，或字段放不下。",
        ),
        w("The file was damaged or written by a faulty program.", "文件已损坏，或由有缺陷的程序写成。"),
        w(
            "Reading goes on at the next block that is whole; packets between are lost. Copy or record it again.",
            "读取会从下一个完整的块继续，中间的数据包丢失。请重新复制或重新抓包。",
        ),
        UNSEEN,
    ),
    row(
        "capture-unknown-block",
        w("A block of unknown type was skipped.", "跳过了一个类型未知的块。"),
        w(
            "It holds something that only the program that wrote it knows.",
            "块里的内容只有写它的程序才认识。",
        ),
        w("Nothing: packets are not affected.", "不用处理：数据包不受影响。"),
        UNSEEN,
    ),
    row(
        "capture-unknown-interface",
        w(
            "A packet names an interface that no Interface Description Block has described; it was skipped and counted.",
            "一个数据包引用了没有 Interface Description Block 描述过的接口；它被跳过并计数。",
        ),
        w(
            "The file was cut at its start, joined without its section headers, or written by a faulty program.",
            "文件开头被截掉、拼接时漏了节头，或由有缺陷的程序写成。",
        ),
        w("Join files with mergecap instead of cat.", "合并文件请用 mergecap，不要用 cat。"),
        UNSEEN,
    ),
    row(
        "capture-time-backwards",
        w(
            "Timestamps go backwards; stream order is by sequence number, never by time.",
            "时间戳倒退；流的顺序由序列号决定，与时间无关。",
        ),
        w(
            "Usual with several interfaces or processor cores, or when the clock was set.",
            "多个接口或多个处理器核心同时抓包，或时钟被调整时很常见。",
        ),
        w(
            "Take time differences around it with care. reordercap sorts a file by time.",
            "附近的时间差要谨慎看待。reordercap 可以按时间给文件排序。",
        ),
        UNSEEN,
    ),
    row(
        "capture-kernel-drops",
        w("Live capture: the kernel or the interface dropped packets.", "实时抓包：内核或网卡丢了数据包。"),
        w("More packets came than were taken.", "数据包来得比取走的快。"),
        w(
            "Filter by port (-f), give the kernel a larger buffer (--buffer), or keep the machine less busy.",
            "按端口过滤（-f），加大内核缓冲区（--buffer），或减轻机器的负载。",
        ),
        UNSEEN,
    ),
    row(
        "capture-queue-drops",
        w(
            "Live capture: packets went out of the spool before they were analysed.",
            "实时抓包：数据包还没分析，就从暂存区里移走了。",
        ),
        w("Packets came faster than they could be analysed.", "数据包来得比分析的快。"),
        w(
            "Filter by port (-f), give the spool more room, or write a file and read it afterwards.",
            "按端口过滤（-f），加大暂存空间，或先写成文件、之后再读。",
        ),
        UNSEEN,
    ),
    row(
        "packet-empty",
        w("A record of zero captured bytes.", "一条没有抓到任何字节的记录。"),
        w(
            "Some capture programs write them for events that are no packets.",
            "有些抓包程序用它记录并非数据包的事件。",
        ),
        w("Nothing: there is nothing in it to analyse.", "不用处理：里面没有可分析的内容。"),
        UNSEEN,
    ),
    row(
        "packet-malformed",
        w(
            "A link, IP or TCP header does not fit its packet, which was skipped and counted, or read as far as it goes.",
            "链路层、IP 或 TCP 首部与数据包不符；该包被跳过并计数，或只读到能读的地方。",
        ),
        w(
            "A damaged capture, a tool that rewrote packets, or a sender that probes parsers.",
            "抓包文件损坏、某个工具改写过数据包，或发送方在试探解析器。",
        ),
        w(
            "Compare with the same traffic captured elsewhere. A packet that was skipped is not part of any stream.",
            "与别处抓到的同一流量比较。被跳过的包不属于任何流。",
        ),
        w(
            "A real receiver drops such a packet, and TCP sends it again.",
            "真正的接收方会丢弃这样的包，由 TCP 重传。",
        ),
    ),
    row(
        "capture-unsupported-linktype",
        w(
            "Packets of a link type that cannot be decoded; they are counted.",
            "数据包的链路类型无法解码；只计数。",
        ),
        w(
            "They were recorded on an interface of an unusual kind, such as USB or Bluetooth.",
            "在不常见的接口上抓包，例如 USB 或蓝牙。",
        ),
        w(
            "Record on another interface, or with another link type (tcpdump -y).",
            "换一个接口抓包，或换一种链路类型（tcpdump -y）。",
        ),
        UNSEEN,
    ),
    row(
        "capture-unknown-ethertype",
        w(
            "Packets of an Ethernet type that wslens does not know; they are counted as not-ip.",
            "数据包的以太网类型 wslens 不认识；计入 not-ip。",
        ),
        w(
            "Other protocols share the network, or a switch put a header of its own before IP.",
            "网络上还有其他协议，或者交换机在 IP 之前加了自己的首部。",
        ),
        w(
            "If WebSocket traffic is missing, record at another point, or remove the header with editcap -C.",
            "如果缺少 WebSocket 流量，换一个位置抓包，或者用 editcap -C 去掉这个首部。",
        ),
        UNSEEN,
    ),
    row(
        "packet-truncated",
        w(
            "A packet of a followed stream was cut by the snap length: claimed bytes are treated as missing. Where opening handshakes are cut, another finding says how many packets of the capture are.",
            "所跟踪的流中有数据包被截断长度切短；缺少的字节按丢失处理。如果握手被切短，另一条发现会说明抓包中有多少个包被切短。",
        ),
        w("The capture ran with a small snap length (tcpdump -s).", "抓包时截断长度设得太小（tcpdump -s）。"),
        w("Record whole packets (tcpdump -s 0).", "完整地抓包（tcpdump -s 0）。"),
        UNSEEN,
    ),
    row(
        "limit-connections",
        w(
            "Connection table full: oldest idle connection was closed and reported.",
            "连接表已满：空闲最久的连接被结束并输出。",
        ),
        w("More connections at once than are followed.", "同时存在的连接超过了跟踪上限。"),
        w("Filter the capture, or raise --max-connections.", "先过滤抓包，或调大 --max-connections。"),
        UNSEEN,
    ),
    row(
        "limit-stream-memory",
        w(
            "Out-of-order buffer of one stream full: waiting bytes were given up as a gap.",
            "一个流的乱序缓冲区已满：等待中的字节按缺口放弃。",
        ),
        w(
            "A segment was lost from the capture and nobody acknowledged it.",
            "抓包丢了一个报文段，也没有人确认过它。",
        ),
        w(
            "Capture without loss, or raise --mem-stream to wait for longer.",
            "避免抓包丢包，或调大 --mem-stream 以等待更久。",
        ),
        UNSEEN,
    ),
    row(
        "limit-total-memory",
        w(
            "All connections together held more than the bound: the largest gave up holes, then payloads, then compression windows. Where that was not enough, the connections that were silent for longest were given up.",
            "所有连接合计超过内存上限：最大的连接先放弃缺口，再放弃未完成消息的内容，最后放弃压缩窗口。如果还不够，沉默最久的连接被放弃。",
        ),
        w(
            "Very many connections are open at once, or their streams wait for lost segments, or hold long heads, long messages or compression windows.",
            "同时打开的连接太多，或太多的流在等丢失的报文段，或保存着很长的头部、消息或压缩窗口。",
        ),
        w("Raise --mem-total, or filter the capture.", "调大 --mem-total，或先过滤抓包。"),
        UNSEEN,
    ),
    row(
        "flow-timeout",
        w("Idle connection was closed by the flow timer.", "空闲连接被流计时器结束。"),
        w(
            "Nothing was captured of it for a long time: it is idle, or its packets take another way.",
            "很久没有抓到它的数据包：连接空闲，或数据包走了别的路。",
        ),
        w(
            "Nothing, if it is idle. Packets that come later begin a new connection here.",
            "若只是空闲则不用处理。之后再来的数据包在这里算作新连接。",
        ),
        UNSEEN,
    ),
    row(
        "connect-failed",
        w(
            "A TCP connection to a server with WebSockets never opened: its SYN got no answer, or a RST.",
            "到有 WebSocket 的服务器的 TCP 连接没有打开：SYN 没有回答，或得到 RST。",
        ),
        w(
            "No answer: a firewall drops the packets, or the host is down. A RST: nothing listens on that port.",
            "没有回答：防火墙丢弃了数据包，或主机不在线。RST：那个端口上没有程序监听。",
        ),
        w(
            "Check address, port and firewall; capture at the server to see whether the SYN arrives.",
            "检查地址、端口和防火墙；在服务器上抓包，看 SYN 是否到达。",
        ),
        w(
            "The client waits until its own timeout, or reports \"connection refused\" at once.",
            "客户端一直等到自己的超时，或立即报 “connection refused”。",
        ),
    ),
    row(
        "exported-pdu",
        w(
            "Wireshark exported payload without the TCP headers (Export PDUs, tshark -U). The bytes are read in the order of the packets; what is missing between them cannot be seen.",
            "这些载荷由 Wireshark 导出，没有 TCP 头（Export PDUs，tshark -U）。字节按数据包的顺序读取；中间缺少什么无法看出。",
        ),
        w(
            "Somebody exported decrypted traffic to pass it on without the keys.",
            "有人导出了解密后的流量，以便不带密钥地转交。",
        ),
        w(
            "If frames look damaged, ask for the original capture with its key log, or export the layer below: tshark -U 'OSI layer 4'.",
            "若帧看起来损坏，请索取原始抓包和密钥日志，或导出下面一层：tshark -U 'OSI layer 4'。",
        ),
        UNSEEN,
    ),
    row(
        "exported-pdu-unused",
        w(
            "Exported PDUs that are not bytes of a TCP stream were counted, by the names of their dissectors.",
            "不属于 TCP 流字节的导出 PDU 按解析器名称计数。",
        ),
        w("The file holds PDUs of other protocols too.", "文件里还有其他协议的 PDU。"),
        w("Nothing, if no WebSocket is among them.", "如果其中没有 WebSocket，不用处理。"),
        UNSEEN,
    ),
];
