//! The rules of TCP as a capture shows it (RFC 9293).

use crate::model::{both, peer};

crate::rules! {
    TCP_RETRANSMISSION = "tcp-retransmission" Info "RFC 9293 §3.8" {
        summary: "A segment was retransmitted with the same bytes.",
            "一个报文段被重传，内容相同。";
        causes: both(
            "Packets were lost or delayed between the capture point and the receiver, or the capture contains each packet twice.",
            "抓包点与接收方之间有丢包或延迟，或者每个包被抓了两次。",
        );
        remedy: both(
            "A few are normal. Many slow the connection down: check the network path, not WebSocket.",
            "少量属于正常。大量重传会拖慢连接：问题在网络路径，不在 WebSocket。",
        );
        peer: peer::TCP_REPAIRS;
    }

    CAPTURED_TWICE = "captured-twice" Info "-" {
        summary: "Packets occur twice in the capture, with the same IP identification and the same bytes. They are copies made while capturing, not retransmissions; wslens ignores them.",
            "有些数据包在抓包中出现两次，IP 标识和字节都相同。它们是抓包造成的副本，不是重传；wslens 会忽略它们。";
        causes: both(
            "The interface 'any' sees a packet on a bridge and again on its port, a mirror port sends packets twice, or files from two capture points were merged.",
            "接口 any 在网桥和它的端口上都看到同一个数据包；镜像端口把两个方向都发了两次；或者合并了两个抓包点、两个文件。",
        );
        remedy: both(
            "Nothing; the copies do not change any result. To avoid them, capture on one interface, or run editcap -d.",
            "不用处理：副本不影响结果。要避免它们，只在一个接口上抓包，或运行 editcap -d。",
        );
        peer: peer::UNSEEN;
    }

    TCP_OUT_OF_ORDER = "tcp-out-of-order" Info "RFC 9293 §3.10" {
        summary: "A segment arrived out of order, before bytes that precede it.",
            "一个报文段先于它前面的字节到达。";
        causes: both("Packets take several paths or queues.", "存在多条路径或多个队列。");
        remedy: both("Nothing; wslens reassembles the stream in order.", "不用处理：流在读取之前已重新排好序。");
        peer: peer::TCP_REPAIRS;
    }

    TCP_OVERLAP_CONFLICT = "tcp-overlap-conflict" Error "RFC 9293 §3.10; Ptacek & Newsham 1998" {
        summary: "Segments carry different bytes for the same sequence numbers, so the receiver may have read a different message. wslens uses the first copy and keeps the other.",
            "相同的序列号对应不同的字节，因此接收方读到的消息可能不同。wslens 采用先到的一份，并保留另一份。";
        causes: both(
            "A middlebox is faulty, a packet is damaged, or an attacker wants an observer to read different bytes than the receiver.",
            "有故障的中间设备、损坏的数据包，或有人想让观察者与接收方读到不同的字节。",
        );
        remedy: both(
            "Compare both copies, and capture at the receiver to see which one it read.",
            "比较两份内容；在接收方抓包，看它实际读到什么。",
        );
        peer: both("Which copy the receiver uses depends on its TCP implementation.", "接收方取哪一份，取决于它的 TCP 实现。");
    }

    TCP_GAP = "tcp-gap" Error "RFC 9293" {
        summary: "Bytes of the stream are missing from the capture; the finding gives their number and position.",
            "抓包中缺少流的一些字节；发现中给出数量和位置。";
        causes: both(
            "The capture lost packets, or began or ended during the connection.",
            "抓包丢了数据包，或在中途开始、中途结束。",
        );
        remedy: both(
            "Check the drop counters and capture again. The receiver got these bytes if it acknowledged them.",
            "查看丢包计数，重新抓包。如果接收方确认过，这些字节它是收到了的。",
        );
        peer: peer::UNSEEN;
    }

    TCP_MIDSTREAM = "tcp-midstream" Warning "-" {
        summary: "The connection began before the capture: its SYN and its opening handshake were not captured.",
            "连接在抓包之前已建立：没有抓到 SYN 和握手。";
        causes: both("The capture started while the connection was open.", "在连接已经打开时才开始抓包。");
        remedy: both(
            "Start the capture before the connection, or reconnect while capturing.",
            "在连接之前开始抓包，或在抓包时重新连接。",
        );
        peer: peer::UNSEEN;
    }

    TCP_ONE_DIRECTION = "tcp-one-direction" Warning "-" {
        summary: "Only one side of the connection was captured.",
            "只抓到了连接的一个方向。";
        causes: both(
            "Routing is asymmetric, or a mirror port copies only one direction.",
            "路由不对称，或镜像端口只复制一个方向。",
        );
        remedy: both(
            "Capture on one of the two machines, or mirror both directions.",
            "在两端之一的机器上抓包，或让镜像端口复制两个方向。",
        );
        peer: peer::UNSEEN;
    }

    TCP_KEEP_ALIVE = "tcp-keep-alive" Info "RFC 9293 §3.8.4" {
        summary: "A TCP keep-alive probe: a segment with 0 or 1 old bytes just below the next sequence number.",
            "保活探测（比下一个序列号小一，带 0 或 1 个旧字节）。";
        causes: both("Normal on idle connections.", "空闲连接上的正常现象。");
        remedy: both(
            "Nothing. It keeps only TCP alive; proxies that inspect WebSocket need pings.",
            "不用处理。它只维持 TCP：会看 WebSocket 的代理还需要 ping。",
        );
        peer: both("The peer's TCP acknowledges it.", "对端的 TCP 回一个确认。");
    }

    TCP_ZERO_WINDOW = "tcp-zero-window" Info "RFC 9293 §3.8.6" {
        summary: "The receiver closed its window, so the sender cannot send.",
            "接收方的窗口为零，发送方无法继续发送。";
        causes: both("The receiving application does not read fast enough.", "接收方的应用读得不够快。");
        remedy: both(
            "Look for a slow consumer, such as a blocked event loop or a long queue behind it.",
            "查找读得慢的一方：事件循环被阻塞，或后面的队列处理不过来。",
        );
        peer: both("The sender waits and probes the window.", "发送方必须等待，并探测窗口何时打开。");
    }

    TCP_WINDOW_PROBE = "tcp-window-probe" Info "RFC 9293 §3.8.6.1" {
        summary: "The sender probes whether the receive window is still closed.",
            "发送方询问接收窗口是否仍为零（零窗口探测）。";
        causes: both(
            "This is normal while the window is closed because the receiving application does not read.",
            "窗口为零期间的正常现象：接收方的应用没有读取数据。",
        );
        remedy: both(
            "Find out why the receiver does not read (see tcp-zero-window).",
            "查明接收方为什么不读；见 tcp-zero-window。",
        );
        peer: both("The receiver replies with its window size.", "接收方回复它当前的窗口大小。");
    }

    TCP_URGENT = "tcp-urgent" Warning "RFC 6093" {
        summary: "A segment has the URG flag. wslens keeps the urgent byte in the stream; the receiver may remove it.",
            "报文段带有 URG 标志。wslens 把紧急字节保留在流中；接收方可能把它取出。";
        causes: both(
            "WebSocket peers do not send urgent data: a device is faulty, or this is an attempt to mislead an observer.",
            "WebSocket 两端都不会发紧急数据：多半是设备故障，或有人想误导观察者。",
        );
        remedy: both(
            "Do not trust the frames after it; the observer and the receiver may read different bytes.",
            "之后的帧要存疑：观察者与接收方读到的字节可能不同。",
        );
        peer: both(
            "Systems differ: some deliver the byte in the stream, others out of band.",
            "各系统不同：有的留在流中，有的作为带外数据取出。",
        );
    }

    TCP_SYN_DATA = "tcp-syn-data" Info "RFC 7413" {
        summary: "The SYN carries data (TCP Fast Open).",
            "SYN 里带有数据（TCP Fast Open）。";
        causes: both("Both sides use TCP Fast Open.", "两端都启用了 Fast Open。");
        remedy: both("Nothing; it saves one round trip.", "不用处理：它省去一次往返。");
        peer: peer::IGNORES;
    }

    TCP_RESET = "tcp-reset" Warning "RFC 9293 §3.5.2" {
        summary: "The connection was reset without a closing handshake.",
            "连接被重置，没有经过关闭握手。";
        causes: both(
            "A process crashed, a socket was closed with unread data, or a middlebox dropped the connection from its table.",
            "进程崩溃、套接字里还有未读数据就被关闭，或中间设备丢了连接状态。",
        );
        remedy: both(
            "Check who sent the RST and what came before it. Pings keep middleboxes from dropping idle connections.",
            "看是谁发的 RST、之前发生了什么；用 ping 可以防止中间设备遗忘连接。",
        );
        peer: peer::SEES_1006;
    }

    TCP_RESET_IGNORED = "tcp-reset-ignored" Info "RFC 9293 §3.10.7.4; RFC 5961 §3" {
        summary: "A RST is outside the window; the receiver ignores it, and so does wslens.",
            "窗口之外的 RST：接收方会忽略它，wslens 也忽略。";
        causes: both(
            "A late RST from an earlier connection, or an attacker who guesses sequence numbers.",
            "来自先前连接的迟到 RST，或有人在猜测序列号。",
        );
        remedy: both("Nothing; the connection continues.", "不用处理：连接继续。");
        peer: peer::UNSEEN;
    }

    TCP_FIN_IGNORED = "tcp-fin-ignored" Warning "RFC 9293 §3.10.7.4; RFC 5961 §5" {
        summary: "The receiver did not accept a FIN: it acknowledged bytes after it.",
            "接收方没有接受的 FIN：它确认了 FIN 之后的字节。";
        causes: both(
            "An attacker wants an observer to believe that the side has finished, or the FIN has an acknowledgment number outside the window.",
            "攻击者想让观察者以为这一端已经结束，或 FIN 的确认号在窗口之外。",
        );
        remedy: both("Check whether the FIN really comes from that host.", "查看这个 FIN 是否真的来自那台主机。");
        peer: peer::UNSEEN;
    }

    TCP_ACK_MISSING = "tcp-ack-missing" Warning "RFC 9293 §3.10.7.4" {
        summary: "A segment without ACK arrived on an open connection; the receiver drops it, and so does wslens.",
            "已建立的连接上没有 ACK 标志的报文段：接收方会丢弃它，wslens 也丢弃。";
        causes: both(
            "An attacker wants an observer to read different bytes than the receiver.",
            "有人想让观察者读到与接收方不同的字节。",
        );
        remedy: both("Check whether the segment really comes from that host.", "查看这个报文段是否真的来自那台主机。");
        peer: peer::UNSEEN;
    }

    TCP_DATA_AFTER_FIN = "tcp-data-after-fin" Warning "RFC 9293 §3.6" {
        summary: "A side sent bytes beyond the sequence number of its FIN.",
            "在 FIN 的序列号之后还有字节。";
        causes: both("The sender is faulty, or the segments are forged.", "发送方有缺陷，或报文段是伪造的。");
        remedy: both("Check whether the segments really come from that host.", "查看这些报文段是否真的来自那台主机。");
        peer: both("The receiver ignores them.", "接收方会忽略它们。");
    }

    TCP_DATA_AFTER_RESET = "tcp-data-after-reset" Warning "RFC 9293 §3.5.2" {
        summary: "A side continued to send after a RST, which is forged or late.",
            "RST 之后仍有一方继续发送（RST 是伪造的或迟到的）。";
        causes: both("The RST may be forged; the peers ignored it.", "RST 可能是伪造的：两端都没有理会。");
        remedy: both(
            "Look for a device on the path that sends RSTs; compare TTL and sequence numbers.",
            "查找路径上是否有设备在发 RST；比较 TTL 和序列号。",
        );
        peer: both(
            "A receiver that accepted the RST replies to further data with its own RST.",
            "接受了 RST 的一方，对后来的数据会再回 RST。",
        );
    }

    TCP_PORT_REUSE = "tcp-port-reuse" Info "RFC 6191" {
        summary: "A new connection reuses the addresses and ports of an earlier one.",
            "新连接使用了先前连接的地址和端口。";
        causes: both(
            "This is normal for clients that reconnect quickly from a fixed port.",
            "客户端用固定端口快速重连时很正常。",
        );
        remedy: both("Nothing; wslens shows two connections.", "不用处理；wslens 显示为两个连接。");
        peer: peer::IGNORES;
    }

    TCP_SPLIT_HANDSHAKE = "tcp-split-handshake" Info "RFC 9293 §3.5" {
        summary: "TCP was opened simultaneously, or with a split handshake.",
            "同时打开，或分开的三次握手。";
        causes: both("This is rare; some scanners and tests do it on purpose.", "少见；有些扫描器和测试会故意这样做。");
        remedy: both("Check that wslens identified the client correctly.", "确认被当作客户端的一方确实是客户端。");
        peer: peer::IGNORES;
    }
}
