//! Findings about IP and TCP.

use super::{IGNORES, RuleWords, SEES_1006, TCP_REPAIRS, UNSEEN, row, w};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "ip-fragment-overlap",
        w(
            "Fragments of an IP datagram overlap with unequal bytes; the first copy is kept.",
            "一个 IP 数据报的分片互相重叠且内容不同；保留先到的一份。",
        ),
        w(
            "No ordinary sender does this: it is a way to show a monitor other bytes than the receiver.",
            "正常的发送方不会这样做：这是让监视者和接收方看到不同字节的手法。",
        ),
        w("Find out who sent it, and distrust what was read.", "查清是谁发的，并对读到的内容存疑。"),
        w(
            "IPv6 receivers drop the whole datagram (RFC 5722); IPv4 systems differ in which copy they take.",
            "IPv6 接收方丢弃整个数据报（RFC 5722）；IPv4 系统取哪一份各不相同。",
        ),
    ),
    row(
        "ip-fragment-incomplete",
        w("A fragmented IP datagram was never completed.", "一个分片的 IP 数据报始终没有收齐。"),
        w(
            "Fragments were lost on the way, dropped by the capture, or given up at a limit.",
            "分片在路上丢失、被抓包漏掉，或因达到上限而放弃。",
        ),
        w(
            "Their bytes are missing in the stream. Look for a path whose MTU is too small.",
            "流里缺少这些字节。检查路径上是否有过小的 MTU。",
        ),
        TCP_REPAIRS,
    ),
    row(
        "bad-checksum",
        w(
            "IP or TCP checksum is wrong (usually offload); the packet is still used.",
            "IP 或 TCP 校验和错误（通常因网卡卸载）；数据包照样使用。",
        ),
        w(
            "Packets captured on the machine that sends them get their checksum only in the network card. Elsewhere it is damage.",
            "在发送方本机抓到的包，校验和要到网卡里才填。在别处抓到则说明数据损坏。",
        ),
        w("Capture at the other end, or turn checksum offload off.", "到另一端抓包，或关闭校验和卸载。"),
        w(
            "A receiver drops a packet that really arrives so, and TCP sends it again.",
            "如果包真的这样到达，接收方会丢弃它，由 TCP 重传。",
        ),
    ),
    row(
        "tcp-retransmission",
        w("Bytes already seen came again, equal.", "已经见过的字节又来了一次，内容相同。"),
        w(
            "Loss or delay between the capture point and the receiver, or a capture that holds each packet twice.",
            "抓包点与接收方之间有丢包或延迟，或者每个包被抓了两次。",
        ),
        w(
            "A few are normal. Many cost time: look at the path, not at WebSocket.",
            "少量属于正常。大量重传会拖慢连接：问题在网络路径，不在 WebSocket。",
        ),
        TCP_REPAIRS,
    ),
    row(
        "tcp-out-of-order",
        w("A segment arrived before bytes that precede it.", "一个报文段先于它前面的字节到达。"),
        w("Several paths or queues.", "存在多条路径或多个队列。"),
        w("Nothing: the stream is put in order before it is read.", "不用处理：流在读取之前已重新排好序。"),
        TCP_REPAIRS,
    ),
    row(
        "tcp-overlap-conflict",
        w(
            "The same sequence numbers carry different bytes: either side may have read another message. First copy wins, the other is kept.",
            "相同的序列号带来不同的字节：接收方读到的消息可能与这里不同。以先到的为准，另一份也保留。",
        ),
        w(
            "A broken middlebox, a damaged packet, or somebody who wants an observer to read other bytes than the receiver.",
            "有故障的中间设备、损坏的数据包，或有人想让观察者与接收方读到不同的字节。",
        ),
        w(
            "Compare both copies; capture at the receiver to see what it read.",
            "比较两份内容；在接收方抓包，看它实际读到什么。",
        ),
        w("Which copy a receiver takes depends on its TCP.", "接收方取哪一份，取决于它的 TCP 实现。"),
    ),
    row(
        "tcp-gap",
        w(
            "Bytes of the stream are not in the capture; how many and where is shown.",
            "流中有字节不在抓包里；会显示缺多少、缺在哪里。",
        ),
        w(
            "The capture lost packets, or began or ended in between.",
            "抓包丢了数据包，或在中途开始、中途结束。",
        ),
        w(
            "Look at the capture's drop counters and record again. The receiver had these bytes if it acknowledged them.",
            "查看丢包计数，重新抓包。如果接收方确认过，这些字节它是收到了的。",
        ),
        UNSEEN,
    ),
    row(
        "tcp-midstream",
        w(
            "The capture starts after the connection did: no SYN and no handshake seen.",
            "抓包开始时连接已经建立：没有看到 SYN，也没有看到握手。",
        ),
        w("The capture was started while the connection was open.", "在连接已经打开时才开始抓包。"),
        w(
            "Start the capture before the connection, or reconnect while capturing.",
            "在连接之前开始抓包，或在抓包时重新连接。",
        ),
        UNSEEN,
    ),
    row(
        "tcp-one-direction",
        w("Only one side of the connection was captured.", "只抓到了连接的一个方向。"),
        w(
            "Asymmetric routing, or a mirror port that copies one direction only.",
            "路由不对称，或镜像端口只复制一个方向。",
        ),
        w(
            "Capture on one of the two machines, or mirror both directions.",
            "在两端之一的机器上抓包，或让镜像端口复制两个方向。",
        ),
        UNSEEN,
    ),
    row(
        "tcp-keep-alive",
        w(
            "Keep-alive probe (0 or 1 stale byte below the next sequence number).",
            "保活探测（比下一个序列号小一，带 0 或 1 个旧字节）。",
        ),
        w("Normal on idle connections.", "空闲连接上的正常现象。"),
        w(
            "Nothing. It keeps TCP alive only: a proxy that looks at WebSocket needs pings.",
            "不用处理。它只维持 TCP：会看 WebSocket 的代理还需要 ping。",
        ),
        w("The other end's TCP acknowledges it.", "对端的 TCP 回一个确认。"),
    ),
    row(
        "tcp-zero-window",
        w("A receiver closed its window; sender stalls.", "接收方把窗口关为零；发送方只能停下等待。"),
        w("The receiving application does not read fast enough.", "接收方的应用读得不够快。"),
        w(
            "Look for a slow consumer: a blocked event loop, or a queue without limit behind it.",
            "查找读得慢的一方：事件循环被阻塞，或后面的队列处理不过来。",
        ),
        w("The sender has to wait and probes the window.", "发送方必须等待，并探测窗口何时打开。"),
    ),
    row(
        "tcp-window-probe",
        w(
            "A sender asks whether the receive window is still closed.",
            "发送方询问接收窗口是否仍为零（零窗口探测）。",
        ),
        w(
            "Normal while a window is closed: the receiving application does not read.",
            "窗口为零期间的正常现象：接收方的应用没有读取数据。",
        ),
        w(
            "Find out why the receiver does not read; see tcp-zero-window.",
            "查明接收方为什么不读；见 tcp-zero-window。",
        ),
        w("The receiver answers with the size of its window.", "接收方回复它当前的窗口大小。"),
    ),
    row(
        "tcp-urgent",
        w(
            "URG flag set: the urgent byte stays in line; a receiver may take it out.",
            "URG 标志被置位：这里把紧急字节留在流中；接收方可能把它取出。",
        ),
        w(
            "No WebSocket peer sends urgent data: a broken device, or an attempt to mislead an observer.",
            "WebSocket 两端都不会发紧急数据：多半是设备故障，或有人想误导观察者。",
        ),
        w(
            "Distrust the frames after it: observer and receiver may read other bytes.",
            "之后的帧要存疑：观察者与接收方读到的字节可能不同。",
        ),
        w(
            "Systems differ: some deliver the byte in line, some out of band.",
            "各系统不同：有的留在流中，有的作为带外数据取出。",
        ),
    ),
    row(
        "tcp-syn-data",
        w("Data in SYN (TCP Fast Open).", "SYN 里带有数据（TCP Fast Open）。"),
        w("Both sides have Fast Open on.", "两端都启用了 Fast Open。"),
        w("Nothing: it saves one round trip.", "不用处理：它省去一次往返。"),
        IGNORES,
    ),
    row(
        "tcp-reset",
        w("The connection was reset without a closing handshake.", "连接被重置，没有经过关闭握手。"),
        w(
            "A process died, a socket was closed with unread data, or a middlebox forgot the connection.",
            "进程崩溃、套接字里还有未读数据就被关闭，或中间设备丢了连接状态。",
        ),
        w(
            "See who sent the RST and what came before it; pings keep middleboxes from forgetting.",
            "看是谁发的 RST、之前发生了什么；用 ping 可以防止中间设备遗忘连接。",
        ),
        SEES_1006,
    ),
    row(
        "tcp-reset-ignored",
        w(
            "A RST outside the window: its receiver ignores it, and so does wslens.",
            "窗口之外的 RST：接收方会忽略它，wslens 也忽略。",
        ),
        w(
            "A late RST of an earlier connection, or somebody who guesses sequence numbers.",
            "来自先前连接的迟到 RST，或有人在猜测序列号。",
        ),
        w("Nothing: the connection goes on.", "不用处理：连接继续。"),
        UNSEEN,
    ),
    row(
        "tcp-fin-ignored",
        w(
            "A FIN that its receiver did not take: it acknowledged bytes behind it.",
            "接收方没有接受的 FIN：它确认了 FIN 之后的字节。",
        ),
        w(
            "Somebody who wants an observer to believe that the side has finished, or a FIN with an acknowledgment number outside the window.",
            "有人想让观察者以为这一端已经结束，或者 FIN 的确认号落在窗口之外。",
        ),
        w("See whether the FIN really comes from that host.", "查看这个 FIN 是否真的来自那台主机。"),
        UNSEEN,
    ),
    row(
        "tcp-ack-missing",
        w(
            "A segment without ACK on an open connection: its receiver drops it, and so does wslens.",
            "已建立的连接上没有 ACK 标志的报文段：接收方会丢弃它，wslens 也丢弃。",
        ),
        w(
            "Somebody who wants an observer to read other bytes than the receiver.",
            "有人想让观察者读到与接收方不同的字节。",
        ),
        w("See whether the segment really comes from that host.", "查看这个报文段是否真的来自那台主机。"),
        UNSEEN,
    ),
    row(
        "tcp-data-after-fin",
        w("Bytes past a FIN's sequence number.", "在 FIN 的序列号之后还有字节。"),
        w("A broken sender, or forged segments.", "发送方有缺陷，或报文段是伪造的。"),
        w("See whether the segments really come from that host.", "查看这些报文段是否真的来自那台主机。"),
        w("A receiver ignores them.", "接收方会忽略它们。"),
    ),
    row(
        "tcp-data-after-reset",
        w(
            "A side went on after a RST (forged or late).",
            "RST 之后仍有一方继续发送（RST 是伪造的或迟到的）。",
        ),
        w("The RST may be forged: the peers did not believe it.", "RST 可能是伪造的：两端都没有理会。"),
        w(
            "Look for a device on the path that sends resets; compare TTL and sequence numbers.",
            "查找路径上是否有设备在发 RST；比较 TTL 和序列号。",
        ),
        w(
            "A receiver that took the RST answers further data with a RST of its own.",
            "接受了 RST 的一方，对后来的数据会再回 RST。",
        ),
    ),
    row(
        "tcp-port-reuse",
        w(
            "A new connection on the same four-tuple was split off.",
            "同一组地址和端口上出现了新连接，已分开处理。",
        ),
        w("Normal for clients that reconnect fast from a fixed port.", "客户端用固定端口快速重连时很正常。"),
        w("Nothing; count the connections apart.", "不用处理；它们是两个连接，分开计算即可。"),
        IGNORES,
    ),
    row(
        "tcp-split-handshake",
        w("Simultaneous or split open.", "同时打开，或分开的三次握手。"),
        w("Rare; some scanners and tests do it on purpose.", "少见；有些扫描器和测试会故意这样做。"),
        w(
            "See whether the one taken for the client really is the client.",
            "确认被当作客户端的一方确实是客户端。",
        ),
        IGNORES,
    ),
    row(
        "captured-twice",
        w(
            "Packets are in the capture twice, with the same IP identification and the same bytes. They are copies made by capturing, no retransmissions, and are not read again.",
            "有些数据包在抓包里出现两次，IP 标识和字节都相同。它们是抓包造成的副本，不是重传，不会再读一遍。",
        ),
        w(
            "The interface 'any' sees a packet on a bridge and on its port; a mirror port sends both directions twice; two capture points or two files were merged.",
            "接口 any 在网桥和它的端口上都看到同一个数据包；镜像端口把两个方向都发了两次；或者合并了两个抓包点、两个文件。",
        ),
        w(
            "Nothing: the copies change no result. To avoid them, capture on one interface, or run editcap -d.",
            "不用处理：副本不影响结果。要避免它们，只在一个接口上抓包，或运行 editcap -d。",
        ),
        UNSEEN,
    ),
];
