//! Findings about frames.

use super::{FAILS, RuleWords, SEES_1006, UNSEEN, row, w};

pub(super) const ALL: &[RuleWords] = &[
    row(
        "reserved-bit-set",
        w("RSV bit set without an extension that defines it.", "RSV 位被置位，却没有定义它的扩展。"),
        w(
            "A peer compresses although permessage-deflate was not agreed on, or framing is not where it seems to be.",
            "没有协商 permessage-deflate 却用了压缩，或帧的边界并不在看上去的位置。",
        ),
        w(
            "Compare with the extensions in the handshake; a proxy may have dropped the header.",
            "与握手里的扩展对照；可能是代理丢了那个头。",
        ),
        FAILS,
    )
    .server("c1 05 48 65 6c 6c 6f"),
    row(
        "rsv1-on-control-frame",
        w(
            "RSV1 on a control frame although permessage-deflate is in use.",
            "已启用 permessage-deflate，但控制帧上置了 RSV1。",
        ),
        w("The sender sets the bit on every frame: its compression layer is wrong.", "发送方给每个帧都置这一位：它的压缩层写错了。"),
        w("Set RSV1 on the first frame of compressed data messages only.", "只在压缩过的数据消息的第一个帧上置 RSV1。"),
        FAILS,
    )
    .deflate("c9 02 68 69"),
    row(
        "rsv1-on-continuation",
        w("RSV1 on a continuation frame.", "延续帧上置了 RSV1。"),
        w("The sender marks every fragment as compressed.", "发送方把每个分片都标成压缩。"),
        w("Clear the bit: only the first fragment carries RSV1.", "清除这一位：只有第一个分片带 RSV1。"),
        w("Many receivers close with 1002.", "许多接收方以 1002 关闭。"),
    )
    .deflate("41 03 f2 48 cd c0 04 c9 c9 07 00"),
    row(
        "reserved-opcode",
        w("Opcode 3-7 or 11-15.", "操作码为 3-7 或 11-15。"),
        w(
            "Framing was lost before, bytes that are no WebSocket, or a home-made protocol.",
            "之前已丢失帧的边界、字节根本不是 WebSocket，或是自造的协议。",
        ),
        w("No extension defines these opcodes: use 1 or 2 for data.", "没有扩展定义过这些操作码：数据请用 1 或 2。"),
        FAILS,
    )
    .server("83 05 48 65 6c 6c 6f"),
    row(
        "fragmented-control-frame",
        w("Control frame with FIN=0.", "控制帧的 FIN 为 0。"),
        w("The sender fragments everything, control frames too.", "发送方把所有帧都分片，连控制帧也不例外。"),
        w("Send a control frame whole, with FIN=1.", "控制帧要整个发送，FIN 为 1。"),
        FAILS,
    )
    .server("09 02 68 69"),
    row(
        "control-frame-too-long",
        w("Control frame payload over 125 bytes.", "控制帧的载荷超过 125 字节。"),
        w("A close reason that is too long, or data put into a ping.", "关闭原因太长，或把数据塞进了 ping。"),
        w("Shorten it to 125 bytes (123 for a reason).", "缩短到 125 字节以内（关闭原因为 123 字节）。"),
        FAILS,
    ),
    row(
        "unexpected-continuation",
        w("Continuation with no message open.", "没有未完的消息，却来了延续帧。"),
        w("The sender began with opcode 0, or ended the message before.", "发送方一开始就用操作码 0，或消息其实已经结束。"),
        w("Begin a message with opcode 1 or 2, go on with 0, end with FIN=1.", "消息以操作码 1 或 2 开头，用 0 延续，以 FIN=1 结束。"),
        FAILS,
    )
    .server("80 02 68 69"),
    row(
        "interleaved-data-frame",
        w("New data frame while a fragmented message is open.", "分片消息还没结束，就来了新的数据帧。"),
        w("Two writers share a connection without a lock.", "两个写入方共用一个连接而没有加锁。"),
        w(
            "Let one writer send at a time: only control frames may come between fragments.",
            "同一时间只让一方写：分片之间只能插入控制帧。",
        ),
        FAILS,
    )
    .server("01 02 48 65 81 02 68 69"),
    row(
        "non-minimal-length",
        w("Payload length not in its shortest form.", "载荷长度没有用最短的形式。"),
        w("The sender's encoder picks the wrong length form.", "发送方的编码器选错了长度形式。"),
        w("Use 7 bits up to 125, 16 bits up to 65535, 64 bits beyond.", "125 以内用 7 位，65535 以内用 16 位，更大才用 64 位。"),
        w(
            "Strict receivers fail the connection (1002); others take it.",
            "严格的接收方让连接失败（1002）；其他的照样接受。",
        ),
    )
    .server("81 7e 00 05 48 65 6c 6c 6f"),
    row(
        "length-msb-set",
        w("64-bit length with the top bit set; no byte is reserved for it.", "64 位长度的最高位为 1；没有为它分配任何内存。"),
        w("A negative number was written as the length, or framing was lost before.", "把负数写成了长度，或之前已丢失帧的边界。"),
        w("Nothing after it can be framed: look at the frames before.", "之后的内容无法再分帧：请看前面的帧。"),
        FAILS,
    )
    .server("82 7f 80 00 00 00 00 00 00 01"),
    row(
        "unmasked-client-frame",
        w("Client frame without mask.", "客户端的帧没有掩码。"),
        w("A hand-written client, or a tunnel that leaves masking out on purpose.", "手写的客户端，或某些隧道故意省略掩码。"),
        w("Mask every frame from client to server, with a new random key each.", "客户端发出的每个帧都加掩码，并且每帧换一个随机键。"),
        w(
            "A server must close the connection, and may say 1002.",
            "服务器必须关闭连接，可以带 1002。",
        ),
    )
    .client("81 05 48 65 6c 6c 6f"),
    row(
        "masked-server-frame",
        w("Server frame with mask.", "服务器的帧带有掩码。"),
        w("The server uses client code to send.", "服务器用了客户端的代码来发送。"),
        w("Send frames to the client without a mask.", "发给客户端的帧不要加掩码。"),
        w("A client must close the connection, and may say 1002.", "客户端必须关闭连接，可以带 1002。"),
    )
    .server("81 85 37 fa 21 3d 7f 9f 4d 51 58"),
    row(
        "weak-masking-key",
        w("Masking key zero or the same in many frames of a connection.", "掩码键为零，或在一个连接的许多帧里都相同。"),
        w("A client that saves time or uses a constant; common in test tools.", "客户端为了省事用了固定值；测试工具里常见。"),
        w("Draw each key from a strong random source.", "每个键都取自可靠的随机源。"),
        w(
            "Receivers take it. But a script can then choose the bytes on the wire, and fool a careless proxy.",
            "接收方照样接受。但这样一来，脚本就能决定线路上的字节，骗过粗心的代理。",
        ),
    )
    .client("81 85 00 00 00 00 48 65 6c 6c 6f"),
    row(
        "not-a-frame",
        w("Bytes of something else where a frame should begin.", "本应是帧开头的地方，却是别的字节。"),
        w(
            "A proxy or an error handler writes HTTP to a connection that is a WebSocket by now, a program prints text \
             into it, or the server sends its frames in HTTP chunks.",
            "代理或错误处理程序往已经是 WebSocket 的连接里写了 HTTP，程序把文本打印到了连接里，或服务器把帧放在 HTTP 分块里发送。",
        ),
        w(
            "Find out who writes these bytes: the text in the finding often says so. Behind the 101, only frames may be sent.",
            "找出是谁写了这些字节：发现里的文本往往已经说明。101 之后只能发送帧。",
        ),
        w(
            "Receivers fail the connection (1002): browsers say \"Invalid frame header\" or that reserved bits must be clear.",
            "接收方使连接失败（1002）：浏览器会报“Invalid frame header”或保留位必须为零。",
        ),
    ),
    row(
        "wrong-length-encoding",
        w("Frame whose length only makes sense in another encoding.", "帧的长度只有按另一种编码才说得通。"),
        w(
            "The sender writes an extended length with its least significant byte first, or a length over 125 into the seven bits.",
            "发送方把扩展长度的低位字节写在前面，或把大于 125 的长度写进了 7 位里。",
        ),
        w(
            "Write lengths up to 125 into the seven bits, up to 65535 as 126 and two bytes, others as 127 and eight bytes, \
             in network byte order.",
            "不超过 125 的长度写在 7 位里，不超过 65535 的写成 126 加两个字节，其余写成 127 加八个字节，均为网络字节序。",
        ),
        w(
            "Receivers wait for bytes that never come, or take the payload's bytes for frames and fail the connection.",
            "接收方会一直等待不会到来的字节，或把载荷当成帧而使连接失败。",
        ),
    ),
    row(
        "incomplete-frame",
        w("The stream ended inside a frame.", "流在一个帧的中间结束。"),
        w("The sender died, the connection was cut, or the capture stopped here.", "发送方崩溃、连接被切断，或抓包到此为止。"),
        w("See how TCP ended: with FIN, RST, or not at all.", "看 TCP 如何结束：FIN、RST，还是根本没有结束。"),
        SEES_1006,
    ),
    row(
        "incomplete-message",
        w("The stream ended inside a fragmented message.", "流在一个分片消息的中间结束。"),
        w("The last fragment (FIN=1) never came.", "最后一个分片（FIN=1）始终没有来。"),
        w("See how the connection ended, and whether the sender forgets FIN.", "看连接如何结束，以及发送方是否忘了 FIN。"),
        w("The receiving application never sees this message.", "接收方的应用永远看不到这条消息。"),
    ),
    row(
        "desynchronised",
        w(
            "Framing is lost after a gap or garbage; skipped bytes are counted and shown raw.",
            "在缺口或乱码之后丢失了帧的边界；跳过的字节会计数并原样显示。",
        ),
        w("The capture lost packets, or the bytes are no WebSocket.", "抓包丢了数据包，或字节不是 WebSocket。"),
        w(
            "Capture without loss (see the capture's drop counters) to read what follows.",
            "想读到后面的内容，请不丢包地重新抓包（看丢包计数）。",
        ),
        UNSEEN,
    ),
];
