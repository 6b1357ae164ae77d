//! Findings about IP and TCP.

use super::{IGNORES, RuleWords, SEES_1006, TCP_REPAIRS, UNSEEN, both, row};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "ip-fragment-overlap",
        both(
            "Fragments of an IP datagram overlap with different bytes; wslens keeps the first copy.",
            "一个 IP 数据报的分片互相重叠且内容不同；保留先到的一份。",
        ),
        both(
            "Ordinary senders do not do this; it is a technique to show an observer different bytes than the receiver.",
            "正常的发送方不会这样做：这是让监视者和接收方看到不同字节的手法。",
        ),
        both(
            "Find out who sent the fragments, and do not trust this data.",
            "查清是谁发的，并对读到的内容存疑。",
        ),
        both(
            "IPv6 receivers drop the datagram (RFC 5722); IPv4 receivers differ in which copy they use.",
            "IPv6 接收方丢弃整个数据报（RFC 5722）；IPv4 系统取哪一份各不相同。",
        ),
    ),
    row(
        "ip-fragment-incomplete",
        both("A fragmented IP datagram was never completed.", "一个分片的 IP 数据报始终没有收齐。"),
        both(
            "Fragments were lost in the network, dropped by the capture program, or discarded at a limit.",
            "分片在路上丢失、被抓包漏掉，或因达到上限而放弃。",
        ),
        both(
            "Look for a path with a small MTU. The bytes of the datagram are missing from the stream.",
            "流里缺少这些字节。检查路径上是否有过小的 MTU。",
        ),
        TCP_REPAIRS,
    ),
    row(
        "bad-checksum",
        both(
            "An IP or TCP checksum is wrong, usually because of checksum offload; the packet is still used.",
            "IP 或 TCP 校验和错误（通常因网卡卸载）；数据包照样使用。",
        ),
        both(
            "On the sending machine, the network card computes the checksum after the capture point. Elsewhere, the packet is damaged.",
            "在发送方本机抓到的包，校验和要到网卡里才填。在别处抓到则说明数据损坏。",
        ),
        both("Capture at the other end, or disable checksum offload.", "到另一端抓包，或关闭校验和卸载。"),
        both(
            "A receiver drops a damaged packet, and TCP retransmits it.",
            "接收方会丢弃损坏的数据包，由 TCP 重传。",
        ),
    ),
    row(
        "tcp-retransmission",
        both("A segment was retransmitted with the same bytes.", "一个报文段被重传，内容相同。"),
        both(
            "Packets were lost or delayed between the capture point and the receiver, or the capture contains each packet twice.",
            "抓包点与接收方之间有丢包或延迟，或者每个包被抓了两次。",
        ),
        both(
            "A few are normal. Many slow the connection down: check the network path, not WebSocket.",
            "少量属于正常。大量重传会拖慢连接：问题在网络路径，不在 WebSocket。",
        ),
        TCP_REPAIRS,
    ),
    row(
        "tcp-out-of-order",
        both(
            "A segment arrived out of order, before bytes that precede it.",
            "一个报文段先于它前面的字节到达。",
        ),
        both("Packets take several paths or queues.", "存在多条路径或多个队列。"),
        both("Nothing; wslens reassembles the stream in order.", "不用处理：流在读取之前已重新排好序。"),
        TCP_REPAIRS,
    ),
    row(
        "tcp-overlap-conflict",
        both(
            "Segments carry different bytes for the same sequence numbers, so the receiver may have read a different message. wslens uses the first copy and keeps the other.",
            "相同的序列号对应不同的字节，因此接收方读到的消息可能不同。wslens 采用先到的一份，并保留另一份。",
        ),
        both(
            "A middlebox is faulty, a packet is damaged, or an attacker wants an observer to read different bytes than the receiver.",
            "有故障的中间设备、损坏的数据包，或有人想让观察者与接收方读到不同的字节。",
        ),
        both(
            "Compare both copies, and capture at the receiver to see which one it read.",
            "比较两份内容；在接收方抓包，看它实际读到什么。",
        ),
        both(
            "Which copy the receiver uses depends on its TCP implementation.",
            "接收方取哪一份，取决于它的 TCP 实现。",
        ),
    ),
    row(
        "tcp-gap",
        both(
            "Bytes of the stream are missing from the capture; the finding gives their number and position.",
            "抓包中缺少流的一些字节；发现中给出数量和位置。",
        ),
        both(
            "The capture lost packets, or began or ended during the connection.",
            "抓包丢了数据包，或在中途开始、中途结束。",
        ),
        both(
            "Check the drop counters and capture again. The receiver got these bytes if it acknowledged them.",
            "查看丢包计数，重新抓包。如果接收方确认过，这些字节它是收到了的。",
        ),
        UNSEEN,
    ),
    row(
        "tcp-midstream",
        both(
            "The connection began before the capture: its SYN and its opening handshake were not captured.",
            "连接在抓包之前已建立：没有抓到 SYN 和握手。",
        ),
        both("The capture started while the connection was open.", "在连接已经打开时才开始抓包。"),
        both(
            "Start the capture before the connection, or reconnect while capturing.",
            "在连接之前开始抓包，或在抓包时重新连接。",
        ),
        UNSEEN,
    ),
    row(
        "tcp-one-direction",
        both("Only one side of the connection was captured.", "只抓到了连接的一个方向。"),
        both(
            "Routing is asymmetric, or a mirror port copies only one direction.",
            "路由不对称，或镜像端口只复制一个方向。",
        ),
        both(
            "Capture on one of the two machines, or mirror both directions.",
            "在两端之一的机器上抓包，或让镜像端口复制两个方向。",
        ),
        UNSEEN,
    ),
    row(
        "tcp-keep-alive",
        both(
            "A TCP keep-alive probe: a segment with 0 or 1 old bytes just below the next sequence number.",
            "保活探测（比下一个序列号小一，带 0 或 1 个旧字节）。",
        ),
        both("Normal on idle connections.", "空闲连接上的正常现象。"),
        both(
            "Nothing. It keeps only TCP alive; proxies that inspect WebSocket need pings.",
            "不用处理。它只维持 TCP：会看 WebSocket 的代理还需要 ping。",
        ),
        both("The peer's TCP acknowledges it.", "对端的 TCP 回一个确认。"),
    ),
    row(
        "tcp-zero-window",
        both(
            "The receiver closed its window, so the sender cannot send.",
            "接收方的窗口为零，发送方无法继续发送。",
        ),
        both("The receiving application does not read fast enough.", "接收方的应用读得不够快。"),
        both(
            "Look for a slow consumer, such as a blocked event loop or a long queue behind it.",
            "查找读得慢的一方：事件循环被阻塞，或后面的队列处理不过来。",
        ),
        both("The sender waits and probes the window.", "发送方必须等待，并探测窗口何时打开。"),
    ),
    row(
        "tcp-window-probe",
        both(
            "The sender probes whether the receive window is still closed.",
            "发送方询问接收窗口是否仍为零（零窗口探测）。",
        ),
        both(
            "This is normal while the window is closed because the receiving application does not read.",
            "窗口为零期间的正常现象：接收方的应用没有读取数据。",
        ),
        both(
            "Find out why the receiver does not read (see tcp-zero-window).",
            "查明接收方为什么不读；见 tcp-zero-window。",
        ),
        both("The receiver replies with its window size.", "接收方回复它当前的窗口大小。"),
    ),
    row(
        "tcp-urgent",
        both(
            "A segment has the URG flag. wslens keeps the urgent byte in the stream; the receiver may remove it.",
            "报文段带有 URG 标志。wslens 把紧急字节保留在流中；接收方可能把它取出。",
        ),
        both(
            "WebSocket peers do not send urgent data: a device is faulty, or this is an attempt to mislead an observer.",
            "WebSocket 两端都不会发紧急数据：多半是设备故障，或有人想误导观察者。",
        ),
        both(
            "Do not trust the frames after it; the observer and the receiver may read different bytes.",
            "之后的帧要存疑：观察者与接收方读到的字节可能不同。",
        ),
        both(
            "Systems differ: some deliver the byte in the stream, others out of band.",
            "各系统不同：有的留在流中，有的作为带外数据取出。",
        ),
    ),
    row(
        "tcp-syn-data",
        both("The SYN carries data (TCP Fast Open).", "SYN 里带有数据（TCP Fast Open）。"),
        both("Both sides use TCP Fast Open.", "两端都启用了 Fast Open。"),
        both("Nothing; it saves one round trip.", "不用处理：它省去一次往返。"),
        IGNORES,
    ),
    row(
        "tcp-reset",
        both("The connection was reset without a closing handshake.", "连接被重置，没有经过关闭握手。"),
        both(
            "A process crashed, a socket was closed with unread data, or a middlebox dropped the connection from its table.",
            "进程崩溃、套接字里还有未读数据就被关闭，或中间设备丢了连接状态。",
        ),
        both(
            "Check who sent the RST and what came before it. Pings keep middleboxes from dropping idle connections.",
            "看是谁发的 RST、之前发生了什么；用 ping 可以防止中间设备遗忘连接。",
        ),
        SEES_1006,
    ),
    row(
        "tcp-reset-ignored",
        both(
            "A RST is outside the window; the receiver ignores it, and so does wslens.",
            "窗口之外的 RST：接收方会忽略它，wslens 也忽略。",
        ),
        both(
            "A late RST from an earlier connection, or an attacker who guesses sequence numbers.",
            "来自先前连接的迟到 RST，或有人在猜测序列号。",
        ),
        both("Nothing; the connection continues.", "不用处理：连接继续。"),
        UNSEEN,
    ),
    row(
        "tcp-fin-ignored",
        both(
            "The receiver did not accept a FIN: it acknowledged bytes after it.",
            "接收方没有接受的 FIN：它确认了 FIN 之后的字节。",
        ),
        both(
            "An attacker wants an observer to believe that the side has finished, or the FIN has an acknowledgment number outside the window.",
            "攻击者想让观察者以为这一端已经结束，或 FIN 的确认号在窗口之外。",
        ),
        both("Check whether the FIN really comes from that host.", "查看这个 FIN 是否真的来自那台主机。"),
        UNSEEN,
    ),
    row(
        "tcp-ack-missing",
        both(
            "A segment without ACK arrived on an open connection; the receiver drops it, and so does wslens.",
            "已建立的连接上没有 ACK 标志的报文段：接收方会丢弃它，wslens 也丢弃。",
        ),
        both(
            "An attacker wants an observer to read different bytes than the receiver.",
            "有人想让观察者读到与接收方不同的字节。",
        ),
        both(
            "Check whether the segment really comes from that host.",
            "查看这个报文段是否真的来自那台主机。",
        ),
        UNSEEN,
    ),
    row(
        "tcp-data-after-fin",
        both("A side sent bytes beyond the sequence number of its FIN.", "在 FIN 的序列号之后还有字节。"),
        both("The sender is faulty, or the segments are forged.", "发送方有缺陷，或报文段是伪造的。"),
        both(
            "Check whether the segments really come from that host.",
            "查看这些报文段是否真的来自那台主机。",
        ),
        both("The receiver ignores them.", "接收方会忽略它们。"),
    ),
    row(
        "tcp-data-after-reset",
        both(
            "A side continued to send after a RST, which is forged or late.",
            "RST 之后仍有一方继续发送（RST 是伪造的或迟到的）。",
        ),
        both("The RST may be forged; the peers ignored it.", "RST 可能是伪造的：两端都没有理会。"),
        both(
            "Look for a device on the path that sends RSTs; compare TTL and sequence numbers.",
            "查找路径上是否有设备在发 RST；比较 TTL 和序列号。",
        ),
        both(
            "A receiver that accepted the RST replies to further data with its own RST.",
            "接受了 RST 的一方，对后来的数据会再回 RST。",
        ),
    ),
    row(
        "tcp-port-reuse",
        both(
            "A new connection reuses the addresses and ports of an earlier one.",
            "新连接使用了先前连接的地址和端口。",
        ),
        both(
            "This is normal for clients that reconnect quickly from a fixed port.",
            "客户端用固定端口快速重连时很正常。",
        ),
        both("Nothing; wslens shows two connections.", "不用处理；wslens 显示为两个连接。"),
        IGNORES,
    ),
    row(
        "tcp-split-handshake",
        both("TCP was opened simultaneously, or with a split handshake.", "同时打开，或分开的三次握手。"),
        both(
            "This is rare; some scanners and tests do it on purpose.",
            "少见；有些扫描器和测试会故意这样做。",
        ),
        both("Check that wslens identified the client correctly.", "确认被当作客户端的一方确实是客户端。"),
        IGNORES,
    ),
    row(
        "captured-twice",
        both(
            "Packets occur twice in the capture, with the same IP identification and the same bytes. They are copies made while capturing, not retransmissions; wslens ignores them.",
            "有些数据包在抓包中出现两次，IP 标识和字节都相同。它们是抓包造成的副本，不是重传；wslens 会忽略它们。",
        ),
        both(
            "The interface 'any' sees a packet on a bridge and again on its port, a mirror port sends packets twice, or files from two capture points were merged.",
            "接口 any 在网桥和它的端口上都看到同一个数据包；镜像端口把两个方向都发了两次；或者合并了两个抓包点、两个文件。",
        ),
        both(
            "Nothing; the copies do not change any result. To avoid them, capture on one interface, or run editcap -d.",
            "不用处理：副本不影响结果。要避免它们，只在一个接口上抓包，或运行 editcap -d。",
        ),
        UNSEEN,
    ),
];
